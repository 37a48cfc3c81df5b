"""Backpropagation in five steps, line for line the textbook's: the specification of everything below.

Arrays put samples first: ``a[l]``, ``z[l]`` and ``d[l]`` have shape (n, n_l), so that W a becomes ``a @ W.T`` and
Wᵀ d becomes ``d @ W``. The four equations are the lines marked (1) to (4); (1) has three
cases, in `output_delta`, of which the element-wise one is the textbook's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Never, TypeVar

import numpy as np

from pellucid.activations import Activation
from pellucid.arrays import Array
from pellucid.errors import UnknownLabelError
from pellucid.hints import Hinted
from pellucid.layers import Layers, PerLayer, parameter_views
from pellucid.losses import Loss, canonical_pair
from pellucid.notation import Label, parse
from pellucid.results import Result

if TYPE_CHECKING:
    from pellucid.document import Document


class Gradient(Result):
    """∇L of a network's loss: one flat vector, seen by layer.

    Attributes
    ----------
    vector : ndarray
        All partials in the order of `Layers.parameters`.
    loss : float
        The L that this is the gradient of, penalty included.
    """

    __slots__ = ("_has_bias", "_sizes", "_views", "loss", "vector")

    _called = "g"

    def __init__(self, sizes: tuple[int, ...], has_bias: bool, vector: Array, loss: float) -> None:
        self._sizes, self._has_bias = sizes, has_bias
        self._views: tuple[PerLayer, PerLayer] | None = None
        self.vector = vector
        self.loss = loss

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self.vector, dtype) if copy else np.asarray(self.vector, dtype)

    def __iter__(self) -> Never:
        raise TypeError("a Gradient is not a sequence: write g.loss, g.vector, or list(g.W), list(g.b)")

    def __reduce__(self) -> Any:
        return Gradient, (self._sizes, self._has_bias, self.vector, self.loss)  # and W and b are its views again

    def __getitem__(self, label: str | Label) -> Any:
        """Return a partial by its label: ``g["w_13^2"]`` is ∂L/∂w_13^2."""
        which = parse(label)
        arrays = {"w": self.W, "b": self.b}.get(which.symbol)
        if arrays is None:
            raise UnknownLabelError(f"{which}: the gradient has partials with respect to weights and biases only")
        try:
            return arrays[which.layer][which.index]
        except IndexError:
            of = f"{arrays.symbol}[{which.layer}]"
            raise UnknownLabelError(f"{which}: {of} has shape {arrays[which.layer].shape}") from None

    @property
    def W(self) -> PerLayer:
        """∂L/∂W^l of shape (n_l, n_{l-1}), views into `vector`."""
        return self._by_layer()[0]

    @property
    def b(self) -> PerLayer:
        """∂L/∂b^l of shape (n_l,), views into `vector`; empty for a network without biases."""
        return self._by_layer()[1]

    def _by_layer(self) -> tuple[PerLayer, PerLayer]:
        if self._views is None:
            self._views = parameter_views(self._sizes, self.vector, self._has_bias)
        return self._views

    def document(self) -> Document:
        """Return it as a document: loss and norm, the norms by layer, and small matrices in full."""
        from pellucid.document.gradients import gradient_document

        return gradient_document(self)

    @property
    def text(self) -> str:
        """The norms by layer as plain text, and small matrices in full."""
        from pellucid.document.gradients import gradient_text

        return gradient_text(self)

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
        for W_l in W if self else ():
            total += self.l2 / 2 * float(np.vdot(W_l, W_l)) + self.l1 * float(np.abs(W_l).sum())
        return total

    def gradient(self, W_l: Array) -> Array:
        """Its partials with respect to one layer's weights; sign(0) = 0."""
        return self.l2 * W_l + self.l1 * np.sign(W_l)

    def __bool__(self) -> bool:
        return self.l2 > 0 or self.l1 > 0


NO_PENALTY = Penalty()


Kept = Callable[[str, int, Array], Array]
"""(symbol, l, array) ↦ what is kept as z^l, a^l or d^l: the array that was just computed, or another one."""


class _KeptBy(dict[int, Array]):
    """One quantity by layer; what is put in goes through `Kept` first, and is used from there on."""

    def __init__(self, symbol: str, kept: Kept, first: Mapping[int, Array]) -> None:
        super().__init__(first)
        self._symbol, self._kept = symbol, kept

    def __setitem__(self, l: int, array: Array) -> None:
        super().__setitem__(l, self._kept(self._symbol, l, array))


def _by_layer(symbol: str, kept: Kept | None, first: dict[int, Array]) -> dict[int, Array]:
    return first if kept is None else _KeptBy(symbol, kept, first)


def feedforward(
    layers: Layers, x: Array, sigma: Mapping[int, Activation] | None = None, kept: Kept | None = None
) -> tuple[dict[int, Array], dict[int, Array]]:
    """Steps 1 and 2: z^l = W^l a^{l-1} + b^l and a^l = σ(z^l) for l = 2 … F.

    Parameters
    ----------
    layers : Layers
    x : ndarray of shape (n, n_1)
    sigma : mapping, optional
        In place of the layers' own activations (dropout puts its masks here).
    kept : callable, optional
        (symbol, l, array) ↦ what goes on in place of each z^l and a^l.

    Returns
    -------
    z, a : dict by layer
        Of shape (n, n_l).
    """
    W, b = layers.W, layers.b
    sigma = sigma or layers.activations
    # 1 Input
    a = _by_layer("a", kept, {1: x})
    z = _by_layer("z", kept, {})
    # 2 Feedforward
    for l in range(2, layers.F + 1):
        z[l] = a[l - 1] @ W[l].T + (b[l] if b else 0)
        a[l] = sigma[l].function(z[l])
    return z, a


def backpropagate(
    layers: Layers,
    z: Mapping[int, Array],
    a: Mapping[int, Array],
    y: Array,
    loss: Loss,
    sigma: Mapping[int, Activation] | None = None,
    kept: Kept | None = None,
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
    kept : callable, optional
        (symbol, l, array) ↦ what goes on in place of each d^l.

    Returns
    -------
    dict by layer
        d[l] of shape (n, n_l), l = 2 … F.
    """
    W, F = layers.W, layers.F
    sigma = sigma or layers.activations
    d = _by_layer("d", kept, {})
    # 3 Output
    d[F] = output_delta(z[F], a[F], y, loss, sigma[F])  # (1)
    # 4 Backpropagate
    for l in range(F - 1, 1, -1):
        d[l] = (d[l + 1] @ W[l + 1]) * sigma[l].derivative(z[l])  # (2)
    return d


def output_delta(z: Array, a: Array, y: Array, loss: Loss, sigma: Activation) -> Array:
    """Step 3: d^F of shape (n, n_F) from z^F, a^F and y, by the case of (1) that the output activation calls for."""
    if pair := canonical_pair(loss, sigma):
        return pair.delta(a, y)  # (1), collapsed to a^F - y
    if sigma.elementwise:
        return loss.gradient(a, y) * sigma.derivative(z)  # (1)
    J = sigma.derivative(z)  # softmax: ∂a_j/∂z_k of each sample
    return np.einsum("ijk,ij->ik", J, loss.gradient(a, y))  # (1) as J^T ∇_a L


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
    gradient_W, gradient_b = parameter_views(layers.sizes, vector, layers.has_bias)
    # 5 Gradient
    for l in range(2, layers.F + 1):
        gradient_W[l][...] = (share * d[l]).T @ a[l - 1]  # (3) the mean of a_k^{l-1} d_j^l
        if gradient_b:
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
    mean_gradient(layers, a, d, share, vector, penalty)
    total = total_loss(sample_losses(layers, z, a, y, loss), share, penalty, layers.W)
    return Gradient(layers.sizes, layers.has_bias, vector, total)


_VIEWED = ("a", "z", "d", "y", "losses", "input_gradient", "share")
"""What a record makes when it is first asked for, read-only."""


class Record(Hinted):
    """Everything that the five steps computed, kept apart by sample; its arrays are read-only copies.

    Arrays have shape (n, n_l) for a batch and (n_l,) for one input.

    Parameters
    ----------
    layers : Layers
        With the parameters of the run, which belong to the record from here on.
    a, z, d : dict by layer
        Of shape (n, n_l), as from `feedforward` and `backpropagate`; d[1] is ∂L_i/∂x_i.
    y : ndarray of shape (n, n_F)
    losses : ndarray of shape (n,)
    gradient : Gradient
    loss_function : Loss
    share : ndarray of shape (n,)
    penalty : Penalty
    is_single : bool
        Leave out the sample axis of the one sample.

    Attributes
    ----------
    gradient : Gradient
        The mean over the samples, penalty included.
    loss_function : Loss
    penalty : Penalty
    is_single : bool
        Whether one input was given, without a sample axis.
    """

    _called = "run"

    def __init__(
        self,
        layers: Layers,
        a: dict[int, Array],
        z: dict[int, Array],
        d: dict[int, Array],
        y: Array,
        losses: Array,
        gradient: Gradient,
        loss_function: Loss,
        share: Array | float,
        penalty: Penalty,
        is_single: bool,
    ) -> None:
        self.layers = layers
        self.gradient = gradient
        self.loss_function = loss_function
        self.penalty = penalty
        self.is_single = is_single
        self._a, self._z, self._d, self._y, self._losses, self._share = a, z, d, y, losses, share
        layers.parameters.flags.writeable = gradient.vector.flags.writeable = False
        layers._bind(layers.parameters)  # views made before are writable still

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update({name: value for name, value in state.items() if name not in _VIEWED})
        self.layers.parameters.flags.writeable = self.gradient.vector.flags.writeable = False
        self.layers._bind(self.layers.parameters)

    def _kept(self, array: Array) -> Array:
        array = np.asarray(array[0] if self.is_single else array)
        array.flags.writeable = False
        return array

    def _per_layer(self, symbol: str, arrays: dict[int, Array]) -> PerLayer:
        return PerLayer(symbol, {l: self._kept(array) for l, array in arrays.items()})

    @cached_property
    def a(self) -> PerLayer:
        """Activations of layers 1 … F."""
        return self._per_layer("a", self._a)

    @cached_property
    def z(self) -> PerLayer:
        """Pre-activations of layers 2 … F."""
        return self._per_layer("z", self._z)

    @cached_property
    def d(self) -> PerLayer:
        """Deltas of layers 2 … F: each sample's own, ∂L_i/∂z."""
        return self._per_layer("d", {l: array for l, array in self._d.items() if l > 1})

    @cached_property
    def y(self) -> Array:
        """The targets, of shape (n, n_F) or (n_F,)."""
        return self._kept(self._y)

    @cached_property
    def losses(self) -> Array:
        """L_i of each sample, of shape (n,), or () for one input; without the penalty."""
        return self._kept(self._losses)

    @cached_property
    def input_gradient(self) -> Array:
        """∂L_i/∂x_i of each sample, of shape (n, n_1) or (n_1,), not divided by n."""
        return self._kept(self._d[1])

    @cached_property
    def share(self) -> Array:
        """What each sample counts in the mean, of shape (n,) or ()."""
        return self._kept(np.broadcast_to(np.ravel(self._share), len(self._y)).astype(self._y.dtype))

    @property
    def loss(self) -> float:
        """L_T, penalty included: what `gradient` is the gradient of."""
        return self.gradient.loss


AnyRecord = TypeVar("AnyRecord", bound=Record)


def record(
    layers: Layers,
    x: Array,
    y: Array,
    loss: Loss,
    *,
    sample_weight: Array | None = None,
    penalty: Penalty = NO_PENALTY,
    is_single: bool = False,
    make: type[AnyRecord] = Record,  # type: ignore[assignment]
) -> AnyRecord:
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
    make : type
        The class of the result, `Record` or one made from it.

    Returns
    -------
    Record
    """
    layers = layers.with_parameters(layers.parameters.copy())
    z, a = feedforward(layers, x.copy())
    d = backpropagate(layers, z, a, y, loss)
    share = shares(sample_weight, len(x))
    vector = np.empty_like(layers.parameters)
    mean_gradient(layers, a, d, share, vector, penalty)
    losses = np.asarray(sample_losses(layers, z, a, y, loss))
    total = total_loss(losses, share, penalty, layers.W)
    d[1] = d[2] @ layers.W[2]
    found = Gradient(layers.sizes, layers.has_bias, vector, total)
    return make(layers, a, z, d, y.copy(), losses, found, loss, share, penalty, is_single)
