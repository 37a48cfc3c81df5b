"""Time ``import pellucid`` against ``import numpy``, each in processes of its own, by ``python -X importtime``.

Run with ``python benchmarks/import_time.py [REPEATS]``; prints both and their ratio, the minimum of the repeats.
"""

import os
import re
import subprocess
import sys


def import_time(statement: str, module: str) -> float:
    """Return the cumulative time of importing a module in a fresh process, in milliseconds."""
    command = [sys.executable, "-X", "importtime", "-c", statement]
    # An installed package has its bytecode; without it every start would compile the source.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)  # noqa: S603 (our own)
    report = run.stderr
    match = re.search(rf"\|\s+(\d+) \| {module}$", report, flags=re.MULTILINE)
    assert match is not None, report
    return int(match[1]) / 1000


def main() -> None:
    """Print the comparison."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    numpy = min(import_time("import numpy", "numpy") for _ in range(repeats))
    pellucid = min(import_time("import pellucid", "pellucid") for _ in range(repeats))
    print(f"import numpy {numpy:.1f} ms, import pellucid {pellucid:.1f} ms: {pellucid / numpy:.2f} times")


if __name__ == "__main__":
    main()
