"""What a policy is."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from ..cluster import Cluster


class Policy(Protocol):
    """Decides by calling `admit`, `grant` and `reclaim` of a cluster. It has no clock and does no I/O."""

    name: str

    def schedule(self, cluster: Cluster, now: float) -> None:
        """Bring the cluster to where it should be at this moment. A second call at the same moment changes nothing."""


@runtime_checkable
class Timed(Protocol):
    """A policy that waits for moments at which nothing happens."""

    def due(self, cluster: Cluster, now: float) -> float | None:
        """The next moment after `now` at which `schedule` may change something by itself; None: there is none."""
