"""What the tests share: a reproducible Hypothesis, targets that a loss accepts, closeness in units of rounding."""

import gc
import signal

import numpy as np
import pytest
from hypothesis import settings

settings.register_profile("reproducible", deadline=None, derandomize=True, database=None)
settings.register_profile("explore", deadline=None, max_examples=2000)
settings.load_profile("reproducible")

# A shell starts background jobs with Ctrl-C ignored, and Python leaves it so: tests that press it would wait for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def signals_raise():
    """No collection of garbage: Hypothesis times it by a callback, and what a signal raises in there Python drops."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(scope="session")
def draw_targets():
    """Random targets of shape (n, m) that a loss accepts."""

    def draw(loss, n, m, rng):
        return {
            "numbers": lambda: rng.normal(size=(n, m)),
            "counts": lambda: rng.poisson(1.5, (n, m)).astype(float),
            "classes": lambda: rng.dirichlet(np.ones(m), n),
            "probabilities": lambda: rng.uniform(size=(n, m)),
        }[loss.targets]()

    return draw


@pytest.fixture(scope="session")
def assert_close():
    """Same shape and dtype, and no further apart than so many eps of the largest number (or of a given scale)."""

    def check(got, expected, ulps=64, scale=None):
        got, expected = np.asarray(got), np.asarray(expected)
        assert got.shape == expected.shape
        assert got.dtype == expected.dtype
        if scale is None:
            scale = np.abs(expected).max(initial=0.0)
        error = np.abs(got - expected).max(initial=0.0)
        eps = np.finfo(expected.dtype).eps
        assert error <= ulps * eps * scale, f"{error / (eps * scale) if scale else np.inf:.1f} ulps apart"

    return check
