"""The table of faults: its rows belong to mistakes, and their numbers are those of the way that they name."""

import numpy as np
import pytest

import pellucid as pl
from pellucid.checking.diagnosis import Part
from pellucid.checking.faults import (
    KINDS,
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
from pellucid.checking.mistakes import MISTAKES, equation_latex
from pellucid.checking.problem import Problem
from pellucid.checking.ways import State
from pellucid.samples import as_penalty, as_samples


def a_problem(sizes=(3, 4, 4, 1), activation="sigmoid", output=None, loss="mse", n=5, weight=None, masks=None):
    net = pl.Network(list(sizes), activation, output, seed=3, init="standard_normal")
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(n, sizes[0])), rng.random((n, sizes[-1]))
    if loss == "cross_entropy":
        Y = np.eye(sizes[-1])[rng.integers(0, sizes[-1], n)]
    return Problem(net, as_samples(net, X, Y, loss, weight), as_penalty(0, 0), masks)


PROBLEMS = [
    a_problem(),
    a_problem((3, 4, 4, 3), "leaky_relu", "softmax", "cross_entropy"),
    a_problem((4, 4, 4, 4), "tanh", "identity", "mae"),
    a_problem((3, 5, 4), "sigmoid", "softmax", "mse", weight=[1.0, 2, 0.5, 1, 3]),
    a_problem((4, 4, 2), "tanh", "sigmoid", "binary_cross_entropy", n=4, masks={2: np.array([2.0, 0, 2, 2])}),
]


def every_way(problem):
    """(symbol, layer, shape that the numbers must have, numbers, faults) of all ways from the right state."""
    right = next(worlds(problem))
    e, d, _ = next(output_ways(problem, right))
    state = State(right, e, d)
    for _, d, faults in output_ways(problem, right):
        yield "d", problem.F, (problem.n, problem.sizes[-1]), d, faults
    for l in range(problem.F, 1, -1):
        n_l, width = problem.sizes[l - 1], problem.sizes[l - 2]
        if l < problem.F:
            for slope, faults in slopes(problem, right, l):
                yield "slope", l, (problem.n, n_l), slope, faults
            for e, faults in back_ways(problem, state, l):
                yield "e", l, (problem.n, n_l), e, faults
            for _, d, faults in delta_ways(problem, state, l):
                yield "d", l, (problem.n, n_l), d, faults
            e, _ = next(back_ways(problem, state, l))
            state = State(right, e, e * slopes(problem, right, l)[0][0])
        for product, faults in weight_ways(problem, state, l):
            yield "W", l, (n_l, width), product.whole, faults
        for b, faults in bias_ways(problem, state, l):
            yield "b", l, (n_l,), b, faults


def test_each_row_belongs_to_mistakes_of_the_table():
    for kind in KINDS.values():
        assert kind.mistakes, kind.name
        assert {*kind.mistakes, *(kind.at_output or ())} <= set(MISTAKES), kind.name
        assert 0.9 < kind.cost < 1.5, kind.name


@pytest.mark.parametrize("problem", PROBLEMS)
def test_ways_have_their_shapes_and_their_words(problem):
    seen = set()
    with np.errstate(all="ignore"):
        for _, l, shape, numbers, faults in every_way(problem):
            assert np.shape(numbers) == shape, faults
            for fault in faults:
                seen.add(fault.kind)
                words = kind_of(fault).told(fault)
                assert "{l-1}" in words or ("{" not in words and "None" not in words), words
                for row in mistakes_of(fault, l, problem.F):
                    part = Part(row, (l,), words, problem.F, fault=fault.kind)
                    assert part.title.startswith(MISTAKES[row].name)
                    assert all(part.equations())
    assert len(seen) > 20


def test_every_row_of_the_table_has_numbers_somewhere():
    """But for those that are fitted to the gradient under test, or are the absence of something."""
    seen = {fault.kind for problem in PROBLEMS for world in worlds(problem) for fault, _ in world.faults}
    with np.errstate(all="ignore"):
        seen |= {fault.kind for problem in PROBLEMS for *_, faults in every_way(problem) for fault in faults}
    fitted = {"updated_weights", "unit_mask", "penalty", "clipped", "shifted"}
    by_hand = {"stored_a", "slope_for_a"}
    assert set(KINDS) - seen == fitted | by_hand | {"forgotten", "forgotten_weights"}


@pytest.mark.parametrize("problem", PROBLEMS)
def test_the_first_way_is_the_right_one(problem):
    truth = {"d": problem.d, "e": problem.e, "W": problem.gradient_W, "b": problem.gradient_b}
    seen = set()
    with np.errstate(all="ignore"):
        for symbol, l, _, numbers, faults in every_way(problem):
            if not faults and symbol in truth:
                np.testing.assert_allclose(numbers, truth[symbol][l], rtol=1e-12, atol=1e-15)
                seen.add((symbol, l))
    assert seen >= {(symbol, l) for symbol in "Wb" for l in problem.W}


@pytest.mark.parametrize("problem", PROBLEMS)
def test_products_are_the_same_formed_or_not(problem):
    rng = np.random.default_rng(0)
    right = next(worlds(problem))
    e, d, _ = next(output_ways(problem, right))
    U = rng.normal(size=(problem.sizes[-2], 2))
    for product, faults in weight_ways(problem, State(right, e, d), problem.F):
        np.testing.assert_allclose(product.times(U), product.whole @ U, rtol=1e-9, atol=1e-12, err_msg=str(faults))


def test_pages_of_mistakes():
    for row in MISTAKES.values():
        assert row.repair.split()[0] in row.text
        assert row.document().text.startswith(f"Mistake {row.row}: {row.name}")
        assert row.to_dict()["step"] in range(6)
        for right, wrong in [(row.right, row.wrong), *row.forms.values()]:
            assert "<" not in equation_latex(right, 2, 4) + equation_latex(wrong, 2, 4)
