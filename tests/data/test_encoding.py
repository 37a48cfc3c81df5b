"""Encodings: numbers come back from them, categories are one-hot, and they are learnt from the rows to train on."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pellucid.data import Encoding, InputEncoding, Table, TargetEncoding, digits
from pellucid.data.encoding import MOST_CLASSES, SCALINGS
from pellucid.errors import DataFileError, UnknownNameError

EPS = np.finfo(float).eps
rng = np.random.default_rng(0)
NUMBERS = rng.normal([3, -20, 1e6], [2, 0.01, 1e4], (30, 3))
"""Three columns of different place and spread."""

reals = st.floats(-1e6, 1e6).filter(lambda v: v == 0 or abs(v) > 1e-3)  # squares that neither overflow nor vanish


def a_table(targets=("y",), **columns):
    """A table of the columns, with a numeric target if none is given."""
    n = len(next(iter(columns.values())))
    columns = {name: np.asarray(column) for name, column in columns.items()}
    return Table("t", columns if "y" in columns else columns | {"y": np.linspace(0.5, 1, n)}, targets)


def numeric_table(numbers=NUMBERS):
    return a_table(**{f"x_{k}": column for k, column in enumerate(numbers.T, start=1)})


def target_table(y, targets=("y",), **more):
    return a_table(targets, x=np.arange(float(len(y))), y=y, **more)


# Inputs: numbers.


def test_standard_scaling_gives_mean_0_and_standard_deviation_1():
    X = Encoding.fit(numeric_table(), scaling="standard").encode_inputs(numeric_table())
    np.testing.assert_allclose(X.mean(axis=0), 0, atol=1e6 * EPS)  # (x - 1e6)/1e4 loses 1e2 eps
    np.testing.assert_allclose(X.std(axis=0), 1, rtol=1e6 * EPS)


def test_range_scaling_fills_0_to_1():
    X = Encoding.fit(numeric_table(), scaling="range").encode_inputs(numeric_table())
    assert X.min(axis=0).tolist() == [0, 0, 0]
    assert X.max(axis=0).tolist() == [1, 1, 1]


def test_no_scaling_leaves_the_bits():
    X = Encoding.fit(numeric_table(), scaling="none").encode_inputs(numeric_table())
    assert X.tobytes() == NUMBERS.tobytes()


@pytest.mark.parametrize("scaling", SCALINGS)
@given(numbers=arrays(float, (7, 2), elements=reals))
def test_every_scaling_inverts(scaling, numbers):
    encoding = Encoding.fit(numeric_table(numbers), scaling=scaling)
    X = encoding.encode_inputs(numeric_table(numbers))
    offset, scale = np.array([(one.offset, one.scale) for one in encoding.inputs]).T
    largest = np.abs(numbers).max(initial=1.0)
    np.testing.assert_allclose(X * scale + offset, numbers, rtol=0, atol=8 * EPS * largest)


@pytest.mark.parametrize("scaling", SCALINGS)
@given(value=reals, n=st.integers(1, 40), other=st.floats(-1, 1))
def test_a_constant_column_keeps_its_units(scaling, value, n, other):
    encoding = Encoding.fit(a_table(x=np.full(n, value)), scaling=scaling)
    near = encoding.encode_inputs(a_table(x=[value, value + other]))[:, 0]
    # 1 up is 1 up: what never varied has no spread to divide by, and rounding is none.
    np.testing.assert_allclose(near[1] - near[0], other, rtol=0, atol=64 * EPS * (abs(value) + 1))


@pytest.mark.parametrize("scaling", SCALINGS)
@pytest.mark.parametrize(
    "column", [[1e300, -1e300, 2e300], [1e308, -1e308, 1.7e308], [1e160, 1e155, 0], [5e-324, 0, 0]]
)
def test_the_largest_and_smallest_numbers_are_encoded_or_refused_by_name(column, scaling):
    try:
        X = Encoding.fit(a_table(wide=column), scaling=scaling).encode_inputs(a_table(wide=column))
    except DataFileError as error:
        assert "'wide'" in str(error)  # noqa: PT017 (either outcome will do)
    else:
        assert np.isfinite(X).all()
        assert len(set(X[:, 0])) > 1, "different numbers became one"


def test_scaling_comes_from_the_given_rows_alone():
    rows = np.array([0, 3, 4, 7])
    changed = NUMBERS.copy()
    changed[np.setdiff1d(np.arange(len(NUMBERS)), rows)] *= 1000
    for scaling in SCALINGS:
        one = Encoding.fit(numeric_table(), rows, scaling=scaling)
        assert one == Encoding.fit(numeric_table(changed), rows, scaling=scaling)
        assert one.inputs == Encoding.fit(numeric_table(NUMBERS[rows]), scaling=scaling).inputs


def test_image_pixels_share_one_scale_from_0():
    image = dataclasses.replace(
        a_table(p_1=[0.0, 4.0, 8.0], p_2=[2.0, 2.0, 2.0], kind=["a", "b", "a"]), targets=("y", "kind"), is_image=True
    ).without(["y"])
    encoding = Encoding.fit(image)
    assert {(one.offset, one.scale) for one in encoding.inputs} == {(0.0, 8.0)}
    np.testing.assert_array_equal(encoding.encode_inputs(image), [[0, 0.25], [0.5, 0.25], [1, 0.25]])


def test_automatic_scaling_is_range_for_images_and_else_standard():
    image = digits().table()
    assert Encoding.fit(image) == Encoding.fit(image, scaling="range") != Encoding.fit(image, scaling="standard")
    table = numeric_table()
    assert Encoding.fit(table) == Encoding.fit(table, scaling="standard") != Encoding.fit(table, scaling="range")


def test_a_pixel_can_be_the_target_and_the_class_an_input():
    table = digits().table().with_targets(["pixel_4_4"])
    encoding = Encoding.fit(table)
    X = encoding.encode_inputs(table)
    assert X.shape == (1797, 63 + 10)
    assert X.min() >= 0
    assert X.max() <= 1


# Inputs: categories.


def test_a_category_is_one_hot_in_sorted_order():
    colours = ["red", "blue", "red", "green"]
    encoding = Encoding.fit(a_table(colour=colours))
    assert encoding.inputs[0].labels == ("colour=blue", "colour=green", "colour=red")
    np.testing.assert_array_equal(
        encoding.encode_inputs(a_table(colour=colours)), np.eye(3)[[["blue", "green", "red"].index(c) for c in colours]]
    )


@given(st.lists(st.lists(st.sampled_from("pqrs"), min_size=6, max_size=6), min_size=1, max_size=3))
def test_each_category_column_has_exactly_one_1_per_row(columns):
    table = a_table(number=np.arange(6.0), **{f"c_{i}": column for i, column in enumerate(columns)})
    encoding = Encoding.fit(table)
    X = encoding.encode_inputs(table)
    assert X.shape == (6, encoding.n_inputs) == (6, sum(one.width for one in encoding.inputs))
    start = 1
    for one, column in zip(encoding.inputs[1:], columns, strict=True):
        part = X[:, start : start + one.width]
        assert set(np.unique(part)) <= {0.0, 1.0}
        assert (part.sum(axis=1) == 1).all()
        assert [one.categories[k] for k in part.argmax(axis=1)] == column
        start += one.width


def test_categories_come_from_all_rows_so_that_none_is_unknown_later():
    table = a_table(c=["a", "b", "z", "a"], x=[1.0, 2.0, 3.0, 4.0])
    encoding = Encoding.fit(table, np.array([0, 1]))
    assert encoding.inputs[0].categories == ("a", "b", "z")
    assert encoding.encode_inputs(table).shape == (4, 4)


def test_an_unseen_category_is_refused_with_line_column_value_and_the_known_ones():
    encoding = Encoding.fit(a_table(colour=["red", "blue", "red"]))
    new = Table(
        "new.csv", {"colour": np.array(["red", "pink", "mauve"])}, places=np.array([2, 5, 6]), place_word="line"
    )
    with pytest.raises(DataFileError, match=r"new\.csv, line 5, column 'colour': 'pink'.*'blue', 'red'"):
        encoding.encode_inputs(new)


@pytest.mark.parametrize(("rows", "kinds"), [(15, 15), (MOST_CLASSES, MOST_CLASSES), (60, 30)])
def test_texts_that_recur_are_categories(rows, kinds):
    assert Encoding.fit(a_table(c=[f"n{i % kinds}" for i in range(rows)])).n_inputs == kinds


@pytest.mark.parametrize(("rows", "kinds"), [(MOST_CLASSES + 1, MOST_CLASSES + 1), (60, 31), (1000, 501)])
def test_texts_that_hardly_recur_are_names_and_no_input(rows, kinds):
    with pytest.raises(DataFileError, match=f"t, column 'c': {kinds} different texts in {rows} rows.*--drop"):
        Encoding.fit(a_table(c=[f"n{i % kinds}" for i in range(rows)]))


@pytest.mark.parametrize(("rows", "kinds"), [(MOST_CLASSES + 1, MOST_CLASSES + 1), (60, 31), (1000, 501)])
def test_texts_that_hardly_recur_are_names_and_no_classes(rows, kinds):
    with pytest.raises(ValueError, match=f"'y'.*{kinds} different texts in {rows} rows"):
        Encoding.fit(target_table([f"n{i % kinds}" for i in range(rows)]))


# Inputs: which columns.


def test_columns_go_by_name_whatever_their_order_and_others_are_passed_over():
    table = a_table(c=["a", "b", "a"], x=[1.0, 2.0, 4.0], z=[5.0, 5.5, 7.0])
    encoding = Encoding.fit(table)
    shuffled = a_table(z=[5.0, 5.5, 7.0], more=["?", "!", "."], x=[1.0, 2.0, 4.0], c=["a", "b", "a"])
    assert encoding.encode_inputs(shuffled).tobytes() == encoding.encode_inputs(table).tobytes()


def test_missing_input_columns_are_refused_by_name():
    encoding = Encoding.fit(numeric_table())
    with pytest.raises(DataFileError, match="lacks 2 of the model's input columns: 'x_1', 'x_3'"):
        encoding.encode_inputs(a_table(x_2=[1.0, 2.0]))


def test_text_where_the_model_has_numbers_is_refused_with_its_place():
    encoding = Encoding.fit(a_table(x=[1.0, 2.0]))
    with pytest.raises(DataFileError, match="t, row 1, column 'x': 'one' is text"):
        encoding.encode_inputs(a_table(x=["one", "two"]))


def test_numbers_where_the_model_has_categories_are_refused_with_their_place():
    encoding = Encoding.fit(a_table(c=["a", "b"]))
    with pytest.raises(DataFileError, match="t, row 1, column 'c': '7"):
        encoding.encode_inputs(a_table(c=[7.0, 8.0]))


def test_numbers_are_encoded_alike_whatever_their_dtype():
    encoding = Encoding.fit(a_table(x=[1.0, 0.0, 1.0]))
    expected = encoding.encode_inputs(a_table(x=[1.0, 0.0, 0.0]))
    for dtype in ("bool", "int8", "uint64", "float32"):
        got = encoding.encode_inputs(a_table(x=np.array([1, 0, 0], dtype)))
        np.testing.assert_array_equal(got, expected, err_msg=dtype)


# Targets: classes.


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        (["b", "a", "b"], ("a", "b")),
        ([10, 2, -1, 2], ("-1", "2", "10")),
        ([10.0, 2.0, -1.0, 2.0], ("-1", "2", "10")),
        (np.array([3, 1], np.uint8), ("1", "3")),
        ([2**53, 2**53 - 1], (str(2**53 - 1), str(2**53))),
    ],
    ids=["text", "ints", "whole floats", "bytes", "large ints"],
)
def test_classes_stand_in_their_natural_order_and_are_encoded_by_it(y, classes):
    encoding = Encoding.fit(target_table(y))
    assert encoding.target.classes == classes
    index = encoding.encode_targets(target_table(y))
    assert index.dtype.kind == "i"
    assert [classes[i] for i in index] == [str(value).removesuffix(".0") for value in np.asarray(y).tolist()]


def test_false_is_the_first_class_of_booleans_and_true_the_second():
    y = np.array([True, False, True])
    encoding = Encoding.fit(target_table(y))
    assert len(encoding.target.classes) == 2
    assert encoding.encode_targets(target_table(y)).tolist() == [1, 0, 1]


def test_whole_numbers_of_any_size_stay_different_classes():
    y = [1e300, 2e300, 1e19, 1e300]
    encoding = Encoding.fit(target_table(y), task="classification")
    assert len(set(encoding.target.classes)) == 3
    index = encoding.encode_targets(target_table(y))
    assert index[0] == index[3]
    assert len(set(index)) == 3


def test_a_class_is_the_same_whichever_rows_stand_beside_it():
    y = np.array([0.5, 1.0, 2.0, 1.0])
    encoding = Encoding.fit(target_table(y), task="classification")
    together = encoding.encode_targets(target_table(y))
    alone = [int(encoding.encode_targets(target_table(y[i : i + 1]))[0]) for i in range(len(y))]
    assert together.tolist() == alone == [0, 1, 2, 1]


@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_answers_to_one_hot_outputs_are_the_classes(n_classes):
    y = [f"class {i}" for i in range(n_classes)] * 2
    encoding = Encoding.fit(target_table(y))
    index = encoding.encode_targets(target_table(y))
    answers = encoding.decode(np.eye(n_classes)[index])
    assert answers["y"].tolist() == y
    assert list(answers) == ["y", *(f"p({name})" for name in encoding.target.classes)]


def test_one_output_is_the_probability_of_the_second_class():
    encoding = Encoding.fit(target_table(["no", "yes", "no"]))
    answers = encoding.decode(np.array([[0.25], [0.75], [1.0]]))
    assert answers["y"].tolist() == ["no", "yes", "yes"]
    assert answers["p(yes)"].tolist() == [0.25, 0.75, 1]
    assert answers["p(no)"].tolist() == [0.75, 0.25, 0]


def test_an_unseen_class_is_refused_with_row_column_value_and_the_known_ones():
    encoding = Encoding.fit(target_table(["no", "yes"]))
    with pytest.raises(DataFileError, match=r"t, row 2, column 'y': 'maybe'.*'no', 'yes'"):
        encoding.encode_targets(target_table(["no", "maybe"]))


def test_classes_come_from_all_rows():
    table = target_table(["a", "b", "c"])
    assert Encoding.fit(table, np.array([0, 1])).target.classes == ("a", "b", "c")


# Targets: numbers.


@given(y=arrays(float, 9, elements=reals), rows=st.integers(2, 9))
def test_scaled_numbers_decode_to_themselves(y, rows):
    encoding = Encoding.fit(target_table(y), np.arange(rows), task="regression")
    Y = encoding.encode_targets(target_table(y))
    assert Y.shape == (9, 1)
    np.testing.assert_allclose(encoding.decode(Y)["y"], y, rtol=0, atol=16 * EPS * np.abs(y).max())


def test_target_scaling_comes_from_the_given_rows_and_standardises_them():
    y = np.array([1.5, 100.0, 2.5, 7.25, -50.0, 3.0])
    rows = np.array([0, 2, 3, 5])
    Y = Encoding.fit(target_table(y), rows).encode_targets(target_table(y))
    np.testing.assert_allclose([Y[rows].mean(), Y[rows].std()], [0, 1], atol=16 * EPS)


def test_unscaled_targets_keep_their_bits():
    y = np.array([1.5, 100.0, 2.5])
    encoding = Encoding.fit(target_table(y), scales_target=False)
    assert encoding.encode_targets(target_table(y)).tobytes() == y.tobytes()
    assert encoding.decode(y[:, np.newaxis])["y"].tobytes() == y.tobytes()


def test_several_numbers_are_scaled_each_by_itself():
    table = target_table([1.5, 2.5, 4.0], ("y", "u"), u=[1e6, 3e6, 2e6])
    encoding = Encoding.fit(table)
    Y = encoding.encode_targets(table)
    assert encoding.n_outputs == 2
    np.testing.assert_allclose(Y.std(axis=0), 1, rtol=16 * EPS)
    for name, column in encoding.decode(Y).items():
        np.testing.assert_allclose(column, table.columns[name], rtol=16 * EPS)


@given(value=reals, n=st.integers(1, 40))
def test_a_constant_target_keeps_its_units(value, n):
    encoding = Encoding.fit(target_table(np.full(n, value)), task="regression")
    low, high = encoding.decode(np.array([[0.0], [1.0]]))["y"]
    np.testing.assert_allclose([low, high - low], [value, 1], rtol=0, atol=64 * EPS * (abs(value) + 1))


def test_text_where_the_model_has_a_number_as_target_is_refused():
    encoding = Encoding.fit(target_table([1.5, 2.5]))
    with pytest.raises(DataFileError, match="row 1, column 'y'"):
        encoding.encode_targets(target_table(["a", "b"]))


def test_a_missing_target_column_is_refused_by_name():
    encoding = Encoding.fit(target_table([1.5, 2.5]))
    with pytest.raises(DataFileError, match="lacks the target column 'y'"):
        encoding.encode_targets(Table("t", {"x": np.ones(2)}))


# Which task it is.


@pytest.mark.parametrize(
    ("y", "is_classes"),
    [
        (["a", "b"] * 30, True),
        ([f"n{i % 30}" for i in range(60)], True),
        ([0, 1] * 30, True),
        (np.array([False, True] * 30), True),
        (np.arange(60) % MOST_CLASSES, True),
        (np.arange(60) % (MOST_CLASSES + 1), False),
        ([0.0, 1.0, 0.5] * 20, False),
        (np.arange(60), False),
    ],
    ids=["text", "many texts", "two ints", "booleans", "20 ints", "21 ints", "halves", "60 ints"],
)
def test_text_and_a_few_whole_numbers_are_classes_and_all_else_is_a_number(y, is_classes):
    assert (Encoding.fit(target_table(y)).target.classes is not None) == is_classes


def test_the_task_overrides_what_the_target_looks_like():
    assert Encoding.fit(target_table([0, 1, 2]), task="regression").target.classes is None
    assert Encoding.fit(target_table([0.5, 1.5, 0.5]), task="classification").target.classes == ("0.5", "1.5")


@pytest.mark.parametrize(
    ("classes", "n_outputs", "fitting"),
    [(2, 1, {1, 2}), (3, 3, {3}), (7, 7, {7})],
)
def test_two_classes_need_one_output_or_two_and_more_classes_one_each(classes, n_outputs, fitting):
    encoding = Encoding.fit(target_table([f"c{i}" for i in range(classes)]))
    assert encoding.n_outputs == n_outputs
    assert {n for n in range(1, 10) if encoding.fits(n)} == fitting


@pytest.mark.parametrize(
    ("table", "options", "error", "words"),
    [
        (target_table([1.5, 2.5], ()), {}, ValueError, r"t: name the target.*'x', 'y'"),
        (Table("t", {"y": np.array([1.5, 2.5])}, ("y",)), {}, ValueError, "t has no columns but the target"),
        (target_table(["a", "a"]), {}, ValueError, "t: the target 'y' has one class alone, 'a'"),
        (target_table([3, 3]), {}, ValueError, "'y' has one class alone, '3'"),
        (target_table(["a", "b"]), {"task": "regression"}, ValueError, "'y' is text"),
        (target_table(["a", "b"], ("y", "u"), u=[1, 2]), {}, ValueError, "2 targets"),
        (target_table([1, 2], ("y", "u"), u=[1, 2]), {"task": "classification"}, ValueError, "2 targets"),
        (target_table([1.5, 2.5]), {"scaling": "robust"}, UnknownNameError, "'robust'.*standard"),
        (target_table([1.5, 2.5]), {"task": "clustering"}, UnknownNameError, "'clustering'.*classification"),
    ],
    ids=[
        "no target", "no inputs", "one text", "one number", "text as a number", "text and a number",
        "classes of two columns", "unknown scaling", "unknown task",
    ],
)  # fmt: skip
def test_what_cannot_be_learnt_is_refused_with_the_reason(table, options, error, words):
    with pytest.raises(error, match=words):
        Encoding.fit(table, **options)


# Files.

_names = st.text(max_size=5)
_numbers = st.floats(allow_nan=False, allow_infinity=False)
_scales = st.floats(0, exclude_min=True, allow_infinity=False)


def _distinct_names(least):
    return st.lists(_names, min_size=least, max_size=4, unique=True).map(tuple)


@given(
    inputs=st.lists(
        st.builds(InputEncoding, _names, st.none() | _distinct_names(1), _numbers, _scales),
        min_size=1,
        max_size=4,
        unique_by=lambda one: one.name,
    ),
    target=st.one_of(
        st.builds(TargetEncoding, st.tuples(_names), _distinct_names(2)),
        st.builds(
            TargetEncoding,
            st.tuples(_names, _names),
            st.none(),
            st.tuples(_numbers, _numbers),
            st.tuples(_scales, _scales),
        ),
    ),
)
def test_an_encoding_goes_through_json_unchanged(inputs, target):
    encoding = Encoding(tuple(inputs), target)
    assert Encoding.from_dict(json.loads(json.dumps(encoding.to_dict()))) == encoding


def test_an_encoding_read_back_encodes_to_the_same_bits():
    table = a_table(c=["a", "b"] * 15, x=NUMBERS[:, 0], z=NUMBERS[:, 2], y=NUMBERS[:, 1])
    encoding = Encoding.fit(table)
    back = Encoding.from_dict(json.loads(json.dumps(encoding.to_dict())))
    assert back.encode_inputs(table).tobytes() == encoding.encode_inputs(table).tobytes()
    assert back.encode_targets(table).tobytes() == encoding.encode_targets(table).tobytes()
