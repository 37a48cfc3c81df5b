"""The version of the library, as stored in its files."""

__version__ = "0.1.0"
