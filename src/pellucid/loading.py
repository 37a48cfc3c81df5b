"""`pellucid.load`: what a file holds, as the object that wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pellucid.activations import Activation
from pellucid.hints import hinted
from pellucid.losses import Loss
from pellucid.network import Network
from pellucid.storage import ModelFile, PathLike, read_file
from pellucid.training import read_checkpoint

if TYPE_CHECKING:
    from pellucid.predictor import Predictor


@hinted
def load(
    path: PathLike,
    *,
    activations: Mapping[str, Activation] | None = None,
    losses: Mapping[str, Loss] | None = None,
) -> Any:
    """Read a model back from a file, as what it is.

    Parameters
    ----------
    path : path
        Written by ``save`` of a network, a predictor or an estimator, by a training's ``checkpoint=``, or by the
        command ``pellucid train``.
    activations, losses : mapping, optional
        User-made activations and losses by name, which files do not hold.

    Returns
    -------
    Network, Predictor, MLPClassifier or MLPRegressor
        For a checkpoint the network as the training left it, with its optimizer's memory: if the training had ended
        and had a ``patience``, the best epoch's parameters, else those of the last whole epoch.

    Raises
    ------
    FileNotFoundError, OSError
        The file is missing, cannot be read, or is a folder or a device.
    ModelFileError
        It is truncated, damaged, another program's or of a newer format, or uses a user-made activation or loss that
        is not given.
    MissingExtraError
        It holds an estimator, and scikit-learn is not installed.
    """
    for name, given in (("activations", activations), ("losses", losses)):
        if given is not None and not isinstance(given, Mapping):
            raise TypeError(f"{name} must be a dict such as {{'mine': pl.{name[:-1].capitalize()}(…)}}, got {given!r}")
    return restore_model(read_file(path), activations=activations, losses=losses)


def restore_model(
    file: ModelFile,
    *,
    activations: Mapping[str, Activation] | None = None,
    losses: Mapping[str, Loss] | None = None,
) -> Any:
    """Make the model of a file that was read; see `load`."""
    if file.kind == "estimator":
        from pellucid.estimators import MLPClassifier, MLPRegressor  # scikit-learn may be missing
        from pellucid.estimators.interchange import restore_estimator

        return restore_estimator(file, (MLPClassifier, MLPRegressor))
    if file.kind == "checkpoint":
        return read_checkpoint(file).network(activations, Network)
    from pellucid.predictor import restore_predictor  # a room further down

    predictor: Predictor = restore_predictor(file, activations, losses)
    return predictor.network if predictor.encoding is None else predictor
