"""Functions under test: what they remember, change, raise, and how they treat a batch."""

import itertools
import math

import numpy as np
import pytest

import pellucid as pl
from pellucid.checking.batches import batch_sizes
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


def test_randomness_is_a_mistake_of_its_own(case):
    net, X, y = case
    rng = np.random.default_rng(0)

    def masked(network, X, y):
        return right(network, X, y) * rng.integers(0, 2, network.parameters.size)

    def one_sample(network, X, y):
        i = int(rng.integers(len(X)))
        return right(network, X[i : i + 1], y[i : i + 1])

    for function in (masked, one_sample):
        assert pl.diagnose(net, X, y, "mse", function).rows[0] == "43"


def test_memory_is_told_array_by_array(case):
    net, X, y = case
    total = dict.fromkeys(net.W.keys(), 0)

    def weights_accumulate(network, X, y):
        gradient = network.gradient(X, y)
        for l in total:
            total[l] = total[l] + gradient.W[l]
        return {"W2": total[2], "b2": gradient.b[2], "W3": total[3], "b3": gradient.b[3]}

    diagnosis = pl.diagnose(net, X, y, "mse", weights_accumulate)
    assert diagnosis.rows == ("18",)
    assert "returns twice the first (['W2'], ['W3'] only)" in str(diagnosis)


def test_momentum_is_memory_and_not_randomness(case):
    net, X, y = case
    velocity = np.zeros(net.parameters.size)

    def remembers(network, X, y):
        nonlocal velocity
        velocity = 0.9 * velocity + right(network, X, y)
        return velocity

    assert pl.diagnose(net, X, y, "mse", remembers).rows == ("18",)


def test_square_weights_are_read_as_those_of_unequal_sizes():
    net = pl.Network([4, 4, 4], "tanh", seed=0, init="standard_normal")
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(6, 4)), rng.random((6, 4))

    def turned(network, X, y):
        gradient = network.gradient(X, y)
        return [one for l in network.W.keys() for one in (gradient.W[l].T, gradient.b[l])]

    def only_here(network, X, y):
        assert network.sizes == (4, 4, 4)
        return turned(network, X, y)

    assert pl.diagnose(net, X, y, "mse", turned).verdict == "right"
    diagnosis = pl.diagnose(net, X, y, "mse", only_here)
    assert (diagnosis.verdict, diagnosis.rows) == ("wrong", ("7",))


def test_a_verdict_holds_at_several_numbers_of_samples(case):
    net, X, y = case

    def n_of_the_first(network, X, y):
        return right(network, X, y) * len(X) / 5

    diagnosis = pl.diagnose(net, X, y, "mse", n_of_the_first)
    assert diagnosis.verdict == "wrong"
    assert "right on 5 samples" in str(diagnosis)
    sizes = [pl.Network(one).sizes for one in ([3, 4, 2], [6, 5, 3], [784, 30, 10])]
    for one in sizes:
        for n in (1, 2, 6, 7, 30, 100):
            counts = [n, *batch_sizes(one, n)]
            assert len(set(counts)) == 3
            for k in counts[1:]:
                assert all(math.gcd(k, size) == 1 for size in one)
                assert all(math.gcd(k, other) == 1 for other in counts if other != k)


@pytest.mark.parametrize(
    ("total", "verdict"), [(0.5, "right"), (0.8, "right"), (0.1, "wrong"), (0.2, "wrong"), (0.25, "wrong")]
)
def test_a_penalty_over_n_is_right_at_every_n(case, total, verdict):
    """(λ/n) W with one λ is right if it is the declared strength at some n; λ₂ divided by n once more is not."""
    net, X, y = case

    def by_count(network, X, y):
        gradient = network.gradient(X, y)
        return [one for l in network.W.keys() for one in (gradient.W[l] + total / len(X) * network.W[l], gradient.b[l])]

    assert pl.diagnose(net, X, y, "mse", by_count, l2=0.1).verdict == verdict


def test_what_sizes_hide_is_noted(case):
    net, X, y = case
    arrays = net.gradient(X, y).vector
    assert [note for note in pl.diagnose(net, X, y, "mse", arrays).notes if "2/m" in note]
    five = pl.Network([5, 4, 3], seed=0)
    X, y = np.ones((5, 5)), np.ones((5, 3))
    assert "as many samples as neurons in layer 1" in str(pl.diagnose(five, X, y, "mse", five.gradient(X, y).vector))


def test_functions_of_python_take_other_arguments_too(case):
    net, X, y = case

    def backward(X, y, W1, b1, W2, b2):
        a2 = 1 / (1 + np.exp(-(X @ W1 + b1)))
        a3 = 1 / (1 + np.exp(-(a2 @ W2 + b2)))
        d3 = 2 * (a3 - y) / y.size * a3 * (1 - a3)
        d2 = d3 @ W2.T * a2 * (1 - a2)
        return X.T @ d2, d2.sum(axis=0), a2.T @ d3, d3.sum(axis=0)

    class Model:
        def __init__(self, sizes):
            self.W = [np.zeros((m, n)) for m, n in itertools.pairwise(sizes)]
            self.b = [np.zeros(n) for n in sizes[1:]]

        def backprop(self, X, y):
            return backward(X, y, self.W[0], self.b[0], self.W[1], self.b[1])

    for subject in (backward, Model):
        diagnosis = pl.diagnose(net, X, y, "mse", subject)
        assert diagnosis.verdict == "right"
        assert "called with weights as (n_{l-1}, n_l)" in str(diagnosis)


def test_a_function_that_ignores_the_network_is_told_so(case):
    net, X, y = case
    own = pl.Network([3, 4, 2], seed=5)
    diagnosis = pl.diagnose(net, X, y, "mse", lambda network, X, y: own.gradient(X, y).vector)
    assert diagnosis.verdict == "wrong"
    assert "the network that is handed in is not used" in str(diagnosis)


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
        (lambda network, X, y: 1 / 0, "ZeroDivisionError"),
        (lambda network, X: None, "returned: nothing (None)"),
        (lambda one, two, three, four: None, "def gradient(network, X, y):"),
        (
            lambda network, X, y: [np.full_like(network.W[l], np.nan) for l in (2, 3)] + [network.b[2], network.b[3]],
            "is nan",
        ),
    ],
)
def test_failures_are_findings(case, function, words):
    diagnosis = pl.diagnose(*case, "mse", function)
    assert diagnosis.verdict == ("unreadable" if "nothing" in words else "wrong")
    assert not diagnosis
    assert words in str(diagnosis)


@pytest.mark.parametrize(("returned", "words"), [(None, "returned: nothing (None)"), ("spam", "of type str")])
def test_what_is_no_gradient_is_unreadable(case, returned, words):
    diagnosis = pl.diagnose(*case, "mse", lambda network, X, y: returned)
    assert diagnosis.verdict == "unreadable"
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
