"""Readers of data files: CSV, Parquet, NPZ and IDX, plain or compressed with gzip."""

import csv
import gzip
import io
import lzma
import math
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.data.datasets import DATASETS
from pellucid.data.tables import Column, Table, check_finite, column_of_cells, is_text
from pellucid.errors import DataFileError, counted, import_extra
from pellucid.hints import hinted
from pellucid.storage import PathLike


@hinted
def read(source: PathLike, target: str | Sequence[str] | None = None, *, header: bool = True) -> Table:
    """Read a data set by the name of one that comes with the library, or a file by its ending.

    Parameters
    ----------
    source : str or path
        ``digits``, ``xor``, ``two_spirals``, ``two_moons``, ``sine``; or a file ending in ``.csv``, ``.tsv``, ``.txt``,
        ``.parquet``, ``.npz``, ``.idx`` or like MNIST's ``…-idx3-ubyte``; all but Parquet and NPZ also with ``.gz``.
    target : str or sequence of str, optional
        The column or columns to predict; for NPZ the array, for IDX the file of labels.
    header : bool
        Whether the first line of a CSV file names the columns; they are ``column_1``, … otherwise.

    Returns
    -------
    Table

    Raises
    ------
    FileNotFoundError, OSError
        The file is missing or cannot be read.
    DataFileError
        What it holds cannot be read; says where.
    ValueError
        An ending that is not known.
    """
    name = os.fspath(source)
    if name in DATASETS and not os.path.isfile(name):
        table = DATASETS[name]().table()
        return table if target is None else table.with_targets(_as_names(target))
    plain = name.lower().removesuffix(".gz")
    ending = os.path.splitext(plain)[1]
    if not os.path.exists(name):
        known = f"; the data sets that come with pellucid are {', '.join(DATASETS)}" if not ending else ""
        raise FileNotFoundError(f"there is no file {name}{known}")
    if os.path.isdir(name):
        raise IsADirectoryError(f"{name} is a folder, not a file")
    if ending in (".csv", ".tsv", ".txt"):
        return read_csv(name, target, header=header)
    if ending == ".parquet":
        return read_parquet(name, target)
    if holds_arrays(name):
        names = _as_names(target)
        if len(names) > 1:
            raise ValueError(f"{name}: the targets are one array, got {', '.join(names)}")
        return (read_npz if ending == ".npz" else read_idx)(name, *names)
    raise ValueError(f"{name}: unknown ending {ending!r}; known: .csv, .tsv, .txt, .parquet, .npz, .idx, -ubyte")


def holds_arrays(source: PathLike) -> bool:
    """Whether a file is, by its name, one of whole arrays (NPZ, IDX) and not of columns."""
    plain = os.fspath(source).lower().removesuffix(".gz")
    return plain.endswith((".npz", ".idx", "-ubyte"))


def _as_names(target: str | Sequence[str] | None) -> tuple[str, ...]:
    if target is None:
        return ()
    return (target,) if isinstance(target, str) else tuple(target)


def _bytes(path: str) -> bytes:
    """Read a file whole, unpacked if it is compressed."""
    with open(path, "rb") as file:
        data = file.read()
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise DataFileError(f"{path} is a truncated or broken gzip file: {error}") from error


@hinted
def read_csv(path: PathLike, target: str | Sequence[str] | None = None, *, header: bool = True) -> Table:
    """Read a CSV file; commas, semicolons or tabs, whichever the first line has most of.

    Columns of numbers stay numbers, columns of text become categories later.

    Raises
    ------
    DataFileError
        No columns or rows, rows of unequal length, columns of one name, missing cells, cells that are no number in a
        column of numbers; with column and line.
    """
    name = os.fspath(path)
    try:
        text = _bytes(name).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataFileError(f"{name} is not text in UTF-8: {error.reason} at byte {error.start}") from error
    if "\0" in text:
        raise DataFileError(f"{name} is not text: it holds a NUL character")
    first = re.sub(r'"[^"]*"', "", next((line for line in text.splitlines() if line.strip()), ""))
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append(row)
                lines.append(reader.line_num)
    except csv.Error as error:
        raise DataFileError(f"{name}, line {reader.line_num}: {error}") from error
    if not rows:
        raise DataFileError(f"{name} is empty")
    if header:
        names, rows, lines = [cell.strip() for cell in rows[0]], rows[1:], lines[1:]
        _check_header(name, names)
    else:
        names = [f"column_{i}" for i in range(1, len(rows[0]) + 1)]
    if not rows:
        raise DataFileError(f"{name} has no rows below its header")
    for row, line in zip(rows, lines, strict=True):
        if len(row) != len(names):
            raise DataFileError(
                f"{name}, line {line} has {counted(len(row), 'cell')}, but there are {counted(len(names), 'column')}"
            )
    cells = zip(*rows, strict=True)
    decimal = "," if delimiter == ";" else "."  # where semicolons part the cells, commas are decimal
    columns = {
        key: column_of_cells(name, key, column, lines, decimal) for key, column in zip(names, cells, strict=True)
    }
    return Table(name, columns, _as_names(target), places=np.array(lines), place_word="line")


def _check_header(name: str, names: list[str]) -> None:
    twice = sorted({key for key in names if names.count(key) > 1})
    if twice:
        raise DataFileError(f"{name}: its header names {twice[0]!r} twice")
    if "" in names:
        raise DataFileError(f"{name}: column {names.index('') + 1} has no name in the header")
    try:
        [float(key) for key in names]
    except ValueError:
        return
    raise DataFileError(
        f"{name}: its first line holds numbers and not the names of columns; if it has no header, say header=False "
        "(--no-header)"
    )


def _pylist(name: str, key: str, column: Any) -> list[Any]:
    try:
        values: list[Any] = column.to_pylist()
    except UnicodeDecodeError as error:
        raise DataFileError(f"{name}, column {key!r}: its text is not UTF-8") from error
    return values


@hinted
def read_parquet(path: PathLike, target: str | Sequence[str] | None = None) -> Table:
    """Read a Parquet file (needs the ``table`` extra): numbers, booleans and text, without nulls.

    Raises
    ------
    DataFileError
        No Parquet file, nulls, or a column of another type; with its name.
    MissingExtraError
        PyArrow is not installed.
    """
    parquet = import_extra("pyarrow.parquet", "table", "reading Parquet")
    pyarrow = import_extra("pyarrow", "table", "reading Parquet")
    name = os.fspath(path)
    with open(name, "rb"):  # a missing or unreadable file is an OSError, not a broken one
        pass
    try:
        names = parquet.read_schema(name).names
        if twice := sorted({key for key in names if names.count(key) > 1}):
            raise DataFileError(f"{name} names its column {twice[0]!r} twice")
        table = parquet.read_table(name)
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataFileError(f"{name} is truncated or no Parquet file: {' '.join(str(error).split())}") from error
    columns: dict[str, Column] = {}
    for key in table.column_names:
        column = table.column(key)
        if column.null_count:
            row = next(i for i, valid in enumerate(column.is_valid().to_pylist()) if not valid)
            raise DataFileError(
                f"{name}, row {row + 1}, column {key!r}: a missing value ({column.null_count} in this column)"
            )
        kind = column.type
        if pyarrow.types.is_dictionary(kind):
            kind = kind.value_type
        if pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind) or pyarrow.types.is_string_view(kind):
            columns[key] = np.array(_pylist(name, key, column), dtype=str)
        elif pyarrow.types.is_boolean(kind) or pyarrow.types.is_integer(kind) or pyarrow.types.is_floating(kind):
            columns[key] = check_finite(name, key, np.asarray(column.to_numpy()))
        else:
            raise DataFileError(f"{name}, column {key!r}: values of type {kind} are neither numbers nor text")
    return Table(name, columns, _as_names(target))


_X_NAMES, _Y_NAMES = ("X", "x", "data", "X_train", "x_train"), ("y", "Y", "target", "labels", "y_train")


# What zipfile raises for archives that are damaged, encrypted or packed in ways it does not know.
_BROKEN_ZIP = (
    ValueError, EOFError, KeyError, OSError, NotImplementedError, RuntimeError, MemoryError,
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error,
)  # fmt: skip


@hinted
def read_npz(path: PathLike, target: str | None = None) -> Table:
    """Read an NPZ file of inputs ``X`` and, if it has them, targets ``y``; the first name of each that it has.

    Inputs: X, x, data, X_train, x_train. Targets: y, Y, target, labels, y_train.
    Inputs of shape (n, …) are flattened to columns ``x_1``, …; bytes count as pixels.

    Parameters
    ----------
    path : path
    target : str, optional
        The array of targets, of shape (n,) or (n, m).

    Raises
    ------
    DataFileError
        No NPZ file, no such array, arrays of objects, or arrays of unequal length.
    """
    name = os.fspath(path)
    with open(name, "rb") as file:
        data = file.read()
    try:
        archive = np.load(io.BytesIO(data), allow_pickle=False)
        if isinstance(archive, np.ndarray):
            raise DataFileError(f"{name} is no NPZ file but a single array")
        with archive:
            arrays = {key: archive[key] for key in archive.files}
    except _BROKEN_ZIP as error:
        if isinstance(error, DataFileError):
            raise
        raise DataFileError(f"{name} is truncated or no NPZ file of numbers: {error}") from error
    held = ", ".join(arrays) or "none"
    x_name = next((key for key in _X_NAMES if key in arrays), None)
    if x_name is None:
        raise DataFileError(f"{name} has no array X; it holds: {held}")
    y_name = target if target is not None else next((key for key in _Y_NAMES if key in arrays), None)
    if y_name is not None and y_name not in arrays:
        raise DataFileError(f"{name} has no array {y_name}; it holds: {held}")
    return _table_of_arrays(name, arrays[x_name], None if y_name is None else arrays[y_name], y_name or "y")


@hinted
def read_idx(path: PathLike, labels: str | None = None) -> Table:
    """Read an IDX file of images, the format of MNIST, with its labels.

    Parameters
    ----------
    path : path
        Of shape (n, …).
    labels : path, optional
        The file of labels, of shape (n,); without it the file of the same name with ``images-idx3`` replaced by
        ``labels-idx1``, if that exists.

    Raises
    ------
    DataFileError
        No IDX file, a truncated one, or not one label per image.
    """
    name = os.fspath(path)
    images = _idx_array(name)
    if labels is None:
        folder, file = os.path.split(name)
        guess = os.path.join(folder, file.replace("images", "labels").replace("idx3", "idx1"))
        labels = guess if guess != name and os.path.exists(guess) else None
    return _table_of_arrays(name, images, None if labels is None else _idx_array(labels), "label")


_IDX_TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


def _idx_array(path: str) -> Column:
    data = _bytes(path)
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in _IDX_TYPES or not data[3]:
        raise DataFileError(f"{path} is no IDX file: it starts with {data[:4]!r}")
    start = 4 + 4 * data[3]
    if len(data) < start:
        raise DataFileError(f"{path} is a truncated IDX file: {len(data)} bytes")
    shape = struct.unpack(f">{data[3]}I", data[4:start])
    dtype = np.dtype(_IDX_TYPES[data[2]])
    expected = start + dtype.itemsize * math.prod(shape)
    if len(data) != expected:
        raise DataFileError(
            f"{path} is a truncated or damaged IDX file: {len(data)} bytes, but shape {shape} needs {expected}"
        )
    try:
        return np.frombuffer(data, dtype, offset=start).reshape(shape)
    except ValueError as error:  # more axes than NumPy has
        raise DataFileError(f"{path} is no IDX file that can be read: {error}") from error


def _table_of_arrays(name: str, X: Column, y: Column | None, y_name: str) -> Table:
    if X.ndim == 0 or X.dtype.kind not in "biuf":
        raise DataFileError(
            f"{name}: the inputs have dtype {X.dtype} and shape {X.shape}; numbers of shape (n, …) are needed"
        )
    flat = X.reshape(len(X), int(np.prod(X.shape[1:], dtype=np.int64)))
    columns: dict[str, Column] = {
        f"x_{k}": check_finite(name, f"x_{k}", flat[:, k - 1]) for k in range(1, flat.shape[1] + 1)
    }
    targets: dict[str, Column] = {}
    if y is not None:
        if y.ndim not in (1, 2) or len(y) != len(X):
            raise DataFileError(f"{name}: {counted(len(X), 'input')}, but targets of shape {y.shape}")
        if not is_text(y) and y.dtype.kind not in "biuf":
            raise DataFileError(f"{name}: the targets have dtype {y.dtype}; numbers or text are needed")
        parts = {y_name: y} if y.ndim == 1 else {f"{y_name}_{j}": y[:, j - 1] for j in range(1, y.shape[1] + 1)}
        targets = {key: check_finite(name, key, part) for key, part in parts.items()}
        if taken := sorted(set(targets) & set(columns)):
            raise DataFileError(f"{name}: the target {taken[0]!r} has the name of an input column; rename the array")
    return Table(name, columns | targets, tuple(targets), is_image=X.dtype == np.uint8)
