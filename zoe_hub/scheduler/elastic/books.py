"""Who waits, who could grow and who could give back, in order: kept up to date, never made anew for a decision."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Iterator
from itertools import islice

from ..cluster import Application, Cluster
from ..policies.possible import Possible
from ..requests import INTERACTIVE, Demand, Request
from ..shapes import Shape
from .asking import Asking
from .entries import Entry, Group, Key
from .growing import Growing
from .ranks import Ranks
from .settings import Settings
from .shares import Shares
from .times import Times
from .waiting import Waiting

_LOOKED_AT = 1000
"""Of those that wait, where sums are rounded to the same time."""


class Books:
    """In step with one cluster, on one set of nodes."""

    def __init__(
        self, cluster: Cluster, settings: Settings, possible: Possible, put_off: dict[tuple[int, str, float], float]
    ) -> None:
        self.cluster = cluster
        self.now = 0.0
        """The moment of the decision."""
        self.settings = settings
        self.room = cluster.room
        self.total = cluster.room.total
        self.entries: dict[str, Entry] = {}
        self.groups: dict[tuple[int, str, float], Group] = {}
        self.possible = possible
        self.impossible: set[str] = set()
        """Waiting, and no end of others would help."""
        self.submitted: Times[Entry] = Times()
        """All that wait and could be served, by the time of submission."""
        self.broken: set[str] = set()
        self.planned: set[str] = set()
        self.ends: Times[Entry] = Times()
        """Of those that are served, by the latest time of their end, as far as that is known."""
        self._moved: set[str] = set()
        """Whose latest end is another one when the next moment begins."""
        self.asking = Asking(self.entries, put_off)
        self.held_back: set[str] = set()
        self._shares = Shares(cluster.held, self.total, fair=settings.fair)
        self.ranks = Ranks(Shares(cluster.cores, self.total, fair=settings.fair))
        self.growing = Growing(self.entries, self.key, settled=cluster.order.settled)
        self.waiting = Waiting(cluster.order, self.room.firm)
        """All that wait and could be served, and what is known of where they fit."""
        self.soon_grown = self.room.soon.watch()
        self._touched = cluster.watch()

    # In step

    def close(self) -> None:
        """Others will be kept instead."""
        self.cluster.unwatch(self._touched)

    def sync(self) -> None:
        """Take in what happened since."""
        while self._touched:
            _, application = self._touched.popitem()
            self.ranks.move(application.request.user)
            self._take_in(application)

    def begin(self, now: float) -> None:
        """A decision begins: keys that change with time are those of this moment."""
        moved = self._moved if now != self.now else set()
        self._moved = self._moved - moved
        self.now = now
        self.held_back.clear()
        for id in moved:
            if (entry := self.entries.get(id)) is not None:
                self._ends(entry)
        self.sync()
        self.waiting.set_time(now)

    def key(self, application: Application) -> Key:
        """Its place in its group at this moment."""
        request = application.request
        return self.cluster.order.key(application, self.now), request.submitted, request.id

    def _refresh(self, group: Group) -> None:
        """Those that are served have their places of this moment, where these change with time."""
        if self.cluster.order.settled or group.of == self.now:
            return
        group.of = self.now
        for key in group.holders:
            entry = self.entries[key[2]]
            entry.key = self.key(entry.application)
        group.holders[:] = sorted(self.entries[key[2]].key for key in group.holders)

    def refresh(self) -> None:
        """The same of all groups."""
        for group in self.groups.values():
            self._refresh(group)

    def _take_in(self, application: Application) -> None:
        id = application.request.id
        entry = self.entries.get(id)
        alive = self.cluster.applications.get(id)
        if entry is not None and (alive is not entry.application or entry.request is not alive.request):
            self._forget(entry)
            entry = None
        if alive is None:
            return
        if entry is None:
            entry = self.entries[id] = self._new(alive)
        entry.gives = None
        self._place(entry, id)

    def _new(self, application: Application) -> Entry:
        request = application.request
        name = (request.priority, request.user, request.weight) if self.settings.fair else (request.priority, "", 1.0)
        group = self.groups.get(name)
        if group is None:
            group = self.groups[name] = Group(*name)
            self.ranks.add(group)
        return Entry(application, request, group, self.key(application))

    def _forget(self, entry: Entry) -> None:
        self.ranks.move(entry.request.user)
        self._line(entry, False)
        self._holder(entry, False)
        self._grower(entry, [])
        self._end(entry, None)
        self.broken.discard(entry.request.id)
        self.planned.discard(entry.request.id)
        self.impossible.discard(entry.request.id)
        del self.entries[entry.request.id]

    def _place(self, entry: Entry, id: str) -> None:
        application, request = entry.application, entry.request
        live = not application.leaving
        served = application.admitted_at is not None
        self._line(entry, live and not served)
        broken = elastic = False
        wanted: list[Shape] = []
        if served and live:
            for demand in request.demands:
                held = len(application.placed[demand.key])
                if held < demand.core:
                    broken = True
                elif held > demand.core:
                    elastic = True
                if held < demand.core + demand.elastic and not application.going.get(demand.key):
                    wanted.append(demand.shape)
        _keep(self.broken, id, broken)
        _keep(self.planned, id, live and (broken or not served) and application.planned is not None)
        self._holder(entry, elastic)
        self._grower(entry, [] if broken else wanted)
        self._ends(entry)

    def _line(self, entry: Entry, waiting: bool) -> None:
        if waiting == entry.waiting:
            return
        entry.waiting = waiting
        request = entry.request
        id = request.id
        if waiting:
            if not self.possible.ever(self.room, request):
                self.impossible.add(id)
                return
            if self.cluster.order.still:
                insort(entry.group.line, entry.key)
            self.submitted.add(request.submitted, id, entry)
            self.waiting.add(entry, longest(request))
        elif id in self.impossible:
            self.impossible.discard(id)
        else:
            _discard(entry.group.line, entry.key)
            self.submitted.discard(request.submitted, id)
            self.waiting.remove(id)
            # Of what is served the key may be another one.
            entry.key = self.key(entry.application)

    def _holder(self, entry: Entry, holding: bool) -> None:
        if holding != entry.holding:
            if holding:
                self._rank(entry)
                insort(entry.group.holders, entry.key)
            else:
                _discard(entry.group.holders, entry.key)
            entry.holding = holding

    def _grower(self, entry: Entry, wanted: list[Shape]) -> None:
        entry.growing = bool(wanted)
        if not wanted:
            self.growing.remove(entry)
            return
        self.growing.put(entry, tuple(wanted))
        self.asking.put(entry)

    def _rank(self, entry: Entry) -> None:
        """It comes among those that are served, with its place of the moment of these."""
        if not self.cluster.order.settled:
            self._refresh(entry.group)
            if not entry.holding:
                entry.key = self.key(entry.application)

    def _ends(self, entry: Entry) -> None:
        application = entry.application
        end = -math.inf if application.leaving else application.latest_end(self.now)
        self._end(entry, end if application.served else None)
        if application.progressed_at >= self.now:
            self._moved.add(application.id)

    def _end(self, entry: Entry, end: float | None) -> None:
        id = entry.request.id
        if end != entry.end:
            if entry.end is not None:
                self.ends.discard(entry.end, id)
            if end is not None:
                self.ends.add(end, id, entry)
            entry.end = end

    # Time

    def next_look(self, after: float) -> float | None:
        """When the next one looks for what others could give back, that wishes more."""
        self.sync()
        return min(
            (at for group in self.groups.values() if (at := self.asking.next(group, after)) < math.inf), default=None
        )

    def next_overdue(self, after: float) -> float | None:
        """When the next one has waited for as long as its bound."""
        self.sync()
        for submitted, _, _ in islice(self.submitted.since(after - self.settings.bound), _LOOKED_AT):
            if submitted + self.settings.bound > after:
                return submitted + self.settings.bound
        return None

    # Urgency

    def share(self, group: Group) -> float:
        """What its user holds, by weight."""
        return self._shares.of(group)

    # Elastic instances

    def wanted(self, application: Application) -> Iterator[Demand]:
        """Processes that are to grow, whatever quotas say."""
        if application.request.id not in self.held_back:
            for demand in application.request.demands:
                if application.missing(demand) > 0 and not application.going.get(demand.key):
                    yield demand


def longest(request: Request) -> float:
    """Seconds that it runs when it never gets more than its core. What people work with ends when they like."""
    if request.size is None or request.core == 0 or request.priority >= INTERACTIVE:
        return math.inf
    return request.size * (request.core + request.elastic) / request.core


def _keep(ids: set[str], id: str, kept: bool) -> None:
    if kept:
        ids.add(id)
    else:
        ids.discard(id)


def _discard(ranked: list[tuple], key: tuple) -> bool:  # type: ignore[type-arg]
    index = bisect_left(ranked, key)
    if index < len(ranked) and ranked[index] == key:
        del ranked[index]
        return True
    return False
