"""Numbers by hand: right, rounded too early, following from an earlier slip, or like a mistake."""

import json

import numpy as np
import pytest

import pellucid as pl
from pellucid.checking import keeps_apart


@pytest.fixture
def run():
    net = pl.Network([3, 4, 2], seed=0, init="standard_normal")
    return net.backprop([0.5, -1, 2], [1, 0])


def rounded(value, digits):
    return float(f"{value:.{digits}g}")


@pytest.mark.parametrize("digits", [1, 2, 3, 5, 9])
def test_every_right_number_is_right(run, digits):
    for symbol in "zadwb":
        for label in run.layers.labels(symbol):
            exact = run.explain(label).value
            diagnosis = pl.diagnose_value(run, label, value=rounded(exact, digits), digits=digits)
            assert diagnosis.verdict == "right", str(diagnosis)
            assert diagnosis
    assert pl.diagnose_value(run, "L", value=rounded(run.loss, digits), digits=digits)


def test_a_batch_and_its_samples():
    net = pl.Network([3, 4, 2], seed=0)
    rng = np.random.default_rng(0)
    run = net.backprop(rng.normal(size=(5, 3)), rng.random((5, 2)), sample_weight=[1, 2, 3, 1, 1], l2=0.1)
    for label in run.layers.labels("w"):
        assert pl.diagnose_value(run, label, value=rounded(run.gradient.W[label.layer][label.index], 4), digits=4)
    assert pl.diagnose_value(run, "d_1^2", value=rounded(run.d[2][3, 0], 4), digits=4, sample=4)
    summed = pl.diagnose_value(run, "b_1^3", value=rounded(5 * run.gradient.b[3][0], 4), digits=4)
    assert "10" in {row for one in summed.hypotheses for row in one.rows}
    missing = run.gradient.W[2][0, 0] - 0.1 * run.layers.W[2][0, 0]
    assert "23" in {
        row for one in pl.diagnose_value(run, "w_11^2", value=missing, digits=6).hypotheses for row in one.rows
    }


def test_mistakes_by_their_numbers(run):
    a, z, d, W, b, y = run.a, run.z, run.d, run.layers.W, run.layers.b, run.y
    slope = a[2] * (1 - a[2])
    cases = {
        ("z_1^2", (z[2] - b[2])[0]): "32",
        ("z_1^2", a[2][0]): "25",
        ("a_1^3", 1 / (1 + np.exp(-a[3][0]))): "26",
        ("a_1^3", z[3][0]): "33",
        ("d_1^3", (a[3] - y)[0]): "1",
        ("d_2^2", (W[3].T @ d[3])[1]): "2",
        ("d_2^2", slope[1]): "6",
        ("d_2^2", (W[3][1] * d[3][1] * slope)[1]): "19",
        ("d_2^2", (W[3].T @ (a[3] - y) * slope)[1]): "3",
        ("w_12^3", d[3][0] * z[2][1]): "8",
        ("w_12^3", d[3][0] * W[3][0, 1]): "8",
        ("w_12^3", -d[3][0] * a[2][1]): "22",
        ("w_12^3", 2 * d[3][0] * a[2][1]): "12",
        ("b_1^2", b[2][0]): "16",
    }
    for (label, value), row in cases.items():
        diagnosis = pl.diagnose_value(run, label, value=rounded(value, 6), digits=6)
        assert diagnosis.verdict == "wrong"
        assert row in {r for one in diagnosis.hypotheses for r in one.rows}, (label, row, str(diagnosis))
        assert not diagnosis
        assert "WRONG" in str(diagnosis)
        json.dumps(diagnosis.to_dict(), allow_nan=False)


def test_rounded_too_early_is_said_only_when_it_is_shown(run):
    d3 = np.round(run.d[3], 2)
    slope = np.round(run.a[2] * (1 - run.a[2]), 2)
    value = rounded((run.layers.W[3].T @ d3 * slope)[1], 3)
    diagnosis = pl.diagnose_value(run, "d_2^2", value=value, digits=3)
    assert diagnosis.verdict == "rounded_early", str(diagnosis)
    assert diagnosis
    near = rounded(run.d[2][1] * 1.0371, 5)
    assert pl.diagnose_value(run, "d_2^2", value=near, digits=5).verdict == "wrong"


def test_a_number_follows_from_an_earlier_slip(run):
    wrong = 2 * run.d[3][0]
    value = (run.layers.W[3].T @ np.array([wrong, run.d[3][1]]) * run.a[2] * (1 - run.a[2]))[2]
    diagnosis = pl.diagnose_value(run, "d_3^2", value=rounded(value, 5), digits=5, given={"d_1^3": wrong})
    assert diagnosis.verdict == "follows"
    assert "d_1^3" in diagnosis.headline
    exact = pl.diagnose_value(run, "d_3^2", value=rounded(value, 5), digits=5, given={"d_1^3": run.d[3][0]})
    assert exact.verdict == "wrong"


def test_whether_numbers_keep_mistakes_apart(run):
    assert not keeps_apart(run).hidden
    zeros = pl.Network([3, 4, 2], init="zeros").backprop([0.0, 0, 0], [0.5, 0.5])
    poor = keeps_apart(zeros)
    assert not poor
    assert poor.hidden
    only_one = keeps_apart(run, ["a_1^3"], rows=["32", "26"])
    assert {row for one in only_one.hidden for row in one.rows} <= {"26", "32"}
    assert "does not show" in str(poor)


def test_bad_questions(run):
    with pytest.raises(pl.UnknownLabelError):
        pl.diagnose_value(run, "d", layer=7, j=1, value=1.0)
    with pytest.raises(TypeError):
        pl.diagnose_value(run, "d_1^2", value="0.1")
    with pytest.raises(ValueError, match="value"):
        pl.diagnose_value(run, "d_1^2", value=float("nan"))
