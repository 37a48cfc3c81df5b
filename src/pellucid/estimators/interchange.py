"""Estimators as files, which hold numbers and no code; and to and from scikit-learn's own."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import sklearn.neural_network
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.validation import check_is_fitted

from pellucid.activations import Activation
from pellucid.arrays import Array
from pellucid.errors import ModelFileError
from pellucid.estimators.scaling import Scaling
from pellucid.losses import Loss
from pellucid.network import Network
from pellucid.optimizers import OptimizerState
from pellucid.storage import (
    PathLike,
    describe,
    layers_header,
    layers_tensors,
    read_file,
    restore,
    restore_layers,
    write_file,
)

KIND = "estimator"

_CURVES = ("loss_curve_", "validation_loss_curve_", "validation_scores_")
_NUMBERS = ("loss_", "best_loss_", "best_validation_score_", "n_iter_", "t_", "n_features_in_", "learning_rate_")

THEIR_ACTIVATIONS = {"identity": "identity", "sigmoid": "logistic", "tanh": "tanh", "relu": "relu"}


# Files


def write(model: Any, path: PathLike) -> None:
    """Write a fitted estimator to a safetensors file.

    Raises
    ------
    sklearn.exceptions.NotFittedError
    ValueError
        A user-made activation or loss, which is code; pickle keeps those that can be imported.
    OSError
        The file cannot be written; one that was there stays as it was.
    """
    check_is_fitted(model)
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
        "parameters": {name: _as_data(value, name) for name, value in model.get_params(deep=False).items()},
        "numbers": {name: _number(getattr(model, name, None)) for name in _NUMBERS},
        "best": {name: _number(value) for name, value in model._best.items()},
        "fits": model._n_fits,
        "without improvement": model._no_improvement_count,
        "rate factor": model._rate_factor,
        "optimizer": None if state is None else {"name": state.optimizer, "step": state.step},
        "feature_names": None if not hasattr(model, "feature_names_in_") else list(map(str, model.feature_names_in_)),
    }
    if hasattr(model, "classes_"):
        header["target_type"] = model._label_binarizer.y_type_
        classes = np.asarray(model.classes_)
        if classes.dtype.kind in "biuf":
            tensors["classes_"] = classes
        else:
            header["classes"] = [str(label) for label in classes]
            header["classes_are_objects"] = classes.dtype.kind == "O"
    write_file(path, KIND, header, tensors)


def read(kind: type[Any], path: PathLike) -> Any:
    """Read an estimator back from a file.

    Raises
    ------
    FileNotFoundError, OSError
    ModelFileError
        It is truncated, foreign, of a newer format, or of another estimator.
    """
    header, tensors = read_file(path, KIND)
    if header.get("estimator") != kind.__name__:
        raise ModelFileError(f"{path} holds a {header.get('estimator')}, not a {kind.__name__}")
    try:
        model = kind(**{name: _from_data(value) for name, value in header["parameters"].items()})
        network = restore_layers(header, tensors, path, None, Network)
        model._forget()
        if header["optimizer"] is not None:
            arrays = {
                name.removeprefix("optimizer."): array
                for name, array in tensors.items()
                if name.startswith("optimizer.")
            }
            step = int(header["optimizer"]["step"])
            network.optimizer_state = OptimizerState(header["optimizer"]["name"], step, arrays)  # type: ignore[attr-defined]
        model._take(network)
        for name, value in header["numbers"].items():
            if name in ("best_loss_", "best_validation_score_") or value is not None:
                setattr(model, name, _from_number(value))
        for name in _CURVES:
            if name in tensors:
                setattr(model, name, tensors[name].tolist())
        for name in ("x_scaling_", "y_scaling_"):
            has = f"{name}.mean" in tensors
            setattr(model, name, Scaling(tensors[f"{name}.mean"], tensors[f"{name}.scale"]) if has else None)
        model._best = {name: _from_number(value) for name, value in header["best"].items()}
        model._n_fits = int(header["fits"])
        model._no_improvement_count = int(header["without improvement"])
        model._rate_factor = float(header["rate factor"])
        if header["feature_names"] is not None:
            model.feature_names_in_ = np.asarray(header["feature_names"], dtype=object)
        if "target_type" in header:
            classes = tensors.get("classes_")
            if classes is None:
                classes = np.asarray(header["classes"], dtype=object if header["classes_are_objects"] else None)
            model.classes_, model._label_binarizer = classes, binarizer(classes, header["target_type"])
    except (KeyError, TypeError, AttributeError) as error:
        raise ModelFileError(f"{path} is a broken estimator: {error!r}") from error
    return model


def binarizer(classes: Array, target_type: str) -> LabelBinarizer:
    """Make the fitted binarizer of known classes."""
    made = LabelBinarizer()
    made.classes_, made.y_type_, made.sparse_input_ = classes, target_type, False
    return made


def _number(value: Any) -> Any:
    """A number for JSON, which knows no infinity."""
    if value is None or isinstance(value, str):
        return value
    value = value.item() if isinstance(value, np.generic) else value
    return value if isinstance(value, int) or math.isfinite(value) else repr(float(value))


def _from_number(value: Any) -> Any:
    return float(value) if value in ("inf", "-inf", "nan") else value


def _as_data(value: Any, name: str) -> Any:
    """A parameter for JSON."""
    if isinstance(value, Activation | Loss):
        if not value.is_builtin:
            what = "activation" if isinstance(value, Activation) else "loss"
            raise ValueError(f"{name}: {what} {value.name!r} is user-made, and files hold no code; pickle it instead")
        return {"row": "activation" if isinstance(value, Activation) else "loss", **describe(value)}
    if name == "callbacks":
        return []  # they act during training alone
    if isinstance(value, np.random.RandomState):
        kind, keys, *rest = value.get_state()
        return {"state": [kind, np.asarray(keys).tolist(), *map(_number, rest)]}
    if isinstance(value, dict):
        pairs = [[_as_data(key, name), _as_data(one, name)] for key, one in value.items()]
        return {"pairs": pairs}
    if isinstance(value, list | tuple | np.ndarray):
        return {"list": [_as_data(one, name) for one in value], "tuple": isinstance(value, tuple)}
    if isinstance(value, bool | np.bool_):
        return bool(value)
    return _number(value)


def _from_data(value: Any, path: PathLike = "") -> Any:
    if isinstance(value, list):
        return ()
    if not isinstance(value, dict):
        return _from_number(value)
    if "state" in value:
        kind, keys, *rest = value["state"]
        made = np.random.RandomState()
        made.set_state((kind, np.asarray(keys, np.uint32), *rest))
        return made
    if "pairs" in value:
        return {_from_data(key): _from_data(one) for key, one in value["pairs"]}
    if "list" in value:
        several = [_from_data(one) for one in value["list"]]
        return tuple(several) if value["tuple"] else several
    return restore(value, value["row"], None, path)


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
