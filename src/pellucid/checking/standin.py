"""What a submitted file is handed in place of a network: its sizes, names and parameters, and nothing that computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pellucid.arrays import Array
from pellucid.layers import PerLayer, parameter_views


class StandIn:
    """A network's sizes, activations and parameters; it computes nothing.

    Parameters
    ----------
    sizes : sequence of int
        n_1 … n_F.
    parameters : ndarray
        W^2 row by row, b^2, W^3, …; `W` and `b` are views into it.
    activations : mapping of int to str
        The name of σ by layer.
    bias : bool
        Whether there are biases.
    """

    def __init__(
        self, sizes: Sequence[int], parameters: Array, activations: Mapping[int, str], *, bias: bool = True
    ) -> None:
        self.sizes = tuple(sizes)
        self.F = self.L = self.num_layers = len(self.sizes)
        self.parameters = np.array(parameters)
        self.has_bias = bias
        self.activations = dict(activations)
        self.W: PerLayer
        self.b: PerLayer
        self.W, self.b = parameter_views(self.sizes, self.parameters, bias)

    @property
    def weights(self) -> list[Array]:
        """W^2, W^3, … as a list."""
        return list(self.W)

    @property
    def biases(self) -> list[Array]:
        """b^2, b^3, … as a list."""
        return list(self.b)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the parameters."""
        return self.parameters.dtype

    def size(self, layer: int) -> int:
        """Return n_l."""
        return self.sizes[layer - 1]

    def copy(self) -> StandIn:
        """Return another one with parameters of its own."""
        return StandIn(self.sizes, self.parameters, self.activations, bias=self.has_bias)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise AttributeError(
            f"the network that a checked function is handed has no {name!r}: it has W[l], b[l], sizes, F, parameters, "
            "weights, biases and activations, and computing the gradient is left to the function"
        )

    def __repr__(self) -> str:
        return f"<network {'-'.join(map(str, self.sizes))}: W[l], b[l], sizes, F, parameters>"
