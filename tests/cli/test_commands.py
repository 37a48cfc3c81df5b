"""predict, evaluate, show and gradient: what is printed is what the library computes, as text and as JSON."""

import contextlib
import csv
import io
import json
import re
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import pellucid as pl
from pellucid.activations import ACTIVATIONS
from pellucid.cli import main
from pellucid.data import read
from pellucid.version import __version__

EPS = np.finfo(float).eps


def pellucid(*arguments):
    """Run the command in this process: its exit code and what it wrote."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(argument) for argument in arguments])
    return SimpleNamespace(code=code, out=out.getvalue(), err=err.getvalue())


def text_of(*arguments):
    run = pellucid(*arguments)
    assert (run.code, run.err) == (0, "")
    return run.out


def json_of(*arguments):
    return json.loads(text_of(*arguments, "--json"))


def as_process(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "pellucid", *map(str, arguments)], capture_output=True, check=False, **options
    )


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Models and the rows they were trained on: by name, (model, rows)."""
    folder = tmp_path_factory.mktemp("models")
    rng = np.random.default_rng(0)
    a, b = rng.normal(5, 2, 60), rng.normal(-1, 0.3, 60)
    colour = np.array(["red", "green", "blue"])[np.arange(60) % 3]
    targets = {
        "two classes": {"y": np.where(a > 5, "long", "short")},
        "three classes": {"y": np.digitize(a, [4, 6]) + 7},
        "a number": {"y": 1000 + 30 * a - 100 * b},
        "two numbers": {"y": 3 * a + b, "u": 1e-3 * b},
    }
    made = {}
    for name, columns in targets.items():
        rows, model = folder / f"{name}.csv", folder / f"{name}.safetensors"
        table = {"a": a, "b": b, "colour": colour} | columns
        with rows.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(table)
            writer.writerows(zip(*(column.tolist() for column in table.values()), strict=True))
        found = json_of("train", rows, "--target", ",".join(columns), "--epochs", 20, "--hidden", "4,3", "-o", model)
        assert found["gradient_check"]["passed"]
        made[name] = (str(model), str(rows))
    return made


MODELS = ("two classes", "three classes", "a number", "two numbers")


# predict


@pytest.mark.parametrize("name", MODELS)
def test_predictions_are_those_of_the_library_as_csv_and_as_json(name, models):
    model, rows = models[name]
    expected = {name: column.tolist() for name, column in pl.load(model).predict(read(rows)).items()}
    assert json_of("predict", model, rows) == expected
    printed = list(csv.reader(io.StringIO(text_of("predict", model, rows))))
    assert printed[0] == list(expected)
    for column, values in zip(zip(*printed[1:], strict=True), expected.values(), strict=True):
        assert [type(value)(cell) for cell, value in zip(column, values, strict=True)] == values


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["csv", "json"])
def test_an_output_file_holds_what_else_is_printed(options, models, tmp_path):
    model, rows = models["two classes"]
    printed = text_of("predict", model, rows, *options)
    assert text_of("predict", model, rows, *options, "-o", "answers") == ""
    assert (tmp_path / "answers").read_bytes() == printed.encode("utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["answers"]


def test_predictions_can_be_read_and_predicted_on_again(models):
    model, rows = models["two numbers"]
    text_of("predict", model, rows, "-o", "answers.csv")
    assert len(read("answers.csv")) == len(read(rows))


def test_rows_need_no_target_and_columns_no_order(models, tmp_path):
    model, _ = models["two classes"]
    (tmp_path / "new.csv").write_text("more,colour,b,a\n!,red,-1,7\n-,blue,-2,1\n", encoding="utf-8")
    (tmp_path / "turned.csv").write_text("a;b;colour\n7;-1;red\n1;-2;blue\n", encoding="utf-8")
    assert text_of("predict", model, "new.csv") == text_of("predict", model, "turned.csv")
    assert len(text_of("predict", model, "new.csv").splitlines()) == 3


def test_a_network_saved_from_python_predicts_columns_of_numbers(tmp_path):
    net = pl.Network([2, 3, 1], seed=0)
    net.save("net")
    (tmp_path / "rows.csv").write_text("1,2\n3,4\n", encoding="utf-8")
    assert json_of("predict", "net", "rows.csv", "--no-header") == {"a_1": net.forward([[1, 2], [3, 4]])[:, 0].tolist()}


# evaluate


@pytest.mark.parametrize("name", MODELS)
def test_an_evaluation_is_that_of_the_library(name, models):
    model, rows = models[name]
    predictor = pl.load(model)
    expected = predictor.evaluate(read(rows))
    found = json_of("evaluate", model, rows)
    assert (found.pop("rows"), found.pop("loss")) == (60, expected.loss)
    if expected.confusion is not None:
        assert found.pop("confusion") == expected.confusion.tolist()
        assert found.pop("classes") == list(predictor.encoding.target.classes)
    assert found == expected.metrics


def test_the_printed_evaluation_shows_the_numbers_of_the_json(models):
    model, rows = models["three classes"]
    text, found = text_of("evaluate", model, rows), json_of("evaluate", model, rows)
    assert f"loss {found['loss']:.4g}, accuracy {100 * found['accuracy']:.2f} %" in text
    for name, counts in zip(found["classes"], found["confusion"], strict=True):
        (cells,) = [cells for line in text.splitlines() if (cells := re.split(r"\s*│\s*", line))[1:2] == [name]]
        right = f"{100 * counts[found['classes'].index(name)] / sum(counts):.1f} %"
        assert cells[2:-1] == [*("·" if count == 0 else str(count) for count in counts), right]


def test_the_errors_of_numbers_are_printed_in_their_units(models):
    model, rows = models["a number"]
    text, found = text_of("evaluate", model, rows), json_of("evaluate", model, rows)
    for name in ("mae", "rmse", "r2"):
        assert f"{name} {found[name]:.4g}" in text


def test_no_matrix_is_printed_for_more_than_20_classes(tmp_path):
    rows = "".join(f"{i % 25},c{i % 25}\n" for i in range(50))
    (tmp_path / "t.csv").write_text(f"a,y\n{rows}", encoding="utf-8")
    json_of("train", "t.csv", "--target", "y", "--epochs", 1, "-o", "model")
    assert len(text_of("evaluate", "model", "t.csv").splitlines()) == 2
    assert np.sum(json_of("evaluate", "model", "t.csv")["confusion"]) == 50


# show


@pytest.mark.parametrize("name", MODELS)
def test_show_tells_what_the_file_holds(name, models):
    model, _ = models[name]
    predictor = pl.load(model)
    found, text = json_of("show", model), text_of("show", model)
    net, encoding = predictor.network, predictor.encoding
    assert (found["sizes"], found["dtype"]) == (list(net.sizes), "float64")
    assert (found["parameters"], found["version"]) == (net.parameters.size, __version__)
    assert found["loss"]["name"] == predictor.loss.name
    assert [one["name"] for one in found["encoding"]["inputs"]] == [one.name for one in encoding.inputs]
    assert str(net) in text
    for words in (model, f"written by pellucid {__version__}", str(predictor.loss), *encoding.target.names):
        assert words in text
    for one in encoding.inputs:
        shown = f"{one.offset:.6g}) / {one.scale:.6g}" if one.categories is None else ", ".join(one.categories)
        (line,) = [line for line in text.splitlines() if re.match(rf"\W+{one.name}\s", line)]
        assert shown in line


def test_show_tells_that_a_network_saved_from_python_has_no_encoding():
    net = pl.Network([2, 3, 1], "tanh", seed=0)
    net.save("net")
    assert str(net) in text_of("show", "net")
    assert "no encoding" in text_of("show", "net")
    assert "encoding" not in json_of("show", "net")


def test_a_model_without_biases_is_trained_shown_worked_and_predicts(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=80)
    with open("rows.csv", "w", encoding="utf-8") as file:
        file.write("x,y\n" + "".join(f"{v},{3 * v}\n" for v in x))
    arguments = ["rows.csv", "--target", "y", "--task", "regression", "--hidden", "4", "--epochs", 3]
    found = json_of("train", *arguments, "--no-bias", "-o", "net")
    assert found["gradient_check"]["passed"]
    net = pl.load("net").network
    assert (net.has_bias, net.parameters.size) == (False, 8)
    assert json_of("show", "net")["bias"] is False
    assert "8 parameters, float64, without biases" in text_of("show", "net")
    assert "b_1^2" not in text_of("gradient", "net", "rows.csv")
    assert text_of("predict", "net", "rows.csv").count("\n") == 81
    refused = pellucid("gradient", "net", "rows.csv", "--no-bias")
    assert refused.code == 2
    assert "--no-bias is for a new network given by its sizes" in refused.err
    assert re.search(r"^network +1-4-1, 8 parameters \(no biases\), ", text_of("train", *arguments, "--no-bias"), re.M)
    json_of("train", *arguments, "-o", "other")
    assert "bias" not in json_of("show", "other")


def test_the_worked_steps_of_a_network_without_biases_name_none():
    for options in ([], ["--latex"]):
        out = text_of("gradient", "3-4-2", "--no-bias", *options)
        assert "z^l = W^l a^{l-1}, " in out.replace("$", "")
        assert not re.search(r"\bb_|b\^l|\(4\)", out)
    refused = pellucid("gradient", "3-4-2", "--no-bias", "--explain", "b_1^2")
    assert refused.code == 2
    assert "bias=False" in refused.err


# gradient

NEW = {
    "sigmoid, mse": ["3-4-2"],
    "one output": ["2-3-1", "--activation", "tanh"],
    "a deep one": ["2-3-4-2-3", "--activation", "softplus", "--loss", "half_squared_error"],
    "no hidden layer": ["3-2", "--loss", "mae"],
    "wide": ["12-11-3", "--activation", "relu"],
    "softmax, cross_entropy": ["2-3-4", "--output-activation", "softmax", "--loss", "cross_entropy"],
    "softmax, mse": ["2-3-4", "--output-activation", "softmax", "--loss", "mse"],
    "sigmoid, binary_cross_entropy": ["2-3-2", "--loss", "binary_cross_entropy", "--y", "0.25,1"],
    "exp, poisson": ["2-3-2", "--activation", "silu", "--output-activation", "exp", "--loss", "poisson", "--y", "3,0"],
    "softplus, poisson": ["2-2", "--output-activation", "softplus", "--loss", "poisson", "--y", "3,0"],
    "huber": ["2-2", "--activation", "identity", "--loss", "huber", "--delta", "0.5", "--x", "-1,2", "--y", "9,-1e-3"],
    "quantile": ["2-3-2", "--loss", "quantile", "--tau", "0.9", "--seed", "5"],
    "without biases": ["3-4-3-2", "--activation", "tanh", "--no-bias"],
    "without biases or hidden layers": ["3-2", "--no-bias"],
}


def numbers_of(found, label):
    """The number that the JSON of a record holds for a label: z, a, d, L, or a partial."""
    if label == "L":
        return found["loss"]
    partial = label.startswith("∂L/∂")
    symbol, low, high = re.fullmatch(r"([zadwb])_\{?([\d,]+)\}?\^\{?(\d+)\}?", label.removeprefix("∂L/∂")).groups()
    if symbol != "w":
        group = found["gradient"]["b"] if partial else found[symbol]
        return group[high][int(low) - 1]
    j, k = low.split(",") if "," in low else low
    return found["gradient"]["W"][high][int(j) - 1][int(k) - 1]


def equations_of(text):
    """Every printed equation: its left-hand side, and the last right-hand side."""
    found = {}
    label = None
    for line in text.splitlines():
        head = re.match(r"  (\S+) +=", line)
        if head:
            label = head[1]
            assert label not in found, f"{label} is printed twice"
        elif not re.match(r"  +=", line):
            continue  # a heading, or a note
        found[label] = line.rpartition("= ")[2]
    return found


def labels_of(sizes, bias=True):
    """What the five steps of one sample compute."""
    net = pl.Network(sizes, init="zeros", bias=bias)
    partials = [f"∂L/∂{label}" for symbol in "wb" for label in net.labels(symbol)]
    return ["L", *partials, *(str(label) for symbol in "azd" for label in net.labels(symbol))]


@pytest.mark.parametrize("arguments", NEW.values(), ids=NEW)
def test_every_printed_equation_ends_in_the_number_of_the_json(arguments):
    found = json_of("gradient", *arguments)
    equations = equations_of(text_of("gradient", *arguments, "--every", "--digits", 17))
    assert sorted(equations) == sorted(labels_of(found["sizes"], bool(found["b"])))
    for label, number in equations.items():
        assert float(number) == numbers_of(found, label), label


@pytest.mark.parametrize("arguments", NEW.values(), ids=NEW)
def test_the_numbers_of_the_json_are_the_four_equations(arguments):
    found = json_of("gradient", *arguments)
    F = len(found["sizes"])
    W, b, z, a, d = ({int(l): np.array(v) for l, v in found[name].items()} for name in ("W", "b", "z", "a", "d"))
    of_W, of_b = ({int(l): np.array(v) for l, v in found["gradient"][name].items()} for name in ("W", "b"))
    hidden = ACTIVATIONS[arguments[arguments.index("--activation") + 1] if "--activation" in arguments else "sigmoid"]
    for l in range(2, F + 1):
        shift = 0 if "--no-bias" in arguments else b[l]
        np.testing.assert_allclose(z[l], W[l] @ a[l - 1] + shift, rtol=0, atol=64 * EPS * (1 + np.abs(z[l]).max()))
        if "--no-bias" not in arguments:
            np.testing.assert_array_equal(of_b[l], d[l])  # (4)
        np.testing.assert_allclose(of_W[l], np.outer(d[l], a[l - 1]), rtol=4 * EPS)  # (3)
        if l < F:
            np.testing.assert_allclose(a[l], hidden.function(z[l]), rtol=4 * EPS)
            expected = (W[l + 1].T @ d[l + 1]) * hidden.derivative(z[l])  # (2)
            np.testing.assert_allclose(d[l], expected, rtol=0, atol=64 * EPS * (1e-300 + np.abs(d[l]).max()))
    np.testing.assert_allclose(found["input_gradient"], W[2].T @ d[2], rtol=1e3 * EPS, atol=8 * EPS)


def test_the_record_is_that_of_the_library():
    found = json_of("gradient", "3-4-2", "--x", "0.5,-1,2", "--y", "1,0", "--seed", 0)
    net = pl.Network([3, 4, 2], activation="sigmoid", seed=0)
    run = net.backprop([0.5, -1.0, 2.0], [1.0, 0.0], loss="mse")
    assert (found["loss"], found["y"]) == (run.loss, [1.0, 0.0])
    for l in (2, 3):
        assert found["d"][str(l)] == run.d[l].tolist()
        assert found["gradient"]["W"][str(l)] == run.gradient.W[l].tolist()


@pytest.mark.parametrize("sizes", ["3,4,2", "3x4x2", " 3 - 4 - 2 "])
def test_sizes_can_be_written_with_hyphens_commas_or_crosses(sizes):
    assert text_of("gradient", sizes) == text_of("gradient", "3-4-2")


def test_the_seed_draws_weights_and_sample():
    one, same, other = (json_of("gradient", "3-4-2", "--seed", seed) for seed in (1, 1, 2))
    assert one == same
    assert (one["W"] != other["W"], one["a"]["1"] != other["a"]["1"]) == (True, True)


@pytest.mark.parametrize("name", MODELS)
def test_a_models_gradient_of_a_row_is_that_of_the_library(name, models):
    model, rows = models[name]
    predictor = pl.load(model)
    samples = predictor.samples(read(rows))
    for row in (1, 60):
        run = predictor.network.backprop(samples.X[row - 1], samples.Y[row - 1], predictor.loss)
        found = json_of("gradient", model, rows, "--row", row)
        assert (found["loss"], found["y"]) == (run.loss, samples.Y[row - 1].tolist())
        assert found["gradient"]["W"]["2"] == run.gradient.W[2].tolist()
        equations = equations_of(text_of("gradient", model, rows, "--row", row, "--every", "--digits", 17))
        assert sorted(equations) == sorted(labels_of(found["sizes"], bool(found["b"])))
        for label, number in equations.items():
            assert float(number) == numbers_of(found, label), label


def test_a_models_sample_can_be_given_as_the_network_sees_it(models):
    model, _ = models["three classes"]
    net, x = pl.load(model).network, [0.5, -1.0, 0.0, 0.0, 1.0]
    given = ["gradient", model, "--x", ",".join(map(str, x))]
    expected = net.backprop(x, 2, "cross_entropy")
    for y in ("2", "0,0,1"):
        found = json_of(*given, "--y", y)
        assert (found["loss"], found["d"]["2"]) == (expected.loss, expected.d[2].tolist())
    assert json_of(*given, "--y", "0,0,1", "--loss", "mse")["loss"] == net.backprop(x, [0, 0, 1], "mse").loss


def test_a_class_keeps_its_index_in_whichever_row_it_stands(tmp_path):
    """The target 1.0 among 0.5 and 2.0 is the same class where it stands alone."""
    rows = "".join(f"{i},{y}\n" for i in range(6) for y in (0.5, 1.0, 2.0))
    (tmp_path / "t.csv").write_text(f"a,y\n{rows}", encoding="utf-8")
    json_of("train", "t.csv", "--target", "y", "--task", "classification", "--epochs", 1, "-o", "model")
    assert [json_of("gradient", "model", "t.csv", "--row", row)["y"] for row in (1, 2, 3)] == np.eye(3).tolist()


@pytest.mark.parametrize("label", ["z_2^2", "a_1^1", "a_3^2", "d_1^3", "d_4^2", "w_13^2", "w_24^3", "b_2^3", "L"])
def test_one_quantity_can_be_explained_alone(label):
    found = json_of("gradient", "3-4-2")
    text = text_of("gradient", "3-4-2", "--explain", label, "--digits", 17)
    equation = [line for line in text.splitlines() if not line.startswith("    with")]
    left = f"∂L/∂{label}" if label[0] in "wb" else label
    assert text.startswith(f"{left} = ")
    assert float(equation[-1].rpartition("= ")[2]) == numbers_of(found, left)


def test_labels_can_be_written_in_any_form_that_a_textbook_uses():
    expected = text_of("gradient", "3-12-2", "--explain", "w_{2,11}^3")
    for label in ("w^3_{2,11}", "$w_{2, 11}^{3}$", " w_{2,11}^{3} "):
        assert text_of("gradient", "3-12-2", "--explain", label) == expected


def test_latex_is_the_explanations_own():
    net = pl.Network([3, 4, 2], seed=0)
    run = net.backprop([0.5, -1, 2], [1, 0])
    arguments = ["gradient", "3-4-2", "--x", "0.5,-1,2", "--y", "1,0", "--latex"]
    assert text_of(*arguments, "--explain", "d_1^2") == run.explain("d_1^2").latex + "\n"
    whole = text_of(*arguments, "--every").replace(" \\\\\n& \\quad {} ", " ")  # long rows are broken
    for label in labels_of([3, 4, 2]):
        explanation = run.explain(label.removeprefix("∂L/∂"))
        assert f"{explanation.quantity_latex} &= {explanation.steps[0][1]}" in whole
        assert all(latex in whole for _, latex in explanation.steps)
    assert whole.count(r"\begin{align*}") == whole.count(r"\end{align*}") > 0


def test_digits_are_the_significant_ones_shown():
    assert text_of("gradient", "3-4-2", "--explain", "a_1^1", "--digits", 2).endswith("= 0.1\n")
    value = json_of("gradient", "3-4-2")["z"]["2"][0]
    for digits in (1, 3, 9):
        shown = text_of("gradient", "3-4-2", "--explain", "z_1^2", "--digits", digits).rpartition("= ")[2]
        assert shown == f"{value:.{digits}g}\n"


def test_large_layers_are_shortened_unless_all_is_asked_for():
    short, whole = (text_of("gradient", "30-20-10", *option) for option in ([], ["--every"]))
    assert re.findall(r"… (\d+) more \(--every shows them\)", short) == [
        str(size - 6) for size in (30, 20, 20, 10, 10, 10, 20, 600, 20, 200, 10)
    ]
    assert "more (" not in whole
    shown, everything = equations_of(short), equations_of(whole)
    assert shown.items() <= everything.items()
    assert (
        len(everything)
        == len(labels_of([30, 20, 10]))
        == len(shown) + sum(map(int, re.findall(r"… (\d+) more", short)))
    )


def test_a_small_network_needs_no_every():
    assert text_of("gradient", "2-2-1") == text_of("gradient", "2-2-1", "--every")


# All commands.


@pytest.mark.parametrize("command", ["train", "predict", "evaluate", "show", "gradient"])
def test_every_command_explains_itself(command):
    text = text_of(command, "--help")
    assert f"pellucid {command}" in text
    assert "--json" in text


def test_the_command_lists_its_commands_and_its_version():
    for arguments in ([], ["--help"], ["-h"]):
        text = text_of(*arguments)
        assert all(name in text for name in ("train", "predict", "evaluate", "show", "gradient"))
    assert text_of("--version").startswith(f"pellucid {__version__}, ")


# As processes.


def test_python_m_pellucid_is_the_command():
    run = as_process("gradient", "3-4-2", "--json")
    assert (run.returncode, run.stderr) == (0, b"")
    assert json.loads(run.stdout.decode("utf-8")) == json_of("gradient", "3-4-2")
    failed = as_process("gradient", "3-4-2", "--x", "1")
    assert (failed.returncode, failed.stdout, failed.stderr.count(b"\n")) == (2, b"", 1)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_terminal_that_has_no_greek_gets_the_output_nonetheless(encoding, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    run = as_process("gradient", "3-4-2")
    assert (run.returncode, run.stderr) == (0, b"")
    assert run.stdout.count(b"\n") == text_of("gradient", "3-4-2").count("\n")


def test_answers_that_the_outputs_encoding_has_no_letters_for_are_not_lost(tmp_path, monkeypatch):
    """A file made by `pellucid predict … > answers.csv` holds the classes, whatever the system's encoding."""
    rows = "".join(f"{i},{'да' if i % 2 else 'нет'}\n" for i in range(12))
    (tmp_path / "t.csv").write_text(f"a,y\n{rows}", encoding="utf-8")
    json_of("train", "t.csv", "--target", "y", "--epochs", 1, "-o", "model")
    monkeypatch.setenv("PYTHONIOENCODING", "cp1252")
    for options in ([], ["--json"]):
        run = as_process("predict", "model", "t.csv", *options)
        assert run.returncode == 2 or run.stdout.decode("utf-8") == text_of("predict", "model", "t.csv", *options)


def test_a_reader_that_leaves_early_is_no_error():
    arguments = [sys.executable, "-m", "pellucid", "gradient", "60-60-60", "--every"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline().startswith(b"Backpropagation")
        process.stdout.close()
        assert (process.stderr.read(), process.wait()) == (b"", 0)


def test_a_closed_output_is_no_crash():
    code = "import sys; sys.stdout = None; from pellucid.cli import main; sys.exit(main(['gradient', '2-1']))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert b"Traceback" not in run.stderr


# Files of other kinds.


@pytest.fixture(scope="module")
def other_kinds(tmp_path_factory):
    """A checkpoint of a training on rows, an estimator, and the rows."""
    folder = tmp_path_factory.mktemp("kinds")
    X, y = np.random.default_rng(0).normal(size=(30, 2)).round(3), np.arange(30) % 2
    lines = ["a,b,kind", *(f"{a},{b},{'odd' if c else 'even'}" for (a, b), c in zip(X, y, strict=True))]
    (folder / "rows.csv").write_text("\n".join(lines), encoding="utf-8")
    common = ["--target", "kind", "--epochs", "3", "--hidden", "4", "-o", str(folder / "model")]
    assert main(["train", str(folder / "rows.csv"), *common, "--checkpoint", str(folder / "ck")]) == 0
    pytest.importorskip("sklearn")
    from pellucid.estimators import MLPClassifier

    labels = np.array(["even", "odd"])[y]
    MLPClassifier((3,), solver="lbfgs", max_iter=500, tol=1e-2, random_state=0).fit(X, labels).save(
        folder / "estimator"
    )
    return folder


def test_show_tells_a_checkpoint_and_an_estimator(other_kinds):
    checkpoint, estimator = text_of("show", other_kinds / "ck"), text_of("show", other_kinds / "estimator")
    assert re.search(r"checkpoint +3 epochs; training ended", checkpoint)
    assert "2-4-1" in checkpoint
    assert re.search(r"estimator +MLPClassifier\(", estimator)
    assert re.search(r"classes +even, odd", estimator)
    found = json_of("show", other_kinds / "estimator")
    assert (found["kind"], found["parameters"], found["estimator_parameters"]["solver"]) == ("estimator", 13, "lbfgs")
    assert json_of("show", other_kinds / "ck")["history"]["loss"]


@pytest.mark.parametrize("command", ["predict", "evaluate"])
@pytest.mark.parametrize(
    ("kind", "said"),
    [("ck", "holds a checkpoint.*the model file that train"), ("estimator", r"pellucid\.load\(.*\)\.predict")],
)
def test_rows_for_a_file_that_knows_no_columns_are_refused_with_what_to_use(command, kind, said, other_kinds, capsys):
    assert main([command, str(other_kinds / kind), str(other_kinds / "rows.csv")]) == 2
    error = capsys.readouterr().err
    assert re.search(said, error)
    assert error.count("\n") == 1


def test_gradient_takes_a_checkpoint_for_its_network(other_kinds, capsys):
    found = json_of("gradient", other_kinds / "ck", "--x", "1,2", "--y", "1")
    assert found["sizes"] == [2, 4, 1]
    assert main(["gradient", str(other_kinds / "ck"), str(other_kinds / "rows.csv")]) == 2
    assert main(["gradient", str(other_kinds / "estimator"), "--x", "1,2", "--y", "1"]) == 2
    assert "estimator" in capsys.readouterr().err


def test_names_in_a_file_are_shown_and_not_obeyed_by_the_terminal(tmp_path, capsys):
    names = ("\x1b[2Jevil", "[red]b[/red]")
    table = pl.data.Table("t", {name: np.arange(4.0) for name in names} | {"y\x07": np.arange(4) / 3}, ("y\x07",))
    encoding = pl.data.Encoding.fit(table)
    pl.Predictor(pl.Network([2, 1], "identity"), "mse", encoding).save(tmp_path / "model")
    assert main(["show", str(tmp_path / "model")]) == 0
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert r"\x1b[2Jevil" in shown
    assert "[red]b[/red]" in shown
    (tmp_path / "rows.csv").write_text("c\n1\n", encoding="utf-8")
    assert main(["predict", str(tmp_path / "model"), str(tmp_path / "rows.csv")]) == 2
    assert "\x1b" not in capsys.readouterr().err
