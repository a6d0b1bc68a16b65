"""Reading executions: one query for them, one for all their instances, one for plans not seen before."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Row, Select, select

from ..model.errors import UnknownName
from ..model.execution import Execution, InstanceStatus
from ..model.plan import Plan
from ..model.resources import Resources
from ..scheduler.allowances import Dimension
from .among import Among
from .documents import PlanCache, execution_from, instance_from, places
from .tables import event_counter, events, executions, instances, plans, usage

log = logging.getLogger(__name__)

_BATCH = 500
"""Values in one IN (…): databases limit them."""

_PROPOSED_NAMES = 200
"""The newest executions of an owner whose names are compared with a mistyped one."""

_INSTANCES = (
    select(instances)
    .where(Among(instances.c.execution, "ids"))
    .order_by(instances.c.execution, instances.c.process, instances.c.ordinal)
)


class ExecutionReader:
    """Reads executions with their instances and plans."""

    def __init__(self) -> None:
        self._cache = PlanCache()
        self._unreadable: set[str] = set()

    def read(self, connection: Connection, query: Select[Any]) -> list[Execution]:
        """The executions of a query over the table's columns, in its order."""
        rows = connection.execute(query).all()
        if not rows:
            return []
        by_execution = _instances(connection, rows)
        parsed = self.plans(connection, {row.plan for row in rows})
        held = _held(connection, [row.id for row in rows if row.plan not in parsed])
        return [
            execution_from(
                row, parsed.get(row.plan) or Plan.unreadable(row.zapp), by_execution[row.id], held.get(row.id)
            )
            for row in rows
        ]

    def one(self, connection: Connection, execution: str) -> Execution:
        """The execution with this identifier. Raises UnknownName."""
        found = self.read(connection, select(executions).where(executions.c.id == execution))
        if not found:
            raise UnknownName("execution", execution)
        return found[0]

    def find(self, connection: Connection, owner: str, name: str) -> Execution:
        """By identifier, else this owner's by name: the live one, else the newest. Raises UnknownName."""
        by_id = self.read(connection, select(executions).where(executions.c.id == name))
        if by_id:
            return by_id[0]
        own = select(executions).where(executions.c.owner == owner)
        newest = (executions.c.ended.is_(None).desc(), executions.c.id.desc())
        by_name = self.read(connection, own.where(executions.c.name == name).order_by(*newest).limit(1))
        if by_name:
            return by_name[0]
        known = own.with_only_columns(executions.c.name).order_by(executions.c.id.desc()).limit(_PROPOSED_NAMES)
        raise UnknownName("execution", name, set(connection.execute(known).scalars()))

    def list(
        self, connection: Connection, *, owner: str | None, live: bool | None, limit: int | None
    ) -> Sequence[Execution]:
        """The newest first; None excludes nothing."""
        query = select(executions).order_by(executions.c.id.desc()).limit(limit)
        if owner is not None:
            query = query.where(executions.c.owner == owner)
        if live is not None:
            query = query.where(executions.c.ended.is_(None) if live else executions.c.ended.is_not(None))
        return self.read(connection, query)

    def changed(self, connection: Connection, after: int) -> tuple[Sequence[Execution], int]:
        """Those of which events tell that came after this one, and the number of the last event."""
        last = int(connection.execute(select(event_counter.c.value)).scalar_one())
        if last <= after:
            return [], last
        concerned = select(events.c.execution).where(events.c.seq > after)
        return self.read(connection, select(executions).where(executions.c.id.in_(concerned))), last

    def plans(self, connection: Connection, digests: set[str]) -> dict[str, Plan]:
        """By digest; those that another version of Zoe wrote and this one cannot read are left out."""
        found = {digest: plan for digest in digests if (plan := self._cache.get(digest)) is not None}
        missing = sorted(digests - found.keys() - self._unreadable)
        for start in range(0, len(missing), _BATCH):
            query = select(plans).where(plans.c.digest.in_(missing[start : start + _BATCH]))
            for digest, document in connection.execute(query):
                try:
                    found[digest] = Plan.model_validate_json(document)
                except ValidationError as error:
                    log.error("The stored plan %s cannot be read by this version of Zoe: %s", digest, places(error))
                    self._unreadable.add(digest)
                else:
                    self._cache.put(digest, found[digest], len(document))
        return found


def _held(connection: Connection, executions: Sequence[str]) -> dict[str, tuple[Resources, int]]:
    """What the books say of executions of which no plan says it."""
    found = {}
    for start in range(0, len(executions), _BATCH):
        these = usage.c.execution.in_(executions[start : start + _BATCH]) & usage.c.ended.is_(None)
        for row in connection.execute(select(usage).where(these, usage.c.kind == "user")):
            amounts = Resources(cpu=row.cpu / Dimension.CPU.unit, memory=row.memory, gpu=row.gpu)
            found[row.execution] = amounts, int(row.instances)
    return found


def _instances(connection: Connection, rows: Sequence[Row[Any]]) -> dict[str, list[InstanceStatus]]:
    found: dict[str, list[InstanceStatus]] = defaultdict(list)
    for start in range(0, len(rows), _BATCH):
        for row in connection.execute(_INSTANCES, {"ids": [row.id for row in rows[start : start + _BATCH]]}):
            found[row.execution].append(instance_from(row))
    return found
