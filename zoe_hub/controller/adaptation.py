"""Lets clusters follow their load: looks, judges, and stores another wished size with its reason."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from ..model.adaptation import Adaptation
from ..model.durations import format_seconds
from ..model.errors import Conflict, QuotaExceeded, UnknownName, ZoeError
from ..model.execution import DesiredState, Execution, ExecutionState, InstanceState
from ..model.plan import Plan
from ..scheduler.adaptation import START, Course, adapt
from ..secrets import Secrets
from ..store.base import Store
from .executions import LiveExecutions
from .live import SETTLING
from .load import Told, look
from .patience import repeatedly
from .questions import Questions, ask_all

log = logging.getLogger(__name__)

Resized = Callable[[Plan, Mapping[str, Any]], Plan]
"""The plan with other parameters. Raises InvalidRequest where more than counts of instances would differ."""


class Adaptations:
    """Looks at every running cluster that follows its load. One per database: only who leads may do so.

    The bounds are stored. What is remembered between two looks is not: a service that takes over begins to wait anew
    before it gives workers back.
    """

    def __init__(
        self,
        store: Store,
        secrets: Secrets,
        resized: Resized,
        *,
        prefix: str,
        executions: LiveExecutions | None = None,
        interval: float = 2.0,
        hold: float = 60.0,
        settling: float = SETTLING,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._executions = executions or LiveExecutions(store)
        self._secrets = secrets
        self._resized = resized
        self._prefix = prefix
        self._interval = interval
        self._hold = hold
        self._settling = settling
        self._clock = clock
        self._since: dict[str, float] = {}
        self._courses: dict[str, tuple[Adaptation, Course]] = {}
        self._refused: dict[str, tuple[object, ...]] = {}
        """What was told of the last refusal, of those that were refused since they grew."""

    async def run(self) -> None:
        """Go on until cancelled. Raises StaleLease when another leads."""
        async with Questions(self._secrets, prefix=self._prefix) as questions:
            meanwhile = "No cluster follows its load just now"
            await repeatedly(lambda: self.round(questions), meanwhile, every=self._interval)

    async def round(self, questions: Questions) -> None:
        """Look at every cluster that follows its load once."""
        await self._executions.refresh()
        following = [execution for execution in self._executions.all() if _follows(execution)]
        now = self._clock()
        # Processes that have only begun load what they need for their owner's first job.
        self._since = {execution.id: self._since.get(execution.id, now) for execution in following}
        settled = [execution for execution in following if now - self._since[execution.id] >= self._settling]
        self._courses = {e.id: self._courses[e.id] for e in settled if e.id in self._courses}
        self._refused = {e.id: self._refused[e.id] for e in settled if e.id in self._refused}
        told = await ask_all(settled, lambda execution: look(questions, execution, _size(execution)))
        for execution in settled:
            try:
                await self._see_to(execution, told.get(execution.id), now)
            except (Conflict, UnknownName) as error:
                # Somebody else was faster: with what they stored, the next look begins anew.
                log.debug("Execution %s: %s", execution.id, error)
                self._courses.pop(execution.id, None)

    async def _see_to(self, execution: Execution, told: Told | None, now: float) -> None:
        bounds, scales = execution.adaptation, execution.plan.scales
        if bounds is None or scales is None:
            return
        size = _size(execution)
        known, course = self._courses.get(execution.id, (bounds, START))
        hold = self._hold if bounds.hold is None else float(bounds.hold)
        load = None if told is None else told.load
        wanted, course = adapt(load, size, bounds, course if known == bounds else START, now, hold)
        self._courses[execution.id] = bounds, course
        if wanted == size:
            self._refused.pop(execution.id, None)
            return
        parameters = {**execution.parameters, scales: wanted}
        try:
            plan = self._resized(execution.plan, {scales: wanted})
        except ZoeError as error:
            await self._store.explain_adaptation(execution.id, bounds, f"stays at {size}: {error}")
            return
        why = _why(told, _ready(execution, plan), size, wanted, bounds, hold)
        reason = f"{why}: {size} -> {wanted} {scales.replace('_', ' ')}"
        try:
            await self._store.resize(execution.id, bounds, parameters, plan, read=execution.parameters, reason=reason)
        except QuotaExceeded as error:
            # How much is used changes all the time, such as hours: that is no news.
            refused = bounds, size, *(error.quota.get(key) for key in ("subject", "dimension", "limit"))
            if self._refused.get(execution.id) != refused:
                await self._store.explain_adaptation(execution.id, bounds, f"stays at {size}: {error}")
                self._refused[execution.id] = refused
            return
        self._refused.pop(execution.id, None)
        log.info("Execution %s: %s", execution.id, reason)


def _why(told: Told | None, ready: int, size: int, wanted: int, bounds: Adaptation, hold: float) -> str:
    if told is None or bounds.clamp(size) != size:
        return f"its bounds are {bounds.minimum} to {bounds.maximum}"
    if wanted < size:
        return f"fewer were enough for {format_seconds(hold)}"
    waiting = told.waiting(ready)
    if waiting:
        return f"{waiting} task{'' if waiting == 1 else 's'} wait{'s' if waiting == 1 else ''}"
    return f"its framework asks for {told.load.useful}"


def _follows(execution: Execution) -> bool:
    runs = execution.state in (ExecutionState.RUNNING, ExecutionState.DEGRADED)
    return (
        execution.adaptation is not None
        and runs
        and execution.desired is DesiredState.RUNNING
        and not execution.plan.lost
    )


def _size(execution: Execution) -> int:
    """How many workers are wished; the plan's number is resolved."""
    return int(execution.plan.parameters.get(execution.plan.scales or "", 0))


def _ready(execution: Execution, plan: Plan) -> int:
    """How many workers work: instances of the processes that are elastic in the plan."""
    elastic = {process.key for process in plan.processes if process.elastic}
    return sum(i.process in elastic and i.state is InstanceState.READY for i in execution.instances)
