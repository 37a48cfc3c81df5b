"""What a gradient under test is, in the textbook's words: plain data that prints as text, LaTeX and HTML."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from pellucid.arrays import Array
from pellucid.checking.mistakes import MISTAKES, Mistake, equation_latex, equation_text
from pellucid.described import Brief
from pellucid.results import Result

if TYPE_CHECKING:
    from pellucid.checking.reading import Reading
    from pellucid.document import Block, Document, Equation

VERDICTS = ("right", "convention", "wrong", "unreadable")
STEPS = {
    0: "around the steps",
    1: "1 Input",
    2: "2 Feedforward",
    3: "3 Output",
    4: "4 Backpropagate",
    5: "5 Gradient",
}


@dataclass(frozen=True, repr=False)
class Part(Brief):
    """One mistake, and where it is.

    Attributes
    ----------
    row : str
        Of the table of mistakes.
    layers : tuple of int
        The layers that it is in; empty if it concerns the whole.
    detail : str
        What exactly, where the row has several forms.
    F : int
        The number of layers of the network.
    is_convention : bool
        Whether it is a constant factor that the gradient of another common loss has.
    fault : str
        The row of the table of faults that it was recognised by.
    """

    row: str
    layers: tuple[int, ...]
    detail: str = ""
    F: int = 0
    is_convention: bool = False
    fault: str = field(default="", compare=False)

    @property
    def mistake(self) -> Mistake:
        """Its row of the table."""
        return MISTAKES[self.row]

    @property
    def step(self) -> int:
        """The step of the algorithm that it happens in: a slope of the output layer belongs to step 3."""
        step = self.mistake.step
        return 3 if step == 4 and self.layers and min(self.layers) == self.F else step

    @property
    def title(self) -> str:
        """What is wrong, and in which layers."""
        where = ""
        if self.layers and not (self.step == 3 and self.layers == (self.F,)):
            where = f" (layer{'s' if len(self.layers) > 1 else ''} {', '.join(map(str, self.layers))})"
        return f"{self.mistake.name}{f': {self.detail}' if self.detail else ''}{where}"

    def equations(self) -> tuple[str, str]:
        """The equation as it must be, the faulty factor marked ⟦…⟧, and as it was computed."""
        right, wrong = self._templates()
        l = self._layer()
        return equation_text(right, l, self.F or None), equation_text(wrong, l, self.F or None)

    def equations_latex(self) -> tuple[str, str]:
        """The same as LaTeX, the faulty factor boxed."""
        right, wrong = self._templates()
        l = self._layer()
        return equation_latex(right, l, self.F or None), equation_latex(wrong, l, self.F or None)

    def _layer(self) -> int | None:
        return max(self.layers) if self.layers else None

    def _templates(self) -> tuple[str, str]:
        row = self.mistake
        right, wrong = row.forms.get(self.fault, (row.right, row.wrong))
        if row.step == 4 and self.step == 3:  # at the output ∇_a L takes the place of what the layer above sends
            sent = "((W^<l+1>)^T d^<l+1>)"
            return right.replace(sent, "∇_a L"), wrong.replace(sent, "∇_a L")
        return right, wrong


def place_of(part: Part) -> tuple[object, ...]:
    """Where in the algorithm a part comes: conventions last, backward steps from the output down."""
    backward = part.step > 2
    layer = -max(part.layers, default=0) if backward else min(part.layers, default=0)
    return part.is_convention, part.step, layer


@dataclass(frozen=True, repr=False)
class Hypothesis(Brief):
    """What would give the numbers: one mistake, or several together."""

    parts: tuple[Part, ...]

    @property
    def rows(self) -> tuple[str, ...]:
        """Rows of the table of mistakes."""
        return tuple(part.row for part in self.parts)

    @property
    def title(self) -> str:
        """All its parts in a line."""
        return "; and ".join(part.title for part in self.parts)

    @property
    def step(self) -> int:
        """The first step that it touches."""
        return min(part.step for part in self.parts)


@dataclass(frozen=True, repr=False)
class Shown(Brief):
    """The number that shows the mistake best."""

    label: str
    given: float
    right: float

    def __str__(self) -> str:
        return f"{self.label}: given {self.given:.6g}, right {self.right:.6g}"


@dataclass(frozen=True, repr=False)
class BetterInput(Brief):
    """Samples on which the hypotheses that are left give different numbers."""

    X: Array
    y: Array
    why: str = ""


@dataclass(frozen=True, eq=False, repr=False)
class Diagnosis(Result):
    r"""What a gradient under test is. True if it is right, up to a convention.

    `latex` is an ``aligned`` block, which goes between ``\[`` and ``\]``.

    Attributes
    ----------
    verdict : {'right', 'convention', 'wrong', 'unreadable'}
        ``convention``: the right gradient of a loss that differs by a named constant factor. ``unreadable``: nothing
        that was handed in can be the gradient of this network, so that there is nothing to judge.
    hypotheses : tuple of Hypothesis
        What gives the numbers, the likeliest first; all that fit. Empty if right, or if nothing known fits.
    behaviour : tuple of Part
        What a function under test did apart from its numbers: raised, changed its arguments, remembered the last call.
    step, layer : int or None
        The first step of the algorithm that departs, and the layer (the highest in the backward steps).
    shown : Shown or None
        The weight or bias that shows it best.
    relative_error : dict
        By ``"W^2"``, ``"b^2"``, …: ‖g - t‖ / ‖t‖ before any factor is taken out.
    located : tuple of str
        Where it departs: layers, weights or biases, samples.
    notes : tuple of str
        What else is worth knowing.
    better_input : BetterInput or None
        Where several hypotheses fit: samples that tell them apart.
    reading : Reading or None
        Which part of what was handed in was read as which part of the gradient.
    """

    verdict: str
    hypotheses: tuple[Hypothesis, ...] = ()
    behaviour: tuple[Part, ...] = ()
    step: int | None = None
    layer: int | None = None
    shown: Shown | None = None
    relative_error: dict[str, float] = field(default_factory=dict)
    located: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    better_input: BetterInput | None = None
    reading: Reading | None = None

    def __bool__(self) -> bool:
        return self.verdict in ("right", "convention")

    @property
    def rows(self) -> tuple[str, ...]:
        """Rows of the table of mistakes: of what the function did, then of the likeliest hypothesis."""
        first = self.hypotheses[0].rows if self.hypotheses else ()
        return tuple(dict.fromkeys((*(part.row for part in self.behaviour), *first)))

    @property
    def headline(self) -> str:
        """The verdict in a line."""
        if self.verdict == "right":
            return "RIGHT: the gradient is that of the loss"
        if self.verdict == "unreadable":
            return "UNREADABLE: what was returned cannot be read as the gradient of this network"
        # what a function did instead of returning a gradient is said in full
        did = [part.title if part.row == "38" else part.mistake.name for part in self.behaviour[:1]]
        likeliest = did or [one.title for one in self.hypotheses[:1]]
        if self.verdict == "convention":
            return f"RIGHT UP TO A CONVENTION: {likeliest[0]}"
        where = "" if self.step is None else f" at step {STEPS[self.step]}" if self.step else ""
        where += f", layer {self.layer}" if self.layer is not None and self.step not in (0, None) else ""
        return f"WRONG{where}{f': {likeliest[0]}' if likeliest else ', but not by a known mistake'}"

    @property
    def text(self) -> str:
        """The diagnosis over several lines."""
        lines = [self.headline]
        for part in self.behaviour:
            lines += ["", f"[{part.row}] {part.title}", *_told(part)]
        several = len(self.hypotheses) > 1
        if several:
            lines += ["", f"{len(self.hypotheses)} hypotheses give these numbers, the likeliest first:"]
        for i, hypothesis in enumerate(self.hypotheses, start=1):
            for k, part in enumerate(hypothesis.parts):
                number = f"{i}. " if several and k == 0 else "   " if several else ""
                joint = "and " if k else ""
                lines += ["", f"{number}{joint}[{part.row}] {part.title}", *_told(part)]
        if self.shown is not None:
            lines += ["", f"seen best at {self.shown}"]
        if self.located:
            lines += ["", *self.located]
        if self.better_input is not None:
            lines += ["", f"a better input: {self.better_input.why}"]
        lines += self._remarks()
        lines += ["", f"more: {self._more}"] if self.rows else []
        return "\n".join(lines)

    def _remarks(self) -> list[str]:
        """How it was read, and the notes."""
        how = "" if self.reading is None else self.reading.text
        return [*([how] if how else []), *(f"note: {note}" for note in self.notes)]

    @property
    def _more(self) -> str:
        """The command that prints the pages of the mistakes that were found."""
        return f"pellucid mistakes {' '.join(self.rows)}"

    def __repr__(self) -> str:
        return f"<Diagnosis: {self.headline if len(self.headline) <= 400 else f'{self.headline[:399]}…'}>"

    @property
    def latex(self) -> str:
        """The equations of the findings as LaTeX: right, then as computed."""
        parts = [*self.behaviour, *(part for one in self.hypotheses[:1] for part in one.parts)]
        rows = []
        for part in parts:
            right, wrong = part.equations_latex()
            rows += [rf"\text{{right:}}\quad & {right}", rf"\text{{here:}}\quad & {wrong}"]
        rows = rows or [r"\text{right}"]
        return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"

    def document(self) -> Document:
        """Return it as a document."""
        from pellucid.document import Document, Items, Paragraph, escape

        tone = {"right": "good", "wrong": "bad"}.get(self.verdict, "doubtful")
        blocks: list[Block] = [Paragraph(f"**{escape(self.headline)}**", tone)]  # type: ignore[arg-type]
        for part in self.behaviour:
            blocks += _part_blocks(part)
        several = len(self.hypotheses) > 1
        if several:
            blocks.append(Paragraph(f"{len(self.hypotheses)} hypotheses give these numbers, the likeliest first:"))
        for i, one in enumerate(self.hypotheses, start=1):
            for k, part in enumerate(one.parts):
                blocks += _part_blocks(part, "and " if k else f"{i}. " if several else "")
        tail = [f"seen best at {self.shown}"] if self.shown else []
        tail += [*self.located, *([f"a better input: {self.better_input.why}"] if self.better_input else [])]
        tail += self._remarks()
        tail += [f"more: {self._more}"] if self.rows else []
        blocks += [Items(tuple(map(escape, tail)))] if tail else []
        return Document("Diagnosis of a gradient", tuple(blocks))

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON-serializable dict."""

        def part_dict(part: Part) -> dict[str, Any]:
            right, wrong = part.equations()
            row = part.mistake
            return {
                "row": part.row,
                "name": row.name,
                "layers": list(part.layers),
                "detail": part.detail,
                "step": part.step,
                "right": right,
                "here": wrong,
                "why": row.why,
                "repair": row.repair,
            }

        better = self.better_input
        return {
            "verdict": self.verdict,
            "headline": self.headline,
            "rows": list(self.rows),
            "step": self.step,
            "layer": self.layer,
            "behaviour": [part_dict(part) for part in self.behaviour],
            "hypotheses": [[part_dict(part) for part in one.parts] for one in self.hypotheses],
            "shown": None if self.shown is None else asdict(self.shown),
            "relative_error": {key: value if value == value else None for key, value in self.relative_error.items()},
            "located": list(self.located),
            "notes": list(self.notes),
            "reading": None if self.reading is None else self.reading.text,
            "better_input": None
            if better is None
            else {"X": better.X.tolist(), "y": better.y.tolist(), "why": better.why},
        }


def _told(part: Part) -> list[str]:
    right, wrong = part.equations()
    row = part.mistake
    return [f"    right   {right}", f"    here    {wrong}", f"    why     {row.why}", f"    repair  {row.repair}"]


def _part_blocks(part: Part, number: str = "") -> Iterator[Block]:
    from pellucid.document import Paragraph, escape

    row = part.mistake
    yield Paragraph(f"{number}**[{row.row}] {escape(part.title)}**")
    yield equations_block(part)
    yield Paragraph(f"{escape(row.why)} Repair: {escape(row.repair)}")


def equations_block(part: Part) -> Equation:
    """Return the equation as it must be and as it was computed, as a block of a document."""
    from pellucid.document import Equation

    (right, wrong), (right_latex, wrong_latex) = part.equations(), part.equations_latex()
    return Equation(
        (rf"\text{{right:}}\quad & {right_latex}", rf"\text{{here:}}\quad & {wrong_latex}"),
        (f"right: & {right}", f"here: & {wrong}"),
    )
