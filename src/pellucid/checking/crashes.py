"""An exception in the user's code: where it was raised, what it says, and what to do about it, by its kind."""

from __future__ import annotations

import ast
import builtins
import inspect
import linecache
import re
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from types import FrameType, TracebackType
from typing import Any, NamedTuple

import numpy as np

from pellucid.errors import nearest


@dataclass(frozen=True)
class Crash:
    """An exception in words.

    Attributes
    ----------
    what : str
        Its type and text.
    where : str
        The innermost line of the user's code, with its source.
    advice : str
        What would mend it; empty if its kind is not known.
    is_product : bool
        Whether the shapes of two factors, or of two sides of an elementwise operation, do not fit.
    is_call : bool
        Whether the call itself failed: the arguments do not fit the function's parameters.
    is_exit : bool
        Whether it was an attempt to end the process.
    progress : int
        How far the function got: the line that it had reached.
    """

    what: str
    where: str
    advice: str = ""
    is_product: bool = False
    is_call: bool = False
    is_exit: bool = False
    progress: int = 0

    @property
    def text(self) -> str:
        """All of it in a line: the exception first."""
        return f"{self.what}, at {self.where}" + (f": {self.advice}" if self.advice else "")


class _Scene(NamedTuple):
    """What advice is made from: the exception, its text, the names that its line saw, the expression that raised."""

    error: BaseException
    text: str
    names: Mapping[str, Any]
    node: ast.expr | None


def tell(error: BaseException, own: str, n: int = 0) -> Crash:
    """Describe an exception by the innermost line of the user's code.

    Parameters
    ----------
    error : exception
    own : str
        The file that the function under test is in; frames in it, and in the cells of a notebook, are preferred.
    n : int
        The number of samples, for shapes that have it twice.
    """
    frames = list(traceback.walk_tb(error.__traceback__))
    mine = [(frame, line) for frame, line in frames if own and _belongs(frame.f_code.co_filename, own)]
    what = f"{type(error).__name__}: {_text(error)}".rstrip(": ")
    if not frames:
        return Crash(what, "no line of the file")
    frame, line = (mine or frames)[-1]
    place = f"line {line}"
    name = frame.f_code.co_filename
    if own and name != own and _belongs(name, own):
        place = f"{name[len(own) :].lstrip(', ')}, {place}"
    source = linecache.getline(name, line, frame.f_globals).strip()[:200]
    where = f"{place}: {source}" if source and (mine or not own) else place if mine or not own else "the call"
    progress = mine[0][1] if mine else 0
    is_call = isinstance(error, TypeError) and not mine
    try:
        advice, is_product = _advice(error, frame, _expression(error.__traceback__, frame), n)
    except Exception:  # the user's objects may do anything when they are looked at
        advice, is_product = "", False
    return Crash(what, where, advice, is_product, is_call, progress=progress)


def _belongs(name: str, own: str) -> bool:
    return name == own or name.startswith(f"{own}, cell ")


def _text(error: BaseException) -> str:
    try:
        return " ".join(str(error).split())[:300]
    except Exception:
        return "(its text cannot be read)"


def _advice(error: BaseException, frame: FrameType, node: ast.expr | None, n: int) -> tuple[str, bool]:
    names = {**frame.f_globals, **frame.f_locals}
    text = _text(error)
    if node is not None and isinstance(error, (ValueError, TypeError, RuntimeError)) and (told := _none(node, names)):
        return told, False
    if node is not None and (told := _product(node, names)):
        return told + _spread(node, names, n), True
    if _is_about_shapes(error, text):
        return _spread(node, names, n).lstrip("; "), False
    for kinds, advise in _ADVICE:
        if isinstance(error, kinds):
            return advise(_Scene(error, text, names, node)), False
    return "", False


# where


def _expression(trace: TracebackType | None, frame: FrameType) -> ast.expr | None:
    """The expression that raised, by the position that Python keeps of every instruction."""
    while trace is not None and trace.tb_frame is not frame:
        trace = trace.tb_next
    if trace is None:
        return None
    positions = next(islice(frame.f_code.co_positions(), trace.tb_lasti // 2, None), None)
    first, last, start, end = positions or (None,) * 4
    if first is None or last is None or start is None or end is None:
        return None
    lines = [
        linecache.getline(frame.f_code.co_filename, number, frame.f_globals).encode()
        for number in range(first, last + 1)
    ]
    if not lines or not lines[0]:
        return None
    lines[-1] = lines[-1][:end]
    lines[0] = lines[0][start:]
    code = b"".join(lines).decode()
    for text in (f"({code}\n)", code):
        try:
            body = ast.parse(text).body[0]
        except (SyntaxError, IndexError):
            continue
        if isinstance(body, ast.Expr):
            return body.value
        if isinstance(body, ast.AugAssign):
            return ast.BinOp(_loaded(body.target), body.op, body.value)
    return None


def _loaded(target: ast.expr) -> ast.expr:
    return ast.parse(ast.unparse(target), mode="eval").body


# shapes

_ABOUT_SHAPES = re.compile(
    r"shape|dimension|broadcast|aligned|size of tensor|size mismatch|mismatch in its core|not match", re.IGNORECASE
)


def _is_about_shapes(error: BaseException, text: str) -> bool:
    return isinstance(error, (ValueError, RuntimeError)) and _ABOUT_SHAPES.search(text) is not None


def _spread(node: ast.expr | None, names: Mapping[str, Any], n: int) -> str:
    """Name an array with one axis too many: (n,) and (n, 1) together give (n, n)."""
    if n < 2:
        return ""
    parts = [one for one in ast.walk(node) if isinstance(one, (ast.Name, ast.Attribute))] if node is not None else []
    looked_at = [(ast.unparse(one), _value(one, names)) for one in parts]
    for name, value in [*looked_at, *names.items()]:
        shape = _shape_of(value)
        if len(shape) >= 2 and shape.count(n) >= 2 and not name.startswith("_"):
            return (
                f"; {name} has shape {shape}: an array of shape ({n},) met one of shape ({n}, 1) and both were spread "
                "out; give both the same shape, with reshape(-1, 1) or keepdims=True"
            )
    return ""


def _product(node: ast.expr, names: Mapping[str, Any]) -> str | None:
    """Words for a product or an elementwise operation whose shapes do not fit."""
    pair = _operands(node)
    if pair is None:
        return None
    left, right, is_matrix = pair
    p, q = _shape(left, names), _shape(right, names)
    if p is None or q is None:
        return None
    u, v = ast.unparse(left), ast.unparse(right)
    if not is_matrix:
        try:
            np.broadcast_shapes(p, q)
        except ValueError:
            return f"{u} has shape {p} and {v} has shape {q}: elementwise they do not fit" + _reshaped(
                left, right, p, q
            )
        return None
    if len(p) > 0 and len(q) > 0 and p[-1] == q[max(len(q) - 2, 0)]:
        return None
    last, first = p[-1] if p else 1, q[max(len(q) - 2, 0)] if q else 1
    told = f"the product of {u} {p} and {v} {q} does not fit: {last} is not {first}"
    fits: list[tuple[ast.expr, str]] = []
    if len(p) == 2 and p[0] == q[max(len(q) - 2, 0)]:
        fits.append((_matmul(_transposed(left), right), f", {p[::-1]} by {q}"))
    if len(q) == 2 and p[-1] == q[1]:
        fits.append((_matmul(left, _transposed(right)), f", {p} by {q[::-1]}"))
    if len(p) == 2 and len(q) == 2 and p[0] == q[1]:
        fits.append((_matmul(right, left), f", {q} by {p}"))
    if len(p) == 1 and len(q) == 1:
        outer = ast.Call(ast.Attribute(ast.Name("np"), "outer"), [left, right], [])
        fits.append((outer, f", of shape {(p[0], q[0])}"))
    shown = [f"{ast.unparse(ast.fix_missing_locations(one))}{shapes}" for one, shapes in fits]
    return told + (f"; it would fit as {' or as '.join(shown)}" if shown else "; no transpose makes it fit")


def _matmul(left: ast.expr, right: ast.expr) -> ast.expr:
    return ast.BinOp(left, ast.MatMult(), right)


def _transposed(node: ast.expr) -> ast.expr:
    return node.value if isinstance(node, ast.Attribute) and node.attr == "T" else ast.Attribute(node, "T")


def _reshaped(left: ast.expr, right: ast.expr, p: tuple[int, ...], q: tuple[int, ...]) -> str:
    column = ast.Tuple([ast.Slice(), ast.Constant(None)])
    if len(p) == 2 and p[::-1] == q:
        fit: ast.expr = _transposed(left)
    elif len(p) == 2 and len(q) == 1 and q[0] == p[0]:
        fit = ast.Subscript(right, column)
    elif len(q) == 2 and len(p) == 1 and p[0] == q[0]:
        fit = ast.Subscript(left, column)
    else:
        return ""
    return f"; {ast.unparse(ast.fix_missing_locations(fit))} would fit"


_MATRIX_CALLS = ("dot", "matmul", "inner", "mm")


def _operands(node: ast.expr) -> tuple[ast.expr, ast.expr, bool] | None:
    if isinstance(node, ast.BinOp):
        return node.left, node.right, isinstance(node.op, ast.MatMult)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in _MATRIX_CALLS and len(node.args) == 2:
            return node.args[0], node.args[1], True
        if node.func.attr in _MATRIX_CALLS and len(node.args) == 1:
            return node.func.value, node.args[0], True
        if node.func.attr == "multiply" and len(node.args) == 2:
            return node.args[0], node.args[1], False
    return None


def _shape(node: ast.expr, names: Mapping[str, Any]) -> tuple[int, ...] | None:
    """The shape of an expression made of names, attributes, subscripts, transposes and products; nothing is called."""
    value = _value(node, names)
    if value is not None:
        return _shape_of(value)
    pair = _operands(node)
    if pair is not None:
        p, q = _shape(pair[0], names), _shape(pair[1], names)
        if p is None or q is None:
            return None
        try:
            if pair[2]:
                return (np.empty(p, bool) @ np.empty(q, bool)).shape
            return np.broadcast_shapes(p, q)
        except ValueError:
            return None
    if isinstance(node, ast.UnaryOp):
        return _shape(node.operand, names)
    if isinstance(node, ast.Attribute) and node.attr == "T":
        shape = _shape(node.value, names)
        return None if shape is None else shape[::-1]
    return None


def _shape_of(value: Any) -> tuple[int, ...]:
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple):  # also torch's, which is a kind of tuple
        return tuple(int(n) for n in shape)
    if not isinstance(value, (list, tuple)):
        return ()
    try:
        return np.shape(value)
    except ValueError:  # arrays of different shapes in a list
        return (len(value),)


def _value(node: ast.expr, names: Mapping[str, Any]) -> Any:
    """Look an expression up without running any of the user's code but item access."""
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return node.value
    if isinstance(node, ast.Name):
        found = names.get(node.id)
        is_data = isinstance(found, (np.ndarray, list, tuple, dict, int, float)) or hasattr(found, "shape")
        return found if is_data or hasattr(found, "__dict__") else None
    try:
        if isinstance(node, ast.Attribute):
            owner = _value(node.value, names)
            return None if owner is None else getattr(owner, node.attr)
        if isinstance(node, ast.Subscript):
            owner, key = _value(node.value, names), _value(node.slice, names)
            if isinstance(node.slice, ast.UnaryOp) and isinstance(node.slice.op, ast.USub):
                key = -_value(node.slice.operand, names)
            elif isinstance(node.slice, ast.BinOp) and isinstance(node.slice.op, (ast.Add, ast.Sub)):
                u, v = _value(node.slice.left, names), _value(node.slice.right, names)
                key = u + v if isinstance(node.slice.op, ast.Add) else u - v
            elif isinstance(node.slice, ast.Constant):
                key = node.slice.value
            return None if owner is None or key is None else owner[key]
    except Exception:  # the user's objects may do anything when they are looked at
        return None
    return None


# the other kinds


def _none(node: ast.expr, names: Mapping[str, Any]) -> str | None:
    """Name what is None in the expression that raised."""
    for part in ast.walk(node):
        is_none = isinstance(part, ast.Name) and part.id in names and names[part.id] is None
        if not is_none and isinstance(part, (ast.Attribute, ast.Subscript)):
            is_none = _is_none(part, names)
        if is_none:
            return (
                f"{ast.unparse(part)} is None here: either it was not assigned yet, or it is the value of a function "
                "that ends without return"
            )
    return None


def _is_none(node: ast.Attribute | ast.Subscript, names: Mapping[str, Any]) -> bool:
    owner = _value(node.value, names)
    try:
        if isinstance(node, ast.Attribute):
            return owner is not None and getattr(owner, node.attr) is None
        key = _value(node.slice, names)
        if isinstance(node.slice, ast.Constant):
            key = node.slice.value
        return isinstance(owner, (list, dict, tuple)) and key is not None and owner[key] is None
    except Exception:
        return False


def _of_type(scene: _Scene) -> str:
    if "NoneType" in scene.text:
        return "a value is None here: does the function that it comes from end with return?"
    if "argument" in scene.text and ("missing" in scene.text or "takes" in scene.text or "unexpected" in scene.text):
        return _of_call(scene.text, scene.names)
    if "can't multiply sequence" in scene.text or ("unsupported operand" in scene.text and "'list'" in scene.text):
        return "lists are not added or multiplied by their numbers: np.array(...) makes arrays of them"
    if "only integer" in scene.text or "indices must be integers" in scene.text:
        return _one_hot("an index must be a whole number")
    if "not callable" in scene.text:
        return "parentheses call a function; brackets [ ] take an item, and a product needs * or @"
    if "scalar" in scene.text and "convert" in scene.text:
        return "math.exp and its like take one number; np.exp takes arrays"
    return ""


def _of_call(text: str, names: Mapping[str, Any]) -> str:
    called = re.match(r"(?:\w+\.)*(\w+)\(\)", text)
    function = names.get(called[1]) if called else None
    if inspect.isfunction(function):
        return f"it is defined as {function.__name__}{inspect.signature(function)}"
    return "the call does not have the arguments that the function is defined with"


def _one_hot(why: str) -> str:
    return f"{why}; if y is meant as class numbers, y.argmax(axis=1) makes them of one-hot rows"


def _of_attribute(scene: _Scene) -> str:
    owner, name = getattr(scene.error, "obj", None), getattr(scene.error, "name", None) or ""
    if owner is None and "NoneType" in scene.text:
        which = ast.unparse(scene.node.value) if isinstance(scene.node, ast.Attribute) else "the value"
        return f"{which} is None here: does the function that it comes from end with return?"
    if isinstance(owner, (list, tuple)) and hasattr(np.ndarray, name):
        return f"a {type(owner).__name__} has no .{name}; np.array(...) makes an array of it"
    if isinstance(owner, (int, float)) and hasattr(np.ndarray, name):
        return f"it is one number, and has no .{name}"
    near = nearest(name, [one for one in dir(owner) if not one.startswith("_")]) if owner is not None and name else None
    if near:
        return f"did you mean .{near}?"
    if owner is not None and getattr(type(owner), "__module__", "") in ("__main__", "checked_by_pellucid"):
        return f"is self.{name} assigned before it is used (by the forward pass)?"
    return ""


_MODULES = {"np": "import numpy as np", "numpy": "import numpy", "math": "import math", "random": "import random"}


def _of_name(scene: _Scene) -> str:
    name = getattr(scene.error, "name", None) or ""
    if isinstance(scene.error, UnboundLocalError):
        return f"{name} is assigned later in the same function, and so has no value yet here"
    if name in _MODULES:
        return f"the line {_MODULES[name]} is missing"
    if name in ("self", "null", "true", "false"):
        return ""
    near = nearest(name, [*scene.names, *vars(builtins)]) if len(name) > 1 else None
    return f"did you mean {near}?" if near else f"nothing is called {name} here"


def _of_key(scene: _Scene) -> str:
    if not isinstance(scene.node, ast.Subscript):
        return ""
    owner = _value(scene.node.value, scene.names)
    if not isinstance(owner, Mapping):
        return ""
    return f"{ast.unparse(scene.node.value)} has the keys {', '.join(map(repr, islice(owner, 8)))}"


def _of_index(scene: _Scene) -> str:
    if "integer" in scene.text or "boolean" in scene.text:
        return _one_hot("indices must be whole numbers")
    if isinstance(scene.node, ast.Subscript):
        owner = _value(scene.node.value, scene.names)
        shape = _shape_of(owner)
        if "too many indices" in scene.text or (isinstance(owner, np.ndarray) and "out of bounds" in scene.text):
            return f"{ast.unparse(scene.node.value)} has shape {shape}"
        if isinstance(owner, (list, tuple)):
            return f"{ast.unparse(scene.node.value)} has {len(owner)} items, counted from 0"
    return ""


def _of_value(scene: _Scene) -> str:
    if "unpack" in scene.text:
        return "the number of names on the left is not the number of values on the right"
    if "inhomogeneous" in scene.text or "setting an array element" in scene.text:
        return "arrays of different shapes do not make one array; keep them in a list"
    if "truth value" in scene.text:
        return "an array is not True or False; np.where, or .any() and .all(), are meant for arrays"
    return ""


def _fixed(words: str) -> Callable[[_Scene], str]:
    return lambda scene: words


_ADVICE: tuple[tuple[type[BaseException], Callable[[_Scene], str]], ...] = (
    (NameError, _of_name),
    (AttributeError, _of_attribute),
    (KeyError, _of_key),
    (IndexError, _of_index),
    (ZeroDivisionError, _fixed("a divisor is 0 here")),
    (OverflowError, _fixed("the number is too large for a float: of exp(-z), z is far below 0 here")),
    (FloatingPointError, _fixed("an operation leaves the range of floating point")),
    (RecursionError, _fixed("a function calls itself without end")),
    (NotImplementedError, _fixed("this part is still to be written")),
    (
        ImportError,
        _fixed("the module is not installed where the file is checked, or its folder is not that of the file"),
    ),
    (MemoryError, _fixed("it asks for more memory than --memory-limit allows")),
    (TypeError, _of_type),
    (ValueError, _of_value),
)
