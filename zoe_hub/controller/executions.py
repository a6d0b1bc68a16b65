"""The live executions in memory, kept up to date by what is stored about them."""

from __future__ import annotations

from collections.abc import Sequence

from ..model.execution import Execution
from ..store.base import Store


class LiveExecutions:
    """Reads all of them once, and from then on only those about which an event was stored.

    Every change is stored with its event, whoever makes it: what is held is what the database says as of the
    last `refresh`.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seq: int | None = None
        self._live: dict[str, Execution] = {}
        self.version = 0
        """Rises whenever something changed."""

    async def refresh(self) -> set[str]:
        """Read what is new. Returns the live executions that changed; at the first call, all of them."""
        changed: Sequence[Execution]
        if self._seq is None:
            seq = await self._store.last_seq()
            changed = await self._store.list(live=True)
        else:
            changed, seq = await self._store.changed(self._seq)
            # Of what ended and was deleted since, as while this process was stopped, no event tells any more. Asked
            # after the reading: what was deleted before it is in the answer.
            if seq > self._seq and await self._store.deleted_seq() > self._seq:
                changed = await self._store.list(live=True)
                self._live.clear()
                self.version += 1
        self._seq = seq
        self.version += bool(changed)
        for execution in changed:
            if execution.ended is None:
                self._live[execution.id] = execution
            else:
                self._live.pop(execution.id, None)
        return {execution.id for execution in changed if execution.ended is None}

    def get(self, execution: str) -> Execution | None:
        """None when it has ended, or was never there."""
        return self._live.get(execution)

    def all(self) -> list[Execution]:
        """In the order of their submission."""
        return sorted(self._live.values(), key=lambda execution: (execution.created, execution.id))
