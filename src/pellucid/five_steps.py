"""The five steps of one sample, written out with every number: what a run prints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from pellucid.arrays import Array
from pellucid.backprop import Record
from pellucid.errors import UnknownLabelError
from pellucid.explanation import Explanation, as_latex, explain
from pellucid.losses import Loss, canonical_pair
from pellucid.notation import Label, elided, elided_layers

if TYPE_CHECKING:
    from pellucid.activations import Activation
    from pellucid.document import Block, Document
    from pellucid.drawing import Drawing

_SHOWN = 6
"""Neurons or weights of a layer that are written out unless all are asked for."""

_SAMPLES = 12
"""Samples of a batch whose losses are listed; of more the first ones and the last."""

_TITLES = {
    "input": ("1 Input: a^1 = x", r"1 Input: $a^1 = x$"),
    "feedforward": (
        "2 Feedforward: z^l = W^l a^{l-1} + b^l, a^l = σ(z^l)",
        r"2 Feedforward: $z^l = W^l a^{l-1} + b^l$, $a^l = \sigma(z^l)$",
    ),
    "output": (
        "3 Output (1): d^F = ∇_a L ⊙ σ'(z^F)",
        r"3 Output (1): $d^F = \nabla_a L \odot \sigma'(z^F)$",
    ),
    "canonical": (
        "3 Output (1), which collapses for {pair}: d^F = {delta}",
        r"3 Output (1), which collapses for {pair}: $d^F_j = {delta_latex}$",
    ),
    "jacobian": (
        "3 Output (1), where σ' is a Jacobian J: d^F = J^T ∇_a L",
        r"3 Output (1), where $\sigma'$ is a Jacobian $J$: $d^F = J^T \nabla_a L$",
    ),
    "backpropagate": (
        "4 Backpropagate (2): d^l = ((W^{l+1})^T d^{l+1}) ⊙ σ'(z^l)",
        r"4 Backpropagate (2): $d^l = ((W^{l+1})^T d^{l+1}) \odot \sigma'(z^l)$",
    ),
    "gradient": (
        "5 Gradient (3), (4): ∂L/∂w_jk^l = a_k^{l-1} d_j^l, ∂L/∂b_j^l = d_j^l",
        r"5 Gradient (3), (4): $\partial L/\partial w_{jk}^l = a_k^{l-1} d_j^l$, $\partial L/\partial b_j^l = d_j^l$",
    ),
    "batch": (
        "5 Gradient (3), (4): ∂L_{i}/∂w_jk^l = a_k^{{l-1}} d_j^l, ∂L_{i}/∂b_j^l = d_j^l; "
        "∂L_T/∂w_jk^l and ∂L_T/∂b_j^l, {mean}",
        r"5 Gradient (3), (4): $\partial L_{{{i}}}/\partial w_{{jk}}^l = a_k^{{l-1}} d_j^l$, "
        r"$\partial L_{{{i}}}/\partial b_j^l = d_j^l$; "
        r"$\partial L_T/\partial w_{{jk}}^l$ and $\partial L_T/\partial b_j^l$, {mean}",
    ),
    "feedforward without biases": (
        "2 Feedforward: z^l = W^l a^{l-1}, a^l = σ(z^l)",
        r"2 Feedforward: $z^l = W^l a^{l-1}$, $a^l = \sigma(z^l)$",
    ),
    "gradient without biases": (
        "5 Gradient (3): ∂L/∂w_jk^l = a_k^{l-1} d_j^l",
        r"5 Gradient (3): $\partial L/\partial w_{jk}^l = a_k^{l-1} d_j^l$",
    ),
    "batch without biases": (
        "5 Gradient (3): ∂L_{i}/∂w_jk^l = a_k^{{l-1}} d_j^l; ∂L_T/∂w_jk^l, {mean}",
        r"5 Gradient (3): $\partial L_{{{i}}}/\partial w_{{jk}}^l = a_k^{{l-1}} d_j^l$; "
        r"$\partial L_T/\partial w_{{jk}}^l$, {mean}",
    ),
}
"""The heading of each step as text and as markup; step 3 has three cases, step 5 has two, and some another form."""


class _Group(NamedTuple):
    """The equations of one quantity in one layer; of many the middle is left out, before the last."""

    explanations: tuple[Explanation, ...]
    means: tuple[Explanation, ...] = ()
    """Of a batch's partials: the mean that belongs to each."""
    left_out: int = 0
    in_lines: bool = False
    """Whether each equation takes a line for its symbols, one for its numbers, and one for the result."""
    is_set_off: bool = False
    """Whether an empty line comes before it in plain text."""
    layers_left_out: str = ""
    """In place of equations: which layers they would be of."""


class _Step(NamedTuple):
    title: str
    markup: str
    groups: tuple[_Group, ...]


class FiveSteps:
    """The five steps of one sample of a record.

    Parameters
    ----------
    record : Record
    sample : int
        Of a batch, from 1: whose numbers are shown. Step 5 has the mean gradient too.
    digits : int in [1, 17]
        Significant digits shown.
    every : bool
        Write out every neuron and weight; otherwise at most six for each quantity of a layer.

    Raises
    ------
    UnknownLabelError
        There is no such sample.
    """

    def __init__(self, record: Record, *, sample: int = 1, digits: int = 6, every: bool = False) -> None:
        n = 1 if record.is_single else len(record.y)
        if not 1 <= sample <= n:
            held = "one input" if record.is_single else f"samples 1 … {n}"
            raise UnknownLabelError(f"sample = {sample}: the record holds {held}")
        self.record, self.digits, self.every, self.n = record, digits, every, n
        self.sample = None if record.is_single else sample

    @cached_property
    def steps(self) -> tuple[_Step, ...]:
        """The steps with their equations."""
        return tuple(self._steps())

    @property
    def title(self) -> str:
        """Through which network, and of which sample of a batch."""
        title = f"Backpropagation through {self.record.layers.sizes_text}"
        return title if self.sample is None else f"{title}, sample {self.sample} of {self.n}"

    # the steps

    def _steps(self) -> Iterator[_Step]:
        layers, F, loss = self.record.layers, self.record.layers.F, self.record.loss_function
        shown = [*range(1, F + 1)] if self.every else elided_layers(F)
        self._left_out = _range_left_out(shown)
        all_layers = shown[1:]
        hidden = shown[-2:0:-1]
        sigma = layers.activations[F]
        yield self._step("input", [self._group("a", 1)])
        of_losses = (None,) if self.sample is None else (self.sample, None)  # a sample's own, then the total
        totals = tuple(explain(self.record, "L", sample=one, digits=self.digits) for one in of_losses)
        forward = self._groups("za", all_layers)
        yield self._step("feedforward", [*forward, _Group(totals, is_set_off=True)])
        pair = canonical_pair(loss, sigma)
        if pair is not None:
            who = f"{loss} with {sigma}"
            words = {"pair": who, "delta": pair.delta_formula, "delta_latex": pair.delta_latex}
            yield self._step("canonical", [self._group("d", F)], words)
        else:
            yield self._step("output" if sigma.elementwise else "jacobian", [self._group("d", F)])
        if F > 2:
            yield self._step("backpropagate", self._groups("d", hidden))
        gradients = self._groups("wb", all_layers)
        if self.sample is None:
            yield self._step("gradient", gradients)
        else:
            yield self._step("batch", gradients, {"i": self.sample, "mean": self._mean()})

    def _mean(self) -> str:
        """What the gradient of a batch is."""
        is_even = bool((self.record.share == self.record.share[0]).all())
        mean = f"the {'' if is_even else 'weighted '}mean over all {self.n} samples"
        return f"{mean}, penalty included" if self.record.penalty else mean

    def _step(self, kind: str, groups: Sequence[_Group], words: Mapping[str, object] | None = None) -> _Step:
        other = f"{kind} without biases"
        title, markup = _TITLES[other if other in _TITLES and not self.record.layers.has_bias else kind]
        if words is not None:
            title, markup = title.format(**words), markup.format(**words)
        return _Step(title, markup, tuple(groups))

    def _groups(self, symbols: str, layers: Iterable[int | None]) -> list[_Group]:
        """The groups of these layers, and in place of None which layers are left out."""
        found = []
        for l in layers:
            if l is None:
                found.append(_Group((), layers_left_out=self._left_out))
            else:
                found += [group for group in (self._group(symbol, l) for symbol in symbols) if group.explanations]
        return found

    def _group(self, symbol: str, layer: int) -> _Group:
        layers = self.record.layers
        if symbol == "b" and layer not in dict(layers.b.items()):
            return _Group(())  # a layer without biases
        columns = layers.size(layer - 1) if symbol == "w" else 1
        count = layers.size(layer) * columns
        places = range(count) if self.every or count <= _SHOWN else [*range(_SHOWN - 1), count - 1]
        labels = [
            Label(symbol, layer, place // columns + 1, place % columns + 1 if symbol == "w" else None)
            for place in places
        ]
        found = [explain(self.record, label, sample=self.sample, digits=self.digits) for label in labels]
        has_means = self.sample is not None and symbol in "wb"
        means = [explain(self.record, label, digits=self.digits) for label in labels] if has_means else []
        return _Group(tuple(found), tuple(means), count - len(labels), in_lines=symbol in "zd")

    # as text

    def text(self, hint: str = "") -> str:
        """Return them as plain text, with a hint of how to see what is left out."""
        lines = [self.title, *self._definitions()]
        for step in self.steps:
            lines += ["", step.title]
            for group in step.groups:
                lines += ["", *self._lines(group, hint)] if group.is_set_off else self._lines(group, hint)
        return "\n".join(lines)

    def _lines(self, group: _Group, hint: str) -> Iterator[str]:
        if group.layers_left_out:
            yield f"  … {group.layers_left_out}{hint}"
        last = len(group.explanations) - 1
        for i, explanation in enumerate(group.explanations):
            if group.left_out and i == last:
                yield f"  … {group.left_out} more{hint}"
            if not group.in_lines:
                mean = f"; {group.means[i].quantity} = {group.means[i].steps[-1][0]}" if group.means else ""
                yield f"  {explanation.line}{mean}"
                continue
            yield from (f"  {line}" for line in explanation.text.split("\n") if not line.startswith("    with"))

    def _definitions(self) -> Iterator[str]:
        """Say what σ, σ' and L are, once, and what the losses of a batch are and how they count."""
        loss, m = self.record.loss_function, self.record.layers.size(self.record.layers.F)
        if loss.written("")[0] == "user-made":
            yield f"  loss {loss}: user-made, m = {m}"
        else:
            yield f"  loss {loss}: L = {loss.formula}, ∂L/∂a_j = {loss.gradient_formula}, m = {m}"
        yield f"  target y = ({self._target()})"
        for numbers in self._rows():
            row = self.record.layers.activations[numbers[0]]
            formula, slope = row.written("")[0], row.written("derivative")[0]
            left = "σ'(z) = " if row.elementwise else ""
            is_own = formula == slope == "user-made"
            yield f"  {_named(numbers)} {row}: {'user-made' if is_own else f'σ(z) = {formula}, {left}{slope}'}"
        for text, _ in self._of_batch():
            yield f"  {text}"

    def _of_batch(self) -> Iterator[tuple[str, str]]:
        """What L_T is made of, as text and as markup: the samples' shares and losses, and the penalty's factors."""
        record = self.record
        if self.sample is not None:
            shown = elided(self.n, _SAMPLES, _SAMPLES - 2)
            if not (record.share == record.share[0]).all():
                yield self._listed("sample weights, as shares s_i of their sum", "s", record.share, shown)
            yield self._listed("losses of the samples", "L", record.losses, shown)
        found = [
            (f"{text} = {value:.{self.digits}g}", f"${latex} = {as_latex(f'{value:.{self.digits}g}')}$")
            for text, latex, value in (("λ₂", r"\lambda_2", record.penalty.l2), ("λ₁", r"\lambda_1", record.penalty.l1))
            if value
        ]
        if found:
            texts, markups = zip(*found, strict=True)
            yield (
                f"penalty of the network's weights w: {', '.join(texts)}",
                (f"penalty of the network's weights $w$: {', '.join(markups)}"),
            )

    def _listed(self, title: str, symbol: str, values: Array, shown: Sequence[int | None]) -> tuple[str, str]:
        numbers = [(i, "" if i is None else f"{float(values[i - 1]) + 0.0:.{self.digits}g}") for i in shown]
        text = ", ".join("…" if i is None else f"{symbol}_{i} = {number}" for i, number in numbers)
        markup = ", ".join("…" if i is None else f"${symbol}_{{{i}}} = {as_latex(number)}$" for i, number in numbers)
        return f"{title}: {text}", f"{title.replace('s_i', '$s_i$')}: {markup}"

    def _target(self) -> str:
        y = self.record.y if self.sample is None else self.record.y[self.sample - 1]
        return ", ".join(f"{v:g}" for v in y[:_SHOWN].tolist()) + (", …" if len(y) > _SHOWN else "")

    def _rows(self) -> list[list[int]]:
        """The layers that share an activation."""
        by_row: dict[str, list[int]] = {}
        for l, sigma in self.record.layers.activations.items():
            by_row.setdefault(str(sigma), []).append(l)
        return list(by_row.values())

    # as a document

    def drawing(self) -> Drawing:
        """Draw the network with the numbers of the sample: activations, and weights if they are few."""
        from pellucid.drawing import draw

        show = "aw" if self._draws_weights else "a"
        return draw(self.record.layers, show=show, run=self.record, sample=self.sample)

    @property
    def _draws_weights(self) -> bool:
        """Whether their numbers can be read on paper."""
        return self.record.layers.F <= 5 and max(array.size for _, array in self.record.layers.W.items()) <= 24

    def document(self) -> Document:
        """Return them as a document, with the network drawn above them."""
        from pellucid.document import Document, Figure, Heading, Items

        shown = "activations and weights" if self._draws_weights else "activations"
        blocks: list[Block] = [
            Figure(self.drawing(), f"The network with its {shown}"),
            Items(self._definition_items()),
        ]
        for step in self.steps:
            blocks.append(Heading(2, step.markup))
            for group in step.groups:
                blocks += self._equations(group)
        return Document(self.title, tuple(blocks))

    def _definition_items(self) -> tuple[str, ...]:
        """Say the same as markup."""
        from pellucid.document import escape

        loss, m = self.record.loss_function, self.record.layers.size(self.record.layers.F)
        target = self._target().replace("…", r"\ldots")

        def defined(row: Activation | Loss, what: str, left: str) -> str:
            text, latex = row.written(what)
            if latex != r"\text{user-made}":
                return f"${left}{latex}$"
            return f"${left.rstrip(' =')}$ is user-made" if text == "user-made" else f"${left.strip()}$ {escape(text)}"

        items = [f"loss {escape(str(loss))}: {defined(loss, '', 'L = ')}, $m = {m}$", f"target $y = ({target})$"]
        for numbers in self._rows():
            row = self.record.layers.activations[numbers[0]]
            both = defined(row, "", r"\sigma(z) = "), defined(row, "derivative", r"\sigma'(z) = " * row.elementwise)
            said = "user-made" if all(one.endswith("is user-made") for one in both) else ", ".join(both)
            items.append(f"{_named(numbers)} {escape(str(row))}: {said}")
        items += [markup for _, markup in self._of_batch()]
        return tuple(items)

    def _equations(self, group: _Group) -> Iterator[Block]:
        from pellucid.document import Equation, Paragraph

        if group.layers_left_out:
            yield Paragraph(f"… {group.layers_left_out}")
        rows: list[tuple[str, str]] = []
        last = len(group.explanations) - 1
        for i, one in enumerate(group.explanations):
            if group.left_out and i == last:
                rows.append((r"&\ \,\vdots", f"& … {group.left_out} more"))
            if group.in_lines:
                sides = [(one.quantity_latex, one.quantity), *[("", "")] * (len(one.steps) - 1)]
                rows += [
                    (f"{left[0]} &= {latex}", f"{left[1]} &= {text}")
                    for left, (text, latex) in zip(sides, one.steps, strict=True)
                ]
            else:
                text, latex = (" = ".join(form) for form in zip(*one.steps, strict=True))
                if group.means:
                    mean = group.means[i]
                    text += f"; {mean.quantity} = {mean.steps[-1][0]}"
                    latex += rf", \quad {mean.quantity_latex} = {mean.steps[-1][1]}"
                rows.append((f"{one.quantity_latex} &= {latex}", f"{one.quantity} &= {text}"))
        if rows:
            latexes, texts = zip(*rows, strict=True)
            yield Equation(latexes, texts)


def _range_left_out(shown: Sequence[int | None]) -> str:
    if None not in shown:
        return ""
    at = shown.index(None)
    before, after = shown[at - 1], shown[at + 1]
    assert before is not None
    assert after is not None
    return f"layers {before + 1} to {after - 1}"


def _named(layers: Sequence[int]) -> str:
    """Name layers: those in a row by their first and their last, and of many others only some."""
    if len(layers) > 2 and layers[-1] - layers[0] == len(layers) - 1:
        return f"layers {layers[0]} to {layers[-1]}"
    shown = list(map(str, layers)) if len(layers) <= 8 else [*map(str, layers[:5]), "…", str(layers[-1])]
    return f"layer{'s' if len(layers) > 1 else ''} {', '.join(shown)}"
