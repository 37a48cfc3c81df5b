"""Files of answers: TOML or JSON, read as they come from students, and the empty one to fill in."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pellucid.errors import DataFileError
from pellucid.storage import PathLike
from pellucid.worksheet.variants import Worksheet

_MOST_BYTES = 1_000_000


@dataclass(frozen=True)
class Answers:
    """What a student answered.

    Attributes
    ----------
    source : str
        The file.
    student : str
        The name given in the file, or empty.
    variant : int or None
        The variant that the file says it answers.
    given : dict
        By exercise and normalised key, as it stands in the file.
    unknown : tuple of str
        Parts of the file that are no exercise.
    """

    source: str
    student: str
    variant: int | None
    given: Mapping[int, Mapping[str, object]]
    unknown: tuple[str, ...] = ()


def read_answers(path: PathLike) -> Answers:
    """Read a file of answers.

    Parameters
    ----------
    path : path
        ``.toml`` or ``.json``: a table for each exercise, by its number, with a key for each answer. LaTeX may be pasted
        as it is, without doubling its backslashes.

    Returns
    -------
    Answers

    Raises
    ------
    FileNotFoundError, OSError
        It cannot be read.
    DataFileError
        It is neither TOML nor JSON, or over a megabyte.
    """
    name = os.fspath(path)
    is_json = str(name).lower().endswith(".json")
    if os.path.getsize(path) > _MOST_BYTES:
        raise DataFileError(
            f"{name} has {os.path.getsize(path):,} bytes; a file of answers has at most {_MOST_BYTES:,}"
        )
    with open(path, "rb") as file:
        raw = file.read()
    try:
        text = raw.decode("utf-8-sig")
        data = json.loads(_keep_latex(text, _JSON)) if is_json else tomllib.loads(_keep_latex(text, _TOML))
    except (UnicodeDecodeError, json.JSONDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        kind = "JSON" if is_json else "TOML"
        raise DataFileError(f"{name} is no {kind}: {error}") from None
    if not isinstance(data, dict):
        raise DataFileError(f"{name} holds no table of answers")
    return as_answers(data, name)


# Strings in which a backslash escapes; and in TOML what else may hold their quotation mark, comments and other strings.
_JSON = re.compile(r'"(?P<body>(?:[^"\\]|\\.)*)"')
_TOML = re.compile(
    r"""\#[^\n]* | \'{3}.*?\'{3} | '[^'\n]*' | "{3}(?P<long>(?:[^\\]|\\.)*?)"{3} | "(?P<body>(?:[^"\\\n]|\\.)*)" """,
    re.DOTALL | re.VERBOSE,
)
_LATEX_COMMAND = re.compile(
    r"""\\(?:
        (?: b(?:ar|eta|ig|m|race) | frac | n(?:abla|eq?|ot|u) | r(?:angle|brace|ho|ight|m)
          | t(?:anh?|au|ext|frac|heta|ilde|imes|o) )(?![a-z])
        | b(?:egin|inom|oldsymbol) | (?!["\\/bfnrt\n]|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}).
    )""",
    re.VERBOSE,
)


def _keep_latex(text: str, strings: re.Pattern[str]) -> str:
    r"""Double the backslashes in strings that hold LaTeX as it was pasted: ``"\frac"`` is no form feed and ``rac``."""

    def mended(match: re.Match[str]) -> str:
        body = next(filter(None, match.groups()), "")
        if not any(_LATEX_COMMAND.match(body, one.start()) for one in re.finditer(r"(?s)\\.", body)):
            return match[0]
        return match[0].replace(body, re.sub(r'\\(?!")', r"\\\\", body))

    return strings.sub(mended, text)


def as_answers(data: Mapping[str, Any], source: str = "") -> Answers:
    """Take answers from a mapping, as a file holds them."""
    given: dict[int, dict[str, object]] = {}
    unknown = []
    for key, value in data.items():
        if key in ("variant", "student"):
            continue
        number = exercise_number(key)
        if number is None:
            unknown.append(str(key))
            continue
        answers = value if isinstance(value, Mapping) else {"": value}
        given.setdefault(number, {}).update({normal_key(str(name)): one for name, one in answers.items()})
    variant = data.get("variant")
    if variant is not None and (isinstance(variant, bool) or not isinstance(variant, int) or variant < 0):
        raise DataFileError(f"{source}: variant is a whole number, not {variant!r}")
    return Answers(source, " ".join(str(data.get("student", "")).split())[:200], variant, given, tuple(unknown))


def exercise_number(key: str) -> int | None:
    """Read the number in ``"7"``, ``"exercise 7"``, ``"ex_7"``."""
    match = re.fullmatch(r"\s*(?:exercise|ex|e|no|task)?[\s._-]*(\d{1,3})\s*", str(key), re.IGNORECASE)
    return int(match[1]) if match else None


_SAME = str.maketrans({"∂": "d", "σ": "s", "∇": "g", "′": "'", "’": "'", "{": "", "}": "", " ": "", "*": "", "⊙": ""})


def normal_key(key: str) -> str:
    """Fold the spellings of an answer's name: ∂ and d, braces, spaces, σ and sigma."""
    folded = key.translate(_SAME).casefold()
    return folded.replace("sigma", "s").replace("grad", "g").replace("nabla", "g").replace("δ", "d")


def find(answers: Answers, number: int, key: str, *, is_only: bool) -> object:
    """Return what was answered, or None; an exercise with one answer may leave its name out or call it otherwise."""
    given = answers.given.get(number, {})
    found = given.get(normal_key(key))
    if found is None and is_only and len(given) == 1:
        found = next(iter(given.values()))
    return None if isinstance(found, str) and not found.strip() else found


def template(sheet: Worksheet, student: str = "") -> str:
    """Write the file of answers to fill in, as TOML."""
    lines = [
        "# Write each answer between the quotation marks: a number, a formula such as 2(x + 1)^2 or LaTeX,",
        '# a vector "(1, 2, 3)", a matrix "[1, 2; 3, 4]", pieces "1 if z > 0 else 0".',
    ]
    if sheet.seed is not None:
        lines.append(f"variant = {sheet.seed}")
    lines.append(f"student = {json.dumps(student, ensure_ascii=False)}")
    for exercise in sheet.exercises:
        lines += ["", f"[{exercise.number}]  # {exercise.title}"]
        lines += [f'{json.dumps(field.key, ensure_ascii=False)} = ""' for field in exercise.fields]
    return "\n".join(lines) + "\n"


def key_answers(sheet: Worksheet) -> dict[str, Any]:
    """Return the right answers as a file of answers would hold them."""
    answers: dict[str, Any] = {} if sheet.seed is None else {"variant": sheet.seed}
    for exercise in sheet.exercises:
        answers[str(exercise.number)] = {field.key: field.text for field in exercise.fields}
    return answers
