"""Worksheets: the course's answers, every variant's key verified by other means, and nothing that a mistake gives.

PELLUCID_VARIANTS=1000 verifies as many variants; a thousand take about ten minutes.
"""

import json
import os
import re
from functools import cache

import numpy as np
import pytest
import sympy as sp

import pellucid as pl
from pellucid import worksheet as ws
from pellucid.checking import keeps_apart
from pellucid.symbolic import equivalent, parse
from pellucid.symbolic.evaluation import evaluate
from pellucid.worksheet.by_hand import RunField
from pellucid.worksheet.judging import all_shown
from pellucid.worksheet.variants import answer_length

SEEDS = [None, *range(int(os.environ.get("PELLUCID_VARIANTS", "25")))]


@pytest.fixture(scope="module", params=SEEDS)
def sheet(request):
    return ws.worksheet(request.param)


def exercise(sheet, number):
    return next(one for one in sheet.exercises if one.number == number)


def test_the_courses_answers():
    sheet = ws.worksheet()
    assert [one.number for one in sheet.exercises] == list(range(1, 13))
    assert equivalent(exercise(sheet, 1).fields[0].text, "8(5x³ - x - 1)(15x² - 1)") == "equal"
    du, dv = exercise(sheet, 2).fields
    assert equivalent(du.text, "6x² cos u + v e^{uv}", names=("u", "v")) == "equal"
    assert equivalent(dv.text, "-6x² sin v + u e^{uv}", names=("u", "v")) == "equal"
    assert [field.text for field in exercise(sheet, 3).fields] == [
        "(a_1^1, a_2^1, a_3^1)",
        "(a_1^2, a_2^2, a_3^2, a_4^2)",
        "(a_1^3, a_2^3)",
    ]
    assert exercise(sheet, 7).fields[0].text == "(0, 2, 5, 18)"
    assert equivalent(exercise(sheet, 9).fields[0].text, "e^(-z)/(1+e^(-z))^2") == "equal"
    assert equivalent(exercise(sheet, 10).fields[0].text, "1 if z > 0; 0 if z < 0") == "equal"
    assert equivalent(exercise(sheet, 11).fields[0].text, "2/m (a_j - y_j)") == "equal"


def test_compositions_and_graphs_against_difference_quotients(sheet):
    for number, variables in ((1, ("x",)), (2, ("u", "v"))):
        one = exercise(sheet, number)
        definitions = {name: parse(formula, names=variables) for name, formula in one.parameters["definitions"].items()}
        top = next(iter(definitions))
        for variable, field in zip(variables, one.fields, strict=True):
            answer = parse(field.text, names=(*definitions, *variables))
            whole = sp.Symbol(top)
            for _ in definitions:
                whole, answer = (e.xreplace({sp.Symbol(n): d for n, d in definitions.items()}) for e in (whole, answer))
            at = {sp.Symbol(name): sp.Rational(7 + 4 * i, 11) for i, name in enumerate(variables)}
            h, x = sp.Rational(1, 10**12), sp.Symbol(variable)
            up, down = (evaluate(whole, {**at, x: at[x] + side * h}, 60) for side in (1, -1))
            quotient, value = (up - down) / (2 * h), evaluate(answer, at, 60)
            assert abs(quotient - value) <= 1e-9 * max(abs(value), 1)


def test_labels_and_matrices_are_the_networks(sheet):
    net = pl.Network(exercise(sheet, 4).parameters["sizes"], seed=0)
    labels = [one for field in exercise(sheet, 3).fields for row in field.expected for one in row]
    assert labels == [str(label) for label in net.labels("a")]
    for field in exercise(sheet, 4).fields:
        array = (net.W if field.key[0] == "W" else net.b)[int(field.key[-1])]
        found = np.array([[net[one] for one in row] for row in field.expected])
        assert (found.reshape(array.shape) == array).all()
        assert field.kind == ("matrix" if array.ndim == 2 else "vector")


def test_components_give_the_networks_numbers(sheet):
    net = pl.Network(exercise(sheet, 5).parameters["sizes"], seed=0, init="standard_normal")
    run = net.backprop(np.linspace(-1, 1, net.size(1)), np.zeros(net.size(3)))
    for field in exercise(sheet, 5).fields:
        e = parse(field.text, labels=net)
        numbers = {s: float(net[s.name] if s.name[0] in "wb" else run[s.name]) for s in e.free_symbols}
        assert float(evaluate(e, numbers)) == pytest.approx(run[field.key], rel=1e-13)


def test_derivatives_of_z(sheet):
    net = pl.Network(exercise(sheet, 6).parameters["sizes"], seed=0)
    components = {field.key: parse(field.text, labels=net) for field in exercise(sheet, 5).fields}
    for field in exercise(sheet, 6).fields[2:]:
        top, bottom = re.fullmatch(r"d(z\S+)/d(\S+)", field.key).groups()
        assert sp.diff(components[top], sp.Symbol(bottom)) == parse(field.text, labels=net)
    assert {field.text for field in exercise(sheet, 6).fields[2:]} >= {"0", "1"}


def test_vectors(sheet):
    seven, eight = exercise(sheet, 7), exercise(sheet, 8)
    product = np.array(seven.parameters["u"]) * seven.parameters["v"]
    assert [int(row[0]) for row in seven.fields[0].expected] == product.tolist()
    mean = np.mean(eight.parameters["gradients"], axis=0)
    assert [float(sp.Rational(row[0])) for row in eight.fields[0].expected] == mean.tolist()


def test_slopes_against_difference_quotients(sheet):
    z = sp.Symbol("z")
    for number in (9, 10):
        one = exercise(sheet, number)
        sigma, slope = parse(one.parameters["formula"]), parse(one.fields[0].text)
        for at in (-7.3, -1.1, 0.4, 2.7, 6.1):
            h = sp.Rational(1, 10**12)
            up, down = (evaluate(sigma, {z: sp.Rational(str(at)) + side * h}, 60) for side in (1, -1))
            assert abs((up - down) / (2 * h) - evaluate(slope, {z: sp.Rational(str(at))}, 60)) < 1e-9
    kinked = exercise(sheet, 10).fields[0]
    for point, _ in kinked.kinks:
        with pytest.raises(ValueError, match="no piece"):
            evaluate(parse(kinked.text), {z: sp.Rational(point)})


LOSSES = {
    "mse": lambda a, y: ((a - y) ** 2).mean(),
    "turned": lambda a, y: ((y - a) ** 2).mean(),
    "half": lambda a, y: ((a - y) ** 2).sum() / 2,
    "half_mean": lambda a, y: ((a - y) ** 2).mean() / 2,
    "cubed": lambda a, y: ((a - y) ** 4).mean(),
}


def test_the_gradient_of_the_error(sheet):
    one = exercise(sheet, 11)
    a, y = (np.array(one.parameters[name], float) for name in "ay")
    loss = LOSSES[one.parameters["loss"]]
    for j, row in enumerate(one.fields[1].expected):
        step = np.eye(len(a))[j] * 1e-4
        quotient = (loss(a + step, y) - loss(a - step, y)) / 2e-4
        assert float(sp.Rational(row[0])) == pytest.approx(quotient, rel=1e-6, abs=1e-6)


def test_the_five_steps(sheet):
    one = exercise(sheet, 12)
    fields = one.fields
    assert all(isinstance(field, RunField) for field in fields)
    run = fields[0].run
    net = pl.Network(run.layers.sizes, "sigmoid", init=run.layers.parameters)
    assert net.check_gradient(one.parameters["x"], one.parameters["y"])
    asked = {field.key for field in fields}
    for symbol in "zad":
        assert {str(label) for label in net.labels(symbol) if label.layer > 1} <= asked
    assert {f"dL/d{label}" for symbol in "wb" for label in net.labels(symbol)} <= asked
    for field in fields:
        assert float(field.text) == pytest.approx(run.explain(field.label).value, rel=0.006)
    assert keeps_apart(run, digits=3)


def test_the_key_has_all_points_and_no_mistake_gives_a_right_answer(sheet):
    graded = ws.grade(ws.as_answers(json.loads(json.dumps(ws.key_answers(sheet)))), sheet.seed)
    assert graded.points == graded.of, [
        (number, one.field.key, one.given, one.remark, one.mistake)
        for number, several in graded.judgements.items()
        for one in several
        if one.points < 1
    ]
    assert all_shown(field for _, field in sheet.fields())


def test_no_answer_is_much_longer_than_the_originals(sheet):
    for mine, original in zip(sheet.exercises, ws.worksheet().exercises, strict=True):
        assert answer_length(mine) <= 4 / 3 * answer_length(original)


def test_variants_differ_and_stay_the_same():
    sheets = [ws.worksheet(seed) for seed in range(6)]
    assert ws.worksheet(3).exercises[0].parameters == sheets[3].exercises[0].parameters
    assert len({str([one.parameters for one in sheet.exercises]) for sheet in sheets}) == 6
    assert len({one.exercises[3].parameters["sizes"] for one in sheets}) > 1
    for wrong in (-1, 1.5, "x"):
        with pytest.raises((ValueError, TypeError)):
            ws.worksheet(wrong)


def pages(pdf):
    return int(re.search(rb"/Type\s*/Pages\s*/Count (\d+)", pdf)[1])


def test_sheets_fit_the_pages_of_the_original(sheet):
    assert pages(ws.blank(sheet).pdf()) == pages(original_blank())
    assert len(ws.solved(sheet).text) <= 4 / 3 * len(ws.solved(ws.worksheet()).text)


@cache
def original_blank():
    return ws.blank(ws.worksheet()).pdf()


def test_the_same_sheet_has_the_same_bytes():
    assert ws.blank(ws.worksheet(1)).pdf() == ws.blank(ws.worksheet(1)).pdf()


def test_forms():
    sheet = ws.worksheet(2)
    for make in (ws.solved, ws.blank, ws.key):
        document = make(sheet)
        for form in (document.text, document.markdown, document.latex, document.html):
            assert "The Hadamard product" in form
    assert "8 (15 x^2 - 1) (5 x^3 - x - 1)" in ws.key(ws.worksheet()).text
    answer = exercise(sheet, 1).fields[0].expected_latex
    assert answer not in ws.blank(sheet).latex
    assert "Ada" in ws.blank(sheet, "Ada").html


def test_a_class(tmp_path):
    handouts = ws.write_class(tmp_path / "class", 3, first=11, students=["Ada L.", "Bo", "Čy"], ending="html")
    assert [one.variant for one in handouts] == [11, 12, 13]
    manifest = json.loads((tmp_path / "class" / "manifest.json").read_text(encoding="utf-8"))
    for listed, one in zip(manifest["students"], handouts, strict=True):
        assert listed["student"] == one.student
        assert one.student in (tmp_path / "class" / one.sheet).read_text(encoding="utf-8")
        assert (tmp_path / "class" / one.key).exists()
        read = ws.read_answers(tmp_path / "class" / one.answers)
        assert (read.variant, read.student) == (one.variant, one.student)
    with pytest.raises(ValueError, match="2 names for 3"):
        ws.write_class(tmp_path / "other", 3, students=["a", "b"])
    with pytest.raises(ValueError, match="unknown format"):
        ws.write_class(tmp_path / "other", 3, ending="doc")
    assert not (tmp_path / "other").exists()
