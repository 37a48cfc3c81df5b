"""Calling a function under test whatever its parameters are: arguments are bound by name, and by trying.

How the roles of a signature are filled (samples as rows or columns, W^l or its transpose, names or numbers of layers)
is a `Plan`. A signature has many plans, the likeliest first; which one is meant is found out by calling.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import io
import re
import textwrap
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import product
from typing import Any, Protocol

import numpy as np

from pellucid.arrays import Array
from pellucid.checking.crashes import Crash, tell
from pellucid.checking.nests import TooLargeError, mean, plain
from pellucid.checking.roles import Parameter, adapter_text, layer_of, parameters_of, role_of
from pellucid.layers import parameter_views

RATE = 2.0**-6
"""The learning rate that a function is handed: a power of two, so that dividing by it is exact."""


class CannotBindError(TypeError):
    """A signature with parameters whose meaning is not known.

    Attributes
    ----------
    reason : str
    adapter : str
        A function (network, X, y) that calls it, with what is not known left to fill in.
    """

    def __init__(self, reason: str, adapter: str) -> None:
        super().__init__(f"{reason}; put a function like this into the file:\n{adapter}")
        self.reason, self.adapter = reason, adapter


@dataclass(frozen=True, eq=False)
class Handed:
    """What a function under test may be handed: a network's parameters, and samples.

    Attributes
    ----------
    sizes : tuple of int
    activations : dict
        The name of σ by layer.
    parameters : ndarray
        In the order of `Layers.parameters`.
    has_bias : bool
    X, Y : ndarray of shape (n, n_1) and (n, n_F)
    raw : tuple of ndarray
        X and y as the user gave them.
    masks : dict by layer
        Of shape (n, n_l).
    l2 : float
    """

    sizes: tuple[int, ...]
    activations: dict[int, str]
    parameters: Array
    has_bias: bool
    X: Array
    Y: Array
    raw: tuple[Array, Array]
    masks: dict[int, Array] = field(default_factory=dict)
    l2: float = 0.0

    @property
    def n(self) -> int:
        """The number of samples."""
        return len(self.X)

    def sample(self, i: int) -> Handed:
        """Return the same with one sample only."""
        masks = {l: mask[i : i + 1] for l, mask in self.masks.items()}
        X, Y = self.X[i : i + 1], self.Y[i : i + 1]
        return replace(self, X=X, Y=Y, raw=(X, Y), masks=masks)

    def by_layer(self) -> tuple[dict[int, Array], dict[int, Array]]:
        """Return copies of W[l] and b[l]."""
        W, b = parameter_views(self.sizes, self.parameters.copy(), self.has_bias)
        return dict(W.items()), dict(b.items())


@dataclass(frozen=True)
class Plan:
    """How the roles of a signature are filled.

    Attributes
    ----------
    data : {'given', 'rows', 'columns', 'sample', 'column', 'row', 'pairs', 'columns of pairs'}
        X as given, (n, n_1) or (n_1, n) in one call; or one call for each sample, as (n_1,), (n_1, 1) or (1, n_1); or
        a list of pairs (x, y).
    is_transposed : bool
        Whether weights are handed as (n_{l-1}, n_l).
    biases : {'vector', 'column', 'row', 'first', 'last', 'none'}
        Their shape; first and last: within the weights, as the column of an input 1.
    form : str
        Of all parameters in one argument.
    base : int
        The number of the first layer with weights, in lists.
    targets : {'given', 'classes', 'vector'}
    penalty : {'l2', 'l2 n', 'l2/2'}
        What a strength of a penalty is handed as.
    is_positional : bool
        (network, X, y) by position.
    """

    data: str = "given"
    is_transposed: bool = False
    biases: str = "vector"
    form: str = ""
    base: int = 0
    targets: str = "given"
    penalty: str = "l2"
    is_positional: bool = False

    @property
    def is_single(self) -> bool:
        """Whether the function is called for each sample."""
        return self.data in ("sample", "column", "row")

    @property
    def words(self) -> str:
        """What is unusual about it, for the answer; empty for (network, X, y)."""
        parts = {
            "columns": "samples as columns",
            "sample": "one sample x of shape (n_1,) at a time, the mean taken over the batch",
            "column": "one sample x of shape (n_1, 1) at a time, the mean taken over the batch",
            "row": "one sample x of shape (1, n_1) at a time, the mean taken over the batch",
            "pairs": "a list of pairs (x, y)",
            "columns of pairs": "a list of pairs (x, y) of columns",
        }
        found = [parts[self.data]] if self.data in parts else []
        found += ["weights as (n_{l-1}, n_l)"] if self.is_transposed else []
        found += {"first": ["biases as the first column of the weights"], "last": ["biases as their last column"]}.get(
            self.biases, []
        )
        found += {"classes": ["targets as class numbers"], "vector": ["targets as (n,)"]}.get(self.targets, [])
        return ", ".join(found)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one call did.

    Attributes
    ----------
    returned : nest
    crash : Crash or None
    changed : tuple of str
        Arguments that the call changed.
    gradients : dict
        Attributes and arguments that are named like gradients and were written.
    step : dict or None
        ``{"W": …, "b": …}``, parameters before minus after, if the call changed any.
    rate : float or None
        The learning rate of that step, if there is an argument or attribute for it.
    notes : tuple of str
    kind : str
        The type of what was returned.
    warned : str
        The first warning of an operation that left the range of floating point.
    """

    returned: Any = None
    crash: Crash | None = None
    changed: tuple[str, ...] = ()
    gradients: dict[str, Any] = field(default_factory=dict)
    step: dict[str, Any] | None = None
    rate: float | None = None
    notes: tuple[str, ...] = ()
    kind: str = "NoneType"
    warned: str = ""

    def nest(self) -> dict[str, Any]:
        """Return it as a nest, for another process."""
        parts = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**parts, "crash": None if self.crash is None else asdict(self.crash)}


class Subject(Protocol):
    """What is called: in this process or in another one."""

    @property
    def name(self) -> str:
        """What it is called in answers."""

    @property
    def takes_masks(self) -> bool:
        """Whether it has a parameter for the masks of dropout."""

    def plans(self, handed: Handed) -> list[Plan]:
        """List how it may be called, the likeliest first; `CannotBindError` if there is no way."""

    def call(self, plan: Plan, handed: Handed) -> Outcome:
        """Call it."""


# which way of calling

_NOT_POSITIONAL = ("inputs", "targets", "weights", "biases", "parameters", "weight", "bias", "pairs", "cache")


def _is_network_first(parameters: Sequence[Parameter] | None) -> bool:
    """Whether a function may be called as (network, X, y)."""
    if parameters is None:
        return True
    required = [one for one in parameters if one.is_required and one.role != "masks"]
    first = required or parameters[:3]
    if len(first) != 3 or len(parameters) < 3:
        return False
    if first[0].role in _NOT_POSITIONAL or first[1].role in ("targets", "cache") or first[2].role == "cache":
        return False
    return first[0].role == "network" or first[1].role in ("inputs", "") or first[2].role in ("targets", "")


# the parts of a call


class Values:
    """The arguments of one call, by role; arrays are copies, kept to see what the call changed."""

    def __init__(self, plan: Plan, handed: Handed, network: object) -> None:
        self.plan, self.handed, self.network = plan, handed, network
        self.W, self.b = handed.by_layer()
        self.X, self.y = self._samples()
        F = len(handed.sizes)
        self.layers = range(2, F + 1)
        self.own_W = {l: self._weight(l) for l in self.layers}
        self.own_b = {l: self._bias(l) for l in self.layers}
        self.used: set[str] = set()

    def _samples(self) -> tuple[Any, Any]:
        handed, data = self.handed, self.plan.data
        X, Y = handed.X.copy(), handed.Y.copy()
        if data == "given":
            X, Y = (np.array(part) for part in handed.raw)
        if self.plan.targets == "classes":
            Y = handed.Y.argmax(axis=1)
        elif self.plan.targets == "vector":
            Y = handed.Y.ravel()
        if data == "columns":
            return np.ascontiguousarray(X.T), np.ascontiguousarray(Y.T)
        if data in ("sample", "column"):
            x, y = (X[0], Y[0]) if data == "sample" else (X.T, Y.T)
            return np.ascontiguousarray(x), np.ascontiguousarray(y)
        if data == "columns of pairs":
            return [(x[:, None], y[:, None]) for x, y in zip(X, Y.reshape(len(X), -1), strict=True)], None
        if data == "pairs":
            return list(zip(X, Y, strict=True)), None
        return X, Y

    def _weight(self, l: int) -> Array:
        W, biases = self.W[l].copy(), self.plan.biases
        if biases in ("first", "last") and self.handed.has_bias:
            parts = (self.b[l][:, None], W) if biases == "first" else (W, self.b[l][:, None])
            W = np.hstack(parts)
        return np.ascontiguousarray(W.T) if self.plan.is_transposed else W

    def _bias(self, l: int) -> Array:
        b = self.b[l].copy() if self.handed.has_bias else np.zeros(self.handed.sizes[l - 1])
        return {"column": b[:, None], "row": b[None, :]}.get(self.plan.biases, b)

    def _numbered(self, by_layer: Mapping[int, Any]) -> Any:
        return [None] * self.plan.base + list(by_layer.values())

    def all_parameters(self) -> Any:
        """All parameters as one argument, in the form of the plan."""
        form, W, b = self.plan.form, self.own_W, self.own_b
        if form.startswith("names "):
            names = form.split()[1:]
            half = len(names) // 2
            arrays = [*W.values(), *b.values()]
            found = dict(zip(names, arrays, strict=True)) if half else {}
            return {k: found[k] for pair in zip(names[:half], names[half:], strict=True) for k in pair}
        pairs = [(W[l], b[l]) for l in self.layers]
        if form == "lists by name":
            return {"W": self._numbered(W), "b": self._numbered(b)}
        if form == "list":
            return [one for pair in pairs for one in pair]
        if form == "pairs":
            return pairs
        if form == "dicts":
            return [{"W": w, "b": c} for w, c in pairs]
        if form == "two lists":
            return [list(W.values()), list(b.values())]
        if form == "flat":
            return np.concatenate([one.ravel() for pair in pairs for one in pair])
        if form == "flat, weights first":
            return np.concatenate([*(one.ravel() for one in W.values()), *(one.ravel() for one in b.values())])
        joined = [np.column_stack([self.b[l], self.W[l]]) for l in self.layers]
        return np.concatenate([(one.T if form.endswith("by columns") else one).ravel() for one in joined])

    def of(self, parameter: Parameter) -> Any:
        """The value of a parameter.

        Raises
        ------
        KeyError
            Its role is not known, or the network has no such layer.
        """
        role, handed = parameter.role, self.handed
        self.used.add(role)
        if role == "penalty":
            return {"l2": handed.l2, "l2 n": handed.l2 * handed.n, "l2/2": handed.l2 / 2}[self.plan.penalty]
        sizes = list(handed.sizes)
        simple: dict[str, Callable[[], Any]] = {
            "network": lambda: self.network,
            "inputs": lambda: self.X,
            "targets": lambda: self.y,
            "pairs": lambda: self.X,
            "weights": lambda: self._numbered(self.own_W) if len(self.own_W) > 1 or self.plan.base else self.own_W[2],
            "biases": lambda: self._numbered(self.own_b) if len(self.own_b) > 1 or self.plan.base else self.own_b[2],
            "parameters": self.all_parameters,
            "rate": lambda: RATE,
            "count": lambda: handed.n,
            "sizes": lambda: sizes,
            "size first": lambda: sizes[0],
            "size middle": lambda: sizes[1] if len(sizes) == 3 else sizes[1:-1],
            "size last": lambda: sizes[-1],
            "size": lambda: sizes[parameter.number],
            "epochs": lambda: 1,
            "masks": lambda: self.masks(parameter.name, is_by_layer=False),
            "quiet": lambda: False,
            "seed": lambda: 0,
            "shuffle": lambda: False,
            "weight first": lambda: self.own_W[2],
            "weight last": lambda: self.own_W[len(sizes)],
            "bias first": lambda: self.own_b[2],
            "bias last": lambda: self.own_b[len(sizes)],
        }
        return simple[role]()

    def masks(self, name: str, *, is_by_layer: bool) -> Any:
        """The masks of dropout: a dict by layer or a list; one array for a parameter that is called ``mask``."""
        masks = {l: mask.copy() for l, mask in self.handed.masks.items()}
        if len(masks) == 1 and not name.lower().endswith("s"):
            return masks[2]
        return masks if is_by_layer else list(masks.values())

    def weight(self, role: str, layer: int) -> Any:
        """One layer's weights or biases."""
        return (self.own_W if role == "weight" else self.own_b)[layer]

    def change(self) -> dict[str, Any] | None:
        """What the call subtracted from the parameters that it was handed; None if nothing."""
        W, b = self.handed.by_layer()
        turned = self.plan.is_transposed
        if self.plan.biases in ("first", "last"):
            return None
        after_W = {l: np.array(one.T if turned else one) for l, one in self.own_W.items()}
        after_b = {l: np.array(one).ravel() for l, one in self.own_b.items()} if self.handed.has_bias else {}
        parameters = getattr(self.network, "parameters", None)
        if isinstance(parameters, np.ndarray) and not np.array_equal(parameters, self.handed.parameters):
            views = parameter_views(self.handed.sizes, np.array(parameters), self.handed.has_bias)
            after_W, after_b = dict(views[0].items()), dict(views[1].items())
        step = {
            "W": {l: W[l] - after_W[l] for l in W},
            "b": {l: b[l] - after_b[l] for l in after_b},
        }
        return step if any(one.any() for part in step.values() for one in part.values()) else None


# functions


class FunctionSubject:
    """A function under test that is called in this process.

    Parameters
    ----------
    function : callable
    names : mapping
        Those of its module, among which a forward pass may be.
    make_network : callable
        Makes what a parameter ``network`` is handed.
    file : str
        The file that it is in; found out unless given.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        names: Mapping[str, Any] | None = None,
        make_network: Callable[[Handed], object] = lambda handed: None,
        file: str = "",
    ) -> None:
        self.function, self.make_network = function, make_network
        inner = inspect.unwrap(function)
        code = getattr(inner, "__code__", None)
        self.file = file or (code.co_filename if code is not None else _file_of(function))
        self.names = dict(getattr(inner, "__globals__", {}) if names is None else names)
        self.parameters = parameters_of(function)
        self.name = getattr(function, "__name__", type(function).__name__)
        self.calls = 0

    @property
    def takes_masks(self) -> bool:
        """Whether it has a parameter for the masks of dropout."""
        return any(one.role == "masks" for one in self.parameters or ())

    def _required(self) -> list[Parameter]:
        return [one for one in self.parameters or () if one.is_required]

    @property
    def layers_named(self) -> int:
        """How many layers with weights the signature names; 0 if it does not say."""
        forward = self._forward()
        both = [self.parameters or [], [] if forward is None else parameters_of(forward) or []]
        counts = [sum(one.role == "weight" for one in parameters) for parameters in both]
        highest = [one.number for one in both[0] if one.role == "weight"]
        named = {one.role for parameters in both for one in parameters}
        return max(*counts, *highest, 2 if {"weight first", "weight last"} <= named else 0)

    def plans(self, handed: Handed) -> list[Plan]:
        """List how it may be called, the likeliest first.

        Raises
        ------
        CannotBindError
            A parameter without a default has a name that means nothing known.
        """
        found: list[Plan] = []
        if _is_network_first(self.parameters):
            found = [Plan(data, is_positional=True) for data in self._data(handed) if data != "columns"]
        if self.parameters is not None and not (found and self.parameters[0].role in ("network", "")):
            found += self._by_name(handed)
        if not found:
            raise self._cannot_bind(handed)
        return list(dict.fromkeys(found))

    def _data(self, handed: Handed) -> list[str]:
        """The forms of the samples: a capital X is a batch, a small x may be one sample or a batch."""
        names = {one.name for one in self.parameters or () if one.role == "inputs"}
        batch, single = ["given", "columns"], ["sample", "column", "row"]
        if np.ndim(handed.raw[0]) == 1:
            return ["given", "column", "row"]
        if any(name[:1].isupper() for name in names):
            return batch
        roles = {one.role for one in self.parameters or ()}
        if names & {"x", "xi", "x_i", "sample", "row", "inputs_list", "input_list"} and "network" not in roles:
            return single + batch
        return batch + single

    def _by_name(self, handed: Handed) -> Iterator[Plan]:
        parameters = self.parameters or []
        required = self._required()
        roles = {one.role for one in parameters}
        known = [one for one in required if self._can_bind(one, handed)]
        forward = self._forward() if any(one.role in ("", "cache") for one in required) else None
        if forward is not None:
            roles |= {one.role for one in parameters_of(forward) or []}
        if len(known) < len(required):
            if not (len(required) == 2 and len(parameters) == 2):
                return
            roles = {"inputs", "targets"}
        if "pairs" in roles and "inputs" not in roles:
            data = ["columns of pairs", "pairs"]
        elif not roles & {"inputs", "targets"}:
            return
        else:
            data = self._data(handed)
        has_weights = bool(roles & {"weight", "weights", "weight first", "weight last", "parameters"})
        has_biases = bool(roles & {"bias", "biases", "bias first", "bias last"})
        forms = self._forms(handed) if "parameters" in roles else [""]
        turned = [False, True] if has_weights else [False]
        bases = [0, 1, 2] if roles & {"weights", "biases"} or "lists by name" in forms else [0]
        penalties = ["l2", "l2 n", "l2/2"] if "penalty" in roles and handed.l2 else ["l2"]
        targets = ["given"]
        if handed.sizes[-1] == 1:
            targets.append("vector")
        elif set(np.unique(handed.Y)) <= {0, 1} and (handed.Y.sum(axis=1) == 1).all():
            targets.append("classes")
        ways = []
        for place in data:
            vectors = {"columns": ["column"], "column": ["column"], "sample": ["vector"], "row": ["row", "vector"]}
            biases = (
                vectors.get(place, ["vector", "row"]) if has_weights and (has_biases or forms != [""]) else ["vector"]
            )
            if has_weights and not has_biases and forms == [""]:
                biases = ["first", "last", "none"] if handed.has_bias else ["none"]
            ways += [(place, bias) for bias in biases]
        for target, penalty, base, form, (place, bias), is_turned in product(
            targets, penalties, bases, forms, ways, turned
        ):
            is_vector = form.startswith("flat")
            if (base and is_vector) or ("first" in form and is_turned) or (base and form and form != "lists by name"):
                continue
            yield Plan(place, is_turned, "vector" if is_vector else bias, form, base, target, penalty)

    def _can_bind(self, parameter: Parameter, handed: Handed) -> bool:
        F = len(handed.sizes)
        if parameter.role in ("weight", "bias"):
            return 2 <= layer_of(parameter, self.parameters or [], F) <= F
        if parameter.role == "masks":
            return bool(handed.masks)
        if parameter.role in ("", "cache"):
            return self._forward() is not None or parameter.name in self._own_functions()
        return True

    def _forms(self, handed: Handed) -> list[str]:
        names = self._key_names(len(handed.sizes) - 1)
        is_vector = any(
            one.name.lower().startswith(("theta", "nn_params", "vec", "flat")) for one in self.parameters or ()
        )
        vectors = ["flat", "flat, weights first", "flat, biases first by columns", "flat, biases first by rows"]
        nested = ["pairs", "list", "dicts", "two lists", "lists by name"]
        named = [f"names {' '.join(one)}" for one in names]
        return [*vectors, *named, *nested] if is_vector else [*named, *nested, *vectors]

    def _key_names(self, depth: int) -> list[list[str]]:
        """The keys of a dict of parameters, as the code writes them."""
        texts = set()
        for function in (self.function, *self._own_functions().values()):
            code = getattr(inspect.unwrap(function), "__code__", None)
            if code is not None:
                texts |= _texts(code)
        found: list[list[str]] = []
        for W in ("W", "w", "weights", "weight", "Theta", "theta", "W_", "w_", "kernel"):
            for b in ("b", "bias", "biases", "b_", "bias_"):
                for base in (1, 0, 2):
                    keys = [f"{symbol}{base + k}" for symbol in (W, b) for k in range(depth)]
                    if all(key in texts for key in keys):
                        found.insert(0, keys)
                    elif W in texts and b in texts:
                        found.append(keys)
        default = [f"{symbol}{1 + k}" for symbol in "Wb" for k in range(depth)]
        return [list(one) for one in dict.fromkeys(map(tuple, [*found, default]))][:4]

    def _own_functions(self) -> dict[str, Callable[..., Any]]:
        return {
            name: one
            for name, one in self.names.items()
            if inspect.isfunction(one) and one.__code__.co_filename == self.file and one is not self.function
        }

    def _forward(self) -> Callable[..., Any] | None:
        """The user's own forward pass: a function of the file that needs no more than parameters and inputs."""
        known = {
            "inputs",
            "weight",
            "bias",
            "weights",
            "biases",
            "parameters",
            "network",
            "weight first",
            "weight last",
        }
        known |= {"bias first", "bias last", "sizes"}
        for name, function in self._own_functions().items():
            if re.search(r"forward|propag|feed|predict|hypothesis|model", name, re.IGNORECASE) and not re.search(
                r"back", name, re.IGNORECASE
            ):
                parameters = parameters_of(function) or []
                roles = {one.role for one in parameters if one.is_required}
                if "inputs" in roles and roles <= known:
                    return function
        return None

    def call(self, plan: Plan, handed: Handed) -> Outcome:
        """Call it: once, or once for each sample."""
        if not plan.is_single or np.ndim(handed.raw[0]) == 1:
            return self._once(plan, handed)
        outcomes = []
        for i in range(handed.n):
            outcome = self._once(plan, handed.sample(i))
            if outcome.crash is not None:
                return outcome
            outcomes.append(outcome)
        first = outcomes[0]
        try:
            step = None if first.step is None else mean([one.step for one in outcomes])
            return replace(first, returned=mean([one.returned for one in outcomes]), step=step)
        except (ValueError, TypeError, AttributeError):
            return replace(first, notes=(*first.notes, "it returns other shapes for other samples"))

    def _once(self, plan: Plan, handed: Handed) -> Outcome:
        values = Values(plan, handed, self.make_network(handed))
        return self._run(lambda: self._invoke(values), values)

    def _run(self, call: Callable[[], Any], values: Values) -> Outcome:
        """Call, and see what came of it."""
        X, y = values.X, values.y
        before = [np.array(one) if isinstance(one, np.ndarray) else None for one in (X, y)]
        returned, crash, kind, warned = None, None, "NoneType", ""
        self.calls += 1
        # what it prints is of interest once
        quiet = contextlib.redirect_stdout(_Nowhere()) if self.calls > 1 else contextlib.nullcontext()
        with warnings.catch_warnings(record=True) as caught, np.errstate(), quiet:
            warnings.simplefilter("always")
            try:
                returned = call()
                kind = type(returned).__name__
                returned = plain(returned)
            except TooLargeError as error:
                crash = Crash(f"it returned {kind}; {error}", "its return")
            except Exception as error:
                crash = tell(error, self.file, values.handed.n)
            except SystemExit:
                crash = Crash("SystemExit: the function ends the process", "the call", is_exit=True)
        for one in caught:
            if not warned and issubclass(one.category, RuntimeWarning) and one.filename == self.file:
                warned = f"{one.message}, at line {one.lineno}"
        changed = [
            name
            for name, old, new in (("X", before[0], X), ("y", before[1], y))
            if old is not None and not _same(old, new)
        ]
        parameters = getattr(values.network, "parameters", None)
        if isinstance(parameters, np.ndarray) and not _same(parameters, values.handed.parameters):
            changed.append("the network's parameters")
        rate = RATE if "rate" in values.used else None
        return Outcome(returned, crash, tuple(changed), {}, values.change(), rate, (), kind, warned)

    def _invoke(self, values: Values) -> Any:
        plan, parameters = values.plan, self.parameters
        if plan.is_positional or parameters is None:
            return self._positional(values)
        return self.function(**self._arguments(values, parameters))

    def _positional(self, values: Values) -> Any:
        """(network, X, y), and the masks if there is a parameter for them."""
        if self.takes_masks and values.handed.masks:
            [name] = [one.name for one in self.parameters or () if one.role == "masks"]
            masks = values.masks(name, is_by_layer=True)
            return self.function(values.network, values.X, values.y, **{name: masks})
        return self.function(values.network, values.X, values.y)

    def _arguments(self, values: Values, parameters: Sequence[Parameter]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        unknown = []
        if len(parameters) == 2 and not all(one.role for one in parameters):
            parameters = [replace(parameters[0], role="inputs"), replace(parameters[1], role="targets")]
        for parameter in parameters:
            if parameter.role in ("weight", "bias"):
                layer = layer_of(parameter, parameters, len(values.handed.sizes))
                found[parameter.name] = values.weight(parameter.role, layer)
            elif not parameter.is_required and parameter.role in (
                "",
                "cache",
                "seed",
                "network",
                "masks",
                "size",
                "sizes",
            ):
                if parameter.role == "masks" and values.handed.masks:
                    found[parameter.name] = values.of(parameter)
            elif parameter.role in ("", "cache"):
                unknown.append(parameter)
            else:
                found[parameter.name] = values.of(parameter)
        if unknown:
            found |= self._from_forward(unknown, values)
        return {one.name: found[one.name] for one in parameters if one.name in found}

    def _from_forward(self, unknown: Sequence[Parameter], values: Values) -> dict[str, Any]:
        """Fill parameters from what the user's own forward pass returns, by the names that it returns them under."""
        own = self._own_functions()
        found = {one.name: own[one.name] for one in unknown if one.name in own}
        rest = [one for one in unknown if one.name not in found]
        forward = self._forward()
        if not rest or forward is None:
            return found
        given = forward(**self._arguments(values, parameters_of(forward) or []))
        return found | from_results([one.name for one in rest], given, returned_names(forward))

    def _cannot_bind(self, handed: Handed) -> CannotBindError:
        unknown = [one.name for one in self._required() if not self._can_bind(one, handed)]
        what = f"what {', '.join(unknown)} is meant to be is not known" if unknown else "it takes no samples"
        adapter = adapter_text(self.name, self.parameters or [], len(handed.sizes))
        return CannotBindError(f"{self.name}{_signature(self.function)}: {what}", adapter)


def from_results(wanted: Sequence[str], given: Any, names: Sequence[str]) -> dict[str, Any]:
    """Find values for parameters among what a forward pass returned.

    Raises
    ------
    KeyError
        There is nothing for one of them.
    """
    parts: dict[str, Any] = {}
    if isinstance(given, tuple) and len(given) == len(names):
        parts = {name.lower().replace("_", ""): value for name, value in zip(names, given, strict=True)}
    elif len(names) == 1:
        parts = {names[0].lower().replace("_", ""): given}
    every = given if isinstance(given, tuple) else (given,)
    for part in every:
        if isinstance(part, dict):
            parts |= {
                str(key).lower().replace("_", ""): value for key, value in part.items() if str(key).lower() not in parts
            }
    found = {}
    for name in wanted:
        short = name.lower().replace("_", "")
        composed = [one for one in every if isinstance(one, (dict, list, tuple)) or hasattr(one, "__dict__")]
        arrays = [one for one in every if isinstance(one, np.ndarray)]
        if short in parts:
            found[name] = parts[short]
        elif role_of(name)[0] == "cache":
            found[name] = composed[-1] if composed else given
        elif len(wanted) == len(every):
            found[name] = every[list(wanted).index(name)]
        elif (
            re.fullmatch(r"al|yhat|ypred|ypredicted|output|out|o|probs?|preds?|a\d|h|predictions?|scores?", short)
            and arrays
        ):
            found[name] = arrays[0] if not isinstance(given, tuple) or isinstance(every[0], np.ndarray) else arrays[-1]
        elif composed:
            found[name] = composed[-1]
        else:
            raise KeyError(name)
    return found


def returned_names(function: Callable[..., Any]) -> list[str]:
    """The names in a function's return statement, such as ``return A2, cache``."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return []
    for node in ast.walk(tree):
        if isinstance(node, ast.Return) and node.value is not None:
            parts = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            return [ast.unparse(part).rpartition(".")[2] for part in parts]
    return []


def has_return(function: Callable[..., Any]) -> bool:
    """Whether a function returns something; True if its source is not known."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return True
    if not isinstance(tree.body[0], ast.FunctionDef):
        return True
    return any(isinstance(node, (ast.Return, ast.Yield)) and node.value is not None for node in ast.walk(tree))


class _Nowhere(io.TextIOBase):
    """A stream that keeps nothing."""

    def write(self, text: str) -> int:
        return len(text)


def _texts(code: Any) -> set[str]:
    found = {one for one in code.co_consts if isinstance(one, str)}
    for one in code.co_consts:
        if hasattr(one, "co_consts"):
            found |= _texts(one)
    return found


def _same(u: Array, v: Array) -> bool:
    return u.shape == v.shape and bool(np.array_equal(u, v, equal_nan=True))


def _signature(function: Callable[..., Any]) -> str:
    try:
        return str(inspect.signature(function))
    except (TypeError, ValueError):
        return "(…)"


def _file_of(function: object) -> str:
    with contextlib.suppress(TypeError, OSError):
        return inspect.getfile(type(function))
    return ""
