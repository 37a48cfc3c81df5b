"""A worksheet as a document: solved, blank, or its key."""

from __future__ import annotations

from pellucid.document import AnswerSpace, Block, Document, KeepTogether, PageBreak, Table
from pellucid.hints import expect, hinted
from pellucid.worksheet.variants import Worksheet

_NEW_PAGE = (3, 5, 7, 9, 11, 12)
"""On paper to write on these exercises begin a page, so that every variant's pages break at the same places."""


@hinted
def solved(sheet: Worksheet) -> Document:
    """Return the exercises with their solutions.

    Parameters
    ----------
    sheet : Worksheet

    Returns
    -------
    Document
    """
    _expect_sheet(sheet, "solved")
    blocks: list[Block] = []
    for exercise in sheet.exercises:
        blocks += [exercise.heading, *exercise.solved()]
    return Document(sheet.title + ", solved", tuple(blocks))


@hinted
def blank(sheet: Worksheet, student: str = "") -> Document:
    """Return the exercises with room to write.

    Parameters
    ----------
    sheet : Worksheet
    student : str
        Stands on the name's line.
    """
    _expect_sheet(sheet, "blank")
    blocks: list[Block] = []
    for exercise in sheet.exercises:
        if exercise.number in _NEW_PAGE:
            blocks.append(PageBreak())
        blocks.append(KeepTogether((exercise.heading, *exercise.statement)))
        if exercise.room:
            blocks.append(AnswerSpace(exercise.room))
    return Document(sheet.title, tuple(blocks), fields=(("Name", student), ("Date", "")))


@hinted
def key(sheet: Worksheet) -> Document:
    """Return the answers alone, with the name that each has in a file of answers."""
    _expect_sheet(sheet, "key")
    blocks: list[Block] = []
    for exercise in sheet.exercises:
        rows = tuple((f"`{field.key}`", f"${field.expected_latex}$") for field in exercise.fields)
        blocks += [exercise.heading, Table(("name", "answer"), rows)]
    return Document(sheet.title + ", key", tuple(blocks))


def _expect_sheet(sheet: object, function: str) -> None:
    line = f"pl.worksheet.{function}(pl.worksheet.worksheet({sheet if isinstance(sheet, int) else ''}))"
    expect(sheet, Worksheet, "sheet", "a Worksheet", line)
