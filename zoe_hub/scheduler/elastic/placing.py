"""Where the instances of a core go that fits, and who gives room or parts of quotas back for it."""

from __future__ import annotations

from collections.abc import Mapping

from ..cluster import Application
from ..level import number
from ..packing import most_constrained
from ..requests import Demand
from ..shapes import Shape
from .books import Books
from .taking import Taken, take, victims


class Placing:
    """One decision's."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._cluster = books.cluster
        self._room = books.room
        self._now = books.now

    def make_way(self, application: Application) -> list[Taken]:
        """What was taken back since the quotas in which its core counts do not allow it beside that."""
        party, accounts = application.request.party, self._cluster.accounts
        shapes = [demand.shape for demand in application.request.demands if demand.core]
        taken: list[Taken] = []
        exceeded = {each for shape in shapes for each in accounts.exceeded(party, shape)}
        if not exceeded:
            return taken
        for victim, demand in victims(self._books, user=application.request.user):
            if accounts.relieves(victim.request.party, demand.shape, exceeded):
                taken.append(take(self._books, victim, demand))
                exceeded = {each for shape in shapes for each in accounts.exceeded(party, shape)}
                if not exceeded:
                    break
        return taken

    def place_core(self, application: Application, kept: Mapping[int, Shape]) -> list[Taken]:
        """Place all core instances that it lacks, where they fit beside other cores and what is kept for others; what
        was taken back for it.
        """
        demands = [demand for demand in application.request.demands if lacking(application, demand)]
        order = most_constrained(self._room.firm, [demand.shape for demand in demands])
        wanted = [demands[index] for index in order for _ in range(lacking(application, demands[index]))]
        placed: list[Demand] = []
        left = self._place_free(application, wanted, placed, kept)
        if not left:
            return []
        with self._room.soon.without(kept):
            return self._place_instead(application, demands, left, placed)

    def _place_instead(
        self, application: Application, demands: list[Demand], left: list[Demand], placed: list[Demand]
    ) -> list[Taken]:
        """Place what is left, beside what is placed, of all that these demand. What was taken back for it."""
        taken: list[Taken] = []
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
        # They are in each other's way. All elastic instances have been taken back: there is a way for all of them.
        for demand in reversed(placed):
            self._cluster.pull(application, demand)
        places = self._room.arrange([(demand.shape, lacking(application, demand)) for demand in demands], soon=True)
        assert places is not None
        for demand, nodes in zip(demands, places, strict=True):
            for node in nodes:
                self._cluster.put(application, demand, node, self._now)
        return taken

    def _place_free(
        self, application: Application, wanted: list[Demand], placed: list[Demand], kept: Mapping[int, Shape]
    ) -> list[Demand]:
        """Place what fits without taking anything back: what is free now comes first. What is left."""
        left: list[Demand] = []
        index = 0
        while index < len(wanted):
            demand = wanted[index]
            soon = False
            node = self._room.find(demand.shape, kept=kept)
            if node is None and self._room.going:
                soon = True
                node = self._room.find(demand.shape, soon=True, kept=kept)
            if node is None:
                left.append(demand)
                index += 1
                continue
            free = self._room.left(node, soon=soon, kept=kept)
            # All that fit there at once: the next ones of the same kind would find the same node.
            for _ in range(min(number(free, demand.shape), wanted.count(demand))):
                if index == len(wanted) or wanted[index] is not demand:
                    break
                self._cluster.put(application, demand, node, self._now)
                placed.append(demand)
                index += 1
        return left


def lacking(application: Application, demand: Demand) -> int:
    """Core instances of it that have no place."""
    return max(0, demand.core - len(application.placed[demand.key]))
