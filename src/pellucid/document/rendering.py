"""Documents as plain text, Markdown, LaTeX, HTML and Typst: a function for each block, a table for each form."""

from __future__ import annotations

import html
import re
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pellucid.document import maths
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
    Span,
    Table,
    spans,
    split_row,
)
from pellucid.document.breaking import LINE, fitted
from pellucid.document.breaking import width as math_width
from pellucid.tex import latex_text

Render = Callable[[Any], str]

_PAPER = (440.0, 600.0)
"""What a figure may take of a page, across and down, in points."""


def _inline(markup: str, write: Callable[[Span], str]) -> str:
    return "".join(write(span) for span in spans(markup))


# tables on paper

_GUTTER = 1.2
"""Between columns, in em."""


def fitted_columns(block: Table) -> tuple[list[float], float]:
    """Fit the columns of a table to a line of paper.

    Returns
    -------
    columns : list of float
        The width in em to which the cells of a column are broken over lines; 0 for a column that keeps its own.
    share : float
        What the letters must be multiplied by: 1, unless words and formulas, which stay whole, are too wide.
    """
    columns = list(zip(block.header, *block.rows, strict=True))
    whole = [max(map(_natural_width, column)) for column in columns]
    least = [max(map(_least_width, column)) for column in columns]
    room = LINE + 1.5 - _GUTTER * len(columns)
    if sum(whole) <= room:
        return [0.0] * len(columns), 1.0
    share = min(1.0, (LINE + 1.5) / (sum(least) + _GUTTER * len(columns)))
    room = (LINE + 1.5) / share - _GUTTER * len(columns)
    # The narrow columns keep their widths, and the wide ones share what is left.
    widths = list(least)
    spare = max(room - sum(least), 0.0)
    while spare > 0.01:
        growing = [i for i in range(len(columns)) if widths[i] < whole[i]]
        if not growing:
            break
        part = min(spare / len(growing), *(whole[i] - widths[i] for i in growing))
        for i in growing:
            widths[i] += part
        spare -= part * len(growing)
    return [0.0 if w >= full else w for w, full in zip(widths, whole, strict=True)], share


def _natural_width(markup: str) -> float:
    return sum(math_width(one.content) if one.kind == "math" else _LETTER * len(one.content) for one in spans(markup))


def _least_width(markup: str) -> float:
    parts = [
        [math_width(one.content)] if one.kind == "math" else [_LETTER * len(word) for word in one.content.split()]
        for one in spans(markup)
    ]
    return max((w for part in parts for w in part), default=0.0)


_LETTER = 0.52
"""Of a text, in em, on the wide side."""


# plain text

WIDTH = 100


def _plain_span(span: Span) -> str:
    if span.kind == "math":
        return maths.plain(span.content)
    return plain_markup(span.content) if span.kind == "bold" else span.content


def plain_markup(markup: str) -> str:
    """Return markup as plain text."""
    return _inline(markup, _plain_span)


def _plain_paragraph(block: Paragraph) -> str:
    return textwrap.fill(plain_markup(block.markup), WIDTH, break_long_words=False, break_on_hyphens=False)


def _plain_equation(block: Equation) -> str:
    rows: list[tuple[tuple[tuple[str, ...], int], tuple[tuple[str, ...], int]]]
    if block.text is not None:
        pairs = [split_row(row) for row in block.text]
        rows = [(((left,), 0), ((right,), 0)) for left, right in pairs]
    else:
        pairs = [split_row(row) for row in block.rows]
        rows = [(maths.plain_lines(left), maths.plain_lines(right)) for left, right in pairs]
    width = max(len(left[0]) for (left, _), _ in rows)
    lines: list[str] = []
    for left, right in rows:
        above = max(left[1], right[1])
        below = max(len(drawn) - level for drawn, level in (left, right))
        for i in range(-above, below):
            p, q = (drawn[i + level] if 0 <= i + level < len(drawn) else "" for drawn, level in (left, right))
            lines.append(f"    {p.rjust(width)}{' ' if width else ''}{q}".rstrip())
        if above + below > 1:
            lines.append("")
    text = "\n".join(lines).rstrip()
    return f"{text}    {block.number}" if block.number else text


def _plain_table(block: Table) -> str:
    rows = [[plain_markup(cell) for cell in row] for row in (block.header, *block.rows)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    parts = [[0]]
    for i in range(1, len(widths)):
        is_full = sum(widths[k] + 2 for k in parts[-1]) + widths[i] > WIDTH
        if is_full and max(widths[1:]) <= _NARROW:  # then the first column is repeated before the others
            parts.append([0])
        parts[-1].append(i)
    return "\n\n".join(_plain_columns(rows, widths, part) for part in parts)


_NARROW = 12
"""A table of more columns than fit is only cut into several if they are at most so wide."""


def _plain_columns(rows: Sequence[Sequence[str]], widths: Sequence[int], shown: Sequence[int]) -> str:
    lines = ["  ".join(row[i].ljust(widths[i]) for i in shown).rstrip() for row in rows]
    return "\n".join([lines[0], "  ".join("─" * widths[i] for i in shown), *lines[1:]])


def _plain_items(block: Items) -> str:
    return "\n".join(
        textwrap.fill(plain_markup(item), WIDTH, initial_indent="- ", subsequent_indent="  ", break_long_words=False)
        for item in block.items
    )


def _plain_heading(block: Heading) -> str:
    title = plain_markup(block.markup)
    line = {1: "═", 2: "─"}.get(block.level, "")
    return f"{title}\n{line * len(title)}" if line else title


_PLAIN: Mapping[type, Render] = {
    Heading: _plain_heading,
    Paragraph: _plain_paragraph,
    Equation: _plain_equation,
    Items: _plain_items,
    Table: _plain_table,
    Figure: lambda block: f"[figure: {plain_markup(block.caption) or block.drawing.title}]",
    AnswerSpace: lambda block: "\n" * int(block.lines),
    Solution: lambda block: textwrap.indent(plain(block.blocks), "  "),
    KeepTogether: lambda block: plain(block.blocks),
    PageBreak: lambda _: "",
}


def plain(blocks: Iterable[Block]) -> str:
    """Render blocks as plain text."""
    return "\n\n".join(text for text in (_PLAIN[type(block)](block) for block in blocks) if text)


# Markdown


def _markdown_text(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<>#|$])", r"\\\1", text)


def _markdown_span(span: Span) -> str:
    if span.kind == "math":
        return f"${span.content}$"
    if span.kind == "bold":
        return f"**{_inline(span.content, _markdown_span)}**"
    if span.kind == "code":
        ticks = "`" * (max((len(run) for run in re.findall(r"`+", span.content)), default=0) + 1)
        return f"{ticks}{span.content}{ticks}"
    return _markdown_text(span.content)


def markdown_markup(markup: str) -> str:
    """Return markup as Markdown."""
    return _inline(markup, _markdown_span)


def _markdown_equation(block: Equation) -> str:
    rows = [r" \\ ".join(()), *block.rows]
    body = " \\\\\n".join(row if "&" in row else f"& {row}" for row in rows[1:])
    number = rf" \tag{{{block.number.strip('()')}}}" if block.number else ""
    if len(block.rows) == 1 and not split_row(block.rows[0])[0]:
        return f"$$\n{split_row(block.rows[0])[1]}{number}\n$$"
    return f"$$\n\\begin{{aligned}}\n{body}\n\\end{{aligned}}{number}\n$$"


def _markdown_table(block: Table) -> str:
    def cell(markup: str) -> str:
        return _inline(markup, _markdown_span).replace("\n", " ").replace("|", r"\|").replace(r"\\|", r"\|")

    lines = ["| " + " | ".join(map(cell, block.header)) + " |", "|" + "---|" * len(block.header)]
    return "\n".join([*lines, *("| " + " | ".join(map(cell, row)) + " |" for row in block.rows)])


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


_MARKDOWN: Mapping[type, Render] = {
    Heading: lambda block: f"{'#' * block.level} {_inline(block.markup, _markdown_span)}",
    Paragraph: lambda block: _inline(block.markup, _markdown_span),
    Equation: _markdown_equation,
    Items: lambda block: "\n".join(f"- {_inline(item, _markdown_span)}" for item in block.items),
    Table: _markdown_table,
    Figure: lambda block: (
        f"![{_markdown_text(plain_markup(block.caption) or block.drawing.title)}]({_data_url(block.drawing.svg)})"
    ),
    AnswerSpace: lambda block: "\n".join(["<br>"] * max(1, round(block.lines))),
    Solution: lambda block: _quoted(markdown(block.blocks)),
    KeepTogether: lambda block: markdown(block.blocks),
    PageBreak: lambda _: "",
}


def _data_url(svg: str) -> str:
    from base64 import b64encode

    return "data:image/svg+xml;base64," + b64encode(svg.encode()).decode()


def markdown(blocks: Iterable[Block]) -> str:
    """Render blocks as Markdown with ``$…$`` mathematics."""
    return "\n\n".join(text for text in (_MARKDOWN[type(block)](block) for block in blocks) if text)


# LaTeX


def _latex_math(latex: str) -> str:
    return re.sub(r"[^\x00-\x7f]", lambda letter: rf"\text{{{latex_text(letter[0])}}}", latex.replace("…", r"\ldots "))


def _latex_span(span: Span) -> str:
    if span.kind == "math":
        return f"${_latex_math(span.content)}$"
    if span.kind == "bold":
        return rf"\textbf{{{_inline(span.content, _latex_span)}}}"
    return rf"\texttt{{{latex_text(span.content)}}}" if span.kind == "code" else latex_text(span.content)


def latex_markup(markup: str) -> str:
    """Return markup as LaTeX."""
    return _inline(markup, _latex_span)


def _latex_equation(block: Equation) -> str:
    """Rows that can be broken between pages; in one piece only if they have a number or must be made smaller."""
    number = rf" \tag{{{block.number.strip('()')}}}" if block.number else ""
    fitting, share = fitted(block.rows, has_number=bool(block.number))
    rows = [_latex_math(row) if split_row(row)[0] or "&" in row else f"& {_latex_math(row)}" for row in fitting]
    body = " \\\\\n".join(rows)
    if not number and share == 1:
        return f"\\begin{{align*}}\n{body}\n\\end{{align*}}"
    aligned = f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"
    if share < 1:
        aligned = f"\\scalebox{{{share:.3f}}}{{$\\displaystyle\n{aligned}\n$}}"
    return f"\\begin{{equation*}}\n{aligned}{number}\n\\end{{equation*}}"


def _latex_table(block: Table) -> str:
    columns, share = fitted_columns(block)
    share *= 0.8 if share < 1 else 1.0  # the small faces of Computer Modern are wider than its large ones
    rows = [
        " & ".join(
            (r"\raggedright " if w else "") + _inline(cell, _latex_span) for cell, w in zip(row, columns, strict=True)
        )
        + r" \tabularnewline"
        for row in (block.header, *block.rows)
    ]
    kinds = "".join(f"p{{{w:.2f}em}}" if w else "l" for w in columns)
    inner = "\n".join([rows[0], r"\hline", *rows[1:]])
    table = f"\\begin{{longtable}}{{{kinds}}}\n{inner}\n\\end{{longtable}}"
    if share == 1:
        return table
    size = rf"\fontsize{{{11 * share:.2f}}}{{{13.2 * share:.2f}}}\selectfont"
    return f"{{{size}\\setlength{{\\tabcolsep}}{{{6 * share:.2f}pt}}\n{table}\n}}"


def _latex_figure(block: Figure) -> str:
    caption = f"\n\n{_inline(block.caption, _latex_span)}" if block.caption else ""
    picture = block.drawing.latex
    if 0.75 * block.drawing.width > _PAPER[0] or 0.75 * block.drawing.height > _PAPER[1]:
        share = min(_PAPER[0] / block.drawing.width, _PAPER[1] / block.drawing.height) / 0.75
        picture = f"\\scalebox{{{share:.3f}}}{{%\n{picture}}}"
    return f"\\begin{{center}}\n{picture}{caption}\n\\end{{center}}"


_LATEX: Mapping[type, Render] = {
    Heading: lambda block: rf"\{'sub' * (block.level - 1)}section*{{{_inline(block.markup, _latex_span)}}}",
    Paragraph: lambda block: _inline(block.markup, _latex_span),
    Equation: _latex_equation,
    Items: lambda block: (
        "\\begin{itemize}\n"
        + "\n".join(rf"\item {_inline(item, _latex_span)}" for item in block.items)
        + "\n\\end{itemize}"
    ),
    Table: _latex_table,
    Figure: _latex_figure,
    AnswerSpace: lambda block: rf"\vspace*{{{block.lines:g}\baselineskip}}",
    Solution: lambda block: f"\\begin{{quote}}\n{latex(block.blocks)}\n\\end{{quote}}",
    KeepTogether: lambda block: latex(block.blocks),
    PageBreak: lambda _: r"\newpage",
}


def latex(blocks: Iterable[Block]) -> str:
    """Render blocks as LaTeX."""
    return "\n\n".join(_LATEX[type(block)](block) for block in blocks)


# HTML


_MATRIX = re.compile(r'<mrow class="matrix"><mo[^>]*>\(</mo>(.*?)<mo[^>]*>\)</mo></mrow>', re.DOTALL)


_NAME = re.compile(r"<mo>([A-Za-z]{2,})</mo>")
_NAMED = r"<mi>[A-Za-z]{2,}</mi>"
_BEFORE_NAME = re.compile(
    r"(</mi>|</mn>|</msu[bp]>|</msubsup>|</mfrac>|</msqrt>|<mo[^>]*>(?:\)|&#x00029;)</mo>)(?=(?:<msu[bp]>)?"
    + _NAMED
    + ")"
)
_AFTER_NAME = re.compile(
    rf"({_NAMED}|<msu[bp]>{_NAMED}<m[in]>[^<]*</m[in]></msu[bp]>)(?=<m(?:i|n|sub|sup|subsup|frac)>)"
)
_THIN = '<mspace width="0.17em"></mspace>'
_BAR = re.compile(r"<mo[^>]*>(?:\||&#x0007C;|&#x02223;)</mo>")


def _html_math(mathml: str) -> str:
    """Set the spaces around names of functions and bars, and leave the brackets of matrices to the style sheet.

    Browsers know neither that a name is applied to what follows nor which bar opens and which one closes; and not every
    computer has a font whose brackets grow.
    """
    mathml = _NAME.sub(r"<mi>\1</mi>", mathml)
    mathml = _BEFORE_NAME.sub(rf"\1{_THIN}", mathml)
    mathml = _AFTER_NAME.sub(rf"\1{_THIN}", mathml)
    mathml = _BAR.sub('<mo stretchy="false" lspace="0" rspace="0">|</mo>', mathml)
    return _MATRIX.sub(r'<mrow class="matrix">\1</mrow>', mathml)


def _html_span(span: Span) -> str:
    if span.kind == "math":
        return _html_math(maths.mathml(span.content))
    if span.kind == "bold":
        return f"<strong>{_inline(span.content, _html_span)}</strong>"
    return f"<code>{html.escape(span.content)}</code>" if span.kind == "code" else html.escape(span.content)


def html_markup(markup: str) -> str:
    """Return markup as HTML."""
    return _inline(markup, _html_span)


_MATH = re.compile(r"^<math[^>]*>(.*)</math>$", re.DOTALL)


def _inner_mathml(latex: str) -> str:
    match = _MATH.match(_html_math(maths.mathml(latex, display=True))) if latex else None
    return match[1] if match else ""


def _html_equation(block: Equation) -> str:
    cells = []
    for row in block.rows:
        left, right = split_row(row)
        cells.append(
            f'<mtr><mtd style="text-align:right">{_inner_mathml(left)}</mtd>'
            f'<mtd style="text-align:left">{_inner_mathml(right)}</mtd></mtr>'
        )
    number = f'<span class="number">{html.escape(block.number)}</span>' if block.number else ""
    table = f'<mtable displaystyle="true" columnspacing="0.28em" rowspacing="0.5em">{"".join(cells)}</mtable>'
    math = f'<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">{table}</math>'
    return f'<div class="equation">{math}{number}</div>'


def _html_table(block: Table) -> str:
    head = "".join(f'<th scope="col">{html_markup(cell)}</th>' for cell in block.header)
    rows = "".join("<tr>" + "".join(f"<td>{html_markup(cell)}</td>" for cell in row) + "</tr>" for row in block.rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _html_figure(block: Figure) -> str:
    caption = f"<figcaption>{html_markup(block.caption)}</figcaption>" if block.caption else ""
    narrowest = f'<div style="min-width:{block.drawing.narrowest:.0f}px">'  # narrower, it scrolls in its own box
    return f"<figure>{narrowest}{block.drawing.themed_svg}</div>{caption}</figure>"


_HTML: Mapping[type, Render] = {
    Heading: lambda block: f"<h{block.level}>{html_markup(block.markup)}</h{block.level}>",
    Paragraph: lambda block: (
        f'<p class="{block.tone}">{html_markup(block.markup)}</p>'
        if block.tone
        else f"<p>{html_markup(block.markup)}</p>"
    ),
    Equation: _html_equation,
    Items: lambda block: "<ul>" + "".join(f"<li>{html_markup(item)}</li>" for item in block.items) + "</ul>",
    Table: _html_table,
    Figure: _html_figure,
    AnswerSpace: lambda block: f'<div class="answer" style="height:{1.9 * block.lines:.4g}em"></div>',
    Solution: lambda block: f'<div class="solution">{html_blocks(block.blocks)}</div>',
    KeepTogether: lambda block: f'<div class="together">{html_blocks(block.blocks)}</div>',
    PageBreak: lambda _: '<div class="page"></div>',
}


def html_blocks(blocks: Iterable[Block]) -> str:
    """Render blocks as HTML."""
    return "\n".join(_HTML[type(block)](block) for block in blocks)


# Typst


def typst_text(text: str) -> str:
    """Return text as Typst that shows it as it is."""
    return f'#"{_typst_string(text)}"' if text.strip() else text


def typst_literal(text: str) -> str:
    """Return text as a string of Typst."""
    return f'"{_typst_string(text)}"'


def _typst_string(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")


def _typst_span(span: Span) -> str:
    if span.kind == "math":
        return f"${maths.typst(span.content)}$"
    if span.kind == "bold":
        return f"#strong[{_inline(span.content, _typst_span)}]"
    return f'#raw("{_typst_string(span.content)}")' if span.kind == "code" else typst_text(span.content)


def typst_markup(markup: str) -> str:
    """Return markup as Typst."""
    return _inline(markup, _typst_span)


def _typst_equation(block: Equation) -> str:
    rows = []
    fitting, share = fitted(block.rows, has_number=bool(block.number))
    for row in fitting:
        left, right = split_row(row)
        rows.append(f"{maths.typst(left) if left else ''} & {maths.typst(right) if right else ''}")
    body = " \\\n".join(rows)
    if not block.number:
        return f"$ {body} $" if share == 1 else f"#[#set text(size: {share:.3f}em)\n$ {body} $]"
    return (
        f"#grid(columns: (1fr, auto, 1fr), align: (left, center, right + horizon), [], [$ {body} $], [{block.number}])"
    )


def _typst_figure(block: Figure) -> str:
    svg = _typst_string(block.drawing.svg)
    natural = block.width or block.drawing.width
    fits = min(natural, _PAPER[0], _PAPER[1] * block.drawing.width / block.drawing.height)
    width = f", width: {fits:.4g}pt" if block.width or fits < natural else ""
    caption = f"\n#align(center, text(size: 9pt)[{typst_markup(block.caption)}])" if block.caption else ""
    return f'#align(center, image(bytes("{svg}"), format: "svg"{width})){caption}'


def _typst_table(block: Table) -> str:
    cells = ", ".join(f"[{_typst_cell(cell)}]" for row in (block.header, *block.rows) for cell in row)
    columns, share = fitted_columns(block)
    kinds = ", ".join(f"{w:.2f}em" if w else "auto" for w in columns)
    size = f"set text(size: {share:.3f}em); " if share < 1 else ""
    return (
        "#{ show math.equation.where(block: true): set align(left); "
        f"show math.equation.where(block: true): set block(spacing: 0pt); {size}"
        f"table(columns: ({kinds},), align: horizon + left, stroke: none, inset: (x: {6 * share:.2f}pt, y: 4pt), "
        f"table.hline(y: 1, stroke: 0.5pt), {cells}) }}"
    )


def _typst_cell(markup: str) -> str:
    """A cell; a formula alone is set as a displayed one, whose height the row gives way to."""
    only = list(spans(markup))
    written = typst_markup(markup)
    if len(only) == 1 and only[0].kind == "math" and written.startswith("$"):
        return f"$ {written[1:-1]} $"
    return written


_TYPST: Mapping[type, Render] = {
    Heading: lambda block: f"#heading(level: {block.level})[{typst_markup(block.markup)}]",
    Paragraph: lambda block: typst_markup(block.markup),
    Equation: _typst_equation,
    Items: lambda block: "#list(" + ", ".join(f"[{typst_markup(item)}]" for item in block.items) + ")",
    Table: _typst_table,
    Figure: _typst_figure,
    AnswerSpace: lambda block: f"#block(width: 100%, height: {block.lines * 8:g}mm, fill: ruled, stroke: none)",
    Solution: lambda block: (
        "#block(width: 100%, inset: (left: 10pt, y: 2pt), stroke: (left: 1.5pt + luma(170)))"
        f"[\n{typst(block.blocks)}\n]"
    ),
    KeepTogether: lambda block: f"#block(breakable: false, width: 100%)[\n{typst(block.blocks)}\n]",
    PageBreak: lambda _: "#pagebreak(weak: true)",
}


def typst(blocks: Iterable[Block]) -> str:
    """Render blocks as Typst."""
    return "\n\n".join(_TYPST[type(block)](block) for block in blocks)
