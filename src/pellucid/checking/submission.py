"""Gradients as people hand them in, read by layer: lists, pairs, dicts by any framework's names, flat vectors.

Every W^l may be (n_l, n_{l-1}) or its transpose, every b^l a row or a column. What cannot be a gradient of the network
by its shape is a finding and no error.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pellucid.arrays import Array
from pellucid.checking.problem import PerLayerArrays, Problem
from pellucid.layers import PerLayer, parameter_count, parameter_views

EXPECTED = (
    "expected a flat vector, one array per layer as lists (W, b) or pairs, or a dict by names such as "
    "'fc1.weight', 'W2', "
    "'dense/kernel'"
)


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
    is_transposed : bool or None
        Whether the weights came as (n_{l-1}, n_l); None if all are square.
    eps : float
        Precision of the coarsest array.
    other : dict
        The user's z, a and d by layer, and loss, where handed in with the gradient.
    """

    W: PerLayerArrays = field(default_factory=dict)
    b: PerLayerArrays = field(default_factory=dict)
    missing: list[tuple[str, int]] = field(default_factory=list)
    shapes: list[tuple[str, int, tuple[int, ...]]] = field(default_factory=list)
    not_summed: list[tuple[int, tuple[int, ...]]] = field(default_factory=list)
    one_number: list[int] = field(default_factory=list)
    unneeded: list[int] = field(default_factory=list)
    not_finite: list[str] = field(default_factory=list)
    is_transposed: bool | None = None
    eps: float = float(np.finfo(np.float64).eps)
    other: dict[str, Any] = field(default_factory=dict)


class UnreadableError(ValueError):
    """What was handed in cannot be read as a gradient."""


def read(given: object, problem: Problem) -> Submission:
    """Read a gradient in any of the forms.

    Raises
    ------
    UnreadableError
        No arrays, or another number of them than the network has.
    """
    submission = Submission()
    given = _unwrapped(given, submission)
    leaves = _leaves(given, problem)
    arrays = [leaf for leaf in leaves if leaf is not None]
    for array in arrays:
        if array.dtype.kind == "f":
            submission.eps = max(submission.eps, float(np.finfo(array.dtype).eps))
    layers = list(problem.W)
    if isinstance(given, Mapping):
        pairs = _by_name(given, problem)
    elif (
        len(arrays) == 1
        and arrays[0].ndim <= 2
        and arrays[0].size in _counts(problem)
        and (arrays[0].ndim == 1 or 1 in arrays[0].shape or len(layers) > 1)
        and not _fits(arrays[0], ("W", layers[0]), problem)
    ):
        flat, has_bias = arrays[0].astype(np.float64).ravel(), _counts(problem)[arrays[0].size]
        W, b = parameter_views(problem.sizes, flat, has_bias)
        pairs = [(("W", l), W[l]) for l in layers] + [(("b", l), b[l]) for l in layers if has_bias]
    else:
        pairs = _by_shape(arrays, problem)
    _file(pairs, problem, submission)
    return submission


def _by_layer(given: object) -> object:
    """Return arrays by layer as a dict, and anything else as it is."""
    return dict(given.items()) if isinstance(given, PerLayer) else given


def _counts(problem: Problem) -> dict[int, bool]:
    """How long a flat gradient may be, and whether it then has biases; they may be there needlessly."""
    return {parameter_count(problem.sizes, has_bias): has_bias for has_bias in {True, problem.has_bias}}


def _unwrapped(given: object, submission: Submission) -> object:
    """Take a gradient out of what it comes in: a record, (loss, gradient), {"gradient": …, "d": …}."""
    if hasattr(given, "gradient") and not isinstance(given, Mapping) and not callable(given.gradient):
        for name in ("z", "a", "d"):
            if isinstance(getattr(given, name, None), Mapping | PerLayer):
                submission.other[name] = getattr(given, name)
        given = given.gradient
    if hasattr(given, "W") and hasattr(given, "b") and not isinstance(given, Mapping):
        return {"W": _by_layer(given.W), "b": _by_layer(given.b)}
    if isinstance(given, Mapping):
        for name in ("z", "a", "d", "loss"):
            if name in given and len(given) > 1:
                submission.other[name] = given[name]
        rest = {key: value for key, value in given.items() if key not in submission.other}
        inner = [key for key in rest if isinstance(key, str) and re.fullmatch(r"grad(ient)?s?|nabla", key.lower())]
        return _unwrapped(rest[inner[0]], submission) if len(rest) == 1 and inner else rest
    if isinstance(given, (tuple, list)) and len(given) == 2:
        scalars = [i for i in (0, 1) if _is_scalar(given[i])]
        if len(scalars) == 1:
            submission.other["loss"] = float(np.asarray(given[scalars[0]]).ravel()[0])
            return _unwrapped(given[1 - scalars[0]], submission)
    return given


def _is_scalar(value: object) -> bool:
    try:
        return value is not None and not isinstance(value, (str, bytes, Mapping)) and np.ndim(_plain(value)) == 0  # type: ignore[arg-type]
    except ValueError:
        return False


def _plain(value: object) -> object:
    """A tensor of another library as an array."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    if hasattr(value, "numpy") and callable(value.numpy):
        value = value.numpy()
    return value


def _array(value: object) -> Array | None:
    """One array of numbers, or None if it is not one."""
    value = _plain(value)
    if value is None or isinstance(value, (str, bytes, Mapping)):
        return None
    try:
        array = np.asarray(value)
        return array if array.dtype.kind == "f" else array.astype(np.float64)
    except (TypeError, ValueError):
        return None


def _depth(value: object) -> int:
    """How deep lists or axes are nested."""
    value = _plain(value)
    if isinstance(value, np.ndarray):
        return value.ndim if value.dtype != object else 1 + max((_depth(one) for one in value), default=0)
    if isinstance(value, (list, tuple)):
        return 1 + max((_depth(one) for one in value), default=0)
    return 0


def _is_list(value: object) -> bool:
    return isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.dtype == object)


def _leaves(given: object, problem: Problem) -> list[Array | None]:
    """The arrays in a nest of lists, in order."""
    if isinstance(given, Mapping):
        values: Iterable[object] = given.values()
        return [leaf for value in values for leaf in _leaves(value, problem)]
    given = _plain(given)
    if isinstance(given, np.ndarray) and given.dtype != object and given.ndim > 2:
        return [leaf for one in given for leaf in _leaves(one, problem)]
    if _is_list(given):
        parts = [one for one in given if one is not None and np.size(_safe(one)) > 0]  # type: ignore[attr-defined]
        depths = [_depth(one) for one in parts]
        if sorted(depths) == [2, 3]:  # one list of matrices, one of vectors
            return [_array(one) for part in parts for one in part]
        if (
            depths
            and max(depths) <= 1
            and not any(isinstance(one, np.ndarray) and one.ndim for one in map(_plain, parts))
        ):
            if max(depths) == 0:
                return [_array(parts)]
            ragged = len({np.size(one) for one in parts}) > 1
            return [_array(one) for one in parts] if ragged else [_array(given)]
        if depths and max(depths) == 2 and not any(isinstance(_plain(one), np.ndarray) for one in parts):
            flat = _array(parts)
            if flat is not None and flat.ndim == 2:
                return [flat]
        return [leaf for one in parts for leaf in _leaves(one, problem)]
    return [_array(given)]


def _safe(value: object) -> Any:
    value = _plain(value)
    return 1 if _is_list(value) and len(value) else value if not _is_list(value) else []  # type: ignore[arg-type]


def _fits(array: Array, place: tuple[str, int], problem: Problem) -> bool:
    symbol, l = place
    n_l, n_before = problem.sizes[l - 1], problem.sizes[l - 2]
    if symbol == "W":
        return array.shape in ((n_l, n_before), (n_before, n_l))
    return array.shape in ((n_l,), (1, n_l), (n_l, 1)) or (n_l == 1 and array.size == 1)


def _nearly(array: Array, place: tuple[str, int], problem: Problem) -> bool:
    """A shape that a known slip gives."""
    symbol, l = place
    n_l = problem.sizes[l - 1]
    if symbol == "b":
        return array.ndim == 0 or array.size == 1 or array.shape in ((problem.n, n_l), (n_l, problem.n))
    return array.ndim == 2 and n_l in array.shape


def _by_shape(arrays: Sequence[Array], problem: Problem) -> list[tuple[tuple[str, int], Array]]:
    layers = list(problem.W)
    down = layers[::-1]
    orders: list[list[tuple[str, int]]] = []
    for way in (layers, down):
        W, b = [("W", l) for l in way], [("b", l) for l in way]
        mixed = [place for l in way for place in (("W", l), ("b", l))]
        turned = [place for l in way for place in (("b", l), ("W", l))]
        orders += [mixed, W + b, b + W, turned]
    if len(arrays) == len(layers) and not problem.has_bias:
        orders = [[("W", l) for l in way] for way in (layers, down)]
    elif len(arrays) == len(layers):
        with_bias = [_split(array, l, problem) for array, l in zip(arrays, layers, strict=True)]
        if all(pair is not None for pair in with_bias):
            return [one for pair in with_bias if pair is not None for one in pair]
        orders = [[("W", l) for l in layers], [("W", l) for l in down], [("b", l) for l in layers]]
    elif len(arrays) != 2 * len(layers):
        raise UnreadableError(
            f"the gradient has {len(arrays)} arrays, but the network has {' and '.join(problem.symbols)} of "
            f"{len(layers)} layers: {EXPECTED}"
        )

    def score(order: list[tuple[str, int]]) -> float:
        pairs = list(zip(arrays, order, strict=True))
        return sum(_fits(array, place, problem) + 0.25 * _nearly(array, place, problem) for array, place in pairs)

    best = max(orders, key=score)
    if score(best) == 0:
        raise UnreadableError(f"no array of the gradient has a shape of this network: {EXPECTED}")
    return list(zip(best, arrays, strict=True))


def _split(array: Array, l: int, problem: Problem) -> list[tuple[tuple[str, int], Array]] | None:
    """[b | W] or [W | b] in one matrix, as in courses that keep the bias as weight of a constant 1."""
    n_l, n_before = problem.sizes[l - 1], problem.sizes[l - 2]
    if (
        array.ndim != 2
        or array.shape not in ((n_l, n_before + 1), (n_before + 1, n_l))
        or _fits(array, ("W", l), problem)
    ):
        return None
    whole = array if array.shape == (n_l, n_before + 1) else array.T
    first, last = (whole[:, 0], whole[:, 1:]), (whole[:, -1], whole[:, :-1])
    t = problem.gradient_b[l]
    b, W = min((first, last), key=lambda pair: float(np.linalg.norm(pair[0] - t)))
    return [(("W", l), W), (("b", l), b)]


_WEIGHT = re.compile(
    r"(weight|kernel|coef|theta)|(^|[^a-z])(d|grad_?|g_?|nabla_?|delta_?|∂)?w($|[^a-z])", re.IGNORECASE
)
_BIAS = re.compile(r"(bias|intercept)|(^|[^a-z])(d|grad_?|g_?|nabla_?|delta_?|∂)?b($|[^a-z])", re.IGNORECASE)


def _by_name(given: Mapping[Any, Any], problem: Problem) -> list[tuple[tuple[str, int], Array]]:
    layers = list(problem.W)
    if given and all(isinstance(key, (int, np.integer)) for key in given):
        ordered = [given[key] for key in sorted(given) if given[key] is not None]
        return _by_shape([leaf for one in ordered for leaf in _leaves(one, problem) if leaf is not None], problem)
    names: dict[str, list[Any]] = {"W": [], "b": []}
    unknown = []
    for key, value in given.items():
        if _is_list(_plain(value)) and not np.size(_safe(value)):
            continue
        symbol = "W" if _WEIGHT.search(str(key)) else "b" if _BIAS.search(str(key)) else None
        if symbol is None and isinstance(value, (tuple, list, Mapping)) and re.search(r"\d", str(key)):
            leaves = [leaf for leaf in _leaves(value, problem) if leaf is not None]
            if len(leaves) == 2:
                turned = leaves[0].ndim < leaves[1].ndim
                names["W"].append((_order(key), leaves[turned]))
                names["b"].append((_order(key), leaves[not turned]))
                continue
        if symbol is None:
            unknown.append(str(key))
            continue
        if isinstance(value, Mapping):
            names[symbol] += [((int(l),), _array(one)) for l, one in value.items()]
        else:
            several = _depth(value) > (2 if symbol == "W" else 1)
            parts = list(_plain(value)) if several and (_is_list(_plain(value)) or symbol == "W") else [value]  # type: ignore[call-overload]
            if symbol == "b" and len(parts) != len(layers):
                parts = [value]
            if symbol == "W" and len(parts) > 1:
                parts = [one for one in parts if one is not None and np.size(_safe(one))]
            names[symbol] += [((*_order(key), i), _array(one)) for i, one in enumerate(parts)]
    pairs = []
    for symbol, found in names.items():
        arrays = [array for _, array in sorted(found, key=lambda one: one[0]) if array is not None]
        if len(arrays) not in (0, len(layers)):
            numbers = {order[0] for order, _ in found if order}
            if len(numbers) == len(arrays) and numbers <= set(layers):
                pairs += [((symbol, order[0]), array) for order, array in found]
                continue
            raise UnreadableError(
                f"the gradient has {len(arrays)} arrays named like {symbol}, but the network has {len(layers)}: "
                f"{EXPECTED}"
            )
        pairs += [((symbol, l), array) for l, array in zip(layers, arrays, strict=False)]
    if not pairs:
        raise UnreadableError(f"no name of {unknown[:6]} is that of a weight or bias: {EXPECTED}")
    return pairs


def _order(key: object) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", str(key).split(":")[0]))


def _file(pairs: list[tuple[tuple[str, int], Array]], problem: Problem, submission: Submission) -> None:
    """Put each array in its place, the right way round, and note what does not fit."""
    if not problem.has_bias:
        submission.unneeded = sorted(l for (symbol, l), _ in pairs if symbol == "b")
        pairs = [(place, array) for place, array in pairs if place[0] == "W"]
    turned: set[bool] = set()
    for (symbol, l), array in pairs:
        n_l, n_before = problem.sizes[l - 1], problem.sizes[l - 2]
        if symbol == "W" and n_l != n_before and _fits(array, (symbol, l), problem):
            turned.add(array.shape != (n_l, n_before))
    submission.is_transposed = (True in turned) if turned else None
    for (symbol, l), array in pairs:
        numbers = array.astype(np.float64)
        if not np.isfinite(numbers).all():
            place = tuple(int(i) for i in np.argwhere(~np.isfinite(numbers))[0])
            submission.not_finite.append(f"∂L/∂{symbol}^{l}[{', '.join(map(str, place))}] is {numbers[place]}")
        n_l, n_before = problem.sizes[l - 1], problem.sizes[l - 2]
        if symbol == "W":
            if not _fits(array, (symbol, l), problem):
                submission.shapes.append((symbol, l, array.shape))
                continue
            is_turned = array.shape != (n_l, n_before) or (n_l == n_before and submission.is_transposed is True)
            submission.W[l] = numbers.T if is_turned else numbers
        elif _fits(array, (symbol, l), problem):
            submission.b[l] = numbers.ravel()
        elif array.size == 1:
            submission.one_number.append(l)
            submission.b[l] = np.full(n_l, float(numbers.ravel()[0]))
        elif array.shape in ((problem.n, n_l), (n_l, problem.n)):
            submission.not_summed.append((l, array.shape))
            submission.b[l] = numbers.sum(axis=0 if array.shape == (problem.n, n_l) else 1)
        else:
            submission.shapes.append((symbol, l, array.shape))
    named = {place for place, _ in pairs}
    submission.missing = [(symbol, l) for l in problem.W for symbol in problem.symbols if (symbol, l) not in named]


def read_layers(given: object, symbol: str, problem: Problem) -> PerLayerArrays:
    """Read the user's z, a or d: by layer, or a list from the first layer that has the quantity (or from layer 1)."""
    F, n = problem.F, problem.n
    given = _by_layer(given)
    if isinstance(given, Mapping):
        items = {int(l): value for l, value in given.items() if value is not None}
    elif isinstance(given, (list, tuple)):
        values = [value for value in given if value is not None and np.size(_safe(value))]
        if not 1 <= len(values) <= F:
            raise UnreadableError(f"{symbol} has {len(values)} arrays, but the network has {F} layers")
        items = dict(enumerate(values, start=F - len(values) + 1))
    else:
        raise UnreadableError(f"{symbol} must be a list or a dict by layer, got {type(given).__name__}")
    found: PerLayerArrays = {}
    for l, value in items.items():
        array = _array(value)
        if not (1 if symbol == "a" else 2) <= l <= F or array is None:
            raise UnreadableError(f"{symbol}[{l}] is no array of a layer of this network")
        n_l = problem.sizes[l - 1]
        if array.shape == (n, n_l):
            found[l] = array.astype(np.float64)
        elif array.shape == (n_l, n):
            found[l] = array.astype(np.float64).T
        elif n == 1 and array.size == n_l:
            found[l] = array.astype(np.float64).reshape(1, n_l)
        else:
            raise UnreadableError(f"{symbol}[{l}] has shape {array.shape}: expected ({n}, {n_l}) or ({n_l}, {n})")
    return found
