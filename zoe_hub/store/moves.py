"""Keeps executions to the lifecycle table."""

from __future__ import annotations

from sqlalchemy import Connection, select

from ..model.errors import IllegalTransition
from ..model.events import EventKind
from ..model.execution import ExecutionState
from ..scheduler.lifecycle import ExecutionEvent, event_between
from .tables import events

_REMEMBERED = 8
"""Moves that are told when an illegal one is tried."""


def check_move(connection: Connection, execution: str, before: ExecutionState, after: ExecutionState) -> ExecutionEvent:
    """The event that leads from one state to the other. Raises IllegalTransition, with the execution's last moves."""
    try:
        return event_between(before, after)
    except IllegalTransition:
        return event_between(before, after, _moves(connection, execution))


def _moves(connection: Connection, execution: str) -> list[str]:
    query = (
        select(events.c.time, events.c.data)
        .where(events.c.execution == execution, events.c.kind == EventKind.EXECUTION_STATE_CHANGED.value)
        .order_by(events.c.seq.desc())
        .limit(_REMEMBERED)
    )
    return [
        f"{time.isoformat(timespec='seconds')} {data['before']} to {data['after']}"
        + (f" ({data['reason']})" if data["reason"] else "")
        for time, data in reversed(connection.execute(query).all())
    ]
