"""A worksheet: the exercises of the course, or others of the same difficulty that a seed makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

from pellucid.arrays import as_count
from pellucid.document import Document
from pellucid.hints import hinted
from pellucid.results import Result
from pellucid.worksheet import by_hand, chain, slopes, structure, vectors
from pellucid.worksheet.draws import Draws
from pellucid.worksheet.exercise import Exercise, Kind
from pellucid.worksheet.fields import Field, flat

KINDS: Mapping[int, Kind] = {
    kind.number: kind for module in (chain, structure, vectors, slopes, by_hand) for kind in module.KINDS
}
"""The kinds of exercises, by number."""

_LONGER = 4 / 3
"""An exercise's answers are at most so many times as long as those of the original."""

_ATTEMPTS = 1_000


@dataclass(frozen=True, repr=False)
class Worksheet(Result):
    """Twelve exercises; printed solved. `blank` and `key` make the other sheets.

    Attributes
    ----------
    seed : int or None
        What they were drawn with; None for the exercises of the course.
    exercises : tuple of Exercise
    """

    seed: int | None
    exercises: tuple[Exercise, ...]

    @property
    def title(self) -> str:
        """``Backpropagation: worksheet``, with the variant's number."""
        return "Backpropagation: worksheet" + (f", variant {self.seed}" if self.seed is not None else "")

    def document(self) -> Document:
        """Return the exercises with their solutions as a document."""
        from pellucid.worksheet.sheets import solved

        return solved(self)

    def __repr__(self) -> str:
        variant = "" if self.seed is None else f", variant {self.seed}"
        return f"<Worksheet: {len(self.exercises)} exercises{variant}>"

    def fields(self) -> list[tuple[Exercise, Field]]:
        """Every answer that is asked for, with its exercise."""
        return [(exercise, field) for exercise in self.exercises for field in exercise.fields]


@hinted
def worksheet(variant: int | None = None) -> Worksheet:
    """Make a worksheet.

    Parameters
    ----------
    variant : int ≥ 0, optional
        The seed of a variant of the same difficulty; without it the exercises of the course.

    Returns
    -------
    Worksheet
        The same for the same seed on every machine. Numbers are drawn again until no mistake that is known gives a
        right answer, and until no answer is longer than the original's by more than a third.

    Raises
    ------
    ValueError, TypeError
        A seed that is no whole number ≥ 0.
    """
    return _made(None if variant is None else as_count(variant, "variant", 0))


@lru_cache(maxsize=64)
def _made(seed: int | None) -> Worksheet:
    if seed is None:
        return Worksheet(None, tuple(_original(number) for number in KINDS))
    sizes = Draws(seed, 0).choice(structure.SIZES)
    return Worksheet(seed, tuple(_drawn(kind, seed, sizes) for kind in KINDS.values()))


def _drawn(kind: Kind, seed: int, sizes: tuple[int, ...]) -> Exercise:
    original = _original(kind.number)
    most, hidden = _LONGER * answer_length(original), _hidden(original)
    for attempt in range(_ATTEMPTS):
        exercise = kind.build(kind.draw(Draws(seed, kind.number, attempt), sizes))
        if answer_length(exercise) <= most and _hidden(exercise) <= hidden and kind.is_fit(exercise):
            return exercise
    raise RuntimeError(f"no numbers of exercise {kind.number} fit for variant {seed} in {_ATTEMPTS} attempts")


@cache
def _original(number: int) -> Exercise:
    kind = KINDS[number]
    return kind.build(kind.original)


def _hidden(exercise: Exercise) -> set[str]:
    """Mistakes that give a right answer with an exercise's numbers."""
    return {name for field in exercise.fields for name in field.slips.hidden}


def answer_length(exercise: Exercise) -> int:
    """Count the letters of an exercise's answers."""
    return sum(len(one.replace(" ", "")) for field in exercise.fields for one in flat(field.expected))
