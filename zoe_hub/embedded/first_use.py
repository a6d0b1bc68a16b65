"""Prepares frameworks for fast starts when they are first used, in the background."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import psutil

from ..catalogue import Catalogue
from ..model.errors import ServiceUnavailable
from ..model.execution import ExecutionState
from ..preparation import POLITELY, Preparation
from ..store.base import Store

log = logging.getLogger(__name__)

LOOK = 5.0
"""Seconds between two looks at what runs."""
SETTLED = 60.0
"""Seconds for which a cluster has run before: whoever started it begins with a question, and waits for the answer."""
ROOM = 3 * 2**30
"""Bytes of memory that must be free: a preparation may run a whole cluster."""


class FirstUse:
    """Waits until somebody has had a cluster for a while, because until then it would only be in the way."""

    def __init__(self, store: Store, catalogue: Catalogue, cache: Path) -> None:
        self._store = store
        self._catalogue = catalogue
        self._cache = cache
        self._seen: set[str] = set()
        self._since: dict[str, float] = {}

    async def run(self) -> None:
        """Go on until cancelled; a preparation that is under way then is ended."""
        while True:
            try:
                executions = await self._store.list(live=True, limit=None)
            except ServiceUnavailable:
                executions = ()
            now = asyncio.get_running_loop().time()
            used = {f.name for e in executions if e.state is ExecutionState.RUNNING for f in e.plan.frameworks}
            self._since = {name: self._since.get(name, now) for name in used}
            settled = {name for name, since in self._since.items() if now - since >= SETTLED} - self._seen
            if settled and psutil.virtual_memory().available >= ROOM:
                for preparation, name in self._of(settled):
                    await self._prepare(preparation, name)
                self._seen |= settled
            await asyncio.sleep(LOOK)

    def _of(self, names: set[str]) -> Iterator[tuple[Preparation, str]]:
        self._catalogue.refresh()
        for name in sorted(names & self._catalogue.frameworks.keys()):
            framework = self._catalogue.frameworks[name]
            if framework.preparation is not None:
                yield Preparation(framework, self._catalogue.folder(name), self._cache, before=POLITELY), name

    async def _prepare(self, preparation: Preparation, name: str) -> None:
        log.info("Preparing %s for fast starts", name)
        running = asyncio.ensure_future(asyncio.to_thread(preparation.run))
        try:
            seconds, wrong = await asyncio.shield(running)
        except asyncio.CancelledError:
            preparation.stop()
            await running
            raise
        if wrong:
            log.warning("%s is not prepared and goes on starting more slowly: %s", name, wrong)
        else:
            log.info("%s is prepared, in %.0f s", name, seconds)
