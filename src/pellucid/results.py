"""What every result has: text, Markdown, LaTeX and HTML, files by their ending, and a notebook display."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from pellucid.errors import LatexError, MissingExtraError
from pellucid.hints import Hinted

if TYPE_CHECKING:
    from pellucid.document import Document
    from pellucid.drawing import Drawing
    from pellucid.storage import PathLike

# A document is a room further down: results hand over to it when they are looked at.


class Displayed(Hinted, ABC):
    """What can be written out as a document, and what notebooks show as one."""

    __slots__ = ()

    @abstractmethod
    def document(self) -> Document:
        """Return it as a document, which has every form that can be read or saved."""

    def _repr_html_(self) -> str | None:
        """Return what a notebook shows: never an error, but plain text where mathematics cannot be set."""
        try:
            return self.document().fragment
        except (MissingExtraError, LatexError):
            return self._plain_display()

    def _plain_display(self) -> str | None:
        return None


class Result(Displayed):
    """A result: it can be read, saved and looked at in the same way as every other one.

    A subclass writes `document`; it may have a better `text` or `latex` of its own.
    """

    __slots__ = ()

    @property
    def text(self) -> str:
        """The result as plain text."""
        return self.document().text

    @property
    def markdown(self) -> str:
        """The result as Markdown, with mathematics between dollar signs."""
        return self.document().markdown

    @property
    def latex(self) -> str:
        """The result as LaTeX to paste into a paper, without a preamble.

        It may need the packages amsmath, amssymb, longtable and tikz; ``save("result.tex")`` writes a document that
        loads them.
        """
        return self.document().latex

    @property
    def html(self) -> str:
        """The result as a whole HTML page that needs nothing else: no script, no style sheet, no network."""
        return self.document().html

    def save(self, path: PathLike) -> None:
        """Write the result to a file, in the form that its ending names.

        Parameters
        ----------
        path : path
            ``.txt``, ``.md``, ``.tex`` (a document that compiles by itself), ``.html``, ``.pdf``, or ``.svg`` (only of
            results with a figure: the figure).

        Raises
        ------
        ValueError
            The result has no form with this ending.
        MissingExtraError
            An extra that the form needs is not installed.
        OSError
            The file cannot be written; one that was there stays as it was.
        """
        from pellucid.document.files import save

        save(self, path)

    def _drawing(self) -> Drawing | None:
        """Return the figure that an SVG file of the result holds."""
        return None

    def _plain_display(self) -> str | None:
        from html import escape  # when something is shown, and not at every start

        try:
            return f"<pre>{escape(self.text)}</pre>"
        except (MissingExtraError, LatexError):
            return None

    def __str__(self) -> str:
        return self.text
