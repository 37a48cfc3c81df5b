"""The table of metrics: a number from outputs a and targets y, both of shape (n, n_F)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from pellucid.arrays import Array
from pellucid.errors import unknown_name

Metric = Callable[[Array, Array], float]


def accuracy(a: Array, y: Array) -> float:
    """Share of samples whose class is right: the largest of several outputs, or one output on the right side of 0.5."""
    if a.shape[1] == 1:
        return float(np.mean((a >= 0.5) == (y >= 0.5)))
    return float(np.mean(a.argmax(axis=1) == y.argmax(axis=1)))


def label_accuracy(a: Array, y: Array) -> float:
    """Share of single labels on the right side of 0.5, for several labels per sample."""
    return float(np.mean((a >= 0.5) == (y >= 0.5)))


def mae(a: Array, y: Array) -> float:
    """Mean absolute error over samples and outputs, in the units of y."""
    return float(np.abs(a - y).mean())


def rmse(a: Array, y: Array) -> float:
    """Root of the mean squared error over samples and outputs, in the units of y."""
    return float(np.sqrt(np.square(a - y).mean()))


def r2(a: Array, y: Array) -> float:
    """Coefficient of determination R², the mean over the outputs; for a constant target 1 if met exactly, else 0."""
    residual = np.square(y - a).sum(axis=0)
    spread = np.square(y - y.mean(axis=0)).sum(axis=0)
    constant = (y == y[0]).all(axis=0)  # their mean may round to another number
    score = np.where(constant, residual == 0, 1 - residual / np.where(constant, 1, spread))
    return float(score.mean())


METRICS: Mapping[str, Metric] = {f.__name__: f for f in (accuracy, label_accuracy, mae, rmse, r2)}
"""The table, by name."""


def as_metric(metric: object) -> tuple[str, Metric]:
    """Look a metric up by name, or take a function (a, y) ↦ number under its own name."""
    if isinstance(metric, str):
        if metric not in METRICS:
            raise unknown_name("metric", metric, METRICS)
        return metric, METRICS[metric]
    if callable(metric):
        return str(getattr(metric, "__name__", type(metric).__name__)), metric
    raise TypeError(f"a metric is a name or a function of (a, y), got {metric!r}")
