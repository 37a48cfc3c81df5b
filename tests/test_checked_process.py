"""The process of a checked file: what it cannot forge, what it cannot exceed, and what it leaves behind."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from pellucid.cli import main
from pellucid.cli.process import DEFAULT_SAMPLES, DEFAULT_SIZES, Request, diagnose_file

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
    return [d2.T @ X / n, d2.mean(axis=0), d3.T @ a2 / n, d3.mean(axis=0)]
"""
WRONG = "[0 * a + 1 for l in network.W.keys() for a in (network.W[l], network.b[l])]"


@pytest.fixture
def check(tmp_path, capsys):
    def run(code, *options, name="mine.py"):
        file = tmp_path / name
        file.write_text(code, encoding="utf-8")
        status = main(["check", str(file), *options])
        out, err = capsys.readouterr()
        return status, out, err

    return run


FORGERIES = {
    "the network's own gradient": "def gradient(network, X, y):\n    return network.gradient(X, y, 'mse')\n",
    "the library's gradient": """
import pellucid as pl
def gradient(network, X, y):
    net = pl.Network(network.sizes)
    net.parameters = network.parameters
    return net.gradient(X, y, "mse").vector
""",
    "its five steps": """
def gradient(network, X, y):
    from pellucid.backprop import gradient
    return gradient(network, X, y)
""",
    "norms that are 0": f"""
import numpy as np
np.linalg.norm = lambda *given, **named: 0.0
np.array_equal = np.allclose = lambda *given, **named: True
def gradient(network, X, y):
    return {WRONG}
""",
    "another judge": f"""
import sys
from pellucid.checking import judgement, trial, diagnosis
judgement.diagnose_arrays = trial.judge = lambda *given, **named: (diagnosis.Diagnosis("right"), 1)
judgement.Judgement.is_right = lambda *given, **named: True
def gradient(network, X, y):
    return {WRONG}
""",
    "what the callers have": f"""
import sys
import numpy as np
def gradient(network, X, y):
    frame, seen = sys._getframe(), []
    while frame is not None:
        for value in list(frame.f_locals.values()):
            for name in ("gradient_W", "problem", "right", "vector"):
                assert not hasattr(value, name) or isinstance(value, type), name
        frame = frame.f_back
    return {WRONG}
""",
    "an answer of its own": """
import os, struct
def gradient(network, X, y):
    for fd in range(3, 64):
        try:
            text = b'{"verdict": "right", "diagnosis": {"verdict": "right"}}'
            os.write(fd, len(text).to_bytes(8, "big") + (0).to_bytes(8, "big") + text)
        except OSError:
            pass
    os._exit(0)
""",
    "the end": "import os\ndef gradient(network, X, y):\n    print('RIGHT')\n    os._exit(0)\n",
    "at exit": f"""
import atexit, os
atexit.register(lambda: os._exit(0))
def gradient(network, X, y):
    return {WRONG}
""",
    "files of the folder": f"""
import glob, os
for name in glob.glob(os.path.join(os.path.dirname(__file__), "*.json")) + ["answer.json"]:
    with open(name, "w") as file:
        file.write('{{"diagnosis": {{"verdict": "right"}}, "text": "RIGHT"}}')
def gradient(network, X, y):
    return {WRONG}
""",
}


@pytest.mark.parametrize("how", FORGERIES)
def test_a_forged_verdict_is_not_right(check, how):
    status, out, _ = check(FORGERIES[how], "--time-limit", "10")
    assert status in (1, 2)
    assert not out.startswith("RIGHT")


@pytest.mark.parametrize(
    "text",
    [
        '{"dict": []}',
        '{"dict": [["crash", null]]}',
        '{"dict": [["crash", 3], ["candidates", []], ["callables", []], ["autodiff", []]]}',
        '{"dict": [["crash", null], ["candidates", [3, {"list": 1}]], ["callables", []], ["autodiff", [0]]]}',
        '{"array": ["<f8", [1099511627776], 0]}',
        '{"array": ["|O8", [1], 0]}',
        '{"dict": [[["unhashable"], 1]]}',
        "[" * 100_000,
        "9" * 100_000,
        "null",
    ],
)
def test_an_answer_of_any_kind_is_refused_or_judged(check, text):
    forged = f"""
import os
text = {text!r}.encode()
for fd in range(3, 64):
    try:
        os.write(fd, len(text).to_bytes(8, "big") + (0).to_bytes(8, "big") + text)
    except OSError:
        pass
"""
    status, _, err = check(forged + RIGHT, "--time-limit", "10")
    assert status in (1, 2)
    assert err.count("\n") <= 1
    huge = "import os\nfor fd in range(3, 64):\n    try: os.write(fd, b'\\xff' * 16)\n    except OSError: pass\n"
    assert check(huge + RIGHT, "--time-limit", "10")[0] == 2


def test_libraries_that_differentiate_are_named_and_can_be_refused(check, tmp_path):
    (tmp_path / "autograd.py").write_text("def grad(f): return f\n", encoding="utf-8")
    code = "import autograd\n" + RIGHT
    status, out, _ = check(code)
    assert status == 0
    assert "imports autograd" in out
    status, out, err = check(code, "--forbid-autodiff")
    assert (status, out) == (2, "")
    assert "autograd" in err
    late = RIGHT.replace("    n = len(X)", "    import autograd\n    n = len(X)")
    assert check(late, "--forbid-autodiff")[0] == 2
    assert check(RIGHT, "--forbid-autodiff")[0] == 0


def test_modules_of_the_current_folder_are_not_imported(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "helper.py").write_text("def half(x): return x / 2\n", encoding="utf-8")
    code = RIGHT.replace("2 / y.shape[1]", "helper.half(4) / y.shape[1]")
    (elsewhere / "anna.py").write_text("import helper, random, json\n" + code, encoding="utf-8")
    for name in ("random", "json", "typing", "numpy", "pellucid"):
        (tmp_path / f"{name}.py").write_text("print('shadow')\n", encoding="utf-8")
    start = (
        "import os, sys; from pellucid.cli import main; os.chdir(sys.argv[1]); sys.exit(main(['check', sys.argv[2]]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", start, str(tmp_path), str(elsewhere / "anna.py")], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    command = [sys.executable, "-m", "pellucid", "check", str(elsewhere / "anna.py")]
    (tmp_path / "pellucid.py").unlink()
    (tmp_path / "numpy.py").unlink()
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stderr, "shadow" in done.stdout) == (0, "", False)
    # nor do those of the file's own folder take the place of the library's
    (elsewhere / "json.py").write_text("raise ValueError('shadow')\n", encoding="utf-8")
    assert main(["check", str(elsewhere / "anna.py")]) == 0


def test_the_environment_is_not_inherited(check, monkeypatch):
    monkeypatch.setenv("A_SECRET", "spam")
    status, _, err = check("import os, sys\nprint(sorted(os.environ), sys.stdin.read() == '')\n" + RIGHT)
    assert status == 0
    assert "A_SECRET" not in err
    assert "True" in err


def test_the_time_limit_is_for_all_calls_together(check):
    code = RIGHT.replace("    W2, b2", "    import time; time.sleep(0.4)\n    W2, b2")
    start = time.monotonic()
    status, _, err = check(code, "--time-limit", "1.5")
    assert status == 2
    assert "no answer within 1.5 s" in err
    assert time.monotonic() - start < 20


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory and /proc are Linux's")
def test_the_memory_is_limited(check):
    code = RIGHT.replace("    n = len(X)", "    n = len(X) + 0 * len(bytearray(1 << 31))")
    status, out, _ = check(code, "--memory-limit", "1024")
    assert status == 1
    assert "MemoryError" in out
    assert "--memory-limit" in out


def test_what_is_printed_is_cut(check):
    code = RIGHT.replace(
        "    n = len(X)", "    import os; n = len(X)\n    for _ in range(20): os.write(1, b'x' * 1_000_000)"
    )
    status, _, err = check(code)
    assert status == 0
    assert len(err) < 1.2e6
    assert "cut at 1 MB" in err


@pytest.mark.skipif(sys.platform != "linux", reason="processes are found by /proc")
@pytest.mark.parametrize("keeps", ["", ", stdout=sys.stdout, stderr=sys.stderr"])
def test_what_the_file_starts_ends_with_it(check, tmp_path, keeps):
    start = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True{keeps})
open({str(tmp_path / "pid")!r}, "w").write(str(child.pid))
"""
    began = time.monotonic()
    assert check(start + RIGHT)[0] == 0
    assert time.monotonic() - began < 30
    pid = int((tmp_path / "pid").read_text())
    state = Path(f"/proc/{pid}/stat")
    assert not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z"


def test_nothing_is_left_in_the_temporary_folder(check, tmp_path, monkeypatch):
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    code = "import tempfile\nopen(tempfile.mkstemp()[1], 'w').write('x')\n" + RIGHT
    assert check(code)[0] == 0
    assert check("while True: pass", "--time-limit", "1")[0] == 2
    assert os.listdir(place) == []


def test_escapes_are_made_visible(check):
    code = "print('\\x1b[2K\\x1b[1A hidden')\ndef gradient(network, X, y):\n    raise ValueError('\\x1b[32mRIGHT')\n"
    status, out, err = check(code)
    assert status == 1
    assert "\x1b" not in out + err
    assert "\\x1b[32mRIGHT" in out
    assert "\x1b" not in check("raise ValueError('\\x1b[32mRIGHT')\n")[2]
    assert "\x1b" not in check("def gradient(network, X, y):\n    return '\\x1b[32m'\n")[1]


@pytest.mark.parametrize(
    "value",
    [
        "own",
        "[[10 ** 400] * 3] * 4",
        "[Refuses()] * 4",
        "'x' * 10_000_000",
        "iter(int, 1)",
        "[None] * 300_000",
        "lambda: 0",
        "[object()]",
        "np.zeros(3, complex)",
        "np.array([{}, None])",
    ],
)
def test_whatever_is_returned_ends_in_an_answer(check, value):
    head = """
import numpy as np
own = []
own.append(own)
class Refuses:
    def __array__(self, *given, **named):
        raise RuntimeError("no array")
"""
    status, _, err = check(f"{head}def gradient(network, X, y):\n    return {value}\n")
    assert status in (1, 2)
    assert "gave an answer" not in err


def test_the_default_network_has_no_coincidences():
    for sizes in DEFAULT_SIZES.values():
        widths = [size + bias for size in sizes[:-1] for bias in (0, 1)]
        everything = [*sizes, DEFAULT_SAMPLES]
        assert len(set(everything)) == len(everything)
        assert all(k % d for k in everything for d in range(2, k))
        assert not {size + 1 for size in sizes[:-1]} & set(everything)
        assert len(set(widths)) == len(widths)
        assert sizes[-1] not in (1, 2, 4)


def test_m_taken_from_the_wrong_axis_shows_whatever_the_number_of_samples(check):
    wrong = RIGHT.replace("n = len(X)", "n = X.shape[1]").replace(".mean(axis=0)", ".sum(axis=0) / n")
    for options in ((), ("--network", "6,5,3", "--samples", "6"), ("--network", "5,7,3", "--samples", "5")):
        status, out, _ = check(wrong, *options)
        assert status == 1, out


def test_a_factor_is_judged_at_several_numbers_of_samples(check):
    for factor, row in (("0.1", "37"), ("13", "37"), ("1 / 13", "37"), ("n", "10"), ("3 / 2", "12")):
        code = RIGHT.replace("    return [", f"    return [({factor}) * g for g in [").rstrip() + "]\n"
        status, out, _ = check(code, "--json")
        found = json.loads(out)
        assert [part["row"] for part in found["hypotheses"][0]] == [row], factor
        assert status == (1 if row == "37" else 0)
    assert (
        "like a learning rate"
        in check(RIGHT.replace("    return [", "    return [0.01 * g for g in [").rstrip() + "]\n")[1]
    )


def test_only_a_sample_without_a_factor_is_called_right(check):
    words = "alone gives the right gradient"
    batch = RIGHT.replace("d3.T @ a2 / n", "np.outer(d3.mean(axis=0), a2.mean(axis=0))")
    assert words in check(batch)[1]
    assert words not in check(batch.replace("2 / y.shape[1] *", "0.7 *"))[1]


def test_dropout_masks_are_handed_over(check):
    masked = RIGHT.replace("(network, X, y)", "(network, X, y, masks)")
    masked = masked.replace("a2 = sigmoid(X @ W2.T + b2)", "h = sigmoid(X @ W2.T + b2); a2 = h * masks[2]")
    masked = masked.replace("d3 @ W3 * a2 * (1 - a2)", "d3 @ W3 * masks[2] * h * (1 - h)")
    assert check(masked, "--dropout", "0.5")[0] == 0
    status, out, _ = check(masked.replace("d3 @ W3 * masks[2]", "d3 @ W3"), "--dropout", "0.5", "--json")
    assert (status, json.loads(out)["rows"]) == (1, ["24"])
    status, out, _ = check(RIGHT, "--dropout", "0.5")
    assert status == 0
    assert "without dropout" in out


def test_what_the_sizes_of_a_network_hide_is_said(check):
    assert "its mean are the same" in check(RIGHT, "--network", "3,4,1")[1]
    assert "square" in check(RIGHT, "--network", "4,4,3")[1]
    assert "note" not in check(RIGHT, "--network", "5,7,3")[1]


def test_one_function_of_several_is_named(check):
    two = RIGHT + "def first_gradient(X, y): pass\ndef second_gradient(X, y): pass\n"
    assert check(two)[0] == 0
    status, _, err = check(two.replace("def gradient", "def third_gradient"))
    assert status == 2
    assert "mine.py:first_gradient; " in err
    assert "mine.py:third_gradient" in err


def test_a_request_is_answered_with_a_diagnosis(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("print('spam')\n" + RIGHT, encoding="utf-8")
    diagnosis, printed = diagnose_file(Request(str(file)), 20.0)
    assert (diagnosis.verdict, printed.strip()) == ("right", "spam")
