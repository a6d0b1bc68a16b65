"""What waits until somewhere is more room: it is looked at again only when that could help."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..level import ENDLESS, Column, Level
from ..shapes import Shape

_NEVER = np.iinfo(np.int64).max
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
        self._shapes: list[Column] = [np.full(64, _NEVER) for _ in range(3)]
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
            self._shapes[0][slot] = _NEVER
            self._unused.append(slot)

    def wake(self, level: Level, grown: dict[int, Shape]) -> list[str]:
        """Take out those that may fit since there is more on these nodes, and forget the nodes.

        `grown` has the least that there was on each; what one that came later found is not less.
        """
        pairs = [(level.amounts[node], least) for node, least in grown.items() if min(level.amounts[node]) >= 0]
        grown.clear()
        if not self._slots or not pairs:
            return []
        amounts = np.array([amount for amount, _ in pairs], np.int64)
        mask = np.ones(len(self._lack), bool)
        for column, most in zip(self._shapes, amounts.max(axis=0), strict=True):
            mask &= column <= most
        slots = np.flatnonzero(mask)
        if len(slots) * len(pairs) <= _MANY and len(slots):
            before = np.array([least for _, least in pairs], np.int64)
            more = self._counts(slots, amounts)
            if self._exact:
                # Where there was less than nothing, nothing did fit.
                more -= self._counts(slots, before) * (before.min(axis=1) >= 0)
            self._lack[slots] -= more.sum(axis=1)
            slots = slots[self._lack[slots] <= 0]
        woken = [self._ids[slot] for slot in slots]
        for id in woken:
            self.remove(id)
        return woken

    def _counts(self, slots: npt.NDArray[np.intp], amounts: Column) -> Column:
        """How many of each shape fit into each amount."""
        each: Column = np.full((len(slots), len(amounts)), ENDLESS, np.int64)
        for dimension, column in enumerate(self._shapes):
            part = column[slots][:, None]
            fit = amounts[:, dimension][None, :] // np.maximum(part, 1)
            np.minimum(each, np.where(part > 0, fit, ENDLESS), out=each)
        return each

    def _enlarge(self) -> None:
        size = len(self._ids)
        self._ids += [""] * size
        self._unused = list(range(2 * size - 1, size - 1, -1))
        self._shapes = [np.concatenate([column, np.full(size, _NEVER)]) for column in self._shapes]
        self._lack = np.concatenate([self._lack, np.zeros(size, np.int64)])
