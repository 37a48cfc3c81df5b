"""σ' and ∇_a L derived from the formulas of σ and L: those of the library's tables, and formulas that a user types."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy as sp

from pellucid.activations import ACTIVATIONS, SELU_ALPHA, SELU_SCALE, Activation, as_activation
from pellucid.arrays import Array
from pellucid.described import Brief
from pellucid.document import Block, Document, Equation, Heading, Paragraph
from pellucid.errors import FormulaError
from pellucid.hints import hinted
from pellucid.losses import LOSSES, Loss, as_loss
from pellucid.results import Result
from pellucid.symbolic import printing
from pellucid.symbolic.differentiation import by_intervals, differentiate, kink_points, simplify
from pellucid.symbolic.evaluation import Compiled, compile_formula
from pellucid.symbolic.formulas import parse

z = sp.Symbol("z")
a, y = sp.symbols("a y")

_SIGMAS: Mapping[str, str] = {
    "sigmoid": "1/(1 + e^(-z))",
    "relu": "max(0, z)",
    "tanh": "tanh(z)",
    "identity": "z",
    "leaky_relu": "z if z > 0 else slope z",
    "elu": "z if z > 0 else alpha (e^z - 1)",
    "selu": "lambda z if z > 0 else lambda alpha (e^z - 1)",
    "softplus": "ln(1 + e^z)",
    "silu": "z/(1 + e^(-z))",
    "gelu_tanh": "z/2 (1 + tanh(sqrt(2/π) (z + 0.044715 z^3)))",
    "hard_tanh": "max(-1, min(1, z))",
    "exp": "e^z",
    "sine": "sin(z)",
}
"""σ by the name of its row. gelu needs Φ and softmax more than one z; they are written below."""

_CONSTANTS: Mapping[str, Mapping[str, float]] = {"selu": {"lambda": SELU_SCALE, "alpha": SELU_ALPHA}}

_TERMS: Mapping[str, str] = {
    "mse": "(a - y)^2",
    "half_squared_error": "1/2 (a - y)^2",
    "mae": "|a - y|",
    "huber": "(a - y)^2/2 if |a - y| <= delta else delta (|a - y| - delta/2)",
    "quantile": "tau (y - a) if y >= a else (1 - tau) (a - y)",
    "poisson": "a - y ln a",
    "cross_entropy": "-y ln a",
    "binary_cross_entropy": "-(y ln a + (1 - y) ln(1 - a))",
}
"""What one output adds to L, by the name of the loss's row; y means y_j and a means a_j."""

SUMMED = ("half_squared_error", "cross_entropy", "binary_cross_entropy")
"""Losses that are sums over the m outputs; the others are means."""


def sigma_expression(activation: object) -> sp.Expr:
    """Return σ(z) as a SymPy expression in z.

    Parameters
    ----------
    activation : str or Activation
        An element-wise row of the table, or one made by `activation`.

    Raises
    ------
    ValueError
        Softmax, which is no function of one z, or an activation made of functions, which has no formula to read.
    """
    row = as_activation(activation)
    if isinstance(row, FormulaActivation):
        return row.expression
    if row.is_builtin and row.name == "gelu":
        return z * (1 + sp.erf(z / sp.sqrt(2))) / 2
    if not row.is_builtin or row.name not in _SIGMAS:
        why = "is no function of one z" if not row.elementwise else "was made of functions and has no formula"
        raise ValueError(f"activation {row} {why}; pl.symbolic.activation makes one from a formula")
    return _with_settings(_SIGMAS[row.name], {**row.settings, **_CONSTANTS.get(row.name, {})}, ("z",))


def loss_expression(loss: object) -> sp.Expr:
    """Return what one output adds to L, as a SymPy expression in a and y.

    Parameters
    ----------
    loss : str or Loss
        A row of the table, or one made by `loss`.

    Raises
    ------
    ValueError
        A loss made of functions, which has no formula to read.
    """
    row = as_loss(loss)
    if isinstance(row, FormulaLoss):
        return row.expression
    if not row.is_builtin:
        raise ValueError(f"loss {row} was made of functions and has no formula; pl.symbolic.loss makes one from it")
    return _with_settings(_TERMS[row.name], row.settings, ("a", "y"))


def _with_settings(text: str, settings: Mapping[str, Any], names: tuple[str, ...]) -> sp.Expr:
    expression = parse(text, names=(*names, *settings))
    numbers = {name: value for name, value in settings.items() if not isinstance(value, tuple)}  # τ_j stays τ
    return expression.xreplace({sp.Symbol(name): sp.Rational(repr(value)) for name, value in numbers.items()})


# formulas that a user types


@dataclass(frozen=True, eq=False, repr=False)
class FormulaActivation(Activation):
    """An activation made from a formula by `activation`.

    Attributes
    ----------
    expression, derivative_expression : sympy.Expr
        σ and σ' in z.
    """

    expression: sp.Expr = field(default=sp.S.Zero, repr=False)
    derivative_expression: sp.Expr = field(default=sp.S.Zero, repr=False)


@dataclass(frozen=True, eq=False, repr=False)
class FormulaLoss(Loss):
    """A loss made from a formula by `loss`.

    Attributes
    ----------
    expression, gradient_expression : sympy.Expr
        What one output adds, and its derivative by a, both in a and y and before a mean is taken.
    is_mean : bool
    """

    expression: sp.Expr = field(default=sp.S.Zero, repr=False)
    gradient_expression: sp.Expr = field(default=sp.S.Zero, repr=False)
    is_mean: bool = True


@hinted
def activation(formula: str, name: str | None = None) -> FormulaActivation:
    """Make an activation from a formula; σ' is derived, and both are compiled for arrays.

    Parameters
    ----------
    formula : str
        In z, as in ``"z/(1+exp(-z))"``, ``"max(0, z)"``, ``"z if z > 0 else 0.1 z"``; LaTeX is read as well.
    name : str, optional
        Shown in summaries; without it the formula itself.

    Returns
    -------
    FormulaActivation
        For ``pl.Network(sizes, activation)``, and it prints in every derivation like a row of the table. At a kink
        σ' is what the formula's piece that holds there gives.

    Raises
    ------
    FormulaError
        It cannot be read, uses another name than z, or is constant nowhere defined.

    Examples
    --------
    >>> import pellucid as pl
    >>> swish = pl.symbolic.activation("z/(1+exp(-z))")
    >>> print(swish.derivative_formula)
    e^z (z + e^z + 1)/(e^z + 1)^2
    >>> net = pl.Network([3, 4, 2], swish, seed=0)
    """
    expression = _read(formula, ("z",))
    slope = by_intervals(simplify(differentiate(expression, z)), z)
    points = tuple(float(point) for point in kink_points(expression, z))
    function, derivative = compile_formula(expression, ["z"]), compile_formula(slope, ["z"])
    _check_defined(formula, function)
    return FormulaActivation(
        name or printing.text(expression),
        function,
        derivative,
        formula=printing.text(expression),
        derivative_formula=printing.text(slope),
        latex=printing.latex(expression),
        derivative_latex=printing.latex(slope),
        kinks=points,
        at_kink=", ".join(f"σ'({point:g}) is taken as {float(derivative(np.array(point))):g}" for point in points),
        source="a formula",
        expression=expression,
        derivative_expression=slope,
    )


@hinted
def loss(formula: str, name: str | None = None, *, reduction: str = "mean", targets: str = "numbers") -> FormulaLoss:
    """Make a loss from the formula of one output's term; ∇_a L is derived, and both are compiled for arrays.

    Parameters
    ----------
    formula : str
        In a and y, one output's own: ``"(a - y)^2"``, ``"-y ln a"``; a_j and y_j mean the same.
    name : str, optional
        Shown in summaries; without it the formula itself.
    reduction : {'mean', 'sum'}
        L is the mean or the sum of the terms over the m outputs.
    targets : {'numbers', 'counts', 'classes', 'probabilities'}
        What y may hold, as in `pellucid.Loss`.

    Returns
    -------
    FormulaLoss
        For ``loss=`` of every method of a network.

    Raises
    ------
    FormulaError
        It cannot be read, or uses another name than a and y.
    ValueError
        Another reduction.

    Examples
    --------
    >>> import pellucid as pl
    >>> quartic = pl.symbolic.loss("(a - y)^4")
    >>> print(quartic.gradient_formula)
    (1/m) 4 (a_j - y_j)^3
    """
    if reduction not in ("mean", "sum"):
        raise ValueError(f"reduction must be 'mean' or 'sum', got {reduction!r}")
    expression = _read(formula, ("a", "y"))
    slope = simplify(differentiate(expression, a))
    is_mean = reduction == "mean"
    r = sp.Symbol("r")
    residuals = kink_points(sp.expand(expression.xreplace({a: y + r})), r)
    texts = [printing.text(e, _INDEXED) for e in (expression, slope)]
    latexes = [printing.latex(e, _INDEXED) for e in (expression, slope)]
    front, front_latex = ("(1/m) ", r"\frac1m ") if is_mean else ("", "")
    return FormulaLoss(
        name or printing.text(expression),
        _TermLoss(compile_formula(expression, ["a", "y"]), is_mean=is_mean),
        _TermGradient(compile_formula(slope, ["a", "y"]), is_mean=is_mean),
        formula=f"{front}Σ_j [{texts[0]}]",
        gradient_formula=f"{front}{_in_product(slope, texts[1])}",
        latex=rf"{front_latex}\sum_j \left[{latexes[0]}\right]",
        gradient_latex=f"{front_latex}{_in_product(slope, latexes[1], latex=True)}" if is_mean else latexes[1],
        targets=targets,
        domain=_domain(expression),
        residual_kinks=tuple(float(point) for point in residuals),
        source="a formula",
        expression=expression,
        gradient_expression=slope,
        is_mean=is_mean,
    )  # fmt: skip


class _TermLoss:
    """L_i from the term of each output."""

    def __init__(self, term: Compiled, *, is_mean: bool) -> None:
        self.term, self.is_mean = term, is_mean

    def __call__(self, a: Array, y: Array) -> Array:
        terms = self.term(a, y)
        return terms.mean(axis=-1) if self.is_mean else terms.sum(axis=-1)


class _TermGradient:
    """∇_a L_i from the derivative of each output's term."""

    def __init__(self, slope: Compiled, *, is_mean: bool) -> None:
        self.slope, self.is_mean = slope, is_mean

    def __call__(self, a: Array, y: Array) -> Array:
        slopes = self.slope(a, y)
        return slopes / a.shape[-1] if self.is_mean else slopes


_INDEXED = {"a": "a_j", "y": "y_j"}


def _in_product(expression: sp.Expr, written: str, *, latex: bool = False) -> str:
    if not isinstance(expression, (sp.Add, sp.Piecewise)) and not written.startswith("-"):
        return written
    return rf"\left({written}\right)" if latex else f"({written})"


def _read(formula: str, names: tuple[str, ...]) -> sp.Expr:
    """Read a formula in the names, each of which may carry the index j."""
    expression = parse(formula, names=(*names, *(f"{name}_j" for name in names)))
    expression = expression.xreplace({sp.Symbol(f"{name}_j"): sp.Symbol(name) for name in names})
    others = sorted({symbol.name for symbol in expression.free_symbols} - set(names))
    if others:
        at = max(formula.find(others[0]), 0)
        raise FormulaError(f"the formula may use only {' and '.join(names)}, but contains {others[0]}", at, formula)
    return expression


def _check_defined(formula: str, function: Callable[[Array], Array]) -> None:
    """Refuse a formula that gives no finite number at ordinary z."""
    at = np.linspace(-4.0, 4.0, 33)
    values = function(at)
    if not np.isfinite(values).all():
        worst = at[int(np.argmin(np.isfinite(values)))]
        raise FormulaError(f"σ must be defined for every z, and this is not at z = {worst:g}", 0, formula)


def _domain(expression: sp.Expr) -> tuple[float, float]:
    """Return the interval that logarithms and roots of a alone leave to a."""
    low, high = -np.inf, np.inf
    for node in sp.preorder_traversal(expression):
        is_root = isinstance(node, sp.Pow) and node.exp.is_Rational and not node.exp.is_Integer
        if not (isinstance(node, sp.log) or is_root) or node.args[0].free_symbols != {a}:
            continue
        slope = sp.diff(node.args[0], a)
        if slope.is_Rational and slope != 0:
            zero = float(-node.args[0].subs(a, 0) / slope)
            low, high = (max(low, zero), high) if slope > 0 else (low, min(high, zero))
    return low, high


# derivations


@dataclass(frozen=True, repr=False)
class Line(Brief):
    """A line of a derivation: what the derivative equals, and why.

    Attributes
    ----------
    latex : str
        The right-hand side.
    reason : str
        The rule used, as markup; empty for plain rearrangement.
    """

    latex: str
    reason: str = ""


@dataclass(frozen=True, repr=False)
class SlopeDerivation(Brief, Result):
    """The derivation of σ' or of ∂L/∂a_j.

    Attributes
    ----------
    title : str
    function_latex, derivative_latex : str
        The left-hand sides.
    definition : str
        The function as LaTeX.
    lines : tuple of Line
    function, derivative : sympy.Expr or None
        In z, or in a and y (one output's term); None for softmax.
    note : str
        What holds at kinks, as markup.
    """

    title: str
    function_latex: str
    derivative_latex: str
    definition: str
    lines: tuple[Line, ...]
    function: sp.Expr | None
    derivative: sp.Expr | None
    note: str = ""

    def blocks(self) -> tuple[Block, ...]:
        """The derivation as blocks of a document."""
        rows = [f"{self.function_latex} &= {self.definition}"]
        reasons: list[str] = []
        for i, line in enumerate(self.lines):
            left = self.derivative_latex if i == 0 else ""
            mark = rf" \quad \text{{({len(reasons) + 1})}}" if line.reason else ""
            rows.append(f"{left} &= {line.latex}{mark}")
            if line.reason:
                reasons.append(line.reason)
        said = " ".join(f"({i}) {reason}." for i, reason in enumerate(reasons, start=1))
        blocks: list[Block] = [Equation(tuple(rows))]
        if said:
            blocks.append(Paragraph(said))
        if self.note:
            blocks.append(Paragraph(self.note))
        return tuple(blocks)

    def document(self) -> Document:
        """The derivation as a document."""
        return Document(self.title, self.blocks())


_S = r"\frac{1}{1 + e^{-z}}"

_SIGMA_LINES: Mapping[str, tuple[Line, ...]] = {
    "sigmoid": (
        Line(r"-(1 + e^{-z})^{-2} \cdot (-e^{-z})", r"Chain rule on $(1 + e^{-z})^{-1}$, twice"),
        Line(r"\frac{e^{-z}}{(1 + e^{-z})^2}"),
        Line(rf"{_S} \cdot \frac{{(1 + e^{{-z}}) - 1}}{{1 + e^{{-z}}}}", r"$e^{-z} = (1 + e^{-z}) - 1$"),
        Line(rf"{_S} \left(1 - {_S}\right)"),
        Line(r"\sigma(z) (1 - \sigma(z))"),
    ),
    "relu": (
        Line(
            r"\begin{cases} 1 & z > 0 \\ 0 & z < 0 \end{cases}",
            "Piece by piece: $z$ has the slope 1, the constant 0 the slope 0",
        ),
    ),
    "tanh": (
        Line(
            r"\frac{(e^z + e^{-z})^2 - (e^z - e^{-z})^2}{(e^z + e^{-z})^2}",
            r"Quotient rule on $\tanh z = (e^z - e^{-z}) / (e^z + e^{-z})$",
        ),
        Line(r"1 - \left(\frac{e^z - e^{-z}}{e^z + e^{-z}}\right)^2"),
        Line(r"1 - \tanh(z)^2"),
    ),
    "identity": (Line("1", "The slope of a straight line"),),
    "softplus": (
        Line(r"\frac{1}{1 + e^z} \cdot e^z", "Chain rule, $(\\ln u)' = 1/u$"),
        Line(_S, r"Numerator and denominator times $e^{-z}$: this is the sigmoid"),
    ),
    "silu": (
        Line(
            rf"{_S} + z \cdot \frac{{e^{{-z}}}}{{(1 + e^{{-z}})^2}}",
            r"Product rule on $z \cdot s$ with $s = 1/(1 + e^{-z})$, and $s'$ as for the sigmoid",
        ),
        Line(rf"{_S} + z \cdot {_S} \left(1 - {_S}\right)", "$s' = s (1 - s)$"),
    ),
    "hard_tanh": (
        Line(
            r"\begin{cases} 1 & -1 < z < 1 \\ 0 & \text{otherwise} \end{cases}",
            "Piece by piece: $z$ has the slope 1, the constants $-1$ and 1 the slope 0",
        ),
    ),
    "exp": (Line("e^z", "The exponential is its own derivative"),),
    "sine": (Line(r"\cos(z)", r"$(\sin z)' = \cos z$"),),
    "gelu_tanh": (
        Line(
            r"\frac12 (1 + \tanh(u)) + \frac{z}{2} (1 - \tanh(u)^2) \sqrt{2/\pi} (1 + 0.134145 z^2)",
            r"Product rule, then the chain rule with $\tanh' = 1 - \tanh^2$ and "
            r"$u' = \sqrt{2/\pi} (1 + 3 \cdot 0.044715 z^2)$",
        ),
    ),
    "gelu": (Line(r"\Phi(z) + z \varphi(z)", r"Product rule, and $\Phi' = \varphi$, the normal density"),),
    "selu": (
        Line(
            r"\begin{cases} \lambda & z > 0 \\ \lambda \alpha e^z & z < 0 \end{cases}",
            r"Piece by piece; $\lambda = 1.0507$ and $\alpha = 1.6733$, rounded",
        ),
    ),
}


@hinted
def derive(row: object) -> SlopeDerivation:
    r"""Derive σ' of an activation, or ∂L/∂a_j of a loss.

    Parameters
    ----------
    row : str, Activation or Loss
        A row of a table, by name or itself, or one made from a formula.

    Returns
    -------
    SlopeDerivation
        Its ``lines``, ``text()``, ``latex()``, ``html()``; ``derivative`` as a SymPy expression.

    Raises
    ------
    ValueError
        An unknown name, or a row made of functions, which has no formula.

    Examples
    --------
    >>> print(derive("sigmoid").lines[-1].latex)
    \sigma(z) (1 - \sigma(z))
    """
    if isinstance(row, Loss) or (isinstance(row, str) and row in LOSSES):
        return _derive_loss(as_loss(row))
    return _derive_activation(as_activation(row))


def _derive_activation(row: Activation) -> SlopeDerivation:
    title = f"σ' of {row}"
    if row.is_builtin and row.name == "softmax":
        return _softmax_derivation(title)
    expression = sigma_expression(row)
    slope = by_intervals(simplify(differentiate(expression, z)), z)
    lines = (
        _SIGMA_LINES[row.name]
        if row.is_builtin and row.name in _SIGMA_LINES
        else tuple(_general_lines(row, expression, slope))
    )
    definition = row.latex
    if expression.has(sp.Max, sp.Min):
        definition += f" = {printing.intervals_latex(by_intervals(expression, z), is_closed=True)}"
    return SlopeDerivation(title, r"\sigma(z)", r"\sigma'(z)", definition, lines, expression, slope, _kink_note(row))


def _general_lines(row: Activation, expression: sp.Expr, slope: sp.Expr) -> Iterator[Line]:
    if isinstance(slope, sp.Piecewise):
        jumps = any(_slope_jumps(row, point) for point in row.kinks)
        yield Line(printing.intervals_latex(slope, is_closed=not jumps), "Piece by piece")
        return
    raw = differentiate(expression, z)
    rule = {sp.Add: "Sum rule", sp.Mul: "Product and chain rule", sp.Pow: "Power and chain rule"}
    if raw != slope and not raw.has(sp.Piecewise):
        yield Line(printing.latex(raw), rule.get(expression.func, "Chain rule"))
        yield Line(printing.latex(slope), "Simplified")
    else:
        yield Line(printing.latex(slope), "Differentiated")


def _kink_note(row: Activation) -> str:
    if not row.kinks:
        return ""
    points = " and ".join(f"$z = {point:g}$" for point in row.kinks)
    jumps = [point for point in row.kinks if _slope_jumps(row, point)]
    if not jumps:
        return f"At {points} the slopes of both sides agree; only $\\sigma''$ jumps. The library: {row.at_kink}."
    return (
        f"At {points} the difference quotients from the left and from the right have different limits: "
        f"$\\sigma'$ is undefined there. The library: {row.at_kink}."
    )


def _slope_jumps(row: Activation, point: float) -> bool:
    step = 1e-7
    left, right = row.derivative(np.array([point - step, point + step]))
    return abs(left - right) > 1e-3


def _softmax_derivation(title: str) -> SlopeDerivation:
    lines = (
        Line(
            r"\frac{\delta_{jk} e^{z_j} \sum_i e^{z_i} - e^{z_j} e^{z_k}}{\left(\sum_i e^{z_i}\right)^2}",
            r"Quotient rule; $\partial e^{z_j} / \partial z_k = \delta_{jk} e^{z_j}$, which is 0 unless $j = k$",
        ),
        Line(r"\frac{e^{z_j}}{\sum_i e^{z_i}} \left(\delta_{jk} - \frac{e^{z_k}}{\sum_i e^{z_i}}\right)"),
        Line(r"a_j (\delta_{jk} - a_k)"),
    )
    note = (
        "Every output depends on every $z_k$, so that the derivative is a Jacobian $J$ and (1) becomes "
        r"$d^F = J^T \nabla_a L$."
    )
    definition = r"\frac{e^{z_j}}{\sum_i e^{z_i}}"
    return SlopeDerivation(title, "a_j", r"\frac{\partial a_j}{\partial z_k}", definition, lines, None, None, note)


def _derive_loss(row: Loss) -> SlopeDerivation:
    term = loss_expression(row)
    slope = simplify(differentiate(term, a))
    if row.is_builtin and row.name == "mae":
        slope = sp.sign(a - y)
    is_mean = row.is_mean if isinstance(row, FormulaLoss) else row.name not in SUMMED
    front = r"\frac1m " if is_mean else ""
    indexed = printing.latex(term, {"a": "a_i", "y": "y_i"})
    inner, own = (printing.latex(e, _INDEXED) for e in (term, slope))
    own = _in_product(slope, own, latex=True) if front else own
    left = r"\frac{\partial L}{\partial a_j}"
    lines = [
        Line(
            rf"{front}\sum_i \frac{{\partial}}{{\partial a_j}} \left[{indexed}\right]",
            "Sum rule: the derivative goes into the sum",
        ),
        Line(
            rf"{front}\frac{{\partial}}{{\partial a_j}} \left[{inner}\right]",
            "Only the term $i = j$ holds $a_j$; all others have the derivative 0",
        ),
        Line(f"{front}{own}", "Chain rule" if not isinstance(slope, sp.Piecewise) else "Piece by piece"),
    ]
    if row.is_builtin and _bare(row.gradient_latex) != _bare(f"{front}{own}"):
        lines.append(Line(row.gradient_latex))
    note = ""
    if row.residual_kinks and _gradient_jumps(row):
        points = " and ".join(f"$a_j - y_j = {point:g}$" for point in row.residual_kinks)
        note = f"At {points} there is no derivative; the library takes 0 there."
    return SlopeDerivation(f"∇_a L of {row}", "L", left, row.latex, tuple(lines), term, slope, note)


def _bare(latex: str) -> str:
    return re.sub(r"[{}\s]|\\left|\\right", "", latex)


def _gradient_jumps(row: Loss) -> bool:
    m = max((len(value) for value in row.settings.values() if isinstance(value, tuple)), default=1)
    beside = np.tile([[-1e-7], [1e-7]], m)
    return any(
        np.abs(np.diff(row.gradient(beside + p, np.zeros((2, m))), axis=0)).max() > 1e-3 for p in row.residual_kinks
    )


def activation_rows() -> Iterator[SlopeDerivation]:
    """Derive σ' for every row of the table of activations."""
    return (derive(row) for row in ACTIVATIONS.values())


def loss_rows() -> Iterator[SlopeDerivation]:
    """Derive ∇_a L for every row of the table of losses."""
    return (derive(row) for row in LOSSES.values())


def tables_document() -> Document:
    """Return the derivations of all σ' and ∇_a L of the library as a document."""
    blocks: list[Block] = []
    for derivation in (*activation_rows(), *loss_rows()):
        blocks += [Heading(2, derivation.title), *derivation.blocks()]
    return Document("The derivatives of every activation and loss", tuple(blocks))
