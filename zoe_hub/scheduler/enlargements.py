"""Cores that are asked for after an application was admitted: they wait in line as any other core does.

What waits is a request of its own, beside the application, with what its core lacks. Until that is placed, the
application goes on with the core that it has; then both are one again. So every policy treats them alike: they come
behind those ahead of them, keep to reservations, and are told when what they are given is free.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from .cluster import Application, Cluster
from .requests import Request

_SUFFIX = "+core"


def id_of(application: str) -> str:
    """The identifier of what waits beside this application."""
    return application + _SUFFIX


def held(wish: Request, cores: Mapping[str, int], placed: Mapping[str, int]) -> Request:
    """The request as long as only so many core instances of each demand are its own.

    What it holds as elastic instances, and wishes as core ones, is not taken back for that.
    """
    if all(cores.get(demand.key, 0) >= demand.core for demand in wish.demands):
        return wish
    demands = []
    for demand in wish.demands:
        core = min(demand.core, cores.get(demand.key, 0))
        most = demand.core + demand.elastic - core
        elastic = max(demand.elastic, min(placed.get(demand.key, 0) - core, most))
        demands.append(replace(demand, core=core, elastic=elastic))
    return replace(wish, demands=tuple(demands))


def lacking(wish: Request, held: Request, at: float) -> Request | None:
    """What waits of it, asked for at that time; None where it has its core."""
    cores = {demand.key: demand.core for demand in held.demands}
    more = [(demand, demand.core - cores[demand.key]) for demand in wish.demands]
    demands = tuple(replace(demand, core=count, elastic=0) for demand, count in more if count > 0)
    if not demands:
        return None
    return replace(wish, id=id_of(wish.id), submitted=at, demands=demands, size=None, of=wish)


def is_no_more(one: Request, other: Request) -> bool:
    """Whether what waits is at most what waited: then it keeps its place."""
    cores = {demand.key: demand.core for demand in other.demands}
    return one.priority == other.priority and all(d.core <= cores.get(d.key, 0) for d in one.demands)


def alone(cluster: Cluster) -> bool:
    """Whether only such as these wait: what an application holds already may be its core then, to nobody's harm."""
    return not any(a.request.of is None and cluster.in_line(a) for a in cluster.applications.values())


def cores_of(application: Application) -> dict[str, int]:
    """Core instances that are its own, also where they lost their place."""
    return {demand.key: demand.core for demand in application.request.demands}
