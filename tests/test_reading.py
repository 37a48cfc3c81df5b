"""Gradients in the forms that people have them in: all are read as the same numbers."""

import itertools
import warnings
from collections import namedtuple
from types import SimpleNamespace

import numpy as np
import pytest

import pellucid as pl
from containers import CONTAINERS, with_extras
from pellucid.checking.judgement import Comparison, Floors
from pellucid.checking.problem import Problem
from pellucid.checking.reading import Found, UnreadableError
from pellucid.checking.returned import fitting, is_whole, judge_returned
from pellucid.samples import as_penalty, as_samples
from pellucid.testing import assert_gradient
from student import Student, forms


@pytest.fixture(params=[[3, 4, 2], [3, 3, 3], [2, 5, 4, 1], [1, 1], [4, 4, 3]], ids=str)
def case(request):
    sizes = request.param
    net = pl.Network(sizes, "tanh", seed=0, init="standard_normal")
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(6, sizes[0])), rng.normal(size=(6, sizes[-1]))
    return net, X, Y, net.gradient(X, Y)


FORMS = {
    "the library's own": lambda W, b: SimpleNamespace(W=dict(enumerate(W, 2)), b=dict(enumerate(b, 2))),
    "pairs": lambda W, b: list(zip(W, b, strict=True)),
    "two lists": lambda W, b: (W, b),
    "two lists, biases first": lambda W, b: (b, W),
    "flat list": lambda W, b: [array for pair in zip(W, b, strict=True) for array in pair],
    "columns": lambda W, b: (W, [v[:, None] for v in b]),
    "rows": lambda W, b: (W, [v[None] for v in b]),
    "lists of lists": lambda W, b: ([V.tolist() for V in W], [v.tolist() for v in b]),
    "pairs of lists": lambda W, b: [(V.tolist(), v.tolist()) for V, v in zip(W, b, strict=True)],
    "W1, b1": lambda W, b: {
        f"{s}{i}": one for i, pair in enumerate(zip(W, b, strict=True), 1) for s, one in zip("Wb", pair, strict=True)
    },
    "dW2, db2": lambda W, b: {f"d{s}{i}": one for s, some in (("W", W), ("b", b)) for i, one in enumerate(some, 2)},
    "torch": lambda W, b: {
        f"layers.{2 * i}.{s}": one
        for i, pair in enumerate(zip(W, b, strict=True))
        for s, one in zip(("weight", "bias"), pair, strict=True)
    },
    "keras": lambda W, b: {
        f"dense_{i}/{s}:0": one
        for i, pair in enumerate(zip([V.T for V in W], b, strict=True))
        for s, one in zip(("kernel", "bias"), pair, strict=True)
    },
    "transposed": lambda W, b: ([V.T for V in W], b),
    "by layer": lambda W, b: dict(enumerate(zip(W, b, strict=True), 2)),
    "dict of lists": lambda W, b: {"W": W, "b": b},
    "from layer 1": lambda W, b: ([None, *W], [None, *b]),
    "with the loss": lambda W, b: (0.25, {"W": W, "b": b}),
    "under a name": lambda W, b: {"gradient": (W, b), "loss": 0.25},
    "sklearn": lambda W, b: ([V.T for V in W], b),
    "coefs_": lambda W, b: {"coefs_": [V.T for V in W], "intercepts_": b},
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_read(case, form):
    net, X, Y, g = case
    given = FORMS[form](list(g.W.values()), list(g.b.values()))
    diagnosis = pl.diagnose(net, X, Y, "mse", given)
    assert diagnosis.verdict in ("right", "convention"), str(diagnosis)
    if diagnosis.verdict == "convention":  # all square, and the other way round
        assert diagnosis.rows == ("7",)
        assert "transposed" in str(diagnosis)


WITHOUT_BIASES = {
    "list": lambda W: W,
    "from the last layer": lambda W: W[::-1],
    "tuple": tuple,
    "lists of lists": lambda W: [V.tolist() for V in W],
    "with an empty list": lambda W: (W, []),
    "with None": lambda W: (W, None),
    "by symbol": lambda W: {"W": W},
    "by symbol, empty": lambda W: {"W": W, "b": []},
    "by symbol, None": lambda W: {"W": W, "b": None},
    "by name": lambda W: {f"dW{l}": V for l, V in enumerate(W, 2)},
    "torch": lambda W: {f"layers.{2 * i}.weight": V for i, V in enumerate(W)},
    "keras": lambda W: {f"dense_{i}/kernel:0": V.T for i, V in enumerate(W)},
    "by layer": lambda W: dict(enumerate(W, 2)),
    "flat": lambda W: np.concatenate([V.ravel() for V in W]),
    "flat list": lambda W: np.concatenate([V.ravel() for V in W]).tolist(),
    "transposed": lambda W: [V.T for V in W],
    "with the loss": lambda W: (0.25, {"W": W}),
    "the library's own": lambda W: SimpleNamespace(W=dict(enumerate(W, 2)), b={}),
}


@pytest.mark.parametrize("form", WITHOUT_BIASES)
@pytest.mark.parametrize("sizes", [[3, 4, 2], [2, 5, 4, 1], [3, 2], [3, 3, 3]], ids=str)
def test_without_biases_every_form_is_read(sizes, form):
    net = pl.Network(sizes, "tanh", seed=0, init="standard_normal", bias=False)
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(6, sizes[0])), rng.normal(size=(6, sizes[-1]))
    W = list(net.gradient(X, Y).W.values())
    diagnosis = pl.diagnose(net, X, Y, "mse", WITHOUT_BIASES[form](W))
    is_turned = sizes == [3, 3, 3] and form in ("transposed", "keras", "from the last layer")
    assert diagnosis.verdict == "right" or is_turned, str(diagnosis)
    assert not any("not judged" in note for note in diagnosis.notes)
    turned = pl.diagnose(net, X, Y, "mse", lambda net, X, y: WITHOUT_BIASES[form]([2 * V for V in W]))
    assert turned.verdict != "right"


def test_flat_vector_float32_and_torch(case):
    net, X, Y, g = case
    assert pl.diagnose(net, X, Y, "mse", g).verdict == "right"
    assert pl.diagnose(net, X, Y, "mse", g.vector).verdict == "right"
    assert pl.diagnose(net, X, Y, "mse", g.vector.tolist()).verdict == "right"
    assert pl.diagnose(net, X, Y, "mse", g.vector.astype(np.float32)).verdict == "right"
    assert pl.diagnose(net, X, Y, "mse", net.backprop(X, Y)).verdict == "right"
    torch = pytest.importorskip("torch")
    tensors = {
        f"{l}.{s}": torch.tensor(v, requires_grad=True)
        for l in g.W.keys()
        for s, v in (("weight", g.W[l]), ("bias", g.b[l]))
    }
    assert pl.diagnose(net, X, Y, "mse", tensors).verdict == "right"


def test_biases_as_weights_of_a_constant():
    net = pl.Network([3, 4, 2], "tanh", seed=0, init="standard_normal")
    X, Y = np.random.default_rng(0).normal(size=(6, 3)), np.random.default_rng(1).normal(size=(6, 2))
    g = net.gradient(X, Y)
    for join in (lambda W, b: np.hstack([b[:, None], W]), lambda W, b: np.hstack([W, b[:, None]])):
        assert pl.diagnose(net, X, Y, "mse", [join(g.W[l], g.b[l]) for l in (2, 3)]).verdict == "right"


def test_one_square_layer_transposed_is_a_mistake():
    net = pl.Network([3, 4, 4, 2], "tanh", seed=0, init="standard_normal")
    X, Y = np.random.default_rng(0).normal(size=(6, 3)), np.random.default_rng(1).normal(size=(6, 2))
    g = net.gradient(X, Y)
    W = [g.W[2], g.W[3].T, g.W[4]]
    diagnosis = pl.diagnose(net, X, Y, "mse", (W, list(g.b.values())))
    assert (diagnosis.verdict, diagnosis.rows, diagnosis.layer) == ("wrong", ("7",), 3)
    turned = [V.T for V in g.W.values()]
    assert pl.diagnose(net, X, Y, "mse", (turned, list(g.b.values()))).verdict == "right"


@pytest.mark.parametrize(
    "given",
    [
        [],
        [np.ones((4, 3))] * 3,
        {"spam": np.ones(3)},
        "text",
        3.0,
        [np.ones((9, 9))] * 4,
    ],
    ids=["empty", "three arrays", "unknown name", "text", "number", "no shape"],
)
def test_what_cannot_be_read_is_unreadable_and_not_wrong(given):
    net = pl.Network([3, 4, 2], seed=0)
    for network in (net, pl.Network([3, 4, 2], seed=0, bias=False)):
        diagnosis = pl.diagnose(network, np.ones((2, 3)), np.ones((2, 2)), "mse", given)
        assert diagnosis.verdict == "unreadable", str(diagnosis)
        assert not diagnosis
        assert "expected: ∂L/∂W^2 of shape (4, 3)" in str(diagnosis)
        with pytest.raises(AssertionError, match="UNREADABLE"):
            assert_gradient(given, network, np.ones((2, 3)), np.ones((2, 2)))


def test_own_quantities_that_do_not_fit_are_refused():
    net = pl.Network([3, 4, 2], seed=0)
    X, Y = np.ones((2, 3)), np.ones((2, 2))
    g = net.gradient(X, Y)
    with pytest.raises(UnreadableError, match="expected \\(2, 4\\)"):
        pl.diagnose(net, X, Y, "mse", g, z={2: np.ones((3, 4))})
    with pytest.raises(UnreadableError, match="list or a dict"):
        pl.diagnose(net, X, Y, "mse", g, z=3)


# The reader as a law


LAW = [[3, 4, 2], [3, 5, 2], [4, 4, 4], [2, 2, 1], [1, 1, 1], [3, 1], [4, 3, 5, 2], [1, 1, 1, 1], [4, 4, 4, 4]]


Given = namedtuple("Given", ["net", "X", "Y", "W", "b", "whole", "rng"])


def right_gradient(sizes, dtype="float64"):
    net = pl.Network(sizes, "tanh", seed=1, init="standard_normal", dtype=dtype)
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(7, sizes[0])), rng.random((7, sizes[-1]))
    g = net.gradient(X, Y)
    whole = Problem(net, as_samples(net, X, Y, "mse"), as_penalty(0, 0))
    return Given(net, X, Y, list(g.W), list(g.b), whole, rng)


def wrapped(W, b, whole, rng):
    """The gradient in every container, by name."""
    return {name: make(list(W), list(b)) for name, make in CONTAINERS.items()} | with_extras(W, b, whole, rng)


def is_right(diagnosis, sizes):
    """Right; where every W^l is square or has one row or column, right if W is stored transposed."""
    has_no_way_up = all(m == n or 1 in (m, n) for m, n in itertools.pairwise(sizes))
    return diagnosis.verdict == "right" or (has_no_way_up and diagnosis.rows == ("7",) and bool(diagnosis))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("sizes", LAW, ids=str)
def test_any_container_of_a_right_gradient_is_right(sizes, dtype):
    net, X, Y, W, b, whole, rng = right_gradient(sizes, dtype)
    containers = wrapped(W, b, whole, rng)
    assert len(containers) >= 80
    for name, given in containers.items():
        diagnosis = pl.diagnose(net, X, Y, "mse", given)
        assert is_right(diagnosis, sizes), (name, str(diagnosis))


def test_any_container_in_half_precision():
    net, X, Y, W, b, whole, rng = right_gradient([3, 4, 2])
    halves = [[array.astype(np.float16) for array in arrays] for arrays in (W, b)]
    for name, given in wrapped(*halves, whole, rng).items():
        assert pl.diagnose(net, X, Y, "mse", given).verdict == "right", name


@pytest.mark.parametrize("sizes", [[3, 4, 2], [4, 4, 4], [2, 2, 1], [4, 3, 5, 2]], ids=str)
def test_any_container_without_biases(sizes):
    net = pl.Network(sizes, "tanh", seed=1, init="standard_normal", bias=False)
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(7, sizes[0])), rng.random((7, sizes[-1]))
    whole = Problem(net, as_samples(net, X, Y, "mse"), as_penalty(0, 0))
    W, b = list(net.gradient(X, Y).W), [rng.normal(size=n) for n in sizes[1:]]
    for name, given in wrapped(W, b, whole, rng).items():
        diagnosis = pl.diagnose(net, X, Y, "mse", given)
        assert is_right(diagnosis, sizes), (name, str(diagnosis))


PLANTED = [
    ([3, 4, 2], "sigmoid", None, "mse"),
    ([4, 3, 5, 2], "tanh", "sigmoid", "binary_cross_entropy"),
    ([3, 5, 2], "relu", "softmax", "cross_entropy"),
    ([2, 2, 1], "tanh", "identity", "mse"),
    ([4, 4, 4], "sigmoid", None, "mse"),
]


@pytest.mark.parametrize("case", PLANTED, ids=str)
def test_any_container_of_a_planted_mistake_gets_the_same_answer(case):
    """Every second mistake in a container drawn at random.

    Exceptions: a transposed gradient in a container that transposes is right; a vector by columns of square matrices
    is a transposed gradient as well.
    """
    sizes, activation, output, loss = case
    net = pl.Network(sizes, activation, output, seed=11, init="standard_normal")
    rng = np.random.default_rng(7)
    X, Y = rng.normal(size=(7, sizes[0])), rng.random((7, sizes[-1]))
    if loss == "cross_entropy":
        Y = np.eye(sizes[-1])[rng.integers(0, sizes[-1], 7)]
    whole = Problem(net, as_samples(net, X, Y, loss), as_penalty(0, 0))
    truth = Student(loss)(net, X, Y)
    tried, others = 0, []
    for key, row, layers in forms(net, loss, 7, 0.0)[::2]:
        g = Student(loss, {key: layers})(net, X, Y)
        if all(np.allclose(g[s][l], truth[s][l], rtol=1e-9, atol=1e-14) for s in "Wb" for l in truth[s]):
            continue
        plain = pl.diagnose(net, X, Y, loss, g)
        containers = wrapped(list(g["W"].values()), list(g["b"].values()), whole, rng)
        for name in rng.choice(list(containers), 1):
            diagnosis = pl.diagnose(net, X, Y, loss, containers[name])
            tried += 1
            assert diagnosis.verdict != "right" or key == "7g", (key, layers, name)
            if diagnosis.rows != plain.rows and row not in diagnosis.rows:
                others.append((key, layers, name, plain.rows, str(diagnosis)))
    assert tried > 10
    assert len(others) <= 0.05 * tried, others


def test_no_wrong_gradient_is_right_by_a_lucky_reading():
    """Wrong gradients: one array or one partial is off, or nothing is right, in containers drawn at random."""
    lucky = []
    for i in range(200):
        rng = np.random.default_rng(i)
        sizes = LAW[i % len(LAW)]
        right = right_gradient(sizes)
        whole = right.whole
        W, b = [array.copy() for array in right.W], [array.copy() for array in right.b]
        which = rng.choice(["all", "array", "partial"])
        arrays = [*W, *b]
        chosen = arrays if which == "all" else [arrays[rng.integers(len(arrays))]]
        for array in chosen:
            if which == "partial":
                array.flat[rng.integers(array.size)] *= 1.5
            else:
                array += rng.normal(size=array.shape) * np.linalg.norm(array)
        containers = wrapped(W, b, whole, rng)
        name = rng.choice(list(containers))
        found = Found(containers[name], whole)
        floors = Floors(whole)
        if any(is_whole(one.submission) and one.is_right for one in fitting(found, floors)):
            lucky.append((i, sizes, which, name))
    assert not lucky


def test_a_reading_reads_another_value_of_the_same_structure():
    """What was found on one network is read in the same way on one of other sizes, and says which way round W is."""
    for name, make in CONTAINERS.items():
        square, other = right_gradient([4, 4, 4]), right_gradient([5, 3, 2])
        reading = judge_returned(square.whole, make(list(square.W), list(square.b)), {}).reading
        assert reading is not None
        taken = reading.take(make(list(other.W), list(other.b)), other.whole)
        assert Comparison(other.whole, taken).is_right(), name


def test_a_reading_does_not_read_another_structure():
    right = right_gradient([3, 4, 2])
    reading = judge_returned(right.whole, (right.W, right.b), {}).reading
    with pytest.raises(UnreadableError, match="missing"):
        reading.take({"dW": right.W, "db": right.b}, right.whole)


# What names, extras and shapes say


def test_forgotten_is_not_claimed_while_an_unread_array_would_fit():
    net, X, Y, W, b, *_ = right_gradient([3, 4, 2])
    for given in ((W, b[0], {"q": b[1]}), {"W2": W[0], "W3": W[1], "u": b[0], "v3": b[1]}, [*W, b[1], b[0]]):
        diagnosis = pl.diagnose(net, X, Y, "mse", given)
        assert "14" not in diagnosis.rows, str(diagnosis)
    assert pl.diagnose(net, X, Y, "mse", W).rows == ("14",)
    assert pl.diagnose(net, X, Y, "mse", {"W": W, "loss": 0.25}).rows == ("14",)


def test_how_it_was_read_is_said_where_it_is_not_obvious():
    net, X, Y, W, b, _, rng = right_gradient([3, 4, 2])
    assert pl.diagnose(net, X, Y, "mse", (W, b)).reading.text == ""
    turned = {"loss": 0.3, "dW": [V.T for V in W][::-1], "db": b[::-1], "dZ2": rng.normal(size=(7, 4))}
    diagnosis = pl.diagnose(net, X, Y, "mse", turned)
    said = "read as: W^l transposed, output layer first; ignored: loss, dZ2"
    assert diagnosis.reading.text == said
    assert said in diagnosis.text
    assert said in diagnosis.document().text.replace("\n", " ")
    assert diagnosis.to_dict()["reading"] == said


def test_one_matrix_the_other_way_round_is_said():
    net, X, Y, W, b, *_ = right_gradient([4, 3, 5, 2])
    diagnosis = pl.diagnose(net, X, Y, "mse", ([W[0], W[1].T, W[2]], b))
    assert (diagnosis.verdict, diagnosis.rows, diagnosis.layer) == ("convention", ("7",), 3)


@pytest.mark.parametrize("sizes", [[3, 4, 2], [4, 4, 4], [2, 2, 1]], ids=str)
def test_parameters_are_not_taken_for_a_gradient(sizes):
    net, X, Y, W, b, *_ = right_gradient(sizes)
    given = {"parameters": (list(net.W), list(net.b)), "with gradients": (list(net.W), list(net.b), W, b)}
    stepped = [V - 0.3 * g for V, g in zip(net.W, W, strict=True)], [c - 0.3 * g for c, g in zip(net.b, b, strict=True)]
    for value, words in (
        (given["parameters"], "the parameters of the network, not their gradient"),
        (net.parameters, "the parameters of the network, not their gradient"),
        (stepped, "η = 0.3"),
        ({"W1": stepped[0][0], "b1": stepped[1][0], "W2": stepped[0][1], "b2": stepped[1][1]}, "η = 0.3"),
    ):
        diagnosis = pl.diagnose(net, X, Y, "mse", value)
        assert diagnosis.verdict == "wrong"
        assert not diagnosis.hypotheses
        assert words in diagnosis.headline
    assert pl.diagnose(net, X, Y, "mse", given["with gradients"])


# Values that do their worst


class Raises:
    def __array__(self, *args, **kwargs):
        raise RuntimeError("no array")

    def __str__(self):
        raise RuntimeError("no text")

    __repr__ = __str__

    @property
    def grad(self):
        raise RuntimeError("no gradient")

    def __getattr__(self, name):
        raise RuntimeError("nothing")


def endless():
    while True:
        yield 1.0


def selfish():
    own = [np.ones(2)]
    own.append(own)
    return own


def deep():
    value = np.ones(3)
    for _ in range(5_000):
        value = [value]
    return value


HOSTILE = {
    "a list that holds itself": selfish,
    "an array that raises": Raises,
    "lists of what raises": lambda: [Raises(), {"W": Raises()}],
    "an integer of 400 digits": lambda: 10**400,
    "a list with an integer of 400 digits": lambda: [10**400, 1.0],
    "an object array": lambda: np.array([10**400, None, "x"], dtype=object),
    "an iterator without end": endless,
    "a deep nest": deep,
    "complex numbers": lambda: np.ones((4, 3)) * 1j,
    "letters": lambda: np.array(["a", "b"]),
    "dates": lambda: np.array(["2000-01-01"], dtype="datetime64[D]"),
    "records": lambda: np.zeros(3, dtype=[("x", float), ("y", int)]),
    "booleans": lambda: [np.ones((4, 3), bool), True],
    "a class, a module, a function": lambda: [int, np, len, Raises],
    "ten thousand arrays": lambda: [np.ones((4, 3))] * 10_000,
    "a set of numbers": lambda: {1.0, 2.0},
    "no dimensions": lambda: np.float64(3),
    "empty arrays": lambda: [np.zeros((0, 3)), np.zeros(0)],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_that_can_be_returned_raises(name):
    net, X, Y, W, b, *_ = right_gradient([3, 4, 2])
    with np.errstate(all="raise"), warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not pl.diagnose(net, X, Y, "mse", HOSTILE[name]())
        among = pl.diagnose(net, X, Y, "mse", {"W": W, "b": b, "other": HOSTILE[name]()})
        assert among.verdict == "right", str(among)
        str(among)


def test_other_libraries():
    net, X, Y, W, b, *_ = right_gradient([3, 4, 2])
    pandas = pytest.importorskip("pandas")
    frames = [pandas.DataFrame(V) for V in W], [pandas.Series(c) for c in b]
    assert pl.diagnose(net, X, Y, "mse", frames).verdict == "right"
    torch = pytest.importorskip("torch")
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2), torch.nn.Tanh()).double()
    with torch.no_grad():
        for k, l in ((0, 2), (2, 3)):
            model[k].weight[...] = torch.tensor(net.W[l].copy())
            model[k].bias[...] = torch.tensor(net.b[l].copy())
    torch.nn.functional.mse_loss(model(torch.tensor(X)), torch.tensor(Y)).backward()
    for given in (model, list(model.parameters()), dict(model.named_parameters()), model.parameters()):
        diagnosis = pl.diagnose(net, X, Y, "mse", given)
        assert diagnosis.verdict == "right", str(diagnosis)
        assert "from .grad" in diagnosis.reading.text
