"""Looking for executions: a page of those that match, and how many there are in all."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, func, or_, select

from ..model.execution import Execution
from ..model.queries import ExecutionQuery
from .queries import ExecutionReader
from .tables import executions


def search(connection: Connection, *, reader: ExecutionReader, query: ExecutionQuery) -> tuple[list[Execution], int]:
    """The newest first. Of a query without bounds, the count costs nothing more."""
    page = narrowed(select(executions), query).order_by(executions.c.id.desc()).offset(query.offset).limit(query.limit)
    found = reader.read(connection, page)
    whole = query.limit is None or len(found) < query.limit
    if whole and (found or not query.offset):
        return found, query.offset + len(found)
    counted = connection.execute(narrowed(select(func.count()).select_from(executions), query))
    return found, int(counted.scalar_one())


def narrowed(chosen: Select[Any], query: ExecutionQuery) -> Select[Any]:
    """A selection from the executions, with the conditions of the query."""
    for column, value in (
        (executions.c.state, query.state.value if query.state else None),
        (executions.c.name, query.name),
        (executions.c.server, query.server),
    ):
        if value is not None:
            chosen = chosen.where(column == value)
    if query.owners is not None:
        chosen = chosen.where(executions.c.owner.in_(query.owners))
    if query.live is not None:
        chosen = chosen.where(executions.c.ended.is_(None) if query.live else executions.c.ended.is_not(None))
    if query.text:
        looked_in = (executions.c.name, executions.c.zapp, executions.c.owner)
        chosen = chosen.where(or_(*(column.icontains(query.text, autoescape=True) for column in looked_in)))
    return chosen
