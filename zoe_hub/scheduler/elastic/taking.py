"""Taking elastic instances back, in reverse order of urgency."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from ..cluster import Application
from ..requests import Demand
from .books import Books
from .entries import Group

Taken = tuple[Application, Demand, int, float]
"""An instance that was taken back: of whom, where it was, and since when."""


def victims(
    books: Books, usable: Callable[[Group], bool] | None = None, *, user: str | None = None
) -> Iterator[tuple[Application, Demand]]:
    """Whose elastic instance goes next, as long as there are some. One that the caller leaves is passed over.

    `usable` says whether anything may be taken from a group. It is asked when the turn comes to the group's class, and
    again when the group's own turn comes: shares only fall meanwhile, except that of `user`, who is given something.
    """
    books.sync()
    books.refresh()
    for priority in sorted({group.priority for group in books.groups.values() if group.holders}):
        # Who holds less in the course of this stays in the lists: they are kept in step between decisions' steps.
        left = {
            group: len(group.holders)
            for group in books.groups.values()
            if group.priority == priority and group.holders and (usable is None or usable(group))
        }
        yield from _of_class(books, left, usable, user)


def _of_class(
    books: Books, left: dict[Group, int], usable: Callable[[Group], bool] | None, user: str | None
) -> Iterator[tuple[Application, Demand]]:
    shares = {group: books.share(group) for group in left}
    passed: set[tuple[str, str]] = set()
    while left:
        group = max(left, key=lambda group: (shares[group], group.holders[left[group] - 1]))
        if usable is not None and not usable(group):
            del left[group]
            continue
        victim = books.entries[group.holders[left[group] - 1][2]].application
        demand = _last(victim, passed)
        if demand is None:
            left[group] -= 1
            if not left[group]:
                del left[group]
            continue
        held = len(victim.placed[demand.key])
        yield victim, demand
        if held == len(victim.placed[demand.key]):
            passed.add((victim.id, demand.key))
        for each in left:
            if each.user in (group.user, user):
                shares[each] = books.share(each)


def _last(victim: Application, passed: set[tuple[str, str]]) -> Demand | None:
    for demand in reversed(victim.request.demands):
        if len(victim.placed[demand.key]) > demand.core and (victim.id, demand.key) not in passed:
            return demand
    return None


def take(books: Books, victim: Application, demand: Demand) -> Taken:
    """Take the last instance of it back."""
    at, node = victim.since[demand.key][-1], victim.placed[demand.key][-1]
    books.cluster.reclaim(victim, demand, books.now)
    return victim, demand, node, at


def restore(books: Books, taken: list[Taken]) -> None:
    """Give back what was not needed, to the most urgent first. Of one process the first ones come back first."""
    lost: set[tuple[str, str]] = set()
    for victim, demand, node, at in reversed(taken):
        if (victim.id, demand.key) in lost:
            continue
        bears = books.cluster.accounts.bears(victim.request.party, demand.shape)
        if bears and books.room.fits(node, demand.shape, soon=True):
            books.cluster.restore(victim, demand, node, at)
        else:
            lost.add((victim.id, demand.key))
            was_robbed(books, victim)


def was_robbed(books: Books, victim: Application) -> None:
    """It does not look at once for what others could give back."""
    victim.asks_at = max(victim.asks_at, later(books, books.settings.hold))
    victim.pause = 0.0
    books.cluster.touch(victim)


def later(books: Books, seconds: float) -> float:
    """Later than now in any case, or a second look at the same moment could find something else."""
    return max(books.now + seconds, math.nextafter(books.now, math.inf))
