"""What is said of both estimators alike, put into their docstrings."""

from __future__ import annotations

from typing import TypeVar

_COMMON = """\
hidden_layer_sizes : int or sequence of int
    Neurons of each hidden layer.
activation : str, pellucid.Activation, or a list with one for each hidden layer
    'relu', 'logistic' (also 'sigmoid'), 'tanh', 'identity', and every other row of pellucid's table.
solver : {'adam', 'sgd', 'lbfgs'}
alpha : float in [0, ∞)
    A batch of n samples is fined alpha/(2 n) Σ w² over the weights, biases excepted; with weights n is their sum.
batch_size : int or 'auto'
    'auto' is 200, or all samples if there are fewer.
learning_rate : {'constant', 'invscaling', 'adaptive'}
    For 'sgd': always learning_rate_init; learning_rate_init / (t + 1)^power_t after t samples; a fifth each time
    that training would otherwise stop, until it is 1e-6.
learning_rate_init : float in (0, ∞)
    For 'sgd' and 'adam'.
power_t : float in [0, ∞)
max_iter : int
    Epochs, or L-BFGS's iterations, at most.
shuffle : bool
    Draw the batches in a new order each epoch.
random_state : int, RandomState or None
    For the initial weights, which are scikit-learn's, the split for early stopping, order and dropout.
tol : float in [0, ∞)
    Training stops once the loss, or the validation score, has not improved by more than this for more than
    n_iter_no_change epochs. For 'lbfgs' the largest partial at which it stops.
verbose : bool
    Print a line for each epoch.
warm_start : bool
    Fit from where the last fit ended, the solver's memory included.
momentum : float in [0, 1]
nesterovs_momentum : bool
    For 'sgd'.
early_stopping : bool
    Set a validation set aside, stratified by class, or take fit's validation_set; let it decide when to stop, and
    keep the best epoch's parameters.
validation_fraction : float in [0, 1)
beta_1, beta_2 : float in [0, 1)
epsilon : float in (0, ∞)
    For 'adam'.
n_iter_no_change : int or inf
max_fun : int
    For 'lbfgs': evaluations of the loss at most.
dropout : float in [0, 1), or one for each hidden layer
    Share of hidden neurons dropped at random in each step.
clip_norm : float in (0, ∞) or None
    Scale a gradient of larger norm down to it.
monitor : {'score', 'loss'}
    What early stopping watches on the validation set.
standardize : bool, 'inputs' or 'targets'
    Standardise inputs, and targets that are numbers, by the training samples' mean and deviation, which are stored.
bias : bool
    Whether the layers have biases. The weights of a ``random_state`` are the same with and without them.
callbacks : callable or a sequence of them
    Called at the end of each epoch with a pellucid.training.Epoch."""

_ATTRIBUTES = """\
network_ : pellucid.Network
    With every z, a and d to look at: ``model.network_.backprop(x, y)``. Its inputs are the standardised ones.
coefs_, intercepts_ : list of ndarray
    Of shapes (n_in, n_out) and (n_out,): views of the network's parameters. With ``bias=False``, ``intercepts_`` are
    zeros that cannot be written to.
loss_, loss_curve_ : float and list of float
    The loss of each epoch as trained, penalty included; the gradient is always its gradient.
best_loss_ : float or None
    The lowest of the curve; None if a validation set decided.
validation_loss_curve_, validation_scores_ : list of float or None
best_validation_score_ : float or None
n_iter_, t_ : int
    Epochs of the last fit; samples seen in all.
learning_rate_ : float
    Of the epoch that would come next.
n_layers_, n_outputs_, n_features_in_ : int
feature_names_in_ : ndarray of str
    If the inputs were a data frame.
out_activation_ : str
x_scaling_, y_scaling_ : pellucid.estimators.Scaling or None"""

AnyClass = TypeVar("AnyClass", bound=type)


def documented(estimator: AnyClass) -> AnyClass:
    """Put the common parameters and attributes into an estimator's docstring."""
    assert estimator.__doc__ is not None
    common, attributes = (text.replace("\n", "\n    ") for text in (_COMMON, _ATTRIBUTES))
    estimator.__doc__ = estimator.__doc__.replace("{common}", common).replace("{attributes}", attributes)
    return estimator
