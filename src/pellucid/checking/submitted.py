"""A submitted file: a Python file, a script or a notebook, run once; and the functions of it that may be meant."""

from __future__ import annotations

import ast
import inspect
import json
import linecache
import os
import re
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pellucid.checking.binding import FunctionSubject, returned_names
from pellucid.checking.crashes import Crash, tell
from pellucid.checking.nests import plain
from pellucid.checking.objects import METHODS, MethodSubject
from pellucid.checking.roles import parameters_of

NAMES = ("gradient", "backprop")
"""What a function is called that is meant before all others."""

MODULE = "checked_by_pellucid"
"""The name of the module that a file becomes."""

AUTODIFF = (
    "torch", "jax", "tensorflow", "autograd", "sympy", "theano", "casadi", "mxnet", "paddle", "mindspore",
    "tinygrad", "chainer", "aesara", "pytensor", "keras", "sklearn", "numdifftools", "flax", "micrograd",
)  # fmt: skip
"""Other libraries that compute gradients."""

_GRADIENT_LIKE = re.compile(
    r"\w*(grad|backprop|back_prop|backward|nabla|partials|derivs|deltas)\w*|costfunctionprime|bp", re.IGNORECASE
)
_GRADIENT_NAME = re.compile(r"\w*(grad|nabla)\w*|(d|dj_?d|dl_?d)_?(w|b|theta)\w*", re.IGNORECASE)
_TRAINING_LIKE = re.compile(r"\w*(train|fit|update|step|learn|descent|sgd|optimi[sz]e)\w*", re.IGNORECASE)
_OTHER = re.compile(
    r"_.*|\w*(cost|loss|accuracy|predict|score|plot|eval|test|check|forward|one_?hot|load|read|main|numerical|split|"
    r"normali[sz]e|generate|prime|deriv)\w*",
    re.IGNORECASE,
)


@dataclass
class Submitted:
    """A file that was run.

    Attributes
    ----------
    file : str
    names : dict
        Its global names.
    crash : Crash or None
        What stopped it.
    """

    file: str
    names: dict[str, Any] = field(default_factory=dict)
    crash: Crash | None = None

    def candidates(self) -> list[str]:
        """Names of the functions and methods that may compute a gradient, those that are likeliest meant."""
        own = {
            name: one
            for name, one in self.names.items()
            if inspect.isfunction(one) and self._is_own(one.__code__.co_filename)
        }
        meant = [name for name in NAMES if name in own]
        if meant:
            return meant[:1]
        returning = [name for name, one in own.items() if _takes_targets(one) and _returns_gradients(one)]
        functions = [name for name, one in own.items() if not _is_helper(name, one)]
        named = [name for name in functions if _GRADIENT_LIKE.fullmatch(name)]
        methods = [f"{name}.{method}" for name, owner in self._classes() for method in _methods(owner)[:1]]
        training = [name for name in functions if _TRAINING_LIKE.fullmatch(name)]
        for found in (named, methods, returning, training, functions):
            if found:
                return found
        return []

    def all_callables(self) -> list[str]:
        """Every function and method of the file."""
        own = [
            name
            for name, one in self.names.items()
            if inspect.isfunction(one) and self._is_own(one.__code__.co_filename)
        ]
        return own + [
            f"{name}.{method}"
            for name, owner in self._classes()
            for method, one in vars(owner).items()
            if inspect.isfunction(one) and not method.startswith("_")
        ]

    def _is_own(self, name: str) -> bool:
        return name == self.file or name.startswith(f"{self.file}, cell ")

    def _classes(self) -> Iterator[tuple[str, type]]:
        for name, one in self.names.items():
            if isinstance(one, type) and one.__module__ == MODULE:
                yield name, one

    def subject(self, name: str, make_network: Any) -> FunctionSubject:
        """Find a function or a method of a class by its name.

        Raises
        ------
        KeyError
            There is none.
        """
        owner_name, _, method = name.partition(".")
        owner = self.names.get(owner_name)
        if method:
            if not isinstance(owner, type) or not callable(getattr(owner, method, None)):
                raise KeyError(name)
            return MethodSubject(owner, method, self.names, make_network, self.file)
        if isinstance(owner, type):
            for one in _methods(owner):
                return MethodSubject(owner, one, self.names, make_network, self.file)
            raise KeyError(name)
        if not callable(owner):
            raise KeyError(name)
        return FunctionSubject(owner, self.names, make_network, self.file)

    def autodiff(self) -> list[str]:
        """The libraries that differentiate among those that the file has loaded."""
        own = {getattr(one, "__name__" if inspect.ismodule(one) else "__module__", "") for one in self.names.values()}
        own.discard(__name__)  # what a notebook is given
        is_used = any(isinstance(name, str) and name.partition(".")[0] == "pellucid" for name in own)
        return (["pellucid"] if is_used else []) + [name for name in AUTODIFF if name in sys.modules]

    def arrays(self) -> dict[str, Any]:
        """The arrays and numbers of a script at its end, by name, with lists of arrays."""
        found = {}
        for name, one in self.names.items():
            if name.startswith("_") or isinstance(one, type) or callable(one) or inspect.ismodule(one):
                continue
            if isinstance(one, (np.ndarray, list, tuple, dict, float, int)) or hasattr(one, "detach"):
                found[name] = plain(one)
        return found


def _is_helper(name: str, function: Any) -> bool:
    """Whether a function of the file is a part of what is meant: it takes no targets."""
    if _OTHER.fullmatch(name) and not _GRADIENT_LIKE.fullmatch(name):
        return True
    return not _takes_targets(function)


def _takes_targets(function: Any) -> bool:
    """Whether a function takes targets, or what may be a network and a batch."""
    parameters = parameters_of(function)
    if parameters is None:
        return True
    required = [one.role for one in parameters if one.is_required]
    if {one.role for one in parameters} & {"targets", "pairs"}:
        return True
    return len(required) == 3 and (required[0] == "network" or (required[1] == "inputs" and required[2] == ""))


def _returns_gradients(function: Any) -> bool:
    """Whether something that a function returns is named like a gradient."""
    return any(_GRADIENT_NAME.fullmatch(name) for name in returned_names(function))


def _methods(owner: type) -> list[str]:
    """The methods of a class that may compute a gradient, the plainest first."""
    made_from = {one.role for one in parameters_of(owner) or []}
    found = []
    for method in METHODS:
        one = vars(owner).get(method)
        if inspect.isfunction(one):
            roles = {parameter.role for parameter in parameters_of(one) or []}
            if roles & {"targets", "pairs"} or "targets" in made_from:
                found.append(method)
    return found


def load(path: str) -> Submitted:
    """Run a file once, without plots, and keep its names.

    Its own folder can be imported from, after everything that was loaded before.
    """
    file = os.path.abspath(path)
    sys.path.insert(0, os.path.dirname(file))
    sys.argv = [file]
    module = types.ModuleType(MODULE)
    sys.modules[MODULE] = module  # dataclasses and their like look their module up
    names = vars(module)
    names["__file__"] = file
    found = Submitted(file, names)
    try:
        for name, source in _parts(file, names):
            exec(compile(source, name, "exec"), names)  # noqa: S102 (the file under test, in a process of its own)
    except SyntaxError as error:
        line = (error.text or "").strip()
        what = f"{type(error).__name__}: {error.msg}"
        cell = (error.filename or "")[len(file) :].lstrip(", ")
        place = f"{cell}, line {error.lineno}" if cell else f"line {error.lineno}"
        found.crash = Crash(what, f"{place}: {line}" if line else place)
    except SystemExit:
        found.crash = Crash(
            "SystemExit: it ends the process when it is loaded", "its end", "put that under if __name__"
        )
    except Exception as error:
        found.crash = tell(error, file)
    return found


def _parts(file: str, names: dict[str, Any]) -> Iterator[tuple[str, str | ast.Module]]:
    if not file.endswith(".ipynb"):
        with open(file, "rb") as code:
            yield file, ast.parse(code.read(), file)
        return
    names["display"] = lambda *shown: None
    for name, source in cells(file):
        lines = source.splitlines(keepends=True)
        linecache.cache[name] = (len(source), None, lines, name)
        yield name, source


def cells(file: str) -> list[tuple[str, str]]:
    """Read the code cells of a notebook, each with its name; magics and lines for the shell are left out.

    Raises
    ------
    ValueError
        The file is not a notebook.
    """
    with open(file, encoding="utf-8") as stream:
        try:
            found = json.load(stream)
            listed = found["cells"] if "cells" in found else found["worksheets"][0]["cells"]
            codes = [one.get("source", one.get("input", "")) for one in listed if one.get("cell_type") == "code"]
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
            raise ValueError("it is not a notebook that can be read") from None
    texts = ["".join(code) if isinstance(code, list) else str(code) for code in codes]
    return [(f"{file}, cell {i}", _without_magics(text)) for i, text in enumerate(texts, start=1)]


_KEPT_CELLS = ("time", "timeit", "capture", "prun", "python", "python3")


def _without_magics(text: str) -> str:
    """Blank out what only a notebook runs; line numbers stay."""
    lines = text.split("\n")
    first = next((line.strip() for line in lines if line.strip()), "")
    if first.startswith("%%"):
        words = first[2:].split()
        if not words or words[0] not in _KEPT_CELLS:
            return ""
    for i, line in enumerate(lines):
        stripped = line.lstrip()
        if re.match(r"[%!?]|\w[\w.]*\?{1,2}\s*$|get_ipython\(", stripped):
            lines[i] = line[: len(line) - len(stripped)] + "pass"
        elif match := re.match(r"(\s*[\w, ]+=\s*)[%!]", line):
            lines[i] = f"{match[1]}None"
    return "\n".join(lines)
