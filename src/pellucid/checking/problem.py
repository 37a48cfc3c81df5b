"""What a gradient under test is judged against: the five steps in float64, and how far rounding may move them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np

from pellucid.activations import Activation
from pellucid.arrays import Array, ArrayLike, as_numbers
from pellucid.backprop import Penalty, backpropagate, feedforward, output_delta, shares
from pellucid.descent import masked
from pellucid.layers import Layers
from pellucid.losses import Loss
from pellucid.samples import Samples

PerLayerArrays = dict[int, Array]


class Problem:
    """One network on one batch: parameters, samples, and every quantity of the five steps, in float64.

    Parameters
    ----------
    layers : Layers
    samples : Samples
    penalty : Penalty
    masks : mapping, optional
        By hidden layer, what dropout multiplied a^l by: 0 or 1/(1 - p), of shape (n, n_l) or (n_l,).
    raw : (X, y), optional
        The arrays as the user gave them, for a function under test.
    """

    def __init__(
        self,
        layers: Layers,
        samples: Samples,
        penalty: Penalty,
        masks: Mapping[int, ArrayLike] | None = None,
        raw: tuple[ArrayLike, ArrayLike] | None = None,
    ) -> None:
        self.layers, self.samples, self.penalty = layers, samples, penalty
        self.raw = (samples.X, samples.Y) if raw is None else raw
        self.F, self.sizes = layers.F, layers.sizes
        self.sigma: Mapping[int, Activation] = layers.activations
        self.loss: Loss = samples.loss
        self.exact = layers.with_parameters(layers.parameters.astype(np.float64))
        self.W: PerLayerArrays = dict(self.exact.W.items())
        self.has_bias = layers.has_bias
        self.b = {l: self.exact.shift(l) for l in self.W}  # zeros where the network has none
        self.X, self.Y = samples.X.astype(np.float64), samples.Y.astype(np.float64)
        self.n = len(self.X)
        self.weight = None if samples.weight is None else samples.weight.astype(np.float64)
        self.share = np.broadcast_to(np.ravel(shares(self.weight, self.n)), self.n)
        self.masks = {l: self._mask(l, mask) for l, mask in (masks or {}).items()}
        with np.errstate(all="ignore"):
            sigma = self.masked_sigma(self.sigma)
            self.z, self.a = feedforward(self.exact, self.X, sigma)
            self.d = backpropagate(self.exact, self.z, self.a, self.Y, self.loss, sigma)
            self.e = {self.F: np.asarray(self.loss.gradient(self.a[self.F], self.Y))}  # ∂L/∂a^l, before σ'
            self.e |= {l: self.d[l + 1] @ self.W[l + 1] for l in range(self.F - 1, 1, -1)}
        self.gradient_W, self.gradient_b = self.formed(self.a, self.d)

    def _mask(self, l: int, mask: ArrayLike) -> Array:
        if not 2 <= l < self.F:
            raise ValueError(f"masks: layer {l} is not hidden; the hidden layers are 2 … {self.F - 1}")
        numbers = as_numbers(mask, f"masks[{l}]", np.dtype(np.float64))
        if numbers.shape not in ((self.n, self.sizes[l - 1]), (self.sizes[l - 1],)):
            raise ValueError(
                f"masks[{l}] has shape {numbers.shape}: expected ({self.n}, {self.sizes[l - 1]}) or "
                f"({self.sizes[l - 1]},)"
            )
        return np.broadcast_to(numbers, (self.n, self.sizes[l - 1]))

    @property
    def symbols(self) -> tuple[str, ...]:
        """The arrays that the gradient has for each layer."""
        return ("W", "b") if self.has_bias else ("W",)

    def with_samples(self, samples: Samples, raw: tuple[ArrayLike, ArrayLike]) -> Problem:
        """Return the same network and loss on other samples, without masks."""
        return Problem(self.layers, samples, self.penalty, raw=raw)

    def masked(self, l: int, array: Array) -> Array:
        """Apply the layer's dropout mask, if there is one."""
        return array * self.masks[l] if l in self.masks else array

    def masked_sigma(self, sigma: Mapping[int, Activation]) -> dict[int, Activation]:
        """Activations times the dropout masks, and their slopes too."""
        return {l: masked(one, self.masks[l]) if l in self.masks else one for l, one in sigma.items()}

    def formed(self, a: PerLayerArrays, d: PerLayerArrays) -> tuple[PerLayerArrays, PerLayerArrays]:
        """Step 5, penalty included."""
        weighted = {l: self.share[:, np.newaxis] * d_l for l, d_l in d.items()}
        W: PerLayerArrays = {l: weighted[l].T @ a[l - 1] + self.penalty_term(l) for l in self.W}
        b: PerLayerArrays = {l: weighted[l].sum(axis=0) for l in self.b} if self.has_bias else {}
        return W, b

    def penalty_term(self, l: int) -> Array:
        """λ₂ W^l + λ₁ sign(W^l)."""
        return np.asarray(self.penalty.gradient(self.W[l]))

    @cached_property
    def kinked(self) -> bool:
        """Whether some pre-activation lies on a kink, where σ' is a convention."""
        return any((self.z[l] == kink).any() for l in self.z for kink in self.sigma[l].kinks)

    def rounding(self, eps: float) -> tuple[PerLayerArrays, PerLayerArrays]:
        """How far arithmetic of precision eps may move each partial: a linear error analysis of the five steps.

        σ' may be off by eps absolutely, as a (1 - a) is in a tail, and by its jump where z lies within rounding of a
        kink.
        """
        with np.errstate(all="ignore"):
            return self._rounding(eps)

    def _rounding(self, eps: float) -> tuple[PerLayerArrays, PerLayerArrays]:
        da, dz = {1: eps * np.abs(self.X)}, {}
        a, z, W = self.a, self.z, {l: np.abs(W) for l, W in self.W.items()}
        slope: PerLayerArrays = {}
        for l in range(2, self.F + 1):
            dz[l] = da[l - 1] @ W[l].T + 2 * eps * (np.abs(a[l - 1]) @ W[l].T + np.abs(self.b[l]))
            sigma = self.sigma[l]
            if sigma.elementwise:
                slope[l] = np.abs(sigma.derivative(z[l]) * self.masks.get(l, 1.0))
                da[l] = slope[l] * dz[l] + eps * (np.abs(a[l]) + (sigma.name in _SATURATING))
            else:
                slope[l] = np.ones_like(z[l])
                da[l] = np.abs(a[l]) * (dz[l] + dz[l].max(axis=1, keepdims=True)) + eps
        F, sigma = self.F, self.sigma[self.F]
        near = [
            output_delta(z[F] + s * dz[F], sigma.function(z[F] + s * dz[F]), self.Y, self.loss, sigma) for s in (-1, 1)
        ]
        dd = {F: np.abs(near[1] - near[0]) + 4 * eps * np.abs(self.d[F]) + eps * (np.abs(a[F]) + np.abs(self.Y))}
        if sigma.elementwise:
            dd[F] += np.minimum(np.abs(self.e[F]), 1 / np.sqrt(eps)) * self._slope_error(F, dz[F], eps)
        for l in range(F - 1, 1, -1):
            de = (dd[l + 1] + 2 * eps * np.abs(self.d[l + 1])) @ W[l + 1]
            dd[l] = de * slope[l] + np.abs(self.e[l]) * self._slope_error(l, dz[l], eps)
        share = self.share[:, np.newaxis]
        error_W = {
            l: (share * dd[l]).T @ np.abs(a[l - 1])
            + (share * np.abs(self.d[l])).T @ (da[l - 1] + 4 * eps * np.abs(a[l - 1]))
            + 4 * eps * np.abs(self.penalty_term(l))
            for l in self.W
        }
        error_b = {l: (share * (dd[l] + 4 * eps * np.abs(self.d[l]))).sum(axis=0) for l in self.b}
        return ({l: np.nan_to_num(v) for l, v in error_W.items()}, {l: np.nan_to_num(v) for l, v in error_b.items()})

    def _slope_error(self, l: int, dz: Array, eps: float) -> Array:
        sigma, z = self.sigma[l], self.z[l]
        low, high = sigma.derivative(z - 2 * dz), sigma.derivative(z + 2 * dz)
        error = np.abs(high - low) + 2 * eps
        for kink in sigma.kinks:  # exactly on a kink every slope between the two sides is as good
            on = z == kink
            error = np.where(on, np.abs(sigma.derivative(z + 1e-9) - sigma.derivative(z - 1e-9)) + 2 * eps, error)
        return error * self.masks.get(l, 1.0)


_SATURATING = ("sigmoid", "tanh")
