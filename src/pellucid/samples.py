"""The samples of one call, checked against a network and a loss before anything is computed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from pellucid.activations import ACTIVATIONS, Activation
from pellucid.arrays import Array, as_inputs, as_number, as_numbers, as_sample_weight
from pellucid.backprop import Penalty
from pellucid.layers import Layers
from pellucid.losses import LOSSES, Loss, as_loss, as_targets, check_output


@dataclass(frozen=True, eq=False)
class Samples:
    """Inputs X (n, n_1), targets Y (n, n_F), sample weights (n,) or None, in the network's dtype, and their loss."""

    X: Array
    Y: Array
    loss: Loss
    weight: Array | None
    is_single: bool

    def __len__(self) -> int:
        return len(self.X)

    def take(self, index: np.ndarray[tuple[int], np.dtype[np.intp]]) -> "Samples":
        """Return the samples at these positions."""
        weight = None if self.weight is None else self.weight[index]
        return Samples(self.X[index], self.Y[index], self.loss, weight, is_single=False)


def as_samples(
    layers: Layers,
    X: ArrayLike,
    Y: ArrayLike,
    loss: object,
    sample_weight: ArrayLike | None = None,
    *,
    names: tuple[str, str] = ("X", "Y"),
) -> Samples:
    """Check inputs, targets, weights and loss against a network.

    Raises
    ------
    ValueError, TypeError
        What `as_inputs`, `as_targets`, `as_sample_weight` and `check_output` refuse, or a user-made activation or loss
        that returns another shape than it must.
    """
    row = as_loss(loss)
    check_output(row, layers.activations[layers.F])
    inputs, is_single = as_inputs(X, layers.size(1), layers.dtype, names[0])
    targets = as_targets(Y, row, len(inputs), layers.size(layers.F), layers.dtype, single=is_single, name=names[1])
    weight = as_sample_weight(sample_weight, len(inputs), layers.dtype)
    check_functions(layers, row)
    return Samples(inputs, targets, row, weight, is_single)


def as_penalty(l2: object, l1: object) -> Penalty:
    """Check the strengths of the penalties: finite numbers ≥ 0."""
    return Penalty(as_number(l2, "l2", 0), as_number(l1, "l1", 0))


def check_functions(layers: Layers, loss: Loss | None) -> None:
    """Try user-made activations and losses on two samples and refuse wrong shapes."""
    for l, activation in layers.activations.items():
        if ACTIVATIONS.get(activation.name) is not activation:
            _check_activation(activation, np.full((2, layers.size(l)), 0.5, layers.dtype))
    if loss is not None and LOSSES.get(loss.name) is not loss:
        a = np.full((2, layers.size(layers.F)), 0.5, layers.dtype)
        y = np.ones_like(a)
        _check_result(f"loss {loss.name!r}: function(a, y)", loss.function(a, y), (2,), a.shape)
        _check_result(f"loss {loss.name!r}: gradient(a, y)", loss.gradient(a, y), a.shape, a.shape)


def _check_activation(activation: Activation, z: Array) -> None:
    who = f"activation {activation.name!r}"
    _check_result(f"{who}: function(z)", activation.function(z), z.shape, z.shape)
    expected = z.shape if activation.elementwise else (*z.shape, z.shape[-1])
    _check_result(f"{who}: derivative(z)", activation.derivative(z), expected, z.shape)


def _check_result(who: str, result: object, expected: tuple[int, ...], given: tuple[int, ...]) -> None:
    shape = np.shape(as_numbers(result, who, np.dtype("float64")))  # type: ignore[arg-type]
    if shape != expected:
        raise ValueError(f"{who} has shape {shape} for arguments of shape {given}: expected {expected}")
