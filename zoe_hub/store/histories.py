"""Reading what happened to executions, a part of them at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import Connection, select

from ..model.events import Event, EventKind
from ..model.execution import Execution
from .documents import event_from
from .queries import ExecutionReader
from .tables import events, executions

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
