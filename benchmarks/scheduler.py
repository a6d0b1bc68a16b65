"""How many applications the scheduler decides on in a second, and how long one decision takes.

A cluster of ten thousand nodes is full, and a hundred thousand applications wait. At each moment an application ends
and another one comes; the scheduler is asked. Counted are the applications about which something was decided: that
they start, grow or shrink.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import sys
import time
from dataclasses import dataclass

from report import Figure, say, show

from zoe_hub.model.resources import Node, Resources
from zoe_hub.scheduler.methods import order
from zoe_hub.scheduler.policies.elastic import Elastic
from zoe_hub.scheduler.requests import Request
from zoe_hub.scheduler.scheduler import Scheduler
from zoe_hub.simulator.generator import Settings, generate
from zoe_hub.simulator.jobs import Job

NODES, QUEUE, MOMENTS = 10_000, 100_000, 2_000
SHAPE = Resources(cpu=32, memory=128 * 2**30)


@dataclass(frozen=True)
class Measured:
    """What one cluster in one state does."""

    nodes: int
    queue: int
    seconds: list[float]
    """Of each decision, with being told what happened before it."""
    decided: int
    """Applications about which something was decided."""

    @property
    def rate(self) -> float:
        return self.decided / sum(self.seconds)

    def percentile(self, part: float) -> float:
        return sorted(self.seconds)[min(len(self.seconds) - 1, int(part * len(self.seconds)))]


def measure(nodes: int, queue: int, named: str, moments: int = MOMENTS) -> Measured:
    """Fill a cluster and its line, then let one application end and one come at each moment."""
    machines = [Node(name=f"n{number}", capacity=SHAPE) for number in range(nodes)]
    scheduler = Scheduler(Elastic(), order(named), at_once=True)
    scheduler.set_nodes(machines, 0.0)
    jobs = _jobs(machines[:100], queue + 40 * nodes + 2 * moments)
    number, served = 0, 0
    began = time.perf_counter()
    # Until so many wait: how many are served is up to the policy.
    while number - served < queue:
        for _ in range(max(1, queue - (number - served))):
            scheduler.submit(_request(jobs, number, 0.0))
            number += 1
        scheduler.decide(0.0)
        served = sum(1 for each in scheduler.cluster.applications.values() if each.served)
    say(f"  {nodes} nodes, {queue} in line, {served} served: made in {time.perf_counter() - began:.0f} s")
    running = [each for each in scheduler.cluster.applications.values() if each.served]
    running.sort(key=lambda each: jobs[int(each.id[1:])].seconds)
    gc.collect()
    gc.freeze()
    seconds, decided, now = [], 0, 0.0
    for _ in range(moments):
        now += 1.0
        request = _request(jobs, number, now)
        number += 1
        ending = running.pop(0).id
        start = time.perf_counter()
        scheduler.end(ending)
        scheduler.submit(request)
        decisions = scheduler.decide(now)
        seconds.append(time.perf_counter() - start)
        decided += len(decisions)
    gc.unfreeze()
    return Measured(nodes, queue, seconds, decided)


def _jobs(machines: list[Node], count: int) -> list[Job]:
    return generate(Settings(requests=min(count, 60_000), seed=1, elastic=0.8, users=20), machines).jobs


def _request(jobs: list[Job], number: int, now: float) -> Request:
    made = jobs[number % len(jobs)].request()
    return Request(
        f"a{number % len(jobs)}" if number < len(jobs) else f"b{number}",
        made.user,
        now,
        made.demands,
        priority=made.priority,
        size=made.size,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=NODES)
    parser.add_argument("--queue", type=int, default=QUEUE)
    parser.add_argument("--order", default="sjf")
    parser.add_argument("--moments", type=int, default=MOMENTS)
    given = parser.parse_args()
    found = measure(given.nodes, given.queue, given.order, given.moments)
    say(f"  median {statistics.median(found.seconds) * 1000:.2f} ms, longest {max(found.seconds) * 1000:.1f} ms")
    return show(
        [
            Figure("Application decisions", found.rate, 2000, "1/s", at_least=True),
            Figure("One decision, p99", found.percentile(0.99) * 1000, 50, "ms"),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
