"""Feed-forward neural networks in which backpropagation is exact and in the open."""

import sys

if sys.argv[:1] == ["-m"] and sys.orig_argv[-len(sys.argv) :][:1] == ["pellucid"] and sys.path:
    # `python -m pellucid`, about to run: the current folder is first on the path, and a file random.py in it, such as
    # a hand-in that is to be checked, would be imported in place of the standard library's
    del sys.path[0]

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pellucid import schedules
from pellucid.activations import ACTIVATIONS, ELU, Activation, LeakyReLU
from pellucid.backprop import Gradient
from pellucid.checking import GradientCheck
from pellucid.errors import (
    DataFileError,
    FormulaError,
    MissingExtraError,
    ModelFileError,
    TrainingDiverged,
    UnknownLabelError,
    UnknownNameError,
)
from pellucid.explanation import Explanation
from pellucid.hints import no_attribute
from pellucid.loading import load
from pellucid.losses import LOSSES, Huber, Loss, Quantile
from pellucid.many import Training, train_many
from pellucid.metrics import METRICS
from pellucid.network import Network, Run
from pellucid.notation import Label
from pellucid.optimizers import LBFGS, OPTIMIZERS, SGD, Adam, AdamW, RMSprop
from pellucid.training import Epoch, History
from pellucid.version import __version__

if TYPE_CHECKING:
    from pellucid import checking, data, document, estimators, symbolic, testing, worksheet
    from pellucid.checking import Diagnosis, diagnose, diagnose_value
    from pellucid.predictor import Predictor

__all__ = [
    "ACTIVATIONS",
    "ELU",
    "LBFGS",
    "LOSSES",
    "METRICS",
    "OPTIMIZERS",
    "SGD",
    "Activation",
    "Adam",
    "AdamW",
    "DataFileError",
    "Diagnosis",
    "Epoch",
    "Explanation",
    "FormulaError",
    "Gradient",
    "GradientCheck",
    "History",
    "Huber",
    "Label",
    "LeakyReLU",
    "Loss",
    "MissingExtraError",
    "ModelFileError",
    "Network",
    "Predictor",
    "Quantile",
    "RMSprop",
    "Run",
    "Training",
    "TrainingDiverged",
    "UnknownLabelError",
    "UnknownNameError",
    "__version__",
    "checking",
    "data",
    "diagnose",
    "diagnose_value",
    "document",
    "estimators",
    "load",
    "schedules",
    "symbolic",
    "testing",
    "train_many",
    "worksheet",
]


_ROOMS = ("checking", "data", "document", "estimators", "symbolic", "testing", "worksheet")
_OF_CHECKING = ("Diagnosis", "diagnose", "diagnose_value")


def __getattr__(name: str) -> Any:
    """Import what loads much when it is first used: data sets, diagnosis, estimators, formulas and worksheets."""
    if name in _ROOMS:
        return import_module(f"pellucid.{name}")
    if name in _OF_CHECKING:
        return getattr(import_module("pellucid.checking"), name)
    if name == "Predictor":
        return import_module("pellucid.predictor").Predictor
    raise no_attribute("", name, __all__)


def __dir__() -> list[str]:
    return sorted(__all__)
