"""Fits that a search has done in advance: ``fit`` takes one over in place of training again."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

_OFFERED: ContextVar[dict[Any, Any] | None] = ContextVar("_OFFERED", default=None)


@contextmanager
def offered(fits: Sequence[tuple[Any, Any, Any]]) -> Iterator[None]:
    """Offer fitted estimators to ``fit`` of others with the same parameters on the same samples."""
    token = _OFFERED.set({_key(*one): one[0] for one in fits})
    try:
        yield
    finally:
        _OFFERED.reset(token)


def takes(model: Any, X: Any, y: Any, *others: Any) -> bool:
    """Let an estimator take a fit over, if one is offered."""
    fits = _OFFERED.get()
    if fits is None or any(one is not None for one in others):
        return False
    found = fits.get(_key(model, X, y))
    if found is None:
        return False
    model.__setstate__({**found.__getstate__(), **model.get_params(deep=False)})
    return True


def _key(model: Any, X: Any, y: Any) -> Any:
    checksums = [zlib.crc32(np.ascontiguousarray(part).view(np.uint8).data) for part in _numbers(X, y)]
    parameters = tuple(sorted((name, repr(value)) for name, value in model.get_params(deep=False).items()))
    return type(model).__name__, parameters, np.shape(X), *checksums


def _numbers(X: Any, y: Any) -> Iterator[Any]:
    yield np.asarray(X)
    labels = np.asarray(y)
    yield np.asarray([repr(label) for label in labels.ravel()]) if labels.dtype == object else labels
