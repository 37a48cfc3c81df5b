"""Exercises 1 and 2: the chain rule, for one variable and for several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import sympy as sp

from pellucid.document import Block, Equation, Paragraph
from pellucid.symbolic import printing
from pellucid.symbolic.chain import Derivation, chain_rule
from pellucid.symbolic.differentiation import simplify, substitute
from pellucid.worksheet.draws import Draws
from pellucid.worksheet.exercise import Exercise, Kind, Parameters
from pellucid.worksheet.fields import Field, Reading, Slip, entry


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
            yield Equation(tuple(latex for _, latex in step.rows), tuple(text for text, _ in step.rows))


class _Wrong:
    """Answers that mistakes give, those left out that are right after all or that another mistake gives as well."""

    def __init__(self, right: sp.Expr, put_in: Mapping[sp.Symbol, sp.Expr]) -> None:
        self.seen = [right]
        self.put_in = dict(put_in)
        self.slips: list[Slip] = []

    def add(self, name: str, answer: sp.Expr, repair: str, row: str = "") -> None:
        written_out = substitute(answer, self.put_in)
        if any(sp.expand(written_out - other) == 0 for other in self.seen):
            return
        self.seen.append(written_out)
        self.slips.append(Slip(name, entry(printing.text(simplify(written_out))), repair, row))


# exercise 1


def _build_composition(parameters: Parameters) -> Exercise:
    found = chain_rule(parameters["definitions"], "x")
    f, x = found.of, "x"
    (path,) = found.paths
    asked = rf"\frac{{d{printing.latex(sp.Symbol(f))}}}{{d{x}}}"
    names = tuple(parameters["definitions"])
    reading = Reading(
        names=(*names, x), definitions={n: str(parameters["definitions"][n]) for n in names if n != f}, domain="real"
    )
    field = Field(
        f"d{f}/d{x}", asked, "formula", entry(printing.text(found.result)), printing.latex(found.result),
        reading=reading, slips=tuple(_composition_slips(found)),
    )  # fmt: skip
    return Exercise(
        1,
        "The chain rule",
        parameters,
        (
            Paragraph(f"A function is composed of {len(names)}:"),
            Equation((_definition_rows(found, names),)),
            Paragraph(f"Find ${asked}$ by the chain rule, in terms of ${x}$."),
        ),
        (field,),
        tuple(_solution(found)),
        room=7,
    )


def _composition_slips(found: Derivation) -> list[Slip]:
    (path,) = found.paths
    derivatives = [factor.derivative for factor in path]
    put_in = found._graph.written_out
    wrong = _Wrong(found.result, put_in)
    f, x = sp.Symbol(found.of), sp.Symbol(found.by)
    inner_name = path[0].by
    symbols = [factor.symbol[1] for factor in path]
    wrong.add(
        "the innermost derivative is missing", sp.Mul(*derivatives[:-1]), f"Multiply by ${symbols[-1]}$: the chain rule has a factor for every function."
    )
    wrong.add(
        "the outer derivative is missing", sp.Mul(*derivatives[1:]), f"Multiply by ${symbols[0]}$: the chain rule has a factor for every function."
    )
    wrong.add(
        "the outer function is not differentiated", put_in[f] * sp.Mul(*derivatives[1:]),
        f"The first factor is ${symbols[0]}$ and not ${printing.latex(f)}$ itself.",
    )
    wrong.add(
        "the outer derivative is taken at $x$ and not at the inner function",
        sp.Mul(derivatives[0].xreplace({sp.Symbol(inner_name): x}), *derivatives[1:]),
        f"In ${symbols[0]}$ the argument is ${printing.latex(sp.Symbol(inner_name))}$; put its formula in, and not $x$.",
    )
    wrong.add(
        "the outer derivative is taken at the inner derivative",
        derivatives[0].xreplace({sp.Symbol(inner_name): sp.Mul(*derivatives[1:])}),
        "$f'(g')$ is not the chain rule: it is $f'(g) \\cdot g'$.",
    )
    wrong.add("the derivatives are added and not multiplied", sp.Add(*derivatives),
              "Along a path the factors are multiplied.", "19")  # fmt: skip
    wrong.add("the sign is wrong", -sp.Mul(*derivatives), "Check the sign of each factor.", "22")
    outer = found.definitions[found.of]
    power = next((e for e in sp.preorder_traversal(outer) if isinstance(e, sp.Pow) and e.exp.is_Integer), None)
    if power is not None:
        wrong.add(
            "the exponent did not come down as a factor", sp.Mul(*derivatives) / power.exp,
            f"$(u^{{{power.exp}}})' = {power.exp} u^{{{power.exp - 1}}}$: the exponent becomes a factor.", "12",
        )  # fmt: skip
        wrong.add(
            "the exponent was not lowered by 1", sp.Mul(*derivatives) * power.base,
            f"$(u^{{{power.exp}}})' = {power.exp} u^{{{power.exp - 1}}}$: the new exponent is one less.",
        )  # fmt: skip
    return wrong.slips  # fmt: skip


def _draw_composition(draws: Draws, _: tuple[int, ...]) -> Parameters:
    outer = draws.choice(("{c} f1^2", "{c} f1^3", "{c} sin(f1)", "{c} cos(f1)", "{c} e^f1")).format(c=draws.integer(2, 6))
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
                f"df/d{variable}", asked, "formula", entry(printing.text(result)), printing.latex(result),
                reading=reading, slips=tuple(_several_slips(derivation, derivations[other])),
            )  # fmt: skip
        )
    blocks: list[Block] = []
    for derivation in derivations.values():
        blocks += _solution(derivation)
    return Exercise(
        2,
        "The chain rule for several variables",
        parameters,
        (
            Paragraph("A function hangs on $u$ and $v$ by way of $x$ and $y$:"),
            Equation((_definition_rows(found, ("f", "x", "y")),)),
            Paragraph(
                r"Find $\frac{\partial f}{\partial u}$ and $\frac{\partial f}{\partial v}$; $x$ and $y$ may stay in the answers."
            ),
        ),
        tuple(fields),
        tuple(blocks),
        room=9,
    )


def _several_slips(found: Derivation, other: Derivation) -> list[Slip]:
    wrong = _Wrong(found.result, found._graph.written_out)
    symbols = [[factor.symbol[1] for factor in path] for path in found.paths]
    for i, term in enumerate(found.terms):
        if len(found.terms) > 1:
            left_out = symbols[1 - i]
            wrong.add(
                f"the path by way of ${found.paths[1 - i][0].by}$ is left out", term,
                f"Add $ {' '.join(left_out)}$: every path from $f$ to ${found.by}$ is a term.", "19",
            )  # fmt: skip
    wrong.add(
        "the inner derivatives are missing", sp.Add(*(path[0].derivative for path in found.paths)),
        r"Each term is a product, $\frac{\partial f}{\partial x} \frac{\partial x}{\partial u}$ and so on.",
    )  # fmt: skip
    wrong.add(
        "the outer derivatives are missing", sp.Add(*(path[-1].derivative for path in found.paths)),
        r"Each term is a product, $\frac{\partial f}{\partial x} \frac{\partial x}{\partial u}$ and so on.",
    )  # fmt: skip
    wrong.add("the paths are multiplied and not added", sp.Mul(*found.terms), "The terms of the paths are added.", "19")
    wrong.add(f"it is the derivative by ${other.by}$", other.unsubstituted, f"Differentiate by ${found.by}$.")
    for i, term in enumerate(found.terms):
        flipped = sp.Add(*(-t if k == i else t for k, t in enumerate(found.terms)))
        wrong.add(
            f"the sign of the term by way of ${found.paths[i][0].by}$ is wrong", flipped,
            r"$(\sin)' = \cos$ and $(\cos)' = -\sin$: check the signs.", "22",
        )  # fmt: skip
    for path in found.paths:
        inner = path[-1].derivative
        exponential = next(iter(inner.atoms(sp.exp)), None)
        if exponential is not None and inner != exponential:
            lost = sp.Add(*(t.xreplace({inner: exponential}) if t.has(exponential) else t for t in found.terms))
            lost = sp.Add(*(
                sp.Mul(*(f.derivative for f in one[:-1]), exponential) if one is path else sp.Mul(*(f.derivative for f in one))
                for one in found.paths
            ))  # fmt: skip
            wrong.add(
                "the inner derivative of the exponential is missing", lost,
                rf"$\frac{{\partial}}{{\partial {found.by}}} {printing.latex(exponential)} = {printing.latex(inner)}$.",
            )  # fmt: skip
    return wrong.slips


def _draw_several(draws: Draws, _: tuple[int, ...]) -> Parameters:
    outer = draws.choice(("{c}x^{p} + y", "{c}x^{p} - y", "y + {c}x^{p}", "{c}x^{p} + {k}y"))
    f = outer.format(c=draws.integer(2, 5), p=draws.choice((2, 3)), k=draws.integer(2, 4))
    first, second = draws.sample(("u", "v"), 2)
    x = draws.choice(("sin {a} + cos {b}", "sin {a} - cos {b}", "cos {a} - sin {b}", "{a}^2 + sin {b}", "cos {a} + {b}^2"))
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
