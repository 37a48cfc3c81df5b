"""Documents with mathematics: written once, and had as text, Markdown, LaTeX, HTML, PDF and JSON."""

from typing import Any

from pellucid.document.blocks import (
    AnswerSpace,
    Block,
    Equation,
    Figure,
    Heading,
    Items,
    KeepTogether,
    PageBreak,
    Paragraph,
    Solution,
    Table,
    escape,
)
from pellucid.document.documents import Document
from pellucid.hints import no_attribute

__all__ = [
    "AnswerSpace",
    "Block",
    "Document",
    "Equation",
    "Figure",
    "Heading",
    "Items",
    "KeepTogether",
    "PageBreak",
    "Paragraph",
    "Solution",
    "Table",
    "escape",
]


def __getattr__(name: str) -> Any:
    raise no_attribute("document", name, __all__)
