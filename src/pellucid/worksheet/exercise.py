"""What an exercise is: a statement, the answers that it asks for, and a solution with its steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pellucid.described import Brief
from pellucid.document import Block, Document, Equation, Heading, Solution
from pellucid.results import Result
from pellucid.worksheet.draws import Draws
from pellucid.worksheet.fields import Field

Parameters = Mapping[str, Any]
"""The numbers, functions and sizes of an exercise, as what JSON can hold."""


@dataclass(frozen=True, repr=False)
class Exercise(Result):
    """An exercise with its numbers put in; printed with its solution.

    Attributes
    ----------
    number : int
    title : str
    parameters : Parameters
    statement : tuple of Block
    fields : tuple of Field
        What is asked for.
    solution : tuple of Block
        The steps to it.
    room : float
        Lines to leave for an answer by hand.
    """

    number: int
    title: str
    parameters: Parameters
    statement: tuple[Block, ...]
    fields: tuple[Field, ...]
    solution: tuple[Block, ...]
    room: float

    @property
    def heading(self) -> Heading:
        """Its number and title."""
        return Heading(2, f"{self.number} {self.title}")

    def solved(self) -> tuple[Block, ...]:
        """Return its statement and solution, with the answer repeated at the end where it is only one."""
        answers = []
        if len(self.fields) == 1:
            (field,) = self.fields
            answers = [Equation((rf"\boxed{{{field.latex} = {field.expected_latex}}}",))]
        return *self.statement, Solution((*self.solution, *answers))

    def document(self) -> Document:
        """Return it with its solution as a document."""
        return Document(f"{self.number} {self.title}", self.solved())

    def __repr__(self) -> str:
        count = len(self.fields)
        return f"<Exercise {self.number}: {count} answer{'' if count == 1 else 's'}>"


@dataclass(frozen=True, repr=False)
class Kind(Brief):
    """A kind of exercise: the one of the course, and how others of the same difficulty are drawn.

    Attributes
    ----------
    number : int
    title : str
    original : Parameters
    draw : callable
        From choices and the sizes of the sheet's network to parameters; some of what it gives may be rejected.
    build : callable
        From parameters to the exercise.
    is_fit : callable
        Whether drawn numbers do, beyond what is asked of every exercise.
    """

    number: int
    title: str
    original: Parameters
    draw: Callable[[Draws, tuple[int, ...]], Parameters]
    build: Callable[[Parameters], Exercise]
    is_fit: Callable[[Exercise], bool] = lambda _: True
