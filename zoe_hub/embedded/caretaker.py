"""Ends the service when nobody needs it any more."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from pathlib import Path

from ..model.errors import ServiceUnavailable
from ..nearby import servers
from ..store.base import Store

log = logging.getLogger(__name__)

LOOK = 1.0
"""Seconds between two looks at which servers live."""


class PresentServers:
    """Knows which notebook servers use the service of one home folder."""

    def __init__(self, home: Path) -> None:
        self._home = home

    async def of(self, user: str) -> Collection[str]:
        """Those that live, as their processes show."""
        return await asyncio.to_thread(servers.present, self._home)


class Caretaker:
    """Looks after the service of one home folder. `linger`: seconds to wait for somebody who needs it."""

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
                needed = await self.is_needed()
            except ServiceUnavailable as error:
                needed = True
                log.warning("Whether anybody needs the service is not known: %s", error)
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

    async def is_needed(self) -> bool:
        """Whether there is a notebook server or a live execution. Raises ServiceUnavailable."""
        if await asyncio.to_thread(servers.present, self._home):
            return True
        return bool(await self._store.list(live=True, limit=1))
