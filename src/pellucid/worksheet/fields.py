"""What an exercise asks for: one answer, how it is read, and which mistakes would give another."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pellucid.errors import FormulaError

Entries = tuple[tuple[str, ...], ...]
"""An answer as rows of formulas; a number or a formula is one row of one."""


@dataclass(frozen=True)
class Slip:
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


@dataclass(frozen=True)
class Slips:
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


@dataclass(frozen=True)
class Reading:
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


@dataclass(frozen=True)
class Field:
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


# what a student wrote, as entries


def read_entries(given: object, kind: str) -> Entries:
    """Read what a student wrote: a number, a formula, a vector or a matrix, as text or as arrays.

    Parameters
    ----------
    given : str, int, float, or lists of them
        ``"(0, 2, 5, 18)"``, ``[0, 2, 5, 18]``, ``"[1, 2; 3, 4]"``, ``[[1, 2], [3, 4]]``, LaTeX's pmatrix, …
    kind : str
        As in `Field`.

    Raises
    ------
    FormulaError
        It is empty, or of no such kind.
    """
    if isinstance(given, bool) or given is None:
        raise FormulaError(f"an answer is text or a number, not {given!r}", 0)
    if isinstance(given, (int, float)):
        return entry(repr(given))
    if isinstance(given, str):
        return _read_text(given, kind)
    if isinstance(given, Sequence):
        return _read_arrays(given, kind)
    raise FormulaError(f"an answer is text, a number or a list, not {type(given).__name__}", 0)


_MOST_ENTRIES = 1_000


def _read_arrays(given: Sequence[object], kind: str) -> Entries:
    if not given:
        raise FormulaError("the list is empty", 0)
    nested = [isinstance(row, Sequence) and not isinstance(row, str) for row in given]
    if all(nested):
        rows = [tuple(_read_one(one) for one in row) for row in given]  # type: ignore[attr-defined]
    elif (
        not any(nested)
        and kind == "matrix"
        and all(isinstance(one, str) and len(list(_split(one, ","))) > 1 for one in given)
    ):
        rows = [tuple(part.strip() for part in _split(_without_brackets(str(one)), ",")) for one in given]
    elif not any(nested):
        rows = [(_read_one(one),) for one in given]
    else:
        raise FormulaError("some rows are lists and some are not", 0)
    return _checked(rows)


def _checked(rows: Sequence[tuple[str, ...]]) -> Entries:
    if len({len(row) for row in rows}) != 1:
        raise FormulaError(f"the rows have different lengths: {', '.join(str(len(row)) for row in rows)}", 0)
    if not rows[0] or len(rows) * len(rows[0]) > _MOST_ENTRIES:
        raise FormulaError("there are no entries" if not rows[0] else "there are too many entries", 0)
    return tuple(rows)


def _read_one(one: object) -> str:
    if isinstance(one, bool) or not isinstance(one, (int, float, str)):
        raise FormulaError(f"an entry is text or a number, not {one!r}", 0)
    return one.strip() if isinstance(one, str) else repr(one)


_ENVIRONMENT = r"(?:[pbvBV]|small)?matrix|array"
_LATEX_MATRIX = re.compile(
    rf"\\begin\{{({_ENVIRONMENT})\}}(?:\{{[lcr|\s]*\}})?(.*?)\\end\{{(?:{_ENVIRONMENT})\}}", re.DOTALL
)
_TRANSPOSED = re.compile(
    r"(\^\s*(\{\s*\\?(T|top|intercal)\s*\}|T|⊤|\\top|\{?\s*\\math\w+\s*\{?\s*T\s*\}?\s*\}?)|ᵀ|')\s*$"
)
_MOST_LETTERS = 20_000


def _read_text(given: str, kind: str) -> Entries:
    text = re.sub(r"^\\[\[(]|\\[\])]$", "", given.strip().strip("$").strip()).strip()
    text = re.sub(r"(?<=[^.])[.]$", "", text)  # the end of a sentence
    if not text:
        raise FormulaError("the answer is empty", 0)
    if len(text) > _MOST_LETTERS:
        raise FormulaError(f"the answer has {len(text):,} letters, and at most {_MOST_LETTERS:,} are read", 0)
    # df/dx = … gives the right-hand side; the conditions of pieces may hold an equals sign
    sides = re.split(r"(?<![<>!=])=(?!=)|≈|\\approx\b|^~", text)
    text = _as_pieces(text) if kind == "piecewise" else sides[-1].strip()
    if not text:
        raise FormulaError("nothing stands after the equals sign", len(given))
    if kind not in ("vector", "matrix"):
        return entry(text)
    text = re.sub(r"\\(left|right)\s*(?=[()\[\]\\.])", "", text).replace(r"\{", "{").replace(r"\}", "}")
    text = _TRANSPOSED.sub("", text.translate(_ANGLES)).strip()
    scaled = _scalar_times(text)
    if scaled is not None:
        scalar, bracket, sign = scaled
        rest = _read_text(bracket, kind)
        return tuple(tuple(_scaled(one, scalar, sign) for one in row) for row in rest)
    found = _LATEX_MATRIX.fullmatch(_without_brackets(text) if text.startswith(("(", "[")) else text)
    if found is not None:
        rows = [row for row in re.split(r"\\\\|\\cr\b", found[2]) if row.strip()]
        entries = _checked([tuple(one.strip() for one in row.split("&")) for row in rows])
        return _as_column(entries) if kind == "vector" else entries
    inner = re.sub(r"[,;]\s*$", "", _without_brackets(text))
    rows_text = list(_split(inner, ";"))
    lines = [line for line in inner.splitlines() if line.strip()]
    if len(rows_text) == 1 and len(lines) > 1 and not any(re.search(r"[,;]\s*$", line) for line in lines[:-1]):
        rows_text = lines
    if len(rows_text) == 1 and kind == "matrix" and inner[:1] in _PAIRS:
        nested = [_without_brackets(row) for row in _split(inner, ",")]
        if all(_is_bracketed(row.strip()) for row in _split(inner, ",")):
            rows_text = nested
    if kind == "vector":
        parts = rows_text if len(rows_text) > 1 else list(_split(inner, ","))
        if len(parts) == 1:
            parts = _at_spaces(inner)
        return _checked([(part.strip(),) for part in parts])
    cells = [list(_split(row, ",")) for row in rows_text]
    cells = [_at_spaces(row[0]) if len(row) == 1 else row for row in cells]
    return _checked([tuple(part.strip() for part in row) for row in cells])


_ANGLES = str.maketrans("⟨⟩〈〉", "()()")


def _at_spaces(text: str) -> list[str]:
    """Cut numbers or labels that stand side by side: ``63 16 0 8``, ``a_1^1 a_2^1 a_3^1``."""
    parts = text.split()
    entry = r"[-+]?\d+([./,]\d+)?|[a-z]_?(\{\w+\}|\w+)\^(\{[^{}]+\}|\w+)"
    return parts if len(parts) > 1 and all(re.fullmatch(entry, part) for part in parts) else [text]


_BRACKET = rf"\(.*\)|\[.*\]|\\begin\{{(?:{_ENVIRONMENT})\}}.*\\end\{{(?:{_ENVIRONMENT})\}}"


def _scalar_times(text: str) -> tuple[str, str, str] | None:
    """Take 1/5 (5, 15, 10) and (5, 15, 10)/5 apart, into the scalar, the bracket, and what joins them."""
    before = re.fullmatch(
        rf"(?P<scalar>[^(\[].*?|\([^(),;]*\)(?:/\d+)?)\s*(?:\*|·|⋅|\\cdot)?\s*(?P<bracket>{_BRACKET})", text, re.DOTALL
    )
    if before is not None and _holds_several(before["bracket"]) and _is_scalar(before["scalar"]):
        return before["scalar"], before["bracket"], "*"
    after = re.fullmatch(rf"(?P<bracket>{_BRACKET})\s*/\s*(?P<scalar>[\w.]+|\([^(),;]*\))", text, re.DOTALL)
    if after is not None and _holds_several(after["bracket"]):
        return after["scalar"], after["bracket"], "/"
    return None


def _is_scalar(text: str) -> bool:
    return "begin" not in text and len(list(_split(text, ","))) == len(list(_split(text, ";"))) == 1


def _holds_several(bracket: str) -> bool:
    if bracket.startswith("\\begin"):
        return True
    return _is_bracketed(bracket) and any(len(list(_split(bracket[1:-1], sign))) > 1 for sign in ",;")


def _scaled(entry: str, scalar: str, sign: str) -> str:
    return f"({entry})/({scalar})" if sign == "/" else f"({scalar})*({entry})"


def _as_pieces(text: str) -> str:
    """Bring the ways in which people write a piecewise function into the grammar's: value if condition; …"""
    text = re.sub(
        r"^\s*(\\sigma|σ|sigma|[a-z])\s*(\^\s*\\prime|\^\{\s*\\prime\s*\}|['′’])?\s*(\(\s*\w\s*\))?\s*=(?!=)", "", text
    ).strip()
    text = re.sub(r"\\left\s*(\\\{|\.)|\\right\s*(\\\}|\.)", "", text)
    text = re.sub(r"\\(begin|end)\{array\}(\{[lcr|\s]*\})?", r"\\\1{cases}", text).strip()
    text = re.sub(r"\\[{}]", "", text).strip()
    if text.startswith("{") and _is_bracketed(text):
        text = text[1:-1].strip()
    if "\\begin" in text or "piecewise" in text:
        return text
    text = re.sub(r"\band\s+(?=[-+\d.]+\s*(,|if\b|for\b|when\b))", "; ", text)
    text = re.sub(r",\s*(?=(if|for|when|where|falls|wenn|für|else|otherwise|sonst)\b)", " ", text)
    pieces = [piece for piece in re.split(r";|\n", text) if piece.strip()]
    words = re.compile(r"\b(if|for|when|where|falls|wenn|für|else|otherwise|sonst)\b")
    as_if = [
        piece if words.search(piece) else re.sub(r",\s*(?=[^,]*(<|>|=|≤|≥|\\l|\\g))", " if ", piece, count=1)
        for piece in pieces
    ]
    return "; ".join(piece.strip() for piece in as_if)


def _as_column(entries: Entries) -> Entries:
    return vector(flat(entries)) if is_vector(entries) else entries


_PAIRS = {"(": ")", "[": "]", "{": "}"}


def _is_bracketed(text: str) -> bool:
    """Whether one pair of brackets encloses it all."""
    if len(text) < 2 or _PAIRS.get(text[0]) != text[-1]:
        return False
    depth = 0
    for i, letter in enumerate(text):
        depth += (letter in _PAIRS) - (letter in _PAIRS.values())
        if depth == 0:
            return i == len(text) - 1
    return False


def _without_brackets(text: str) -> str:
    text = re.sub(r"\\(left|right)\s*", "", text).strip()
    return text[1:-1].strip() if _is_bracketed(text) else text


def _split(text: str, separator: str) -> Iterator[str]:
    """Split at separators outside all brackets."""
    depth = start = 0
    for i, letter in enumerate(text):
        depth += (letter in _PAIRS) - (letter in _PAIRS.values())
        if letter == separator and depth == 0:
            yield text[start:i]
            start = i + 1
    yield text[start:]
