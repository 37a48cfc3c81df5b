"""A gradient as text and as a document: its norms by layer, and small matrices in full."""

from __future__ import annotations

import numpy as np

from pellucid.arrays import Array
from pellucid.backprop import Gradient
from pellucid.document.blocks import Block, Equation, Paragraph, Table
from pellucid.document.documents import Document
from pellucid.document.rendering import plain
from pellucid.explanation import as_latex
from pellucid.notation import Label, elided_layers

_LARGEST = 8
"""Rows and columns of a matrix that is shown in full."""


def _number(value: float) -> str:
    return f"{value + 0.0:.4g}"


def _arrays(gradient: Gradient) -> list[tuple[int, Array]]:
    """W^2, b^2, W^3, …, each with its layer, of those that are shown; layers without biases have no b."""
    shown = elided_layers(max(gradient.W.keys()))
    pairs = [(l, array) for arrays in (gradient.W, gradient.b) for l, array in arrays.items() if l in shown]
    return sorted(pairs, key=lambda pair: (pair[0], -pair[1].ndim))


def _rows(gradient: Gradient, *, as_markup: bool) -> list[tuple[str, ...]]:
    """A row for each array: what it is, its shape, its norm, and its largest partial."""
    rows: list[tuple[str, ...]] = []
    before = 2
    for l, array in _arrays(gradient):
        if l > before + 1:
            rows.append(("…", "", "", ""))
        before = l
        symbol = "w" if array.ndim == 2 else "b"
        name = "W" if symbol == "w" else "b"
        at = np.unravel_index(int(np.abs(array).argmax()), array.shape)
        label = Label(symbol, l, *(int(i) + 1 for i in at))
        rows.append(
            (
                rf"$\partial L / \partial {name}^{{{l}}}$" if as_markup else f"∂L/∂{name}^{l}",
                " × ".join(map(str, array.shape)),
                _number(float(np.linalg.norm(array))),
                f"{_number(float(array[at]))} at {f'${label.latex}$' if as_markup else label}",
            )
        )
    return rows


_HEADER = ("partials", "shape", "norm", "largest")


def _headline(gradient: Gradient) -> str:
    norm = np.linalg.norm(gradient.vector)
    return f"{gradient.vector.size:,} partials of norm {norm:.6g}, loss {gradient.loss:.6g}"


def _small(gradient: Gradient) -> list[tuple[str, int, Array]]:
    """The arrays that are shown in full."""
    return [
        ("W", l, array) if array.ndim == 2 else ("b", l, array[:, np.newaxis])
        for l, array in _arrays(gradient)
        if max(array.shape) <= _LARGEST
    ]


def gradient_text(gradient: Gradient) -> str:
    """Return a gradient as plain text."""
    parts = [f"gradient: {_headline(gradient)}", plain([Table(_HEADER, tuple(_rows(gradient, as_markup=False)))])]
    for symbol, l, array in _small(gradient):
        cells = [[_number(float(value)) for value in row] for row in array]
        width = max(len(cell) for row in cells for cell in row)
        lines = ["  " + "  ".join(cell.rjust(width) for cell in row) for row in cells]
        parts.append("\n".join([f"∂L/∂{symbol}^{l}", *lines]))
    return "\n\n".join(parts)


def gradient_document(gradient: Gradient) -> Document:
    """Return a gradient as a document."""
    blocks: list[Block] = [Paragraph(_headline(gradient)), Table(_HEADER, tuple(_rows(gradient, as_markup=True)))]
    small = [
        rf"\frac{{\partial L}}{{\partial {symbol}^{{{l}}}}} = {_matrix(array)}" for symbol, l, array in _small(gradient)
    ]
    blocks += [Equation((rf"{row}",)) for row in small]
    return Document("Gradient", tuple(blocks))


def _matrix(array: Array) -> str:
    rows = (" & ".join(_latex_number(float(value)) for value in row) for row in array)
    return r"\begin{pmatrix} " + r" \\ ".join(rows) + r" \end{pmatrix}"


def _latex_number(value: float) -> str:
    return as_latex(_number(value))
