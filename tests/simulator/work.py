"""How much work was done, counted from nothing but the decisions."""

from __future__ import annotations

from zoe_hub.scheduler.requests import Decision
from zoe_hub.simulator.jobs import Workload


class Watch:
    """Told every decision, it remembers who had what, from when on."""

    def __init__(self, workload: Workload, restart: float = 0.0) -> None:
        self._jobs = {job.id: job for job in workload.jobs}
        self._restart = restart
        self._instances: dict[str, dict[str, list[list[float]]]] = {}
        """By application and demand, of each instance that there ever was: when it began to work, and ended."""
        self._here: dict[tuple[str, str], list[list[float]]] = {}

    def __call__(self, now: float, decision: Decision) -> None:
        for demand in self._jobs[decision.id].demands:
            here = self._here.setdefault((decision.id, demand.key), [])
            ever = self._instances.setdefault(decision.id, {}).setdefault(demand.key, [])
            while len(here) > decision.granted[demand.key]:
                here.pop()[1] = now
            while len(here) < decision.granted[demand.key]:
                begins = now + (self._restart if len(here) >= demand.core else 0.0)
                here.append([begins, float("inf")])
                ever.append(here[-1])

    def work(self, id: str, end: float) -> float:
        """Component-seconds that an application did until its end."""
        spans = [span for spans in self._instances[id].values() for span in spans]
        return sum(max(0.0, min(until, end) - begin) for begin, until in spans)
