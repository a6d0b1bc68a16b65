"""Lines of the audit trail about requests that changed nothing: kept few, whoever sends how many.

Lines about changes are stored by the changes' own transactions and need no keeping: see `Store.audited`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Callable
from datetime import datetime, timezone

from ..logs import aside
from ..metrics import Metrics
from ..model.audit import AuditEntry, AuditLine, Outcome
from ..model.errors import ZoeError
from ..store.base import Store

log = logging.getLogger("zoe_hub.audit")

WINDOW = 60.0
"""Seconds in which a caller gets so many lines of its own; further requests share one at the window's end."""
_SINGLE = 20
_STRANGERS = 60
"""The same for all together whom nobody knows."""
_KINDS_OF_LINE = 1000
"""Different shared lines in a window; further ones share the last."""
_WAITING = 10_000
_PAUSE = 1.0

_Shared = tuple[str | None, str | None, str, int]


class AuditTrail:
    """Takes lines at once, and stores them soon. Bound to one event loop."""

    def __init__(
        self, store: Store, metrics: Metrics, *, window: float = WINDOW, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._window = window
        self._clock = clock
        self._waiting: deque[AuditLine] = deque()
        self._began = clock()
        self._used: Counter[str | None] = Counter()
        self._overflow = 0
        self._shared: dict[_Shared, AuditLine] = {}
        self._writer: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    def stored(self, entry: AuditEntry) -> None:
        """A line about a change was stored together with it."""
        self._tell(entry, Outcome.of(entry.status), 1)

    def add(self, entry: AuditEntry, execution: str | None = None) -> None:
        """Have a line stored about a request that changed nothing, or share one with others of this minute."""
        self._turn()
        line = AuditLine(
            **entry.model_dump(),
            time=datetime.now(timezone.utc),
            execution=execution,
            outcome=Outcome.of(entry.status),
        )
        self._used[entry.caller] += 1
        if self._used[entry.caller] <= (_STRANGERS if entry.caller is None else _SINGLE):
            self._put(line)
        else:
            self._share(line)
        self._ensure_writer()

    async def close(self) -> None:
        """Store what is waiting, if the store takes it at once. A second call does nothing."""
        self._closing.set()
        self._ensure_writer()
        if self._writer is not None:
            # Not cancelled: a batch whose transaction is under way must not be stored twice.
            await asyncio.gather(self._writer, return_exceptions=True)

    def _ensure_writer(self) -> None:
        if (self._waiting or self._shared) and (self._writer is None or self._writer.done()):
            self._writer = aside(self._write())

    def _turn(self) -> None:
        if self._clock() - self._began >= self._window:
            self._end_window()

    def _end_window(self) -> None:
        self._began = self._clock()
        self._used.clear()
        shared, self._shared = self._shared, {}
        for line in shared.values():
            self._put(line)

    def _share(self, line: AuditLine) -> None:
        key = (line.caller, line.kind, line.action, line.status)
        if key not in self._shared and len(self._shared) >= _KINDS_OF_LINE:
            key = next(reversed(self._shared))
        known = self._shared.get(key)
        self._shared[key] = line if known is None else known.model_copy(update={"count": known.count + 1})

    def _put(self, line: AuditLine) -> None:
        self._waiting.append(line)
        self._tell(line, line.outcome, line.count)
        if len(self._waiting) > _WAITING:
            self._waiting.popleft()
            self._overflow += 1
            self._metrics.audit_lost.inc()

    def _tell(self, entry: AuditEntry, outcome: Outcome, count: int) -> None:
        self._metrics.audit_lines.labels(outcome.value).inc()
        text = "%s by %s from %s: %d (%d times)" if count > 1 else "%s by %s from %s: %d"
        arguments = [entry.action, entry.caller or "somebody unknown", entry.address, entry.status]
        fields = entry.model_dump(exclude={"action", "status"}, exclude_none=True, mode="json")
        log.info(
            text,
            *arguments,
            *([count] if count > 1 else []),
            extra={"operation": entry.action, "status": entry.status, "outcome": outcome.value, **fields},
        )

    async def _write(self) -> None:
        """Store what waits and, at the window's end, what was shared; then end."""
        while self._waiting or self._shared:
            if self._waiting:
                try:
                    await self._flush()
                except (ZoeError, OSError) as error:
                    if self._closing.is_set():
                        self._lose(len(self._waiting), error)
                        return
                    log.warning("%d lines of the audit trail are not stored yet: %s", len(self._waiting), error)
                    await self._sleep(_PAUSE)
            elif self._closing.is_set():
                self._end_window()
            else:
                await self._sleep(max(0.0, self._began + self._window - self._clock()))
                self._turn()

    async def _sleep(self, seconds: float) -> None:
        closing = asyncio.ensure_future(self._closing.wait())
        await asyncio.wait({closing}, timeout=seconds)
        closing.cancel()

    async def _flush(self) -> None:
        overflow, self._overflow = self._overflow, 0
        if overflow:
            self._say_lost(overflow, "too many waited for the database")
        batch = list(self._waiting)
        await self._store.add_audit(batch)
        for line in batch:
            # Those that overflowed meanwhile are gone from the front.
            if self._waiting and self._waiting[0] is line:
                self._waiting.popleft()

    def _lose(self, count: int, why: object) -> None:
        self._metrics.audit_lost.inc(count)
        self._say_lost(count, why)

    def _say_lost(self, count: int, why: object) -> None:
        log.error("%d lines of the audit trail about refused requests are lost: %s", count, why)
