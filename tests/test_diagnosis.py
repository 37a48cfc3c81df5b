"""The diagnosis: every mistake planted in every layer is named, pairs too, and what is right is never blamed."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as pl
from pellucid.checking import keeps_apart
from pellucid.checking.better_input import replay
from pellucid.checking.diagnosis import STEPS, VERDICTS
from pellucid.checking.judgement import Comparison
from pellucid.checking.mistakes import MISTAKES
from pellucid.checking.problem import Problem
from pellucid.checking.reading import read
from pellucid.samples import as_penalty, as_samples
from student import LOSS_SLOPE, SIGMA, SLOPE, Early, Moving, Student, forms, more_forms, plant, slots

NETWORKS = {
    "3-4-2 sigmoid": ([3, 4, 2], "sigmoid", None, "mse", 0.0),
    "3-5-4-2 tanh": ([3, 5, 4, 2], "tanh", "sigmoid", "binary_cross_entropy", 0.0),
    "square, penalty": ([4, 4, 4, 4], "sigmoid", None, "mse", 0.1),
    "3-6-5-3 relu softmax": ([3, 6, 5, 3], "relu", "softmax", "cross_entropy", 0.0),
    "2-5-1 regression": ([2, 5, 1], "tanh", "identity", "mse", 0.05),
    "five layers": ([3, 4, 5, 4, 3], "sigmoid", None, "half_squared_error", 0.0),
    "relu regression": ([3, 5, 5, 4, 3], "relu", "identity", "mse", 0.0),
    "4-3-5-2 without biases": ([4, 3, 5, 2], "tanh", "sigmoid", "mse", 0.1),
    "five layers without biases": ([3, 4, 4, 5, 3], "sigmoid", "softmax", "cross_entropy", 0.0),
}
QUICK = ("3-4-2 sigmoid", "2-5-1 regression", "4-3-5-2 without biases", "4-3-1 sigmoid")
"""Networks of the tests that are run every time; the others are slow."""
FURTHER = NETWORKS | {
    "3-5-4-2 leaky": ([3, 5, 4, 2], "leaky_relu", "identity", "mse", 0.0),
    "4-3-1 sigmoid": ([4, 3, 1], "sigmoid", None, "half_squared_error", 0.0),
    "4-3-3 relu softmax": ([4, 3, 3], "relu", "softmax", "cross_entropy", 0.0),
}


def some(names):
    return [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in names]


def problem(name, n=6):
    sizes, activation, output, loss, l2 = FURTHER[name]
    seed, bias = 11 + list(FURTHER).index(name), "without biases" not in name
    net = pl.Network(sizes, activation, output, seed=seed, init="standard_normal", bias=bias)
    rng = np.random.default_rng(7)
    X, Y = rng.normal(size=(n, sizes[0])), rng.random((n, sizes[-1]))
    if loss == "cross_entropy":
        Y = np.eye(sizes[-1])[rng.integers(0, sizes[-1], n)]
    return net, X, Y, loss, l2


def same(g, t):
    return all(np.allclose(g[s][l], t[s][l], rtol=1e-9, atol=1e-14) for s in "Wb" for l in t[s])


def rows_listed(diagnosis):
    return [set(one.rows) for one in diagnosis.hypotheses]


@pytest.mark.parametrize("name", some(NETWORKS))
def test_every_mistake_is_named_in_every_layer(name):
    net, X, Y, loss, l2 = problem(name)
    truth = Student(loss, l2=l2)(net, X, Y)
    assert pl.diagnose(net, X, Y, loss, truth, l2=l2).verdict == "right"
    first = tried = 0
    for key, row, layers in forms(net, loss, len(X), l2):
        g = Student(loss, {key: layers}, l2=l2)(net, X, Y)
        if same(g, truth):
            continue
        diagnosis = pl.diagnose(net, X, Y, loss, g, l2=l2)
        assert any({row} <= rows for rows in rows_listed(diagnosis)), (key, layers, str(diagnosis))
        assert diagnosis.verdict != "right"
        tried += 1
        first += row in diagnosis.rows
        named = [p for one in diagnosis.hypotheses for p in one.parts if p.row == row]
        in_one_layer = key not in (
            "10",
            "11",
            "11b",
            "12",
            "12h",
            "13",
            "22",
            "37",
            "18b",
            "23",
            "23twice",
            "23b",
            "23n",
            "28",
        )
        if in_one_layer and len(layers) == 1:
            assert any(set(layers) <= set(p.layers) for p in named), (key, layers, str(diagnosis))
    assert tried > 20
    assert first >= 0.95 * tried


@pytest.mark.parametrize(
    ("name", "every"),
    [
        ("3-4-2 sigmoid", 6),
        pytest.param("3-4-2 sigmoid", 1, marks=pytest.mark.slow),
        pytest.param("3-5-4-2 tanh", 4, marks=pytest.mark.slow),
        pytest.param("3-6-5-3 relu softmax", 4, marks=pytest.mark.slow),
        pytest.param("2-5-1 regression", 4, marks=pytest.mark.slow),
        pytest.param("4-3-5-2 without biases", 4, marks=pytest.mark.slow),
    ],
)
def test_two_mistakes_together_are_both_named(name, every):
    """A pair of each two forms that can be made together, of every so many such pairs, in layers drawn at random."""
    net, X, Y, loss, l2 = problem(name)
    truth = Student(loss, l2=l2)(net, X, Y)
    rng = np.random.default_rng(3)
    by_keys = {}
    for u, v in itertools.combinations(forms(net, loss, len(X), l2), 2):
        if u[0] != v[0] and not slots(u[0], u[2]) & slots(v[0], v[2]):
            by_keys.setdefault((u[0], v[0]), []).append((u, v))
    pairs = [choices[rng.integers(len(choices))] for choices in list(by_keys.values())[::every]]
    missed, first, tried = [], 0, 0
    for u, v in pairs:
        g = Student(loss, plant(u, v), l2=l2)(net, X, Y)
        alone = [Student(loss, plant(one), l2=l2)(net, X, Y) for one in (u, v)]
        if any(same(g, other) for other in (truth, *alone)):
            continue  # one of the two changes nothing here
        diagnosis = pl.diagnose(net, X, Y, loss, g, l2=l2)
        rows = {u[1], v[1]}
        tried += 1
        first += bool(diagnosis.hypotheses) and rows <= set(diagnosis.hypotheses[0].rows)
        if not any(rows <= listed for listed in rows_listed(diagnosis)):
            missed.append((u[0], v[0], diagnosis.rows))
    assert tried > 40
    assert len(missed) <= 0.02 * tried, missed
    assert first >= 0.9 * tried


@pytest.mark.parametrize("name", some(FURTHER))
def test_further_forms_are_named_in_every_layer(name):
    net, X, Y, loss, l2 = problem(name)
    truth = Student(loss, l2=l2)(net, X, Y)
    first = tried = 0
    for key, row, layers in more_forms(net, loss, len(X), l2):
        g = Student(loss, {key: layers}, l2=l2)(net, X, Y)
        if same(g, truth):
            continue
        diagnosis = pl.diagnose(net, X, Y, loss, g, l2=l2)
        assert any({row} == rows for rows in rows_listed(diagnosis)), (key, layers, str(diagnosis))
        assert diagnosis.verdict == "wrong", (key, layers, str(diagnosis))
        tried += 1
        first += diagnosis.rows == (row,)
    assert tried > 20
    assert first >= 0.95 * tried


@pytest.mark.parametrize("name", ["3-4-2 sigmoid", "five layers", "4-3-1 sigmoid", "4-3-5-2 without biases"])
def test_weights_that_move_from_sample_to_sample(name):
    net, X, Y, loss, _ = problem(name)
    for rate in (0.05, 0.3):
        diagnosis = pl.diagnose(net, X, Y, loss, Moving(loss, rate=rate)(net, X, Y))
        assert diagnosis.rows == ("17",), diagnosis
        assert f"η = {rate}" in str(diagnosis)


@pytest.mark.parametrize(("name", "every"), [("3-4-2 sigmoid", 1), ("3-6-5-3 relu softmax", 3), ("4-3-1 sigmoid", 1)])
def test_an_undeclared_penalty_beside_another_mistake(name, every):
    """g = s t + λ W, whatever the mistake in t: both are named, with λ."""
    net, X, Y, loss, _ = problem(name)
    truth = Student(loss)(net, X, Y)
    first = tried = 0
    for form in forms(net, loss, len(X), 0.0)[::every]:
        key, row, layers = form
        if same(Student(loss, plant(form))(net, X, Y), truth) or key in ("12", "12h", "13", "22", "37"):
            continue  # a factor on everything has λ as well
        diagnosis = pl.diagnose(net, X, Y, loss, Student(loss, plant(form, ("23u", "23", layers)))(net, X, Y))
        assert any({row, "23"} <= rows for rows in rows_listed(diagnosis)), (key, layers, str(diagnosis))
        assert diagnosis.verdict == "wrong"
        tried += 1
        first += {row, "23"} <= set(diagnosis.rows) and "0.07" in str(diagnosis)
    assert tried > 8
    assert first >= 0.9 * tried


def test_a_penalty_that_a_factor_leaves_out_is_no_convention():
    """The sum over the samples with λ W beside it is not n times the gradient that is meant."""
    net, X, Y, loss, l2 = problem("square, penalty")
    beside = pl.diagnose(net, X, Y, loss, Student(loss, {"10": (2, 3, 4)}, l2=l2)(net, X, Y), l2=l2)
    assert beside.verdict == "wrong"
    assert set(beside.rows) == {"10", "23"}
    whole = pl.diagnose(net, X, Y, loss, len(X) * net.gradient(X, Y, loss, l2=l2).vector, l2=l2)
    assert whole.verdict == "convention"
    assert whole.rows == ("10",)


def test_a_factor_that_is_n_is_n():
    """Six is not taken for two times three outputs, nor 0.01 for 1/600 in place of 1/6."""
    net, X, Y, loss, _ = problem("3-6-5-3 relu softmax")
    g = net.gradient(X, Y, loss).vector
    assert rows_listed(pl.diagnose(net, X, Y, loss, 6 * g)) == [{"10"}]
    for rate in (0.1, 0.01, 0.3, 0.001):
        diagnosis = pl.diagnose(net, X, Y, loss, rate * g)
        assert diagnosis.rows == ("37",)
        assert f"{rate:g}, which looks like a learning rate" in str(diagnosis)
        assert pl.diagnose(net, X, Y, loss, -rate * g).rows == ("22", "37")


def test_deltas_summed_over_the_neurons():
    """With as many samples as neurons the other axis gives an array of the same shape."""
    net, X, Y, loss, _ = problem("five layers", n=4)
    run = net.backprop(X, Y, loss)
    for l in (2, 4):  # the layers with 4 neurons
        b = {m: run.gradient.b[m] for m in (2, 3, 4, 5)} | {l: run.d[l].sum(axis=1) / 4}
        diagnosis = pl.diagnose(net, X, Y, loss, {"W": dict(run.gradient.W.items()), "b": b})
        assert diagnosis.rows == ("15",), diagnosis
        assert diagnosis.layer == l


@pytest.mark.parametrize("name", ["3-4-2 sigmoid", "five layers", "relu regression", "4-3-5-2 without biases"])
def test_weights_updated_too_early(name):
    net, X, Y, loss, _ = problem(name)
    g = Early(loss, {"17": (2,)}, rate=0.3)(net, X, Y)
    diagnosis = pl.diagnose(net, X, Y, loss, g)
    assert diagnosis.rows == ("17",), diagnosis
    assert "0.3" in str(diagnosis)
    assert diagnosis.step == 4


def vectorised(net, X, Y, loss, dtype):
    """A correct backpropagation in the style of rows, with σ' from a, in any precision."""
    slope = {
        "sigmoid": lambda a: a * (1 - a),
        "tanh": lambda a: 1 - a * a,
        "relu": lambda a: (a > 0).astype(dtype),
        "identity": np.ones_like,
    }
    sigma = {name: SIGMA[name] for name in ("sigmoid", "tanh", "relu", "identity")}
    sigma["softmax"] = lambda z: (
        np.exp(z - z.max(1, keepdims=True)) / np.exp(z - z.max(1, keepdims=True)).sum(1, keepdims=True)
    )
    W = {l: net.W[l].astype(dtype) for l in range(2, net.F + 1)}
    b = {l: net.b[l].astype(dtype) if net.has_bias else 0 for l in W}
    a, Y, n, F = {1: X.astype(dtype)}, Y.astype(dtype), len(X), net.F
    with np.errstate(over="ignore"):
        for l in W:
            a[l] = sigma[net.activations[l].name](a[l - 1] @ W[l].T + b[l]).astype(dtype)
    d = a[F] - Y if "entropy" in loss else dtype(2 / Y.shape[1]) * (a[F] - Y) * slope[net.activations[F].name](a[F])
    g = {}
    for l in range(F, 1, -1):
        g[f"W{l}"] = d.T @ a[l - 1] / dtype(n)
        if net.has_bias:
            g[f"b{l}"] = d.mean(axis=0)
        if l > 2:
            d = (d @ W[l]) * slope[net.activations[l - 1].name](a[l - 1])
    return g


def test_ten_thousand_correct_gradients_raise_no_alarm():
    """Random sizes of 1 to 7 neurons, 2 to 5 layers, inputs of size 0.1 to 20, in double and single precision."""
    outputs = [(None, "mse"), ("identity", "mse"), ("sigmoid", "binary_cross_entropy"), ("softmax", "cross_entropy")]
    alarms = []
    for i in range(10_000):
        rng = np.random.default_rng(i)
        sizes = rng.integers(1, 8, rng.integers(2, 6)).tolist()
        output, loss = outputs[i % 4]
        activation = ("sigmoid", "tanh", "relu")[i // 4 % 3]
        init = "standard_normal" if i % 5 else None
        net = pl.Network(sizes, activation, output, seed=i, init=init, bias=bool(i % 7))
        n = int(rng.integers(1, 12))
        X = rng.normal(size=(n, sizes[0])) * 10 ** rng.uniform(-1, 1.3)
        Y = rng.random((n, sizes[-1]))
        if loss == "cross_entropy":
            Y = np.eye(sizes[-1])[rng.integers(0, sizes[-1], n)]
        dtype = np.float32 if i // 12 % 2 else np.float64
        diagnosis = pl.diagnose(net, X, Y, loss, vectorised(net, X, Y, loss, dtype))
        if diagnosis.verdict != "right":
            alarms.append((i, sizes, activation, loss, dtype, str(diagnosis)))
    assert not alarms, alarms[:3]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(2, 6), min_size=3, max_size=5),
    st.sampled_from(["sigmoid", "tanh", "relu"]),
    st.sampled_from(["1", "2", "4", "8z", "10", "14", "22", "19"]),
    st.integers(0, 2**31),
    st.booleans(),
)
def test_on_random_networks(sizes, activation, key, seed, bias):
    net = pl.Network(sizes, activation, "tanh", seed=seed, init="standard_normal", bias=bias)
    rng = np.random.default_rng(seed)
    X, Y = rng.normal(size=(5, sizes[0])), rng.random((5, sizes[-1]))
    chosen = [form for form in forms(net, "mse", 5, 0.0) if form[0] == key]
    if not chosen:
        return
    key, row, layers = chosen[int(rng.integers(len(chosen)))]
    truth, g = (Student("mse", mistakes)(net, X, Y) for mistakes in ({}, {key: layers}))
    if all(np.allclose(g[s][l], truth[s][l], rtol=1e-5) for s in "Wb" for l in truth[s]):
        return
    diagnosis = pl.diagnose(net, X, Y, "mse", g)
    assert any(row in listed for listed in rows_listed(diagnosis)), (sizes, activation, key, layers, str(diagnosis))


def test_what_is_no_mistake_is_not_blamed():
    """1b: a - y for the pairs that collapse; 4b: a (1 - a) fed with a; ReLU's slope from a; at a kink any slope."""
    rng = np.random.default_rng(0)
    for output, loss in (
        ("sigmoid", "binary_cross_entropy"),
        ("softmax", "cross_entropy"),
        ("identity", "half_squared_error"),
    ):
        for hidden, slope in (("sigmoid", lambda a: a * (1 - a)), ("relu", lambda a: a > 0)):
            net = pl.Network([3, 5, 4], hidden, output, seed=0, init="standard_normal")
            X, Y = rng.normal(size=(7, 3)), np.eye(4)[rng.integers(0, 4, 7)]
            run = net.backprop(X, Y, loss)
            d3 = run.a[3] - Y
            d2 = d3 @ net.W[3] * slope(run.a[2])
            g = [(d2.T @ X / 7, d2.mean(0)), (d3.T @ run.a[2] / 7, d3.mean(0))]
            assert pl.diagnose(net, X, Y, loss, g).verdict == "right"
    net = pl.Network([2, 3, 2], "relu", "identity", seed=0)
    X, Y = np.zeros((4, 2)), rng.random((4, 2))  # every z^2 is exactly 0
    d3 = (net.forward(X) - Y) * 2 / 2
    for at_kink in (0.0, 0.5, 1.0):
        d2 = d3 @ net.W[3] * at_kink
        g = [(d2.T @ X / 4, d2.mean(0)), (d3.T @ np.zeros((4, 3)) / 4, d3.mean(0))]
        assert pl.diagnose(net, X, Y, "mse", g).verdict == "right"


@pytest.mark.parametrize(("key", "row"), [("10", "10"), ("12", "12"), ("12h", "12"), ("13", "13")])
def test_conventions_are_named_and_pass(key, row):
    net, X, Y, loss, _ = problem("five layers")
    diagnosis = pl.diagnose(net, X, Y, loss, Student(loss, {key: (2,)})(net, X, Y))
    assert diagnosis.verdict == "convention"
    assert row in {r for rows in rows_listed(diagnosis) for r in rows}
    assert diagnosis
    assert "CONVENTION" in str(diagnosis)


def test_a_constant_without_a_name_shows_in_the_smallest_network():
    net = pl.Network([1, 2], "tanh", seed=0)
    diagnosis = pl.diagnose(net, [0.7], [0.1, -0.4], "mse", 0.3137 * net.gradient([0.7], [0.1, -0.4]).vector)
    assert diagnosis.rows == ("37",)
    assert "0.3137" in str(diagnosis)


def test_two_conventions_together_are_no_mistake():
    """The sum of half squared errors against the mean of the mean squared error: 16 times, as n = 8 and m = 4."""
    net = pl.Network([4, 4, 4], seed=1)
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(8, 4)), rng.random((8, 4))
    g = 8 * net.gradient(X, Y, "half_squared_error").vector
    diagnosis = pl.diagnose(net, X, Y, "mse", g)
    assert diagnosis.verdict == "convention"
    assert set(diagnosis.rows) == {"10", "12"}


def test_half_the_squared_error_is_a_convention():
    net, X, Y, _, _ = problem("3-5-4-2 tanh")
    g = net.gradient(X, Y[:, :2], "half_squared_error")
    wide = pl.Network([3, 5, 4], seed=0)
    Y4 = np.random.default_rng(0).random((6, 4))
    diagnosis = pl.diagnose(wide, X, Y4, "mse", wide.gradient(X, Y4, "half_squared_error"))
    assert diagnosis.verdict == "convention"
    assert "half the squared error" in str(diagnosis)
    assert pl.diagnose(net, X, Y, "half_squared_error", g).verdict == "right"


def test_sample_weights_and_penalties():
    net, X, Y, loss, _ = problem("five layers")
    w = np.array([1.0, 2, 0.5, 3, 1, 0.25])
    right = Student(loss, sample_weight=w, l2=0.1)(net, X, Y)
    assert pl.diagnose(net, X, Y, loss, right, sample_weight=w, l2=0.1).verdict == "right"
    ignored = Student(loss, {"35": (2,)}, sample_weight=w)(net, X, Y)
    assert "35" in pl.diagnose(net, X, Y, loss, ignored, sample_weight=w).rows
    undeclared = pl.diagnose(net, X, Y, loss, Student(loss, l2=0.07)(net, X, Y))
    assert undeclared.rows == ("23",)
    assert "0.07" in str(undeclared)


def test_samples_left_out_are_counted():
    net, X, Y, loss, _ = problem("five layers")
    w = np.array([1.0, 1, 0, 1, 1, 1])
    some = Student(loss, sample_weight=w)(net, X, Y)
    diagnosis = pl.diagnose(net, X, Y, loss, some)
    assert diagnosis.rows == ("18b",)
    assert "sample 3 counts nothing" in str(diagnosis)


def test_dropout_masks():
    net, X, Y, loss, _ = problem("five layers")
    rng = np.random.default_rng(0)
    keep = 0.6
    masks = {3: (rng.random((6, 5)) < keep) / keep}
    W, b, sigma, slope = net.W, net.b, SIGMA["sigmoid"], SLOPE["sigmoid"]

    def backprop(back):
        a, z = {1: X}, {}
        for l in range(2, 6):
            z[l] = a[l - 1] @ W[l].T + b[l]
            a[l] = sigma(z[l]) * masks.get(l, 1.0)
        d = {5: LOSS_SLOPE[loss](a[5], Y) * slope(z[5])}
        for l in (4, 3, 2):
            d[l] = d[l + 1] @ W[l + 1] * slope(z[l]) * (back if l == 3 else 1.0)
        return [(d[l].T @ a[l - 1] / 6, d[l].mean(0)) for l in range(2, 6)]

    assert pl.diagnose(net, X, Y, loss, backprop(masks[3]), masks=masks).verdict == "right"
    for back in (1.0, masks[3] * keep, masks[3] * keep / (1 - keep)):
        diagnosis = pl.diagnose(net, X, Y, loss, backprop(back), masks=masks)
        assert diagnosis.rows == ("24",), diagnosis
        assert diagnosis.layer == 3
    missing = pl.diagnose(net, X, Y, loss, backprop(1 / keep), masks=masks)  # its factor is there: no second mistake
    assert missing.rows == ("24",), missing
    unmasked = net.backprop(X, Y, loss)
    backward = {5: unmasked.d[5], 4: unmasked.d[4]}
    backward[3] = backward[4] @ W[4] * slope(unmasked.z[3]) * masks[3]
    backward[2] = backward[3] @ W[3] * slope(unmasked.z[2])
    g = [(backward[l].T @ unmasked.a[l - 1] / 6, backward[l].mean(0)) for l in range(2, 6)]
    for back in (g, list(zip(unmasked.gradient.W, unmasked.gradient.b, strict=True))):
        diagnosis = pl.diagnose(net, X, Y, loss, back, masks=masks)  # in the backward pass only; in neither
        assert diagnosis.rows == ("24",), diagnosis
    with pytest.raises(ValueError, match="not hidden"):
        pl.diagnose(net, X, Y, loss, backprop(1.0), masks={5: np.ones(3)})


def test_neurons_switched_off_in_the_backward_pass_alone():
    net, X, Y, loss, _ = problem("3-4-2 sigmoid")
    run = net.backprop(X, Y, loss)
    d2 = run.d[2] * np.array([1, 0, 1, 1])
    g = [(d2.T @ X / 6, d2.mean(0)), (run.gradient.W[3], run.gradient.b[3])]
    diagnosis = pl.diagnose(net, X, Y, loss, g)
    assert diagnosis.rows == ("24",)
    assert "neurons 2" in str(diagnosis)


def test_own_z_a_d_tell_what_the_gradient_cannot():
    """4 and 25 give the same gradient; a list of z that holds a settles it."""
    net, X, Y, loss, _ = problem("3-4-2 sigmoid")
    run = net.backprop(X, Y, loss)
    g = Student(loss, {"4": (2, 3)})(net, X, Y)
    assert {"4"} in rows_listed(pl.diagnose(net, X, Y, loss, g))
    assert {"25"} in rows_listed(pl.diagnose(net, X, Y, loss, g))
    diagnosis = pl.diagnose(net, X, Y, loss, g, z={2: run.a[2], 3: run.a[3]}, a=dict(run.a))
    assert diagnosis.rows[0] == "25"
    assert diagnosis.step == 2
    d = dict(run.d)
    assert pl.diagnose(net, X, Y, loss, run.gradient, z=dict(run.z), a=dict(run.a), d=d).verdict == "right"


def test_a_better_input_tells_hypotheses_apart():
    """With two samples a missing 1/n and a factor 2 look the same; with another number they do not."""
    net, X, Y, loss, _ = problem("five layers", n=2)
    g = Student(loss, {"10": (2, 3, 4, 5), "2": (3,)})(net, X, Y)
    diagnosis = pl.diagnose(net, X, Y, loss, g)
    listed = rows_listed(diagnosis)
    assert {"2", "10"} in listed
    assert {"2", "12"} in listed
    better = diagnosis.better_input
    assert better is not None
    again = pl.diagnose(
        net, better.X, better.y, loss, Student(loss, {"10": (2, 3, 4, 5), "2": (3,)})(net, better.X, better.y)
    )
    assert {"2", "10"} in rows_listed(again)
    assert {"2", "12"} not in rows_listed(again)


@pytest.mark.parametrize("name", ["3-4-2 sigmoid", "five layers", "4-3-5-2 without biases"])
def test_an_explanation_gives_back_the_numbers_that_it_explains(name):
    """What a better input is chosen by. Of mistake 26 it takes one of the slopes that a backward pass may have."""
    net, X, Y, loss, _ = problem(name)
    whole = Problem(net, as_samples(net, X, Y, loss), as_penalty(0, 0))
    truth = Student(loss)(net, X, Y)
    for key, _, layers in forms(net, loss, len(X), 0.0):
        g = Student(loss, {key: layers})(net, X, Y)
        if key == "26" or same(g, truth):
            continue
        first = Comparison(whole, read(g, whole)).explanations({})[0][0]
        W, b = replay(first, whole)
        assert (set(W), set(b)) == (set(g["W"]), set(g["b"]))
        for mine, theirs in ((W, g["W"]), (b, g["b"])):
            for l, array in theirs.items():
                np.testing.assert_allclose(mine[l], array, rtol=1e-6, atol=1e-9)


def test_nothing_known_is_said_and_located():
    net, X, Y, loss, _ = problem("five layers")
    g = Student(loss)(net, X, Y)
    g["W"][3] = g["W"][3] + np.random.default_rng(0).normal(size=g["W"][3].shape)
    diagnosis = pl.diagnose(net, X, Y, loss, g)
    assert diagnosis.verdict == "wrong"
    assert not diagnosis.hypotheses
    assert (diagnosis.step, diagnosis.layer) == (5, 3)
    assert "wrong: W^3; right: W^2, b^2, b^3" in str(diagnosis)


def test_notes_on_what_is_right():
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(5, 3)), rng.random((5, 2))
    equal = pl.Network([3, 4, 2], init=0.3)
    assert "[29]" in str(pl.diagnose(equal, X, Y, "mse", equal.gradient(X, Y)))
    steep = pl.Network([3, 4, 2], seed=0, init="standard_normal")
    steep.b[2] = [80.0, 90, -85, 99]
    assert "[30]" in str(pl.diagnose(steep, X, Y, "mse", steep.gradient(X, Y)))
    net = pl.Network([3, 4, 2], seed=0)
    assert "one sample" in str(pl.diagnose(net, X[0], Y[0], "mse", net.gradient(X[0], Y[0])))


def test_results_are_plain_data_and_print():
    import json

    net, X, Y, loss, l2 = problem("square, penalty")
    for key, row, layers in forms(net, loss, 6, l2)[::5]:
        diagnosis = pl.diagnose(net, X, Y, loss, Student(loss, {key: layers}, l2=l2)(net, X, Y), l2=l2)
        data = json.loads(json.dumps(diagnosis.to_dict(), allow_nan=False))
        assert data["verdict"] in VERDICTS
        assert data["step"] in STEPS
        assert diagnosis.headline in diagnosis.text
        assert MISTAKES[row].repair in diagnosis.document().text.replace("\n", " ")
        assert row in MISTAKES


def test_shapes_and_numbers_that_cannot_be():
    net, X, Y, loss, _ = problem("3-4-2 sigmoid")
    g = Student(loss)(net, X, Y)
    good = {"W2": g["W"][2], "b2": g["b"][2], "W3": g["W"][3], "b3": g["b"][3]}
    run = net.backprop(X, Y, loss)
    unsummed = pl.diagnose(net, X, Y, loss, {**good, "b2": run.d[2] / 6})
    assert unsummed.rows == ("15",)
    assert "(6, 4)" in str(unsummed)
    assert pl.diagnose(net, X, Y, loss, {**good, "b2": g["b"][2].sum()}).rows[0] == "15"
    assert pl.diagnose(net, X, Y, loss, {**good, "b2": np.ones(3)}).rows[0] == "15"
    assert pl.diagnose(net, X, Y, loss, {"W2": g["W"][2], "W3": g["W"][3]}).rows == ("14",)
    own = pl.diagnose(net, X, Y, loss, {**good, "W3": run.d[3].T @ run.a[3]})
    assert own.rows[0] == "9"
    assert "(2, 2)" in str(own)
    nan = {**good, "W3": g["W"][3] * np.nan}
    assert "W^3[0, 0] is nan" in str(pl.diagnose(net, X, Y, loss, nan))
    with pytest.raises(TypeError, match=r"is missing gradient: write pl\.diagnose\(network, X, y, loss, gradient\)"):
        pl.diagnose(net, X, Y, loss)


# Networks without biases

OF_BIASES = {"14", "15", "16", "32"}


@pytest.mark.parametrize("name", some(["4-3-5-2 without biases", "five layers without biases"]))
def test_without_biases_no_mistake_of_biases_is_blamed(name):
    net, X, Y, loss, l2 = problem(name)
    for key, _, layers in forms(net, loss, len(X), l2):
        diagnosis = pl.diagnose(net, X, Y, loss, Student(loss, {key: layers}, l2=l2), l2=l2)
        assert not any(rows & OF_BIASES for rows in rows_listed(diagnosis)), (key, str(diagnosis))
        assert "23" in diagnosis.rows or "bias" not in str(diagnosis), (key, str(diagnosis))  # a penalty spares them
        assert not any(name.startswith("b") for name in diagnosis.relative_error)
    single = pl.diagnose(net, X[:1], Y[:1], loss, net.gradient(X[:1], Y[:1], loss, l2=l2), l2=l2)
    assert "1/n and samples left out would not show" in str(single)


def test_a_gradient_by_biases_that_are_not_there_is_noted_and_not_judged():
    net, X, Y, loss, l2 = problem("4-3-5-2 without biases")
    g = net.gradient(X, Y, loss, l2=l2)
    run = net.backprop(X, Y, loss, l2=l2)
    b = {l: run.d[l].mean(axis=0) for l in (2, 3, 4)}
    W = {l: g.W[l] for l in (2, 3, 4)}
    flat = np.concatenate([part for l in W for part in (W[l].ravel(), b[l])])
    for both in ((list(W.values()), list(b.values())), [(W[l], b[l]) for l in W], {"W": W, "b": b}, flat):
        diagnosis = pl.diagnose(net, X, Y, loss, both, l2=l2)
        assert diagnosis.verdict == "right"
        note = diagnosis.notes[0]
        assert note.startswith("the network has no biases (bias=False)")
        assert note.endswith("∂L/∂b^2, ∂L/∂b^3, ∂L/∂b^4 are not judged")
    wrong = pl.diagnose(net, X, Y, loss, {"W": {**W, 3: 2 * W[3]}, "b": b}, l2=l2)
    assert wrong.verdict == "wrong"
    assert "not judged" in str(wrong)


def test_numbers_by_hand_without_biases():
    net, X, Y, loss, _ = problem("4-3-5-2 without biases")
    run = net.backprop(X[0], Y[0], loss)
    for symbol in "zadw":
        for label in net.labels(symbol):
            value = float(run.explain(label).value)
            assert pl.diagnose_value(run, label.text, value=value, digits=5).verdict == "right"
    slipped = Student(loss, {"2": (2,)})(net, X[:1], Y[:1])["W"][2]
    assert "2" in pl.diagnose_value(run, "w_12^2", value=float(slipped[0, 1]), digits=5).rows
    with pytest.raises(pl.UnknownLabelError, match="bias=False"):
        pl.diagnose_value(run, "b_1^2", value=0.5)
    separation = keeps_apart(run, digits=6)
    blamed = {row for one in separation.hidden for row in one.rows} | {
        row for pair in separation.confused for one in pair for row in one.rows
    }
    assert not blamed & OF_BIASES
    assert not any(shown.label.startswith("b") for shown in separation.shown)
