"""Exercises 9 to 11: σ' of a sigmoid, σ' of a function with a kink, and ∇_a of a squared error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import sympy as sp

from pellucid.document import Block, Equation, Paragraph
from pellucid.errors import FormulaError
from pellucid.symbolic import printing
from pellucid.symbolic.differentiation import by_intervals, differentiate, kink_points, simplify
from pellucid.symbolic.formulas import parse
from pellucid.worksheet.draws import Draws
from pellucid.worksheet.exercise import Exercise, Kind, Parameters
from pellucid.worksheet.fields import Entries, Field, Reading, Slip, Slips, entry, vector
from pellucid.worksheet.slips import different, from_formulas

_Z = sp.Symbol("z")


# exercise 9


def _build_sigmoid(parameters: Parameters) -> Exercise:
    formula = parameters["formula"]
    sigma = parse(formula, names=("z",))
    slope = simplify(differentiate(sigma, _Z))
    raw = differentiate(sigma, _Z)
    in_sigma, reason = _in_sigma(parameters)
    reading = Reading(names=("z",), functions={"σ": ("z", formula)})
    field = Field(
        "σ'", r"\sigma'(z)", "formula", entry(printing.text(raw)), f"{printing.latex(raw)} = {in_sigma}",
        reading=reading, slips=from_formulas(slope, _sigmoid_slips(sigma, parameters)),
    )  # fmt: skip
    return Exercise(
        9,
        "The derivative of a sigmoid",
        parameters,
        (
            Paragraph(
                rf"Differentiate $\sigma(z) = {printing.latex(sigma)}$. You may write the answer with $\sigma(z)$."
            ),
        ),
        (field,),
        tuple(_sigmoid_solution(raw, in_sigma, reason, parameters)),
        room=8,
    )


def _in_sigma(parameters: Parameters) -> tuple[str, str]:
    """Return σ' in terms of σ as LaTeX, and why: c/(1 + e^(-kz)) has the derivative k σ (1 - σ/c)."""
    c, k = parameters["top"], parameters["rate"]
    rest = r"1 - \sigma(z)" if c == 1 else rf"1 - \frac{{\sigma(z)}}{{{c}}}"
    front = "" if k == 1 else f"{k} "
    why = rf"\frac{{e^{{-{'' if k == 1 else k}z}}}}{{1 + e^{{-{'' if k == 1 else k}z}}}} = {rest}"
    return rf"{front}\sigma(z) \left({rest}\right)", why


def _sigmoid_solution(raw: sp.Expr, in_sigma: str, reason: str, parameters: Parameters) -> Iterator[Block]:
    c, k = parameters["top"], parameters["rate"]
    exponent = f"-{'' if k == 1 else k}z"
    factor = "" if c == 1 else f"{c} "
    yield Equation((
        rf"\sigma(z) &= {factor}(1 + e^{{{exponent}}})^{{-1}}",
        rf"\sigma'(z) &= {factor}\cdot (-1) (1 + e^{{{exponent}}})^{{-2}} \cdot e^{{{exponent}}} \cdot ({'-1' if k == 1 else f'-{k}'})"
        r" \quad \text{chain rule, twice}" if factor else
        rf"\sigma'(z) &= -(1 + e^{{{exponent}}})^{{-2}} \cdot e^{{{exponent}}} \cdot ({'-1' if k == 1 else f'-{k}'})"
        r" \quad \text{chain rule, twice}",
        f"&= {printing.latex(raw)}",
        rf"&= {in_sigma} \quad \text{{because }} {reason}",
    ))  # fmt: skip


def _sigmoid_slips(sigma: sp.Expr, parameters: Parameters) -> Iterator[tuple[str, sp.Expr, str, str]]:
    c, k = parameters["top"], parameters["rate"]
    decay = sp.exp(-k * _Z)
    slope = sp.diff(sigma, _Z)
    chain = r"The exponent has the derivative " + f"$-{'' if k == 1 else k}$" + " by $z$: a factor of its own."
    yield "the sign is wrong: one of the two minus signs is missing", -slope, chain, "22"
    in_exponent = "" if k == 1 else k
    numerator = (
        rf"The derivative of $1 + e^{{-{in_exponent}z}}$ is $-{in_exponent}e^{{-{in_exponent}z}}$: it becomes the "
        r"numerator, and with it the factor $1 - \sigma$ in terms of $\sigma$."
    )
    yield "the numerator $e^{-z}$ is missing, or the factor $1 - \\sigma$", k * c / (1 + decay) ** 2, numerator, "2"
    yield "only the outer function is differentiated", -c / (1 + decay) ** 2, numerator, "2"
    yield (
        "the denominator is not squared, or the factor $\\sigma$ is missing", k * c * decay / (1 + decay),
        r"$(u^{-1})' = -u^{-2}$: both factors of $1/(1 + e^{-z})^2$ stay.", "",
    )  # fmt: skip
    yield "it is $\\sigma$ itself", sigma, r"$\sigma'$ is not $\sigma$.", "5"
    yield "$1 + \\sigma$ in place of $1 - \\sigma$", k * sigma * (1 + sigma / c), r"$e^{-z} = (1 + e^{-z}) - 1$.", ""
    yield "it is $\\sigma (1 - \\sigma)$ without a factor", sigma * (1 - sigma), chain, "5"
    yield "the inner derivative is missing", slope / k, chain, "2"
    yield "it is $\\sigma'$ of another function: $1 - \\sigma^2$", 1 - sigma**2, r"$1 - \sigma^2$ belongs to tanh.", "5"
    yield (
        "$z (1 - z)$: the derivative in terms of $a$, with $z$ put in",
        _Z * (1 - _Z),
        r"$a (1 - a)$ is right with $a = \sigma(z)$ only.",
        "4b",
    )


def _draw_sigmoid(draws: Draws, _: tuple[int, ...]) -> Parameters:
    top, rate = draws.choice(((1, 2), (1, 3), (1, 4), (1, 5), (2, 1), (3, 1), (4, 1), (5, 1)))
    return _sigmoid_parameters(top, rate)


def _sigmoid_parameters(top: int, rate: int) -> Parameters:
    return {"top": top, "rate": rate, "formula": f"{top}/(1 + e^(-{'' if rate == 1 else rate}z))"}


# exercise 10


def _build_kinked(parameters: Parameters) -> Exercise:
    formula = parameters["formula"]
    sigma = parse(formula, names=("z",))
    pieces = by_intervals(sigma, _Z)
    slope = by_intervals(differentiate(sigma, _Z), _Z)
    points = kink_points(sigma, _Z)
    field = Field(
        "σ'", r"\sigma'(z)", "piecewise", entry(printing.intervals_text(slope)), printing.intervals_latex(slope),
        reading=Reading(names=("z",), functions={"σ": ("z", formula)}),
        slips=_kinked_slips(pieces, slope), kinks=tuple((float(p), _from_the_left(slope, p)) for p in points),
    )  # fmt: skip
    where = " and ".join(f"$z = {printing.latex(point)}$" for point in points)
    return Exercise(
        10,
        "The derivative of a function with a kink",
        parameters,
        (Paragraph(rf"Differentiate $\sigma(z) = {printing.latex(sigma)}$, piece by piece. Where is $\sigma'$ undefined?"),),
        (field,),
        (
            Equation((
                rf"\sigma(z) &= {printing.latex(sigma)} = {printing.intervals_latex(pieces, is_closed=True)}",
                rf"\sigma'(z) &= {printing.intervals_latex(slope)}",
            )),
            Paragraph(
                rf"At {where} the slopes from the left and from the right differ, so that $\sigma'$ is undefined there. A program "
                "must take one of the two; this library takes that from the left."
            ),
        ),
        room=6,
    )  # fmt: skip


def _from_the_left(slope: sp.Expr, point: sp.Expr) -> float:
    for value, _, high in printing.intervals(slope):
        if high == point:
            return float(value)
    raise ValueError(f"{point} is no kink of {slope}")


def _kinked_slips(pieces: sp.Expr, slope: sp.Expr) -> Slips:
    values = [value for value, _, _ in printing.intervals(slope)]
    swapped = iter([*values[1:], values[0]]) if len(values) == 2 else iter(reversed(values))
    exchanged = _with_values(slope, list(swapped))
    constants = _with_values(slope, [value if value != 0 else sp.Integer(1) for value in values])
    slips = [
        Slip("the pieces are exchanged", entry(exchanged), "Look which piece holds on which side.", "5"),
        Slip("it is σ itself", entry(printing.text(pieces)), "Differentiate each piece.", "5"),
        Slip("a constant piece has the derivative 0", entry(constants), "The derivative of a constant is 0.", "5"),
        Slip("the pieces are lost", entry(printing.text(values[-1] if values[-1] != 0 else values[0])),
             "On the other side of the kink another piece holds.", "5"),
    ]  # fmt: skip
    kinks = [high for _, _, high in printing.intervals(slope) if high is not None]
    if any(kink != 0 for kink in kinks):
        at_zero = slope.xreplace({kinks[0]: sp.Integer(0)}) if len(kinks) == 1 else None
        if at_zero is not None and at_zero != slope:
            slips.append(
                Slip("the kink is taken to be at 0", entry(printing.intervals_text(at_zero)),
                     f"The pieces meet where they are equal, at $z = {printing.latex(kinks[0])}$.", "5")
            )  # fmt: skip
    return different(entry(printing.intervals_text(slope)), slips)


def _with_values(pieces: sp.Expr, values: Sequence[sp.Expr]) -> str:
    changed = [(value, condition) for value, (_, condition) in zip(values, pieces.args, strict=True)]
    return printing.intervals_text(sp.Piecewise(*changed, evaluate=False))


def _draw_kinked(draws: Draws, _: tuple[int, ...]) -> Parameters:
    c = draws.integer(2, 5)
    shape = draws.choice(
        ("max(0, {c}z)", "max(z, {c}z)", "max(0, z - {c})", "max(0, z + {c})", "max(-{c}, z)", "min({c}, z)")
    )
    return {"formula": shape.format(c=c)}


# exercise 11

_ERRORS: Mapping[str, tuple[str, str]] = {
    "mse": (r"\frac1m \sum_{j=1}^m (a_j - y_j)^2", "2/m (a_j - y_j)"),
    "turned": (r"\frac1m \sum_{j=1}^m (y_j - a_j)^2", "2/m (a_j - y_j)"),
    "half": (r"\frac12 \sum_{j=1}^m (a_j - y_j)^2", "a_j - y_j"),
    "half_mean": (r"\frac1{2m} \sum_{j=1}^m (a_j - y_j)^2", "1/m (a_j - y_j)"),
    "cubed": (r"\frac1{m} \sum_{j=1}^m (a_j - y_j)^4", "4/m (a_j - y_j)^3"),
}
"""Squared errors and their like: L as LaTeX, and ∂L/∂a_j."""


def _build_error(parameters: Parameters) -> Exercise:
    latex, slope = _ERRORS[parameters["loss"]]
    a, y = parameters["a"], parameters["y"]
    m = len(a)
    general = parse(slope, names=("a_j", "y_j", "m"))
    numbers = [_at(general, p, q, m) for p, q in zip(a, y, strict=True)]
    general_field = Field(
        "dL/da_j", r"\frac{\partial L}{\partial a_j}", "formula", entry(slope), printing.latex(general),
        reading=Reading(names=("a_j", "y_j", "m"), definitions={"a": "a_j", "y": "y_j"}),
        slips=_error_slips(general, parameters["loss"]),
    )  # fmt: skip
    numbers_field = Field(
        "grad_a L", r"\nabla_a L", "vector", vector(numbers), _vector_latex(numbers),
        slips=_number_slips(general_field.slips.shown, a, y, numbers),
        follows=lambda answers: _following(answers.get("dL/da_j"), a, y),
    )  # fmt: skip
    vectors = rf"a = {_vector_latex(a)}, \quad y = {_vector_latex(y)}"
    return Exercise(
        11,
        "The gradient of a squared error",
        parameters,
        (
            Paragraph(
                rf"Let $L = {latex}$. Find $\frac{{\partial L}}{{\partial a_j}}$ in $a_j$, $y_j$ and $m$, and $\nabla_a L$ for"
            ),
            Equation((vectors,)),
        ),
        (general_field, numbers_field),
        tuple(_error_solution(latex, general, numbers)),
        room=8,
    )


def _at(general: sp.Expr, a: object, y: object, m: int) -> sp.Expr:
    return general.xreplace(
        {sp.Symbol("a_j"): sp.Rational(str(a)), sp.Symbol("y_j"): sp.Rational(str(y)), sp.Symbol("m"): sp.Integer(m)}
    )


def _vector_latex(numbers: Sequence[object]) -> str:
    return r"\begin{pmatrix} " + r" \\ ".join(printing.latex(sp.Rational(str(n))) for n in numbers) + r" \end{pmatrix}"  # fmt: skip


def _error_slips(general: sp.Expr, loss: str) -> Slips:
    m, r = sp.Symbol("m"), sp.Symbol("a_j") - sp.Symbol("y_j")
    power = 4 if loss == "cubed" else 2
    chain = f"$(u^{power})' = {power} u" + ("" if power == 2 else f"^{power - 1}") + "$: the exponent comes down."
    slips = [
        ("the sign is wrong", -general, "$a_j$ stands first, or the inner derivative $-1$ is missing.", "22"),
        ("the exponent did not come down as a factor", general / power, chain, "12"),
        ("a factor 2 is too much", 2 * general, chain, "12"),
        ("the exponent was not lowered", general * r, chain, "12"),
    ]
    if general.has(m):
        slips.append(("the factor $1/m$ is missing", general * m, "The constant factor $1/m$ stays.", "13"))
        slips.append(("$1/m$ and the factor of the power are missing", general * m / power, "Both factors stay.", "13"))
    else:
        slips.append(("a factor $1/m$ is too much", general / m, "This loss is a sum and no mean.", "13"))
    slips.append(("it is the loss of one output itself", r**power, "Differentiate.", "28"))
    if general.has(m):
        slips.append(("it is the loss of one output itself", r**power / m, "Differentiate.", "28"))
    return from_formulas(general, slips)


def _number_slips(slips: Sequence[Slip], a: Sequence[object], y: Sequence[object], right: Sequence[sp.Expr]) -> Slips:
    followed = ((slip, _following(slip.answer, a, y)) for slip in slips)
    return different(vector(right), (replace(slip, answer=values) for slip, values in followed if values is not None))


def _following(general: Entries | None, a: Sequence[object], y: Sequence[object]) -> Entries | None:
    """What ∇_a L would be if the general formula were right."""
    if general is None:
        return None
    try:
        formula = parse(general[0][0], names=("a_j", "y_j", "m", "a", "y"))
    except FormulaError:
        return None
    formula = formula.xreplace({sp.Symbol("a"): sp.Symbol("a_j"), sp.Symbol("y"): sp.Symbol("y_j")})
    if not formula.has(sp.Symbol("a_j")) or not formula.has(sp.Symbol("y_j")):
        return None  # from 1 or a_j alone follows what can be written down without any work
    values = [_at(formula, p, q, len(a)) for p, q in zip(a, y, strict=True)]
    return vector(values) if all(value.is_Rational for value in values) else None


def _error_solution(latex: str, general: sp.Expr, numbers: Sequence[sp.Expr]) -> Iterator[Block]:
    single = latex.replace(r"\sum_{j=1}^m ", "")
    yield Paragraph(r"Of the sum only the term with $a_j$ counts; the others are constant. By the chain rule")
    yield Equation((
        rf"\frac{{\partial L}}{{\partial a_j}} &= \frac{{\partial}}{{\partial a_j}} \left[{single}\right] = {printing.latex(general)}",
    ))  # fmt: skip
    yield Paragraph(f"With $m = {len(numbers)}$:")
    yield Equation((rf"\nabla_a L &= {_vector_latex(numbers)}",))


def _draw_error(draws: Draws, _: tuple[int, ...]) -> Parameters:
    loss = draws.choice(("mse", "turned", "half", "half_mean", "cubed"))
    m = draws.choice((3, 4, 5))
    differences = [
        draws.choice((-3, -2, 2, 3, 4, -4)) * (m if loss in ("mse", "turned", "half_mean") else 1) for _ in range(m)
    ]
    if loss == "cubed":
        differences = [draws.choice((-2, 2, 1, -1, 3)) for _ in range(m)]
    y = [draws.integer(-3, 5) for _ in range(m)]
    return {"loss": loss, "a": tuple(q + d for q, d in zip(y, differences, strict=True)), "y": tuple(y)}


def _error_is_fit(exercise: Exercise) -> bool:
    """The vector of numbers shows every mistake that the formula shows."""
    general, numbers = exercise.fields
    return len(numbers.slips.shown) == len(general.slips.shown)


KINDS = (
    Kind(9, "The derivative of a sigmoid", _sigmoid_parameters(1, 1), _draw_sigmoid, _build_sigmoid),
    Kind(10, "The derivative of a function with a kink", {"formula": "max(0, z)"}, _draw_kinked, _build_kinked),
    Kind(
        11,
        "The gradient of a squared error",
        {"loss": "mse", "a": (3, 1, 6, 2), "y": (1, 5, 0, 4)},
        _draw_error,
        _build_error,
        _error_is_fit,
    ),
)
