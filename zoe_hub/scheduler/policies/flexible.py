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
- An application whose core takes nothing at all goes on with the decision, and so does one that is granted elastic
  instances which take nothing: they cannot make free resources shrink.
- Nodes are tried in the order in which they were given, not at random, so that a history replays to the same end.
- A core that would not fit on empty nodes is passed over. In the authors' simulator it ends each decision, for ever.
- Core instances that lost their node are placed again before anybody gets anything. The published model has no
  failures.
"""

from __future__ import annotations

from ..cluster import Application, Cluster
from ..packing import fits
from ..requests import Demand
from ..shapes import Shape
from .line import Line
from .possible import Possible

Grant = tuple[Application, Demand, int]
"""To whom, of which, and on which node."""


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
        self.grants: list[Grant] = []
        self._used = 0
        """What cores and grants of this decision take, by weight."""

    def add(self, application: Application) -> bool:
        """Plan it too. False, and everything as before, where no more is in use with it than without."""
        return self._add_served(application) if application.served else self._add_waiting(application)

    def _add_served(self, application: Application) -> bool:
        """To undo what is planned, and to grant it again, would change nothing: it has its core."""
        used, mark = self._used, len(self.grants)
        self._planned.append(application)
        self._grant(application)
        if self.worthwhile(used) or any(demand.shape == Shape() for _, demand, _ in self.grants[mark:]):
            return True
        self._planned.pop()
        self._undo(mark)
        self._used = used
        self.revert()
        return False

    def _add_waiting(self, application: Application) -> bool:
        if not self.could_admit(application):
            return False
        used, cores = self._used, self._cores
        undone = self._undo()
        self._used = cores
        if self.admit(application):
            shape = application.request.core_shape
            self._cores = self._used = cores + self._weight(shape)
            self.admitted += 1
            self._planned.append(application)
            for each in self._planned:
                self._grant(each)
            if self.worthwhile(used) or shape == Shape():
                return True
            self._undo()
            self._planned.pop()
            self.admitted -= 1
            self._cores = cores
            self.cluster.withdraw(application)
        self.revert()
        for each, demand, node in undone:
            self.cluster.put(each, demand, node)
        self.grants = undone
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

    def could_admit(self, application: Application) -> bool:
        """Whether its core fits once what is planned is undone; found out without undoing it, which takes long."""
        soon = self.cluster.room.soon
        for _, demand, node in self.grants:
            soon.add(node, demand.shape, silent=True)
        found = fits(soon, application.request.core_wish)
        for _, demand, node in self.grants:
            soon.add(node, demand.shape, -1, silent=True)
        return found

    def _grant(self, application: Application) -> None:
        for demand in application.request.demands:
            weight, placed = self._weight(demand.shape), application.placed[demand.key]
            while application.missing(demand) > 0 and self.grant(application, demand):
                self.grants.append((application, demand, placed[-1]))
                self._used += weight

    def _undo(self, mark: int = 0) -> list[Grant]:
        """Take the grants back that were planned since then; which they were."""
        undone, self.grants[mark:] = self.grants[mark:], []
        for application, demand, _ in reversed(undone):
            self.cluster.pull(application, demand)
        return undone

    def _weight(self, shape: Shape) -> int:
        return sum(part * weight for part, weight in zip(shape, self._weights, strict=True))
