"""Hours of processors that were used in the last so many days, from the rows of `usage`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, func, or_, select, update

from ..scheduler.allowances import Allowance, Dimension, Subject
from ..scheduler.quotas import Spent
from .database import Transaction
from .tables import usage

_STEPS = 40
"""Halvings of a window: less than a second of a year."""
_APART = timedelta(seconds=5)
"""Clocks of two services may be so far apart."""

_BEGIN_ANEW = (
    update(usage)
    .where(usage.c.ended.is_(None), usage.c.begun > bindparam("later", type_=usage.c.begun.type))
    .values(begun=bindparam("now", type_=usage.c.begun.type))
)


def spent_of(
    connection: Connection, allowances: Iterable[Allowance], now: datetime, *, forecast: bool = False
) -> dict[Subject, Spent]:
    """What was used by those whose hours are limited; with `forecast`, when there will be some again."""
    found: dict[Subject, Spent] = {}
    for allowance in allowances:
        bound = allowance.bounds.get(Dimension.CPU_HOURS)
        if bound is not None:
            spent = spent_by(connection, allowance.subject, allowance.window, now)
            if forecast and spent.used >= bound.limit:
                ahead = _free_in(connection, allowance, bound.limit, now)
                spent = Spent(spent.used, spent.by, ahead)
            found[allowance.subject] = spent
    return found


def spent_by(connection: Connection, subject: Subject, window: int, now: datetime) -> Spent:
    """What one subject used within so many seconds before now."""
    since = now - timedelta(seconds=window)
    mine = (usage.c.kind == subject.kind) & (usage.c.subject == subject.name) & (usage.c.cpu > 0)
    by: dict[tuple[str, str], int] = {}
    # What lies within the window is added up by the database; that is nearly all of it.
    within = select(usage.c.owner, usage.c.name, func.sum(usage.c.spent)).where(
        mine, usage.c.ended > since, usage.c.begun >= since
    )
    for owner, name, total in connection.execute(within.group_by(usage.c.owner, usage.c.name)):
        by[owner, name] = int(total or 0)
    edges = select(usage).where(mine, or_(usage.c.ended.is_(None), (usage.c.ended > since) & (usage.c.begun < since)))
    for row in connection.execute(edges):
        key = (row.owner, row.name)
        by[key] = by.get(key, 0) + _within(row, since, now)
    return Spent(sum(by.values()), by)


def begin_anew(transaction: Transaction) -> None:
    """Let what is held begin now where it would begin later: the clock was set back, and until then nothing would be
    counted. A second call in the same transaction does nothing.
    """
    if "begun anew" not in transaction.known:
        now = transaction.now
        transaction.connection.execute(_BEGIN_ANEW, {"now": now, "later": now + _APART})
        transaction.known["begun anew"] = True


def spent(cpu: int, begun: datetime, ended: datetime) -> int:
    """Thousandths of a processor for a second. Nothing where a clock was set back in between."""
    return max(0, round(cpu * (ended - begun).total_seconds()))


def _within(row: Any, since: datetime, now: datetime) -> int:
    return spent(row.cpu, max(row.begun, since), min(row.ended or now, now))


def _free_in(connection: Connection, allowance: Allowance, limit: int, now: datetime) -> int | None:
    """Seconds until so much has left the window that there is some again, if nothing more is used."""
    if limit <= 0:
        return None
    kind, name = allowance.subject
    since = now - timedelta(seconds=allowance.window)
    rows = connection.execute(
        select(usage.c.cpu, usage.c.begun, usage.c.ended).where(
            usage.c.kind == kind,
            usage.c.subject == name,
            usage.c.cpu > 0,
            or_(usage.c.ended.is_(None), usage.c.ended > since),
        )
    ).all()
    low, high = 0.0, float(allowance.window)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        edge = since + timedelta(seconds=middle)
        if sum(_within(row, edge, now) for row in rows) < limit:
            high = middle
        else:
            low = middle
    return int(high) + 1
