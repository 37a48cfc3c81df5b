"""A file with a hand-written backpropagation, diagnosed in a child process that can be stopped.

The child is this module run with ``-m``: it reads a request from standard input and writes its answer to a file, so
that whatever the code under test prints, closes or exits cannot be taken for the answer.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pellucid.checking.trial import diagnose
from pellucid.losses import as_loss
from pellucid.network import Network

NAMES = ("gradient", "backprop")
"""What the function may be called."""


class CouldNotRunError(ValueError):
    """The file came to no answer: it does not load, has no function, took too long, or ended the process."""


@dataclass(frozen=True)
class Request:
    """What to check a file's function on: a network drawn at random, and samples.

    Parameters
    ----------
    file : str
    sizes : tuple of int
    activation, output : str
        As in `Network`; an empty output is the activation.
    loss : str
    samples : int
        How many are drawn.
    seed : int
    l2, l1 : float
        Penalties that the gradient is meant to include.
    dtype : str
    bias : bool
        Whether the network has biases.
    function : str
        The function's name; empty for `NAMES`.
    """

    file: str
    sizes: tuple[int, ...]
    activation: str = "sigmoid"
    output: str = ""
    loss: str = "mse"
    samples: int = 6
    seed: int = 0
    l2: float = 0.0
    l1: float = 0.0
    dtype: str = "float64"
    bias: bool = True
    function: str = ""

    def network(self) -> Network:
        """Draw the network: normal weights and biases, so that no term is 0 by chance."""
        return Network(
            self.sizes, self.activation, self.output or None,
            seed=self.seed, init="standard_normal", dtype=self.dtype, bias=self.bias,
        )  # fmt: skip

    def data(self) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Draw the samples, with targets that the loss takes."""
        rng = np.random.default_rng([self.seed, 1])
        m, targets = self.sizes[-1], as_loss(self.loss).targets
        X = np.round(rng.standard_normal((self.samples, self.sizes[0])), 3)
        if targets == "classes":
            Y = np.eye(m)[rng.integers(0, m, self.samples)]
        elif targets == "counts":
            Y = rng.integers(0, 5, (self.samples, m)).astype(float)
        else:
            Y = np.round(rng.uniform(0.05, 0.95, (self.samples, m)), 3)
        return X.astype(self.dtype), Y.astype(self.dtype)


def diagnose_file(request: Request, time_limit: float) -> tuple[dict[str, Any], str, str]:
    """Diagnose the function of a file in a child process.

    Parameters
    ----------
    request : Request
    time_limit : float
        Seconds after which the child is ended.

    Returns
    -------
    dict, str, str
        The diagnosis as `Diagnosis.to_dict` gives it and as text, and what the code printed.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    CouldNotRunError
        It came to no answer.
    ValueError, TypeError
        A network, loss or number of samples that cannot be.
    """
    if not os.path.isfile(request.file):
        raise FileNotFoundError(f"{request.file}: no such file")
    _check(request)
    with tempfile.TemporaryDirectory() as folder:
        answer = os.path.join(folder, "answer.json")
        process = subprocess.Popen(  # noqa: S603 (the user's own file, by this very interpreter)
            [sys.executable, "-m", "pellucid.checking.process", answer],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        )
        try:
            printed, _ = process.communicate(json.dumps(asdict(request)).encode(), timeout=time_limit)
        except subprocess.TimeoutExpired:
            raise CouldNotRunError(
                f"{request.file} gave no answer within {time_limit:g} s and was stopped; --time-limit allows more"
            ) from None
        finally:
            _end(process)
        text = printed.decode(errors="replace")
        try:
            with open(answer, encoding="utf-8") as file:
                found = json.load(file)
        except (OSError, ValueError):
            how = f"by signal {-process.returncode}" if process.returncode < 0 else f"with code {process.returncode}"
            raise CouldNotRunError(f"{request.file} ended the process {how} before there was an answer") from None
    if "error" in found:
        raise CouldNotRunError(f"{request.file}: {found['error']}")
    return found["diagnosis"], found["text"], text


def _check(request: Request) -> None:
    """Refuse what cannot be before a process is started for it."""
    network = request.network()
    X, Y = request.data()
    network.gradient(X, Y, request.loss, l2=request.l2, l1=request.l1)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the child and what it started."""
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    if process.poll() is None:
        process.kill()
    process.communicate()


def find_function(names: Mapping[str, Any], file: str, wanted: str) -> Callable[..., Any]:
    """Find the function under test in a module's names.

    Raises
    ------
    CouldNotRunError
        There is none, or more than one that it could be.
    """
    own = {
        name: value
        for name, value in names.items()
        if inspect.isfunction(value) and not name.startswith("_") and value.__code__.co_filename == file
    }
    for name in (wanted,) if wanted else NAMES:
        if callable(names.get(name)):
            found: Callable[..., Any] = names[name]
            return found
    if wanted:
        raise CouldNotRunError(f"it has no function {wanted!r}; it has {', '.join(own) or 'none'}")
    if len(own) == 1:
        return next(iter(own.values()))
    raise CouldNotRunError(
        f"it has no function gradient(network, X, y) that returns the gradient; it has "
        f"{', '.join(own) or 'no function'}" + ("; --function names another" if own else "")
    )


def _answer(request: Request) -> dict[str, Any]:
    file = os.path.abspath(request.file)
    sys.path.insert(0, os.path.dirname(file))
    sys.argv = [file]
    try:
        names = runpy.run_path(file, run_name="checked_by_pellucid")
    except SyntaxError as error:
        return {"error": f"line {error.lineno}: {error.msg}"}
    except SystemExit:
        return {"error": "it ends the process when it is loaded; put that under if __name__ == '__main__'"}
    except Exception as error:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
        where = f"line {frames[-1].lineno}: " if frames else ""
        return {"error": f"{where}{type(error).__name__}: {error}"}
    try:
        function = find_function(names, file, request.function)
    except CouldNotRunError as error:
        return {"error": str(error)}
    X, Y = request.data()
    diagnosis = diagnose(request.network(), X, Y, request.loss, function, l2=request.l2, l1=request.l1)
    return {"diagnosis": diagnosis.to_dict(), "text": diagnosis.text}


def main(path: str) -> None:
    """Answer one request from standard input, in the file that is named."""
    data = json.load(sys.stdin)
    request = Request(**{**data, "sizes": tuple(data["sizes"])})
    try:
        answer = _answer(request)
    except SystemExit:
        answer = {"error": "the function ends the process"}
    with open(path, "w", encoding="utf-8") as file:
        json.dump(answer, file)


if __name__ == "__main__":
    main(sys.argv[1])
