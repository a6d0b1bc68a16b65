"""Everybody's executions, for administrators: all of them, those in line, and many ended at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, Field

from .. import scopes
from ..access import lacks
from ..api.executions import EVERYBODY, REACHED, ListQuery, get_execution, list_executions, terminate_execution
from ..api.shop import get_nodes
from ..callers import Caller
from ..operations import Operation
from ..problems import Refused
from ..views import ExecutionView
from .lines import Line
from .page import ROWS, Page, address, operation_of

_MOST_AT_ONCE = 200
_QUEUE = 500
"""Of a longer line, so many of the newest are put in order."""
_SHOWN = 100
"""The first of the line, which are those for whom it matters what is in the way."""


def everybodys_events(prefix: str) -> str:
    """Where they are told, to administrators."""
    return f"{prefix}api/v1/events?owner={EVERYBODY}"


class AdminPage(Page):
    """A page for who administers everybody's executions."""

    def check(self, caller: Caller) -> None:
        if not caller.admin:
            raise lacks(scopes.ADMIN_EXECUTIONS)

    @property
    def events(self) -> str:
        """Where everybody's events are told."""
        return everybodys_events(self.context.prefix)


class LeadersPage(AdminPage):
    """A page also for who administers some users only, such as a group's: it shows what is theirs, and nothing else."""

    def check(self, caller: Caller) -> None:
        if not caller.leads:
            super().check(caller)

    @property
    def events(self) -> str:
        """Where the events are told of all whose executions the page shows."""
        return address(f"{self.context.prefix}api/v1/events", owner=REACHED)


class AllExecutions(LeadersPage):
    """All executions in reach, or those of one owner, in one state, or with some text in their names."""

    template = "all.html"

    async def values(self, caller: Caller, **path: str) -> dict[str, Any]:
        live = self.get_query_argument("live", "true") != "false"
        query: ListQuery = self.read_query(ListQuery, live=live, limit=ROWS)
        wanted = query.model_copy(update={"owner": query.owner or REACHED})
        found = await self.ask(list_executions, caller, query=wanted)
        state = query.state.value if query.state else None
        kept = {"text": query.text, "owner": query.owner, "live": None if live else "false", "state": state}
        return {
            "query": query,
            "lines": [Line.of(view, self.context.catalogue) for view in found.executions],
            "paging": self.paging(found.total, query.offset, kept),
            "events": self.events,
        }


class Queue(LeadersPage):
    """What waits, in the order in which it would start, and why."""

    template = "queue.html"

    async def values(self, caller: Caller, **path: str) -> dict[str, Any]:
        query = ListQuery(state="queued", owner=REACHED, limit=_QUEUE)
        found = await self.ask(list_executions, caller, query=query)
        line = sorted(found.executions, key=lambda each: (each.outlook.ahead if each.outlook else 0, each.created))
        return {
            "lines": [Line.of(view, self.context.catalogue) for view in line[:_SHOWN]],
            "total": found.total,
            "nodes": await self.ask(get_nodes, caller),
            "events": self.events,
        }


class Confirmed(BaseModel):
    """What the form of the confirmation sends."""

    id: list[str] = Field(min_length=1, max_length=_MOST_AT_ONCE)
    confirm: str = ""


class TerminateMany(LeadersPage):
    """Ends what was ticked, after its names were shown, and the one who does it has written whose they are."""

    audits = True

    @property
    def operation_name(self) -> str:
        return self._operation.id

    @property
    def _operation(self) -> Operation:
        return operation_of(terminate_execution)

    @property
    def audit_target(self) -> str:
        return self._target

    _target = ""

    async def get(self, **path: str) -> None:
        """Who comes back to the address later chooses anew."""
        self.audits = False
        self.redirect(f"{self.context.prefix}admin/executions", status=303)

    async def post(self, **path: str) -> None:
        caller = await self.require_caller()
        if caller is None:
            return
        self.check(caller)
        chosen = list(dict.fromkeys(self.get_body_arguments("id")))
        if not chosen or len(chosen) > _MOST_AT_ONCE:
            raise Refused(400, f"Choose from 1 to {_MOST_AT_ONCE} executions, then press Terminate.")
        views = [await self.ask(get_execution, caller, path={"id": each}) for each in chosen]
        word = confirmation(views)
        given = self.get_body_argument("confirm", "").strip()
        if given != word:
            # Nothing was asked for yet that the trail should tell.
            self.audits = False
            lines = [Line.of(view, self.context.catalogue) for view in views]
            status = 422 if given else 200
            self.show("confirm.html", {"lines": lines, "word": word, "wrong": bool(given)}, status=status)
            return
        for view in views:
            self._target = view.id
            await self.ask(terminate_execution, caller, path={"id": view.id})
        self.redirect(address(f"{self.context.prefix}admin/executions", done="terminate"), status=303)


def confirmation(views: Sequence[ExecutionView]) -> str:
    """What must be typed to end these: the name of the only one, of their only owner, or how many users' they are."""
    if len(views) == 1:
        return views[0].name
    owners = {view.owner for view in views}
    return next(iter(owners)) if len(owners) == 1 else f"{len(views)} executions of {len(owners)} users"
