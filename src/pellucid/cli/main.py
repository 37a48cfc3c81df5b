"""The command's entry: runs it, and turns errors that the user can correct into one line and exit code 2."""

import os
import sys
from collections.abc import Sequence

from cyclopts import CycloptsError

from pellucid.cli import lessons, mistakes  # noqa: F401 (their commands belong to the app)
from pellucid.cli.commands import app
from pellucid.cli.output import console
from pellucid.errors import MissingExtraError, UnknownLabelError, visible

_MENDABLE = (ValueError, TypeError, OSError, UnknownLabelError, MissingExtraError, FloatingPointError, MemoryError)
"""What bad input raises. PELLUCID_TRACEBACK=1 shows where, in case it is a fault of the library after all."""


def _prepare_streams() -> None:
    """Let output that the terminal has no letters for, or no place at all, be no error."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed, or a program without a console
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 (as long as the process)
        elif hasattr(stream, "reconfigure"):
            # A terminal shows what it can; a file or pipe gets every letter, in the encoding that the readers take.
            stream.reconfigure(errors="replace") if stream.isatty() else stream.reconfigure(encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments : sequence of str, optional
        In place of the process's own.

    Returns
    -------
    int
        0; 1 if ``check`` found a mistake; 2 with one line on standard error for an error that the user can correct; 130
        after Ctrl-C.
    """
    _prepare_streams()
    try:
        code = app(
            list(sys.argv[1:] if arguments is None else arguments),
            exit_on_error=False,
            print_error=False,
            result_action="return_value",
            console=console(),
        )
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of a pipe has gone; Python would complain again at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (CycloptsError, *_MENDABLE) as error:
        if os.environ.get("PELLUCID_TRACEBACK"):
            raise
        line = visible(" ".join(str(error).split()))
        line = line.replace("write pl.", "in Python, write pl.")  # which no option of a command takes
        print(f"pellucid: {line}", file=sys.stderr)  # noqa: T201 (the one line)
        return 2
    return code if isinstance(code, int) else 0
