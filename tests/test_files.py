"""Files of every kind: those of earlier versions still load, other programs' are told apart, and damage is always said.

`tests/files` has a folder for each layout that files ever had, written by `make.py` beside them.
"""

import copy
import json
import os
import pathlib
import pickle
import struct
import subprocess
import sys
import warnings
import zipfile

import numpy as np
import pytest
import safetensors.numpy
import scipy.sparse as sparse

import pellucid as pl
from pellucid.data import Table
from pellucid.storage import check_writable, read_file, write_file

FOLDER = pathlib.Path(__file__).parent / "files"
EXPECTED = {
    (folder.name, name): expected
    for folder in sorted(FOLDER.iterdir())
    if folder.is_dir() and (folder / "expected.json").exists()
    for name, expected in json.loads((folder / "expected.json").read_text(encoding="utf-8")).items()
}
EPS = np.finfo(float).eps


@pytest.fixture(params=EXPECTED, ids=" ".join)
def kept(request):
    """A file of an earlier version, and what it is to hold and to predict."""
    folder, name = request.param
    return FOLDER / folder / f"{name}.safetensors", EXPECTED[request.param]


def network_of(model):
    if isinstance(model, pl.Network):
        return model
    return model.network if isinstance(model, pl.Predictor) else model.network_


def copied(kept, tmp_path):
    path = tmp_path / kept.name
    path.write_bytes(kept.read_bytes())
    return path


# Files of earlier versions.


def test_every_layout_and_kind_is_kept():
    folders = {folder for folder, _ in EXPECTED}
    assert folders == {"b2bb60e", "format-1"}
    for folder in folders:
        kinds = {type(pl.load(FOLDER / folder / f"{name}.safetensors")).__name__ for f, name in EXPECTED if f == folder}
        assert kinds == {"Network", "Predictor", "MLPClassifier", "MLPRegressor"}


def test_a_kept_file_has_the_same_bits(kept):
    path, expected = kept
    net = network_of(pl.load(path))
    assert net.parameters.tolist() == expected["parameters"]


def test_a_kept_file_predicts_the_same(kept, tmp_path):
    path, expected = kept
    model = pl.load(path)
    if "rows" in expected:
        (tmp_path / "rows.csv").write_text("\n".join(expected["rows"]), encoding="utf-8")
        answers = model.predict(tmp_path / "rows.csv")
        assert list(answers) == list(expected["answers"])
        for name, column in answers.items():
            if column.dtype.kind == "U":
                assert column.tolist() == expected["answers"][name]
            else:
                np.testing.assert_allclose(column, expected["answers"][name], rtol=64 * EPS)
        return
    X = np.array(expected["X"])
    if "predictions" not in expected:
        eps = np.finfo(model.dtype).eps
        np.testing.assert_allclose(model.forward(X), expected["outputs"], rtol=256 * eps, atol=16 * eps)
        return
    found = model.predict(X)
    if "probabilities" in expected:
        np.testing.assert_allclose(model.predict_proba(X), expected["probabilities"], rtol=64 * EPS)
        assert (found.toarray() if sparse.issparse(found) else found).astype(str).tolist() == expected["predictions"]
    else:
        np.testing.assert_allclose(found, expected["predictions"], rtol=64 * EPS)


@pytest.mark.parametrize("folder", ["b2bb60e", "format-1"])
def test_training_goes_on_from_a_kept_checkpoint_with_the_same_bits(folder, tmp_path):
    expected = EXPECTED[folder, "checkpoint midway"]
    path = copied(FOLDER / folder / "checkpoint midway.safetensors", tmp_path)
    X, Y = np.array(expected["X"]), np.array(expected["Y"])
    net = pl.Network([3, 4, 2], "sigmoid", "identity", seed=99)
    history = net.train(
        X, Y, optimizer=pl.Adam(0.3), batch_size=2, patience=30, dropout=0.1, validation=(X[:2], Y[:2] + 1),
        checkpoint=path, resume=True, epochs=expected["resumed"]["epochs"], progress=False,
    )  # fmt: skip
    assert net.parameters.tolist() == expected["resumed"]["parameters"]
    assert dict(history) == expected["resumed"]["history"]


def test_loading_and_saving_a_kept_file_again_loses_nothing(kept, tmp_path):
    path, expected = kept
    model = pl.load(path)
    model.save(tmp_path / "again")
    again = pl.load(tmp_path / "again")
    assert type(again) is type(model)
    assert network_of(again).parameters.tolist() == expected["parameters"]
    again.save(tmp_path / "and again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "and again").read_bytes()


# Checkpoints as networks.


def some_training(path, **arguments):
    rng = np.random.default_rng(2)
    X, Y = rng.normal(size=(20, 3)), rng.normal(size=(20, 2))
    net = pl.Network([3, 4, 2], "tanh", "identity", seed=1)
    defaults = {"optimizer": pl.Adam(0.2), "validation": 0.3, "epochs": 30, "seed": 4, "progress": False}
    return net, net.train(X, Y, checkpoint=path, **(defaults | arguments))


@pytest.mark.parametrize(
    "arguments",
    [
        {"patience": 3},
        {"patience": 30},
        {"patience": 30, "callbacks": lambda epoch: epoch.number == 9 and epoch.stop()},
        {},
        {"optimizer": pl.SGD(0.1, momentum=0.5), "epochs": 3},
    ],
    ids=["stopped by patience", "patience to the end", "stopped by a callback", "no patience", "momentum"],
)
def test_the_checkpoint_of_a_training_that_ended_is_the_network_that_it_left(arguments, tmp_path):
    net, history = some_training(tmp_path / "ck", **arguments)
    back = pl.load(tmp_path / "ck")
    assert history.best_epoch != history.epochs  # or the best epoch could not be told from the last
    assert (repr(back), back.parameters.tobytes()) == (repr(net), net.parameters.tobytes())
    assert (back.optimizer_state.optimizer, back.optimizer_state.step) == (
        net.optimizer_state.optimizer, net.optimizer_state.step,
    )  # fmt: skip
    for name, array in net.optimizer_state.arrays.items():
        assert back.optimizer_state.arrays[name].tobytes() == array.tobytes()


def test_the_checkpoint_of_a_training_that_goes_on_is_its_last_whole_epoch(tmp_path):
    seen, before = [], []

    def look(epoch):  # before the checkpoint of this epoch is written
        if before:
            seen.append(pl.load(tmp_path / "ck").parameters.tobytes() == before[-1])
        before.append(epoch.network.parameters.tobytes())

    _, history = some_training(tmp_path / "ck", patience=5, callbacks=look)
    assert len(seen) == history.epochs - 1 > history.best_epoch
    assert all(seen)


def test_a_checkpoint_of_a_user_made_activation_asks_for_it(tmp_path):
    cube = pl.Activation("cube", lambda z: z**3, lambda z: 3 * z**2)
    net = pl.Network([3, 4, 2], [cube, "identity"], seed=1)
    net.train(np.ones((2, 3)), np.ones((2, 2)), epochs=2, checkpoint=tmp_path / "ck", progress=False)
    with pytest.raises(pl.ModelFileError, match=r"user-made activation 'cube'.*activations="):
        pl.load(tmp_path / "ck")
    assert pl.load(tmp_path / "ck", activations={"cube": cube}).parameters.tobytes() == net.parameters.tobytes()


# Other programs' files.

OTHERS = {
    "nothing": (b"", "is empty"),
    "pickle": (pickle.dumps({"weight": [1.0]}), "Python pickle"),
    "numpy array": (b"\x93NUMPY\x01\x00" + bytes(100), r"NumPy array \(\.npy\)"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(100), "HDF5"),
    "onnx": (b"\x08\x08\x12\x07pytorch\x1a\x052.0.0:\xb1\x02" + bytes(range(256)), "ONNX"),
    "json": (b'{"weights": [1, 2, 3], "biases": [1]}', "is JSON"),
    "csv": (b"a,b\n" + b"1,2\n" * 20, "is text"),
    "long text": (("größer als alles\n" * 1000).encode(), "is text"),
    "gzip": (b"\x1f\x8b\x08" + bytes(50), "gzip"),
    "parquet": (b"PAR1" + bytes(50), "Parquet"),
    "zip": (b"PK\x03\x04" + bytes(100), "zip archive"),
    "noise": (bytes(np.random.default_rng(0).integers(128, 255, 200, dtype=np.uint8)), "not a safetensors file"),
}


@pytest.mark.parametrize(("content", "said"), OTHERS.values(), ids=OTHERS)
def test_another_programs_file_is_called_what_it_is(content, said, tmp_path):
    (tmp_path / "other").write_bytes(content)
    with pytest.raises(pl.ModelFileError, match=rf"other .*{said}"):
        pl.load(tmp_path / "other")


@pytest.mark.parametrize(
    ("member", "said"), [("archive/data.pkl", "PyTorch"), ("X.npy", r"\.npz"), ("metadata.json", "Keras"), ("a", "zip")]
)
def test_an_archive_is_called_what_it_is(member, said, tmp_path):
    with zipfile.ZipFile(tmp_path / "other", "w") as archive:
        archive.writestr(member, "x")
    with pytest.raises(pl.ModelFileError, match=said):
        pl.load(tmp_path / "other")


def test_a_safetensors_file_of_another_program_says_what_it_holds(tmp_path):
    safetensors.numpy.save_file({"layer.weight": np.ones((2, 2))}, tmp_path / "other")
    with pytest.raises(pl.ModelFileError, match=r"not one of pellucid's; it holds 'layer\.weight'.*pellucid\.Network"):
        pl.load(tmp_path / "other")


@pytest.mark.skipif(os.name != "posix", reason="pipes and devices as files are of POSIX")
def test_a_device_and_a_pipe_are_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", "/dev/zero"):
        with pytest.raises(OSError, match="a device or a pipe"):
            pl.load(path)


def test_a_kind_of_a_later_version_is_named(tmp_path):
    write_file(tmp_path / "later", "transformer", {}, {"a": np.ones(1)})
    with pytest.raises(pl.ModelFileError, match="holds a transformer, not a network"):
        pl.load(tmp_path / "later")


def test_the_systems_errors_name_the_file(tmp_path, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"No space left on device.*net\.safetensors") as caught:
        pl.Network([2, 2]).save(tmp_path / "net.safetensors")
    assert caught.value.errno == 28
    assert list(tmp_path.iterdir()) == []


def test_a_name_as_long_as_the_system_takes_can_be_written(tmp_path):
    path = tmp_path / ("n" * 255)
    pl.Network([2, 2]).save(path)
    assert pl.load(path).sizes == (2, 2)


def test_a_name_that_cannot_be_written_is_found_out_before_the_work(tmp_path):
    with pytest.raises(OSError, match="n" * 256):
        check_writable(tmp_path / ("n" * 256))
    (tmp_path / "link").symlink_to(tmp_path / "none" / "net")
    with pytest.raises(FileNotFoundError, match=r"link: there is no folder .*none"):
        check_writable(tmp_path / "link")
    (tmp_path / "good link").symlink_to(tmp_path / "net")
    check_writable(tmp_path / "good link")
    pl.Network([2, 2]).save(tmp_path / "good link")
    assert pl.load(tmp_path / "net").sizes == (2, 2)
    assert (tmp_path / "good link").is_symlink()


def test_what_a_killed_process_left_is_removed_once_it_is_old(tmp_path, monkeypatch):
    def killed(*_):
        raise SystemExit

    path, net = tmp_path / "net", pl.Network([2, 2])
    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", killed)
        patched.setattr(os, "unlink", lambda *_: None)
        for name in ("net", "other"):
            with pytest.raises(SystemExit):
                net.save(tmp_path / name)
    left = list(tmp_path.iterdir())
    assert len(left) == 2
    net.save(path)
    assert set(left) < set(tmp_path.iterdir())  # they could be of a process that is writing now
    for one in left:
        os.utime(one, (0, 0))
    net.save(path)
    assert len(set(left) & set(tmp_path.iterdir())) == 1  # the other file's


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_parameters_that_are_not_finite_are_neither_written_nor_read(value, tmp_path):
    net = pl.Network([3, 4, 2], seed=1)
    net.save(tmp_path / "net")
    arrays = safetensors.numpy.load_file(tmp_path / "net")
    net.W[3][1, 2] = value if np.isfinite(value) else 1
    net.parameters[-1] = value
    with pytest.raises(ValueError, match=r"b\[3\]"):
        net.save(tmp_path / "net")
    header = read_file(tmp_path / "net").header
    arrays["W.3"][1, 2] = value
    safetensors.numpy.save_file(arrays, tmp_path / "net", metadata={"pellucid": json.dumps(header)})
    with pytest.raises(pl.ModelFileError, match=r"W\.3\[1, 2\] is -?(nan|inf)"):
        pl.load(tmp_path / "net")


def test_an_estimators_file_needs_scikit_learn_and_says_so():
    path = FOLDER / "format-1" / "classifier.safetensors"
    code = (
        "import sys; sys.modules['sklearn'] = None\n"
        "import pellucid as pl\n"
        f"pl.load({str(path.with_name('network.safetensors'))!r})\n"
        f"try:\n    pl.load({str(path)!r})\n"
        "except pl.MissingExtraError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert "pip install 'pellucid[sklearn]'" in done.stdout


# Damage.

DEEP = "a place that is nested 100,000 deep"
DELETE = object()
VALUES = [
    None, True, [], {}, -1, 0, 1, 3, 0.5, 1e308, -1e308, 2**31, 2**63, -(2**64), 10**400, float("nan"), float("inf"),
    "", "x", "nan", "float32", "sigmoid", "\x1b[2J", "x" * 5000, [1, 2, 3], [[1]], ["a", "b"], [None], {"a": 1},
    {"name": 3}, DEEP, DELETE,
]  # fmt: skip


def places(value, before=()):
    """Every place in a header, as the keys that lead there."""
    found = [before] if before else []
    if isinstance(value, dict | list):
        keys = list(value) if isinstance(value, dict) else range(min(len(value), 4))
        for key in keys:
            found += places(value[key], (*before, key))
    return found


def in_header(raw, rng):
    """Replace or remove one value of the header."""
    header, body = parts(raw)
    about = json.loads(header["__metadata__"]["pellucid"])
    for _ in range(int(rng.integers(1, 3))):
        every = places(about)
        where = every[rng.integers(len(every))]
        value = VALUES[rng.integers(len(VALUES))]
        change(about, where, value if value is DELETE else copy.deepcopy(value))
    text = json.dumps(about).replace(json.dumps(DEEP), "[" * 100_000 + "]" * 100_000)
    header["__metadata__"]["pellucid"] = text
    return whole(header, body)


def change(about, where, value):
    for key in where[:-1]:
        about = about[key]
    if value is not DELETE:
        about[where[-1]] = value
    elif isinstance(about, dict):
        del about[where[-1]]
    else:
        about.pop(where[-1])


def parts(raw):
    (length,) = struct.unpack("<Q", raw[:8])
    return json.loads(raw[8 : 8 + length]), raw[8 + length :]


def whole(header, body):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def in_arrays(raw, rng):
    """Give an array another shape, dtype, name or value, or take it away."""
    metadata = parts(raw)[0]["__metadata__"]
    arrays = safetensors.numpy.load(raw)
    name = sorted(arrays)[rng.integers(len(arrays))]
    array = arrays[name].copy()
    others = [
        lambda: array.astype(rng.choice(["float16", "float32", "float64", "int8", "uint64", "bool"])),
        lambda: array.ravel()[:-1].copy(),
        lambda: array[np.newaxis].copy(),
        lambda: np.array(1.0),
        lambda: np.zeros((0, 3)),
        lambda: np.full_like(array, rng.choice([0, 1, 100])),
        lambda: -array,
    ]
    if array.dtype.kind == "f":
        others.append(lambda: np.full_like(array, rng.choice([np.nan, np.inf, np.finfo(array.dtype).max])))
    kind = rng.integers(len(others) + 2)
    if kind == len(others):
        del arrays[name]
    elif kind > len(others):
        arrays[rng.choice(["W.9", "x", "classes_", "whole.momentum", "y_scaling_.mean"])] = arrays.pop(name)
    else:
        with np.errstate(all="ignore"):
            arrays[name] = others[kind]()
    return safetensors.numpy.save(arrays, metadata=metadata)


def in_bits(raw, rng):
    damaged = bytearray(raw)
    for _ in range(int(rng.integers(1, 9))):
        damaged[rng.integers(len(raw))] ^= 1 << int(rng.integers(8))
    return bytes(damaged)


def in_length(raw, rng):
    cut = int(rng.integers(len(raw)))
    return raw[:cut] if rng.integers(4) else raw + bytes(1 + cut % 100)


def in_layout(raw, rng):
    """Claim other shapes, offsets or dtypes than the bytes have."""
    header, body = parts(raw)
    names = [name for name in header if name != "__metadata__"]
    entry = header[names[rng.integers(len(names))]]
    key = ["dtype", "shape", "data_offsets"][rng.integers(3)]
    values = {
        "dtype": ["BF16", "F8_E4M3", "F16", "U8", "C64", "X", None, 3],
        "shape": [[2**60, 2**60], [], [0], [-1], None, "x", [1e30], [2**70]],
        "data_offsets": [[0, 0], [-1, 3], [2**63, 2**64], [8, 0], None, [0], [0, 2**40]],
    }[key]
    entry[key] = values[rng.integers(len(values))]
    return whole(header, body)


DAMAGES = (in_header, in_header, in_header, in_arrays, in_bits, in_length, in_layout)


def use(model, path, expected):
    """Use what was loaded in every way that needs what the file says."""
    repr(model)
    if "rows" in expected:
        try:
            model.predict(read_rows(expected))
            model.evaluate(read_rows(expected))
        except pl.DataFileError:  # the rows have other columns or categories than the damaged model
            pass
        return
    X = np.array(expected["X"])
    net = network_of(model)
    if X.shape[1] != net.size(1):
        return
    if isinstance(model, pl.Network):
        assert model.forward(X).shape == (len(X), net.size(net.F))
        return
    try:
        assert model.predict(X).shape[0] == len(X)
    except ValueError as error:  # a scale that is next to nothing
        assert "every number must be finite" in str(error)  # noqa: PT017
        return
    model.get_params()
    if hasattr(model, "predict_proba"):
        assert model.predict_proba(X).shape == (len(X), len(model.classes_))
    model.save(path)
    pl.load(path)


def read_rows(expected):
    columns = list(zip(*(line.split(",") for line in expected["rows"]), strict=True))
    return Table("rows", {
        name: np.array(cells) if name in ("colour", "kind") else np.array(cells, float) for name, *cells in columns
    }, ("kind",))  # fmt: skip


def resume(path, expected):
    """Go on from a damaged checkpoint as the training did that wrote it."""
    X, Y = np.array(expected["X"]), np.array(expected["Y"])
    net = pl.Network([3, 4, 2], "sigmoid", "identity", seed=99)
    before = net.parameters.tobytes()
    try:
        net.train(
            X, Y, optimizer=pl.Adam(0.3), batch_size=2, patience=30, dropout=0.1, validation=(X[:2], Y[:2] + 1),
            checkpoint=path, resume=True, epochs=4, progress=False, seed=5,
        )  # fmt: skip
    except pl.TrainingDiverged:
        return
    except pl.ModelFileError:
        assert net.parameters.tobytes() == before
    except ValueError as error:
        assert "another training" in str(error) or "epochs already" in str(error)  # noqa: PT017
        assert net.parameters.tobytes() == before


def damage_all(times, seed, tmp_path):
    """Damage files of every kind so many times; returns how many of them were still loaded."""
    rng, loaded, path = np.random.default_rng(seed), 0, tmp_path / "damaged"
    cases = [
        ((FOLDER / folder / f"{name}.safetensors").read_bytes(), expected)
        for (folder, name), expected in EXPECTED.items()
    ]
    for i in range(times):
        raw, expected = cases[i % len(cases)]
        damage = DAMAGES[int(rng.integers(len(DAMAGES)))]
        path.write_bytes(damage(raw, rng))
        damaged = path.read_bytes()
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("error")
                model = said = None
                try:
                    model = pl.load(path)
                except pl.ModelFileError as error:
                    said = str(error)
                if said is None:
                    loaded += 1
                    use(model, path, expected)
                else:
                    assert "damaged" in said  # the file's name
                    assert said.isprintable()
                    assert len(said) < 1000
                if "resumed" in expected:
                    path.write_bytes(damaged)
                    resume(path, expected)
        except BaseException as error:
            keep = tmp_path / "kept"
            keep.write_bytes(damaged)
            pytest.fail(
                f"{i} of seed {seed}, {damage.__name__}: {type(error).__name__}: {str(error)[:300]}; see {keep}"
            )
    return loaded


def test_damaged_files_load_or_are_refused_by_an_error_of_ours(tmp_path):
    assert 20 < damage_all(600, 0, tmp_path) < 580


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 11))
def test_ten_thousand_damaged_files_load_or_are_refused_by_an_error_of_ours(seed, tmp_path):
    damage_all(1000, seed, tmp_path)
