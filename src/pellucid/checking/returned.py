"""A returned value, judged: read in the way that is right, else in the way whose mistake is the simplest."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import product

import numpy as np

from pellucid.arrays import Array
from pellucid.checking.diagnosis import Diagnosis, Part
from pellucid.checking.judgement import Comparison, Floors, judged
from pellucid.checking.leaves import materialized
from pellucid.checking.problem import PerLayerArrays, Problem
from pellucid.checking.reading import (
    MARGIN,
    Candidate,
    Found,
    Reading,
    Submission,
    UnreadableError,
    expected_words,
    own_quantities,
)

_SEARCHED = 4
"""Readings in which a mistake is looked for, at most."""

_LARGE = 100_000
"""Parameters times samples from which only the likeliest reading is searched: there the numbers tell readings apart."""

_SINGLE_MISTAKE = 1.5
"""What an explanation by one mistake costs at most: no other reading is searched then."""

_UNORIENTED = 0.6
"""How much dearer a mistake is in weights that are read as transposed although nothing says so."""


def judge_returned(
    problem: Problem,
    given: object,
    seen: Mapping[str, PerLayerArrays],
    before: Sequence[Part] = (),
    reading: Reading | None = None,
) -> Diagnosis:
    """Read what was returned, choose between the readings that fit, and judge.

    Where several readings fit, the one that is right is taken; else the one whose mistake is the simplest; else the
    plainest.

    Parameters
    ----------
    problem : Problem
    given : object
        Whatever was returned.
    seen : mapping
        The user's own z, a and d by layer; those that come with the gradient are added.
    before : sequence of Part
        What is known to be wrong already.
    reading : Reading, optional
        How an earlier value of the same function was read. It is read anew only if this one does not fit.

    Returns
    -------
    Diagnosis
        With its `reading`; the verdict is ``unreadable`` if none fits.
    """
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the caller may have made an error of any of them
        given = materialized(given)
        return _judged(problem, given, {**own_quantities(given, problem), **seen}, before, reading)


def plainest_reading(problem: Problem, given: object) -> Reading | None:
    """Return the reading that is right, or else the cheapest, without a search for mistakes; None if none fits."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fits = fitting(Found(materialized(given), problem), Floors(problem))
        best = next((one for one in fits if _is_right(one)), fits[0] if fits else None)
        return None if best is None else best.reading


def _judged(
    problem: Problem,
    given: object,
    seen: Mapping[str, PerLayerArrays],
    before: Sequence[Part],
    reading: Reading | None,
) -> Diagnosis:
    floors = Floors(problem)
    if reading is not None:
        try:
            submission = reading.take(given, problem)
        except UnreadableError:
            pass
        else:
            if submission.W or submission.b:
                diagnosis = judged(Comparison(problem, submission, floors), seen, before)[1]
                return replace(diagnosis, reading=reading)
    found = Found(given, problem)
    fits = fitting(found, floors)
    if not fits:
        return _unreadable(found, given, before)
    best = next((one for one in fits if _is_right(one)), None)
    if best is not None:
        return _with_reading(best, judged(best.comparison, seen, before)[1])
    parameters = [one for one in fits if one.parameters]
    gradients = [one for one in fits if not any(_overlap(one.reading, other.reading) for other in parameters)]
    if not gradients:
        first = parameters[0]
        part = Part("38", (), first.parameters, problem.F)
        return _with_reading(first, Diagnosis("wrong", (), (*before, part), 0, None))
    return _searched(gradients, seen, before)


def _overlap(one: Reading, other: Reading) -> bool:
    """Whether two readings use the same array."""
    paths = product(one.places.values(), other.places.values())
    return any(u[: len(v)] == v[: len(u)] for u, v in paths)


class Fit:
    """A reading that fits, compared with the right gradient."""

    def __init__(self, candidate: Candidate, floors: Floors) -> None:
        self.reading, self.submission = candidate.reading, candidate.submission
        self.comparison = Comparison(floors.problem, candidate.submission, floors)
        self.is_right = self.comparison.is_right() and bool(self.comparison.tolerances)

    @cached_property
    def parameters(self) -> str:
        """Words for the parameters, if that is what it is."""
        return self.comparison.by_parameters()

    @property
    def numbers(self) -> tuple[bytes, ...]:
        """What tells readings of other numbers apart."""
        arrays: list[Array] = [*self.comparison.W.values(), *self.comparison.b.values()]
        return (repr((self.submission.missing, self.submission.shapes)).encode(), *(g.tobytes() for g in arrays))


def is_whole(submission: Submission) -> bool:
    """Whether every array is there, in a shape of its own."""
    return not (submission.missing or submission.shapes or submission.not_summed or submission.one_number)


def _is_right(one: Fit) -> bool:
    return one.is_right and is_whole(one.submission)


def fitting(found: Found, floors: Floors) -> list[Fit]:
    """The readings that cost little more than the cheapest, up to the first that is right."""
    fits: list[Fit] = []
    least = math.inf
    for candidate in found.candidates():
        least = min(least, candidate.reading.cost)
        if candidate.reading.cost > least + MARGIN:
            continue
        fits.append(Fit(candidate, floors))
        if _is_right(fits[-1]):
            break
    kept = [one for one in fits if one.reading.cost <= least + MARGIN]
    return sorted(kept, key=lambda one: one.reading.cost)


def _searched(gradients: list[Fit], seen: Mapping[str, PerLayerArrays], before: Sequence[Part]) -> Diagnosis:
    """Search a few readings for mistakes, and take the one with the simplest."""
    unique: dict[tuple[bytes, ...], Fit] = {}
    if any(not one.submission.missing for one in gradients):  # nothing is forgotten that could be there
        gradients = [one for one in gradients if not one.submission.missing]
    for one in gradients:
        unique.setdefault(one.numbers, one)
    ranked = sorted(unique.values(), key=lambda one: one.reading.cost - 2 * one.comparison.agreement())
    best: tuple[float, Fit, Diagnosis] | None = None
    problem = gradients[0].comparison.problem
    work = problem.layers.parameters.size * problem.n
    for one in ranked[: _SEARCHED if work < _LARGE else 1]:
        cost, diagnosis = judged(one.comparison, seen, before)
        is_free = one.reading.turned and not one.reading.is_oriented
        total = cost + one.reading.cost + (_UNORIENTED if is_free else 0.0)
        if best is None or total < best[0] or (math.isinf(best[0]) and one is gradients[0]):
            best = total, one, diagnosis
        if cost <= _SINGLE_MISTAKE and not is_free:
            break
    assert best is not None
    if math.isinf(best[0]) and best[1] is not gradients[0]:  # nothing known in any: the plainest
        return _with_reading(gradients[0], judged(gradients[0].comparison, seen, before)[1])
    return _with_reading(best[1], best[2])


def _with_reading(one: Fit, diagnosis: Diagnosis) -> Diagnosis:
    return replace(diagnosis, reading=one.reading)


def _unreadable(found: Found, given: object, before: Sequence[Part]) -> Diagnosis:
    what = "nothing (None)" if given is None else f"a value of type {type(given).__name__}"
    located = (
        f"returned: {what}",
        *([f"found: {found.words}"] if given is not None else []),
        f"expected: {expected_words(found.problem)}",
    )
    return Diagnosis("unreadable", (), tuple(before), 0, None, located=located)
