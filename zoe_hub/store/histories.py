"""Reading what happened to executions, a part of them at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, or_, select

from ..model.events import Event, EventKind
from ..model.execution import Execution
from .documents import event_from
from .queries import ExecutionReader
from .tables import events, executions

_BATCH = 500
"""Values in one IN (…): databases limit them."""
_KINDS = [EventKind.EXECUTION_STATE_CHANGED.value, EventKind.EXECUTION_GRANTED.value]


def histories(
    connection: Connection, *, reader: ExecutionReader, after: str, limit: int
) -> list[tuple[Execution, Sequence[Event]]]:
    """Executions whose identifiers come after `after`, in their order, with their events about states and grants."""
    query = select(executions).where(executions.c.id > after).order_by(executions.c.id).limit(limit)
    found = reader.read(connection, query)
    if not found:
        return []
    told: dict[str, list[Event]] = defaultdict(list)
    # Identifiers are read in their order, so that the first and the last say which these are.
    concerned = (
        select(events)
        .where(events.c.execution.between(found[0].id, found[-1].id), events.c.kind.in_(_KINDS))
        .order_by(events.c.seq)
    )
    for row in connection.execute(concerned):
        told[row.execution].append(event_from(row))
    return [(execution, told[execution.id]) for execution in found]


def histories_between(
    connection: Connection, *, reader: ExecutionReader, since: datetime, until: datetime, limit: int
) -> list[tuple[Execution, Sequence[Event]]]:
    """The newest executions that were there at some time in between, with their events about grants until its end."""
    there = (executions.c.created < until) & or_(executions.c.ended.is_(None), executions.c.ended > since)
    newest = select(executions).where(there).order_by(executions.c.id.desc()).limit(limit)
    found = reader.read(connection, newest)
    told: dict[str, list[Event]] = defaultdict(list)
    for start in range(0, len(found), _BATCH):
        these = events.c.execution.in_([execution.id for execution in found[start : start + _BATCH]])
        granted = (events.c.kind == EventKind.EXECUTION_GRANTED.value) & (events.c.time < until)
        for row in connection.execute(select(events).where(these, granted).order_by(events.c.seq)):
            told[row.execution].append(event_from(row))
    return [(execution, told[execution.id]) for execution in found]
