"""The classifier."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.metrics import accuracy_score
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import (
    _check_partial_fit_first_call,
    check_classification_targets,
    type_of_target,
    unique_labels,
)

from pellucid.activations import Activation, as_activation
from pellucid.arrays import Array
from pellucid.estimators.base import MLP
from pellucid.estimators.documentation import documented
from pellucid.hints import hinted
from pellucid.losses import Loss


@documented
class MLPClassifier(ClassifierMixin, MLP):  # type: ignore[misc]
    """A network that tells classes apart, behind scikit-learn's interface.

    One softmax output for each class; for two classes one sigmoid output, the probability of the second; for several
    labels at once one sigmoid output for each.

    Parameters
    ----------
    {common}
    loss : {'log_loss'} or pellucid.Loss
        Cross-entropy; another loss gets one-hot targets.
    class_weight : dict, 'balanced' or None
        What the samples' weights are multiplied by, class by class; for several labels a list of dicts.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    {attributes}

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from pellucid.estimators import MLPClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> model = MLPClassifier(hidden_layer_sizes=(64,), random_state=0, tol=1e-3).fit(X[:1000] / 16, y[:1000])
    >>> bool(model.score(X[1000:] / 16, y[1000:]) > 0.9)
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **MLP._parameter_constraints,
        "loss": [StrOptions({"log_loss"}), Loss],
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
    }

    @hinted
    def __init__(
        self,
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
        loss: Any = "log_loss",
        class_weight: Any = None,
        dropout: Any = 0.0,
        clip_norm: float | None = None,
        monitor: str = "score",
        standardize: Any = False,
        bias: bool = True,
        callbacks: Any = (),
    ) -> None:
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
        self.loss = loss
        self.class_weight = class_weight
        self.dropout = dropout
        self.clip_norm = clip_norm
        self.monitor = monitor
        self.standardize = standardize
        self.bias = bias
        self.callbacks = callbacks

    @available_if(lambda self: self._check_solver())
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Go through the given samples once, from where the network is.

        Parameters
        ----------
        X : array_like, sparse matrix or data frame of shape (n_samples, n_features)
        y : array_like of shape (n_samples,) or (n_samples, n_labels)
        sample_weight : array_like of shape (n_samples,), optional
        classes : array_like of shape (n_classes,)
            All classes of all calls; needed at the first.

        Returns
        -------
        self
        """
        if _check_partial_fit_first_call(self, classes):
            self._learn_classes(y if type_of_target(y).startswith("multilabel") else classes)
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X: Any) -> Any:
        """Predict classes.

        Parameters
        ----------
        X : array_like, sparse matrix or data frame of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_labels)
        """
        return self._classes(self._outputs(X))

    def _classes(self, a: Array) -> Any:
        return self._label_binarizer.inverse_transform(a.ravel() if self.n_outputs_ == 1 else a)

    def predict_proba(self, X: Any) -> Array:
        """Predict probabilities.

        Parameters
        ----------
        X : array_like, sparse matrix or data frame of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        a = self._outputs(X)
        return np.hstack([1 - a, a]) if self.n_outputs_ == 1 else a

    def predict_log_proba(self, X: Any) -> Array:
        """Predict the natural logarithms of probabilities; see `predict_proba`."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    # What the base asks.

    def _learn_classes(self, classes: Any) -> None:
        self._label_binarizer = LabelBinarizer().fit(classes)
        self.classes_ = self._label_binarizer.classes_

    def _check_targets(self, y: Any, *, incremental: bool) -> Any:
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        knows_classes = hasattr(self, "classes_")
        if not knows_classes or not (self.warm_start or incremental):
            self._learn_classes(y)
        else:
            found = unique_labels(y)
            if self.warm_start and not incremental and set(found) != set(self.classes_):
                raise ValueError(
                    "warm_start can only be used where `y` has the same classes as in the previous call to fit. "
                    f"Previously got {self.classes_}, `y` has {found}"
                )
            if len(np.setdiff1d(found, self.classes_)):
                raise ValueError(
                    f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. 'y' has {found}."
                )
        if y.ndim > 1:
            return np.asarray(self._label_binarizer.transform(y))
        index = np.searchsorted(self.classes_, y)
        if len(self.classes_) <= 2:
            return (index == 1)[:, np.newaxis]
        Y = np.zeros((len(y), len(self.classes_)), np.uint8)
        Y[np.arange(len(y)), index] = 1
        return Y

    def _class_weights(self, y: Any, weight: Array | None, *, incremental: bool) -> Array | None:
        if self.class_weight is None:
            return weight
        if incremental and self.class_weight == "balanced":
            raise ValueError(
                "class_weight='balanced' needs all classes at once; for partial_fit give a dict, such as "
                "sklearn.utils.class_weight.compute_class_weight makes"
            )
        by_class = self._weight_of_each(y)
        return by_class if weight is None else weight * by_class

    def _weight_of_each(self, y: Any) -> Array:
        given = self.class_weight
        if not isinstance(given, dict) or self._label_binarizer.y_type_.startswith("multilabel"):
            try:
                found: Array = compute_sample_weight(given, y)
            except (ValueError, TypeError) as error:
                raise ValueError(f"class_weight: {error}") from error
            return found
        labels = column_or_1d(y)
        strange = [label for label in given if label not in set(self.classes_.tolist())]
        if strange:
            raise ValueError(f"class_weight: {strange[0]!r} is no class; the classes are {self.classes_.tolist()}")
        for label, value in given.items():
            if not (isinstance(value, Real) and 0 <= float(value) < np.inf):
                raise ValueError(f"class_weight: the weight of {label!r} must be a number >= 0, got {value!r}")
        return np.asarray([given.get(label, 1.0) for label in labels.tolist()], np.float64)

    def _strata(self, Y: Array) -> Any:
        if self._label_binarizer.y_type_.startswith("multilabel"):
            return None
        if Y.shape[1] == 1:
            return Y.astype(bool)
        held_out = round(self.validation_fraction * len(Y))
        can_be = Y.sum(axis=0).min() >= 2 and min(held_out, len(Y) - held_out) >= Y.shape[1]
        return Y.argmax(axis=1) if can_be else None

    def _output(self) -> Activation:
        return as_activation("softmax" if self._label_binarizer.y_type_ == "multiclass" else "sigmoid")

    def _loss(self) -> Loss | str:
        if isinstance(self.loss, Loss):
            return self.loss
        return "cross_entropy" if self._label_binarizer.y_type_ == "multiclass" else "binary_cross_entropy"

    def _score_outputs(self, Y: Array, a: Array, weight: Array | None = None) -> float:
        binarizer = self._label_binarizer
        return float(accuracy_score(binarizer.inverse_transform(Y), self._classes(a), sample_weight=weight))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
