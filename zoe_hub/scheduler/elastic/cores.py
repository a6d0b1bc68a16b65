"""Who starts: cores are placed in order of urgency, and behind a head that does not fit where it loses nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np

from ..cluster import Application
from ..level import fits, missing, number
from ..requests import Demand
from ..reservation import Reservation, reserve
from ..shapes import Shape
from .books import Books, longest, reserve_on
from .entries import Entry, Group
from .taking import Taken, restore, take, victims, was_robbed
from .waiting import DENIED, PARKED

_FEW = 24


class Cores:
    """One decision's admissions."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._cluster = books.cluster
        self._room = books.room
        self._now = books.now

    def fit_nodes(self) -> None:
        """Take elastic instances back from nodes that hold more than they have."""
        for node in self._small_nodes():
            for victim, demand in victims(self._books):
                if min(self._room.free[node]) >= 0:
                    break
                if node in victim.placed[demand.key][demand.core :]:
                    while take(self._books, victim, demand)[2] != node:
                        pass
                    was_robbed(self._books, victim)

    def _small_nodes(self) -> list[int]:
        free = self._room.free
        if len(free) <= _FEW:
            return [node for node, amount in enumerate(free) if min(amount) < 0]
        cpu, memory, gpu = self._room.soon.columns
        return [int(node) for node in np.flatnonzero((cpu < 0) | (memory < 0) | (gpu < 0))]

    def keep_plans(self) -> None:
        """Place cores again that were given room which was not free yet, if they still fit there."""
        books = self._books
        books.sync()
        for entry in sorted((books.entries[id] for id in books.planned), key=self._place):
            application = entry.application
            planned, application.planned = application.planned, None
            self._cluster.touch(application)
            if planned is None or not self._cluster.in_line(application):
                continue
            placed = []
            for demand in application.request.demands:
                for node in planned.get(demand.key, ()):
                    if self._room.fits(node, demand.shape, soon=True):
                        self._cluster.put(application, demand, node, self._now)
                        placed.append(demand)
            if len(placed) == application.request.core:
                self._cluster.serve(application, self._now)
            else:
                for demand in reversed(placed):
                    self._cluster.pull(application, demand)

    def start_next(self) -> bool:
        """Start the first that may start. False where nobody may."""
        books = self._books
        books.sync()
        books.wake()
        head: Entry | None = None
        reservation: Reservation | None = None
        broken = [books.entries[id] for id in books.broken]
        for entry in sorted(broken, key=lambda entry: (-entry.group.priority, books.key(entry.application))):
            if not books.possible.ever(self._room, entry.request):
                continue
            if head is None:
                if self._start(entry):
                    return True
                if not books.settings.backfill:
                    return False
                head, reservation = entry, self._reserve(entry)
            elif self._backfill(entry, reservation):
                return True
        if head is None:
            head = self._first()
            if head is None:
                return False
            if self._start(head):
                return True
            if self._overdue(head) or not books.settings.backfill:
                return False
            reservation = self._reserve(head)
        books.wake_denied(reservation.at if reservation else None)
        return any(entry is not head and self._backfill(entry, reservation) for entry in self._candidates(reservation))

    # In which order

    def _place(self, entry: Entry) -> tuple[object, ...]:
        if self._overdue(entry):
            return 0, entry.request.submitted, entry.request.id
        return 1, -entry.group.priority, self._books.core_share(entry.group), self._books.key(entry.application)

    def _overdue(self, entry: Entry) -> bool:
        return entry.waiting and self._now >= entry.request.submitted + self._books.settings.bound

    def _first(self) -> Entry | None:
        """The head of the line: the first that neither a quota nor the nodes' size hold back."""
        books = self._books
        for submitted, id in books.submitted:
            if self._now < submitted + books.settings.bound:
                break
            if self._cluster.in_line(books.entries[id].application):
                return books.entries[id]
        best: tuple[tuple[object, ...], Entry] | None = None
        for group in books.groups.values():
            entry = next(self._in_line(group), None)
            if entry is not None:
                place = -group.priority, books.core_share(group), books.key(entry.application)
                if best is None or place < best[0]:
                    best = place, entry
        return best[1] if best else None

    def _in_line(self, group: Group) -> Iterator[Entry]:
        books = self._books
        still = self._cluster.order.still
        ranked = (books.entries[key[2]] for key in group.line) if still else books.waiting.ranked(group)
        return (entry for entry in ranked if self._cluster.in_line(entry.application))

    def _candidates(self, reservation: Reservation | None) -> Iterator[Entry]:
        """Who may fit, in order. Shares do not change before somebody starts, and then this is over."""
        books = self._books
        reserved = (reservation.at, books.beside) if reservation else None
        shares = {group: books.core_share(group) for group in books.groups.values()}
        found = books.waiting.candidates(self._now, books.settings.bound, self._room.firm, reserved, shares)
        return (entry for entry in found if self._cluster.in_line(entry.application))

    # Whether it may

    def _start(self, entry: Entry) -> bool:
        """Start it where it fits beside other cores; otherwise it is parked."""
        id = entry.request.id
        if self._books.waiting.is_parked(id):
            return False
        if not self._fits(entry):
            return False
        self._put(entry, {})
        return True

    def _fits(self, entry: Entry) -> bool:
        wishes = wishes_of(entry.application)
        lack = missing(self._room.firm, wishes)
        if lack is not None:
            if entry.waiting:
                self._books.waiting.put_aside(entry.request.id, PARKED, *lack)
            return False
        return len(wishes) <= 1 or fits(self._room.firm, wishes)

    def _backfill(self, entry: Entry, reservation: Reservation | None) -> bool:
        """Start it where that is not in the way of the reservation; otherwise it is parked or denied."""
        if reservation is None:
            return self._start(entry)
        if self._fits_beside(entry):
            self._put(entry, reservation.kept)
            return True
        if self._now + longest(entry.request) <= reservation.at:
            if self._fits(entry):
                self._put(entry, {})
                return True
            return False
        # Room that is reserved is none for it: more of that would not make it worth another look.
        lack = missing(self._books.beside, wishes_of(entry.application))
        if lack is not None and entry.waiting:
            self._books.waiting.put_aside(entry.request.id, DENIED, *lack)
        return False

    def _fits_beside(self, entry: Entry) -> bool:
        return fits(self._books.beside, wishes_of(entry.application))

    def _reserve(self, entry: Entry) -> Reservation | None:
        books = self._books
        found = reserve(wishes_of(entry.application), self._room.firm, self._ends())
        kept = found.kept if found else {}
        reserve_on(books.beside, books.reserved, kept)
        books.reserved = kept
        return found

    def _ends(self) -> Iterator[tuple[float, list[tuple[int, Shape]]]]:
        for end, id in self._books.ends:
            if -math.inf < end < self._now:
                # It was to have ended by now: nobody knows when it will.
                continue
            application = self._books.entries[id].application
            places = [
                (node, demand.shape)
                for demand in application.request.demands
                for node in application.placed[demand.key][: None if application.leaving else demand.core]
            ]
            yield max(self._now, end), places

    # Placing

    def _put(self, entry: Entry, kept: Mapping[int, Shape]) -> None:
        """Place all core instances that it lacks, without what is kept; elastic ones are taken back for it.

        To be called where they fit.
        """
        application = entry.application
        for node, shape in kept.items():
            self._room.soon.add(node, shape, -1)
            self._room.now.add(node, shape, -1)
        taken = self._place_core(application)
        for node, shape in kept.items():
            self._room.soon.add(node, shape)
            self._room.now.add(node, shape)
        if not application.served:
            self._cluster.serve(application, self._now)
            application.asks_at = self._now
        restore(self._books, taken)

    def _place_core(self, application: Application) -> list[Taken]:
        """What was taken back for it."""
        lacking = [demand for demand in application.request.demands for _ in range(_lack(application, demand))]
        placed: list[Demand] = []
        left = self._place_free(application, lacking, placed)
        taken: list[Taken] = []
        if not left:
            return taken
        for victim, of in victims(self._books, user=application.request.user):
            taken.append(take(self._books, victim, of))
            node = taken[-1][2]
            rest = []
            for demand in left:
                if self._room.fits(node, demand.shape, soon=True):
                    self._cluster.put(application, demand, node, self._now)
                    placed.append(demand)
                else:
                    rest.append(demand)
            left = rest
            if not left:
                return taken
        # They are in each other's way. All elastic instances have been taken back: one after the other they fit.
        for demand in reversed(placed):
            self._cluster.pull(application, demand)
        for demand in lacking:
            place = self._room.find(demand.shape, soon=True)
            assert place is not None
            self._cluster.put(application, demand, place, self._now)
        return taken

    def _place_free(self, application: Application, lacking: list[Demand], placed: list[Demand]) -> list[Demand]:
        """Place what fits without taking anything back: what is free now comes first. What is left."""
        left: list[Demand] = []
        index = 0
        while index < len(lacking):
            demand = lacking[index]
            level = self._room.now
            node = level.first(demand.shape)
            if node is None:
                level = self._room.soon
                node = level.first(demand.shape)
            if node is None:
                left.append(demand)
                index += 1
                continue
            # All that fit there at once: the next ones of the same kind would find the same node.
            for _ in range(min(number(level.amounts[node], demand.shape), lacking.count(demand))):
                if index == len(lacking) or lacking[index] is not demand:
                    break
                self._cluster.put(application, demand, node, self._now)
                placed.append(demand)
                index += 1
        return left


def wishes_of(application: Application) -> list[tuple[Shape, int]]:
    """Core instances that have no place."""
    return [(demand.shape, lack) for demand in application.request.demands if (lack := _lack(application, demand)) > 0]


def _lack(application: Application, demand: Demand) -> int:
    return max(0, demand.core - len(application.placed[demand.key]))
