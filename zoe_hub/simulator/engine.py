"""A discrete-event simulation of the scheduler: the same `Scheduler` as the controller's decides.

What differs from a real engine: a core instance works as soon as it is placed, nothing fails, and a job
ends at the moment at which its work is done. What does not: who is admitted, where, and with how much.
"""

from __future__ import annotations

import heapq
import random
from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from ..model.quotas import Quotas
from ..scheduler.allowances import Rules
from ..scheduler.orders import Order
from ..scheduler.policies.base import Policy
from ..scheduler.requests import Decision
from ..scheduler.scheduler import Scheduler
from ..scheduler.shapes import Shape
from .jobs import Job, Workload


@dataclass(frozen=True)
class Conditions:
    """What makes a simulation harder than the paper's model."""

    restart: float = 0.0
    """Seconds for which an elastic instance does not work yet, each time that it is granted, at its application's
    admission too. It holds its place meanwhile. Core instances work at once. One that is taken back before its
    seconds are over has done nothing; of one process' instances the last that were granted are taken back first."""
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
    """Elastic instances that were granted again after one was taken back."""
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


class _Run:
    """A job that is served."""

    __slots__ = ("granted", "job", "left", "most", "place", "rate", "ready", "since", "version")

    def __init__(self, place: int, job: Job, now: float) -> None:
        self.place = place
        self.job = job
        self.left = job.seconds * (1 if job.kept else job.components)
        """Component-seconds of work, of which `rate` are done in a second."""
        self.rate = 0
        self.since = now
        """Until when `left` is counted."""
        self.version = 0
        """Of its end: what was said of it before holds no more."""
        self.granted: Mapping[str, int] = {}
        self.most: dict[str, int] = {}
        self.ready: dict[str, list[float]] = {}
        """By demand, when those begin to work that do not yet, the first first."""

    def work(self, now: float) -> None:
        """Count what was done since the last call."""
        self.left = max(0.0, self.left - (now - self.since) * self.rate)
        self.since = now

    def count(self, now: float) -> int:
        """Components that work at this moment."""
        if self.job.kept:
            return 1
        starting = 0
        for times in self.ready.values():
            while times and times[0] <= now:
                times.pop(0)
            starting += len(times)
        return sum(self.granted.values()) - starting


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
        watch: Callable[[float, Decision], None] | None = None,
    ) -> None:
        """`quotas` are of users, who are called u0, u1, …; hours of processors and groups are left out of account.

        `watch` is told each decision, with its time.
        """
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
        self._runs: dict[int, _Run] = {}
        self._waiting = 0
        self._going: dict[int, dict[str, int]] = {}
        """By place and demand, how many are on their way to be gone."""
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
                    run = self._runs.get(place)
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
        for decision in self._scheduler.decide(now):
            if self._watch is not None:
                self._watch(now, decision)
            if decision.admitted:
                self._apply(decision, now)
        if self._conditions.drain > 0:
            self._drain(now)
        self.outcome.decisions += 1
        self._note(now)
        due = self._scheduler.due(now)
        # While nothing runs and nobody comes, time alone gives nobody room.
        if due is not None and due != self._due and (self._runs or self._heap):
            self._due = due
            self._push(max(due, now), _Kind.DUE)

    def _apply(self, decision: Decision, now: float) -> None:
        place = self._places[decision.id]
        run = self._runs.get(place)
        if run is None:
            run = self._runs[place] = _Run(place, self._workload.jobs[place], now)
            self.outcome.admitted[place] = now
            self._waiting -= 1
        run.work(now)
        for demand in run.job.demands:
            before, after = run.granted.get(demand.key, 0), decision.granted.get(demand.key, 0)
            if before == after:
                continue
            for index, amount in enumerate(demand.shape):
                self._granted[index] += amount * (after - before)
            if after > before:
                self._more(run, demand.key, demand.core, before, after, now)
            else:
                self._fewer(run, demand.key, before - after, now)
        run.granted = dict(decision.granted)
        self._plan_end(run, now)

    def _more(self, run: _Run, key: str, core: int, before: int, after: int, now: float) -> None:
        most = run.most.get(key, 0)
        self.outcome.restarts[run.place] += max(0, min(after, most) - before)
        run.most[key] = max(most, after)
        starting = after - max(before, core)
        if self._conditions.restart > 0 and starting > 0 and not run.job.kept:
            at = now + self._conditions.restart
            run.ready.setdefault(key, []).extend([at] * starting)
            self._push(at, _Kind.READY, run.place)

    def _fewer(self, run: _Run, key: str, count: int, now: float) -> None:
        self.outcome.reclaimed[run.place] += count
        starting = run.ready.get(key)
        if starting:
            del starting[max(0, len(starting) - count) :]

    def _drain(self, now: float) -> None:
        # Read from the books: one that was taken back and granted elsewhere at once is in no decision.
        for place, run in self._runs.items():
            for key, nodes in self._scheduler.cluster.applications[run.job.id].going.items():
                told = self._going.setdefault(place, {})
                more = len(nodes) - told.get(key, 0)
                if more > 0:
                    told[key] = len(nodes)
                    self._push(now + self._conditions.drain, _Kind.GONE, place, more, key)

    def _plan_end(self, run: _Run, now: float) -> None:
        """What is left takes so much longer, from now on; what was said of its end before holds no more."""
        run.rate = run.count(now)
        run.version += 1
        self._push(now + run.left / run.rate, _Kind.END, run.place, run.version)

    def _begin_to_work(self, place: int, now: float) -> None:
        run = self._runs.get(place)
        if run is not None and run.count(now) != run.rate:
            run.work(now)
            self._plan_end(run, now)

    def _gone(self, place: int, key: str, count: int) -> None:
        going = self._going.get(place)
        if going:
            going[key] -= count
            self._scheduler.gone(self._workload.jobs[place].id, key, count)

    def _end(self, run: _Run, now: float) -> None:
        del self._runs[run.place]
        # What still goes of it is gone with it.
        self._going.pop(run.place, None)
        self.outcome.ended[run.place] = now
        for demand in run.job.demands:
            for index, amount in enumerate(demand.shape):
                self._granted[index] -= amount * run.granted.get(demand.key, 0)
        self._scheduler.end(run.job.id)

    def _note(self, now: float) -> None:
        steps = self.outcome.steps
        steps.time.append(now)
        steps.cpu.append(self._granted[0])
        steps.memory.append(self._granted[1])
        steps.gpu.append(self._granted[2])
        steps.waiting.append(self._waiting)
