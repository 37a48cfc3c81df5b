import dataclasses
import itertools
import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pellucid as pl
from pellucid.activations import ACTIVATIONS
from pellucid.losses import LOSSES, as_loss, canonical_pair

EPS = np.finfo(np.float64).eps
ROWS = {**LOSSES, "huber(0.3)": pl.Huber(0.3), "quantile(0.9)": pl.Quantile(0.9)}
PAIRS = [("cross_entropy", "softmax"), ("binary_cross_entropy", "sigmoid"), ("poisson", "exp")]
DTYPES = ["float32", "float64"]
LN = math.log


def network(sizes=(3, 5, 2), activation="tanh", output="identity", **settings):
    return pl.Network(list(sizes), activation, output=output, seed=0, **settings)


# What each loss is, worked by hand for three outputs


@pytest.mark.parametrize(
    ("loss", "a", "y", "value", "gradient"),
    [
        ("mse", [3, 5, 1], [1, 2, 1], 13 / 3, [4 / 3, 2, 0]),  # a mean: (2² + 3² + 0²)/3 and (2/3)(2, 3, 0)
        ("half_squared_error", [3, 5, 1], [1, 2, 1], 13 / 2, [2, 3, 0]),  # a sum
        ("mae", [3, 5, 1], [1, 9, 1], 6 / 3, [1 / 3, -1 / 3, 0]),  # sign(0) = 0
        (pl.Huber(2.0), [2, 0, 1], [1, 3, 1], (1 / 2 + 2 * (3 - 1)) / 3, [1 / 3, -2 / 3, 0]),
        (pl.Huber(), [1, 0, 2], [1.5, 0, 0], (1 / 8 + 1.5) / 3, [-1 / 6, 0, 1 / 3]),  # δ = 1
        (pl.Quantile(0.25), [2, 0, 1], [1, 3, 1], (0.75 * 1 + 0.25 * 3) / 3, [0.25, -0.25 / 3, 0]),
        (pl.Quantile(), [2, 0, 1], [1, 3, 1], (1 + 3) / 2 / 3, [1 / 6, -1 / 6, 0]),  # τ = 1/2
        ("poisson", [1, 2, 4], [0, 2, 1], (7 - 2 * LN(2) - LN(4)) / 3, [1 / 3, 0, 1 / 4]),  # no ln y!
        ("cross_entropy", [0.5, 0.25, 0.25], [0, 1, 0], LN(4), [0, -4, 0]),  # sums, so that d^F = a - y
        ("cross_entropy", [0.5, 0.25, 0.25], [0.5, 0.25, 0.25], 1.5 * LN(2), [-1, -1, -1]),
        ("binary_cross_entropy", [0.5, 0.25, 0.75], [1, 0, 1], LN(2) + 2 * LN(4 / 3), [-2, 4 / 3, -4 / 3]),
    ],
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_loss_of_one_sample_is_what_one_computes_by_hand(loss, a, y, value, gradient, dtype):
    row, eps = as_loss(loss), np.finfo(dtype).eps
    # a second sample that is not the same keeps sums over samples from passing for sums over outputs
    a, y = np.array([a, [0.5, 0.5, 0.5]], dtype), np.array([y, [0.0, 0.0, 1.0]], dtype)
    losses, partials = row.function(a, y), row.gradient(a, y)
    assert (losses.shape, losses.dtype) == ((2,), dtype)
    assert (partials.shape, partials.dtype) == ((2, 3), dtype)
    np.testing.assert_allclose(losses[0], value, rtol=4 * eps)
    np.testing.assert_allclose(partials[0], gradient, rtol=4 * eps, atol=0)


@pytest.mark.parametrize("loss", ROWS)
def test_the_loss_of_each_sample_is_its_own(loss, draw_targets):
    row, rng = ROWS[loss], np.random.default_rng(0)
    a, y = rng.uniform(0.1, 0.9, (6, 3)), draw_targets(ROWS[loss], 6, 3, rng)
    one_by_one = [row.function(a[i : i + 1], y[i : i + 1])[0] for i in range(6)]
    np.testing.assert_allclose(row.function(a, y), one_by_one, rtol=4 * EPS)
    one_by_one = [row.gradient(a[i : i + 1], y[i : i + 1])[0] for i in range(6)]
    np.testing.assert_allclose(row.gradient(a, y), one_by_one, rtol=4 * EPS)


@pytest.mark.parametrize(
    "loss", ["mse", "half_squared_error", "mae", "huber", "huber(0.3)", "quantile", "quantile(0.9)"]
)
def test_a_loss_of_the_residual_is_zero_with_zero_gradient_at_the_target_and_positive_elsewhere(loss):
    row, y = ROWS[loss], np.random.default_rng(0).normal(size=(5, 3))
    np.testing.assert_array_equal(row.function(y, y), np.zeros(5))
    np.testing.assert_array_equal(row.gradient(y, y), np.zeros((5, 3)))
    for step in (-1e-3, 1e-3):
        assert (row.function(y + step, y) > 0).all()
        assert (row.gradient(y + step, y) * step > 0).all()


@given(st.floats(0.05, 0.95), st.floats(0.05, 0.95))
def test_the_entropies_are_minimal_where_the_output_is_the_target(y, a):
    def cross_entropy(a):
        return LOSSES["cross_entropy"].function(np.array([[a, 1 - a]]), np.array([[y, 1 - y]]))[0]

    def binary(a):
        return LOSSES["binary_cross_entropy"].function(np.array([[a]]), np.array([[y]]))[0]

    for loss in (cross_entropy, binary):
        assert loss(a) >= loss(y) * (1 - 8 * EPS)
    # of two classes they are the same number
    assert abs(binary(a) - cross_entropy(a)) <= 8 * EPS * binary(a)


def test_the_quantile_loss_is_minimal_at_the_quantile():
    y = np.arange(1.0, 12.0)[:, np.newaxis]  # 1 … 11
    for tau, quantile in ((0.1, 2.0), (0.5, 6.0), (0.75, 9.0)):
        row = pl.Quantile(tau)
        totals = [row.function(np.full_like(y, a), y).sum() for a in y[:, 0]]
        assert y[np.argmin(totals), 0] == quantile


def test_several_quantiles_are_those_of_the_outputs_again_and_again():
    rng = np.random.default_rng(0)
    a, y = rng.normal(size=(2, 7, 6))
    taus = (0.1, 0.5, 0.9)
    row = pl.Quantile(taus)
    each = [pl.Quantile(tau) for tau in taus * 2]
    losses = [one.function(a[:, [j]], y[:, [j]]) for j, one in enumerate(each)]
    np.testing.assert_allclose(row.function(a, y), np.mean(losses, axis=0), rtol=1e-14)
    slopes = [one.gradient(a[:, [j]], y[:, [j]])[:, 0] / 6 for j, one in enumerate(each)]
    np.testing.assert_allclose(row.gradient(a, y), np.stack(slopes, axis=1), rtol=1e-14)
    assert str(row) == "quantile(tau=(0.1, 0.5, 0.9))"
    assert pickle.loads(pickle.dumps(row)).settings == row.settings == {"tau": taus}
    assert row.is_builtin
    net = network([3, 4, 6])
    assert net.check_gradient(rng.normal(size=(5, 3)), rng.normal(size=(5, 6)), row)
    with pytest.raises(ValueError, match="3 quantiles, but the output layer has 2"):
        network([3, 4, 2]).gradient(np.ones((1, 3)), np.ones((1, 2)), row)
    for wrong in ([], [0.5, 1.0], [0.5, "x"]):
        with pytest.raises((ValueError, TypeError), match="tau"):
            pl.Quantile(wrong)


def test_huber_is_half_the_squared_error_within_delta_and_a_line_of_that_slope_beyond():
    row, y = pl.Huber(0.7), np.zeros((1, 1))
    for r in (-0.69, 0.3, 0.7):
        a = np.array([[r]])
        np.testing.assert_allclose(row.function(a, y), r * r / 2, rtol=2 * EPS)
        np.testing.assert_allclose(row.gradient(a, y), r, rtol=2 * EPS)
    far = np.array([[5.0], [6.0]])
    np.testing.assert_allclose(np.diff(row.function(far, np.zeros((2, 1)))), 0.7, rtol=8 * EPS)


@pytest.mark.parametrize("loss", ROWS)
def test_the_gradient_jumps_or_bends_at_the_kinks_and_nowhere_else(loss):
    row = ROWS[loss]
    if row.domain != (-np.inf, np.inf):
        assert row.residual_kinks == ()
        return
    residuals = np.arange(-40, 41) / 20
    h = 2.0**-20

    def gradient(r):
        return row.gradient(r[:, np.newaxis], np.zeros((len(r), 1)))[:, 0]

    jump = gradient(residuals + h) - gradient(residuals - h)
    bend = gradient(residuals + 2 * h) - 2 * gradient(residuals) + gradient(residuals - 2 * h)
    at_kinks = residuals[(np.abs(jump) > 4 * h) | (np.abs(bend) > h)]
    np.testing.assert_allclose(at_kinks, row.residual_kinks, rtol=4 * EPS)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", ["poisson", "cross_entropy", "binary_cross_entropy"])
def test_an_output_that_rounds_to_a_bound_of_the_domain_gives_a_finite_loss_and_gradient(loss, dtype):
    row = LOSSES[loss]
    a = np.array([[0.0, 1.0], [1.0, 0.0]], dtype)
    for y in (np.array([[1, 0], [1, 0]], dtype), np.array([[0, 1], [0, 1]], dtype)):
        with np.errstate(all="raise", under="ignore"):
            losses, partials = row.function(a, y), row.gradient(a, y)
        assert np.isfinite(losses).all()
        assert np.isfinite(partials).all()


# Canonical pairs


def test_the_pairs_whose_delta_is_a_minus_y_are_these():
    a, y = np.random.default_rng(0).uniform(size=(2, 4, 3))
    found = {}
    for (loss, row), (output, sigma) in itertools.product(LOSSES.items(), ACTIVATIONS.items()):
        if pair := canonical_pair(row, sigma):
            found[loss, output] = pair.delta(a, y) / (a - y)
    factors = {(loss, output): 1 / 3 if loss == "poisson" else 1.0 for loss, output in PAIRS}
    constant = {key: ratio[0, 0] for key, ratio in found.items() if np.ptp(ratio) <= 8 * EPS}
    assert constant == pytest.approx(factors, rel=8 * EPS)


@pytest.mark.parametrize(("loss", "output"), PAIRS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_stable_form_is_the_plain_form(loss, output, dtype, draw_targets):
    row, sigma, rng = LOSSES[loss], ACTIVATIONS[output], np.random.default_rng(0)
    z, y = rng.uniform(-3, 3, (40, 5)).astype(dtype), draw_targets(row, 40, 5, rng).astype(dtype)
    pair, a, eps = row.canonical[output], sigma.function(z), np.finfo(dtype).eps
    assert pair.function(z, y).dtype == dtype
    scale = np.abs(y * np.log(a)).sum(axis=-1) + np.abs((1 - y) * z).sum(axis=-1) + a.sum(axis=-1) + 5
    assert (np.abs(pair.function(z, y) - row.function(a, y)) <= 4 * eps * scale).all()
    if sigma.elementwise:
        plain = row.gradient(a, y) * sigma.derivative(z)
    else:
        plain = np.einsum("ijk,ij->ik", sigma.derivative(z), row.gradient(a, y))
    delta = pair.delta(a, y)
    assert delta.dtype == dtype
    assert (np.abs(delta - plain) <= 16 * eps * (1 + a + y)).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_softmax_with_cross_entropy_survives_z_of_1000(dtype):
    net = pl.Network([1, 3], "softmax", dtype=dtype, init=([[[1.0], [0.0], [-1.0]]], [[0.0, 0.0, 0.0]]))
    X, labels = [[1000.0], [1000.0], [-1000.0], [-1000.0]], [0, 2, 0, 1]
    with np.errstate(all="raise", under="ignore"):
        run = net.backprop(X, labels, "cross_entropy")
    np.testing.assert_array_equal(run.losses, np.array([0.0, 2000.0, 2000.0, 1000.0], dtype))
    np.testing.assert_array_equal(run.d[2], run.a[2] - np.eye(3, dtype=dtype)[labels])
    np.testing.assert_array_equal(run.a[2], np.array([[1, 0, 0], [1, 0, 0], [0, 0, 1], [0, 0, 1]], dtype))
    assert np.isfinite(run.gradient.vector).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_sigmoid_with_binary_cross_entropy_survives_z_of_1000(dtype):
    net = pl.Network([1, 2], "sigmoid", dtype=dtype, init=([[[1.0], [-1.0]]], [[0.0, 0.0]]))
    Y = [[1.0, 0.0], [0.0, 0.0], [1.0, 1.0], [0.25, 1.0]]
    with np.errstate(all="raise", under="ignore"):
        run = net.backprop([[1000.0]] * 4, Y, "binary_cross_entropy")
    np.testing.assert_array_equal(run.losses, np.array([0.0, 1000.0, 1000.0, 1750.0], dtype))
    np.testing.assert_array_equal(run.d[2], run.a[2] - np.array(Y, dtype))
    np.testing.assert_array_equal(run.a[2], np.array([[1, 0]] * 4, dtype))
    assert np.isfinite(run.gradient.vector).all()


@pytest.mark.parametrize(("dtype", "highest"), [("float32", 88.0), ("float64", 709.0)])
def test_exp_with_poisson_survives_z_of_1000(dtype, highest):
    row, sigma = LOSSES["poisson"], ACTIVATIONS["exp"]
    net = pl.Network([1, 2], "exp", dtype=dtype, init=([[[1.0], [1.0]]], [[0.0, 0.0]]))
    with np.errstate(all="raise", under="ignore"):
        run = net.backprop([[-1000.0], [0.0]], [[3.0, 0.0], [1.0, 2.0]], "poisson")
        net.W[2], net.b[2] = [[0.0], [0.0]], [highest, highest]
        top = net.backprop([1.0], [4.0, 0.0], "poisson")
        z, y = np.array([[1000.0, 1000.0, 1000.0]], dtype), np.array([[3.0, 0.0, 1.0]], dtype)
        saturated = row.canonical["exp"].function(z, y), row.canonical["exp"].delta(sigma.function(z), y)
    np.testing.assert_array_equal(run.losses, np.array([1500.0, 1.0], dtype))  # (0 - 3·(-1000) + 0)/2
    np.testing.assert_array_equal(run.d[2], (run.a[2] - run.y) / 2)
    np.testing.assert_array_equal(top.d[2], (top.a[2] - top.y) / 2)
    assert np.isfinite(top.loss)
    for numbers in saturated:
        assert np.isfinite(numbers).all()


@pytest.mark.parametrize(("loss", "output"), PAIRS)
def test_where_the_plain_form_is_lost_the_canonical_pair_still_gives_a_minus_y(loss, output):
    """A copy of the activation is not recognised as the pair; at |z| = 40 its σ' and 1/a show the difference."""
    copied = dataclasses.replace(ACTIVATIONS[output], name="copied")
    z, y = np.array([[-40.0, 40.0]]), np.array([[1.0, 0.0]])
    init = ([np.zeros((2, 1))], [z[0]])
    fused = pl.Network([1, 2], output, init=init).backprop([[1.0]], y, loss)
    plain = pl.Network([1, 2], copied, init=init).backprop([[1.0]], y, loss)
    np.testing.assert_array_equal(fused.d[2], (fused.a[2] - y) / (2 if loss == "poisson" else 1))
    assert np.isfinite(plain.d[2]).all()
    if loss == "binary_cross_entropy":
        assert fused.d[2][0, 1] == 1.0
        assert plain.d[2][0, 1] < 0.1  # 1 - a has been rounded away


@pytest.mark.parametrize(
    ("loss", "output", "dtype", "z", "y", "value", "delta"),
    [
        # -ln σ(z) = -z and its slope -1, for z << 0
        ("cross_entropy", "sigmoid", "float64", [-800.0, 3.0], [1.0, 0.0], 800.0, [-1.0, 0.0]),
        ("cross_entropy", "sigmoid", "float32", [-100.0, 3.0], [1.0, 0.0], 100.0, [-1.0, 0.0]),
    ],
)
def test_sigmoid_with_cross_entropy_keeps_loss_and_gradient_where_the_output_saturates(
    loss, output, dtype, z, y, value, delta
):
    net = pl.Network([1, 2], output, dtype=dtype, init=(np.zeros((1, 2, 1)), [z]))
    run = net.backprop([0.0], y, loss)
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(run.loss, value, rtol=64 * eps)
    np.testing.assert_allclose(run.d[2], delta, rtol=64 * eps, atol=64 * eps)


# Refusals


# by mathematics: what the activation's range lies in
IN_0_1 = {"sigmoid", "softmax"}
POSITIVE = {*IN_0_1, "exp", "softplus"}


@pytest.mark.parametrize(
    ("loss", "legal"), [("cross_entropy", IN_0_1), ("binary_cross_entropy", IN_0_1), ("poisson", POSITIVE)]
)
def test_an_output_that_can_leave_the_domain_is_refused_and_no_other(loss, legal):
    for name in ACTIVATIONS:
        net = network(activation="tanh", output=name)
        Y = [[1.0, 0.0]]
        if name in legal:
            assert np.isfinite(net.gradient(np.ones((1, 3)), Y, loss).vector).all()
            continue
        with pytest.raises(ValueError, match=f"loss {loss} needs outputs in .* {name}.* has others") as caught:
            net.gradient(np.ones((1, 3)), Y, loss)
        assert all(repr(output) in str(caught.value) for output in LOSSES[loss].outputs)


def test_the_refusal_shows_a_z_at_which_the_output_leaves_the_domain():
    with pytest.raises(
        ValueError, match=r"needs outputs in \(0, 1\), but the output activation tanh .* σ\(-8\) = -1; use"
    ):
        network(output="tanh").gradient(np.ones((1, 3)), [0], "cross_entropy")


def test_an_output_that_leaves_the_domain_only_far_away_is_refused_too():
    slow = pl.Activation("slow", lambda z: 0.5 + z / 40, lambda z: np.full_like(z, 1 / 40))
    with pytest.raises(ValueError, match=r"the output activation slow has others: σ\(-1000\) = -24\.5; use"):
        network(output=slow).gradient(np.ones((1, 3)), [[0.0, 1.0]], "binary_cross_entropy")


@pytest.mark.parametrize(
    ("loss", "output", "function"),
    [
        ("binary_cross_entropy", "sigmoid", lambda z: 1 / (1 + np.exp(-z))),
        ("cross_entropy", "softmax", lambda z: np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)),
        ("poisson", "exp", np.exp),
    ],
)
def test_a_plain_output_made_by_a_user_is_accepted_without_a_warning_where_it_stays_in_the_domain(
    loss, output, function
):
    row = ACTIVATIONS[output]
    mine = pl.Activation("mine", function, row.derivative, elementwise=row.elementwise)
    X, Y = np.random.default_rng(0).normal(size=(4, 3)), np.eye(2)[[0, 1, 1, 0]]
    got = network(output=mine, init="lecun_normal").gradient(X, Y, loss)
    expected = network(output=output, init="lecun_normal").gradient(X, Y, loss)
    np.testing.assert_allclose(got.vector, expected.vector, rtol=64 * EPS, atol=64 * EPS)


@pytest.mark.parametrize("n_outputs", [1, 2, 7])
@pytest.mark.parametrize("loss", ROWS)
def test_targets_of_another_shape_are_refused_and_never_broadcast(loss, n_outputs):
    n = 7
    row = ROWS[loss]
    net = network((3, 5, n_outputs), output=row.outputs[0] if row.outputs and n_outputs > 1 else "sigmoid")
    X = np.random.default_rng(0).normal(size=(n, 3))
    legal = {(n, n_outputs), *([(n,)] if n_outputs == 1 else [])}
    shapes = {(), (1,), (n,), (n, 1), (1, n), (1, 1), (n_outputs,), (n_outputs, n), (n, n), (n, n_outputs + 1)}
    shapes |= {(n - 1, n_outputs), (1, n_outputs), (n, 1, n_outputs), (n, n_outputs, 1), (0, n_outputs), (n + 1,)}
    for shape in shapes - legal:
        # floats of shape (n,) for several classes: labels of the wrong type
        are_labels = shape in ((n, 1), *((k,) for k in range(n + 2)))
        error = TypeError if loss == "cross_entropy" and n_outputs > 1 and are_labels else ValueError
        with pytest.raises(error, match=r"^y (has shape|holds class indices of dtype float64)"):
            net.gradient(X, np.ones(shape), row)


def test_the_refusal_names_both_shapes():
    message = (
        r"^y has shape \(7,\), but X has 7 samples and the network's output layer has 2 neurons: expected \(7, 2\)$"
    )
    with pytest.raises(ValueError, match=message):
        network().gradient(np.ones((7, 3)), np.ones(7))


def test_targets_of_one_output_may_leave_out_the_axis():
    net, rng = network((3, 5, 1)), np.random.default_rng(0)
    X, y = rng.normal(size=(7, 3)), rng.normal(size=7)
    flat, column = net.gradient(X, y), net.gradient(X, y[:, np.newaxis])
    np.testing.assert_array_equal(flat.vector, column.vector)
    assert flat.loss == column.loss
    # the mean over 7 samples, and not over 7 x 7 pairs
    np.testing.assert_allclose(flat.loss, np.mean((net.forward(X)[:, 0] - y) ** 2), rtol=16 * EPS)


def test_one_input_takes_one_target():
    net = network((3, 5, 1))
    assert net.gradient(np.ones(3), 2.0).loss == net.gradient(np.ones(3), [2.0]).loss
    for Y in ([[2.0]], [1.0, 2.0]):
        with pytest.raises(ValueError, match="but one input was given"):
            net.gradient(np.ones(3), Y)


# Class labels


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.int16])
def test_a_class_index_is_its_one_hot_row(dtype):
    net, X = network((3, 5, 4), output="softmax"), np.random.default_rng(0).normal(size=(7, 3))
    labels = np.array([0, 3, 1, 2, 3, 3, 0], dtype)
    by_index, by_row = (net.backprop(X, Y, "cross_entropy") for Y in (labels, np.eye(4)[labels]))
    np.testing.assert_array_equal(by_index.y, by_row.y)
    np.testing.assert_array_equal(by_index.gradient.vector, by_row.gradient.vector)
    np.testing.assert_allclose(by_index.losses, -np.log(by_index.a[3])[np.arange(7), labels], rtol=16 * EPS)


def test_one_input_takes_one_class_index():
    net = network((3, 5, 4), output="softmax")
    single, batch = net.backprop(np.ones(3), 2, "cross_entropy"), net.backprop(np.ones((1, 3)), [2], "cross_entropy")
    np.testing.assert_array_equal(single.y, [0, 0, 1, 0])
    np.testing.assert_array_equal(single.gradient.vector, batch.gradient.vector)


@pytest.mark.parametrize(
    ("Y", "error", "message"),
    [
        ([0, 4, 1], ValueError, r"y\[1\] is class 4, .* has 4 neurons: class indices go from 0 to 3"),
        ([0, 1, -1], ValueError, r"y\[2\] is class -1"),
        ([0.0, 1.0, 2.0], TypeError, r"y holds class indices of dtype float64, .* whole numbers in \[0, 4\)"),
        ([True, False, True], TypeError, "y holds class indices of dtype bool"),
        (["a", "b", "c"], TypeError, "^y holds text .*np.unique"),
        ([0, 1], ValueError, r"y has shape \(2,\), but X has 3 samples: expected \(3,\) class indices"),
        ([[0], [1], [4]], ValueError, r"y\[2\] is class 4"),
        ([[0], [1], [2], [3]], ValueError, r"y has shape \(4, 1\).* \(3, 4\) or class indices of shape \(3,\)"),
        (1, ValueError, r"y has shape \(\)"),
        ([[0.5, 0.5, 0.5, 0]] * 3, ValueError, r"y\[0\] sums to 1\.5, .*; for several labels at once use binary"),
        ([[1, 0, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0]], ValueError, r"y\[1\] sums to 0"),
        ([[1, 0, 0, 0], [2, -1, 0, 0], [0, 1, 0, 0]], ValueError, r"y\[1, 0\] is 2, .* \[0, 1\]"),
        ([[1], [0, 1], [0]], TypeError, "^y is not an array of numbers"),
    ],
)
def test_bad_classes_are_refused(Y, error, message):
    with pytest.raises(error, match=message):
        network((3, 5, 4), output="softmax").gradient(np.ones((3, 3)), Y, "cross_entropy")


@pytest.mark.parametrize(
    ("loss", "output", "Y", "message"),
    [
        ("binary_cross_entropy", "sigmoid", [[0, 1], [0, 1.5]], r"y\[1, 1\] is 1\.5, but loss binary_.* in \[0, 1\]"),
        ("binary_cross_entropy", "sigmoid", [[0, -0.1], [0, 1]], r"y\[0, 1\] is -0\.1"),
        ("poisson", "exp", [[0, 1], [-2, 1]], r"y\[1, 0\] is -2, but loss poisson takes targets in \[0, ∞\)"),
        ("mse", "identity", [[0, 1], [np.nan, 1]], r"y\[1, 0\] is nan"),
        ("huber", "identity", [[0, np.inf], [0, 1]], r"y\[0, 1\] is inf"),
        ("cross_entropy", "softmax", [[0, np.nan], [0, 1]], r"y\[0, 1\] is nan"),
    ],
)
def test_targets_that_the_loss_cannot_take_are_named_with_their_place(loss, output, Y, message):
    with pytest.raises(ValueError, match=message):
        network(output=output).gradient(np.ones((2, 3)), Y, loss)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_an_input_that_is_not_finite_is_named_with_its_place(bad):
    X = np.ones((7, 3))
    X[4, 2] = bad
    for call in (network().forward, lambda X: network().gradient(X, np.ones((7, 2)))):
        with pytest.raises(ValueError, match=rf"^X\[4, 2\] is {bad}; every number must be finite"):
            call(X)
    with pytest.raises(ValueError, match=rf"^X\[2\] is {bad}"):
        network().forward(X[4])


@pytest.mark.parametrize("method", ["gradient", "backprop", "check_gradient"])
@pytest.mark.parametrize(
    ("X", "Y", "settings", "error", "message"),
    [
        (np.ones((0, 3)), np.ones((0, 2)), {}, ValueError, "X has 0 samples"),
        (np.ones((4, 5)), np.ones((4, 2)), {}, ValueError, r"X has shape \(4, 5\), .* input layer has 3 neurons"),
        (np.ones((4, 3)), np.ones((4, 2)), {"sample_weight": [1, 1, -1, 1]}, ValueError, r"sample_weight\[2\] is -1"),
        (np.ones((4, 3)), np.ones((4, 2)), {"sample_weight": np.zeros(4)}, ValueError, "zero for every sample"),
        (np.ones((4, 3)), np.ones((4, 2)), {"sample_weight": np.ones((4, 1))}, ValueError, r"has shape \(4, 1\)"),
        (np.ones((4, 3)), np.ones((4, 2)), {"l2": -1}, ValueError, r"l2 must be in \[0, inf\), got -1"),
        (np.ones((4, 3)), np.ones((4, 2)), {"l1": np.nan}, ValueError, "l1 must be in"),
        (np.ones((4, 3)), np.ones((4, 2)), {"l1": "big"}, TypeError, "l1 must be a number"),
        (np.ones((4, 3)), np.ones((4, 2)), {"loss": "msee"}, pl.UnknownNameError, "did you mean 'mse'"),
        (np.ones((4, 3)), np.ones((4, 2)), {"loss": None}, TypeError, r"a loss is a name or a pl\.Loss"),
        (np.ones((4, 3)), np.ones((4, 2)), {"loss": len}, TypeError, r"a loss is a name or a pl\.Loss"),
        (np.ones((4, 3)), None, {}, TypeError, "^y "),
        ([["a", "b", "c"]], np.ones((1, 2)), {}, TypeError, "^X must hold real numbers"),
        ([[1, 2, 3], [1, 2]], np.ones((2, 2)), {}, TypeError, "^X is not an array of numbers"),
        (np.ones((2, 3)), [[1, 2], [3]], {}, TypeError, "^y is not an array of numbers"),
    ],
)
def test_bad_arguments_are_refused_by_every_method(method, X, Y, settings, error, message):
    with pytest.raises(error, match=message):
        getattr(network(), method)(X, Y, **settings)


# Made by a user


@pytest.mark.parametrize(
    ("function", "gradient", "message"),
    [
        (
            lambda a, y: (a - y) ** 2,
            lambda a, y: 2 * (a - y),
            r"function\(a, y\) has shape \(2, 4\) .* expected \(2,\)",
        ),
        (lambda a, y: np.sum((a - y) ** 2), lambda a, y: 2 * (a - y), r"function\(a, y\) has shape \(\)"),
        (lambda a, y: ((a - y) ** 2).sum(axis=0), lambda a, y: 2 * (a - y), r"function\(a, y\) has shape \(4,\)"),
        (
            lambda a, y: ((a - y) ** 2).sum(axis=1, keepdims=True),
            lambda a, y: 2 * (a - y),
            r"function\(a, y\) has shape \(2, 1\)",
        ),
        (
            lambda a, y: ((a - y) ** 2).sum(axis=1),
            lambda a, y: (a - y).sum(axis=1),
            r"gradient\(a, y\) has shape \(2,\) .* expected \(2, 4\)",
        ),
        (lambda a, y: ((a - y) ** 2).sum(axis=1), lambda a, y: 2.0, r"gradient\(a, y\) has shape \(\)"),
    ],
)
def test_a_loss_that_returns_another_shape_is_refused(function, gradient, message):
    loss = pl.Loss("mine", function, gradient)
    net = network((3, 5, 4))
    for method in (net.gradient, net.backprop, net.check_gradient):
        with pytest.raises(ValueError, match="loss 'mine': " + message):
            method(np.ones((7, 3)), np.ones((7, 4)), loss)


@pytest.mark.parametrize(
    ("function", "gradient"),
    [
        (lambda a, y: np.square(np.subtract(a, y, out=a)).mean(axis=-1), LOSSES["mse"].gradient),
        (LOSSES["mse"].function, lambda a, y: np.multiply(np.subtract(a, y, out=a), 2 / a.shape[-1], out=a)),
        (LOSSES["mse"].function, lambda a, y: np.subtract(a, y, out=y)),
    ],
)
def test_a_loss_that_overwrites_its_arguments_is_refused(function, gradient):
    with pytest.raises(ValueError, match="loss 'mine'"):
        network().gradient(np.ones((7, 3)), np.ones((7, 2)), pl.Loss("mine", function, gradient))


def test_a_loss_made_by_a_user_works_like_the_tables_row():
    row, X, rng = LOSSES["mse"], np.ones((6, 3)), np.random.default_rng(0)
    Y = rng.normal(size=(6, 2))
    mine = network().gradient(X, Y, pl.Loss("mine", row.function, row.gradient))
    np.testing.assert_allclose(mine.vector, network().gradient(X, Y).vector, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("", np.sum, np.sum), "name must be a string"),
        (("s", None, np.sum), "loss 's': function must be callable, got None"),
        (("s", np.sum, 2.0), r"loss 's': gradient must be callable, got 2\.0"),
    ],
)
def test_a_loss_needs_a_name_and_two_functions(arguments, message):
    with pytest.raises(TypeError, match=message):
        pl.Loss(*arguments)


# Names and settings


@pytest.mark.parametrize(
    ("name", "message"),
    [("msee", "did you mean 'mse'"), ("cross_entrop", "did you mean 'cross_entropy'"), ("pinbal", "'quantile'")],
)
def test_an_unknown_name_is_refused_with_the_nearest(name, message):
    with pytest.raises(pl.UnknownNameError, match=message):
        as_loss(name)


@pytest.mark.parametrize(("name", "settings"), [("huber", {"delta": 0.3}), ("quantile", {"tau": 0.9})])
def test_settings_are_kept_and_shown_and_make_the_row_again(name, settings):
    row = as_loss(name, **settings)
    assert row.settings == settings
    assert str(row) == f"{name}({', '.join(f'{key}={value:g}' for key, value in settings.items())})"
    a, y = np.random.default_rng(0).normal(size=(2, 5, 3))
    np.testing.assert_array_equal(as_loss(row.name, **row.settings).function(a, y), row.function(a, y))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pl.Huber(0), r"delta must be in \(0, inf\), got 0"),
        (lambda: pl.Huber(-1), "delta must be in"),
        (lambda: pl.Quantile(0), r"tau must be in \(0, 1\), got 0"),
        (lambda: pl.Quantile(1), r"tau must be in \(0, 1\), got 1"),
        (lambda: pl.Quantile(np.nan), "tau must be in"),
    ],
)
def test_settings_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
