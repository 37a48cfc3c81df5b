"""Exercises 1 and 2: the chain rule, for one variable and for several."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import sympy as sp

from pellucid.document import Block, Equation, Paragraph
from pellucid.symbolic import printing
from pellucid.symbolic.chain import Derivation, Factor, chain_rule
from pellucid.symbolic.differentiation import simplify, substitute
from pellucid.worksheet.draws import Draws
from pellucid.worksheet.exercise import Exercise, Kind, Parameters
from pellucid.worksheet.fields import Field, Reading, entry
from pellucid.worksheet.slips import from_formulas


def _definition_rows(found: Derivation, names: tuple[str, ...]) -> str:
    return r", \quad ".join(
        f"{printing.latex(sp.Symbol(name))} = {printing.latex(found.definitions[name])}" for name in names
    )


def _solution(found: Derivation) -> Iterator[Block]:
    """The steps of a derivation without its sweeps."""
    for step in found.steps:
        if step.title.startswith("The forward"):
            break
        if step.rows and step.title != "What depends on what":
            yield Equation(tuple(latex for _, latex in step.rows))


_WORDS = {2: "two", 3: "three", 4: "four", 5: "five"}


# exercise 1


def _build_composition(parameters: Parameters) -> Exercise:
    found = chain_rule(parameters["definitions"], "x")
    f, x = found.of, "x"
    asked = rf"\frac{{d{printing.latex(sp.Symbol(f))}}}{{d{x}}}"
    names = tuple(parameters["definitions"])
    reading = Reading(
        names=(*names, x), definitions={n: str(parameters["definitions"][n]) for n in names if n != f}, domain="real"
    )
    field = Field(
        f"d{f}/d{x}", asked, "formula", entry(printing.text(found.result)), printing.latex(found.result),
        reading=reading, slips=from_formulas(found.result, _put_in(found, _composition_slips(found))),
    )  # fmt: skip
    return Exercise(
        1,
        "The chain rule",
        parameters,
        (
            Paragraph(
                f"${printing.latex(sp.Symbol(f))}$ is a composition of {_WORDS.get(len(names), len(names))} functions:"
            ),
            Equation((_definition_rows(found, names),)),
            Paragraph(f"Find ${asked}$ by the chain rule, in terms of ${x}$."),
        ),
        (field,),
        tuple(_solution(found)),
        room=7,
    )


def _composition_slips(found: Derivation) -> Iterator[tuple[str, sp.Expr, str, str]]:
    (path,) = found.paths
    derivatives = [factor.derivative for factor in path]
    symbols = [factor.symbol[1] for factor in path]
    inner, x = sp.Symbol(path[0].by), sp.Symbol(found.by)
    definition = found.definitions[found.of]
    every = "the chain rule has a factor for every function."
    yield "the innermost derivative is missing", sp.Mul(*derivatives[:-1]), f"Multiply by ${symbols[-1]}$: {every}", ""
    yield "the outer derivative is missing", sp.Mul(*derivatives[1:]), f"Multiply by ${symbols[0]}$: {every}", ""
    yield (
        "the outer function is not differentiated", definition * sp.Mul(*derivatives[1:]),
        f"The first factor is ${symbols[0]}$ and not the function itself.", "",
    )  # fmt: skip
    yield (
        f"the outer derivative is taken at ${found.by}$ and not at the inner function",
        sp.Mul(derivatives[0].xreplace({inner: x}), *derivatives[1:]),
        f"The argument in ${symbols[0]}$ is ${printing.latex(inner)}$: put its formula in, and not ${found.by}$.", "",
    )  # fmt: skip
    yield (
        "the outer derivative is taken at the inner derivative",
        derivatives[0].xreplace({inner: sp.Mul(*derivatives[1:])}),
        "$f'(g')$ is not the chain rule: it is $f'(g) \\cdot g'$.", "",
    )  # fmt: skip
    yield (
        "the derivatives are added and not multiplied",
        sp.Add(*derivatives),
        "Along a path the factors are multiplied.",
        "19",
    )
    yield "the sign is wrong", -sp.Mul(*derivatives), "Check the sign of each factor.", "22"
    yield from _lost_constants(found)
    power = next((e for e in sp.preorder_traversal(definition) if isinstance(e, sp.Pow) and e.exp.is_Integer), None)
    if power is not None:
        rule = f"$(u^{{{power.exp}}})' = {power.exp} u^{{{power.exp - 1}}}$: "
        yield (
            "the exponent did not come down as a factor", sp.Mul(*derivatives) / power.exp,
            f"{rule}the exponent becomes a factor.", "12",
        )  # fmt: skip
        yield (
            "the exponent was not lowered by 1", sp.Mul(*derivatives) * power.base,
            f"{rule}the new exponent is one less.", "",
        )  # fmt: skip


def _lost_constants(found: Derivation) -> Iterator[tuple[str, sp.Expr, str, str]]:
    """What comes out when a constant is forgotten, or differentiated to itself."""
    (path,) = found.paths
    derivatives = [factor.derivative for factor in path]
    coefficient = sp.Mul(*derivatives).as_coeff_Mul()[0]
    if abs(coefficient) != 1:
        rule = f"$(c u)' = c u'$: the factor ${printing.latex(coefficient)}$ stays."
        yield "the constant factor is lost", sp.Mul(*derivatives) / coefficient, rule, ""
    for i, factor in enumerate(path):
        definition, quantity = found.definitions[factor.of], printing.latex(sp.Symbol(factor.of))
        constant = definition.as_coeff_Add()[0]
        if not constant:
            continue
        if i:  # it is put in further out
            written: dict[sp.Symbol, sp.Expr] = {}
            for one in reversed(path):
                lost = constant if one is factor else sp.S.Zero
                written[sp.Symbol(one.of)] = substitute(found.definitions[one.of] - lost, written)
            without = substitute(sp.Mul(*derivatives), written)
            yield (
                f"the constant of ${quantity}$ is forgotten where ${quantity}$ is put in", without,
                f"Put in ${quantity} = {printing.latex(definition)}$: the constant is lost in its derivative only.", "",
            )  # fmt: skip
        kept = [*derivatives[:i], factor.derivative + constant, *derivatives[i + 1 :]]
        yield (
            f"the constant of ${quantity}$ is kept when it is differentiated", sp.Mul(*kept),
            "The derivative of a constant is 0.", "",
        )  # fmt: skip


def _put_in(
    found: Derivation, slips: Iterable[tuple[str, sp.Expr, str, str]]
) -> Iterator[tuple[str, sp.Expr, str, str]]:
    for name, answer, repair, row in slips:
        yield name, substitute(answer, found.written_out), repair, row


def _draw_composition(draws: Draws, _: tuple[int, ...]) -> Parameters:
    outer = draws.choice(("{c} f1^2", "{c} f1^3", "{c} sin(f1)", "{c} cos(f1)", "{c} e^f1")).format(
        c=draws.integer(2, 6)
    )
    middle = f"f2 {draws.choice('+-')} {draws.integer(1, 5)}"
    power = draws.choice((2, 3))
    a, b, c = draws.integer(2, 6), draws.choice((1, 2, 3)), draws.integer(1, 7)
    linear = "x" if b == 1 else f"{b}x"
    inner = f"{a}x^{power} {draws.choice('+-')} {linear} {draws.choice('+-')} {c}"
    return {"definitions": {"f": outer, "f1": middle, "f2": inner}}


# exercise 2


def _build_several(parameters: Parameters) -> Exercise:
    definitions = parameters["definitions"]
    derivations = {variable: chain_rule(definitions, variable) for variable in ("u", "v")}
    found = derivations["u"]
    reading = Reading(names=(*definitions, "u", "v"), definitions={n: str(definitions[n]) for n in ("x", "y")})
    fields = []
    for variable, other in (("u", "v"), ("v", "u")):
        derivation = derivations[variable]
        result = simplify(derivation.unsubstituted)
        asked = rf"\frac{{\partial f}}{{\partial {variable}}}"
        fields.append(
            Field(
                f"df/d{variable}",
                asked,
                "formula",
                entry(printing.text(result)),
                printing.latex(result),
                reading=reading,
                slips=from_formulas(
                    derivation.result, _put_in(derivation, _several_slips(derivation, derivations[other]))
                ),
            )
        )
    blocks: list[Block] = []
    for derivation in derivations.values():
        blocks += _solution(derivation)
    return Exercise(
        2,
        "The chain rule for several variables",
        parameters,
        (
            Paragraph("$f$ depends on $u$ and $v$ through $x$ and $y$:"),
            Equation((_definition_rows(found, ("f", "x", "y")),)),
            Paragraph(
                r"Find $\frac{\partial f}{\partial u}$ and $\frac{\partial f}{\partial v}$; $x$ and $y$ may stay in the answers."
            ),
        ),
        tuple(fields),
        tuple(blocks),
        room=9,
    )


def _several_slips(found: Derivation, other: Derivation) -> Iterator[tuple[str, sp.Expr, str, str]]:
    products = r"Each term is a product, $\frac{\partial f}{\partial x} \frac{\partial x}{\partial u}$ and so on."
    for term, path in zip(found.terms, reversed(found.paths), strict=True):
        left_out = " ".join(factor.symbol[1] for factor in path)
        yield (
            f"the path by way of ${path[0].by}$ is left out", term,
            f"Add ${left_out}$: every path from $f$ to ${found.by}$ is a term.", "19",
        )  # fmt: skip
    yield "the inner derivatives are missing", sp.Add(*(path[0].derivative for path in found.paths)), products, ""
    yield "the outer derivatives are missing", sp.Add(*(path[-1].derivative for path in found.paths)), products, ""
    yield "the paths are multiplied and not added", sp.Mul(*found.terms), "The terms of the paths are added.", "19"
    yield f"it is the derivative by ${other.by}$", other.unsubstituted, f"Differentiate by ${found.by}$.", ""
    for path, term in zip(found.paths, found.terms, strict=True):
        yield (
            f"the sign of the term by way of ${path[0].by}$ is wrong", found.unsubstituted - 2 * term,
            r"$(\sin)' = \cos$ and $(\cos)' = -\sin$: check the signs.", "22",
        )  # fmt: skip
        inner = path[-1].derivative
        exponential = next(iter(inner.atoms(sp.exp)), None)
        if exponential is not None and inner != exponential:
            without = sp.Mul(*(factor.derivative for factor in path[:-1]), exponential)
            yield (
                "the inner derivative of the exponential is missing", found.unsubstituted - term + without,
                rf"$\frac{{\partial}}{{\partial {found.by}}} {printing.latex(exponential)} = {printing.latex(inner)}$.", "",
            )  # fmt: skip
        yield from _slips_on_a_path(found, path, term)


def _slips_on_a_path(
    found: Derivation, path: tuple[Factor, ...], term: sp.Expr
) -> Iterator[tuple[str, sp.Expr, str, str]]:
    """Mistakes in one of the terms, the others being right."""
    rest = found.unsubstituted - term
    first, last = path[0], path[-1]
    yield (
        f"the inner derivative is missing by way of ${first.by}$", rest + first.derivative,
        f"Multiply by ${last.symbol[1]}$: each term is a product.", "",
    )  # fmt: skip
    yield (
        f"the outer derivative is missing by way of ${first.by}$", rest + last.derivative,
        f"Multiply by ${first.symbol[1]}$: each term is a product.", "",
    )  # fmt: skip
    variable = sp.Symbol(found.by)
    inner = found.definitions[last.of]
    copied = sum((one for one in sp.Add.make_args(inner) if one.has(variable)), sp.S.Zero)
    yield (
        f"${first.by}$ is not differentiated by ${found.by}$", rest + first.derivative * copied,
        f"The second factor is ${last.symbol[1]} = {printing.latex(last.derivative)}$.", "",
    )  # fmt: skip
    power = next((e for e in sp.preorder_traversal(found.definitions[found.of]) if isinstance(e, sp.Pow)), None)
    if power is not None and power.has(sp.Symbol(first.by)) and power.exp.is_Integer:
        rule = f"$(u^{{{power.exp}}})' = {power.exp} u^{{{power.exp - 1}}}$: "
        yield "the exponent did not come down as a factor", rest + term / power.exp, f"{rule}it becomes a factor.", "12"
        yield "the exponent was not lowered by 1", rest + term * power.base, f"{rule}the new exponent is one less.", ""


def _draw_several(draws: Draws, _: tuple[int, ...]) -> Parameters:
    outer = draws.choice(("{c}x^{p} + y", "{c}x^{p} - y", "y + {c}x^{p}", "{c}x^{p} + {k}y"))
    f = outer.format(c=draws.integer(2, 5), p=draws.choice((2, 3)), k=draws.integer(2, 4))
    first, second = draws.sample(("u", "v"), 2)
    x = draws.choice(
        ("sin {a} + cos {b}", "sin {a} - cos {b}", "cos {a} - sin {b}", "{a}^2 + sin {b}", "cos {a} + {b}^2")
    )
    y = draws.choice(("e^(u v)", "u v^2", "u^2 v", "sin(u v)", "ln u + v^2", "e^u + v^2"))
    return {"definitions": {"f": f, "x": x.format(a=first, b=second), "y": y}}


KINDS = (
    Kind(
        1,
        "The chain rule",
        {"definitions": {"f": "4 f1^2", "f1": "f2 - 2", "f2": "5x^3 - x + 1"}},
        _draw_composition,
        _build_composition,
    ),
    Kind(
        2,
        "The chain rule for several variables",
        {"definitions": {"f": "2x^3 + y", "x": "sin u + cos v", "y": "e^(u v)"}},
        _draw_several,
        _build_several,
    ),
)
