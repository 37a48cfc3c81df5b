"""When two arrays are the same, whatever their size and precision."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pellucid as pl
from pellucid.checking.tolerance import Tolerance, norm

exponents = st.integers(-290, 290)


@given(exponents, st.integers(0, 2**31), st.sampled_from([0.5, 0.9, 1.1, 2.0]))
def test_the_size_of_numbers_does_not_matter(exponent, seed, off):
    tolerance = Tolerance.of(0.0)
    u = np.random.default_rng(seed).normal(size=7)
    scaled = u * 10.0**exponent
    assert tolerance.same(scaled, scaled * (1 + 1e-9))
    assert not tolerance.same(scaled, scaled * off)
    assert not tolerance.same(scaled, u) or abs(exponent) == 0
    np.testing.assert_allclose(norm(scaled), float(np.linalg.norm(u)) * 10.0**exponent, rtol=1e-12)
    np.testing.assert_allclose(tolerance.parallel(u * off, u), off)
    assert tolerance.parallel(u, np.roll(u, 1)) is None


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_what_is_not_finite_is_never_the_same(bad):
    tolerance, u = Tolerance.of(0.0), np.ones(3)
    v = np.array([1.0, bad, 1.0])
    assert not tolerance.same(u, v)
    assert not tolerance.same(v, v)
    assert tolerance.parallel(v, u) is None


def test_a_coarse_precision_tells_only_where_rounding_lets_it():
    t = np.ones(4)
    half = Tolerance.of(float(np.finfo(np.float16).eps))
    assert half.tells(t, 0.01 * t)
    assert not half.tells(t, 0.5 * t)
    assert Tolerance.of(0.0).relative < Tolerance.of(1e-7).relative < half.relative


# as the diagnosis uses it

SIZES = [[3, 4, 2], [3, 4, 4, 2], [2, 2, 1], [784, 30, 10]]


def case(sizes):
    net = pl.Network(sizes, "tanh", seed=3, init="standard_normal")
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(6, sizes[0])), rng.random((6, sizes[-1]))
    return net, X, Y, net.gradient(X, Y).vector


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_numbers_out_of_all_proportion_are_wrong(sizes):
    net, X, Y, right = case(sizes)
    rng = np.random.default_rng(1)
    one = right.copy()
    one[1] = 1e200
    for wrong in (0 * right + 1e200, one, 1e150 * rng.normal(size=right.shape), -1e307 * np.sign(right)):
        diagnosis = pl.diagnose(net, X, Y, "mse", wrong)
        assert diagnosis.verdict == "wrong"
        assert not diagnosis.hypotheses
    scaled = pl.diagnose(net, X, Y, "mse", 1e-200 * right)
    assert (scaled.verdict, scaled.rows) == ("wrong", ("37",))


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_a_stub_is_told_without_a_search(sizes, monkeypatch):
    net, X, Y, right = case(sizes)
    monkeypatch.setattr("pellucid.checking.judgement.Search", None)
    tiny = 1e-200 * np.random.default_rng(1).normal(size=right.shape)
    for stub, words in (
        (0 * right, "all partials are 0"),
        (np.zeros(right.shape, int), "all partials are 0"),
        (tiny, "all partials are nearly 0"),
        (0 * right + 0.25, "all partials are 0.25"),
    ):
        diagnosis = pl.diagnose(net, X, Y, "mse", stub)
        assert diagnosis.verdict == "wrong"
        assert words in str(diagnosis)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_half_precision_hides_nothing(sizes):
    net, X, Y, right = case(sizes)
    g = net.gradient(X, Y)
    assert pl.diagnose(net, X, Y, "mse", right.astype(np.float16)).verdict == "right"
    assert not pl.diagnose(net, X, Y, "mse", (1.5 * right).astype(np.float16))
    # one array in half precision does not loosen the others
    halves = [c.astype(np.float16) for c in g.b]
    assert pl.diagnose(net, X, Y, "mse", (list(g.W), halves)).verdict == "right"
    off = [W.copy() for W in g.W]
    off[0] *= 1 + 1e-4
    assert pl.diagnose(net, X, Y, "mse", (off, halves)).verdict == "wrong"
