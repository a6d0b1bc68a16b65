"""What is stored of an execution's life: each function is one change of a locked row of `executions`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Row

from ..model.events import EventKind
from ..model.execution import Attachment, DesiredState
from ..model.lifetime import ExpiryCause, Life
from .database import Transaction
from .rows import change, put

_NONE_YET = Life()


def life_from(row: Any) -> Life:
    """What is known of the life of a row of `executions`."""
    if row.running_since is row.last_active is row.kept_until is row.expires is None:
        return _NONE_YET
    return Life(
        running_since=row.running_since,
        last_active=row.last_active,
        mark=row.activity_mark or "",
        kept_until=row.kept_until,
        expires=row.expires,
        cause=row.expiry_cause,
    )


def note(transaction: Transaction, row: Row[Any], active: datetime, mark: str) -> None:
    """It worked then. No event: nobody waits to hear of it, and it happens all the time."""
    if row.ended is None:
        since = row.running_since or transaction.now
        put(transaction, row, running_since=since, last_active=active, activity_mark=mark)


def warn(transaction: Transaction, row: Row[Any], expires: datetime, cause: ExpiryCause, why: str, advice: str) -> None:
    """It will end then. The same again writes nothing, and so does what comes when it is ending anyhow."""
    same = (row.expires, row.expiry_cause) == (expires, cause.value)
    if row.ended is None and row.desired == DesiredState.RUNNING.value and not same:
        change(transaction, row, expires=expires, expiry_cause=cause.value)
        data = {"name": row.name, "expires": expires.isoformat(), "why": why, "advice": advice}
        transaction.record(row.owner, row.id, EventKind.EXECUTION_EXPIRING, **data)


def forgive(transaction: Transaction, row: Row[Any]) -> None:
    """The warning holds no more. Nothing where there is none."""
    if row.expires is not None:
        change(transaction, row, expires=None, expiry_cause=None)
        transaction.record(row.owner, row.id, EventKind.EXECUTION_KEPT, name=row.name, why="it works again")


def keep(transaction: Transaction, row: Row[Any], until: datetime | None, by: str) -> None:
    """Keep it until then, though idle. A warning that it will end of idleness is over with that."""
    values: dict[str, Any] = {"kept_until": until}
    if until is not None and row.expiry_cause == ExpiryCause.IDLE.value:
        values |= {"expires": None, "expiry_cause": None}
    change(transaction, row, **values)
    told = None if until is None else until.isoformat()
    transaction.record(row.owner, row.id, EventKind.EXECUTION_KEPT, name=row.name, until=told, by=by)


def expire(transaction: Transaction, row: Row[Any], expires: datetime, why: str) -> None:
    """End it, unless the warning that it would end then was taken back meanwhile."""
    if row.expires == expires:
        end(transaction, row, by="its lifetime", reason=why)


def end_tied(transaction: Transaction, row: Row[Any], attachment: Attachment, by: str, reason: str) -> None:
    """End it if it still is tied to that server and, where one is named, to that kernel."""
    elsewhere = attachment.kernel is not None and row.kernel != attachment.kernel
    if row.server == attachment.server and not row.outlive and not elsewhere:
        end(transaction, row, by=by, reason=reason)


def end(transaction: Transaction, row: Row[Any], by: str, reason: str = "") -> None:
    """Store the wish to end, and why where that is said. Nothing where that is stored, or it has ended."""
    if row.ended is None and row.desired != DesiredState.TERMINATED.value:
        why = {"reason": reason} if reason else {}
        change(transaction, row, desired=DesiredState.TERMINATED.value, **why)
        transaction.record(row.owner, row.id, EventKind.EXECUTION_TERMINATION_REQUESTED, by=by, **why)
