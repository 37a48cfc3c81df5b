"""Standardisation that is stored with an estimator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import scipy.sparse as sparse
from sklearn.utils.sparsefuncs import mean_variance_axis

from pellucid.arrays import Array
from pellucid.described import Brief

_ROWS = 10_000
"""Of a dense array looked at at a time."""


@dataclass(frozen=True, eq=False, repr=False)
class Scaling(Brief):
    """Column by column (x - mean) / scale.

    Attributes
    ----------
    mean, scale : ndarray of shape (columns,)
        Means and standard deviations; a constant column has the scale 1.
    """

    mean: Array
    scale: Array

    @classmethod
    def of(cls, X: Any, weight: Array | None, dtype: np.dtype[Any]) -> Self:
        """Measure columns, dense or sparse; a weight of 2 is the row twice."""
        if sparse.issparse(X):
            X = X.tocsr()
            if not X.has_canonical_format:  # entries that stand twice would count twice
                X = X.copy()
                X.sum_duplicates()
            mean, variance = mean_variance_axis(X, axis=0, weights=weight)
            scale = np.sqrt(variance)
        else:
            w = np.ones(len(X)) if weight is None else weight.astype(np.float64)
            w = w / w.sum()
            parts = [slice(i, i + _ROWS) for i in range(0, len(X), _ROWS)]
            mean = sum(w[part] @ X[part].astype(np.float64, copy=False) for part in parts)
            most = np.max([np.abs(X[part] - mean).max(axis=0) for part in parts], axis=0)
            most[most == 0] = 1  # the squares of large deviations could overflow
            scale = most * np.sqrt(sum(w[part] @ np.square((X[part] - mean) / most) for part in parts))
        tiny = 10 * np.finfo(dtype).eps * np.abs(mean)
        return cls(np.asarray(mean, dtype), np.where(scale > tiny, scale, 1).astype(dtype))

    def apply(self, X: Array) -> Array:
        """Return the standardised rows."""
        return (X - self.mean) / self.scale

    def undo(self, X: Array) -> Array:
        """Return standardised rows in their own units."""
        return X * self.scale + self.mean
