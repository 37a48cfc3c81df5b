// Vectors of AVX-512 (F, DQ, BW, VL): 16 floats or 8 doubles.
#pragma once

#include <immintrin.h>

#include "inline.hpp"

namespace pellucid::PELLUCID_ISA {

template <class T>
struct Vec;

struct Mask16 {
    __mmask16 m;
};
struct Mask8 {
    __mmask8 m;
};

template <>
struct Vec<float> {
    static constexpr int lanes = 16;
    using Mask = Mask16;
    __m512 v;
    static PELLUCID_INLINE Vec load(const float* p) { return {_mm512_loadu_ps(p)}; }
    PELLUCID_INLINE void store(float* p) const { _mm512_storeu_ps(p, v); }
    static PELLUCID_INLINE Vec set(float x) { return {_mm512_set1_ps(x)}; }
    static PELLUCID_INLINE Vec zero() { return {_mm512_setzero_ps()}; }
};

template <>
struct Vec<double> {
    static constexpr int lanes = 8;
    using Mask = Mask8;
    __m512d v;
    static PELLUCID_INLINE Vec load(const double* p) { return {_mm512_loadu_pd(p)}; }
    PELLUCID_INLINE void store(double* p) const { _mm512_storeu_pd(p, v); }
    static PELLUCID_INLINE Vec set(double x) { return {_mm512_set1_pd(x)}; }
    static PELLUCID_INLINE Vec zero() { return {_mm512_setzero_pd()}; }
};

template <class T>
struct Tile {
    static constexpr int rows = 10, vectors = 2;
};

#define PELLUCID_VECTOR(T, S, M, BITS, TOGGLE)                                                                         \
    static PELLUCID_INLINE Vec<T> operator+(Vec<T> a, Vec<T> b) { return {_mm512_add_##S(a.v, b.v)}; }                 \
    static PELLUCID_INLINE Vec<T> operator-(Vec<T> a, Vec<T> b) { return {_mm512_sub_##S(a.v, b.v)}; }                 \
    static PELLUCID_INLINE Vec<T> operator*(Vec<T> a, Vec<T> b) { return {_mm512_mul_##S(a.v, b.v)}; }                 \
    static PELLUCID_INLINE Vec<T> operator/(Vec<T> a, Vec<T> b) { return {_mm512_div_##S(a.v, b.v)}; }                 \
    static PELLUCID_INLINE Vec<T> operator-(Vec<T> a) { return {_mm512_xor_##S(a.v, _mm512_set1_##S(TOGGLE))}; }       \
    static PELLUCID_INLINE Vec<T> fma(Vec<T> a, Vec<T> b, Vec<T> c) { return {_mm512_fmadd_##S(a.v, b.v, c.v)}; }      \
    static PELLUCID_INLINE Vec<T> fnma(Vec<T> a, Vec<T> b, Vec<T> c) { return {_mm512_fnmadd_##S(a.v, b.v, c.v)}; }    \
    static PELLUCID_INLINE Vec<T> min(Vec<T> a, Vec<T> b) { return {_mm512_min_##S(a.v, b.v)}; }                       \
    static PELLUCID_INLINE Vec<T> max(Vec<T> a, Vec<T> b) { return {_mm512_max_##S(a.v, b.v)}; }                       \
    static PELLUCID_INLINE Vec<T> abs(Vec<T> a) { return {_mm512_andnot_##S(_mm512_set1_##S(TOGGLE), a.v)}; }          \
    static PELLUCID_INLINE Vec<T> sqrt(Vec<T> a) { return {_mm512_sqrt_##S(a.v)}; }                                    \
    static PELLUCID_INLINE Vec<T> copysign(Vec<T> size, Vec<T> sign) {                                                 \
        const auto bit = _mm512_set1_##S(TOGGLE);                                                                      \
        return {_mm512_or_##S(_mm512_and_##S(bit, sign.v), _mm512_andnot_##S(bit, size.v))};                           \
    }                                                                                                                  \
    static PELLUCID_INLINE M lt(Vec<T> a, Vec<T> b) { return {_mm512_cmp_##S##_mask(a.v, b.v, _CMP_LT_OQ)}; }          \
    static PELLUCID_INLINE M le(Vec<T> a, Vec<T> b) { return {_mm512_cmp_##S##_mask(a.v, b.v, _CMP_LE_OQ)}; }          \
    static PELLUCID_INLINE M gt(Vec<T> a, Vec<T> b) { return {_mm512_cmp_##S##_mask(a.v, b.v, _CMP_GT_OQ)}; }          \
    static PELLUCID_INLINE M ge(Vec<T> a, Vec<T> b) { return {_mm512_cmp_##S##_mask(a.v, b.v, _CMP_GE_OQ)}; }          \
    static PELLUCID_INLINE M eq(Vec<T> a, Vec<T> b) { return {_mm512_cmp_##S##_mask(a.v, b.v, _CMP_EQ_OQ)}; }          \
    static PELLUCID_INLINE M operator&(M a, M b) { return {static_cast<BITS>(a.m & b.m)}; }                            \
    static PELLUCID_INLINE M operator|(M a, M b) { return {static_cast<BITS>(a.m | b.m)}; }                            \
    static PELLUCID_INLINE M operator~(M a) { return {static_cast<BITS>(~a.m)}; }                                      \
    static PELLUCID_INLINE bool any(M a) { return a.m != 0; }                                                          \
    static PELLUCID_INLINE bool all(M a) { return a.m == static_cast<BITS>(~BITS{0}); }                                \
    static PELLUCID_INLINE Vec<T> select(M m, Vec<T> a, Vec<T> b) { return {_mm512_mask_blend_##S(m.m, b.v, a.v)}; }   \
    static PELLUCID_INLINE Vec<T> round(Vec<T> a) {                                                                    \
        return {_mm512_roundscale_##S(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};                            \
    }                                                                                                                  \
    static PELLUCID_INLINE Vec<T> scale(Vec<T> a, Vec<T> n) { return {_mm512_scalef_##S(a.v, n.v)}; }                  \
    static PELLUCID_INLINE Vec<T> power_of_two(Vec<T> n) { return scale(Vec<T>::set(1), n); }                          \
    /* x = m 2^e with m in [√½, √2) for positive normal x. */                                                          \
    static PELLUCID_INLINE void split(Vec<T> x, Vec<T>& m, Vec<T>& e) {                                                \
        const auto half = _mm512_getmant_##S(x.v, _MM_MANT_NORM_p5_1, _MM_MANT_SIGN_src);                              \
        const auto low = _mm512_cmp_##S##_mask(half, _mm512_set1_##S(T(0.70710678118654752)), _CMP_LT_OQ);             \
        const auto exponent = _mm512_add_##S(_mm512_getexp_##S(x.v), _mm512_set1_##S(1));                              \
        m = {_mm512_mask_add_##S(half, low, half, half)};                                                              \
        e = {_mm512_mask_sub_##S(exponent, low, exponent, _mm512_set1_##S(1))};                                        \
    }

PELLUCID_VECTOR(float, ps, Mask16, __mmask16, -0.0f)
PELLUCID_VECTOR(double, pd, Mask8, __mmask8, -0.0)
#undef PELLUCID_VECTOR

static PELLUCID_INLINE float sum(Vec<float> a) {
    const __m256 b = _mm256_add_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
    const __m128 c = _mm_add_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps(b, 1));
    const __m128 d = _mm_add_ps(c, _mm_movehl_ps(c, c));
    return _mm_cvtss_f32(_mm_add_ss(d, _mm_shuffle_ps(d, d, 1)));
}

static PELLUCID_INLINE double sum(Vec<double> a) {
    const __m256d b = _mm256_add_pd(_mm512_castpd512_pd256(a.v), _mm512_extractf64x4_pd(a.v, 1));
    const __m128d c = _mm_add_pd(_mm256_castpd256_pd128(b), _mm256_extractf128_pd(b, 1));
    return _mm_cvtsd_f64(_mm_add_sd(c, _mm_unpackhi_pd(c, c)));
}

static PELLUCID_INLINE float largest(Vec<float> a) { return _mm512_reduce_max_ps(a.v); }
static PELLUCID_INLINE double largest(Vec<double> a) { return _mm512_reduce_max_pd(a.v); }

// Pairs of rows, then pairs of pairs within 128 bits; then the 4 x 4 blocks of 128 bits change places.
static PELLUCID_INLINE void transpose(Vec<float> (&r)[16]) {
    __m512 s[16];
    for (int i = 0; i < 16; i += 4) {
        const __m512 a = _mm512_unpacklo_ps(r[i].v, r[i + 1].v), b = _mm512_unpackhi_ps(r[i].v, r[i + 1].v);
        const __m512 c = _mm512_unpacklo_ps(r[i + 2].v, r[i + 3].v), d = _mm512_unpackhi_ps(r[i + 2].v, r[i + 3].v);
        s[i] = _mm512_shuffle_ps(a, c, 0x44);
        s[i + 1] = _mm512_shuffle_ps(a, c, 0xEE);
        s[i + 2] = _mm512_shuffle_ps(b, d, 0x44);
        s[i + 3] = _mm512_shuffle_ps(b, d, 0xEE);
    }
    for (int q = 0; q < 4; ++q) {
        const __m512 a = _mm512_shuffle_f32x4(s[q], s[4 + q], 0x88), b = _mm512_shuffle_f32x4(s[q], s[4 + q], 0xDD);
        const __m512 c = _mm512_shuffle_f32x4(s[8 + q], s[12 + q], 0x88), d = _mm512_shuffle_f32x4(s[8 + q], s[12 + q], 0xDD);
        r[q].v = _mm512_shuffle_f32x4(a, c, 0x88);
        r[8 + q].v = _mm512_shuffle_f32x4(a, c, 0xDD);
        r[4 + q].v = _mm512_shuffle_f32x4(b, d, 0x88);
        r[12 + q].v = _mm512_shuffle_f32x4(b, d, 0xDD);
    }
}

static PELLUCID_INLINE void transpose(Vec<double> (&r)[8]) {
    __m512d s[8];
    for (int i = 0; i < 8; i += 2) {
        s[i] = _mm512_unpacklo_pd(r[i].v, r[i + 1].v);
        s[i + 1] = _mm512_unpackhi_pd(r[i].v, r[i + 1].v);
    }
    for (int q = 0; q < 2; ++q) {
        const __m512d a = _mm512_shuffle_f64x2(s[q], s[2 + q], 0x88), b = _mm512_shuffle_f64x2(s[q], s[2 + q], 0xDD);
        const __m512d c = _mm512_shuffle_f64x2(s[4 + q], s[6 + q], 0x88), d = _mm512_shuffle_f64x2(s[4 + q], s[6 + q], 0xDD);
        r[q].v = _mm512_shuffle_f64x2(a, c, 0x88);
        r[4 + q].v = _mm512_shuffle_f64x2(a, c, 0xDD);
        r[2 + q].v = _mm512_shuffle_f64x2(b, d, 0x88);
        r[6 + q].v = _mm512_shuffle_f64x2(b, d, 0xDD);
    }
}

// x/(√v c + ε) for v ≥ 0, within 3 units. A square root and a division take turns at one slow unit, so the division is
// made of multiplications: an estimate of 14 bits, refined by one step of Newton's.
static PELLUCID_INLINE Vec<float> over_root(Vec<float> x, Vec<float> v, Vec<float> c, Vec<float> epsilon) {
    const Vec<float> below = fma(sqrt(v), c, epsilon);
    Vec<float> r = {_mm512_rcp14_ps(below.v)};
    r = fma(r, fnma(below, r, Vec<float>::set(1)), r);
    return x * r;
}
static PELLUCID_INLINE Vec<double> over_root(Vec<double> x, Vec<double> v, Vec<double> c, Vec<double> epsilon) {
    return x / fma(sqrt(v), c, epsilon);
}

}  // namespace pellucid::PELLUCID_ISA
