"""The audit trail, for those who may read it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from ...model.audit import AuditLine, Outcome
from ...model.errors import UnknownName
from .. import scopes
from ..access import lacks
from ..api.audit import TrailQuery, get_audit
from ..callers import Caller
from .everybody import everybodys_events
from .page import ROWS, Page, address

_SUBMIT = "submit_execution"
"""The one whose address names no execution: its lines have the ZApp."""


class Trail(Page):
    """Who asked for which change, and what came of it."""

    template = "audit.html"

    def check(self, caller: Caller) -> None:
        if not scopes.holds_for_all(caller.scopes, scopes.ADMIN_AUDIT):
            raise lacks(scopes.ADMIN_AUDIT)

    async def values(self, caller: Caller, **path: str) -> dict[str, Any]:
        query: TrailQuery = self.read_query(TrailQuery, limit=ROWS)
        trail = await self.ask(get_audit, caller, query=query)
        kept = query.model_dump(mode="json", exclude={"limit", "before"}, exclude_none=True)
        return {
            "query": query,
            "trail": trail,
            "zapps": await self._zapps(trail.lines),
            "outcomes": [each.value for each in Outcome],
            "older": address(self.request.path, **kept, before=trail.next) if trail.next else None,
            # Whoever may read the trail alone hears of no events.
            "events": everybodys_events(self.context.prefix) if caller.admin and not query.before else None,
            "newest": address(self.request.path, **kept) if query.before else None,
        }

    async def _zapps(self, lines: Sequence[AuditLine]) -> dict[str, str]:
        """The ZApp of each execution, as far as it is known: a line about an end names only the execution."""
        found = {line.execution: line.target for line in lines if line.execution and line.action == _SUBMIT}
        for execution in {line.execution for line in lines if line.execution} - set(found):
            with suppress(UnknownName):
                found[execution] = (await self.context.store.get(execution)).zapp
        return found
