"""The gradient check passes on what is right, and names what is wrong."""

import dataclasses
import itertools

import numpy as np
import pytest

import pellucid as pl
from pellucid.activations import ACTIVATIONS
from pellucid.backprop import Penalty
from pellucid.losses import LOSSES

ROWS = {**ACTIVATIONS, "leaky_relu(0.2)": pl.LeakyReLU(0.2), "elu(1.5)": pl.ELU(1.5)}
LEGAL_OUTPUTS = {
    "poisson": {"exp", "softplus", "sigmoid", "softmax"},
    "cross_entropy": {"sigmoid", "softmax"},
    "binary_cross_entropy": {"sigmoid", "softmax"},
}
SUBSTITUTES = {"poisson": "exp", "cross_entropy": "softmax", "binary_cross_entropy": "sigmoid"}
SIZES, N = [4, 5, 2, 3], 7
FAULT = 1.0005
"""The smallest fault planted: 0.05 %, as in autograd's test of its own checker."""


def problem(activation, loss, draw_targets, *, seed=0, dtype="float64", bias=True):
    hidden = "tanh" if activation == "softmax" else ROWS[activation]
    output = ROWS[activation] if activation in LEGAL_OUTPUTS.get(loss.name, ROWS) else SUBSTITUTES[loss.name]
    rng = np.random.default_rng(seed)
    net = pl.Network(SIZES, hidden, output, seed=seed, init="lecun_normal", dtype=dtype, bias=bias)
    scale = 0.3 if activation == "exp" else 1.0
    net.parameters *= scale
    for l in net.b.keys():
        net.b[l] = scale * rng.normal(size=net.b[l].shape) / 2
    return net, rng.normal(size=(N, SIZES[0])), draw_targets(loss, N, SIZES[-1], rng)


def faulty(activation, factor=FAULT, name="faulty"):
    row = ACTIVATIONS[activation]
    return pl.Activation(
        name, row.function, lambda z: factor * row.derivative(z), kinks=row.kinks, elementwise=row.elementwise
    )


def labels_of(partials):
    return [partial.label.text for partial in partials]


# What is right passes


@pytest.mark.parametrize("loss", [*LOSSES, pl.Huber(0.3), pl.Quantile(0.9)], ids=str)
@pytest.mark.parametrize("activation", ROWS)
def test_every_right_gradient_passes(activation, loss, draw_targets):
    row = pl.losses.as_loss(loss)
    for dtype, settings in itertools.product(
        ("float32", "float64"),
        ({}, {"sample_weight": np.arange(1.0, N + 1)}, {"l2": 0.3}, {"l1": 0.2}, {"l2": 0.3, "l1": 0.2}),
    ):
        net, X, Y = problem(activation, row, draw_targets, dtype=dtype)
        before = net.parameters.copy()
        check = net.check_gradient(X, Y, row, **settings)
        assert check, check
        assert check.passed
        assert check.failed == ()
        assert check.compared + len(check.set_aside) == net.parameters.size
        assert len(check.set_aside) <= 2  # at a kink only by a rare chance
        assert check.worst.relative_error <= check.tolerance <= 2e-4
        assert list(check.relative_error) == [2, 3, 4]
        np.testing.assert_array_equal(net.parameters, before)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_without_biases_what_is_right_passes_and_a_fault_fails(activation, loss, dtype, draw_targets):
    row = pl.losses.as_loss(loss)
    for settings in ({}, {"sample_weight": np.arange(1.0, N + 1), "l2": 0.3, "l1": 0.2}):
        net, X, Y = problem(activation, row, draw_targets, dtype=dtype, bias=False)
        check = net.check_gradient(X, Y, row, **settings)
        assert check, str(check)
        assert check.compared + len(check.set_aside) == net.parameters.size
        assert all(partial.label.symbol == "w" for partial in (check.worst, *check.failed))
    if dtype == "float64":
        wrong = pl.Network(SIZES, faulty("tanh"), net.activations[4], init=net.parameters, bias=False)
        found = wrong.check_gradient(X, Y, row)
        assert not found
        assert {partial.label.layer for partial in found.failed} <= {2, 3}


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "selu", "elu", "hard_tanh"])
@pytest.mark.parametrize("loss", ["mse", "mae", "quantile"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_networks_with_kinks_pass_from_many_starts(activation, loss, dtype, draw_targets):
    for seed in range(8):
        net, X, Y = problem(activation, LOSSES[loss], draw_targets, seed=seed, dtype=dtype)
        check = net.check_gradient(X, Y, loss)
        assert check, check
        assert check.compared >= 0.9 * net.parameters.size


def test_a_partial_at_a_kink_is_set_aside_and_no_other():
    # z^2 = 0 for the first hidden neuron alone, whatever its weights: the input is 0
    net = pl.Network([2, 3, 1], "relu", "identity", seed=0)
    net.b[2] = [0.0, 1.0, -1.0]
    check = net.check_gradient([0.0, 0.0], [5.0])
    assert [label.text for label in check.set_aside] == ["b_1^2"]
    assert check.compared == net.parameters.size - 1
    assert check
    assert "set aside at a kink: 1 (b_1^2)" in str(check)


def test_a_weight_of_zero_is_at_the_kink_of_its_absolute_value():
    net = pl.Network([4, 5, 3], "tanh", seed=0)
    net["w_34^2"] = net["w_21^3"] = 0.0
    net["b_1^3"] = 0.0
    X, Y = np.random.default_rng(0).normal(size=(N, 4)), np.ones((N, 3))
    assert [label.text for label in net.check_gradient(X, Y, l1=0.1).set_aside] == ["w_34^2", "w_21^3"]
    assert net.check_gradient(X, Y, l1=0.1)
    assert net.check_gradient(X, Y, l2=0.1).set_aside == ()


def test_near_a_kink_the_step_is_made_smaller_until_both_sides_are_on_one_side():
    net = pl.Network([1, 1, 1], "relu", "identity", init=([[[1.0]], [[2.0]]], [[0.0], [0.0]]))
    for distance in (1e-5, -1e-5):
        check = net.check_gradient([distance], [1.0])
        assert check
        assert check.set_aside == ()
    assert [label.text for label in net.check_gradient([1e-9], [1.0]).set_aside] == ["b_1^2"]


def test_if_every_partial_is_at_a_kink_nothing_is_compared_and_there_is_no_worst():
    net = pl.Network([1, 1], "relu", init=([[[0.0]]], [[0.0]]))
    check = net.check_gradient([1.0], [3.0])
    assert (check.compared, check.worst, len(check.set_aside)) == (0, None, 2)
    assert "0 partials compared" in str(check)


def test_deltas_that_vanish_pass():
    """Saturated sigmoids: every partial of the lower layers underflows or is lost in the rounding of the loss."""
    net = pl.Network([3, 4, 2], "sigmoid", seed=0)
    net.b[2] = np.full(4, 50.0)
    check = net.check_gradient(np.ones((N, 3)), np.ones((N, 2)))
    assert check, check


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_probabilities_that_sum_to_one_only_roughly_have_the_gradient_of_their_loss(dtype):
    """Rows that went through float32 are taken as they are: L = -Σ_j y_j ln a_j, whatever their sum."""
    rng = np.random.default_rng(0)
    Y = rng.dirichlet(np.ones(3), N).astype(np.float32)
    Y[:, 0] += 4e-6
    net = pl.Network([4, 5, 3], "tanh", "softmax", seed=0, dtype=dtype)
    check = net.check_gradient(rng.normal(size=(N, 4)), Y, "cross_entropy")
    assert check, check


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1e3, 1e6])
def test_inputs_and_targets_of_any_size_pass(scale, draw_targets):
    rng = np.random.default_rng(0)
    net = pl.Network([4, 5, 3], "tanh", "identity", seed=0)
    X, Y = scale * rng.normal(size=(N, 4)), scale * rng.normal(size=(N, 3))
    check = net.check_gradient(X, Y)
    assert check, check


# What is wrong fails


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
@pytest.mark.parametrize("layer", [2, 3, 4])
def test_a_derivative_off_by_a_twentieth_of_a_percent_fails_at_its_layer_and_below_and_not_above(
    layer, loss, dtype, draw_targets
):
    activations = ["tanh", "tanh", "sigmoid"]
    activations[layer - 2] = faulty(activations[layer - 2])
    rng = np.random.default_rng(0)
    net = pl.Network(SIZES, activations, seed=0, dtype=dtype)
    X, Y = rng.normal(size=(N, 4)), draw_targets(LOSSES[loss], N, 3, rng)
    check = net.check_gradient(X, Y, loss)
    assert not check
    assert not check.passed
    right, wrong = range(layer + 1, 5), range(2, layer + 1)
    assert {partial.label.layer for partial in check.failed} == set(wrong)
    for l in wrong:
        assert check.relative_error[l] == pytest.approx(FAULT - 1, rel=0.02)
        whole_layer = {label.text for label in net.labels("w") + net.labels("b") if label.layer == l}
        assert len(whole_layer & set(labels_of(check.failed))) >= 0.8 * len(whole_layer)
    for l in right:
        assert check.relative_error[l] <= check.tolerance
    assert check.worst == check.failed[0]
    assert "FAILED for" in str(check)
    assert str(check.worst) in str(check)


@pytest.mark.parametrize("activation", [name for name in ACTIVATIONS if name != "identity"])
def test_a_derivative_off_by_a_twentieth_of_a_percent_fails_for_every_activation(activation, draw_targets):
    net, X, Y = problem(activation, LOSSES["mse"], draw_targets)
    layers = [ACTIVATIONS["tanh"], ACTIVATIONS["tanh"], faulty(activation)]
    if activation != "softmax":
        layers[0] = faulty(activation)
    wrong = pl.Network(SIZES, layers, init=net.parameters)
    right = pl.Network(SIZES, ["tanh" if row.name == "tanh" else activation for row in layers], init=net.parameters)
    assert right.check_gradient(X, Y)
    assert not wrong.check_gradient(X, Y)


@pytest.mark.parametrize(("right", "wrong"), [("tanh", "sigmoid"), ("silu", "gelu"), ("gelu", "gelu_tanh")])
@pytest.mark.parametrize("layer", [2, 3])
def test_the_derivative_of_another_activation_on_one_layer_fails_there(right, wrong, layer, draw_targets):
    activations = [right, right, "identity"]
    activations[layer - 2] = dataclasses.replace(
        ACTIVATIONS[right], name="mixed up", derivative=ACTIVATIONS[wrong].derivative
    )
    rng = np.random.default_rng(0)
    net = pl.Network(SIZES, activations, seed=0, init="lecun_normal")
    check = net.check_gradient(rng.normal(size=(N, 4)), rng.normal(size=(N, 3)))
    assert not check
    assert max(partial.label.layer for partial in check.failed) == layer
    assert min(partial.label.layer for partial in check.failed) == 2


def test_a_derivative_taken_at_a_instead_of_z_fails():
    tanh = ACTIVATIONS["tanh"]
    at_a = dataclasses.replace(tanh, name="at a", derivative=lambda z: tanh.derivative(tanh.function(z)))
    net = pl.Network([4, 5, 3], at_a, "identity", seed=0)
    rng = np.random.default_rng(0)
    check = net.check_gradient(rng.normal(size=(N, 4)), rng.normal(size=(N, 3)))
    assert {partial.label.layer for partial in check.failed} == {2}


def test_an_activation_that_overwrites_its_z_fails_at_its_layer_and_below():
    row = ACTIVATIONS["tanh"]
    # out of place at the trial on two samples, so that nothing refuses it
    function = lambda z: np.tanh(z, out=z if len(z) > 2 and z.flags.writeable else None)  # noqa: E731
    in_place = pl.Activation("in place", function, row.derivative)
    rng = np.random.default_rng(0)
    net = pl.Network(SIZES, ["tanh", in_place, "identity"], seed=0)
    check = net.check_gradient(rng.normal(size=(N, 4)), rng.normal(size=(N, 3)))
    assert {partial.label.layer for partial in check.failed} == {2, 3}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("factor", [FAULT, 1 / FAULT, 2.0, 3.0, -1.0, 0.0])
def test_a_gradient_of_the_loss_off_by_a_factor_fails_in_every_layer_by_that_factor(loss, factor, draw_targets):
    row = LOSSES[loss]
    output = dataclasses.replace(ACTIVATIONS[SUBSTITUTES.get(loss, "identity")], name="copy")  # no canonical pair
    rng = np.random.default_rng(0)
    net = pl.Network(SIZES, "tanh", output, seed=0)
    X, Y = rng.normal(size=(N, 4)), draw_targets(row, N, 3, rng)
    wrong = dataclasses.replace(
        pl.Loss(row.name, row.function, row.gradient, targets=row.targets, residual_kinks=row.residual_kinks),
        name="wrong",
        gradient=lambda a, y: factor * row.gradient(a, y),
    )
    check = net.check_gradient(X, Y, wrong)
    assert not check
    assert {partial.label.layer for partial in check.failed} == {2, 3, 4}
    for error in check.relative_error.values():
        assert error == pytest.approx(abs(factor - 1) / max(abs(factor), 1), rel=1e-3)
    for partial in check.failed:
        assert partial.backprop == pytest.approx(factor * partial.difference, rel=1e-3, abs=1e-7)


def test_a_fault_in_one_output_is_named_by_its_neuron():
    def gradient(a, y):
        partials = 2 / 3 * (a - y)
        partials[:, 1] *= 1.01
        return partials

    net = pl.Network([4, 3], "identity", seed=0)
    rng = np.random.default_rng(0)
    check = net.check_gradient(
        rng.normal(size=(N, 4)), rng.normal(size=(N, 3)), pl.Loss("wrong", LOSSES["mse"].function, gradient)
    )
    assert set(labels_of(check.failed)) == {"b_2^2", "w_21^2", "w_22^2", "w_23^2", "w_24^2"}
    assert f"∂L/∂{check.worst.label}" in str(check)


@pytest.mark.parametrize(
    ("strengths", "wrong"),
    [
        ({"l2": 0.3}, lambda self, W: 2 * self.l2 * W),
        ({"l2": 0.3}, lambda self, W: FAULT * self.l2 * W),
        ({"l2": 0.3}, lambda self, W: self.l2 * W / N),
        ({"l2": 0.3}, lambda self, W: np.zeros_like(W)),
        ({"l1": 0.2}, lambda self, W: self.l1 * W),
        ({"l1": 0.2}, lambda self, W: -self.l1 * np.sign(W)),
        ({"l1": 0.2, "l2": 0.3}, lambda self, W: self.l2 * W),
    ],
)
def test_a_wrong_penalty_fails_for_the_weights_and_not_for_the_biases(strengths, wrong, monkeypatch):
    rng = np.random.default_rng(0)
    net = pl.Network([4, 5, 3], "tanh", seed=0)
    X, Y = rng.normal(size=(N, 4)), rng.normal(size=(N, 3))
    assert net.check_gradient(X, Y, **strengths)
    monkeypatch.setattr(Penalty, "gradient", wrong)
    check = net.check_gradient(X, Y, **strengths)
    assert not check
    assert {(partial.label.symbol, partial.label.layer) for partial in check.failed} == {("w", 2), ("w", 3)}
    assert net.check_gradient(X, Y)  # without a penalty there is nothing wrong


def test_a_penalty_on_the_biases_fails_for_the_biases(monkeypatch):
    right = pl.checking.gradient_check.gradient

    def wrong(layers, *arguments, penalty, **settings):
        g = right(layers, *arguments, penalty=penalty, **settings)
        for l in g.b.keys():
            g.b[l][...] += penalty.l2 * layers.b[l]
        return g

    rng = np.random.default_rng(0)
    net = pl.Network([4, 5, 3], "tanh", seed=0, init="standard_normal")
    X, Y = rng.normal(size=(N, 4)), rng.normal(size=(N, 3))
    monkeypatch.setattr(pl.checking.gradient_check, "gradient", wrong)
    assert {partial.label.symbol for partial in net.check_gradient(X, Y, l2=0.1).failed} == {"b"}


def test_weights_of_samples_that_are_forgotten_fail(monkeypatch):
    right = pl.checking.gradient_check.gradient

    def wrong(*arguments, sample_weight, **settings):
        return right(*arguments, **settings)

    rng = np.random.default_rng(0)
    net = pl.Network([4, 5, 3], "tanh", seed=0)
    X, Y = rng.normal(size=(N, 4)), rng.normal(size=(N, 3))
    monkeypatch.setattr(pl.checking.gradient_check, "gradient", wrong)
    assert net.check_gradient(X, Y, sample_weight=np.ones(N))
    check = net.check_gradient(X, Y, sample_weight=np.arange(1, N + 1))
    assert {partial.label.layer for partial in check.failed} == {2, 3}


@pytest.mark.parametrize("fault", ["transposed", "shifted", "bias of one sample", "sum for mean"])
def test_faults_of_hand_written_backpropagation_fail(fault, monkeypatch):
    right = pl.checking.gradient_check.gradient

    def wrong(layers, X, *arguments, **settings):
        g = right(layers, X, *arguments, **settings)
        if fault == "transposed":
            g.W[3][...] = g.W[3].T.copy()
        elif fault == "shifted":
            g.b[3][...] = np.roll(g.b[3], 1)
        elif fault == "bias of one sample":
            g.b[3][...] = right(layers, X[:1], *(array[:1] for array in arguments[:1]), *arguments[1:], **settings).b[3]
        else:
            g.vector[...] *= len(X)
        return g

    rng = np.random.default_rng(0)
    net = pl.Network([4, 3, 3], "tanh", seed=0)
    X, Y = rng.normal(size=(N, 4)), rng.normal(size=(N, 3))
    monkeypatch.setattr(pl.checking.gradient_check, "gradient", wrong)
    check = net.check_gradient(X, Y)
    failed = {(partial.label.symbol, partial.label.layer) for partial in check.failed}
    everything = {("w", 2), ("b", 2), ("w", 3), ("b", 3)}
    assert (
        failed
        == {
            "transposed": {("w", 3)},
            "shifted": {("b", 3)},
            "bias of one sample": {("b", 3)},
            "sum for mean": everything,
        }[fault]
    )
    if fault == "transposed":
        assert not {"w_11^3", "w_22^3", "w_33^3"} & set(labels_of(check.failed))


# The report


def test_the_worst_comes_first_and_the_numbers_are_those_compared(draw_targets):
    net = pl.Network([4, 5, 3], faulty("tanh", 1.2), "identity", seed=0)
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(N, 4)), rng.normal(size=(N, 3))
    check, g = net.check_gradient(X, Y), net.gradient(X, Y)
    errors = [partial.relative_error for partial in check.failed]
    assert errors == sorted(errors, reverse=True)
    assert check.worst.relative_error == errors[0]
    for partial in check.failed:
        label = partial.label
        assert partial.backprop == (g.W if label.symbol == "w" else g.b)[label.layer][label.index]
        assert partial.relative_error > check.tolerance
    text = str(check)
    assert text.startswith(f"gradient check FAILED for {len(errors)} of {check.compared} partials")
    assert f"layer 2: relative error {check.relative_error[2]:.1e}" in text
    assert f"and {len(errors) - 5} more" in text
    assert str(net.copy().check_gradient(X, Y)) == text


def test_a_check_that_passes_says_so():
    net = pl.Network([4, 5, 3], seed=0)
    text = str(net.check_gradient(np.ones((N, 4)), np.ones((N, 3))))
    assert text.startswith("gradient check passed: 43 partials compared, tolerance 1e-08\n  layer 2: relative error")


@pytest.mark.parametrize("at_most", [1, 2, 4, 7, 1000])
@pytest.mark.parametrize("bias", [True, False])
def test_at_most_so_many_partials_of_each_array_are_compared(at_most, bias):
    net = pl.Network([4, 5, 3], seed=0, bias=bias)
    X, Y = np.ones((N, 4)), np.ones((N, 3))
    check = net.check_gradient(X, Y, at_most=at_most)
    assert check
    assert check.compared == sum(min(at_most, size) for size in (5 * 4, 3 * 5, *((5, 3) if bias else ())))


def test_the_choice_is_drawn_from_the_seed_and_reaches_everything():
    net = pl.Network([4, 5, 3], faulty("sigmoid", 1.5), seed=0)
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(N, 4)), rng.normal(size=(N, 3))

    def chosen(seed):
        check = net.check_gradient(X, Y, at_most=2, seed=seed)
        assert check.compared == len(check.failed) == 8
        return set(labels_of(check.failed))

    assert chosen(5) == chosen(5)
    assert set().union(*map(chosen, range(60))) == {label.text for label in net.labels("w") + net.labels("b")}


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"at_most": 0}, ValueError, "at_most must be at least 1, got 0"),
        ({"at_most": 2.0}, TypeError, r"at_most must be a whole number, got 2\.0"),
        ({"seed": -1}, ValueError, "seed must be at least 0, got -1"),
        ({"seed": "0"}, TypeError, "seed must be a whole number, got '0'"),
    ],
)
def test_bad_settings_are_refused(settings, error, message):
    with pytest.raises(error, match=message):
        pl.Network([4, 5, 3], seed=0).check_gradient(np.ones((N, 4)), np.ones((N, 3)), **settings)


def test_a_check_in_chunks_is_the_check_in_one_piece(monkeypatch):
    net = pl.Network([4, 5, 3], faulty("tanh", 1.01), seed=0)
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(N, 4)), rng.normal(size=(N, 3))
    whole = net.check_gradient(X, Y)
    monkeypatch.setattr(pl.checking.gradient_check, "_CHUNK", 3 * N * 5)
    pieces = net.check_gradient(X, Y)
    assert set(labels_of(pieces.failed)) == set(labels_of(whole.failed))
    assert pieces.compared == whole.compared
    by_label = {partial.label: partial.difference for partial in whole.failed}
    for partial in pieces.failed:
        assert partial.difference == pytest.approx(by_label[partial.label], rel=1e-8)


def test_one_input_and_a_network_without_hidden_layers_are_checked_too():
    net = pl.Network([4, 3], "softmax", seed=0)
    for Y in (1, [0.2, 0.3, 0.5]):
        check = net.check_gradient([0.5, -1.0, 2.0, 0.1], Y, "cross_entropy")
        assert check
        assert check.compared == 15


@pytest.mark.parametrize("activations", [["exp", "sine"], ["selu", "sine"], ["gelu", "sine"], ["sine", "exp"]])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_loss_that_bends_sharply_within_a_step_passes(activations, dtype):
    """After exp or large weights, the next z runs through a good part of a wave within one step."""
    rng = np.random.default_rng(0)
    init = "lecun_normal" if activations[0] == "exp" else "standard_normal"
    for seed in range(20):
        net = pl.Network([6, 5, 8, 3], [*activations, "tanh"], seed=seed, init=init, dtype=dtype)
        check = net.check_gradient(rng.normal(size=(N, 6)), rng.normal(size=(N, 3)))
        assert check, f"seed {seed}: {check}"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_terms_that_cancel_to_nothing_but_rounding_pass(dtype):
    """Every output below its target: the absolute errors sum to a constant, since softmax sums to 1."""
    rng = np.random.default_rng(0)
    net = pl.Network([4, 5, 3], "tanh", "softmax", seed=0, dtype=dtype)
    check = net.check_gradient(rng.normal(size=(N, 4)), np.full((N, 3), 2.0), "mae")
    assert check, check
