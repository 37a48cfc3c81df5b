"""Compiled formulas against the same formulas with many digits, in every range and dtype."""

import pickle
import warnings

import mpmath
import numpy as np
import pytest

from pellucid.symbolic.differentiation import differentiate, simplify
from pellucid.symbolic.evaluation import UndefinedHere, compile_formula, evaluate
from pellucid.symbolic.formulas import parse

FORMULAS = [
    "z/(1+exp(-z))",
    "1/(1+e^(-z))",
    "ln(1+e^z)",
    "(e^z - 1)/2",
    "tanh(z)",
    "z^3 - 2z + 1",
    "max(0, z)",
    "z if z > 0 else 0.1 (e^z - 1)",
    "|z|/(1 + |z|)",
    "sqrt(1 + z^2)",
    "z/(1 + z^2)",
    "sin(z)",
    "arctan(z)",
]
POINTS = [
    -1e300,
    -1e30,
    -1000.0,
    -88.0,
    -3.5,
    -1.0,
    -1e-3,
    -1e-20,
    0.0,
    1e-20,
    1e-3,
    0.7,
    2.0,
    88.0,
    1000.0,
    1e30,
    1e300,
]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("slope", [False, True])
@pytest.mark.parametrize("formula", FORMULAS)
def test_against_many_digits(formula, slope, dtype):
    e = parse(formula)
    if slope:
        (symbol,) = e.free_symbols
        e = simplify(differentiate(e, symbol))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        z = np.array([point for point in POINTS if abs(point) < float(np.finfo(dtype).max)], dtype)
        found = compile_formula(e, ["z"])(z)
    assert found.dtype == dtype
    assert found.shape == z.shape
    limits = np.finfo(dtype)
    most, tiny = float(limits.max), float(limits.tiny)
    for at, value in zip(z, found, strict=True):
        if formula == "sin(z)" and abs(at) > 1e29:
            continue
        exact = evaluate(e, {next(iter(e.free_symbols)): float(at)} if e.free_symbols else {}, digits=200)
        exact = min(max(exact, -most), most)
        # the argument's own rounding moves e^z by z eps
        scale = abs(exact) * max(1, min(abs(float(at)), 100)) + tiny
        assert abs(value - float(exact)) <= 16 * float(limits.eps) * float(scale), (at, value, float(exact))


def test_shapes_and_pickle():
    f = pickle.loads(pickle.dumps(compile_formula(parse("a y + 1"), ["a", "y"])))
    a, y = np.arange(6.0).reshape(2, 3), np.full((2, 3), 2.0)
    assert (f(a, y) == a * y + 1).all()
    assert compile_formula(parse("z^2"), ["z"])(np.array(3.0)) == 9
    assert compile_formula(parse("2"), ["z"])(np.zeros((2, 2))).tolist() == [[2, 2], [2, 2]]
    with pytest.raises(ValueError, match="names other than z: x"):
        compile_formula(parse("x"), ["z"])


def test_where_there_is_no_value():
    z = next(iter(parse("z").free_symbols))
    for formula, at in (("1/z", 0), ("ln z", 0), ("1 if z > 0", -1), ("tan(1/z)", 0), ("e^(e^(e^(e^(e^(e^z)))))", 9)):
        with pytest.raises(UndefinedHere):
            evaluate(parse(formula), {z: at})
    with pytest.raises(KeyError):
        evaluate(parse("x"), {})


def test_digits():
    assert mpmath.nstr(evaluate(parse("π"), {}, digits=60), 50) == "3.1415926535897932384626433832795028841971693993751"
