"""The library's own errors, and the words they share.

Each is a ValueError, TypeError, KeyError, ImportError or FloatingPointError as well, so a caller who does not know
pellucid catches them by the usual name.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from types import ModuleType


class UnknownNameError(ValueError, KeyError):
    """A name (of an activation, loss, optimizer, ...) that no table has."""

    def __str__(self) -> str:  # KeyError shows its message in quotes
        return str(self.args[0])


class UnknownLabelError(KeyError):
    """A label or a layer that the network does not have."""

    def __str__(self) -> str:  # KeyError shows its message in quotes
        return str(self.args[0])


class ModelFileError(ValueError):
    """A file that is not a whole model or checkpoint of pellucid."""


class DataFileError(ValueError):
    """A data file whose content cannot be read as numbers and categories."""


class FormulaError(ValueError):
    """A formula that cannot be read, or that would take too long to work with.

    Attributes
    ----------
    reason : str
        What is wrong, without the place.
    position : int
        Where in the text, from 0.
    """

    def __init__(self, reason: str, position: int, text: str = "") -> None:
        self.reason = reason
        self.position = position
        near = " ".join(text[max(0, position - 20) : position + 20].split())
        super().__init__(f"{reason}, at position {position + 1}" + (f" near {near!r}" if near else ""))


class MissingExtraError(ImportError):
    """A dependency that is imported when first used, and is not installed."""


class TrainingDiverged(FloatingPointError):  # noqa: N818 (a fixed name)
    """The loss, the gradient or a parameter stopped being finite during training.

    The network keeps the parameters of the last epoch whose loss was finite.

    Attributes
    ----------
    epoch : int
        The epoch in which it happened, from 1.
    batch : int or None
        The batch within that epoch, from 1; None if it showed after the last batch.
    history : pellucid.training.History
        The epochs completed before.
    """

    def __init__(self, message: str, *, epoch: int, batch: int | None, history: object) -> None:
        super().__init__(message)
        self.epoch = epoch
        self.batch = batch
        self.history = history


def plain_name(name: str) -> str:
    """Return the letters and digits of a name in lower case: what ``Leaky-ReLU`` and ``leaky_relu`` have in common."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


def nearest(asked: str, known: Iterable[str]) -> str | None:
    """Return the known name that another one most likely means, or None.

    A name that differs in case, hyphens and underscores comes first, then one that begins with what was asked, then the
    one that is spelled most alike.
    """
    import difflib  # when a name is wrong, and not at every start

    by_plain = {plain_name(name): name for name in known}
    plain = plain_name(asked)
    if plain in by_plain:
        return by_plain[plain]
    if len(plain) > 2:
        for name in sorted(by_plain):
            if name.startswith(plain):
                return by_plain[name]
    close = difflib.get_close_matches(plain, by_plain, n=1, cutoff=0.75)
    return by_plain[close[0]] if close else None


class LatexError(ValueError):
    """LaTeX that cannot be read, such as the `latex` of a user-made activation with a command that is not known."""


def unknown_name(kind: str, name: object, known: Iterable[str]) -> UnknownNameError:
    """Build the error for a name that a list does not have, with the nearest one that it has."""
    known = sorted(known)
    near = nearest(str(name), known)
    hint = f"did you mean {near!r}? Known" if near else "known"
    return UnknownNameError(f"unknown {kind} {name!r}: {hint}: {', '.join(known)}")


def counted(n: int, thing: str) -> str:
    """Say how many of a thing there are: ``1 neuron``, ``2 neurons``."""
    return f"{n:,} {thing}{'' if n == 1 else 's'}"


def visible(text: str) -> str:
    """Spell out the letters that a terminal would act on instead of showing them."""
    return "".join(letter if letter.isprintable() or letter in "\n\t" else repr(letter)[1:-1] for letter in text)


def import_extra(module: str, extra: str, purpose: str) -> ModuleType:
    """Import a dependency when it is first used, or say which command installs it.

    Parameters
    ----------
    module : str
        Its dotted name.
    extra : str
        The extra that it comes with; empty for a dependency that is always there.
    purpose : str
        What needs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        command = f"pip install 'pellucid[{extra}]'" if extra else "pip install pellucid"
        raise MissingExtraError(
            f"{purpose} needs {module.partition('.')[0]}, which is not installed: {command}",
            name=module,
        ) from error
