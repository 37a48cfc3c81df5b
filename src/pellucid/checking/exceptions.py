"""What an exception in a hand-written backpropagation says: which product, which shapes, which transpose would fit."""

from __future__ import annotations

import ast
import linecache
import traceback
from collections.abc import Mapping
from itertools import islice
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np


class Told(NamedTuple):
    """An exception in words: where it happened, what it was, and what would fit."""

    where: str
    what: str
    is_product: bool


def tell(error: BaseException, own: str) -> Told:
    """Describe an exception by the innermost line of the user's code.

    Parameters
    ----------
    error : exception
    own : str
        The file that the function under test is in; frames in it are preferred.
    """
    frames = list(traceback.walk_tb(error.__traceback__))
    mine = [(frame, line) for frame, line in frames if frame.f_code.co_filename == own]
    frame, line = (mine or frames)[-1]
    source = linecache.getline(frame.f_code.co_filename, line).strip()
    where = f"line {line}: {source}" if source else f"line {line}"
    what = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    operation = _operation(error.__traceback__, frame)
    if operation is None:
        return Told(where, what, False)
    told = _told(operation, {**frame.f_globals, **frame.f_locals})
    return Told(where, told or what, told is not None)


def _operation(trace: TracebackType | None, frame: Any) -> ast.expr | None:
    """The expression that raised, by the position that Python keeps of every instruction."""
    while trace is not None and trace.tb_frame is not frame:
        trace = trace.tb_next
    if trace is None:
        return None
    positions = next(islice(frame.f_code.co_positions(), trace.tb_lasti // 2, None), None)
    if positions is None or None in positions:
        return None
    first, last, start, end = positions
    lines = [linecache.getline(frame.f_code.co_filename, number).encode() for number in range(first, last + 1)]
    if not lines or not lines[0]:
        return None
    lines[-1] = lines[-1][:end]
    lines[0] = lines[0][start:]
    try:
        body = ast.parse("(" + b"".join(lines).decode() + "\n)", mode="eval").body
    except (SyntaxError, UnicodeDecodeError):
        return None
    return body


def _told(node: ast.expr, names: Mapping[str, Any]) -> str | None:
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
        return f"{u} has shape {p} and {v} has shape {q}: elementwise they do not fit" + _reshaped(u, v, p, q)
    if len(p) > 0 and len(q) > 0 and p[-1] == q[max(len(q) - 2, 0)]:
        return None
    last, first = p[-1] if p else 1, q[max(len(q) - 2, 0)] if q else 1
    told = f"the product of {u} {p} and {v} {q} does not fit: {last} is not {first}"
    fits = []
    if len(p) == 2 and p[0] == q[max(len(q) - 2, 0)]:
        fits.append(f"{_transposed(u)} @ {v}, {p[::-1]} by {q}")
    if len(q) == 2 and p[-1] == q[1]:
        fits.append(f"{u} @ {_transposed(v)}, {p} by {q[::-1]}")
    if len(p) == 2 and len(q) == 2 and p[0] == q[1]:
        fits.append(f"{v} @ {u}, {q} by {p}" if q[1] == p[0] else "")
    if len(p) == 1 and len(q) == 1:
        fits.append(f"np.outer({u}, {v}), of shape {(p[0], q[0])}")
    fits = [one for one in fits if one]
    return told + (f"; it would fit as {' or as '.join(fits)}" if fits else "; no transpose makes it fit")


def _transposed(expression: str) -> str:
    return expression[:-2] if expression.endswith(".T") else f"{expression}.T"


def _reshaped(u: str, v: str, p: tuple[int, ...], q: tuple[int, ...]) -> str:
    if len(p) == 2 and p[::-1] == q:
        return f"; {_transposed(u)} would fit"
    if len(p) == 2 and len(q) == 1 and q[0] == p[0]:
        return f"; {v}[:, None] would fit"
    if len(q) == 2 and len(p) == 1 and p[0] == q[0]:
        return f"; {u}[:, None] would fit"
    return ""


_MATRIX_CALLS = ("dot", "matmul", "inner")


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
    """The shape of an expression made of names, attributes, subscripts and transposes; nothing is called."""
    value = _value(node, names)
    if value is not None:
        return np.shape(value)
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


def _value(node: ast.expr, names: Mapping[str, Any]) -> Any:
    """Look an expression up without running any of the user's code but item access."""
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return node.value
    if isinstance(node, ast.Name):
        found = names.get(node.id)
        return (
            found
            if isinstance(found, (np.ndarray, list, tuple, dict, int, float)) or hasattr(found, "__dict__")
            else None
        )
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
            return None if owner is None or key is None else owner[key]
    except Exception:  # the user's objects may do anything when they are looked at
        return None
    return None
