"""A file with a hand-written backpropagation, run in a process of its own and judged in this one.

The file's process is handed parameters and samples and hands arrays back (`pellucid.checking.child`). It has neither
the right gradient nor the verdict, and this process never runs a line of the file.
"""

from __future__ import annotations

import contextlib
import os
import queue
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import pellucid
from pellucid.arrays import Array
from pellucid.checking.batches import coincidences, draw_samples
from pellucid.checking.binding import CannotBindError, Handed, Outcome, Plan
from pellucid.checking.crashes import Crash
from pellucid.checking.diagnosis import Diagnosis, Part
from pellucid.checking.nests import ProtocolError, pack, unpack
from pellucid.checking.problem import Problem
from pellucid.checking.script import diagnose_script
from pellucid.checking.trial import Trial
from pellucid.errors import visible
from pellucid.losses import as_loss
from pellucid.network import Network
from pellucid.samples import as_penalty, as_samples

DEFAULT_SIZES = {1: (5, 3), 2: (5, 7, 3), 3: (5, 11, 7, 3)}
"""The network by the number of its layers with weights, unless one is given.

All sizes are prime and different, none is another plus 1 (the width of a matrix with a column of biases), and there are
three outputs: no transpose has the shape that is expected, 2/m is not 1, 1/2 or 2, and no factor is a product of
others.
"""

DEFAULT_SAMPLES = 13
"""Prime, and more than any size: a sum over samples is not one over neurons."""

_PRINTED = 1 << 20
"""Bytes of what a file prints that are kept."""

_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""What of the environment a file's process inherits."""

_MARK = "PELLUCID_CHECK"


class CouldNotRunError(ValueError):
    """The file came to no answer: it does not load, has no function, took too long, or ended the process.

    Attributes
    ----------
    adapter : str
        Of a function that cannot be called as it is: one that calls it, to be completed.
    """

    def __init__(self, what: str, adapter: str = "") -> None:
        super().__init__(what)
        self.adapter = adapter


@dataclass(frozen=True)
class Request:
    """What to check a file's function on: a network drawn at random, and samples.

    Parameters
    ----------
    file : str
    sizes : tuple of int, optional
        Of `DEFAULT_SIZES` unless given: with as many layers as the function names.
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
    name : str
        Of the function or ``Class.method``; empty for the one that the file has.
    dropout : float
        The share of hidden neurons that a fixed mask drops; 0 for none.
    memory : int
        Bytes that the file's process may use; 0 for any number.
    forbid_autodiff : bool
        Whether a library that differentiates is refused.
    """

    file: str
    sizes: tuple[int, ...] = ()
    activation: str = "sigmoid"
    output: str = ""
    loss: str = "mse"
    samples: int = DEFAULT_SAMPLES
    seed: int = 0
    l2: float = 0.0
    l1: float = 0.0
    dtype: str = "float64"
    bias: bool = True
    name: str = ""
    dropout: float = 0.0
    memory: int = 4 << 30
    forbid_autodiff: bool = False
    one_hot: bool = False

    def network(self) -> Network:
        """Draw the network: normal weights and biases, so that no term is 0 by chance."""
        return Network(
            self.sizes or DEFAULT_SIZES[2], self.activation, self.output or None,
            seed=self.seed, init="standard_normal", dtype=self.dtype, bias=self.bias,
        )  # fmt: skip

    def data(self) -> tuple[Array, Array]:
        """Draw the samples, with targets that the loss takes."""
        rng = np.random.default_rng([self.seed, 1])
        X, Y = draw_samples(self.sizes or DEFAULT_SIZES[2], as_loss(self.loss), self.samples, rng)
        if self.one_hot:
            Y = np.eye(Y.shape[1])[rng.integers(0, Y.shape[1], len(Y))]
        return X.astype(self.dtype), Y.astype(self.dtype)

    def masks(self) -> dict[int, Array]:
        """Draw the masks of dropout for the hidden layers: 0, or 1/(1 - p)."""
        if not self.dropout:
            return {}
        rng, keep = np.random.default_rng([self.seed, 2]), 1 - self.dropout
        sizes = self.sizes or DEFAULT_SIZES[2]
        masks = {l: (rng.random((self.samples, sizes[l - 1])) < keep) / keep for l in range(2, len(sizes))}
        for mask in masks.values():
            mask.flat[0], mask.flat[1] = 1 / keep, 0.0  # not all dropped, and not all kept
        return {l: mask.astype(self.dtype) for l, mask in masks.items()}

    def problem(self, network: Network, masks: Mapping[int, Array]) -> Problem:
        """What the gradient is judged against."""
        X, Y = self.data()
        samples = as_samples(network, X, Y, self.loss)
        return Problem(network, samples, as_penalty(self.l2, self.l1), masks, raw=(X, Y))


def diagnose_file(request: Request, time_limit: float) -> tuple[Diagnosis, str]:
    """Diagnose the function of a file, which runs in a child process.

    Parameters
    ----------
    request : Request
    time_limit : float
        Seconds after which the child is ended: for all of its calls together.

    Returns
    -------
    Diagnosis, str
        The diagnosis, and what the file printed.

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
    network = request.network()
    request.problem(network, request.masks())  # refuses what cannot be before a process is started for it
    child = Child(request.file, time_limit)
    with child:
        try:
            diagnosis = _diagnosed(request, child)
        except CouldNotRunError as error:
            raise CouldNotRunError(f"{request.file}: {visible(str(error))}", visible(error.adapter)) from None
    return diagnosis, child.printed


def _diagnosed(request: Request, child: Child) -> Diagnosis:
    loaded = child.ask(
        "load", {"crash": object, "candidates": list, "callables": list, "autodiff": list},
        file=os.path.abspath(request.file), memory=request.memory,
    )  # fmt: skip
    crash = _crash(loaded["crash"])
    _refuse_autodiff(request, loaded["autodiff"])
    names = [request.name] if request.name else [str(one)[:200] for one in loaded["candidates"][:20]]
    if crash is not None:
        raise CouldNotRunError(crash.text)
    if not names:
        arrays = child.ask("arrays", {"arrays": dict})["arrays"]
        diagnosis = diagnose_script(arrays, request.activation, request.output, request.loss, request.l2, request.l1)
        if diagnosis is None:
            others = ", ".join(map(str, loaded["callables"])) or "none"
            raise CouldNotRunError(
                f"it has no function that takes samples and targets, such as gradient(network, X, y), and no arrays "
                f"named like gradients at its end; functions: {others}"
            )
        return _remarked(diagnosis, loaded["autodiff"], [])
    if len(names) > 1:
        lines = "; ".join(f"pellucid check {request.file}:{name}" for name in names)
        raise CouldNotRunError(f"several functions may be meant: {lines}")
    chosen = child.ask("choose", {"name": str}, name=names[0])
    if not chosen["name"]:
        others = ", ".join(map(str, loaded["callables"])) or "none"
        raise CouldNotRunError(f"it has no function {names[0]!r}; it has {others}")
    notes = [] if request.name or chosen["name"] in ("gradient", "backprop") else [f"{chosen['name']} is checked"]
    subject = _Remote(child, chosen["name"], takes_masks=bool(chosen.get("takes_masks")))
    if request.dropout and not subject.takes_masks:
        notes.append(
            f"{chosen['name']} has no parameter masks: it is checked without dropout (a fourth parameter called masks "
            "is handed a dict by hidden layer of what a^l is multiplied by)"
        )
        request = replace(request, dropout=0.0)
    diagnosis, problem = _tried(request, subject, chosen.get("layers"))
    if subject.refused is not None:
        raise CouldNotRunError(subject.refused.reason, subject.refused.adapter)
    _refuse_autodiff(request, subject.autodiff)
    if request.sizes and diagnosis.verdict != "wrong" and request.sizes not in DEFAULT_SIZES.values():
        notes += coincidences(problem, counts_too=False)
    return _remarked(diagnosis, subject.autodiff or loaded["autodiff"], notes)


def _tried(request: Request, subject: _Remote, layers: object) -> tuple[Diagnosis, Problem]:
    """Try the function on the network of the request, or on networks of several depths until it runs on one."""
    sizes = (
        [request.sizes]
        if request.sizes
        else [DEFAULT_SIZES[k] for k in (layers, 2, 1, 3) if isinstance(k, int) and k in DEFAULT_SIZES]
    )
    found: list[tuple[Diagnosis, Problem, CannotBindError | None]] = []
    for request_on in [replace(request, sizes=one) for one in dict.fromkeys(sizes)]:
        network = request_on.network()
        masks = request_on.masks()
        is_one_hot = as_loss(request.loss).targets == "classes" or network.sizes[-1] == 1
        # a function that takes class numbers has no use for other targets
        for one_hot in (False,) if is_one_hot else (False, True):
            problem = replace(request_on, one_hot=one_hot).problem(network, masks)
            trial, subject.refused = Trial(subject, network, problem), None
            diagnosis = trial.run({})
            if not trial.has_crashed and (not found or diagnosis or diagnosis.hypotheses):
                return diagnosis, problem
            found.append((diagnosis, problem, subject.refused))
    diagnosis, problem, subject.refused = found[0]
    return diagnosis, problem


def _refuse_autodiff(request: Request, found: list[Any]) -> None:
    if request.forbid_autodiff and found:
        raise CouldNotRunError(f"it imports {', '.join(map(str, found))}, which --forbid-autodiff refuses")


def _remarked(diagnosis: Diagnosis, autodiff: list[Any], notes: list[str]) -> Diagnosis:
    """With notes on what was checked and imported, and without letters that a terminal would act on."""
    more = list(notes)
    if autodiff:
        more.append(
            f"the file imports {', '.join(str(one)[:40] for one in autodiff)}, which can compute gradients itself; "
            "--forbid-autodiff refuses that"
        )

    def clean(part: Part) -> Part:
        return replace(part, detail=visible(part.detail))

    return replace(
        diagnosis,
        behaviour=tuple(map(clean, diagnosis.behaviour)),
        notes=tuple(visible(note) for note in (*diagnosis.notes, *more)),
        located=tuple(visible(one) for one in diagnosis.located),
    )


def _crash(given: Any) -> Crash | None:
    """A crash that the child reports; its fields are the child's word."""
    if given is None:
        return None
    if not isinstance(given, dict):
        raise CouldNotRunError("its process gave an answer that cannot be read")
    text = {name: str(given.get(name, ""))[:2000] for name in ("what", "where", "advice")}
    progress = given.get("progress")
    return Crash(
        **text,
        is_product=given.get("is_product") is True,
        is_call=given.get("is_call") is True,
        is_exit=given.get("is_exit") is True,
        progress=progress if isinstance(progress, int) else 0,
    )


class _Remote:
    """A function under test in the child's process."""

    def __init__(self, child: Child, name: str, *, takes_masks: bool) -> None:
        self.child, self.name, self.takes_masks = child, name, takes_masks
        self.autodiff: list[Any] = []
        self.refused: CannotBindError | None = None

    def plans(self, handed: Handed) -> list[Plan]:
        """Ask how it may be called."""
        answer = self.child.ask("plans", {}, handed=vars(handed))
        if "plans" in answer:
            return _believed(lambda: [Plan(**plan) for plan in answer["plans"]])
        self.refused = CannotBindError(str(answer.get("refused"))[:2000], str(answer.get("adapter"))[:10_000])
        raise self.refused

    def call(self, plan: Plan, handed: Handed) -> Outcome:
        """Have it called."""
        answer = self.child.ask("call", {"outcome": dict, "autodiff": list}, plan=vars(plan), handed=vars(handed))
        self.autodiff = answer["autodiff"]
        outcome: Outcome = _believed(lambda: _outcome(answer["outcome"]))
        if outcome.crash is not None and outcome.crash.is_exit:
            raise CouldNotRunError(outcome.crash.what)
        return outcome


def _outcome(given: dict[str, Any]) -> Outcome:
    rate, step = given["rate"], given["step"]
    if step is not None:
        step = {symbol: {int(l): np.asarray(one, np.float64) for l, one in step[symbol].items()} for symbol in "Wb"}
    gradients = {str(name)[:200]: one for name, one in dict(given["gradients"]).items()}
    return Outcome(
        given["returned"],
        _crash(given["crash"]),
        tuple(str(one)[:200] for one in given["changed"]),
        gradients,
        step,
        None if rate is None else float(rate),
        tuple(str(one)[:500] for one in given["notes"]),
        str(given["kind"])[:100],
        str(given["warned"])[:300],
    )


def _believed(make: Callable[[], Any]) -> Any:
    """Make an object of what the child answered, which may be anything."""
    try:
        return make()
    except (KeyError, TypeError, ValueError, AttributeError):
        raise CouldNotRunError("its process gave an answer that cannot be read") from None


class Child:
    """The process that a file runs in, with its limits; a context that ends it with all that it started.

    Parameters
    ----------
    file : str
    time_limit : float
        Seconds for everything that is asked.
    """

    def __init__(self, file: str, time_limit: float) -> None:
        self.file, self.time_limit = os.path.abspath(file), time_limit
        self.deadline = 0.0
        self._mark = secrets.token_hex(16)
        self._printed = bytearray()
        self._cut = False
        self._answers: queue.Queue[Any] = queue.Queue()

    def __enter__(self) -> Child:
        self._folder = tempfile.TemporaryDirectory(prefix="pellucid-check-", ignore_cleanup_errors=True)
        # isolated: no PYTHON* variables, and neither the current folder nor the file's on the path until it is loaded
        roots = [os.path.dirname(os.path.dirname(os.path.abspath(one.__file__ or ""))) for one in (pellucid, np)]
        start = (
            f"import sys; sys.path += [one for one in {roots!r} if one not in sys.path]; "
            "from pellucid.checking.child import main; main()"
        )
        self._process = subprocess.Popen(  # noqa: S603 (the user's own file, by this very interpreter)
            [sys.executable, "-I", "-X", "utf8", "-c", start],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            cwd=os.path.dirname(self.file),
            env=self._environment(),
        )
        self.deadline = time.monotonic() + self.time_limit
        self._readers = [
            (threading.Thread(target=read, daemon=True), stream)
            for read, stream in (
                (self._read_answers, self._process.stdout),
                (self._read_printed, self._process.stderr),
            )
        ]
        for thread, _ in self._readers:
            thread.start()
        return self

    def _environment(self) -> dict[str, str]:
        folder = self._folder.name
        kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        places = dict.fromkeys(("HOME", "TMPDIR", "TEMP", "TMP"), folder)
        return {**kept, **threads, **places, "MPLBACKEND": "Agg", "PYTHONHASHSEED": "0", _MARK: self._mark}

    def _read_answers(self) -> None:
        stream = self._process.stdout
        assert stream is not None

        def exactly(n: int) -> bytes:
            parts = stream.read(n)
            if len(parts) < n:
                raise EOFError
            return parts

        try:
            while True:
                self._answers.put(unpack(exactly))
        except (EOFError, OSError, ValueError, MemoryError) as error:
            self._answers.put(error)

    def _read_printed(self) -> None:
        stream = self._process.stderr
        assert stream is not None
        with contextlib.suppress(OSError, ValueError):
            while part := os.read(stream.fileno(), 1 << 16):
                room = _PRINTED - len(self._printed)
                self._printed += part[:room]
                self._cut = self._cut or len(part) > room

    def ask(self, kind: str, expected: Mapping[str, type], **parts: Any) -> dict[str, Any]:
        """Ask the child for something, and wait for its answer as long as the limit allows.

        Parameters
        ----------
        kind : str
        expected : mapping
            What the answer must have, by name, and its type: the child may answer anything.
        **parts
            Of the request.

        Raises
        ------
        CouldNotRunError
            It gave no answer in time, ended, or answered what cannot be read.
        """
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it has ended: there will be no answer
            self._process.stdin.write(pack({"ask": kind, **parts}))
            self._process.stdin.flush()
        try:
            answer = self._answers.get(timeout=max(self.deadline - time.monotonic(), 0.0))
        except queue.Empty:
            raise CouldNotRunError(
                f"it gave no answer within {self.time_limit:g} s and was stopped; --time-limit allows more"
            ) from None
        if isinstance(answer, EOFError | OSError):
            raise CouldNotRunError(self._how_it_ended())
        if not isinstance(answer, dict) or isinstance(answer, ProtocolError):
            raise CouldNotRunError("its process gave an answer that cannot be read")
        if "failed" in answer:
            raise CouldNotRunError(f"it could not be called: {str(answer['failed'])[:500]}")
        if not all(name in answer and isinstance(answer[name], type_) for name, type_ in expected.items()):
            raise CouldNotRunError("its process gave an answer that cannot be read")
        return answer

    def _how_it_ended(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(max(min(5.0, self.deadline - time.monotonic()), 0.1))
        code = self._process.returncode
        how = "" if code is None else f" by signal {-code}" if code < 0 else f" with code {code}"
        return f"it ended the process{how} before there was an answer"

    @property
    def printed(self) -> str:
        """What the file printed until it ended, cut at a megabyte."""
        text = self._printed.decode(errors="replace").replace("\r\n", "\n")
        return visible(text) + ("\n… (cut at 1 MB)" if self._cut else "")

    def __exit__(self, *error: object) -> None:
        self._end()
        self._folder.cleanup()

    def _end(self) -> None:
        """End the child and what it started, in this session or another."""
        if os.name == "posix":
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            self._process.kill()
        for _ in range(20):  # what it started may be starting others
            found = list(_marked(f"{_MARK}={self._mark}".encode()))
            if not found:
                break
            for pid in found:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        for thread, stream in self._readers:
            thread.join(1)  # not for ever: a process that was not found may hold the pipe
            if not thread.is_alive() and stream is not None:
                stream.close()


def _marked(mark: bytes) -> Iterator[int]:
    """The processes that have a line in their environment, on systems with /proc."""
    with contextlib.suppress(OSError):
        for name in os.listdir("/proc"):
            if name.isdigit() and int(name) != os.getpid():
                with contextlib.suppress(OSError), open(f"/proc/{name}/environ", "rb") as stream:
                    if mark in stream.read(1 << 20).split(b"\0") and _is_alive(name):
                        yield int(name)


def _is_alive(pid: str) -> bool:
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat", "rb") as stream:
        return stream.read().rpartition(b")")[2].split()[:1] != [b"Z"]
    return False
