// What every instruction set provides: the inner loops, as a table of functions.
//
// Each isa_*.cpp compiles the same sources with its own flags into one such table. Everything above them (the order of
// the steps, threads, memory) is compiled once, for the least machine.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tables.hpp"

namespace pellucid {

enum class Start : int { zero, add, bias_of_column, bias_of_row };

// What becomes of the sum: C, C times what it held, or a step of gradient descent down from what it held.
enum class Finish : int { store, times_old, descend };

// C[m][n] = start + Σ_p S[m·s_row + p·s_column] V[p·v_stride + n]; columns is a multiple of the lanes.
template <class T>
struct Product {
    std::ptrdiff_t rows, columns, terms;
    const T* S;
    std::ptrdiff_t s_row, s_column;
    const T* V;
    std::ptrdiff_t v_stride;
    T* C;
    std::ptrdiff_t c_stride;
    Start start = Start::zero;
    const T* bias = nullptr;
    Finish finish = Finish::store;
    T rate = 0;
};

// Step 3 for a block of samples, which lie side by side in the lanes: arrays are [n_F][stride].
template <class T>
struct Output {
    Activation activation;
    Loss loss;
    T activation_setting;
    const T* loss_settings;  // one for all neurons, or one for each, again and again
    std::ptrdiff_t loss_setting_count;
    std::ptrdiff_t neurons, samples, stride;  // samples: a multiple of the lanes
    const T* z;
    T* a;
    const T* y;      // nullptr: activations alone
    const T* share;  // what each sample's d is multiplied by; 0 for lanes beyond the last sample
    T* d;            // nullptr: losses alone
    T* losses;       // L_i of each sample
};

// One step of an optimizer over a run of parameters.
template <class T>
struct Update {
    Optimizer optimizer;
    bool nesterov;
    T rate;        // η, for Adam already over 1 - β1^t
    T keep1;       // momentum, β1
    T add1;        // 1 - β1
    T keep2;       // β2, α
    T add2;        // 1 - β2, 1 - α
    T root_scale;  // 1/√(1 - β2^t)
    T epsilon;
    T decay;       // η λ of AdamW
    T l2, l1;
    T clip = 1;    // what the gradient is multiplied by
};

// Σ w², Σ |w| of the parameters before the step, and whether every partial was finite.
struct Seen {
    double squares = 0, magnitudes = 0;
    bool finite = true;
};

template <class T>
struct Kernels {
    int lanes, tile_rows, tile_vectors;
    void (*product)(const Product<T>&);
    void (*activate)(Activation, T setting, const T* z, T* a, T* slope, std::size_t count);
    void (*output)(const Output<T>&);
    Seen (*update)(const Update<T>&, T* theta, const T* gradient, T* first, T* second, std::size_t count, bool weights);
    // to[c][r] = from[r][c] for whole squares of lanes x lanes.
    void (*transpose)(const T* from, std::ptrdiff_t from_stride, T* to, std::ptrdiff_t to_stride, std::ptrdiff_t rows,
                      std::ptrdiff_t columns);
    void (*column_sums)(const T* rows, std::ptrdiff_t stride, std::ptrdiff_t count, std::ptrdiff_t columns, T* sums,
                        bool add);
    T (*dot)(const T* a, const T* b, std::size_t count);  // Σ a if b is null
    Seen (*penalise)(const T* theta, T* gradient, T l2, T l1, std::size_t count);
    void (*multiply)(T* a, const T* by, std::size_t count);
    void (*add)(T* a, const T* other, std::size_t count);
    double (*largest)(const T*, std::size_t count);       // max |x|, NaN if any is NaN
    double (*square_sum)(const T*, std::size_t count, T scale);  // Σ (x·scale)²
    // For the tests: a function of mathematics over an array.
    bool (*evaluate)(const char* name, const T* x, T* result, std::size_t count);
    double (*peak)(std::size_t rounds);  // FMA operations done, for benchmarks
};

struct InstructionSet {
    const char* name;
    Kernels<float> single_precision;
    Kernels<double> double_precision;
};

}  // namespace pellucid
