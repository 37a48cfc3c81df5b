"""Weights and biases from a file, for a network of given sizes: NPZ, or JSON as people write it."""

import json
import os
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from pellucid.layers import Layers

_KEY = re.compile(r"(?P<symbol>[Wb])\s*[_.^]?\s*(?P<layer>\d+)")


def load_weights(layers: Layers, path: str) -> None:
    """Set W[l] and b[l] of every layer from a file.

    Parameters
    ----------
    layers : Layers
        Changed only if the whole file fits.
    path : str
        An NPZ file, or a JSON object, with ``W2``, ``b2``, ``W3``, …; or with
        ``{"W": {"2": …}, "b": {"2": …}}``.

    Raises
    ------
    OSError
        It cannot be read.
    ValueError
        Another format, an array that is missing, superfluous or of another shape, or numbers that are not finite.
    """
    found = _read(path)
    expected = {f"{symbol}{l}": array for symbol in "Wb" for l, array in getattr(layers, symbol).items()}
    names = ", ".join(expected)
    strange = [name for name in found if name not in expected]
    if strange:
        raise ValueError(f"{path} holds {strange[0]!r}, but {_network(layers)} has {names}")
    missing = [name for name in expected if name not in found]
    if missing:
        hint = " (--no-bias makes a network without biases)" if all(name[0] == "b" for name in missing) else ""
        raise ValueError(f"{path} has no {missing[0]}: {_network(layers)} has {names}{hint}")
    for name, array in expected.items():
        shape = np.shape(_array(found[name], path, name))
        if shape != array.shape:
            hint = _shape_hint(shape, array.shape)
            raise ValueError(f"{path}: {name} has shape {shape}, but {_network(layers)} needs {array.shape}{hint}")
    for symbol in "Wb":
        by_layer = getattr(layers, symbol)
        try:
            by_layer.assign({l: found[f"{symbol}{l}"] for l in by_layer.keys()})
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path}: {error}") from None


def _network(layers: Layers) -> str:
    return f"a {layers.sizes_text} network{'' if layers.has_bias else ' without biases'}"


def _shape_hint(shape: tuple[int, ...], needed: tuple[int, ...]) -> str:
    if len(needed) == 1 and shape in ((*needed, 1), (1, *needed)):
        return "; write it as a flat list of numbers"
    is_turned = len(needed) == 2 and shape == needed[::-1]
    return "; it looks transposed: W[l] has a row for each neuron of layer l" if is_turned else ""


def _array(value: Any, path: str, name: str) -> np.ndarray[Any, Any]:
    try:
        return np.asarray(value)
    except ValueError:
        raise ValueError(f"{path}: {name} has rows of unequal length") from None


def _read(path: str) -> dict[str, Any]:
    """Read the arrays of a file by name, as ``W2``."""
    if not os.path.isfile(path):
        raise FileNotFoundError(f"there is no file {path}")
    with open(path, "rb") as file:
        is_archive = file.read(2) == b"PK"
    if is_archive:
        try:
            with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
                given: Mapping[str, Any] = {name: arrays[name] for name in arrays.files}
        except Exception as error:  # NumPy and zipfile raise many things for a broken archive
            raise ValueError(f"{path} is not a whole NPZ file: {error}") from error
    else:
        given = _read_json(path)
    found: dict[str, Any] = {}
    for key, value in given.items():
        if key in ("W", "b") and isinstance(value, Mapping):
            found |= {_name(f"{key}{l}", path): array for l, array in value.items()}
        else:
            found[_name(key, path)] = value
    return found


def _read_json(path: str) -> Mapping[str, Any]:
    try:
        with open(path, encoding="utf-8-sig") as file:
            given = json.load(file)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is neither an NPZ file nor JSON: {error}") from error
    if not isinstance(given, Mapping):
        raise ValueError(f'{path} must hold an object such as {{"W2": [[…]], "b2": […], "W3": …}}')
    return given


def _name(key: str, path: str) -> str:
    match = _KEY.fullmatch(key)
    if match is None:
        raise ValueError(f"{path} holds {key!r}, which is not the name of weights or biases such as W2 or b2")
    return f"{match['symbol']}{match['layer']}"
