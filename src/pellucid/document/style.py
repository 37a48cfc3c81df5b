"""The one style sheet of pages and of what notebooks show.

All its rules are for what is inside an element of the class ``pellucid``, so that a notebook's own page is not changed.
A theme of a notebook is not the browser's: the known ones are told by their attributes. Paper and ink are set together,
so that the text can be read even where no theme is recognised.
"""

from __future__ import annotations

import re

from pellucid.drawing import COLOURS

_DARK = {
    "paper": "#16181d",
    "ink": "#e6e8ec",
    "line": "#8b96a8",
    "edge": "#c3cad6",
    "grid": "#353a45",
    "curve-1": "#6cb2ff",
    "curve-2": "#f09a62",
    "curve-3": "#5fc794",
    "curve-4": "#cf96ee",
}
_TONES = {"good": ("#1a6b34", "#66cf87"), "doubtful": ("#855300", "#e3b04b"), "bad": ("#b3202b", "#ff8d8a")}
_MARK = ("#ffe28a", "#6b5200")

_DARK_THEMES = (
    'body[data-jp-theme-light="false"]',
    "body.vscode-dark",
    "body.vscode-high-contrast:not(.vscode-high-contrast-light)",
    'html[theme="dark"]',
    'html[data-theme="dark"]',
)
"""Of JupyterLab, VS Code, Colab, and documentation made with Sphinx."""
_LIGHT_THEMES = (
    'body[data-jp-theme-light="true"]',
    "body.vscode-light",
    "body.vscode-high-contrast-light",
    'html[theme="light"]',
    'html[data-theme="light"]',
)

_SCOPE = ".pellucid.pellucid.pellucid"
"""Three times, to outweigh what JupyterLab says of tables and paragraphs in its outputs."""


def _properties(*, is_dark: bool) -> str:
    colours = {**COLOURS, **(_DARK if is_dark else {})}
    colours |= {name: pair[is_dark] for name, pair in _TONES.items()} | {"mark": _MARK[is_dark]}
    scheme = "dark" if is_dark else "light"
    return f"color-scheme: {scheme}; " + " ".join(f"--{name}: {colour};" for name, colour in colours.items())


def _within(themes: tuple[str, ...]) -> str:
    return ", ".join(f"{theme} {_SCOPE}" for theme in themes)


_PARTS = """
& { color: var(--ink); background: var(--paper); text-align: left; }
& h1 { font-size: 1.5em; line-height: 1.2; margin: 0 0 0.8em; }
& h2 { font-size: 1.15em; line-height: 1.3; margin: 1.6em 0 0.5em; }
& h3 { font-size: 1em; margin: 1.2em 0 0.4em; }
& h1, & h2, & h3, & p, & li, & td, & th, & figcaption, & math { color: inherit; }
& p, & ul { margin: 0.6em 0; }
& p, & ul { overflow-x: auto; overflow-y: hidden; }
& p.good { color: var(--good); } & p.doubtful { color: var(--doubtful); } & p.bad { color: var(--bad); }
& code { font-size: 0.9em; color: inherit; background: none; padding: 0; overflow-wrap: anywhere; }
& pre { color: inherit; background: none; overflow-x: auto; margin: 0; }
& mark { color: inherit; background: var(--mark); }
& .equation { overflow-x: auto; overflow-y: hidden; margin: 0.5em 0; position: relative; padding: 0.1em 0; }
& .equation > math { width: max-content; margin: 0 1.2em; }
& .equation .number { position: absolute; right: 0; top: 50%; transform: translateY(-50%); }
& .equation mtd { padding-left: 0.12em; padding-right: 0.12em; }
& .matrix { border: solid currentColor; border-width: 0 1.4px; border-radius: 0.7em / 50%;
  padding: 0 0.3em; margin: 0 0.15em; }
& .matrix mtd { padding: 0.1em 0.4em; }
& .boxed { border: 1px solid currentColor; padding: 0.35em 0.5em; }
& math { font-family: 'STIX Two Math', 'Cambria Math', 'Latin Modern Math', math; }
& .scroll { overflow-x: auto; margin: 0.7em 0; }
& table { border-collapse: collapse; margin: 0; border: 0; color: inherit; font: inherit; }
& thead { border-bottom: 1px solid var(--line); }
& tr, & tbody tr:nth-child(odd), & tbody tr:hover { background: none; }
& th { text-align: left; font-weight: 600; }
& td, & th { padding: 0.25em 1.1em 0.25em 0; vertical-align: top; text-align: left; white-space: nowrap;
  border: 0; max-width: none; }
& figure { margin: 0.8em 0; overflow-x: auto; }
& figure svg { max-width: 100%; height: auto; display: block; }
& figcaption { font-size: 0.9em; opacity: 0.85; }
& .solution { border-left: 3px solid var(--grid); padding-left: 1em; }
& .answer { background: repeating-linear-gradient(transparent 0 1.85em, var(--grid) 1.85em 1.9em); }
& .field span { display: inline-block; min-width: min(18em, 60%); border-bottom: 1px solid currentColor; }
"""

_SHEET = (
    _PARTS
    + f"& {{ {_properties(is_dark=False)} }}\n"
    + f"@media (prefers-color-scheme: dark) {{ & {{ {_properties(is_dark=True)} }} }}\n"
)

_THEMES = (
    f"{_within(_LIGHT_THEMES)} {{ {_properties(is_dark=False)} }}\n"
    f"{_within(_DARK_THEMES)} {{ {_properties(is_dark=True)} }}\n"
)

_PRINT = f"""@media print {{ & {{ {_properties(is_dark=False)} }}
  & .page {{ break-before: page; }} & .together {{ break-inside: avoid; }} }}
"""

_PAGE = """
body { margin: 0; }
main { font: 17px/1.55 Georgia, 'Libertinus Serif', 'Times New Roman', serif; max-width: 46rem; margin: 0 auto;
  padding: 1.5rem 1rem 4rem; }
@media print { main { font-size: 11pt; padding: 0; } }
"""


def _scoped(sheet: str) -> str:
    return re.sub(r"&(?=[ {,])", _SCOPE, sheet)


FRAGMENT = _scoped("& { padding: 0.6em 0.9em; font: 15px/1.5 Georgia, 'Times New Roman', serif; }" + _SHEET) + _THEMES
FRAGMENT += _scoped(_PRINT)
"""The style sheet of a fragment, which is part of a page that is not ours."""

PAGE = _scoped(_SHEET + _PRINT) + _PAGE
"""The style sheet of a whole page of ours."""
