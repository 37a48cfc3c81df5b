"""Data: the embedded digits, synthetic sets, and readers of files."""

from typing import Any

from pellucid.data.datasets import DATASETS, Dataset, digits, sine, two_moons, two_spirals, xor
from pellucid.data.encoding import Encoding, InputEncoding, TargetEncoding
from pellucid.data.readers import holds_arrays, read, read_csv, read_idx, read_npz, read_parquet
from pellucid.data.tables import Table
from pellucid.hints import no_attribute

__all__ = [
    "DATASETS",
    "Dataset",
    "Encoding",
    "InputEncoding",
    "Table",
    "TargetEncoding",
    "digits",
    "holds_arrays",
    "read",
    "read_csv",
    "read_idx",
    "read_npz",
    "read_parquet",
    "sine",
    "two_moons",
    "two_spirals",
    "xor",
]


def __getattr__(name: str) -> Any:
    raise no_attribute("data", name, __all__)
