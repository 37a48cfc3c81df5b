"""Readers: what was written is what is read, and anything else is refused with its place; damage is never a crash."""

import csv
import gzip
import io
import itertools
import os
import struct
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.data import Table, read, read_csv, read_idx, read_npz, read_parquet
from pellucid.errors import DataFileError, MissingExtraError, UnknownNameError

PLAIN = "a,b,kind\n1.5,-2e3,x\n.25,+4,y\n"


@pytest.fixture
def write(tmp_path):
    """Write a file and return its path as text."""

    def put(name, content):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return put


def columns_of(table):
    return {name: column.tolist() for name, column in table.columns.items()}


def refused(path, **arguments):
    """The message with which reading is refused; it names the file and stands on one line."""
    with pytest.raises(DataFileError) as caught:
        read(path, **arguments)
    message = str(caught.value)
    assert path in message
    assert "\n" not in message
    return message


# CSV: what is read.


@pytest.mark.parametrize("is_packed", [False, True], ids=["plain", "gz"])
@pytest.mark.parametrize("bom", ["", "\ufeff"], ids=["no BOM", "BOM"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
def test_a_csv_is_the_same_with_any_delimiter_newline_mark_or_packing(delimiter, newline, bom, is_packed, write):
    text = bom + PLAIN.replace(",", delimiter).replace("\n", newline)
    data = gzip.compress(text.encode()) if is_packed else text
    table = read(write("t.csv.gz" if is_packed else "t.csv", data))
    assert columns_of(table) == {"a": [1.5, 0.25], "b": [-2000.0, 4.0], "kind": ["x", "y"]}
    assert [table.columns[name].dtype.kind for name in "ab"] == ["f", "f"]


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".txt", ".CSV", ".csv.gz"])
def test_the_delimiter_comes_from_the_text_and_not_from_the_ending(ending, write):
    assert list(read(write("t" + ending, PLAIN.replace(",", ";"))).columns) == ["a", "b", "kind"]


def test_quotes_hold_delimiters_newlines_and_quotes(write):
    table = read(write("t.csv", 'a,b\n"x, y","1"\n"line\nbreak","2"\n"say ""hi""","3"\n'))
    assert columns_of(table) == {"a": ["x, y", "line\nbreak", 'say "hi"'], "b": [1, 2, 3]}


def test_quoted_delimiters_in_the_header_do_not_decide_which_delimiter_it_is(write):
    assert columns_of(read(write("t.csv", '"a, b, c";y\n1;2\n'))) == {"a, b, c": [1], "y": [2]}


def test_blank_lines_are_passed_over_wherever_they_stand(write):
    assert columns_of(read(write("t.csv", "\n\na,b\n\n1,2\n , \n,\n3,4\n\n"))) == {"a": [1, 3], "b": [2, 4]}


def test_blank_lines_before_the_header_do_not_decide_which_delimiter_it_is(write):
    assert columns_of(read(write("t.csv", "\n\na;b\n1;2\n"))) == {"a": [1], "b": [2]}


def test_a_last_line_needs_no_newline(write):
    assert columns_of(read(write("t.csv", "a,b\n1,2\n3,4"))) == {"a": [1, 3], "b": [2, 4]}


def test_spaces_around_names_and_cells_do_not_count(write):
    assert columns_of(read(write("t.csv", " a , b \n 1 ,  x y \n"))) == {"a": [1], "b": ["x y"]}


def test_without_a_header_the_first_line_is_data_and_columns_are_numbered(write):
    table = read(write("t.csv", "1,x\n2,y\n"), header=False)
    assert columns_of(table) == {"column_1": [1, 2], "column_2": ["x", "y"]}


def test_underscores_make_no_number(write):
    assert columns_of(read(write("t.csv", "a\n1_000\n2_000\n"))) == {"a": ["1_000", "2_000"]}


@pytest.mark.parametrize(("target", "targets"), [(None, ()), ("b", ("b",)), (["b", "a"], ("b", "a"))], ids=str)
def test_targets_are_taken_by_name_and_the_rest_are_features(target, targets, write):
    table = read(write("t.csv", PLAIN), target)
    assert table.targets == targets
    assert table.features == tuple(name for name in ("a", "b", "kind") if name not in targets)


def test_an_unknown_target_is_refused_with_the_nearest_column(write):
    with pytest.raises(UnknownNameError, match=r"t\.csv 'Kind'.*did you mean 'kind'"):
        read(write("t.csv", PLAIN), "Kind")


_WORDS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t"), min_size=1, max_size=12
).map(str.strip)


def _is_text(cell):
    try:
        float(cell)
    except ValueError:
        return cell.lower() not in ("", "na", "n/a", "nan", "null", "?")
    return False


_TEXTS = _WORDS.filter(_is_text)
_NAMES = _TEXTS.filter(lambda name: not set(name) & set(",;\t\n\r"))  # the first line decides the delimiter


@st.composite
def tables(draw):
    """Columns by name, each of finite numbers or of text."""
    n = draw(st.integers(1, 6))
    names = draw(st.lists(_NAMES, min_size=1, max_size=4, unique=True))
    cells = st.one_of(
        st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=n, max_size=n),
        st.lists(_TEXTS, min_size=n, max_size=n),
    )
    return {name: draw(cells) for name in names}


@given(
    columns=tables(),
    delimiter=st.sampled_from(",;\t"),
    newline=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    bom=st.booleans(),
)
def test_a_table_written_by_the_csv_module_is_read_back_equal(
    tmp_path_factory, columns, delimiter, newline, quoting, bom
):
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=newline, quoting=quoting)
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    path = tmp_path_factory.getbasetemp() / "round_trip.csv"
    path.write_bytes(text.getvalue().encode("utf-8-sig" if bom else "utf-8"))
    assert columns_of(read_csv(path)) == columns


# CSV: what is refused, and where.


@pytest.mark.parametrize("cell", ["", "  ", "NA", "nan", "NaN", "null", "?", "N/A"])
def test_a_missing_cell_is_refused_with_line_and_column(cell, write):
    message = refused(write("t.csv", f"a,b\n1,2\n\n3,{cell}\n5,6\n7,{cell}\n"))
    assert "line 4, column 'b'" in message
    assert "missing" in message
    assert "1 more" in message


def test_a_missing_text_is_refused_like_a_missing_number(write):
    assert "line 3, column 'b'" in refused(write("t.csv", "a,b\n1,x\n2,\n"))


@pytest.mark.parametrize("cell", ["x", "1,5", "12%", "0x10", "1 2", "1_0", "--1", "1e"])
def test_a_word_among_numbers_is_refused_with_line_column_and_itself(cell, write):
    message = refused(write("t.csv", f'a,b\n1,2\n3,4\n5,"{cell}"\n'))
    assert "line 4, column 'b'" in message
    assert repr(cell) in message


@pytest.mark.parametrize("cell", ["inf", "-Infinity", "1e999", "-1e400"])
def test_a_number_that_is_not_finite_is_refused_with_line_and_column(cell, write):
    message = refused(write("t.csv", f"a,b\n1,2\n{cell},4\n"))
    assert "line 3, column 'a'" in message
    assert cell in message


@pytest.mark.parametrize(("row", "cells"), [("1", 1), ("1,2,3", 3), ("1,2,", 3)])
def test_a_row_of_another_length_is_refused_with_its_line(row, cells, write):
    message = refused(write("t.csv", f"a,b\n1,2\n{row}\n"))
    assert f"line 3 has {cells} cell" in message
    assert "2 columns" in message


def test_decimal_commas_are_read_as_numbers_or_refused_but_are_no_categories(write):
    path = write("t.csv", "a;y\n0,5;1\n-1,25;2\n")
    try:
        assert columns_of(read(path)) == {"a": [0.5, -1.25], "y": [1, 2]}
    except DataFileError as error:
        assert "line 2, column 'a'" in str(error)  # noqa: PT017 (either outcome will do)


def test_lines_are_counted_in_the_file_and_not_in_rows(write):
    message = refused(write("t.csv", 'a,b\n"two\nlines",1\n\n\nx,2\ny,z\n'))
    assert "line 7, column 'b'" in message


def test_lines_are_counted_from_1_without_a_header(write):
    assert "line 2, column 'column_1'" in refused(write("t.csv", "1,2\nx,4\n"), header=False)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b,a\n1,2,3\n", ["'a'", "twice"]),
        ("a, a \n1,2\n", ["'a'", "twice"]),
        ("a,,c\n1,2,3\n", ["column 2", "no name"]),
        ("a,b,\n1,2,3\n", ["column 3", "no name"]),
        ("1,2.5\n3,4\n", ["first line holds numbers", "--no-header"]),
        ("", ["empty"]),
        ("\n \n,\n", ["empty"]),
        ("a,b\n", ["no rows"]),
        ("a,b\n\n\n", ["no rows"]),
        ("a,b\n1,\0\n", ["NUL"]),
        ('a,b\n1,"x\n2,y\n3,z\n', ["line"]),
        ('a,b\n1,"x"y\n', ["line 2"]),
        ("a,b\r1,2\r3,4\r", ["line 1"]),
        (b"a,b\n1,caf\xe9\n", ["UTF-8", "byte 9"]),
        ("a,b\n1,2\n".encode("utf-16"), ["UTF-8"]),
    ],
    ids=[
        "a name twice", "a name twice but for spaces", "a name missing", "the last name missing", "numbers as names",
        "empty", "blank", "header alone", "header and blank lines", "NUL", "a quote never closed",
        "text after a closed quote", "old Macintosh newlines", "Latin-1", "UTF-16",
    ],
)  # fmt: skip
def test_a_broken_csv_is_refused_with_what_is_broken(text, words, write):
    message = refused(write("t.csv", text))
    for word in words:
        assert word in message


def test_a_cell_too_large_for_a_cell_is_refused_with_its_line(write):
    assert "line 2" in refused(write("t.csv", f"a,b\n1,{'x' * 200_000}\n"))


def test_a_packed_file_cut_anywhere_is_refused(write):
    whole = gzip.compress(PLAIN.encode())
    for length in range(2, len(whole)):
        assert "gzip" in refused(write("t.csv.gz", whole[:length]))


# Parquet.


@pytest.fixture
def write_parquet(tmp_path):
    """Write columns as Parquet and return the path as text."""
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")

    def put(columns, name="t.parquet"):
        arrays = [column if isinstance(column, pyarrow.Array) else pyarrow.array(column) for column in columns.values()]
        parquet.write_table(pyarrow.Table.from_arrays(arrays, names=list(columns)), tmp_path / name)
        return str(tmp_path / name)

    return put


@pytest.mark.parametrize(
    "dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64", "bool"]
)
def test_every_type_of_number_comes_back_from_parquet(dtype, write_parquet):
    values = np.array([0, 1, 100, 1], dtype)
    table = read(write_parquet({"b": values, "a": np.array([4.0, 3.0, 2.0, 1.0])}), "a")
    assert list(table.columns) == ["b", "a"]
    assert table.targets == ("a",)
    np.testing.assert_array_equal(table.columns["b"], values)


def test_every_type_of_text_comes_back_from_parquet(write_parquet):
    pyarrow = pytest.importorskip("pyarrow")
    words = ["x", "äö", "x", "a, b"]
    kinds = {
        "string": pyarrow.array(words),
        "large": pyarrow.array(words, pyarrow.large_string()),
        "dictionary": pyarrow.array(words).dictionary_encode(),
    }
    for name, column in read(write_parquet(kinds)).columns.items():
        assert column.dtype.kind == "U", name
        assert column.tolist() == words, name


def test_a_dictionary_of_numbers_is_a_column_of_numbers(write_parquet):
    pyarrow = pytest.importorskip("pyarrow")
    column = read(write_parquet({"a": pyarrow.array([5, 7, 5]).dictionary_encode()})).columns["a"]
    assert column.tolist() == [5, 7, 5]
    assert column.dtype.kind in "if"


@pytest.mark.parametrize(
    "values", [[1.5, 2.5, None, None], ["x", "y", None, None], [1, 2, None, None], [True, False, None, None]]
)
def test_a_null_in_parquet_is_refused_with_row_and_column(values, write_parquet):
    message = refused(write_parquet({"ok": [1, 2, 3, 4], "holes": values}))
    assert "row 3, column 'holes'" in message
    assert "2 in this column" in message


@pytest.mark.parametrize(("value", "word"), [(float("nan"), "missing"), (float("inf"), "inf"), (-np.inf, "-inf")])
def test_a_number_in_parquet_that_is_not_finite_is_refused_with_row_and_column(value, word, write_parquet):
    message = refused(write_parquet({"a": [1.0, 2.0, value]}))
    assert "row 3, column 'a'" in message
    assert word in message


@pytest.mark.parametrize("kind", ["timestamp", "date", "duration", "decimal", "list", "struct", "binary"])
def test_a_type_that_is_neither_number_nor_text_is_refused_with_its_name(kind, write_parquet):
    pyarrow = pytest.importorskip("pyarrow")
    column = {
        "timestamp": lambda: pyarrow.array([0, 1], pyarrow.timestamp("s")),
        "date": lambda: pyarrow.array([0, 1], pyarrow.date32()),
        "duration": lambda: pyarrow.array([0, 1], pyarrow.duration("s")),
        "decimal": lambda: pyarrow.array(["1.5", "2.5"]).cast(pyarrow.decimal128(4, 1)),
        "list": lambda: pyarrow.array([[1.0], [2.0]]),
        "struct": lambda: pyarrow.array([{"x": 1}, {"x": 2}]),
        "binary": lambda: pyarrow.array([b"x", b"y"]),
    }[kind]()
    message = refused(write_parquet({"ok": [1, 2], "odd": column}))
    assert "'odd'" in message
    assert kind in message


def test_a_parquet_without_rows_is_refused(write_parquet):
    assert "no rows" in refused(write_parquet({"a": np.array([], float)}))


def test_a_parquet_with_one_name_twice_is_refused_for_that(write_parquet):
    parquet, pyarrow = pytest.importorskip("pyarrow.parquet"), pytest.importorskip("pyarrow")
    path = write_parquet({"a": [1.0, 2.0]})
    parquet.write_table(pyarrow.Table.from_arrays([pyarrow.array([1.0]), pyarrow.array([2.0])], ["a", "a"]), path)
    message = refused(path)
    assert "truncated" not in message
    assert "'a' twice" in message


def test_a_parquet_cut_anywhere_is_refused_on_one_line(write_parquet, write):
    with open(write_parquet({"a": [1.0, 2.0, 3.0], "kind": ["x", "y", "x"]}), "rb") as file:
        whole = file.read()
    for length in range(0, len(whole), 29):
        assert "Parquet" in refused(write("cut.parquet", whole[:length]))


def test_a_damaged_parquet_is_refused_or_read_but_never_crashes(write_parquet, write):
    with open(write_parquet({"a": [1.0, 2.0, 3.0], "kind": ["x", "y", "x"]}), "rb") as file:
        whole = file.read()
    for place in range(0, len(whole), 5):
        path = write("damaged.parquet", whole[:place] + bytes([whole[place] ^ 0x80]) + whole[place + 1 :])
        try:
            assert list(read(path).columns)
        except DataFileError as error:
            assert path in str(error)  # noqa: PT017 (either outcome will do)


def test_parquet_without_pyarrow_says_which_command_installs_it(write, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'pellucid\[table\]'"):
        read_parquet(write("t.parquet", b"PAR1"))


# NPZ.


@pytest.fixture
def write_npz(tmp_path):
    """Write arrays as NPZ and return the path as text."""

    def put(name="t.npz", **arrays):
        np.savez(tmp_path / name, **arrays)
        return str(tmp_path / name)

    return put


@pytest.mark.parametrize("x_name", ["X", "x", "data", "X_train", "x_train"])
@pytest.mark.parametrize("y_name", ["y", "Y", "target", "labels", "y_train"])
def test_an_npz_of_inputs_and_targets_is_read_under_any_usual_name(x_name, y_name, write_npz):
    X, y = np.arange(12.0).reshape(4, 3), np.array([0, 1, 1, 0])
    table = read(write_npz(**{x_name: X, y_name: y}))
    assert table.features == ("x_1", "x_2", "x_3")
    assert table.targets == (y_name,)
    np.testing.assert_array_equal(np.stack([table.columns[f"x_{k}"] for k in (1, 2, 3)], axis=1), X)
    np.testing.assert_array_equal(table.columns[y_name], y)


@pytest.mark.parametrize("shape", [(4,), (4, 6), (4, 3, 2), (4, 1, 2, 3)], ids=str)
def test_inputs_of_any_shape_are_flattened_row_by_row(shape, write_npz):
    X = np.arange(np.prod(shape), dtype=float).reshape(shape)
    table = read(write_npz(X=X))
    np.testing.assert_array_equal(np.stack(list(table.columns.values()), axis=1), X.reshape(4, -1))
    assert not table.targets


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "uint16", "int64", "float16", "float32", "float64", ">f8"])
def test_bytes_alone_count_as_pixels(dtype, write_npz):
    table = read(write_npz(X=np.ones((4, 2, 2), dtype)))
    assert table.is_image == (dtype == "uint8")
    assert [column.tolist() for column in table.columns.values()] == [[1] * 4] * 4


def test_several_targets_become_numbered_columns(write_npz):
    Y = np.arange(8.0).reshape(4, 2)
    table = read(write_npz(X=np.ones((4, 3)), y=Y))
    assert table.targets == ("y_1", "y_2")
    np.testing.assert_array_equal(np.stack([table.columns[name] for name in table.targets], axis=1), Y)


def test_targets_may_be_text_and_have_a_name_of_their_own(write_npz):
    table = read(write_npz(X=np.ones((3, 2)), species=np.array(["a", "b", "a"])), "species")
    assert table.targets == ("species",)
    assert table.columns["species"].tolist() == ["a", "b", "a"]


def test_a_target_that_is_named_like_an_input_column_does_not_replace_it(write_npz):
    path = write_npz(X=np.zeros((3, 2)), x_1=np.array([1.5, 2.5, 3.5]))
    try:
        table = read(path, "x_1")
    except DataFileError as error:
        assert "x_1" in str(error)  # noqa: PT017 (either outcome will do)
    else:
        assert len(table.features) == 2


@pytest.mark.parametrize(
    ("arrays", "target", "words"),
    [
        ({"A": np.ones(3)}, None, ["no array X", "A"]),
        ({"X": np.ones((3, 2)), "y": np.ones(3)}, "z", ["no array z", "X, y"]),
        ({"X": np.ones((3, 2)), "y": np.ones(4)}, None, ["3 inputs", "(4,)"]),
        ({"X": np.ones((3, 2)), "y": np.ones((3, 2, 2))}, None, ["(3, 2, 2)"]),
        ({"X": np.ones((3, 2)), "y": np.float64(1)}, None, ["()"]),
        ({"X": np.float64(1)}, None, ["()"]),
        ({"X": np.array(["a", "b"])}, None, ["<U1"]),
        ({"X": np.ones((3, 2), complex)}, None, ["complex128"]),
        ({"X": np.ones((3, 2)), "y": np.ones(3, complex)}, None, ["complex128"]),
        ({"X": np.array(["2020-01-01"], "datetime64[D]")}, None, ["datetime64"]),
        ({"X": np.zeros(3, [("a", float)])}, None, ["dtype"]),
        ({"X": np.ones((0, 2))}, None, ["no rows"]),
        ({"X": np.ones((3, 0))}, None, ["no columns"]),
        ({"X": np.array([[1, np.nan], [1, 1]])}, None, ["row 1", "'x_2'", "missing"]),
        ({"X": np.array([[1, 1], [np.inf, 1]])}, None, ["row 2", "'x_1'", "inf"]),
        ({"X": np.ones((2, 2)), "y": np.array([1, np.nan])}, None, ["row 2", "'y'", "missing"]),
    ],
    ids=[
        "no X", "no such target", "unequal lengths", "targets of three axes", "one target", "one input", "text inputs",
        "complex inputs", "complex targets", "dates", "records", "no rows", "no columns", "NaN", "infinity",
        "NaN target",
    ],
)  # fmt: skip
def test_an_npz_that_is_no_data_set_is_refused_with_the_reason(arrays, target, words, write_npz):
    message = refused(write_npz(**arrays), target=target)
    for word in words:
        assert word in message


@pytest.mark.parametrize("name", ["X", "y"])
def test_arrays_of_objects_are_refused_and_never_unpickled(name, write_npz):
    arrays = {"X": np.ones((2, 1)), "y": np.ones(2)} | {name: np.array([_Bomb(), None])}
    assert "bject" in refused(write_npz(**arrays))


class _Bomb:
    """An object whose unpickling fails the test."""

    def __reduce__(self):
        return pytest.fail, ("a data file's pickle was run",)


@pytest.fixture(params=[np.savez, np.savez_compressed], ids=["stored", "compressed"])
def npz_bytes(request):
    file = io.BytesIO()
    request.param(file, X=np.arange(12.0).reshape(4, 3), y=np.array(["a", "b", "a", "b"]))
    return file.getvalue()


def test_an_npz_cut_anywhere_is_refused(npz_bytes, write):
    for length in range(0, len(npz_bytes), 7):
        assert "NPZ" in refused(write("cut.npz", npz_bytes[:length]))


def test_a_damaged_npz_is_refused_or_read_but_never_crashes(npz_bytes, write):
    outcomes = set()
    for place, bit in itertools.product(range(0, len(npz_bytes), 2), (0x01, 0x40)):
        data = bytearray(npz_bytes)
        data[place] ^= bit
        path = write("damaged.npz", bytes(data))
        try:
            outcomes.add(len(read(path)))
        except DataFileError as error:
            outcomes.add("refused")
            assert path in str(error)  # noqa: PT017 (either outcome will do)
    assert outcomes == {4, "refused"}


@pytest.mark.parametrize("name", ["array.npz", "text.npz", "empty.npz", "pickle.npz"])
def test_what_is_no_npz_is_refused_as_such(name, write):
    npy = io.BytesIO()
    np.save(npy, np.ones(3))
    content = {"array": npy.getvalue(), "text": b"a,b\n1,2\n", "empty": b"", "pickle": b"\x80\x04N."}
    assert "NPZ" in refused(write(name, content[name.removesuffix(".npz")]))


# IDX.

IDX_TYPES = {"uint8": 0x08, "int8": 0x09, "int16": 0x0B, "int32": 0x0C, "float32": 0x0D, "float64": 0x0E}


def idx(array):
    """An array as an IDX file, by the format's own description: big-endian, a size per axis."""
    head = bytes([0, 0, IDX_TYPES[array.dtype.name], array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.mark.parametrize("is_packed", [False, True], ids=["plain", "gz"])
@pytest.mark.parametrize("dtype", IDX_TYPES)
def test_every_type_of_idx_comes_back(dtype, is_packed, write):
    signed = dtype != "uint8"
    X = (np.arange(24) - 12 * signed).reshape(4, 3, 2).astype(dtype)
    path = write("t.idx.gz", gzip.compress(idx(X))) if is_packed else write("t.idx", idx(X))
    table = read(path)
    np.testing.assert_array_equal(np.stack(list(table.columns.values()), axis=1), X.reshape(4, 6))
    assert table.is_image == (dtype == "uint8")
    assert not table.targets


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
        ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
        ("some-images.idx", "some-labels.idx"),
    ],
)
def test_labels_are_found_by_the_name_of_the_images(images, labels, write):
    pack = gzip.compress if images.endswith(".gz") else bytes
    write(labels, pack(idx(np.array([7, 8, 9], np.uint8))))
    table = read(write(images, pack(idx(np.zeros((3, 2, 2), np.uint8)))))
    assert table.targets == ("label",)
    assert table.columns["label"].tolist() == [7, 8, 9]
    assert len(table.features) == 4


def test_labels_may_be_named_and_then_are_not_guessed(write):
    path = write("train-images-idx3-ubyte", idx(np.zeros((3, 2, 2), np.uint8)))
    write("train-labels-idx1-ubyte", idx(np.array([1, 1, 1], np.uint8)))
    mine = write("mine.idx", idx(np.array([4, 5, 6], np.uint8)))
    assert read(path, mine).columns["label"].tolist() == [4, 5, 6]
    assert read_idx(path).columns["label"].tolist() == [1, 1, 1]


def test_another_number_of_labels_than_images_is_refused(write):
    path = write("a.idx", idx(np.zeros((3, 2), np.uint8)))
    message = refused(path, target=write("b.idx", idx(np.zeros(4, np.uint8))))
    assert "3 inputs" in message
    assert "(4,)" in message


@pytest.mark.parametrize("is_packed", [False, True], ids=["plain", "gz"])
def test_an_idx_cut_anywhere_is_refused(is_packed, write):
    whole = idx(np.arange(12, dtype=np.int16).reshape(3, 2, 2))
    whole = gzip.compress(whole) if is_packed else whole
    for length in range(len(whole)):
        refused(write("cut.idx.gz" if is_packed else "cut.idx", whole[:length]))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (idx(np.zeros((2, 2), np.uint8)) + b"\0", ["(2, 2)", "17 bytes", "16"]),
        (b"\0\1\x08\1\0\0\0\1\0", ["no IDX"]),
        (b"\0\0\x07\1\0\0\0\1\0", ["no IDX"]),
        (b"\0\0\x08\0", ["no IDX"]),
        (b"PK\3\4" + bytes(20), ["no IDX"]),
        (b"", ["IDX"]),
        (b"\0\0\x08\2" + struct.pack(">II", 0, 3), ["no rows"]),
        (b"\0\0\x08\2" + struct.pack(">II", 2**32 - 1, 2**32 - 1), ["12 bytes", str((2**32 - 1) ** 2 + 12)]),
        (b"\0\0\x08\3" + struct.pack(">III", 2**31, 2**31, 4), ["16 bytes", str(2**64 + 16)]),
        (b"\0\0\x08\x46" + struct.pack(">70I", *[1] * 70) + b"\1", ["70"]),
    ],
    ids=[
        "a byte too many", "wrong magic", "unknown type", "no axes", "a zip", "empty", "no rows", "huge",
        "a size that overflows", "70 axes",
    ],
)  # fmt: skip
def test_what_is_no_idx_is_refused_with_the_reason(data, words, write):
    message = refused(write("t.idx", data))
    for word in words:
        assert word in message


def test_an_infinite_number_in_idx_is_refused_with_row_and_column(write):
    message = refused(write("t.idx", idx(np.array([[1, 2], [3, np.inf]]))))
    assert "row 2, column 'x_2'" in message


# Any file.


@pytest.mark.parametrize("name", ["t.json", "t.npy", "t.xlsx", "t", "t.gz", "t.csv.zip", ".csv"])
def test_an_unknown_ending_is_refused_with_the_known_ones(name, write):
    with pytest.raises(ValueError, match=r"unknown ending.*\.csv.*\.parquet.*\.npz.*\.idx"):
        read(write(name, PLAIN))


def test_a_missing_file_is_refused_with_its_name(tmp_path):
    path = str(tmp_path / "none.csv")
    with pytest.raises(FileNotFoundError, match=r"there is no file .*none\.csv"):
        read(path)


def test_a_name_that_is_neither_file_nor_data_set_is_refused_with_the_data_sets(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"no file digit;.*digits, xor"):
        read("digit")


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".npz", ".idx", ""])
def test_a_folder_is_refused_as_a_folder(ending, tmp_path):
    (tmp_path / f"folder{ending}").mkdir()
    with pytest.raises(IsADirectoryError, match="is a folder, not a file"):
        read(tmp_path / f"folder{ending}")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read every file")
@pytest.mark.parametrize("name", ["t.csv", "t.parquet", "t.npz", "t.idx"])
def test_a_file_that_may_not_be_read_is_an_os_error(name, write):
    path = write(name, PLAIN)
    os.chmod(path, 0)
    with pytest.raises(PermissionError):
        read(path)


def test_a_path_may_be_a_path_object(tmp_path, write):
    write("t.csv", PLAIN)
    assert columns_of(read(tmp_path / "t.csv")) == columns_of(read(str(tmp_path / "t.csv")))


def test_target_columns_of_a_data_set_can_be_chosen(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert read("digits", "pixel_1_3").targets == ("pixel_1_3",)
    assert "class" in read("digits", "pixel_1_3").features


# Tables.


def test_rows_keep_the_lines_they_stand_on_when_they_are_taken(write):
    table = read(write("t.csv", "a\n\n5\n6\n\n7\n"))
    assert [table.where(i).rpartition(", ")[2] for i in range(3)] == ["line 3", "line 4", "line 6"]
    taken = table.take(np.array([2, 0])).take(np.array([1, 0]))
    assert taken.columns["a"].tolist() == [5, 7]
    assert [taken.where(i).rpartition(", ")[2] for i in range(2)] == ["line 3", "line 6"]


def test_rows_without_lines_count_from_1():
    table = Table("t", {"a": np.array([5.0, 6.0, 7.0])})
    assert table.where(0) == "t, row 1"
    assert table.take(np.array([2])).where(0) == "t, row 3"


def test_columns_can_be_left_out_by_name_alone():
    table = Table("t", {"a": np.ones(2), "b": np.ones(2), "y": np.ones(2)}, ("y",))
    assert table.without(["a"]).features == ("b",)
    assert table.without(["y"]).targets == ()
    with pytest.raises(UnknownNameError, match="column of t 'c'"):
        table.without(["a", "c"])


@pytest.mark.parametrize(("columns", "word"), [({}, "no columns"), ({"a": np.array([])}, "no rows")])
def test_a_table_has_columns_and_rows(columns, word):
    with pytest.raises(DataFileError, match=word):
        Table("t", columns)


def test_a_table_has_no_target_twice():
    with pytest.raises(ValueError, match=r"'y'.* twice"):
        Table("t", {"a": np.ones(2), "y": np.ones(2)}, ("y", "y"))


def test_read_npz_takes_the_first_usual_name_that_there_is(write_npz):
    path = write_npz(data=np.ones((2, 1)), X=np.zeros((2, 1)), labels=np.array([0, 1]), y=np.array([1, 0]))
    table = read_npz(path)
    assert table.columns["x_1"].tolist() == [0, 0]
    assert table.columns["y"].tolist() == [1, 0]
