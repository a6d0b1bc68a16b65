"""The audit trail's reader. There is nothing here that writes."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from ...model.audit import AuditLine, AuditQuery, Outcome
from .. import scopes
from ..access import lacks
from ..operations import Call, Operation, Query, Reply

_LARGEST = 2**63 - 1
_FIRST = datetime.min.replace(tzinfo=timezone.utc)
_LAST = datetime.max.replace(tzinfo=timezone.utc)


def _in_utc(time: datetime) -> datetime:
    if time.tzinfo is None:
        return time.replace(tzinfo=timezone.utc)
    try:
        return time.astimezone(timezone.utc)
    except OverflowError:  # the first or the last day of the calendar: as good as its end
        return _FIRST if time.year == 1 else _LAST


Time = Annotated[datetime, AfterValidator(_in_utc)]
Text = Annotated[str, Field(max_length=255, pattern=r"^[^\x00]*$")]


class TrailQuery(Query):
    """Which lines. What is not given excludes nothing."""

    who: Text | None = Field(default=None, description="Of this caller; empty: of those whom nobody knows.")
    action: Text | None = Field(default=None, description="Of this operation, by its `operationId`.")
    execution: Text | None = Field(default=None, description="About this execution, by its identifier.")
    outcome: Outcome | None = Field(default=None, description="`done`, `refused` or `failed`.")
    since: Time | None = Field(default=None, description="Not before this time (ISO 8601; without a zone, in UTC).")
    until: Time | None = Field(default=None, description="Before this time.")
    before: int | None = Field(
        default=None, ge=1, le=_LARGEST, description="With a lower `id`: the next page, as `next` says."
    )
    limit: int = Field(default=100, ge=1, le=1000, description="At most so many.")


class TrailView(BaseModel):
    """Lines of the audit trail."""

    lines: list[AuditLine] = Field(description="The newest first.")
    next: int | None = Field(description="What to give as `before` for older lines; none when these are the oldest.")


async def get_audit(call: Call) -> Reply:
    """Who asked for which change, when, from where, and what came of it.

    For administrators. Lines are added by the service and read here; nothing changes them.
    """
    if not scopes.holds_for_all(call.who.scopes, scopes.ADMIN_AUDIT):
        raise lacks(scopes.ADMIN_AUDIT)
    query: TrailQuery = call.query
    chosen = query.model_dump(exclude={"who", "limit"})
    # One more than asked for tells whether there are older ones.
    found = await call.context.store.audit(AuditQuery(**chosen, caller=query.who, limit=query.limit + 1))
    lines = list(found[: query.limit])
    older = lines[-1].id if len(found) > query.limit else None
    return Reply(TrailView(lines=lines, next=older), headers={"Cache-Control": "no-store"})


OPERATIONS = (Operation("GET", "/audit", get_audit, scope=scopes.ADMIN_AUDIT, query=TrailQuery, response=TrailView),)
