"""Health and readiness, for those who keep the service running: its process lives, and it can do its work."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pydantic import BaseModel, Field
from tornado.web import stream_request_body

from ..logs import aside
from ..model.errors import ZoeError
from .context import EngineRole, WebContext
from .events import EventFeed
from .handlers import BaseHandler
from .limits import Meter

log = logging.getLogger(__name__)

_PATIENCE = 5.0
"""Seconds after which the database counts as away."""
_FRESH = 1.0
"""Seconds for which an answer is given again: who asks more often costs the database nothing."""


class Check(BaseModel):
    """One part of the service. The sentence is for everybody: no address, no name, no error's text."""

    ok: bool
    detail: str = ""


class Report(BaseModel):
    """What `GET /ready` answers: with 200 when all checks are good, else with 503."""

    status: str = Field(description="`ready` or `not ready`.")
    role: EngineRole
    checks: dict[str, Check]

    @property
    def ready(self) -> bool:
        return all(check.ok for check in self.checks.values())


class Readiness:
    """Asks the parts of a service, at most once a second however many ask."""

    def __init__(self, context: WebContext, *, patience: float = _PATIENCE, fresh: float = _FRESH) -> None:
        self._context = context
        self._patience = patience
        self._fresh = fresh
        self._asking: asyncio.Task[Report] | None = None
        self._asked = 0.0

    async def report(self) -> Report:
        """How it is. Never raises because of a part that does not work."""
        now = time.monotonic()
        if self._asking is None or (self._asking.done() and now - self._asked > self._fresh):
            self._asked = now
            self._asking = aside(self._ask())
        # One who goes away must not take the answer from the others.
        return await asyncio.shield(self._asking)

    async def _ask(self) -> Report:
        parts: Mapping[str, Callable[[], Awaitable[Check]]] = {
            "database": self._database,
            "engine": self._engine,
            "catalogue": self._catalogue,
        }
        checks = {name: await check() for name, check in parts.items()}
        good = all(check.ok for check in checks.values())
        return Report(status="ready" if good else "not ready", role=self._context.engine(), checks=checks)

    async def _database(self) -> Check:
        asking = asyncio.ensure_future(self._context.store.last_seq())
        # Not asyncio.wait_for: before Python 3.12 it can lose a cancellation.
        await asyncio.wait({asking}, timeout=self._patience)
        if not asking.done():
            asking.cancel()
            return Check(ok=False, detail="The database does not answer.")
        try:
            asking.result()
        except (ZoeError, OSError) as error:
            log.warning("Zoe is not ready: %s", error)
            return Check(ok=False, detail="The database cannot be used; the service's log says why.")
        return Check(ok=True)

    async def _engine(self) -> Check:
        role = self._context.engine()
        if role == "closed":
            return Check(ok=False, detail="The engine is not open; the service's log says why.")
        if self._context.trouble():
            return Check(ok=False, detail="Nothing can be started on the engine; the service's log says why.")
        return Check(ok=True, detail="Another service leads." if role == "standby" else "")

    async def _catalogue(self) -> Check:
        shelves = self._context.catalogue
        if not shelves.zapps:
            return Check(ok=False, detail="There is no ZApp in the shop.")
        wrong = len(shelves.problems)
        files = "1 broken file is left out" if wrong == 1 else f"{wrong} broken files are left out"
        return Check(ok=True, detail=f"{files}; the page Shop says why." if wrong else "")


@stream_request_body
class Health(BaseHandler):
    """Says that the process answers. Needs no caller, and asks nobody."""

    async def get(self) -> None:
        _answer(self, 200, {"status": "ok"})


@stream_request_body
class Ready(BaseHandler):
    """Says whether the service can do its work, and what is missing. Needs no caller."""

    def initialize(self, context: WebContext, feed: EventFeed, meter: Meter, **options: Any) -> None:
        super().initialize(context, feed, meter)
        self._readiness: Readiness = options["readiness"]

    async def get(self) -> None:
        report = await self._readiness.report()
        _answer(self, 200 if report.ready else 503, report.model_dump())


def _answer(handler: BaseHandler, status: int, content: Mapping[str, Any]) -> None:
    handler.set_status(status)
    handler.set_header("Cache-Control", "no-store")
    handler.finish(dict(content))
