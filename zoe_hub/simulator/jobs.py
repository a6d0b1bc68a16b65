"""What is simulated: jobs that arrive, and the machines that they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ..model.resources import Node
from ..scheduler.requests import BATCH, Demand, Request


@dataclass(frozen=True)
class Job:
    """One application of a workload, with what no scheduler knows: how long it really works."""

    number: int
    """Unique; the later of two that arrive at once has the higher one."""
    submitted: float
    """Seconds from the workload's beginning."""
    seconds: float
    """T of the paper's work model: how long it runs with everything that it asks for."""
    demands: tuple[Demand, ...]
    user: int = 0
    priority: int = BATCH
    kept: bool = False
    """Its owner ends it, not its work: it takes `seconds`, whatever is granted, and nobody can estimate them."""

    @cached_property
    def id(self) -> str:
        """What a scheduler knows it by: sorts as the numbers do."""
        return f"{self.number:08d}"

    @property
    def user_name(self) -> str:
        """What a scheduler, and a file of quotas, calls its user."""
        return f"u{self.user}"

    @cached_property
    def components(self) -> int:
        """C + E in the paper."""
        return sum(demand.core + demand.elastic for demand in self.demands)

    def request(self, error: float = 1.0) -> Request:
        """What a scheduler is told; `error` times the seconds is the estimate."""
        return Request(
            id=self.id,
            user=self.user_name,
            submitted=self.submitted,
            demands=self.demands,
            priority=self.priority,
            size=None if self.kept else self.seconds * error,
        )


@dataclass(frozen=True)
class Workload:
    """Jobs in the order of their arrival, and the nodes on which they arrived or are to run."""

    jobs: Sequence[Job]
    nodes: Sequence[Node]
