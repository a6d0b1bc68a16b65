"""One row of `executions` that is changed: nobody else changes it until the transaction is over."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select, update

from ..model.errors import Conflict, UnknownName
from ..model.execution import DesiredState, ExecutionState
from .database import Subject, Transaction
from .tables import executions

_ENDING = frozenset(
    state.value for state in (ExecutionState.STOPPING, ExecutionState.FAILING, ExecutionState.COMPLETING)
)


def locked(transaction: Transaction, execution: str) -> Row[Any]:
    """The row, which no other transaction changes until this one is over. Raises UnknownName."""
    query = select(executions).where(executions.c.id == execution).with_for_update()
    row = transaction.connection.execute(query).first()
    if row is None:
        raise UnknownName("execution", execution)
    transaction.subject = Subject(row.id, row.owner)
    return row


def must_go_on(row: Row[Any]) -> None:
    """Raises Conflict when the execution is ending or has ended."""
    if row.ended is not None:
        raise Conflict(f"{row.name} has ended ({row.state}) and cannot be changed any more.")
    if row.desired == DesiredState.TERMINATED.value or row.state in _ENDING:
        raise Conflict(f"{row.name} is ending and cannot be changed any more.")


def change(transaction: Transaction, row: Row[Any], **values: Any) -> None:
    """Store other values: it was updated now."""
    put(transaction, row, updated=transaction.now, **values)


def put(transaction: Transaction, row: Row[Any], **values: Any) -> None:
    """Store other values of what nobody calls an update, such as when it was last used."""
    transaction.connection.execute(update(executions).where(executions.c.id == row.id).values(**values))
