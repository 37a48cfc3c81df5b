"""Learning-rate schedules: the factor that the optimizer's learning rate is multiplied by in each epoch.

A schedule is a function of the epoch and of the losses so far and remembers nothing, so training that is resumed
follows the same rates. Epochs count from 1; the factor of epoch 1 is 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from pellucid.arrays import as_count, as_number
from pellucid.described import Described
from pellucid.hints import hinted, no_attribute
from pellucid.registry import Registry


class Schedule(Described):
    """What every schedule has."""

    name: ClassVar[str]
    formula: ClassVar[str]
    synonyms: ClassVar[tuple[str, ...]] = ()

    def factor(self, epoch: int, epochs: int, losses: Sequence[float]) -> float:
        """Return the factor for an epoch.

        Parameters
        ----------
        epoch : int
            From 1.
        epochs : int
            The total asked for.
        losses : sequence of float
            Of the epochs before: the validation loss if there is one, else the training loss.
        """
        raise NotImplementedError

    def epochs_ahead(self) -> float:
        """Return how many epochs from now on have factors that the losses to come cannot change: 1 or more."""
        return 1


class _Foreseeable(Schedule):
    """A schedule whose factors do not depend on the losses."""

    def epochs_ahead(self) -> float:
        """Return infinity."""
        return math.inf


class Constant(_Foreseeable):
    """The factor is always 1."""

    name = "constant"
    formula = "1"

    def factor(self, epoch: int, epochs: int, losses: Sequence[float]) -> float:  # noqa: ARG002
        """Return 1."""
        return 1.0


class Step(_Foreseeable):
    """γ^⌊(epoch - 1)/every⌋.

    Parameters
    ----------
    every : int
        Epochs between drops, at least 1.
    gamma : float in (0, 1]
        γ.
    """

    name = "step"
    formula = "γ^⌊(epoch - 1)/every⌋"
    synonyms = ("step_lr",)

    @hinted
    def __init__(self, every: int = 10, gamma: float = 0.1) -> None:
        self.every = as_count(every, "every")
        self.gamma = as_number(gamma, "gamma", 0, 1, open_low=True, open_high=False)

    def factor(self, epoch: int, epochs: int, losses: Sequence[float]) -> float:  # noqa: ARG002
        """Return the factor; see `Schedule.factor`."""
        return float(self.gamma ** ((epoch - 1) // self.every))


class Exponential(_Foreseeable):
    """γ^(epoch - 1).

    Parameters
    ----------
    gamma : float in (0, 1]
        γ.
    """

    name = "exponential"
    formula = "γ^(epoch - 1)"
    synonyms = ("exponential_lr", "exponential_decay")

    @hinted
    def __init__(self, gamma: float = 0.95) -> None:
        self.gamma = as_number(gamma, "gamma", 0, 1, open_low=True, open_high=False)

    def factor(self, epoch: int, epochs: int, losses: Sequence[float]) -> float:  # noqa: ARG002
        """Return the factor; see `Schedule.factor`."""
        return float(self.gamma ** (epoch - 1))


class Cosine(_Foreseeable):
    """Half a cosine from 1 at epoch 1 towards ``final`` after the last.

    Parameters
    ----------
    epochs : int, optional
        The length of the half wave; without it, the total number of epochs. Training that is to be resumed towards a
        larger total should name it.
    final : float in [0, 1]
        The factor after that many epochs and later.

    References
    ----------
    Loshchilov, Hutter, SGDR: stochastic gradient descent with warm restarts, 2016.
    """

    name = "cosine"
    formula = "final + (1 - final) (1 + cos(π (epoch - 1)/epochs))/2"
    synonyms = ("cosine_annealing", "cosine_annealing_lr", "cosine_decay")

    @hinted
    def __init__(self, epochs: int | None = None, final: float = 0.0) -> None:
        self.epochs = None if epochs is None else as_count(epochs, "epochs")
        self.final = as_number(final, "final", 0, 1, open_high=False)

    def factor(self, epoch: int, epochs: int, losses: Sequence[float]) -> float:  # noqa: ARG002
        """Return the factor; see `Schedule.factor`."""
        progress = min((epoch - 1) / (self.epochs or epochs), 1.0)
        return self.final + (1 - self.final) * (1 + math.cos(math.pi * progress)) / 2


class InverseScaling(_Foreseeable):
    """epoch^(-power).

    Parameters
    ----------
    power : float in [0, ∞)
    """

    name = "inverse_scaling"
    formula = "epoch^(-power)"
    synonyms = ("invscaling",)

    @hinted
    def __init__(self, power: float = 0.5) -> None:
        self.power = as_number(power, "power", 0)

    def factor(self, epoch: int, epochs: int, losses: Sequence[float]) -> float:  # noqa: ARG002
        """Return the factor; see `Schedule.factor`."""
        return float(epoch**-self.power)


class ReduceOnPlateau(Schedule):
    """Multiply by γ whenever the loss has not improved for more than ``patience`` epochs.

    Parameters
    ----------
    patience : int
        Epochs without improvement that are tolerated, at least 0.
    gamma : float in (0, 1)
        γ.
    threshold : float in [0, 1)
        An improvement is a loss below (1 - threshold) times the best.
    """

    name = "reduce_on_plateau"
    formula = "γ more whenever the loss has not improved for patience epochs"
    synonyms = ("reduce_lr_on_plateau", "plateau")

    @hinted
    def __init__(self, patience: int = 10, gamma: float = 0.1, threshold: float = 1e-4) -> None:
        self.patience = as_count(patience, "patience", 0)
        self.gamma = as_number(gamma, "gamma", 0, 1, open_low=True)
        self.threshold = as_number(threshold, "threshold", 0, 1)

    def factor(self, epoch: int, epochs: int, losses: Sequence[float]) -> float:  # noqa: ARG002
        """Return the factor; see `Schedule.factor`."""
        factor, best, waited = 1.0, math.inf, 0
        for loss in losses:
            # Losses may be negative (Poisson): an improvement is relative to the size of the best.
            if math.isinf(best) or loss < best - self.threshold * abs(best):
                best, waited = loss, 0
            else:
                waited += 1
            if waited > self.patience:
                factor, waited = factor * self.gamma, 0
        return factor


_WARM_UP = "rates that rise first are not supported: write pl.schedules.Cosine()"

SCHEDULES: Registry[Any] = Registry(
    "schedule",
    (Constant, Step, Exponential, Cosine, InverseScaling, ReduceOnPlateau),
    columns=(("factor of an epoch", lambda row: row.formula),),
    example="an object such as pl.schedules.Cosine()",
    elsewhere={
        "adaptive": "write pl.schedules.ReduceOnPlateau()",
        "multi_step": "write a pl.schedules.Step(every=10, gamma=0.1), whose drops are equally far apart",
        "one_cycle": _WARM_UP,
        "one_cycle_lr": _WARM_UP,
        "warmup": _WARM_UP,
        "polynomial": "write pl.schedules.Cosine(), which falls to 0 as well",
        "cosine_with_restarts": "write pl.schedules.Cosine(); net.train may be called again for a restart",
        "linear": "write pl.schedules.Cosine(), which falls to 0 as well",
    },
)
"""The table, by name."""


def as_schedule(schedule: object) -> Schedule:
    """Look a schedule up by name, with its default settings, or pass one through; None is constant."""
    found: Schedule = SCHEDULES.look_up("constant" if schedule is None else schedule, Schedule)
    return found


def __getattr__(name: str) -> Any:
    known = [kind.__name__ for kind in SCHEDULES.values()]
    raise no_attribute("schedules", name, known)
