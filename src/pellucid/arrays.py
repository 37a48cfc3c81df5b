"""What a user hands over, made into arrays or refused: inputs, sample weights, flat numbers.

Nothing is broadcast: a shape that does not fit is an error that says which was expected. Targets depend on the loss
and are read in `pellucid.losses`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.described import brief
from pellucid.errors import counted

if TYPE_CHECKING:
    from numpy.typing import ArrayLike as ArrayLike
    from numpy.typing import DTypeLike as DTypeLike
    from numpy.typing import NDArray as NDArray

    Array = NDArray[np.floating[Any]]
    """A float32 or float64 array."""
else:  # numpy.typing takes time to import, and only type checkers read what it says
    Array, ArrayLike, DTypeLike, NDArray = np.ndarray, Any, Any, Any

DTYPES = (np.dtype("float32"), np.dtype("float64"))


def as_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    """Check a network's dtype: float32 or float64."""
    try:
        found = np.dtype(dtype)
    except (TypeError, ValueError):
        found = np.dtype(object)
    if found not in DTYPES or dtype is None:
        raise ValueError(f"dtype must be 'float32' or 'float64', got {dtype!r}")
    return found


def as_array(values: ArrayLike, name: str) -> NDArray[Any]:
    """Convert to an array of any dtype; rows of unequal length are a TypeError."""
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise TypeError(f"{name} is a masked array with masked entries; fill them in or leave their samples out")
    try:
        return np.asarray(values)
    except RuntimeError as error:  # a tensor of PyTorch that requires a gradient
        raise TypeError(f"{name} is not an array of numbers: {error}") from error
    except ValueError as error:
        raise TypeError(f"{name} is not an array of numbers: {error}") from error


def as_numbers(values: ArrayLike, name: str, dtype: np.dtype[Any]) -> Array:
    """Convert to an array of finite real numbers.

    Parameters
    ----------
    values : array_like
        Numbers of any real or boolean dtype.
    name : str
        What to call them in an error.
    dtype : dtype
        float32 or float64. An array that has it already is not copied.

    Raises
    ------
    TypeError
        Not numbers: text, objects, complex numbers, rows of unequal length.
    ValueError
        NaN or infinity, or a number beyond the range of the dtype; the first is named with its place.
    """
    raw = as_array(values, name)
    if raw.dtype == object:  # DataFrames of mixed columns, fractions, None for a missing number
        strange = [v for v in raw.flat if isinstance(v, (np.ndarray, str, bytes)) or not hasattr(v, "__float__")]
        strange = [v for v in strange if v is not None or raw.ndim == 0]  # float() would take text
        if strange:
            raise TypeError(f"{name} is not an array of numbers: it holds {strange[0]!r}")
        try:
            raw = raw.astype(float)
        except (TypeError, ValueError, OverflowError) as error:
            raise TypeError(f"{name} is not an array of numbers: {error}") from error
    if raw.dtype.kind not in "fiub":
        raise TypeError(f"{name} must hold real numbers, got dtype {raw.dtype}")
    with np.errstate(over="ignore"):
        numbers = raw.astype(dtype, copy=False)
    if not all(np.isfinite(piece).all() for piece in pieces(numbers)):
        place = tuple(int(i) for i in np.argwhere(~np.isfinite(numbers))[0])
        got = raw[place]
        where = name + (f"[{', '.join(map(str, place))}]" if place else "")
        if np.isfinite(got):
            raise ValueError(f"{where} is {got}, beyond the range of {dtype}")
        raise ValueError(f"{where} is {got}; every number must be finite")
    return numbers


def pieces(array: np.ndarray[Any, Any]) -> Iterator[np.ndarray[Any, Any]]:
    """Yield an array in pieces of rows, so that what is computed of each stays in the caches and small."""
    step = max(1, len(array) * 2**16 // max(1, array.size)) if array.ndim else 1
    if array.ndim == 0 or len(array) <= step:
        yield array
        return
    for first in range(0, len(array), step):
        yield array[first : first + step]


def as_inputs(X: ArrayLike, n_inputs: int, dtype: np.dtype[Any], name: str = "X") -> tuple[Array, bool]:
    """Read inputs: a batch of shape (n, n_1) with n ≥ 1, or one input of shape (n_1,).

    Returns
    -------
    X : ndarray of shape (n, n_1)
    is_single : bool
        True if one input was given; n is then 1.

    Raises
    ------
    ValueError, TypeError
        Another shape, no samples, or what `as_numbers` refuses.
    """
    array = as_numbers(X, name, dtype)
    if array.ndim == 1 and len(array) == n_inputs:
        return array[np.newaxis], True
    layer = f"the network's input layer has {n_inputs} neuron{'s' if n_inputs != 1 else ''}"
    if array.ndim != 2:
        hint = ""
        if array.ndim == 1 and n_inputs == 1:
            hint = f"; for {len(array)} samples of one number each, give {name}.reshape(-1, 1)"
        raise ValueError(
            f"{name} has shape {array.shape}, but {layer}: "
            f"expected (n, {n_inputs}) for a batch or ({n_inputs},) for one input{hint}"
        )
    if array.shape[1] != n_inputs:
        raise ValueError(f"{name} has shape {array.shape}, but {layer}: expected (n, {n_inputs})")
    if len(array) == 0:
        raise ValueError(f"{name} has 0 samples; at least one is needed")
    return array, False


def as_sample_weight(sample_weight: ArrayLike | None, n: int, dtype: np.dtype[Any]) -> Array | None:
    """Read sample weights of shape (n,): finite, none negative, not all zero; None stays None."""
    if sample_weight is None:
        return None
    weight = as_numbers(sample_weight, "sample_weight", dtype)
    if weight.shape != (n,):
        raise ValueError(
            f"sample_weight has shape {weight.shape}, but there are {counted(n, 'sample')}: expected ({n},)"
        )
    if (weight < 0).any():
        i = int(np.argmax(weight < 0))
        raise ValueError(f"sample_weight[{i}] is {weight[i]}; weights must not be negative")
    if not weight.any():
        raise ValueError("sample_weight is zero for every sample; at least one must be positive")
    largest = weight.max()
    if largest < np.sqrt(np.finfo(dtype).max):
        return weight
    # Only ratios matter, and a sum of weights as large as numbers go would overflow; a power of two is exact.
    scaled: Array = np.ldexp(weight, -np.frexp(largest)[1])
    return scaled


def as_number(
    value: object, name: str, low: float, high: float = np.inf, *, open_low: bool = False, open_high: bool = True
) -> float:
    """Check one real number against a range and return it as a float.

    Raises
    ------
    TypeError
        Not a real number.
    ValueError
        Outside the range, NaN or infinite.
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name} must be a number, got {brief(value)}")
    number = float(value)
    fits = (number > low if open_low else number >= low) and (number < high if open_high else number <= high)
    if not fits:
        interval = f"{'(' if open_low else '['}{low:g}, {high:g}{')' if open_high else ']'}"
        raise ValueError(f"{name} must be in {interval}, got {value!r}")
    return number


def as_count(value: object, name: str, least: int = 1) -> int:
    """Check a whole number ≥ least and return it as an int; a float is refused even if it is whole."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} must be a whole number, got {brief(value)}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}")
    return int(value)
