"""Formulas as people type them, read into a tree: plain text, Unicode, and pasted LaTeX.

Nothing here evaluates what it reads. The grammar, from loosest to tightest::

    formula    sum [if condition [else formula]]; several such pieces with ; or , between them
    sum        product (+ | -) product …
    product    factor (* | / | nothing) factor …      side by side is a product; 1/2x is (1/2) x
    factor     - factor | power
    power      primary [^ exponent]                   from the right; -x^2 is -(x^2)
    primary    number | name | label | function | (formula) | |formula| | LaTeX's frac, sqrt and cases

Everything that could take long is refused with its place: long or deep texts, and powers whose numbers would explode.
SymPy is not needed to refuse.
"""

from __future__ import annotations

import contextlib
import difflib
import math
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from pellucid.errors import FormulaError, UnknownLabelError
from pellucid.layers import Layers
from pellucid.notation import parse as parse_label

MOST_LETTERS = 10_000
MOST_DEPTH = 50
MOST_NODES = 2_000
MOST_DIGITS = 100
MOST_BITS = 10_000
"""Bits of the largest whole number that working a formula out could produce."""
MOST_BITS_IN_FUNCTION = 1_100
"""Of a number that a function or a root is taken of: those that a computer's floating-point numbers reach."""

FUNCTIONS = {
    "exp": "exp", "ln": "ln", "log": "ln", "lg": "log10", "log10": "log10", "log2": "log2", "ld": "log2", "lb": "log2",
    "sqrt": "sqrt", "cbrt": "cbrt", "root": "root",
    "sin": "sin", "cos": "cos", "tan": "tan", "cot": "cot", "sec": "sec", "csc": "csc",
    "sinh": "sinh", "cosh": "cosh", "tanh": "tanh", "coth": "coth", "sech": "sech", "csch": "csch",
    **{f"{prefix}{name}": f"a{name}" for name in ("sin", "cos", "tan", "cot", "sec", "csc") for prefix in ("a", "arc")},
    **{
        f"{prefix}{name}": f"a{name}"
        for name in ("sinh", "cosh", "tanh", "coth", "sech", "csch")
        for prefix in ("a", "ar", "arc")
    },
    "cosec": "csc", "cosech": "csch", "tg": "tan", "ctg": "cot", "cotg": "cot", "arctg": "atan", "arcctg": "acot",
    "abs": "abs", "sign": "sign", "sgn": "sign", "max": "max", "min": "min", "piecewise": "piecewise",
    "cases": "piecewise",
}  # fmt: skip
"""Every function that is read, by each of its names."""

_INVERTIBLE = frozenset(f"{name}{h}" for name in ("sin", "cos", "tan", "cot", "sec", "csc") for h in ("", "h"))
_SEVERAL = frozenset({"max", "min", "piecewise", "root"})
"""Functions of several arguments, in which a comma separates and is no decimal comma."""

_GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta", "η": "eta", "θ": "theta",
    "ι": "iota", "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu", "ξ": "xi", "π": "pi", "ρ": "rho", "σ": "sigma",
    "τ": "tau", "υ": "upsilon", "φ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega", "ϵ": "epsilon", "ϕ": "phi",
    "Γ": "Gamma", "Δ": "Delta", "Θ": "Theta", "Λ": "Lambda", "Ξ": "Xi", "Π": "Pi", "Σ": "Sigma", "Φ": "Phi",
    "Ψ": "Psi", "Ω": "Omega", "µ": "mu",
}  # fmt: skip
GREEK = frozenset(_GREEK.values())
_VARIANTS = {"varepsilon": "epsilon", "vartheta": "theta", "varphi": "phi", "varrho": "rho"}
_SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-", strict=True))
_SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ₊₋", "0123456789aehijklmnoprstuvx+-", strict=True))
_FRACTIONS = {"½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅕": "1/5", "⅛": "1/8"}
_RAISED_LETTERS = frozenset("ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᵀ")
_NO_WORD = frozenset((*_SUPERSCRIPTS, *_FRACTIONS, *_RAISED_LETTERS))
_RAISED_LAYERS = str.maketrans("ˡʲᵏⁱⁿᶠ", "ljkinF")
_SAME = {
    "−": "-", "–": "-", "—": "-", "∗": "*", "•": "*",
    "·": "*", "⋅": "*", "×": "*", "∙": "*", "÷": "/", "∕": "/", "⁄": "/", "≤": "<=", "≥": ">=",
    "≠": "!=", "∧": "and", "∨": "or", "′": "'", "’": "'", "´": "'", "∣": "|",
}  # fmt: skip
_LATEX_SIGNS = {
    "cdot": "*", "times": "*", "div": "/", "le": "<=", "leq": "<=", "leqslant": "<=", "ge": ">=", "geq": ">=",
    "geqslant": ">=", "ne": "!=", "neq": "!=", "lt": "<", "gt": ">", "land": "and", "wedge": "and", "lor": "or",
    "vee": "or", "lvert": "|<", "rvert": "|>", "vert": "|", "prime": "'", "{": "(", "}": ")", "|": "|", "ast": "*",
    "cdotp": "*", "lbrack": "[", "rbrack": "]", "lbrace": "(", "rbrace": ")",
}  # fmt: skip
_LATEX_SPACES = frozenset(
    ("left", "right", "quad", "qquad", "displaystyle", "textstyle", "limits", ",", ";", ":", "!", " ", "middle",
     "thinspace", "enspace", "boxed", "fbox", "underline", "nonumber", "notag",
     *(f"{size}{side}" for size in ("big", "Big", "bigg", "Bigg") for side in ("", "l", "r", "m")))
)  # fmt: skip
_LATEX_WORDS = frozenset(
    ("text", "mathrm", "operatorname", "mathit", "textrm", "mathop", "textit", "textbf", "mbox", "mathbf", "boldsymbol",
     "bm", "mathcal", "mathsf", "textsf", "vec")
)  # fmt: skip
_UNSEEN = frozenset("~\u00ad\u200b\u200c\u200d\u2060\u2061\ufeff")
"""A space that does not break in LaTeX, and letters that take no room."""
_NOT_WORKED_OUT = {
    "infty": "infinity is not a number", "sum": "write the sum out, term by term",
    "prod": "write the product out, factor by factor", "int": "integrals are not read",
    "lim": "limits are not read", "partial": "a derivative is not worked out here: write what it is",
}  # fmt: skip
_CLOSING = {"(": ")", "{": "}", "[": "]"}
_RELATIONS = {"<": "<", ">": ">", "<=": "<=", ">=": ">=", "=": "=", "==": "=", "!=": "!=", "=<": "<=", "=>": ">="}
_STARTS_LIKE_A_CALL = re.compile(r"(sinh?|cosh?|tanh?|cot|sec|csc|ln|log|exp)([A-Za-z])")
_UNREAD = frozenset(
    ("erf", "erfc", "sigmoid", "relu", "ReLU", "softplus", "logistic", "softmax", "gelu", "GELU", "silu", "swish",
     "elu", "floor", "ceil", "clip", "pow", "atan2", "expit", "logit", "mod")
)  # fmt: skip
"""Functions that people use; without a bracket behind them they would be taken for names."""
_MODULES = re.compile(r"(?:np|numpy|math|sp|sympy|torch|jnp)\.(?=[A-Za-z])")
_SIGMAS = frozenset(("sigma", "sigmoid"))
_IF = frozenset(("if", "for", "when", "where", "falls", "für", "wenn"))
_ELSE = frozenset(("else", "otherwise", "sonst"))


@dataclass(frozen=True)
class Node:
    """A node of the tree.

    Attributes
    ----------
    kind : str
        ``number``, ``name``, ``constant`` (e, pi), ``sum``, ``product``, ``inverse``, ``negative``, ``power``,
        ``call``, ``sigma`` (σ, σ', …), ``pieces`` (value, condition, value, condition, …), ``relation`` (its signs in
        ``value``), ``and``, ``or``, ``always``.
    position : int
        Where it stands in the text.
    value : object
        The number, name or function.
    args : tuple of Node
    """

    kind: str
    position: int
    value: object = None
    args: tuple[Node, ...] = ()


@dataclass(frozen=True)
class _Token:
    kind: str  # number, word, sign, raised, end
    text: str
    position: int
    subscript: str = ""
    is_joined: bool = False  # cut from a run of letters, of which it is not the first


# reading letters into tokens


class _Scanner:
    """Cuts a text into numbers, words and signs."""

    def __init__(self, text: str, names: Collection[str]) -> None:
        self.text = text
        self.names = names
        self.i = 0
        self.is_latex = "\\" in text or "^{" in text.replace(" ", "")

    def tokens(self) -> Iterator[_Token]:
        if function := _LAMBDA.search(self.text):
            raise FormulaError("write the formula alone, without lambda", function.start(), self.text)
        while self.i < len(self.text):
            letter = self.text[self.i]
            if letter.isspace() or letter == "$" or letter in _UNSEEN:
                self.i += 1
                continue
            start = self.i
            token = self._one(letter)
            if token is not None:
                yield _Token(token[0], token[1], start, token[2])
        yield _Token("end", "", len(self.text))

    def _one(self, letter: str) -> tuple[str, str, str] | None:
        if letter.isdecimal() and letter.isascii():
            return self._number()
        if letter in _SUPERSCRIPTS:
            return "raised", self._run(_SUPERSCRIPTS), ""
        if letter in _FRACTIONS:
            self.i += 1
            return "number", _FRACTIONS[letter], ""
        if letter in _RAISED_LETTERS:
            raise FormulaError("raised letters are not read: write x^n", self.i, self.text)
        if letter == "\\":
            return self._command()
        if letter == "√":
            self.i += 1
            return "word", "sqrt", ""
        if letter == "∛":
            self.i += 1
            return "word", "cbrt", ""
        if letter in _SAME:
            self.i += 1
            sign = _SAME[letter]
            return ("word" if sign.isalpha() else "sign"), sign, ""
        if letter in _GREEK:
            self.i += 1
            return "word", _GREEK[letter] + ("" if letter in "πσ" else self._digits()), self._subscript()
        if letter.isalpha():
            return self._word()
        return self._sign(letter)

    def _run(self, alphabet: Mapping[str, str]) -> str:
        start = self.i
        while self.i < len(self.text) and self.text[self.i] in alphabet:
            self.i += 1
        return "".join(alphabet[letter] for letter in self.text[start : self.i])

    def _digits(self) -> str:
        start = self.i
        while self.i < len(self.text) and self.text[self.i] in "0123456789":
            self.i += 1
        return self.text[start : self.i]

    def _number(self) -> tuple[str, str, str]:
        """Digits with a decimal point or comma; a comma may turn out to separate arguments."""
        start = self.i
        whole = self._digits()
        fraction, sign = "", ""
        if self.text.startswith("{,}", self.i) and self._ahead(3).isdecimal():  # LaTeX's decimal comma
            self.i += 3
            sign, fraction = ",", self._digits()
        elif self._ahead(1).isdecimal() and self._ahead(0) in (".", ","):
            sign = self._ahead(0)
            before = self.i
            self.i += 1
            fraction = self._digits()
            if sign == "," and self._ahead(0) == "." and self._ahead(1).isdecimal():
                self.i, fraction, sign = before, "", ""  # max(0,0.1 x): the comma separates
        elif self._ahead(0) == "." and not self._ahead(1).isalpha():
            self.i += 1
        exponent = ""
        if self._ahead(0) in ("e", "E") and "e" not in self.names and (
            self._ahead(1).isdecimal() or (self._ahead(1) in ("+", "-") and self._ahead(2).isdecimal())
        ):  # fmt: skip
            self.i += 2 if self._ahead(1) in ("+", "-") else 1
            begin = self.i
            exponent = self.text[begin - 1].strip("eE+") + self._digits()
            if self._ahead(0).isalpha():
                raise FormulaError("this can be read in two ways: write 0.002 or 2*e", start, self.text)
        if len(whole) + len(fraction) > MOST_DIGITS:
            raise FormulaError(f"a number has at most {MOST_DIGITS} digits", start, self.text)
        if exponent and len(exponent) > 5:
            raise FormulaError("this number's exponent is too large", start, self.text)
        return "number", f"{whole or '0'}{sign}{fraction}" + (f"e{exponent}" if exponent else ""), ""

    def _ahead(self, by: int) -> str:
        return self.text[self.i + by] if self.i + by < len(self.text) else " "

    def _word(self) -> tuple[str, str, str]:
        module = _MODULES.match(self.text, self.i)
        if module is not None and re.match(r"[A-Za-z]+\d*", self.text[module.end() :])[0] in FUNCTIONS:  # type: ignore[index]
            self.i = module.end()
        start = self.i
        while self._ahead(0).isalnum() and self._ahead(0) not in _GREEK and self._ahead(0) not in _NO_WORD:
            self.i += 1
            if self._ahead(0) in _SUBSCRIPTS:
                break
        run = self.text[start : self.i]
        if run not in self.names and re.match(r"log(2|10)[A-Za-z]", run):
            raise FormulaError("this can be read in two ways: write log2(x) or log(2x)", start, self.text)
        if run not in self.names and run not in FUNCTIONS:
            # letters, then digits: x1y1 is x1 times y1
            end = next((k for k in range(1, len(run)) if run[k - 1].isdigit() and not run[k].isdigit()), len(run))
            letters = run[:end].rstrip("0123456789")
            run = letters if letters in FUNCTIONS else run[:end]  # sin2x is sin 2x
            self.i = start + len(run)
        if not run.isidentifier():
            raise FormulaError(f"{run!r} is no name", start, self.text)
        return "word", unicodedata.normalize("NFC", run), self._subscript()

    def _subscript(self) -> str:
        """Read _1, _{12}, _jk, ₁ after a name."""
        if self._ahead(0) in _SUBSCRIPTS:
            return self._run(_SUBSCRIPTS)
        if self._ahead(0) != "_":
            return ""
        start = self.i
        self.i += 1
        if self._ahead(0) in ("{", "("):
            inner = _SUBSCRIPT.match(self.text, self.i)
            folded = re.sub(r"\\ell\b", "l", (inner[1] or inner[2]) if inner else "")
            folded = re.sub(r"\\(?:text|math|operator)\w*|[\s{}\\]", "", folded)
            if inner is None or not folded or not all(letter.isalnum() or letter in ",+-" for letter in folded):
                raise FormulaError("a subscript is letters and digits", start, self.text)
            self.i = inner.end()
            return folded
        begin = self.i
        while self._ahead(0).isalnum() and self._ahead(0) not in _SUPERSCRIPTS:
            self.i += 1
        if self.i == begin:
            raise FormulaError("a subscript is letters and digits", start, self.text)
        run = self.text[begin : self.i]
        if not any(name.endswith(f"_{run}") for name in self.names):
            cut = re.match(r"\d+(?=[^\W\d_](?<![ijk]))", run)  # x_1x_2 is x_1 x_2, and w_1k^2 is a label
            self.i = begin + len(cut[0]) if cut else self.i
        return self.text[begin : self.i]

    def _command(self) -> tuple[str, str, str] | None:
        start = self.i
        self.i += 1
        if self._ahead(0) == "\\":
            self.i += 1
            room = _ROW_ROOM.match(self.text, self.i)
            self.i = room.end() if room else self.i
            return "sign", "\\\\", ""
        name = self._ahead(0)
        self.i += 1
        if name.isalpha():
            while self._ahead(0).isalpha() and self._ahead(0).isascii():
                name += self._ahead(0)
                self.i += 1
        if name in _LATEX_SPACES:
            return self._sided(name)
        if name in ("(", ")", "[", "]"):  # mathematics begins or ends
            return None
        if name in _LATEX_SIGNS:
            sign = _LATEX_SIGNS[name]
            return ("word" if sign.isalpha() else "sign"), sign, ""
        if name in _LATEX_WORDS:
            return self._braced_word(start)
        if name in ("begin", "end"):
            environment = self._braces(start)
            return "sign", f"\\{name}{{{'cases' if environment in ('dcases', 'rcases') else environment}}}", ""
        name = _VARIANTS.get(name, name)
        if name in ("frac", "dfrac", "tfrac", "cfrac", "sqrt"):
            return "sign", "\\sqrt" if name == "sqrt" else "\\frac", ""
        if name in FUNCTIONS or name in GREEK:
            return "word", name, self._subscript()
        if name == "ell":
            return "word", "l", self._subscript()
        if name in _NOT_WORKED_OUT:
            raise FormulaError(_NOT_WORKED_OUT[name], start, self.text)
        raise FormulaError(f"unknown LaTeX command \\{name}", start, self.text)

    def _sided(self, name: str) -> tuple[str, str, str] | None:
        r"""Read what follows \left or \right, if it is a bar that opens or closes, or nothing."""
        if name in ("left", "right") and self._ahead(0) == ".":
            self.i += 1
        elif name in ("left", "right") and self._ahead(0) == "|":
            self.i += 1
            return "sign", "|<" if name == "left" else "|>", ""
        return None

    def _braces(self, start: int) -> str:
        while self._ahead(0) == " " and self.i < len(self.text):
            self.i += 1
        end = self.text.find("}", self.i, self.i + 60)
        if self._ahead(0).isalnum():  # \vec a
            self.i += 1
            return self.text[self.i - 1]
        if self._ahead(0) != "{" or end < 0:
            raise FormulaError("braces are missing after this command", start, self.text)
        inner = self.text[self.i + 1 : end]
        self.i = end + 1
        return inner.strip()

    def _braced_word(self, start: int) -> tuple[str, str, str] | None:
        word = self._braces(start).strip(" ,.:")
        if not word:
            return None
        if not word.isalnum():
            raise FormulaError(f"{word!r} is no name", start, self.text)
        is_known = word in FUNCTIONS or word in self.names or word in _IF or word in _ELSE or word in _SIGMAS
        if len(word) > 1 and word.isalpha() and not is_known and word not in ("and", "or", "true"):
            raise FormulaError(
                f"{word!r} is no function that is known, and a name in LaTeX is a letter", start, self.text
            )
        return "word", word, self._subscript()

    def _sign(self, letter: str) -> tuple[str, str, str]:
        for sign in ("**", "<=", ">=", "!=", "==", "=<", "=>"):
            if self.text.startswith(sign, self.i):
                self.i += 2
                return "sign", sign, ""
        if letter in "+-*/^()[]{}|,;<>=':&.":
            if letter == "." and self._ahead(1).isdecimal():
                return self._number()
            self.i += 1
            return "sign", letter, ""
        reason = {
            "!": "factorials are not supported", "%": "per cent signs are not supported",
            "_": "a subscript needs a name before it",
            "∞": "infinity is not a number", '"': "quotation marks are not supported",
            "#": "comments are not supported",
        }.get(letter)  # fmt: skip
        shown = letter if letter.isprintable() else f"U+{ord(letter):04X}"
        raise FormulaError(reason or f"{shown!r} is no part of a formula", self.i, self.text)


_LAMBDA = re.compile(r"\blambda\s+\w+(?:\s*,\s*\w+)*\s*:")
_SUBSCRIPT = re.compile(r"\{((?:[^{}]|\{[^{}]{0,40}\}){1,40})\}|\(([^()]{1,40})\)")
_A_FUNCTION = re.compile("|".join(sorted((name for name in FUNCTIONS if len(name) > 1), key=len, reverse=True)))
_ROW_ROOM = re.compile(r"\s*\[\s*-?[\d.]+\s*(?:pt|em|ex|mm|cm|in)\s*\]")
"""What may follow LaTeX's end of a row: ``\\\\[4pt]``."""


# labels


class _Labels:
    """Which labels are read."""

    def __init__(self, labels: object) -> None:
        self.layers = labels if isinstance(labels, Layers) else None
        self.allowed: set[str] | None = None
        if labels is not True and self.layers is None:
            if isinstance(labels, str) or not isinstance(labels, Iterable):
                raise TypeError(f"labels are a network, labels or True, got {labels!r}")
            self.allowed = {parse_label(one).text for one in labels}

    def read(self, symbol: str, low: str, high: str) -> str:
        """Return the label's text.

        Raises
        ------
        UnknownLabelError
            There is no such label.
        """
        if not low.replace(",", "").isdecimal() or not high.isdecimal():
            bare = high if len(high) == 1 else f"{{{high}}}"
            return f"{symbol}_{low}^{bare}" if len(low.replace(",", "")) == len(low) else f"{symbol}_{{{low}}}^{bare}"
        label = parse_label(f"{symbol}_{{{low}}}^{{{high}}}")
        if self.layers is not None:
            self.layers.check_label(label)
        if self.allowed is not None and label.text not in self.allowed:
            raise UnknownLabelError(f"there is no {label}")
        return label.text


# reading tokens into a tree


class _Reader:
    """A Pratt parser over the tokens of one formula."""

    def __init__(
        self,
        text: str,
        names: frozenset[str],
        alone: Collection[str],
        quantities: Collection[str],
        functions: Collection[str],
        labels: _Labels | None,
    ) -> None:
        self.text = text
        self.names = names
        self.known = {*names, *alone}
        self.without_line = {name.replace("_", ""): name for name in names if "_" in name}
        self.quantities = quantities
        self.functions = functions
        self.labels = labels
        scanner = _Scanner(text, names)
        self.tokens = list(scanner.tokens())
        self.is_latex = scanner.is_latex
        self.at = 0
        self.depth = 0
        self.nodes = 0
        self.bars = 0

    # small steps

    @property
    def token(self) -> _Token:
        return self.tokens[self.at]

    def is_sign(self, *signs: str) -> bool:
        return self.token.kind == "sign" and self.token.text in signs

    def is_word(self, words: Collection[str]) -> bool:
        return self.token.kind == "word" and self.token.text in words and not self.token.subscript

    def take(self) -> _Token:
        token = self.token
        self.at += 1
        return token

    def expect(self, sign: str) -> None:
        if not self.is_sign(sign):
            raise self.error(f"expected {sign!r}" + (f", got {self.token.text!r}" if self.token.text else ""))
        self.at += 1

    def error(self, reason: str, position: int | None = None) -> FormulaError:
        return FormulaError(reason, self.token.position if position is None else position, self.text)

    def node(self, kind: str, position: int, value: object = None, args: Sequence[Node] = ()) -> Node:
        self.nodes += 1
        if self.nodes > MOST_NODES:
            raise self.error(f"the formula has more than {MOST_NODES:,} parts", position)
        return Node(kind, position, value, tuple(args))

    def deeper(self, read: Callable[[], Node]) -> Node:
        self.depth += 1
        if self.depth > MOST_DEPTH:
            raise self.error(f"the formula is nested more than {MOST_DEPTH} deep")
        try:
            return read()
        finally:
            self.depth -= 1

    # the whole

    def formula(self) -> Node:
        if self.token.kind == "end":
            raise self.error("there is no formula")
        found = self.pieces()
        if self.token.kind != "end":
            raise self.unexpected()
        return found

    def unexpected(self) -> FormulaError:
        token = self.token
        if self.is_sign("="):
            return self.error("an equation is no formula: give one side alone")
        if self.is_sign("<", ">", "<=", ">=", "!=", "=="):
            return self.error("a comparison belongs into a condition: 1 if z > 0 else 0")
        if self.is_sign(")", "]", "}"):
            return self.error(f"{token.text!r} closes nothing")
        if self.is_sign(","):
            return self.error("a comma cannot stand here")
        if self.is_sign("."):
            return self.error("a full stop cannot stand here")
        return self.error(f"{token.text!r} cannot stand here" if token.text else "the formula ends too early")

    def pieces(self) -> Node:
        """A sum, or pieces with their conditions."""
        position = self.token.position
        first = self.sum()
        if not self.is_word(_IF):
            return first
        args = [first, self._after_if()]
        while True:
            if self.is_word(_ELSE):
                self.take()
                args += [self.deeper(self.pieces), self.node("always", position)]
                break
            if not self.is_sign(",", ";"):
                break
            self.take()
            if self.is_word(_ELSE):
                continue
            args += self._piece()
            if args[-1].kind == "always":
                break
        return self.node("pieces", position, None, args)

    def _after_if(self) -> Node:
        while self.is_word(_IF):
            self.take()
        return self.condition()

    def _piece(self) -> list[Node]:
        """One of several pieces: value if condition, or value otherwise."""
        value = self.sum()
        if self.is_sign(",", "&", ":"):
            self.take()
        if self.is_word(_ELSE):
            return [value, self.node("always", self.take().position)]
        return [value, self._after_if()]

    # conditions

    def condition(self) -> Node:
        return self.deeper(lambda: self._joined("or", lambda: self._joined("and", self.relation)))

    def _joined(self, word: str, read: Callable[[], Node]) -> Node:
        position = self.token.position
        args = [read()]
        while self.is_word((word,)):
            self.take()
            args.append(read())
        return args[0] if len(args) == 1 else self.node(word, position, None, args)

    def relation(self) -> Node:
        position = self.token.position
        if self.is_word((*_ELSE, "true", "True")):
            return self.node("always", self.take().position)
        if self.is_sign("(") and self._encloses(*_RELATIONS, is_deep=True):
            self.take()
            inner = self.condition()
            self.expect(")")
            return inner
        sides, signs = [self.sum()], []
        while self.token.kind == "sign" and self.token.text in _RELATIONS:
            signs.append(_RELATIONS[self.take().text])
            sides.append(self.sum())
        if not signs:
            raise self.error("a condition compares, as in z > 0", position)
        return self.node("relation", position, tuple(signs), sides)

    def _encloses(self, *signs: str, is_deep: bool = False) -> bool:
        """Whether the bracket that opens here holds one of these signs, in it itself or at any depth."""
        return any(
            token.kind == "sign" and token.text in signs and (is_deep or depth == 1)
            for depth, token in self._enclosed()
        )

    def _enclosed(self) -> Iterator[tuple[int, _Token]]:
        """Return the tokens of the bracket that opens here, each with its depth."""
        depth = 0
        for token in self.tokens[self.at :]:
            if token.kind == "sign":
                depth += (token.text in _CLOSING) - (token.text in _CLOSING.values())
            if depth == 0:
                return
            yield depth, token

    # sums, products, powers

    def sum(self) -> Node:
        position = self.token.position
        args = [self.product()]
        while self.is_sign("+", "-"):
            sign = self.take()
            term = self.product()
            args.append(term if sign.text == "+" else self.node("negative", sign.position, None, (term,)))
        return args[0] if len(args) == 1 else self.node("sum", position, None, args)

    def product(self) -> Node:
        found = self.factor()
        while True:
            position = self.token.position
            if self.is_sign("*"):
                self.take()
                found = self.times(found, self.factor(), position)
            elif self.is_sign("/", ":"):
                self.take()
                found = self.times(found, self.node("inverse", position, None, (self.factor(),)), position)
            elif self.starts_primary():
                found = self.times(found, self.power(), position)
            else:
                return found

    def times(self, left: Node, right: Node, position: int) -> Node:
        """A product of all that stands side by side, in one node."""
        args = (*left.args, right) if left.kind == "product" else (left, right)
        return self.node("product", position, None, args)

    def starts_primary(self) -> bool:
        token = self.token
        if token.kind == "number":
            raise self.error("a sign is missing before this number")
        if token.kind == "word":
            return token.text not in _IF and token.text not in _ELSE and token.text not in ("and", "or")
        if self.is_sign("|"):
            return self.bars == 0
        before = self.tokens[self.at - 1]
        is_index = self.is_sign("[") and before.kind != "number" and before.text not in (")", "]", "}")
        if is_index and not self._encloses("+", "-"):
            raise self.error("square brackets after a name are not read: write * for a product")
        is_environment = token.kind == "sign" and token.text.startswith("\\begin")
        return is_environment or self.is_sign("(", "[", "{", "|<", "\\frac", "\\sqrt")

    def factor(self) -> Node:
        if self.is_sign("-", "+"):
            sign = self.take()
            inner = self.deeper(self.factor)
            return inner if sign.text == "+" else self.node("negative", sign.position, None, (inner,))
        return self.power()

    def power(self) -> Node:
        return self.raised(self.primary())

    def raised(self, base: Node) -> Node:
        if self.token.kind == "raised":
            token = self.take()
            base = self.node("power", token.position, None, (base, self._small(token)))
            if self.token.kind == "raised":
                raise self.error("two raised numbers in a row")
        if self.is_sign("^", "**"):
            position = self.take().position
            return self.node("power", position, None, (base, self.deeper(self.exponent)))
        if self.is_sign("'"):
            raise self.error("a prime belongs to σ alone: write the derivative out")
        return base

    def _small(self, token: _Token) -> Node:
        digits = token.text.lstrip("+-")
        if not digits.isdecimal() or len(digits) > 4:
            raise self.error("a raised number is a whole number", token.position)
        number = self.node("number", token.position, Fraction(int(digits)))
        return self.node("negative", token.position, None, (number,)) if token.text.startswith("-") else number

    def exponent(self) -> Node:
        if self.is_sign("-", "+"):
            sign = self.take()
            inner = self.deeper(self.exponent)
            return inner if sign.text == "+" else self.node("negative", sign.position, None, (inner,))
        return self.raised(self.primary())

    # primaries

    def primary(self) -> Node:
        token = self.token
        if token.kind == "number":
            return self.number()
        if token.kind == "word":
            return self.word()
        if self.is_sign("(", "{", "["):
            return self.bracket()
        if self.is_sign("|", "|<"):
            return self.absolute()
        if self.is_sign("\\frac"):
            self.take()
            above, below = self.argument(), self.argument()
            return self.times(above, self.node("inverse", token.position, None, (below,)), token.position)
        if self.is_sign("\\sqrt"):
            return self.latex_root()
        if token.kind == "sign" and token.text.startswith("\\begin"):
            return self.latex_cases()
        if token.kind == "end":
            raise self.error("the formula ends too early")
        raise self.unexpected()

    def number(self) -> Node:
        token = self.take()
        try:
            value = Fraction(token.text.replace(",", "."))
        except (ValueError, ZeroDivisionError):
            raise self.error(f"{token.text!r} is no number", token.position) from None
        return self.node("number", token.position, value)

    def bracket(self) -> Node:
        opening = self.take().text
        is_word_alone = opening == "{" and self.token.kind == "word" and self.tokens[self.at + 1].text == "}"
        if is_word_alone and (self.token.text in _SIGMAS or self.token.text in self.functions):  # {\sigma}(z)
            del self.tokens[self.at + 1]
            return self.word()
        bars, self.bars = self.bars, 0
        inner = self.deeper(self.pieces)
        self.bars = bars
        self.expect(_CLOSING[opening])
        return inner

    def absolute(self) -> Node:
        token = self.take()
        position = token.position
        if token.text == "|<":  # LaTeX tells bars that open from bars that close
            bars, self.bars = self.bars, 0
            inner = self.deeper(self.sum)
            self.bars = bars
            self.expect("|>")
        else:
            self.bars += 1
            inner = self.deeper(self.sum)
            self.bars -= 1
            self.expect("|")
        return self.node("call", position, "abs", (inner,))

    def argument(self) -> Node:
        """An argument of a LaTeX command: in braces, or the next letter or digit."""
        if self.is_sign("{"):
            return self.bracket()
        token = self.token
        if token.kind == "word" and re.fullmatch(r"[A-Za-z]\d+", token.text) and token.text not in self.names:
            rest = _Token("number", token.text[1:], token.position + 1)  # \frac x2
            self.tokens[self.at : self.at + 1] = [_Token("word", token.text[0], token.position), rest]
            return self.word()
        if token.kind == "number" and len(token.text) > 1 and token.text.isdecimal():
            self.tokens[self.at] = _Token("number", token.text[1:], token.position + 1)
            return self.node("number", token.position, Fraction(int(token.text[0])))
        return self.primary()

    def latex_root(self) -> Node:
        position = self.take().position
        if not self.is_sign("["):
            return self.node("call", position, "sqrt", (self.argument(),))
        self.take()
        index = self.deeper(self.sum)
        self.expect("]")
        return self.node("call", position, "root", (self.argument(), index))

    def latex_cases(self) -> Node:
        token = self.take()
        if token.text != "\\begin{cases}":
            raise self.error("of LaTeX's environments only cases is read", token.position)
        return self.deeper(lambda: self._rows_of_cases(token.position))

    def _rows_of_cases(self, position: int) -> Node:
        args: list[Node] = []
        while not self.is_sign("\\end{cases}"):
            value = self.sum()
            if self.is_sign(",", "&"):
                self.take()
            if self.is_sign("&"):
                self.take()
            args += [value, self._after_if()]
            if self.is_sign(",", ".", ";"):
                self.take()
            if self.is_sign("\\\\"):
                self.take()
            elif not self.is_sign("\\end{cases}"):
                raise self.unexpected()
        self.take()
        if not args:
            raise self.error("there are no cases", position)
        return self.node("pieces", position, None, args)

    # words: names, functions, labels

    def word(self) -> Node:
        token = self.take()
        name = token.text
        if self.labels is not None:
            label = self._label(token)
            if label is not None:
                return label
        full = name + (f"_{token.subscript}" if token.subscript else "")
        joined = name + token.subscript
        if full in self.names or joined in self.names:  # f_1 is how f1 is written in LaTeX
            return self._quantity(full if full in self.names else joined, token)
        if not token.subscript and name in self.without_line:  # and aj how a_j is typed in a hurry
            return self._quantity(self.without_line[name], token)
        if name in _SIGMAS and (self.labels is not None or "σ" in self.functions):
            return self.sigma(token)
        if name in self.functions:
            return self.defined_call(name, token)
        if name == "sigma" and self.is_sign("(") and not self.text[self.token.position - 1].isspace():
            raise self.error("σ has no formula here: write out what it is, or σ * (…) for a product", token.position)
        if name not in FUNCTIONS and name[:1].isupper() and name.lower() in FUNCTIONS:  # Sin x, Exp[-z]
            name = name.lower()
        if name in _UNREAD and (self.is_sign("(", "[") or self._is_bare_name()):
            raise self.error(f"{name} is not a known function: write out its formula", token.position)
        if name == "log" and token.subscript.isdecimal() and token.subscript not in ("2", "10"):
            return self._log_to_base(token)
        if name in FUNCTIONS and (not token.subscript or (name == "log" and token.subscript in ("2", "10"))):
            canonical = f"log{token.subscript}" if token.subscript else FUNCTIONS[name]
            return self.call(canonical, token)
        if name in FUNCTIONS:
            raise self.error(f"{name} takes no subscript" + (" but a number" * (name == "log")), token.position)
        if not token.subscript and name in ("e", "pi"):
            return self.node("constant", token.position, name)
        if name.rstrip("0123456789") in GREEK or len(name.rstrip("0123456789")) == 1 or full in self.known:
            return self._quantity(full, token)
        return self._run(token)

    def _log_to_base(self, token: _Token) -> Node:
        """log_3 x is ln x / ln 3."""
        above = self.call("ln", token)
        base = self.node("number", token.position, Fraction(int(token.subscript)))
        below = self.node("call", token.position, "ln", (base,))
        return self.times(above, self.node("inverse", token.position, None, (below,)), token.position)

    def _quantity(self, name: str, token: _Token) -> Node:
        if name in self.quantities and self.is_sign("(") and not self._is_factor(name):
            raise self.error(
                f"{name} is a quantity and no function: write {name} alone, or {name} * (…) for a product",
                token.position,
            )
        return self.node("name", token.position, name)

    def _is_factor(self, name: str) -> bool:
        """Whether a quantity before a bracket is a factor: a (1 - a), and not f1(x)."""
        if self.text[self.token.position - 1].isspace() or self.is_latex:
            return not self._is_argument()
        return any(
            token.kind == "word" and name in (token.text, f"{token.text}_{token.subscript}")
            for _, token in self._enclosed()
        )

    def _is_argument(self) -> bool:
        """Whether the bracket that opens here holds a name alone."""
        return self.tokens[self.at + 1].kind == "word" and self.tokens[self.at + 2].text == ")"

    def _run(self, token: _Token) -> Node:
        """Letters that are no known name: a product of known names, or a name of their own."""
        parts = self._split(token.text)
        if parts is None and _STARTS_LIKE_A_CALL.fullmatch(token.text) and not self.is_sign("("):
            raise self.error(
                f"{token.text} can be read in two ways: write {token.text[:-1]}({token.text[-1]})", token.position
            )
        if parts is None:
            if self.is_sign("("):
                raise self._unknown_function(token)
            if self._may_be_a_product(token.text):
                raise self.error(
                    f"{token.text} can be read as one name or as a product: write * between its parts", token.position
                )
            full = token.text + (f"_{token.subscript}" if token.subscript else "")
            return self._quantity(full, token)
        # Put the parts back as tokens: they stand side by side, so that uv^2 is u v^2.
        position = token.position
        tokens: list[_Token] = []
        for part in parts:
            tokens.append(_Token("word", part, position, is_joined=bool(tokens)))
            position += len(part)
        tokens[-1] = replace(tokens[-1], subscript=token.subscript)
        self.at -= 1
        self.tokens[self.at : self.at + 1] = tokens
        return self.word()

    def _split(self, run: str) -> list[str] | None:
        letters = run.rstrip("0123456789")
        if run in self.known:
            return None
        if self.is_latex and len(run) == len(letters) and len(run) <= 20:
            return list(run)
        for size in range(min(len(run) - 1, 9), 1, -1):
            if run[-size:] in FUNCTIONS:
                before = self._known_parts(run[:-size])
                if before:
                    return [*before, run[-size:]]
        if (
            len(run) == len(letters) == 2 and run[0] != "d" and not self.names.isdisjoint(run)
        ):  # ax^2 + bx, with x known
            return list(run)
        found = _STARTS_LIKE_A_CALL.fullmatch(run)
        if found is not None and found[2] in self.known:
            return [found[1], found[2]]
        return self._known_parts(run)

    def _may_be_a_product(self, run: str) -> bool:
        """Whether a run is short and holds a letter that is known, or a function and nothing but such letters."""
        letters = {name for name in self.names if len(name) == 1}
        if len(run) == 3 and letters & set(run):
            return True
        rest = _A_FUNCTION.sub("", run)
        return len(rest) < len(run) and set(rest) <= {*letters, *"0123456789"}

    def _known_parts(self, run: str) -> list[str] | None:
        """Cut a run into names that are known; None if that does not come out even."""
        ends: list[tuple[int, str] | None] = [None] * (len(run) + 1)
        reached = {0}
        for i in range(len(run)):
            if i not in reached:
                continue
            for size in range(1, min(12, len(run) - i) + 1):
                part = run[i : i + size]
                if (part in self.known or (part == "e" and "e" not in self.names)) and i + size not in reached:
                    reached.add(i + size)
                    ends[i + size] = (i, part)
        if len(run) not in reached or not run:
            return None
        parts: list[str] = []
        at = len(run)
        while at:
            back = ends[at]
            assert back is not None
            at, part = back
            parts.append(part)
        return parts[::-1]

    def _unknown_function(self, token: _Token) -> FormulaError:
        near = difflib.get_close_matches(token.text.lower(), FUNCTIONS, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return self.error(f"unknown function {token.text[:40]!r}{hint}", token.position)

    def call(self, name: str, token: _Token) -> Node:
        power: Node | None = None
        is_inverse = False
        if self.token.kind == "raised":
            raised = self.take()
            is_inverse = raised.text == "-1" and name in _INVERTIBLE
            power = None if is_inverse else self._small(raised)
        elif self.is_sign("^", "**"):
            self.take()
            power = self.deeper(self.exponent)
            is_minus_one = power.kind == "negative" and power.args[0].value == 1
            if is_minus_one and name in _INVERTIBLE:
                is_inverse, power = True, None
        if is_inverse:
            name = f"a{name}"
        if self.is_sign("'"):
            raise self.error("a prime belongs to σ alone: write the derivative out")
        args = self.arguments(name, token)
        found = self.node("call", token.position, name, args)
        if name == "piecewise":
            found = self.node("pieces", token.position, None, args)
        return found if power is None else self.node("power", token.position, None, (found, power))

    def arguments(self, name: str, token: _Token) -> tuple[Node, ...]:
        if not self.is_sign("(", "{", "["):
            if name in _SEVERAL:
                raise self.error(f"{name} takes its arguments in brackets")
            return (self.deeper(lambda: self.bare_argument(name)),)
        if name == "piecewise":
            return self.deeper_all(self.pieces_of_call)
        bars, self.bars = self.bars, 0
        opening = self.take()
        if name in _SEVERAL:
            self._separate_decimals()
        args = [self.deeper(self.pieces)]
        while self.is_sign(",", ";"):
            self.take()
            args.append(self.deeper(self.pieces))
        self.expect(_CLOSING[opening.text])
        self.bars = bars
        if token.text == "log" and len(args) == 1 and self.tokens[self.at - 3].text in ("(", "[", "{"):
            number = self.tokens[self.at - 2]
            if number.kind == "number" and "," in number.text:
                raise self.error("this comma can be read in two ways: write log(8; 2) or log(8.2)", number.position)
        counts = {"max": (1, 50), "min": (1, 50), "root": (2, 2), "ln": (1, 2)}.get(name, (1, 1))
        if not counts[0] <= len(args) <= counts[1]:
            wanted = "two arguments" if counts == (2, 2) else "one argument"
            raise self.error(f"{name} takes {wanted}, got {len(args)}", token.position)
        return tuple(args)

    def deeper_all(self, read: Callable[[], tuple[Node, ...]]) -> tuple[Node, ...]:
        self.depth += 1
        if self.depth > MOST_DEPTH:
            raise self.error(f"the formula is nested more than {MOST_DEPTH} deep")
        found = read()
        self.depth -= 1
        return found

    def _separate_decimals(self) -> None:
        """Within max(0,5) the comma separates arguments: cut the numbers of this bracket at their commas."""
        depth = 1
        i = self.at
        while i < len(self.tokens) and depth:
            token = self.tokens[i]
            if token.kind == "sign" and token.text in "([{":
                depth += 1
            elif token.kind == "sign" and token.text in ")]}":
                depth -= 1
            elif token.kind == "sign" and token.text == ";" and depth == 1:
                return  # semicolons separate, so that commas are decimal
            i += 1
        cut: list[_Token] = []
        for token in self.tokens[self.at : i]:
            if token.kind == "number" and "," in token.text:
                whole, _, rest = token.text.partition(",")
                at = token.position + len(whole)
                cut += [
                    _Token("number", whole, token.position),
                    _Token("sign", ",", at),
                    _Token("number", rest, at + 1),
                ]
            else:
                cut.append(token)
        self.tokens[self.at : i] = cut

    def pieces_of_call(self) -> tuple[Node, ...]:
        """piecewise((1, z > 0), (0, z < 0)), piecewise(1 if z > 0, 0 otherwise), piecewise(1, z > 0, 0, z < 0)."""
        closing = _CLOSING[self.take().text]
        self._separate_decimals()
        args: list[Node] = []
        while True:
            if self.is_sign("(", "[", "{") and self._is_pair():
                bracket = self.take().text
                value = self.pieces()
                self.take()  # the comma that _is_pair saw
                args += [value, self.condition()]
                self.expect(_CLOSING[bracket])
            else:
                args += self._piece()
            if not self.is_sign(",", ";"):
                break
            self.take()
        self.expect(closing)
        return tuple(args)

    def _is_pair(self) -> bool:
        """Whether the bracket that opens here holds a comma of its own."""
        depth = 0
        for token in self.tokens[self.at :]:
            if token.kind != "sign":
                continue
            depth += (token.text in ("(", "[", "{")) - (token.text in (")", "]", "}"))
            if depth == 0:
                return False
            if depth == 1 and token.text in (",", ";"):
                return True
        return False

    def bare_argument(self, name: str) -> Node:
        """The argument of ``sin 2x``: a number, then one name or root; anything more could be meant otherwise."""
        position = self.token.position
        parts: list[Node] = []
        if self.is_sign("-"):
            raise self.error(f"write {name}(…) with brackets around a negative argument")
        if self.token.kind == "number":
            parts.append(self.raised(self.number()))
        is_quantity = self._is_bare_name() or self.is_sign("\\frac", "\\sqrt", "|", "|<")
        if is_quantity or (not parts and self.token.kind == "word"):
            parts.append(self.power())
        while self.token.is_joined:
            parts.append(self.power())
        if not parts:
            raise self.error(f"{name} has no argument")
        if self._is_bare_name() or self.token.kind == "number" or self.is_sign("("):
            raise self.error(f"what {name} is applied to can be read in two ways: put it in brackets", position)
        return parts[0] if len(parts) == 1 else self.node("product", position, None, parts)

    def _is_bare_name(self) -> bool:
        """Whether a name comes next that is no function."""
        token = self.token
        if token.kind != "word" or token.text in _IF or token.text in _ELSE or token.text in ("and", "or"):
            return False
        is_function = token.text in FUNCTIONS and token.text not in self.names
        is_sigma = token.text in _SIGMAS and (self.labels is not None or "σ" in self.functions)
        ends_in_function = self._split(token.text) if token.text not in self.known else None
        if ends_in_function and ends_in_function[-1] in FUNCTIONS:
            return False
        return not is_function and not is_sigma

    # σ and other functions that are defined

    def sigma(self, token: _Token) -> Node:
        primes = self._primes()
        if primes == 0 and self.is_sign("^"):  # \sigma^\prime, \sigma^{\prime}
            before = self.at
            self.take()
            is_braced = self.is_sign("{")
            self.at += is_braced
            primes = self._primes()
            if not primes:
                self.at = before
            elif is_braced:
                self.expect("}")
        if primes > 2:
            raise self.error("σ has at most two primes", token.position)
        power = self._power_before_argument()
        found = self.defined_call("σ", token, primes)
        return found if power is None else self.node("power", token.position, None, (found, power))

    def _power_before_argument(self) -> Node | None:
        """The 2 of σ²(z) and of σ^2(z), where a bracket follows."""
        before = self.at
        power = None
        if self.token.kind == "raised" and self.token.text.isdecimal():
            power = self._small(self.take())
        elif self.is_sign("^", "**"):
            self.take()
            is_braced = self.is_sign("{")
            self.at += is_braced
            if self.token.kind == "number" and self.token.text.isdecimal():
                power = self.number()
                if is_braced:
                    self.at += self.is_sign("}")
        if power is None or not self.is_sign("("):
            self.at = before
            return None
        return power

    def _primes(self) -> int:
        count = 0
        while self.is_sign("'"):
            self.take()
            count += 1
        return count

    def defined_call(self, name: str, token: _Token, primes: int = 0) -> Node:
        if not self.is_sign("(", "{"):
            if name not in self.functions and (self.token.kind == "word" and self._is_bare_name()):
                return self.node("sigma", token.position, (name, primes), (self.deeper(self.power),))
            if name not in self.functions:
                raise self.error(f"{name} needs an argument in brackets", token.position)
            return self.node("sigma", token.position, (name, primes))
        before = self.at
        inner = self.bracket()
        if name in self.functions and _has_bare_sigma(inner):
            # σ(1 - σ) is a product of values
            self.at = before
            return self.node("sigma", token.position, (name, primes))
        return self.node("sigma", token.position, (name, primes), (inner,))

    def _label(self, token: _Token) -> Node | None:
        """A label such as w_12^2 or a_k^{l-1}, in either order of its indices."""
        symbol, low = token.text, token.subscript
        if not low and symbol[0] in "wbzad" and symbol[1:].isdecimal():  # w11^2 is w_11^2 typed in a hurry
            symbol, low = symbol[0], symbol[1:]
        if symbol not in ("w", "b", "z", "a", "d", "delta"):
            return None
        symbol = "d" if symbol == "delta" else symbol
        start = self.at
        high = self._layer()
        if high and not low and self.is_sign("_"):
            low = ""
        if not high or not low:
            self.at = start
            return None
        try:
            assert self.labels is not None
            return self.node("name", token.position, self.labels.read(symbol, low, high))
        except UnknownLabelError as error:
            raise FormulaError(str(error), token.position, self.text) from None

    def _layer(self) -> str:
        """Read ^2, ^{l-1} or ² as the layer of a label; nothing if it is no layer."""
        if self.token.kind == "raised" and self.token.text.isdecimal():
            return self.take().text
        if not self.is_sign("^", "**"):
            return ""
        self.take()
        if self.is_sign("{", "(", "["):
            closing = _CLOSING[self.take().text]
            inner = {"(": ")", "[": "]"}.get(self.token.text, "") if closing == "}" else ""  # w_11^{(2)}
            if inner:
                self.take()
            parts: list[str] = []
            while not self.is_sign(inner or closing) and self.token.kind != "end" and len(parts) < 4:
                parts.append(self.take().text)
            for sign in filter(None, (inner, closing)):
                if not self.is_sign(sign):
                    return ""
                self.take()
            return _in_order("".join(parts))
        if self.token.kind == "number" and self.token.text.isdecimal():
            return self.take().text
        if self.token.kind == "word" and len(self.token.text) == 1:
            return self.take().text
        return ""


def _has_bare_sigma(node: Node) -> bool:
    return (node.kind == "sigma" and not node.args) or any(_has_bare_sigma(one) for one in node.args)


# what is asked from outside


def read(
    text: str,
    *,
    names: Iterable[str] = (),
    alone: Iterable[str] = (),
    quantities: Iterable[str] = (),
    functions: Iterable[str] = (),
    labels: object = None,
) -> Node:
    """Read a formula into a tree.

    Parameters
    ----------
    text : str
    names : iterable of str
        Names of the user's own; they go before constants and functions.
    alone : iterable of str
        Names that stand alone elsewhere, so that a run of letters may be their product.
    quantities : iterable of str
        Names that have a definition: f1(x) is refused for them.
    functions : iterable of str
        Functions that are defined, as σ.
    labels : Layers, iterable of labels, True or None
        Which labels are read, if any.

    Returns
    -------
    Node

    Raises
    ------
    FormulaError
        It is no formula, or would take too long.
    TypeError
        It is no text.
    """
    if not isinstance(text, str):
        raise TypeError(f"a formula is text, got {type(text).__name__}")
    if len(text) > MOST_LETTERS:
        raise FormulaError(
            f"the formula has {len(text):,} letters, and at most {MOST_LETTERS:,} are read", MOST_LETTERS
        )
    text = _STYLED.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text)
    own = frozenset(names)
    _refuse_derivatives(text, own)
    text = _latex_order(text) if labels is not None else text
    which = None if labels is None or labels is False else _Labels(labels)
    reader = _Reader(text, own, frozenset(alone), frozenset(quantities), frozenset(functions), which)
    reader.known |= set(standing_alone(reader.tokens))
    try:
        tree = reader.formula()
    except RecursionError:  # called from deep within a program
        raise FormulaError("the formula is nested too deeply", reader.token.position, text) from None
    _check_growth(tree, text)
    return tree


_STYLED = re.compile("[\U0001d400-\U0001d7ff\uff01-\uff5e]")
"""Mathematical and full-width letters, digits and signs."""
_D = r"(?:d|\\(?:math)?rm\s*(?:\{\s*)?d(?:\s*\})?|\\text\s*\{\s*d\s*\})"
_QUANTITY = r"\\?[^\W\d_]+\d*(?:_\w+)?"
_DERIVATIVE = re.compile(
    rf"\\[dtc]?frac\s*\{{\s*{_D}(?:\s*(?P<of>{_QUANTITY}))?\s*\}}\s*\{{\s*{_D}\s*(?P<by>{_QUANTITY})\s*\}}"
    rf"|(?<![^\W\d_])(?<!\\){_D}(?:\s*(?P<above>{_QUANTITY}))?\s*/\s*{_D}\s*(?P<below>{_QUANTITY})"
)


def _refuse_derivatives(text: str, own: Collection[str]) -> None:
    """Refuse dy/dx, which would be y/x if d were a factor like any other, unless d or dy is a name of the user's."""
    found = _DERIVATIVE.search(text)
    if found is None or "d" in own:
        return
    if any(f"d{part}" in own for part in found.groupdict().values() if part):
        return
    raise FormulaError("a derivative is not worked out here: write what it is", found.start(), text)


def _latex_order(text: str) -> str:
    """Turn w^2_{12} and w^{l}_{jk} into w_{12}^2, the order in which the scanner meets a name's subscript."""
    text = re.sub(r"(?<![A-Za-z])\{([wbzad])\}(?=\s*[_^])", r"\1", text).replace("ℓ", "l")  # {a}_{1}^{3}
    text = re.sub(r"⁽([⁰¹²³⁴⁵⁶⁷⁸⁹ˡ⁻]+)⁾", r"\1", text)
    text = re.sub(r"(?<![A-Za-z])([wbzad])([⁰¹²³⁴⁵⁶⁷⁸⁹]+)([₀₁₂₃₄₅₆₇₈₉ⱼₖ]+)", r"\1\3\2", text)
    text = re.sub(r"[ˡʲᵏⁱⁿᶠ]+[⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹]*", lambda match: f"^{{{_plain_layer(match[0])}}}", text)
    return re.sub(
        r"(?<![A-Za-z])([wbzad])\s*\^\s*(\{[^{}]{1,12}\}|\([^()]{1,6}\)|\w)\s*_\s*(\{[^{}]{1,12}\}|\d+|[jk]+|\w+)",
        lambda match: f"{match[1]}_{match[3]}^{match[2]}",
        text,
    )


def _plain_layer(raised: str) -> str:
    return "".join(_SUPERSCRIPTS.get(letter, letter) for letter in raised.translate(_RAISED_LAYERS))


def _in_order(layer: str) -> str:
    """Write -1+l as l-1, and 2-1 as 1."""
    match = re.fullmatch(r"([+-]\d+)\+([A-Za-z])", layer)
    if match:
        return f"{match[2]}{match[1]}"
    sum_ = re.fullmatch(r"(\d{1,3})([+-])(\d{1,3})", layer)  # a_3^{2-1} is a_3^1
    return layer if sum_ is None else str(int(sum_[1]) + int(sum_[2] + sum_[3]))


def plain_name(name: str) -> str:
    """Return a name as it is read: π is pi."""
    return "".join(_GREEK.get(letter, letter) for letter in name.strip())


def names_in(text: str, names: Iterable[str] = ()) -> list[str]:
    """Return the names that stand alone in a formula, however little of it can be read."""
    if not isinstance(text, str) or len(text) > MOST_LETTERS:
        return []
    with contextlib.suppress(FormulaError):
        return standing_alone(list(_Scanner(text, frozenset(names)).tokens()))
    return []


def standing_alone(tokens: Sequence[_Token]) -> list[str]:
    """Names of one letter, with digits or a subscript, that no other letter touches."""
    found = (
        token.text + (f"_{token.subscript}" if token.subscript else "")
        for token in tokens
        if token.kind == "word" and len(token.text.rstrip("0123456789")) == 1
    )
    return [name for name in dict.fromkeys(found) if name != "e"]


# growth


def _check_growth(tree: Node, text: str) -> None:
    """Refuse a formula whose numbers would explode when worked out."""
    bits: dict[int, float] = {}
    values: dict[int, float | None] = {}
    for node in nodes(tree):
        values[id(node)] = value = _float(node, [values[id(one)] for one in node.args])
        if value is not None and math.isinf(value) and constant_value(node) is None:
            raise FormulaError("the numbers of this formula would grow too large", node.position, text)
        try:
            found = _bits(node, [bits[id(one)] for one in node.args])
        except _LargeConstantError:
            found = MOST_BITS + 1
        if found > MOST_BITS:
            raise FormulaError("the numbers of this formula would grow too large", node.position, text)
        bits[id(node)] = found


def nodes(tree: Node) -> Iterator[Node]:
    """Return all nodes of a tree, from below."""
    for one in tree.args:
        yield from nodes(one)
    yield tree


def _float(node: Node, args: Sequence[float | None]) -> float | None:
    """Return roughly the value of a part without names, infinite where no float holds it; None if that is not known."""
    known = [value for value in args if value is not None]
    if node.kind == "constant":
        return math.e if node.value == "e" else math.pi
    if len(known) < len(args) or node.kind not in _ON_FLOATS:
        return None
    try:
        return _ON_FLOATS[node.kind](node, known)
    except OverflowError:
        return math.inf
    except (ValueError, ZeroDivisionError):  # of something so small that no float holds it
        return math.inf if 0 in known and constant_value(node.args[0]) is None else None


_ON_FLOATS: Mapping[str, Callable[[Node, list[float]], float]] = {
    "number": lambda node, _: float(node.value),  # type: ignore[arg-type]
    "sum": lambda _, args: sum(args),
    "negative": lambda _, args: -args[0],
    "product": lambda _, args: math.prod(args),
    "inverse": lambda _, args: 1 / args[0],
    "power": lambda _, args: math.pow(abs(args[0]), args[1]),
    "call": lambda node, args: math.exp(args[0]) if node.value in ("exp", "sinh", "cosh") else args[0],
}


class _LargeConstantError(Exception):
    """A function or a root of a number so large that working with it takes long."""


def _refuse_large_constant(argument: Node, bits: float) -> None:
    if bits > MOST_BITS_IN_FUNCTION and not any(one.kind == "name" for one in nodes(argument)):
        raise _LargeConstantError


def _bits(node: Node, below: Sequence[float]) -> float:
    if node.kind == "number":
        value = node.value
        assert isinstance(value, Fraction)
        return float(max(value.numerator.bit_length(), value.denominator.bit_length(), 1))
    if node.kind == "power":
        exponent = constant_value(node.args[1])
        if exponent is None:
            return below[0] + below[1]
        if exponent.denominator != 1:
            _refuse_large_constant(node, below[0])
        return max(below[0], 1.0) * max(1.0, float(min(abs(exponent), Fraction(10**9))))
    if node.kind == "call":
        for argument, bits in zip(node.args, below, strict=True):
            _refuse_large_constant(argument, bits)
    if node.kind == "call" and node.value == "exp":
        return below[0] + 1
    return sum(below) + 1 if node.args else 1.0


def constant_value(node: Node) -> Fraction | None:
    """Return the value of a tree of numbers alone, if it is rational and of bounded size; None otherwise."""
    if node.kind == "number":
        assert isinstance(node.value, Fraction)
        return node.value
    values = [constant_value(one) for one in node.args]
    if not values or any(value is None for value in values):
        return None
    numbers = [value for value in values if value is not None]
    if node.kind == "negative":
        return -numbers[0]
    if node.kind == "sum":
        return sum(numbers, Fraction(0))
    if node.kind == "product":
        product = Fraction(1)
        for number in numbers:
            product *= number
        return product
    if node.kind == "inverse":
        return 1 / numbers[0] if numbers[0] else None
    if node.kind == "power":
        return _power(numbers[0], numbers[1])
    return None


def _power(base: Fraction, exponent: Fraction) -> Fraction | None:
    if abs(exponent) > MOST_BITS:
        return Fraction(10**9) if abs(base) > 1 or base == 0 else exponent
    size = max(base.numerator.bit_length(), base.denominator.bit_length())
    if exponent.denominator != 1:
        # a bound is enough: at least as large as the true value
        return Fraction(2) ** min(int(size * abs(exponent)) + 1, 40)
    if size * abs(exponent) > MOST_BITS:
        return Fraction(10**9)
    return base**exponent.numerator if base or exponent > 0 else None
