"""Which quotas hold for what lives, looked up as often as they may have changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..model.execution import Execution
from ..scheduler.quotas import InForce
from ..store.base import Store

HOURS = 10.0
"""Seconds between two looks at how many hours of processors were used, which takes longer than to read limits."""


class QuotaWatch:
    """Of one term of leadership. `clock` says seconds."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._known: InForce | None = None
        self._parties: set[tuple[str, tuple[str, ...]]] = set()
        self._added_up = 0.0

    async def look(self, live: Iterable[Execution]) -> InForce:
        """What holds now. The same as before, to the letter, as long as nothing changed for a decision."""
        parties = {(execution.owner, execution.groups) for execution in live}
        now, known = self._clock(), self._known
        # Of somebody new, nobody has looked yet whether hours are used up.
        if known is not None and parties <= self._parties and abs(now - self._added_up) < HOURS:
            found = await self._store.quotas_in_force(parties, hours=False)
            if found.rules == known.rules:
                return known
        found = await self._store.quotas_in_force(parties)
        self._added_up, self._parties = now, parties
        self._known = known if found == known and known is not None else found
        return self._known
