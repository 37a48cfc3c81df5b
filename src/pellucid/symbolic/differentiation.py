"""Derivatives of formulas by SymPy, in the textbook's form, and simplification that always comes to an end.

SymPy differentiates |x|, sign, max and min for complex arguments, by way of conjugates and Dirac's delta. Here all
quantities are real, so those four are differentiated piece by piece, and the points between the pieces are named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, reduce
from itertools import pairwise
from math import comb
from typing import Any

import sympy as sp

from pellucid.errors import FormulaError

_TERMS = 200
"""Expressions that would expand to more terms are not expanded, factored or brought over one denominator."""


class _Switch(sp.Function):  # type: ignore[misc]
    """|x| while it is differentiated; its derivative is the sign."""

    @classmethod
    def eval(cls, *_: object) -> None:
        return None

    def fdiff(self, argindex: int = 1) -> sp.Expr:  # noqa: ARG002 (as SymPy calls it)
        return _Side(self.args[0])


class _Side(sp.Function):  # type: ignore[misc]
    """The sign of x while it is differentiated; constant wherever it is differentiable."""

    @classmethod
    def eval(cls, *_: object) -> None:
        return None

    def fdiff(self, argindex: int = 1) -> sp.Expr:  # noqa: ARG002 (as SymPy calls it)
        return sp.S.Zero


# Piecewise functions whose conditions compare piecewise functions: SymPy would rewrite those conditions by solving
# them, which may take long and fails for some. Here they are taken apart by hand.

_MOST_PARTS = 2_000


def piecewise(pairs: Iterable[tuple[sp.Expr, Any]]) -> sp.Expr:
    """Make a piecewise function of (value, condition), whose conditions hold no piecewise functions afterwards.

    Raises
    ------
    FormulaError
        The conditions would have too many parts.
    """
    bare = [(value, _bare(condition)) for value, condition in pairs]
    kept = [(value, condition) for value, condition in bare if condition != False]  # noqa: E712 (SymPy's own)
    if not kept:
        return sp.nan
    return kept[0][0] if kept[0][1] == True else sp.Piecewise(*kept, evaluate=False)  # noqa: E712


def _bare(condition: Any) -> Any:
    if condition in (sp.true, sp.false, True, False) or not condition.has(sp.Piecewise):
        return condition
    if isinstance(condition, sp.And | sp.Or | sp.Not):
        return condition.func(*map(_bare, condition.args))
    inner = _outermost(condition)
    parts: list[Any] = []
    before: list[Any] = []
    for value, when in inner.args:
        holds = mapped(condition, {inner: value}.get)
        parts.append(sp.And(*before, when, _bare(holds)))
        before.append(sp.to_nnf(sp.Not(when), simplify=False))
    found = sp.Or(*parts)
    if size(found) > _MOST_PARTS:
        raise FormulaError(f"the conditions of these pieces have more than {_MOST_PARTS:,} parts", 0)
    return found


def _outermost(condition: Any) -> sp.Piecewise:
    return next(node for node in sp.preorder_traversal(condition) if isinstance(node, sp.Piecewise))


def mapped(expression: Any, change: Callable[[Any], Any]) -> Any:
    """Rebuild an expression from below; what ``change`` returns takes a node's place, None leaves it."""
    if isinstance(expression, sp.Piecewise):
        new = piecewise([(mapped(value, change), mapped(condition, change)) for value, condition in expression.args])
    elif not expression.args:
        new = expression
    else:
        args = [mapped(argument, change) for argument in expression.args]
        if all(old is made for old, made in zip(expression.args, args, strict=True)):
            new = expression
        elif isinstance(expression, sp.core.relational.Relational) and any(made.has(sp.Piecewise) for made in args):
            new = expression.func(*args, evaluate=False)
        else:
            new = expression.func(*args)
        if not new.args:  # what -(-z) comes to when -z took the place of z is done with
            return new
    changed = change(new)
    return new if changed is None else changed


def as_pieces(expression: sp.Expr) -> sp.Expr:
    """Write max and min as piecewise functions."""
    return mapped(expression, lambda e: _pieces_of_extremum(e) if isinstance(e, sp.Max | sp.Min) else None)


def _pieces_of_extremum(extremum: sp.Expr) -> sp.Expr:
    """max(u, v, …) = u if u > v …, pairwise: max(0, z) is z if z > 0, else 0."""
    is_max = isinstance(extremum, sp.Max)
    # A constant comes last, so that the condition reads z > 0 and the kink belongs to the constant's side.
    arguments = sorted(extremum.args, key=lambda e: (not e.free_symbols, e.sort_key()))

    def joined(u: sp.Expr, v: sp.Expr) -> sp.Expr:
        condition = (sp.Gt if is_max else sp.Lt)(u, v, evaluate=False)
        return piecewise([(u, condition), (v, sp.true)])

    return reduce(joined, arguments)


def differentiate(expression: sp.Expr, variable: sp.Symbol) -> sp.Expr:
    """Differentiate an expression of real variables.

    Parameters
    ----------
    expression : sympy.Expr
    variable : sympy.Symbol

    Returns
    -------
    sympy.Expr
        Between the pieces of piecewise functions, |x|, sign, max and min the value is that of one side; `kinks` names
        those points.
    """
    prepared = as_pieces(expression)
    prepared = prepared.replace(lambda e: isinstance(e, sp.Abs), lambda e: _Switch(e.args[0]))
    prepared = prepared.replace(lambda e: isinstance(e, sp.sign), lambda e: _Side(e.args[0]))
    found = _derivative(prepared, variable)
    found = found.replace(
        lambda e: isinstance(e, sp.Pow) and isinstance(e.base, _Side) and e.exp.is_Integer,
        lambda e: sp.S.One if e.exp % 2 == 0 else e.base,
    )
    found = found.replace(lambda e: isinstance(e, _Side), lambda e: sp.sign(e.args[0]))
    return found.replace(lambda e: isinstance(e, _Switch), lambda e: sp.Abs(e.args[0]))


def _derivative(expression: sp.Expr, variable: sp.Symbol) -> sp.Expr:
    """Differentiate, the conditions of piecewise functions kept as they are: SymPy's own way would rewrite them."""
    if not expression.has(variable):
        return sp.S.Zero
    stands_for: dict[sp.Dummy, sp.Piecewise] = {}

    def hidden(piecewise: sp.Piecewise) -> sp.Expr:
        for dummy, known in stands_for.items():
            if known == piecewise:
                return dummy
        dummy = sp.Dummy()
        stands_for[dummy] = piecewise
        return dummy

    if isinstance(expression, sp.Piecewise):
        pieces = [(_derivative(value, variable), condition) for value, condition in expression.args]
        if len({value for value, _ in pieces}) == 1:
            return pieces[0][0]
        return sp.Piecewise(*pieces, evaluate=False)
    outer = _replace_outermost(expression, hidden)
    total = sp.diff(outer, variable)
    for dummy, piecewise in stands_for.items():
        total += sp.diff(outer, dummy) * _derivative(piecewise, variable)
    return substitute(total, stands_for)


def _replace_outermost(expression: sp.Expr, replace: object) -> sp.Expr:
    if isinstance(expression, sp.Piecewise):
        return replace(expression)  # type: ignore[operator]
    if not expression.args or not expression.has(sp.Piecewise):
        return expression
    return expression.func(*(_replace_outermost(argument, replace) for argument in expression.args))


def by_intervals(expression: sp.Expr, variable: sp.Symbol) -> sp.Expr:
    """Write a piecewise expression of one variable by intervals from left to right, if its kinks are plain numbers.

    Parameters
    ----------
    expression : sympy.Expr
    variable : sympy.Symbol

    Returns
    -------
    sympy.Expr
        ``Piecewise((0, z < -1), (1, z < 1), (0, True))`` for the derivative of min(1, max(-1, z)); the expression as it
        is where that cannot be done. Values at the kinks themselves are not kept: see `kinks`.
    """
    expression = as_pieces(expression)
    if not expression.has(sp.Piecewise):
        return expression
    points = kink_points(expression, variable)
    if not points:
        return expression
    inner = [points[0] - 1, *((a + b) / 2 for a, b in pairwise(points)), points[-1] + 1]
    values = [_branch(expression, variable, point) for point in inner]
    pieces: list[tuple[sp.Expr, object]] = []
    for value, end in zip(values, [*points, None], strict=True):
        condition = True if end is None else sp.Lt(variable, end, evaluate=False)
        if pieces and pieces[-1][0] == value:
            pieces.pop()
        pieces.append((value, condition))
    return pieces[0][0] if len(pieces) == 1 else sp.Piecewise(*pieces, evaluate=False)


def kink_points(expression: sp.Expr, variable: sp.Symbol) -> list[sp.Expr]:
    """Return the kinks of a formula of one variable in order; empty if they are not all found to be plain numbers."""
    points = set()
    for e in kinks(as_pieces(expression)):
        slope = sp.diff(e, variable)
        if e.free_symbols != {variable} or not slope.is_Rational or slope == 0:
            return []
        points.add(-e.subs(variable, 0) / slope)
    return sorted(points) if all(point.is_real for point in points) else []


def _branch(expression: sp.Expr, variable: sp.Symbol, point: sp.Expr) -> sp.Expr:
    """Keep of each piecewise part the piece that holds at a point."""
    if isinstance(expression, sp.Piecewise):
        for value, condition in expression.args:
            if condition == True or condition.subs(variable, point) == True:  # noqa: E712 (SymPy's own true)
                return _branch(value, variable, point)
    if not expression.args or not expression.has(sp.Piecewise):
        return expression
    return expression.func(*(_branch(argument, variable, point) for argument in expression.args))


def kinks(expression: sp.Expr) -> tuple[sp.Expr, ...]:
    """Return the expressions whose zeros are where a formula may have no derivative: arguments of |x|, sign, max, …

    Parameters
    ----------
    expression : sympy.Expr

    Returns
    -------
    tuple of sympy.Expr
        ``(z,)`` for max(0, z); ``(z - 1, z + 1)`` for min(1, max(-1, z)).
    """
    found: dict[sp.Expr, None] = {}
    for node in sp.preorder_traversal(expression):
        if isinstance(node, (sp.Abs, sp.sign)):
            found.setdefault(node.args[0])
        elif isinstance(node, sp.Piecewise):
            for relation in _relations(node):
                found.setdefault(relation.lhs - relation.rhs)
        elif isinstance(node, (sp.Max, sp.Min)):
            for u, v in _pairs(node.args):
                found.setdefault(u - v if u.free_symbols else v - u)
    return tuple(e for e in found if e.free_symbols)


def _relations(piecewise: sp.Piecewise) -> Iterator[sp.Rel]:
    for _, condition in piecewise.args:
        yield from condition.atoms(sp.core.relational.Relational)


def _pairs(items: tuple[sp.Expr, ...]) -> Iterator[tuple[sp.Expr, sp.Expr]]:
    for i, u in enumerate(items):
        for v in items[i + 1 :]:
            yield u, v


# simplification within bounds


def expanded_terms(expression: sp.Expr) -> float:
    """Bound the number of terms of an expression multiplied out; functions count as one letter each."""
    if isinstance(expression, sp.Add):
        return sum(expanded_terms(e) for e in expression.args)
    if isinstance(expression, sp.Mul):
        return reduce(lambda n, e: min(n * expanded_terms(e), 1e18), expression.args, 1.0)
    if isinstance(expression, sp.Pow) and expression.exp.is_Integer:
        terms, power = expanded_terms(expression.base), abs(int(expression.exp))
        if terms == 1:
            return 1.0
        return float(comb(int(terms) + power - 1, power)) if terms + power < 60 else 1e18
    return 1.0


def degree(expression: sp.Expr) -> float:
    """Bound the total degree of an expression multiplied out."""
    if isinstance(expression, sp.Add):
        return max(degree(e) for e in expression.args)
    if isinstance(expression, sp.Mul):
        return sum(degree(e) for e in expression.args)
    if isinstance(expression, sp.Pow) and expression.exp.is_Integer:
        return abs(int(expression.exp)) * degree(expression.base)
    return 0.0 if expression.is_number else 1.0


def length(expression: sp.Expr) -> int:
    """Count what has to be written: operations, names, and the digits of numbers."""
    leaves = (e for e in sp.preorder_traversal(expression) if not e.args and e is not sp.S.NegativeOne)
    return int(expression.count_ops()) + sum(len(str(e).strip("-")) if e.is_Number else 1 for e in leaves)


@lru_cache(maxsize=1024)
def simplify(expression: sp.Expr) -> sp.Expr:
    """Return the shortest of a few forms of an expression; how long that takes is bounded by its size.

    Parameters
    ----------
    expression : sympy.Expr

    Returns
    -------
    sympy.Expr
        As it is, over one denominator, with common factors taken out, factored, with sin² + cos² = 1 used; whichever
        is shortest. Never multiplied out unless that is shorter.
    """
    if isinstance(expression, sp.Piecewise):
        pieces = [(simplify(value), condition) for value, condition in expression.args]
        return sp.Piecewise(*pieces, evaluate=False)
    if expression.has(sp.Piecewise):
        return expression
    if expression.has(sp.sign) and expression.has(sp.Abs):
        expression = mapped(expression, _without_sign)
    forms = dict.fromkeys((expression, *_forms(expression)))
    shortest = sorted(forms, key=length)[:3]
    return min((*shortest, *(sp.factor_terms(form) for form in shortest)), key=length)


def _without_sign(expression: sp.Expr) -> sp.Expr | None:
    """Write sign(u)/|u| as 1/u: ln|u| has the derivative u'/u."""
    if not isinstance(expression, sp.Mul):
        return None
    powers = expression.as_powers_dict()
    for base, n in powers.items():
        if n == -1 and isinstance(base, sp.Abs) and powers.get(sp.sign(base.args[0]), 0) == 1:
            return expression * base / sp.sign(base.args[0]) / base.args[0]
    return None


def _forms(expression: sp.Expr) -> Iterator[sp.Expr]:
    if length(expression) > 2 * _TERMS or not expression.is_commutative:
        return
    if expanded_terms(expression) > _TERMS or degree(expression) > 30:
        return
    kernels, bare = _without_functions(expression)
    for candidate in (bare, *_pythagorean(kernels, bare)):
        for form in _rational_forms(candidate):
            yield form.xreplace(kernels)
    yield from _in_fractions(kernels, bare)


_TERMS_IN_FRACTIONS = 30


def _in_fractions(kernels: dict[sp.Dummy, sp.Expr], bare: sp.Expr) -> Iterator[sp.Expr]:
    """Take e^u, if it is alone, for 1/e^(-u) and bring that into partial fractions: 1/(1 + e^(-u)) - y."""
    exponentials = [letter for letter, kernel in kernels.items() if isinstance(kernel, sp.exp)]
    if len(exponentials) != 1:
        return
    (letter,) = exponentials
    turned = sp.together(bare.xreplace({letter: 1 / letter}))
    if max(map(expanded_terms, turned.as_numer_denom())) > _TERMS_IN_FRACTIONS:
        return
    back = {**kernels, letter: sp.exp(-kernels[letter].args[0])}
    try:
        form = sp.apart(sp.factor(turned), letter)
    except sp.PolynomialError:  # something in it is no rational expression after all
        return
    yield form.xreplace(back)
    yield sp.factor_terms(sp.collect(form, letter)).xreplace(back)


def _pythagorean(kernels: dict[sp.Dummy, sp.Expr], bare: sp.Expr) -> Iterator[sp.Expr]:
    """Use sin² = 1 - cos², or cos² = 1 - sin², in numerator and denominator."""
    sines = {kernel.args[0]: letter for letter, kernel in kernels.items() if isinstance(kernel, sp.sin)}
    cosines = {kernel.args[0]: letter for letter, kernel in kernels.items() if isinstance(kernel, sp.cos)}
    shared = [argument for argument in sines if argument in cosines]
    if not shared:
        return
    parts = sp.together(bare).as_numer_denom()
    if max(map(expanded_terms, parts)) > _TERMS:
        return
    for first, second in ((sines, cosines), (cosines, sines)):
        for argument in shared:
            gone, kept = first[argument], second[argument]
            parts = tuple(sp.rem(sp.expand(part), gone**2 + kept**2 - 1, gone) for part in parts)
        if parts[1] != 0:
            yield parts[0] / parts[1]


def _without_functions(expression: sp.Expr) -> tuple[dict[sp.Dummy, sp.Expr], sp.Expr]:
    """Put a letter in place of each function and root, so that only a rational expression is left.

    e^u and e^(-u) share a letter.
    """
    letters: dict[sp.Expr, sp.Dummy] = {}

    def letter(kernel: sp.Expr) -> sp.Dummy:
        return letters.setdefault(kernel, sp.Dummy())

    def bare(e: sp.Expr) -> sp.Expr:
        if isinstance(e, sp.exp):
            factor, rest = e.args[0].as_coeff_Mul()
            if rest.could_extract_minus_sign():
                factor, rest = -factor, -rest
            if factor.is_Integer:
                return letter(sp.exp(rest)) ** factor
            return letter(e)
        if isinstance(e, (sp.Add, sp.Mul)):
            return e.func(*(bare(argument) for argument in e.args))
        if isinstance(e, sp.Pow):
            if e.exp.is_Integer:
                return bare(e.base) ** e.exp
            if e.exp.is_Rational:  # x^(-3/2) is x^(-1) r^(-1) with the root r = x^(1/2)
                whole = abs(e.exp.p) // e.exp.q
                sign = -1 if e.exp < 0 else 1
                return bare(e.base) ** (sign * whole) * letter(e.base ** (abs(e.exp) - whole)) ** sign
            return letter(e)
        return e if e.is_number or e.is_Symbol else letter(e)

    stripped = bare(expression)
    return {dummy: kernel for kernel, dummy in letters.items()}, stripped


def _rational_forms(expression: sp.Expr) -> Iterator[sp.Expr]:
    try:
        together = sp.together(expression)
        yield together
        numerator, denominator = together.as_numer_denom()
        if max(expanded_terms(numerator), expanded_terms(denominator)) > _TERMS:
            return
        yield sp.factor(together)
        yield sp.cancel(together)
        yield sp.expand(numerator) / denominator
        yield sp.expand(expression)
    except sp.PolynomialError:  # something in it is no rational expression after all
        return


def substitute(expression: sp.Expr, values: dict[sp.Symbol, sp.Expr], limit: int = 20_000) -> sp.Expr:
    """Put expressions in place of names, all at once.

    Raises
    ------
    FormulaError
        The result would have more than ``limit`` nodes.
    """
    sizes = {symbol: size(value) for symbol, value in values.items()}
    nodes = sum(sizes.get(node, 1) for node in sp.preorder_traversal(expression))
    if nodes > limit:
        raise FormulaError(f"written out, this would have {nodes:,} numbers, names and signs; at most {limit:,}", 0)
    return mapped(expression, values.get)


def size(expression: sp.Expr) -> int:
    """Count the nodes of an expression."""
    return sum(1 for _ in sp.preorder_traversal(expression))
