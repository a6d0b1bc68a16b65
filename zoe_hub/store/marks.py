"""What a database belongs to: short texts by name."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, insert, select, update

from .database import Transaction
from .tables import marks


def read(connection: Connection) -> Mapping[str, str]:
    """All of them."""
    return {row.name: row.value for row in connection.execute(select(marks))}


def write(transaction: Transaction, name: str, value: str) -> None:
    """Store one; replaces what was there."""
    replaced = transaction.connection.execute(update(marks).where(marks.c.name == name).values(value=value))
    if replaced.rowcount == 0:
        transaction.connection.execute(insert(marks).values(name=name, value=value))
