"""A document: a title, blocks, and the forms that it can be had in."""

from __future__ import annotations

import html
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pellucid.described import brief
from pellucid.document import rendering, style
from pellucid.document.blocks import Block, escape
from pellucid.drawing import Drawing
from pellucid.errors import import_extra
from pellucid.results import Result
from pellucid.tex import latex_text


@dataclass(frozen=True, repr=False)
class Document(Result):
    """Text with mathematics, written once and had in every form.

    It is saved as every result is, and also as Typst source (.typ) and as JSON (.json).

    Parameters
    ----------
    title : str
        Plain text.
    blocks : tuple of Block
    fields : tuple of (str, str)
        Lines at its head such as Name and Date, with what stands on them.
    heading : str
        The title as markup, where it holds mathematics.
    """

    title: str
    blocks: tuple[Block, ...]
    fields: tuple[tuple[str, str], ...] = ()
    heading: str = ""

    @property
    def _heading(self) -> str:
        return self.heading or escape(self.title)

    @property
    def text(self) -> str:
        """The document as plain text, at most 100 letters wide but for equations."""
        head = f"{self.title}\n{'═' * len(self.title)}"
        lines = "".join(f"\n{name}: {value or '_' * 30}" for name, value in self.fields)
        return f"{head}{lines}\n\n{rendering.plain(self.blocks)}\n"

    @property
    def markdown(self) -> str:
        """The document as Markdown, with mathematics between dollar signs."""
        lines = "".join(f"\n\n{name}: {value or '&nbsp;' * 30}" for name, value in self.fields)
        return f"# {rendering.markdown_markup(self._heading)}{lines}\n\n{rendering.markdown(self.blocks)}\n"

    @property
    def latex(self) -> str:
        """The document as LaTeX without a preamble."""
        lines = "".join(f"{latex_text(name)}: {latex_text(value) or _LATEX_LINE}\n\n" for name, value in self.fields)
        return f"\\section*{{{rendering.latex_markup(self._heading)}}}\n{lines}\n{rendering.latex(self.blocks)}\n"

    @property
    def latex_document(self) -> str:
        """The document as LaTeX that compiles by itself."""
        return f"{_LATEX_HEAD}\\begin{{document}}\n{self.latex}\\end{{document}}\n"

    @property
    def html(self) -> str:
        """The document as a page that needs nothing else: mathematics as MathML, drawings as SVG."""
        lines = "".join(
            f'<p class="field">{html.escape(name)}: <span>{html.escape(value) or "&nbsp;"}</span></p>'
            for name, value in self.fields
        )
        title = html.escape(self.title)
        return (
            f'<!DOCTYPE html>\n<html lang="en" class="pellucid">\n<head>\n<meta charset="utf-8">\n'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{title}</title>\n'
            f"<style>{style.PAGE}</style>\n</head>\n<body>\n<main>\n<h1>{rendering.html_markup(self._heading)}</h1>\n{lines}\n"
            f"{rendering.html_blocks(self.blocks)}\n</main>\n</body>\n</html>\n"
        )

    @property
    def fragment(self) -> str:
        """The document as HTML for a notebook, with its style, which changes nothing else on the page."""
        title = rendering.html_markup(self._heading)
        blocks = rendering.html_blocks(self.blocks)
        return f'<div class="pellucid"><style>{style.FRAGMENT}</style><h1>{title}</h1>\n{blocks}</div>'

    @property
    def typst(self) -> str:
        """The document as Typst source."""
        lines = "".join(
            f"#line_of[{rendering.typst_text(name)}][{rendering.typst_text(value) or '~'}]\n"
            for name, value in self.fields
        )
        title = f"#align(center, text(size: 16pt, weight: 700)[{rendering.typst_markup(self._heading)}])"
        named = f"#set document(title: {rendering.typst_literal(self.title)})\n"
        return f"{named}{_TYPST_HEAD}{title}\n{lines}\n{rendering.typst(self.blocks)}\n"

    def pdf(self) -> bytes:
        """Make a PDF, with the same bytes wherever it is made.

        Raises
        ------
        MissingExtraError
            Typst is not installed.
        """
        compiler = import_extra("typst", "pdf", "PDF")
        made: bytes = compiler.compile(
            self.typst.encode(), format="pdf", timestamp=int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()),
            ignore_system_fonts=True,
        )  # fmt: skip
        return made

    def document(self) -> Document:
        """Return it as it is."""
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON-serializable dict; formulas as LaTeX, figures as SVG."""
        return {
            "title": self.title,
            "fields": [list(field) for field in self.fields],
            "blocks": [_block_dict(block) for block in self.blocks],
        }

    def __repr__(self) -> str:
        return f"<Document {brief(self.title)}: {len(self.blocks)} blocks>"


def _block_dict(block: Block) -> dict[str, Any]:
    data: dict[str, Any] = {"block": type(block).__name__}
    for name, value in vars(block).items():
        is_nested = isinstance(value, tuple) and value and isinstance(value[0], Block)
        if isinstance(value, Drawing):
            data |= {"svg": value.svg}
        else:
            data[name] = [_block_dict(one) for one in value] if is_nested else value
    return data


_LATEX_LINE = r"\hrulefill"

_LATEX_HEAD = r"""\documentclass[11pt,a4paper]{article}
\usepackage{iftex}
\ifPDFTeX\usepackage[T1]{fontenc}\usepackage[utf8]{inputenc}\else\usepackage{fontspec}\fi
\usepackage{amsmath,amssymb,longtable,tikz}
\usepackage[margin=25mm]{geometry}
\setlength{\parindent}{0pt}
\setlength{\parskip}{6pt}
\renewcommand{\arraystretch}{1.25}
\allowdisplaybreaks
"""

_TYPST_HEAD = """#set page(paper: "a4", margin: 22mm, numbering: "1")
#set text(font: "Libertinus Serif", size: 11pt)
#set par(justify: false)
#set heading(numbering: none)
#show heading.where(level: 2): it => block(above: 16pt, below: 8pt, text(size: 12.5pt, it.body))
#show math.equation.where(block: true): set align(center)
#show math.equation.where(block: true): set block(breakable: true)
#let line_of(name, value) = grid(
  columns: (auto, 1fr), column-gutter: 6pt,
  [#name:], block(width: 100%, stroke: (bottom: 0.5pt), inset: (bottom: 2pt), value),
)
#let ruled = tiling(size: (100pt, 8mm))[#place(bottom, line(length: 100pt, stroke: 0.3pt + luma(200)))]
"""
