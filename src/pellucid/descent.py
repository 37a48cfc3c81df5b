"""Gradient descent, epoch by epoch: the same steps on NumPy, where they can be read, and on the native engine.

A descent goes through whole epochs and stops inside one only if a number is no longer finite or the user interrupts;
network and optimizer are then those of the last whole epoch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from pellucid import randomness
from pellucid.activations import Activation
from pellucid.arrays import Array
from pellucid.backprop import Penalty, gradient
from pellucid.engine import Engine, as_threads, compiled, description, engine_of, loss_description
from pellucid.layers import Layers
from pellucid.optimizers import SGD, Adam, AdamW, Optimizer, OptimizerState, RMSprop
from pellucid.samples import Samples


class NotFiniteError(Exception):
    """A number of a training is not finite: what, its value if one is known, and the batch (None: after the last)."""

    def __init__(self, what: str, value: float | None, batch: int | None) -> None:
        super().__init__(what)
        self.what, self.value, self.batch = what, value, batch


class Steps(NamedTuple):
    """How every step of a training is taken.

    Attributes
    ----------
    optimizer : Optimizer
    batch_size : int or None
    shuffle : bool
    seed : int
    penalty : Penalty
    dropout : tuple of float
        One rate for each hidden layer, or none at all.
    clip_norm : float or None
    threads : int or None
        An upper bound; see `pellucid.engine.as_threads`.
    mean_weight : float or None
        What weights of samples count against; None is the mean of those at hand.
    """

    optimizer: Optimizer
    batch_size: int | None
    shuffle: bool
    seed: int
    penalty: Penalty
    dropout: tuple[float, ...]
    clip_norm: float | None
    threads: int | None
    mean_weight: float | None = None


def _mean_weight(samples: Samples, steps: Steps) -> float:
    if samples.weight is None:
        return 1.0
    return float(samples.weight.mean()) if steps.mean_weight is None else steps.mean_weight


class Done(NamedTuple):
    """What one call did.

    Attributes
    ----------
    losses : list of float
        Of the whole epochs gone through, whose last the network is left at.
    before : (parameters, OptimizerState) or None
        Of the epoch before that, if the call went through it.
    problem : exception or None
        What ended it early: a `NotFiniteError`, or what a signal handler raised.
    """

    losses: list[float]
    before: tuple[Array, OptimizerState] | None
    problem: BaseException | None


class Descent(Protocol):
    """What both engines do."""

    def run(self, first: int, rates: Sequence[float]) -> Done:
        """Go through epochs from number ``first`` on with these learning rates, as many as are done in a moment."""
        ...


def start_descent(
    layers: Layers, samples: Samples, state: OptimizerState, steps: Steps, cancel: Any = None
) -> tuple[Engine, Descent]:
    """Start a descent on the engine that runs this network and loss; it moves the parameters and the state in place."""
    engine = engine_of(layers, samples.loss)
    native = engine == "native" and type(steps.optimizer) in _OPTIMIZER_CODES
    if not native:
        if engine == "native":
            engine = Engine("numpy", f"optimizer {steps.optimizer.name!r} is user-made")
        return engine, NumpyDescent(layers, samples, state, steps)
    return engine, NativeDescent(layers, samples, state, steps, cancel)


class NumpyDescent:
    """The steps in NumPy; see `start_descent`."""

    def __init__(self, layers: Layers, samples: Samples, state: OptimizerState, steps: Steps) -> None:
        self._layers, self._samples, self._state, self._steps = layers, samples, state, steps
        self._gradient = np.empty_like(layers.parameters)
        self._weight_mask = layers.weight_mask()

    def run(self, first: int, rates: Sequence[float]) -> Done:
        """Go through one epoch; if it is broken off, the network is left in its middle."""
        try:
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                return Done([self._epoch(first, rates[0])], None, None)
        except (NotFiniteError, KeyboardInterrupt) as problem:
            return Done([], None, problem)

    def _epoch(self, epoch: int, rate: float) -> float:
        """One pass over the samples; returns the mean loss."""
        layers, samples, steps, n = self._layers, self._samples, self._steps, len(self._samples)
        size = n if steps.batch_size is None else min(steps.batch_size, n)
        order = randomness.permutation(randomness.key(steps.seed, epoch, 0), n) if steps.shuffle and size < n else None
        mean_weight = _mean_weight(samples, steps)
        total = 0.0
        for batch, start in enumerate(range(0, n, size), start=1):
            index = slice(start, start + size) if order is None else order[start : start + size]
            X, Y = samples.X[index], samples.Y[index]
            weight = None if samples.weight is None else samples.weight[index]
            sigma = None
            if steps.dropout:
                sigma = with_dropout(layers, steps.dropout, steps.seed, epoch, start, len(X))
            # A weight counts against the mean of all weights, not of its batch: it means the same in every batch.
            share = 1 / len(X) if weight is None else (weight / (mean_weight * len(X)))[:, np.newaxis]
            g = gradient(
                layers, X, Y, samples.loss, penalty=steps.penalty, sigma=sigma, vector=self._gradient, share=share
            )
            if not math.isfinite(g.loss):
                raise NotFiniteError("the loss", g.loss, batch)
            if not np.isfinite(g.vector).all():
                raise NotFiniteError("the gradient", None, batch)
            if steps.clip_norm is not None:
                clip(g.vector, steps.clip_norm)
            steps.optimizer.step(layers.parameters, g.vector, self._state, rate, self._weight_mask)
            total += len(X) / n * g.loss
        if not np.isfinite(layers.parameters).all():
            raise NotFiniteError("a parameter", float(layers.parameters[~np.isfinite(layers.parameters)][0]), None)
        return total


def clip(vector: Array, norm: float) -> None:
    """Scale a gradient in place so that its Euclidean norm is at most ``norm``."""
    scale = float(np.abs(vector).max())  # the squares of large partials could overflow
    if scale == 0:
        return
    length = scale * float(np.linalg.norm(vector / scale))
    if length > norm:
        vector *= norm / length


def with_dropout(
    layers: Layers, rates: Sequence[float], seed: int, epoch: int, first: int, n: int
) -> dict[int, Activation]:
    """Drop hidden neurons at random: their activations and their slopes are 0, the others' divided by 1 - rate.

    Parameters
    ----------
    layers : Layers
    rates : sequence of float in [0, 1)
        One for each hidden layer.
    seed, epoch : int
        What the random numbers are drawn from.
    first, n : int
        Position of the batch's first sample in the epoch's order, from 0, and its number of samples; each draws its own
        neurons.

    Returns
    -------
    dict by layer
        Activations for this batch alone: σ and σ' times the mask, so that backpropagation needs no word of it.

    References
    ----------
    Srivastava et al., Dropout: a simple way to prevent neural networks from overfitting, 2014 (inverted form).
    """
    dropped = dict(layers.activations)
    for l, rate in enumerate(rates, start=2):
        if rate:
            size = layers.size(l)
            bits = randomness.bits32(randomness.key(seed, epoch, l), first * size, n * size)
            kept = bits.reshape(n, size) >= np.uint64(round(rate * 2**32))
            dropped[l] = masked(layers.activations[l], kept / layers.dtype.type(1 - rate))
    return dropped


def masked(sigma: Activation, mask: Array) -> Activation:
    """Return the activation times a dropout mask: σ and σ' alike."""
    return Activation(
        f"{sigma.name} with dropout", lambda z: mask * sigma.function(z), lambda z: mask * sigma.derivative(z)
    )


_OPTIMIZER_CODES: dict[type[Optimizer], int] = {SGD: 0, Adam: 1, AdamW: 2, RMSprop: 3}

_INTERRUPTED = 4

MOST_EPOCHS = 1000
"""Of one call; their learning rates are known beforehand."""

_BUDGET = 0.1
"""Seconds after which a call returns at the end of an epoch, for a progress bar to move."""


class NativeDescent:
    """The steps in the native engine; see `start_descent`."""

    def __init__(
        self, layers: Layers, samples: Samples, state: OptimizerState, steps: Steps, cancel: Any = None
    ) -> None:
        self._layers, self._state, self._cancel = layers, state, cancel
        module, instruction_set = compiled()
        sizes, activations, settings, has_bias = description(layers)
        loss, loss_settings = loss_description(samples.loss)
        optimizer = steps.optimizer
        names = ("momentum", "beta1", "beta2", "epsilon", "weight_decay")
        constants = [float(vars(optimizer).get(name, 0.0)) for name in names]
        if isinstance(optimizer, RMSprop):
            constants[2] = optimizer.alpha
        make = getattr(module, "Training32" if layers.dtype == np.float32 else "Training64")
        n = len(samples)
        self._training = make(
            sizes=sizes,
            activations=activations,
            settings=settings,
            has_bias=has_bias,
            loss=loss,
            loss_settings=loss_settings,
            optimizer=_OPTIMIZER_CODES[type(optimizer)],
            constants=constants,
            nesterov=isinstance(optimizer, SGD) and optimizer.nesterov,
            X=_readable(samples.X),
            Y=_readable(samples.Y),
            weight=None if samples.weight is None else _readable(samples.weight),
            mean_weight=_mean_weight(samples, steps),
            batch_size=n if steps.batch_size is None else min(steps.batch_size, n),
            shuffle=steps.shuffle,
            seed_key=randomness.key(steps.seed),
            dropout=[0.0, 0.0, *steps.dropout, 0.0] if steps.dropout else [],
            l2=steps.penalty.l2,
            l1=steps.penalty.l1,
            clip_norm=steps.clip_norm or 0.0,
            isa=instruction_set,
            threads=as_threads(steps.threads),
        )
        self._training.load(layers.parameters, *_memory(state), state.step)

    def run(self, first: int, rates: Sequence[float]) -> Done:
        """Go through the epochs in one call, or through as many as fit in a tenth of a second."""
        losses, ended, batch, value, raised = self._training.run(list(rates), first, _BUDGET, self._cancel)
        before = self._before() if len(losses) > 1 else None
        self._state.step = self._training.unload(False, self._layers.parameters, *_memory(self._state))
        problem: BaseException | None = None
        if ended == _INTERRUPTED:
            problem = KeyboardInterrupt() if raised is None else raised
        elif ended:
            what = ("the loss", "the gradient", "a parameter")[ended - 1]
            problem = NotFiniteError(what, None if ended == 2 else value, batch if ended < 3 else None)
        return Done(losses, before, problem)

    def _before(self) -> tuple[Array, OptimizerState]:
        parameters, state = np.empty_like(self._layers.parameters), self._state.copy()
        state.step = self._training.unload(True, parameters, *_memory(state))
        return parameters, state


def _memory(state: OptimizerState) -> tuple[Array | None, Array | None]:
    """The two arrays that an optimizer may remember, in the native engine's order."""
    arrays = state.arrays
    return arrays.get("velocity", arrays.get("mean")), arrays.get("square")


def _readable(array: Array) -> Array:
    """Return the array itself, or a copy if its strides are not whole numbers of elements."""
    whole = all(stride % array.itemsize == 0 for stride in array.strides)
    return array if whole else array.copy()
