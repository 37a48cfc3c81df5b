"""A function under test, called as a course's autograder would: twice, on other data, sample by sample."""

from __future__ import annotations

import contextlib
import inspect
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pellucid.arrays import ArrayLike
from pellucid.checking.diagnosis import Diagnosis, Part
from pellucid.checking.exceptions import tell
from pellucid.checking.judgement import Comparison, diagnose_arrays
from pellucid.checking.leaves import materialized
from pellucid.checking.problem import PerLayerArrays, Problem
from pellucid.checking.reading import Reading, Submission, UnreadableError, read, read_layers
from pellucid.checking.returned import judge_returned
from pellucid.hints import expect, hinted
from pellucid.layers import Layers
from pellucid.samples import Samples, as_penalty, as_samples

_SINGLES = 8
"""Samples that are tried one by one."""


@dataclass(frozen=True, eq=False)
class Call:
    """One call: what it returned, read; or what went wrong; and which arguments it changed."""

    submission: Submission | None
    failure: Part | None
    changed: tuple[str, ...]
    returned: object = None
    raised: bool = False


class Trial:
    """A function f(network, X, y), and what it is tried on.

    Parameters
    ----------
    function : callable
    network : Layers
    problem : Problem
        With the raw X and y.
    weighted : bool
        Whether samples have weights, which the function knows for the whole batch alone.
    """

    def __init__(self, function: Callable[..., Any], network: Layers, problem: Problem, *, weighted: bool) -> None:
        self.function, self.network, self.problem, self.weighted = function, network, problem, weighted
        self.X, self.y = (np.array(part) for part in problem.raw)
        self.calls = 0
        self.reading: Reading | None = None
        self.is_single = problem.samples.is_single
        code = getattr(inspect.unwrap(function), "__code__", None)
        self.file = code.co_filename if code is not None else ""

    def call(self, X: np.ndarray[Any, Any], y: np.ndarray[Any, Any], problem: Problem) -> Call:
        """Call the function on copies, read what it returns, and see what it changed."""
        network, X_own, y_own = self.network.copy(), X.copy(), y.copy()
        failure = returned = None
        self.calls += 1
        # what the function prints is of interest once
        quiet = contextlib.redirect_stdout(io.StringIO()) if self.calls > 1 else contextlib.nullcontext()
        try:
            with quiet:
                returned = materialized(self.function(network, X_own, y_own))
        except Exception as error:
            told = tell(error, self.file)
            row = "7" if told.is_product else "38"
            failure = Part(row, (), f"{told.what}, at {told.where}", problem.F)
        changed = tuple(
            name
            for name, before, after in (
                ("X", X, X_own),
                ("y", y, y_own),
                ("the network's parameters", self.network.parameters, network.parameters),
            )
            if not np.array_equal(before, after)
        )
        if failure is not None:
            return Call(None, failure, changed, raised=True)
        try:
            submission = read(returned, problem) if self.reading is None else self.reading.take(returned, problem)
            return Call(submission, None, changed, returned)
        except UnreadableError as error:
            what = "nothing (None)" if returned is None else f"{type(returned).__name__}"
            return Call(None, Part("38", (), f"it returned {what}; {error}", problem.F), changed, returned)

    def run(self, seen: dict[str, PerLayerArrays]) -> Diagnosis:
        """All the calls, and what they say together."""
        problem = self.problem
        first = self.call(self.X, self.y, problem)
        before = self._changes(first)
        if first.failure is not None and first.raised:
            notes = self._works_on_one_sample()
            return Diagnosis("wrong", (), (*before, first.failure), 0, None, notes=tuple(notes))
        diagnosis = judge_returned(problem, first.returned, seen, before)
        self.reading = diagnosis.reading
        if self.reading is None:
            return diagnosis
        submission = self.reading.take(first.returned, problem)
        before += self._second(submission)
        if before:
            diagnosis = judge_returned(problem, first.returned, seen, before, self.reading)
        located = list(diagnosis.located)
        if not self.is_single:
            if diagnosis.verdict != "wrong" and not before and (other := self._other_data(submission)) is not None:
                return other
            located += self._one_by_one(is_wrong=diagnosis.verdict == "wrong")
        return _with_located(diagnosis, located)

    def _changes(self, call: Call) -> list[Part]:
        if not call.changed:
            return []
        return [Part("31", (), f"{' and '.join(call.changed)} changed by the call", self.problem.F)]

    def _second(self, first: Submission) -> list[Part]:
        """The same call again: does it remember the first?"""
        again = self.call(self.X, self.y, self.problem).submission
        F = self.problem.F
        if again is None:
            return [Part("18", (), "the second call on the same samples fails", F)]
        u, v = _vector(first), _vector(again)
        if u.shape != v.shape:
            return [Part("18", (), "the second call on the same samples returns other shapes", F)]
        comparison = Comparison(self.problem, first)
        size = float(np.linalg.norm(u)) or 1.0
        if not np.isfinite(u).all() or np.linalg.norm(u - v) <= comparison.tolerance * size:
            return []
        if np.linalg.norm(v - 2 * u) <= 10 * comparison.tolerance * size:
            return [Part("18", (), "the second call on the same samples returns twice the first", F)]
        right = np.concatenate(
            [self.problem.gradient_W[l].ravel() for l in first.W] + [self.problem.gradient_b[l] for l in first.b]
        )
        apart = v - u
        if np.linalg.norm(apart - right) <= 10 * comparison.tolerance * size:
            return [Part("18", (), "the second call on the same samples adds to the first", F)]
        remembers = float(np.vdot(apart, u)) / (float(np.linalg.norm(apart)) * size) > 0.99
        if remembers:
            return [Part("18", (), "the second call on the same samples returns more than the first", F)]
        return [
            Part("24", (), "two calls on the same samples differ: something is drawn at random without a fixed seed", F)
        ]

    def _other_data(self, first: Submission) -> Diagnosis | None:
        """Other samples: is the function right on them, and not only on the ones that it has seen?"""
        if self.weighted or self.problem.masks:
            return None
        rng = np.random.default_rng(0)
        order = rng.permutation(self.problem.n)
        scale = float(np.abs(self.problem.X).max()) or 1.0
        X = self.X[order] + 0.1 * scale * rng.uniform(-1, 1, self.X.shape)
        X = X.astype(self.X.dtype) if self.X.dtype.kind == "f" else X
        y = self.y[order[::-1]]
        samples = as_samples(self.network, X, y, self.problem.loss)
        problem = self.problem.with_samples(samples, (X, y))
        call = self.call(X, y, problem)
        F = self.problem.F
        if call.submission is None:
            return Diagnosis(
                "wrong", (), (Part("38", (), f"on other samples: {call.failure.detail if call.failure else ''}", F),), 0
            )
        comparison = Comparison(problem, call.submission)
        mine = diagnose_arrays(problem, call.submission, {})
        if mine.verdict != "wrong":
            return None
        total, before, right = _vector(call.submission), _vector(first), _right(problem, call.submission)
        if total.shape == before.shape and np.linalg.norm(total - before) <= comparison.tolerance * np.linalg.norm(
            before
        ):
            return Diagnosis("wrong", (), (Part("18", (), "other samples give the gradient of the first call", F),), 0)
        if total.shape == right.shape and np.linalg.norm(total - right) > 0:
            return Diagnosis(
                "wrong",
                mine.hypotheses,
                (),
                mine.step,
                mine.layer,
                mine.shown,
                mine.relative_error,
                mine.located,
                (
                    *mine.notes,
                    "right on the samples given and wrong on others like them, to which the numbers here belong",
                ),
            )
        return None

    def _one_by_one(self, *, is_wrong: bool) -> list[str]:
        """Each sample alone: is the fault in the samples or in how they are put together?"""
        if self.weighted or self.problem.masks or self.problem.n < 2:
            return []
        wrong, failed, tried = [], [], min(self.problem.n, _SINGLES)
        for i in range(tried):
            X, y = self.X[i : i + 1], self.y[i : i + 1]
            samples = Samples(
                self.problem.samples.X[i : i + 1], self.problem.samples.Y[i : i + 1], self.problem.loss, None, False
            )
            problem = self.problem.with_samples(samples, (X, y))
            submission = self.call(X, y, problem).submission
            if submission is None:
                failed.append(i + 1)
            elif not _up_to_a_factor(problem, submission):
                wrong.append(i + 1)
        if failed:
            return [f"it fails on a batch of one sample ({', '.join(map(str, failed[:4]))})"]
        if is_wrong and not wrong:
            return [
                f"each of {tried} samples alone gives the right gradient: the fault is in how samples are put together"
            ]
        if is_wrong and len(wrong) < tried:
            return [f"of {tried} samples alone, {', '.join(map(str, wrong))} give a wrong gradient"]
        if wrong and not is_wrong:
            return [f"the batch is right, but sample {wrong[0]} alone gives a wrong gradient"]
        return []

    def _works_on_one_sample(self) -> list[str]:
        if self.is_single or self.weighted:
            return []
        samples = Samples(self.problem.samples.X[:1], self.problem.samples.Y[:1], self.problem.loss, None, True)
        problem = self.problem.with_samples(samples, (self.X[0], self.y[0]))
        submission = self.call(self.X[0], np.asarray(self.y[0]), problem).submission
        if submission is None:
            return []
        is_right = Comparison(problem, submission).is_right()
        return [
            f"one input x of shape {self.X[0].shape} gives a gradient{' that is right' if is_right else ''}; a "
            f"batch does not"
        ]


def _vector(submission: Submission) -> np.ndarray[Any, Any]:
    return np.concatenate([np.zeros(0), *(W.ravel() for W in submission.W.values()), *submission.b.values()])


def _right(problem: Problem, like: Submission) -> np.ndarray[Any, Any]:
    return np.concatenate(
        [np.zeros(0), *(problem.gradient_W[l].ravel() for l in like.W), *(problem.gradient_b[l] for l in like.b)]
    )


def _up_to_a_factor(problem: Problem, submission: Submission) -> bool:
    comparison = Comparison(problem, submission)
    if comparison.is_right():
        return True
    g, t = _vector(submission), _right(problem, submission)
    size = float(np.vdot(t, t))
    s = float(np.vdot(g, t)) / size if size else 0.0
    return s > 0 and bool(np.linalg.norm(g - s * t) <= 10 * comparison.tolerance * np.linalg.norm(g))


def _with_located(diagnosis: Diagnosis, located: list[str]) -> Diagnosis:
    return replace(diagnosis, located=tuple(located))


@hinted
def diagnose(
    network: Layers,
    X: ArrayLike,
    y: ArrayLike,
    loss: object,
    gradient: object,
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
        A function f(network, X, y) that computes it; or the gradient itself, in any container: a flat vector, lists,
        tuples, dicts, objects with attributes, tensors that carry a ``.grad``. All W^l may be (n_l, n_{l-1}) or all
        transposed; biases may be the first or last row or column of the weights. It may come with the z, a and d of
        the computation, as ``{"gradient": …, "d": …}``.
    sample_weight, l2, l1
        As in `Network.backprop`: what the gradient is meant to include.
    z, a, d : list or dict by layer, optional
        The quantities of the computation under test, each of shape (n, n_l) or its transpose.
    masks : dict by layer, optional
        What dropout multiplied a^l by: 0 or 1/(1 - p), of shape (n, n_l) or (n_l,).

    Returns
    -------
    Diagnosis
        True if right, up to a convention; prints what was found.

    Raises
    ------
    ValueError, TypeError
        Samples that do not fit the network.

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
    if callable(gradient) and not (hasattr(gradient, "W") or hasattr(gradient, "named_parameters")):
        return Trial(gradient, network, problem, weighted=sample_weight is not None).run(seen)
    return judge_returned(problem, gradient, seen)
