"""Samples for a function under test: how many, drawn how, and what their sizes cannot tell apart."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from pellucid.arrays import Array
from pellucid.checking.problem import Problem
from pellucid.losses import Loss

_BATCHES = 3
"""Numbers of samples that a verdict must hold at."""


def draw_samples(sizes: Sequence[int], loss: Loss, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Draw n samples with targets that a loss takes."""
    m, targets = sizes[-1], loss.targets
    X = np.round(rng.standard_normal((n, sizes[0])), 3)
    if targets == "classes":
        return X, np.eye(m)[rng.integers(0, m, n)]
    if targets == "counts":
        return X, rng.integers(0, 5, (n, m)).astype(float)
    return X, np.round(rng.uniform(0.05, 0.95, (n, m)), 3)


def batch_sizes(sizes: Sequence[int], n: int) -> list[int]:
    """Choose other numbers of samples: prime to every size of a layer, with and without a bias, and to one another."""
    taken = [n, *sizes, *(size + 1 for size in sizes[:-1])]
    found: list[int] = []
    for k in range(7, 10_000):
        if all(math.gcd(k, other) == 1 for other in (*taken, *found) if other > 1) and k not in taken:
            found.append(k)
            if len(found) == _BATCHES - 1:
                break
    return found


def coincidences(problem: Problem, *, counts_too: bool) -> list[str]:
    """List what the sizes of a problem cannot tell apart.

    Parameters
    ----------
    problem : Problem
    counts_too : bool
        Whether there is only this one number of samples.
    """
    sizes, n, m = problem.sizes, problem.n, problem.sizes[-1]
    found = []
    if m == 1:
        found.append("with one output a sum over the outputs and its mean are the same")
    elif m == 2 and problem.loss.name == "mse":
        found.append("with 2 outputs the factor 2/m of the mean squared error is 1, and leaving it out does not show")
    square = [l for l in range(2, problem.F + 1) if sizes[l - 1] == sizes[l - 2] > 1]
    if square:
        words = ", ".join(f"W^{l}" for l in square)
        found.append(f"{words} {'is' if len(square) == 1 else 'are'} square: their transposes have the same shape")
    if counts_too and n > 1:
        equal = [l for l, size in enumerate(sizes, start=1) if size == n]
        if equal:
            found.append(
                f"there are as many samples as neurons in layer {equal[0]}, {n}: one taken for the other does not show"
            )
        elif any(u * v == n for u in (*sizes, 2) for v in sizes if u > 1 and v > 1):
            found.append(f"{n} samples are a product of sizes: a factor n may be another one")
    if counts_too and n == 1:
        found.append("with one sample a sum over the samples and their mean are the same")
    return found
