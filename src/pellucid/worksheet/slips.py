"""Mistakes made for an exercise, told apart by the answers that they give."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import mpmath
import sympy as sp

from pellucid.symbolic import printing
from pellucid.symbolic.evaluation import UndefinedHere, evaluate
from pellucid.worksheet.fields import Entries, Slip, Slips, entry


def different(expected: Entries, slips: Iterable[Slip]) -> Slips:
    """Tell slips apart by their answers as they are spelled."""
    kept: dict[Entries, Slip] = {}
    hidden = []
    for slip in slips:
        if slip.answer == expected:
            hidden.append(slip.name)
        else:
            kept.setdefault(slip.answer, slip)
    return Slips(tuple(kept.values()), tuple(hidden))


def from_formulas(right: sp.Expr, wrong: Iterable[tuple[str, sp.Expr, str, str]]) -> Slips:
    """Make slips of formulas, told apart as functions.

    Parameters
    ----------
    right : sympy.Expr
    wrong : iterable of (str, sympy.Expr, str, str)
        Name, answer, repair, and row of the table of mistakes.
    """
    wrong = list(wrong)
    symbols = sorted(right.free_symbols.union(*(one[1].free_symbols for one in wrong)), key=str)
    expected = _values(right, symbols)
    kept: dict[tuple[str, ...], Slip] = {}
    hidden = []
    for name, answer, repair, row in wrong:
        values = _values(answer, symbols)
        if values == expected:
            hidden.append(name)
        elif values not in kept:
            kept[values] = Slip(name, entry(printing.text(answer)), repair, row)
    return Slips(tuple(kept.values()), tuple(hidden))


_PLACES = (sp.Rational(517, 331), sp.Rational(223, 419), sp.Rational(-911, 601), sp.Rational(701, 263))


def _values(e: sp.Expr, symbols: Sequence[sp.Symbol]) -> tuple[str, ...]:
    """Tell functions apart by their values at two points of no special kind."""
    found = []
    for shift in (0, 1):
        point = {symbol: _PLACES[(i + shift) % 4] + i * sp.Rational(3, 101) for i, symbol in enumerate(symbols)}
        try:
            found.append(mpmath.nstr(evaluate(e, point, digits=25), 15))
        except UndefinedHere:
            found.append("undefined")
    return tuple(found)
