"""Where there is more room than before, and how much more fits there."""

from __future__ import annotations

import numpy as np

from ..frontier import Column
from ..level import ENDLESS, Level
from ..shapes import Shape

NEVER = np.iinfo(np.int64).max
_MANY = 2_000_000
"""Pairs of a shape and a grown node that are not worth counting one by one."""


def grown_by(level: Level, grown: dict[int, Shape]) -> tuple[Column, Column]:
    """What there is on the nodes on which there is more than before, and the least that there was; forgets them."""
    pairs = [(level.amounts[node], least) for node, least in grown.items() if min(level.amounts[node]) >= 0]
    grown.clear()
    amounts = np.array([amount for amount, _ in pairs], np.int64)
    return amounts, np.array([least for _, least in pairs], np.int64)


def increases(shapes: Column, amounts: Column, before: Column) -> Column:
    """How many more of each shape fit on all these nodes together than before; endless where that is long to count.

    A row of `shapes` is one of them, as a row of the others is a node.
    """
    if len(shapes) * len(amounts) > _MANY:
        return np.full(len(shapes), ENDLESS, np.int64)
    counts = _counts(shapes, np.concatenate([amounts, before]))
    now, then = counts[:, : len(amounts)], counts[:, len(amounts) :]
    # Where there was less than nothing, nothing did fit.
    found: Column = (now - then * (before.min(axis=1) >= 0)).sum(axis=1)
    return found


def _counts(shapes: Column, amounts: Column) -> Column:
    """How many of each shape fit into each amount."""
    each: Column = np.full((len(shapes), len(amounts)), ENDLESS, np.int64)
    for part, amount in zip(shapes.T, amounts.T, strict=True):
        if part.any():
            fit = amount[None, :] // np.maximum(part, 1)[:, None]
            np.minimum(each, np.where(part[:, None] > 0, fit, ENDLESS), out=each)
    return each
