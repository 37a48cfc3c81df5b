"""Estimators as files, which hold numbers and no code; and to and from scikit-learn's own."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import sklearn.neural_network
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils._metadata_requests import SIMPLE_METHODS
from sklearn.utils.validation import check_is_fitted

from pellucid.activations import Activation
from pellucid.arrays import Array
from pellucid.errors import ModelFileError, counted
from pellucid.estimators.scaling import Scaling
from pellucid.losses import Loss
from pellucid.network import Network
from pellucid.optimizers import OptimizerState
from pellucid.schema import (
    Description,
    dict_of,
    either,
    list_of,
    maybe,
    one_of,
    real,
    record,
    row_of,
    scalar,
    text,
    truth,
    whole,
)
from pellucid.storage import (
    LAYERS,
    LAYERS_OPTIONAL,
    SETTINGS,
    ModelFile,
    PathLike,
    describe,
    layers_header,
    layers_tensors,
    restore,
    restore_layers,
    write_file,
)
from pellucid.training import OPTIMIZER_NAME

KIND = "estimator"

_NAMES = ("MLPClassifier", "MLPRegressor")
_CURVES = ("loss_curve_", "validation_loss_curve_", "validation_scores_")

# What a file holds.

_NUMBER = either("a number", real(), one_of("inf", "-inf", "nan"))
_NUMBERS: Mapping[str, Description] = {
    "loss_": maybe(_NUMBER),
    "best_loss_": maybe(_NUMBER),
    "best_validation_score_": maybe(_NUMBER),
    "n_iter_": maybe(whole()),
    "t_": maybe(whole()),
    "n_features_in_": maybe(whole(1)),
    "learning_rate_": maybe(_NUMBER),
}
_STATE = row_of(one_of("MT19937"), list_of(whole(0, 2**32 - 1), 624), whole(0, 624), whole(0, 1), real())


def _data(depth: int) -> Description:
    """Describe a parameter, which is nested no deeper than this; a bare list is that of callbacks, which is empty."""
    kinds = [scalar, row_of(), record({"number": one_of("inf", "-inf", "nan")}), record({"state": _STATE})]
    kinds.append(record({"row": one_of("activation", "loss"), "name": text, "settings": SETTINGS}))
    if depth:
        inner = _data(depth - 1)
        kinds += [record({"pairs": list_of(row_of(scalar, inner))}), record({"list": list_of(inner), "tuple": truth})]
    return either("a number, text, or a description of a list, a dict, a random state, an activation or a loss", *kinds)


_DESCRIPTION = record(
    {
        **LAYERS,
        "estimator": one_of(*_NAMES),
        "parameters": dict_of(_data(2)),
        "numbers": record({}, _NUMBERS),
        "best": dict_of(_NUMBER),
        "fits": whole(),
        "without improvement": whole(),
        "rate factor": real(0),
        "optimizer": maybe(record({"name": OPTIMIZER_NAME, "step": whole()})),
        "feature_names": maybe(list_of(text)),
    },
    {
        **LAYERS_OPTIONAL,
        "target_type": one_of("binary", "multiclass", "multilabel-indicator"),
        "classes": list_of(text, 1),
        "classes_are_objects": truth,
        "classes_dtype": text,
        "sparse_targets": truth,
        "requests": dict_of(dict_of(scalar)),
    },
)

THEIR_ACTIVATIONS = {"identity": "identity", "sigmoid": "logistic", "tanh": "tanh", "relu": "relu"}


# Files


def write(model: Any, path: PathLike) -> None:
    """Write a fitted estimator to a safetensors file.

    Raises
    ------
    sklearn.exceptions.NotFittedError
    ValueError
        A class derived from an estimator, a user-made activation or loss, or another parameter that is not of numbers
        and text: code, which pickle keeps if it can be imported. A parameter that `fit` would refuse.
    OSError
        The file cannot be written; one that was there stays as it was.
    """
    check_is_fitted(model)
    if type(model).__name__ not in _NAMES or not type(model).__module__.startswith("pellucid."):
        raise ValueError(f"{type(model).__name__} is a class of your own, and files hold no code; pickle it instead")
    model._validate_params()
    network = model._network()
    tensors = dict(layers_tensors(network))
    for name in _CURVES:
        curve = getattr(model, name, None)
        if curve is not None:
            tensors[name] = np.asarray(curve, np.float64)
    for name in ("x_scaling_", "y_scaling_"):
        scaling = getattr(model, name)
        if scaling is not None:
            tensors |= {f"{name}.mean": scaling.mean, f"{name}.scale": scaling.scale}
    state = network.optimizer_state
    if state is not None:
        tensors |= {f"optimizer.{name}": array for name, array in state.arrays.items()}
    header: dict[str, Any] = {
        **layers_header(network),
        "estimator": type(model).__name__,
        "parameters": {name: _parameter(value, name) for name, value in model.get_params(deep=False).items()},
        "numbers": {name: _number(getattr(model, name, None)) for name in _NUMBERS},
        "best": {name: _number(value) for name, value in model._best.items()},
        "fits": model._n_fits,
        "without improvement": model._no_improvement_count,
        "rate factor": model._rate_factor,
        "optimizer": None if state is None else {"name": state.optimizer, "step": state.step},
        "feature_names": None if not hasattr(model, "feature_names_in_") else list(map(str, model.feature_names_in_)),
    }
    if hasattr(model, "classes_"):
        targets = model._label_binarizer
        header |= {"target_type": targets.y_type_, "sparse_targets": bool(targets.sparse_input_)}
        classes = np.asarray(model.classes_)
        if classes.dtype.kind in "biuf":
            tensors["classes_"] = classes
        elif classes.dtype.kind in "mM":
            tensors["classes_"], header["classes_dtype"] = classes.view(np.int64), classes.dtype.str
        elif all(isinstance(label, str) for label in classes.tolist()):
            header["classes"] = [str(label) for label in classes]
            header["classes_are_objects"] = classes.dtype.kind == "O"
        else:
            raise ValueError(
                f"classes of dtype {classes.dtype} are neither numbers, text nor times; pickle the estimator instead"
            )
    if "_metadata_request" in vars(model):  # what set_fit_request and its like have said
        requests = model._metadata_request
        header["requests"] = {
            method: dict(getattr(requests, method).requests) for method in SIMPLE_METHODS if hasattr(requests, method)
        }
    write_file(path, KIND, header, tensors)


def restore_estimator(file: ModelFile, kinds: Iterable[type[Any]]) -> Any:
    """Make an estimator, of one of these classes, from a file; training goes on from it with the same bits.

    Raises
    ------
    ModelFileError
        The file is damaged.
    """
    header = file.check(_DESCRIPTION)
    kind = {one.__name__: one for one in kinds}[header["estimator"]]
    network = restore_layers(file, header, None, Network)
    assert isinstance(network, Network)
    n_inputs, n_outputs = network.size(1), network.size(network.F)
    known = kind().get_params(deep=False)
    strange = [name for name in header["parameters"] if name not in known]
    if strange:
        raise file.broken(f"{kind.__name__} has no parameter {strange[0][:40]!r}")
    try:
        model = kind(**{name: _from_parameter(value, file) for name, value in header["parameters"].items()})
        model._validate_params()
        model._check_outputs(n_outputs)
    except (TypeError, ValueError) as error:  # what the parameters' own rules say
        raise error if isinstance(error, ModelFileError) else file.broken(error) from error
    model._forget()
    if header["optimizer"] is not None:
        prefix, shape = "optimizer.", network.parameters.shape
        names = [name for name in file.tensors if name.startswith(prefix)]
        arrays = {
            name.removeprefix(prefix): file.array(name, shape, network.dtype, finite=False) for name in names
        }  # fmt: skip
        network.optimizer_state = OptimizerState(header["optimizer"]["name"], header["optimizer"]["step"], arrays)
    model._take(network)
    for name, value in header["numbers"].items():
        if name in ("best_loss_", "best_validation_score_") or value is not None:
            setattr(model, name, _from_number(value))
    for name in _CURVES:
        if name in file.tensors:
            setattr(model, name, file.array(name, None, np.dtype(np.float64), finite=False).tolist())
    for name, width in (("x_scaling_", n_inputs), ("y_scaling_", n_outputs)):
        setattr(model, name, _scaling(file, name, width, network.dtype))
    model._best = {name: _from_number(value) for name, value in header["best"].items()}
    model._n_fits = header["fits"]
    model._no_improvement_count = header["without improvement"]
    model._rate_factor = float(header["rate factor"])
    if header["numbers"].get("n_features_in_") not in (None, n_inputs):
        raise file.broken(f"n_features_in_ is {model.n_features_in_}, but the network has {counted(n_inputs, 'input')}")
    if header["feature_names"] is not None:
        if len(header["feature_names"]) != n_inputs:
            named = len(header["feature_names"])
            raise file.broken(f"it names {counted(named, 'feature')}, but the network has {counted(n_inputs, 'input')}")
        model.feature_names_in_ = np.asarray(header["feature_names"], dtype=object)
    if hasattr(model, "predict_proba"):
        _restore_classes(model, file, header, n_outputs)
    _restore_requests(model, file, header)
    return model


def _scaling(file: ModelFile, name: str, width: int, dtype: np.dtype[Any]) -> Scaling | None:
    if f"{name}.mean" not in file.tensors and f"{name}.scale" not in file.tensors:
        return None
    mean, scale = (file.array(f"{name}.{part}", (width,), dtype) for part in ("mean", "scale"))
    if not (scale > 0).all():
        raise file.broken(f"{name}.scale has entries that are not positive")
    return Scaling(mean, scale)


def _restore_classes(model: Any, file: ModelFile, header: Mapping[str, Any], n_outputs: int) -> None:
    if "target_type" not in header:
        raise file.broken("it lacks 'target_type', the classifier's kind of target")
    kind = header["target_type"]
    if "classes_" in file.tensors:
        classes = file.tensors["classes_"]
        if "classes_dtype" in header:
            unit = header["classes_dtype"]
            if classes.dtype != np.int64 or not re.fullmatch(r"[<>=]?[mM]8(\[\d{0,9}[A-Za-z]{1,2}\])?", unit):
                raise file.broken(f"its classes are {classes.dtype} of {unit[:40]!r}")
            try:
                classes = classes.view(unit)
            except (TypeError, ValueError) as error:  # a unit that NumPy does not have
                raise file.broken(error) from error
    elif "classes" in header:
        classes = np.asarray(header["classes"], dtype=object if header.get("classes_are_objects") else None)
    else:
        raise file.broken("it lacks the classes")
    if classes.dtype.kind not in "biufUOmM":
        raise file.broken(f"its classes are of dtype {classes.dtype}")
    if classes.ndim != 1 or not len(classes) or not bool((classes[1:] > classes[:-1]).all()):
        raise file.broken("its classes are not several different ones in order")
    fits = n_outputs == 1 and len(classes) <= 2 if kind == "binary" else n_outputs == len(classes)
    if not fits:
        raise file.broken(f"{len(classes)} classes of a {kind} target do not go with {counted(n_outputs, 'output')}")
    is_sparse = header.get("sparse_targets", False)
    if is_sparse and not kind.startswith("multilabel"):
        raise file.broken(f"its targets are sparse, which a {kind} target cannot be")
    model.classes_ = classes
    model._label_binarizer = binarizer(classes, kind, is_sparse=is_sparse)


def _restore_requests(model: Any, file: ModelFile, header: Mapping[str, Any]) -> None:
    if "requests" not in header:
        return
    requests = model._get_metadata_request()
    for method, said in header["requests"].items():
        if method not in SIMPLE_METHODS or not hasattr(requests, method):
            raise file.broken(f"requests: there is no method {method[:40]!r}")
        for name, alias in said.items():
            try:
                getattr(requests, method).add_request(param=name, alias=alias)
            except ValueError as error:
                raise file.broken(error) from error
    model._metadata_request = requests


def binarizer(classes: Array, target_type: str, *, is_sparse: bool = False) -> LabelBinarizer:
    """Make the fitted binarizer of known classes."""
    made = LabelBinarizer()
    made.classes_, made.y_type_, made.sparse_input_ = classes, target_type, is_sparse
    return made


def _number(value: Any) -> Any:
    """A number for JSON, which knows no infinity."""
    if value is None:
        return None
    value = value.item() if isinstance(value, np.generic) else value
    return value if isinstance(value, int) or math.isfinite(value) else repr(float(value))


def _from_number(value: Any) -> Any:
    return float(value) if value in ("inf", "-inf", "nan") else value


def _parameter(value: Any, name: str) -> Any:
    """A parameter for JSON; a number that is not finite is text, as in the rest of the header."""
    if name == "callbacks":
        return []  # they act during training only
    made = _as_data(value, name)
    return made["number"] if isinstance(made, dict) and "number" in made else made


def _from_parameter(value: Any, file: ModelFile) -> Any:
    return () if isinstance(value, list) else _from_data(_from_number(value) if isinstance(value, str) else value, file)


def _as_data(value: Any, name: str) -> Any:
    """A value for JSON, in which text stays text."""
    value = value.item() if isinstance(value, np.generic) else value
    if value is None or isinstance(value, str | bool | int):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"number": repr(value)}
    if isinstance(value, Activation | Loss):
        what = "activation" if isinstance(value, Activation) else "loss"
        if not value.is_builtin:
            raise ValueError(f"{name}: {what} {value.name!r} is user-made, and files hold no code; pickle it instead")
        return {"row": what, **describe(value)}
    if isinstance(value, np.random.RandomState) and value.get_state(legacy=False)["bit_generator"] == "MT19937":
        kind, keys, *rest = value.get_state()
        return {"state": [kind, np.asarray(keys).tolist(), *rest]}
    if isinstance(value, dict):
        return {"pairs": [[_as_data(key, name), _as_data(one, name)] for key, one in value.items()]}
    if isinstance(value, list | tuple | np.ndarray):
        return {"list": [_as_data(one, name) for one in value], "tuple": isinstance(value, tuple)}
    raise ValueError(f"{name}: files hold numbers and text, not a {type(value).__name__}; pickle the estimator instead")


def _from_data(value: Any, file: ModelFile) -> Any:
    if not isinstance(value, dict):
        return value
    if "number" in value:
        return float(value["number"])
    if "state" in value:
        kind, keys, *rest = value["state"]
        made = np.random.RandomState()
        made.set_state((kind, np.asarray(keys, np.uint32), *rest))
        return made
    if "pairs" in value:
        return {_from_data(key, file): _from_data(one, file) for key, one in value["pairs"]}
    if "list" in value:
        several = [_from_data(one, file) for one in value["list"]]
        return tuple(several) if value["tuple"] else several
    return restore(value, value["row"], None, file)


# scikit-learn's own


def from_sklearn(kind: type[Any], model: Any) -> Any:
    """Make one of ours from a fitted estimator of scikit-learn."""
    theirs = getattr(sklearn.neural_network, kind.__name__)
    if not isinstance(model, theirs):
        raise TypeError(f"expected a scikit-learn {kind.__name__}, got {type(model).__name__}")
    check_is_fitted(model)
    made = kind(**model.get_params(deep=False))
    sizes = [model.coefs_[0].shape[0], *(W.shape[1] for W in model.coefs_)]
    if hasattr(model, "classes_"):
        made.classes_ = model.classes_
        made._label_binarizer = binarizer(model.classes_, model._label_binarizer.y_type_)
    weights = [W.T for W in model.coefs_]
    sigmas = [*made._hidden_activations(len(sizes) - 2), made._output()]
    made._forget()
    made._take(Network(sizes, sigmas, dtype=model.coefs_[0].dtype, init=(weights, list(model.intercepts_))))
    made.x_scaling_ = made.y_scaling_ = None
    for name in (*_NUMBERS, *_CURVES, "feature_names_in_"):
        if hasattr(model, name):
            value = getattr(model, name)
            setattr(made, name, list(value) if isinstance(value, list) else value)
    return made


def to_sklearn(model: Any) -> Any:
    """Make scikit-learn's estimator of ours, with the same numbers.

    Raises
    ------
    sklearn.exceptions.NotFittedError
    ValueError
        It has what scikit-learn's cannot have: several or other activations, standardisation.
    """
    check_is_fitted(model)
    network = model._network()
    kind = getattr(sklearn.neural_network, type(model).__name__)
    names = {str(sigma) for l, sigma in network.activations.items() if l < network.F}
    known = {name: value for name, value in model.get_params(deep=False).items() if name in kind().get_params()}
    reasons = []
    if len(names) > 1 or not names <= set(THEIR_ACTIVATIONS):
        reasons.append(f"hidden activations {', '.join(sorted(names))}")
    if model.x_scaling_ is not None or model.y_scaling_ is not None:
        reasons.append("standardisation")
    if names:
        known["activation"] = THEIR_ACTIVATIONS.get(next(iter(names)), "relu")
    expected = {"identity", "exp"} if "loss" in known else {"logistic", "softmax"}
    if model.out_activation_ not in expected:
        reasons.append(f"output activation {model.out_activation_}")
    if reasons:
        raise ValueError(f"scikit-learn's {kind.__name__} has no {'; no '.join(reasons)}")
    if "loss" in known:  # which matters to further training alone
        known["loss"] = "poisson" if model.out_activation_ == "exp" else "squared_error"
    made = kind(**known)
    made.coefs_ = [np.array(W) for W in model.coefs_]
    made.intercepts_ = [np.array(b) for b in model.intercepts_]
    copied = (*_NUMBERS, *_CURVES, "feature_names_in_", "n_layers_", "n_outputs_", "out_activation_", "classes_")
    for name in copied:
        if hasattr(model, name) and name not in ("learning_rate_", "validation_loss_curve_"):
            value = getattr(model, name)
            setattr(made, name, list(value) if isinstance(value, list) else value)
    if hasattr(model, "_label_binarizer"):
        made._label_binarizer = model._label_binarizer
    made._no_improvement_count = 0
    made._best_coefs = [W.copy() for W in made.coefs_]
    made._best_intercepts = [b.copy() for b in made.intercepts_]
    return made
