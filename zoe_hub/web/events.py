"""One reader of the store for any number of subscribers to events."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from enum import Enum

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
    """Events after one number and up to another may be missing: what they told of is not kept any more, or was told by
    another database."""

    after: int
    deleted: int


class Changed(str, Enum):
    """Something is another one than before that no stored event tells of."""

    SHOP = "shop.changed"
    QUOTAS = "quotas.changed"


Look = Callable[[], Awaitable[Mapping[Changed, object]]]
"""How these are now: values that differ when they do."""


class EventFeed:
    """Follows the store's events once, however many listen. Bound to one event loop.

    The newest `kept` events are held in memory; who is further behind reads from the store. With `look`, all who
    follow are told within about `every` seconds of what it says, too.
    """

    def __init__(
        self,
        store: Store,
        *,
        kept: int = 4096,
        keepalive: float = 5.0,
        look: Look | None = None,
        every: float = 2.0,
    ) -> None:
        self._store = store
        self._look, self._every = look, every
        self._looker: asyncio.Task[None] | None = None
        self._changes: dict[Changed, int] = dict.fromkeys(Changed, 0)
        """How often each was another one."""
        self.keepalive = keepalive
        self._recent: deque[Event] = deque(maxlen=kept)
        self._floor = 0
        """`_recent` holds every event newer than this one, as far as `_head`."""
        self._head = 0
        self.followers = 0
        self._news = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None
        self._chunks: OrderedDict[int, tuple[Event, bytes]] = OrderedDict()

    async def follow(
        self, after: int | None, *, owners: Collection[str] | None = None, execution: str | None = None
    ) -> AsyncIterator[Event | Changed | Gap | None]:
        """Events newer than `after`, in order and without an end; without it, those from now on.

        `owners`: of what belongs to these. What is `Changed` is told to all who do not follow one execution only.

        Where some of them were deleted, says so before the first that follows. Of one execution all are kept or none.
        Gives nothing (None) at once and after every `keepalive` seconds of silence, so that the
        caller can show signs of life.
        """
        self.followers += 1
        try:
            await self._ensure_reader()
            asked = position = self._head if after is None else after
            if position > self._head:
                # The reader may be behind. A number from the future, as after a change of database, means: from now on.
                position = min(position, await self._store.last_seq())
            yield None
            if position < asked:
                yield Gap(after=position, deleted=asked)
            told, changes = 0, dict(self._changes)
            while True:
                news = self._news
                kept_here = position >= self._floor
                events, end = await self._next(position, owners, execution)
                if not kept_here and execution is None:
                    # Asked after the reading: what was deleted before it is in the answer.
                    deleted = await self._store.deleted_seq()
                    if deleted > max(position, told):
                        yield Gap(after=position, deleted=deleted)
                        told = deleted
                for event in events:
                    if _matches(event, owners, execution):
                        yield event
                if execution is None and changes != self._changes:
                    before, changes = changes, dict(self._changes)
                    for kind in Changed:
                        if before[kind] != changes[kind]:
                            yield kind
                position = end
                if position < self._head:
                    continue
                # Not asyncio.wait_for: before Python 3.12 it can lose a cancellation that comes with the news.
                waiter = asyncio.ensure_future(news.wait())
                try:
                    heard, _ = await asyncio.wait({waiter}, timeout=self.keepalive)
                finally:
                    waiter.cancel()
                if not heard:
                    await self._ensure_reader()
                    yield None
        finally:
            self.followers -= 1

    def is_newest(self, event: Event) -> bool:
        """Whether no later one is known here."""
        return event.seq >= self._head

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
        running = [task for task in (self._reader, self._looker) if task is not None]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        self._reader = self._looker = None

    async def _next(
        self, position: int, owners: Collection[str] | None, execution: str | None
    ) -> tuple[list[Event], int]:
        """Events after `position`, perhaps more than were asked for, and how far they reach."""
        head = self._head
        if position >= self._floor:
            # Who read from the store may be ahead of the reader.
            return _after(self._recent, position), max(position, head)
        owner = next(iter(owners)) if owners is not None and len(owners) == 1 else None
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
        if self._look is not None and (self._looker is None or self._looker.done()):
            self._looker = aside(self._watch(self._look))

    async def _read(self) -> None:
        while self.followers:
            try:
                if not await self._store.wait(self._head, self.keepalive):
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
                self._tell()

    async def _watch(self, look: Look) -> None:
        known: Mapping[Changed, object] | None = None
        while self.followers:
            try:
                now = await look()
            except ZoeError as error:
                log.warning("Whether shop and quotas changed could not be found out: %s", error)
            else:
                others = [kind for kind, value in now.items() if known is not None and known.get(kind) != value]
                known = now
                for kind in others:
                    self._changes[kind] += 1
                if others:
                    self._tell()
            await asyncio.sleep(self._every)

    def _tell(self) -> None:
        """Wake all who follow."""
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


def _matches(event: Event, owners: Collection[str] | None, execution: str | None) -> bool:
    return (owners is None or event.owner in owners) and execution in (None, event.execution)
