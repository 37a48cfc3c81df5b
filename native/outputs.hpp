// Step 3 on a block of samples side by side in the lanes: a^F, the losses, and d^F = ∇_a L ⊙ σ'(z^F) by equation (1).
//
// Canonical pairs never leave z, as in losses.py, and have their delta collapsed. Every sum over the outputs j runs down
// the rows, so no lane needs another.
#pragma once

namespace pellucid::PELLUCID_ISA {

// L_i and ∇_a L of one vector of samples, summed over the neurons by the caller.
template <class T>
struct LossRow {
    Vec<T> value, gradient;
};

template <class T, Loss loss>
static PELLUCID_INLINE LossRow<T> loss_row(Vec<T> a, Vec<T> y, Vec<T> setting, Vec<T> per_output) {
    using V = Vec<T>;
    const V zero = V::zero(), one = V::set(1), half = V::set(T(0.5));
    if constexpr (loss == Loss::mse) {
        const V r = a - y;
        return {r * r, (r + r) * per_output};
    } else if constexpr (loss == Loss::half_squared_error) {
        const V r = a - y;
        return {half * r * r, r};
    } else if constexpr (loss == Loss::mae) {
        const V r = a - y;
        const V sign = select(eq(r, zero), zero, copysign(per_output, r));
        return {abs(r), select(eq(r, r), sign, r)};
    } else if constexpr (loss == Loss::huber) {
        const V r = a - y, size = abs(r);
        const V near = min(setting, size);  // both cases in one, and no square of a large r
        const V inside = max(-setting, min(setting, r));
        return {near * (size - half * near), inside * per_output};
    } else if constexpr (loss == Loss::quantile) {
        const V r = a - y;
        const V slope = select(gt(r, zero), one - setting, -setting);
        const V gradient = select(eq(r, zero), zero, slope);
        return {slope * r, select(eq(r, r), gradient, r) * per_output};
    } else if constexpr (loss == Loss::poisson) {
        const V floor = max(V::set(Ranges<T>::smallest), a);
        return {a - y * log(floor), (one - y / floor) * per_output};
    } else if constexpr (loss == Loss::cross_entropy) {
        const V floor = max(V::set(Ranges<T>::smallest), a);
        return {-(y * log(floor)), -(y / floor)};
    } else {
        const V floor = max(V::set(Ranges<T>::smallest), a);
        const V complement = max(V::set(Ranges<T>::half_eps), one - a);
        return {-(y * log(floor) + (one - y) * log(complement)), (one - y) / complement - y / floor};
    }
}

constexpr bool is_mean(Loss loss) {
    return loss == Loss::mse || loss == Loss::mae || loss == Loss::huber || loss == Loss::quantile ||
           loss == Loss::poisson;
}

// job.d holds σ'(z) if the activation is element-wise, and receives d.
template <class T, Loss loss>
static void general_output(const Output<T>& job) {
    using V = Vec<T>;
    constexpr int lanes = V::lanes;
    const V per_output = V::set(is_mean(loss) ? T(1) / static_cast<T>(job.neurons) : T(1));
    const bool softmax = job.activation == Activation::softmax;
    for (std::ptrdiff_t i = 0; i < job.samples; i += lanes) {
        V total = V::zero();
        const V share = job.share ? V::load(job.share + i) : V::set(1);
        V inner = V::zero();  // Σ_k a_k g_k, of softmax's Jacobian
        std::ptrdiff_t which = 0;
        for (std::ptrdiff_t j = 0; j < job.neurons; ++j) {
            const std::ptrdiff_t at = j * job.stride + i;
            const V a = V::load(job.a + at);
            const V setting = V::set(job.loss_settings[which]);
            which = which + 1 < job.loss_setting_count ? which + 1 : 0;
            const LossRow<T> row = loss_row<T, loss>(a, V::load(job.y + at), setting, per_output);
            total = total + row.value;
            if (!job.d) continue;
            if (softmax) {
                inner = fma(a, row.gradient, inner);
                row.gradient.store(job.d + at);
            } else {
                (row.gradient * V::load(job.d + at) * share).store(job.d + at);  // (1)
            }
        }
        (total * per_output).store(job.losses + i);
        if (softmax && job.d)
            for (std::ptrdiff_t j = 0; j < job.neurons; ++j) {
                const std::ptrdiff_t at = j * job.stride + i;
                (V::load(job.a + at) * (V::load(job.d + at) - inner) * share).store(job.d + at);  // (1) as Jᵀ ∇_a L
            }
    }
}

template <class T>
static void softmax(const Output<T>& job) {
    using V = Vec<T>;
    constexpr int lanes = V::lanes;
    const bool canonical = job.y && job.loss == Loss::cross_entropy;
    for (std::ptrdiff_t i = 0; i < job.samples; i += lanes) {
        const T* z = job.z + i;
        V top = V::load(z);
        for (std::ptrdiff_t j = 1; j < job.neurons; ++j) {
            const V own = V::load(z + j * job.stride);
            top = select(gt(own, top) | ~eq(own, own), own, top);
        }
        // The largest exponent is 0: no overflow. The first neuron that has it is left out of the sum, so that log1p
        // of the others keeps the relative accuracy of a loss near 0.
        V others = V::zero(), loss = V::zero(), targets = V::zero(), one = V::set(1), found = V::zero();
        for (std::ptrdiff_t j = 0; j < job.neurons; ++j) {
            const V below = V::load(z + j * job.stride) - top;
            const V e = exp(below);
            const auto first = eq(below, V::zero()) & eq(found, V::zero());
            found = select(first, one, found);
            others = others + select(first, V::zero(), e);
            e.store(job.a + j * job.stride + i);
            if (canonical) {
                const V y = V::load(job.y + j * job.stride + i);
                loss = fnma(y, below, loss);
                targets = targets + y;
            }
        }
        const V scale = one / (one + others);
        for (std::ptrdiff_t j = 0; j < job.neurons; ++j) {
            T* a = job.a + j * job.stride + i;
            (V::load(a) * scale).store(a);
        }
        if (canonical) ((loss + log1p(others)) + (one - targets) * top).store(job.losses + i);
    }
}

// L_i from z, and d = a - y or what the pair has in its place.
template <class T, Activation activation, Loss loss>
static void canonical_output(const Output<T>& job) {
    using V = Vec<T>;
    constexpr int lanes = V::lanes;
    const V one = V::set(1), zero = V::zero();
    const V per_output = V::set(T(1) / static_cast<T>(job.neurons)), most = V::set(Ranges<T>::largest);
    for (std::ptrdiff_t i = 0; i < job.samples; i += lanes) {
        const V share = job.share ? V::load(job.share + i) : one;
        V total = zero;
        for (std::ptrdiff_t j = 0; j < job.neurons; ++j) {
            const std::ptrdiff_t at = j * job.stride + i;
            const V a = V::load(job.a + at), y = V::load(job.y + at);
            V delta = a - y;
            if constexpr (activation == Activation::sigmoid) {
                const V z = V::load(job.z + at);
                const V tail = log1p(exp(-abs(z)));
                if constexpr (loss == Loss::binary_cross_entropy) {
                    total = total + (tail + (max(zero, z) - y * z));  // neither part cancels for |z| >> 0
                } else {
                    total = total + y * (max(zero, -z) + tail);
                    delta = y * (a - one);
                }
            } else if constexpr (activation == Activation::exp) {
                const V z = V::load(job.z + at);
                total = total + (a * per_output - y * z * per_output);
                delta = delta * per_output;
            }
            if (job.d) (delta * share).store(job.d + at);
        }
        if constexpr (activation == Activation::exp) total = min(most, total);
        if constexpr (activation != Activation::softmax) total.store(job.losses + i);
    }
}

template <class T>
static void loss_of(const Output<T>& job) {
    if (job.loss == Loss::cross_entropy && job.activation == Activation::softmax)
        return canonical_output<T, Activation::softmax, Loss::cross_entropy>(job);
    if (job.loss == Loss::cross_entropy && job.activation == Activation::sigmoid)
        return canonical_output<T, Activation::sigmoid, Loss::cross_entropy>(job);
    if (job.loss == Loss::binary_cross_entropy && job.activation == Activation::sigmoid)
        return canonical_output<T, Activation::sigmoid, Loss::binary_cross_entropy>(job);
    if (job.loss == Loss::poisson && job.activation == Activation::exp)
        return canonical_output<T, Activation::exp, Loss::poisson>(job);
    switch (job.loss) {
        case Loss::mse: return general_output<T, Loss::mse>(job);
        case Loss::half_squared_error: return general_output<T, Loss::half_squared_error>(job);
        case Loss::mae: return general_output<T, Loss::mae>(job);
        case Loss::huber: return general_output<T, Loss::huber>(job);
        case Loss::quantile: return general_output<T, Loss::quantile>(job);
        case Loss::poisson: return general_output<T, Loss::poisson>(job);
        case Loss::cross_entropy: return general_output<T, Loss::cross_entropy>(job);
        case Loss::binary_cross_entropy: return general_output<T, Loss::binary_cross_entropy>(job);
    }
}

template <class T>
static void output(const Output<T>& job) {
    if (job.activation == Activation::softmax) {
        softmax(job);
    } else {
        for (std::ptrdiff_t j = 0; j < job.neurons; ++j) {
            const std::ptrdiff_t at = j * job.stride;
            activate(job.activation, job.activation_setting, job.z + at, job.a + at, job.d ? job.d + at : nullptr,
                     static_cast<std::size_t>(job.samples));
        }
    }
    if (job.y) loss_of(job);
}

}  // namespace pellucid::PELLUCID_ISA
