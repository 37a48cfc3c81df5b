"""A class: a variant for each student, the keys apart, files to fill in, and a manifest."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pellucid.arrays import as_count
from pellucid.described import Brief
from pellucid.hints import hinted
from pellucid.storage import PathLike, write_atomically
from pellucid.version import __version__
from pellucid.worksheet import sheets
from pellucid.worksheet.answers import template
from pellucid.worksheet.variants import worksheet


@dataclass(frozen=True, repr=False)
class Handout(Brief):
    """What one student gets.

    Attributes
    ----------
    number : int
        From 1.
    student : str
    variant : int
    sheet, key, answers : str
        Files in the folder: the sheet to hand out, its key, and the file of answers to fill in.
    """

    number: int
    student: str
    variant: int
    sheet: str
    key: str
    answers: str


@hinted
def write_class(
    folder: PathLike, count: int, *, first: int = 1, students: Sequence[str] = (), ending: str = "pdf"
) -> list[Handout]:
    """Write one variant for each student.

    Parameters
    ----------
    folder : path
        Made if it is not there; files of the same names are replaced.
    count : int
        How many.
    first : int
        The seed of the first variant; the others follow.
    students : sequence of str
        Their names; without them the sheets are numbered.
    ending : {'pdf', 'html', 'md', 'tex', 'txt'}
        Of the sheets and keys.

    Returns
    -------
    list of Handout
        As written to ``manifest.json``, which comes last, so that a folder with one is whole.

    Raises
    ------
    ValueError
        Another format, or more names than ``count``.
    OSError
        The folder cannot be written.
    """
    count, first = as_count(count, "count"), as_count(first, "first", 0)
    if ending not in FORMATS:
        raise ValueError(f"unknown format {ending!r}: known: {', '.join(FORMATS)}")
    if len(students) not in (0, count):
        raise ValueError(f"there are {len(students)} names for {count} students")
    root = Path(folder)
    for part in ("sheets", "keys", "answers"):
        (root / part).mkdir(parents=True, exist_ok=True)
    (root / "manifest.json").unlink(missing_ok=True)
    width = len(str(count))
    handouts = []
    for number in range(1, count + 1):
        student = students[number - 1] if students else ""
        sheet = worksheet(first + number - 1)
        stem = f"{number:0{width}d}" + (f"-{_slug(student)}" if student else "")
        handout = Handout(
            number, student, first + number - 1,
            f"sheets/{stem}.{ending}", f"keys/{stem}.{ending}", f"answers/{stem}.toml",
        )  # fmt: skip
        sheets.blank(sheet, student).save(root / handout.sheet)
        sheets.key(sheet).save(root / handout.key)
        write_atomically(root / handout.answers, template(sheet, student).encode())
        handouts.append(handout)
    manifest = {"pellucid": __version__, "students": [asdict(one) for one in handouts]}
    write_atomically(root / "manifest.json", (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode())
    return handouts


FORMATS = ("pdf", "html", "md", "tex", "txt")
"""What a sheet can be written as, by the ending of the file."""


def _slug(name: str) -> str:
    return re.sub(r"\W+", "-", name.casefold()).strip("-")[:40] or "student"
