"""Another size of an execution: new parameters and their plan, where quotas allow what it needs more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row

from ..model.errors import Overtaken
from ..model.events import EventKind
from ..model.execution import ExecutionState
from ..model.plan import Plan
from .database import Transaction
from .ledger import Ledger, Plans, party_of, present
from .rows import change, must_go_on
from .submissions import put_plan


def modify(
    transaction: Transaction,
    row: Row[Any],
    parameters: Mapping[str, Any],
    plan: Plan,
    read: Mapping[str, Any] | None,
    by: str,
) -> None:
    """New parameters and their plan. Raises Conflict when it is ending, Overtaken when `read` was changed."""
    must_go_on(row)
    if read is not None and row.parameters != dict(read):
        raise Overtaken(f"{row.name} was changed by somebody else meanwhile; look at it and try again.")
    digest = put_plan(transaction.connection, plan)
    if (row.parameters, row.plan) != (dict(parameters), digest):
        change(transaction, row, parameters=dict(parameters), plan=digest, last_active=transaction.now)
        transaction.record(row.owner, row.id, EventKind.EXECUTION_SCALED, parameters=dict(parameters), by=by)


def check_quotas(transaction: Transaction, row: Row[Any], plan: Plan, ledger: Ledger, plans: Plans) -> None:
    """Raises QuotaExceeded where a quota does not allow what the plan needs more than the row's one."""
    before = plans(transaction.connection, {row.plan}).get(row.plan)
    if before is not None and before != plan and row.ended is None:
        granted = None if row.state == ExecutionState.QUEUED.value else row.granted
        ledger.rescale(party_of(row), granted, before, plan, plans, present(transaction.connection, row.id))
