"""Samples that tell hypotheses apart: each combination of faults is worked through on others."""

from __future__ import annotations

import numpy as np

from pellucid.arrays import Array
from pellucid.checking.diagnosis import BetterInput
from pellucid.checking.faults import (
    back_ways,
    bias_ways,
    delta_ways,
    mistakes_of,
    output_ways,
    slopes,
    weight_ways,
    world_with,
)
from pellucid.checking.problem import PerLayerArrays, Problem
from pellucid.checking.search import OWN_STEP, Combination, own_step
from pellucid.checking.ways import Fault, Faults, Formed, State
from pellucid.samples import Samples

_FITTED = ("unit_mask", "clipped", "constant_biases")
"""Kinds of which the numbers belong to the gradient that they were fitted to."""


def better_input(problem: Problem, combinations: list[Combination], tolerance: float) -> BetterInput | None:
    """Find samples on which as many combinations as possible differ, the likeliest from some other at least."""
    rng = np.random.default_rng(0)
    scale = float(np.abs(problem.X).max()) or 1.0
    best: tuple[int, BetterInput] | None = None
    for n in (max(3, problem.n), max(5, problem.n + 1), max(7, 2 * problem.n + 1)):
        if n > 200:
            break
        X = np.round(scale * rng.uniform(-1, 1, (n, problem.sizes[0])), 3)
        Y = problem.Y[rng.integers(0, problem.n, n)]
        if problem.loss.targets in ("numbers", "probabilities") and (problem.n == 1 or not np.ptp(problem.Y)):
            Y = np.round(rng.uniform(0, 1, Y.shape), 3)
        elif problem.loss.targets == "classes":
            Y = np.eye(Y.shape[1])[rng.integers(0, Y.shape[1], n)]
        samples = Samples(
            X, Y, problem.loss, None if problem.weight is None else rng.uniform(0.5, 2, n), is_single=False
        )
        with np.errstate(all="ignore"):
            other = problem.with_samples(samples, (X, Y))
            results = [replay(one, other) for one in combinations]
        first = results[0]
        apart = [
            i
            for i, v in enumerate(results[1:], start=1)
            if first is not None and v is not None and _differ(first, v, 100 * tolerance)
        ]
        if apart and (best is None or len(apart) > best[0]):
            names = ["+".join(_rows(problem, one)) for one in combinations]
            others = " or ".join(dict.fromkeys(f"[{names[i]}]" for i in apart))
            why = f"{n} samples, in better_input.X and .y, on which [{names[0]}] gives other numbers than {others}"
            best = len(apart), BetterInput(X, Y, why)
    return None if best is None else best[1]


def replay(combination: Combination, problem: Problem) -> tuple[PerLayerArrays, PerLayerArrays] | None:
    """Compute the gradient that a combination gives on other samples, or None if it does not apply to them."""
    old = combination.state
    if old is None or any(fault.kind in _FITTED for fault, _ in combination.faults):
        return None
    F = problem.F
    faults: dict[int, Faults] = {l: tuple(fault for at, fault in old.delta if at == l) for l in problem.W}
    world = world_with(problem, old.world.faults)
    state = next((State(world, e, d) for e, d, made in output_ways(problem, world) if made == faults[F]), None)
    if state is None:
        return None
    W: PerLayerArrays = {}
    b: PerLayerArrays = {}
    formed = dict(old.formed)
    for l in range(F, 1, -1):
        if l < F:
            lowered = _lowered(problem, state, l, faults[l], W)
            if lowered is None:
                return None
            state = lowered
        made = _formed(problem, state, l, formed[l])
        if made is None:
            return None
        W[l], b[l] = (_times(combination, symbol, l, problem) * array for symbol, array in zip("Wb", made, strict=True))
    return W, b if problem.has_bias else {}


def _times(combination: Combination, symbol: str, l: int, problem: Problem) -> float:
    return float(np.prod([one.factor.on(problem) ** one.powers.get((symbol, l), 0) for one in combination.factors]))


def _formed(problem: Problem, state: State, l: int, formed: Formed) -> tuple[Array, Array] | None:
    of_weights, of_biases = (
        tuple(fault for fault in faults if fault.kind != "penalty") for faults in (formed.W, formed.b)
    )
    if Fault("forgotten_weights") in of_weights:
        W = np.asarray(np.zeros_like(problem.W[l]))
    else:
        product = next((product for product, made in weight_ways(problem, state, l) if made == of_weights), None)
        if product is None:
            return None
        W = np.asarray(product.whole)
    if Fault("forgotten") in of_biases:
        return W + problem.penalty_term(l), np.zeros_like(problem.b[l])
    b: Array | None = next((array for array, made in bias_ways(problem, state, l) if made == of_biases), None)
    return None if b is None else (W + problem.penalty_term(l), b)


def _lowered(problem: Problem, state: State, l: int, faults: Faults, W: PerLayerArrays) -> State | None:
    updated = next((fault for fault in faults if fault.kind == "updated_weights"), None)
    if updated is not None:
        step = own_step(state, l) if updated.form == OWN_STEP else state.d @ W[l + 1]
        assert updated.number is not None
        e: Array = state.d @ problem.W[l + 1] - updated.number * step
        rest = tuple(fault for fault in faults if fault != updated)
        return next((State(state.world, e, e * s) for s, made in slopes(problem, state.world, l) if made == rest), None)
    for e, sent in back_ways(problem, state, l):
        for slope, made in slopes(problem, state.world, l):
            if (*sent, *made) == faults:
                return State(state.world, e, e * slope)
    return next((State(state.world, e, d) for e, d, made in delta_ways(problem, state, l) if made == faults), None)


def _rows(problem: Problem, one: Combination) -> list[str]:
    rows = [mistakes_of(fault, max(layers), problem.F)[0] for fault, layers in one.faults]
    return [*rows, *(factor.factor.row for factor in one.factors)]


def _differ(
    u: tuple[PerLayerArrays, PerLayerArrays], v: tuple[PerLayerArrays, PerLayerArrays], tolerance: float
) -> bool:
    return any(
        np.linalg.norm(p[l] - q[l]) > tolerance * max(np.linalg.norm(p[l]), np.linalg.norm(q[l]))
        for p, q in zip(u, v, strict=True)
        for l in p
    )
