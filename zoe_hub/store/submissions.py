"""Storing new executions. Statements cost more than what they say: few are made for many."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, insert, select

from ..model.audit import AuditEntry
from ..model.errors import Conflict, ZoeError
from ..model.events import EventKind
from ..model.execution import DesiredState, Execution, ExecutionState
from ..model.plan import Plan
from ..scheduler.quotas import Party
from . import attachments, audit
from .among import Among
from .base import Submission
from .database import Subject, Transaction
from .documents import execution_from, serialise_plan
from .history import expected_work
from .identifiers import Identifiers, free_name
from .keys import Keys
from .ledger import Ledger
from .queries import ExecutionReader
from .quotas import QuotaSource
from .tables import executions, plans

_LIVE_NAMES = select(executions.c.owner, executions.c.name).where(
    Among(executions.c.owner, "owners"), executions.c.ended.is_(None)
)
_HAS_PLAN = select(plans.c.digest).where(Among(plans.c.digest, "digests"))
_INSERT = insert(executions)
_INSERT_PLANS = insert(plans)
_EMPTY = dict.fromkeys(executions.c.keys())


@dataclass(frozen=True)
class Asked:
    """Something that is to be stored, and the line of the audit trail about it."""

    submission: Submission
    entry: AuditEntry | None = None


Stored = tuple[Execution, bool]
"""The execution, and whether it is new: a request that was repeated gives the one of before."""


class Submissions:
    """Stores what was submitted, several at once where several wait."""

    def __init__(self, quotas: QuotaSource, reader: ExecutionReader) -> None:
        self._quotas = quotas
        self._reader = reader
        self._identifiers = Identifiers()

    def store(self, transaction: Transaction, asked: Sequence[Asked]) -> list[Stored | Exception]:
        """Store each as QUEUED, in turn; of what is refused, nothing.

        Gives Conflict where its name is taken, QuotaExceeded where a quota has no place for it, KeyReused where its
        key came with another request.
        """
        connection = transaction.connection
        submissions = [each.submission for each in asked]
        parties = [Party(self._identifiers.new(), "", each.owner, each.groups) for each in submissions]
        ledger = Ledger(transaction, self._quotas)
        ledger.before_submissions(parties)
        keys = Keys(connection, [(each.owner, each.idempotency_key) for each in submissions])
        taken = _live_names(connection, {each.owner for each in submissions})
        digests = put_plans(connection, [each.plan for each in submissions])
        found: list[Stored | Exception] = []
        new: dict[str, Execution] = {}
        rows = []
        for submission, party, digest in zip(submissions, parties, digests, strict=True):
            try:
                earlier = keys.execution(submission.owner, submission.idempotency_key, submission.fingerprint)
                if earlier is not None:
                    found.append((new.get(earlier) or self._reader.one(connection, earlier), False))
                    continue
                name = _name_for(submission, taken[submission.owner])
                ledger.submit(replace(party, name=name), submission.plan)
            except ZoeError as error:
                found.append(error)
                continue
            row = self._row(transaction, submission, party.id, name, digest)
            rows.append(row)
            taken[submission.owner].add(name)
            keys.add(submission.owner, submission.idempotency_key, submission.fingerprint, party.id, name)
            new[party.id] = execution_from(_EMPTY | row, submission.plan, ())
            found.append((new[party.id], True))
        if rows:
            connection.execute(_INSERT, rows)
        ledger.write_submitted()
        for each, outcome in zip(asked, found, strict=True):
            if not isinstance(outcome, Exception):
                transaction.subject = Subject(outcome[0].id, each.submission.owner)
                if each.entry is not None:
                    audit.add_done(transaction, each.entry)
        return found

    def one(self, transaction: Transaction, submission: Submission) -> Stored:
        """Store one. Raises what `store` gives."""
        (outcome,) = self.store(transaction, [Asked(submission)])
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _row(
        self, transaction: Transaction, submission: Submission, identifier: str, name: str, digest: str
    ) -> dict[str, Any]:
        plan = submission.plan
        learned = None
        if submission.expected is None:
            learned = expected_work(transaction, submission.owner, plan)
        parameters = dict(submission.parameters)
        transaction.record(
            submission.owner,
            identifier,
            EventKind.EXECUTION_SUBMITTED,
            name=name,
            zapp=plan.zapp,
            parameters=parameters,
        )
        return {
            "id": identifier,
            "owner": submission.owner,
            "name": name,
            "zapp": plan.zapp,
            "parameters": parameters,
            "plan": digest,
            "desired": DesiredState.RUNNING.value,
            "state": ExecutionState.QUEUED.value,
            "reason": "",
            "granted": {},
            "expected": submission.expected,
            "learned": learned,
            "idempotency_key": submission.idempotency_key,
            "fingerprint": submission.fingerprint,
            "groups": list(submission.groups) or None,
            "created": transaction.now,
            "updated": transaction.now,
            **attachments.columns(submission.attachment),
        }


def _live_names(connection: Connection, owners: set[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {owner: set() for owner in owners}
    for owner, name in connection.execute(_LIVE_NAMES, {"owners": sorted(owners)}):
        found[owner].add(name)
    return found


def put_plan(connection: Connection, plan: Plan) -> str:
    """Store it, unless it is there. Returns its digest."""
    return put_plans(connection, [plan])[0]


def put_plans(connection: Connection, given: Sequence[Plan]) -> list[str]:
    """Store those that are not there. Returns their digests."""
    texts = {id(plan): serialise_plan(plan) for plan in {id(plan): plan for plan in given}.values()}
    documents = dict(texts.values())
    known = set(connection.execute(_HAS_PLAN, {"digests": sorted(documents)}).scalars())
    missing = [{"digest": digest, "document": documents[digest]} for digest in sorted(documents.keys() - known)]
    if missing:
        connection.execute(_INSERT_PLANS, missing)
    return [texts[id(plan)][0] for plan in given]


def _name_for(submission: Submission, taken: Container[str]) -> str:
    if submission.name is None:
        return free_name(submission.plan.zapp, taken)
    if submission.name in taken:
        raise Conflict(f"You have an execution named {submission.name!r} already; choose another name or terminate it.")
    return submission.name
