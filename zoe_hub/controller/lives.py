"""Ends what has been idle, or has run, for too long; not without a warning."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from ..model.errors import UnknownName
from ..model.execution import DesiredState, Execution, ExecutionState
from ..scheduler.lives import Act, Lived, Verdict, judge
from ..secrets import Secrets
from ..store.base import Store
from .activity import BUSY, Seen, look
from .executions import LiveExecutions
from .patience import repeatedly
from .questions import Questions, ask_all

log = logging.getLogger(__name__)

NOTE_EVERY = 60.0
"""Seconds between two notes in the store that the same cluster works."""


def _utc() -> datetime:
    return datetime.now(timezone.utc)


@dataclass
class _Known:
    """What this process saw of a cluster."""

    floor: datetime
    """It may have worked until then: what was seen by the one before us is noted late."""
    mark: str
    worked: datetime | None = None


class Lives:
    """Judges every running execution, again and again. One per database: only who leads may do so.

    A service that was away resets no clock: when a cluster last worked is stored, with the mark by which work
    that nobody watched is seen.
    """

    def __init__(
        self,
        store: Store,
        secrets: Secrets,
        *,
        prefix: str,
        executions: LiveExecutions | None = None,
        interval: float = 30.0,
        note_every: float = NOTE_EVERY,
        clock: Callable[[], datetime] = _utc,
    ) -> None:
        self._store = store
        self._executions = executions or LiveExecutions(store)
        self._secrets = secrets
        self._prefix = prefix
        self._interval = interval
        self._note_every = timedelta(seconds=note_every)
        self._clock = clock
        self._began = clock()
        self._known: dict[str, _Known] = {}

    async def run(self) -> None:
        """Go on until cancelled. Raises StaleLease when another leads."""
        async with Questions(self._secrets, prefix=self._prefix) as questions:
            meanwhile = "Nobody looks just now whose time is up"
            await repeatedly(lambda: self.round(questions), meanwhile, every=self._interval)

    async def round(self, questions: Questions) -> None:
        """Look at every running execution once."""
        await self._executions.refresh()
        running = [execution for execution in self._executions.all() if _lives(execution)]
        self._known = {e.id: self._known[e.id] for e in running if e.id in self._known}
        # One that has only begun is not asked: its processes load what they need for their owner's first job.
        asked = [e for e in running if e.life.running_since and e.plan.lifetime.idle_while(e.tied)]
        seen = await ask_all(asked, lambda execution: look(questions, execution))
        for execution in running:
            try:
                await self._see_to(execution, seen.get(execution.id, BUSY))
            except UnknownName:
                log.debug("Execution %s is not there any more", execution.id)

    async def _see_to(self, execution: Execution, seen: Seen) -> None:
        life, lifetime, now = execution.life, execution.plan.lifetime, self._clock()
        if life.running_since is None:
            await self._note(execution, now, life.mark)
            return
        active = now
        if lifetime.idle_while(execution.tied):
            active = await self._active(execution, life.last_active or life.running_since, seen, now)
        lived = Lived(
            lifetime=lifetime,
            tied=execution.tied,
            began=life.running_since.timestamp(),
            active=active.timestamp(),
            kept=_moment(life.kept_until),
            expires=_moment(life.expires),
            cause=life.cause,
        )
        await self._carry_out(execution, judge(lived, now.timestamp()))

    async def _active(self, execution: Execution, stored: datetime, seen: Seen, now: datetime) -> datetime:
        """When it last worked; noted in the store, but not each time."""
        known = self._known.get(execution.id)
        if known is None:
            before_us = execution.life.running_since is not None and execution.life.running_since < self._began
            floor = min(now, stored + self._note_every) if before_us else stored
            known = self._known[execution.id] = _Known(floor, execution.life.mark)
        if seen.busy or seen.mark != known.mark:
            known.worked, known.mark = now, seen.mark or known.mark
        if known.worked is not None and known.worked > stored and now - stored >= self._note_every:
            await self._note(execution, known.worked, known.mark)
        return max(stored, known.floor, known.worked or stored)

    async def _note(self, execution: Execution, active: datetime, mark: str) -> None:
        await self._store.note_activity(execution.id, active, mark)
        await self._executions.reread(execution.id)

    async def _carry_out(self, execution: Execution, verdict: Verdict) -> None:
        if verdict.act is Act.FORGIVE:
            await self._store.forgive(execution.id)
        if verdict.cause is None:
            return
        lifetime = execution.plan.lifetime
        why = verdict.cause.why(lifetime, execution.tied)
        if verdict.act is Act.WARN:
            # A whole second, so that reading it back gives the same.
            expires = datetime.fromtimestamp(math.ceil(verdict.at), timezone.utc)
            await self._store.warn(execution.id, expires, verdict.cause, why, verdict.cause.advice(lifetime))
            log.info("Execution %s ends at %s: %s", execution.id, expires.isoformat(), why)
        elif verdict.act is Act.END and execution.life.expires is not None:
            await self._store.expire(execution.id, execution.life.expires, why)
            log.info("Execution %s ends now: %s", execution.id, why)


def _moment(time: datetime | None) -> float | None:
    return None if time is None else time.timestamp()


def _lives(execution: Execution) -> bool:
    runs = execution.state in (ExecutionState.RUNNING, ExecutionState.DEGRADED)
    return runs and execution.desired is DesiredState.RUNNING and not execution.plan.lost
