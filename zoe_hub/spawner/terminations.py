"""Executions that must end, remembered until the service has heard of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping

from ..model.errors import NotPermitted, ServiceUnavailable, UnknownName, ZoeError

log = logging.getLogger("jupyterhub.zoe")

_RUNNING: set[asyncio.Task[None]] = set()
"""Keeps tasks alive: the spawner that made them is dropped by the Hub as soon as its server has stopped."""


def keep_alive(task: asyncio.Task[None]) -> asyncio.Task[None]:
    """Hold a reference to a task until it is done."""
    _RUNNING.add(task)
    task.add_done_callback(_RUNNING.discard)
    return task


class Terminations:
    """Executions to be terminated, each with the key of its process that is the user server.

    `terminate` is called with both. It may be repeated without harm.
    """

    def __init__(
        self, terminate: Callable[[str, str], Awaitable[None]], delays: Iterable[float] = (1, 2, 5, 10, 30)
    ) -> None:
        self._terminate = terminate
        self._delays = tuple(delays)
        self._owed: dict[str, str] = {}
        self._task: asyncio.Task[None] | None = None
        self._trying = asyncio.Lock()

    @property
    def owed(self) -> Mapping[str, str]:
        """What the service has not heard of yet, oldest first: process keys by execution."""
        return dict(self._owed)

    def add(self, execution: str, process: str) -> None:
        """Remember. Nothing is sent before `settle`."""
        self._owed[execution] = process

    async def settle(self) -> None:
        """Terminate what is owed. What cannot be, because the service is away, is tried again in the background."""
        await self._try_all()
        if self._owed and (self._task is None or self._task.done()):
            log.warning("Zoe's service is away; %s will be terminated when it is back", ", ".join(self._owed))
            self._task = keep_alive(asyncio.create_task(self._keep_trying()))

    def settle_later(self) -> None:
        """The same in the background, where nothing can be awaited."""
        if self._owed and (self._task is None or self._task.done()):
            self._task = keep_alive(asyncio.create_task(self._keep_trying()))

    async def _keep_trying(self) -> None:
        attempt = 0
        await self._try_all()
        while self._owed:
            await asyncio.sleep(self._delays[min(attempt, len(self._delays) - 1)])
            await self._try_all()
            attempt += 1

    async def _try_all(self) -> None:
        async with self._trying:
            for execution, process in self.owed.items():
                try:
                    await self._terminate(execution, process)
                except (ServiceUnavailable, NotPermitted) as error:
                    log.debug("Not terminated yet: %s: %s", execution, error)
                    return
                except UnknownName:
                    pass  # it is gone already
                except ZoeError as error:
                    log.warning("Zoe would not terminate %s: %s", execution, error)
                self._owed.pop(execution, None)
