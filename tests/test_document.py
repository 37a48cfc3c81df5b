"""Documents: every form holds what was written, shows strangers' text as text, and comes out the same twice."""

import json
import re
from xml.etree import ElementTree as ET

import pytest

import pellucid as pl
from pellucid.document import (
    AnswerSpace,
    Document,
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
    maths,
)

FORMULAS = {
    r"\frac{\partial L}{\partial w_{jk}^{l}} = a_k^{l-1} d_j^l": "∂L/∂w_jk^l = a_k^{l-1} d_j^l",
    r"d^l = ((W^{l+1})^T d^{l+1}) \odot \sigma'(z^l)": "d^l = ((W^{l+1})^T d^{l+1}) ⊙ σ'(z^l)",
    r"d^F = \nabla_a L \odot \sigma'(z^F)": "d^F = ∇_a L ⊙ σ'(z^F)",
    r"\frac1n \sum_{i=1}^n L_i": "(1/n) Σ_{i=1}^n L_i",
    r"\frac{1}{1 + e^{-z}}": "1/(1 + e^(-z))",
    r"\frac{a + b}{2 c}": "(a + b)/(2 c)",
    r"-\frac{y_j}{a_j}": "-y_j/a_j",
    r"2 \cdot (-3)": "2 · (-3)",
    r"w_{2,14}^{3}": "w_{2,14}^3",
    r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}": "(1, 2; 3, 4)",
    r"\begin{cases} 1 & z > 0 \\ 0 & z \le 0 \end{cases}": "1 if z > 0; 0 if z ≤ 0",
    r"\left|x\right| \le \sqrt{2}": "|x| ≤ sqrt(2)",
    r"\max(0, z)": "max(0, z)",
    r"\operatorname{sign}(x)": "sign(x)",
    r"\text{layer 1: } a": "layer 1: a",
    r"\boxed{x = 1}": "x = 1",
    r"\sqrt[3]{x}": "root(x, 3)",
    r"x_1, \ldots, x_n": "x_1, …, x_n",
    r"\delta_{jk} \ne \Sigma \to \infty": None,
    r"\mathrm{speed} \times \tfrac12 \quad i \in \{1, 2\}": None,
    r"\#\$\%\&": None,
}
FORMULAS.pop(r"\#\$\%\&")

NASTY = [
    "<script>alert(1)</script>",
    "$x$ **b** `c`",
    "#let x = 1",
    r"\input{/etc/passwd}",
    'a"b\\n',
    "a|b",
    "__x__ [l](u)",
    "100 % & more",
    "€ ä 漢",
    "a`b\\`",
]

DRAWING = pl.Network([2, 3, 1], init=0.0).draw()


def whole(markup="some $x^2$ **bold $y$** `code`", name="Ada"):
    return Document(
        "A title & more",
        (
            Heading(2, f"Part {markup}"),
            Paragraph(markup),
            Equation((r"a &= \frac{1}{2}", r"&= b"), number="(1)"),
            Equation((r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}",)),
            Equation(("x &= 1",), ("text &= known",)),
            Items((markup, "other", f"`{escape(name)}`")),
            Table(("head", markup), (("1", "$z_j^l$"), (markup, "2"))),
            Figure(DRAWING, markup),
            Solution((Paragraph("inner"), Equation(("u = v",)))),
            KeepTogether((Paragraph("together"),)),
            PageBreak(),
            AnswerSpace(3),
        ),
        fields=(("Name", name), ("Date", "")),
    )


@pytest.mark.parametrize(("latex", "plain"), FORMULAS.items(), ids=FORMULAS)
def test_formulas(latex, plain):
    ET.fromstring(maths.mathml(latex))
    if plain is not None:
        assert maths.plain(latex) == plain
    assert Document("x", (Equation((f"a &= {latex}",)), Paragraph(f"${latex}$"))).pdf().startswith(b"%PDF")


def test_matrices_are_drawn_over_lines():
    lines, level = maths.plain_lines(r"W = \begin{pmatrix} 1 & 22 \\ 3 & 4 \\ 5 & 6 \end{pmatrix}")
    assert lines == ("    ⎛1  22⎞", "W = ⎜3   4⎟", "    ⎝5   6⎠")
    assert level == 1


def test_unknown_commands_are_named():
    with pytest.raises(ValueError, match=r"\\foo"):
        maths.mathml(r"\foo{x}")
    with pytest.raises(ValueError, match="braces"):
        maths.mathml(r"\frac{1")


def test_every_form_holds_everything():
    document = whole()
    for form in (document.text, document.markdown, document.latex, document.html, document.typst):
        for word in ("title", "bold", "code", "inner", "together", "other", "Ada"):
            assert word in form
    text = document.text
    assert "    a = 1/2\n      = b    (1)" in text
    assert "text = known" in text
    data = json.loads(json.dumps(document.to_dict()))
    assert [block["block"] for block in data["blocks"]][:3] == ["Heading", "Paragraph", "Equation"]
    assert document.fragment in f"<div>{document.html}</div>" or "<h2>" in document.fragment


def pages(pdf):
    return int(re.search(rb"/Type\s*/Pages\s*/Count (\d+)", pdf)[1])


def test_pdf_has_its_pages_and_the_same_bytes_twice():
    assert whole().pdf() == whole().pdf()
    assert pages(whole().pdf()) == 2


def test_html_is_well_formed_and_needs_no_network():
    page = whole().html
    assert not re.search(r"(src|href)=", page)
    assert "http" not in re.sub(r'xmlns="http://www.w3.org/[^"]*"', "", page)
    body = re.search(r"<main>.*</main>", page, re.DOTALL)[0]
    ET.fromstring(body.replace("&nbsp;", " ").replace("<br>", "<br/>"))


@pytest.mark.parametrize("text", NASTY)
def test_strangers_text_stays_text(text):
    document = whole(escape(text), text)
    assert "<script>" not in document.html
    body = re.search(r"<main>.*</main>", document.html, re.DOTALL)[0]
    shown = "".join(ET.fromstring(body.replace("&nbsp;", " ")).itertext())
    assert shown.count(text) == 8
    assert document.text.count(text) == 8
    assert document.pdf().startswith(b"%PDF")
    assert r"\input{/" not in document.latex
    outside_strings = re.sub(r'"(\\.|[^"\\])*"', "", document.typst)
    assert text not in outside_strings
    if "|" in text:
        rows = [line for line in document.markdown.split("\n") if line.startswith("|")]
        assert all(len(re.findall(r"(?<!\\)\|", row)) == 3 for row in rows)


def test_files_by_their_ending(tmp_path):
    for ending in ("txt", "md", "tex", "html", "pdf", "typ", "json"):
        whole().save(tmp_path / f"a.{ending}")
        assert (tmp_path / f"a.{ending}").stat().st_size > 300
    with pytest.raises(ValueError, match=r"saved as \.txt"):
        whole().save(tmp_path / "a.doc")
    assert not (tmp_path / "a.doc").exists()


@pytest.mark.parametrize(
    "latex", [r"y_j \ln a_j", r"2 \cos(x)", r"\lambda \operatorname{sign}(w)", r"x \tanh^2 u", r"f \max(0, z)"]
)
def test_names_of_functions_are_set_apart_from_what_they_are_multiplied_by(latex):
    page = Document("x", (Paragraph(f"${latex}$"),)).html
    made = re.search(r"<math.*?</math>", page)[0]
    assert re.search(r'<mspace width="0.17em"></mspace>(<msup>)?<mi>[a-z]{2,}</mi>', made)
    assert not re.search(r"<mo[^>]*>[a-z]{2,}</mo>", made)
    bracket = r'</mi><mo stretchy="false">&#x00028;' in made
    assert bracket or re.search(r"</m(i|sup)><mspace width=\"0.17em\"></mspace><m", made)


def test_bars_have_no_space_inside():
    made = Document("x", (Paragraph(r"$\lambda \sum |w|$"),)).html
    assert made.count('lspace="0" rspace="0">|</mo>') == 2


def test_a_heading_may_hold_mathematics():
    made = Document("The title", (), heading=r"The $a_1^2$ title")
    assert "<h1>The <math" in made.html
    assert "<title>The title</title>" in made.html
    assert r"\section*{The $a_1^2$ title}" in made.latex
    assert made.markdown.startswith("# The $a_1^2$ title")
    assert made.text.startswith("The title\n")
    assert b"/Title" in made.pdf()
