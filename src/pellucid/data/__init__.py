"""Data: the embedded digits, synthetic sets, and readers of files."""

from pellucid.data.datasets import DATASETS, Dataset, digits, sine, two_moons, two_spirals, xor
from pellucid.data.encoding import Encoding, InputEncoding, TargetEncoding
from pellucid.data.readers import holds_arrays, read, read_csv, read_idx, read_npz, read_parquet
from pellucid.data.tables import Table

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
