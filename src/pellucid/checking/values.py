"""Numbers worked out by hand to a few digits: right, rounded early, following from a slip, or like a mistake."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.activations import Activation
from pellucid.arrays import Array, as_count, as_number
from pellucid.backprop import Record, backpropagate, feedforward
from pellucid.checking.diagnosis import Hypothesis, Part, Shown, equations_block
from pellucid.checking.factors import named_factors
from pellucid.checking.faults import (
    back_ways,
    bias_ways,
    delta_ways,
    kind_of,
    mistakes_of,
    output_ways,
    slopes,
    weight_ways,
    worlds,
)
from pellucid.checking.problem import PerLayerArrays, Problem
from pellucid.checking.readings import part_of
from pellucid.checking.ways import Fault, Faults, State, World
from pellucid.described import Brief
from pellucid.errors import UnknownLabelError
from pellucid.explanation import Explanation, explain
from pellucid.hints import expect, hinted
from pellucid.losses import LOSSES
from pellucid.notation import SYMBOLS, Label, parse, parse_partial
from pellucid.results import Result
from pellucid.samples import Samples

if TYPE_CHECKING:
    from pellucid.document import Document

_ROUNDINGS = range(2, 7)
"""Digits, significant or after the point, that intermediate results may have been rounded to."""


@dataclass(frozen=True, repr=False)
class ValueDiagnosis(Result):
    r"""What a number worked out by hand is. True if it is right, whenever it was rounded.

    `latex` is the right equation as an ``aligned`` block, which goes between ``\[`` and ``\]``.

    Attributes
    ----------
    verdict : {'right', 'rounded_early', 'follows', 'wrong'}
        ``rounded_early``: what comes out if intermediate results are rounded. ``follows``: right, given earlier entries
        that are wrong.
    label : str
        The quantity; partials are ∂L/∂w and ∂L/∂b.
    value : float
        As given.
    expected : float
        The right number, not rounded.
    digits : int
        Significant digits that were compared.
    hypotheses : tuple of Hypothesis
        Mistakes that give this number, the likeliest first.
    detail : str
        How it was rounded, or which entry it follows from.
    explanation : Explanation or None
        The right equation with its numbers.
    """

    verdict: str
    label: str
    value: float
    expected: float
    digits: int
    hypotheses: tuple[Hypothesis, ...] = ()
    detail: str = ""
    explanation: Explanation | None = None

    def __bool__(self) -> bool:
        return self.verdict in ("right", "rounded_early")

    @property
    def rows(self) -> tuple[str, ...]:
        """Rows of the table of mistakes, of the likeliest hypothesis."""
        return self.hypotheses[0].rows if self.hypotheses else ()

    @property
    def headline(self) -> str:
        """The verdict in a line."""
        right = f"{self.expected:.{self.digits}g}"
        words = {
            "right": f"RIGHT: {self.label} = {right}",
            "rounded_early": f"RIGHT, BUT ROUNDED TOO EARLY: {self.label} is {right}; "
            f"{self.value:g} comes out {self.detail}",
            "follows": f"FOLLOWS: {self.value:g} is right for {self.detail}; {self.label} is {right}",
            "wrong": f"WRONG: {self.label} is {right}, not {self.value:g}",
        }
        return words[self.verdict]

    @property
    def text(self) -> str:
        """The diagnosis over several lines."""
        lines = [self.headline]
        if self.verdict == "wrong":
            lines.append(self._about_hypotheses())
        for hypothesis in self.hypotheses:
            for part in hypothesis.parts:
                right, wrong = part.equations()
                lines += [f"  [{part.row}] {part.title}", f"      right   {right}", f"      here    {wrong}"]
        if not self and self.explanation is not None:
            lines.append(self.explanation.text)
        return "\n".join(lines)

    @property
    def latex(self) -> str:
        """The right equation with its numbers as LaTeX."""
        return "" if self.explanation is None else self.explanation.latex

    def document(self) -> Document:
        """Return it as a document."""
        from pellucid.document import Block, Document, Paragraph, escape

        tone = {"right": "good", "wrong": "bad"}.get(self.verdict, "doubtful")
        blocks: list[Block] = [Paragraph(f"**{escape(self.headline)}**", tone)]  # type: ignore[arg-type]
        if self.verdict == "wrong":
            blocks.append(Paragraph(self._about_hypotheses()))
        for hypothesis in self.hypotheses:
            for part in hypothesis.parts:
                blocks += [Paragraph(f"**[{part.row}] {escape(part.title)}**"), equations_block(part)]
        if not self and self.explanation is not None:
            blocks += self.explanation.document().blocks
        return Document("Diagnosis of a number", tuple(blocks))

    def _about_hypotheses(self) -> str:
        return "It looks like:" if self.hypotheses else "No known mistake gives this number."

    def __repr__(self) -> str:
        return f"<ValueDiagnosis: {self.headline if len(self.headline) <= 400 else f'{self.headline[:399]}…'}>"

    def to_dict(self) -> dict[str, Any]:
        """Return it as what JSON can hold."""
        data = {name: getattr(self, name) for name in ("verdict", "label", "value", "expected", "digits", "detail")}
        data["hypotheses"] = [[asdict(part) for part in one.parts] for one in self.hypotheses]
        if self.explanation is not None:
            data |= {"equation": self.explanation.text, "equation_latex": self.explanation.latex}
        return data | {"rows": list(self.rows), "headline": self.headline}


def rounds_to(exact: float, value: float, digits: int) -> bool:
    """Whether a number, rounded to so many significant digits, is the value given; a half may go either way."""
    if exact == 0 or value == 0:
        return exact == value or abs(exact - value) < 0.5 * 10.0**-digits
    unit = 10.0 ** (np.floor(np.log10(abs(exact))) - digits + 1)
    # the value itself may have fewer digits after the point than the rule asks for: compare both, rounded
    return abs(exact - value) <= 0.5 * unit * (1 + 1e-6)


class Bench:
    """All quantities of one sample or batch, right and under each single mistake."""

    def __init__(self, run: Record, sample: int | None) -> None:
        self.run, self.sample = run, sample
        single = run.is_single
        X = np.atleast_2d(run.a[1])
        Y = np.atleast_2d(run.y)
        if sample is not None and not single:
            X, Y = X[sample - 1 : sample], Y[sample - 1 : sample]
        weight = None
        share = np.atleast_1d(run.share)
        if len(X) > 1 and np.ptp(share):
            weight = share
        penalty = run.penalty if sample is None else type(run.penalty)()
        self.problem = Problem(run.layers, Samples(X, Y, run.loss_function, weight, is_single=len(X) == 1), penalty)

    def of(self, quantities: Quantities, label: Label | None) -> float | None:
        """The number that a label names; None asks for the loss."""
        if label is None:
            return quantities.loss
        arrays = quantities.arrays[label.symbol]
        if label.layer not in arrays:
            return None
        array = arrays[label.layer]
        if label.symbol in "wb":
            return float(array[label.index])
        return float(array[0][label.index]) if len(array) == 1 else None


@dataclass(frozen=True, eq=False)
class Quantities:
    """z, a, d and partials by symbol and layer, and the loss."""

    arrays: dict[str, PerLayerArrays]
    loss: float | None = None


def right_quantities(problem: Problem, loss: float | None) -> Quantities:
    """What is right."""
    return Quantities(
        {"z": problem.z, "a": problem.a, "d": problem.d, "w": problem.gradient_W, "b": problem.gradient_b}, loss
    )


def mistaken_quantities(problem: Problem) -> Iterator[tuple[Fault, int, Quantities]]:
    """Every quantity under each single mistake that is made by hand: (the mistake, its layer, the numbers)."""
    F = problem.F
    all_worlds = [world for world in worlds(problem) if len(world.faults) < 2]
    for world in all_worlds[1:]:
        ((fault, layers),) = world.faults
        if len(layers) == 1 and kind_of(fault).by_hand:
            yield fault, layers[0], _finished(problem, world, {F: _top(problem, world)})
    right = all_worlds[0]
    chain = {F: _top(problem, right)}
    for l in range(F - 1, 1, -1):
        chain[l] = _below(problem, right, chain[l + 1], l)
    yield from _slips_in_z(problem)
    for e, d, faults in output_ways(problem, right):
        if len(faults) == 1 and kind_of(faults[0]).by_hand:
            yield faults[0], F, _finished(problem, right, {F: State(right, e, d)})
    for l in range(F - 1, 1, -1):
        above = chain[l + 1]
        known = {m: chain[m] for m in range(l + 1, F + 1)}
        (right_slope, _), *other_slopes = slopes(problem, right, l)
        (right_e, _), *other_e = back_ways(problem, above, l)
        ways: list[tuple[Array, Array, Faults]] = [(right_e, right_e * slope, faults) for slope, faults in other_slopes]
        ways += [(e, e * right_slope, faults) for e, faults in other_e]
        ways += delta_ways(problem, above, l)
        for e, d, faults in ways:
            if len(faults) == 1 and kind_of(faults[0]).by_hand:
                yield faults[0], l, _finished(problem, right, {**known, l: State(right, e, d)})
    for l in range(F, 1, -1):
        empty: dict[str, PerLayerArrays] = {symbol: {} for symbol in "zadwb"}
        for product, faults in weight_ways(problem, chain[l], l):
            if len(faults) == 1 and kind_of(faults[0]).by_hand:
                yield faults[0], l, Quantities({**empty, "w": {l: product.whole + problem.penalty_term(l)}})
        for b, faults in bias_ways(problem, chain[l], l) if problem.has_bias else ():
            if len(faults) == 1 and kind_of(faults[0]).by_hand:
                yield faults[0], l, Quantities({**empty, "b": {l: b}})


def _slips_in_z(problem: Problem) -> Iterator[tuple[Fault, int, Quantities]]:
    """Slips that show in one z or a alone and are mended by the next step."""
    empty: dict[str, PerLayerArrays] = {"z": {}, "a": {}, "d": {}, "w": {}, "b": {}}
    for l in problem.z:
        yield Fault("stored_a"), l, Quantities({**empty, "z": {l: problem.a[l]}})
        yield Fault("other_activation", "identity"), l, Quantities({**empty, "a": {l: problem.z[l]}})
        if problem.sigma[l].elementwise:
            yield Fault("slope_for_a"), l, Quantities({**empty, "a": {l: problem.sigma[l].derivative(problem.z[l])}})


def _top(problem: Problem, world: World) -> State:
    e, d, _ = next(iter(output_ways(problem, world)))
    return State(world, e, d)


def _below(problem: Problem, world: World, above: State, l: int) -> State:
    e, _ = next(iter(back_ways(problem, above, l)))
    slope, _ = slopes(problem, world, l)[0]
    return State(world, e, e * slope)


def _finished(problem: Problem, world: World, known: dict[int, State]) -> Quantities:
    """Go on rightly from the state of the lowest known layer."""
    states = dict(known)
    for l in range(min(known) - 1, 1, -1):
        states[l] = _below(problem, world, states[l + 1], l)
    d = {l: one.d for l, one in states.items()}
    W, b = problem.formed(world.a, d)
    return Quantities({"z": world.z, "a": world.a, "d": d, "w": W, "b": b})


def _hypothesis(problem: Problem, fault: Fault, layer: int) -> list[Hypothesis]:
    return [
        Hypothesis((part_of(fault, mistake, (layer,), problem.F),)) for mistake in mistakes_of(fault, layer, problem.F)
    ]


def _candidates(bench: Bench, label: Label | None, right: float) -> Iterator[tuple[Hypothesis, float]]:
    """What each mistake makes of one quantity."""
    problem, run = bench.problem, bench.run
    if label is None:
        for other in LOSSES.values():
            if other.name != problem.loss.name:
                with np.errstate(all="ignore"):
                    value = float(problem.share @ other.function(problem.a[problem.F], problem.Y))
                yield Hypothesis((Part("28", (), f"the loss is that of {other.name}", problem.F),)), value
        if run.penalty and bench.sample is None:
            yield (
                Hypothesis((Part("23", (), "missing in the loss", problem.F),)),
                right - run.penalty.value(run.layers.W),
            )
    else:
        for fault, layer, quantities in mistaken_quantities(problem):
            found = bench.of(quantities, label)
            if found is not None and np.isfinite(found):
                for hypothesis in _hypothesis(problem, fault, layer):
                    yield hypothesis, found
        yield from _neighbours(bench, label)
        if label.symbol == "w" and problem.penalty:
            without = right - float(problem.penalty_term(label.layer)[label.index])
            yield Hypothesis((Part("23", (), "missing", problem.F),)), without
    if label is None or label.symbol in "wbd":
        for factor in named_factors(problem):
            if label is not None and label.symbol == "d" and factor.row in ("10", "11"):
                continue
            part = Part(factor.row, (), f"the factor {factor.name}", problem.F, factor.is_convention)
            yield Hypothesis((part,)), right * factor.value


def _neighbours(bench: Bench, label: Label) -> Iterator[tuple[Hypothesis, float]]:
    """The right number of another neuron, or of w_kj for w_jk."""
    problem = bench.problem
    quantities = right_quantities(problem, None)
    n_l = problem.sizes[label.layer - 1]
    if label.symbol == "w":
        assert label.k is not None
        if label.k <= n_l and label.j <= problem.sizes[label.layer - 2] and label.j != label.k:
            turned = Label("w", label.layer, label.k, label.j)
            value = bench.of(quantities, turned)
            assert value is not None
            yield Hypothesis((Part("7", (label.layer,), f"it is the number of {turned}", problem.F),)), value
        return
    for j in range(1, n_l + 1):
        if j != label.j:
            other = Label(label.symbol, label.layer, j)
            value = bench.of(quantities, other)
            if value is not None:
                yield Hypothesis((Part("9", (label.layer,), f"it is the number of {other}", problem.F),)), value


@hinted
def diagnose_value(
    run: Record,
    symbol: str | Label,
    *,
    value: float,
    layer: int | None = None,
    j: int | None = None,
    k: int | None = None,
    digits: int = 3,
    sample: int | None = None,
    given: Mapping[str, float] | None = None,
) -> ValueDiagnosis:
    """Judge one number that was worked out by hand to a few digits.

    Parameters
    ----------
    run : Run
        Of `Network.backprop`.
    symbol : str
        ``z``, ``a``, ``d``, ``w`` (for ∂L/∂w), ``b`` (for ∂L/∂b) or ``L``; or a whole label such as ``d_1^2``.
    value : float
        What was found.
    layer, j, k : int
        As in the labels, from 1.
    digits : int
        Significant digits of the value.
    sample : int, optional
        From 1; z, a and d of a batch need it.
    given : mapping, optional
        Earlier entries by label, as they were written down: a number that is right for them follows.

    Returns
    -------
    ValueDiagnosis

    Raises
    ------
    UnknownLabelError
        No such quantity.
    ValueError, TypeError
        A value that is no finite number; a batch whose sample is not named.

    Examples
    --------
    >>> import pellucid as pl
    >>> net = pl.Network([3, 4, 2], activation="sigmoid", seed=0)
    >>> run = net.backprop([0.5, -1, 2], [1, 0])
    >>> print(pl.diagnose_value(run, "d", layer=2, j=1, value=-0.00771, digits=3).headline)
    WRONG: d_1^2 is -0.00141, not -0.00771
    >>> pl.diagnose_value(run, "d_1^2", value=-0.00771, digits=3).rows
    ('2',)
    """
    expect(run, Record, "run", "a run of backprop", "run = network.backprop(X, y)")
    value = as_number(value, "value", -np.inf, open_low=True)
    digits = as_count(digits, "digits")
    explanation = explain(run, symbol, layer=layer, j=j, k=k, sample=sample)
    label = None if symbol == "L" else _label(symbol, layer, j, k)
    bench = Bench(run, sample)
    exact = explanation.value
    make: Callable[..., ValueDiagnosis] = lambda verdict, **rest: ValueDiagnosis(  # noqa: E731
        verdict,
        explanation.quantity,
        value,
        exact,
        digits,
        explanation=explanation,
        **rest,
    )
    if rounds_to(exact, value, digits):
        return make("right")
    if given and (follows := _follows(bench, label, value, digits, given)):
        return make("follows", detail=follows)
    with np.errstate(all="ignore"):
        found = [
            hypothesis for hypothesis, number in _candidates(bench, label, exact) if rounds_to(number, value, digits)
        ]
    early = _rounded_early(bench, label, value, exact, digits)
    if not early and given:
        early = _from_rounded(bench, label, value, digits, given)
    near = exact != 0 and abs(value - exact) < 0.05 * abs(exact)
    if early and (near or not found):
        return make("rounded_early", detail=early)
    unique = tuple(dict.fromkeys(found))
    return make("wrong", hypotheses=unique[:6])


def _label(symbol: str | Label, layer: int | None, j: int | None, k: int | None) -> Label:
    if isinstance(symbol, str) and symbol in SYMBOLS:
        if layer is None or j is None:
            raise UnknownLabelError(f"{symbol} needs layer and j")
        return Label(symbol, layer, j, k)
    return (parse_partial(symbol) if isinstance(symbol, str) else None) or parse(symbol)


def _rounded_early(bench: Bench, label: Label | None, value: float, exact: float, digits: int) -> str:
    """How intermediate results must have been rounded for this value to come out, or nothing."""
    if label is None:
        return ""
    for places in sorted(_ROUNDINGS, reverse=True):
        for kind, rounding in (("significant digits", _significant), ("decimals", np.round)):

            def rounded(array: Array, rounding: Any = rounding, places: int = places) -> Array:
                return np.asarray(rounding(array, places))

            number = _chain(bench, label, rounded, {})
            if number is not None and rounds_to(number, value, digits) and not rounds_to(number, exact, digits + 2):
                return f"if intermediate results are rounded to {places} {kind}"
    return ""


def _significant(array: Array, digits: int) -> Array:
    with np.errstate(all="ignore"):
        power = np.where(array == 0, 0, np.floor(np.log10(np.abs(array))) - digits + 1)
    unit = 10.0**power
    return np.asarray(np.round(array / unit) * unit)


def _follows(bench: Bench, label: Label | None, value: float, digits: int, given: Mapping[str, float]) -> str:
    """Which earlier entries a value follows from, if those are not right themselves."""
    entries = _entries(given)
    wrong = _wrong(bench, entries, digits)
    if label is None or not wrong or not _comes_out(bench, label, value, digits, entries, wrong):
        return ""
    return "the earlier " + " and ".join(f"{entry} = {number:g}" for entry, number in wrong.items())


def _from_rounded(bench: Bench, label: Label | None, value: float, digits: int, given: Mapping[str, float]) -> str:
    """Whether a value comes out of right earlier entries as they were rounded; nothing if not."""
    entries = _entries(given)
    for entry in _wrong(bench, entries, digits):  # one that is wrong was not rounded
        del entries[entry]
    if label is None or not entries or not _comes_out(bench, label, value, digits, entries, {}):
        return ""
    return "if the earlier entries are taken as they were rounded"


def _entries(given: Mapping[str, float]) -> dict[Label, float]:
    return {parse(name): as_number(number, name, -np.inf, open_low=True) for name, number in given.items()}


def _wrong(bench: Bench, entries: Mapping[Label, float], digits: int) -> dict[Label, float]:
    quantities = right_quantities(bench.problem, None)
    return {
        entry: number
        for entry, number in entries.items()
        if (exact := bench.of(quantities, entry)) is not None and not rounds_to(exact, number, digits)
    }


_MOST_SPREAD = 0.05
"""Of a number: what its rounded predecessors may be said to have moved it by."""


def _comes_out(
    bench: Bench, label: Label, value: float, digits: int, entries: Mapping[Label, float], wrong: Mapping[Label, float]
) -> bool:
    """Whether a value follows from entries of which the last digit that was written may be rounded.

    What is right is calculated with, and what is wrong taken as given; then each entry is moved by half of its last
    digit, and the value may lie as far off as all of them together move it. σ' is taken of z or in terms of a.
    """
    for is_of_a in (False, True):
        central = _chain(bench, label, lambda array: array, wrong, is_of_a=is_of_a)
        if central is None:
            continue
        if wrong and rounds_to(central, value, digits):
            return True
        spread = 0.0
        for entry, number in entries.items():
            half = _half_a_unit(number, digits)
            moved = (
                _chain(bench, label, lambda array: array, {**wrong, entry: at}, is_of_a=is_of_a)
                for at in (number - half, number + half)
            )
            spread += max((abs(one - central) for one in moved if one is not None), default=0.0)
        if abs(value - central) <= min(spread, _MOST_SPREAD * abs(central)) + _half_a_unit(value, digits):
            return True
    return False


def _half_a_unit(number: float, digits: int) -> float:
    return 0.0 if number == 0 else 0.5 * 10.0 ** (math.floor(math.log10(abs(number))) - digits + 1)


_INVERSES: Mapping[str, Callable[[Array], Array]] = {"sigmoid": lambda a: np.log(a / (1 - a)), "tanh": np.arctanh}
"""Activations whose σ' people take in terms of a."""


def _chain(
    bench: Bench,
    label: Label,
    rounded: Callable[[Array], Array],
    fixed: Mapping[Label, float],
    *,
    is_of_a: bool = False,
) -> float | None:
    """Work the five steps, every intermediate result passed through ``rounded``, some entries as given.

    With ``is_of_a``, σ' is taken in terms of a as it then stands, and not of z.
    """
    problem = bench.problem

    def kept(symbol: str, l: int, array: Array) -> Array:
        array = rounded(array).copy() if (symbol, l) != (label.symbol, label.layer) else array.copy()
        for entry, number in fixed.items():
            if (entry.symbol, entry.layer) == (symbol, l) and entry != label:
                array[(..., entry.index[0]) if symbol in "zad" else entry.index] = number
        return array

    z, a = feedforward(problem.exact, problem.X, kept=kept)
    if is_of_a and label.symbol not in "za":
        for l in z:
            inverse = _INVERSES.get(problem.sigma[l].name)
            with np.errstate(all="ignore"):
                z[l] = z[l] if inverse is None else inverse(a[l])
    with np.errstate(all="ignore"):
        d = backpropagate(problem.exact, z, a, problem.Y, problem.loss, _rounded_slopes(problem, rounded), kept)
    W, b = problem.formed(a, d)
    return bench.of(Quantities({"z": z, "a": a, "d": d, "w": W, "b": b}), label)


def _rounded_slopes(problem: Problem, rounded: Callable[[Array], Array]) -> dict[int, Activation]:
    """The activations, with σ' of the hidden layers as written down."""

    def slope(sigma: Activation) -> Activation:
        return Activation(sigma.name, sigma.function, lambda z: rounded(sigma.derivative(z)))

    return {l: sigma if l == problem.F else slope(sigma) for l, sigma in problem.sigma.items()}


@dataclass(frozen=True, repr=False)
class Separation(Brief, Result):
    """Whether the numbers of an exercise keep the mistakes apart. True if each shows and no two look the same.

    Attributes
    ----------
    hidden : tuple of Hypothesis
        Mistakes that leave every asked number right, to its digits.
    confused : tuple of (Hypothesis, Hypothesis)
        Mistakes that give the same numbers here, and elsewhere do not.
    shown : tuple of Shown
        For each mistake that shows, where it does so best.
    """

    hidden: tuple[Hypothesis, ...]
    confused: tuple[tuple[Hypothesis, Hypothesis], ...]
    shown: tuple[Shown, ...] = field(default=(), repr=False)

    def __bool__(self) -> bool:
        return not self.hidden and not self.confused

    @property
    def text(self) -> str:
        """What is hidden or confused, a line for each."""
        return "\n".join(self._lines())

    def document(self) -> Document:
        """Return it as a document."""
        from pellucid.document import Document, Items, escape

        return Document("Which mistakes the numbers keep apart", (Items(tuple(map(escape, self._lines()))),))

    def _lines(self) -> list[str]:
        if self:
            return ["the numbers keep all mistakes apart"]
        lines = [f"does not show: [{'+'.join(one.rows)}] {one.title}" for one in self.hidden]
        lines += [
            f"look the same: [{'+'.join(u.rows)}] {u.title} and [{'+'.join(v.rows)}] {v.title}"
            for u, v in self.confused
        ]
        return lines


@hinted
def keeps_apart(
    run: Record, labels: object = None, *, digits: int = 3, rows: object = None, sample: int | None = None
) -> Separation:
    """Tell whether the numbers of an exercise keep the mistakes apart, so that each can be named from the answers.

    Parameters
    ----------
    run : Run
    labels : sequence of str, optional
        The quantities that are asked; all z, a, d and partials without it.
    digits : int
        Significant digits of the answers.
    rows : sequence of str, optional
        Mistakes that matter; all that apply without it.
    sample : int, optional
        As in `diagnose_value`.

    Returns
    -------
    Separation
    """
    digits = as_count(digits, "digits")
    bench = Bench(run, sample)
    problem = bench.problem
    if labels is None:
        asked = [
            label for symbol in "zadwb" for label in run.layers.labels(symbol) if (symbol, label.layer) != ("a", 1)
        ]
    else:
        asked = [parse(label) for label in labels]  # type: ignore[attr-defined]
    right = right_quantities(problem, None)
    exact = {label: bench.of(right, label) for label in asked}
    told: list[tuple[Hypothesis, dict[Label, float]]] = []
    hidden: list[Hypothesis] = []
    shown: list[Shown] = []
    with np.errstate(all="ignore"):
        for fault, layer, quantities in mistaken_quantities(problem):
            hypothesis = _hypothesis(problem, fault, layer)[0]
            if rows is not None and not set(hypothesis.rows) <= set(rows):  # type: ignore[call-overload]
                continue
            numbers = {label: bench.of(quantities, label) for label in asked}
            known = {
                label: number for label, number in numbers.items() if number is not None and exact[label] is not None
            }
            if not known:
                continue
            off = {
                label: number
                for label, number in known.items()
                if not rounds_to(exact[label] or 0.0, float(f"{number:.{digits}g}"), digits)
            }
            if not off:
                hidden.append(hypothesis)
                continue
            best = max(off, key=lambda label: abs(off[label] - (exact[label] or 0.0)))
            shown.append(Shown(str(best), off[best], exact[best] or 0.0))
            told.append((hypothesis, known))
    confused = []
    for (u, p), (v, q) in combinations(told, 2):
        together = set(p) | set(q)
        same = all(
            rounds_to(
                p.get(label, exact[label] or 0.0), float(f"{q.get(label, exact[label] or 0.0):.{digits}g}"), digits
            )
            for label in together
        )
        if same and u.rows != v.rows:
            confused.append((u, v))
    return Separation(tuple(hidden), tuple(confused), tuple(shown))
