"""Seconds that worksheets take: a variant and its key as PDF by the command; a hundred files of answers graded.

Run: python benchmarks/worksheets.py
"""

import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from pellucid import worksheet as ws

FILES = 100


def answers(seed: int) -> dict[str, Any]:
    """Return a student's answers: of each three one right, one that a known mistake gives, one that is nothing."""
    rng = random.Random(seed)  # noqa: S311 (no secret)
    given: dict[str, Any] = {"variant": seed, "student": f"Student {seed}"}
    for exercise in ws.worksheet(seed).exercises:
        mine = given[str(exercise.number)] = {}
        for field in exercise.fields:
            choices: list[object] = [field.text, "17 q + 1"]
            if field.slips.shown:
                choices.append([list(row) for row in rng.choice(field.slips.shown).answer])
            mine[field.key] = rng.choice(choices)
    return given


def seconds(*arguments: str) -> float:
    """Run the command and return how long it took."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "pellucid", *arguments], check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    return time.perf_counter() - start


def main() -> None:
    """Time each, and print."""
    with tempfile.TemporaryDirectory() as work:
        making = seconds("worksheet", "--class", "1", "--variant", "5", "-o", f"{work}/class")
        print(f"a variant and its key as PDF, by the command  {making:6.2f} s")
        folder = Path(work, "answers")
        folder.mkdir()
        for seed in range(FILES):
            (folder / f"{seed}.json").write_text(json.dumps(answers(seed)), encoding="utf-8")
        grading = seconds("grade", str(folder), "-o", f"{work}/reports")
        print(f"{FILES} files of as many variants graded         {grading:12.2f} s")


if __name__ == "__main__":
    main()
