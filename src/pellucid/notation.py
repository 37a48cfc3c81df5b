"""Labels of the textbook's quantities, as text and as LaTeX, and read back.

Layers count from 1 (the input) to F; j is a neuron of layer l, k one of layer l - 1, and both count from 1.

======  =============================================  ===========  ==================
symbol  quantity                                       text         LaTeX
======  =============================================  ===========  ==================
w       weight from neuron k to neuron j               ``w_24^3``   ``w_{24}^{3}``
b       bias of neuron j                               ``b_2^3``    ``b_{2}^{3}``
z       pre-activation of neuron j                     ``z_2^3``    ``z_{2}^{3}``
a       activation of neuron j                         ``a_2^3``    ``a_{2}^{3}``
d       delta of neuron j, ∂L/∂z                       ``d_2^3``    ``d_{2}^{3}``
======  =============================================  ===========  ==================

An index of two digits takes braces, and a comma in a weight: ``w_{2,14}^3``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import numpy as np

from pellucid.errors import UnknownLabelError

SYMBOLS = {
    "w": "weight",
    "b": "bias",
    "z": "pre-activation",
    "a": "activation",
    "d": "delta",
}
"""Each symbol and the quantity that it stands for."""

FIRST_LAYER = {"w": 2, "b": 2, "z": 2, "a": 1, "d": 2}
"""The first layer that has the quantity; the last is F for all."""


MOST_LAYERS = 7
"""Networks of more layers show the first ones, dots, and the last ones."""


def elided(count: int, most: int, first: int, last: int = 1) -> list[int | None]:
    """Return the numbers from 1 that are shown: all, or if they are more than ``most``, some with None for the rest."""
    if count <= most:
        return list(range(1, count + 1))
    return [*range(1, first + 1), None, *range(count - last + 1, count + 1)]


def elided_layers(F: int) -> list[int | None]:
    """Return the layers that are shown of a network of F."""
    return elided(F, MOST_LAYERS, 3, 2)


@dataclass(frozen=True)
class Label:
    """The label of one weight, bias, pre-activation, activation or delta.

    Parameters
    ----------
    symbol : {'w', 'b', 'z', 'a', 'd'}
        The quantity.
    layer : int
        The layer l, from 1 for ``a`` and from 2 for the others.
    j : int
        The neuron of layer l, from 1.
    k : int, optional
        The neuron of layer l - 1, from 1; for ``w`` alone, which needs it.

    Raises
    ------
    UnknownLabelError
        The symbol is not one of the five, an index is not a whole number from 1, the layer has no such quantity,
        or ``k`` is missing or out of place.

    Examples
    --------
    >>> print(Label("w", layer=3, j=2, k=4), Label("w", layer=3, j=2, k=14))
    w_24^3 w_{2,14}^3
    >>> Label("w", layer=3, j=2, k=14).latex
    'w_{2,14}^{3}'
    """

    symbol: str
    layer: int
    j: int
    k: int | None = None

    def __post_init__(self) -> None:
        if self.symbol not in SYMBOLS:
            raise UnknownLabelError(f"unknown symbol {self.symbol!r}; the symbols are {', '.join(SYMBOLS)}")
        for name, index in (("layer", self.layer), ("j", self.j), ("k", self.k)):
            if index is None:
                continue
            if not isinstance(index, (int, np.integer)) or isinstance(index, bool) or index < 1:
                raise UnknownLabelError(f"{name} = {index!r}: layers and neurons are whole numbers that count from 1")
            object.__setattr__(self, name, int(index))
        if (self.k is not None) != (self.symbol == "w"):
            needs = "needs k, the neuron of the layer before" if self.symbol == "w" else "takes no k"
            raise UnknownLabelError(f"the {SYMBOLS[self.symbol]} {self.symbol} {needs}")
        if self.layer < FIRST_LAYER[self.symbol]:
            raise UnknownLabelError(
                f"layer 1 is the input and has no {SYMBOLS[self.symbol]}: {self.symbol} starts at layer 2"
            )

    @property
    def index(self) -> tuple[int, ...]:
        """The position in the layer's array, from 0: (j-1, k-1) for a weight, else (j-1,)."""
        return (self.j - 1,) if self.k is None else (self.j - 1, self.k - 1)

    @property
    def subscript(self) -> str:
        """``24``, or ``2,14`` as soon as an index has two digits."""
        if self.k is None:
            return str(self.j)
        return f"{self.j}{self.k}" if max(self.j, self.k) < 10 else f"{self.j},{self.k}"

    @property
    def text(self) -> str:
        """As plain text: ``w_24^3``."""
        low, high = self.subscript, str(self.layer)
        # One digit per index stands bare; anything longer takes braces.
        low = low if len(low) == len(self.index) else f"{{{low}}}"
        high = high if len(high) == 1 else f"{{{high}}}"
        return f"{self.symbol}_{low}^{high}"

    @property
    def latex(self) -> str:
        """As LaTeX: ``w_{24}^{3}``."""
        return f"{self.symbol}_{{{self.subscript}}}^{{{self.layer}}}"

    def __str__(self) -> str:
        return self.text


_SUBSCRIPT = r"_\s*(?:\{\s*(?P<low>\d+(?:\s*,\s*\d+)?)\s*\}|(?P<bare_low>\d+))"
_SUPERSCRIPT = r"\^\s*(?:\{\s*(?P<high>\d+)\s*\}|(?P<bare_high>\d+))"


@cache
def _forms() -> list[re.Pattern[str]]:
    """Both orders of a label's indices, compiled when the first label is read."""
    orders = ((_SUBSCRIPT, _SUPERSCRIPT), (_SUPERSCRIPT, _SUBSCRIPT))
    return [re.compile(rf"\s*\$?\s*(?P<symbol>\\?[A-Za-zδ]+)\s*{a}\s*{b}\s*\$?\s*") for a, b in orders]


_SYNONYMS = {"W": "w", "B": "b", "δ": "d", "delta": "d", r"\delta": "d", "A": "a", "Z": "z"}
"""What other books call a symbol."""


def symbol_of(text: str) -> str:
    """Return the symbol that another one means, such as ``d`` for ``δ``; any other text is given back."""
    return _SYNONYMS.get(text, text)


@cache
def _partial() -> re.Pattern[str]:
    return re.compile(
        r"\s*\$?\s*(?:(?:∂|d|\\partial\s*)\s*L(?:_T)?\s*/\s*(?:∂|d|\\partial\s*)|"
        r"\\d?frac\s*\{\s*(?:\\partial|∂|d)\s*L(?:_T)?\s*\}\s*\{\s*(?:\\partial|∂|d)\s*)(?P<of>[^$]*?)\s*(?P<close>\}?)\s*\$?\s*"
    )


def parse_partial(text: str) -> Label | None:
    r"""Read a partial derivative of the loss, and return the label that `explain` knows it by, or None.

    Parameters
    ----------
    text : str
        ``∂L/∂w_13^2``, ``dL/dw_13^2`` or LaTeX's ``\frac{\partial L}{\partial w_{13}^2}``; that of z is the delta.

    Raises
    ------
    UnknownLabelError
        A partial of something else.

    Examples
    --------
    >>> print(parse_partial("∂L/∂w_13^2"), parse_partial("∂L/∂z_2^3"), parse_partial("w_13^2"))
    w_13^2 d_2^3 None
    """
    match = _partial().fullmatch(text)
    if match is None:
        return None
    # The last brace closes the fraction, or an index where there is none.
    label = parse(match["of"] + ("" if "frac" in text else match["close"]))
    if label.symbol in "ad":
        raise UnknownLabelError(f"{text!r}: the partials are those of w, b and z; that of z is d")
    return Label("d", label.layer, label.j) if label.symbol == "z" else label


def parse(text: str | Label) -> Label:
    """Read a label back from text or LaTeX.

    Parameters
    ----------
    text : str or Label
        ``w_24^3``, ``w_{2,14}^3``, ``w_{24}^{3}``, ``$w^3_{24}$``, ``a_{14}^2``, ...; a Label is given back as it is.

    Returns
    -------
    Label

    Raises
    ------
    UnknownLabelError
        The text is not a label, or a weight's indices could be split in more than one way.

    Examples
    --------
    >>> parse("w_{2,14}^3")
    Label(symbol='w', layer=3, j=2, k=14)
    """
    if isinstance(text, Label):
        return text
    if not isinstance(text, str):
        raise UnknownLabelError(f"{text!r} is not a label; labels are text such as 'w_24^3'")
    match = next((found for form in _forms() if (found := form.fullmatch(text))), None)
    if match is None:
        raise UnknownLabelError(
            f"{text!r} is not a label; labels look like w_24^3, w_{{2,14}}^3, b_2^3, z_2^3, a_2^3, d_2^3"
        )
    symbol = symbol_of(match["symbol"])
    low = match["low"] or match["bare_low"]
    layer = int(match["high"] or match["bare_high"])
    if symbol != "w":
        if "," in low:
            raise UnknownLabelError(f"{text!r} has two indices, but only weights have two")
        return Label(symbol, layer, int(low))
    if "," not in low:
        if len(low) != 2:
            raise UnknownLabelError(
                f"{text!r}: a weight has two indices, j and k; "
                + (
                    "one is missing"
                    if len(low) < 2
                    else f"separate them by a comma, as in w_{{{low[0]},{low[1:]}}}^{layer}"
                )
            )
        low = f"{low[0]},{low[1]}"
    j, k = low.split(",")
    return Label(symbol, layer, int(j), int(k))
