"""What an exercise asks for: one answer, how it is read, and which mistakes would give another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pellucid.described import Brief

Entries = tuple[tuple[str, ...], ...]
"""An answer as rows of formulas; a number or a formula is one row of one."""


@dataclass(frozen=True, repr=False)
class Slip(Brief):
    """A mistake, and the answer that it gives.

    Attributes
    ----------
    name : str
        What went wrong, in a phrase.
    answer : Entries
    repair : str
        What to do instead, as markup.
    row : str
        The row of the table of mistakes, if it is one of those.
    """

    name: str
    answer: Entries
    repair: str = ""
    row: str = ""


@dataclass(frozen=True, repr=False)
class Slips(Brief):
    """Mistakes told apart by their answers.

    Attributes
    ----------
    shown : tuple of Slip
        The first of each wrong answer.
    hidden : tuple of str
        Names of those that give the right answer.
    """

    shown: tuple[Slip, ...] = ()
    hidden: tuple[str, ...] = ()


@dataclass(frozen=True, repr=False)
class Reading(Brief):
    """How the formulas of an answer are read and compared.

    Attributes
    ----------
    names : tuple of str
        Names that may stand in them, so that ``uv`` is u v.
    definitions : dict of str to str
        Put in before comparing: an answer may keep x where x = sin u + cos v.
    functions : dict of str to (str, str)
        Functions that may be named, as σ with its variable and formula.
    labels : bool
        Whether ``w_12^2`` is a label and not a power.
    domain : {'real', 'positive'}
    """

    names: tuple[str, ...] = ()
    definitions: Mapping[str, str] = field(default_factory=dict)
    functions: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    labels: bool = False
    domain: str = "real"


@dataclass(frozen=True, repr=False)
class Field(Brief):
    """One answer that an exercise asks for.

    Attributes
    ----------
    key : str
        Its name in a file of answers: ``df/dx``, ``W^2``, ``z_1^2``.
    latex : str
        What is asked for, as it stands before the equals sign.
    kind : {'number', 'formula', 'piecewise', 'vector', 'matrix'}
    expected : Entries
    expected_latex : str
        The right answer as LaTeX.
    reading : Reading
    digits : int or None
        Significant digits that a number is compared to; None compares exactly, and a decimal that stands for a fraction
        as it is rounded.
    shape_matters : bool
        Whether a row in place of a column is another answer.
    slips : Slips
    kinks : tuple of (float, float)
        For a piecewise function: where it has no derivative, and the value that the library takes there.
    follows : callable, optional
        From the answers given so far by key, what would be right if they were; None if that cannot be said.
    """

    key: str
    latex: str
    kind: str
    expected: Entries
    expected_latex: str
    reading: Reading = Reading()
    digits: int | None = None
    shape_matters: bool = False
    slips: Slips = Slips()
    kinks: tuple[tuple[float, float], ...] = ()
    follows: Callable[[Mapping[str, Entries]], Entries | None] | None = field(default=None, repr=False, compare=False)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "follows": None}  # a function of the moment, which no other process needs

    @property
    def text(self) -> str:
        """The right answer as it may stand in a file of answers."""
        return as_text(self.expected, self.kind)


def entry(formula: object) -> Entries:
    """Return a single formula as an answer."""
    return ((str(formula),),)


def vector(formulas: Iterable[object]) -> Entries:
    """Return a column as an answer."""
    return tuple((str(formula),) for formula in formulas)


def matrix(rows: Iterable[Iterable[object]]) -> Entries:
    """Return rows of formulas as an answer."""
    return tuple(tuple(str(formula) for formula in row) for row in rows)


def as_text(entries: Entries, kind: str) -> str:
    """Write an answer on a line."""
    if kind == "vector":
        return f"({', '.join(one for row in entries for one in row)})"
    if kind == "matrix":
        return f"[{'; '.join(', '.join(row) for row in entries)}]"
    return entries[0][0]


def is_vector(entries: Entries) -> bool:
    """Whether an answer has one row or one column."""
    return len(entries) == 1 or all(len(row) == 1 for row in entries)


def flat(entries: Entries) -> tuple[str, ...]:
    """Return the entries in their order."""
    return tuple(one for row in entries for one in row)
