"""Networks, graphs of definitions and curves of a training as figures, written as SVG and as TikZ."""

from __future__ import annotations

import math
import re
from bisect import bisect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING

from pellucid.backprop import Record
from pellucid.described import Brief, brief, shortened
from pellucid.errors import counted
from pellucid.layers import Layers
from pellucid.notation import SYMBOLS, Label, elided, elided_layers
from pellucid.results import Result
from pellucid.tex import latex_text

if TYPE_CHECKING:
    from pellucid.document import Document

MOST_NEURONS = 8
"""Layers of more neurons show the first ones, dots, and the last."""

_READABLE = 8.0
"""The size of the smallest letters that can be read."""

_RADIUS = 22.0
_FONT = 14.0
_WEIGHT_SIZE = 13.0
_LETTER = 0.56  # of the font size: an italic letter's width in a serif face, on the wide side
_PLAIN_LETTER = 0.47  # and that of running text
_SCRIPT = 0.72
_WIDE = {"w": 0.72, "W": 0.95, "m": 0.8, "z": 0.5, "b": 0.52, "a": 0.53, "d": 0.55, "f": 0.48}
"""Of italic letters that are wider or narrower than most."""
_FAMILY = "'Libertinus Serif', 'STIX Two Text', 'Times New Roman', Times, serif"

COLOURS: Mapping[str, str] = {
    "paper": "#ffffff",
    "ink": "#111111",
    "line": "#7a8699",
    "edge": "#222233",
    "grid": "#d5dae2",
    "curve-1": "#0b62c4",
    "curve-2": "#b3420b",
    "curve-3": "#17724a",
    "curve-4": "#8431a8",
}
"""What each part of a figure is painted with on white paper; `pellucid.document.style` has the same names for pages."""

Paint = Callable[[str], str]
"""From the name of a colour to that in the SVG."""


@dataclass(frozen=True, repr=False)
class Drawing(Brief, Result):
    """A figure.

    Its `text` says what it shows; its `latex` is a TikZ picture.

    Attributes
    ----------
    title, description : str
        What it shows, for readers that do not see it.
    width, height : float
        In points.
    """

    title: str
    description: str
    width: float
    height: float
    shapes: Shapes = field(repr=False)

    @property
    def svg(self) -> str:
        """The figure as a whole SVG document."""
        return _svg(self, lambda name: COLOURS[name])

    @property
    def themed_svg(self) -> str:
        """The figure as SVG that takes the colours of the page around it, or those for white paper if it has none."""
        return _svg(self, lambda name: f"var(--{name},{COLOURS[name]})")

    @property
    def narrowest(self) -> float:
        """The width in points to which it can be shrunk with its smallest letters readable."""
        sizes = [letters.size for text in self.shapes.texts for letters in text.parts()]
        return self.width * min(1.0, _READABLE / min(sizes, default=_READABLE))

    @property
    def text(self) -> str:
        """What it shows."""
        return f"{self.title}\n{self.description.replace('; ', chr(10))}"

    @property
    def latex(self) -> str:
        """The figure as a TikZ picture."""
        return _tikz(self)

    def document(self) -> Document:
        """Return it as a document."""
        from pellucid.document import Document, Figure

        return Document(self.title, (Figure(self),))

    def _drawing(self) -> Drawing:
        return self

    def _repr_svg_(self) -> str:
        return self.svg


# shapes


@dataclass(frozen=True)
class _Letters:
    """A stretch of text of one size; ``x`` is where its anchor is, ``y`` its baseline."""

    x: float
    y: float
    text: str
    size: float
    is_italic: bool = False
    anchor: str = "start"


@dataclass(frozen=True)
class _Text:
    """A label at a place: its letters, with an index below and one above.

    ``x`` and ``y`` are its middle; ``x`` is its left or right edge if it is anchored there.
    """

    x: float
    y: float
    letters: str
    low: str = ""
    high: str = ""
    size: float = _FONT
    has_halo: bool = False
    anchor: str = "middle"

    @property
    def width(self) -> float:
        if not self.low and not self.high:
            return len(self.letters) * self.size * _PLAIN_LETTER
        script = max(len(self.low), len(self.high)) * _SCRIPT * _LETTER
        return (self._letters_width + script) * self.size

    @property
    def _letters_width(self) -> float:
        """Of the letters that the scripts are set after, in sizes of the font."""
        return sum(_WIDE.get(letter, _LETTER) for letter in self.letters)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom."""
        half = self.size * (0.75 if self.low or self.high else 0.55)
        return self.x - self.width / 2, self.y - half, self.x + self.width / 2, self.y + half

    @property
    def halo(self) -> tuple[float, float, float, float]:
        """Left, top, width and height of what is painted behind it."""
        x, y, right, bottom = self.box
        return x - 1, y, right - x + 2, bottom - y

    def parts(self) -> Iterator[_Letters]:
        """Its letters, and its indices if it has any."""
        baseline, is_name = self.y + self.size * 0.33, self.letters.isalpha()
        if not self.low and not self.high:
            is_italic = is_name and len(self.letters) == 1
            yield _Letters(self.x, baseline, self.letters, self.size, is_italic, self.anchor)
            return
        left, small = self.x - self.width / 2, self.size * _SCRIPT
        after = left + self._letters_width * self.size + 0.5
        yield _Letters(left, baseline, self.letters, self.size, is_name)
        if self.low:
            yield _Letters(after, baseline + self.size * 0.28, self.low, small)
        if self.high:
            yield _Letters(after, baseline - self.size * 0.42, self.high, small)


def _label_text(label: Label, x: float, y: float, size: float, *, has_halo: bool) -> _Text:
    return _Text(x, y, label.symbol, label.subscript, str(label.layer), size, has_halo)


@dataclass(frozen=True)
class _Curve:
    """A line through points, in a colour."""

    points: tuple[tuple[float, float], ...]
    colour: str
    is_dashed: bool = False


@dataclass(repr=False)
class Shapes(Brief):
    """Lines, arrows, circles, boxes, curves and labels, which a figure is written from."""

    lines: list[tuple[float, float, float, float]] = field(default_factory=list)
    rules: list[tuple[float, float, float, float]] = field(default_factory=list)
    arrows: list[tuple[float, float, float, float]] = field(default_factory=list)
    circles: list[tuple[float, float, float]] = field(default_factory=list)
    boxes: list[tuple[float, float, float, float]] = field(default_factory=list)
    curves: list[_Curve] = field(default_factory=list)
    texts: list[_Text] = field(default_factory=list)


def _head(x: float, y: float, u: float, v: float) -> list[tuple[float, float]]:
    """The triangle at the end (u, v) of an arrow."""
    length = max(((u - x) ** 2 + (v - y) ** 2) ** 0.5, 1e-9)
    dx, dy = (u - x) / length, (v - y) / length
    return [(u, v), (u - 8 * dx + 3.4 * dy, v - 8 * dy - 3.4 * dx), (u - 8 * dx - 3.4 * dy, v - 8 * dy + 3.4 * dx)]


# SVG


def _svg(drawing: Drawing, paint: Paint) -> str:
    width, height, shapes = drawing.width, drawing.height, drawing.shapes

    def fill(name: str) -> str:
        return f'style="fill:{paint(name)}"'

    def stroke(name: str, inside: str = "none") -> str:
        return f'style="fill:{inside if inside == "none" else paint(inside)};stroke:{paint(name)}"'

    def line(ends: tuple[float, float, float, float], name: str, thickness: float) -> str:
        x, y, u, v = ends
        return (
            f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{u:.1f}" y2="{v:.1f}" {stroke(name)} stroke-width="{thickness:g}"/>'
        )

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" font-family="{_FAMILY}" {fill("ink")}>',
        f"<title>{_escaped(drawing.title)}</title><desc>{_escaped(drawing.description)}</desc>",
        f'<rect width="{width:.0f}" height="{height:.0f}" {fill("paper")}/>',
    ]
    parts += [line(ends, "grid", 1) for ends in shapes.rules]
    parts += [line(ends, "line", 1) for ends in shapes.lines]
    for ends in shapes.arrows:
        points = " ".join(f"{p:.1f},{q:.1f}" for p, q in _head(*ends))
        parts += [line(ends, "edge", 1.2), f'<polygon points="{points}" {fill("edge")}/>']
    for x, y, r in shapes.circles:
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r:.1f}" {stroke("edge", "paper")} stroke-width="1.4"/>')
    for x, y, w, h in shapes.boxes:
        parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" rx="8" {stroke("edge", "paper")} '
            'stroke-width="1.4"/>'
        )
    for curve in shapes.curves:
        points = " ".join(f"{p:.1f},{q:.1f}" for p, q in curve.points)
        dashes = ' stroke-dasharray="6 3"' if curve.is_dashed else ""
        parts.append(
            f'<polyline points="{points}" {stroke(curve.colour)} stroke-width="1.8" stroke-linejoin="round"{dashes}/>'
        )
    for text in shapes.texts:
        if text.has_halo:
            x, y, w, h = text.halo
            size = f'width="{w:.1f}" height="{h:.1f}"'
            parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" {size} {fill("paper")} fill-opacity="0.85"/>')
        parts += [_svg_letters(letters) for letters in text.parts()]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _svg_letters(letters: _Letters) -> str:
    style = ' font-style="italic"' if letters.is_italic else ""
    style += f' text-anchor="{letters.anchor}"' if letters.anchor != "start" else ""
    place = f'x="{letters.x:.1f}" y="{letters.y:.1f}" font-size="{letters.size:.1f}"'
    return f"<text {place}{style}>{_escaped(letters.text)}</text>"


def _escaped(text: str) -> str:
    return escape(text, quote=False)


# TikZ


def _tikz(drawing: Drawing) -> str:
    shapes = drawing.shapes
    parts = [rf"\draw[gray!40] ({x:.1f},{y:.1f}) -- ({u:.1f},{v:.1f});" for x, y, u, v in shapes.rules]
    parts += [rf"\draw[gray] ({x:.1f},{y:.1f}) -- ({u:.1f},{v:.1f});" for x, y, u, v in shapes.lines]
    for x, y, u, v in shapes.arrows:
        head = " -- ".join(f"({p:.1f},{q:.1f})" for p, q in _head(x, y, u, v))
        parts += [rf"\draw ({x:.1f},{y:.1f}) -- ({u:.1f},{v:.1f});", rf"\fill {head} -- cycle;"]
    parts += [rf"\draw[fill=white] ({x:.1f},{y:.1f}) circle[radius={0.75 * r:.2f}pt];" for x, y, r in shapes.circles]
    parts += [_tikz_box(box, "draw, fill=white, rounded corners=4pt") for box in shapes.boxes]
    for curve in shapes.curves:
        style = f"thick{', dashed' if curve.is_dashed else ''}, color={_TIKZ_COLOURS.get(curve.colour, 'gray')}"
        parts.append(rf"\draw[{style}] {' -- '.join(f'({p:.1f},{q:.1f})' for p, q in curve.points)};")
    for text in shapes.texts:
        if text.has_halo:
            parts.append(_tikz_box(text.halo, "fill=white, fill opacity=0.85"))
        parts += [_tikz_letters(letters) for letters in text.parts()]
    inner = "\n".join(parts)
    return f"\\begin{{tikzpicture}}[x=0.75pt,y=-0.75pt]\n{inner}\n\\end{{tikzpicture}}"


def _tikz_box(box: tuple[float, float, float, float], style: str) -> str:
    x, y, w, h = box
    return rf"\path[{style}] ({x:.1f},{y:.1f}) rectangle ({x + w:.1f},{y + h:.1f});"


def _tikz_letters(letters: _Letters) -> str:
    content = latex_text(letters.text)
    content = rf"\textit{{{content}}}" if letters.is_italic else content
    anchor = {"start": "base west", "middle": "base", "end": "base east"}[letters.anchor]
    size = 0.75 * letters.size
    font = rf"\fontsize{{{size:.1f}}}{{{size:.1f}}}\selectfont"
    return rf"\node[anchor={anchor}, inner sep=0pt, font={font}] at ({letters.x:.1f},{letters.y:.1f}) {{{content}}};"


_TIKZ_COLOURS = {"curve-1": "blue", "curve-2": "red!80!black", "curve-3": "green!50!black", "curve-4": "violet"}


# networks


def draw(
    layers: Layers,
    *,
    show: Sequence[str] = ("a",),
    run: Record | None = None,
    sample: int | None = None,
    digits: int = 3,
) -> Drawing:
    """Draw a network.

    Parameters
    ----------
    layers : Layers
        A `Network` is one.
    show : sequence of {'a', 'z', 'd', 'w', 'b'}
        What is labelled; nothing for empty circles.
    run : Record, optional
        Put its numbers in place of the labels.
    sample : int, optional
        Of the run, from 1, if it is that of a batch.
    digits : int
        Significant digits of the numbers.

    Returns
    -------
    Drawing

    Raises
    ------
    ValueError
        Another symbol, a run of another network, or a batch without a sample.
    """
    if not isinstance(show, Iterable):
        raise TypeError(
            f"show must be a list of labels, got {brief(show)}; write show=['a', 'w'], and no call to show it"
        )
    show = tuple(show)
    unknown = [symbol for symbol in show if symbol not in SYMBOLS]
    if unknown:
        raise ValueError(f"show: unknown symbol {unknown[0]!r}; the symbols are {', '.join(SYMBOLS)}")
    if run is not None and run.layers.sizes != layers.sizes:
        raise ValueError(f"the run is of a network of sizes {run.layers.sizes}, not {layers.sizes}")
    if run is not None and not run.is_single and sample is None:
        raise ValueError(f"the run holds {len(run.y)} samples: give sample = 1 … {len(run.y)}")
    return _NetworkDrawer(layers, show, run, sample, digits).drawing()


class _NetworkDrawer:
    """Lays a network out in columns and labels it."""

    def __init__(
        self, layers: Layers, show: Sequence[str], run: Record | None, sample: int | None, digits: int
    ) -> None:
        show = [symbol for symbol in show if symbol != "b" or layers.has_bias]
        self.layers, self.show, self.run, self.sample, self.digits = layers, show, run, sample, digits
        self.shapes = Shapes()
        in_circle = [symbol for symbol in "azd" if symbol in show]
        self.radius = _RADIUS + 9 * max(len(in_circle) - 1, 0) + (9 if run is not None else 0)
        self.drawn = elided_layers(layers.F)
        self.columns = {l: elided(layers.size(l), MOST_NEURONS, MOST_NEURONS - 3) for l in self.drawn if l is not None}
        self.pairs = [(k, l) for k, l in pairwise(self.drawn) if k is not None and l is not None]
        rows = max(len(column) for column in self.columns.values())
        self.pitch = 2 * self.radius + (40 if "b" in show else 18)
        self.gap = 150.0 if "w" not in show else 230.0 + (60 if run is not None else 0)
        if "w" in show:
            narrowest = max(min(len(self.columns[k]), len(self.columns[l])) for k, l in self.pairs)
            self.pitch = max(self.pitch, (min(narrowest, 4) + 1) * _WEIGHT_SIZE * 1.5)
        self.top = 26.0
        self.height = self.top + rows * self.pitch + 46
        self.width = 50 + self.radius + self._x(layers.F)

    def drawing(self) -> Drawing:
        for _, l in self.pairs:
            self._edges(l)
        for l in self.columns:
            self._column(l)
        if None in self.drawn:
            self._dots()
        said = [f"layer {l}: {self._caption(l)}, {counted(self.layers.size(l), 'neuron')}" for l in self.columns]
        if None in self.drawn:
            said.insert(self.drawn.index(None), f"{self._left_out()}: not drawn")
        return Drawing(f"A {self.layers.sizes_text} network", "; ".join(said), self.width, self.height, self.shapes)

    def _left_out(self) -> str:
        at = self.drawn.index(None)
        return f"layers {(self.drawn[at - 1] or 0) + 1} to {(self.drawn[at + 1] or 0) - 1}"

    def _dots(self) -> None:
        """Set dots in place of the layers that are left out."""
        x = self._x(None)
        middle = self.top + (self.height - self.top - 46) / 2
        self.shapes.texts += [_Text(x + step, middle, "·", size=22) for step in (-12, 0, 12)]
        self.shapes.texts.append(_Text(x, self.height - 26, self._left_out(), size=12))

    def _x(self, l: int | None) -> float:
        """The middle of a layer, or of the dots, which take less room."""
        at = self.drawn.index(l)
        dots = self.drawn.index(None) if None in self.drawn else at
        saved = self.gap - min(self.gap, 110 + self.radius)
        return 50 + self.radius + at * self.gap - saved * min(max(at - dots + 1, 0), 2) * (None in self.drawn)

    def _y(self, l: int, row: int) -> float:
        count = len(self.columns[l])
        middle = self.top + (self.height - self.top - 46) / 2
        return middle + (row - (count - 1) / 2) * self.pitch

    def _places(self, l: int) -> Iterator[tuple[int, int]]:
        """The rows of a column that are neurons, with their numbers."""
        for row, j in enumerate(self.columns[l]):
            if j is not None:
                yield row, j

    def _edges(self, l: int) -> None:
        x, u = self._x(l - 1) + self.radius, self._x(l) - self.radius
        share = self._share(l)
        for row, j in self._places(l):
            for before, k in self._places(l - 1):
                y, v = self._y(l - 1, before), self._y(l, row)
                self.shapes.lines.append((x, y, u, v))
                if "w" in self.show and self._is_weight_labelled(l, row, before):
                    at = x + share * (u - x), y + share * (v - y)
                    self.shapes.texts.append(self._text(Label("w", l, j, k), *at, _WEIGHT_SIZE, has_halo=True))

    def _share(self, l: int) -> float:
        """How far along its line the label of a weight is.

        Of n lines from each neuron, those of two neurons first cross after 1/n of the way. At 1/(n + 1) all lines are
        equally far apart, and so are they at the same distance from the other end, for the n lines that end there. The
        end with fewer lines has more room.
        """
        rows, columns = len(self.columns[l]), len(self.columns[l - 1])
        return 1 / (rows + 1) if rows < columns else columns / (columns + 1)

    def _is_weight_labelled(self, l: int, row: int, before: int) -> bool:
        """Of many lines only those between the first and last neurons are labelled."""
        rows, columns = len(self.columns[l]), len(self.columns[l - 1])
        return rows * columns <= 24 or (row in (0, rows - 1) and before in (0, columns - 1))

    def _column(self, l: int) -> None:
        x = self._x(l)
        for row, j in enumerate(self.columns[l]):
            y = self._y(l, row)
            if j is None:
                self.shapes.texts += [_Text(x, y + step, "·", size=22) for step in (-10, 0, 10)]
                continue
            self.shapes.circles.append((x, y, self.radius))
            shown = [symbol for symbol in "zad" if symbol in self.show and not (l == 1 and symbol in "zd")]
            for i, symbol in enumerate(shown):
                offset = (i - (len(shown) - 1) / 2) * 21
                self.shapes.texts.append(self._text(Label(symbol, l, j), x, y + offset))
            if "b" in self.show and l > 1:
                self.shapes.texts.append(self._text(Label("b", l, j), x, y + self.radius + 13, _WEIGHT_SIZE))
        self.shapes.texts.append(_Text(x, self.height - 26, f"layer {l}", size=12))
        room = int((self.gap - 12) / (11 * _PLAIN_LETTER))
        self.shapes.texts.append(_Text(x, self.height - 11, shortened(self._caption(l), room), size=11))

    def _caption(self, l: int) -> str:
        return "input" if l == 1 else shortened(str(self.layers.activations[l]), 60)

    def _text(self, label: Label, x: float, y: float, size: float = _FONT, *, has_halo: bool = False) -> _Text:
        if self.run is None:
            return _label_text(label, x, y, size, has_halo=has_halo)
        value = self._value(label) + 0.0  # + 0.0 makes -0 a 0
        return _Text(x, y, f"{value:.{self.digits}g}", size=size - 2, has_halo=has_halo)

    def _value(self, label: Label) -> float:
        run = self.run
        assert run is not None
        if label.symbol in "wb":
            return float((self.layers.W if label.symbol == "w" else self.layers.b)[label.layer][label.index])
        array = {"z": run.z, "a": run.a, "d": run.d}[label.symbol][label.layer]
        return float(array[label.index] if run.is_single else array[(self.sample or 1) - 1][label.index])


# graphs of definitions


def draw_graph(
    nodes: Sequence[tuple[str, str]], edges: Sequence[tuple[str, str, str]], *, caption: str = ""
) -> Drawing:
    """Draw what depends on what, inputs at the left and the output at the right.

    Parameters
    ----------
    nodes : sequence of (str, str)
        Name and definition, empty for an input.
    edges : sequence of (str, str, str)
        The quantity, one that it uses, and the label of that edge.
    caption : str
        The title.

    Returns
    -------
    Drawing
    """
    return _GraphDrawer(nodes, edges).drawing(caption)


class _GraphDrawer:
    """Lays a graph out in columns by depth, and orders each column so that few edges cross."""

    def __init__(self, nodes: Sequence[tuple[str, str]], edges: Sequence[tuple[str, str, str]]) -> None:
        self.definitions = dict(nodes)
        self.edges = edges
        self.depths = self._depth_of_each()
        self.columns = self._ordered_columns()
        self.sizes = {name: self._size(name) for name in self.definitions}
        widest = max((len(label) for *_, label in edges), default=0) * 11 * _LETTER
        self.gap = min(max(70.0, widest + 50), 330.0)
        self.places = self._placed()

    def _depth_of_each(self) -> dict[str, int]:
        uses: dict[str, list[str]] = {name: [] for name in self.definitions}
        for of, by, _ in self.edges:
            uses[of].append(by)
        depths: dict[str, int] = {}
        waiting = list(self.definitions)
        while waiting:
            name = waiting[-1]
            missing = [used for used in uses[name] if used not in depths]
            if missing:
                waiting += missing
                continue
            depths[name] = 1 + max((depths[used] for used in uses[name]), default=-1)
            waiting.pop()
        return depths

    def _ordered_columns(self) -> list[list[str]]:
        columns: list[list[str]] = [[] for _ in range(max(self.depths.values()) + 1)]
        for name in self.definitions:
            columns[self.depths[name]].append(name)
        neighbours: dict[str, list[str]] = {name: [] for name in self.definitions}
        for of, by, _ in self.edges:
            neighbours[of].append(by)
            neighbours[by].append(of)
        for _ in range(8):
            rank = {name: i - (len(column) - 1) / 2 for column in columns for i, name in enumerate(column)}
            for column in columns:
                column.sort(key=lambda name: sum(rank[o] for o in neighbours[name]) / max(len(neighbours[name]), 1))
        return columns

    def _size(self, name: str) -> tuple[float, float]:
        definition = self.definitions[name]
        letters = max(len(name) + 1, len(shortened(definition, 30)) * 0.85 if definition else 0)
        return max(44.0, letters * _FONT * _LETTER + 18), 46.0 if definition else 34.0

    def _placed(self) -> dict[str, tuple[float, float]]:
        places = {}
        x = 16.0
        most = max(map(len, self.columns))
        self.height = 40 + most * 92.0
        for column in self.columns:
            width = max(self.sizes[name][0] for name in column)
            for i, name in enumerate(column):
                # Neighbouring columns are shifted a little, so that edges that skip one do not run through its boxes.
                shift = 14 * (self.depths[name] % 2) if most > 1 else 0
                y = self.height / 2 + (i - (len(column) - 1) / 2) * 92 + shift
                places[name] = (x + width / 2, y)
            x += width + self.gap
        self.width = x - self.gap + 16
        self.height += 20
        return places

    def drawing(self, caption: str) -> Drawing:
        shapes = Shapes()
        taken: list[tuple[float, float, float, float]] = []
        for name, (x, y) in self.places.items():
            w, h = self.sizes[name]
            taken.append((x - w / 2, y - h / 2, x + w / 2, y + h / 2))
        for of, by, _ in self.edges:
            x, y = self.places[by]
            u, v = self.places[of]
            shapes.arrows.append((x + self.sizes[by][0] / 2, y, u - self.sizes[of][0] / 2, v))
        for arrow, (_, _, label) in zip(shapes.arrows, self.edges, strict=True):
            text = self._free_place(shortened(typeset(label), 44), arrow, taken, shapes.arrows)
            taken.append(text.box)
            shapes.texts.append(text)
        for name, (x, y) in self.places.items():
            w, h = self.sizes[name]
            shapes.boxes.append((x - w / 2, y - h / 2, w, h))
            letters, digits = _name_parts(name)
            definition = self.definitions[name]
            shapes.texts.append(_Text(x, y - (9 if definition else 0), letters, digits))
            if definition:
                shapes.texts.append(_Text(x, y + 11, shortened(typeset(definition), 30), size=12))
        description = "; ".join(f"{of} depends on {by}: {label}" for of, by, label in self.edges)
        return Drawing(caption or "A graph of definitions", description, self.width, self.height, shapes)

    def _free_place(self, label: str, arrow: _Line, taken: Sequence[_Area], arrows: Sequence[_Line]) -> _Text:
        """Set a label on its edge where it covers nothing, or covers least: other labels, boxes, and other edges."""
        x, y, u, v = arrow
        half = _Text(0, 0, label, size=11).width / 2
        reach = x - half, min(y, v) - 10, u + half, max(y, v) + 10  # all that the label can come to
        areas = [area for area in taken if _overlap(area, reach)]
        others = [one for one in arrows if one is not arrow and _within(one, reach)]
        best: tuple[float, _Text] | None = None
        for share in (0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74, 0.18, 0.82):
            text = _Text(x + share * (u - x), y + share * (v - y) - 1, label, size=11, has_halo=True)
            covered = sum(_overlap(text.box, area) for area in areas)
            covered += sum(8 * _within(other, text.box) for other in others)
            if best is None or covered < best[0]:
                best = covered, text
        assert best is not None
        return best[1]


_RAISED = str.maketrans("0123456789+-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻")
_LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def typeset(formula: str) -> str:
    """Return a formula as text with its powers and indices of digits raised and lowered."""
    formula = re.sub(r"\^(?:\((-?\d+)\)|(\d+))", lambda m: (m[1] or m[2]).translate(_RAISED), formula)
    return re.sub(r"(?<=[^\W\d])_?(\d+)", lambda m: m[1].translate(_LOWERED), formula)


_Line = tuple[float, float, float, float]
"""From (x, y) to (u, v)."""
_Area = tuple[float, float, float, float]
"""Left, top, right, bottom."""


def _overlap(p: _Area, q: _Area) -> float:
    return max(0.0, min(p[2], q[2]) - max(p[0], q[0])) * max(0.0, min(p[3], q[3]) - max(p[1], q[1]))


def _within(line: _Line, area: _Area) -> float:
    """How far a line that goes to the right runs within an area, measured along x."""
    x, y, u, v = line
    low, high = max(x, area[0]), min(u, area[2])
    if low >= high:
        return 0.0
    slope = (v - y) / (u - x)
    if slope:
        ends = sorted(x + (edge - y) / slope for edge in (area[1], area[3]))
        return max(0.0, min(high, ends[1]) - max(low, ends[0]))
    return high - low if area[1] <= y <= area[3] else 0.0


def _name_parts(name: str) -> tuple[str, str]:
    match = re.fullmatch(r"([^\W\d_]+)_?(\w*)", name)
    return (match[1], match[2]) if match else (name, "")


# curves

_MOST_POINTS = 400
"""Of a curve; of more the lowest and the highest of each stretch are drawn."""

_LEFT, _RIGHT, _PANEL, _WIDTH = 64.0, 20.0, 150.0, 620.0


def draw_curves(panels: Sequence[Mapping[str, Sequence[float]]], *, title: str, marked: int | None = None) -> Drawing:
    """Draw curves over the epochs, a panel below the other.

    Parameters
    ----------
    panels : sequence of mapping
        The curves of each panel by name, one value per epoch. Where values are not finite a curve has a gap.
    title : str
    marked : int, optional
        An epoch marked by a vertical line.

    Returns
    -------
    Drawing
    """
    shapes = Shapes()
    top, described = 12.0, []
    epochs = max(len(values) for curves in panels for values in curves.values())
    for curves in panels:
        _Panel(shapes, curves, top, epochs, marked).draw()
        top += _PANEL + 72
        described += [_described(name, values) for name, values in curves.items() if len(values)]
    return Drawing(title, "; ".join(described), _WIDTH, top, shapes)


def _described(name: str, values: Sequence[float]) -> str:
    said = f"{name} from {values[0]:.4g} to {values[-1]:.4g}"
    missing = sum(not math.isfinite(value) for value in values)
    return f"{said}, not finite in {missing:,} of {len(values):,} epochs" if missing else said


class _Panel:
    """One pair of axes with its curves, their names above it."""

    def __init__(
        self,
        shapes: Shapes,
        curves: Mapping[str, Sequence[float]],
        top: float,
        epochs: int,
        marked: int | None,
    ) -> None:
        self.shapes, self.curves, self.epochs, self.marked = shapes, curves, epochs, marked
        self.top = top + 22
        values = [value for column in curves.values() for value in column if math.isfinite(value)]
        self.ticks = _ticks(Decimal(min(values, default=0.0)), Decimal(max(values, default=1.0)))
        self.low, self.high = self.ticks[0], self.ticks[-1]

    def draw(self) -> None:
        right, bottom = _WIDTH - _RIGHT, self.top + _PANEL
        for tick in self.ticks:
            y = self._y(tick)
            self.shapes.rules.append((_LEFT, y, right, y))
            self.shapes.texts.append(_Text(_LEFT - 8, y, _tick_text(tick), size=12, anchor="end"))
        for epoch in _epoch_ticks(self.epochs):
            self.shapes.lines.append((self._x(epoch), bottom, self._x(epoch), bottom + 4))
            self.shapes.texts.append(_Text(self._x(epoch), bottom + 14, f"{epoch:,}", size=12))
        self.shapes.lines.append((_LEFT, bottom, right, bottom))
        self.shapes.texts.append(_Text((_LEFT + right) / 2, bottom + 30, "epoch", size=12))
        if self.marked is not None:
            x = self._x(self.marked)
            self.shapes.curves.append(_Curve(((x, self.top), (x, bottom)), "line", is_dashed=True))
        name_at = _LEFT
        for i, (name, values) in enumerate(self.curves.items()):
            colour = f"curve-{i % 4 + 1}"
            stretches = _stretches(values)
            for stretch in stretches:
                points = [(self._x(n), self._y(Decimal(value))) for n, value in stretch]
                if len(points) == 1:
                    ((x, y),) = points
                    half = 4 if len(values) == 1 else 1.5
                    points = [(x - half, y), (x + half, y)]
                self.shapes.curves.append(_Curve(tuple(points), colour, is_dashed=i % 2 == 1))
            words = name.replace("_", " ") + ("" if stretches else " (no finite value)")
            self.shapes.curves.append(
                _Curve(((name_at, self.top - 14), (name_at + 24, self.top - 14)), colour, is_dashed=i % 2 == 1)
            )
            self.shapes.texts.append(_Text(name_at + 30, self.top - 14, words, size=13, anchor="start"))
            name_at += 30 + len(words) * 13 * _LETTER + 18

    def _x(self, epoch: float) -> float:
        share = (epoch - 1) / (self.epochs - 1) if self.epochs > 1 else 0.5
        return _LEFT + 6 + share * (_WIDTH - _RIGHT - _LEFT - 12)

    def _y(self, value: Decimal) -> float:
        return self.top + _PANEL * float((self.high - value) / (self.high - self.low))


# Axes are worked out in decimal numbers, which neither overflow nor underflow where floats do.


def _ticks(low: Decimal, high: Decimal) -> list[Decimal]:
    """Three to seven round numbers that reach from below the lowest value to above the highest."""
    largest = max(abs(low), abs(high))
    if high - low <= largest * Decimal("1e-12"):
        half = largest / 2 or Decimal(1)
        low, high = low - half, high + half
    raw = (high - low) / 4
    power = Decimal(10) ** raw.adjusted()
    step = next(power * factor for factor in map(Decimal, ("1", "2", "2.5", "5", "10")) if power * factor >= raw)
    first, last = math.floor(low / step + _ALMOST), math.ceil(high / step - _ALMOST)
    return [n * step for n in range(first, last + 1)]


_ALMOST = Decimal("1e-9")


def _tick_text(tick: Decimal) -> str:
    is_usual = tick == 0 or -290 < tick.adjusted() < 290
    return f"{float(tick):.10g}" if is_usual else f"{tick.normalize():.10g}"


def _epoch_ticks(epochs: int) -> list[int]:
    """The first epoch, round ones, and the last."""
    step = max(1, round(_ticks(Decimal(0), Decimal(epochs))[1]))
    between = [n for n in range(step, epochs, step) if 0.3 * step < epochs - n and n > 1]
    return sorted({1, *between, epochs})


def _stretches(values: Sequence[float]) -> list[list[tuple[int, float]]]:
    """Epochs, from 1, and their values, in stretches without one that is not finite."""
    found: list[list[tuple[int, float]]] = []
    last = 0
    gaps = [n for n, value in enumerate(values, start=1) if not math.isfinite(value)]
    for n, value in _thinned(values):
        if not found or bisect(gaps, n) > bisect(gaps, last):
            found.append([])
        found[-1].append((n, value))
        last = n
    return found


def _thinned(values: Sequence[float]) -> list[tuple[int, float]]:
    """Epochs, from 1, and their finite values; of many the lowest and the highest of each stretch."""
    points = [(n, value) for n, value in enumerate(values, start=1) if math.isfinite(value)]
    if len(points) <= _MOST_POINTS:
        return points
    length = math.ceil(2 * len(points) / _MOST_POINTS)
    kept = {points[0], points[-1]}
    for start in range(0, len(points), length):
        stretch = points[start : start + length]
        kept |= {min(stretch, key=lambda point: point[1]), max(stretch, key=lambda point: point[1])}
    return sorted(kept)
