"""A document: a title, blocks, and the forms that it can be had in."""

from __future__ import annotations

import html
import json
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pellucid.document import rendering
from pellucid.document.blocks import Block
from pellucid.errors import import_extra
from pellucid.storage import PathLike, write_atomically


@dataclass(frozen=True)
class Document:
    """Text with mathematics, written once and had in every form.

    Parameters
    ----------
    title : str
        Plain text.
    blocks : tuple of Block
    fields : tuple of (str, str)
        Lines at its head such as Name and Date, with what stands on them.
    """

    title: str
    blocks: tuple[Block, ...]
    fields: tuple[tuple[str, str], ...] = ()

    def text(self) -> str:
        """Return it as plain text, at most 100 letters wide but for equations."""
        head = f"{self.title}\n{'═' * len(self.title)}"
        lines = "".join(f"\n{name}: {value or '_' * 30}" for name, value in self.fields)
        return f"{head}{lines}\n\n{rendering.plain(self.blocks)}\n"

    def markdown(self) -> str:
        """Return it as Markdown, with mathematics between dollar signs."""
        lines = "".join(f"\n\n{name}: {value or '&nbsp;' * 30}" for name, value in self.fields)
        return f"# {self.title}{lines}\n\n{rendering.markdown(self.blocks)}\n"

    def latex(self) -> str:
        """Return it as a LaTeX document that compiles by itself."""
        lines = "".join(
            f"{rendering.latex_text(name)}: {rendering.latex_text(value) or _LATEX_LINE}\n\n"
            for name, value in self.fields
        )
        title = rendering.latex_text(self.title)
        return (
            f"{_LATEX_HEAD}\\begin{{document}}\n\\section*{{{title}}}\n{lines}\n"
            f"{rendering.latex(self.blocks)}\n\\end{{document}}\n"
        )

    def html(self) -> str:
        """Return it as a page that needs no network: mathematics as MathML, drawings as SVG."""
        lines = "".join(
            f'<p class="field">{html.escape(name)}: <span>{html.escape(value) or "&nbsp;"}</span></p>'
            for name, value in self.fields
        )
        title = html.escape(self.title)
        return (
            f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{title}</title>\n'
            f"<style>{_CSS}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{lines}\n"
            f"{rendering.html_blocks(self.blocks)}\n</main>\n</body>\n</html>\n"
        )

    def fragment(self) -> str:
        """Return its HTML without head and title, for notebooks."""
        return f"<div>{rendering.html_blocks(self.blocks)}</div>"

    def _repr_html_(self) -> str:
        return self.fragment()

    def typst(self) -> str:
        """Return it as Typst source."""
        lines = "".join(
            f"#line_of[{rendering.typst_text(name)}][{rendering.typst_text(value) or '~'}]\n"
            for name, value in self.fields
        )
        title = f"#align(center, text(size: 16pt, weight: 700)[{rendering.typst_text(self.title)}])"
        return f"{_TYPST_HEAD}{title}\n{lines}\n{rendering.typst(self.blocks)}\n"

    def pdf(self) -> bytes:
        """Return it as PDF, with the same bytes wherever it is made.

        Raises
        ------
        MissingExtraError
            Typst is not installed.
        """
        compiler = import_extra("typst", "pdf", "PDF")
        made: bytes = compiler.compile(
            self.typst().encode(), format="pdf", timestamp=int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()),
            ignore_system_fonts=True,
        )  # fmt: skip
        return made

    def to_dict(self) -> dict[str, Any]:
        """Return it as what JSON can hold; formulas as LaTeX."""
        return {
            "title": self.title,
            "fields": [list(field) for field in self.fields],
            "blocks": [_block_dict(block) for block in self.blocks],
        }

    def save(self, path: PathLike) -> None:
        """Write it to a file, in the form that its ending names: .txt, .md, .tex, .html, .pdf, .typ or .json.

        Raises
        ------
        ValueError
            Another ending.
        OSError
            It cannot be written; a file that was there stays as it was.
        """
        ending = os.path.splitext(os.fspath(path))[1].lower()
        if ending not in _FORMS:
            raise ValueError(f"{os.fspath(path)}: a document ends in {', '.join(_FORMS)}")
        content = _FORMS[ending](self)
        write_atomically(path, content if isinstance(content, bytes) else content.encode())

    def __str__(self) -> str:
        return self.text()


class Documented(ABC):
    """What can be written out as a document, and had in a document's forms."""

    @abstractmethod
    def document(self) -> Document:
        """Return it as a document."""

    def text(self) -> str:
        """Return it as plain text."""
        return self.document().text()

    def latex(self) -> str:
        """Return it as a LaTeX document."""
        return self.document().latex()

    def html(self) -> str:
        """Return it as a page that needs nothing else."""
        return self.document().html()

    def _repr_html_(self) -> str:
        return self.document().fragment()

    def __str__(self) -> str:
        return self.text()


def _block_dict(block: Block) -> dict[str, Any]:
    data: dict[str, Any] = {"block": type(block).__name__}
    for name, value in vars(block).items():
        is_nested = isinstance(value, tuple) and value and isinstance(value[0], Block)
        data[name] = [_block_dict(one) for one in value] if is_nested else value
    return data


_FORMS: Mapping[str, Callable[[Document], str | bytes]] = {
    ".txt": Document.text,
    ".md": Document.markdown,
    ".tex": Document.latex,
    ".html": Document.html,
    ".pdf": Document.pdf,
    ".typ": Document.typst,
    ".json": lambda document: json.dumps(document.to_dict(), ensure_ascii=False, indent=2) + "\n",
}

_LATEX_LINE = r"\hrulefill"

_LATEX_HEAD = r"""\documentclass[11pt,a4paper]{article}
\usepackage{iftex}
\ifPDFTeX\usepackage[T1]{fontenc}\usepackage[utf8]{inputenc}\else\usepackage{fontspec}\fi
\usepackage{amsmath,amssymb,longtable,tikz}
\usepackage[margin=25mm]{geometry}
\setlength{\parindent}{0pt}
\setlength{\parskip}{6pt}
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

_CSS = """
:root { color-scheme: light dark; }
body { font: 17px/1.55 Georgia, 'Libertinus Serif', 'Times New Roman', serif; margin: 0; }
main { max-width: 46rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.6rem; line-height: 1.2; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
code { font-size: 0.88em; overflow-wrap: anywhere; }
.equation { overflow-x: auto; overflow-y: hidden; margin: 0.9rem 0; position: relative; padding: 0.1rem 0; }
.equation .number { position: absolute; right: 0; top: 50%; transform: translateY(-50%); }
.matrix { border: solid currentColor; border-width: 0 1.4px; border-radius: 0.7em / 50%;
  padding: 0 0.3em; margin: 0 0.15em; }
.equation mtd { padding-left: 0.12em; padding-right: 0.12em; }
.boxed { border: 1px solid currentColor; padding: 0.35em 0.5em; }
math { font-family: 'STIX Two Math', 'Cambria Math', 'Latin Modern Math', math; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th { text-align: left; border-bottom: 1px solid currentColor; }
td, th { padding: 0.3rem 0.9rem 0.3rem 0; vertical-align: top; }
figure { margin: 1rem 0; text-align: center; overflow-x: auto; } figure svg { max-width: 100%; height: auto; }
figcaption { font-size: 0.9rem; opacity: 0.8; }
.solution { border-left: 3px solid #8886; padding-left: 1rem; }
.answer { background: repeating-linear-gradient(transparent 0 1.85em, #8884 1.85em 1.9em); }
.field span { display: inline-block; min-width: 18rem; border-bottom: 1px solid currentColor; }
@media print { .page { break-before: page; } .together { break-inside: avoid; } body { font-size: 11pt; } }
"""
