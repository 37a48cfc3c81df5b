"""SymPy expressions as text that `parse` reads back, and as LaTeX, both as a textbook writes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

import sympy as sp
from sympy.core.function import AppliedUndef

from pellucid.errors import UnknownLabelError
from pellucid.hints import expect
from pellucid.notation import parse as parse_label
from pellucid.symbolic.grammar import GREEK

_NAMES: Mapping[str, str] = {
    "log": "ln",
    "Abs": "abs",
    "Max": "max",
    "Min": "min",
    **{f"a{name}": f"arc{name}" for name in ("sin", "cos", "tan", "cot", "sec", "csc")},
    **{f"a{name}": f"ar{name}" for name in ("sinh", "cosh", "tanh", "coth", "sech", "csch")},
}
_LATEX_NAMES = frozenset(
    ("sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh", "coth", "arcsin", "arccos", "arctan", "ln",
     "max", "min")
)  # fmt: skip

_PIECES, _SUM, _PRODUCT, _POWER, _ATOM = range(5)
"""How tightly something holds together; what is looser than its place asks for gets brackets."""


def text(expression: sp.Expr, names: Mapping[str, str] | None = None) -> str:
    """Write an expression as text: ``8 (15x^2 - 1) (5x^3 - x - 1)``.

    Parameters
    ----------
    expression : sympy.Expr
    names : mapping of str to str, optional
        What to call its names instead.

    Returns
    -------
    str
        `parse` reads it back.
    """
    return _Text(names or {}).write(expression)


def latex(expression: sp.Expr, names: Mapping[str, str] | None = None) -> str:
    """Write an expression as LaTeX: ``8 (15 x^{2} - 1) (5 x^{3} - x - 1)``.

    Parameters
    ----------
    expression : sympy.Expr
    names : mapping of str to str, optional
        What to call its names instead.

    Returns
    -------
    str
        Names keep their indices: f1 is ``f_{1}``, labels are those of `pellucid.notation`.
    """
    expect(expression, sp.Basic, "expression", "an expression of SymPy", "pl.symbolic.latex(pl.symbolic.parse('x^2'))")
    return _Latex(names or {}).write(expression)


def intervals(pieces: sp.Expr) -> Iterator[tuple[sp.Expr, sp.Expr | None, sp.Expr | None]]:
    """Go through the pieces that `differentiation.by_intervals` made, from the left.

    Yields
    ------
    value, low, high : sympy.Expr
        A piece and the ends of its interval; None where it has no end.
    """
    low = None
    for value, condition in pieces.args if isinstance(pieces, sp.Piecewise) else [(pieces, sp.true)]:
        high = None if condition == True else condition.rhs  # noqa: E712 (SymPy's own true)
        yield value, low, high
        low = high


def intervals_text(pieces: sp.Expr, variable: str = "z") -> str:
    """Write the pieces of `intervals` with open intervals, which leave out the kinks."""
    parts = [
        f"({text(value)}, {_interval(low, high, variable, text, '<', '>')})" for value, low, high in intervals(pieces)
    ]
    return f"piecewise({', '.join(parts)})"


def intervals_latex(pieces: sp.Expr, variable: str = "z", *, is_closed: bool = False) -> str:
    """Write the pieces of `intervals` as cases; open intervals, or closed ones that leave no point out."""
    less, more = (r"\le", r"\ge") if is_closed else ("<", ">")
    rows = [
        f"{latex(value)} & {_interval(low, high, variable, latex, less, more)}"
        for value, low, high in intervals(pieces)
    ]
    rows = rows[::-1] if len(rows) == 2 else rows  # z > 0 comes first
    return r"\begin{cases} " + r" \\ ".join(rows) + r" \end{cases}"


def _interval(
    low: sp.Expr | None, high: sp.Expr | None, variable: str, write: Callable[[sp.Expr], str], less: str, more: str
) -> str:
    if low is None and high is None:
        return write(sp.true)
    if low is None:
        return f"{variable} < {write(high)}"
    return f"{variable} {more} {write(low)}" if high is None else f"{write(low)} {less} {variable} < {write(high)}"


class _Writer:
    """Walks an expression and writes it; subclasses say how fractions, powers and names look."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names

    def write(self, e: sp.Expr, place: int = _PIECES) -> str:
        written, hold = self._written(e)
        return written if hold >= place else self.bracket(written)

    def _written(self, e: sp.Expr) -> tuple[str, int]:
        if isinstance(e, sp.Symbol):
            return self.name(self.names.get(e.name, e.name)), _ATOM
        if e.is_Rational:
            return self._rational(e)
        if isinstance(e, sp.Add):
            return self._sum(e), _SUM
        if isinstance(e, sp.Mul):
            return self._product(e)
        if isinstance(e, (sp.Pow, sp.exp)):
            return self._power(e)
        if isinstance(e, sp.Piecewise):
            return self.piecewise(e), _PIECES
        if isinstance(e, sp.Abs):
            return self.absolute(self.write(e.args[0])), _ATOM
        if e in (sp.E, sp.pi):
            return self.constant(e), _ATOM
        if e == sp.I:
            return self.root("-1"), _ATOM
        if isinstance(e, sp.logic.boolalg.Boolean):
            return self.condition(e), _ATOM
        if isinstance(e, (sp.Function, sp.Max, sp.Min, AppliedUndef)):
            return self.call(_function_name(e), [self.write(one, _SUM) for one in _ordered_arguments(e)]), _ATOM
        if isinstance(e, sp.Float):
            return self._rational(sp.Rational(str(e)))
        return self.other(e), _ATOM

    # sums

    def _sum(self, e: sp.Add) -> str:
        parts: list[str] = []
        for term in _ordered_terms(e):
            is_negative = _is_negative(term)
            written = self.write(-term if is_negative else term, _PRODUCT)
            if not parts:
                parts.append(f"-{written}" if is_negative else written)
            else:
                parts.append(f" - {written}" if is_negative else f" + {written}")
        return "".join(parts)

    # products

    def _product(self, e: sp.Mul) -> tuple[str, int]:
        if _is_negative(e):
            return f"-{self.write(-e, _PRODUCT)}", _SUM
        above, below = _numerator_and_denominator(e)
        if not below:
            return self.side_by_side(above), _PRODUCT
        return self.fraction(above or [sp.S.One], below), _PRODUCT

    def side_by_side(self, factors: Sequence[sp.Expr]) -> str:
        if len(factors) == 1:
            return self.write(factors[0], _PRODUCT)
        written = ""
        for i, factor in enumerate(_ordered_factors(factors)):
            one = self.write(factor, _POWER)
            written += one if i == 0 else f"{self.between(written, one)}{one}"
        return written

    def _rational(self, e: sp.Rational) -> tuple[str, int]:
        if e < 0:
            return f"-{self._rational(-e)[0]}", _SUM
        if e.q == 1:
            return str(e.p), _ATOM
        decimal = _as_decimal(e)
        if decimal:
            return decimal, _ATOM
        return self.fraction([sp.Integer(e.p)], [sp.Integer(e.q)]), _PRODUCT

    # powers

    def _power(self, e: sp.Expr) -> tuple[str, int]:
        if isinstance(e, sp.exp):
            return self.power(self.constant(sp.E), self.exponent(e.args[0])), _POWER
        base, exponent = e.args
        if exponent == sp.Rational(1, 2):
            return self.root(self.write(base)), _ATOM
        if exponent.is_Rational and exponent < 0:
            return self.fraction([sp.S.One], [base ** (-exponent)]), _PRODUCT
        if isinstance(base, _TRIGONOMETRIC) and exponent.is_Integer:
            return self.power_of_function(base, int(exponent)), _POWER
        return self.power(self.base(base), self.exponent(exponent)), _POWER

    def base(self, e: sp.Expr) -> str:
        return self.write(e, _ATOM)

    def bracket(self, written: str) -> str:
        return f"({written})"

    # how it looks

    def name(self, name: str) -> str:
        raise NotImplementedError

    def between(self, left: str, right: str) -> str:
        raise NotImplementedError

    def fraction(self, above: Sequence[sp.Expr], below: Sequence[sp.Expr]) -> str:
        raise NotImplementedError

    def exponent(self, e: sp.Expr) -> str:
        raise NotImplementedError

    def power(self, base: str, exponent: str) -> str:
        raise NotImplementedError

    def power_of_function(self, e: sp.Expr, exponent: int) -> str:
        return self.power(self.write(e, _ATOM), str(exponent))

    def root(self, written: str) -> str:
        raise NotImplementedError

    def absolute(self, written: str) -> str:
        raise NotImplementedError

    def constant(self, e: sp.Expr) -> str:
        raise NotImplementedError

    def call(self, name: str, args: Sequence[str]) -> str:
        raise NotImplementedError

    def piecewise(self, e: sp.Piecewise) -> str:
        raise NotImplementedError

    def condition(self, e: object) -> str:
        raise NotImplementedError

    def other(self, e: sp.Expr) -> str:
        raise NotImplementedError


_TRIGONOMETRIC = (sp.sin, sp.cos, sp.tan, sp.cot, sp.sec, sp.csc, sp.sinh, sp.cosh, sp.tanh, sp.coth)
_SIGNS = {sp.Gt: ">", sp.Lt: "<", sp.Ge: ">=", sp.Le: "<=", sp.Eq: "=", sp.Ne: "!="}


def _sign_of(e: object, signs: Mapping[type, str]) -> str:
    return next(sign for kind, sign in signs.items() if isinstance(e, kind))


class _Text(_Writer):
    """Plain text."""

    def name(self, name: str) -> str:
        return name

    def between(self, left: str, right: str) -> str:
        # 15x, 2 sin(x), 8 (x + 1), x y; a number never follows without a sign
        is_number = left.replace(".", "").isdigit()
        if right[0].isdigit():
            return "·"
        short = is_number and re.fullmatch(r"[A-Za-z](\^(\d+|\([^()]*\)))?", right) and right[0] not in "eE"
        return "" if short else " "

    def fraction(self, above: Sequence[sp.Expr], below: Sequence[sp.Expr]) -> str:
        top = self.side_by_side(above)
        bottom = self.side_by_side(below) if len(below) > 1 else self.write(below[0], _POWER)
        return f"{top}/({bottom})" if len(below) > 1 else f"{top}/{bottom}"

    def exponent(self, e: sp.Expr) -> str:
        is_plain = (e.is_Integer and e >= 0) or isinstance(e, sp.Symbol)
        written = self.write(e)
        return written if is_plain and re.fullmatch(r"\w+", written) else f"({written})"

    def power(self, base: str, exponent: str) -> str:
        return f"({base})^{exponent}" if "^" in base and not base.startswith("(") else f"{base}^{exponent}"

    def base(self, e: sp.Expr) -> str:
        written = super().base(e)
        return f"({written})" if isinstance(e, sp.Symbol) and "^" in written else written

    def root(self, written: str) -> str:
        return f"sqrt({written})"

    def absolute(self, written: str) -> str:
        return f"abs({written})"

    def constant(self, e: sp.Expr) -> str:
        return "e" if e == sp.E else "π"

    def call(self, name: str, args: Sequence[str]) -> str:
        return f"{name}({', '.join(args)})"

    def piecewise(self, e: sp.Piecewise) -> str:
        pairs = list(e.args)
        if len(pairs) == 2 and pairs[1][1] == True and not any(isinstance(v, sp.Piecewise) for v, _ in pairs):  # noqa: E712
            return f"{self.write(pairs[0][0])} if {self.condition(pairs[0][1])} else {self.write(pairs[1][0])}"
        parts = [f"({self.write(value)}, {self.condition(condition)})" for value, condition in pairs]
        return f"piecewise({', '.join(parts)})"

    def condition(self, e: object) -> str:
        if e == True:  # noqa: E712 (SymPy's own true)
            return "otherwise"
        if isinstance(e, (sp.And, sp.Or)):
            word = " and " if isinstance(e, sp.And) else " or "
            return word.join(f"({self.condition(one)})" for one in e.args)
        return f"{self.write(e.lhs)} {_sign_of(e, _SIGNS)} {self.write(e.rhs)}"  # type: ignore[attr-defined]

    def other(self, e: sp.Expr) -> str:
        return str(e)


_LATEX_RELATIONS = {**_SIGNS, sp.Ge: r"\ge", sp.Le: r"\le", sp.Ne: r"\ne"}


class _Latex(_Writer):
    """LaTeX, in the subset that `pellucid.document` shows."""

    def name(self, name: str) -> str:
        try:
            return parse_label(name).latex
        except UnknownLabelError:
            pass
        general = re.fullmatch(r"([A-Za-z]+)_\{?(\w+)\}?\^\{?([^{}]+)\}?", name)
        if general:
            return f"{general[1]}_{{{general[2]}}}^{{{general[3]}}}"
        match = re.fullmatch(r"([A-Za-z]+?)(?:_?(\d+)|_(\w+))?", name)
        if match is None:
            return rf"\mathrm{{{name}}}"
        letters, index = match[1], match[2] or match[3]
        base = f"\\{letters}" if letters in GREEK else letters if len(letters) == 1 else rf"\mathrm{{{letters}}}"
        return f"{base}_{{{index}}}" if index else base

    def between(self, left: str, right: str) -> str:  # noqa: ARG002 (text asks for it)
        return r" \cdot " if right[0].isdigit() or right.startswith(r"\frac") else " "

    def fraction(self, above: Sequence[sp.Expr], below: Sequence[sp.Expr]) -> str:
        top = self.side_by_side(above) if len(above) > 1 else self.write(above[0])
        bottom = self.side_by_side(below) if len(below) > 1 else self.write(below[0])
        return rf"\frac{{{top}}}{{{bottom}}}"

    def exponent(self, e: sp.Expr) -> str:
        if e.is_Rational and e.q != 1:
            return f"{e.p}/{e.q}"
        return self.write(e)

    def power(self, base: str, exponent: str) -> str:
        return f"{base}^{{{exponent}}}"

    def base(self, e: sp.Expr) -> str:
        written = super().base(e)
        return rf"\left({written}\right)" if isinstance(e, sp.Symbol) and "^" in written else written

    def power_of_function(self, e: sp.Expr, exponent: int) -> str:
        return rf"\{_function_name(e)}^{{{exponent}}}{self.bracket(self.write(e.args[0]))}"

    def bracket(self, written: str) -> str:
        tall = any(command in written for command in (r"\frac", r"\begin", r"\left"))
        return rf"\left({written}\right)" if tall else f"({written})"

    def root(self, written: str) -> str:
        return rf"\sqrt{{{written}}}"

    def absolute(self, written: str) -> str:
        return rf"\left|{written}\right|"

    def constant(self, e: sp.Expr) -> str:
        return "e" if e == sp.E else r"\pi"

    def call(self, name: str, args: Sequence[str]) -> str:
        inner = self.bracket(", ".join(args))
        if name.startswith("σ"):
            return rf"\sigma{name[1:]}{inner}"
        return rf"\{name}{inner}" if name in _LATEX_NAMES else rf"\operatorname{{{name}}}{inner}"

    def piecewise(self, e: sp.Piecewise) -> str:
        rows = [f"{self.write(value)} & {self.condition(condition)}" for value, condition in e.args]
        return r"\begin{cases} " + r" \\ ".join(rows) + r" \end{cases}"

    def condition(self, e: object) -> str:
        if e == True:  # noqa: E712 (SymPy's own true)
            return r"\text{otherwise}"
        if isinstance(e, (sp.And, sp.Or)):
            chained = self._chain(e) if isinstance(e, sp.And) else None
            word = r" \text{ and } " if isinstance(e, sp.And) else r" \text{ or } "
            return chained or word.join(self.condition(one) for one in e.args)
        return f"{self.write(e.lhs)} {_sign_of(e, _LATEX_RELATIONS)} {self.write(e.rhs)}"  # type: ignore[attr-defined]

    def _chain(self, e: sp.And) -> str | None:
        """-1 < z and z < 1 as -1 < z < 1."""
        if len(e.args) != 2:
            return None
        for low, high in (e.args, e.args[::-1]):
            is_less = all(isinstance(one, (sp.Lt, sp.Le)) for one in (low, high))
            if is_less and low.rhs == high.lhs:
                signs = [_sign_of(one, _LATEX_RELATIONS) for one in (low, high)]
                return f"{self.write(low.lhs)} {signs[0]} {self.write(low.rhs)} {signs[1]} {self.write(high.rhs)}"
        return None

    def other(self, e: sp.Expr) -> str:
        return str(sp.latex(e))


def _as_decimal(e: sp.Rational) -> str:
    """Write a fraction of a large denominator as a decimal, if that ends: 0.044715; else nothing."""
    q = int(e.q)
    if q <= 100:
        return ""
    places = 0
    while (10**places) % q and places < 12:
        places += 1
    if (10**places) % q:
        return ""
    digits = str(int(e.p) * (10**places // q)).rjust(places + 1, "0")
    return f"{digits[:-places]}.{digits[-places:]}"


# order


def _is_negative(e: sp.Expr) -> bool:
    coefficient = e.as_coeff_Mul()[0] if isinstance(e, sp.Mul) or e.is_Rational else sp.S.One
    return bool(coefficient.is_Rational and coefficient < 0)


def _ordered_terms(e: sp.Add) -> list[sp.Expr]:
    """Descending powers, as SymPy prints them; a positive term first if there is one."""
    terms = list(e.as_ordered_terms())
    first = next((i for i, term in enumerate(terms) if not _is_negative(term)), 0)
    if first and _is_negative(terms[0]) and len(terms) == 2:
        terms.insert(0, terms.pop(first))
    return terms


def _rank(e: sp.Expr) -> tuple[int, str]:
    """Numbers, π and e, names, powers of names, functions, exponentials, sums."""
    base = e.args[0] if isinstance(e, sp.Pow) else e
    kinds: Sequence[tuple[int, Callable[[], bool]]] = (
        (0, lambda: bool(base.is_Rational)),
        (1, lambda: base in (sp.pi, sp.E)),
        (2, lambda: isinstance(base, sp.Symbol)),
        (6, lambda: isinstance(base, (sp.Add, sp.Piecewise))),
        (5, lambda: isinstance(e, sp.exp)),
        (4, lambda: True),
    )
    return next(rank for rank, holds in kinds if holds()), sp.default_sort_key(base)


def _ordered_factors(factors: Sequence[sp.Expr]) -> list[sp.Expr]:
    return sorted(factors, key=_rank)


def _numerator_and_denominator(e: sp.Mul) -> tuple[list[sp.Expr], list[sp.Expr]]:
    above: list[sp.Expr] = []
    below: list[sp.Expr] = []
    for factor in e.args:
        if factor.is_Rational and not factor.is_Integer and not _as_decimal(factor):
            above += [sp.Integer(factor.p)] if factor.p != 1 else []
            below.append(sp.Integer(factor.q))
        elif isinstance(factor, sp.Pow) and factor.exp.is_Rational and factor.exp < 0:
            below.append(factor.base ** (-factor.exp))
        else:
            above.append(factor)
    return above, below


def _function_name(e: sp.Expr) -> str:
    name = e.func.__name__
    return _NAMES.get(name, name)


def _ordered_arguments(e: sp.Expr) -> Sequence[sp.Expr]:
    if isinstance(e, (sp.Max, sp.Min)):
        return sorted(e.args, key=lambda one: (bool(one.free_symbols), sp.default_sort_key(one)))
    return list(e.args)
