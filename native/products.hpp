// The one product that all steps are made of, in register tiles.
//
//     C[m][n] = start + Σ_p S[m·row + p·column] V[p·v_stride + n]
//
// or that times what C held, or C less a rate times that.
//
// S is read one number at a time and broadcast, V a vector at a time along n. With samples i, neurons j of layer l and
// k of layer l-1 it is
//     feedforward     z[i][j] = b[j] + Σ_k a[i][k] Wᵀ[k][j]
//     (2)             d[i][k] = (Σ_j d[i][j] W[j][k]) · σ'[i][k]
//     (3)             g[k][j] = Σ_i a[i][k] d[i][j]
#pragma once

namespace pellucid::PELLUCID_ISA {

// R rows times N vectors in registers, starting from the numbers at `begin`. Few accumulators would wait for each other's
// latency, so the sum over p is then split in U interleaved ones, added at the end.
template <class T, int R, int N, int U>
static PELLUCID_INLINE void tile(const Product<T>& job, const T* S, const T* V, T* C, const T* begin,
                                 std::ptrdiff_t begin_stride) {
    using Vector = Vec<T>;
    constexpr int lanes = Vector::lanes;
    Vector sum[U][R][N];
    for (int m = 0; m < R; ++m)
        for (int n = 0; n < N; ++n) sum[0][m][n] = Vector::load(begin + m * begin_stride + n * lanes);
    for (int u = 1; u < U; ++u)
        for (int m = 0; m < R; ++m)
            for (int n = 0; n < N; ++n) sum[u][m][n] = Vector::zero();
    const std::ptrdiff_t row = job.s_row, column = job.s_column, v_stride = job.v_stride;
    // Every third row has a pointer of its own and the next two are reached from it: R pointers would not fit in the
    // general registers.
    const T* s[(R + 2) / 3];
    for (int q = 0; q < (R + 2) / 3; ++q) s[q] = S + 3 * q * row;
    std::ptrdiff_t p = 0;
    for (; p + U <= job.terms; p += U) {
        for (int u = 0; u < U; ++u) {
            Vector v[N];
            for (int n = 0; n < N; ++n) v[n] = Vector::load(V + n * lanes);
            V += v_stride;
            for (int m = 0; m < R; ++m) {
                const Vector x = Vector::set(s[m / 3][(m % 3) * row]);
                for (int n = 0; n < N; ++n) sum[u][m][n] = fma(x, v[n], sum[u][m][n]);
            }
            for (int q = 0; q < (R + 2) / 3; ++q) s[q] += column;
        }
    }
    for (; p < job.terms; ++p) {
        for (int m = 0; m < R; ++m) {
            const Vector x = Vector::set(s[m / 3][(m % 3) * row]);
            for (int n = 0; n < N; ++n) sum[0][m][n] = fma(x, Vector::load(V + n * lanes), sum[0][m][n]);
        }
        V += v_stride;
        for (int q = 0; q < (R + 2) / 3; ++q) s[q] += column;
    }
    for (int u = U / 2; u > 0; u /= 2)
        for (int w = 0; w < u; ++w)
            for (int m = 0; m < R; ++m)
                for (int n = 0; n < N; ++n) sum[w][m][n] = sum[w][m][n] + sum[w + u][m][n];
    if (job.finish == Finish::descend) {
        const Vector rate = Vector::set(job.rate);
        for (int m = 0; m < R; ++m)
            for (int n = 0; n < N; ++n) {
                T* c = C + m * job.c_stride + n * lanes;
                fnma(rate, sum[0][m][n], Vector::load(c)).store(c);
            }
    } else if (job.finish == Finish::times_old) {
        for (int m = 0; m < R; ++m)
            for (int n = 0; n < N; ++n) {
                T* c = C + m * job.c_stride + n * lanes;
                (sum[0][m][n] * Vector::load(c)).store(c);
            }
    } else {
        for (int m = 0; m < R; ++m)
            for (int n = 0; n < N; ++n) sum[0][m][n].store(C + m * job.c_stride + n * lanes);
    }
}

template <class T, int R, int N>
static void rows_of_tile(const Product<T>& job, const T* S, const T* V, T* C, const T* begin,
                         std::ptrdiff_t begin_stride) {
    constexpr int accumulators = R * N;
    tile<T, R, N, accumulators >= 8 ? 1 : accumulators >= 4 ? 2 : 4>(job, S, V, C, begin, begin_stride);
}

// The tiles of 1 … R rows and N vectors, by the number of rows.
template <class T, int R, int N>
struct Tiles {
    static void run(int rows, const Product<T>& job, const T* S, const T* V, T* C, const T* begin,
                    std::ptrdiff_t begin_stride) {
        if (rows == R)
            rows_of_tile<T, R, N>(job, S, V, C, begin, begin_stride);
        else if constexpr (R > 1)
            Tiles<T, R - 1, N>::run(rows, job, S, V, C, begin, begin_stride);
    }
};

// A strip of N vectors: the rows in tiles of nearly equal height, so that no tile is a thin remainder.
template <class T, int N>
static void strip(const Product<T>& job, const T* V, T* C, const T* begin, std::ptrdiff_t begin_stride) {
    constexpr int most = Tile<T>::rows;
    const std::ptrdiff_t tiles = (job.rows + most - 1) / most;
    const std::ptrdiff_t low = job.rows / tiles, higher = job.rows % tiles;  // the first tiles have a row more
    const T* S = job.S;
    for (std::ptrdiff_t t = 0; t < tiles; ++t) {
        const std::ptrdiff_t rows = low + (t < higher);
        Tiles<T, most, N>::run(static_cast<int>(rows), job, S, V, C, begin, begin_stride);
        S += rows * job.s_row;
        C += rows * job.c_stride;
        begin += rows * begin_stride;
    }
}

template <class T, int N>
struct Strips {
    static void run(int vectors, const Product<T>& job, const T* V, T* C, const T* begin, std::ptrdiff_t begin_stride) {
        if (vectors == N)
            strip<T, N>(job, V, C, begin, begin_stride);
        else if constexpr (N > 1)
            Strips<T, N - 1>::run(vectors, job, V, C, begin, begin_stride);
    }
};

template <class T>
static void product(const Product<T>& job) {
    constexpr int lanes = Vec<T>::lanes, most = Tile<T>::vectors;
    alignas(64) static constexpr T zeros[lanes * most] = {};
    const std::ptrdiff_t vectors = job.columns / lanes;
    if (job.start == Start::bias_of_row)
        for (std::ptrdiff_t m = 0; m < job.rows; ++m)
            for (std::ptrdiff_t n = 0; n < vectors; ++n) Vec<T>::set(job.bias[m]).store(job.C + m * job.c_stride + n * lanes);
    for (std::ptrdiff_t n = 0; n < vectors; n += most) {
        const int width = static_cast<int>(vectors - n < most ? vectors - n : most);
        T* C = job.C + n * lanes;
        const T* begin = C;
        std::ptrdiff_t begin_stride = job.c_stride;
        if (job.start == Start::zero || job.start == Start::bias_of_column) {
            begin = job.start == Start::zero ? zeros : job.bias + n * lanes;
            begin_stride = 0;
        }
        Strips<T, most>::run(width, job, job.V + n * lanes, C, begin, begin_stride);
    }
}

}  // namespace pellucid::PELLUCID_ISA
