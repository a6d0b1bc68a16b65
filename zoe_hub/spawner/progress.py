"""The story of one start, which any number of browser pages may follow from its beginning."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any


class ProgressLog:
    """Keeps progress events in order. The bar never moves backwards."""

    def __init__(self) -> None:
        self._events: list[dict[str, Any]] = []
        self._changed = asyncio.Event()
        self._closed = False
        self._percent = 0

    def add(self, message: str, percent: int | None = None, **more: Any) -> None:
        """Append an event; without `percent` the bar stays. The same message twice running is told once."""
        if self._closed or (self._events and self._events[-1]["message"] == message):
            return
        self._percent = max(self._percent, min(percent or 0, 99))
        self._events.append({"progress": self._percent, "message": message, **more})
        self._wake()

    def close(self) -> None:
        """Nothing follows. A second call does nothing."""
        self._closed = True
        self._wake()

    async def follow(self) -> AsyncIterator[dict[str, Any]]:
        """All events, those that were before included, until `close`."""
        position = 0
        while True:
            while position < len(self._events):
                # A copy, because JupyterHub takes keys out of what it is given.
                yield dict(self._events[position])
                position += 1
            if self._closed:
                return
            changed = self._changed
            await changed.wait()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
