"""Descriptions of JSON values: what fits comes back as it was, and what does not is named with its place, in short."""

import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.schema import (
    MismatchError,
    dict_of,
    either,
    list_of,
    maybe,
    one_of,
    real,
    record,
    row_of,
    scalar,
    text,
    truth,
    whole,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
FITS = {
    "whole": (whole(), [0, 7, 2**53], [-1, 2**53 + 1, 1.0, True, None, "1", float("inf"), [1], {}]),
    "whole from 2 to 5": (whole(2, 5), [2, 5], [1, 6]),
    "whole without end": (whole(0, None), [0, 10**4000], [-1, 0.0]),
    "real": (
        real(),
        [0, -1.5, 10**300, sys.float_info.max],
        [10**400, -(10**400), float("nan"), float("-inf"), True, "0"],
    ),
    "positive": (real(0, open_low=True), [1e-320, 3], [0, -0.0, -1]),
    "share": (real(0, 1), [0, 1, 0.5], [-1e-9, 1.0000001]),
    "text": (text, ["", "x"], [None, 3, ["x"]]),
    "truth": (truth, [True, False], [0, 1, None, "true"]),
    "choice": (one_of("a", "b"), ["a", "b"], ["c", "", None, 0, ["a"], {}]),
    "scalar": (scalar, [None, True, 1.5, "x"], [[], {}, float("nan")]),
    "maybe": (maybe(whole()), [None, 3], [-1, "x"]),
    "either": (either("a number or text", real(), text), [1.5, "x"], [None, [], True]),
    "list": (list_of(whole(), 2), [[1, 2], [1, 2, 3]], [[1], [1, -2], {"0": 1, "1": 2}, None, "12"]),
    "row": (row_of(whole(), text), [[1, "x"]], [[1], [1, "x", 2], ["x", 1], None]),
    "dict": (dict_of(whole()), [{}, {"a": 1}], [{"a": -1}, [], None, "a"]),
    "record": (
        record({"a": whole()}, {"b": text}),
        [{"a": 1}, {"a": 1, "b": "x"}],
        [{}, {"b": "x"}, {"a": 1, "b": 3}, []],
    ),
}


@pytest.mark.parametrize("name", FITS)
def test_what_fits_comes_back_and_what_does_not_is_refused(name):
    description, fitting, others = FITS[name]
    for value in fitting:
        found = description(value, "")
        assert (type(found), found) == (type(value), value)
    for value in others:
        with pytest.raises(MismatchError):
            description(value, "")


@pytest.mark.parametrize("name", FITS)
@given(value=JSON)
def test_any_value_fits_or_is_refused_in_one_short_printable_line(name, value):
    description = FITS[name][0]
    try:
        found = description(value, "here")
    except MismatchError as error:
        said = str(error)
    else:
        assert json.loads(json.dumps(found)) == found
        return
    assert said.startswith("here")
    assert said.isprintable()
    assert len(said) < 400


def test_a_mismatch_names_its_place():
    description = record({"rows": list_of(record({"size": whole(1)}))})
    for value, place in [
        ({}, "the header lacks 'rows'"),
        (3, "the header must be an object, got 3"),
        ({"rows": [{"size": 1}, {"size": 0}]}, r"rows\[1\]\.size must be a whole number in \[1, ∞\), got 0"),
        ({"rows": [{"size": 1}, {}]}, r"rows\[1\] lacks 'size'"),
        ({"rows": "x" * 1000}, "rows must be a list, got 'xxx"),
    ]:
        with pytest.raises(MismatchError, match=f"^{place}"):
            description(value, "")


def test_keys_that_are_not_described_are_passed_over():
    assert record({"a": whole()})({"a": 1, "later": [[[]]]}, "") == {"a": 1}
