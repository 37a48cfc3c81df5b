"""Combinations of faults, read as hypotheses: the mistakes they belong to, in which layers, in words."""

from __future__ import annotations

from collections.abc import Iterable

from pellucid.checking.diagnosis import Hypothesis, Part, place_of
from pellucid.checking.factors import FactorFault
from pellucid.checking.faults import kind_of, mistakes_of
from pellucid.checking.problem import Problem
from pellucid.checking.search import Combination
from pellucid.checking.ways import Fault

_MARGIN = 1.0
"""How much less likely than the first a hypothesis may be and still be listed."""

_ALIKE = {
    "other_slope": "",
    "wrong_layer_slope": "of a neighbouring layer",
    "wrong_layer_a": "",
    "wrong_layer_weights": "",
}
"""Kinds that are told once where their layers differ by their form only."""


def hypotheses_of(
    problem: Problem, combinations: list[Combination], at_most: int
) -> tuple[list[Hypothesis], list[Combination]]:
    """Read the likeliest combinations.

    Parameters
    ----------
    problem : Problem
    combinations : list of Combination
        The likeliest first.
    at_most : int
        Combinations that are read.

    Returns
    -------
    hypotheses : list of Hypothesis
    kept : list of Combination
        Those that were read.
    """
    if not combinations:
        return [], []
    least = combinations[0].cost
    kept = [one for one in combinations if one.cost <= least + _MARGIN][:at_most]
    found: list[tuple[float, Hypothesis]] = []
    for one in kept:
        found += [(one.cost + extra, hypothesis) for extra, hypothesis in _readings(problem, one)]
    unique: dict[tuple[object, ...], Hypothesis] = {}
    for _, hypothesis in sorted(found, key=lambda one: one[0]):
        unique.setdefault(hypothesis.parts, hypothesis)
    return list(unique.values()), kept


def part_of(fault: Fault, mistake: str, layers: tuple[int, ...], F: int) -> Part:
    """Tell a fault as one of the mistakes that it belongs to."""
    return Part(mistake, layers, kind_of(fault).told(fault), F, fault=fault.kind)


def _readings(problem: Problem, one: Combination) -> list[tuple[float, Hypothesis]]:
    """A combination as hypotheses: mistakes that give the same numbers make one each."""
    F = problem.F
    parts: list[list[Part]] = []
    for fault, layers in _merged(one.faults):
        by_rows: dict[tuple[str, ...], list[int]] = {}
        for l in layers:
            by_rows.setdefault(mistakes_of(fault, l, F), []).append(l)
        for rows, some in by_rows.items():
            if fault.kind == "one_sample" and _biases_only(one, fault):
                rows = ("15", "18b")
            whole = () if fault.kind in ("one_sample", "unweighted") and len(some) == F - 1 else tuple(some)
            parts.append([part_of(fault, row, whole, F) for row in rows])
    for factor in one.factors:
        parts += _of_factor(factor, F)
    if not parts:
        return []
    parts.sort(key=lambda choices: place_of(choices[0]))
    readings = [(0.0, Hypothesis(_distinct(choices[0] for choices in parts)))]
    for i, choices in enumerate(parts):
        for k, other in enumerate(choices[1:], start=1):
            row = [choices[0] for choices in parts]
            row[i] = other
            readings.append((0.4 * k, Hypothesis(_distinct(row))))
    return readings


def _of_factor(factor: FactorFault, F: int) -> list[list[Part]]:
    where = factor.layers if factor.scope != "everywhere" else ()
    in_scope = f" in {factor.scope}" if where else " everywhere"
    parts = []
    for single in factor.factor.parts or (factor.factor,):
        mistakes = [single.row, *(["18"] if single.value == 2 and not where else [])]
        convention = single.is_convention and not where
        parts.append(
            [Part(row, where, f"the factor {single.name}{in_scope}", F, convention and row != "18") for row in mistakes]
        )
    return parts


def _merged(faults: tuple[tuple[Fault, tuple[int, ...]], ...]) -> list[tuple[Fault, tuple[int, ...]]]:
    """One entry for a kind that differs between layers by nothing but its form."""
    found: dict[Fault, set[int]] = {}
    for fault, layers in faults:
        several = sum(other.kind == fault.kind for other, _ in faults) > 1
        plain = Fault(fault.kind) if fault.kind in _ALIKE and several else fault
        found.setdefault(plain, set()).update(layers)
    return [(fault, tuple(sorted(layers))) for fault, layers in found.items()]


def _distinct(parts: Iterable[Part]) -> tuple[Part, ...]:
    return tuple(dict.fromkeys(parts))


def _biases_only(one: Combination, fault: Fault) -> bool:
    return one.state is not None and not any(fault in formed.W for _, formed in one.state.formed)
