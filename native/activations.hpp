// The table of activations: σ and σ' in one pass, a row each; the formulas are those of activations.py.
#pragma once

namespace pellucid::PELLUCID_ISA {

// A row computes one vector of a = σ(z) and slope = σ'(z).
template <class T, class Row>
static PELLUCID_INLINE void each(const T* z, T* a, T* slope, std::size_t count, Row row) {
    using V = Vec<T>;
    if (slope) {
        for (std::size_t c = 0; c < count; c += V::lanes) {
            V value, derivative;
            row(V::load(z + c), value, derivative);
            value.store(a + c);
            derivative.store(slope + c);
        }
    } else {
        for (std::size_t c = 0; c < count; c += V::lanes) {
            V value, derivative;
            row(V::load(z + c), value, derivative);
            value.store(a + c);
        }
    }
}

template <class T>
static void activate(Activation kind, T setting, const T* z, T* a, T* slope, std::size_t count) {
    using V = Vec<T>;
    const V zero = V::zero(), one = V::set(1), own = V::set(setting);
    // α(e^x - 1) below 0, and λ times all of it.
    const auto exponential_unit = [&](V alpha, V scale) {
        each(z, a, slope, count, [=](V x, V& value, V& derivative) {
            const V below = min(x, zero), rise = expm1(below);
            const auto positive = gt(x, zero);
            value = scale * select(positive, x, select(eq(x, x), alpha * rise, x));
            derivative = scale * select(positive, one, alpha * exp(below));
        });
    };
    switch (kind) {
        case Activation::sigmoid:
            return each(z, a, slope, count, [](V x, V& value, V& derivative) { sigmoid_and_slope(x, value, derivative); });
        case Activation::relu:
            return each(z, a, slope, count, [=](V x, V& value, V& derivative) {
                value = max(zero, x);
                derivative = select(gt(x, zero), one, zero);
            });
        case Activation::tanh:
            return each(z, a, slope, count, [](V x, V& value, V& derivative) { tanh_and_slope(x, value, derivative); });
        case Activation::identity:
            return each(z, a, slope, count, [=](V x, V& value, V& derivative) {
                value = x;
                derivative = one;
            });
        case Activation::softmax: return;  // not element-wise: it is part of the output layer
        case Activation::leaky_relu:
            return each(z, a, slope, count, [=](V x, V& value, V& derivative) {
                const auto positive = gt(x, zero);
                value = select(positive, x, own * x);
                derivative = select(positive, one, own);
            });
        case Activation::elu: return exponential_unit(own, one);
        case Activation::selu:
            return exponential_unit(V::set(T(1.6732632423543772)), V::set(T(1.0507009873554805)));
        case Activation::softplus:
            return each(z, a, slope, count, [](V x, V& value, V& derivative) {
                value = softplus(x);
                derivative = sigmoid(x);
            });
        case Activation::silu:
            return each(z, a, slope, count, [](V x, V& value, V& derivative) {
                V s, rise;
                sigmoid_and_slope(x, s, rise);
                value = x * s;
                derivative = fma(x, rise, s);
            });
        case Activation::gelu:
            return each(z, a, slope, count, [](V x, V& value, V& derivative) {
                const V phi = normal_cdf(x);
                const V near = max(V::set(-40), min(V::set(40), x));  // beyond, the density is 0, and x² could overflow
                const V density = exp(V::set(T(-0.5)) * near * near) * V::set(T(0.39894228040143268));
                value = x * phi;
                derivative = fma(near, density, phi);
            });
        case Activation::gelu_tanh:
            return each(z, a, slope, count, [=](V x, V& value, V& derivative) {
                // ½(1 + tanh u) is the sigmoid of 2u, which keeps the left tail
                const V near = max(V::set(-1e6), min(V::set(1e6), x));
                const V twice = V::set(T(1.5957691216057308)), cubic = V::set(T(0.044715));
                const V square = near * near;
                V s, rise;
                sigmoid_and_slope(twice * fma(cubic, square * near, near), s, rise);
                value = x * s;
                derivative = fma(near * rise * twice, fma(V::set(3) * cubic, square, one), s);
            });
        case Activation::hard_tanh:
            return each(z, a, slope, count, [=](V x, V& value, V& derivative) {
                value = max(-one, min(one, x));
                derivative = select(lt(abs(x), one), one, zero);
            });
        case Activation::exp:
            return each(z, a, slope, count, [](V x, V& value, V& derivative) {
                value = derivative = min(V::set(Ranges<T>::largest), exp(x));
            });
        case Activation::sine:
            return each(z, a, slope, count, [](V x, V& value, V& derivative) { sincos(x, value, derivative); });
    }
}

}  // namespace pellucid::PELLUCID_ISA
