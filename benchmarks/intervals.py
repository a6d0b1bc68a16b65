"""Confidence intervals of means of few values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist, fmean, stdev

_STUDENT = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131),
    *(2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042),
)
"""The quantile 0.975 of Student's t with 1, 2, … degrees of freedom."""


def student(freedom: int) -> float:
    """The quantile 0.975 of Student's t. Raises ValueError without a degree of freedom."""
    if freedom < 1:
        raise ValueError("Student's t has at least one degree of freedom")
    if freedom <= len(_STUDENT):
        return _STUDENT[freedom - 1]
    # Cornish-Fisher; from here on right to the fourth digit (Abramowitz and Stegun, 26.7.5).
    z = NormalDist().inv_cdf(0.975)
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)


def half_width(values: Sequence[float]) -> float:
    """Half of the 95 % interval of the values' mean; infinity for a single one, which says nothing of its spread."""
    if len(values) < 2:
        return math.inf
    return student(len(values) - 1) * stdev(values) / math.sqrt(len(values))


def told(values: Sequence[float]) -> str:
    """The mean, and its interval where there is one."""
    wide = half_width(values)
    return f"{fmean(values):.3f}" + (f" ± {wide:.3f}" if math.isfinite(wide) else "")
