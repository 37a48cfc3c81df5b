"""The samples of one call, checked against a network and a loss before anything is computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pellucid.activations import Activation
from pellucid.arrays import Array, ArrayLike, as_inputs, as_number, as_numbers, as_sample_weight
from pellucid.backprop import Penalty
from pellucid.described import Brief
from pellucid.layers import Layers
from pellucid.losses import Loss, as_loss, as_targets, check_name, check_output


@dataclass(frozen=True, eq=False, repr=False)
class Samples(Brief):
    """Inputs X (n, n_1), targets Y (n, n_F), sample weights (n,) or None, in the network's dtype, and their loss."""

    X: Array
    Y: Array
    loss: Loss
    weight: Array | None
    is_single: bool

    def __len__(self) -> int:
        return len(self.X)

    def take(self, index: np.ndarray[tuple[int], np.dtype[np.intp]]) -> Samples:
        """Return the samples at these positions."""
        weight = None if self.weight is None else self.weight[index]
        return Samples(self.X[index], self.Y[index], self.loss, weight, is_single=False)


def as_samples(
    layers: Layers,
    X: ArrayLike,
    y: ArrayLike,
    loss: object,
    sample_weight: ArrayLike | None = None,
    *,
    names: tuple[str, str] = ("X", "y"),
) -> Samples:
    """Check inputs, targets, weights and loss against a network.

    Raises
    ------
    ValueError, TypeError
        What `as_inputs`, `as_targets`, `as_sample_weight` and `check_output` refuse, or a user-made activation or loss
        that returns another shape than it must.
    """
    row = as_loss(loss)
    check_functions(layers, row)
    if isinstance(loss, str) and loss != row.name:
        check_name(loss, row, layers.activations[layers.F], layers.size(layers.F))
    check_output(row, layers.activations[layers.F], layers.size(layers.F))
    inputs, is_single = as_inputs(X, layers.size(1), layers.dtype, names[0])
    targets = as_targets(y, row, len(inputs), layers.size(layers.F), layers.dtype, single=is_single, name=names[1])
    weight = as_sample_weight(sample_weight, len(inputs), layers.dtype)
    return Samples(inputs, targets, row, weight, is_single)


def as_penalty(l2: object, l1: object) -> Penalty:
    """Check the strengths of the penalties: finite numbers ≥ 0."""
    return Penalty(as_number(l2, "l2", 0), as_number(l1, "l1", 0))


def check_functions(layers: Layers, loss: Loss | None) -> None:
    """Try user-made activations and losses on two samples; refuse wrong shapes and overwritten arguments."""
    for l, activation in layers.activations.items():
        if not activation.is_builtin:
            _check_activation(activation, np.full((2, layers.size(l)), 0.5, layers.dtype))
    if loss is not None and not loss.is_builtin:
        a = np.full((2, layers.size(layers.F)), 0.5, layers.dtype)
        _check_call(f"loss {loss.name!r}: function(a, y)", loss.function, (a, np.ones_like(a)), (2,))
        _check_call(f"loss {loss.name!r}: gradient(a, y)", loss.gradient, (a, np.ones_like(a)), a.shape)


def _check_activation(activation: Activation, z: Array) -> None:
    who = f"activation {activation.name!r}"
    _check_call(f"{who}: function(z)", activation.function, (z,), z.shape)
    slope = z.shape if activation.elementwise else (*z.shape, z.shape[-1])
    _check_call(f"{who}: derivative(z)", activation.derivative, (z,), slope)


def _check_call(
    who: str, function: Callable[..., Array], arguments: tuple[Array, ...], expected: tuple[int, ...]
) -> None:
    own = [argument.copy() for argument in arguments]
    with np.errstate(all="ignore"):
        result = as_numbers(function(*own), who, np.dtype(np.float64))
    given = arguments[0].shape
    if result.shape != expected:
        raise ValueError(f"{who} has shape {result.shape} for arguments of shape {given}: expected {expected}")
    if any((before != after).any() for before, after in zip(arguments, own, strict=True)):
        raise ValueError(f"{who} overwrites its argument; it must return a new array")
