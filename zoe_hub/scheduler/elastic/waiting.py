"""All that wait: those whose cores are alike are looked at together, and what concerns many such sets at once.

Of applications of one group with equal cores, all fit or none does; the order says which comes first. So what is kept
in columns are not applications one by one, but sets of them, of which there are few where sizes come from a shop.
"""

from __future__ import annotations

import heapq
import math
from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ..frontier import Column
from ..level import Level
from ..orders import Order
from ..shapes import Shape
from .entries import Entry, Group, Key
from .grown import NEVER, grown_by, increases

READY, PARKED, DENIED = 1, 2, 3
"""Nothing is known of it; it does not fit beside other cores; nor beside those and what is reserved, unless it ends
before that is needed."""

Floats = npt.NDArray[np.float64]
Slots = npt.NDArray[np.intp]

_FIRST = 16
"""Are sorted before the others are."""


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


class Numbers:
    """Shapes have small numbers, which are used again."""

    def __init__(self) -> None:
        self._shapes: list[Shape] = []
        self._used: list[int] = []
        self._numbers: dict[Shape, int] = {}
        self._unused: list[int] = []

    def __getitem__(self, number: int) -> Shape:
        return self._shapes[number]

    def shapes(self, numbers: Slots) -> list[Shape]:
        """Of these numbers."""
        return [self._shapes[number] for number in numbers.tolist()]

    @property
    def end(self) -> int:
        """All numbers are smaller."""
        return len(self._shapes)

    def table(self, numbers: Slots) -> Column:
        """The shapes of these numbers, one a row."""
        return np.array(self.shapes(numbers), np.int64).reshape(len(numbers), 3)

    def number(self, shape: Shape) -> int:
        """The number of a shape, until it was given back as often as it was asked for."""
        number = self._numbers.get(shape)
        if number is None:
            if not self._unused:
                self._unused.append(len(self._shapes))
                self._shapes.append(shape)
                self._used.append(0)
            number = self._numbers[shape] = self._unused.pop()
            self._shapes[number] = shape
        self._used[number] += 1
        return number

    def give_back(self, number: int) -> None:
        self._used[number] -= 1
        if not self._used[number]:
            del self._numbers[self._shapes[number]]
            self._unused.append(number)


class Waiting:
    """Each set has a slot. Room that shrinks changes nothing: it is found out when somebody is looked at."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._entries: dict[str, tuple[Entry, Peers, float]] = {}
        """With the seconds that it runs at most."""
        self._named: dict[object, Peers] = {}
        self._peers: list[Peers | None] = []
        self._unused: list[int] = []
        self._groups: dict[Group, int] = {}
        self._state = np.zeros(0, np.int8)
        self._group = np.zeros(0, np.int32)
        self._wish: list[Column] = [np.zeros(0, np.int64) for _ in range(3)]
        """The shape of the first kind of core instances, and how many of them there are."""
        self._shape = np.zeros(0, np.int32)
        """The number of that shape."""
        self._shapes = Numbers()
        self._count: Column = np.zeros(0, np.int64)
        self._needs: list[Column] = [np.zeros(0, np.int64) for _ in range(3)]
        """Where it does not fit: the shape for which room lacks, and for how many."""
        self._usual = np.zeros(0, np.bool_)
        """Whether that shape is that of the first kind."""
        self._lack: Column = np.zeros(0, np.int64)
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
            self._state[peers.slot] = 0
            self._shapes.give_back(int(self._shape[peers.slot]))
            self._peers[peers.slot] = None
            self._unused.append(peers.slot)

    def is_parked(self, id: str) -> bool:
        found = self._entries.get(id)
        return found is not None and bool(self._state[found[1].slot] == PARKED)

    def put_aside(self, id: str, state: int, shape: Shape, lack: int) -> None:
        """It needs room for `lack` more instances of this shape before it is worth another look; so do its peers."""
        slot = self._entries[id][1].slot
        self._state[slot] = state
        self._usual[slot] = shape == self._shapes[self._shape[slot]]
        for column, part in zip(self._needs, shape, strict=True):
            column[slot] = part
        self._lack[slot] = lack

    def set_time(self, now: float) -> None:
        """Make all keys those of this moment, where they move."""
        self._ranked.clear()
        if not self._order.still and self._entries:
            with np.errstate(divide="ignore", invalid="ignore"):
                self._keys = self._order.moved(self._parts[0], self._parts[1], self._oldest, now)

    def wake(self, state: int, level: Level, grown: dict[int, Shape]) -> None:
        """Make ready who may fit since there is more on these nodes, and forget the nodes.

        `grown` has the least that there was on each; what one that came later found is not less.
        """
        if not grown:
            return
        amounts, before = grown_by(level, grown)
        if not len(amounts) or not self._entries:
            return
        mask = self._state == state
        for column, most in zip(self._needs, amounts.max(axis=0), strict=True):
            mask &= column <= most
        slots = mask.nonzero()[0]
        if len(slots):
            usual = self._usual[slots]
            # Of the first kinds there are few different ones.
            numbers = self._shape[slots[usual]]
            distinct = np.bincount(numbers).nonzero()[0]
            more = np.zeros(self._shapes.end, np.int64)
            more[distinct] = increases(self._shapes.table(distinct), amounts, before)
            self._lack[slots[usual]] -= more[numbers]
            if not usual.all():
                others = slots[~usual]
                needs = np.stack([column[others] for column in self._needs], axis=1)
                self._lack[others] -= increases(needs, amounts, before)
            self._state[slots[self._lack[slots] <= 0]] = READY

    def wake_short(self, now: float, until: float) -> None:
        """Make those ready that were denied, and of which some would end until then."""
        mask = self._state == DENIED
        mask &= now + self._shortest <= until
        self._state[mask] = READY

    def candidates(
        self,
        now: float,
        bound: float,
        firm: Level,
        reserved: tuple[float, Level] | None,
        place_of: Mapping[Group, tuple[float, float]],
    ) -> Iterator[Entry]:
        """Who is ready, in order, after all are put aside for whose core no node has room, even for one instance.

        Beside what is reserved, where it runs for longer than until the time of that. `place_of` sorts the groups.
        Whoever asks puts aside whom there is no room for: of its peers, only those come then that end earlier.
        """
        slots = (self._state == READY).nonzero()[0]
        until = math.inf
        if reserved is None:
            slots = self._sift(slots, firm, PARKED)
        else:
            until, beside = reserved
            short = now + self._shortest[slots] <= until
            slots = np.concatenate([self._sift(slots[short], firm, PARKED), self._sift(slots[~short], beside, DENIED)])
        if not len(slots):
            return
        yield from self._overdue(slots[now >= self._oldest[slots] + bound], now, bound, until)
        # One user after the other: mostly, somebody starts before all of them had to be sorted.
        places = [place_of[group] for group in self._groups]
        order = {place: rank for rank, place in enumerate(sorted({*places}))}
        ranks = np.array([order[place] for place in places])[self._group[slots]]
        for each in np.bincount(ranks).nonzero()[0].tolist():
            yield from self._of_rank(slots[ranks == each], now, bound, until)

    def _overdue(self, slots: Slots, now: float, bound: float, until: float) -> Iterator[Entry]:
        """Who waits for longer than `bound`, by the time of submission."""
        found = [each for peers in self._all(slots) for each in peers.ages if now >= each[0] + bound]
        for _, id in sorted(found):
            entry, peers, longest = self._entries[id]
            if self._may(peers, now + longest <= until):
                yield entry

    def _of_rank(self, slots: Slots, now: float, bound: float, until: float) -> Iterator[Entry]:
        """The first of each that is not overdue, and the first that ends before what is reserved is needed."""
        shorter: list[Key] = []
        for key, peers in self._lazily(slots):
            while shorter and shorter[0] < key:
                yield from self._again(heapq.heappop(shorter))
            first = next((key for key in peers.members if now < key[1] + bound), None)
            if first is None:
                continue
            entry, _, longest = self._entries[first[2]]
            yield entry
            if now + longest > until and self._may(peers, True) and now + peers.lengths[0][0] <= until:
                ends = (k for k in peers.members if now < k[1] + bound and now + self._entries[k[2]][2] <= until)
                if (short := next(ends, None)) is not None:
                    heapq.heappush(shorter, short)
        while shorter:
            yield from self._again(heapq.heappop(shorter))

    def _again(self, key: Key) -> Iterator[Entry]:
        entry, peers, _ = self._entries[key[2]]
        if self._may(peers, True):
            yield entry

    def _may(self, peers: Peers, short: bool) -> bool:
        """Whether there may be room for one that ends before what is reserved is needed, or does not."""
        state = self._state[peers.slot]
        return bool(state == READY or (short and state == DENIED))

    def ranked(self, group: Group) -> Iterator[Entry]:
        """All of a group at the moment that was set, in order. Nobody may come since then."""
        known, others = self._ranked.setdefault(group, ([], self._in_order(group)))
        yield from (entry for entry in known if entry.waiting)
        for entry in others:
            known.append(entry)
            if entry.waiting:
                yield entry

    def _in_order(self, group: Group) -> Iterator[Entry]:
        slots = ((self._group == self._groups.get(group)) & (self._state > 0)).nonzero()[0]
        for key, _ in self._lazily(slots):
            if (found := self._entries.get(key[2])) is not None:
                yield found[0]

    def _lazily(self, slots: Slots) -> Iterator[tuple[Key, Peers]]:
        """In order of the first of each. Only the first are sorted before somebody asks for more."""
        keys = self._keys[slots]
        if len(slots) > _FIRST:
            few = keys <= np.partition(keys, _FIRST)[_FIRST]
            yield from self._sorted(slots[few])
            slots = slots[~few]
        yield from self._sorted(slots)

    def _sorted(self, slots: Slots) -> list[tuple[Key, Peers]]:
        keys = self._keys[slots].tolist()
        pairs = [((key, *peers.members[0][1:]), peers) for key, peers in zip(keys, self._all(slots), strict=True)]
        return sorted(pairs, key=lambda pair: pair[0])

    def _all(self, slots: Slots) -> Iterator[Peers]:
        return (peers for slot in slots.tolist() if (peers := self._peers[slot]) is not None)

    def _sift(self, slots: Slots, level: Level, state: int) -> Slots:
        """Those for whose first kind of core some node has room; the others are put aside."""
        if not len(slots):
            return slots
        numbers = self._shape[slots]
        distinct = np.bincount(numbers).nonzero()[0]
        fits = np.zeros(distinct[-1] + 1, bool)
        fits[distinct] = level.any_fits(self._shapes.shapes(distinct))
        fit = fits[numbers]
        fit |= self._count[slots] == 0
        if fit.all():
            return slots
        aside = slots[~fit]
        self._state[aside] = state
        for column, wish in zip(self._needs, self._wish, strict=True):
            column[aside] = wish[aside]
        self._usual[aside] = True
        self._lack[aside] = self._count[aside]
        return slots[fit]

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
        self._state[slot] = READY
        self._group[slot] = self._groups.setdefault(entry.group, len(self._groups))
        shape, count = next(((d.shape, d.core) for d in entry.request.demands if d.core), (Shape(), 0))
        for column, part in zip(self._wish, shape, strict=True):
            column[slot] = part
        self._shape[slot] = self._shapes.number(shape)
        self._count[slot] = count
        if not self._order.still:
            self._parts[0][slot], self._parts[1][slot] = self._order.parts(entry.application)
        return peers

    def _enlarge(self) -> None:
        old, more = len(self._peers), max(64, len(self._peers))
        self._peers += [None] * more
        self._unused = list(range(old + more - 1, old - 1, -1))

        def longer(column: npt.NDArray[np.generic], value: int = 0) -> npt.NDArray[np.generic]:
            return np.concatenate([column, np.full(more, value, column.dtype)])

        for name in ("_state", "_group", "_shape", "_count", "_usual", "_lack", "_shortest", "_oldest", "_keys"):
            setattr(self, name, longer(getattr(self, name)))
        self._wish = [longer(column, NEVER) for column in self._wish]  # type: ignore[misc]
        self._needs = [longer(column, NEVER) for column in self._needs]  # type: ignore[misc]
        self._parts = [longer(column) for column in self._parts]  # type: ignore[misc]
