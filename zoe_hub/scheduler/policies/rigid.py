"""All or nothing: the baseline that *Flexible Scheduling of Distributed Analytic Applications* compares with.

Source: the rigid policies of the authors' simulator (`PolicyModes.rigidPolicies` in `schedulers/ZoeSimulation.scala`,
commit b1a3788). The head of the line needs its core and its elastic instances at once; nobody overtakes it.

Differences from the published one:

- Nodes are tried in the order in which they were given, not at random, so that a history replays to the same end.
- A request that would not fit on empty nodes is passed over instead of thrown away: nodes may come, and its owner
  can read why it waits. It does not block the line in either.
- Instances that lost their node, or that were asked for later, are granted where they fit, before anybody new starts.
  The published model has neither.
"""

from __future__ import annotations

from ..cluster import Application, Cluster
from .line import Line, grow
from .possible import Possible


class Rigid:
    """The head of the line needs its core and its elastic instances at once; nobody overtakes it."""

    name = "rigid"

    def __init__(self) -> None:
        self._possible = Possible(whole=True)
        self._line = Line()

    def schedule(self, cluster: Cluster, now: float) -> None:
        line = self._line
        line.refresh(cluster, now)
        line.restore_cores(cluster, now)
        for application in line.short(cluster, now):
            grow(cluster, application, now)
        for application in line.waiting(cluster, now):
            if not self._place_all(cluster, application, now) and self._possible(cluster, application):
                return

    @staticmethod
    def _place_all(cluster: Cluster, application: Application, now: float) -> bool:
        if not cluster.admit(application, now):
            return False
        if not grow(cluster, application, now):
            cluster.withdraw(application)
            return False
        return True
