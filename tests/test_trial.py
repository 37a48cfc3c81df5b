"""Functions under test: what they remember, change, raise, and how they treat a batch."""

import numpy as np
import pytest

import pellucid as pl
from pellucid.testing import assert_gradient
from student import Student


@pytest.fixture
def case():
    net = pl.Network([3, 4, 2], seed=0, init="standard_normal")
    rng = np.random.default_rng(0)
    return net, rng.normal(size=(5, 3)), rng.random((5, 2))


def right(network, X, y):
    return network.gradient(X, y).vector


def test_a_right_function(case):
    net, X, y = case
    before = net.parameters.copy(), X.copy(), y.copy()
    diagnosis = pl.diagnose(net, X, y, "mse", right)
    assert (diagnosis.verdict, diagnosis.behaviour, diagnosis.located) == ("right", (), ())
    assert all(np.array_equal(u, v) for u, v in zip(before, (net.parameters, X, y), strict=True))
    assert pl.diagnose(net, X, y, "mse", Student("mse")).verdict == "right"
    assert pl.diagnose(net, X[0], y[0], "mse", right).verdict == "right"


def test_accumulation(case):
    net, X, y = case
    total = np.zeros(net.parameters.size)

    def accumulates(network, X, y):
        nonlocal total
        total = total + right(network, X, y)
        return total

    diagnosis = pl.diagnose(net, X, y, "mse", accumulates)
    assert diagnosis.rows == ("18",)
    assert diagnosis.verdict == "wrong"

    class Leaky:
        """The first call is right; every other one adds the one before."""

        last = 0.0

        def __call__(self, network, X, y):
            g = right(network, X, y)
            self.last, g = g, g + self.last
            return g

    assert "18" in pl.diagnose(net, X, y, "mse", Leaky()).rows


@pytest.mark.parametrize("what", ["X", "y", "parameters"])
def test_changes_in_place(case, what):
    net, X, y = case

    def changes(network, X, y):
        g = right(network, X, y)
        if what == "X":
            X -= 1
        elif what == "y":
            y *= 2
        else:
            network.W[2][...] -= 0.1 * network.gradient(X, y).W[2]
        return g

    diagnosis = pl.diagnose(net, X, y, "mse", changes)
    assert diagnosis.rows == ("31",)
    assert what in str(diagnosis)


def test_numbers_of_other_data(case):
    net, X, y = case
    stored = right(net, X, y)
    remembers = pl.diagnose(net, X, y, "mse", lambda network, X, y: stored)
    assert remembers.rows == ("18",)
    assert "first call" in str(remembers)


def test_randomness(case):
    net, X, y = case
    rng = np.random.default_rng(0)

    def noisy(network, X, y):
        return right(network, X, y) * rng.integers(0, 2, network.parameters.size)

    assert "24" in pl.diagnose(net, X, y, "mse", noisy).rows


def test_a_fault_in_the_batch_is_told_from_one_in_the_samples(case):
    net, X, y = case
    batch = pl.diagnose(net, X, y, "mse", Student("mse", {"34": (2, 3)}))
    assert "34" in batch.rows
    assert "how samples are put together" in str(batch)
    sample = pl.diagnose(net, X, y, "mse", Student("mse", {"2": (2,)}))
    assert "how samples" not in str(sample)


def test_shapes_in_exceptions(case):
    net, X, y = case

    def transposed(network, X, y):
        run = network.backprop(X, y)
        d3 = run.d[3]
        return np.dot(d3, network.W[3].T) * run.a[2]

    told = str(pl.diagnose(net, X, y, "mse", transposed))
    assert "[7]" in told
    assert "(5, 2)" in told
    assert "d3 @ network.W[3], (5, 2) by (2, 4)" in told

    def matrices(network, X, y):
        d3 = network.backprop(X, y).d[3]
        return d3 @ X

    assert "it would fit as d3.T @ X" in str(pl.diagnose(net, X, y, "mse", matrices))

    def elementwise(network, X, y):
        z = X @ network.W[2].T
        return z * y

    told = str(pl.diagnose(net, X, y, "mse", elementwise))
    assert "z has shape (5, 4) and y has shape (5, 2)" in told


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda network, X, y: None, "returned nothing"),
        (lambda network, X, y: "spam", "returned str"),
        (lambda network, X, y: 1 / 0, "ZeroDivisionError"),
        (lambda network, X: None, "returned nothing"),
        (lambda one, two, three, four: None, "def gradient(network, X, y):"),
        (
            lambda network, X, y: [np.full_like(network.W[l], np.nan) for l in (2, 3)] + [network.b[2], network.b[3]],
            "is nan",
        ),
    ],
)
def test_failures_are_findings(case, function, words):
    diagnosis = pl.diagnose(*case, "mse", function)
    assert diagnosis.verdict == "wrong"
    assert words in str(diagnosis)


def test_only_one_sample_at_a_time(case):
    net, X, y = case

    def single(network, x, y):
        if x.ndim != 1:
            raise ValueError("one sample, please")
        return right(network, x, y)

    diagnosis = pl.diagnose(net, X, y, "mse", single)
    assert diagnosis.verdict == "right"
    assert "one sample x of shape (n_1,) at a time" in str(diagnosis)


def test_what_is_printed_is_printed_once(case, capsys):
    def talks(network, X, y):
        print("here")
        return right(network, X, y)

    pl.diagnose(*case, "mse", talks)
    assert capsys.readouterr().out == "here\n"


def test_assert_gradient(case):
    net, X, y = case
    assert assert_gradient(right, net, X, y).verdict == "right"
    assert assert_gradient(Student("mse", {"10": (2, 3)}), net, X, y).verdict == "convention"
    with pytest.raises(AssertionError, match="the sum instead of the mean"):
        assert_gradient(Student("mse", {"10": (2, 3)}), net, X, y, allow_conventions=False)
    with pytest.raises(AssertionError, match="σ' missing in a hidden layer"):
        assert_gradient(Student("mse", {"2": (2,)}), net, X, y)


def test_the_function_may_return_its_z_a_and_d(case):
    net, X, y = case

    def whole(network, X, y):
        run = network.backprop(X, y)
        return {"gradient": run.gradient.vector, "z": {2: run.a[2], 3: run.a[3]}, "a": dict(run.a), "loss": run.loss}

    diagnosis = pl.diagnose(net, X, y, "mse", whole)
    assert diagnosis.rows == ("25",)
