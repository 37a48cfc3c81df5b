// One step of an optimizer over a run of parameters; the formulas are those of optimizers.py.
#pragma once

namespace pellucid::PELLUCID_ISA {

// λ2 w + λ1 sign(w), with sign(0) = 0.
template <class T>
static PELLUCID_INLINE Vec<T> penalty_slope(Vec<T> w, Vec<T> l2, Vec<T> l1) {
    const Vec<T> zero = Vec<T>::zero();
    return l2 * w + select(eq(w, zero), zero, copysign(l1, w));
}

// Add the penalty's gradient, where the gradient itself is asked for or must be measured before a step.
template <class T>
static Seen penalise(const T* theta, T* gradient, T l2, T l1, std::size_t count) {
    using V = Vec<T>;
    V squares = V::zero(), magnitudes = V::zero();
    for (std::size_t c = 0; c < count; c += V::lanes) {
        const V w = V::load(theta + c);
        squares = fma(w, w, squares);
        magnitudes = magnitudes + abs(w);
        (V::load(gradient + c) + penalty_slope(w, V::set(l2), V::set(l1))).store(gradient + c);
    }
    return {static_cast<double>(sum(squares)), static_cast<double>(sum(magnitudes)), true};
}

template <class T, Optimizer optimizer, bool penalised, bool clipped>
static Seen update_run(const Update<T>& step, T* theta, const T* gradient, T* first, T* second, std::size_t count) {
    using V = Vec<T>;
    constexpr int lanes = V::lanes;
    const V rate = V::set(step.rate), keep1 = V::set(step.keep1), add1 = V::set(step.add1);
    const V keep2 = V::set(step.keep2), add2 = V::set(step.add2), epsilon = V::set(step.epsilon);
    const V root_scale = V::set(step.root_scale), decay = V::set(step.decay), clip = V::set(step.clip);
    const V l2 = V::set(step.l2), l1 = V::set(step.l1), zero = V::zero(), one = V::set(1);
    const bool has_momentum = first != nullptr;
    V squares = zero, magnitudes = zero, odd = zero;
    for (std::size_t c = 0; c < count; c += lanes) {
        V w = V::load(theta + c), g = V::load(gradient + c);
        if constexpr (penalised) {
            squares = fma(w, w, squares);
            magnitudes = magnitudes + abs(w);
            g = g + penalty_slope(w, l2, l1);
        }
        odd = fma(g, zero, odd);  // NaN as soon as one partial is not finite
        if constexpr (clipped) g = g * clip;
        if constexpr (optimizer == Optimizer::sgd) {
            if (has_momentum) {
                const V v = fma(keep1, V::load(first + c), g);
                v.store(first + c);
                g = step.nesterov ? fma(keep1, v, g) : v;
            }
            w = fnma(rate, g, w);
        } else if constexpr (optimizer == Optimizer::rmsprop) {
            const V v = fma(add2, g * g, keep2 * V::load(second + c));
            v.store(second + c);
            w = w - over_root(rate * g, v, one, epsilon);
        } else {
            if constexpr (optimizer == Optimizer::adamw) w = fnma(decay, w, w);
            V m = V::load(first + c), v = V::load(second + c);
            m = fma(add1, g - m, m);
            v = fma(add2, fma(g, g, -v), v);
            m.store(first + c);
            v.store(second + c);
            w = fnma(rate, over_root(m, v, root_scale, epsilon), w);
        }
        w.store(theta + c);
    }
    return {static_cast<double>(sum(squares)), static_cast<double>(sum(magnitudes)), sum(odd) == 0};
}

template <class T, Optimizer optimizer>
static Seen update_with(const Update<T>& step, T* theta, const T* gradient, T* first, T* second, std::size_t count,
                        bool weights) {
    // A clipped gradient has its penalty in it already.
    if (step.clip != 1) return update_run<T, optimizer, false, true>(step, theta, gradient, first, second, count);
    if (weights && (step.l2 > 0 || step.l1 > 0))
        return update_run<T, optimizer, true, false>(step, theta, gradient, first, second, count);
    return update_run<T, optimizer, false, false>(step, theta, gradient, first, second, count);
}

template <class T>
static Seen update(const Update<T>& step, T* theta, const T* gradient, T* first, T* second, std::size_t count,
                   bool weights) {
    switch (step.optimizer) {
        case Optimizer::sgd: return update_with<T, Optimizer::sgd>(step, theta, gradient, first, second, count, weights);
        case Optimizer::adamw:
            if (weights)
                return update_with<T, Optimizer::adamw>(step, theta, gradient, first, second, count, weights);
            [[fallthrough]];  // weight decay spares the biases
        case Optimizer::adam:
            return update_with<T, Optimizer::adam>(step, theta, gradient, first, second, count, weights);
        case Optimizer::rmsprop:
            return update_with<T, Optimizer::rmsprop>(step, theta, gradient, first, second, count, weights);
    }
    return {};
}

}  // namespace pellucid::PELLUCID_ISA
