"""What a policy is."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from ..cluster import Cluster


class Policy(Protocol):
    """Decides by calling `admit`, `grant` and `reclaim` of a cluster. It has no clock and does no I/O.

    Quotas are kept by the cluster: `waiting` leaves out whom one holds back, `admit` and `grant` refuse what one does
    not allow. Who was refused so is among `Cluster.hindered`, and must not block the line: others have no part in it.
    """

    name: str

    def schedule(self, cluster: Cluster, now: float) -> None:
        """Bring the cluster to where it should be at this moment. A second call at the same moment changes nothing."""


@runtime_checkable
class Timed(Protocol):
    """A policy that waits for moments at which nothing happens."""

    def due(self, cluster: Cluster, now: float) -> float | None:
        """The next moment after `now` at which `schedule` may change something by itself; None: there is none."""


@runtime_checkable
class CoresFirst(Protocol):
    """A policy that takes elastic instances back for cores, also where only a quota is in the way of these."""

    cores_first: bool
