"""Every example in the documentation and in docstrings runs and prints what it says."""

import doctest
import importlib
import pkgutil
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

import pellucid

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
MODULES = [
    "pellucid",
    *(m.name for m in pkgutil.walk_packages(pellucid.__path__, "pellucid.") if not m.name.endswith("__main__")),
]
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_of_a_page_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = re.sub(r"^```.*$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE)  # fences end an output
    test = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    results = doctest.DocTestRunner(optionflags=FLAGS).run(test)
    assert results.failed == 0


def rows_of_the_page_of_habits():
    """Each section with its right-hand cells, which share their names as lines of one program do."""
    text = (ROOT / "docs" / "coming-from.md").read_text(encoding="utf-8")
    for section in text.split("\n## ")[1:]:
        rows = re.findall(r"^\| (.+) \| `([^`]+)` \|$", section, re.MULTILINE)
        if rows:
            yield pytest.param(rows, section.count("\n| ") - 1, id=section.split("\n")[0])


@pytest.mark.parametrize(("rows", "count"), list(rows_of_the_page_of_habits()))
def test_what_to_write_in_place_of_a_habit_runs(rows, count, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    names = {"pl": pellucid, "np": np, "X": rng.normal(size=(12, 3)), "y": rng.uniform(size=(12, 2)),
             "labels": np.arange(12) % 2, "net": pellucid.Network([3, 4, 2], seed=0)}  # fmt: skip
    assert len(rows) == count > 5
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a few epochs are enough here
        for number, (_, code) in enumerate(rows):
            names["path"] = str(tmp_path / f"file {number}")
            exec(code, names)


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_a_module_run(name):
    module = importlib.import_module(name)
    assert doctest.testmod(module, optionflags=FLAGS).failed == 0


def test_there_are_examples():
    assert any(">>>" in page.read_text(encoding="utf-8") for page in PAGES)
    finder = doctest.DocTestFinder(exclude_empty=True)
    assert sum(len(t.examples) for name in MODULES for t in finder.find(importlib.import_module(name))) > 10
