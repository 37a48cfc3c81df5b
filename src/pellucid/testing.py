"""For a course's autograder, and for anybody's tests: assert that a gradient is right, or say which term is wrong."""

from __future__ import annotations

from typing import Any

from pellucid.arrays import ArrayLike
from pellucid.checking.diagnosis import Diagnosis
from pellucid.checking.trial import diagnose
from pellucid.hints import check_keywords, expect, hinted
from pellucid.layers import Layers


@hinted
def assert_gradient(
    gradient: object,
    network: Layers,
    X: ArrayLike,
    y: ArrayLike,
    loss: object = "mse",
    *,
    allow_conventions: bool = True,
    **settings: Any,
) -> Diagnosis:
    """Fail with the diagnosis if a gradient is wrong.

    Parameters
    ----------
    gradient : callable or arrays
        A function f(network, X, y), or the gradient itself; see `pellucid.diagnose`.
    network, X, y, loss
        As in `pellucid.diagnose`.
    allow_conventions : bool
        Whether a gradient that differs by a named constant factor, such as the sum instead of the mean, passes.
    **settings
        ``sample_weight``, ``l2``, ``l1``, ``z``, ``a``, ``d``, ``masks``, as in `pellucid.diagnose`.

    Returns
    -------
    Diagnosis
        If it passes.

    Raises
    ------
    AssertionError
        The gradient is wrong, or cannot be read as one; the message is the diagnosis.

    Examples
    --------
    >>> import numpy as np
    >>> import pellucid as pl
    >>> net = pl.Network([3, 4, 2], seed=0)
    >>> X, y = np.array([[0.5, -1, 2], [1, 0, -1]]), np.array([[1, 0], [0, 1]])
    >>> assert_gradient(lambda net, X, y: net.gradient(X, y).vector, net, X, y).verdict
    'right'
    """
    __tracebackhide__ = True  # pytest shows the caller's line
    expect(network, Layers, "network", "a pl.Network", "pl.testing.assert_gradient(gradient, network, X, y)")
    check_keywords(diagnose, settings, "assert_gradient")
    diagnosis = diagnose(network, X, y, loss, gradient, **settings)
    if not diagnosis or (diagnosis.verdict == "convention" and not allow_conventions):
        raise AssertionError(diagnosis.text)
    return diagnosis
