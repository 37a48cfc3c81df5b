"""`pellucid list`, `--version`, completion and NO_COLOR; weights from a file."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest

import pellucid as pl
from pellucid.cli.commands import TABLES
from pellucid.cli.main import main

SIZES = [3, 4, 2]


def pellucid(capsys, *arguments):
    code = main(list(arguments))
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize("table", TABLES)
def test_a_table_is_listed_with_every_row(table, capsys):
    code, out, _ = pellucid(capsys, "list", table)
    assert code == 0
    assert all(re.search(rf"^{name}\b", out, re.MULTILINE) for name in TABLES[table])
    assert out.rstrip("\n") == str(TABLES[table])
    code, out, _ = pellucid(capsys, "list", table, "--json")
    assert list(json.loads(out)) == list(TABLES[table])


def test_without_a_name_all_tables_are_listed(capsys):
    code, out, _ = pellucid(capsys, "list")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == list(TABLES)
    code, _, err = pellucid(capsys, "list", "activation")
    assert (code, "did you mean 'activations'" in err) == (2, True)


def test_the_version_names_the_engine(capsys):
    code, out, _ = pellucid(capsys, "--version")
    assert code == 0
    engine = pl.Network([1, 1]).engine
    assert out == f"pellucid {pl.__version__}, {engine} engine ({engine.detail})\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_the_commands_and_options(shell, tmp_path, capsys):
    script = tmp_path / "completion"
    code, *_ = pellucid(capsys, "--install-completion", "--shell", shell, "--output", str(script))
    assert code == 0
    text = script.read_text(encoding="utf-8")
    assert all(word in text for word in ("gradient", "worksheet", "weights", "learning-rate"))


def test_with_no_color_nothing_is_styled():
    environment = {**os.environ, "FORCE_COLOR": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    for arguments in (["list", "activations"], ["--help"], ["gradient", "2-2-1"]):
        command = [sys.executable, "-m", "pellucid", *arguments]
        plain = subprocess.run(command, env={**environment, "NO_COLOR": "1"}, capture_output=True, check=True)
        assert b"\x1b" not in plain.stdout


# Weights from a file.


def a_network():
    return pl.Network(SIZES, "sigmoid", init="standard_normal", seed=7)


def by_name(net):
    return {f"{symbol}{l}": array for symbol in "Wb" for l, array in getattr(net, symbol).items()}


def written(tmp_path, form, arrays):
    path = tmp_path / f"weights.{'npz' if form == 'npz' else 'json'}"
    if form == "npz":
        np.savez(path, **arrays)
    elif form == "nested":
        data = {
            symbol: {name[1:]: array.tolist() for name, array in arrays.items() if name[0] == symbol} for symbol in "Wb"
        }
        path.write_text(json.dumps(data), encoding="utf-8")
    else:
        changed = {"json": "", "underscore": "_", "dot": ".", "raised": "^"}[form]
        data = {f"{name[0]}{changed}{name[1:]}": array.tolist() for name, array in arrays.items()}
        path.write_text(json.dumps(data), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("form", ["npz", "json", "nested", "underscore", "dot", "raised"])
def test_the_five_steps_take_weights_from_a_file(form, tmp_path, capsys):
    net = a_network()
    path = written(tmp_path, form, by_name(net))
    code, out, err = pellucid(capsys, "gradient", "3-4-2", "--weights", path, "--x", "0.5,-1,2", "--y", "1,0", "--json")
    assert (code, err) == (0, "")
    run = net.backprop([0.5, -1, 2], [1, 0])
    data = json.loads(out)
    for l in (2, 3):
        assert data["W"][str(l)] == net.W[l].tolist()
        assert data["gradient"]["W"][str(l)] == run.gradient.W[l].tolist()
        assert data["gradient"]["b"][str(l)] == run.gradient.b[l].tolist()
    assert data["loss"] == run.loss


def test_what_the_command_prints_it_takes(tmp_path, capsys):
    _, out, _ = pellucid(capsys, "gradient", "3-4-2", "--seed", "5", "--json")
    data = json.loads(out)
    (tmp_path / "w.json").write_text(json.dumps({"W": data["W"], "b": data["b"]}), encoding="utf-8")
    _, again, _ = pellucid(capsys, "gradient", "3-4-2", "--seed", "6", "--weights", str(tmp_path / "w.json"), "--json")
    assert json.loads(again)["W"] == data["W"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda w: w | {"W2": w["W2"].T},
            r"W2 has shape \(3, 4\), but a 3-4-2 network needs \(4, 3\); it looks transposed",
        ),
        (lambda w: w | {"W3": np.ones((2, 5))}, r"W3 has shape \(2, 5\), but a 3-4-2 network needs \(2, 4\)$"),
        (
            lambda w: w | {"b2": np.ones((4, 1))},
            r"b2 has shape \(4, 1\), but a 3-4-2 network needs \(4,\); write it as a flat",
        ),
        (lambda w: w | {"W4": np.ones((2, 2))}, "holds 'W4', but a 3-4-2 network has W2, W3, b2, b3"),
        (lambda w: w | {"hidden": np.ones(2)}, "holds 'hidden', which is not the name of weights or biases"),
        (lambda w: {name: w[name] for name in ("W2", "W3")}, "has no b2: .*--no-bias"),
        (lambda w: {name: w[name] for name in ("W2", "b2", "b3")}, "has no W3: a 3-4-2 network has W2, W3, b2, b3$"),
        (lambda w: w | {"W2": w["W2"].astype(str)}, r"W\[2\] must hold real numbers"),
        (lambda w: w | {"W2": w["W2"] * np.nan}, r"W2\[0, 0\] is nan|W\[2\]\[0, 0\] is nan|not JSON"),
    ],
)
@pytest.mark.parametrize("form", ["npz", "json"])
def test_weights_that_do_not_fit_are_refused(form, change, says, tmp_path, capsys):
    path = written(tmp_path, form, change(by_name(a_network())))
    code, out, err = pellucid(capsys, "gradient", "3-4-2", "--weights", path)
    assert (code, out) == (2, "")
    assert re.search(says, err.rstrip("\n"))
    assert path in err


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a zip", b"[1, 2]", b"{", b"[" * 100_000, b"\xff\xfe\x00"])
def test_other_files_are_refused_in_one_line(content, tmp_path, capsys):
    path = tmp_path / "weights"
    path.write_bytes(content)
    for given in (path, tmp_path / "missing", tmp_path):
        code, out, err = pellucid(capsys, "gradient", "3-4-2", "--weights", str(given))
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert "Traceback" not in err


def test_weights_are_for_new_networks_only(tmp_path, capsys):
    a_network().save(tmp_path / "net.safetensors")
    path = written(tmp_path, "json", by_name(a_network()))
    code, _, err = pellucid(capsys, "gradient", str(tmp_path / "net.safetensors"), "--weights", path)
    assert (code, "--weights is for a new network" in err) == (2, True)


def test_biases_for_a_network_without_them_are_refused(tmp_path, capsys):
    path = written(tmp_path, "json", by_name(a_network()))
    _, _, err = pellucid(capsys, "gradient", "3-4-2", "--no-bias", "--weights", path)
    assert f"{path} holds 'b2', but a 3-4-2 network without biases has W2, W3" in err


def test_an_explanation_is_printed_as_json(capsys):
    arguments = ["gradient", "3-4-2", "--x", "0.5,-1,2", "--y", "1,0", "--explain", "d_1^2"]
    _, out, _ = pellucid(capsys, *arguments, "--json")
    found = pl.Network([3, 4, 2], seed=0).backprop([0.5, -1, 2], [1, 0]).explain("d_1^2")
    assert json.loads(out) == found.to_dict()
    assert json.loads(out)["value"] == found.value
    assert json.loads(out)["steps"][-1] in found.text


def test_two_forms_of_output_are_refused(capsys):
    code, out, err = pellucid(capsys, "gradient", "3-4-2", "--latex", "--json")
    assert (code, out) == (2, "")
    assert "give one of them" in err
