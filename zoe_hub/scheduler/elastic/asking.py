"""Who looks when for elastic instances that others could give back."""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping

from .entries import Entry, Group


class Asking:
    """Each group has a heap of those that wish more, by the time at which they look next."""

    def __init__(self, entries: Mapping[str, Entry], put_off: dict[tuple[int, str, float], float]) -> None:
        self._entries = entries
        self.put_off = put_off
        """By group, until when nobody of it looks."""

    def put(self, entry: Entry) -> None:
        """It looks when its application says so."""
        at = entry.application.asks_at
        if entry.asks_at != at:
            entry.asks_at = at
            heapq.heappush(entry.group.asking, (at, entry.request.submitted, entry.request.id))

    def pop(self, group: Group) -> None:
        """The first one looks now."""
        _, _, id = heapq.heappop(group.asking)
        self._entries[id].asks_at = None

    def first(self, group: Group) -> Entry | None:
        """Who of a group looks next, and wishes more."""
        while group.asking:
            at, _, id = group.asking[0]
            entry = self._entries.get(id)
            if entry is not None and self._counts(entry, at):
                return entry
            heapq.heappop(group.asking)
            if entry is not None and entry.asks_at == at:
                entry.asks_at = None
        return None

    def time(self, group: Group) -> float:
        """When the first one looks; infinite: never."""
        first = self.first(group)
        return math.inf if first is None else max(self.put_off.get(group.name, -math.inf), first.application.asks_at)

    def is_time(self, group: Group, now: float) -> bool:
        """Whether somebody of it looks by now."""
        if not group.asking or self.put_off.get(group.name, -math.inf) > now:
            return False
        return self.time(group) <= now

    def next(self, group: Group, after: float) -> float:
        """When somebody looks next after that time; infinite: nobody does.

        Whom a quota hinders could have looked before, and is nobody's obstacle.
        """
        at = self.time(group)
        if at > after or at == math.inf:
            return at
        later = (at for at, _, id in group.asking if at > after and self._counts(self._entries.get(id), at))
        return min(later, default=math.inf)

    @staticmethod
    def _counts(entry: Entry | None, at: float) -> bool:
        return entry is not None and entry.asks_at == at and entry.growing and entry.application.asks_at == at
