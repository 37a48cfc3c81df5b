// The functions of one instruction set as a table. Included once by each isa_*.cpp, which defines PELLUCID_ISA and has
// included its vectors.
#pragma once

#include "math.hpp"

#include "activations.hpp"
#include "outputs.hpp"
#include "products.hpp"
#include "updates.hpp"
#include "vectors.hpp"

namespace pellucid::PELLUCID_ISA {

static bool same_name(const char* a, const char* b) {
    while (*a && *a == *b) ++a, ++b;
    return *a == *b;
}

template <class T>
static bool evaluate(const char* name, const T* x, T* result, std::size_t count) {
    using V = Vec<T>;
    const auto each = [&](auto function) {
        for (std::size_t c = 0; c < count; c += V::lanes) function(V::load(x + c)).store(result + c);
        return true;
    };
    if (same_name(name, "exp")) return each([](V v) { return exp(v); });
    if (same_name(name, "expm1")) return each([](V v) { return expm1(v); });
    if (same_name(name, "log")) return each([](V v) { return log(v); });
    if (same_name(name, "log1p")) return each([](V v) { return log1p(v); });
    if (same_name(name, "normal_cdf")) return each([](V v) { return normal_cdf(v); });
    if (same_name(name, "softplus")) return each([](V v) { return softplus(v); });
    const auto first_of = [&](auto function) { return each([&](V v) { V a, s; function(v, a, s); return a; }); };
    const auto second_of = [&](auto function) { return each([&](V v) { V a, s; function(v, a, s); return s; }); };
    const auto tanh_pair = [](V v, V& a, V& s) { tanh_and_slope(v, a, s); };
    const auto sigmoid_pair = [](V v, V& a, V& s) { sigmoid_and_slope(v, a, s); };
    const auto circle_pair = [](V v, V& a, V& s) { sincos(v, a, s); };
    if (same_name(name, "tanh")) return first_of(tanh_pair);
    if (same_name(name, "tanh_slope")) return second_of(tanh_pair);
    if (same_name(name, "sigmoid")) return first_of(sigmoid_pair);
    if (same_name(name, "sigmoid_slope")) return second_of(sigmoid_pair);
    if (same_name(name, "sin")) return first_of(circle_pair);
    if (same_name(name, "cos")) return second_of(circle_pair);
    return false;
}

template <class T>
static constexpr Kernels<T> make_table() {
    return {Vec<T>::lanes,    Tile<T>::rows,  Tile<T>::vectors, product<T>,   activate<T>,   output<T>,
            update<T>,        transpose_blocks<T>, column_sums<T>, dot<T>,    penalise<T>,   multiply<T>,
            add<T>,           largest_of<T>,  square_sum<T>,    evaluate<T>,  peak<T>};
}

}  // namespace pellucid::PELLUCID_ISA
