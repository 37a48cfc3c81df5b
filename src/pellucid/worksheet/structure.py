"""Exercises 3 to 6: a network's labels, its weights and biases, its components, and the derivatives of z."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pellucid.document import Block, Equation, Figure, Paragraph
from pellucid.drawing import draw
from pellucid.layers import Layers
from pellucid.notation import Label
from pellucid.symbolic.networks import column, pre_activation, weight_matrix
from pellucid.worksheet.draws import Draws
from pellucid.worksheet.exercise import Exercise, Kind, Parameters
from pellucid.worksheet.fields import Entries, Field, Reading, Slip, Slips, entry, matrix, vector
from pellucid.worksheet.slips import different

_LABELS = Reading(labels=True)


def _layers(parameters: Parameters) -> Layers:
    return Layers(tuple(parameters["sizes"]), "sigmoid", init=0.0)


def _sizes(layers: Layers) -> str:
    return "-".join(map(str, layers.sizes))


# exercise 3


def _build_labels(parameters: Parameters) -> Exercise:
    layers = _layers(parameters)
    fields = tuple(_label_field(layers, l) for l in range(1, layers.F + 1))
    return Exercise(
        3,
        "The labels of the neurons",
        parameters,
        (
            Paragraph(
                f"A {_sizes(layers)} network has {layers.F} layers. Write the label $a_j^l$ of each neuron, layer by layer, "
                "from the top."
            ),
            Figure(draw(layers, show=()), "Figure 1"),
        ),
        fields,
        (
            Paragraph(
                "The subscript $j$ counts the neurons of a layer from the top, and the superscript $l$ counts the layers from "
                "the input; both start at 1:"
            ),
            *(Equation((f"\\text{{layer {l}: }} & {', '.join(_latex(layers, l))}",)) for l in range(1, layers.F + 1)),
        ),
        room=0,
    )


def _latex(layers: Layers, l: int) -> list[str]:
    return [Label("a", l, j).latex for j in range(1, layers.size(l) + 1)]


def _label_field(layers: Layers, l: int) -> Field:
    n = layers.size(l)
    labels = [Label("a", l, j) for j in range(1, n + 1)]
    slips = [
        Slip("the indices are exchanged", vector(f"a_{l}^{j}" for j in range(1, n + 1)),
             "The neuron $j$ is the subscript, and the layer $l$ the superscript: $a_j^l$."),
        Slip("the layers are counted from 0", vector(f"a_{j}^{l - 1}" for j in range(1, n + 1)),
             "Layer 1 is the input.", "9"),
        Slip("the neurons are counted from 0", vector(f"a_{j - 1}^{l}" for j in range(1, n + 1)),
             "The first neuron of a layer has $j = 1$.", "9"),
        Slip("the neurons are counted from below", vector(str(label) for label in reversed(labels)),
             "$j$ counts from the top."),
        Slip("layers and neurons are counted from 0", vector(f"a_{j - 1}^{l - 1}" for j in range(1, n + 1)),
             "Layer 1 is the input, and its first neuron has $j = 1$.", "9"),
    ]  # fmt: skip
    expected = vector(str(label) for label in labels)
    return Field(
        f"layer {l}", rf"\text{{layer {l}}}", "vector", expected, ", ".join(label.latex for label in labels),
        reading=_LABELS, slips=different(expected, slips),
    )  # fmt: skip


# exercise 4


def _build_parameters(parameters: Parameters) -> Exercise:
    layers = _layers(parameters)
    fields: list[Field] = []
    blocks: list[Block] = [
        Paragraph(
            "$w_{jk}^l$ leads from neuron $k$ of layer $l - 1$ to neuron $j$ of layer $l$. So row $j$ of $W^l$ belongs to "
            "neuron $j$ of layer $l$, and $W^l$ has $n_l$ rows and $n_{l-1}$ columns:"
        )
    ]
    for l in range(2, layers.F + 1):
        fields += [_weights_field(layers, l), _biases_field(layers, l)]
        blocks.append(
            Equation((f"W^{{{l}}} &= {weight_matrix(layers, l)}, \\quad b^{{{l}}} = {column(layers, 'b', l)}",))
        )
    return Exercise(
        4,
        "Weights and biases",
        parameters,
        (
            Paragraph(
                f"Write the matrices $W^l$ and the vectors $b^l$ of the {_sizes(layers)} network, entry by entry."
            ),
        ),
        tuple(fields),
        tuple(blocks),
        room=9,
    )


def _weights_field(layers: Layers, l: int) -> Field:
    rows, columns = layers.size(l), layers.size(l - 1)

    def filled(write: Callable[[int, int], str], m: int = rows, n: int = columns) -> Entries:
        return matrix([[write(j, k) for k in range(1, n + 1)] for j in range(1, m + 1)])

    expected = filled(lambda j, k: f"w_{j}{k}^{l}")
    slips = [
        Slip("it is transposed", filled(lambda k, j: f"w_{j}{k}^{l}", columns, rows),
             "Row $j$ belongs to neuron $j$ of layer $l$: $W^l$ has $n_l$ rows and $n_{l-1}$ columns.", "7"),
        Slip("the indices of each weight are exchanged", filled(lambda j, k: f"w_{k}{j}^{l}"),
             "The first index is the neuron that the weight leads to.", "7"),
        Slip("shape and indices are those of the way back", filled(lambda k, j: f"w_{k}{j}^{l}", columns, rows),
             "Row $j$ belongs to neuron $j$ of layer $l$, and the first index is the neuron that the weight leads to.", "7"),
        Slip("the layer is that which the weights come from", filled(lambda j, k: f"w_{j}{k}^{l - 1}"),
             "A weight carries the number of the layer that it leads to; the first weights are $W^2$.", "9"),
        Slip("the indices are counted from 0", filled(lambda j, k: f"w_{j - 1}{k - 1}^{l}"),
             "The first neuron of a layer has the index 1: the first weight is $w_{11}^l$.", "9"),
        Slip("transposed, and the layer is that which the weights come from",
             filled(lambda k, j: f"w_{k}{j}^{l - 1}", columns, rows),
             "Row $j$ belongs to neuron $j$ of layer $l$; a weight carries the number of the layer that it leads to.", "7"),
    ]  # fmt: skip
    return Field(
        f"W^{l}", f"W^{{{l}}}", "matrix", expected, weight_matrix(layers, l), reading=_LABELS, shape_matters=True,
        slips=different(expected, slips),
    )  # fmt: skip


def _biases_field(layers: Layers, l: int) -> Field:
    n, before = layers.size(l), layers.size(l - 1)
    expected = vector(f"b_{j}^{l}" for j in range(1, n + 1))
    slips = [
        Slip("there is a bias for each neuron of the layer before", vector(f"b_{j}^{l}" for j in range(1, before + 1)),
             "Each neuron of layer $l$ has one bias: $n_l$ of them."),
        Slip("the layer is that before", vector(f"b_{j}^{l - 1}" for j in range(1, n + 1)),
             "A bias carries the number of its own layer; layer 1 has none.", "9"),
        Slip("the layer is that before", vector(f"b_{j}^{l - 1}" for j in range(1, before + 1)),
             "A bias carries the number of its own layer; layer 1 has none.", "9"),
        Slip("the indices are exchanged", vector(f"b_{l}^{j}" for j in range(1, n + 1)),
             "The neuron $j$ is the subscript, and the layer $l$ the superscript: $b_j^l$."),
    ]  # fmt: skip
    return Field(
        f"b^{l}", f"b^{{{l}}}", "vector", expected, column(layers, "b", l), reading=_LABELS,
        slips=different(expected, slips),
    )  # fmt: skip


# exercise 5


def _build_components(parameters: Parameters) -> Exercise:
    layers = _layers(parameters)
    fields = [_component_field(layers, l, j) for l in range(2, layers.F + 1) for j in range(1, layers.size(l) + 1)]
    blocks: list[Block] = [
        Paragraph(
            r"Component $j$ of $W^l a^{l-1}$ is row $j$ of $W^l$ times $a^{l-1}$, entry by entry and added; component $j$ of "
            "a sum of vectors is the sum of their components. So"
        ),
        Equation((r"z_j^l = (W^l a^{l-1})_j + b_j^l &= \sum_{k=1}^{n_{l-1}} w_{jk}^l a_k^{l-1} + b_j^l",)),
    ]
    blocks += [
        Equation(
            tuple(f"{Label('z', l, j).latex} &= {pre_activation(layers, l, j)}" for j in range(1, layers.size(l) + 1))
        )
        for l in range(2, layers.F + 1)
    ]
    return Exercise(
        5,
        "From the matrix equation to the components",
        parameters,
        (
            Paragraph(
                rf"In the {_sizes(layers)} network $z^l = W^l a^{{l-1}} + b^l$. Write every component $z_j^l$ as a sum of "
                r"products of single weights and activations."
            ),
        ),
        tuple(fields),
        tuple(blocks),
        room=9,
    )


def _component_field(layers: Layers, l: int, j: int) -> Field:
    before = range(1, layers.size(l - 1) + 1)

    def total(write: Callable[[int], str], *more: str) -> Entries:
        return entry(" + ".join([*(write(k) for k in before), *more]))

    def of_row(i: int) -> Entries:
        return total(lambda k: f"w_{i}{k}^{l} a_{k}^{l - 1}", b)

    z, b = Label("z", l, j), f"b_{j}^{l}"
    expected = total(lambda k: f"w_{j}{k}^{l} a_{k}^{l - 1}", b)
    slips = [
        Slip("the bias is missing", total(lambda k: f"w_{j}{k}^{l} a_{k}^{l - 1}"), "Add $b_j^l$.", "14"),
        Slip("the indices of the weights are exchanged", total(lambda k: f"w_{k}{j}^{l} a_{k}^{l - 1}", b),
             "$w_{jk}^l$ leads to neuron $j$: the first index is that of $z_j^l$ and stays.", "7"),
        Slip("the activations are those of the own layer", total(lambda k: f"w_{j}{k}^{l} a_{k}^{l}", b),
             "What comes in is $a^{l-1}$, from the layer before.", "9"),
        Slip("the activation has the index of the sum's neuron", total(lambda k: f"w_{j}{k}^{l} a_{j}^{l - 1}", b),
             "Weight and activation share the index $k$ that is summed over.", "8"),
        Slip("the weights are those of the layer before", total(lambda k: f"w_{j}{k}^{l - 1} a_{k}^{l - 1}", b),
             "A weight carries the number of the layer that it leads to.", "9"),
        Slip("the bias is that of the layer before", total(lambda k: f"w_{j}{k}^{l} a_{k}^{l - 1}", f"b_{j}^{l - 1}"),
             "A bias carries the number of its own layer; layer 1 has none.", "9"),
        Slip("weights and bias carry the number of the layer before",
             total(lambda k: f"w_{j}{k}^{l - 1} a_{k}^{l - 1}", f"b_{j}^{l - 1}"),
             "Weights and biases carry the number of the layer that they lead to.", "9"),
        Slip("the activations come from two layers before", total(lambda k: f"w_{j}{k}^{l} a_{k}^{l - 2}", b),
             "What comes in is $a^{l-1}$, from the layer before.", "9"),
        *(Slip(f"the weights are those of neuron {i}", of_row(i), f"${z.latex}$ has row {j} of $W^{l}$.", "8")
          for i in range(1, layers.size(l) + 1) if i != j),
        Slip("σ is applied", entry(f"σ({expected[0][0]})"), "$z_j^l$ is the sum before $\\sigma$ is applied.", "26"),
        Slip("only one term of the sum is there", entry(f"w_{j}{j}^{l} a_{j}^{l - 1} + {b}"),
             "Every neuron $k$ of the layer before is a term.", "19"),
    ]  # fmt: skip
    return Field(
        str(z), z.latex, "formula", expected, pre_activation(layers, l, j),
        reading=Reading(labels=True, definitions=_inputs(layers)), slips=different(expected, slips),
    )  # fmt: skip


def _inputs(layers: Layers) -> dict[str, str]:
    """The input may be called x: a^1 = x."""
    return {f"x_{k}": f"a_{k}^1" for k in range(1, layers.size(1) + 1)}


# exercise 6


def _build_slopes(parameters: Parameters) -> Exercise:
    layers = _layers(parameters)
    fields = [_general_weight(), _general_bias()]
    for top, bottom in parameters["asked"]:
        fields.append(_slope_field(layers, Label(*top), Label(*bottom)))
    return Exercise(
        6,
        "The derivatives of z",
        parameters,
        (
            Paragraph(
                r"From $z_j^l = \sum_k w_{jk}^l a_k^{l-1} + b_j^l$, find the derivatives by a weight and by the bias, in general "
                f"and for these of the {_sizes(layers)} network:"
            ),
            Equation((r", \quad ".join(field.latex for field in fields[:2]),)),
            Equation((r", \quad ".join(field.latex for field in fields[2:]),)),
        ),
        tuple(fields),
        tuple(_slope_solution(layers, parameters)),
        room=7,
    )


def _general_weight() -> Field:
    repair = r"Only the term with $w_{jk}^l$ counts, and there its factor is $a_k^{l-1}$."
    return Field(
        "dz_j^l/dw_jk^l", r"\frac{\partial z_j^l}{\partial w_{jk}^l}", "formula", entry("a_k^{l-1}"), "a_k^{l-1}",
        reading=_LABELS,
        slips=Slips((
            Slip("the layer is wrong", entry("a_k^l"), repair, "9"),
            Slip("the neuron is wrong", entry("a_j^{l-1}"), repair, "8"),
            Slip("layer and neuron are wrong", entry("a_j^l"), repair, "9"),
            Slip("it is the weight itself", entry("w_jk^l"), repair, "8"),
            Slip("it is the pre-activation of the layer before", entry("z_k^{l-1}"), repair, "8"),
            Slip("the weight is still there", entry("w_jk^l a_k^{l-1}"), "The derivative of $w a$ by $w$ is $a$."),
            Slip("the factor is missing", entry("1"), repair, "8"),
            Slip("1 is subtracted from the activation and not from its layer", entry("a_k^l - 1"),
                 "Put braces around the layer: $a_k^{l-1}$."),
        )),
    )  # fmt: skip


def _general_bias() -> Field:
    repair = "$b_j^l$ stands alone in the sum: its derivative by itself is 1."
    return Field(
        "dz_j^l/db_j^l", r"\frac{\partial z_j^l}{\partial b_j^l}", "formula", entry("1"), "1", reading=_LABELS,
        slips=Slips((
            Slip("a constant is taken for the variable", entry("0"), repair, "14"),
            Slip("it is the bias itself", entry("b_j^l"), repair, "16"),
            Slip("it is the derivative by a weight", entry("a_k^{l-1}"), repair, "14"),
        )),
    )  # fmt: skip


def _slope_field(layers: Layers, top: Label, bottom: Label) -> Field:
    l, j = top.layer, top.j
    own = bottom.j == j
    if bottom.symbol == "w":
        k = bottom.k
        right = f"a_{k}^{l - 1}" if own else "0"
        repair = (
            "Only the term that holds the weight counts; its factor is the activation that the weight is applied to."
        )
        slips = [
            Slip("the activation has the other index", entry(f"a_{bottom.j}^{l - 1}"), repair, "8"),
            Slip("the activation is that of the own layer", entry(f"a_{k}^{l}"), repair, "9"),
            Slip("it is the weight itself", entry(str(bottom)), repair, "8"),
            Slip("the weight is still there", entry(f"{bottom} a_{k}^{l - 1}"), "The derivative of $w a$ by $w$ is $a$."),
            Slip("it is the general formula", entry("a_k^{l-1}"), f"Put the indices in: here $k = {k}$ and $l = {l}$."),
        ]  # fmt: skip
        if own:
            slips.append(Slip("the weight is taken for another neuron's", entry("0"), repair))
        else:
            slips.append(
                Slip("the weight leads to another neuron", entry(f"a_{k}^{l - 1}"),
                     f"${bottom.latex}$ leads to neuron {bottom.j}: it is not in ${top.latex}$.", "19")
            )  # fmt: skip
    else:
        right = "1" if own else "0"
        slips = [
            Slip("it is the bias itself", entry(str(bottom)), "The derivative of $b$ by $b$ is 1.", "16"),
            Slip("the bias is taken for another neuron's" if own else "the bias is another neuron's",
                 entry("0" if own else "1"), f"${bottom.latex}$ is the bias of neuron {bottom.j}.", "14"),
        ]  # fmt: skip
    expected = entry(right)
    return Field(
        f"d{top}/d{bottom}", rf"\frac{{\partial {top.latex}}}{{\partial {bottom.latex}}}", "formula", expected,
        _right_latex(right, l, bottom), reading=Reading(labels=True, definitions=_inputs(layers)),
        slips=different(expected, slips),
    )  # fmt: skip


def _right_latex(right: str, l: int, bottom: Label) -> str:
    return Label("a", l - 1, bottom.k or 0).latex if right.startswith("a") else right


def _slope_solution(layers: Layers, parameters: Parameters) -> Iterator[Block]:
    yield Paragraph(
        r"$w_{jk}^l$ appears in only one term of the sum, $w_{jk}^l a_k^{l-1}$, which is linear in it; all other terms are constant. "
        r"$b_j^l$ is a term of its own. So"
    )
    yield Equation((
        r"\frac{\partial z_j^l}{\partial w_{jk}^l} &= a_k^{l-1}, \quad \frac{\partial z_j^l}{\partial b_j^l} = 1",
    ))  # fmt: skip
    yield Paragraph(r"and 0 for a weight or bias of another neuron of layer $l$. Here:")
    rows = []
    for top, bottom in parameters["asked"]:
        field = _slope_field(layers, Label(*top), Label(*bottom))
        rows.append(f"{field.latex} &= {field.expected_latex}")
    yield Equation(tuple(rows))


def _draw_sizes(_: Draws, sizes: tuple[int, ...]) -> Parameters:
    return {"sizes": sizes}


def _draw_asked(draws: Draws, sizes: tuple[int, ...]) -> Parameters:
    """Ask for a weight and a bias of the neuron itself, and for a weight and a bias of another one."""
    asked: list[tuple[tuple[object, ...], tuple[object, ...]]] = []
    for l, of_another in ((2, False), (3, True)):
        n, before = sizes[l - 1], sizes[l - 2]
        j = draws.integer(1, n)
        other = draws.choice([i for i in range(1, n + 1) if i != j]) if of_another else j
        k = draws.choice([i for i in range(1, before + 1) if i != other])
        asked.append((("z", l, j), ("w", l, other, k)))
    j = draws.integer(1, sizes[1])
    asked.append((("z", 2, j), ("b", 2, j)))
    j, other = draws.sample(range(1, sizes[2] + 1), 2)
    asked.append((("z", 3, j), ("b", 3, other)))
    return {"sizes": sizes, "asked": asked}


SIZES = ((3, 4, 2), (4, 3, 2), (2, 4, 3), (2, 3, 4), (4, 2, 3), (3, 2, 4), (2, 5, 3), (3, 5, 2))
"""Networks of about the same number of weights, all sizes of one different, so that no transposition hides."""

_THE_NETWORK = (3, 4, 2)

KINDS = (
    Kind(3, "The labels of the neurons", {"sizes": _THE_NETWORK}, _draw_sizes, _build_labels),
    Kind(4, "Weights and biases", {"sizes": _THE_NETWORK}, _draw_sizes, _build_parameters),
    Kind(5, "From the matrix equation to the components", {"sizes": _THE_NETWORK}, _draw_sizes, _build_components),
    Kind(
        6,
        "The derivatives of z",
        {
            "sizes": _THE_NETWORK,
            "asked": (
                (("z", 2, 4), ("w", 2, 4, 3)),
                (("z", 3, 2), ("w", 3, 1, 4)),
                (("z", 2, 3), ("b", 2, 3)),
                (("z", 3, 1), ("b", 3, 2)),
            ),
        },
        _draw_asked,
        _build_slopes,
    ),
)
