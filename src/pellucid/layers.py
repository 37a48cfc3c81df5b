"""A network's layers: sizes, activations, and W[l], b[l] as views into one flat parameter vector."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, Self

import numpy as np

from pellucid.activations import Activation, as_activation
from pellucid.arrays import Array, ArrayLike, DTypeLike, as_count, as_dtype, as_numbers
from pellucid.errors import UnknownLabelError, unknown_name
from pellucid.notation import FIRST_LAYER, SYMBOLS, Label


class PerLayer(Mapping[int, Array]):
    """Arrays by layer, as in ``W[2]`` or ``run.z[3]``; the keys are the layer numbers of the textbook.

    Assigning to a layer copies numbers into its array and never replaces the array, so that views stay views.

    Parameters
    ----------
    symbol : str
        What the arrays are called: ``W``, ``b``, ``z``, ``a`` or ``d``.
    arrays : dict
        By layer.
    """

    def __init__(self, symbol: str, arrays: dict[int, Array]) -> None:
        self.symbol = symbol
        self._arrays = arrays

    def __getitem__(self, layer: int) -> Array:
        try:
            return self._arrays[layer]
        except (KeyError, TypeError):
            pass
        first, last = min(self._arrays), max(self._arrays)
        layers = f"layers {first} … {last}" if first < last else f"layer {first} alone"
        name = f"{self.symbol}[{layer!r}]"
        if layer == 1:
            what = f"{SYMBOLS[self.symbol.lower()]}{'es' if self.symbol == 'b' else 's'}"
            raise UnknownLabelError(
                f"{name}: layer 1 is the input and has no {what}; the first are {self.symbol}[2] ({layers})"
            )
        raise UnknownLabelError(f"{name}: there is no such layer; {self.symbol} has {layers}")

    def __setitem__(self, layer: int, values: ArrayLike) -> None:
        target = self[layer]
        numbers = as_numbers(values, f"{self.symbol}[{layer}]", target.dtype)
        if numbers.shape != target.shape:
            raise ValueError(f"{self.symbol}[{layer}] has shape {target.shape}, got {numbers.shape}")
        target[...] = numbers

    def __iter__(self) -> Iterator[int]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def __repr__(self) -> str:
        shown = [f"{layer} {array.shape}" for layer, array in self.items()]
        shown = shown if len(shown) <= 10 else [*shown[:9], "…", shown[-1]]
        return f"{self.symbol}[l] for l = {', '.join(shown)}"


def parameter_count(sizes: Sequence[int]) -> int:
    """Count the weights and biases of a network: Σ_l n_l (n_{l-1} + 1)."""
    return sum(n_l * (n_before + 1) for n_before, n_l in pairwise(sizes))


def parameter_views(sizes: Sequence[int], vector: Array) -> tuple[PerLayer, PerLayer]:
    """View a flat vector (W^2 row by row, b^2, W^3, …) as W[l] of shape (n_l, n_{l-1}) and b[l] of shape (n_l,)."""
    W: dict[int, Array] = {}
    b: dict[int, Array] = {}
    start = 0
    for l, (n_before, n_l) in enumerate(pairwise(sizes), start=2):
        W[l] = vector[start : start + n_l * n_before].reshape(n_l, n_before)
        start += n_l * n_before
        b[l] = vector[start : start + n_l]
        start += n_l
    return PerLayer("W", W), PerLayer("b", b)


# Initialisers: the scale of W^l from n_{l-1} and n_l, uniform in ±scale or normal with that standard deviation.


class Initialiser(NamedTuple):
    """A row of the table: how W^l is drawn; biases start at 0 unless ``draws_biases``."""

    name: str
    scale: Callable[[int, int], float]
    is_uniform: bool
    formula: str
    source: str
    draws_biases: bool = False


_GLOROT = "Glorot, Bengio, Understanding the difficulty of training deep feedforward neural networks, 2010"
_HE = "He, Zhang, Ren, Sun, Delving deep into rectifiers, 2015"
_LECUN = "LeCun, Bottou, Orr, Müller, Efficient BackProp, 1998"

INITIALISERS: Mapping[str, Initialiser] = {
    row.name: row
    for row in (
        Initialiser("glorot_uniform", lambda m, n: (6 / (m + n)) ** 0.5, True, "U(±√(6/(n_{l-1} + n_l)))", _GLOROT),
        Initialiser("glorot_normal", lambda m, n: (2 / (m + n)) ** 0.5, False, "N(0, 2/(n_{l-1} + n_l))", _GLOROT),
        Initialiser("he_uniform", lambda m, n: (6 / m) ** 0.5, True, "U(±√(6/n_{l-1}))", _HE),
        Initialiser("he_normal", lambda m, n: (2 / m) ** 0.5, False, "N(0, 2/n_{l-1})", _HE),
        Initialiser("lecun_uniform", lambda m, n: (3 / m) ** 0.5, True, "U(±√(3/n_{l-1}))", _LECUN),
        Initialiser("lecun_normal", lambda m, n: (1 / m) ** 0.5, False, "N(0, 1/n_{l-1})", _LECUN),
        Initialiser(
            "standard_normal", lambda m, n: 1.0, False, "N(0, 1), biases too",
            "Nielsen, Neural networks and deep learning, 2015", draws_biases=True,
        ),
        Initialiser("zeros", lambda m, n: 0.0, False, "0", "for showing why it fails: hidden neurons stay equal"),
    )
}  # fmt: skip
"""The table of initialisers, by name."""

_HE_FAMILY = ("relu", "leaky_relu", "elu", "silu", "gelu", "gelu_tanh", "softplus")


def default_initialiser(activation: Activation) -> str:
    """Name the initialiser that keeps the variance of z over the layers: He's after rectifiers, LeCun's for SELU."""
    if activation.name in _HE_FAMILY:
        return "he_normal"
    return "lecun_normal" if activation.name == "selu" else "glorot_uniform"


class Layers:
    """The sizes, activations and parameters of a feed-forward network.

    Parameters
    ----------
    sizes : sequence of int
        n_1 … n_F, each at least 1; F ≥ 2.
    activation : str, Activation, or a sequence of them
        One for layers 2 … F, or a sequence with one entry for each.
    output : str or Activation, optional
        For layer F in place of the one activation; not together with a sequence.
    dtype : {'float64', 'float32'}
    seed : int or numpy.random.SeedSequence, optional
        For the initial weights. float32 starts from the rounded float64 numbers of the same seed.
    init : optional
        A name in `INITIALISERS` for every layer; a number for every weight and bias; a flat vector; or a pair
        (weights, biases) of arrays for layers 2 … F, in order or by layer. Without it, He normal for the layers with
        ReLU and its smooth relatives, LeCun normal for SELU, else Glorot uniform, with biases 0.

    Raises
    ------
    ValueError, TypeError
        Sizes, activations, dtype or init that do not fit.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: object = "sigmoid",
        output: object = None,
        *,
        dtype: DTypeLike = "float64",
        seed: int | np.random.SeedSequence | None = None,
        init: object = None,
    ) -> None:
        if isinstance(sizes, (str, bytes)) or not isinstance(sizes, (Sequence, np.ndarray)):
            raise TypeError(f"sizes must be a sequence of whole numbers such as [3, 4, 2], got {sizes!r}")
        if len(sizes) < 2:
            raise ValueError(f"sizes must name at least an input and an output layer, got {list(sizes)!r}")
        self._sizes = tuple(as_count(n, f"sizes[{i}]") for i, n in enumerate(sizes))
        self._activations = _activations_by_layer(len(self._sizes), activation, output)
        self._bind(np.zeros(parameter_count(self._sizes), as_dtype(dtype)))
        self._initialise(init, seed)

    engine_choice: str = "auto"
    """Which engine may run: ``auto``, ``native`` or ``numpy``."""

    compiled: Any = None
    """What `pellucid.engine` keeps with a network: its compiled form, which holds no parameters and is never stored."""

    def _bind(self, vector: Array) -> None:
        """Make a flat vector the parameters; W and b are its views, made when first asked for."""
        self._parameters = vector
        self._views: tuple[PerLayer, PerLayer] | None = None

    def _by_layer(self) -> tuple[PerLayer, PerLayer]:
        if self._views is None:
            self._views = parameter_views(self._sizes, self._parameters)
        return self._views

    @property
    def sizes(self) -> tuple[int, ...]:
        """n_1 … n_F."""
        return self._sizes

    @property
    def sizes_text(self) -> str:
        """``3-4-2``; the middle of many layers is left out."""
        sizes = [str(n) for n in self._sizes]
        return "-".join(sizes if len(sizes) <= 12 else [*sizes[:9], "…", *sizes[-2:]])

    @property
    def F(self) -> int:
        """The number of layers, the input included."""
        return len(self._sizes)

    @property
    def activations(self) -> Mapping[int, Activation]:
        """σ of each layer 2 … F."""
        return self._activations

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64."""
        return self._parameters.dtype

    @property
    def W(self) -> PerLayer:
        """W[l] of shape (n_l, n_{l-1}), l = 2 … F: writable views into `parameters`."""
        return self._by_layer()[0]

    @property
    def b(self) -> PerLayer:
        """b[l] of shape (n_l,), l = 2 … F: writable views into `parameters`."""
        return self._by_layer()[1]

    @property
    def parameters(self) -> Array:
        """All weights and biases as one flat vector: W^2 row by row, b^2, W^3, b^3, …; assigning copies into it."""
        return self._parameters

    @parameters.setter
    def parameters(self, values: ArrayLike) -> None:
        numbers = as_numbers(values, "parameters", self.dtype)
        if numbers.shape != self._parameters.shape:
            raise ValueError(f"parameters has shape {self._parameters.shape}, got {numbers.shape}")
        self._parameters[...] = numbers

    def weight_mask(self) -> Array:
        """1 for the weights and 0 for the biases in the order of `parameters`: what a penalty acts on."""
        mask = np.zeros_like(self._parameters)
        W, _ = parameter_views(self._sizes, mask)
        for l in W:
            W[l][...] = 1
        return mask

    def labels(self, symbol: str) -> list[Label]:
        """List the labels of every weight, bias, z, a or d of the network.

        Parameters
        ----------
        symbol : {'w', 'b', 'z', 'a', 'd'}

        Returns
        -------
        list of Label
            Layer by layer, then j, then k.

        Raises
        ------
        UnknownLabelError
            Another symbol.
        """
        if symbol not in SYMBOLS:
            raise UnknownLabelError(f"unknown symbol {symbol!r}; the symbols are {', '.join(SYMBOLS)}")
        return [
            Label(symbol, l, j, k)
            for l in range(FIRST_LAYER[symbol], self.F + 1)
            for j in range(1, self.size(l) + 1)
            for k in (range(1, self.size(l - 1) + 1) if symbol == "w" else (None,))
        ]

    def size(self, layer: int) -> int:
        """Return n_l; an UnknownLabelError if there is no such layer."""
        if not 1 <= layer <= self.F:
            raise UnknownLabelError(f"there is no layer {layer}; the network has layers 1 … {self.F}")
        return self._sizes[layer - 1]

    def check_label(self, label: Label) -> None:
        """Refuse a label that the network does not have, with what it has."""
        if label.layer > self.F:
            raise UnknownLabelError(f"{label}: there is no layer {label.layer}; the network has layers 1 … {self.F}")
        for name, index, layer in (("j", label.j, label.layer), ("k", label.k, label.layer - 1)):
            if index is not None and index > self.size(layer):
                raise UnknownLabelError(
                    f"{label}: {name} = {index}, but layer {layer} has {self.size(layer)} "
                    f"neuron{'s' if self.size(layer) > 1 else ''}"
                )

    def copy(self) -> Self:
        """Return the same layers with parameters of their own."""
        return self.with_parameters(self._parameters.copy())

    def with_parameters(self, vector: Array) -> Self:
        """Return the same layers on another flat vector, which is viewed and not copied."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        if vector.dtype != self.dtype:
            other.compiled = None
        other._bind(vector)
        return other

    def __getstate__(self) -> dict[str, Any]:
        # Views pickle as separate arrays; leave them out and make them anew. Compiled forms belong to one process.
        return {key: value for key, value in self.__dict__.items() if key not in ("_views", "compiled")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._bind(self._parameters)

    def _initialise(self, init: object, seed: int | np.random.SeedSequence | None) -> None:
        if init is None or isinstance(init, str):
            if isinstance(init, str) and init not in INITIALISERS:
                raise unknown_name("initialiser", init, INITIALISERS)
            if init == "zeros":
                return
            if seed is not None and not isinstance(seed, np.random.SeedSequence):
                as_count(seed, "seed", 0)
            rng = np.random.default_rng(seed)
            for l in self.W:
                row = INITIALISERS[init or default_initialiser(self._activations[l])]
                scale = row.scale(self.size(l - 1), self.size(l))
                draw = (lambda shape: rng.uniform(-1, 1, shape)) if row.is_uniform else rng.standard_normal
                self.W[l][...] = scale * draw(self.W[l].shape)
                if row.draws_biases:
                    self.b[l][...] = scale * draw(self.b[l].shape)
        elif isinstance(init, (int, float, np.integer, np.floating)) and not isinstance(init, bool):
            self._parameters[...] = as_numbers(init, "init", self.dtype)
        elif isinstance(init, (tuple, list)) and len(init) == 2 and not np.isscalar(init[0]):
            for name, per_layer, given in (("weights", self.W, init[0]), ("biases", self.b, init[1])):
                arrays = dict(given) if isinstance(given, Mapping) else dict(enumerate(given, start=2))
                if set(arrays) != set(per_layer):
                    raise ValueError(
                        f"init: {name} are given for layers {sorted(arrays)}, but the network has layers "
                        f"{list(per_layer)} with {name}"
                    )
                for l, array in arrays.items():
                    per_layer[l] = array
        elif isinstance(init, (np.ndarray, list, tuple)):
            self.parameters = init
        else:
            raise TypeError(f"init must be a name, a number, a flat vector or (weights, biases), got {init!r}")


def _activations_by_layer(n_layers: int, activation: object, output: object) -> Mapping[int, Activation]:
    if isinstance(activation, (str, Activation)):
        hidden = as_activation(activation)
        rows = [hidden] * (n_layers - 2) + [hidden if output is None else as_activation(output)]
    elif isinstance(activation, Sequence):
        if output is not None:
            raise ValueError(
                "activation gives one entry per layer, the last for layer F: output cannot be given as well"
            )
        if len(activation) != n_layers - 1:
            raise ValueError(
                f"activation has {len(activation)} entries, but the network has {n_layers - 1} layers with one: "
                f"layers 2 … {n_layers}"
            )
        rows = [as_activation(entry) for entry in activation]
    else:
        raise TypeError(f"activation must be a name, a pellucid.Activation or a list of them, got {activation!r}")
    for l, row in enumerate(rows[:-1], start=2):
        if not row.elementwise:
            raise ValueError(
                f"activation {row} on layer {l}: it is not element-wise and serves on the output layer {n_layers} alone"
                f"; give it as output={row.name!r}"
            )
    return dict(enumerate(rows, start=2))
