"""How much work was done, counted from nothing but what the books say after each decision."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from zoe_hub.scheduler.cluster import Cluster
from zoe_hub.scheduler.requests import Decision
from zoe_hub.simulator.jobs import Workload

Key = tuple[str, str, int]
"""Application, demand, node."""


class Watch:
    """Told every decision, it remembers who had how many on which node, from when on."""

    def __init__(self, workload: Workload, restart: float = 0.0) -> None:
        self._jobs = {job.id: job for job in workload.jobs}
        self._restart = restart
        self._ever: dict[str, list[list[float]]] = {}
        """By application, of each instance that there ever was: when it began to work, and ended."""
        self._here: dict[Key, list[list[float]]] = {}
        self._going: Counter[Key] = Counter()
        self.moves = 0
        """Instances that were on another node after a decision, without anybody having been told."""

    def __call__(self, now: float, decisions: Sequence[Decision], cluster: Cluster) -> None:
        told = {decision.id: decision.granted for decision in decisions}
        for id, application in cluster.applications.items():
            if not application.served:
                assert id not in told
                continue
            assert told.get(id, application.granted) == application.granted
            for demand in self._jobs[id].demands:
                nodes = application.placed[demand.key]
                core = Counter(nodes[: demand.core]) if id not in self._ever else Counter()
                going = Counter(application.going.get(demand.key, ()))
                changes = 0
                for node in range(len(cluster.room.free)):
                    key = id, demand.key, node
                    here = self._here.setdefault(key, [])
                    before = len(here)
                    for _ in range(max(before - nodes.count(node), min(before, going[node] - self._going[key]))):
                        here.pop()[1] = now
                    self._going[key] = going[node]
                    changes += len(here) < before
                    while len(here) < nodes.count(node):
                        at_once = core[node] > len(here)
                        here.append([now if at_once else now + self._restart, float("inf")])
                        self._ever.setdefault(id, []).append(here[-1])
                self.moves += bool(changes) and id not in told
            self._ever.setdefault(id, [])

    def work(self, id: str, end: float) -> float:
        """Component-seconds that an application did until its end."""
        return sum(max(0.0, min(until, end) - begin) for begin, until in self._ever[id])
