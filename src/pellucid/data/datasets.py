"""Data sets that come with the library: handwritten digits, and synthetic ones made on the fly."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import resources
from typing import TYPE_CHECKING, Any, Never

import numpy as np

from pellucid.arrays import Array, as_count, as_number
from pellucid.data.tables import Table
from pellucid.described import brief
from pellucid.errors import counted
from pellucid.hints import hinted
from pellucid.results import Displayed

if TYPE_CHECKING:
    from pellucid.document import Block, Document


_ROWS = 20
"""Classes that are listed."""


@dataclass(frozen=True, eq=False, repr=False)
class Dataset(Displayed):
    """Inputs and targets, ready for `pellucid.Network.train`.

    Attributes
    ----------
    name : str
    X : ndarray of shape (n, n_1), float64
    y : ndarray
        Class indices of shape (n,), or numbers of shape (n, n_F).
    feature_names : tuple of str
        The columns of X.
    class_names : tuple of str
        By class index; empty if y holds numbers.
    source : str
        Where the data come from.
    is_image : bool
        Whether the columns of X are pixels on one scale.
    """

    _called = "data"

    name: str
    X: Array
    y: np.ndarray[Any, Any]
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...]
    source: str
    is_image: bool = False

    def __len__(self) -> int:
        return len(self.X)

    def __iter__(self) -> Never:
        raise TypeError("a Dataset is not a sequence: write X, y = data.X, data.y")

    def document(self) -> "Document":
        """Return what it holds as a document: shapes, ranges, the samples of each class."""
        from pellucid.document import Document, Paragraph, escape
        from pellucid.document import Table as Rows

        rows = [("X", " × ".join(map(str, self.X.shape)), f"{self.X.min():.4g} … {self.X.max():.4g}")]
        rows.append(("y", " × ".join(map(str, self.y.shape)), f"{self.y.min():.4g} … {self.y.max():.4g}"))
        blocks: list[Block] = [Paragraph(escape(f"Source: {self.source}"))]
        blocks.append(Rows(("array", "shape", "range"), tuple(rows)))
        if self.class_names:
            counts = np.bincount(self.y, minlength=len(self.class_names)).tolist()
            per_class = [(escape(name), f"{count:,}") for name, count in zip(self.class_names, counts, strict=True)]
            more = [("…", f"{len(per_class) - _ROWS} more classes")] if len(per_class) > _ROWS else []
            blocks.append(Rows(("class", "samples"), (*per_class[:_ROWS], *more)))
        return Document(f"Data set {self.name}: {counted(len(self), 'sample')}", tuple(blocks))

    def __repr__(self) -> str:
        kind = f"{len(self.class_names)} classes" if self.class_names else counted(self.y.shape[1], "target")
        return (
            f"<Dataset {brief(self.name)}: {counted(len(self), 'sample')} of "
            f"{counted(self.X.shape[1], 'feature')}, {kind}>"
        )

    @hinted
    def split(self, fraction: float, seed: int = 0) -> tuple["Dataset", "Dataset"]:
        """Split at random into a larger part and one that holds the fraction, at least one sample each.

        Parameters
        ----------
        fraction : float in (0, 1)
            Of the samples that the second part gets.
        seed : int
        """
        as_number(fraction, "fraction", 0, 1, open_low=True)
        held_out = min(max(1, round(fraction * len(self))), len(self) - 1)
        order = np.random.default_rng(seed).permutation(len(self))
        return self._take(order[held_out:]), self._take(order[:held_out])

    def _take(self, index: np.ndarray[Any, Any]) -> "Dataset":
        return replace(self, X=self.X[index], y=self.y[index])

    def table(self) -> Table:
        """Return the same data as a table, as if read from a file; class indices become class names."""
        columns: dict[str, np.ndarray[Any, Any]] = dict(zip(self.feature_names, self.X.T, strict=True))
        if self.class_names:
            columns["class"] = np.array(self.class_names)[self.y]
            return Table(self.name, columns, ("class",), self.is_image)
        targets = tuple(f"y_{j}" for j in range(1, self.y.shape[1] + 1)) if self.y.shape[1] > 1 else ("y",)
        return Table(self.name, columns | dict(zip(targets, self.y.T, strict=True)), targets)


@hinted
def digits() -> Dataset:
    """Load 1,797 handwritten digits of 8 x 8 pixels, each a whole number from 0 (no ink) to 16.

    References
    ----------
    E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998,
    DOI 10.24432/C50P49, CC BY 4.0; the test part.
    """
    with resources.files(__package__).joinpath("digits.npz").open("rb") as file, np.load(file) as arrays:
        pixels, labels = arrays["pixels"], arrays["labels"]
    return Dataset(
        "digits",
        pixels.astype(np.float64),
        labels.astype(np.int64),
        tuple(f"pixel_{row}_{column}" for row in range(1, 9) for column in range(1, 9)),
        tuple("0123456789"),
        "UCI Optical Recognition of Handwritten Digits (E. Alpaydin, C. Kaynak, 1998), CC BY 4.0",
        is_image=True,
    )


@hinted
def xor() -> Dataset:
    """Return the four samples of exclusive or, which no network without a hidden layer fits."""
    X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    return Dataset("xor", X, np.array([0, 1, 1, 0]), ("x_1", "x_2"), ("0", "1"), "the truth table")


@hinted
def two_spirals(n: int = 400, noise: float = 0.1, seed: int = 0) -> Dataset:
    """Make two interleaved spirals of one and a half turns each.

    Parameters
    ----------
    n : int
        Samples, at least 2, half of each class.
    noise : float in [0, ∞)
        Standard deviation of both coordinates; the arms are about 2 apart.
    seed : int

    References
    ----------
    After Lang, Witbrock, Learning to tell two spirals apart, 1988.
    """
    rng, y = _two_classes(n, noise, seed)
    angle = 3 * np.pi * np.sqrt(rng.uniform(0.02, 1, n))
    arm = angle + np.pi * y
    X = (angle * 2 / np.pi * np.array([np.cos(arm), np.sin(arm)])).T + noise * rng.standard_normal((n, 2))
    return Dataset("two_spirals", X, y, ("x_1", "x_2"), ("A", "B"), "synthetic, pellucid.data.two_spirals")


@hinted
def two_moons(n: int = 400, noise: float = 0.1, seed: int = 0) -> Dataset:
    """Make two interleaved half circles of radius 1.

    Parameters
    ----------
    n : int
        Samples, at least 2, half of each class.
    noise : float in [0, ∞)
        Standard deviation of both coordinates.
    seed : int
    """
    rng, y = _two_classes(n, noise, seed)
    angle = rng.uniform(0, np.pi, n)
    upper = np.array([np.cos(angle), np.sin(angle)])
    lower = np.array([1 - np.cos(angle), 0.5 - np.sin(angle)])
    X = np.where(y == 0, upper, lower).T + noise * rng.standard_normal((n, 2))
    return Dataset("two_moons", X, y, ("x_1", "x_2"), ("A", "B"), "synthetic, pellucid.data.two_moons")


@hinted
def sine(n: int = 400, noise: float = 0.05, seed: int = 0) -> Dataset:
    """Make y = sin x + noise for x uniform in [-π, π], a regression.

    Parameters
    ----------
    n : int
        Samples, at least 2.
    noise : float in [0, ∞)
        Standard deviation of y.
    seed : int
    """
    rng, _ = _two_classes(n, noise, seed)
    X = rng.uniform(-np.pi, np.pi, (n, 1))
    y = np.sin(X) + noise * rng.standard_normal((n, 1))
    return Dataset("sine", X, y, ("x",), (), "synthetic, pellucid.data.sine")


def _two_classes(n: int, noise: float, seed: int) -> tuple["np.random.Generator", np.ndarray[Any, Any]]:
    as_count(n, "n", 2)
    as_number(noise, "noise", 0)
    return np.random.default_rng(seed), np.arange(n) % 2


DATASETS: Mapping[str, Callable[[], Dataset]] = {f.__name__: f for f in (digits, xor, two_spirals, two_moons, sine)}
"""The data sets, by the name that the command takes."""
