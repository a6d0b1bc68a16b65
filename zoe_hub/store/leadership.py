"""Who leads: a lease with a fencing number, in one row of the database. Its time is the database's."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from sqlalchemy import Connection, func, select, text, update

from ..model.errors import StaleLease
from .base import Lease
from .database import Transaction
from .tables import leadership
from .upgrade import check_schema


def take(transaction: Transaction, holder: str, seconds: float, abandoned: Lease | None = None) -> Lease | None:
    """Take or renew leadership; None while somebody else's lease has not expired. Raises NewerDatabase.

    A lease that is `abandoned` to the letter counts as expired.
    """
    connection = transaction.connection
    check_schema(connection)
    row = connection.execute(select(leadership).with_for_update()).one()
    # Read after the row was locked: waiting for the lock takes time.
    now = _now(connection)
    free = abandoned is not None and (row.number, row.expires) == (abandoned.number, abandoned.expires)
    if row.holder not in (None, holder) and row.expires > now and not free:
        return None
    number = row.number if row.holder == holder else row.number + 1
    lease = Lease(holder=holder, number=number, expires=now + timedelta(seconds=seconds))
    connection.execute(update(leadership).values(holder=holder, number=number, expires=lease.expires))
    return lease


def give_up(transaction: Transaction, lease: Lease) -> None:
    """End a lease, unless another has taken it. Its number is stale from now on."""
    this, now = leadership.c.number == lease.number, _now(transaction.connection)
    end = update(leadership).where(this).values(holder=None, number=lease.number + 1, expires=now)
    transaction.connection.execute(end)


def who_leads(connection: Connection) -> Lease | None:
    """The lease as it is stored, expired or not; None when it was given up."""
    row = connection.execute(select(leadership)).one()
    return None if row.holder is None else Lease(holder=row.holder, number=row.number, expires=row.expires)


def check(transaction: Transaction, lease: Lease) -> None:
    """Raises StaleLease unless the lease's number is the database's, and keeps it so until the transaction is over."""
    # Shared: writes of one leader do not wait for each other, who wants to take the lease waits for them.
    query = select(leadership.c.number).with_for_update(read=True)
    number = transaction.connection.execute(query).scalar_one()
    if number != lease.number:
        raise StaleLease(
            f"Another Zoe service leads now: {lease.holder} held number {lease.number}, the database has {number}."
        )


def _now(connection: Connection) -> datetime:
    if connection.dialect.name == "sqlite":
        moment: str = connection.execute(text("SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')")).scalar_one()
        return datetime.fromisoformat(moment).replace(tzinfo=timezone.utc)
    # Not now(), which is when the transaction began.
    clock: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return clock.astimezone(timezone.utc)
