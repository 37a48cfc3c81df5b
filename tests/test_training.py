"""Training: bits that a seed promises, batches and their losses, interruption and resumption, divergence, refusals."""

import copy
import hashlib
import io
import itertools
import json
import math
import os
import pickle
import sys
from fractions import Fraction

import numpy as np
import pytest
import safetensors
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as pl
from pellucid.backprop import feedforward
from pellucid.descent import clip, with_dropout
from pellucid.schedules import Cosine, ReduceOnPlateau

EPS = np.finfo(float).eps
SIZES = (3, 4, 2)

OPTIMIZERS = {
    "sgd": pl.SGD(0.05),
    "momentum": pl.SGD(0.05, momentum=0.9),
    "nesterov": pl.SGD(0.05, momentum=0.9, nesterov=True),
    "adam": pl.Adam(0.02),
    "adamw": pl.AdamW(0.02, weight_decay=0.1),
    "rmsprop": pl.RMSprop(0.01),
}
every_optimizer = pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)


def some_data(n=23, dtype="float64", sizes=SIZES):
    rng = np.random.default_rng(7)
    X = rng.standard_normal((n, sizes[0]))
    return X.astype(dtype), np.sin(X @ rng.standard_normal((sizes[0], sizes[-1]))).astype(dtype)


def a_network(seed=0, **arguments):
    return pl.Network(SIZES, **({"activation": "tanh", "seed": seed} | arguments))


def bits(array):
    """A short name for an array's bits."""
    return hashlib.sha256(array.tobytes()).hexdigest()[:16]


def everything(net, history=None):
    """All that a training leaves behind, to be compared bit for bit."""
    state = net.optimizer_state
    memory = None if state is None else (state.optimizer, state.step, {k: bits(v) for k, v in state.arrays.items()})
    curves = None if history is None else (dict(history), history.stopped, history.best_epoch, history.seed)
    return bits(net.parameters), memory, curves


def trained(seed=1, net=None, data=None, **arguments):
    """A network after training, and its history."""
    net = a_network() if net is None else net
    X, Y = some_data() if data is None else data
    return net, net.train(X, Y, **({"batch_size": 5, "epochs": 4, "seed": seed, "optimizer": "adam"} | arguments))


class StopHereError(Exception):
    pass


def raising(error, at):
    """A callback that raises at the end of an epoch."""

    def callback(epoch):
        if epoch.number == at:
            raise error

    return callback


class Recorder:
    """The squared error, remembering the batches it was asked about; sample i has the target 10 + i."""

    def __init__(self, n):
        self.n, self.batches = n, []
        self.Y = 10.0 + np.arange(n)[:, np.newaxis]
        self.loss = pl.Loss("recorded", lambda a, y: np.square(a - y).mean(axis=1), self.gradient)

    def gradient(self, a, y):
        if y.min() >= 10:  # the library tries a user's loss on two made-up samples first
            self.batches.append([round(v) - 10 for v in y[:, 0]])
        return 2 * (a - y)

    def epochs(self):
        """The batches, epoch by epoch: an epoch is over when every sample was seen once."""
        seen, found = 0, [[]]
        for batch in self.batches:
            if seen == self.n:
                found.append([])
                seen = 0
            found[-1].append(batch)
            seen += len(batch)
        return found


def recorded(n=23, **arguments):
    recorder = Recorder(n)
    net = pl.Network([1, 1], "identity", seed=0)
    X = np.linspace(-1, 1, n)[:, np.newaxis]
    history = net.train(X, recorder.Y, loss=recorder.loss, optimizer=pl.SGD(1e-3), **arguments)
    return recorder.epochs(), history


# One seed, one result.

KINDS = {
    "plain": {},
    "dropout": {"dropout": 0.3},
    "fraction": {"validation": 0.25, "patience": 2},
    "schedule": {"schedule": "cosine", "clip_norm": 0.1},
    "weights": {"sample_weight": np.linspace(0, 2, 23), "l2": 0.01, "l1": 0.01},
    "in order": {"shuffle": False, "dropout": 0.5},
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("arguments", KINDS.values(), ids=KINDS)
@every_optimizer
def test_the_same_seed_gives_the_same_bits(optimizer, arguments, dtype):
    data = some_data(dtype=dtype)
    first, second = (
        everything(*trained(net=a_network(dtype=dtype), data=data, optimizer=optimizer, **arguments)) for _ in range(2)
    )
    assert first == second


@pytest.mark.parametrize("arguments", KINDS.values(), ids=KINDS)
def test_another_seed_gives_another_result(arguments):
    found = {bits(trained(seed=seed, **arguments)[0].parameters) for seed in range(5)}
    assert len(found) == 5


def test_without_batches_dropout_and_split_the_seed_does_not_matter():
    found = {bits(trained(seed=seed, batch_size=None)[0].parameters) for seed in (0, 1, None)}
    assert len(found) == 1


def test_the_historys_seed_repeats_a_training_that_drew_its_own():
    first, history = trained(seed=None, dropout=0.2)
    second, again = trained(seed=history.seed, dropout=0.2)
    assert everything(first, history) == everything(second, again)
    assert trained(seed=None)[1].seed != history.seed


def test_training_touches_neither_numpys_global_random_state_nor_the_data():
    X, Y = some_data()
    kept = X.copy(), Y.copy()
    before = np.random.get_state()[1].tobytes()  # noqa: NPY002 (the global state is what must not change)
    trained(data=(X, Y), dropout=0.2, validation=0.2)
    assert np.random.get_state()[1].tobytes() == before  # noqa: NPY002
    assert (X.tobytes(), Y.tobytes()) == (kept[0].tobytes(), kept[1].tobytes())


@pytest.mark.parametrize("number", [np.int64, np.int32, np.uint8])
def test_whole_numbers_of_numpy_serve_as_pythons_do(number, tmp_path):
    counts = {"batch_size": 5, "epochs": 3, "seed": 1, "patience": 2}
    plain = trained(**counts, checkpoint=tmp_path / "plain")
    numpys = trained(**{name: number(value) for name, value in counts.items()}, checkpoint=tmp_path / "numpy")
    assert everything(*plain) == everything(*numpys)
    assert (tmp_path / "plain").read_bytes() == (tmp_path / "numpy").read_bytes()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_numbers_of_numpy_serve_as_pythons_do(dtype, tmp_path):
    settings_of = [
        {"optimizer": pl.AdamW(kind(0.25), weight_decay=kind(0.5)), "clip_norm": kind(0.125), "l2": kind(0.5)}
        | {"dropout": kind(0.25), "schedule": pl.schedules.Exponential(kind(0.5)), "validation": kind(0.25)}
        for kind in (float, np.float64, np.float32)
    ]
    data = some_data(dtype=dtype)
    found = [
        everything(*trained(net=a_network(dtype=dtype), data=data, checkpoint=tmp_path / "checkpoint", **each))
        for each in settings_of
    ]
    assert found[0] == found[1] == found[2]


def test_a_deep_copy_trains_to_the_same_bits():
    X, Y = some_data()
    net = a_network(activation="tanh", output="sigmoid")
    twin = copy.deepcopy(net)
    for each in (net, twin):
        each.train(X, Y > 0, loss="binary_cross_entropy", epochs=3, batch_size=5, seed=1)
    assert everything(net) == everything(twin)


# Training goes on.


@every_optimizer
def test_ten_epochs_of_gradient_descent_are_five_and_five(optimizer):
    whole, _ = trained(optimizer=optimizer, batch_size=None, epochs=10)
    halves, _ = trained(optimizer=optimizer, batch_size=None, epochs=5)
    assert everything(halves) != everything(whole)
    trained(net=halves, optimizer=optimizer, batch_size=None, epochs=5)
    assert everything(halves) == everything(whole)
    assert halves.optimizer_state.step == 10


@pytest.mark.parametrize("name", ["momentum", "nesterov", "adam", "adamw", "rmsprop"])
def test_without_its_memory_an_optimizer_starts_afresh(name):
    goes_on, _ = trained(optimizer=OPTIMIZERS[name], batch_size=None, epochs=5)
    afresh = goes_on.copy()
    afresh.optimizer_state = None
    anew = a_network()
    anew.parameters = afresh.parameters
    for net in (goes_on, afresh, anew):
        trained(net=net, optimizer=OPTIMIZERS[name], batch_size=None, epochs=5)
    assert everything(afresh) == everything(anew)
    assert everything(afresh) != everything(goes_on)


@pytest.mark.parametrize("other", ["momentum", "adamw", "rmsprop"])
def test_another_optimizer_does_not_take_over_the_memory_of_the_last(other):
    net, _ = trained(optimizer="adam", batch_size=None)
    anew = a_network()
    anew.parameters = net.parameters
    for each in (net, anew):
        trained(net=each, optimizer=OPTIMIZERS[other], batch_size=None)
    assert everything(net) == everything(anew)
    assert net.optimizer_state.optimizer == OPTIMIZERS[other].name


def test_the_same_optimizer_with_other_settings_goes_on_from_its_memory():
    net, _ = trained(optimizer=pl.Adam(0.02), batch_size=None)
    trained(net=net, optimizer=pl.Adam(0.01), batch_size=None)
    assert net.optimizer_state.step == 8


def test_a_copied_network_goes_on_alone():
    net, _ = trained(batch_size=None)
    twin = net.copy()
    kept = everything(net)
    trained(net=twin, batch_size=None)
    assert everything(net) == kept
    trained(net=net, batch_size=None)
    assert everything(net) == everything(twin)


def test_training_on_does_not_touch_a_memory_that_was_taken_before():
    net, _ = trained(batch_size=None)
    taken = net.optimizer_state
    kept = everything(net)
    trained(net=net, batch_size=None)
    assert (taken.optimizer, taken.step, {k: bits(v) for k, v in taken.arrays.items()}) == kept[1]


# Batches.


def test_one_step_of_gradient_descent_worked_out_by_hand():
    # a = 2x + 1; X = 1, 3; Y = 2, 4; a - y = 1, 3; L_T = (1 + 9)/2 = 5
    # ∂L_T/∂w = (2·1·1 + 2·3·3)/2 = 10; ∂L_T/∂b = (2·1 + 2·3)/2 = 4
    net = pl.Network([1, 1], "identity", init=np.array([2.0, 1.0]))
    history = net.train([[1.0], [3.0]], [2.0, 4.0], optimizer=pl.SGD(0.25), batch_size=None, epochs=1)
    assert history["loss"] == [5.0]
    assert net.parameters.tolist() == [2 - 0.25 * 10, 1 - 0.25 * 4]


def test_two_steps_on_batches_worked_out_by_hand():
    # batch 1: x = 1, y = 2, a = 3: L = 1, ∂w = 2, ∂b = 2, so w = 1.5, b = 0.5
    # batch 2: x = 3, y = 4, a = 5: L = 1, ∂w = 6, ∂b = 2, so w = 0, b = 0
    net = pl.Network([1, 1], "identity", init=np.array([2.0, 1.0]))
    history = net.train([[1.0], [3.0]], [2.0, 4.0], optimizer=pl.SGD(0.25), batch_size=1, epochs=1, shuffle=False)
    assert history["loss"] == [1.0]
    assert net.parameters.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("batch_size", [1, 4, 5, 22, 23, 24, 1000, None])
def test_every_sample_is_visited_once_per_epoch(batch_size, shuffle):
    epochs, _ = recorded(batch_size=batch_size, epochs=3, shuffle=shuffle, seed=0)
    size = min(batch_size or 23, 23)
    assert len(epochs) == 3
    for batches in epochs:
        assert [len(batch) for batch in batches] == [size] * (23 // size) + ([23 % size] if 23 % size else [])
        visited = [i for batch in batches for i in batch]
        assert sorted(visited) == list(range(23))
        if not shuffle or size == 23:
            assert visited == list(range(23))


def test_each_epoch_is_shuffled_anew():
    epochs, _ = recorded(batch_size=5, epochs=6, seed=0)
    orders = {tuple(i for batch in batches for i in batch) for batches in epochs}
    assert len(orders) == 6
    assert tuple(range(23)) not in orders


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 99))
def test_every_sample_is_visited_once_whatever_the_sizes(n, batch_size, seed):
    epochs, _ = recorded(n, batch_size=batch_size, epochs=2, seed=seed)
    assert [sorted(itertools.chain(*batches)) for batches in epochs] == [list(range(n))] * 2


def test_a_batch_of_all_samples_is_gradient_descent():
    found = {bits(trained(batch_size=size)[0].parameters) for size in (23, 24, None)}
    assert len(found) == 1


@pytest.mark.parametrize("weighted", [False, True])
def test_the_loss_of_an_epoch_is_the_mean_over_its_batches_as_trained(weighted):
    # Nothing of the training is used here but the order of the samples and the gradient of a batch.
    n, rate, penalty = 23, 0.01, {"l2": 0.1, "l1": 0.05}
    X = np.random.default_rng(0).standard_normal((n, 1))
    weight = np.random.default_rng(1).uniform(0, 2, n) if weighted else None
    recorder, net = Recorder(n), pl.Network([1, 3, 1], "tanh", output="identity", seed=0)
    replay = net.copy()
    history = net.train(
        X, recorder.Y, loss=recorder.loss, optimizer=pl.SGD(rate), batch_size=5, epochs=3, seed=0,
        sample_weight=weight, **penalty,
    )  # fmt: skip
    expected = []
    for batches in recorder.epochs():
        total = 0.0
        for batch in batches:
            part = None if weight is None else weight[batch]
            plain = replay.gradient(X[batch], recorder.Y[batch], "mse", sample_weight=part)
            whole = replay.gradient(X[batch], recorder.Y[batch], "mse", sample_weight=part, **penalty)
            # A weight counts against the mean of all weights, and the penalty is the same in every batch.
            factor = 1.0 if part is None else part.mean() / weight.mean()
            step = factor * plain.vector + (whole.vector - plain.vector)
            replay.parameters = replay.parameters - rate * step
            total += len(batch) / n * (factor * plain.loss + (whole.loss - plain.loss))
        expected.append(total)
    np.testing.assert_allclose(replay.parameters, net.parameters, rtol=256 * EPS)
    np.testing.assert_allclose(history["loss"], expected, rtol=256 * EPS)


@pytest.mark.parametrize("batch_size", [1, 2, 3, None])
def test_a_weight_means_the_same_whatever_the_batches(batch_size):
    # A bias alone is drawn to the weighted mean of the targets, here 0.9; its steps shrink, so it settles there.
    net = pl.Network([1, 1], "identity", init="zeros")
    X, Y, weight = np.zeros((4, 1)), np.array([0.0, 1.0, 0.0, 1.0]), np.array([1.0, 9.0, 1.0, 9.0])
    net.train(
        X, Y, optimizer=pl.SGD(0.1), batch_size=batch_size, epochs=3000, seed=0, sample_weight=weight,
        schedule=pl.schedules.InverseScaling(0.75),
    )  # fmt: skip
    assert net.b[2][0] == pytest.approx(0.9, abs=0.01)


def test_a_samples_loss_is_the_one_it_had_when_it_was_trained_on():
    # With a learning rate too small to move anything, the epoch's loss is L_T whatever the batches.
    X, Y = some_data()
    net = a_network(init="standard_normal")
    start = bits(net.parameters)
    history = net.train(X, Y, optimizer=pl.SGD(1e-300), batch_size=4, epochs=2, seed=0, l2=0.5)
    assert bits(net.parameters) == start
    np.testing.assert_allclose(history["loss"], net.gradient(X, Y, l2=0.5).loss, rtol=64 * EPS)


def test_one_input_alone_is_a_batch_of_one():
    X, Y = some_data(1)
    nets = [a_network(), a_network()]
    nets[0].train(X, Y, epochs=3, seed=0)
    nets[1].train(X[0], Y[0], epochs=3, seed=0)
    assert everything(nets[0]) == everything(nets[1])


# Sample weights and penalties.


@every_optimizer
def test_weight_two_is_the_sample_twice_and_weight_zero_is_no_sample(optimizer):
    X, Y = some_data(9)
    weight = np.array([1, 2, 0, 1, 2, 1, 0, 1, 1.0])
    chosen = np.repeat(np.arange(9), weight.astype(int))
    plain, weighted = a_network(), a_network()
    first = plain.train(X[chosen], Y[chosen], optimizer=optimizer, batch_size=None, epochs=10)
    second = weighted.train(X, Y, optimizer=optimizer, batch_size=None, epochs=10, sample_weight=weight)
    # Adam and RMSprop divide by the size of the gradient, which magnifies its rounding where it is small.
    np.testing.assert_allclose(weighted.parameters, plain.parameters, rtol=0, atol=2**16 * EPS)
    np.testing.assert_allclose(second["loss"], first["loss"], rtol=2**16 * EPS)


def test_samples_of_weight_zero_have_no_influence_at_all():
    X, Y = some_data(9)
    weight = np.array([1, 1, 1, 0, 1, 0, 1, 1, 1.0])
    elsewhere = X.copy(), Y.copy()
    for array in elsewhere:
        array[weight == 0] = 1e3
    one, other = (
        everything(*trained(data=data, batch_size=None, sample_weight=weight)) for data in ((X, Y), elsewhere)
    )
    assert one == other


def test_the_steps_of_an_epoch_add_up_to_the_gradient_of_the_total_loss_whatever_the_weights():
    # With a learning rate too small to change the gradient, the mean step of an epoch is -η ∇L_T.
    X, Y = some_data(12)
    weight = np.array([1, 2, 3, 0, 0, 0, 1, 1, 1.0, 5, 0, 0.5])
    net = a_network(init="standard_normal")
    start, g = net.parameters.copy(), net.gradient(X, Y, sample_weight=weight)
    net.train(X, Y, optimizer=pl.SGD(1e-7), batch_size=3, epochs=1, sample_weight=weight, seed=0)
    np.testing.assert_allclose(
        (start - net.parameters) / (4 * 1e-7), g.vector, rtol=0, atol=1e-5 * np.abs(g.vector).max()
    )


def test_the_scale_of_the_weights_does_not_matter():
    weight = np.random.default_rng(0).uniform(0, 2, 23)
    one, eight = (trained(sample_weight=weight * scale, batch_size=None) for scale in (1, 8))
    assert everything(*one) == everything(*eight)


def test_a_penalty_pulls_on_weights_and_spares_biases():
    X, Y = some_data()
    net = a_network()
    net.parameters = np.random.default_rng(0).standard_normal(net.parameters.shape)
    start, plain = net.copy(), net.gradient(X, Y)
    history = net.train(X, Y, optimizer=pl.SGD(0.5), batch_size=None, epochs=1, l2=0.25, l1=0.125)
    w, is_weight = start.parameters, net.weight_mask() == 1
    pull = np.where(is_weight, 0.25 * w + 0.125 * np.sign(w), 0)
    scale = np.abs(w).max() + np.abs(plain.vector).max()
    np.testing.assert_allclose(net.parameters, w - 0.5 * (plain.vector + pull), rtol=0, atol=8 * EPS * scale)
    penalty = 0.125 * (w[is_weight] ** 2).sum() + 0.125 * np.abs(w[is_weight]).sum()
    np.testing.assert_allclose(history["loss"], plain.loss + penalty, rtol=8 * EPS)


# Dropout.


def masks_of(dropped, layers, n):
    """What dropout multiplies each activation by, read off the functions that it put in place."""
    z = {l: np.ones((n, layers.size(l))) for l in range(2, layers.F)}
    return {l: dropped[l].function(z[l]) / layers.activations[l].function(z[l]) for l in z}


def without_dropped(net, masks, i):
    """The network of sample i, whose dropped neurons are removed and the weights behind the others scaled up."""
    kept = {1: np.arange(net.size(1)), net.F: np.arange(net.size(net.F))}
    kept |= {l: np.flatnonzero(mask[i]) for l, mask in masks.items()}
    scale = {1: np.ones(net.size(1))} | {l: mask[i] for l, mask in masks.items()}
    W = {l: (net.W[l] * scale[l - 1])[np.ix_(kept[l], kept[l - 1])] for l in range(2, net.F + 1)}
    b = {l: net.b[l][kept[l]] for l in range(2, net.F + 1)}
    rows = list(net.activations.values())
    return pl.Network([len(kept[l]) for l in range(1, net.F + 1)], rows, init=(W, b)), kept, scale


@pytest.mark.parametrize("rates", [(0.5, 0.0), (0.0, 0.4), (0.5, 0.25)], ids=str)
@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "softplus"])
def test_the_gradient_of_dropout_is_that_of_the_network_without_the_dropped_neurons(activation, rates):
    from pellucid.backprop import gradient
    from pellucid.losses import LOSSES

    net = pl.Network([3, 6, 5, 2], activation, output="identity", seed=0, init="standard_normal")
    X, Y = some_data(8)
    dropped = with_dropout(net, rates, 3, 1, 0, len(X))
    masks = masks_of(dropped, net, len(X))
    found = gradient(net, X, Y, LOSSES["mse"], sigma=dropped)
    total, loss = net.copy(), 0.0
    total.parameters = np.zeros_like(net.parameters)
    for i in range(len(X)):
        small, kept, scale = without_dropped(net, masks, i)
        part = small.gradient(X[i], Y[i], "mse")
        loss += part.loss / len(X)
        for l in range(2, net.F + 1):
            total.W[l][np.ix_(kept[l], kept[l - 1])] += part.W[l] * scale[l - 1][kept[l - 1]] / len(X)
            total.b[l][kept[l]] += part.b[l] / len(X)
    size = np.abs(found.vector).max()
    assert sum((mask == 0).sum() for mask in masks.values()) > 0
    np.testing.assert_allclose(found.vector, total.parameters, rtol=0, atol=64 * EPS * size)
    np.testing.assert_allclose(found.loss, loss, rtol=64 * EPS)


def test_a_training_step_with_dropout_is_the_step_of_one_of_the_dropped_networks():
    # One sample and three hidden neurons: eight masks, of which the step must be exactly one.
    rate, seeds = 0.25, range(200)
    x, y = np.array([[0.5, -1.0]]), np.array([[1.0]])
    net = pl.Network([2, 3, 1], "tanh", output="identity", seed=0, init="standard_normal")
    steps = {}
    for mask in itertools.product([0, 1], repeat=3):
        if any(mask):
            small, kept, scale = without_dropped(net, {2: np.array([mask]) / (1 - rate)}, 0)
            part, step = small.gradient(x, y), net.copy()
            step.parameters = np.zeros_like(net.parameters)
            for l in range(2, net.F + 1):
                step.W[l][np.ix_(kept[l], kept[l - 1])] = part.W[l] * scale[l - 1][kept[l - 1]]
                step.b[l][kept[l]] = part.b[l]
        else:
            step = net.copy()
            step.parameters = np.zeros_like(net.parameters)
            step.b[3] = 2 * (net.b[3] - y[0])
        steps[mask] = step.parameters
    kept_neurons = 0
    for seed in seeds:
        one = net.copy()
        one.train(x, y, optimizer=pl.SGD(1.0), epochs=1, dropout=rate, seed=seed)
        moved = net.parameters - one.parameters
        size = np.abs(moved).max() + np.abs(net.parameters).max()
        (mask,) = [mask for mask, step in steps.items() if np.abs(step - moved).max() <= 64 * EPS * size]
        kept_neurons += sum(mask)
    draws = 3 * len(seeds)
    assert abs(kept_neurons - draws * (1 - rate)) <= 4 * math.sqrt(draws * rate * (1 - rate))


def test_dropout_leaves_the_mean_of_a_linear_layers_output_as_it_was():
    net = pl.Network([3, 5, 2], "identity", seed=0, init="standard_normal")
    x, n = np.array([0.5, -1.0, 2.0]), 40_000
    dropped = with_dropout(net, (0.4,), 0, 1, 0, n)
    _, a = feedforward(net, np.broadcast_to(x, (n, 3)), dropped)
    for layer, expected in ((2, feedforward(net, x[None])[1][2][0]), (3, net.forward(x))):
        error = a[layer].std(axis=0) / math.sqrt(n)
        assert (error > 0).all()
        assert (np.abs(a[layer].mean(axis=0) - expected) <= 5 * error).all()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_dropout_drops_its_share_of_each_layer_and_scales_up_the_rest(dtype):
    net = pl.Network([1, 200, 100, 1], "identity", seed=0, dtype=dtype)
    dropped = with_dropout(net, (0.5, 0.2), 0, 1, 0, 50)
    for l, rate in ((2, 0.5), (3, 0.2)):
        mask = dropped[l].function(np.ones((50, net.size(l)), dtype))
        assert mask.dtype == dtype
        assert np.unique(mask).tolist() == [0, 1 / np.dtype(dtype).type(1 - rate)]
        assert abs((mask == 0).mean() - rate) <= 4 * math.sqrt(rate * (1 - rate) / mask.size)
        assert dropped[l].derivative(np.ones_like(mask)).tobytes() == mask.tobytes()
    assert dropped[4] is net.activations[4]


def test_dropout_of_zero_is_no_dropout_and_validation_knows_none():
    plain = trained(metrics="rmse", validation=0.25)
    for rate in (0, 0.0, [0.0]):
        assert everything(*plain) == everything(*trained(metrics="rmse", validation=0.25, dropout=rate))
    X, Y = some_data()
    seen = []
    _, history = trained(
        dropout=0.5, metrics="rmse", validation=(X, Y), callbacks=lambda epoch: seen.append(epoch.network.copy())
    )
    for epoch, each in enumerate(seen):
        np.testing.assert_allclose(history["validation_loss"][epoch], each.gradient(X, Y).loss, rtol=8 * EPS)
        assert history["rmse"][epoch] == history["validation_rmse"][epoch]


# Clipping.


@settings(deadline=None, max_examples=100)
@given(st.integers(1, 40), st.integers(0, 99), st.floats(-300, 300), st.floats(-300, 300))
def test_a_clipped_gradient_has_at_most_that_norm_and_its_direction(n, seed, size, limit):
    g = np.random.default_rng(seed).standard_normal(n) * 10.0**size
    norm = 10.0**limit
    clipped = g.copy()
    clip(clipped, norm)
    exact = lambda v: math.sqrt(sum(Fraction(float(x) / scale) ** 2 for x in v)) * scale  # noqa: E731
    scale = float(np.abs(g).max())
    length = exact(g)
    if length <= norm * (1 - 64 * EPS):
        assert clipped.tobytes() == g.tobytes()
    elif length >= norm * (1 + 64 * EPS):
        ratio = norm / length
        np.testing.assert_allclose(clipped, g * ratio, rtol=64 * EPS, atol=np.finfo(float).smallest_subnormal * 4)


def test_clipping_nothing_or_a_zero_gradient_changes_nothing():
    zero = np.zeros(3)
    clip(zero, 1.0)
    assert zero.tolist() == [0, 0, 0]
    assert everything(*trained()) == everything(*trained(clip_norm=1e9))


def test_a_step_with_clip_norm_is_no_longer_than_the_norm_times_the_rate():
    X, Y = some_data()
    seen = [a_network().parameters]
    trained(
        optimizer=pl.SGD(0.5), clip_norm=0.01, batch_size=None, epochs=5,
        callbacks=lambda epoch: seen.append(epoch.network.parameters.copy()),
    )  # fmt: skip
    lengths = [np.linalg.norm(after - before) for before, after in itertools.pairwise(seen)]
    np.testing.assert_allclose(lengths, 0.5 * 0.01, rtol=1e3 * EPS)
    g = a_network().gradient(X, Y).vector
    np.testing.assert_allclose(
        seen[1] - seen[0], -0.5 * 0.01 * g / np.linalg.norm(g), rtol=0, atol=8 * EPS * np.abs(seen[0]).max()
    )


# Validation, metrics, callbacks.


def test_validation_loss_and_metrics_are_those_of_the_parameters_at_the_epochs_end():
    X, Y = some_data()
    Xv, Yv = X[:7] + 0.5, Y[:7]
    seen = []

    def worst(a, y):
        return np.abs(a - y).max()

    _, history = trained(
        validation=(Xv, Yv), metrics=["rmse", "r2", worst], l2=0.5,
        callbacks=lambda epoch: seen.append(epoch.network.copy()),
    )  # fmt: skip
    assert set(history) == {
        "loss", "validation_loss", "rmse", "r2", "worst", "validation_rmse", "validation_r2", "validation_worst",
    }  # fmt: skip
    assert {len(values) for values in history.values()} == {history.epochs} == {4}
    for e, net in enumerate(seen):
        np.testing.assert_allclose(history["validation_loss"][e], net.gradient(Xv, Yv).loss, rtol=8 * EPS)
        for prefix, (x, y) in {"": (X, Y), "validation_": (Xv, Yv)}.items():
            error = net.forward(x) - y
            assert history[f"{prefix}worst"][e] == np.abs(error).max()
            np.testing.assert_allclose(history[f"{prefix}rmse"][e] ** 2, np.mean(error**2), rtol=16 * EPS)


def test_validation_and_metrics_do_not_change_the_training():
    assert bits(trained()[0].parameters) == bits(trained(validation=some_data(5), metrics="r2")[0].parameters)


@pytest.mark.parametrize(("fraction", "n_validation"), [(0.25, 6), (0.5, 12), (0.001, 1), (0.9, 21)])
def test_a_fraction_holds_out_that_many_samples_and_trains_on_the_others(fraction, n_validation):
    def held(a, y):
        targets.append(y[:, 0].tolist())
        return 0.0

    targets, recorder = [], Recorder(23)
    X = np.linspace(-1, 1, 23)[:, None]
    net = pl.Network([1, 1], "identity", seed=0)
    net.train(X, recorder.Y, loss=recorder.loss, epochs=2, validation=fraction, metrics=held, seed=3, batch_size=4)
    training, validation = targets[:2]
    assert len(validation) == n_validation
    assert sorted(training + validation) == recorder.Y[:, 0].tolist()
    assert targets[2:] == targets[:2]
    visited = sorted(10.0 + i for batch in recorder.batches for i in batch)
    assert visited == sorted(2 * training)
    assert validation != sorted(recorder.Y[:, 0])[:n_validation] or n_validation == 1


def test_a_fraction_keeps_each_samples_weight_with_it():
    X, Y = some_data()
    weight = np.random.default_rng(0).uniform(0, 2, len(X))
    net = a_network(init="standard_normal")
    losses, held = net.backprop(X, Y).losses, []

    def find(a, y):
        held.append([i for i in range(len(Y)) if (Y[i] == y).all(axis=1).any()])
        return 0.0

    history = net.train(
        X, Y, optimizer=pl.SGD(1e-300), sample_weight=weight, validation=0.5, batch_size=None, epochs=1, metrics=find
    )
    assert sorted(held[0] + held[1]) == list(range(len(X)))
    for part, measured in zip(held, (history["loss"][0], history["validation_loss"][0]), strict=True):
        np.testing.assert_allclose(measured, np.average(losses[part], weights=weight[part]), rtol=64 * EPS)


def test_a_fraction_that_leaves_nothing_to_learn_from_is_refused_before_anything_changed():
    # All the weight is on one sample: whichever part it falls into, the other has none.
    X, Y = some_data(4)
    for seed in range(4):
        net = a_network()
        before = everything(net)
        with pytest.raises(ValueError, match="weight"):
            net.train(X, Y, sample_weight=[0, 1, 0, 0], validation=0.5, seed=seed)
        assert everything(net) == before


def test_a_metric_cannot_overwrite_the_loss():
    def loss(a, y):
        return -1.0

    net = a_network()
    before = everything(net)
    with pytest.raises(ValueError, match="loss"):
        trained(net=net, metrics=loss)
    assert everything(net) == before


def test_two_metrics_of_one_name_are_refused():
    def one(value):
        def metric(a, y):
            return value

        return metric

    with pytest.raises(ValueError, match="metric"):
        trained(metrics=[one(1.0), one(2.0)])


@pytest.mark.parametrize("validation", [None, 0.25])
def test_early_stopping_restores_the_best_parameters(validation):
    seen = []
    net, history = trained(
        optimizer=pl.SGD(2.0), epochs=200, patience=3, validation=validation,
        callbacks=lambda epoch: seen.append(bits(epoch.network.parameters)),
    )  # fmt: skip
    watched = history["loss" if validation is None else "validation_loss"]
    assert history.stopped == "patience"
    assert history.best_epoch == 1 + watched.index(min(watched))
    assert history.epochs == len(seen) == history.best_epoch + 3 < 200
    assert bits(net.parameters) == seen[history.best_epoch - 1] != seen[-1]


def test_of_equally_good_epochs_the_first_is_the_best():
    X, Y = some_data()
    net = a_network(activation="relu", output="identity")
    net.W[3][...] = 0  # with the hidden layer switched off and the targets met, nothing changes any more
    net.b[2] = [-100.0] * 4
    history = net.train(X, 0 * Y, optimizer=pl.SGD(0.1), epochs=20, patience=3)
    assert (history["loss"], history.best_epoch, history.stopped) == ([0.0] * 4, 1, "patience")


def test_the_best_parameters_come_back_even_if_the_epochs_run_out_first():
    seen = []
    net, history = trained(
        optimizer=pl.SGD(2.0), epochs=8, patience=8, validation=0.25,
        callbacks=lambda epoch: seen.append(bits(epoch.network.parameters)),
    )  # fmt: skip
    assert (history.stopped, history.epochs) == ("epochs", 8)
    assert history.best_epoch == 1 + history["validation_loss"].index(min(history["validation_loss"])) < 8
    assert bits(net.parameters) == seen[history.best_epoch - 1]


def test_after_early_stopping_the_optimizers_memory_is_that_of_the_best_epoch():
    net, history = trained(optimizer=pl.Adam(1.0), epochs=200, patience=3, validation=0.25)
    assert history.stopped == "patience"
    direct, _ = trained(optimizer=pl.Adam(1.0), epochs=history.best_epoch, validation=0.25)
    assert everything(net) == everything(direct)


def test_callbacks_are_called_in_order_at_the_end_of_each_epoch():
    seen = []

    def first(epoch):
        assert isinstance(epoch, pl.Epoch)
        assert epoch.history.epochs == epoch.number
        assert epoch.values == {name: values[-1] for name, values in epoch.history.items()}
        seen.append(("first", epoch.number, epoch.epochs, bits(epoch.network.parameters)))

    net, _ = trained(callbacks=[first, lambda epoch: seen.append(("second", epoch.number))])
    assert [entry[:2] for entry in seen] == [(who, e) for e in (1, 2, 3, 4) for who in ("first", "second")]
    assert {entry[2] for entry in seen if entry[0] == "first"} == {4}
    assert len({entry[3] for entry in seen if entry[0] == "first"}) == 4
    assert seen[-2][3] == bits(net.parameters)


def test_a_callback_may_stop_the_training():
    net, history = trained(epochs=9, callbacks=lambda epoch: epoch.stop() if epoch.number == 3 else None)
    assert (history.stopped, history.epochs) == ("callback", 3)
    assert everything(net) == everything(trained(epochs=3)[0])


def test_a_callback_that_stops_with_patience_leaves_the_best_parameters():
    seen = []

    def look(epoch):
        seen.append(bits(epoch.network.parameters))
        if epoch.number == 7:
            epoch.stop()

    net, history = trained(optimizer=pl.SGD(2.0), epochs=50, patience=40, validation=0.25, callbacks=look)
    assert (history.stopped, history.epochs) == ("callback", 7)
    assert history.best_epoch < 7
    assert bits(net.parameters) == seen[history.best_epoch - 1]


def test_an_error_in_a_callback_or_metric_leaves_the_last_whole_epoch():
    net = a_network()
    with pytest.raises(StopHereError):
        trained(net=net, callbacks=raising(StopHereError, at=2))
    assert everything(net) == everything(trained(epochs=2)[0])

    def metric(a, y):
        if len(calls) == 2:
            raise StopHereError
        calls.append(1)
        return 0.0

    calls, net = [], a_network()
    with pytest.raises(StopHereError):
        trained(net=net, metrics=metric)
    assert everything(net) == everything(trained(epochs=2)[0])


# The history.


def test_a_history_is_a_mapping_of_curves_of_one_length():
    _, history = trained(metrics="rmse", validation=0.25)
    assert set(history) == {"loss", "rmse", "validation_loss", "validation_rmse"}
    assert len(history) == 4
    assert history.to_dict() == {"epoch": [1, 2, 3, 4], **history}
    assert all(type(value) is float for values in history.values() for value in values)
    json.dumps(history.to_dict(), allow_nan=False)
    assert repr(history).startswith(f"<History: 4 epochs of {history.optimizer!r}, complete; loss ")
    with pytest.raises(KeyError, match="no curve 'accuracy': there are: loss, "):
        history["accuracy"]
    with pytest.raises(KeyError, match=r"did you mean history\['validation_rmse'\]\? There are: loss, "):
        history["val_root_mean_squared_error"]
    history.to_dict()["loss"].clear()
    assert len(history["loss"]) == 4


# Interruption.


def interrupting(state):
    """Tanh that raises KeyboardInterrupt when ``state["calls"]``, counted from when it is set, runs out."""

    def function(z):
        if state.get("calls") is not None:
            state["calls"] -= 1
            if state["calls"] == 0:
                raise KeyboardInterrupt
        return np.tanh(z)

    return pl.Activation("interrupting", function, lambda z: 1 - np.tanh(z) ** 2)


@pytest.mark.parametrize("validation", [None, 0.25])
@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_ctrl_c_at_any_moment_of_an_epoch_keeps_the_whole_epochs_before(name, validation):
    arguments = {"optimizer": OPTIMIZERS[name], "validation": validation, "metrics": "rmse", "dropout": 0.2}
    # 2 activations in each of 5 (or 4) batches, in the metrics of the training samples, and twice in the validation
    calls_of_an_epoch = 2 * 5 + 2 if validation is None else 2 * 4 + 2 + 4
    expected = {}
    for epochs in (2, 3):
        net, history = trained(net=a_network(activation=interrupting({})), epochs=epochs, **arguments)
        expected[epochs] = bits(net.parameters), everything(net)[1], dict(history)
    for calls in range(1, calls_of_an_epoch + 2):
        state = {}

        def arm(epoch, state=state, calls=calls):
            if epoch.number == 2:
                state["calls"] = calls

        net = a_network(activation=interrupting(state))
        net, history = trained(net=net, epochs=9, callbacks=arm, **arguments)
        whole = 2 if calls <= calls_of_an_epoch else 3
        assert (history.stopped, history.epochs) == ("interrupted", whole)
        assert (bits(net.parameters), everything(net)[1], dict(history)) == expected[whole]


def test_ctrl_c_in_the_first_epoch_keeps_the_parameters_it_started_from():
    state = {}
    net = a_network(activation=interrupting(state))
    before = bits(net.parameters)

    def arming(a, y):
        if len(a) == 5:
            state.setdefault("calls", 2)  # in the second batch
        return np.square(a - y).mean(axis=1)

    loss = pl.Loss("arming", arming, lambda a, y: a - y)
    _, history = trained(net=net, loss=loss)
    assert (history.stopped, history.epochs, len(history)) == ("interrupted", 0, 0)
    assert bits(net.parameters) == before
    with pytest.raises(KeyError, match="no epoch was completed"):
        history["loss"]


def test_ctrl_c_in_a_callback_counts_the_epoch_that_is_over():
    net, history = trained(epochs=9, callbacks=raising(KeyboardInterrupt, at=3))
    clean, expected = trained(epochs=3)
    assert history.stopped == "interrupted"
    assert everything(net) == everything(clean)
    assert dict(history) == dict(expected)


def test_after_ctrl_c_with_patience_the_network_has_the_last_whole_epoch():
    net, history = trained(
        optimizer=pl.SGD(2.0), epochs=50, patience=40, validation=0.25, callbacks=raising(KeyboardInterrupt, at=7)
    )
    direct, _ = trained(optimizer=pl.SGD(2.0), epochs=7, validation=0.25)
    assert history["validation_loss"].index(min(history["validation_loss"])) < 6
    assert bits(net.parameters) == bits(direct.parameters)


# Checkpoint and resume.

INTERRUPTIONS = ("exception", "Ctrl-C", "fewer epochs")
EPOCHS = 7


def stopped_in_the_middle(how, net, checkpoint, **arguments):
    """Train with a checkpoint every other epoch, and stop in the middle."""
    arguments |= {"net": net, "checkpoint": checkpoint, "checkpoint_every": 2}
    if how == "exception":
        with pytest.raises(StopHereError):
            trained(epochs=EPOCHS, callbacks=raising(StopHereError, at=3), **arguments)
    elif how == "Ctrl-C":
        _, history = trained(epochs=EPOCHS, callbacks=raising(KeyboardInterrupt, at=4), **arguments)
        assert history.stopped == "interrupted"
    else:
        trained(epochs=3, **arguments)


@pytest.mark.parametrize("validation", [None, 0.25], ids=["", "validation"])
@pytest.mark.parametrize("patience", [None, 3], ids=["", "patience"])
@pytest.mark.parametrize(
    "schedule", [None, Cosine(EPOCHS), ReduceOnPlateau(0, 0.5, 0.2)], ids=["", "cosine", "plateau"]
)
@pytest.mark.parametrize("dropout", [0.0, 0.3], ids=["", "dropout"])
@pytest.mark.parametrize("how", INTERRUPTIONS)
@every_optimizer
def test_resumed_training_has_the_same_bits_as_never_having_stopped(
    optimizer, how, dropout, schedule, patience, validation, tmp_path
):
    arguments = {
        "optimizer": optimizer, "dropout": dropout, "schedule": schedule, "patience": patience,
        "validation": validation, "metrics": "rmse", "batch_size": 8,
    }  # fmt: skip
    expected = everything(*trained(epochs=EPOCHS, **arguments))
    stopped_in_the_middle(how, a_network(), tmp_path / "checkpoint", **arguments)
    # Another process: a network with other weights, which the checkpoint replaces.
    resumed = trained(
        net=a_network(seed=99), epochs=EPOCHS, checkpoint=tmp_path / "checkpoint", resume=True, **arguments
    )
    assert everything(*resumed) == expected
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_training_may_stop_and_go_on_after_every_epoch(dtype, tmp_path):
    arguments = {"optimizer": "adam", "dropout": 0.3, "patience": 5, "validation": 0.25, "data": some_data(dtype=dtype)}
    arguments |= {"l2": 0.01, "clip_norm": 0.5, "sample_weight": np.linspace(0, 1, 23)}
    expected = everything(*trained(net=a_network(dtype=dtype), epochs=6, **arguments))
    for epochs in range(1, 7):
        net = a_network(seed=epochs - 1, dtype=dtype)  # each but the first with weights that the checkpoint replaces
        resumed = trained(net=net, epochs=epochs, checkpoint=tmp_path / "checkpoint", resume=True, **arguments)
    assert everything(*resumed) == expected


def test_a_resumed_training_draws_no_other_seed_than_the_one_it_began_with(tmp_path):
    arguments = {"seed": None, "dropout": 0.3, "checkpoint": tmp_path / "checkpoint", "resume": True}
    _, first = trained(epochs=2, **arguments)
    net, history = trained(epochs=4, **arguments)
    assert history.seed == first.seed
    assert everything(net, history) == everything(*trained(epochs=4, seed=first.seed, dropout=0.3))


def test_resuming_goes_on_from_the_networks_own_optimizer_memory_only_without_a_checkpoint(tmp_path):
    used, _ = trained(batch_size=None)
    expected = everything(*trained(net=used.copy(), epochs=6))
    trained(net=used.copy(), epochs=3, checkpoint=tmp_path / "checkpoint")
    assert everything(*trained(net=a_network(5), epochs=6, checkpoint=tmp_path / "checkpoint", resume=True)) == expected


def test_a_training_whose_patience_ran_out_is_not_resumed_beyond_its_end(tmp_path):
    arguments = {"optimizer": pl.SGD(2.0), "epochs": 60, "validation": 0.25, "checkpoint": tmp_path / "checkpoint"}
    arguments |= {"patience": 3}
    ended = trained(**arguments)
    assert ended[1].stopped == "patience"
    before = (tmp_path / "checkpoint").read_bytes()
    assert everything(*trained(net=a_network(9), resume=True, **arguments)) == everything(*ended)
    assert (tmp_path / "checkpoint").read_bytes() == before


def test_a_training_that_a_callback_stopped_goes_on_with_the_same_bits(tmp_path):
    expected = everything(*trained(epochs=6))
    path = tmp_path / "checkpoint"
    _, history = trained(epochs=6, checkpoint=path, checkpoint_every=4, callbacks=lambda e: e.number == 3 and e.stop())
    assert (history.stopped, history.epochs) == ("callback", 3)
    assert everything(*trained(net=a_network(9), epochs=6, checkpoint=path, resume=True)) == expected


def test_an_interrupted_training_leaves_a_checkpoint_of_its_last_whole_epoch(tmp_path):
    def interrupt(epoch):
        if epoch.number == 3:
            raise KeyboardInterrupt

    expected = everything(*trained(epochs=6))
    path = tmp_path / "checkpoint"
    _, history = trained(epochs=6, checkpoint=path, checkpoint_every=100, callbacks=interrupt)
    assert (history.stopped, history.epochs) == ("interrupted", 3)
    assert everything(*trained(net=a_network(9), epochs=6, checkpoint=path, resume=True)) == expected


def test_a_finished_training_is_resumed_to_its_own_end(tmp_path):
    ended = trained(checkpoint=tmp_path / "checkpoint")
    again = trained(net=a_network(9), checkpoint=tmp_path / "checkpoint", resume=True)
    assert everything(*again) == everything(*ended)


def test_resume_without_a_file_starts_and_without_resume_a_file_is_replaced(tmp_path):
    path = tmp_path / "checkpoint"
    expected = everything(*trained())
    assert everything(*trained(checkpoint=path, resume=True)) == expected
    written = path.read_bytes()
    trained(seed=77, checkpoint=path)
    assert path.read_bytes() != written
    assert everything(*trained(checkpoint=path)) == expected
    assert path.read_bytes() == written


def test_checkpoints_are_written_every_so_many_epochs_and_at_the_end(tmp_path):
    path, held = tmp_path / "checkpoint", []

    def look(epoch):  # before the checkpoint of this epoch is written
        held.append(header_of(path)["history"]["loss"] if path.exists() else [])

    _, history = trained(epochs=7, checkpoint=path, checkpoint_every=3, callbacks=look)
    assert [len(losses) for losses in held] == [0, 0, 0, 3, 3, 3, 6]
    assert header_of(path)["history"]["loss"] == history["loss"]
    assert len(history["loss"]) == 7


def header_of(path):
    with safetensors.safe_open(path, framework="np") as opened:
        return json.loads(opened.metadata()["pellucid"])


def tampered(path, change):
    """Write a checkpoint again with a changed header and arrays."""
    with safetensors.safe_open(path, framework="np") as opened:
        header, arrays = (
            json.loads(opened.metadata()["pellucid"]),
            {name: opened.get_tensor(name) for name in opened.keys()},
        )
    change(header, arrays)
    safetensors.numpy.save_file(arrays, path, metadata={"pellucid": json.dumps(header)})


OTHERS = {
    "optimizer": {"optimizer": pl.Adam(0.5)},
    "optimizer's kind": {"optimizer": pl.SGD(0.02)},
    "schedule": {"schedule": "exponential"},
    "batch_size": {"batch_size": 6},
    "shuffle": {"shuffle": False},
    "seed": {"seed": 2},
    "loss": {"loss": "mae"},
    "loss's settings": {"loss": pl.Huber(2.0)},
    "l2": {"l2": 0.5},
    "l1": {"l1": 0.5},
    "dropout": {"dropout": 0.5},
    "clip_norm": {"clip_norm": 1.0},
    "patience": {"patience": 3},
    "metrics": {"metrics": "rmse"},
    "samples": {"data": some_data(22)},
    "validation samples": {"validation": some_data(5)},
    "sizes": {"net": pl.Network([3, 5, 2], "tanh", seed=4)},
    "dtype": {"net": pl.Network(SIZES, "tanh", seed=4, dtype="float32")},
    "activations": {"net": pl.Network(SIZES, "sigmoid", seed=4)},
    "bias": {"net": pl.Network(SIZES, "tanh", seed=4, bias=False)},
}


def test_a_checkpoint_without_biases_is_not_resumed_with_them_and_the_other_way_round(tmp_path):
    path = tmp_path / "checkpoint"
    for first in (True, False):
        path.unlink(missing_ok=True)
        nets = {bias: pl.Network(SIZES, "tanh", seed=4, bias=bias) for bias in (True, False)}
        trained(net=nets[first], epochs=2, checkpoint=path)
        with pytest.raises(ValueError, match=f"another training: bias was {first} and is {not first}$"):
            trained(net=nets[not first], checkpoint=path, resume=True)
        _, history = trained(net=pl.Network(SIZES, "tanh", seed=4, bias=first), epochs=3, checkpoint=path, resume=True)
        assert history.epochs == 3


def test_without_biases_lbfgs_takes_the_same_steps_as_gradients_of_the_weights_alone():
    """A linear network without biases and with l2 is ridge regression through the origin."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 3)), rng.normal(2.0, 1.0, (40, 2))
    net = pl.Network([3, 2], "identity", seed=0, bias=False)
    net.train(X, y, "half_squared_error", optimizer="lbfgs", epochs=200, l2=0.3, seed=0)
    ridge = np.linalg.solve(X.T @ X / 40 + 0.3 * np.eye(3), X.T @ y / 40).T
    np.testing.assert_allclose(net.W[2], ridge, rtol=1e-5)


@pytest.mark.parametrize("what", OTHERS)
def test_resume_refuses_another_training_and_names_what_differs(what, tmp_path):
    path = tmp_path / "checkpoint"
    base = {"loss": pl.Huber(1.0)} if what == "loss's settings" else {}
    trained(epochs=2, checkpoint=path, **base)
    arguments = base | {"net": a_network(8)} | OTHERS[what]
    net = arguments["net"] = arguments["net"].copy()
    before, file = everything(net), path.read_bytes()
    with pytest.raises(ValueError, match="it belongs to another training: ") as caught:
        trained(checkpoint=path, resume=True, **arguments)
    named = [part.split(" was ")[0] for part in str(caught.value).split("another training: ")[1].split("; ")]
    assert named == [what.partition("'")[0]]
    assert everything(net) == before
    assert path.read_bytes() == file


def test_resume_refuses_fewer_epochs_than_the_checkpoint_holds(tmp_path):
    trained(epochs=4, checkpoint=tmp_path / "checkpoint")
    net = a_network(8)
    before = everything(net)
    with pytest.raises(ValueError, match="holds 4 epochs already, more than epochs=3"):
        trained(net=net, epochs=3, checkpoint=tmp_path / "checkpoint", resume=True)
    assert everything(net) == before


def test_a_refused_resume_keeps_the_optimizers_memory(tmp_path):
    trained(epochs=2, checkpoint=tmp_path / "checkpoint")
    net, _ = trained(optimizer=OPTIMIZERS["momentum"], batch_size=None)
    before = everything(net)
    with pytest.raises(ValueError, match="samples was 23 and is 9"):
        trained(net=net, data=some_data(9), checkpoint=tmp_path / "checkpoint", resume=True)
    assert everything(net) == before


@pytest.mark.parametrize("seed", [1, None], ids=["seed", "no seed"])
def test_a_checkpoint_cut_off_anywhere_is_refused_and_nothing_changed(seed, tmp_path):
    path = tmp_path / "checkpoint"
    trained(epochs=2, checkpoint=path, patience=2)
    whole = path.read_bytes()
    net = a_network(8)
    before = everything(net)
    for length in [*range(0, len(whole), 97), len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(pl.ModelFileError, match="truncated" if length else "empty"):
            trained(net=net, seed=seed, checkpoint=path, resume=True, patience=2)
        assert path.read_bytes() == whole[:length]
    assert everything(net) == before


def _without(key):
    return lambda header, arrays: header.pop(key)


TAMPERED = {
    "no training": _without("training"),
    "no history": _without("history"),
    "no steps": _without("steps"),
    "no best": _without("best_loss"),
    "training no mapping": lambda header, arrays: header.update(training=3),
    "history no mapping": lambda header, arrays: header.update(history=[1.0]),
    "history no numbers": lambda header, arrays: header["history"].update(loss=["x"]),
    "history no list": lambda header, arrays: header["history"].update(loss=3),
    "steps no number": lambda header, arrays: header.update(steps={"whole": None, "best": 1}),
    "no parameters": lambda header, arrays: arrays.pop("whole.parameters"),
    "no best parameters": lambda header, arrays: arrays.pop("best.parameters"),
    "no mean": lambda header, arrays: arrays.pop("whole.mean"),
    "short": lambda header, arrays: arrays.update({"whole.square": arrays["whole.square"][:-1]}),
    "float32": lambda header, arrays: arrays.update({"whole.mean": arrays["whole.mean"].astype("float32")}),
    "newer": lambda header, arrays: header.update(format=header["format"] + 1),
}


@pytest.mark.parametrize("change", TAMPERED.values(), ids=TAMPERED)
def test_a_tampered_checkpoint_is_refused_and_nothing_changed(change, tmp_path):
    path = tmp_path / "checkpoint"
    trained(epochs=2, checkpoint=path, patience=2)
    tampered(path, change)
    net = a_network(8)
    before = everything(net)
    with pytest.raises(pl.ModelFileError):
        trained(net=net, checkpoint=path, resume=True, patience=2)
    assert everything(net) == before


@pytest.mark.parametrize("function", ["replace", "fsync"])
def test_a_checkpoint_that_cannot_be_written_leaves_the_old_one_and_the_last_whole_epoch(
    function, tmp_path, monkeypatch
):
    path, net = tmp_path / "checkpoint", a_network()

    def break_the_disk(epoch):
        if epoch.number == 3:
            held.append(path.read_bytes())
            monkeypatch.setattr(os, function, no_space)

    def no_space(*_):
        raise OSError("no space left on device")

    held = []
    with pytest.raises(OSError, match="no space left"):
        trained(net=net, checkpoint=path, callbacks=break_the_disk)
    monkeypatch.undo()
    assert path.read_bytes() == held[0]
    assert [file.name for file in tmp_path.iterdir()] == ["checkpoint"]
    assert everything(net) == everything(trained(epochs=3)[0])
    resumed = trained(net=a_network(9), checkpoint=path, resume=True)
    assert everything(*resumed) == everything(*trained())


def test_a_checkpoint_holds_numbers_alone(tmp_path):
    path = tmp_path / "checkpoint"
    net, _ = trained(checkpoint=path)
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    del header["__metadata__"]
    assert {entry["dtype"] for entry in header.values()} == {"F64"}
    assert sum(end - begin for begin, end in (e["data_offsets"] for e in header.values())) == len(data) - 8 - length
    begin, end = header["whole.parameters"]["data_offsets"]
    assert data[8 + length :][begin:end] == net.parameters.tobytes()


# Divergence.


def first_not_finite(X, Y, rate, epochs, batch_size):
    """Epoch and batch of the first loss that is not finite for a = w x + b with the squared error, in plain Python."""
    w = b = 0.5
    for epoch in range(1, epochs + 1):
        for batch in range(0, len(X), batch_size):
            x, y = X[batch : batch + batch_size, 0], Y[batch : batch + batch_size, 0]
            with np.errstate(over="ignore", invalid="ignore"):
                r = w * x + b - y
                if not np.isfinite(np.mean(r * r)):
                    return epoch, 1 + batch // batch_size
                w, b = w - rate * np.mean(2 * r * x), b - rate * np.mean(2 * r)
    return None


@pytest.mark.parametrize("rate", [3.0, 10.0, 1e3, 1e10, 1e100])
def test_divergence_names_the_epoch_and_batch_and_leaves_the_last_finite_parameters(rate):
    X, Y = some_data(12, sizes=(1, 1))
    net = pl.Network([1, 1], "identity", init=np.array([0.5, 0.5]))
    kept = {0: net.parameters.copy()}
    epoch, batch = first_not_finite(X, Y, rate, 1000, 3)
    with pytest.raises(pl.TrainingDiverged, match=rf"in epoch {epoch}, batch \d: the loss is") as caught:
        net.train(
            X, Y, optimizer=pl.SGD(rate), batch_size=3, epochs=1000, shuffle=False, seed=0,
            callbacks=lambda e: kept.update({e.number: e.network.parameters.copy()}),
        )  # fmt: skip
    error = caught.value
    assert isinstance(error, FloatingPointError)
    assert error.epoch == epoch
    assert error.batch - batch in (0, 1)  # a mean may be finite where the sum of its terms is not
    assert np.isfinite(net.parameters).all()
    assert math.isfinite(net.gradient(X, Y).loss)
    assert error.history.epochs in (epoch - 1, epoch - 2)
    assert bits(net.parameters) == bits(kept[error.history.epochs])
    assert f"a learning rate below {rate:g}" in str(error)
    assert "clip_norm" in str(error)


def test_what_diverged_is_named_with_inputs_and_targets_that_are_too_large():
    X, Y = some_data(4, sizes=(1, 1))
    for x, y, says in ((1e200 * X, Y, "standardised inputs"), (X, 1e200 * Y, "standardised targets")):
        net = pl.Network([1, 1], "identity", seed=0)
        before = everything(net)
        with pytest.raises(pl.TrainingDiverged, match=f"epoch 1, batch 1: the loss is inf.*{says}.*started from"):
            net.train(x, y, epochs=2)
        assert everything(net)[0] == before[0]


def test_a_gradient_that_overflows_where_the_loss_does_not_is_named():
    net = pl.Network([1, 1], "identity", init=np.array([1e-120, 0.0]))
    # Plain gradient descent does not look at the gradient between the product and the step.
    with pytest.raises(pl.TrainingDiverged, match=r"epoch 1, after its last batch: a parameter is -?inf"):
        net.train([[1e220]], [[0.0]], epochs=1, optimizer=pl.SGD(0.1))
    assert net.parameters.tolist() == [1e-120, 0.0]
    for how in ({"engine": "numpy"}, {"optimizer": pl.SGD(0.1, 0.5)}):
        net = pl.Network([1, 1], "identity", init=np.array([1e-120, 0.0]), engine=how.get("engine", "auto"))
        with pytest.raises(pl.TrainingDiverged, match="epoch 1, batch 1: the gradient is not finite"):
            net.train([[1e220]], [[0.0]], epochs=1, optimizer=how.get("optimizer", pl.SGD(0.1)))
        assert net.parameters.tolist() == [1e-120, 0.0]


def test_a_parameter_that_overflows_in_the_last_batch_is_named():
    net = pl.Network([1, 1], "identity", init=np.array([1.0, 0.0]))
    with pytest.raises(pl.TrainingDiverged, match="epoch 1, after its last batch: a parameter is -inf") as caught:
        net.train([[1e10]], [[0.0]], epochs=1, optimizer=pl.SGD(1e300))
    assert caught.value.batch is None
    assert net.parameters.tolist() == [1.0, 0.0]


def test_a_validation_loss_that_is_not_finite_is_divergence():
    X, Y = some_data(4, sizes=(1, 1))
    net = pl.Network([1, 1], "identity", seed=0)
    before = bits(net.parameters)
    with pytest.raises(pl.TrainingDiverged, match="epoch 1, after its last batch: the validation loss is inf"):
        net.train(X, Y, epochs=2, validation=(1e200 * X, Y))
    assert bits(net.parameters) == before


@pytest.mark.parametrize("power", np.arange(-1, 7, 0.5).tolist())
def test_the_parameters_kept_after_divergence_have_a_finite_loss_on_every_sample(power):
    # The first batch of each epoch is a small input, the second a large one: the loss of the second overflows first.
    X, Y = np.array([[1.0], [1e3]]), np.zeros((2, 1))
    net = pl.Network([1, 1], "identity", init=np.array([10.0**power, 0.0]))
    with pytest.raises(pl.TrainingDiverged):
        net.train(X, Y, optimizer=pl.SGD(1.0), batch_size=1, epochs=200, shuffle=False)
    with np.errstate(over="ignore"):
        assert math.isfinite(net.gradient(X, Y).loss)


def test_training_warns_of_nothing_and_leaves_numpys_error_state(recwarn):
    before = np.geterr()
    with pytest.raises(pl.TrainingDiverged):
        trained(net=pl.Network(SIZES, "identity", seed=0), optimizer=pl.SGD(1e10), epochs=100)
    assert np.geterr() == before
    assert not recwarn.list


def test_after_divergence_the_optimizers_memory_is_finite_and_belongs_to_the_parameters():
    net = pl.Network(SIZES, "identity", seed=0)
    with pytest.raises(pl.TrainingDiverged) as caught:
        trained(net=net, optimizer=pl.SGD(0.5, momentum=0.5), epochs=500)
    epochs = caught.value.history.epochs
    assert epochs > 1
    direct, _ = trained(net=pl.Network(SIZES, "identity", seed=0), optimizer=pl.SGD(0.5, momentum=0.5), epochs=epochs)
    assert everything(net) == everything(direct)


# Refusals, before anything is changed.

X0, Y0 = some_data()

REFUSED = [
    ({"epochs": 0}, ValueError, "epochs"),
    ({"epochs": 2.0}, TypeError, "epochs"),
    ({"epochs": True}, TypeError, "epochs"),
    ({"batch_size": 0}, ValueError, "batch_size"),
    ({"batch_size": -1}, ValueError, "batch_size"),
    ({"batch_size": 2.5}, TypeError, "batch_size"),
    ({"seed": -1}, ValueError, "seed"),
    ({"seed": 1.0}, TypeError, "seed"),
    ({"seed": "1"}, TypeError, "seed"),
    ({"patience": 0}, ValueError, "patience"),
    ({"patience": 1.5}, TypeError, "patience"),
    ({"checkpoint_every": 0}, ValueError, "checkpoint_every"),
    ({"l2": -0.1}, ValueError, "l2"),
    ({"l1": np.inf}, ValueError, "l1"),
    ({"l1": "0"}, TypeError, "l1"),
    ({"dropout": 1.0}, ValueError, "dropout"),
    ({"dropout": -0.1}, ValueError, "dropout"),
    ({"dropout": "0.5"}, (TypeError, ValueError), "dropout"),
    ({"dropout": None}, TypeError, "dropout"),
    ({"dropout": [0.1, 0.2]}, ValueError, "dropout has 2 rates, but the network has 1 hidden"),
    ({"dropout": []}, ValueError, "dropout has 0 rates"),
    ({"clip_norm": 0.0}, ValueError, "clip_norm"),
    ({"clip_norm": -1.0}, ValueError, "clip_norm"),
    ({"clip_norm": np.nan}, ValueError, "clip_norm"),
    ({"clip_norm": "1"}, TypeError, "clip_norm"),
    ({"optimizer": "addam"}, ValueError, "unknown optimizer"),
    ({"optimizer": None}, TypeError, "an optimizer is"),
    ({"schedule": "cosinus"}, ValueError, "unknown schedule"),
    ({"schedule": 0.5}, TypeError, "a schedule is"),
    ({"loss": "msee"}, ValueError, "unknown loss"),
    ({"loss": "cross_entropy"}, ValueError, "needs outputs in"),
    ({"metrics": "accurracy"}, ValueError, "unknown metric"),
    ({"metrics": ["rmse", 3]}, TypeError, "a metric is"),
    ({"metrics": 3}, TypeError, "metric"),
    ({"callbacks": [3]}, TypeError, "a callback is"),
    ({"callbacks": 3}, TypeError, "callback"),
    ({"validation": 0.0}, ValueError, "validation"),
    ({"validation": 1.0}, ValueError, "validation"),
    ({"validation": 0.99}, ValueError, "leaves none to train on"),
    ({"validation": "0.5"}, TypeError, "validation"),
    ({"validation": (X0,)}, ValueError, "validation"),
    ({"validation": (X0, Y0, Y0, Y0)}, ValueError, "validation"),
    ({"validation": (X0[:, :2], Y0)}, ValueError, "validation X"),
    ({"validation": (X0, Y0[:5])}, ValueError, "validation y"),
    ({"validation": (X0 * np.nan, Y0)}, ValueError, "validation X"),
    ({"sample_weight": np.ones(5)}, ValueError, "sample_weight"),
    ({"sample_weight": -np.ones(23)}, ValueError, "sample_weight"),
    ({"sample_weight": np.zeros(23)}, ValueError, "sample_weight"),
    ({"resume": True}, ValueError, "needs checkpoint="),
    ({"checkpoint": os.path.join("no", "such", "folder", "file")}, FileNotFoundError, "there is no folder"),
    ({"checkpoint": "."}, OSError, "folder"),
    ({"checkpoint": ".", "resume": True}, OSError, "folder"),
    ({"checkpoint": 5}, TypeError, "path|PathLike"),
    ({"data": (X0[:, :2], Y0)}, ValueError, "X has shape"),
    ({"data": (X0, Y0[:5])}, ValueError, "y has shape"),
    ({"data": (X0[:0], Y0[:0])}, ValueError, "0 samples"),
    ({"data": (X0 * np.inf, Y0)}, ValueError, "finite"),
]


@pytest.mark.parametrize(("arguments", "error", "says"), REFUSED, ids=[", ".join(map(str, r[0])) for r in REFUSED])
def test_an_illegal_argument_is_refused_before_anything_changed(arguments, error, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    net, _ = trained(optimizer=OPTIMIZERS["momentum"], batch_size=None)
    before = everything(net)
    with pytest.raises(error, match=says):
        trained(net=net, **arguments)
    assert everything(net) == before
    assert not list(tmp_path.iterdir())


def test_an_unknown_argument_is_a_type_error():
    with pytest.raises(TypeError, match="batchsize"):
        trained(batchsize=3)


# The progress bar.


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_there_is_no_progress_bar_where_stderr_is_no_terminal(capsys):
    assert not sys.stderr.isatty()
    trained()
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_a_progress_bar_is_shown_on_request_on_stderr_alone(capsys):
    _, history = trained(progress=True)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "epoch 4/4" in captured.err
    assert f"loss {history['loss'][-1]:.4g}" in captured.err


def test_a_resumed_progress_bar_counts_the_epochs_before(capsys, tmp_path):
    trained(epochs=2, checkpoint=tmp_path / "checkpoint")
    trained(epochs=4, checkpoint=tmp_path / "checkpoint", resume=True, progress=True)
    assert "epoch 4/4" in capsys.readouterr().err


def test_a_terminal_gets_a_bar_unless_it_is_refused(monkeypatch):
    for progress, shown in ((None, True), (False, False)):
        terminal = Terminal()
        monkeypatch.setattr(sys, "stderr", terminal)
        trained(progress=progress)
        assert ("epoch" in terminal.getvalue()) == shown


def test_training_works_where_there_is_no_stderr(monkeypatch):
    # As under pythonw, or in a service of Windows.
    expected = everything(*trained())
    monkeypatch.setattr(sys, "stderr", None)
    assert everything(*trained()) == expected


def test_a_progress_bar_does_not_change_the_training():
    assert everything(*trained(progress=True)) == everything(*trained(progress=False))


@pytest.mark.parametrize("copied", [copy.deepcopy, copy.copy, lambda it: pickle.loads(pickle.dumps(it))])
def test_a_history_and_its_engine_can_be_copied(copied):
    history = a_network().train(*some_data(), epochs=2)
    other = copied(history)
    assert (repr(other), other.engine, repr(other.engine)) == (repr(history), history.engine, repr(history.engine))
    np.testing.assert_array_equal(other["loss"], history["loss"])
