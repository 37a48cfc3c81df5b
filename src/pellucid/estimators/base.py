"""What both estimators do: parameters checked, data read, a network trained, and what is known of it afterwards."""

from __future__ import annotations

import sys
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from itertools import pairwise
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from pellucid.activations import ACTIVATIONS, Activation, as_activation
from pellucid.arrays import Array
from pellucid.errors import TrainingDiverged, counted
from pellucid.estimators import interchange, prefitted
from pellucid.estimators.convergence import Convergence, Falling, PowerOfSamples, Watch
from pellucid.estimators.running import Fit, Inputs, end_epoch, of_the_whole
from pellucid.estimators.scaling import Scaling
from pellucid.hints import Hinted, hinted
from pellucid.losses import Loss
from pellucid.network import Network
from pellucid.optimizers import LBFGS, SGD, Adam
from pellucid.registry import Registry
from pellucid.schedules import Constant
from pellucid.storage import PathLike
from pellucid.training import History

STOCHASTIC = ("sgd", "adam")

THEIR_NAMES = {"sigmoid": "logistic"}
"""Activations that scikit-learn calls otherwise."""


class Names(StrOptions):  # type: ignore[misc]
    """A constraint of scikit-learn: rows of a table by any of their names.

    Parameters
    ----------
    registry : Registry
    names : iterable of str
        The rows that are allowed, by the name that messages show.
    """

    def __init__(self, registry: Registry[Any], names: Iterable[str]) -> None:
        super().__init__(set(names))
        self._registry = registry

    def is_satisfied_by(self, val: Any) -> bool:
        """Whether it is a name of an allowed row, in any case, or a synonym."""
        return isinstance(val, str) and (val in self.options or self._names_an_allowed_row(val))

    def _names_an_allowed_row(self, name: str) -> bool:
        return name in self._registry and self._registry[name].name in self.options


_HIDDEN = [name for name, row in ACTIVATIONS.items() if row.elementwise]

LBFGS_LOSS_TOLERANCE = 1e7 * np.finfo(np.float64).eps  # SciPy's
LBFGS_LINE_SEARCH = 20


class MLP(Hinted, BaseEstimator, ABC):  # type: ignore[misc]
    """What `MLPClassifier` and `MLPRegressor` have in common."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [Names(ACTIVATIONS, _HIDDEN), Activation, list, tuple],
        "solver": [StrOptions({"lbfgs", *STOCHASTIC})],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"})],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), Options(Real, {np.inf})],
        "max_fun": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left"), "array-like"],
        "clip_norm": [Interval(Real, 0, None, closed="neither"), None],
        "monitor": [StrOptions({"score", "loss"})],
        "standardize": ["boolean", StrOptions({"inputs", "targets"})],
        "bias": ["boolean"],
        "callbacks": [callable, list, tuple],
    }

    _called = "model"

    network_: Network
    coefs_: list[Array]
    intercepts_: list[Array]
    loss_curve_: list[float]
    validation_loss_curve_: list[float] | None
    validation_scores_: list[float] | None
    best_loss_: float | None
    best_validation_score_: float | None
    x_scaling_: Scaling | None
    y_scaling_: Scaling | None
    _best: dict[str, float]
    _no_improvement_count: int
    _rate_factor: float

    # What a class of its own says.

    @abstractmethod
    def _check_targets(self, y: Any, *, incremental: bool) -> Any:
        """Read y as the network's targets (n, n_F), and learn the classes."""

    @abstractmethod
    def _output(self) -> Activation:
        """σ of the output layer."""

    @abstractmethod
    def _loss(self) -> Loss | str:
        """L, as the network takes it."""

    @abstractmethod
    def _score_outputs(self, Y: Array, a: Array, weight: Array | None) -> float:
        """The score of outputs (n, n_F) against targets (n, n_F)."""

    def _check_outputs(self, n_outputs: int) -> None:
        """Refuse parameters that a fitted network of so many outputs cannot have."""

    def _class_weights(self, y: Any, weight: Array | None, *, incremental: bool) -> Array | None:  # noqa: ARG002
        return weight

    # Fitting.

    @_fit_context(prefer_skip_nested_validation=True)
    @hinted
    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, validation_set: Any = None) -> Self:
        """Train on samples.

        Parameters
        ----------
        X : array_like, sparse matrix or data frame of shape (n_samples, n_features)
            float32 stays float32. Of a sparse matrix, or a memory map of integers, a chunk at a time is made dense.
        y : array_like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array_like of shape (n_samples,), optional
            Weight 2 counts like the sample twice.
        validation_set : tuple, optional
            (X, y) or (X, y, sample_weight). Gives `validation_loss_curve_`; with ``early_stopping=True`` it decides
            when to stop, and nothing is split off for that.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            A parameter outside its range, by its name; samples that do not fit.

        Warns
        -----
        ConvergenceWarning
            ``max_iter`` was reached first, or training diverged; the last finite parameters are kept.
        """
        if prefitted.takes(self, X, y, sample_weight, validation_set):
            return self
        fit = self._prepare(X, y, sample_weight, validation_set, incremental=False)
        self._finish(fit, *fit.run())
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def fit_chunks(self, chunks: Any, *, classes: Any = None) -> Self:
        """Train on data that comes a chunk at a time, for more of it than memory holds.

        Parameters
        ----------
        chunks : iterable or callable
            Of (X, y) or (X, y, sample_weight), or a function that returns such an iterable. Gone through once in each
            epoch. Samples are shuffled within their chunk.
        classes : array_like of shape (n_classes,), optional
            All classes, for a classifier whose first chunk may lack some.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            No chunks; an iterator, which can be gone through only once, where ``max_iter`` is more than 1;
            ``early_stopping``, or ``solver='lbfgs'``.

        Notes
        -----
        Standardisation, if asked for, is that of the first chunk. Batches do not reach over the end of a chunk.
        """
        if self.early_stopping or self.solver not in STOCHASTIC:
            raise ValueError("fit_chunks needs solver='sgd' or 'adam' and early_stopping=False: it sees chunks alone")
        if not callable(chunks) and not hasattr(chunks, "__iter__"):
            raise TypeError(f"chunks is an iterable of (X, y), or a function that returns one, got {chunks!r}")
        if not callable(chunks) and iter(chunks) is chunks and self.max_iter > 1:
            raise ValueError(
                "chunks is an iterator, which can be gone through once, and max_iter is more than 1: give a list, or a "
                "function that returns a new iterator"
            )
        if not self.warm_start:
            for name in [name for name in vars(self) if name.endswith("_") and not name.startswith("_")]:
                delattr(self, name)
        convergence = self._convergence("training loss") if hasattr(self, "coefs_") else self._convergence("")
        watch = Watch(convergence, None, "training loss", np.empty(0), verbose=bool(self.verbose))
        whole, problem = History(0), None
        while whole.epochs < self.max_iter and whole.stopped == "epochs" and problem is None:
            total, seen = 0.0, 0
            for chunk in chunks() if callable(chunks) else chunks:
                fit = self._prepare_chunk(chunk, classes, convergence, whole.epochs)
                history, problem = fit.run()
                if problem is not None or history.stopped == "interrupted":
                    whole.stopped = history.stopped
                    break
                n = len(fit.inputs)
                total, seen = total + n * history["loss"][0], seen + n
                self.t_ += n
            else:
                if not seen:
                    raise ValueError("there are no chunks")
                callbacks = [watch, *self._own_callbacks()]
                end_epoch(self.network_, whole, {"loss": total / seen}, self.max_iter, callbacks)
        if problem is not None:
            problem = of_the_whole(problem, whole.epochs + 1, whole)
        self._finish_chunks(watch, whole, problem)
        return self

    def _own_callbacks(self) -> list[Any]:
        return [self.callbacks] if callable(self.callbacks) else list(self.callbacks)

    def _prepare_chunk(self, chunk: Any, classes: Any, convergence: Convergence, epochs: int) -> Fit:
        if not isinstance(chunk, list | tuple) or len(chunk) not in (2, 3):
            raise ValueError(f"a chunk is (X, y) or (X, y, sample_weight), got {type(chunk).__name__}")
        X, y, weight = (*chunk, None)[:3]
        if classes is not None and not hasattr(self, "classes_"):
            self._learn_classes(classes)
        fit = self._prepare(X, y, weight, None, incremental=hasattr(self, "coefs_") or classes is not None)
        if convergence.is_adaptive:
            fit.settings["schedule"] = Falling(convergence)
        fit.settings |= {"epochs": 1, "callbacks": [], "seed": fit.settings["seed"] + epochs}
        return fit

    def _learn_classes(self, classes: Any) -> None:  # noqa: ARG002
        raise TypeError("classes are for a classifier")

    def _finish_chunks(self, watch: Watch, history: History, problem: TrainingDiverged | None) -> None:
        losses = [*watch.losses, *([float("nan")] if problem is not None else [])]
        self.n_iter_, self.loss_ = len(losses), losses[-1] if losses else float("nan")
        self.loss_curve_ += losses
        self._keep(watch.convergence, "training loss")
        self.best_loss_ = watch.convergence.best
        factor = self._schedule(watch.convergence, 0).factor(1, 1, [])
        self.learning_rate_ = float(self.learning_rate_init * factor)
        self._show()
        self._warn(history, problem, "training loss")

    def _check_solver(self) -> bool:
        if self.solver not in STOCHASTIC:
            raise AttributeError(f"partial_fit needs solver='sgd' or 'adam', got {self.solver!r}")
        return True

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any) -> Self:
        fit = self._prepare(X, y, sample_weight, None, incremental=True)
        self._finish(fit, *fit.run())
        return self

    def _prepare(self, *samples: Any, incremental: bool) -> Fit:
        """Check everything and say how to train; what cannot be trained leaves the estimator as it was."""
        before = dict(self.__dict__)
        try:
            return self._prepared(*samples, incremental=incremental)
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    def _prepared(self, X: Any, y: Any, sample_weight: Any, validation_set: Any, *, incremental: bool) -> Fit:
        """Check everything, make the network if there is none to go on from, and say how to train it."""
        if self.early_stopping and incremental:
            raise ValueError("partial_fit does not support early_stopping=True: it sees one epoch at a time")
        hidden = self._hidden_sizes()
        is_first = not hasattr(self, "coefs_") or not (self.warm_start or incremental)
        X, y = self._read(X, y, reset=is_first)
        Y = self._check_targets(y, incremental=incremental)
        weight = None if sample_weight is None else self._read_weight(sample_weight, X)
        weight = self._class_weights(y, weight, incremental=incremental)
        random = check_random_state(self.random_state)
        sizes = [X.shape[1], *hidden, Y.shape[1]]
        if is_first:
            self._start(sizes, _float_dtype(X), random)
        else:
            self._go_on(sizes)
        held_out = None
        if validation_set is not None:
            held_out = self._read_validation(validation_set)
        elif self.early_stopping and self.solver in STOCHASTIC:
            X, Y, weight, held_out = self._split(X, Y, weight, random)
        if is_first:
            self._learn_scaling(X, Y, weight)
        Y, validation = self._targets(Y), None
        if held_out is not None:
            validation = (self._rows(held_out[0]).dense(), self._targets(held_out[1]), *held_out[2:])
        draws = self.solver in STOCHASTIC and (self.shuffle or np.any(self.dropout))
        seed = (int(random.randint(np.iinfo(np.int32).max)) if draws else 0) + self._n_fits
        self._n_fits += 1
        return self._settle(X, Y, weight, validation, seed, incremental=incremental)

    def _settle(self, X: Any, Y: Array, weight: Array | None, validation: Any, seed: int, *, incremental: bool) -> Fit:
        """Turn parameters into what `Network.train` takes."""
        n, network = X.shape[0], self.network_
        mean_weight = 1.0 if weight is None else float(weight.mean())
        decides = self.early_stopping and validation is not None
        monitor = f"validation {self.monitor}" if decides else "training loss"
        convergence = self._convergence(monitor, incremental=incremental)
        score = None
        if decides:
            score = self._scorer(validation)
        watch = Watch(convergence, score, monitor, network.parameters, verbose=bool(self.verbose))
        settings: dict[str, Any] = {
            "epochs": 1 if incremental else self.max_iter,
            "seed": seed,
            "callbacks": [watch, *self._own_callbacks()],
            "validation": validation,
        }
        if self.solver == "lbfgs":
            size = n
            settings["optimizer"] = LBFGS(
                tolerance=self.tol,
                max_evaluations=LBFGS_LINE_SEARCH,
                loss_tolerance=LBFGS_LOSS_TOLERANCE,
                total_evaluations=self.max_fun,
            )
        else:
            size = self._batch_size(n)
            settings |= {
                "batch_size": size,
                "shuffle": self.shuffle,
                "dropout": self.dropout,
                "clip_norm": self.clip_norm,
                "optimizer": self._optimizer(),
                "schedule": self._schedule(convergence, n),
            }
        settings["l2"] = float(self.alpha) / (mean_weight * size) if mean_weight else 0.0
        return Fit(network, self._rows(X), Y, weight, self._loss(), settings, watch, incremental)

    def _convergence(self, monitor: str, *, incremental: bool = False) -> Convergence:
        """The rule of when to stop; what was counted before goes on counting."""
        return Convergence(
            self.tol,
            np.inf if self.solver == "lbfgs" else self.n_iter_no_change,  # which has a rule of its own
            self.learning_rate_init,
            is_adaptive=self.solver == "sgd" and self.learning_rate == "adaptive",
            best=self._best.get(monitor) if monitor else None,
            count=self._no_improvement_count if monitor else 0,
            factor=self._rate_factor if incremental else 1.0,
        )

    def _keep(self, convergence: Convergence, monitor: str) -> None:
        """Remember what a rule counted."""
        self._best[monitor] = convergence.best
        if self.solver in STOCHASTIC:  # L-BFGS has a rule of its own
            self._no_improvement_count = convergence.count
        self._rate_factor = convergence.learning_rate / convergence.start

    def _optimizer(self) -> SGD | Adam:
        if self.solver == "adam":
            return Adam(self.learning_rate_init, self.beta_1, self.beta_2, self.epsilon)
        momentum = min(float(self.momentum), float(np.nextafter(1, 0)))  # 1 may be asked for, and is this to rounding
        return SGD(self.learning_rate_init, momentum, bool(self.nesterovs_momentum and momentum))

    def _schedule(self, convergence: Convergence, n: int) -> Any:
        if convergence.is_adaptive:
            return Falling(convergence)
        if self.solver == "sgd" and self.learning_rate == "invscaling":
            return PowerOfSamples(self.power_t, self.t_, n)
        return Constant()

    def _batch_size(self, n: int) -> int:
        if self.batch_size == "auto":
            return min(200, n)
        if self.batch_size > n:
            _warn(f"batch_size={self.batch_size} is more than the {counted(n, 'sample')}: {n} is used")
        return min(self.batch_size, n)

    def _hidden_sizes(self) -> list[int]:
        given = self.hidden_layer_sizes
        sizes = list(given) if hasattr(given, "__iter__") else [given]
        if any(size != int(size) for size in sizes):
            raise ValueError(f"hidden_layer_sizes must be whole numbers, got {sizes}.")
        if any(size <= 0 for size in sizes):
            raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
        return [int(size) for size in sizes]

    def _hidden_activations(self, n_hidden: int) -> list[Activation]:
        """σ of each hidden layer."""
        given = self.activation
        several = list(given) if isinstance(given, list | tuple) else [given] * n_hidden
        if len(several) != n_hidden:
            raise ValueError(
                f"activation has {len(several)} entries, but hidden_layer_sizes has {n_hidden}: one name for all, or "
                "one entry for each hidden layer"
            )
        rows = [as_activation(one) for one in several]
        if any(not row.elementwise for row in rows):
            raise ValueError("activation: softmax is for the output layer only")
        return rows

    def _start(self, sizes: list[int], dtype: Any, random: np.random.RandomState) -> None:
        """Make a network with Glorot's uniform weights and biases, drawn as scikit-learn draws them."""
        sigmas = self._hidden_activations(len(sizes) - 2)
        weights, biases = [], []
        for i, (n_in, n_out) in enumerate(pairwise(sizes)):
            sigma = sigmas[min(i, len(sigmas) - 1)].name if sigmas else ""
            bound = np.sqrt((2.0 if sigma == "sigmoid" else 6.0) / (n_in + n_out))
            weights.append(random.uniform(-bound, bound, (n_in, n_out)).T.astype(dtype))
            biases.append(random.uniform(-bound, bound, n_out).astype(dtype))
        self._take(self._made(sizes, sigmas, weights, biases if self.bias else None, dtype))
        self._forget()

    def _made(self, sizes: list[int], hidden: list[Activation], weights: Any, biases: Any, dtype: Any) -> Network:
        """Make the network that the parameters ask for, with these weights and biases."""
        init = (weights, biases)
        return Network(sizes, [*hidden, self._output()], dtype=dtype, init=init, bias=bool(self.bias))

    def _forget(self) -> None:
        """Start counting: nothing was seen."""
        self.t_ = 0
        self.n_iter_ = 0
        self.loss_curve_ = []
        self.validation_loss_curve_ = None
        self.validation_scores_ = None
        self.best_loss_ = None
        self.best_validation_score_ = None
        self.learning_rate_ = float(self.learning_rate_init)
        self._best = {}
        self._no_improvement_count = 0
        self._rate_factor = 1.0
        self._n_fits = 0

    def _take(self, network: Network) -> None:
        """Take a network for one's own."""
        self.network_ = network
        self.n_layers_ = network.F
        self.n_outputs_ = network.size(network.F)
        output = network.activations[network.F].name
        self.out_activation_ = THEIR_NAMES.get(output, output)
        self._show()

    def _show(self) -> None:
        """Show the network's parameters as ``coefs_`` and ``intercepts_``, which are views of them.

        Without biases the intercepts are zeros, so that what adds them stays right, and read-only.
        """
        network = self.network_
        self.coefs_ = [network.W[l].T for l in range(2, network.F + 1)]
        self.intercepts_ = [network.shift(l) for l in range(2, network.F + 1)]
        for zeros in self.intercepts_ if not network.has_bias else ():
            zeros.flags.writeable = False
        self._views = (tuple(self.coefs_), tuple(self.intercepts_))

    def _network(self) -> Network:
        """Return the network, with what was put in place of ``coefs_[i]`` or ``intercepts_[i]`` copied into it."""
        for given, views in zip((self.coefs_, self.intercepts_), self._views, strict=True):
            for i, view in enumerate(views):
                if given[i] is not view:
                    if not view.flags.writeable:
                        raise ValueError(
                            f"intercepts_[{i}] was replaced, but the network has no biases: bias=True gives it some"
                        )
                    view[...] = given[i]
                    given[i] = view
        return self.network_

    def _go_on(self, sizes: list[int]) -> None:
        """Go on from the network that there is, or from weights that were set by hand."""
        if not hasattr(self, "network_"):
            weights, biases = [np.asarray(W).T for W in self.coefs_], [np.asarray(b) for b in self.intercepts_]
            sigmas = self._hidden_activations(len(sizes) - 2)
            if not self.bias and any(b.any() for b in biases):
                raise ValueError("intercepts_ are not 0, and bias=False has none: set bias=True to go on from them")
            self._take(self._made(sizes, sigmas, weights, biases if self.bias else None, "float64"))
            self._forget()
            self.x_scaling_ = self.y_scaling_ = None
        if tuple(sizes) != tuple(self._network().sizes):
            before = "-".join(map(str, self.network_.sizes))
            raise ValueError(
                f"the network so far is {before}, and this would be {'-'.join(map(str, sizes))}: set warm_start=False, "
                "or a new estimator, to start afresh"
            )
        if self.network_.has_bias != self.bias:
            raise ValueError(
                f"the network so far has {'' if self.network_.has_bias else 'no '}biases, and bias is now {self.bias}: "
                "set warm_start=False, or a new estimator, to start afresh"
            )
        self.network_.optimizer_state = self._state_to_go_on_from()

    def _state_to_go_on_from(self) -> Any:
        state = self.network_.optimizer_state
        return state if state is not None and state.optimizer == self.solver else None

    def _learn_scaling(self, X: Any, Y: Array, weight: Array | None) -> None:
        inputs = self.standardize in (True, "inputs")
        dtype = _float_dtype(X)
        self.x_scaling_ = Scaling.of(X, weight, dtype) if inputs else None
        self.y_scaling_ = Scaling.of(Y, weight, dtype) if self._scales_targets() else None

    def _scales_targets(self) -> bool:
        return False

    # Reading samples.

    def _read(self, X: Any, y: Any, *, reset: bool) -> tuple[Any, Any]:
        return validate_data(
            self, X, y, accept_sparse=["csr", "csc"], multi_output=True, y_numeric=self._takes_numbers,
            dtype=_dtypes(X), reset=reset,
        )  # fmt: skip

    _takes_numbers = False

    def _read_weight(self, sample_weight: Any, X: Any) -> Array:
        found: Array = _check_sample_weight(sample_weight, X, dtype=_float_dtype(X), ensure_non_negative=True)
        return found

    def _read_validation(self, given: Any) -> tuple[Any, ...]:
        if not isinstance(given, list | tuple) or len(given) not in (2, 3):
            raise ValueError(f"validation_set is (X, y) or (X, y, sample_weight), got {type(given).__name__}")
        X, y = self._read(given[0], given[1], reset=False)
        Y = self._check_targets(y, incremental=True)
        if Y.shape[1] != self.n_outputs_:
            raise ValueError(
                f"validation_set: y has {counted(Y.shape[1], 'output')}, but the network has {self.n_outputs_}"
            )
        weight = [] if len(given) == 2 or given[2] is None else [self._read_weight(given[2], X)]
        return (X, Y, *weight)

    def _split(self, X: Any, Y: Array, weight: Array | None, random: np.random.RandomState) -> tuple[Any, ...]:
        """Set a validation set aside, stratified by class where there is one class to a sample."""
        index = np.arange(X.shape[0])
        rest, held_out = train_test_split(
            index, random_state=random, test_size=self.validation_fraction, stratify=self._strata(Y)
        )
        if len(held_out) < 2:
            raise ValueError(
                f"The validation set is too small: {len(held_out)} of {len(index)} samples. Increase "
                "validation_fraction or the size of the data."
            )
        parts = [weight[held_out]] if weight is not None else []
        return X[rest], Y[rest], None if weight is None else weight[rest], (X[held_out], Y[held_out], *parts)

    def _targets(self, Y: Array) -> Array:
        """Targets of the network's type, and standardised if asked for."""
        Y = Y.astype(self.network_.dtype)
        return Y if self.y_scaling_ is None else self.y_scaling_.apply(Y)

    def _strata(self, Y: Array) -> Any:  # noqa: ARG002
        return None

    def _scorer(self, validation: tuple[Any, ...]) -> Callable[[], float]:
        X, Y, *weight = validation

        def score() -> float:
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                a = self.network_.forward(X)
            return self._score_outputs(Y, a, *weight) if np.isfinite(a).all() else float("nan")

        return score

    def _rows(self, X: Any) -> Inputs:
        """Tell how checked inputs become the network's."""
        return Inputs(X, self.network_.dtype, self.x_scaling_)

    def _forward(self, X: Any) -> Array:
        """a^F of checked inputs."""
        network, inputs = self._network(), self._rows(X)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            if inputs.is_small:
                return network.forward(inputs.dense())
            return np.concatenate([network.forward(inputs.dense(rows)) for rows in inputs.parts()])

    def _outputs(self, X: Any) -> Array:
        """a^F of what a user gives."""
        return self._forward(self._inputs(X))

    def _inputs(self, X: Any) -> Any:
        check_is_fitted(self)
        return validate_data(self, X, accept_sparse=["csr", "csc"], dtype=_dtypes(X), reset=False)

    # What is known afterwards.

    def _finish(self, fit: Fit, history: History, problem: TrainingDiverged | None) -> None:
        """Keep what was learnt, and warn of what a user can change."""
        watch, network = fit.watch, self.network_
        losses, scores, validation = list(watch.losses), list(watch.scores), list(watch.validation_losses)
        if problem is not None:  # the epoch in which it happened has a loss too, which is no number
            for curve in (losses, scores, validation):
                curve.append(float("nan"))
        self.n_iter_ = len(losses)
        self.t_ += len(fit.inputs) * len(losses)
        self.loss_curve_ += losses
        if fit.settings["validation"] is not None:
            self.validation_loss_curve_ = [*(self.validation_loss_curve_ or []), *validation]
        if watch.score is not None:
            self.validation_scores_ = [*(self.validation_scores_ or []), *scores]
        self.loss_ = losses[-1] if losses else fit.total_loss()
        self._keep(watch.convergence, watch.monitor)
        if watch.monitor == "training loss":
            best = watch.convergence.best
            self.best_loss_ = best if losses else min(best, self.loss_)
        else:
            self.best_loss_ = None
            finite = [score for score in self.validation_scores_ or [] if np.isfinite(score)]
            self.best_validation_score_ = max(finite, default=None)
        if watch.best is not None:  # also where training diverged or was interrupted afterwards
            network.parameters = watch.best
        schedule = fit.settings.get("schedule")
        if schedule is not None:
            factor = schedule.factor(self.n_iter_ + 1, self.max_iter, [])
            self.learning_rate_ = float(self.learning_rate_init * factor)
        self._show()
        self._warn(history, problem, watch.monitor, incremental=fit.incremental)

    def _warn(
        self, history: History, problem: TrainingDiverged | None, monitor: str, *, incremental: bool = False
    ) -> None:
        if problem is not None:
            _warn(_in_our_words(str(problem)), ConvergenceWarning)
        elif history.stopped == "interrupted":
            _warn("Training interrupted by user.")
        elif self.solver == "lbfgs":
            if history.stopped in ("epochs", "stalled"):
                limit = f"max_iter={self.max_iter}" if self.n_iter_ >= self.max_iter else f"max_fun={self.max_fun}"
                _warn(
                    f"L-BFGS reached {limit} before the gradient fell below tol={self.tol:g}: raise the limit or tol, "
                    "or standardize the inputs (standardize=True).",
                    ConvergenceWarning,
                )
        elif not incremental and history.stopped == "epochs":
            _warn(
                f"max_iter={counted(self.max_iter, 'epoch')} are over and the {monitor} still improved by more than "
                f"tol={self.tol:g} within the last {self.n_iter_no_change:g} (n_iter_no_change): raise max_iter or "
                "tol.",
                ConvergenceWarning,
            )

    # Looking inside.

    def input_gradient(self, X: Any) -> Array:
        """Differentiate the outputs by the inputs, sample by sample.

        Parameters
        ----------
        X : array_like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_features) or (n_samples, n_outputs, n_features)
            ∂a_j^F/∂x_i in the units of inputs and predictions; without the axis of outputs if there is one. For classes
            a^F are the probabilities; of two classes, that of the second.
        """
        dense, network = self._rows(self._inputs(X)).dense(), self._network()
        targets = np.zeros((len(dense), self.n_outputs_), network.dtype)
        rows = [network.backprop(dense, targets, _output_alone(j)).input_gradient for j in range(self.n_outputs_)]
        found = np.stack(rows, axis=1)
        if self.x_scaling_ is not None:
            found = found / self.x_scaling_.scale
        if self.y_scaling_ is not None:
            found = found * self.y_scaling_.scale[:, np.newaxis]
        return found[:, 0] if self.n_outputs_ == 1 else found

    # Files, and scikit-learn's own.

    def save(self, path: PathLike) -> None:
        """Write the fitted estimator to a safetensors file: parameters, weights, curves and classes, never code.

        `pellucid.load` reads it back, and training goes on from it with the same bits.

        Raises
        ------
        sklearn.exceptions.NotFittedError
        ValueError
            A class of your own, a user-made activation or loss, or another parameter that is neither numbers nor text.
            Callbacks are left out.
        OSError
            The file cannot be written; one that was there stays as it was.
        """
        interchange.write(self, path)

    @classmethod
    def from_sklearn(cls, model: Any) -> Self:
        """Take over scikit-learn's fitted estimator of the same name: parameters, weights, curves and classes."""
        return interchange.from_sklearn(cls, model)

    def to_sklearn(self) -> Any:
        """Make scikit-learn's estimator of the same name, with the same numbers.

        Losses that it does not have become ``squared_error``, which matters to further training alone.

        Raises
        ------
        ValueError
            It has other activations, or standardisation, which scikit-learn's cannot have.
        """
        return interchange.to_sklearn(self)

    # Pickles and copies: the views are made anew.

    def __getstate__(self) -> dict[str, Any]:
        if "network_" in self.__dict__:
            self._network()
        state = dict(super().__getstate__())
        if "network_" in state:
            for name in ("coefs_", "intercepts_", "_views"):
                state.pop(name, None)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "network_" in self.__dict__:
            self._show()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the line outside this library and scikit-learn that asked for it."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).startswith(("pellucid.", "sklearn.")):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


def _output_alone(j: int) -> Loss:
    """The loss that is output j, whose gradient by the inputs is that of the output."""

    def gradient(a: Array, y: Array) -> Array:  # noqa: ARG001
        only = np.zeros_like(a)
        only[..., j] = 1
        return only

    return Loss(f"output {j + 1}", lambda a, y: a[..., j], gradient)


def _float_dtype(X: Any) -> np.dtype[Any]:
    """The network's type: that of the inputs, if they are floats that it takes."""
    return np.dtype(np.float32 if X.dtype == np.float32 else np.float64)


def _dtypes(X: Any) -> Any:
    """The types that inputs may keep; None, any, for a memory map of integers, which is converted a chunk at a time."""
    return None if isinstance(X, np.memmap) and X.dtype.kind in "iub" else (np.float64, np.float32)


def _in_our_words(message: str) -> str:
    """A divergence in the names of the estimators' parameters."""
    for ours, theirs in (
        ("a learning rate below", "learning_rate_init below"),
        ("standardised inputs", "standardize='inputs'"),
        ("standardised targets", "standardize='targets'"),
    ):
        message = message.replace(ours, theirs)
    return message
