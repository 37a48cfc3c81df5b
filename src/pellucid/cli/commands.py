"""The commands that work with numbers: train, predict, evaluate, show, gradient, check."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from cyclopts import App, Parameter

from pellucid.activations import ACTIVATIONS
from pellucid.arrays import as_count
from pellucid.cli import output as out
from pellucid.cli.weights import load_weights
from pellucid.data import Encoding, Table, holds_arrays, read
from pellucid.engine import compiled
from pellucid.errors import unknown_name, visible
from pellucid.layers import INITIALISERS
from pellucid.loading import restore_model
from pellucid.losses import LOSSES, Huber, Loss, Quantile, as_loss
from pellucid.metrics import METRICS
from pellucid.network import Network, Run
from pellucid.optimizers import LBFGS, OPTIMIZERS, SGD, Adam, AdamW, RMSprop
from pellucid.predictor import Predictor
from pellucid.registry import Registry
from pellucid.schedules import SCHEDULES
from pellucid.storage import check_writable, read_file
from pellucid.version import __version__


def _version() -> str:
    """The version, and what computes."""
    module, detail = compiled()
    return f"pellucid {__version__}, {'numpy' if module is None else 'native'} engine ({detail})"


app = App(
    name="pellucid",
    version=_version,
    help="Feed-forward neural networks, backpropagation in the open.",
    help_format="plaintext",
    suppress_keyboard_interrupt=False,
)

app.register_install_completion_command(help="Install completion for your shell: bash, zsh, fish or PowerShell.")

Output = Annotated[str | None, Parameter(name=["--output", "-o"])]
Json = Annotated[bool, Parameter(name="--json", negative="")]
Whole = Annotated[int, Parameter(converter=lambda _, tokens: _whole(tokens[0].value))]
Numbers = Annotated[str | None, Parameter(allow_leading_hyphen=True)]


@Parameter(name="*")
@dataclass(frozen=True)
class TrainingOptions:
    """How to train."""

    epochs: Whole = 30
    "Passes over the training rows."
    batch_size: Whole | None = None
    "Samples per step, by default 16; 0 is gradient descent on the total loss, and what lbfgs does."
    optimizer: str = "adam"
    "sgd, adam, adamw, rmsprop or lbfgs (one iteration per epoch; takes no batches)."
    learning_rate: float | None = None
    "Of the optimizer, by default 0.01; lbfgs has none."
    momentum: float | None = None
    "Of sgd, by default 0."
    weight_decay: float | None = None
    "Of adamw, by default 0.01; biases are spared."
    schedule: str | None = None
    "cosine over all epochs (the default), constant, step, exponential, inverse_scaling or reduce_on_plateau."
    l2: float = 0.0
    "Adds (l2/2) Σ w² to the loss."
    l1: float = 0.0
    "Adds l1 Σ |w| to the loss."
    dropout: float = 0.0
    "Share of hidden neurons dropped in each step."
    clip_norm: float | None = None
    "Largest norm of a gradient."
    validation: float | None = None
    "Share of the training rows to measure the loss on after each epoch; 0.1 if there is a patience."
    patience: Whole | None = None
    "Stop after so many epochs without a lower validation loss, and keep the best."
    checkpoint: str | None = None
    "File to write after each epoch."
    resume: bool = False
    "Go on from the checkpoint, if there is one."

    def arguments(self) -> dict[str, Any]:
        """The arguments of `Network.train`."""
        validation = 0.1 if self.patience is not None and self.validation is None else self.validation
        is_lbfgs = self.optimizer == "lbfgs"
        if self.batch_size is not None and self.batch_size < 0:
            raise ValueError(f"--batch-size must be at least 0, got {self.batch_size}")
        return {
            "optimizer": self._optimizer(),
            "batch_size": self._batch_size(is_lbfgs),
            "validation": validation,
            "schedule": "cosine" if self.schedule is None and not is_lbfgs else self.schedule,
            **{name: getattr(self, name) for name in ("epochs", "l2", "l1", "dropout", "clip_norm")},
            **{name: getattr(self, name) for name in ("patience", "checkpoint", "resume")},
        }

    def _batch_size(self, is_lbfgs: bool) -> int | None:
        if self.batch_size is None:
            return None if is_lbfgs else 16
        return self.batch_size or None

    def _optimizer(self) -> object:
        _refuse_idle(self.optimizer, "sgd", momentum=self.momentum)
        _refuse_idle(self.optimizer, "adamw", weight_decay=self.weight_decay)
        if self.optimizer == "lbfgs" and self.learning_rate is not None:
            raise ValueError("--learning-rate: lbfgs has none, its line search chooses the step")
        rate = 0.01 if self.learning_rate is None else self.learning_rate
        decay = 0.01 if self.weight_decay is None else self.weight_decay
        made: dict[str, Callable[[], object]] = {
            "sgd": lambda: SGD(rate, self.momentum or 0.0),
            "adam": lambda: Adam(rate),
            "adamw": lambda: AdamW(rate, weight_decay=decay),
            "rmsprop": lambda: RMSprop(rate),
            "lbfgs": LBFGS,
        }
        return made[self.optimizer]() if self.optimizer in made else self.optimizer  # train refuses other names


def _refuse_idle(chosen: str | None, needed: str, **options: float | None) -> None:
    """Refuse an option that only another choice would use."""
    for name, value in options.items():
        if value is not None and chosen != needed:
            raise ValueError(f"--{name.replace('_', '-')} belongs to {needed}, not to {chosen or 'the default'}")


@app.command
def train(
    source: str,
    *,
    target: str | None = None,
    drop: str | None = None,
    header: bool = True,
    test: str | None = None,
    held_out: float | None = None,
    task: str = "auto",
    scaling: str = "auto",
    hidden: str = "30",
    activation: str = "relu",
    output_activation: str | None = None,
    loss: str | None = None,
    delta: float | None = None,
    tau: float | None = None,
    init: str | None = None,
    bias: bool = True,
    dtype: str = "float64",
    seed: Whole = 0,
    training: TrainingOptions = TrainingOptions(),
    output: Output = None,
    json: Json = False,
) -> None:
    """Train a network on a data set, measure it on held-out rows, check its gradient, and save it.

    Parameters
    ----------
    source
        digits, xor, two_spirals, two_moons, sine; or a file: CSV, Parquet, NPZ or IDX.
    target
        The column to predict, or several separated by commas; for IDX images the file of labels.
    drop
        Columns to leave out, separated by commas.
    header
        Whether the first line of a CSV file names the columns.
    test
        A file of rows to measure on, in place of held-out ones.
    held_out
        Share of the rows that is held out to measure on; 0 measures on the rows trained on. 0.2 by default, and 0 for
        fewer than 10 rows.
    task
        classification, regression, or auto: text and up to 20 whole numbers are classes.
    scaling
        How numeric inputs are scaled: standard, range, none, or auto (range for images, else standard).
    hidden
        Neurons of the hidden layers, such as 32,32; 0 for none.
    activation
        Of the hidden layers.
    output_activation
        Of the output layer; by default what fits the target.
    loss
        By default cross_entropy or binary_cross_entropy for classes, mse for numbers.
    delta
        Of the Huber loss, by default 1.
    tau
        Of the quantile loss, by default 0.5.
    init
        Initialiser of the weights.
    bias
        Whether the layers have biases.
    dtype
        float64 or float32.
    seed
        Of everything random.
    output
        The model file; by default the source's name with the ending .safetensors, in this folder.
    json
        Print one JSON object.
    """
    path = _default_path(source) if output is None else output
    _check_output(path, source, test, training.checkpoint)
    if training.checkpoint is not None:
        _check_output(training.checkpoint, source, test)
    table = _table(source, target, drop, header=header)
    rng = np.random.default_rng(as_count(seed, "--seed", 0))
    trained, measured = _split(table, test, held_out, rng, target=target, drop=drop, header=header)
    row = _loss(loss, delta, tau)
    probed = Encoding.fit(table, trained, scaling=scaling, task=task)
    row, output_activation = _output_layer(probed, row, output_activation)
    scales = row.targets == "numbers" and output_activation == "identity"
    encoding = Encoding.fit(table, trained, scaling=scaling, task=task, scales_target=scales)
    n_outputs = encoding.n_outputs
    if encoding.target.classes is not None and (output_activation == "softmax" or row.targets == "classes"):
        n_outputs = len(encoding.target.classes)
    sizes = [encoding.n_inputs, *read_sizes(hidden), n_outputs]
    activations = [activation] * (len(sizes) - 2) + [output_activation]
    network = Network(sizes, activations, dtype=dtype, seed=seed, init=init, bias=bias)
    model = Predictor(network, row, encoding)
    samples = model.samples(table.take(trained))
    held = model.samples(measured)  # what cannot be measured is refused before training
    if not json:
        out.print_plan(table, len(samples), len(held), model, is_held_out=measured is not table)
    history = network.train(
        samples.X, samples.Y, loss=row, seed=seed, progress=False if json else None, **training.arguments()
    )
    if history.stopped == "interrupted" and history.epochs == 0:
        raise KeyboardInterrupt  # nothing was learnt that could replace a model
    evaluation = model.evaluate(measured)
    check = network.check_gradient(
        samples.X[:8], samples.Y[:8], row, l2=training.l2, l1=training.l1,
        at_most=None if network.parameters.size <= 5000 else 500,
    )  # fmt: skip
    model.save(path)
    if json:
        report = out.training_json(source, len(samples), model, history, check, path)
        where = "held_out" if measured is not table else "on_the_rows_trained_on"
        out.print_json(report | {where: out.evaluation_json(evaluation, encoding)})
    else:
        out.print_training(history, evaluation, check, path, model, is_held_out=measured is not table)


@app.command
def predict(
    model: str,
    file: str,
    *,
    header: bool = True,
    output: Output = None,
    json: Json = False,
) -> None:
    """Predict on the raw rows of a file, and print the answers as CSV.

    Parameters
    ----------
    model
        A model file.
    file
        Rows as in training, with or without the target; or a data set that comes with pellucid.
    header
        Whether the first line of a CSV file names the columns.
    output
        Write the answers to this file instead.
    json
        JSON in place of CSV.
    """
    if output is not None:
        _check_output(output, model, file)
    predictor = _predictor(model)
    answers = predictor.predict(read(file, header=header))
    out.print_answers(answers, output, as_json=json)


@app.command
def evaluate(model: str, file: str, *, header: bool = True, labels: str | None = None, json: Json = False) -> None:
    """Measure a model on the raw rows of a file with known targets.

    Parameters
    ----------
    model
        A model file.
    file
        Rows as in training; or a data set that comes with pellucid.
    header
        Whether the first line of a CSV file names the columns.
    labels
        For IDX images the file of labels.
    json
        Print one JSON object.
    """
    predictor = _predictor(model)
    evaluation = predictor.evaluate(read(file, labels, header=header))
    assert predictor.encoding is not None
    if json:
        out.print_json(out.evaluation_json(evaluation, predictor.encoding))
    else:
        out.print_evaluation(evaluation, predictor.encoding)


@app.command
def show(model: str, *, json: Json = False) -> None:
    """Show what a model file holds: layers, parameters, loss, inputs and target.

    Parameters
    ----------
    model
        A model file; also a checkpoint, or the file of an estimator.
    json
        Print one JSON object.
    """
    file = read_file(model)
    found = restore_model(file)
    if json:
        out.print_json(out.model_json(file, found))
    else:
        out.print_model(file, found)


@app.command
def gradient(
    network: str,
    file: str | None = None,
    *,
    row: Whole = 1,
    x: Numbers = None,
    y: Numbers = None,
    activation: str = "sigmoid",
    output_activation: str | None = None,
    loss: str | None = None,
    delta: float | None = None,
    tau: float | None = None,
    bias: bool | None = None,
    seed: Whole = 0,
    weights: str | None = None,
    explain: str | None = None,
    digits: Whole = 6,
    every: bool = False,
    latex: bool = False,
    header: bool = True,
    json: Json = False,
) -> None:
    """Work the five steps of backpropagation for one sample, with every number.

    Parameters
    ----------
    network
        A model file, or sizes such as 3-4-2 for a new network.
    file
        Take the sample from this file of raw rows (for a model file).
    row
        Which row of it, from 1.
    x
        The input, such as 0.5,-1,2; by default drawn at random.
    y
        The target, such as 1,0; by default drawn at random.
    activation
        Of a new network.
    output_activation
        Of a new network's output layer; the same unless given.
    loss
        By default the model's own, or mse.
    delta
        Of the Huber loss, by default 1.
    tau
        Of the quantile loss, by default 0.5.
    bias
        Whether a new network has biases; it has by default.
    seed
        Of a new network's weights and of x and y if they are not given.
    weights
        Take a new network's weights and biases from this file: NPZ or JSON with W2, b2, W3, ...
    explain
        Show only one quantity by its label, such as d_1^2 or ∂L/∂w_13^2.
    digits
        Significant digits shown.
    every
        Show every neuron and weight of large layers too.
    latex
        LaTeX in place of text.
    header
        Whether the first line of a CSV file names the columns.
    json
        Print one JSON object.
    """
    if latex and json:
        raise ValueError("--latex and --json are two forms of the same output: give one of them")
    chosen = _loss(loss, delta, tau)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        if are_sizes(network):
            if file is not None:
                raise ValueError("a new network takes its sample from --x and --y, not from a file")
            net = Network(read_sizes(network), activation, output_activation, seed=seed, bias=bias is not False)
            if weights is not None:
                load_weights(net, weights)
            run = _run_new(net, chosen or as_loss("mse"), x, y, seed)
        elif weights is not None:
            raise ValueError(f"--weights is for a new network such as 3-4-2; {network} has weights of its own")
        else:
            refuse_bias(bias)
            run = _run_model(_predictor(network, takes_rows=file is not None), chosen, file, row, x, y, header=header)
    _check_finite(run)
    if explain is not None:
        explanation = run.explain(explain, digits=digits)
        if json:
            out.print_json(explanation.to_dict())
        else:
            out.print_text(explanation.latex if latex else explanation.text)
    elif json:
        out.print_json(out.run_json(run))
    else:
        out.print_run(run, digits=digits, every=every, latex=latex)


TABLES: dict[str, Registry[Any]] = {
    "activations": ACTIVATIONS,
    "losses": LOSSES,
    "optimizers": OPTIMIZERS,
    "metrics": METRICS,
    "schedules": SCHEDULES,
    "initialisers": INITIALISERS,
}
"""What the command lists."""


@app.command(name="list")
def list_table(table: str | None = None, *, json: Json = False) -> None:
    """List the names that options take, with their synonyms and formulas.

    Parameters
    ----------
    table
        activations, losses, optimizers, metrics, schedules or initialisers; without it, the names of all of them.
    json
        Print one JSON object.
    """
    if table is None:
        names = {name: list(registry) for name, registry in TABLES.items()}
        out.print_json(names) if json else out.print_text(
            "\n".join(f"{name:<14}{', '.join(rows)}" for name, rows in names.items())
        )
        return
    if table not in TABLES:
        raise unknown_name("table", table, TABLES)
    header, rows = TABLES[table].table()
    if json:
        out.print_json({row[0]: dict(zip(header[1:], row[1:], strict=True)) for row in rows})
    else:
        out.print_text(str(TABLES[table]))


@app.command
def check(
    file: str,
    *,
    network: str | None = None,
    activation: str = "sigmoid",
    output_activation: str | None = None,
    loss: str = "mse",
    l2: float = 0.0,
    l1: float = 0.0,
    samples: Whole = 13,
    seed: Whole = 0,
    dtype: str = "float64",
    bias: bool = True,
    dropout: float = 0.0,
    forbid_autodiff: bool = False,
    time_limit: float = 30.0,
    memory_limit: float = 4096.0,
    json: Json = False,
) -> int:
    """Diagnose a hand-written backpropagation: is it right, and if not, which term is wrong?

    FILE has a function that computes the gradient of the mean loss over the samples, a class with a method that does,
    or is a script or a notebook. A function may take (network, X, y), with network.W[l] and network.b[l], X of shape
    (n, n_1) and y (n, n_F); or (X, y), (x, y) for one sample, (W1, b1, W2, b2, X, y), (params, cache, X, Y) and the
    like: arguments are bound by their names, and by trying. If several functions may be meant, FILE:NAME or
    FILE:CLASS.METHOD says which. The exit code is 0 if right, 1 if wrong, 2 if it could not be run or read.

    Parameters
    ----------
    file
        A Python file or a notebook, and the function's name after a colon. It runs in a process of its own.
    network
        Sizes of the network to check on, such as 3,4,2; 5,7,3 by default, or with another layer if the function names
        more weights. Layers of different sizes hide nothing.
    activation
        Of the hidden layers.
    output_activation
        Of the output layer; the same unless given.
    loss
        What the gradient is of.
    l2
        The gradient includes that of (l2/2) Σ w².
    l1
        The gradient includes that of l1 Σ |w|.
    samples
        How many are drawn. A function is called with other numbers of them too.
    seed
        Of the parameters and the samples.
    dtype
        float64 or float32.
    bias
        Whether the network has biases. Without them the arrays are W^2, W^3, ..., and network.b is empty.
    dropout
        Share of hidden neurons that fixed masks drop; a function is handed them as its parameter masks.
    forbid_autodiff
        Refuse a file that imports a library which differentiates, such as torch or jax.
    time_limit
        Seconds after which the file is stopped.
    memory_limit
        Megabytes that the file's process may use (on Linux); 0 for any number.
    json
        Print one JSON object.
    """
    from pellucid.cli.process import (
        CouldNotRunError,
        Request,
        diagnose_file,
    )  # the checker is loaded by its own command only

    if not 0 < time_limit < 1e6:
        raise ValueError(f"--time-limit must be a positive number of seconds, got {time_limit:g}")
    if not 0 <= memory_limit < 1e9:
        raise ValueError(f"--memory-limit must be a number of megabytes, got {memory_limit:g}")
    if not 0 <= dropout < 1:
        raise ValueError(f"--dropout must be at least 0 and less than 1, got {dropout:g}")
    path, name = _file_and_name(file)
    sizes = () if network is None else tuple(read_sizes(network))
    request = Request(
        path, sizes, activation, output_activation or "", loss, as_count(samples, "--samples"),
        as_count(seed, "--seed", 0), l2, l1, dtype, bias, name, dropout, int(memory_limit * 2**20), forbid_autodiff,
    )  # fmt: skip
    try:
        diagnosis, printed = diagnose_file(request, time_limit)
    except CouldNotRunError as error:
        if not error.adapter:
            raise
        out.print_aside(f"pellucid: {error}; put a function like this into the file:", error.adapter)
        return 2
    if printed.strip():
        out.print_aside(f"printed by {visible(path)}:", printed)
    if json:
        out.print_json(diagnosis.to_dict())
    else:
        out.print_diagnosis(diagnosis.verdict, diagnosis.text)
    return {"right": 0, "convention": 0, "wrong": 1}.get(diagnosis.verdict, 2)


def _file_and_name(text: str) -> tuple[str, str]:
    """Read FILE or FILE:NAME; a path may have colons of its own."""
    path, colon, name = text.rpartition(":")
    is_name = all(part.isidentifier() for part in name.split("."))
    return (path, name) if colon and path and is_name and not os.path.exists(text) else (text, "")


def refuse_bias(bias: bool | None) -> None:
    """Refuse --bias and --no-bias together with a model file, which says itself whether it has biases."""
    if bias is not None:
        option = "--bias" if bias else "--no-bias"
        raise ValueError(f"{option} is for a new network given by its sizes; a model file has its own parameters")


def _check_finite(run: Run) -> None:
    """Refuse numbers that leave the range of floating point: a worked example has no use for inf and nan."""
    for name, arrays in (("z", run.z), ("a", run.a), ("d", run.d), ("the gradient", run.gradient.W)):
        for l, array in arrays.items():
            if not np.isfinite(array).all():
                raise ValueError(f"the numbers of this sample do not stay finite: {name} of layer {l} overflows")
    if not np.isfinite(run.loss):
        raise ValueError(f"the numbers of this sample do not stay finite: the loss is {run.loss}")


def _run_new(net: Network, loss: Loss, x: str | None, y: str | None, seed: int) -> Run:
    rng = np.random.default_rng([seed, 1])
    n_inputs, n_outputs = net.size(1), net.size(net.F)
    inputs = rng.integers(-20, 21, n_inputs) / 10 if x is None else _floats(x, "--x")
    targets: Any = np.eye(n_outputs)[0] if y is None else _floats(y, "--y")
    if loss.targets == "classes" and y is not None and re.fullmatch(r"\d+", y.strip()) and n_outputs > 1:
        targets = int(y)
    return net.backprop(inputs, targets, loss)


def _predictor(path: str, *, takes_rows: bool = True) -> Predictor:
    """Load a model for a command, or say what to use in its place."""
    file = read_file(path)
    if file.kind == "estimator":
        raise ValueError(
            f"{path} holds an estimator, which takes arrays and not files of rows: use it in Python, "
            f"pellucid.load({path!r}).predict(X)"
        )
    if file.kind == "checkpoint" and takes_rows:
        raise ValueError(
            f"{path} holds a checkpoint, which does not know the columns of the rows: give the model file that train "
            "writes at its end; train with --checkpoint and --resume goes on to there"
        )
    found = restore_model(file)
    return found if isinstance(found, Predictor) else Predictor(found, None, None)


def _run_model(
    model: Predictor, loss: Loss | None, file: str | None, row: int, x: str | None, y: str | None, *, header: bool
) -> Run:
    loss = loss or model.loss or as_loss("mse")
    if file is not None:
        if x is not None or y is not None:
            raise ValueError("the sample comes from the file or from --x and --y, not from both")
        table = read(file, header=header)
        if not 1 <= row <= len(table):
            raise ValueError(f"--row {row}: {file} has rows 1 … {len(table)}")
        samples = Predictor(model.network, loss, model.encoding).samples(table.take(np.array([row - 1])))
        return model.network.backprop(samples.X[0], samples.Y[0], loss)
    if x is None or y is None:
        raise ValueError("name a file and --row, or give --x and --y (as the network sees them)")
    return _run_new(model.network, loss, x, y, 0)


def _table(source: str, target: str | None, drop: str | None, *, header: bool) -> Table:
    if holds_arrays(source):
        table = read(source, target)
    else:
        table = read(source, header=header)
        table = table if target is None else table.with_targets(_names(target, table))
    return table if drop is None else table.without(_names(drop, table))


def _names(text: str, table: Table) -> list[str]:
    """Read the names of columns, separated by commas; a column whose name has a comma is taken by itself."""
    return [text] if text in table.columns else [name.strip() for name in text.split(",") if name.strip()]


def _split(
    table: Table,
    test: str | None,
    held_out: float | None,
    rng: "np.random.Generator",
    *,
    target: str | None,
    drop: str | None,
    header: bool,
) -> tuple[np.ndarray[Any, Any], Table]:
    """Positions of the rows to train on, and the rows to measure on."""
    n = len(table)
    if test is not None:
        if held_out is not None:
            raise ValueError("--held-out and --test both name what to measure on; give one")
        rows = _table(test, None if holds_arrays(test) else target, None, header=header)
        dropped = [] if drop is None else [name for name in _names(drop, rows) if name in rows.columns]
        return np.arange(n), rows.without(dropped)
    share = (0.2 if n >= 10 else 0.0) if held_out is None else held_out
    if not 0 <= share < 1:
        raise ValueError(f"--held-out must be in [0, 1), got {share:g}")
    if share == 0:
        return np.arange(n), table
    if n < 2:
        raise ValueError(f"{table.name} has one row, which cannot be both trained on and held out: --held-out 0")
    order = rng.permutation(n)
    measured = min(max(1, round(share * n)), n - 1)
    return np.sort(order[measured:]), table.take(np.sort(order[:measured]))


def _loss(name: str | None, delta: float | None, tau: float | None) -> Loss | None:
    _refuse_idle(name, "huber", delta=delta)
    _refuse_idle(name, "quantile", tau=tau)
    if delta is not None:
        return Huber(delta)
    if tau is not None:
        return Quantile(tau)
    return None if name is None else as_loss(name)


def _output_layer(encoding: Encoding, loss: Loss | None, activation: str | None) -> tuple[Loss, str]:
    """Choose the loss and the output activation from the target where they are not given."""
    classes = encoding.target.classes
    if loss is None:
        many = classes is not None and (len(classes) > 2 or activation == "softmax")
        loss = LOSSES["mse" if classes is None else "cross_entropy" if many else "binary_cross_entropy"]
    if activation is None:
        fitting = "sigmoid" if classes is not None else "identity"
        activation = loss.outputs[0] if loss.outputs else fitting
    return loss, activation


def are_sizes(text: str) -> bool:
    """Whether a command's argument is sizes such as 3-4-2, and no file."""
    return re.fullmatch(r"\s*\d+(\s*[-,x]\s*\d+)+\s*", text) is not None and not os.path.exists(text)


def read_sizes(text: str) -> list[int]:
    """Read layer sizes such as 32,32 or 3-4-2; 0 is none."""
    if text.strip() == "0":
        return []
    try:
        return [int(part) for part in re.split(r"[-,x]", text)]
    except ValueError:
        raise ValueError(f"layer sizes look like 32,32 or 3-4-2, got {text!r}") from None


def _floats(text: str, option: str) -> list[float]:
    try:
        if "_" in text:  # Python's float takes 1_000
            raise ValueError
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(f"{option} takes numbers separated by commas, got {text!r}") from None


def _whole(text: str) -> int:
    if not re.fullmatch(r"[+-]?\d+", text):
        raise ValueError(f"expected a whole number, got {text!r}")
    return int(text)


def _check_output(path: str, *inputs: str | None) -> None:
    """Refuse an output that cannot be written, or that would replace an input."""
    check_writable(path)
    for other in inputs:
        if other is not None and os.path.realpath(other) == os.path.realpath(path):
            raise ValueError(f"{path} would be replaced by the output of this command; name another file")


def _default_path(source: str) -> str:
    stem = os.path.basename(source).removesuffix(".gz")
    return os.path.splitext(stem)[0] + ".safetensors"
