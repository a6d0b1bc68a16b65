"""The notebook that an execution belongs to."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from ..model.events import EventKind
from ..model.execution import Attachment
from .database import Transaction
from .documents import attachment_from
from .rows import change, must_go_on


def columns(attachment: Attachment | None) -> dict[str, Any]:
    """The columns that tie an execution to a notebook, or to none."""
    if attachment is None:
        return {"server": None, "kernel": None, "outlive": None}
    return {"server": attachment.server, "kernel": attachment.kernel, "outlive": attachment.outlive or None}


def attach(transaction: Transaction, row: Row[Any], attachment: Attachment | None) -> None:
    """Tie it to a notebook, or to none; the same again writes nothing. Raises Conflict when it is ending."""
    if attachment == attachment_from(row):
        return
    must_go_on(row)
    # Whoever lets go of it, or takes it, has just used it.
    change(transaction, row, last_active=transaction.now, **columns(attachment))
    if attachment is None:
        transaction.record(row.owner, row.id, EventKind.EXECUTION_DETACHED, server=row.server, kernel=row.kernel)
    else:
        transaction.record(row.owner, row.id, EventKind.EXECUTION_ATTACHED, **attachment.model_dump())
