"""Cores that were placed where something is still going: who of them starts now, and who waits until that has gone.

Who comes first there is fixed: by the class, then by the order of submission. A policy's own order moves with what it
grants. By that, or by who happened to be placed first, one that has to wait by this decision could start by another
one at the same moment, which places the same cores in another order.
"""

from __future__ import annotations

from collections.abc import Callable

from .application import Application
from .cluster import Cluster
from .requests import Request
from .shapes import Shape


def settled(cluster: Cluster, application: Application) -> bool:
    """Whether what it was granted has room and quotas now, not when something else has gone."""
    request = application.request
    again = application.id in cluster.replaced
    if not again and not cluster.accounts.settled(request.party, _takes_over(cluster, request)):
        return False
    room = cluster.room
    return not room.going or all(room.settled(node) for nodes in application.placed.values() for node in nodes)


def unsettled(cluster: Cluster) -> list[Application]:
    """Of the cores that were placed in this decision, those to `hold_back`, the first to be held back first.

    To be held back in this order: what the first ones leave may be enough for the others. Nothing is changed by this.
    """
    placed = [*cluster.started, *(application for application, _ in cluster.replaced.values())]
    placed.sort(key=lambda each: (each.id not in cluster.replaced, -each.request.priority, each.number), reverse=True)
    found: list[Application] = []
    undo: list[Callable[[], None]] = []
    for application in placed:
        if not settled(cluster, application):
            found.append(application)
            undo.append(_lift(cluster, application))
    for put_back in reversed(undo):
        put_back()
    return found


def hold_back(cluster: Cluster, application: Application) -> None:
    """What of its core was placed in this decision has no room before something has gone: it only stays planned."""
    if application.id not in cluster.replaced:
        application.planned = {key: list(nodes) for key, nodes in application.placed.items()}
        cluster.withdraw(application)
        return
    _, lack = cluster.replaced.pop(application.id)
    application.planned = {}
    for demand in application.request.demands:
        nodes = [cluster.pull(application, demand) for _ in range(lack.get(demand.key, 0))]
        application.planned[demand.key] = nodes[::-1]


def _lift(cluster: Cluster, application: Application) -> Callable[[], None]:
    """Count what of its core was placed in this decision no more, until what is returned is called."""
    replaced, admitted_at = cluster.replaced.get(application.id), application.admitted_at
    if replaced is None:
        # Who waits counts in quotas by what is placed.
        application.admitted_at = None
    lifted = []
    for demand in application.request.demands:
        count = len(application.placed[demand.key]) if replaced is None else replaced[1].get(demand.key, 0)
        for _ in range(count):
            at = application.since[demand.key][-1]
            lifted.append((demand, cluster.pull(application, demand), at))

    def put_back() -> None:
        for demand, node, at in reversed(lifted):
            cluster.put(application, demand, node, at)
        application.admitted_at = admitted_at

    return put_back


def _takes_over(cluster: Cluster, request: Request) -> list[tuple[Shape, int]]:
    """What counts twice until it has gone: the instances to be a larger core that its application has already."""
    if request.of is None:
        return []
    going = cluster.applications[request.of.id].going
    return [(each.shape, min(each.core, len(going.get(each.key, ())))) for each in request.demands]
