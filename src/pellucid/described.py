"""Objects that are nothing but a name or a kind and some numbers: rows of tables, optimizers, schedules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


class Row:
    """A row of a table, which stays that very row when it is copied or pickled.

    `find` looks a row up by name and settings; what it does not find, a user made.
    """

    name: str
    settings: Mapping[str, Any]

    def find(self) -> Callable[..., Row] | None:
        """Return the look-up that gives this row back, or None if a user made it."""
        raise NotImplementedError

    def __reduce__(self) -> Any:
        find = self.find()
        if find is None:
            return _empty, (type(self),), vars(self)  # object's own way would come back here
        return _found, (find, self.name, dict(self.settings))

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.__reduce__()


def _empty(kind: type[Row]) -> Row:
    """Make a row without its fields, which pickle puts in."""
    return kind.__new__(kind)


def _found(find: Callable[..., Row], name: str, settings: dict[str, float]) -> Row:
    return find(name, **settings)


class Described:
    """A description told apart by its class and settings alone, which are its attributes; it does not change."""

    @property
    def settings(self) -> dict[str, Any]:
        """The numbers that it was made with, by name."""
        return dict(vars(self))

    def __setattr__(self, name: str, value: object) -> None:
        if name in vars(self):
            raise AttributeError(f"a {type(self).__name__} does not change; make another one with its own {name}")
        super().__setattr__(name, value)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).items()))
