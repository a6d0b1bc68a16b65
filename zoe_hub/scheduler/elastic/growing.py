"""All that wish more instances: those that wish the same are looked at together.

Of applications of one group that wish instances of the same shapes, the first in order gets the next one. Where no node
has room for it, none has for the others. So what is kept are not applications one by one, but sets of them, of which
there are few where sizes come from a shop, and at most as many as there are applications.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ..cluster import Application
from ..frontier import fits_any
from ..level import Level
from ..shapes import Shape
from .entries import Entry, Group, Key
from .fitting import Numbers, Slots

_FULL, _REFUSED, _WOKEN, _READY = 1, 2, 3, 4
"""No node has room; a quota is in the way; there may be room on the nodes on which there was more; anywhere."""


@dataclass(eq=False)
class Alike:
    """Applications of one group, and of owners in the same groups, that wish instances of the same shapes."""

    name: tuple[Group, tuple[Shape, ...], tuple[str, ...]]
    slot: int
    members: list[Key] = field(default_factory=list)
    """In order, by the places that they had at the moment `of`, or when they came after that."""
    of: float = math.nan


class Growing:
    """Each set of them has a slot. Room that shrinks changes nothing: it is found out when it is tried."""

    def __init__(self, entries: Mapping[str, Entry], rank: Callable[[Application], Key], *, settled: bool) -> None:
        self._entries = entries
        self._rank = rank
        """The place of one in its group at this moment."""
        self._settled = settled
        """Whether places do not change with time."""
        self._now = -math.inf
        self._named: dict[tuple[Group, tuple[Shape, ...], tuple[str, ...]], Alike] = {}
        self._alike: list[Alike | None] = []
        self._unused: list[int] = []
        self._numbers: dict[Group, int] = {}
        self._state = np.zeros(0, np.int8)
        self._group = np.zeros(0, np.int32)
        self._shapes = Numbers()
        self._least: Slots = np.zeros(0, np.intp)
        """The number of the shape that is the least, in each dimension, of those that they wish."""
        self._first = np.zeros(0)
        """The order's key of the first member."""
        self._refused = False
        """Whether there may be some of whom a quota is in the way."""
        self._nodes: list[int] = []
        """On which there was more when sets were woken last."""
        self._open: dict[Group, Slots] = {}
        """Sets for which there may be room, by group: others may be among them."""

    def put(self, entry: Entry, wanted: tuple[Shape, ...]) -> None:
        """It wishes instances of these shapes, in this order, from now on; nothing, where there are none."""
        if not wanted:
            self.remove(entry)
            return
        name = entry.group, wanted, entry.request.groups
        alike = entry.alike
        if alike is not None:
            if alike.name == name:
                return
            self.remove(entry)
        alike = self._named.get(name)
        if alike is None:
            alike = self._new(name)
        entry.alike = alike
        key = entry.grows_as = self._rank(entry.application)
        insort(alike.members, key)
        self._first[alike.slot] = alike.members[0][0]

    def remove(self, entry: Entry) -> None:
        """It wishes nothing more; without effect where it did not."""
        alike, key = entry.alike, entry.grows_as
        if alike is None or key is None:
            return
        entry.alike = entry.grows_as = None
        index = bisect_left(alike.members, key)
        del alike.members[index]
        if not alike.members:
            del self._named[alike.name]
            self._state[alike.slot] = 0
            self._shapes.give_back(int(self._least[alike.slot]))
            self._alike[alike.slot] = None
            self._unused.append(alike.slot)
        else:
            self._first[alike.slot] = alike.members[0][0]

    def begin(self, now: float, level: Level, grown: dict[int, None]) -> list[Group]:
        """Look again at all for which there may be room since there is more on these nodes, and forget the nodes.

        Those groups of which some may grow.
        """
        self._now = now
        if self._refused:
            self._refused = False
            self._state[self._state == _REFUSED] = _READY
        self._nodes = [node for node in grown if min(level.amounts[node]) >= 0]
        grown.clear()
        if self._nodes:
            fit = fits_any(self._shapes.columns, self._there(level))
            if fit.any():
                full = self._state == _FULL
                self._state[full & fit.take(self._least)] = _WOKEN
        slots = (self._state >= _WOKEN).nonzero()[0]
        self._open = {}
        if len(slots):
            groups, named = self._group[slots], [*self._numbers]
            order = groups.argsort(kind="stable")
            slots, groups = slots[order], groups[order]
            starts = [0, *((groups[1:] != groups[:-1]).nonzero()[0] + 1).tolist(), len(slots)]
            for start, end in pairwise(starts):
                self._open[named[groups[start]]] = slots[start:end]
        return [*self._open]

    def first(self, group: Group) -> tuple[Key, Alike] | None:
        """Who of a group comes first, and may find room."""
        slots = self._open.get(group)
        if slots is None:
            return None
        slots = self._open[group] = slots[self._state[slots] >= _WOKEN]
        if not len(slots):
            del self._open[group]
            return None
        if not self._settled:
            for alike in self._all(slots):
                self._sort(alike)
        keys = self._first[slots]
        equal = slots[keys == np.minimum.reduce(keys)]
        return min(((alike.members[0], alike) for alike in self._all(equal)), key=lambda pair: pair[0])

    def refuse(self, alike: Alike) -> None:
        """A quota is in the way of all of them, until `begin` is called again."""
        self._state[alike.slot] = _REFUSED
        self._refused = True

    def fill_up(self, alike: Alike) -> None:
        """No node has room for what they wish."""
        self._state[alike.slot] = _FULL

    def sift(self, level: Level) -> bool:
        """Leave all alone for which no node has room any more. Whether there is somebody else."""
        left = 0
        for state in (_WOKEN, _READY):
            slots = (self._state == state).nonzero()[0]
            if len(slots) > 1:
                amounts = self._there(level) if state == _WOKEN else level.frontier.tolist()
                fit = self._fit(slots, amounts)
                self._state[slots[~fit]] = _FULL
                left += int(np.count_nonzero(fit))
            else:
                left += len(slots)
        return left > 0

    def _fit(self, slots: Slots, amounts: Sequence[Sequence[int]]) -> npt.NDArray[np.bool_]:
        shapes = self._least.take(slots)
        if len(shapes) < len(self._shapes.columns[0]):
            return fits_any([column.take(shapes) for column in self._shapes.columns], amounts)
        return fits_any(self._shapes.columns, amounts).take(shapes)

    def _there(self, level: Level) -> Sequence[Sequence[int]]:
        return [level.amounts[node] for node in self._nodes]

    def _all(self, slots: Slots) -> Iterator[Alike]:
        return (alike for slot in slots.tolist() if (alike := self._alike[slot]) is not None)

    def _sort(self, alike: Alike) -> None:
        """By the places of this moment."""
        if alike.of != self._now:
            alike.of = self._now
            entries = [self._entries[id] for _, _, id in alike.members]
            alike.members.clear()
            for entry in entries:
                key = entry.grows_as = self._rank(entry.application)
                alike.members.append(key)
            alike.members.sort()
            self._first[alike.slot] = alike.members[0][0]

    def _new(self, name: tuple[Group, tuple[Shape, ...], tuple[str, ...]]) -> Alike:
        if not self._unused:
            self._enlarge()
        group, shapes, _ = name
        alike = self._named[name] = Alike(name, self._unused.pop())
        slot = alike.slot
        self._alike[slot] = alike
        self._state[slot] = _READY
        self._group[slot] = self._numbers.setdefault(group, len(self._numbers))
        self._least[slot], _ = self._shapes.number(Shape(*map(min, zip(*shapes, strict=True))))
        if group in self._open:
            self._open[group] = np.append(self._open[group], slot)
        else:
            self._open[group] = np.array([slot])
        return alike

    def _enlarge(self) -> None:
        old, more = len(self._alike), max(64, len(self._alike) // 4)
        self._alike += [None] * more
        self._unused = list(range(old + more - 1, old - 1, -1))
        self._state = np.concatenate([self._state, np.zeros(more, np.int8)])
        self._group = np.concatenate([self._group, np.zeros(more, np.int32)])
        self._first = np.concatenate([self._first, np.zeros(more)])
        self._least = np.concatenate([self._least, np.zeros(more, np.intp)])
