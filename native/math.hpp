// Functions of mathematics on vectors. What each may be wrong by is stated in units in the last place of the result and
// tested against longer arithmetic over the whole range; results below the smallest normal number count by its unit.
#pragma once

#include <cmath>

#include "coefficients.hpp"
#include "inline.hpp"

namespace pellucid::PELLUCID_ISA {

template <class T>
struct Ranges;
template <>
struct Ranges<float> {
    static constexpr float smallest = 0x1p-126f, largest = 0x1.fffffep127f, half_eps = 0x1p-24f;
    // Beyond these e^x is 0 and ∞, with room to spare for the exponents that scale() takes.
    static constexpr float exp_low = -120, exp_high = 120;
    static constexpr float normal_low = -87.3365f;  // e^x is still normal
    static constexpr float up = 0x1p24f, up_exponent = 24;  // lifts the subnormal numbers
    static constexpr float circle = 8192;     // where n·π/2 is still exact in parts of 11 bits
    static constexpr float half_pi[] = {0x1.92p0f, 0x1.fb4p-12f, 0x1.444p-24f, 0x1.68c234p-39f};
    static constexpr float ln2_high = 0x1.63p-1f, ln2_low = -0x1.bd0106p-13f;
};
template <>
struct Ranges<double> {
    static constexpr double smallest = 0x1p-1022, largest = 0x1.fffffffffffffp1023, half_eps = 0x1p-53;
    static constexpr double exp_low = -800, exp_high = 800;
    static constexpr double normal_low = -708.396;
    static constexpr double up = 0x1p54, up_exponent = 54;
    static constexpr double circle = 0x1p20;
    static constexpr double half_pi[] = {0x1.921fb54p0, 0x1.10b46118p-30, 0x1.313198ap-61, 0x1.701b839a25205p-92};
    static constexpr double ln2_high = 0x1.62e42fefap-1, ln2_low = 0x1.cf79abc9e3b3ap-40;
};

template <template <class> class Terms, class T>
static PELLUCID_INLINE Vec<T> polynomial(Vec<T> x) {
    constexpr int count = sizeof(Terms<T>::c) / sizeof(T);
    Vec<T> sum = Vec<T>::set(Terms<T>::c[count - 1]);
    for (int i = count - 2; i >= 0; --i) sum = fma(sum, x, Vec<T>::set(Terms<T>::c[i]));
    return sum;
}

// e^x = 2^n (1 + q).
template <class T>
static PELLUCID_INLINE Vec<T> reduce_exp(Vec<T> x, Vec<T>& n) {
    n = round(x * Vec<T>::set(T(1.44269504088896341)));
    const Vec<T> r = fnma(n, Vec<T>::set(Ranges<T>::ln2_low), fnma(n, Vec<T>::set(Ranges<T>::ln2_high), x));
    return fma(r * r, polynomial<ExpTerms>(r), r);
}

// e^x, 2 units.
template <class T>
static PELLUCID_INLINE Vec<T> exp(Vec<T> x) {
    using V = Vec<T>;
    V n;
    const V q = reduce_exp(max(V::set(Ranges<T>::exp_low), min(V::set(Ranges<T>::exp_high), x)), n);
    return scale(V::set(1) + q, n);
}

// e^x - 1, 3 units. Below -40 it is -1.
template <class T>
static PELLUCID_INLINE Vec<T> expm1(Vec<T> x) {
    using V = Vec<T>;
    V n;
    const V q = reduce_exp(max(V::set(-40), min(V::set(Ranges<T>::exp_high), x)), n);
    const V near = scale(q + (V::set(1) - power_of_two(max(V::set(-64), -n))), n);
    return select(eq(x, V::zero()), x, near);  // keeps the sign of 0
}

// ln(m 2^e) + c for m in [√½, √2), c the rounding error that came with m.
template <class T>
static PELLUCID_INLINE Vec<T> log_of_parts(Vec<T> m, Vec<T> e, Vec<T> c) {
    using V = Vec<T>;
    const V f = m - V::set(1);
    const V s = f / (V::set(2) + f), z = s * s, half = V::set(T(0.5)) * f * f;
    const V R = z * polynomial<LogTerms>(z);
    const V low = fma(e, V::set(Ranges<T>::ln2_low), c);
    return fma(e, V::set(Ranges<T>::ln2_high), f - (half - fma(s, half + R, low)));
}

// ln x, 2 units; NaN below 0, -∞ at 0.
template <class T>
static PELLUCID_INLINE Vec<T> log(Vec<T> x) {
    using V = Vec<T>;
    const auto small = lt(x, V::set(Ranges<T>::smallest));
    V m, e;
    split(select(small, x * V::set(Ranges<T>::up), x), m, e);
    e = select(small, e - V::set(Ranges<T>::up_exponent), e);
    const V found = log_of_parts(m, e, V::zero());
    const V infinity = V::set(static_cast<T>(HUGE_VAL));
    V special = select(eq(x, V::zero()), -infinity, x);                  // ∞ and NaN stay
    special = select(lt(x, V::zero()), infinity - infinity, special);
    return select(gt(x, V::zero()) & lt(x, infinity), found, special);
}

// ln(1 + x), 2 units; NaN below -1, -∞ at -1.
template <class T>
static PELLUCID_INLINE Vec<T> log1p(Vec<T> x) {
    using V = Vec<T>;
    const V one = V::set(1), w = one + x;
    // What rounding 1 + x lost, relative to it.
    const V lost = select(lt(x, one), x - (w - one), one - (w - x)) / w;
    V m, e;
    split(w, m, e);
    const V found = log_of_parts(m, e, lost);
    const V infinity = V::set(static_cast<T>(HUGE_VAL));
    V special = select(eq(w, V::zero()), -infinity, x);
    special = select(lt(w, V::zero()), infinity - infinity, special);
    const V result = select(gt(w, V::zero()) & lt(x, infinity), found, special);
    return select(lt(abs(x), V::set(Ranges<T>::half_eps)), x, result);  // tiny x is its own logarithm, 0 with its sign
}

// tanh x and 1/cosh² x, 4 and 6 units, from one exponential: with e = e^(-2|x|), (1 - e)/(1 + e) and 4e/(1 + e)².
// The slope is 0 where e would be subnormal, so below 4 times the smallest normal number.
template <class T>
static PELLUCID_INLINE void tanh_and_slope(Vec<T> x, Vec<T>& a, Vec<T>& slope) {
    using V = Vec<T>;
    const V one = V::set(1), size = abs(x), u = -(size + size);
    V n;
    const V q = reduce_exp(max(V::set(Ranges<T>::normal_low), u), n);
    const V p = power_of_two(n);
    const V e = fma(p, q, p), less = fnma(p, q, one - p);  // 1 - e without cancellation
    const V r = one / (one + e);
    a = copysign(less * r, x);
    const V twice = r + r;
    slope = select(lt(u, V::set(Ranges<T>::normal_low)), V::zero(), e * twice * twice);
}

// 1/(1 + e^-x) and σ(x) σ(-x), 4 and 6 units; 0 where e^-|x| would be subnormal.
template <class T>
static PELLUCID_INLINE void sigmoid_and_slope(Vec<T> x, Vec<T>& a, Vec<T>& slope) {
    using V = Vec<T>;
    const V one = V::set(1), u = -abs(x);
    V n;
    const V q = reduce_exp(max(V::set(Ranges<T>::normal_low), u), n);
    const V p = power_of_two(n);
    const V e = select(lt(u, V::set(Ranges<T>::normal_low)), V::zero(), fma(p, q, p));
    const V r = one / (one + e), tail = e * r;
    slope = tail * r;
    a = select(gt(x, V::zero()), r, tail);
}

template <class T>
static PELLUCID_INLINE Vec<T> sigmoid(Vec<T> x) {
    Vec<T> a, slope;
    sigmoid_and_slope(x, a, slope);
    return a;
}

// ln(1 + e^x), 3 units.
template <class T>
static PELLUCID_INLINE Vec<T> softplus(Vec<T> x) {
    return max(Vec<T>::zero(), x) + log1p(exp(-abs(x)));
}

// sin x and cos x, 3 units. Few lanes ever lie beyond the range of the reduction; those are left to the library.
template <class T>
static PELLUCID_INLINE void sincos(Vec<T> x, Vec<T>& s, Vec<T>& c) {
    using V = Vec<T>;
    const V n = round(x * V::set(T(0.63661977236758134)));
    V r = x;
    for (const T part : Ranges<T>::half_pi) r = fnma(n, V::set(part), r);
    const V z = r * r;
    const V own_sin = fma(r * z, polynomial<SinTerms>(z), r);
    const V own_cos = fma(z * z, polynomial<CosTerms>(z), fnma(V::set(T(0.5)), z, V::set(1)));
    const V turn = n - V::set(4) * round(n * V::set(T(0.25)) - V::set(T(0.375)));  // n mod 4
    const V one = V::set(1), two = V::set(2), three = V::set(3);
    const auto swapped = eq(turn, one) | eq(turn, three);
    s = select(swapped, own_cos, own_sin);
    c = select(swapped, own_sin, own_cos);
    s = select(ge(turn, two), -s, s);
    c = select(eq(turn, one) | eq(turn, two), -c, c);
    s = select(eq(x, V::zero()), x, s);  // keeps the sign of 0
    const auto far = ~le(abs(x), V::set(Ranges<T>::circle));
    if (any(far)) {
        T from[V::lanes], sines[V::lanes], cosines[V::lanes];
        x.store(from);
        for (int i = 0; i < V::lanes; ++i) {
            sines[i] = static_cast<T>(::sin(static_cast<double>(from[i])));
            cosines[i] = static_cast<T>(::cos(static_cast<double>(from[i])));
        }
        s = select(far, V::load(sines), s);
        c = select(far, V::load(cosines), c);
    }
}

// Φ(x), the normal distribution function, 8 units to the end of the left tail: e^(-y²/2) P((y - 4)/(y + 4))/(y + 4)
// with y = |x|. The rounding error of y² would grow with it, so it is carried along.
template <class T>
static PELLUCID_INLINE Vec<T> normal_cdf(Vec<T> x) {
    using V = Vec<T>;
    const V y = min(V::set(40), abs(x)), four = V::set(4);
    // y² = square + lost, by halves whose products are exact (Dekker): there may be no fused multiply-add.
    const V cut = y * V::set(sizeof(T) == 4 ? T(0x1p12 + 1) : T(0x1p27 + 1));
    const V high = cut - (cut - y), low = y - high, square = y * y;
    const V lost = ((high * high - square) + V::set(2) * high * low) + low * low;
    const V half = V::set(T(0.5));
    const V e = exp(-half * square), t = (y - four) / (y + four);
    const V tail = fnma(half * lost, e, e) * (polynomial<TailTerms>(t) / (y + four));
    return select(gt(x, V::zero()), V::set(1) - tail, select(eq(x, x), tail, x));
}

}  // namespace pellucid::PELLUCID_ISA
