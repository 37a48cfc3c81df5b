"""A network with what turns raw rows into inputs and outputs into answers: what the command trains, saves and uses."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.activations import Activation
from pellucid.arrays import Array
from pellucid.backprop import NO_PENALTY, feedforward, sample_losses, shares, total_loss
from pellucid.data import Encoding, Table
from pellucid.data.rows import Rows, as_table
from pellucid.data.tables import Column, is_text
from pellucid.described import Brief
from pellucid.errors import DataFileError, counted
from pellucid.hints import Hinted, hinted
from pellucid.losses import Loss, as_loss, check_output
from pellucid.metrics import METRICS
from pellucid.network import Network
from pellucid.results import Result
from pellucid.samples import Samples, as_samples
from pellucid.schema import list_of, maybe, real, record, text
from pellucid.storage import (
    LAYERS,
    LAYERS_OPTIONAL,
    ROW,
    ModelFile,
    PathLike,
    describe,
    layers_header,
    layers_tensors,
    restore,
    restore_layers,
    write_file,
)

if TYPE_CHECKING:
    from pellucid.document import Block, Document

_MOST_CLASSES = 20
"""Of a confusion matrix that is written out."""


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation(Brief, Result):
    """How a model does on rows with known targets.

    Attributes
    ----------
    n : int
        Rows.
    loss : float
        The mean loss, in the units that the network was trained in.
    metrics : dict
        For classes ``accuracy``; for numbers ``mae``, ``rmse`` in the targets' own units, and ``r2``.
    confusion : ndarray of shape (classes, classes), or None
        Rows by true class and predicted class.
    """

    n: int
    loss: float
    metrics: Mapping[str, float]
    confusion: np.ndarray[Any, Any] | None

    def document(self) -> "Document":
        """Return it as a document."""
        from pellucid.document import Document, Heading, escape
        from pellucid.document import Table as Rows

        rows = [("rows", f"{self.n:,}"), ("loss", f"{self.loss:.6g}")]
        rows += [(escape(name), f"{value:.6g}") for name, value in self.metrics.items()]
        blocks: list[Block] = [Rows(("quantity", "value"), tuple(rows))]
        if self.confusion is not None and len(self.confusion) <= _MOST_CLASSES:
            counts = [[str(count) for count in row] for row in self.confusion.tolist()]
            header = ("true \\\\ predicted", *map(str, range(len(counts))))
            blocks += [
                Heading(2, "Rows by true class and predicted class"),
                Rows(header, tuple((str(i), *row) for i, row in enumerate(counts))),
            ]
        return Document("Evaluation", tuple(blocks))


_BARE = "this model was saved without its loss and encoding, so rows have no targets for it"


@dataclass(frozen=True, eq=False, repr=False)
class Predictor(Brief, Hinted):
    """A trained network, its loss, and its encoding.

    Attributes
    ----------
    network : Network
    loss : Loss, str or None
        What it was trained with; None if that is not known.
    encoding : Encoding or None
        None likewise; rows are then numbers in the order of the inputs.

    Raises
    ------
    ValueError
        The network has other numbers of inputs or outputs than the encoding, or an output activation that does not go
        with the loss.
    """

    network: Network
    loss: Loss | None
    encoding: Encoding | None

    def __post_init__(self) -> None:
        if self.loss is not None:
            loss, network = as_loss(self.loss), self.network  # a name serves as well
            check_output(loss, network.activations[network.F], network.size(network.F))
            object.__setattr__(self, "loss", loss)
        sizes, encoding = self.network.sizes, self.encoding
        if encoding is not None and not (encoding.n_inputs == sizes[0] and encoding.fits(sizes[-1])):
            raise ValueError(
                f"the encoding makes {counted(encoding.n_inputs, 'input')} and "
                f"{counted(encoding.n_outputs, 'output')}, but the network has "
                f"sizes {list(sizes)}"
            )

    @property
    def gives_probabilities(self) -> bool:
        """Whether the outputs for classes are probabilities: softmax, or one sigmoid for two classes."""
        sigma, n_outputs = self.network.activations[self.network.F].name, self.network.size(self.network.F)
        return sigma == "softmax" or (sigma == "sigmoid" and n_outputs == 1)

    def samples(self, rows: Rows) -> Samples:
        """Make inputs of shape (n, n_1) and targets of shape (n, n_F) from raw rows.

        Raises
        ------
        ValueError
            The model has no loss or encoding, or what `as_samples` refuses.
        DataFileError
            What the encoding refuses.
        """
        if self.encoding is None or self.loss is None:
            raise ValueError(_BARE)
        table = self._table(rows)
        X, Y = self.encoding.encode_inputs(table), self.encoding.encode_targets(table)
        n_outputs = self.network.size(self.network.F)
        if self.encoding.target.classes is not None and self.loss.targets != "classes" and n_outputs > 1:
            Y = np.eye(n_outputs)[Y]  # every loss but cross-entropy takes one-hot rows
        return as_samples(self.network, X, Y, self.loss)

    def inputs(self, rows: Rows) -> Array:
        """Make X of shape (n, n_1) from raw rows."""
        table = self._table(rows)
        if self.encoding is not None:
            return self.encoding.encode_inputs(table)
        names = table.features
        if len(names) != self.network.size(1) or any(is_text(table.columns[name]) for name in names):
            raise DataFileError(
                f"{table.name} has {len(names)} columns, but the network's input layer has {self.network.size(1)} "
                "neurons and the model names no columns: as many columns of numbers are needed"
            )
        return np.stack([table.columns[name].astype(np.float64) for name in names], axis=1)

    @hinted
    def predict(self, rows: Rows) -> dict[str, Column]:
        """Answer raw rows.

        Parameters
        ----------
        rows : Table, path, mapping, data frame or sequence
            A `pellucid.data.Table`, or a file that `pellucid.data.read` reads; columns by name, as a mapping or as a
            data frame of pandas or polars; one row as a mapping of values, or a list of such; or an array or a list of
            rows with their values in the order of the inputs. Columns that are not inputs are ignored.

        Returns
        -------
        dict of str to ndarray of shape (n,)
            For classes the class, under the target's name, and ``p(…)`` of each if the outputs are probabilities, else
            ``a(…)``; for numbers each target in its own units. Without an encoding the outputs, ``a_1``, ``a_2``, ….

        Raises
        ------
        DataFileError
            An input column is missing, holds text in place of numbers or a category that the model does not know, or
            has a missing value; a row whose outputs are not finite.
        OSError
            The file cannot be read.
        TypeError
            ``rows`` is none of these.
        """
        table = self._table(rows)
        with np.errstate(over="ignore", invalid="ignore"):
            a = self.network.forward(self.inputs(table))
            self._check_finite(a, table)
            if self.encoding is None:
                return {f"a_{j}": column for j, column in enumerate(a.T, start=1)}
            answers = self.encoding.decode(a.astype(np.float64), are_probabilities=self.gives_probabilities)
        if self.encoding.target.classes is None:
            self._check_finite(np.stack(list(answers.values()), axis=1), table)
        return answers

    def _table(self, rows: Rows) -> Table:
        if self.encoding is None:
            return as_table(rows)
        return as_table(rows, self.encoding.input_names, self.encoding.target.names)

    def _check_finite(self, a: Array, table: Table) -> None:
        if not np.isfinite(a).all():
            i = int(np.argmin(np.isfinite(a).all(axis=1)))
            raise DataFileError(
                f"{table.where(i)}: the network's outputs are not finite; the row's numbers are too large"
            )

    @hinted
    def evaluate(self, rows: Rows) -> Evaluation:
        """Measure the model on raw rows with targets, given by name as in `predict`.

        Raises
        ------
        DataFileError, OSError, TypeError
            As in `predict`; also for the targets.
        ValueError
            The model has no loss or encoding, or targets that the loss does not take.
        """
        if self.encoding is None:
            raise ValueError(_BARE)
        table = self._table(rows)
        samples = self.samples(table)
        with np.errstate(over="ignore", invalid="ignore"):
            z, a = feedforward(self.network, samples.X)
            outputs = a[self.network.F]
            self._check_finite(outputs, table)
            losses = sample_losses(self.network, z, a, samples.Y, samples.loss)
            loss = total_loss(losses, shares(None, len(samples)), NO_PENALTY, self.network.W)
        if not np.isfinite(loss):
            raise DataFileError(f"{table.name}: the loss of these rows is {loss}; their numbers are too large")
        target = self.encoding.target
        if target.classes is None:
            scale = np.array(target.scale)
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                metrics = {name: METRICS[name](outputs * scale, samples.Y * scale) for name in ("mae", "rmse", "r2")}
            return Evaluation(len(samples), loss, metrics, None)
        truth = self.encoding.encode_targets(table)
        answers = self.encoding.decode(outputs.astype(np.float64))[target.names[0]]
        found = (answers[:, np.newaxis] == np.array(target.classes)).argmax(axis=1)
        confusion = np.zeros((len(target.classes), len(target.classes)), dtype=np.int64)
        np.add.at(confusion, (truth, found), 1)
        return Evaluation(len(samples), loss, {"accuracy": float(np.mean(truth == found))}, confusion)

    @hinted
    def save(self, path: PathLike) -> None:
        """Write everything needed to predict on raw rows again, as safetensors, never code.

        `pellucid.load` reads it back; without an encoding, as the network that it then is.

        Raises
        ------
        OSError
            The file cannot be written; one that was there stays as it was.
        ValueError
            A parameter of the network is not finite.
        """
        header = layers_header(self.network)
        if self.loss is not None and self.encoding is not None:
            header |= {"loss": describe(self.loss), "encoding": self.encoding.to_dict()}
        write_file(path, "network", header, layers_tensors(self.network))

    def __repr__(self) -> str:
        sizes = "-".join(map(str, self.network.sizes))
        if self.encoding is None:
            return f"<Predictor: {sizes}, columns of numbers>"
        inputs, target = [one.name for one in self.encoding.inputs], self.encoding.target
        shown = ", ".join(map(repr, inputs[:3])) + (
            f", … ({counted(len(inputs), 'column')})" if len(inputs) > 3 else ""
        )
        classes = "" if target.classes is None else f" ({len(target.classes)} classes)"
        return f"<Predictor: {shown} to {', '.join(map(repr, target.names))}{classes}, {sizes}, loss {self.loss}>"


_SCALE = real(0, open_low=True)
_INPUT = record({"name": text, "categories": maybe(list_of(text, 1)), "offset": real(), "scale": _SCALE})
_TARGET = record(
    {
        "names": list_of(text, 1),
        "classes": maybe(list_of(text, 2)),
        "offset": list_of(real()),
        "scale": list_of(_SCALE),
    }
)
_DESCRIPTION = record(
    LAYERS, {**LAYERS_OPTIONAL, "loss": ROW, "encoding": record({"inputs": list_of(_INPUT, 1), "target": _TARGET})}
)


def restore_predictor(
    file: ModelFile, activations: Mapping[str, Activation] | None = None, losses: Mapping[str, Loss] | None = None
) -> Predictor:
    """Make a predictor from a file of the kind ``network``; without loss and encoding if the file has none.

    Raises
    ------
    ModelFileError
        The file is damaged, or uses a user-made activation or loss that is not given.
    """
    header = file.check(_DESCRIPTION)
    if ("loss" in header) != ("encoding" in header):
        raise file.broken("it has one of a loss and an encoding, which belong together")
    network = restore_layers(file, header, activations, Network)
    assert isinstance(network, Network)
    if "encoding" not in header:
        return Predictor(network, None, None)
    loss = as_loss(restore(header["loss"], "loss", losses, file))
    try:
        return Predictor(network, loss, Encoding.from_dict(header["encoding"]))
    except (TypeError, ValueError) as error:  # what they say of one another
        raise file.broken(error) from error
