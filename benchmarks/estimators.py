"""Fit the estimators and scikit-learn's at equal settings: seconds and accuracy over several seeds.

Run: python benchmarks/estimators.py [FOLDER] [--seeds 10] [--write]. FOLDER holds the four IDX files of MNIST or
Fashion-MNIST (Debian has the latter in dataset-fashion-mnist); without it the digits alone are fitted. ``--write``
writes estimators.md beside this file. Every fit goes through all epochs, in float32; scikit-learn's is the better of
one and of two BLAS threads.
"""

import argparse
import platform
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import sklearn.datasets
import sklearn.neural_network
from rich.console import Console
from rich.table import Table
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

import pellucid as pl
from pellucid.estimators import MLPClassifier


@dataclass(frozen=True)
class Data:
    """Samples to fit and to score on by the seed, with the size of the hidden layer and the epochs."""

    name: str
    split: Callable[[int], tuple[tuple[Any, Any], tuple[Any, Any]]]
    hidden: int
    epochs: int


def digits() -> Data:
    """Return the 1,797 digits that come with scikit-learn; each seed sets another fifth aside to score on."""
    X, y = sklearn.datasets.load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32)

    def split(seed: int) -> Any:
        order = np.random.default_rng(seed).permutation(len(X))
        return (X[order[:1438]], y[order[:1438]]), (X[order[1438:]], y[order[1438:]])

    return Data("digits 64-64-10", split, 64, 50)


def images(folder: Path) -> Data:
    """Return 60,000 images of 28 x 28 to fit and 10,000 to score on."""
    parts = []
    for start in ("train", "t10k"):
        table = pl.data.read(next(folder.glob(f"{start}-images-idx3-ubyte*")))
        X = np.stack([table.columns[name] for name in table.features], axis=1).astype(np.float32) / 255
        parts.append((X, np.asarray(table.columns[table.targets[0]]).astype(int)))
    return Data(f"{folder.name} 784-128-10", lambda _: (parts[0], parts[1]), 128, 4)


def fit(kind: Callable[..., Any], data: Data, seed: int) -> tuple[float, float]:
    """Return the seconds of one fit, and the accuracy."""
    train, test = data.split(seed)
    model = kind(
        (data.hidden,), batch_size=32, max_iter=data.epochs, n_iter_no_change=np.inf, random_state=seed
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        start = time.perf_counter()
        model.fit(*train)
        seconds = time.perf_counter() - start
    return seconds, model.score(*test)


def compare(data: Data, seeds: int) -> tuple[str, ...]:
    """Fit all seeds, in turns, and return a row of the table."""
    mine, their = [], []
    for seed in range(seeds):
        mine.append(fit(MLPClassifier, data, seed))
        both = []
        for threads in (2, 1):  # BLAS's second thread goes on spinning for a while: not into the next fit of ours
            with threadpool_limits(threads):
                both.append(fit(sklearn.neural_network.MLPClassifier, data, seed))
        their.append(min(both))
    (s, a), (t, b) = np.transpose(mine), np.transpose(their)
    return (
        data.name, str(data.epochs), f"{np.median(s):.3f}", f"{np.median(t):.3f}", f"{np.median(t / s):.1f}",
        f"{a.mean():.4f}", f"{b.mean():.4f}", f"{(a - b).mean():+.4f} ± {(a - b).std(ddof=1) / np.sqrt(seeds):.4f}",
    )  # fmt: skip


HEAD = ("network", "epochs", "seconds", "scikit-learn's", "times as fast", "accuracy", "scikit-learn's", "difference")


def main() -> None:
    """Fit, print the table, and write it if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    known = (digits(), *([images(arguments.folder)] if arguments.folder else []))
    rows = [compare(data, arguments.seeds) for data in known]
    table = Table(*HEAD)
    for row in rows:
        table.add_row(*row)
    Console().print(table)
    if arguments.write:
        lines = [f"| {' | '.join(row)} |" for row in (HEAD, ["---"] * len(HEAD), *rows)]
        versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("pellucid", "numpy", "scikit-learn"))
        page = f"""\
# The estimators against scikit-learn's

Made by `python benchmarks/estimators.py FOLDER --write`.

{platform.machine()}, {platform.system()}, Python {platform.python_version()}, {versions}; {time.strftime("%Y-%m-%d")}.

Medians over {arguments.seeds} seeds of the seconds of one `fit`, in float32 with batches of 32 and Adam, all epochs
gone through; the ratio is the median of the seeds' own. Accuracy on samples that were not fitted, a mean; the mean
difference of the two with its standard error. scikit-learn's time is the better of one and of two BLAS threads.

{chr(10).join(lines)}
"""
        Path(__file__).with_name("estimators.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
