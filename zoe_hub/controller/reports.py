"""What the back end reports, on its way into the store."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable

from ..model.execution import InstanceStatus
from ..store.base import Store
from ..store.changes import InstanceReported
from .patience import surely

log = logging.getLogger(__name__)


class Reports:
    """Stores reports in their order: one by one while they come slowly, together while they come fast."""

    def __init__(self, store: Store, stored: Callable[[], None], *, pause: float) -> None:
        self._store = store
        self._stored = stored
        self._pause = pause
        self._waiting: list[InstanceReported] = []
        self._news = asyncio.Event()

    async def follow(self, changes: AsyncIterator[InstanceStatus]) -> None:
        """Take in everything that is reported, for ever."""
        async for status in changes:
            self._waiting.append(InstanceReported(status))
            self._news.set()

    async def run(self) -> None:
        """Store what was taken in, for ever."""
        while True:
            await self._news.wait()
            self._news.clear()
            waiting, self._waiting = self._waiting, []
            await self.store(waiting)
            self._stored()

    async def store(self, reports: Iterable[InstanceReported]) -> None:
        """Store them, however long the store is away: nobody reports the same change twice."""
        batch = list(reports)
        refused = await surely(
            lambda: self._store.record(batch),
            f"{len(batch)} changes of instances are not stored yet",
            pause=self._pause,
        )
        # Such as what was still on its way when its execution was taken away: it is older than the end.
        for report in refused:
            log.debug("A report about execution %s came after its end", report.execution)
