"""Every instruction set that the machine has, and the functions of mathematics in each."""

import json
import os
import subprocess
import sys

import mpmath
import numpy as np
import pytest

from pellucid import _native

SETS = _native.instruction_sets()

# Units in the last place, as native/math.hpp states them.
BOUNDS = {
    "exp": 2,
    "expm1": 3,
    "log": 2,
    "log1p": 2,
    "tanh": 4,
    "tanh_slope": 6,
    "sigmoid": 4,
    "sigmoid_slope": 6,
    "sin": 3,
    "cos": 3,
    "softplus": 3,
    "normal_cdf": 8,
}


def truth(name, x):
    """In 64 bits of mantissa, where longdouble has them."""
    decay = np.exp(-np.abs(x))
    return {
        "exp": np.exp,
        "expm1": np.expm1,
        "log": np.log,
        "log1p": np.log1p,
        "tanh": np.tanh,
        "sin": np.sin,
        "cos": np.cos,
        "tanh_slope": lambda x: 4 * decay**2 / (1 + decay**2) ** 2,
        "sigmoid": lambda x: np.where(x > 0, 1, decay) / (1 + decay),
        "sigmoid_slope": lambda x: decay / (1 + decay) ** 2,
        "softplus": lambda x: np.maximum(x, 0) + np.log1p(decay),
    }[name](x)


def inputs(dtype):
    """Numbers of every exponent and sign, dense ones where the functions bend, and the special ones."""
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2 ** (8 * dtype.itemsize), 200_000, dtype=f"uint{8 * dtype.itemsize}", endpoint=False)
    every = bits.view(dtype)
    dense = np.concatenate([rng.uniform(-size, size, 60_000) for size in (1e-3, 1, 3, 20, 110, 800)]).astype(dtype)
    return np.concatenate([every[np.isfinite(every)], dense, np.array([0.0, -0.0], dtype)])


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="no longer arithmetic to compare with")
@pytest.mark.parametrize("dtype", [np.dtype("float32"), np.dtype("float64")], ids=str)
@pytest.mark.parametrize("name", [name for name in BOUNDS if name != "normal_cdf"])
@pytest.mark.parametrize("isa", SETS)
def test_functions_are_right_to_their_last_places(isa, name, dtype):
    x = inputs(dtype)
    if name in ("sin", "cos"):
        x = x[np.abs(x) < 1e15]  # beyond, the reference has no digits left
    with np.errstate(all="ignore"):
        y, exact = _native.evaluate(isa, name, x), truth(name, x.astype(np.longdouble))
        rounded = exact.astype(dtype)
        unit = np.spacing(np.maximum(np.abs(rounded), np.finfo(dtype).tiny))
        same = (y == rounded) | (np.isnan(y) & np.isnan(exact))
        off = np.abs(y.astype(np.longdouble) - exact)
        # Below four times the smallest normal number what counts is its unit.
        near_zero = (np.abs(exact) < 4 * np.finfo(dtype).tiny) & (off <= 4 * np.finfo(dtype).tiny)
        wrong = ~(same | near_zero | (off <= BOUNDS[name] * unit))
    assert not wrong.any(), (x[wrong][:5], y[wrong][:5], exact[wrong][:5])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("isa", SETS)
def test_the_normal_distribution_function_keeps_its_left_tail(isa, dtype):
    low = -13.0 if dtype == np.float32 else -37.5
    x = np.concatenate([np.linspace(low, 9, 3000), [0.0, 40.0]]).astype(dtype)
    y = _native.evaluate(isa, "normal_cdf", x)
    with mpmath.workdps(40):
        exact = [mpmath.erfc(-mpmath.mpf(float(v)) / mpmath.sqrt(2)) / 2 for v in x]
        units = [
            abs(mpmath.mpf(float(got)) - e) / mpmath.mpf(float(np.spacing(dtype(e))))
            for got, e in zip(y, exact, strict=True)
        ]
    assert max(units) <= BOUNDS["normal_cdf"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("isa", SETS)
def test_special_numbers_go_where_they_belong(isa, dtype):
    inf, nan = np.inf, np.nan
    for name, expected in {
        "exp": {inf: inf, -inf: 0, nan: nan},
        "expm1": {inf: inf, -inf: -1, nan: nan},
        "log": {inf: inf, 0.0: -inf, -1.0: nan, nan: nan},
        "log1p": {inf: inf, -1.0: -inf, -2.0: nan, nan: nan},
        "tanh": {inf: 1, -inf: -1, nan: nan},
        "tanh_slope": {inf: 0, -inf: 0, nan: nan},
        "sigmoid": {inf: 1, -inf: 0, nan: nan},
        "sigmoid_slope": {inf: 0, -inf: 0, nan: nan},
        "softplus": {inf: inf, -inf: 0, nan: nan},
        "normal_cdf": {inf: 1, -inf: 0, nan: nan},
        "sin": {nan: nan},
        "cos": {nan: nan},
    }.items():
        x = np.array(list(expected), dtype)
        np.testing.assert_array_equal(
            _native.evaluate(isa, name, x), np.array(list(expected.values()), dtype), err_msg=name
        )
    zeros = np.array([0.0, -0.0], dtype)
    for name in ("expm1", "log1p", "tanh", "sin"):
        np.testing.assert_array_equal(np.signbit(_native.evaluate(isa, name, zeros)), [False, True], err_msg=name)


PROGRAM = """
import json, numpy as np, pellucid as pl
rng = np.random.default_rng(0)
found = {}
for dtype in ("float32", "float64"):
    for sizes in ([3, 17, 5, 2], [33, 65, 7], [1, 1], [97, 31, 16, 10]):
        X, Y = rng.standard_normal((37, sizes[0])), rng.standard_normal((37, sizes[-1]))
        net = pl.Network(sizes, "tanh", "identity", dtype=dtype, seed=0)
        net.train(X, Y, batch_size=8, epochs=2, seed=0)
        found[dtype + str(sizes)] = net.parameters.tolist()
print(json.dumps([net.engine.detail, found]))
"""


def run(**environment):
    command = [sys.executable, "-c", PROGRAM]
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)


def test_all_instruction_sets_train_alike():
    results = {}
    for isa in SETS:
        used, results[isa] = json.loads(run(PELLUCID_ISA=isa).stdout)
        assert used == isa
    for isa, found in results.items():
        for name, parameters in found.items():
            eps = np.finfo(name[:7]).eps
            truth = np.array(results[SETS[0]][name])
            np.testing.assert_allclose(parameters, truth, rtol=0, atol=1e4 * eps * np.abs(truth).max(), err_msg=isa)


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"PELLUCID_ISA": "sse9"}, f"PELLUCID_ISA is 'sse9', but this machine has {', '.join(SETS)}"),
        ({"PELLUCID_THREADS": "many"}, "PELLUCID_THREADS must be a whole number from 1, got 'many'"),
        ({"PELLUCID_THREADS": "0"}, "PELLUCID_THREADS must be a whole number from 1, got '0'"),
    ],
)
def test_settings_of_the_environment_are_checked(environment, says):
    finished = run(**environment)
    assert finished.returncode == 1
    assert finished.stderr.rstrip().splitlines()[-1] == f"ValueError: {says}"
