"""Lets transactions that count the same wait for each other."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, func, select


def one_at_a_time(connection: Connection, what: Iterable[str]) -> None:
    """Let other transactions that say the same words wait for the end of this one. In one order for everybody."""
    # SQLite has but one writer anyhow.
    if connection.dialect.name == "postgresql":
        for word in sorted(set(what)):
            connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(word))))
