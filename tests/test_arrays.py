from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pellucid.arrays import as_count, as_dtype, as_inputs, as_number, as_numbers, as_sample_weight

F32, F64 = np.dtype("float32"), np.dtype("float64")
shapes = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5)


# as_numbers


@given(hnp.arrays(np.float64, shapes, elements=st.floats(allow_nan=False, allow_infinity=False)))
def test_finite_numbers_of_the_dtype_are_passed_through_uncopied(array):
    assert as_numbers(array, "X", F64) is array


@given(hnp.arrays(st.sampled_from([np.int8, np.uint64, np.int64, np.bool_, np.float16, np.float32]), shapes))
def test_other_real_dtypes_are_converted_to_the_nearest_number(array):
    array = np.where(np.isfinite(array), array, 0).astype(array.dtype)
    for dtype in (F32, F64):
        numbers = as_numbers(array, "X", dtype)
        assert numbers.dtype == dtype
        np.testing.assert_array_equal(numbers, array.astype(dtype))


@given(hnp.arrays(np.float64, hnp.array_shapes(max_side=4), elements=st.floats(-9, 9)), st.data())
def test_the_first_number_that_is_not_finite_is_named_with_its_place(array, data):
    places = list(np.ndindex(array.shape))
    first, second = sorted(data.draw(st.lists(st.sampled_from(places), min_size=2, max_size=2)))
    array[second], array[first] = -np.inf, np.nan
    with pytest.raises(ValueError, match="finite") as caught:
        as_numbers(array, "X", F64)
    assert str(caught.value) == f"X[{', '.join(map(str, first))}] is nan; every number must be finite"


def test_a_number_beyond_the_range_of_float32_is_refused_without_a_warning():
    with pytest.raises(ValueError, match=r"^X\[1, 0\] is -1e\+39, beyond the range of float32$"):
        as_numbers([[1.0], [-1e39]], "X", F32)
    assert as_numbers([[1.0], [-1e39]], "X", F64)[1, 0] == -1e39


def test_a_single_number_that_is_not_finite_has_no_place():
    with pytest.raises(ValueError, match=r"^init is inf; every number must be finite$"):
        as_numbers(np.inf, "init", F64)


@pytest.mark.parametrize("values", [[Decimal("0.5"), Fraction(3, 4), 1], np.array([0.5, 0.75, True], dtype=object)])
def test_objects_that_are_numbers_are_read(values):
    np.testing.assert_array_equal(as_numbers(values, "X", F32), np.array([0.5, 0.75, 1.0], np.float32))


@pytest.mark.parametrize(
    "values",
    [
        ["1.0", "2.0"],
        b"1",
        "abc",
        np.array(["1.5", 2.0], dtype=object),
        [1.0, "a"],
        [[1.0], [1.0, 2.0]],
        [1 + 0j],
        np.array([1j, 2], dtype=object),
        np.array(["2020-01-01"], dtype="datetime64[D]"),
        {"a": 1.0},
        None,
        object(),
    ],
    ids=repr,
)
def test_what_is_not_real_numbers_is_a_type_error_that_names_the_argument(values):
    with pytest.raises(TypeError, match=r"^X (is not an array of numbers|must hold real numbers)"):
        as_numbers(values, "X", F64)


def test_a_missing_number_is_refused_with_its_place():
    with pytest.raises(ValueError, match=r"^X\[1, 0\] is (None|nan)"):
        as_numbers([[1.0], [None]], "X", F64)


# as_inputs


@given(st.integers(1, 6), st.integers(1, 6), st.sampled_from([F32, F64]))
def test_a_batch_keeps_its_shape_and_one_input_becomes_a_batch_of_one(n, n_inputs, dtype):
    X, is_single = as_inputs(np.ones((n, n_inputs)), n_inputs, dtype)
    assert (X.shape, X.dtype, is_single) == ((n, n_inputs), dtype, False)
    X, is_single = as_inputs([1.0] * n_inputs, n_inputs, dtype)
    assert (X.shape, X.dtype, is_single) == ((1, n_inputs), dtype, True)


@pytest.mark.parametrize(
    ("shape", "n_inputs", "message"),
    [
        ((100, 5), 4, r"X has shape \(100, 5\), but the network's input layer has 4 neurons: expected \(n, 4\)"),
        ((4, 5), 4, r"X has shape \(4, 5\)"),
        ((5,), 4, r"X has shape \(5,\).* expected \(n, 4\) for a batch or \(4,\) for one input$"),
        ((5,), 1, r"input layer has 1 neuron: .* for 5 samples of one number each, give X\.reshape\(-1, 1\)"),
        ((2, 3, 4), 4, r"X has shape \(2, 3, 4\)"),
        ((), 1, r"X has shape \(\)"),
        ((0, 4), 4, "X has 0 samples; at least one is needed"),
        ((0,), 4, r"X has shape \(0,\)"),
    ],
)
def test_inputs_of_another_shape_are_refused(shape, n_inputs, message):
    with pytest.raises(ValueError, match=message):
        as_inputs(np.zeros(shape), n_inputs, F64)


# as_sample_weight


def test_no_sample_weight_stays_none_and_a_good_one_is_converted():
    assert as_sample_weight(None, 3, F32) is None
    weight = as_sample_weight([2, 0, 1], 3, F32)
    assert weight.dtype == F32
    np.testing.assert_array_equal(weight, [2.0, 0.0, 1.0])


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ([1.0, 2.0], r"sample_weight has shape \(2,\), but there are 3 samples: expected \(3,\)"),
        ([[1.0], [2.0], [3.0]], r"sample_weight has shape \(3, 1\)"),
        (1.0, r"sample_weight has shape \(\)"),
        ([1.0, -0.5, -1.0], r"sample_weight\[1\] is -0\.5; weights must not be negative"),
        ([0.0, 0.0, 0.0], "sample_weight is zero for every sample; at least one must be positive"),
        ([1.0, 1.0, np.nan], r"sample_weight\[2\] is nan"),
        ([np.inf, 1.0, 1.0], r"sample_weight\[0\] is inf"),
    ],
)
def test_bad_sample_weights_are_refused(weight, message):
    with pytest.raises(ValueError, match=message):
        as_sample_weight(weight, 3, F64)


# as_number, as_count, as_dtype


@given(st.floats(), st.floats(-5, 5), st.floats(0, 5), st.booleans(), st.booleans())
def test_a_number_is_taken_exactly_when_it_is_in_the_interval(value, low, width, open_low, open_high):
    high = low + width
    inside = (low < value if open_low else low <= value) and (value < high if open_high else value <= high)
    if inside:
        assert as_number(value, "x", low, high, open_low=open_low, open_high=open_high) == value
    else:
        with pytest.raises(ValueError, match=r"^x must be in [\[(].*[\])], got"):
            as_number(value, "x", low, high, open_low=open_low, open_high=open_high)


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_infinity_is_never_in_a_half_line(value):
    with pytest.raises(ValueError, match=r"^l2 must be in \[0, inf\), got"):
        as_number(value, "l2", 0)


@pytest.mark.parametrize("value", [True, np.True_, "1", None, [1.0], 1j, np.array([1.0])])
def test_what_is_no_number_is_a_type_error(value):
    with pytest.raises(TypeError, match=r"^l2 must be a number, got"):
        as_number(value, "l2", 0)


@pytest.mark.parametrize("value", [3, np.int16(3), np.float32(3), 3.0])
def test_a_number_of_any_real_type_becomes_a_float(value):
    number = as_number(value, "x", 0)
    assert type(number) is float
    assert number == 3


@pytest.mark.parametrize("value", [2.0, np.float64(2), True, np.True_, "2", None, [2]])
def test_a_count_is_a_whole_number_and_not_a_float_or_bool(value):
    with pytest.raises(TypeError, match=r"^epochs must be a whole number, got"):
        as_count(value, "epochs")


def test_a_count_has_a_least_value():
    assert as_count(np.uint8(1), "epochs") == 1
    assert type(as_count(np.uint8(1), "epochs")) is int
    assert as_count(0, "epochs", 0) == 0
    with pytest.raises(ValueError, match=r"^epochs must be at least 1, got 0$"):
        as_count(0, "epochs")


@pytest.mark.parametrize("dtype", ["float32", np.float32, F32, "f4", "<f4"])
def test_a_dtype_may_be_spelled_in_any_way_numpy_knows(dtype):
    assert as_dtype(dtype) == F32


@pytest.mark.parametrize("dtype", ["float16", "int64", "complex128", "single precision", 7, object])
def test_other_dtypes_are_refused(dtype):
    with pytest.raises(ValueError, match=r"^dtype must be 'float32' or 'float64', got"):
        as_dtype(dtype)
