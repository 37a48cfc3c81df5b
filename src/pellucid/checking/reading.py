"""Which array of a returned value is which part of the gradient: by shapes and order over all layers together.

A `Reading` says where each ∂L/∂W^l and ∂L/∂b^l is found, and which way round. `readings` yields those that fit, the
plainest first; names only raise or lower what a reading costs. Whether a reading is right is judged elsewhere.
"""

from __future__ import annotations

import heapq
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice, product
from typing import NamedTuple

import numpy as np

from pellucid.arrays import Array
from pellucid.checking.leaves import (
    Leaf,
    Path,
    View,
    flatten,
    numbers_in_names,
    path_name,
    template,
    views,
)
from pellucid.checking.problem import PerLayerArrays, Problem
from pellucid.layers import PerLayer

Place = tuple[str, int]
"""``("W", l)`` or ``("b", l)``; ``("Wb", l)`` for both in one array; layer 0 for those of all layers in a vector."""

MARGIN = 1.5
"""How much more than the cheapest reading one may cost and still be taken because its numbers are right."""

_BEAM = 24
_CHOICES = 60
_MOST_READINGS = 400

# What a reading costs: 0 for arrays of the gradient's own shapes, named like it, in the order of the layers.
_TURNED = 0.05
_DOWNWARD = 0.1
_LOOSE = 0.1  # a vector for a matrix with one row or column
_RAVELED = 0.3
_FLAT = 0.3
_JOINED = 0.35
_UNRELATED = 0.35  # paths that have nothing in common
_UNEVEN = 0.05
_UNCOUPLED = 0.3  # weights and biases in different orders
_ASTRAY = 0.1  # from one list into another, and to another position in it
_SHAPE_OF_A_MISTAKE = 1.2  # biases not summed over the samples, or one number for all neurons
_ODD_ONE_OUT = 1.7  # one matrix the other way round
_AGAINST_NUMBERS = 1.6  # W1 for the last layer
_OUT_OF_ORDER = 1.6
_NO_BIASES = 1.6  # in each layer
_LEFT_OVER = 2.0  # an array that is split up, and then not used whole
_WRONG_SHAPE = 2.6
_WRONG_SHAPE_NAMED = 1.3
_MISSING = 3.0


@dataclass
class Submission:
    """A gradient read into arrays: W[l] of shape (n_l, n_{l-1}), b[l] of shape (n_l,).

    Attributes
    ----------
    W, b : dict by layer
        What could be read.
    missing : list of (symbol, layer)
        Arrays that were not handed in.
    shapes : list of (symbol, layer, shape)
        Arrays of a shape that the gradient cannot have.
    not_summed : list of (layer, shape)
        Biases with one row for each sample, which are added up in b.
    one_number : list of layer
        Biases that are one number for several neurons.
    unneeded : list of layer
        Biases of a network that has none; they are not judged.
    not_finite : list of str
        Partials that are NaN or infinite.
    odd_ones : list of layer
        Weights that are the other way round than those of the other layers.
    is_transposed : bool or None
        Whether the weights came as (n_{l-1}, n_l); None if nothing says so, as when all are square.
    turned : bool
        Whether they were read as (n_{l-1}, n_l).
    eps : dict by place
        Precision of each array.
    """

    W: PerLayerArrays = field(default_factory=dict)
    b: PerLayerArrays = field(default_factory=dict)
    missing: list[tuple[str, int]] = field(default_factory=list)
    shapes: list[tuple[str, int, tuple[int, ...]]] = field(default_factory=list)
    not_summed: list[tuple[int, tuple[int, ...]]] = field(default_factory=list)
    one_number: list[int] = field(default_factory=list)
    unneeded: list[int] = field(default_factory=list)
    not_finite: list[str] = field(default_factory=list)
    odd_ones: list[int] = field(default_factory=list)
    is_transposed: bool | None = None
    turned: bool = False
    eps: dict[Place, float] = field(default_factory=dict)


class UnreadableError(ValueError):
    """What was handed in cannot be read as a gradient, or as the z, a or d of a network."""


class Layout(NamedTuple):
    """The order of a flat vector.

    Attributes
    ----------
    grouping : str
        ``W b`` or ``b W`` layer by layer; ``WW bb`` or ``bb WW``: all of one kind, then all of the other; ``[bW]`` or
        ``[Wb]`` neuron by neuron; ``W``: without biases.
    by_columns : bool
        Whether a matrix is written column by column, or its transpose row by row.
    downward : bool
        Whether the output layer comes first.
    """

    grouping: str
    by_columns: bool
    downward: bool

    @property
    def words(self) -> str:
        """The order in words."""
        how = {
            "W b": "layer by layer, weights then biases",
            "b W": "layer by layer, biases then weights",
            "WW bb": "all weights, then all biases",
            "bb WW": "all biases, then all weights",
            "[bW]": "neuron by neuron, the bias first",
            "[Wb]": "neuron by neuron, the bias last",
            "W": "layer by layer",
        }[self.grouping]
        columns = ", column by column" if self.by_columns else ""
        return f"{how}{columns}{', output layer first' if self.downward else ''}"


def layouts(has_bias: bool) -> list[Layout]:
    """The orders that flat vectors are written in, the library's own first."""
    groupings = ("W b", "WW bb", "b W", "bb WW", "[bW]", "[Wb]") if has_bias else ("W",)
    return [
        Layout(grouping, by_columns, downward)
        for downward, by_columns, grouping in product((False, True), (False, True), groupings)
        if not (by_columns and grouping[0] == "[")
    ]


@dataclass(frozen=True)
class Reading:
    """Which part of a returned value is which part of the gradient.

    Attributes
    ----------
    places : dict by place
        The path to each array.
    view : View
        How the arrays found are put together or taken apart first.
    turned : bool
        Whether W^l is read as (n_{l-1}, n_l).
    is_oriented : bool
        Whether the shapes say which way round W^l is.
    downward : bool
        Whether the output layer comes first.
    edge : {'', 'first', 'last'}
        Of weights and biases in one array: the row or column with the biases.
    layout : Layout or None
        Of a flat vector.
    ignored : tuple of str
        Arrays that do not belong to the gradient.
    cost : float
        How far from plain it is.
    """

    places: Mapping[Place, Path]
    view: View = field(default_factory=View)
    turned: bool = False
    is_oriented: bool = False
    downward: bool = False
    edge: str = ""
    layout: Layout | None = None
    ignored: tuple[str, ...] = ()
    cost: float = 0.0

    def take(self, given: object, problem: Problem) -> Submission:
        """Read another return value of the same structure in the same way.

        Parameters
        ----------
        given : object
            Of the same function on other samples, or on a network of other sizes with as many layers.
        problem : Problem
            What it is the gradient of.

        Raises
        ------
        UnreadableError
            It does not have the same structure.
        """
        leaves = flatten(given)
        if not self.is_oriented and self.layout is None:
            both = [self._taken(self.view.of(leaves), problem, turned) for turned in (self.turned, not self.turned)]
            return min(both, key=lambda one: len(one.shapes) + len(one.odd_ones))
        return self._taken(self.view.of(leaves), problem, self.turned)

    def of(self, leaves: Sequence[Leaf], problem: Problem) -> Submission:
        """Read the leaves that the reading was made for."""
        return self._taken(leaves, problem, self.turned)

    def _taken(self, leaves: Sequence[Leaf], problem: Problem, turned: bool) -> Submission:
        by_path = {leaf.path: leaf for leaf in leaves}
        sizes = problem.sizes
        filing = _Filing(problem, turned, self.is_oriented)
        for (symbol, l), path in self.places.items():
            leaf = by_path.get(path)
            if leaf is None:
                raise UnreadableError(f"{path_name(path)} is missing, where ∂L/∂{symbol}^{l} was in the first call")
            if l == 0:
                assert self.layout is not None
                for place, numbers in _unpacked(leaf.numbers.ravel(), symbol, self.layout, sizes):
                    filing.file(place, leaf.at(path, numbers), is_upright=True)
            elif symbol == "Wb":
                pair = _cut(leaf.numbers, sizes[l - 1], sizes[l - 2], turned, self.edge)
                if pair is None:
                    filing.submission.shapes.append(("W", l, leaf.numbers.shape))
                    continue
                for name, numbers in zip("Wb", pair, strict=True):
                    filing.file((name, l), leaf.at(path, numbers), is_upright=True)
            else:
                filing.file((symbol, l), leaf)
        return filing.done({place[0] for place in self.places})

    @property
    def text(self) -> str:
        """How it was read, in a line; empty where that is obvious."""
        words = []
        if self.layout is not None and self.layout != Layout("W b", False, False):
            what = "a flat vector" if ("all", 0) in self.places else "a flat vector of the weights or of the biases"
            words.append(f"{what}, {self.layout.words}")
        if self.view.stacked:
            words.append("one name for each number" if self.view.spelled else "one entry for each neuron")
        if any(symbol == "Wb" for symbol, _ in self.places):
            line = "column" if not self.turned else "row"
            words.append(f"weights and biases in one array, the biases in the {self.edge} {line}")
        if self.turned and self.layout is None:
            words.append("W^l transposed")
        if self.downward and self.layout is None:
            words.append("output layer first")
        carried = {path[-1] for path in self.places.values() if path and path[-1] in ("grad", "g")}
        words += [f"from .{name}" for name in sorted(map(str, carried))]
        text = ", ".join(words)
        if self.ignored:
            more = f" and {len(self.ignored) - 6} more" if len(self.ignored) > 6 else ""
            text += f"{'; ' if text else ''}ignored: {', '.join(self.ignored[:6])}{more}"
        return f"read as: {text}" if words else text


class _Filing:
    """Arrays put into their places."""

    def __init__(self, problem: Problem, turned: bool, is_oriented: bool) -> None:
        self.problem, self.turned = problem, turned
        self.submission = Submission(turned=turned, is_transposed=turned if is_oriented else None)

    def file(self, place: Place, leaf: Leaf, *, is_upright: bool = False) -> None:
        """File one array; weights that are cut from another array are the right way up."""
        problem, given = self.problem, self.submission
        symbol, l = place
        if symbol == "b" and not problem.has_bias:
            given.unneeded.append(l)
            return
        n_l, width = problem.sizes[l - 1], problem.sizes[l - 2]
        numbers = leaf.numbers
        given.eps[place] = leaf.eps
        if not np.isfinite(numbers).all():
            where = tuple(int(i) for i in np.argwhere(~np.isfinite(numbers))[0])
            at = f"[{', '.join(map(str, where))}]" if where else ""
            given.not_finite.append(f"∂L/∂{symbol}^{l}{at} is {numbers[where]}")
        if symbol == "W":
            upright = numbers if is_upright else _upright(numbers, n_l, width, self.turned)
            if upright is None and numbers.shape in ((n_l, width), (width, n_l)):
                given.odd_ones.append(l)
                upright = numbers if numbers.shape == (n_l, width) else numbers.T
            if upright is None:
                given.shapes.append((symbol, l, numbers.shape))
            else:
                given.W[l] = upright
        elif numbers.size == n_l:
            given.b[l] = numbers.ravel()
        elif numbers.size == 1:
            given.one_number.append(l)
            given.b[l] = np.full(n_l, float(numbers.ravel()[0]))
        elif numbers.shape in ((problem.n, n_l), (n_l, problem.n)):
            given.not_summed.append((l, numbers.shape))
            given.b[l] = numbers.sum(axis=0 if numbers.shape == (problem.n, n_l) else 1)
        else:
            given.shapes.append((symbol, l, numbers.shape))

    def done(self, symbols: set[str]) -> Submission:
        """Note what is missing."""
        problem, given = self.problem, self.submission
        wrong = {(symbol, l) for symbol, l, _ in given.shapes}
        have = {("W", l) for l in given.W} | {("b", l) for l in given.b} | wrong
        if "Wb" in symbols:
            have |= {("b", l) for symbol, l in wrong}
        given.missing = [(s, l) for l in problem.W for s in problem.symbols if (s, l) not in have]
        given.W, given.b = dict(sorted(given.W.items())), dict(sorted(given.b.items()))
        given.unneeded.sort()
        return given


def _upright(numbers: Array, n_l: int, width: int, turned: bool) -> Array | None:
    """∂L/∂W^l of shape (n_l, n_{l-1}), or None if the array does not have its shape in that orientation."""
    if numbers.shape == ((width, n_l) if turned else (n_l, width)):
        return numbers.T if turned else numbers
    if numbers.size != n_l * width:
        return None
    if min(n_l, width) == 1 and numbers.ndim <= 2:
        return numbers.reshape(n_l, width)
    if _is_vector(numbers):
        return numbers.reshape(width, n_l).T if turned else numbers.reshape(n_l, width)
    return None


def _cut(numbers: Array, n_l: int, width: int, turned: bool, edge: str) -> tuple[Array, Array] | None:
    """The weights and the biases of one array that holds both."""
    whole = _upright(numbers, n_l, width + 1, turned)
    if whole is None:
        return None
    return (whole[:, 1:], whole[:, 0]) if edge == "first" else (whole[:, :-1], whole[:, -1])


def _unpacked(vector: Array, symbol: str, layout: Layout, sizes: Sequence[int]) -> Iterator[tuple[Place, Array]]:
    """The arrays in a flat vector of all layers: of weights, of biases, or of both."""
    layers = range(2, len(sizes) + 1)
    ordered = list(layers)[::-1] if layout.downward else list(layers)
    order = "F" if layout.by_columns else "C"
    if symbol == "all" and layout.grouping[0] == "[":
        start = 0
        for l in ordered:
            n_l, width = sizes[l - 1], sizes[l - 2] + 1
            rows = vector[start : start + n_l * width].reshape(n_l, width)
            start += n_l * width
            first = layout.grouping == "[bW]"
            yield ("W", l), rows[:, 1:] if first else rows[:, :-1]
            yield ("b", l), rows[:, 0] if first else rows[:, -1]
        return
    grouping = layout.grouping if symbol == "all" else symbol
    groups = {
        "W b": [(s, l) for l in ordered for s in "Wb"],
        "b W": [(s, l) for l in ordered for s in "bW"],
        "WW bb": [(s, l) for s in "Wb" for l in ordered],
        "bb WW": [(s, l) for s in "bW" for l in ordered],
        "W": [("W", l) for l in ordered],
        "b": [("b", l) for l in ordered],
    }[grouping]
    start = 0
    for s, l in groups:
        n_l, width = sizes[l - 1], sizes[l - 2]
        count = n_l * width if s == "W" else n_l
        part = vector[start : start + count]
        start += count
        yield (s, l), part.reshape(n_l, width, order=order) if s == "W" else part  # type: ignore[call-overload]


# what names say

_PREFIX = r"(?:d[a-z]?d?|del|delta|deltas|grads?|gradients?|g|nabla|∂|partial)?"
_WEIGHT = re.compile(
    rf"{_PREFIX}(?:ws?|w(?:ih|ho|hh|hx|xh|hy|h|o|i|in|out|input|hidden|output)s?|wts?|thetas?|syn|synapses?)"
    r"|.*(?:weight|kernel|coef|theta|synapse).*"
)
_BIAS = re.compile(rf"{_PREFIX}(?:bs?|b(?:ih|ho|hh|h|o|i|y|in|out|hidden|output)s?)|.*(?:bias|intercept|offset).*")
_MARK = re.compile(
    r"(?:d|del|delta|grad|gradient|g|nabla|∂|partial)(?:ws?|bs?|w[iohxy]{1,2}|b[ioh]{1,2}|thetas?)"
    r"|d[a-z]d[wb]|d(?:weight|bias|kernel).*|.*grad.*|nabla|g|∂"
)
_OTHER = re.compile(
    r"(?:loss|cost|cache|delta|error|activation|velocity|momentum|mask|epoch|d?z|d?a|d?x|dh)(?:s|es)?"
    r"|[devm]|lr|eta|rate|alpha|accuracy|history"
)
_OTHER_IF_LAST = re.compile(r"d?(?:inp|input|out|output)s?|(?:hidden|pred|prob|score|logit|target|size)s?|[xhytn]")


class Name(NamedTuple):
    """What a path says about its array."""

    symbol: str
    """``W``, ``b``, ``other`` or nothing."""
    is_gradient: bool


def read_name(path: Path) -> Name:
    """Read what the names of a path say: the innermost that says something, unless another quantity is named."""
    symbol, is_gradient = "", False
    for i, step in enumerate(reversed(path)):
        if isinstance(step, int):
            continue
        tokens = re.findall(r"[^\W\d_]+|∂", step.lower())
        is_gradient |= any(_MARK.fullmatch(token) for token in tokens)
        kinds = ["W" if _WEIGHT.fullmatch(token) else "b" if _BIAS.fullmatch(token) else "" for token in tokens]
        found = next((kind for kind in kinds[::-1] if kind), "")
        is_other = any(_OTHER.fullmatch(token) or (i == 0 and _OTHER_IF_LAST.fullmatch(token)) for token in tokens)
        if is_other and (not found or {"v", "m", "velocity", "momentum", "cache"} & set(tokens)):
            return Name("other", is_gradient)
        symbol = symbol or found
    return Name(symbol, is_gradient)


def _name_cost(name: Name, wanted: str) -> float:
    cost = -0.25 if name.is_gradient else 0.0
    if name.symbol == "other":
        return 1.8 + cost
    if wanted == "all":
        return cost
    if wanted == "Wb":
        return cost + {"W": 0.0, "b": 1.0, "": 0.2}[name.symbol]
    return cost + (0.0 if name.symbol == wanted else 2.0 if name.symbol else 0.3)


# matching


class _Choice(NamedTuple):
    leaf: int
    cost: float
    says: int
    """1 if its shape says that W^l is (n_l, n_{l-1}), -1 if the transpose, 0 if it says nothing."""


class _Sequence(NamedTuple):
    """One leaf for each layer, from layer 2 up; None where there is none."""

    cost: float
    leaves: tuple[int | None, ...]
    says: int
    is_vector: bool = False
    """Whether it is one leaf for all layers."""


class _Matching:
    """The leaves of one view, matched to the places of a network."""

    def __init__(self, problem: Problem, view: View, leaves: Sequence[Leaf]) -> None:
        self.problem, self.view = problem, view
        seen = [leaf if leaf.numbers.ndim <= 2 else leaf.at(leaf.path, leaf.numbers.squeeze()) for leaf in leaves]
        numbered = [numbers_in_names(leaf.path) for leaf in seen]
        order = range(len(seen))
        if all(numbered):  # W1, b1, W2, b2 by their numbers, whatever the order of the dict
            order = sorted(order, key=lambda i: numbered[i])  # type: ignore[assignment]
        self.leaves = [seen[i] for i in order]
        self.names = [read_name(leaf.path) for leaf in self.leaves]
        self.templates = [template(leaf.path) for leaf in self.leaves]
        self.numbers = [numbers_in_names(leaf.path) for leaf in self.leaves]
        self.layers = list(problem.W)

    def readings(self) -> list[Reading]:
        """All readings of this view, the plainest first."""
        found = [*self._flat()]
        sides = (False, True) if any(min(W.shape) > 1 for W in self.problem.W.values()) else (False,)
        thin = len(sides) == 1
        for turned in (False, True) if thin else sides:
            for downward in (False, True) if len(self.layers) > 1 else (False,):
                found += self._by_arrays(turned, downward)
                found += self._joined(turned, downward)
        if thin:  # which way round makes no difference to the numbers: keep what the shapes say
            kept: dict[tuple[object, ...], Reading] = {}
            for one in sorted(found, key=lambda one: one.cost):
                kept.setdefault((*one.places.items(), one.edge, one.layout), one)
            found = list(kept.values())
        return heapq.nsmallest(_MOST_READINGS, found, key=lambda one: one.cost)

    # arrays by layer

    def _choices(self, symbol: str, l: int, turned: bool) -> list[_Choice]:
        problem = self.problem
        n_l, width = problem.sizes[l - 1], problem.sizes[l - 2] + (symbol == "Wb")
        found = []
        for i, leaf in enumerate(self.leaves):
            shape = leaf.numbers.shape
            name = _name_cost(self.names[i], symbol)
            says = 0
            if symbol == "b":
                cost = self._bias_cost(leaf.numbers, n_l)
            else:
                cost, says = _weights_cost(leaf.numbers, n_l, width, turned, symbol)
            says_so = self.names[i].symbol == symbol
            if cost == _WRONG_SHAPE and says_so:
                cost = _WRONG_SHAPE_NAMED
            is_odd = cost is not None and cost >= _SHAPE_OF_A_MISTAKE
            if cost is not None and (not is_odd or says_so or not self.names[i].symbol):
                found.append(_Choice(i, cost + name + 0.01 * (len(shape) > 2), says))
        return heapq.nsmallest(_CHOICES, found, key=lambda one: one.cost)

    def _bias_cost(self, numbers: Array, n_l: int) -> float | None:
        if numbers.size == n_l and _is_vector(numbers):
            return 0.0 if numbers.ndim == 1 or n_l == 1 else 0.02
        if numbers.size == 1 or numbers.shape in ((self.problem.n, n_l), (n_l, self.problem.n)):
            return _SHAPE_OF_A_MISTAKE
        return _WRONG_SHAPE if numbers.ndim == 1 else None

    def _sequences(self, symbol: str, turned: bool, downward: bool) -> list[_Sequence]:
        """The likeliest ways to choose one leaf for each layer."""
        ordered = self.layers[::-1] if downward else self.layers
        beam: list[tuple[float, tuple[int | None, ...], int]] = [(0.0, (), 0)]
        for l in ordered:
            choices = self._choices(symbol, l, turned)
            grown = [(cost + _MISSING, (*chosen, None), says) for cost, chosen, says in beam]
            for cost, chosen, says in beam:
                used = [i for i in chosen if i is not None]
                for choice in choices:
                    if choice.leaf not in used:
                        step = self._step_cost(used, choice.leaf)
                        grown.append((cost + choice.cost + step, (*chosen, choice.leaf), says + choice.says))
            beam = heapq.nsmallest(_BEAM, grown, key=lambda one: one[0])
        return [
            _Sequence(cost, chosen[::-1] if downward else chosen, says)
            for cost, chosen, says in beam
            if any(i is not None for i in chosen)
        ]

    def _step_cost(self, used: Sequence[int], i: int) -> float:
        if not used:
            return 0.0
        last = used[-1]
        apart = sum(u != v for u, v in zip(self.leaves[last].path, self.leaves[i].path, strict=False))
        cost = _ASTRAY * max(0, apart - 1)
        if self.templates[last] != self.templates[i]:
            cost = _UNRELATED
        elif self.numbers[last] > self.numbers[i]:
            cost += _AGAINST_NUMBERS
        if i < last:
            cost += 0.0 if self.numbers[last] != self.numbers[i] and cost >= _AGAINST_NUMBERS else _OUT_OF_ORDER
        elif len(used) > 1 and i - last != last - used[-2]:
            cost += _UNEVEN
        return cost

    def _by_arrays(self, turned: bool, downward: bool) -> Iterator[Reading]:
        """Weights and biases apart, each as arrays by layer or as one vector."""
        problem, none = self.problem, _Sequence(0.0, (None,) * len(self.layers), 0)
        weights = [*self._sequences("W", turned, downward), *self._vectors("W", turned)]
        biases = [*self._sequences("b", turned, downward), *self._vectors("b", turned)]
        if problem.has_bias:
            biases.append(none._replace(cost=_NO_BIASES * len(self.layers)))
        else:  # biases that came along are said to be unneeded
            biases = [one._replace(cost=0.0) for one in biases if one.is_vector or self._all_fit("b", one)]
            biases.append(none._replace(cost=0.01))
        found = []
        for one, other in product(weights, biases):
            if set(one.leaves) & set(other.leaves) - {None}:
                continue
            cost = one.cost + other.cost
            if not (one.is_vector or other.is_vector):
                offsets = {
                    i - j for i, j in zip(one.leaves, other.leaves, strict=True) if i is not None and j is not None
                }
                cost += _UNCOUPLED if len(offsets) > 1 else 0.0
            found.append((cost, one, other))
        most = math.inf
        for cost, one, other in heapq.nsmallest(_MOST_READINGS, found, key=lambda pair: pair[0]):
            if cost > most:
                break
            places = {**self._places("W", one), **self._places("b", other)}
            layout = Layout("W", turned, downward) if one.is_vector or other.is_vector else None
            if layout is not None and self._leaves_out(places):
                continue
            if self._is_believable(places):
                most = min(most, cost + MARGIN)  # dearer ones are never taken
                yield self._reading(places, cost, turned, one.says, downward, layout=layout)

    def _leaves_out(self, places: Mapping[Place, int]) -> bool:
        """Whether an array has the name of what a vector is said to hold already."""
        held = {symbol for symbol, l in places if l == 0}
        return any(name.symbol in held and i not in places.values() for i, name in enumerate(self.names))

    def _places(self, symbol: str, one: _Sequence) -> dict[Place, int]:
        layers = [0] if one.is_vector else self.layers
        return {(symbol, l): i for l, i in zip(layers, one.leaves, strict=True) if i is not None}

    def _vectors(self, symbol: str, turned: bool) -> Iterator[_Sequence]:
        """One vector with the weights, or the biases, of all layers."""
        size = self._count(symbol)
        for i, leaf in enumerate(self.leaves):
            if leaf.numbers.size == size and _is_vector(leaf.numbers) and len(self.layers) > 1:
                says = self._says(turned) if symbol == "W" else 0
                yield _Sequence(_FLAT + _name_cost(self.names[i], symbol), (i,), says, True)

    def _all_fit(self, symbol: str, one: _Sequence) -> bool:
        return all(
            i is not None and self.names[i].symbol in ("", symbol) and self._fits(symbol, l, self.leaves[i].numbers)
            for l, i in zip(self.layers, one.leaves, strict=True)
        )

    def _is_believable(self, places: Mapping[Place, int]) -> bool:
        """Whether arrays may be missing: not while one that is not read would fit, nor without any that surely fits."""
        problem = self.problem
        whole = {s for s in problem.symbols if (s, 0) in places or all((s, l) in places for l in self.layers)}
        used = set(places.values())
        spare = len(self.leaves) > len(used)
        for (symbol, l), i in places.items():
            odd = l and not self.names[i].symbol and symbol == "W" and not self._fits(symbol, l, self.leaves[i].numbers)
            if odd and spare and self.leaves[i].numbers.ndim:
                return False  # of another shape, without a name, and not needed to make up the number
        if len(whole) == len(problem.symbols):
            return True
        sure = 0
        for (symbol, l), i in places.items():
            fits = l == 0 or self._fits(symbol, l, self.leaves[i].numbers)
            sure += fits and (symbol == "W" or self.names[i].symbol == "b")
        if not sure:
            return False
        for i, leaf in enumerate(self.leaves):
            says = self.names[i].symbol
            if i in used or says == "other":
                continue
            for symbol in problem.symbols:
                # what has no name is not passed over even where its place is taken already
                open_places = [
                    l for l in self.layers if not says or ((symbol, l) not in places and symbol not in whole)
                ]
                if says in ("", symbol) and any(self._fits(symbol, l, leaf.numbers) for l in open_places):
                    return False
        return True

    def _fits(self, symbol: str, l: int, numbers: Array) -> bool:
        n_l, width = self.problem.sizes[l - 1], self.problem.sizes[l - 2]
        if symbol == "b":
            return numbers.size == n_l and numbers.ndim > 0 and _is_vector(numbers)
        return any(_upright(numbers, n_l, width, turned) is not None for turned in (False, True)) and numbers.ndim > 0

    # both in one array

    def _joined(self, turned: bool, downward: bool) -> Iterator[Reading]:
        for one in self._sequences("Wb", turned, downward):
            if None in one.leaves:
                continue
            places = {("Wb", l): i for l, i in zip(self.layers, one.leaves, strict=True) if i is not None}
            for edge in ("first", "last"):
                yield self._reading(places, _JOINED + one.cost, turned, one.says, downward, edge)

    # flat vectors

    def _count(self, symbol: str) -> int:
        return sum(W.size if symbol == "W" else len(W) for W in self.problem.W.values())

    def _says(self, turned: bool) -> int:
        """A flat vector can be read either way; where no matrix is square, other networks would tell."""
        decides = any(W.shape[0] != W.shape[1] and min(W.shape) > 1 for W in self.problem.W.values())
        return (-1 if turned else 1) if decides else 0

    def _flat(self) -> Iterator[Reading]:
        total = {self._count("W") + self._count("b"): True}
        total.setdefault(self._count("W"), False)
        for i, leaf in enumerate(self.leaves):
            size = leaf.numbers.size
            if size not in total or not _is_vector(leaf.numbers):
                continue
            has_bias = total[size]
            cost = _FLAT + _name_cost(self.names[i], "all")
            places: dict[Place, int] = {("all" if has_bias else "W", 0): i}
            if self.problem.has_bias and not has_bias:
                cost += _NO_BIASES * len(self.layers)
                if not self._is_believable(places):
                    continue
            for k, layout in enumerate(layouts(has_bias)):
                turned = layout.by_columns
                says = self._says(turned)
                yield self._reading(places, cost + 0.01 * k, turned, says, layout.downward, layout=layout)

    def _is_left_over(self, path: Path) -> bool:
        """Whether it was split off a list that is otherwise used; a list may begin with a slot for layer 1."""
        return path[:-1] in self.view.split and path[-1] != 0

    def _reading(
        self,
        places: Mapping[Place, int],
        cost: float,
        turned: bool,
        says: int,
        downward: bool,
        edge: str = "",
        layout: Layout | None = None,
    ) -> Reading:
        used = {self.leaves[i].path for i in places.values()}
        ignored = tuple(leaf.name for leaf in self.leaves if leaf.path not in used)
        cost += self.view.cost + _TURNED * turned + _DOWNWARD * downward
        if self.view.split and any(self._is_left_over(leaf.path) for leaf in self.leaves if leaf.path not in used):
            cost += _LEFT_OVER
        return Reading(
            {place: self.leaves[i].path for place, i in places.items()},
            self.view, turned, says != 0, downward, edge, layout, ignored, cost,
        )  # fmt: skip


def _is_vector(numbers: Array) -> bool:
    return max(numbers.shape, default=1) == numbers.size


def _weights_cost(numbers: Array, n_l: int, width: int, turned: bool, symbol: str) -> tuple[float | None, int]:
    """What it costs to take an array for ∂L/∂W^l, and what its shape says about the orientation."""
    shape = numbers.shape
    if shape == ((width, n_l) if turned else (n_l, width)):
        return 0.0, 0 if n_l == width else (-1 if turned else 1)
    if numbers.size == n_l * width:
        if min(n_l, width) == 1 and numbers.ndim <= 2:
            return _LOOSE, 0
        if _is_vector(numbers):
            return _RAVELED, 0
        if symbol == "W" and shape == ((n_l, width) if turned else (width, n_l)):
            return _ODD_ONE_OUT, 0
    if symbol == "W" and numbers.ndim == 2 and (n_l in shape or width in shape):
        return _WRONG_SHAPE, 0
    return None, 0


@dataclass(frozen=True, eq=False)
class Candidate:
    """A reading, and what it reads."""

    reading: Reading
    submission: Submission


class Found:
    """What is in a returned value, and how it can be read.

    Parameters
    ----------
    given : object
        What was returned or handed in.
    problem : Problem
    """

    def __init__(self, given: object, problem: Problem) -> None:
        self.problem = problem
        self.leaves = flatten(given)

    def candidates(self) -> Iterator[Candidate]:
        """Yield the readings that fit, the plainest first; arrays as they came before those put together."""
        seen = views(self.leaves, len(self.problem.W))
        plain = next(seen)
        first = list(self._of(plain))
        if first and first[0][0].cost < 1.0:
            yield from islice(self._read(first), _MOST_READINGS)
            first = []
        rest = chain(first, *(self._of(view) for view in seen))
        yield from islice(self._read(sorted(rest, key=lambda one: one[0].cost)), _MOST_READINGS)

    def _of(self, view: View) -> Iterator[tuple[Reading, Sequence[Leaf]]]:
        matching = _Matching(self.problem, view, view.of(self.leaves))
        for reading in matching.readings():
            yield reading, matching.leaves

    def _read(self, pairs: Sequence[tuple[Reading, Sequence[Leaf]]]) -> Iterator[Candidate]:
        for reading, leaves in pairs:
            yield Candidate(reading, reading.of(leaves, self.problem))

    @property
    def words(self) -> str:
        """What was found: paths with shapes."""
        some = [f"{leaf.name} of shape {leaf.numbers.shape}" for leaf in self.leaves[:12]]
        more = f" and {len(self.leaves) - 12} more" if len(self.leaves) > 12 else ""
        return f"{', '.join(some)}{more}" if some else "no array of numbers"


def readings(given: object, problem: Problem) -> Iterator[Reading]:
    """Yield the ways to read a value as the gradient of a network, the plainest first.

    The order: arrays of the gradient's own shapes before transposes, vectors, and weights with the biases in one
    array; the input layer first before the output layer first; names that agree before those that do not.
    """
    return (candidate.reading for candidate in Found(given, problem).candidates())


def expected_words(problem: Problem) -> str:
    """What would fit a network."""
    sizes = problem.sizes
    shapes = []
    for l in problem.W:
        shapes.append(f"∂L/∂W^{l} of shape ({sizes[l - 1]}, {sizes[l - 2]})")
        if problem.has_bias:
            shapes.append(f"∂L/∂b^{l} of shape ({sizes[l - 1]},)")
    count = sum(math.prod(W.shape) + len(W) * problem.has_bias for W in problem.W.values())
    listed = ", ".join(shapes if len(shapes) <= 8 else [*shapes[:6], "…", shapes[-1]])
    return (
        f"{listed}, in lists, tuples, dicts or objects, all weights or none transposed; or a vector of {count} numbers"
    )


def read(given: object, problem: Problem) -> Submission:
    """Read a gradient in the plainest way that fits.

    Raises
    ------
    UnreadableError
        No reading fits.
    """
    found = Found(given, problem)
    for candidate in found.candidates():
        return candidate.submission
    raise UnreadableError(f"found {found.words}; expected {expected_words(problem)}")


# the user's own z, a and d


def own_quantities(given: object, problem: Problem) -> dict[str, PerLayerArrays]:
    """The z, a and d that come with a gradient by those names, where they can be read."""
    found = {}
    for symbol in "zad":
        try:
            if isinstance(given, Mapping):
                value = given.get(symbol) if len(given) > 1 else None
            else:
                value = getattr(given, symbol, None) if hasattr(given, "gradient") else None
            if isinstance(value, Mapping | PerLayer | list | tuple):
                found[symbol] = read_layers(value, symbol, problem)
        except Exception:  # noqa: S112 (what is handed in may raise from any method; the gradient is what counts)
            continue
    return found


def read_layers(given: object, symbol: str, problem: Problem) -> PerLayerArrays:
    """Read the user's z, a or d: by layer, or a list from the first layer that has the quantity (or from layer 1)."""
    F, n = problem.F, problem.n
    if isinstance(given, PerLayer):
        given = dict(given.items())
    if isinstance(given, Mapping):
        items = {int(l): value for l, value in given.items() if value is not None}
    elif isinstance(given, (list, tuple)):
        values = [value for value in given if value is not None and flatten(value)]
        if not 1 <= len(values) <= F:
            raise UnreadableError(f"{symbol} has {len(values)} arrays, but the network has {F} layers")
        items = dict(enumerate(values, start=F - len(values) + 1))
    else:
        raise UnreadableError(f"{symbol} must be a list or a dict by layer, got {type(given).__name__}")
    found: PerLayerArrays = {}
    for l, value in items.items():
        array = _one_array(value)
        if not (1 if symbol == "a" else 2) <= l <= F or array is None:
            raise UnreadableError(f"{symbol}[{l}] is not an array of a layer of this network")
        n_l = problem.sizes[l - 1]
        if array.shape == (n, n_l):
            found[l] = array
        elif array.shape == (n_l, n):
            found[l] = array.T
        elif n == 1 and array.size == n_l:
            found[l] = array.reshape(1, n_l)
        else:
            raise UnreadableError(f"{symbol}[{l}] has shape {array.shape}: expected ({n}, {n_l}) or ({n_l}, {n})")
    return found


def _one_array(value: object) -> Array | None:
    leaves = flatten(value)
    return leaves[0].numbers if len(leaves) == 1 else None
