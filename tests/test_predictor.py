"""A predictor: a saved one answers raw rows with the same bits, and its measures are what an outsider computes."""

import json

import numpy as np
import pytest
import safetensors
import safetensors.numpy

import pellucid as pl
from pellucid.data import Encoding, Table, digits
from pellucid.errors import DataFileError, ModelFileError
from pellucid.losses import as_loss
from pellucid.predictor import Predictor
from pellucid.storage import FORMAT

EPS = np.finfo(float).eps
N = 40
rng = np.random.default_rng(0)
RAW = {
    "length": rng.normal(120, 30, N),
    "mass": rng.normal(-3, 0.2, N),
    "colour": np.array(["red", "green", "blue", "green"])[np.arange(N) % 4],
}
TARGETS = {
    "two": np.array(["no", "yes"])[(RAW["length"] > 120).astype(int)],
    "three": np.arange(N) % 3 + 1,
    "price": 1e4 + 50 * RAW["length"] + rng.normal(0, 200, N),
    "profit": RAW["mass"] ** 2,
    "count": rng.poisson(30, N).astype(float) + np.arange(N) % 2 / 2,
}
CASES = {
    "two classes": (["two"], "binary_cross_entropy", "sigmoid"),
    "two classes, two outputs": (["two"], "cross_entropy", "softmax"),
    "three classes": (["three"], "cross_entropy", "softmax"),
    "three classes, squared error": (["three"], "half_squared_error", "sigmoid"),
    "a number": (["price"], "mse", "identity"),
    "two numbers": (["price", "profit"], pl.Huber(0.3), "identity"),
    "a count": (["count"], "poisson", "exp"),
}


def raw_table(targets=(), **changes):
    columns = RAW | {name: TARGETS[name] for name in targets} | changes
    return Table("raw.csv", columns, tuple(targets))


def trained(case, dtype="float64"):
    """A network trained for a few epochs on raw rows, and those rows."""
    targets, loss, output = CASES[case]
    table, loss = raw_table(targets), as_loss(loss)
    encoding = Encoding.fit(table, scales_target=loss.targets == "numbers")
    n_outputs = len(encoding.target.classes) if output == "softmax" else encoding.n_outputs
    net = pl.Network([encoding.n_inputs, 6, n_outputs], "tanh", output, dtype=dtype, seed=1)
    predictor = Predictor(net, loss, encoding)
    samples = predictor.samples(table)
    net.train(samples.X, samples.Y, loss=loss, optimizer=pl.Adam(0.02), epochs=15, seed=0)
    return predictor, table


@pytest.fixture(params=CASES)
def case(request):
    return request.param


def bits(answers):
    return {name: (column.dtype.kind, column.tolist()) for name, column in answers.items()}


def header_of(path):
    with safetensors.safe_open(path, framework="np") as opened:
        return json.loads(opened.metadata()["pellucid"])


def tampered(path, change):
    """Write a file again after changing its header in place, or to what the function returns."""
    header = header_of(path)
    header = change(header) or header
    arrays = safetensors.numpy.load_file(path)
    safetensors.numpy.save_file(arrays, path, metadata={"pellucid": json.dumps(header)})
    return path


# Saving and loading.


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_loaded_predictor_answers_raw_rows_with_the_same_bits(case, dtype, tmp_path):
    predictor, table = trained(case, dtype)
    predictor.save(tmp_path / "model")
    back = pl.load(tmp_path / "model")
    assert bits(back.predict(raw_table())) == bits(predictor.predict(raw_table()))
    assert (str(back.loss), back.encoding) == (str(predictor.loss), predictor.encoding)
    mine, theirs = predictor.evaluate(table), back.evaluate(table)
    assert (mine.n, mine.loss, mine.metrics) == (theirs.n, theirs.loss, theirs.metrics)


def test_a_predictors_file_has_its_network(case, tmp_path):
    predictor, _ = trained(case)
    predictor.save(tmp_path / "model")
    net = pl.load(tmp_path / "model").network
    assert net.parameters.tobytes() == predictor.network.parameters.tobytes()
    assert repr(net) == repr(predictor.network)


def test_the_settings_of_a_loss_come_back(tmp_path):
    predictor, table = trained("two numbers")
    predictor.save(tmp_path / "model")
    back = pl.load(tmp_path / "model").loss
    assert back.settings == {"delta": 0.3}
    samples = predictor.samples(table)
    a = predictor.network.forward(samples.X)
    assert back.function(a, samples.Y).tobytes() == predictor.loss.function(a, samples.Y).tobytes()


def test_an_unwritable_path_is_refused_and_what_was_there_stays(tmp_path):
    predictor, _ = trained("a number")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        predictor.save(tmp_path / "none" / "model")
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        predictor.save(tmp_path / "folder")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_the_predictor_is_a_public_name():
    assert pl.Predictor is Predictor
    assert pl.data.digits is digits


# Answers.


def test_answers_are_the_networks_outputs_in_the_rows_own_units(case):
    predictor, table = trained(case)
    answers, a = predictor.predict(raw_table()), predictor.network.forward(predictor.samples(table).X)
    target = predictor.encoding.target
    if target.classes is None:
        expected = a * target.scale + target.offset
        np.testing.assert_allclose(np.stack([answers[name] for name in target.names], axis=1), expected, rtol=4 * EPS)
        return
    word = "p" if predictor.gives_probabilities else "a"
    p = np.stack([answers[f"{word}({name})"] for name in target.classes], axis=1)
    assert answers[target.names[0]].tolist() == [target.classes[i] for i in p.argmax(axis=1)]
    np.testing.assert_allclose(p[:, -a.shape[1] :], a, rtol=4 * EPS)


@pytest.mark.parametrize("case", ["two classes", "two classes, two outputs", "three classes"])
def test_probabilities_of_a_rows_classes_sum_to_1(case):
    predictor, _ = trained(case)
    answers = predictor.predict(raw_table())
    p = np.stack([column for name, column in answers.items() if name.startswith("p(")])
    assert (p >= 0).all()
    np.testing.assert_allclose(p.sum(axis=0), 1, rtol=8 * EPS)


def test_each_row_is_answered_by_itself(case):
    predictor, _ = trained(case)
    together = predictor.predict(raw_table())
    for i in (0, 17, N - 1):
        alone = predictor.predict(raw_table().take(np.array([i])))
        for name, column in together.items():
            if column.dtype.kind == "U":
                assert alone[name][0] == column[i]
            else:
                np.testing.assert_allclose(alone[name][0], column[i], rtol=64 * EPS)


def test_rows_are_answered_whatever_the_order_of_their_columns_and_with_or_without_targets(case):
    predictor, table = trained(case)
    expected = bits(predictor.predict(raw_table()))
    turned = Table("turned", dict(reversed(table.columns.items())))
    assert bits(predictor.predict(table)) == bits(predictor.predict(turned)) == expected


# Measures, computed again from the answers.


def test_the_loss_is_that_of_the_networks_own_gradient(case):
    predictor, table = trained(case)
    X = predictor.encoding.encode_inputs(table)
    Y = predictor.encoding.encode_targets(table)
    if CASES[case][1] == "half_squared_error":
        Y = np.eye(3)[Y]
    expected = predictor.network.gradient(X, Y, predictor.loss).loss
    np.testing.assert_allclose(predictor.evaluate(table).loss, expected, rtol=64 * EPS)


@pytest.mark.parametrize("case", [name for name, (targets, *_) in CASES.items() if targets[0] in ("two", "three")])
def test_accuracy_and_confusion_are_counts_of_the_answers(case):
    predictor, table = trained(case)
    evaluation = predictor.evaluate(table)
    (name,) = CASES[case][0]
    truth, answer = table.columns[name].astype(str), predictor.predict(table)[name]
    assert evaluation.n == evaluation.confusion.sum() == N
    assert evaluation.metrics == {"accuracy": np.mean(truth == answer)}
    assert evaluation.metrics["accuracy"] == np.trace(evaluation.confusion) / N
    for i, is_class in enumerate(predictor.encoding.target.classes):
        for j, answers_class in enumerate(predictor.encoding.target.classes):
            assert evaluation.confusion[i, j] == np.sum((truth == is_class) & (answer == answers_class))


@pytest.mark.parametrize("case", ["a number", "two numbers", "a count"])
def test_errors_are_measured_in_the_targets_own_units(case):
    predictor, table = trained(case)
    evaluation = predictor.evaluate(table)
    names = CASES[case][0]
    y = np.stack([table.columns[name] for name in names], axis=1)
    a = np.stack([predictor.predict(table)[name] for name in names], axis=1)
    expected = {
        "mae": np.abs(a - y).mean(),
        "rmse": np.sqrt(((a - y) ** 2).mean()),
        "r2": np.mean(1 - ((a - y) ** 2).sum(axis=0) / ((y - y.mean(axis=0)) ** 2).sum(axis=0)),
    }
    assert evaluation.confusion is None
    assert set(evaluation.metrics) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(evaluation.metrics[name], value, rtol=1e6 * EPS, err_msg=name)


def test_training_makes_the_measures_better():
    table = digits().table()
    net = pl.Network([64, 10], "softmax", seed=0)
    predictor = Predictor(net, as_loss("cross_entropy"), Encoding.fit(table))
    before = predictor.evaluate(table)
    samples = predictor.samples(table)
    net.train(samples.X, samples.Y, loss="cross_entropy", optimizer=pl.Adam(0.01), epochs=5, seed=0)
    after = predictor.evaluate(table)
    assert before.metrics["accuracy"] < 0.3
    assert after.metrics["accuracy"] > 0.9
    assert after.loss < before.loss


def test_samples_of_the_three_losses_of_classes_agree():
    """Class indices for cross-entropy are the one-hot rows that the other losses take."""
    predictor, table = trained("three classes")
    indices = predictor.samples(table)
    one_hot = Predictor(predictor.network, as_loss("mse"), predictor.encoding).samples(table)
    assert indices.Y.tolist() == one_hot.Y.tolist() == np.eye(3)[TARGETS["three"] - 1].tolist()


# What is refused.


def test_rows_that_do_not_fit_the_encoding_are_refused_by_column():
    predictor, _ = trained("a number")
    with pytest.raises(DataFileError, match=r"raw\.csv, row 3, column 'colour': 'pink'"):
        predictor.predict(raw_table(colour=np.array(["red", "blue", "pink", *["red"] * (N - 3)])))
    with pytest.raises(DataFileError, match=r"lacks 1 .* 'mass'"):
        predictor.predict(raw_table().without(["mass"]))
    with pytest.raises(DataFileError, match="lacks the target column 'price'"):
        predictor.evaluate(raw_table())


def test_targets_that_the_loss_cannot_take_are_refused():
    predictor, table = trained("a count")
    assert predictor.evaluate(table).n == N
    with pytest.raises(ValueError, match=r"-1.*poisson"):
        predictor.evaluate(raw_table(["count"], count=np.full(N, -1.0)))


# A file written by Network.save.


@pytest.fixture
def bare(tmp_path):
    """A predictor from a network saved without encoding, and the network."""
    net = pl.Network([2, 3, 2], "tanh", seed=0)
    net.save(tmp_path / "net")
    return Predictor(pl.load(tmp_path / "net"), None, None), net


def test_a_bare_network_answers_columns_of_numbers_in_their_order(bare):
    predictor, net = bare
    assert (predictor.loss, predictor.encoding) == (None, None)
    table = Table("t", {"any": np.array([1.0, 2.0, 3.0]), "name": np.array([4, 5, 6])})
    answers = predictor.predict(table)
    assert list(answers) == ["a_1", "a_2"]
    expected = net.forward([[1, 4], [2, 5], [3, 6]])
    np.testing.assert_array_equal(np.stack(list(answers.values()), axis=1), expected)


@pytest.mark.parametrize(
    "columns",
    [
        {"a": np.ones(2)},
        {"a": np.ones(2), "b": np.ones(2), "c": np.ones(2)},
        {"a": np.ones(2), "b": np.array(["x"] * 2)},
    ],
    ids=["too few", "too many", "text"],
)
def test_a_bare_network_refuses_other_columns(bare, columns):
    with pytest.raises(DataFileError, match=rf"t .*{len(columns)} columns.*2 neurons"):
        bare[0].predict(Table("t", columns))


def test_a_bare_network_cannot_be_evaluated(bare):
    table = Table("t", {"a": np.ones(2), "b": np.ones(2)})
    for use in (bare[0].evaluate, bare[0].samples):
        with pytest.raises(ValueError, match="without its loss and encoding"):
            use(table)


def test_a_bare_network_saved_again_stays_bare(bare, tmp_path):
    bare[0].save(tmp_path / "again")
    assert "encoding" not in header_of(tmp_path / "again")
    assert pl.load(tmp_path / "again").parameters.tobytes() == bare[1].parameters.tobytes()


# Tampered headers.


def _without(*path):
    def change(header):
        for key in path[:-1]:
            header = header[key]
        del header[path[-1]]

    return change


def _with(value, *path):
    def change(header):
        for key in path[:-1]:
            header = header[key]
        header[path[-1]] = value

    return change


TAMPERED = {
    "no loss": ("two classes", _without("loss")),
    "no such loss": ("two classes", _with("hinge", "loss", "name")),
    "a loss of another kind": ("two classes", _with("mse", "loss")),
    "a setting out of range": ("two numbers", _with({"delta": -1}, "loss", "settings")),
    "an unknown setting": ("two numbers", _with({"gamma": 1}, "loss", "settings")),
    "an encoding that is no object": ("two classes", _with([], "encoding")),
    "no inputs": ("two classes", _with([], "encoding", "inputs")),
    "an input less": ("two classes", _without("encoding", "inputs", 0)),
    "a category more": ("two classes", _with(["a", "b", "c", "d"], "encoding", "inputs", 2, "categories")),
    "an input without its scale": ("two classes", _without("encoding", "inputs", 0, "scale")),
    "a scale that is text": ("two classes", _with("wide", "encoding", "inputs", 0, "scale")),
    "a scale of 0": ("two classes", _with(0, "encoding", "inputs", 0, "scale")),
    "a scale that is NaN": ("two classes", _with(float("nan"), "encoding", "inputs", 0, "scale")),
    "an infinite offset": ("two classes", _with(float("inf"), "encoding", "inputs", 0, "offset")),
    "no target": ("two classes", _without("encoding", "target")),
    "no target names": ("two classes", _with([], "encoding", "target", "names")),
    "a target name that is no text": ("two classes", _with([[]], "encoding", "target", "names")),
    "a class less": ("three classes", _without("encoding", "target", "classes", 0)),
    "one class of two": ("two classes", _without("encoding", "target", "classes", 0)),
    "a class twice": ("two classes", _with(["yes", "yes"], "encoding", "target", "classes")),
    "classes that are none": ("two classes", _with(None, "encoding", "target", "classes")),
    "a target less": ("two numbers", _with(["price"], "encoding", "target", "names")),
    "a target scale less": ("two numbers", _with([1.0], "encoding", "target", "scale")),
    "a target scale of 0": ("two numbers", _with([1.0, 0.0], "encoding", "target", "scale")),
    "sizes that do not fit": ("two classes", _with([3, 6, 1], "sizes")),
    "an unknown dtype": ("two classes", _with("double-double", "dtype")),
    "an unknown activation": ("two classes", _with("step", "activations", 0, "name")),
    "a header that is a list": ("two classes", lambda header: [header]),
    "another kind": ("two classes", _with("checkpoint", "kind")),
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Models by case, each trained once."""
    folder = tmp_path_factory.mktemp("models")
    for name in {case for case, _ in TAMPERED.values()}:
        trained(name)[0].save(folder / name)
    return folder


@pytest.mark.parametrize("name", TAMPERED)
def test_a_tampered_header_is_refused_with_the_file_and_before_any_row_is_read(name, saved, tmp_path):
    case, change = TAMPERED[name]
    path = tmp_path / "model.safetensors"
    path.write_bytes((saved / case).read_bytes())
    pl.load(path)
    with pytest.raises(ModelFileError, match=r"model\.safetensors"):
        pl.load(tampered(path, change))


def test_a_newer_format_is_refused_with_what_to_do(saved, tmp_path):
    path = tmp_path / "model"
    path.write_bytes((saved / "two classes").read_bytes())
    with pytest.raises(ModelFileError, match="upgrade"):
        pl.load(tampered(path, _with(FORMAT + 1, "format")))


def test_a_truncated_model_is_refused_at_any_length(saved, tmp_path):
    whole = (saved / "two classes").read_bytes()
    path = tmp_path / "cut"
    for length in range(0, len(whole), 61):
        path.write_bytes(whole[:length])
        with pytest.raises(ModelFileError, match="cut"):
            pl.load(path)


# User-made activations and losses.

CUBE = pl.Activation("cube", lambda z: z**3, lambda z: 3 * z**2)
QUARTIC = pl.Loss("quartic", lambda a, y: ((a - y) ** 4).sum(axis=-1), lambda a, y: 4 * (a - y) ** 3)


@pytest.fixture
def own(tmp_path):
    """A model with a user-made activation and loss, and its file."""
    table = raw_table(["price"])
    encoding = Encoding.fit(table)
    predictor = Predictor(pl.Network([encoding.n_inputs, 2, 1], [CUBE, "identity"], seed=0), QUARTIC, encoding)
    predictor.save(tmp_path / "own")
    return predictor, table, tmp_path / "own"


def test_what_a_user_made_must_be_given_again_by_its_name(own):
    path = own[2]
    with pytest.raises(ModelFileError, match=r"user-made activation 'cube'.*activations={'cube'"):
        pl.load(path)
    with pytest.raises(ModelFileError, match=r"user-made loss 'quartic'.*losses={'quartic'"):
        pl.load(path, activations={"cube": CUBE})
    with pytest.raises(ModelFileError, match="'cube'"):
        pl.load(path, activations={"square": CUBE}, losses={"quartic": QUARTIC})


def test_what_a_user_made_works_again_when_it_is_given(own):
    predictor, table, path = own
    back = pl.load(path, activations={"cube": CUBE}, losses={"quartic": QUARTIC})
    assert bits(back.predict(table)) == bits(predictor.predict(table))
    assert back.evaluate(table).loss == predictor.evaluate(table).loss
    assert back.loss is QUARTIC


def test_the_file_of_what_a_user_made_holds_no_code(own):
    header = header_of(own[2])
    assert header["activations"][0] == {"name": "cube", "custom": True}
    assert header["loss"] == {"name": "quartic", "custom": True}


# Raw rows in whatever form a program has them.


def as_polars(columns):
    return pytest.importorskip("polars").DataFrame(columns)


def as_pandas(columns):
    return pytest.importorskip("pandas").DataFrame(columns)


def as_file(columns, tmp_path):
    lines = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    (tmp_path / "rows.csv").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path / "rows.csv"


ROWS = {name: column.tolist() for name, column in RAW.items()}
FORMS = {
    "table": lambda tmp_path: raw_table(),
    "path": lambda tmp_path: as_file(ROWS, tmp_path),
    "text": lambda tmp_path: str(as_file(ROWS, tmp_path)),
    "columns": lambda tmp_path: ROWS,
    "columns in another order, and more": lambda tmp_path: {"id": [object()] * N, **dict(reversed(ROWS.items()))},
    "arrays": lambda tmp_path: RAW,
    "objects": lambda tmp_path: {name: column.astype(object) for name, column in RAW.items()},
    "dicts": lambda tmp_path: [dict(zip(ROWS, row, strict=True)) for row in zip(*ROWS.values(), strict=True)],
    "lists": lambda tmp_path: [list(row) for row in zip(*ROWS.values(), strict=True)],
    "tuples": lambda tmp_path: list(zip(*ROWS.values(), strict=True)),
    "an array of objects": lambda tmp_path: np.array(list(zip(*ROWS.values(), strict=True)), dtype=object),
    "pandas": lambda tmp_path: as_pandas(ROWS | {"id": [None] * N}),
    "pandas, categorical": lambda tmp_path: as_pandas(ROWS).astype({"colour": "category"}),
    "polars": lambda tmp_path: as_polars(ROWS | {"id": [None] * N}),
}


@pytest.fixture(scope="module")
def by_case():
    return {name: trained(name)[0] for name in ("two classes", "three classes", "two numbers")}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["two classes", "two numbers"])
def test_rows_of_every_form_are_answered_alike(form, name, by_case, tmp_path):
    predictor = by_case[name]
    assert bits(predictor.predict(FORMS[form](tmp_path))) == bits(predictor.predict(raw_table()))


def test_an_array_of_numbers_has_the_inputs_in_their_order(tmp_path):
    table = Table("t", {name: RAW[name] for name in ("length", "mass")} | {"price": TARGETS["price"]}, ("price",))
    encoding = Encoding.fit(table)
    predictor = Predictor(pl.Network([2, 3, 1], "tanh", "identity", seed=0), "mse", encoding)
    X = np.stack([RAW["length"], RAW["mass"]], axis=1)
    assert bits(predictor.predict(X)) == bits(predictor.predict(X.tolist())) == bits(predictor.predict(table))
    one = {"price": [predictor.predict(table)["price"][3]]}
    for row in (X[3], X[3].tolist(), X[3:4]):
        np.testing.assert_allclose(predictor.predict(row)["price"], one["price"], rtol=64 * EPS)


def test_one_row_as_a_dict_is_answered_by_arrays_of_one(by_case):
    predictor = by_case["two classes"]
    for i in (0, 7):
        answers = predictor.predict({name: column[i] for name, column in ROWS.items()})
        expected = predictor.predict(raw_table().take(np.array([i])))
        assert bits(answers) == bits(expected)
        assert {column.shape for column in answers.values()} == {(1,)}


def test_rows_with_targets_are_measured_in_every_form_with_names(by_case, tmp_path):
    predictor = by_case["three classes"]
    expected = predictor.evaluate(raw_table(["three"]))
    columns = ROWS | {"three": TARGETS["three"].tolist()}
    dicts = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    for rows in (columns, dicts, as_file(columns, tmp_path), as_pandas(columns), as_polars(columns)):
        found = predictor.evaluate(rows)
        assert (found.n, found.loss, found.metrics) == (expected.n, expected.loss, expected.metrics)
    with pytest.raises(DataFileError, match="lacks the target column 'three'"):
        predictor.evaluate(ROWS)


def two_rows(**changes):
    return {"length": [1.0, 2.0], "mass": [1.0, 2.0], "colour": ["red", "red"]} | changes


A_DICT = {"length": 1.0, "mass": 2.0, "colour": "red"}
NEEDED = "'length', 'mass', 'colour'"
REFUSED = {
    "a column is missing": ({"length": [1.0], "colour": ["red"]}, "lacks 1 of the model's input columns: 'mass'"),
    "a key is missing": ([A_DICT, {"length": 1.0, "mass": 2.0}], "row 2, column 'colour': a missing value"),
    "none of the columns": ({"a": [1.0]}, f"lacks 3 of the model's input columns: {NEEDED}"),
    "text for a number": (two_rows(length=["1.0", "2"]), "column 'length': '1.0' is text"),
    "a number for text": (two_rows(colour=[3, 4]), "row 1, column 'colour': '3' is no category"),
    "text among numbers": (two_rows(length=[1.0, "x"]), "row 2, column 'length': 'x'"),
    "a missing number": (two_rows(length=[1.0, None]), "row 2, column 'length': a missing value"),
    "not a number": (two_rows(length=[1.0, float("nan")]), "row 2, column 'length': a missing value"),
    "columns of two lengths": (two_rows(length=[1.0]), "not of one length: 'length' has 1, 'mass' has 2"),
    "a number too large": (two_rows(length=[1, 10**400]), "column 'length'"),
    "a value of another kind": (two_rows(colour=[{"a": 1}, "red"]), "column 'colour'"),
    "a date": (two_rows(length=np.array(["2024-01-01"] * 2, "M8[D]")), "column 'length'.*neither a number nor text"),
    "too few values": ([[1.0, 2.0, "red"], [1.0, 2.0]], f"row 2: 2 values, but 3 are needed: {NEEDED}"),
    "too many values": (np.ones((4, 5)), "row 1: 5 values, but 3 are needed"),
    "a row of another kind": ([A_DICT, 3], "row 2: expected a dict like the other rows, got int"),
    "three axes": (np.ones((2, 3, 1)), "two axes"),
    "no rows": ([], "there are none"),
    "cells of unequal length": (two_rows(length=[[1.0], [1.0, 2.0]]), "column 'length'"),
}


@pytest.mark.parametrize(("rows", "said"), REFUSED.values(), ids=REFUSED)
def test_rows_that_do_not_fit_are_refused_with_the_row_and_column(rows, said, by_case):
    with pytest.raises(DataFileError, match=said):
        by_case["two classes"].predict(rows)


@pytest.mark.parametrize("rows", [None, 3, 2.5, b"abc", object()], ids=repr)
def test_what_is_no_rows_is_a_type_error_that_says_what_is(rows, by_case):
    with pytest.raises(TypeError, match=r"rows are a pellucid\.data\.Table"):
        by_case["two classes"].predict(rows)


def test_a_bare_network_takes_rows_without_names(bare):
    predictor = bare[0]
    X = np.random.default_rng(0).normal(size=(4, 2))
    expected = bits(predictor.predict(Table("t", {"a": X[:, 0], "b": X[:, 1]})))
    assert bits(predictor.predict(X)) == bits(predictor.predict({"a": X[:, 0], "b": X[:, 1]})) == expected
    with pytest.raises(DataFileError, match=r"3 columns.*2 neurons"):
        predictor.predict(np.ones((2, 3)))


def test_a_predictor_that_contradicts_itself_is_refused(by_case):
    encoding = by_case["two classes"].encoding
    n = encoding.n_inputs
    for net, loss, said in [
        (pl.Network([n + 1, 1]), "binary_cross_entropy", f"makes {n} inputs"),
        (pl.Network([n, 3]), "binary_cross_entropy", "and 1 output,"),
        (pl.Network([n, 1], "identity"), "binary_cross_entropy", "needs outputs in"),
    ]:
        with pytest.raises(ValueError, match=said):
            Predictor(net, loss, encoding)


def test_the_repr_is_one_short_line_whatever_the_table(by_case):
    names = {f"column {k}": np.arange(3.0) + k for k in range(500)}
    encoding = Encoding.fit(Table("wide", names | {"y": np.array([0.5, 1.5, 2.5])}, ("y",)))
    wide = Predictor(pl.Network([500, 1], "identity"), "mse", encoding)
    for predictor in (*by_case.values(), wide, Predictor(pl.Network([2, 1]), None, None)):
        assert repr(predictor).startswith("<Predictor: ")
        assert len(repr(predictor)) < 160
        assert "\n" not in repr(predictor)
    assert "500 columns" in repr(wide)
