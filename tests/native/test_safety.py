"""What must not go wrong around the engine: arrays of any layout, threads, forks, signals, the floating-point mode."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import pellucid as pl

N, SIZES = 40, [6, 8, 3]


def a_network(**how):
    return pl.Network(SIZES, "tanh", "identity", seed=0, **how)


def plain(dtype="float64"):
    rng = np.random.default_rng(0)
    return rng.standard_normal((N, 6)).astype(dtype), rng.standard_normal((N, 3)).astype(dtype)


def misaligned(array):
    raw = np.zeros(array.nbytes + 1, np.uint8)
    view = raw[1:].view(array.dtype).reshape(array.shape)
    view[...] = array
    assert not view.flags.aligned
    return view


def field_of_records(array):
    """Rows whose stride is no whole number of elements."""
    records = np.zeros(len(array), [("a", array.dtype, array.shape[1:]), ("b", "u1")])
    records["a"] = array
    return records["a"]


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


LAYOUTS = {
    "fortran": np.asfortranarray,
    "every other row": lambda a: np.repeat(a, 2, axis=0)[::2],
    "every other column": lambda a: np.repeat(a, 2, axis=1)[:, ::2],
    "backwards": lambda a: a[::-1].copy()[::-1],
    "columns backwards": lambda a: a[:, ::-1].copy()[:, ::-1],
    "read-only": read_only,
    "unaligned": misaligned,
    "of records": field_of_records,
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "float16 up": lambda a: a.astype("longdouble"),
    "a list": lambda a: a.tolist(),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_arrays_of_any_layout_give_the_same_bits_and_are_not_written(layout, dtype):
    X, Y = plain(dtype)
    weight = np.linspace(0.5, 2, N).astype(dtype)
    strange = [LAYOUTS[layout](array) for array in (X, Y)]
    weights = misaligned(weight) if layout == "unaligned" else np.repeat(weight, 2)[::2]
    before = [np.array(array) for array in strange]
    net = a_network(dtype=dtype)
    assert net.forward(strange[0]).tobytes() == net.forward(X).tobytes()
    for w, mine in ((None, None), (weights, weight)):
        g, expected = net.gradient(*strange, sample_weight=w), net.gradient(X, Y, sample_weight=mine)
        assert g.vector.tobytes() == expected.vector.tobytes()
        assert (
            net.backprop(*strange, sample_weight=w).d[2].tobytes()
            == net.backprop(X, Y, sample_weight=mine).d[2].tobytes()
        )
        one, other = a_network(dtype=dtype), a_network(dtype=dtype)
        one.train(*strange, sample_weight=w, epochs=2, seed=0, batch_size=7)
        other.train(X, Y, sample_weight=mine, epochs=2, seed=0, batch_size=7)
        assert one.parameters.tobytes() == other.parameters.tobytes()
    for array, kept in zip(strange, before, strict=True):
        np.testing.assert_array_equal(np.asarray(array), kept)


def test_overlapping_arrays_are_read_like_any_other():
    both = np.random.default_rng(0).standard_normal((N, 9))
    net = a_network()
    g = net.gradient(both[:, :6], both[:, 4:7])
    assert g.vector.tobytes() == net.gradient(both[:, :6].copy(), both[:, 4:7].copy()).vector.tobytes()


@pytest.mark.parametrize(
    ("X", "says"),
    [
        (np.zeros((0, 6)), "X has 0 samples"),
        (np.zeros((4, 5)), r"X has shape \(4, 5\)"),
        (np.full((4, 6), np.nan), r"X\[0, 0\] is nan"),
        (np.zeros((4, 6), complex), "X must hold real numbers"),
    ],
)
def test_arrays_that_do_not_fit_get_the_errors_they_always_got(X, says):
    net = a_network()
    for call in (
        lambda: net.forward(X),
        lambda: net.gradient(X, np.zeros((4, 3))),
        lambda: net.train(X, np.zeros((4, 3))),
    ):
        with pytest.raises((ValueError, TypeError), match=says):
            call()


def test_a_network_that_was_changed_is_seen_as_it_is_now():
    net, (X, Y) = a_network(), plain()
    before = net.gradient(X, Y).loss
    net.W[2][...] *= 2
    net["b_1^3"] = 5.0
    assert net.gradient(X, Y).loss != before
    np.testing.assert_allclose(
        net.gradient(X, Y).loss,
        pl.Network(SIZES, "tanh", "identity", init=net.parameters, engine="numpy").gradient(X, Y).loss,
        rtol=1e-14,
    )


def test_what_a_user_made_runs_on_numpy_and_says_so():
    X, Y = plain()
    cube = pl.Activation("cube", lambda z: z**3, lambda z: 3 * z**2)
    mine = pl.Loss("mine", lambda a, y: np.abs(a - y).sum(axis=1), lambda a, y: np.sign(a - y))

    class Half(pl.SGD):
        """Steps of half the length."""

        def step(self, parameters, gradient, state, rate, weight_mask):
            super().step(parameters, gradient, state, rate / 2, weight_mask)

    net = pl.Network(SIZES, cube, seed=0)
    assert (net.engine, net.engine.detail) == ("numpy", "activation 'cube' is user-made")
    assert net.train(X, Y, epochs=1).engine == "numpy"
    assert a_network().train(X, Y, mine, epochs=1).engine.detail == "loss 'mine' is user-made"
    halved = a_network()
    assert halved.train(X, Y, optimizer=Half(0.1), epochs=1, seed=0).engine == "numpy"
    plainly = a_network()
    plainly.train(X, Y, optimizer=pl.SGD(0.05), epochs=1, seed=0)
    np.testing.assert_allclose(halved.parameters, plainly.parameters, rtol=1e-12)
    with pytest.raises(ValueError, match="engine='native' cannot run this network: activation 'cube' is user-made"):
        pl.Network(SIZES, cube, engine="native")
    with pytest.raises(ValueError, match="did you mean 'numpy'"):
        a_network(engine="nump")
    net = a_network(engine="numpy")
    assert net.engine == net.copy().engine == "numpy"
    net.engine = "auto"
    assert net.engine == "native"


def test_the_floating_point_mode_is_left_alone():
    X, Y = plain("float32")
    tiny = np.array([1e-40], np.float32)
    a_network(dtype="float32").train(X, Y, epochs=2)
    assert (tiny * np.float32(1) != 0).all()
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        np.array([1e300]) * 1e300


def test_training_in_several_python_threads_gives_the_bits_of_each_alone():
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((3000, 20)), rng.standard_normal((3000, 3))

    def train(seed):
        net = pl.Network([20, 64, 3], "relu", "identity", seed=seed)
        net.train(X, Y, epochs=3, batch_size=1000, seed=seed)
        return net.parameters.tobytes()

    alone = [train(seed) for seed in range(4)]
    found = [b""] * 4
    shared = pl.Network([20, 64, 3], "relu", "identity", seed=9)
    expected, gradients = shared.gradient(X, Y).vector.tobytes(), []

    def work(seed):
        found[seed] = train(seed)
        gradients.append(shared.gradient(X, Y).vector.tobytes())

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == alone
    assert set(gradients) == {expected}


def in_a_child(queue):
    rng = np.random.default_rng(0)
    net = pl.Network([4, 32, 16, 4], "tanh", seed=0)
    net.train(rng.random((4000, 4)), rng.random((4000, 4)), batch_size=2000, epochs=2, seed=0, threads=4)
    queue.put(net.parameters.tobytes())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_child_trains_too():
    class Here:
        put = staticmethod(lambda value: mine.append(value))

    mine = []
    in_a_child(Here)  # starts the threads, which a child does not have
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=in_a_child, args=(queue,))
    child.start()
    try:
        assert queue.get(timeout=60) == mine[0]
    finally:
        child.join(10)
        child.kill()


def interrupt_after(seconds):
    """Press Ctrl-C; returns the list that will hold when."""
    pressed = []

    def press():
        time.sleep(seconds)
        pressed.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press, daemon=True).start()
    return pressed


@pytest.mark.usefixtures("signals_raise")
@pytest.mark.parametrize(("n", "batch"), [(50_000, 32), (200_000, None)], ids=["batches", "one long batch"])
def test_ctrl_c_is_answered_at_once_and_keeps_the_last_whole_epoch(n, batch):
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((n, 50)), rng.standard_normal((n, 5))
    net = pl.Network([50, 100, 5], "tanh", "identity", seed=0)
    pressed = interrupt_after(0.5)
    history = net.train(X, Y, batch_size=batch, epochs=100_000, seed=0)
    took = time.perf_counter() - pressed[0]
    assert history.stopped == "interrupted"
    assert took < 0.5  # a tenth of a second on a machine that does nothing else
    again = pl.Network([50, 100, 5], "tanh", "identity", seed=0)
    if history.epochs:
        again.train(X, Y, batch_size=batch, epochs=history.epochs, seed=0)
    assert net.parameters.tobytes() == again.parameters.tobytes()


@pytest.mark.usefixtures("signals_raise")
def test_what_a_signal_handler_raises_comes_through():
    class AlarmError(Exception):
        pass

    def ring(*_):
        raise AlarmError

    before = signal.signal(signal.SIGALRM, ring)
    net, (X, Y) = a_network(), plain()
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with pytest.raises(AlarmError):
            net.train(X, Y, epochs=10_000_000, seed=0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert np.isfinite(net.parameters).all()


def test_divergence_in_one_call_of_many_epochs_restores_a_finite_network():
    X, Y = plain()
    net = pl.Network(SIZES, "relu", "identity", seed=0)
    with pytest.raises(pl.TrainingDiverged) as caught:
        net.train(1e3 * X, Y, optimizer=pl.SGD(0.5), epochs=500, seed=0)
    assert np.isfinite(net.parameters).all()
    assert np.isfinite(net.gradient(1e3 * X, Y).loss)
    assert (
        caught.value.history.epochs == caught.value.epoch - 1 or caught.value.history.epochs == caught.value.epoch - 2
    )


def test_pellucid_works_without_its_compiled_module():
    program = (
        "import sys; sys.modules['pellucid._native'] = None; import pellucid as pl; net = pl.Network([2, 2], seed=0); "
        "net.train([[1, 2]], [[1, 0]], epochs=2, progress=False); print(net.engine, net.engine.detail)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.startswith("numpy the compiled engine cannot be loaded")


def test_a_program_that_ends_while_a_thread_waits_says_nothing():
    program = """
import threading, time
import pellucid as pl
net = pl.Network([3, 4, 2], seed=0)
net.gradient([[1, 2, 3]], [[0, 1]])
threading.Thread(target=lambda: time.sleep(60), daemon=True).start()
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
