"""Seconds that a diagnosis takes: a 784-30-10 network on 100 samples, right, wrong in known ways, and in none.

Run: python benchmarks/diagnosis.py
"""

import time

import numpy as np

import pellucid as pl


def main() -> None:
    """Plant each fault, diagnose, print the verdict and the time."""
    rng = np.random.default_rng(0)
    net = pl.Network([784, 30, 10], seed=0)
    X, Y = rng.random((100, 784)), np.eye(10)[rng.integers(0, 10, 100)]
    run = net.backprop(X, Y)
    a, d, W, n = run.a, run.d, net.W, len(X)

    def formed(d2: np.ndarray, d3: np.ndarray, share: float) -> list[np.ndarray]:
        return [share * d2.T @ X, share * d2.sum(axis=0), share * d3.T @ a[2], share * d3.sum(axis=0)]

    slope = a[2] * (1 - a[2])
    raw = 2 / 10 * (a[3] - Y)
    at_a = 1 / (1 + np.exp(-a[2]))
    cases = {
        "right": formed(d[2], d[3], 1 / n),
        "one mistake (2)": formed(d[3] @ W[3], d[3], 1 / n),
        "two mistakes (1, 10)": formed(raw @ W[3] * slope, raw, 1),
        "two mistakes (4, 11)": formed(d[3] @ W[3] * at_a * (1 - at_a), d[3], 1 / n**2),
        "none known": [rng.normal(size=g.shape) for g in formed(d[2], d[3], 1)],
    }
    for name, g in cases.items():
        start = time.perf_counter()
        diagnosis = pl.diagnose(net, X, Y, "mse", g)
        seconds = time.perf_counter() - start
        print(f"{name:<22}{seconds:6.2f} s   {diagnosis.verdict} {', '.join(diagnosis.rows)}")


if __name__ == "__main__":
    main()
