"""Who held how much of the machines, and when: for administrators."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone

from pydantic import Field

from ...model.errors import InvalidRequest
from ...model.resources import Resources
from .. import scopes
from ..access import lacks
from ..operations import Call, Operation, Query, Reply
from ..usage import Steps, over_time
from ..views import View
from .audit import Time

LONGEST = timedelta(days=31)
_DAY = timedelta(days=1)
_MOST = 10_000
"""Executions that are added up: of more, the newest."""


class UsageQuery(Query):
    """From when to when, and how fine."""

    since: Time | None = Field(default=None, description="From this time (ISO 8601); a day before `until` by itself.")
    until: Time | None = Field(default=None, description="To this time; now by itself.")
    steps: int = Field(default=96, ge=1, le=1000, description="Into so many equal steps.")


class OwnerUseView(View):
    """What one owner held: the average of each step."""

    owner: str
    executions: int = Field(description="How many held something.")
    cpu_hours: float
    memory_hours: float = Field(description="Bytes times hours.")
    cpu: list[float]
    memory: list[int] = Field(description="Bytes.")
    gpu: list[float]


class UsageView(View):
    """Who held how much, over time."""

    since: datetime
    until: datetime
    step: float = Field(description="Seconds of one step.")
    capacity: Resources = Field(description="Of all machines together, now.")
    owners: list[OwnerUseView] = Field(description="Who held the most processors first.")
    complete: bool = Field(description="False: there were so many executions that the oldest are left out.")


async def get_usage(call: Call) -> Reply:
    """Who held how much of the machines, over time.

    For administrators. Of executions whose records were deleted, nothing is known any more.
    """
    if not scopes.reaches_all(call.who.scopes):
        raise lacks(scopes.ADMIN_EXECUTIONS)
    query: UsageQuery = call.query
    now = datetime.now(timezone.utc)
    until = min(query.until or now, now)
    since = query.since or until - min(_DAY, until - datetime.min.replace(tzinfo=timezone.utc))
    if not timedelta(0) < until - since <= LONGEST:
        raise InvalidRequest(f"`since` must be before `until`, by at most {LONGEST.days} days, and not in the future.")
    steps = Steps(since, until, query.steps)
    histories = await call.context.store.present(since, until, limit=_MOST)
    nodes = await call.context.nodes()
    # Millions of additions where much has happened: others are answered meanwhile.
    use_of = await asyncio.to_thread(over_time, histories, steps)
    hours = steps.seconds / 3600
    views = [
        OwnerUseView(
            owner=owner,
            executions=len(use.executions),
            cpu_hours=round(sum(use.cpu) * hours, 3),
            memory_hours=round(sum(use.memory) * hours, 3),
            cpu=[round(each, 4) for each in use.cpu],
            memory=[round(each) for each in use.memory],
            gpu=[round(each, 4) for each in use.gpu],
        )
        for owner, use in use_of.items()
    ]
    return Reply(
        UsageView(
            since=since,
            until=until,
            step=steps.seconds,
            capacity=sum((node.capacity for node in nodes), Resources()),
            owners=sorted(views, key=lambda each: (-each.cpu_hours, -each.memory_hours, each.owner)),
            complete=len(histories) < _MOST,
        ),
        headers={"Cache-Control": "no-store"},
    )


OPERATIONS = (
    Operation(
        "GET", "/usage", get_usage, scope=scopes.ADMIN_EXECUTIONS, query=UsageQuery, response=UsageView, problems=(422,)
    ),
)
