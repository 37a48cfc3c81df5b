"""The table of activations against the same functions in 450-digit arithmetic, where a derivative is its own limit.

A reference is one line per activation. Its derivatives are central differences with a step of 1e-25, exact to 50
digits. Tolerances are a few eps times 1 + κ, where κ = |z f'(z)/f(z)| says how much f magnifies the rounding of z.
"""

import copy
import dataclasses
import pickle
from decimal import MAX_EMAX, MIN_EMIN, Decimal, localcontext
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import pellucid as pl
from pellucid.activations import ACTIVATIONS, as_activation
from pellucid.losses import LOSSES, canonical_pair

ROWS = {**ACTIVATIONS, "leaky_relu(0.2)": pl.LeakyReLU(0.2), "leaky_relu(3)": pl.LeakyReLU(3), "elu(1.5)": pl.ELU(1.5)}
ELEMENTWISE = [name for name in ROWS if name != "softmax"]
DTYPES = ["float32", "float64"]

DIGITS, STEP = 450, Decimal("1e-25")


@pytest.fixture(autouse=True)
def digits():
    with localcontext(prec=DIGITS, Emax=MAX_EMAX, Emin=MIN_EMIN):
        yield


def arctan_of_inverse(n):
    terms = (Decimal((-1) ** i) / ((2 * i + 1) * Decimal(n) ** (2 * i + 1)) for i in range(DIGITS))
    return sum(terms)


@cache
def pi():
    return 16 * arctan_of_inverse(5) - 4 * arctan_of_inverse(239)  # Machin, 1706


def sigmoid(z):
    return 1 / (1 + (-z).exp())


def tanh(z):
    return 1 - 2 / ((2 * z).exp() + 1)


def elu(z, alpha):
    return z if z > 0 else alpha * (z.exp() - 1)


def normal_cdf(z):
    if abs(z) > 40:  # Φ(-40) < 1e-349, below every float64
        return Decimal(z > 0)
    total, term, n = Decimal(0), z, 1
    while abs(term) > Decimal(10) ** -DIGITS:
        total += term
        n += 2
        term *= z * z / n
    return Decimal("0.5") + total * (-z * z / 2).exp() / (2 * pi()).sqrt()


def gelu_tanh(z):
    return z / 2 * (1 + tanh((2 / pi()).sqrt() * (z + Decimal("0.044715") * z**3)))


def sine(z):
    z -= 2 * pi() * (z / (2 * pi())).to_integral_value()
    total, term, n = Decimal(0), z, 1
    while abs(term) > Decimal(10) ** -DIGITS:
        total += term
        n += 2
        term *= -z * z / (n * (n - 1))
    return total


SELU_SCALE = Decimal("1.0507009873554804934193349852946")
SELU_ALPHA = Decimal("1.6732632423543772848170429916717")

REFERENCE = {
    "sigmoid": sigmoid,
    "relu": lambda z: max(z, Decimal(0)),
    "tanh": tanh,
    "identity": lambda z: z,
    "leaky_relu": lambda z: max(z, z * Decimal("0.01")),
    "leaky_relu(0.2)": lambda z: max(z, z * Decimal("0.2")),
    "leaky_relu(3)": lambda z: min(z, z * 3),
    "elu": lambda z: elu(z, 1),
    "elu(1.5)": lambda z: elu(z, Decimal("1.5")),
    "selu": lambda z: SELU_SCALE * elu(z, SELU_ALPHA),
    "softplus": lambda z: (1 + z.exp()).ln(),
    "silu": lambda z: z * sigmoid(z),
    "gelu": lambda z: z * normal_cdf(z),
    "gelu_tanh": gelu_tanh,
    "hard_tanh": lambda z: max(Decimal(-1), min(Decimal(1), z)),
    "exp": lambda z: z.exp(),
    "sine": sine,
}


def jet(name, z):
    """f, f' and f'' at z."""
    f = REFERENCE[name]
    left, here, right = f(z - STEP), f(z), f(z + STEP)
    return here, (right - left) / (2 * STEP), (right - 2 * here + left) / STEP**2


def one_sided(name, z, side):
    """σ' just left (-1) or right (+1) of z."""
    near = z + side * 2 * STEP
    return jet(name, near)[1]


def assert_accurate(got, exact, slope, z, dtype, ulps=8):
    """|got - exact| ≤ ulps eps (|exact| + |z slope|), where the numbers are not subnormal."""
    limits = np.finfo(dtype)
    exact = min(exact, Decimal(float(limits.max)))
    bound = ulps * Decimal(float(limits.eps)) * (abs(exact) + abs(z * slope))
    bound += ulps * (1 + abs(z)) * Decimal(float(limits.smallest_subnormal))
    error = abs(Decimal(float(got)) - exact)
    assert error <= bound, f"at z = {z:.6g}: got {got!r}, exact {exact:.17g}, {error / bound * ulps:.1f} ulps"


def grid(dtype):
    magnitudes = np.concatenate([np.geomspace(1e-8, 1000, 34), [0.5, 0.999, 1.001, 1.2784645, 5.0, 20.0, 37.0, 88.0]])
    return np.concatenate([-magnitudes[::-1], magnitudes]).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_the_function_and_its_derivative_are_accurate_to_rounding_far_into_the_tails(name, dtype):
    z = grid(dtype)
    a, sigma_prime = ROWS[name].function(z), ROWS[name].derivative(z)
    for i, z_i in enumerate(map(Decimal, z.tolist())):
        f, slope, curvature = jet(name, z_i)
        assert_accurate(a[i], f, slope, z_i, dtype)
        assert_accurate(sigma_prime[i], slope, curvature, z_i, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_near_zero_the_function_is_its_tangent(name, dtype):
    tiny = np.finfo(dtype).tiny
    z = np.array([-1e-20, -4 * tiny, 4 * tiny, 1e-20], dtype)
    a, sigma_prime = ROWS[name].function(z), ROWS[name].derivative(z)
    for i, z_i in enumerate(map(Decimal, z.tolist())):
        slope = one_sided(name, Decimal(0), int(np.sign(z[i])))
        at_0 = REFERENCE[name](Decimal(0))
        assert_accurate(a[i], at_0 + slope * z_i, slope, z_i, dtype, ulps=4)
        assert_accurate(sigma_prime[i], slope, Decimal(0), z_i, dtype, ulps=4)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ROWS)
def test_nothing_overflows_or_warns_for_any_z_up_to_1000_and_shape_and_dtype_are_kept(name, dtype):
    limits = np.finfo(dtype)
    magnitudes = [0, limits.smallest_subnormal, limits.tiny, *np.geomspace(1e-3, 1000, 40), 1, 88.7, 88.8, 709.7, 709.8]
    z = np.concatenate([magnitudes, np.negative(magnitudes)]).astype(dtype)
    given = z.copy()
    shapes = [(len(z),), (len(z) // 6, 6), (len(z) // 6, 3, 2), (1, len(z), 1)]
    shapes += [] if name == "softmax" else [(0, 3)]
    for shape in shapes:
        z_shaped = np.resize(z, shape)
        with np.errstate(all="raise", under="ignore"):
            a, sigma_prime = ROWS[name].function(z_shaped), ROWS[name].derivative(z_shaped)
        assert (a.shape, a.dtype) == (shape, dtype)
        jacobian = () if ROWS[name].elementwise else (shape[-1],)
        assert (sigma_prime.shape, sigma_prime.dtype) == ((*shape, *jacobian), dtype)
        assert np.isfinite(a).all()
        assert np.isfinite(sigma_prime).all()
        assert not np.shares_memory(a, z_shaped)
    np.testing.assert_array_equal(z, given)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [name for name in ROWS if name not in ("selu", "leaky_relu(3)")])
def test_even_the_largest_number_does_not_overflow_where_its_image_is_finite(name, dtype):
    largest = np.finfo(dtype).max
    z = np.array([[largest, -largest, largest / 3], [-largest, 0, -largest]], dtype)
    with np.errstate(all="raise", under="ignore"):
        assert np.isfinite(ROWS[name].function(z)).all()
        assert np.isfinite(ROWS[name].derivative(z)).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_exp_saturates_at_the_largest_finite_number(dtype):
    largest = np.finfo(dtype).max
    z = np.array([np.log(largest) * 1.001, 1000.0, largest], dtype)
    np.testing.assert_array_equal(ACTIVATIONS["exp"].function(z), np.full(3, largest, dtype))
    np.testing.assert_array_equal(ACTIVATIONS["exp"].derivative(z), np.full(3, largest, dtype))


# Kinks


@pytest.mark.parametrize(
    ("name", "kink", "value"),
    [
        ("relu", 0.0, 0.0),
        ("leaky_relu", 0.0, 0.01),
        ("leaky_relu(0.2)", 0.0, 0.2),
        ("leaky_relu(3)", 0.0, 3.0),
        ("elu", 0.0, 1.0),
        ("elu(1.5)", 0.0, 1.5),
        ("selu", 0.0, 1.7580993408473766),
        ("hard_tanh", -1.0, 0.0),
        ("hard_tanh", 1.0, 0.0),
    ],
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_derivative_at_a_kink_is_the_documented_one(name, kink, value, dtype):
    row, eps = ROWS[name], np.finfo(dtype).eps
    assert kink in row.kinks
    assert row.at_kink
    z = np.array([kink, kink if kink else -0.0], dtype)
    np.testing.assert_allclose(row.derivative(z), value, rtol=eps, atol=0)
    a = float(REFERENCE[name](Decimal(kink)))
    np.testing.assert_allclose(row.function(z), a, rtol=eps, atol=0)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_the_derivative_or_its_slope_jumps_at_the_kinks_and_nowhere_else(name):
    def jumps(z):
        left, right = jet(name, z - 2 * STEP), jet(name, z + 2 * STEP)
        return any(abs(right[order] - left[order]) > Decimal("1e-15") for order in (1, 2))

    places = {Decimal(i) / 8 for i in range(-40, 41)}
    assert {z for z in places if jumps(z)} == {Decimal(kink) for kink in ROWS[name].kinks}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [name for name in ELEMENTWISE if ROWS[name].kinks])
def test_next_to_a_kink_the_derivative_is_the_one_of_its_side(name, dtype):
    for kink in ROWS[name].kinks:
        for side in (-1, 1):
            z = np.nextafter(np.full(1, kink, dtype), np.full(1, side * np.inf, dtype))
            expected = float(one_sided(name, Decimal(kink), side))
            np.testing.assert_allclose(ROWS[name].derivative(z), expected, rtol=4 * np.finfo(dtype).eps, atol=0)


# Softmax

matrices = hnp.arrays(
    np.float64, st.tuples(st.integers(1, 4), st.integers(1, 7)), elements=st.floats(-1000, 1000, allow_subnormal=False)
)


@given(matrices)
def test_softmax_sums_to_one_and_its_jacobian_is_symmetric_with_rows_and_columns_that_sum_to_zero(z):
    softmax, eps = ACTIVATIONS["softmax"], np.finfo(np.float64).eps
    a, J = softmax.function(z), softmax.derivative(z)
    m = z.shape[-1]
    assert (a >= 0).all()
    assert (np.abs(a.sum(axis=-1) - 1) <= m * eps).all()
    np.testing.assert_array_equal(J, np.swapaxes(J, -1, -2))
    bound = (m + 2) * np.maximum(eps * a, np.finfo(np.float64).smallest_subnormal)  # row j is a_j (δ_jk - a_k)
    assert (np.abs(J.sum(axis=-1)) <= bound).all()
    assert (np.abs(J.sum(axis=-2)) <= bound).all()


@given(matrices, st.integers(-(2**20), 2**20))
def test_softmax_does_not_change_when_a_number_is_added_to_every_z(z, shift):
    z = np.round(z, 0)  # whole numbers: the shift is exact
    softmax = ACTIVATIONS["softmax"]
    np.testing.assert_array_equal(softmax.function(z + shift), softmax.function(z))
    np.testing.assert_array_equal(softmax.derivative(z + shift), softmax.derivative(z))


@pytest.mark.parametrize("dtype", DTYPES)
def test_softmax_and_its_jacobian_are_accurate_to_rounding(dtype):
    rng, eps = np.random.default_rng(0), Decimal(float(np.finfo(dtype).eps))
    lost = 4 * Decimal(float(np.finfo(dtype).smallest_subnormal))  # where e^z falls below the normal numbers
    for spread in (1, 30, 80):
        z = rng.uniform(-spread, spread, (1, 5)).astype(dtype)
        e = [Decimal(v).exp() for v in z[0].tolist()]
        exact = [v / sum(e) for v in e]
        a, J = ACTIVATIONS["softmax"].function(z)[0].tolist(), ACTIVATIONS["softmax"].derivative(z)[0].tolist()
        relative = (8 + 4 * spread) * eps  # e^z magnifies the rounding of z - max z, up to 2 spread, by that number
        for j in range(5):
            assert abs(Decimal(a[j]) - exact[j]) <= relative * exact[j] + lost
            for k in range(5):
                partial = exact[j] * ((j == k) - exact[k])
                assert abs(Decimal(J[j][k]) - partial) <= 2 * relative * exact[j] * ((j == k) + exact[k]) + lost


def test_softmax_of_two_is_sigmoid_of_the_difference():
    z = np.random.default_rng(1).uniform(-40, 40, (100, 2))
    a = ACTIVATIONS["softmax"].function(z)
    b = ACTIVATIONS["sigmoid"].function(z[:, 0] - z[:, 1])
    np.testing.assert_allclose(a[:, 0], b, rtol=4 * np.finfo(float).eps)


# Truths between rows


@given(hnp.arrays(np.float64, 20, elements=st.floats(-300, 300)))
def test_the_rows_are_related_as_their_formulas_say(z):
    def sigma(name):
        return ROWS[name].function(z)

    def sigma_prime(name):
        return ROWS[name].derivative(z)

    eps = np.finfo(float).eps
    minus = ACTIVATIONS["sigmoid"].function(-z)
    np.testing.assert_array_equal(sigma_prime("softplus"), sigma("sigmoid"))
    np.testing.assert_array_equal(sigma_prime("exp"), sigma("exp"))
    np.testing.assert_allclose(sigma("sigmoid") + minus, 1, rtol=2 * eps)
    np.testing.assert_allclose(sigma_prime("sigmoid"), sigma("sigmoid") * minus, rtol=8 * eps)
    np.testing.assert_allclose(sigma("softplus") - ACTIVATIONS["softplus"].function(-z), z, rtol=8 * eps, atol=8 * eps)
    np.testing.assert_array_equal(sigma("relu") - ACTIVATIONS["relu"].function(-z), z)
    np.testing.assert_array_equal(sigma("silu"), z * sigma("sigmoid"))


# Made by a user


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("", np.sin, np.cos), "name must be a string"),
        ((3, np.sin, np.cos), "name must be a string, got 3"),
        (("s", "sin", np.cos), "activation 's': function must be callable, got 'sin'"),
        (("s", np.sin, None), "activation 's': derivative must be callable, got None"),
    ],
)
def test_an_activation_needs_a_name_and_two_functions(arguments, message):
    with pytest.raises(TypeError, match=message):
        pl.Activation(*arguments)


@pytest.mark.parametrize(
    ("function", "derivative", "elementwise", "message"),
    [
        (lambda z: z.sum(axis=-1), np.cos, True, r"function\(z\) has shape \(2,\) .* \(2, 4\): expected \(2, 4\)"),
        (lambda z: z[:1], np.cos, True, r"function\(z\) has shape \(1, 4\)"),
        (lambda z: 0.0, np.cos, True, r"function\(z\) has shape \(\)"),
        (np.sin, lambda z: 1.0, True, r"derivative\(z\) has shape \(\) .*: expected \(2, 4\)"),
        (np.sin, lambda z: np.ones(z.shape[-1]), True, r"derivative\(z\) has shape \(4,\)"),
        (np.sin, lambda z: np.ones((*z.shape, z.shape[-1])), True, r"derivative\(z\) has shape \(2, 4, 4\)"),
        (np.sin, np.cos, False, r"derivative\(z\) has shape \(2, 4\) .*: expected \(2, 4, 4\)"),
        (np.sin, lambda z: np.full(z.shape, np.nan), True, r"derivative\(z\)\[0, 0\] is nan"),
    ],
)
def test_an_activation_that_returns_another_shape_is_refused_before_anything_is_computed(
    function, derivative, elementwise, message
):
    sigma = pl.Activation("mine", function, derivative, elementwise=elementwise)
    net = pl.Network([3, 5, 4], "tanh", output=sigma, seed=0)
    for call in (net.forward, lambda X: net.gradient(X, np.ones((6, 4))), lambda X: net.backprop(X, np.ones((6, 4)))):
        with pytest.raises(ValueError, match="activation 'mine': " + message):
            call(np.ones((6, 3)))


@pytest.mark.parametrize("loss", ["binary_cross_entropy", "poisson"])
def test_a_wrong_shape_is_refused_as_such_under_a_loss_with_a_domain_too(loss):
    sigma = pl.Activation("mine", lambda z: z.mean(axis=-1), np.cos)
    net = pl.Network([3, 5, 4], "tanh", output=sigma, seed=0)
    with pytest.raises(ValueError, match=r"activation 'mine': function\(z\) has shape"):
        net.gradient(np.ones((6, 3)), np.ones((6, 4)), loss)


@pytest.mark.parametrize(
    ("function", "derivative"),
    [(lambda z: np.tanh(z, out=z), np.cos), (np.sin, lambda z: np.cos(z, out=z)), (np.sin, lambda z: z.fill(1) or z)],
)
def test_an_activation_that_overwrites_its_argument_is_refused(function, derivative):
    net = pl.Network([3, 5, 4], pl.Activation("mine", function, derivative), seed=0)
    with pytest.raises(ValueError, match="activation 'mine'"):
        net.gradient(np.ones((6, 3)), np.ones((6, 4)))


def test_an_activation_made_by_a_user_works_like_the_tables_row():
    row = ACTIVATIONS["silu"]
    mine = pl.Activation("mine", row.function, row.derivative)
    X, Y = np.random.default_rng(0).normal(size=(2, 6, 3))
    g = pl.Network([3, 5, 4, 3], mine, seed=0, init="glorot_uniform").gradient(X, Y)
    h = pl.Network([3, 5, 4, 3], "silu", seed=0, init="glorot_uniform").gradient(X, Y)
    np.testing.assert_allclose(g.vector, h.vector, rtol=0, atol=64 * np.finfo(float).eps * np.abs(h.vector).max())
    assert abs(g.loss - h.loss) <= 64 * np.finfo(float).eps * h.loss


# Names


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sigmiod", "unknown activation 'sigmiod': did you mean 'sigmoid'"),
        ("reul", "did you mean 'relu'"),
        ("leaky-rleu", "did you mean 'leaky_relu'"),
        ("Logistc", "did you mean 'sigmoid'"),
        ("qqqqq", "unknown activation 'qqqqq': known: elu, exp, gelu"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(name, message):
    with pytest.raises(pl.UnknownNameError, match=message):
        as_activation(name)


@pytest.mark.parametrize("activation", [None, 3, np.tanh, ["tanh"], pl.Activation])
def test_what_is_neither_a_name_nor_an_activation_is_a_type_error(activation):
    with pytest.raises(TypeError, match=r"an activation is a name or a pl\.Activation, got"):
        as_activation(activation)


@pytest.mark.parametrize(("name", "settings"), [("leaky_relu", {"slope": 0.3}), ("elu", {"alpha": 2.0})])
def test_settings_are_kept_and_shown_and_make_the_row_again(name, settings):
    row = as_activation(name, **settings)
    assert row.settings == settings
    assert str(row) == f"{name}({', '.join(f'{key}={value:g}' for key, value in settings.items())})"
    z = np.linspace(-2, 2, 9)
    again = as_activation(row.name, **row.settings)
    np.testing.assert_array_equal(again.function(z), row.function(z))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pl.LeakyReLU(-0.1), r"slope must be in \[0, inf\), got -0\.1"),
        (lambda: pl.LeakyReLU(np.inf), "slope must be in"),
        (lambda: pl.ELU(0), r"alpha must be in \(0, inf\), got 0"),
        (lambda: pl.ELU(np.nan), "alpha must be in"),
    ],
)
def test_settings_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_slope_that_is_no_number_is_a_type_error():
    with pytest.raises(TypeError, match=r"slope must be a number, got '0\.1'"):
        pl.LeakyReLU("0.1")


@pytest.mark.parametrize("clone", [copy.copy, copy.deepcopy, lambda row: pickle.loads(pickle.dumps(row))])
def test_a_copied_row_of_the_table_is_still_recognised_as_the_tables(clone):
    z = np.array([[-1000.0, 1000.0, 0.0]])
    for name, row in ROWS.items():
        np.testing.assert_array_equal(clone(row).function(z), row.function(z), err_msg=name)
    for loss in LOSSES.values():
        for output in loss.canonical:
            assert canonical_pair(loss, clone(ACTIVATIONS[output])) is not None


def test_a_row_of_the_same_name_made_by_a_user_is_not_taken_for_the_tables():
    mine = dataclasses.replace(ACTIVATIONS["sigmoid"], function=np.tanh, derivative=np.cos)
    assert mine.name == "sigmoid"
    assert canonical_pair(LOSSES["binary_cross_entropy"], mine) is None
