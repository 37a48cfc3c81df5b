"""The random numbers of training: numbered draws that both engines make alike, in any order and on any thread.

Number c of a stream is SplitMix64's output function of the stream's key and c, so nothing has to be remembered: an
epoch is the same whether training came to it in one go or was resumed before it, and a neuron is dropped or not
whatever the batch its sample is in. All sums are modulo 2^64 and γ = 0x9E3779B97F4A7C15.

- ``mix(x)``: ``x ^= x >> 30; x *= 0xBF58476D1CE4E5B9; x ^= x >> 27; x *= 0x94D049BB133111EB; x ^= x >> 31``.
- ``key(words…)``: k = 0; for each word k = mix(k + word + γ). A word of more than 64 bits counts as its 64-bit limbs,
  from the lowest.
- ``bits64``: number c of a stream is mix(key + (c + 1) γ); ``bits32``: number c is the low half of number c/2 of
  bits64 for even c, the high half of number (c - 1)/2 for odd c.
- ``permutation``: the order that sorts bits64, equal numbers in the order they had.

The order of the samples in epoch e has the key (seed, e, 0), e = 0 being the split of the validation data. Dropout of
layer l in epoch e has the key (seed, e, l); neuron j (from 0) of the sample at position p (from 0) of the epoch's order
takes number p n_l + j of bits32 and stays if that is at least 2^32 times the rate, rounded to the nearest whole number,
halves to the even one. Samples that are not shuffled, or all in one batch, have their own indices as positions.

Steele, Lea, Flood, Fast splittable pseudorandom number generators, 2014.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.arrays import NDArray, as_count

if TYPE_CHECKING:
    Seed = int | np.random.Generator | np.random.SeedSequence | np.random.RandomState | None
    """What ``seed=`` takes."""
else:  # NumPy imports its random numbers when they are first used
    Seed = Any

_GAMMA = 0x9E3779B97F4A7C15
_FACTORS = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
_MASK = (1 << 64) - 1


def _mix(x: int) -> int:
    x ^= x >> 30
    x = x * _FACTORS[0] & _MASK
    x ^= x >> 27
    x = x * _FACTORS[1] & _MASK
    return x ^ x >> 31


def key(*words: int) -> int:
    """Return the key of a stream, below 2^64, from whole numbers ≥ 0."""
    found = 0
    for word in words:
        limbs = [word & _MASK]
        while word := word >> 64:
            limbs.append(word & _MASK)
        for limb in limbs:
            found = _mix(found + limb + _GAMMA & _MASK)
    return found


def bits64(key: int, start: int, count: int) -> NDArray[np.uint64]:
    """Draw numbers ``start`` … ``start + count - 1`` of a stream, evenly from [0, 2^64)."""
    x = np.arange(start + 1, start + count + 1, dtype=np.uint64)
    x *= np.uint64(_GAMMA)
    x += np.uint64(key)
    x ^= x >> np.uint64(30)
    x *= np.uint64(_FACTORS[0])
    x ^= x >> np.uint64(27)
    x *= np.uint64(_FACTORS[1])
    x ^= x >> np.uint64(31)
    return x


def bits32(key: int, start: int, count: int) -> NDArray[np.uint32]:
    """Draw numbers ``start`` … ``start + count - 1`` of a stream of halves, evenly from [0, 2^32)."""
    whole = bits64(key, start // 2, (start + count + 1) // 2 - start // 2)
    halves = np.empty((len(whole), 2), np.uint32)
    halves[:, 0] = whole & np.uint64(0xFFFFFFFF)
    halves[:, 1] = whole >> np.uint64(32)
    return halves.reshape(-1)[start % 2 : start % 2 + count]


def permutation(key: int, n: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Draw an order of n things."""
    order: Any = np.argsort(bits64(key, 0, n), kind="stable")
    return order


def as_generator(seed: Seed) -> np.random.Generator:
    """Return a generator: a new one from a whole number, a SeedSequence or the system (None), or the one given.

    Raises
    ------
    ValueError, TypeError
        A negative number, or anything else.
    """
    if isinstance(seed, np.random.Generator | np.random.SeedSequence) or seed is None:
        return np.random.default_rng(seed)
    if isinstance(seed, np.random.RandomState):
        return np.random.default_rng(as_seed(seed))
    return np.random.default_rng(as_count(seed, "seed", 0))


def as_seed(seed: Seed) -> int:
    """Return a seed as a whole number of at most 53 bits, which JSON keeps, unless a larger one was given.

    A Generator or RandomState is drawn from, so that two trainings with the same generator differ.

    Raises
    ------
    ValueError, TypeError
        A negative number, or anything else.
    """
    if isinstance(seed, int | np.integer):
        return as_count(seed, "seed", 0)  # and NumPy's generators need not be imported
    if seed is None:
        return _state(np.random.SeedSequence())
    if isinstance(seed, np.random.Generator):
        return int(seed.integers(2**53))
    if isinstance(seed, np.random.RandomState):
        return int(seed.randint(2**31 - 1))
    if isinstance(seed, np.random.SeedSequence):
        return _state(seed)
    return as_count(seed, "seed", 0)


def _state(sequence: np.random.SeedSequence) -> int:
    return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(11))
