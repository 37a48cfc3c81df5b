"""What a user can mend: exit code 2, one line that says what, nothing on standard output but text, no file touched."""

import contextlib
import io
import os
import shutil
import struct
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import safetensors.numpy

import pellucid as pl
from pellucid.cli import main

N = 60
A = np.linspace(-2, 2, N)


def pellucid(*arguments):
    """Run the command in this process: its exit code and what it wrote."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(argument) for argument in arguments])
    return SimpleNamespace(code=code, out=out.getvalue(), err=err.getvalue())


def table(header, *rows):
    return "\n".join([header, *rows]) + "\n"


def write_files(folder):
    """Good and bad files for the commands to stumble on."""
    texts = {
        "good.csv": table("a,colour,y", *(f"{a},{'rgb'[i % 3]},{'no' if a < 0 else 'yes'}" for i, a in enumerate(A))),
        "number.csv": table("a,y", *(f"{a},{2 * a - 1.5}" for a in A)),
        "pair.csv": table("a,y,u", *(f"{a},{a - 5.5},{a * a}" for a in A)),
        "text.csv": table("a,y", *(f"{a},word{i}" for i, a in enumerate(A))),
        "names.csv": table("name,y", *(f"n{i},{a}" for i, a in enumerate(A))),
        "missing.csv": "a,y\n1,2.5\n3,\n",
        "nan.csv": "a,y\n1,2.5\n3,nan\n",
        "inf.csv": "a,y\n1,2.5\ninf,3.5\n",
        "word.csv": "a,y\n1,2.5\nthree,3.5\n",
        "ragged.csv": "a,y\n1,2.5\n3\n",
        "twice.csv": "a,a,y\n1,2,3\n",
        "header.csv": "a,y\n",
        "empty.csv": "",
        "numbers.csv": "1,2\n3,4\n",
        "binary.csv": "a,y\n1,\0\n",
        "quote.csv": 'a,y\n1,"2\n3,4\n',
        "wide.csv": table("a,y", *(f"{a},{a:.3f}e305" for a in A)),
        "one_class.csv": "a,y\n1,x\n2,x\n",
        "no_inputs.csv": "y\n1.5\n2.5\n",
        "one_row.csv": "a,y\n1,2.5\n",
        "negative.csv": table("a,y", *(f"{a},{a}" for a in A)),
        "new_colour.csv": "a,colour,y\n1,pink,yes\n",
        "new_class.csv": "a,colour,y\n1,r,maybe\n",
        "no_target.csv": "a,colour\n1,r\n",
        "text_input.csv": "a,colour,y\none,r,yes\n",
        "good.json": "{}",
        "latin.csv": b"a,y\n1,caf\xe9\n",
        "cut.csv.gz": b"\x1f\x8b\x08\0\0",
        "bad.npz": b"PK\3\4",
        "array.npz": b"\x93NUMPY",
        "bad.parquet": b"PAR1",
        "bad.idx": b"\0\0\x08\3\0\0",
        "some-images.idx": b"\0\0\x08\2" + struct.pack(">II", 3, 1) + b"abc",
        "some-labels.idx": b"\0\0\x08\1" + struct.pack(">I", 2) + b"ab",
    }
    for name, content in texts.items():
        with open(os.path.join(folder, name), "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
    os.mkdir(os.path.join(folder, "folder"))
    np.savez(os.path.join(folder, "lengths.npz"), X=np.ones((3, 2)), y=np.ones(4))
    np.savez(os.path.join(folder, "good.npz"), X=np.eye(12), y=np.arange(12) % 3)
    pl.Network([2, 3, 1], seed=0).save(os.path.join(folder, "net"))
    square = pl.Activation("square", lambda z: z**2, lambda z: 2 * z)
    pl.Network([2, 1], square, seed=0).save(os.path.join(folder, "own"))
    safetensors.numpy.save_file({"x": np.ones(2)}, os.path.join(folder, "foreign"))


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A folder of files, a model and a checkpoint."""
    folder = tmp_path_factory.mktemp("errors")
    with contextlib.chdir(folder):
        write_files(folder)
        for arguments in (
            ["good.csv", "--epochs", 2, "-o", "model", "--checkpoint", "ck", "--hidden", 4],
            ["number.csv", "--epochs", 2, "-o", "number_model"],
        ):
            assert pellucid("train", *arguments, "--target", "y").code == 0
        with open("model", "rb") as file:
            whole = file.read()
        with open("cut", "wb") as file:
            file.write(whole[:-9])
    return folder


@pytest.fixture(autouse=True)
def _in_a_copy_of_it(shared, tmp_path, monkeypatch):
    shutil.copytree(shared, tmp_path / "files")
    monkeypatch.chdir(tmp_path / "files")


def contents():
    """Every file of this folder with its bytes."""
    found = {}
    for place, _, names in os.walk("."):
        for name in names:
            path = os.path.join(place, name)
            with open(path, "rb") as file:
                found[path] = file.read()
    return found


TRAIN = "train good.csv --target y --epochs 2 -o out"
NUMBER = "train number.csv --target y --epochs 2 -o out"

ERRORS = [
    # the command itself
    ("nonsense", ["nonsense", "train", "predict"]),
    ("TRAIN good.csv", ["TRAIN"]),
    ("--nonsense", ["--nonsense"]),
    ("train", ["source"]),
    ("predict model", ["file"]),
    ("evaluate", ["model"]),
    ("show", ["model"]),
    ("gradient", ["network"]),
    (f"{TRAIN} more", ["more"]),
    ("predict model good.csv more", ["more"]),
    (f"{TRAIN} --epoch 3", ["--epoch", "--epochs"]),
    (f"{TRAIN} --nonsense", ["--nonsense"]),
    (f"{TRAIN} -x", ["-x"]),
    (f"{TRAIN} --json --nonsense 3", ["--nonsense"]),
    (f"{TRAIN} --seed", ["--seed"]),
    (f"{TRAIN} --epochs 3", ["--epochs"]),
    # the source
    ("train digit", ["digit", "digits"]),
    ("train none.csv --target y", ["none.csv"]),
    ("train folder --target y", ["folder"]),
    ("train good.json --target y", [".json", ".csv"]),
    ("train model --target y", ["ending"]),
    ("train empty.csv --target y", ["empty.csv"]),
    ("train header.csv --target y", ["header.csv", "no rows"]),
    ("train missing.csv --target y", ["missing.csv", "line 3", "'y'"]),
    ("train nan.csv --target y", ["nan.csv", "line 3", "'y'"]),
    ("train inf.csv --target y", ["inf.csv", "line 3", "'a'"]),
    ("train word.csv --target y", ["word.csv", "line 3", "'a'", "'three'"]),
    ("train ragged.csv --target y", ["ragged.csv", "line 3"]),
    ("train twice.csv --target y", ["twice.csv", "'a'"]),
    ("train numbers.csv --target y", ["--no-header"]),
    ("train binary.csv --target y", ["binary.csv", "NUL"]),
    ("train quote.csv --target y", ["quote.csv", "line"]),
    ("train latin.csv --target y", ["latin.csv", "UTF-8"]),
    ("train cut.csv.gz --target y", ["cut.csv.gz", "gzip"]),
    ("train bad.npz", ["bad.npz", "NPZ"]),
    ("train array.npz", ["array.npz", "NPZ"]),
    ("train lengths.npz", ["lengths.npz", "3 inputs"]),
    ("train bad.idx", ["bad.idx", "IDX"]),
    ("train some-images.idx", ["some-images.idx", "3 inputs"]),
    ("train wide.csv --target y", ["wide.csv", "'y'"]),
    # the columns
    ("train good.csv", ["good.csv", "target", "'colour'"]),
    ("train good.csv --target z", ["'z'", "good.csv", "colour"]),
    ("train good.csv --target Y", ["'Y'", "'y'"]),
    ("train number.csv --target y,z", ["'z'"]),
    ("train number.csv --target y,y", ["'y'", "twice"]),
    (["train", "good.csv", "--target", ""], ["target"]),
    (["train", "good.csv", "--target", " , "], ["target"]),
    (f"{TRAIN} --drop z", ["'z'"]),
    (f"{TRAIN} --drop y", ["target"]),
    (f"{TRAIN} --drop a,colour", ["no columns but the target"]),
    ("train no_inputs.csv --target y", ["no columns but the target"]),
    ("train names.csv --target y", ["'name'", "--drop"]),
    ("train text.csv --target y", ["'y'", "60"]),
    ("train one_class.csv --target y", ["one class", "'x'"]),
    ("train good.csv --target y,colour", ["2 targets"]),
    ("train pair.csv --target y,u --task classification", ["2 targets"]),
    (f"{TRAIN} --task regression", ["'y'", "text"]),
    ("train good.csv --no-header --target column_3", ["line"]),
    ("train good.npz --target z", ["z", "X, y"]),
    ("train good.npz --target y,X", ["X"]),
    ("train digits --drop class", ["target"]),
    # names
    (f"{TRAIN} --task cluster", ["'cluster'", "classification"]),
    (f"{TRAIN} --scaling robust", ["'robust'", "standard"]),
    (f"{TRAIN} --activation rely", ["'rely'", "'relu'"]),
    (f"{TRAIN} --activation softmax", ["softmax"]),
    (f"{TRAIN} --output-activation step", ["'step'", "sigmoid"]),
    (f"{TRAIN} --output-activation relu", ["binary_cross_entropy", "relu"]),
    (f"{TRAIN} --loss hinged", ["'hinged'", "mse"]),
    (f"{TRAIN} --loss hinge", ["'hinge'", "in Python"]),
    (f"{TRAIN} --optimizer adamm", ["'adamm'", "'adam'"]),
    (f"{TRAIN} --schedule cosinus", ["'cosinus'", "'cosine'"]),
    (f"{TRAIN} --init hee", ["'hee'", "he_normal"]),
    (f"{TRAIN} --dtype int8", ["'int8'", "float32"]),
    (f"{TRAIN} --dtype single-ish", ["'single-ish'", "float32"]),
    # numbers
    (f"{TRAIN} --hidden many", ["'many'", "32,32"]),
    (f"{TRAIN} --hidden 3,", ["'3,'"]),
    (f"{TRAIN} --hidden -3", ["-3"]),
    (f"{TRAIN} --hidden 3.5", ["3.5"]),
    (f"{TRAIN} --hidden 4,0", ["0"]),
    (["train", "good.csv", "--target", "y", "--hidden", ""], ["32,32"]),
    ("train good.csv --target y --epochs 0", ["epochs", "0"]),
    ("train good.csv --target y --epochs -1", ["epochs", "-1"]),
    ("train good.csv --target y --epochs 2.7", ["epochs", "2.7"]),
    ("train good.csv --target y --epochs ten", ["epochs", "ten"]),
    (f"{TRAIN} --seed -1", ["seed", "-1"]),
    (f"{TRAIN} --seed 1.5", ["seed", "1.5"]),
    (f"{TRAIN} --batch-size -1", ["batch", "-1"]),
    (f"{TRAIN} --learning-rate 0", ["learning", "0"]),
    (f"{TRAIN} --learning-rate -1", ["learning", "-1"]),
    (f"{TRAIN} --learning-rate nan", ["learning", "nan"]),
    (f"{TRAIN} --learning-rate inf", ["learning", "inf"]),
    (f"{TRAIN} --learning-rate fast", ["learning", "fast"]),
    (f"{TRAIN} --optimizer sgd --momentum 1", ["momentum", "1"]),
    (f"{TRAIN} --optimizer adamw --weight-decay -1", ["weight", "-1"]),
    (f"{TRAIN} --l2 -1", ["l2", "-1"]),
    (f"{TRAIN} --l1 nan", ["l1", "nan"]),
    (f"{TRAIN} --dropout 1", ["dropout", "1"]),
    (f"{TRAIN} --clip-norm 0", ["clip", "0"]),
    (f"{TRAIN} --validation 1", ["validation", "1"]),
    (f"{TRAIN} --validation 0.999", ["validation", "0.999"]),
    (f"{TRAIN} --patience 0", ["patience", "0"]),
    (f"{TRAIN} --held-out 1", ["--held-out", "1"]),
    (f"{TRAIN} --held-out -0.5", ["--held-out", "-0.5"]),
    (f"{TRAIN} --held-out nan", ["--held-out", "nan"]),
    ("train one_row.csv --target y --held-out 0.5", ["one row", "--held-out 0"]),
    (f"{NUMBER} --loss huber --delta 0", ["delta", "0"]),
    (f"{NUMBER} --loss quantile --tau 1", ["tau", "1"]),
    (f"{NUMBER} --loss cross_entropy", ["cross_entropy"]),
    (f"{NUMBER} --loss binary_cross_entropy", ["binary_cross_entropy"]),
    (f"{NUMBER} --loss poisson", ["poisson"]),
    (f"{NUMBER} --loss poisson --output-activation identity", ["poisson", "identity"]),
    # optimizers and checkpoints
    (f"{TRAIN} --optimizer lbfgs --checkpoint other", ["L-BFGS", "checkpoint"]),
    (f"{TRAIN} --optimizer lbfgs --dropout 0.5", ["L-BFGS", "dropout"]),
    (f"{TRAIN} --optimizer lbfgs --clip-norm 1", ["L-BFGS", "clip"]),
    (f"{TRAIN} --optimizer lbfgs --schedule step", ["L-BFGS", "schedule"]),
    (f"{TRAIN} --resume", ["resume", "checkpoint"]),
    (f"{TRAIN} --checkpoint ck --resume", ["ck", "another training", "sizes"]),
    (f"{TRAIN} --hidden 4 --checkpoint ck --resume --seed 1", ["ck", "seed was 0 and is 1"]),
    ("train good.csv --target y --hidden 4 --checkpoint ck --resume --epochs 1", ["ck", "2 epochs"]),
    (f"{TRAIN} --hidden 4 --checkpoint model --resume", ["model", "not a checkpoint"]),
    (f"{TRAIN} --hidden 4 --checkpoint good.csv --resume", ["good.csv"]),
    (f"{TRAIN} --checkpoint none/ck", ["none"]),
    (f"{TRAIN} --checkpoint folder", ["folder"]),
    # measuring
    (f"{TRAIN} --test none.csv", ["none.csv"]),
    (f"{TRAIN} --test number.csv", ["number.csv", "'colour'"]),
    (f"{TRAIN} --test new_colour.csv", ["new_colour.csv", "line 2", "'pink'"]),
    (f"{TRAIN} --test new_class.csv", ["new_class.csv", "line 2", "'maybe'"]),
    (f"{TRAIN} --test no_target.csv", ["no_target.csv", "'y'"]),
    # where to write
    ("train good.csv --target y --epochs 2 -o none/out", ["none"]),
    ("train good.csv --target y --epochs 2 -o folder", ["folder"]),
    (["train", "good.csv", "--target", "y", "--epochs", "2", "-o", ""], ["output"]),
    ("train good.csv --target y --epochs 2 -o good.csv", ["good.csv"]),
    ("train good.csv --target y --epochs 2 -o out --checkpoint good.csv", ["good.csv"]),
    ("train good.csv --target y --epochs 2 -o out --checkpoint out", ["out"]),
    ("train number.csv --target y --epochs 2 --test good.csv -o good.csv", ["good.csv"]),
    ("predict model good.csv -o none/out", ["none"]),
    ("predict model good.csv -o folder", ["folder"]),
    ("predict model good.csv -o model", ["model"]),
    ("predict model good.csv -o good.csv", ["good.csv"]),
    (["predict", "model", "good.csv", "-o", ""], ["output"]),
    # models
    ("predict none good.csv", ["none"]),
    ("predict folder good.csv", ["folder"]),
    ("predict good.csv good.csv", ["good.csv"]),
    ("predict cut good.csv", ["cut"]),
    ("predict foreign good.csv", ["foreign", "pellucid"]),
    ("predict ck good.csv", ["ck", "checkpoint"]),
    ("predict own number.csv", ["own", "'square'"]),
    ("show none", ["none"]),
    ("show good.csv", ["good.csv"]),
    ("show cut", ["cut"]),
    ("evaluate ck good.csv", ["ck", "checkpoint"]),
    ("evaluate none good.csv", ["none"]),
    ("evaluate net number.csv", ["without its loss"]),
    # rows for a model
    ("predict model none.csv", ["none.csv"]),
    ("predict model folder", ["folder"]),
    ("predict model number.csv", ["number.csv", "'colour'"]),
    ("predict model new_colour.csv", ["new_colour.csv", "line 2", "'colour'", "'pink'", "'b', 'g', 'r'"]),
    ("predict model text_input.csv", ["text_input.csv", "line 2", "'a'", "'one'"]),
    ("predict model digits", ["digits", "'a', 'colour'"]),
    ("predict net good.csv", ["good.csv", "3 columns", "2 neurons"]),
    ("evaluate model new_class.csv", ["new_class.csv", "line 2", "'y'", "'maybe'"]),
    ("evaluate model no_target.csv", ["no_target.csv", "'y'"]),
    ("evaluate number_model good.csv", ["good.csv", "line 2", "'y'"]),
    # gradient
    ("gradient 3", ["3"]),
    ("gradient a-b", ["a-b"]),
    ("gradient 3-0-2", ["0"]),
    ("gradient 3-4-2 good.csv", ["--x", "--y"]),
    ("gradient 3-4-2 --x 1,2", ["3 neurons"]),
    ("gradient 3-4-2 --x 1,2,b", ["--x", "'1,2,b'"]),
    (["gradient", "3-4-2", "--x", ""], ["--x"]),
    ("gradient 3-4-2 --x 1,2,1_000", ["--x", "1_000"]),
    ("gradient 3-4-2 --x 1,nan,3", ["nan", "finite"]),
    ("gradient 3-4-2 --x 1,2,1e999", ["inf", "finite"]),
    ("gradient 3-4-2 --y 1", ["2 neurons"]),
    ("gradient 3-4-2 --y nan,1", ["nan"]),
    ("gradient 3-4-2 --y -1,1 --loss poisson --output-activation exp", ["-1", "poisson"]),
    ("gradient 3-4-2 --loss cross_entropy --output-activation softmax --y 2", ["class 2", "0 to 1"]),
    ("gradient 3-4-2 --loss cross_entropy --output-activation softmax --y 1,1", ["sums to 2"]),
    ("gradient 3-4-2 --loss cross_entropy --activation tanh", ["cross_entropy", "tanh"]),
    ("gradient 3-4-2 --loss hinge", ["'hinge'"]),
    ("gradient 3-4-2 --activation rely", ["'rely'", "'relu'"]),
    ("gradient 3-4-2 --activation softmax", ["softmax"]),
    ("gradient 3-4-2 --output-activation step", ["'step'"]),
    ("gradient 3-4-2 --seed -1", ["seed", "-1"]),
    ("gradient 3-4-2 --explain q_1^2", ["q"]),
    ("gradient 3-4-2 --explain nonsense", ["'nonsense'", "w_24^3"]),
    ("gradient 3-4-2 --explain w_13^9", ["w_13^9", "layer 9"]),
    ("gradient 3-4-2 --explain w_99^2", ["w_99^2", "4 neurons"]),
    ("gradient 3-4-2 --explain z_1^1", ["layer 1 is the input"]),
    ("gradient 3-4-2 --explain d_0^2", ["0", "count from 1"]),
    ("gradient 3-4-2 --explain w_123^2", ["comma"]),
    ("gradient 3-4-2 --explain z", ["layer"]),
    (["gradient", "3-4-2", "--explain", ""], ["label"]),
    ("gradient 3-4-2 --digits 0", ["digits", "0"]),
    ("gradient 3-4-2 --digits -1", ["digits", "-1"]),
    ("gradient 3-4-2 --digits 99999999999", ["digits", "99999999999"]),
    ("gradient 2-2 --activation identity --x 1e308,1e308", ["finite"]),
    ("gradient 2-2 --activation identity --x 1e308,1e308 --json", ["finite"]),
    ("gradient none", ["none"]),
    ("gradient model", ["--row", "--x"]),
    ("gradient model good.csv --row 0", ["--row 0", "1 … 60"]),
    ("gradient model good.csv --row 61", ["--row 61", "1 … 60"]),
    ("gradient model good.csv --x 1", ["--x"]),
    ("gradient model no_target.csv", ["no_target.csv", "'y'"]),
    ("gradient model --x 1,2,3,4", ["--y"]),
    ("gradient model --x 1 --y 1", ["4 neurons"]),
    ("gradient model --x 1,1,0,0 --y yes", ["--y", "'yes'"]),
    ("gradient net number.csv", ["without its loss"]),
]


@pytest.mark.parametrize(
    ("arguments", "words"),
    ERRORS,
    ids=[line if isinstance(line, str) else " ".join(map(repr, line)) for line, _ in ERRORS],
)
def test_what_a_user_can_mend_is_one_line_and_code_2_and_touches_no_file(arguments, words):
    before = contents()
    run = pellucid(*(arguments.split() if isinstance(arguments, str) else arguments))
    assert run.code == 2
    assert run.err.startswith("pellucid: ")
    assert run.err.count("\n") == 1
    assert run.err.endswith("\n")
    for word in words:
        assert word.lower() in run.err.lower()
    assert "Traceback" not in run.out + run.err
    assert contents() == before


def test_parquet_that_is_none_is_one_line_and_code_2():
    pytest.importorskip("pyarrow")
    run = pellucid("train", "bad.parquet", "--target", "y")
    assert (run.code, run.err.count("\n")) == (2, 1)
    assert "bad.parquet" in run.err


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["text", "json"])
def test_a_diverging_training_says_so_and_saves_nothing(options):
    before = contents()
    run = pellucid(
        "train", "number.csv", "--target", "y", "--optimizer", "sgd", "--learning-rate", "1e6", "--epochs", 99, *options
    )
    assert (run.code, run.err.count("\n")) == (2, 1)
    assert "training diverged in epoch" in run.err
    assert "a learning rate below 1e+06" in run.err
    assert contents() == before
    assert run.out == "" or not options


def test_what_does_not_fit_in_memory_is_one_line_and_code_2():
    run = pellucid("gradient", "99999999-99999999-99999999")  # 10^17 bytes: refused by any system
    assert (run.code, run.err.count("\n")) == (2, 1)


def test_json_that_was_asked_for_is_all_or_nothing():
    for arguments in (["train", "good.csv", "--target", "y", "--learning-rate", 0], ["predict", "model", "number.csv"]):
        assert pellucid(*arguments, "--json").out == ""


def test_an_older_model_survives_a_training_that_fails_to_save(monkeypatch):
    assert pellucid("train", "xor", "--epochs", 1).code == 0
    before = contents()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    run = pellucid("train", "xor", "--epochs", 2)
    assert (run.code, run.err.count("\n")) == (2, 1)
    assert "No space left" in run.err
    assert contents() == before


def test_predictions_that_cannot_be_written_leave_the_file_that_was_there(monkeypatch, tmp_path):
    target = tmp_path / "answers" / "answers.csv"
    target.parent.mkdir()
    target.write_text("old", encoding="utf-8")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    run = pellucid("predict", "model", "good.csv", "-o", target)
    assert (run.code, run.err.count("\n")) == (2, 1)
    assert target.read_text(encoding="utf-8") == "old"
    assert [path.name for path in target.parent.iterdir()] == ["answers.csv"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_what_is_no_regular_file_is_not_replaced_by_one(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    run = pellucid("train", "xor", "--epochs", 1, "-o", tmp_path / "pipe")
    assert (run.code, run.err.count("\n")) == (2, 1)
    assert (tmp_path / "pipe").is_fifo()


def test_a_fault_of_the_library_is_no_error_of_the_user(monkeypatch):
    """Only what the user can mend is one line; a bug shows where it is."""

    def broken(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr(pl.Network, "backprop", broken)
    with pytest.raises(ZeroDivisionError):
        pellucid("gradient", "3-4-2")


def test_an_interruption_is_code_130_without_words(monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(pl.Network, "backprop", interrupted)
    run = pellucid("gradient", "3-4-2")
    assert (run.code, run.out, run.err) == (130, "", "")


def test_a_process_that_fails_ends_with_code_2_and_one_line():
    arguments = [sys.executable, "-m", "pellucid", "train", "nan.csv", "--target", "y"]
    run = subprocess.run(arguments, capture_output=True, check=False)
    assert (run.returncode, run.stdout) == (2, b"")
    assert run.stderr.decode("utf-8").splitlines() == [pellucid(*arguments[3:]).err.rstrip("\n")]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_full_standard_output_is_one_line_and_code_2():
    with open("/dev/full", "wb") as full:
        run = subprocess.run(
            [sys.executable, "-m", "pellucid", "gradient", "3-4-2"], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert run.returncode == 2
    assert run.stderr.count(b"\n") == 1
