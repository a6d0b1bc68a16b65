"""The audit trail in the database: lines are added, read, and deleted when they are old; nothing else.

Triggers of the database refuse to change a line, and to delete one that is younger than a day.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, Select, delete, insert, select

from ..model.audit import AuditEntry, AuditLine, AuditQuery, Outcome
from .database import Transaction
from .tables import audit

_INSERT = insert(audit)
_BATCH = 1000
_LONGEST = {"action": 63, "caller": 255, "kind": 16, "address": 63, "target": 255, "request": 32}


def add_done(transaction: Transaction, entry: AuditEntry) -> None:
    """Add the line for the change that this transaction makes."""
    subject = transaction.subject
    line = AuditLine(
        **entry.model_dump(),
        time=transaction.now,
        execution=subject.execution if subject else None,
        owner=subject.owner if subject else None,
        outcome=Outcome.of(entry.status),
    )
    add(transaction, [line])


def add(transaction: Transaction, lines: Sequence[AuditLine]) -> None:
    """Add lines. Their `id` is the database's to give."""
    transaction.connection.execute(_INSERT, [_row(line) for line in lines])


def read(connection: Connection, query: AuditQuery) -> list[AuditLine]:
    """The newest first."""
    chosen: Select[tuple[object, ...]] = select(audit).order_by(audit.c.id.desc()).limit(query.limit)
    for column, value in (
        (audit.c.action, query.action),
        (audit.c.execution, query.execution),
        (audit.c.outcome, query.outcome.value if query.outcome else None),
    ):
        if value is not None:
            chosen = chosen.where(column == value)
    if query.caller is not None:
        chosen = chosen.where(audit.c.caller == query.caller if query.caller else audit.c.caller.is_(None))
    if query.since is not None:
        chosen = chosen.where(audit.c.time >= query.since)
    if query.until is not None:
        chosen = chosen.where(audit.c.time < query.until)
    if query.before is not None:
        chosen = chosen.where(audit.c.id < query.before)
    return [AuditLine.model_validate(row._asdict()) for row in connection.execute(chosen)]


def prune(transaction: Transaction, before: datetime) -> int:
    """Delete some of the lines that are older. Returns how many; 0 when none is left."""
    old = select(audit.c.id).where(audit.c.time < before).order_by(audit.c.id).limit(_BATCH)
    return transaction.connection.execute(delete(audit).where(audit.c.id.in_(old.scalar_subquery()))).rowcount


def _row(line: AuditLine) -> dict[str, object]:
    row = line.model_dump(exclude={"id"}) | {"outcome": line.outcome.value}
    for name, longest in _LONGEST.items():
        value = row[name]
        if isinstance(value, str):
            # What a stranger wrote into an address may be anything. PostgreSQL stores no NUL.
            row[name] = value.replace("\x00", "").encode("utf-8", "replace").decode()[:longest]
    return row
