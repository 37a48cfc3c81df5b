// Vectors of AVX2 with FMA: 8 floats or 4 doubles.
#pragma once

#include <immintrin.h>

#include "inline.hpp"

namespace pellucid::PELLUCID_ISA {

template <class T>
struct Vec;

// All bits of a lane are set where it is true.
struct MaskFloat {
    __m256 m;
};
struct MaskDouble {
    __m256d m;
};

template <>
struct Vec<float> {
    static constexpr int lanes = 8;
    using Mask = MaskFloat;
    __m256 v;
    static PELLUCID_INLINE Vec load(const float* p) { return {_mm256_loadu_ps(p)}; }
    PELLUCID_INLINE void store(float* p) const { _mm256_storeu_ps(p, v); }
    static PELLUCID_INLINE Vec set(float x) { return {_mm256_set1_ps(x)}; }
    static PELLUCID_INLINE Vec zero() { return {_mm256_setzero_ps()}; }
};

template <>
struct Vec<double> {
    static constexpr int lanes = 4;
    using Mask = MaskDouble;
    __m256d v;
    static PELLUCID_INLINE Vec load(const double* p) { return {_mm256_loadu_pd(p)}; }
    PELLUCID_INLINE void store(double* p) const { _mm256_storeu_pd(p, v); }
    static PELLUCID_INLINE Vec set(double x) { return {_mm256_set1_pd(x)}; }
    static PELLUCID_INLINE Vec zero() { return {_mm256_setzero_pd()}; }
};

template <class T>
struct Tile {
    static constexpr int rows = 6, vectors = 2;
};

#define PELLUCID_VECTOR(T, S, M, TOGGLE)                                                                               \
    static PELLUCID_INLINE Vec<T> operator+(Vec<T> a, Vec<T> b) { return {_mm256_add_##S(a.v, b.v)}; }                 \
    static PELLUCID_INLINE Vec<T> operator-(Vec<T> a, Vec<T> b) { return {_mm256_sub_##S(a.v, b.v)}; }                 \
    static PELLUCID_INLINE Vec<T> operator*(Vec<T> a, Vec<T> b) { return {_mm256_mul_##S(a.v, b.v)}; }                 \
    static PELLUCID_INLINE Vec<T> operator/(Vec<T> a, Vec<T> b) { return {_mm256_div_##S(a.v, b.v)}; }                 \
    static PELLUCID_INLINE Vec<T> operator-(Vec<T> a) { return {_mm256_xor_##S(a.v, _mm256_set1_##S(TOGGLE))}; }       \
    static PELLUCID_INLINE Vec<T> fma(Vec<T> a, Vec<T> b, Vec<T> c) { return {_mm256_fmadd_##S(a.v, b.v, c.v)}; }      \
    static PELLUCID_INLINE Vec<T> fnma(Vec<T> a, Vec<T> b, Vec<T> c) { return {_mm256_fnmadd_##S(a.v, b.v, c.v)}; }    \
    static PELLUCID_INLINE Vec<T> min(Vec<T> a, Vec<T> b) { return {_mm256_min_##S(a.v, b.v)}; }                       \
    static PELLUCID_INLINE Vec<T> max(Vec<T> a, Vec<T> b) { return {_mm256_max_##S(a.v, b.v)}; }                       \
    static PELLUCID_INLINE Vec<T> abs(Vec<T> a) { return {_mm256_andnot_##S(_mm256_set1_##S(TOGGLE), a.v)}; }          \
    static PELLUCID_INLINE Vec<T> sqrt(Vec<T> a) { return {_mm256_sqrt_##S(a.v)}; }                                    \
    static PELLUCID_INLINE Vec<T> copysign(Vec<T> size, Vec<T> sign) {                                                 \
        const auto bit = _mm256_set1_##S(TOGGLE);                                                                      \
        return {_mm256_or_##S(_mm256_and_##S(bit, sign.v), _mm256_andnot_##S(bit, size.v))};                           \
    }                                                                                                                  \
    static PELLUCID_INLINE M lt(Vec<T> a, Vec<T> b) { return {_mm256_cmp_##S(a.v, b.v, _CMP_LT_OQ)}; }                 \
    static PELLUCID_INLINE M le(Vec<T> a, Vec<T> b) { return {_mm256_cmp_##S(a.v, b.v, _CMP_LE_OQ)}; }                 \
    static PELLUCID_INLINE M gt(Vec<T> a, Vec<T> b) { return {_mm256_cmp_##S(a.v, b.v, _CMP_GT_OQ)}; }                 \
    static PELLUCID_INLINE M ge(Vec<T> a, Vec<T> b) { return {_mm256_cmp_##S(a.v, b.v, _CMP_GE_OQ)}; }                 \
    static PELLUCID_INLINE M eq(Vec<T> a, Vec<T> b) { return {_mm256_cmp_##S(a.v, b.v, _CMP_EQ_OQ)}; }                 \
    static PELLUCID_INLINE M operator&(M a, M b) { return {_mm256_and_##S(a.m, b.m)}; }                                \
    static PELLUCID_INLINE M operator|(M a, M b) { return {_mm256_or_##S(a.m, b.m)}; }                                 \
    static PELLUCID_INLINE M operator~(M a) {                                                                          \
        return {_mm256_andnot_##S(a.m, _mm256_cmp_##S(_mm256_setzero_##S(), _mm256_setzero_##S(), _CMP_EQ_OQ))};       \
    }                                                                                                                  \
    static PELLUCID_INLINE bool any(M a) { return _mm256_movemask_##S(a.m) != 0; }                                     \
    static PELLUCID_INLINE bool all(M a) { return _mm256_movemask_##S(a.m) == (1 << Vec<T>::lanes) - 1; }              \
    static PELLUCID_INLINE Vec<T> select(M m, Vec<T> a, Vec<T> b) { return {_mm256_blendv_##S(b.v, a.v, m.m)}; }       \
    static PELLUCID_INLINE Vec<T> round(Vec<T> a) {                                                                    \
        return {_mm256_round_##S(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};                                 \
    }

PELLUCID_VECTOR(float, ps, MaskFloat, -0.0f)
PELLUCID_VECTOR(double, pd, MaskDouble, -0.0)
#undef PELLUCID_VECTOR

// 2^n for integer-valued n in the range of normal numbers: n + bias moves from the low bits of a number between 2^23
// and 2^24 (2^52 and 2^53) into the exponent.
static PELLUCID_INLINE Vec<float> power_of_two(Vec<float> n) {
    const __m256i bits = _mm256_castps_si256(_mm256_add_ps(n.v, _mm256_set1_ps(0x1p23f + 127)));
    return {_mm256_castsi256_ps(_mm256_slli_epi32(bits, 23))};
}
static PELLUCID_INLINE Vec<double> power_of_two(Vec<double> n) {
    const __m256i bits = _mm256_castpd_si256(_mm256_add_pd(n.v, _mm256_set1_pd(0x1p52 + 1023)));
    return {_mm256_castsi256_pd(_mm256_slli_epi64(bits, 52))};
}

// v 2^n by two factors, which reach the subnormal numbers and infinity.
template <class T>
static PELLUCID_INLINE Vec<T> scale(Vec<T> v, Vec<T> n) {
    const Vec<T> half = round(n * Vec<T>::set(T(0.5)));
    return v * power_of_two(half) * power_of_two(n - half);
}

// x = m 2^e with m in [√½, √2) for positive normal x.
static PELLUCID_INLINE void split(Vec<float> x, Vec<float>& m, Vec<float>& e) {
    const __m256i bits = _mm256_castps_si256(x.v);
    const __m256 fraction = _mm256_castsi256_ps(
        _mm256_or_si256(_mm256_and_si256(bits, _mm256_set1_epi32(0x007FFFFF)), _mm256_set1_epi32(0x3F800000)));
    const __m256 exponent = _mm256_cvtepi32_ps(_mm256_sub_epi32(_mm256_srli_epi32(bits, 23), _mm256_set1_epi32(127)));
    const __m256 high = _mm256_cmp_ps(fraction, _mm256_set1_ps(1.41421356237309515f), _CMP_GE_OQ);
    m = {_mm256_blendv_ps(fraction, _mm256_mul_ps(fraction, _mm256_set1_ps(0.5f)), high)};
    e = {_mm256_add_ps(exponent, _mm256_and_ps(high, _mm256_set1_ps(1)))};
}
static PELLUCID_INLINE void split(Vec<double> x, Vec<double>& m, Vec<double>& e) {
    const __m256i bits = _mm256_castpd_si256(x.v);
    const __m256d fraction = _mm256_castsi256_pd(_mm256_or_si256(
        _mm256_and_si256(bits, _mm256_set1_epi64x(0x000FFFFFFFFFFFFF)), _mm256_set1_epi64x(0x3FF0000000000000)));
    const __m256i shifted = _mm256_or_si256(_mm256_srli_epi64(bits, 52), _mm256_castpd_si256(_mm256_set1_pd(0x1p52)));
    const __m256d exponent = _mm256_sub_pd(_mm256_castsi256_pd(shifted), _mm256_set1_pd(0x1p52 + 1023));
    const __m256d high = _mm256_cmp_pd(fraction, _mm256_set1_pd(1.41421356237309515), _CMP_GE_OQ);
    m = {_mm256_blendv_pd(fraction, _mm256_mul_pd(fraction, _mm256_set1_pd(0.5)), high)};
    e = {_mm256_add_pd(exponent, _mm256_and_pd(high, _mm256_set1_pd(1)))};
}

static PELLUCID_INLINE float sum(Vec<float> a) {
    const __m128 c = _mm_add_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
    const __m128 d = _mm_add_ps(c, _mm_movehl_ps(c, c));
    return _mm_cvtss_f32(_mm_add_ss(d, _mm_shuffle_ps(d, d, 1)));
}
static PELLUCID_INLINE double sum(Vec<double> a) {
    const __m128d c = _mm_add_pd(_mm256_castpd256_pd128(a.v), _mm256_extractf128_pd(a.v, 1));
    return _mm_cvtsd_f64(_mm_add_sd(c, _mm_unpackhi_pd(c, c)));
}
static PELLUCID_INLINE float largest(Vec<float> a) {
    const __m128 c = _mm_max_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
    const __m128 d = _mm_max_ps(c, _mm_movehl_ps(c, c));
    return _mm_cvtss_f32(_mm_max_ss(d, _mm_shuffle_ps(d, d, 1)));
}
static PELLUCID_INLINE double largest(Vec<double> a) {
    const __m128d c = _mm_max_pd(_mm256_castpd256_pd128(a.v), _mm256_extractf128_pd(a.v, 1));
    return _mm_cvtsd_f64(_mm_max_sd(c, _mm_unpackhi_pd(c, c)));
}

static PELLUCID_INLINE void transpose(Vec<float> (&r)[8]) {
    __m256 s[8];
    for (int i = 0; i < 8; i += 4) {
        const __m256 a = _mm256_unpacklo_ps(r[i].v, r[i + 1].v), b = _mm256_unpackhi_ps(r[i].v, r[i + 1].v);
        const __m256 c = _mm256_unpacklo_ps(r[i + 2].v, r[i + 3].v), d = _mm256_unpackhi_ps(r[i + 2].v, r[i + 3].v);
        s[i] = _mm256_shuffle_ps(a, c, 0x44);
        s[i + 1] = _mm256_shuffle_ps(a, c, 0xEE);
        s[i + 2] = _mm256_shuffle_ps(b, d, 0x44);
        s[i + 3] = _mm256_shuffle_ps(b, d, 0xEE);
    }
    for (int q = 0; q < 4; ++q) {
        r[q].v = _mm256_permute2f128_ps(s[q], s[4 + q], 0x20);
        r[4 + q].v = _mm256_permute2f128_ps(s[q], s[4 + q], 0x31);
    }
}
static PELLUCID_INLINE void transpose(Vec<double> (&r)[4]) {
    const __m256d a = _mm256_unpacklo_pd(r[0].v, r[1].v), b = _mm256_unpackhi_pd(r[0].v, r[1].v);
    const __m256d c = _mm256_unpacklo_pd(r[2].v, r[3].v), d = _mm256_unpackhi_pd(r[2].v, r[3].v);
    r[0].v = _mm256_permute2f128_pd(a, c, 0x20);
    r[1].v = _mm256_permute2f128_pd(b, d, 0x20);
    r[2].v = _mm256_permute2f128_pd(a, c, 0x31);
    r[3].v = _mm256_permute2f128_pd(b, d, 0x31);
}

// x/(√v c + ε) for v ≥ 0, within 3 units. A square root and a division take turns at one slow unit, so the division is
// made of multiplications: an estimate of 12 bits, refined by one step of Newton's.
static PELLUCID_INLINE Vec<float> over_root(Vec<float> x, Vec<float> v, Vec<float> c, Vec<float> epsilon) {
    const Vec<float> below = fma(sqrt(v), c, epsilon);
    Vec<float> r = {_mm256_rcp_ps(below.v)};
    r = fma(r, fnma(below, r, Vec<float>::set(1)), r);
    return x * r;
}
static PELLUCID_INLINE Vec<double> over_root(Vec<double> x, Vec<double> v, Vec<double> c, Vec<double> epsilon) {
    return x / fma(sqrt(v), c, epsilon);
}

}  // namespace pellucid::PELLUCID_ISA
