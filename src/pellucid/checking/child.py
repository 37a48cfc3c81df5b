"""The process that a submitted file runs in: it loads the file, and calls what it is asked to call.

It has neither the right gradient nor a verdict. Requests come by one pipe and answers go by another, as packed nests;
what the file prints goes to standard error, and standard input is closed.
"""

from __future__ import annotations

import contextlib
import inspect
import os
import sys
import traceback
from importlib import import_module
from typing import Any

from pellucid.checking.binding import CannotBindError, FunctionSubject, Handed, Plan
from pellucid.checking.crashes import Crash
from pellucid.checking.nests import pack, unpack
from pellucid.checking.standin import StandIn
from pellucid.checking.submitted import Submitted, load


def main() -> None:
    """Serve requests until the pipe of requests is closed."""
    requests, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    with contextlib.suppress(ValueError):
        sys.stdout.reconfigure(encoding="utf-8", errors="replace", line_buffering=True)  # type: ignore[union-attr]
    server = _Server()
    with os.fdopen(requests, "rb", buffering=0) as stream:
        while True:
            try:
                request = unpack(lambda n: _exactly(stream, n))
            except EOFError:
                return
            answer = pack(_answered(server, request))
            with contextlib.suppress(Exception):
                sys.stdout.flush()
            view = memoryview(answer)
            while view:
                view = view[os.write(answers, view) :]


def _answered(server: _Server, request: dict[str, Any]) -> dict[str, Any]:
    """Answer a request; what goes wrong around the user's code, such as an attribute that raises, is an answer too."""
    try:
        return server.answer(request)
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        return {"failed": f"{type(error).__name__}: {error} ({os.path.basename(where.filename)}, line {where.lineno})"}


def _exactly(stream: Any, n: int) -> bytes:
    parts = []
    while n:
        part = stream.read(min(n, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        n -= len(part)
    return b"".join(parts)


class _Server:
    def __init__(self) -> None:
        self.submitted: Submitted | None = None
        self.subject: FunctionSubject | None = None

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer one request: ``load``, ``choose``, ``plans``, ``call`` or ``arrays``."""
        kind = request.pop("ask")
        return getattr(self, f"_{kind}")(**request)

    def _load(self, file: str, memory: int) -> dict[str, Any]:
        limit_memory(memory)
        withhold_gradients()
        before = set(sys.modules)
        self.submitted = found = load(file)
        return {
            "crash": _crash(found.crash),
            "candidates": found.candidates(),
            "callables": found.all_callables(),
            "autodiff": [name for name in found.autodiff() if name not in before],
        }

    def _choose(self, name: str) -> dict[str, Any]:
        assert self.submitted is not None
        try:
            self.subject = self.submitted.subject(name, _stand_in)
        except KeyError:
            return {"name": ""}
        return {
            "name": self.subject.name,
            "takes_masks": self.subject.takes_masks,
            "layers": self.subject.layers_named,
        }

    def _plans(self, handed: dict[str, Any]) -> dict[str, Any]:
        assert self.subject is not None
        try:
            return {"plans": [vars(plan) for plan in self.subject.plans(Handed(**handed))]}
        except CannotBindError as error:
            return {"refused": error.reason, "adapter": error.adapter}

    def _call(self, plan: dict[str, Any], handed: dict[str, Any]) -> dict[str, Any]:
        assert self.subject is not None
        assert self.submitted is not None
        outcome = self.subject.call(Plan(**plan), Handed(**handed))
        return {"outcome": outcome.nest(), "autodiff": self.submitted.autodiff()}

    def _arrays(self) -> dict[str, Any]:
        assert self.submitted is not None
        return {"arrays": self.submitted.arrays()}


def withhold_gradients() -> None:
    """Take from this library, in this process, what computes gradients: that is the file's own work."""
    backprop = import_module("pellucid.backprop")
    names = [
        name for name, one in vars(backprop).items() if inspect.isfunction(one) and one.__module__ == backprop.__name__
    ]
    for owner, methods in (
        (backprop, names),
        (import_module("pellucid.network").Network, ("gradient", "backprop", "train", "check_gradient")),
    ):
        for name in methods:
            setattr(owner, name, _withheld)


def _withheld(*_: object, **__: object) -> None:
    raise RuntimeError("pellucid computes no gradients for a file that it checks: that is the file's own work")


def _stand_in(handed: Handed) -> StandIn:
    return StandIn(handed.sizes, handed.parameters, handed.activations, bias=handed.has_bias)


def _crash(crash: Crash | None) -> dict[str, Any] | None:
    return None if crash is None else dict(vars(crash))


def limit_memory(most: int) -> None:
    """Limit the memory of this process, where the system can."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if most and sys.platform == "linux":
            resource.setrlimit(resource.RLIMIT_AS, (most, most))
