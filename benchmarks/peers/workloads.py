"""The workloads: networks, losses, batches, and the data and parameters that every implementation starts from."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Workload(NamedTuple):
    """One network and how it is trained; all in float32."""

    name: str
    sizes: tuple[int, ...]
    activation: str
    output: str
    loss: str
    batch: int
    optimizer: str
    rate: float
    steps: int

    @property
    def operations(self) -> float:
        """Floating-point operations of the products in one step: forward, gradient, and delta above layer 2."""
        pairs = list(zip(self.sizes, self.sizes[1:], strict=False))
        return sum(2.0 * self.batch * n * m * (2 if i == 0 else 3) for i, (n, m) in enumerate(pairs))

    @property
    def activations(self) -> float:
        """Activations computed in the hidden layers of one step."""
        return float(self.batch * sum(self.sizes[1:-1]))


WORKLOADS = {
    row.name: row
    for row in (
        Workload("tiny", (4, 32, 32, 1), "tanh", "identity", "mse", 32, "sgd", 0.01, 6000),
        Workload("nielsen", (784, 30, 10), "sigmoid", "sigmoid", "mse", 10, "sgd", 0.1, 1500),
        Workload("digits", (64, 64, 10), "relu", "softmax", "cross_entropy", 32, "adam", 1e-3, 3000),
        Workload("expm", (4, 32, 16, 4), "tanh", "identity", "mse", 200, "adam", 1e-3, 1500),
        Workload("expm10k", (4, 32, 16, 4), "tanh", "identity", "mse", 10_000, "adam", 1e-3, 30),
        Workload("mnist", (784, 128, 10), "relu", "softmax", "cross_entropy", 32, "adam", 1e-3, 1500),
        Workload("wide", (784, 512, 512, 10), "relu", "softmax", "cross_entropy", 128, "adam", 1e-3, 60),
    )
}


class Start(NamedTuple):
    """What all implementations get: the samples of one epoch in the order of its batches, and the parameters."""

    X: Array  # (steps · batch, n_1)
    Y: Array  # (steps · batch, n_F), or class indices
    W: list[Array]  # of layers 2 … F, each (n_l, n_{l-1})
    b: list[Array]


def start(work: Workload, steps: int) -> Start:
    """Make the data of an epoch with so many steps."""
    rng = np.random.default_rng(0)
    n = steps * work.batch
    X = rng.standard_normal((n, work.sizes[0]), dtype=np.float32)
    if work.loss == "cross_entropy":
        Y: Array = rng.integers(0, work.sizes[-1], n)
    else:
        Y = rng.random((n, work.sizes[-1]), dtype=np.float32)
    W, b = [], []
    for before, here in zip(work.sizes, work.sizes[1:], strict=False):
        W.append((rng.standard_normal((here, before)) / before**0.5).astype(np.float32))
        b.append(np.zeros(here, np.float32))
    return Start(X, Y, W, b)
