"""All that wait: those whose cores are alike are looked at together, and what concerns many such sets at once.

Of applications of one group with equal cores, all fit or none does; the order says which comes first. So what is kept
in columns are not applications one by one, but sets of them, of which there are few where sizes come from a shop.
"""

from __future__ import annotations

import heapq
import math
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ..level import Level
from ..orders import Order
from ..shapes import Shape
from .entries import Entry, Group, Key
from .fitting import NOTHING_KEPT, Slots
from .wishes import NOBODY, Wishes

Floats = npt.NDArray[np.float64]


@dataclass(eq=False)
class Peers:
    """Applications of one group whose cores are alike. Where keys move with time, each is alone."""

    name: object
    slot: int
    members: list[Key] = field(default_factory=list)
    """In order."""
    ages: list[tuple[float, str]] = field(default_factory=list)
    """By the time of submission."""
    lengths: list[tuple[float, str]] = field(default_factory=list)
    """By the seconds that they run at most."""


class Waiting:
    """Each set has a slot. Who fits is known from how many of its shape fit on all nodes."""

    def __init__(self, order: Order, room: Level) -> None:
        self._order = order
        self._entries: dict[str, tuple[Entry, Peers, float]] = {}
        """With the seconds that it runs at most."""
        self._named: dict[object, Peers] = {}
        self._peers: list[Peers | None] = []
        self._unused: list[int] = []
        self._groups: dict[Group, int] = {}
        self._group = np.zeros(0, np.int32)
        self._wishes = Wishes(room)
        self._wish: Slots = np.zeros(0, np.intp)
        """The number of the wish for its first kind of core instances, or for that for which room lacked last."""
        self._shortest: Floats = np.zeros(0)
        self._oldest: Floats = np.zeros(0)
        self._keys: Floats = np.zeros(0)
        self._parts: list[Floats] = [np.zeros(0), np.zeros(0)]
        """Of which the keys are made that move."""
        self._ranked: dict[Group, tuple[list[Entry], Iterator[Entry]]] = {}
        """Of this moment."""

    def add(self, entry: Entry, longest: float) -> None:
        """It waits from now on, and would run for so many seconds at most."""
        request = entry.request
        wishes = tuple((demand.shape, demand.core) for demand in request.demands)
        alone = request.of is not None or not self._order.still
        name = entry.group, request.groups, request.id if alone else None, wishes
        peers = self._named.get(name)
        if peers is None:
            peers = self._named[name] = self._new(name, entry)
        self._entries[request.id] = entry, peers, longest
        insort(peers.members, entry.key)
        insort(peers.ages, (request.submitted, request.id))
        insort(peers.lengths, (longest, request.id))
        self._describe(peers)

    def remove(self, id: str) -> None:
        """It waits no more."""
        entry, peers, longest = self._entries.pop(id)
        del peers.members[bisect_left(peers.members, entry.key)]
        del peers.ages[bisect_left(peers.ages, (entry.request.submitted, id))]
        del peers.lengths[bisect_left(peers.lengths, (longest, id))]
        if peers.members:
            self._describe(peers)
        else:
            del self._named[peers.name]
            self._set_wish(peers.slot, NOBODY)
            self._peers[peers.slot] = None
            self._unused.append(peers.slot)

    def fits(self, id: str, kept: Mapping[int, Shape]) -> bool:
        """Whether there is room for all its core instances of one shape, which says all where it has no others.

        Beside other cores, and what is kept for others, node by node.
        """
        return self._fits(self._entries[id][1], kept)

    def _fits(self, peers: Peers, kept: Mapping[int, Shape]) -> bool:
        return self._wishes.fits(int(self._wish[peers.slot]), kept)

    def count(self, id: str, shape: Shape) -> int | None:
        """How many instances of this shape, of which its core is, fit beside other cores; None: nobody counted."""
        return self._wishes.count(int(self._wish[self._entries[id][1].slot]), shape)

    def lacks(self, id: str, shape: Shape, count: int) -> None:
        """There is no room for so many instances of this shape, which it and its peers need."""
        self._set_wish(self._entries[id][1].slot, self._wishes.number(shape, count))

    def _set_wish(self, slot: int, number: int) -> None:
        self._wishes.give_back(int(self._wish[slot]))
        self._wish[slot] = number

    def set_time(self, now: float) -> None:
        """Make all keys those of this moment, where they move."""
        self._ranked.clear()
        if not self._order.still and self._entries:
            with np.errstate(divide="ignore", invalid="ignore"):
                self._keys = self._order.moved(self._parts[0], self._parts[1], self._oldest, now)

    def candidates(
        self,
        now: float,
        bound: float,
        until: float,
        kept: Mapping[int, Shape],
        ranks: Iterable[Sequence[Group]],
    ) -> Iterator[Entry]:
        """For whom there may be room, in order: beside what is kept for others, unless it ends before that is needed.

        Who waits for longer than `bound` comes first. `ranks` are the groups in order, equal ones together. Of peers,
        the first comes, and where that did not fit, the first that ends `until` then.
        """
        slots = self._wishes.fitting().take(self._wish).nonzero()[0]
        if kept:
            # What fits beside what is kept is part of what fits.
            beside = self._wishes.fitting(kept).take(self._wish.take(slots))
            slots = slots[beside | (now + self._shortest.take(slots) <= until)]
        if not len(slots):
            return
        if bound < math.inf:
            yield from self._overdue(slots[now >= self._oldest.take(slots) + bound], now, bound, until, kept)
        # One user after the other: mostly, somebody starts before all of them had to be sorted.
        groups = self._group[slots]
        present = {*np.bincount(groups).nonzero()[0].tolist()}
        for rank in ranks:
            numbers = [number for group in rank if (number := self._groups.get(group)) in present]
            if numbers:
                of = groups == numbers[0] if len(numbers) == 1 else np.isin(groups, numbers)
                yield from self._of_rank(slots[of], now, bound, until, kept)

    def _overdue(
        self, slots: Slots, now: float, bound: float, until: float, kept: Mapping[int, Shape]
    ) -> Iterator[Entry]:
        """Who waits for longer than `bound`, by the time of submission."""
        found = [each for peers in self._all(slots) for each in peers.ages if now >= each[0] + bound]
        for _, id in sorted(found):
            entry, peers, longest = self._entries[id]
            if self._fits(peers, NOTHING_KEPT if now + longest <= until else kept):
                yield entry

    def _of_rank(
        self, slots: Slots, now: float, bound: float, until: float, kept: Mapping[int, Shape]
    ) -> Iterator[Entry]:
        """The first of each that is not overdue, and the first that ends before what is kept is needed."""
        shorter: list[Key] = []
        for key, peers in self._lazily(slots):
            while shorter and shorter[0] < key:
                yield from self._again(heapq.heappop(shorter))
            first = next((key for key in peers.members if now < key[1] + bound), None)
            if first is None:
                continue
            entry, _, longest = self._entries[first[2]]
            if self._fits(peers, NOTHING_KEPT if now + longest <= until else kept):
                yield entry
            if now + longest > until and now + peers.lengths[0][0] <= until and self._fits(peers, NOTHING_KEPT):
                ends = (k for k in peers.members if now < k[1] + bound and now + self._entries[k[2]][2] <= until)
                if (short := next(ends, None)) is not None:
                    heapq.heappush(shorter, short)
        while shorter:
            yield from self._again(heapq.heappop(shorter))

    def _again(self, key: Key) -> Iterator[Entry]:
        entry, peers, _ = self._entries[key[2]]
        if self._fits(peers, NOTHING_KEPT):
            yield entry

    def ranked(self, group: Group) -> Iterator[Entry]:
        """All of a group at the moment that was set, in order. Nobody may come since then."""
        known, others = self._ranked.setdefault(group, ([], self._in_order(group)))
        yield from (entry for entry in known if entry.waiting)
        for entry in others:
            known.append(entry)
            if entry.waiting:
                yield entry

    def _in_order(self, group: Group) -> Iterator[Entry]:
        slots = ((self._group == self._groups.get(group)) & (self._wish != NOBODY)).nonzero()[0]
        for key, _ in self._lazily(slots):
            if (found := self._entries.get(key[2])) is not None:
                yield found[0]

    def _lazily(self, slots: Slots) -> Iterator[tuple[Key, Peers]]:
        """In order of the first of each. The others are sorted when somebody asks for more than the first one."""
        keys = self._keys.take(slots)
        if len(slots) > 1:
            first = keys == np.minimum.reduce(keys)
            yield from self._sorted(slots[first])
            slots = slots[~first]
        yield from self._sorted(slots)

    def _sorted(self, slots: Slots) -> list[tuple[Key, Peers]]:
        keys = self._keys[slots].tolist()
        # Some may have been emptied since who goes through them began.
        pairs = [
            ((key, *peers.members[0][1:]), peers)
            for key, slot in zip(keys, slots.tolist(), strict=True)
            if (peers := self._peers[slot]) is not None
        ]
        return sorted(pairs, key=lambda pair: pair[0])

    def _all(self, slots: Slots) -> Iterator[Peers]:
        return (peers for slot in slots.tolist() if (peers := self._peers[slot]) is not None)

    def _describe(self, peers: Peers) -> None:
        slot = peers.slot
        self._shortest[slot] = peers.lengths[0][0]
        self._oldest[slot] = peers.ages[0][0]
        self._keys[slot] = peers.members[0][0]

    def _new(self, name: object, entry: Entry) -> Peers:
        if not self._unused:
            self._enlarge()
        peers = Peers(name, self._unused.pop())
        slot = peers.slot
        self._peers[slot] = peers
        self._group[slot] = self._groups.setdefault(entry.group, len(self._groups))
        shape, count = next(((d.shape, d.core) for d in entry.request.demands if d.core), (Shape(), 0))
        self._set_wish(slot, self._wishes.number(shape, count))
        if not self._order.still:
            self._parts[0][slot], self._parts[1][slot] = self._order.parts(entry.application)
        return peers

    def _enlarge(self) -> None:
        old, more = len(self._peers), max(64, len(self._peers) // 4)
        self._peers += [None] * more
        self._unused = list(range(old + more - 1, old - 1, -1))

        def longer(column: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
            return np.concatenate([column, np.zeros(more, column.dtype)])

        for name in ("_group", "_wish", "_shortest", "_oldest", "_keys"):
            setattr(self, name, longer(getattr(self, name)))
        self._parts = [longer(column) for column in self._parts]  # type: ignore[misc]
