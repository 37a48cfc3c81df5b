// The rows of the tables in activations.py, losses.py and optimizers.py, in their order there.
#pragma once

namespace pellucid {

enum class Activation : int {
    sigmoid, relu, tanh, identity, softmax, leaky_relu, elu, selu, softplus, silu, gelu, gelu_tanh, hard_tanh, exp, sine
};

enum class Loss : int {
    mse, half_squared_error, mae, huber, quantile, poisson, cross_entropy, binary_cross_entropy
};

enum class Optimizer : int { sgd, adam, adamw, rmsprop };

}  // namespace pellucid
