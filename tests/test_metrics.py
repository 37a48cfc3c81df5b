"""Metrics: their formulas on small numbers, and what holds for any numbers."""

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import pellucid as pl
from pellucid.errors import UnknownNameError
from pellucid.metrics import METRICS, accuracy, as_metric, label_accuracy, mae, r2, rmse

EPS = np.finfo(float).eps
shapes = st.tuples(st.integers(1, 9), st.integers(2, 5))
reals = st.floats(-100, 100).filter(lambda v: v == 0 or abs(v) > 1e-3)  # squares that neither overflow nor vanish


@st.composite
def outputs_and_targets(draw, elements=reals):
    shape = draw(shapes)
    return draw(arrays(float, shape, elements=elements)), draw(arrays(float, shape, elements=elements))


def test_accuracy_of_classes_is_the_share_whose_largest_output_is_the_class():
    a = np.array([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2], [0.0, 0.1, 0.9], [0.2, 0.5, 0.3]])
    assert accuracy(a, np.eye(3)[[1, 0, 2, 2]]) == 3 / 4
    assert accuracy(a, np.eye(3)[[1, 0, 2, 1]]) == 1
    assert accuracy(a, np.eye(3)[[0, 1, 0, 0]]) == 0


def test_accuracy_of_one_output_is_the_share_on_the_right_side_of_a_half():
    a = np.array([[0.2], [0.5], [0.9], [0.4]])
    assert accuracy(a, np.array([[0.0], [1.0], [0.0], [1.0]])) == 2 / 4


def test_label_accuracy_counts_each_label_of_each_sample():
    a = np.array([[0.9, 0.1, 0.6], [0.4, 0.5, 0.2]])
    y = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]])
    assert label_accuracy(a, y) == 4 / 6


def test_errors_of_small_numbers():
    a, y = np.array([[1.0, 2.0], [3.0, 8.0]]), np.array([[1.0, 0.0], [4.0, 4.0]])
    assert mae(a, y) == (0 + 2 + 1 + 4) / 4
    assert rmse(a, y) == np.sqrt((0 + 4 + 1 + 16) / 4)
    # Columns: 1 - (0 + 1)/(1.5² + 1.5²) and 1 - (4 + 16)/(2² + 2²)
    np.testing.assert_allclose(r2(a, y), ((1 - 1 / 4.5) + (1 - 20 / 8)) / 2, rtol=4 * EPS)


@settings(deadline=None)
@given(outputs_and_targets())
def test_the_squared_rmse_is_the_mean_of_the_mse_loss(pair):
    a, y = pair
    net = pl.Network([a.shape[1]] * 2, "identity", init=([np.eye(a.shape[1])], [np.zeros(a.shape[1])]))
    np.testing.assert_allclose(rmse(a, y) ** 2, net.gradient(a, y, loss="mse").loss, rtol=64 * EPS)
    np.testing.assert_allclose(mae(a, y), net.gradient(a, y, loss="mae").loss, rtol=64 * EPS)


@settings(deadline=None)
@given(outputs_and_targets())
def test_mae_is_at_most_rmse_and_both_are_zero_for_the_target_alone(pair):
    a, y = pair
    assert mae(a, y) <= rmse(a, y) * (1 + 16 * EPS)
    assert mae(y, y) == rmse(y, y) == 0
    assert (mae(a, y) == 0) == (rmse(a, y) == 0) == (a == y).all()


@settings(deadline=None)
@given(outputs_and_targets())
def test_r2_is_one_for_the_target_and_at_most_one_elsewhere(pair):
    a, y = pair
    assert r2(y, y) == 1
    assert r2(a, y) <= 1


def test_r2_is_zero_for_the_mean_of_the_target():
    y = np.random.default_rng(0).standard_normal((50, 3)) * [1e-3, 1, 1e3]
    assert abs(r2(np.broadcast_to(y.mean(axis=0), y.shape), y)) <= 8 * EPS


def test_r2_of_a_constant_target_is_one_if_met_exactly_and_else_zero():
    y = np.full((4, 1), 3.0)
    assert r2(y, y) == 1
    assert r2(y + np.array([[0], [0], [0], [1e-9]]), y) == 0
    assert r2(np.hstack([y, y + 1]), np.hstack([y, y])) == 0.5


@settings(deadline=None)
@example(0.1, 3)
@given(reals, st.integers(1, 9))
def test_a_target_is_constant_even_where_its_mean_rounds_to_another_number(value, n):
    y = np.full((n, 1), value)
    assert r2(y, y) == 1
    assert r2(y + 1, y) == 0


@settings(deadline=None)
@given(outputs_and_targets(st.integers(-100, 100)), st.randoms(use_true_random=False))
def test_no_metric_depends_on_the_order_of_the_samples(pair, random):
    a, y = pair
    order = list(range(len(a)))
    random.shuffle(order)
    assume(order != sorted(order))
    for metric in METRICS.values():
        np.testing.assert_allclose(metric(a[order], y[order]), metric(a, y), rtol=1e3 * EPS, atol=1e3 * EPS)


@settings(deadline=None)
@given(st.integers(2, 5), st.integers(1, 9), st.integers(0, 99))
def test_accuracy_does_not_depend_on_the_classes_names(n_classes, n, seed):
    rng = np.random.default_rng(seed)
    a, y = rng.random((n, n_classes)), np.eye(n_classes)[rng.integers(0, n_classes, n)]
    renamed = rng.permutation(n_classes)
    assert accuracy(a[:, renamed], y[:, renamed]) == accuracy(a, y) == np.mean(a[y == 1] == a.max(axis=1))


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_returns_a_python_float_for_either_dtype(name):
    rng = np.random.default_rng(0)
    for dtype in ("float32", "float64"):
        a, y = rng.random((2, 5, 3)).astype(dtype)
        assert type(METRICS[name](a, y)) is float


def test_a_metric_is_a_name_or_a_function_under_its_own_name():
    def largest_error(a, y):
        return np.abs(a - y).max()

    class Counter:
        def __call__(self, a, y):
            return len(a)

    assert as_metric("rmse") is METRICS["rmse"]
    assert METRICS["rmse"].function is rmse
    assert (as_metric(largest_error).name, as_metric(largest_error).function) == ("largest_error", largest_error)
    assert as_metric(Counter()).name == "Counter"
    with pytest.raises(UnknownNameError, match="did you mean 'accuracy'"):
        as_metric("acuracy")
    with pytest.raises(TypeError, match="a metric is a name or a function"):
        as_metric(0.5)
