"""Files of answers: TOML or JSON, read as they come from students, and the empty one to fill in."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pellucid.described import Brief
from pellucid.errors import DataFileError
from pellucid.hints import hinted
from pellucid.storage import PathLike
from pellucid.worksheet.variants import Worksheet

_MOST_BYTES = 1_000_000


@dataclass(frozen=True, repr=False)
class Answers(Brief):
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


@hinted
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
    name = shown_path(path)
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
    except RecursionError:
        raise DataFileError(f"{name} is nested too deeply") from None
    except ValueError as error:  # JSON's and TOML's errors, no UTF-8, a number of thousands of digits
        raise DataFileError(f"{name} is no {'JSON' if is_json else 'TOML'} that can be read: {error}") from None
    if not isinstance(data, dict):
        raise DataFileError(f"{name} holds no table of answers")
    try:
        return as_answers(data, name)
    except RecursionError:
        raise DataFileError(f"{name} is nested too deeply") from None


def shown_path(path: PathLike) -> str:
    """Return a path as text that can be written; bytes in it that are no UTF-8 become question marks."""
    return os.fsdecode(path).encode("utf-8", "replace").decode()


# Strings in which a backslash escapes; and in TOML what else may hold their quotation mark, comments and other strings.
_JSON = re.compile(r'"(?P<body>(?:[^"\\]|\\.)*)"')
_TOML = re.compile(
    r"""\#[^\n]* | \'{3}.*?\'{3} | '[^'\n]*' | "{3}(?P<long>(?:[^\\]|\\.)*?)"{3} | "(?P<body>(?:[^"\\\n]|\\.)*)" """,
    re.DOTALL | re.VERBOSE,
)
_LATEX_COMMAND = re.compile(
    r"""\\(?:
        [bf][A-Za-z] | r[A-Za-z]{2}  # \b, \f and \r stand before no letters in an answer
        | (?: n(?:abla|eq?|ot|otag|onumber|u) | t(?:ag|anh?|au|ext[a-z]{0,6}|frac|heta|herefore|ilde|imes|op?) )(?![a-z])
        | (?!["\\/bfnrt\n]|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}).
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


@hinted
def as_answers(data: Mapping[str, Any], source: str = "") -> Answers:
    """Take answers from a mapping, as a file holds them."""
    given: dict[int, dict[str, object]] = {}
    unknown = []
    data = _without_surrogates(data)
    for key, value in data.items():
        if key in ("variant", "student"):
            continue
        number = exercise_number(key)
        if number is None:
            unknown.append(str(key))
            continue
        answers = value if isinstance(value, Mapping) else {_WHOLE: value}
        given.setdefault(number, {}).update({normal_key(str(name)): one for name, one in answers.items()})
    variant = data.get("variant")
    if (isinstance(variant, str) and variant.strip().isdecimal()) or (
        isinstance(variant, float) and variant.is_integer()
    ):
        variant = int(variant)
    if variant is not None and (isinstance(variant, bool) or not isinstance(variant, int) or variant < 0):
        raise DataFileError(f"{source}: variant is a whole number, not {variant!r}")
    return Answers(source, " ".join(str(data.get("student", "")).split())[:200], variant, given, tuple(unknown))


_WHOLE = ""
"""The name of an answer to an exercise as a whole."""


_LARGEST_NUMBER = 10**100


def _without_surrogates(data: Any) -> Any:
    """Put a question mark in place of halves of letters, which no file can hold."""
    if isinstance(data, str):
        return data.encode("utf-8", "replace").decode()
    if isinstance(data, int) and abs(data) >= _LARGEST_NUMBER:
        raise DataFileError("a number has more than 100 digits")
    if isinstance(data, Mapping):
        return {_without_surrogates(key): _without_surrogates(value) for key, value in data.items()}
    return [_without_surrogates(one) for one in data] if isinstance(data, list) else data


def exercise_number(key: str) -> int | None:
    """Read the number in ``"7"``, ``"exercise 7"``, ``"ex_7"``."""
    match = re.fullmatch(r"\s*(?:exercise|ex|e|no|task)?[\s._-]*(\d{1,3})\s*", str(key), re.IGNORECASE)
    return int(match[1]) if match else None


_SAME = str.maketrans({"∂": "d", "σ": "s", "∇": "g", "′": "'", "’": "'", "{": "", "}": "", " ": "", "*": "", "⊙": ""})


def normal_key(key: str) -> str:
    """Fold the spellings of an answer's name: ∂ and d, braces, spaces, σ and sigma."""
    folded = key.translate(_SAME).casefold()
    return folded.replace("sigma", "s").replace("grad", "g").replace("nabla", "g").replace("δ", "d")


def answered(answers: Answers, number: int, keys: Sequence[str]) -> tuple[dict[str, object], list[str]]:
    """Return what was answered to an exercise, by key, and the names that are none of its keys.

    An exercise with one answer may leave its name out or call it otherwise; a list answers all of them in their order.
    """
    given = dict(answers.given.get(number, {}))
    whole = given.get(_WHOLE)
    if len(keys) == 1 and len(given) == 1:
        given = {normal_key(keys[0]): next(iter(given.values()))}
    elif isinstance(whole, list) and len(whole) == len(keys):
        given = {normal_key(key): one for key, one in zip(keys, whole, strict=True)}
    found = {key: given.pop(normal_key(key), None) for key in keys}
    known = {
        key: one for key, one in found.items() if one is not None and not (isinstance(one, str) and not one.strip())
    }
    return known, [name for name, one in given.items() if one not in ("", None)]


@hinted
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


@hinted
def key_answers(sheet: Worksheet) -> dict[str, Any]:
    """Return the right answers as a file of answers would hold them."""
    answers: dict[str, Any] = {} if sheet.seed is None else {"variant": sheet.seed}
    for exercise in sheet.exercises:
        answers[str(exercise.number)] = {field.key: field.text for field in exercise.fields}
    return answers
