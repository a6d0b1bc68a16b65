"""Who waits for events, and how they hear of them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from ..logs import aside
from ..model.errors import ServiceUnavailable

POLL_INTERVAL = 1.0
"""Seconds between two looks for what other processes wrote, while somebody waits."""


class Announcements:
    """Wakes waiters when a newer event was committed. Belongs to one event loop."""

    def __init__(self, last_seq: Callable[[], Awaitable[int]]) -> None:
        self._last_seq = last_seq
        self._seen = 0
        self._waiters: set[asyncio.Future[None]] = set()
        self._poll: asyncio.Task[None] | None = None
        self._closed = False

    def announce(self, seq: int) -> None:
        """An event with this number was committed."""
        if seq > self._seen:
            self._seen = seq
            self._wake()

    async def wait(self, after: int, timeout: float) -> bool:
        """Return true as soon as there is an event newer than `after`; false after `timeout` seconds or `close`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        if self._seen <= after and not self._closed:
            self.announce(await self._last_seq())
        while self._seen <= after and not self._closed and (remaining := deadline - loop.time()) > 0:
            await self._wait_for_news(remaining)
        # Who asks again and again must leave others room, also when there is no more to wait for.
        await asyncio.sleep(0)
        return self._seen > after

    async def _wait_for_news(self, timeout: float) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        if self._poll is None or self._poll.done():
            self._poll = aside(self._poll_while_awaited())
        try:
            await asyncio.wait([waiter], timeout=timeout)
        finally:
            self._waiters.discard(waiter)

    async def _poll_while_awaited(self) -> None:
        while True:
            await asyncio.sleep(POLL_INTERVAL)
            if not self._waiters:
                return
            # The next one to read learns why; for those who only wait, it may be over in a second.
            with contextlib.suppress(ServiceUnavailable):
                self.announce(await self._last_seq())

    async def close(self) -> None:
        """Let all waiters go."""
        self._closed = True
        self._wake()
        if self._poll is not None:
            self._poll.cancel()
            await asyncio.gather(self._poll, return_exceptions=True)

    def _wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
