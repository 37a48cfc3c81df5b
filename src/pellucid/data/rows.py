"""Raw rows in whatever form a program has them, made into a table: columns, rows, data frames, arrays, files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from pellucid.data.readers import read
from pellucid.data.tables import Column, Table, check_columns, check_finite
from pellucid.errors import DataFileError, counted

Rows = Table | str | os.PathLike[str] | Mapping[str, Any] | Sequence[Any] | Any
"""What `as_table` takes; the last is a data frame, which is told by its ``columns``."""

_NAME = "rows"


def as_table(rows: Rows, inputs: Sequence[str] = (), targets: Sequence[str] = ()) -> Table:
    """Make a table of raw rows.

    Parameters
    ----------
    rows : Table, path, mapping, data frame or sequence
        As `pellucid.Predictor.predict` takes them.
    inputs : sequence of str
        The columns that are needed, in the order in which rows without names have them. Without them all columns are
        kept, and columns without names are called ``x_1``, ``x_2``, ….
    targets : sequence of str
        Columns that are kept if there are any of these names.

    Raises
    ------
    DataFileError
        A column is missing; or it holds neither numbers nor text, or both, or a missing value.
    TypeError
        ``rows`` is none of these.
    """
    if isinstance(rows, Table):
        return rows
    if isinstance(rows, str | os.PathLike):
        return read(rows)
    columns = _columns(rows, inputs)
    if inputs:
        check_columns(_NAME, inputs, columns)
        columns = {name: columns[name] for name in (*inputs, *targets) if name in columns}
    made = {name: _column(name, values) for name, values in columns.items()}
    lengths = {name: len(column) for name, column in made.items()}
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{name!r} has {length}" for name, length in list(lengths.items())[:4])
        raise DataFileError(f"{_NAME}: the columns are not of one length: {said}")
    return Table(_NAME, made)


def _columns(rows: Any, inputs: Sequence[str]) -> dict[str, Any]:
    """Name the columns, whose values are not looked at."""
    if isinstance(rows, Mapping):
        return {str(name): [values] if _is_scalar(values) else values for name, values in rows.items()}
    if hasattr(rows, "columns") and hasattr(rows, "__getitem__"):
        return {str(name): rows[name] for name in rows.columns}
    if isinstance(rows, np.ndarray):
        rows = rows.tolist() if rows.ndim < 2 or rows.dtype == object else rows
    if isinstance(rows, bytes) or not isinstance(rows, Sequence | np.ndarray):
        raise TypeError(
            "rows are a pellucid.data.Table, the path of a data file, columns by name, a data frame, a list of dicts, "
            f"or an array of rows, got {type(rows).__name__}"
        )
    if isinstance(rows, np.ndarray) and rows.ndim > 2:
        raise DataFileError(f"{_NAME}: an array of rows has two axes, got shape {rows.shape}")
    if len(rows) == 0:
        raise DataFileError(f"{_NAME}: there are none")
    if any(isinstance(row, Mapping) for row in rows):
        return _columns_of_dicts(rows)
    if all(_is_scalar(row) for row in rows):  # one row
        rows = [rows]
    widths = {0 if _is_scalar(row) else len(row) for row in rows}
    needed = len(inputs) or max(widths)
    if widths != {needed}:
        i = next(i for i, row in enumerate(rows) if (0 if _is_scalar(row) else len(row)) != needed)
        got = "one value" if _is_scalar(rows[i]) else f"{counted(len(rows[i]), 'value')}"
        raise DataFileError(f"{_NAME}, row {i + 1}: {got}, but {needed} are needed{_hint(inputs)}")
    names = inputs or [f"x_{k}" for k in range(1, needed + 1)]
    columns = rows.T if isinstance(rows, np.ndarray) else [list(column) for column in zip(*rows, strict=True)]
    return dict(zip(names, columns, strict=True))


def _hint(inputs: Sequence[str]) -> str:
    return f": {', '.join(map(repr, inputs[:8]))}{', …' if len(inputs) > 8 else ''}" if inputs else ""


def _columns_of_dicts(rows: Any) -> dict[str, Any]:
    names: dict[str, None] = {}
    for i, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise DataFileError(f"{_NAME}, row {i + 1}: expected a dict like the other rows, got {type(row).__name__}")
        names |= dict.fromkeys(row)
    # What a row lacks is a missing value, which is refused if the column is needed.
    return {str(name): [row.get(name) for row in rows] for name in names}


def _is_scalar(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.ndim == 0
    return isinstance(value, str | bytes) or not isinstance(value, Iterable)


def _column(name: str, values: Any) -> Column:
    """Make a column of numbers or of text of any values, or say which of them is neither."""
    try:
        column = np.asarray(values)
    except ValueError as error:
        raise DataFileError(f"{_NAME}, column {name!r}: it is not one value to a row") from error
    if column.ndim != 1:
        raise DataFileError(f"{_NAME}, column {name!r}: shape {column.shape}; one value to a row is needed")
    if column.dtype.kind in "biuf":
        return check_finite(_NAME, name, column)
    # A list of numbers and text has become text: look at the values themselves.
    each = column.tolist() if isinstance(values, np.ndarray) or column.dtype == object else list(values)
    for i, value in enumerate(each):
        if value is None or value != value or str(value) == "<NA>":  # NaN, and pandas' missing value
            raise DataFileError(f"{_NAME}, row {i + 1}, column {name!r}: a missing value")
    is_text_there = [isinstance(value, str) for value in each]
    if all(is_text_there):
        return np.array(each, dtype=str)
    if any(is_text_there):
        i = is_text_there.index(not is_text_there[0])
        raise DataFileError(f"{_NAME}, row {i + 1}, column {name!r}: {each[i]!r}, but {each[0]!r} in row 1")
    for i, value in enumerate(each):
        if not hasattr(value, "__float__"):
            raise DataFileError(f"{_NAME}, row {i + 1}, column {name!r}: {value!r} is neither a number nor text")
    try:
        return check_finite(_NAME, name, np.array(each, dtype=np.float64))
    except (TypeError, ValueError, OverflowError) as error:
        if isinstance(error, DataFileError):
            raise
        raise DataFileError(f"{_NAME}, column {name!r}: not all are numbers ({error})") from error
