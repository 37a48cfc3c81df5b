"""Results: each kind is read, saved and looked at in the same way."""

import inspect
import re
import subprocess
import sys
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import numpy as np
import pytest

import pellucid as pl
import pellucid.worksheet as ws
from pellucid import checking, data, document, drawing, predictor, symbolic
from pellucid.document.files import forms
from pellucid.five_steps import FiveSteps
from pellucid.results import Displayed, Result

RNG = np.random.default_rng(0)
NET = pl.Network([3, 4, 2], seed=0, engine="numpy")  # compiled ones would outlive the engine at the end
X, Y = RNG.normal(size=(6, 3)), RNG.random((6, 2))
RUN, BATCH = NET.backprop(X[0], Y[0]), NET.backprop(X, Y)
LARGE = pl.Network([784, 128, 10], "relu", "softmax", seed=0, engine="numpy")
LARGE_RUN = LARGE.backprop(RNG.random((2, 784)), [3, 5], "cross_entropy")
DEEP = pl.Network([2] * 60, "tanh", seed=0)


def a_history(epochs=7, **arguments):
    net = pl.Network([3, 4, 2], seed=0)
    return net.train(X, Y, epochs=epochs, seed=0, progress=False, **arguments)


def a_wrong_diagnosis():
    d = BATCH.a[3] - Y  # σ' left out at the output
    below = (d @ NET.W[3]) * BATCH.a[2] * (1 - BATCH.a[2])
    parts = [below.T @ X, below.sum(0), d.T @ BATCH.a[2], d.sum(0)]
    return pl.diagnose(NET, X, Y, "mse", np.concatenate([part.ravel() / 6 for part in parts]))


def a_grade():
    answers = ws.key_answers(ws.worksheet(5))
    answers["9"] = dict.fromkeys(answers["9"], "((")
    answers["1"] = dict.fromkeys(answers["1"], "1")
    return ws.grade(ws.as_answers(answers, "ada.toml"))


def an_evaluation():
    table = data.two_moons(40).table()
    encoding = data.Encoding.fit(table)
    model = predictor.Predictor(pl.Network([2, 3, 1], seed=0), "binary_cross_entropy", encoding)
    return model, model.evaluate(table)


MODEL, EVALUATION = an_evaluation()
MISS = pl.diagnose_value(RUN, "d_1^2", value=0.5)

RESULTS = {
    "Run": RUN,
    "Run of a batch": BATCH,
    "Run of a weighted batch": NET.backprop(X, Y, sample_weight=[1, 2, 3, 4, 5, 6], l2=0.1),
    "Run of a large network": LARGE_RUN,
    "Gradient": BATCH.gradient,
    "Gradient of a large network": LARGE_RUN.gradient,
    "Explanation": RUN.explain("d_1^2"),
    "Explanation of a loss": BATCH.explain("L"),
    "GradientCheck": NET.check_gradient(X, Y),
    "History": a_history(validation=0.3, metrics=["r2"], patience=3),
    "Diagnosis": a_wrong_diagnosis(),
    "Diagnosis of what is right": pl.diagnose(NET, X, Y, "mse", BATCH.gradient),
    "ValueDiagnosis": MISS,
    "ValueDiagnosis of what is right": pl.diagnose_value(RUN, "L", value=RUN.loss, digits=5),
    "Separation": checking.keeps_apart(RUN, ["d_1^2", "z_1^2"]),
    "Mistake": checking.MISTAKES["2"],
    "Derivation": symbolic.chain_rule("f = 4 g^2; g = 5x^3 - x", "x", at={"x": 2}),
    "SlopeDerivation": symbolic.derive("sigmoid"),
    "Document": symbolic.equations(NET),
    "Drawing of a network": NET.draw("azdwb"),
    "Drawing of a graph": symbolic.chain_rule("f = x y; y = x^2", "x").draw(),
    "Drawing of curves": a_history(1).draw(),
    "Worksheet": ws.worksheet(5),
    "Exercise": ws.worksheet(5).exercises[3],
    "Grade": a_grade(),
    "Evaluation": EVALUATION,
    "Table of activations": pl.ACTIVATIONS,
    "Table of losses": pl.LOSSES,
    "Table of optimizers": pl.OPTIMIZERS,
    "Table of metrics": pl.METRICS,
}
DISPLAYED = {
    **RESULTS,
    "Network": NET,
    "large Network": LARGE,
    "deep Network": DEEP,
    "Dataset": data.digits(),
    "Dataset of numbers": data.sine(),
}
each_result = pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS)
each_displayed = pytest.mark.parametrize("shown", DISPLAYED.values(), ids=DISPLAYED)

VOID = {"br", "meta", "hr", "img", "input", "link"}


class Page(HTMLParser):
    """The elements of a page, whose tags must be balanced."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open = [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        names = [name for name, _ in attributes]
        assert len(set(names)) == len(names), f"an attribute twice: {attributes}"
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def check_html(text):
    elements = Page(text).elements
    tags = {tag for tag, _ in elements}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "base"}
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "").replace(
        "http://www.w3.org/1998/Math/MathML", ""
    )
    assert "url(" not in text
    assert "@import" not in text
    for tag, attributes in elements:
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "href")]
        if tag == "th":
            assert attributes["scope"] in ("col", "row")
        if tag == "svg":
            assert attributes["role"] == "img"
    for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        check_svg(svg)


def check_svg(text):
    root = ET.fromstring(text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    first, second = list(root)[:2]
    assert first.tag.endswith("title")
    assert first.text
    assert second.tag.endswith("desc")
    assert second.text


def check_latex_document(text):
    assert text.startswith("\\documentclass")
    assert text.rstrip().endswith("\\end{document}")
    check_latex(text)


def check_latex(text):
    blocks = []
    for what, name in re.findall(r"\\(begin|end)\{(\w+\*?)\}", text):
        if what == "begin":
            blocks.append(name)
        else:
            assert blocks.pop() == name
    assert not blocks
    assert all(ord(letter) < 256 for letter in text), "LaTeX has its own commands for what its fonts lack"
    unescaped = re.sub(r"\\[{}\\]", "", text)
    assert unescaped.count("{") == unescaped.count("}")


CHECKS = {
    ".txt": lambda content: content.decode().strip(),
    ".md": lambda content: content.decode().strip(),
    ".tex": lambda content: check_latex_document(content.decode()),
    ".html": lambda content: check_html(content.decode()),
    ".pdf": lambda content: content.startswith(b"%PDF-") or pytest.fail("not a PDF"),
    ".svg": lambda content: check_svg(content.decode()),
    ".typ": lambda content: content.decode().strip(),
    ".json": lambda content: content.decode().strip(),
}


def test_every_kind_of_result_is_here():
    def kinds(kind):
        return {kind, *(one for below in kind.__subclasses__() for one in kinds(below))}

    here = {type(shown) for shown in DISPLAYED.values()}
    ours = {kind for kind in kinds(Displayed) if kind.__module__.startswith("pellucid")}
    assert {kind for kind in ours if not inspect.isabstract(kind)} == here


@each_result
def test_the_forms_are_properties_spelled_alike(result):
    for name in ("text", "markdown", "latex", "html"):
        assert isinstance(getattr(type(result), name), property)
        assert isinstance(getattr(result, name), str)
        assert getattr(result, name).strip()
    assert str(result) == result.text
    check_latex(result.latex)
    assert "\\documentclass" not in result.latex
    check_html(result.html)
    assert result.html.startswith("<!DOCTYPE html>")


@each_result
def test_files_have_the_form_of_their_ending(result, tmp_path):
    for ending in forms(result):
        path = tmp_path / f"a result{ending.upper()}"
        result.save(path)
        content = path.read_bytes()
        assert content
        CHECKS[ending](content)
    assert (tmp_path / "a result.TXT").read_text(encoding="utf-8").strip() == result.text.strip()


@each_result
def test_an_ending_without_a_form_is_refused_and_nothing_is_written(result, tmp_path):
    for name in ("a.doc", "a", "a.", "a.svg", "a.png"):
        if name[1:] in forms(result):
            continue
        with pytest.raises(ValueError, match="is saved as") as caught:
            result.save(tmp_path / name)
        assert all(ending in str(caught.value) for ending in forms(result))
        assert not list(tmp_path.iterdir())


def test_a_path_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "folder.txt").mkdir()
    for path in (tmp_path / "none" / "a.txt", tmp_path / "folder.txt"):
        with pytest.raises(OSError, match="folder"):
            RUN.save(path)
    assert [path.name for path in tmp_path.iterdir()] == ["folder.txt"]


def test_results_with_a_figure_are_saved_as_svg():
    drawn = {name for name, result in RESULTS.items() if ".svg" in forms(result)}
    assert drawn == {name for name in RESULTS if name.split(" of ")[0] in ("Run", "History", "Derivation", "Drawing")}


def test_a_file_that_cannot_be_made_leaves_what_was_there(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "typst", None)
    (tmp_path / "a.pdf").write_bytes(b"before")
    with pytest.raises(pl.MissingExtraError, match="pdf"):
        RUN.save(tmp_path / "a.pdf")
    assert (tmp_path / "a.pdf").read_bytes() == b"before"
    assert [path.name for path in tmp_path.iterdir()] == ["a.pdf"]


@each_displayed
def test_notebooks_get_a_fragment_with_its_style(shown):
    fragment = shown._repr_html_()
    check_html(fragment)
    assert fragment.startswith('<div class="pellucid"><style>')
    assert len(fragment) < 200_000
    sheet = re.search(r"<style>(.*?)</style>", fragment, re.DOTALL)[1]
    for selectors in re.findall(r"([^{}]+)\{", re.sub(r"@media [^{]*\{", "", sheet)):
        for selector in re.split(r",(?![^(]*\))", selectors):
            assert ".pellucid" in selector, f"{selector} changes the notebook's own page"


@each_displayed
def test_drawings_take_the_colours_of_the_page_and_files_do_not(shown):
    for svg in re.findall(r"<svg.*?</svg>", shown._repr_html_(), re.DOTALL):
        for colour in re.findall(r"(?:fill|stroke):([^;\"]+)", svg):
            assert colour == "none" or re.fullmatch(r"var\(--[\w-]+,#[0-9a-f]{6}\)", colour)
    assert "var(" not in NET.draw().svg


@pytest.mark.parametrize("row", checking.MISTAKES)
def test_every_mistake_can_be_shown_in_every_form(row):
    part = checking.Part(row, (2,), F=3)
    diagnosis = checking.Diagnosis("wrong", (checking.Hypothesis((part,)),), step=part.step, layer=2)
    check_html(diagnosis._repr_html_())
    check_latex(diagnosis.document().latex)
    check_latex(diagnosis.latex)
    assert diagnosis.document().pdf().startswith(b"%PDF-")


# what is printed


@pytest.mark.parametrize("arguments", [{"loss": "mse"}, {"loss": "mae", "l1": 0.2}])
def test_a_run_prints_every_number_of_its_five_steps(arguments):
    run = pl.Network([2, 4, 3], "tanh", "sigmoid", seed=1).backprop([0.5, -2], [1, 0, 0.25], **arguments)
    labels = [label for symbol in "azdwb" for label in run.layers.labels(symbol)]
    text, latex = FiveSteps(run, every=True).text(), run.document(every=True).latex
    for one in (*labels, "L"):
        explanation = run.explain(one)
        assert explanation.steps[-1][0] in text
        assert explanation.steps[-1][1] in latex
    assert re.findall(r"^\d", run.text, re.MULTILINE) == ["1", "2", "3", "4", "5"]
    assert "more" in run.text
    assert "more" not in text


def test_a_batch_says_which_sample_is_shown_and_gives_the_mean_gradient():
    for text in (BATCH.text, BATCH.document().text, BATCH.latex, BATCH.html):
        assert "sample 1 of 6" in text
        assert "the mean over all 6 samples" in re.sub(r"\s+", " ", text)
    mean = BATCH.explain("w_11^2")
    assert f"{BATCH.explain('w_11^2', sample=1).line}; {mean.quantity} = {mean.steps[-1][0]}\n" in BATCH.text
    assert BATCH.explain("z_1^2", sample=1).text in BATCH.text.replace("\n  ", "\n")
    for form in (BATCH.latex, BATCH.markdown):
        assert f"{mean.quantity_latex} = {mean.steps[-1][1]}" in form
    assert f"{mean.quantity} = {mean.steps[-1][0]}\n" in BATCH.document().text
    weighted = RESULTS["Run of a weighted batch"]
    assert "the weighted mean over all 6 samples, penalty included" in weighted.text
    assert f"= {weighted.gradient.W[2][0, 0]:.6g}\n" in weighted.text
    fourth = BATCH.document(sample=4)
    assert "sample 4 of 6" in fourth.title
    assert BATCH.explain("a_2^3", sample=4).steps[-1][1] in fourth.latex
    for sample in (0, 7):
        with pytest.raises(pl.UnknownLabelError, match="samples 1 … 6"):
            BATCH.document(sample=sample)
    with pytest.raises(pl.UnknownLabelError, match="one input"):
        RUN.document(sample=2)


@pytest.mark.parametrize("name", ["Explanation", "Diagnosis", "ValueDiagnosis"])
def test_equations_are_an_aligned_block(name):
    latex = RESULTS[name].latex
    assert latex.startswith("\\begin{aligned}")
    assert latex.endswith("\\end{aligned}")


def test_a_history_prints_its_first_best_and_last_epoch_and_how_it_ended():
    history = a_history(30, validation=0.4, patience=4, metrics=["mae"])
    rows = [line.split() for line in history.text.splitlines()[4:]]
    assert [int(row[0]) for row in rows] == sorted({1, history.best_epoch, history.epochs})
    for number, *values in rows:
        assert values == [f"{column[int(number) - 1]:.6g}" for column in history.values()]
    assert history.ending in history.text
    assert f"{history['loss'][-1]:.6g}" in history._repr_html_()


def test_a_document_of_a_history_has_the_same_rows_as_its_text():
    history = a_history(30, validation=0.4, patience=4)
    for text in (history.document().text, history.markdown):
        assert all(f"{history['loss'][n - 1]:.6g}" in text for n in (1, history.best_epoch, history.epochs))


def test_a_history_without_epochs_is_shown_too(tmp_path):
    history = a_history()
    history.truncate(0)
    history.save(tmp_path / "a.html")
    assert history.text == "training: no epoch was completed"
    assert repr(history).startswith("<History: 0 epochs of Adam(")
    assert repr(history).endswith(", complete>")
    history.stopped = "interrupted"
    assert repr(history).endswith(", interrupted>")
    for draw in (history.draw, lambda: history.save(tmp_path / "a.svg")):
        with pytest.raises(ValueError, match="no epoch was completed"):
            draw()
    assert [path.name for path in tmp_path.iterdir()] == ["a.html"]


@pytest.mark.parametrize(("epochs", "said"), [(1, "the full epoch"), (25, "the full 25 epochs")])
def test_a_whole_training_is_said_in_plain_words(epochs, said):
    assert a_history(epochs).text.splitlines()[0] == f"training: {said}"


@pytest.mark.parametrize("n", [2, 10, 20])
def test_a_confusion_matrix_is_at_most_a_hundred_letters_wide(n):
    counts = np.arange(n * n).reshape(n, n) * 37
    shown = predictor.Evaluation(9, 0.5, {"accuracy": 0.5}, counts).text
    assert max(map(len, shown.splitlines())) <= 100
    assert all(str(count) in shown.split() for count in counts.ravel())


def test_curves_of_many_epochs_keep_their_extremes():
    values = np.sin(np.arange(5_000) / 7) + np.linspace(3, 1, 5_000)
    values[1234], values[77], values[4000] = 9.0, -2.0, np.nan
    drawn = drawing.draw_curves([{"loss": values.tolist()}], title="x")
    curve = next(curve for curve in drawn.shapes.curves if len(curve.points) > 2)
    assert len(curve.points) <= 420
    heights = [y for _, y in curve.points]
    one = [drawing.draw_curves([{"loss": [9.0, -2.0]}], title="x").shapes.curves[0].points]
    assert min(heights) == pytest.approx(one[0][0][1])
    assert max(heights) == pytest.approx(one[0][1][1])
    assert [x for x, _ in curve.points] == sorted(x for x, _ in curve.points)


def test_a_gradient_prints_the_norms_by_layer_and_small_matrices():
    g = BATCH.gradient
    for l in (2, 3):
        for array in (g.W[l], g.b[l]):
            assert f"{np.linalg.norm(array):.4g}" in g.text
            assert all(f"{value:.4g}" in g.text for value in array.ravel())
    large = LARGE_RUN.gradient
    assert len(large.text) < 1_000
    assert f"{np.abs(large.W[2]).max():.4g}" in large.text.replace("-", "")


def test_a_large_network_is_elided():
    for shown in (LARGE, LARGE_RUN):
        elements = Page(shown._repr_html_()).elements
        assert sum(tag == "circle" for tag, _ in elements) == 6 * 3
    assert "… 778 more" in LARGE_RUN.text


def test_a_deep_network_is_elided_in_every_form():
    net = pl.Network([4] * 200, seed=0, engine="numpy")
    run = net.backprop([1, 2, 3, 4], [1, 0, 0, 1])
    for shown in (net, run, run.gradient):
        assert len(shown._repr_html_()) < 200_000
    assert "layers 4 to 198" in run.text
    for text in (run.text, run.gradient.text, run.document().latex):
        assert "199" in text
        assert "100" not in re.sub(r"[\d.-]*e-\d+|0\.\d+", "", text)
    assert "z_1^{100}" in run.document(every=True).text
    assert len(str(net).splitlines()) == 8
    assert str(net).splitlines()[5].strip() == "…"


# short descriptions

MANY = dict.fromkeys(map("metric_{}".format, range(300)), 1.0)
OTHERS = {
    "layers": DEEP.W,
    "optimizer": pl.Adam(),
    "loss": pl.Quantile(np.linspace(0.01, 0.99, 99).tolist()),
    "loss row": pl.Huber(2.0),
    "activation": pl.ELU(0.5),
    "formula": symbolic.activation("z/(1+exp(-z))" + " + z" * 300),
    "table": data.digits().table(),
    "encoding": MODEL.encoding,
    "encoding of many": data.Encoding.fit(data.digits().table()),
    "input encoding": data.Encoding.fit(data.digits().table()).inputs[0],
    "predictor": MODEL,
    "wide predictor": predictor.Predictor(DEEP, None, None),
    "training": pl.Training(DEEP, X, Y),
    "epoch": pl.Epoch(1, 300, MANY, RESULTS["History"], DEEP),
    "mistake": checking.MISTAKES["1"],
    "hypothesis": RESULTS["Diagnosis"].hypotheses[0],
    "part": RESULTS["Diagnosis"].hypotheses[0].parts[0],
    "better input": checking.BetterInput(np.ones((99, 99)), np.ones((99, 2)), "why " * 500),
    "partial": RESULTS["GradientCheck"].worst,
    "check of many": LARGE.check_gradient(RNG.random((2, 784)), [1, 2], "cross_entropy", at_most=3),
    "factor": RESULTS["Derivation"].factors[0],
    "sweep": RESULTS["Derivation"].reverse,
    "numeric check": RESULTS["Derivation"].check,
    "step": RESULTS["Derivation"].steps[0],
    "long derivation": symbolic.chain_rule("f = " + " + ".join(f"sin({n} x)" for n in range(2, 60)), "x"),
    "shapes": NET.draw().shapes,
    "samples": LARGE.trainer(RNG.random((2, 784)), [1, 2], "cross_entropy", epochs=1).samples,
    "optimizer state": pl.Adam().start(LARGE.parameters),
    "answers": a_grade().answers,
    "field": ws.worksheet(5).exercises[5].fields[0],
    "judgement": a_grade().judgements[9][0],
    "not graded": ws.NotGraded("a" * 900, "b" * 900),
    "handout": ws.Handout(1, "a" * 900, 1, "b" * 900, "c" * 900, "d" * 900),
    "slip": ws.Slip("a" * 900, (("b" * 900,) * 90,) * 90),
    "heading": document.Heading(1, "a" * 900),
    "solution": document.Solution(tuple(RESULTS["Document"].blocks)),
    "figure": document.Figure(NET.draw()),
    "wide document": document.Document("a" * 900, RESULTS["Document"].blocks),
    "history of many curves": None,
    "estimator": pl.estimators.MLPClassifier(hidden_layer_sizes=(5,) * 300),
    "grade of a long name": ws.grade(ws.as_answers({"student": "a" * 900})),
    "label": pl.Label("w", 3, 12, 11),
    "exercises": ws.worksheet(5).exercises,
    "factors of a long chain": symbolic.chain_rule(
        "; ".join([*(f"f_{i} = sin(f_{i + 1})" for i in range(14)), "f_14 = x^2"]), "x"
    ).factors,
    "engine": NET.engine,
    "schedule": pl.schedules.as_schedule("cosine"),
}
HISTORY_OF_MANY = a_history(1)
HISTORY_OF_MANY.add(MANY)
OTHERS["history of many curves"] = HISTORY_OF_MANY


@pytest.mark.parametrize("shown", [*DISPLAYED.values(), *OTHERS.values()], ids=[*DISPLAYED, *OTHERS])
def test_descriptions_are_short(shown):
    assert 0 < len(repr(shown)) <= 500
    assert "\n" not in repr(shown) or not isinstance(shown, Displayed)


# without the extras

WITHOUT = """
import sys
for name in {missing!r}:
    sys.modules[name] = None
import numpy as np
import pellucid as pl
net = pl.Network([3, 4, 2], seed=0)
X, Y = np.random.default_rng(0).normal(size=(6, 3)), np.full((6, 2), 0.5)
run = net.backprop(X, Y)
history = pl.Network([3, 4, 2], seed=0).train(X, Y, epochs=3, seed=0, progress=False)
check, value = net.check_gradient(X, Y), pl.diagnose_value(run, "L", value=9.0)
diagnosis = pl.diagnose(net, X, Y, "mse", -run.gradient.vector)
for shown in (run, run.gradient, history, check, value, diagnosis, net.draw(), run.explain("L")):
    assert shown.text and str(shown) == shown.text, shown
    display = shown._repr_html_()
    assert display is None or "<script" not in display
    assert display is not None or shown._repr_latex_().startswith("$$"), shown
    shown.save({folder!r} + "/a.txt")
for shown in (net, net.draw(), history, pl.data.digits()):
    assert shown._repr_html_().startswith('<div class="pellucid">'), shown
assert run._repr_html_().startswith("<pre>Backpropagation")
"""


@pytest.mark.parametrize("missing", [["latex2mathml"], ["latex2mathml", "latex2mathml.converter", "sympy", "typst"]])
def test_without_the_extras_plain_text_is_shown(missing, tmp_path):
    code = WITHOUT.format(missing=missing, folder=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_latex_of_a_user_that_cannot_be_read_is_shown_as_text():
    own = pl.Activation("own", np.tanh, lambda z: 1 - np.tanh(z) ** 2, latex=r"\unheardof{z}")
    run = pl.Network([2, 2], own, seed=0).backprop([1, 2], [0, 0])
    assert run._repr_html_().startswith("<pre>")


def test_results_are_abstract_until_they_say_what_they_hold():
    with pytest.raises(TypeError, match="document"):
        Result()
