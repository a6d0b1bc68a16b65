"""A discrete-event simulation of the scheduler: the same `Scheduler` as the controller's decides.

What differs from a real engine: a core instance works as soon as it is placed, nothing fails, and a job
ends at the moment at which its work is done. What does not: who is admitted, where, and with how much.
"""

from __future__ import annotations

import heapq
import math
import random
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from ..model.quotas import Quotas
from ..scheduler.allowances import Rules
from ..scheduler.application import Application
from ..scheduler.cluster import Cluster
from ..scheduler.orders import Order
from ..scheduler.policies.base import Policy
from ..scheduler.requests import Decision
from ..scheduler.scheduler import Scheduler
from ..scheduler.shapes import Shape
from .jobs import Workload
from .served import Change, Served

Watch = Callable[[float, Sequence[Decision], Cluster], None]
"""Told the time, what was decided then, and the books after it."""


@dataclass(frozen=True)
class Conditions:
    """What makes a simulation harder than the paper's model."""

    restart: float = 0.0
    """Seconds for which an elastic instance does not work yet, each time that it is started: at its application's
    admission, when it is granted later, and when it is on another node after a decision than before it. It holds its
    place meanwhile. What was taken back and granted again on the same node within one decision goes on, as nobody is
    told of it; with `drain` it is started anew beside the one that goes. Core instances work at once. One that is taken
    back before its seconds are over has done nothing; the last that were granted are taken back first."""
    drain: float = 0.0
    """Seconds for which an elastic instance that was taken back holds its place, and does not work any more."""
    error: float = 0.0
    """Sigma of a lognormal factor, of median 1, between the time that a job takes and the estimate of it."""
    seed: int = 0
    """Of these factors. A job's factor depends on this and on its place in the workload only."""


@dataclass
class Steps:
    """Allocation and line over time: one value of each from each point in time to the next."""

    time: array[float] = field(default_factory=lambda: array("d"))
    cpu: array[float] = field(default_factory=lambda: array("d"))
    """Thousandths of a processor that are granted."""
    memory: array[float] = field(default_factory=lambda: array("d"))
    """Bytes that are granted."""
    gpu: array[float] = field(default_factory=lambda: array("d"))
    waiting: array[float] = field(default_factory=lambda: array("d"))
    """Applications in line."""


@dataclass
class Outcome:
    """What came of a workload. The lists are by job, in the workload's order; NaN where it was never served."""

    workload: Workload
    capacity: Shape
    admitted: list[float]
    ended: list[float]
    reclaimed: list[int]
    """Elastic instances that were taken back."""
    restarts: list[int]
    """Elastic instances that were started again after one was taken back, on another node within one decision too."""
    steps: Steps
    decisions: int = 0
    """How often the scheduler was asked."""


class _Kind(IntEnum):
    """In the order in which they are seen at one moment: who asks then finds all that is free."""

    END = 0
    GONE = 1
    READY = 2
    ARRIVAL = 3
    DUE = 4


class Simulation:
    """One workload under one policy and one order. The same arguments give the same outcome."""

    def __init__(
        self,
        workload: Workload,
        policy: Policy,
        order: Order,
        conditions: Conditions | None = None,
        *,
        quotas: Quotas | None = None,
        watch: Watch | None = None,
    ) -> None:
        """`quotas` are of users, who are called u0, u1, …; hours of processors and groups are left out of account."""
        self._workload = workload
        self._conditions = conditions or Conditions()
        self._scheduler = Scheduler(policy, order, at_once=self._conditions.drain <= 0)
        self._scheduler.set_nodes(workload.nodes, 0.0)
        if quotas is not None:
            self._scheduler.set_quotas(Rules(quotas), {}, 0.0)
        self._watch = watch
        self._places = {job.id: place for place, job in enumerate(workload.jobs)}
        self._heap: list[tuple[float, int, int, int, int, str]] = []
        """Time, kind, a number that makes it unique, place, version or count, demand."""
        self._pushed = 0
        self._served: dict[int, Served] = {}
        self._waiting = 0
        self._going: dict[tuple[int, str], int] = {}
        """By place and demand, how many are on their way to be gone."""
        self._touched = self._scheduler.cluster.watch()
        self._granted = [0, 0, 0]
        self._due: float | None = None
        count = len(workload.jobs)
        nan = float("nan")
        self.outcome = Outcome(
            workload,
            self._scheduler.cluster.room.total,
            [nan] * count,
            [nan] * count,
            [0] * count,
            [0] * count,
            Steps(),
        )

    def run(self) -> Outcome:
        """Simulate it to its end."""
        for _ in self.steps():
            pass
        return self.outcome

    def steps(self) -> Iterator[tuple[float, int]]:
        """Simulate it moment by moment: the time, and how many jobs have ended."""
        heap, jobs, conditions = self._heap, self._workload.jobs, self._conditions
        factors = random.Random(f"estimates {conditions.seed}")
        for place, job in enumerate(jobs):
            self._push(job.submitted, _Kind.ARRIVAL, place)
        ended = 0
        while heap:
            now = heap[0][0]
            changed = False
            while heap and heap[0][0] == now:
                _, kind, _, place, number, key = heapq.heappop(heap)
                if kind == _Kind.ARRIVAL:
                    error = factors.lognormvariate(0.0, conditions.error) if conditions.error > 0 else 1.0
                    self._scheduler.submit(jobs[place].request(error))
                    self._waiting += 1
                    changed = True
                elif kind == _Kind.END:
                    run = self._served.get(place)
                    if run is not None and run.version == number:
                        self._end(run, now)
                        ended += 1
                        changed = True
                elif kind == _Kind.READY:
                    self._begin_to_work(place, now)
                elif kind == _Kind.GONE:
                    self._gone(place, key, number)
                    changed = True
                else:
                    changed = True
            if changed:
                self._decide(now)
                yield now, ended

    def _push(self, time: float, kind: _Kind, place: int = -1, number: int = 0, key: str = "") -> None:
        self._pushed += 1
        heapq.heappush(self._heap, (time, kind, self._pushed, place, number, key))

    def _decide(self, now: float) -> None:
        decisions = self._scheduler.decide(now)
        if self._watch is not None:
            self._watch(now, decisions, self._scheduler.cluster)
        # Read from the books: what was moved, or taken back and granted elsewhere at once, is in no decision.
        for application in self._touched.values():
            if application.served and application.id in self._scheduler.cluster.applications:
                self._apply(application, now)
        self._touched.clear()
        self.outcome.decisions += 1
        self._note(now)
        due = self._scheduler.due(now)
        # While nothing works or starts, and nobody comes, time alone gives nobody room.
        if due is not None and due != self._due and self._heap:
            self._due = due
            self._push(max(due, now), _Kind.DUE)

    def _apply(self, application: Application, now: float) -> None:
        place = self._places[application.id]
        run = self._served.get(place)
        changed = run is None
        if run is None:
            run = self._served[place] = Served(place, self._workload.jobs[place], now)
            self.outcome.admitted[place] = now
            self._waiting -= 1
        for demand in run.job.demands:
            nodes, before = application.placed[demand.key], run.held(demand.key)
            gone = self._going_now(application, place, demand.key, now)
            change = run.hold(demand, nodes, gone, now, self._conditions.restart)
            if len(nodes) != before:
                for index, amount in enumerate(demand.shape):
                    self._granted[index] += amount * (len(nodes) - before)
            self.outcome.reclaimed[place] += change.lost
            self.outcome.restarts[place] += change.again
            if change.started and self._conditions.restart > 0 and not run.job.kept:
                self._push(now + self._conditions.restart, _Kind.READY, place)
            changed = changed or change != Change() or len(nodes) != before
        if changed:
            run.work(now)
            self._plan_end(run, now)

    def _going_now(self, application: Application, place: int, key: str, now: float) -> Sequence[int]:
        """The nodes of those that were taken back in this decision and take time to go."""
        going = application.going.get(key)
        if not going:
            return ()
        known = self._going.get((place, key), 0)
        if len(going) > known:
            self._going[place, key] = len(going)
            self._push(now + self._conditions.drain, _Kind.GONE, place, len(going) - known, key)
        return going[known:]

    def _plan_end(self, run: Served, now: float) -> None:
        """What is left takes so much longer, from now on; what was said of its end before holds no more."""
        run.rate = run.count(now)
        run.version += 1
        if run.ends_at < math.inf:
            self._push(run.ends_at, _Kind.END, run.place, run.version)

    def _begin_to_work(self, place: int, now: float) -> None:
        run = self._served.get(place)
        if run is not None and run.count(now) != run.rate:
            run.work(now)
            self._plan_end(run, now)

    def _gone(self, place: int, key: str, count: int) -> None:
        if self._going.get((place, key)):
            self._going[place, key] -= count
            self._scheduler.gone(self._workload.jobs[place].id, key, count)

    def _end(self, run: Served, now: float) -> None:
        del self._served[run.place]
        self.outcome.ended[run.place] = now
        for demand in run.job.demands:
            # What still goes of it is gone with it.
            self._going.pop((run.place, demand.key), None)
            for index, amount in enumerate(demand.shape):
                self._granted[index] -= amount * run.held(demand.key)
        self._scheduler.end(run.job.id)

    def _note(self, now: float) -> None:
        steps = self.outcome.steps
        steps.time.append(now)
        steps.cpu.append(self._granted[0])
        steps.memory.append(self._granted[1])
        steps.gpu.append(self._granted[2])
        steps.waiting.append(self._waiting)
