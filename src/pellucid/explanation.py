"""Any quantity of a record: its equation in symbols, the same with its numbers, and the result, as text and LaTeX."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.arrays import Array, as_count
from pellucid.backprop import Record
from pellucid.errors import UnknownLabelError
from pellucid.losses import canonical_pair
from pellucid.notation import SYMBOLS, Label, elided, parse, parse_partial, symbol_of
from pellucid.results import Result

if TYPE_CHECKING:
    from pellucid.document import Document

_TERMS_SHOWN = 6
"""Sums of more terms show the first three and the last."""


@dataclass(frozen=True, eq=False, repr=False)
class Explanation(Result):
    r"""An equation that ends in its value.

    `latex` is an ``aligned`` block, which goes between ``\[`` and ``\]``.

    Attributes
    ----------
    quantity, quantity_latex : str
        The left-hand side.
    steps : tuple of (str, str)
        The right-hand sides as text and LaTeX: in symbols, in numbers, the result.
    value : float
        The number itself, not rounded.
    notes : tuple of (str, str)
        What the symbols mean, as text and LaTeX.
    """

    quantity: str
    quantity_latex: str
    steps: tuple[tuple[str, str], ...]
    value: float
    notes: tuple[tuple[str, str], ...] = ()

    @property
    def text(self) -> str:
        """The equation over several lines, the equals signs aligned."""
        lines = [
            f"{self.quantity if i == 0 else ' ' * len(self.quantity)} = {text}"
            for i, (text, _) in enumerate(self.steps)
        ]
        return "\n".join([*lines, *(f"    with {note}" for note, _ in self.notes)])

    @property
    def line(self) -> str:
        """The equation on one line, without the notes."""
        return " = ".join([self.quantity, *(text for text, _ in self.steps)])

    @property
    def latex(self) -> str:
        """The equation as a LaTeX ``aligned`` block, to stand in a display."""
        rows = [rf"{self.quantity_latex if i == 0 else ''} &= {latex}" for i, (_, latex) in enumerate(self.steps)]
        rows += [rf"&\quad\text{{with }} {latex}" for _, latex in self.notes]
        return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON-serializable dict."""
        return {
            "quantity": self.quantity,
            "value": self.value + 0.0,
            "steps": [text for text, _ in self.steps],
            "notes": [text for text, _ in self.notes],
            "latex": self.latex,
        }

    def document(self) -> Document:
        """Return it as a document."""
        from pellucid.document import Document, Equation, Items

        sides = [(self.quantity_latex, self.quantity), *[("", "")] * (len(self.steps) - 1)]
        rows = [f"{side} &= {latex}" for (side, _), (_, latex) in zip(sides, self.steps, strict=True)]
        texts = [f"{side} &= {text}" for (_, side), (text, _) in zip(sides, self.steps, strict=True)]
        notes = (Items(tuple(f"with ${latex}$" for _, latex in self.notes)),) if self.notes else ()
        blocks = (Equation(tuple(rows), tuple(texts)), *notes)
        heading = f"Explanation of ${self.quantity_latex}$"
        return Document(f"Explanation of {self.quantity}", blocks, heading=heading)

    def _plain_display(self) -> None:
        return None  # then notebooks show _repr_latex_

    def __repr__(self) -> str:
        return f"<Explanation: {self.quantity} = {self.value + 0.0!r}>"

    def __float__(self) -> float:
        return self.value

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex}\n$$"


def explain(
    record: Record,
    symbol: str | Label,
    layer: int | None = None,
    j: int | None = None,
    k: int | None = None,
    *,
    sample: int | None = None,
    digits: int = 6,
) -> Explanation:
    """Explain one number of a record.

    Parameters
    ----------
    record : Record
    symbol : str
        ``z``, ``a`` or ``d``: that quantity. ``w`` or ``b``: the partial ∂L/∂w or ∂L/∂b. ``L``: the loss.
        Or a whole label such as ``w_13^2``, or ``∂L/∂w_13^2``; then layer, j and k are left out.
    layer, j, k : int
        As in the labels, from 1.
    sample : int, optional
        From 1. For z, a and d of a batch it must be given; for w, b and L it asks for ∂L_i and L_i of that sample in
        place of the mean.
    digits : int
        Significant digits shown.

    Raises
    ------
    UnknownLabelError
        No such symbol, layer, neuron or sample.
    ValueError
        A batch whose sample is not named.
    """
    if sample is not None and (
        record.is_single or not isinstance(sample, (int, np.integer)) or not 1 <= sample <= len(record.y)
    ):
        held = "one input, without samples" if record.is_single else f"samples 1 … {len(record.y)}"
        raise UnknownLabelError(f"sample = {sample}: the record holds {held}")
    writer = _Writer(record, sample, _as_digits(digits))
    symbol = symbol_of(symbol) if isinstance(symbol, str) else symbol
    if symbol not in SYMBOLS and (layer, j, k) != (None, None, None):
        if symbol != "L" and isinstance(symbol, str) and "_" not in symbol:
            raise UnknownLabelError(f"unknown symbol {symbol!r}; the symbols are {', '.join(SYMBOLS)} and L")
        raise UnknownLabelError(f"{symbol!r} is a whole label: give its layer, j and k within it and not beside it")
    if symbol == "L":
        return writer.loss()
    if symbol in SYMBOLS:
        if layer is None or j is None:
            raise UnknownLabelError(f"{symbol} needs layer and j" + (" and k" if symbol == "w" else ""))
        label = Label(symbol, layer, j, k)
    else:
        label = (parse_partial(symbol) if isinstance(symbol, str) else None) or parse(symbol)
    record.layers.check_label(label)
    if label.symbol in "zad" and not record.is_single and sample is None:
        raise ValueError(f"{label} differs from sample to sample: give sample = 1 … {len(record.y)}")
    return writer.explain(label)


def _as_digits(digits: int) -> int:
    """Check a number of significant digits: 1 to 17, which is all that float64 has."""
    if as_count(digits, "digits") > 17:
        raise ValueError(f"digits must be at most 17, which is all that a number has, got {digits}")
    return int(digits)


Term = tuple[str, str]
"""A piece of an equation as (text, LaTeX)."""


class _Writer:
    """Writes the equations of one record, in the numbers of one sample or of the mean."""

    def __init__(self, record: Record, sample: int | None, digits: int) -> None:
        self.record = record
        self.sample = sample
        self.digits = digits

    def explain(self, label: Label) -> Explanation:
        write: dict[str, Callable[[Label], Explanation]] = {
            "z": self.pre_activation,
            "a": self.activation,
            "d": self.delta,
            "w": self.partial,
            "b": self.partial,
        }
        return write[label.symbol](label)

    # numbers and labels

    def value(self, label: Label, sample: int | None = None) -> float:
        """The number that a label names; z, a and d of the writer's sample unless another is given."""
        record, sample = self.record, self.sample if sample is None else sample
        if label.symbol in "wb":
            source = record.layers.W if label.symbol == "w" else record.layers.b
            return float(source[label.layer][label.index])
        array = {"z": record.z, "a": record.a, "d": record.d}[label.symbol][label.layer]
        return float(array[label.index] if record.is_single or sample is None else array[sample - 1][label.index])

    def target(self, j: int) -> float:
        y = self.record.y
        return float(y[j - 1] if self.record.is_single or self.sample is None else y[self.sample - 1, j - 1])

    def number(self, value: float, *, factor: bool = False) -> Term:
        """A rounded number; as a factor, in parentheses if negative."""
        text = f"{value + 0.0:.{self.digits}g}"  # + 0.0 makes -0 a 0
        latex = as_latex(text)
        return (f"({text})", f"({latex})") if factor and (value < 0 or "e" in text) else (text, latex)

    def products(self, pairs: Sequence[tuple[Label, Label]], sample: int | None = None) -> tuple[Term, Term]:
        """Σ of products, in symbols and in numbers; long sums leave out the middle."""
        shown: list[tuple[Label, Label] | None] = list(pairs)
        if len(shown) > _TERMS_SHOWN:
            shown = [*shown[:3], None, shown[-1]]
        symbols, numbers = [], []
        for pair in shown:
            if pair is None:
                symbols.append(("…", r"\cdots"))
                numbers.append(("…", r"\cdots"))
                continue
            u, v = pair
            symbols.append((f"{u} {v}", f"{u.latex} {v.latex}"))
            p, q = (self.number(self.value(factor, sample), factor=True) for factor in pair)
            numbers.append((f"{p[0]}·{q[0]}", rf"{p[1]} \cdot {q[1]}"))
        return _join(symbols, " + "), _join(numbers, " + ")

    # the equations

    def pre_activation(self, label: Label) -> Explanation:
        l, j = label.layer, label.j
        pairs = [(Label("w", l, j, k), Label("a", l - 1, k)) for k in range(1, self.record.layers.size(l - 1) + 1)]
        symbols, numbers = self.products(pairs)
        if self.record.layers.has_bias:
            bias = Label("b", l, j)
            symbols = _join([symbols, (bias.text, bias.latex)], " + ")
            numbers = _join([numbers, self.number(self.value(bias), factor=True)], " + ")
        return self._equation(label.text, label.latex, self.value(label), (symbols, numbers))

    def activation(self, label: Label) -> Explanation:
        l, j, value = label.layer, label.j, self.value(label)
        if l == 1:
            return self._equation(label.text, label.latex, value, ((f"x_{j}", f"x_{{{j}}}"),))
        sigma, z = self.record.layers.activations[l], Label("z", l, j)
        if sigma.elementwise:
            at = self.number(self.value(z))
            steps = ((f"σ({z})", rf"\sigma({z.latex})"), (f"σ({at[0]})", rf"\sigma({at[1]})"))
        else:
            layer_z, at = (f"z^{l}", f"z^{{{l}}}"), self._vector([Label("z", l, i) for i in self._neurons(l)])
            steps = (
                (f"σ_{j}({layer_z[0]})", rf"\sigma_{{{j}}}({layer_z[1]})"),
                (f"σ_{j}({at[0]})", rf"\sigma_{{{j}}}({at[1]})"),
            )
        return self._equation(label.text, label.latex, value, steps, (self._sigma_note(l),))

    def delta(self, label: Label) -> Explanation:
        l, j, value = label.layer, label.j, self.value(label)
        z = Label("z", l, j)
        if l == self.record.layers.F:
            return self._output_delta(label)
        pairs = [(Label("w", l + 1, i, j), Label("d", l + 1, i)) for i in self._neurons(l + 1)]
        symbols, numbers = self.products(pairs)
        slope = self._slope(l, j)
        return self._equation(label.text, label.latex, value, (
            (f"({symbols[0]}) · σ'({z})", rf"\left({symbols[1]}\right) \sigma'({z.latex})"),
            (f"({numbers[0]}) · {slope[0]}", rf"\left({numbers[1]}\right) \cdot {slope[1]}"),
        ), (self._sigma_prime_note(l),))  # fmt: skip

    def _output_delta(self, label: Label) -> Explanation:
        record, l, j, value = self.record, label.layer, label.j, self.value(label)
        loss, sigma = record.loss_function, record.layers.activations[l]
        a, z, m = Label("a", l, j), Label("z", l, j), record.layers.size(l)
        if pair := canonical_pair(loss, sigma):
            symbols = _at_output(pair.delta_formula, pair.delta_latex, a.text, a.latex, f"y_{j}", f"y_{{{j}}}", m)
            p, q = self.number(self.value(a)), self.number(self.target(j), factor=True)
            numbers = _at_output(pair.delta_formula, pair.delta_latex, *p, *q, m)
            note = f"(1) collapsed: {loss} with {sigma}"
            return self._equation(
                label.text, label.latex, value, (symbols, numbers), ((note, rf"\text{{{_escape(note)}}}"),)
            )
        slope_of_loss = [self._loss_slope(i) for i in self._neurons(l)]
        if sigma.elementwise:
            slope = self._slope(l, j)
            symbols = _at_output(loss.gradient_formula, loss.gradient_latex, a.text, a.latex, f"y_{j}", f"y_{{{j}}}", m)
            at = self.number(slope_of_loss[j - 1], factor=True)
            p, q = self.number(self.value(a)), self.number(self.target(j), factor=True)
            numbers = _at_output(loss.gradient_formula, loss.gradient_latex, *p, *q, m)
            steps: tuple[Term, ...] = (
                (f"∂L/∂{a} · σ'({z})", rf"\frac{{\partial L}}{{\partial {a.latex}}} \, \sigma'({z.latex})"),
                (f"[{symbols[0]}] · σ'({z})", rf"\left[{symbols[1]}\right] \sigma'({z.latex})"),
                (f"[{numbers[0]}] · {slope[0]}", rf"\left[{numbers[1]}\right] \cdot {slope[1]}"),
                (f"{at[0]} · {slope[0]}", rf"{at[1]} \cdot {slope[1]}"),
            )
            if "user-made" in loss.written("gradient")[0]:
                steps = steps[0], steps[-1]
        else:
            jacobian = sigma.derivative(self._row(self.record.z[l]))[:, j - 1]
            terms = [
                (f"{u[0]}·{v[0]}", rf"{u[1]} \cdot {v[1]}")
                for u, v in (
                    (self.number(float(g), factor=True), self.number(float(s), factor=True))
                    for g, s in zip(slope_of_loss, jacobian, strict=True)
                )
            ]
            if len(terms) > _TERMS_SHOWN:
                terms = [*terms[:3], ("…", r"\cdots"), terms[-1]]
            steps = (
                (f"Σ_k ∂L/∂a_k^{l} · ∂a_k^{l}/∂{z}",
                 rf"\sum_k \frac{{\partial L}}{{\partial a_k^{{{l}}}}} "
                 rf"\frac{{\partial a_k^{{{l}}}}}{{\partial {z.latex}}}"),
                _join(terms, " + "),
            )  # fmt: skip
        notes = (
            (f"{loss}: L is user-made", r"L \text{ user-made}")
            if loss.written("")[0] == "user-made"
            else (f"{loss}: L = {loss.formula}", rf"L = {loss.written('')[1]}"),
            self._sigma_prime_note(l),
        )
        return self._equation(label.text, label.latex, value, steps, notes)

    def partial(self, label: Label) -> Explanation:
        """∂L/∂w = a d (3) and ∂L/∂b = d (4), of one sample or as the mean."""
        record = self.record
        d = Label("d", label.layer, label.j)
        before = Label("a", label.layer - 1, label.k) if label.k is not None else None
        symbols = (f"{before} {d}", f"{before.latex} {d.latex}") if before else (d.text, d.latex)
        L = "L" if record.is_single else f"L_{self.sample}" if self.sample is not None else "L_T"
        penalised = bool(record.penalty) and before is not None and self.sample is None
        value = self._partial_value(label, d, before)

        def one(sample: int | None) -> Term:
            if before is None:
                return self.number(self.value(d, sample), factor=not record.is_single and self.sample is None)
            q = self.number(self.value(d, sample), factor=True)
            p = self.number(self.value(before, sample), factor=True)
            return f"{p[0]}·{q[0]}", rf"{p[1]} \cdot {q[1]}"

        if record.is_single or self.sample is not None:
            steps = [symbols, one(self.sample)]
        else:
            n = len(record.y)
            shown = elided(n, _TERMS_SHOWN, 3)
            terms = [("…", r"\cdots") if i is None else self._weighted(i, one(i)) for i in shown]
            total = _join(terms, " + ")
            if self._is_even:
                steps = [
                    (f"(1/n) Σ_i {symbols[0]}", rf"\frac1n \sum_i {symbols[1]}"),
                    (f"(1/{n}) ({total[0]})", rf"\frac{{1}}{{{n}}} \left({total[1]}\right)"),
                ]
            else:
                steps = [(f"Σ_i s_i {symbols[0]}", rf"\sum_i s_i {symbols[1]}"), total]
        if penalised:
            steps = [_join([step, extra], " + ") for step, extra in zip(steps, self._penalty_terms(label), strict=True)]
        quantity = (f"∂{L}/∂{label}", rf"\frac{{\partial {L}}}{{\partial {label.latex}}}")
        return self._equation(*quantity, value, tuple(steps), self._share_notes())

    def _share_notes(self) -> list[Term]:
        """What s_i is, where it occurs."""
        if self.record.is_single or self.sample is not None or self._is_even:
            return []
        words = "the share of sample i: its sample weight over the sum of all"
        return [(f"s_i {words}", rf"s_i \text{{ {words}}}")]

    @property
    def _is_even(self) -> bool:
        return bool((self.record.share == self.record.share[0]).all())

    def _partial_value(self, label: Label, d: Label, before: Label | None) -> float:
        if self.sample is not None:
            return self.value(d) * (1.0 if before is None else self.value(before))
        gradient = self.record.gradient
        return float((gradient.W if before else gradient.b)[label.layer][label.index])

    def _weighted(self, i: int, term: Term) -> Term:
        if self._is_even:
            return term
        share = self.number(float(self.record.share[i - 1]))
        return f"{share[0]}·{term[0]}", rf"{share[1]} \cdot {term[1]}"

    def _penalty_terms(self, label: Label) -> tuple[Term, Term]:
        penalty, w = self.record.penalty, self.value(label)
        symbols, numbers = [], []
        if penalty.l2:
            symbols.append((f"λ₂ {label}", rf"\lambda_2 {label.latex}"))
            p, q = self.number(penalty.l2), self.number(w, factor=True)
            numbers.append((f"{p[0]}·{q[0]}", rf"{p[1]} \cdot {q[1]}"))
        if penalty.l1:
            symbols.append((f"λ₁ sign({label})", rf"\lambda_1 \operatorname{{sign}}({label.latex})"))
            p, q = self.number(penalty.l1), self.number((w > 0) - (w < 0), factor=True)
            numbers.append((f"{p[0]}·{q[0]}", rf"{p[1]} \cdot {q[1]}"))
        return _join(symbols, " + "), _join(numbers, " + ")

    def loss(self) -> Explanation:
        record, row = self.record, self.record.loss_function
        m = record.layers.size(record.layers.F)
        notes = [(f"{row}, m = {m} output{'s' if m > 1 else ''}", f"m = {m}")]
        if record.is_single or self.sample is not None:
            value = float(record.losses if self.sample is None else record.losses[self.sample - 1])
            name, steps = "L" if record.is_single else f"L_{self.sample}", [(row.formula, row.latex)]
            steps += self._loss_in_numbers()
        else:
            value, name = record.loss - record.penalty.value(record.layers.W), "L_T"
            n = len(record.y)
            losses = [
                ("…", r"\cdots") if i is None else self._weighted(i, self.number(float(record.losses[i - 1])))
                for i in elided(n, _TERMS_SHOWN, 3)
            ]
            total = _join(losses, " + ")
            if self._is_even:
                steps = [
                    ("(1/n) Σ_i L_i", r"\frac1n \sum_i L_i"),
                    (f"(1/{n}) ({total[0]})", rf"\frac{{1}}{{{n}}} \left({total[1]}\right)"),
                ]
            else:
                steps = [("Σ_i s_i L_i", r"\sum_i s_i L_i"), total]
        if record.penalty and self.sample is None:
            value_without, value = value, record.loss
            extra = self._penalty_symbols(), self._penalty_numbers()
            numbers = steps[1] if len(steps) > 1 else self.number(value_without)
            steps = [_join([steps[0], extra[0]], " + "), _join([numbers, extra[1]], " + ")]
            notes.append(("w: the weights of the network", r"w \text{: the weights of the network}"))
        return self._equation(name, name, value, steps, [*notes, *self._share_notes()])

    def _penalty_symbols(self) -> Term:
        penalty = self.record.penalty
        parts = [("(λ₂/2) Σ w²", r"\frac{\lambda_2}{2} \sum w^2")] if penalty.l2 else []
        parts += [("λ₁ Σ |w|", r"\lambda_1 \sum |w|")] if penalty.l1 else []
        return _join(parts, " + ")

    def _penalty_numbers(self) -> Term:
        penalty, W = self.record.penalty, list(self.record.layers.W)
        parts = []
        if penalty.l2:
            factor, total = self.number(penalty.l2), self.number(sum(float((w * w).sum()) for w in W))
            parts.append((f"({factor[0]}/2)·{total[0]}", rf"\frac{{{factor[1]}}}{{2}} \cdot {total[1]}"))
        if penalty.l1:
            factor, total = self.number(penalty.l1), self.number(sum(float(np.abs(w).sum()) for w in W))
            parts.append((f"{factor[0]}·{total[0]}", rf"{factor[1]} \cdot {total[1]}"))
        return _join(parts, " + ")

    def _loss_in_numbers(self) -> list[Term]:
        """The sum over the outputs with its numbers put in; the middle of many outputs is left out."""
        row, F = self.record.loss_function, self.record.layers.F
        m = self.record.layers.size(F)
        found = [re.fullmatch(pattern, form) for pattern, form in zip(_SUMS, (row.formula, row.latex), strict=True)]
        if found[0] is None or found[1] is None:
            return []
        terms = []
        for j in elided(m, _TERMS_SHOWN, 3):
            if j is None:
                terms.append(("…", r"\cdots"))
            elif " if " in row.formula:
                terms.append(self.number(self._loss_of_output(j, m)))
            else:
                a, y = self.number(self.value(Label("a", F, j)), factor=True), self.number(self.target(j), factor=True)
                terms.append(
                    (_with_numbers(found[0][2], a[0], y[0], "·"), _with_numbers(found[1][2], a[1], y[1], r" \cdot "))
                )
        total = _join(terms, " + ")
        fronts = found[0][1].replace("/m)", f"/{m})"), re.sub(r"\\frac(\d)m", rf"\\frac{{\1}}{{{m}}}", found[1][1])
        if m == 1 and "/m)" in found[0][1]:
            return [total]
        return [(f"{fronts[0]}({total[0]})", rf"{fronts[1]}\left({total[1]}\right)")]

    def _loss_of_output(self, j: int, m: int) -> float:
        """What one output adds to the sum: the loss if all others were as they should be."""
        a, y = self._row(self.record.a[self.record.layers.F]), self._row(self.record.y)
        only = y.copy()
        only[j - 1] = a[j - 1]
        one = float(self.record.loss_function.function(only[None], y[None])[0])
        return one * m if "/m)" in self.record.loss_function.formula else one

    # helpers

    def _equation(
        self, quantity: str, latex: str, value: float, steps: Sequence[Term], notes: Sequence[Term] = ()
    ) -> Explanation:
        steps = list(steps)
        result = self.number(value)
        if steps[-1] != result:
            steps.append(result)
        return Explanation(quantity, latex, tuple(steps), value, tuple(notes))

    def _neurons(self, layer: int) -> range:
        return range(1, self.record.layers.size(layer) + 1)

    def _row(self, array: Array) -> Array:
        """The part of an array by sample that belongs to the writer's sample."""
        return array if self.record.is_single or self.sample is None else array[self.sample - 1]

    def _slope(self, layer: int, j: int) -> Term:
        """σ'(z_j^l) as a number."""
        sigma = self.record.layers.activations[layer]
        return self.number(float(sigma.derivative(self._row(self.record.z[layer]))[j - 1]), factor=True)

    def _loss_slope(self, j: int) -> float:
        """∂L/∂a_j at the output."""
        record = self.record
        a, y = self._row(record.a[record.layers.F]), self._row(record.y)
        return float(record.loss_function.gradient(a[None], y[None])[0, j - 1])

    def _vector(self, labels: Sequence[Label]) -> Term:
        shown = [self.number(self.value(label)) for label in labels]
        if len(shown) > _TERMS_SHOWN:
            shown = [*shown[:3], ("…", r"\ldots"), shown[-1]]
        return _join(shown, ", ")

    def _sigma_note(self, layer: int) -> Term:
        sigma = self.record.layers.activations[layer]
        text, latex = sigma.written("")
        form = "σ(z)" if sigma.elementwise else "σ_j(z)"
        if text == "user-made":
            return f"{sigma}: {form} is user-made", r"\sigma \text{ user-made}"
        return f"{sigma}: {form} = {text}", rf"\sigma(z) = {latex}"

    def _sigma_prime_note(self, layer: int) -> Term:
        sigma = self.record.layers.activations[layer]
        text, latex = sigma.written("derivative")
        if text == "user-made":
            return f"{sigma}: σ'(z) is user-made", r"\sigma' \text{ user-made}"
        if not sigma.elementwise:
            return f"{sigma}: {text}", latex
        return f"{sigma}: σ'(z) = {text}", rf"\sigma'(z) = {latex}"


def as_latex(number: str) -> str:
    """Return a number as LaTeX."""
    power = re.sub(r"e([+-])0*(\d+)", lambda m: rf" \cdot 10^{{{'-' if m[1] == '-' else ''}{m[2]}}}", number)
    return power.replace("inf", r"\infty").replace("nan", r"\text{nan}")


def _join(terms: Sequence[Term], separator: str) -> Term:
    return separator.join(text for text, _ in terms), separator.join(latex for _, latex in terms)


def _escape(text: str) -> str:
    return text.replace("_", r"\_")


_SUMS = r"(.*?)Σ_j (.*)", r"(.*?)\\sum_j (.*)"
"""A loss as a sum over the outputs: what comes before the sum, and its term."""


def _with_numbers(term: str, a: str, y: str, times: str) -> str:
    """Put numbers in place of a_j and y_j; what was a product by writing needs its sign."""
    ln = r"\ln" if "\\" in times else "ln"
    term = term.replace(f"y_j {ln}", f"y_j{times}{ln}").replace(f") {ln}", f"){times}{ln}")
    term = term.replace(f"{ln} a_j", f"{ln}({a})" if not a.startswith("(") else f"{ln}{a}")
    term = re.sub(r"(?<![a-zA-Z])a_j", lambda _: a, term)
    return re.sub(r"(?<![a-zA-Z])y_j", lambda _: y, term)


def _at_output(formula: str, latex: str, a: str, a_latex: str, y: str, y_latex: str, m: int) -> Term:
    """A loss's slope, written for output j, as in ``(2/m) (a_j - y_j)``, with its symbols put in."""
    text = re.sub(r"\ba_j\b", lambda _: a, formula)
    text = re.sub(r"\by_j\b", lambda _: y, text).replace("/m)", f"/{m})")
    tex = re.sub(r"(?<![a-zA-Z])a_j", lambda _: a_latex, latex)
    tex = re.sub(r"(?<![a-zA-Z])y_j", lambda _: y_latex, tex)
    return text, re.sub(r"\\frac(\d)m", rf"\\frac{{\1}}{{{m}}}", tex)
