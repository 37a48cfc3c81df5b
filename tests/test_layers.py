import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pellucid as pl
from pellucid.activations import ACTIVATIONS
from pellucid.layers import INITIALISERS, parameter_count

SIZES = [3, 5, 4, 2]
PARAMETERS = 5 * 3 + 5 + 4 * 5 + 4 + 2 * 4 + 2

size_lists = st.lists(st.integers(1, 9), min_size=2, max_size=5)


def network(sizes=SIZES, activation="tanh", **settings):
    return pl.Network(sizes, activation, **{"seed": 0, **settings})


def assert_views(net):
    """Every W[l] and b[l] shows its own piece of the vector, in order and without gap."""
    vector = net.parameters
    assert vector.shape == (parameter_count(net.sizes, net.has_bias),)
    vector[...] = np.arange(vector.size)
    start = 0
    for l in range(2, net.F + 1):
        pieces = [(net.W[l], (net.size(l), net.size(l - 1)))]
        pieces += [(net.b[l], (net.size(l),))] if net.has_bias else []
        for array, shape in pieces:
            assert array.shape == shape
            assert array.dtype == net.dtype
            assert np.shares_memory(array, vector)
            np.testing.assert_array_equal(array.ravel(), np.arange(start, start + array.size))
            array += 0.5
            np.testing.assert_array_equal(
                vector[start : start + array.size], np.arange(start, start + array.size) + 0.5
            )
            start += array.size
    assert start == vector.size


# One flat vector


@given(size_lists, st.sampled_from(["float32", "float64"]), st.booleans())
def test_the_parameters_are_one_vector_of_which_W_and_b_are_views(sizes, dtype, bias):
    net = network(sizes, dtype=dtype, bias=bias)
    assert net.parameters.dtype == dtype
    assert net.has_bias is bias
    assert_views(net)


def test_the_vector_is_W2_row_by_row_then_b2_then_W3():
    net = network()
    pieces = [net.W[2].ravel(), net.b[2], net.W[3].ravel(), net.b[3], net.W[4].ravel(), net.b[4]]
    np.testing.assert_array_equal(net.parameters, np.concatenate(pieces))
    assert net.parameters.size == PARAMETERS
    assert net.W[2][4, 1] == net.parameters[4 * 3 + 1]


def test_the_weight_mask_is_one_for_weights_and_zero_for_biases():
    net = network(dtype="float32")
    mask = net.weight_mask()
    assert mask.dtype == np.float32
    assert_is_mask = pl.Network(SIZES, init=mask, dtype="float32")
    for l in range(2, net.F + 1):
        assert (assert_is_mask.W[l] == 1).all()
        assert (assert_is_mask.b[l] == 0).all()


def test_assigning_to_a_layer_or_to_the_parameters_copies_numbers_and_keeps_the_views():
    net = network()
    vector, W3 = net.parameters, net.W[3]
    ours = np.arange(20.0).reshape(4, 5)
    net.W[3] = ours
    net.b[3] = [1, 2, 3, 4]
    ours[...] = -1
    np.testing.assert_array_equal(net.W[3], np.arange(20.0).reshape(4, 5))
    np.testing.assert_array_equal(net.b[3], [1.0, 2.0, 3.0, 4.0])
    assert net.W[3] is W3
    given = np.ones(PARAMETERS)
    net.parameters = given
    given[...] = 7
    assert net.parameters is vector
    assert (net.parameters == 1).all()
    net.W[2] += 1
    net.W[2] *= 2
    assert (net.parameters[:15] == 4).all()
    assert (net.parameters[15:] == 1).all()
    assert_views(net)


@pytest.mark.parametrize(
    ("assign", "error", "message"),
    [
        (lambda net: net.W.__setitem__(3, np.ones((5, 4))), ValueError, r"^W\[3\] has shape \(4, 5\), got \(5, 4\)"),
        (lambda net: net.W.__setitem__(3, 1.0), ValueError, r"^W\[3\] has shape \(4, 5\), got \(\)"),
        (lambda net: net.W.__setitem__(3, np.ones((1, 5))), ValueError, r"got \(1, 5\)"),
        (lambda net: net.b.__setitem__(3, np.ones((4, 1))), ValueError, r"^b\[3\] has shape \(4,\), got \(4, 1\)"),
        (lambda net: net.b.__setitem__(3, [1, 2, 3, np.nan]), ValueError, r"^b\[3\]\[3\] is nan"),
        (lambda net: net.b.__setitem__(3, [1, 2, 3, "4"]), TypeError, r"^b\[3\] must hold real numbers"),
        (lambda net: net.W.__setitem__(1, np.ones((3, 3))), KeyError, "layer 1 is the input"),
        (lambda net: setattr(net, "parameters", np.ones(PARAMETERS - 1)), ValueError, r"parameters has shape \(54,\)"),
        (lambda net: setattr(net, "parameters", 1.0), ValueError, r"parameters has shape \(54,\), got \(\)"),
        (lambda net: setattr(net, "parameters", np.full(PARAMETERS, np.inf)), ValueError, r"^parameters\[0\] is inf"),
        (lambda net: setattr(net, "W", {}), ValueError, r"W has arrays for layers \[\]"),
        (
            lambda net: setattr(net, "W", [np.zeros((5, 3)), np.zeros((4, 5)), np.ones((2, 5))]),
            ValueError,
            r"^W\[4\] has",
        ),
        (lambda net: setattr(net, "b", [1.0, 2.0, 3.0]), ValueError, r"^b\[2\] has shape \(5,\), got \(\)"),
    ],
)
def test_an_assignment_that_does_not_fit_is_refused_and_changes_nothing(assign, error, message):
    net = network()
    before = net.parameters.copy()
    with pytest.raises(error, match=message):
        assign(net)
    np.testing.assert_array_equal(net.parameters, before)


# Layers count from 1, weights from 2


@pytest.mark.parametrize(
    ("get", "message"),
    [
        (lambda net: net.W[1], "W[1]: layer 1 is the input and has no weights; the first are W[2] (layers 2 … 4)"),
        (lambda net: net.b[1], "b[1]: layer 1 is the input and has no biases; the first are b[2] (layers 2 … 4)"),
        (lambda net: net.W[5], "W[5]: there is no such layer; W has layers 2 … 4"),
        (
            lambda net: net.W[0],
            "W[0]: layers count from 1, the input, which has no weights; the first are W[2] (layers 2 … 4)",
        ),
        (lambda net: net.b[-1], "b[-1]: there is no such layer; b has layers 2 … 4; the last is b[4]"),
        (lambda net: net.W[2:], "W[slice(2, None, None)]: a slice of layers is not supported; list(W) has all of them"),
        (
            lambda net: net.W["W2"],
            "W[l] takes the number of a layer, got 'W2'; iterating W yields its arrays, "
            "W.items() pairs of layer and array",
        ),
        (
            lambda net: network([3, 2]).W[1],
            "W[1]: layer 1 is the input and has no weights; the first are W[2] (layer 2 only)",
        ),
    ],
)
def test_a_layer_without_the_quantity_is_a_key_error_that_says_which_have_it(get, message):
    with pytest.raises(pl.UnknownLabelError) as caught:
        get(network())
    assert str(caught.value) == message
    assert isinstance(caught.value, KeyError)


def test_the_layers_of_W_and_b_are_2_to_F():
    net = network()
    assert list(net.W.keys()) == list(net.b.keys()) == [2, 3, 4]
    assert len(net.W) == net.F - 1 == 3
    assert (1 in net.W, 4 in net.W, 5 in net.W) == (False, True, False)
    assert [W is net.W[l] for l, W in enumerate(net.W, start=2)] == [True] * 3  # iterating goes through the matrices
    assert all(W is net.W[l] for l, W in net.W.items())
    assert all(len(W) == len(b) for W, b in zip(net.W, net.b, strict=True))
    assert repr(net.W) == "W[l] for l = 2 (5, 3), 3 (4, 5), 4 (2, 4)"


def test_the_size_of_each_layer_is_given_and_of_no_other():
    net = network()
    assert [net.size(l) for l in range(1, 5)] == SIZES
    for layer in (0, -1, 5):
        with pytest.raises(KeyError, match=f"layer {layer}"):
            net.size(layer)


# Labels


@given(size_lists, st.booleans())
def test_the_labels_name_every_number_once_and_in_the_order_of_the_arrays(sizes, bias):
    net = network(sizes, bias=bias)
    for symbol, arrays in (("w", net.W), ("b", net.b)):
        labels = net.labels(symbol)
        numbers = [array[index] for array in arrays.values() for index in np.ndindex(array.shape)]
        assert [net[label.text] for label in labels] == numbers
        assert len(set(labels)) == len(labels)
    assert len(net.labels("w")) + len(net.labels("b")) == net.parameters.size
    assert len(net.labels("a")) == sum(sizes)
    assert len(net.labels("z")) == len(net.labels("d")) == sum(sizes[1:])


def test_labels_come_layer_by_layer_then_j_then_k():
    net = network([2, 3, 1])
    assert (
        " ".join(label.text for label in net.labels("w"))
        == "w_11^2 w_12^2 w_21^2 w_22^2 w_31^2 w_32^2 w_11^3 w_12^3 w_13^3"
    )
    assert " ".join(label.text for label in net.labels("a")) == "a_1^1 a_2^1 a_1^2 a_2^2 a_3^2 a_1^3"
    assert " ".join(label.text for label in net.labels("d")) == "d_1^2 d_2^2 d_3^2 d_1^3"
    with pytest.raises(pl.UnknownLabelError, match="unknown symbol 'W'; the symbols are w, b, z, a, d"):
        net.labels("W")


def test_a_parameter_is_read_and_written_by_its_label():
    net = network([12, 11, 2])
    net["w_{10,12}^2"] = 0.25
    net["b_2^3"] = -3
    assert net.W[2][9, 11] == net["w_{10,12}^2"] == 0.25
    assert net.b[3][1] == net["b_2^3"] == -3.0


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("w_41^3", "w_41^3: j = 4, but layer 3 has 2 neurons"),
        ("w_14^2", "w_14^2: k = 4, but layer 1 has 3 neurons"),
        ("b_2^4", "b_2^4: j = 2, but layer 4 has 1 neuron"),
        ("w_11^5", "w_11^5: there is no layer 5; the network has layers 1 … 4"),
        ("a_1^2", "a_1^2 belongs to a run and not to the network"),
        ("q_1^2", "unknown symbol 'q'"),
    ],
)
def test_a_label_that_the_network_does_not_have_is_refused(label, message):
    net = network([3, 4, 2, 1])
    for use in (net.__getitem__, lambda label: net.__setitem__(label, 1.0)):
        with pytest.raises(KeyError) as caught:
            use(label)
        assert message in str(caught.value)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_parameter_is_finite(value):
    net = network()
    before = net.parameters.copy()
    with pytest.raises(ValueError, match=r"^w_11\^2 must be in"):
        net["w_11^2"] = value
    np.testing.assert_array_equal(net.parameters, before)


# Initial weights


def test_every_initialiser_draws_from_its_distribution():
    m, n = 211, 307
    scales = {
        "glorot_uniform": (6 / (m + n)) ** 0.5,
        "glorot_normal": (2 / (m + n)) ** 0.5,
        "he_uniform": (6 / m) ** 0.5,
        "he_normal": (2 / m) ** 0.5,
        "lecun_uniform": (3 / m) ** 0.5,
        "lecun_normal": (1 / m) ** 0.5,
        "standard_normal": 1.0,
        "zeros": 0.0,
    }
    assert set(scales) == set(INITIALISERS)
    for name, scale in scales.items():
        net = network([m, n], init=name)
        draws = [net.W[2].ravel()]
        if name == "standard_normal":
            draws.append(net.b[2])
        else:
            assert (net.b[2] == 0).all()
        for w in draws:
            is_uniform = name.endswith("uniform")
            if is_uniform:
                assert np.abs(w).max() <= scale
                assert np.abs(w).max() >= scale * (1 - 20 / w.size)
            else:
                assert (np.abs(w).max() > 2 * scale) or scale == 0
            sd, kurtosis = (scale / 3**0.5, 1.8) if is_uniform else (scale, 3.0)
            # within five standard errors of mean and variance
            assert abs(w.mean()) <= 5 * sd / w.size**0.5
            assert abs(w.var() - sd**2) <= 5 * sd**2 * ((kurtosis - 1) / w.size) ** 0.5


def test_without_a_name_each_layer_is_drawn_for_its_own_activation():
    he = {"relu", "leaky_relu", "elu", "silu", "gelu", "gelu_tanh", "softplus"}
    for name in ACTIVATIONS:
        rule = "he_normal" if name in he else "lecun_normal" if name == "selu" else "glorot_uniform"
        got, expected = network([6, 7], name), network([6, 7], name, init=rule)
        np.testing.assert_array_equal(got.parameters, expected.parameters)
    mixed = network([6, 7, 5], ["relu", "softmax"])
    np.testing.assert_array_equal(mixed.W[2], network([6, 7], "relu").W[2])
    assert np.abs(mixed.W[3]).max() <= (6 / 12) ** 0.5


@pytest.mark.parametrize(
    ("activation", "init"), [("relu", "he_normal"), ("selu", "lecun_normal"), ("identity", "glorot_uniform")]
)
def test_the_default_keeps_the_size_of_the_signal_over_the_layers(activation, init):
    net = network([300] * 9, activation)
    a = net.backprop(np.random.default_rng(0).normal(size=(50, 300)), np.zeros((50, 300))).a
    assert 0.5 < np.square(a[9]).mean() / np.square(a[2]).mean() < 2


@given(st.integers(0, 2**32))
def test_one_seed_gives_the_same_bits_and_another_seed_others(seed):
    first, second = network(seed=seed), network(seed=seed)
    np.testing.assert_array_equal(first.parameters, second.parameters)
    assert not np.array_equal(first.parameters, network(seed=seed + 1).parameters)


def test_a_seed_sequence_is_a_seed_and_no_seed_is_a_new_one_each_time():
    for seed in (7, np.int64(7)):
        np.testing.assert_array_equal(network(seed=np.random.SeedSequence(7)).parameters, network(seed=seed).parameters)
    assert not np.array_equal(network(seed=None).parameters, network(seed=None).parameters)


def test_float32_starts_from_the_rounded_numbers_of_float64():
    for init in (None, "he_normal", "standard_normal"):
        single, double = network(init=init, dtype="float32"), network(init=init)
        assert single.dtype == single.W[2].dtype == np.float32
        np.testing.assert_array_equal(single.parameters, double.parameters.astype(np.float32))


def test_numpys_global_generator_is_neither_used_nor_moved():
    np.random.seed(0)  # noqa: NPY002
    first, before = network().parameters, np.random.get_state()[1].copy()  # noqa: NPY002
    np.random.seed(1)  # noqa: NPY002
    np.testing.assert_array_equal(network().parameters, first)
    np.random.seed(0)  # noqa: NPY002
    network()
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_init_takes_arrays_by_layer_or_in_order_or_flat_and_copies_them():
    rng = np.random.default_rng(0)
    W = [rng.normal(size=shape) for shape in ((5, 3), (4, 5), (2, 4))]
    b = [rng.normal(size=size) for size in (5, 4, 2)]
    flat = np.concatenate([piece.ravel() for pair in zip(W, b, strict=True) for piece in pair])
    by_layer = dict(enumerate(W, start=2)), {4: b[2], 2: b[0], 3: b[1]}
    lists = [w.tolist() for w in W], [bias.tolist() for bias in b]
    for init in ((W, b), [W, b], by_layer, lists, flat, flat.tolist(), tuple(flat), (network().W, network().b)):
        net = pl.Network(SIZES, init=init)
        expected = network().parameters if init[0] is network().W or hasattr(init[0], "symbol") else flat
        np.testing.assert_array_equal(net.parameters, expected)
    net = pl.Network(SIZES, init=(W, b))
    kept = net.parameters.copy()
    for array in (*W, *b):
        array[...] = 99
    np.testing.assert_array_equal(net.parameters, kept)
    net = pl.Network(SIZES, init=flat)
    net.parameters[0] = 5
    assert flat[0] != 5


@pytest.mark.parametrize("init", [0.0, 0.5, 1, np.float32(0.25), np.int64(2)])
def test_init_takes_one_number_for_every_weight_and_bias(init):
    np.testing.assert_array_equal(pl.Network(SIZES, init=init).parameters, np.full(PARAMETERS, float(init)))


@pytest.mark.parametrize("init", [[0.5, 0.25], (0.5, 0.25), np.array([0.5, 0.25]), (np.float32(0.5), np.float64(0.25))])
def test_two_numbers_are_the_whole_vector_of_the_smallest_network(init):
    net = pl.Network([1, 1], init=init)
    assert (net["w_11^2"], net["b_1^2"]) == (0.5, 0.25)


W, B = [np.ones((5, 3)), np.ones((4, 5)), np.ones((2, 4))], [np.ones(5), np.ones(4), np.ones(2)]


@pytest.mark.parametrize(
    ("init", "error", "message"),
    [
        ("hee", pl.UnknownNameError, "unknown initialiser 'hee'.*he_normal, he_uniform"),
        (np.ones(3), ValueError, r"parameters has shape \(54,\), got \(3,\)"),
        (np.ones((54, 1)), ValueError, r"parameters has shape \(54,\), got \(54, 1\)"),
        (
            (W[:2], B),
            ValueError,
            r"init: W has arrays for layers \[2, 3\], but the network has layers \[2, 3, 4\]",
        ),
        ((W, [*B, B[0]]), ValueError, r"init: b has arrays for layers \[2, 3, 4, 5\]"),
        (({1: W[0], 2: W[1], 3: W[2]}, B), ValueError, r"init: W has arrays for layers \[1, 2, 3\]"),
        (([w.T for w in W], B), ValueError, r"W\[2\] has shape \(5, 3\), got \(3, 5\)"),
        ((W, [B[0], B[1], [1.0, np.nan]]), ValueError, r"b\[4\]\[1\] is nan"),
        (np.nan, ValueError, "init is nan"),
        (True, TypeError, "init must be a name, a number, a flat vector or"),
        ({"W": W}, TypeError, "init must be a name, a number, a flat vector or"),
        (object(), TypeError, "init must be a name, a number, a flat vector or"),
    ],
)
def test_an_init_that_does_not_fit_is_refused(init, error, message):
    with pytest.raises(error, match=message):
        pl.Network(SIZES, init=init)


# Networks without biases


def test_without_biases_there_are_weights_only():
    net = network(bias=False)
    np.testing.assert_array_equal(net.parameters, np.concatenate([net.W[l].ravel() for l in (2, 3, 4)]))
    assert (len(net.b), dict(net.b), net.labels("b")) == (0, {}, [])
    assert not net.b
    assert (net.weight_mask() == 1).all()
    assert "bias=False" in repr(net.b)
    run = net.backprop(np.ones(3), np.ones(2))
    assert run.gradient.vector.shape == net.parameters.shape
    assert (len(run.gradient.b), len(run.layers.b)) == (0, 0)


@pytest.mark.parametrize(
    "ask",
    [
        lambda net, run: net.b[2],
        lambda net, run: net.b[9],
        lambda net, run: net.b.__setitem__(2, np.ones(5)),
        lambda net, run: net["b_1^2"],
        lambda net, run: net.__setitem__("b_1^2", 1.0),
        lambda net, run: run["b_1^2"],
        lambda net, run: run.explain("b_1^2"),
        lambda net, run: run.explain("b", layer=2, j=1),
        lambda net, run: run.gradient.b[2],
        lambda net, run: run.layers.b[2],
    ],
)
def test_asking_for_a_bias_that_is_not_there_says_why(ask):
    net = network(bias=False)
    before = net.parameters.copy()
    with pytest.raises(pl.UnknownLabelError, match=r"made with bias=False and has no biases \(leave bias=False out"):
        ask(net, net.backprop(np.ones(3), np.ones(2)))
    np.testing.assert_array_equal(net.parameters, before)


def test_without_biases_init_takes_what_it_takes_with_them_but_for_the_biases():
    rng = np.random.default_rng(0)
    W = [rng.normal(size=shape) for shape in ((5, 3), (4, 5), (2, 4))]
    flat = np.concatenate([array.ravel() for array in W])
    for init in (flat, flat.tolist(), (W, None), (W, []), [W, ()], (dict(enumerate(W, 2)), {})):
        np.testing.assert_array_equal(pl.Network(SIZES, bias=False, init=init).parameters, flat)
    other = pl.Network(SIZES, bias=False, init=flat)
    np.testing.assert_array_equal(pl.Network(SIZES, bias=False, init=(other.W, other.b)).parameters, flat)
    assert (pl.Network(SIZES, bias=False, init=0.5).parameters == 0.5).all()
    for name in (None, *INITIALISERS):
        with_biases, without = (network(init=name, bias=bias) for bias in (True, False))
        assert without.parameters.size == flat.size
        np.testing.assert_array_equal(without.W[2], with_biases.W[2])


@pytest.mark.parametrize(
    ("bias", "init", "error", "message"),
    [
        (False, (W, B), ValueError, r"for layers \[2, 3, 4\], but the network was made with bias=False"),
        (
            False,
            (W, {3: B[1]}),
            ValueError,
            r"init: b has arrays for layers \[3\], but the network was made with bias=",
        ),
        (False, (W[:2], None), ValueError, r"init: W has arrays for layers \[2, 3\]"),
        (False, np.ones(54), ValueError, r"parameters has shape \(43,\), got \(54,\)"),
        (True, (W, None), ValueError, r"init: b has arrays for layers \[\], but the network has layers \[2, 3, 4\]"),
        (0.0, None, TypeError, "bias must be True or False, got 0.0; initial values are given as init"),
        (None, None, TypeError, "bias must be True or False, got None"),
    ],
)
def test_biases_that_do_not_fit_are_refused(bias, init, error, message):
    with pytest.raises(error, match=message):
        pl.Network(SIZES, bias=bias, init=init)


# Sizes, activations, dtype


@pytest.mark.parametrize("sizes", [[3, 4, 2], (3, 4, 2), np.array([3, 4, 2]), range(2, 5), [np.int8(3), 4]])
def test_sizes_are_any_sequence_of_whole_numbers(sizes):
    assert network(sizes).sizes == tuple(int(n) for n in sizes)


@pytest.mark.parametrize(
    ("sizes", "error", "message"),
    [
        ([3, -1, 2], ValueError, r"sizes\[1\] must be at least 1, got -1"),
        ([3, 4, 0], ValueError, r"sizes\[2\] must be at least 1, got 0"),
        ([3.0, 4], TypeError, r"sizes\[0\] must be a whole number, got 3\.0"),
        (np.array([3.0, 4.0]), TypeError, r"sizes\[0\] must be a whole number"),
        ([3, True], TypeError, r"sizes\[1\] must be a whole number, got True"),
        ([3, "4"], TypeError, r"sizes\[1\] must be a whole number, got '4'"),
        ([3, None], TypeError, r"sizes\[1\] must be a whole number, got None"),
        ([3], ValueError, r"sizes must name at least an input and an output layer, got \[3\]"),
        ([], ValueError, "sizes must name at least an input and an output layer"),
        ("34", TypeError, "sizes must be a sequence of whole numbers"),
        (3, TypeError, "sizes must be a sequence of whole numbers"),
        (None, TypeError, "sizes must be a sequence of whole numbers"),
        ({3, 4}, TypeError, "sizes must be a sequence of whole numbers"),
    ],
)
def test_sizes_that_are_no_sizes_are_refused(sizes, error, message):
    with pytest.raises(error, match=message):
        pl.Network(sizes)


def test_an_activation_is_given_for_all_layers_or_with_another_for_the_output_or_by_layer():
    def names(*arguments, **settings):
        return [row.name for row in pl.Network(SIZES, *arguments, **settings).activations.values()]

    assert names() == ["sigmoid"] * 3
    assert names("relu") == ["relu"] * 3
    assert names("relu", "softmax") == names("relu", output="softmax") == ["relu", "relu", "softmax"]
    assert names(["sine", "tanh", "softmax"]) == names(("sine", "tanh", "softmax")) == ["sine", "tanh", "softmax"]
    assert (
        names(["sine", "tanh"], "softmax") == names(["sine", "tanh"], output="Softmax") == ["sine", "tanh", "softmax"]
    )
    assert names("ReLU", output="Linear") == ["relu", "relu", "identity"]
    assert list(network().activations) == [2, 3, 4]
    assert pl.Network([3, 2], [], "softmax").activations[2].name == "softmax"
    assert pl.Network([3, 2], "relu", "softmax").activations[2].name == "softmax"


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            ("softmax",),
            ValueError,
            "softmax on layer 2: it is not element-wise and can be used only on the output layer 4",
        ),
        ((["tanh", "softmax", "tanh"],), ValueError, "activation softmax on layer 3"),
        (
            (["tanh", "tanh"],),
            ValueError,
            r"activation has 2 entries, .* write activation=\['tanh', 'tanh'\], output='sigmoid'",
        ),
        ((["tanh"] * 3, "tanh"), ValueError, "output='tanh' would be a second one for layer 4: leave one of them out"),
        ((["tanh"], "tanh"), ValueError, "activation has 1 entry, but the network needs 2, one for each hidden layer"),
        ((["tanh"],), ValueError, "needs 3, one for each of the layers 2 … 4, or 2 for the hidden layers with output"),
        (("tanhh",), pl.UnknownNameError, "did you mean 'tanh'"),
        (("tanh", "tanhh"), pl.UnknownNameError, "did you mean 'tanh'"),
        ((["tanh", "tanhh", "tanh"],), pl.UnknownNameError, "did you mean 'tanh'"),
        ((None,), TypeError, "an activation is a name"),
        ((np.tanh,), TypeError, "an activation is a name or a pl.Activation, got .*; write 'tanh'"),
        (("tanh", np.tanh), TypeError, "an activation is a name"),
        ((["tanh", 3, "tanh"],), TypeError, "an activation is a name"),
    ],
)
def test_activations_that_do_not_fit_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        pl.Network(SIZES, *arguments)


@pytest.mark.parametrize("dtype", ["float16", "int64", "single precision", object])
def test_another_dtype_is_refused(dtype):
    with pytest.raises(ValueError, match="dtype must be 'float32' or 'float64'"):
        pl.Network(SIZES, dtype=dtype)


# Copies

CLONES = {
    "copy method": lambda net: net.copy(),
    "deepcopy": copy.deepcopy,
    "pickle": lambda net: pickle.loads(pickle.dumps(net)),
}


@pytest.mark.parametrize("clone", CLONES.values(), ids=CLONES)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_clone_is_the_same_network_with_numbers_of_its_own(clone, bias, dtype):
    net = network(output="softmax", dtype=dtype, bias=bias)
    other = clone(net)
    assert type(other) is pl.Network
    assert (other.sizes, other.dtype, repr(other)) == (net.sizes, net.dtype, repr(net))
    np.testing.assert_array_equal(other.parameters, net.parameters)
    before = net.parameters.copy()
    assert not np.shares_memory(other.parameters, net.parameters)
    assert_views(other)
    np.testing.assert_array_equal(net.parameters, before)
    assert_views(net)


@pytest.mark.parametrize("clone", CLONES.values(), ids=CLONES)
@pytest.mark.parametrize(
    ("loss", "output"), [("cross_entropy", "softmax"), ("binary_cross_entropy", "sigmoid"), ("poisson", "exp")]
)
def test_a_clone_computes_the_same_bits_and_keeps_the_stable_form(clone, loss, output):
    net = network(output=output, init=0.0)
    net.b[4] = [-800.0, 5.0]
    X, Y = np.random.default_rng(0).normal(size=(6, 3)), np.eye(2)[[0, 1, 1, 0, 0, 1]]
    g, h = net.gradient(X, Y, loss), clone(net).gradient(X, Y, loss)
    assert g.loss == h.loss
    np.testing.assert_array_equal(g.vector, h.vector)


def test_a_pickle_holds_the_parameters_once():
    net = network([100, 200, 3])
    assert len(pickle.dumps(net)) < 1.1 * net.parameters.nbytes


def test_a_shallow_copy_shows_the_same_numbers():
    net = network()
    other = copy.copy(net)
    assert np.shares_memory(other.parameters, net.parameters)
    assert_views(other)


def test_a_clone_of_a_read_only_network_can_be_changed():
    frozen = network().backprop(np.ones(3), np.ones(2)).layers
    assert_views(frozen.copy())
    assert_views(copy.deepcopy(frozen))


def test_a_network_says_how_it_was_made():
    assert repr(network()) == "Network([3, 5, 4, 2], activation='tanh')"
    assert repr(network(output="softmax")) == "Network([3, 5, 4, 2], activation='tanh', output='softmax')"
    mixed = network(SIZES, ["tanh", "sine", "softmax"], dtype="float32")
    assert repr(mixed) == "Network([3, 5, 4, 2], activation=['tanh', 'sine', 'softmax'], dtype='float32')"
    assert repr(network(bias=False)) == "Network([3, 5, 4, 2], activation='tanh', bias=False)"
    for net in (network(), mixed, network(output="softmax", dtype="float32", bias=False)):
        again = eval(repr(net), {"Network": pl.Network})
        assert (repr(again), again.parameters.shape) == (repr(net), net.parameters.shape)
    assert str(network()).startswith("3-5-4-2: 54 parameters, float64\n")
    assert str(network(bias=False)) == (
        "3-5-4-2: 43 parameters, float64, without biases\n"
        "layer  neurons  activation  W       parameters\n"
        "    1        3  input\n"
        "    2        5  tanh        (5, 3)          15\n"
        "    3        4  tanh        (4, 5)          20\n"
        "    4        2  tanh        (2, 4)           8"
    )


def test_the_layers_are_a_sequence_of_arrays_by_the_numbers_of_the_layers():
    W = network().W
    assert [array.shape for array in W] == [array.shape for array in reversed(list(reversed(W)))]
    assert [layer in W for layer in (1, 2, 3, 4, 5, "2")] == [False, True, True, True, False, False]
    assert dict(W.items()).keys() == W.keys()


def test_layers_take_one_anothers_arrays_even_if_they_are_their_own():
    net = pl.Network([3, 3, 3, 3], seed=0)
    expected = [array.copy() for array in net.W]
    net.W.assign(reversed(list(net.W)))
    for array, other in zip(net.W, reversed(expected), strict=True):
        np.testing.assert_array_equal(array, other)
    with pytest.raises(TypeError, match="W takes an array for each layer"):
        net.W.assign(3)


@pytest.mark.parametrize("init", [lambda W: W, lambda W: [W[2], W[3]], lambda W: (W, None), lambda W: (list(W), ())])
def test_a_network_without_biases_starts_from_its_weights_alone(init):
    lean = pl.Network([3, 4, 2], bias=False, seed=0)
    other = pl.Network([3, 4, 2], bias=False, init=init(lean.W))
    np.testing.assert_array_equal(other.parameters, lean.parameters)


def test_sizes_given_one_by_one_and_settings_given_as_attributes_are_answered_with_a_line():
    with pytest.raises(TypeError, match=r"write \[3, 4, 2\]"):
        pl.Network(3, 4, 2)
    net = network()
    with pytest.raises(AttributeError, match="write"):
        net.learning_rate = 0.1
    with pytest.raises(AttributeError, match="write"):
        net.activation = "relu"
