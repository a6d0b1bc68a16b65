"""Who starts: cores are placed in order of urgency, and behind a head that does not fit where it loses nothing."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Mapping

from ..allowances import Dimension, Subject
from ..cluster import Application
from ..level import missing
from ..packing import fits
from ..quotas import Claims
from ..shapes import Shape
from .books import Books, longest
from .entries import Entry
from .fitting import NOTHING_KEPT
from .kept import Kept, Known, wishes_of
from .placing import Placing, lacking
from .taking import restore, take, victims, was_robbed


class Cores:
    """One decision's admissions."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._cluster = books.cluster
        self._room = books.room
        self._now = books.now
        self._placing = Placing(books)
        self._known: Known | None = None
        """The head's reservation, where nothing has happened since that could make it another one."""
        self._claims: dict[Subject, dict[Dimension, int]] = {}
        """What is overdue has a right to, of quotas."""
        self._own_claims: dict[str, Claims] = {}
        """Of each that is overdue and has a quota: what those have that are overdue for longer."""

    def fit_nodes(self) -> None:
        """Take elastic instances back from nodes that hold more than they have."""
        for node in sorted(self._room.soon.short):
            for victim, demand in victims(self._books):
                if min(self._room.free[node]) >= 0:
                    break
                if node in victim.placed[demand.key][demand.core :]:
                    while take(self._books, victim, demand)[2] != node:
                        pass
                    was_robbed(self._books, victim)

    def keep_plans(self) -> None:
        """Place cores again that were given room which was not free yet, if they still fit there."""
        books = self._books
        books.sync()
        self._claim()
        planned = [books.entries[id] for id in books.planned]
        lost = [entry for entry in planned if not entry.waiting]
        waiting = [entry for entry in planned if entry.waiting]
        for entry in [*sorted(lost, key=self._place_of_lost), *sorted(waiting, key=self._place)]:
            application = entry.application
            nodes, application.planned = application.planned or {}, None
            self._cluster.touch(application)
            lack = {demand: lacking(application, demand) for demand in application.request.demands}
            if any(len(nodes.get(demand.key, ())) != count for demand, count in lack.items()):
                continue
            if entry.waiting and not self._cluster.in_line(application, self._claims_before(entry)):
                continue
            placed = []
            for demand in lack:
                for node in nodes[demand.key]:
                    if self._room.fits(node, demand.shape, soon=True):
                        self._cluster.put(application, demand, node, self._now)
                        placed.append(demand)
            if len(placed) < sum(lack.values()):
                for demand in reversed(placed):
                    self._cluster.pull(application, demand)
            else:
                self._start_with(application, {demand.key: count for demand, count in lack.items()})
                restore(books, self._placing.make_way(application))
                self._claim()

    def start_next(self) -> bool:
        """Start the first that may start. False where nobody may."""
        books = self._books
        books.sync()
        kept = Kept(books)
        for entry in self._lost() if books.broken else ():
            if self._start(entry, kept):
                return True
            if not books.settings.backfill:
                return False
            if not kept.drawn:
                kept.draw(entry)
        self._claim()
        head = self._first()
        if head is not None:
            if self._start(head, kept):
                return True
            if not books.settings.backfill:
                return False
            if self._overdue(head):
                kept.draw(head)
            else:
                self._known = kept.reserve(head, self._known)
        return any(entry is not head and self._backfill(entry, kept) for entry in self._candidates(kept))

    # In which order

    def _lost(self) -> list[Entry]:
        """Whose core lost a node, and would fit on the others."""
        books = self._books
        lost = (books.entries[id] for id in books.broken)
        return sorted((each for each in lost if books.possible.ever(self._room, each.request)), key=self._place_of_lost)

    def _place_of_lost(self, entry: Entry) -> tuple[object, ...]:
        return -entry.group.priority, self._books.key(entry.application)

    def _claim(self) -> None:
        """Who is overdue has a right to its part of quotas before those behind it."""
        books = self._books
        self._claims.clear()
        self._own_claims.clear()
        for submitted, id, entry in books.submitted:
            if self._now < submitted + books.settings.bound:
                break
            request = entry.request
            party, accounts = request.party, self._cluster.accounts
            if request.of is None and accounts.never(party, request.core_wish) is None:
                self._own_claims[id] = accounts.claim(self._claims, party, request.core_wish)

    def _claims_before(self, entry: Entry) -> Claims:
        return self._own_claims.get(entry.request.id, self._claims)

    def _waits(self, entry: Entry) -> bool:
        return self._cluster.in_line(entry.application, self._claims_before(entry))

    def _place(self, entry: Entry) -> tuple[object, ...]:
        if self._overdue(entry):
            return 0, entry.request.submitted, entry.request.id
        return 1, *self._books.ranks.place(entry.group), self._books.key(entry.application)

    def _overdue(self, entry: Entry) -> bool:
        return entry.waiting and self._now >= entry.request.submitted + self._books.settings.bound

    def _first(self) -> Entry | None:
        """The head of the line: the first that neither a quota nor the nodes' size hold back."""
        books = self._books
        for submitted, _, entry in books.submitted:
            if self._now < submitted + books.settings.bound:
                break
            if self._waits(entry):
                return entry
        return self._first_of_lines() if self._cluster.order.still else self._first_of_moving()

    def _first_of_lines(self) -> Entry | None:
        """Where who waits keeps its place: group by group, the first is known without a look at it."""
        for rank in self._books.ranks:
            for key in heapq.merge(*(group.line for group in rank)) if len(rank) > 1 else rank[0].line:
                entry = self._books.entries[key[2]]
                if self._waits(entry):
                    return entry
        return None

    def _first_of_moving(self) -> Entry | None:
        books = self._books
        for rank in self._books.ranks:
            firsts = (next(filter(self._waits, books.waiting.ranked(group)), None) for group in rank)
            found = [entry for entry in firsts if entry is not None]
            if found:
                return min(found, key=lambda entry: books.key(entry.application))
        return None

    def _candidates(self, kept: Kept) -> Iterator[Entry]:
        """Who may fit, in order. Shares do not change before somebody starts, and then this is over."""
        books = self._books
        bound = books.settings.bound
        if (first := next(iter(books.submitted), None)) is None or self._now < first[0] + bound:
            # Nobody waits for so long.
            bound = math.inf
        until = math.inf if kept.until is None else kept.until
        found = books.waiting.candidates(self._now, bound, until, kept.shapes, books.ranks)
        return filter(self._waits, found)

    # Whether it may

    def _start(self, entry: Entry, kept: Kept) -> bool:
        """Start it where it fits beside other cores and what is kept from all."""
        if kept.drawn:
            return self._start_beside(entry, kept)
        if not self._fits(entry, NOTHING_KEPT):
            return False
        self._put(entry, {})
        return True

    def _start_beside(self, entry: Entry, kept: Kept) -> bool:
        shapes = kept.shapes
        with self._room.firm.without(shapes):
            if not fits(self._room.firm, wishes_of(entry.application)):
                return False
        self._put(entry, shapes)
        return True

    def _fits(self, entry: Entry, kept: Mapping[int, Shape]) -> bool:
        """Beside other cores, and what is kept for others."""
        waiting, id, level = self._books.waiting, entry.request.id, self._room.firm
        if entry.waiting and not waiting.fits(id, kept):
            return False
        wishes = wishes_of(entry.application)
        if entry.waiting and len(wishes) <= 1:
            return True
        with level.without(kept):
            lack = missing(level, wishes)
            if lack is None:
                return fits(level, wishes)
        if entry.waiting:
            waiting.lacks(id, lack[0], max(count for shape, count in wishes if shape == lack[0]))
        return False

    def _backfill(self, entry: Entry, kept: Kept) -> bool:
        """Start it where that is not in the way of what is kept."""
        if kept.until is None:
            return self._start(entry, kept)
        shapes = kept.shapes
        if self._fits(entry, shapes):
            self._put(entry, shapes)
            return True
        ends_before = self._now + longest(entry.request) <= kept.until
        if ends_before and self._fits(entry, NOTHING_KEPT):
            self._put(entry, {})
            return True
        return False

    # Placing

    def _put(self, entry: Entry, kept: Mapping[int, Shape]) -> None:
        """Place all core instances that it lacks, without what is kept; elastic ones are taken back for it.

        To be called where they fit.
        """
        application = entry.application
        lack = {demand.key: lacking(application, demand) for demand in application.request.demands}
        taken = self._placing.place_core(application, kept)
        self._start_with(application, lack)
        if self._known is not None and any(
            node in self._known[1].taken for nodes in application.placed.values() for node in nodes
        ):
            self._known = None
        restore(self._books, [*taken, *self._placing.make_way(application)])

    def _start_with(self, application: Application, lack: Mapping[str, int]) -> None:
        """So many instances of its core were placed, which were all that it lacked."""
        if application.served:
            self._cluster.place_again(application, lack)
        else:
            self._cluster.serve(application, self._now)
            application.asks_at = self._now
