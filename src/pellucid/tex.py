"""Any text as LaTeX that pdflatex can set."""

from __future__ import annotations

import re
import unicodedata

_LETTERS = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "…": r"\ldots{}", "′": "'", "∇": r"$\nabla$",
    "∂": r"$\partial$", "²": r"\textsuperscript{2}", "³": r"\textsuperscript{3}", "✓": r"$\checkmark$",
    "✗": r"$\times$", "–": "--", "—": "---", "×": r"$\times$", "⊙": r"$\odot$", "±": r"$\pm$", "≤": r"$\le$",
    "∞": r"$\infty$", "√": r"$\surd$", "≥": r"$\ge$", "←": r"$\leftarrow$", "→": r"$\rightarrow$", "⌊": r"$\lfloor$",
    "⌋": r"$\rfloor$", "≠": r"$\ne$", "·": r"$\cdot$", "−": "-", "≈": r"$\approx$", "∈": r"$\in$", "∑": r"$\sum$",
    "€": r"\texteuro{}", "„": r"\quotedblbase{}", "“": "``", "”": "''", "‘": "`", "’": "'", "•": r"\textbullet{}",
    "\u00a0": "~", "\u00ad": r"\-", "\u2009": r"\,", "ς": r"$\varsigma$", "ϕ": r"$\phi$", "ϵ": r"$\epsilon$",
    "ß": r"\ss{}", "æ": r"\ae{}", "œ": r"\oe{}", "ø": r"\o{}", "ł": r"\l{}", "Æ": r"\AE{}", "Œ": r"\OE{}",
    "Ø": r"\O{}", "Ł": r"\L{}", "ı": r"\i{}", "đ": r"\dj{}", "Đ": r"\DJ{}",
}  # fmt: skip
_ACCENTS = {
    "\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0304": "=", "\u0306": "u", "\u0307": ".",
    "\u0308": '"', "\u030a": "r", "\u030b": "H", "\u030c": "v", "\u0327": "c", "\u0328": "k", "\u0323": "d",
    "\u0331": "b",
}  # fmt: skip
_CAPITALS = frozenset(("GAMMA", "DELTA", "THETA", "LAMBDA", "XI", "PI", "SIGMA", "UPSILON", "PHI", "PSI", "OMEGA"))
_LATIN = {
    "ALPHA": "A", "BETA": "B", "EPSILON": "E", "ZETA": "Z", "ETA": "H", "IOTA": "I", "KAPPA": "K", "MU": "M", "NU": "N",
    "OMICRON": "O", "RHO": "P", "TAU": "T", "CHI": "X",
}  # fmt: skip
"""Capital Greek letters that LaTeX sets as Latin ones."""


def latex_text(text: str) -> str:
    """Return text as LaTeX that shows it as it is.

    Letters that the fonts of pdflatex lack are replaced by what they are made of, or by their number, as in [U+6F22].
    """
    return "".join(map(_one, re.findall(r".[\u0300-\u036f]*", text.replace("\n", " "), re.DOTALL)))


def _one(cluster: str) -> str:
    """One letter with its accents."""
    decomposed = unicodedata.normalize("NFD", cluster)
    letter, accents = decomposed[0], decomposed[1:]
    cluster = unicodedata.normalize("NFC", cluster)
    if cluster in _LETTERS:
        return _LETTERS[cluster]
    if accents:
        made = _one(letter)
        for accent in accents:
            if accent in _ACCENTS:
                made = rf"\{_ACCENTS[accent]}{{{made}}}"
        return made
    if letter in _LETTERS:
        return _LETTERS[letter]
    if " " <= letter <= "~":
        return letter
    return _greek(letter) or _simpler(letter)


def _greek(letter: str) -> str:
    words = unicodedata.name(letter, "").split()
    if words[:1] != ["GREEK"] or len(words) != 4 or words[2] != "LETTER":
        return ""
    name = words[3].replace("LAMDA", "LAMBDA")  # Unicode's spelling
    is_capital = words[1] == "CAPITAL"
    if is_capital and name not in _CAPITALS:
        return _LATIN.get(name, "")
    if name not in _CAPITALS | _LATIN.keys():
        return ""
    return "o" if name == "OMICRON" else f"$\\{name.capitalize() if is_capital else name.lower()}$"


def _simpler(letter: str) -> str:
    """The letters that one is made of, raised or lowered if it says so, or its number."""
    kind, _, parts = unicodedata.decomposition(letter).rpartition(">")
    if kind and (made := "".join(chr(int(part, 16)) for part in parts.split())) != letter:
        written = latex_text(made)
        command = {"<super": "textsuperscript", "<sub": "textsubscript"}.get(kind)
        return rf"\{command}{{{written}}}" if command else written
    return f"[U+{ord(letter):04X}]"
