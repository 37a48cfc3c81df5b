"""When two arrays are the same: relative to their size, and never finer than what rounding can do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pellucid.arrays import Array

DOUBLE = float(np.finfo(np.float64).eps)
SINGLE = float(np.finfo(np.float32).eps)

_RELATIVE = 1e-6
"""In double precision: far above the rounding of any order of sums, far below any mistake."""

_RELATIVE_SINGLE = 1e-4
"""In single precision, which leaves four digits of a long sum."""

_ULPS = 50
"""In half precision and below: units in the last place that a sum may be off by."""


@dataclass(frozen=True)
class Tolerance:
    """How far apart two arrays may be and still be the same.

    Sizes are compared after both arrays are divided by their largest entry, so that numbers of 1e200 do not overflow
    to "infinitely close to infinity", nor numbers of 1e-200 vanish. What is not finite is never the same as anything.

    Attributes
    ----------
    relative : float
        Of the larger one's norm.
    """

    relative: float

    @classmethod
    def of(cls, eps: float) -> Tolerance:
        """Return the tolerance for an array computed in a precision of eps."""
        if eps < 1e-10:
            return cls(_RELATIVE)
        return cls(max(_RELATIVE_SINGLE, _ULPS * eps))

    def same(self, u: Array, v: Array, floor: Array | float = 0.0) -> bool:
        """Whether two arrays are the same.

        Parameters
        ----------
        u, v : ndarray of one shape
        floor : ndarray or float
            What rounding may move each entry by, or the norm of that.
        """
        scale = max(largest(u), largest(v))
        if not np.isfinite(scale):
            return False
        if not scale:
            return True
        p, q = u / scale, v / scale
        reach = self.relative * max(float(np.linalg.norm(p)), float(np.linalg.norm(q)))
        return float(np.linalg.norm(p - q)) <= reach + norm(np.asarray(floor)) / scale

    def parallel(self, u: Array, v: Array, floor: Array | float = 0.0) -> float | None:
        """Return the c with u = c v, or None if u is not a multiple of v."""
        top, bottom = largest(u), largest(v)
        if not (0 < top < np.inf and 0 < bottom < np.inf):
            return None
        p, q = u / top, v / bottom
        s = float(np.vdot(p, q)) / float(np.vdot(q, q))
        if not s or not self.same(p, s * q, norm(np.asarray(floor)) / top):
            return None
        c = s * (top / bottom)
        return c if c and np.isfinite(c) else None

    def tells(self, t: Array, floor: Array) -> bool:
        """Whether an array that is half the right one, or half as large again, would not pass for it."""
        size = norm(t)
        return not size or 1.5 * self.relative * size + norm(floor) < 0.5 * size


def largest(array: Array) -> float:
    """Return the largest absolute entry: NaN or infinite if one entry is."""
    return float(np.abs(array).max(initial=0.0))


def norm(array: Array) -> float:
    """Return the Euclidean norm without overflow on the way; infinite only if the norm is, or an entry not finite."""
    scale = largest(array)
    if not scale or not np.isfinite(scale):
        return scale if scale == scale else np.inf
    return scale * float(np.linalg.norm(array / scale))
