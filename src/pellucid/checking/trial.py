"""A function under test, called as an autograder would: again, on other numbers of samples, sample by sample."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from pellucid.arrays import Array, ArrayLike
from pellucid.checking.batches import batch_sizes, coincidences, draw_samples
from pellucid.checking.binding import CannotBindError, FunctionSubject, Handed, Outcome, Plan, Subject
from pellucid.checking.crashes import Crash
from pellucid.checking.diagnosis import Diagnosis, Hypothesis, Part
from pellucid.checking.judging import UPRIGHT, factor, first_factor, is_right, judge, strength, take
from pellucid.checking.nests import combined, leaves
from pellucid.checking.objects import METHODS, MethodSubject
from pellucid.checking.problem import PerLayerArrays, Problem
from pellucid.checking.reading import read_layers
from pellucid.checking.returned import judge_returned
from pellucid.hints import expect, hinted
from pellucid.layers import Layers
from pellucid.samples import Samples, as_penalty, as_samples

_SINGLES = 8
"""Samples that are tried one by one."""

_PLANS = 96
"""Ways of calling that are tried at most."""

_JUDGED = 12
"""Ways of calling that are judged at most if none is right."""

_CALLS = 3
"""Calls on the same samples that are compared."""

_RANDOM = "43"
"""The row of the mistakes for numbers that are drawn at random in each call."""


@dataclass(frozen=True, eq=False)
class _Attempt:
    """One way of calling: what came of it, what of that is taken for the gradient, and how that is judged."""

    plan: Plan
    outcomes: list[Outcome]
    source: str = ""
    rate: float = 1.0
    diagnosis: Diagnosis | None = None
    reading: Any = None
    notes: tuple[str, ...] = ()

    @property
    def rank(self) -> tuple[int, int, int]:
        """How well it explains the numbers, for choosing between ways of calling."""
        assert self.diagnosis is not None
        verdict = {"right": 0, "convention": 1, "wrong": 2}.get(self.diagnosis.verdict, 4)
        fits = self.diagnosis.hypotheses
        return (verdict if self.reading is not None else 4, len(fits[0].parts) if fits else 9, 0)


class Trial:
    """A function under test, and what it is tried on.

    Parameters
    ----------
    subject : Subject
    network : Layers
    problem : Problem
        With the raw X and y.
    weighted : bool
        Whether samples have weights, which the function knows for the whole batch only.
    """

    def __init__(self, subject: Subject, network: Layers, problem: Problem, *, weighted: bool = False) -> None:
        self.subject, self.network, self.problem, self.weighted = subject, network, problem, weighted
        self.is_single = problem.samples.is_single
        self.F = problem.F
        self.has_crashed = False  # in every way of calling
        self.total_penalty: float | None = None  # λ, where the penalty is (λ/n) W

    def handed(self, problem: Problem) -> Handed:
        """What the function is handed for a problem."""
        dtype = problem.layers.dtype
        return Handed(
            problem.sizes,
            {l: one.name for l, one in problem.sigma.items()},
            np.array(problem.layers.parameters),
            problem.has_bias,
            np.array(problem.samples.X),
            np.array(problem.samples.Y),
            (np.array(problem.raw[0]), np.array(problem.raw[1])),
            {l: np.array(mask, dtype) for l, mask in problem.masks.items()},
            problem.penalty.l2,
        )

    def run(self, seen: Mapping[str, PerLayerArrays]) -> Diagnosis:
        """All the calls, and what they say together."""
        try:
            plans = self.subject.plans(self.handed(self.problem))[:_PLANS]
        except CannotBindError as error:
            return self._failed(str(error))
        chosen, crash = self._choose(plans, seen)
        if chosen is None:
            assert crash is not None
            self.has_crashed = True
            return self._failed(crash.text, "7" if crash.is_product else "38")
        chosen = self._by_count(self._oriented(chosen, seen), seen)
        diagnosis = chosen.diagnosis
        assert diagnosis is not None
        notes = [*self._words(chosen), *chosen.notes]
        if chosen.reading is None:
            notes += self._warned(chosen)
            behaviour = (*self._changes(chosen), *diagnosis.behaviour)
            return replace(diagnosis, behaviour=behaviour, notes=(*diagnosis.notes, *notes))
        before = [*self._changes(chosen), *self._between_calls(chosen)]
        if before:
            diagnosis, _ = judge(self.problem, self._given(chosen, chosen.outcomes[0]), seen, before, chosen.reading)
        diagnosis = self._over_batches(chosen, diagnosis, is_stateful=bool(before))
        is_wrong = diagnosis.verdict == "wrong"
        if is_wrong and not before and not diagnosis.behaviour and (unused := self._unused(chosen)) is not None:
            return replace(unused, notes=tuple(notes))
        located = list(diagnosis.located)
        if not self.is_single and not chosen.plan.is_single:
            located += self._one_by_one(chosen, is_wrong=is_wrong)
        if is_wrong:
            notes += self._warned(chosen)
        return replace(diagnosis, located=tuple(located), notes=tuple(dict.fromkeys((*diagnosis.notes, *notes))))

    def _failed(self, what: str, row: str = "38") -> Diagnosis:
        return Diagnosis("wrong", (), (Part(row, (), what, self.F),), 0)

    # which way of calling is meant

    def _choose(
        self, plans: Sequence[Plan], seen: Mapping[str, PerLayerArrays]
    ) -> tuple[_Attempt | None, Crash | None]:
        """Try the plans: the first that is right, else the one that explains most, else the plainest exception."""
        handed = self.handed(self.problem)
        found: list[_Attempt] = []
        crashes: list[tuple[bool, int, Crash]] = []
        for i, plan in enumerate(plans):
            outcomes = [self.subject.call(plan, handed)]
            crash = outcomes[0].crash
            if crash is not None:
                crashes.append((crash.is_call, i, crash))
                continue
            # the calls that are compared follow one another: another way of calling would change what is remembered
            outcomes += [self.subject.call(plan, handed) for _ in range(_CALLS - 1)]
            if any(_is_same_outcome(outcomes[0], one.outcomes[0]) for one in found):
                continue
            attempt = self._judged(plan, outcomes, seen)
            assert attempt.diagnosis is not None
            if attempt.diagnosis.verdict == "right":
                return attempt, None
            found.append(attempt)
            if len(found) >= _JUDGED or (i == 0 and plan.is_positional and attempt.reading is not None):
                break
        found.sort(key=lambda attempt: attempt.rank)
        if crashes and (not found or self._prefers_crash(plans[0], crashes, found[0])):
            return None, self._plainest(plans, crashes)
        return found[0], None

    def _prefers_crash(self, first: Plan, crashes: Sequence[tuple[bool, int, Crash]], best: _Attempt) -> bool:
        """Whether the exception of the likeliest way of calling says more than a wrong answer of another way."""
        if crashes[0][1] != 0 or crashes[0][0]:
            return False
        rank = best.rank
        return first.is_positional and (rank[0] > 2 or (rank[0] == 2 and rank[1] > 1))

    @staticmethod
    def _plainest(plans: Sequence[Plan], crashes: Sequence[tuple[bool, int, Crash]]) -> Crash:
        """The exception to show: of the likeliest way of calling, or the one that got furthest if that is a guess."""
        fitting = [one for one in crashes if not one[0]] or list(crashes)
        if plans[0].is_positional and fitting[0][1] == 0:
            return fitting[0][2]
        return max(fitting, key=lambda one: (one[2].progress, -one[1]))[2]

    def _oriented(self, chosen: _Attempt, seen: Mapping[str, PerLayerArrays]) -> _Attempt:
        """Read square weights as the function returns them for a network of unequal sizes."""
        sizes = self.problem.sizes
        has_squares = any(u == v > 1 for u, v in pairwise(sizes))
        if not has_squares or chosen.reading is None or chosen.diagnosis is None or chosen.diagnosis.verdict == "right":
            return chosen
        if chosen.plan.is_transposed or chosen.source == "step":
            return chosen  # weights come back as they were handed over
        other = self._unequal()
        outcome = None if other is None else self.subject.call(chosen.plan, self.handed(other))
        reading = UPRIGHT
        if other is not None and outcome is not None and outcome.crash is None:
            reading = judge(other, self._given(chosen, outcome), {})[1] or UPRIGHT
        diagnosis, _ = judge(self.problem, self._given(chosen, chosen.outcomes[0]), seen, (), reading)
        return replace(chosen, diagnosis=diagnosis, reading=reading)

    def _by_count(self, chosen: _Attempt, seen: Mapping[str, PerLayerArrays]) -> _Attempt:
        """Take the penalty as (λ/n) W, where it is one λ at every n and the strength that was declared at some n."""
        l2 = self.problem.penalty.l2
        if not l2 or chosen.reading is None or self.weighted or self.is_single:
            return chosen
        found = []
        for problem in [self.problem, *self._other_problems()]:
            outcome = (
                chosen.outcomes[0] if problem is self.problem else self.subject.call(chosen.plan, self.handed(problem))
            )
            given = None if outcome.crash is not None else self._given(chosen, outcome)
            submission = None if given is None else take(given, problem, chosen.reading)
            if submission is None or set(submission.W) != set(problem.W):
                return chosen
            found.append((problem.n, strength(problem, submission)))
        total = found[0][0] * found[0][1]
        if len(found) < 2 or not all(_close(n * one, total) for n, one in found):
            return chosen
        count = round(total / l2)
        if count < 3 or not _close(total, count * l2):
            return chosen
        self.total_penalty = total
        self.problem = self._penalised(self.problem)
        diagnosis, reading = judge(self.problem, self._given(chosen, chosen.outcomes[0]), seen, (), chosen.reading)
        words = f"the penalty is (λ/n) W with λ = {total:.6g}: λ₂ = {l2:g} with {count} samples"
        return replace(chosen, diagnosis=diagnosis, reading=reading, notes=(*chosen.notes, words))

    def _penalised(self, problem: Problem) -> Problem:
        """Return the problem with its penalty, whose strength depends on n where it is known to."""
        if self.total_penalty is None:
            return problem
        penalty = as_penalty(self.total_penalty / problem.n, problem.penalty.l1)
        return Problem(problem.layers, problem.samples, penalty, problem.masks, raw=problem.raw)

    def _unequal(self) -> Problem | None:
        """A problem for a network of other sizes, no two of them equal."""
        layers, n = self.problem.layers, self.problem.n
        if self.problem.masks or self.weighted or self.is_single:
            return None
        sizes = [3 + l for l in range(self.problem.F)]
        rng = np.random.default_rng(2)
        activations = list(layers.activations.values())
        try:
            other = Layers(
                sizes, activations, dtype=layers.dtype, seed=rng, init="standard_normal", bias=layers.has_bias
            )
            X, Y = draw_samples(sizes, self.problem.loss, n, rng)
            return Problem(other, as_samples(other, X, Y, self.problem.loss), self.problem.penalty, raw=(X, Y))
        except (ValueError, TypeError):
            return None

    def _judged(self, plan: Plan, outcomes: list[Outcome], seen: Mapping[str, PerLayerArrays]) -> _Attempt:
        """Judge what the first call returned, wrote to attributes, or did to the parameters."""
        first, problem = outcomes[0], self.problem
        attempts = []
        for source in ("returned", "gradients", "step"):
            attempt = _Attempt(plan, outcomes, source)
            given = self._given(attempt, first)
            if given is None and (source != "returned" or first.gradients or first.step):
                continue
            if source == "step":
                attempt = self._rated(attempt)
                given = self._given(attempt, first)
            diagnosis, reading = judge(problem, given, seen if source == "returned" else {})
            attempts.append(replace(attempt, diagnosis=diagnosis, reading=reading))
            if diagnosis.verdict == "right":
                return attempts[-1]
        updated = self._updated(plan, outcomes, attempts[0])
        if updated is not None:
            attempts.append(updated)
        attempts.sort(key=lambda one: one.rank)
        best = attempts[0]
        if best.reading is None and first.kind == "NoneType":
            words = "no parameters and no attribute named like a gradient changed: is the line with return missing?"
            best = replace(best, notes=(*best.notes, words))
        return best

    def _given(self, attempt: _Attempt, outcome: Outcome) -> Any:
        """The part of an outcome that is taken for the gradient."""
        if attempt.source == "returned":
            return outcome.returned
        if attempt.source == "gradients":
            return outcome.gradients or None
        step = outcome.step
        if attempt.source == "updated":
            step = self._returned_step(outcome)
        if step is None:
            return None
        return combined(lambda one: np.asarray(one) / attempt.rate, step)

    def _returned_step(self, outcome: Outcome) -> dict[str, Any] | None:
        """Parameters minus what was returned, if that is parameters."""
        submission = take(outcome.returned, self.problem, None)
        if submission is None or set(submission.W) != set(self.problem.W):
            return None
        return {
            "W": {l: self.problem.W[l] - one for l, one in submission.W.items()},
            "b": {l: self.problem.b[l] - one for l, one in submission.b.items()},
        }

    def _updated(self, plan: Plan, outcomes: list[Outcome], returned: _Attempt) -> _Attempt | None:
        """Updated parameters that were returned, judged as a step."""
        if returned.source != "returned" or returned.reading is None:
            return None
        step = self._returned_step(outcomes[0])
        if step is None or not any(one.any() for part in step.values() for one in part.values()):
            return None
        submission = take(step, self.problem, None)
        is_step = submission is not None and factor(self.problem, submission) is not None
        if outcomes[0].rate is None and not is_step:
            return None
        attempt = self._rated(_Attempt(plan, outcomes, "updated"))
        diagnosis, reading = judge(self.problem, self._given(attempt, outcomes[0]), {})
        if outcomes[0].rate is not None and not is_step and not self._is_small(step):
            return None
        return replace(attempt, diagnosis=diagnosis, reading=reading)

    def _is_small(self, step: Mapping[str, Mapping[int, Array]]) -> bool:
        size = sum(float(np.abs(one).sum()) for one in self.problem.W.values())
        return sum(float(np.abs(one).sum()) for one in step["W"].values()) < 0.3 * size

    def _rated(self, attempt: _Attempt) -> _Attempt:
        """With the learning rate of a step: an argument or attribute, or one factor over all arrays at every n."""
        known = attempt.outcomes[0].rate
        if known:
            return replace(
                attempt,
                rate=known,
                notes=(*attempt.notes, f"judged by its step, divided by the learning rate {known:g}"),
            )
        found = []
        for problem in [self.problem, *self._other_problems()]:
            outcome = attempt.outcomes[0]
            if problem is not self.problem:
                outcome = self.subject.call(attempt.plan, self.handed(problem))
            given = self._given(attempt, outcome)
            submission = None if given is None else take(given, problem, None)
            c = None if submission is None else factor(problem, submission) or first_factor(problem, submission)
            if c is None:
                return attempt
            found.append((problem.n, c))
        (n, c), same = found[0], all(_close(c, found[0][1]) for _, c in found)
        if same:
            rate = c
        elif all(_close(c / n, found[0][1] / found[0][0]) for n, c in found):
            rate = c / n
        else:
            return attempt
        words = (
            f"judged by its step; its learning rate is not an argument or attribute: {rate:.6g} is one factor over all"
        )
        return replace(attempt, rate=rate, notes=(*attempt.notes, words))

    def _words(self, chosen: _Attempt) -> list[str]:
        how = chosen.plan.words
        notes = [f"called with {how}"] if how else []
        if chosen.source == "gradients":
            notes.append(f"read from {', '.join(list(chosen.outcomes[0].gradients)[:6])}")
        notes += chosen.outcomes[0].notes
        return notes

    @staticmethod
    def _warned(chosen: _Attempt) -> list[str]:
        warned = chosen.outcomes[0].warned
        return [f"NumPy warned: {warned}"] if warned else []

    # what the calls did

    def _changes(self, chosen: _Attempt) -> list[Part]:
        changed = chosen.outcomes[0].changed
        if chosen.source in ("step", "updated"):
            changed = tuple(one for one in changed if one != "the network's parameters")
        if not changed:
            return []
        return [Part("31", (), f"{' and '.join(changed)} changed by the call", self.F)]

    def _between_calls(self, chosen: _Attempt) -> list[Part]:
        """Compare calls on the same samples, array by array."""
        given = [dict(leaves(self._given(chosen, one))) for one in chosen.outcomes if one.crash is None]
        if len(given) < _CALLS:
            crash = next(one.crash for one in chosen.outcomes if one.crash is not None)
            return [Part("18", (), f"a later call on the same samples fails: {crash.text}", self.F)]
        if any(one.keys() != given[0].keys() for one in given):
            return [Part("18", (), "a later call on the same samples returns other arrays", self.F)]
        grows, differs = {}, []
        for path, u in given[0].items():
            v, w = given[1][path], given[2][path]
            if u.shape != v.shape or u.shape != w.shape:
                return [Part("18", (), "a later call on the same samples returns other shapes", self.F)]
            kind = _kind_of_memory(*(np.asarray(one, np.float64) for one in (u, v, w)))
            if kind == "differs":
                differs.append(path)
            elif kind:
                grows[path] = kind
        if differs and not grows:
            words = "calls on the same samples differ"
            return [Part(_RANDOM, (), words + self._which(differs, given[0]), self.F)]
        if not grows:
            return []
        kinds = set(grows.values())
        words = kinds.pop() if len(kinds) == 1 else "returns more than the first"
        return [
            Part("18", (), f"the second call on the same samples {words}{self._which(list(grows), given[0])}", self.F)
        ]

    @staticmethod
    def _which(paths: Sequence[str], every: Mapping[str, Array]) -> str:
        """Name the arrays that are meant, if they are not all."""
        if len(paths) == len(every):
            return ""
        return f" ({', '.join(path[:60] or 'it' for path in paths[:4])}{', …' if len(paths) > 4 else ''} only)"

    def _unused(self, chosen: _Attempt) -> Diagnosis | None:
        """Whether the function computes the same for another network."""
        rng = np.random.default_rng(1)
        other = self.network.copy()
        other.parameters = rng.standard_normal(other.parameters.shape)
        problem = replace_layers(self.problem, other)
        outcome = self.subject.call(chosen.plan, self.handed(problem))
        if outcome.crash is not None:
            return None
        u, v = (dict(leaves(self._given(chosen, one))) for one in (chosen.outcomes[0], outcome))
        if not u or u.keys() != v.keys() or not any(one.any() for one in u.values()):
            return None
        if any(u[path].shape != v[path].shape or not np.array_equal(u[path], v[path], equal_nan=True) for path in u):
            return None
        words = "the same numbers come out for other parameters: the network that is handed in is not used"
        return self._failed(words)

    # other numbers of samples

    def _other_problems(self) -> Iterator[Problem]:
        """The same network on other samples: as many as are prime to all sizes and to each other."""
        if self.weighted or self.is_single:
            return
        if self.problem.masks and not self.subject.takes_masks:
            return
        rng = np.random.default_rng(0)
        X, y = np.array(self.problem.samples.X), np.array(self.problem.raw[1])
        for n in batch_sizes(self.problem.sizes, self.problem.n):
            rows, targets = rng.integers(0, len(X), n), rng.integers(0, len(X), n)
            scale = float(np.abs(X).max()) or 1.0
            other_X = (X[rows] + 0.1 * scale * rng.uniform(-1, 1, (n, X.shape[1]))).astype(X.dtype)
            other_y = y[targets]
            samples = as_samples(self.network, other_X, other_y, self.problem.loss)
            masks = {l: mask[rng.integers(0, len(X), n)] for l, mask in self.problem.masks.items()}
            yield self._penalised(Problem(self.network, samples, self.problem.penalty, masks, raw=(other_X, other_y)))

    def _over_batches(self, chosen: _Attempt, first: Diagnosis, *, is_stateful: bool) -> Diagnosis:
        """Whether the verdict holds at other numbers of samples, and which of the causes."""
        if is_stateful or (first.verdict == "wrong" and not first.hypotheses):
            return first
        found: list[tuple[Problem, Diagnosis, float | None]] = []
        for problem in self._other_problems():
            outcome = self.subject.call(chosen.plan, self.handed(problem))
            if outcome.crash is not None:
                if first.verdict == "wrong":
                    continue
                return self._failed(f"with {problem.n} samples in place of {self.problem.n}: {outcome.crash.text}")
            given = self._given(chosen, outcome)
            if self._is_of_first(chosen, outcome):
                return self._failed("other samples give the gradient of the first call", "18")
            diagnosis, reading = judge(problem, given, {}, (), chosen.reading)
            submission = None if reading is None else take(given, problem, chosen.reading)
            found.append((problem, diagnosis, None if submission is None else factor(problem, submission)))
        if not found:
            return first
        submission = take(self._given(chosen, chosen.outcomes[0]), self.problem, chosen.reading)
        c = None if submission is None else factor(self.problem, submission)
        return self._agreed(first, c, found)

    def _is_of_first(self, chosen: _Attempt, outcome: Outcome) -> bool:
        u, v = (dict(leaves(self._given(chosen, one))) for one in (chosen.outcomes[0], outcome))
        if not u or u.keys() != v.keys() or not any(one.any() for one in u.values()):
            return False
        return all(u[path].shape == v[path].shape and np.array_equal(u[path], v[path]) for path in u)

    def _agreed(
        self, first: Diagnosis, c: float | None, found: Sequence[tuple[Problem, Diagnosis, float | None]]
    ) -> Diagnosis:
        for problem, diagnosis, _ in found:
            if first.verdict != "wrong" and diagnosis.verdict not in (first.verdict, "right"):
                n = self.problem.n
                note = (
                    f"right on {n} samples and wrong on {problem.n} others like them, to which the numbers here belong"
                )
                return replace(diagnosis, notes=(*diagnosis.notes, note))
        if first.verdict == "right" or not first.hypotheses:
            return first
        factors = [(self.problem.n, c), *((problem.n, one) for problem, _, one in found)]
        kept = [
            one
            for one in first.hypotheses
            if all(_names(one) in map(_names, other.hypotheses) for _, other, _ in found)
        ]
        if all(c is not None for _, c in factors):
            known = [(n, c) for n, c in factors if c is not None]
            kept = [one for one in kept if _is_possible(one, known, self.problem.sizes)]
            if not kept and all(_close(c, known[0][1]) for _, c in known):
                kept = [Hypothesis((Part("37", (), _constant_words(known[0][1], [n for n, _ in known]), self.F),))]
        if not kept:
            counts = " or ".join(str(problem.n) for problem, _, _ in found)
            return replace(first, notes=(*first.notes, f"with {counts} samples the numbers have another explanation"))
        is_convention = all(part.is_convention for part in kept[0].parts)
        verdict = first.verdict if first.verdict == "wrong" or is_convention else "wrong"
        better = first.better_input if len(kept) == len(first.hypotheses) else None
        return replace(first, hypotheses=tuple(kept), verdict=verdict, better_input=better)

    # sample by sample

    def _one_by_one(self, chosen: _Attempt, *, is_wrong: bool) -> list[str]:
        """Each sample by itself: is the fault in the samples or in how they are put together?"""
        if self.weighted or self.problem.n < 2 or chosen.source not in ("returned", "gradients"):
            return []
        if self.problem.masks and not self.subject.takes_masks:
            return []
        wrong, failed, scaled, tried = [], [], False, min(self.problem.n, _SINGLES)
        for i in range(tried):
            given = self.problem.samples
            samples = Samples(given.X[i : i + 1], given.Y[i : i + 1], self.problem.loss, None, False)
            raw = np.array(self.problem.raw[0])[i : i + 1], np.array(self.problem.raw[1])[i : i + 1]
            masks = {l: mask[i : i + 1] for l, mask in self.problem.masks.items()}
            problem = self._penalised(Problem(self.network, samples, self.problem.penalty, masks, raw=raw))
            outcome = self.subject.call(chosen.plan, self.handed(problem))
            returned = None if outcome.crash is not None else self._given(chosen, outcome)
            submission = None if returned is None else take(returned, problem, chosen.reading)
            if submission is None:
                failed.append(i + 1)
            elif not is_right(problem, submission):
                c = factor(problem, submission)
                scaled = scaled or c is not None
                if c is None:
                    wrong.append(i + 1)
        if failed:
            return [f"it fails on a batch of one sample ({', '.join(map(str, failed[:4]))})"]
        if is_wrong and not wrong and not scaled:
            return [
                f"each of {tried} samples alone gives the right gradient: the fault is in how samples are put together"
            ]
        if is_wrong and wrong and len(wrong) < tried:
            return [f"of {tried} samples alone, {', '.join(map(str, wrong))} give a wrong gradient"]
        if wrong and not is_wrong:
            return [f"the batch is right, but sample {wrong[0]} alone gives a wrong gradient"]
        return []


def _is_same_outcome(one: Outcome, other: Outcome) -> bool:
    """Whether two ways of calling came to the same numbers, so that one need not be judged again."""
    u, v = (dict(leaves([each.returned, each.gradients, each.step])) for each in (one, other))
    return bool(u) and u.keys() == v.keys() and all(np.array_equal(u[path], v[path]) for path in u)


def replace_layers(problem: Problem, layers: Layers) -> Problem:
    """Return the same problem for a network with other parameters."""
    return Problem(layers, problem.samples, problem.penalty, problem.masks, raw=problem.raw)


def _kind_of_memory(u: Array, v: Array, w: Array) -> str:
    """How three calls on the same samples differ: words for one that remembers, ``differs``, or nothing."""
    with np.errstate(all="ignore"):
        size = float(np.abs(u).max()) if u.size else 0.0
        size = max(size, float(np.abs(v).max()) if v.size else 0.0)
        if not all(np.isfinite(one).all() for one in (u, v, w)) or not size:
            return ""
        u, v, w = u / size, v / size, w / size
        whole = float(np.linalg.norm(u))
        one, two = v - u, w - v
        if max(np.linalg.norm(one), np.linalg.norm(two)) <= 1e-6 * max(whole, 1e-3):
            return ""
        if np.linalg.norm(one - two) <= 1e-5 * np.linalg.norm(one):
            twice = whole and np.linalg.norm(one - u) <= 1e-5 * whole
            return "returns twice the first" if twice else "adds to the first"
        norm_v, norm_w = float(np.linalg.norm(v)), float(np.linalg.norm(w))
        parallel = whole and norm_v and norm_w
        if (
            parallel
            and np.vdot(u, v) > 0.999 * whole * norm_v
            and np.vdot(u, w) > 0.999 * whole * norm_w
            and u.size > 1
        ):
            return "returns more than the first" if norm_v > whole else "returns less than the first"
        return "differs"


def _close(u: float, v: float) -> bool:
    return abs(u - v) <= 1e-5 * max(abs(u), abs(v))


def _names(hypothesis: Hypothesis) -> tuple[object, ...]:
    return tuple((part.row, part.layers) for part in hypothesis.parts)


def _is_possible(hypothesis: Hypothesis, factors: Sequence[tuple[int, float]], sizes: Sequence[int]) -> bool:
    """Whether a factor of that name changes with n as the factors do."""
    if len(hypothesis.parts) > 1:
        return True
    row, (_, c) = hypothesis.rows[0], factors[0]
    if row == "10":
        return not all(_close(one, c) for _, one in factors)
    if row == "11" and all(_close(one, c) for _, one in factors):
        return any(_close(c, size) or _close(c, 1 / size) for size in sizes)
    return True


def _constant_words(c: float, counts: Sequence[int]) -> str:
    like = ""
    rate = abs(c)
    while 0 < rate < 1:
        rate *= 10
    if 0 < abs(c) < 1 and any(_close(rate, digit) or _close(rate, 10 * digit) for digit in (1, 2, 3, 5)):
        like = ", like a learning rate"
    return f"the factor {c:.6g} everywhere, with {', '.join(map(str, counts))} samples alike{like}"


def _subject(function: Any, network: Layers) -> Subject:
    def make(handed: Handed) -> object:
        own = network.copy()
        if tuple(handed.sizes) != tuple(network.sizes):
            activations = list(network.activations.values())
            own = type(network)(handed.sizes, activations, dtype=network.dtype, bias=network.has_bias)
        own.parameters = handed.parameters
        return own

    if isinstance(function, type):
        method = next((name for name in METHODS if callable(getattr(function, name, None))), None)
        if method is not None:
            return MethodSubject(function, method, _names_of_module(function), make, _file_of_class(function))
    return FunctionSubject(function, None, make)


def _names_of_module(owner: type) -> Mapping[str, Any]:
    import sys

    return vars(sys.modules[owner.__module__]) if owner.__module__ in sys.modules else {}


def _file_of_class(owner: type) -> str:
    for one in vars(owner).values():
        code = getattr(one, "__code__", None)
        if code is not None:
            return str(code.co_filename)
    return ""


def is_function(gradient: object) -> bool:
    """Whether what was handed over is a function under test, and not arrays."""
    if not callable(gradient):
        return False
    # A gradient of ours, or a module of PyTorch, has arrays.
    return isinstance(gradient, type) or not (hasattr(gradient, "W") or hasattr(gradient, "named_parameters"))


@hinted
def diagnose(
    network: Layers,
    X: ArrayLike,
    y: ArrayLike,
    loss: object,
    gradient: Callable[..., Any] | object,
    *,
    sample_weight: ArrayLike | None = None,
    l2: float = 0.0,
    l1: float = 0.0,
    z: object = None,
    a: object = None,
    d: object = None,
    masks: Mapping[int, ArrayLike] | None = None,
) -> Diagnosis:
    """Say whether a gradient computed elsewhere is right, and if not, which term of the five steps is wrong.

    Parameters
    ----------
    network : Network
    X : array_like of shape (n, n_1) or (n_1,)
    y : array_like of shape (n, n_F) or (n_F,)
        Targets as in `Network.backprop`.
    loss : str or Loss
    gradient : callable or arrays
        A function that computes it, or the gradient itself. A function takes (network, X, y), or (X, y), one sample
        (x, y), (W1, b1, W2, b2, X, y), (weights, biases, x, y), (params, cache, X, y) and the like: its arguments are
        bound by their names, and by trying. It may also be a class with a method such as ``backward`` or ``fit``. A
        function that returns nothing and updates parameters is judged by its step. A gradient is a flat vector in the
        order of `Network.parameters`, lists (W, b), pairs by layer, or a dict by names such as ``fc1.weight`` or
        ``W2``. Each W^l may be (n_l, n_{l-1}) or its transpose. It may come with the z, a and d of the computation, as
        ``{"gradient": …, "d": …}``.
    sample_weight, l2, l1
        As in `Network.backprop`: what the gradient is meant to include.
    z, a, d : list or dict by layer, optional
        The quantities of the computation under test, each of shape (n, n_l) or its transpose.
    masks : dict by layer, optional
        What dropout multiplied a^l by: 0 or 1/(1 - p), of shape (n, n_l) or (n_l,). A function with a parameter
        ``masks`` is handed them.

    Returns
    -------
    Diagnosis
        True if right, up to a convention; prints what was found.

    Raises
    ------
    ValueError, TypeError
        Samples that do not fit the network, or arrays that cannot be read as its gradient.

    Examples
    --------
    >>> import numpy as np
    >>> import pellucid as pl
    >>> net = pl.Network([3, 4, 2], activation="sigmoid", seed=0)
    >>> X, y = np.array([[0.5, -1, 2], [1, 0, -1]]), np.array([[1, 0], [0, 1]])
    >>> run = net.backprop(X, y)
    >>> d3 = 2 / 2 * (run.a[3] - y)  # σ'(z^3) is missing
    >>> d2 = d3 @ net.W[3] * run.a[2] * (1 - run.a[2])
    >>> wrong = {"W2": d2.T @ X / 2, "b2": d2.mean(0), "W3": d3.T @ run.a[2] / 2, "b3": d3.mean(0)}
    >>> print(pl.diagnose(net, X, y, "mse", wrong).headline)
    WRONG at step 3 Output, layer 3: σ' missing at the output
    """
    expect(network, Layers, "network", "a pl.Network", "pl.diagnose(network, X, y, loss, gradient)")
    samples = as_samples(network, X, y, loss, sample_weight)
    problem = Problem(network, samples, as_penalty(l2, l1), masks, raw=(X, y))
    seen = {
        symbol: read_layers(given, symbol, problem)
        for symbol, given in (("z", z), ("a", a), ("d", d))
        if given is not None
    }
    if is_function(gradient):
        diagnosis = Trial(_subject(gradient, network), network, problem, weighted=sample_weight is not None).run(seen)
    else:
        diagnosis = judge_returned(problem, gradient, seen)
    if diagnosis.verdict != "wrong":
        notes = coincidences(problem, counts_too=not is_function(gradient))
        diagnosis = replace(diagnosis, notes=(*diagnosis.notes, *notes))
    return diagnosis
