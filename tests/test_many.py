"""`train_many`: what it takes, what it refuses, and what happens when one training fails."""

import os
import signal
import threading
import time

import numpy as np
import pytest

import pellucid as pl

X = np.random.default_rng(0).standard_normal((60, 3))
Y = np.sin(X.sum(axis=1))


def a_network(seed=0):
    return pl.Network([3, 5, 1], "tanh", "identity", seed=seed)


def test_no_trainings_are_no_histories():
    assert pl.train_many([]) == []


def test_any_network_may_be_among_them():
    cube = pl.Activation("cube", lambda z: z**3, lambda z: 3 * z**2)
    nets = [a_network(), pl.Network([3, 2, 1], cube, "identity", seed=0, dtype="float32"), a_network(2)]
    histories = pl.train_many(
        [
            pl.Training(nets[0], X, Y, epochs=3),
            pl.Training(nets[1], X, Y, epochs=2),
            pl.Training(nets[2], X, Y, optimizer="lbfgs", epochs=4),
        ],
        threads=2,
    )
    assert [history.engine for history in histories] == ["native", "numpy", "native"]
    assert [history.epochs for history in histories] == [3, 2, 4]
    assert nets[0].optimizer_state.step == 6


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda net: pl.Training("net", X, Y), TypeError, "a training is of a pellucid.Network, got 'net'"),
        (lambda net: pl.Training(net, X, Y, threads=2), TypeError, "threads is of all trainings together"),
        (lambda net: (net, X, Y), TypeError, "training 2 must be a pellucid.Training"),
        (lambda net: pl.Training(net, X, Y[1:]), ValueError, "y has shape"),
        (lambda net: pl.Training(net, X, Y, epoch=3), TypeError, "epoch"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_changes(make, error, says):
    first, second = a_network(), a_network(1)
    before = first.parameters.copy()
    with pytest.raises(error, match=says):
        pl.train_many([pl.Training(first, X, Y), make(second)])
    np.testing.assert_array_equal(first.parameters, before)


def test_one_network_cannot_be_trained_twice_at_once():
    net = a_network()
    with pytest.raises(ValueError, match="trainings 1 and 3 are of the same network"):
        pl.train_many([pl.Training(net, X, Y), pl.Training(a_network(1), X, Y), pl.Training(net, X, Y)])


def test_one_that_diverges_leaves_the_others_alone():
    nets = [pl.Network([3, 5, 1], "relu", "identity", seed=seed) for seed in range(4)]
    rates = [0.01, 1e6, 0.01, 1e7]
    with pytest.raises(pl.TrainingDiverged) as caught:
        pl.train_many(
            [
                pl.Training(net, X, Y, optimizer=pl.SGD(rate), epochs=5, seed=0)
                for net, rate in zip(nets, rates, strict=True)
            ]
        )
    assert caught.value.__notes__ == ["in training 2 of 4; the others ran to their end"]
    alone = pl.Network([3, 5, 1], "relu", "identity", seed=2)
    alone.train(X, Y, optimizer=pl.SGD(0.01), epochs=5, seed=0)
    np.testing.assert_array_equal(nets[2].parameters, alone.parameters)
    assert all(np.isfinite(net.parameters).all() for net in nets)


@pytest.mark.usefixtures("signals_raise")
def test_ctrl_c_interrupts_all_of_them():
    nets = [a_network(seed) for seed in range(5)]

    def press():
        time.sleep(0.4)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press, daemon=True).start()
    begin = time.perf_counter()
    histories = pl.train_many([pl.Training(net, X, Y, epochs=10_000_000, seed=0) for net in nets], threads=2)
    assert time.perf_counter() - begin < 5
    assert [history.stopped for history in histories] == ["interrupted"] * 5
    assert histories[0].epochs > 0


def test_one_bar_shows_the_epochs_of_all(capfd):
    pl.train_many([pl.Training(a_network(seed), X, Y, epochs=4) for seed in range(3)], progress=True)
    assert "12/12" in capfd.readouterr().err
