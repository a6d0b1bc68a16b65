"""What waits until somewhere is more room: it is looked at again only when that could help."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..level import ENDLESS, Column, Level, fits_any
from ..shapes import Shape

NEVER = np.iinfo(np.int64).max
_MANY = 2_000_000
"""Pairs of a parked one and a grown node that are not worth counting one by one."""


class Parked:
    """Each needs room for so many more instances of a shape. Room that shrinks wakes nobody."""

    def __init__(self, *, exact: bool = True) -> None:
        self._exact = exact
        """Whether what was parked lacked just so many. Otherwise the shape is only the least that may help."""
        self._slots: dict[str, int] = {}
        self._ids: list[str] = [""] * 64
        self._unused = list(range(63, -1, -1))
        self._shapes: list[Column] = [np.full(64, NEVER) for _ in range(3)]
        self._lack: Column = np.zeros(64, np.int64)

    def __contains__(self, id: str) -> bool:
        return id in self._slots

    def park(self, id: str, shape: Shape, lack: int) -> None:
        """It needs room for `lack` more instances of this shape before it is worth another look."""
        slot = self._slots.get(id)
        if slot is None:
            if not self._unused:
                self._enlarge()
            slot = self._slots[id] = self._unused.pop()
            self._ids[slot] = id
        for column, part in zip(self._shapes, shape, strict=True):
            column[slot] = part
        self._lack[slot] = lack

    def remove(self, id: str) -> None:
        """It waits here no more; without effect where it does not."""
        slot = self._slots.pop(id, None)
        if slot is not None:
            self._shapes[0][slot] = NEVER
            self._unused.append(slot)

    def wake(self, level: Level, grown: dict[int, Shape]) -> list[str]:
        """Take out those that may fit since there is more on these nodes, and forget the nodes.

        `grown` has the least that there was on each; what one that came later found is not less.
        """
        amounts, before = grown_by(level, grown)
        if not self._slots or not len(amounts):
            return []
        mask = np.ones(len(self._lack), bool)
        for column, most in zip(self._shapes, amounts.max(axis=0), strict=True):
            mask &= column <= most
        slots = np.flatnonzero(mask)
        if self._exact and len(slots):
            self._lack[slots] -= increases(self._shapes, slots, amounts, before)
            slots = slots[self._lack[slots] <= 0]
        elif len(slots):
            slots = slots[fits_any([column[slots] for column in self._shapes], amounts)]
        woken = [self._ids[slot] for slot in slots]
        for id in woken:
            self.remove(id)
        return woken

    def _enlarge(self) -> None:
        size = len(self._ids)
        self._ids += [""] * size
        self._unused = list(range(2 * size - 1, size - 1, -1))
        self._shapes = [np.concatenate([column, np.full(size, NEVER)]) for column in self._shapes]
        self._lack = np.concatenate([self._lack, np.zeros(size, np.int64)])


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
