"""The gradient check: every partial against difference quotients of the loss.

The quotients use nothing of backpropagation but steps 1 and 2, and are taken in float64 whatever the network's dtype.
Two central differences, with steps h and 2h, are combined so that the error is of order h⁴ (Richardson). A weight
moves z by h a, so h is divided by the largest activation that it multiplies. Where backpropagation and quotient do not
agree, smaller steps are tried, and the quotient that its neighbour confirms best decides. A quotient taken across a
kink of an activation or loss says nothing about the partial: if no step avoids the kink, the partial is set aside.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pellucid.arrays import Array
from pellucid.backprop import Penalty, feedforward, gradient, mean_gradient, shares
from pellucid.layers import Layers, PerLayer, parameter_views
from pellucid.losses import canonical_pair
from pellucid.notation import Label
from pellucid.results import Result
from pellucid.samples import Samples

if TYPE_CHECKING:
    from pellucid.document import Document

_EPS = sys.float_info.epsilon
_STEP = _EPS**0.2
"""Balances the truncation h⁴ against the rounding eps/h."""

_SHRINK = (1.0, 0.1, 1e-2, 1e-3, 1e-4)
"""Steps tried, in units of the first, where a quotient crosses a kink or does not agree."""

_CHUNK = 2**21
"""Numbers of one layer held at once: perturbed copies of all samples, 16 MiB."""


class PartialCheck(NamedTuple):
    """One partial: by backpropagation, by difference quotient, and the relative error between them."""

    label: Label
    backprop: float
    difference: float
    relative_error: float

    def __str__(self) -> str:
        return f"∂L/∂{self.label}: {self._said}"

    @property
    def markup(self) -> str:
        """The same as markup of a document."""
        return rf"$\partial L/\partial {self.label.latex}$: {self._said}"

    @property
    def _said(self) -> str:
        return (
            f"backpropagation {self.backprop:.10g}, difference quotient {self.difference:.10g}, "
            f"relative error {self.relative_error:.1e}"
        )


@dataclass(frozen=True, eq=False, repr=False)
class GradientCheck(Result):
    """The result of a gradient check; true if partials could be compared and all of them agree.

    Attributes
    ----------
    passed : bool
    worst : PartialCheck or None
        The largest relative error; None if every partial was set aside.
    failed : tuple of PartialCheck
        Beyond the tolerance, worst first.
    relative_error : dict by layer
        ‖g - t‖ / max(‖g‖, ‖t‖) over the layer's compared weights and biases, g by backpropagation and t by
        differences; NaN if none was compared.
    compared : int
        Partials compared.
    set_aside : tuple of Label
        Partials whose difference quotient crosses a kink at every step tried.
    tolerance : float
        Relative, derived from the eps of the network's dtype.
    """

    passed: bool
    worst: PartialCheck | None
    failed: tuple[PartialCheck, ...]
    relative_error: dict[int, float]
    compared: int
    set_aside: tuple[Label, ...]
    tolerance: float

    def __bool__(self) -> bool:
        return self.passed

    @property
    def verdict(self) -> str:
        """How it ended, in a phrase."""
        verdict = "passed" if self.passed else f"FAILED for {len(self.failed)} of {self.compared} partials"
        return verdict if self.compared else "could compare nothing"

    def __repr__(self) -> str:
        worst = f", worst relative error {self.worst.relative_error:.1e} at {self.worst.label}" if self.worst else ""
        return f"<GradientCheck: {self.verdict}, {self.compared} partials compared{worst}>"

    def document(self) -> Document:
        """Return it as a document."""
        from pellucid.document import Document, Items, Paragraph, Table, escape

        said = f"{self.compared:,} partials compared with difference quotients, tolerance {self.tolerance:.0e}"
        rows = tuple((str(l), f"{error:.1e}") for l, error in self.relative_error.items())
        partials = [self.worst] if self.worst else []
        partials += self.failed[1:5]
        found = [f"{'worst' if i == 0 else 'failed'}: {partial.markup}" for i, partial in enumerate(partials)]
        found += [f"and {len(self.failed) - 5} more"] if len(self.failed) > 5 else []
        found += [escape(self._set_aside())] if self.set_aside else []
        return Document(
            "Gradient check",
            (
                Paragraph(f"**{self.verdict}**: {said}", "good" if self.passed else "bad"),
                Table(("layer", "relative error"), rows),
                *([Items(tuple(found))] if found else []),
            ),
        )

    def _set_aside(self) -> str:
        shown = ", ".join(map(str, self.set_aside[:4])) + (", …" if len(self.set_aside) > 4 else "")
        return f"set aside at a kink: {len(self.set_aside)} ({shown})"

    @property
    def text(self) -> str:
        """The verdict, the relative error of each layer, and the worst partials, a line for each."""
        lines = [f"gradient check {self.verdict}: {self.compared} partials compared, tolerance {self.tolerance:.0e}"]
        lines += [f"  layer {l}: relative error {error:.1e}" for l, error in self.relative_error.items()]
        lines += [f"  worst: {self.worst}"] if self.worst else []
        lines += [f"  failed: {partial}" for partial in self.failed[1:5]]
        if len(self.failed) > 5:
            lines.append(f"  and {len(self.failed) - 5} more")
        lines += [f"  {self._set_aside()}"] if self.set_aside else []
        return "\n".join(lines)


def check_gradient(
    layers: Layers, samples: Samples, penalty: Penalty, *, at_most: int | None = None, seed: int = 0
) -> GradientCheck:
    """Compare backpropagation's gradient with difference quotients.

    Parameters
    ----------
    layers : Layers
        Not changed.
    samples : Samples
    penalty : Penalty
    at_most : int, optional
        Compare at most so many partials of each W^l and each b^l, chosen at random; all without it.
    seed : int
        Of that choice.

    Returns
    -------
    GradientCheck
    """
    g = gradient(layers, samples.X, samples.Y, samples.loss, sample_weight=samples.weight, penalty=penalty)
    rounding_W, rounding_b = parameter_views(layers.sizes, _rounding(layers, samples, penalty), layers.has_bias)
    quotients = _Quotients(layers, samples, penalty)
    tolerance = max(1e3 * float(np.finfo(layers.dtype).eps), 1e-8)
    rng = np.random.default_rng(seed)
    partials: list[PartialCheck] = []
    set_aside: list[Label] = []
    errors: dict[int, float] = {}
    for l in range(2, layers.F + 1):
        ours = _side_by_side(g.b, g.W, l).astype(np.float64)
        places = np.argwhere(_choose(ours.shape, at_most, rng, has_bias=layers.has_bias))
        ours = ours[*places.T]
        rounding = _side_by_side(rounding_b, rounding_W, l)[*places.T]
        t, noise = quotients.of_layer(l, places, ours, rounding, tolerance)
        error = _relative_error(ours, t, rounding + noise, tolerance)
        for (j, column), u, v, e in zip(places.tolist(), ours.tolist(), t.tolist(), error.tolist(), strict=True):
            label = Label("b", l, j + 1) if column == 0 else Label("w", l, j + 1, column)
            if np.isnan(v):
                set_aside.append(label)
            else:
                partials.append(PartialCheck(label, u, v, e))
        compared = ~np.isnan(t)
        size = max(np.linalg.norm(ours[compared]), np.linalg.norm(t[compared]))
        difference = float(np.linalg.norm(ours[compared] - t[compared]))
        errors[l] = (difference / float(size) if size else difference) if compared.any() else float("nan")
    partials.sort(key=lambda partial: -partial.relative_error)
    failed = tuple(partial for partial in partials if not partial.relative_error <= tolerance)
    worst = partials[0] if partials else None
    return GradientCheck(
        bool(partials) and not failed, worst, failed, errors, len(partials), tuple(set_aside), tolerance
    )


def _relative_error(g: Array, t: Array, uncertainty: Array, tolerance: float) -> Array:
    """|g - t| over the larger of them, or over what their uncertainty amounts to at the tolerance if that is more."""
    size = np.maximum(np.maximum(np.abs(g), np.abs(t)), uncertainty / tolerance)
    return np.abs(g - t) / np.maximum(size, np.finfo(np.float64).tiny)


def _rounding(layers: Layers, samples: Samples, penalty: Penalty) -> Array:
    """How far rounding to the network's dtype may move each partial: an absolute error, in the order of `parameters`.

    Two parts, both in float64: how the gradient answers to inputs and parameters that move by an eps at random, and an
    eps of the terms that the partial is the sum of, which may cancel.
    """
    eps = float(np.finfo(layers.dtype).eps)
    exact = layers.with_parameters(layers.parameters.astype(np.float64))
    X, Y = samples.X.astype(np.float64), samples.Y.astype(np.float64)
    rng = np.random.default_rng(0)

    def moved(array: Array) -> Array:
        return array * (1 + 4 * eps * rng.standard_normal(array.shape))

    def gradient_at(where: Layers, inputs: Array) -> Array:
        return gradient(where, inputs, Y, samples.loss, sample_weight=samples.weight, penalty=penalty).vector

    with np.errstate(all="ignore"):
        g = gradient_at(exact, X)
        answers = [gradient_at(exact.with_parameters(moved(exact.parameters)), moved(X)) - g for _ in range(4)]
        answer = np.abs(answers).max(axis=0)
        z, a = feedforward(exact, X)
        sigma, F = exact.activations, exact.F
        if pair := canonical_pair(samples.loss, sigma[F]):
            d = {F: np.abs(pair.delta(np.abs(a[F]), -np.abs(Y)))}
        elif sigma[F].elementwise:
            d = {F: np.abs(samples.loss.gradient(a[F], Y) * sigma[F].derivative(z[F]))}
        else:
            d = {F: np.einsum("ijk,ij->ik", np.abs(sigma[F].derivative(z[F])), np.abs(samples.loss.gradient(a[F], Y)))}
        for l in range(F - 1, 1, -1):
            d[l] = (np.abs(d[l + 1]) @ np.abs(exact.W[l + 1])) * np.abs(sigma[l].derivative(z[l]))
        terms = np.empty_like(g)
        share = shares(samples.weight, len(X))
        mean_gradient(exact, {l: np.abs(array) for l, array in a.items()}, d, share, terms)
    return answer + 8 * F * eps * np.abs(terms)


def _side_by_side(b: PerLayer, W: PerLayer, l: int) -> Array:
    """The biases' and weights' numbers of shape (n_l, 1 + n_{l-1}); 0 in place of biases that are not there."""
    first = b[l][:, np.newaxis] if b else np.zeros_like(W[l][:, :1])
    return np.concatenate([first, W[l]], axis=1)


def _choose(shape: tuple[int, int], at_most: int | None, rng: np.random.Generator, *, has_bias: bool) -> np.ndarray:
    """Which partials to compare: of shape (n_l, 1 + n_{l-1}), the bias first."""
    chosen = np.ones(shape, bool)
    chosen[:, 0] = has_bias
    if at_most is not None:
        for part in (chosen[:, :1], chosen[:, 1:]):
            if part.sum() > at_most:
                keep = np.zeros(part.size, bool)
                keep[rng.choice(part.size, at_most, replace=False)] = True
                part[...] = keep.reshape(part.shape)
    return chosen


class _Quotients:
    """Difference quotients of the total loss, in float64."""

    def __init__(self, layers: Layers, samples: Samples, penalty: Penalty) -> None:
        self.layers = layers.with_parameters(layers.parameters.astype(np.float64))
        self.X, self.Y = samples.X.astype(np.float64), samples.Y.astype(np.float64)
        self.loss, self.penalty = samples.loss, penalty
        weight = None if samples.weight is None else samples.weight.astype(np.float64)
        self.share = np.broadcast_to(np.ravel(shares(weight, len(samples))), len(samples))
        self.z, self.a = feedforward(self.layers, self.X)
        self.rounding = _EPS * self._size()

    def _size(self) -> float:
        """How large the numbers are that the loss is rounded to: |L|, and the terms of z^F times ∂L/∂z^F."""
        layers, F, z = self.layers, self.layers.F, self.z[self.layers.F]
        terms = np.abs(self.a[F - 1]) @ np.abs(layers.W[F]).T + np.abs(layers.shift(F))
        size = np.abs(self._losses(z, self.Y))
        for j in range(layers.size(F)):
            moved = np.zeros_like(z)
            moved[:, j] = _STEP
            slope = (self._losses(z + moved, self.Y) - self._losses(z - moved, self.Y)) / (2 * _STEP)
            size += F * np.abs(slope) * terms[:, j]
        return float(size @ self.share)

    def _losses(self, z: Array, Y: Array) -> Array:
        """L_i from z^F."""
        sigma = self.layers.activations[self.layers.F]
        pair = canonical_pair(self.loss, sigma)
        return self.loss.function(sigma.function(z), Y) if pair is None else pair.function(z, Y)

    def of_layer(self, l: int, places: np.ndarray, g: Array, rounding: Array, tolerance: float) -> tuple[Array, Array]:
        """Quotients of layer l's partials at these places, NaN where every step crosses a kink, and their uncertainty.

        Where the first quotient crosses a kink or does not agree with g, smaller steps are tried, and the one that its
        neighbour confirms best is taken: a quotient that converges away from g still fails.
        """
        t, noise = self._at(l, places, _SHRINK[0])
        doubtful = np.isnan(t) | (_relative_error(g, t, rounding + noise, tolerance) > tolerance)
        todo = np.flatnonzero(doubtful)
        if not len(todo):
            return t, noise
        tried = [(t[todo], noise[todo]), *(self._at(l, places[todo], shrink) for shrink in _SHRINK[1:])]
        best, uncertainty = np.full(len(todo), np.nan), np.full(len(todo), np.inf)
        for (coarse, _), (fine, fine_noise) in pairwise(tried):
            apart = np.abs(coarse - fine)
            # Across a kink there is no coarse one to compare with; then the noise is all that is known.
            doubt = np.where(np.isnan(coarse), 0.0, apart) + fine_noise
            better = ~np.isnan(fine) & (doubt < uncertainty)
            best[better], uncertainty[better] = fine[better], doubt[better]
        t[todo], noise[todo] = best, np.where(np.isnan(best), 0.0, uncertainty)
        return t, noise

    def _at(self, l: int, places: np.ndarray, shrink: float) -> tuple[Array, Array]:
        """Quotients with one step, in chunks that fit the memory."""
        n = len(self.X)
        at_once = max(1, _CHUNK // (n * max(self.layers.sizes[l - 1 :])))
        parts = [self._some(l, places[i : i + at_once], shrink) for i in range(0, len(places), at_once)]
        t, noise = (np.concatenate(part) for part in zip(*parts, strict=True))
        return t, noise

    def _some(self, l: int, places: np.ndarray, shrink: float) -> tuple[Array, Array]:
        j, column = places.T
        k = np.maximum(column - 1, 0)
        # ∂z_j/∂b_j = 1 and ∂z_j/∂w_jk = a_k: how z_j moves with the parameter, of shape (places, n)
        direction = np.where(column[:, np.newaxis] == 0, 1.0, self.a[l - 1].T[k])
        w = np.where(column == 0, 0.0, self.layers.W[l][j, k])
        h = shrink * _STEP / np.maximum(1.0, np.abs(direction).max(axis=1))
        loss: dict[int, Array] = {}
        crossed = np.zeros(len(places), bool)
        regions = None
        for steps in (-2, -1, 1, 2):
            loss[steps], here = self._moved(l, j, steps * h[:, np.newaxis] * direction)
            crossed |= False if regions is None else (here != regions).any(axis=1)
            regions = here
        penalty, smooth = self._penalty_slope(w, column != 0, h)
        near = (loss[1] - loss[-1]) / (2 * h)
        far = (loss[2] - loss[-2]) / (4 * h)
        t = np.where(crossed | ~smooth, np.nan, (4 * near - far) / 3 + penalty)
        return t, 4 * self.rounding / h

    def _moved(self, l: int, j: np.ndarray, shift: Array) -> tuple[Array, np.ndarray]:
        """Loss (places,) with z_j^l shifted, and which side of each kink everything is on."""
        layers, count, n = self.layers, len(j), len(self.X)
        z = np.broadcast_to(self.z[l], (count, *self.z[l].shape)).copy()
        z[np.arange(count), :, j] += shift
        z = z.reshape(count * n, -1)
        sides = []
        for m in range(l, layers.F + 1):
            sigma = layers.activations[m]
            sides += [(z > kink).reshape(count, -1) for kink in sigma.kinks]
            a = sigma.function(z)
            if m < layers.F:
                z = a @ layers.W[m + 1].T + layers.shift(m + 1)
        Y = np.broadcast_to(self.Y, (count, *self.Y.shape)).reshape(count * n, -1)
        sides += [(a - Y > kink).reshape(count, -1) for kink in self.loss.residual_kinks]
        losses = self._losses(z, Y).reshape(count, n)
        return losses @ self.share, np.concatenate(sides, axis=1) if sides else np.zeros((count, 0), bool)

    def _penalty_slope(self, w: Array, is_weight: np.ndarray, h: Array) -> tuple[Array, np.ndarray]:
        """The penalty's own difference quotient, and whether |w| has no kink within the step."""
        penalty = self.penalty
        if not penalty:
            return np.zeros_like(w), np.ones(len(w), bool)

        def value(v: Array) -> Array:
            return penalty.l2 / 2 * v * v + penalty.l1 * np.abs(v)

        slope = np.where(is_weight, (value(w + h) - value(w - h)) / (2 * h), 0.0)
        smooth = ~is_weight | (np.abs(w) > 2 * h) | (penalty.l1 == 0)
        return slope, smooth
