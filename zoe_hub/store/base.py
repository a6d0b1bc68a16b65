"""The interface of a store. Every write stores its event in the same transaction.

A subclass passes ``tests/store/contract.py``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..model.adaptation import Adaptation
from ..model.audit import AuditEntry, AuditLine, AuditQuery
from ..model.events import Event
from ..model.execution import Attachment, Execution
from ..model.lifetime import ExpiryCause
from ..model.plan import Plan
from ..model.queries import ExecutionQuery
from ..model.quotas import GroupLimits, Limits
from ..model.zapp import ZApp
from ..scheduler.allowances import Subject
from ..scheduler.quotas import Accounts, InForce
from .changes import Change


@dataclass(frozen=True)
class Submission:
    """An execution to be stored."""

    owner: str
    plan: Plan
    parameters: Mapping[str, Any] = field(default_factory=dict)
    name: str | None = None
    attachment: Attachment | None = None
    idempotency_key: str | None = None
    fingerprint: str | None = None
    """Of the request, at most 64 characters: the same key with another one is refused."""
    expected: int | None = None
    """Seconds that its owner expects it to take, with everything granted."""
    groups: tuple[str, ...] = ()
    """Of its owner: whose quotas hold for it, and count it until it has ended."""


@dataclass(frozen=True)
class Lease:
    """The right to lead, until it expires or another has it."""

    holder: str
    number: int
    """Fencing number: higher than that of every holder before."""
    expires: datetime
    """By the database's clock."""


class Store(ABC):
    """All methods may be called concurrently. Times are in UTC."""

    @abstractmethod
    async def open(self) -> None:
        """Connect, and bring the schema to this version."""

    @abstractmethod
    async def close(self) -> None:
        """Disconnect. A second call does nothing."""

    @abstractmethod
    async def submit(self, submission: Submission) -> tuple[Execution, bool]:
        """Store an execution as QUEUED; true when it is new.

        The same owner and idempotency key give the execution stored first, and false; with another
        fingerprint, they raise KeyReused. Without a
        name, one is made from the ZApp's: ``spark-1``, ``spark-2``. Raises Conflict when the name is taken by
        an execution of this owner that has not ended, and QuotaExceeded where a quota of the owner, or of one of
        the groups, has no place for it, or its core could never run: counted within the transaction.
        """

    @abstractmethod
    async def submitted(self, owner: str, idempotency_key: str, fingerprint: str | None) -> Execution | None:
        """What `submit` gave for this key before. Raises KeyReused as `submit` does."""

    @abstractmethod
    async def get(self, execution: str) -> Execution:
        """By identifier. Raises UnknownName."""

    @abstractmethod
    async def find(self, owner: str, name: str) -> Execution:
        """By identifier or name; where an ended and a live execution share a name, the live one, then the newest.

        Raises UnknownName, which proposes the nearest name of this owner.
        """

    @abstractmethod
    async def list(
        self, *, owner: str | None = None, live: bool | None = None, limit: int | None = None
    ) -> Sequence[Execution]:
        """Newest first; without a `limit`, all. `live` true: those that have not ended; false: those that have."""

    @abstractmethod
    async def search(self, query: ExecutionQuery) -> tuple[Sequence[Execution], int]:
        """Those that match, newest first, within the query's offset and limit; and how many match in all."""

    @abstractmethod
    async def histories(self, *, after: str = "", limit: int) -> Sequence[tuple[Execution, Sequence[Event]]]:
        """The next executions after the identifier `after`, oldest first, each with its events about states and grants.

        All that one call gives is of one moment. Fewer than `limit`: there are no more.
        """

    @abstractmethod
    async def present(
        self, since: datetime, until: datetime, *, limit: int
    ) -> Sequence[tuple[Execution, Sequence[Event]]]:
        """Executions that were there at some time in between, the newest `limit`, each with its events about grants.

        Events after `until` are left out; those before `since` are told.
        """

    @abstractmethod
    async def changed(self, after: int) -> tuple[Sequence[Execution], int]:
        """Executions about which something was stored after the event `after`, and the newest event's number."""

    @abstractmethod
    async def record(self, changes: Sequence[Change]) -> Sequence[Change]:
        """Store changes in one transaction, in their order. Returns those that were refused, see `changes.py`.

        Changes of executions that do not exist are refused, and so are grants beyond a quota and admissions that go
        with them. Raises IllegalTransition, which tells the last moves,
        and stores nothing, when the lifecycle table has no such move.
        """

    @abstractmethod
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
        """Store new parameters and the plan made from them. Raises Conflict when it is ending or has ended.

        It follows its load no more from then on, unless `adapting`.

        `read` are the parameters from which they were made: Overtaken is raised, and nothing stored, when they are
        not the stored ones any more. `by` is told in the event. The same again writes nothing. Raises QuotaExceeded
        where what must run does not fit below a quota, and where it should grow and hours of processors are used up.
        """

    @abstractmethod
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
        """Store that it follows its load between these bounds (event: adapted), and a size within them as `modify`."""

    @abstractmethod
    async def adapt_no_more(self, execution: str, by: str, why: str) -> Execution:
        """Store that it stays as large as it is (event: adapted); nothing where that is so. Raises as `modify`."""

    @abstractmethod
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
        """As `modify`, because of its load; not as a use of it.

        Raises Overtaken where these are not its bounds, or `read` not its parameters, any more.
        """

    @abstractmethod
    async def explain_adaptation(self, execution: str, adaptation: Adaptation, reason: str) -> None:
        """Store why it does not follow its load just now. The same again, or with other bounds, writes nothing."""

    @abstractmethod
    async def attach(self, execution: str, attachment: Attachment | None) -> Execution:
        """Tie to a notebook, or let go. The same again writes nothing. Raises Conflict as `modify`."""

    @abstractmethod
    async def terminate(self, execution: str, by: str) -> Execution:
        """Store the wish to end. A second call, or one for an ended execution, changes nothing."""

    @abstractmethod
    async def end_tied(self, execution: str, attachment: Attachment, by: str, reason: str) -> Execution:
        """As `terminate`, with a reason, if it still is tied to that server and, where one is named, to that kernel."""

    @abstractmethod
    async def note_activity(self, execution: str, active: datetime, mark: str) -> None:
        """Store when it last worked; the first time also that it runs since now. No event, as nobody waits for it."""

    @abstractmethod
    async def warn(self, execution: str, expires: datetime, cause: ExpiryCause, why: str, advice: str) -> None:
        """Store that it will end then (event: expiring). The same again writes nothing."""

    @abstractmethod
    async def forgive(self, execution: str) -> None:
        """Store that the warning holds no more (event: kept). Without a warning, nothing."""

    @abstractmethod
    async def keep(self, execution: str, until: datetime | None, by: str) -> Execution:
        """Keep it until then though idle, or no longer. A warning of idleness is over. Raises Conflict as `modify`."""

    @abstractmethod
    async def expire(self, execution: str, expires: datetime, why: str) -> None:
        """As `terminate`, with a reason, if the warning that it would end then still holds."""

    @abstractmethod
    async def events(
        self, *, after: int = 0, owner: str | None = None, execution: str | None = None, limit: int = 1000
    ) -> Sequence[Event]:
        """Events with a higher `seq`, in order."""

    @abstractmethod
    async def last_seq(self) -> int:
        """`seq` of the newest event; 0 when there is none."""

    @abstractmethod
    async def wait(self, after: int, timeout: float) -> bool:
        """Return true as soon as there is an event newer than `after`, false after `timeout` seconds."""

    @abstractmethod
    async def deleted_seq(self) -> int:
        """The highest `seq` of an event that was deleted; 0 when none was. Who resumes from before it may miss some."""

    @abstractmethod
    async def disposable(
        self, *, before: datetime | None, most: int | None, limit: int, until: datetime | None = None
    ) -> Sequence[str]:
        """Executions that ended before a moment, or beyond the `most` newest of their owner, or of forgotten owners.

        Identifiers, the oldest first. With `until`, none that ended later than that, for any reason.
        """

    @abstractmethod
    async def dispose(self, executions: Collection[str]) -> int:
        """Delete those that have ended, with their instances and events. Returns how many.

        Those that have not ended, or do not exist, are left alone. Their idempotency keys are forgotten too.
        """

    @abstractmethod
    async def tidy(self, *, limit: int) -> int:
        """Delete up to `limit` plans to which no execution refers. Returns how many."""

    @abstractmethod
    async def forget_owner(self, owner: str, by: str) -> tuple[int, int]:
        """Ask for the end of all executions of an owner, delete the own ZApps, and make all disposable once ended.

        What is stored of this owner later is not concerned. Returns how many are live, and how many there are.
        """

    @abstractmethod
    async def acquire(self, holder: str, seconds: float, *, abandoned: Lease | None = None) -> Lease | None:
        """Take leadership, or renew it, for so many seconds from now; None while somebody else's has not expired.

        A lease that is `abandoned` to the letter counts as expired.

        A new holder gets a higher number. The same holder keeps its own while no other has taken the lease, also
        after it expired. Raises NewerDatabase when a newer service has changed the schema meanwhile.
        """

    @abstractmethod
    async def release(self, lease: Lease) -> None:
        """Let others lead at once; the lease's number is stale from then on. Nothing when it was lost already."""

    @abstractmethod
    async def leader(self) -> Lease | None:
        """The lease as it is stored, expired or not; None when it was given up."""

    @abstractmethod
    async def marks(self) -> Mapping[str, str]:
        """What the database belongs to, by name; see `mark`."""

    @abstractmethod
    async def mark(self, name: str, value: str) -> None:
        """Store what the database belongs to, such as the machine; replaces what was stored under the name."""

    @abstractmethod
    def led_by(self, lease: Lease) -> Store:
        """This store with the lease's fencing number, to be opened and closed as this one is.

        All its writes raise StaleLease and change nothing once the number is not the database's. The database
        checks it inside each writing transaction.
        """

    @abstractmethod
    def audited(self, entry: AuditEntry, stored: Callable[[], None]) -> Store:
        """This store for one request, to be opened and closed as this one is.

        Every write stores a line of the audit trail in its own transaction: neither the change nor the line is
        ever there without the other. `stored` is called after each such line.
        """

    @abstractmethod
    async def add_audit(self, lines: Sequence[AuditLine]) -> None:
        """Store lines about requests that changed nothing. Their `id` is given anew."""

    @abstractmethod
    async def audit(self, query: AuditQuery) -> Sequence[AuditLine]:
        """Lines of the audit trail, newest first."""

    @abstractmethod
    async def prune_audit(self, before: datetime) -> int:
        """Delete some of the lines that are older; returns how many, 0 when none is left.

        `before` must be more than a day ago: the database keeps younger lines, whoever wants them deleted.
        """

    @abstractmethod
    async def put_quota(self, subject: Subject, limits: Limits | GroupLimits) -> None:
        """Store what holds for a subject instead of what the file says; replaces what was stored before."""

    @abstractmethod
    async def delete_quota(self, subject: Subject) -> None:
        """Leave the subject to what the file says. Raises UnknownName."""

    @abstractmethod
    async def quotas(self) -> Mapping[Subject, Limits | GroupLimits]:
        """All that are stored, by subject: of everybody, of groups, of users."""

    @abstractmethod
    async def quotas_in_force(self, parties: Collection[tuple[str, tuple[str, ...]]], *, hours: bool = True) -> InForce:
        """What holds for these users, who are in these groups; with `hours`, also whose hours are used up.

        That costs a query for each of them whose hours are limited.
        """

    @abstractmethod
    async def accounts(self, user: str, groups: Collection[str] = (), *, others: Collection[Subject] = ()) -> Accounts:
        """What holds for a user and is used of it, also of what is not limited; and the same of other subjects."""

    @abstractmethod
    async def put_zapp(self, owner: str, zapp: ZApp, *, most: int | None = None) -> None:
        """Store a user's own ZApp; replaces one of the same name. Raises LimitReached for more than `most`."""

    @abstractmethod
    async def delete_zapp(self, owner: str, name: str) -> None:
        """Raises UnknownName."""

    @abstractmethod
    async def zapps(self, owner: str) -> Sequence[ZApp]:
        """A user's own ZApps, by name."""
