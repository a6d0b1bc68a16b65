"""All that wait, as columns: what concerns many of them at once is found without going through them one by one."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ..level import Column, Level
from ..orders import Order
from ..shapes import Shape
from .entries import Entry, Group
from .grown import NEVER, grown_by, increases

READY, PARKED, DENIED = 1, 2, 3
"""Nothing is known of it; it does not fit beside other cores; nor beside those and what is reserved."""

Floats = npt.NDArray[np.float64]
Slots = npt.NDArray[np.intp]

_FIRST = 16
"""Are sorted before the others are."""


class Waiting:
    """Each has a slot. Room that shrinks changes nothing: it is found out when somebody is looked at."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._slots: dict[str, int] = {}
        self._entries: list[Entry | None] = []
        self._unused: list[int] = []
        self._groups: dict[Group, int] = {}
        self._state = np.zeros(0, np.int8)
        self._group = np.zeros(0, np.int32)
        self._wish: list[Column] = [np.zeros(0, np.int64) for _ in range(3)]
        """The shape of the first kind of core instances, and how many of them there are."""
        self._count: Column = np.zeros(0, np.int64)
        self._needs: list[Column] = [np.zeros(0, np.int64) for _ in range(3)]
        """Where it does not fit: the shape for which room lacks, and for how many."""
        self._lack: Column = np.zeros(0, np.int64)
        self._longest: Floats = np.zeros(0)
        self._submitted: Floats = np.zeros(0)
        self._keys: Floats = np.zeros(0)
        self._parts: list[Floats] = [np.zeros(0), np.zeros(0)]
        """Of which the keys are made that move."""
        self._ranked: dict[Group, tuple[list[Entry], Iterator[Entry]]] = {}
        """Of this moment."""

    def add(self, entry: Entry, longest: float) -> None:
        """It waits from now on."""
        if not self._unused:
            self._enlarge()
        request = entry.request
        slot = self._slots[request.id] = self._unused.pop()
        self._entries[slot] = entry
        self._group[slot] = self._groups.setdefault(entry.group, len(self._groups))
        shape, count = next(((d.shape, d.core) for d in request.demands if d.core), (Shape(), 0))
        for column, part in zip(self._wish, shape, strict=True):
            column[slot] = part
        self._count[slot] = count
        self._longest[slot] = longest
        self._submitted[slot] = request.submitted
        self._keys[slot] = entry.key[0]
        if not self._order.still:
            self._parts[0][slot], self._parts[1][slot] = self._order.parts(entry.application)
        self._state[slot] = READY

    def remove(self, id: str) -> None:
        """It waits no more."""
        slot = self._slots.pop(id)
        self._state[slot] = 0
        self._entries[slot] = None
        self._unused.append(slot)

    def is_parked(self, id: str) -> bool:
        slot = self._slots.get(id)
        return slot is not None and bool(self._state[slot] == PARKED)

    def put_aside(self, id: str, state: int, shape: Shape, lack: int) -> None:
        """It needs room for `lack` more instances of this shape before it is worth another look."""
        slot = self._slots[id]
        self._state[slot] = state
        for column, part in zip(self._needs, shape, strict=True):
            column[slot] = part
        self._lack[slot] = lack

    def set_time(self, now: float) -> None:
        """Make all keys those of this moment, where they move."""
        self._ranked.clear()
        if not self._order.still and self._slots:
            with np.errstate(divide="ignore", invalid="ignore"):
                self._keys = self._order.moved(self._parts[0], self._parts[1], self._submitted, now)

    def wake(self, state: int, level: Level, grown: dict[int, Shape]) -> None:
        """Make ready who may fit since there is more on these nodes, and forget the nodes.

        `grown` has the least that there was on each; what one that came later found is not less.
        """
        amounts, before = grown_by(level, grown)
        if not len(amounts) or not self._slots:
            return
        mask = self._state == state
        for column, most in zip(self._needs, amounts.max(axis=0), strict=True):
            mask &= column <= most
        slots = np.flatnonzero(mask)
        if len(slots):
            self._lack[slots] -= increases(self._needs, slots, amounts, before)
            self._state[slots[self._lack[slots] <= 0]] = READY

    def wake_short(self, now: float, until: float) -> None:
        """Make those ready that were denied, and would end until then."""
        mask = self._state == DENIED
        mask &= now + self._longest <= until
        self._state[mask] = READY

    def candidates(
        self, now: float, bound: float, firm: Level, reserved: tuple[float, Level] | None, shares: dict[Group, float]
    ) -> Iterator[Entry]:
        """Who is ready, in order, after all are put aside for whose core no node has room, even for one instance.

        Beside what is reserved, where it runs for longer than until the time of that. `shares` are those of the groups.
        """
        slots = np.flatnonzero(self._state == READY)
        if reserved is None:
            slots = self._sift(slots, firm, PARKED)
        else:
            at, beside = reserved
            short = now + self._longest[slots] <= at
            slots = np.concatenate([self._sift(slots[short], firm, PARKED), self._sift(slots[~short], beside, DENIED)])
        # One user after the other: mostly, somebody starts before all of them had to be sorted.
        places_of = sorted({(-group.priority, shares.get(group, 0.0)) for group in self._groups})
        rank = np.zeros(len(self._groups) + 1, np.intp)
        for group, number in self._groups.items():
            rank[number] = 1 + bisect_left(places_of, (-group.priority, shares.get(group, 0.0)))
        ranks = rank[self._group[slots]]
        ranks[now >= self._submitted[slots] + bound] = 0
        for each in np.flatnonzero(np.bincount(ranks)):
            yield from self._lazily(slots[ranks == each], self._submitted if each == 0 else self._keys)

    def ranked(self, group: Group) -> Iterator[Entry]:
        """All of a group at the moment that was set, in order. Nobody may come since then."""
        known, others = self._ranked.setdefault(group, ([], self._in_order(group)))
        yield from (entry for entry in known if entry.waiting)
        for entry in others:
            known.append(entry)
            if entry.waiting:
                yield entry

    def _in_order(self, group: Group) -> Iterator[Entry]:
        slots = np.flatnonzero((self._group == self._groups.get(group)) & (self._state > 0))
        yield from self._lazily(slots, self._keys)

    def _lazily(self, slots: Slots, keys: Floats) -> Iterator[Entry]:
        """In order of these keys. Only the first are sorted before somebody asks for more."""
        if len(slots) > _FIRST:
            few = keys[slots] <= np.partition(keys[slots], _FIRST)[_FIRST]
            yield from self._sorted(slots[few], keys)
            slots = slots[~few]
        yield from self._sorted(slots, keys)

    def _sorted(self, slots: Slots, keys: Floats) -> list[Entry]:
        pairs = [
            ((key, entry.request.submitted, entry.request.id), entry)
            for key, slot in zip(keys[slots].tolist(), slots, strict=True)
            if (entry := self._entries[slot]) is not None
        ]
        return [entry for _, entry in sorted(pairs, key=lambda pair: pair[0])]

    def _sift(self, slots: Slots, level: Level, state: int) -> Slots:
        """Those for whose first kind of core some node has room; the others are put aside."""
        fit = level.any_fits([column[slots] for column in self._wish])
        fit |= self._count[slots] == 0
        aside = slots[~fit]
        self._state[aside] = state
        for column, wish in zip(self._needs, self._wish, strict=True):
            column[aside] = wish[aside]
        self._lack[aside] = self._count[aside]
        return slots[fit]

    def _enlarge(self) -> None:
        old, more = len(self._entries), max(64, len(self._entries))
        self._entries += [None] * more
        self._unused = list(range(old + more - 1, old - 1, -1))

        def longer(column: npt.NDArray[np.generic], value: int = 0) -> npt.NDArray[np.generic]:
            return np.concatenate([column, np.full(more, value, column.dtype)])

        for name in ("_state", "_group", "_count", "_lack", "_longest", "_submitted", "_keys"):
            setattr(self, name, longer(getattr(self, name)))
        self._wish = [longer(column, NEVER) for column in self._wish]  # type: ignore[misc]
        self._needs = [longer(column, NEVER) for column in self._needs]  # type: ignore[misc]
        self._parts = [longer(column) for column in self._parts]  # type: ignore[misc]
