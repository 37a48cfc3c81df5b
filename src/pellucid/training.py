"""Training: epochs of batches, validation, early stopping, callbacks, history, checkpoint and resume.

The steps themselves are `pellucid.descent`'s; here is what happens around them.
"""

from __future__ import annotations

import inspect
import math
import os
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Never

import numpy as np

from pellucid import randomness
from pellucid.activations import Activation
from pellucid.arrays import Array, as_count, as_number
from pellucid.backprop import NO_PENALTY, Penalty
from pellucid.descent import MOST_EPOCHS, NotFiniteError, Steps, start_descent
from pellucid.described import Brief, brief
from pellucid.engine import Engine, as_threads, engine_of, forward, gradient, mean_loss
from pellucid.errors import TrainingDiverged, UnknownLabelError, counted, import_extra, nearest
from pellucid.hints import Hinted
from pellucid.layers import Layers
from pellucid.metrics import METRICS, Metric, as_metric
from pellucid.optimizers import LBFGS, OPTIMIZERS, Optimizer, OptimizerState
from pellucid.plots import plot_curves
from pellucid.results import Result
from pellucid.samples import Samples
from pellucid.schedules import Constant, Schedule
from pellucid.schema import dict_of, either, list_of, maybe, one_of, real, record, scalar, text, truth, whole
from pellucid.storage import (
    LAYERS,
    LAYERS_OPTIONAL,
    ROW,
    ModelFile,
    PathLike,
    as_json,
    check_model_path,
    check_writable,
    from_json,
    layers_header,
    make_layers,
    read_file,
    write_file,
)

if TYPE_CHECKING:
    from pellucid.document import Block, Document, Table
    from pellucid.drawing import Drawing


class History(Mapping[str, list[float]], Result):
    """The curves of a training: ``history["loss"]``, ``history["validation_loss"]``, ``history["accuracy"]``, …

    ``loss`` is the mean over the epoch's batches as trained, each batch counting by its samples, with penalty and
    dropout. Everything else is taken at the end of the epoch, without them.

    Attributes
    ----------
    stopped : {'epochs', 'patience', 'callback', 'interrupted', 'converged', 'stalled'}
        Why training ended; the last two are L-BFGS's, whose line search found no lower loss if it stalled.
    best_epoch : int or None
        With ``patience``: the epoch whose parameters the network has, unless it was interrupted.
    seed : int
        What ``seed=`` repeats this training.
    optimizer : Optimizer, LBFGS or None
        With its learning rate and other settings, also if only its name was given.
    engine : Engine
        What it ran on, ``native`` or ``numpy``; ``engine.detail`` says why.
    """

    _called = "history"

    def __init__(self, seed: int, optimizer: Optimizer | LBFGS | None = None) -> None:
        self._columns: dict[str, list[float]] = {}
        self.stopped = "epochs"
        self.best_epoch: int | None = None
        self.seed = seed
        self.optimizer = optimizer
        self.engine = Engine("numpy", "no epoch was begun")

    def __getitem__(self, name: str) -> list[float]:
        if name not in self._columns:
            if not isinstance(name, str):
                raise UnknownLabelError(f"history[{name!r}]: the curves have names; write history['loss'][{name!r}]")
            near = curve_of(name, self._columns)
            hint = f"did you mean history[{near!r}]? There" if near else "there"
            there = f"{hint} are: {', '.join(self._columns)}" if self._columns else "no epoch was completed"
            raise UnknownLabelError(f"history has no curve {name!r}: {there}")
        return self._columns[name]

    def __contains__(self, name: object) -> bool:
        return name in self._columns

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    @property
    def epochs(self) -> int:
        """The number of whole epochs."""
        return len(self._columns.get("loss", ()))

    def to_dict(self) -> dict[str, list[float]]:
        """Return the curves as columns of a table, with the epochs from 1 as the first."""
        columns: dict[str, list[float]] = {"epoch": list(range(1, self.epochs + 1))}
        return columns | {name: list(values) for name, values in self._columns.items()}

    def plot(self, axes: Any = None) -> Any:
        """Plot the curves with Matplotlib; see `pellucid.plots.plot_curves`."""
        if axes is not None and not hasattr(axes, "plot"):
            raise TypeError(f"axes must be an Axes of Matplotlib, got {axes!r}; history[name] is one curve")
        return plot_curves({name: v for name, v in self.items() if name != "learning_rate"}, self.best_epoch, axes)

    def draw(self) -> Drawing:
        """Draw the curves: the losses, and the other metrics below them.

        Raises
        ------
        ValueError
            No epoch was completed.
        """
        from pellucid.drawing import draw_curves

        if not self.epochs:
            raise ValueError("there are no curves to draw: no epoch was completed")
        curves = {name: values for name, values in self.items() if name != "learning_rate"}
        losses = {name: values for name, values in curves.items() if name.endswith("loss")}
        others = {name: values for name, values in curves.items() if name not in losses}
        panels = [curves for curves in (losses, others) if curves]
        return draw_curves(panels, title="Curves of the training", marked=self.best_epoch)

    @property
    def ending(self) -> str:
        """How many epochs there were, how the training ended, and which epoch the network has."""
        best = "" if self.best_epoch is None else f"; the best epoch is {self.best_epoch}"
        count = f"{self.epochs:,} epoch{'' if self.epochs == 1 else 's'}"
        if self.stopped == "epochs":
            return (
                f"the full {count if self.epochs > 1 else 'epoch'}{best}" if self.epochs else "no epoch was completed"
            )
        return f"{count}, {_ENDINGS[self.stopped]}{best}"

    def _rows(self, numbers: Sequence[int]) -> Table:
        """The header and the rows of these epochs."""
        from pellucid.document import Table, escape

        rows = tuple((str(n), *(f"{values[n - 1]:.6g}" for values in self.values())) for n in numbers)
        return Table(("epoch", *(escape(name.replace("_", " ")) for name in self)), rows)

    @property
    def _shown(self) -> list[int]:
        """The first, the best and the last epoch."""
        return sorted({1, self.best_epoch or self.epochs, self.epochs})

    def document(self) -> Document:
        """Return its curves and its first, best and last row as a document."""
        from pellucid.document import Document, Figure, Paragraph

        ending = self.ending
        blocks: list[Block] = [Paragraph(f"{ending[0].upper()}{ending[1:]}.")]
        if self.epochs:
            blocks += [Figure(self.draw()), self._rows(self._shown)]
        return Document("Training", tuple(blocks))

    @property
    def text(self) -> str:
        """How it ended, and a table of the first, the best and the last epoch."""
        from pellucid.document.rendering import plain

        if not self.epochs:
            return f"training: {self.ending}"
        return f"training: {self.ending}\n\n{plain([self._rows(self._shown)])}"

    def _drawing(self) -> Drawing:
        return self.draw()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Never:
        raise TypeError("a History has several curves: write history['loss'], or pd.DataFrame(history.to_dict())")

    def __repr__(self) -> str:
        shown = [f"{name[:40]} {values[-1]:.6g}" for name, values in self.items() if values]
        shown = shown if len(shown) <= 6 else [*shown[:5], f"… ({len(shown)} curves)"]
        how = "" if self.optimizer is None else f" of {self.optimizer!r}"
        curves = f"; {', '.join(shown)}" if self.epochs else ""
        return f"<History: {counted(self.epochs, 'epoch')}{how}, {_STOPS[self.stopped]}{curves}>"

    def add(self, row: Mapping[str, float]) -> None:
        """Append an epoch."""
        for name, value in row.items():
            self._columns.setdefault(name, []).append(value)

    def truncate(self, epochs: int) -> None:
        """Forget the epochs after this one."""
        for values in self._columns.values():
            del values[epochs:]


def curve_of(asked: str, curves: Iterable[str]) -> str | None:
    """Return the curve that another name most likely means, such as ``validation_loss`` for ``val_loss``, or None."""
    name = "validation_" + asked.removeprefix("val_") if asked.startswith("val_") else asked
    prefix = "validation_" if name.startswith("validation_") else ""
    metric = name.removeprefix(prefix)
    return nearest(prefix + (METRICS[metric].name if metric in METRICS else metric), curves)


_ENDINGS = {
    "patience": "stopped by patience: the loss no longer fell",
    "callback": "stopped by a callback",
    "interrupted": "interrupted",
    "converged": "converged",
    "stalled": "stalled: the line search found no lower loss",
}


_STOPS = {name: name if name in ("interrupted", "converged", "stalled") else f"stopped by {name}" for name in _ENDINGS}
_STOPS["epochs"] = "complete"
"""The same in a word, as a repr has it."""


@dataclass(eq=False, repr=False)
class Epoch(Brief, Hinted):
    """What a callback sees at the end of an epoch.

    Attributes
    ----------
    number, epochs : int
        This epoch, from 1, and the total asked for.
    values : mapping
        This epoch's entries of the history.
    history : History
        All so far.
    network : Network
        With the parameters at the end of the epoch, to read and not to change.
    stops : bool
        Whether a callback ended the training.
    """

    number: int
    epochs: int
    values: Mapping[str, float]
    history: History
    network: Layers
    stops: bool = False

    def stop(self) -> None:
        """End the training after this epoch."""
        self.stops = True


Callback = Callable[[Epoch], object]


def _one() -> int:
    return 1


@dataclass(eq=False, repr=False)
class Settings:
    """How to train; see `pellucid.Network.train` for the meaning of each.

    With others side by side, ``show`` gets each epoch's row in place of a progress bar, and training is interrupted
    once ``cancel`` is set. Of a part of the samples, ``mean_weight`` is the mean of all weights.
    """

    optimizer: Optimizer | LBFGS
    epochs: int
    seed: int
    batch_size: int | None = None
    shuffle: bool = True
    patience: int | None = None
    metrics: tuple[Metric, ...] = ()
    penalty: Penalty = NO_PENALTY
    dropout: tuple[float, ...] = ()
    clip_norm: float | None = None
    schedule: Schedule = field(default_factory=Constant)
    callbacks: tuple[Callback, ...] = ()
    checkpoint: PathLike | None = None
    checkpoint_every: int = 1
    resume: bool = False
    threads: int | None = None
    progress: bool | None = None
    show: Callable[[Mapping[str, float]], None] | None = None
    cancel: Any = None
    mean_weight: float | None = None

    def __post_init__(self) -> None:
        self.epochs = as_count(self.epochs, "epochs")
        self.checkpoint_every = as_count(self.checkpoint_every, "checkpoint_every")
        if not isinstance(self.shuffle, bool | np.bool_ | int) or self.shuffle not in (0, 1):
            raise TypeError(f"shuffle must be True or False, got {self.shuffle!r}")
        self.shuffle = bool(self.shuffle)
        if self.progress not in (None, False, True):
            raise TypeError(f"progress must be True, False or None, got {brief(self.progress)}")
        self.seed = as_count(self.seed, "seed", 0)
        for name in ("batch_size", "patience"):
            if getattr(self, name) is not None:
                setattr(self, name, as_count(getattr(self, name), name))
        if self.threads is not None:
            self.threads = as_threads(self.threads)
        if self.clip_norm is not None:
            self.clip_norm = as_number(self.clip_norm, "clip_norm", 0, open_low=True)
        if self.resume and self.checkpoint is None:
            raise ValueError("resume=True needs checkpoint=, the file to go on from")
        if self.checkpoint is not None:
            check_model_path(self.checkpoint)
            check_writable(self.checkpoint)
        if isinstance(self.optimizer, LBFGS):
            self._check_lbfgs()

    def _check_lbfgs(self) -> None:
        reasons = {
            "batch_size": "it minimises the total loss: batch_size=None",
            "dropout": "its line search needs the same loss at every evaluation",
            "clip_norm": "its line search needs the gradient itself",
            "checkpoint": "its memory lives inside SciPy and cannot be resumed; save the network after training",
        }
        for name, reason in reasons.items():
            if getattr(self, name):
                raise ValueError(f"L-BFGS takes no {name}: {reason}")
        if not isinstance(self.schedule, Constant):
            raise ValueError("L-BFGS takes no schedule: its line search chooses the step")


def as_metrics(metrics: object) -> tuple[Metric, ...]:
    """Check metrics, each under a name of its own; one name or function stands for a list of one."""
    found = tuple(as_metric(metric) for metric in _as_list(metrics, "metrics", isinstance(metrics, str)))
    names = [metric.name for metric in found]
    for name in names:
        if name in ("loss", "validation_loss", "learning_rate") or names.count(name) > 1:
            raise ValueError(f"metrics: the history has another curve {name!r}; give the function another __name__")
    return found


def as_callbacks(callbacks: object) -> tuple[Callback, ...]:
    """Check callbacks; one function stands for a list of one."""
    found = _as_list(callbacks, "callbacks", False)
    for callback in found:
        if not callable(callback):
            raise TypeError(f"a callback is a function of an epoch, got {brief(callbacks)}; write callbacks=[print]")
        if not _takes(callback, 1):
            raise TypeError(
                f"a callback is a function of one epoch, and {brief(callback)} takes other arguments; write "
                "callbacks=[lambda epoch: print(epoch.number, epoch.values)]"
            )
    return tuple(found)


def _takes(function: Callable[..., object], n: int) -> bool:
    """Whether a function can be called with n arguments, as far as is known."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some functions of C have none
        return True
    try:
        signature.bind(*range(n))
    except TypeError:
        return False
    return True


def _as_list(given: Any, name: str, is_one: bool) -> list[Any]:
    if is_one or callable(given):
        return [given]
    try:
        return list(given)
    except TypeError:
        raise TypeError(f"{name} must be a list, got {given!r}") from None


def as_dropout(dropout: object, n_hidden: int) -> tuple[float, ...]:
    """Check dropout: one rate in [0, 1) for all hidden layers, or one for each; no rates if all are 0."""
    rates = list(dropout) if isinstance(dropout, (Sequence, np.ndarray)) else [dropout] * n_hidden
    if len(rates) != n_hidden:
        raise ValueError(
            f"dropout has {counted(len(rates), 'rate')}, but the network has {counted(n_hidden, 'hidden layer')}"
        )
    checked = tuple(as_number(rate, "dropout", 0, 1) for rate in rates)
    if not isinstance(dropout, (Sequence, np.ndarray)):
        as_number(dropout, "dropout", 0, 1)  # also where there is no hidden layer to use it
    return checked if any(checked) else ()


def split(samples: Samples, fraction: float, seed: int) -> tuple[Samples, Samples]:
    """Split samples at random into a training and a validation part, at least one sample each."""
    n = len(samples)
    n_validation = max(1, round(fraction * n))
    if n_validation >= n:
        raise ValueError(f"validation={fraction:g} of {n} sample{'s' if n > 1 else ''} leaves none to train on")
    order = randomness.permutation(randomness.key(seed, 0, 0), n)
    parts = samples.take(np.sort(order[n_validation:])), samples.take(np.sort(order[:n_validation]))
    for part, what in zip(parts, ("train on", "validate on"), strict=True):
        if part.weight is not None and not part.weight.any():
            raise ValueError(f"validation={fraction:g} leaves samples of weight 0 alone to {what}")
    return parts


class _Snapshot(NamedTuple):
    """The network and its optimizer at the end of an epoch."""

    epoch: int
    parameters: Array
    state: OptimizerState | None


class Trainer:
    """One training of one network.

    Parameters
    ----------
    layers : Layers
        Trained in place.
    samples : Samples
    validation : Samples, optional
    settings : Settings
    state : OptimizerState, optional
        To go on from, if it is of the same optimizer.

    Raises
    ------
    ModelFileError, ValueError
        The checkpoint to resume from is broken or of another training; nothing is changed.

    Attributes
    ----------
    history : History
    state : OptimizerState or None
        Of the parameters that the network has.
    """

    def __init__(
        self,
        layers: Layers,
        samples: Samples,
        validation: Samples | None,
        settings: Settings,
        state: OptimizerState | None = None,
    ) -> None:
        self.layers = layers
        self.samples = samples
        self.validation = validation
        self.settings = settings
        self.history = History(settings.seed, settings.optimizer)
        self.state: OptimizerState | None = None
        if isinstance(settings.optimizer, Optimizer):
            fresh = settings.optimizer.start(layers.parameters)
            goes_on = (
                state is not None
                and state.optimizer == fresh.optimizer
                and {name: array.shape for name, array in state.arrays.items()}
                == {name: array.shape for name, array in fresh.arrays.items()}
            )
            self.state = state.copy() if goes_on and state is not None else fresh
        self._whole = self._before = self._start = self._snapshot(0)
        self._best: tuple[float, _Snapshot] | None = None
        if settings.resume and settings.checkpoint and os.path.exists(settings.checkpoint):
            self._read_checkpoint()

    def run(self) -> History:
        """Train to the end, and leave the network at the best or the last whole epoch.

        Raises
        ------
        TrainingDiverged
            The loss, gradient or a parameter is not finite.
        """
        try:
            with _progress(self.settings, self.history.epochs) as show:
                if isinstance(self.settings.optimizer, LBFGS):
                    self._minimise(self.settings.optimizer, show)
                else:
                    self._descend(self.settings.optimizer, show)
        except KeyboardInterrupt:
            self._restore(self._whole)
            if self.settings.checkpoint is not None and self._whole.epoch:
                self._write_checkpoint(ended=False)
            self.history.stopped = "interrupted"
            return self.history
        except NotFiniteError as problem:
            raise self._diverged(problem) from None
        except BaseException:
            self._restore(self._whole)
            raise
        if self._best is not None:
            self._restore(self._best[1], keep_history=True)
        return self.history

    # Gradient descent, on batches or on the total loss.

    def _descend(self, optimizer: Optimizer, show: Callable[[Mapping[str, float]], None]) -> None:
        settings = self.settings
        if self.history.stopped == "patience":
            return  # the checkpoint is of a training that had come to its end
        self.history.stopped = "epochs"
        assert self.state is not None
        steps = Steps(
            optimizer, settings.batch_size, settings.shuffle, self.history.seed, settings.penalty, settings.dropout,
            settings.clip_norm, settings.threads, settings.mean_weight,
        )  # fmt: skip
        self.history.engine, descent = start_descent(self.layers, self.samples, self.state, steps, settings.cancel)
        is_plain = isinstance(settings.schedule, Constant)
        while (first := self._whole.epoch + 1) <= settings.epochs:
            epochs = range(first, min(first + self._epochs_ahead(), settings.epochs + 1))
            factors = [settings.schedule.factor(epoch, settings.epochs, self._monitored()) for epoch in epochs]
            rates = [optimizer.learning_rate * factor for factor in factors]
            if settings.cancel is not None and settings.cancel.is_set():
                raise KeyboardInterrupt
            done = descent.run(first, rates)
            rows = [
                {"loss": loss} if is_plain else {"loss": loss, "learning_rate": rate}
                for loss, rate in zip(done.losses, rates, strict=False)
            ]
            stops = False
            for epoch, row in zip(epochs, rows, strict=False):
                if epoch - first + 1 < len(rows):
                    self.history.add(row)
                else:
                    stops = self._finish(epoch, {"loss": row["loss"], **self._evaluate(), **row})
                show(row)
            if done.before is not None:
                self._before = _Snapshot(self._whole.epoch - 1, *done.before)
            if done.problem is not None:
                raise done.problem
            epoch = self._whole.epoch
            ends = stops or epoch == settings.epochs
            if settings.checkpoint is not None and (ends or epoch % settings.checkpoint_every == 0):
                self._write_checkpoint(ended=ends)
            if stops:
                return

    def _epochs_ahead(self) -> int:
        """How many epochs may be gone through before anything has to be done or decided."""
        settings = self.settings
        if (
            self.validation is not None or settings.metrics or settings.checkpoint is not None
            or settings.patience is not None
        ):  # fmt: skip
            return 1
        each = [getattr(callback, "epochs_ahead", _one)() for callback in settings.callbacks]
        return int(min(MOST_EPOCHS, settings.schedule.epochs_ahead(), *each))

    # L-BFGS through SciPy.

    def _minimise(self, optimizer: LBFGS, show: Callable[[Mapping[str, float]], None]) -> None:
        layers, settings, samples = self.layers, self.settings, self.samples
        point = layers.parameters.astype(np.float64)
        work = layers.with_parameters(point)  # a float32 network's line search would stall in rounding
        X, Y = samples.X.astype(np.float64), samples.Y.astype(np.float64)
        weight = None if samples.weight is None else samples.weight.astype(np.float64)
        self.history.engine = engine_of(work, samples.loss)

        def total(theta: Array) -> tuple[float, Array]:
            point[...] = theta
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                g = gradient(work, X, Y, samples.loss, sample_weight=weight, penalty=settings.penalty)
            if not (math.isfinite(g.loss) and np.isfinite(g.vector).all()):
                raise NotFiniteError("the loss", g.loss, None)
            return g.loss, g.vector

        def iterated(theta: Array, loss: float) -> bool:
            layers.parameters[...] = theta
            row = {"loss": loss, **self._evaluate()}
            stops = self._finish(self._whole.epoch + 1, row)
            show(row)
            return stops

        minimise(total, layers.parameters, optimizer, settings.epochs, iterated, self.history)

    # What both do at the end of an epoch.

    def _evaluate(self) -> dict[str, float]:
        """Validation loss and metrics of the parameters as they are."""
        values: dict[str, float] = {}
        parts = [("", self.samples)] if self.settings.metrics else []
        parts += [("validation_", self.validation)] if self.validation is not None else []
        for prefix, part in parts:
            if prefix:
                with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                    values["validation_loss"] = mean_loss(self.layers, part.X, part.Y, part.loss, part.weight)
                if not math.isfinite(values["validation_loss"]):
                    raise NotFiniteError("the validation loss", values["validation_loss"], None)
            if self.settings.metrics:
                with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                    a = forward(self.layers, part.X)
                for metric in self.settings.metrics:
                    values[prefix + metric.name] = metric.number(a, part.Y)
        return values

    def _finish(self, epoch: int, row: Mapping[str, float]) -> bool:
        """Make an epoch count; returns whether training stops after it."""
        history, settings = self.history, self.settings
        snapshot = self._snapshot(epoch)
        history.add(row)
        self._before, self._whole = self._whole, snapshot
        if settings.patience is not None:
            loss = self._monitored()[-1]
            if self._best is None or loss < self._best[0]:
                self._best = (loss, snapshot)
                history.best_epoch = epoch
            elif epoch - self._best[1].epoch >= settings.patience:
                history.stopped = "patience"
        seen = Epoch(epoch, settings.epochs, dict(row), history, self.layers)
        for callback in settings.callbacks:
            callback(seen)
        if seen.stops and history.stopped == "epochs":
            history.stopped = "callback"
        return history.stopped != "epochs"

    def _monitored(self) -> list[float]:
        """The losses that patience and plateaus watch."""
        for name in ("validation_loss", "loss"):
            if name in self.history:
                return self.history[name]
        return []

    def _snapshot(self, epoch: int) -> _Snapshot:
        return _Snapshot(epoch, self.layers.parameters.copy(), self.state and self.state.copy())

    def _restore(self, snapshot: _Snapshot, *, keep_history: bool = False) -> None:
        self.layers.parameters[...] = snapshot.parameters
        self.state = snapshot.state and snapshot.state.copy()
        if not keep_history:
            self.history.truncate(snapshot.epoch)

    def _diverged(self, problem: NotFiniteError) -> TrainingDiverged:
        """Go back to the last finite parameters and say what happened and what to change."""
        settings, epoch = self.settings, self._whole.epoch + 1
        kept = next((found for found in (self._whole, self._before) if self._is_finite(found)), self._start)
        self._restore(kept)
        if self._best is not None and self._best[1].epoch > kept.epoch:
            self.history.best_epoch = None
        where = f"epoch {epoch}, {'after its last batch' if problem.batch is None else f'batch {problem.batch}'}"
        before = self.history["loss"][-1] if self.history.epochs else None
        was = f" (it was {before:.4g} in epoch {self.history.epochs})" if before is not None else ""
        advice = []
        if isinstance(settings.optimizer, Optimizer):
            advice.append(f"a learning rate below {settings.optimizer.learning_rate:g}")
            if settings.clip_norm is None:
                advice.append("clip_norm=1")
        largest = float(np.abs(self.samples.X).max())
        if largest > 10:
            advice.append(f"standardised inputs (the largest |x| is {largest:.4g})")
        if np.abs(self.samples.Y).max() > 10:
            advice.append(f"standardised targets (the largest |y| is {np.abs(self.samples.Y).max():.4g})")
        whose = f"those of epoch {kept.epoch}" if kept.epoch else "those it started from"
        return TrainingDiverged(
            f"training diverged in {where}: {problem.what} is {problem.value or 'not finite'}{was}. "
            f"Try {', '.join(advice) or 'another start'}. The network's parameters are {whose}.",
            epoch=epoch,
            batch=problem.batch,
            history=self.history,
        )

    def _is_finite(self, snapshot: _Snapshot) -> bool:
        """Whether the total loss of these parameters is finite; the last batch's says nothing of the other samples."""
        layers, samples = self.layers.with_parameters(snapshot.parameters), self.samples
        with np.errstate(all="ignore"):
            return math.isfinite(mean_loss(layers, samples.X, samples.Y, samples.loss, samples.weight))

    # Checkpoints.

    def _identity(self) -> dict[str, Any]:
        """What must be the same for a resumed training to have the same bits."""
        settings = self.settings
        assert isinstance(settings.optimizer, Optimizer)
        identity = {
            **layers_header(self.layers),
            "loss": str(self.samples.loss),
            "optimizer": {"name": settings.optimizer.name, **settings.optimizer.settings},
            "schedule": {"name": type(settings.schedule).__name__, **settings.schedule.settings},
            # A cosine without a length of its own is another one with another total.
            "total epochs": settings.epochs if getattr(settings.schedule, "epochs", 0) is None else None,
            "batch_size": settings.batch_size,
            "shuffle": settings.shuffle,
            "seed": self.history.seed,
            "l2": settings.penalty.l2,
            "l1": settings.penalty.l1,
            "dropout": list(settings.dropout),
            "clip_norm": settings.clip_norm,
            "patience": settings.patience,
            "metrics": [metric.name for metric in settings.metrics],
            "samples": len(self.samples),
            "validation samples": 0 if self.validation is None else len(self.validation),
            "the data (CRC-32)": [_checksum(part) for part in (self.samples, self.validation) if part is not None],
        }
        return from_json(as_json(identity))  # as the file will have it: lists for tuples

    def _write_checkpoint(self, *, ended: bool) -> None:
        assert self.settings.checkpoint is not None
        tensors, snapshots = {}, {"whole": self._whole}
        if self._best is not None:
            snapshots["best"] = self._best[1]
        steps = {}
        for name, snapshot in snapshots.items():
            assert snapshot.state is not None
            tensors[f"{name}.parameters"] = snapshot.parameters
            tensors |= {f"{name}.{key}": array for key, array in snapshot.state.arrays.items()}
            steps[name] = snapshot.state.step
        header = {
            "training": self._identity(),
            "history": dict(self.history),
            "stopped": self.history.stopped,
            "ended": ended,
            "best_epoch": self.history.best_epoch,
            "best_loss": None if self._best is None else self._best[0],
            "steps": steps,
        }
        write_file(self.settings.checkpoint, "checkpoint", header, tensors)

    def _read_checkpoint(self) -> None:
        """Take over a checkpoint's epoch, or refuse it and change nothing."""
        path = self.settings.checkpoint
        assert path is not None
        checkpoint = read_checkpoint(read_file(path, "checkpoint"))
        mine, theirs = ({"bias": True, **one} for one in (self._identity(), checkpoint.identity))
        differing = [key for key in mine if mine[key] != theirs.get(key)]
        differing = [key for key in differing if key != "the data (CRC-32)"] or differing  # say the plainer first
        history = History(self.history.seed, self.settings.optimizer)
        for name, values in checkpoint.header["history"].items():
            history._columns[name] = [float(value) for value in values]
        history.best_epoch = checkpoint.header["best_epoch"]
        history.stopped = checkpoint.header["stopped"]
        if history.epochs > self.settings.epochs:
            raise ValueError(
                f"{path} holds {counted(history.epochs, 'epoch')} already, more than "
                f"epochs={self.settings.epochs}, the total"
            )
        if differing:
            said = "; ".join(f"{key} was {theirs.get(key)} and is {mine[key]}" for key in differing)
            raise ValueError(f"cannot resume from {path}: it belongs to another training: {said}")
        assert self.state is not None
        whole = checkpoint.snapshot("whole", self.layers, self.state.arrays)
        best = None
        if history.best_epoch is not None:
            snapshot = checkpoint.snapshot("best", self.layers, self.state.arrays)
            best = (float(checkpoint.header["best_loss"]), snapshot)
        self.history, self._best = history, best
        self._whole = self._before = self._start = whole
        self._restore(whole)


_PLAIN = either("a number, text or a list of them", scalar, list_of(scalar))
OPTIMIZER_NAME = one_of(*(name for name, row in OPTIMIZERS.items() if row is not LBFGS))
"""Describes the optimizers that remember anything between steps."""

_TRAINING = record(
    {**LAYERS, "loss": text, "optimizer": record({"name": OPTIMIZER_NAME}), "seed": whole(0, None)},
    LAYERS_OPTIONAL,
)
_DESCRIPTION = record(
    {
        "training": _TRAINING,
        "history": dict_of(list_of(real(), 1)),
        "stopped": one_of("epochs", "patience", "callback"),
        "best_epoch": maybe(whole(1)),
        "best_loss": maybe(real()),
        "steps": record({"whole": whole()}, {"best": whole()}),
    },
    {"ended": truth},
)
_IDENTITY = record({"training": dict_of(either("plain values", _PLAIN, list_of(ROW), dict_of(_PLAIN)))})
"""Whatever else tells one training from another is shown if it differs, and is to be fit for that."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A checkpoint that was read: a header that fits its description and agrees with itself.

    Attributes
    ----------
    file : ModelFile
    header : dict
    identity : dict
        What must be the same for a resumed training to have the same bits.
    """

    file: ModelFile
    header: Mapping[str, Any]
    identity: Mapping[str, Any]

    @property
    def epochs(self) -> int:
        """The number of whole epochs."""
        return len(self.header["history"]["loss"])

    @property
    def has_ended(self) -> bool:
        """Whether training had come to its end; files of the first versions say so only where it ended early."""
        return bool(self.header.get("ended", self.header["stopped"] != "epochs"))

    def snapshot(self, name: str, layers: Layers, memory: Iterable[str]) -> _Snapshot:
        """Return the ``whole`` or ``best`` epoch of such layers, with what the optimizer remembers by these names."""
        header, file, shape, dtype = self.header, self.file, layers.parameters.shape, layers.dtype
        parameters = file.array(f"{name}.parameters", shape, dtype)
        arrays = {key: file.array(f"{name}.{key}", shape, dtype, finite=False) for key in memory}
        state = OptimizerState(header["training"]["optimizer"]["name"], header["steps"][name], arrays)
        return _Snapshot(self.epochs if name == "whole" else header["best_epoch"], parameters, state)

    def network(self, activations: Mapping[str, Activation] | None, layers_class: type[Layers]) -> Layers:
        """Make the network as the training left it: see `pellucid.load`."""
        name = "best" if self.header["best_epoch"] is not None and self.has_ended else "whole"
        held = [key.removeprefix(f"{name}.") for key in sorted(self.file.tensors) if key.startswith(f"{name}.")]
        layers = make_layers(self.file, self.header["training"], activations, layers_class)
        snapshot = self.snapshot(name, layers, [key for key in held if key != "parameters"])
        layers.parameters[...] = snapshot.parameters
        layers.optimizer_state = snapshot.state
        return layers


def read_checkpoint(file: ModelFile) -> Checkpoint:
    """Check a checkpoint.

    Raises
    ------
    ModelFileError
        It is damaged.
    """
    header = file.check(_DESCRIPTION)
    identity = file.check(_IDENTITY)["training"]
    curves, best_epoch, steps = header["history"], header["best_epoch"], header["steps"]
    if "loss" not in curves or len({len(values) for values in curves.values()}) > 1:
        raise file.broken("its history has no losses, or curves of different lengths")
    if len({best_epoch is None, header["best_loss"] is None, "best" not in steps}) > 1:
        raise file.broken("it has some of best_epoch, best_loss and the best epoch's steps, but not all")
    if best_epoch is not None and best_epoch > len(curves["loss"]):
        raise file.broken(f"best_epoch is {best_epoch}, but there are {len(curves['loss'])} epochs")
    if best_epoch is not None and steps["best"] > steps["whole"]:
        raise file.broken(f"the best epoch is at step {steps['best']}, after the last, {steps['whole']}")
    return Checkpoint(file, header, identity)


def minimise(
    total: Callable[[Array], tuple[float, Array]],
    start: Array,
    optimizer: LBFGS,
    epochs: int,
    iterated: Callable[[Array, float], bool],
    history: History,
) -> None:
    """Minimise a total loss by SciPy's L-BFGS.

    Parameters
    ----------
    total : callable
        From parameters to the loss and its gradient, both in float64.
    start : ndarray of shape (P,)
    optimizer : LBFGS
    epochs : int
        Iterations at most.
    iterated : callable
        Told parameters and loss after each iteration; returns whether to stop.
    history : History
        ``stopped`` is set.
    """
    optimize = import_extra("scipy.optimize", "scipy", "L-BFGS")

    def callback(intermediate_result: Any) -> None:
        if iterated(intermediate_result.x, float(intermediate_result.fun)):
            raise StopIteration

    result = optimize.minimize(
        total, start.astype(np.float64), jac=True, method="L-BFGS-B", callback=callback,
        options={
            "maxiter": epochs, "maxcor": optimizer.memory, "gtol": optimizer.tolerance,
            "maxls": optimizer.max_evaluations, "ftol": optimizer.loss_tolerance,
            "maxfun": optimizer.total_evaluations or epochs * (optimizer.max_evaluations + 1),
        },
    )  # fmt: skip
    if history.stopped == "epochs" and history.epochs < epochs:
        history.stopped = "converged" if result.success else "stalled"


def _checksum(samples: Samples) -> int:
    """CRC-32 of inputs, targets and weights."""
    arrays = [samples.X, samples.Y] + ([] if samples.weight is None else [samples.weight])
    checksum = 0
    for array in arrays:
        checksum = zlib.crc32(np.ascontiguousarray(array).data, checksum)
    return checksum


def checkpoint_seed(path: PathLike) -> int:
    """Read the seed that a checkpoint's training runs on."""
    seed: int = read_checkpoint(read_file(path, "checkpoint")).header["training"]["seed"]
    return seed


@contextmanager
def _progress(settings: Settings, done: int) -> Iterator[Callable[[Mapping[str, float]], None]]:
    """Show a progress bar on a terminal, or none."""
    if settings.show is not None:
        yield settings.show
        return
    if not shows_progress(settings.progress):
        yield lambda _: None
        return
    with progress_bar("epoch") as bar:
        task = bar.add_task("", total=settings.epochs, completed=done)
        yield lambda row: bar.update(
            task,
            advance=1,
            description="  ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in row.items()),
        )


def progress_bar(what: str) -> Any:
    """Return a progress bar of Rich on standard error, which counts epochs or whatever it is told."""
    console = import_extra("rich.console", "", "the progress bar").Console(stderr=True)
    rich = import_extra("rich.progress", "", "the progress bar")
    columns = (
        rich.TextColumn(what + " {task.completed:.0f}/{task.total:.0f}"), rich.BarColumn(), rich.TimeRemainingColumn(),
        rich.TextColumn("{task.description}"),
    )  # fmt: skip
    return rich.Progress(*columns, console=console)


def shows_progress(progress: bool | None) -> bool:
    """Whether to show a progress bar: as asked, or on a terminal alone."""
    # A program without a console has no standard error at all.
    if progress is None:
        return sys.stderr is not None and sys.stderr.isatty()
    return sys.stderr is not None and progress
