"""Deletes what need not be kept: executions that ended long ago, or too many, and plans that nothing refers to."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta, timezone

from ..backends.base import Backend
from ..store.base import Store
from .patience import repeatedly

log = logging.getLogger(__name__)

_BATCH = 50
"""Executions deleted in one transaction: others want to write too."""
_PLANS = 200
_PAUSE = 0.05
"""Seconds between two batches."""


class Retention:
    """In the service that leads only. `days` 0 keeps ended executions for ever, `most` 0 any number of them.

    What ended within the last `grace` seconds stays: somebody may be waiting to hear of its end.

    The back end forgets first, the store afterwards: who is killed between the two begins again with the same
    executions.
    """

    def __init__(
        self,
        store: Store,
        backend: Backend,
        *,
        days: float,
        most: int,
        interval: float = 600.0,
        grace: float = 60.0,
    ) -> None:
        self._store = store
        self._backend = backend
        self._keep = timedelta(days=days) if days else None
        self._most = most or None
        self._interval = interval
        self._grace = timedelta(seconds=grace)

    async def run(self) -> None:
        """Go on for ever. What cannot be deleted now is tried again at the next look. Raises StaleLease."""
        await repeatedly(self.look, "What need not be kept could not be deleted", every=self._interval)

    async def look(self) -> int:
        """Delete all that need not be kept now. Returns how many executions that were."""
        count = 0
        failed: set[str] = set()
        while True:
            now = datetime.now(timezone.utc)
            found = await self._store.disposable(
                before=None if self._keep is None else now - self._keep,
                most=self._most,
                limit=_BATCH + len(failed),
                until=now - self._grace,
            )
            batch = [execution for execution in found if execution not in failed]
            if not batch:
                break
            for execution in batch:
                try:
                    await self._backend.forget(execution)
                except OSError:
                    log.exception("What is left of execution %s could not be deleted; it is tried again", execution)
                    failed.add(execution)
            count += await self._store.dispose([execution for execution in batch if execution not in failed])
            await asyncio.sleep(_PAUSE)
        unused = _PLANS
        while unused == _PLANS:
            unused = await self._store.tidy(limit=_PLANS)
            await asyncio.sleep(_PAUSE)
        if count:
            log.info("%d ended executions were deleted", count)
        return count
