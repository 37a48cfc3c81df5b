"""Exercises 7 and 8: the Hadamard product, and the gradient of the total loss from the samples'."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from pellucid.document import Equation, Paragraph
from pellucid.symbolic.networks import matrix as latex_matrix
from pellucid.worksheet.draws import Draws
from pellucid.worksheet.exercise import Exercise, Kind, Parameters
from pellucid.worksheet.fields import Field, Slip, entry, matrix, vector
from pellucid.worksheet.slips import different


def _column(numbers: Sequence[object]) -> str:
    return latex_matrix([[str(number)] for number in numbers])


# exercise 7


def _build_hadamard(parameters: Parameters) -> Exercise:
    u, v = parameters["u"], parameters["v"]
    product = [p * q for p, q in zip(u, v, strict=True)]
    expected = vector(product)
    repair = r"$(u \odot v)_j = u_j v_j$: component by component, and the result is a vector."
    slips = (
        Slip("it is the dot product", entry(sum(product)), repair),
        Slip("it is the sum", vector(p + q for p, q in zip(u, v, strict=True)), repair),
        Slip("it is the difference", vector(p - q for p, q in zip(u, v, strict=True)), repair),
        Slip("it is the outer product", matrix([[p * q for q in v] for p in u]), repair, "7"),
        Slip("it is the outer product", matrix([[p * q for q in u] for p in v]), repair, "7"),
        Slip("the components are paired in the wrong order",
             vector(p * q for p, q in zip(u, reversed(v), strict=True)), repair),
    )  # fmt: skip
    field = Field("u*v", r"u \odot v", "vector", expected, _column(product), slips=different(expected, slips))
    factors = _column([rf"{p} \cdot {q}" for p, q in zip(u, v, strict=True)])
    return Exercise(
        7,
        "The Hadamard product",
        parameters,
        (
            Paragraph(r"Compute $u \odot v$ for"),
            Equation((rf"u = {_column(u)}, \quad v = {_column(v)}",)),
        ),
        (field,),
        (
            Paragraph("Component by component:"),
            Equation((rf"u \odot v &= {factors} = {_column(product)}",)),
        ),
        room=5,
    )  # fmt: skip


def _draw_hadamard(draws: Draws, _: tuple[int, ...]) -> Parameters:
    u = [0, *(draws.integer(1, 9) for _ in range(3))]
    position = draws.integer(0, 3)
    u[0], u[position] = u[position], u[0]
    return {"u": tuple(u), "v": tuple(draws.integer(1, 9) for _ in range(4))}


def _hadamard_is_fit(exercise: Exercise) -> bool:
    """No component where adding gives what multiplying gives, and none that is the same in both vectors."""
    u, v = exercise.parameters["u"], exercise.parameters["v"]
    return (
        all(p + q != p * q and p != q for p, q in zip(u, v, strict=True)) and len(exercise.fields[0].slips.shown) >= 4
    )


# exercise 8


def _build_total(parameters: Parameters) -> Exercise:
    gradients = parameters["gradients"]
    n, size = len(gradients), len(gradients[0])
    sums = [sum(one[k] for one in gradients) for k in range(size)]
    mean = [Fraction(total, n) for total in sums]
    repair = (
        rf"$L_T = \frac1n \sum_i L_i$, and a constant factor stays: $\nabla L_T = \frac1{{{n}}} \sum_i \nabla L_i$ with the "
        "number of samples."
    )
    expected = vector(mean)
    slips = (
        Slip("the sum is not divided by $n$", vector(sums), repair, "10"),
        Slip("it is divided by $n$ twice", vector(m / n for m in mean), repair, "11"),
        Slip("it is divided by the number of components", vector(Fraction(s, size) for s in sums), repair, "11"),
        Slip("only the last sample is there", vector(gradients[-1]), repair, "18b"),
        Slip("only the last sample is there, divided by $n$", vector(Fraction(g, n) for g in gradients[-1]), repair, "18b"),
        Slip("the sign is wrong", vector(-m for m in mean), "No sign changes: the minus comes with the step of descent.", "22"),
        Slip("the mean is taken over the components of each sample",
             vector(Fraction(sum(one), size) for one in gradients),
             "Each component of the gradient is a mean over the samples.", "15"),
    )  # fmt: skip
    field = Field("grad L_T", r"\nabla L_T", "vector", expected, _column(mean), slips=different(expected, slips))
    return Exercise(
        8,
        "The gradient of the total loss",
        parameters,
        (
            Paragraph(
                f"The gradients of the losses of {n} samples by the same {size} weights are below. Compute the gradient of the "
                r"total loss $L_T = \frac1n \sum_i L_i$."
            ),
            Equation(
                (r", \quad ".join(rf"\nabla L_{i} = {_column(one)}" for i, one in enumerate(gradients, start=1)),)
            ),
        ),
        (field,),
        (
            Paragraph(
                "Differentiation is linear: the constant factor comes out, and the derivative of a sum is the sum of the derivatives."
            ),
            Equation(
                (rf"\nabla L_T &= \frac1n \sum_{{i=1}}^n \nabla L_i = \frac1{{{n}}} {_column(sums)} = {_column(mean)}",)
            ),
        ),
        room=6,
    )


def _draw_total(draws: Draws, _: tuple[int, ...]) -> Parameters:
    n = draws.choice((4, 5))
    rows = [[draws.integer(-6, 6) for _ in range(3)] for _ in range(n - 1)]
    # The last sample makes every sum a multiple of n, so that the means are whole.
    last = []
    for k in range(3):
        rest = -sum(row[k] for row in rows) % n
        last.append(rest if rest <= n // 2 else rest - n)
    return {"gradients": tuple(tuple(row) for row in (*rows, last))}


def _total_is_fit(exercise: Exercise) -> bool:
    """No mean is 0, which would be right whatever it is divided by, and every mistake shows."""
    gradients = exercise.parameters["gradients"]
    sums = [sum(one[k] for one in gradients) for k in range(len(gradients[0]))]
    return all(sums) and len(set(sums)) == len(sums) and len(exercise.fields[0].slips.shown) == 7


KINDS = (
    Kind(7, "The Hadamard product", {"u": (0, 1, 5, 2), "v": (3, 2, 1, 9)}, _draw_hadamard, _build_hadamard, _hadamard_is_fit),
    Kind(
        8,
        "The gradient of the total loss",
        {"gradients": ((2, -1, 4), (0, 3, -2), (5, 1, 1), (1, -7, 5))},
        _draw_total,
        _build_total,
        _total_is_fit,
    ),
)  # fmt: skip
