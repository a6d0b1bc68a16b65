"""What is to be expected of a start, found out by any service from what is stored: also by one that does not lead."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime, timezone

from ..model.execution import DesiredState, Execution, ExecutionState
from ..model.outlook import Outlook
from ..model.plan import Plan
from ..model.resources import Node
from ..scheduler.scheduler import Scheduler
from .executions import LiveExecutions
from .quotas import QuotaWatch
from .scheduling import Scheduling

_AS_OF = 1.0
"""Seconds for which a place in the line is told as it was read: many ask at once when many wait."""


class Outlooks:
    """Answers from a scheduler of its own, which decides nothing. `clock` says the seconds since 1970."""

    def __init__(
        self,
        executions: LiveExecutions,
        nodes: Callable[[], Awaitable[Sequence[Node]]],
        make: Callable[[], Scheduler],
        clock: Callable[[], float],
        quotas: QuotaWatch | None = None,
        weights: Mapping[str, float] | None = None,
    ) -> None:
        self._executions = executions
        self._nodes = nodes
        self._make = make
        self._clock = clock
        self._quotas = quotas
        self._weights = weights
        self._line = Scheduling(make, weights)
        self._line_read = -_AS_OF

    async def of_plan(self, owner: str, plan: Plan, groups: tuple[str, ...] = ()) -> Outlook:
        """Of a plan that this user would submit now."""
        now = self._clock()
        asked = Execution(
            id="~",
            owner=owner,
            groups=groups,
            name=plan.zapp,
            zapp=plan.zapp,
            parameters={},
            plan=plan,
            desired=DesiredState.RUNNING,
            state=ExecutionState.QUEUED,
            created=datetime.fromtimestamp(now, timezone.utc),
            updated=datetime.fromtimestamp(now, timezone.utc),
        )
        # A throw-away one, as what it would decide is not to be.
        scheduling = await self._update(Scheduling(self._make, self._weights), now, asked)
        return scheduling.foresee(scheduling.request(asked), now)

    async def of_waiting(self, executions: Collection[Execution]) -> Mapping[str, Outlook]:
        """Of those that are in line, by identifier; others are left out."""
        queued = [execution.id for execution in executions if execution.state is ExecutionState.QUEUED]
        if not queued:
            return {}
        now = self._clock()
        if abs(now - self._line_read) >= _AS_OF or not all(name in self._line.cluster.applications for name in queued):
            await self._update(self._line, now)
            self._line_read = now
        return self._line.expected(queued, now)

    async def _update(self, scheduling: Scheduling, now: float, *asked: Execution) -> Scheduling:
        nodes = await self._nodes()
        await self._executions.refresh()
        live = self._executions.all()
        quotas = await self._quotas.look([*live, *asked]) if self._quotas else None
        scheduling.update(live, nodes, now, quotas=quotas)
        return scheduling
