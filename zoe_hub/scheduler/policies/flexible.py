"""Cores first, as long as that fills the machines: the policy of *Flexible Scheduling of Distributed Analytic
Applications*.

Source: the `h` policies of the authors' simulator (`PolicyModes.myPolicies` in `schedulers/ZoeSimulation.scala`,
commit b1a3788). A decision goes through the line in order. For each application the elastic grants that were planned
in this decision are undone, its core is tried, and elastic instances are granted again to all that are planned, in
order. Where free resources did not shrink by that, the last step is reverted and the decision ends. Elastic instances
that run are never taken back, and nobody behind the one that ended the decision is looked at: there is no backfill.

Differences from the published one:

- 'Free resources' are the sum of the free parts of each dimension. The authors multiply free processors by free
  memory, which is zero as soon as either of them is used up, and then stops the decision although the other could
  still be used; with GPUs as a third dimension it would be zero on most machines.
- An application whose core takes nothing at all goes on with the decision: it cannot make free resources shrink.
- Nodes are tried in the order in which they were given, not at random, so that a history replays to the same end.
- A core that would not fit on empty nodes is passed over. In the authors' simulator it ends each decision, for ever.
- Core instances that lost their node are placed again before anybody gets anything. The published model has no
  failures.
"""

from __future__ import annotations

from ..cluster import Application, Cluster
from ..requests import Demand
from ..shapes import Shape
from .line import restore_cores, unfinished
from .possible import Possible


class Flexible:
    """Admits cores while that, with the elastic instances granted behind them, leaves less free."""

    name = "flexible"

    def __init__(self) -> None:
        self._possible = Possible(whole=False)

    def schedule(self, cluster: Cluster, now: float) -> None:
        restore_cores(cluster, now)
        plan = Plan(cluster, now, self.weights(cluster.room.total))
        for application in unfinished(cluster, now):
            if not plan.add(application) and self._possible(cluster, application):
                return

    @staticmethod
    def weights(total: Shape) -> Shape:
        """What one unit of each dimension counts, so that each dimension counts as much as the others, in integers."""
        product = 1
        for each in total:
            product *= max(1, each)
        return Shape(*(product // max(1, each) for each in total))


class Plan:
    """What one decision grants, until it is known whether it is worth it."""

    def __init__(self, cluster: Cluster, now: float, weights: Shape) -> None:
        self._cluster = cluster
        self._now = now
        self._weights = weights
        self._planned: list[Application] = []
        self._cores = 0
        """What the cores take that were admitted in this decision, by weight."""
        self._grants: list[tuple[Application, Demand]] = []
        self._used = 0
        """What cores and grants of this decision take, by weight."""

    def add(self, application: Application) -> bool:
        """Plan it too. False, and everything as before, where less is in use with it than without."""
        before, cores = self._used, self._cores
        self._undo()
        admitted = not application.served and self._cluster.admit(application, self._now)
        if admitted:
            self._cores += self._weight(application.request.core_shape)
        if application.served:
            self._planned.append(application)
        self._grant()
        if self._used > before or (admitted and self._cores == cores):
            return True
        if application.served:
            self._undo()
            self._planned.pop()
            self._cores = cores
            if admitted:
                self._cluster.withdraw(application)
            self._grant()
        return False

    def _grant(self) -> None:
        self._used = self._cores
        for application in self._planned:
            for demand in application.request.demands:
                weight = self._weight(demand.shape)
                while application.missing(demand) > 0 and self._cluster.grant(application, demand, self._now):
                    self._grants.append((application, demand))
                    self._used += weight

    def _undo(self) -> None:
        while self._grants:
            self._cluster.pull(*self._grants.pop())

    def _weight(self, shape: Shape) -> int:
        return sum(part * weight for part, weight in zip(shape, self._weights, strict=True))
