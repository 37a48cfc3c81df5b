"""The commands for learning and teaching: what they print, write, and refuse."""

import json

import pytest

import pellucid as pl
from pellucid.cli import main

CHAIN = "f = 4*f1^2; f1 = f2 - 2; f2 = 5*x^3 - x + 1"


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        status = main(list(arguments))
        out, err = capsys.readouterr()
        return status, out, err

    return call


def test_chain(run, tmp_path):
    status, out, _ = run("chain", CHAIN, "--wrt", "x", "--at", "x=2")
    assert status == 0
    assert "8 (15x^2 - 1) (5x^3 - x - 1)" in out
    assert "17464" in out
    assert json.loads(run("chain", CHAIN, "--wrt", "x", "--json")[1])["result"] == "8 (15x^2 - 1) (5x^3 - x - 1)"
    both = json.loads(run("chain", "f = x y", "--wrt", "x,y", "--at", "x=1,y=-2.5", "--json")[1])["derivatives"]
    assert [one["check"]["value"] for one in both] == [-2.5, 1]
    assert run("chain", CHAIN, "--wrt", "x", "--format", "svg")[1].startswith("<svg")
    assert r"\frac" in run("chain", CHAIN, "--wrt", "x", "--format", "latex")[1]
    for name in ("a.html", "a.pdf", "a.md", "a.tex", "a.txt", "a.json", "a.svg"):
        assert run("chain", CHAIN, "--wrt", "x", "-o", name)[0] == 0
        assert (tmp_path / name).stat().st_size > 200


def test_equations_and_drawings(run, tmp_path):
    status, out, _ = run("equations", "3-4-2", "--output-activation", "softmax", "--loss", "cross_entropy")
    assert status == 0
    assert "d_j^3 = a_j - y_j" in out
    assert run("equations", "2-3-1", "-o", "e.pdf")[0] == 0
    assert run("draw", "3-4-2", "--show", "a,w", "-o", "n.svg")[0] == 0
    assert "<svg" in (tmp_path / "n.svg").read_text(encoding="utf-8")
    assert run("draw", "3-4-2")[1].startswith("<svg")
    assert run("equations", "3-4-2", "--bias") == run("equations", "3-4-2")
    without = run("equations", "3-4-2", "--no-bias")
    assert without[0] == 0
    assert "z_1^3 = w_11^3 a_1^2 + w_12^3 a_2^2 + w_13^3 a_3^2 + w_14^3 a_4^2\n" in without[1]
    assert run("draw", "3-4-2", "--show", "a,b", "--no-bias")[1] == run("draw", "3-4-2")[1]
    pl.Network([3, 4, 2], bias=False, seed=0).save(tmp_path / "net")
    assert run("equations", "net")[1] == without[1]
    for command in ("equations", "draw"):
        status, _, err = run(command, "net", "--no-bias")
        assert status == 2
        assert "--no-bias is for a new network given by its sizes" in err


def test_worksheets(run, tmp_path):
    assert "8 (15 x^2 - 1) (5 x^3 - x - 1)" in run("worksheet")[1]
    assert "Name:" in run("worksheet", "--blank", "--variant", "4")[1]
    assert "variant 4, key" in run("worksheet", "--key", "--variant", "4")[1]
    assert run("worksheet", "--variant", "4", "--format", "markdown")[1].startswith("# Backpropagation")
    assert run("worksheet", "--variant", "4", "--blank", "-o", "b.pdf")[0] == 0
    assert run("worksheet", "--variant", "4", "--answers", "-o", "a.toml")[0] == 0
    filled = (tmp_path / "a.toml").read_text(encoding="utf-8").replace('"grad L_T" = ""', '"grad L_T" = "(1, 2, 3)"')
    (tmp_path / "a.toml").write_text(filled, encoding="utf-8")
    status, out, _ = run("grade", "a.toml", "--variant", "4")
    assert status == 0
    assert "(1, 2, 3)" in out
    assert json.loads(run("grade", "a.toml", "--json")[1])["variant"] == 4
    assert run("grade", "a.toml", "-o", "r.html", "--solutions")[0] == 0


def test_a_class_and_its_grades(run, tmp_path):
    (tmp_path / "names.txt").write_text("Ada\nBo\n", encoding="utf-8")
    assert run("worksheet", "--students", "names.txt", "--variant", "7", "--format", "html", "-o", "class")[0] == 0
    assert len(list((tmp_path / "class" / "sheets").iterdir())) == 2
    assert run("grade", "class/answers")[1].startswith("file,student,variant")
    status, out, _ = run("grade", "class/answers", "-o", "reports")
    assert status == 0
    assert "Ada: 0 of" in out
    assert {path.name for path in (tmp_path / "reports").iterdir()} == {"1-ada.html", "2-bo.html", "grades.csv"}
    assert run("worksheet", "--class", "2", "--format", "txt", "-o", "other")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["chain", "f = foo(x)", "--wrt", "x"], "unknown function"),
        (["chain", "f = x", "--wrt", "y"], "none of the definitions"),
        (["chain", "f = x", "--wrt", "x", "--at", "x"], "--at takes numbers"),
        (["chain", "f = x", "--wrt", "x", "--format", "doc"], "unknown format"),
        (["chain", "f = x", "--wrt", "x", "--format", "pdf"], "PDF is written to a file"),
        (["equations", "3-4-2", "--loss", "foo"], "unknown loss"),
        (["equations", "none.safetensors"], "none.safetensors"),
        (["draw", "3-4-2", "--show", "q"], "unknown symbol"),
        (["worksheet", "--variant", "x"], "whole number"),
        (["worksheet", "--variant", "-1"], "variant"),
        (["worksheet", "--blank", "--key"], "ask for one"),
        (["worksheet", "--class", "3"], "-o"),
        (["worksheet", "-o", "a.doc"], "saved as .txt"),
        (["worksheet", "-o", "none/a.pdf"], "none"),
        (["grade", "none.toml"], "none.toml"),
    ],
)
def test_what_the_user_can_mend(run, arguments, reason, tmp_path):
    status, out, err = run(*arguments)
    assert status == 2
    assert out == ""
    assert err.count("\n") == 1
    assert reason in err
    assert not list(tmp_path.iterdir())
