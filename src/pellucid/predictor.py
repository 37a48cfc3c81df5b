"""A network with what turns raw rows into inputs and outputs into answers: what the command trains, saves and uses."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.activations import Activation
from pellucid.arrays import Array
from pellucid.backprop import NO_PENALTY, feedforward, sample_losses, shares, total_loss
from pellucid.data import Encoding, Table
from pellucid.data.tables import Column, is_text
from pellucid.described import Brief
from pellucid.errors import DataFileError, ModelFileError
from pellucid.losses import Loss, as_loss
from pellucid.metrics import METRICS
from pellucid.network import Network
from pellucid.results import Result
from pellucid.samples import Samples, as_samples
from pellucid.storage import (
    PathLike,
    describe,
    layers_header,
    layers_tensors,
    read_file,
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
            header = ("true class", *(f"predicted {i}" for i in range(len(counts))))
            blocks += [
                Heading(2, "Rows by true class and predicted class"),
                Rows(header, tuple((str(i), *row) for i, row in enumerate(counts))),
            ]
        return Document("Evaluation", tuple(blocks))


@dataclass(frozen=True, eq=False, repr=False)
class Predictor(Brief):
    """A trained network, its loss, and its encoding.

    Attributes
    ----------
    network : Network
    loss : Loss, str or None
        None for a file written by `Network.save`.
    encoding : Encoding or None
        None likewise; rows are then numbers in the order of the inputs.
    """

    network: Network
    loss: Loss | None
    encoding: Encoding | None

    def __post_init__(self) -> None:
        if self.loss is not None:
            object.__setattr__(self, "loss", as_loss(self.loss))  # a name serves as well

    @property
    def gives_probabilities(self) -> bool:
        """Whether the outputs for classes are probabilities: softmax, or one sigmoid for two classes."""
        sigma, n_outputs = self.network.activations[self.network.F].name, self.network.size(self.network.F)
        return sigma == "softmax" or (sigma == "sigmoid" and n_outputs == 1)

    def samples(self, table: Table) -> Samples:
        """Make inputs of shape (n, n_1) and targets of shape (n, n_F) from raw rows.

        Raises
        ------
        ValueError
            The model has no loss or encoding, or what `as_samples` refuses.
        DataFileError
            What the encoding refuses.
        """
        if self.encoding is None or self.loss is None:
            raise ValueError("this model was saved without its loss and encoding, so rows have no targets for it")
        X, Y = self.encoding.encode_inputs(table), self.encoding.encode_targets(table)
        n_outputs = self.network.size(self.network.F)
        if self.encoding.target.classes is not None and self.loss.targets != "classes" and n_outputs > 1:
            Y = np.eye(n_outputs)[Y]  # every loss but cross-entropy takes one-hot rows
        return as_samples(self.network, X, Y, self.loss)

    def inputs(self, table: Table) -> Array:
        """Make X of shape (n, n_1) from raw rows."""
        if self.encoding is not None:
            return self.encoding.encode_inputs(table)
        names = table.features
        if len(names) != self.network.size(1) or any(is_text(table.columns[name]) for name in names):
            raise DataFileError(
                f"{table.name} has {len(names)} columns, but the network's input layer has {self.network.size(1)} "
                "neurons and the model names no columns: as many columns of numbers are needed"
            )
        return np.stack([table.columns[name].astype(np.float64) for name in names], axis=1)

    def predict(self, table: Table) -> dict[str, Column]:
        """Answer raw rows: classes with their probabilities or outputs, or numbers in their own units, by column.

        Raises
        ------
        DataFileError
            What `inputs` refuses, or a row whose outputs are not finite numbers.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            a = self.network.forward(self.inputs(table))
        self._check_finite(a, table)
        if self.encoding is None:
            return {f"a_{j}": column for j, column in enumerate(a.T, start=1)}
        return self.encoding.decode(a.astype(np.float64), are_probabilities=self.gives_probabilities)

    def _check_finite(self, a: Array, table: Table) -> None:
        if not np.isfinite(a).all():
            i = int(np.argmin(np.isfinite(a).all(axis=1)))
            raise DataFileError(
                f"{table.where(i)}: the network's outputs are not finite; the row's numbers are too large"
            )

    def evaluate(self, table: Table) -> Evaluation:
        """Measure the model on raw rows with targets."""
        samples = self.samples(table)
        assert self.encoding is not None
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
            metrics = {name: METRICS[name](outputs * scale, samples.Y * scale) for name in ("mae", "rmse", "r2")}
            return Evaluation(len(samples), loss, metrics, None)
        truth = self.encoding.encode_targets(table)
        answers = self.encoding.decode(outputs.astype(np.float64))[target.names[0]]
        found = (answers[:, np.newaxis] == np.array(target.classes)).argmax(axis=1)
        confusion = np.zeros((len(target.classes), len(target.classes)), dtype=np.int64)
        np.add.at(confusion, (truth, found), 1)
        return Evaluation(len(samples), loss, {"accuracy": float(np.mean(truth == found))}, confusion)

    def save(self, path: PathLike) -> None:
        """Write everything needed to predict on raw rows again, as safetensors, never code.

        Raises
        ------
        OSError
            The file cannot be written; one that was there stays as it was.
        """
        header = layers_header(self.network)
        if self.loss is not None and self.encoding is not None:
            header |= {"loss": describe(self.loss), "encoding": self.encoding.to_dict()}
        write_file(path, "network", header, layers_tensors(self.network))

    @classmethod
    def load(
        cls,
        path: PathLike,
        *,
        activations: Mapping[str, Activation] | None = None,
        losses: Mapping[str, Loss] | None = None,
    ) -> "Predictor":
        """Read a model back; raises what `pellucid.load` raises."""
        header, tensors = read_file(path, "network")
        network = restore_layers(header, tensors, path, activations, Network)
        assert isinstance(network, Network)
        if "encoding" not in header:
            return cls(network, None, None)
        try:
            loss = restore(header["loss"], "loss", losses, path)
            encoding = Encoding.from_dict(header["encoding"])
        except ModelFileError:
            raise
        except (KeyError, TypeError, ValueError) as error:
            raise ModelFileError(f"{path} has a broken header: {error!r}") from error
        if encoding.n_inputs != network.size(1) or not encoding.fits(network.size(network.F)):
            raise ModelFileError(
                f"{path}: its encoding makes {encoding.n_inputs} inputs and {encoding.n_outputs} outputs, but its "
                f"network has sizes {list(network.sizes)}"
            )
        assert isinstance(loss, Loss)
        return cls(network, loss, encoding)
