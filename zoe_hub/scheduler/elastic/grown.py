"""Where there is more room than before, and how much more fits there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..level import ENDLESS, Column, Level
from ..shapes import Shape

NEVER = np.iinfo(np.int64).max
_MANY = 2_000_000
"""Pairs of one that waits and a grown node that are not worth counting one by one."""


def grown_by(level: Level, grown: dict[int, Shape]) -> tuple[Column, Column]:
    """What there is on the nodes on which there is more than before, and the least that there was; forgets them."""
    pairs = [(level.amounts[node], least) for node, least in grown.items() if min(level.amounts[node]) >= 0]
    grown.clear()
    amounts = np.array([amount for amount, _ in pairs], np.int64)
    return amounts, np.array([least for _, least in pairs], np.int64)


def increases(shapes: Sequence[Column], slots: npt.NDArray[np.intp], amounts: Column, before: Column) -> Column:
    """How many more of each shape fit on all these nodes together than before; endless where that is long to count."""
    if len(slots) * len(amounts) > _MANY:
        return np.full(len(slots), ENDLESS, np.int64)
    more = _counts(shapes, slots, amounts)
    # Where there was less than nothing, nothing did fit.
    more -= _counts(shapes, slots, before) * (before.min(axis=1) >= 0)
    found: Column = more.sum(axis=1)
    return found


def _counts(shapes: Sequence[Column], slots: npt.NDArray[np.intp], amounts: Column) -> Column:
    """How many of each shape fit into each amount."""
    each: Column = np.full((len(slots), len(amounts)), ENDLESS, np.int64)
    for dimension, column in enumerate(shapes):
        part = column[slots][:, None]
        if part.any():
            fit = amounts[:, dimension][None, :] // np.maximum(part, 1)
            np.minimum(each, np.where(part > 0, fit, ENDLESS), out=each)
    return each
