"""The table of losses: L of one sample and ∇_a L, a row each; and the targets that each loss takes.

A loss function maps a and y, both of shape (n, m), to L_i of shape (n,); its gradient has the shape of a. The squared,
absolute, Huber, quantile and Poisson losses are means over the m outputs; half the squared error and the
cross-entropies are sums.

A canonical pair of loss and output activation has a stable form that never leaves z: softmax with cross-entropy,
sigmoid with binary cross-entropy, exp with Poisson. There ∇_a L ⊙ σ'(z) collapses to a - y (over m for Poisson).
Sigmoid with cross-entropy has one as well; its delta is -y (1 - a).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from pellucid.activations import Activation
from pellucid.arrays import Array, ArrayLike, as_array, as_number, as_numbers, pieces
from pellucid.errors import UnknownNameError, counted
from pellucid.hints import hinted, hinted_class
from pellucid.registry import Registry, Row


class CanonicalPair(NamedTuple):
    """What a loss becomes together with its canonical output activation.

    Parameters
    ----------
    function : callable
        (z, y) ↦ L_i of shape (n,), without going through a = σ(z).
    delta : callable
        (a, y) ↦ d^F = ∂L/∂z of the shape of a.
    delta_formula, delta_latex : str
        Component j of the delta.
    """

    function: Callable[[Array, Array], Array]
    delta: Callable[[Array, Array], Array]
    delta_formula: str = "a_j - y_j"
    delta_latex: str = "a_j - y_j"


@hinted_class
@dataclass(frozen=True, eq=False, repr=False)
class Loss(Row):
    """A loss L of one sample with its gradient ∇_a L.

    A user makes one from a name and two functions; the other fields document it.

    Parameters
    ----------
    name : str
        Shown in summaries and stored in files.
    function : callable
        (a, y) ↦ L_i: from two arrays of shape (n, m) to one of shape (n,).
    gradient : callable
        (a, y) ↦ ∇_a L_i, of shape (n, m).
    formula, gradient_formula : str
        As text: L, and component j of the gradient.
    latex, gradient_latex : str
        The same as LaTeX.
    targets : {'numbers', 'counts', 'classes', 'probabilities'}
        What y may hold: any numbers; numbers ≥ 0; class indices, one-hot rows or rows of probabilities;
        numbers in [0, 1].
    domain : tuple of float
        The open interval in which the function needs a.
    outputs : tuple of str
        Output activations that stay inside the domain, for the error message.
    canonical : mapping
        By the name of an output activation, the stable form of the pair.
    residual_kinks : tuple of float
        Every a_j - y_j at which the gradient or its slope jumps; the gradient is taken as 0 at a jump.
    source : str
        Where it is defined.
    settings : mapping
        The numbers that a row was made with.
    range : str
        The interval that L lies in.
    synonyms : tuple of str
        Other names of the same loss.

    Examples
    --------
    >>> quartic = Loss("quartic", lambda a, y: ((a - y) ** 4).sum(axis=-1), lambda a, y: 4 * (a - y) ** 3)
    >>> quartic.function(np.array([[1.0, 2.0]]), np.array([[0.0, 0.0]]))
    array([17.])
    """

    _called = "loss"

    name: str
    function: Callable[[Array, Array], Array]
    gradient: Callable[[Array, Array], Array]
    formula: str = "L(a, y)"
    gradient_formula: str = "∂L/∂a_j"
    latex: str = "L(a, y)"
    gradient_latex: str = r"\frac{\partial L}{\partial a_j}"
    targets: str = "numbers"
    domain: tuple[float, float] = (-np.inf, np.inf)
    outputs: tuple[str, ...] = ()
    canonical: Mapping[str, CanonicalPair] = field(default_factory=dict)
    residual_kinks: tuple[float, ...] = ()
    source: str = ""
    settings: Mapping[str, float | tuple[float, ...]] = field(default_factory=dict)
    range: str = "[0, ∞)"
    synonyms: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise TypeError(f"a loss's name must be a string, got {self.name!r}")
        for role in ("function", "gradient"):
            if not callable(getattr(self, role)):
                raise TypeError(f"loss {self.name!r}: {role} must be callable, got {getattr(self, role)!r}")

    @property
    def is_builtin(self) -> bool:
        """Whether it is a row of the table, or one of its rows with other numbers, and not a user's."""
        return LOSSES.get(self.name) is self or type(self) is _WITH_SETTINGS.get(self.name)

    def __call__(self, a: Array, y: Array) -> Array:
        """Return L_i of each sample, of shape (n,).

        Parameters
        ----------
        a : array_like of shape (n, m)
            The outputs; of one output also of shape (n,).
        y : array_like
            The targets, as in a training.

        Raises
        ------
        ValueError, TypeError
            The targets do not fit the outputs.
        """
        outputs = np.atleast_1d(np.asarray(a, dtype=None if getattr(a, "dtype", None) == np.float32 else np.float64))
        outputs = outputs[:, np.newaxis] if outputs.ndim == 1 else outputs
        n, m = outputs.shape
        return self.function(outputs, as_targets(np.atleast_1d(y), self, n, m, outputs.dtype, single=False))

    def find(self) -> Callable[..., Row] | None:
        """Return the look-up that gives this row back, or None if a user made it."""
        return as_loss if self.is_builtin else None

    def __str__(self) -> str:
        settings = ", ".join(
            f"{key}=({', '.join(f'{one:g}' for one in value)})" if isinstance(value, tuple) else f"{key}={value:g}"
            for key, value in self.settings.items()
        )
        return f"{self.name}({settings})" if settings else self.name


# L and ∇_a L, in the order of the table.


def _mse(a: Array, y: Array) -> Array:
    return np.square(a - y).mean(axis=-1)


def _mse_gradient(a: Array, y: Array) -> Array:
    return 2 / a.shape[-1] * (a - y)


def _half_squared_error(a: Array, y: Array) -> Array:
    return 0.5 * np.square(a - y).sum(axis=-1)


def _half_squared_error_gradient(a: Array, y: Array) -> Array:
    return a - y


def _mae(a: Array, y: Array) -> Array:
    return np.abs(a - y).mean(axis=-1)


def _mae_gradient(a: Array, y: Array) -> Array:
    return np.sign(a - y) / a.shape[-1]


def _huber(a: Array, y: Array, delta: float) -> Array:
    r = np.abs(a - y)
    near = np.minimum(r, delta)
    return (near * (r - 0.5 * near)).mean(axis=-1)  # both cases in one, and no square of a large r


def _huber_gradient(a: Array, y: Array, delta: float) -> Array:
    return np.clip(a - y, -delta, delta) / a.shape[-1]


def _quantile(a: Array, y: Array, tau: float | tuple[float, ...]) -> Array:
    r, t = y - a, _by_output(tau, a)
    return np.maximum(t * r, (t - 1) * r).mean(axis=-1)


def _by_output(tau: float | tuple[float, ...], a: Array) -> Any:
    """τ of each output, if there are several."""
    return np.tile(np.asarray(tau, a.dtype), a.shape[-1] // len(tau)) if isinstance(tau, tuple) else tau


def _quantile_gradient(a: Array, y: Array, tau: float | tuple[float, ...]) -> Array:
    r, t = a - y, _by_output(tau, a)
    return (np.where(r > 0, 1 - t, -t) * np.abs(np.sign(r)) / a.shape[-1]).astype(a.dtype, copy=False)


def _floor(a: Array) -> Array:
    """At least the smallest normal number, so that ln and 1/a stay finite where a rounds to 0."""
    return np.maximum(a, np.finfo(a.dtype).tiny)


def _complement(a: Array) -> Array:
    """1 - a, at least eps/2: an a that rounds to 1 is known no better."""
    return np.maximum(1 - a, np.finfo(a.dtype).eps / 2)


def _poisson(a: Array, y: Array) -> Array:
    return (a - y * np.log(_floor(a))).mean(axis=-1)


def _poisson_gradient(a: Array, y: Array) -> Array:
    return (1 - y / _floor(a)) / a.shape[-1]


def _poisson_of_exp(z: Array, y: Array) -> Array:
    with np.errstate(over="ignore"):
        most = np.finfo(z.dtype).max
        rate = np.minimum(np.exp(z), most)
        return np.minimum((rate / z.shape[-1] - y * z / z.shape[-1]).sum(axis=-1), most)


def _poisson_delta(a: Array, y: Array) -> Array:
    return (a - y) / a.shape[-1]


def _cross_entropy(a: Array, y: Array) -> Array:
    return -(y * np.log(_floor(a))).sum(axis=-1)


def _cross_entropy_gradient(a: Array, y: Array) -> Array:
    return -y / _floor(a)


def _cross_entropy_of_softmax(z: Array, y: Array) -> Array:
    # -ln a_j = ln Σ e^{z_i} - z_j with the largest z taken out of the sum: no overflow, no logarithm of 0, and
    # log1p of the others keeps the relative accuracy of a loss near 0
    top = z.argmax(axis=-1)[..., np.newaxis]
    below = np.take_along_axis(z, top, axis=-1) - z
    others = np.exp(-below)
    np.put_along_axis(others, top, 0, axis=-1)
    # A y that sums to 1 only roughly keeps the gradient a - y: (1 - Σ y) max z is what is left of ln Σ e^{z_i} then
    missing = (1 - y.sum(axis=-1)) * z.max(axis=-1)
    return (y * below).sum(axis=-1) + np.log1p(others.sum(axis=-1)) + missing


def _cross_entropy_of_sigmoid(z: Array, y: Array) -> Array:
    return (y * (np.maximum(-z, 0) + np.log1p(np.exp(-np.abs(z))))).sum(axis=-1)  # -ln σ(z) = softplus(-z)


def _cross_entropy_delta(a: Array, y: Array) -> Array:
    return y * (a - 1)


def _residual(a: Array, y: Array) -> Array:
    return a - y


def _binary_cross_entropy(a: Array, y: Array) -> Array:
    return -(y * np.log(_floor(a)) + (1 - y) * np.log(_complement(a))).sum(axis=-1)


def _binary_cross_entropy_gradient(a: Array, y: Array) -> Array:
    return (1 - y) / _complement(a) - y / _floor(a)


def _binary_cross_entropy_of_sigmoid(z: Array, y: Array) -> Array:
    # softplus(z) - y z, split so that neither part cancels for |z| >> 0
    return (np.log1p(np.exp(-np.abs(z))) + (np.maximum(z, 0) - y * z)).sum(axis=-1)


class Huber(Loss):
    """Huber loss: quadratic within δ of the target and linear beyond, mean over the outputs.

    Parameters
    ----------
    delta : float in (0, ∞)
        Where it turns linear, in the units of y.
    """

    @hinted
    def __init__(self, delta: float = 1.0) -> None:
        delta = as_number(delta, "delta", 0, open_low=True)
        super().__init__(
            "huber",
            partial(_huber, delta=delta),
            partial(_huber_gradient, delta=delta),
            formula=f"(1/m) Σ_j [r_j^2/2 if |r_j| ≤ {delta:g} else {delta:g} (|r_j| - {delta / 2:g})], r_j = a_j - y_j",
            gradient_formula=f"(1/m) max(-{delta:g}, min({delta:g}, a_j - y_j))",
            latex=rf"\frac1m \sum_j \begin{{cases}} \frac12 r_j^2 & |r_j| \le {delta:g} \\"
            rf" {delta:g}\,(|r_j| - {delta / 2:g}) & |r_j| > {delta:g} \end{{cases}},\ r_j = a_j - y_j",
            gradient_latex=rf"\frac1m \max(-{delta:g}, \min({delta:g}, a_j - y_j))",
            residual_kinks=(-delta, delta),
            source="Huber, Robust estimation of a location parameter, 1964",
            settings={"delta": delta},
            synonyms=("huber_loss", "smooth_l1", "smooth_l1_loss"),
        )


class Quantile(Loss):
    """Quantile (pinball) loss, mean over the outputs; minimal in expectation at the τ-quantile of y.

    Parameters
    ----------
    tau : float in (0, 1), or a sequence of them
        The quantile; 0.5 is half the absolute error, whose minimum is the median. Several are those of the outputs in
        their order, again and again: three for three outputs, or for six.
    """

    @hinted
    def __init__(self, tau: float | Sequence[float] = 0.5) -> None:
        if isinstance(tau, Sequence | np.ndarray) and not isinstance(tau, str):
            self._several(tuple(as_number(one, "tau", 0, 1, open_low=True) for one in tau))
            return
        tau = as_number(tau, "tau", 0, 1, open_low=True)
        super().__init__(
            "quantile",
            partial(_quantile, tau=tau),
            partial(_quantile_gradient, tau=tau),
            formula=f"(1/m) Σ_j [{tau:g} (y_j - a_j) if y_j ≥ a_j else {1 - tau:g} (a_j - y_j)]",
            gradient_formula=f"(1/m) [-{tau:g} if a_j < y_j, {1 - tau:g} if a_j > y_j, 0 if a_j = y_j]",
            latex=rf"\frac1m \sum_j \begin{{cases}} {tau:g}\,(y_j - a_j) & y_j \ge a_j \\"
            rf" {1 - tau:g}\,(a_j - y_j) & y_j < a_j \end{{cases}}",
            gradient_latex=rf"\frac1m \begin{{cases}} -{tau:g} & a_j < y_j \\ {1 - tau:g} & a_j > y_j \\"
            r" 0 & a_j = y_j \end{cases}",
            residual_kinks=(0.0,),
            source="Koenker, Bassett, Regression quantiles, 1978",
            settings={"tau": tau},
            synonyms=("pinball", "pinball_loss", "quantile_loss"),
        )

    def _several(self, taus: tuple[float, ...]) -> None:
        if not taus:
            raise ValueError("tau has no entries: give one quantile, or several")
        named = ", ".join(f"{tau:g}" for tau in taus)
        super().__init__(
            "quantile",
            partial(_quantile, tau=taus),
            partial(_quantile_gradient, tau=taus),
            formula=f"(1/m) Σ_j [τ_j (y_j - a_j) if y_j ≥ a_j else (1 - τ_j) (a_j - y_j)], τ = {named}",
            gradient_formula="(1/m) [-τ_j if a_j < y_j, 1 - τ_j if a_j > y_j, 0 if a_j = y_j]",
            latex=r"\frac1m \sum_j \begin{cases} \tau_j (y_j - a_j) & y_j \ge a_j \\"
            rf" (1 - \tau_j) (a_j - y_j) & y_j < a_j \end{{cases}},\ \tau = ({named})",
            gradient_latex=r"\frac1m \begin{cases} -\tau_j & a_j < y_j \\ 1 - \tau_j & a_j > y_j \\"
            r" 0 & a_j = y_j \end{cases}",
            residual_kinks=(0.0,),
            source="Koenker, Bassett, Regression quantiles, 1978",
            settings={"tau": taus},
            synonyms=("pinball", "pinball_loss", "quantile_loss"),
        )


_ROWS = (
    Loss(
        "mse", _mse, _mse_gradient,
        formula="(1/m) Σ_j (a_j - y_j)^2", gradient_formula="(2/m) (a_j - y_j)",
        latex=r"\frac1m \sum_j (a_j - y_j)^2", gradient_latex=r"\frac2m (a_j - y_j)",
        synonyms=("mean_squared_error", "mse_loss", "squared_loss"),
        source="mean squared error over the m outputs of one sample",
    ),
    Loss(
        "half_squared_error", _half_squared_error, _half_squared_error_gradient,
        formula="(1/2) Σ_j (a_j - y_j)^2", gradient_formula="a_j - y_j",
        latex=r"\frac12 \sum_j (a_j - y_j)^2", gradient_latex="a_j - y_j",
        synonyms=("quadratic", "quadratic_cost", "half_sse"),
        source="Nielsen, Neural networks and deep learning, 2015, the quadratic cost of one sample",
    ),
    Loss(
        "mae", _mae, _mae_gradient,
        formula="(1/m) Σ_j |a_j - y_j|", gradient_formula="(1/m) sign(a_j - y_j)",
        latex=r"\frac1m \sum_j |a_j - y_j|", gradient_latex=r"\frac1m \operatorname{sign}(a_j - y_j)",
        residual_kinks=(0.0,), synonyms=("mean_absolute_error", "l1_loss", "absolute_error"),
        source="mean absolute error over the m outputs; sign(0) = 0",
    ),
    Huber(),
    Quantile(),
    Loss(
        "poisson", _poisson, _poisson_gradient,
        formula="(1/m) Σ_j (a_j - y_j ln a_j)", gradient_formula="(1/m) (1 - y_j/a_j)",
        latex=r"\frac1m \sum_j (a_j - y_j \ln a_j)", gradient_latex=r"\frac1m \left(1 - \frac{y_j}{a_j}\right)",
        targets="counts", domain=(0.0, np.inf), outputs=("exp", "softplus"),
        canonical={
            "exp": CanonicalPair(_poisson_of_exp, _poisson_delta, "(1/m) (a_j - y_j)", r"\frac1m (a_j - y_j)"),
        },
        range="(-∞, ∞)",
        source="negative log-likelihood of a Poisson count with rate a, without the constant ln y!",
    ),
    Loss(
        "cross_entropy", _cross_entropy, _cross_entropy_gradient,
        formula="-Σ_j y_j ln a_j", gradient_formula="-y_j/a_j",
        latex=r"-\sum_j y_j \ln a_j", gradient_latex=r"-\frac{y_j}{a_j}",
        targets="classes", domain=(0.0, 1.0), outputs=("softmax",),
        canonical={
            "softmax": CanonicalPair(_cross_entropy_of_softmax, _residual),
            "sigmoid": CanonicalPair(
                _cross_entropy_of_sigmoid, _cross_entropy_delta, "-y_j (1 - a_j)", "-y_j (1 - a_j)"
            ),
        },
        synonyms=("categorical_cross_entropy", "sparse_categorical_cross_entropy", "cross_entropy_loss", "ce"),
        source="Goodfellow, Bengio, Courville, Deep learning, 2016, section 6.2.2",
    ),
    Loss(
        "binary_cross_entropy", _binary_cross_entropy, _binary_cross_entropy_gradient,
        formula="-Σ_j [y_j ln a_j + (1 - y_j) ln(1 - a_j)]", gradient_formula="(1 - y_j)/(1 - a_j) - y_j/a_j",
        latex=r"-\sum_j \left[ y_j \ln a_j + (1 - y_j) \ln(1 - a_j) \right]",
        gradient_latex=r"\frac{1 - y_j}{1 - a_j} - \frac{y_j}{a_j}",
        targets="probabilities", domain=(0.0, 1.0), outputs=("sigmoid",),
        canonical={"sigmoid": CanonicalPair(_binary_cross_entropy_of_sigmoid, _residual)},
        synonyms=("bce", "bce_loss", "binary_cross_entropy_loss"),
        source="Nielsen, Neural networks and deep learning, 2015, chapter 3",
    ),
)  # fmt: skip

_WITH_SETTINGS: Mapping[str, type[Huber] | type[Quantile]] = {"huber": Huber, "quantile": Quantile}

_LOGITS = "elsewhere it takes the logits z^F; here a loss takes the outputs a^F: write output={}, loss={!r}"

_SUM = "write 'half_squared_error', whose gradient is half of the sum's, or 'mse', the mean over the outputs"
_OWN = "write pl.symbolic.loss('{}')"
_KL = "it differs from the cross-entropy by the entropy of y, which has no gradient: write 'cross_entropy'"

LOSSES: Registry[Loss] = Registry(
    "loss",
    _ROWS,
    columns=(
        ("L of one sample", lambda row: row.formula, lambda row: row.latex),
        ("∂L/∂a_j", lambda row: row.gradient_formula, lambda row: row.gradient_latex),
        ("range", lambda row: row.range),
    ),
    example="a pl.Loss",
    elsewhere={
        "squared_error": "elsewhere it is a sum, a mean or half of it: write 'mse' for (1/m) Σ_j (a_j - y_j)^2, or "
        "'half_squared_error' for (1/2) Σ_j (a_j - y_j)^2",
        "sse": _SUM,
        "sum_squared_error": _SUM,
        "l2": "elsewhere it is a sum, a mean or half of it: write 'mse' or 'half_squared_error'; for a penalty on the "
        "weights give l2=1e-4",
        "l1": "write 'mae' for the mean absolute error; for a penalty on the weights give l1=1e-4",
        "rmse": "a root over all samples is not a mean of losses of single samples: write loss='mse', metrics='rmse'",
        "log_loss": "write 'cross_entropy' with output='softmax' for one of several classes, or "
        "'binary_cross_entropy' with output='sigmoid' for yes or no",
        "logistic": "write loss='binary_cross_entropy' with output='sigmoid'",
        "nll": "elsewhere it takes logarithms of probabilities; here a loss takes the outputs a^F: write "
        "output='softmax', "
        "loss='cross_entropy'",
        "nll_loss": "elsewhere it takes logarithms of probabilities; here a loss takes the outputs a^F: "
        "write output='softmax', "
        "loss='cross_entropy'",
        "bce_with_logits": _LOGITS.format("'sigmoid'", "binary_cross_entropy"),
        "bce_with_logits_loss": _LOGITS.format("'sigmoid'", "binary_cross_entropy"),
        "softmax_cross_entropy": _LOGITS.format("'softmax'", "cross_entropy"),
        "sigmoid_cross_entropy": _LOGITS.format("'sigmoid'", "binary_cross_entropy"),
        "poisson_nll_loss": "elsewhere it takes ln a; here a loss takes the outputs a^F: write "
        "output='exp', loss='poisson'",
        "kl_divergence": _KL,
        "kl_div_loss": _KL,
        "accuracy": "it has no gradient: write loss='cross_entropy', metrics='accuracy'",
        "msle": _OWN.format("(ln(1 + a) - ln(1 + y))^2"),
        "mean_squared_logarithmic_error": _OWN.format("(ln(1 + a) - ln(1 + y))^2"),
        "mape": _OWN.format("abs((a - y)/y)"),
        "mean_absolute_percentage_error": _OWN.format("abs((a - y)/y)"),
        "hinge": _OWN.format("max(0, 1 - a*y)"),
        "squared_hinge": _OWN.format("max(0, 1 - a*y)^2"),
        "soft_margin_loss": _OWN.format("ln(1 + exp(-a*y))"),
        "log_cosh": _OWN.format("ln(cosh(a - y))"),
        "focal": "it is not in the table: write 'cross_entropy', with sample_weight for what is rare",
        "gaussian_nll_loss": "an output for the variance is not supported: write 'mse', or 'quantile' for an interval",
        "ctc": "sequences are not supported: the layers of a network are fully connected",
        "triplet_margin_loss": "it compares samples with one another; a loss here is of one sample: "
        "write 'cross_entropy'",
        "contrastive_loss": "it compares samples with one another; a loss here is of one sample: write 'cross_entropy'",
    },
)
"""The table, by name."""


def as_loss(loss: object, **settings: Any) -> Loss:
    """Look a loss up by name, or pass one through.

    Parameters
    ----------
    loss : str or Loss
        A name in any case, or one of its synonyms.
    **settings : float
        For rows that take numbers, as stored in a file: ``delta``, ``tau``.

    Raises
    ------
    UnknownNameError
        No row has the name; the nearest is suggested.
    TypeError
        Neither a name nor a Loss.
    """
    if isinstance(loss, int | float) and not isinstance(loss, bool):
        raise TypeError(f"a loss is a name or a pl.Loss, got {loss!r}; a number of epochs is given as epochs={loss!r}")
    row: Loss = LOSSES.look_up(loss, Loss)
    if loss is row or not settings or settings == dict(row.settings):
        return row
    if row.name not in _WITH_SETTINGS or set(settings) != set(row.settings):
        raise ValueError(f"loss {loss!r} takes the settings {list(row.settings)}, got {list(settings)}")
    return _WITH_SETTINGS[row.name](**settings)


def check_name(asked: str, row: Loss, output: Activation, n_outputs: int) -> None:
    """Refuse another library's name of a cross-entropy where it means something else.

    Raises
    ------
    UnknownNameError
        The binary cross-entropy of several outputs, which is a mean elsewhere and a sum here; the cross-entropy of
        outputs that do not sum to 1, which other libraries divide by their sum first.
    """
    if row.name == "binary_cross_entropy" and n_outputs > 1:
        raise UnknownNameError(
            f"loss {asked!r} is a mean over the {n_outputs} outputs elsewhere, and their sum here: write "
            f"loss='binary_cross_entropy', whose gradient is {n_outputs} times as large"
        )
    if row.name == "cross_entropy" and output.is_builtin and output.name != "softmax":
        raise UnknownNameError(
            f"loss {asked!r} is of probabilities that sum to 1 elsewhere, and the output activation {output} does not "
            "give such: write output='softmax', or loss='cross_entropy' for -Σ_j y_j ln a_j of the outputs as they are"
        )


def canonical_pair(loss: Loss, output: Activation) -> CanonicalPair | None:
    """Return the stable form of a loss with an output activation, or None if they are no canonical pair."""
    pair = loss.canonical.get(output.name)
    # A user's own activation of the same name is not the table's.
    return pair if pair is not None and output.is_builtin else None


def check_output(loss: Loss, output: Activation, n_outputs: int) -> None:
    """Refuse an output activation that can leave the loss's domain, by a z at which it does.

    Raises
    ------
    ValueError
        Names the z, the σ(z) outside the domain, and the activations that would do.
    """
    taus = loss.settings.get("tau")
    if isinstance(taus, tuple) and n_outputs % len(taus):
        raise ValueError(
            f"loss {loss} has {len(taus)} quantiles, but the output layer has {counted(n_outputs, 'neuron')}"
        )
    low, high = loss.domain
    if (low, high) == (-np.inf, np.inf) or (output.name in loss.outputs and output.is_builtin):
        return
    near = np.linspace(-8.0, 8.0, 65)
    far = np.array([-1000.0, -100.0, -30.0, 30.0, 100.0, 1000.0])
    z = np.zeros((len(near) + len(far), max(n_outputs, 2)))  # softmax over one neuron is the constant 1: let it be
    z[:, 0] = np.concatenate([near, far])
    with np.errstate(all="ignore"):
        a = output.function(z.copy())[:, 0]
        # Within ±8 the open bounds must hold as they are; further out a may round to a bound, or not be computable.
        outside = np.where(np.abs(z[:, 0]) <= 8, ~((a > low) & (a < high)), (a < low) | (a > high))
    if outside.any():
        i = int(np.argmax(outside))
        raise ValueError(
            f"loss {loss} needs outputs in ({low:g}, {high:g}), but the output activation {output} has others: "
            f"σ({z[i, 0]:g}) = {a[i]:g}; use output={' or '.join(map(repr, loss.outputs))}"
        )


def as_targets(
    y: ArrayLike, loss: Loss, n: int, n_outputs: int, dtype: np.dtype[Any], *, single: bool, name: str = "y"
) -> Array:
    """Read the targets of n samples for a loss.

    Parameters
    ----------
    y : array_like
        Of shape (n, n_F); for one output also (n,), taken as (n, 1); for cross-entropy also class indices, whole
        numbers of shape (n,) or (n, 1) in [0, n_F). With ``single``, the same without the sample axis.
    loss : Loss
        Its `targets` says what y may hold.
    n, n_outputs : int
        The number of samples and n_F.
    dtype : dtype
        Of the result.
    single : bool
        Whether one input was given without a sample axis.
    name : str
        What to call them in an error.

    Returns
    -------
    ndarray of shape (n, n_F)
        Class indices become one-hot rows.

    Raises
    ------
    ValueError, TypeError
        Another shape (nothing is broadcast), NaN or infinity, values that the loss cannot take.
    """
    raw = as_array(y, name)
    samples = () if single else (n,)
    takes_classes = loss.targets == "classes"
    if takes_classes and n_outputs > 1 and raw.shape == (*samples, 1):
        raw = raw.reshape(samples)  # a column of class indices, as a table gives it
    if takes_classes and raw.ndim == len(samples) and (n_outputs > 1 or raw.dtype.kind in "iu"):
        return _one_hot(raw, n, n_outputs, dtype, samples=samples, name=name)
    targets = as_numbers(y, name, dtype)
    also = ""
    if takes_classes:
        also = f" or class indices of shape {samples}"
    elif n_outputs == 1:
        also = f" or {samples}"
    if targets.shape != (*samples, n_outputs) and not (n_outputs == 1 and targets.shape == samples):
        given = "one input was given" if single else f"X has {n} sample{'s' if n != 1 else ''}"
        raise ValueError(
            f"{name} has shape {raw.shape}, but {given} and the network's output layer has {n_outputs} "
            f"neuron{'s' if n_outputs != 1 else ''}: expected {(*samples, n_outputs)}{also}"
        )
    targets = targets.reshape(n, n_outputs)
    _check_values(targets, loss, name)
    return targets


def _one_hot(
    raw: np.ndarray[Any, Any], n: int, n_outputs: int, dtype: np.dtype[Any], *, samples: tuple[int, ...], name: str
) -> Array:
    """Class indices, whole numbers in [0, n_F), as one-hot rows."""
    if raw.dtype.kind not in "iu":
        if raw.dtype.kind in "UOST":
            raise TypeError(
                f"{name} holds text or objects, but loss cross_entropy takes class indices: "
                f"classes, {name} = np.unique({name}, return_inverse=True)"
            )
        raise TypeError(
            f"{name} holds class indices of dtype {raw.dtype}, but loss cross_entropy takes whole numbers in "
            f"[0, {n_outputs}): convert them with {name}.astype(int), or give one-hot rows of shape ({n}, {n_outputs})"
        )
    if raw.shape != samples:
        raise ValueError(f"{name} has shape {raw.shape}, but X has {n} samples: expected {samples} class indices")
    index = raw.reshape(n)
    if index.min() < 0 or index.max() >= n_outputs:
        i = int(np.argmax((index < 0) | (index >= n_outputs)))
        raise ValueError(
            f"{name}[{i}] is class {index[i]}, but the network's output layer has {counted(n_outputs, 'neuron')}: "
            f"class indices go from 0 to {n_outputs - 1}"
        )
    rows = np.zeros((n, n_outputs), dtype)
    rows[np.arange(n), index] = 1
    return rows


_SUM_TOLERANCE = 1e-5  # probabilities may have gone through float32


def _check_values(targets: Array, loss: Loss, name: str) -> None:
    """Refuse finite targets outside the range of the loss."""
    low, high = {"counts": (0, np.inf), "classes": (0, 1), "probabilities": (0, 1)}.get(loss.targets, (-np.inf, np.inf))
    if targets.min() < low or targets.max() > high:
        i, j = (int(index) for index in np.argwhere((targets < low) | (targets > high))[0])
        interval = f"[{low}, {high}]" if high == 1 else "[0, ∞)"
        raise ValueError(f"{name}[{i}, {j}] is {targets[i, j]:g}, but loss {loss} takes targets in {interval}")
    if loss.targets != "classes":
        return
    if any((np.abs(piece.sum(axis=1) - 1) > _SUM_TOLERANCE).any() for piece in pieces(targets)):
        total = targets.sum(axis=1)
        i = int(np.argmax(np.abs(total - 1) > _SUM_TOLERANCE))
        raise ValueError(
            f"{name}[{i}] sums to {total[i]:g}, but loss {loss} takes one-hot rows or probabilities, which sum to "
            "1; for several labels at once use binary_cross_entropy"
        )
