"""The table of faults: all that is known of each way of going wrong, a row each.

A row says how surprising the fault is, which mistakes it belongs to, in which layers it would be made if it were made
throughout, how it is told, and how its numbers are computed. The columns ``forward``, ``output``, ``slope``,
``masked``, ``back``, ``delta``, ``before``, ``weights``, ``biases`` and ``samples`` hold functions of a `Place` that
yield pairs (value, fields of the fault), one for each form; a row fills in those where it can happen. Adding a fault is
adding a row here, and a page in `mistakes` if it is a mistake of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from pellucid.activations import ACTIVATIONS, Activation
from pellucid.arrays import Array
from pellucid.backprop import feedforward, output_delta
from pellucid.checking.problem import Problem
from pellucid.checking.ways import Fault, Faults, Place, Product, State, World, is_parallel, same
from pellucid.losses import LOSSES, canonical_pair

Ways = Callable[[Place], Iterator[tuple[Any, dict[str, Any]]]]
Words = str | Callable[[Fault], str]

_PAIRED = 1000
"""Samples of which all pairs are formed, for the mistake that forms them."""

_OTHERS = ("sigmoid", "tanh", "relu", "softplus", "sine", "silu", "elu", "leaky_relu")
"""Activations whose derivative people take by mistake."""

HIDDEN, EVERY = "hidden", "every"


@dataclass(frozen=True)
class Kind:
    """A row of the table.

    Parameters
    ----------
    name : str
    cost : float
        How surprising it is: what ranks explanations of the same numbers.
    mistakes : tuple of str
        Rows of the table of mistakes: the likeliest, then those with the same numbers.
    words : str or callable
        What exactly it is, where its mistake has several forms; a template over the fields of the fault.
    at_output : tuple of str, optional
        In place of ``mistakes`` at layer F.
    throughout : {'', 'hidden', 'every'}
        The layers in which it would be made if it were made throughout; '' where that says nothing.
    by_hand : bool
        Whether it is looked for in numbers worked out by hand, too.
    forward : callable
        Yields (layers, fields): where a forward pass can have it.
    applied : callable
        (fault, σ) ↦ the function that such a forward pass applies.
    output : callable
        Yields (∇_a L, d^F).
    slope : callable
        Yields what takes the place of σ'(z^l).
    masked : callable
        Yields σ'(z^l) with what is made of a dropout mask.
    back : callable
        Yields what arrives at layer l from layer l+1; the place's state is that of layer l+1.
    delta : callable
        Yields (e^l, d^l), where the two are not multiplied.
    before : callable
        Yields what takes the place of a^{l-1}.
    weights, biases : callable
        Yield the partials: a `Product`, or an array of shape (n_l,).
    samples : callable
        Yields the samples that count, as a slice.
    """

    name: str
    cost: float
    mistakes: tuple[str, ...]
    words: Words = ""
    at_output: tuple[str, ...] | None = None
    throughout: str = ""
    by_hand: bool = True
    forward: Callable[[Problem], Iterator[tuple[tuple[int, ...], dict[str, Any]]]] | None = None
    applied: Callable[[Fault, Activation], Callable[[Array], Array]] | None = None
    output: Ways | None = None
    slope: Ways | None = None
    masked: Ways | None = None
    back: Ways | None = None
    delta: Ways | None = None
    before: Ways | None = None
    weights: Ways | None = None
    biases: Ways | None = None
    samples: Ways | None = None

    def told(self, fault: Fault) -> str:
        """What exactly a fault of this kind is."""
        return self.words(fault) if callable(self.words) else self.words.format(**fault._asdict())

    def layers(self, F: int) -> set[int]:
        """The layers of a fault that is made throughout; none where that says nothing."""
        return set() if not self.throughout else set(range(2, F if self.throughout == HIDDEN else F + 1))


# The numbers.


def _one(value: Callable[[Place], Any], when: Callable[[Place], Any] = lambda place: True) -> Ways:
    """A fault of one form."""

    def ways(place: Place) -> Iterator[tuple[Any, dict[str, Any]]]:
        if when(place):
            yield value(place), {}

    return ways


def _forward_twice(problem: Problem) -> Iterator[tuple[tuple[int, ...], dict[str, Any]]]:
    F, every = problem.F, tuple(range(2, problem.F + 1))
    for layers in [(l,) for l in every] + ([every[:-1]] if F > 3 else []) + ([every] if F > 2 else []):
        # σ(σ(z)) is σ(z) for these
        if all(problem.sigma[l].name not in ("identity", "relu", "hard_tanh") for l in layers):
            only_softmax = layers == (F,) and problem.sigma[F].name == "softmax"
            yield layers, {"form": "softmax" if only_softmax else ""}


def _forward_without_bias(problem: Problem) -> Iterator[tuple[tuple[int, ...], dict[str, Any]]]:
    every = tuple(range(2, problem.F + 1))
    for layers in [(l,) for l in every] + ([every] if problem.F > 2 else []):
        if any(problem.b[l].any() for l in layers):
            yield layers, {}


def _forward_other(problem: Problem) -> Iterator[tuple[tuple[int, ...], dict[str, Any]]]:
    F, every = problem.F, tuple(range(2, problem.F + 1))
    for name in ("identity", "sigmoid", "tanh", "relu", "softmax"):
        sets: list[tuple[int, ...]] = [(F,)]
        if name != "softmax":
            sets += [(l,) for l in every[:-1]]
            sets += [every[:-1], every] if F > 2 else []
        for layers in dict.fromkeys(sets):
            if any(problem.sigma[l].name != name for l in layers):
                yield layers, {"form": name}


_AXES: Mapping[str, Callable[[Array], Array]] = {
    "the samples": lambda z: _softmax(z, z.max(axis=0, keepdims=True), 0),
    "everything": lambda z: _softmax(z, z.max(), None),
    "the samples, each row shifted by its own largest z": lambda z: _softmax(z, z.max(axis=1, keepdims=True), 0),
    "everything, each row shifted by its own largest z": lambda z: _softmax(z, z.max(axis=1, keepdims=True), None),
}


def _softmax(z: Array, shift: Array, axis: int | None) -> Array:
    e = np.exp(z - shift)
    return np.asarray(e / e.sum(axis=axis, keepdims=True))


def _forward_wrong_axis(problem: Problem) -> Iterator[tuple[tuple[int, ...], dict[str, Any]]]:
    if problem.sigma[problem.F].name == "softmax" and problem.n > 1:
        for form in _AXES:
            yield (problem.F,), {"form": form}


def _forward_without_mask(problem: Problem) -> Iterator[tuple[tuple[int, ...], dict[str, Any]]]:
    if problem.masks:
        yield tuple(problem.masks), {}


def _residual(place: Place) -> Array:
    return place.world.a[place.l] - place.problem.Y


def _raw(place: Place) -> Array:
    """∇_a L."""
    return np.asarray(place.problem.loss.gradient(place.world.a[place.l], place.problem.Y))


def _right_output(place: Place, y: Array | None = None) -> Array:
    problem, world, F = place.problem, place.world, place.l
    at = world.inner.get(F, world.z[F])
    return np.asarray(output_delta(at, world.a[F], problem.Y if y is None else y, problem.loss, world.sigma[F]))


def _output_residual(place: Place) -> Iterator[tuple[Any, dict[str, Any]]]:
    residual = _residual(place)
    if not is_parallel(residual, _raw(place)) and not is_parallel(residual, _right_output(place)):
        yield (residual, residual), {}


def _output_twice(place: Place) -> Iterator[tuple[Any, dict[str, Any]]]:
    pair = canonical_pair(place.problem.loss, place.sigma)
    a, d = place.world.a[place.l], _right_output(place)
    if place.sigma.elementwise:
        if pair is not None:
            yield (d, d * place.sigma.derivative(place.z)), {}
    elif pair is not None:
        yield (d, d * a * (1 - a)), {}
    elif not is_parallel(_residual(place), _raw(place)):
        yield (_raw(place), _residual(place) * a * (1 - a)), {}


def _output_diagonal(place: Place) -> Iterator[tuple[Any, dict[str, Any]]]:
    if not place.sigma.elementwise:
        a, e = place.world.a[place.l], _raw(place)
        yield (e, e * a * (1 - a)), {}


def _output_other_loss(place: Place) -> Iterator[tuple[Any, dict[str, Any]]]:
    problem, world, F = place.problem, place.world, place.l
    y, a, e = problem.Y, world.a[F], _raw(place)
    for other in LOSSES.values():
        if other.name == problem.loss.name or (other.name == "poisson" and (y < 0).any()):
            continue
        d_other = output_delta(world.inner.get(F, world.z[F]), a, y, other, world.sigma[F])
        e_other = np.asarray(other.gradient(a, y))
        if np.isfinite(d_other).all() and not is_parallel(e_other, e):
            yield (e_other, d_other), {"form": other.name}


def _output_overwritten(place: Place) -> Iterator[tuple[Any, dict[str, Any]]]:
    if place.sigma.elementwise:
        slope = place.sigma.derivative(place.z)
        yield (slope, slope), {}


def _output_broadcast(place: Place) -> Iterator[tuple[Any, dict[str, Any]]]:
    """One output, and an error of shape (n, n): of all pairs of outputs and targets, or of errors and slopes."""
    problem = place.problem
    if place.n_l != 1 or problem.n < 2:
        return
    y, a = problem.Y, place.world.a[place.l]
    if np.ptp(y) and problem.n <= _PAIRED:
        every = [np.broadcast_to(y_i, y.shape) for y_i in y]
        e = np.mean([problem.loss.gradient(a, y_i) for y_i in every], axis=0)
        yield (e, np.mean([_right_output(place, y_i) for y_i in every], axis=0)), {"form": "errors"}
    if np.ptp(a) and problem.n <= _PAIRED:
        e = np.mean([problem.loss.gradient(np.broadcast_to(a_i, a.shape), y) for a_i in a], axis=0)
        slope = place.sigma.derivative(place.z) if place.sigma.elementwise else np.ones_like(place.z)
        yield (e, e * slope), {"form": "outputs"}
    if place.sigma.elementwise:
        yield from _averaged(_raw(place), place.sigma.derivative(place.z))


def _delta_broadcast(place: Place) -> Iterator[tuple[Any, dict[str, Any]]]:
    if place.n_l == 1 and place.problem.n > 1:
        yield from _averaged(place.given.d @ place.problem.W[place.l + 1], place.slope)


def _averaged(e: Array, slope: Array) -> Iterator[tuple[Any, dict[str, Any]]]:
    """(n,) times (n, 1): the products of all errors with all slopes, averaged over one axis."""
    if np.ptp(slope):
        yield (e, e.mean(axis=0) * slope), {"form": "delta"}
        yield (e, e * slope.mean(axis=0)), {"form": "slopes"}


def _slope_of_z(place: Place) -> Iterator[tuple[Any, dict[str, Any]]]:
    if place.sigma.name in _IN_A:
        yield _IN_A[place.sigma.name](place.z), {}


_IN_A: Mapping[str, Callable[[Array], Array]] = {"sigmoid": lambda a: a * (1 - a), "tanh": lambda a: 1 - a * a}
"""σ' in terms of a."""


def _other_slopes(place: Place) -> Iterator[tuple[Any, dict[str, Any]]]:
    for name in _OTHERS:
        if name != place.sigma.name:
            yield ACTIVATIONS[name].derivative(place.z), {"form": f"{name}'(z)"}
    a = place.a
    for form, value in (("a (1 - a)", a * (1 - a)), ("1 - a²", 1 - a * a), ("1 where a > 0", (a > 0) * 1.0)):
        yield value, {"form": form}


def _function_for_slope(place: Place) -> Iterator[tuple[Any, dict[str, Any]]]:
    yield place.a, {"form": "σ itself"}
    yield place.z, {"form": "z itself"}


def _slope_of_neighbour(place: Place) -> Iterator[tuple[Any, dict[str, Any]]]:
    world, l = place.world, place.l
    for other in (l + 1, l - 1):
        if other in world.z and place.alike(other) and world.sigma[other].elementwise:
            yield world.sigma[other].derivative(world.z[other]), {"layer": other}
    for other in (l + 1, l - 1):
        if other in world.a and place.alike(other):
            if other in world.z:
                yield place.sigma.derivative(world.z[other]), {"layer": other, "form": "own"}
            if place.sigma.name in _IN_A:
                yield _IN_A[place.sigma.name](world.a[other]), {"layer": other, "form": "own"}
            elif place.sigma.name == "relu":
                yield (world.a[other] > 0) * 1.0, {"layer": other, "form": "own"}


def _mask_forms(place: Place) -> Iterator[tuple[Any, dict[str, Any]]]:
    mask = place.problem.masks[place.l]
    scale = float(mask.max())
    yield place.slope, {"form": "missing"}
    if scale != 1:
        yield place.slope * scale, {"form": "missing, though not its factor 1/(1 - p)"}
    yield place.slope * (mask > 0), {"form": "without 1/(1 - p)"}
    if scale > 1:
        yield place.slope * (mask > 0) / (1 - 1 / scale), {"form": "with 1/p in place of 1/(1 - p)"}


def _back_path(k: int) -> Ways:
    return _one(
        lambda place: place.given.d[:, [k]] * place.problem.W[place.l + 1][k],
        lambda place: place.problem.sizes[place.l] > 1,
    )


def _back_without_weights(place: Place) -> Iterator[tuple[Any, dict[str, Any]]]:
    d = place.given.d
    if place.alike(place.l + 1):
        yield d, {}
    elif place.problem.F > 2:  # one number for each sample, for all neurons
        yield np.repeat(d.sum(axis=1, keepdims=True), place.n_l, axis=1), {"form": "sum" if d.shape[1] > 1 else ""}


def _back_other_weights(place: Place) -> Iterator[tuple[Any, dict[str, Any]]]:
    W = place.problem.W
    for other, V in W.items():
        if other != place.l + 1 and V.shape == W[place.l + 1].shape:
            yield place.given.d @ V, {"layer": other}


def _back_wrong_row(place: Place) -> Iterator[tuple[Any, dict[str, Any]]]:
    """The weights with the bias as a further row, and the wrong one cut off."""
    W, b = place.problem.W[place.l + 1], place.problem.b[place.l + 1][:, np.newaxis]
    if place.problem.has_bias:
        yield place.given.d @ np.hstack([W[:, 1:], b]), {"form": "first"}
        yield place.given.d @ np.hstack([b, W[:, :-1]]), {"form": "last"}


def _delta_overwritten(place: Place) -> Iterator[tuple[Any, dict[str, Any]]]:
    for slope, faults in slopes(place.problem, place.world, place.l):
        for scale, k in place.scales().items() if not faults else (("", 1.0),):
            yield (slope, slope / k), {"scale": scale, "also": faults}
    # in the negative branch only
    e, z, slope = place.given.d @ place.problem.W[place.l + 1], place.z, place.slope
    if place.sigma.kinks and (slope[z < 0] != 0).any():
        for scale, k in place.scales().items():
            yield (e, np.where(z >= 0, e * slope, slope / k)), {"form": "negative", "scale": scale}


_OF_THE_ERROR: Mapping[str, Callable[[Activation, Array], Array]] = {
    "σ(e)": lambda sigma, e: sigma.function(e),
    "σ'(e)": lambda sigma, e: sigma.derivative(e),
    "σ(1 - σ(e))": lambda sigma, e: sigma.function(1 - sigma.function(e)),
    "e (1 - e)": lambda _, e: e * (1 - e),
    "1 - e²": lambda _, e: 1 - e * e,
}


def _delta_of_the_error(place: Place) -> Iterator[tuple[Any, dict[str, Any]]]:
    if place.sigma.name != "identity":
        e = place.given.d @ place.problem.W[place.l + 1]
        yield from _functions_of_the_error(place, e, place.slope)


def _output_of_the_error(place: Place) -> Iterator[tuple[Any, dict[str, Any]]]:
    if place.sigma.name != "identity" and place.sigma.elementwise:
        e = _raw(place)
        yield from _functions_of_the_error(place, e, place.slope)
        residual = _residual(place)
        if is_parallel(residual, e) and not same(residual, e):
            yield from _functions_of_the_error(place, residual, place.slope)


def _functions_of_the_error(place: Place, e: Array, slope: Array) -> Iterator[tuple[Any, dict[str, Any]]]:
    sigma = place.sigma
    is_homogeneous = sigma.name in ("relu", "leaky_relu")
    for form, function in _OF_THE_ERROR.items():
        if (form == "e (1 - e)") > (sigma.name == "sigmoid") or (form == "1 - e²") > (sigma.name == "tanh"):
            continue
        for scale, k in place.scales().items():
            value = function(sigma, k * e) / k
            yield (e, value), {"form": form, "scale": scale}
            if form == "σ(e)":
                yield (e, value * slope), {"form": "σ(e) σ'(z)", "scale": scale}
            if is_homogeneous and form == "σ(e)" and scale == "":
                break


def _wrong_layer_a(place: Place) -> Iterator[tuple[Any, dict[str, Any]]]:
    for other in range(1, place.problem.F + 1):
        if other not in (place.l - 1, place.l) and place.problem.sizes[other - 1] == place.width:
            yield place.world.a[other], {"layer": other}


def _is_square(place: Place) -> bool:
    return place.n_l == place.width


def _samples(place: Place) -> Iterator[tuple[Any, dict[str, Any]]]:
    if place.problem.n > 1:
        yield slice(-1, None), {"sample": -1}
        yield slice(0, 1), {"sample": 0}


def _row_sums(place: Place) -> Iterator[tuple[Any, dict[str, Any]]]:
    if place.width > 1:
        if ("sums", place.l) not in place.world.cache:
            place.world.cache["sums", place.l] = place.before.sum(axis=1)
        yield place.d.T @ place.world.cache["sums", place.l], {"form": "rows"}
        if _is_square(place):
            yield place.before.T @ place.d.sum(axis=1), {"form": "columns"}


def _wrong_axis(place: Place) -> Iterator[tuple[Any, dict[str, Any]]]:
    if place.problem.n == place.n_l > 1:
        yield place.d.sum(axis=1), {"form": "axis"}


def _told_sample(fault: Fault) -> str:
    return f"only the {'last' if fault.sample == -1 else 'first'} sample counts"


def _told_penalty(fault: Fault) -> str:
    if fault.form == "undeclared":
        return f"λ₂ = {fault.number:.6g} in the gradient, and none in the loss"
    if fault.form == "fitted":
        return f"{fault.number:.4g} times as large as in the loss"
    return fault.form


_BROADCAST: Mapping[str, str] = {
    "errors": "each output is compared with all targets",
    "outputs": "each target is compared with all outputs",
    "delta": "the mean error times each slope",
    "slopes": "each error times the mean slope",
}


def _told_slope(fault: Fault) -> str:
    if not fault.layer:
        return "σ' of a neighbouring layer"
    return f"the layer's own σ', at z^{fault.layer}" if fault.form else f"σ' of layer {fault.layer}, at z^{fault.layer}"


# The table.

KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        # the forward pass
        Kind("activation_twice", 1.1, ("26",), forward=_forward_twice,
             applied=lambda _, sigma: lambda z: sigma.function(sigma.function(z))),
        Kind("no_bias", 1.1, ("32",), forward=_forward_without_bias),
        Kind("other_activation", 1.4, ("33",), lambda fault: "none" if fault.form == "identity" else fault.form,
             forward=_forward_other, applied=lambda fault, _: ACTIVATIONS[fault.form].function),
        Kind("softmax_axis", 1.3, ("40",), "over {form}", by_hand=False, forward=_forward_wrong_axis,
             applied=lambda fault, _: _AXES[fault.form]),
        Kind("unmasked", 1.2, ("24",), "the forward pass does not apply it", by_hand=False,
             forward=_forward_without_mask),
        Kind("stored_a", 1.0, ("25",), "a in place of z"),  # these two show in numbers worked out by hand only
        Kind("slope_for_a", 1.0, ("33",), "σ' in place of σ"),
        # the error at the output
        Kind("residual", 1.3, ("28", "1"), "a - y, as if for half the squared error or a cross-entropy that collapses",
             output=_output_residual),
        Kind("diagonal", 1.05, ("21",), "only ∂a_j/∂z_j counts", output=_output_diagonal),
        Kind("broadcast", 1.0, ("27",), lambda fault: _BROADCAST[fault.form],
             output=_output_broadcast, delta=_delta_broadcast),
        Kind("other_loss", 1.4, ("28",), "that of {form}", output=_output_other_loss),
        # the slope
        Kind("slope_missing", 1.0, ("2",), at_output=("1",), throughout=HIDDEN,
             slope=_one(lambda place: np.ones_like(place.z)),
             output=_one(lambda place: (_raw(place), _raw(place)), lambda place: not place.sigma.elementwise)),
        Kind("slope_at_a", 1.0, ("4", "25"), throughout=HIDDEN,
             slope=_one(lambda place: place.sigma.derivative(place.a))),
        Kind("slope_of_z", 1.0, ("4b",), throughout=HIDDEN, slope=_slope_of_z),
        Kind("other_slope", 1.1, ("5",), "{form}", throughout=HIDDEN, slope=_other_slopes),
        Kind("function_for_slope", 1.3, ("5",), "{form} in place of σ'", throughout=HIDDEN, slope=_function_for_slope),
        Kind("slope_twice", 1.1, ("21",), "σ' is multiplied in again", slope=_one(lambda place: place.slope**2),
             output=_output_twice),
        Kind("wrong_layer_slope", 1.2, ("9",), _told_slope, slope=_slope_of_neighbour),
        Kind("mask", 1.0, ("24",), "{form}", throughout=EVERY, masked=_mask_forms),
        # what is sent back
        Kind("raw_error", 1.05, ("3",), throughout=HIDDEN),
        Kind("transposed_weights", 1.0, ("7",), "W in place of its transpose", throughout=HIDDEN,
             back=_one(lambda place: place.given.d @ place.problem.W[place.l + 1].T,
                       lambda place: place.alike(place.l + 1))),
        Kind("no_weights", 1.1, ("36",), lambda fault: "the deltas are added up without them" if fault.form else "",
             throughout=HIDDEN, back=_back_without_weights),
        Kind("last_path", 1.0, ("19",), "only the last neuron above counts", throughout=HIDDEN, back=_back_path(-1)),
        Kind("first_path", 1.1, ("19",), "only the first neuron above counts", throughout=HIDDEN, back=_back_path(0)),
        Kind("wrong_layer_weights", 1.2, ("9",), "W^{layer}", back=_back_other_weights),
        Kind("wrong_row", 1.3, ("9",), "the {form} row is cut off the weights, and not that of the biases",
             throughout=HIDDEN, by_hand=False, back=_back_wrong_row),
        Kind("updated_weights", 1.1, ("17",), lambda fault: f"η = {fault.number:.6g}{fault.form and ', ' + fault.form}",
             throughout=HIDDEN, by_hand=False),
        # the delta
        Kind("overwritten", 1.1, ("6",), lambda fault: "where z < 0" if fault.form else "", throughout=HIDDEN,
             output=_output_overwritten,
             delta=_delta_overwritten),
        Kind("of_the_error", 1.3, ("39",), "{form}", throughout=HIDDEN, by_hand=False,
             output=_output_of_the_error, delta=_delta_of_the_error),
        Kind("unit_mask", 1.3, ("24",), "neurons {form} get nothing", by_hand=False),
        # the partials
        Kind("z_for_a", 1.0, ("8",), "z^{{l-1}} in place of a^{{l-1}}",
             before=_one(lambda place: place.world.z[place.l - 1], lambda place: place.l > 2)),
        Kind("own_a", 1.05, ("8", "9"), "the layer's own a^l in place of a^{{l-1}}",
             before=_one(lambda place: place.world.a[place.l], _is_square)),
        Kind("own_z", 1.2, ("8",), "the layer's own z^l in place of a^{{l-1}}", throughout=EVERY,
             before=_one(lambda place: place.z, _is_square)),
        Kind("wrong_layer_a", 1.1, ("9", "8"), "a^{layer} in place of a^{{l-1}}", before=_wrong_layer_a),
        Kind("ones_for_a", 1.2, ("8",), "a^{{l-1}} is left out", throughout=EVERY,
             before=_one(lambda place: np.ones_like(place.before), lambda place: np.ptp(place.before))),
        Kind("error_for_delta", 1.05, ("2",), "the gradient is formed from the error before σ'", ("1",), EVERY,
             weights=_one(lambda place: Product(place.share * place.given.e, place.before),
                          lambda place: place.has_error and not same(place.given.e, place.given.d)),
             biases=_one(lambda place: place.problem.share @ place.given.e, lambda place: place.has_error)),
        Kind("weights_for_a", 1.0, ("8",), "the weights in place of a^{{l-1}}", throughout=EVERY,
             weights=_one(lambda place: Product(place.d.sum(axis=0), place.problem.W[place.l]))),
        Kind("own_a_by_row", 1.2, ("8",), "d_j a_j^l, the neuron's own activation", by_hand=False,
             weights=_one(lambda place: Product((place.d * place.world.a[place.l]).sum(axis=0)[np.newaxis],
                                                np.ones((1, place.width))), lambda place: place.width > 1)),
        Kind("transposed_gradient", 1.0, ("7",), "the gradient is transposed",
             weights=_one(lambda place: Product(place.before, place.d), lambda place: place.n_l == place.width > 1)),
        Kind("means", 1.1, ("34",), throughout=EVERY,
             weights=_one(lambda place: Product(place.d.sum(axis=0)[np.newaxis],
                                                (place.problem.share @ place.before)[np.newaxis]),
                          lambda place: place.problem.n > 1)),
        Kind("unweighted", 1.0, ("35",), throughout=EVERY,
             weights=_one(lambda place: Product(place.given.d / place.problem.n, place.before),
                          lambda place: place.problem.weight is not None),
             biases=_one(lambda place: place.given.d.mean(axis=0), lambda place: place.problem.weight is not None)),
        Kind("forgotten_weights", 1.1, ("14",), "the gradient of the weights is 0", throughout=EVERY),
        Kind("one_sample", 1.0, ("18b",), _told_sample, throughout=EVERY, samples=_samples),
        Kind("penalty", 1.0, ("23",), _told_penalty, throughout=EVERY),
        Kind("clipped", 1.3, ("41",), lambda fault: f"{fault.form} {fault.number:.6g}", by_hand=False),
        Kind("shifted", 1.0, ("9",), "each array is in the place of the layer {form}", by_hand=False),
        # the biases'
        Kind("forgotten", 1.0, ("14",), "the gradient of the biases is 0", throughout=EVERY),
        Kind("not_summed", 1.0, ("15",), "one number for all neurons", throughout=EVERY,
             biases=_one(lambda place: np.full(place.n_l, (place.problem.share @ place.given.d).sum()),
                         lambda place: place.n_l > 1)),
        Kind("row_sums", 1.2, ("15",), "the {form} of ∂L/∂W^l are summed", throughout=EVERY, by_hand=False,
             biases=_row_sums),
        Kind("wrong_axis", 1.1, ("15",), "the deltas are summed over the neurons, sample by sample", throughout=EVERY,
             by_hand=False, biases=_wrong_axis),
        Kind("bias_value", 1.0, ("16",), throughout=EVERY,
             biases=_one(lambda place: place.problem.b[place.l], lambda place: place.problem.b[place.l].any())),
        Kind("constant_biases", 1.45, ("42",), "", throughout=EVERY, by_hand=False,
             biases=_one(lambda place: np.ones(place.n_l))),
    )
}  # fmt: skip
"""The table, by name."""


def kind_of(fault: Fault) -> Kind:
    """The row of a fault."""
    return KINDS[fault.kind]


def mistakes_of(fault: Fault, layer: int, F: int) -> tuple[str, ...]:
    """Rows of the table of mistakes that a fault belongs to: the likeliest, then those with the same numbers."""
    row = kind_of(fault)
    if fault.kind == "activation_twice" and fault.form == "softmax":
        return ("20", *row.mistakes)
    return row.at_output if row.at_output is not None and layer == F else row.mistakes


def _of(column: str, place: Place) -> Iterator[tuple[Faults, Any]]:
    """All forms of all rows that fill in a column; ``also`` among the fields are faults that come with one."""
    for row in _COLUMNS[column]:
        for value, fields in getattr(row, column)(place):
            also = fields.pop("also", ())
            yield (Fault(row.name, **fields), *also), value


_COLUMNS = {
    column: [row for row in KINDS.values() if getattr(row, column) is not None]
    for column in ("forward", "output", "slope", "masked", "back", "delta", "before", "weights", "biases", "samples")
}


# Forward passes.


def worlds(problem: Problem) -> Iterator[World]:
    """Forward passes: the right one, those with a mistake, then those with two."""
    yield World((), problem.z, problem.a, problem.sigma)
    pairable: list[tuple[Fault, tuple[int, ...]]] = []
    for row in _COLUMNS["forward"]:
        assert row.forward is not None
        for layers, fields in row.forward(problem):
            slip = Fault(row.name, **fields), layers
            if len(layers) == 1 and row.cost <= 1.1:
                pairable.append(slip)
            yield world_with(problem, (slip,))
    if problem.layers.parameters.size * problem.n <= 10**6:
        for first, second in combinations(pairable, 2):
            yield world_with(problem, (first, second))


def world_with(problem: Problem, slips: tuple[tuple[Fault, tuple[int, ...]], ...]) -> World:
    """The forward pass with these faults."""
    sigma = dict(problem.sigma)
    applied: dict[int, Activation] = {}
    without_bias: set[int] = set()
    without_mask: set[int] = set()
    for fault, layers in slips:
        row = kind_of(fault)
        without_bias |= set(layers) if fault.kind == "no_bias" else set()
        without_mask |= set(layers) if fault.kind == "unmasked" else set()
        for l in layers if row.applied is not None else ():
            assert row.applied is not None
            applied[l] = Activation(sigma[l].name, row.applied(fault, sigma[l]), sigma[l].derivative)
            if fault.kind == "other_activation":
                sigma[l] = ACTIVATIONS[fault.form]
            elif fault.kind == "softmax_axis":
                sigma[l] = _with_jacobian_of_a(applied[l])
    passing = problem.masked_sigma({**sigma, **applied})
    for l in without_mask:
        passing[l] = applied.get(l, sigma[l])

    def kept(symbol: str, l: int, array: Array) -> Array:
        return array - problem.b[l] if symbol == "z" and l in without_bias else array

    z, a = feedforward(problem.exact, problem.X, passing, kept if without_bias else None)
    twice = {l for fault, layers in slips if fault.kind == "activation_twice" for l in layers}
    return World(slips, dict(z), dict(a), sigma, {l: np.asarray(sigma[l].function(z[l])) for l in twice})


def _with_jacobian_of_a(applied: Activation) -> Activation:
    """A softmax over a wrong axis, with the Jacobian that people write in terms of a."""

    def derivative(z: Array) -> Array:
        a = applied.function(z)
        return np.asarray(a[:, :, np.newaxis] * np.eye(a.shape[1]) - a[:, :, np.newaxis] * a[:, np.newaxis, :])

    return Activation("softmax over a wrong axis", applied.function, derivative, elementwise=False)


# Ways to compute each quantity: the right one first, with no fault.


def output_ways(problem: Problem, world: World) -> Iterator[tuple[Array, Array, Faults]]:
    """Ways to ∇_a L and d^F."""
    place = Place(problem, world, problem.F)
    F, sigma = problem.F, world.sigma[problem.F]
    e, d = _raw(place), _right_output(place)
    yield e, d, ()
    if F in world.inner:  # the backward pass may know of both, or of either
        slope_at, inner_at = sigma.derivative(world.z[F]), sigma.derivative(world.inner[F])
        if sigma.elementwise:
            for value in (d * slope_at, e * slope_at, e * inner_at, e * slope_at * inner_at):
                yield e, value, ()
        else:
            yield e, np.einsum("ijk,ij->ik", slope_at, d), ()
            yield e, np.einsum("ijk,ij->ik", slope_at, e), ()
    own = problem.sigma[F]
    if world.has("other_activation", F) or world.has("softmax_axis", F):  # the backward pass may be that of σ
        if pair := canonical_pair(problem.loss, own):
            yield e, np.asarray(pair.delta(world.a[F], problem.Y)), ()
        if own.elementwise:
            yield e, e * own.derivative(world.z[F]), ()
            if own.name in _IN_A:
                yield e, e * _IN_A[own.name](world.a[F]), ()
    if sigma.elementwise:
        for slope, faults in slopes(problem, world, F):
            if faults:
                yield e, e * slope, faults
    for faults, (other_e, other_d) in _of("output", place):
        yield other_e, other_d, faults


def slopes(problem: Problem, world: World, l: int) -> list[tuple[Array, Faults]]:
    """Ways to σ'(z^l)."""
    if ("slopes", l) not in world.cache:
        world.cache["slopes", l] = list(_slopes(Place(problem, world, l)))
    return list(world.cache["slopes", l])


def _slopes(place: Place) -> Iterator[tuple[Array, Faults]]:
    problem, world, l = place.problem, place.world, place.l
    found: list[tuple[Array, Faults]] = [(place.slope, ())]

    def add(value: Array, faults: Faults) -> None:
        if np.isfinite(value).all() and not any(same(value, known) for known, _ in found):
            found.append((value, faults))

    if l in world.inner:  # the backward pass may not know of the second σ
        add(place.sigma.derivative(place.z), ())
        add(place.sigma.derivative(world.inner[l]), ())
    if world.has("other_activation", l) and problem.sigma[l].elementwise:  # nor of the other one, and may go by a
        add(problem.sigma[l].derivative(place.z), ())
        if problem.sigma[l].name in _IN_A:
            add(_IN_A[problem.sigma[l].name](place.a), ())
    for faults, value in _of("slope", place):
        add(value, faults)
    if l not in problem.masks:
        yield from found
        return
    mask = problem.masks[l]
    if world.has("unmasked", l):
        yield place.slope, ()
    for value, faults in found:
        yield value * mask, faults
    for faults, value in _of("masked", place):
        yield value, faults


def back_ways(problem: Problem, state: State, l: int) -> Iterator[tuple[Array, Faults]]:
    """Ways to e^l, what arrives at layer l before σ', from the state of layer l+1."""
    found: list[Array] = []
    sources: list[tuple[State, Faults]] = [(state, ())]
    if state.e.shape == state.d.shape:
        sources.append((State(state.world, state.e, state.e), (Fault("raw_error"),)))
    for source, faults in sources:
        place = Place(problem, state.world, l, source)
        ways = [(source.d @ problem.W[l + 1], faults), *((e, (*faults, *more)) for more, e in _of("back", place))]
        for value, named in ways:
            if not any(same(value, known) for known in found):
                found.append(value)
                yield value, named


def delta_ways(problem: Problem, state: State, l: int) -> Iterator[tuple[Array, Array, Faults]]:
    """Ways to e^l and d^l that are not a product of what arrives and a slope."""
    for faults, (e, d) in _of("delta", Place(problem, state.world, l, state)):
        yield e, d, faults


def before_ways(problem: Problem, world: World, l: int) -> list[tuple[Array, Faults]]:
    """What may be in the place of a^{l-1} in (3)."""
    if ("before", l) not in world.cache:
        place = Place(problem, world, l)
        found = [(place.before, ()), *((value, faults) for faults, value in _of("before", place))]
        world.cache["before", l] = found
    return list(world.cache["before", l])


def weight_ways(problem: Problem, state: State, l: int) -> Iterator[tuple[Product, Faults]]:
    """Ways to ∂L/∂W^l, without the penalty."""
    place = Place(problem, state.world, l, state)
    befores = before_ways(problem, state.world, l)
    for before, faults in befores:
        yield Product(place.d, before), faults
    for faults, product in _of("weights", place):
        yield product, faults
    for some, rows in _of("samples", place):
        for before, faults in befores:
            yield Product(state.d[rows], before[rows]), (*some, *faults)
        yield Product(state.d[rows][0], problem.W[l]), (*some, Fault("weights_for_a"))


def bias_ways(problem: Problem, state: State, l: int) -> Iterator[tuple[Array, Faults]]:
    """Ways to ∂L/∂b^l."""
    place = Place(problem, state.world, l, state)
    yield problem.share @ state.d, ()
    for faults, value in _of("biases", place):
        yield value, faults
    for some, rows in _of("samples", place):
        d = state.d[rows][0]
        yield d, some
        if len(d) > 1:
            yield np.full_like(d, d.sum()), (*some, Fault("not_summed"))
