"""The table of activations: σ and σ', a row each.

Every function takes z of any shape and returns an array of the same shape and dtype. None overflows or warns for
finite z; where σ'(z) could be computed from σ(z), it is computed from z instead if that keeps its relative accuracy
in the tails (sigmoid, tanh). Softmax is the one row that is not element-wise: its derivative is a Jacobian.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from pellucid.arrays import Array, as_number
from pellucid.hints import hinted, hinted_class
from pellucid.registry import Registry, Row


@hinted_class
@dataclass(frozen=True, eq=False, repr=False)
class Activation(Row):
    """An activation σ with its derivative σ'.

    A user makes one from a name and two functions; the other fields document it.

    Parameters
    ----------
    name : str
        Shown in summaries and stored in files.
    function : callable
        σ: z ↦ a, from an array to one of the same shape.
    derivative : callable
        σ': z ↦ σ'(z), of the shape of z; if not element-wise, the Jacobian ∂a_j/∂z_k of shape (..., m, m).
    formula, derivative_formula : str
        As text in z.
    latex, derivative_latex : str
        The same as LaTeX.
    kinks : tuple of float
        Every z at which σ' or σ'' jumps. A gradient check sets aside a difference quotient taken across one.
    at_kink : str
        What σ' is taken to be there, and from where.
    source : str
        Where the function was published.
    elementwise : bool
        False if a_j depends on other components of z than z_j; such an activation serves on layer F alone.
    settings : mapping
        The numbers that a row was made with, for example the slope of a leaky ReLU.
    range : str
        The interval that σ(z) lies in for real z.
    synonyms : tuple of str
        Other names of the same function.

    Examples
    --------
    >>> cube = Activation("cube", lambda z: z**3, lambda z: 3 * z**2, formula="z^3", derivative_formula="3 z^2")
    >>> float(cube.derivative(np.array(2.0)))
    12.0
    """

    _called = "sigma"

    name: str
    function: Callable[[Array], Array]
    derivative: Callable[[Array], Array]
    formula: str = "σ(z)"
    derivative_formula: str = "σ'(z)"
    latex: str = r"\sigma(z)"
    derivative_latex: str = r"\sigma'(z)"
    kinks: tuple[float, ...] = ()
    at_kink: str = ""
    source: str = ""
    elementwise: bool = True
    settings: Mapping[str, float] = field(default_factory=dict)
    range: str = ""
    synonyms: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise TypeError(f"an activation's name must be a string, got {self.name!r}")
        for role in ("function", "derivative"):
            if not callable(getattr(self, role)):
                raise TypeError(f"activation {self.name!r}: {role} must be callable, got {getattr(self, role)!r}")

    @property
    def is_builtin(self) -> bool:
        """Whether it is a row of the table, or one of its rows with other numbers, and not a user's."""
        return ACTIVATIONS.get(self.name) is self or type(self) is _WITH_SETTINGS.get(self.name)

    def __call__(self, z: Array) -> Array:
        """Return σ(z), of the shape of z."""
        return self.function(np.asarray(z))

    def find(self) -> Callable[..., Row] | None:
        """Return the look-up that gives this row back, or None if a user made it."""
        return as_activation if self.is_builtin else None

    def __str__(self) -> str:
        settings = ", ".join(f"{key}={value:g}" for key, value in self.settings.items())
        return f"{self.name}({settings})" if settings else self.name


# σ and σ', in the order of the table.


def _decay(z: Array) -> Array:
    """e^(-|z|), in (0, 1]: the exponential that cannot overflow."""
    return np.exp(-np.abs(z))


def _sigmoid(z: Array) -> Array:
    e = _decay(z)
    return np.where(z >= 0, 1, e) / (1 + e)


def _sigmoid_prime(z: Array) -> Array:
    e = _decay(z)
    return e / np.square(1 + e)  # σ(z) σ(-z): 1 - σ(z) would cancel for z >> 0


def _relu(z: Array) -> Array:
    return np.maximum(z, 0)


def _relu_prime(z: Array) -> Array:
    z = np.asarray(z)
    return (z > 0).astype(z.dtype)


def _tanh_prime(z: Array) -> Array:
    e = np.square(_decay(z))
    return 4 * e / np.square(1 + e)  # 1/cosh² without its overflow and without the cancellation of 1 - tanh²


def _identity(z: Array) -> Array:
    return z.copy()


def _one(z: Array) -> Array:
    return np.ones_like(z)


def _softmax(z: Array) -> Array:
    with np.errstate(over="ignore"):  # z - max z may be -∞, whose exponential is the 0 that is meant
        e = np.exp(z - z.max(axis=-1, keepdims=True))  # the largest exponent is 0: no overflow
    return e / e.sum(axis=-1, keepdims=True)


def _softmax_jacobian(z: Array) -> Array:
    a = _softmax(z)
    return a[..., :, np.newaxis] * (np.eye(a.shape[-1], dtype=a.dtype) - a[..., np.newaxis, :])


def _leaky_relu(z: Array, slope: float) -> Array:
    return np.where(z > 0, z, slope * z)


def _leaky_relu_prime(z: Array, slope: float) -> Array:
    z = np.asarray(z)
    return np.where(z > 0, z.dtype.type(1), z.dtype.type(slope))


def _elu(z: Array, alpha: float, scale: float = 1.0) -> Array:
    return scale * np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0)))


def _elu_prime(z: Array, alpha: float, scale: float = 1.0) -> Array:
    z = np.asarray(z)
    return scale * np.where(z > 0, z.dtype.type(1), alpha * np.exp(np.minimum(z, 0)))


def _softplus(z: Array) -> Array:
    return np.maximum(z, 0) + np.log1p(_decay(z))


def _silu(z: Array) -> Array:
    return z * _sigmoid(z)


def _silu_prime(z: Array) -> Array:
    return _sigmoid(z) + z * _sigmoid_prime(z)


def _normal_cdf(z: Array) -> Array:
    """Φ(z) = erfc(-z/√2)/2: the complement keeps the relative accuracy of the left tail."""
    z, root_half = np.asarray(z), math.sqrt(0.5)
    values = (0.5 * math.erfc(-root_half * v) for v in z.ravel().tolist())
    return np.fromiter(values, z.dtype, z.size).reshape(z.shape)


def _gelu(z: Array) -> Array:
    return z * _normal_cdf(z)


def _gelu_prime(z: Array) -> Array:
    near = np.clip(z, -40, 40)  # beyond, φ(z) is 0 in float64 and z² could overflow
    return _normal_cdf(z) + near * np.exp(-0.5 * np.square(near)) * (1 / math.sqrt(2 * math.pi))


_GELU_C, _GELU_CUBIC = math.sqrt(2 / math.pi), 0.044715


def _gelu_tanh(z: Array) -> Array:
    # ½(1 + tanh u) = sigmoid(2u), which keeps the left tail
    near = np.clip(z, -1e6, 1e6)
    return z * _sigmoid(2 * _GELU_C * (near + _GELU_CUBIC * near**3))


def _gelu_tanh_prime(z: Array) -> Array:
    near = np.clip(z, -1e6, 1e6)
    u = 2 * _GELU_C * (near + _GELU_CUBIC * near**3)
    return _sigmoid(u) + near * _sigmoid_prime(u) * (2 * _GELU_C) * (1 + 3 * _GELU_CUBIC * near**2)


def _hard_tanh(z: Array) -> Array:
    return np.clip(z, -1, 1)


def _hard_tanh_prime(z: Array) -> Array:
    z = np.asarray(z)
    return (np.abs(z) < 1).astype(z.dtype)


def _exp(z: Array) -> Array:
    z = np.asarray(z)
    with np.errstate(over="ignore"):
        return np.minimum(np.exp(z), np.finfo(z.dtype).max)  # saturates at the largest finite number


SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


class LeakyReLU(Activation):
    """Leaky ReLU, z for z > 0 and slope·z otherwise.

    Parameters
    ----------
    slope : float in [0, ∞)
        The derivative for z ≤ 0.
    """

    @hinted
    def __init__(self, slope: float = 0.01) -> None:
        slope = as_number(slope, "slope", 0)
        super().__init__(
            "leaky_relu",
            partial(_leaky_relu, slope=slope),
            partial(_leaky_relu_prime, slope=slope),
            formula=f"z if z > 0 else {slope:g} z",
            derivative_formula=f"1 if z > 0 else {slope:g}",
            latex=rf"\begin{{cases}} z & z > 0 \\ {slope:g}\,z & z \le 0 \end{{cases}}",
            derivative_latex=rf"\begin{{cases}} 1 & z > 0 \\ {slope:g} & z \le 0 \end{{cases}}",
            kinks=(0.0,),
            at_kink=f"σ'(0) = {slope:g}, the derivative from the left",
            source="Maas, Hannun, Ng, Rectifier nonlinearities improve neural network acoustic models, 2013",
            settings={"slope": slope},
            range="(-∞, ∞)" if slope else "[0, ∞)",
            synonyms=("leaky_rectifier", "lrelu"),
        )


class ELU(Activation):
    """Exponential linear unit, z for z > 0 and α(e^z - 1) otherwise.

    Parameters
    ----------
    alpha : float in (0, ∞)
        Minus the limit for z → -∞.
    """

    @hinted
    def __init__(self, alpha: float = 1.0) -> None:
        alpha = as_number(alpha, "alpha", 0, open_low=True)
        factor = "" if alpha == 1 else f"{alpha:g} "
        super().__init__(
            "elu",
            partial(_elu, alpha=alpha),
            partial(_elu_prime, alpha=alpha),
            formula=f"z if z > 0 else {factor}(e^z - 1)",
            derivative_formula=f"1 if z > 0 else {factor}e^z",
            latex=rf"\begin{{cases}} z & z > 0 \\ {factor}(e^z - 1) & z \le 0 \end{{cases}}",
            derivative_latex=rf"\begin{{cases}} 1 & z > 0 \\ {factor}e^z & z \le 0 \end{{cases}}",
            kinks=(0.0,),
            at_kink=f"σ'(0) = α = {alpha:g}, the derivative from the left; for α = 1 only σ'' jumps",
            source="Clevert, Unterthiner, Hochreiter, Fast and accurate deep network learning by ELUs, 2015",
            settings={"alpha": alpha},
            range=f"({-alpha:g}, ∞)",
            synonyms=("exponential_linear_unit",),
        )


_ROWS = (
    Activation(
        "sigmoid", _sigmoid, _sigmoid_prime,
        formula="1/(1 + e^(-z))", derivative_formula="σ(z) (1 - σ(z))",
        latex=r"\frac{1}{1 + e^{-z}}", derivative_latex=r"\sigma(z)\,(1 - \sigma(z))",
        range="(0, 1)", synonyms=("logistic", "expit", "logsig"),
        source="Rumelhart, Hinton, Williams, Learning representations by back-propagating errors, 1986",
    ),
    Activation(
        "relu", _relu, _relu_prime,
        formula="max(0, z)", derivative_formula="1 if z > 0 else 0",
        latex=r"\max(0, z)", derivative_latex=r"\begin{cases} 1 & z > 0 \\ 0 & z \le 0 \end{cases}",
        kinks=(0.0,), at_kink="undefined at 0; taken as σ'(0) = 0",
        range="[0, ∞)", synonyms=("rectifier", "rectified_linear", "ramp"),
        source="Nair, Hinton, Rectified linear units improve restricted Boltzmann machines, 2010",
    ),
    Activation(
        "tanh", np.tanh, _tanh_prime,
        formula="tanh(z)", derivative_formula="1 - tanh(z)^2",
        latex=r"\tanh(z)", derivative_latex=r"1 - \tanh^2(z)",
        range="(-1, 1)", synonyms=("hyperbolic_tangent", "tansig"),
        source="LeCun, Bottou, Orr, Müller, Efficient BackProp, 1998",
    ),
    Activation(
        "identity", _identity, _one,
        formula="z", derivative_formula="1", latex="z", derivative_latex="1",
        range="(-∞, ∞)", synonyms=("linear", "purelin"),
        source="linear output, as in linear regression",
    ),
    Activation(
        "softmax", _softmax, _softmax_jacobian,
        formula="e^(z_j) / Σ_k e^(z_k)", derivative_formula="∂a_j/∂z_k = a_j (1 - a_j) if j = k else -a_j a_k",
        latex=r"\frac{e^{z_j}}{\sum_k e^{z_k}}",
        derivative_latex=r"\frac{\partial a_j}{\partial z_k} = a_j (\delta_{jk} - a_k)",
        range="(0, 1)", synonyms=("normalized_exponential",),
        source="Bridle, Probabilistic interpretation of feedforward classification network outputs, 1990",
        elementwise=False,
    ),
    LeakyReLU(),
    ELU(),
    Activation(
        "selu",
        partial(_elu, alpha=SELU_ALPHA, scale=SELU_SCALE), partial(_elu_prime, alpha=SELU_ALPHA, scale=SELU_SCALE),
        formula="1.05070 z if z > 0 else 1.75810 (e^z - 1)", derivative_formula="1.05070 if z > 0 else 1.75810 e^z",
        latex=r"\lambda\begin{cases} z & z > 0 \\ \alpha (e^z - 1) & z \le 0 \end{cases}",
        derivative_latex=r"\lambda\begin{cases} 1 & z > 0 \\ \alpha e^z & z \le 0 \end{cases}",
        kinks=(0.0,), at_kink="σ' jumps at 0; taken as σ'(0) = λα = 1.75810, the derivative from the left",
        range="(-1.75810, ∞)",
        source="Klambauer et al., Self-normalizing neural networks, 2017; λ = 1.0507009873554805, α = 1.67326…",
    ),
    Activation(
        "softplus", _softplus, _sigmoid,
        formula="ln(1 + e^z)", derivative_formula="1/(1 + e^(-z))",
        latex=r"\ln(1 + e^z)", derivative_latex=r"\frac{1}{1 + e^{-z}}",
        range="(0, ∞)",
        source="Dugas et al., Incorporating second-order functional knowledge for better option pricing, 2001",
    ),
    Activation(
        "silu", _silu, _silu_prime,
        formula="z/(1 + e^(-z))", derivative_formula="s + z s (1 - s), s = 1/(1 + e^(-z))",
        latex=r"\frac{z}{1 + e^{-z}}", derivative_latex=r"s + z\,s\,(1 - s),\ s = \frac{1}{1 + e^{-z}}",
        range="[-0.278465, ∞)", synonyms=("swish",),
        source="Elfwing, Uchibe, Doya, Sigmoid-weighted linear units, 2017 (also called swish)",
    ),
    Activation(
        "gelu", _gelu, _gelu_prime,
        formula="z Φ(z)", derivative_formula="Φ(z) + z φ(z)",
        latex=r"z\,\Phi(z)", derivative_latex=r"\Phi(z) + z\,\varphi(z)",
        range="[-0.169971, ∞)", synonyms=("gelu_exact",),
        source="Hendrycks, Gimpel, Gaussian error linear units, 2016; Φ and φ of the standard normal distribution",
    ),
    Activation(
        "gelu_tanh", _gelu_tanh, _gelu_tanh_prime,
        formula="z (1 + tanh(u))/2, u = √(2/π) (z + 0.044715 z^3)",
        derivative_formula="(1 + tanh(u))/2 + z (1 - tanh(u)^2) u'(z)/2",
        latex=r"\tfrac{z}{2}(1 + \tanh u),\ u = \sqrt{2/\pi}\,(z + 0.044715 z^3)",
        derivative_latex=r"\tfrac12 (1 + \tanh u) + \tfrac{z}{2}(1 - \tanh^2 u)\,u'(z)",
        range="[-0.170041, ∞)", synonyms=("gelu_approximate", "gelu_new"),
        source="Hendrycks, Gimpel, Gaussian error linear units, 2016, section 2",
    ),
    Activation(
        "hard_tanh", _hard_tanh, _hard_tanh_prime,
        formula="max(-1, min(1, z))", derivative_formula="1 if -1 < z < 1 else 0",
        latex=r"\max(-1, \min(1, z))", derivative_latex=r"\begin{cases} 1 & |z| < 1 \\ 0 & |z| \ge 1 \end{cases}",
        kinks=(-1.0, 1.0), at_kink="undefined at -1 and 1; taken as σ'(±1) = 0",
        range="[-1, 1]", synonyms=("satlins",),
        source="Collobert, Large scale machine learning, 2004",
    ),
    Activation(
        "exp", _exp, _exp, formula="e^z", derivative_formula="e^z", latex="e^z", derivative_latex="e^z",
        range="(0, ∞)", synonyms=("exponential",),
        source="log link of Poisson regression; saturates at the largest finite number",
    ),
    Activation(
        "sine", np.sin, np.cos,
        formula="sin(z)", derivative_formula="cos(z)", latex=r"\sin(z)", derivative_latex=r"\cos(z)",
        range="[-1, 1]", synonyms=("sin",),
        source="Sitzmann et al., Implicit neural representations with periodic activation functions, 2020",
    ),
)  # fmt: skip

_WITH_SETTINGS: Mapping[str, type[LeakyReLU] | type[ELU]] = {"leaky_relu": LeakyReLU, "elu": ELU}


def _own(formula: str, remark: str = "") -> str:
    return f"write pl.symbolic.activation({formula!r}){remark}"


ACTIVATIONS: Registry[Activation] = Registry(
    "activation",
    _ROWS,
    columns=(
        ("σ(z)", lambda row: row.formula, lambda row: row.latex),
        ("σ'(z)", lambda row: row.derivative_formula, lambda row: row.derivative_latex),
        ("range", lambda row: row.range),
    ),
    example="a pl.Activation",
    elsewhere={
        "log_softmax": "write output='softmax' with loss='cross_entropy', which is computed from z as stably",
        "softmin": "softmax of -z is softmax with all signs of W^F and b^F reversed: write output='softmax'",
        "relu6": _own("min(max(0, z), 6)"),
        "softsign": _own("z/(1 + abs(z))"),
        "mish": _own("z*tanh(ln(1 + exp(z)))"),
        "hard_sigmoid": _own(
            "max(0, min(1, z/6 + 1/2))", ", which is that of PyTorch and Keras 3; Keras 2 had z/5 in place of z/6"
        ),
        "hard_swish": _own("z*max(0, min(1, z/6 + 1/2))"),
        "log_sigmoid": _own("-ln(1 + exp(-z))"),
        "tanh_shrink": _own("z - tanh(z)"),
        "celu": "with alpha=1 it is 'elu'; with alpha=2, "
        + _own("max(0, z) + min(0, 2*(exp(z/2) - 1))", ", and so for others"),
        "arctan": _own("atan(z)"),
        "lecun_tanh": _own("1.7159*tanh(2*z/3)"),
        "log_log": _own("1 - exp(-exp(z))"),
        "thresholded_relu": _own("z if z > 1 else 0"),
        "glu": "it halves the width of its layer: write 'swish', which is z σ(z), on a layer of that width",
        "swiglu": "it halves the width of its layer: write 'swish', which is z σ(z), on a layer of that width",
        "maxout": "it takes several sums for one neuron: write 'relu'",
        "prelu": "a slope that is trained is not supported: write pl.LeakyReLU(0.25) for a fixed one",
        "step": "its derivative is 0 wherever it exists, so nothing could be learnt: write 'sigmoid'",
        "heaviside": "its derivative is 0 wherever it exists, so nothing could be learnt: write 'sigmoid'",
        "sign": "its derivative is 0 wherever it exists, so nothing could be learnt: write 'tanh'",
    },
)
"""The table, by name."""


def as_activation(activation: object, **settings: Any) -> Activation:
    """Look an activation up by name, or pass one through.

    Parameters
    ----------
    activation : str or Activation
        A name in any case, or one of its synonyms.
    **settings : float
        For rows that take numbers, as stored in a file: ``slope``, ``alpha``.

    Raises
    ------
    UnknownNameError
        No row has the name; the nearest is suggested.
    TypeError
        Neither a name nor an Activation.
    """
    row: Activation = ACTIVATIONS.look_up(activation, Activation)
    if activation is row or not settings or settings == dict(row.settings):
        return row
    if row.name not in _WITH_SETTINGS or set(settings) != set(row.settings):
        raise ValueError(f"activation {activation!r} takes the settings {list(row.settings)}, got {list(settings)}")
    return _WITH_SETTINGS[row.name](**settings)
