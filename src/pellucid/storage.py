"""Files of networks, checkpoints and estimators, as safetensors: named arrays and a JSON header, never code.

A file is written whole or not at all: to a temporary name beside it, then renamed.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from pellucid.activations import Activation, as_activation
from pellucid.errors import ModelFileError, import_extra, visible
from pellucid.layers import Layers, parameter_count
from pellucid.losses import Loss, as_loss
from pellucid.schema import (
    Description,
    MismatchError,
    dict_of,
    either,
    list_of,
    one_of,
    real,
    record,
    text,
    truth,
    whole,
)
from pellucid.version import __version__

FORMAT = 1
"""Version of the layout of the header; a reader refuses a newer one."""

KINDS = ("network", "checkpoint", "estimator")
"""What a file may hold; a predictor's is a network's with a loss and an encoding."""

_HEADER = "pellucid"

_PREAMBLE = record({"format": whole(1, None), "version": text, "kind": text})

PathLike = str | os.PathLike[str]


def as_json(data: Mapping[str, Any]) -> str:
    """Write a header as JSON; NaN and infinity are a ValueError."""
    import json  # when a file is written, not at every start

    return json.dumps(data, allow_nan=False)


def from_json(text: str) -> Any:
    """Read a header back; a ValueError if it is not JSON, or nested deeper than Python can follow."""
    import json

    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def _safetensors() -> ModuleType:
    """Import safetensors when a file is first read or written, so that `import pellucid` loads NumPy alone."""
    import_extra("safetensors.numpy", "", "reading and writing models")
    return import_extra("safetensors", "", "reading and writing models")


_FOREIGN = (
    ".h5",
    ".hdf5",
    ".keras",
    ".onnx",
    ".pt",
    ".pth",
    ".pkl",
    ".pickle",
    ".joblib",
    ".npz",
    ".npy",
    ".json",
    ".csv",
)
"""Endings by which other programs would take a file for one of theirs."""


def check_model_path(path: PathLike) -> None:
    """Refuse a path whose ending says another format than that of models.

    Raises
    ------
    ValueError
        Says which ending to write.
    """
    stem, ending = os.path.splitext(os.fsdecode(path))
    if ending.lower() in _FOREIGN:
        name = os.path.basename(stem)
        raise ValueError(
            f"{os.fsdecode(path)} would be a safetensors file whatever it is called: write '{name}.safetensors'"
        )


def write_file(path: PathLike, kind: str, header: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> None:
    """Write arrays and a header atomically.

    Parameters
    ----------
    path : path
        Replaced if it exists; its folder must exist.
    kind : str
        One of `KINDS`.
    header : mapping
        JSON-serializable.
    tensors : mapping
        Arrays by name.

    Raises
    ------
    OSError
        The file cannot be written; the one that was there stays as it was.
    ValueError
        The ending is that of another format.
    """
    check_model_path(path)
    text = as_json({"format": FORMAT, "version": __version__, "kind": kind, **header})
    arrays = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    write_atomically(path, _safetensors().numpy.save(arrays, metadata={_HEADER: text}))


def check_writable(path: PathLike) -> None:
    """Refuse a path that cannot be written, before the work whose result it is for.

    Raises
    ------
    OSError
        The path is a folder or a device, its name is too long, or its folder is missing or may not be written to.
    ValueError
        The path is empty.
    """
    target = os.fsdecode(path)
    if not target:
        raise ValueError("the name of the output file is empty")
    folder = os.path.dirname(os.path.realpath(target))  # a link leads to where the file will be
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        os.stat(target)  # a name that is too long is an OSError of the system's
    if os.path.isdir(target):
        raise IsADirectoryError(f"{target} is a folder, not a file")
    if os.path.exists(target) and not os.path.isfile(target):
        raise OSError(f"{target} is a device or a pipe, and is not replaced by a file")
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"cannot write {target}: there is no folder {folder}")
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"cannot write {target}: the folder {folder} may not be written to")


def write_atomically(path: PathLike, data: bytes) -> None:
    """Write bytes to a new file beside the target and rename it over the target."""
    check_writable(path)
    target = os.path.realpath(os.fsdecode(path))  # a link keeps leading there
    folder, name = os.path.split(target)
    # A name of its own length, since that of the target may be the longest that the system takes.
    prefix = f".pellucid-{zlib.crc32(os.fsencode(name)):08x}-"
    temporary = os.path.join(folder, f"{prefix}{os.getpid()}-{os.urandom(4).hex()}")
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if os.path.exists(target):
            os.chmod(temporary, stat.S_IMODE(os.stat(target).st_mode))
        os.replace(temporary, target)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        if isinstance(error, OSError) and error.errno is not None:  # the system names no file, or the temporary one
            raise type(error)(error.errno, error.strerror, os.fspath(path)) from error
        raise
    _remove_leftovers(folder, prefix)


_LEFT_AFTER = 3600.0
"""Seconds after which a temporary file is one of a process that was killed."""


def _remove_leftovers(folder: str, prefix: str) -> None:
    """Remove what processes left that were killed while they wrote the same file."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(prefix) and entry.stat().st_mtime < time.time() - _LEFT_AFTER:
                os.unlink(entry.path)


@dataclass(frozen=True, eq=False)
class ModelFile:
    """A file that was read: of this library, of a format that it reads, with a header that is a JSON object.

    Attributes
    ----------
    path : str
    kind : str
        One of `KINDS`.
    version : str
        Of the library that wrote it.
    header : dict
        As it was found; `check` compares it with a description.
    tensors : mapping of str to ndarray
        Likewise; `array` returns one that is as it must be.
    """

    path: str
    kind: str
    version: str
    header: Mapping[str, Any]
    tensors: Mapping[str, np.ndarray[Any, Any]]

    def broken(self, reason: object) -> ModelFileError:
        """Build the error that says what is wrong with the file's content."""
        said = _plain(str(reason), 300).rstrip(".")
        return ModelFileError(f"{self.path} is a damaged {self.kind} file: {said}; {_MEND}")

    def check(self, description: Description) -> dict[str, Any]:
        """Return the header if it fits a description, or raise a ModelFileError."""
        try:
            header: dict[str, Any] = description(self.header, "")
        except MismatchError as error:
            raise self.broken(error) from error
        return header

    def array(
        self, name: str, shape: tuple[int, ...] | None, dtype: np.dtype[Any], *, finite: bool = True
    ) -> np.ndarray[Any, Any]:
        """Return an array of this shape (None: one axis of any length) and dtype, or raise a ModelFileError."""
        if name not in self.tensors:
            raise self.broken(f"it lacks the array {name}")
        found = self.tensors[name]
        fits = found.ndim == 1 if shape is None else found.shape == shape
        if not fits or found.dtype != dtype:
            expected = "one axis" if shape is None else f"shape {shape}"
            raise self.broken(
                f"{name} has shape {found.shape} and dtype {found.dtype}; expected {expected} and dtype {dtype}"
            )
        if finite and not np.isfinite(found).all():
            place = tuple(int(i) for i in np.argwhere(~np.isfinite(found))[0])
            raise self.broken(f"{name}[{', '.join(map(str, place))}] is {found[place]}; every number must be finite")
        return found


def read_file(path: PathLike, *kinds: str) -> ModelFile:
    """Read a file of this library.

    Parameters
    ----------
    path : path
    *kinds : str
        Of `KINDS`, those that are wanted; all if none is named.

    Raises
    ------
    FileNotFoundError, OSError
        The file is missing, cannot be read, or is a folder or a device.
    ModelFileError
        It is truncated, damaged, another program's, of another kind, or of a newer format.
    """
    source = os.fspath(path)
    source = os.fsdecode(source) if isinstance(source, bytes) else source
    if not os.path.exists(source):
        raise FileNotFoundError(f"there is no file {source}")
    if os.path.isdir(source):
        raise IsADirectoryError(f"{source} is a folder, not a file")
    if not os.path.isfile(source):
        raise OSError(f"{source} is a device or a pipe, not a file")
    with open(source, "rb") as file:  # an unreadable file is an OSError, not a broken model
        start = file.read(_LOOKED_AT)
    safetensors = _safetensors()
    try:
        with safetensors.safe_open(source, framework="np") as opened:
            text = (opened.metadata() or {}).get(_HEADER)
            names = list(opened.keys())
            if text is None:
                raise ModelFileError(_somebody_elses(source, names))
            tensors = {name: opened.get_tensor(name) for name in names}
    except ModelFileError:
        raise
    except (safetensors.SafetensorError, TypeError, AttributeError, ValueError) as error:  # the latter: strange dtypes
        raise ModelFileError(_not_ours(source, start, os.path.getsize(source), error)) from error
    try:
        whole_header = from_json(text)
        header = _PREAMBLE(whole_header, "")
    except ValueError as error:
        raise ModelFileError(f"{source} has a broken header: {_plain(str(error), 300)}; {_MEND}") from error
    found, version, kind = header["format"], header["version"], header["kind"]
    if found > FORMAT:
        raise ModelFileError(
            f"{source} was written by pellucid {_plain(version)} in format {_plain(str(found))}; this is pellucid "
            f"{__version__}, which reads formats up to {FORMAT}: upgrade pellucid"
        )
    if kind not in (kinds or KINDS):
        wanted = " or ".join(map(_with_article, kinds or KINDS))
        raise ModelFileError(f"{source} holds {_with_article(_plain(kind))}, not {wanted}")
    return ModelFile(source, kind, version, whole_header, tensors)


_LOOKED_AT = 4096
"""Bytes at the start of a file that tell what it is."""

_STARTS = (
    (b"\x93NUMPY", "a NumPy array (.npy)", "read it with numpy.load"),
    (b"\x89HDF", "an HDF5 file, as Keras writes", "read its weights with Keras or h5py"),
    (b"PAR1", "a Parquet table", "read it with pellucid.data.read"),
    (b"GGUF", "a GGUF file", "models of that kind are not feed-forward networks"),
    (b"\x1f\x8b", "compressed with gzip", "unpack it first"),
    (b"%PDF", "a PDF", "give the file that `save` wrote"),
    (b"\x7fELF", "a program", "give the file that `save` wrote"),
)
"""How other programs' files begin, what they are, and what to do with them."""

_ZIPPED = (
    ("data.pkl", "a PyTorch file (a zip of pickles)", "read it with torch.load"),
    (".npy", "a NumPy archive (.npz)", "read it with numpy.load"),
    ("metadata.json", "a Keras file (.keras)", "read its weights with Keras"),
    ("config.json", "a Keras file (.keras)", "read its weights with Keras"),
)
"""The same for archives, by how the name of their first member ends."""

_MEND = "take another copy of it, or save it again"

_TAKE_OVER = "give its weights and biases to pellucid.Network(sizes, init=(weights, biases))"


def _somebody_elses(source: str, names: Sequence[str]) -> str:
    held = ", ".join(repr(name) for name in sorted(names)[:4]) + (", …" if len(names) > 4 else "")
    return (
        f"{source} is a safetensors file, but not one of pellucid's; it holds {held or 'no arrays'}: read it with "
        f"safetensors.numpy.load_file, and {_TAKE_OVER}"
    )


def _not_ours(source: str, start: bytes, size: int, error: Exception) -> str:
    """Say what a file is that is not a whole safetensors file, from its first bytes."""
    if not size:
        return f"{source} is empty: its writing was broken off, or nothing was written"
    for begins, what, advice in _STARTS:
        if start.startswith(begins):
            return f"{source} is {what}, not a file of pellucid: {advice}"
    if start.startswith(b"PK\x03\x04"):
        member = start[30 : 30 + int.from_bytes(start[26:28], "little")].decode("utf-8", "replace")
        for ends, what, advice in _ZIPPED:
            if member.endswith(ends):
                return f"{source} is {what}, not a file of pellucid: {advice}, and {_TAKE_OVER}"
        return f"{source} is a zip archive, not a file of pellucid: unpack it first"
    if start[:1] == b"\x80" and start[1:2] in (b"\2", b"\3", b"\4", b"\5"):
        return (
            f"{source} is a Python pickle, as PyTorch, joblib and scikit-learn write, which may run code and is not "
            "opened here: load it with the program that wrote it, if you trust it"
        )
    if start[8:9] == b"{" and (length := int.from_bytes(start[:8], "little")) < 2**40:
        if size < 8 + length:
            return f"{source} is truncated: its header needs {8 + length} bytes, and the file has {size}; {_MEND}"
        return f"{source} is truncated or damaged, not a whole safetensors file ({error}); {_MEND}"
    if start[:1] == b"\x08" and start[2:3] in (b"\x12", b"\x1a", b"\x22", b"\x3a", b"\x42"):
        return f"{source} is an ONNX model, not a file of pellucid: read its weights with onnx, and {_TAKE_OVER}"
    if (words := _as_text(start, size)) is not None:
        what = "JSON" if words.lstrip()[:1] in ("{", "[") else "text"
        return f"{source} is {what}, not a file of pellucid: give the file that `save` or `pellucid train` wrote"
    return f"{source} is truncated or not a safetensors file ({error}): give the file that `save` wrote"


def _as_text(start: bytes, size: int) -> str | None:
    """Decode the first bytes of a file if they are text, and not a binary file that happens to begin like one."""
    if size <= 8 and not start.strip().isascii():
        return None
    try:
        words = start.decode("utf-8") if size == len(start) else start[:-4].decode("utf-8", "ignore")
    except UnicodeDecodeError:
        return None
    return words if all(letter.isprintable() or letter in "\t\r\n\f\ufeff" for letter in words) else None


def _with_article(kind: str) -> str:
    return f"{'an' if kind[:1] in ('a', 'e', 'i', 'o', 'u') else 'a'} {kind}"


def _plain(words: str, most: int = 40) -> str:
    """Show what a header says in one short line, in which nothing is a terminal's command."""
    line = " ".join(words.split())
    return visible(line if len(line) <= most else f"{line[:most]}…")


def describe(row: Activation | Loss) -> dict[str, Any]:
    """Describe an activation or loss for a header: its name and numbers; user-made ones are marked."""
    return {"name": row.name, "settings": dict(row.settings)} if row.is_builtin else {"name": row.name, "custom": True}


def layers_header(layers: Layers) -> dict[str, Any]:
    """Describe sizes, dtype, activations and, where there are none, the missing biases for a header."""
    return {
        "sizes": list(layers.sizes),
        "dtype": str(layers.dtype),
        "activations": [describe(row) for row in layers.activations.values()],
        **({} if layers.has_bias else {"bias": False}),
    }


SETTINGS = dict_of(either("a number or several", real(), list_of(real(), 1)))
ROW = record({"name": text}, {"custom": truth, "settings": SETTINGS})
"""What `describe` returns."""

LAYERS: Mapping[str, Description] = {
    "sizes": list_of(whole(1, 2**40), 2),
    "dtype": one_of("float32", "float64"),
    "activations": list_of(ROW, 1),
}
"""What `layers_header` always returns, by key."""

LAYERS_OPTIONAL: Mapping[str, Description] = {"bias": truth}
"""And what it returns besides for some networks; without the key there are biases."""


def layers_tensors(layers: Layers) -> dict[str, np.ndarray]:
    """Name the weights and biases for a file: ``W.2``, ``b.2``, …; one that is not finite is a ValueError."""
    tensors = {f"W.{l}": array for l, array in layers.W.items()} | {f"b.{l}": array for l, array in layers.b.items()}
    for name, array in tensors.items():
        if not np.isfinite(array).all():
            raise ValueError(f"{name.replace('.', '[')}] holds numbers that are not finite, which no file is made of")
    return tensors


def restore(
    description: Mapping[str, Any], kind: str, custom: Mapping[str, Any] | None, file: ModelFile
) -> Activation | Loss:
    """Make an activation or loss from its description, which fits `ROW`; user-made ones come from ``custom``."""
    name = description["name"]
    make: Callable[..., Any] = as_activation if kind == "activation" else as_loss
    if description.get("custom"):
        plural = "losses" if kind == "loss" else f"{kind}s"
        if custom is None or name not in custom:
            raise ModelFileError(
                f"{file.path} uses the user-made {kind} {name!r}, and files hold no code: "
                f"load it with {plural}={{{name!r}: pellucid.{kind.capitalize()}(...)}}"
            )
        given: Activation | Loss = make(custom[name])
        return given
    try:
        found: Activation | Loss = make(name, **description.get("settings", {}))
    except (TypeError, ValueError) as error:  # what a row says of its settings
        raise file.broken(error) from error
    return found


def make_layers(
    file: ModelFile,
    header: Mapping[str, Any],
    activations: Mapping[str, Activation] | None,
    layers_class: type[Layers] = Layers,
) -> Layers:
    """Make layers from a header that fits `LAYERS`, with parameters that are 0.

    Raises
    ------
    ModelFileError
        The header contradicts itself or the size of the file, or a user-made activation is not given.
    """
    sizes = header["sizes"]
    rows = [restore(row, "activation", activations, file) for row in header["activations"]]
    held = sum(tensor.size for tensor in file.tensors.values())
    has_bias = header.get("bias", True)
    if parameter_count(sizes, has_bias) > held + 10**6:  # before much memory is asked for
        raise file.broken(f"sizes {_sizes(sizes)} need more numbers than the {held} in the file")
    try:
        return layers_class(sizes, rows, dtype=header["dtype"], init="zeros", bias=has_bias)
    except (TypeError, ValueError) as error:  # what the layers say of their activations
        raise file.broken(error) from error


def restore_layers(
    file: ModelFile,
    header: Mapping[str, Any],
    activations: Mapping[str, Activation] | None,
    layers_class: type[Layers] = Layers,
) -> Layers:
    """Make layers from a header that fits `LAYERS`, and from the arrays that `layers_tensors` names.

    Raises
    ------
    ModelFileError
        As in `make_layers`; or an array is missing, has another shape or dtype than the header says, or a number that
        is not finite.
    """
    layers = make_layers(file, header, activations, layers_class)
    if not layers.has_bias and "b.2" in file.tensors:
        raise file.broken("it says that the network has no biases, but holds b.2")
    for name, array in layers_tensors(layers).items():
        array[...] = file.array(name, array.shape, array.dtype)
    return layers


def _sizes(sizes: Sequence[int]) -> str:
    return "-".join(map(str, sizes[:6])) + ("-…" if len(sizes) > 6 else "")
