"""Room that is kept: for a head that waits for the ends of others, and for whom nobody may overtake any more."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping

from ..cluster import Application
from ..level import joined
from ..reservation import Reservation, reserve
from ..shapes import Shape
from .books import Books
from .entries import Entry

Places = list[tuple[int, Shape]]
Known = tuple[Entry, Reservation]
"""For whom, and what is kept for it."""
_NOTHING = Shape()


class Kept:
    """One decision's."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._now = books.now
        self.drawn: dict[int, Shape] = {}
        """For cores that lost their node, and for the first that is overdue: nobody else's core goes there."""
        self.reservation: Reservation | None = None
        """For a head that is neither."""

    @property
    def shapes(self) -> Mapping[int, Shape]:
        """All that is kept now, node by node."""
        if self.reservation is None:
            return self.drawn
        if not self.drawn:
            return self.reservation.kept
        return joined(self.drawn, self.reservation.kept)

    @property
    def until(self) -> float | None:
        """When what is kept is needed, so that who ends before may use it; None: nothing is kept."""
        if self.drawn:
            return -math.inf
        return None if self.reservation is None else self.reservation.at

    def draw(self, entry: Entry) -> None:
        """Nobody overtakes it any more: the room that it is to have is kept, as far as it is free, however long others
        run there.

        The same room from one decision to the next, or it would never be free; for as long as others wait before they
        are overdue, as it may be the wrong one.
        """
        application = entry.application
        if application.drawn is None or self._now > application.drawn[0]:
            found = reserve(wishes_of(application), self._books.room.firm, self._all_ends())
            taken = found.taken if found else {}
            application.drawn = self._now + self._books.settings.bound, taken
        firm = self._books.room.firm.amounts
        for node, shape in application.drawn[1].items():
            free = Shape(*(max(0, min(need, there)) for need, there in zip(shape, firm[node], strict=True)))
            self.drawn[node] = self.drawn.get(node, _NOTHING).plus(free)

    def reserve(self, entry: Entry, known: Known | None = None) -> Known | None:
        """Whoever would still run then leaves it the room that it needs. What was found, where it may hold for longer.

        That is so where the core has instances of one kind, as long as nobody's core was placed on nodes of the
        reservation: somebody else's core takes room elsewhere, or gives it back before.
        """
        wishes = wishes_of(entry.application)
        if known is not None and known[0] is entry and not self.drawn:
            self.reservation = known[1]
        else:
            level, able = self._books.room.firm, None
            if len(wishes) == 1 and not self.drawn:
                able = self._books.waiting.count(entry.request.id, wishes[0][0])
            with level.without(self.drawn):
                self.reservation = reserve(wishes, level, self._ends(), able)
        return (entry, self.reservation) if len(wishes) == 1 and self.reservation and not self.drawn else None

    def _ends(self) -> Iterator[tuple[float, Places]]:
        now = self._now
        for end, _, entry in self._books.ends:
            ends_at, places = entry.gives or _gives(entry)
            if ends_at >= now:
                yield max(now, end), places

    def _all_ends(self) -> Iterator[tuple[float, Places]]:
        """Also those that nobody knows: who started last is taken to end first, as most that run for long go on."""
        yield from self._ends()
        known = {id for _, id, _ in self._books.ends}
        unknown = [
            application
            for application in self._books.cluster.applications.values()
            if application.served and (application.id not in known or is_over(application, self._now))
        ]
        for application in sorted(unknown, key=_youngest):
            yield math.inf, _places(application)


def is_over(application: Application, now: float) -> bool:
    """It was to have ended by now: nobody knows when it will."""
    return _ends_at(application) < now


def _ends_at(application: Application) -> float:
    end = application.ends_at
    return math.inf if application.leaving or end is None else end


def _gives(entry: Entry) -> tuple[float, Places]:
    entry.gives = _ends_at(entry.application), _places(entry.application)
    return entry.gives


def wishes_of(application: Application) -> list[tuple[Shape, int]]:
    """Core instances that have no place."""
    wishes = ((d.shape, d.core - len(application.placed[d.key])) for d in application.request.demands)
    return [(shape, lack) for shape, lack in wishes if lack > 0]


def _youngest(application: Application) -> tuple[float, str]:
    return -(application.admitted_at or 0.0), application.id


def _places(application: Application) -> Places:
    """What its end gives back of other cores' room, each node once."""
    found: dict[int, Shape] = {}
    for demand in application.request.demands:
        nodes = application.placed[demand.key]
        for node, count in Counter(nodes if application.leaving else nodes[: demand.core]).items():
            found[node] = found.get(node, _NOTHING).plus(demand.shape, count)
    return [*found.items()]
