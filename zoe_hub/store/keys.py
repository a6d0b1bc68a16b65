"""Requests that are repeated with the same idempotency key."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select

from ..model.errors import KeyReused
from .tables import executions

_STORED_WITH = select(executions.c.id, executions.c.name, executions.c.fingerprint).where(
    executions.c.owner == bindparam("owner"), executions.c.idempotency_key == bindparam("key")
)


def stored_with(connection: Connection, owner: str, key: str | None, fingerprint: str | None) -> str | None:
    """The execution that this owner's key gave before. Raises KeyReused when that was another request."""
    if key is None:
        return None
    row = connection.execute(_STORED_WITH, {"owner": owner, "key": key}).first()
    if row is None:
        return None
    # Those stored by versions that kept no fingerprint have none.
    if None not in (fingerprint, row.fingerprint) and fingerprint != row.fingerprint:
        raise KeyReused(
            f"This Idempotency-Key came with another request before, which gave {row.name}; choose a new key for a "
            "new request."
        )
    identifier: str = row.id
    return identifier
