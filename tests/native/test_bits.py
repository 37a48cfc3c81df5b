"""The same bits: at any number of threads, after resuming, side by side, and in one call or many."""

import numpy as np
import pytest

import pellucid as pl

NETWORKS = {
    "slots": ([4, 32, 16, 4], 6000, 3000),  # long batches of a small network
    "tiles": ([60, 400, 300, 10], 500, 128),  # a wide one
    "small": ([5, 9, 3], 100, 16),
    "parts": ([64, 65, 10], 1000, 32),  # one hidden layer: each core keeps neurons of its own; the last batch is short
    "narrow": ([784, 30, 10], 205, 10),  # the same of one panel of the widest vectors
}


def trained(name, threads, dtype="float32", epochs=2, bias=True, **how):
    sizes, n, batch = NETWORKS[name]
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((n, sizes[0])), rng.standard_normal((n, sizes[-1]))
    net = pl.Network(sizes, "tanh", "identity", dtype=dtype, seed=1, bias=bias)
    history = net.train(X, Y, epochs=epochs, batch_size=batch, seed=3, threads=threads, **how)
    state = {key: array.tobytes() for key, array in net.optimizer_state.arrays.items()}
    return net.parameters.tobytes(), state, history["loss"]


@pytest.mark.parametrize(
    "how",
    [
        {}, {"clip_norm": 0.1, "l2": 0.1}, {"dropout": 0.2}, {"bias": False},
        {"bias": False, "clip_norm": 0.1, "l2": 0.1, "dropout": 0.2},
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NETWORKS)
def test_any_number_of_threads_gives_the_same_bits(name, dtype, how):
    alone = trained(name, 1, dtype, **how)
    for threads in (2, 3, 5):
        assert trained(name, threads, dtype, **how) == alone


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_do_not_depend_on_the_threads(name, bias, monkeypatch):
    sizes, n, _ = NETWORKS[name]
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((n, sizes[0])), rng.standard_normal((n, sizes[-1]))
    found = []
    for threads in ("1", "2", "4"):
        monkeypatch.setenv("PELLUCID_THREADS", threads)
        net = pl.Network(sizes, "tanh", "identity", seed=1, bias=bias)
        g = net.gradient(X, Y)
        found.append((g.vector.tobytes(), g.loss, net.forward(X).tobytes()))
    assert found[0] == found[1] == found[2]


def test_many_epochs_in_one_call_are_the_epochs_one_by_one():
    assert trained("small", 1, epochs=30) == trained("small", 1, epochs=30, callbacks=lambda _: None)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_resumed_training_has_the_bits_of_one_that_never_stopped(name, bias, tmp_path):
    how = {"dropout": 0.1, "schedule": "exponential", "bias": bias}
    straight = trained(name, None, epochs=5, **how)
    trained(name, None, epochs=2, checkpoint=tmp_path / "run", **how)
    assert trained(name, None, epochs=5, checkpoint=tmp_path / "run", resume=True, **how) == straight


def test_networks_side_by_side_have_the_bits_of_each_alone():
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((300, 4)), rng.standard_normal((300, 2))

    def trainings():
        for seed in range(9):
            net = pl.Network([4, 3 + seed, 2], "tanh", "identity", seed=seed, bias=seed % 4 != 1)
            optimizer = pl.Adam(1e-3 * (1 + seed)) if seed % 2 else pl.SGD(0.01, 0.5)
            yield pl.Training(
                net,
                X[seed:],
                Y[seed:],
                optimizer=optimizer,
                epochs=5 + seed,
                seed=seed,
                dropout=0.1,
                validation=0.2 if seed % 3 == 0 else None,
            )

    together = list(trainings())
    histories = pl.train_many(together, threads=3)
    for side_by_side, history, alone in zip(together, histories, trainings(), strict=True):
        expected = alone.network.train(alone.X, alone.y, **alone.settings)
        assert side_by_side.network.parameters.tobytes() == alone.network.parameters.tobytes()
        assert dict(history) == dict(expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("engine", ["native", "numpy"])
@pytest.mark.parametrize("name", NETWORKS)
def test_without_biases_the_numbers_are_those_of_biases_that_are_zero(name, engine, dtype):
    sizes, n, _ = NETWORKS[name]
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((n, sizes[0])).astype(dtype), rng.standard_normal((n, sizes[-1])).astype(dtype)
    how = {"dtype": dtype, "engine": engine}
    without = pl.Network(sizes, "tanh", "identity", seed=1, bias=False, **how)
    W = [without.W[l] for l in range(2, len(sizes) + 1)]
    zeros = pl.Network(sizes, "tanh", "identity", init=(W, [np.zeros(size) for size in sizes[1:]]), **how)
    np.testing.assert_array_equal(without.forward(X), zeros.forward(X))
    one, other = without.backprop(X, Y, l2=0.1), zeros.backprop(X, Y, l2=0.1)
    assert one.loss == other.loss
    np.testing.assert_array_equal(one.input_gradient, other.input_gradient)
    for l in range(2, len(sizes) + 1):
        np.testing.assert_array_equal(one.gradient.W[l], other.gradient.W[l])
        np.testing.assert_array_equal(one.d[l], other.d[l])
    assert one.gradient.vector.size == sum(array.size for array in W)
