"""Whether two formulas are the same function, however they are spelled.

Two formulas built from analytic functions that agree at a few points of no special kind, to many digits, are equal: a
difference that is not 0 is 0 at single points alone. What can hide a difference is a switch (|x|, sign, max, min, a
condition, and the branch cuts of roots and logarithms), so points are taken on both sides of each, between the zeros of
all of them; and a difference smaller than the digits, so the last points are calculated with more digits than any
number in the formulas has. "different" is said on evidence alone: a point where the two differ by more than rounding.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import chain, pairwise
from typing import Any

import mpmath
import sympy as sp

from pellucid.errors import FormulaError
from pellucid.hints import hinted
from pellucid.symbolic.differentiation import expanded_terms, kinks, size, substitute
from pellucid.symbolic.evaluation import OutOfTime, TooLarge, UndefinedHere, evaluate
from pellucid.symbolic.formulas import Functions, parse_together

SECONDS = 4.0
"""After which the answer is "undecided"."""

_MAGNITUDES = (0, 0, 1, 0, -1, 0, 2)
"""Powers of ten of the points at which two formulas are compared everywhere."""

_SCANS = 3
"""Random lines along each variable on which the zeros of switches are looked for."""

DOMAINS = ("real", "positive", "complex")


@hinted
def equivalent(
    a: str | sp.Expr,
    b: str | sp.Expr,
    domain: str = "real",
    labels: object = None,
    *,
    definitions: Mapping[str, str] | None = None,
    functions: Functions | None = None,
    names: Iterable[str] = (),
) -> str:
    """Tell whether two formulas are the same function.

    Parameters
    ----------
    a, b : str or sympy.Expr
    domain : {'real', 'positive', 'complex'}
        Where the names lie. Odd roots of negative numbers are real, so that ``x^(2/3)`` is ``cbrt(x^2)``; even roots
        and logarithms of negative numbers are their principal values, so that ``ln(x^2)`` and ``2 ln x`` differ on the
        real numbers and are equal on the positive ones. Where neither is real, nothing is compared.
    labels : Network, iterable of labels, or True
        As in `parse`.
    definitions : mapping of str to str, optional
        Formulas put in for names in both before comparing.
    functions : mapping of str to (str, str), optional
        As in `parse`.
    names : iterable of str
        As in `parse`.

    Returns
    -------
    {'equal', 'different', 'unreadable', 'undecided'}
        Single points where one is not defined do not matter. ``undecided`` after 4 s, or where neither has
        a value.

    Raises
    ------
    ValueError
        Another domain.

    Examples
    --------
    >>> equivalent("8(15x^2 - 1)(5x^3 - x - 1)", "(40x^3 - 8x - 8)*(15*x**2-1)")
    'equal'
    >>> equivalent("sqrt(x^2)", "x"), equivalent("sqrt(x^2)", "x", domain="positive")
    ('different', 'equal')
    """
    if domain not in DOMAINS:
        raise ValueError(f"unknown domain {domain!r}: known: {', '.join(DOMAINS)}")
    deadline = time.monotonic() + SECONDS
    try:
        p, q = _read(a, b, labels, definitions or {}, functions, tuple(names))
    except FormulaError:
        return "unreadable"
    if p == q or _is_zero_polynomial(p, q):
        return "equal"
    try:
        return _Comparison(p, q, domain, deadline).verdict()
    except OutOfTime:
        return "undecided"


def _read(
    a: str | sp.Expr,
    b: str | sp.Expr,
    labels: object,
    definitions: Mapping[str, str],
    functions: Functions | None,
    names: tuple[str, ...],
) -> tuple[sp.Expr, sp.Expr]:
    texts = [one for one in (a, b) if not isinstance(one, sp.Expr)]
    own = (*names, *definitions)
    read = iter(parse_together([*texts, *definitions.values()], names=own, functions=functions, labels=labels))
    p, q = (one if isinstance(one, sp.Expr) else next(read) for one in (a, b))
    put_in = {sp.Symbol(name): formula for name, formula in zip(definitions, read, strict=True)}
    for _ in put_in:
        p, q = substitute(p, put_in), substitute(q, put_in)
    return p, q


def _is_zero_polynomial(p: sp.Expr, q: sp.Expr) -> bool:
    """Whether the difference multiplies out to 0, where that is cheap to see."""
    difference = p - q
    if difference == 0:
        return True
    if difference.has(sp.Piecewise, sp.Max, sp.Min) or size(difference) > 300 or expanded_terms(difference) > 100:
        return False
    return bool(sp.expand(difference, deep=False) == 0)


class _Comparison:
    """Two expressions compared at points."""

    def __init__(self, p: sp.Expr, q: sp.Expr, domain: str, deadline: float) -> None:
        self.p, self.q, self.domain, self.deadline = p, q, domain, deadline
        self.symbols = sorted(p.free_symbols | q.free_symbols, key=lambda symbol: str(symbol.name))
        self.random = random.Random(20)  # noqa: S311 (points of no special kind)
        self.counts_imaginary = domain == "complex"
        self.switches = _switches((p, q)) if domain != "complex" else []

    def verdict(self) -> str:
        compared = 0
        points = [self._point(magnitude) for magnitude in (_MAGNITUDES if self.symbols else (0,))]
        for point in chain(points, self._between_switches()):
            found = self._differ(point, 30)
            if found:
                return "different"
            compared += found is not None
        if not compared and not self.counts_imaginary:  # real nowhere: then as complex numbers
            self.counts_imaginary = True
            return self.verdict()
        if not compared:
            return "undecided"
        digits = max(_digits_of((self.p, self.q)), _MOST_DIGITS)
        for point in points[:2]:
            if self._differ(point, digits):
                return "different"
        return "equal"

    def _point(self, magnitude: int = 0) -> dict[sp.Symbol, Any]:
        return {symbol: self._number(magnitude) for symbol in self.symbols}

    def _number(self, magnitude: int) -> Any:
        """A fraction that no formula has, from 1/30 to 3 times a power of ten."""
        size = Fraction(self.random.randrange(10**6, 10**8), 31_415_927) * Fraction(10) ** magnitude
        sign = -1 if self.domain != "positive" and self.random.random() < 0.5 else 1
        number = sp.Rational(sign * size.numerator, size.denominator)
        if self.domain != "complex":
            return number
        return mpmath.mpc(float(number), self.random.uniform(-2, 2))

    def _differ(self, point: Mapping[sp.Symbol, Any], digits: int) -> bool | None:
        """Whether the two differ at a point; None if that cannot be told there."""
        try:
            difference, scale = self._difference(point, digits)
        except TooLarge:
            return None
        except UndefinedHere:
            return self._is_one_defined(point, digits)
        if difference is None or difference == 0:
            return None if difference is None else False
        # More digits tell rounding from a difference: rounding shrinks with them, a difference, however small, stays.
        for more in (2 * digits, 4 * digits):
            again, scale = self._difference(point, more)
            if abs(again - difference) <= again / 1000:
                return True
            if again <= scale * mpmath.mpf(10) ** (-more * 2 // 3):
                return False
            difference = again
        return None

    def _difference(self, point: Mapping[sp.Symbol, Any], digits: int) -> tuple[Any, Any]:
        values = [evaluate(e, point, digits, self.deadline) for e in (self.p, self.q)]
        if not self.counts_imaginary and all(_is_imaginary(value, digits) for value in values):
            return None, None  # no real number on either side: nothing is said here
        with mpmath.workdps(digits):
            return abs(values[0] - values[1]), max(abs(values[0]), abs(values[1]), mpmath.mpf(10) ** -digits)

    def _is_one_defined(self, point: Mapping[sp.Symbol, Any], digits: int) -> bool | None:
        """At a point of no special kind only one of the two has a value."""
        defined = []
        for e in (self.p, self.q):
            try:
                evaluate(e, point, digits, self.deadline)
                defined.append(True)
            except TooLarge:
                return None
            except UndefinedHere:
                defined.append(False)
        return True if defined[0] != defined[1] else None

    # switches

    def _between_switches(self) -> Iterator[dict[sp.Symbol, Any]]:
        """Points between the zeros of all switches, along lines in the direction of each variable."""
        if not self.switches or not self.symbols:
            return
        found = []
        for base in [self._point() for _ in range(_SCANS if len(self.symbols) > 1 else 1)]:
            for symbol in self.symbols:
                zeros = sorted({zero for switch in self.switches for zero in self._zeros(switch, base, symbol)})
                found += [{**base, symbol: at} for at in _between(zeros, is_positive=self.domain == "positive")]
        yield from found[:400]

    def _zeros(self, switch: sp.Expr, base: Mapping[sp.Symbol, Any], symbol: sp.Symbol) -> Iterator[Fraction]:
        if symbol not in switch.free_symbols:
            return
        if time.monotonic() > self.deadline:
            raise OutOfTime("the time for this is over")
        exact = _real_roots(switch.xreplace({other: at for other, at in base.items() if other != symbol}), symbol)
        if exact is not None:
            yield from exact
            return
        grid = _GRID if self.domain != "positive" else [x for x in _GRID if x > 0]
        taken = [(x, self._sign(switch, base, symbol, x)) for x in grid]
        signs = [(x, sign) for x, sign in taken if sign is not None]
        for (low, before), (high, after) in pairwise(signs):
            if before == 0:
                yield low
            elif before * after < 0:
                yield self._bisect(switch, base, symbol, low, high, before)

    def _sign(self, switch: sp.Expr, base: Mapping[sp.Symbol, Any], symbol: sp.Symbol, x: Fraction) -> int | None:
        try:
            value = evaluate(switch, {**base, symbol: sp.Rational(x.numerator, x.denominator)}, 20, self.deadline)
        except UndefinedHere:
            return None
        return int(mpmath.sign(mpmath.re(value))) if mpmath.im(value) == 0 else None

    def _bisect(
        self,
        switch: sp.Expr,
        base: Mapping[sp.Symbol, Any],
        symbol: sp.Symbol,
        low: Fraction,
        high: Fraction,
        sign: int,
    ) -> Fraction:
        for _ in range(60):
            middle = (low + high) / 2
            if abs(low) > 0 and high / low > 100:  # over many magnitudes, halve the exponent
                middle = Fraction(float(low) ** 0.5 * float(high) ** 0.5)
            here = self._sign(switch, base, symbol, middle)
            if here is None or here == 0:
                return middle
            low, high = (middle, high) if here == sign else (low, middle)
        return (low + high) / 2


def _is_imaginary(value: Any, digits: int) -> bool:
    return bool(abs(mpmath.im(value)) > abs(value) * mpmath.mpf(10) ** (-digits // 2))


_MOST_DIGITS = 600
"""Of two points: a difference that is smaller is not seen."""

_SIZES = [Fraction(3 * 10**k, 7) if k >= 0 else Fraction(3, 7 * 10**-k) for k in range(-6, 13)]
_NEAR = [Fraction(k, 13) for k in range(-60, 61) if k]
_GRID = sorted({*(-x for x in _SIZES), *_NEAR, *_SIZES})
"""Where the signs of switches are taken: all magnitudes, and closely around 0."""


_WITHIN = Fraction(487, 1009)
"""Where between two zeros a point is taken: not where a person would put a number."""


def _between(zeros: Sequence[Fraction], *, is_positive: bool) -> Iterator[sp.Rational]:
    """Points left of, between and right of the zeros, and close beside each."""
    if not zeros:
        return
    first, last = zeros[0], zeros[-1]
    ends = [first - (abs(first) + 1) / _WITHIN, *zeros, last + (abs(last) + 1) / _WITHIN]
    points = []
    for low, high in pairwise(ends):
        gap = high - low
        points += [low + gap * _WITHIN, low + gap * _WITHIN / 1000, high - gap * _WITHIN / 1000]
    for point in dict.fromkeys(points):
        if point > 0 or not is_positive:
            yield sp.Rational(point.numerator, point.denominator)


_MOST_DEGREE = 8


def _real_roots(switch: sp.Expr, symbol: sp.Symbol) -> list[Fraction] | None:
    """Where a polynomial switch, whose moduli and extrema are taken apart, is 0; None if it is no polynomial."""
    found: set[Fraction] = set()
    for variant in _taken_apart(switch):
        if not variant.is_polynomial(symbol) or variant.free_symbols != {symbol}:
            return None
        polynomial = sp.Poly(variant, symbol)
        if polynomial.degree() > _MOST_DEGREE:
            return None
        if not all(c.is_Rational for c in polynomial.all_coeffs()):
            found |= {Fraction(str(root)) for root in polynomial.nroots(n=40) if root.is_real}
        elif polynomial.degree() == 1:
            a, b = polynomial.all_coeffs()
            found.add(Fraction(int((-b / a).p), int((-b / a).q)))
        elif polynomial.degree() > 1:
            for (low, high), _ in polynomial.intervals(eps=sp.Rational(1, 10**60)):
                middle = (low + high) / 2
                found.add(Fraction(int(middle.p), int(middle.q)))
    return sorted(found)


def _taken_apart(switch: sp.Expr) -> list[sp.Expr]:
    """The switch with each |u| as u and as -u, and each extremum as each argument; some of it, if it is much."""
    variants = [switch]
    for _ in range(3):
        variants = [one for variant in variants for one in _without_first(variant)][:16]
    return variants


def _without_first(e: sp.Expr) -> list[sp.Expr]:
    for node in sp.preorder_traversal(e):
        if isinstance(node, sp.Abs):
            return [e.xreplace({node: node.args[0]}), e.xreplace({node: -node.args[0]})]
        if isinstance(node, sp.Max | sp.Min):
            return [e.xreplace({node: one}) for one in node.args]
    return [e]


def _switches(expressions: Iterable[sp.Expr]) -> list[sp.Expr]:
    """What changes sign where a formula goes over to another piece or branch."""
    found: dict[sp.Expr, None] = {}
    for expression in expressions:
        for kink in kinks(expression):
            found.setdefault(kink)
        for node in sp.preorder_traversal(expression):
            is_root = isinstance(node, sp.Pow) and not node.exp.is_Integer and not node.base.is_number
            if is_root or isinstance(node, sp.log):
                found.setdefault(node.args[0])
    return [switch for switch in found if switch.free_symbols]


def _digits_of(expressions: Iterable[sp.Expr]) -> int:
    """More digits than it takes to see the smallest number in them."""
    bits = 0
    for expression in expressions:
        for node in sp.preorder_traversal(expression):
            if node.is_Rational:
                bits = max(bits, int(node.p).bit_length() + int(node.q).bit_length())
    return 100 + bits
