"""The user's own exception comes first, with its line and source, and advice of its own kind."""

import json
import linecache

import numpy as np
import pytest

import pellucid as pl
from pellucid.checking.crashes import tell
from pellucid.cli import main

HEAD = "import math\nimport numpy as np\n"

# code, the exception's first words, the source of its line, and words of the advice
KINDS = {
    "a product": (
        "def gradient(network, X, y):\n    d = X @ network.W[2].T\n    return d @ network.W[3]\n",
        "ValueError: matmul",
        "line 5: return d @ network.W[3]",
        "it would fit as d @ network.W[3].T",
    ),
    "a product of a difference": (
        "def gradient(network, X, y):\n    a = X @ network.W[2].T\n    return a @ (X - 1)\n",
        "ValueError: matmul",
        "line 5: return a @ (X - 1)",
        "a.T @ (X - 1)",
    ),
    "a transpose of a difference": (
        "def gradient(network, X, y):\n    a = X @ network.W[2].T\n    return (X - 1) @ a\n",
        "ValueError: matmul",
        "line 5: return (X - 1) @ a",
        "(X - 1).T @ a",
    ),
    "an elementwise product": (
        "def gradient(network, X, y):\n    h = X @ network.W[2].T\n    h *= y\n    return h\n",
        "ValueError: operands",
        "line 5: h *= y",
        "h has shape (13, 7) and y has shape (13, 3)",
    ),
    "(n,) and (n, 1)": (
        "def gradient(network, X, y):\n    e = X[:, 0] - y[:, :1]\n    return e @ X @ y\n",
        "ValueError: matmul",
        "line 5: return e @ X @ y",
        "e has shape (13, 13)",
    ),
    "None": (
        "def forward(X):\n    a = X * 2\ndef gradient(network, X, y):\n    a = forward(X)\n    return a - y\n",
        "TypeError: unsupported operand",
        "line 7: return a - y",
        "a is None here",
    ),
    "an attribute of None": (
        "def forward(X):\n    a = X * 2\ndef gradient(network, X, y):\n    return forward(X).T\n",
        "AttributeError: 'NoneType'",
        "line 6: return forward(X).T",
        "end with return",
    ),
    "an attribute of a list": (
        "def gradient(network, X, y):\n    rows = X.tolist()\n    return rows.T\n",
        "AttributeError: 'list'",
        "line 5: return rows.T",
        "np.array(...)",
    ),
    "a name": (
        "def gradient(network, X, y):\n    delta = y\n    return dleta\n",
        "NameError: name 'dleta'",
        "line 5: return dleta",
        "did you mean delta?",
    ),
    "a module": (
        "def gradient(network, X, y):\n    return random.random()\n",
        "NameError: name 'random'",
        "line 4: return random.random()",
        "import random",
    ),
    "the number of arguments": (
        "def sigma(z, slope):\n    return z\ndef gradient(network, X, y):\n    return sigma(X)\n",
        "TypeError: sigma() missing 1 required",
        "line 6: return sigma(X)",
        "it is defined as sigma(z, slope)",
    ),
    "class numbers": (
        "def gradient(network, X, y):\n    return X[range(len(X)), y]\n",
        "IndexError",
        "line 4: return X[range(len(X)), y]",
        "y.argmax(axis=1)",
    ),
    "a key": (
        "def gradient(network, X, y):\n    cache = {'A1': X}\n    return cache['a1']\n",
        "KeyError: 'a1'",
        "line 5: return cache['a1']",
        "cache has the keys 'A1'",
    ),
    "an index": (
        "def gradient(network, X, y):\n    deltas = [1, 2]\n    return deltas[2]\n",
        "IndexError: list index",
        "line 5: return deltas[2]",
        "deltas has 2 items",
    ),
    "0": (
        "def gradient(network, X, y):\n    n = 0\n    return 1 / n\n",
        "ZeroDivisionError",
        "line 5: return 1 / n",
        "a divisor is 0",
    ),
    "overflow": (
        "def gradient(network, X, y):\n    return math.exp(1000)\n",
        "OverflowError: math range error",
        "line 4: return math.exp(1000)",
        "too large",
    ),
    "the network's layers": (
        "def gradient(network, X, y):\n    return network.W[1]\n",
        "UnknownLabelError",
        "line 4: return network.W[1]",
        "layer 1 is the input",
    ),
    "the network's methods": (
        "def gradient(network, X, y):\n    return network.forward(X)\n",
        "AttributeError: the network that a checked function is handed has no 'forward'",
        "line 4: return network.forward(X)",
        "W[l], b[l], sizes",
    ),
    "a stub": (
        "def gradient(network, X, y):\n    raise NotImplementedError\n",
        "NotImplementedError",
        "line 4: raise NotImplementedError",
        "still to be written",
    ),
    "math for arrays": (
        "def gradient(network, X, y):\n    return math.exp(X)\n",
        "TypeError",
        "line 4: return math.exp(X)",
        "np.exp takes arrays",
    ),
    "a loop over samples": (
        "def gradient(network, X, y):\n    total = 0\n    for x, t in zip(X, y):\n        total += network.W[2].T @ x\n"
        "    return total\n",
        "ValueError: matmul",
        "line 6: total += network.W[2].T @ x",
        "it would fit as network.W[2] @ x",
    ),
    "a name in a loop over samples": (
        "def gradient(network, X, y):\n    for x, t in zip(X, y):\n        delta = xx - t\n    return delta\n",
        "NameError: name 'xx'",
        "line 5: delta = xx - t",
        "",
    ),
}


@pytest.fixture
def check(tmp_path, capsys):
    def run(code, *options, name="mine.py"):
        file = tmp_path / name
        file.write_text(code, encoding="utf-8")
        status = main(["check", str(file), *options])
        out, err = capsys.readouterr()
        return status, out, err

    return run


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_exception_has_advice_of_its_own(check, kind):
    code, what, where, advice = KINDS[kind]
    status, out, err = check(HEAD + code, "--json")
    assert status == 1, err
    [part] = json.loads(out)["behaviour"]
    assert part["detail"].startswith(what)
    assert where in part["detail"]
    assert advice in part["detail"]
    is_about_shapes = any(word in part["detail"] for word in ("it would fit as", "has shape"))
    assert is_about_shapes == (
        what.startswith("ValueError") or (kind == "class numbers" and "has shape" in part["detail"])
    )


def test_what_is_raised_for_one_sample_is_shown(check):
    code = HEAD + "def backprop(x, y, weights, biases):\n    z = weights[0] @ x + biases[0]\n    return zz\n"
    status, out, _ = check(code, "--json")
    assert status == 1
    assert "NameError: name 'zz' is not defined, at line 5: return zz" in json.loads(out)["behaviour"][0]["detail"]


def test_the_furthest_of_several_ways_of_calling_is_shown(check):
    code = HEAD + ("def backward(X, y, W1, b1, W2, b2):\n    z = W1 @ X + b1\n    a = np.tanh(z)\n    return nothing\n")
    status, out, _ = check(code, "--json")
    assert status == 1
    assert "nothing" in json.loads(out)["behaviour"][0]["detail"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("x = = 1\n", "SyntaxError: invalid syntax, at line 1: x = = 1"),
        ("def f(:\n", "SyntaxError"),
        ("import numpy as np\nnp.zeros(3) @ np.zeros(4)\n", "line 2: np.zeros(3) @ np.zeros(4)"),
        ("def f(a):\n    return a.x\nf(None)\n", "AttributeError: 'NoneType' object has no attribute 'x', at line 2"),
        ("import nothing_of_the_kind\n", "ModuleNotFoundError: No module named 'nothing_of_the_kind', at line 1"),
        ("assert False, 'spam'\n", "AssertionError: spam, at line 1: assert False, 'spam'"),
        ("\tx = 1\n  y = 2\n", "IndentationError"),
    ],
)
def test_a_file_that_does_not_load_says_where(check, code, words):
    status, out, err = check(code)
    assert (status, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1


def test_an_exception_without_a_text():
    class NoTextError(Exception):
        def __str__(self):
            raise RuntimeError("no text")

    net = pl.Network([3, 4, 2], seed=0)

    def raises(network, X, y):
        raise NoTextError

    diagnosis = pl.diagnose(net, np.ones((2, 3)), np.ones((2, 2)), "mse", raises)
    assert "NoTextError: (its text cannot be read), at line" in diagnosis.behaviour[0].detail


def test_a_warning_of_overflow_is_noted(check):
    code = HEAD + (
        "def gradient(network, X, y):\n    big = np.exp(np.full(3, 1000.0))\n"
        "    return [0 * a + i for i, a in enumerate([network.W[2], network.b[2], network.W[3], network.b[3]])]\n"
    )
    status, out, _ = check(code)
    assert status == 1
    assert "NumPy warned: overflow encountered in exp, at line 4" in out


def notebook(*cells):
    return json.dumps(
        {
            "cells": [{"cell_type": "code", "source": cell.splitlines(keepends=True)} for cell in cells]
            + [{"cell_type": "markdown", "source": ["x = = 1"]}],
            "nbformat": 4,
            "metadata": {"extra": None, "flag": True},
        }
    )


MAGIC = "%matplotlib inline\n!pip install spam\nimport numpy as np\nfiles = !ls\nnp.array?\n"
CELL = """def gradient(network, X, y):
    W, b = network.weights, network.biases
    h = np.tanh(X @ W[0].T + b[0])
    o = np.tanh(h @ W[1].T + b[1])
    d3 = 2 * (o - y) / y.size * (1 - o * o)
    d2 = d3 @ W[1] * (1 - h * h)
    return [d2.T @ X, d2.sum(0), d3.T @ h, d3.sum(0)]
"""


def test_notebooks(check):
    cells = [MAGIC, "%%bash\nrm nothing\n", "%%time\nx = 1\n", CELL, "display(x)\n"]
    status, out, err = check(notebook(*cells), "--activation", "tanh", name="mine.ipynb")
    assert (status, out) == (0, "RIGHT: the gradient is that of the loss\n"), err
    wrong = notebook(MAGIC, CELL.replace("d3 @ W[1]", "d3 @ W[1].T"))
    status, out, _ = check(wrong, "--activation", "tanh", name="mine.ipynb")
    assert status == 1
    assert "cell 2, line 6: d2 = d3 @ W[1].T * (1 - h * h)" in out
    assert "it would fit as d3 @ W[1]" in out
    status, _, err = check(notebook(MAGIC, "x = = 1\n"), name="mine.ipynb")
    assert status == 2
    assert "cell 2, line 1" in err
    assert check("{}", name="mine.ipynb")[0] == 2
    assert check("[1, 2", name="mine.ipynb")[0] == 2


def test_plots_are_not_shown(check):
    pytest.importorskip("matplotlib")
    code = HEAD + "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\n" + CELL
    assert check(code, "--activation", "tanh")[0] == 0


def test_the_source_of_code_without_a_file_is_not_needed():
    space = {}
    exec(compile("def f(network, X, y):\n    return 1 / 0\n", "<nowhere>", "exec"), space)
    assert linecache.getline("<nowhere>", 2) == ""
    try:
        space["f"](None, None, None)
    except ZeroDivisionError as error:
        crash = tell(error, "<nowhere>")
    assert crash.text.startswith("ZeroDivisionError: division by zero, at line 2")
