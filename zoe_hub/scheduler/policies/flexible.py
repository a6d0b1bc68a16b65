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
from .line import Line
from .possible import Possible


class Flexible:
    """Admits cores while that, with the elastic instances granted behind them, leaves less free."""

    name = "flexible"

    def __init__(self) -> None:
        self._possible = Possible(whole=False)
        self.line = Line()

    def schedule(self, cluster: Cluster, now: float) -> None:
        self.line.refresh(cluster, now)
        self.line.restore_cores(cluster, now)
        while self._pass(cluster, now):
            pass

    def _pass(self, cluster: Cluster, now: float) -> bool:
        """Go through the line once. Whether anything changed: as the authors do, one goes on until nothing does."""
        self.line.refresh(cluster, now)
        plan = self.make_plan(cluster, now)
        for application in self.line.unfinished(cluster, now):
            if not plan.add(application) and self._possible(cluster, application):
                break
        return plan.settle()

    def make_plan(self, cluster: Cluster, now: float) -> Plan:
        """For one pass."""
        return Plan(cluster, now, self.weights(cluster.room.total))

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
        self.cluster = cluster
        self.now = now
        self._weights = weights
        self._planned: list[Application] = []
        self.admitted = 0
        """Applications, in this pass."""
        self._cores = 0
        """What the cores take that were admitted in this decision, by weight."""
        self.grants: list[tuple[Application, Demand]] = []
        self._used = 0
        """What cores and grants of this decision take, by weight."""

    def add(self, application: Application) -> bool:
        """Plan it too. False, and everything as before, where no more is in use with it than without."""
        used, cores = self._used, self._cores
        undone = self._undo()
        admitted = not application.served and self.admit(application)
        if admitted:
            self.admitted += 1
            self._cores += self._weight(application.request.core_shape)
        if application.served:
            self._planned.append(application)
            self._grant()
            if self.worthwhile(used) or (admitted and application.request.core_shape == Shape()):
                return True
            self._undo()
            self._planned.pop()
        if admitted:
            self.admitted -= 1
            self._cores = cores
            self.cluster.withdraw(application)
        self.revert()
        for each, demand, node in undone:
            self.cluster.put(each, demand, node)
            self.grants.append((each, demand))
        self._used = used
        return False

    def settle(self) -> bool:
        """All that is planned holds. Whether that is anything."""
        return self.admitted > 0 or bool(self.grants)

    def admit(self, application: Application) -> bool:
        """Place its core, all or none."""
        return self.cluster.admit(application, self.now)

    def grant(self, application: Application, demand: Demand) -> bool:
        """Place one more instance."""
        return self.cluster.grant(application, demand, self.now)

    def worthwhile(self, used: int) -> bool:
        """Whether more is in use than what was before the last step."""
        return self._used > used

    def revert(self) -> None:
        """Undo what the last step did besides granting and admitting."""

    def _grant(self) -> None:
        self._used = self._cores
        for application in self._planned:
            for demand in application.request.demands:
                weight = self._weight(demand.shape)
                while application.missing(demand) > 0 and self.grant(application, demand):
                    self.grants.append((application, demand))
                    self._used += weight

    def _undo(self) -> list[tuple[Application, Demand, int]]:
        """Take the grants back that were planned; which, and where."""
        undone = [(*grant, self.cluster.pull(*grant)) for grant in reversed(self.grants)]
        self.grants.clear()
        return undone[::-1]

    def _weight(self, shape: Shape) -> int:
        return sum(part * weight for part, weight in zip(shape, self._weights, strict=True))
