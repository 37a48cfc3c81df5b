"""Exercises in backpropagation: solved, in variants, as sheets of paper, and graded."""

from typing import Any

from pellucid.hints import no_attribute
from pellucid.worksheet.answers import Answers, as_answers, key_answers, read_answers, template
from pellucid.worksheet.classes import Handout, write_class
from pellucid.worksheet.exercise import Exercise
from pellucid.worksheet.fields import Field, Slip
from pellucid.worksheet.grading import Grade, NotGraded, grade, grade_folder, grades_csv, passed_over
from pellucid.worksheet.judging import Judgement
from pellucid.worksheet.sheets import blank, key, solved
from pellucid.worksheet.variants import Worksheet, worksheet

__all__ = [
    "Answers",
    "Exercise",
    "Field",
    "Grade",
    "Handout",
    "Judgement",
    "NotGraded",
    "Slip",
    "Worksheet",
    "as_answers",
    "blank",
    "grade",
    "grade_folder",
    "grades_csv",
    "key",
    "key_answers",
    "passed_over",
    "read_answers",
    "solved",
    "template",
    "worksheet",
    "write_class",
]


def __getattr__(name: str) -> Any:
    raise no_attribute("worksheet", name, __all__)
