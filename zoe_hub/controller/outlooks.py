"""What is to be expected of a start, found out by any service from what is stored: also by one that does not lead."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from typing import TypeVar

from ..model.execution import DesiredState, Execution, ExecutionState
from ..model.outlook import Outlook
from ..model.plan import Plan
from ..model.resources import Node
from ..scheduler.quotas import InForce
from ..scheduler.scheduler import Scheduler
from .executions import LiveExecutions
from .quotas import QuotaWatch
from .scheduling import Scheduling

_AS_OF = 1.0
"""Seconds for which a place in the line is told as it was read: many ask at once when many wait."""
_KEPT = 30.0
"""Seconds after which another one is made for foreseeing: it knows less and less of how long something was held."""

T = TypeVar("T")


class Outlooks:
    """Answers from schedulers of its own, which decide nothing. They are kept in step with what is stored: to make one
    takes long when many wait. `clock` says the seconds since 1970."""

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
        self._kept = Scheduling(make, weights)
        self._kept_since = -math.inf
        # One thread: with a long line an answer takes a while, and others are not to wait for it.
        self._aside = ThreadPoolExecutor(1, "outlooks")

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
        seen = await self._see(asked)
        return await self._aside_of_the_loop(partial(self._foresee, seen, asked, now))

    async def of_waiting(self, executions: Collection[Execution]) -> Mapping[str, Outlook]:
        """Of those that are in line, by identifier; others are left out."""
        queued = [execution.id for execution in executions if execution.state is ExecutionState.QUEUED]
        if not queued:
            return {}
        now = self._clock()
        seen = None
        if abs(now - self._line_read) >= _AS_OF or not all(name in self._line.cluster.applications for name in queued):
            seen = await self._see()
            self._line_read = now
        return await self._aside_of_the_loop(partial(self._expect, seen, queued, now))

    async def _see(self, *asked: Execution) -> _Seen:
        nodes = await self._nodes()
        await self._executions.refresh()
        live = [*self._executions.all()]
        quotas = await self._quotas.look([*live, *asked]) if self._quotas else None
        return _Seen(live, nodes, quotas)

    async def _aside_of_the_loop(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._aside, work)

    # In the thread, one after the other

    def _foresee(self, seen: _Seen, asked: Execution, now: float) -> Outlook:
        if not 0 <= now - self._kept_since < _KEPT:
            self._kept, self._kept_since = Scheduling(self._make, self._weights), now
        kept = self._kept
        kept.update(seen.live, seen.nodes, now, quotas=seen.quotas)
        found = kept.foresee(kept.request(asked), now)
        if kept.spoilt:
            # What it decided about others is not to be.
            self._kept_since = -math.inf
        return found

    def _expect(self, seen: _Seen | None, queued: list[str], now: float) -> Mapping[str, Outlook]:
        if seen is not None:
            self._line.update(seen.live, seen.nodes, now, quotas=seen.quotas)
        return self._line.expected(queued, now)


@dataclass(frozen=True)
class _Seen:
    """What is to be scheduled, as it was read."""

    live: Sequence[Execution]
    nodes: Sequence[Node]
    quotas: InForce | None
