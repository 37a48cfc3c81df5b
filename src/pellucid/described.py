"""Objects that are nothing but their settings, such as optimizers; and short descriptions of any object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import fields
from typing import Any

from pellucid.hints import Hinted, has_line

_MOST_LETTERS = 400
"""Of a short description, which then says that it was cut."""


def brief(value: object, depth: int = 2) -> str:
    """Describe a value in at most 120 letters: of arrays the shape, of collections the first entries."""
    if isinstance(value, str):
        return repr(value if len(value) <= 60 else f"{value[:59]}…")
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and shape:
        return f"<array of shape {shape}>"
    if isinstance(value, Mapping) or (isinstance(value, Sequence | Set) and not isinstance(value, bytes)):
        if depth == 0 or len(value) > 100:
            return f"<{type(value).__name__} of {len(value)}>"
        return shortened(_brief_collection(value, depth), 120)
    return shortened(repr(value), 120)


def _brief_collection(value: Any, depth: int) -> str:
    if isinstance(value, Mapping):
        shown = [f"{brief(key, 0)}: {brief(value[key], depth - 1)}" for key in list(value)[:3]]
        opening, closing = "{", "}"
    else:
        shown = [brief(entry, depth - 1) for entry in list(value)[:3]]
        opening, closing = "[]" if isinstance(value, list) else "()" if isinstance(value, tuple) else "{}"
    more = f", … ({len(value)})" if len(value) > 3 else "," if len(shown) == 1 and opening == "(" else ""
    return f"{opening}{', '.join(shown)}{more}{closing}"


def shortened(text: str, most: int) -> str:
    """Cut a text after so many letters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def describe_briefly(name: str, values: Mapping[str, object]) -> str:
    """Write ``name(key=value, …)`` in at most 500 letters."""
    text = ""
    for i, (key, value) in enumerate(values.items()):
        text += f"{', ' if i else ''}{key}={brief(value)}"
        if len(text) > _MOST_LETTERS:
            return f"{name}({shortened(text, _MOST_LETTERS)})"
    return f"{name}({text})"


class Brief:
    """A dataclass whose ``repr`` stays short, however much its fields hold; they are decorated with ``repr=False``."""

    __slots__ = ()

    def __repr__(self) -> str:
        shown = {one.name: getattr(self, one.name) for one in fields(self) if one.repr}  # type: ignore[arg-type]
        return describe_briefly(type(self).__name__, shown)


class Described(Hinted):
    """A description told apart by its class and settings alone, which are its attributes; it does not change."""

    @property
    def settings(self) -> dict[str, Any]:
        """The numbers that it was made with, by name."""
        return dict(vars(self))

    def __setattr__(self, name: str, value: object) -> None:
        if name in vars(self):
            raise AttributeError(f"{self!r} cannot be changed; make a new one: {type(self).__name__}({name}={value!r})")
        if has_line("Optimizer", name):
            getattr(self, name)  # which says what it is called
        super().__setattr__(name, value)

    def __repr__(self) -> str:
        return describe_briefly(type(self).__name__, vars(self))

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).items()))
