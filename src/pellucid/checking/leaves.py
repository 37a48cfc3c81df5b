"""The arrays in whatever a function returns, each with the path to it: nothing that can be returned raises here."""

from __future__ import annotations

import re
import types
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from numbers import Number
from typing import Any

import numpy as np

from pellucid.arrays import Array

Path = tuple[int | str, ...]
"""Positions in lists and names in dicts and objects, from the outside in."""

_DEEPEST = 12
"""How far containers in containers are followed."""

_MOST = 20_000
"""Values looked at, and so the most arrays found: one a neuron's weight, for networks made of such objects."""

_LONGEST = 4_096
"""Entries taken of an iterator, which may have no end."""

_OPAQUE = (str, bytes, bytearray, type, types.ModuleType, types.FunctionType, types.MethodType, np.generic, Number)


@dataclass(frozen=True, eq=False)
class Leaf:
    """An array and where it was found.

    Attributes
    ----------
    path : tuple of int and str
    numbers : ndarray of float64
    eps : float
        Precision of the array as it was given.
    """

    path: Path
    numbers: Array
    eps: float

    @property
    def name(self) -> str:
        """The path as a person would write it."""
        return path_name(self.path)

    def at(self, path: Path, numbers: Array) -> Leaf:
        """Return other numbers of the same precision."""
        return Leaf(path, numbers, self.eps)


def path_name(path: Path) -> str:
    """Write a path: ``[0].dweights``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f"{'.' if text else ''}{step[:60]}"
    return text or "the value itself"


def materialized(given: object, deepest: int = 2) -> object:
    """Return a value that can be read more than once: its iterators as lists."""
    if isinstance(given, Iterator):
        return [materialized(one, deepest - 1) for one in islice(given, _LONGEST)] if deepest >= 0 else given
    if deepest > 0 and type(given) in (list, tuple) and len(given) <= _LONGEST:  # type: ignore[arg-type]
        return type(given)(materialized(one, deepest - 1) for one in given)  # type: ignore[call-arg, attr-defined]
    if deepest > 0 and type(given) is dict:
        return {key: materialized(one, deepest - 1) for key, one in given.items()}
    return given


def flatten(given: object) -> list[Leaf]:
    """Return all arrays of numbers in a nest of anything, in order.

    Dicts by number are taken in the order of their numbers. Of a tensor or a parameter that carries its gradient in
    ``.grad`` or ``.g``, that is taken.
    """
    found = _Flattening()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # an attribute that is deprecated, a tensor whose gradient was not kept
        found.visit(given, ())
    return found.leaves


class _Flattening:
    """One walk through a nest."""

    def __init__(self) -> None:
        self.leaves: list[Leaf] = []
        self.left = _MOST
        self.open: set[int] = set()

    def visit(self, value: object, path: Path) -> None:
        """Walk a value, whatever it does when it is looked at."""
        self.left -= 1
        if value is None or self.left < 0 or len(path) > _DEEPEST or id(value) in self.open:
            return
        self.open.add(id(value))
        try:
            self._visit(value, path)
        except Exception:  # noqa: S110 (an object under test may raise from any of its methods: it is not an array)
            pass
        finally:
            self.open.discard(id(value))

    def _visit(self, value: Any, path: Path) -> None:
        if isinstance(value, np.ndarray):
            if value.dtype != object or (value.ndim and is_rectangle(value.tolist())):
                self._add(value, path)
            else:
                self._sequence(list(value) if value.ndim else [value.item()], path)
        elif isinstance(value, Mapping):
            self._mapping(value, path)
        elif isinstance(value, tuple) and hasattr(value, "_asdict"):
            self._mapping(value._asdict(), path)
        elif isinstance(value, (list, tuple)):
            self._sequence(value, path)
        elif isinstance(value, (np.generic, Number)):
            self._add(value, path)
        elif not isinstance(value, _OPAQUE):
            self._object(value, path)

    def _add(self, value: Any, path: Path) -> None:
        array = np.asarray(value)
        if array.dtype.kind == "c" and not array.imag.any():
            array = array.real
        if array.dtype.kind not in "fiuO" or not array.size:
            return
        eps = float(np.finfo(array.dtype if array.dtype.kind == "f" else np.float64).eps)
        try:
            numbers = np.array(array, np.float64)
        except OverflowError:  # an integer of hundreds of digits
            numbers = np.full(array.shape, np.inf)
        self.leaves.append(Leaf(path, numbers, max(eps, float(np.finfo(np.float64).eps))))

    def _sequence(self, value: Sequence[Any], path: Path) -> None:
        if is_rectangle(value):
            try:
                self._add(np.array(value, np.float64), path)
            except OverflowError:
                self._add(np.full(np.shape(value), np.inf), path)
            return
        for i, one in enumerate(value):
            self.visit(one, (*path, i))

    def _mapping(self, value: Mapping[Any, Any], path: Path) -> None:
        items = list(islice(value.items(), _LONGEST))
        if items and all(isinstance(key, (int, np.integer)) for key, _ in items):
            items.sort(key=lambda item: int(item[0]))
        for key, one in items:
            self.visit(one, (*path, int(key) if isinstance(key, (int, np.integer)) else _key_name(key)))

    def _object(self, value: Any, path: Path) -> None:
        for name in ("grad", "g"):  # a parameter with its gradient
            carried = _data(value, name)
            if carried is not None:
                self.visit(carried, (*path, name))
                return
        array = _as_array(value)
        if array is not None:
            self.visit(array, path)
            return
        attributes = _attributes(value)
        if attributes is not None:
            self._mapping(attributes, path)
        elif isinstance(value, Iterable):
            self._sequence(list(islice(value, _LONGEST)), path)


def _key_name(key: object) -> str:
    return key if isinstance(key, str) else "/".join(map(str, key)) if isinstance(key, tuple) else str(key)


def is_rectangle(value: Any) -> bool:
    """Whether lists of lists hold plain numbers only and have the lengths of one array."""
    return _rectangle(value, 4) is not None


def _rectangle(value: Any, deepest: int) -> tuple[int, ...] | None:
    if isinstance(value, (Number, np.generic)) and not isinstance(value, (bool, np.bool_, complex)):
        return ()
    if not isinstance(value, (list, tuple)) or hasattr(value, "_asdict") or not value or not deepest:
        return None
    first = _rectangle(value[0], deepest - 1)
    if first is None or any(_rectangle(one, deepest - 1) != first for one in value[1:]):
        return None
    return (len(value), *first)


def _data(value: Any, name: str) -> Any:
    """An attribute that holds something, or None."""
    try:
        found = getattr(value, name, None)
    except Exception:
        return None
    return None if found is None or callable(found) else found


def _as_array(value: Any) -> Any:
    """A tensor, table or array of another library as an array, or None."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        if "bfloat" in str(getattr(value, "dtype", "")):
            value = value.float()
    for name in ("to_numpy", "numpy"):
        method = getattr(value, name, None)
        if callable(method):
            return method()
    return np.asarray(value) if hasattr(value, "__array__") else None


def _attributes(value: Any) -> Mapping[str, Any] | None:
    """What an object has by name: data only, and what begins with an underscore only if there is nothing else."""
    named: Callable[[], Iterator[tuple[str, Any]]] | None = getattr(value, "named_parameters", None)
    if callable(named):
        return dict(islice(named(), _LONGEST))
    if _data(value, "gradient") is not None:
        return {"gradient": value.gradient}
    if _data(value, "W") is not None and _data(value, "b") is not None:
        return {"W": value.W, "b": value.b}
    items = getattr(value, "items", None)
    if callable(items) and isinstance(value, Iterable) and not hasattr(value, "__next__"):
        return dict(islice(items(), _LONGEST))
    if isinstance(value, Iterable):
        return None
    names: dict[str, Any] = {}
    for kind in reversed(type(value).__mro__[:-1]):
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            names[name] = _data(value, name)
        names.update(
            (name, one)
            for name, one in vars(kind).items()
            if not name.startswith("__") and not callable(one) and not hasattr(one, "__get__")
        )
    names.update(getattr(value, "__dict__", {}))
    public = {name: one for name, one in names.items() if not name.startswith("_")}
    return public or names


# other ways to see the same arrays


@dataclass(frozen=True)
class View:
    """How the arrays found are put together or taken apart before they are matched.

    Attributes
    ----------
    spelled : bool
        Whether the numbers at the end of names are positions: one variable for each weight, as w11, w12, b1.
    stacked : int
        How often the innermost lists of equal shapes are stacked: one object, row or scalar for each neuron.
    split : frozenset of paths
        Arrays that are a list of arrays along their first axis.
    cost : float
    """

    stacked: int = 0
    split: frozenset[Path] = frozenset()
    cost: float = 0.0
    spelled: bool = False

    def of(self, leaves: Sequence[Leaf]) -> list[Leaf]:
        """Return the leaves as seen in this way."""
        seen = _spelled(leaves) if self.spelled else list(leaves)
        for _ in range(self.stacked):
            seen = _stacked(seen)
        for _ in range(3):
            if not any(leaf.path in self.split for leaf in seen):
                break
            seen = [one for leaf in seen for one in (_rows(leaf) if leaf.path in self.split else [leaf])]
        return seen


def _rows(leaf: Leaf) -> list[Leaf]:
    return [leaf.at((*leaf.path, i), row) for i, row in enumerate(leaf.numbers)] if leaf.numbers.ndim else [leaf]


def _stacked(leaves: list[Leaf]) -> list[Leaf]:
    """Stack the innermost lists: rows to matrices, numbers to vectors."""
    deepest = max((_depth(leaf.path) for leaf in leaves), default=0)
    if not deepest:
        return leaves
    groups: dict[Path, list[Leaf]] = {}
    for leaf in leaves:
        groups.setdefault(_without_last(leaf.path) if _depth(leaf.path) == deepest else leaf.path, []).append(leaf)
    found: list[Leaf] = []
    for path, group in groups.items():
        innermost = _depth(group[0].path) == deepest
        if innermost and group[0].numbers.ndim <= 1 and len({leaf.numbers.shape for leaf in group}) == 1:
            eps = max(leaf.eps for leaf in group)
            found.append(Leaf(path, np.stack([leaf.numbers for leaf in group]), eps))
        else:
            found += group
    return found


_ENDING = re.compile(r"(.*?)((?:[\W_]*\d+)+)\W*")


def _spelled(leaves: Sequence[Leaf]) -> list[Leaf]:
    """Numbers at the end of the names of single numbers as positions: w12 is w[1][2]."""
    found: list[tuple[Path, list[str], Leaf]] = []
    digits: dict[Path, set[int]] = {}
    for leaf in leaves:
        match = _ENDING.fullmatch(leaf.path[-1]) if leaf.path and isinstance(leaf.path[-1], str) else None
        if leaf.numbers.ndim or match is None:
            found.append((leaf.path, [], leaf))
            continue
        path, numbers = (*leaf.path[:-1], match[1]), re.findall(r"\d+", match[2])
        found.append((path, numbers, leaf))
        digits.setdefault(path, set()).add(len("".join(numbers)))
    seen = []
    for path, numbers, leaf in found:
        # w11 and w12 have two positions each, w9 and w10 have one
        places = list("".join(numbers)) if len(digits.get(path, ())) == 1 else numbers
        seen.append(leaf.at((*path, *(int(place[-9:]) for place in places)), leaf.numbers))
    return sorted(seen, key=lambda leaf: [step if isinstance(step, int) else -1 for step in leaf.path])


def _depth(path: Path) -> int:
    return sum(isinstance(step, int) for step in path)


def _without_last(path: Path) -> Path:
    last = max(i for i, step in enumerate(path) if isinstance(step, int))
    return path[:last] + path[last + 1 :]


def views(leaves: Sequence[Leaf], layers: int) -> Iterator[View]:
    """Yield the ways to see the leaves, the plainest first.

    Parameters
    ----------
    leaves : sequence of Leaf
    layers : int
        The number of layers with weights.
    """
    lengths = {layers, layers + 1, 2 * layers, 2}
    thick = frozenset(leaf.path for leaf in leaves if _thickness(leaf.numbers) > 2)
    yield View(0, thick)
    seen = list(leaves)
    for times in (1, 2):
        before, seen = seen, _stacked(seen)
        if [leaf.path for leaf in seen] == [leaf.path for leaf in before]:
            break
        yield View(times, frozenset(), 0.3)
    seen = _spelled(leaves)
    if [leaf.path for leaf in seen] != [leaf.path for leaf in leaves]:
        for times in (1, 2):
            yield View(times, frozenset(), 0.4, spelled=True)
    long = [leaf for leaf in leaves if leaf.numbers.ndim and len(leaf.numbers) in lengths and len(leaves) <= 12]
    if not long:
        return
    every = thick | {leaf.path for leaf in long}
    yield View(0, every, 0.4)
    if 1 < len(long) <= 6:
        for leaf in long:
            yield View(0, thick | {leaf.path}, 0.5)
    rows = [row for leaf in long for row in _rows(leaf) if row.numbers.ndim and len(row.numbers) in lengths]
    if rows:
        yield View(0, every | {row.path for row in rows}, 0.6)
        again = [one for row in rows for one in _rows(row) if one.numbers.ndim and len(one.numbers) in lengths]
        if again:
            yield View(0, every | {one.path for one in (*rows, *again)}, 0.7)


def _thickness(array: Array) -> int:
    """The number of axes that are longer than 1."""
    return sum(size > 1 for size in array.shape)


def template(path: Path) -> str:
    """What paths to the same thing in different layers have in common: the path without its numbers."""
    return "/".join("*" if isinstance(step, int) else re.sub(r"\d+", "#", step) for step in path)


def numbers_in_names(path: Path) -> tuple[int, ...]:
    """The numbers in the names of a path, by which W1, W2, … are put in order."""
    return tuple(int(number) for step in path if isinstance(step, str) for number in re.findall(r"\d{1,9}", step))
