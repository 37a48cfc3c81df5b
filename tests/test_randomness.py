"""The random numbers of training: SplitMix64's own values, uniform orders, independent streams, dropout by position."""

import itertools
import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as pl
from pellucid.descent import with_dropout
from pellucid.losses import LOSSES
from pellucid.randomness import bits32, bits64, key, permutation
from pellucid.samples import Samples
from pellucid.training import split

# The specification once more, number by number on Python's integers.

GAMMA, LIMB = 0x9E3779B97F4A7C15, 2**64


def mix(x):
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 % LIMB
    x = (x ^ x >> 27) * 0x94D049BB133111EB % LIMB
    return x ^ x >> 31


def key_of_limbs(*limbs):
    k = 0
    for limb in limbs:
        k = mix((k + limb + GAMMA) % LIMB)
    return k


def number64(k, c):
    return mix((k + (c + 1) * GAMMA) % LIMB)


def number32(k, c):
    return number64(k, c // 2) >> (32 if c % 2 else 0) & 0xFFFFFFFF


keys = st.integers(0, LIMB - 1)
starts = st.one_of(st.integers(0, 99), st.integers(0, 2**50))
counts = st.integers(0, 40)

# Of the generator that starts from this seed. 1234567 is Rosetta Code's check of SplitMix64.
REFERENCE = {
    0: [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F, 0xF88BB8A8724C81EC, 0x1B39896A51A8749B],
    1234567: [
        6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821,
    ],
}  # fmt: skip


@pytest.mark.parametrize("seed", REFERENCE)
def test_the_numbers_are_those_of_splitmix64(seed):
    assert bits64(seed, 0, 5).tolist() == REFERENCE[seed]


@given(keys, starts, counts)
def test_numbers_are_drawn_as_specified_from_any_start(k, start, count):
    whole, halves = bits64(k, start, count), bits32(k, start, count)
    assert (whole.dtype, halves.dtype) == (np.uint64, np.uint32)
    assert whole.tolist() == [number64(k, c) for c in range(start, start + count)]
    assert halves.tolist() == [number32(k, c) for c in range(start, start + count)]


@pytest.mark.parametrize("draw", [bits64, bits32])
@given(k=keys, start=st.integers(0, 9), count=counts)
def test_a_part_of_a_stream_is_what_the_whole_has_there(draw, k, start, count):
    assert draw(k, start, count).tolist() == draw(k, 0, start + count)[start:].tolist()


@given(st.lists(keys, max_size=4))
def test_keys_are_made_as_specified(words):
    assert key(*words) == key_of_limbs(*words)


@given(st.lists(keys, min_size=1, max_size=3), st.integers(1, LIMB - 1))
def test_a_longer_word_counts_as_its_limbs_from_the_lowest(low, top):
    limbs = [*low, top]
    assert key(sum(limb << 64 * i for i, limb in enumerate(limbs)), 7) == key_of_limbs(*limbs, 7)


def test_seeds_epochs_and_layers_have_keys_of_their_own():
    powers = [2**i for i in range(1, 300)]
    seeds = {0, *powers, *(p - 1 for p in powers), *(p + 1 for p in powers)}
    found = {key(seed, epoch, layer) for seed in seeds for epoch in range(6) for layer in range(6)}
    assert len(found) == len(seeds) * 36


@pytest.mark.parametrize(
    "others", [[(1, 2, 3)], [(0, 3, 3)], [(0, 2, 4)], [(0, 3, 2), (2, 0, 3)], [(2**64, 2, 3)]],
    ids=["seed", "epoch", "layer", "exchanged", "long seed"],
)  # fmt: skip
def test_streams_share_no_more_bits_than_chance_has_it(others):
    n = 10_000
    one = bits64(key(0, 2, 3), 0, n)
    for other in others:
        for shift in range(-2, 3):  # nor is one the other a few numbers later
            differing = np.bitwise_count(one ^ np.roll(bits64(key(*other), 0, n), shift))
            assert abs(float(differing.mean()) - 32) <= 5 * 4 / math.sqrt(n)
        assert not set(one.tolist()) & set(bits64(key(*other), 0, n).tolist())


def test_every_bit_is_set_half_the_time():
    n = 100_000
    for draw, width in ((bits64, 64), (bits32, 32)):
        numbers = draw(key(5, 1, 2), 0, n)
        for bit in range(width):
            ones = int((numbers >> numbers.dtype.type(bit) & numbers.dtype.type(1)).sum())
            assert abs(ones - n / 2) <= 5 * math.sqrt(n) / 2


# Orders.


@given(keys, st.integers(0, 200))
def test_an_order_sorts_the_numbers_and_has_everything_once(k, n):
    order = permutation(k, n)
    assert order.dtype.kind == "i"
    assert order.tolist() == sorted(range(n), key=lambda c: number64(k, c))


def test_equal_numbers_stay_in_their_order(monkeypatch):
    monkeypatch.setattr("pellucid.randomness.bits64", lambda k, start, n: np.arange(n, dtype=np.uint64) % np.uint64(3))
    assert permutation(0, 100).tolist() == sorted(range(100), key=lambda c: c % 3)


def is_even_spread(observed, expected):
    """Whether χ² is where it is for all but about one in a million even spreads, neither too far out nor too near."""
    chi_square = float(((observed - expected) ** 2 / expected).sum())
    freedom = observed.size - 1
    # Wilson and Hilferty: the cube root of χ² over its degrees of freedom is nearly normal.
    z = ((chi_square / freedom) ** (1 / 3) - (1 - 2 / (9 * freedom))) / math.sqrt(2 / (9 * freedom))
    return abs(z) <= 5


@pytest.mark.parametrize("of", ["seed", "epoch"])
def test_all_orders_of_four_are_equally_frequent(of):
    draws = 12_000
    frequency = dict.fromkeys(itertools.permutations(range(4)), 0)
    for i in range(draws):
        frequency[tuple(permutation(key(i, 1, 0) if of == "seed" else key(3, i, 0), 4).tolist())] += 1
    assert len(frequency) == 24
    assert is_even_spread(np.array(list(frequency.values())), draws / 24)


def test_every_sample_is_equally_frequent_at_every_position():
    n, draws = 10, 10_000
    frequency = np.zeros((n, n), int)
    for epoch in range(draws):
        frequency[np.arange(n), permutation(key(0, epoch, 0), n)] += 1
    for each in (*frequency, *frequency.T):
        assert is_even_spread(each, draws / n)


def test_the_judge_of_even_spreads_sees_a_slight_lean():
    draws = 12_000
    lean = np.full(24, draws / 24)
    lean[:12] *= 1.08
    lean[12:] *= 0.92
    assert not is_even_spread(lean, draws / 24)
    assert not is_even_spread(np.full(24, draws / 24), draws / 24)  # chance is never as even


# What training draws from them.


class TargetsSeen:
    """The squared error, remembering the targets in the order in which training asked about them."""

    def __init__(self):
        self.seen = []
        self.loss = pl.Loss("seen", lambda a, y: np.square(a - y).mean(axis=1), self.gradient)

    def gradient(self, a, y):
        if y.min() >= 10:  # the library tries a user's loss on two made-up samples first
            self.seen += [round(v) - 10 for v in y[:, 0]]
        return 2 * (a - y)


def test_the_samples_of_an_epoch_come_in_its_order():
    n, epochs, seed, recorder = 23, 4, 2**70 + 5, TargetsSeen()
    X, Y = np.linspace(-1, 1, n)[:, np.newaxis], 10.0 + np.arange(n)[:, np.newaxis]
    net = pl.Network([1, 1], "identity", seed=0)
    net.train(X, Y, loss=recorder.loss, optimizer=pl.SGD(1e-6), batch_size=5, epochs=epochs, seed=seed)
    expected = [permutation(key(seed, epoch, 0), n).tolist() for epoch in range(1, epochs + 1)]
    assert recorder.seen == list(itertools.chain(*expected))


def test_the_split_is_the_order_of_epoch_zero():
    n, seed = 23, 9
    X = np.arange(n, dtype=float)[:, np.newaxis]
    samples = Samples(X, X, LOSSES["mse"], weight=None, is_single=False)
    train, validation = split(samples, 0.25, seed)
    order = permutation(key(seed, 0, 0), n)
    assert validation.X[:, 0].tolist() == sorted(order[:6].tolist())
    assert train.X[:, 0].tolist() == sorted(order[6:].tolist())


def masks_of(net, rates, seed, epoch, first, n):
    """What dropout multiplies each activation by, by layer."""
    dropped = with_dropout(net, rates, seed, epoch, first, n)
    return {l: dropped[l].function(np.ones((n, net.size(l)), net.dtype)) for l in range(2, net.F)}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("rate", [0.1, 0.3, 0.5, 0.9, 1 / 3])
def test_a_neuron_stays_if_its_number_reaches_the_rate(rate, dtype):
    net = pl.Network([2, 7, 4, 1], "identity", seed=0, dtype=dtype)
    seed, epoch, first, n = 2**64 + 11, 3, 13, 9
    for l, mask in masks_of(net, (rate, rate), seed, epoch, first, n).items():
        k, size = key(seed, epoch, l), net.size(l)
        for i, j in itertools.product(range(n), range(size)):
            is_kept = number32(k, (first + i) * size + j) >= round(rate * 2**32)
            assert mask[i, j] == (1 / np.dtype(dtype).type(1 - rate) if is_kept else 0)


def test_a_rate_counts_to_the_nearest_number(monkeypatch):
    net = pl.Network([1, 4, 1], "identity", seed=0)
    numbers = np.array([9, 10, 11, 12], np.uint32)
    monkeypatch.setattr("pellucid.randomness.bits32", lambda *_: numbers)
    # Rounded half to even: 10.4 is 10, 10.5 is 10, 11.5 is 12.
    for rate, kept in ((10.4, 3), (10.5, 3), (10.6, 2), (11, 2), (11.5, 1)):
        (mask,) = masks_of(net, (rate / 2**32,), 0, 1, 0, 1).values()
        assert (mask != 0).sum() == kept


@settings(max_examples=30)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=6), st.integers(0, 2**80), st.integers(1, 9))
def test_the_neurons_that_drop_out_do_not_depend_on_the_batches(sizes, seed, epoch):
    # Odd numbers of neurons, so that batches begin in the middle of a number of 64 bits.
    net, rates, n = pl.Network([2, 5, 3, 1], "identity", init="zeros"), (0.5, 0.25), sum(sizes)
    whole = masks_of(net, rates, seed, epoch, 0, n)
    batches = [
        masks_of(net, rates, seed, epoch, end - size, size)
        for size, end in zip(sizes, itertools.accumulate(sizes), strict=True)
    ]
    for l in whole:
        np.testing.assert_array_equal(np.concatenate([batch[l] for batch in batches]), whole[l])


@pytest.mark.parametrize("shuffle", [True, False])
def test_an_epochs_loss_with_dropout_depends_neither_on_the_batches_nor_on_the_engine(shuffle):
    # With a learning rate too small to move anything, the loss is the mean over the same samples and the same masks.
    rng, n = np.random.default_rng(0), 23
    X, Y = rng.standard_normal((n, 3)), rng.standard_normal((n, 2))
    arguments = {"optimizer": pl.SGD(1e-300), "epochs": 3, "shuffle": shuffle, "dropout": [0.5, 0.25], "seed": 1}
    losses = []
    sizes = (1, 4, 5, 22) if shuffle else (1, 4, 5, 22, 23, None)  # a batch of all samples is never shuffled
    for batch_size, engine in itertools.product(sizes, ("auto", "numpy")):
        net = pl.Network([3, 5, 3, 2], "tanh", seed=0, engine=engine)
        losses.append(net.train(X, Y, batch_size=batch_size, **arguments)["loss"])
    assert len(set(losses[0])) == 3
    np.testing.assert_allclose(losses[1:], [losses[0]] * (len(losses) - 1), rtol=64 * np.finfo(float).eps)


def test_the_share_of_kept_neurons_is_one_minus_the_rate_in_every_layer_neuron_and_epoch():
    net, n = pl.Network([1, 50, 20, 1], "identity", seed=0), 2_000
    rates = {2: 0.2, 3: 0.5}
    epochs = [masks_of(net, tuple(rates.values()), 0, epoch, 0, n) for epoch in range(1, 6)]
    for l, rate in rates.items():
        spread = 5 * math.sqrt(rate * (1 - rate))
        kept = np.array([masks[l] != 0 for masks in epochs])
        assert (np.abs(kept.mean(axis=(1, 2)) - (1 - rate)) <= spread / math.sqrt(kept[0].size)).all()
        assert (np.abs(kept.mean(axis=(0, 1)) - (1 - rate)) <= spread / math.sqrt(kept[:, :, 0].size)).all()
        # Neighbouring neurons, samples and epochs are kept together as often as chance has it.
        for axis in range(3):
            along = np.moveaxis(kept, axis, 0)
            one, other = along[:-1], along[1:]
            together = float((one & other).mean()) - (1 - rate) ** 2
            assert abs(together) <= 5 * math.sqrt(1 / one.size)


def test_training_from_a_seed_calls_no_generator_of_numpy(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a generator of NumPy was asked for")

    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((2, 20, 2))
    nets = [pl.Network([2, 3, 2], seed=0, engine=engine) for engine in ("auto", "numpy")]
    for name in ("default_rng", "SeedSequence", "Generator", "RandomState"):
        monkeypatch.setattr(np.random, name, refuse)
    for net in nets:
        net.train(X, Y, epochs=2, batch_size=4, dropout=0.5, validation=0.25, seed=0)


def test_an_import_does_not_wait_for_numpys_generators():
    code = (
        "import sys, numpy\nbefore = set(sys.modules)\nimport pellucid.randomness\n"
        "print([name for name in set(sys.modules) - before if name.startswith('numpy.random')])"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "[]", "")
