"""What the command prints: text for people, JSON for programs."""

import csv
import io
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from pellucid.checking import GradientCheck
from pellucid.data import Encoding, Table
from pellucid.data.tables import Column
from pellucid.errors import counted, visible
from pellucid.five_steps import FiveSteps
from pellucid.layers import PerLayer
from pellucid.network import Network, Run
from pellucid.predictor import Evaluation, Predictor
from pellucid.storage import ModelFile, write_atomically
from pellucid.training import Checkpoint, History, read_checkpoint


class _Console(Console):
    """A console that leaves a broken pipe to the command's entry, which ends quietly."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def console() -> Console:
    """Return the console that the command prints on; with NO_COLOR in the environment nothing is styled."""
    if os.environ.get("NO_COLOR"):
        return _Console(highlight=False, soft_wrap=True, color_system=None)
    return _Console(highlight=False, soft_wrap=True)


def print_text(text: str) -> None:
    """Print plain text."""
    console().print(Text(text))


def print_json(data: Mapping[str, Any]) -> None:
    """Print one JSON object."""
    sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


_VERDICT_STYLES = {
    "right": "bold green",
    "convention": "bold yellow",
    "wrong": "bold red",
    "unreadable": "bold magenta",
}


def print_diagnosis(verdict: str, text: str) -> None:
    """Print a diagnosis, in colour on a terminal: the verdict, and the factor of an equation that is marked."""
    first, _, rest = text.partition("\n")
    shown = Text(first, style=_VERDICT_STYLES[verdict])
    shown.append(f"\n{rest}" if rest else "", style="not bold default")
    shown.highlight_regex(r"⟦[^⟧]*⟧", "bold yellow")
    shown.highlight_regex(r"(?m)^ *(\d+\. )?(and )?\[\w+\].*$", "bold")
    console().print(shown)


def print_aside(title: str, text: str) -> None:
    """Print what is not the answer on standard error."""
    sys.stderr.write(f"{title}\n{text.rstrip()}\n")


def _print_rows(rows: Sequence[tuple[str, str]]) -> None:
    screen = console()
    for name, value in rows:
        screen.print(Text(f"{name:<12}", style="bold").append(visible(value), style="not bold"))


def _listed(names: Sequence[str], most: int = 6) -> str:
    return ", ".join(names[:most]) + (f", … ({len(names)})" if len(names) > most else "")


def _activations(model: Predictor) -> str:
    rows = [str(row) for row in model.network.activations.values()]
    return ", ".join(rows if len(set(rows[:-1])) > 1 else [*rows[:1], *rows[1:][-1:]])


def _target(encoding: Encoding) -> str:
    target = encoding.target
    if target.classes is None:
        return f"{_listed(target.names)}: {'a number' if len(target.names) == 1 else f'{len(target.names)} numbers'}"
    return f"{target.names[0]}: {len(target.classes)} classes, {_listed(target.classes, 10)}"


def print_plan(table: Table, trained: int, measured: int, model: Predictor, *, is_held_out: bool) -> None:
    """Say what is about to be trained."""
    assert model.encoding is not None
    net = model.network
    parameters = f"{counted(net.parameters.size, 'parameter')}{'' if net.has_bias else ' (no biases)'}"
    _print_rows([
        ("data", f"{table.name}: {counted(trained, 'row')} to train on, {measured if is_held_out else 0:,} held out"),
        ("target", _target(model.encoding)),
        ("network", f"{'-'.join(map(str, net.sizes))}, {parameters}, {_activations(model)}"),
        ("loss", str(model.loss)),
    ])  # fmt: skip


def print_training(
    history: History, evaluation: Evaluation, check: GradientCheck, path: str, model: Predictor, *, is_held_out: bool
) -> None:
    """Say how a training went."""
    curve = history.get("loss", [])
    rows = [("trained", _epochs(history) + (f", loss {curve[0]:.4g} → {curve[-1]:.4g}" if curve else ""))]
    if "validation_loss" in history:
        kept = (history.best_epoch or history.epochs) - 1
        rows.append(("validation", f"loss {history['validation_loss'][kept]:.4g}"))
    rows.append(("held out" if is_held_out else "on the rows", _evaluation(evaluation)))
    net = model.network
    share = "all" if check.compared + len(check.set_aside) == net.parameters.size else f"of {net.parameters.size:,}"
    verdict = f"{'passed' if check else 'FAILED'}, {check.compared:,} partials ({share}) against difference quotients"
    if check.worst is not None:
        verdict += f", worst relative error {check.worst.relative_error:.1e} at {check.worst.label}"
    if check.set_aside:
        verdict += f"; {len(check.set_aside)} at a kink set aside"
    rows += [("gradient", verdict), ("saved", path)]
    _print_rows(rows)


def _epochs(history: History) -> str:
    why = {
        "epochs": "",
        "patience": "",
        "interrupted": " (interrupted)",
        "converged": " (converged)",
        "stalled": " (no lower loss found)",
        "callback": "",
    }
    best = f", kept epoch {history.best_epoch}, the best" if history.best_epoch is not None else ""
    return f"{history.epochs} epoch{'s' if history.epochs != 1 else ''}{why[history.stopped]}{best}"


def _evaluation(evaluation: Evaluation) -> str:
    parts = [f"loss {evaluation.loss:.4g}"]
    parts += [
        f"accuracy {100 * value:.2f} %" if name == "accuracy" else f"{name} {value:.4g}"
        for name, value in evaluation.metrics.items()
    ]
    return ", ".join(parts)


def print_evaluation(evaluation: Evaluation, encoding: Encoding) -> None:
    """Print loss and metrics, and for classes the confusion matrix."""
    _print_rows([("rows", f"{evaluation.n:,}"), ("result", _evaluation(evaluation))])
    classes = encoding.target.classes
    if evaluation.confusion is None or classes is None or len(classes) > 20:
        return
    grid = Grid(title="rows by class (down) and answer (across)", title_justify="left")
    grid.add_column("")
    for name in (*classes, "right"):
        grid.add_column(name, justify="right")
    for i, name in enumerate(classes):
        counts = evaluation.confusion[i]
        right = f"{100 * counts[i] / counts.sum():.1f} %" if counts.sum() else "–"
        cells = [Text(str(count) if count else "·", style="bold" if i == j else "") for j, count in enumerate(counts)]
        grid.add_row(name, *cells, right)
    screen = console()
    if not screen.is_terminal:
        screen.width = 400  # a file has no margin
    screen.print(grid, crop=False)


def print_model(file: ModelFile, model: Any) -> None:
    """Print what a model file holds."""
    print_text(str(network_of(model)))
    rows = [("file", f"{file.path}, written by pellucid {file.version}")]
    if isinstance(model, Predictor):
        assert model.encoding is not None
        rows += [("loss", str(model.loss)), ("target", _target(model.encoding))]
    elif file.kind == "checkpoint":
        rows += _checkpoint(read_checkpoint(file))
    elif file.kind == "estimator":
        rows += [
            ("estimator", " ".join(repr(model).split())),
            ("trained", f"{counted(model.n_iter_, 'epoch')}, {_loss(model)}"),
        ]
        if hasattr(model, "classes_"):
            rows.append(("classes", _listed([str(label) for label in model.classes_], 10)))
    else:
        rows.append(("inputs", "numbers as the network sees them; the file has no encoding of raw rows"))
    _print_rows(rows)
    if not isinstance(model, Predictor) or model.encoding is None:
        return
    grid = Grid(title="inputs", title_justify="left")
    for name in ("column", "kind", "encoding"):
        grid.add_column(name, overflow="fold")
    for one in model.encoding.inputs[:40]:
        if one.categories is not None:
            cells = (one.name, "category", f"one of {len(one.categories)}: {_listed(one.categories)}")
        else:
            cells = (one.name, "number", f"(x - {one.offset:.6g}) / {one.scale:.6g}")
        grid.add_row(*(Text(visible(cell)) for cell in cells))
    if len(model.encoding.inputs) > 40:
        grid.add_row("…", "", f"{len(model.encoding.inputs)} in all")
    console().print(grid)


def model_json(file: ModelFile, model: Any) -> dict[str, Any]:
    """Return what a model file holds as a JSON-serializable dict."""
    header = dict(file.header)
    if file.kind == "estimator":
        header["estimator_parameters"] = header.pop("parameters")
    return {"model": file.path, **header, "parameters": network_of(model).parameters.size}


def network_of(model: Any) -> Network:
    """Return the network of what `pellucid.load` returns."""
    if isinstance(model, Network):
        return model
    network: Network = model.network if isinstance(model, Predictor) else model.network_
    return network


def _checkpoint(checkpoint: Checkpoint) -> list[tuple[str, str]]:
    header, training = checkpoint.header, checkpoint.header["training"]
    curve = header["history"]["loss"]
    best = "" if header["best_epoch"] is None else f", the best is {header['best_epoch']}"
    state = "training ended" if checkpoint.has_ended else "training can go on"
    return [
        ("checkpoint", f"{counted(checkpoint.epochs, 'epoch')}{best}; {state}"),
        ("trained", f"loss {curve[0]:.4g} → {curve[-1]:.4g}, {training['loss']}, {training['optimizer']['name']}"),
    ]


def _loss(model: Any) -> str:
    return "loss not known" if getattr(model, "loss_", None) is None else f"loss {model.loss_:.4g}"


def print_answers(answers: Mapping[str, Column], path: str | None, *, as_json: bool) -> None:
    """Write predictions as CSV or JSON, to a file or to standard output."""
    columns = {name: column.tolist() for name, column in answers.items()}
    if as_json:
        text = json.dumps(columns, ensure_ascii=False) + "\n"
    else:
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
        text = buffer.getvalue()
    if path is None:
        sys.stdout.write(text)
    else:
        write_atomically(path, text.encode())


def evaluation_json(evaluation: Evaluation, encoding: Encoding) -> dict[str, Any]:
    """Return an evaluation as what JSON can hold."""
    data: dict[str, Any] = {"rows": evaluation.n, "loss": evaluation.loss, **evaluation.metrics}
    if evaluation.confusion is not None:
        data |= {"classes": encoding.target.classes, "confusion": evaluation.confusion.tolist()}
    return data


def training_json(
    source: str,
    trained: int,
    model: Predictor,
    history: History,
    check: GradientCheck,
    path: str,
) -> dict[str, Any]:
    """Return a training as what JSON can hold."""
    worst = check.worst
    return {
        "source": source,
        "rows": trained,
        "sizes": list(model.network.sizes),
        "activations": [str(row) for row in model.network.activations.values()],
        "loss": str(model.loss),
        "seed": history.seed,
        "epochs": history.epochs,
        "stopped": history.stopped,
        "best_epoch": history.best_epoch,
        "history": history.to_dict(),
        "gradient_check": {
            "passed": check.passed,
            "compared": check.compared,
            "set_aside": [label.text for label in check.set_aside],
            "tolerance": check.tolerance,
            "worst": None if worst is None else {**worst._asdict(), "label": worst.label.text},
        },
        "model": path,
    }


def _by_layer(arrays: PerLayer) -> dict[str, Any]:
    return {str(l): array.tolist() for l, array in arrays.items()}


def run_json(run: Run) -> dict[str, Any]:
    """Return a record as what JSON can hold; layers are the keys."""
    data: dict[str, Any] = {"sizes": list(run.layers.sizes), "loss_function": str(run.loss_function), "loss": run.loss}
    groups = {"W": run.layers.W, "b": run.layers.b, "z": run.z, "a": run.a, "d": run.d}
    data |= {name: _by_layer(group) for name, group in groups.items()}
    data["gradient"] = {"W": _by_layer(run.gradient.W), "b": _by_layer(run.gradient.b)}
    return data | {"y": run.y.tolist(), "input_gradient": run.input_gradient.tolist()}


def print_run(run: Run, *, digits: int, every: bool, latex: bool) -> None:
    """Print the five steps of one sample, equation by equation."""
    steps = FiveSteps(run, digits=digits, every=every)
    print_text(steps.document().latex if latex else steps.text(" (--every shows them)"))
