"""Groups in the order in which cores are admitted: of their classes, and of what cores of their users hold."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Iterator

from .entries import Group
from .shares import Shares

_Place = tuple[float, float, int]
"""Class, share, and the number of the group, so that no two are equal."""


class Ranks:
    """Kept in order: only those of users whose shares may be others than before are looked at."""

    def __init__(self, shares: Shares) -> None:
        self._shares = shares
        self._groups: list[Group] = []
        self._places: list[_Place] = []
        """By the group's number."""
        self._sorted: list[_Place] = []
        self._of_user: dict[str, list[int]] = {}
        self._moved: set[str] = set()
        """Users whose shares may be others."""

    def add(self, group: Group) -> None:
        """One more, the last to be moved."""
        number = len(self._groups)
        self._groups.append(group)
        self._places.append((-group.priority, self._shares.of(group), number))
        insort(self._sorted, self._places[number])
        self._of_user.setdefault(group.user, []).append(number)

    def move(self, user: str) -> None:
        """What this user's cores hold may be something else."""
        self._moved.add(user)

    def place(self, group: Group) -> tuple[float, float]:
        """Its place, by which groups are compared."""
        return -group.priority, self._shares.of(group)

    def __iter__(self) -> Iterator[list[Group]]:
        """From the first on, those of equal places together. Nobody's share may change meanwhile."""
        self._sort()
        rank: list[Group] = []
        of = math.nan, math.nan
        for priority, share, number in self._sorted:
            if rank and (priority, share) != of:
                yield rank
                rank = []
            of = priority, share
            rank.append(self._groups[number])
        if rank:
            yield rank

    def _sort(self) -> None:
        while self._moved:
            for number in self._of_user.get(self._moved.pop(), ()):
                old, group = self._places[number], self._groups[number]
                new = self._places[number] = -group.priority, self._shares.of(group), number
                if new != old:
                    del self._sorted[bisect_left(self._sorted, old)]
                    insort(self._sorted, new)
