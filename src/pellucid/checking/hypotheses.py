"""What may have gone wrong, as ways to compute each quantity; and the search for those that give a gradient's numbers.

A backpropagation is read off its gradient from the output down. At each layer there are a few ways to arrive at d^l
(which loss, which slope, what was sent back through which weights) and a few ways to make partials of it (which
activation, which samples). Those whose numbers are the given ones, up to a constant factor, are kept, and the search
goes on below with each of them. So mistakes combine, and may be in some layers only; what is not reproduced is the
first place where the gradient departs from everything known.

Products are compared by what they do to a few random vectors, and in full only where those agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import NamedTuple

import numpy as np

from pellucid.activations import ACTIVATIONS, Activation
from pellucid.arrays import Array
from pellucid.checking.factors import FactorFault, Names
from pellucid.checking.problem import PerLayerArrays, Problem, output_delta
from pellucid.losses import LOSSES, canonical_pair

_BEAM = 24
"""Partial explanations kept at each layer."""

_PAIRED = 1000
"""Samples of which all pairs are formed, for the mistake that forms them."""

_PLAIN = 1.5
"""What a single mistake costs at most."""

_PROBES = 3
"""Random vectors that a matrix is compared by."""

_OTHERS = ("sigmoid", "tanh", "relu", "identity", "softplus", "sine", "silu", "elu", "leaky_relu")
"""Activations whose derivative people take by mistake."""


class Fault(NamedTuple):
    """One way of going wrong in one layer."""

    kind: str
    detail: str = ""


Faults = tuple[Fault, ...]
"""None, one, or several together."""

COSTS = {
    "slope_missing": 1.0,
    "raw_error": 1.05,
    "slope_at_a": 1.0,
    "slope_of_z": 1.0,
    "other_slope": 1.1,
    "function_for_slope": 1.3,
    "overwritten": 1.1,
    "transposed_weights": 1.0,
    "transposed_gradient": 1.0,
    "wrong_layer_slope": 1.2,
    "wrong_layer_weights": 1.2,
    "wrong_layer_a": 1.1,
    "z_for_a": 1.0,
    "own_a": 1.05,
    "own_z": 1.2,
    "weights_for_a": 1.0,
    "ones_for_a": 1.2,
    "forgotten": 1.0,
    "forgotten_weights": 1.1,
    "not_summed": 1.0,
    "one_sample": 1.0,
    "bias_value": 1.0,
    "updated_weights": 1.1,
    "last_path": 1.0,
    "first_path": 1.1,
    "slope_twice": 1.1,
    "diagonal": 1.05,
    "residual": 1.3,
    "other_loss": 1.4,
    "broadcast": 1.0,
    "activation_twice": 1.1,
    "no_bias": 1.1,
    "other_activation": 1.4,
    "means": 1.1,
    "unweighted": 1.0,
    "no_weights": 1.1,
    "error_for_delta": 1.05,
    "mask": 1.0,
    "unit_mask": 1.3,
    "penalty": 1.0,
}
"""How surprising each kind is: what ranks explanations of the same numbers."""


def row_of(fault: Fault, layer: int, F: int) -> tuple[str, ...]:
    """Rows of the table of mistakes that a fault belongs to: the likeliest, then those with the same numbers."""
    kind = fault.kind
    if kind in ("slope_missing", "error_for_delta"):
        return ("1",) if layer == F else ("2",)
    if kind == "activation_twice":
        return ("20", "26") if fault.detail == "softmax" else ("26",)
    return {
        "raw_error": ("3",),
        "slope_at_a": ("4", "25"),
        "slope_of_z": ("4b",),
        "other_slope": ("5",),
        "function_for_slope": ("5",),
        "overwritten": ("6",),
        "transposed_weights": ("7",),
        "transposed_gradient": ("7",),
        "wrong_layer_slope": ("9",),
        "wrong_layer_weights": ("9",),
        "wrong_layer_a": ("9", "8"),
        "z_for_a": ("8",),
        "own_a": ("8", "9"),
        "own_z": ("8",),
        "weights_for_a": ("8",),
        "ones_for_a": ("8",),
        "forgotten": ("14",),
        "forgotten_weights": ("14",),
        "not_summed": ("15",),
        "one_sample": ("18b",),
        "bias_value": ("16",),
        "updated_weights": ("17",),
        "last_path": ("19",),
        "first_path": ("19",),
        "slope_twice": ("21",),
        "diagonal": ("21",),
        "residual": ("28", "1"),
        "other_loss": ("28",),
        "broadcast": ("27",),
        "no_bias": ("32",),
        "other_activation": ("33",),
        "means": ("34",),
        "unweighted": ("35",),
        "no_weights": ("36",),
        "mask": ("24",),
        "unit_mask": ("24",),
        "penalty": ("23",),
    }[kind]


class Way(NamedTuple):
    """A way to compute something: what it gives, and the fault in it, or None if it is the right way."""

    value: Array
    fault: Fault | None


@dataclass(frozen=True)
class World:
    """A forward pass: the right one, or one with a mistake in it."""

    faults: tuple[tuple[Fault, tuple[int, ...]], ...]
    z: PerLayerArrays
    a: PerLayerArrays
    sigma: Mapping[int, Activation]
    inner: PerLayerArrays = field(default_factory=dict)
    """σ(z^l) of layers that apply σ once more."""

    def replaces(self, l: int) -> bool:
        """Whether another activation is applied in layer l."""
        return any(fault.kind == "other_activation" and l in layers for fault, layers in self.faults)


@dataclass(frozen=True)
class Formed:
    """How the partials of one layer were made: the faults, the factors, and the penalty."""

    W: Faults
    b: Faults
    weights_factor: float
    biases_factor: float


@dataclass(frozen=True, eq=False)
class State:
    """An explanation of the layers from F down to some l."""

    world: World
    e: Array
    d: Array
    delta: tuple[tuple[int, Fault], ...]
    formed: tuple[tuple[int, Formed], ...]
    cost: float
    rate: float | None = None
    """η of weights that were updated too early."""


@dataclass(frozen=True, eq=False)
class Explanation:
    """Faults, by kind with the layers that they are in, and constant factors, which together give the numbers."""

    faults: tuple[tuple[Fault, tuple[int, ...]], ...]
    factors: tuple[FactorFault, ...]
    cost: float
    state: State

    @property
    def key(self) -> tuple[object, ...]:
        """What makes two explanations the same."""
        return (
            *sorted((*fault, *layers) for fault, layers in self.faults),
            *((f.factor.name, f.scope) for f in self.factors),
        )


class Given(NamedTuple):
    """A gradient under test by layer: W[l] of shape (n_l, n_{l-1}) and b[l] of shape (n_l,); absent where not given."""

    W: PerLayerArrays
    b: PerLayerArrays


class Search:
    """The search for explanations of one gradient.

    Parameters
    ----------
    problem : Problem
    given : Given
    tolerance : float
        Relative, of each array's norm.
    floor : (W, b)
        By layer, what rounding may move each partial by.
    seen : mapping
        The user's own z, a and d by layer, where given: an explanation must give them too.
    """

    def __init__(
        self,
        problem: Problem,
        given: Given,
        tolerance: float,
        floor: tuple[PerLayerArrays, PerLayerArrays],
        seen: Mapping[str, PerLayerArrays] | None = None,
    ) -> None:
        self.problem, self.given, self.tolerance, self.seen = problem, given, tolerance, seen or {}
        self.floor_W = {l: float(np.linalg.norm(v)) for l, v in floor[0].items()}
        self.floor_b = {l: float(np.linalg.norm(v)) for l, v in floor[1].items()}
        self.names = Names(problem, tolerance)
        rng = np.random.default_rng(0)
        self.right_probes = {l: rng.standard_normal((problem.sizes[l - 2], _PROBES)) for l in problem.W}
        self.deepest: tuple[int, State | None] = (problem.F + 1, None)

    # the search

    def run(self) -> list[Explanation]:
        """Return the explanations that give the numbers, the likeliest first."""
        found: dict[tuple[object, ...], Explanation] = {}
        with np.errstate(all="ignore"):
            for world in worlds(self.problem):
                if found and len(world.faults) > 1:
                    break
                if not self._agrees(world):
                    continue
                for state in self._descend(world):
                    for explanation in self._explained(state):
                        known = found.get(explanation.key)
                        if known is None or explanation.cost < known.cost:
                            found[explanation.key] = explanation
                if (
                    min((one.cost for one in found.values()), default=9.0) <= _PLAIN
                    and self.problem.layers.parameters.size > 30
                ):
                    break  # one mistake in the right forward pass: another forward pass could match by chance alone
        return _minimal(sorted(found.values(), key=lambda one: one.cost))

    def _agrees(self, world: World) -> bool:
        """Whether the world has the z and a that the user has."""
        for l, a in self.seen.get("a", {}).items():
            if not self._close(a, world.a[l], 0.0):
                return False
        for l, z in self.seen.get("z", {}).items():
            if not (
                self._close(z, world.z[l], 0.0)
                or self._close(z, world.a[l], 0.0)
                or (l in world.inner and self._close(z, world.inner[l], 0.0))
            ):
                return False
        return True

    def _close(self, u: Array, v: Array, floor: float) -> bool:
        size = max(float(np.linalg.norm(u)), float(np.linalg.norm(v)))
        return float(np.linalg.norm(u - v)) <= self.tolerance * size + floor

    def _descend(self, world: World) -> list[State]:
        F = self.problem.F
        states = [
            state
            for e, way in output_ways(self.problem, world)
            for state in self._matched(self._begun(world, e, way), F)
        ]
        for l in range(F - 1, 1, -1):
            states = self._pruned(states)
            states = [
                matched
                for state in states
                for candidate in self._lowered(state, l)
                for matched in self._matched(candidate, l)
            ]
        return self._pruned(states)

    def _begun(self, world: World, e: Array, way: Way) -> State:
        F = self.problem.F
        delta = () if way.fault is None else ((F, way.fault),)
        cost = sum(COSTS[fault.kind] for fault, _ in world.faults)
        return State(world, e, way.value, delta, (), cost + sum(COSTS[fault.kind] for _, fault in delta))

    def _pruned(self, states: list[State]) -> list[State]:
        kept: list[State] = []
        signatures: dict[tuple[object, ...], int] = {}
        for state in sorted(states, key=lambda state: state.cost):
            # the same numbers by another way are kept twice over, no more
            signature = (_rounded(state.d), _rounded(state.e), state.rate)
            signatures[signature] = signatures.get(signature, 0) + 1
            if signatures[signature] <= 3:
                kept.append(state)
            if len(kept) == _BEAM:
                break
        return kept

    def _lowered(self, state: State, l: int) -> Iterator[State]:
        """All ways from layer l+1 to d^l."""
        problem, world = self.problem, state.world
        slopes = list(slope_ways(problem, world, l))
        for e, faults in propagation_ways(problem, state, l):
            for slope in slopes:
                yield self._with_delta(state, l, e, e * slope.value, (*faults, slope.fault))
        for slope in slopes:
            yield self._with_delta(state, l, slope.value, slope.value, (Fault("overwritten"), slope.fault))
        yield from self._updated(state, l, slopes)
        yield from self._unit_masks(state, l, slopes[0].value)

    def _with_delta(
        self, state: State, l: int, e: Array, d: Array, faults: tuple[Fault | None, ...], rate: float | None = None
    ) -> State:
        new = tuple((l, fault) for fault in faults if fault is not None)
        used = {fault for _, fault in state.delta}
        cost = state.cost + sum(0.05 if fault in used else COSTS[fault.kind] for _, fault in new)
        return replace(
            state, e=e, d=d, delta=(*state.delta, *new), cost=cost, rate=state.rate if rate is None else rate
        )

    def _updated(self, state: State, l: int, slopes: list[Way]) -> Iterator[State]:
        """The delta sent through weights that were moved against their gradient already (17); η is fitted."""
        if l + 1 not in self.given.W or l not in self.given.W:
            return
        step = self.given.W[l + 1]
        e0, e1 = state.d @ self.problem.W[l + 1], state.d @ step
        for slope in slopes[:3]:
            d0, d1 = e0 * slope.value, e1 * slope.value
            probe = self.problem.share[:, np.newaxis] * (state.world.a[l - 1] @ self.right_probes[l])
            p0, p1 = d0.T @ probe, d1.T @ probe
            target = self.given.W[l] @ self.right_probes[l] - self.problem.penalty_term(l) @ self.right_probes[l]
            rate = state.rate
            if rate is None and p1.any() and p0.size > 3:
                # g = s (p0 - η p1): two unknowns
                basis = np.stack([p0.ravel(), p1.ravel()], axis=1)
                (s, t), *_ = np.linalg.lstsq(basis, target.ravel(), rcond=None)
                rate = -float(t / s) if s else None
            if rate is not None and rate > 1e-9:
                fault = Fault("updated_weights", f"η = {rate:.6g}")
                yield self._with_delta(state, l, e0 - rate * e1, d0 - rate * d1, (fault, slope.fault), rate)

    def _unit_masks(self, state: State, l: int, slope: Array) -> Iterator[State]:
        """Some neurons switched off in the backward pass alone (24)."""
        if l not in self.given.W or self.problem.sizes[l - 1] < 2:
            return
        e = state.d @ self.problem.W[l + 1]
        d = e * slope
        p = (self.problem.share[:, np.newaxis] * d).T @ state.world.a[l - 1] + self.problem.penalty_term(l)
        g = self.given.W[l]
        size = (p * p).sum(axis=1)
        ratio = np.divide((g * p).sum(axis=1), size, out=np.zeros(len(p)), where=size > 0)
        on = np.abs(ratio) > 1e-3
        live = size > 1e-24 * size.max(initial=0)
        if (on | ~live).all() or not on.any() or not np.allclose(ratio[on], ratio[on][0], rtol=1e-3):
            return
        names = ", ".join(str(j + 1) for j in np.flatnonzero(~on & live)[:8])
        mask = (on | ~live).astype(float)
        yield self._with_delta(state, l, e * mask, d * mask, (Fault("unit_mask", f"neurons {names} get nothing"),))

    # one layer's partials

    def _matched(self, state: State, l: int) -> Iterator[State]:
        """The state, once for each way in which its d^l gives the partials of layer l."""
        seen_d = self.seen.get("d", {}).get(l)
        if seen_d is not None and not self._parallel(seen_d, state.d):
            return
        if not np.isfinite(state.d).all():
            return
        if not self._biases_could(state, l):
            return
        weights = list(self._match_W(state, l)) if l in self.given.W else [((), 1.0)]
        if not weights:
            return
        used = {fault for _, other in state.formed for fault in (*other.W, *other.b)}
        for faults_W, weights_factor in weights:
            for faults_b, biases_factor in self._match_b(state, l, weights_factor):
                if l == 2 and faults_W == faults_b == (Fault("error_for_delta"),):
                    continue  # with nothing below, it is a slope that is missing
                formed = Formed(faults_W, faults_b, weights_factor, biases_factor)
                cost = state.cost + sum(0.05 if one in used else COSTS[one.kind] for one in {*faults_W, *faults_b})
                cost += 0.3 * sum(
                    1 for s in {round(weights_factor, 9), round(biases_factor, 9)} if not self.names.same(s, 1.0)
                )
                matched = replace(state, formed=(*state.formed, (l, formed)), cost=cost)
                if l < self.deepest[0]:
                    self.deepest = (l, matched)
                yield matched

    def _parallel(self, u: Array, v: Array) -> bool:
        size = float(np.vdot(v, v))
        s = float(np.vdot(u, v)) / size if size else 1.0
        return self._close(u, s * v, 0.0) and (size > 0 or not u.any())

    def _match_W(self, state: State, l: int) -> Iterator[tuple[Faults, float]]:
        problem, g, U = self.problem, self.given.W[l], self.right_probes[l]
        norm, floor = float(np.linalg.norm(g)), self.floor_W[l]
        probe_floor = 4 * floor * float(np.linalg.norm(U)) + 1e-300
        ways = list(weight_ways(problem, state, l, U))
        target_U = g @ U
        if norm <= floor:
            right = state_product(problem, state, l, ())
            yield ((), 1.0) if np.linalg.norm(right) <= 4 * floor else ((Fault("forgotten_weights"),), 1.0)
            return
        probed = np.stack([p.ravel() for _, p in ways])
        # another way with the numbers of the right one is no mistake
        scale = np.abs(probed[0]).max(initial=0.0)
        differs = np.abs(probed - probed[0]).max(axis=1, initial=0.0) > 1e-10 * scale
        differs[0] = True
        penalties = list(self._penalties(l))
        zero = np.zeros(target_U.size)
        scaled_U = np.stack([zero if scaled is None else (scaled @ U).ravel() for _, scaled, _ in penalties])
        fixed_U = np.stack([zero if fixed is None else (fixed @ U).ravel() for fixed, _, _ in penalties])
        # (penalty, way, probe): target = s p, fitted and judged for all at once
        p = probed + scaled_U[:, np.newaxis]
        target = target_U.ravel() - fixed_U[:, np.newaxis]
        size = (p * p).sum(axis=2)
        s = np.divide((target * p).sum(axis=2), size, out=np.zeros_like(size), where=(size > 0) & np.isfinite(size))
        apart = target - s[..., np.newaxis] * p
        reach = 4 * self.tolerance * np.sqrt((target * target).sum(axis=2)) + probe_floor
        fits = differs & (s != 0) & ((apart * apart).sum(axis=2) <= reach * reach)
        for v, i in np.argwhere(fits):
            (fixed, scaled, penalty), way, factor = penalties[v], ways[i][0], float(s[v, i])
            is_one = self.names.same(factor, 1.0)
            if not self._allowed(factor, g.size) or (is_one and penalty and scaled is not None):
                continue
            full = state_product(problem, state, l, way) + (scaled if scaled is not None else 0.0)
            rest = g - fixed if fixed is not None else g
            if self._close(rest, factor * full, 2 * floor):
                yield (*way, *penalty), 1.0 if is_one else factor

    def _penalties(self, l: int) -> Iterator[tuple[Array | None, Array | None, Faults]]:
        """Ways to add the penalty: a part that stands as it is, and one that shares the factor."""
        problem = self.problem
        if not problem.penalty:
            yield None, None, ()
            return
        term = problem.penalty_term(l)
        yield None, term, ()
        yield term, None, ()  # the data's part has a factor of its own
        yield None, None, (Fault("penalty", "missing"),)
        sizes = [(2.0, "twice as large"), (0.5, "half as large"), (-1.0, "subtracted")]
        if problem.n > 1:
            sizes += [(1 / problem.n, f"divided by n = {problem.n}")]
        for factor, words in sizes:
            yield factor * term, None, (Fault("penalty", words),)
            yield None, factor * term, (Fault("penalty", words),)

    def _biases_could(self, state: State, l: int) -> bool:
        """A quick no: whether the biases are in the direction of any way to make them."""
        g = self.given.b.get(l)
        if g is None or len(g) == 1 or float(np.linalg.norm(g)) <= self.floor_b[l]:
            return True
        problem = self.problem
        p = np.stack([way for _, way in bias_ways(problem, state, l)])
        found = _directed(g, p, self.tolerance, self.floor_b[l])
        if found or not problem.penalty or not problem.b[l].any():
            return found
        term = problem.penalty.gradient(problem.b[l])
        return any(
            _directed(g - size * term, p, self.tolerance, self.floor_b[l])
            or _directed(g, p + size * term, self.tolerance, self.floor_b[l])
            for size in {1.0, 1 / problem.n}
        )

    def _match_b(self, state: State, l: int, weights_factor: float) -> Iterator[tuple[Faults, float]]:
        if l not in self.given.b:
            yield (), weights_factor
            return
        problem, g, floor = self.problem, self.given.b[l], self.floor_b[l]
        d_mean = problem.share @ state.d
        if float(np.linalg.norm(g)) <= floor:
            if np.linalg.norm(d_mean) <= 4 * floor:
                yield (), weights_factor
                return
            yield (Fault("forgotten"),), weights_factor
            for way, p in bias_ways(problem, state, l):  # such as softmax's deltas, which add up to 0
                if way and np.linalg.norm(p) <= 4 * floor:
                    yield way, weights_factor
            return
        term = problem.penalty.gradient(problem.b[l]) if problem.penalty else np.zeros(1)
        penalties: list[tuple[float, Faults]] = [(0.0, ())]
        if np.linalg.norm(term) > floor:
            penalties += [(1.0, (Fault("penalty", "on the biases too"),))]
            if problem.n > 1:
                penalties += [(1 / problem.n, (Fault("penalty", "on the biases too, divided by n"),))]
        ways = list(bias_ways(problem, state, l))
        for size, penalty in penalties:
            for way, p in ways:
                if way and self._close(p, d_mean, floor):
                    continue
                for fixed, scaled in ((size * term, 0.0), (0.0, size * term))[: 2 if size else 1]:
                    rest, whole = g - fixed, p + scaled
                    s = self._factor(rest, whole, 2 * floor + 1e-300)
                    if s is not None and self._allowed(s, g.size, weights_factor, careful=bool(penalty) or bool(way)):
                        if np.ndim(scaled) and self.names.same(s, 1.0):
                            continue
                        yield (*way, *penalty), weights_factor if self.names.same(s, weights_factor) else s

    def _factor(self, target: Array, p: Array, floor: float) -> float | None:
        """S with target = s p, or None."""
        size = float(np.vdot(p, p))
        if not size or not np.isfinite(size):
            return None
        s = float(np.vdot(target, p)) / size
        return (
            s
            if s and float(np.linalg.norm(target - s * p)) <= 4 * self.tolerance * float(np.linalg.norm(target)) + floor
            else None
        )

    def _allowed(self, s: float, entries: int, other: float = 1.0, *, careful: bool = False) -> bool:
        """Whether a factor is believable: few numbers fit any direction."""
        if self.names.same(s, 1.0) or self.names.same(s, other):
            return True
        if entries >= 4 and not careful:
            return True
        if self.names.of(s, most=1) or self.names.of(s / other, most=1):
            return entries > 1 or not careful
        return entries >= 2 and bool(self.names.of(s))

    # what was found

    def _explained(self, state: State) -> Iterator[Explanation]:
        problem = self.problem
        F = problem.F
        groups: dict[Fault, set[int]] = {}
        for l, fault in state.delta:
            groups.setdefault(fault, set()).add(l)
        values: dict[tuple[str, int], float] = {}
        options: dict[tuple[str, int], tuple[float, ...]] = {}
        for l, formed in state.formed:
            for symbol, faults, factor, given in (
                ("W", formed.W, formed.weights_factor, self.given.W),
                ("b", formed.b, formed.biases_factor, self.given.b),
            ):
                for fault in faults:
                    groups.setdefault(fault, set()).add(l)
                kinds = {fault.kind for fault in faults}
                if l in given and not kinds & {"forgotten", "forgotten_weights"}:
                    values[symbol, l] = factor
                    # what one sample, or one number for all neurons, is divided by belongs to that mistake
                    if "one_sample" in kinds:
                        options[symbol, l] = (1.0, float(problem.n))
                    elif "not_summed" in kinds:
                        options[symbol, l] = (1.0, 1.0 / problem.n, float(problem.sizes[l - 1]))
                    elif "bias_value" in kinds:
                        options[symbol, l] = (1.0, formed.weights_factor)
        for fault, layers in state.world.faults:
            groups[fault] = groups.get(fault, set()) | set(layers)
        cost = 0.0
        for fault, touched in groups.items():
            whole = _applicable(fault, F)
            cost += COSTS[fault.kind] + (0.0 if touched >= whole or len(whole) < 2 else 0.15)
        grouped = tuple((fault, tuple(sorted(layers))) for fault, layers in groups.items())
        best: list[tuple[float, tuple[FactorFault, ...]]] = []
        for i in range(max((len(one) for one in options.values()), default=1)):
            entries = {
                entry: value * (options[entry][i % len(options[entry])] if entry in options else 1.0)
                for entry, value in values.items()
            }
            best += self.names.explain(entries, range(F, 1, -1))
        least = min(factor_cost for factor_cost, _ in best)
        for factor_cost, factors in best:
            if factor_cost <= least + 1:
                yield Explanation(grouped, factors, cost + factor_cost, state)


def _directed(g: Array, p: Array, tolerance: float, floor: float) -> bool:
    """Whether g is a multiple of some row of p."""
    size, along, whole = (p * p).sum(axis=1), p @ g, float(g @ g)
    apart = whole - np.divide(along * along, size, out=np.zeros_like(size), where=size > 0)
    reach = 8 * tolerance * np.sqrt(whole) + 4 * floor
    # the difference of squares cancels: no finer than 1e-14 of their size
    return bool((apart <= reach * reach + 1e-14 * whole).any())


_IN_HIDDEN_LAYERS = (
    *("slope_missing", "slope_at_a", "slope_of_z", "other_slope", "function_for_slope", "raw_error", "overwritten"),
    *("transposed_weights", "updated_weights", "last_path", "first_path", "no_weights"),
)
_IN_ANY_LAYERS = (
    *("diagonal", "residual", "other_loss", "broadcast", "slope_twice", "activation_twice", "no_bias", "unit_mask"),
    *("other_activation", "own_a", "wrong_layer_a", "transposed_gradient", "z_for_a"),
    *("wrong_layer_slope", "wrong_layer_weights"),
)


def _applicable(fault: Fault, F: int) -> set[int]:
    """The layers in which a mistake would be made if it is made throughout; none where that says nothing."""
    if fault.kind in _IN_ANY_LAYERS:
        return set()
    return set(range(2, F if fault.kind in _IN_HIDDEN_LAYERS else F + 1))


def _minimal(explanations: list[Explanation]) -> list[Explanation]:
    """Leave out what needs all that another one needs, and more."""
    kept: list[Explanation] = []
    for one in explanations:
        mine = _needs(one)
        if not any(_needs(other) < mine for other in kept):
            kept.append(one)
    return kept


def _needs(one: Explanation) -> set[tuple[str, object]]:
    faults: set[tuple[str, object]] = {(fault.kind, l) for fault, layers in one.faults for l in layers}
    return faults | {(f.factor.row, f.scope) for f in one.factors}


def _rounded(array: Array) -> bytes:
    """A key for arrays that agree to nine digits of their largest entry."""
    top = float(np.abs(array).max(initial=0.0)) or 1.0
    return np.round(array / top, 9).tobytes() + np.float32(top).tobytes()


# Ways to compute each quantity.


def worlds(problem: Problem) -> Iterator[World]:
    """Forward passes: the right one, those with a mistake, then those with two."""
    yield World((), problem.z, problem.a, problem.sigma)
    F, every = problem.F, tuple(range(2, problem.F + 1))
    slips: list[tuple[Fault, tuple[int, ...]]] = []
    for layers in [(l,) for l in every] + ([every[:-1]] if F > 3 else []) + ([every] if F > 2 else []):
        if all(_changes(problem.sigma[l]) for l in layers):
            only_softmax = layers == (F,) and problem.sigma[F].name == "softmax"
            slips.append((Fault("activation_twice", "softmax" if only_softmax else ""), layers))
    for layers in [(l,) for l in every] + ([every] if F > 2 else []):
        slips += [(Fault("no_bias"), layers)] if any(problem.b[l].any() for l in layers) else []
    for slip in slips:
        yield _world(problem, (slip,))
    for name in ("identity", "sigmoid", "tanh", "relu", "softmax"):
        sets: list[tuple[int, ...]] = [(F,)]
        if name != "softmax":
            sets += [(l,) for l in every[:-1]] if name == "identity" else []
            sets += [every[:-1], every] if F > 2 else []
        for layers in dict.fromkeys(sets):
            if any(problem.sigma[l].name != name for l in layers):
                yield _world(problem, ((Fault("other_activation", name), layers),))
    if problem.layers.parameters.size * problem.n > 10**6:
        return
    single = [slip for slip in slips if len(slip[1]) == 1]
    for first, second in combinations(single, 2):
        yield _world(problem, (first, second))


def _changes(sigma: Activation) -> bool:
    """Whether σ(σ(z)) differs from σ(z)."""
    return sigma.name not in ("identity", "relu", "hard_tanh")


def _world(problem: Problem, slips: tuple[tuple[Fault, tuple[int, ...]], ...]) -> World:
    def has(kind: str, l: int) -> bool:
        return any(fault.kind == kind and l in layers for fault, layers in slips)

    others = [(ACTIVATIONS[fault.detail], layers) for fault, layers in slips if fault.kind == "other_activation"]
    sigma = {l: next((other for other, layers in others if l in layers), problem.sigma[l]) for l in problem.W}
    a: PerLayerArrays = {1: problem.X}
    z: PerLayerArrays = {}
    inner: PerLayerArrays = {}
    for l in range(2, problem.F + 1):
        z[l] = a[l - 1] @ problem.W[l].T + (0 if has("no_bias", l) else problem.b[l])
        a[l] = sigma[l].function(z[l])
        if has("activation_twice", l):
            inner[l] = a[l]
            a[l] = sigma[l].function(inner[l])
        a[l] = problem.masked(l, a[l])
    return World(slips, z, a, sigma, inner)


def output_ways(problem: Problem, world: World) -> Iterator[tuple[Array, Way]]:
    """Ways to ∇_a L and d^F: (e, d)."""
    F, y, loss = problem.F, problem.Y, problem.loss
    sigma, z, a = world.sigma[F], world.z[F], world.a[F]
    pair = canonical_pair(loss, sigma)
    at = world.inner.get(F, z)
    e, d = output_delta(loss, sigma, at, a, y)
    yield e, Way(d, None)
    if F in world.inner:  # the backward pass may know of both, or of either
        slopes = (sigma.derivative(z), sigma.derivative(at))
        if sigma.elementwise:
            for value in (d * slopes[0], e * slopes[0], e * slopes[1], e * slopes[0] * slopes[1]):
                yield e, Way(value, None)
        else:
            yield e, Way(np.einsum("ijk,ij->ik", slopes[0], d), None)
            yield e, Way(np.einsum("ijk,ij->ik", slopes[0], e), None)
    residual = a - y
    yield e, Way(e, Fault("slope_missing"))
    if not _is_parallel(residual, e) and not _is_parallel(residual, d):
        yield residual, Way(residual, Fault("residual"))
    if sigma.elementwise:
        for slope in slope_ways(problem, world, F):
            if slope.fault is not None and slope.fault.kind != "slope_missing":
                yield e, Way(e * slope.value, slope.fault)
        slope_at = sigma.derivative(z)
        if pair is not None:
            yield d, Way(d * slope_at, Fault("slope_twice"))
        yield slope_at, Way(slope_at, Fault("overwritten"))
    else:
        diagonal = a * (1 - a)
        yield e, Way(e * diagonal, Fault("diagonal"))
        if pair is not None:
            yield d, Way(d * diagonal, Fault("slope_twice"))
        elif not _is_parallel(residual, e):
            yield e, Way(residual * diagonal, Fault("slope_twice"))
    if problem.sizes[-1] == 1 and problem.n > 1 and np.ptp(y):
        every = [output_delta(loss, sigma, at, a, np.broadcast_to(y_i, y.shape)) for y_i in y[:_PAIRED]]
        if problem.n <= _PAIRED:
            yield (
                np.mean([e_i for e_i, _ in every], axis=0),
                Way(np.mean([d_i for _, d_i in every], axis=0), Fault("broadcast")),
            )
    for other in LOSSES.values():
        if other.name == loss.name or (other.name == "poisson" and (y < 0).any()):
            continue
        e_other, d_other = output_delta(other, sigma, at, a, y)
        if not np.isfinite(d_other).all() or _is_parallel(e_other, e):
            continue
        yield e_other, Way(d_other, Fault("other_loss", other.name))


def _is_parallel(u: Array, v: Array) -> bool:
    size = float(np.vdot(v, v))
    if not size or not np.isfinite(size):
        return False
    s = float(np.vdot(u, v)) / size
    return bool((np.abs(u - s * v) <= 1e-9 * np.abs(u) + 1e-12 * float(np.abs(u).max())).all())


def slope_ways(problem: Problem, world: World, l: int) -> Iterator[Way]:
    """Ways to σ'(z^l)."""
    sigma, z, a = world.sigma[l], world.z[l], world.a[l]
    if l in problem.masks:
        a = sigma.function(z)
    mask = problem.masks.get(l)
    inner = world.inner.get(l)
    right = sigma.derivative(z) if inner is None else sigma.derivative(z) * sigma.derivative(inner)
    found: list[Way] = [Way(right, None)]

    def add(value: Array, fault: Fault | None) -> None:
        if np.isfinite(value).all() and not any(_same(value, way.value) for way in found):
            found.append(Way(value, fault))

    if inner is not None:  # the backward pass may not know of the second σ
        add(sigma.derivative(z), None)
        add(sigma.derivative(inner), None)
    if world.replaces(l) and problem.sigma[l].elementwise:
        add(problem.sigma[l].derivative(z), None)
    add(np.ones_like(z), Fault("slope_missing"))
    add(sigma.derivative(a), Fault("slope_at_a"))
    if sigma.name == "sigmoid":
        add(z * (1 - z), Fault("slope_of_z"))
    elif sigma.name == "tanh":
        add(1 - z * z, Fault("slope_of_z"))
    for name in _OTHERS:
        if name != sigma.name and name != "identity":
            add(ACTIVATIONS[name].derivative(z), Fault("other_slope", f"{name}'(z)"))
    for name, value in (("a (1 - a)", a * (1 - a)), ("1 - a²", 1 - a * a), ("1 where a > 0", (a > 0) * 1.0)):
        add(value, Fault("other_slope", name))
    add(a, Fault("function_for_slope"))
    add(right * right, Fault("slope_twice"))
    for other, words in ((l + 1, "σ'(z^{l+1})"), (l - 1, "σ'(z^{l-1})")):
        if other in world.z and problem.sizes[other - 1] == problem.sizes[l - 1] and world.sigma[other].elementwise:
            add(world.sigma[other].derivative(world.z[other]), Fault("wrong_layer_slope", words))
    if mask is None:
        yield from found
        return
    for way in found:
        yield Way(way.value * mask, way.fault)
    keep = 1 / float(mask.max())
    yield Way(right, Fault("mask", "missing"))
    yield Way(right * (mask > 0), Fault("mask", "without 1/(1 - p)"))
    if keep < 1:
        yield Way(right * (mask > 0) / (1 - keep), Fault("mask", "with 1/p in place of 1/(1 - p)"))


def _same(u: Array, v: Array) -> bool:
    return bool((np.abs(u - v) <= 1e-14 + 1e-10 * np.abs(v)).all())


def propagation_ways(problem: Problem, state: State, l: int) -> Iterator[tuple[Array, Faults]]:
    """Ways to e^l, what arrives at layer l before σ'."""
    W = problem.W[l + 1]
    n_above, n_l = W.shape
    found: list[Array] = []
    sources: list[tuple[Array, Faults]] = [(state.d, ())]
    if state.e.shape == state.d.shape:
        sources.append((state.e, (Fault("raw_error"),)))
    for d, faults in sources:
        ways: list[tuple[Array, Faults]] = [(d @ W, faults)]
        if n_above == n_l:
            ways += [(d @ W.T, (*faults, Fault("transposed_weights"))), (d, (*faults, Fault("no_weights")))]
        if n_above > 1:
            ways += [
                (d[:, -1:] * W[-1], (*faults, Fault("last_path"))),
                (d[:, :1] * W[0], (*faults, Fault("first_path"))),
            ]
        for other, V in problem.W.items():
            if other != l + 1 and V.shape == W.shape:
                ways.append((d @ V, (*faults, Fault("wrong_layer_weights", f"W^{other} in place of W^{l + 1}"))))
        for value, named in ways:
            if not any(_same(value, known) for known in found):
                found.append(value)
                yield value, named


def weight_ways(problem: Problem, state: State, l: int, U: Array) -> Iterator[tuple[Faults, Array]]:
    """Ways to ∂L/∂W^l, each by its product with U."""
    share, a = problem.share[:, np.newaxis], state.world.a[l - 1]
    d = share * state.d
    factors = list(factor_ways(problem, state.world, l))
    for faults, before in factors:
        yield faults, d.T @ (before @ U)
    if state.e.shape == state.d.shape and not _same(state.e, state.d):
        yield (Fault("error_for_delta"),), (share * state.e).T @ (a @ U)
    yield (Fault("weights_for_a"),), d.sum(axis=0)[:, np.newaxis] * (problem.W[l] @ U)
    if problem.sizes[l - 1] == problem.sizes[l - 2] > 1:
        yield (Fault("transposed_gradient"),), a.T @ (d @ U)
    if problem.n > 1:
        for i, words in ((-1, "the last"), (0, "the first")):
            for faults, before in factors:
                yield (Fault("one_sample", words), *faults), state.d[i][:, np.newaxis] * (before[i] @ U)
            yield (Fault("one_sample", words), Fault("weights_for_a")), state.d[i][:, np.newaxis] * (problem.W[l] @ U)
        yield (Fault("means"),), d.sum(axis=0)[:, np.newaxis] * (problem.share @ a @ U)
    if problem.weight is not None:
        yield (Fault("unweighted"),), state.d.T @ (a @ U) / problem.n


def factor_ways(problem: Problem, world: World, l: int) -> Iterator[tuple[Faults, Array]]:
    """What may stand where a^{l-1} belongs in (3)."""
    a, z, sizes = world.a, world.z, problem.sizes
    yield (), a[l - 1]
    width = sizes[l - 2]
    if l > 2:
        yield (Fault("z_for_a"),), z[l - 1]
    if sizes[l - 1] == width:
        yield (Fault("own_a"),), a[l]
        yield (Fault("own_z"),), z[l]
    for other in range(1, problem.F + 1):
        if other not in (l - 1, l) and sizes[other - 1] == width:
            yield (Fault("wrong_layer_a", f"a^{other} in place of a^{l - 1}"),), a[other]
    if np.ptp(a[l - 1]):
        yield (Fault("ones_for_a"),), np.ones_like(a[l - 1])


def state_product(problem: Problem, state: State, l: int, faults: Faults) -> Array:
    """∂L/∂W^l in one of the ways of `weight_ways`, whole and without penalty."""
    share = problem.share[:, np.newaxis]
    d, a = share * state.d, state.world.a[l - 1]
    kinds = {fault.kind: fault for fault in faults}
    if "error_for_delta" in kinds:
        return (share * state.e).T @ a
    one_sample = kinds.get("one_sample")
    if one_sample is not None and "weights_for_a" in kinds:
        return state.d[-1 if one_sample.detail == "the last" else 0][:, np.newaxis] * problem.W[l]
    if "weights_for_a" in kinds:
        return d.sum(axis=0)[:, np.newaxis] * problem.W[l]
    if "transposed_gradient" in kinds:
        return a.T @ d
    if "means" in kinds:
        return np.outer(d.sum(axis=0), problem.share @ a)
    if "unweighted" in kinds:
        return state.d.T @ a / problem.n
    if "forgotten_weights" in kinds:
        return np.zeros_like(problem.W[l])
    rest = tuple(fault for fault in faults if fault.kind not in ("one_sample", "penalty"))
    before = dict(factor_ways(problem, state.world, l))[rest]
    if one_sample is not None:
        i = -1 if one_sample.detail == "the last" else 0
        return np.outer(state.d[i], before[i])
    return d.T @ before


def bias_ways(problem: Problem, state: State, l: int) -> Iterator[tuple[Faults, Array]]:
    """Ways to ∂L/∂b^l."""
    d = problem.share @ state.d
    yield (), d
    if state.e.shape == state.d.shape:
        yield (Fault("error_for_delta"),), problem.share @ state.e
    if len(d) > 1:
        yield (Fault("not_summed"),), np.full_like(d, d.sum())
    if problem.n > 1:
        for i, words in ((-1, "the last"), (0, "the first")):
            yield (Fault("one_sample", words),), state.d[i]
            if len(d) > 1:
                yield (Fault("one_sample", words), Fault("not_summed")), np.full_like(d, state.d[i].sum())
    if problem.weight is not None:
        yield (Fault("unweighted"),), state.d.mean(axis=0)
    if problem.b[l].any():
        yield (Fault("bias_value"),), problem.b[l]
