"""Sphinx configuration; the tables of activations, losses and initialisers are written from the library's own."""

from pathlib import Path

from docutils import nodes
from latex2mathml.converter import convert

from pellucid import __version__
from pellucid.activations import ACTIVATIONS
from pellucid.checking.mistakes import MISTAKES, equation_latex
from pellucid.layers import INITIALISERS
from pellucid.losses import LOSSES

project = "pellucid"
author = "the pellucid developers"
copyright = "2026, the pellucid developers"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_math_renderer = "mathml"  # readable offline; browsers draw it themselves
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence"]
myst_heading_anchors = 3
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["math.css"]
html_title = f"pellucid {version}"
exclude_patterns = ["_build"]
nitpicky = True
nitpick_ignore_regex = [("py:.*", ".*")]  # types of NumPy and the standard library, whose inventories are elsewhere
autodoc_typehints = "none"  # the docstrings give shapes and units, which types do not
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_rtype = False

GENERATED = Path(__file__).parent / "_generated"


def _table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join([*lines, *("| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |" for row in rows)])


def _math(latex):
    return "$" + latex.replace("|", r"\vert ") + "$"  # a bar would end the cell


def _sources(rows):
    return "\n".join(f"- `{row.name}`: {row.source}." for row in rows.values())


def _write_tables():
    GENERATED.mkdir(exist_ok=True)
    sigma = _table(
        ("name", "σ(z)", "σ'(z)"),
        [(f"`{row}`", _math(row.latex), _math(row.derivative_latex)) for row in ACTIVATIONS.values()],
    )
    kinks = "\n".join(f"- `{row.name}`: {row.at_kink}." for row in ACTIVATIONS.values() if row.at_kink)
    sigma += f"\n\nAt their kinks:\n\n{kinks}\n\nSources:\n\n{_sources(ACTIVATIONS)}"
    loss = _table(
        ("name", "L of one sample", "∂L/∂a_j", "output"),
        [
            (
                f"`{row}`",
                _math(row.latex),
                _math(row.gradient_latex),
                ", ".join(f"`{name}`" for name in row.outputs) or "any",
            )
            for row in LOSSES.values()
        ],
    )
    loss += f"\n\nSources:\n\n{_sources(LOSSES)}"
    init = _table(("name", "weights", "source"), [(f"`{r.name}`", r.formula, r.source) for r in INITIALISERS.values()])
    for name, text in {"activations": sigma, "losses": loss, "initialisers": init}.items():
        (GENERATED / f"{name}.inc").write_text(text + "\n", encoding="utf-8")


def _write_mistakes():
    """A page for each row of the table of mistakes."""
    folder = GENERATED / "mistakes"
    folder.mkdir(parents=True, exist_ok=True)
    steps = {
        0: "around the five steps",
        1: "1 Input",
        2: "2 Feedforward",
        3: "3 Output",
        4: "4 Backpropagate",
        5: "5 Gradient",
    }
    for row in MISTAKES.values():
        blame = (
            "" if row.is_mistake else "\n\nThis is no mistake in the gradient, and the diagnosis never calls it one."
        )
        lines = [
            f"# {row.row}: {row.name}",
            f"Step: {steps[row.step]}.{blame}",
            f"## What it looks like\n\n{row.looks}",
            f"## Why it happens\n\n{row.why}",
            "## The equation\n\nRight, with the factor that is touched in a box:",
            f"$$\n{equation_latex(row.right)}\n$$",
            f"Here:\n\n$$\n{equation_latex(row.wrong)}\n$$",
            f"## The repair\n\n{row.repair}",
        ]
        (folder / f"{row.page}.md").write_text("\n\n".join(lines) + "\n", encoding="utf-8")
    names = "\n".join(f"{row.row}: {row.name} <_generated/mistakes/{row.page}>" for row in MISTAKES.values())
    (GENERATED / "mistakes.inc").write_text(f"```{{toctree}}\n:maxdepth: 1\n\n{names}\n```\n", encoding="utf-8")


_write_tables()
_write_mistakes()


def _mathml(latex, display="inline"):
    """Convert, with boxes that a style sheet draws: not every browser draws <menclose>."""
    mathml = convert(latex, display=display)
    return mathml.replace('<menclose notation="box">', '<mrow class="marked">').replace("</menclose>", "</mrow>")


def _inline_math(translator, node):
    translator.body.append(_mathml(node.astext()))
    raise nodes.SkipNode


def _block_math(translator, node):
    translator.body.append(_mathml(node.astext(), "block"))
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", inline_renderers=(_inline_math, None), block_renderers=(_block_math, None))
