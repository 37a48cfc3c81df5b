"""Many fits at once: side by side, one network on each core, and searches that use that."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, Self

import numpy as np
import sklearn.model_selection
from sklearn.base import clone, is_classifier
from sklearn.model_selection import ParameterGrid, ParameterSampler, check_cv
from sklearn.utils import _safe_indexing

from pellucid.estimators import prefitted
from pellucid.estimators.base import MLP
from pellucid.estimators.running import Fit
from pellucid.many import Training, train_many


def fit_many(fits: Iterable[Sequence[Any]], *, threads: int | None = None) -> list[Any]:
    """Fit several estimators side by side, each network on one core.

    Parameters
    ----------
    fits : iterable of tuple
        (estimator, X, y) or (estimator, X, y, sample_weight). Estimators, parameters, shapes and data may differ.
    threads : int, optional
        At most so many at once; by default PELLUCID_THREADS, or the cores this process may use.

    Returns
    -------
    list
        The estimators, fitted, each with the same bits as by its own ``fit``.

    Raises
    ------
    ValueError, TypeError
        What `fit` of one of them raises; none is trained then.
    """
    chosen = [tuple(one) for one in fits]
    if any(len(one) not in (3, 4) for one in chosen):
        raise ValueError("fit_many takes (estimator, X, y) or (estimator, X, y, sample_weight)")
    if len({id(one[0]) for one in chosen}) < len(chosen):
        raise ValueError("an estimator stands more than once in the list: fit a clone")
    _train([_prepared(*one) for one in chosen], threads)
    return [one[0] for one in chosen]


def _prepared(estimator: Any, X: Any, y: Any, weight: Any = None) -> tuple[Any, Fit]:
    if not isinstance(estimator, MLP):
        raise TypeError(f"fit_many takes this library's estimators, got {type(estimator).__name__}")
    estimator._validate_params()
    return estimator, estimator._prepare(X, y, weight, None, incremental=False)


def _train(prepared: list[tuple[Any, Fit]], threads: int | None = None) -> None:
    together = [(e, fit) for e, fit in prepared if fit.inputs.is_small]
    trainings = [
        Training(fit.network, fit.inputs.dense(), fit.Y, fit.loss, sample_weight=fit.weight, **fit.settings)
        for _, fit in together
    ]
    histories = train_many(trainings, threads=threads, progress=False, raises=False)
    done = {id(e): (history, t.problem) for (e, _), t, history in zip(together, trainings, histories, strict=True)}
    for estimator, fit in prepared:
        estimator._finish(fit, *(done.get(id(estimator)) or fit.run()))


class _SideBySide(ABC):
    """A search whose candidates are trained by `fit_many` where they can be: networks of this library, no pipeline."""

    estimator: Any
    cv: Any
    n_jobs: Any

    _validate_params: Any

    @abstractmethod
    def _candidates(self) -> list[dict[str, Any]]:
        """The parameters of each candidate."""

    def fit(self, X: Any, y: Any = None, **parameters: Any) -> Self:
        """Search; see scikit-learn's class of the same name.

        The result is the same as its, bit by bit. Times in ``cv_results_`` are the training's as a whole, in equal
        shares.
        """
        if not self._can(X, y, parameters):
            return super().fit(X, y, **parameters)  # type: ignore[misc]
        self._validate_params()  # before anything is trained
        cv = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        splits = list(cv.split(X, y))
        # One list of candidates for both: a sampler without a seed would draw others.
        candidates = self._candidates()
        start = time.perf_counter()
        fits = self._fits_in_advance(X, y, splits, candidates)
        share = (time.perf_counter() - start) / max(len(fits), 1)
        before = self.cv, self.n_jobs
        self.cv, self.n_jobs = splits, None
        try:
            with prefitted.offered(fits):
                super().fit(X, y)  # type: ignore[misc]
        finally:
            self.cv, self.n_jobs = before
        results: Any = self.cv_results_  # type: ignore[attr-defined]
        if len(fits) == len(splits) * len(candidates):
            columns = (np.full(len(candidates), value) for value in (share, 0.0))
            results["mean_fit_time"], results["std_fit_time"] = columns
        return self

    def _fits_in_advance(self, X: Any, y: Any, splits: Any, candidates: list[dict[str, Any]]) -> list[Any]:
        """Train what can be trained; what cannot is left to the search itself, which has its way with errors."""
        fits, prepared = [], []
        for train, _ in splits:
            part = _safe_indexing(X, train), _safe_indexing(y, train)
            for candidate in candidates:
                model = clone(self.estimator)
                with suppress(Exception):
                    prepared.append(_prepared(model.set_params(**clone(candidate, safe=False)), *part))
                    fits.append((model, *part))
        try:
            _train(prepared)
        except Exception:  # of a callback
            return []
        return fits

    def _can(self, X: Any, y: Any, parameters: dict[str, Any]) -> bool:
        estimator = self.estimator
        return (
            isinstance(estimator, MLP) and not parameters and y is not None and isinstance(X, np.ndarray)
            and X.dtype != object
            and (estimator.random_state is None or isinstance(estimator.random_state, int | np.integer))
        )  # fmt: skip


class GridSearchCV(_SideBySide, sklearn.model_selection.GridSearchCV):  # type: ignore[misc]
    """scikit-learn's GridSearchCV, whose candidates are trained side by side where they can be.

    That is for an `MLPClassifier` or `MLPRegressor` itself, on an array, without fit parameters; anything else is
    searched as scikit-learn does.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from pellucid.estimators import GridSearchCV, MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier(hidden_layer_sizes=(8,), solver="lbfgs", random_state=0, max_iter=500, tol=1e-3)
    >>> search = GridSearchCV(model, {"alpha": [1e-3, 1.0]}, cv=3).fit(X, y)
    >>> sorted(search.best_params_)
    ['alpha']
    """

    def _candidates(self) -> list[dict[str, Any]]:
        return list(ParameterGrid(self.param_grid))


class RandomizedSearchCV(_SideBySide, sklearn.model_selection.RandomizedSearchCV):  # type: ignore[misc]
    """scikit-learn's RandomizedSearchCV, whose candidates are trained side by side where they can be."""

    def _candidates(self) -> list[dict[str, Any]]:
        return list(ParameterSampler(self.param_distributions, self.n_iter, random_state=self.random_state))

    def _can(self, X: Any, y: Any, parameters: dict[str, Any]) -> bool:
        return isinstance(self.random_state, int | np.integer) and super()._can(X, y, parameters)
