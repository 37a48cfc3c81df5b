"""The command for the table of mistakes."""

import json

import pytest

from pellucid.checking import MISTAKES
from pellucid.cli.main import main


def test_the_list_has_a_line_for_each(capsys):
    assert main(["mistakes"]) == 0
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.splitlines()[: len(MISTAKES)]] == list(MISTAKES)
    assert all(row.name in out for row in MISTAKES.values())


@pytest.mark.parametrize("number", ["2", "18b", "18B", "[39]"])
def test_the_page_of_one(capsys, number):
    assert main(["mistakes", number]) == 0
    out = " ".join(capsys.readouterr().out.split())
    row = MISTAKES[number.strip("[]").lower()]
    assert out.startswith(f"[{row.row}] {row.name}")
    assert row.why in out
    assert row.repair in out


def test_several_and_json(capsys):
    assert main(["mistakes", "2", "10"]) == 0
    out = capsys.readouterr().out
    assert MISTAKES["2"].name in out
    assert MISTAKES["10"].name in out
    assert main(["mistakes", "2", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["mistakes"]
    assert row["name"] == MISTAKES["2"].name
    assert main(["mistakes", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["mistakes"]) == len(MISTAKES)


def test_a_number_that_is_not_there(capsys):
    assert main(["mistakes", "99"]) == 2
    assert "there is no mistake '99'" in capsys.readouterr().err
