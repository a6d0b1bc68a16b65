"""How many applications the scheduler decides on in a second, how long one call takes, and how both grow.

A cluster of nodes is full, and applications wait in line. At each moment the application ends whose work is done first,
another one comes, and the scheduler is called: it is told both, and asked what changes. What is measured is such a
call, with being told, in processor time: the scheduler waits for nothing, so on an idle machine that is the time that
passes, and on a busy one it leaves out what others take.

An *application decision* is one application about which something was decided and told: a newcomer that starts or has
to wait, one of the line that starts, one that is granted more, or less. A call makes several. The rate counts those;
the longest ones are of whole calls, which is more than what one decision takes.

Applications are those of the experiment (`zoe_hub/simulator/generator.py`). Their instances have the sizes that a shop
offers, of which there are few; `--sizes own` leaves each its own, of which no two are alike.
"""

from __future__ import annotations

import argparse
import gc
import heapq
import math
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from report import Figure, say, show

from zoe_hub.model.resources import Node, Resources
from zoe_hub.scheduler.methods import ORDERS, POLICIES, order, policy
from zoe_hub.scheduler.requests import Decision, Request
from zoe_hub.scheduler.scheduler import Scheduler
from zoe_hub.scheduler.shapes import Shape
from zoe_hub.simulator.generator import Settings, generate
from zoe_hub.simulator.jobs import Job

NODES, QUEUE, MOMENTS = 10_000, 100_000, 2_000
NODE = Resources(cpu=32, memory=128 * 2**30)
WARM_UP = 100
"""Moments that are not measured: all was submitted at once before, which is never so again."""
DRAWN = 50_000
"""Applications of which others are copies, so that a hundred thousand are made within seconds."""
CPUS = (100, 250, 500, 1000, 2000, 4000, 6400)
MEMORIES = tuple(2**20 * each for each in (256, 512, 1024, 2048, 4096, 8192, 16384, 26214))
"""What a shop offers: the next one that is not smaller than what was drawn."""


@dataclass(frozen=True)
class Measured:
    """What one cluster in one state does."""

    nodes: int
    queue: int
    served: int
    seconds: list[float]
    """Of a processor, for each call."""
    decided: int
    """Applications about which something was decided."""

    @property
    def rate(self) -> float:
        return self.decided / sum(self.seconds)

    @property
    def mean(self) -> float:
        """Seconds of a call."""
        return statistics.fmean(self.seconds)

    def percentile(self, part: float) -> float:
        return sorted(self.seconds)[min(len(self.seconds) - 1, int(part * len(self.seconds)))]


class Load:
    """Applications that come, one after the other, and that end when their work is done."""

    def __init__(self, scheduler: Scheduler, sizes: str) -> None:
        self._requests = _drawn(sizes)
        self._scheduler = scheduler
        self._number = 0
        self._ends: list[tuple[float, str]] = []

    def next(self, now: float) -> Request:
        """One that comes now."""
        request = self._requests[self._number % len(self._requests)]
        self._number += 1
        return replace(request, id=f"a{self._number:07d}", submitted=now)

    def decide(self, now: float) -> list[Decision]:
        decisions = self._scheduler.decide(now)
        self.look(decisions)
        return decisions

    def look(self, decisions: list[Decision]) -> None:
        """Who was granted something ends at another time."""
        for decision in decisions:
            end = self._scheduler.cluster.applications[decision.id].ends_at
            if end is not None:
                heapq.heappush(self._ends, (end, decision.id))

    def next_end(self) -> tuple[float, str]:
        """Whose work is done first, and when."""
        while True:
            end, id = heapq.heappop(self._ends)
            application = self._scheduler.cluster.applications.get(id)
            if application is not None and application.ends_at == end:
                return end, id


def measure(nodes: int, queue: int, moments: int = MOMENTS, *, named: str, ordered: str, sizes: str) -> Measured:
    """Fill a cluster and its line, then let one application end and one come at each moment."""
    scheduler = Scheduler(policy(named), order(ordered), at_once=True)
    scheduler.set_nodes([Node(name=f"n{number}", capacity=NODE) for number in range(nodes)], 0.0)
    load = Load(scheduler, sizes)
    began = time.perf_counter()
    gc.disable()
    waiting = _fill(scheduler, load, queue)
    gc.enable()
    served = len(scheduler.cluster.applications) - waiting
    say(f"  {nodes} nodes, {waiting} in line, {served} served: made in {time.perf_counter() - began:.0f} s")
    gc.collect()
    gc.freeze()
    seconds, decided = [], 0
    now = 0.0
    for moment in range(WARM_UP + moments):
        end, ending = load.next_end()
        now = max(now, end)
        request = load.next(now)
        start = time.thread_time()
        scheduler.end(ending)
        scheduler.submit(request)
        decisions = scheduler.decide(now)
        took = time.thread_time() - start
        load.look(decisions)
        if moment < WARM_UP:
            continue
        seconds.append(took)
        decided += len({request.id, *(decision.id for decision in decisions)})
    gc.unfreeze()
    return Measured(nodes, waiting, served, seconds, decided)


def _fill(scheduler: Scheduler, load: Load, queue: int) -> int:
    """Submit until so many wait; how many do. How many are served meanwhile is up to the policy."""
    waiting = 0
    while waiting < queue:
        for _ in range(queue - waiting):
            scheduler.submit(load.next(0.0))
        load.decide(0.0)
        waiting = sum(1 for each in scheduler.cluster.applications.values() if not each.served)
    return waiting


@lru_cache(maxsize=1)
def _drawn(sizes: str) -> list[Request]:
    machines = [Node(name=f"n{number}", capacity=NODE) for number in range(100)]
    jobs = generate(Settings(requests=DRAWN, seed=1, elastic=0.8, users=20), machines).jobs
    return [_request(job, sizes) for job in jobs]


def _request(job: Job, sizes: str) -> Request:
    made = job.request()
    if sizes == "own":
        return made
    return replace(made, demands=tuple(replace(demand, shape=_offered(demand.shape)) for demand in made.demands))


def _offered(shape: Shape) -> Shape:
    return Shape(next(each for each in CPUS if each >= shape.cpu), next(m for m in MEMORIES if m >= shape.memory))


def steps(nodes: int, queue: int) -> Iterator[tuple[int, int]]:
    """From a hundredth of both to both, each about three times the one before."""
    for part in (100, 31.6, 10, 3.16, 1):
        yield math.ceil(nodes / part), math.ceil(queue / part)


def slope(found: list[Measured]) -> float:
    """By which power of its size the mean call of a cluster grows: that of the line through all on a log-log plot."""
    xs, ys = [math.log(each.nodes) for each in found], [math.log(each.mean) for each in found]
    return statistics.linear_regression(xs, ys).slope


def plot(found: list[Measured], path: Path) -> None:
    """Call and longest call over the size of the cluster, both logarithmic."""
    from matplotlib.figure import Figure as Drawing

    from zoe_hub.simulator.plots import save

    drawing = Drawing(figsize=(6.4, 4.4), layout="constrained")
    axes = drawing.subplots()
    sizes = [each.nodes for each in found]
    axes.loglog(sizes, [each.mean * 1000 for each in found], "o-", label="a call, mean")
    axes.loglog(sizes, [each.percentile(0.99) * 1000 for each in found], "s-", label="a call, p99")
    per_decision = [1000 / each.rate for each in found]
    axes.loglog(sizes, per_decision, "^-", label="an application decision, mean")
    first = per_decision[0] / (sizes[0] * math.log(sizes[0]))
    axes.loglog(sizes, [first * n * math.log(n) for n in sizes], ":", color="gray", label="n log n")
    axes.set_xlabel("nodes; ten times as many applications wait")
    axes.set_ylabel("milliseconds")
    axes.grid(which="both", linewidth=0.3)
    axes.legend(fontsize="small")
    save(drawing, path)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=NODES)
    parser.add_argument("--queue", type=int, default=QUEUE)
    parser.add_argument("--moments", type=int, default=MOMENTS)
    parser.add_argument("--policy", choices=sorted(POLICIES), default="elastic")
    parser.add_argument("--order", choices=sorted(ORDERS), default="sjf")
    parser.add_argument("--sizes", choices=("shop", "own"), default="shop", help="of instances; own: no two are alike")
    parser.add_argument("--growth", action="store_true", help="measure smaller clusters first, and how the cost grows")
    parser.add_argument("--plot", type=Path, help="with --growth: write the log-log plot here (needs matplotlib)")
    given = parser.parse_args()
    sizes = steps(given.nodes, given.queue) if given.growth else [(given.nodes, given.queue)]
    found = []
    for nodes, queue in sizes:
        made = measure(nodes, queue, given.moments, named=given.policy, ordered=given.order, sizes=given.sizes)
        found.append(made)
        say(
            f"    a call: mean {made.mean * 1000:.2f} ms, median {made.percentile(0.5) * 1000:.2f} ms, "
            f"p99 {made.percentile(0.99) * 1000:.1f} ms, longest {max(made.seconds) * 1000:.1f} ms; "
            f"{made.decided / len(made.seconds):.1f} applications in a call, {made.rate:.0f} in a second"
        )
    last = found[-1]
    figures = [
        Figure("Application decisions", last.rate, 2000, "1/s", at_least=True),
        Figure("One call, p99", last.percentile(0.99) * 1000, 50, "ms"),
    ]
    if given.growth:
        figures.append(Figure("A call grows with the cluster's size to the power of", slope(found), 1.1, ""))
        if given.plot:
            plot(found, given.plot)
    return show(figures)


if __name__ == "__main__":
    sys.exit(main())
