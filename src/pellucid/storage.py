"""Files of networks and checkpoints, as safetensors: named arrays and a JSON header, never code.

A file is written whole or not at all: to a temporary name beside it, then renamed.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np

from pellucid.activations import Activation, as_activation
from pellucid.errors import ModelFileError, import_extra
from pellucid.layers import Layers, parameter_count
from pellucid.losses import Loss, as_loss
from pellucid.version import __version__

FORMAT = 1
"""Version of the layout of the header; a reader refuses a newer one."""

_HEADER = "pellucid"

PathLike = str | os.PathLike[str]


def as_json(data: Mapping[str, Any]) -> str:
    """Write a header as JSON; NaN and infinity are a ValueError."""
    import json  # when a file is written, not at every start

    return json.dumps(data, allow_nan=False)


def from_json(text: str) -> dict[str, Any]:
    """Read a header back; a ValueError if it is not JSON."""
    import json

    header: dict[str, Any] = json.loads(text)
    return header


def _safetensors() -> ModuleType:
    """Import safetensors when a file is first read or written, so that `import pellucid` loads NumPy alone."""
    import_extra("safetensors.numpy", "", "reading and writing models")
    return import_extra("safetensors", "", "reading and writing models")


def write_file(path: PathLike, kind: str, header: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> None:
    """Write arrays and a header atomically.

    Parameters
    ----------
    path : path
        Replaced if it exists; its folder must exist.
    kind : {'network', 'checkpoint'}
    header : mapping
        What JSON can hold.
    tensors : mapping
        Arrays by name.

    Raises
    ------
    OSError
        The file cannot be written; the one that was there stays as it was.
    """
    text = as_json({"format": FORMAT, "version": __version__, "kind": kind, **header})
    arrays = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    write_atomically(path, _safetensors().numpy.save(arrays, metadata={_HEADER: text}))


def check_writable(path: PathLike) -> None:
    """Refuse a path that cannot be written, before the work whose result it is for.

    Raises
    ------
    OSError
        The path is a folder or a device, or its folder is missing or may not be written to.
    ValueError
        The path is empty.
    """
    target = os.fspath(path)
    if not target:
        raise ValueError("the name of the output file is empty")
    folder = os.path.dirname(os.path.abspath(target))
    if os.path.isdir(target):
        raise IsADirectoryError(f"{target} is a folder, not a file")
    if os.path.exists(target) and not os.path.isfile(target):
        raise OSError(f"{target} is no regular file and is not replaced by one")
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"cannot write {target}: there is no folder {folder}")
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"cannot write {target}: the folder {folder} may not be written to")


def write_atomically(path: PathLike, data: bytes) -> None:
    """Write bytes to a new file beside the target and rename it over the target."""
    check_writable(path)
    target = os.path.realpath(path)  # a link keeps leading there
    folder, name = os.path.split(target)
    temporary = os.path.join(folder, f".{name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if os.path.exists(target):
            os.chmod(temporary, stat.S_IMODE(os.stat(target).st_mode))
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def read_file(path: PathLike, kind: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read a header and arrays back.

    Returns
    -------
    header : dict
    tensors : dict of str to ndarray

    Raises
    ------
    FileNotFoundError, OSError
        The file is missing or cannot be read.
    ModelFileError
        It is truncated, no safetensors file, not pellucid's, of another kind, or of a newer format.
    """
    source = os.fspath(path)
    if not os.path.exists(source):
        raise FileNotFoundError(f"there is no file {source}")
    if os.path.isdir(source):
        raise IsADirectoryError(f"{source} is a folder, not a file")
    with open(source, "rb") as file:  # an unreadable file is an OSError, not a broken model
        file.read(1)
    safetensors = _safetensors()
    try:
        with safetensors.safe_open(source, framework="np") as opened:
            text = (opened.metadata() or {}).get(_HEADER)
            if text is None:
                raise ModelFileError(f"{source} is a safetensors file, but not one of pellucid's")
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 (no mapping)
    except (safetensors.SafetensorError, TypeError, AttributeError, ValueError) as error:  # the latter: strange dtypes
        if isinstance(error, ModelFileError):
            raise
        raise ModelFileError(f"{source} is truncated or no safetensors file ({error})") from error
    try:
        header = from_json(text)
        found, version = int(header["format"]), str(header["version"])
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise ModelFileError(f"{source} has a broken header: {error}") from error
    if found > FORMAT:
        raise ModelFileError(
            f"{source} was written by pellucid {version} in format {found}; this is pellucid {__version__}, which "
            f"reads formats up to {FORMAT}: upgrade pellucid"
        )
    if header.get("kind") != kind:
        raise ModelFileError(f"{source} holds a {header.get('kind')}, not a {kind}")
    return header, tensors


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


def layers_tensors(layers: Layers) -> dict[str, np.ndarray]:
    """Name the weights and biases for a file: ``W.2``, ``b.2``, …"""
    tensors = {f"W.{l}": array for l, array in layers.W.items()}
    return tensors | {f"b.{l}": array for l, array in layers.b.items()}


def restore(
    description: Mapping[str, Any], kind: str, custom: Mapping[str, Any] | None, path: PathLike
) -> Activation | Loss:
    """Make an activation or loss from its description; user-made ones come from ``custom``."""
    name = description["name"]
    if description.get("custom"):
        plural = "losses" if kind == "loss" else f"{kind}s"
        if custom is None or name not in custom:
            raise ModelFileError(
                f"{path} uses the user-made {kind} {name!r}, and files hold no code: "
                f"load it with {plural}={{{name!r}: pellucid.{kind.capitalize()}(...)}}"
            )
        return custom[name]
    make = as_activation if kind == "activation" else as_loss
    return make(name, **description.get("settings", {}))


def restore_layers(
    header: Mapping[str, Any],
    tensors: Mapping[str, np.ndarray],
    path: PathLike,
    activations: Mapping[str, Activation] | None,
    layers_class: type[Layers] = Layers,
) -> Layers:
    """Make layers from a header and its arrays.

    Raises
    ------
    ModelFileError
        The header is broken, an array is missing or has another shape or dtype than the header says, or a user-made
        activation is not given.
    """
    try:
        rows = [restore(row, "activation", activations, path) for row in header["activations"]]
        held, has_bias = sum(tensor.size for tensor in tensors.values()), header.get("bias", True)
        if parameter_count(header["sizes"], has_bias) > held + 10**6:  # before much memory is asked for
            raise ModelFileError(f"{path}: sizes {header['sizes']} need more numbers than the {held} in the file")
        layers = layers_class(header["sizes"], rows, dtype=header["dtype"], init="zeros", bias=has_bias)
    except ModelFileError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFileError(f"{path} has a broken header: {error}") from error
    if not layers.has_bias and "b.2" in tensors:
        raise ModelFileError(f"{path} has a broken header: it says that the network has no biases, but holds b.2")
    for name, array in layers_tensors(layers).items():
        if name not in tensors:
            raise ModelFileError(f"{path} lacks the array {name}")
        stored = tensors[name]
        if stored.shape != array.shape or stored.dtype != array.dtype:
            raise ModelFileError(
                f"{path}: {name} has shape {stored.shape} and dtype {stored.dtype}, but a network of sizes "
                f"{list(layers.sizes)} needs {array.shape} of {array.dtype}"
            )
        array[...] = stored
    return layers
