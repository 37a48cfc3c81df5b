"""On paper: nothing is wider than the text, and breaking an equation loses nothing of it."""

import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pellucid as pl
from pellucid import predictor, symbolic
from pellucid.document import Document, Equation, Figure, Paragraph, Table, breaking, escape
from pellucid.document.blocks import split_row
from pellucid.tex import latex_text

RNG = np.random.default_rng(3)
TEXT_WIDTH = (210 - 2 * 22) / 25.4 * 72  # of a PDF's page, in points


def equation_widths(document):
    """The widths of a document's displayed equations as Typst lays them out."""
    import typst

    watch = (
        "#show math.equation.where(block: true): it => { it; context [#metadata(measure(it).width.pt())<width>] }\n"
        "#show image: it => { it; context [#metadata(measure(it).width.pt())<width>] }\n"
    )
    head, body = document.typst.split("#let ruled", 1)
    source = f"{head}{watch}#let ruled{body}".encode()
    return json.loads(typst.query(source, "<width>", field="value", ignore_system_fonts=True))


def a_run(n, digits, *, is_batch):
    net = pl.Network([n, n, 2], "tanh", "sigmoid", seed=n)
    if not is_batch:
        return net.backprop(RNG.normal(size=n) * 1e-3, [1, 0]), digits
    X, y = RNG.normal(size=(10, n)), RNG.random((10, 2))
    return net.backprop(X, y, sample_weight=RNG.random(10), l1=0.1, l2=0.1), digits


@pytest.mark.parametrize("is_batch", [False, True])
@pytest.mark.parametrize("digits", [1, 6, 10])
@pytest.mark.parametrize("n", [2, 4, 5, 6, 7, 12])
def test_no_equation_of_a_run_is_wider_than_the_text(n, digits, is_batch):
    run, digits = a_run(n, digits, is_batch=is_batch)
    assert max(equation_widths(run.document(digits=digits))) <= TEXT_WIDTH
    for label in ("w_12^2", "b_1^3", "L"):
        assert max(equation_widths(run.explain(label, digits=digits).document())) <= TEXT_WIDTH


DOCUMENTS = {
    "large run": pl.Network([784, 128, 10], "relu", "softmax", seed=0, engine="numpy").backprop(
        RNG.random((2, 784)), [3, 5], "cross_entropy"
    ),
    "softmax with mse": pl.Network([2, 12], "softmax", seed=0, engine="numpy").backprop([1, 2], np.eye(12)[3], "mse"),
    "deep run": pl.Network([3] * 15, seed=0, engine="numpy").backprop([1, 2, 3], [1, 0, 1]),
    "large gradient": pl.Network([8, 8, 8], seed=0, engine="numpy").backprop(RNG.random(8) * 1e-7, np.ones(8)).gradient,
    "drawing": pl.Network([6] * 5, seed=0, engine="numpy").draw("azdwb"),
    "tall drawing": pl.Network([8, 1], seed=0, engine="numpy").draw("azdwb"),
    "sum": symbolic.chain_rule("f = " + " + ".join(f"sin({n} x)" for n in range(2, 20)), "x", at={"x": 1}),
    "product": symbolic.chain_rule("f = " + " ".join(f"sin({n} x)" for n in range(2, 14)), "x"),
    "long names": symbolic.chain_rule({"f": "temperature_outside^3", "temperature_outside": "x^2"}, "x"),
    "equations": symbolic.equations(pl.Network([3, 4, 2], seed=0, engine="numpy")),
    "derivation": symbolic.derive("gelu_tanh"),
    "activations": pl.ACTIVATIONS,
    "losses": pl.LOSSES,
    "numbered": Document("x", (Equation((f"y &= {' + '.join(f'x_{{{i}}}' for i in range(60))}",), number="(1)"),)),
    "unbreakable": Document("x", (Equation((rf"y &= \text{{{'long ' * 40}}}",)),)),
    "evaluation": predictor.Evaluation(9_000, 0.5, {"accuracy": 0.5}, RNG.integers(0, 9_999, (20, 20))),
    "wide table": Document("x", (Table(("word",) * 12, (("and many others",) * 12, ("1.234567",) * 12)),)),
}
each_document = pytest.mark.parametrize("result", DOCUMENTS.values(), ids=DOCUMENTS)


@each_document
def test_nothing_of_a_pdf_is_wider_than_the_text(result):
    widths = equation_widths(result.document())
    assert max(widths, default=0) <= TEXT_WIDTH


@each_document
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_tex_files_compile_and_nothing_is_wider_than_the_text(result, tmp_path):
    check_with_pdflatex(result, tmp_path)


def check_with_pdflatex(result, folder, *, most=8.0):
    result.save(folder / "a.tex")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "a.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    log = (folder / "a.log").read_text(encoding="latin-1")
    assert done.returncode == 0, log[-2000:]
    wide = re.findall(r"Overfull \\hbox \(([\d.]+)pt", log)
    assert all(float(points) < most for points in wide), wide


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_any_text_compiles_with_pdflatex(tmp_path):
    scripts = [range(0x20, 0x250), range(0x370, 0x400), range(0x2000, 0x2300), range(0x4E00, 0x4E10), [0x1F600]]
    letters = [chr(n) for script in scripts for n in script]
    accented = [f"{letter}{chr(n)}" for letter in "yzW漢 " for n in range(0x300, 0x370)]
    blocks = [Paragraph(escape(" ".join(letters[i : i + 8]))) for i in range(0, len(letters), 8)]
    blocks += [Paragraph(escape(" ".join(accented[i : i + 8]))) for i in range(0, len(accented), 8)]
    blocks += [Table(("名前 q̂", "x"), (("ŷ", escape("a_b{")),)), Equation((r"x &= \text{é 漢 q̂ α €}",))]
    net = pl.Network([2, 3, 2], pl.Activation("ŷ 漢字 z̃_{", abs, abs), seed=0, engine="numpy")
    check_with_pdflatex(Document("Ünïcödé 漢 q̂ {", (*blocks, Figure(net.draw(), "漢"))), tmp_path, most=1e4)


def test_letters_that_the_fonts_lack_are_replaced_visibly():
    assert latex_text("q̂ é ŷ") == r"\^{q} \'{e} \^{y}"
    assert latex_text("漢") == "[U+6F22]"
    assert latex_text("x² ﬁ ｗ ⁿ") == r"x\textsuperscript{2} fi w \textsuperscript{n}"
    assert latex_text("αΓΑ") == r"$\alpha$$\Gamma$A"


# breaking

TERMS = st.lists(
    st.sampled_from(
        [r"0.123456 \cdot (-1.5)", r"\frac{a + b}{c}", r"w_{12}^{2} a_1^1", r"\left(x + y - z\right) \cdot 3",
         r"\sigma'(z_1^2)", r"\left[\left(1 + u\right) \cdot v - 12345.6789\right]"]
    ), min_size=1, max_size=14,
)  # fmt: skip


def tokens(latex):
    return re.findall(r"\\[a-z]+|\S", re.sub(r"\{\}|\\left|\\right|\\quad|&", "", latex))


@given(TERMS, st.sampled_from([15.0, 25.0, 39.0]))
def test_breaking_loses_nothing_and_each_line_is_whole_and_fits(terms, line):
    row = rf"d_1^2 &= \left({' + '.join(terms)}\right) \cdot 2"
    rows, share = breaking.fitted([row], line)
    assert tokens("".join(rows)) == tokens(row)
    for one in rows:
        assert one.count(r"\left") == one.count(r"\right")
        assert one.count("{") == one.count("}")
    assert rows[0].startswith("d_1^2 &=")
    if share == 1:
        assert all(sum(map(breaking.width, split_row(one))) <= line + 1e-9 for one in rows)
    else:
        assert 0 < share < 1


@pytest.mark.parametrize("row", ["x &= 1", r"& \text{nothing}", r"\frac{a}{b} + c", "y &= -1", ""])
def test_what_fits_is_left_as_it_is(row):
    assert breaking.fitted([row]) == ([row], 1.0)


def test_a_row_is_broken_before_signs_and_outside_brackets_if_it_can_be():
    pieces = [rf"\left(a_{{{i}}} + b_{{{i}}}\right)" for i in range(30)]
    rows, _ = breaking.fitted([f"x &= {' + '.join(pieces)}"])
    assert len(rows) > 1
    assert all(re.match(r"& \\quad \{\} \+", row) for row in rows[1:])
    assert all(r"\left(" in row for row in rows)


def test_paragraphs_and_short_equations_are_untouched():
    made = Document("x", (Paragraph("a"), Equation(("x &= 1", "&= 2"))))
    assert "x &= 1 \\\\\n&= 2" in made.latex
