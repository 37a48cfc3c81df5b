"""Time one training step (forward, backward, update) on small networks, and a full gradient check.

Run with ``python benchmarks/training_step.py [STEPS]``; prints the best of three runs. BLAS threads are what the
environment says: OPENBLAS_NUM_THREADS=1 is usually faster for networks of this size.
"""

import sys
import time
from collections.abc import Callable

import numpy as np

import pellucid as pl

# name, sizes, activation, output, loss, batch, optimizer
WORKLOADS: list[tuple[str, list[int], str, str, str, int, object]] = [
    ("tiny", [4, 32, 32, 1], "tanh", "identity", "mse", 32, pl.SGD(0.01)),
    ("nielsen", [784, 30, 10], "sigmoid", "sigmoid", "mse", 10, pl.SGD(0.1)),
    ("digits", [64, 64, 10], "relu", "softmax", "cross_entropy", 32, pl.Adam()),
    ("mnist", [784, 128, 10], "relu", "softmax", "cross_entropy", 32, pl.Adam()),
]


def best_of_three(action: Callable[[], object]) -> float:
    """Return the shortest of three durations, in seconds."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    """Print the table."""
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    rng = np.random.default_rng(0)
    print(f"pellucid {pl.__version__}, NumPy {np.__version__}, float32, microseconds per step")
    for name, sizes, activation, output, loss, batch, optimizer in WORKLOADS:
        X = rng.random((steps * batch, sizes[0]), dtype=np.float32)
        Y = rng.integers(0, sizes[-1], len(X)) if loss == "cross_entropy" else rng.random((len(X), sizes[-1]))
        net = pl.Network(sizes, activation, output, dtype="float32", seed=0)
        assert net.check_gradient(X[:4], Y[:4], loss, at_most=20), name

        def epoch() -> None:
            net.train(X, Y, loss, optimizer=optimizer, batch_size=batch, epochs=1, seed=0)  # noqa: B023 (called at once)

        print(f"{name:8} {'-'.join(map(str, sizes)):14} batch {batch:3}  {best_of_three(epoch) / steps * 1e6:8.1f}")
    net = pl.Network([784, 30, 10], seed=0)
    images, targets = rng.random((10, 784)), rng.random((10, 10))
    seconds = best_of_three(lambda: net.check_gradient(images, targets))
    print(f"gradient check, 784-30-10, all {net.parameters.size:,} partials on 10 samples: {seconds:.2f} s")


if __name__ == "__main__":
    main()
