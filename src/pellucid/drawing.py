"""Networks and graphs of definitions as labelled figures: SVG made here, and the same as TikZ for LaTeX."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape, unescape

from pellucid.backprop import Record
from pellucid.layers import Layers
from pellucid.notation import SYMBOLS, Label
from pellucid.storage import PathLike, write_atomically

MOST_NEURONS = 8
"""Layers of more neurons show the first ones, dots, and the last."""

_RADIUS = 22.0
_FONT = 14.0
_LETTER = 0.56  # of the font size: an italic letter's width in a serif face, on the wide side
_PLAIN_LETTER = 0.47  # and that of running text
_SCRIPT = 0.7
_FAMILY = "'Libertinus Serif', 'STIX Two Text', 'Times New Roman', Times, serif"


@dataclass(frozen=True)
class Drawing:
    """A figure.

    Attributes
    ----------
    svg : str
        A whole SVG document.
    width, height : float
        In points.
    """

    svg: str = field(repr=False)
    width: float
    height: float

    def save(self, path: PathLike) -> None:
        """Write the SVG to a file.

        Raises
        ------
        OSError
            It cannot be written; a file that was there stays as it was.
        """
        write_atomically(path, self.svg.encode())

    def _repr_svg_(self) -> str:
        return self.svg


# text with indices


@dataclass(frozen=True)
class _Text:
    """A label at a place: its letters, with an index below and one above.

    ``x`` and ``y`` are its middle.
    """

    x: float
    y: float
    letters: str
    low: str = ""
    high: str = ""
    size: float = _FONT
    has_halo: bool = False

    @property
    def width(self) -> float:
        if not self.low and not self.high:
            return len(self.letters) * self.size * _PLAIN_LETTER
        script = max(len(self.low), len(self.high)) * _SCRIPT
        return (len(self.letters) + script) * self.size * _LETTER

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom."""
        half = self.size * (0.75 if self.low or self.high else 0.55)
        return self.x - self.width / 2, self.y - half, self.x + self.width / 2, self.y + half

    def svg(self) -> str:
        left, baseline = self.x - self.width / 2, self.y + self.size * 0.33
        one = self.size * _LETTER
        if not self.low and not self.high:
            is_name = len(self.letters) == 1 and self.letters.isalpha()
            parts = [_letters(self.x, baseline, self.letters, self.size, is_italic=is_name, is_centred=True)]
        else:
            parts = [_letters(left, baseline, self.letters, self.size, is_italic=self.letters.isalpha())]
        after = left + len(self.letters) * one
        small = self.size * _SCRIPT
        parts += [_letters(after, baseline + self.size * 0.28, self.low, small)] if self.low else []
        parts += [_letters(after, baseline - self.size * 0.42, self.high, small)] if self.high else []
        if self.has_halo:
            x, y, right, bottom = self.box
            size = f'width="{right - x + 2:.1f}" height="{bottom - y:.1f}"'
            parts.insert(0, f'<rect x="{x - 1:.1f}" y="{y:.1f}" {size} fill="white" fill-opacity="0.85"/>')
        return "".join(parts)


def _letters(x: float, y: float, text: str, size: float, *, is_italic: bool = False, is_centred: bool = False) -> str:
    style = (' font-style="italic"' if is_italic else "") + (' text-anchor="middle"' if is_centred else "")
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:.1f}"{style}>{escape(text, quote=False)}</text>'


def _label_text(label: Label, x: float, y: float, size: float, *, has_halo: bool) -> _Text:
    return _Text(x, y, label.symbol, label.subscript, str(label.layer), size, has_halo)


# networks


@dataclass
class _Figure:
    """Shapes and labels that a drawing is made of."""

    lines: list[tuple[float, float, float, float]] = field(default_factory=list)
    arrows: list[tuple[float, float, float, float]] = field(default_factory=list)
    circles: list[tuple[float, float, float]] = field(default_factory=list)
    boxes: list[tuple[float, float, float, float]] = field(default_factory=list)
    texts: list[_Text] = field(default_factory=list)

    def svg(self, width: float, height: float, title: str, description: str) -> str:
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
            f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" font-family="{_FAMILY}" fill="#111">',
            f"<title>{escape(title, quote=False)}</title><desc>{escape(description, quote=False)}</desc>",
            f'<rect width="{width:.0f}" height="{height:.0f}" fill="white"/>',
        ]
        for x, y, u, v in self.lines:
            parts.append(
                f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{u:.1f}" y2="{v:.1f}" stroke="#7a8699" stroke-width="1"/>'
            )
        for x, y, u, v in self.arrows:
            parts.append(
                f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{u:.1f}" y2="{v:.1f}" stroke="#445" stroke-width="1.2"/>'
            )
            parts.append(_head(x, y, u, v))
        for x, y, r in self.circles:
            parts.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r:.1f}" fill="white" stroke="#223" stroke-width="1.4"/>'
            )
        for x, y, w, h in self.boxes:
            parts.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" rx="8" fill="white" '
                'stroke="#223" stroke-width="1.4"/>'
            )
        parts += [text.svg() for text in self.texts]
        return "\n".join([*parts, "</svg>"]) + "\n"


def _head(x: float, y: float, u: float, v: float) -> str:
    """The head of an arrow that ends at (u, v)."""
    length = max(((u - x) ** 2 + (v - y) ** 2) ** 0.5, 1e-9)
    dx, dy = (u - x) / length, (v - y) / length
    points = [(u, v), (u - 8 * dx + 3.4 * dy, v - 8 * dy - 3.4 * dx), (u - 8 * dx - 3.4 * dy, v - 8 * dy + 3.4 * dx)]
    return f'<polygon points="{" ".join(f"{p:.1f},{q:.1f}" for p, q in points)}" fill="#445"/>'


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
        self.figure = _Figure()
        in_circle = [symbol for symbol in "azd" if symbol in show]
        self.radius = _RADIUS + 9 * max(len(in_circle) - 1, 0) + (9 if run is not None else 0)
        self.columns = {l: _shown(layers.size(l)) for l in range(1, layers.F + 1)}
        rows = max(len(column) for column in self.columns.values())
        most_weights = max(len(self.columns[l]) * len(self.columns[l - 1]) for l in range(2, layers.F + 1))
        self.pitch = 2 * self.radius + (34 if "b" in show else 18) + (6 * min(rows, 6) if "w" in show else 0)
        self.gap = (
            150.0 + (14 * most_weights**0.5 * 2 if "w" in show else 0) + (40 if run is not None and "w" in show else 0)
        )
        self.top = 26.0
        self.height = self.top + rows * self.pitch + 46
        self.width = 2 * 50 + 2 * self.radius + (layers.F - 1) * self.gap

    def drawing(self) -> Drawing:
        for l in range(2, self.layers.F + 1):
            self._edges(l)
        for l in range(1, self.layers.F + 1):
            self._column(l)
        sizes = "-".join(map(str, self.layers.sizes))
        description = "; ".join(f"layer {l}: {self._caption(l)}, {self.layers.size(l)} neurons" for l in self.columns)
        svg = self.figure.svg(self.width, self.height, f"A {sizes} network", description)
        return Drawing(svg, self.width, self.height)

    def _x(self, l: int) -> float:
        return 50 + self.radius + (l - 1) * self.gap

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
        for row, j in self._places(l):
            for before, k in self._places(l - 1):
                y, v = self._y(l - 1, before), self._y(l, row)
                self.figure.lines.append((x, y, u, v))
                if "w" in self.show and self._is_weight_labelled(l, row, before):
                    self._weight_label(Label("w", l, j, k), x, y, u, v, before, row)

    def _is_weight_labelled(self, l: int, row: int, before: int) -> bool:
        """Of many lines only those between the first and last neurons are labelled."""
        rows, columns = len(self.columns[l]), len(self.columns[l - 1])
        return rows * columns <= 24 or (row in (0, rows - 1) and before in (0, columns - 1))

    def _weight_label(self, label: Label, x: float, y: float, u: float, v: float, before: int, row: int) -> None:
        """Set the label of a weight on its line, in a column of its own for each neuron that it comes from."""
        rows, columns = len(self.columns[label.layer]), len(self.columns[label.layer - 1])
        # Near the neuron that the line leads to the lines lie apart; each source has its own distance from it.
        share = 0.5 + 0.42 * ((before + 0.5) / columns - 0.5) * (1 if columns > 1 else 0)
        share += 0.04 * ((row % 2) - 0.5) if rows > 4 else 0
        text = self._text(label, x + share * (u - x), y + share * (v - y), 11.0, has_halo=True)
        self.figure.texts.append(text)

    def _column(self, l: int) -> None:
        x = self._x(l)
        for row, j in enumerate(self.columns[l]):
            y = self._y(l, row)
            if j is None:
                self.figure.texts += [_Text(x, y + step, "·", size=22) for step in (-10, 0, 10)]
                continue
            self.figure.circles.append((x, y, self.radius))
            shown = [symbol for symbol in "zad" if symbol in self.show and not (l == 1 and symbol in "zd")]
            for i, symbol in enumerate(shown):
                offset = (i - (len(shown) - 1) / 2) * 18
                self.figure.texts.append(self._text(Label(symbol, l, j), x, y + offset))
            if "b" in self.show and l > 1:
                self.figure.texts.append(self._text(Label("b", l, j), x, y + self.radius + 12, 11.0))
        self.figure.texts.append(_Text(x, self.height - 26, f"layer {l}", size=12))
        self.figure.texts.append(_Text(x, self.height - 11, self._caption(l), size=11))

    def _caption(self, l: int) -> str:
        return "input" if l == 1 else str(self.layers.activations[l])

    def _text(self, label: Label, x: float, y: float, size: float = _FONT, *, has_halo: bool = False) -> _Text:
        if self.run is None:
            return _label_text(label, x, y, size, has_halo=has_halo)
        return _Text(x, y, f"{self._value(label):.{self.digits}g}", size=size - 2, has_halo=has_halo)

    def _value(self, label: Label) -> float:
        run = self.run
        assert run is not None
        if label.symbol in "wb":
            return float((self.layers.W if label.symbol == "w" else self.layers.b)[label.layer][label.index])
        array = {"z": run.z, "a": run.a, "d": run.d}[label.symbol][label.layer]
        return float(array[label.index] if run.is_single else array[(self.sample or 1) - 1][label.index])


def _shown(n: int) -> list[int | None]:
    return list(range(1, n + 1)) if n <= MOST_NEURONS else [*range(1, MOST_NEURONS - 2), None, n]


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
        letters = max(len(name) + 1, len(_shortened(definition)) * 0.85 if definition else 0)
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
        figure = _Figure()
        taken: list[tuple[float, float, float, float]] = []
        for name, (x, y) in self.places.items():
            w, h = self.sizes[name]
            taken.append((x - w / 2, y - h / 2, x + w / 2, y + h / 2))
        for of, by, label in self.edges:
            x, y = self.places[by]
            u, v = self.places[of]
            x, u = x + self.sizes[by][0] / 2, u - self.sizes[of][0] / 2
            figure.arrows.append((x, y, u, v))
            text = self._free_place(_shortened(label, 44), x, y, u, v, taken)
            taken.append(text.box)
            figure.texts.append(text)
        for name, (x, y) in self.places.items():
            w, h = self.sizes[name]
            figure.boxes.append((x - w / 2, y - h / 2, w, h))
            letters, digits = _name_parts(name)
            definition = self.definitions[name]
            figure.texts.append(_Text(x, y - (9 if definition else 0), letters, digits))
            if definition:
                figure.texts.append(_Text(x, y + 11, _shortened(definition), size=12))
        description = "; ".join(f"{of} depends on {by}: {label}" for of, by, label in self.edges)
        return Drawing(
            figure.svg(self.width, self.height, caption or "A graph of definitions", description),
            self.width,
            self.height,
        )

    def _free_place(
        self, label: str, x: float, y: float, u: float, v: float, taken: Sequence[tuple[float, float, float, float]]
    ) -> _Text:
        """Set a label on its edge where it covers nothing, or covers least."""
        best: tuple[float, _Text] | None = None
        for share in (0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74, 0.18, 0.82):
            text = _Text(x + share * (u - x), y + share * (v - y) - 1, label, size=11, has_halo=True)
            covered = sum(_overlap(text.box, other) for other in taken)
            if best is None or covered < best[0]:
                best = covered, text
        assert best is not None
        return best[1]


def _overlap(p: tuple[float, float, float, float], q: tuple[float, float, float, float]) -> float:
    return max(0.0, min(p[2], q[2]) - max(p[0], q[0])) * max(0.0, min(p[3], q[3]) - max(p[1], q[1]))


def _name_parts(name: str) -> tuple[str, str]:
    match = re.fullmatch(r"([^\W\d_]+)_?(\w*)", name)
    return (match[1], match[2]) if match else (name, "")


def _shortened(text: str, most: int = 30) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


# LaTeX


_ATTRIBUTE = re.compile(r'([\w-]+)="([^"]*)"')


def tikz(svg: str) -> str:
    """Return a drawing of this module as a TikZ picture.

    Parameters
    ----------
    svg : str
        What `draw` or `draw_graph` made: lines, circles, rectangles, triangles and texts.
    """
    shapes = re.finditer(r"<(line|circle|rect|polygon|text)\b([^>]*?)/?>(?:([^<]*)</text>)?", svg)
    parts = [_tikz_shape(match[1], dict(_ATTRIBUTE.findall(match[2])), match[3] or "") for match in shapes]
    inner = "\n".join(part for part in parts if part)
    return f"\\begin{{tikzpicture}}[x=0.75pt,y=-0.75pt]\n{inner}\n\\end{{tikzpicture}}"


def _tikz_shape(tag: str, at: Mapping[str, str], text: str) -> str:
    if tag == "line":
        return rf"\draw[gray] ({at['x1']},{at['y1']}) -- ({at['x2']},{at['y2']});"
    if tag == "circle":
        return rf"\draw[fill=white] ({at['cx']},{at['cy']}) circle[radius={float(at['r']) * 0.75:.2f}pt];"
    if tag == "polygon":
        return rf"\fill {' -- '.join(f'({point})' for point in at['points'].split())} -- cycle;"
    if tag == "rect":
        if "x" not in at:
            return ""
        x, y, w, h = (float(at[name]) for name in ("x", "y", "width", "height"))
        style = "draw, fill=white, rounded corners=4pt" if "stroke" in at else "fill=white, fill opacity=0.85"
        return rf"\path[{style}] ({x:.1f},{y:.1f}) rectangle ({x + w:.1f},{y + h:.1f});"
    size = float(at["font-size"]) * 0.75
    content = "".join(_TIKZ_LETTERS.get(letter, letter) for letter in unescape(text))
    content = rf"\textit{{{content}}}" if at.get("font-style") == "italic" else content
    anchor = "base" if "text-anchor" in at else "base west"
    font = rf"\fontsize{{{size:.1f}}}{{{size:.1f}}}\selectfont"
    return rf"\node[anchor={anchor}, inner sep=0pt, font={font}] at ({at['x']},{at['y']}) {{{content}}};"


_TIKZ_LETTERS = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "…": r"\ldots{}", "·": r"$\cdot$", "∂": r"$\partial$",
    "π": r"$\pi$", "σ": r"$\sigma$",
}  # fmt: skip
