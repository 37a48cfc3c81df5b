"""Ways to hand a gradient over: each takes lists W and b, from layer 2 up, and returns what people return."""

from collections import OrderedDict, deque, namedtuple
from dataclasses import make_dataclass
from types import SimpleNamespace

import numpy as np

Pair = namedtuple("Pair", ["dW", "db"])


def joined(W, b, edge, axis=1):
    """Weights and biases of each layer in one array."""
    parts = [((c[:, None], V) if edge == "first" else (V, c[:, None])) for V, c in zip(W, b, strict=True)]
    whole = [np.hstack(pair) for pair in parts]
    return whole if axis == 1 else [one.T for one in whole]


def flat(arrays, order="C"):
    return np.concatenate([np.ravel(one, order) for one in arrays])


def interleaved(W, b):
    return [one for pair in zip(W, b, strict=True) for one in pair]


def neurons(W, b, make):
    """One thing for each neuron, in a list for each layer."""
    return [[make(row, c) for row, c in zip(V, v, strict=True)] for V, v in zip(W, b, strict=True)]


def layer_objects(W, b, **extra):
    return [SimpleNamespace(dweights=V.T, dbiases=c[None], **extra) for V, c in zip(W, b, strict=True)]


class Value:
    """A scalar of an engine for automatic differentiation."""

    def __init__(self, grad):
        self.data, self.grad, self._backward, self._prev = 0.5, float(grad), lambda: None, set()


class Slots:
    __slots__ = ("grads_W", "grads_b")

    def __init__(self, W, b):
        self.grads_W, self.grads_b = W, b


def numbered(W, b, weight="W", bias="b", start=1):
    return {
        f"{name}{i}": one
        for i, pair in enumerate(zip(W, b, strict=True), start)
        for name, one in zip((weight, bias), pair, strict=True)
    }


def objects(arrays):
    whole = np.empty(len(arrays), object)
    whole[:] = arrays
    return whole


def squeezed(W, b):
    return [V.squeeze() for V in W], [c.squeeze() for c in b]


CONTAINERS = {
    # lists, tuples, iterators
    "two lists": lambda W, b: (W, b),
    "two lists, biases first": lambda W, b: (b, W),
    "pairs": lambda W, b: list(zip(W, b, strict=True)),
    "pairs, bias first": lambda W, b: list(zip(b, W, strict=True)),
    "pairs, output first": lambda W, b: list(zip(W, b, strict=True))[::-1],
    "an iterator of pairs": lambda W, b: zip(W, b, strict=True),
    "a generator": lambda W, b: (one for one in interleaved(W, b)),
    "interleaved": interleaved,
    "interleaved, bias first": lambda W, b: interleaved(b, W),
    "interleaved, output first": lambda W, b: tuple(interleaved(W[::-1], b[::-1])),
    "weights, then biases": lambda W, b: [*W, *b],
    "biases, then weights": lambda W, b: [*b, *W],
    "output first, two lists": lambda W, b: (W[::-1], b[::-1]),
    "columns": lambda W, b: (W, [c[:, None] for c in b]),
    "rows": lambda W, b: (W, [c[None] for c in b]),
    "transposed": lambda W, b: ([V.T for V in W], b),
    "transposed, rows, output first": lambda W, b: ([V.T for V in W][::-1], [c[None] for c in b][::-1]),
    "lists of lists": lambda W, b: ([V.tolist() for V in W], [c.tolist() for c in b]),
    "pairs of lists": lambda W, b: [(V.tolist(), c.tolist()) for V, c in zip(W, b, strict=True)],
    "interleaved lists": lambda W, b: [one.tolist() for one in interleaved(W, b)],
    "deque": lambda W, b: deque(interleaved(W, b)),
    "object arrays": lambda W, b: (objects(W), objects(b)),
    "one object array": lambda W, b: objects(interleaved(W, b)),
    "squeezed": squeezed,
    "from layer 1, None": lambda W, b: ([None, *W], [None, *b]),
    "from layer 1, empty": lambda W, b: ([np.zeros(0), *W], [[], *b]),
    "from layer 1, 0": lambda W, b: ([0, *W], [0, *b]),
    "raveled": lambda W, b: [(V.ravel(), c) for V, c in zip(W, b, strict=True)],
    # dicts
    "W1, b1": numbered,
    "W2, b2": lambda W, b: numbered(W, b, start=2),
    "dW1, db1": lambda W, b: numbered(W, b, "dW", "db"),
    "dW1, db1, output first": lambda W, b: dict(list(numbered(W, b, "dW", "db").items())[::-1]),
    "dW and db of lists": lambda W, b: {"dW": W, "db": b},
    "dWs and dbs": lambda W, b: {"dWs": W, "dbs": b},
    "by number": lambda W, b: dict(enumerate(zip(W, b, strict=True), 2)),
    "by symbol and number": lambda W, b: {"W": dict(enumerate(W, 2)), "b": dict(enumerate(b, 2))},
    "by layer and symbol": lambda W, b: {
        f"layer{i}": {"W": V, "b": c} for i, (V, c) in enumerate(zip(W, b, strict=True), 1)
    },
    "a list of dicts": lambda W, b: [{"dW": V, "db": c} for V, c in zip(W, b, strict=True)],
    "torch names": lambda W, b: {
        f"layers.{2 * i}.{name}": one
        for i, pair in enumerate(zip(W, b, strict=True))
        for name, one in zip(("weight", "bias"), pair, strict=True)
    },
    "keras names": lambda W, b: OrderedDict(
        (f"dense_{i}/{name}:0", one)
        for i, pair in enumerate(zip([V.T for V in W], b, strict=True))
        for name, one in zip(("kernel", "bias"), pair, strict=True)
    ),
    "values of a dict": lambda W, b: numbered(W, b).values(),
    "coefs_ and intercepts_": lambda W, b: {"coefs_": [V.T for V in W], "intercepts_": b},
    "nabla_w": lambda W, b: {"nabla_b": b, "nabla_w": W},
    "names without numbers": lambda W, b: {
        f"{name}_{kind}": one
        for name, V, c in zip(("input_hidden", "hidden_hidden", "hidden_output")[-len(W) :], W, b, strict=True)
        for kind, one in (("weights", V.T), ("bias", c))
    },
    # objects
    "named tuples": lambda W, b: [Pair(V, c) for V, c in zip(W, b, strict=True)],
    "one named tuple": lambda W, b: Pair(tuple(W), tuple(b)),
    "dataclass": lambda W, b: make_dataclass("Grads", ["dW", "db"])(W, b),
    "slots": lambda W, b: Slots(W, b),
    "numbered attributes": lambda W, b: SimpleNamespace(**numbered(W, b, "dW", "db")),
    "layer objects": layer_objects,
    "layer objects in an object": lambda W, b: SimpleNamespace(layers=layer_objects(W, b), lr=0.1),
    "the library's own": lambda W, b: SimpleNamespace(W=dict(enumerate(W, 2)), b=dict(enumerate(b, 2))),
    "parameters with .grad": lambda W, b: [
        SimpleNamespace(data=np.ones(one.shape), grad=one) for one in interleaved(W, b)
    ],
    "parameters with .g": lambda W, b: [SimpleNamespace(g=one, name="p") for one in interleaved(W, b)],
    # one for each neuron
    "an object a neuron": lambda W, b: neurons(W, b, lambda row, c: SimpleNamespace(dw=row, db=c)),
    "a dict a neuron": lambda W, b: neurons(W, b, lambda row, c: {"grad_w": row.tolist(), "grad_b": float(c)}),
    "a list a neuron, bias last": lambda W, b: neurons(W, b, lambda row, c: [*row.tolist(), float(c)]),
    "an array a neuron, bias first": lambda W, b: neurons(W, b, lambda row, c: np.r_[c, row]),
    "scalars of an engine": lambda W, b: [
        SimpleNamespace(neurons=layer)
        for layer in neurons(W, b, lambda row, c: SimpleNamespace(w=[Value(v) for v in row], b=Value(c)))
    ],
    "a list of an engine's scalars": lambda W, b: [Value(v) for one in interleaved(W, b) for v in one.ravel()],
    # weights and biases in one array
    "[b|W]": lambda W, b: joined(W, b, "first"),
    "[W|b]": lambda W, b: joined(W, b, "last"),
    "kernels, bias row first": lambda W, b: joined(W, b, "first", 0),
    "kernels, bias row last": lambda W, b: joined(W, b, "last", 0),
    "[W|b], output first": lambda W, b: joined(W, b, "last")[::-1],
    "Theta1_grad": lambda W, b: {f"Theta{i}_grad": one for i, one in enumerate(joined(W, b, "first"), 1)},
    # flat
    "flat": lambda W, b: flat(interleaved(W, b)),
    "flat column": lambda W, b: flat(interleaved(W, b))[:, None],
    "flat list": lambda W, b: flat(interleaved(W, b)).tolist(),
    "flat, bias first": lambda W, b: flat(interleaved(b, W)),
    "flat, all weights, then all biases": lambda W, b: flat([*W, *b]),
    "flat, all biases, then all weights": lambda W, b: flat([*b, *W]),
    "flat, output first": lambda W, b: flat(interleaved(W[::-1], b[::-1])),
    "flat, by columns": lambda W, b: flat(interleaved(W, b), "F"),
    "flat, all weights by columns, then all biases": lambda W, b: flat([*W, *b], "F"),
    "flat [b|W]": lambda W, b: flat(joined(W, b, "first")),
    "flat [W|b]": lambda W, b: flat(joined(W, b, "last")),
    "flat [b|W], by columns": lambda W, b: flat(joined(W, b, "first"), "F"),
    "flat [W|b], by columns": lambda W, b: flat(joined(W, b, "last"), "F"),
    "a flat vector of weights and one of biases": lambda W, b: (flat(W), flat(b)),
    # with other things
    "with the loss": lambda W, b: (0.25, {"W": W, "b": b}),
    "the loss, then lists": lambda W, b: (0.25, W, b),
    "the loss, then a flat vector": lambda W, b: (0.25, flat(interleaved(W, b))),
    "lists, then the loss": lambda W, b: (W, b, [0.25, 0.2]),
    "under a name": lambda W, b: {"gradient": (W, b), "loss": 0.25},
    "a dict in a list": lambda W, b: [numbered(W, b, "dW", "db")],
    "a dict in a tuple with None": lambda W, b: (None, numbered(W, b, "dW", "db"), "done"),
}
"""By name. The functions know nothing of the network."""


def with_extras(W, b, problem, rng):
    """Gradients among deltas, inputs' gradients, caches and parameters, some of the shapes of gradients."""
    n = problem.n
    grads = {}
    for l, (V, c) in enumerate(zip(W, b, strict=True), 2):
        grads[f"dZ{l}"] = rng.normal(size=(n, len(c)))
        grads[f"dA{l - 1}"] = rng.normal(size=(n, V.shape[1]))
        grads[f"dW{l}"], grads[f"db{l}"] = V, c
        grads[f"delta{l}"] = rng.normal(size=c.shape)
    caches = [(rng.normal(size=V.shape), rng.normal(size=c.shape)) for V, c in zip(W, b, strict=True)]
    return {
        "a dict with dA and dZ": grads,
        "grads and cache": (grads, {"cache": caches}),
        "loss, grads, deltas": {"loss": 0.3, "grads": list(zip(W, b, strict=True)), "deltas": [c + 1 for c in b]},
        "objects with inputs": [
            SimpleNamespace(
                weights=rng.normal(size=V.T.shape),
                biases=rng.normal(size=(1, len(c))),
                inputs=rng.normal(size=(n, V.shape[1])),
                output=rng.normal(size=(n, len(c))),
                dweights=V.T,
                dbiases=c[None],
                dinputs=rng.normal(size=(n, V.shape[1])),
            )
            for V, c in zip(W, b, strict=True)
        ],
    }
