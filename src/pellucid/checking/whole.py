"""Faults that show in the gradient as a whole only: arrays in each other's place, cut off, or of weights that move."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from pellucid.arrays import Array
from pellucid.backprop import backpropagate, feedforward, mean_gradient
from pellucid.checking.problem import PerLayerArrays, Problem
from pellucid.checking.ways import Fault

Gradients = tuple[PerLayerArrays, PerLayerArrays]

_MOST_STEPS = 5e5
"""Samples times parameters for which weights are moved sample by sample, some fifty times."""


def suspected_bound(given: Gradients) -> float | None:
    """The number that partials seem to be cut off at: several are the largest, or the largest is a round number."""
    sizes = np.concatenate([np.zeros(0), *(np.abs(array).ravel() for arrays in given for array in arrays.values())])
    bound = float(sizes.max(initial=0.0))
    at = int((sizes >= bound * (1 - 1e-9)).sum())
    if not np.isfinite(bound) or not bound or at == sizes.size or (at < 2 and not is_round(bound)):
        return None
    return bound


def is_round(number: float) -> bool:
    """Whether a number has two significant digits at most."""
    return abs(number - float(f"{number:.2g}")) <= 1e-9 * abs(number)


def shifted(problem: Problem, given: Gradients, agrees: Callable[[str, int, Array, Array], bool]) -> Iterator[Fault]:
    """Whether every array is right, in the place of the layer above or below, and one place is empty."""
    right = {"W": problem.gradient_W, "b": problem.gradient_b}
    arrays = dict(zip("Wb", given, strict=True))
    for step, form in ((1, "below"), (-1, "above")):
        fits, moved = True, 0
        for symbol, of in arrays.items():
            for l, g in of.items():
                t = right[symbol].get(l + step)
                if t is None:
                    fits = fits and not g.any()
                else:
                    moved += 1
                    fits = fits and t.shape == g.shape and agrees(symbol, l, g, t)
        if fits and moved:
            yield Fault("shifted", form)


def moving_gradient(problem: Problem, rate: float) -> Gradients:
    """The mean gradient where each sample moves the weights and biases before the next one comes."""
    layers = problem.exact.copy()
    W = {l: np.zeros_like(array) for l, array in problem.W.items()}
    b = {l: np.zeros_like(array) for l, array in problem.b.items()}
    vector = np.empty_like(layers.parameters)
    for i in range(problem.n):
        z, a = feedforward(layers, problem.X[i : i + 1])
        d = backpropagate(layers, z, a, problem.Y[i : i + 1], problem.loss)
        own_W, own_b = mean_gradient(layers, a, d, 1.0, vector, problem.penalty)
        for l in W:
            W[l] += problem.share[i] * own_W[l]
            if own_b:
                b[l] += problem.share[i] * own_b[l]
        layers.parameters[...] -= rate * vector
    return W, b if problem.has_bias else {}


def moving_rate(problem: Problem, given: Gradients, tolerance: float) -> tuple[float, float] | None:
    """η and the factor for which weights that move from sample to sample give the gradient, or None."""
    size = problem.layers.parameters.size
    if problem.n < 2 or problem.n * size > _MOST_STEPS or problem.n > 200 or problem.masks:
        return None
    if set(given[0]) != set(problem.W) or set(given[1]) != set(problem.b if problem.has_bias else {}):
        return None
    g = _vector(given)

    def miss(rate: float) -> tuple[float, float]:
        p = _vector(moving_gradient(problem, rate))
        whole = float(p @ p)
        if not np.isfinite(whole) or not whole:
            return np.inf, 0.0
        s = float(g @ p) / whole
        return float(np.linalg.norm(g - s * p)), s

    with np.errstate(all="ignore"):
        tried = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0]
        missed = [miss(rate)[0] for rate in tried]
        least = int(np.argmin(missed))
        if missed[least] > 0.2 * float(np.linalg.norm(g)):
            return None
        low, high = tried[max(least - 1, 0)] / 3, tried[min(least + 1, len(tried) - 1)] * 1.5
        best = min((_least(lambda rate: miss(rate)[0], low, high), tried[least]), key=lambda rate: miss(rate)[0])
        off, s = miss(best)
    return (best, s) if off <= 10 * tolerance * float(np.linalg.norm(g)) else None


def _least(f: Callable[[float], float], low: float, high: float) -> float:
    """Where a function of one minimum in an interval is least, by golden sections; a miss is |η - η0| near η0."""
    ratio = (np.sqrt(5) - 1) / 2
    u, v = high - ratio * (high - low), low + ratio * (high - low)
    fu, fv = f(u), f(v)
    for _ in range(60):
        if high - low <= 1e-10 * high:
            break
        if fu < fv:
            high, v, fv = v, u, fu
            u = high - ratio * (high - low)
            fu = f(u)
        else:
            low, u, fu = u, v, fv
            v = low + ratio * (high - low)
            fv = f(v)
    return float(low + high) / 2


def cut_by_norm(
    factors: Mapping[tuple[str, int], float], given: Mapping[tuple[str, int], Array]
) -> tuple[str, float, tuple[int, ...]] | None:
    """Whether factors come of a bound on norms: (how, the bound, the layers), or None."""
    norms = {entry: float(np.linalg.norm(given[entry])) for entry in factors}
    cut = [entry for entry, s in factors.items() if abs(s - 1) > 1e-4]
    if not cut or any(factors[entry] <= 0 for entry in cut):
        return None
    layers = tuple(sorted({l for _, l in cut}))
    bound = max(norms[entry] for entry in cut)
    alike = all(abs(norms[entry] - bound) <= 1e-5 * bound for entry in cut)
    below = all(norms[entry] <= bound * (1 + 1e-5) for entry in factors)
    shrunk = all(factors[entry] < 1 for entry in cut)
    if alike and below and shrunk and (len(cut) > 1 or is_round(bound)):
        return "each array to norm", bound, layers
    first = factors[cut[0]]
    together = float(np.sqrt(sum(norm * norm for norm in norms.values())))
    if (
        len(cut) == len(factors)
        and all(abs(s - first) <= 1e-4 * first for s in factors.values())
        and is_round(together)
    ):
        return "all arrays together to norm", together, layers
    return None


def _vector(gradients: Gradients) -> Array:
    return np.concatenate([np.zeros(0), *(array.ravel() for arrays in gradients for array in arrays.values())])
