"""The live executions in memory, kept up to date by what is stored about them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from weakref import WeakSet

from ..model.errors import UnknownName
from ..model.execution import Execution
from ..store.base import Store


class News:
    """For one reader: about which executions something is new since it asked last."""

    def __init__(self, executions: LiveExecutions) -> None:
        self._executions = executions
        self._changed = {execution.id for execution in executions.all()}

    def add(self, changed: set[str]) -> None:
        """Called with what a refresh read."""
        self._changed |= changed

    def take(self) -> set[str]:
        """The live executions that changed since the last call; at the first one, all. Reads nothing."""
        changed, self._changed = self._changed, set()
        return {execution for execution in changed if self._executions.get(execution) is not None}


class LiveExecutions:
    """Reads all of them once, and from then on only those about which an event was stored.

    Every change is stored with its event, whoever makes it: what is held is what the database says as of the
    last `refresh`. The one exception is when a cluster last worked: whoever stores that calls `reread`.

    All that look at live executions in a service share one. Any of them may refresh it at any time: between two
    looks with an `await` between them, it may hold something newer.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seq: int | None = None
        self._live: dict[str, Execution] = {}
        self._in_order = True
        """Whether those are in the order of their submission. What takes the place of its older self leaves it so."""
        self._readers: WeakSet[News] = WeakSet()
        # One after the other: an answer that comes late must not replace a newer one.
        self._reading = asyncio.Lock()
        self.version = 0
        """Rises whenever something changed."""

    def news(self) -> News:
        """For somebody who wants to know what changed, whoever refreshes."""
        reader = News(self)
        self._readers.add(reader)
        return reader

    def forget(self) -> None:
        """Believe nothing of what is held: the next refresh reads everything."""
        self._seq = None

    async def refresh(self) -> None:
        """Read what is new. Raises ServiceUnavailable; what was not read then is read the next time."""
        async with self._reading:
            before, changed = self._seq, set[str]()
            found: Sequence[Execution]
            if before is None:
                seq = await self._store.last_seq()
                found, everything = await self._store.list(live=True), True
            else:
                found, seq = await self._store.changed(before)
                # Of what ended and was deleted since, as while this process was stopped, no event tells any more. Asked
                # after the reading: what was deleted before it is in the answer.
                everything = seq > before and await self._store.deleted_seq() > before
                if everything:
                    found = await self._store.list(live=True)
            if self._seq != before:
                return  # forgotten meanwhile
            self._seq = seq
            if everything:
                self._live.clear()
            self.version += everything or bool(found)
            for execution in found:
                if execution.ended is None:
                    self._in_order = self._in_order and execution.id in self._live
                    self._live[execution.id] = execution
                    changed.add(execution.id)
                else:
                    self._live.pop(execution.id, None)
            for reader in self._readers:
                reader.add(changed)

    async def reread(self, execution: str) -> None:
        """Read one afresh of which no event tells. Nothing where it is not held, or not there any more."""
        async with self._reading:
            if execution not in self._live:
                return
            try:
                found = await self._store.get(execution)
            except UnknownName:
                return
            if found.ended is None:
                self._live[execution] = found

    def get(self, execution: str) -> Execution | None:
        """None when it has ended, or was never there."""
        return self._live.get(execution)

    def all(self) -> list[Execution]:
        """In the order of their submission."""
        if not self._in_order:
            ordered = sorted(self._live.values(), key=lambda execution: (execution.created, execution.id))
            self._live = {execution.id: execution for execution in ordered}
            self._in_order = True
        return list(self._live.values())
