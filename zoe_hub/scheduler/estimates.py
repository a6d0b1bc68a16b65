"""How long something will take, and how long it will wait: learned from what was. Pure: no clock, no I/O.

What a run needs is counted as work, instances times seconds: of an application that was given less at times, and of one
of another size, it is the same work (the paper's work model, see `work.py`). Its T, the time with everything granted,
is work / (C + E).

Users' own statements are believed and not mended. Where there is none, earlier runs say more than users would: the
last runs alike predict the next (D. Tsafrir, Y. Etsion, D. Feitelson, *Backfilling Using System-Generated Predictions
Rather than User Runtime Estimates*, TPDS 2007, who take the mean of the last two of a user; the median of some more is
not moved by one that failed early or hung).
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from .cluster import Application, Cluster
from .reservation import place, reserve
from .shapes import Shape

ENOUGH = 3
"""Runs that are believed before runs that are less alike are asked."""
NEWEST = 20
"""Of the runs alike, so many: applications and their data change."""
FORESEEN = 20
"""Applications in line whose start is foreseen: what is told of later ones would be wrong, and is costly to find."""
_ALIKE = 2.0
"""Numbers of which the larger is at most so many times the smaller count as alike."""

Scalar = bool | int | float | str


@dataclass(frozen=True)
class Run:
    """One that came to its end by itself."""

    owner: str
    parameters: Mapping[str, Scalar]
    """All but those that change how many instances there are."""
    work: float
    """Instances times seconds."""


def learned(owner: str, parameters: Mapping[str, Scalar], runs: Sequence[Run]) -> float | None:
    """The work to be expected, in instances times seconds; None where there was no run.

    `runs` are of the same ZApp, newest first. The first of these with at least three runs counts, and where none has so
    many, the first with any: the owner's with similar parameters, anybody's with similar parameters, the owner's, all.
    """

    def similar(run: Run) -> bool:
        return alike(run.parameters, parameters)

    def own(run: Run) -> bool:
        return run.owner == owner

    tests: tuple[Callable[[Run], bool], ...] = (lambda r: own(r) and similar(r), similar, own, lambda _: True)
    classes = [list(islice(filter(test, runs), NEWEST)) for test in tests]
    chosen = next((c for c in classes if len(c) >= ENOUGH), None) or next((c for c in classes if c), None)
    return None if chosen is None else _median([run.work for run in chosen])


def alike(one: Mapping[str, Scalar], other: Mapping[str, Scalar]) -> bool:
    """Whether two sets of parameters ask for about the same."""
    return one.keys() == other.keys() and all(_similar(one[name], other[name]) for name in one)


def _similar(one: Scalar, other: Scalar) -> bool:
    if isinstance(one, (bool, str)) or isinstance(other, (bool, str)):
        return type(one) is type(other) and one == other
    return one == other or (one * other > 0 and max(one / other, other / one) <= _ALIKE)


def _median(numbers: Sequence[float]) -> float:
    """The upper one of two: what ends later than expected does more harm than what ends sooner."""
    return sorted(numbers)[len(numbers) // 2]


def waits(cluster: Cluster, now: float) -> dict[str, float]:
    """Seconds until the cores of those in line will be placed, by identifier, as far as anybody can tell.

    In the order of the line, none before those ahead of it; with what elastic instances hold, which are taken back for
    a core; each of those ahead runs as long as is expected of it. One of which no end is known is believed to stay.
    Left out are all from the first one on for which there is no room after all known ends.
    """
    free, ends = _firm(cluster), _ends(cluster, now)
    found: dict[str, float] = {}
    at = now
    for application in islice(cluster.waiting(now), FORESEEN):
        wishes = [(demand.shape, demand.core) for demand in application.request.demands]
        taken = place(wishes, free)
        if taken is None:
            room = reserve(wishes, free, sorted(ends))
            if room is None:
                break
            at = max(at, room.at)
        while ends and ends[0][0] <= at:
            for node, shape in heapq.heappop(ends)[1]:
                free[node] = free[node].plus(shape)
        taken = place(wishes, free)
        if taken is None:
            break
        for node, shape in taken.items():
            free[node] = free[node].plus(shape, -1)
        if application.request.size is not None:
            heapq.heappush(ends, (at + application.request.size, [*taken.items()]))
        found[application.id] = at - now
    return found


def _firm(cluster: Cluster) -> list[Shape]:
    """What cores may take of each node now: what is free, and what elastic instances hold."""
    free = list(cluster.room.free)
    for application in cluster.applications.values():
        for demand in application.request.demands:
            for node in () if application.leaving else application.placed[demand.key][demand.core :]:
                free[node] = free[node].plus(demand.shape)
    return free


def _ends(cluster: Cluster, now: float) -> list[tuple[float, list[tuple[int, Shape]]]]:
    """A heap of known ends, and the cores that they give back."""
    ends = []
    for application in cluster.applications.values():
        left = _left(application, now)
        if application.served and math.isfinite(left):
            places = [
                (node, demand.shape)
                for demand in application.request.demands
                for node in application.placed[demand.key][: None if application.leaving else demand.core]
            ]
            ends.append((now + left, places))
    heapq.heapify(ends)
    return ends


def _left(application: Application, now: float) -> float:
    if application.leaving:
        return 0.0
    end = application.ends_at
    # What should have ended before may run for any time.
    return math.inf if end is None or end < now else end - now
