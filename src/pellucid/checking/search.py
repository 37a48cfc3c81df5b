"""The search for the combinations of faults that give a gradient's numbers.

A backpropagation is read off its gradient from the output down. At each layer the table of faults has a few ways to
arrive at d^l (which loss, which slope, what was sent back through which weights) and a few ways to make partials of it
(which activation, which samples). Those whose numbers are the given ones, up to a constant factor, are kept, and the
search goes on below with each of them. So mistakes combine, and may be in some layers only; what is not reproduced is
the first place where the gradient departs from everything known.

Products are compared by what they do to a few random vectors, and in full only where those agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from pellucid.arrays import Array
from pellucid.checking.factors import FactorFault, Names
from pellucid.checking.faults import (
    back_ways,
    before_ways,
    bias_ways,
    delta_ways,
    kind_of,
    output_ways,
    slopes,
    weight_ways,
    worlds,
)
from pellucid.checking.problem import PerLayerArrays, Problem
from pellucid.checking.ways import Fault, Faults, Formed, Product, State, World
from pellucid.checking.whole import cut_by_norm, is_round, moving_rate, shifted, suspected_bound

_BEAM = 24
"""Partial combinations kept at each layer."""

_PLAIN = 1.5
"""What a single mistake costs at most."""

_PROBES = 3
"""Random vectors that a matrix is compared by."""

_MOST_BOUNDED = 2000
"""Parameters of networks in which other mistakes are looked for beside a bound: every product is formed for that."""

_NAMED = 1.9
"""What factors that have a name cost at most."""

_UNNAMED = 1.4
"""What a factor without a name costs in one layer."""

_AGAIN = 0.05
"""What a fault costs that was made in a layer above as well."""


@dataclass(frozen=True, eq=False)
class Combination:
    """Faults, with the layers that they are in, and constant factors, which together give the numbers.

    ``state`` is what the search found them by; None for what only shows in the gradient as a whole.
    """

    faults: tuple[tuple[Fault, tuple[int, ...]], ...]
    factors: tuple[FactorFault, ...]
    cost: float
    state: State | None

    @property
    def key(self) -> tuple[object, ...]:
        """What makes two combinations the same."""
        return frozenset(self.faults), *((f.factor.name, f.scope) for f in self.factors)

    @property
    def is_convention(self) -> bool:
        """Whether it is only the gradient of another common loss."""
        return not self.faults and all(one.factor.is_convention and one.scope == "everywhere" for one in self.factors)


class Given(NamedTuple):
    """A gradient under test by layer: W[l] of shape (n_l, n_{l-1}) and b[l] of shape (n_l,); absent where not given."""

    W: PerLayerArrays
    b: PerLayerArrays


class _Penalty(NamedTuple):
    """One way to add the penalty of a layer: as it is, with the weights' factor, or in a size that is fitted."""

    fixed: Array | None = None
    scaled: Array | None = None
    free: Array | None = None
    faults: Faults = ()
    own: bool = False


class _Match(NamedTuple):
    """A way in which a layer's partials agree; see `Formed`. ``extra`` is λ, where it was fitted."""

    faults: Faults
    factor: float
    own_penalty: bool = False
    extra: float | None = None


OWN_STEP = "sample by sample"
"""The form of updated weights in which each sample moves them by its own gradient, for itself."""


FROM_SAMPLE_TO_SAMPLE = "from sample to sample within the batch"
"""The form in which each sample moves the weights that the next one meets."""


def own_step(state: State, l: int) -> Array:
    """∂L_i/∂W^{l+1} sent back: (d_i a_iᵀ)ᵀ d_i = |d_i|² a_i^l, of shape (n, n_l)."""
    return np.asarray((state.d * state.d).sum(axis=1, keepdims=True) * state.world.a[l])


def _begun(world: World) -> State:
    cost = sum(kind_of(fault).cost for fault, _ in world.faults)
    nothing = np.zeros((0, 0))
    return State(world, nothing, nothing, cost=cost)


class Search:
    """The search for combinations of faults that give one gradient.

    Parameters
    ----------
    problem : Problem
    given : Given
    tolerance : float
        Relative, of each array's norm.
    floor : (W, b)
        By layer, what rounding may move each partial by.
    seen : mapping
        The user's own z, a and d by layer, where given: a combination must give them too.
    bound : float, optional
        Suppose that partials are cut off at ±bound.
    """

    def __init__(
        self,
        problem: Problem,
        given: Given,
        tolerance: float,
        floor: tuple[PerLayerArrays, PerLayerArrays],
        seen: Mapping[str, PerLayerArrays] | None = None,
        bound: float | None = None,
    ) -> None:
        self.bound = bound
        self.problem, self.given, self.tolerance, self.seen = problem, given, tolerance, seen or {}
        self.floors = floor
        self.floor_W = {l: float(np.linalg.norm(v)) for l, v in floor[0].items()}
        self.floor_b = {l: float(np.linalg.norm(v)) for l, v in floor[1].items()}
        self.names = Names(problem, tolerance)
        rng = np.random.default_rng(0)
        self.right_probes = {l: rng.standard_normal((problem.sizes[l - 2], _PROBES)) for l in problem.W}
        self.deepest: tuple[int, State | None] = (problem.F + 1, None)

    # the search

    def run(self) -> list[Combination]:
        """Return the combinations that give the numbers, the likeliest first."""
        with np.errstate(all="ignore"):
            found = self._all()
            if not found and self.bound is None:
                found = list(self._whole())
        return _minimal(sorted(found, key=lambda one: one.cost))

    def _all(self) -> list[Combination]:
        found: dict[tuple[object, ...], Combination] = {}
        for world in worlds(self.problem):
            if found and len(world.faults) > 1:
                break
            if not self._agrees(world):
                continue
            for state in self._descend(world):
                for one in self._explained(state):
                    known = found.get(one.key)
                    if known is None or one.cost < known.cost:
                        found[one.key] = one
            if (
                min((one.cost for one in found.values()), default=9.0) <= _PLAIN
                and self.problem.layers.parameters.size > 30
            ):
                break  # one mistake in the right forward pass: another forward pass could match by chance alone
        return list(found.values())

    def _right(self) -> Iterator[Combination]:
        """The right gradient, cut off at the bound."""
        right = {"W": self.problem.gradient_W, "b": self.problem.gradient_b}
        pairs = [(s, l, g) for s, of in zip("Wb", (self.given.W, self.given.b), strict=True) for l, g in of.items()]
        if all(self._bounded(g, right[s][l], 2 * self.floor_W[l]) == 1.0 for s, l, g in pairs):
            yield Combination((), (), 0.0, None)

    def _whole(self) -> Iterator[Combination]:
        """What does not show layer by layer."""
        given, every = (self.given.W, self.given.b), tuple(self.problem.W)
        floors = {"W": self.floor_W, "b": self.floor_b}
        for fault in shifted(self.problem, given, lambda symbol, l, g, t: self._close(g, t, floors[symbol][l])):
            yield Combination(((fault, every),), (), kind_of(fault).cost, None)
        bound = suspected_bound(given)
        if bound is not None:
            clipped = Fault("clipped", "each partial at", number=bound)
            layers = tuple(
                l for l in every if any(l in of and np.abs(of[l]).max() >= bound * (1 - 1e-9) for of in given)
            )
            search = Search(self.problem, self.given, self.tolerance, self.floors, self.seen, bound)
            for one in search._all() if self.problem.layers.parameters.size <= _MOST_BOUNDED else search._right():
                cost = one.cost + kind_of(clipped).cost
                yield replace(one, faults=(*one.faults, (clipped, layers)), cost=cost)
        found = moving_rate(self.problem, given, self.tolerance)
        if found is not None:
            rate, s = found
            fault = Fault("updated_weights", FROM_SAMPLE_TO_SAMPLE, number=rate)
            entries = {(symbol, l): s for symbol, of in zip("Wb", given, strict=True) for l in of}
            for cost, factors in self.names.explain(entries, range(self.problem.F, 1, -1)):
                if all(one.factor.row in ("10", "11") for one in factors):
                    factors = ()  # the sum of the steps, or their mean: how far all samples move the weights
                yield Combination(((fault, every),), factors, kind_of(fault).cost + cost, None)

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
            for e, d, faults in output_ways(self.problem, world)
            for state in self._matched(self._with_delta(_begun(world), F, e, d, faults), F)
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
        to_slopes = slopes(problem, world, l)
        for e, faults in back_ways(problem, state, l):
            for slope, wrong in to_slopes:
                yield self._with_delta(state, l, e, e * slope, (*faults, *wrong))
        for e, d, faults in delta_ways(problem, state, l):
            yield self._with_delta(state, l, e, d, faults)
        yield from self._updated(state, l, to_slopes)
        yield from self._unit_masks(state, l, to_slopes[0][0])

    def _with_delta(self, state: State, l: int, e: Array, d: Array, faults: Faults) -> State:
        new = tuple((l, fault) for fault in faults)
        used = {fault for _, fault in state.delta}
        cost = state.cost + sum(_AGAIN if fault in used else kind_of(fault).cost for fault in faults)
        return replace(state, e=e, d=d, delta=(*state.delta, *new), cost=cost)

    def _updated(self, state: State, l: int, to_slopes: list[tuple[Array, Faults]]) -> Iterator[State]:
        """The delta sent through weights that were moved against their gradient already (17); η is fitted."""
        problem = self.problem
        if l + 1 not in self.given.W or l not in self.given.W:
            return
        target = (self.given.W[l] - problem.penalty_term(l)) @ self.right_probes[l]
        probe = problem.share[:, np.newaxis] * (state.world.a[l - 1] @ self.right_probes[l])
        e0 = state.d @ problem.W[l + 1]
        for form, e1 in self._steps(state, l):
            for slope, faults in to_slopes[:3]:
                d0, d1 = e0 * slope, e1 * slope
                p0, p1 = d0.T @ probe, d1.T @ probe
                rate = state.rate
                if rate is None and p0.any() and p1.any() and p0.size > 3:
                    s, t = _two_factors(p0, p1, target)  # g = s (p0 - η p1)
                    rate = -t / s if s else None
                if rate is not None and rate > 1e-9:
                    fault = Fault("updated_weights", form, number=rate)
                    yield self._with_delta(state, l, e0 - rate * e1, d0 - rate * d1, (fault, *faults))

    def _steps(self, state: State, l: int) -> Iterator[tuple[str, Array]]:
        """What W^{l+1} was moved by for each unit of η, sent back: the batch's gradient, or each sample's own."""
        yield "", state.d @ self.given.W[l + 1]
        if self.problem.n > 1:
            yield OWN_STEP, own_step(state, l)

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
        yield self._with_delta(state, l, e * mask, d * mask, (Fault("unit_mask", names),))

    # one layer's partials

    def _matched(self, state: State, l: int) -> Iterator[State]:
        """The state, once for each way in which its d^l gives the partials of layer l."""
        seen_d = self.seen.get("d", {}).get(l)
        if seen_d is not None and not self._parallel(seen_d, state.d):
            return
        if not np.isfinite(state.d).all():
            return
        if self.bound is None and not self._biases_could(state, l):
            return
        weights = list(self._match_W(state, l)) if l in self.given.W else [_Match((), 1.0)]
        if not weights:
            return
        used = {fault for _, other in state.formed for fault in (*other.W, *other.b)}
        for weight in weights:
            for faults_b, biases_factor in self._match_b(state, l, weight):
                if l == 2 and weight.faults == faults_b == (Fault("error_for_delta"),):
                    continue  # with nothing below, it is a slope that is missing
                formed = Formed(weight.faults, faults_b, weight.factor, biases_factor, weight.own_penalty)
                cost = state.cost + sum(
                    _AGAIN if one in used else kind_of(one).cost for one in {*weight.faults, *faults_b}
                )
                cost += sum(self._surprise(s, state) for s in {round(weight.factor, 9), round(biases_factor, 9)})
                extra = state.extra if weight.extra is None else weight.extra
                matched = replace(state, formed=(*state.formed, (l, formed)), cost=cost, extra=extra)
                if l < self.deepest[0]:
                    self.deepest = (l, matched)
                yield matched

    def _surprise(self, factor: float, state: State) -> float:
        """What a factor costs while it is not known which arrays share it."""
        if self.names.same(factor, 1.0):
            return 0.0
        return 0.3 if self.names.same(factor, state.factor) or self.names.of(factor) else _UNNAMED

    def _parallel(self, u: Array, v: Array) -> bool:
        size = float(np.vdot(v, v))
        s = float(np.vdot(u, v)) / size if size else 1.0
        return self._close(u, s * v, 0.0) and (size > 0 or not u.any())

    def _match_W(self, state: State, l: int) -> Iterator[_Match]:
        problem, g, U = self.problem, self.given.W[l], self.right_probes[l]
        norm, floor = float(np.linalg.norm(g)), self.floor_W[l]
        ways = list(weight_ways(problem, state, l))
        if norm <= floor:
            is_right = np.linalg.norm(ways[0][0].whole) <= 4 * floor
            yield _Match((), 1.0) if is_right else _Match((Fault("forgotten_weights"),), 1.0)
            return
        if self.bound is not None:
            yield from self._match_bounded(l, ways)
            return
        probe_floor = 4 * floor * float(np.linalg.norm(U)) + 1e-300
        known = self._probed_befores(state.world, l)
        probed = np.stack([product.times(U, known).ravel() for product, _ in ways])
        # another way with the numbers of the right one is no mistake
        scale = np.abs(probed[0]).max(initial=0.0)
        differs = np.abs(probed - probed[0]).max(axis=1, initial=0.0) > 1e-10 * scale
        differs[0] = True
        penalties = list(self._penalties(state, l))
        zero, target_U = np.zeros(g.shape[0] * U.shape[1]), (g @ U).ravel()
        scaled_U = np.stack([zero if one.scaled is None else (one.scaled @ U).ravel() for one in penalties])
        fixed_U = np.stack([zero if one.fixed is None else (one.fixed @ U).ravel() for one in penalties])
        # (penalty, way, probe): target = s p, fitted and judged for all at once
        p = probed + scaled_U[:, np.newaxis]
        target = np.broadcast_to((target_U - fixed_U)[:, np.newaxis], p.shape)
        reach = 4 * self.tolerance * np.sqrt((target * target).sum(axis=2)) + probe_floor
        free = [v for v, one in enumerate(penalties) if one.free is not None]
        if free:  # target = s p + c v, with c free as well: both without their part along v
            v = np.stack([(penalties[i].free @ U).ravel() for i in free])[:, np.newaxis]  # type: ignore[operator]
            v = v / np.linalg.norm(v, axis=2, keepdims=True)
            p[free] -= (p[free] * v).sum(axis=2, keepdims=True) * v
            target = target.copy()
            target[free] -= (target[free] * v).sum(axis=2, keepdims=True) * v
        size = (p * p).sum(axis=2)
        s = np.divide((target * p).sum(axis=2), size, out=np.zeros_like(size), where=(size > 0) & np.isfinite(size))
        apart = target - s[..., np.newaxis] * p
        fits = differs & (s != 0) & ((apart * apart).sum(axis=2) <= reach * reach)
        fits[free] &= ~np.delete(fits, free, axis=0).any(axis=0)  # what fits without is not fitted again
        for v, i in np.argwhere(fits):
            yield from self._match_in_full(l, penalties[v], ways[i], float(s[v, i]))

    def _match_in_full(self, l: int, penalty: _Penalty, one: tuple[Product, Faults], factor: float) -> Iterator[_Match]:
        """A way that the probes let through, compared in full."""
        (product, way), g, floor = one, self.given.W[l], self.floor_W[l]
        is_one = self.names.same(factor, 1.0)
        if not self._allowed(factor, g.size, is_right=not way and g.size > 1) or (
            is_one and penalty.faults and penalty.scaled is not None
        ):
            return
        full = product.whole + (penalty.scaled if penalty.scaled is not None else 0.0)
        rest, faults, extra = g, penalty.faults, None
        if penalty.free is not None:
            factor, extra = _two_factors(full, penalty.free, g)
            if not factor or not np.isfinite(extra):
                return
            size = abs(extra) * float(np.linalg.norm(penalty.free))
            if size <= 100 * self.tolerance * float(np.linalg.norm(g)) + 10 * floor:
                return
            if self.problem.penalty and any(self.names.same(extra, known) for known in (1.0, factor)):
                return
            rest = g - extra * penalty.free
            faults = tuple(fault._replace(number=extra) for fault in faults)
            is_one = self.names.same(factor, 1.0)
        elif penalty.fixed is not None:
            rest = g - penalty.fixed
        if self._close(rest, factor * full, 2 * floor):
            yield _Match((*way, *faults), 1.0 if is_one else factor, penalty.own and not is_one, extra)

    def _probed_befores(self, world: World, l: int) -> dict[int, Array]:
        if ("probed", l) not in world.cache:
            world.cache["probed", l] = {
                id(before): before @ self.right_probes[l] for before, _ in before_ways(self.problem, world, l)
            }
        return dict(world.cache["probed", l])

    def _penalties(self, state: State, l: int) -> Iterator[_Penalty]:
        """Ways to add the penalty: a part that is added as it is, one that shares the factor, one of unknown size."""
        problem = self.problem
        can_be_fitted = self.given.W[l].size >= 3 and state.extra is None
        if not problem.penalty:
            yield _Penalty()
            W = problem.W[l]
            if state.extra is not None:
                yield _Penalty(fixed=state.extra * W, faults=(Fault("penalty", "undeclared", number=state.extra),))
            elif can_be_fitted:
                yield _Penalty(free=W, faults=(Fault("penalty", "undeclared"),))
            return
        term = problem.penalty_term(l)
        yield _Penalty(scaled=term)
        yield _Penalty(fixed=term, own=True)  # the data's part has a factor of its own
        yield _Penalty(faults=(Fault("penalty", "missing"),))
        sizes = [(2.0, "twice as large"), (0.5, "half as large"), (-1.0, "subtracted")]
        if problem.n > 1:
            sizes += [(1 / problem.n, f"divided by n = {problem.n}"), (problem.n, f"multiplied by n = {problem.n}")]
        for factor, words in sizes:
            yield _Penalty(fixed=factor * term, faults=(Fault("penalty", words),))
            yield _Penalty(scaled=factor * term, faults=(Fault("penalty", words),))
        if state.extra is not None:
            yield _Penalty(fixed=state.extra * term, faults=(Fault("penalty", "fitted", number=state.extra),))
        elif can_be_fitted:
            yield _Penalty(free=term, faults=(Fault("penalty", "fitted"),))

    def _match_bounded(self, l: int, ways: list[tuple[Product, Faults]]) -> Iterator[_Match]:
        """Partials that were cut off at ±bound: what is inside must agree, and what is not must lie beyond."""
        g, term = self.given.W[l], self.problem.penalty_term(l)
        for product, way in ways:
            s = self._bounded(g, product.whole + term, 2 * self.floor_W[l])
            if s is not None:
                yield _Match(way, s)

    def _bounded(self, g: Array, p: Array, floor: float) -> float | None:
        """S with g = s p, cut off at ±bound; or None."""
        assert self.bound is not None
        inside = np.abs(g) < self.bound * (1 - 1e-9)
        s: float | None = 1.0
        if inside.sum() > 1:
            s = self._factor(g[inside], p[inside], floor)
            s = 1.0 if s is not None and self.names.same(s, 1.0) else s
        elif inside.any() and not self._close(g[inside], p[inside], floor):
            return None
        if s is None or not self._allowed(s, int(inside.sum())):
            return None
        beyond = s * p[~inside] * np.sign(g[~inside])
        return s if bool((beyond >= self.bound * (1 - 4 * self.tolerance) - floor).all()) else None

    def _biases_could(self, state: State, l: int) -> bool:
        """A quick no: whether the biases are in the direction of any way to make them."""
        g = self.given.b.get(l)
        if g is None or len(g) == 1 or float(np.linalg.norm(g)) <= self.floor_b[l]:
            return True
        problem = self.problem
        p = np.stack([way for way, _ in bias_ways(problem, state, l)])
        found = _directed(g, p, self.tolerance, self.floor_b[l])
        if found or not problem.b[l].any() or (not problem.penalty and state.extra is None):
            return found
        term = self._bias_penalty(l, state.extra)
        return any(
            _directed(g - size * term, p, self.tolerance, self.floor_b[l])
            or _directed(g, p + size * term, self.tolerance, self.floor_b[l])
            for size in {1.0, 1 / problem.n}
        )

    def _bias_penalty(self, l: int, extra: float | None) -> Array:
        """What a penalty on the biases would add, for the λ that the weights have."""
        b = self.problem.b[l]
        return np.asarray(self.problem.penalty.gradient(b) if self.problem.penalty else (extra or 0.0) * b)

    def _match_b(self, state: State, l: int, weight: _Match) -> Iterator[tuple[Faults, float]]:
        weights_factor = weight.factor
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
            for p, way in bias_ways(problem, state, l):  # such as softmax's deltas, which add up to 0
                if way and np.linalg.norm(p) <= 4 * floor:
                    yield way, weights_factor
            return
        ways = list(bias_ways(problem, state, l))
        if self.bound is not None:
            for p, way in ways:
                s = self._bounded(g, weights_factor * p, floor)
                if s is not None:
                    yield way, weights_factor * s
            return
        term = self._bias_penalty(l, weight.extra if weight.extra is not None else state.extra)
        penalties: list[tuple[float, Faults]] = [(0.0, ())]
        if np.linalg.norm(term) > floor:
            penalties += [(1.0, (Fault("penalty", "on the biases too"),))]
            if problem.n > 1:
                penalties += [(1 / problem.n, (Fault("penalty", "on the biases too, divided by n"),))]
        for size, penalty in penalties:
            for p, way in ways:
                if way and self._close(p, d_mean, floor):
                    continue
                for fixed, scaled in ((size * term, 0.0), (0.0, size * term))[: 2 if size else 1]:
                    rest, whole = g - fixed, p + scaled
                    s = self._factor(rest, whole, 2 * floor + 1e-300)
                    if s is None:
                        continue
                    if way and way[-1].kind == "constant_biases":
                        if not penalty and (g.size > 1 or is_round(s)):
                            yield way, weights_factor
                        continue
                    if self._allowed(
                        s,
                        g.size,
                        weights_factor,
                        careful=bool(penalty) or bool(way),
                        is_right=self._is_one_of_many(l) and not penalty and not way,
                    ):
                        if np.ndim(scaled) and self.names.same(s, 1.0):
                            continue
                        yield (*way, *penalty), weights_factor if self.names.same(s, weights_factor) else s

    def _is_one_of_many(self, l: int) -> bool:
        """Whether the biases of a layer are several, or come with several weights that tell whether d^l is right."""
        return self.given.b[l].size > 1 or (l in self.given.W and self.given.W[l].size > 1)

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

    def _allowed(
        self, s: float, entries: int, other: float = 1.0, *, careful: bool = False, is_right: bool = False
    ) -> bool:
        """Whether a factor is believable: few numbers fit any direction."""
        if self.names.same(s, 1.0) or self.names.same(s, other) or is_right:
            return True
        if entries >= 4 and not careful:
            return True
        if entries == 1 and careful:
            return False
        if self.names.of(s, most=1) or self.names.of(s / other, most=1):
            return True
        return entries >= 2 and bool(self.names.of(s))

    # what was found

    def _explained(self, state: State) -> Iterator[Combination]:
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
                    elif "row_sums" in kinds:
                        options[symbol, l] = (1.0, 1.0 / problem.sizes[l - 1], 1.0 / problem.sizes[l - 2])
                    elif "wrong_axis" in kinds:
                        options[symbol, l] = (1.0, 1.0 / problem.n, float(problem.n))
                    elif "bias_value" in kinds:
                        options[symbol, l] = (1.0, formed.weights_factor)
        for fault, layers in state.world.faults:
            groups[fault] = groups.get(fault, set()) | set(layers)
        cost = 0.0
        for fault, touched in groups.items():
            whole = kind_of(fault).layers(F)
            cost += kind_of(fault).cost + (0.0 if touched >= whole or len(whole) < 2 else 0.15)
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
                yield self._combined(Combination(grouped, factors, cost + factor_cost, state))
        if least > _NAMED:
            arrays = {("W", l): g for l, g in self.given.W.items()} | {("b", l): g for l, g in self.given.b.items()}
            if (cut := cut_by_norm(values, arrays)) is not None:
                clipped = Fault("clipped", cut[0], number=cut[1])
                yield Combination((*grouped, (clipped, cut[2])), (), cost + kind_of(clipped).cost, state)

    def _combined(self, one: Combination) -> Combination:
        """The same; and where a convention's factor is not on the penalty, that is a mistake beside it."""
        if not one.factors or not one.is_convention or one.state is None:
            return one
        own = tuple(sorted(l for l, formed in one.state.formed if formed.own_penalty))
        return replace(one, faults=((Fault("penalty", "not multiplied along with the rest"), own),)) if own else one


def _two_factors(u: Array, v: Array, target: Array) -> tuple[float, float]:
    """S and t for which s u + t v is nearest to the target; NaN where they are not determined."""
    u, v, target = u.ravel(), v.ravel(), target.ravel()
    across = v - (u @ v) / (u @ u) * u
    t = (across @ target) / (across @ across)
    return float(u @ (target - t * v) / (u @ u)), float(t)


def _directed(g: Array, p: Array, tolerance: float, floor: float) -> bool:
    """Whether g is a multiple of some row of p."""
    size, along, whole = (p * p).sum(axis=1), p @ g, float(g @ g)
    apart = whole - np.divide(along * along, size, out=np.zeros_like(size), where=size > 0)
    reach = 8 * tolerance * np.sqrt(whole) + 4 * floor
    # the difference of squares cancels: no finer than 1e-14 of their size
    return bool((apart <= reach * reach + 1e-14 * whole).any())


def _minimal(combinations: list[Combination]) -> list[Combination]:
    """Leave out what needs all that another one needs, and more."""
    kept: list[Combination] = []
    for one in combinations:
        mine = _needs(one)
        if not any(_needs(other) < mine for other in kept):
            kept.append(one)
    return kept


def _needs(one: Combination) -> set[tuple[str, object]]:
    faults: set[tuple[str, object]] = {(fault.kind, l) for fault, layers in one.faults for l in layers}
    return faults | {(f.factor.row, f.scope) for f in one.factors}


def _rounded(array: Array) -> bytes:
    """A key for arrays that agree to nine digits of their largest entry."""
    top = float(np.abs(array).max(initial=0.0)) or 1.0
    return np.round(array / top, 9).tobytes() + np.float32(top).tobytes()
