"""The store in a relational database."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, select

from ..model.adaptation import Adaptation
from ..model.audit import AuditEntry, AuditLine, AuditQuery
from ..model.events import Event
from ..model.execution import Attachment, Execution
from ..model.lifetime import ExpiryCause
from ..model.plan import Plan
from ..model.queries import ExecutionQuery
from ..model.quotas import GroupLimits, Limits
from ..model.zapp import ZApp
from ..scheduler.allowances import Subject as QuotaSubject
from ..scheduler.quotas import Accounts, InForce
from . import (
    adaptations,
    attachments,
    audit,
    leadership,
    lives,
    marks,
    own_zapps,
    quota_views,
    quotas,
    retention,
    sizes,
)
from .announcements import Announcements
from .base import Lease, Store, Submission
from .changes import Change, TerminationRequested
from .database import Database, Transaction
from .documents import event_from
from .histories import histories, histories_between
from .keys import Keys
from .ledger import Ledger
from .queries import ExecutionReader
from .quotas import QuotaSource
from .recorder import record
from .rows import locked, must_go_on
from .search import search
from .submissions import Asked, Submissions
from .tables import event_counter, events

T = TypeVar("T")


class SQLStore(Store):
    """The store in SQLite (a path, or ``sqlite:////path``) or PostgreSQL (``postgresql://…``)."""

    def __init__(
        self,
        url: str | Path,
        *,
        quotas: QuotaSource | None = None,
        timed: Callable[[str, float, bool], None] | None = None,
        upgrades: bool = True,
    ) -> None:
        """Without `upgrades`, `open` changes nothing: it raises OlderDatabase where the schema is an earlier one."""
        self._quotas = quotas or QuotaSource()
        self._announcements = Announcements(self.last_seq)
        self._database = Database(url, committed=self._announcements.announce, timed=timed, upgrades=upgrades)
        self._reader = ExecutionReader()
        self._submissions = Submissions(self._quotas, self._reader)
        self._lease: Lease | None = None
        self._audited: tuple[AuditEntry, Callable[[], None]] | None = None

    @property
    def in_file(self) -> bool:
        """Whether other services on the database are of this machine, and share locks that end with a process only."""
        return self._database.in_file

    async def open(self) -> None:
        await self._database.open()

    async def close(self) -> None:
        await self._announcements.close()
        await self._database.close()

    async def _write(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in a transaction: refused when the lease of `led_by` is stale, with the line of `audited`."""
        lease, entry = self._lease, self._audited
        if lease is None and entry is None:
            return await self._database.write(work)

        def complete(transaction: Transaction) -> T:
            # Others may have shared it.
            transaction.subject = None
            if lease is not None:
                leadership.check(transaction, lease)
            result = work(transaction)
            if entry is not None:
                audit.add_done(transaction, entry[0])
            return result

        result = await self._database.write(complete)
        if entry is not None:
            entry[1]()
        return result

    # Leadership

    async def acquire(self, holder: str, seconds: float, *, abandoned: Lease | None = None) -> Lease | None:
        return await self._database.write(partial(leadership.take, holder=holder, seconds=seconds, abandoned=abandoned))

    async def release(self, lease: Lease) -> None:
        await self._database.write(partial(leadership.give_up, lease=lease))

    async def leader(self) -> Lease | None:
        return await self._database.read(leadership.who_leads)

    async def marks(self) -> Mapping[str, str]:
        return await self._database.read(marks.read)

    async def mark(self, name: str, value: str) -> None:
        await self._write(partial(marks.write, name=name, value=value))

    def led_by(self, lease: Lease) -> SQLStore:
        led = copy.copy(self)
        led._lease = lease
        return led

    # Audit trail

    def audited(self, entry: AuditEntry, stored: Callable[[], None]) -> SQLStore:
        audited = copy.copy(self)
        audited._audited = (entry, stored)
        return audited

    async def add_audit(self, lines: Sequence[AuditLine]) -> None:
        if lines:
            await self._database.write(partial(audit.add, lines=lines))

    async def audit(self, query: AuditQuery) -> Sequence[AuditLine]:
        return await self._database.read(partial(audit.read, query=query))

    async def prune_audit(self, before: datetime) -> int:
        return await self._write(partial(audit.prune, before=before))

    # Executions: reading

    async def get(self, execution: str) -> Execution:
        return await self._database.read(lambda connection: self._get(connection, execution))

    def _get(self, connection: Connection, execution: str) -> Execution:
        return self._reader.one(connection, execution)

    async def find(self, owner: str, name: str) -> Execution:
        return await self._database.read(partial(self._reader.find, owner=owner, name=name))

    async def list(
        self, *, owner: str | None = None, live: bool | None = None, limit: int | None = None
    ) -> Sequence[Execution]:
        return await self._database.read(partial(self._reader.list, owner=owner, live=live, limit=limit))

    async def search(self, query: ExecutionQuery) -> tuple[Sequence[Execution], int]:
        return await self._database.read(partial(search, reader=self._reader, query=query))

    # Executions: writing

    async def submit(self, submission: Submission) -> tuple[Execution, bool]:
        if self._lease is not None:
            return await self._write(lambda transaction: self._submissions.one(transaction, submission))
        if self._audited is None:
            return await self._database.write_together(self._submissions.store, Asked(submission))
        entry, stored = self._audited
        result = await self._database.write_together(self._submissions.store, Asked(submission, entry))
        stored()
        return result

    async def submitted(self, owner: str, idempotency_key: str, fingerprint: str | None) -> Execution | None:
        def work(connection: Connection) -> Execution | None:
            earlier = Keys(connection, [(owner, idempotency_key)]).execution(owner, idempotency_key, fingerprint)
            return None if earlier is None else self._get(connection, earlier)

        return await self._database.read(work)

    async def histories(self, *, after: str = "", limit: int) -> Sequence[tuple[Execution, Sequence[Event]]]:
        return await self._database.read(partial(histories, reader=self._reader, after=after, limit=limit))

    async def present(
        self, since: datetime, until: datetime, *, limit: int
    ) -> Sequence[tuple[Execution, Sequence[Event]]]:
        chosen = partial(histories_between, reader=self._reader, since=since, until=until, limit=limit)
        return await self._database.read(chosen)

    async def changed(self, after: int) -> tuple[Sequence[Execution], int]:
        return await self._database.read(partial(self._reader.changed, after=after))

    async def record(self, changes: Sequence[Change]) -> Sequence[Change]:
        return await self._write(lambda transaction: self._record(transaction, changes)) if changes else ()

    def _record(self, transaction: Transaction, changes: Sequence[Change]) -> Sequence[Change]:
        return record(transaction, changes, self._ledger(transaction), self._reader.plans)

    def _check_quotas(self, transaction: Transaction, row: Row[Any], plan: Plan) -> None:
        sizes.check_quotas(transaction, row, plan, self._ledger(transaction), self._reader.plans)

    def _ledger(self, transaction: Transaction) -> Ledger:
        return Ledger(transaction, self._quotas)

    async def modify(
        self,
        execution: str,
        parameters: Mapping[str, Any],
        plan: Plan,
        *,
        read: Mapping[str, Any] | None = None,
        by: str = "",
        adapting: bool = False,
    ) -> Execution:
        def change(transaction: Transaction, row: Row[Any]) -> None:
            sizes.modify(transaction, row, parameters, plan, read, by)
            self._check_quotas(transaction, row, plan)
            if not adapting:
                who = f"{by} asked" if by else "somebody asked"
                adaptations.stop(transaction, row, by, f"off, because {who} for a size")

        return await self._change(execution, change)

    async def adapt(
        self,
        execution: str,
        adaptation: Adaptation,
        parameters: Mapping[str, Any],
        plan: Plan,
        *,
        read: Mapping[str, Any],
        by: str,
    ) -> Execution:
        def change(transaction: Transaction, row: Row[Any]) -> None:
            sizes.modify(transaction, row, parameters, plan, read, by)
            self._check_quotas(transaction, row, plan)
            adaptations.begin(transaction, row, adaptation, by)

        return await self._change(execution, change)

    async def adapt_no_more(self, execution: str, by: str, why: str) -> Execution:
        def change(transaction: Transaction, row: Row[Any]) -> None:
            if row.adaptation is not None:
                must_go_on(row)
            adaptations.stop(transaction, row, by, why)

        return await self._change(execution, change)

    async def resize(
        self,
        execution: str,
        adaptation: Adaptation,
        parameters: Mapping[str, Any],
        plan: Plan,
        *,
        read: Mapping[str, Any],
        reason: str,
    ) -> None:
        def change(transaction: Transaction, row: Row[Any]) -> None:
            must_go_on(row)
            adaptations.resize(transaction, row, adaptation, parameters, plan, read=read, reason=reason)
            self._check_quotas(transaction, row, plan)

        await self._change(execution, change)

    async def explain_adaptation(self, execution: str, adaptation: Adaptation, reason: str) -> None:
        await self._change(execution, partial(adaptations.explain, adaptation=adaptation, reason=reason))

    async def attach(self, execution: str, attachment: Attachment | None) -> Execution:
        return await self._change(execution, partial(attachments.attach, attachment=attachment))

    async def terminate(self, execution: str, by: str) -> Execution:
        def work(transaction: Transaction) -> Execution:
            self._record(transaction, [TerminationRequested(execution, by)])
            return self._get(transaction.connection, execution)

        return await self._write(work)

    # Lives

    async def end_tied(self, execution: str, attachment: Attachment, by: str, reason: str) -> Execution:
        return await self._change(execution, partial(lives.end_tied, attachment=attachment, by=by, reason=reason))

    async def note_activity(self, execution: str, active: datetime, mark: str) -> None:
        await self._change(execution, partial(lives.note, active=active, mark=mark))

    async def warn(self, execution: str, expires: datetime, cause: ExpiryCause, why: str, advice: str) -> None:
        await self._change(execution, partial(lives.warn, expires=expires, cause=cause, why=why, advice=advice))

    async def forgive(self, execution: str) -> None:
        await self._change(execution, lives.forgive)

    async def keep(self, execution: str, until: datetime | None, by: str) -> Execution:
        def change(transaction: Transaction, row: Row[Any]) -> None:
            must_go_on(row)
            lives.keep(transaction, row, until, by)

        return await self._change(execution, change)

    async def expire(self, execution: str, expires: datetime, why: str) -> None:
        await self._change(execution, partial(lives.expire, expires=expires, why=why))

    async def _change(self, execution: str, change: Callable[[Transaction, Row[Any]], None]) -> Execution:
        def work(transaction: Transaction) -> Execution:
            change(transaction, locked(transaction, execution))
            return self._get(transaction.connection, execution)

        return await self._write(work)

    # Events

    async def events(
        self, *, after: int = 0, owner: str | None = None, execution: str | None = None, limit: int = 1000
    ) -> Sequence[Event]:
        query = select(events).where(events.c.seq > after).order_by(events.c.seq).limit(limit)
        if owner is not None:
            query = query.where(events.c.owner == owner)
        if execution is not None:
            query = query.where(events.c.execution == execution)
        return await self._database.read(lambda connection: [event_from(row) for row in connection.execute(query)])

    async def last_seq(self) -> int:
        query = select(event_counter.c.value)
        return await self._database.read(lambda connection: int(connection.execute(query).scalar_one()))

    async def wait(self, after: int, timeout: float) -> bool:
        return await self._announcements.wait(after, timeout)

    # Retention

    async def deleted_seq(self) -> int:
        query = select(event_counter.c.deleted)
        return await self._database.read(lambda connection: int(connection.execute(query).scalar_one()))

    async def disposable(
        self, *, before: datetime | None, most: int | None, limit: int, until: datetime | None = None
    ) -> Sequence[str]:
        return await self._database.read(
            partial(retention.disposable, before=before, most=most, limit=limit, until=until)
        )

    async def dispose(self, executions: Collection[str]) -> int:
        return await self._write(partial(retention.dispose, identifiers=executions))

    async def tidy(self, *, limit: int) -> int:
        return await self._write(partial(retention.tidy, limit=limit))

    async def forget_owner(self, owner: str, by: str) -> tuple[int, int]:
        def work(transaction: Transaction) -> tuple[int, int]:
            return retention.forget(transaction, owner, by, partial(self._record, transaction))

        return await self._write(work)

    # Quotas

    async def put_quota(self, subject: QuotaSubject, limits: Limits | GroupLimits) -> None:
        await self._write(partial(quotas.put, subject=subject, limits=limits))

    async def delete_quota(self, subject: QuotaSubject) -> None:
        await self._write(partial(quotas.remove, subject=subject))

    async def quotas(self) -> Mapping[QuotaSubject, Limits | GroupLimits]:
        return await self._database.read(quotas.every)

    async def quotas_in_force(self, parties: Collection[tuple[str, tuple[str, ...]]], *, hours: bool = True) -> InForce:
        work = partial(quota_views.in_force, source=self._quotas, parties=parties, hours=hours)
        return await self._database.read(work)

    async def accounts(
        self, user: str, groups: Collection[str] = (), *, others: Collection[QuotaSubject] = ()
    ) -> Accounts:
        work = partial(quota_views.accounts, source=self._quotas, user=user, groups=tuple(groups), others=others)
        return await self._database.read(work)

    # ZApps

    async def put_zapp(self, owner: str, zapp: ZApp, *, most: int | None = None) -> None:
        await self._write(partial(own_zapps.put, owner=owner, zapp=zapp, most=most))

    async def delete_zapp(self, owner: str, name: str) -> None:
        await self._write(partial(own_zapps.remove, owner=owner, name=name))

    async def zapps(self, owner: str) -> Sequence[ZApp]:
        return await self._database.read(partial(own_zapps.read, owner=owner))
