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
    "memory": ("history_size", "m", "maxcor"),
    "tolerance": ("tol", "tolerance_grad", "gtol"),
    "loss_tolerance": ("tolerance_change", "ftol"),
    "max_evaluations": ("max_eval", "max_ls", "maxls"),
    "every": ("step_size", "period", "drop_every"),
    "gamma": ("factor", "decay_rate", "decay", "drop"),
    "final": ("eta_min", "min_lr", "min_factor"),
    "threshold": ("min_delta", "tol"),
    "power": ("power_t", "exponent"),
    "function": ("f", "fn", "func", "forward", "sigma", "call"),
    "derivative": ("df", "dfn", "grad", "gradient", "prime", "sigma_prime", "backward", "dfunc"),
    "trainings": ("networks", "nets", "models", "jobs"),
    "definitions": ("formula", "expression", "expr", "f", "equation"),
    "variable": ("wrt", "by", "with_respect_to", "var", "x"),
    "at": ("values", "subs", "point", "numbers", "where"),
    "formula": ("expression", "expr", "function", "f", "sigma"),
    "reduction": ("reduce", "average", "mean"),
    "variant": ("seed", "number", "n", "random_state"),
    "student": ("name",),
    "value": ("answer", "number", "result", "x"),
    "j": ("neuron", "unit", "index"),
    "target": ("y", "label", "label_column", "y_column", "targets"),
    "header": ("has_header", "names"),
    "noise": ("std", "sigma"),
    "n": ("n_samples", "size", "samples", "count"),
    "fraction": ("test_size", "test_fraction", "held_out", "size", "validation_split"),
    "epochs": ("t_max", "epoch", "n_epochs", "nb_epoch", "num_epochs", "max_epochs", "max_iter", "n_iter",
    "iterations"),
    "batch_size": ("batch", "bs", "mini_batch_size", "minibatch_size", "batches"),
    "seed": ("random_state", "random_seed", "rng", "generator", "key"),
    "validation": (
        "val_split", "validation_data", "validation_split", "validation_fraction", "validation_set", "valid", "val",
        "val_data",
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
    "activations": ("custom_objects",),
    "activation": (
        "activations", "activation_function", "act", "sigma", "nonlinearity", "hidden_activation", "activation_fn",
    ),
    "output": ("output_activation", "out_activation", "last_activation", "final_activation", "output_function"),
    "bias": ("use_bias", "biases", "fit_intercept", "has_bias"),
    "init": ("initializer", "initialiser", "kernel_initializer", "weight_init", "init_weights", "initialization"),
    "dtype": ("precision", "type"),
    "engine": ("backend", "device", "implementation"),
    "at_most": ("n_checks", "max_params", "number", "n_samples"),
    "gradient": (
        "grad", "grads", "gradients", "backprop", "function", "student", "submission", "derivative", "prime", "df",
    ),
    "network": ("net", "model", "nn"),
    "path": ("file", "filename", "filepath", "fname"),
    "show": ("labels", "what"),
    "run": ("record", "result"),
    "layer": ("l",),
    "digits": ("precision", "decimals", "significant"),
    "delta": ("beta", "threshold", "epsilon"),
    "tau": ("quantile", "q", "quantiles", "alpha"),
    "slope": ("negative_slope", "alpha", "leak"),
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


_ALL_SIZES = ("pl.Network([3, 4, 2])", "the sizes are those of all layers, the input's and the output's included")
_OF_NETWORK = "it belongs to the network"
_OF_TRAINING = "it belongs to the training"
_TRAIN_RATE = ("net.train(X, y, optimizer=pl.SGD(learning_rate={value}))", _OF_TRAINING)
_CPU = ("", "pellucid runs on the CPU, so leave it out")
_ADAPTIVE = ("", "it is not supported: leave it out")
_CHOSEN = ("", "the step and the tolerance follow from the precision, so leave it out")
_BEST_IS_KEPT = ("patience=10", "with a patience the best epoch's parameters are put back")
_OF_OUTPUTS = {
    "training": ("", "dropout acts only in training, so leave it out"),
    "batch_size": ("", "all samples are computed at once, so leave it out"),
    "verbose": ("", "nothing is printed, so leave it out"),
    "device": _CPU,
}
_SCIKIT_LEARN = {
    "lr": ("learning_rate_init={value}", ""), "eta": ("learning_rate_init={value}", ""),
    "optimizer": ("solver={value}", ""), "epochs": ("max_iter={value}", ""),
    "dropout_rate": ("dropout={value}", ""), "l2": ("alpha={value}", "the penalty is alpha/(2 n) Σ w², n the samples"),
    "weight_decay": ("alpha={value}", "the penalty is alpha/(2 n) Σ w², n the samples"),
}  # fmt: skip
_FIT = {
    "epochs": ("model.set_params(max_iter={value})", "it is a parameter of the model"),
    "batch_size": ("model.set_params(batch_size={value})", "it is a parameter of the model"),
    "verbose": ("model.set_params(verbose={value})", "it is a parameter of the model"),
    "validation_data": ("validation_set=(X, y)", ""), "eval_set": ("validation_set=(X, y)", ""),
    "validation": ("validation_set=(X, y)", ""),
}  # fmt: skip

KEYWORDS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "Network": {
        "hidden_layer_sizes": _ALL_SIZES, "hidden": _ALL_SIZES, "hidden_sizes": _ALL_SIZES, "n_hidden": _ALL_SIZES,
        "input_dim": _ALL_SIZES, "input_shape": _ALL_SIZES, "input_size": _ALL_SIZES, "n_inputs": _ALL_SIZES,
        "n_features": _ALL_SIZES, "n_outputs": _ALL_SIZES, "output_size": _ALL_SIZES, "n_classes": _ALL_SIZES,
        "hidden_activation": (
            "activation=[{value}]{output}",
            "one for each hidden layer; one name alone would be that of the output layer too",
        ),
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
        "device": _CPU, "cuda": _CPU, "jit": _CPU, "batch_norm": _ADAPTIVE, "batch_normalization": _ADAPTIVE,
        "name": ("", "a network has no name, so leave it out"),
        "in_features": _ALL_SIZES,
        "out_features": _ALL_SIZES,
        "hidden_size": _ALL_SIZES,
        "dropout_rate": ("net.train(X, y, dropout={value})", _OF_TRAINING),
        "bias_initializer": ("init='standard_normal'", "biases start at 0 otherwise"),
    },
    "Network.train": {
        "early_stopping": ("patience={patience}", "it is the number of epochs without improvement that are tolerated"),
        "restore_best_weights": _BEST_IS_KEPT,
        "save_best": _BEST_IS_KEPT,
        "monitor": ("validation=0.1, patience=10", "it is the validation loss; without validation the training loss"),
        "class_weight": (
            "sample_weight=np.array([1.0, 2.0])[labels]",
            "weights are given by sample; in brackets are those of the classes",
        ),
        "alpha": ("l2={value}", "scikit-learn divides its alpha by the samples of a batch, which l2 does not"),
        "steps_per_epoch": ("batch_size=32", "an epoch is one pass over the samples"),
        "steps": ("epochs=10", "an epoch is one pass over the samples"),
        "drop_last": ("", "the last batch is used even if it is smaller, so leave it out"),
        "initial_epoch": ("checkpoint=path, resume=True", "training goes on from a checkpoint"),
        "warm_start": ("", "training always goes on from where the network is, so leave it out"),
        "tol": ("patience=10", "training stops by epochs without improvement"),
        "clipvalue": ("clip_norm={value}", "only the norm of the whole gradient is clipped"),
        "kernel_regularizer": ("l2=0.02", "Keras' L2(0.01) adds 0.01 Σ w², and l2=0.02 adds 0.02/2 Σ w²"),
        "regularization": ("l2=0.01", ""),
        "weight_penalty": ("l2={value}", ""),
        "l1_ratio": ("l1=0.001, l2=0.01", "give both strengths"),
        "activation": ("pl.Network([3, 4, 2], activation={value})", _OF_NETWORK),
        "output": ("pl.Network([3, 4, 2], output={value})", _OF_NETWORK),
        "hidden_layer_sizes": ("pl.Network([3, 4, 2])", _OF_NETWORK),
        "bias": ("pl.Network([3, 4, 2], bias={value})", _OF_NETWORK),
        "init": ("pl.Network([3, 4, 2], init={value})", _OF_NETWORK),
        "device": _CPU, "cuda": _CPU,
        "verbose": ("progress={is_true}", ""),
        "cbs": ("callbacks=[print]", ""),
        "decay": ("schedule='exponential'", "a decay of the rate is a schedule"),
        "maxit": ("epochs={value}", ""),
        "min_delta": ("patience=10", "any improvement counts"),
        "X_val": ("validation=(X, y)", ""),
        "y_val": ("validation=(X, y)", ""),
        "gradient_clip_val": ("clip_norm={value}", ""),
        "use_multiprocessing": ("threads=2", ""),
        "use_amp": ("", "it is for GPUs, so leave it out"),
        "p": ("dropout={value}", ""),
    },
    "Network.backprop": {
        "learning_rate": _TRAIN_RATE, "lr": _TRAIN_RATE, "eta": _TRAIN_RATE, "weight_decay": ("l2={value}", ""),
    },
    "Network.check_gradient": {
        "atol": _CHOSEN, "rtol": _CHOSEN, "tol": _CHOSEN, "tolerance": _CHOSEN, "eps": _CHOSEN, "epsilon": _CHOSEN,
        "h": _CHOSEN, "delta": _CHOSEN,
        "n_samples": ("at_most=10", "so many partials of each W^l and each b^l are compared"),
    },
    "Network.forward": _OF_OUTPUTS,
    "Network.predict": _OF_OUTPUTS,
    "Network.draw": {
        "to_file": ("net.draw().save(path + '.svg')", ""), "filename": ("net.draw().save(path + '.svg')", ""),
        "path": ("net.draw().save(path + '.svg')", ""), "figsize": ("", "its size follows from the network"),
        "labels": ("show=('a', 'w', 'b')", ""), "weights": ("show=('a', 'w', 'b')", ""),
        "show_weights": ("show=('a', 'w', 'b')", ""), "rankdir": ("", "the layers are drawn side by side"),
    },
    "load": {
        "map_location": _CPU, "device": _CPU, "weights_only": ("", "files hold no code, so leave it out"),
    },
    "Adam": {
        "betas": ("beta1={first}, beta2={second}", ""), "amsgrad": _ADAPTIVE, "fused": _ADAPTIVE,
        "weight_decay": ("net.train(X, y, optimizer=pl.Adam({rate}), l2={value})", "or pl.AdamW, which decays "
        "apart from the gradient"),
        "clipnorm": ("net.train(X, y, clip_norm={value})", _OF_TRAINING),
        "params": ("pl.Adam()", "the network is given to the training: leave out its parameters"),
        "clipvalue": ("net.train(X, y, clip_norm={value})", _OF_TRAINING),
        "global_clipnorm": ("net.train(X, y, clip_norm={value})", _OF_TRAINING),
    },
    "AdamW": {
        "betas": ("beta1={first}, beta2={second}", ""), "amsgrad": _ADAPTIVE,
        "decay": ("net.train(X, y, optimizer=pl.AdamW({rate}), schedule='exponential')", "a decay of the rate "
        "is a schedule"),
    },
    "SGD": {
        "weight_decay": ("net.train(X, y, optimizer=pl.SGD({rate}), l2={value})", _OF_TRAINING), "dampening": _ADAPTIVE,
        "decay": ("net.train(X, y, optimizer=pl.SGD({rate}), schedule='exponential')", "a decay of the rate "
        "is a schedule"),
        "params": ("pl.SGD()", "the network is given to the training: leave out its parameters"),
        "clipvalue": ("net.train(X, y, clip_norm={value})", _OF_TRAINING),
    },
    "RMSprop": {
        "momentum": _ADAPTIVE, "centered": _ADAPTIVE,
        "decay": ("alpha={value}", "a decay of the learning rate is a schedule: net.train(X, y, "
        "schedule='exponential')"),
    },
    "LBFGS": {
        "lr": ("", "its line search chooses the step, so leave it out"),
        "learning_rate": ("", "its line search chooses the step, so leave it out"),
        "max_iter": ("net.train(X, y, optimizer='lbfgs', epochs={value})", "each epoch is one iteration"),
    },
    "ELU": {"scale": ("pl.ELU()", "only selu has a scale: write 'selu'")},
    "MLPClassifier": _SCIKIT_LEARN,
    "MLPRegressor": _SCIKIT_LEARN,
    "MLPClassifier.fit": _FIT,
    "MLPRegressor.fit": _FIT,
    "Run.explain": {
        "i": ("j={value}", "the neuron is j, the one before it k, and the sample of a batch is sample"),
    },
    "chain_rule": {"x": ("at={{'x': {value}}}", "")},
    "diagnose": {
        "dW": ("gradient=[W2, b2, W3, b3]", "all arrays are given together"),
        "db": ("gradient=[W2, b2, W3, b3]", "all arrays are given together"),
        "tol": _CHOSEN, "tolerance": _CHOSEN, "atol": _CHOSEN, "rtol": _CHOSEN,
    },
    "Dataset.split": {
        "shuffle": ("", "samples are always drawn at random"), "stratify": ("", "samples are always drawn at random"),
    },
    "digits": {"return_X_y": ("data.X, data.y", "")},
}  # fmt: skip
"""By call: wrong keywords that need more than another name, with the code to write and the reason if there is one.

``{value}`` is what was given, ``{first}`` and ``{second}`` its two numbers, ``{is_true}`` whether it is true,
``{patience}`` itself if it is a number of epochs, ``{rate}`` the learning rate that was given with it, ``{output}`` an
output activation if none was.
"""

OPTIMIZER_SETTINGS: Mapping[str, tuple[str, ...]] = {
    "learning_rate": ("lr", "eta", "step_size", "learning_rate_init", "rate"),
    "momentum": (),
    "nesterov": ("nesterovs_momentum",),
    "beta1": ("beta_1",),
    "beta2": ("beta_2",),
    "betas": (),
    "epsilon": ("eps",),
    "weight_decay": ("wd",),
    "alpha": ("rho",),
}
"""Keywords of a training that belong to its optimizer, with their other names."""

_AS_FLOAT32 = (
    "pl.Network(net.sizes, list(net.activations.values()), dtype='float32', bias=net.has_bias, init=net.parameters)"
)
_FRESH = "pl.Network(net.sizes, list(net.activations.values()), bias=net.has_bias, seed=1)"
_LAYERS_NUMBERED = "!layers have numbers: net.W[2], net.b[2] and net.activations[2] are those of layer 2"

ATTRIBUTES: Mapping[str, Mapping[str, str]] = {
    "pellucid": {
        "Learner": 'pl.Network([3, 4, 2])',
        "no_grad": '!gradients are computed only where they are asked for, so leave it out',
        "utils": "!write np.eye(3)[labels] for one-hot rows, and net.draw() for a drawing",
        "DataLoader": 'net.train(X, y, batch_size=32)',
        "initializers": "pl.Network([3, 4, 2], init='he_normal')",
        "Optimizer": 'pl.optimizers.Optimizer',
        "tensor": '!arrays of NumPy are taken as they are',
        "array": '!arrays of NumPy are taken as they are',
        "Tensor": '!arrays of NumPy are taken as they are',
        "jit": "!the engine is compiled already, so leave it out",
        "cuda": '!pellucid runs on the CPU, so leave it out',
        "device": '!pellucid runs on the CPU, so leave it out',
        "vmap": 'net.forward(X)',
        "grad": 'net.gradient(X, y)',
        "value_and_grad": 'net.gradient(X, y)',
        "summary": 'print(net)',
        "plot": 'net.draw()',
        "Dropout": 'net.train(X, y, dropout=0.2)',
        "BatchNorm": '!batch normalisation is not supported',
        "StandardScaler": 'pl.estimators.MLPClassifier(standardize=True)',
        "train_test_split": 'data.split(0.2)',
        "read_csv": 'pl.data.read(path)',
        "manual_seed": 'pl.Network([3, 4, 2], seed=0)',
        "callbacks": "!callbacks are functions of an epoch: net.train(X, y, callbacks=[print]); early "
        "stopping is patience=10",
        "models": "!write pl.Network([3, 4, 2]) for a new network, and pl.load(path) for a saved one",
        "Adagrad": 'pl.Adam()',
        "Adadelta": 'pl.Adam()',
        "Nadam": 'pl.Adam()',
        "StepLR": 'pl.schedules.Step()',
        "lr_scheduler": 'pl.schedules.Step()',
        "CosineAnnealingLR": 'pl.schedules.Cosine()',
        "ReduceLROnPlateau": 'pl.schedules.ReduceOnPlateau()',
        "LearningRateScheduler": "net.train(X, y, schedule='exponential')",
        "initialisers": 'pl.layers.INITIALISERS',
        "relu6": "pl.symbolic.activation('min(max(0, z), 6)')",
        "BCELoss": "pl.LOSSES['binary_cross_entropy']",
        "L1Loss": "pl.LOSSES['mae']",
        "HuberLoss": 'pl.Huber()',
        "tanh": "pl.ACTIVATIONS['tanh']",
        "softmax": "pl.ACTIVATIONS['softmax']",
        "gelu": "pl.ACTIVATIONS['gelu']",
        "Model": "pl.Network([3, 4, 2])", "MLP": "pl.Network([3, 4, 2])", "Sequential": "pl.Network([3, 4, 2])",
        "NeuralNetwork": "pl.Network([3, 4, 2])", "Net": "pl.Network([3, 4, 2])", "FNN": "pl.Network([3, 4, 2])",
        "Dense": "pl.Network([3, 4, 2])", "Linear": "pl.Network([3, 4, 2])",
        "nn": "pl.Network([3, 4, 2])",
        "MLPClassifier": "pl.estimators.MLPClassifier()", "MLPRegressor": "pl.estimators.MLPRegressor()",
        "GridSearchCV": "pl.estimators.GridSearchCV", "load_model": "pl.load(path)", "read": "pl.data.read(path)",
        "load_digits": "pl.data.digits()", "digits": "pl.data.digits()", "datasets": "pl.data.digits()",
        "mnist": "pl.data.digits()",
        "optim": "pl.SGD(0.01)", "chain_rule": "pl.symbolic.chain_rule", "equivalent": "pl.symbolic.equivalent",
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
        "GradientTape": "net.gradient(X, y)",
        "autograd": "net.gradient(X, y)",
        "set_random_seed": "pl.Network([3, 4, 2], seed=0)",
        "seed": "pl.Network([3, 4, 2], seed=0)",
        "set_num_threads": "net.train(X, y, threads=2)",
        "set_default_dtype": "pl.Network([3, 4, 2], dtype='float32')",
        "one_hot": "np.eye(3)[labels]",
        "to_categorical": "np.eye(3)[labels]",
        "ModelCheckpoint": "net.train(X, y, checkpoint=path)",
        "plot_model": "net.draw()",
        "NeuralNetClassifier": "pl.estimators.MLPClassifier()",
        "nnet": "pl.Network([3, 4, 2])",
        "neuralnet": "pl.Network([3, 4, 2])",
        "feedforwardnet": "pl.Network([3, 4, 2])",
        "patternnet": "pl.Network([3, 4, 2])",
        "explain": "run.explain('d', 2, 1, sample=1)",
        "TensorBoard": "!curves are in the history: net.train(X, y).save('curves.svg')",
        "from_torch": "pl.Network([3, 4, 2], init=(weights, biases))",
    },
    "pellucid.schedules": {
        "StepLR": "pl.schedules.Step()", "MultiStepLR": "pl.schedules.Step()",
        "ExponentialLR": "pl.schedules.Exponential()",
        "CosineAnnealingLR": "pl.schedules.Cosine()", "CosineDecay": "pl.schedules.Cosine()",
        "ReduceLROnPlateau": "pl.schedules.ReduceOnPlateau()", "ExponentialDecay": "pl.schedules.Exponential()",
        "OneCycleLR": "pl.schedules.Cosine()", "LinearLR": "pl.schedules.Cosine()",
        "LambdaLR": "pl.schedules.Exponential()",
        "PiecewiseConstantDecay": "pl.schedules.Step()",
    },
    "pellucid.symbolic": {
        "diff": "pl.symbolic.chain_rule('f = x^2', 'x')", "differentiate": "pl.symbolic.chain_rule('f = x^2', 'x')",
        "derivative": "pl.symbolic.chain_rule('f = x^2', 'x')", "sympify": "pl.symbolic.parse('x^2')",
        "simplify": "pl.symbolic.equivalent('x + x', '2x')", "equal": "pl.symbolic.equivalent('x + x', '2x')",
        "sigma": "pl.symbolic.activation('z/(1+exp(-z))')", "network": "pl.symbolic.equations(net)",
    },
    "pellucid.data": {
        "iris": "!it is in scikit-learn: X, labels = sklearn.datasets.load_iris(return_X_y=True)",
        "load_iris": "!it is in scikit-learn: X, labels = sklearn.datasets.load_iris(return_X_y=True)",
        "read_table": 'pl.data.read(path)',
        "from_csv": 'pl.data.read(path)',
        "fashion_mnist": 'pl.data.digits()',
        "make_classification": 'pl.data.two_moons()',
        "make_regression": 'pl.data.sine()',
        "one_hot": 'np.eye(10)[data.y]',
        "to_categorical": 'np.eye(10)[data.y]',
        "to_one_hot": 'np.eye(10)[data.y]',
        "load_digits": "pl.data.digits()", "mnist": "pl.data.digits()", "load": "pl.data.read(path)",
        "make_moons": "pl.data.two_moons()", "moons": "pl.data.two_moons()", "spirals": "pl.data.two_spirals()",
        "csv": "pl.data.read(path)", "load_csv": "pl.data.read(path)", "train_test_split": "data.split(0.2)",
        "DataLoader": "net.train(X, y, batch_size=32)",
        "StandardScaler": "pl.estimators.MLPClassifier(standardize=True)",
        "normalize": "(X - X.mean(axis=0)) / X.std(axis=0)",
    },
    "pellucid.worksheet": {
        "solution": "pl.worksheet.solved(pl.worksheet.worksheet(5))", "generate": "pl.worksheet.worksheet(5)",
        "make": "pl.worksheet.worksheet(5)", "Sheet": "pl.worksheet.worksheet(5)",
    },
    "pellucid.checking": {"check": "pl.diagnose", "gradcheck": "net.check_gradient(X, y)"},
    "Network": {
        "to": '!pellucid runs on the CPU, so leave it out',
        "cuda": '!pellucid runs on the CPU, so leave it out',
        "cpu": '!pellucid runs on the CPU, so leave it out',
        "jit": '!pellucid runs on the CPU, so leave it out',
        "device": '!pellucid runs on the CPU, so leave it out',
        "double": "pl.Network(net.sizes, list(net.activations.values()), dtype='float64', bias=net.has_bias, "
        "init=net.parameters)",
        "float": _AS_FLOAT32,
        "half": _AS_FLOAT32,
        "astype": _AS_FLOAT32,
        "requires_grad_": '!the network is trained by net.train(X, y) as it is, so leave it out',
        "modules": _LAYERS_NUMBERED,
        "children": _LAYERS_NUMBERED,
        "apply": 'net.forward(X)',
        "add": 'pl.Network([3, 5, 4, 2])',
        "append": 'pl.Network([3, 5, 4, 2])',
        "fit_one_cycle": "net.train(X, y, schedule='cosine')",
        "lr_find": 'net.train(X, y, optimizer=pl.Adam(0.01))',
        "export": 'net.save(path)',
        "to_json": 'net.save(path)',
        "input_shape": 'net.sizes[0]',
        "output_shape": 'net.sizes[-1]',
        "trainable_variables": 'net.parameters',
        "variables": 'net.parameters',
        "named_parameters": 'net.W.items()',
        "loss_curve_": "net.train(X, y)['loss']",
        "transform": 'net.predict(X)',
        "init_weights": "pl.Network([3, 4, 2], init='he_normal')",
        "reset_parameters": _FRESH,
        "freeze": '!every parameter is trained',
        "learning_rate": 'net.train(X, y, optimizer=pl.SGD(0.1))',
        "lr": 'net.train(X, y, optimizer=pl.SGD(0.1))',
        "fit": "net.train(X, y)", "partial_fit": "net.train(X, y, epochs=1)", "learn": "net.train(X, y)",
        "sgd": "net.train(X, y, optimizer=pl.SGD(0.1))", "SGD": "net.train(X, y, optimizer=pl.SGD(0.1))",
        "train_on_batch": "net.train(X, y, batch_size=None, epochs=1)",
        "compile": "net.train(X, y, loss='mse', optimizer='adam')", "step": "net.train(X, y, epochs=1)",
        "evaluate": "net.gradient(X, y, loss='mse').loss", "cost": "net.gradient(X, y).loss",
        "loss": "net.gradient(X, y).loss",
        "score": "(net.predict(X).argmax(axis=1) == labels).mean()", "mse": "net.gradient(X, y).loss",
        "predict_proba": "net.predict(X)", "predict_classes": "net.predict(X).argmax(axis=1)",
        "feedforward": "net.forward(X)", "feed_forward": "net.forward(X)", "forward_pass": "net.forward(X)",
        "activate": "net.forward(X)", "output": "net.forward(X)", "backward": "net.backprop(X, y)",
        "backpropagate": "net.backprop(X, y)", "backpropagation": "net.backprop(X, y)", "grad": "net.gradient(X, y)",
        "gradients": "net.gradient(X, y)", "zero_grad": "net.gradient(X, y)",
        "jacobian": "!the derivatives of the outputs are not computed; those of the loss are net.gradient(X, "
        "y) and net.backprop(X, y).input_gradient",
        "summary": "print(net)", "info": "print(net)", "plot": "net.draw()", "plot_model": "net.draw()",
        "show": "net.draw()", "visualize": "net.draw()", "weights": "net.W[2]", "weight": "net.W[2]", "w": "net.W[2]",
        "coefs_": "net.W[2]", "coefs": "net.W[2]", "biases": "net.b[2]", "bias": "net.b[2]", "B": "net.b[2]",
        "intercepts_": "net.b[2]", "intercepts": "net.b[2]", "params": "net.parameters", "theta": "net.parameters",
        "get_weights": "list(net.W), list(net.b)", "set_weights": "net.W, net.b = weights, biases",
        "state_dict": "net.parameters",
        "load_state_dict": "net.parameters = vector", "load": "pl.load(path)", "load_weights": "pl.load(path)",
        "save_weights": "net.save(path)", "to_file": "net.save(path)",
        "layers": _LAYERS_NUMBERED,
        "layer_sizes": "net.sizes", "shape": "net.sizes", "num_layers": "net.F", "n_layers": "net.F",
        "n_layers_": "net.F", "L": "net.F",
        "n": "net.sizes", "size_of": "net.size(2)", "activation": "net.activations[2]", "sigma": "net.activations[2]",
        "count_params": "net.parameters.size", "n_parameters": "net.parameters.size", "a": "net.backprop(X, y).a[2]",
        "z": "net.backprop(X, y).z[2]", "d": "net.backprop(X, y).d[2]", "delta": "net.backprop(X, y).d[2]",
        "history": "net.train(X, y)", "clone": "net.copy()", "gradient_check": "net.check_gradient(X, y)",
        "gradcheck": "net.check_gradient(X, y)", "check_gradients": "net.check_gradient(X, y)",
        "explain": "net.backprop(X, y).explain('w', 2, 1, 1)",
        "reset": _FRESH,
        "eval": "net.forward(X)",
        "optimizer": "net.train(X, y, optimizer='adam')", "seed": "pl.Network([3, 4, 2], seed=0)",
        "type": _AS_FLOAT32,
        "initialize": _FRESH,
        "build": _FRESH,
        "init": _FRESH,
        "accuracy": "(net.predict(X).argmax(axis=1) == labels).mean()",
        "input_gradient": "net.backprop(X, y).input_gradient",
        "saliency": "net.backprop(X, y).input_gradient",
        "training": "!dropout acts only in training, so leave it out",
        "trainable": "!every parameter is trained",
        "dropout": "net.train(X, y, dropout=0.2)",
        "l2": "net.train(X, y, l2=0.01)",
        "stop_training": "net.train(X, y, patience=10)",
        "num_params": "net.parameters.size",
        "flatten": "net.parameters",
        "to_vector": "net.parameters",
        "hidden_layer_sizes": "net.sizes[1:-1]",
        "in_features": "net.sizes[0]",
        "out_features": "net.sizes[-1]",
        "kernel": "net.W[2]",
        "logits": "net.backprop(X, y).z[3]",
        "call": "net.predict(X)",
        "sim": "net.predict(X)",
        "predict_on_batch": "net.predict(X)",
        "predict_log_proba": "np.log(net.predict(X))",
        "compute_loss": "net.gradient(X, y, loss='mse').loss",
        "criterion": "net.gradient(X, y, loss='mse').loss",
        "value_and_grad": "net.gradient(X, y)",
        "numerical_gradient": "net.check_gradient(X, y)",
        "update_mini_batch": "net.train(X, y, batch_size=None, epochs=1)",
        "n_iter_": "net.train(X, y).epochs",
        "to_onnx": "net.save(path)",
        "get_config": "print(net)",
        "get_params": "net.parameters",
        "set_params": "net.parameters = vector",
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
        "summary": "print(run.text)",
        "plot": "net.draw(run=run, sample=1)",
        "cache": "run.a[2], run.z[2]",
    },
    "Gradient": {
        "dW": "g.W[2]", "dw": "g.W[2]", "w": "g.W[2]", "db": "g.b[2]",
        "weights": "g.W[2]", "biases": "g.b[2]", "flat": "g.vector",
        "flatten": "g.vector", "ravel": "g.vector", "numpy": "g.vector",
        "norm": "np.linalg.norm(g.vector)", "shape": "g.vector.shape", "d": "run.d[2]",
        "cost": "g.loss", "L": "g.loss", "grad": "g.vector",
        "values": "g.vector",
        "grads": "g.W[2], g.b[2]",
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
        "to_csv": "history.to_dict()",
        "to_dataframe": "history.to_dict()",
        "final_loss": "history['loss'][-1]",
        "best_score": "min(history['loss'])",
    },
    "Epoch": {
        "loss": "epoch.values['loss']", "epoch": "epoch.number", "n": "epoch.number",
        "val_loss": "epoch.history['validation_loss'][-1]", "logs": "epoch.values", "metrics": "epoch.values",
        "lr": "epoch.values", "model": "epoch.network", "net": "epoch.network", "stop_training": "epoch.stop()",
        "total": "epoch.epochs",
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
    "Activation": {
        "prime": "sigma.derivative(X)", "grad": "sigma.derivative(X)", "forward": "sigma.function(X)",
        "backward": "sigma.derivative(X)", "f": "sigma.function(X)", "df": "sigma.derivative(X)",
        "gradient": "sigma.derivative(X)", "call": "sigma(X)", "apply": "sigma(X)",
    },
    "Loss": {
        "derivative": "loss.gradient(a, y)", "prime": "loss.gradient(a, y)", "grad": "loss.gradient(a, y)",
        "backward": "loss.gradient(a, y)", "forward": "loss.function(a, y)", "delta": "loss.gradient(a, y)",
    },
    "Training": {
        "run": "pl.train_many([training])", "fit": "pl.train_many([training])", "train": "pl.train_many([training])",
        "start": "pl.train_many([training])", "net": "training.network", "model": "training.network",
        "history": "pl.train_many([training])[0]", "Y": "training.y",
    },
    "Predictor": {
        "predict_proba": "predictor.predict(rows)", "net": "predictor.network", "model": "predictor.network",
        "score": "predictor.evaluate(rows)", "W": "predictor.network.W[2]", "weights": "predictor.network.W[2]",
        "forward": "predictor.predict(rows)", "classes": "predictor.encoding.target.classes",
        "classes_": "predictor.encoding.target.classes", "fit": "predictor.network",
        "load": "pl.load(path)", "scaler": "predictor.encoding", "accuracy": "predictor.evaluate(rows)",
    },
    "MLP": {
        "history": "model.loss_curve_", "history_": "model.loss_curve_", "net": "model.network_",
        "network": "model.network_", "model": "model.network_", "W": "model.network_.W[2]",
        "b": "model.network_.b[2]",
        "weights": "model.coefs_", "coef_": "model.coefs_", "intercept_": "model.intercepts_",
        "to_file": "model.save(path)", "from_file": "pl.load(path)", "load": "pl.load(path)",
        "loss_curve": "model.loss_curve_",
        "train": "model.fit(X, labels)", "evaluate": "model.score(X, labels)",
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
"""By class: attributes that people look for, with the expression to write; or, after ``!``, why there is none."""


def _called(function: Callable[..., Any], args: tuple[object, ...] = ()) -> str:
    """What a function is called in messages: a method by the class of the object that it was called on."""
    name = function.__qualname__.removesuffix(".__init__")
    if "." in name and args and function.__name__ != "__init__":
        return f"{type(args[0]).__name__}.{function.__name__}"
    return name


def _is_array(value: object) -> bool:
    return bool(getattr(value, "shape", None)) or (isinstance(value, list) and len(repr(value[:2])) > 20)


def _shown(value: object, name: str) -> str:
    """A value as it would be typed, or the name of a variable for it."""
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], tuple):
        return _shown(value[0], name)  # a list of one pair of arrays, as some libraries take them
    if isinstance(value, tuple | list) and len(value) in (2, 3) and all(_is_array(one) for one in value):
        return "(X, y)" if len(value) == 2 else "(X, y, sample_weight)"
    text = repr(value) if isinstance(value, int | float | str | bool | tuple | list) else name
    return text if len(text) <= 40 else name


def _is_true(value: object) -> bool:
    return bool(value) if isinstance(value, int | float | str | None) else True


def _filled(code: str, name: str, given: Mapping[str, object], args: tuple[object, ...]) -> str:
    """Put the value of a keyword, and what was given with it, into a line of code."""
    value = given[name]
    first, second = value if isinstance(value, tuple | list) and len(value) == 2 else (0.9, 0.999)
    is_count = isinstance(value, int) and not isinstance(value, bool) and value > 1
    rates = [one for key, one in given.items() if _setting_of(key) == "learning_rate"]
    rates += [one for one in args[1:2] if isinstance(one, int | float)]
    has_output = any(plain_name(key) in map(plain_name, ("output", *PARAMETERS["output"])) for key in given)
    return code.format(
        value=_shown(value, name), first=first, second=second, is_true=_is_true(value),
        patience=value if is_count else 10, rate=_shown(rates[0], "0.01") if rates else 0.01,
        output="" if has_output else ", output='identity'",
    )  # fmt: skip


_RATES = {"adaptive": "reduce_on_plateau", "invscaling": "inverse_scaling"}
"""scikit-learn's words for a rate that changes, and the schedules that they mean."""

_CLASSES = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW", "rmsprop": "RMSprop"}


def _optimizer_line(names: Iterable[str], given: Mapping[str, object]) -> str:
    """Write the optimizer that the keywords of a training mean together."""
    chosen = given.get("optimizer")
    settings: dict[str, object] = {}
    kind = _CLASSES.get(plain_name(chosen), "") if isinstance(chosen, str) else getattr(chosen, "__name__", "")
    if chosen is not None and not kind and type(chosen).__name__ in _CLASSES.values():
        kind = type(chosen).__name__
        settings["learning_rate"] = getattr(chosen, "learning_rate", 0.01)
    for name in names:
        value = given[name]
        if name == "betas" and isinstance(value, tuple | list) and len(value) == 2:
            settings |= {"beta1": value[0], "beta2": value[1]}
        else:
            settings[_setting_of(name) or name] = value
    if isinstance(settings.get("learning_rate"), str):
        return f"write schedule={_RATES.get(plain_name(str(settings['learning_rate'])), 'constant')!r}"
    if isinstance(chosen, str) and plain_name(chosen) == "lbfgs":
        return "its line search chooses the step, so leave it out"
    if not kind:
        kind = "SGD" if {"momentum", "nesterov"} & set(settings) else "RMSprop" if "alpha" in settings else "Adam"
    if "nesterov" in settings:
        settings.setdefault("momentum", 0.9)
    apart = (
        f", l2={_shown(settings.pop('weight_decay'), 'weight_decay')}"
        if "weight_decay" in settings and kind != "AdamW"
        else ""
    )
    arguments = ", ".join(f"{name}={_shown(value, name)}" for name, value in settings.items())
    return f"write optimizer=pl.{kind}({arguments}){apart}"


def _setting_of(name: str) -> str | None:
    """The optimizer's setting that a keyword of a training means, or None."""
    plain = plain_name(name)
    for ours, theirs in OPTIMIZER_SETTINGS.items():
        if plain in map(plain_name, (ours, *theirs)):
            return ours
    return None


def _keyword_hint(
    called: str, name: str, given: Mapping[str, object], args: tuple[object, ...], known: list[str]
) -> str:
    """Say what to write in place of a keyword, or nothing."""
    line = _line_of(called, name)
    if line is not None:
        code, why = line
        return "; ".join(part for part in (f"write {_filled(code, name, given, args)}" if code else "", why) if part)
    near = parameter_of(name, known)
    return f"write {near}={_shown(given[name], near)}" if near else ""


def _line_of(called: str, name: str) -> tuple[str, str] | None:
    """Look the line up to write in place of a call's keyword, with its reason."""
    lines = {plain_name(key): line for key, line in KEYWORDS.get(called, {}).items()}
    return lines.get(plain_name(name))


def check_keywords(
    function: Callable[..., Any], given: Mapping[str, object], called: str = "", args: tuple[object, ...] = ()
) -> None:
    """Refuse keywords that a function does not have, before they are handed to it.

    Parameters
    ----------
    function : callable
    given : mapping
        The keywords.
    called : str, optional
        What the call is called in the message, if it is not the function's.
    args : tuple
        What else it was called with.

    Raises
    ------
    TypeError
        With what to write in place of each.
    """
    parameters = inspect.signature(function).parameters
    known = [name for name, one in parameters.items() if name != "self" and one.kind is not one.VAR_KEYWORD]
    unknown = [name for name in given if name not in known]
    if not unknown:
        return
    own = _called(function, args)
    hints: dict[str, list[str]] = {}
    is_training = own == "Network.train"
    together = [name for name in unknown if is_training and _setting_of(name) and not _line_of(own, name)]
    for name in unknown:
        hint = _optimizer_line(together, given) if name in together else _keyword_hint(own, name, given, args, known)
        hints.setdefault(hint, []).append(name)
    parts = []
    for hint, names in sorted(hints.items(), key=lambda one: not one[0]):
        quoted = " and ".join(map(repr, names))
        parts.append(f"no parameter{'s' if len(names) > 1 else ''} {quoted}: {hint or f'it takes {_listed(known)}'}")
    raise TypeError(f"{called or own}() has {'; '.join(parts)}")


def _listed(names: list[str]) -> str:
    return ", ".join(names)


def _check_call(function: Callable[..., Any], args: tuple[object, ...], given: Mapping[str, object]) -> None:
    """Refuse a call that does not fit the function's parameters, if there is more to say than Python says."""
    parameters = inspect.signature(function).parameters
    kinds = [one.kind for one in parameters.values()]
    if inspect.Parameter.VAR_KEYWORD not in kinds:
        check_keywords(function, given, args=args)
    by_position = [name for name, one in parameters.items() if one.kind is one.POSITIONAL_OR_KEYWORD]
    called = _called(function, args)
    extra = len(args) - len(by_position)
    if extra > 0 and inspect.Parameter.VAR_POSITIONAL not in kinds:
        rest = [name for name in parameters if name not in by_position and name not in given]
        by_name = f"; give the others by name, such as {rest[0]}={_shown(args[-extra], rest[0])}" if rest else ""
        places = ", ".join(name for name in by_position if name != "self") or "nothing"
        raise TypeError(f"{called}() takes {places} by position, got {extra} more{by_name}")
    needed = [name for name, one in parameters.items() if one.default is one.empty and name != "self"]
    needed = [
        name
        for name in needed
        if parameters[name].kind in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    ]
    missing = [name for name in needed[max(0, len(args) - ("self" in parameters)) :] if name not in given]
    if missing:
        written = ", ".join(needed)
        if len(args) == 2 and hasattr(args[1], "X") and hasattr(args[1], "y"):
            written = "data.X, data.y"
        raise TypeError(f"{called}() is missing {' and '.join(missing)}: write {_written(function, called)}({written})")


_OBJECTS = {"Network": "net", "MLPClassifier": "model", "MLPRegressor": "model", "Dataset": "data"}
"""What an object of a class is called in examples, if it is not its class's name in lower case."""


def _written(function: Callable[..., Any], called: str) -> str:
    """Return what a call is written as: a method on an object, a function in the module where users find it."""
    owner, _, method = called.rpartition(".")
    if owner:
        return f"{_OBJECTS.get(owner, owner.lower())}.{method}"
    import pellucid

    if hasattr(pellucid, called):
        return f"pl.{called}"
    room = function.__module__.split(".")[1]
    return f"pl.{room}.{called}"


def expect(value: object, kinds: type | tuple[type, ...], name: str, what: str, line: str) -> None:
    """Refuse an argument of another kind, with a line that makes the right one.

    Raises
    ------
    TypeError
        Says the name, what it must be, what it is, and what to write.
    """
    if not isinstance(value, kinds):
        from pellucid.described import brief

        raise TypeError(f"{name} must be {what}, got {brief(value)}; write {line}")


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
            return f": {line[1:]}" if line.startswith("!") else f"; write {line}"
    near = nearest(name, known)
    return f"; did you mean {owner}.{near}?" if near else ""


def has_line(kind: str, name: str) -> bool:
    """Whether there is a line to write in place of an attribute of a class of this very name."""
    return name in ATTRIBUTES.get(kind, {})


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

    _called: str = ""
    """What an object of the class is called in examples; without one the name of its class in lower case."""

    def __getattr__(self, name: str) -> Any:
        kind = type(self)
        if name.startswith("_") or hasattr(kind, name):
            return object.__getattribute__(self, name)  # raises, for a property what it raised itself
        classes = [one.__name__ for one in kind.__mro__]
        hint = self._numbered_hint(name) or attribute_hint(
            self._called or kind.__name__.lower(), classes, name, dir(self)
        )
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
