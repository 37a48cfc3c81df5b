"""One interface, two engines: `numpy` (backprop.py, the specification) and `native` (compiled from native/).

The native engine knows every activation, loss and optimizer of the tables; what a user made runs on NumPy. It is chosen
for its speed alone: both compute the same numbers up to rounding, and on the native one they have the same bits on
any number of threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from pellucid import backprop
from pellucid.activations import ACTIVATIONS
from pellucid.arrays import Array, as_count
from pellucid.backprop import NO_PENALTY, AnyRecord, Gradient, Penalty
from pellucid.errors import unknown_name
from pellucid.layers import Layers
from pellucid.losses import LOSSES, Loss

CHOICES = ("auto", "native", "numpy")
"""What ``engine=`` may be."""

_ACTIVATION_CODES = {name: code for code, name in enumerate(ACTIVATIONS)}
_LOSS_CODES = {name: code for code, name in enumerate(LOSSES)}


class Engine(str):
    """The name of an engine, ``native`` or ``numpy``, with what decided it.

    Attributes
    ----------
    detail : str
        The native engine's instruction set, or why NumPy runs.
    """

    __slots__ = ("detail",)
    detail: str

    def __new__(cls, name: str, detail: str) -> Engine:
        """Make a name with its detail."""
        engine = super().__new__(cls, name)
        engine.detail = detail
        return engine

    def __reduce__(self) -> Any:
        return Engine, (str(self), self.detail)

    def __repr__(self) -> str:
        return f"<Engine: {self} ({self.detail})>"


class _Compiled(NamedTuple):
    """The compiled module with its instruction set, or why there is none."""

    module: Any
    instruction_set: str


_compiled: _Compiled | None = None


def compiled() -> _Compiled:
    """Load the compiled module at its first use; PELLUCID_ISA overrules the instruction set.

    Raises
    ------
    ValueError
        PELLUCID_ISA names an instruction set that this machine does not have.
    """
    global _compiled
    if _compiled is None:
        try:
            from pellucid import _native
        except ImportError as error:
            _compiled = _Compiled(None, f"the compiled engine cannot be loaded: {error}")
            return _compiled
        native: Any = _native
        names = native.instruction_sets()
        wanted = os.environ.get("PELLUCID_ISA", "")
        if wanted and wanted not in names:
            raise ValueError(f"PELLUCID_ISA is {wanted!r}, but this machine has {', '.join(names)}")
        _compiled = _Compiled(native, wanted or names[-1])
    return _compiled


def as_choice(engine: object) -> str:
    """Check a choice of engine: a name in `CHOICES`."""
    if not isinstance(engine, str):
        raise TypeError(f"engine must be one of {', '.join(map(repr, CHOICES))}, got {engine!r}")
    if engine not in CHOICES:
        raise unknown_name("engine", engine, dict.fromkeys(CHOICES))
    return str(engine)


def as_threads(threads: object) -> int:
    """Check a number of threads; None is PELLUCID_THREADS or the cores this process may use. It is an upper bound.

    Raises
    ------
    ValueError, TypeError
        Not a whole number, or less than 1.
    """
    if threads is not None:
        return as_count(threads, "threads")
    given = os.environ.get("PELLUCID_THREADS", "")
    if given:
        if not given.isdecimal() or int(given) < 1:
            raise ValueError(f"PELLUCID_THREADS must be a whole number from 1, got {given!r}")
        return int(given)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def engine_of(layers: Layers, loss: Loss | None = None) -> Engine:
    """Say which engine runs a network, or a network with a loss.

    Raises
    ------
    ValueError
        The native engine is asked for and cannot run it.
    """
    reason = ""
    strange = [row for row in layers.activations.values() if not row.is_builtin]
    if layers.engine_choice == "numpy":
        reason = "asked for"
    elif strange:
        reason = f"activation {strange[0].name!r} is user-made"
    elif loss is not None and not loss.is_builtin:
        reason = f"loss {loss.name!r} is user-made"
    elif compiled().module is None:
        reason = compiled().instruction_set
    if not reason:
        return Engine("native", compiled().instruction_set)
    if layers.engine_choice == "native":
        raise ValueError(f"engine='native' cannot run this network: {reason}")
    return Engine("numpy", reason)


def description(layers: Layers) -> tuple[list[int], list[int], list[float], bool]:
    """Describe a network to the native engine: sizes, codes and settings of the activations, whether it has biases."""
    rows = layers.activations.values()
    codes = [_ACTIVATION_CODES[row.name] for row in rows]
    return list(layers.sizes), codes, [next(iter(row.settings.values()), 0.0) for row in rows], layers.has_bias


def loss_description(loss: Loss) -> tuple[int, list[float]]:
    """Describe a loss to the native engine: its code, and its setting for each output, again and again."""
    setting = next(iter(loss.settings.values()), 0.0)
    return _LOSS_CODES[loss.name], list(setting) if isinstance(setting, tuple) else [setting]


def steps(layers: Layers) -> Any:
    """Return the compiled form of a network, made at its first use, or None if it runs on NumPy."""
    if layers.compiled is None:
        native = None
        if engine_of(layers) == "native":
            module, instruction_set = compiled()
            make = getattr(module, "Steps32" if layers.dtype == np.float32 else "Steps64")
            native = make(*description(layers), instruction_set, as_threads(None))
        layers.compiled = (native,)
    return layers.compiled[0]


def _quick_losses() -> dict[object, tuple[int, list[float]]]:
    """The losses that take any numbers as targets and need no check of the output, by name and by row."""
    found: dict[object, tuple[int, list[float]]] = {}
    for name, row in LOSSES.items():
        if row.targets == "numbers":
            found[name] = found[row] = loss_description(row)
    return found


_QUICK_LOSSES = _quick_losses()


def quick_forward(layers: Layers, X: object) -> Array | None:
    """Compute a^F of an array that needs no conversion, or None for anything else, which is looked at more closely."""
    if type(X) is not np.ndarray or (native := steps(layers)) is None:
        return None
    a = native.forward(layers.parameters, X)
    return a if a is None or X.ndim == 2 else a[0]


def quick_gradient(layers: Layers, X: object, Y: object, loss: object) -> Gradient | None:
    """Compute the mean gradient of arrays that need no conversion, or None for anything else."""
    if type(X) is not np.ndarray or type(Y) is not np.ndarray or X.ndim != Y.ndim:
        return None
    code = _QUICK_LOSSES.get(loss) if isinstance(loss, (str, Loss)) else None
    if code is None or (native := steps(layers)) is None:
        return None
    found = native.gradient(layers.parameters, X, Y, None, *code, 0.0, 0.0)
    return found if found is None else Gradient(layers.sizes, layers.has_bias, *found)


def quick_record(layers: Layers, X: object, Y: object, loss: object, make: type[AnyRecord]) -> AnyRecord | None:
    """Keep everything of the five steps for arrays that need no conversion, or None for anything else."""
    if type(X) is not np.ndarray or type(Y) is not np.ndarray or X.ndim != Y.ndim:
        return None
    code = _QUICK_LOSSES.get(loss) if isinstance(loss, (str, Loss)) else None
    if code is None or (native := steps(layers)) is None:
        return None
    found = native.record(layers.parameters, X, Y, None, *code, 0.0, 0.0)
    if found is None:
        return None
    row = loss if isinstance(loss, Loss) else LOSSES[str(loss)]
    n = len(X) if X.ndim == 2 else 1
    return _record(layers, found, Y.reshape(n, -1), row, 1 / n, NO_PENALTY, X.ndim == 1, make)


def _record(
    layers: Layers,
    found: tuple[Any, ...],
    y: Array,
    loss: Loss,
    share: Array | float,
    penalty: Penalty,
    is_single: bool,
    make: type[AnyRecord],
) -> AnyRecord:
    a, z, d, losses, input_gradient, vector, total = found
    layers = layers.with_parameters(layers.parameters.copy())
    return make(
        layers,
        dict(enumerate(a, 1)),
        dict(enumerate(z, 2)),
        dict(enumerate([input_gradient, *d], 1)),
        y.copy(),
        losses,
        Gradient(layers.sizes, layers.has_bias, vector, total),
        loss,
        share,
        penalty,
        is_single,
    )


def _asked(compute: Callable[..., Any], parameters: Array, arrays: Sequence[Array | None], *rest: Any) -> Any:
    """Call the native engine; arrays whose layout it does not take are copied."""
    found = compute(parameters, *arrays, *rest)
    if found is None:
        found = compute(parameters, *(array if array is None else array.copy() for array in arrays), *rest)
    assert found is not None  # the arrays have been checked
    return found


def forward(layers: Layers, x: Array) -> Array:
    """Compute a^F of inputs of shape (n, n_1)."""
    native = steps(layers)
    if native is not None:
        return _asked(native.forward, layers.parameters, (x,))
    _, a = backprop.feedforward(layers, x)
    return a[layers.F]


def mean_loss(layers: Layers, x: Array, y: Array, loss: Loss, sample_weight: Array | None = None) -> float:
    """Compute Σ w_i L_i / Σ w_i, without penalty."""
    native = steps(layers) if loss.is_builtin else None
    if native is not None:
        return float(_asked(native.loss, layers.parameters, (x, y, sample_weight), *loss_description(loss)))
    z, a = backprop.feedforward(layers, x)
    losses = backprop.sample_losses(layers, z, a, y, loss)
    return backprop.total_loss(losses, backprop.shares(sample_weight, len(x)), NO_PENALTY, layers.W)


def gradient(
    layers: Layers,
    x: Array,
    y: Array,
    loss: Loss,
    *,
    sample_weight: Array | None = None,
    penalty: Penalty = NO_PENALTY,
) -> Gradient:
    """Compute the mean gradient of a batch; see `backprop.gradient`."""
    native = steps(layers) if loss.is_builtin else None
    if native is None:
        return backprop.gradient(layers, x, y, loss, sample_weight=sample_weight, penalty=penalty)
    found = _asked(native.gradient, layers.parameters, (x, y, sample_weight), *loss_description(loss), *penalty)
    return Gradient(layers.sizes, layers.has_bias, *found)


def record(
    layers: Layers,
    x: Array,
    y: Array,
    loss: Loss,
    *,
    sample_weight: Array | None = None,
    penalty: Penalty = NO_PENALTY,
    is_single: bool = False,
    make: type[AnyRecord],
) -> AnyRecord:
    """Keep everything of the five steps; see `backprop.record`."""
    native = steps(layers) if loss.is_builtin else None
    if native is None:
        return backprop.record(
            layers, x, y, loss, sample_weight=sample_weight, penalty=penalty, is_single=is_single, make=make
        )
    arrays = (x, y, sample_weight)
    found = _asked(native.record, layers.parameters, arrays, *loss_description(loss), *penalty)
    share = backprop.shares(sample_weight, len(x))
    return _record(layers, found, y, loss, share, penalty, is_single, make)
