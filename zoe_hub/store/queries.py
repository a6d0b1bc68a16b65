"""Reading executions: one query for them, one for all their instances, one for plans not seen before."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Row, Select, bindparam, select

from ..model.errors import UnknownName
from ..model.execution import Execution, InstanceStatus
from ..model.plan import Plan
from ..model.resources import Resources
from ..scheduler.allowances import Dimension
from .documents import PlanCache, execution_from, instance_from, places
from .tables import executions, instances, plans, usage

log = logging.getLogger(__name__)

_BATCH = 500
"""Values in one IN (…): databases limit them."""

_INSTANCES = (
    select(instances)
    .where(instances.c.execution.in_(bindparam("ids", expanding=True)))
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
                    self._cache.put(digest, found[digest])
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
