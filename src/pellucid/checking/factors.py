"""Constant factors between two gradients: which have a name, and what the pattern over the layers says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from pellucid.checking.problem import Problem

Entry = tuple[str, int]
"""``("W", l)`` or ``("b", l)``."""


@dataclass(frozen=True)
class NamedFactor:
    """A constant that a mistake or a convention brings in.

    Attributes
    ----------
    kind : str
        What it is on any samples: "n" has another value on other samples.
    value : float
    row : str
        Of the table of mistakes.
    name : str
        In words, with its value.
    is_convention : bool
    cost : float
        What it costs to believe in it.
    parts : tuple of NamedFactor
        Of a product, its two factors.
    """

    kind: str
    value: float
    row: str
    name: str
    is_convention: bool = False
    cost: float = 1.0
    parts: tuple[NamedFactor, ...] = ()

    def on(self, problem: Problem) -> float:
        """Its value for other samples."""
        if self.parts:
            return float(np.prod([part.on(problem) for part in self.parts]))
        return next((one.value for one in named_factors(problem) if one.kind == self.kind), self.value)


@dataclass(frozen=True)
class FactorFault:
    """A factor that some of the arrays carry, each to a power."""

    factor: NamedFactor
    scope: str
    layers: tuple[int, ...]
    powers: Mapping[Entry, int]


def named_factors(problem: Problem) -> list[NamedFactor]:
    """List the factors that mistakes and conventions make, for these sizes and this loss."""
    n, m = problem.n, problem.sizes[-1]
    found = [NamedFactor("-1", -1.0, "22", "-1")]
    if n > 1:
        found += [
            NamedFactor("n", n, "10", f"n = {n}", True, 0.6),
            NamedFactor("1/n", 1 / n, "11", f"1/n = 1/{n}"),
            NamedFactor("n/(n - 1)", n / (n - 1), "11", f"n/(n - 1) = {n}/{n - 1}", cost=1.2),
        ]
    found += [
        NamedFactor("2", 2.0, "12", "2", True, 0.7),
        NamedFactor("1/2", 0.5, "12", "1/2", True, 0.7),
    ]
    if m > 1:
        found += [
            NamedFactor("m", m, "13", f"n_outputs = {m}", True, 0.75),
            NamedFactor("1/m", 1 / m, "13", f"1/n_outputs = 1/{m}", True, 0.75),
        ]
        if problem.loss.name == "mse":
            name = f"m/2 = {m}/2 (half the squared error)"
            found.append(NamedFactor("m/2", m / 2, "12", name, True, 0.3))
        if problem.loss.name == "half_squared_error":
            name = f"2/m = 2/{m} (the mean squared error)"
            found.append(NamedFactor("2/m", 2 / m, "12", name, True, 0.3))
    if problem.weight is not None:
        total = float(problem.weight.sum())
        found += [
            NamedFactor("Σ w/n", total / n, "35", f"(Σ w)/n = {total / n:.4g}", True, 0.6),
            NamedFactor("Σ w", total, "10", f"Σ w = {total:.4g}", True, 0.6),
        ]
    for l in problem.masks:
        keep = 1 / float(problem.masks[l].max())
        found += [
            NamedFactor(f"keep^{l}", keep, "24", f"1 - p = {keep:.4g}"),
            NamedFactor(f"1/keep^{l}", 1 / keep, "24", f"1/(1 - p) = {1 / keep:.4g}"),
        ]
    return [factor for factor in found if abs(factor.value - 1) > 1e-9]


def layer_factors(problem: Problem) -> list[NamedFactor]:
    """Numbers of neurons, which a mean or sum over the wrong axis brings in."""
    sizes = sorted({size for size in problem.sizes if size > 1})
    means = [NamedFactor(f"1/{size}", 1 / size, "11", f"1/{size} ({size} neurons)", cost=1.3) for size in sizes]
    return means + [NamedFactor(f"{size}", size, "11", f"{size} ({size} neurons)", cost=1.3) for size in sizes]


def _rates() -> list[NamedFactor]:
    """Factors like those that people take for η: one digit, and a power of ten."""
    values = [digit * 10.0**-power for power in range(1, 6) for digit in (1, 2, 3, 5)]
    return [
        NamedFactor(f"η = {value:g}", value, "37", f"{value:g}, which looks like a learning rate", cost=1.2)
        for value in values
        if value != 0.5
    ]


class Names:
    """What a factor may be called: one named factor, a learning rate, a number of neurons, or a product of two."""

    def __init__(self, problem: Problem, tolerance: float) -> None:
        self.n, self.tolerance = problem.n, 20 * tolerance
        self.base, self.rates = named_factors(problem), _rates()
        self.of_layers = layer_factors(problem)
        self.products = [_product(u, v) for u, v in combinations(self.base, 2) if abs(u.value * v.value - 1) > 1e-9]
        self.rate_products = [_product(u, v) for u in self.base if u.kind in ("-1", "n", "1/n") for v in self.rates]

    def same(self, u: float, v: float) -> bool:
        """Whether two factors are one, within the tolerance."""
        return abs(u - v) <= self.tolerance * max(abs(u), abs(v))

    def of(self, value: float, *, most: int = 2) -> list[NamedFactor]:
        """The names that fit, the likeliest first; a factor that is n is not taken for a product of two others."""
        simple = [factor for factor in self.base if self.same(factor.value, value)]
        is_n = any(factor.kind in ("n", "1/n") for factor in simple)
        tiers = [self.base + ([] if is_n or most == 1 else self.products), [*self.rates, *self.of_layers]]
        tiers += [self.rate_products] if most > 1 else []
        for tier in tiers:
            if found := [factor for factor in tier if self.same(factor.value, value)]:
                return sorted(found, key=lambda factor: factor.cost)
        if most > 1 and 0 < abs(value) < 1:
            total = self.n / abs(value)
            whole = round(total)
            # so many whole numbers come near that it must fit closely
            if self.n < whole <= 1000 * self.n and abs(total - whole) <= 1e-3 * self.tolerance * total:
                sign = -1.0 if value < 0 else 1.0
                name = f"1/{whole} instead of 1/{self.n}"
                name = name if sign > 0 else f"-({name})"
                return [NamedFactor(f"{sign:g}/{whole}", sign * self.n / whole, "11", name, cost=1.4)]
        return []

    def explain(self, values: Mapping[Entry, float], layers: range) -> list[tuple[float, tuple[FactorFault, ...]]]:
        """Find the fewest factors that account for what the arrays carry, each with its cost."""
        off = {entry for entry, value in values.items() if not self.same(value, 1.0)}
        if not off:
            return [(0.0, ())]
        scopes = list(_scopes(values, layers))
        found = [fault for scope in scopes for fault in self._single(values, scope)]
        if found:
            return sorted(found, key=lambda one: one[0])[:4]
        for first, second in combinations(scopes, 2):
            found += self._pair(values, first, second)
        if found:
            return sorted(found, key=lambda one: one[0])[:4]
        faults = tuple(
            FactorFault(
                _unnamed(values[entry]),
                f"{entry[0]}^{entry[1]}",
                (entry[1],),
                {entry: 1},
            )
            for entry in sorted(off)
        )
        return [(2.5 * len(faults), faults)]

    def _named(self, value: float, scope: _Scope) -> list[tuple[float, FactorFault]]:
        factors = self.of(value) or [_unnamed(value)]
        return [
            (factor.cost + scope.cost, FactorFault(factor, scope.name, scope.layers, scope.entries))
            for factor in factors
        ]

    def _single(self, values: Mapping[Entry, float], scope: _Scope) -> Iterator[tuple[float, tuple[FactorFault, ...]]]:
        first = min(scope.entries, key=lambda entry: scope.entries[entry])
        value = _root(values[first], scope.entries[first])
        if all(self.same(value ** scope.entries.get(entry, 0), have) for entry, have in values.items()):
            for cost, fault in self._named(value, scope):
                yield cost, (fault,)

    def _pair(
        self, values: Mapping[Entry, float], first: _Scope, second: _Scope
    ) -> list[tuple[float, tuple[FactorFault, ...]]]:
        only = [entry for entry in first.entries if entry not in second.entries]
        other = [entry for entry in second.entries if entry not in first.entries]
        if only:
            u = _root(values[only[0]], first.entries[only[0]])
            entry = next(iter(second.entries))
            v = _root(values[entry] / u ** first.entries.get(entry, 0), second.entries[entry])
        elif other:
            v = _root(values[other[0]], second.entries[other[0]])
            entry = next(iter(first.entries))
            u = _root(values[entry] / v ** second.entries.get(entry, 0), first.entries[entry])
        else:
            return []
        if self.same(u, 1) or self.same(v, 1):
            return []
        fits = all(
            self.same(u ** first.entries.get(entry, 0) * v ** second.entries.get(entry, 0), have)
            for entry, have in values.items()
        )
        if not fits:
            return []
        return [(p + q, (one, two)) for p, one in self._named(u, first)[:2] for q, two in self._named(v, second)[:2]]


@dataclass(frozen=True)
class _Scope:
    """A set of arrays that one slip can touch, each with the power of the factor in it."""

    name: str
    layers: tuple[int, ...]
    entries: dict[Entry, int]
    cost: float


def _scopes(values: Mapping[Entry, float], layers: range) -> Iterator[_Scope]:
    top = layers[0]  # they go down from F to 2
    present = list(values)

    def scope(name: str, over: tuple[int, ...], entries: dict[Entry, int], cost: float) -> Iterator[_Scope]:
        if entries:
            yield _Scope(name, over, entries, cost)

    yield from scope("everywhere", tuple(layers), dict.fromkeys(present, 1), 0.0)
    for symbol, words in (("W", "all weights"), ("b", "all biases")):
        yield from scope(words, tuple(layers), {e: 1 for e in present if e[0] == symbol}, 0.2)
    if len(layers) == 1:
        return
    for l in layers[1:-1]:
        yield from scope(f"d^{l} and all below", tuple(range(2, l + 1)), {e: 1 for e in present if e[1] <= l}, 0.3)
    for l in layers:
        yield from scope(f"layer {l}", (l,), {e: 1 for e in present if e[1] == l}, 0.35)
        yield from scope(f"W^{l}", (l,), {("W", l): 1} if ("W", l) in values else {}, 0.4)
        yield from scope(f"b^{l}", (l,), {("b", l): 1} if ("b", l) in values else {}, 0.4)
    if len(layers) > 2:
        yield from scope("every step down", tuple(layers[1:]), {e: top - e[1] for e in present if e[1] < top}, 0.3)
    yield from scope("every layer again", tuple(layers), {e: top - e[1] + 1 for e in present}, 0.3)


def _product(u: NamedFactor, v: NamedFactor) -> NamedFactor:
    is_convention = u.is_convention and v.is_convention
    kind, row, name = f"{u.kind} * {v.kind}", f"{u.row}+{v.row}", f"{u.name} times {v.name}"
    return NamedFactor(kind, u.value * v.value, row, name, is_convention, u.cost + v.cost, (u, v))


def _unnamed(value: float) -> NamedFactor:
    return NamedFactor(f"{value!r}", value, "37", f"{value:.6g}", cost=2.5)


def _root(value: float, power: int) -> float:
    return value if power == 1 else float(np.sign(value) ** power * abs(value) ** (1 / power))
