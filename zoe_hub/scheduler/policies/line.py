"""What the published policies go through, and the steps that they have in common."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from ..cluster import Application, Cluster


def unfinished(cluster: Cluster, now: float) -> Iterator[Application]:
    """What waits, and what is served with less than it wishes, most urgent first.

    This is the queue of the authors' simulator and of Zoe: an application leaves it when it holds all that it wishes.
    """
    lacking = (application for application in cluster.serving(now) if application.lacking > 0)
    return heapq.merge(lacking, cluster.waiting(now), key=lambda application: cluster.urgency(application, now))


def restore_cores(cluster: Cluster, now: float) -> None:
    """Place core instances again that lost their node, before anybody gets anything."""
    for application in cluster.serving(now):
        if application.lacking > application.request.elastic - application.elastic:
            for demand in application.request.demands:
                while len(application.placed[demand.key]) < demand.core and cluster.grant(application, demand, now):
                    pass


def grow(cluster: Cluster, application: Application, now: float) -> bool:
    """Grant all that it lacks and that fits. Whether it lacks nothing any more."""
    for demand in application.request.demands:
        while application.missing(demand) > 0 and cluster.grant(application, demand, now):
            pass
    return application.lacking <= 0
