"""What a policy is."""

from __future__ import annotations

from typing import Protocol

from ..cluster import Cluster


class Policy(Protocol):
    """Decides by calling `admit`, `grant` and `reclaim` of a cluster. It has no clock and does no I/O."""

    name: str

    def schedule(self, cluster: Cluster, now: float) -> None:
        """Bring the cluster to where it should be at this moment. A second call at the same moment changes nothing."""
