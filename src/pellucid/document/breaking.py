"""Equations on paper: how wide a formula is, and where a row that is too wide is broken.

Pages can scroll, and paper cannot. Widths are estimated from the LaTeX, a little on the wide side; a formula that is
too wide is broken before a sign, outside all brackets if possible, and aligned at its equals sign.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pellucid.document.blocks import split_row

LINE = 39.0
"""Of what an equation may take, in em: the text width of both papers, less an indent."""

_NUMBER = 4.0
"""What the number of an equation takes on each side."""

_INDENT = 2.0
"""Of the lines that go on with a row."""

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\S", re.DOTALL)
_WORDS = re.compile(r"\\(?:text|operatorname|mathrm|textbf)\{([^{}]*)\}")
_SCRIPT = 0.72


def fitted(rows: Sequence[str], line: float = LINE, *, has_number: bool = False) -> tuple[list[str], float]:
    """Break the rows of an equation so that it is no wider than a line.

    Parameters
    ----------
    rows : sequence of str
        LaTeX, aligned at the first ``&``.
    line : float
        In em.
    has_number : bool
        Whether the equation has a number next to it.

    Returns
    -------
    rows : list of str
        The rows, and those that go on with them, which begin with ``&``.
    share : float
        What the equation must be multiplied by to fit: 1, unless a part of it cannot be broken.
    """
    line -= 2 * _NUMBER if has_number else 0
    pairs = [split_row(row) for row in rows]
    left = max((width(one) for one, _ in pairs), default=0.0)
    room = max(line - left, line / 3)
    made: list[str] = []
    widest = 0.0
    for row, (_, right) in zip(rows, pairs, strict=True):
        first, *rest = _lines(right, room)
        if not rest:
            made.append(row)
        else:
            made.append(f"{row[: row.index(right)]}{first}")
            made += [rf"& \quad {one}" for one in rest]
        widest = max(widest, width(first), *(width(one) + 1.0 for one in rest), 0.0)
    return made, min(1.0, line / max(left + widest, 1e-9))


# widths


def width(latex: str) -> float:
    """Estimate how wide a displayed formula is, in em."""
    return _Measure(latex).width


_RELATIONS = frozenset("=<>") | {r"\le", r"\ge", r"\ne", r"\approx", r"\to", r"\leftarrow", r"\rightarrow", r"\in"}
_SIGNS = frozenset("+-") | {r"\pm", r"\odot", r"\times", r"\cdot"}
_SPACES = {
    r"\,": 0.17, r"\:": 0.23, r"\;": 0.28, r"\ ": 0.34, r"\!": -0.17, r"\quad": 1.0, r"\qquad": 2.0, "&": 0.0,
    r"\left": 0.0, r"\right": 0.0, r"\displaystyle": 0.0, r"\limits": 0.0, r"\boxed": 0.8, r"\hat": 0.0, r"\bar": 0.0,
    r"\big": 0.2, r"\bigl": 0.2, r"\bigr": 0.2, r"\Big": 0.3,
}  # fmt: skip
_WIDTHS = {
    r"\cdot": 0.28 + 0.44, r"\sum": 1.6, r"\prod": 1.4, r"\int": 1.0, r"\ldots": 1.4, r"\cdots": 1.4, r"\dots": 1.4,
    "…": 1.4, r"\vdots": 0.3, ",": 0.45, ";": 0.45, ".": 0.28, "'": 0.3, r"\nabla": 0.85, r"\infty": 1.0, "|": 0.3,
    r"\{": 0.5, r"\}": 0.5,
}  # fmt: skip
_ENVIRONMENT = re.compile(r"\\begin\{(\w+)\}(.*?)\\end\{\1\}", re.DOTALL)


class _Measure:
    """Adds up the widths of a formula's tokens."""

    def __init__(self, latex: str) -> None:
        self.width = 0.0
        at = 0
        for match in _ENVIRONMENT.finditer(latex):
            self.width += self._of_tokens(latex[at : match.start()]) + self._of_table(match[2])
            at = match.end()
        self.width += self._of_tokens(latex[at:])

    def _of_table(self, body: str) -> float:
        rows = [[width(cell) for cell in row.split("&")] for row in body.split(r"\\") if row.strip()]
        columns = max(map(len, rows), default=0)
        each = [max((row[i] for row in rows if i < len(row)), default=0.0) for i in range(columns)]
        return sum(each) + columns + 1.2

    def _of_tokens(self, latex: str) -> float:
        latex = _WORDS.sub(lambda match: "\ue000" * len(match[1]), latex)  # each letter as a letter of a text
        self._tokens = _TOKEN.findall(latex)
        self._at = 0
        return self._of_group()

    def _of_group(self) -> float:
        """To the end of the group; its closing brace is read."""
        total = 0.0
        before = 0.0  # the width of a script that the next one is set above or below of
        while self._at < len(self._tokens):
            sign = self._next()
            if sign == "}":
                break
            if sign in ("_", "^"):
                script = _SCRIPT * self._argument()
                total += max(script - before, 0.0)
                before = max(script, before)
                continue
            before = 0.0
            total += self._of_token(sign)
        return total

    def _of_token(self, sign: str) -> float:
        if sign == "{":
            return self._of_group()
        if sign == r"\frac":
            return max(self._argument(), self._argument()) + 0.25
        if sign == r"\sqrt":
            return self._argument() + 0.9
        if sign in _SPACES:
            return _SPACES[sign]
        if sign in _WIDTHS:
            return _WIDTHS[sign]
        if sign in _RELATIONS:
            return 0.78 + 0.56
        if sign in _SIGNS:
            return 0.78 + 0.44
        if sign in "()[]/":
            return 0.5
        if sign.startswith("\\") and sign[1:].isalpha():
            is_function = len(sign) > 3 and sign[1:] in _FUNCTIONS
            return 0.5 * (len(sign) - 1) + 0.17 if is_function else 0.65
        return 0.5 if sign.isdigit() or sign == "\ue000" else 0.8 if sign.isupper() else 0.6

    def _argument(self) -> float:
        if self._at >= len(self._tokens):
            return 0.0
        return self._of_token(self._next())

    def _next(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1]


_FUNCTIONS = frozenset(
    ("sin", "cos", "tan", "cot", "sinh", "cosh", "tanh", "arcsin", "arccos", "arctan", "exp", "log", "max", "min")
)


# breaks


@dataclass(frozen=True)
class _Break:
    """A place before which a formula can be broken; of two the one of the lower rank is better."""

    at: int
    rank: int
    open: tuple[int, ...]
    """Where the brackets begin that it is within."""


def _breaks(latex: str) -> Iterator[_Break]:
    """Find the signs outside all groups and environments, and the brackets around each."""
    depth = 0
    open_at: list[int] = []
    is_operand = False  # whether what comes before is something that a sign can join to what follows
    for match in re.finditer(r"\\(?:left|right)\s*(?:\\[{}|]|.)|\\begin|\\end|\\[A-Za-z]+|\\.|\S", latex):
        sign = match[0]
        is_opening = sign.startswith(r"\left") and not sign.startswith((r"\leftarrow", r"\leq"))
        is_closing = sign.startswith(r"\right") and not sign.startswith(r"\rightarrow")
        if sign in ("{", r"\begin"):
            depth += 1
        elif sign in ("}", r"\end"):
            depth -= 1
            is_operand = True
            continue
        if depth:
            continue
        if sign in ("(", "[", r"\{") or is_opening:
            open_at.append(match.start())
            is_operand = False
            continue
        if sign in (")", "]", r"\}") or is_closing:
            if open_at:
                open_at.pop()
            is_operand = True
            continue
        rank = None
        if sign in _RELATIONS and match.start():
            rank = 0 if not open_at else 30
        elif sign in ("+", "-") and is_operand:
            rank = 1 + len(open_at)
        elif sign in (r"\cdot", r"\times", r"\odot"):
            rank = 20 + len(open_at)
        elif sign == r"\quad":
            rank = 0
        if rank is not None:
            yield _Break(match.start(), rank, tuple(open_at))
        is_operand = sign not in _RELATIONS and sign not in _SIGNS and sign != ","


def _lines(latex: str, room: float) -> list[str]:
    """Cut a formula before signs so that each line fits, if it can be."""
    if width(latex) <= room:
        return [latex]
    found = list(_breaks(latex))
    cuts: list[_Break] = []
    start, space = 0, room
    while width(latex[start:]) > space:
        measured = [(one, width(latex[start : one.at])) for one in found if one.at > start]
        fitting = [(one, at) for one, at in measured if at <= space]
        if not fitting:
            if not measured:
                break
            fitting = measured[:1]
        late = [(one, at) for one, at in fitting if at >= 0.4 * space] or fitting
        best = min(one.rank for one, _ in late)
        cuts.append([one for one, _ in late if one.rank == best][-1])
        start, space = cuts[-1].at, room - _INDENT
    loosened = _loosened(latex, cuts)
    return [part.strip() for part in loosened]


def _loosened(latex: str, cuts: Sequence[_Break]) -> list[str]:
    """Cut the formula; brackets that a cut is within no longer grow, since each line must be whole."""
    opened = {at for cut in cuts for at in cut.open}
    spans = [(at, _closing(latex, at)) for at in sorted(opened) if latex.startswith(r"\left", at)]
    drop = [(at, at + len(r"\left")) for at, _ in spans] + [(at, at + len(r"\right")) for _, at in spans if at >= 0]
    parts, ends = [], [*(cut.at for cut in cuts), len(latex)]
    start = 0
    for end in ends:
        part, at = "", start
        for first, last in sorted(drop):
            if start <= first < end:
                part += latex[at:first]
                at = last
        parts.append(("" if start == 0 or latex.startswith(r"\quad", start) else "{} ") + part + latex[at:end])
        start = end
    return parts


def _closing(latex: str, at: int) -> int:
    r"""Find the ``\right`` that belongs to a ``\left``, or -1."""
    depth = 0
    for match in re.finditer(r"\\left(?![a-z])|\\right(?![a-z])", latex[at:]):
        depth += 1 if match[0] == r"\left" else -1
        if depth == 0:
            return at + match.start()
    return -1
