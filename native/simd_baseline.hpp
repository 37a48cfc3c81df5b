// Vectors of SSE2, which every x86-64 machine has: 4 floats or 2 doubles. There is no fused multiply-add, no blend and
// no rounding instruction: they are made of what there is.
#pragma once

#include <emmintrin.h>

#include "inline.hpp"

namespace pellucid::PELLUCID_ISA {

template <class T>
struct Vec;

// All bits of a lane are set where it is true.
struct MaskFloat {
    __m128 m;
};
struct MaskDouble {
    __m128d m;
};

template <>
struct Vec<float> {
    static constexpr int lanes = 4;
    using Mask = MaskFloat;
    __m128 v;
    static PELLUCID_INLINE Vec load(const float* p) { return {_mm_loadu_ps(p)}; }
    PELLUCID_INLINE void store(float* p) const { _mm_storeu_ps(p, v); }
    static PELLUCID_INLINE Vec set(float x) { return {_mm_set1_ps(x)}; }
    static PELLUCID_INLINE Vec zero() { return {_mm_setzero_ps()}; }
};

template <>
struct Vec<double> {
    static constexpr int lanes = 2;
    using Mask = MaskDouble;
    __m128d v;
    static PELLUCID_INLINE Vec load(const double* p) { return {_mm_loadu_pd(p)}; }
    PELLUCID_INLINE void store(double* p) const { _mm_storeu_pd(p, v); }
    static PELLUCID_INLINE Vec set(double x) { return {_mm_set1_pd(x)}; }
    static PELLUCID_INLINE Vec zero() { return {_mm_setzero_pd()}; }
};

template <class T>
struct Tile {
    static constexpr int rows = 4, vectors = 2;
};

#define PELLUCID_VECTOR(T, S, M, TOGGLE)                                                                               \
    static PELLUCID_INLINE Vec<T> operator+(Vec<T> a, Vec<T> b) { return {_mm_add_##S(a.v, b.v)}; }                 \
    static PELLUCID_INLINE Vec<T> operator-(Vec<T> a, Vec<T> b) { return {_mm_sub_##S(a.v, b.v)}; }                 \
    static PELLUCID_INLINE Vec<T> operator*(Vec<T> a, Vec<T> b) { return {_mm_mul_##S(a.v, b.v)}; }                 \
    static PELLUCID_INLINE Vec<T> operator/(Vec<T> a, Vec<T> b) { return {_mm_div_##S(a.v, b.v)}; }                 \
    static PELLUCID_INLINE Vec<T> operator-(Vec<T> a) { return {_mm_xor_##S(a.v, _mm_set1_##S(TOGGLE))}; }       \
    static PELLUCID_INLINE Vec<T> fma(Vec<T> a, Vec<T> b, Vec<T> c) { return a * b + c; }                              \
    static PELLUCID_INLINE Vec<T> fnma(Vec<T> a, Vec<T> b, Vec<T> c) { return c - a * b; }                             \
    static PELLUCID_INLINE Vec<T> min(Vec<T> a, Vec<T> b) { return {_mm_min_##S(a.v, b.v)}; }                       \
    static PELLUCID_INLINE Vec<T> max(Vec<T> a, Vec<T> b) { return {_mm_max_##S(a.v, b.v)}; }                       \
    static PELLUCID_INLINE Vec<T> abs(Vec<T> a) { return {_mm_andnot_##S(_mm_set1_##S(TOGGLE), a.v)}; }          \
    static PELLUCID_INLINE Vec<T> sqrt(Vec<T> a) { return {_mm_sqrt_##S(a.v)}; }                                    \
    static PELLUCID_INLINE Vec<T> copysign(Vec<T> size, Vec<T> sign) {                                                 \
        const auto bit = _mm_set1_##S(TOGGLE);                                                                      \
        return {_mm_or_##S(_mm_and_##S(bit, sign.v), _mm_andnot_##S(bit, size.v))};                           \
    }                                                                                                                  \
    static PELLUCID_INLINE M lt(Vec<T> a, Vec<T> b) { return {_mm_cmplt_##S(a.v, b.v)}; }                 \
    static PELLUCID_INLINE M le(Vec<T> a, Vec<T> b) { return {_mm_cmple_##S(a.v, b.v)}; }                 \
    static PELLUCID_INLINE M gt(Vec<T> a, Vec<T> b) { return {_mm_cmpgt_##S(a.v, b.v)}; }                 \
    static PELLUCID_INLINE M ge(Vec<T> a, Vec<T> b) { return {_mm_cmpge_##S(a.v, b.v)}; }                 \
    static PELLUCID_INLINE M eq(Vec<T> a, Vec<T> b) { return {_mm_cmpeq_##S(a.v, b.v)}; }                 \
    static PELLUCID_INLINE M operator&(M a, M b) { return {_mm_and_##S(a.m, b.m)}; }                                \
    static PELLUCID_INLINE M operator|(M a, M b) { return {_mm_or_##S(a.m, b.m)}; }                                 \
    static PELLUCID_INLINE M operator~(M a) {                                                                          \
        return {_mm_andnot_##S(a.m, _mm_cmpeq_##S(_mm_setzero_##S(), _mm_setzero_##S()))};       \
    }                                                                                                                  \
    static PELLUCID_INLINE bool any(M a) { return _mm_movemask_##S(a.m) != 0; }                                     \
    static PELLUCID_INLINE bool all(M a) { return _mm_movemask_##S(a.m) == (1 << Vec<T>::lanes) - 1; }              \
    static PELLUCID_INLINE Vec<T> select(M m, Vec<T> a, Vec<T> b) { return {_mm_or_##S(_mm_and_##S(m.m, a.v), _mm_andnot_##S(m.m, b.v))}; }

PELLUCID_VECTOR(float, ps, MaskFloat, -0.0f)
PELLUCID_VECTOR(double, pd, MaskDouble, -0.0)
#undef PELLUCID_VECTOR

// To the nearest integer: next to 1.5 2^23 (1.5 2^52) the spacing of numbers is 1.
static PELLUCID_INLINE Vec<float> round(Vec<float> a) {
    const Vec<float> shift = Vec<float>::set(0x1.8p23f);
    return a + shift - shift;
}
static PELLUCID_INLINE Vec<double> round(Vec<double> a) {
    const Vec<double> shift = Vec<double>::set(0x1.8p52);
    return a + shift - shift;
}

// 2^n for integer-valued n in the range of normal numbers: n + bias moves from the low bits of a number between 2^23
// and 2^24 (2^52 and 2^53) into the exponent.
static PELLUCID_INLINE Vec<float> power_of_two(Vec<float> n) {
    const __m128i bits = _mm_castps_si128(_mm_add_ps(n.v, _mm_set1_ps(0x1p23f + 127)));
    return {_mm_castsi128_ps(_mm_slli_epi32(bits, 23))};
}
static PELLUCID_INLINE Vec<double> power_of_two(Vec<double> n) {
    const __m128i bits = _mm_castpd_si128(_mm_add_pd(n.v, _mm_set1_pd(0x1p52 + 1023)));
    return {_mm_castsi128_pd(_mm_slli_epi64(bits, 52))};
}

// v 2^n by two factors, which reach the subnormal numbers and infinity.
template <class T>
static PELLUCID_INLINE Vec<T> scale(Vec<T> v, Vec<T> n) {
    const Vec<T> half = round(n * Vec<T>::set(T(0.5)));
    return v * power_of_two(half) * power_of_two(n - half);
}

// x = m 2^e with m in [√½, √2) for positive normal x.
static PELLUCID_INLINE void split(Vec<float> x, Vec<float>& m, Vec<float>& e) {
    const __m128i bits = _mm_castps_si128(x.v);
    const Vec<float> fraction = {_mm_castsi128_ps(
        _mm_or_si128(_mm_and_si128(bits, _mm_set1_epi32(0x007FFFFF)), _mm_set1_epi32(0x3F800000)))};
    const Vec<float> exponent = {_mm_cvtepi32_ps(_mm_sub_epi32(_mm_srli_epi32(bits, 23), _mm_set1_epi32(127)))};
    const MaskFloat high = ge(fraction, Vec<float>::set(1.41421356237309515f));
    m = select(high, fraction * Vec<float>::set(0.5f), fraction);
    e = select(high, exponent + Vec<float>::set(1), exponent);
}
static PELLUCID_INLINE void split(Vec<double> x, Vec<double>& m, Vec<double>& e) {
    const __m128i bits = _mm_castpd_si128(x.v);
    const Vec<double> fraction = {_mm_castsi128_pd(_mm_or_si128(
        _mm_and_si128(bits, _mm_set1_epi64x(0x000FFFFFFFFFFFFF)), _mm_set1_epi64x(0x3FF0000000000000)))};
    const __m128i shifted = _mm_or_si128(_mm_srli_epi64(bits, 52), _mm_castpd_si128(_mm_set1_pd(0x1p52)));
    const Vec<double> exponent = {_mm_sub_pd(_mm_castsi128_pd(shifted), _mm_set1_pd(0x1p52 + 1023))};
    const MaskDouble high = ge(fraction, Vec<double>::set(1.41421356237309515));
    m = select(high, fraction * Vec<double>::set(0.5), fraction);
    e = select(high, exponent + Vec<double>::set(1), exponent);
}

static PELLUCID_INLINE float sum(Vec<float> a) {
    const __m128 d = _mm_add_ps(a.v, _mm_movehl_ps(a.v, a.v));
    return _mm_cvtss_f32(_mm_add_ss(d, _mm_shuffle_ps(d, d, 1)));
}
static PELLUCID_INLINE double sum(Vec<double> a) { return _mm_cvtsd_f64(_mm_add_sd(a.v, _mm_unpackhi_pd(a.v, a.v))); }
static PELLUCID_INLINE float largest(Vec<float> a) {
    const __m128 d = _mm_max_ps(a.v, _mm_movehl_ps(a.v, a.v));
    return _mm_cvtss_f32(_mm_max_ss(d, _mm_shuffle_ps(d, d, 1)));
}
static PELLUCID_INLINE double largest(Vec<double> a) { return _mm_cvtsd_f64(_mm_max_sd(a.v, _mm_unpackhi_pd(a.v, a.v))); }

static PELLUCID_INLINE void transpose(Vec<float> (&r)[4]) { _MM_TRANSPOSE4_PS(r[0].v, r[1].v, r[2].v, r[3].v); }
static PELLUCID_INLINE void transpose(Vec<double> (&r)[2]) {
    const __m128d low = _mm_unpacklo_pd(r[0].v, r[1].v);
    r[1].v = _mm_unpackhi_pd(r[0].v, r[1].v);
    r[0].v = low;
}

// x/(√v c + ε) for v ≥ 0.
template <class T>
static PELLUCID_INLINE Vec<T> over_root(Vec<T> x, Vec<T> v, Vec<T> c, Vec<T> epsilon) {
    return x / fma(sqrt(v), c, epsilon);
}

}  // namespace pellucid::PELLUCID_ISA
