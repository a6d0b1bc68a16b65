"""One reader of the store for any number of subscribers to events."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from dataclasses import dataclass

from ..logs import aside
from ..model.errors import ZoeError
from ..model.events import Event
from ..store.base import Store

log = logging.getLogger(__name__)

_BATCH = 1000
_CHUNKS = 256
"""Events that are kept as they are sent."""


@dataclass(frozen=True)
class Gap:
    """Events after one number and up to another may be missing: what they told of is not kept any more."""

    after: int
    deleted: int


class EventFeed:
    """Follows the store's events once, however many listen. Bound to one event loop.

    The newest `kept` events are held in memory; who is further behind reads from the store.
    """

    def __init__(self, store: Store, *, kept: int = 4096, keepalive: float = 15.0) -> None:
        self._store = store
        self._keepalive = keepalive
        self._recent: deque[Event] = deque(maxlen=kept)
        self._floor = 0
        """`_recent` holds every event newer than this one, as far as `_head`."""
        self._head = 0
        self.followers = 0
        self._news = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None
        self._chunks: OrderedDict[int, tuple[Event, bytes]] = OrderedDict()

    async def follow(
        self, after: int | None, *, owner: str | None = None, execution: str | None = None
    ) -> AsyncIterator[Event | Gap | None]:
        """Events newer than `after`, in order and without an end; without it, those from now on.

        Where some of them were deleted, says so before the first that follows. Of one execution all are kept or none.
        Gives nothing (None) at once and after every `keepalive` seconds of silence, so that the
        caller can show signs of life.
        """
        self.followers += 1
        try:
            await self._ensure_reader()
            position = self._head if after is None else after
            if position > self._head:
                # The reader may be behind. A number from the future, as after a change of database, means: from now on.
                position = min(position, await self._store.last_seq())
            yield None
            told = 0
            while True:
                news = self._news
                kept_here = position >= self._floor
                events, end = await self._next(position, owner, execution)
                if not kept_here and execution is None:
                    # Asked after the reading: what was deleted before it is in the answer.
                    deleted = await self._store.deleted_seq()
                    if deleted > max(position, told):
                        yield Gap(after=position, deleted=deleted)
                        told = deleted
                for event in events:
                    if _matches(event, owner, execution):
                        yield event
                position = end
                if position < self._head:
                    continue
                # Not asyncio.wait_for: before Python 3.12 it can lose a cancellation that comes with the news.
                waiter = asyncio.ensure_future(news.wait())
                try:
                    heard, _ = await asyncio.wait({waiter}, timeout=self._keepalive)
                finally:
                    waiter.cancel()
                if not heard:
                    await self._ensure_reader()
                    yield None
        finally:
            self.followers -= 1

    def chunk(self, event: Event) -> bytes:
        """The event as it is sent. Made once, however many listen."""
        known = self._chunks.get(event.seq)
        if known is None or known[0] is not event:
            text = f"id: {event.seq}\nevent: {event.kind.value}\ndata: {event.model_dump_json()}\n\n"
            known = self._chunks[event.seq] = event, text.encode()
            while len(self._chunks) > _CHUNKS:
                self._chunks.popitem(last=False)
        return known[1]

    async def close(self) -> None:
        """Stop reading. Those who follow wait for ever; a second call does nothing."""
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
            self._reader = None

    async def _next(self, position: int, owner: str | None, execution: str | None) -> tuple[list[Event], int]:
        """Events after `position`, perhaps more than were asked for, and how far they reach."""
        head = self._head
        if position >= self._floor:
            # Who read from the store may be ahead of the reader.
            return _after(self._recent, position), max(position, head)
        events = list(await self._store.events(after=position, owner=owner, execution=execution, limit=_BATCH))
        last = events[-1].seq if events else position
        return events, last if len(events) == _BATCH else max(last, head)

    async def _ensure_reader(self) -> None:
        if self._reader is None or self._reader.done():
            head = await self._store.last_seq()
            if self._reader is None or self._reader.done():
                self._recent.clear()
                self._head = self._floor = head
                # Not about the request that happens to be the first.
                self._reader = aside(self._read())

    async def _read(self) -> None:
        while self.followers:
            try:
                if not await self._store.wait(self._head, self._keepalive):
                    continue
                events = await self._store.events(after=self._head, limit=_BATCH)
            except ZoeError:
                log.exception("Events could not be read; the next attempt is in a second")
                await asyncio.sleep(1)
                continue
            for event in events:
                if len(self._recent) == self._recent.maxlen:
                    self._floor = self._recent[0].seq
                self._recent.append(event)
                self._head = event.seq
            if events:
                self._news.set()
                self._news = asyncio.Event()


def _after(recent: deque[Event], position: int) -> list[Event]:
    found: list[Event] = []
    for event in reversed(recent):
        if event.seq <= position:
            break
        found.append(event)
    found.reverse()
    return found


def _matches(event: Event, owner: str | None, execution: str | None) -> bool:
    return owner in (None, event.owner) and execution in (None, event.execution)
