"""Time and memory of training by the number of samples: ``python benchmarks/scaling.py``.

A 64-64-10 network in batches of 32 by Adam, float32, one epoch at a time. Each size runs in a process of its own; what
training takes beyond the arrays is the growth of the process's largest resident size.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from typing import Any

import numpy as np

SIZES = (10_000, 100_000, 1_000_000)


def measure(n: int, *, shuffle: bool) -> tuple[float, float]:
    """Return nanoseconds per sample, the best of three epochs, and bytes per sample beyond the arrays."""
    import pellucid as pl

    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, 64), np.float32)
    Y = np.zeros((n, 10), np.float32)
    Y[np.arange(n), rng.integers(10, size=n)] = 1
    net = pl.Network([64, 64, 10], "relu", "softmax", dtype="float32", seed=0)
    how: dict[str, Any] = {
        "loss": "cross_entropy",
        "optimizer": "adam",
        "batch_size": 32,
        "epochs": 1,
        "progress": False,
    }
    net.train(X[:1000], Y[:1000], shuffle=shuffle, **how)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times = []
    for _ in range(3):
        begin = time.perf_counter()
        net.train(X, Y, shuffle=shuffle, **how)
        times.append(time.perf_counter() - begin)
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return min(times) / n * 1e9, kilobytes * 1024 / n


def main() -> None:
    """Print the table, or with arguments measure one size."""
    if len(sys.argv) > 1:
        print(json.dumps(measure(int(sys.argv[1]), shuffle=sys.argv[2] == "shuffled")))
        return
    for order in ("in order", "shuffled"):
        for n in SIZES:
            run = subprocess.run([sys.executable, __file__, str(n), order], capture_output=True, text=True, check=True)  # noqa: S603
            nanoseconds, more = json.loads(run.stdout)
            print(f"{n:>9,} samples {order}: {nanoseconds:5.0f} ns and {more:5.1f} bytes beyond the arrays for each")


if __name__ == "__main__":
    main()
