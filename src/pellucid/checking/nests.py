"""Whatever a function returns, as a plain nest of bounded size: it is read, compared and sent between processes.

A nest is made of dicts, lists, tuples, plain objects, arrays, numbers, texts and None. Nothing in it belongs to the
user's code any more: generators are run to their end, arrays are copied, tensors are arrays, and any other object is a
`PlainObject` of its public attributes.
"""

from __future__ import annotations

import contextlib
import json
import types
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np

from pellucid.backprop import Gradient, Record

_DEPTH = 40
"""Levels of a nest; what lies deeper is left out."""

_NODES = 200_000
"""Arrays, numbers and containers of a nest."""

_BYTES = 1 << 28
"""Bytes of its arrays."""

_TEXT = 200
"""Letters of a text that are kept."""


class PlainObject(types.SimpleNamespace):
    """An object of the user's code by its public attributes; a parameter with a gradient has ``data`` and ``grad``."""


class TooLargeError(ValueError):
    """A nest with more in it than a gradient can have."""


class ProtocolError(ValueError):
    """Bytes that are not a packed nest."""


# from objects to a nest


def plain(value: object) -> Any:
    """Turn any object into a nest.

    Raises
    ------
    TooLargeError
        It has more than 200,000 parts or 256 MiB of arrays.
    """
    return _Plainer().plain(value, 0)


class _Plainer:
    def __init__(self) -> None:
        self.nodes = self.bytes = 0
        self.above: set[int] = set()

    def plain(self, value: object, depth: int) -> Any:
        self.nodes += 1
        if self.nodes > _NODES:
            raise TooLargeError(f"it has more than {_NODES:,} parts")
        if value is None or type(value) in (bool, float):
            return value
        if type(value) is int:
            return value if abs(value) < 1 << 62 else _as_float(value)
        if isinstance(value, (str, bytes)):
            return str(value[:_TEXT])
        if depth >= _DEPTH or id(value) in self.above:
            return f"<{type(value).__name__} inside itself>"
        self.above.add(id(value))
        try:
            return self._composed(value, depth + 1)
        except TooLargeError:
            raise
        except Exception as error:  # the user's objects may do anything when they are looked at
            return f"<{type(value).__name__}, which cannot be read: {type(error).__name__}>"
        finally:
            self.above.discard(id(value))

    def _composed(self, value: Any, depth: int) -> Any:
        if isinstance(value, np.generic):
            return self._array(np.asarray(value), depth)
        if isinstance(value, np.ndarray):
            return self._array(value, depth)
        if isinstance(value, type | types.ModuleType | types.FunctionType | types.BuiltinFunctionType):
            return f"<{getattr(value, '__name__', type(value).__name__)}>"
        if callable(getattr(value, "named_parameters", None)):
            return {str(name): self.plain(one, depth) for name, one in value.named_parameters()}
        if hasattr(value, "detach") or (hasattr(value, "__array__") and not hasattr(value, "keys")):
            return self._tensor(value, depth)
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return {name: self.plain(one, depth) for name, one in zip(value._fields, value, strict=True)}
        if isinstance(value, Mapping) or (hasattr(value, "keys") and hasattr(value, "items")):
            pairs = islice(value.items(), _NODES)
            return {_key(key): self.plain(one, depth) for key, one in pairs}
        if isinstance(value, tuple):
            return tuple(self.plain(one, depth) for one in value)
        if isinstance(value, (Sequence, Set, Iterator, Iterable)) and not hasattr(value, "__dict__"):
            return [self.plain(one, depth) for one in islice(value, _NODES + 1)]
        if isinstance(value, (list, Iterator)):
            return [self.plain(one, depth) for one in islice(value, _NODES + 1)]
        attributes = _attributes(value)
        if not attributes and isinstance(value, Iterable):
            return [self.plain(one, depth) for one in islice(value, _NODES + 1)]
        return PlainObject(**{name: self.plain(one, depth) for name, one in attributes.items()})

    def _tensor(self, value: Any, depth: int) -> Any:
        """A tensor of another library as an array; as an object if it carries a gradient or attributes of its own."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of a gradient that is not kept
            extra = {"grad": value.grad} if getattr(value, "grad", None) is not None else {}
            extra |= {name: one for name, one in getattr(value, "__dict__", {}).items() if not name.startswith("_")}
            data = value.detach().cpu().numpy() if hasattr(value, "detach") else np.asarray(value)
        array = self._array(data, depth)
        if not extra:
            return array
        return PlainObject(data=array, **{name: self.plain(one, depth) for name, one in extra.items()})

    def _array(self, array: np.ndarray[Any, Any], depth: int) -> Any:
        if array.dtype == object:
            parts = array.item() if array.ndim == 0 else list(array)
            return self.plain(parts, depth)
        self.bytes += array.nbytes
        if self.bytes > _BYTES:
            raise TooLargeError(f"its arrays have more than {_BYTES >> 20} MiB")
        if array.dtype.kind not in "fiub":
            return f"<array of {array.dtype}>"
        if array.dtype.kind == "f" and array.dtype.itemsize > 8:
            array = array.astype(np.float64)
        return np.array(array)


def _key(key: object) -> Any:
    return key if type(key) in (int, str) else int(key) if isinstance(key, np.integer) else str(key)[:_TEXT]


def _as_float(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def _attributes(value: object) -> dict[str, Any]:
    """The public attributes of an object that are data."""
    names = list(getattr(value, "__dict__", {}))
    for kind in type(value).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        names += [slots] if isinstance(slots, str) else list(slots)
    if isinstance(value, Gradient):  # the library's own: its arrays are properties
        names = ["W", "b"]
    elif isinstance(value, Record):
        names = ["gradient", "z", "a", "d"]
    found = {}
    for name in names:
        if not name.startswith("_"):
            with contextlib.suppress(AttributeError):
                one = getattr(value, name)
                if not callable(one) or hasattr(one, "named_parameters"):
                    found[name] = one
    return found


# what is in a nest


def leaves(nest: Any, path: str = "") -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
    """List the arrays and numbers of a nest with their paths, in order."""
    if isinstance(nest, np.ndarray):
        yield path, nest
    elif isinstance(nest, (bool, int, float)):
        yield path, np.asarray(nest, dtype=np.float64)
    elif isinstance(nest, PlainObject):
        for name, one in vars(nest).items():
            yield from leaves(one, f"{path}.{name}")
    elif isinstance(nest, dict):
        for key, one in nest.items():
            yield from leaves(one, f"{path}[{key!r}]")
    elif isinstance(nest, (list, tuple)):
        if nest and all(type(one) in (int, float) for one in nest):
            yield path, np.asarray(nest, dtype=np.float64)
            return
        for i, one in enumerate(nest):
            yield from leaves(one, f"{path}[{i}]")


def combined(function: Callable[..., Any], *nests: Any) -> Any:
    """Apply a function to the arrays and numbers at the same place of several nests.

    Raises
    ------
    ValueError
        The nests differ in structure or shapes.
    """
    first = nests[0]
    if isinstance(first, np.ndarray) or type(first) in (int, float):
        if len({np.shape(one) for one in nests}) > 1:
            raise ValueError("arrays of different shapes")
        return function(*nests)
    if isinstance(first, PlainObject):
        return PlainObject(**combined(function, *map(vars, nests)))
    if isinstance(first, dict):
        if any(not isinstance(one, dict) or one.keys() != first.keys() for one in nests):
            raise ValueError("dicts with different keys")
        return {key: combined(function, *(one[key] for one in nests)) for key in first}
    if isinstance(first, (list, tuple)):
        if len({len(one) for one in nests}) > 1:
            raise ValueError("lists of different lengths")
        return type(first)(combined(function, *parts) for parts in zip(*nests, strict=True))
    return first


def mean(nests: Sequence[Any]) -> Any:
    """The mean of nests of one structure: of what a function returned for one sample after the other."""
    return combined(lambda *parts: sum(np.asarray(part, dtype=np.float64) for part in parts) / len(parts), *nests)


# between processes: JSON with references to arrays, and the bytes of the arrays

_DTYPES = ("<f8", "<f4", "<f2", "<i8", "<i4", "<i2", "|i1", "<u8", "<u4", "<u2", "|u1", "|b1")


@dataclass
class _Packer:
    chunks: list[bytes] = field(default_factory=list)
    size: int = 0

    def tree(self, nest: Any) -> Any:
        if isinstance(nest, np.ndarray):
            array = np.ascontiguousarray(nest, nest.dtype.newbyteorder("<"))
            start, data = self.size, array.tobytes()
            self.chunks.append(data)
            self.size += len(data)
            return {"array": [array.dtype.str, list(nest.shape), start]}
        if isinstance(nest, PlainObject):
            return {"record": [[name, self.tree(one)] for name, one in vars(nest).items()]}
        if isinstance(nest, dict):
            return {"dict": [[key, self.tree(one)] for key, one in nest.items()]}
        if isinstance(nest, tuple):
            return {"tuple": [self.tree(one) for one in nest]}
        if isinstance(nest, list):
            return [self.tree(one) for one in nest]
        return nest


def pack(nest: Any) -> bytes:
    """Write a nest as bytes: the lengths of its two parts, JSON, and the numbers of its arrays."""
    packer = _Packer()
    text = json.dumps(packer.tree(nest)).encode()
    return b"".join([len(text).to_bytes(8, "big"), packer.size.to_bytes(8, "big"), text, *packer.chunks])


def unpack(read: Callable[[int], bytes], most: int = _BYTES + (1 << 26)) -> Any:
    """Read a nest that `pack` wrote, from bytes that anybody may have written.

    Parameters
    ----------
    read : callable
        Returns as many bytes as it is asked for, or raises.
    most : int
        Bytes that are taken at most.

    Raises
    ------
    ProtocolError
        It is not a packed nest, or too large.
    """
    header = read(16)
    n_text, n_data = int.from_bytes(header[:8], "big"), int.from_bytes(header[8:], "big")
    if n_text + n_data > most:
        raise ProtocolError(f"an answer of {n_text + n_data:,} bytes")
    text, data = read(n_text), read(n_data)
    try:
        return _nest(json.loads(text), data, 0)
    except ProtocolError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
        raise ProtocolError("an answer that cannot be read") from error


def _nest(tree: Any, data: bytes, depth: int) -> Any:
    if depth > 3 * _DEPTH:
        raise ProtocolError("an answer that is nested too deep")
    if isinstance(tree, list):
        return [_nest(one, data, depth + 1) for one in tree]
    if not isinstance(tree, dict):
        return tree
    [(kind, parts)] = tree.items()
    if kind == "array":
        dtype, shape, start = parts
        if dtype not in _DTYPES or len(shape) > 16 or any(type(n) is not int or n < 0 for n in (*shape, start)):
            raise ProtocolError("an array of another kind")
        count = 1
        for n in shape:
            count *= n
        if start + count * np.dtype(dtype).itemsize > len(data):
            raise ProtocolError("an array without its numbers")
        return np.frombuffer(data, dtype, count, start).reshape(shape).copy()
    if kind == "tuple":
        return tuple(_nest(one, data, depth + 1) for one in parts)
    if kind == "dict":
        return {key: _nest(one, data, depth + 1) for key, one in parts}
    if kind == "record":
        return PlainObject(**{str(name): _nest(one, data, depth + 1) for name, one in parts})
    raise ProtocolError("an answer of another kind")
