"""Files: what is saved comes back bit for bit, anything else is refused, and a file is written whole or not at all."""

import copy
import json
import os
import pickle
import stat

import numpy as np
import pytest
import safetensors
import safetensors.numpy

import pellucid as pl
from pellucid.activations import ACTIVATIONS
from pellucid.storage import FORMAT, read_file, write_atomically

DTYPES = ("float64", "float32")


def a_network(**arguments):
    return pl.Network([3, 4, 2], **({"activation": "tanh", "seed": 0} | arguments))


def bits(net):
    return net.parameters.tobytes()


@pytest.fixture
def saved(tmp_path):
    """A network and the file that it was saved to."""
    net = a_network()
    net.save(tmp_path / "net.safetensors")
    return net, tmp_path / "net.safetensors"


def parts(path):
    """A file's header and arrays, read without pellucid."""
    with safetensors.safe_open(path, framework="np") as opened:
        header = json.loads(opened.metadata()["pellucid"])
        return header, {name: opened.get_tensor(name) for name in opened.keys()}


def rewrite(path, header=None, arrays=None):
    """Write a file again with another header, or other arrays."""
    old_header, old_arrays = parts(path)
    text = header if isinstance(header, str) else json.dumps(old_header if header is None else header)
    safetensors.numpy.save_file(old_arrays if arrays is None else arrays, path, metadata={"pellucid": text})


def by_hand(path):
    """The safetensors layout read by hand: (JSON header, the bytes after it)."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + length]), data[8 + length :]


# What is saved comes back.


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_and_dtype_comes_back_bit_for_bit(name, dtype, tmp_path):
    net = a_network(activation="sigmoid", output=name, dtype=dtype)
    if ACTIVATIONS[name].elementwise:
        net = a_network(activation=name, dtype=dtype)
    net.b[2] = np.linspace(-1, 1, 4)
    net.save(tmp_path / "net.safetensors")
    back = pl.load(tmp_path / "net.safetensors")
    X = np.random.default_rng(0).standard_normal((5, 3))
    assert type(back) is pl.Network
    assert (back.sizes, back.dtype, bits(back)) == (net.sizes, net.dtype, bits(net))
    assert back.forward(X).tobytes() == net.forward(X).tobytes()
    assert repr(back) == repr(net)


@pytest.mark.parametrize("row", [pl.LeakyReLU(0.3), pl.ELU(alpha=1 / 3)], ids=str)
def test_an_activations_settings_come_back(row, tmp_path):
    net = a_network(activation=[row, "identity"])
    net.save(tmp_path / "net.safetensors")
    back = pl.load(tmp_path / "net.safetensors")
    X = np.random.default_rng(0).standard_normal((9, 3))
    assert back.activations[2].settings == row.settings
    assert back.forward(X).tobytes() == net.forward(X).tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_rarest_numbers_come_back_bit_for_bit(dtype, tmp_path):
    limits = np.finfo(dtype)
    net = pl.Network(
        [2, 2], dtype=dtype, init=np.array([limits.max, -limits.max, limits.smallest_subnormal, -0.0, 0, 1])
    )
    net.save(tmp_path / "net")
    assert bits(pl.load(tmp_path / "net")) == bits(net)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_network_without_biases_comes_back_and_says_so_in_its_header(dtype, tmp_path):
    path = tmp_path / "net"
    net = a_network(bias=False, dtype=dtype)
    net.save(path)
    header, arrays = parts(path)
    assert header["bias"] is False
    assert set(arrays) == {"W.2", "W.3"}
    other = pl.load(path)
    assert (repr(other), bits(other)) == (repr(net), bits(net))
    np.testing.assert_array_equal(other.forward(np.ones(3)), net.forward(np.ones(3)))
    rewrite(path, header | {"bias": True})
    with pytest.raises(pl.ModelFileError, match=r"lacks the array b\.2"):
        pl.load(path)
    a_network(dtype=dtype).save(path)
    header = parts(path)[0]
    assert "bias" not in header
    rewrite(path, header | {"bias": False})
    with pytest.raises(pl.ModelFileError, match=r"says that the network has no biases, but holds b\.2"):
        pl.load(path)


@pytest.mark.parametrize("sizes", [[1, 1], [1, 2, 1], [5, 1, 1, 3], [33, 65]], ids=str)
def test_every_shape_comes_back(sizes, tmp_path):
    net = pl.Network(sizes, "relu", seed=1, init="standard_normal")
    net.save(tmp_path / "net")
    back = pl.load(tmp_path / "net")
    assert (back.sizes, bits(back)) == (tuple(sizes), bits(net))


def test_what_was_loaded_trains_on_like_what_was_saved(saved):
    net, path = saved
    back = pl.load(path)
    X, Y = np.random.default_rng(0).standard_normal((2, 10, 3))
    for each in (net, back):
        each.train(X, Y[:, :2], epochs=3, batch_size=4, seed=1)
    assert bits(net) == bits(back)


def test_saving_the_same_network_gives_the_same_file(saved, tmp_path):
    net, path = saved
    net.save(tmp_path / "again")
    pl.load(path).save(tmp_path / "and again")
    assert path.read_bytes() == (tmp_path / "again").read_bytes() == (tmp_path / "and again").read_bytes()


def test_saving_changes_nothing_in_the_network(saved):
    net, _ = saved
    fresh = a_network()
    assert bits(net) == bits(fresh)
    assert net.optimizer_state is None


@pytest.mark.parametrize(
    "copied",
    [pl.Network.copy, copy.copy, copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))],
    ids=["net.copy", "copy.copy", "copy.deepcopy", "pickle"],
)
def test_a_copy_of_any_kind_saves_the_same_file(copied, saved, tmp_path):
    net, path = saved
    copied(net).save(tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == path.read_bytes()


def test_a_path_may_be_text_or_path_like(saved, tmp_path):
    net, path = saved
    net.save(str(tmp_path / "text"))
    assert bits(pl.load(str(tmp_path / "text"))) == bits(pl.load(path)) == bits(net)


# User-made activations.


def a_user_made(name="cube", **settings):
    return pl.Activation(name, lambda z: z**3, lambda z: 3 * z**2, settings=settings)


def test_a_user_made_activation_comes_back_when_it_is_given_by_its_name(tmp_path):
    cube = a_user_made()
    net = a_network(activation=[cube, "identity"])
    net.save(tmp_path / "net")
    back = pl.load(tmp_path / "net", activations={"cube": cube})
    assert back.activations[2] is cube
    assert (bits(back), back.forward([1, 2, 3]).tobytes()) == (bits(net), net.forward([1, 2, 3]).tobytes())


@pytest.mark.parametrize("given", [None, {}, {"square": a_user_made()}])
def test_a_user_made_activation_that_is_not_given_is_asked_for(given, tmp_path):
    a_network(activation=[a_user_made(), "identity"]).save(tmp_path / "net")
    with pytest.raises(pl.ModelFileError, match=r"user-made activation 'cube'.*activations=\{'cube'"):
        pl.load(tmp_path / "net", activations=given)


@pytest.mark.parametrize("name", ["relu", "leaky_relu"])
@pytest.mark.parametrize("user_settings", [{}, {"slope": 0.5}, {"power": 3.0}], ids=str)
def test_a_user_made_activation_is_never_taken_for_the_tables_row_of_its_name(name, user_settings, tmp_path):
    mine = a_user_made(name, **user_settings)
    net = a_network(activation=[mine, "identity"])
    net.save(tmp_path / "net")
    back = pl.load(tmp_path / "net", activations={name: mine})
    assert back.forward([1, 2, 3]).tobytes() == net.forward([1, 2, 3]).tobytes()
    with pytest.raises(pl.ModelFileError, match=f"user-made activation '{name}'"):
        pl.load(tmp_path / "net")


# What is in a file.


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_file_holds_the_numbers_and_a_json_header_and_not_a_byte_more(dtype, tmp_path):
    net = a_network(activation=[a_user_made(), "softmax"], dtype=dtype)
    net.save(tmp_path / "net")
    header, data = by_hand(tmp_path / "net")
    about = json.loads(header.pop("__metadata__")["pellucid"])
    assert set(header) == {"W.2", "b.2", "W.3", "b.3"}
    spans = []
    for name, entry in header.items():
        array = (net.W if name[0] == "W" else net.b)[int(name[2:])]
        begin, end = entry["data_offsets"]
        assert (entry["dtype"], tuple(entry["shape"])) == (f"F{8 * net.dtype.itemsize}", array.shape)
        assert data[begin:end] == array.astype(net.dtype.newbyteorder("<")).tobytes()
        spans.append((begin, end))
    ends = sorted(spans)
    assert [begin for begin, _ in ends] == [0, *(end for _, end in ends[:-1])]  # no gap that could hide anything
    assert ends[-1][1] == len(data) == net.parameters.nbytes
    assert (about["format"], about["version"], about["kind"]) == (FORMAT, pl.__version__, "network")
    assert (about["sizes"], about["dtype"]) == ([3, 4, 2], dtype)


def test_a_file_holds_no_code_of_a_user_made_activation(tmp_path):
    def function(z):
        return np.tanh(z) + len("a string that only the function's code holds")

    net = a_network(activation=[pl.Activation("mine", function, function), "identity"])
    net.save(tmp_path / "net")
    assert b"mine" in (tmp_path / "net").read_bytes()
    assert b"a string that only" not in (tmp_path / "net").read_bytes()
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert bytes([0x80, protocol]) + b"c" not in (tmp_path / "net").read_bytes()
    with pytest.raises(pickle.UnpicklingError), (tmp_path / "net").open("rb") as file:
        pickle.load(file)


# What is refused.


def test_a_file_cut_off_anywhere_is_refused(saved):
    _, path = saved
    whole = path.read_bytes()
    lengths = [*range(0, len(whole), 37), len(whole) - 1]
    assert len(lengths) > 10
    for length in lengths:
        path.write_bytes(whole[:length])
        with pytest.raises(pl.ModelFileError, match="truncated" if length else "empty"):
            pl.load(path)
    path.write_bytes(whole + b"\0")
    with pytest.raises(pl.ModelFileError):
        pl.load(path)
    path.write_bytes(whole)
    assert pl.load(path).sizes == (3, 4, 2)


@pytest.mark.parametrize(
    "content", [b"", b"\0", b"PK\x03\x04" + bytes(100), pickle.dumps([1.0]), b"a,b\n1,2\n" * 20, b"\xff" * 64]
)
def test_a_file_of_another_format_is_refused(content, tmp_path):
    (tmp_path / "other").write_bytes(content)
    with pytest.raises(pl.ModelFileError, match=r"other (is|was) "):
        pl.load(tmp_path / "other")


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}])
def test_somebody_elses_safetensors_file_is_refused(metadata, tmp_path):
    safetensors.numpy.save_file({"weight": np.ones((2, 2))}, tmp_path / "other", metadata=metadata)
    with pytest.raises(pl.ModelFileError, match="not one of pellucid's"):
        pl.load(tmp_path / "other")


def test_a_newer_format_is_refused_with_the_version_that_wrote_it(saved):
    _, path = saved
    rewrite(path, parts(path)[0] | {"format": FORMAT + 1, "version": "99.1"})
    with pytest.raises(pl.ModelFileError, match=rf"pellucid 99\.1 in format {FORMAT + 1}.*upgrade pellucid"):
        pl.load(path)


def test_a_checkpoint_is_no_network_and_a_network_no_checkpoint(saved, tmp_path):
    net, path = saved
    X, Y = np.random.default_rng(0).standard_normal((2, 10, 3))
    net.train(X, Y[:, :2], epochs=1, checkpoint=tmp_path / "checkpoint")
    with pytest.raises(pl.ModelFileError, match="holds a checkpoint, not a network"):
        read_file(tmp_path / "checkpoint", "network")
    before = bits(net)
    for seed in (None, 0):
        with pytest.raises(pl.ModelFileError, match="holds a network, not a checkpoint"):
            net.train(X, Y[:, :2], epochs=2, checkpoint=path, resume=True, seed=seed)
    assert bits(net) == before


@pytest.mark.parametrize(
    "change",
    [
        {"sizes": [3, 5, 2]},
        {"sizes": [3, 4, 4, 2], "activations": [{"name": "tanh", "settings": {}}] * 3},
        {"sizes": [3, 2]},
        {"sizes": [4, 3, 2]},
        {"sizes": [3, 4, 0]},
        {"sizes": [3, 4.0, 2]},
        {"sizes": [-3, 4, 2]},
        {"sizes": "342"},
        {"sizes": 3},
        {"sizes": None},
        {"sizes": []},
        {"sizes": [10**7, 10**7, 2]},  # 10^14 weights: no machine's memory
        {"bias": None},
        {"bias": 1},
        {"bias": "no"},
        {"dtype": "float32"},
        {"dtype": "float16"},
        {"dtype": "object"},
        {"activations": None},
        {"activations": []},
        {"activations": ["tanh", "tanh"]},
        {"activations": [{"name": "tanh"}]},
        {"activations": [{"name": "tanhh"}] * 2},
        {"activations": [{"name": ["tanh"]}] * 2},
        {"activations": [{}] * 2},
        {"activations": [{"name": "softmax"}] * 2},
        {"activations": [{"name": "leaky_relu", "settings": {"slope": -1}}] * 2},
        {"activations": [{"name": "leaky_relu", "settings": {"slope": "x"}}] * 2},
        {"activations": [{"name": "leaky_relu", "settings": {"slop": 1}}] * 2},
        {"activations": [{"name": "leaky_relu", "settings": [1]}] * 2},
        {"activations": [{"name": "tanh", "settings": {"slope": 1}}] * 2},
        {"kind": "something"},
        {"kind": None},
        {"format": "x"},
        {"format": None},
        {"format": float("inf")},
        {"format": FORMAT + 10**30},
    ],
    ids=str,
)
def test_a_tampered_header_is_refused(change, saved):
    _, path = saved
    rewrite(path, parts(path)[0] | change)
    with pytest.raises(pl.ModelFileError):
        pl.load(path)


@pytest.mark.parametrize("key", ["format", "version", "kind", "sizes", "dtype", "activations"])
def test_a_header_without_one_of_its_entries_is_refused(key, saved):
    _, path = saved
    header = parts(path)[0]
    del header[key]
    rewrite(path, header)
    with pytest.raises(pl.ModelFileError):
        pl.load(path)


@pytest.mark.parametrize("text", ["", "{", "null", "[]", "3", '"text"', "NaN"])
def test_a_header_that_is_no_json_object_is_refused(text, saved):
    _, path = saved
    rewrite(path, text)
    with pytest.raises(pl.ModelFileError, match="broken header"):
        pl.load(path)


@pytest.mark.parametrize("name", ["W.2", "b.2", "W.3", "b.3"])
def test_an_array_that_is_missing_or_of_another_shape_or_dtype_is_refused_by_its_name(name, saved):
    _, path = saved
    arrays = parts(path)[1]
    changed = [
        {key: array for key, array in arrays.items() if key != name},
        arrays | {name: arrays[name].astype("float32")},
        arrays | {name: arrays[name].astype("int64")},
        arrays | {name: arrays[name].T[np.newaxis].copy()},
        arrays | {name: arrays[name].ravel()[:-1]},
        arrays | {name: np.array(1.0)},
    ]
    for others in changed:
        rewrite(path, arrays=others)
        with pytest.raises(pl.ModelFileError, match=name):
            pl.load(path)


@pytest.mark.parametrize(("dtype", "size"), [("BF16", 24), ("F8_E4M3", 12), ("F16", 24), ("U8", 12), ("BOOL", 12)])
def test_an_array_of_a_dtype_that_numpy_may_not_have_is_refused(dtype, size, saved):
    _, path = saved
    header, _ = by_hand(path)
    text = {"__metadata__": header["__metadata__"], "W.2": {"dtype": dtype, "shape": [4, 3], "data_offsets": [0, size]}}
    encoded = json.dumps(text).encode()
    path.write_bytes(len(encoded).to_bytes(8, "little") + encoded + bytes(size))
    with pytest.raises(pl.ModelFileError):
        pl.load(path)


def test_a_missing_file_and_a_folder_are_the_usual_os_errors(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file"):
        pl.load(tmp_path / "nothing")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        pl.load(tmp_path)


def test_an_unreadable_file_is_an_os_error_and_no_broken_model(saved):
    _, path = saved
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user reads every file, whatever its mode")
    with pytest.raises(PermissionError):
        pl.load(path)


# Written whole or not at all.


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("function", ["replace", "fsync"])
@pytest.mark.parametrize("error", [OSError("the disk is full"), KeyboardInterrupt()], ids=["OSError", "Ctrl-C"])
@pytest.mark.parametrize("exists", [True, False])
def test_a_failure_while_saving_leaves_the_old_file_and_no_other(function, error, exists, saved, monkeypatch):
    net, path = saved
    before = path.read_bytes()
    net.W[2][...] = 0
    if not exists:
        path.unlink()

    def fail(*_):
        raise error

    monkeypatch.setattr(os, function, fail)
    with pytest.raises(type(error)):
        net.save(path)
    assert names(path.parent) == ([path.name] if exists else [])
    if exists:
        assert path.read_bytes() == before


def test_a_place_that_cannot_be_written_is_an_os_error_and_changes_nothing(saved, tmp_path):
    net, path = saved
    before = path.read_bytes()
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        net.save(tmp_path / "nowhere" / "net")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        net.save(tmp_path)
    with pytest.raises(OSError, match="there is no folder"):
        net.save(path / "inside a file")
    assert names(tmp_path) == [path.name]
    assert path.read_bytes() == before


def test_a_read_only_folder_is_an_os_error_and_keeps_its_file(saved, tmp_path):
    net, path = saved
    before = path.read_bytes()
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        if os.access(tmp_path, os.W_OK):
            pytest.skip("this user writes into every folder, whatever its mode")
        net.W[2][...] = 0
        with pytest.raises(PermissionError):
            net.save(path)
        assert names(tmp_path) == [path.name]
    finally:
        tmp_path.chmod(stat.S_IRWXU)
    assert path.read_bytes() == before


def test_a_new_file_can_be_read_by_those_the_umask_allows(tmp_path):
    old = os.umask(0o027)
    try:
        write_atomically(tmp_path / "file", b"12")
    finally:
        os.umask(old)
    assert (tmp_path / "file").read_bytes() == b"12"
    if os.name == "posix":
        assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640


def test_reading_returns_what_was_written(saved):
    net, path = saved
    file = read_file(path, "network")
    assert file.header["sizes"] == [3, 4, 2]
    assert file.tensors["W.3"].tobytes() == net.W[3].tobytes()
