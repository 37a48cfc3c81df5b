"""Network, the face of the library: layers, and thin methods that hand over to the rooms that do the work."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Never, Self

import numpy as np

from pellucid import engine as engines
from pellucid.arrays import Array, ArrayLike, DTypeLike, as_count, as_inputs, as_number
from pellucid.backprop import Gradient, Record
from pellucid.checking import GradientCheck, check_gradient
from pellucid.described import brief
from pellucid.engine import Engine
from pellucid.errors import UnknownLabelError, counted
from pellucid.explanation import Explanation, explain
from pellucid.five_steps import FiveSteps
from pellucid.hints import check_keywords, hinted
from pellucid.layers import Layers
from pellucid.notation import Label, elided_layers, parse
from pellucid.optimizers import LBFGS, OptimizerState, as_optimizer
from pellucid.randomness import Seed, as_seed
from pellucid.results import Displayed, Result
from pellucid.samples import Samples, as_penalty, as_samples, check_functions
from pellucid.schedules import as_schedule
from pellucid.storage import PathLike, layers_header, layers_tensors, write_file
from pellucid.training import (
    History,
    Settings,
    Trainer,
    as_callbacks,
    as_dropout,
    as_metrics,
    checkpoint_seed,
    split,
)

if TYPE_CHECKING:
    from pellucid.document import Document
    from pellucid.drawing import Drawing


class Run(Record, Result):
    """The record of one backpropagation: ``run.a[1]``, ``run.z[2]``, ``run.d[3]``, ``run.loss``, ``run.gradient``.

    See `pellucid.backprop.Record` for every attribute. A number can also be had by its label: ``run["d_2^3"]``.
    Printed are the five steps with every number; of a batch those of sample 1, and the mean gradient. Of large layers
    the first neurons and the last; `document` has more.
    """

    def __getitem__(self, label: str | Label) -> Any:
        """Return z, a, d, w or b by its label; for z, a and d of a batch the column of all samples."""
        which = parse(label)
        self.layers.check_label(which)
        if which.symbol in "wb":
            return (self.layers.W if which.symbol == "w" else self.layers.b)[which.layer][which.index]
        return {"z": self.z, "a": self.a, "d": self.d}[which.symbol][which.layer][..., which.j - 1][()]

    @hinted
    def explain(
        self,
        symbol: str | Label,
        layer: int | None = None,
        j: int | None = None,
        k: int | None = None,
        *,
        sample: int | None = None,
        digits: int = 6,
    ) -> Explanation:
        """Explain one number: its equation in symbols, with its numbers, and the result.

        Parameters
        ----------
        symbol : str
            ``z``, ``a`` or ``d``: that quantity. ``w`` or ``b``: the partial ∂L/∂w or ∂L/∂b. ``L``: the loss. Or a
            whole label such as ``w_13^2``, or ``∂L/∂w_13^2``; then layer, j and k are left out.
        layer, j, k : int
            As in the labels, from 1.
        sample : int, optional
            From 1. For z, a and d of a batch it must be given; for w, b and L it asks for that sample's own in place of
            the mean.
        digits : int
            Significant digits shown.

        Returns
        -------
        Explanation
            Prints as text; ``.latex`` is the same for a paper, ``.value`` the number itself.

        Raises
        ------
        UnknownLabelError
            No such symbol, layer, neuron or sample.
        ValueError
            A batch whose sample is not named.
        """
        return explain(self, symbol, layer=layer, j=j, k=k, sample=sample, digits=digits)

    @property
    def text(self) -> str:
        """The five steps with their numbers as plain text; of a batch those of sample 1, and the mean gradient."""
        return FiveSteps(self).text()

    def document(self, *, sample: int = 1, digits: int = 6, every: bool = False) -> Document:
        """Return the five steps with their numbers as a document, with the network drawn above them.

        Parameters
        ----------
        sample : int
            Of a batch, from 1: whose numbers are shown. Step 5 has the mean gradient too.
        digits : int in [1, 17]
            Significant digits shown.
        every : bool
            Write out every neuron and weight; otherwise at most six for each quantity of a layer.

        Raises
        ------
        UnknownLabelError
            There is no such sample.
        """
        return FiveSteps(self, sample=sample, digits=digits, every=every).document()

    def _drawing(self) -> Drawing:
        return FiveSteps(self).drawing()

    def __repr__(self) -> str:
        what = "one input" if self.is_single else f"{counted(len(self.y), 'sample')}"
        return f"<Run: {what} through {self.layers.sizes_text}, {self.loss_function} loss {self.loss:.6g}>"


class Network(Layers, Displayed):
    """A feed-forward network, in the textbook's notation.

    Parameters
    ----------
    sizes : sequence of int
        n_1 … n_F, the neurons of each layer; at least two layers.
    activation : str, Activation, or a sequence of them
        σ of all layers 2 … F; or one entry for each of them; or, with ``output``, one entry for each hidden layer.
        Names are taken in any case: ``ReLU``.
    output : str or Activation, optional
        σ of layer F.
    dtype : {'float64', 'float32'}
    seed : int, numpy.random.Generator or SeedSequence, optional
        For the initial weights.
    init : optional
        A name in `pellucid.layers.INITIALISERS` for every layer; a number for every weight and bias; a flat vector; or
        a pair (weights, biases) of arrays for layers 2 … F; (weights, None) with ``bias=False``. Without it, He normal
        for the layers with ReLU and its smooth relatives, LeCun normal for SELU, else Glorot uniform, with biases 0.
    bias : bool
        Whether the layers have biases. With False, z^l = W^l a^{l-1}: ``net.parameters`` holds the weights only, and
        ``net.b`` is empty.
    engine : {'auto', 'native', 'numpy'}
        What computes: the compiled engine where every piece is known to it, or NumPy.

    Raises
    ------
    ValueError, TypeError
        Sizes, activations, dtype, init, bias or engine that do not fit.

    Examples
    --------
    >>> import pellucid as pl
    >>> net = pl.Network([3, 4, 2], activation="sigmoid", seed=0)
    >>> net.W[2].shape, net.b[3].shape
    ((4, 3), (2,))
    >>> run = net.backprop([0.5, -1.0, 2.0], [1.0, 0.0], loss="mse")
    >>> bool(run.gradient.W[2][0, 2] == run.a[1][2] * run.d[2][0])  # (3): ∂L/∂w_13^2 = a_3^1 d_1^2
    True
    """

    @hinted
    def __init__(
        self,
        sizes: Sequence[int],
        activation: object = "sigmoid",
        output: object = None,
        *,
        dtype: DTypeLike = "float64",
        seed: Seed = None,
        init: object = None,
        bias: bool = True,
        engine: str = "auto",
    ) -> None:
        super().__init__(sizes, activation, output, dtype=dtype, seed=seed, init=init, bias=bias)
        self.engine = engine

    @property
    def engine(self) -> Engine:
        """What runs this network: ``native``, the compiled engine, or ``numpy``; ``engine.detail`` says why.

        Assigning chooses: ``auto`` (native where every piece is known to it), ``native`` or ``numpy``. A user-made loss
        or optimizer runs on NumPy all the same.
        """
        return engines.engine_of(self)

    @engine.setter
    def engine(self, choice: str) -> None:
        before, self.engine_choice = self.engine_choice, engines.as_choice(choice)
        self.compiled = None
        if choice == "native":
            try:
                engines.engine_of(self)
            except ValueError:
                self.engine_choice = before
                raise

    optimizer_state: OptimizerState | None = None
    """What the last training's optimizer remembers. Training with the same kind of optimizer goes on from it; set it to
    None to start afresh."""

    def forward(self, X: ArrayLike, **unknown: Never) -> Array:
        """Compute a^F only. ``net(X)`` and ``net.predict(X)`` are the same: outputs, never class numbers.

        Parameters
        ----------
        X : array_like of shape (n, n_1) or (n_1,)

        Returns
        -------
        ndarray of shape (n, n_F) or (n_F,)

        Raises
        ------
        ValueError, TypeError
            Another shape, no samples, not finite numbers.
        """
        if unknown:  # no decorator, whose time would show in a call as short as this
            check_keywords(Network.forward, unknown, args=(self,))
        quick = engines.quick_forward(self, X)
        if quick is not None:
            return quick
        inputs, is_single = as_inputs(X, self.size(1), self.dtype)
        check_functions(self, None)
        a = engines.forward(self, inputs)
        return a[0] if is_single else a

    __call__ = forward

    @hinted
    def predict(self, X: ArrayLike) -> Array:
        """Compute a^F, as `forward` does: outputs, never class numbers."""
        return self.forward(X)

    @hinted
    def backprop(
        self,
        X: ArrayLike,
        y: ArrayLike,
        loss: object = "mse",
        *,
        sample_weight: ArrayLike | None = None,
        l2: float = 0.0,
        l1: float = 0.0,
    ) -> Run:
        """Run the five steps and keep everything: z, a and d of every layer, loss and gradient.

        Parameters
        ----------
        X : array_like of shape (n, n_1) or (n_1,)
            A batch, or one input, whose record then has no sample axis.
        y : array_like of shape (n, n_F) or (n_F,)
            Targets; for one output also (n,); for cross-entropy also class indices, whole numbers of shape (n,) or
            (n, 1).
        loss : str or Loss
        sample_weight : array_like of shape (n,), optional
            L_T = Σ w_i L_i / Σ w_i.
        l2, l1 : float in [0, ∞)
            Add ``(l2/2) Σ w²`` and ``l1 Σ |w|`` over the weights to the loss.

        Returns
        -------
        Run
            a, z and d keep the samples apart; the gradient is their mean.

        Raises
        ------
        ValueError, TypeError
            Shapes, values, names or an output activation that do not fit; nothing is broadcast.
        """
        if sample_weight is None and l2 == l1 == 0:
            quick = engines.quick_record(self, X, y, loss, Run)
            if quick is not None:
                return quick
        samples = as_samples(self, X, y, loss, sample_weight)
        return engines.record(
            self, samples.X, samples.Y, samples.loss,
            sample_weight=samples.weight, penalty=as_penalty(l2, l1), is_single=samples.is_single, make=Run,
        )  # fmt: skip

    @hinted
    def gradient(
        self,
        X: ArrayLike,
        y: ArrayLike,
        loss: object = "mse",
        *,
        sample_weight: ArrayLike | None = None,
        l2: float = 0.0,
        l1: float = 0.0,
    ) -> Gradient:
        """Compute ∇L_T only: ``g.W[l]``, ``g.b[l]``, ``g.vector``, and ``g.loss``, the L_T it belongs to.

        Parameters and errors are those of `backprop`.
        """
        if sample_weight is None and l2 == l1 == 0:
            quick = engines.quick_gradient(self, X, y, loss)
            if quick is not None:
                return quick
        samples = as_samples(self, X, y, loss, sample_weight)
        return engines.gradient(
            self, samples.X, samples.Y, samples.loss, sample_weight=samples.weight, penalty=as_penalty(l2, l1)
        )

    @hinted
    def check_gradient(
        self,
        X: ArrayLike,
        y: ArrayLike,
        loss: object = "mse",
        *,
        sample_weight: ArrayLike | None = None,
        l2: float = 0.0,
        l1: float = 0.0,
        at_most: int | None = None,
        seed: Seed = 0,
    ) -> GradientCheck:
        """Compare every partial of ∇L_T with a central difference of the loss.

        Parameters
        ----------
        X, y, loss, sample_weight, l2, l1
            As in `backprop`.
        at_most : int, optional
            Compare at most so many partials of each W^l and each b^l, chosen at random. A network of P parameters costs
            4 P passes through the layers above each parameter.
        seed : int, numpy.random.Generator or SeedSequence
            Of that choice.

        Returns
        -------
        GradientCheck
            True if all agree; prints the relative error per layer and the worst partial by its label.
        """
        samples = as_samples(self, X, y, loss, sample_weight)
        if at_most is not None:
            as_count(at_most, "at_most")
        return check_gradient(self, samples, as_penalty(l2, l1), at_most=at_most, seed=as_seed(seed))

    @hinted
    def train(
        self,
        X: ArrayLike,
        y: ArrayLike,
        loss: object = "mse",
        *,
        optimizer: object = "adam",
        batch_size: int | Literal["auto"] | None = "auto",
        epochs: int = 10,
        shuffle: bool = True,
        seed: Seed = None,
        validation: tuple[ArrayLike, ...] | float | None = None,
        patience: int | None = None,
        metrics: object = (),
        sample_weight: ArrayLike | None = None,
        l2: float = 0.0,
        l1: float = 0.0,
        dropout: float | Sequence[float] = 0.0,
        clip_norm: float | None = None,
        schedule: object = None,
        callbacks: object = (),
        checkpoint: PathLike | None = None,
        checkpoint_every: int = 1,
        resume: bool = False,
        threads: int | None = None,
        progress: bool | None = None,
    ) -> History:
        """Train in place.

        Parameters
        ----------
        X : array_like of shape (n, n_1)
        y : array_like of shape (n, n_F)
            Targets as in `backprop`.
        loss : str or Loss
        optimizer : str or optimizer
            ``pl.SGD(0.1)``, ``pl.Adam()``, ``pl.AdamW()``, ``pl.RMSprop(0.01)``, ``pl.LBFGS()``, or a name, which means
            its default settings; ``history.optimizer`` has them.
        batch_size : int, 'auto' or None
            Samples per step; None is gradient descent on the total loss. 'auto' is 32, and None for L-BFGS.
        epochs : int
            Passes over the samples; with ``resume`` the total, those before included.
        shuffle : bool
            Draw the batches in a new order each epoch.
        seed : int, numpy.random.Generator or SeedSequence, optional
            For order, dropout and split; ``history.seed`` is the number used, also if it was drawn.
        validation : tuple of arrays or float in (0, 1), optional
            Samples held out to measure the loss on, (X, y) or (X, y, sample_weight); or the fraction of the samples to
            split off for that.
        patience : int, optional
            Stop after so many epochs without a lower validation loss (training loss without validation); the network
            gets back the parameters of the best epoch.
        metrics : str, callable, or a sequence of them
            Taken at the end of each epoch: names in `pellucid.metrics.METRICS`, or functions of (a, y). They do not see
            the weights of the samples.
        sample_weight : array_like of shape (n,), optional
            A weight counts against the mean of all weights: in a batch B the loss is ``Σ w_i L_i / (w̄ |B|)``.
        l2, l1 : float in [0, ∞)
            As in `backprop`.
        dropout : float in [0, 1), or one for each hidden layer
            Share of hidden neurons dropped at random in each step.
        clip_norm : float in (0, ∞), optional
            Scale a gradient of larger Euclidean norm down to it.
        schedule : str or Schedule, optional
            What the learning rate is multiplied by in each epoch; see `pellucid.schedules`.
        callbacks : callable or a sequence of them
            Called at the end of each epoch with a `pellucid.training.Epoch`, whose ``stop()`` ends the training. One
            with a method ``epochs_ahead()`` is called after at most so many epochs, which is faster for small networks.
        checkpoint : path, optional
            Written atomically every ``checkpoint_every`` epochs, at the end, and on Ctrl-C.
        resume : bool
            Go on from the checkpoint if the file exists, with the same bits as never having stopped.
        threads : int, optional
            At most so many; by default PELLUCID_THREADS, or the cores this process may use. How many help follows from
            the work in a step, and the result has the same bits with any number on the native engine.
        progress : bool, optional
            Show a progress bar; by default on a terminal alone.

        Returns
        -------
        History
            Ctrl-C ends the training at the last whole epoch and returns it.

        Raises
        ------
        ValueError, TypeError
            Arguments that do not fit, before anything is changed.
        TrainingDiverged
            The loss stopped being finite; the network keeps the last finite parameters.
        OSError
            The checkpoint cannot be written; the network keeps the last whole epoch.
        """
        trainer = self.trainer(
            X, y, loss, optimizer=optimizer, batch_size=batch_size, epochs=epochs, shuffle=shuffle, seed=seed,
            validation=validation, patience=patience, metrics=metrics, sample_weight=sample_weight, l2=l2, l1=l1,
            dropout=dropout, clip_norm=clip_norm, schedule=schedule, callbacks=callbacks, checkpoint=checkpoint,
            checkpoint_every=checkpoint_every, resume=resume, threads=threads, progress=progress,
        )  # fmt: skip
        try:
            return trainer.run()
        finally:
            self.optimizer_state = trainer.state

    def trainer(
        self,
        X: ArrayLike,
        y: ArrayLike,
        loss: object = "mse",
        *,
        optimizer: object = "adam",
        batch_size: int | Literal["auto"] | None = "auto",
        epochs: int = 10,
        shuffle: bool = True,
        seed: Seed = None,
        validation: tuple[ArrayLike, ...] | float | None = None,
        patience: int | None = None,
        metrics: object = (),
        sample_weight: ArrayLike | None = None,
        l2: float = 0.0,
        l1: float = 0.0,
        dropout: float | Sequence[float] = 0.0,
        clip_norm: float | None = None,
        schedule: object = None,
        callbacks: object = (),
        checkpoint: PathLike | None = None,
        checkpoint_every: int = 1,
        resume: bool = False,
        threads: int | None = None,
        progress: bool | None = None,
    ) -> Trainer:
        """Check everything that `train` takes, and return the training, which has not begun."""
        samples = as_samples(self, X, y, loss, sample_weight)
        if resume and checkpoint is not None and seed is None and os.path.exists(checkpoint):
            seed = checkpoint_seed(checkpoint)
        row = as_optimizer(optimizer)
        settings = Settings(
            optimizer=row,
            epochs=epochs,
            batch_size=(None if isinstance(row, LBFGS) else 32) if batch_size == "auto" else batch_size,
            shuffle=shuffle,
            seed=as_seed(seed),
            patience=patience,
            metrics=as_metrics(metrics),
            penalty=as_penalty(l2, l1),
            dropout=as_dropout(dropout, self.F - 2),
            clip_norm=clip_norm,
            schedule=as_schedule(schedule),
            callbacks=as_callbacks(callbacks),
            checkpoint=checkpoint,
            checkpoint_every=checkpoint_every,
            resume=resume,
            threads=threads,
            progress=progress,
        )
        samples, held_out = self._validation(samples, validation, settings)
        return Trainer(self, samples, held_out, settings, self.optimizer_state)

    def _validation(
        self, samples: Samples, validation: tuple[ArrayLike, ...] | float | None, settings: Settings
    ) -> tuple[Samples, Samples | None]:
        if validation is None:
            return samples, None
        if isinstance(validation, tuple | list):
            if len(validation) not in (2, 3):
                raise ValueError(
                    f"validation must be (X, y), (X, y, sample_weight) or a fraction, got {len(validation)} arrays"
                )
            names = ("validation X", "validation y")
            X, y, *weight = validation
            return samples, as_samples(self, X, y, samples.loss, *weight, names=names)
        if not isinstance(validation, (int, float, np.number)) or isinstance(validation, bool):
            raise TypeError(f"validation must be (X, y) or a fraction, got {brief(validation)}; write validation=0.2")
        fraction = as_number(validation, "validation", 0, 1, open_low=True)
        return split(samples, fraction, settings.seed)

    @hinted
    def draw(self, show: Sequence[str] = ("a",), *, run: Run | None = None, sample: int | None = None) -> Drawing:
        """Draw the network with its labels.

        Parameters
        ----------
        show : sequence of {'a', 'z', 'd', 'w', 'b'}
            What is labelled: activations, pre-activations and deltas in the circles, weights along the lines, biases.
        run : Run, optional
            Put its numbers in place of the labels.
        sample : int, optional
            Of the run, from 1, if it is that of a batch.

        Returns
        -------
        Drawing
            ``.svg``, ``.latex`` (TikZ), ``.save(path)``; notebooks show it. Of large layers the first neurons and the
            last.
        """
        from pellucid.drawing import draw  # loaded with the first drawing

        return draw(self, show=show, run=run, sample=sample)

    @hinted
    def save(self, path: PathLike) -> None:
        """Write the network to a safetensors file: sizes, activations and parameters, never code.

        Raises
        ------
        OSError
            The file cannot be written; one that was there stays as it was.
        ValueError
            A parameter is not finite.
        """
        write_file(path, "network", layers_header(self), layers_tensors(self))

    def copy(self) -> Self:
        """Return the same network with parameters and optimizer state of its own."""
        other = super().copy()
        other.optimizer_state = self.optimizer_state and self.optimizer_state.copy()
        return other

    def __getitem__(self, label: str | Label) -> Any:
        """Return a weight or bias by its label, as in ``net["w_24^3"]``."""
        array, index = self._parameter(parse(label))
        return array[index]

    def __setitem__(self, label: str | Label, value: float) -> None:
        array, index = self._parameter(parse(label))
        array[index] = as_number(value, str(label), -np.inf, open_low=True)

    def _parameter(self, label: Label) -> tuple[Array, tuple[int, ...]]:
        self.check_label(label)
        if label.symbol not in "wb":
            raise UnknownLabelError(
                f"{label} belongs to a run and not to the network: net.backprop(x, y)[{label.text!r}]"
            )
        return (self.W if label.symbol == "w" else self.b)[label.layer], label.index

    def document(self) -> Document:
        """Return its drawing and the table of its layers as a document."""
        from pellucid.document import Document, Figure, Paragraph, Table, escape

        header, *rows = self._table()
        cells = tuple(tuple(map(escape, row)) for row in rows)
        blocks = (Figure(self.draw()), Table(header, cells), Paragraph(self._total()))
        return Document(f"Network {self.sizes_text}", blocks)

    def __repr__(self) -> str:
        rows = [str(row) for row in self.activations.values()]
        if len(set(rows)) == 1:
            activation = f"activation={brief(rows[0])}"
        elif len(set(rows[:-1])) == 1:
            activation = f"activation={brief(rows[0])}, output={brief(rows[-1])}"
        else:
            activation = f"activation={rows!r}" if len(rows) <= 10 else f"activation={brief(rows)}"
        sizes = list(self.sizes) if self.F <= 20 else brief(list(self.sizes))
        dtype = "" if self.dtype == np.float64 else f", dtype={str(self.dtype)!r}"
        bias = "" if self.has_bias else ", bias=False"
        return f"Network({sizes}, {activation}{dtype}{bias})"

    def __str__(self) -> str:
        rows = self._table()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        right = (True, True, *(False for _ in rows[0][2:-1]), True)
        lines = [
            "  ".join(cell.rjust(w) if r else cell.ljust(w) for cell, w, r in zip(row, widths, right, strict=True))
            for row in rows
        ]
        return "\n".join([f"{self.sizes_text}: {self._total()}", *(line.rstrip() for line in lines)])

    def _total(self) -> str:
        without = "" if self.has_bias else ", without biases"
        return f"{counted(self.parameters.size, 'parameter')}, {self.dtype}{without}"

    def _table(self) -> list[tuple[str, ...]]:
        """The header, and a row for each layer."""
        symbol_b = ("b",) if self.has_bias else ()
        rows: list[tuple[str, ...]] = [
            ("layer", "neurons", "activation", "W", *symbol_b, "parameters"),
            ("1", str(self.size(1)), "input", "", *("" for _ in symbol_b), ""),
        ]
        for l in elided_layers(self.F)[1:]:
            if l is None:
                rows.append(("…", *("" for _ in rows[0][1:])))
                continue
            sigma = self.activations[l]
            shapes = [self.W[l].shape, *(self.b[l].shape for _ in symbol_b)]
            count = sum(map(math.prod, shapes))
            rows.append((str(l), str(self.size(l)), str(sigma), *map(str, shapes), f"{count:,}"))
        return rows
