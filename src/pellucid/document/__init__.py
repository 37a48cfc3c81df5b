"""Documents with mathematics: written once, and had as text, Markdown, LaTeX, HTML, PDF and JSON."""

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
