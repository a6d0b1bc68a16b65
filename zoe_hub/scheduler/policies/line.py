"""What the published policies go through, and the steps that they have in common."""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator

from ..cluster import Application, Cluster

Urgency = tuple[float, float, float, str]


class Line:
    """Who is unfinished in one cluster: who waits, and who is served with less than was wished.

    That is the queue of the authors' simulator and of Zoe: an application leaves it when it holds all that it wishes.
    Only what was touched since the last look is looked at again. Where an order's keys do not change with time, the
    line stays sorted; else as much of it is sorted as somebody goes through.
    """

    def __init__(self) -> None:
        self._cluster: Cluster | None = None
        self._touched: dict[str, Application] = {}
        self._waiting: dict[str, tuple[Urgency, Application]] = {}
        self._sorted: list[tuple[Urgency, Application]] = []
        """Of those who wait, where the order is still."""
        self._short: dict[str, Application] = {}
        """Served, and lacking something."""
        self._elastic: dict[str, Application] = {}
        """Served, and holding something that could be taken back."""

    def refresh(self, cluster: Cluster, now: float) -> None:
        """See what has changed. To be called before the others, which see the line as it is then."""
        if cluster is not self._cluster:
            if self._cluster is not None:
                self._cluster.unwatch(self._touched)
            self._cluster, self._touched = cluster, cluster.watch()
            for each in (self._waiting, self._short, self._elastic):
                each.clear()
            self._sorted.clear()
        while self._touched:
            id, application = self._touched.popitem()
            self._remove(id)
            if not application.leaving and cluster.applications.get(id) is application:
                self._add(cluster, application, now)

    def unfinished(self, cluster: Cluster, now: float) -> Iterator[Application]:
        """All of them, most urgent first, without those that a quota holds back."""
        return heapq.merge(
            self.short(cluster, now), self.waiting(cluster, now), key=lambda each: cluster.urgency(each, now)
        )

    def waiting(self, cluster: Cluster, now: float) -> Iterator[Application]:
        """Those who wait, most urgent first, without those that a quota holds back."""
        return filter(cluster.in_line, self._in_order(cluster, now))

    def short(self, cluster: Cluster, now: float) -> list[Application]:
        """Those who are served and lack something, most urgent first."""
        return _sorted(self._short.values(), cluster, now)

    def elastic(self, cluster: Cluster, now: float) -> list[Application]:
        """Those who are served and hold something that could be taken back, most urgent first."""
        return _sorted(self._elastic.values(), cluster, now)

    def restore_cores(self, cluster: Cluster, now: float) -> None:
        """Place core instances again that lost their node, before anybody gets anything."""
        broken = [each for each in self._short.values() if each.broken]
        for application in _sorted(broken, cluster, now):
            for demand in application.request.demands:
                while len(application.placed[demand.key]) < demand.core and cluster.grant(application, demand, now):
                    pass

    def _add(self, cluster: Cluster, application: Application, now: float) -> None:
        id = application.id
        if not application.served:
            self._waiting[id] = entry = cluster.urgency(application, now), application
            if cluster.order.still:
                insort(self._sorted, entry, key=_urgency)
            return
        if application.lacking > 0:
            self._short[id] = application
        if application.elastic > 0:
            self._elastic[id] = application

    def _remove(self, id: str) -> None:
        self._short.pop(id, None)
        self._elastic.pop(id, None)
        entry = self._waiting.pop(id, None)
        if entry is not None and self._sorted:
            del self._sorted[bisect_left(self._sorted, entry[0], key=_urgency)]

    def _in_order(self, cluster: Cluster, now: float) -> Iterator[Application]:
        if cluster.order.still:
            yield from (application for _, application in self._sorted)
            return
        urgency = cluster.urgency
        heap = [(urgency(application, now), application) for _, application in self._waiting.values()]
        heapq.heapify(heap)
        while heap:
            yield heapq.heappop(heap)[1]


def grow(cluster: Cluster, application: Application, now: float) -> bool:
    """Grant all that it lacks and that fits. Whether it lacks nothing any more."""
    for demand in application.request.demands:
        while application.missing(demand) > 0 and cluster.grant(application, demand, now):
            pass
    return application.lacking <= 0


def _sorted(applications: Iterable[Application], cluster: Cluster, now: float) -> list[Application]:
    return sorted(applications, key=lambda application: cluster.urgency(application, now))


def _urgency(entry: tuple[Urgency, Application]) -> Urgency:
    return entry[0]
