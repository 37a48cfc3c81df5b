"""The native engine against NumPy: every activation, loss and optimizer, both dtypes, awkward sizes."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as pl
from pellucid.activations import ACTIVATIONS
from pellucid.losses import LOSSES

AWKWARD = (1, 2, 3, 5, 7, 15, 16, 17, 31, 32, 33, 63, 64, 65, 97)
DTYPES = ("float64", "float32")
OUTPUTS = {
    "poisson": ("exp", "softplus"),
    "cross_entropy": ("softmax", "sigmoid"),
    "binary_cross_entropy": ("sigmoid",),
}


def both(sizes, activation, output, dtype="float64", seed=0, bias=True):
    """The same network on either engine."""
    how = {"dtype": dtype, "seed": seed, "bias": bias}
    nets = [pl.Network(sizes, activation, output, engine=engine, **how) for engine in ("native", "numpy")]
    for net in nets:
        net.parameters = np.random.default_rng(seed).normal(0, 0.7 / max(sizes) ** 0.5, net.parameters.shape)
    return nets


def some_data(n, sizes, loss, dtype="float64", seed=0):
    rng = np.random.default_rng([seed, n])
    X = rng.standard_normal((n, sizes[0])).astype(dtype)
    if loss == "cross_entropy":
        Y = np.eye(sizes[-1])[rng.integers(0, sizes[-1], n)]
    elif loss == "binary_cross_entropy":
        Y = rng.random((n, sizes[-1]))
    else:
        Y = rng.poisson(2.0, (n, sizes[-1])) if loss == "poisson" else rng.standard_normal((n, sizes[-1]))
    return X, Y.astype(dtype), rng.uniform(0.1, 2, n).astype(dtype)


def assert_close(found, truth, dtype, slack=64.0):
    """Equal up to rounding, relative to the largest: single numbers may be small by cancellation."""
    truth = np.asarray(truth)
    bound = slack * np.finfo(dtype).eps * max(np.abs(truth).max(initial=0), np.finfo(dtype).tiny)
    np.testing.assert_allclose(found, truth, rtol=0, atol=bound)


def covering(values, count, seed):
    """Columns of sizes in which every value comes up in every place."""
    rng = np.random.default_rng(seed)
    return np.array([np.concatenate([rng.permutation(values) for _ in range(count)]) for _ in range(4)]).T


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation", [name for name, row in ACTIVATIONS.items() if row.elementwise])
def test_every_activation_on_every_awkward_size(activation, dtype):
    for row, (a, b, c, n) in enumerate(covering(AWKWARD, 2, len(activation))):
        sizes = [int(a), int(b), int(c)] if row % 2 else [int(a), int(b), int(c), 1 + row % 7]
        native, numpy = both(sizes, activation, "identity", dtype, bias=row % 5 != 0)
        X, Y, weight = some_data(int(n), sizes, "mse", dtype)
        one, other = (net.backprop(X, Y, sample_weight=weight, l2=0.1, l1=0.05) for net in (native, numpy))
        slack = 64 * max(sizes)
        for l in other.z.keys():
            for symbol in "azd":
                assert_close(getattr(one, symbol)[l], getattr(other, symbol)[l], dtype, slack)
        assert_close(one.input_gradient, other.input_gradient, dtype, slack)
        assert_close(one.losses, other.losses, dtype, slack)
        assert_close(one.gradient.vector, other.gradient.vector, dtype, slack)
        assert_close(native.forward(X), numpy.forward(X), dtype, slack)
        assert abs(one.loss - other.loss) <= slack * np.finfo(dtype).eps * abs(other.loss)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_with_every_output_that_it_takes(loss, dtype, bias):
    outputs = OUTPUTS.get(loss, tuple(ACTIVATIONS))
    for output, (n_F, n) in product(outputs, [(1, 1), (1, 33), (3, 7), (10, 32), (17, 5)]):
        if output == "softmax" and n_F == 1:
            continue
        sizes = [5, 9, n_F]
        native, numpy = both(sizes, "tanh", output, dtype, bias=bias)
        X, Y, weight = some_data(n, sizes, loss, dtype)
        for w in (None, weight):
            one, other = (net.gradient(X, Y, loss, sample_weight=w, l2=0.01) for net in (native, numpy))
            assert_close(one.vector, other.vector, dtype, 4096)
            assert abs(one.loss - other.loss) <= 1024 * np.finfo(dtype).eps * max(abs(other.loss), 1)


@pytest.mark.parametrize(
    "row", [pl.Huber(0.3), pl.Quantile(0.9), pl.Quantile([0.1, 0.5, 0.9]), pl.LeakyReLU(0.2), pl.ELU(0.7)], ids=str
)
def test_settings_of_rows_reach_the_engine(row):
    is_loss = isinstance(row, pl.Loss)
    native, numpy = both([4, 6, 3], "tanh" if is_loss else row, "identity")
    X, Y, _ = some_data(20, [4, 6, 3], "mse")
    one, other = (net.gradient(X, Y, row if is_loss else "mse") for net in (native, numpy))
    assert_close(one.vector, other.vector, "float64", 256)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("sizes", "n"), [([40, 300, 500, 12], 200), ([4, 32, 16, 4], 5000), ([3, 700, 2], 1100), ([6, 2], 3000)]
)
def test_wide_networks_and_long_batches(sizes, n, dtype, bias):
    native, numpy = both(sizes, "relu", "identity", dtype, bias=bias)
    native.parameters = numpy.parameters = numpy.parameters / 4
    X, Y, weight = some_data(n, sizes, "mse", dtype)
    one, other = (net.gradient(X, Y, sample_weight=weight) for net in (native, numpy))
    assert_close(one.vector, other.vector, dtype, 2048)


OPTIMIZERS = {
    "sgd": pl.SGD(0.05),
    "momentum": pl.SGD(0.05, 0.9),
    "nesterov": pl.SGD(0.05, 0.9, nesterov=True),
    "adam": pl.Adam(0.01, 0.8, 0.99, 1e-6),
    "adamw": pl.AdamW(0.01, weight_decay=0.1),
    "rmsprop": pl.RMSprop(0.01, 0.9),
}


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize(
    "how",
    [
        {},
        {"sample_weight": True},
        {"l2": 0.05, "l1": 0.01},
        {"clip_norm": 0.05},
        {"dropout": (0.3, 0.0)},
        {"batch_size": None},
        {"dropout": 0.2, "l2": 0.1, "clip_norm": 0.2, "sample_weight": True, "schedule": "cosine", "shuffle": False},
    ],
    ids=str,
)
def test_training_takes_the_same_steps(name, how, dtype, bias):
    sizes = [7, 17, 5, 3]
    X, Y, weight = some_data(53, sizes, "mse", dtype)
    how = {"batch_size": 16, **how}
    if how.get("sample_weight"):
        how["sample_weight"] = weight
    nets = both(sizes, "tanh", "identity", dtype, bias=bias)
    histories = [net.train(X, Y, optimizer=OPTIMIZERS[name], epochs=3, seed=5, **how) for net in nets]
    assert [str(history.engine) for history in histories] == ["native", "numpy"]
    native, numpy = nets
    np.testing.assert_allclose(histories[0]["loss"], histories[1]["loss"], rtol=2e3 * np.finfo(dtype).eps)
    assert_close(native.parameters, numpy.parameters, dtype, 1e5)
    assert native.optimizer_state.step == numpy.optimizer_state.step
    for key, array in numpy.optimizer_state.arrays.items():
        assert_close(native.optimizer_state.arrays[key], array, dtype, 1e5)


@settings(deadline=None, max_examples=60)
@given(
    hidden=st.lists(st.sampled_from(AWKWARD), max_size=3),
    ends=st.tuples(st.sampled_from(AWKWARD), st.sampled_from(AWKWARD)),
    n=st.sampled_from(AWKWARD),
    batch=st.sampled_from(AWKWARD),
    activation=st.sampled_from(["tanh", "sigmoid", "softplus", "sine"]),
    seed=st.integers(0, 2**70),
    bias=st.booleans(),
)
def test_training_takes_the_same_steps_whatever_the_sizes(hidden, ends, n, batch, activation, seed, bias):
    sizes = [ends[0], *hidden, ends[1]]
    X, Y, _ = some_data(n, sizes, "mse")
    nets = both(sizes, activation, "identity", bias=bias)
    losses = [net.train(X, Y, optimizer=pl.SGD(1e-3), batch_size=batch, epochs=2, seed=seed)["loss"] for net in nets]
    np.testing.assert_allclose(*losses, rtol=1e-10)
    assert_close(nets[0].parameters, nets[1].parameters, "float64", 1e4)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("n_F", range(1, 20))
def test_the_padding_of_the_output_layer_takes_no_part(n_F, bias):
    # What lies beyond the last output neuron was once left to chance: many steps over other numbers bring that out.
    X, Y, _ = some_data(9, [5, n_F], "mse")
    for optimizer in (pl.SGD(1e-3), pl.Adam(1e-3), pl.RMSprop(1e-3)):
        nets = both([5, n_F], "tanh", "identity", bias=bias)
        losses = [net.train(X, Y, optimizer=optimizer, batch_size=4, epochs=9, seed=0)["loss"] for net in nets]
        np.testing.assert_allclose(*losses, rtol=1e-10)


def test_one_epoch_goes_through_the_samples_in_the_order_of_the_seed():
    from pellucid import _native, randomness

    for n in (1, 2, 3, 17, 1000, 1025):
        key = randomness.key(7, n, 0)
        np.testing.assert_array_equal(_native.permutation(key, n), randomness.permutation(key, n))
