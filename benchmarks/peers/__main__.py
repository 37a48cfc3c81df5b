"""Time training steps of pellucid against its peers: ``python benchmarks/peers``.

Every implementation runs in processes of its own, with one thread and with two, starts from the same parameters and
sees the same batches in the same order; that their loss curves agree is asserted before anything is timed. Prints the
tables; ``--write`` also writes results.md and results.svg beside this folder. Install the peers by
``pip install '.[bench]'``; what is not installed is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
from rich.console import Console
from rich.table import Table

from peers.implementations import IMPLEMENTATIONS
from peers.workloads import WORKLOADS, Workload, start

HERE = Path(__file__).parent.parent
MODULES = {
    "pellucid": "pellucid",
    "numpy": "numpy",
    "sklearn": "sklearn",
    "torch": "torch",
    "torch compiled": "torch",
    "jax": "jax",
}
REPEATS, EPOCHS = 3, 3


def environment(threads: int) -> dict[str, str]:
    """Return the environment of a process with so many threads for its arithmetic."""
    found = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        found[name] = str(threads)
    if threads == 1:
        found["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    return found


def in_process(threads: int, *arguments: str) -> Any:
    """Run this program with arguments in a process of its own and return what it printed last, as JSON."""
    command = [sys.executable, str(Path(__file__).parent), *arguments, "--threads", str(threads)]
    run = subprocess.run(command, env=environment(threads), capture_output=True, text=True, check=False)  # noqa: S603 (our own)
    if run.returncode:
        raise RuntimeError(f"{' '.join(arguments)}: {run.stderr[-2000:]}")
    return json.loads(run.stdout.splitlines()[-1])


def curve(peer: str, work: Workload, threads: int) -> list[float]:
    """Return the losses of five epochs of three steps."""
    return IMPLEMENTATIONS[peer](work, start(work, 3), threads)(5)


def microseconds_per_step(peer: str, work: Workload, threads: int) -> float:
    """Return the best of some trainings of some epochs; the epoch before them compiles what is to be compiled."""
    train = IMPLEMENTATIONS[peer](work, start(work, work.steps), threads)
    train(1)
    times = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        train(EPOCHS)
        times.append(time.perf_counter() - begin)
    return min(times) / (EPOCHS * work.steps) * 1e6


def assert_same_losses(peers: list[str], work: Workload) -> None:
    """Compare the loss curves with pellucid's; scikit-learn's Adam has its ε elsewhere and gets more room."""
    truth = np.array(in_process(1, "--curve", "pellucid", work.name))
    for peer in peers:
        found = in_process(1, "--curve", peer, work.name)
        if found is None:
            continue
        bound = 2e-3 if peer == "sklearn" else 2e3 * np.finfo(np.float32).eps
        worst = float(np.abs(np.array(found) / truth - 1).max())
        assert worst < bound, f"{peer} computes another loss on {work.name}: off by {worst:.1e}"


def first_epoch(peer: str) -> float:
    """Return the seconds from the start of a process to the end of its first epoch of `digits`."""
    times = []
    for _ in range(3):
        begin = time.perf_counter()
        in_process(1, "--first-epoch", peer, "digits")
        times.append(time.perf_counter() - begin)
    return min(times)


def single_calls() -> dict[str, float]:
    """Return microseconds of single calls, and of value and gradient of a 24-8-2 network on 200 samples in float64."""
    import pellucid as pl

    rng = np.random.default_rng(0)
    small, x, y = pl.Network([3, 4, 2], seed=0), rng.random(3), rng.random(2)
    larger = pl.Network([24, 8, 2], "tanh", "identity", seed=0)
    X, Y = rng.standard_normal((200, 24)), rng.standard_normal((200, 2))
    calls: dict[str, Callable[[], object]] = {
        "forward, 3-4-2": lambda: small.forward(x),
        "gradient, 3-4-2": lambda: small.gradient(x, y),
        "backprop, 3-4-2": lambda: small.backprop(x, y),
        "gradient, 24-8-2, 200 samples, float64": lambda: larger.gradient(X, Y),
    }
    found = {}
    for name, call in calls.items():
        times = []
        for _ in range(20):
            begin = time.perf_counter()
            for _ in range(500):
                call()
            times.append((time.perf_counter() - begin) / 500)
        found[name] = min(times) * 1e6
    return found


def many(threads: int) -> float:
    """Return the seconds that 16 networks of `tiny` take side by side."""
    import pellucid as pl

    work = WORKLOADS["tiny"]
    begin = start(work, 500)
    times = []
    for _ in range(3):
        nets = [pl.Network(work.sizes, work.activation, work.output, dtype="float32", seed=seed) for seed in range(16)]
        trainings = [
            pl.Training(net, begin.X, begin.Y, optimizer=pl.SGD(work.rate), batch_size=work.batch, epochs=50, seed=0)
            for net in nets
        ]
        first = time.perf_counter()
        pl.train_many(trainings, threads=threads, progress=False)
        times.append(time.perf_counter() - first)
    return min(times)


def peak(threads: int) -> dict[str, float]:
    """Return the arithmetic limit in operations per second, and seconds per tanh with its slope, both of one core."""
    from pellucid import _native, engine

    native: Any = _native
    best = engine.compiled().instruction_set
    x = np.linspace(-3, 3, 2048, dtype=np.float32)
    repeats = 4000
    seconds = min(native.time_activation(best, 2, x, repeats) for _ in range(5)) / repeats / len(x)
    return {"operations": max(native.peak32(best, threads) for _ in range(5)), "tanh": seconds}


def measure(peers: list[str], works: list[Workload], console: Console) -> dict[str, Any]:
    """Measure everything; what it returns is what the tables show."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    found: dict[str, Any] = {
        "cores": cores,
        "steps": {},
        "peak": {n: in_process(n, "--peak") for n in {1, min(2, cores)}},
    }
    for work in works:
        assert_same_losses([peer for peer in peers if peer != "pellucid"], work)
        row: dict[str, float] = {}
        for peer in peers:
            for threads in sorted({1, min(2, cores)}):
                if (time_of := in_process(threads, "--time", peer, work.name)) is not None:
                    row[f"{peer} {threads}"] = time_of
        found["steps"][work.name] = row
        console.print(f"[dim]{work.name}: " + ", ".join(f"{name} {value:.1f}" for name, value in row.items()))
    found["first"] = {peer: first_epoch(peer) for peer in peers if peer in ("pellucid", "torch", "jax")}
    found["single"] = in_process(1, "--single")
    found["many"] = {n: in_process(n, "--many") for n in sorted({1, min(2, cores)})}
    return found


def step_rows(found: dict[str, Any]) -> Iterator[list[str]]:
    """Yield the rows of the main table: microseconds per step, and the three ratios of the targets."""
    for name, row in found["steps"].items():
        work = WORKLOADS[name]
        ours = {key: value for key, value in row.items() if key.startswith("pellucid")}
        peers = {key: value for key, value in row.items() if not key.startswith("pellucid")}
        # Where two threads make no difference, one was all that worked.
        one, two = ours["pellucid 1"], ours.get("pellucid 2", np.inf)
        threads = 2 if two < 0.9 * one else 1
        best = f"pellucid {threads}"
        limit = work.operations / found["peak"][str(threads)]["operations"]
        # tanh is work of its own: what the kernel of σ and σ' takes alone, in the first cache, on as many cores.
        if work.activation == "tanh":
            limit += work.activations * found["peak"]["1"]["tanh"] / threads
        eager = [value for key, value in peers.items() if key.startswith("torch ") and "compiled" not in key]
        yield [
            name,
            *(f"{ours[key]:.1f}" if key in ours else "" for key in ("pellucid 1", "pellucid 2")),
            *(
                f"{min(values):.1f}"
                if (values := [v for k, v in peers.items() if k.rsplit(" ", 1)[0] == peer])
                else "–"
                for peer in ("numpy", "sklearn", "torch", "torch compiled", "jax")
            ),
            f"{min(peers.values()) / ours[best]:.1f}" if peers else "",
            f"{min(eager) / ours[best]:.1f}" if eager else "",
            f"{100 * limit / ours[best] * 1e6:.0f} %",
        ]


COLUMNS = [
    "workload",
    "pellucid, 1 thread",
    "2 threads",
    "NumPy",
    "scikit-learn",
    "PyTorch",
    "PyTorch compiled",
    "JAX",
    "× fastest peer",
    "× PyTorch eager",
    "of the limit",
]


def other_rows(found: dict[str, Any]) -> Iterator[list[str]]:
    """Yield the rows of the second table."""
    for peer, seconds in found["first"].items():
        yield [f"from process start to the end of the first epoch of digits, {peer}", f"{seconds:.2f} s"]
    for name, value in found["single"].items():
        yield [name, f"{value:.1f} µs"]
    one, *rest = found["many"].values()
    for seconds in rest:
        yield ["16 networks of tiny side by side, two cores against one", f"{one / seconds:.2f} times"]


def machine() -> list[str]:
    """Describe what was measured on."""
    cpu = platform.processor() or platform.machine()
    if (info := Path("/proc/cpuinfo")).exists():
        cpu = next(
            line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        )
    from pellucid.engine import compiled

    versions = [
        f"{name} {metadata.version(name)}"
        for name in ("pellucid", "numpy", "scikit-learn", "torch", "jax")
        if any(d.metadata["Name"].lower() == name for d in metadata.distributions())
    ]
    best = compiled().instruction_set
    return [
        f"{cpu}, {os.cpu_count()} cores, {platform.system()}; pellucid's instruction set: {best}.",
        f"Python {platform.python_version()}, " + ", ".join(versions) + f"; {time.strftime('%Y-%m-%d')}.",
    ]


def write(found: dict[str, Any]) -> None:
    """Write results.md, results.json, from which the others can be made again, and results.svg."""
    lines = ["# Benchmark", "", "Made by `python benchmarks/peers --write`.", "", *machine(), ""]
    lines += [
        "Microseconds per training step in float32, the best of three trainings of three epochs; peers at the better",
        "of one and two threads. The limit is the machine's rate of fused multiply-adds on the cores used, as measured",
        "by the same run, for the products of a step; where the activation is tanh, what its kernel takes alone is",
        "added.",
        "",
    ]

    def rule(columns: list[str]) -> list[str]:
        return ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]

    lines += rule(COLUMNS) + ["| " + " | ".join(row) + " |" for row in step_rows(found)]
    lines += ["", *rule(["also", ""]), *("| " + " | ".join(row) + " |" for row in other_rows(found)), ""]
    rates = [f"{rate['operations'] / 1e9:.0f} GFLOP/s with {n}" for n, rate in found["peak"].items()]
    lines += [
        f"Arithmetic limit measured, by threads: {', '.join(rates)}.",
        "",
        "PyTorch runs its fused optimizers on slices of one tensor; compiled, a step is one graph with the update in",
        "it. JAX runs a whole epoch as one compiled scan with donated parameters. scikit-learn runs `partial_fit`",
        "without shuffling; it has no sigmoid output with squared error (nielsen). NumPy is written by hand, in place.",
    ]
    (HERE / "results.md").write_text("\n".join(lines) + "\n")
    (HERE / "results.json").write_text(json.dumps(found, indent=1) + "\n")
    plot(found)


def plot(found: dict[str, Any]) -> None:
    """Draw the times by workload, on a logarithmic scale."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    names = list(found["steps"])
    peers = ["pellucid", "jax", "numpy", "torch", "torch compiled", "sklearn"]
    labels = {
        "jax": "JAX",
        "numpy": "NumPy",
        "torch": "PyTorch",
        "torch compiled": "PyTorch compiled",
        "sklearn": "scikit-learn",
    }
    figure, axes = plt.subplots(figsize=(9, 4))
    width = 0.8 / len(peers)
    for index, peer in enumerate(peers):
        heights = [
            min((v for k, v in found["steps"][name].items() if k.rsplit(" ", 1)[0] == peer), default=np.nan)
            for name in names
        ]
        axes.bar(np.arange(len(names)) + (index - 2.5) * width, heights, width, label=labels.get(peer, peer))
    axes.set_yscale("log")
    axes.set_xticks(range(len(names)), names)
    axes.set_ylabel("µs per training step")
    axes.legend(ncols=3, fontsize="small")
    axes.set_title("One training step, float32, the better of one and two threads", fontsize="medium")
    figure.tight_layout()
    figure.savefig(HERE / "results.svg", metadata={"Date": None})


def main() -> None:
    """Read the arguments; the options in capitals are this program's own, for its processes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(WORKLOADS), help="workloads, separated by commas")
    parser.add_argument("--peers", default=",".join(IMPLEMENTATIONS), help="implementations, separated by commas")
    parser.add_argument("--write", action="store_true", help="write results.md, results.json and results.svg")
    parser.add_argument("--threads", type=int, default=1, help=argparse.SUPPRESS)
    for name in ("curve", "time", "first-epoch"):
        parser.add_argument(f"--{name}", nargs=2, help=argparse.SUPPRESS)
    for name in ("single", "many", "peak"):
        parser.add_argument(f"--{name}", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    inner = given.curve or given.time or given.first_epoch
    try:
        if given.curve:
            print(json.dumps(curve(given.curve[0], WORKLOADS[given.curve[1]], given.threads)))
        elif given.time:
            print(json.dumps(microseconds_per_step(given.time[0], WORKLOADS[given.time[1]], given.threads)))
        elif given.first_epoch:
            work = WORKLOADS[given.first_epoch[1]]
            print(json.dumps(IMPLEMENTATIONS[given.first_epoch[0]](work, start(work, 45), given.threads)(1)[0]))
        elif given.single:
            print(json.dumps(single_calls()))
        elif given.many:
            print(json.dumps(many(given.threads)))
        elif given.peak:
            print(json.dumps(peak(given.threads)))
    except NotImplementedError:
        print("null")
    if inner or given.single or given.many or given.peak:
        return
    console = Console()
    peers = [peer for peer in given.peers.split(",") if find_spec(MODULES[peer])]
    found = json.loads(json.dumps(measure(peers, [WORKLOADS[name] for name in given.only.split(",")], console)))
    for columns, rows in ((COLUMNS, step_rows(found)), (["also", ""], other_rows(found))):
        table = Table(*columns)
        for row in rows:
            table.add_row(*row)
        console.print(table)
    if given.write:
        write(found)


if __name__ == "__main__":
    main()
