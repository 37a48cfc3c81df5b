"""A piecewise function as people write it, brought into the grammar's form: value if condition; value if condition."""

from __future__ import annotations

import re
from collections.abc import Iterator

_NAME = r"(?:\\sigma|σ|sigma|f|g|y)"
_LEFT = re.compile(
    rf"(?:\\[dt]?frac\s*\{{\s*d\s*{_NAME}\s*\}}\s*\{{\s*d\s*z\s*\}}|d\s*{_NAME}\s*/\s*d\s*z"
    rf"|{_NAME}\s*(?:\^\s*\\prime|\^\s*\{{\s*\\prime\s*\}}|['′’])?)\s*(?:\(\s*z\s*\))?\s*(?<![<>!=])=(?!=)"
)
_ENVIRONMENT = re.compile(
    r"\\begin\s*\{((?:[dr]?cases|array|aligned|[pbvBV]?matrix)\*?)\}(?:\s*\{[lcr|@\s]*\})?(.*?)\\end\s*\{\1\}",
    re.DOTALL,
)
_IF, _ELSE = r"if|for|when|where|falls|für|wenn", r"else|otherwise|sonst"
_RELATION = r"[<>=≤≥≠]|\\(?:le|ge|lt|gt|ne)(?:q|qslant)?(?![a-z])"
_UNDEFINED = re.compile(
    r"undefined|undef\b|not\s+(?:defined|differentiable)|no\s+derivative|nicht\s+(?:definiert|differenzierbar)|undefiniert"
    r"|\bDNE\b|does\s*n[o']t\s+exist|existiert\s+nicht|\\nexists|\bn/?a\b|^\s*(?:nan|none|[?–—-])\s*(?:,|if\b|for\b|when\b)"
    r"|:\s*(?:nan|none|\?)\s*$",
    re.IGNORECASE,
)
_ARROW = re.compile(
    r"→|⇒|↦|->|\\(?:to|mapsto|rightarrow|Rightarrow|implies)(?![A-Za-z])|=>(?=\s*[-\d]+\s*(?:[;,\n]|$))"
)
_CALLS = re.compile(r"(?:(?:np|numpy)\.)?(?:where|if|wenn|ifelse|UnitStep)\s*[(\[](.*)[)\]]", re.IGNORECASE | re.DOTALL)
PAIRS = {"(": ")", "[": "]", "{": "}"}


def read_pieces(text: str) -> tuple[str, tuple[str, ...]]:
    """Read a piecewise function.

    Parameters
    ----------
    text : str
        ``1 if z > 0 else 0``, ``1, z > 0; 0, z < 0``, ``z < 0: 0``, ``1 (z > 0), 0 (z < 0), undefined at z = 0``,
        LaTeX's cases, array and matrix, ``np.where(z > 0, 1, 0)``, …

    Returns
    -------
    formula : str
        What `pellucid.symbolic.parse` reads.
    undefined : tuple of str
        What is said of where it is undefined.
    """
    text = _ARROW.sub(": ", _LEFT.sub(" ", text))
    text = re.sub(r"\\left\s*(\\[{]|\.)|\\right\s*(\\[}]|\.|$)", "", text).strip()
    if re.match(r"piecewise\s*\(", text, re.IGNORECASE):
        return f"piecewise{text[9:].strip()}", ()
    pieces = list(_statements(text))
    undefined = tuple(piece for piece in pieces if _UNDEFINED.search(piece))
    restriction = re.compile(r"(?:if|for|where|with)?\s*z\s*(?:!=|≠|\\neq?)\s*[-\d./]+")
    formulas = [_as_if(piece) for piece in pieces if not _UNDEFINED.search(piece) and not restriction.fullmatch(piece)]
    return "; ".join(formulas), undefined


def _statements(text: str) -> Iterator[str]:
    """Cut a text into pieces, each a value with its condition or what is said of a point."""
    found = _ENVIRONMENT.search(text)
    if found is not None:
        for row in re.split(r"\\\\|\\cr\b", found[2]):
            yield from _row(row)
        yield from filter(None, (one.strip(" ,;.") for one in (text[: found.start()], text[found.end() :])))
        return
    text = re.sub(r"\\[{}]", "", text).strip()
    mathematica = re.fullmatch(r"Piecewise\s*\[\s*\{(.*)\}\s*(?:,\s*(.*))?\]", text, re.DOTALL)
    if mathematica is not None:
        yield from (one.strip().strip("{}") for one in cut(mathematica[1], ","))
        yield from ([f"{mathematica[2]} otherwise"] if mathematica[2] else [])
        return
    call = _CALLS.fullmatch(text)
    if call is not None and len(parts := list(cut(call[1], ","))) == 3:
        yield from (f"{parts[1]} if {parts[0]}", f"{parts[2]} otherwise")
        return
    asked = re.fullmatch(r"(.*?)\?(.*?):(.*)", text, re.DOTALL) or re.fullmatch(
        r"if\s+(.*?)\s*(?:,\s*)?\bthen\s+(.*?)\s*[,;]?\s*\b(?:else|otherwise)\s+(.*)", text, re.DOTALL | re.IGNORECASE
    )
    if asked is not None:
        yield from (f"{asked[2].strip()} if {asked[1].strip()}", f"{asked[3].strip()} otherwise")
        return
    if text[:1] == "{" and text[-1:] == "}":
        text = text[1:-1]
    text = re.sub(r"[,;]?\s*\(([^()]*)\)", lambda m: f"; {m[1]};" if _UNDEFINED.search(m[1]) else m[0], text)
    text = re.sub(r"\.\s+(?=[A-Z])", "; ", text)
    for statement in re.split(r"[;\n]", text):
        yield from _at_commas(statement)


def _row(row: str) -> Iterator[str]:
    """A row of LaTeX's cases: value & condition."""
    row = re.sub(r"\\(?:text|mathrm|mbox)\s*\{([^{}]*)\}", r" \1 ", row)
    cells = [cell.strip(" ,;.") for cell in row.split("&") if cell.strip(" ,;.")]
    if len(cells) == 1:  # 0 \quad z < 0
        alone = re.fullmatch(rf"(\S+?),?\s+((?:{_IF})?\s*\S+\s*(?:{_RELATION}).*)", cells[0], re.DOTALL)
        cells = [alone[1], alone[2]] if alone else cells
    if cells:
        yield ", ".join(cells)


def _at_commas(statement: str) -> Iterator[str]:
    """Cut at the commas, and at "and", that separate whole pieces; a value alone goes with what follows."""
    statement = re.sub(r",?\s*\band\s+(?=\S+\s*(?:,|(?:if|for|when)\b))", ", ", statement)
    waiting = ""
    for part in filter(None, (one.strip() for one in cut(statement, ","))):
        is_condition_alone = re.fullmatch(rf"(?:{_IF})\b[^:]*", part, re.IGNORECASE) is not None
        is_whole = re.search(rf"{_RELATION}|\b(?:{_ELSE})\b", part) is not None or (
            _UNDEFINED.search(part) is not None and re.search(r"\s\S", part[2:]) is not None
        )
        if waiting:
            yield f"{waiting}, {part}"
            waiting = ""
        elif is_condition_alone or not is_whole:
            waiting = part
        else:
            yield part
    if waiting:
        yield waiting


def _as_if(piece: str) -> str:
    """Bring a piece into the form value if condition."""
    piece = piece.strip().rstrip(".,")
    words = rf"(?:{_IF})\b"
    first = re.fullmatch(rf"(?:{words})?\s*([^:,]*(?:{_RELATION})[^:,]*)[:,]\s*([^<>=≤≥:]+)", piece, re.IGNORECASE)
    if first is not None:
        return f"{first[2].strip()} if {first[1].strip()}"
    if re.match(rf"(?:{_ELSE})\b[,:]?\s*\S", piece):
        return f"{re.sub(rf'^(?:{_ELSE})[,:]?', '', piece).strip()} otherwise"
    piece = re.sub(rf"\s*[,:]\s*(?=(?:{_IF}|{_ELSE})\b)", " ", piece)
    if re.search(rf"\b(?:{_IF}|{_ELSE})\b", piece, re.IGNORECASE):
        return re.sub(rf"\b({_IF}|{_ELSE})\b", lambda match: match[1].lower(), piece, flags=re.IGNORECASE)
    bracket = re.fullmatch(rf"([^(]*[^(\s*·])\s*\(([^()]*(?:{_RELATION})[^()]*)\)", piece)
    if bracket is not None:  # 1 (z > 0)
        return f"{bracket[1].strip()} if {bracket[2].strip()}"
    return re.sub(rf"\s*[,:]\s*(?=[^,]*(?:{_RELATION}))", " if ", piece, count=1)


def cut(text: str, separator: str) -> Iterator[str]:
    """Split at separators outside all brackets."""
    depth = start = 0
    for i, letter in enumerate(text):
        depth += (letter in PAIRS) - (letter in PAIRS.values())
        if letter == separator and depth == 0:
            yield text[start:i]
            start = i + 1
    yield text[start:]
