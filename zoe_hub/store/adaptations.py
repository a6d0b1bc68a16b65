"""Which executions follow their load: each function is one change of a locked row of `executions`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row

from ..model.adaptation import Adaptation
from ..model.errors import Overtaken
from ..model.events import EventKind
from ..model.plan import Plan
from .database import Transaction
from .documents import adaptation_from
from .rows import change
from .submissions import put_plan


def begin(transaction: Transaction, row: Row[Any], adaptation: Adaptation, by: str) -> None:
    """Follow the load between these bounds from now on. The same again writes nothing."""
    if adaptation_from(row) != adaptation:
        document = adaptation.model_dump()
        change(transaction, row, adaptation=document, adapted="", last_active=transaction.now)
        transaction.record(row.owner, row.id, EventKind.EXECUTION_ADAPTED, name=row.name, **document, by=by)


def stop(transaction: Transaction, row: Row[Any], by: str, why: str) -> None:
    """Stay as large as it is. Nothing where it follows no load."""
    if row.adaptation is not None:
        change(transaction, row, adaptation=None, adapted=why, last_active=transaction.now)
        transaction.record(row.owner, row.id, EventKind.EXECUTION_ADAPTED, name=row.name, reason=why, by=by)


def resize(
    transaction: Transaction,
    row: Row[Any],
    adaptation: Adaptation,
    parameters: Mapping[str, Any],
    plan: Plan,
    *,
    read: Mapping[str, Any],
    reason: str,
) -> None:
    """Another size, because of its load. No use of it: what only shrinks because it is idle goes on being idle.

    Raises Overtaken, and stores nothing, when bounds or parameters are not the ones from which that was concluded.
    """
    if adaptation_from(row) != adaptation or row.parameters != dict(read):
        raise Overtaken(f"{row.name} was changed by somebody else meanwhile.")
    new = dict(parameters)
    change(transaction, row, parameters=new, plan=put_plan(transaction.connection, plan), adapted=reason)
    transaction.record(
        row.owner, row.id, EventKind.EXECUTION_SCALED, parameters=new, by="adaptation", reason=reason, name=row.name
    )


def explain(transaction: Transaction, row: Row[Any], adaptation: Adaptation, reason: str) -> None:
    """Why it follows its load no further; told once. Nothing where it follows none between these bounds."""
    if adaptation_from(row) == adaptation and row.adapted != reason:
        change(transaction, row, adapted=reason)
        transaction.record(
            row.owner, row.id, EventKind.EXECUTION_ADAPTED, name=row.name, **adaptation.model_dump(), reason=reason
        )
