"""What one way of computing a quantity is made of: faults, forward passes, the layer in hand, products not yet formed.

A backpropagation under test is put together from ways: a forward pass (`World`), a way to each d^l, and a way to make
partials of it. Each is the right one or has a `Fault`, whose numbers and names are fields; `faults` has a row for each
kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from pellucid.activations import Activation
from pellucid.arrays import Array
from pellucid.checking.problem import PerLayerArrays, Problem


class Fault(NamedTuple):
    """One way of going wrong in one layer: a kind of the table of faults, and which of its forms.

    Parameters
    ----------
    kind : str
        The name of the row.
    form : str
        Which of its forms, or the activation or loss that was taken.
    layer : int
        The other layer that was taken, or 0.
    number : float, optional
        η, a factor, or a bound.
    sample : int, optional
        The index of the only sample that counts.
    scale : str
        What the error was multiplied by before a function of it was taken, of `Place.scales`.
    """

    kind: str
    form: str = ""
    layer: int = 0
    number: float | None = None
    sample: int | None = None
    scale: str = ""


Faults = tuple[Fault, ...]
"""None, one, or several together."""


class Product(NamedTuple):
    """The matrix leftᵀ right of shape (n_l, n_{l-1}), not formed; ``left`` of shape (n_l,) is a diagonal."""

    left: Array
    right: Array

    def times(self, U: Array, known: Mapping[int, Array] | None = None) -> Array:
        """Its product with a few vectors; ``known`` has right U by the id of right."""
        RU = (known or {}).get(id(self.right))
        RU = self.right @ U if RU is None else RU
        return self.left[:, np.newaxis] * RU if self.left.ndim == 1 else self.left.T @ RU

    @property
    def whole(self) -> Array:
        """The matrix."""
        return self.left[:, np.newaxis] * self.right if self.left.ndim == 1 else self.left.T @ self.right


@dataclass(frozen=True, eq=False)
class World:
    """A forward pass: the right one, or one with mistakes in it.

    Attributes
    ----------
    faults : tuple of (Fault, layers)
    z, a : dict by layer
        Masks included in a.
    sigma : mapping by layer
        The activations that are applied.
    inner : dict by layer
        σ(z^l) of layers that apply σ once more.
    """

    faults: tuple[tuple[Fault, tuple[int, ...]], ...]
    z: PerLayerArrays
    a: PerLayerArrays
    sigma: Mapping[int, Activation]
    inner: PerLayerArrays = field(default_factory=dict)
    cache: dict[Any, Any] = field(default_factory=dict, repr=False)
    """What is computed from it once and used for many states."""

    def has(self, kind: str, l: int) -> bool:
        """Whether a kind of fault is in layer l."""
        return any(fault.kind == kind and l in layers for fault, layers in self.faults)


@dataclass(frozen=True)
class Formed:
    """How the partials of one layer were made: the faults, the factors, and what the penalty did.

    ``own_penalty`` says that the penalty does not share the weights' factor.
    """

    W: Faults
    b: Faults
    weights_factor: float
    biases_factor: float
    own_penalty: bool = False


@dataclass(frozen=True, eq=False)
class State:
    """A combination of faults that gives the numbers of layers F down to some l.

    ``extra`` is the λ of a penalty that was fitted.
    """

    world: World
    e: Array
    d: Array
    delta: tuple[tuple[int, Fault], ...] = ()
    formed: tuple[tuple[int, Formed], ...] = ()
    cost: float = 0.0
    extra: float | None = None

    @property
    def rate(self) -> float | None:
        """η of weights that were updated too early."""
        return next((fault.number for _, fault in self.delta if fault.kind == "updated_weights"), None)

    @property
    def factor(self) -> float:
        """The factor that the partials of the layer above carry."""
        return self.formed[-1][1].weights_factor if self.formed else 1.0


@dataclass(frozen=True, eq=False)
class Place:
    """Layer l in one forward pass, and the state that its rows work on.

    For ways to d^l the state is that of layer l+1, for ways to make partials that of layer l; slopes need none.
    """

    problem: Problem
    world: World
    l: int
    state: State | None = None

    @property
    def given(self) -> State:
        """The state, where there is one."""
        assert self.state is not None
        return self.state

    @property
    def sigma(self) -> Activation:
        """σ of this layer, as applied."""
        return self.world.sigma[self.l]

    @property
    def z(self) -> Array:
        """z^l."""
        return self.world.z[self.l]

    @cached_property
    def a(self) -> Array:
        """a^l before its dropout mask."""
        if self.l in self.problem.masks:
            return np.asarray(self.sigma.function(self.z))
        return self.world.a[self.l]

    @property
    def before(self) -> Array:
        """a^{l-1}."""
        return self.world.a[self.l - 1]

    @property
    def n_l(self) -> int:
        """Neurons of layer l."""
        return self.problem.sizes[self.l - 1]

    @property
    def width(self) -> int:
        """Neurons of layer l - 1."""
        return self.problem.sizes[self.l - 2]

    @property
    def is_output(self) -> bool:
        """Whether l is F."""
        return self.l == self.problem.F

    @cached_property
    def share(self) -> Array:
        """What each sample counts, of shape (n, 1)."""
        return self.problem.share[:, np.newaxis]

    @cached_property
    def d(self) -> Array:
        """The state's delta, each sample's times what it counts."""
        return self.share * self.given.d

    @cached_property
    def slope(self) -> Array:
        """σ'(z^l), rightly."""
        slope = self.sigma.derivative(self.z)
        return slope * self.sigma.derivative(self.world.inner[self.l]) if self.l in self.world.inner else slope

    @property
    def has_error(self) -> bool:
        """Whether the error before σ' is an array apart from the delta."""
        return self.given.e.shape == self.given.d.shape

    def alike(self, l: int) -> bool:
        """Whether layer l has as many neurons as this one."""
        return self.problem.sizes[l - 1] == self.n_l

    def scales(self) -> dict[str, Array | float]:
        """What an error may have been multiplied by before a function that is not linear was applied to it, by name.

        Each sample's own error, or its share of the batch's, with the factor that the layers above carry.
        """
        s = self.state.factor if self.state is not None else 1.0
        found: dict[str, Array | float] = {"": 1.0}
        if self.problem.n > 1:
            found["factor and share"] = s * self.share
        if s != 1.0:
            found["factor"] = s
            if self.problem.n > 1:
                found["share"] = self.share
        return found


def same(u: Array, v: Array) -> bool:
    """Whether two arrays have the same numbers, up to the last digits."""
    return bool((np.abs(u - v) <= 1e-14 + 1e-10 * np.abs(v)).all())


def is_parallel(u: Array, v: Array) -> bool:
    """Whether u is a multiple of v."""
    size = float(np.vdot(v, v))
    if not size or not np.isfinite(size):
        return False
    s = float(np.vdot(u, v)) / size
    return bool((np.abs(u - s * v) <= 1e-9 * np.abs(u) + 1e-12 * float(np.abs(u).max())).all())
