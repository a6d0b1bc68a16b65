"""One workload under several policies and orders."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ..model.quotas import Quotas
from ..scheduler import methods
from .engine import Conditions, Outcome, Simulation
from .jobs import Workload
from .measures import Summary, summarise

_OFTEN = 256
"""Moments between two words about how far a simulation is."""


@dataclass(frozen=True)
class Run:
    """What came of a workload under one policy and one order."""

    policy: str
    order: str
    outcome: Outcome
    summary: Summary

    def document(self) -> dict[str, object]:
        """For programs."""
        return {"policy": self.policy, "order": self.order, **self.summary.document()}


def runs(
    workload: Workload,
    policies: Sequence[str],
    orders: Sequence[str],
    conditions: Conditions,
    progress: Callable[[str, str, int], None] = lambda policy, order, ended: None,
    quotas: Quotas | None = None,
) -> Iterator[Run]:
    """Each policy under each order; `progress` is told now and then how many jobs have ended. Raises UnknownName."""
    chosen = [(policy, order, methods.policy(policy), methods.order(order)) for order in orders for policy in policies]
    for policy, order, decides, sorts in chosen:
        simulation = Simulation(workload, decides, sorts, conditions, quotas=quotas)
        for number, (_, ended) in enumerate(simulation.steps()):
            if number % _OFTEN == 0:
                progress(policy, order, ended)
        progress(policy, order, len(workload.jobs))
        yield Run(policy, order, simulation.outcome, summarise(simulation.outcome))
