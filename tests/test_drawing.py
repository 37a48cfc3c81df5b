"""Drawings: the network's labels and no others, none over another, well-formed and the same twice."""

import math
import re
from fractions import Fraction
from itertools import combinations, groupby, pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pellucid as pl
from pellucid import drawing
from pellucid.drawing import draw, draw_curves, draw_graph

SVG = "{http://www.w3.org/2000/svg}"


def written(svg):
    return [element.text for element in ET.fromstring(svg).iter(f"{SVG}text")]


def labels_of(net, show, run=None):
    """The labels as (letter, below, above), in the order they are set."""
    drawer = drawing._NetworkDrawer(net, show, run, None, 3)
    drawer.drawing()
    return drawer.shapes.texts


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("sizes", [(3, 4, 2), (2, 3, 3, 1), (1, 8, 2), (2, 2)])
def test_every_label_is_there_once(sizes, bias):
    net = pl.Network(sizes, init=0.0, bias=bias)
    texts = [(t.letters, t.low, t.high) for t in labels_of(net, tuple("azdwb")) if t.high]
    expected = {(x.symbol, x.subscript, str(x.layer)) for symbol in "azdwb" for x in net.labels(symbol)}
    if max(a * b for a, b in pairwise(sizes)) <= 24:
        assert set(texts) == expected
    assert len(texts) == len(set(texts))


@pytest.mark.parametrize("sizes", [(3, 4, 2), (2, 4, 3), (4, 3, 2), (5, 2, 3), (3, 2, 1)])
def test_no_label_covers_another(sizes):
    texts = labels_of(pl.Network(sizes, init=0.0), tuple("azdwb"))
    for one, other in combinations([t for t in texts if t.high], 2):
        p, q = one.box, other.box
        across = min(p[2], q[2]) - max(p[0], q[0])
        down = min(p[3], q[3]) - max(p[1], q[1])
        smaller = min((p[2] - p[0]) * (p[3] - p[1]), (q[2] - q[0]) * (q[3] - q[1]))
        assert across <= 0 or down <= 0 or across * down < 0.35 * smaller, (one, other)


@pytest.mark.parametrize("sizes", [(3, 4, 2), (2, 4, 3), (4, 3, 2), (5, 2, 3), (3, 2, 1), (4, 4, 4), (8, 3, 8), (1, 7)])
@pytest.mark.parametrize("is_run", [False, True])
def test_a_weight_is_on_its_own_line_and_away_from_all_others(sizes, is_run):
    net = pl.Network(sizes, seed=0)
    run = net.backprop([0.5] * sizes[0], [0.0] * sizes[-1]) if is_run else None
    drawer = drawing._NetworkDrawer(net, "w", run, None, 3)
    drawer.drawing()
    labels = [text for text in drawer.shapes.texts if text.has_halo]
    assert len(labels) == sum(a * b for a, b in pairwise(sizes))
    for text, own in zip(labels, drawer.shapes.lines, strict=True):
        for line in drawer.shapes.lines:
            x, y, u, v = line
            if x < text.x < u:
                distance = abs(y + (text.x - x) / (u - x) * (v - y) - text.y)
                assert distance < 1e-6 if line == own else distance > 9
        assert text.size >= 11


@given(st.lists(st.integers(1, 12), min_size=2, max_size=40))
def test_any_network_is_drawn_within_its_figure_and_deep_ones_are_elided(sizes):
    made = pl.Network(sizes, init=0.0, engine="numpy").draw("aw")
    assert made.width < 2_000
    assert made.height < 1_300
    for x, y, r in made.shapes.circles:
        assert r <= x <= made.width - r
        assert r <= y <= made.height - r
    captions = [text.letters for text in made.shapes.texts if text.letters.startswith("layer")]
    assert captions[0] == "layer 1"
    assert f"layer {len(sizes)}" in captions
    assert len(captions) == (len(sizes) if len(sizes) <= 7 else 6)
    if len(sizes) > 7:
        assert f"layers 4 to {len(sizes) - 2}" in captions


def test_long_names_of_activations_stay_under_their_own_layer():
    net = pl.Network([2, 3, 2], pl.Activation("a" * 300, abs, abs), init=0.0)
    made = net.draw()
    assert all(text.width < 150 for text in made.shapes.texts)
    assert any(text.letters.endswith("…") for text in made.shapes.texts)
    assert len(made.description) < 300


def test_a_zero_has_no_sign():
    net = pl.Network([2, 3, 1], init=0.0)
    assert "-0" not in written(net.draw("aw", run=net.backprop([-0.0, -0.0], [1])).svg)


def test_what_is_shown():
    net = pl.Network([3, 4, 2], seed=0)
    assert "input" in written(net.draw().svg)
    assert written(draw(net, show=()).svg) == ["layer 1", "input", "layer 2", "sigmoid", "layer 3", "sigmoid"]
    assert len(re.findall("<circle", net.draw().svg)) == 9
    assert len(re.findall("<line", net.draw().svg)) == 20
    assert net.draw().svg == net.draw().svg
    assert net.draw()._repr_svg_() == net.draw().svg
    root = ET.fromstring(net.draw().svg)
    assert root.get("role") == "img"
    assert root.find(f"{SVG}title").text == "A 3-4-2 network"
    large = pl.Network([784, 30, 10], init=0.0).draw()
    assert "784" in "".join(written(large.svg))
    assert len(re.findall("<circle", large.svg)) == 18


def test_numbers_of_a_run():
    net = pl.Network([2, 3, 1], seed=0)
    run = net.backprop([1, 2], [1])
    shown = written(net.draw("aw", run=run).svg)
    assert f"{run.a[3][0]:.3g}" in shown
    assert f"{net.W[2][2, 1]:.3g}" in shown
    batch = net.backprop([[1, 2], [3, 4]], [1, 0])
    assert f"{batch.a[3][1, 0]:.3g}" in written(net.draw("a", run=batch, sample=2).svg)


def test_refused(tmp_path):
    net = pl.Network([2, 3, 1], seed=0)
    with pytest.raises(ValueError, match="unknown symbol 'q'"):
        net.draw("q")
    with pytest.raises(ValueError, match="the run is of a network"):
        net.draw(run=pl.Network([2, 2], seed=0).backprop([1, 2], [1, 0]))
    with pytest.raises(ValueError, match="give sample"):
        net.draw(run=net.backprop([[1, 2], [3, 4]], [1, 0]))
    net.draw().save(tmp_path / "n.svg")
    assert (tmp_path / "n.svg").read_text(encoding="utf-8") == net.draw().svg


NODES = [("f", "g + h"), ("g", "sin(k)"), ("h", "k x"), ("k", "x^2 + y"), ("x", ""), ("y", "")]
EDGES = [("f", "g", "∂f/∂g = 1"), ("f", "h", "∂f/∂h = 1"), ("g", "k", "dg/dk = cos(k)"), ("h", "k", "∂h/∂k = x"),
         ("h", "x", "∂h/∂x = k"), ("k", "x", "∂k/∂x = 2x"), ("k", "y", "∂k/∂y = 1")]  # fmt: skip


def test_graphs():
    svg = draw_graph(NODES, EDGES, caption="a < b").svg
    shown = written(svg)
    for _, _, label in EDGES:
        assert label in shown
    assert "x² + y" in shown
    assert {"f", "g", "h", "k", "x", "y"} <= set(shown)
    assert len(re.findall("<polygon", svg)) == len(EDGES)
    drawer = drawing._GraphDrawer(NODES, EDGES)
    for of, by, _ in EDGES:  # arrows go from left to right
        assert drawer.places[by][0] < drawer.places[of][0]
    boxes = [
        (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
        for (x, y), (w, h) in ((drawer.places[n], drawer.sizes[n]) for n, _ in NODES)
    ]
    for p, q in combinations(boxes, 2):
        assert drawing._overlap(p, q) == 0


def test_labels_of_edges_cover_no_crossing_where_there_is_room():
    nodes = [("f", "g + h"), ("g", "x + y"), ("h", "x + y"), ("x", ""), ("y", "")]
    edges = [("g", "x", "p"), ("g", "y", "q"), ("h", "x", "r"), ("h", "y", "s"), ("f", "g", "t"), ("f", "h", "u")]
    made = draw_graph(nodes, edges)
    for text, own in zip([text for text in made.shapes.texts if text.has_halo], made.shapes.arrows, strict=True):
        assert all(drawing._within(other, text.box) == 0 for other in made.shapes.arrows if other is not own)


@pytest.mark.parametrize(
    ("formula", "shown"),
    [
        ("x^2 + y_1", "x² + y₁"),
        ("x^(-2)", "x⁻²"),
        ("f12", "f₁₂"),
        ("2 x 3", "2 x 3"),
        ("x^n", "x^n"),
        ("x^(a)", "x^(a)"),
    ],
)
def test_powers_and_indices_are_raised_and_lowered(formula, shown):
    assert drawing.typeset(formula) == shown


@pytest.mark.parametrize(
    "made",
    [
        pl.Network([3, 4, 2], init=0.0).draw("aw"),
        draw_graph(NODES, EDGES),
        draw_curves([{"loss": [3.0, 2.0, 1.5]}, {"accuracy": [0.1, 0.5, 0.7]}], title="curves", marked=2),
    ],
    ids=["network", "graph", "curves"],
)
def test_tikz_has_every_shape(made):
    svg, picture = made.svg, made.latex
    assert picture.startswith("\\begin{tikzpicture}")
    assert picture.count("circle[") == svg.count("<circle")
    assert picture.count("\\node") == svg.count("<text")
    assert picture.count("rectangle") == svg.count("<rect") - 1  # the paper
    assert picture.count("\\fill") == svg.count("<polygon")
    assert picture.count("\\draw") == sum(svg.count(f"<{shape}") for shape in ("line", "circle", "polyline"))


@given(st.lists(st.floats(), min_size=1, max_size=20))
def test_any_numbers_are_drawn_in_proportion_with_gaps_where_they_are_not_finite(values):
    made = draw_curves([{"loss": values}], title="a loss")
    assert "nan" not in made.svg.split("</desc>")[1]
    assert "inf" not in made.svg.split("</desc>")[1]
    rules = [y for _, y, _, _ in made.shapes.rules]
    assert len(set(rules)) == len(rules) >= 2
    ticks = [text.letters for text in made.shapes.texts if text.anchor == "end"]
    assert len(set(ticks)) == len(ticks) == len(rules)
    curves = made.shapes.curves[:-1]  # the last is in the legend
    finite = [math.isfinite(value) for value in values]
    assert len(curves) == sum(here and not before for before, here in pairwise([False, *finite]))
    lengths = [len(list(group)) for is_finite, group in groupby(finite) if is_finite]
    drawn = [curve.points if n > 1 else curve.points[:1] for curve, n in zip(curves, lengths, strict=True)]
    heights = [y for points in drawn for _, y in points]
    exact = [Fraction(value) for value in values if math.isfinite(value)]
    assert len(heights) == len(exact)
    if not exact:
        assert any("no finite value" in text.letters for text in made.shapes.texts)
        return
    span = max(exact) - min(exact)
    assert all(min(rules) - 1e-6 <= y <= max(rules) + 1e-6 for y in heights)
    if span > max(map(abs, exact)) * Fraction(1, 10**9):
        bottom, top = heights[exact.index(min(exact))], heights[exact.index(max(exact))]
        assert bottom - top > 70
        for value, y in zip(exact, heights, strict=True):
            assert (bottom - y) / (bottom - top) == pytest.approx(float((value - min(exact)) / span), abs=1e-6)


@pytest.mark.parametrize(
    "values",
    [
        [1.0],
        [0.0, 0.0],
        [1e-9, 3e-9],
        [-5.0, 1e6],
        [2.0, float("nan"), 3.0],
        [float("inf")],
        [1e300, -1e308],
        [1e-300, 2e-310],
        [5e-324],
    ],
)
def test_curves_lie_within_their_axes_and_every_tick_is_a_number_of_its_own(values):
    made = draw_curves([{"loss": values}], title="a loss")
    ET.fromstring(made.svg)
    rules = [y for _, y, _, _ in made.shapes.rules]
    assert len(set(rules)) == len(rules) >= 3
    ticks = [text.letters for text in made.shapes.texts if text.anchor == "end"]
    assert len(set(ticks)) == len(ticks) == len(rules)
    for curve in made.shapes.curves:
        if len(curve.points) > 2:
            assert all(min(rules) - 0.1 <= y <= max(rules) + 0.1 for _, y in curve.points)
