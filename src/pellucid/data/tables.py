"""A table as read from a file: named columns of numbers or of text, nothing missing."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pellucid.described import brief
from pellucid.errors import DataFileError, counted, unknown_name

Column = np.ndarray[Any, Any]
"""Of shape (n,): real numbers, or str."""


@dataclass(frozen=True, eq=False, repr=False)
class Table:
    """Columns of equal length, each of finite numbers or of text.

    Attributes
    ----------
    name : str
        Where it was read from, for messages.
    columns : mapping
        By name, in order.
    targets : tuple of str
        The columns to predict; may be empty.
    is_image : bool
        Whether all inputs are pixels on one scale, which are then scaled together.
    places : ndarray of shape (n,), optional
        The line of the file that each row stands on, for messages; rows count from 1 without it.
    place_word : str
        What the places are: ``line`` or ``row``.
    """

    name: str
    columns: Mapping[str, Column]
    targets: tuple[str, ...] = ()
    is_image: bool = False
    places: Column | None = None
    place_word: str = "row"

    def __post_init__(self) -> None:
        if not self.columns:
            raise DataFileError(f"{self.name} has no columns")
        if len(self) == 0:
            raise DataFileError(f"{self.name} has no rows")
        for target in self.targets:
            if self.targets.count(target) > 1:
                raise ValueError(f"{self.name}: the target {target!r} is named twice")
            if target not in self.columns:
                raise unknown_name(f"column of {self.name}", target, self.columns)

    def __repr__(self) -> str:
        targets = f", targets {brief(self.targets)}" if self.targets else ""
        return f"<Table {brief(self.name)}: {counted(len(self), 'row')}, columns {brief(tuple(self.columns))}{targets}>"

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    @property
    def features(self) -> tuple[str, ...]:
        """The columns that are not targets."""
        return tuple(name for name in self.columns if name not in self.targets)

    def where(self, row: int) -> str:
        """Name a row, counted from 0 here, as a person finds it in the file."""
        place = row + 1 if self.places is None else self.places[row]
        return f"{self.name}, {self.place_word} {place}"

    def take(self, index: Column) -> "Table":
        """Return the rows at these positions."""
        columns = {name: column[index] for name, column in self.columns.items()}
        places = (np.arange(1, len(self) + 1) if self.places is None else self.places)[index]
        return replace(self, columns=columns, places=places)

    def with_targets(self, targets: Sequence[str]) -> "Table":
        """Return the same table with other target columns."""
        return replace(self, targets=tuple(targets))

    def without(self, names: Sequence[str]) -> "Table":
        """Return the same table less some columns; a name that it has not is refused."""
        for name in names:
            if name not in self.columns:
                raise unknown_name(f"column of {self.name}", name, self.columns)
        columns = {name: column for name, column in self.columns.items() if name not in names}
        return replace(self, columns=columns, targets=tuple(name for name in self.targets if name not in names))


def is_text(column: Column) -> bool:
    """Whether a column holds text rather than numbers."""
    return column.dtype.kind in "UOT"


def listed(names: Sequence[str]) -> str:
    """Name the first few of several."""
    return ", ".join(map(repr, names[:8])) + (f", … ({len(names)} in all)" if len(names) > 8 else "")


def check_columns(name: str, needed: Sequence[str], found: Collection[str]) -> None:
    """Refuse rows that lack some of the columns that a model needs, by their names."""
    missing = [column for column in needed if column not in found]
    if missing:
        raise DataFileError(f"{name} lacks {len(missing)} of the model's input columns: {listed(missing)}")


def check_finite(name: str, column_name: str, column: Column) -> Column:
    """Refuse a number that is missing (NaN) or infinite, with its column and row."""
    if column.dtype.kind == "f" and not np.isfinite(column).all():
        bad = np.flatnonzero(~np.isfinite(column))
        what = "a missing value" if np.isnan(column[bad[0]]) else f"{column[bad[0]]}"
        raise DataFileError(
            f"{name}, row {bad[0] + 1}, column {column_name!r}: {what}; every number must be finite{_more(bad)}"
        )
    return column


def _more(bad: Sequence[int] | Column) -> str:
    return f" ({len(bad) - 1} more in this column)" if len(bad) > 1 else ""


_MISSING = {"", "na", "n/a", "nan", "null", "?"}


def column_of_cells(
    name: str, column_name: str, cells: Sequence[str], lines: Sequence[int], decimal: str = "."
) -> Column:
    """Make a column of numbers if every cell is one, or of text if none is.

    Raises
    ------
    DataFileError
        A missing cell, a cell that is no number among numbers, an infinite number; with its column and line.
    """
    stripped = [cell.strip() for cell in cells]
    missing = [i for i, cell in enumerate(stripped) if cell.lower() in _MISSING]
    if missing:
        i = missing[0]
        raise DataFileError(
            f"{name}, line {lines[i]}, column {column_name!r}: the value is missing ({stripped[i]!r}){_more(missing)}; "
            "fill it in or leave the row out"
        )
    numbers = [_as_float(cell if decimal == "." else cell.replace(decimal, ".")) for cell in stripped]
    wrong = [i for i, number in enumerate(numbers) if number is None]
    if len(wrong) == len(stripped):
        return np.array(stripped, dtype=str)
    if wrong:
        i = wrong[0]
        raise DataFileError(
            f"{name}, line {lines[i]}, column {column_name!r}: {stripped[i]!r} is not a number, but "
            f"{len(stripped) - len(wrong)} of the column's {len(stripped)} cells are{_more(wrong)}"
        )
    column = np.array(numbers, dtype=np.float64)
    if not np.isfinite(column).all():
        i = int(np.argmin(np.isfinite(column)))
        raise DataFileError(f"{name}, line {lines[i]}, column {column_name!r}: {stripped[i]!r} is not a finite number")
    return column


def _as_float(cell: str) -> float | None:
    if "_" in cell:  # Python's float takes 1_000, which no data file means
        return None
    try:
        return float(cell)
    except ValueError:
        return None
