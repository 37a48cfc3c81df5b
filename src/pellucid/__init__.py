"""Feed-forward neural networks in which backpropagation is exact, in the open, and fast."""

from pellucid import schedules
from pellucid.activations import ELU, Activation, LeakyReLU
from pellucid.backprop import Gradient
from pellucid.checking import GradientCheck
from pellucid.errors import (
    DataFileError,
    MissingExtraError,
    ModelFileError,
    TrainingDiverged,
    UnknownLabelError,
    UnknownNameError,
)
from pellucid.explanation import Explanation
from pellucid.losses import Huber, Loss, Quantile
from pellucid.network import Network, Run, load
from pellucid.notation import Label
from pellucid.optimizers import LBFGS, SGD, Adam, AdamW, RMSprop
from pellucid.training import Epoch, History
from pellucid.version import __version__

__all__ = [
    "ELU",
    "LBFGS",
    "SGD",
    "Activation",
    "Adam",
    "AdamW",
    "DataFileError",
    "Epoch",
    "Explanation",
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
    "Quantile",
    "RMSprop",
    "Run",
    "TrainingDiverged",
    "UnknownLabelError",
    "UnknownNameError",
    "__version__",
    "load",
    "schedules",
]
