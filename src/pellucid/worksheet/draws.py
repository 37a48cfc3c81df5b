"""Choices that a seed makes, the same on every machine and in every version of Python."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from pellucid.randomness import bits64, key

T = TypeVar("T")


class Draws:
    """A stream of choices.

    Parameters
    ----------
    *words : int
        Whole numbers ≥ 0 that tell the stream from others: seed, exercise, attempt.
    """

    def __init__(self, *words: int) -> None:
        self._key = key(*words)
        self._drawn = 0

    def integer(self, low: int, high: int) -> int:
        """Draw a whole number from low to high, both included."""
        number = int(bits64(self._key, self._drawn, 1)[0])
        self._drawn += 1
        return low + number % (high - low + 1)

    def choice(self, items: Sequence[T]) -> T:
        """Draw one of several."""
        return items[self.integer(0, len(items) - 1)]

    def sample(self, items: Sequence[T], count: int) -> list[T]:
        """Draw so many different ones, in random order."""
        left = list(items)
        return [left.pop(self.integer(0, len(left) - 1)) for _ in range(count)]

    def nonzero(self, most: int) -> int:
        """Draw a whole number from -most to most that is not 0."""
        return self.integer(1, most) * self.choice((-1, 1))
