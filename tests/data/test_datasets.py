"""Data sets: the digits are the published ones, the synthetic ones are their formulas, a split is a partition."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.data import DATASETS, Dataset, digits, read, sine, two_moons, two_spirals, xor

EPS = np.finfo(float).eps
SYNTHETIC = {f.__name__: f for f in (two_spirals, two_moons, sine)}
CLASSIFIED = {name: SYNTHETIC[name] for name in ("two_spirals", "two_moons")}


def is_linearly_separable(X, y):
    """Whether some w, b have w·x + b ≥ 1 for class 1 and ≤ -1 for class 0: a linear program without objective."""
    optimize = pytest.importorskip("scipy.optimize")
    sign = np.where(y == 1, 1.0, -1.0)
    A = -sign[:, np.newaxis] * np.column_stack([X, np.ones(len(X))])
    found = optimize.linprog(np.zeros(A.shape[1]), A_ub=A, b_ub=-np.ones(len(X)), bounds=(None, None))
    assert found.status in (0, 2), found.message  # 0 solved, 2 proved infeasible
    return found.status == 0


def counted(n, width=1):
    """A data set whose X and y say which sample each row is."""
    X = np.arange(n * width, dtype=float).reshape(n, width)
    names = tuple(f"x_{k}" for k in range(1, width + 1))
    return Dataset("counted", X, np.arange(n), names, tuple(map(str, range(n))), "a test", is_image=True)


# Digits.


def test_the_digits_have_the_published_counts():
    data = digits()
    assert data.X.shape == (1797, 64)
    assert np.bincount(data.y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert set(np.unique(data.X)) == set(range(17))


def test_the_digits_have_not_changed_by_a_bit():
    data = digits()
    pixels, labels = data.X.astype(np.uint8), data.y.astype(np.uint8)
    found = hashlib.sha256(pixels.tobytes() + labels.tobytes()).hexdigest()
    assert found == "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"


def test_the_digits_are_those_of_scikit_learn():
    theirs = pytest.importorskip("sklearn.datasets").load_digits()
    np.testing.assert_array_equal(digits().X, theirs.data)
    np.testing.assert_array_equal(digits().y, theirs.target)


def test_a_pixels_name_is_its_row_and_column():
    data = digits()
    image = data.X[0].reshape(8, 8)
    for row in range(8):
        for column in range(8):
            name = f"pixel_{row + 1}_{column + 1}"
            assert data.X[0, data.feature_names.index(name)] == image[row, column]


def test_changing_a_data_set_does_not_change_the_next_one_loaded():
    before = digits().X.sum()
    data = digits()
    data.X[...] = -1
    data.y[...] = 0
    assert digits().X.sum() == before
    assert len(set(digits().y)) == 10


# What holds for every data set.


@pytest.mark.parametrize("make", DATASETS.values(), ids=DATASETS)
def test_every_data_set_is_finite_named_and_the_same_each_time(make):
    data, again = make(), make()
    assert data.X.dtype == np.float64
    assert data.X.shape == (len(data), len(data.feature_names))
    assert len(set(data.feature_names)) == len(data.feature_names)
    assert np.isfinite(data.X).all()
    assert data.source
    assert data.name in DATASETS
    assert (data.X.tobytes(), data.y.tobytes()) == (again.X.tobytes(), again.y.tobytes())


@pytest.mark.parametrize("make", DATASETS.values(), ids=DATASETS)
def test_the_targets_are_indices_of_all_named_classes_or_a_column_of_numbers(make):
    data = make()
    if data.class_names:
        assert data.y.dtype.kind == "i"
        assert np.unique(data.y).tolist() == list(range(len(data.class_names)))
    else:
        assert data.y.dtype == np.float64
        assert data.y.shape == (len(data), 1)
        assert np.isfinite(data.y).all()


@pytest.mark.parametrize("make", DATASETS.values(), ids=DATASETS)
def test_the_table_of_a_data_set_holds_its_numbers_and_its_classes_by_name(make):
    data = make()
    table = data.table()
    assert table.features == data.feature_names
    assert table.is_image == data.is_image
    np.testing.assert_array_equal(np.stack([table.columns[name] for name in table.features], axis=1), data.X)
    (target,) = table.targets
    expected = [data.class_names[i] for i in data.y] if data.class_names else data.y[:, 0].tolist()
    assert table.columns[target].tolist() == expected


@pytest.mark.parametrize("name", DATASETS)
def test_a_data_set_is_read_by_its_name(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table, expected = read(name), DATASETS[name]().table()
    assert (table.name, table.targets, list(table.columns)) == (name, expected.targets, list(expected.columns))


def test_a_folder_of_the_same_name_does_not_hide_a_data_set(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "xor").mkdir()
    assert len(read("xor")) == 4


def test_several_number_targets_become_as_many_columns():
    Y = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    table = Dataset("three", np.zeros((3, 1)), Y, ("x",), (), "a test").table()
    assert table.targets == ("y_1", "y_2")
    np.testing.assert_array_equal(np.stack([table.columns[name] for name in table.targets], axis=1), Y)


# The synthetic sets.


def test_xor_is_the_truth_table():
    data = xor()
    assert {(tuple(x), int(y)) for x, y in zip(data.X, data.y, strict=True)} == {
        ((a, b), int(a) ^ int(b)) for a in (0.0, 1.0) for b in (0.0, 1.0)
    }


@pytest.mark.parametrize("n", [2, 3, 10, 401])
@pytest.mark.parametrize("make", SYNTHETIC.values(), ids=SYNTHETIC)
def test_a_synthetic_set_has_as_many_samples_as_asked_for(make, n):
    data = make(n)
    assert len(data) == n
    assert len(data.X) == len(data.y) == n


@pytest.mark.parametrize("n", [2, 3, 10, 401])
@pytest.mark.parametrize("make", CLASSIFIED.values(), ids=CLASSIFIED)
def test_the_two_classes_are_as_equal_in_number_as_can_be(make, n):
    counts = np.bincount(make(n).y, minlength=2)
    assert abs(counts[0] - counts[1]) == n % 2


@pytest.mark.parametrize("make", SYNTHETIC.values(), ids=SYNTHETIC)
def test_a_seed_gives_the_same_bits_and_another_seed_others(make):
    one, same, other = make(50, seed=7), make(50, seed=7), make(50, seed=8)
    assert (one.X.tobytes(), one.y.tobytes()) == (same.X.tobytes(), same.y.tobytes())
    assert one.X.tobytes() != other.X.tobytes()


def test_spirals_without_noise_are_two_arms_half_a_turn_apart():
    data = two_spirals(300, noise=0.0)
    angle = np.hypot(*data.X.T) * np.pi / 2  # the radius grows by 2/π per radian: 4 per turn, so arms are 2 apart
    turned = angle + np.pi * data.y
    expected = np.stack([np.cos(turned), np.sin(turned)], axis=1) * (angle * 2 / np.pi)[:, np.newaxis]
    np.testing.assert_allclose(data.X, expected, atol=1e3 * EPS)
    assert 2.5 * np.pi < angle.max() <= 3 * np.pi
    assert angle.min() < np.pi


def test_moons_without_noise_are_halves_of_two_unit_circles():
    data = two_moons(300, noise=0.0)
    centre = np.where(data.y == 0, 0.0, 1.0), np.where(data.y == 0, 0.0, 0.5)
    x, y = data.X.T[0] - centre[0], data.X.T[1] - centre[1]
    np.testing.assert_allclose(np.hypot(x, y), 1, rtol=8 * EPS)
    assert (np.where(data.y == 0, y, -y) >= -8 * EPS).all()


def test_sine_without_noise_is_the_sine():
    data = sine(300, noise=0.0)
    np.testing.assert_array_equal(data.y, np.sin(data.X))
    assert np.abs(data.X).max() <= np.pi


@pytest.mark.parametrize("make", SYNTHETIC.values(), ids=SYNTHETIC)
def test_noise_is_the_standard_deviation_of_what_it_moves(make):
    n, noise = 4000, 0.3
    quiet, noisy = make(n, noise=0.0, seed=3), make(n, noise=noise, seed=3)
    moved = (noisy.y - quiet.y if make is sine else noisy.X - quiet.X).ravel()
    # The standard error of a standard deviation of m numbers is σ/√(2m).
    assert abs(moved.std() - noise) < 5 * noise / np.sqrt(2 * moved.size)


@pytest.mark.parametrize("make", [xor, two_spirals, two_moons])
def test_no_line_separates_the_classes(make):
    data = make()
    assert not is_linearly_separable(data.X, data.y)


def test_the_judge_of_separability_knows_a_separable_set():
    data = two_moons(noise=0.0)
    assert is_linearly_separable(data.X + 3 * data.y[:, np.newaxis], data.y)


# Splitting.


@given(n=st.integers(2, 60), fraction=st.floats(0, 1, exclude_min=True, exclude_max=True), seed=st.integers(0, 2**32))
def test_a_split_is_a_partition_that_keeps_each_sample_with_its_target(n, fraction, seed):
    data = counted(n, width=2)
    larger, held_out = data.split(fraction, seed)
    assert sorted([*larger.y, *held_out.y]) == list(range(n))
    for part in (larger, held_out):
        np.testing.assert_array_equal(part.X, data.X[part.y])
        assert (part.name, part.feature_names, part.class_names) == ("counted", data.feature_names, data.class_names)
        assert part.is_image
    assert len(larger) >= 1
    assert len(held_out) >= 1
    assert abs(len(held_out) - fraction * n) <= 1


def test_a_split_is_the_same_for_a_seed_and_another_for_another():
    data = counted(50)
    first, same, other = (data.split(0.2, seed)[1].y.tolist() for seed in (1, 1, 2))
    assert first == same
    assert first != other


def test_splitting_leaves_the_data_set_as_it_was():
    data = digits()
    larger, _ = data.split(0.25)
    larger.X[...] = -1
    np.testing.assert_array_equal(data.X, digits().X)


# What is refused.


@pytest.mark.parametrize("fraction", [0, 1, 0.0, 1.0, -0.1, 1.5, float("nan"), float("inf")])
def test_a_fraction_outside_0_1_is_refused_with_its_value(fraction):
    with pytest.raises(ValueError, match=rf"fraction.*{fraction!r}"):
        digits().split(fraction)


@pytest.mark.parametrize("fraction", ["0.2", None, True, [0.2]])
def test_a_fraction_that_is_no_number_is_refused(fraction):
    with pytest.raises(TypeError, match="fraction must be a number"):
        digits().split(fraction)


@pytest.mark.parametrize("n", [1, 0, -3])
@pytest.mark.parametrize("make", SYNTHETIC.values(), ids=SYNTHETIC)
def test_fewer_than_two_samples_are_refused(make, n):
    with pytest.raises(ValueError, match=f"n must be at least 2, got {n}"):
        make(n)


@pytest.mark.parametrize("n", [2.0, "4", None, True])
@pytest.mark.parametrize("make", SYNTHETIC.values(), ids=SYNTHETIC)
def test_a_number_of_samples_that_is_not_whole_is_refused(make, n):
    with pytest.raises(TypeError, match="n must be a whole number"):
        make(n)


@pytest.mark.parametrize("noise", [-0.1, float("nan"), float("inf")])
@pytest.mark.parametrize("make", SYNTHETIC.values(), ids=SYNTHETIC)
def test_negative_or_infinite_noise_is_refused(make, noise):
    with pytest.raises(ValueError, match=f"noise must be in .*got {noise!r}"):
        make(10, noise)


@pytest.mark.parametrize("seed", [-1, 1.5, "one"])
@pytest.mark.parametrize("make", SYNTHETIC.values(), ids=SYNTHETIC)
def test_a_seed_that_is_no_whole_number_from_0_is_refused(make, seed):
    with pytest.raises((ValueError, TypeError)):
        make(10, seed=seed)
