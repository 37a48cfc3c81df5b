// Small loops over runs of numbers: transposes, sums, scalings. Counts are multiples of the lanes.
#pragma once

namespace pellucid::PELLUCID_ISA {

template <class T>
static void transpose_blocks(const T* from, std::ptrdiff_t from_stride, T* to, std::ptrdiff_t to_stride,
                             std::ptrdiff_t rows, std::ptrdiff_t columns) {
    constexpr int lanes = Vec<T>::lanes;
    for (std::ptrdiff_t r = 0; r < rows; r += lanes)
        for (std::ptrdiff_t c = 0; c < columns; c += lanes) {
            Vec<T> block[lanes];
            for (int q = 0; q < lanes; ++q) {
                const std::ptrdiff_t row = r + q < rows ? r + q : rows - 1;
                block[q] = Vec<T>::load(from + row * from_stride + c);
            }
            transpose(block);
            for (int q = 0; q < lanes; ++q) block[q].store(to + (c + q) * to_stride + r);
        }
}

template <class T>
static void column_sums(const T* rows, std::ptrdiff_t stride, std::ptrdiff_t count, std::ptrdiff_t columns, T* sums,
                        bool add) {
    using V = Vec<T>;
    constexpr int lanes = V::lanes;
    for (std::ptrdiff_t c = 0; c < columns; c += lanes) {
        V part[4] = {V::zero(), V::zero(), V::zero(), V::zero()};
        std::ptrdiff_t r = 0;
        for (; r + 4 <= count; r += 4)
            for (int q = 0; q < 4; ++q) part[q] = part[q] + V::load(rows + (r + q) * stride + c);
        for (; r < count; ++r) part[0] = part[0] + V::load(rows + r * stride + c);
        const V total = (part[0] + part[1]) + (part[2] + part[3]);
        (add ? V::load(sums + c) + total : total).store(sums + c);
    }
}

template <class T>
static T dot(const T* a, const T* b, std::size_t count) {
    using V = Vec<T>;
    V total = V::zero();
    for (std::size_t c = 0; c < count; c += V::lanes)
        total = b ? fma(V::load(a + c), V::load(b + c), total) : total + V::load(a + c);
    return sum(total);
}

template <class T>
static void multiply(T* a, const T* by, std::size_t count) {
    for (std::size_t c = 0; c < count; c += Vec<T>::lanes) (Vec<T>::load(a + c) * Vec<T>::load(by + c)).store(a + c);
}

template <class T>
static void add(T* a, const T* other, std::size_t count) {
    for (std::size_t c = 0; c < count; c += Vec<T>::lanes) (Vec<T>::load(a + c) + Vec<T>::load(other + c)).store(a + c);
}

template <class T>
static double largest_of(const T* x, std::size_t count) {
    using V = Vec<T>;
    V most = V::zero(), odd = V::zero();
    for (std::size_t c = 0; c < count; c += V::lanes) {
        const V own = V::load(x + c);
        most = max(most, abs(own));
        odd = fma(own, V::zero(), odd);
    }
    const T check = sum(odd);
    return check == 0 ? static_cast<double>(largest(most)) : static_cast<double>(check);
}

template <class T>
static double square_sum(const T* x, std::size_t count, T scale) {
    using V = Vec<T>;
    V total = V::zero();
    for (std::size_t c = 0; c < count; c += V::lanes) {
        const V own = V::load(x + c) * V::set(scale);
        total = fma(own, own, total);
    }
    return static_cast<double>(sum(total));
}

// Fused multiply-adds on registers alone, in as many independent chains as hide their latency.
template <class T>
static double peak(std::size_t rounds) {
    using V = Vec<T>;
    constexpr int chains = 12;
    V x[chains];
    for (int q = 0; q < chains; ++q) x[q] = V::set(T(q) / chains);
    const V scale = V::set(T(0.5)), shift = V::set(T(0.25));
    for (std::size_t r = 0; r < rounds; ++r)
        for (int q = 0; q < chains; ++q) x[q] = fma(x[q], scale, shift);
    V total = V::zero();
    for (int q = 0; q < chains; ++q) total = total + x[q];
    const double operations = 2.0 * chains * V::lanes * static_cast<double>(rounds);
    return sum(total) > 0 ? operations : 0;  // the sum must be computed, or the loop would not be
}

}  // namespace pellucid::PELLUCID_ISA
