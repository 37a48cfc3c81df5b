"""LaTeX formulas as MathML, and from that as Typst's mathematics and as plain text.

Read are fractions, roots, sub- and superscripts, Greek letters, the usual operators and functions, sums with limits,
text, operator names, brackets that grow, boxes, and the environments pmatrix and cases. An unknown command raises
LatexError.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from xml.etree import ElementTree as ET  # reads only what latex2mathml made

from pellucid.errors import LatexError, import_extra


@lru_cache(maxsize=4096)
def mathml(latex: str, *, display: bool = False) -> str:
    """Return a formula as MathML.

    Raises
    ------
    LatexError
        It has a command that is not known, or unbalanced braces.
    MissingExtraError
        latex2mathml is not installed.
    """
    if _depth_at_end(latex):
        raise LatexError(f"LaTeX whose braces do not match: {latex!r}")
    converter = import_extra("latex2mathml.converter", "symbolic", "mathematics in documents")
    try:
        made: str = converter.convert(latex, display="block" if display else "inline")
    except Exception as error:
        raise LatexError(f"LaTeX that cannot be read: {latex!r} ({type(error).__name__} {error})") from error
    unknown = re.search(r">\\([A-Za-z]+)", made)
    if unknown:
        raise LatexError(f"unknown LaTeX command \\{unknown[1]} in {latex!r}")
    made = re.sub(r"<mo>&#x00028;</mo>(<mtable>.*?</mtable>)<mo>&#x00029;</mo>", _FENCED_TABLE, made, flags=re.DOTALL)
    made = _SIGNED.sub(r'\1<mo form="prefix">', made)
    return made.replace('<menclose notation="box">', '<mrow class="boxed">').replace("</menclose>", "</mrow>")


_SIGNED = re.compile(
    r"((?:<mrow>|<mtd>|<math[^>]*>|<mo[^>]*>(?:=|,|\(|\[|&#x0003D;|&#x0002C;|&#x00028;|&#x0005B;|&#x022C5;)</mo>))"
    r"<mo>(?=(?:-|&#x02212;)</mo>)"
)
"""A minus that belongs to a number, which browsers would set as a difference."""


def _depth_at_end(latex: str) -> int:
    braces = re.findall(r"(?<!\\)[{}]", latex)
    return braces.count("{") - braces.count("}")


_FENCED_TABLE = (
    '<mrow class="matrix"><mo stretchy="true" fence="true" form="prefix">(</mo>'
    r"\1"
    '<mo stretchy="true" fence="true" form="postfix">)</mo></mrow>'
)
"""A matrix with its brackets in a row of their own, so that they are as tall as it is and no taller."""


def _tree(latex: str) -> ET.Element:
    return ET.fromstring(mathml(latex))  # noqa: S314 (made by latex2mathml, not by a stranger)


def _tag(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _text(element: ET.Element) -> str:
    return (element.text or "").strip("\n ")


# Typst


@lru_cache(maxsize=4096)
def typst(latex: str) -> str:
    """Return a formula as Typst's mathematics, without the dollar signs."""
    return _typst_children(_tree(latex))


def _typst_children(element: ET.Element) -> str:
    return " ".join(part for part in (_typst(child) for child in element) if part)


def _typst(element: ET.Element) -> str:
    tag = _tag(element)
    if tag in ("mi", "mn", "mo", "mtext"):
        return _typst_token(tag, _text(element), element)
    if tag == "mspace":
        width = float(element.get("width", "0em").removesuffix("em"))
        return f"#h({width:g}em)"
    if tag == "mrow" and element.get("class") == "boxed":
        edges = '#set text(top-edge: "bounds", bottom-edge: "bounds")'
        return f"#box(stroke: 0.6pt, inset: 6pt)[{edges}\n$display({_typst_children(element)})$]"
    if tag == "mrow" and _is_fenced(element):
        return f"lr({_typst_children(element)})"
    if tag == "mtable":
        return _typst_table(element)
    if tag == "mrow" and not len(element):
        return '""'  # {} before a sign: what it joins to what follows
    if tag in _TYPST:
        return _TYPST[tag]([_typst(child) or '""' for child in element])
    return _typst_children(element)


_TYPST: Mapping[str, Callable[[list[str]], str]] = {
    "mfrac": lambda parts: f"frac({parts[0]}, {parts[1]})",
    "msqrt": lambda parts: f"sqrt({' '.join(parts)})",
    "mroot": lambda parts: f"root({parts[1]}, {parts[0]})",
    "msub": lambda parts: f"attach({parts[0]}, b: {parts[1]})",
    "msup": lambda parts: f"attach({parts[0]}, t: {parts[1]})",
    "msubsup": lambda parts: f"attach({parts[0]}, b: {parts[1]}, t: {parts[2]})",
    "munder": lambda parts: f"attach({parts[0]}, b: {parts[1]})",
    "mover": lambda parts: f"attach({parts[0]}, t: {parts[1]})",
    "munderover": lambda parts: f"attach({parts[0]}, b: {parts[1]}, t: {parts[2]})",
}

_TYPST_SIGNS = {
    "(": "paren.l", ")": "paren.r", "[": "bracket.l", "]": "bracket.r", "{": "brace.l", "}": "brace.r", "|": "bar.v",
    "′": "prime", "″": "prime.double", ",": "\\,", ";": "\\;", "−": "minus", "/": "\\/", "*": "\\*", "&": "\\&",
    "#": "\\#", "$": "\\$", "_": "\\_", "^": "\\^", "'": "prime", ":": "\\:", "\\": "\\\\", '"': '\\"', "~": "\\~",
    "⋯": "dots.c", "⋮": "dots.v", "⋱": "dots.down", "…": "dots.h", "·": "dot.op", "⋅": "dot.op", "`": "\\`", "@": "\\@",
}  # fmt: skip


def _typst_token(tag: str, text: str, element: ET.Element) -> str:
    if not text:
        return ""
    if tag == "mtext":
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\u00a0", " ") + '"'
    if text in _TYPST_SIGNS:
        return _TYPST_SIGNS[text]
    if len(text) > 1 and text.isalpha():
        return f'op("{text}")'
    if element.get("mathvariant") == "normal":
        return f'upright("{text}")'
    return text


def _is_fenced(element: ET.Element) -> bool:
    return len(element) > 1 and element[0].get("fence") == "true"


def _typst_table(table: ET.Element) -> str:
    rows = "; ".join(", ".join(_typst_children(cell) or '""' for cell in row) for row in table)
    first = next(iter(table.iter()), table)
    is_left = any(cell.get("columnalign") == "left" for cell in first.iter() if _tag(cell) == "mtd")
    align = ", align: #left, column-gap: #1em" if is_left else ""
    return f"mat(delim: #none{align}, {rows})"


# plain text


@dataclass(frozen=True)
class _Box:
    """Lines of text with the line that stands level with its neighbours.

    ``kind`` is that of what stands at its right edge: name, number, sign, open, close, comma, space, …; ``front`` at
    its left edge, if that is another.
    """

    lines: tuple[str, ...]
    level: int = 0
    kind: str = "name"
    front: str = ""

    @property
    def width(self) -> int:
        return max(map(len, self.lines))

    @property
    def flat(self) -> str:
        return self.lines[0] if len(self.lines) == 1 else " ".join(line.strip() for line in self.lines)


def plain(latex: str) -> str:
    """Return a formula as text on one line."""
    return "\n".join(line.rstrip() for line in _row(_tree(latex), inline=True).lines).strip()


def plain_lines(latex: str) -> tuple[tuple[str, ...], int]:
    """Return a displayed formula as lines of text, and the number of the line that is level with the text."""
    if not latex:
        return ("",), 0
    box = _row(_tree(latex), inline=False)
    width = box.width
    return tuple(line.ljust(width) for line in box.lines), box.level


_OPEN, _CLOSE = frozenset("([{⟨"), frozenset(")]}⟩")
_UNSPACED = frozenset("/′″|")
_SIGNS_OF_TEXT = {"−": "-", "⋅": "·", "⋯": "…", "∑": "Σ", "′": "'", "″": "''", "\u2223": "|"}


def _row(element: ET.Element, *, inline: bool) -> _Box:
    boxes = list(_boxes(element, inline=inline))
    return _joined(boxes)


def _boxes(element: ET.Element, *, inline: bool) -> Iterator[_Box]:
    children = list(element)
    for i, child in enumerate(children):
        if _tag(child) in ("mrow", "math", "mstyle") and child.get("class") != "boxed" and not _is_fenced(child):
            yield from _boxes(child, inline=inline)
        elif _tag(child) == "mspace" and not _is_wide(child):
            continue
        elif _tag(child) == "mfrac":
            yield _fraction(child, alone=_stands_alone(children, i))
        else:
            yield _box(child, inline=inline)


def _is_wide(space: ET.Element) -> bool:
    """Whether a space is one that the eye should see, as that of quad."""
    return space.get("width", "").startswith(("1", "2"))


def _stands_alone(children: Sequence[ET.Element], i: int) -> bool:
    """Whether a fraction has nothing beside it that it would be multiplied by."""
    left = children[i - 1] if i > 0 else None
    right = children[i + 1] if i + 1 < len(children) else None
    return _ends(left, ")]}") and _ends(right, "([{∑∂")


def _ends(neighbour: ET.Element | None, but: str) -> bool:
    """Whether a product ends at a neighbour: a sign or a space, but for some brackets."""
    if neighbour is None or _tag(neighbour) in ("mspace", "mtext"):
        return True
    return _tag(neighbour) == "mo" and _text(neighbour) not in but and not _text(neighbour).isalpha()


def _box(element: ET.Element, *, inline: bool) -> _Box:
    tag = _tag(element)
    if tag in ("mi", "mn", "mo", "mtext", "mspace"):
        return _token_box(tag, element)
    if tag == "mtable":
        return _table_box(element, "", "", inline=inline)
    if tag == "mrow" and _is_fenced(element):
        return _fenced_box(element, inline=inline)
    if tag == "mfrac":
        return _fraction(element, alone=True)
    if tag in ("msub", "msup", "msubsup", "munder", "mover", "munderover"):
        return _scripts(tag, [_row_of(child, inline=True) for child in element])
    if tag == "msqrt":
        return _Box((f"sqrt({_row(element, inline=True).flat})",))
    if tag == "mroot":
        return _Box((f"root({_row_of(element[0], inline=True).flat}, {_row_of(element[1], inline=True).flat})",))
    return _row(element, inline=inline)


def _row_of(element: ET.Element, *, inline: bool) -> _Box:
    if _tag(element) == "mrow" and not _is_fenced(element):
        return _row(element, inline=inline)
    return _box(element, inline=inline)


def _token_box(tag: str, element: ET.Element) -> _Box:
    if tag == "mspace":
        return _Box(("  ",), kind="space")
    text = (element.text or "").replace("\u00a0", " ")
    if tag == "mtext":
        return _Box((text,), kind="text")
    text = _SIGNS_OF_TEXT.get(text, text)
    if tag == "mn":
        return _Box((text,), kind="number")
    if text in _OPEN:
        return _Box((text,), kind="open")
    if text in _CLOSE:
        return _Box((text,), kind="close")
    if text in (",", ";"):
        return _Box((text,), kind="comma")
    if text in ("/", "|"):
        return _Box((text,), kind="tight")
    if tag == "mo" and not text.isalpha() and text not in ("∂", "Σ", "∇", "…", "⋮", "⋱"):
        return _Box((text,), kind="sign")
    is_function = (len(text) > 1 and text.isalpha()) or text in ("σ", "Φ", "φ", "ϕ")
    kind = "function" if is_function else "prefix" if text in ("∂", "∇") else "name"
    return _Box((text,), kind=kind)


def _fraction(element: ET.Element, *, alone: bool) -> _Box:
    above, below = (_row_of(child, inline=True).flat for child in element)
    slopes = [re.fullmatch(r"([∂d]) ?(\S*)", one) for one in (above, below)]
    is_slope = all(slopes)
    if is_slope:
        above, below = (match[1] + match[2] for match in slopes if match is not None)
    above = f"({above})" if re.search(r"\S [-+=] ", _outside(above)) else above
    below = f"({below})" if re.search(r"[ /·]|\S-", _outside(below)) else below
    whole = f"{above}/{below}"
    if alone or is_slope:
        return _Box((whole,), front="open" if whole.startswith("(") else "")
    return _Box((f"({whole})",), kind="close", front="open")


def _outside(text: str) -> str:
    """Return what stands outside all brackets."""
    while True:
        shorter = re.sub(r"\([^()]*\)|\{[^{}]*\}", "x", text)
        if shorter == text:
            return text
        text = shorter


_LAYERED = frozenset(("a", "w", "b", "z", "d", "W", "Σ"))


def _scripts(tag: str, parts: Sequence[_Box]) -> _Box:
    base = parts[0]
    texts = [part.flat for part in parts[1:]]
    low, high = {"msub": (0, None), "munder": (0, None), "msup": (None, 0), "mover": (None, 0)}.get(tag, (0, 1))
    written = base.flat
    if low is not None:
        sub = texts[low].replace(" ", "")
        written += f"_{sub}" if len(sub) == 1 or (sub.isalnum() and len(sub) <= 2) else f"_{{{sub}}}"
    if high is not None:
        top = texts[high]
        if set(top) <= {"'"}:
            written += top
        elif len(top) == 1:
            written += f"^{top}"
        elif base.flat in _LAYERED and "/" not in top:
            written += f"^{{{top.replace(' ', '')}}}"
        else:
            written += f"^({top})"
    kind = base.kind if base.kind in ("close", "function", "number", "prefix") else "name"
    kind = "function" if base.flat.startswith("σ") and kind == "name" else kind
    return _Box((written,), kind="name" if base.flat == "∇" else kind, front=base.front)


def _fenced_box(element: ET.Element, *, inline: bool) -> _Box:
    children = list(element)
    opening = _SIGNS_OF_TEXT.get(_text(children[0]), _text(children[0]))
    is_closed = len(children) > 1 and children[-1].get("fence") == "true"
    inner = children[1:-1] if is_closed else children[1:]
    closing = _SIGNS_OF_TEXT.get(_text(children[-1]), _text(children[-1])) if is_closed else ""
    if len(inner) == 1 and _tag(inner[0]) == "mtable":
        return _table_box(inner[0], opening, closing, inline=inline)
    holder = ET.Element("mrow")
    holder.extend(inner)
    box = _row(holder, inline=inline)
    if len(box.lines) == 1:
        return _Box((f"{opening}{box.lines[0]}{closing}",), kind="close", front="open")
    return _bracketed(box, opening, closing)


_NUMBER = re.compile(r"-?\d+")


def _table_box(table: ET.Element, opening: str, closing: str, *, inline: bool) -> _Box:
    cells = [[_row(cell, inline=True).flat for cell in row] for row in table]
    if inline or len(cells) == 1:
        if opening == "{":
            return _Box(("; ".join(" if ".join(row).replace(" if otherwise", " otherwise") for row in cells),))
        separator = "; " if max(map(len, cells)) > 1 else ", "
        between = ", " if inline else "  "
        written = separator.join(between.join(row) for row in cells)
        return _Box((f"{opening}{written}{closing}",), kind="close", front="open")
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    justify = [str.rjust if all(map(_NUMBER.fullmatch, column)) else str.ljust for column in zip(*cells, strict=True)]
    lines = tuple("  ".join(f(cell, w) for f, cell, w in zip(justify, row, widths, strict=True)) for row in cells)
    box = _Box(lines, (len(lines) - 1) // 2)
    return _bracketed(box, opening, closing) if opening or closing else box


_TALL = {"(": "⎛⎜⎝", ")": "⎞⎟⎠", "[": "⎡⎢⎣", "]": "⎤⎥⎦", "{": "⎧⎨⎩", "|": "|||", "": "   "}


def _bracketed(box: _Box, opening: str, closing: str) -> _Box:
    left, right = _side(opening, len(box.lines)), _side(closing, len(box.lines))
    width = box.width
    lines = tuple(f"{p}{line.ljust(width)}{q}".rstrip() if not closing else f"{p}{line.ljust(width)}{q}"
                  for p, line, q in zip(left, box.lines, right, strict=True))  # fmt: skip
    return _Box(lines, box.level, kind="close", front="open")


def _side(sign: str, height: int) -> list[str]:
    if not sign:
        return [""] * height
    if height == 1:
        return [sign]
    top, middle, bottom = tuple(_TALL.get(sign, sign * 3))
    straight = "⎪" if sign == "{" else middle
    rows = [top, *([straight] * (height - 2)), bottom]
    if sign == "{" and height > 2:
        rows[height // 2] = middle
    return rows


def _joined(boxes: Sequence[_Box]) -> _Box:
    """Set boxes side by side, with the spaces that the eye expects, on the same level."""
    boxes = _with_bars(boxes)
    above = max((box.level for box in boxes), default=0)
    below = max((len(box.lines) - box.level for box in boxes), default=1)
    lines = [""] * (above + below)
    before: _Box | None = None
    for box in boxes:
        gap = "" if before is None else _gap(before, box)
        shift = above - box.level
        width = box.width
        for i in range(len(lines)):
            k = i - shift
            piece = box.lines[k] if 0 <= k < len(box.lines) else ""
            lines[i] += (gap if i == above else " " * len(gap)) + piece.ljust(width)
        before = _signed(before, box)
    kind = boxes[-1].kind if boxes else "name"
    return _Box(tuple(lines), above, kind)


def _with_bars(boxes: Sequence[_Box]) -> list[_Box]:
    """Tell bars that open from bars that close: they alternate."""
    found = []
    is_open = False
    for box in boxes:
        if box.lines == ("|",):
            box = _Box(box.lines, kind="close" if is_open else "open")
            is_open = not is_open
        found.append(box)
    return found


def _signed(before: _Box | None, box: _Box) -> _Box:
    """A minus that follows a sign or nothing is that of a number, with no space after it."""
    if (
        box.kind == "sign"
        and box.flat in ("-", "+")
        and (before is None or before.kind in ("sign", "open", "comma", "unary", "space", "text"))
    ):
        return _Box(box.lines, box.level, "unary")
    return box


def _gap(left: _Box, right: _Box) -> str:
    front = right.front or right.kind
    if (
        "space" in (left.kind, front)
        or left.kind in ("open", "unary", "tight", "prefix")
        or front in ("close", "comma", "tight")
    ):
        return ""
    if left.kind == "text" or front == "text":
        is_set_off = left.flat.endswith(" ") or right.flat.startswith((" ", ",", ";", ":", "."))
        return "" if is_set_off else " "
    is_applied = front == "open" and left.kind == "function"
    is_matrix_product = len(left.lines) > 1 and len(right.lines) > 1 and left.kind == "close" and front == "open"
    return "" if is_applied or is_matrix_product else " "
