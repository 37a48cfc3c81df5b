"""Answers graded: every one judged, the points, a report for the student and a table for the teacher."""

from __future__ import annotations

import csv
import io
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pellucid.arrays import as_count
from pellucid.described import Brief
from pellucid.document import Block, Document, Heading, Items, Paragraph, Table, escape
from pellucid.document.rendering import plain_markup
from pellucid.errors import DataFileError, FormulaError
from pellucid.hints import expect, hinted
from pellucid.results import Result
from pellucid.storage import PathLike
from pellucid.worksheet.answers import Answers, answered, read_answers, shown_path
from pellucid.worksheet.fields import Entries
from pellucid.worksheet.judging import VERDICTS, Judgement, judge
from pellucid.worksheet.variants import Worksheet, worksheet
from pellucid.worksheet.written import read_entries


@dataclass(frozen=True, repr=False)
class Grade(Result):
    """A graded file of answers; printed as the report for the student, without the right answers.

    Attributes
    ----------
    answers : Answers
    sheet : Worksheet
    judgements : dict of int to tuple of Judgement
        By exercise.
    """

    answers: Answers
    sheet: Worksheet
    judgements: Mapping[int, tuple[Judgement, ...]]

    @property
    def points(self) -> float:
        """The sum of the points."""
        return sum(one.points for several in self.judgements.values() for one in several)

    @property
    def of(self) -> int:
        """The most that could be had: one point for each answer."""
        return sum(len(several) for several in self.judgements.values())

    @property
    def undecided(self) -> int:
        """Answers that a person must look at."""
        return sum(one.verdict == "undecided" for several in self.judgements.values() for one in several)

    @property
    def unreadable(self) -> int:
        """Answers that could not be read, so that no points say nothing of them."""
        return sum(one.verdict == "unreadable" for several in self.judgements.values() for one in several)

    @property
    def headline(self) -> str:
        """The result in a line."""
        name = self.answers.student or os.path.basename(self.answers.source) or "answers"
        more = f", {self.undecided} to be looked at" if self.undecided else ""
        more += f", {self.unreadable} cannot be read" if self.unreadable else ""
        return f"{name}: {self.points:.4g} of {self.of} points{more}"

    def document(self) -> Document:
        """Return the report for the student, without the right answers."""
        return self.report()

    def __repr__(self) -> str:
        return f"<Grade: {self.headline if len(self.headline) <= 400 else f'{self.headline[:399]}…'}>"

    def report(self, *, solutions: bool = False) -> Document:
        """Return the report for the student.

        Parameters
        ----------
        solutions : bool
            Whether the right answers are told.
        """
        return _report(self, solutions=solutions)

    def to_dict(self) -> dict[str, Any]:
        """Return it as what JSON can hold."""
        return {
            "source": self.answers.source,
            "student": self.answers.student,
            "variant": self.sheet.seed,
            "points": self.points,
            "of": self.of,
            "unreadable": self.unreadable,
            "undecided": self.undecided,
            "answers": [
                {
                    "exercise": number,
                    "answer": one.field.key,
                    "given": one.given,
                    "verdict": one.verdict,
                    "points": one.points,
                    "remark": one.remark,
                    "mistake": one.mistake,
                    "row": one.row,
                    "repair": one.repair,
                }
                for number, several in self.judgements.items()
                for one in several
            ],
            "unknown": list(self.answers.unknown),
        }


@hinted
def grade(answers: Answers | PathLike, variant: int | None = None) -> Grade:
    """Grade one student's answers.

    Parameters
    ----------
    answers : Answers or path
        As read, or a file to read.
    variant : int, optional
        The variant that was handed out; without it the one that the file names, or the exercises of the course.

    Returns
    -------
    Grade

    Raises
    ------
    DataFileError
        The file cannot be read, or answers another variant than the one named.
    OSError
        There is no such file.
    """
    expect(answers, (Answers, str, os.PathLike), "answers", "a file of answers", "pl.worksheet.grade('answers.json')")
    read = answers if isinstance(answers, Answers) else read_answers(answers)
    if variant is not None and read.variant is not None and read.variant != variant:
        raise DataFileError(f"{read.source} answers variant {read.variant}, and variant {variant} was asked for")
    sheet = worksheet(read.variant if variant is None else variant)
    judgements = {}
    deadline = time.monotonic() + _SECONDS
    unknown = [*read.unknown, *(str(n) for n in read.given if n not in {one.number for one in sheet.exercises})]
    for exercise in sheet.exercises:
        earlier: dict[str, Entries] = {}
        judged = []
        known, others = answered(read, exercise.number, [field.key for field in exercise.fields])
        unknown += [f"{exercise.number} {name}" for name in others]
        for field in exercise.fields:
            given = known.get(field.key)
            judged.append(judge(field, given, earlier, deadline))
            entries = _entries(given, field.kind)
            if entries is not None:
                earlier[field.key] = entries
        judgements[exercise.number] = tuple(judged)
    return Grade(replace(read, unknown=tuple(unknown)), sheet, judgements)


_SECONDS = 30.0
"""For the answers of one file; what is not decided by then is for the teacher to look at."""


def _entries(given: object, kind: str) -> Entries | None:
    if given is None:
        return None
    try:
        return read_entries(given, kind)
    except FormulaError:
        return None


@dataclass(frozen=True, repr=False)
class NotGraded(Brief):
    """A file that could not be graded, and why."""

    source: str
    reason: str


@hinted
def grade_folder(folder: PathLike, variant: int | None = None, *, processes: int = 1) -> list[Grade | NotGraded]:
    """Grade every file of answers in a folder, in the order of their names.

    Parameters
    ----------
    folder : path
    variant : int, optional
        As in `grade`.
    processes : int
        That many at once; more than one needs a main program that may be imported, as `multiprocessing` says.

    Returns
    -------
    list of Grade or NotGraded
        A file that cannot be read is named with the reason and stops no other.

    Raises
    ------
    FileNotFoundError
        There is no such folder, or it holds no answers.
    """
    files = answer_files(folder)
    processes = min(as_count(processes, "processes"), len(files))
    if processes == 1:
        return [_grade_one(file, variant) for file in files]
    with ProcessPoolExecutor(processes) as pool:
        return list(pool.map(_grade_one, files, [variant] * len(files)))


def answer_files(folder: PathLike) -> list[Path]:
    """Return the files of answers in a folder and those in it, by name."""
    path = Path(folder)
    files = sorted(one for one in path.rglob("*") if one.suffix.lower() in (".toml", ".json") and one.is_file())
    files = [one for one in files if one.name != "manifest.json"]
    if not files:
        raise FileNotFoundError(f"{folder} holds no answers: files that end in .toml or .json")
    return files


@hinted
def passed_over(folder: PathLike) -> list[str]:
    """Name the files in a folder that are none of answers."""
    taken = {*answer_files(folder), *Path(folder).rglob("manifest.json")}
    return sorted(
        shown_path(one.relative_to(folder)) for one in Path(folder).rglob("*") if not one.is_dir() and one not in taken
    )


def _grade_one(file: Path, variant: int | None) -> Grade | NotGraded:
    try:
        return grade(file, variant)
    except (DataFileError, OSError) as error:
        return NotGraded(shown_path(file), str(error))
    except Exception as error:  # one student's file stops no other, whatever is in it
        return NotGraded(shown_path(file), f"it could not be graded: {type(error).__name__}")


# what is written about it


_SIGNS = {
    "right": "✓",
    "follows": "✓",
    "partly": "~",
    "wrong": "✗",
    "unreadable": "?",
    "undecided": "?",
    "missing": "·",  # dashes in a row would be one rule
}


def _report(grade: Grade, *, solutions: bool) -> Document:
    who = grade.answers.student or os.path.basename(grade.answers.source)
    blocks: list[Block] = [
        Paragraph(f"**{grade.points:.4g} of {grade.of} points**" + (f", {escape(who)}" if who else ""))
    ]
    rows = []
    for exercise in grade.sheet.exercises:
        judged = grade.judgements[exercise.number]
        signs = "".join(_SIGNS[one.verdict] for one in judged)
        points = sum(one.points for one in judged)
        rows.append((f"{exercise.number} {exercise.title}", f"{points:.3g} of {len(judged)}", signs))
    blocks.append(Table(("exercise", "points", "answers"), tuple(rows)))
    for exercise in grade.sheet.exercises:
        judged = grade.judgements[exercise.number]
        said = [_about(one, solutions=solutions) for one in judged if _is_worth_a_word(one, solutions=solutions)]
        missing = [f"${one.field.latex}$" for one in judged if one.verdict == "missing" and not solutions]
        said += [f"No answer: {', '.join(missing)}."] if missing else []
        if said:
            blocks += [Heading(2, f"{exercise.number} {exercise.title}"), Items(tuple(said))]
    if grade.sheet.seed is None and grade.answers.variant is None:
        blocks.append(Paragraph("The answers name no variant: they were compared with the sheet of the course."))
    if grade.answers.unknown:
        names = ", ".join(f"`{escape(name)}`" for name in grade.answers.unknown[:20])
        blocks.append(Paragraph(f"No answer has the name {names}: what stands there was not graded."))
    return Document(f"{grade.sheet.title}: report", tuple(blocks))


def _is_worth_a_word(one: Judgement, *, solutions: bool) -> bool:
    if one.verdict == "missing":
        return solutions
    return one.verdict != "right" or bool(one.remark)


def _about(one: Judgement, *, solutions: bool) -> str:
    parts = [f"${one.field.latex}$: {VERDICTS[one.verdict]}"]
    if one.given:
        parts[0] += f", `{escape(one.given)}`"
    why = escape(one.remark) if one.verdict == "unreadable" else one.remark
    if one.verdict == "unreadable" and why:
        parts[0] += f": {why}"
        why = ""
    parts[0] += "."
    if one.mistake:
        first = one.mistake[:1].upper() if one.mistake[:1].isascii() else one.mistake[:1]
        parts.append(f"**{first}{one.mistake[1:]}.**")
    parts += [why] if why else []
    parts += [one.repair] if one.repair else []
    if solutions and one.verdict not in ("right", "follows"):
        parts.append(f"Right: ${one.field.expected_latex}$.")
    return " ".join(parts)


@hinted
def grades_csv(grades: Sequence[Grade | NotGraded]) -> str:
    """Write the table for the teacher: a row for each file, a column for each answer.

    Parameters
    ----------
    grades : sequence of Grade or NotGraded

    Returns
    -------
    str
        CSV: file, student, variant, points, of, how many answers cannot be read or are to be looked at, each answer's
        verdict, and the mistakes by their names.
    """
    keys: dict[tuple[int, str], int] = {}
    for one in grades:
        if isinstance(one, Grade):
            for number, several in one.judgements.items():
                for place, judgement in enumerate(several):
                    keys.setdefault((number, judgement.field.key), place)
    ordered = sorted(keys, key=lambda key: (key[0], keys[key]))
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    columns = ["file", "student", "variant", "points", "of", "unreadable", "undecided"]
    writer.writerow([*columns, *(f"{n} {key}" for n, key in ordered), "mistakes"])
    for name, one in zip(short_names(grades), grades, strict=True):
        writer.writerow(_plain(cell) for cell in [name, *_row(one, ordered)])
    return buffer.getvalue()


def short_names(grades: Sequence[Grade | NotGraded]) -> list[str]:
    """Name the files from the folder that they have in common."""
    sources = [one.answers.source if isinstance(one, Grade) else one.source for one in grades]
    if any(not source for source in sources):
        return sources
    common = os.path.commonpath([os.path.dirname(os.path.abspath(source)) for source in sources]) if sources else ""
    return [os.path.relpath(os.path.abspath(source), common) for source in sources]


def _row(one: Grade | NotGraded, ordered: Iterable[tuple[int, str]]) -> list[object]:
    if isinstance(one, NotGraded):
        return ["", "", "", "", "", "", *("" for _ in ordered), f"not graded: {one.reason}"]
    verdicts = {
        (number, judgement.field.key): judgement.verdict
        for number, several in one.judgements.items()
        for judgement in several
    }
    mistakes = [
        f"{number} {judgement.field.key}: {plain_markup(judgement.mistake)}"
        + (f" [{judgement.row}]" if judgement.row else "")
        for number, several in one.judgements.items()
        for judgement in several
        if judgement.mistake
    ]
    variant = "" if one.sheet.seed is None else one.sheet.seed
    cells = [verdicts.get(key, "") for key in ordered]
    counts = [round(one.points, 4), one.of, one.unreadable, one.undecided]
    return [one.answers.student, variant, *counts, *cells, "; ".join(mistakes)]


def _plain(cell: object) -> object:
    """Keep a spreadsheet from taking a student's text for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
