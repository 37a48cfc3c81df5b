"""pellucid check: a user's file in a process of its own, and what the exit code says."""

import json

import pytest

from pellucid.cli import main

RIGHT = """
import numpy as np

def sigmoid(z):
    return 1 / (1 + np.exp(-z))

def gradient(network, X, y):
    W2, b2, W3, b3 = network.W[2], network.b[2], network.W[3], network.b[3]
    a2 = sigmoid(X @ W2.T + b2)
    a3 = sigmoid(a2 @ W3.T + b3)
    d3 = 2 / y.shape[1] * (a3 - y) * a3 * (1 - a3)
    d2 = d3 @ W3 * a2 * (1 - a2)
    n = len(X)
    return {"W2": d2.T @ X / n, "b2": d2.mean(axis=0), "W3": d3.T @ a2 / n, "b3": d3.mean(axis=0)}

if __name__ == "__main__":
    raise SystemExit("not when checked")
"""
WRONG = RIGHT.replace("d2 = d3 @ W3 * a2 * (1 - a2)", "d2 = d3 @ W3")


@pytest.fixture
def check(tmp_path, capsys):
    def run(code, *options, name=""):
        file = tmp_path / "mine.py"
        file.write_text(code, encoding="utf-8")
        status = main(["check", f"{file}:{name}" if name else str(file), *options])
        out, err = capsys.readouterr()
        return status, out, err

    return run


def test_right_and_wrong(check):
    assert check(RIGHT)[:2] == (0, "RIGHT: the gradient is that of the loss\n")
    status, out, _ = check(WRONG, "--network", "3,5,4", "--samples", "4", "--seed", "3")
    assert status == 1
    assert out.startswith("WRONG at step 4 Backpropagate, layer 2: σ' missing in a hidden layer")
    assert "⟦σ'(z^2)⟧" in out


def test_without_biases(check):
    plain = RIGHT.replace(" + b2", "").replace(" + b3", "").replace("W2, b2, W3, b3", "W2, W3")
    plain = plain.replace("network.b[2], ", "").replace(", network.b[3]", "")
    plain = plain.replace('"b2": d2.mean(axis=0), ', "").replace(', "b3": d3.mean(axis=0)', "")
    assert "b2" not in plain
    assert check(plain, "--no-bias")[:2] == (0, "RIGHT: the gradient is that of the loss\n")
    assert check(plain)[0] == 1
    status, out, _ = check(plain.replace("* a2 * (1 - a2)", ""), "--no-bias", "--json")
    assert (status, json.loads(out)["rows"]) == (1, ["2"])
    status, out, _ = check(RIGHT, "--no-bias")  # which asks for network.b[2]
    assert status == 1
    assert "bias=False" in out


def test_json(check):
    status, out, _ = check(WRONG, "--json")
    assert status == 1
    assert json.loads(out)["rows"] == ["2"]
    assert check(RIGHT.replace("2 / y.shape[1] * ", "").replace("/ n", "").replace("mean(", "sum("), "--json")[0] == 0


def test_other_functions_and_settings(check):
    named = RIGHT.replace("def gradient", "def mine")
    assert check(named)[0] == 0
    assert check(named, name="mine")[0] == 0
    status, _, err = check(named, name="spam")
    assert status == 2
    assert "it has sigmoid, mine" in err
    penalised = """
import numpy as np
def backprop(network, X, y):
    W2, b2, W3, b3, n = network.W[2], network.b[2], network.W[3], network.b[3], len(X)
    h = np.maximum(X @ W2.T + b2, 0)
    e = np.exp(h @ W3.T + b3)
    d3 = e / e.sum(axis=1, keepdims=True) - y
    d2 = d3 @ W3 * (h > 0)
    return [d2.T @ X / n + 0.1 * W2, d2.mean(axis=0), d3.T @ h / n + 0.1 * W3, d3.mean(axis=0)]
"""
    options = (
        "--network",
        "4-5-3",
        "--activation",
        "relu",
        "--output-activation",
        "softmax",
        "--loss",
        "cross_entropy",
    )
    assert check(penalised, *options, "--l2", "0.1")[0] == 0
    status, out, _ = check(penalised, *options)
    assert status == 1
    assert "[23]" in out
    assert check(penalised, *options, "--l2", "0.1", "--dtype", "float32")[0] == 0


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("def gradient(network, X, y):\n    while True: pass\n", "no answer within"),
        ("import os\nos._exit(7)\n", "code 7"),
        ("x = = 1\n", "line 1"),
        ("raise RuntimeError('spam')\n", "RuntimeError: spam, at line 1: raise RuntimeError('spam')"),
        ("x = 1\n", "no function"),
        ("import sys\nsys.exit()\n", "ends the process"),
        ("def gradient(network, X, y):\n    raise SystemExit\n", "ends the process"),
        ("import os, signal\ndef gradient(network, X, y):\n    os.kill(os.getpid(), signal.SIGSEGV)\n", "signal 11"),
    ],
)
def test_what_cannot_be_run_exits_with_2(check, code, words):
    status, out, err = check(code, "--time-limit", "3")
    assert (status, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1


def test_bad_options(check, capsys):
    assert check(RIGHT, "--network", "3,x")[0] == 2
    assert check(RIGHT, "--loss", "spam")[0] == 2
    assert check(RIGHT, "--time-limit", "0")[0] == 2
    assert main(["check", "nowhere.py"]) == 2
    assert "no such file" in capsys.readouterr().err


def test_an_exception_is_a_finding(check):
    status, out, _ = check(RIGHT.replace("d3 @ W3 *", "d3 @ W3.T *"))
    assert status == 1
    assert "it would fit as d3 @ W3" in out


def test_what_the_file_prints_goes_to_standard_error(check):
    status, out, err = check("print('loaded')\n" + RIGHT)
    assert status == 0
    assert "loaded" not in out
    assert "loaded" in err
