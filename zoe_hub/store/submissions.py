"""Storing a new execution. Statements are made once: making them costs more than running them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select

from ..model.errors import Conflict
from ..model.events import EventKind
from ..model.execution import Attachment, DesiredState, Execution, ExecutionState
from ..model.plan import Plan
from ..scheduler.quotas import Party
from .base import Submission
from .database import Transaction
from .documents import execution_from, serialise_plan
from .history import expected_work
from .identifiers import free_name
from .ledger import Ledger
from .tables import executions, plans

_own = executions.c.owner == bindparam("owner")
_LIVE_NAMES = select(executions.c.name).where(_own, executions.c.ended.is_(None))
_HAS_PLAN = select(plans.c.digest).where(plans.c.digest == bindparam("digest"))
_INSERT = insert(executions)
_INSERT_PLAN = insert(plans)
_EMPTY = dict.fromkeys(executions.c.keys())


def store(transaction: Transaction, submission: Submission, identifier: str, ledger: Ledger) -> Execution:
    """Store it as QUEUED. Raises Conflict when its name is taken, QuotaExceeded where a quota has no place for it."""
    connection, plan = transaction.connection, submission.plan
    ledger.before_submission(Party(identifier, "", submission.owner, submission.groups))
    taken = frozenset(connection.execute(_LIVE_NAMES, {"owner": submission.owner}).scalars())
    name = _name_for(submission, taken)
    ledger.submit(Party(identifier, name, submission.owner, submission.groups), plan)
    values = {
        "id": identifier,
        "owner": submission.owner,
        "name": name,
        "zapp": plan.zapp,
        "parameters": dict(submission.parameters),
        "plan": put_plan(connection, plan),
        "desired": DesiredState.RUNNING.value,
        "state": ExecutionState.QUEUED.value,
        "reason": "",
        "granted": {},
        "expected": submission.expected,
        "learned": None if submission.expected is not None else expected_work(connection, submission.owner, plan),
        "idempotency_key": submission.idempotency_key,
        "fingerprint": submission.fingerprint,
        "groups": list(submission.groups) or None,
        "created": transaction.now,
        "updated": transaction.now,
        **attachment_columns(submission.attachment),
    }
    connection.execute(_INSERT, values)
    transaction.record(
        submission.owner,
        identifier,
        EventKind.EXECUTION_SUBMITTED,
        name=name,
        zapp=plan.zapp,
        parameters=values["parameters"],
    )
    return execution_from(SimpleNamespace(**(_EMPTY | values)), plan, ())


def attachment_columns(attachment: Attachment | None) -> dict[str, Any]:
    """The columns that tie an execution to a notebook, or to none."""
    if attachment is None:
        return {"server": None, "kernel": None, "outlive": None}
    return {"server": attachment.server, "kernel": attachment.kernel, "outlive": attachment.outlive or None}


def put_plan(connection: Connection, plan: Plan) -> str:
    """Store it, unless it is there. Returns its digest."""
    digest, document = serialise_plan(plan)
    if connection.execute(_HAS_PLAN, {"digest": digest}).first() is None:
        connection.execute(_INSERT_PLAN, {"digest": digest, "document": document})
    return digest


def _name_for(submission: Submission, taken: frozenset[str]) -> str:
    if submission.name is None:
        return free_name(submission.plan.zapp, taken)
    if submission.name in taken:
        raise Conflict(f"You have an execution named {submission.name!r} already; choose another name or terminate it.")
    return submission.name
