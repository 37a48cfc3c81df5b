"""A network's layers: sizes, activations, and W[l], b[l] as views into one flat parameter vector."""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterable, Iterator, KeysView, Mapping, Sequence, ValuesView
from itertools import count, pairwise
from typing import Any, NamedTuple, Self

import numpy as np

from pellucid.activations import Activation, as_activation
from pellucid.arrays import DTYPES, Array, ArrayLike, DTypeLike, as_count, as_dtype, as_numbers
from pellucid.described import brief
from pellucid.errors import UnknownLabelError
from pellucid.hints import Hinted, has_line
from pellucid.notation import FIRST_LAYER, SYMBOLS, Label
from pellucid.randomness import Seed, as_generator
from pellucid.registry import Registry

NO_BIASES = "the network was made with bias=False and has no biases (leave bias=False out to have them)"
"""What asking for a bias of such a network is answered with."""


class PerLayer(Hinted):
    """Arrays by layer, as in ``W[2]`` or ``run.z[3]``, by the layer numbers of the textbook.

    Iterating yields the arrays in the order of the layers, so that ``zip(net.W, net.b)`` goes through both;
    ``items()`` yields pairs (layer, array). Assigning to a layer copies numbers into its array and never replaces the
    array, so that views stay views.

    Parameters
    ----------
    symbol : str
        What the arrays are called: ``W``, ``b``, ``z``, ``a`` or ``d``.
    arrays : dict
        By layer.
    """

    def __init__(self, symbol: str, arrays: dict[int, Array]) -> None:
        self.symbol = self._called = symbol
        self._arrays = arrays

    def __getitem__(self, layer: int) -> Array:
        try:
            return self._arrays[layer]
        except (KeyError, TypeError):
            pass
        if not self._arrays:
            raise UnknownLabelError(f"{self.symbol}[{layer!r}]: {NO_BIASES}")
        if not isinstance(layer, int | np.integer | slice):
            got = f"an array of shape {layer.shape}" if isinstance(layer, np.ndarray) else repr(layer)
            raise UnknownLabelError(
                f"{self.symbol}[l] takes the number of a layer, got {got}; iterating {self.symbol} yields its arrays, "
                f"{self.symbol}.items() pairs of layer and array"
            )
        first, last = min(self._arrays), max(self._arrays)
        layers = f"layers {first} … {last}" if first < last else f"layer {first} only"
        name = f"{self.symbol}[{layer!r}]"
        if isinstance(layer, slice):
            raise UnknownLabelError(f"{name}: a slice of layers is not supported; list({self.symbol}) has all of them")
        if isinstance(layer, int) and layer in (0, 1) and first == 2:
            what = f"{SYMBOLS[self.symbol.lower()]}{'es' if self.symbol == 'b' else 's'}"
            why = "layer 1 is the input" if layer == 1 else "layers count from 1, the input, which"
            raise UnknownLabelError(
                f"{name}: {why} {'and ' if layer == 1 else ''}has no {what}; the first are {self.symbol}[2] ({layers})"
            )
        hint = f"; the last is {self.symbol}[{last}]" if isinstance(layer, int) and layer < 0 else ""
        raise UnknownLabelError(f"{name}: there is no such layer; {self.symbol} has {layers}{hint}")

    def __setitem__(self, layer: int, values: ArrayLike) -> None:
        self[layer][...] = self._fitting(layer, values)

    def _fitting(self, layer: int, values: ArrayLike) -> Array:
        """Read numbers of the shape and dtype of a layer's array."""
        target = self[layer]
        numbers = as_numbers(values, f"{self.symbol}[{layer}]", target.dtype)
        if numbers.shape != target.shape:
            raise ValueError(f"{self.symbol}[{layer}] has shape {target.shape}, got {numbers.shape}")
        return numbers

    def __iter__(self) -> Iterator[Array]:
        return iter(self._arrays.values())

    def __reversed__(self) -> Iterator[Array]:
        return reversed(self._arrays.values())

    def __len__(self) -> int:
        return len(self._arrays)

    def __contains__(self, layer: object) -> bool:
        return isinstance(layer, int | np.integer) and layer in self._arrays

    def keys(self) -> KeysView[int]:
        """The numbers of the layers."""
        return self._arrays.keys()

    def values(self) -> ValuesView[Array]:
        """The arrays, as in iterating."""
        return self._arrays.values()

    def items(self) -> ItemsView[int, Array]:
        """Pairs of a layer's number and its array."""
        return self._arrays.items()

    def assign(self, given: Any, name: str = "") -> None:
        """Copy numbers into all arrays.

        Parameters
        ----------
        given : PerLayer, mapping or sequence
            An array for each layer, by its number or in order.
        name : str, optional
            What to call them in an error, if not by their symbol.

        Raises
        ------
        ValueError, TypeError
            Other layers, or arrays of other shapes; nothing is changed.
        """
        what = name or self.symbol
        if not hasattr(given, "items") and not isinstance(given, Iterable):
            raise TypeError(f"{what} takes an array for each layer, in order or by its number, got {given!r}")
        by_layer = dict(given.items()) if hasattr(given, "items") else dict(zip(count(2), given, strict=False))
        if by_layer and not self._arrays:
            raise ValueError(f"{what} has arrays for layers {sorted(by_layer)}, but {NO_BIASES}")
        if set(by_layer) != set(self._arrays):
            raise ValueError(
                f"{what} has arrays for layers {sorted(by_layer)}, but the network has layers "
                f"{list(self._arrays)} with {self.symbol}"
            )
        # Copies first: what is given may be these very arrays in another order, or not fit at the last layer.
        numbers = {layer: self._fitting(layer, values).copy() for layer, values in by_layer.items()}
        for layer, array in numbers.items():
            self._arrays[layer][...] = array

    def __repr__(self) -> str:
        if not self._arrays:
            return f"{self.symbol}: {NO_BIASES}"
        shown = [f"{layer} {array.shape}" for layer, array in self._arrays.items()]
        shown = shown if len(shown) <= 10 else [*shown[:9], "…", shown[-1]]
        return f"{self.symbol}[l] for l = {', '.join(shown)}"


def parameter_count(sizes: Sequence[int], has_bias: bool = True) -> int:
    """Count the weights and biases of a network: Σ_l n_l (n_{l-1} + 1), or Σ_l n_l n_{l-1} without biases."""
    return sum(n_l * (n_before + has_bias) for n_before, n_l in pairwise(sizes))


def parameter_views(sizes: Sequence[int], vector: Array, has_bias: bool = True) -> tuple[PerLayer, PerLayer]:
    """View a flat vector (W^2 row by row, b^2, W^3, …) as W[l] of shape (n_l, n_{l-1}) and b[l] of shape (n_l,).

    Without biases the vector is W^2 row by row, W^3, …, and b is empty.
    """
    W: dict[int, Array] = {}
    b: dict[int, Array] = {}
    start = 0
    for l, (n_before, n_l) in enumerate(pairwise(sizes), start=2):
        W[l] = vector[start : start + n_l * n_before].reshape(n_l, n_before)
        start += n_l * n_before
        if has_bias:
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
    synonyms: tuple[str, ...] = ()


_GLOROT = "Glorot, Bengio, Understanding the difficulty of training deep feedforward neural networks, 2010"
_HE = "He, Zhang, Ren, Sun, Delving deep into rectifiers, 2015"
_LECUN = "LeCun, Bottou, Orr, Müller, Efficient BackProp, 1998"

INITIALISERS: Registry[Initialiser] = Registry(
    "initialiser",
    (
        Initialiser(
            "glorot_uniform", lambda m, n: (6 / (m + n)) ** 0.5, True, "U(±√(6/(n_{l-1} + n_l)))", _GLOROT,
            synonyms=("glorot", "xavier", "xavier_uniform"),
        ),
        Initialiser(
            "glorot_normal", lambda m, n: (2 / (m + n)) ** 0.5, False, "N(0, 2/(n_{l-1} + n_l))", _GLOROT,
            synonyms=("xavier_normal",),
        ),
        Initialiser(
            "he_uniform", lambda m, n: (6 / m) ** 0.5, True, "U(±√(6/n_{l-1}))", _HE, synonyms=("kaiming_uniform",)
        ),
        Initialiser(
            "he_normal", lambda m, n: (2 / m) ** 0.5, False, "N(0, 2/n_{l-1})", _HE,
            synonyms=("he", "kaiming", "kaiming_normal"),
        ),
        Initialiser("lecun_uniform", lambda m, n: (3 / m) ** 0.5, True, "U(±√(3/n_{l-1}))", _LECUN),
        Initialiser(
            "lecun_normal", lambda m, n: (1 / m) ** 0.5, False, "N(0, 1/n_{l-1})", _LECUN, synonyms=("lecun",)
        ),
        Initialiser(
            "standard_normal", lambda m, n: 1.0, False, "N(0, 1), biases too",
            "Nielsen, Neural networks and deep learning, 2015", draws_biases=True, synonyms=("randn",),
        ),
        Initialiser(
            "zeros", lambda m, n: 0.0, False, "0", "for showing why it fails: hidden neurons stay equal",
            synonyms=("zero",),
        ),
    ),
    columns=(("weights", lambda row: row.formula), ("source", lambda row: row.source)),
    example="a number, a flat vector or (weights, biases)",
    elsewhere={
        "random": "write init='glorot_uniform', 'he_normal' or 'standard_normal'",
        "uniform": "write init='glorot_uniform', whose range fits the sizes of the layers",
        "normal": "write init='standard_normal' for N(0, 1), or 'glorot_normal', whose variance fits the sizes",
        "ones": "write init=1.0",
        "orthogonal": "it is not in the table: give (weights, biases) of your own",
    },
)  # fmt: skip
"""The table of initialisers, by name."""

_HE_FAMILY = ("relu", "leaky_relu", "elu", "silu", "gelu", "gelu_tanh", "softplus")


def default_initialiser(activation: Activation) -> str:
    """Name the initialiser that keeps the variance of z over the layers: He's after rectifiers, LeCun's for SELU."""
    if activation.name in _HE_FAMILY:
        return "he_normal"
    return "lecun_normal" if activation.name == "selu" else "glorot_uniform"


class Layers(Hinted):
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
    seed : int, numpy.random.Generator or SeedSequence, optional
        For the initial weights. float32 starts from the rounded float64 numbers of the same seed.
    init : optional
        A name in `INITIALISERS` for every layer; a number for every weight and bias; a flat vector; or a pair
        (weights, biases) of arrays for layers 2 … F, in order or by layer; (weights, None) with ``bias=False``. Without
        it, He normal for the layers with ReLU and its smooth relatives, LeCun normal for SELU, else Glorot uniform,
        with biases 0.
    bias : bool
        Whether the layers have biases. With False, z^l = W^l a^{l-1}: the parameters are the weights, and ``b`` is
        empty.

    Raises
    ------
    ValueError, TypeError
        Sizes, activations, dtype, init or bias that do not fit.
    """

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
    ) -> None:
        if isinstance(sizes, (str, bytes)) or not isinstance(sizes, (Sequence, np.ndarray)):
            apart = [size for size in (sizes, activation, output) if isinstance(size, int)]
            hint = f": write {apart}" if len(apart) > 1 else ""
            raise TypeError(f"sizes must be a sequence of whole numbers such as [3, 4, 2], got {sizes!r}{hint}")
        if len(sizes) < 2:
            raise ValueError(f"sizes must name at least an input and an output layer, got {list(sizes)!r}")
        self._sizes = tuple(as_count(n, f"sizes[{i}]") for i, n in enumerate(sizes))
        self._activations = Activations(_activations_by_layer(len(self._sizes), activation, output))
        if not isinstance(bias, (bool, np.bool_)):
            raise TypeError(f"bias must be True or False, got {bias!r}; initial values are given as init")
        self._has_bias = bool(bias)
        self._bind(np.zeros(parameter_count(self._sizes, self._has_bias), as_dtype(dtype)))
        self._initialise(init, seed)

    _called = "net"

    def __setattr__(self, name: str, value: object) -> None:
        is_own = name.startswith("_") or hasattr(type(self), name)
        if not is_own and (has_line(type(self).__name__, name) or self._numbered_hint(name)):
            getattr(self, name)  # which says what to write
        object.__setattr__(self, name, value)

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
            self._views = parameter_views(self._sizes, self._parameters, self._has_bias)
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
    def has_bias(self) -> bool:
        """Whether the layers have biases."""
        return self._has_bias

    @property
    def activations(self) -> Mapping[int, Activation]:
        """σ of each layer 2 … F, which cannot be changed."""
        return self._activations

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64."""
        return self._parameters.dtype

    @property
    def W(self) -> PerLayer:
        """W[l] of shape (n_l, n_{l-1}), l = 2 … F: writable views into `parameters`; assigning copies into them."""
        return self._by_layer()[0]

    @W.setter
    def W(self, given: Any) -> None:
        self.W.assign(given)

    @property
    def b(self) -> PerLayer:
        """b[l] of shape (n_l,), l = 2 … F: writable views into `parameters`; assigning copies into them.

        It is empty in a network without biases.
        """
        return self._by_layer()[1]

    @b.setter
    def b(self, given: Any) -> None:
        self.b.assign(given)

    def shift(self, layer: int) -> Array:
        """Return what is added to W^l a^{l-1}, of shape (n_l,): b^l, or zeros in a network without biases."""
        return self.b[layer] if self._has_bias else np.zeros(self.size(layer), self.dtype)

    @property
    def parameters(self) -> Array:
        """All weights and biases as one flat vector: W^2 row by row, b^2, W^3, b^3, …; assigning copies into it.

        Without biases it is W^2 row by row, W^3, ….
        """
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
        W, _ = parameter_views(self._sizes, mask, self._has_bias)
        for W_l in W:
            W_l[...] = 1
        return mask

    def labels(self, symbol: str) -> list[Label]:
        """List the labels of every weight, bias, z, a or d of the network.

        Parameters
        ----------
        symbol : {'w', 'b', 'z', 'a', 'd'}

        Returns
        -------
        list of Label
            Layer by layer, then j, then k. Empty for the biases of a network without them.

        Raises
        ------
        UnknownLabelError
            Another symbol.
        """
        if symbol not in SYMBOLS:
            raise UnknownLabelError(f"unknown symbol {symbol!r}; the symbols are {', '.join(SYMBOLS)}")
        if symbol == "b" and not self._has_bias:
            return []
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
        if label.symbol == "b" and not self._has_bias:
            raise UnknownLabelError(f"{label}: {NO_BIASES}")
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
        """Return the same layers on another flat vector, which is viewed and not copied.

        Raises
        ------
        TypeError, ValueError
            Not an array of the parameters' shape, in float32 or float64.
        """
        if not isinstance(vector, np.ndarray) or (vector.dtype != self.dtype and vector.dtype not in DTYPES):
            raise TypeError(f"with_parameters takes an array of float32 or float64, got {brief(vector)}")
        if vector.shape != self._parameters.shape:
            raise ValueError(f"parameters has shape {self._parameters.shape}, got {vector.shape}")
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

    def _initialise(self, init: object, seed: Seed) -> None:
        if init is None or isinstance(init, str):
            name = None if init is None else INITIALISERS[init].name
            if name == "zeros":
                return
            rng = as_generator(seed)
            for l in range(2, self.F + 1):
                row = INITIALISERS[name or default_initialiser(self._activations[l])]
                scale = row.scale(self.size(l - 1), self.size(l))
                draw = (lambda shape: rng.uniform(-1, 1, shape)) if row.is_uniform else rng.standard_normal
                self.W[l][...] = scale * draw(self.W[l].shape)
                if row.draws_biases and self._has_bias:
                    self.b[l][...] = scale * draw(self.b[l].shape)
        elif isinstance(init, (int, float, np.integer, np.floating)) and not isinstance(init, bool):
            self._parameters[...] = as_numbers(init, "init", self.dtype)
        elif not self._has_bias and (isinstance(init, PerLayer) or _are_matrices(init)):
            self.W.assign(init, "init: W")
        elif isinstance(init, (tuple, list)) and len(init) == 2 and not np.isscalar(init[0]):
            self.W.assign(init[0], "init: W")
            self.b.assign(() if init[1] is None else init[1], "init: b")
        elif isinstance(init, (np.ndarray, list, tuple)):
            self.parameters = init
        else:
            raise TypeError(f"init must be a name, a number, a flat vector or (weights, biases), got {brief(init)}")


def _activations_by_layer(n_layers: int, activation: object, output: object) -> Mapping[int, Activation]:
    """Read σ of each layer 2 … F from one for all, one for each, or those of the hidden layers and of layer F."""
    n_hidden = n_layers - 2
    if isinstance(activation, Sequence) and not isinstance(activation, str):
        given = list(activation)
        if output is not None and len(given) == n_hidden + 1:
            raise ValueError(
                f"activation has {_entries(given)}, one for each of the layers 2 … {n_layers}, so "
                f"output={output!r} would be a second one for layer {n_layers}: leave one of them out"
            )
        if output is None and len(given) == n_hidden:
            raise ValueError(
                f"activation has {_entries(given)}, those of the hidden layers, but layer {n_layers} needs one too: "
                f"write activation={_shown(given)}, output='sigmoid' (or 'identity', 'softmax', …)"
            )
        if len(given) != (n_hidden + 1 if output is None else n_hidden):
            what = (
                f"{n_hidden + 1}, one for each of the layers 2 … {n_layers}, or {n_hidden} for the hidden layers with "
                "output=…"
                if output is None
                else f"{n_hidden}, one for each hidden layer"
            )
            raise ValueError(f"activation has {_entries(given)}, but the network needs {what}")
        rows = [as_activation(entry) for entry in (given if output is None else [*given, output])]
    else:
        hidden = as_activation(activation)
        rows = [hidden] * n_hidden + [hidden if output is None else as_activation(output)]
    for l, row in enumerate(rows[:-1], start=2):
        if not row.elementwise:
            raise ValueError(
                f"activation {row} on layer {l}: it is not element-wise and can be used only on the output layer "
                f"{n_layers}; write output={row.name!r}"
            )
    return dict(enumerate(rows, start=2))


class Activations(dict[int, Activation]):
    """σ by layer, read only: the look-up of a layer that is not there, and an assignment, say what to write."""

    def __missing__(self, layer: object) -> Activation:
        raise UnknownLabelError(f"activations[{layer!r}]: the layers that have one are 2 … {max(self)}")

    def __setitem__(self, layer: int, activation: object) -> None:
        raise TypeError(
            "the activations of a network cannot be changed: write pl.Network(net.sizes, activation=[…], "
            "init=net.parameters)"
        )

    def __reduce__(self) -> Any:
        return Activations, (dict(self),)


def _are_matrices(init: object) -> bool:
    return isinstance(init, (tuple, list)) and all(isinstance(one, np.ndarray) and one.ndim == 2 for one in init)


def _entries(given: Sequence[object]) -> str:
    return f"{len(given)} {'entry' if len(given) == 1 else 'entries'}"


def _shown(activations: Sequence[object]) -> list[object]:
    return [row.name if isinstance(row, Activation) else row for row in activations]
