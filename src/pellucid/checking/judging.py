"""Where a trial meets the reader: what was returned is judged, and read again as it was read before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from pellucid.arrays import Array
from pellucid.checking.diagnosis import Diagnosis, Part
from pellucid.checking.judgement import Comparison
from pellucid.checking.problem import PerLayerArrays, Problem
from pellucid.checking.reading import Reading, Submission, UnreadableError
from pellucid.checking.returned import judge_returned, plainest_reading

Entry = tuple[str, int]
"""``("W", l)`` or ``("b", l)``."""

UPRIGHT = Reading({})
"""The reading of square weights as (n_l, n_{l-1}), where no other sizes say which way they are."""


def judge(
    problem: Problem,
    given: object,
    seen: Mapping[str, PerLayerArrays],
    before: Sequence[Part] = (),
    reading: Reading | None = None,
) -> tuple[Diagnosis, Reading | None]:
    """Judge what a function returned; the second is how it was read, or None if it cannot be."""
    if reading is UPRIGHT:
        reading = judge_returned(problem, given, {}).reading
        reading = None if reading is None else replace(reading, turned=False, is_oriented=True)
    diagnosis = judge_returned(problem, given, seen, before, reading)
    return diagnosis, diagnosis.reading


def take(given: object, problem: Problem, reading: Reading | None) -> Submission | None:
    """Read another return of the same function as it was read before."""
    if reading is None:
        reading = plainest_reading(problem, given)
    try:
        return None if reading is None else reading.take(given, problem)
    except UnreadableError:
        return None


def is_right(problem: Problem, submission: Submission) -> bool:
    """Whether every array is there and right."""
    with np.errstate(all="ignore"):
        whole = not (submission.missing or submission.shapes or submission.not_summed or submission.one_number)
        return whole and Comparison(problem, submission).is_right()


def arrays(submission: Submission) -> dict[Entry, Array]:
    """The arrays that were read, by symbol and layer."""
    found = {("W", l): one for l, one in submission.W.items()}
    return {**found, **{("b", l): one for l, one in submission.b.items()}}


def strength(problem: Problem, submission: Submission) -> float:
    """The multiple of the weights in a gradient that is right but for its penalty: λ₂."""
    W, l2 = problem.W, problem.penalty.l2
    with np.errstate(all="ignore"):
        top = sum(float(np.vdot(one - problem.gradient_W[l] + l2 * W[l], W[l])) for l, one in submission.W.items())
        return top / (sum(float(np.vdot(one, one)) for one in W.values()) or 1.0)


def first_factor(problem: Problem, submission: Submission) -> float | None:
    """The constant that an array was multiplied by, of the first from the output down that is right up to one."""
    given = arrays(submission)
    for entry in sorted(given, key=lambda one: (-one[1], one[0])):
        t = (problem.gradient_W if entry[0] == "W" else problem.gradient_b)[entry[1]]
        g, size = given[entry], float(np.abs(t).max())
        if g.size < 2 or not size or not np.isfinite(g).all():
            continue
        with np.errstate(all="ignore"):
            c = float(np.vdot(g / size, t / size) / np.vdot(t / size, t / size))
            if c and np.linalg.norm(g / size - c * t / size) <= 1e-5 * np.linalg.norm(g / size):
                return c
    return None


def factor(problem: Problem, submission: Submission) -> float | None:
    """The one constant that the right gradient was multiplied by; None if there is none."""
    given = arrays(submission)
    right = {("W", l): one for l, one in problem.gradient_W.items()}
    right |= {("b", l): one for l, one in problem.gradient_b.items()}
    if not given or set(given) != set(right):
        return None
    size = max((float(np.abs(one).max()) for one in right.values()), default=0.0)
    if not size or not all(np.isfinite(one).all() for one in given.values()):
        return None
    pairs = [(given[entry] / size, right[entry] / size) for entry in given]
    with np.errstate(all="ignore"):
        bottom = sum(float(np.vdot(t, t)) for _, t in pairs)
        c = sum(float(np.vdot(g, t)) for g, t in pairs) / bottom
        off = sum(float(np.linalg.norm(g - c * t)) for g, t in pairs)
        whole = sum(float(np.linalg.norm(g)) for g, _ in pairs)
    return c if np.isfinite(c) and c and off <= 1e-5 * whole else None
