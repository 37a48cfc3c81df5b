// Vectors of AArch64's NEON: 4 floats or 2 doubles.
#pragma once

#include <arm_neon.h>

#include "inline.hpp"

namespace pellucid::PELLUCID_ISA {

template <class T>
struct Vec;

// All bits of a lane are set where it is true.
struct MaskFloat {
    uint32x4_t m;
};
struct MaskDouble {
    uint64x2_t m;
};

template <>
struct Vec<float> {
    static constexpr int lanes = 4;
    using Mask = MaskFloat;
    float32x4_t v;
    static PELLUCID_INLINE Vec load(const float* p) { return {vld1q_f32(p)}; }
    PELLUCID_INLINE void store(float* p) const { vst1q_f32(p, v); }
    static PELLUCID_INLINE Vec set(float x) { return {vdupq_n_f32(x)}; }
    static PELLUCID_INLINE Vec zero() { return {vdupq_n_f32(0)}; }
};

template <>
struct Vec<double> {
    static constexpr int lanes = 2;
    using Mask = MaskDouble;
    float64x2_t v;
    static PELLUCID_INLINE Vec load(const double* p) { return {vld1q_f64(p)}; }
    PELLUCID_INLINE void store(double* p) const { vst1q_f64(p, v); }
    static PELLUCID_INLINE Vec set(double x) { return {vdupq_n_f64(x)}; }
    static PELLUCID_INLINE Vec zero() { return {vdupq_n_f64(0)}; }
};

template <class T>
struct Tile {
    static constexpr int rows = 6, vectors = 4;
};

#define PELLUCID_VECTOR(T, S, M, BITS, U, SIGN)                                                                        \
    static PELLUCID_INLINE Vec<T> operator+(Vec<T> a, Vec<T> b) { return {vaddq_##S(a.v, b.v)}; }                      \
    static PELLUCID_INLINE Vec<T> operator-(Vec<T> a, Vec<T> b) { return {vsubq_##S(a.v, b.v)}; }                      \
    static PELLUCID_INLINE Vec<T> operator*(Vec<T> a, Vec<T> b) { return {vmulq_##S(a.v, b.v)}; }                      \
    static PELLUCID_INLINE Vec<T> operator/(Vec<T> a, Vec<T> b) { return {vdivq_##S(a.v, b.v)}; }                      \
    static PELLUCID_INLINE Vec<T> operator-(Vec<T> a) { return {vnegq_##S(a.v)}; }                                     \
    static PELLUCID_INLINE Vec<T> fma(Vec<T> a, Vec<T> b, Vec<T> c) { return {vfmaq_##S(c.v, a.v, b.v)}; }             \
    static PELLUCID_INLINE Vec<T> fnma(Vec<T> a, Vec<T> b, Vec<T> c) { return {vfmsq_##S(c.v, a.v, b.v)}; }            \
    static PELLUCID_INLINE Vec<T> abs(Vec<T> a) { return {vabsq_##S(a.v)}; }                                           \
    static PELLUCID_INLINE Vec<T> sqrt(Vec<T> a) { return {vsqrtq_##S(a.v)}; }                                         \
    static PELLUCID_INLINE M lt(Vec<T> a, Vec<T> b) { return {vcltq_##S(a.v, b.v)}; }                                  \
    static PELLUCID_INLINE M le(Vec<T> a, Vec<T> b) { return {vcleq_##S(a.v, b.v)}; }                                  \
    static PELLUCID_INLINE M gt(Vec<T> a, Vec<T> b) { return {vcgtq_##S(a.v, b.v)}; }                                  \
    static PELLUCID_INLINE M ge(Vec<T> a, Vec<T> b) { return {vcgeq_##S(a.v, b.v)}; }                                  \
    static PELLUCID_INLINE M eq(Vec<T> a, Vec<T> b) { return {vceqq_##S(a.v, b.v)}; }                                  \
    static PELLUCID_INLINE M operator&(M a, M b) { return {vandq_##U(a.m, b.m)}; }                                     \
    static PELLUCID_INLINE M operator|(M a, M b) { return {vorrq_##U(a.m, b.m)}; }                                     \
    static PELLUCID_INLINE M operator~(M a) { return {veorq_##U(a.m, vdupq_n_##U(~BITS{0}))}; }                        \
    static PELLUCID_INLINE Vec<T> select(M m, Vec<T> a, Vec<T> b) { return {vbslq_##S(m.m, a.v, b.v)}; }               \
    static PELLUCID_INLINE Vec<T> copysign(Vec<T> size, Vec<T> sign) {                                                 \
        return {vbslq_##S(vdupq_n_##U(SIGN), sign.v, size.v)};                                                         \
    }                                                                                                                  \
    /* As on x86, b if either is NaN. */                                                                               \
    static PELLUCID_INLINE Vec<T> min(Vec<T> a, Vec<T> b) { return select(lt(a, b), a, b); }                           \
    static PELLUCID_INLINE Vec<T> max(Vec<T> a, Vec<T> b) { return select(gt(a, b), a, b); }                           \
    static PELLUCID_INLINE Vec<T> round(Vec<T> a) { return {vrndnq_##S(a.v)}; }                                        \
    static PELLUCID_INLINE T sum(Vec<T> a) { return vaddvq_##S(a.v); }                                                 \
    static PELLUCID_INLINE T largest(Vec<T> a) { return vmaxvq_##S(a.v); }

PELLUCID_VECTOR(float, f32, MaskFloat, uint32_t, u32, 0x80000000u)
PELLUCID_VECTOR(double, f64, MaskDouble, uint64_t, u64, 0x8000000000000000u)
#undef PELLUCID_VECTOR

static PELLUCID_INLINE bool any(MaskFloat a) { return vmaxvq_u32(a.m) != 0; }
static PELLUCID_INLINE bool any(MaskDouble a) { return vmaxvq_u32(vreinterpretq_u32_u64(a.m)) != 0; }
static PELLUCID_INLINE bool all(MaskFloat a) { return vminvq_u32(a.m) != 0; }
static PELLUCID_INLINE bool all(MaskDouble a) { return vminvq_u32(vreinterpretq_u32_u64(a.m)) != 0; }

// 2^n for integer-valued n in the range of normal numbers.
static PELLUCID_INLINE Vec<float> power_of_two(Vec<float> n) {
    return {vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(vcvtq_s32_f32(n.v), vdupq_n_s32(127)), 23))};
}
static PELLUCID_INLINE Vec<double> power_of_two(Vec<double> n) {
    return {vreinterpretq_f64_s64(vshlq_n_s64(vaddq_s64(vcvtq_s64_f64(n.v), vdupq_n_s64(1023)), 52))};
}

// v 2^n by two factors, which reach the subnormal numbers and infinity.
template <class T>
static PELLUCID_INLINE Vec<T> scale(Vec<T> v, Vec<T> n) {
    const Vec<T> half = round(n * Vec<T>::set(T(0.5)));
    return v * power_of_two(half) * power_of_two(n - half);
}

// x = m 2^e with m in [√½, √2) for positive normal x.
static PELLUCID_INLINE void split(Vec<float> x, Vec<float>& m, Vec<float>& e) {
    const uint32x4_t bits = vreinterpretq_u32_f32(x.v);
    const Vec<float> fraction = {
        vreinterpretq_f32_u32(vorrq_u32(vandq_u32(bits, vdupq_n_u32(0x007FFFFF)), vdupq_n_u32(0x3F800000)))};
    const Vec<float> exponent = {
        vcvtq_f32_s32(vsubq_s32(vreinterpretq_s32_u32(vshrq_n_u32(bits, 23)), vdupq_n_s32(127)))};
    const MaskFloat high = ge(fraction, Vec<float>::set(1.41421356237309515f));
    m = select(high, fraction * Vec<float>::set(0.5f), fraction);
    e = select(high, exponent + Vec<float>::set(1), exponent);
}
static PELLUCID_INLINE void split(Vec<double> x, Vec<double>& m, Vec<double>& e) {
    const uint64x2_t bits = vreinterpretq_u64_f64(x.v);
    const Vec<double> fraction = {vreinterpretq_f64_u64(
        vorrq_u64(vandq_u64(bits, vdupq_n_u64(0x000FFFFFFFFFFFFF)), vdupq_n_u64(0x3FF0000000000000)))};
    const Vec<double> exponent = {
        vcvtq_f64_s64(vsubq_s64(vreinterpretq_s64_u64(vshrq_n_u64(bits, 52)), vdupq_n_s64(1023)))};
    const MaskDouble high = ge(fraction, Vec<double>::set(1.41421356237309515));
    m = select(high, fraction * Vec<double>::set(0.5), fraction);
    e = select(high, exponent + Vec<double>::set(1), exponent);
}

static PELLUCID_INLINE void transpose(Vec<float> (&r)[4]) {
    const float32x4x2_t low = vzipq_f32(r[0].v, r[2].v), high = vzipq_f32(r[1].v, r[3].v);
    const float32x4x2_t first = vzipq_f32(low.val[0], high.val[0]), second = vzipq_f32(low.val[1], high.val[1]);
    r[0].v = first.val[0];
    r[1].v = first.val[1];
    r[2].v = second.val[0];
    r[3].v = second.val[1];
}
static PELLUCID_INLINE void transpose(Vec<double> (&r)[2]) {
    const float64x2_t low = vzip1q_f64(r[0].v, r[1].v);
    r[1].v = vzip2q_f64(r[0].v, r[1].v);
    r[0].v = low;
}

// x/(√v c + ε) for v ≥ 0.
template <class T>
static PELLUCID_INLINE Vec<T> over_root(Vec<T> x, Vec<T> v, Vec<T> c, Vec<T> epsilon) {
    return x / fma(sqrt(v), c, epsilon);
}

}  // namespace pellucid::PELLUCID_ISA
