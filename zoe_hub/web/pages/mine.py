"""The caller's own executions, which is what a person sees who opens the service's address."""

from __future__ import annotations

from typing import Any

from ..api.executions import ListQuery, list_executions
from ..callers import Caller
from .lines import Line
from .page import ROWS, Page


class Home(Page):
    """One's own executions: those that go on, or those that have ended."""

    template = "mine.html"

    async def values(self, caller: Caller, **path: str) -> dict[str, Any]:
        live = self.get_query_argument("live", "true") != "false"
        query: ListQuery = self.read_query(ListQuery, live=live, owner=caller.user, limit=ROWS)
        if caller.user is None:
            return {"query": query, "lines": [], "paging": self.paging(0, 0)}
        found = await self.ask(list_executions, caller, query=query)
        return {
            "query": query,
            "lines": [Line.of(view, self.context.catalogue) for view in found.executions],
            "paging": self.paging(found.total, query.offset, {"text": query.text, "live": None if live else "false"}),
            "events": f"{self.context.prefix}api/v1/events",
        }
