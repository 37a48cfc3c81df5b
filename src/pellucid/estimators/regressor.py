"""The regressor."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
import scipy.sparse as sparse
from sklearn.base import RegressorMixin, _fit_context
from sklearn.metrics import d2_pinball_score, r2_score
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import Interval
from sklearn.utils.metaestimators import available_if

from pellucid.activations import ACTIVATIONS, Activation, as_activation
from pellucid.arrays import Array
from pellucid.errors import counted
from pellucid.estimators.base import MLP, Names
from pellucid.estimators.documentation import documented
from pellucid.hints import hinted
from pellucid.losses import LOSSES, Huber, Loss, Quantile, as_loss

_THEIR_LOSSES = {"squared_error": "half_squared_error", "absolute_error": "mae"}
"""Losses that scikit-learn calls otherwise."""

_OUR_LOSSES = [name for name, row in LOSSES.items() if row.targets in ("numbers", "counts")]


@documented
class MLPRegressor(RegressorMixin, MLP):  # type: ignore[misc]
    """A network that predicts numbers, behind scikit-learn's interface.

    Parameters
    ----------
    loss : {'squared_error', 'absolute_error', 'huber', 'quantile', 'poisson'}, a name in `pellucid.LOSSES`, or a Loss
        As in scikit-learn ``squared_error`` is half of it, summed over the outputs; the others are means over them.
        ``poisson`` predicts the rate through an exponential output and needs y ≥ 0.
    {common}
    output_activation : str or pellucid.Activation, optional
        σ of the output layer; without it the identity, or exp for ``poisson``.
    quantile : float in (0, 1), or several of them
        For ``loss='quantile'``; several are predicted at once, along a last axis of the predictions.
    delta : float in (0, ∞)
        For ``loss='huber'``: where it turns linear, in the units of y (of the standardised ones, if they are).

    Attributes
    ----------
    {attributes}

    Examples
    --------
    >>> import numpy as np
    >>> from pellucid.estimators import MLPRegressor
    >>> X = np.linspace(-1, 1, 200).reshape(-1, 1)
    >>> model = MLPRegressor(hidden_layer_sizes=(20,), activation="tanh", solver="lbfgs", random_state=0, max_iter=1000)
    >>> bool(model.fit(X, np.sin(3 * X[:, 0])).score(X, np.sin(3 * X[:, 0])) > 0.999)
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **MLP._parameter_constraints,
        "loss": [Names(LOSSES, [*_THEIR_LOSSES, *_OUR_LOSSES]), Loss],
        "output_activation": [Names(ACTIVATIONS, ACTIVATIONS), Activation, None],
        "quantile": [Interval(Real, 0, 1, closed="neither"), "array-like"],
        "delta": [Interval(Real, 0, None, closed="neither")],
    }

    @hinted
    def __init__(
        self,
        loss: Any = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: Any = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        output_activation: Any = None,
        quantile: Any = 0.5,
        delta: float = 1.0,
        dropout: Any = 0.0,
        clip_norm: float | None = None,
        monitor: str = "score",
        standardize: Any = False,
        bias: bool = True,
        callbacks: Any = (),
    ) -> None:
        self.loss = loss
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.output_activation = output_activation
        self.quantile = quantile
        self.delta = delta
        self.dropout = dropout
        self.clip_norm = clip_norm
        self.monitor = monitor
        self.standardize = standardize
        self.bias = bias
        self.callbacks = callbacks

    @available_if(lambda self: self._check_solver())
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Go through the given samples once, from where the network is.

        Parameters
        ----------
        X : array_like, sparse matrix or data frame of shape (n_samples, n_features)
        y : array_like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array_like of shape (n_samples,), optional

        Returns
        -------
        self
        """
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X: Any) -> Array:
        """Predict.

        Parameters
        ----------
        X : array_like, sparse matrix or data frame of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            With several quantiles a further axis for them.
        """
        return self._shaped(self._in_own_units(self._outputs(X)))

    def _in_own_units(self, a: Array) -> Array:
        return a if self.y_scaling_ is None else self.y_scaling_.undo(a)

    def _shaped(self, a: Array) -> Array:
        """Outputs without the axes that have one entry."""
        quantiles = self._quantiles()
        if quantiles is not None:
            a = a.reshape(len(a), -1, len(quantiles))
        return a[:, 0] if a.shape[1] == 1 else a

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return R², or with several quantiles the mean of their D² by the pinball loss."""
        if self._quantiles() is None:
            return float(r2_score(y, self.predict(X), sample_weight=sample_weight))
        a = self._in_own_units(self._outputs(X))
        return self._score_quantiles(np.asarray(y).reshape(len(a), -1), a, sample_weight)

    def _score_outputs(self, Y: Array, a: Array, weight: Array | None = None) -> float:
        if self._quantiles() is None:
            return float(r2_score(Y, a, sample_weight=weight))
        return self._score_quantiles(Y[:, :: len(self._quantiles() or ())], a, weight)

    def _score_quantiles(self, y: Array, a: Array, weight: Array | None) -> float:
        quantiles = self._quantiles()
        assert quantiles is not None
        each = a.reshape(len(a), -1, len(quantiles))
        scores = [d2_pinball_score(y, each[..., i], alpha=tau, sample_weight=weight) for i, tau in enumerate(quantiles)]
        return float(np.mean(scores))

    # What the base asks.

    _takes_numbers = True

    def _quantiles(self) -> list[float] | None:
        """Several quantiles, or None."""
        if isinstance(self.loss, Loss) or self._loss_name() != "quantile" or isinstance(self.quantile, Real):
            return None
        taus = list(self.quantile)
        if not taus or not all(isinstance(tau, Real) and 0 < float(tau) < 1 for tau in taus):
            raise ValueError(f"quantile must be a number in (0, 1), or several of them, got {self.quantile!r}")
        return [float(tau) for tau in taus]

    def _check_outputs(self, n_outputs: int) -> None:
        quantiles = self._quantiles()
        if quantiles is not None and n_outputs % len(quantiles):
            raise ValueError(f"{counted(len(quantiles), 'quantile')} do not go with {counted(n_outputs, 'output')}")

    def _check_targets(self, y: Any, *, incremental: bool) -> Array:  # noqa: ARG002
        if sparse.issparse(y):
            raise TypeError("y is sparse: give a dense array of numbers, y.toarray()")
        Y = column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y
        Y = Y.reshape(len(Y), -1)
        if self._loss_name() == "poisson" and Y.min() < 0:
            raise ValueError(f"loss='poisson' needs y >= 0, got {Y.min():g}")
        quantiles = self._quantiles()
        return Y if quantiles is None else np.repeat(Y, len(quantiles), axis=1)

    def _loss_name(self) -> str:
        return as_loss(_THEIR_LOSSES.get(self.loss, self.loss) if isinstance(self.loss, str) else self.loss).name

    def _output(self) -> Activation:
        given = self.output_activation
        if given is None:
            given = "exp" if self._loss_name() == "poisson" else "identity"
        return as_activation(given)

    def _loss(self) -> Loss | str:
        if isinstance(self.loss, Loss):
            return self.loss
        name = self._loss_name()
        if name == "huber":
            return Huber(float(self.delta))
        if name == "quantile":
            quantiles = self._quantiles()
            return Quantile(self.quantile if quantiles is None else quantiles)
        return name

    def _scales_targets(self) -> bool:
        if self._loss_name() == "poisson":
            if self.standardize == "targets":
                raise ValueError("standardize='targets' does not go with loss='poisson', whose targets are counts")
            return False
        return self.standardize in (True, "targets")
