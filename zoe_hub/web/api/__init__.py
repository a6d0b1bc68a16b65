"""The table of the REST interface: every operation there is."""

from __future__ import annotations

from ..operations import Operation
from . import adaptation, audit, connection, documents, executions, lives, quotas, shop, streams, usage, users

OPERATIONS: tuple[Operation, ...] = (
    *documents.OPERATIONS,
    *shop.OPERATIONS,
    *executions.OPERATIONS,
    *adaptation.OPERATIONS,
    *lives.OPERATIONS,
    *connection.OPERATIONS,
    *streams.OPERATIONS,
    *quotas.OPERATIONS,
    *audit.OPERATIONS,
    *users.OPERATIONS,
    *usage.OPERATIONS,
)
