"""One answer judged: right, following from an earlier one, or wrong, and then by which mistake."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace

import sympy as sp

from pellucid.checking import diagnose_value
from pellucid.checking.values import rounds_to
from pellucid.described import Brief, brief
from pellucid.errors import FormulaError
from pellucid.symbolic import grammar
from pellucid.symbolic.equivalence import equivalent
from pellucid.symbolic.evaluation import UndefinedHere, evaluate
from pellucid.symbolic.formulas import parse
from pellucid.worksheet.by_hand import RunField
from pellucid.worksheet.fields import Entries, Field, Reading, Slip, flat, is_vector
from pellucid.worksheet.written import read_entries, undefined_pieces

VERDICTS = {
    "right": "right",
    "follows": "right, given an earlier answer",
    "partly": "partly right",
    "wrong": "wrong",
    "unreadable": "cannot be read",
    "undecided": "for the teacher to look at",
    "missing": "no answer",
}
"""What can be said of an answer."""


@dataclass(frozen=True, repr=False)
class Judgement(Brief):
    """What an answer is worth.

    Attributes
    ----------
    field : Field
    given : str
        As it was written; empty if nothing was.
    verdict : str
        A key of `VERDICTS`.
    points : float in [0, 1]
    remark : str
        Why, as markup.
    mistake : str
        The mistake's name, where one gives this answer.
    row : str
        Its row in the table of mistakes, if it has one.
    repair : str
        What to do instead, as markup.
    """

    field: Field
    given: str
    verdict: str
    points: float
    remark: str = ""
    mistake: str = ""
    row: str = ""
    repair: str = ""

    def __repr__(self) -> str:
        return f"<Judgement of {brief(self.field.key)[1:-1]}: {self.verdict}>"


def judge(field: Field, given: object, earlier: Mapping[str, Entries], deadline: float = math.inf) -> Judgement:
    """Judge one answer.

    Parameters
    ----------
    field : Field
    given : object
        As it stands in a file of answers; None if there is no answer.
    earlier : mapping of str to Entries
        The answers before it in the same exercise, by key.
    deadline : float
        By ``time.monotonic()``: what is not compared by then is undecided.

    Returns
    -------
    Judgement
    """
    before = _DEADLINE.set(min(deadline, time.monotonic() + _SECONDS))
    try:
        return _judged(field, given, earlier)
    finally:
        _DEADLINE.reset(before)


_SECONDS = 10.0
"""For one answer."""
_DEADLINE: ContextVar[float] = ContextVar("_DEADLINE", default=math.inf)


def _judged(field: Field, given: object, earlier: Mapping[str, Entries]) -> Judgement:
    if given is None:
        return Judgement(field, "", "missing", 0.0)
    shown = given if isinstance(given, str) else _as_written(given)
    shown = shown if len(shown) <= 300 else f"{shown[:297]}…"
    try:
        entries = read_entries(given, field.kind)
    except FormulaError as error:
        return Judgement(field, shown, "unreadable", 0.0, str(error))
    if field.key == "σ'" and any(_names_slope(one, field.reading) for one in flat(entries)):
        return Judgement(field, shown, "unreadable", 0.0, "It names σ', which is what is asked for: work it out.")
    if isinstance(field, RunField):
        return _judge_number_of_run(field, shown, entries, earlier)
    judged = _judge_entries(field, shown, entries, earlier)
    return _of_points(judged, undefined_pieces(given)) if field.kinks and judged.verdict == "right" else judged


def _names_slope(text: str, reading: Reading) -> bool:
    """Whether a formula holds σ' itself."""
    try:
        tree = grammar.read(text, names=reading.names, functions=reading.functions)
    except FormulaError:
        return False  # which is told later
    return any(node.kind == "sigma" and node.value != ("σ", 0) for node in grammar.nodes(tree))


def _as_written(given: object) -> str:
    """What a file held, in its own terms."""
    try:
        return json.dumps(given, ensure_ascii=False)
    except (TypeError, ValueError):
        return str(given)


def _judge_entries(field: Field, shown: str, entries: Entries, earlier: Mapping[str, Entries]) -> Judgement:
    fits = _same_shape(field, entries, field.expected)
    answers = _compare(field, entries, field.expected) if fits else []
    if fits and all(answer == "equal" for answer in answers):
        return _at_kinks(field, shown, entries)
    follows = field.follows(earlier) if field.follows is not None else None
    is_telling = follows is not None and not all(_is_zero(one) for one in flat(follows))  # zeros follow from zeros
    if follows is not None and is_telling and follows != field.expected and _is(field, entries, follows):
        return Judgement(field, shown, "follows", 1.0, "It is right for your earlier answer.")
    slip = next((slip for slip in field.slips.shown if _is(field, entries, slip.answer)), None)
    if slip is not None:
        return Judgement(field, shown, "wrong", 0.0, mistake=slip.name, row=slip.row, repair=slip.repair)
    problem = _unreadable(field, entries) or _strange(field, entries)
    if problem:
        return Judgement(field, shown, "unreadable", 0.0, problem)
    if not fits:
        remark = f"It is {_shape_words(entries)}, and {_shape_words(field.expected)} is asked for."
        return Judgement(field, shown, "wrong", 0.0, remark)
    if any(answer == "undecided" for answer in answers) and not any(answer == "different" for answer in answers):
        return Judgement(field, shown, "undecided", 0.0, "Whether it equals the right answer was not decided in time.")
    return _partly(field, shown, answers)


def _partly(field: Field, shown: str, answers: list[str]) -> Judgement:
    right = sum(answer == "equal" for answer in answers)
    if right == 0 or len(answers) == 1:
        return Judgement(field, shown, "wrong", 0.0)
    off = [str(i) for i, answer in enumerate(answers, start=1) if answer != "equal"]
    remark = f"{right} of {len(answers)} entries are right; wrong: number {', '.join(off)}."
    return Judgement(field, shown, "partly", right / len(answers), remark)


def _same_shape(field: Field, given: Entries, expected: Entries) -> bool:
    if field.kind != "matrix" and is_vector(given) and is_vector(expected):
        return len(flat(given)) == len(flat(expected))
    return len(given) == len(expected) and len(given[0]) == len(expected[0])


def _shape_words(entries: Entries) -> str:
    rows, columns = len(entries), len(entries[0])
    if rows == columns == 1:
        return "a single entry"
    if is_vector(entries):
        return f"a vector of {max(rows, columns)} entries"
    return f"a matrix of {rows} rows and {columns} columns"


def _compare(field: Field, given: Entries, expected: Entries) -> list[str]:
    return [same(p, q, field) for p, q in zip(flat(given), flat(expected), strict=True)]


def _is(field: Field, given: Entries, answer: Entries) -> bool:
    """Whether an answer is another one, entry by entry."""
    if not _same_shape(field, given, answer):
        return False
    pairs = list(zip(flat(given), flat(answer), strict=True))
    if all(_spelled(p) == _spelled(q) for p, q in pairs):
        return True
    return all(same(p, q, field) == "equal" for p, q in pairs)


def _spelled(text: str) -> str:
    """A formula without spaces and needless braces: labels that no network has cannot be compared otherwise."""
    return re.sub(r"\{(\w+)\}", r"\1", re.sub(r"[\s$]", "", text))


def _unreadable(field: Field, entries: Entries) -> str:
    for i, one in enumerate(flat(entries), start=1):
        try:
            _parse(one, field.reading)
        except FormulaError as error:
            return f"Entry {i}: {error}" if len(flat(entries)) > 1 else str(error)
    return ""


def _is_zero(text: str) -> bool:
    return re.fullmatch(r"[-+]?0*[.,]?0*", text.strip()) is not None


def _strange(field: Field, entries: Entries) -> str:
    """Name what no answer of this exercise can hold: it is misspelled rather than wrong."""
    reading = field.reading
    known = {*reading.names, *reading.definitions}
    for one in flat(field.expected):
        known |= {symbol.name for symbol in _parse(one, reading).free_symbols}
    for one in flat(entries):
        for symbol in sorted(_parse(one, reading).free_symbols, key=str):
            is_label = reading.labels and "^" in symbol.name
            if reading.labels and not is_label and re.fullmatch(r"[wbzad]_?\w{1,4}", symbol.name):
                return f"It holds {symbol.name} without a layer: the labels here are like a_1^2, neuron 1 of layer 2."
            if symbol.name not in known and not is_label:
                return f"It holds {symbol.name}, which is no name of this exercise; is a sign or a bracket missing?"
    return ""


def _parse(text: str, reading: Reading) -> sp.Expr:
    return parse(
        text, names=(*reading.names, *reading.definitions), functions=reading.functions, labels=reading.labels or None
    )


def same(given: str, expected: str, field: Field) -> str:
    """Tell whether two formulas are the same answer: ``equal``, ``different``, ``unreadable`` or ``undecided``."""
    reading = field.reading
    if field.digits is not None:
        value, exact = _number(given, reading), _number(expected, reading)
        if value is None or exact is None:
            return "unreadable" if value is None else "different"
        return "equal" if rounds_to(exact, value, field.digits) else "different"
    if time.monotonic() > _DEADLINE.get():
        return "undecided"
    verdict = equivalent(
        given, expected, domain=reading.domain, labels=reading.labels or None, definitions=reading.definitions,
        functions=reading.functions, names=reading.names,
    )  # fmt: skip
    if verdict == "different" and _is_rounded(given, expected, reading):
        return "equal"
    return verdict


_DECIMAL = re.compile(r"\s*[-+−]?\d*[.,]\d+\s*")


def _is_rounded(given: str, expected: str, reading: Reading) -> bool:
    """Whether a decimal stands for a number that has no end, to three digits or more: 0.333 for 1/3."""
    if not _DECIMAL.fullmatch(given):
        return False
    value, exact = _number(given, reading), _number(expected, reading)
    digits = len(re.sub(r"\D", "", given).lstrip("0"))
    if value is None or exact is None or digits < 3 or float(f"{exact:.15g}") == round(exact, 6):
        return False
    return rounds_to(exact, value, digits)


def _number(text: str, reading: Reading) -> float | None:
    """Evaluate a formula that has no names in it."""
    try:
        value = complex(evaluate(_parse(text, reading), {}, digits=20))
    except (FormulaError, UndefinedHere, KeyError, TypeError, OverflowError):
        return None
    return value.real if value.imag == 0 else None


def _at_kinks(field: Field, shown: str, entries: Entries) -> Judgement:
    """A piecewise function that is right between its kinks: at them it may be undefined, or what the library takes."""
    wrong = [
        (point, value)
        for point, taken in field.kinks
        if (value := _value_at(entries, field, point)) not in (None, taken)
    ]
    if not wrong:
        return Judgement(field, shown, "right", 1.0)
    point, value = wrong[0]
    return Judgement(
        field, shown, "partly", 0.5, "Right between the kinks.",
        mistake=f"σ' is given the value {value:g} at z = {point:g}, where it is undefined", row="",
        repair=f"The slopes from the left and from the right of $z = {point:g}$ differ: leave that point out.",
    )  # fmt: skip


def _of_points(judged: Judgement, said: Iterable[str]) -> Judgement:
    """Check what a right piecewise answer says of where the function is undefined."""
    kinks = {point for point, _ in judged.field.kinks}
    for statement in said:
        numbers = {float(sp.Rational(one.replace(",", "."))) for one in _NUMBER.findall(statement.replace("−", "-"))}
        if not numbers <= kinks or _ELSEWHERE.search(statement):
            where = " and ".join(f"$z = {point:g}$" for point in sorted(kinks))
            return replace(
                judged, verdict="partly", points=0.5, remark="The pieces are right.",
                mistake="the place where $\\sigma'$ is undefined is wrong", repair=f"It is {where} alone.",
            )  # fmt: skip
    return judged


_NUMBER = re.compile(r"-?\d+(?:[.,]\d+|/0*[1-9]\d*)?")
_ELSEWHERE = re.compile(r"[<>≤≥]|\\(?:le|ge|lt|gt)|everywhere|nowhere|all", re.IGNORECASE)


def _value_at(entries: Entries, field: Field, point: float) -> float | None:
    try:
        expression = _parse(entries[0][0], field.reading)
        return float(evaluate(expression, {sp.Symbol("z"): sp.Rational(point)}, digits=20).real)
    except (FormulaError, UndefinedHere, KeyError, TypeError):
        return None


def _judge_number_of_run(field: RunField, shown: str, entries: Entries, earlier: Mapping[str, Entries]) -> Judgement:
    assert field.run is not None
    assert field.label is not None
    if len(flat(entries)) > 1:
        return Judgement(field, shown, "wrong", 0.0, "One number is asked for.")
    problem = _unreadable(field, entries)
    value = _number(entries[0][0], field.reading)
    if problem or value is None:
        return Judgement(field, shown, "unreadable", 0.0, problem or "A number is asked for.")
    if not abs(value) < _LARGEST:
        return Judgement(field, shown, "wrong", 0.0, "It is far too large.")
    given = {
        key: number
        for key, one in earlier.items()
        if key[0] in "zad" and "/" not in key and (number := _number(one[0][0], field.reading)) is not None
        and abs(number) < _LARGEST and number not in _TELLS_NOTHING
    }  # fmt: skip
    assert field.digits is not None
    if value == 0 and float(f"{field.expected[0][0]}") != 0:  # of which any mistake could be said
        return Judgement(field, shown, "wrong", 0.0)
    found = diagnose_value(field.run, field.label, value=value, digits=field.digits, given=given)
    if found.verdict == "right":
        return Judgement(field, shown, "right", 1.0)
    if found.verdict == "rounded_early":
        return Judgement(field, shown, "right", 1.0, f"Rounded too early: it comes out {found.detail}.")
    if found.verdict == "follows":
        return Judgement(field, shown, "follows", 1.0, f"It is right for {found.detail}.")
    close = _close(field, shown, value, found.expected)
    if not found.hypotheses or close is not None:
        return close or Judgement(field, shown, "wrong", 0.0)
    part = found.hypotheses[0].parts[0]
    return Judgement(field, shown, "wrong", 0.0, mistake=part.title, row=part.row, repair=part.mistake.repair)


_LARGEST = 1e6
_TELLS_NOTHING = (0, 1, -1)
"""Earlier answers from which too much follows to count."""


def _close(field: RunField, shown: str, value: float, exact: float) -> Judgement | None:
    """Half the points for a number with fewer digits than were asked for, two at least, or off in the last of them."""
    written, digits = len(re.sub(r"\D", "", shown).lstrip("0")), field.digits or 0
    if 2 <= written < digits and rounds_to(exact, value, written):
        return Judgement(field, shown, "partly", 0.5, f"Right to {written} digits; {digits} are asked for.")
    if exact == 0 or written < 2:
        return None
    unit = 10.0 ** (math.floor(math.log10(abs(exact))) - digits + 1)
    if abs(value - exact) > 1.5 * unit:
        return None
    return Judgement(field, shown, "partly", 0.5, "Off in the last digit: keep more digits on the way.")


def shows(slip: Slip, field: Field) -> bool:
    """Whether a mistake's answer is another one than the right one."""
    return not _is(field, slip.answer, field.expected)


def all_shown(fields: Iterable[Field], told: Callable[[Field, Slip], None] = lambda *_: None) -> bool:
    """Whether no mistake that is known for these answers gives a right one."""
    fine = True
    for field in fields:
        for slip in field.slips.shown:
            if not shows(slip, field):
                told(field, slip)
                fine = False
    return fine
