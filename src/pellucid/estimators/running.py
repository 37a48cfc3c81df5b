"""A fit run: by `Network.train` where its inputs stand in memory, in parts where not, batch for batch the same."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sparse

from pellucid import randomness
from pellucid.arrays import Array
from pellucid.engine import mean_loss
from pellucid.errors import TrainingDiverged
from pellucid.estimators.convergence import Watch
from pellucid.estimators.scaling import Scaling
from pellucid.losses import as_loss
from pellucid.network import Network
from pellucid.optimizers import LBFGS
from pellucid.schedules import Constant
from pellucid.training import Epoch, History, minimise

CHUNK_BYTES = 64 * 2**20
"""What is made dense, or converted, of sparse and of memory-mapped inputs at a time."""

_SILENT = {"progress": False}


@dataclass(frozen=True, eq=False)
class Inputs:
    """Checked inputs, and how they become the network's: dense, of its type, standardised if asked for.

    Attributes
    ----------
    X : array or sparse matrix of shape (n, n_1)
    dtype : dtype
    scaling : Scaling or None
    """

    X: Any
    dtype: np.dtype[Any]
    scaling: Scaling | None

    def __len__(self) -> int:
        return int(self.X.shape[0])

    @property
    def at_once(self) -> int:
        """How many rows are made dense at a time; all of them if there is nothing to make."""
        is_ready = isinstance(self.X, np.ndarray) and self.X.dtype == self.dtype and self.scaling is None
        row = self.X.shape[1] * self.dtype.itemsize
        return len(self) if is_ready else max(1, CHUNK_BYTES // max(row, 1))

    @property
    def is_small(self) -> bool:
        """Whether all rows may be made dense together."""
        return self.at_once >= len(self)

    def dense(self, rows: Any = None) -> Array:
        """Make rows dense: those of a slice or of indices, or all of them."""
        X = self.X if rows is None else self.X[rows]
        X = X.toarray() if sparse.issparse(X) else np.asarray(X)
        X = X.astype(self.dtype, copy=False)
        return X if self.scaling is None else self.scaling.apply(X)

    def parts(self) -> Iterator[slice]:
        """Return the rows in parts that may be made dense together."""
        return (slice(start, start + self.at_once) for start in range(0, len(self), self.at_once))


@dataclass(eq=False)
class Fit:
    """One fit, ready to run.

    Attributes
    ----------
    network : Network
    inputs : Inputs
    Y : ndarray of shape (n, n_F)
    weight : ndarray of shape (n,) or None
    loss : Loss or str
    settings : dict
        For `Network.train`.
    watch : Watch
    incremental : bool
    """

    network: Network
    inputs: Inputs
    Y: Array
    weight: Array | None
    loss: Any
    settings: dict[str, Any]
    watch: Watch
    incremental: bool

    def run(self) -> tuple[History, TrainingDiverged | None]:
        """Train, and return what went on, with the divergence if it diverged."""
        try:
            if self.inputs.is_small:
                settings = self.settings | _SILENT | {"threads": _threads()}
                X = self.inputs.dense()
                return self.network.train(X, self.Y, self.loss, sample_weight=self.weight, **settings), None
        except TrainingDiverged as problem:
            history = problem.history
            assert isinstance(history, History)
            return history, problem
        if isinstance(self.settings["optimizer"], LBFGS):
            return self._minimise_in_parts(), None
        return self._train_in_parts()

    def total_loss(self) -> float:
        """L_T, the penalty included, at the network's parameters."""
        return self._total(self._in_double())[0]

    def _train_in_parts(self) -> tuple[History, TrainingDiverged | None]:
        """Train a part of the epoch after the other, with the batches that the epoch as a whole would have."""
        settings = dict(self.settings)
        callbacks, epochs, seed = settings.pop("callbacks"), settings.pop("epochs"), settings.pop("seed")
        validation, schedule = settings.pop("validation"), settings.pop("schedule", Constant())
        n, history = len(self.inputs), History(seed)
        size = settings["batch_size"]
        step = max(size, self.inputs.at_once // size * size)
        shuffles = settings.pop("shuffle") and size < n
        while history.epochs < epochs and history.stopped == "epochs":
            epoch = history.epochs + 1
            rate = _Fixed(schedule.factor(epoch, epochs, []))
            order = randomness.permutation(randomness.key(seed, epoch, 0), n) if shuffles else np.arange(n)
            total = 0.0
            for start in range(0, n, step):
                rows: Any = order[start : start + step] if shuffles else slice(start, start + step)
                weight = None if self.weight is None else self.weight[rows]
                if weight is not None and not weight.any():
                    continue
                own = settings | {"schedule": rate, "epochs": 1, "shuffle": False, "seed": seed + epoch * n + start}
                own |= _SILENT | {"threads": _threads()}
                trainer = self.network.trainer(
                    self.inputs.dense(rows), self.Y[rows], self.loss, sample_weight=weight, **own
                )
                if self.weight is not None:
                    trainer.settings.mean_weight = float(self.weight.mean())
                try:
                    part = trainer.run()
                except TrainingDiverged as problem:
                    return history, of_the_whole(problem, epoch, history)
                finally:
                    self.network.optimizer_state = trainer.state
                if part.stopped == "interrupted":
                    history.stopped = "interrupted"
                    return history, None
                total += part["loss"][0] * min(step, n - start) / n
            row = {"loss": total}
            if validation is not None:
                row["validation_loss"] = self._validation_loss(validation)
            end_epoch(self.network, history, row, epochs, callbacks)
        return history, None

    def _minimise_in_parts(self) -> History:
        """L-BFGS, whose total loss is summed up over the parts."""
        network, settings, work = self.network, self.settings, self._in_double()
        history = History(settings["seed"])

        def total(theta: Array) -> tuple[float, Array]:
            work.parameters = theta
            return self._total(work)

        def iterated(theta: Array, loss: float) -> bool:
            network.parameters = theta.astype(network.dtype)
            row = {"loss": loss}
            if settings["validation"] is not None:
                row["validation_loss"] = self._validation_loss(settings["validation"])
            end_epoch(network, history, row, settings["epochs"], settings["callbacks"])
            return history.stopped != "epochs"

        minimise(total, network.parameters, settings["optimizer"], settings["epochs"], iterated, history)
        return history

    def _in_double(self) -> Network:
        """Return the network in double precision, a copy."""
        network = self.network
        activations = list(network.activations.values())
        return Network(network.sizes, activations, init=network.parameters, bias=network.has_bias)

    def _total(self, work: Network) -> tuple[float, Array]:
        """L_T and its gradient at a network's parameters, of which no more is dense at a time than a part."""
        theta = work.parameters
        penalised = work.weight_mask() * self.settings["l2"]
        loss, slopes = float(penalised @ theta**2) / 2, penalised * theta
        weight = np.ones(len(self.inputs)) if self.weight is None else self.weight.astype(np.float64)
        for rows in self.inputs.parts():
            share = weight[rows].sum() / weight.sum()
            if share:
                X, Y = self.inputs.dense(rows).astype(np.float64), self.Y[rows].astype(np.float64)
                g = work.gradient(X, Y, self.loss, sample_weight=weight[rows])
                loss, slopes = loss + share * g.loss, slopes + share * g.vector
        return float(loss), slopes

    def _validation_loss(self, validation: tuple[Any, ...]) -> float:
        X, Y, *weight = validation
        return mean_loss(self.network, X, Y, as_loss(self.loss), *weight)


def end_epoch(network: Network, history: History, row: dict[str, float], epochs: int, callbacks: Sequence[Any]) -> None:
    """Make an epoch count that was trained in parts."""
    history.add(row)
    seen = Epoch(history.epochs, epochs, row, history, network)
    for callback in callbacks:
        callback(seen)
    if seen.stops:
        history.stopped = "callback"


def of_the_whole(problem: TrainingDiverged, epoch: int, history: History) -> TrainingDiverged:
    """Tell a divergence in a part of an epoch of the whole training."""
    message = re.sub(r"in epoch 1\b", f"in epoch {epoch}", str(problem)).replace(
        "those it started from", "those before"
    )
    return TrainingDiverged(message, epoch=epoch, batch=problem.batch, history=history)


class _Fixed(Constant):
    """One factor for the one epoch of a part."""

    def __init__(self, value: float) -> None:
        self.value = value

    def factor(self, epoch: int, epochs: int, losses: Sequence[float]) -> float:  # noqa: ARG002
        return self.value


def _threads() -> int | None:
    """The cores that joblib leaves to this process, which it says where BLAS reads it; None where nothing is said."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    return int(given) if given.isdecimal() and int(given) and not os.environ.get("PELLUCID_THREADS") else None
