"""Requests that are repeated with the same idempotency key."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, select

from ..model.errors import KeyReused
from .among import PairsAmong
from .tables import executions

_STORED_WITH = select(
    executions.c.owner, executions.c.idempotency_key, executions.c.fingerprint, executions.c.id, executions.c.name
).where(PairsAmong(executions.c.owner, "owners", executions.c.idempotency_key, "keys"))


class Keys:
    """What owners' keys gave before."""

    def __init__(self, connection: Connection, asked: Iterable[tuple[str, str | None]]) -> None:
        pairs = sorted({(owner, key) for owner, key in asked if key is not None})
        self._known: dict[tuple[str, str], tuple[str | None, str, str]] = {}
        if pairs:
            names = {"owners": [owner for owner, _ in pairs], "keys": [key for _, key in pairs]}
            for owner, key, fingerprint, identifier, name in connection.execute(_STORED_WITH, names):
                self._known[owner, key] = fingerprint, identifier, name

    def add(self, owner: str, key: str | None, fingerprint: str | None, identifier: str, name: str) -> None:
        """This key gives this execution from now on."""
        if key is not None:
            self._known[owner, key] = fingerprint, identifier, name

    def execution(self, owner: str, key: str | None, fingerprint: str | None) -> str | None:
        """The execution that this owner's key gave before. Raises KeyReused when that was another request."""
        known = None if key is None else self._known.get((owner, key))
        if known is None:
            return None
        before, identifier, name = known
        # Those stored by versions that kept no fingerprint have none.
        if None not in (fingerprint, before) and fingerprint != before:
            raise KeyReused(
                f"This Idempotency-Key came with another request before, which gave {name}; choose a new key for a new "
                "request."
            )
        return identifier
