"""Optimizers: how parameters move along a gradient. Definitions follow PyTorch's.

An optimizer is a description that never changes; what it remembers between steps (momenta, squares) is an
`OptimizerState`, which the network keeps, so that training that goes on goes on where it was. θ are the parameters,
g the gradient, η the learning rate, t the step from 1.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from pellucid.arrays import Array, as_count, as_number
from pellucid.described import Brief, Described
from pellucid.hints import hinted
from pellucid.registry import Registry


@dataclass(eq=False, repr=False)
class OptimizerState(Brief):
    """What an optimizer remembers: its name, the steps taken, and arrays the size of the parameters, by name."""

    optimizer: str
    step: int
    arrays: dict[str, Array]

    def copy(self) -> OptimizerState:
        """Return a copy with arrays of its own."""
        return OptimizerState(self.optimizer, self.step, {name: array.copy() for name, array in self.arrays.items()})


class Optimizer(Described):
    """What every optimizer has: a learning rate in (0, ∞), and one step."""

    _called = "optimizer"

    name: ClassVar[str]
    """The name in the table, as stored in files; without one of its own, that of the class in lower case."""
    formula: ClassVar[str] = ""
    synonyms: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        cls.name = cls.__name__.lower()

    @hinted
    def __init__(self, learning_rate: float) -> None:
        self.learning_rate = as_number(learning_rate, "learning_rate", 0, open_low=True)

    def memory(self) -> tuple[str, ...]:
        """Name the arrays that it remembers."""
        return ()

    def start(self, parameters: Array) -> OptimizerState:
        """Return the state before the first step: zeros."""
        return OptimizerState(self.name, 0, {name: np.zeros_like(parameters) for name in self.memory()})

    def step(self, parameters: Array, gradient: Array, state: OptimizerState, rate: float, weight_mask: Array) -> None:
        """Take one step in place.

        Parameters
        ----------
        parameters, gradient : ndarray of shape (P,)
            The gradient may be overwritten.
        state : OptimizerState
            From `start`; updated.
        rate : float
            η of this step: the learning rate after its schedule.
        weight_mask : ndarray of shape (P,)
            1 for weights, 0 for biases.
        """
        raise NotImplementedError


class SGD(Optimizer):
    """Gradient descent on each batch: θ ← θ - η v, v ← μ v + g (Nesterov: θ ← θ - η (g + μ v)).

    Parameters
    ----------
    learning_rate : float in (0, ∞)
        0.01 unless given.
    momentum : float in [0, 1)
        μ.
    nesterov : bool
        Look ahead along the momentum, which must then be positive.

    References
    ----------
    Sutskever, Martens, Dahl, Hinton, On the importance of initialization and momentum in deep learning, 2013.
    """

    formula = "θ - η v, v ← μ v + g"
    synonyms = ("stochastic_gradient_descent",)

    @hinted
    def __init__(self, learning_rate: float = 0.01, momentum: float = 0.0, nesterov: bool = False) -> None:
        super().__init__(learning_rate)
        self.momentum = as_number(momentum, "momentum", 0, 1)
        self.nesterov = bool(nesterov)
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov needs a momentum in (0, 1), got 0")

    def memory(self) -> tuple[str, ...]:
        """``velocity`` if there is momentum."""
        return ("velocity",) if self.momentum else ()

    def step(self, parameters: Array, gradient: Array, state: OptimizerState, rate: float, weight_mask: Array) -> None:  # noqa: ARG002
        """Take one step in place; see `Optimizer.step`."""
        state.step += 1
        if self.momentum:
            v = state.arrays["velocity"]
            v *= self.momentum
            v += gradient
            gradient = gradient + self.momentum * v if self.nesterov else v
        parameters -= rate * gradient


class Adam(Optimizer):
    """Adam: θ ← θ - η m̂ / (√v̂ + ε), with m̂, v̂ the bias-corrected running means of g and g².

    Parameters
    ----------
    learning_rate : float in (0, ∞)
    beta1, beta2 : float in [0, 1)
        Decay of the running means of g and g².
    epsilon : float in (0, ∞)
        ε.

    References
    ----------
    Kingma, Ba, Adam: a method for stochastic optimization, 2014.
    """

    formula = "θ - η m̂/(√v̂ + ε), m ← β₁ m + (1 - β₁) g, v ← β₂ v + (1 - β₂) g²"

    @hinted
    def __init__(
        self, learning_rate: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8
    ) -> None:
        super().__init__(learning_rate)
        self.beta1 = as_number(beta1, "beta1", 0, 1)
        self.beta2 = as_number(beta2, "beta2", 0, 1)
        self.epsilon = as_number(epsilon, "epsilon", 0, open_low=True)

    def memory(self) -> tuple[str, ...]:
        """``mean`` of g and ``square``, the mean of g²."""
        return ("mean", "square")

    def step(self, parameters: Array, gradient: Array, state: OptimizerState, rate: float, weight_mask: Array) -> None:  # noqa: ARG002
        """Take one step in place; see `Optimizer.step`."""
        state.step += 1
        m, v = state.arrays["mean"], state.arrays["square"]
        m *= self.beta1
        m += (1 - self.beta1) * gradient
        v *= self.beta2
        v += (1 - self.beta2) * np.square(gradient)
        root = np.sqrt(v)
        root /= (1 - self.beta2**state.step) ** 0.5
        root += self.epsilon
        parameters -= (rate / (1 - self.beta1**state.step)) * m / root


class AdamW(Adam):
    """Adam with decoupled weight decay: w ← w - η λ w before Adam's step; biases are spared.

    Parameters
    ----------
    learning_rate, beta1, beta2, epsilon : float
        As in `Adam`.
    weight_decay : float in [0, ∞)
        λ.

    References
    ----------
    Loshchilov, Hutter, Decoupled weight decay regularization, 2017.
    """

    formula = "w - η λ w, then Adam's step"

    @hinted
    def __init__(
        self,
        learning_rate: float = 1e-3,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(learning_rate, beta1, beta2, epsilon)
        self.weight_decay = as_number(weight_decay, "weight_decay", 0)

    def step(self, parameters: Array, gradient: Array, state: OptimizerState, rate: float, weight_mask: Array) -> None:
        """Take one step in place; see `Optimizer.step`."""
        parameters -= (rate * self.weight_decay) * weight_mask * parameters
        super().step(parameters, gradient, state, rate, weight_mask)


class RMSprop(Optimizer):
    """RMSprop: θ ← θ - η g / (√v + ε), v the running mean of g².

    Parameters
    ----------
    learning_rate : float in (0, ∞)
        0.01 unless given.
    alpha : float in [0, 1)
        Decay of the running mean.
    epsilon : float in (0, ∞)
        ε.

    References
    ----------
    Tieleman, Hinton, Lecture 6.5, Neural networks for machine learning, 2012.
    """

    formula = "θ - η g/(√v + ε), v ← α v + (1 - α) g²"

    @hinted
    def __init__(self, learning_rate: float = 0.01, alpha: float = 0.99, epsilon: float = 1e-8) -> None:
        super().__init__(learning_rate)
        self.alpha = as_number(alpha, "alpha", 0, 1)
        self.epsilon = as_number(epsilon, "epsilon", 0, open_low=True)

    def memory(self) -> tuple[str, ...]:
        """``square``, the mean of g²."""
        return ("square",)

    def step(self, parameters: Array, gradient: Array, state: OptimizerState, rate: float, weight_mask: Array) -> None:  # noqa: ARG002
        """Take one step in place; see `Optimizer.step`."""
        state.step += 1
        v = state.arrays["square"]
        v *= self.alpha
        v += (1 - self.alpha) * np.square(gradient)
        parameters -= rate * gradient / (np.sqrt(v) + self.epsilon)


class LBFGS(Described):
    """L-BFGS with SciPy's line search, on the total loss: each epoch is one iteration.

    It has no learning rate, takes no batches, and its memory lives inside one call of `train`.

    Parameters
    ----------
    memory : int
        How many pairs of steps and gradient changes approximate the Hessian, at least 1.
    tolerance : float in [0, ∞)
        Stop when no partial is larger.
    max_evaluations : int
        Of loss and gradient in one iteration's line search, at least 1.
    total_evaluations : int, optional
        Of loss and gradient in the whole training, at least 1; without it as many as the line searches need.
    loss_tolerance : float in [0, ∞)
        Stop when an iteration lowers the loss by less than this share of it.

    References
    ----------
    Byrd, Lu, Nocedal, Zhu, A limited memory algorithm for bound constrained optimization, 1995; SciPy.
    """

    name: ClassVar[str] = "lbfgs"
    formula: ClassVar[str] = "θ - t H g, t from a line search, H an approximation of the inverse Hessian"
    synonyms: ClassVar[tuple[str, ...]] = ("l_bfgs_b", "limited_memory_bfgs")

    @hinted
    def __init__(
        self,
        memory: int = 10,
        tolerance: float = 1e-6,
        max_evaluations: int = 20,
        total_evaluations: int | None = None,
        loss_tolerance: float = 2**-46,
    ) -> None:
        self.memory = as_count(memory, "memory")
        self.tolerance = as_number(tolerance, "tolerance", 0)
        self.max_evaluations = as_count(max_evaluations, "max_evaluations")
        self.total_evaluations = None if total_evaluations is None else as_count(total_evaluations, "total_evaluations")
        self.loss_tolerance = as_number(loss_tolerance, "loss_tolerance", 0)


def _defaults(row: Any) -> str:
    parameters = list(inspect.signature(row.__init__).parameters.values())[1:]
    return ", ".join(f"{one.name}={one.default!r}" for one in parameters)


_ON_THE_TOTAL_LOSS = "write optimizer=pl.SGD(0.01), batch_size=None for gradient descent on the total loss"
_NOT_HERE = "it is not in the table: write pl.Adam(), which also scales each parameter's step by its gradients"

OPTIMIZERS: Registry[Any] = Registry(
    "optimizer",
    (SGD, Adam, AdamW, RMSprop, LBFGS),
    columns=(("θ ←", lambda row: row.formula), ("defaults", _defaults)),
    example="an object such as pl.Adam(0.01)",
    elsewhere={
        "gradient_descent": _ON_THE_TOTAL_LOSS,
        "gd": _ON_THE_TOTAL_LOSS,
        "batch_gradient_descent": _ON_THE_TOTAL_LOSS,
        "momentum": "write pl.SGD(0.01, momentum=0.9)",
        "nesterov": "write pl.SGD(0.01, momentum=0.9, nesterov=True)",
        "nag": "write pl.SGD(0.01, momentum=0.9, nesterov=True)",
        "nadam": _NOT_HERE,
        "radam": _NOT_HERE,
        "lion": _NOT_HERE,
        "adafactor": _NOT_HERE,
        "rprop": _NOT_HERE,
        "newton": "write pl.LBFGS(), which builds up the second derivatives from the gradients",
        "levenberg_marquardt": "write pl.LBFGS(), which also uses all samples at every step",
        "adagrad": _NOT_HERE,
        "adadelta": _NOT_HERE,
        "adamax": _NOT_HERE,
        "bfgs": "write pl.LBFGS(), which keeps a few vectors in place of the whole matrix",
    },
)
"""The table, by name."""


def as_optimizer(optimizer: object) -> Optimizer | LBFGS:
    """Look an optimizer up by name, with its default settings, or pass one through.

    Raises
    ------
    UnknownNameError
        No row has the name.
    TypeError
        Neither a name nor an optimizer.
    """
    found: Optimizer | LBFGS = OPTIMIZERS.look_up(optimizer, (Optimizer, LBFGS))
    return found
