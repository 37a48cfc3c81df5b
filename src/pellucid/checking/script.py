"""A script that computes gradients of its own network on its own data: its arrays at its end, judged by their names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from pellucid.arrays import Array
from pellucid.checking.diagnosis import Diagnosis
from pellucid.checking.judging import judge
from pellucid.checking.nests import leaves
from pellucid.checking.problem import Problem
from pellucid.checking.roles import role_of
from pellucid.layers import Layers
from pellucid.samples import as_penalty, as_samples

_GRADIENT = re.compile(
    r"(d_?|grad_?|nabla_?|g_?|delta_?)(w|b|weights?|bias(es)?|theta|syn)\w*|grads?|gradients?|nabla\w*|\w+_grads?|\w+_gradients?"
    r"|(d[lejc]_?|de)d?_?[wb]\w*|syn\d_?grad\w*",
    re.IGNORECASE,
)


def diagnose_script(
    names: Mapping[str, Any], activation: str, output: str, loss: str, l2: float, l1: float
) -> Diagnosis | None:
    """Judge the arrays of a script that are named like gradients, for the network that its other arrays are.

    Parameters
    ----------
    names : mapping
        Its arrays at its end, by name.
    activation, output, loss, l2, l1
        Of the network and its loss.

    Returns
    -------
    Diagnosis or None
        None if there are no gradients, or no data and weights that they could be of.
    """
    gradients = {
        name: one for name, one in names.items() if _GRADIENT.fullmatch(name) and any(True for _ in leaves(one))
    }
    found = _own_network(names, gradients)
    if not gradients or found is None:
        return None
    W, b, X, y = found
    turned = _is_transposed(W, X)
    if turned is None:
        return None
    matrices = [one.T if turned else one for one in W]
    sizes = [matrices[0].shape[1], *(len(one) for one in matrices)]
    rates = [float(one) for name, one in names.items() if role_of(name)[0] == "rate" and isinstance(one, (int, float))]
    vectors = [one.ravel() for one in b] or [np.zeros(n) for n in sizes[1:]]
    best = None
    for X_rows, y_rows in _as_rows(X, y, sizes):
        # the gradients belong to the parameters before the last step; without a step they are the ones at the end
        for rate in (0.0, *rates):
            parameters = _before(matrices, vectors, gradients, rate, transposed=turned)
            if parameters is None:
                continue
            layers = Layers(
                sizes, activation, output or None, init=parameters if b else (parameters[0], None), bias=bool(b)
            )
            try:
                samples = as_samples(layers, X_rows, y_rows, loss)
            except (ValueError, TypeError):
                continue
            problem = Problem(layers, samples, as_penalty(l2, l1))
            diagnosis, reading = judge(problem, dict(gradients), {})
            words = (
                f"the arrays {', '.join(gradients)} of the script at its end, for its own network {layers.sizes_text}"
            )
            where = f"{words} and data, {'before' if rate else 'without'} a last step"
            diagnosis = replace(diagnosis, notes=(*diagnosis.notes, where))
            if diagnosis.verdict in ("right", "convention"):
                return diagnosis
            if reading is not None and (best is None or len(diagnosis.hypotheses) > len(best.hypotheses)):
                best = diagnosis
            best = best or diagnosis
    return best


def _own_network(
    names: Mapping[str, Any], gradients: Mapping[str, Any]
) -> tuple[list[Array], list[Array], Array, Array] | None:
    """The weights, biases, inputs and targets among a script's arrays."""
    W: list[tuple[int, Array]] = []
    b: list[tuple[int, Array]] = []
    X = y = None
    last = 10_000
    for name, one in names.items():
        if name in gradients:
            continue
        role, number = role_of(name)
        array = np.asarray(one, np.float64) if isinstance(one, (np.ndarray, list)) and _is_numbers(one) else None
        if role in ("weights", "biases") and isinstance(one, (list, tuple)) and array is None:
            (W if role == "weights" else b).extend((i, np.asarray(part)) for i, part in enumerate(one))
        elif array is None:
            continue
        elif role.startswith("weight") and array.ndim == 2:
            W.append((last if role == "weight last" else -1 if role == "weight first" else number, array))
        elif role.startswith("bias"):
            b.append((last if role == "bias last" else -1 if role == "bias first" else number, array))
        elif role == "inputs" and array.ndim == 2 and X is None:
            X = array
        elif role == "targets" and array.ndim in (1, 2) and y is None:
            y = array
    if not W or X is None or y is None or len(b) not in (0, len(W)):
        return None
    W, b = sorted(W, key=lambda pair: pair[0]), sorted(b, key=lambda pair: pair[0])
    return [one for _, one in W], [one for _, one in b], X, y


def _is_numbers(value: Any) -> bool:
    try:
        return np.asarray(value, np.float64).ndim > 0
    except (TypeError, ValueError):
        return False


def _is_transposed(W: list[Array], X: Array) -> bool | None:
    """Whether the weights are (n_{l-1}, n_l); None if they do not fit one another."""
    fits = []
    for turned in (True, False):
        matrices = [one.T if turned else one for one in W]
        chained = all(v.shape[1] == len(u) for u, v in pairwise(matrices))
        if chained and matrices[0].shape[1] in X.shape:
            fits.append(turned)
    return fits[0] if fits else None


def _as_rows(X: Array, y: Array, sizes: list[int]) -> list[tuple[Array, Array]]:
    """Samples as rows, in the ways that fit."""
    found = []
    for inputs in (X, X.T):
        if inputs.shape[1] != sizes[0]:
            continue
        n = len(inputs)
        for targets in (y, y.T):
            if targets.shape == (n, sizes[-1]) or (targets.ndim == 1 and len(targets) == n):
                found.append((inputs, targets))
                break
            if targets.ndim == 2 and targets.size == n * sizes[-1] == n:
                found.append((inputs, targets.reshape(n, 1)))
                break
    return found


def _before(
    W: list[Array], b: list[Array], gradients: Mapping[str, Any], rate: float, *, transposed: bool
) -> tuple[list[Array], list[Array]] | None:
    """The parameters before a last step of gradient descent."""
    if not rate:
        return W, b
    arrays = [one for nest in gradients.values() for _, one in leaves(nest)]
    before_W: list[Array] = []
    before_b: list[Array] = []
    for one, found in [*((w, before_W) for w in W), *((c, before_b) for c in b)]:
        shapes = (
            [one.T.shape if transposed else one.shape] if one.ndim == 2 else [one.shape, (1, one.size), (one.size, 1)]
        )
        step = next((g for g in arrays if g.shape in shapes), None)
        if step is None:
            if one.ndim == 1 and not one.any():
                found.append(one)
                continue
            return None
        arrays = [g for g in arrays if g is not step]
        found.append(one + rate * (step.T if transposed and one.ndim == 2 else step.reshape(one.shape)))
    return before_W, before_b
