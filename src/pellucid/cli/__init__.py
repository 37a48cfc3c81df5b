"""The ``pellucid`` command."""

from pellucid.cli.main import main

__all__ = ["main"]
