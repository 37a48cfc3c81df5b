// Made by coefficients.py: polynomials, lowest power first.
#pragma once

namespace pellucid::PELLUCID_ISA {

template <class T>
struct ExpTerms;
// relative error 2.4e-8
template <>
struct ExpTerms<float> {
    static constexpr float c[] = {0.5f, 0.16666577f, 0.0416665547f, 0.00836317307f, 0.00139261761f};
};
// relative error 3.9e-17
template <>
struct ExpTerms<double> {
    static constexpr double c[] = {0.5000000000000001, 0.16666666666666667, 0.041666666666624162, 0.0083333333333300644, 0.0013888888917196719, 0.00019841269863040545, 2.4801521322368693e-5, 2.7557268480310026e-6, 2.7620075879983367e-7, 2.5100375832561234e-8};
};

template <class T>
struct LogTerms;
// relative error 1.7e-11
template <>
struct LogTerms<float> {
    static constexpr float c[] = {0.666666666f, 0.400001218f, 0.285508208f, 0.233304672f};
};
// relative error 4.5e-18
template <>
struct LogTerms<double> {
    static constexpr double c[] = {0.66666666666666697, 0.39999999999899504, 0.28571428625975485, 0.2222221113479508, 0.18182889125261722, 0.15331721600556041, 0.14616449685043406};
};

template <class T>
struct SinTerms;
// relative error 1.4e-8
template <>
struct SinTerms<float> {
    static constexpr float c[] = {-0.166666647f, 0.00833274827f, -0.000195878909f};
};
// relative error 1.4e-17
template <>
struct SinTerms<double> {
    static constexpr double c[] = {-0.16666666666666665, 0.0083333333333309485, -0.00019841269836758574, 2.755731610255244e-6, -2.5051131845003624e-8, 1.5918129294866609e-10};
};

template <class T>
struct CosTerms;
// relative error 1.1e-9
template <>
struct CosTerms<float> {
    static constexpr float c[] = {0.0416666647f, -0.0013888303f, 2.45479421e-5f};
};
// relative error 3.4e-22
template <>
struct CosTerms<double> {
    static constexpr double c[] = {0.041666666666666667, -0.0013888888888888888, 2.4801587301584646e-5, -2.7557319221402824e-7, 2.0876755791080424e-9, -1.1470460887609959e-11, 4.7458719020432915e-14};
};

template <class T>
struct TailTerms;
// relative error 1.8e-8
template <>
struct TailTerms<float> {
    static constexpr float c[] = {0.755285137f, -0.607896598f, 0.387136894f, -0.186523049f, 0.0604024346f, -0.0075305916f, -0.00350332879f, 0.00159763378f, 0.000172187453f, -0.000178074881f, -2.39983813e-5f};
};
// relative error 2.3e-18
template <>
struct TailTerms<double> {
    static constexpr double c[] = {0.75528513041575149, -0.60789664197189209, 0.38713740074221469, -0.18652185795965941, 0.060396574890928378, -0.0075401889666592938, -0.0034796923672085198, 0.0016308184566302123, 0.00013334431021535789, -0.00023109492775724413, -1.9082430396332305e-6, 3.51446520755692e-5, 7.1659769305682768e-7, -5.9200780547035487e-6, -6.2949859129580063e-7, 1.02139357367864e-6, 2.7143422620652663e-7, -1.5481941766875712e-7, -8.4973318156088005e-8, 1.3242017277604495e-8, 1.9324197202483576e-8, 1.8806081961039198e-9, -2.4285968455796709e-9, -7.0216845824178092e-10, -5.17586203384346e-12};
};

}  // namespace pellucid::PELLUCID_ISA
