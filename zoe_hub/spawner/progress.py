"""The story of one start, which any number of browser pages may follow from its beginning."""

from __future__ import annotations

import asyncio
import html
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from . import story

_STAGES = (("In the queue", 0), ("Starting", story.ADMITTED), ("Ready", story.READY))
"""What a start goes through, and from which percentage on."""


@dataclass(frozen=True)
class Stage:
    """One part of a start, as a page shows it."""

    name: str
    begins: int
    """The percentage from which on it goes."""
    status: str
    """``done``, ``now`` or ``next``."""
    since: float | None
    """Seconds from the beginning of the start, once it has begun."""
    message: str
    """The newest about it."""


class ProgressLog:
    """Keeps progress events in order. The bar never moves backwards."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began: float | None = None
        self._events: list[dict[str, Any]] = []
        self._changed = asyncio.Event()
        self._closed = False
        self._percent = 0

    def add(self, message: str, percent: int | None = None, **more: Any) -> None:
        """Append an event; without `percent` the bar stays. The same message twice running is told once.

        On the Hub's page each has the time since the first one beside it.
        """
        if self._closed or (self._events and self._events[-1]["message"] == message):
            return
        self._percent = max(self._percent, min(percent or 0, 99))
        now = self._clock()
        self._began = now if self._began is None else self._began
        shown = f'{html.escape(message)} <small class="text-body-secondary">{now - self._began:.1f} s</small>'
        self._events.append(
            {
                "progress": self._percent,
                "message": message,
                "html_message": shown,
                "seconds": round(now - self._began, 1),
                **more,
            }
        )
        self._wake()

    @property
    def seconds(self) -> float:
        """Since the first event; 0 before it."""
        return 0.0 if self._began is None else round(self._clock() - self._began, 1)

    def stages(self) -> list[Stage]:
        """All stages, as far as they have come."""
        found = []
        for index, (name, begins) in enumerate(_STAGES):
            ends = _STAGES[index + 1][1] if index + 1 < len(_STAGES) else 101
            its = [event for event in self._events if begins <= event["progress"] < ends]
            status = "done" if self._percent >= ends else "now" if self._percent >= begins else "next"
            message = its[-1]["message"] if its else ""
            found.append(Stage(name, begins, status, its[0]["seconds"] if its else None, message))
        return found

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
