"""What documents are made of. Mathematics is LaTeX everywhere, and every other form is made from it.

Markup is text with ``$…$`` around LaTeX, ``**…**`` around what is bold and `` `…` `` around code; `escape` keeps a text
from being taken for markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pellucid.described import Brief
from pellucid.drawing import Drawing


class Block(Brief):
    """A part of a document; its subclasses say which."""


@dataclass(frozen=True, repr=False)
class Heading(Block):
    """A heading.

    Parameters
    ----------
    level : {1, 2, 3}
    markup : str
    """

    level: int
    markup: str


@dataclass(frozen=True, repr=False)
class Paragraph(Block):
    """A paragraph of markup.

    Parameters
    ----------
    markup : str
    tone : {'', 'good', 'doubtful', 'bad'}
        What it says of the thing that it is about; pages colour it so.
    """

    markup: str
    tone: Literal["", "good", "doubtful", "bad"] = ""


@dataclass(frozen=True, repr=False)
class Equation(Block):
    """A displayed equation over one or more rows.

    Parameters
    ----------
    rows : tuple of str
        LaTeX; rows are aligned at their first ``&``.
    text : tuple of str, optional
        The rows as plain text, where that is better known than made from the LaTeX; ``&`` as in the rows.
    number : str
        Stands beside it, as ``(1)``.
    """

    rows: tuple[str, ...]
    text: tuple[str, ...] | None = None
    number: str = ""


@dataclass(frozen=True, repr=False)
class Items(Block):
    """A list, an entry of markup each."""

    items: tuple[str, ...]


@dataclass(frozen=True, repr=False)
class Table(Block):
    """A table of markup, with a header."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, repr=False)
class Figure(Block):
    """A drawing.

    Parameters
    ----------
    drawing : Drawing
    caption : str
        Markup.
    width : float
        In points; 0 is the drawing's own.
    """

    drawing: Drawing
    caption: str = ""
    width: float = 0.0


@dataclass(frozen=True, repr=False)
class AnswerSpace(Block):
    """Room to write by hand.

    Parameters
    ----------
    lines : float
        Its height in lines of writing.
    """

    lines: float


@dataclass(frozen=True, repr=False)
class Solution(Block):
    """What is set off as the solution of an exercise."""

    blocks: tuple[Block, ...]


@dataclass(frozen=True, repr=False)
class KeepTogether(Block):
    """Blocks that no page break comes between."""

    blocks: tuple[Block, ...]


@dataclass(frozen=True, repr=False)
class PageBreak(Block):
    """A new page, on paper."""


# markup

SpanKind = Literal["text", "math", "bold", "code"]


@dataclass(frozen=True)
class Span:
    """A stretch of markup.

    Attributes
    ----------
    kind : {'text', 'math', 'bold', 'code'}
    content : str
        Plain text (of ``code`` too), LaTeX, or for ``bold`` markup again.
    """

    kind: SpanKind
    content: str


_SPAN = re.compile(r"\\(?P<escaped>[\\$*`])|\$(?P<math>[^$]*)\$|\*\*(?P<bold>.+?)\*\*|`(?P<code>(?:\\.|[^`\\])*)`")
_ESCAPED = re.compile(r"\\([\\$*`])")


def spans(markup: str) -> Iterator[Span]:
    """Cut markup into its stretches."""
    plain: list[str] = []
    at = 0
    for match in _SPAN.finditer(markup):
        plain.append(markup[at : match.start()])
        at = match.end()
        if match["escaped"] is not None:
            plain.append(match["escaped"])
            continue
        if any(plain):
            yield Span("text", "".join(plain))
        plain = []
        kind: SpanKind = "math" if match["math"] is not None else "bold" if match["bold"] is not None else "code"
        yield Span(kind, _ESCAPED.sub(r"\1", match[kind]) if kind == "code" else match[kind])
    plain.append(markup[at:])
    if any(plain):
        yield Span("text", "".join(plain))


def escape(text: str) -> str:
    """Return markup that shows a text as it is."""
    return re.sub(r"([\\$*`])", r"\\\1", text).replace("\n", " ")


def split_row(row: str) -> tuple[str, str]:
    """Cut a row of an equation at its first ``&`` outside all environments; without one the left side is empty."""
    depth = at = 0
    for match in re.finditer(r"\\begin|\\end|\\\\|\\&|&", row):
        depth += (match[0] == r"\begin") - (match[0] == r"\end")
        if match[0] == "&" and depth == 0:
            at = match.start()
            return row[:at].strip(), row[at + 1 :].strip()
    return "", row.strip()
