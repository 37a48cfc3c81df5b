"""Wrong names answered with the right ones: keywords of calls and attributes of objects that other libraries have.

A name is understood by its meaning first, from the tables here, and by its spelling only then. Tests run every line
that is suggested here.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ParamSpec, TypeVar, cast

from pellucid.errors import nearest, plain_name

P = ParamSpec("P")
T = TypeVar("T")

PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "X": ("x", "x_train", "inputs", "input", "features", "data"),
    "y": ("y_train", "y_true", "target", "targets", "labels", "output_data"),
    "loss": ("loss_function", "loss_fn", "criterion", "cost", "cost_function", "objective", "error"),
    "optimizer": ("optimiser", "optim", "opt", "solver", "algorithm", "trainer"),
    "learning_rate": ("lr", "eta", "step_size", "learning_rate_init", "rate", "eta0"),
    "momentum": ("mu", "nesterovs_momentum"),
    "beta1": ("beta_1", "betas", "b1"),
    "beta2": ("beta_2", "b2"),
    "alpha": ("rho", "smoothing"),
    "epsilon": ("eps",),
    "weight_decay": ("wd",),
    "epochs": ("epoch", "n_epochs", "nb_epoch", "num_epochs", "max_epochs", "max_iter", "n_iter", "iterations"),
    "batch_size": ("batch", "bs", "mini_batch_size", "minibatch_size", "batches"),
    "seed": ("random_state", "random_seed", "rng", "generator", "key"),
    "validation": (
        "validation_data", "validation_split", "validation_fraction", "validation_set", "valid", "val", "val_data",
        "valid_data", "eval_set", "test_data",
    ),
    "patience": ("early_stopping", "early_stopping_rounds", "n_iter_no_change", "early_stop"),
    "metrics": ("metric", "scoring", "score"),
    "sample_weight": ("weights", "weight", "sample_weights", "class_weight"),
    "l2": ("l2_penalty", "l2_reg", "lambda_", "lam", "lmbda", "lambd", "reg", "regularization", "weight_decay"),
    "l1": ("l1_penalty", "l1_reg", "lasso"),
    "dropout": ("dropout_rate", "p_drop", "p_dropout", "drop"),
    "clip_norm": ("clipnorm", "max_norm", "max_grad_norm", "grad_clip", "gradient_clip", "clip"),
    "schedule": ("scheduler", "lr_schedule", "lr_scheduler", "learning_rate_schedule", "decay"),
    "callbacks": ("callback",),
    "checkpoint": ("checkpoint_path", "checkpoint_file", "save_path"),
    "threads": ("n_jobs", "num_threads", "n_threads", "workers", "num_workers"),
    "progress": ("verbose", "verbosity", "progress_bar", "disp", "show_progress"),
    "sizes": ("layer_sizes", "layers", "layer_dims", "dims", "units", "hidden_layer_sizes", "hidden_sizes", "hidden"),
    "activation": (
        "activations", "activation_function", "act", "sigma", "nonlinearity", "hidden_activation", "activation_fn",
    ),
    "output": ("output_activation", "out_activation", "last_activation", "final_activation", "output_function"),
    "bias": ("use_bias", "biases", "fit_intercept", "has_bias"),
    "init": ("initializer", "initialiser", "kernel_initializer", "weight_init", "init_weights", "initialization"),
    "dtype": ("precision", "type"),
    "engine": ("backend", "device", "implementation"),
    "at_most": ("n_checks", "max_params", "number", "n_samples"),
    "gradient": ("grad", "grads", "gradients", "backprop", "function", "student", "submission"),
    "network": ("net", "model", "nn"),
    "path": ("file", "filename", "filepath", "fname"),
    "show": ("labels", "what"),
    "run": ("record", "result"),
    "layer": ("l",),
    "digits": ("precision", "decimals", "significant"),
    "delta": ("beta", "threshold", "epsilon"),
    "tau": ("quantile", "q", "quantiles", "alpha"),
    "slope": ("negative_slope", "alpha", "leak"),
    "wrt": ("variable", "with_respect_to", "var", "x"),
    "hidden_layer_sizes": ("hidden", "layers", "sizes", "hidden_sizes", "units", "neurons"),
    "max_iter": ("epochs", "n_epochs", "max_epochs", "iterations"),
    "solver": ("optimizer", "optim"),
    "random_state": ("seed", "random_seed", "rng"),
    "output_activation": ("output",),
    "standardize": ("normalize", "scale", "standardise"),
    "n_iter_no_change": ("patience",),
    "validation_fraction": ("validation_split", "validation"),
}  # fmt: skip
"""What other libraries and books call a parameter of ours. Which of them a call has decides."""


def parameter_of(asked: str, known: Iterable[str]) -> str | None:
    """Return the parameter that a wrong keyword most likely means, or None.

    Parameters
    ----------
    asked : str
    known : iterable of str
        The parameters that there are.
    """
    known = list(known)
    plain = plain_name(asked)
    for name in known:
        if plain == plain_name(name) or plain in map(plain_name, PARAMETERS.get(name, ())):
            return name
    return nearest(asked, known)


_RATE = ("optimizer=pl.{optimizer}(learning_rate={value})", "")
_ALL_SIZES = ("pl.Network([3, 4, 2])", "the sizes are those of all layers, the input's and the output's included")
_OF_NETWORK = "it belongs to the network"
_OF_TRAINING = "it belongs to the training"
_TRAIN_RATE = ("net.train(X, y, optimizer=pl.SGD(learning_rate={value}))", _OF_TRAINING)
_SCIKIT_LEARN = {
    "lr": ("learning_rate_init={value}", ""), "eta": ("learning_rate_init={value}", ""),
    "optimizer": ("solver={value}", ""), "epochs": ("max_iter={value}", ""),
    "dropout_rate": ("dropout={value}", ""), "l2": ("alpha={value}", "the penalty is alpha/(2 n) Σ w², n the samples"),
    "weight_decay": ("alpha={value}", "the penalty is alpha/(2 n) Σ w², n the samples"),
}  # fmt: skip
_CPU = ("", "pellucid runs on the CPU, so leave it out")

KEYWORDS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "Network": {
        "hidden_layer_sizes": _ALL_SIZES, "hidden": _ALL_SIZES, "hidden_sizes": _ALL_SIZES, "n_hidden": _ALL_SIZES,
        "input_dim": _ALL_SIZES, "input_shape": _ALL_SIZES, "input_size": _ALL_SIZES, "n_inputs": _ALL_SIZES,
        "n_features": _ALL_SIZES, "n_outputs": _ALL_SIZES, "output_size": _ALL_SIZES, "n_classes": _ALL_SIZES,
        "weights": ("init=(weights, biases)", ""),
        "biases": ("init=(weights, biases)", ""),
        "loss": ("net.train(X, y, loss={value})", _OF_TRAINING),
        "optimizer": ("net.train(X, y, optimizer={value})", _OF_TRAINING),
        "epochs": ("net.train(X, y, epochs={value})", _OF_TRAINING),
        "batch_size": ("net.train(X, y, batch_size={value})", _OF_TRAINING),
        "dropout": ("net.train(X, y, dropout={value})", _OF_TRAINING),
        "l2": ("net.train(X, y, l2={value})", _OF_TRAINING),
        "l1": ("net.train(X, y, l1={value})", _OF_TRAINING),
        "metrics": ("net.train(X, y, metrics={value})", _OF_TRAINING),
        "learning_rate": _TRAIN_RATE, "lr": _TRAIN_RATE, "eta": _TRAIN_RATE,
        "device": _CPU, "cuda": _CPU,
    },
    "Network.train": {
        "learning_rate": _RATE, "lr": _RATE, "eta": _RATE, "step_size": _RATE, "learning_rate_init": _RATE,
        "alpha": _RATE,
        "momentum": ("optimizer=pl.SGD(0.01, momentum={value})", ""),
        "nesterov": ("optimizer=pl.SGD(0.01, momentum=0.9, nesterov={value})", ""),
        "beta1": ("optimizer=pl.Adam(beta1={value})", ""), "beta_1": ("optimizer=pl.Adam(beta1={value})", ""),
        "beta2": ("optimizer=pl.Adam(beta2={value})", ""), "beta_2": ("optimizer=pl.Adam(beta2={value})", ""),
        "epsilon": ("optimizer=pl.Adam(epsilon={value})", ""),
        "weight_decay": ("l2={value}", "in place of a penalty in the loss, pl.AdamW decays the weights apart from it"),
        "early_stopping": ("patience=10", "it is the number of epochs without improvement that are tolerated"),
        "class_weight": ("sample_weight=weights", "weights are given by sample, an array of shape (n,)"),
        "weights": ("sample_weight=weights", "weights are given by sample, an array of shape (n,)"),
        "steps_per_epoch": ("batch_size=32", "an epoch is one pass over the samples"),
        "activation": ("pl.Network([3, 4, 2], activation={value})", _OF_NETWORK),
        "output": ("pl.Network([3, 4, 2], output={value})", _OF_NETWORK),
        "hidden_layer_sizes": ("pl.Network([3, 4, 2])", _OF_NETWORK),
        "bias": ("pl.Network([3, 4, 2], bias={value})", _OF_NETWORK),
        "init": ("pl.Network([3, 4, 2], init={value})", _OF_NETWORK),
        "device": _CPU, "cuda": _CPU,
        "verbose": ("progress={is_true}", ""),
        "regularization": ("l2=1e-4", ""),
    },
    "Network.backprop": {
        "learning_rate": _TRAIN_RATE, "lr": _TRAIN_RATE, "eta": _TRAIN_RATE, "weight_decay": ("l2={value}", ""),
    },
    "MLPClassifier": _SCIKIT_LEARN,
    "MLPRegressor": _SCIKIT_LEARN,
    "Run.explain": {
        "i": ("sample={value}", "samples count from 1"),
        "neuron": ("j={value}", "neurons count from 1"),
    },
}  # fmt: skip
"""By call: wrong keywords that need more than another name, with the code to write and the reason if there is one.

``{value}`` is what was given, ``{optimizer}`` the optimizer of the same call, ``{is_true}`` whether the value is true.
"""

ATTRIBUTES: Mapping[str, Mapping[str, str]] = {
    "pellucid": {
        "Model": "pl.Network([3, 4, 2])", "MLP": "pl.Network([3, 4, 2])", "Sequential": "pl.Network([3, 4, 2])",
        "NeuralNetwork": "pl.Network([3, 4, 2])", "Net": "pl.Network([3, 4, 2])", "FNN": "pl.Network([3, 4, 2])",
        "Dense": "pl.Network([3, 4, 2])", "Linear": "pl.Network([3, 4, 2])",
        "nn": "pl.Network([3, 4, 2])",
        "MLPClassifier": "pl.estimators.MLPClassifier()", "MLPRegressor": "pl.estimators.MLPRegressor()",
        "GridSearchCV": "pl.estimators.GridSearchCV", "load_model": "pl.load(path)", "read": "pl.data.read(path)",
        "load_digits": "pl.data.digits()", "digits": "pl.data.digits()", "datasets": "pl.data.digits()",
        "mnist": "pl.data.digits()",
        "optim": "pl.OPTIMIZERS", "chain_rule": "pl.symbolic.chain_rule", "equivalent": "pl.symbolic.equivalent",
        "derive": "pl.symbolic.derive", "equations": "pl.symbolic.equations", "check": "pl.diagnose",
        "check_gradient": "net.check_gradient(X, y)", "gradient_check": "net.check_gradient(X, y)",
        "gradcheck": "net.check_gradient(X, y)", "train": "net.train(X, y)",
        "fit": "net.train(X, y)", "sigmoid": "pl.ACTIVATIONS['sigmoid']", "relu": "pl.ACTIVATIONS['relu']",
        "ReLU": "pl.ACTIVATIONS['relu']", "Sigmoid": "pl.ACTIVATIONS['sigmoid']", "Tanh": "pl.ACTIVATIONS['tanh']",
        "Softmax": "pl.ACTIVATIONS['softmax']", "MSE": "pl.LOSSES['mse']", "mse": "pl.LOSSES['mse']",
        "MSELoss": "pl.LOSSES['mse']", "CrossEntropyLoss": "pl.LOSSES['cross_entropy']",
        "Momentum": "pl.SGD(0.01, momentum=0.9)", "EarlyStopping": "net.train(X, y, patience=10)",
        "assert_gradient": "pl.testing.assert_gradient", "save": "net.save(path)", "Trainer": "net.train(X, y)",
        "random": "pl.Network([3, 4, 2], seed=0)", "set_seed": "pl.Network([3, 4, 2], seed=0)",
    },
    "pellucid.symbolic": {
        "diff": "pl.symbolic.chain_rule('f = x^2', 'x')", "differentiate": "pl.symbolic.chain_rule('f = x^2', 'x')",
        "derivative": "pl.symbolic.chain_rule('f = x^2', 'x')", "sympify": "pl.symbolic.parse('x^2')",
        "simplify": "pl.symbolic.equivalent('x + x', '2x')", "equal": "pl.symbolic.equivalent('x + x', '2x')",
        "sigma": "pl.symbolic.activation('z/(1+exp(-z))')", "network": "pl.symbolic.equations(net)",
    },
    "pellucid.data": {
        "load_digits": "pl.data.digits()", "mnist": "pl.data.digits()", "load": "pl.data.read(path)",
        "make_moons": "pl.data.two_moons()", "moons": "pl.data.two_moons()", "spirals": "pl.data.two_spirals()",
        "csv": "pl.data.read(path)", "load_csv": "pl.data.read(path)", "train_test_split": "data.split(0.2)",
    },
    "pellucid.worksheet": {
        "solution": "pl.worksheet.solved(pl.worksheet.worksheet(5))", "generate": "pl.worksheet.worksheet(5)",
        "make": "pl.worksheet.worksheet(5)", "Sheet": "pl.worksheet.worksheet(5)",
    },
    "pellucid.checking": {"check": "pl.diagnose", "gradcheck": "net.check_gradient(X, y)"},
    "Network": {
        "fit": "net.train(X, y)", "partial_fit": "net.train(X, y, epochs=1)", "learn": "net.train(X, y)",
        "sgd": "net.train(X, y, optimizer=pl.SGD(0.1))", "SGD": "net.train(X, y, optimizer=pl.SGD(0.1))",
        "train_on_batch": "net.train(X, y, batch_size=None, epochs=1)",
        "compile": "net.train(X, y, loss='mse', optimizer='adam')", "step": "net.train(X, y, epochs=1)",
        "evaluate": "net.gradient(X, y).loss", "cost": "net.gradient(X, y).loss", "loss": "net.gradient(X, y).loss",
        "score": "net.gradient(X, y).loss", "mse": "net.gradient(X, y).loss",
        "predict_proba": "net.predict(X)", "predict_classes": "net.predict(X).argmax(axis=1)",
        "feedforward": "net.forward(X)", "feed_forward": "net.forward(X)", "forward_pass": "net.forward(X)",
        "activate": "net.forward(X)", "output": "net.forward(X)", "backward": "net.backprop(X, y)",
        "backpropagate": "net.backprop(X, y)", "backpropagation": "net.backprop(X, y)", "grad": "net.gradient(X, y)",
        "gradients": "net.gradient(X, y)", "zero_grad": "net.gradient(X, y)",
        "jacobian": "net.backprop(X, y).input_gradient",
        "summary": "print(net)", "info": "print(net)", "plot": "net.draw()", "plot_model": "net.draw()",
        "show": "net.draw()", "visualize": "net.draw()", "weights": "net.W[2]", "weight": "net.W[2]", "w": "net.W[2]",
        "coefs_": "net.W[2]", "coefs": "net.W[2]", "biases": "net.b[2]", "bias": "net.b[2]", "B": "net.b[2]",
        "intercepts_": "net.b[2]", "intercepts": "net.b[2]", "params": "net.parameters", "theta": "net.parameters",
        "get_weights": "list(net.W)", "set_weights": "net.W = list(net.W)", "state_dict": "net.parameters",
        "load_state_dict": "pl.load(path)", "load": "pl.load(path)", "load_weights": "pl.load(path)",
        "save_weights": "net.save(path)", "to_file": "net.save(path)", "layers": "net.sizes",
        "layer_sizes": "net.sizes", "shape": "net.sizes", "num_layers": "net.F", "n_layers": "net.F",
        "n_layers_": "net.F", "L": "net.F",
        "n": "net.sizes", "size_of": "net.size(2)", "activation": "net.activations[2]", "sigma": "net.activations[2]",
        "count_params": "net.parameters.size", "n_parameters": "net.parameters.size", "a": "net.backprop(X, y).a[2]",
        "z": "net.backprop(X, y).z[2]", "d": "net.backprop(X, y).d[2]", "delta": "net.backprop(X, y).d[2]",
        "history": "net.train(X, y)", "clone": "net.copy()", "gradient_check": "net.check_gradient(X, y)",
        "gradcheck": "net.check_gradient(X, y)", "check_gradients": "net.check_gradient(X, y)",
        "explain": "net.backprop(X, y).explain('w', 2, 1, 1)", "reset": "net.copy()", "eval": "net.forward(X)",
        "optimizer": "net.train(X, y, optimizer='adam')", "seed": "pl.Network([3, 4, 2], seed=0)",
    },
    "Run": {
        "grad": "run.gradient", "grads": "run.gradient", "gradients": "run.gradient", "dW": "run.gradient.W[2]",
        "dw": "run.gradient.W[2]", "db": "run.gradient.b[2]", "nabla_w": "run.gradient.W[2]",
        "nabla_b": "run.gradient.b[2]", "W": "run.layers.W[2]", "b": "run.layers.b[2]", "w": "run.layers.W[2]",
        "weights": "run.layers.W[2]", "biases": "run.layers.b[2]", "delta": "run.d[2]", "deltas": "run.d[2]",
        "dz": "run.d[2]", "dZ": "run.d[2]", "error": "run.d[2]", "errors": "run.d[2]", "activations": "run.a[2]",
        "A": "run.a[2]", "Z": "run.z[2]", "zs": "run.z[2]", "D": "run.d[2]", "pre_activations": "run.z[2]",
        "output": "run.a[3]", "outputs": "run.a[3]", "prediction": "run.a[3]", "predictions": "run.a[3]",
        "y_pred": "run.a[3]", "y_hat": "run.a[3]", "x": "run.a[1]", "X": "run.a[1]", "input": "run.a[1]",
        "target": "run.y", "targets": "run.y", "Y": "run.y", "cost": "run.loss", "L": "run.loss",
        "total_loss": "run.loss",
        "dx": "run.input_gradient", "dX": "run.input_gradient", "sizes": "run.layers.sizes",
        "network": "run.layers", "backward": "run.gradient", "steps": "print(run.text)",
        "draw": "net.draw(run=run, sample=1)",
        "show": "print(run.text)", "table": "print(run.text)",
    },
    "Gradient": {
        "dW": "run.gradient.W[2]", "dw": "run.gradient.W[2]", "w": "run.gradient.W[2]", "db": "run.gradient.b[2]",
        "weights": "run.gradient.W[2]", "biases": "run.gradient.b[2]", "flat": "run.gradient.vector",
        "flatten": "run.gradient.vector", "ravel": "run.gradient.vector", "numpy": "run.gradient.vector",
        "norm": "np.linalg.norm(run.gradient.vector)", "shape": "run.gradient.vector.shape", "d": "run.d[2]",
        "cost": "run.gradient.loss", "L": "run.gradient.loss", "grad": "run.gradient.vector",
        "values": "run.gradient.vector",
    },
    "History": {
        "history": "history['loss']", "loss": "history['loss']", "losses": "history['loss']",
        "loss_curve_": "history['loss']", "loss_": "history['loss'][-1]", "train_loss": "history['loss']",
        "val_loss": "history['validation_loss']", "validation_loss": "history['validation_loss']",
        "accuracy": "history['accuracy']", "params": "history.optimizer", "epoch": "history.epochs",
        "n_iter_": "history.epochs", "n_epochs": "history.epochs", "learning_rate": "history.optimizer.learning_rate",
        "lr": "history.optimizer.learning_rate", "best": "history.best_epoch", "best_loss": "min(history['loss'])",
        "columns": "list(history)", "metrics": "list(history)", "to_frame": "history.to_dict()",
        "to_pandas": "history.to_dict()", "as_dict": "history.to_dict()", "dict": "history.to_dict()",
        "stop_reason": "history.stopped", "reason": "history.stopped", "show": "history.draw()",
    },
    "Explanation": {
        "result": "explanation.value", "number": "explanation.value", "equation": "explanation.text",
        "formula": "explanation.line", "show": "print(explanation)", "explain": "print(explanation)",
    },
    "Derivation": {
        "derivative": "derivation.result", "diff": "derivation.result", "value": "derivation.result",
        "graph": "derivation.draw()", "plot": "derivation.draw()", "show": "print(derivation)",
        "str": "derivation.text",
        "explain": "derivation.steps", "variable": "derivation.by", "subs": "derivation.substituted",
    },
    "Diagnosis": {
        "mistakes": "diagnosis.hypotheses", "errors": "diagnosis.hypotheses", "faults": "diagnosis.hypotheses",
        "message": "diagnosis.headline", "is_right": "bool(diagnosis)", "passed": "bool(diagnosis)",
        "ok": "bool(diagnosis)", "success": "bool(diagnosis)", "explain": "print(diagnosis)",
        "report": "print(diagnosis)", "where": "diagnosis.located", "max_error": "diagnosis.relative_error",
        "mistake": "diagnosis.rows", "row": "diagnosis.rows", "error": "diagnosis.relative_error",
    },
    "GradientCheck": {
        "max_error": "check.worst.relative_error", "error": "check.worst.relative_error",
        "max_relative_error": "check.worst.relative_error", "ok": "check.passed", "is_right": "check.passed",
        "success": "check.passed", "errors": "check.failed", "failures": "check.failed", "report": "print(check)",
    },
    "Grade": {
        "score": "grade.points", "total": "grade.of", "max_points": "grade.of", "feedback": "print(grade.text)",
        "mistakes": "grade.judgements", "errors": "grade.judgements", "mark": "grade.points", "percent": "grade.of",
    },
    "Document": {
        "show": "print(document.text)", "to_html": "document.html", "to_latex": "document.latex",
        "to_pdf": "document.pdf()",
        "render": "document.html", "write": "document.save(path + '.html')", "tex": "document.latex",
        "md": "document.markdown", "content": "document.blocks", "name": "document.title",
    },
    "Drawing": {
        "show": "drawing.svg", "to_svg": "drawing.svg", "tikz": "drawing.latex",
        "savefig": "drawing.save(path + '.svg')",
        "write": "drawing.save(path + '.svg')", "figure": "drawing.svg",
    },
    "Optimizer": {
        "lr": "optimizer.learning_rate", "eta": "optimizer.learning_rate", "param_groups": "optimizer.settings",
    },
    "PerLayer": {
        "shape": "[W.shape for W in net.W]", "size": "net.parameters.size", "T": "net.W[2].T",
        "ravel": "net.parameters", "flatten": "net.parameters", "copy": "[W.copy() for W in net.W]",
        "dot": "net.W[2].dot",
    },
    "Dataset": {
        "data": "data.X", "target": "data.y", "targets": "data.y", "Y": "data.y", "labels": "data.y", "x": "data.X",
        "images": "data.X", "target_names": "data.class_names", "classes": "data.class_names",
        "train_test_split": "data.split(0.2)", "shape": "data.X.shape", "DESCR": "data.source",
    },
}  # fmt: skip
"""By class: attributes that people look for, with the expression to write."""


def _called(function: Callable[..., Any]) -> str:
    return function.__qualname__.removesuffix(".__init__")


def _shown(value: object) -> str:
    text = repr(value)
    return text if isinstance(value, (int, float, str, bool, tuple, list)) and len(text) <= 40 else "…"


def _optimizer_of(given: Mapping[str, object]) -> str:
    """The class of the optimizer that a call asks for; Adam is the default."""
    asked = plain_name(str(given.get("optimizer", "adam")))
    return {"sgd": "SGD", "rmsprop": "RMSprop", "adamw": "AdamW"}.get(asked, "Adam")


def _keyword_hint(function: Callable[..., Any], name: str, given: Mapping[str, object], known: list[str]) -> str:
    """Say what to write in place of a keyword."""
    value = given[name]
    lines = {plain_name(key): line for key, line in KEYWORDS.get(_called(function), {}).items()}
    if plain_name(name) in lines:
        code, why = lines[plain_name(name)]
        code = code.format(value=_shown(value), optimizer=_optimizer_of(given), is_true=bool(value))
        return "; ".join(part for part in (f"write {code}" if code else "", why) if part)
    near = parameter_of(name, known)
    return f"write {near}={_shown(value)}" if near else f"it takes {', '.join(known)}"


def check_keywords(function: Callable[..., Any], given: Mapping[str, object]) -> None:
    """Refuse keywords that a function does not have, before they are handed to it.

    Raises
    ------
    TypeError
        With what to write in place of each.
    """
    known = [name for name in inspect.signature(function).parameters if name != "self"]
    hints = [
        f"no parameter {name!r}: {_keyword_hint(function, name, given, known)}" for name in given if name not in known
    ]
    if hints:
        raise TypeError(f"{_called(function)}() has {'; '.join(hints)}")


def _check_call(function: Callable[..., Any], args: tuple[object, ...], given: Mapping[str, object]) -> None:
    """Refuse a call that does not fit the function's parameters, if there is more to say than Python says."""
    parameters = inspect.signature(function).parameters
    kinds = [one.kind for one in parameters.values()]
    if inspect.Parameter.VAR_KEYWORD not in kinds:
        check_keywords(function, given)
    by_position = [name for name, one in parameters.items() if one.kind is one.POSITIONAL_OR_KEYWORD]
    extra = len(args) - len(by_position)
    if extra > 0 and inspect.Parameter.VAR_POSITIONAL not in kinds:
        rest = [name for name in parameters if name not in by_position and name not in given]
        by_name = f"; give the others by name, such as {rest[0]}=…" if rest else ""
        places = ", ".join(name for name in by_position if name != "self") or "nothing"
        raise TypeError(f"{_called(function)}() takes {places} by position, got {extra} more{by_name}")


def hinted(function: Callable[P, T]) -> Callable[P, T]:
    """Let a function, or a class's ``__init__``, answer a call that does not fit with the line to write.

    A call that fits takes about 0.15 µs more.
    """

    @functools.wraps(function)
    def call(*args: P.args, **given: P.kwargs) -> T:
        try:
            return function(*args, **given)
        except TypeError as error:
            if error.__traceback__ is None or error.__traceback__.tb_next is not None:
                raise  # not the call itself, but something within it
        _check_call(function, args, given)
        return function(*args, **given)  # raises what it raised before

    return call


C = TypeVar("C", bound=type)


def hinted_class(kind: C) -> C:
    """Let a class whose ``__init__`` is generated answer a wrong keyword with the right one."""
    cast("Any", kind).__init__ = hinted(kind.__init__)  # type: ignore[misc]
    return kind


def attribute_hint(owner: str, classes: Iterable[str], name: str, known: Iterable[str]) -> str:
    """Return the end of an AttributeError's message: what to write in place of an attribute, or nothing.

    Parameters
    ----------
    owner : str
        What the object is called in examples.
    classes : iterable of str
        The names of its class and of the classes that it derives from.
    name : str
        The attribute asked for.
    known : iterable of str
        The attributes that it has.
    """
    known = [one for one in known if not one.startswith("_")]
    for one in classes:
        lines = ATTRIBUTES.get(one, {})
        plain = {plain_name(key): line for key, line in reversed(list(lines.items()))}
        line = lines.get(name) or plain.get(plain_name(name))
        if line is not None:
            return f"; write {line}"
    near = nearest(name, known)
    return f"; did you mean {owner}.{near}?" if near else ""


def no_attribute(room: str, name: str, known: Iterable[str]) -> AttributeError:
    """Build the error for a name that a module of the library does not have.

    Parameters
    ----------
    room : str
        The module below ``pellucid``, or nothing for itself.
    name : str
    known : iterable of str
        Its public names.
    """
    module = f"pellucid.{room}" if room else "pellucid"
    owner = f"pl.{room}" if room else "pl"
    hint = "" if name.startswith("_") else attribute_hint(owner, (module,), name, known)
    return AttributeError(f"module {module!r} has no attribute {name!r}{hint}")


class Hinted:
    """Answers an attribute that it does not have with the one that is meant."""

    __slots__ = ()

    _called: str = "it"
    """What an object of the class is called in examples."""

    def __getattr__(self, name: str) -> Any:
        kind = type(self)
        if name.startswith("_") or hasattr(kind, name):
            return object.__getattribute__(self, name)  # raises, for a property what it raised itself
        classes = [one.__name__ for one in kind.__mro__]
        hint = self._numbered_hint(name) or attribute_hint(self._called, classes, name, dir(self))
        raise AttributeError(f"{kind.__name__} has no attribute {name!r}{hint}")

    def _numbered_hint(self, name: str) -> str:
        """Say how an array is called whose layer was written into its name, as in ``W2``."""
        match = _NUMBERED.fullmatch(name)
        arrays = getattr(type(self), match[1].replace("w", "W"), None) if match else None
        if match is None or arrays is None:
            return ""
        symbol, layer = match[1].replace("w", "W"), int(match[2])
        layers = list(getattr(self, symbol).keys())
        if layer in layers:
            return f"; write {self._called}.{symbol}[{layer}]"
        return f"; the first is {self._called}.{symbol}[{layers[0]}], that of layer {layers[0]}" if layers else ""


_NUMBERED = re.compile(r"(W|w|b|z|a|d)_?(\d+)")
