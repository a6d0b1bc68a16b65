"""The machines, what of them is granted, and to whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pydantic import Field

from ..model.execution import Execution, ExecutionState
from ..model.resources import Node, Resources
from .views import View


class HolderView(View):
    """What one owner holds now."""

    owner: str
    executions: int = Field(description="That have not ended.")
    waiting: int = Field(description="How many of them are in line.")
    instances: int = Field(description="Granted.")
    holds: Resources


class NodesView(View):
    """The machines."""

    nodes: list[Node]
    capacity: Resources = Field(description="Of all machines together.")
    granted: Resources = Field(description="Handed out to everybody's executions.")
    holders: list[HolderView] = Field(description="Who holds the most first; for administrators only, others get none.")

    @classmethod
    def of(cls, nodes: Sequence[Node], live: Sequence[Execution], *, told: bool) -> NodesView:
        """`told`: whether the holders are."""
        return cls(
            nodes=list(nodes),
            capacity=sum((node.capacity for node in nodes), Resources()),
            granted=sum((holding(execution, execution.granted) for execution in live), Resources()),
            holders=holders(live) if told else [],
        )


def holding(execution: Execution, granted: Mapping[str, int]) -> Resources:
    """What an execution holds of the machines with so many instances."""
    if execution.holds is not None:
        return execution.holds[0] if any(granted.values()) else Resources()
    return sum((p.resources * int(granted.get(p.key, 0)) for p in execution.plan.processes), Resources())


def holders(live: Iterable[Execution]) -> list[HolderView]:
    """Owners of what has not ended, who holds the most first."""
    found: dict[str, list[Execution]] = {}
    for execution in live:
        found.setdefault(execution.owner, []).append(execution)
    views = [
        HolderView(
            owner=owner,
            executions=len(its),
            waiting=sum(each.state is ExecutionState.QUEUED for each in its),
            instances=sum(sum(each.granted.values()) for each in its),
            holds=sum((holding(each, each.granted) for each in its), Resources()),
        )
        for owner, its in found.items()
    ]
    return sorted(views, key=lambda each: (-each.holds.cpu, -each.holds.memory, each.owner))
