"""A job that is served: where its instances are, which of them work, and how much work is left."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..scheduler.requests import Demand
from .jobs import Job


@dataclass(frozen=True)
class Change:
    """What a decision changed about the instances of one demand."""

    lost: int = 0
    """Elastic instances that were taken back."""
    started: int = 0
    """Elastic instances that are new, or on another node than before."""
    again: int = 0
    """Of those, how many are not more than it ever had: one was taken back for each."""


class Served:
    """One job from its admission to its end."""

    __slots__ = ("_instances", "_most", "_steady", "job", "left", "place", "rate", "since", "version")

    def __init__(self, place: int, job: Job, now: float) -> None:
        self.place = place
        self.job = job
        self.left = job.seconds * (1 if job.kept else job.components)
        """Component-seconds of work, of which `rate` are done in a second."""
        self.rate = 0
        """Components that work."""
        self.since = now
        """Until when `left` is counted."""
        self.version = 0
        """Of its end: what was said of it before holds no more."""
        self._instances: dict[str, list[tuple[int, float]]] = {}
        """By demand, the node of each, and since when it works; in the order in which they were granted."""
        self._most: dict[str, int] = {}
        self._steady = now
        """From when on all of them work."""

    def held(self, key: str) -> int:
        """Instances of a demand, whether they work yet or not."""
        return len(self._instances.get(key, ()))

    def hold(self, demand: Demand, nodes: Sequence[int], gone: Sequence[int], now: float, restart: float) -> Change:
        """It has instances on these nodes now, its core first. Of those that it had, some are `gone` from these nodes.

        Whatever has an instance on the same node as before goes on there. All others are started, and those that are
        elastic work after `restart` seconds. Of those on one node the last that were granted are gone first.
        """
        before = self._instances.get(demand.key, [])
        if not gone and [node for node, _ in before] == nodes:
            return Change()
        stayed = list(before)
        for node in gone:
            last = next((place for place in reversed(range(len(stayed))) if stayed[place][0] == node), None)
            # One that was granted and taken back in the same decision was never here.
            if last is not None:
                del stayed[last]
        here: dict[int, list[float]] = {}
        for node, since in stayed:
            here.setdefault(node, []).append(since)
        after, started = [], 0
        for place, node in enumerate(nodes):
            if known := here.get(node):
                after.append((node, known.pop(0)))
            else:
                elastic = place >= demand.core
                started += elastic
                after.append((node, now + restart if elastic else now))
        self._instances[demand.key] = after
        if started:
            self._steady = max(self._steady, now + restart)
        most = self._most.get(demand.key, demand.core)
        self._most[demand.key] = max(most, len(after))
        new = len(after) - (len(stayed) - sum(map(len, here.values())))
        return Change(len(before) - len(after) + new, started, started - max(0, len(after) - most))

    def work(self, now: float) -> None:
        """Count what was done since the last call."""
        self.left = max(0.0, self.left - (now - self.since) * self.rate)
        self.since = now

    def count(self, now: float) -> int:
        """Components that work at this moment."""
        if self.job.kept:
            return 1
        if now >= self._steady:
            return sum(map(len, self._instances.values()))
        return sum(since <= now for instances in self._instances.values() for _, since in instances)

    @property
    def ends_at(self) -> float:
        """When its work is done if nothing changes; infinity where nothing works."""
        if self.left <= 0:
            return self.since
        return self.since + self.left / self.rate if self.rate else math.inf
