"""Several networks at once: each trained on one core, as many side by side as there are cores."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any

from pellucid.arrays import ArrayLike
from pellucid.engine import as_threads, compiled
from pellucid.errors import TrainingDiverged
from pellucid.hints import Hinted, check_keywords, hinted
from pellucid.network import Network
from pellucid.training import History, Trainer, progress_bar, shows_progress


class Training(Hinted):
    """What `train_many` does with one network: the arguments of its `Network.train`.

    Parameters
    ----------
    network : Network
    X, y : array_like
    loss : str or Loss
    **settings
        As `Network.train` takes them, but for ``threads`` and ``progress``.

    Attributes
    ----------
    problem : TrainingDiverged or None
        After `train_many`: how this training ended early.

    Raises
    ------
    TypeError
        ``threads`` or ``progress``, which belong to `train_many`; no network.
    """

    @hinted
    def __init__(self, network: Network, X: ArrayLike, y: ArrayLike, loss: object = "mse", **settings: Any) -> None:
        if not isinstance(network, Network):
            raise TypeError(f"a training is of a pellucid.Network, got {network!r}")
        for name in ("threads", "progress"):
            if name in settings:
                raise TypeError(f"{name} is of all trainings together: give it to train_many")
        check_keywords(Network.train, settings, "Training")
        self.network, self.X, self.y, self.loss, self.settings = network, X, y, loss, settings
        self.problem: TrainingDiverged | None = None

    def __repr__(self) -> str:
        return f"<Training of {self.network!r}>"


@hinted
def train_many(
    trainings: Iterable[Training],
    *,
    threads: int | None = None,
    progress: bool | None = None,
    raises: bool = True,
) -> list[History]:
    """Train a list of networks side by side, each on one core.

    Parameters
    ----------
    trainings : iterable of Training
        Shapes, seeds, settings and data may differ. Arrays are shared and never copied.
    threads : int, optional
        At most so many at once; by default PELLUCID_THREADS, or the cores this process may use.
    progress : bool, optional
        Show one progress bar for all; by default on a terminal alone.
    raises : bool
        Without it a training that diverged stops no one: its ``problem`` says how, and the list has its history so far.

    Returns
    -------
    list of History
        In the order of the trainings, each with the same bits as training that network alone. After Ctrl-C all are
        interrupted, and each network is left at its last whole epoch.

    Raises
    ------
    ValueError, TypeError
        Arguments that do not fit, before anything is changed, with the number of the training; one network twice.
    TrainingDiverged, OSError
        The first that a training raised; the others ran to their end.

    Examples
    --------
    >>> import numpy as np
    >>> import pellucid as pl
    >>> X = np.linspace(-1, 1, 64).reshape(-1, 1)
    >>> nets = [pl.Network([1, 8, 1], "tanh", "identity", seed=seed) for seed in range(3)]
    >>> histories = pl.train_many([pl.Training(net, X, X**2, epochs=20, seed=0) for net in nets])
    >>> [history.epochs for history in histories]
    [20, 20, 20]
    """
    if isinstance(trainings, Training):
        raise TypeError("train_many takes a list of trainings: write train_many([training])")
    chosen = list(trainings)
    at_once = min(as_threads(threads), max(len(chosen), 1))
    trainers = _prepare(chosen)
    cancel: Any = threading.Event() if compiled().module is None else compiled().module.Flag()
    for trainer in trainers:
        trainer.settings.threads = 1
        trainer.settings.cancel = cancel
    if not shows_progress(progress):
        return _run(chosen, trainers, at_once, cancel, lambda _: None, raises=raises)
    with progress_bar("epoch") as bar:
        total = sum(trainer.settings.epochs for trainer in trainers)
        done = sum(trainer.history.epochs for trainer in trainers)
        task = bar.add_task(f"of {len(chosen)} networks", total=total, completed=done)
        return _run(chosen, trainers, at_once, cancel, lambda _: bar.update(task, advance=1), raises=raises)


def _prepare(trainings: list[Training]) -> list[Trainer]:
    """Check every training before the first begins."""
    trainers: list[Trainer] = []
    numbers: dict[int, int] = {}
    for number, training in enumerate(trainings, 1):
        if not isinstance(training, Training):
            raise TypeError(f"training {number} must be a pellucid.Training, got {training!r}")
        if id(training.network) in numbers:
            raise ValueError(f"trainings {numbers[id(training.network)]} and {number} are of the same network")
        numbers[id(training.network)] = number
        try:
            trainers.append(training.network.trainer(training.X, training.y, training.loss, **training.settings))
        except Exception as error:
            error.add_note(f"in training {number} of {len(trainings)}")
            raise
    return trainers


def _run(
    trainings: list[Training], trainers: list[Trainer], at_once: int, cancel: Any, show: Any, *, raises: bool
) -> list[History]:
    waiting = iter(range(len(trainers)))
    guard = threading.Lock()
    errors: dict[int, BaseException] = {}

    def shown(row: Mapping[str, float]) -> None:
        with guard:
            show(row)

    def work() -> None:
        while True:
            with guard:
                number = next(waiting, None)
            if number is None:
                return
            trainer = trainers[number]
            trainer.settings.show = shown
            try:
                trainer.run()
            except TrainingDiverged as problem:
                trainings[number].problem = problem
                if raises:
                    errors[number] = problem
            except BaseException as error:
                errors[number] = error
            finally:
                trainings[number].network.optimizer_state = trainer.state

    over = [threading.Event() for _ in range(at_once)]

    def work_to_the_end(mine: threading.Event) -> None:
        try:
            work()
        finally:
            mine.set()

    for mine in over:
        threading.Thread(target=work_to_the_end, args=(mine,), daemon=True).start()
    while not all(mine.is_set() for mine in over):
        try:
            for mine in over:
                mine.wait(0.1)
        except KeyboardInterrupt:
            cancel.set()
    if errors:
        number = min(errors)
        errors[number].add_note(f"in training {number + 1} of {len(trainers)}; the others ran to their end")
        raise errors[number]
    return [trainer.history for trainer in trainers]
