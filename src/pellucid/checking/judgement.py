"""Judging a gradient: right, right up to a convention, or wrong, by the explanations that give its numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from pellucid.arrays import Array
from pellucid.checking.better_input import better_input
from pellucid.checking.diagnosis import Diagnosis, Hypothesis, Part, Shown, place_of
from pellucid.checking.problem import PerLayerArrays, Problem
from pellucid.checking.reading import Submission
from pellucid.checking.readings import hypotheses_of
from pellucid.checking.search import Combination, Given, Search
from pellucid.checking.tolerance import DOUBLE, SINGLE, Tolerance, largest, norm
from pellucid.notation import Label

_AT_MOST = 6
"""Hypotheses listed."""

_ROUNDINGS = 4
"""Units in the last place that one operation of somebody else's formula may be off by."""

_HALF = 1e-4
"""Precision from which rounding may hide a mistake: half precision and bfloat16."""

_TINY, _HUGE = 1e-9, 1e30
"""What a mistake may change the largest partial by, at most; beyond it there is nothing to search for."""

_COARSEST_SEARCH = 1e-3
"""Tolerance of the search, at most: that of half precision would let everything fit."""

_OTHERS_COST = 2.0
"""Of an explanation that the search does not rank: samples left out, a penalty, a constant."""


class Comparison:
    """A submission compared with the right gradient, each array in its own precision.

    Parameters
    ----------
    problem : Problem
    submission : Submission
    floors : Floors, optional
        Shared by the readings of one returned value.

    Attributes
    ----------
    W, b : dict by layer
        What is judged: not arrays of half precision whose rounding would hide a gradient that is 50 % off.
    tolerance : float
        Relative, of the coarsest array.
    floor : (W, b)
        By layer, what rounding may move each partial by.
    """

    def __init__(self, problem: Problem, submission: Submission, floors: Floors | None = None) -> None:
        self.problem, self.submission = problem, submission
        self.floors = floors or Floors(problem)
        self.W, self.b = dict(submission.W), dict(submission.b)
        base = self.floors.of(0.0)
        self.floor = (dict(base[0]), dict(base[1]))
        self.tolerances: dict[tuple[str, int], Tolerance] = {}
        self.coarse: list[tuple[str, int]] = []
        for k, (symbol, arrays) in enumerate((("W", self.W), ("b", self.b))):
            right = problem.gradient_W if symbol == "W" else problem.gradient_b
            for l in list(arrays):
                eps = self.floors.eps(submission.eps.get((symbol, l), 0.0))
                self.floor[k][l] = self.floors.of(eps)[k][l]
                tolerance = Tolerance.of(eps)
                tells = eps < _HALF or tolerance.tells(right[l], 2 * self.floor[k][l])
                if not tells and not tolerance.same(arrays[l], right[l]):
                    self.coarse.append((symbol, l))
                    del arrays[l]
                else:
                    self.tolerances[symbol, l] = tolerance
        self.tolerance = max((one.relative for one in self.tolerances.values()), default=Tolerance.of(0.0).relative)
        self.notes = [*self._notes()]

    def _notes(self) -> Iterator[str]:
        if self.submission.unneeded:
            which = ", ".join(f"∂L/∂b^{l}" for l in self.submission.unneeded)
            yield (
                f"the network has no biases (bias=False): its gradient is that of the weights, and {which} "
                f"{'is' if len(self.submission.unneeded) == 1 else 'are'} not judged"
            )
        if self.coarse:
            which = ", ".join(f"∂L/∂{symbol}^{l}" for symbol, l in self.coarse)
            yield (
                f"{which} cannot be judged: in half precision rounding alone may move a partial by half its size; "
                f"compute in float32 or float64"
            )

    # is it right?

    def is_right(self, *, single: bool = False) -> bool:
        """Whether every array agrees within rounding, that of single precision where it is asked for."""
        return not self.submission.not_finite and not self.wrong_arrays(single=single, most=1)

    def pairs(self) -> Iterator[tuple[tuple[str, int], Array, Array, Array]]:
        """Each array as given, the right one, and what rounding may move its entries by."""
        problem = self.problem
        for l, g in self.W.items():
            yield ("W", l), g, problem.gradient_W[l], self.floor[0][l]
        for l, g in self.b.items():
            yield ("b", l), g, problem.gradient_b[l], self.floor[1][l]

    def agreement(self) -> float:
        """How far the arrays point the way of the right ones, 0 to 1: what readings are ranked by before a search."""
        found = [abs(cosine(g, t)) for _, g, t, _ in self.pairs() if g.size > 1]
        return sum(found) / len(found) if found else 0.0

    def relative_errors(self) -> dict[str, float]:
        """‖g - t‖ / ‖t‖ of each array."""
        errors = {}
        for (symbol, l), g, t, _ in self.pairs():
            size, apart = norm(t), norm(g - t)
            errors[f"{symbol}^{l}"] = apart / size if size else (0.0 if not apart else float("inf"))
        return dict(sorted(errors.items(), key=lambda one: (one[0][2:], one[0][0])))

    def wrong_arrays(self, *, single: bool = False, most: int | None = None) -> list[tuple[str, int]]:
        """The arrays that do not agree, from the output down, weights first."""
        wrong = []
        for place, g, t, floor in self.pairs():
            tolerance = self.tolerances[place]
            if single:
                tolerance = Tolerance(max(tolerance.relative, Tolerance.of(SINGLE).relative))
                floor = np.maximum(floor, self.floors.of(SINGLE)[place[0] == "b"][place[1]])
            if not tolerance.same(g, t, 2 * floor):
                wrong.append(place)
                if len(wrong) == most:
                    break
        return sorted(wrong, key=lambda place: (-place[1], place[0]))

    def shown(self, layer: int | None, arrays: Sequence[tuple[str, int]]) -> Shown | None:
        """The partial that is furthest off, in the layer where the departure begins if it shows there."""
        chosen = [place for place in arrays if place[1] == layer] or list(arrays)[:1]
        best: tuple[float, Shown] | None = None
        for symbol, l in chosen:
            g, t = (self.W[l], self.problem.gradient_W[l]) if symbol == "W" else (self.b[l], self.problem.gradient_b[l])
            index = np.unravel_index(int(np.argmax(np.abs(g - t))), g.shape)
            j, *k = (int(i) + 1 for i in index)
            label = Label("w", l, j, k[0]) if symbol == "W" else Label("b", l, j)
            off = float(np.abs(g - t)[index])
            if best is None or off > best[0]:
                best = off, Shown(f"∂L/∂{label}", float(g[index]), float(t[index]))
        return None if best is None else best[1]

    # what is it instead?

    def by_size(self) -> tuple[bool, str]:
        """What the sizes alone say of a wrong gradient: whether it is 0, and words for zeros, one constant, extremes.

        Such numbers are not the gradient of anything, and no search for a mistake would end soon.
        """
        given = np.concatenate([np.zeros(0), *(g.ravel() for _, g, _, _ in self.pairs())])
        right = np.concatenate([np.zeros(0), *(t.ravel() for _, _, t, _ in self.pairs())])
        if given.size == 0:
            return False, ""
        top, usual = largest(given), largest(right) or 1.0
        if not top:
            return True, "all partials are 0"
        if given.size > 3 and np.ptp(given / top) <= 1e-12:
            return False, f"all partials are {given[0]:.6g}"
        if top < _TINY * usual:
            return True, f"all partials are nearly 0: at most {top:.3g}, and the right ones are up to {usual:.3g}"
        if top > _HUGE * usual:
            return False, f"the partials are up to {top:.3g}, and the right ones are up to {usual:.3g}"
        return False, ""

    def by_parameters(self) -> str:
        """Whether the parameters came in place of the gradient, as they are or after a step of descent."""
        problem = self.problem
        if len(self.W) < len(problem.W):
            return ""
        own = {("W", l): problem.W[l] for l in self.W} | {("b", l): problem.b[l] for l in self.b}
        triples = [((g, own[place], t), place) for place, g, t, _ in self.pairs()]
        if all(self.tolerances[place].same(g, w) for (g, w, _), place in triples):
            return "these are the parameters of the network, not their gradient"
        given, before, right = (np.concatenate([arrays[k].ravel() for arrays, _ in triples]) for k in range(3))
        step = before - given
        coarsest = max((self.floors.eps(eps) for eps in self.submission.eps.values()), default=DOUBLE)
        rate = Tolerance(self.tolerance).parallel(step, right, 8 * coarsest * np.abs(before))
        if given.size < 3 or rate is None or norm(step) <= 64 * coarsest * norm(before):
            return ""
        sign = "-" if rate > 0 else "+"
        return (
            f"these are the parameters after an update, W {sign} η ∂L/∂W with η = {abs(rate):.6g}; "
            f"{'the gradient in it is right' if rate > 0 else 'the gradient in it is right, but descent subtracts it'}"
        )

    # why is it wrong?

    def explanations(self, seen: Mapping[str, PerLayerArrays]) -> tuple[list[Combination], Search]:
        """What gives the numbers."""
        tolerance = min(self.tolerance, _COARSEST_SEARCH)
        search = Search(self.problem, Given(self.W, self.b), tolerance, self.floor, seen)
        # what agrees to the search's tolerance, and not to that of each array, has not been explained
        return [one for one in search.run() if one.faults or one.factors], search

    def others(self) -> list[Hypothesis]:
        """What no way of computing a quantity gives: a penalty that was not declared, samples left out."""
        found = (self.by_undeclared_penalty(), self.by_samples())
        return [one for one in found if one is not None]

    def by_samples(self) -> Hypothesis | None:
        """Whether the gradient is the right one with other weights of the samples: some left out, or counted twice."""
        problem = self.problem
        if problem.n < 2 or problem.n * problem.layers.parameters.size > 3e7:
            return None
        columns: list[Array] = []
        target: list[Array] = []
        for l in self.W:
            a, d = problem.a[l - 1], problem.d[l]
            columns.append(np.einsum("ij,ik->jki", d, a).reshape(-1, problem.n))
            target.append((self.W[l] - problem.penalty_term(l)).ravel())
        for l in self.b:
            columns.append(problem.d[l].T)
            target.append(self.b[l])
        matrix, g = np.concatenate(columns), np.concatenate(target)
        if len(g) <= problem.n or not np.isfinite(matrix).all():
            return None
        counts, *_ = np.linalg.lstsq(matrix, g, rcond=None)
        if np.linalg.matrix_rank(matrix) < problem.n:
            return None
        if not Tolerance(10 * self.tolerance).same(matrix @ counts, g):  # the fit adds to the rounding
            return None
        usual = counts / problem.share
        if np.ptp(usual) <= 1e-3 * np.abs(usual).max():
            return None  # all alike: a factor, and not the samples
        lacking = np.flatnonzero(np.abs(usual) < 1e-3 * np.abs(usual).max())
        if len(lacking):
            which = ", ".join(str(i + 1) for i in lacking[:8]) + (", …" if len(lacking) > 8 else "")
            detail = f"sample{'s' if len(lacking) > 1 else ''} {which} count{'' if len(lacking) > 1 else 's'} nothing"
        else:
            low, high = int(np.argmin(usual)), int(np.argmax(usual))
            often, seldom = f"{usual[high]:.4g}", f"{usual[low]:.4g}"
            detail = f"sample {high + 1} counts {often} times its share, sample {low + 1} {seldom} times"
        return Hypothesis((Part("18b" if problem.weight is None or len(lacking) else "35", (), detail, problem.F),))

    def by_constant(self) -> Hypothesis | None:
        """Whether everything is one constant times the right gradient: small layers alone cannot show it."""
        c = self.factor()
        if c is None or sum(g.size for _, g, _, _ in self.pairs()) < 3:
            return None
        return Hypothesis((Part("37", (), f"the factor {c:.6g} everywhere", self.problem.F),))

    def factor(self) -> float | None:
        """Return the c with which everything is c times the right gradient, each array in its own precision."""
        pairs = [*self.pairs()]
        given, right, floor = (np.concatenate([np.zeros(0), *(np.ravel(one[k]) for one in pairs)]) for k in (1, 2, 3))
        c = Tolerance(self.tolerance).parallel(given, right, 2 * floor * (largest(given) / (largest(right) or 1.0)))
        if c is None or not all(self.tolerances[place].same(g, c * t, 2 * abs(c) * f) for place, g, t, f in pairs):
            return None
        return c

    def by_undeclared_penalty(self) -> Hypothesis | None:
        """Whether the difference is a multiple of the weights: a penalty that the loss does not have."""
        problem = self.problem
        top = bottom = 0.0
        for l, g in self.W.items():
            top += float(np.vdot(g - problem.gradient_W[l], problem.W[l]))
            bottom += float(np.vdot(problem.W[l], problem.W[l]))
        if not bottom or not (c := top / bottom):
            return None

        def fits(symbol: str, times: float) -> bool:
            given, right, own, k = (
                (self.W, problem.gradient_W, problem.W, 0) if symbol == "W"
                else (self.b, problem.gradient_b, problem.b, 1)
            )  # fmt: skip
            return all(
                self.tolerances[symbol, l].same(g, right[l] + times * own[l], 2 * self.floor[k][l])
                for l, g in given.items()
            )

        plain, biased = fits("b", 0.0), fits("b", c)
        if not fits("W", c) or not (plain or biased):
            return None
        extra = problem.penalty.l2 + c if problem.penalty.l2 else c
        detail = f"λ₂ = {extra:.6g} in the gradient, {problem.penalty.l2:g} in the loss"
        if biased and not plain:
            detail += ", and on the biases too"
        return Hypothesis((Part("23", tuple(self.W), detail, problem.F),))


class Floors:
    """What rounding may move each partial of a problem by, in each precision that is asked for."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self._least = float(np.finfo(problem.layers.dtype).eps)
        self._known: dict[float, tuple[PerLayerArrays, PerLayerArrays]] = {}

    def eps(self, eps: float) -> float:
        """Return the precision of an array: no finer than that of the network."""
        return max(eps, self._least)

    def of(self, eps: float) -> tuple[PerLayerArrays, PerLayerArrays]:
        """Return by layer what arithmetic of a precision may move the partials by."""
        eps = self.eps(eps)
        if eps not in self._known:
            times = _ROUNDINGS if eps < _HALF else 1.0  # four times would leave next to nothing to judge in halves
            self._known[eps] = self.problem.rounding(times * eps)
        return self._known[eps]


def cosine(u: Array, v: Array) -> float:
    """Return the cosine of the angle between two arrays, 0 if one is zero or not finite."""
    top, bottom = largest(u), largest(v)
    if not (0 < top < np.inf and 0 < bottom < np.inf):
        return 0.0
    p, q = u / top, v / bottom
    return float(np.vdot(p, q)) / float(np.linalg.norm(p) * np.linalg.norm(q))


def diagnose_arrays(
    problem: Problem,
    submission: Submission,
    seen: Mapping[str, PerLayerArrays],
    before: Sequence[Part] = (),
    floors: Floors | None = None,
) -> Diagnosis:
    """Judge a gradient that was read.

    Parameters
    ----------
    problem : Problem
    submission : Submission
    seen : mapping
        The user's own z, a and d by layer.
    before : sequence of Part
        What is known to be wrong already.
    floors : Floors, optional
        Shared by several calls.
    """
    return judged(Comparison(problem, submission, floors), seen, before)[1]


def judged(
    comparison: Comparison, seen: Mapping[str, PerLayerArrays], before: Sequence[Part] = ()
) -> tuple[float, Diagnosis]:
    """Judge a gradient that was read: what the explanation costs, infinite if there is none, and the diagnosis."""
    problem, submission = comparison.problem, comparison.submission
    F = problem.F
    parts = [*before, *_parts_of_shape(problem, submission)]
    errors = comparison.relative_errors()
    notes = comparison.notes
    if comparison.coarse and not comparison.tolerances:
        return math.inf, Diagnosis("unreadable", (), tuple(parts), notes=tuple(notes))
    if submission.not_finite:
        where = tuple(submission.not_finite)
        return math.inf, Diagnosis("wrong", (), tuple(parts), 5, None, relative_error={}, located=where)
    step_parts = _seen_departs(problem, seen, comparison)
    right = comparison.is_right()
    if right and not parts and submission.turned and submission.is_transposed is None and _has_matrices(submission):
        words = "the gradient of the weights is transposed; right if W^l is stored as (n_{l-1}, n_l)"
        hypothesis = Hypothesis((Part("7", (), words, F, fault="transposed_gradient"),))
        return 0.0, Diagnosis("convention", (hypothesis,), step=5, relative_error=errors, notes=tuple(notes))
    if right and submission.odd_ones and not parts:
        words = "the gradient of the weights is transposed in some layers only"
        layers = tuple(sorted(submission.odd_ones))
        hypothesis = Hypothesis((Part("7", layers, words, F, fault="transposed_gradient"),))
        return 0.0, Diagnosis(
            "convention", (hypothesis,), step=5, layer=layers[-1], relative_error=errors, notes=tuple(notes)
        )
    found = None
    is_zero, size = (False, "") if right else comparison.by_size()
    if not right and not size:
        found = comparison.explanations(seen)
        if not found[0] and comparison.tolerance < 1e-5 and comparison.is_right(single=True):
            right = True
            notes.append("right to single precision: it was computed in float32 somewhere")
    if right:
        verdict = "wrong" if parts or step_parts else "right"
        parts = [*parts, *step_parts]
        notes = [*notes, *_notes_on_right(problem)]
        return 0.0, Diagnosis(verdict, (), tuple(parts), *_first(parts, F), relative_error=errors, notes=tuple(notes))
    wrong = comparison.wrong_arrays()
    constant = comparison.by_constant()
    if found is None:  # nothing to search for: by its size it is not the gradient of anything
        hypotheses = [constant] if constant else []
        if is_zero and not constant:
            parts.append(Part("14", (), size, F))
        step, layer = _first([*parts, *(constant.parts if constant else ())], F)
        return (1.0 if constant or is_zero else math.inf), Diagnosis(
            "wrong", tuple(hypotheses), tuple(parts), 5 if step is None else step, layer,
            comparison.shown(None, wrong), errors, () if is_zero else (size,), tuple(notes),
        )  # fmt: skip
    explanations, search = found
    hypotheses, kept = hypotheses_of(problem, explanations, _AT_MOST)
    if not hypotheses and constant is not None:
        hypotheses = [constant]
    if not hypotheses or len(hypotheses[0].parts) > 1:
        hypotheses = [*comparison.others(), *hypotheses]
    is_convention = bool(kept) and not parts and not step_parts and kept[0].is_convention
    is_convention = is_convention and comparison.factor() is not None
    parts = [*parts, *step_parts]
    located = [] if hypotheses else _located(problem, search, wrong)
    step, layer = _first([*parts, *(hypotheses[0].parts if hypotheses else ())], F)
    if not hypotheses and wrong and not parts:
        step, layer = _departure(problem, comparison, wrong)
    better = better_input(problem, kept, search.tolerance) if len(kept) > 1 and not is_convention else None
    cost = explanations[0].cost if explanations else _OTHERS_COST if hypotheses else math.inf
    return cost, Diagnosis(
        "convention" if is_convention else "wrong",
        tuple(hypotheses[:_AT_MOST]),
        tuple(parts),
        step,
        layer,
        comparison.shown(layer, wrong),
        errors,
        tuple(located),
        tuple(notes),
        better,
    )


def _has_matrices(submission: Submission) -> bool:
    """Whether a transpose changes anything."""
    return any(min(W.shape) > 1 for W in submission.W.values())


def _parts_of_shape(problem: Problem, submission: Submission) -> list[Part]:
    F, n = problem.F, problem.n
    parts = []
    for symbol in "Wb":
        layers = tuple(l for kind, l in submission.missing if kind == symbol)
        if layers:
            what = "the biases" if symbol == "b" else "the weights"
            parts.append(Part("14", layers, f"no gradient of {what} was returned", F))
    if submission.not_summed:
        shape = submission.not_summed[0][1]
        layers = tuple(l for l, _ in submission.not_summed)
        parts.append(Part("15", layers, f"∂L/∂b^{layers[0]} has shape {shape}, one for each of {n} samples", F))
    if submission.one_number:
        l = submission.one_number[0]
        parts.append(
            Part("15", tuple(submission.one_number), f"∂L/∂b^{l} is one number for {problem.sizes[l - 1]} neurons", F)
        )
    for symbol, l, shape in submission.shapes:
        n_l, n_before = problem.sizes[l - 1], problem.sizes[l - 2]
        expected = f"({n_l}, {n_before})" if symbol == "W" else f"({n_l},)"
        row, why = _shape_row(problem, symbol, l, shape)
        parts.append(Part(row, (l,), f"∂L/∂{symbol}^{l} has shape {shape}, expected {expected}{why}", F))
    return parts


def _shape_row(problem: Problem, symbol: str, l: int, shape: tuple[int, ...]) -> tuple[str, str]:
    """The mistake that a shape speaks of."""
    n, sizes = problem.n, problem.sizes
    if symbol == "b":
        return "15", f"; d^{l} of shape ({n}, {sizes[l - 1]}) is summed over its samples, axis 0"
    if n in shape and n not in sizes[l - 2 : l]:
        return "27" if sizes[-1] == 1 and l == problem.F else "15", f"; {n} is the number of samples"
    if len(shape) == 2 and shape[0] == shape[1] == sizes[l - 1]:
        return "9", f"; d^{l} (a^{l})^T has this shape, d^{l} (a^{l - 1})^T is meant"
    for other in range(1, problem.F + 1):
        if other != l - 1 and shape in ((sizes[l - 1], sizes[other - 1]), (sizes[other - 1], sizes[l - 1])):
            return "9", f"; d^{l} (a^{other})^T has this shape, d^{l} (a^{l - 1})^T is meant"
    return "9", ""


def _seen_departs(problem: Problem, seen: Mapping[str, PerLayerArrays], comparison: Comparison) -> list[Part]:
    """The first of the user's own z, a and d that differs in a way that has a name."""
    F, same = problem.F, Tolerance(comparison.tolerance).same
    for l in range(2, F + 1):
        z, a = seen.get("z", {}).get(l), seen.get("a", {}).get(l)
        if z is not None and not same(z, problem.z[l]):
            if same(z, problem.a[l]):
                return [Part("25", (l,), f"the z^{l} handed in is a^{l}", F)]
            if same(z, problem.z[l] - problem.b[l]):
                return [Part("32", (l,), f"seen in z^{l}", F)]
        if a is not None and not same(a, problem.a[l]):
            if same(a, problem.sigma[l].function(problem.a[l])):
                is_softmax = problem.sigma[l].name == "softmax"
                return [Part("20" if is_softmax else "26", (l,), f"seen in a^{l}", F)]
            if same(a, problem.z[l]):
                return [Part("33", (l,), f"a^{l} is z^{l}: no activation", F)]
    return []


def _first(parts: Sequence[Part], F: int) -> tuple[int | None, int | None]:
    """The first step, and its highest layer (in the forward pass the lowest)."""
    if not parts:
        return None, None
    first = min(parts, key=place_of)
    if first.step == 0 or not first.layers:
        return first.step, F if first.step == 3 else None
    return first.step, min(first.layers) if first.step == 2 else max(first.layers)


def _departure(problem: Problem, comparison: Comparison, wrong: list[tuple[str, int]]) -> tuple[int, int]:
    """Where an unexplained gradient departs: a layer whose biases are right has the right delta."""
    l = wrong[0][1]
    biases_right = ("b", l) not in wrong and l in comparison.b
    weights_right = ("W", l) not in wrong and l in comparison.W
    if biases_right or weights_right:
        return 5, l
    return (3 if l == problem.F else 4), l


def _located(problem: Problem, search: Search, wrong: list[tuple[str, int]]) -> list[str]:
    lines = []
    if wrong:
        right = [f"{s}^{l}" for l in problem.W for s in problem.symbols if (s, l) not in wrong]
        lines.append(
            f"wrong: {', '.join(f'{s}^{l}' for s, l in wrong)}"
            + (f"; right: {', '.join(right)}" if right else "; no array is right")
        )
    deepest, state = search.deepest
    if state is not None and deepest > 2 and (state.delta or any(f.W or f.b for _, f in state.formed)):
        names = sorted({fault.kind.replace("_", " ") for _, fault in state.delta})
        if names:
            lines.append(
                f"layers {deepest} … {problem.F} would fit {' and '.join(names)}, but nothing known fits layer "
                f"{deepest - 1}"
            )
    return lines


def _notes_on_right(problem: Problem) -> list[str]:
    """What a right gradient may hide, and rows that are no mistakes."""
    notes = []
    if problem.n == 1:
        notes.append(
            f"with one sample a missing 1/n{' and' if not problem.has_bias else ','} samples left out"
            f"{' and biases that are not summed' if problem.has_bias else ''} would not show; try several"
        )
    for l in range(2, problem.F):
        W, b = problem.W[l], problem.b[l]
        if len(W) > 1 and (W[0] == W).all() and (b == b[0]).all():
            notes.append(
                f"[29] all neurons of layer {l} have the same weights, hence the same gradient: they will stay equal"
            )
            break
    for l in range(2, problem.F + 1):
        slope = problem.sigma[l].derivative(problem.z[l]) if problem.sigma[l].elementwise else np.ones(1)
        if problem.sigma[l].name in ("sigmoid", "tanh", "softplus") and float(np.abs(slope).max()) < 1e-6:
            notes.append(
                f"[30] layer {l} is saturated: every σ'(z^{l}) is below 1e-6, and the layers below learn nothing"
            )
            break
    if problem.kinked:
        notes.append("some z lie exactly on a kink, where σ' is a convention (ReLU'(0) = 0 here)")
    return notes
