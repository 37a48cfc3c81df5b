"""Descriptions of what a JSON value may be, and the one place where a value is checked against one.

A description is a function of a value and its place that returns the value, or raises a `MismatchError` that names the
place, what is expected there and what was found.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

Description = Callable[[Any, str], Any]

LARGEST_COUNT = 2**53
"""Above it not every whole number is a float, and no count of ours comes near it."""


class MismatchError(ValueError):
    """A value that its description does not allow."""


def whole(least: int = 0, most: int | None = LARGEST_COUNT) -> Description:
    """Describe a whole number in [least, most]; with None in [least, ∞)."""

    def check(value: Any, place: str) -> Any:
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        if not is_whole or value < least or (most is not None and value > most):
            limits = f"[{least}, ∞)" if most in (None, LARGEST_COUNT) else f"[{least}, {most}]"
            raise _mismatch(place, f"a whole number in {limits}", value)
        return value

    return check


def real(low: float = -sys.float_info.max, high: float = sys.float_info.max, *, open_low: bool = False) -> Description:
    """Describe a finite number in [low, high], or in (low, high]."""

    def check(value: Any, place: str) -> Any:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not low <= value <= high or (open_low and value == low):  # NaN is in no interval
            raise _mismatch(place, f"a finite number{_interval(low, high, open_low)}", value)
        return value

    return check


def text(value: Any, place: str) -> Any:
    """Describe any text."""
    if not isinstance(value, str):
        raise _mismatch(place, "text", value)
    return value


def truth(value: Any, place: str) -> Any:
    """Describe true or false."""
    if not isinstance(value, bool):
        raise _mismatch(place, "true or false", value)
    return value


def one_of(*values: str) -> Description:
    """Describe one of several texts."""

    def check(value: Any, place: str) -> Any:
        if not isinstance(value, str) or value not in values:
            raise _mismatch(place, f"one of {', '.join(map(repr, values))}", value)
        return value

    return check


def scalar(value: Any, place: str) -> Any:
    """Describe null, true, false, a finite number or text."""
    if value is not None and not isinstance(value, bool | str):
        real()(value, place)
    return value


def maybe(description: Description) -> Description:
    """Describe a value that may also be null."""

    def check(value: Any, place: str) -> Any:
        return None if value is None else description(value, place)

    return check


def either(expected: str, *descriptions: Description) -> Description:
    """Describe a value that fits at least one of several descriptions, all of them together called ``expected``."""

    def check(value: Any, place: str) -> Any:
        for description in descriptions:
            try:
                return description(value, place)
            except MismatchError:
                continue
        raise _mismatch(place, expected, value)

    return check


def list_of(description: Description, least: int = 0) -> Description:
    """Describe a list of at least so many values of one description."""

    def check(value: Any, place: str) -> Any:
        if not isinstance(value, list) or len(value) < least:
            raise _mismatch(place, f"a list of at least {least}" if least else "a list", value)
        return [description(one, f"{place}[{i}]") for i, one in enumerate(value)]

    return check


def row_of(*descriptions: Description) -> Description:
    """Describe a list with one value for each description."""

    def check(value: Any, place: str) -> Any:
        if not isinstance(value, list) or len(value) != len(descriptions):
            raise _mismatch(place, f"a list of {len(descriptions)}", value)
        return [fits(one, f"{place}[{i}]") for i, (fits, one) in enumerate(zip(descriptions, value, strict=True))]

    return check


def dict_of(description: Description) -> Description:
    """Describe an object of any keys whose values have one description."""

    def check(value: Any, place: str) -> Any:
        if not isinstance(value, dict):
            raise _mismatch(place, "an object", value)
        return {key: description(one, _at(place, key)) for key, one in value.items()}

    return check


def record(required: Mapping[str, Description], optional: Mapping[str, Description] | None = None) -> Description:
    """Describe an object with certain keys; keys that are not described are ignored, and not returned."""

    def check(value: Any, place: str) -> Any:
        if not isinstance(value, dict):
            raise _mismatch(place, "an object", value)
        missing = [key for key in required if key not in value]
        if missing:
            raise MismatchError(f"{place or 'the header'} lacks {', '.join(map(repr, missing))}")
        known = {**required, **(optional or {})}
        return {key: known[key](one, _at(place, key)) for key, one in value.items() if key in known}

    return check


def _at(place: str, key: str) -> str:
    shown = key if key.isidentifier() else repr(key[:40])
    return f"{place}.{shown}" if place else shown


def _interval(low: float, high: float, open_low: bool) -> str:
    if (low, high) == (-sys.float_info.max, sys.float_info.max):
        return ""
    return f" in {'(' if open_low else '['}{low:g}, {'∞)' if high == sys.float_info.max else f'{high:g}]'}"


def _mismatch(place: str, expected: str, value: Any) -> MismatchError:
    return MismatchError(f"{place or 'the header'} must be {expected}, got {_shown(value)}")


def _shown(value: Any) -> str:
    """Show a value in a few letters, however large or deep it is."""
    if isinstance(value, dict):
        return f"an object of {len(value)}"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, str) and len(value) > 40:
        return f"{value[:40]!r}…"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > LARGEST_COUNT:
        return "a larger number" if value > 0 else "a smaller number"
    return {"None": "null", "True": "true", "False": "false"}.get(repr(value), repr(value))
