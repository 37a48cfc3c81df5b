"""Judging a gradient: right, right up to a convention, or wrong, by the explanations that give its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pellucid.arrays import Array
from pellucid.checking.better_input import better_input
from pellucid.checking.diagnosis import Diagnosis, Hypothesis, Part, Shown, place_of
from pellucid.checking.problem import PerLayerArrays, Problem
from pellucid.checking.readings import hypotheses_of
from pellucid.checking.search import Combination, Given, Search
from pellucid.checking.submission import Submission
from pellucid.notation import Label

_AT_MOST = 6
"""Hypotheses listed."""


class Judgement:
    """A submission compared with the right gradient, array by array."""

    def __init__(self, problem: Problem, submission: Submission) -> None:
        self.problem, self.submission = problem, submission
        network_eps = float(np.finfo(problem.layers.dtype).eps)
        self.eps = max(submission.eps, network_eps)
        self.tolerance = _tolerance(self.eps)
        self.floor = problem.rounding(4 * self.eps)
        self.W, self.b = dict(submission.W), dict(submission.b)
        self.notes: list[str] = []
        if submission.unneeded:
            which = ", ".join(f"∂L/∂b^{l}" for l in submission.unneeded)
            self.notes.append(
                f"the network has no biases (bias=False): its gradient is that of the weights, and {which} "
                f"{'is' if len(submission.unneeded) == 1 else 'are'} not judged"
            )

    # is it right?

    def is_right(
        self, tolerance: float | None = None, floor: tuple[PerLayerArrays, PerLayerArrays] | None = None
    ) -> bool:
        """Whether every array agrees within rounding."""
        pairs = [*self._pairs(floor or self.floor)]
        return all(_agrees(g, t, tolerance or self.tolerance, rounding) for _, g, t, rounding in pairs)

    def _pairs(self, floor: tuple[PerLayerArrays, PerLayerArrays]) -> list[tuple[tuple[str, int], Array, Array, Array]]:
        problem = self.problem
        pairs = [(("W", l), g, problem.gradient_W[l], floor[0][l]) for l, g in self.W.items()]
        return pairs + [(("b", l), g, problem.gradient_b[l], floor[1][l]) for l, g in self.b.items()]

    def try_transposed(self) -> bool:
        """Take square matrices the other way round, if that is right and nothing says which way they are."""
        if self.submission.is_transposed is not None or all(W.size == 1 for W in self.W.values()):
            return False
        before = self.W
        self.W = {l: W.T for l, W in before.items()}
        if self.is_right():
            return True
        self.W = before
        return False

    def relative_errors(self) -> dict[str, float]:
        """‖g - t‖ / ‖t‖ of each array."""
        errors = {}
        for (symbol, l), g, t, _ in self._pairs(self.floor):
            size = float(np.linalg.norm(t))
            apart = float(np.linalg.norm(g - t))
            errors[f"{symbol}^{l}"] = apart / size if size else (0.0 if not apart else float("inf"))
        return dict(sorted(errors.items(), key=lambda one: (one[0][2:], one[0][0])))

    def wrong_arrays(self) -> list[tuple[str, int]]:
        """The arrays that do not agree, from the output down, weights first."""
        wrong = [
            place for place, g, t, rounding in self._pairs(self.floor) if not _agrees(g, t, self.tolerance, rounding)
        ]
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

    # why is it wrong?

    def explanations(self, seen: Mapping[str, PerLayerArrays]) -> tuple[list[Combination], Search]:
        """What gives the numbers."""
        given = Given(self.W, self.b)
        search = Search(self.problem, given, self.tolerance, self.floor, seen)
        found = search.run()
        if not found and self.submission.is_transposed is None and any(W.size > 1 for W in self.W.values()):
            turned = Search(
                self.problem, given._replace(W={l: W.T for l, W in self.W.items()}), self.tolerance, self.floor, seen
            )
            found = turned.run()
            if found:
                self.W = dict(turned.given.W)
                self.notes.append("the weights' gradients are read as (n_{l-1}, n_l), the transposes of W^l")
        return found, search

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
        if len(g) <= problem.n:
            return None
        counts, *_ = np.linalg.lstsq(matrix, g, rcond=None)
        if np.linalg.matrix_rank(matrix) < problem.n:
            return None
        if np.linalg.norm(matrix @ counts - g) > 10 * self.tolerance * np.linalg.norm(g):
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
        pairs = self._pairs(self.floor)
        size = sum(float(np.vdot(t, t)) for _, _, t, _ in pairs)
        if not size or sum(g.size for _, g, _, _ in pairs) < 3:
            return None
        c = sum(float(np.vdot(g, t)) for _, g, t, _ in pairs) / size
        if not c or not all(_agrees(g, c * t, self.tolerance, abs(c) * rounding) for _, g, t, rounding in pairs):
            return None
        return Hypothesis((Part("37", (), f"the factor {c:.6g} everywhere", self.problem.F),))

    def by_undeclared_penalty(self) -> Hypothesis | None:
        """Whether the difference is a multiple of the weights: a penalty that the loss does not have."""
        problem = self.problem
        top = bottom = 0.0
        for l, g in self.W.items():
            top += float(np.vdot(g - problem.gradient_W[l], problem.W[l]))
            bottom += float(np.vdot(problem.W[l], problem.W[l]))
        if not bottom or not (c := top / bottom):
            return None
        fits = all(
            _agrees(g, problem.gradient_W[l] + c * problem.W[l], self.tolerance, self.floor[0][l])
            for l, g in self.W.items()
        )
        plain = all(_agrees(g, problem.gradient_b[l], self.tolerance, self.floor[1][l]) for l, g in self.b.items())
        biased = all(
            _agrees(g, problem.gradient_b[l] + c * problem.b[l], self.tolerance, self.floor[1][l])
            for l, g in self.b.items()
        )
        if not fits or not (plain or biased):
            return None
        extra = problem.penalty.l2 + c if problem.penalty.l2 else c
        detail = f"λ₂ = {extra:.6g} in the gradient, {problem.penalty.l2:g} in the loss"
        if biased and not plain:
            detail += ", and on the biases too"
        return Hypothesis((Part("23", tuple(self.W), detail, problem.F),))


def _tolerance(eps: float) -> float:
    """Relative, of an array's norm: single precision leaves four digits of a long sum, double ten and more."""
    return 1e-6 if eps < 1e-10 else max(1e-4, 50 * eps)


def _agrees(g: Array, t: Array, tolerance: float, rounding: Array) -> bool:
    size = max(float(np.linalg.norm(g)), float(np.linalg.norm(t)))
    return float(np.linalg.norm(g - t)) <= tolerance * size + 2 * float(np.linalg.norm(rounding))


def diagnose_arrays(
    problem: Problem, submission: Submission, seen: Mapping[str, PerLayerArrays], before: Sequence[Part] = ()
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
    """
    F = problem.F
    judgement = Judgement(problem, submission)
    parts = [*before, *_parts_of_shape(problem, submission)]
    errors = judgement.relative_errors()
    notes = judgement.notes
    step_parts = _seen_departs(problem, seen, judgement)
    right = not submission.not_finite and judgement.is_right()
    if not right and not submission.not_finite and not parts and judgement.try_transposed():
        words = "the gradient of the weights is transposed; right if W^l is stored as (n_{l-1}, n_l)"
        part = Part("7", (), words, F, fault="transposed_gradient")
        return Diagnosis("convention", (Hypothesis((part,)),), step=5, relative_error=errors, notes=tuple(notes))
    if not right and not submission.not_finite and judgement.eps < 1e-10:
        single = problem.rounding(4 * float(np.finfo(np.float32).eps))
        if judgement.is_right(1e-4, single) and not judgement.explanations(seen)[0]:
            right = True
            notes.append("right to single precision: it was computed in float32 somewhere")
    if right:
        verdict = "wrong" if parts or step_parts else "right"
        parts = [*parts, *step_parts]
        return Diagnosis(
            verdict,
            (),
            tuple(parts),
            *_first(parts, F),
            relative_error=errors,
            notes=(*notes, *_notes_on_right(problem)),
        )
    if submission.not_finite:
        return Diagnosis("wrong", (), tuple(parts), 5, None, relative_error={}, located=tuple(submission.not_finite))
    explanations, search = judgement.explanations(seen)
    if search.given.W is not judgement.W:
        errors = judgement.relative_errors()
    hypotheses, kept = hypotheses_of(problem, explanations, _AT_MOST)
    if not hypotheses and (constant := judgement.by_constant()) is not None:
        hypotheses = [constant]
    if not hypotheses or len(hypotheses[0].parts) > 1:
        hypotheses = [*judgement.others(), *hypotheses]
    wrong = judgement.wrong_arrays()
    is_convention = bool(kept) and not parts and not step_parts and kept[0].is_convention
    parts = [*parts, *step_parts]
    located = [] if hypotheses else _located(problem, search, wrong)
    step, layer = _first([*parts, *(hypotheses[0].parts if hypotheses else ())], F)
    if not hypotheses and wrong and not parts:
        step, layer = _departure(problem, judgement, wrong)
    better = better_input(problem, kept, search.tolerance) if len(kept) > 1 and not is_convention else None
    return Diagnosis(
        "convention" if is_convention else "wrong",
        tuple(hypotheses[:_AT_MOST]),
        tuple(parts),
        step,
        layer,
        judgement.shown(layer, wrong),
        errors,
        tuple(located),
        tuple(notes),
        better,
    )


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


def _seen_departs(problem: Problem, seen: Mapping[str, PerLayerArrays], judgement: Judgement) -> list[Part]:
    """The first of the user's own z, a and d that differs in a way that has a name."""
    tolerance, F = judgement.tolerance, problem.F
    for l in range(2, F + 1):
        z, a = seen.get("z", {}).get(l), seen.get("a", {}).get(l)
        if z is not None and not _close(z, problem.z[l], tolerance):
            if _close(z, problem.a[l], tolerance):
                return [Part("25", (l,), f"the z^{l} handed in is a^{l}", F)]
            if _close(z, problem.z[l] - problem.b[l], tolerance):
                return [Part("32", (l,), f"seen in z^{l}", F)]
        if a is not None and not _close(a, problem.a[l], tolerance):
            if _close(a, problem.sigma[l].function(problem.a[l]), tolerance):
                is_softmax = problem.sigma[l].name == "softmax"
                return [Part("20" if is_softmax else "26", (l,), f"seen in a^{l}", F)]
            if _close(a, problem.z[l], tolerance):
                return [Part("33", (l,), f"a^{l} is z^{l}: no activation", F)]
    return []


def _close(u: Array, v: Array, tolerance: float) -> bool:
    return float(np.linalg.norm(u - v)) <= tolerance * max(float(np.linalg.norm(u)), float(np.linalg.norm(v)))


def _first(parts: Sequence[Part], F: int) -> tuple[int | None, int | None]:
    """The first step, and its highest layer (in the forward pass the lowest)."""
    if not parts:
        return None, None
    first = min(parts, key=place_of)
    if first.step == 0 or not first.layers:
        return first.step, F if first.step == 3 else None
    return first.step, min(first.layers) if first.step == 2 else max(first.layers)


def _departure(problem: Problem, judgement: Judgement, wrong: list[tuple[str, int]]) -> tuple[int, int]:
    """Where an unexplained gradient departs: a layer whose biases are right has the right delta."""
    l = wrong[0][1]
    biases_right = ("b", l) not in wrong and l in judgement.b
    weights_right = ("W", l) not in wrong and l in judgement.W
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
