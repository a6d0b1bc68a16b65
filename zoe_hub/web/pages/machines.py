"""What there is, who holds it, and who held it: the capacity page, and the service's own health."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from time import monotonic
from typing import Any

from ... import __version__
from ..api.executions import EVERYBODY, ListQuery, list_executions
from ..api.shop import get_nodes, get_shop
from ..api.usage import UsageQuery, UsageView, get_usage
from ..callers import Caller
from ..health import Readiness
from .chart import chart
from .everybody import AdminPage

_KEPT = 30.0
"""Seconds for which the past is told as it was added up: that takes long when much has happened."""
WINDOWS = {"1h": timedelta(hours=1), "24h": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30)}
_STEPS = {"1h": 60, "24h": 96, "7d": 84, "30d": 90}


class Capacity(AdminPage):
    """The machines, who holds what of them now, and who did in the last hours or days."""

    template = "capacity.html"

    async def values(self, caller: Caller, **path: str) -> dict[str, Any]:
        window = self.get_query_argument("window", "24h")
        window = window if window in WINDOWS else "24h"
        usage = await self._usage(caller, window)
        return {
            "nodes": await self.ask(get_nodes, caller),
            "usage": usage,
            "chart": chart(usage),
            "window": window,
            "windows": list(WINDOWS),
            "events": self.events,
            "pause": 5000,
        }

    async def _usage(self, caller: Caller, window: str) -> UsageView:
        """Of all administrators' pages together, it is added up every half minute at most."""
        kept: dict[str, tuple[float, UsageView]] = self.settings.setdefault("usage_kept", {})
        found = kept.get(window)
        if found is not None and monotonic() - found[0] < _KEPT:
            return found[1]
        until = datetime.now(timezone.utc)
        query = UsageQuery(since=until - WINDOWS[window], until=until, steps=_STEPS[window])
        usage: UsageView = await self.ask(get_usage, caller, query=query)
        kept[window] = monotonic(), usage
        return usage


class Shop(AdminPage):
    """Folders of the shop, what is on its shelves, and what is wrong with the files it is made from."""

    template = "shop.html"

    async def values(self, caller: Caller, **path: str) -> dict[str, Any]:
        return {"shop": await self.ask(get_shop, caller), "events": self.events}


class HealthPage(AdminPage):
    """Whether the service can do its work, and what it is doing."""

    template = "health.html"

    async def values(self, caller: Caller, **path: str) -> dict[str, Any]:
        readiness: Readiness = self.settings["readiness"]
        query = ListQuery(live=True, owner=EVERYBODY, limit=1)
        return {
            "report": await readiness.report(),
            "trouble": self.context.trouble(),
            "version": __version__,
            "going": (await self.ask(list_executions, caller, query=query)).total,
            "followers": self.feed.followers,
            "events": self.events,
        }
