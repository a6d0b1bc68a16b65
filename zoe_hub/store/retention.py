"""What is kept of executions that have ended, and what is deleted. In small steps, each of which may be the last one.

Who ended before a moment, or beyond a number for each owner, or whose owner is to be forgotten, is disposable.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, delete, exists, func, insert, or_, select, update

from ..model.quotas import LONGEST_WINDOW
from .changes import Change, TerminationRequested
from .database import Transaction
from .tables import event_counter, events, executions, forgotten_owners, plans, quotas, usage, zapps

_to_be_forgotten = exists().where(
    # Not what the next user of that name has started since.
    (forgotten_owners.c.owner == executions.c.owner) & (executions.c.created <= forgotten_owners.c.since)
)


def disposable(
    connection: Connection, before: datetime | None, most: int | None, limit: int, until: datetime | None
) -> Sequence[str]:
    """Identifiers of ended executions that need not be kept, the oldest first."""
    ended = executions.c.ended.is_not(None)
    reasons: list[ColumnElement[bool]] = [_to_be_forgotten]
    if before is not None:
        reasons.append(executions.c.ended < before)
    if most is not None:
        newest_first = func.row_number().over(
            partition_by=executions.c.owner, order_by=(executions.c.ended.desc(), executions.c.id.desc())
        )
        ranked = select(executions.c.id, newest_first.label("place")).where(ended).subquery()
        reasons.append(executions.c.id.in_(select(ranked.c.id).where(ranked.c.place > most)))
    query = select(executions.c.id).where(ended, or_(*reasons)).order_by(executions.c.ended, executions.c.id)
    if until is not None:
        query = query.where(executions.c.ended <= until)
    return connection.execute(query.limit(limit)).scalars().all()


def dispose(transaction: Transaction, identifiers: Collection[str]) -> int:
    """Delete those of these executions that have ended, with all that belongs to them. Returns how many."""
    connection = transaction.connection
    these = select(executions.c.id).where(executions.c.id.in_(sorted(identifiers)), executions.c.ended.is_not(None))
    ended = connection.execute(these.order_by(executions.c.id).with_for_update()).scalars().all()
    if not ended:
        return 0
    last = connection.execute(select(func.max(events.c.seq)).where(events.c.execution.in_(ended))).scalar() or 0
    connection.execute(update(event_counter).where(event_counter.c.deleted < last).values(deleted=last))
    forgotten = select(executions.c.id).where(executions.c.id.in_(ended), _to_be_forgotten)
    _forget_use(connection, usage.c.execution.in_(connection.execute(forgotten).scalars().all()))
    # Their instances and events go with them.
    connection.execute(delete(executions).where(executions.c.id.in_(ended)))
    return len(ended)


def tidy(transaction: Transaction, limit: int) -> int:
    """Delete plans that no execution refers to, wishes to forget that are fulfilled, and use that nobody asks for.

    Returns how many plans.
    """
    connection = transaction.connection
    connection.execute(delete(usage).where(usage.c.ended < transaction.now - timedelta(seconds=LONGEST_WINDOW)))
    unused = select(plans.c.digest).where(~exists().where(executions.c.plan == plans.c.digest)).limit(limit)
    digests = connection.execute(unused).scalars().all()
    if digests:
        connection.execute(delete(plans).where(plans.c.digest.in_(digests)))
    left = exists().where(
        (executions.c.owner == forgotten_owners.c.owner) & (executions.c.created <= forgotten_owners.c.since)
    )
    connection.execute(delete(forgotten_owners).where(~left))
    return len(digests)


def forget(transaction: Transaction, owner: str, by: str, end: Callable[[Sequence[Change]], object]) -> tuple[int, int]:
    """End what lives of an owner, delete the own ZApps and quotas, and mark the rest as disposable.

    What was used counts for the groups still, and names nobody. Returns how many live, and how many there are.
    """
    connection = transaction.connection
    mine = executions.c.owner == owner
    count = connection.execute(select(func.count()).select_from(executions).where(mine)).scalar_one()
    going_on = mine & executions.c.ended.is_(None)
    live = connection.execute(select(executions.c.id).where(going_on)).scalars().all()
    end([TerminationRequested(identifier, by) for identifier in live])
    connection.execute(delete(zapps).where(zapps.c.owner == owner))
    connection.execute(delete(quotas).where(quotas.c.kind == "user", quotas.c.name == owner))
    _forget_use(connection, (usage.c.owner == owner) & usage.c.ended.is_not(None))
    connection.execute(delete(forgotten_owners).where(forgotten_owners.c.owner == owner))
    if count:
        connection.execute(insert(forgotten_owners).values(owner=owner, since=transaction.now))
    return len(live), count


def _forget_use(connection: Connection, whose: ColumnElement[bool]) -> None:
    connection.execute(delete(usage).where(usage.c.kind == "user", whose))
    connection.execute(update(usage).where(whose).values(owner="", name=""))
