"""What the command prints: text for people, JSON for programs."""

import csv
import io
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from pellucid.checking import GradientCheck
from pellucid.data import Encoding, Table
from pellucid.data.tables import Column
from pellucid.layers import PerLayer
from pellucid.network import Run
from pellucid.notation import Label
from pellucid.predictor import Evaluation, Predictor
from pellucid.storage import write_atomically
from pellucid.training import History

_SHOWN = 6
"""Neurons or weights of a layer that a worked example shows unless asked for all."""


class _Console(Console):
    """A console that leaves a broken pipe to the command's entry, which ends quietly."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def _console() -> Console:
    return _Console(highlight=False, soft_wrap=True)


def print_text(text: str) -> None:
    """Print plain text."""
    _console().print(Text(text))


def print_json(data: Mapping[str, Any]) -> None:
    """Print one JSON object."""
    sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def _print_rows(rows: Sequence[tuple[str, str]]) -> None:
    console = _console()
    for name, value in rows:
        console.print(Text(f"{name:<12}", style="bold").append(value, style="not bold"))


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
    _print_rows([
        ("data", f"{table.name}: {trained:,} rows to train on, {measured if is_held_out else 0:,} held out"),
        ("target", _target(model.encoding)),
        ("network", f"{'-'.join(map(str, net.sizes))}, {net.parameters.size:,} parameters, {_activations(model)}"),
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
    console = _console()
    if not console.is_terminal:
        console.width = 400  # a file has no margin
    console.print(grid, crop=False)


def print_model(path: str, model: Predictor, version: str) -> None:
    """Print what a model file holds."""
    print_text(str(model.network))
    rows = [("file", f"{path}, written by pellucid {version}")]
    if model.encoding is None:
        rows.append(("inputs", "numbers as the network sees them; the file has no encoding of raw rows"))
    else:
        rows += [("loss", str(model.loss)), ("target", _target(model.encoding))]
    _print_rows(rows)
    if model.encoding is None:
        return
    grid = Grid(title="inputs", title_justify="left")
    for name in ("column", "kind", "encoding"):
        grid.add_column(name, overflow="fold")
    for one in model.encoding.inputs[:40]:
        if one.categories is not None:
            grid.add_row(one.name, "category", f"one of {len(one.categories)}: {_listed(one.categories)}")
        else:
            grid.add_row(one.name, "number", f"(x - {one.offset:.6g}) / {one.scale:.6g}")
    if len(model.encoding.inputs) > 40:
        grid.add_row("…", "", f"{len(model.encoding.inputs)} in all")
    _console().print(grid)


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
    evaluation: Evaluation,
    check: GradientCheck,
    path: str,
) -> dict[str, Any]:
    """Return a training as what JSON can hold."""
    assert model.encoding is not None
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
        "held_out": evaluation_json(evaluation, model.encoding),
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
    for line in _five_steps(run, digits, every, latex):
        print_text(line)


def _five_steps(run: Run, digits: int, every: bool, latex: bool) -> Iterator[str]:
    layers, F = run.layers, run.layers.F
    sigmas = ", ".join(f"layer {l} {sigma}" for l, sigma in layers.activations.items())
    yield f"Backpropagation through {'-'.join(map(str, layers.sizes))} ({sigmas}), loss {run.loss_function}"

    def worked(labels: Sequence[Label], *, in_lines: bool) -> Iterator[str]:
        shown = labels if every or len(labels) <= _SHOWN else [*labels[: _SHOWN - 1], labels[-1]]
        for label in shown:
            if len(shown) < len(labels) and label is labels[-1]:
                yield f"  … {len(labels) - len(shown)} more (--every shows them)"
            explanation = run.explain(label.text, digits=digits)
            if latex:
                yield explanation.latex
            elif in_lines:
                yield "\n".join(f"  {line}" for line in explanation.text.split("\n") if not line.startswith("    with"))
            else:
                yield f"  {explanation.line}"

    def of(symbol: str, layer: int) -> list[Label]:
        return [label for label in layers.labels(symbol) if label.layer == layer]

    yield "\n1 Input: a^1 = x"
    yield from worked(of("a", 1), in_lines=False)
    yield "\n2 Feedforward: z^l = W^l a^{l-1} + b^l, a^l = σ(z^l)"
    for l in range(2, F + 1):
        yield from worked(of("z", l), in_lines=True)
        yield from worked(of("a", l), in_lines=False)
    yield f"\n  {run.explain('L', digits=digits).line}"
    yield "\n3 Output (1): d^F = ∇_a L ⊙ σ'(z^F)"
    yield from worked(of("d", F), in_lines=True)
    if F > 2:
        yield "\n4 Backpropagate (2): d^l = ((W^{l+1})^T d^{l+1}) ⊙ σ'(z^l)"
        for l in range(F - 1, 1, -1):
            yield from worked(of("d", l), in_lines=True)
    yield "\n5 Gradient (3), (4): ∂L/∂w_jk^l = a_k^{l-1} d_j^l, ∂L/∂b_j^l = d_j^l"
    for l in range(2, F + 1):
        yield from worked(of("w", l), in_lines=False)
        yield from worked(of("b", l), in_lines=False)
