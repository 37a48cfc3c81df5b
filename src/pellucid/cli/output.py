"""What the command prints: text for people, JSON for programs."""

import csv
import io
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from pellucid.checking import GradientCheck
from pellucid.data import Encoding, Table
from pellucid.data.tables import Column
from pellucid.errors import visible
from pellucid.layers import PerLayer
from pellucid.losses import canonical_pair
from pellucid.network import Network, Run
from pellucid.predictor import Evaluation, Predictor
from pellucid.storage import ModelFile, write_atomically
from pellucid.training import Checkpoint, History, read_checkpoint

_SHOWN = 6
"""Neurons or weights of a layer that a worked example shows unless asked for all."""


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


_VERDICT_STYLES = {"right": "bold green", "convention": "bold yellow", "wrong": "bold red"}


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
    parameters = f"{net.parameters.size:,} parameters{'' if net.has_bias else ' (no biases)'}"
    _print_rows([
        ("data", f"{table.name}: {trained:,} rows to train on, {measured if is_held_out else 0:,} held out"),
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
        rows += [("estimator", " ".join(repr(model).split())), ("trained", f"{model.n_iter_} epochs, {_loss(model)}")]
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
        ("checkpoint", f"{checkpoint.epochs} epochs{best}; {state}"),
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
    for line in _five_steps(run, digits, every, latex):
        print_text(line)


_STEPS = {
    "input": ("1 Input: a^1 = x", r"1 Input: $a^1 = x$"),
    "feedforward": (
        "2 Feedforward: z^l = W^l a^{l-1} + b^l, a^l = σ(z^l)",
        r"2 Feedforward: $z^l = W^l a^{l-1} + b^l$, $a^l = \sigma(z^l)$",
    ),
    "output": (
        "3 Output (1): d^F = ∇_a L ⊙ σ'(z^F)",
        r"3 Output (1): $d^F = \nabla_a L \odot \sigma'(z^F)$",
    ),
    "canonical": (
        "3 Output (1), which collapses for {pair}: d^F = {delta}",
        r"3 Output (1), which collapses for {pair}: $d^F_j = {delta_latex}$",
    ),
    "jacobian": (
        "3 Output (1), where σ' is a Jacobian J: d^F = J^T ∇_a L",
        r"3 Output (1), where $\sigma'$ is a Jacobian $J$: $d^F = J^T \nabla_a L$",
    ),
    "backpropagate": (
        "4 Backpropagate (2): d^l = ((W^{l+1})^T d^{l+1}) ⊙ σ'(z^l)",
        r"4 Backpropagate (2): $d^l = ((W^{l+1})^T d^{l+1}) \odot \sigma'(z^l)$",
    ),
    "gradient": (
        "5 Gradient (3), (4): ∂L/∂w_jk^l = a_k^{l-1} d_j^l, ∂L/∂b_j^l = d_j^l",
        r"5 Gradient (3), (4): $\partial L/\partial w_{jk}^l = a_k^{l-1} d_j^l$, $\partial L/\partial b_j^l = d_j^l$",
    ),
    "feedforward without biases": (
        "2 Feedforward: z^l = W^l a^{l-1}, a^l = σ(z^l)",
        r"2 Feedforward: $z^l = W^l a^{l-1}$, $a^l = \sigma(z^l)$",
    ),
    "gradient without biases": (
        "5 Gradient (3): ∂L/∂w_jk^l = a_k^{l-1} d_j^l",
        r"5 Gradient (3): $\partial L/\partial w_{jk}^l = a_k^{l-1} d_j^l$",
    ),
}
"""The heading of each step as text and LaTeX; step 3 has three cases, steps 2 and 5 have two."""


def _five_steps(run: Run, digits: int, every: bool, latex: bool) -> Iterator[str]:
    layers, F, loss = run.layers, run.layers.F, run.loss_function
    without = "" if layers.has_bias else " without biases"

    def heading(step: str) -> str:
        text, tex = _STEPS[step]
        if step == "canonical":
            pair = canonical_pair(loss, layers.activations[F])
            assert pair is not None
            who = f"{loss} with {layers.activations[F]}"
            text = text.format(pair=who, delta=pair.delta_formula)
            tex = tex.format(pair=who.replace("_", r"\_"), delta_latex=pair.delta_latex)
        return f"\n\\paragraph{{{tex}}}" if latex else f"\n{text}"

    def worked(symbol: str, layer: int, *, in_lines: bool) -> Iterator[str]:
        labels = [label for label in layers.labels(symbol) if label.layer == layer]
        shown = labels if every or len(labels) <= _SHOWN else [*labels[: _SHOWN - 1], labels[-1]]
        for label in shown:
            if len(shown) < len(labels) and label is labels[-1]:
                left_out = f"… {len(labels) - len(shown)} more (--every shows them)"
                yield f"% {left_out}" if latex else f"  {left_out}"
            explanation = run.explain(label, digits=digits)
            if latex:
                yield f"\\[\n{explanation.latex}\n\\]"
            elif in_lines:
                yield "\n".join(f"  {line}" for line in explanation.text.split("\n") if not line.startswith("    with"))
            else:
                yield f"  {explanation.line}"

    yield from _definitions(run, latex)
    yield heading("input")
    yield from worked("a", 1, in_lines=False)
    yield heading(f"feedforward{without}")
    for l in range(2, F + 1):
        yield from worked("z", l, in_lines=True)
        yield from worked("a", l, in_lines=False)
    total = run.explain("L", digits=digits)
    yield f"\\[\n{total.latex}\n\\]" if latex else f"\n  {total.line}"
    sigma = layers.activations[F]
    yield heading("canonical" if canonical_pair(loss, sigma) else "output" if sigma.elementwise else "jacobian")
    yield from worked("d", F, in_lines=True)
    if F > 2:
        yield heading("backpropagate")
        for l in range(F - 1, 1, -1):
            yield from worked("d", l, in_lines=True)
    yield heading(f"gradient{without}")
    for l in range(2, F + 1):
        yield from worked("w", l, in_lines=False)
        yield from worked("b", l, in_lines=False)


def _definitions(run: Run, latex: bool) -> Iterator[str]:
    """Say what σ, σ' and L are, once."""
    layers, loss = run.layers, run.loss_function
    sizes, m = "-".join(map(str, layers.sizes)), layers.size(layers.F)
    target = ", ".join(f"{v:g}" for v in run.y[:_SHOWN].tolist()) + (", …" if m > _SHOWN else "")
    by_row: dict[str, list[int]] = {}
    for l, sigma in layers.activations.items():
        by_row.setdefault(str(sigma), []).append(l)
    if latex:
        yield f"Backpropagation through {sizes}"
        yield rf"\[ L = {loss.latex}, \quad m = {m}, \quad y = ({target.replace('…', chr(92) + 'ldots')}) \]"
    else:
        yield f"Backpropagation through {sizes}"
        yield f"  loss {loss}: L = {loss.formula}, ∂L/∂a_j = {loss.gradient_formula}, m = {m}"
        yield f"  target y = ({target})"
    for name, numbers in by_row.items():
        row = layers.activations[numbers[0]]
        if latex:
            yield rf"\[ \sigma(z) = {row.latex}, \quad \sigma'(z) = {row.derivative_latex} \]"
        else:
            which = f"layer{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"
            slope = f"σ'(z) = {row.derivative_formula}" if row.elementwise else row.derivative_formula
            yield f"  {which} {name}: σ(z) = {row.formula}, {slope}"
