"""A method under test: the object is made, its own weights are set from the network, and what it writes is read.

A class of somebody's own keeps W and b under names of its own. They are found among its attributes by their shapes; a
gradient is what the method returns, what it leaves in attributes that are named like gradients, or what it subtracted
from the weights.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from pellucid.arrays import Array
from pellucid.checking.binding import (
    CannotBindError,
    FunctionSubject,
    Handed,
    Outcome,
    Plan,
    Values,
    from_results,
    returned_names,
)
from pellucid.checking.nests import plain
from pellucid.checking.roles import Parameter, adapter_text, layer_of, parameters_of

METHODS = (
    "gradient", "gradients", "compute_gradient", "compute_gradients", "computeGradients", "compute_gradient_and_loss",
    "backprop", "back_prop", "backpropagate", "backpropagation", "back_propagation", "backward", "backward_pass",
    "backward_propagation", "costFunctionPrime", "loss", "train_step", "trainstep", "step", "update_mini_batch",
    "update", "fit", "train", "SGD",
)  # fmt: skip
"""Methods that compute a gradient or make a step with one, the plainest first."""

_GRADIENT = re.compile(
    r"_*(d_?(w|b|weights?|bias(es)?|theta|kernel)\w*|grads?\w*|gradients?\w*|nabla\w*|g_?[wb]\d*|\w+_grads?|\w+_gradients?"
    r"|delta_?[wb]\d*|djd?_?\w+|partial_?\w+|de_?d?[wb]\w*)",
    re.IGNORECASE,
)
_STATE = re.compile(
    r"_*([vms]_?d?_?[wb]\d*|velocity\w*|momentum\w*|.*_?(velocity|momentum|cache|prev|mean|var)s?)", re.IGNORECASE
)
_RATES = ("lr", "eta", "alpha", "learning_rate", "learningrate", "rate", "step_size", "learning_rate_init", "LR")
_FORWARD = re.compile(
    r"_*(forward\w*|feed_?forward|forward_?pass|propagate|forward_?prop\w*|predict|think|call)", re.IGNORECASE
)
_LIMITS = {
    "epochs": 1,
    "n_epochs": 1,
    "num_epochs": 1,
    "n_iter": 1,
    "iterations": 1,
    "num_iterations": 1,
    "max_iter": 1,
}


class Slot:
    """A place in an object that holds an array."""

    def __init__(self, path: str, owner: Any, key: Any) -> None:
        self.path, self.owner, self.key = path, owner, key

    @property
    def value(self) -> Any:
        """What is there."""
        return self.owner[self.key] if isinstance(self.owner, (list, dict)) else getattr(self.owner, self.key)

    def put(self, values: Array) -> None:
        """Put other numbers there."""
        old = self.value
        dtype = old.dtype if isinstance(old, np.ndarray) and old.dtype.kind == "f" else np.float64
        new: Any = np.array(values, dtype)
        if isinstance(old, list):
            new = new.tolist()
        if isinstance(self.owner, (list, dict)):
            self.owner[self.key] = new
        else:
            setattr(self.owner, self.key, new)


class Scalars:
    """Attributes such as w1, w2, … of an object that hold one number each, taken together as one array."""

    def __init__(self, owner: Any, names: Sequence[str], shape: tuple[int, ...]) -> None:
        self.owner, self.names, self.shape = owner, names, shape
        self.path = f"self.{names[0]} …"

    @property
    def value(self) -> Array:
        """The numbers."""
        numbers = [np.ravel(getattr(self.owner, name)) for name in self.names]  # an update may have made arrays of them
        return np.array([float(one[0]) if one.size == 1 else np.nan for one in numbers]).reshape(self.shape)

    def put(self, values: Array) -> None:
        """Put other numbers there."""
        for name, value in zip(self.names, np.ravel(values), strict=True):
            setattr(self.owner, name, float(value))


def _scalars(owner: object, symbol: str, shapes: Mapping[int, tuple[int, ...]]) -> dict[int, Scalars]:
    """One number for each weight or bias, in the order of the layers; nothing if there is another count of them."""
    pattern = re.compile(rf"{symbol}_?(\d+)", re.IGNORECASE)
    numbered = [
        (int(match[1]), name)
        for name, one in vars(owner).items()
        if _is_number(one) and (match := pattern.fullmatch(name))
    ]
    names = [name for _, name in sorted(numbered)]
    if len(names) != sum(math.prod(shape) for shape in shapes.values()):
        return {}
    found, start = {}, 0
    for l, shape in shapes.items():
        found[l] = Scalars(owner, names[start : start + math.prod(shape)], shape)
        start += math.prod(shape)
    return found


def slots(value: object, path: str = "self", depth: int = 0, seen: set[int] | None = None) -> Iterator[Slot]:
    """List the places in an object that hold arrays, or lists of numbers, in order."""
    seen = set() if seen is None else seen
    if depth > 5 or id(value) in seen:
        return
    seen.add(id(value))
    items: list[tuple[str, Any, Any]] = []
    if isinstance(value, dict):
        items = [(f"{path}[{key!r}]", key, one) for key, one in value.items()]
    elif isinstance(value, list):
        items = [(f"{path}[{i}]", i, one) for i, one in enumerate(value)]
    elif hasattr(value, "__dict__") and not isinstance(value, type):
        items = [(f"{path}.{name}", name, one) for name, one in vars(value).items()]
    for where, key, one in items:
        if isinstance(one, np.ndarray) and one.dtype.kind in "fiu":
            yield Slot(where, value, key)
        elif isinstance(one, np.ndarray) and one.dtype == object and one.ndim == 1:
            listed = list(one)
            with contextlib.suppress(AttributeError, TypeError):
                setattr(value, key, listed) if not isinstance(value, (list, dict)) else value.__setitem__(key, listed)
                yield from slots(listed, where, depth + 1, seen)
        elif isinstance(one, list) and one and _is_matrix(one):
            yield Slot(where, value, key)
        elif isinstance(one, (list, dict)) or hasattr(one, "__dict__"):
            yield from slots(one, where, depth + 1, seen)


def _is_matrix(value: list[Any]) -> bool:
    if all(type(one) in (int, float) for one in value):
        return True
    return all(isinstance(one, list) and one and all(type(x) in (int, float) for x in one) for one in value)


def _name(slot: Slot) -> str:
    return re.findall(r"\w+", slot.path)[-1] if not slot.path.endswith("]") else slot.path.split(".")[-1].split("[")[0]


class OwnWeights:
    """The weights and biases that an object keeps, found by their shapes."""

    def __init__(self, owner: object, handed: Handed, *, is_transposed: bool) -> None:
        self.owner, self.handed, self.is_transposed = owner, handed, is_transposed
        self.W: dict[int, Slot | Scalars] = {}
        self.b: dict[int, Slot | Scalars] = {}
        found = [
            slot for slot in slots(owner) if not _GRADIENT.fullmatch(_name(slot)) and not _STATE.fullmatch(_name(slot))
        ]
        free = list(found)
        sizes = handed.sizes
        for l in range(2, len(sizes) + 1):
            n_l, n_before = sizes[l - 1], sizes[l - 2]
            shape = (n_before, n_l) if is_transposed else (n_l, n_before)
            slot = next((one for one in free if np.shape(one.value) == shape), None)
            if slot is not None:
                self.W[l] = slot
                free.remove(slot)
        for l in range(2, len(sizes) + 1):
            n_l = sizes[l - 1]
            fits = [one for one in free if np.shape(one.value) in ((n_l,), (n_l, 1), (1, n_l)) and _may_be_bias(one)]
            if fits:
                self.b[l] = fits[0]
                free.remove(fits[0])

        if not self.W and not is_transposed and hasattr(owner, "__dict__"):
            layers = range(2, len(sizes) + 1)
            self.W |= _scalars(owner, "w", {l: (sizes[l - 1], sizes[l - 2]) for l in layers})
            self.b |= _scalars(owner, "b", {l: (sizes[l - 1],) for l in layers})

    @property
    def is_whole(self) -> bool:
        """Whether all weights, and all biases of a network that has them, were found."""
        F = len(self.handed.sizes)
        return len(self.W) == F - 1 and (len(self.b) == F - 1 or not self.handed.has_bias)

    def set(self) -> None:
        """Set them from the network."""
        W, b = self.handed.by_layer()
        for l, slot in self.W.items():
            slot.put(W[l].T if self.is_transposed else W[l])
        for l, slot in self.b.items():
            values = b[l] if self.handed.has_bias else np.zeros(self.handed.sizes[l - 1])
            slot.put(values.reshape(np.shape(slot.value)))

    def read(self) -> dict[str, Any]:
        """Return them as they are now, by layer."""
        turned = self.is_transposed
        now = {slot.path: slot for slot in slots(self.owner)}  # a list or a dict may have been replaced as a whole
        W = {l: np.array(now.get(slot.path, slot).value, np.float64) for l, slot in self.W.items()}
        b = {l: np.array(now.get(slot.path, slot).value, np.float64).ravel() for l, slot in self.b.items()}
        b = b if self.handed.has_bias else {}
        return {"W": {l: one.T if turned else one for l, one in W.items()}, "b": b}


def _may_be_bias(slot: Slot) -> bool:
    return re.search(r"b|intercept|threshold|theta", slot.path.split("self", 1)[-1], re.IGNORECASE) is not None


class MethodSubject(FunctionSubject):
    """A method under test, called in this process on an object that is made for each call.

    Parameters
    ----------
    owner : type
    method : str
    names, make_network, file
        As of `FunctionSubject`.
    """

    def __init__(
        self,
        owner: type,
        method: str,
        names: Mapping[str, Any],
        make_network: Callable[[Handed], object] = lambda handed: None,
        file: str = "",
    ) -> None:
        super().__init__(getattr(owner, method), names, make_network, file)
        self.owner, self.method = owner, method
        self.name = f"{owner.__name__}.{method}"
        self.made_from = [one for one in parameters_of(owner) or [] if one.name != "self"]
        self.parameters = [one for one in self.parameters or [] if one.name != "self"]

    def plans(self, handed: Handed) -> list[Plan]:
        """List how it may be called, the likeliest first."""
        roles = {one.role for one in self.parameters or ()}
        unknown = [one.name for one in self.made_from if one.is_required and not self._can_make(one)]
        if unknown:
            raise self._cannot_make(unknown, handed)
        if "pairs" in roles and not roles & {"inputs", "targets"}:
            data = ["columns of pairs", "pairs"]
        else:
            data = self._data(handed)
        found = []
        targets = ["given"]
        if handed.sizes[-1] == 1:
            targets.append("vector")
        elif set(np.unique(handed.Y)) <= {0, 1} and (handed.Y.sum(axis=1) == 1).all():
            targets.append("classes")
        penalties = ["l2", "l2 n", "l2/2"] if handed.l2 else ["l2"]
        for target, penalty, place, is_turned in product(targets, penalties, data, (False, True)):
            biases = "column" if place in ("columns", "column") else "vector"
            found.append(Plan(place, is_turned, biases, "", 0, target, penalty))
        return found

    def _can_make(self, one: Parameter) -> bool:
        return one.role not in ("", "cache", "masks") or re.search(r"activation|loss", one.name) is not None

    def _cannot_make(self, unknown: Sequence[str], handed: Handed) -> CannotBindError:
        text = adapter_text(self.owner.__name__, self.made_from, len(handed.sizes)).splitlines()
        before = [line.strip().replace("return ", "model = ") for line in text[1:]]
        before += ["# copy network.W[l] and network.b[l] into the model's own weights here"]
        adapter = adapter_text(f"model.{self.method}", self.parameters or [], len(handed.sizes), before)
        made = f"{self.owner.__name__}({', '.join(one.name for one in self.made_from)})"
        return CannotBindError(f"{made}: what {', '.join(unknown)} is meant to be is not known", adapter)

    @property
    def layers_named(self) -> int:
        """How many layers with weights the constructor names; 0 if it does not say."""
        roles = {one.role for one in self.made_from}
        numbered = sum(one.role == "weight" for one in self.made_from)
        return numbered or (2 if "size middle" in roles else 0)

    def _make(self, values: Values) -> Any:
        """Make the object, with the sizes of the network."""
        arguments: dict[str, Any] = {}
        for one in self.made_from:
            if re.search(r"activation|loss", one.name) and not one.role:
                if one.is_required:
                    arguments[one.name] = values.handed.activations[2] if "act" in one.name else "mse"
                continue
            if one.role in ("weight", "bias"):
                arguments[one.name] = values.weight(one.role, layer_of(one, self.made_from, len(values.handed.sizes)))
            elif one.is_required or one.role.startswith("size") or one.role in ("rate", "epochs", "count", "quiet"):
                arguments[one.name] = values.of(one)
        return self.owner(**arguments)

    def _once(self, plan: Plan, handed: Handed) -> Outcome:
        values = Values(plan, handed, self.make_network(handed))
        kept: dict[str, Any] = {}

        def call() -> Any:
            owner = kept["owner"] = self._make(values)
            own = kept["own"] = OwnWeights(owner, handed, is_transposed=plan.is_transposed)
            if own.is_whole:
                own.set()
            for name, value in _LIMITS.items():
                if name in getattr(owner, "__dict__", {}):
                    setattr(owner, name, value)
            arguments = self._method_arguments(owner, values)
            kept["before"] = own.read()
            kept["written"] = {slot.path: np.array(slot.value) for slot in slots(owner)}
            returned = getattr(owner, self.method)(**arguments)
            return None if returned is owner else returned  # as fit does

        outcome = self._run(call, values)
        owner, own = kept.get("owner"), kept.get("own")
        if owner is None or own is None or "before" not in kept:
            return outcome
        notes = outcome.notes
        if not own.is_whole:
            what = "weights" if len(own.W) < len(handed.sizes) - 1 else "biases"
            words = f"no {what} of its shapes are among the attributes of {self.owner.__name__}"
            hint = "" if what == "weights" else " (--no-bias is for networks without them)"
            notes = (*notes, f"the network that is handed in is not used: {words}{hint}")
        before, after = kept["before"], own.read()
        step = {symbol: {l: before[symbol][l] - after[symbol][l] for l in before[symbol]} for symbol in "Wb"}
        changed = any(one.any() for part in step.values() for one in part.values())
        rate = outcome.rate
        if rate is None:
            rate = next(
                (float(getattr(owner, name)) for name in _RATES if _is_number(getattr(owner, name, None))), None
            )
        gradients = {
            slot.path: plain(slot.value)
            for slot in slots(owner)
            if _GRADIENT.fullmatch(_name(slot)) and _is_new(slot, kept["written"])
        }
        return replace(outcome, gradients=gradients, step=step if changed and own.W else None, rate=rate, notes=notes)

    def _method_arguments(self, owner: Any, values: Values) -> dict[str, Any]:
        """The arguments of the method; what only a forward pass can give comes from the object's own."""
        parameters = self.parameters or []
        unknown = [one for one in parameters if one.role in ("", "cache") and one.is_required]
        known = [one for one in parameters if one not in unknown]
        found = self._arguments(values, known) if known else {}
        needs_forward = not re.fullmatch(r"fit|train\w*|SGD|update_mini_batch", self.method)
        forward = next((name for name in dir(owner) if _FORWARD.fullmatch(name)), None) if needs_forward else None
        if forward is not None:
            function = getattr(owner, forward)
            taken = [one for one in parameters_of(function) or [] if one.is_required]
            if all(one.role for one in taken):
                given = function(**self._arguments(values, taken)) if taken else function()
                if unknown:
                    found |= from_results([one.name for one in unknown], given, returned_names(function))
        return {one.name: found[one.name] for one in parameters if one.name in found}


def _is_new(slot: Slot, before: Mapping[str, Array]) -> bool:
    old = before.get(slot.path)
    return old is None or not np.array_equal(old, slot.value)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
