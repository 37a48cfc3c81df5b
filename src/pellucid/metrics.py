"""The table of metrics: a number from outputs a and targets y, both of shape (n, n_F)."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pellucid.arrays import Array
from pellucid.described import brief
from pellucid.errors import plain_name
from pellucid.registry import Registry


@dataclass(frozen=True, eq=False)
class Metric:
    """A row of the table: called with outputs and targets, it returns a number.

    Parameters
    ----------
    name : str
        The curve of the history.
    function : callable
        (a, y) ↦ number.
    formula : str
    range : str
        The interval of its values.
    synonyms : tuple of str
        Other names of the same number.
    """

    name: str
    function: Callable[[Array, Array], float]
    formula: str = ""
    range: str = ""
    synonyms: tuple[str, ...] = ()

    def __call__(self, a: Array, y: Array) -> float:
        """Return the number for outputs a and targets y, both of shape (n, n_F).

        Raises
        ------
        ValueError
            The shapes differ.
        """
        a, y = np.asarray(a), np.asarray(y)
        a, y = a.reshape(len(a), -1) if a.ndim else a, y.reshape(len(y), -1) if y.ndim else y
        if a.shape != y.shape:
            raise ValueError(
                f"metric {self.name}: the outputs a have shape {a.shape}, and the targets y {y.shape}; class numbers "
                "are given as np.eye(m)[labels]"
            )
        return self.function(a, y)

    def number(self, a: Array, y: Array) -> float:
        """Return what the function gives for arrays that fit, as a float.

        Raises
        ------
        TypeError
            It gives something else than one number.
        """
        value = self.function(a, y)
        try:
            return float(value)
        except (TypeError, ValueError):
            raise TypeError(f"metric {self.name!r} must return one number, got {brief(value)}") from None


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


def mse(a: Array, y: Array) -> float:
    """Mean squared error over samples and outputs, in the units of y squared."""
    return float(np.square(a - y).mean())


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


METRICS: Registry[Metric] = Registry(
    "metric",
    (
        Metric(
            "accuracy", accuracy, "share of samples whose class is right", "[0, 1]",
            ("acc", "categorical_accuracy", "sparse_categorical_accuracy", "binary_accuracy", "accuracy_score"),
        ),
        Metric("label_accuracy", label_accuracy, "share of labels on the right side of 0.5", "[0, 1]"),
        Metric("mae", mae, "mean of |a - y|", "[0, ∞)", ("mean_absolute_error",)),
        Metric("mse", mse, "mean of (a - y)²", "[0, ∞)", ("mean_squared_error",)),
        Metric("rmse", rmse, "√mse", "[0, ∞)", ("root_mean_squared_error",)),
        Metric("r2", r2, "1 - Σ (a - y)² / Σ (y - ȳ)²", "(-∞, 1]", ("r2_score", "r_squared")),
    ),
    columns=(("value", lambda row: row.formula), ("range", lambda row: row.range)),
    example="a function of (a, y)",
    elsewhere={
        "error_rate": "write metrics='accuracy', which is 1 minus it",
        "balanced_accuracy": "it is not in the table: give a function of (a, y), arrays of shape (n, n_F)",
        "top_k_accuracy": "it is not in the table: give a function of (a, y), arrays of shape (n, n_F)",
        "top_k_categorical_accuracy": "it is not in the table: give a function of (a, y), arrays of shape (n, n_F)",
        "f1_score": "it is not in the table: give a function of (a, y), arrays of shape (n, n_F)",
        "roc_auc": "it is not in the table: give a function of (a, y), arrays of shape (n, n_F)",
        "loss": "the loss is in the history always: history['loss'], and with validation history['validation_loss']",
        "f1": "it is not in the table: give a function of (a, y), arrays of shape (n, n_F)",
        "auc": "it is not in the table: give a function of (a, y), arrays of shape (n, n_F)",
        "precision": "it is not in the table: give a function of (a, y), arrays of shape (n, n_F)",
        "recall": "it is not in the table: give a function of (a, y), arrays of shape (n, n_F)",
    },
)  # fmt: skip
"""The table, by name."""


def _takes_targets_first(function: Callable[..., object]) -> bool:
    """Whether the first parameter is called as scikit-learn and Keras call the targets."""
    try:
        parameters = list(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # some functions of C have no signature
        return False
    return bool(parameters) and plain_name(parameters[0]) in ("y", "ytrue", "true", "target", "targets", "labels")


def as_metric(metric: object) -> Metric:
    """Look a metric up by name, or take a function (a, y) ↦ number under its own name."""
    if callable(metric) and not isinstance(metric, Metric):
        name = str(getattr(metric, "__name__", type(metric).__name__))
        if _takes_targets_first(metric):
            known = METRICS.get(name.removesuffix("_score"))
            line = "lambda a, y: …" if name == "<lambda>" else f"lambda a, y: {name}(y, a)"
            line = f"metrics={known.name!r}" if known else f"metrics={line}"
            raise TypeError(
                f"metric {name!r} takes the targets first, and metrics here are functions of (a, y), arrays of shape "
                f"(n, n_F): write {line}"
            )
        return Metric(name, metric)
    found: Metric = METRICS.look_up(metric, Metric)
    return found
