"""From raw rows to a network's inputs and targets, and from its outputs back to answers.

An encoding is learnt from the rows to train on, and stored with the model, so that the model predicts on raw rows.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pellucid.arrays import Array
from pellucid.data.tables import Column, Table, check_columns, is_text, listed
from pellucid.described import Brief
from pellucid.errors import DataFileError, unknown_name

SCALINGS = ("auto", "standard", "range", "none")
"""Ways to scale numeric inputs: by mean and standard deviation, to [0, 1], not at all; auto is range for images."""

MOST_CLASSES = 20
"""A numeric target is taken for classes if it holds whole numbers and no more different ones than this."""


@dataclass(frozen=True, repr=False)
class InputEncoding(Brief):
    """One column as inputs: (x - offset)/scale for numbers, one input per category for text.

    Attributes
    ----------
    name : str
        The column.
    categories : tuple of str, or None
        None for a column of numbers.
    offset, scale : float
        In the units of the column.
    """

    name: str
    categories: tuple[str, ...] | None
    offset: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        if not (np.isfinite(self.offset) and np.isfinite(self.scale) and self.scale > 0):
            raise ValueError(f"column {self.name!r}: offset {self.offset} and scale {self.scale} are no scaling")
        if self.categories is not None and (not self.categories or len(set(self.categories)) < len(self.categories)):
            raise ValueError(f"column {self.name!r}: its categories are none or not all different")

    @property
    def width(self) -> int:
        """How many inputs it makes."""
        return 1 if self.categories is None else len(self.categories)

    @property
    def labels(self) -> tuple[str, ...]:
        """What to call those inputs."""
        return (self.name,) if self.categories is None else tuple(f"{self.name}={value}" for value in self.categories)


@dataclass(frozen=True, repr=False)
class TargetEncoding(Brief):
    """The target columns: classes of one column, or numbers scaled as (y - offset)/scale.

    Attributes
    ----------
    names : tuple of str
        One for classes, one or more for numbers.
    classes : tuple of str, or None
        In the order of the class indices; None for numbers.
    offset, scale : tuple of float
        By column, in its units.
    """

    names: tuple[str, ...]
    classes: tuple[str, ...] | None
    offset: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.classes is not None:
            if len(self.names) != 1 or len(self.classes) < 2 or len(set(self.classes)) < len(self.classes):
                raise ValueError("classes come from one column, and are two or more different ones")
        elif not self.names or not len(self.names) == len(self.offset) == len(self.scale):
            raise ValueError("numbers need an offset and a scale for each target")
        elif not all(np.isfinite(self.offset)) or not all(np.isfinite(s) and s > 0 for s in self.scale):
            raise ValueError("the targets' offsets and scales are no scaling")


@dataclass(frozen=True, repr=False)
class Encoding(Brief):
    """How raw rows become inputs and targets."""

    inputs: tuple[InputEncoding, ...]
    target: TargetEncoding

    def __post_init__(self) -> None:
        if len(set(self.input_names)) < len(self.input_names):
            raise ValueError("an input column is named twice")

    @classmethod
    def fit(
        cls,
        table: Table,
        rows: Column | None = None,
        *,
        scaling: str = "auto",
        task: str = "auto",
        scales_target: bool = True,
    ) -> "Encoding":
        """Learn an encoding from a table.

        Parameters
        ----------
        table : Table
            With targets. Categories and classes come from all its rows.
        rows : ndarray of int, optional
            The rows to train on, whose numbers the scaling comes from; all without it.
        scaling : str
            One of `SCALINGS`.
        task : {'auto', 'classification', 'regression'}
            What the target is; auto takes text, and a few different whole numbers, for classes.
        scales_target : bool
            Whether numbers to predict are standardised.

        Raises
        ------
        ValueError
            No targets, no inputs, unknown names, or a target that does not fit the task.
        """
        if scaling not in SCALINGS:
            raise unknown_name("scaling", scaling, SCALINGS)
        if not table.targets:
            raise ValueError(f"{table.name}: name the target, one of the columns: {listed(tuple(table.columns))}")
        if not table.features:
            raise ValueError(f"{table.name} has no columns but the target")
        scaling = ("range" if table.is_image else "standard") if scaling == "auto" else scaling
        trained = table if rows is None else table.take(rows)
        inputs = tuple(_fit_input(name, table, trained, scaling) for name in table.features)
        if scaling == "range" and table.is_image:
            pixels = [one.name for one in inputs if one.categories is None]
            most = max((float(trained.columns[name].max()) for name in pixels), default=1.0) or 1.0
            inputs = tuple(InputEncoding(one.name, None, 0.0, most) if one.name in pixels else one for one in inputs)
        return cls(inputs, _fit_target(table, trained, task, scales_target))

    @property
    def n_inputs(self) -> int:
        """n_1 of the network."""
        return sum(one.width for one in self.inputs)

    @property
    def n_outputs(self) -> int:
        """The usual n_F: one for two classes or a number, else one per class or number."""
        classes = self.target.classes
        return len(self.target.names) if classes is None else 1 if len(classes) == 2 else len(classes)

    @property
    def input_names(self) -> tuple[str, ...]:
        """The columns that become inputs, in order."""
        return tuple(one.name for one in self.inputs)

    def encode_inputs(self, table: Table) -> Array:
        """Make X of shape (n, n_1) from raw rows; columns are matched by name, and others are ignored.

        Raises
        ------
        DataFileError
            A column is missing, text stands for numbers or the reverse, or a category is new.
        """
        check_columns(table.name, self.input_names, table.columns)
        return np.concatenate([self._encode_input(one, table) for one in self.inputs], axis=1)

    def _encode_input(self, one: InputEncoding, table: Table) -> Array:
        column = table.columns[one.name]
        if one.categories is None:
            if is_text(column):
                raise DataFileError(
                    f"{table.where(0)}, column {one.name!r}: {str(column[0])!r} is text, but the model has numbers here"
                )
            return _scaled(table, one.name, one.offset, one.scale)[:, np.newaxis]
        return _hits(table, one.name, one.categories, "category").astype(np.float64)

    def fits(self, n_outputs: int) -> bool:
        """Whether a network of so many outputs can answer: two classes may have one output or two."""
        return n_outputs == self.n_outputs or n_outputs == len(self.target.classes or ())

    def encode_targets(self, table: Table) -> Column:
        """Make Y from raw rows: class indices of shape (n,), or scaled numbers of shape (n, n_F)."""
        target = self.target
        for name in target.names:
            if name not in table.columns:
                raise DataFileError(f"{table.name} lacks the target column {name!r}")
        if target.classes is None:
            for name in target.names:
                if is_text(table.columns[name]):
                    raise DataFileError(f"{table.where(0)}, column {name!r}: text is not a number")
            scalings = zip(target.names, target.offset, target.scale, strict=True)
            return np.stack([_scaled(table, name, offset, scale) for name, offset, scale in scalings], axis=1)
        return _hits(table, target.names[0], target.classes, "class").argmax(axis=1)

    def decode(self, a: Array, *, are_probabilities: bool = True) -> dict[str, Column]:
        """Turn outputs into answers, by column.

        Parameters
        ----------
        a : ndarray of shape (n, n_F)
        are_probabilities : bool
            Whether to call the outputs for classes p(class), or a(class).

        Returns
        -------
        dict of str to ndarray of shape (n,)
            The class and each class's output, or numbers in their own units.
        """
        target = self.target
        if target.classes is None:
            values = a * np.array(target.scale) + np.array(target.offset)
            return dict(zip(target.names, values.T, strict=True))
        p = np.concatenate([1 - a, a], axis=1) if a.shape[1] == 1 else a
        answers: dict[str, Column] = {target.names[0]: np.array(target.classes)[p.argmax(axis=1)]}
        word = "p" if are_probabilities else "a"
        shown = (
            zip(target.classes, p.T, strict=True)
            if are_probabilities or a.shape[1] > 1
            else [(target.classes[1], a[:, 0])]
        )
        return answers | {f"{word}({name})": column for name, column in shown}

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-serializable dict."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Encoding":
        """Make an encoding from `to_dict`'s result; a ValueError, TypeError or KeyError if it cannot be one."""
        inputs = tuple(
            InputEncoding(str(one["name"]), _as_tuple(one["categories"]), float(one["offset"]), float(one["scale"]))
            for one in data["inputs"]
        )
        target = data["target"]
        if not all(isinstance(name, str) for name in target["names"]):
            raise TypeError("a target's name is no text")
        return cls(inputs, TargetEncoding(
            tuple(target["names"]), _as_tuple(target["classes"]),
            tuple(map(float, target["offset"])), tuple(map(float, target["scale"])),
        ))  # fmt: skip


def _scaled(table: Table, name: str, offset: float, scale: float) -> Array:
    """(x - offset)/scale of one column of numbers, of shape (n,); a DataFileError where that is not finite."""
    column = table.columns[name].astype(np.float64)
    with np.errstate(over="ignore"):
        encoded: Array = (column - offset) / scale
    if not np.isfinite(encoded).all():
        i = int(np.argmin(np.isfinite(encoded)))
        raise DataFileError(f"{table.where(i)}, column {name!r}: {column[i]:g} is too large to be scaled")
    return encoded


def _hits(table: Table, name: str, known: tuple[str, ...], what: str) -> Column:
    """Which of the known texts each row of a column is, of shape (n, len(known)); a DataFileError if it is none."""
    column = _as_text(table.columns[name])
    hits: Column = column[:, np.newaxis] == np.array(known)
    if not hits.any(axis=1).all():
        i = int(np.argmin(hits.any(axis=1)))
        raise DataFileError(
            f"{table.where(i)}, column {name!r}: {str(column[i])!r} is no {what} that the model knows; "
            f"those are {listed(known)}"
        )
    return hits


def _as_tuple(values: list[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(map(str, values))


def _as_text(column: Column) -> Column:
    """Classes and categories as text; whole numbers without a decimal point."""
    if is_text(column):
        return column.astype(str)
    values, place = np.unique(column, return_inverse=True)
    texts = [str(int(value)) if value == np.rint(value) else str(value) for value in values.tolist()]
    return np.array(texts)[place]


def _fit_input(name: str, table: Table, trained: Table, scaling: str) -> InputEncoding:
    if is_text(table.columns[name]):
        categories = tuple(map(str, np.unique(table.columns[name])))
        _check_recurring(categories, table, name, f"categories; leave the column out (--drop {name!r})")
        return InputEncoding(name, categories)
    numbers = trained.columns[name].astype(np.float64)
    if scaling == "none":
        return InputEncoding(name, None)
    offset, scale = _standard(numbers) if scaling == "standard" else _range(numbers)
    if not np.isfinite([offset, scale]).all():
        raise DataFileError(f"{table.name}, column {name!r}: its numbers are too large to be scaled")
    return InputEncoding(name, None, offset, scale)


def _check_recurring(texts: tuple[str, ...], table: Table, name: str, what: str) -> None:
    """Refuse texts that hardly recur: a network cannot learn anything from names."""
    if len(texts) > max(MOST_CLASSES, len(table) / 2):
        raise DataFileError(
            f"{table.name}, column {name!r}: {len(texts)} different texts in {len(table)} rows are names and not {what}"
        )


def _standard(numbers: Array) -> tuple[float, float]:
    """Mean and standard deviation; a column that never varies has the scale 1 and not its rounding."""
    largest = float(np.abs(numbers).max())
    if (numbers == numbers[0]).all():
        return float(numbers[0]), 1.0
    unit = numbers / largest  # whose squares do not overflow
    return largest * float(unit.mean()), largest * float(unit.std()) or 1.0


def _range(numbers: Array) -> tuple[float, float]:
    """The least number, and the distance to the largest or 1."""
    low, high = float(numbers.min()), float(numbers.max())
    return low, high - low or 1.0


def _fit_target(table: Table, trained: Table, task: str, scales: bool) -> TargetEncoding:
    if task not in ("auto", "classification", "regression"):
        raise unknown_name("task", task, ("auto", "classification", "regression"))
    columns = [table.columns[name] for name in table.targets]
    text = [name for name, column in zip(table.targets, columns, strict=True) if is_text(column)]
    if text and task == "regression":
        raise ValueError(f"{table.name}: the target {text[0]!r} is text, which a regression cannot predict")
    if len(columns) > 1 and (text or task == "classification"):
        raise ValueError(f"{table.name}: classes come from one column, but there are {len(columns)} targets")
    few = len(columns) == 1 and not text and len(set(columns[0].tolist())) <= MOST_CLASSES
    whole = few and bool((columns[0] == np.rint(columns[0])).all())
    if text or task == "classification" or (task == "auto" and whole):
        names = _as_text(columns[0])
        numeric = np.unique(columns[0])
        classes = tuple(map(str, np.unique(names) if text else _as_text(numeric)))
        _check_recurring(classes if text else (), table, table.targets[0], "classes")
        if len(classes) < 2:
            raise ValueError(f"{table.name}: the target {table.targets[0]!r} has one class alone, {classes[0]!r}")
        return TargetEncoding(table.targets, classes)
    for name in table.targets:
        most = float(np.abs(table.columns[name].astype(np.float64)).max())
        if most > np.finfo(np.float64).max ** 0.5 / len(table):  # a sum of squares would overflow
            raise DataFileError(f"{table.name}, column {name!r}: {most:g} is too large a target to be squared")
    if not scales:
        return TargetEncoding(table.targets, None, (0.0,) * len(columns), (1.0,) * len(columns))
    offset, scale = zip(*(_standard(trained.columns[name].astype(np.float64)) for name in table.targets), strict=True)
    return TargetEncoding(table.targets, None, offset, scale)
