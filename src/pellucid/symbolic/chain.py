"""The chain rule over a graph of definitions: each factor, each path, and the two orders of working it out."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import mpmath
import sympy as sp

from pellucid.described import Brief, brief, shortened
from pellucid.document import Block, Document, Equation, Figure, Heading, Paragraph
from pellucid.drawing import Drawing, draw_graph
from pellucid.errors import FormulaError
from pellucid.explanation import as_latex
from pellucid.hints import hinted
from pellucid.results import Result
from pellucid.symbolic import grammar, printing
from pellucid.symbolic.differentiation import differentiate, kinks, simplify, substitute
from pellucid.symbolic.evaluation import UndefinedHere, evaluate
from pellucid.symbolic.formulas import parse_together, parse_with_names

_MOST_DEFINITIONS = 200
_MOST_LETTERS = 100_000
_MOST_PATHS = 2_000
"""Along more paths than this the sum is not written out; the sweeps are."""
_PATHS_SHOWN = 12
_DIGITS = 150
_STEP = -40
"""The difference quotient's step is ten to this, times the variable."""
"""Digits that the check by difference quotients calculates with."""


@dataclass(frozen=True, repr=False)
class Factor(Brief):
    """One derivative along an edge of the graph.

    Attributes
    ----------
    of, by : str
        The quantity that is differentiated, and the one that it is differentiated by.
    derivative : sympy.Expr
        In the quantities that the definition of ``of`` names.
    is_partial : bool
        Whether the definition names other quantities too, so that it is a ∂.
    value : float or None
        Its number, where numbers are put in.
    """

    of: str
    by: str
    derivative: sp.Expr
    is_partial: bool
    value: float | None = None

    @property
    def symbol(self) -> tuple[str, str]:
        """Return df1/df2 as text and as LaTeX."""
        return _quotient(self.of, self.by, is_partial=self.is_partial)

    def __str__(self) -> str:
        return f"{self.symbol[0]} = {printing.text(self.derivative)}"

    def __repr__(self) -> str:
        return f"<Factor {shortened(str(self), 60)}>"


@dataclass(frozen=True, repr=False)
class Sweep(Brief):
    """One order of working out the derivatives.

    Attributes
    ----------
    order : {'forward', 'reverse'}
        From the inputs, d(every quantity)/d(one variable); or from the output, d(output)/d(every quantity).
    rows : tuple of (str, str)
        The equations in their order, as text and LaTeX.
    multiplications : int
        Products of two derivatives that it takes for the one variable.
    multiplications_for_all : int
        And for all free variables: one forward sweep for each, but one reverse sweep.
    """

    order: str
    rows: tuple[tuple[str, str], ...]
    multiplications: int
    multiplications_for_all: int


@dataclass(frozen=True, repr=False)
class NumericCheck(Brief):
    """The derivative at given numbers, by the chain rule and by a difference quotient.

    Attributes
    ----------
    at : dict
        The numbers of the free variables, and what the definitions make of them.
    value : float
        By the chain rule.
    quotient : float
        (f(x + h) - f(x - h)) / 2h.
    step : float
        h.
    relative_error : float
        The difference of value and quotient over the largest of both and of the products along the paths, which may
        cancel.
    left, right : float
        (f(x) - f(x - h)) / h and (f(x + h) - f(x)) / h: at a kink they differ, and there is no derivative.
    """

    at: dict[str, float]
    value: float
    quotient: float
    step: float
    relative_error: float
    left: float
    right: float

    @property
    def has_derivative(self) -> bool:
        """Whether the slopes from the left and from the right are the same."""
        return self.left == self.right or abs(self.right - self.left) <= 1e-9 * max(
            abs(self.left), abs(self.right), 1e-9
        )

    def __bool__(self) -> bool:
        return self.relative_error < 1e-6 and self.has_derivative


_Read = tuple[sp.Expr, frozenset[str]]
"""A formula, and the names that were written in it."""


class Derivation(Result):
    """The derivative of one quantity by a variable, through a graph of definitions; made by `chain_rule`.

    Attributes
    ----------
    of, by : str
        What is differentiated, and by what.
    definitions : dict of str to sympy.Expr
        As read.
    free : tuple of str
        Names without a definition.
    """

    def __init__(self, read: dict[str, _Read], by: str, at: Mapping[str, float] | None) -> None:
        self.definitions = {name: formula for name, (formula, _) in read.items()}
        self.by = by
        self._graph = _Graph(read, by)
        self.of = self._graph.output
        self.free = self._graph.free
        self._factors = tuple(self._graph.factors())
        self._numbers = None if at is None else _Numbers(self._graph, at)

    @cached_property
    def factors(self) -> tuple[Factor, ...]:
        """The edges on the way from ``of`` to ``by``, from the output on."""
        if self._numbers is None:
            return self._factors
        return tuple(
            Factor(f.of, f.by, f.derivative, f.is_partial, self._numbers.of(f.derivative)) for f in self._factors
        )

    @property
    def n_paths(self) -> int:
        """The number of paths from ``of`` to ``by``, each of which is a term of the sum."""
        return self._graph.n_paths

    @cached_property
    def paths(self) -> tuple[tuple[Factor, ...], ...]:
        """The factors along each path.

        Raises
        ------
        FormulaError
            There are more than 2,000 paths.
        """
        if self.n_paths > _MOST_PATHS:
            raise FormulaError(
                f"{self.of} depends on {self.by} along {self.n_paths:,} paths, and at most {_MOST_PATHS:,} are written "
                "out; the sweeps need no paths",
                0,
            )
        return tuple(self._graph.paths(self.factors))

    @cached_property
    def terms(self) -> tuple[sp.Expr, ...]:
        """The products along the paths, in the quantities of the definitions; their sum is the derivative."""
        return tuple(sp.Mul(*(factor.derivative for factor in path)) for path in self.paths)

    @property
    def written_out(self) -> dict[sp.Symbol, sp.Expr]:
        """Every quantity in the free variables alone."""
        return self._graph.written_out

    @cached_property
    def unsubstituted(self) -> sp.Expr:
        """The sum of the terms, in the quantities of the definitions."""
        return sp.Add(*self.terms)

    @cached_property
    def substituted(self) -> sp.Expr:
        """The same with every definition put in, in the free variables."""
        return sp.Add(*(substitute(term, self.written_out) for term in self.terms))

    @cached_property
    def result(self) -> sp.Expr:
        """The same simplified."""
        return simplify(self.substituted)

    @cached_property
    def is_written_out(self) -> bool:
        """Whether the derivative in the free variables alone is short enough to be written out."""
        if self.n_paths > _MOST_PATHS:
            return False
        try:
            _ = self.substituted
        except FormulaError:
            return False
        return True

    @cached_property
    def forward(self) -> Sweep:
        """From the inputs to the output."""
        return self._graph.forward(self._factors)

    @cached_property
    def reverse(self) -> Sweep:
        """From the output to the inputs: backpropagation."""
        return self._graph.reverse()

    @property
    def check(self) -> NumericCheck | None:
        """The derivative at the numbers given, with a difference quotient beside it."""
        return None if self._numbers is None else self._numbers.check(self._factors)

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """Where the derivative may not exist, as markup."""
        found = dict.fromkeys(kink for name in self._graph.relevant for kink in kinks(self.definitions[name]))
        return tuple(
            f"Where ${printing.latex(kink)} = 0$ one piece ends and another begins: if their slopes differ, there is "
            "no derivative there."
            for kink in found
        )

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The derivation, step by step."""
        return tuple(_steps(self))

    @property
    def symbol(self) -> tuple[str, str]:
        """Return df/dx as text and as LaTeX."""
        return self._graph.total(self.of, self.by)

    def draw(self) -> Drawing:
        """Draw the graph, its edges labelled with the factors."""
        return self._graph.draw(self._factors)

    def document(self) -> Document:
        """Return the derivation as a document."""
        blocks: list[Block] = []
        for number, step in enumerate(self.steps, start=1):
            blocks.append(Heading(2, f"{number} {step.title}"))
            if step.remark:
                blocks.append(Paragraph(step.remark))
            if step.rows:
                blocks.append(Equation(tuple(latex for _, latex in step.rows), tuple(text for text, _ in step.rows)))
            if number == 1:
                blocks.append(Figure(self.draw()))
        of, by = (printing.latex(sp.Symbol(name)) for name in (self.of, self.by))
        return Document(
            f"The derivative of {self.of} with respect to {self.by}", tuple(blocks),
            heading=f"The derivative of ${of}$ with respect to ${by}$",
        )  # fmt: skip

    def __repr__(self) -> str:
        if self.n_paths > _MOST_PATHS:
            return f"<Derivation: {brief(self.symbol[0])[1:-1]} along {self.n_paths:,} paths>"
        if not self.is_written_out:
            return f"<Derivation: {brief(self.symbol[0])[1:-1]}, too long to write out>"
        result = printing.text(self.result)
        return f"<Derivation: {brief(self.symbol[0])[1:-1]} = {result if len(result) <= 300 else f'{result[:299]}…'}>"

    def _drawing(self) -> Drawing:
        return self.draw()

    def to_dict(self) -> dict[str, Any]:
        """Return it as what JSON can hold; formulas as text that `pellucid.symbolic.parse` reads back.

        A number that no float holds is None.
        """
        check = self.check

        def sweep(one: Sweep) -> dict[str, Any]:
            return {
                "rows": [text for text, _ in one.rows],
                "multiplications": one.multiplications,
                "multiplications_for_all": one.multiplications_for_all,
            }

        has_terms = self.n_paths <= _MOST_PATHS
        return {
            "of": self.of,
            "by": self.by,
            "definitions": {name: printing.text(e) for name, e in self.definitions.items()},
            "free": list(self.free),
            "factors": [
                {"of": f.of, "by": f.by, "derivative": printing.text(f.derivative), "value": _finite(f.value)}
                for f in self.factors
            ],
            "n_paths": self.n_paths,
            "terms": [printing.text(term) for term in self.terms] if has_terms else None,
            "result": printing.text(self.result) if self.is_written_out else None,
            "result_latex": printing.latex(self.result) if self.is_written_out else None,
            "forward": sweep(self.forward),
            "reverse": sweep(self.reverse),
            "check": None
            if check is None
            else {
                "at": {name: _finite(value) for name, value in check.at.items()},
                "value": _finite(check.value),
                "quotient": _finite(check.quotient),
                "step": check.step,
                "relative_error": check.relative_error,
            },
        }


@dataclass(frozen=True, repr=False)
class Step(Brief):
    """A step of a derivation.

    Attributes
    ----------
    title : str
    rows : tuple of (str, str)
        Its equations as text and LaTeX, ``&`` before the sign that they are aligned at.
    remark : str
        What is done, and by which rule, as markup.
    """

    title: str
    rows: tuple[tuple[str, str], ...] = ()
    remark: str = ""


@hinted
def chain_rule(
    definitions: Mapping[str, object] | str, variable: str, at: Mapping[str, float] | None = None
) -> Derivation:
    """Differentiate by the chain rule, through any graph of definitions.

    Parameters
    ----------
    definitions : mapping of str to str, or str
        Each quantity and its formula, ``{"f": "4*f1**2", "f1": "f2 - 2", "f2": "5*x**3 - x + 1"}`` or
        ``"f = 4 f1^2; f1 = f2 - 2; f2 = 5x^3 - x + 1"``. What no other one uses is differentiated.
    variable : str
        What to differentiate by: a name without a definition, or a quantity on the way, which then counts as one.
    at : mapping of str to float, optional
        Numbers for the free variables: every factor gets its value, and a difference quotient checks the product.

    Returns
    -------
    Derivation
        ``.factors``, ``.terms`` (the products along the paths), ``.result`` (simplified), ``.steps``; ``.text``,
        ``.latex``, ``.html``, ``.save(path)``, ``.to_dict()``, ``.draw()``.

    Raises
    ------
    FormulaError
        A formula cannot be read.
    ValueError, TypeError
        The definitions run in a circle, leave open which of them is meant, or do not lead to the variable; numbers are
        missing, or the formulas are not defined there.

    Examples
    --------
    >>> found = chain_rule({"f": "4*f1**2", "f1": "f2 - 2", "f2": "5*x**3 - x + 1"}, "x")
    >>> found.result
    8*(15*x**2 - 1)*(5*x**3 - x - 1)
    >>> print(*found.factors, sep=", ")
    df/df1 = 8 f1, df1/df2 = 1, df2/dx = 15x^2 - 1
    """
    if isinstance(definitions, str):
        definitions = read_definitions(definitions)
    if not isinstance(definitions, Mapping):
        raise TypeError(f"definitions are a mapping of names to formulas, got {type(definitions).__name__}")
    if not definitions:
        raise ValueError("there are no definitions")
    if len(definitions) > _MOST_DEFINITIONS:
        raise ValueError(f"{len(definitions)} definitions are too many: at most {_MOST_DEFINITIONS}")
    names = [_as_name(name) for name in definitions]
    by = _as_name(variable)
    return Derivation(_read(names, list(definitions.values()), by), by, at)


def read_definitions(text: str) -> dict[str, str]:
    """Read ``"f = 4 f1^2; f1 = f2 - 2"``, or the same on lines of their own; also ``f(x) = ln(g(x)); g(x) = x^2 + 1``.

    Raises
    ------
    FormulaError
        A part has no equals sign, or defines a name that is defined already.
    """
    if len(text) > _MOST_LETTERS:
        raise FormulaError(f"the definitions have {len(text):,} letters, and at most {_MOST_LETTERS:,} are read", 0)
    found: dict[str, str] = {}
    arguments: dict[str, str] = {}
    for start, part in _parts(text):
        if not part.strip():
            continue
        left, equals, right = part.partition("=")
        if not equals:
            raise FormulaError("a definition looks like f = 4 f1^2", start, text)
        name = left.strip().removesuffix(":").strip()  # f := … too
        if name.endswith(")"):  # f(f1) = … defines f
            name, _, argument = (one.strip() for one in name[:-1].partition("("))
            arguments[name] = argument
        if name in found:
            raise FormulaError(f"{name} is defined twice", start, text)
        found[name] = right.strip()
    for name, argument in arguments.items():  # with g(x) = … the g(x) of another definition is the quantity g
        if name.isidentifier() and argument.isidentifier():
            use = re.compile(rf"(?<![^\W\d_]){name}\s*\(\s*{argument}\s*\)")
            found = {key: use.sub(f"{name} " if key != name else r"\g<0>", formula) for key, formula in found.items()}
    return found


_WHERE = re.compile(r",?\s+where\s+(?=[^\W\d]\w*\s*=(?!=))")


def _parts(text: str) -> Iterator[tuple[int, str]]:
    """Split at semicolons, line ends and ``where u = …`` that stand outside all brackets."""
    text = _WHERE.sub(lambda match: ";".rjust(len(match[0])), text)
    depth = start = 0
    for i, letter in enumerate(text):
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "\n" or (letter == ";" and depth <= 0):
            yield start, text[start:i]
            start = i + 1
    yield start, text[start:]


def _as_name(name: object) -> str:
    if not isinstance(name, str):
        raise TypeError(f"a quantity's name is a string, got {name!r}")
    try:
        (read,) = parse_together([name], names=(grammar.plain_name(name),))
    except FormulaError as error:
        raise FormulaError(f"{name!r} is no name: {error.reason}", error.position) from None
    if not isinstance(read, sp.Symbol):
        raise FormulaError(f"{name!r} is no name but a formula", 0)
    return str(read.name)


def _read(names: list[str], formulas: list[object], by: str) -> dict[str, _Read]:
    if len(set(names)) < len(names):
        raise ValueError(f"{max(names, key=names.count)} is defined twice")
    texts: list[str] = []
    for name, formula in zip(names, formulas, strict=True):
        if isinstance(formula, sp.Expr):
            formula = printing.text(formula)
        if isinstance(formula, (int, float)) and not isinstance(formula, bool):
            formula = f"{formula!r}"
        if not isinstance(formula, str):
            raise TypeError(f"the definition of {name} is a formula as text, got {type(formula).__name__}")
        texts.append(formula)
    read = parse_with_names(texts, names=(*names, by), quantities=names, titles=names)
    return dict(zip(names, read, strict=True))


def _quotient(of: str, by: str, *, is_partial: bool) -> tuple[str, str]:
    d, d_latex = ("∂", r"\partial ") if is_partial else ("d", "d")
    above, below = (printing.latex(sp.Symbol(name)) for name in (of, by))
    return f"{d}{of}/{d}{by}", rf"\frac{{{d_latex}{above}}}{{{d_latex}{below}}}"


class _Graph:
    """What depends on what: an edge from each quantity to every name in its definition."""

    def __init__(self, definitions: dict[str, _Read], by: str) -> None:
        self.definitions = {name: e for name, (e, _) in definitions.items() if name != by}
        self.by = by
        self.uses = {name: _in_order(written) for name, (_, written) in definitions.items()}
        self.order = _ordered(self.uses)
        self.output = self._find_output(definitions)
        if by == self.output:
            raise ValueError(f"{by} is what is differentiated; by which of {', '.join(self.uses[by])}?")
        used = {name for names in self.uses.values() for name in names}
        if by not in used:
            raise ValueError(f"{by} is in none of the definitions; they use {', '.join(sorted(used)) or 'no names'}")
        self.free = tuple(sorted((used - set(self.definitions)) | {by}))
        self.relevant = [name for name in self.order if name in self._leading_to(by)]

    def _find_output(self, definitions: Iterable[str]) -> str:
        used = {name for names in self.uses.values() for name in names}
        outputs = [name for name in definitions if name not in used]
        if len(outputs) > 1:
            raise ValueError(f"{' and '.join(outputs)} are used by no other definition: which is differentiated?")
        return outputs[0]

    def _leading_to(self, by: str) -> set[str]:
        """Quantities with a definition from which a path leads to a name."""
        found: set[str] = set()
        for name in self.order:
            if name in self.definitions and any(used == by or used in found for used in self.uses[name]):
                found.add(name)
        return found

    @cached_property
    def written_out(self) -> dict[sp.Symbol, sp.Expr]:
        """Every definition in the free variables alone."""
        found: dict[sp.Symbol, sp.Expr] = {}
        for name in self.order:
            if name in self.definitions:
                found[sp.Symbol(name)] = substitute(self.definitions[name], found)
        return found

    def factors(self) -> Iterator[Factor]:
        on_the_way = {*self.relevant, self.by}
        for name in reversed(self.relevant):
            for used in self.uses[name]:
                if used in on_the_way:
                    yield self.factor(name, used)

    def factor(self, of: str, by: str) -> Factor:
        derivative = simplify(differentiate(self.definitions[of], sp.Symbol(by)))
        return Factor(of, by, derivative, len(self.uses[of]) > 1)

    @cached_property
    def n_paths(self) -> int:
        paths = {self.by: 1}
        for name in self.relevant:
            paths[name] = sum(paths.get(used, 0) for used in self.uses[name])
        return paths[self.output]

    def paths(self, factors: Sequence[Factor]) -> Iterator[tuple[Factor, ...]]:
        below: dict[str, list[Factor]] = {}
        for factor in factors:
            below.setdefault(factor.of, []).append(factor)
        waiting: list[tuple[Factor, ...]] = [(factor,) for factor in reversed(below[self.output])]
        while waiting:
            path = waiting.pop()
            if path[-1].by == self.by:
                yield path
            else:
                waiting += [(*path, factor) for factor in reversed(below[path[-1].by])]

    def total(self, of: str, by: str) -> tuple[str, str]:
        """Return the symbol of the derivative through the whole graph: d if ``of`` hangs on one free variable alone."""
        return _quotient(of, by, is_partial=len(self._reached(of)) > 1)

    @cached_property
    def _free_of(self) -> dict[str, frozenset[str]]:
        found: dict[str, frozenset[str]] = {}
        for name in self.order:
            if name in self.definitions:
                found[name] = frozenset().union(*(found.get(used, frozenset({used})) for used in self.uses[name]))
        return found

    def _reached(self, of: str) -> frozenset[str]:
        return self._free_of.get(of, frozenset({of}))

    def forward(self, factors: Sequence[Factor]) -> Sweep:
        rows = []
        for name in self.relevant:
            parts = [factor for factor in factors if factor.of == name]
            left = self.total(name, self.by)
            rows.append(_row(left, [(f, None if f.by == self.by else self.total(f.by, self.by)) for f in parts]))
        each = {variable: self._multiplications_forward(variable) for variable in self.free}
        return Sweep("forward", tuple(rows), each[self.by], sum(each.values()))

    def _multiplications_forward(self, variable: str) -> int:
        """Edges that end neither at the variable itself, whose derivative is 1, nor at what does not depend on it."""
        leading = self._leading_to(variable)
        return sum(used in leading for name in leading for used in self.uses[name])

    def reverse(self) -> Sweep:
        rows = []
        on_the_way = {*self.relevant, self.by}
        users: dict[str, list[str]] = {}
        for name in reversed(self.relevant):
            for used in self.uses[name]:
                users.setdefault(used, []).append(name)
        for name in [*reversed(self.relevant[:-1]), self.by]:
            if name in on_the_way:
                parts: list[tuple[Factor, tuple[str, str] | None]] = []
                for user in users.get(name, []):
                    above = None if user == self.output else self.total(self.output, user)
                    parts.append((self.factor(user, name), above))
                rows.append(_row(self.total(self.output, name), parts, from_above=True))
        reached = [name for name in self.order if name in self.definitions and name != self.output]
        for_all = sum(len(self.uses[name]) for name in reached)
        for_one = sum(used in on_the_way for name in self.relevant[:-1] for used in self.uses[name])
        return Sweep("reverse", tuple(rows), for_one, for_all)

    def draw(self, factors: Sequence[Factor]) -> Drawing:
        names = [name for name in self.order if name in self.definitions]
        nodes = [(name, printing.text(self.definitions[name])) for name in reversed(names)]
        nodes += [(name, "") for name in self.free]
        found = {(factor.of, factor.by): factor for factor in factors}
        edges = []
        for name in reversed(names):
            for used in self.uses[name]:
                factor = found.get((name, used)) or self.factor(name, used)
                edges.append((name, used, str(factor)))
        return draw_graph(nodes, edges, caption=f"{self.total(self.output, self.by)[0]} through the graph")


def _row(
    left: tuple[str, str], parts: Iterable[tuple[Factor, tuple[str, str] | None]], *, from_above: bool = False
) -> tuple[str, str]:
    """Write one equation of a sweep: in symbols, then with the factors' derivatives."""
    symbols, values = [], []
    for factor, known in parts:
        inner = _as_factor(factor.derivative, alone=known is None)
        if known is None:
            symbols.append(factor.symbol)
            values.append(inner)
            continue
        pair = [factor.symbol, known]
        put_in = [inner, known] if factor.derivative != 1 else [known]
        if from_above:
            pair.reverse()
            put_in.reverse()
        symbols.append((" · ".join(t for t, _ in pair), r" \cdot ".join(x for _, x in pair)))
        values.append((" · ".join(t for t, _ in put_in), r" \cdot ".join(x for _, x in put_in)))
    texts = [" + ".join(t for t, _ in one) for one in (symbols, values)]
    latexes = [" + ".join(x for _, x in one) for one in (symbols, values)]
    if texts[0] == left[0]:
        texts, latexes = texts[1:], latexes[1:]
    return f"{left[0]} &= " + " = ".join(texts), f"{left[1]} &= " + " = ".join(latexes)


def _as_factor(expression: sp.Expr, *, alone: bool = False) -> tuple[str, str]:
    """Write an expression so that it can stand in a product."""
    text, latex = printing.text(expression), printing.latex(expression)
    needs = isinstance(expression, (sp.Add, sp.Piecewise)) or text.startswith("-")
    if alone or not needs:
        return text, latex
    return f"({text})", rf"\left({latex}\right)"


def _in_order(names: Iterable[str]) -> list[str]:
    """Sort names, f2 before f10."""
    return sorted(names, key=lambda name: [int(p) if p.isdigit() else p for p in re.split(r"(\d+)", name)])


def _ordered(uses: Mapping[str, Sequence[str]]) -> list[str]:
    """Sort the definitions so that each comes after those that it uses.

    Raises
    ------
    ValueError
        They run in a circle.
    """
    done: dict[str, None] = {}
    for start in uses:
        way: list[tuple[str, Iterator[str]]] = [(start, iter(uses[start]))] if start not in done else []
        on_way = {start}
        while way:
            name, rest = way[-1]
            used = next((one for one in rest if one in uses and one not in done), None)
            if used is None:
                done.setdefault(name)
                on_way.discard(name)
                way.pop()
            elif used in on_way:
                names = [one for one, _ in way]
                circle = [*names[names.index(used) :], used]
                raise ValueError(f"the definitions run in a circle: {' → '.join(circle)}")
            else:
                on_way.add(used)
                way.append((used, iter(uses[used])))
    return list(done)


class _Numbers:
    """The graph at given numbers."""

    def __init__(self, graph: _Graph, at: Mapping[str, float]) -> None:
        self.graph = graph
        if not isinstance(at, Mapping):
            raise TypeError(f"at is a mapping of the free variables to numbers, got {type(at).__name__}")
        at = {_as_name(name): number for name, number in at.items()}
        unknown = [name for name in at if name not in graph.free]
        if unknown:
            raise ValueError(f"at: {unknown[0]} is no free variable; those are {', '.join(graph.free)}")
        missing = [name for name in graph.free if name not in at]
        if missing:
            raise ValueError(f"at: numbers are missing for {', '.join(missing)}")
        self.given = {name: _as_real(at[name], name) for name in graph.free}
        self.values = self._follow(self.given)

    def _follow(self, given: Mapping[str, Any]) -> dict[sp.Symbol, Any]:
        values = {sp.Symbol(name): number for name, number in given.items()}
        for name in self.graph.order:
            if name in self.graph.definitions:
                values[sp.Symbol(name)] = self._number(self.graph.definitions[name], values, name)
        return values

    def _number(self, expression: sp.Expr, values: dict[sp.Symbol, Any], name: str) -> Any:
        try:
            number = evaluate(expression, values, digits=_DIGITS)
        except UndefinedHere as error:
            raise ValueError(f"{name} is not defined at these numbers: {error}") from None
        if mpmath.im(number) != 0:
            raise ValueError(f"{name} is no real number there: {printing.text(expression)}")
        return mpmath.re(number)

    def of(self, expression: sp.Expr) -> float:
        return float(self._number(expression, self.values, printing.text(expression)))

    def check(self, factors: Sequence[Factor]) -> NumericCheck:
        graph = self.graph
        with mpmath.workdps(_DIGITS):
            through: dict[str, Any] = {graph.by: mpmath.mpf(1)}
            sizes = {graph.by: mpmath.mpf(1)}
            for name in graph.relevant:
                parts = [(f.by, self._number(f.derivative, self.values, str(f))) for f in factors if f.of == name]
                through[name] = sum(slope * through[by] for by, slope in parts)
                sizes[name] = sum(abs(slope) * sizes[by] for by, slope in parts)
            value = through[graph.output]
            step = mpmath.mpf(10) ** _STEP * (abs(self.given[graph.by]) or 1)
            down, here, up = (
                self._follow({**self.given, graph.by: self.given[graph.by] + side * step})[sp.Symbol(graph.output)]
                for side in (-1, 0, 1)
            )
            left, right, quotient = (here - down) / step, (up - here) / step, (up - down) / (2 * step)
            error = abs(value - quotient) / max(abs(value), abs(quotient), sizes[graph.output], mpmath.sqrt(step))
        named = {symbol.name: float(number) for symbol, number in self.values.items()}
        return NumericCheck(named, float(value), float(quotient), float(step), float(error), float(left), float(right))


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _as_real(value: object, name: str) -> Any:
    try:
        number = mpmath.mpf(str(value) if isinstance(value, (int, float, sp.Rational)) else value)
    except (TypeError, ValueError):
        raise TypeError(f"at: {name} must be a number, got {value!r}") from None
    if not mpmath.isfinite(number):
        raise ValueError(f"at: {name} must be finite, got {value!r}")
    return number


def _steps(found: Derivation) -> Iterator[Step]:
    graph, symbol = found._graph, found.symbol
    definitions = [(name, graph.definitions[name]) for name in reversed(graph.order) if name in graph.definitions]
    yield Step(
        "What depends on what",
        tuple(
            (f"{name} &= {printing.text(e)}", f"{printing.latex(sp.Symbol(name))} &= {printing.latex(e)}")
            for name, e in definitions
        ),
    )
    if found.n_paths <= _PATHS_SHOWN:
        yield from _along_the_paths(found, symbol)
    else:
        yield Step(
            "The factors",
            tuple(_equation(f.symbol, f.derivative) for f in found.factors),
            f"${graph.total(found.of, found.by)[1]}$ is a sum over {found.n_paths:,} paths, each the product of the "
            "factors along it. The sweeps below work it out without writing the paths.",
        )
        if found.is_written_out:
            yield Step("Substitute and simplify", (_equation(symbol, found.result),))
    for sweep in (found.forward, found.reverse):
        yield _sweep_step(found, sweep)
    if found.check is not None:
        yield _check_step(found, found.check)
    if found.notes:
        yield Step("Where it may not exist", (), " ".join(found.notes))


def _along_the_paths(found: Derivation, symbol: tuple[str, str]) -> Iterator[Step]:
    products = [
        (" · ".join(f.symbol[0] for f in path), r" \cdot ".join(f.symbol[1] for f in path)) for path in found.paths
    ]
    if [(text, latex) for text, latex in products] != [symbol]:
        several = (
            "each path gives a product, and the products are added" if len(products) > 1 else "one path, one product"
        )
        ends = [printing.latex(sp.Symbol(name)) for name in (found.of, found.by)]
        yield Step("The chain rule", (_sum_of(symbol, products),), f"From ${ends[0]}$ to ${ends[1]}$: {several}.")
    yield Step("Each factor", tuple(_equation(f.symbol, f.derivative) for f in found.factors))
    put_in = []
    for path in found.paths:
        alone = len(path) == 1
        pieces = [_as_factor(f.derivative, alone=alone and len(found.paths) == 1) for f in path]
        put_in.append((" · ".join(t for t, _ in pieces), r" \cdot ".join(x for _, x in pieces)))
    rows = [_sum_of(symbol, put_in)]
    if not found.is_written_out:
        yield Step("Substitute", tuple(rows), "With every definition put in, it is too long to write out.")
        return
    for expression in dict.fromkeys((found.substituted, found.result)):
        row = f"&= {printing.text(expression)}"
        if row != rows[-1][0]:
            rows.append((row, f"&= {printing.latex(expression)}"))
    yield Step("Substitute and simplify", tuple(rows))


def _sum_of(left: tuple[str, str], terms: Sequence[tuple[str, str]]) -> tuple[str, str]:
    texts, latexes = ([one[i] for one in terms] for i in (0, 1))
    return f"{left[0]} &= {' + '.join(texts)}", f"{left[1]} &= {' + '.join(latexes)}"


def _equation(left: tuple[str, str], right: sp.Expr) -> tuple[str, str]:
    return f"{left[0]} &= {printing.text(right)}", f"{left[1]} &= {printing.latex(right)}"


def _sweep_step(found: Derivation, sweep: Sweep) -> Step:
    of, by = (printing.latex(sp.Symbol(name)) for name in (found.of, found.by))
    n = len(found.free)
    remark = {
        "forward": f"From the input to the output: the derivative of every quantity with respect to ${by}$.",
        "reverse": f"From the output to the input, as in backpropagation: the derivative of ${of}$ with respect to "
        "every quantity.",
    }[sweep.order]
    count = sweep.multiplications
    remark += f" This takes {count} multiplication{'' if count == 1 else 's'}"
    if n > 1:
        how = f"{n} sweeps, one for each" if sweep.order == "forward" else "one sweep"
        remark += f", and {sweep.multiplications_for_all} for all {n} free variables ({how})"
    return Step(f"The {sweep.order} order", sweep.rows, remark + ".")


def _check_step(found: Derivation, check: NumericCheck) -> Step:
    def number(value: float) -> tuple[str, str]:
        text = f"{value:.10g}"
        return text, as_latex(text)

    def row(left: tuple[str, str], value: float) -> tuple[str, str]:
        text, latex = number(value)
        return f"{left[0]} &= {text}", f"{left[1]} &= {latex}"

    rows = [row((name, printing.latex(sp.Symbol(name))), value) for name, value in check.at.items()]
    rows += [row(f.symbol, f.value) for f in found.factors if f.value is not None]
    rows.append(row(found.symbol, check.value))
    of, by = (printing.latex(sp.Symbol(name)) for name in (found.of, found.by))
    quotient = (
        f"({found.of}({found.by} + h) - {found.of}({found.by} - h)) / 2h",
        rf"\frac{{{of}({by} + h) - {of}({by} - h)}}{{2h}}",
    )
    rows.append(row(quotient, check.quotient))
    if check.has_derivative:
        verdict = "agrees" if check else "DOES NOT AGREE"
        said = f"The difference quotient with h = {check.step:g} {verdict}: relative error {check.relative_error:.1e}."
    else:
        said = (
            f"There is no derivative here: the slope from the left is {check.left:.6g}, and from the right "
            f"{check.right:.6g}. The formula gives that of one side, or their mean."
        )
    return Step("In numbers", tuple(rows), said)
