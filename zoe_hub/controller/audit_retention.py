"""Deletes lines of the audit trail that are old."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta, timezone

from ..store.base import Store
from .patience import repeatedly

log = logging.getLogger(__name__)

_PAUSE = 0.05
"""Seconds between two batches: others want to write too."""
YOUNGEST = timedelta(days=2)
"""What is younger is kept whatever the settings say; what is younger than a day, the database itself keeps."""


class AuditRetention:
    """In the service that leads only. `days` 0 keeps all lines for ever."""

    def __init__(self, store: Store, *, days: float, interval: float = 3600.0) -> None:
        self._store = store
        self._keep = max(timedelta(days=days), YOUNGEST) if days else None
        self._interval = interval

    async def run(self) -> None:
        """Go on for ever. What cannot be deleted now is tried again at the next look. Raises StaleLease."""
        await repeatedly(self.look, "Old lines of the audit trail could not be deleted", every=self._interval)

    async def look(self) -> int:
        """Delete all that need not be kept now. Returns how many lines that were."""
        if self._keep is None:
            return 0
        before, count = datetime.now(timezone.utc) - self._keep, 0
        while deleted := await self._store.prune_audit(before):
            count += deleted
            await asyncio.sleep(_PAUSE)
        if count:
            log.info("%d lines of the audit trail, older than %d days, were deleted", count, self._keep.days)
        return count
