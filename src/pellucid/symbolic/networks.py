"""The equations of a network, written out: labels, matrices, components, and the four equations derived."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from pellucid.activations import Activation
from pellucid.document import Block, Document, Equation, Figure, Heading, Items, Paragraph
from pellucid.drawing import draw
from pellucid.hints import expect, hinted
from pellucid.layers import Layers
from pellucid.losses import Loss, as_loss, canonical_pair
from pellucid.notation import Label, elided
from pellucid.symbolic.functions import derive

WRITTEN_OUT = 8
"""Layers of more neurons are given by their general term."""


@hinted
def equations(network: Layers, loss: object = "mse") -> Document:
    """Write a network's equations: small layers in full, large ones by their general term.

    Parameters
    ----------
    network : Network
    loss : str or Loss

    Returns
    -------
    Document
        Labels; W^l and b^l; z^l = W^l a^{l-1} + b^l and its components; ∂z/∂w and ∂z/∂b; the Hadamard product; σ' and
        ∇_a L; the four equations derived from the chain rule, for a network of any size and then for this one; the
        total loss. A network without biases has z^l = W^l a^{l-1} and equations (1) to (3).

    Examples
    --------
    >>> import pellucid as pl
    >>> text = pl.symbolic.equations(pl.Network([3, 4, 2], seed=0)).text
    >>> "z_1^2 = w_11^2 a_1^1 + w_12^2 a_2^1 + w_13^2 a_3^1 + b_1^2" in text
    True
    """
    expect(network, Layers, "network", "a pl.Network", "pl.symbolic.equations(pl.Network([3, 4, 2]))")
    row = as_loss(loss)
    blocks: list[Block] = []
    for title, section in _SECTIONS:
        shown = title if network.has_bias else _TITLES_WITHOUT_BIASES.get(title, title)
        blocks += [Heading(2, shown), *section(network, row)]
    return Document(f"The equations of a {'-'.join(map(str, network.sizes))} network", tuple(blocks))


def matrix(entries: Sequence[Sequence[str]]) -> str:
    """Return a matrix of LaTeX entries."""
    return r"\begin{pmatrix} " + r" \\ ".join(" & ".join(row) for row in entries) + r" \end{pmatrix}"


def is_written_out(*sizes: int) -> bool:
    """Whether arrays of these sizes are shown entry by entry."""
    return max(sizes) <= WRITTEN_OUT


def weight_matrix(network: Layers, l: int) -> str:
    """Return W^l as a LaTeX matrix of its labels, the middle left out if it is large."""
    rows, columns = _shown(network.size(l)), _shown(network.size(l - 1))
    entries = []
    for j in rows:
        if j is None:
            entries.append([r"\ddots" if k is None else r"\vdots" for k in columns])
        else:
            entries.append([r"\cdots" if k is None else Label("w", l, j, k).latex for k in columns])
    return matrix(entries)


def column(network: Layers, symbol: str, l: int) -> str:
    """Return z^l, a^l, b^l or d^l as a LaTeX column of its labels."""
    return matrix([[r"\vdots" if j is None else Label(symbol, l, j).latex] for j in _shown(network.size(l))])


def _shown(n: int) -> list[int | None]:
    """The indices that are written: all, or the first, the second and the last."""
    return elided(n, WRITTEN_OUT, 2)


def pre_activation(network: Layers, l: int, j: int) -> str:
    """Return the right-hand side of z_j^l, term by term."""
    terms = [
        r"\cdots" if k is None else f"{Label('w', l, j, k).latex} {Label('a', l - 1, k).latex}"
        for k in _shown(network.size(l - 1))
    ]
    return " + ".join([*terms, *([Label("b", l, j).latex] if network.has_bias else [])])


def _in_matrices(network: Layers) -> str:
    return "z^l = W^l a^{l-1}" + (" + b^l" if network.has_bias else "")


def _each(network: Layers, l: int, row: Callable[[int], str]) -> Iterator[str]:
    for j in _shown(network.size(l)):
        yield r"&\ \,\vdots" if j is None else row(j)


# the sections


def _labels(network: Layers, _: Loss) -> Iterator[Block]:
    F = network.F
    yield Figure(draw(network), "The network with its activations")
    yield Paragraph(
        f"Layers count from 1, the input, to $F = {F}$; $n_l$ is the number of neurons of layer $l$. Neurons are "
        "numbered from the top, $j$ in layer $l$ and $k$ in layer $l - 1$."
    )
    rows = []
    for l in range(1, F + 1):
        labels = [r"\ldots" if j is None else Label("a", l, j).latex for j in _shown(network.size(l))]
        role = "input" if l == 1 else "output" if l == F else "hidden"
        rows.append(f"n_{{{l}}} &= {network.size(l)} &\\text{{{role}: }} & {', '.join(labels)}")
    yield Equation(tuple(row.replace(" &\\text", r" \quad \text").replace("} & ", "} ") for row in rows))


def _parameters(network: Layers, _: Loss) -> Iterator[Block]:
    yield Paragraph(
        r"$w_{jk}^l$ is the weight from neuron $k$ of layer $l - 1$ to neuron $j$ of layer $l$: the row is where it goes "
        r"to, the column where it comes from. So $W^l$ has $n_l$ rows and $n_{l-1}$ columns."
    )
    for l in range(2, network.F + 1):
        biases = rf", \quad b^{{{l}}} = {column(network, 'b', l)}" if network.has_bias else ""
        yield Equation((f"W^{{{l}}} &= {weight_matrix(network, l)}{biases}",))


def _feedforward(network: Layers, _: Loss) -> Iterator[Block]:
    has_bias = network.has_bias
    yield Paragraph(
        rf"The matrix form ${_in_matrices(network)}$ says for every $j$ at once what a single neuron does. Row $j$ of a matrix "
        r"times a column is the sum over $k$ of the products of their entries"
        rf"{', and vectors are added component by component' if has_bias else ''}. So"
    )
    yield Equation((
        rf"z_j^l &= (W^l a^{{l-1}})_j{' + (b^l)_j' if has_bias else ''}",
        rf"&= \sum_{{k=1}}^{{n_{{l-1}}}} w_{{jk}}^l a_k^{{l-1}}{' + b_j^l' if has_bias else ''}",
    ))  # fmt: skip
    yield Paragraph(r"and $a_j^l = \sigma(z_j^l)$. Here:")
    for l in range(2, network.F + 1):
        yield Equation((
            f"{column(network, 'z', l)} &= {weight_matrix(network, l)} {column(network, 'a', l - 1)} "
            + (f"+ {column(network, 'b', l)}" if has_bias else ""),
        ))  # fmt: skip
        yield Equation(
            tuple(_each(network, l, lambda j, l=l: f"{Label('z', l, j).latex} &= {pre_activation(network, l, j)}"))  # type: ignore[misc]
        )


def _slopes_of_z(network: Layers, _: Loss) -> Iterator[Block]:
    has_bias = network.has_bias
    yield Paragraph(
        rf"In $z_j^l = \sum_i w_{{ji}}^l a_i^{{l-1}}{' + b_j^l' if has_bias else ''}$ only the term $i = k$ contains $w_{{jk}}^l$, "
        r"and it is linear in it. Everything else is constant (sum rule, constant factor rule):"
    )
    yield Equation((
        r"\frac{\partial z_j^l}{\partial w_{jk}^l} &= a_k^{l-1}, \quad "
        + (r"\frac{\partial z_j^l}{\partial b_j^l} = 1, \quad " if has_bias else "")
        + r"\frac{\partial z_j^l}{\partial a_k^{l-1}} = w_{jk}^l",
    ))  # fmt: skip
    yield Paragraph(
        rf"A weight{' or bias' if has_bias else ''} of another neuron $i \ne j$ is not in $z_j^l$: "
        r"$\partial z_j^l / \partial w_{ik}^l = 0$"
        + (r" and $\partial z_j^l / \partial b_i^l = 0$." if has_bias else ".")
    )
    for l in range(2, network.F + 1):
        j, k = network.size(l), network.size(l - 1)
        z, w, before, bias = Label("z", l, j), Label("w", l, j, k), Label("a", l - 1, k), Label("b", l, j)
        yield Equation((
            rf"\frac{{\partial {z.latex}}}{{\partial {w.latex}}} &= {before.latex}"
            + (rf", \quad \frac{{\partial {z.latex}}}{{\partial {bias.latex}}} = 1" if has_bias else ""),
        ))  # fmt: skip


def _hadamard(network: Layers, _: Loss) -> Iterator[Block]:
    yield Paragraph(
        r"The Hadamard product multiplies two vectors of the same size component by component, $(u \odot v)_j = u_j v_j$. It is "
        "not a dot product: the result is a vector."
    )
    l = network.F if network.activations[network.F].elementwise else network.F - 1
    if l == 1:
        return
    d = column(network, "d", l)
    slopes = matrix(
        [[r"\vdots" if j is None else rf"\sigma'({Label('z', l, j).latex})"] for j in _shown(network.size(l))]
    )
    gradient = matrix([
        [r"\vdots" if j is None else rf"\partial L / \partial {Label('a', l, j).latex}"] for j in _shown(network.size(l))
    ])  # fmt: skip
    yield Equation((rf"{d} &= {gradient} \odot {slopes}",))


def _sigma(network: Layers, _: Loss) -> Iterator[Block]:
    by_row: dict[str, list[int]] = {}
    for l, sigma in network.activations.items():
        by_row.setdefault(str(sigma), []).append(l)
    for name, layers in by_row.items():
        where = f"layer{'s' if len(layers) > 1 else ''} {', '.join(map(str, layers))}"
        yield Paragraph(f"**{name}**, {where}:")
        yield from _derived(network.activations[layers[0]])


def _derived(row: Activation | Loss) -> Iterator[Block]:
    try:
        yield from derive(row).blocks()
    except ValueError:  # made of functions: there is nothing to derive from
        slope = row.gradient_latex if isinstance(row, Loss) else row.derivative_latex
        left = r"\frac{\partial L}{\partial a_j}" if isinstance(row, Loss) else r"\sigma'(z)"
        yield Equation((f"{left} &= {slope}",))


def _nabla(network: Layers, loss: Loss) -> Iterator[Block]:
    m = network.size(network.F)
    yield Paragraph(f"**{loss}** over the $m = n_F = {m}$ output{'s' if m > 1 else ''} of one sample:")
    yield from _derived(loss)


_OUTPUT: tuple[Block, ...] = (
    Equation(
        (
            r"d_j^F = \frac{\partial L}{\partial z_j^F} &= \sum_i \frac{\partial L}{\partial a_i^F} \frac{\partial a_i^F}{\partial z_j^F}"
            r" \quad \text{chain rule, over all outputs } i",
            r"&= \frac{\partial L}{\partial a_j^F} \frac{\partial a_j^F}{\partial z_j^F}"
            r" \quad a_i^F = \sigma(z_i^F) \text{ holds } z_j^F \text{ only if } i = j",
            r"&= \frac{\partial L}{\partial a_j^F} \sigma'(z_j^F) \quad \text{definition of } \sigma'",
        )
    ),
    Equation((r"d^F &= \nabla_a L \odot \sigma'(z^F) \quad \text{all } j \text{ at once: the Hadamard product}",), number="(1)"),
)  # fmt: skip

_OUTPUT_OF_ALL: tuple[Block, ...] = (
    Equation(
        (
            r"d_j^F = \frac{\partial L}{\partial z_j^F} &= \sum_i \frac{\partial L}{\partial a_i^F} \frac{\partial a_i^F}{\partial z_j^F}"
            r" \quad \text{chain rule, over all outputs } i",
        )
    ),
    Paragraph(
        r"Here every output $a_i^F$ holds every $z_j^F$, and the sum stays. With the matrix $J$ of all $J_{ij} = \partial a_i^F / \partial z_j^F$:"
    ),
    Equation((r"d^F &= J^T \nabla_a L",), number="(1)"),
)


_BIAS: tuple[Block, ...] = (
    Paragraph(r"**(4) A bias.** The same with $\partial z_j^l / \partial b_j^l = 1$."),
    Equation((r"\frac{\partial L}{\partial b_j^l} &= d_j^l",), number="(4)"),
)


def four_equations(*, is_elementwise: bool = True, has_bias: bool = True) -> tuple[Block, ...]:
    """Derive the four equations from the chain rule, for a network of any size.

    Parameters
    ----------
    is_elementwise : bool
        Whether each output is σ of its own z; softmax is not.
    has_bias : bool
        Whether there are biases; without them (4) is left out.

    Returns
    -------
    tuple of Block
        Each equation with its derivation, every step citing the rule that it uses.
    """
    return (
        Paragraph(
            r"Write $d_j^l = \partial L / \partial z_j^l$ for the delta of neuron $j$ of layer $l$: how the loss of one sample answers to a "
            r"change of $z_j^l$. The loss depends on $z_j^l$ only through the layers after it."
        ),
        Paragraph("**(1) The output layer.** $L$ is a function of $a_1^F, …, a_{n_F}^F$."),
        *(_OUTPUT if is_elementwise else _OUTPUT_OF_ALL),
        Paragraph(r"**(2) A layer below.** $z_j^l$ reaches the loss through every neuron $i$ of layer $l + 1$."),
        Equation(
            (
                r"d_j^l = \frac{\partial L}{\partial z_j^l} &= \sum_i \frac{\partial L}{\partial z_i^{l+1}} \frac{\partial z_i^{l+1}}{\partial z_j^l}"
                r" \quad \text{chain rule, over all } i \text{ of layer } l + 1",
                r"&= \sum_i d_i^{l+1} \frac{\partial z_i^{l+1}}{\partial a_j^l} \frac{\partial a_j^l}{\partial z_j^l}"
                r" \quad \text{definition of } d_i^{l+1} \text{; chain rule}",
                r"&= \sum_i d_i^{l+1} w_{ij}^{l+1} \sigma'(z_j^l)"
                rf" \quad z_i^{{l+1}} = \sum_k w_{{ik}}^{{l+1}} a_k^l{' + b_i^{l+1}' if has_bias else ''} "
                r"\text{: constant factor rule}",
                r"&= \left(\sum_i ((W^{l+1})^T)_{ji} d_i^{l+1}\right) \sigma'(z_j^l)"
                r" \quad ((W^{l+1})^T)_{ji} = w_{ij}^{l+1} \text{: the transpose}",
            )
        ),
        Equation((r"d^l &= ((W^{l+1})^T d^{l+1}) \odot \sigma'(z^l)",), number="(2)"),
        Paragraph(r"**(3) A weight.** $w_{jk}^l$ is in $z_j^l$ and in no other pre-activation of its layer."),
        Equation(
            (
                r"\frac{\partial L}{\partial w_{jk}^l} &= \sum_i \frac{\partial L}{\partial z_i^l} \frac{\partial z_i^l}{\partial w_{jk}^l}"
                r" \quad \text{chain rule}",
                r"&= \frac{\partial L}{\partial z_j^l} \frac{\partial z_j^l}{\partial w_{jk}^l}"
                r" \quad \partial z_i^l / \partial w_{jk}^l = 0 \text{ for } i \ne j",
            )
        ),
        Equation((r"\frac{\partial L}{\partial w_{jk}^l} &= a_k^{l-1} d_j^l \quad \partial z_j^l / \partial w_{jk}^l = a_k^{l-1}",), number="(3)"),
        *(_BIAS if has_bias else ()),
    )  # fmt: skip


def _four(network: Layers, loss: Loss) -> Iterator[Block]:
    F = network.F
    sigma = network.activations[F]
    yield from four_equations(is_elementwise=sigma.elementwise, has_bias=network.has_bias)
    yield Paragraph("**In this network.**")
    pair = canonical_pair(loss, sigma)
    if pair is not None:
        yield Paragraph(
            f"{sigma} with {loss} is a canonical pair: (1) collapses, and the delta of the output is computed directly as"
        )
        yield Equation((f"d_j^{{{F}}} &= {pair.delta_latex}",))
        yield from _collapse(loss, sigma)
    elif not sigma.elementwise:
        yield Paragraph("Every output hangs on every $z_k$, so that the sum in (1) stays:")
        yield Equation((
            rf"d_k^{{{F}}} &= \sum_j \frac{{\partial L}}{{\partial a_j^{{{F}}}}} "
            rf"\frac{{\partial a_j^{{{F}}}}}{{\partial z_k^{{{F}}}}}, \quad d^{{{F}}} = J^T \nabla_a L",
        ))  # fmt: skip
    else:
        yield Equation(tuple(_each(network, F, lambda j: (
            rf"{Label('d', F, j).latex} &= \frac{{\partial L}}{{\partial {Label('a', F, j).latex}}} "
            rf"\sigma'({Label('z', F, j).latex})"
        ))))  # fmt: skip
    for l in range(F - 1, 1, -1):
        yield Equation(tuple(_each(network, l, lambda j, l=l: _delta_row(network, l, j))))  # type: ignore[misc]
    for l in range(2, F + 1):
        j, k = network.size(l), network.size(l - 1)
        w, b, before, d = Label("w", l, j, k), Label("b", l, j), Label("a", l - 1, k), Label("d", l, j)
        yield Equation((
            rf"\frac{{\partial L}}{{\partial {w.latex}}} &= {before.latex} {d.latex}, \quad "
            + (rf"\frac{{\partial L}}{{\partial {b.latex}}} = {d.latex}, \quad " if network.has_bias else "")
            + r"\text{and so on for every } j, k",
        ))  # fmt: skip


def _delta_row(network: Layers, l: int, j: int) -> str:
    terms = [
        r"\cdots" if i is None else f"{Label('w', l + 1, i, j).latex} {Label('d', l + 1, i).latex}"
        for i in _shown(network.size(l + 1))
    ]
    total = " + ".join(terms)
    total = rf"\left({total}\right)" if len(terms) > 1 else total
    return rf"{Label('d', l, j).latex} &= {total} \sigma'({Label('z', l, j).latex})"


def _collapse(loss: Loss, sigma: Activation) -> Iterator[Block]:
    if (loss.name, sigma.name) == ("cross_entropy", "softmax"):
        yield Equation((
            r"\sum_i \frac{\partial L}{\partial a_i} \frac{\partial a_i}{\partial z_j} "
            r"&= \sum_i \left(-\frac{y_i}{a_i}\right) a_i (\delta_{ij} - a_j) \quad \text{chain rule over all outputs}",
            r"&= -y_j + a_j \sum_i y_i \quad a_i \text{ cancels; } \delta_{ij} \text{ picks } i = j",
            r"&= a_j - y_j \quad \text{the targets sum to 1}",
        ))  # fmt: skip
    elif (loss.name, sigma.name) == ("binary_cross_entropy", "sigmoid"):
        yield Equation((
            r"\frac{\partial L}{\partial a_j} \sigma'(z_j) &= \left(\frac{1 - y_j}{1 - a_j} - \frac{y_j}{a_j}\right) a_j (1 - a_j)"
            r" \quad \sigma' = \sigma (1 - \sigma)",
            r"&= (1 - y_j) a_j - y_j (1 - a_j) = a_j - y_j",
        ))  # fmt: skip
    elif (loss.name, sigma.name) == ("poisson", "exp"):
        yield Equation((
            r"\frac{\partial L}{\partial a_j} \sigma'(z_j) &= \frac1m \left(1 - \frac{y_j}{a_j}\right) a_j \quad (e^z)' = e^z = a_j",
            r"&= \frac1m (a_j - y_j)",
        ))  # fmt: skip
    elif (loss.name, sigma.name) == ("cross_entropy", "sigmoid"):
        yield Equation((
            r"\frac{\partial L}{\partial a_j} \sigma'(z_j) &= -\frac{y_j}{a_j} a_j (1 - a_j) = -y_j (1 - a_j) \quad \sigma' = \sigma (1 - \sigma)",
        ))  # fmt: skip


def _total(network: Layers, loss: Loss) -> Iterator[Block]:
    sigma = network.activations[network.F]
    pair = canonical_pair(loss, sigma)
    output = r"d^F = \nabla_a L \odot \sigma'(z^F)"
    if not sigma.elementwise:
        output = rf"d_j^F = {pair.delta_latex}" if pair is not None else r"d^F = J^T \nabla_a L"
    yield Paragraph(
        r"The total loss of $n$ samples is the mean of theirs, and differentiation is linear: the constant factor $1/n$ comes out of "
        "the derivative, and the derivative of the sum is the sum of the derivatives."
    )
    yield Equation((
        r"\frac{\partial L_T}{\partial w} &= \frac{\partial}{\partial w} \left(\frac1n \sum_{i=1}^n L_i\right)"
        r" = \frac1n \sum_{i=1}^n \frac{\partial L_i}{\partial w}",
    ))  # fmt: skip
    yield Paragraph(
        r"So gradient descent runs the five steps for every sample and takes the mean of the gradients. Stochastic gradient "
        r"descent takes the same mean over a batch, the gradient of $L_B$."
    )
    yield Items((
        "1 Input: $a^1 = x$",
        rf"2 Feedforward: ${_in_matrices(network)}$, $a^l = \sigma(z^l)$ for $l = 2, …, F$",
        f"3 Output (1): ${output}$",
        r"4 Backpropagate (2): $d^l = ((W^{l+1})^T d^{l+1}) \odot \sigma'(z^l)$ for $l = F - 1, …, 2$",
        rf"5 Gradient (3){', (4)' if network.has_bias else ''}: $\partial L / \partial w_{{jk}}^l = a_k^{{l-1}} d_j^l$"
        + (r", $\partial L / \partial b_j^l = d_j^l$" if network.has_bias else ""),
    ))  # fmt: skip


_SECTIONS: tuple[tuple[str, Callable[[Layers, Loss], Iterator[Block]]], ...] = (
    ("The labels of the neurons", _labels),
    ("Weights and biases", _parameters),
    ("From the matrix equation to the components", _feedforward),
    ("The derivatives of z", _slopes_of_z),
    ("The Hadamard product", _hadamard),
    ("The derivative of σ", _sigma),
    ("The gradient of the loss", _nabla),
    ("The four equations", _four),
    ("The total loss and the five steps", _total),
)

_TITLES_WITHOUT_BIASES = {"Weights and biases": "Weights", "The four equations": "The equations of backpropagation"}
