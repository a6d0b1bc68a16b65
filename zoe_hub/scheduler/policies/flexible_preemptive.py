"""The flexible policy, with elastic instances of less urgent applications taken back.

Source: `schedulers/ZoePreemptionSimulation.scala` of the simulator of *Flexible Scheduling of Distributed Analytic
Applications*, commit b1a3788; it was simulated only. Like `flexible`; where a core does not fit, elastic instances of
less urgent applications that run are taken, the least urgent first, until it does; then they are taken for elastic
instances, unless the one that lacks them is interactive. Core instances are never taken.

Differences from the published one, besides those of `flexible`:

- Less urgent is what comes later in the order, priority classes first. The authors compare the orders' numbers, which
  are equal for all under FIFO, so that FIFO never takes anything there; under HRRN they compare the numbers the wrong
  way round.
- The whole line is gone through. The authors look at those that have exactly the number of the head.
- A core is placed instance by instance, and one instance is taken after the other until the next fits; the authors
  place the whole core anew after each. What was taken and proves not to be needed for the core is given back at once.
- The authors lose count of elastic instances that they place without taking any for them, when they then take some.
  Those are kept.
- Where what is taken needs time to go, it is waited for: nothing is granted in a place that is not free yet.
"""

from __future__ import annotations

from ..cluster import Application, Cluster
from ..requests import INTERACTIVE, Demand
from ..shapes import Shape
from .flexible import Flexible, Plan
from .line import Line


class FlexiblePreemptive(Flexible):
    """Flexible, which makes room for the more urgent by taking elastic instances from the less urgent."""

    name = "flexible-preemptive"

    def make_plan(self, cluster: Cluster, now: float) -> Plan:
        return _TakingPlan(cluster, now, self.weights(cluster.room.total), self.line)


class _TakingPlan(Plan):
    """A plan that takes from those that are less urgent than the one that is added."""

    def __init__(self, cluster: Cluster, now: float, weights: Shape, line: Line) -> None:
        super().__init__(cluster, now, weights)
        self._line = line
        self._taken: list[tuple[Application, Demand, int]] = []
        """From whom, and from which node, in the order in which it was taken."""
        self._before = 0
        """How much was taken before the last step."""
        self._candidates: list[Application] | None = None
        """Those that held elastic instances before this pass, the most urgent first."""

    def add(self, application: Application) -> bool:
        self._before = len(self._taken)
        self._added = application
        return super().add(application)

    def worthwhile(self, used: int) -> bool:
        return len(self._taken) > self._before or super().worthwhile(used)

    def revert(self) -> None:
        self._give_back(self._before)

    def could_admit(self, application: Application) -> bool:
        return True

    def admit(self, application: Application) -> bool:
        if super().admit(application):
            return True
        if application.id in self.cluster.hindered:
            return False
        before, placed = len(self._taken), list[Demand]()
        for demand in application.request.demands:
            for _ in range(demand.core):
                node = self._find(demand.shape)
                if node is None:
                    for each in reversed(placed):
                        self.cluster.pull(application, each)
                    self._give_back(before)
                    return False
                self.cluster.put(application, demand, node)
                placed.append(demand)
        self._give_back(before)
        self.cluster.serve(application, self.now)
        return True

    def grant(self, application: Application, demand: Demand) -> bool:
        if application.going.get(demand.key) or any(a is application and d is demand for a, d, _ in self._taken):
            return False
        if not self.cluster.accounts.room(application.request.party, demand.shape):
            self.cluster.hindered.add(application.id)
            return False
        before = len(self._taken)
        takes = application.request.priority < INTERACTIVE
        node = self._find(demand.shape) if takes else self.cluster.room.find(demand.shape, soon=True)
        if node is not None:
            application.advance(self.now)
            self.cluster.put(application, demand, node)
        self._give_back(before)
        return node is not None

    def settle(self) -> bool:
        """All that is planned holds. What is taken begins to go; grants in its place have to wait for that."""
        for application, demand, node in self._taken:
            self.cluster.leave(application, demand, node)
        kept = [grant for grant in self._undo() if self._keep(*grant)]
        return self.admitted > 0 or bool(kept) or bool(self._taken)

    def _keep(self, application: Application, demand: Demand, node: int) -> bool:
        self.cluster.put(application, demand, node)
        if not self.cluster.room.settled(node):
            self.cluster.pull(application, demand)
            return False
        return True

    def _find(self, shape: Shape) -> int | None:
        """A node where one instance fits when all is gone that goes, if need be by taking; what is taken is noted."""
        node = self.cluster.room.find(shape, soon=True)
        if node is None:
            before = len(self._taken)
            node = self._make_room(shape)
            if node is None:
                self._give_back(before)
        return node

    def _make_room(self, shape: Shape) -> int | None:
        if self.cluster.room.firm.first(shape) is None:
            return None  # Not even beside cores alone: to take all and give it back would be slow.
        if self._candidates is None:
            self._candidates = self._line.elastic(self.cluster, self.now)
        urgency = self.cluster.urgency(self._added, self.now)
        for victim in reversed(self._candidates):
            if self.cluster.urgency(victim, self.now) <= urgency:
                break
            for demand in reversed(victim.request.demands):
                while len(victim.placed[demand.key]) > demand.core:
                    node = self._take(victim, demand)
                    if shape.within(self.cluster.room.free[node]):
                        return node
        return None

    def _take(self, victim: Application, demand: Demand) -> int:
        victim.advance(self.now)
        node = self.cluster.pull(victim, demand)
        self._taken.append((victim, demand, node))
        return node

    def _give_back(self, before: int) -> None:
        """What was taken since then and fits where it was."""
        taken, self._taken[before:] = self._taken[before:], []
        for victim, demand, node in reversed(taken):
            if demand.shape.within(self.cluster.room.free[node]):
                self.cluster.put(victim, demand, node)
            else:
                self._taken.insert(before, (victim, demand, node))
