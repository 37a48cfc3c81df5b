"""Exercise 12: the five steps by hand on a small network, every z, a, d and partial asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from pellucid.arrays import Array
from pellucid.checking import keeps_apart
from pellucid.document import Block, Equation, Paragraph
from pellucid.network import Network, Run
from pellucid.notation import Label
from pellucid.symbolic.networks import matrix
from pellucid.worksheet.draws import Draws
from pellucid.worksheet.exercise import Exercise, Kind, Parameters
from pellucid.worksheet.fields import Field, Reading, entry

DIGITS = 3
"""Significant digits that are asked for."""


@dataclass(frozen=True, repr=False)
class RunField(Field):
    """A number of a run, which the checker judges.

    Attributes
    ----------
    run : Run
    label : Label
    """

    run: Run | None = field(default=None, repr=False, compare=False)
    label: Label | None = None


def _run(parameters: Parameters) -> Run:
    net = Network(tuple(parameters["sizes"]), "sigmoid", init=0.0, engine="numpy")
    for l in range(2, net.F + 1):
        net.W[l][:] = parameters["W"][l - 2]
        net.b[l][:] = parameters["b"][l - 2]
    return net.backprop(parameters["x"], parameters["y"], "mse")


def asked_labels(run: Run) -> list[Label]:
    """The quantities in the order in which they are worked out."""
    layers = run.layers
    F = layers.F
    order: list[Label] = []
    for l in range(2, F + 1):
        for symbol in "za":
            order += [label for label in layers.labels(symbol) if label.layer == l]
    for l in range(F, 1, -1):
        order += [label for label in layers.labels("d") if label.layer == l]
    for l in range(2, F + 1):
        for symbol in "wb":
            order += [label for label in layers.labels(symbol) if label.layer == l]
    return order


def _key(label: Label) -> str:
    return f"dL/d{label}" if label.symbol in "wb" else str(label)


def _latex(label: Label) -> str:
    return rf"\frac{{\partial L}}{{\partial {label.latex}}}" if label.symbol in "wb" else label.latex


_READING = Reading(functions={"σ": ("z", "1/(1 + e^(-z))")})
"""σ(-0.25) is a number too."""


def _build(parameters: Parameters) -> Exercise:
    run = _run(parameters)
    fields = []
    for label in asked_labels(run):
        value = f"{run.explain(label).value:#.{DIGITS}g}"
        fields.append(
            RunField(
                _key(label),
                _latex(label),
                "number",
                entry(value),
                value,
                reading=_READING,
                digits=DIGITS,
                run=run,
                label=label,
            )
        )
    sizes = "-".join(map(str, run.layers.sizes))
    return Exercise(
        12,
        "The five steps by hand",
        parameters,
        (
            Paragraph(
                rf"A {sizes} network with the sigmoid in every layer and the loss $L = \frac1m \sum_j (a_j - y_j)^2$ has"
            ),
            *(
                Equation((f"W^{{{l}}} = {_array(run.layers.W[l])}, \\quad b^{{{l}}} = {_array(run.layers.b[l])}",))
                for l in range(2, run.layers.F + 1)
            ),
            Paragraph(
                f"Work the five steps for $x = {_array(run.a[1])}$ and $y = {_number(float(run.y[0]))}$ to {DIGITS} significant "
                "digits; keep more on the way. Every $z_j^l$, $a_j^l$, $d_j^l$ and every partial is asked for."
            ),
        ),
        tuple(fields),
        tuple(_solution(run)),
        room=24,
    )


def _number(value: float) -> str:
    return f"{value:g}"


def _array(array: Array) -> str:
    rows: Sequence[Sequence[float]] = np.atleast_2d(array.T).T.tolist() if array.ndim == 1 else array.tolist()
    return matrix([[_number(value) for value in row] for row in rows])


def _solution(run: Run) -> Iterator[Block]:
    layers = run.layers
    labels = asked_labels(run)
    yield Paragraph("**1 Input.** $a^1 = x$.")
    yield Paragraph(r"**2 Feedforward.** $z^l = W^l a^{l-1} + b^l$, $a^l = \sigma(z^l)$.")
    yield _worked(run, [label for label in labels if label.symbol in "za"])
    total = run.explain("L", digits=DIGITS + 1)
    yield Equation((f"L &= {' = '.join(latex for _, latex in total.steps)}",))
    yield Paragraph(
        r"**3 Output.** $d^F = \nabla_a L \odot \sigma'(z^F)$ with $\sigma'(z) = \sigma(z) (1 - \sigma(z))$."
    )
    yield _worked(run, [label for label in labels if label.symbol == "d" and label.layer == layers.F])
    yield Paragraph(r"**4 Backpropagate.** $d^l = ((W^{l+1})^T d^{l+1}) \odot \sigma'(z^l)$.")
    yield _worked(run, [label for label in labels if label.symbol == "d" and label.layer < layers.F])
    yield Paragraph(
        r"**5 Gradient.** $\frac{\partial L}{\partial w_{jk}^l} = a_k^{l-1} d_j^l$, "
        r"$\frac{\partial L}{\partial b_j^l} = d_j^l$."
    )
    yield _worked(run, [label for label in labels if label.symbol in "wb"])


def _worked(run: Run, labels: Sequence[Label]) -> Equation:
    rows = []
    for label in labels:
        explanation = run.explain(label, digits=DIGITS + 1)
        steps = [latex for _, latex in explanation.steps]
        rows.append(f"{_latex(label)} &= {' = '.join(steps)}")
    return Equation(tuple(rows))


def _draw(draws: Draws, _: tuple[int, ...]) -> Parameters:
    sizes = draws.choice(((3, 2, 1), (2, 3, 1)))
    weights = (-2.5, -2, -1.5, -1, -0.5, 0.5, 1, 1.5, 2, 2.5)
    return {
        "sizes": sizes,
        "W": tuple(
            tuple(tuple(draws.choice(weights) for _ in range(before)) for _ in range(n))
            for before, n in pairwise(sizes)
        ),
        "b": tuple(tuple(draws.choice((-1, -0.5, 0.5, 1)) for _ in range(n)) for n in sizes[1:]),
        "x": tuple(draws.choice((-2, -1.5, -1, -0.5, 0.5, 1, 1.5, 2)) for _ in range(sizes[0])),
        "y": (draws.choice((0, 1)),),
    }


def _is_fit(exercise: Exercise) -> bool:
    """The numbers keep all mistakes apart, and none is too small to be worked out by hand."""
    first = exercise.fields[0]
    assert isinstance(first, RunField)
    assert first.run is not None
    run = first.run
    smallest = min(abs(run.explain(label).value) for label in asked_labels(run))
    saturated = max(abs(float(z)) for z_l in run.z for z in z_l)
    # Equal inputs, pre-activations or output weights, and a weight of 1, would let a mistake look right where they stand.
    last = run.layers.W[run.layers.F].ravel()
    differ = all(len(set(np.round(np.abs(one), 6))) == one.size for one in (run.a[1], run.z[2], last))
    differ = differ and not (np.abs(last) == 1).any()
    return smallest >= 0.002 and saturated <= 5 and differ and bool(keeps_apart(run, digits=DIGITS))


KINDS = (
    Kind(
        12,
        "The five steps by hand",
        {
            "sizes": (3, 2, 1),
            "W": (((0.5, -1, 1.5), (1, 0.5, -0.5)), ((1.5, -1),)),
            "b": ((0.5, -0.5), (1,)),
            "x": (1, 2, 0.5),
            "y": (1,),
        },
        _draw,
        _build,
        _is_fit,
    ),
)
