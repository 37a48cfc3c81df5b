"""Formulas as SymPy expressions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction

import sympy as sp

from pellucid.errors import FormulaError
from pellucid.hints import hinted
from pellucid.symbolic import grammar
from pellucid.symbolic.differentiation import differentiate, piecewise, substitute
from pellucid.symbolic.grammar import Node

Functions = Mapping[str, tuple[str, str]]
"""Functions that formulas may name: the variable and the formula of each, as ``{"σ": ("z", "1/(1 + e^(-z))")}``."""

SIGMA = sp.Function("σ")
SIGMA_PRIME = sp.Function("σ'")
SIGMA_SECOND = sp.Function("σ''")
"""σ and its derivatives, where labels are read and σ is not defined."""


@hinted
def parse(
    text: str,
    *,
    names: Iterable[str] = (),
    quantities: Iterable[str] = (),
    functions: Functions | None = None,
    labels: object = None,
) -> sp.Expr:
    """Read a formula.

    Parameters
    ----------
    text : str
        ``4*f1**2``, ``4 f1^2``, ``sin 2x``, ``√x``, ``1 if z > 0 else 0``, LaTeX, …
    names : iterable of str
        Names of the user's own, which go before constants and functions, and whose runs are products: with u and v,
        ``uv`` is u v. Every other name that is left free is the user's own too, but for e and pi.
    quantities : iterable of str
        Names with a definition of their own: f1(x) is refused for them, where x(x + 1) is a product.
    functions : mapping of str to (str, str)
        Functions that may be named; σ' is then the derivative of σ.
    labels : Network, iterable of labels, or True
        Read ``w_12^2`` as that label and not as a power, and σ and σ' as functions.

    Returns
    -------
    sympy.Expr
        In plain symbols, ``sympy.Symbol("x")``; decimals are exact fractions.

    Raises
    ------
    FormulaError
        It cannot be read, is not defined anywhere (1/0), or would take too long to work with.
    TypeError
        It is no text.

    Examples
    --------
    >>> parse("8(15x^2 - 1)(5x^3 - x - 1)")
    8*(15*x**2 - 1)*(5*x**3 - x - 1)
    >>> parse("w_12^2 a_2^1", labels=True)
    a_2^1*w_12^2
    """
    return parse_together([text], names=names, quantities=quantities, functions=functions, labels=labels)[0]


def parse_together(
    texts: Sequence[str],
    *,
    names: Iterable[str] = (),
    quantities: Iterable[str] = (),
    functions: Functions | None = None,
    labels: object = None,
    titles: Sequence[str] = (),
) -> list[sp.Expr]:
    """Read formulas that share their names: one that stands alone in any of them is known in all.

    Parameters
    ----------
    texts : sequence of str
    titles : sequence of str
        What each formula is called in an error.
    names, quantities, functions, labels
        As in `parse`.

    Returns
    -------
    list of sympy.Expr
    """
    return [
        formula
        for formula, _ in parse_with_names(
            texts, names=names, quantities=quantities, functions=functions, labels=labels, titles=titles
        )
    ]


def parse_with_names(
    texts: Sequence[str],
    *,
    names: Iterable[str] = (),
    quantities: Iterable[str] = (),
    functions: Functions | None = None,
    labels: object = None,
    titles: Sequence[str] = (),
) -> list[tuple[sp.Expr, frozenset[str]]]:
    """Read formulas as `parse_together` does, each with the names that are written in it: u - u is 0, and names u."""
    own = tuple(names)
    defined = {} if functions is None else dict(functions)
    alone = [name for text in texts for name in grammar.names_in(text, own)]
    found = []
    for i, text in enumerate(texts):
        try:
            tree = grammar.read(text, names=own, alone=alone, quantities=quantities, functions=defined, labels=labels)
            written = frozenset(str(node.value) for node in grammar.nodes(tree) if node.kind == "name")
            found.append((_built(text, defined, tree), written))
        except FormulaError as error:
            if not titles:
                raise
            raise FormulaError(f"{titles[i]}: {error.reason}", error.position, text) from None
    return found


def _built(text: str, functions: Functions, tree: Node) -> sp.Expr:
    """Build an expression; what SymPy stumbles over, of which there is always more, is refused like all else."""
    try:
        return _Builder(text, functions).build(tree)
    except FormulaError:
        raise
    except Exception as error:
        raise FormulaError("this cannot be worked with", tree.position, text) from error


class _Builder:
    """Turns a tree into a SymPy expression."""

    def __init__(self, text: str, functions: Functions) -> None:
        self.text = text
        self.functions = functions

    def build(self, node: Node) -> sp.Expr:
        args = [self.build(one) for one in node.args]
        found = _BUILDERS[node.kind](self, node, args)
        if found in (sp.zoo, sp.nan, sp.oo, -sp.oo):
            raise FormulaError(_why_undefined(node), node.position, self.text)
        return found

    def sigma(self, node: Node, args: list[sp.Expr]) -> sp.Expr:
        assert isinstance(node.value, tuple)
        name, primes = node.value
        if name not in self.functions:
            return (SIGMA, SIGMA_PRIME, SIGMA_SECOND)[primes](args[0])
        variable, formula = self.functions[name]
        symbol = sp.Symbol(variable)
        value = parse(formula, names=(variable,))
        for _ in range(primes):
            value = differentiate(value, symbol)
        return substitute(value, {symbol: args[0]}) if args else value


def _why_undefined(node: Node) -> str:
    if node.kind in ("inverse", "product"):
        return "division by 0"
    if node.kind == "call":
        return f"{node.value} is not defined there"
    return "this is not defined"


def _number(_: _Builder, node: Node, __: list[sp.Expr]) -> sp.Expr:
    value = node.value
    assert isinstance(value, Fraction)
    return sp.Rational(value.numerator, value.denominator)


def _inverse(_: _Builder, __: Node, args: list[sp.Expr]) -> sp.Expr:
    return sp.zoo if args[0] == 0 else args[0] ** -1


def _pieces(_: _Builder, __: Node, args: list[sp.Expr]) -> sp.Expr:
    return piecewise(zip(args[::2], args[1::2], strict=True))


_RELATIONS: Mapping[str, Callable[..., object]] = {
    "<": sp.Lt, ">": sp.Gt, "<=": sp.Le, ">=": sp.Ge, "=": sp.Eq, "!=": sp.Ne,
}  # fmt: skip


def _relation(_: _Builder, node: Node, args: list[sp.Expr]) -> object:
    signs = node.value
    assert isinstance(signs, tuple)
    parts = []
    for i, sign in enumerate(signs):
        left, right = args[i], args[i + 1]
        is_number = left.is_Rational and right.is_Rational
        parts.append(_RELATIONS[sign](left, right, evaluate=bool(is_number)))
    return parts[0] if len(parts) == 1 else sp.And(*parts, evaluate=False)


def _extremum(make: type) -> Callable[[list[sp.Expr]], sp.Expr]:
    def build(args: list[sp.Expr]) -> sp.Expr:
        different = list(dict.fromkeys(args))
        if len(different) == 1:
            return different[0]
        is_plain = all(one.is_Rational for one in different)
        return make(*different) if is_plain else make(*different, evaluate=False)

    return build


def _absolute(args: list[sp.Expr]) -> sp.Expr:
    return abs(args[0]) if args[0].is_Rational else sp.Abs(args[0], evaluate=False)


def _sign(args: list[sp.Expr]) -> sp.Expr:
    return sp.sign(args[0]) if args[0].is_Rational else sp.sign(args[0], evaluate=False)


def _root(args: list[sp.Expr]) -> sp.Expr:
    base, index = args
    if index == 0:
        return sp.zoo
    if base.is_Rational and index.is_Integer and index.is_odd:
        return sp.sign(base) * abs(base) ** (1 / index)  # real, as `evaluate` takes odd roots
    return base ** (1 / index)


def _power(base: sp.Expr, exponent: sp.Expr) -> sp.Expr:
    if base == 0 and exponent.is_negative:
        return sp.zoo
    if base.is_Rational and base < 0 and exponent.is_Rational and exponent.q > 1 and exponent.q % 2:
        return (-1) ** exponent.p * (-base) ** exponent  # real, like the root
    return base**exponent


def _logarithm(args: list[sp.Expr]) -> sp.Expr:
    if args[0] == 0:
        return sp.zoo
    found = sp.log(args[0])
    return found if len(args) == 1 else found / sp.log(args[1]) if args[1] not in (0, 1) else sp.zoo


def _plain(make: Callable[[sp.Expr], sp.Expr]) -> Callable[[list[sp.Expr]], sp.Expr]:
    return lambda args: make(args[0])


_CALLS: Mapping[str, Callable[[list[sp.Expr]], sp.Expr]] = {
    "exp": lambda args: sp.exp(args[0]),
    "ln": _logarithm,
    "log10": lambda args: _logarithm([args[0], sp.Integer(10)]),
    "log2": lambda args: _logarithm([args[0], sp.Integer(2)]),
    "sqrt": lambda args: sp.sqrt(args[0]),
    "cbrt": lambda args: _root([args[0], sp.Integer(3)]),
    "root": _root,
    "abs": _absolute,
    "sign": _sign,
    "max": _extremum(sp.Max),
    "min": _extremum(sp.Min),
    **{
        name: _plain(getattr(sp, name))
        for base in ("sin", "cos", "tan", "cot", "sec", "csc")
        for name in (base, f"{base}h", f"a{base}", f"a{base}h")
    },
}

_BUILDERS: Mapping[str, Callable[[_Builder, Node, list[sp.Expr]], object]] = {
    "number": _number,
    "name": lambda _, node, __: sp.Symbol(str(node.value)),
    "constant": lambda _, node, __: sp.E if node.value == "e" else sp.pi,
    "sum": lambda _, __, args: sp.Add(*args),
    "product": lambda _, __, args: sp.Mul(*args),
    "inverse": _inverse,
    "negative": lambda _, __, args: -args[0],
    "power": lambda _, __, args: _power(*args),
    "call": lambda _, node, args: _CALLS[str(node.value)](args),
    "sigma": lambda self, node, args: self.sigma(node, args),
    "pieces": _pieces,
    "relation": _relation,
    "and": lambda _, __, args: sp.And(*args, evaluate=False),
    "or": lambda _, __, args: sp.Or(*args, evaluate=False),
    "always": lambda _, __, ___: sp.true,
}
