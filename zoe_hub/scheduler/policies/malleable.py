"""The head of the line starts with what there is: the second baseline of *Flexible Scheduling of Distributed
Analytic Applications*.

Source: the elastic policies of the authors' simulator (`PolicyModes.elasticPolicies` in
`schedulers/ZoeSimulation.scala`, commit b1a3788). The head takes its core and as many elastic instances as fit, and
blocks the line until it holds all of them. What it was granted is not taken back.

Differences from the published one:

- Nodes are tried in the order in which they were given, not at random, so that a history replays to the same end.
- A request that would not fit on empty nodes, core and elastic together, does not block the line. The authors throw it
  out of the line, with what it had been granted until then; here it stays in line, starts when its core fits, and
  grows when there is room.
- Core instances that lost their node are placed again before anybody gets anything. The published model has no
  failures.
"""

from __future__ import annotations

from ..cluster import Cluster
from .line import Line, grow
from .possible import Possible


class Malleable:
    """The head takes its core and whatever fits, and blocks the line until it is complete."""

    name = "malleable"

    def __init__(self) -> None:
        self._possible = Possible(whole=True)
        self._line = Line()

    def schedule(self, cluster: Cluster, now: float) -> None:
        self._line.refresh(cluster, now)
        self._line.restore_cores(cluster, now)
        for application in self._line.unfinished(cluster, now):
            started = application.served or cluster.admit(application, now)
            if (not started or not grow(cluster, application, now)) and self._possible(cluster, application):
                return
