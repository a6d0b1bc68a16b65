"""Ends what a notebook server left behind, and the service when nobody needs it any more."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from ..model.errors import ServiceUnavailable
from ..nearby import servers
from ..store.base import Store

log = logging.getLogger(__name__)

LOOK = 1.0
"""Seconds between two looks at which servers live."""
_GONE = "the end of its notebook server"


class Caretaker:
    """Looks at the servers of one home folder. `linger`: seconds to wait for somebody who needs the service."""

    def __init__(self, store: Store, home: Path, *, linger: float) -> None:
        self._store = store
        self._home = home
        self._linger = linger
        self.nothing_left = False
        """Whether `run` returned because there was nothing to look after."""

    async def run(self) -> None:
        """Return when there has been neither a notebook server nor a live execution for a while."""
        clock = asyncio.get_running_loop().time
        idle: float | None = None
        while True:
            try:
                needed = await self.look()
            except ServiceUnavailable as error:
                needed = True
                log.warning("Whose clusters have lost their notebook server is not known: %s", error)
            if needed:
                idle = None
            elif idle is None:
                idle = clock()
            elif clock() - idle >= self._linger:
                break
            if not self._home.is_dir():
                log.warning("The folder %s is gone: the service ends", self._home)
                return
            await asyncio.sleep(LOOK)
        log.info("Nobody needs the service any more")
        self.nothing_left = True

    async def look(self) -> bool:
        """End what is tied to a server that is gone. Whether anybody needs the service."""
        # What is stored after this look is tied to servers that live now, or is found by the next one.
        there = await asyncio.to_thread(servers.present, self._home)
        live = await self._store.list(live=True, limit=None)
        for execution in live:
            if execution.attachment is not None and execution.attachment.server not in there:
                await self._store.terminate(execution.id, by=_GONE)
        return bool(there or live)
