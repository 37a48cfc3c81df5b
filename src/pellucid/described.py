"""Objects that are nothing but a kind and some numbers: optimizers and schedules."""

from typing import Any


class Described:
    """A description told apart by its class and settings alone, which are its attributes; it does not change."""

    @property
    def settings(self) -> dict[str, Any]:
        """The numbers that it was made with, by name."""
        return dict(vars(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).items()))
