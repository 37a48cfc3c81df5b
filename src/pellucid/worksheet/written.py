"""What a student wrote, read as entries: around, between and within the brackets that people and LaTeX put."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pellucid.errors import FormulaError
from pellucid.symbolic.grammar import GREEK
from pellucid.worksheet.fields import Entries, entry, flat, is_vector, vector
from pellucid.worksheet.pieces import PAIRS, cut, read_pieces


def read_entries(given: object, kind: str) -> Entries:
    """Read what a student wrote: a number, a formula, a vector or a matrix, as text or as arrays.

    Parameters
    ----------
    given : str, int, float, or lists of them
        ``"(0, 2, 5, 18)"``, ``[0, 2, 5, 18]``, ``"[1, 2; 3, 4]"``, ``[[1, 2], [3, 4]]``, LaTeX's pmatrix, …
    kind : str
        As in `Field`.

    Raises
    ------
    FormulaError
        It is empty, or of no such kind.
    """
    if isinstance(given, bool) or given is None:
        raise FormulaError(f"an answer is text or a number, not {given!r}", 0)
    if isinstance(given, (int, float)):
        return entry(repr(given))
    if isinstance(given, str):
        return _read_text(given, kind)
    if isinstance(given, Sequence):
        return _read_arrays(given, kind)
    raise FormulaError(f"an answer is text, a number or a list, not {type(given).__name__}", 0)


_MOST_ENTRIES = 1_000


def _read_arrays(given: Sequence[object], kind: str) -> Entries:
    if not given:
        raise FormulaError("the list is empty", 0)
    nested = [isinstance(row, Sequence) and not isinstance(row, str) for row in given]
    if all(nested):
        rows = [tuple(_read_one(one) for one in row) for row in given]  # type: ignore[attr-defined]
    elif not any(nested) and kind == "matrix" and all(isinstance(one, str) and len(_cells(one)) > 1 for one in given):
        rows = [tuple(_cells(str(one))) for one in given]
    elif not any(nested):
        rows = [(_read_one(one),) for one in given]
    else:
        raise FormulaError("some rows are lists and some are not", 0)
    return _checked(rows)


def _cells(row: str) -> list[str]:
    """Cut a row at its commas, or at its spaces."""
    parts = [part.strip() for part in cut(_without_brackets(row), ",")]
    return _at_spaces(parts[0]) if len(parts) == 1 else parts


def _checked(rows: Sequence[tuple[str, ...]]) -> Entries:
    if len({len(row) for row in rows}) != 1:
        raise FormulaError(f"the rows have different lengths: {', '.join(str(len(row)) for row in rows)}", 0)
    if not rows[0] or len(rows) * len(rows[0]) > _MOST_ENTRIES:
        raise FormulaError("there are no entries" if not rows[0] else "there are too many entries", 0)
    return tuple(rows)


def _read_one(one: object) -> str:
    if isinstance(one, bool) or not isinstance(one, (int, float, str)):
        raise FormulaError(f"an entry is text or a number, not {one!r}", 0)
    return one.strip() if isinstance(one, str) else repr(one)


_ENVIRONMENT = r"(?:[pbvBV]|small)?matrix|array"
_LATEX_MATRIX = re.compile(
    rf"\\begin\{{({_ENVIRONMENT})\}}(?:(?<=array\}})\s*\{{(?:[^{{}}]|\{{[^{{}}]*\}})*\}})?(.*?)\\end\{{(?:{_ENVIRONMENT})\}}",
    re.DOTALL,
)
_TRANSPOSED = re.compile(
    r"(\^\s*(\{\s*\\?(T|top|intercal)\s*\}|T|⊤|\\top|\{?\s*\\math\w+\s*\{?\s*T\s*\}?\s*\}?)|ᵀ|'|\.T|\.transpose\(\)|\^\s*t)\s*$"
)
_MOST_LETTERS = {"piecewise": 1_000}
_MOST_LETTERS_ELSE = 10_000


def _read_text(given: str, kind: str) -> Entries:
    most = _MOST_LETTERS.get(kind, _MOST_LETTERS_ELSE)
    if len(given) > most:
        raise FormulaError(f"the answer has {len(given):,} letters, and at most {most:,} are read", 0)
    text = _unwrapped(given, kind)
    text = re.sub(r"(?<=[^.])[.]$", "", text)  # the end of a sentence
    if not text:
        raise FormulaError("the answer is empty", 0)
    text = read_pieces(text)[0] if kind == "piecewise" else _last_side(_without_remark(text))
    if not text:
        raise FormulaError("there is no value in it", 0)
    if kind not in ("vector", "matrix"):
        return entry(text)
    return _read_brackets(text, kind)


def undefined_pieces(given: object) -> tuple[str, ...]:
    """Return what an answer says of where a piecewise function is undefined."""
    return read_pieces(_unwrapped(given, "piecewise"))[1] if isinstance(given, str) else ()


# what is written around an answer


_WRAPPERS = re.compile(
    r"\\(?:begin|end)\s*\{\s*(?:align|aligned|equation|gather|gathered|split|multline|displaymath|math|eqnarray)\*?\s*\}"
    r"|\\(?:tag\*?|label)\s*\{[^{}]*\}|\\(?:nonumber|notag|displaystyle|hfill)(?![A-Za-z])|[`$]"
    r"|(?<!\\)\\[()\[\]](?![ ]*[\d.]+(?:pt|em|ex))|[\u00ad\u200b-\u200d\u2060\ufeff]"
)
_WRAPPERS_OF_PIECES = re.compile(_WRAPPERS.pattern.replace("align|aligned|", "align|"))  # aligned may hold the pieces
_SPACES = re.compile(r"(?<!\\)(?:\\\\)*\\(?:[,;:!> ]|(?:quad|qquad|enspace|thinspace)(?![A-Za-z]))|~")
_FRAME = re.compile(r"\\(?:boxed|fbox|underline|mathbf|boldsymbol)\s*\{")
_THEREFORE = re.compile(r"\\(?:Right|Longright|right)arrow(?![A-Za-z])|\\(?:implies|therefore|iff)(?![A-Za-z])|[⇒∴→]")


_MOST_FRAMES = 20
_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{")
_FORMULA = re.compile(r"\$\$(.+?)\$\$|(?<!\$)\$([^$]+)\$(?!\$)|\\\[(.+?)\\\]|\\\((.+?)\\\)", re.DOTALL)
_FENCE = re.compile(r"^```\w*\s*|\s*```$|^\*\*(?=[^*])|(?<=[^*])\*\*$|^#+\s+|^[\"“”']|[\"“”]$")
_LEAD = re.compile(
    r"^(?:\\(?:text|textbf|mathrm)\s*\{\s*)?(?:(?:the\s+)?(?:final\s+)?(?:answer|result|solution)(?:\s+is)?\s*[:=]?|(?:so|thus|hence|therefore)\b,?"
    r"|approx\.?|ca\.|about|d\w*/d\w+\s:\s|\\(?:text)?color\s*\{\w+\})(?:\s*\})?\s*", re.IGNORECASE,
)  # fmt: skip
_PROSE = rf"(?!arc|log|{'|'.join(GREEK)})[a-z]{{5}}[a-z ,]*"
"""A word that is no function and no letter, such as "exact" and "activation of the layer before"."""
_TRAIL = re.compile(
    r"\s*(?:\\(?:checkmark|qed|blacksquare|square)|[,;]?\s*\((?:by|using|from|with|rounded|approx|column|row|chain|see|the)\b[^()]*\)"
    r"|\s\((?:=[^()]*|" + _PROSE + r"|[a-zA-Z]\w*\s*=[^()]*)\)|(?:\\text\s*\{)?\s*for\s+all\s+\w+\s*\}?|…|\\l?dots)\s*$",
    re.IGNORECASE,
)  # fmt: skip


def _singled_out(text: str) -> str:
    """Take the answer out of the words around it: what is boxed, or the last formula between dollars, or all."""
    text = _tidy(text)
    boxes = list(_BOX.finditer(text))
    formulas = [next(filter(None, found.groups())) for found in _FORMULA.finditer(text)]
    if boxes:
        end = boxes[-1].end()
        text = text[end : _closing(text, end - 1)]
    elif formulas and re.search(r"[A-Za-z]{3}|[*#]", _FORMULA.sub("", text)):
        text = formulas[-1]
    for _ in range(3):
        text = _TRAIL.sub("", _LEAD.sub("", _FENCE.sub("", text.strip())))
    return text.strip()


def _unwrapped(text: str, kind: str) -> str:
    """Take off what LaTeX and Markdown put around a formula: dollars, environments, boxes, tags, spaces."""
    wrappers = _WRAPPERS_OF_PIECES if kind == "piecewise" else _WRAPPERS
    text = wrappers.sub(" ", _singled_out(text))
    text = re.sub(r"(w_\d),(?=\d\s*\^)", r"\1", text)  # w_1,2^3 is w_12^3
    text = _SPACES.sub(
        lambda match: f"{match[0][: len(match[0]) // 2 * 2]} " if match[0].startswith("\\\\") else " ", text
    )
    text = re.sub(r"\\\\\s*\[\s*-?[\d.]+\s*(?:pt|em|ex|mm|cm|in)\s*\]", r"\\\\", text)
    for _ in range(_MOST_FRAMES):
        frame = _FRAME.search(text)
        if frame is None:
            break
        end = _closing(text, frame.end() - 1)
        text = f"{text[: frame.start()]} {text[frame.end() : end]}{text[end + 1 :]}"
    text = re.sub(r"&\s*(?==)", "", re.sub(r"(?<==)\s*&", "", text))
    text = _tidy(text if kind == "piecewise" else _THEREFORE.split(text)[-1])
    while text.endswith(("\\\\", ",", ";")):
        text = text.removesuffix("\\\\").rstrip(" ,;\n")
    return text


def _tidy(text: str) -> str:
    """Leave one space or one end of a line where several are."""
    return re.sub(r" ?\n[ \n]*", "\n", re.sub(r"[^\S\n]+", " ", text)).strip()


def _closing(text: str, opening: int) -> int:
    """Return where the brace that opens there closes; the end of the text if nowhere."""
    depth = 0
    for i in range(opening, len(text)):
        depth += (text[i] == "{") - (text[i] == "}")
        if depth == 0:
            return i
    return len(text)


_REMARK = re.compile(
    r"(?:[,;]\s*|\s+)(?:\\(?:text|mathrm)\s*\{\s*)?\b(?:with|where|since|because|as|when|wobei|mit|da|for)\b.*"
    r"|[,;]\s*(?:and\s+)?\\?[^\W\d]\w*(?:\^\w+)?(?:\s*\(\w\))?\s*(?:=(?!=)|\\in(?![a-z])|∈|real\b).*", re.DOTALL,
)  # fmt: skip
_NAMED = re.compile(r"\s*\\?[A-Za-z]\w*\s*=\s*([^=]+)")


def _without_remark(text: str) -> str:
    """Leave out what is said after the answer: ``, where x = sin u + cos v``; of (u_1 = 0, u_2 = 5) keep the numbers."""
    named = [_NAMED.fullmatch(part) for part in cut(text, ",")]
    if len(named) > 2 and all(named):
        return ", ".join(one[1].strip() for one in named if one)
    depth = 0
    for i, letter in enumerate(text):
        depth += (letter in PAIRS) - (letter in PAIRS.values())
        if depth == 0 and i and (letter in ",;" or letter.isspace()) and not text[i - 1].isspace():
            found = _REMARK.fullmatch(text, i)
            if found is not None:
                return text[:i].strip()
    return text


def _last_side(text: str) -> str:
    """df/dx = … gives the right-hand side."""
    depth, start = 0, 0
    for found in re.finditer(r"[({\[]|[)}\]]|(?<![<>!=])=(?!=)|≈|\\approx\b|^~", text):
        if found[0] in "({[":
            depth += 1
        elif found[0] in ")}]":
            depth -= 1
        elif depth <= 0:
            start = found.end()
    return text[start:].strip()


# vectors and matrices


_ARRAY = re.compile(r"(?:(?:np|numpy|torch|sp|sympy|jnp)\.)?(?:array|asarray|tensor|Matrix|matrix|vector)\s*(?=\()")


def _without_name(text: str) -> str:
    """np.array([1, 2]) is [1, 2]."""
    found = _ARRAY.match(text)
    inner = text[found.end() :].strip() if found else ""
    if found and _is_bracketed(inner):
        return inner[1:-1].strip()
    if found and _is_bracketed(inner.removesuffix(".T")):
        return f"{inner.removesuffix('.T')[1:-1].strip()}.T"
    return text.strip()


_BULLETS = re.compile(r"^\s*(?:[*•‣–]\s+|-\s+(?=[A-Za-z\\$])|\d+[.)]\s+(?=[A-Za-z\\$]))", re.MULTILINE)


_MOST_DEPTH = 5


def _read_brackets(text: str, kind: str, depth: int = 0) -> Entries:
    if depth > _MOST_DEPTH:
        raise FormulaError(f"there are more than {_MOST_DEPTH} factors or transpositions", 0)
    text = re.sub(r"\\(left|right|[bB]igg?[lr]?)\s*(?=[()\[\]\\.⟨⟩])", "", text).replace(r"\{", "{").replace(r"\}", "}")
    text = re.sub(r"\\langle(?![A-Za-z])", "(", re.sub(r"\\rangle(?![A-Za-z])", ")", text))
    text = _without_name(text.translate(_ANGLES))
    transposed = _TRANSPOSED.search(text)
    if transposed is not None:
        rest = _read_brackets(text[: transposed.start()].strip(), kind, depth + 1)
        return tuple(zip(*rest, strict=True)) if kind == "matrix" else rest
    if "\n" in text:
        text = _BULLETS.sub("", text)
    text = re.sub(r"^[Ll]ayer \d+ ?: ?", "", re.sub(r",? and (?=\S+$)", ", ", text))
    scaled = _scalar_times(text)
    if scaled is not None:
        scalar, bracket, sign = scaled
        rest = _read_brackets(bracket, kind, depth + 1)
        return tuple(tuple(_scaled(one, scalar, sign) for one in row) for row in rest)
    found = _LATEX_MATRIX.fullmatch(_without_brackets(text) if text.startswith(("(", "[")) else text)
    if found is not None:
        rows = [row for row in re.split(r"\\\\|\\cr\b", found[2]) if row.strip()]
        entries = _checked([tuple(one.strip() for one in row.split("&")) for row in rows])
        return _as_column(entries) if kind == "vector" else entries
    inner = re.sub(r"[,;]\s*$", "", _without_brackets(text))
    if not re.search(r"[,;]|begin", inner):
        inner = re.sub("&" if "\n" in inner else r"&|(?<=\s)\|(?=\s)", ",", inner)
    inner = _without_brackets(inner) if text.startswith("[[") else inner
    rows_text = list(cut(inner, ";"))
    lines = [line for line in inner.splitlines() if line.strip()]
    if len(rows_text) == 1 and len(lines) > 1 and not any(re.search(r"[,;]\s*$", line) for line in lines[:-1]):
        rows_text = [_without_brackets(_cells_of_table(line)) for line in lines]
    if len(rows_text) == 1 and inner[:1] in PAIRS and (kind == "matrix" or inner.count(inner[0]) > 1):
        nested = [row.strip() for row in cut(inner, ",")]
        if all(_is_bracketed(row) for row in nested):
            rows_text = [_without_brackets(row) for row in nested]
    cells = [[one.strip() for one in cut(row, ",")] for row in rows_text]
    is_column = kind == "vector" and (len(cells) == 1 or any(map(_is_decimal, rows_text)))
    if is_column and len(cells) > 1:
        return _checked([(row.strip(),) for row in rows_text])
    cells = [_at_spaces(row[0]) if len(row) == 1 else row for row in cells]
    if is_column:
        return _checked([(one,) for one in cells[0]])
    return _checked([tuple(row) for row in cells])


def _cells_of_table(line: str) -> str:
    """| a | b | is a, b."""
    line = line.strip()
    if len(line) > 2 and line[0] == line[-1] == "|" and "|" in line[1:-1]:
        return ", ".join(line[1:-1].split("|"))
    return line


def _is_decimal(row: str) -> bool:
    """Whether the comma in a row of its own is a decimal comma."""
    return re.fullmatch(r"\s*[-+−]?\d+,\d+\s*", row) is not None


_ANGLES = str.maketrans("⟨⟩〈〉", "()()")


def _at_spaces(text: str) -> list[str]:
    """Cut numbers or labels that stand side by side: ``63 16 0 8``, ``a_1^1 a_2^1 a_3^1``."""
    parts = text.split()
    entry = r"[-+]?\d+([./,]\d+|\.)?|[a-z]_?(\{\w+\}|\w+)\^(\{[^{}]+\}|\w+)"
    return parts if len(parts) > 1 and all(re.fullmatch(entry, part) for part in parts) else [text]


_BRACKET = rf"\(.*\)|\[.*\]|\\begin\{{(?:{_ENVIRONMENT})\}}.*\\end\{{(?:{_ENVIRONMENT})\}}"


def _scalar_times(text: str) -> tuple[str, str, str] | None:
    """Take 1/5 (5, 15, 10), -(5, 15, 10) and (5, 15, 10)/5 apart: the scalar, the bracket, and what joins them."""
    before = re.fullmatch(
        rf"(?P<scalar>[^(\[].*?|\([^(),;]*\)(?:/\d+)?)\s*(?:\*|·|⋅|×|\\cdot|\\times)?\s*(?P<bracket>{_BRACKET})",
        text, re.DOTALL,
    )  # fmt: skip
    if before is not None and _holds_several(before["bracket"]) and _is_scalar(before["scalar"]):
        scalar = before["scalar"].strip()
        return "-1" if scalar in ("-", "−") else scalar, before["bracket"], "*"
    after = re.fullmatch(
        rf"(?P<bracket>{_BRACKET})\s*(?P<sign>/|\*|·|⋅|×|\\cdot|\\times)\s*(?P<scalar>[\w./]+|\([^(),;]*\)|\\[dt]?frac.*)",
        text, re.DOTALL,
    )  # fmt: skip
    if after is not None and _holds_several(after["bracket"]):
        return after["scalar"], after["bracket"], "/" if after["sign"] == "/" else "*"
    return None


def _is_scalar(text: str) -> bool:
    bare = re.sub(r"(?<=\d),(?=\d)", ".", text)
    return "begin" not in text and len(list(cut(bare, ","))) == len(list(cut(bare, ";"))) == 1


def _holds_several(bracket: str) -> bool:
    if bracket.startswith("\\begin"):
        return True
    return _is_bracketed(bracket) and any(len(list(cut(bracket[1:-1], sign))) > 1 for sign in ",;")


def _scaled(entry: str, scalar: str, sign: str) -> str:
    return f"({entry})/({scalar})" if sign == "/" else f"({scalar})*({entry})"


def _as_column(entries: Entries) -> Entries:
    return vector(flat(entries)) if is_vector(entries) else entries


def _is_bracketed(text: str) -> bool:
    """Whether one pair of brackets encloses it all."""
    if len(text) < 2 or PAIRS.get(text[0]) != text[-1]:
        return False
    depth = 0
    for i, letter in enumerate(text):
        depth += (letter in PAIRS) - (letter in PAIRS.values())
        if depth == 0:
            return i == len(text) - 1
    return False


def _without_brackets(text: str) -> str:
    text = re.sub(r"\\(left|right)\s*", "", text).strip()
    return text[1:-1].strip() if _is_bracketed(text) else text
