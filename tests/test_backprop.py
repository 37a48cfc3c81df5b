"""The five steps: the equations as printed, and what is true of every gradient."""

import copy
import dataclasses
import itertools
import pickle
import re
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pellucid as pl
from pellucid.activations import ACTIVATIONS
from pellucid.backprop import backpropagate, feedforward
from pellucid.losses import LOSSES

EPS = np.finfo(np.float64).eps
SMOOTH = ["sigmoid", "tanh", "identity", "softplus", "silu", "gelu", "gelu_tanh", "sine"]
HIDDEN = [*SMOOTH, "relu", "leaky_relu", "elu", "selu", "hard_tanh"]
OUTPUTS = {
    "mse": ["identity", "sigmoid", "softmax", "relu"],
    "half_squared_error": ["identity", "tanh", "softmax"],
    "mae": ["identity", "elu"],
    "huber": ["identity", "selu"],
    "quantile": ["identity", "sine"],
    "poisson": ["exp", "softplus"],
    "cross_entropy": ["softmax", "sigmoid"],
    "binary_cross_entropy": ["sigmoid", "softmax"],
}
WITHOUT_KINKS = ["mse", "half_squared_error", "poisson", "cross_entropy", "binary_cross_entropy"]


@st.composite
def problems(draw, hidden=HIDDEN, losses=tuple(OUTPUTS), min_layers=2, dtypes=("float64",), biases=(True, False)):
    """A network, samples that its loss accepts and weights for them; all sizes and the number of samples differ."""
    n, *sizes = draw(st.lists(st.integers(2, 9), min_size=min_layers + 1, max_size=max(min_layers, 5) + 1, unique=True))
    loss = draw(st.sampled_from(losses))
    output = draw(st.sampled_from([name for name in OUTPUTS[loss] if name != "relu" or "relu" in hidden]))
    activations = [draw(st.sampled_from(hidden)) for _ in sizes[1:-1]] + [output]
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    net = pl.Network(
        sizes, activations, init="lecun_normal", seed=rng.integers(2**31), dtype=draw(st.sampled_from(dtypes)),
        bias=draw(st.sampled_from(biases)),
    )  # fmt: skip
    for l in net.b.keys():
        net.b[l] = rng.normal(size=net.b[l].shape) / 2
    m = sizes[-1]
    Y = {
        "numbers": lambda: rng.normal(size=(n, m)),
        "counts": lambda: rng.poisson(1.5, (n, m)).astype(float),
        "classes": lambda: rng.dirichlet(np.ones(m), n),
        "probabilities": lambda: rng.uniform(size=(n, m)),
    }[LOSSES[loss].targets]()
    X, weight = rng.normal(size=(n, sizes[0])), rng.uniform(0.1, 3.0, n)
    return SimpleNamespace(net=net, X=X, Y=Y, loss=loss, weight=weight, n=n, rng=rng)


def rounding(problem, ulps=2**10):
    """What rounding may leave in a mean gradient: relative to the mean size of what is added up."""
    p = problem
    one_by_one = [np.linalg.norm(p.net.gradient(x, y, p.loss).vector) for x, y in zip(p.X, p.Y, strict=True)]
    return ulps * np.finfo(p.net.dtype).eps * max(one_by_one)


# The equations


def test_a_network_worked_step_by_step_in_a_well_known_text():
    """M. Mazur, A step by step backpropagation example, 2015: two inputs, two hidden and two output neurons."""
    net = pl.Network(
        [2, 2, 2], "sigmoid",
        init=([[[0.15, 0.20], [0.25, 0.30]], [[0.40, 0.45], [0.50, 0.55]]], [[0.35, 0.35], [0.60, 0.60]]),
    )  # fmt: skip
    run = net.backprop([0.05, 0.10], [0.01, 0.99], "half_squared_error")
    for number, printed in (
        (run["z_1^2"], "0.3775"),
        (run["a_1^2"], "0.593269992"),
        (run["a_2^2"], "0.596884378"),
        (run["z_1^3"], "1.105905967"),
        (run["a_1^3"], "0.75136507"),
        (run["a_2^3"], "0.772928465"),
        (run.loss, "0.298371109"),
        (run["d_1^3"], "0.138498562"),
        (run["d_2^3"], "-0.038098236"),
        (run.gradient.W[3][0, 0], "0.082167041"),
        (run.gradient.W[2][0, 0], "0.000438568"),
    ):
        unit = 10.0 ** -len(printed.partition(".")[2])
        assert abs(number - float(printed)) < unit, printed  # some are printed cut and not rounded
    net.parameters = net.parameters - 0.5 * run.gradient.vector
    assert f"{net['w_11^3']:.8f} {net['w_12^3']:.8f} {net['w_21^3']:.8f} {net['w_22^3']:.8f}" == (
        "0.35891648 0.40866619 0.51130127 0.56137012"
    )
    assert f"{net['w_11^2']:.8f} {net['w_12^2']:.8f} {net['w_21^2']:.8f} {net['w_22^2']:.8f}" == (
        "0.14978072 0.19956143 0.24975114 0.29950229"
    )


def test_whole_numbers_give_the_exact_gradient():
    """relu(W x + b) and a linear output with half the squared error, by hand."""
    net = pl.Network(
        [2, 3, 1], "relu", "identity", init=([[[1, 2], [3, -4], [-1, 1]], [[2, -1, 3]]], [[0, 5, -6], [1]])
    )
    run = net.backprop([[1, 2]], [[10]], "half_squared_error")
    np.testing.assert_array_equal(run.z[2], [[5, 0, -5]])
    np.testing.assert_array_equal(run.a[2], [[5, 0, 0]])
    np.testing.assert_array_equal(run.a[3], [[11]])
    np.testing.assert_array_equal(run.d[3], [[1]])
    np.testing.assert_array_equal(run.d[2], [[2, 0, 0]])  # relu'(0) = 0
    np.testing.assert_array_equal(run.gradient.W[3], [[5, 0, 0]])
    np.testing.assert_array_equal(run.gradient.b[3], [1])
    np.testing.assert_array_equal(run.gradient.W[2], [[2, 4], [0, 0], [0, 0]])
    np.testing.assert_array_equal(run.gradient.b[2], [2, 0, 0])
    np.testing.assert_array_equal(run.input_gradient, [[2, 4]])
    assert run.loss == 0.5


@given(problems())
def test_every_number_of_the_record_obeys_its_equation(problem):
    p = problem
    run, W, b = p.net.backprop(p.X, p.Y, p.loss), p.net.W, p.net.b
    a, z, d, F = run.a, run.z, run.d, p.net.F
    sigma = p.net.activations
    np.testing.assert_array_equal(a[1], p.X)
    np.testing.assert_array_equal(run.y, p.Y)
    shapes = {l: (p.n, p.net.size(l)) for l in range(1, F + 1)}
    assert {l: one.shape for l, one in a.items()} == shapes
    assert (
        {l: one.shape for l, one in z.items()}
        == {l: one.shape for l, one in d.items()}
        == {l: shapes[l] for l in range(2, F + 1)}
    )

    def close(got, terms, rounded=8, slack=0.0):
        """The sum of the terms along the last axis, to the rounding of a sum of that length."""
        bound = rounded * terms.shape[-1] * EPS * np.abs(terms).sum(axis=-1)
        assert (np.abs(got - terms.sum(axis=-1)) <= bound + slack).all()

    def conditioned(function, z):
        """What moving z by its rounding changes: where that is more than rounding, neither engine can do better."""
        return np.abs(function(z * (1 + 8 * EPS)) - function(z)) + np.abs(function(z * (1 - 8 * EPS)) - function(z))

    for l in range(2, F + 1):
        products = W[l] * a[l - 1][:, np.newaxis, :]  # w_jk a_k, of shape (n, n_l, n_{l-1})
        if p.net.has_bias:
            products = np.concatenate([products, np.broadcast_to(b[l][:, np.newaxis], (*shapes[l], 1))], axis=-1)
        close(z[l], products)
        at = sigma[l].function(z[l])
        assert (np.abs(a[l] - at) <= 16 * EPS * np.abs(at) + conditioned(sigma[l].function, z[l])).all()
        # (3) and (4), the mean over the samples; d rounds otherwise there, as the shares are taken into it first
        close(run.gradient.W[l], np.moveaxis(d[l][:, :, np.newaxis] * a[l - 1][:, np.newaxis, :], 0, -1) / p.n, 512)
        if p.net.has_bias:
            close(run.gradient.b[l], d[l].T / p.n, 512)
    # (1): ∂L/∂z_j = Σ_i ∂L/∂a_i ∂a_i/∂z_j
    if (p.loss, sigma[F].name) in {("cross_entropy", "softmax"), ("binary_cross_entropy", "sigmoid")}:
        np.testing.assert_array_equal(d[F], a[F] - p.Y)
    elif (p.loss, sigma[F].name) == ("poisson", "exp"):
        np.testing.assert_allclose(d[F], (a[F] - p.Y) / p.net.size(F), rtol=2 * EPS)
    else:
        J = sigma[F].derivative(z[F])
        if sigma[F].elementwise:
            J = J[:, :, np.newaxis] * np.eye(p.net.size(F))
        close(d[F], np.swapaxes(LOSSES[p.loss].gradient(a[F], p.Y)[:, :, np.newaxis] * J, -1, -2))
    # (2)
    for l in range(F - 1, 1, -1):
        sent = W[l + 1].T * d[l + 1][:, np.newaxis, :]
        slack = np.abs(sent).sum(axis=-1) * conditioned(sigma[l].derivative, z[l])
        close(d[l], sent * sigma[l].derivative(z[l])[:, :, np.newaxis], slack=slack)
    close(run.input_gradient, W[2].T * d[2][:, np.newaxis, :])
    np.testing.assert_array_equal(run.losses.shape, (p.n,))
    close(run.loss, run.losses / p.n)


@given(problems(hidden=["identity"], losses=["mse"]))
def test_a_linear_network_has_the_gradient_of_linear_least_squares(problem):
    p = problem
    net = pl.Network(p.net.sizes, "identity", init=p.net.parameters, bias=p.net.has_bias)
    M, c = np.eye(net.size(1)), np.zeros(net.size(1))  # a^F = M x + c
    for l in range(2, net.F + 1):
        M, c = net.W[l] @ M, net.W[l] @ c + net.shift(l)
    residual = p.X @ M.T + c - p.Y
    after = np.eye(net.size(net.F))  # W^F … W^{l+1}
    g = net.gradient(p.X, p.Y)
    for l in range(net.F, 1, -1):
        delta = 2 / net.size(net.F) * residual @ after
        if net.has_bias:
            np.testing.assert_allclose(g.b[l], delta.mean(axis=0), rtol=0, atol=rounding(p))
        np.testing.assert_allclose(g.W[l], delta.T @ net.backprop(p.X, p.Y).a[l - 1] / p.n, rtol=0, atol=rounding(p))
        after = after @ net.W[l]


# Differences


@given(problems(hidden=SMOOTH, losses=WITHOUT_KINKS, min_layers=3), st.floats(0, 1), st.floats(0, 1))
def test_the_slope_along_any_direction_is_the_gradient_times_the_direction(problem, l2, uses_weights):
    p = problem
    weight = p.weight if uses_weights > 0.5 else None
    theta, v = p.net.parameters.copy(), p.rng.normal(size=p.net.parameters.size)
    v /= np.linalg.norm(v)

    def loss(t):
        p.net.parameters = theta + t * v
        return p.net.gradient(p.X, p.Y, p.loss, sample_weight=weight, l2=l2).loss

    g = p.net.gradient(p.X, p.Y, p.loss, sample_weight=weight, l2=l2)
    h = EPS**0.2
    slope = (8 * (loss(h) - loss(-h)) - (loss(2 * h) - loss(-2 * h))) / (12 * h)
    # truncation h⁴ and rounding eps/h meet at eps^0.8
    assert abs(slope - g.vector @ v) <= 256 * EPS**0.8 * (np.linalg.norm(g.vector) + abs(g.loss))


@given(problems(hidden=SMOOTH, losses=WITHOUT_KINKS))
def test_the_input_gradient_is_each_samples_own_slope_along_its_input(problem):
    p = problem
    v = p.rng.normal(size=p.X.shape)
    v /= np.linalg.norm(v, axis=1, keepdims=True)

    def losses(t):
        return p.net.backprop(p.X + t * v, p.Y, p.loss).losses

    run, h = p.net.backprop(p.X, p.Y, p.loss, sample_weight=p.weight, l2=0.5), EPS**0.2
    slope = (8 * (losses(h) - losses(-h)) - (losses(2 * h) - losses(-2 * h))) / (12 * h)
    size = np.linalg.norm(run.input_gradient, axis=1) + np.abs(run.losses)
    assert (np.abs(slope - (run.input_gradient * v).sum(axis=1)) <= 256 * EPS**0.8 * size).all()


@given(problems(biases=[True]))
def test_moving_an_input_is_moving_the_first_biases_by_W2_times_that(problem):
    p = problem
    for x, y in zip(p.X, p.Y, strict=True):
        run = p.net.backprop(x, y, p.loss)
        bound = 16 * EPS * (np.abs(p.net.W[2]).T @ np.abs(run.gradient.b[2])) * p.net.size(2)
        assert (np.abs(run.input_gradient - p.net.W[2].T @ run.gradient.b[2]) <= bound).all()


# Batches and weights


@given(problems(dtypes=["float32", "float64"]))
def test_the_gradient_of_a_batch_is_the_mean_of_the_samples(problem):
    p = problem
    runs = [p.net.backprop(x, y, p.loss) for x, y in zip(p.X, p.Y, strict=True)]
    batch = p.net.gradient(p.X, p.Y, p.loss)
    mean = np.mean([run.gradient.vector for run in runs], axis=0)
    np.testing.assert_allclose(batch.vector, mean, rtol=0, atol=rounding(p))
    losses = np.array([run.loss for run in runs])
    np.testing.assert_allclose(
        batch.loss, losses.mean(), rtol=0, atol=2**8 * np.finfo(p.net.dtype).eps * abs(losses).max()
    )


@given(problems(dtypes=["float32", "float64"]), st.data())
def test_a_weight_of_two_is_the_sample_twice_and_of_zero_the_sample_left_out(problem, data):
    p = problem
    counts = np.array(data.draw(st.lists(st.integers(0, 3), min_size=p.n, max_size=p.n).filter(any)))
    again = np.repeat(np.arange(p.n), counts)
    weighted = p.net.gradient(p.X, p.Y, p.loss, sample_weight=counts, l2=0.3, l1=0.2)
    repeated = p.net.gradient(p.X[again], p.Y[again], p.loss, l2=0.3, l1=0.2)
    scale = rounding(p) * (1 + 0.5 * np.linalg.norm(p.net.parameters))
    np.testing.assert_allclose(weighted.vector, repeated.vector, rtol=0, atol=scale + rounding(p))
    eps = np.finfo(p.net.dtype).eps
    largest = np.abs(p.net.backprop(p.X, p.Y, p.loss).losses).max() + abs(repeated.loss)
    np.testing.assert_allclose(weighted.loss, repeated.loss, rtol=0, atol=2**8 * eps * largest)


@given(problems(), st.integers(-1000, 1000))
def test_only_the_ratios_of_the_weights_count(problem, exponent):
    p = problem
    first = p.net.gradient(p.X, p.Y, p.loss, sample_weight=p.weight)
    scaled = p.net.gradient(p.X, p.Y, p.loss, sample_weight=p.weight * 2.0**exponent)
    np.testing.assert_array_equal(scaled.vector, first.vector)
    equal = p.net.gradient(p.X, p.Y, p.loss, sample_weight=np.full(p.n, 2.0**exponent))
    np.testing.assert_allclose(equal.vector, p.net.gradient(p.X, p.Y, p.loss).vector, rtol=0, atol=rounding(p))


def test_weights_as_large_as_numbers_go_do_not_overflow():
    net, rng = pl.Network([3, 5, 2], "tanh", seed=0), np.random.default_rng(0)
    X, Y = rng.normal(size=(7, 3)), rng.normal(size=(7, 2))
    huge = net.gradient(X, Y, sample_weight=np.full(7, np.finfo(np.float64).max))
    np.testing.assert_allclose(huge.vector, net.gradient(X, Y).vector, rtol=0, atol=64 * EPS)


@given(problems(), st.randoms(use_true_random=False))
def test_the_order_of_the_samples_does_not_count(problem, random):
    p = problem
    order = random.sample(range(p.n), p.n)
    straight = p.net.backprop(p.X, p.Y, p.loss, sample_weight=p.weight)
    mixed = p.net.backprop(p.X[order], p.Y[order], p.loss, sample_weight=p.weight[order])
    np.testing.assert_allclose(mixed.gradient.vector, straight.gradient.vector, rtol=0, atol=rounding(p))
    bound = 2**10 * EPS * np.abs(straight.input_gradient).max()
    np.testing.assert_allclose(mixed.input_gradient, straight.input_gradient[order], rtol=0, atol=bound)


def test_weights_do_not_scale_deltas_losses_or_input_gradients():
    net, rng = pl.Network([3, 5, 2], "tanh", seed=0), np.random.default_rng(0)
    X, Y, weight = rng.normal(size=(7, 3)), rng.normal(size=(7, 2)), rng.uniform(1, 5, 7)
    plain, weighted = net.backprop(X, Y), net.backprop(X, Y, sample_weight=weight, l2=0.1, l1=0.1)
    for name in ("losses", "input_gradient"):
        np.testing.assert_array_equal(getattr(weighted, name), getattr(plain, name))
    for l in plain.d.keys():
        np.testing.assert_array_equal(weighted.d[l], plain.d[l])
    np.testing.assert_array_equal(plain.share, np.full(7, 1 / 7))
    np.testing.assert_allclose(weighted.share, weight / weight.sum(), rtol=4 * EPS)


# Penalties


@given(problems(biases=[True]), st.floats(0, 10), st.floats(0, 10))
def test_penalties_act_on_weights_and_not_on_biases_and_belong_to_the_loss(problem, l2, l1):
    p = problem
    plain = p.net.gradient(p.X, p.Y, p.loss, sample_weight=p.weight)
    for run in (
        p.net.gradient(p.X, p.Y, p.loss, sample_weight=p.weight, l2=l2, l1=l1),
        p.net.backprop(p.X, p.Y, p.loss, sample_weight=p.weight, l2=l2, l1=l1).gradient,
    ):
        squares = sum(float((p.net.W[l] ** 2).sum()) for l in range(2, p.net.F + 1))
        absolutes = sum(float(np.abs(p.net.W[l]).sum()) for l in range(2, p.net.F + 1))
        penalty = l2 / 2 * squares + l1 * absolutes  # not divided by n
        np.testing.assert_allclose(run.loss, plain.loss + penalty, rtol=0, atol=64 * EPS * (abs(plain.loss) + penalty))
        for l in range(2, p.net.F + 1):
            slope = l2 * p.net.W[l] + l1 * np.sign(p.net.W[l])
            bound = 8 * EPS * (np.abs(plain.W[l]) + np.abs(slope))
            assert (np.abs(run.W[l] - plain.W[l] - slope) <= bound).all()
            np.testing.assert_array_equal(run.b[l], plain.b[l])


def test_a_weight_of_zero_has_no_absolute_slope():
    net = pl.Network([2, 1], "identity", init=([[[0.0, -2.0]]], [[3.0]]))
    g = net.gradient([[0.0, 0.0]], [[3.0]], l1=0.5, l2=0.25)
    np.testing.assert_array_equal(g.W[2], [[0.0, -0.5 - 0.5]])
    assert g.loss == 0.25 / 2 * 4 + 0.5 * 2


# Symmetries


@given(problems(min_layers=3), st.randoms(use_true_random=False))
def test_permuting_hidden_units_permutes_the_gradient_and_nothing_else(problem, random):
    p = problem
    net, F = p.net, p.net.F
    order = {l: random.sample(range(net.size(l)), net.size(l)) for l in range(2, F)}
    order[1], order[F] = list(range(net.size(1))), list(range(net.size(F)))
    other = net.copy()
    for l in range(2, net.F + 1):
        other.W[l] = net.W[l][np.ix_(order[l], order[l - 1])]
        if net.has_bias:
            other.b[l] = net.b[l][order[l]]
    run, permuted = (each.backprop(p.X, p.Y, p.loss, sample_weight=p.weight) for each in (net, other))
    np.testing.assert_allclose(permuted.losses, run.losses, rtol=0, atol=2**10 * EPS * np.abs(run.losses).max())
    np.testing.assert_allclose(
        permuted.input_gradient, run.input_gradient, rtol=0, atol=2**10 * EPS * np.abs(run.input_gradient).max()
    )
    for l in range(2, net.F + 1):
        expected = run.gradient.W[l][np.ix_(order[l], order[l - 1])]
        np.testing.assert_allclose(permuted.gradient.W[l], expected, rtol=0, atol=rounding(p))
        if net.has_bias:
            np.testing.assert_allclose(permuted.gradient.b[l], run.gradient.b[l][order[l]], rtol=0, atol=rounding(p))
        np.testing.assert_allclose(permuted.d[l], run.d[l][:, order[l]], rtol=0, atol=rounding(p))


@given(problems(hidden=["tanh", "sine", "identity", "hard_tanh"], min_layers=3, biases=[True]))
def test_turning_the_sign_of_an_odd_hidden_unit_turns_the_sign_of_its_gradient(problem):
    p = problem
    other = p.net.copy()
    other.W[2][0] *= -1
    other.b[2][0] *= -1
    other.W[3][:, 0] *= -1
    g, h = (net.gradient(p.X, p.Y, p.loss) for net in (p.net, other))
    for l in range(2, p.net.F + 1):
        expected_W, expected_b = g.W[l].copy(), g.b[l].copy()
        if l == 2:
            expected_W[0] *= -1
            expected_b[0] *= -1
        if l == 3:
            expected_W[:, 0] *= -1
        np.testing.assert_allclose(h.W[l], expected_W, rtol=0, atol=rounding(p))
        np.testing.assert_allclose(h.b[l], expected_b, rtol=0, atol=rounding(p))


@given(problems(hidden=["relu", "leaky_relu"], min_layers=3, biases=[True]))
def test_rescaling_a_rectified_unit_rescales_its_gradient(problem):
    """relu(c z) = c relu(z) for c > 0: the loss stays, the incoming gradient is divided by c, the outgoing times c."""
    p = problem
    other = p.net.copy()
    other.W[2][0] *= 4
    other.b[2][0] *= 4
    other.W[3][:, 0] /= 4
    g, h = (net.gradient(p.X, p.Y, p.loss) for net in (p.net, other))
    np.testing.assert_allclose(h.W[2][0] * 4, g.W[2][0], rtol=0, atol=rounding(p))
    np.testing.assert_allclose(h.W[3][:, 0], 4 * g.W[3][:, 0], rtol=0, atol=4 * rounding(p))
    np.testing.assert_allclose(h.W[3][:, 1:], g.W[3][:, 1:], rtol=0, atol=rounding(p))


@given(problems(losses=["cross_entropy"], biases=[True]))
def test_with_cross_entropy_the_deltas_of_softmax_sum_to_zero(problem):
    p = problem
    run = p.net.backprop(p.X, p.Y, p.loss)
    if p.net.activations[p.net.F].name == "softmax":
        assert (np.abs(run.d[p.net.F].sum(axis=1)) <= 4 * p.net.size(p.net.F) * EPS).all()
        assert abs(run.gradient.b[p.net.F].sum()) <= 4 * p.net.size(p.net.F) * EPS


@pytest.mark.parametrize("loss", ["mse", "half_squared_error", "mae", "huber", "quantile"])
def test_softmax_of_one_output_is_constant_and_has_no_gradient(loss):
    rng = np.random.default_rng(0)
    run = pl.Network([4, 5, 1], "tanh", "softmax", seed=0).backprop(rng.normal(size=(7, 4)), rng.normal(size=7), loss)
    assert (run.a[3] == 1).all()
    assert (run.gradient.vector == 0).all()
    assert run.loss > 0


def test_the_jacobian_of_an_output_made_by_a_user_is_taken_transposed():
    """a = tanh(z) Aᵀ is a layer of its own: d^F = Jᵀ ∇_a L with J_jk = A_jk tanh'(z_k), which is not symmetric."""
    rng = np.random.default_rng(0)
    A, tanh = rng.normal(size=(3, 3)), ACTIVATIONS["tanh"]
    mixed = pl.Activation(
        "mixed", lambda z: np.tanh(z) @ A.T, lambda z: A * tanh.derivative(z)[..., np.newaxis, :], elementwise=False
    )
    net = pl.Network([4, 5, 3], "sine", mixed, seed=0)
    W, b = ([*arrays.values()] for arrays in (net.W, net.b))
    longer = pl.Network([4, 5, 3, 3], ["sine", "tanh", "identity"], init=([*W, A], [*b, np.zeros(3)]))
    X, Y = rng.normal(size=(7, 4)), rng.normal(size=(7, 3))
    run, expected = net.backprop(X, Y), longer.backprop(X, Y)
    for l in (2, 3):
        bound = 64 * EPS * np.abs(expected.d[l]).max()
        np.testing.assert_allclose(run.d[l], expected.d[l], rtol=0, atol=bound)
        np.testing.assert_allclose(run.gradient.W[l], expected.gradient.W[l], rtol=0, atol=bound * 8)


# Canonical pairs


@pytest.mark.parametrize(
    ("loss", "output"), [("cross_entropy", "softmax"), ("binary_cross_entropy", "sigmoid"), ("poisson", "exp")]
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_canonical_pair_has_the_gradient_of_the_same_pair_not_recognised(loss, output, dtype, draw_targets):
    eps, rng = np.finfo(dtype).eps, np.random.default_rng(0)
    copied = dataclasses.replace(ACTIVATIONS[output], name=f"my_{output}")
    for hidden, seed in itertools.product(("tanh", "relu", "gelu"), range(5)):
        fused = pl.Network([4, 5, 6, 3], hidden, output, seed=seed, dtype=dtype)
        plain = pl.Network([4, 5, 6, 3], hidden, copied, init=fused.parameters, dtype=dtype)
        X, Y = rng.normal(size=(7, 4)), draw_targets(LOSSES[loss], 7, 3, rng)
        g, h = (net.gradient(X, Y, loss, sample_weight=np.arange(1, 8), l2=0.1) for net in (fused, plain))
        assert abs(g.loss - h.loss) <= 64 * eps * abs(g.loss)
        for l in g.W.keys():
            assert np.linalg.norm(g.W[l] - h.W[l]) <= 256 * eps * np.linalg.norm(g.W[l])
            assert np.linalg.norm(g.b[l] - h.b[l]) <= 256 * eps * np.linalg.norm(g.W[l])


@pytest.mark.parametrize(("loss", "output"), [("mse", "sigmoid"), ("mse", "softmax"), ("cross_entropy", "sigmoid")])
def test_a_pair_that_is_not_canonical_has_no_delta_of_a_minus_y(loss, output, draw_targets):
    rng = np.random.default_rng(0)
    run = pl.Network([4, 5, 3], "tanh", output, seed=0).backprop(
        rng.normal(size=(7, 4)), draw_targets(LOSSES[loss], 7, 3, rng), loss
    )
    assert np.abs(run.d[3] - (run.a[3] - run.y)).min() > 1e-3


# The record


@given(problems(dtypes=["float32", "float64"]))
def test_one_input_gives_the_record_of_a_batch_of_one_without_the_sample_axis(problem):
    p = problem
    single = p.net.backprop(p.X[0], p.Y[0], p.loss, l1=0.1)
    batch = p.net.backprop(p.X[:1], p.Y[:1], p.loss, l1=0.1)
    assert single.is_single
    assert not batch.is_single
    for name in ("a", "z", "d"):
        ours, theirs = getattr(single, name), getattr(batch, name)
        assert ours.keys() == theirs.keys()
        for l in ours.keys():
            assert ours[l].shape == (p.net.size(l),)
            assert ours[l].dtype == p.net.dtype
            np.testing.assert_array_equal(ours[l], theirs[l][0])
    assert single.y.shape == (p.net.size(p.net.F),)
    assert single.input_gradient.shape == (p.net.size(1),)
    assert single.losses.shape == single.share.shape == ()
    np.testing.assert_array_equal(single.input_gradient, batch.input_gradient[0])
    np.testing.assert_array_equal(single.gradient.vector, batch.gradient.vector)
    assert single.loss == batch.loss
    np.testing.assert_array_equal(p.net.forward(p.X[0]), single.a[p.net.F])
    assert p.net.forward(p.X[0]).shape == (p.net.size(p.net.F),)


@given(problems(dtypes=["float32", "float64"]))
def test_forward_gradient_and_backprop_give_the_same_bits(problem):
    p = problem
    settings = {"sample_weight": p.weight, "l2": 0.3, "l1": 0.2}
    run, g = p.net.backprop(p.X, p.Y, p.loss, **settings), p.net.gradient(p.X, p.Y, p.loss, **settings)
    np.testing.assert_array_equal(p.net.forward(p.X), run.a[p.net.F])
    np.testing.assert_array_equal(g.vector, run.gradient.vector)
    assert g.loss == run.loss == run.gradient.loss
    assert type(g.loss) is float
    assert g.vector.dtype == p.net.dtype
    for l in g.W.keys():
        assert np.shares_memory(g.W[l], g.vector)
        assert not g.b or np.shares_memory(g.b[l], g.vector)
        assert g.W[l].shape == p.net.W[l].shape


@given(problems(dtypes=["float32", "float64"]))
def test_nothing_that_is_given_is_changed(problem):
    p = problem
    dtype = p.net.dtype
    X, Y, weight = p.X.astype(dtype), p.Y.astype(dtype), p.weight.astype(dtype)
    before = [array.copy() for array in (X, Y, weight, p.net.parameters)]
    if p.loss == "cross_entropy" and dtype == np.float32:
        Y = p.Y.copy()
        before[1] = Y.copy()
    p.net.forward(X)
    p.net.gradient(X, Y, p.loss, sample_weight=weight, l2=0.1, l1=0.1)
    p.net.backprop(X, Y, p.loss, sample_weight=weight, l2=0.1, l1=0.1)
    for array, kept in zip((X, Y, weight, p.net.parameters), before, strict=True):
        np.testing.assert_array_equal(array, kept)


def arrays_of(run):
    per_layer = [run.a, run.z, run.d, run.gradient.W, run.gradient.b, run.layers.W, run.layers.b]
    flat = [run.y, run.losses, run.input_gradient, run.share, run.gradient.vector, run.layers.parameters]
    return [array for arrays in per_layer for array in arrays.values()] + flat


@pytest.mark.parametrize("is_single", [False, True])
@pytest.mark.parametrize("output", ["identity", "softmax"])
def test_the_record_is_a_snapshot_that_neither_training_nor_new_data_changes(is_single, output):
    rng = np.random.default_rng(0)
    net = pl.Network([4, 5, 3], "identity", output, seed=0)
    X, Y = rng.normal(size=(7, 4)), rng.uniform(size=(7, 3))
    weight = np.arange(1.0, 8.0)
    run = net.backprop(X[0], Y[0]) if is_single else net.backprop(X, Y, sample_weight=weight)
    kept = [array.copy() for array in arrays_of(run)]
    net.train(X, Y, epochs=2, seed=0)
    net.parameters[...] = 7
    for array in (X, Y, weight):
        array[...] = 8
    for array, twin in zip(arrays_of(run), kept, strict=True):
        np.testing.assert_array_equal(array, twin)
        assert not array.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 1
    for change in (lambda: run.layers.W.__setitem__(2, np.ones((5, 4))), lambda: setattr(run, "loss", 0.0)):
        with pytest.raises((ValueError, AttributeError)):
            change()


def test_a_gradient_belongs_to_its_caller_and_is_new_each_time():
    net, X, Y = pl.Network([4, 5, 3], seed=0), np.ones((7, 4)), np.ones((7, 3))
    first, second = net.gradient(X, Y), net.gradient(X, Y)
    first.vector[...] = 0
    assert (second.vector != 0).any()
    np.testing.assert_array_equal(net.gradient(X, Y).vector, second.vector)
    output = net.forward(X)
    output[...] = 5
    assert (net.forward(X) != 5).all()


def test_a_number_of_the_record_is_had_by_its_label():
    rng = np.random.default_rng(0)
    net = pl.Network([4, 5, 3], "tanh", seed=0)
    X, Y = rng.normal(size=(7, 4)), rng.normal(size=(7, 3))
    batch, single = net.backprop(X, Y), net.backprop(X[6], Y[6])
    np.testing.assert_array_equal(batch["a_4^1"], X[:, 3])
    np.testing.assert_array_equal(batch["z_5^2"], batch.z[2][:, 4])
    np.testing.assert_array_equal(batch["d_3^3"], batch.d[3][:, 2])
    assert single["z_5^2"] == single.z[2][4]
    assert batch["w_54^2"] == net.W[2][4, 3]
    assert batch["b_3^3"] == net.b[3][2]
    for label in ("a_6^2", "w_11^1", "d_1^1", "z_1^4", "q_1^2"):
        with pytest.raises(pl.UnknownLabelError):
            batch[label]
    for get in (lambda: batch.d[1], lambda: batch.z[1], lambda: batch.a[0], lambda: batch.a[4]):
        with pytest.raises(pl.UnknownLabelError):
            get()


def test_a_record_can_be_pickled():
    rng = np.random.default_rng(0)
    run = pl.Network([4, 5, 3], "tanh", seed=0).backprop(rng.normal(size=(7, 4)), rng.normal(size=(7, 3)), l1=0.1)
    again = pickle.loads(pickle.dumps(run))
    for array, twin in zip(arrays_of(run), arrays_of(again), strict=True):
        np.testing.assert_array_equal(array, twin)
    assert again.loss == run.loss


def test_inputs_of_any_memory_layout_give_the_same_numbers():
    rng = np.random.default_rng(0)
    net = pl.Network([4, 5, 3], "tanh", seed=0)
    X, Y = rng.normal(size=(7, 4)), rng.normal(size=(7, 3))
    expected = net.gradient(X, Y)
    read_only = X.copy()
    read_only.flags.writeable = False
    for X_other in (np.asfortranarray(X), np.repeat(X, 2, axis=0)[::2], X[::-1].copy()[::-1], X.tolist(), read_only):
        g = net.gradient(X_other, Y)
        np.testing.assert_allclose(g.vector, expected.vector, rtol=0, atol=64 * EPS * np.abs(expected.vector).max())


@pytest.mark.parametrize("activation", HIDDEN)
def test_float32_is_float64_to_the_rounding_of_float32(activation):
    rng = np.random.default_rng(0)
    X, Y = (rng.normal(size=shape).astype(np.float32) for shape in ((7, 4), (7, 3)))
    single = pl.Network([4, 5, 6, 3], activation, "identity", seed=0, dtype="float32")
    double = pl.Network([4, 5, 6, 3], activation, "identity", init=single.parameters.astype(float))
    weight = np.arange(1, 8)
    g, h = (net.gradient(X, Y, sample_weight=weight, l2=0.25) for net in (single, double))
    assert g.vector.dtype == np.float32
    eps = np.finfo(np.float32).eps
    assert np.linalg.norm(g.vector - h.vector) <= 64 * eps * np.linalg.norm(h.vector)
    assert abs(g.loss - h.loss) <= 16 * eps * h.loss
    run = single.backprop(X, Y)
    assert {array.dtype for array in arrays_of(run)} == {np.dtype(np.float32)}


def test_the_steps_take_other_activations_in_place_of_the_layers():
    rng = np.random.default_rng(0)
    net, sines = (pl.Network([4, 5, 6, 3], name, seed=0, init="lecun_normal") for name in ("tanh", "sine"))
    X, Y = rng.normal(size=(7, 4)), rng.normal(size=(7, 3))
    z, a = feedforward(net, X, sines.activations)
    d = backpropagate(net, z, a, Y, LOSSES["mse"], sines.activations)
    run = sines.backprop(X, Y)
    for l in d:
        np.testing.assert_allclose(a[l], run.a[l], rtol=0, atol=64 * EPS)
        np.testing.assert_allclose(d[l], run.d[l], rtol=0, atol=64 * EPS)


COPIES = {
    "pickle": lambda it: pickle.loads(pickle.dumps(it)),
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
}


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("bias", [True, False])
def test_a_copy_of_a_gradient_shows_one_vector(copied, bias):
    net = pl.Network([3, 4, 2], bias=bias, seed=0)
    first = net.gradient(np.ones((2, 3)), np.zeros((2, 2)))
    gradient = copied(first)
    assert gradient.loss == first.loss
    np.testing.assert_array_equal(gradient.vector, first.vector)
    gradient.vector[...] = np.arange(gradient.vector.size)
    assert gradient.W[2][1, 2] == gradient["w_23^2"] == 5
    if bias:
        assert gradient.b[2][3] == gradient["b_4^2"] == 15
    else:
        with pytest.raises(pl.UnknownLabelError):
            gradient["b_4^2"]
    for label, says in (("z_1^2", "z_1^2"), ("w_11^4", "W[4]"), ("w_19^2", "w_19^2")):
        with pytest.raises(pl.UnknownLabelError, match=re.escape(says)):
            gradient[label]


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_a_copy_of_a_run_is_as_read_only_as_the_run(copied):
    net = pl.Network([3, 4, 2], seed=0)
    first = net.backprop(np.ones((2, 3)), np.zeros((2, 2)))
    _ = first.d, first.losses
    run = copied(first)
    assert str(run) == str(first)
    for array in (*run.a, *run.d, *run.gradient.W, *run.gradient.b, *run.layers.W, run.layers.parameters, run.losses):
        assert not array.flags.writeable


def test_what_is_kept_is_what_goes_on():
    """The hook of the steps: each z, a and d passes through it once, and what it returns is used from there on."""
    net = pl.Network([3, 5, 4, 2], "tanh", "sigmoid", seed=0, init="standard_normal")
    rng = np.random.default_rng(1)
    X, Y = rng.normal(size=(6, 3)), rng.random((6, 2))
    loss, seen = LOSSES["mse"], []

    def same(symbol, l, array):
        seen.append((symbol, l))
        return array

    z, a = feedforward(net, X, kept=same)
    d = backpropagate(net, z, a, Y, loss, kept=same)
    plain_z, plain_a = feedforward(net, X)
    plain_d = backpropagate(net, plain_z, plain_a, Y, loss)
    for mine, theirs in ((z, plain_z), (a, plain_a), (d, plain_d)):
        assert list(mine) == list(theirs)
        assert all(np.array_equal(mine[l], theirs[l]) for l in theirs)
    assert seen == [(s, l) for l in (2, 3, 4) for s in "za"] + [("d", l) for l in (4, 3, 2)]

    z, a = feedforward(net, X, kept=lambda symbol, l, array: np.round(array, 2))
    d = backpropagate(net, z, a, Y, loss, kept=lambda symbol, l, array: np.round(array, 2))
    assert np.array_equal(a[1], X)
    for l in (2, 3, 4):
        assert np.array_equal(z[l], np.round(a[l - 1] @ net.W[l].T + net.b[l], 2))
        assert np.array_equal(a[l], np.round(net.activations[l].function(z[l]), 2))
    for l in (3, 2):
        assert np.array_equal(d[l], np.round(d[l + 1] @ net.W[l + 1] * net.activations[l].derivative(z[l]), 2))
