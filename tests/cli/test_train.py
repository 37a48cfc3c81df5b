"""`pellucid train`: any table becomes a model that has learnt, is measured on unseen rows, and is saved whole."""

import contextlib
import csv
import gzip
import io
import json
import os
import struct
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import safetensors
import safetensors.numpy

import pellucid as pl
from pellucid.cli import main
from pellucid.data import digits, read
from pellucid.descent import Done, NativeDescent

N = 120
rng = np.random.default_rng(0)
A, B = rng.normal(5, 2, N), rng.normal(-1, 0.3, N)
COLOUR = np.array(["red", "green", "blue"])[np.arange(N) % 3]


def pellucid(*arguments):
    """Run the command in this process: its exit code and what it wrote."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(argument) for argument in arguments])
    return SimpleNamespace(code=code, out=out.getvalue(), err=err.getvalue())


def train(*arguments):
    """Train, and return the JSON object that is printed."""
    run = pellucid("train", *arguments, "--json")
    assert (run.code, run.err) == (0, "")
    return json.loads(run.out)


def tensors(path):
    return {name: array.tobytes() for name, array in safetensors.numpy.load_file(path).items()}


def header_of(path):
    with safetensors.safe_open(path, framework="np") as opened:
        return json.loads(opened.metadata()["pellucid"])


def write_csv(path, /, **columns):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*(column.tolist() for column in columns.values()), strict=True))
    return path


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Each test runs in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


# Digits, as a new user would.


@pytest.fixture(scope="module")
def digits_run(tmp_path_factory):
    """`pellucid train digits`, and where it saved its model."""
    path = tmp_path_factory.mktemp("digits") / "digits.safetensors"
    return pellucid("train", "digits", "-o", path), path


def test_digits_are_learnt_to_96_percent_of_the_held_out_ones(digits_run):
    run, path = digits_run
    assert (run.code, run.err) == (0, "")
    (line,) = [line for line in run.out.splitlines() if line.startswith("held out")]
    assert float(line.partition("accuracy ")[2].removesuffix(" %")) >= 96
    assert "1,438 rows to train on, 359 held out" in run.out
    assert f"saved       {path}" in run.out


def test_the_gradient_is_checked_and_the_check_is_printed(digits_run):
    run, path = digits_run
    (line,) = [line for line in run.out.splitlines() if line.startswith("gradient")]
    assert "passed, 2,260 partials (all)" in line
    assert pl.load(path).network.parameters.size == 2260


def test_the_gradient_that_is_checked_is_the_one_trained_on_penalty_included(monkeypatch):
    check, asked = pl.Network.check_gradient, {}

    def noted(self, X, Y, loss, **options):
        asked.update(options, loss=str(loss))
        return check(self, X, Y, loss, **options)

    monkeypatch.setattr(pl.Network, "check_gradient", noted)
    train("xor", "--epochs", 1, "--l2", 0.25, "--l1", 0.125, "--loss", "mse")
    assert (asked["l2"], asked["l1"], asked["loss"]) == (0.25, 0.125, "mse")


def test_the_json_of_a_training_holds_the_printed_numbers(digits_run):
    run, path = digits_run
    found = train("digits", "-o", "other")
    assert tensors("other") == tensors(path)
    assert f"loss {found['history']['loss'][0]:.4g} → {found['history']['loss'][-1]:.4g}" in run.out
    held_out = found["held_out"]
    assert f"loss {held_out['loss']:.4g}, accuracy {100 * held_out['accuracy']:.2f} %" in run.out
    check = found["gradient_check"]
    assert check["passed"] is True
    assert check["compared"] + len(check["set_aside"]) == 2260
    assert check["worst"]["relative_error"] <= check["tolerance"]
    assert f"{check['worst']['relative_error']:.1e} at {check['worst']['label']}" in run.out
    assert (found["rows"], held_out["rows"], np.sum(held_out["confusion"])) == (1438, 359, 359)
    assert found["history"]["epoch"] == list(range(1, 31))
    assert (found["sizes"], found["activations"], found["loss"]) == ([64, 30, 10], ["relu", "softmax"], "cross_entropy")


def test_every_other_command_works_on_the_model_of_the_digits(digits_run):
    path = digits_run[1]
    predicted = list(csv.DictReader(io.StringIO(pellucid("predict", path, "digits").out)))
    right = np.mean([row["class"] == str(y) for row, y in zip(predicted, digits().y, strict=True)])
    assert json.loads(pellucid("evaluate", path, "digits", "--json").out)["accuracy"] == right > 0.96
    assert "64-30-10: 2,260 parameters" in pellucid("show", path).out
    assert "∂L/∂b_{10}^3 = d_{10}^3" in pellucid("gradient", path, "digits", "--row", 5, "--every").out


def test_nielsens_network_learns_the_digits():
    found = train(
        "digits", "--hidden", 30, "--activation", "sigmoid", "--loss", "half_squared_error", "--init",
        "standard_normal", "--optimizer", "sgd", "--learning-rate", 3, "--batch-size", 10, "--schedule", "constant",
    )  # fmt: skip
    assert found["activations"] == ["sigmoid", "sigmoid"]
    assert (found["loss"], found["gradient_check"]["passed"]) == ("half_squared_error", True)
    assert found["held_out"]["accuracy"] > 0.9
    assert found["history"]["loss"][-1] < 0.2 * found["history"]["loss"][0]


# Any kind of table.


def idx(array):
    codes = {"uint8": 8, "float64": 14}
    head = bytes([0, 0, codes[array.dtype.name], array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


def write_source(kind):
    """Write a table of this kind; returns the arguments of `train` for it."""
    images = np.where(np.arange(N) % 2, 200, 20)[:, None, None] + rng.integers(0, 20, (N, 3, 3))
    images, labels = images.astype(np.uint8), (np.arange(N) % 2).astype(np.uint8)
    if kind == "text":
        return [write_csv("t.csv", a=A, b=B, y=np.where(A > 5, "long", "short")), "--target", "y"]
    if kind == "integers":
        return [write_csv("t.csv", a=A, b=B, y=np.digitize(A, [4, 6]) + 7), "--target", "y"]
    if kind == "a float":
        return [write_csv("t.csv", a=A, b=B, y=1000 + 30 * A - 100 * B), "--target", "y"]
    if kind == "two floats":
        return [write_csv("t.csv", a=A, b=B, y=3 * A + B, u=1e-3 * B), "--target", "y,u"]
    if kind == "categories":
        y = np.select([COLOUR == "red", COLOUR == "green"], [1.5, 20.25], -3.75)
        return [write_csv("t.csv", colour=COLOUR, y=y), "--target", "y", "--task", "regression"]
    if kind == "semicolons, packed":
        text = "a;y\n" + "".join(f"{a};{'long' if a > 5 else 'short'}\n" for a in A)
        with open("t.csv.gz", "wb") as file:
            file.write(gzip.compress(text.encode()))
        return ["t.csv.gz", "--target", "y"]
    if kind == "parquet":
        pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        parquet.write_table(pyarrow.table({"a": A, "colour": COLOUR, "y": A > 5}), "t.parquet")
        return ["t.parquet", "--target", "y"]
    if kind == "npz":
        np.savez("t.npz", X=np.stack([A, B], axis=1), y=np.stack([A * 2, B - A], axis=1))
        return ["t.npz"]
    if kind == "npz of images":
        np.savez("t.npz", X=images, y=np.array(["dark", "light"])[labels])
        return ["t.npz"]
    for name, array in (("t-images-idx3-ubyte", images), ("t-labels-idx1-ubyte", labels), ("other.idx", labels + 3)):
        with open(name, "wb") as file:
            file.write(idx(array.astype(np.uint8)))
    return ["t-images-idx3-ubyte", *(["--target", "other.idx"] if kind == "idx with labels" else [])]


SOURCES = {
    # kind: n_1, n_F, output activation, loss, classes
    "text": (2, 1, "sigmoid", "binary_cross_entropy", ["long", "short"]),
    "integers": (2, 3, "softmax", "cross_entropy", ["7", "8", "9"]),
    "a float": (2, 1, "identity", "mse", None),
    "two floats": (2, 2, "identity", "mse", None),
    "categories": (3, 1, "identity", "mse", None),
    "semicolons, packed": (1, 1, "sigmoid", "binary_cross_entropy", ["long", "short"]),
    "parquet": (4, 1, "sigmoid", "binary_cross_entropy", None),
    "npz": (2, 2, "identity", "mse", None),
    "npz of images": (9, 1, "sigmoid", "binary_cross_entropy", ["dark", "light"]),
    "idx": (9, 1, "sigmoid", "binary_cross_entropy", ["0", "1"]),
    "idx with labels": (9, 1, "sigmoid", "binary_cross_entropy", ["3", "4"]),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_any_table_is_learnt_with_the_output_and_loss_that_fit_its_target(kind):
    n_inputs, n_outputs, output, loss, classes = SOURCES[kind]
    found = train(*write_source(kind), "--epochs", 60)
    assert (found["sizes"], found["activations"][-1], found["loss"]) == ([n_inputs, 30, n_outputs], output, loss)
    assert found["gradient_check"]["passed"]
    assert found["held_out"]["rows"] == 24
    if loss == "mse":
        assert found["held_out"]["r2"] > 0.95
    else:
        assert found["held_out"]["accuracy"] > 0.9
        assert classes is None or found["held_out"]["classes"] == classes


@pytest.mark.parametrize("kind", SOURCES)
def test_the_model_of_any_table_predicts_on_the_same_file(kind):
    source, *target = write_source(kind)
    train(source, *target, "--epochs", 2, "-o", "model")
    run = pellucid("predict", "model", source)
    assert (run.code, run.err) == (0, "")
    assert len(run.out.splitlines()) == N + 1


def test_a_file_without_a_header_has_numbered_columns():
    with open("t.csv", "w", encoding="utf-8") as file:
        file.writelines(f"{a},{'long' if a > 5 else 'short'}\n" for a in A)
    found = train("t.csv", "--no-header", "--target", "column_2", "--epochs", 2)
    assert found["held_out"]["classes"] == ["long", "short"]
    assert found["rows"] + found["held_out"]["rows"] == N


def test_dropped_columns_are_no_inputs():
    write_csv("t.csv", name=np.array([f"n{i}" for i in range(N)]), a=A, b=B, y=A + B)
    train("t.csv", "--target", "y", "--drop", "name,b", "--epochs", 1, "-o", "model")
    assert [one["name"] for one in header_of("model")["encoding"]["inputs"]] == ["a"]


def test_a_test_file_needs_no_column_that_is_dropped():
    train_on = write_csv("t.csv", id=np.arange(N), a=A, y=A + B)
    test = write_csv("new.csv", a=A[:30], y=(A + B)[:30])
    found = train(train_on, "--target", "y", "--drop", "id", "--test", test, "--epochs", 1)
    assert found["held_out"]["rows"] == 30


def test_a_column_whose_name_has_a_comma_can_be_the_target():
    write_csv("t.csv", **{"a": A, "b, c": B})
    train("t.csv", "--target", "b, c", "--epochs", 1, "-o", "model")
    assert header_of("model")["encoding"]["target"]["names"] == ["b, c"]


def test_a_pixel_can_be_the_target():
    found = train("digits", "--target", "pixel_4_4", "--epochs", 1)
    assert found["sizes"][0] == 63 + 10


# Losses.


@pytest.mark.parametrize(
    ("options", "loss"),
    [
        (["--loss", "mae"], "mae"),
        (["--loss", "huber", "--delta", "0.25"], "huber(delta=0.25)"),
        (["--loss", "huber"], "huber(delta=1)"),
        (["--loss", "quantile", "--tau", "0.9"], "quantile(tau=0.9)"),
        (["--loss", "half_squared_error"], "half_squared_error"),
    ],
    ids=str,
)
def test_every_loss_of_numbers_learns_and_is_saved_with_its_setting(options, loss):
    found = train(*write_source("a float"), *options, "--epochs", 60, "-o", "model")
    assert found["loss"] == str(pl.load("model").loss) == loss
    assert found["gradient_check"]["passed"]
    assert found["held_out"]["r2"] > 0.5


@pytest.mark.parametrize("loss", ["mse", "half_squared_error", "binary_cross_entropy", "huber", "cross_entropy"])
def test_every_loss_of_classes_learns(loss):
    found = train(*write_source("integers"), "--loss", loss, "--epochs", 60)
    assert found["loss"].startswith(loss)
    assert found["gradient_check"]["passed"]
    assert found["held_out"]["accuracy"] > 0.8


def test_counts_are_learnt_by_the_poisson_loss_and_never_predicted_negative():
    counts = np.random.default_rng(1).poisson(np.exp(A / 2))
    source = write_csv("t.csv", a=A, b=B, y=counts)
    found = train(source, "--target", "y", "--task", "regression", "--loss", "poisson", "--epochs", 60, "-o", "model")
    assert found["activations"] == ["relu", "exp"]
    target = header_of("model")["encoding"]["target"]
    assert (target["offset"], target["scale"]) == ([0.0], [1.0])
    assert found["held_out"]["r2"] > 0.5
    assert min(json.loads(pellucid("predict", "model", source, "--json").out)["y"]) > 0


def test_a_higher_quantile_lies_above_more_of_the_rows():
    source = write_csv("t.csv", a=A, y=A + rng.normal(0, 3, N))
    below = []
    for tau in (0.1, 0.5, 0.9):
        train(source, "--target", "y", "--loss", "quantile", "--tau", tau, "--epochs", 60, "--held-out", 0, "-o", "q")
        answers = np.array(json.loads(pellucid("predict", "q", source, "--json").out)["y"])
        below.append(np.mean(read(source).columns["y"] < answers))
    np.testing.assert_allclose(below, [0.1, 0.5, 0.9], atol=0.1)


# What is measured.


def test_a_test_file_is_measured_and_every_row_of_the_source_is_trained_on():
    source, *target = write_source("a float")
    new = rng.normal(5, 2, (50, 2))
    test = write_csv("new.csv", a=new[:, 0], b=new[:, 1], y=1000 + 30 * new[:, 0] - 100 * new[:, 1])
    found = train(source, *target, "--test", test, "--epochs", 5, "-o", "model")
    assert (found["rows"], found["held_out"]["rows"]) == (N, 50)
    assert found["held_out"] == json.loads(pellucid("evaluate", "model", test, "--json").out)


def test_without_held_out_rows_the_rows_trained_on_are_measured():
    source, *target = write_source("a float")
    found = train(source, *target, "--held-out", 0, "--epochs", 5, "-o", "model")
    assert (found["rows"], found["on_the_rows_trained_on"]["rows"]) == (N, N)
    assert found["on_the_rows_trained_on"] == json.loads(pellucid("evaluate", "model", source, "--json").out)
    assert "on the rows" in pellucid("train", source, *target, "--held-out", 0, "--epochs", 1).out


@pytest.mark.parametrize(("share", "measured"), [(0.5, 60), (0.01, 1), (0.001, 1), (0.999, N - 1)])
def test_the_held_out_share_is_measured_and_the_rest_trained_on(share, measured):
    found = train(*write_source("a float"), "--held-out", share, "--epochs", 1)
    assert (found["rows"], found["held_out"]["rows"]) == (N - measured, measured)


def test_held_out_rows_do_not_touch_the_parameters_and_all_others_do():
    """Whatever the target of a held-out row, the tensors keep their bits."""
    n = 20
    write_csv("t.csv", a=A[:n], y=B[:n])
    held_out = train("t.csv", "--target", "y", "--epochs", 1, "-o", "model")["held_out"]["rows"]
    expected, without_effect = tensors("model"), 0
    for i in range(n):
        write_csv("t.csv", a=A[:n], y=np.where(np.arange(n) == i, 50.5, B[:n]))
        train("t.csv", "--target", "y", "--epochs", 1, "-o", "model")
        without_effect += tensors("model") == expected
    assert without_effect == held_out == 4


def test_four_rows_are_trained_on_and_measured_all():
    found = train("xor", "--epochs", 200)
    assert (found["rows"], found["on_the_rows_trained_on"]["rows"], found["on_the_rows_trained_on"]["accuracy"]) == (
        4,
        4,
        1.0,
    )


# The same seed, checkpoints, patience.


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others():
    source = write_source("text")
    for name, seed in (("one", 3), ("same", 3), ("other", 4)):
        train(*source, "--seed", seed, "--epochs", 3, "--dropout", 0.2, "-o", name)
    with open("one", "rb") as one, open("same", "rb") as same:
        assert one.read() == same.read()
    assert tensors("one") != tensors("other")


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "rmsprop"])
def test_a_resumed_training_ends_with_the_same_bits_as_one_in_one_go(optimizer):
    source = [*write_source("two floats"), "--optimizer", optimizer, "--schedule", "constant", "--dropout", 0.1]
    source += ["--momentum", 0.5] if optimizer == "sgd" else []
    whole = train(*source, "--epochs", 6, "-o", "whole")
    train(*source, "--epochs", 2, "--checkpoint", "ck", "-o", "part")
    resumed = train(*source, "--epochs", 6, "--checkpoint", "ck", "--resume", "-o", "resumed")
    assert tensors("resumed") == tensors("whole") != tensors("part")
    assert resumed["history"] == whole["history"]
    assert resumed["held_out"] == whole["held_out"]


def test_resuming_without_a_checkpoint_file_starts_afresh():
    source = write_source("two floats")
    train(*source, "--epochs", 3, "-o", "plain")
    train(*source, "--epochs", 3, "--checkpoint", "ck", "--resume", "-o", "started")
    assert tensors("plain") == tensors("started")
    assert os.path.exists("ck")


def test_resuming_what_was_finished_changes_nothing():
    source = [*write_source("two floats"), "--epochs", 3, "--checkpoint", "ck"]
    first, again = train(*source, "-o", "first"), train(*source, "--resume", "-o", "again")
    assert tensors("first") == tensors("again")
    assert first["history"] == again["history"]


def test_patience_keeps_the_epoch_of_the_lowest_validation_loss():
    noise = write_csv("t.csv", a=A, b=B, y=rng.normal(0, 1, N))
    source = [noise, "--target", "y", "--schedule", "constant", "--learning-rate", 0.02]
    found = train(*source, "--epochs", 400, "--patience", 3, "-o", "kept")
    curve = found["history"]["validation_loss"]
    assert found["stopped"] == "patience"
    assert found["epochs"] == len(curve) < 400
    assert found["best_epoch"] == int(np.argmin(curve)) + 1 == len(curve) - 3
    # As many epochs as were kept, without patience, end at the same parameters.
    train(*source, "--epochs", found["best_epoch"], "--validation", 0.1, "-o", "straight")
    assert tensors("kept") == tensors("straight")
    assert f"kept epoch {found['best_epoch']}" in pellucid("train", *source, "--epochs", 400, "--patience", 3).out


def test_an_interrupted_training_keeps_its_last_whole_epoch(monkeypatch):
    source = [*write_source("text"), "--schedule", "constant"]
    train(*source, "--epochs", 2, "-o", "two")
    run_epochs = NativeDescent.run

    def interrupted(self, first, rates):
        done = run_epochs(self, first, rates[: 3 - first]) if first < 3 else Done([], None, None)
        return done if first + len(done.losses) < 3 else done._replace(problem=KeyboardInterrupt())

    monkeypatch.setattr(NativeDescent, "run", interrupted)
    run = pellucid("train", *source, "--epochs", 9, "-o", "kept")
    assert tensors("kept") == tensors("two")
    assert "2 epochs (interrupted)" in run.out
    assert run.code in (0, 130)


def test_an_interruption_before_the_first_whole_epoch_leaves_the_older_model(monkeypatch):
    source = [*write_source("text"), "-o", "model"]
    train(*source, "--epochs", 2)
    before = tensors("model")

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(NativeDescent, "run", interrupted)
    for options in ([], ["--json"]):
        run = pellucid("train", *source, "--epochs", 2, *options)
        assert tensors("model") == before
        assert run.code == 130


# Options.


def test_hidden_layers_are_as_many_as_named():
    source = [*write_source("text"), "--epochs", 1]
    assert train(*source, "--hidden", "7,5,3")["sizes"] == [2, 7, 5, 3, 1]
    assert train(*source, "--hidden", "7-5")["sizes"] == [2, 7, 5, 1]
    assert train(*source, "--hidden", "0")["sizes"] == [2, 1]


def test_activations_and_initialiser_are_those_asked_for():
    found = train(*write_source("text"), "--epochs", 1, "--activation", "tanh", "--init", "zeros", "--hidden", "4,4")
    assert found["activations"] == ["tanh", "tanh", "sigmoid"]
    net = pl.load(found["model"]).network
    # a = tanh(0) = 0 and d = 0·W: neither reaches a weight, and only the last bias learns.
    assert [bool(net.W[l].any()) for l in (2, 3, 4)] == [False, False, False]
    assert net.b[4].any()


def test_two_classes_may_have_two_outputs():
    found = train(*write_source("text"), "--epochs", 60, "--output-activation", "softmax")
    assert (found["sizes"][-1], found["loss"]) == (2, "cross_entropy")
    assert found["held_out"]["accuracy"] > 0.9


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_parameters_have_the_dtype_asked_for(dtype):
    found = train(*write_source("text"), "--epochs", 2, "--dtype", dtype)
    assert {str(array.dtype) for array in safetensors.numpy.load_file(found["model"]).values()} == {dtype}
    assert found["gradient_check"]["passed"]


@pytest.mark.parametrize(
    ("scaling", "offset", "scale"), [("standard", A.mean(), A.std()), ("range", A.min(), np.ptp(A)), ("none", 0, 1)]
)
def test_inputs_are_scaled_as_asked_for(scaling, offset, scale):
    found = train(*write_source("text"), "--epochs", 1, "--scaling", scaling, "--held-out", 0)
    one = header_of(found["model"])["encoding"]["inputs"][0]
    np.testing.assert_allclose([one["offset"], one["scale"]], [offset, scale], rtol=1e-14)


def test_batch_size_0_is_gradient_descent_on_the_total_loss():
    source = [*write_source("two floats"), "--epochs", 4]
    whole, batch = train(*source, "--batch-size", 0, "-o", "whole"), train(*source, "--batch-size", N, "-o", "batch")
    assert tensors("whole") == tensors("batch")
    assert whole["history"] == batch["history"]
    train(*source, "--batch-size", 10, "-o", "small")
    assert tensors("small") != tensors("whole")


@pytest.mark.parametrize(
    "options",
    [
        ["--optimizer", "sgd", "--momentum", 0.9],
        ["--optimizer", "adamw", "--weight-decay", 0.1],
        ["--optimizer", "rmsprop"],
        ["--optimizer", "lbfgs"],
        ["--schedule", "step"],
        ["--schedule", "reduce_on_plateau"],
        ["--l2", 0.01],
        ["--l1", 0.01],
        ["--dropout", 0.3],
        ["--clip-norm", 0.01],
        ["--learning-rate", 0.001],
        ["--validation", 0.2],
        ["--batch-size", 7],
        ["--init", "lecun_normal"],
    ],
    ids=lambda options: " ".join(map(str, options)),
)
def test_every_option_of_training_changes_the_parameters_and_the_gradient_still_checks(options):
    source = [*write_source("two floats"), "--epochs", 15]
    train(*source, "-o", "plain")
    found = train(*source, *options, "-o", "changed")
    assert tensors("plain") != tensors("changed")
    assert found["gradient_check"]["passed"]
    assert found["history"]["loss"][-1] < found["history"]["loss"][0]


def test_a_validation_share_is_measured_after_each_epoch():
    found = train(*write_source("two floats"), "--epochs", 4, "--validation", 0.25)
    assert len(found["history"]["validation_loss"]) == 4
    assert found["best_epoch"] is None


def test_lbfgs_that_starts_at_the_minimum_ends_there():
    write_csv("t.csv", a=np.array([1.0]), y=np.array([2.5]))
    run = pellucid("train", "t.csv", "--target", "y", "--optimizer", "lbfgs")
    assert (run.code, run.err) == (0, "")
    assert "0 epochs (converged)" in run.out


def test_a_column_that_is_constant_in_training_does_not_explode_in_predicting():
    y = A[:6] * 10
    write_csv("t.csv", a=A[:6], fixed=np.full(6, 0.1), y=y)
    train("t.csv", "--target", "y", "--held-out", 0, "-o", "model")
    write_csv("new.csv", a=A[:6], fixed=np.full(6, 0.1001))
    answers = json.loads(pellucid("predict", "model", "new.csv", "--json").out)["y"]
    assert np.abs(answers).max() < 10 * np.abs(y).max()


# Where the model goes.


@pytest.mark.parametrize(
    ("source", "model"),
    [("t.csv", "t.safetensors"), ("deep/er/t.x.csv", "t.x.safetensors"), ("t.csv.gz", "t.safetensors")],
)
def test_the_model_is_named_after_the_source_and_lies_in_this_folder(source, model, folder):
    os.makedirs(os.path.dirname(source) or ".", exist_ok=True)
    text = "a,y\n" + "".join(f"{a},{b}\n" for a, b in zip(A, B, strict=True))
    with open(source, "wb") as file:
        file.write(gzip.compress(text.encode()) if source.endswith(".gz") else text.encode())
    found = train(source, "--target", "y", "--epochs", 1)
    assert found["model"] == model
    assert {path.name for path in folder.iterdir()} == {source.partition("/")[0], model}


def test_output_names_the_model_and_replaces_an_older_one(folder):
    source = [*write_source("text"), "--epochs", 1]
    train(*source, "-o", "m.safetensors")
    before = tensors("m.safetensors")
    assert train(*source, "--seed", 1, "--output", folder / "m.safetensors")["model"] == str(folder / "m.safetensors")
    assert tensors("m.safetensors") != before
    assert sorted(path.name for path in folder.iterdir()) == ["m.safetensors", "t.csv"]


# As a process.


def test_a_process_without_a_terminal_shows_no_progress_bar_and_writes_text_alone(folder):
    run = subprocess.run(
        [sys.executable, "-m", "pellucid", "train", "xor", "--epochs", "50"], capture_output=True, check=False
    )
    assert (run.returncode, run.stderr) == (0, b"")
    text = run.stdout.decode("utf-8")
    assert "\x1b" not in text
    assert "\r" not in text.replace("\r\n", "\n")
    assert all(line == line.rstrip() for line in text.splitlines())
    assert [line.split()[0] for line in text.splitlines()] == [
        "data", "target", "network", "loss", "trained", "on", "gradient", "saved",
    ]  # fmt: skip
    assert (folder / "xor.safetensors").exists()
