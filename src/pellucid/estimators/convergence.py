"""When an estimator's training has converged: scikit-learn's rule, followed epoch by epoch or in hindsight."""

from __future__ import annotations

import math
from collections.abc import Callable

from pellucid.arrays import Array
from pellucid.schedules import Schedule
from pellucid.training import Epoch

_LEAST_RATE = 1e-6
"""An adaptive learning rate that is no larger is not made smaller, and training stops."""


class Convergence:
    """Counts the epochs in which a loss or score did not get better than its best by more than a tolerance.

    When it has counted more than ``patience`` of them in a row, training stops, or the learning rate falls to a fifth.

    Parameters
    ----------
    tolerance : float in [0, ∞)
    patience : float
        A whole number, or infinity.
    learning_rate : float
        The rate at the start.
    is_adaptive : bool
        Lower the learning rate before stopping.
    best : float or None
        The best loss (or score, with the sign changed) of earlier trainings; None at the first.
    count : int
        Epochs that were counted before.
    factor : float
        What the learning rate was multiplied by before.
    """

    def __init__(
        self,
        tolerance: float,
        patience: float,
        learning_rate: float,
        *,
        is_adaptive: bool,
        best: float | None = None,
        count: int = 0,
        factor: float = 1.0,
    ) -> None:
        self.tolerance, self.patience, self.is_adaptive = tolerance, patience, is_adaptive
        self.learning_rate, self.start = learning_rate * factor, learning_rate
        self.best = math.inf if best is None else best
        self.count = count
        self.has_converged = False

    def epochs_ahead(self) -> float:
        """Return how many epochs it takes at least until something is decided."""
        return max(1, self.patience + 1 - self.count)

    def see(self, loss: float) -> str:
        """Take the loss of another epoch (or minus its score); returns what is decided, as a sentence or nothing."""
        self.count = self.count + 1 if not loss <= self.best - self.tolerance else 0
        self.best = min(self.best, loss)
        if self.count <= self.patience:
            return ""
        if not self.is_adaptive or self.learning_rate <= _LEAST_RATE:
            self.has_converged = True
            return "Stopping."
        self.learning_rate /= 5
        self.count = 0
        return f"Learning rate {self.learning_rate:.3g}."


class Falling(Schedule):
    """The learning rate that a convergence has come to."""

    def __init__(self, convergence: Convergence) -> None:
        self.convergence = convergence

    def factor(self, epoch: int, epochs: int, losses: object) -> float:  # noqa: ARG002
        """Return what the learning rate at the start is multiplied by now."""
        return self.convergence.learning_rate / self.convergence.start

    def epochs_ahead(self) -> float:
        """Return how many epochs will surely be gone through at the present rate."""
        return self.convergence.epochs_ahead()


class PowerOfSamples(Schedule):
    """(t + 1)^(-power), t the samples seen before the epoch.

    Parameters
    ----------
    power : float in [0, ∞)
    seen, per_epoch : int
        Samples seen before the training, and in each of its epochs.
    """

    def __init__(self, power: float, seen: int, per_epoch: int) -> None:
        self.power, self.seen, self.per_epoch = power, seen, per_epoch

    def factor(self, epoch: int, epochs: int, losses: object) -> float:  # noqa: ARG002
        """Return the factor; see `Schedule.factor`."""
        return float((self.seen + (epoch - 1) * self.per_epoch + 1) ** -self.power)

    def epochs_ahead(self) -> float:
        """Return infinity: the losses do not matter."""
        return math.inf


class Watch:
    """The callback that watches one fit: scores, convergence, the best epoch, and what is printed.

    Parameters
    ----------
    convergence : Convergence
    score : callable or None
        From the network's parameters as they are to the score on the validation set.
    monitor : {'training loss', 'validation loss', 'validation score'}
    parameters : ndarray
        The network's, whose best copy is kept if validation decides.
    verbose : bool
    """

    def __init__(
        self,
        convergence: Convergence,
        score: Callable[[], float] | None,
        monitor: str,
        parameters: Array,
        *,
        verbose: bool,
    ) -> None:
        self.convergence, self.score, self.monitor = convergence, score, monitor
        self.parameters, self.verbose = parameters, verbose
        self.scores: list[float] = []
        self.losses: list[float] = []
        self.validation_losses: list[float] = []
        self.best: Array | None = None

    def epochs_ahead(self) -> float:
        """Return how many epochs may pass before this has to be called."""
        return 1 if self.verbose or self.score is not None or self.validates else self.convergence.epochs_ahead()

    @property
    def validates(self) -> bool:
        """Whether the validation set decides when to stop."""
        return self.monitor != "training loss"

    def __call__(self, epoch: Epoch) -> None:
        """See the epochs since the last call."""
        before = len(self.losses)
        losses = epoch.history["loss"][before:]
        validation_losses = epoch.history.get("validation_loss", [])[before:]
        self.losses += losses
        self.validation_losses += validation_losses
        if self.score is not None:
            self.scores.append(self.score())
        if self.monitor == "validation score":
            values = [-self.scores[-1]]
        else:
            values = validation_losses if self.validates else losses
        for number, (loss, value) in enumerate(zip(losses, values, strict=True), before + 1):
            if self.verbose:
                told = f"Iteration {number}, loss = {loss:.8f}"
                print(told if self.score is None else f"{told}, validation score = {self.scores[-1]:.6f}")  # noqa: T201
            if self.validates and value < self.convergence.best:
                self.best = self.parameters.copy()
            decided = self.convergence.see(value)
            if decided and self.verbose:
                limits = f"tol={self.convergence.tolerance:g} in {self.convergence.patience:g} epochs"
                print(f"The {self.monitor} did not improve by more than {limits}. {decided}")  # noqa: T201
        if self.convergence.has_converged:
            epoch.stop()
