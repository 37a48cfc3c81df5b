"""Backpropagation in five steps, line for line the textbook's: the specification of everything below.

Arrays put samples first: ``a[l]``, ``z[l]`` and ``d[l]`` have shape (n, n_l), so that W a becomes ``a @ W.T`` and
Wᵀ d becomes ``d @ W``. The four equations are the lines marked (1) to (4); (1) has three
cases, of which the element-wise one is the textbook's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pellucid.activations import Activation
from pellucid.arrays import Array
from pellucid.layers import Layers, PerLayer, parameter_views
from pellucid.losses import Loss, canonical_pair


@dataclass(frozen=True, eq=False)
class Gradient:
    """∇L of a network's loss: one flat vector, seen by layer.

    Attributes
    ----------
    vector : ndarray
        All partials in the order of `Layers.parameters`.
    W, b : PerLayer
        ∂L/∂W^l of shape (n_l, n_{l-1}) and ∂L/∂b^l of shape (n_l,), views into ``vector``.
    loss : float
        The L that this is the gradient of, penalty included.
    """

    vector: Array
    W: PerLayer
    b: PerLayer
    loss: float

    def __repr__(self) -> str:
        return (
            f"<Gradient: {self.vector.size:,} partials of norm {np.linalg.norm(self.vector):.6g}, loss {self.loss:.6g}>"
        )


class Penalty(NamedTuple):
    """(λ2/2) Σ w² + λ1 Σ |w| over the weights and not the biases, with its gradient λ2 w + λ1 sign(w)."""

    l2: float = 0.0
    l1: float = 0.0

    def value(self, W: PerLayer) -> float:
        """The penalty of these weights."""
        total = 0.0
        for l in W if self else ():
            total += self.l2 / 2 * float(np.vdot(W[l], W[l])) + self.l1 * float(np.abs(W[l]).sum())
        return total

    def gradient(self, W_l: Array) -> Array:
        """Its partials with respect to one layer's weights; sign(0) = 0."""
        return self.l2 * W_l + self.l1 * np.sign(W_l)

    def __bool__(self) -> bool:
        return self.l2 > 0 or self.l1 > 0


NO_PENALTY = Penalty()


def feedforward(
    layers: Layers, x: Array, sigma: Mapping[int, Activation] | None = None
) -> tuple[dict[int, Array], dict[int, Array]]:
    """Steps 1 and 2: z^l = W^l a^{l-1} + b^l and a^l = σ(z^l) for l = 2 … F.

    Parameters
    ----------
    layers : Layers
    x : ndarray of shape (n, n_1)
    sigma : mapping, optional
        In place of the layers' own activations (dropout puts its masks here).

    Returns
    -------
    z, a : dict by layer
        Of shape (n, n_l).
    """
    W, b = layers.W, layers.b
    sigma = sigma or layers.activations
    # 1 Input
    a: dict[int, Array] = {1: x}
    z: dict[int, Array] = {}
    # 2 Feedforward
    for l in range(2, layers.F + 1):
        z[l] = a[l - 1] @ W[l].T + b[l]
        a[l] = sigma[l].function(z[l])
    return z, a


def backpropagate(
    layers: Layers,
    z: Mapping[int, Array],
    a: Mapping[int, Array],
    y: Array,
    loss: Loss,
    sigma: Mapping[int, Activation] | None = None,
) -> dict[int, Array]:
    """Steps 3 and 4: d^l = ∂L_i/∂z^l of each sample, from layer F down to layer 2.

    Parameters
    ----------
    layers : Layers
    z, a : mapping by layer
        From `feedforward`.
    y : ndarray of shape (n, n_F)
    loss : Loss
    sigma : mapping, optional
        As given to `feedforward`.

    Returns
    -------
    dict by layer
        d[l] of shape (n, n_l), l = 2 … F.
    """
    W, F = layers.W, layers.F
    sigma = sigma or layers.activations
    d: dict[int, Array] = {}
    # 3 Output
    if pair := canonical_pair(loss, sigma[F]):
        d[F] = pair.delta(a[F], y)  # (1), collapsed to a^F - y
    elif sigma[F].elementwise:
        d[F] = loss.gradient(a[F], y) * sigma[F].derivative(z[F])  # (1)
    else:
        J = sigma[F].derivative(z[F])  # softmax: ∂a_j/∂z_k of each sample
        d[F] = np.einsum("ijk,ij->ik", J, loss.gradient(a[F], y))  # (1) as J^T ∇_a L
    # 4 Backpropagate
    for l in range(F - 1, 1, -1):
        d[l] = (d[l + 1] @ W[l + 1]) * sigma[l].derivative(z[l])  # (2)
    return d


def mean_gradient(
    layers: Layers,
    a: Mapping[int, Array],
    d: Mapping[int, Array],
    share: Array | float,
    vector: Array,
    penalty: Penalty = NO_PENALTY,
) -> tuple[PerLayer, PerLayer]:
    """Step 5: the partials with respect to every weight and bias, the samples' added up by their shares.

    Parameters
    ----------
    layers : Layers
    a, d : mapping by layer
        From `feedforward` and `backpropagate`.
    share : float or ndarray of shape (n, 1)
        What each sample counts: 1/n, or w_i / Σ w.
    vector : ndarray
        Receives all partials in the order of `Layers.parameters`.
    penalty : Penalty

    Returns
    -------
    W, b : PerLayer
        Views into ``vector``.
    """
    gradient_W, gradient_b = parameter_views(layers.sizes, vector)
    # 5 Gradient
    for l in range(2, layers.F + 1):
        gradient_W[l][...] = (share * d[l]).T @ a[l - 1]  # (3) the mean of a_k^{l-1} d_j^l
        gradient_b[l][...] = (share * d[l]).sum(axis=0)  # (4) the mean of d_j^l
        if penalty:
            gradient_W[l][...] += penalty.gradient(layers.W[l])
    return gradient_W, gradient_b


def sample_losses(
    layers: Layers,
    z: Mapping[int, Array],
    a: Mapping[int, Array],
    y: Array,
    loss: Loss,
) -> Array:
    """L_i of each sample, of shape (n,); a canonical pair's from z, which is stable."""
    pair = canonical_pair(loss, layers.activations[layers.F])
    return loss.function(a[layers.F], y) if pair is None else pair.function(z[layers.F], y)


def shares(sample_weight: Array | None, n: int) -> Array | float:
    """What each sample counts in the mean: 1/n, or w_i / Σ w of shape (n, 1)."""
    return 1 / n if sample_weight is None else (sample_weight / sample_weight.sum())[:, np.newaxis]


def total_loss(losses: Array, share: Array | float, penalty: Penalty, W: PerLayer) -> float:
    """L_T = Σ_i share_i L_i, with the penalty."""
    mean = losses.mean() if isinstance(share, float) else share[:, 0] @ losses
    return float(mean) + penalty.value(W)


def gradient(
    layers: Layers,
    x: Array,
    y: Array,
    loss: Loss,
    *,
    sample_weight: Array | None = None,
    penalty: Penalty = NO_PENALTY,
    sigma: Mapping[int, Activation] | None = None,
    vector: Array | None = None,
    share: Array | float | None = None,
) -> Gradient:
    """All five steps on a batch, for the mean gradient alone.

    Parameters
    ----------
    layers : Layers
    x, y : ndarray of shape (n, n_1) and (n, n_F)
    loss : Loss
    sample_weight : ndarray of shape (n,), optional
    penalty : Penalty
    sigma : mapping, optional
        In place of the layers' own activations.
    vector : ndarray, optional
        Receives the partials; new if absent.
    share : float or ndarray of shape (n, 1), optional
        In place of the sample weights: what each sample counts.

    Returns
    -------
    Gradient
        Of the loss that it reports, penalty included.
    """
    vector = np.empty_like(layers.parameters) if vector is None else vector
    share = shares(sample_weight, len(x)) if share is None else share
    z, a = feedforward(layers, x, sigma)
    d = backpropagate(layers, z, a, y, loss, sigma)
    W, b = mean_gradient(layers, a, d, share, vector, penalty)
    return Gradient(vector, W, b, total_loss(sample_losses(layers, z, a, y, loss), share, penalty, layers.W))


@dataclass(frozen=True, eq=False)
class Record:
    """Everything that the five steps computed, kept apart by sample; its arrays are read-only copies.

    Arrays have shape (n, n_l) for a batch and (n_l,) for one input.

    Attributes
    ----------
    layers : Layers
        The network as it was, with its own copy of the parameters.
    a, z, d : PerLayer
        Activations of layers 1 … F; pre-activations and deltas of layers 2 … F. d is each sample's own, ∂L_i/∂z.
    y : ndarray of shape (n, n_F) or (n_F,)
        The targets.
    losses : ndarray of shape (n,), or of shape () for one input
        L_i of each sample, without the penalty.
    input_gradient : ndarray of shape (n, n_1) or (n_1,)
        ∂L_i/∂x_i of each sample, not divided by n.
    gradient : Gradient
        The mean over the samples, penalty included.
    loss_function : Loss
    share : ndarray of shape (n,) or ()
        What each sample counts in the mean.
    penalty : Penalty
    """

    layers: Layers
    a: PerLayer
    z: PerLayer
    d: PerLayer
    y: Array
    losses: Array
    input_gradient: Array
    gradient: Gradient
    loss_function: Loss
    share: Array
    penalty: Penalty

    @property
    def loss(self) -> float:
        """L_T, penalty included: what `gradient` is the gradient of."""
        return self.gradient.loss

    @property
    def is_single(self) -> bool:
        """Whether one input was given, without a sample axis."""
        return self.y.ndim == 1


def record(
    layers: Layers,
    x: Array,
    y: Array,
    loss: Loss,
    *,
    sample_weight: Array | None = None,
    penalty: Penalty = NO_PENALTY,
    is_single: bool = False,
) -> Record:
    """All five steps, with everything kept.

    Parameters
    ----------
    layers : Layers
    x, y : ndarray of shape (n, n_1) and (n, n_F)
    loss : Loss
    sample_weight : ndarray of shape (n,), optional
    penalty : Penalty
    is_single : bool
        Leave out the sample axis of the one sample.

    Returns
    -------
    Record
    """
    layers = layers.with_parameters(layers.parameters.copy())
    z, a = feedforward(layers, x.copy())
    d = backpropagate(layers, z, a, y, loss)
    share = shares(sample_weight, len(x))
    vector = np.empty_like(layers.parameters)
    W, b = mean_gradient(layers, a, d, share, vector, penalty)
    losses = sample_losses(layers, z, a, y, loss)
    total = total_loss(losses, share, penalty, layers.W)

    def kept(array: Array) -> Array:
        array = np.asarray(array[0] if is_single else array)
        array.flags.writeable = False
        return array

    for own in (vector, layers.parameters, *W.values(), *b.values(), *layers.W.values(), *layers.b.values()):
        own.flags.writeable = False
    return Record(
        layers=layers,
        a=PerLayer("a", {l: kept(array) for l, array in a.items()}),
        z=PerLayer("z", {l: kept(array) for l, array in z.items()}),
        d=PerLayer("d", {l: kept(array) for l, array in d.items()}),
        y=kept(y.copy()),
        losses=kept(np.asarray(losses)),
        input_gradient=kept(d[2] @ layers.W[2]),
        gradient=Gradient(vector, W, b, total),
        loss_function=loss,
        share=kept(np.broadcast_to(np.ravel(share), len(x)).astype(x.dtype)),
        penalty=penalty,
    )
