"""Gradients in the forms that people have them in: all are read as the same numbers."""

from types import SimpleNamespace

import numpy as np
import pytest

import pellucid as pl
from pellucid.checking.reading import UnreadableError
from pellucid.testing import assert_gradient


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
