"""What every execution holds of quotas, kept in the transaction that changes it: nobody gets more than is allowed,
however many ask at the same time, and however they ask.

Whoever is about to give somebody more locks the subjects concerned first, in one order for everybody, and counts then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select

from ..model.errors import QuotaExceeded
from ..model.execution import InstanceState
from ..model.plan import Plan
from ..scheduler.allowances import Allowance, Dimension, Rules, Subject
from ..scheduler.quotas import HELD, Accounts, Amounts, Party, Spent, Wish, amounts
from ..scheduler.refusals import Refusal
from ..scheduler.shapes import Shape
from . import quotas
from .among import Among
from .database import Transaction
from .locks import one_at_a_time
from .quotas import QuotaSource
from .spending import begin_anew, spent, spent_of
from .tables import executions, instances, usage
from .updating import update_rows

_BATCH = 500
_LARGEST = 2**63 - 1
_NOTHING: Amounts = dict.fromkeys(HELD, 0)
Plans = Callable[[Connection, set[str]], Mapping[str, Plan]]
"""Plans by their digests; those that cannot be read are left out."""
_INSERT = insert(usage)
_DELETE = delete(usage).where(Among(usage.c.id, "ids"))
_HELD_BY = select(usage).where(Among(usage.c.execution, "executions"), usage.c.ended.is_(None))
_HELD_OF = select(usage).where(
    usage.c.kind == bindparam("of_kind"), usage.c.subject == bindparam("name"), usage.c.ended.is_(None)
)


def core_of(plan: Plan) -> list[Wish]:
    """What must run."""
    return [(Shape.of(process.resources), process.core) for process in plan.processes if process.core]


def held_by(plan: Plan, granted: Mapping[str, int], there: Mapping[str, int] | None = None) -> dict[Dimension, int]:
    """What an execution holds that was admitted: what it was granted, and never less than its core, nor than the
    instances that are still there of what was taken back.
    """
    present = there or {}
    return amounts(
        (Shape.of(p.resources), max(granted.get(p.key, 0), p.core, present.get(p.key, 0))) for p in plan.processes
    )


def present(connection: Connection, execution: str) -> Counter[str]:
    """Instances that have not ended, by process."""
    mine = (instances.c.execution == execution) & instances.c.state.not_in([s.value for s in InstanceState if s.ended])
    return Counter(connection.execute(select(instances.c.process).where(mine)).scalars())


def party_of(row: Any) -> Party:
    """For whom quotas are asked: of a row of `executions`."""
    return Party(row.id, row.name, row.owner, tuple(row.groups or ()))


class Ledger:
    """Of one transaction. Changes of executions are written by `write`, or at once where it is said so."""

    def __init__(self, transaction: Transaction, source: QuotaSource) -> None:
        self._transaction = transaction
        self._connection = transaction.connection
        self._source = source
        self._parties: dict[str, Party] = {}
        self._rules = Rules()
        self._accounts = Accounts()
        self._rows: dict[str, list[Row[Any]]] = {}
        self._before: dict[str, Amounts] = {}
        self._after: dict[str, Amounts | None] = {}
        self._submitted: list[Party] = []

    # -- new executions

    def before_submissions(self, parties: Collection[Party]) -> None:
        """From here on until the end of the transaction, their owners and groups get nothing else."""
        self._begin(parties, Dimension.EXECUTIONS)
        self._accounts.spent = self._forecast()

    def submit(self, party: Party, plan: Plan) -> None:
        """Count one more execution, with `write_submitted`. Raises QuotaExceeded where there may be no other one, or
        it could never run.
        """
        refuse(self._accounts.refused(party, core_of(plan)))
        self._accounts.live(party)
        self._submitted.append(party)

    def write_submitted(self) -> None:
        """Store what was submitted."""
        self._insert((party, _NOTHING) for party in self._submitted)
        self._submitted.clear()

    # -- one execution

    def rescale(
        self,
        party: Party,
        granted: Mapping[str, int] | None,
        before: Plan,
        after: Plan,
        plans: Plans,
        there: Mapping[str, int] | None = None,
    ) -> None:
        """Count another size that is wished; `granted` is none while it waits. At once. `there` are its instances.

        Raises QuotaExceeded where that could never run, where what must run does not fit, and where hours of
        processors are used up and it should grow. Where cores come first, what must run fits beside what others must
        run: more is counted than is allowed then, until elastic instances have gone, and meanwhile nobody gets more.
        """
        self.concern([party])
        self._accounts.spent = self._forecast()
        more = {d: amounts(core_of(after))[d] - amounts(core_of(before))[d] for d in HELD}
        if any(amount > 0 for amount in more.values()):
            refuse(self._accounts.never(party, core_of(after)))
        if _total(after) > _total(before):
            refuse(self._accounts.used_up(party))
        if granted is not None:
            held = held_by(after, granted, there)
            if self._source.cores_first and any(amount > 0 for amount in more.values()):
                if not self._accounts.settled(party) or self._accounts.beyond(party, self._more(party, held)):
                    self._lend(party, before, plans)
                    refuse(self._accounts.beyond_firmly(party, more))
                self._count(party, held)
            else:
                refuse(self._hold(party, held))
            self.write()

    # -- many executions

    def concern(self, parties: Collection[Party]) -> None:
        """Of these, something may change what they hold. To be called once, before all that follows."""
        self._begin(parties)
        for row in _held_by(self._connection, self._parties):
            self._rows.setdefault(row.execution, []).append(row)
        self._before = {execution: _amounts(rows) for execution, rows in self._rows.items()}

    def hold(self, execution: str, held: Amounts) -> Refusal | None:
        """It holds so much from now on; or why not, and then nothing is changed."""
        return self._hold(self._parties[execution], held)

    def gone(self, execution: str, held: Amounts) -> None:
        """So much is left of it at most, since instances that were taken back have gone."""
        party = self._parties[execution]
        before = self._held(party)
        self._hold(party, {dimension: min(before[dimension], held[dimension]) for dimension in HELD})

    def end(self, execution: str) -> None:
        """It holds nothing any more."""
        self._after[execution] = None
        self._accounts.forget(self._parties[execution])

    def write(self) -> None:
        """Store what was changed."""
        now = self._transaction.now
        gone: list[int] = []
        ended: list[dict[str, Any]] = []
        begun: list[tuple[Party, Amounts]] = []
        for execution, after in self._after.items():
            rows = self._rows.get(execution, ())
            if after is not None and self._before.get(execution) == after:
                continue
            for row in rows:
                if row.cpu:
                    ended.append({"id": row.id, "ended": now, "spent": spent(row.cpu, row.begun, now)})
                else:
                    # Of what used no processor, nobody asks later.
                    gone.append(row.id)
            if after is not None:
                begun.append((self._parties[execution], after))
        for start in range(0, len(gone), _BATCH):
            self._connection.execute(_DELETE, {"ids": gone[start : start + _BATCH]})
        update_rows(self._connection, usage, ended)
        self._insert(begun)
        self._after.clear()

    # -- how

    def _begin(self, parties: Collection[Party], *further: Dimension) -> None:
        connection = self._connection
        begin_anew(self._transaction)
        self._parties = {party.id: party for party in parties}
        asked = [(party.user, party.groups) for party in parties]
        self._rules = quotas.rules(connection, self._source, asked, self._transaction)
        limited = {each.subject for each in self._allowances() if each.bounds.keys() & {*HELD, *further}}
        one_at_a_time(connection, (f"quota of {subject}" for subject in limited))
        self._accounts = Accounts(self._rules)
        restore(self._accounts, held_of(connection, limited))
        self._rows, self._before = {}, {}

    def _allowances(self) -> list[Allowance]:
        found = {a.subject: a for p in self._parties.values() for a in self._rules.of(p.user, p.groups)}
        return list(found.values())

    def _forecast(self) -> dict[Subject, Spent]:
        return spent_of(self._connection, self._allowances(), self._transaction.now, forecast=True)

    def _hold(self, party: Party, held: Amounts) -> Refusal | None:
        refusal = self._accounts.beyond(party, self._more(party, held))
        if refusal is None:
            self._count(party, held)
        return refusal

    def _count(self, party: Party, held: Amounts) -> None:
        self._accounts.add(party, self._more(party, held))
        self._after[party.id] = held

    def _more(self, party: Party, held: Amounts) -> Amounts:
        before = self._held(party)
        return {dimension: held[dimension] - before[dimension] for dimension in HELD}

    def _lend(self, party: Party, own: Plan, plans: Plans) -> None:
        """See what could be taken back of all that counts in the quotas concerned: what is not a core. `own` is its
        plan until now, whatever is stored.
        """
        connection = self._connection
        rows = [*held_of(connection, {allowance.subject for allowance in self._allowances()})]
        digests: dict[str, str] = {}
        for batch in _batches({row.execution for row in rows}):
            named = select(executions.c.id, executions.c.plan).where(executions.c.id.in_(batch))
            digests.update((row.id, row.plan) for row in connection.execute(named))
        known = plans(connection, {*digests.values()})
        for row in rows:
            plan = own if row.execution == party.id else known.get(digests.get(row.execution, ""))
            if plan is not None:
                core, held = amounts(core_of(plan)), _amounts([row])
                self._accounts.lend_amounts(Subject(row.kind, row.subject), {d: held[d] - core[d] for d in HELD})

    def _held(self, party: Party) -> Amounts:
        return self._after.get(party.id) or self._before.get(party.id, _NOTHING)

    def _insert(self, begun: Iterable[tuple[Party, Amounts]]) -> None:
        rows = [
            {
                "kind": subject.kind,
                "subject": subject.name,
                "owner": party.user,
                "execution": party.id,
                "name": party.name,
                "begun": self._transaction.now,
                **{dimension.value: min(amount, _LARGEST) for dimension, amount in held.items()},
            }
            for party, held in begun
            for subject in (Subject("user", party.user), *(Subject("group", name) for name in party.groups))
        ]
        if rows:
            self._connection.execute(_INSERT, rows)


def restore(accounts: Accounts, rows: Iterable[Row[Any]]) -> None:
    """Count what rows without an end say."""
    for row in rows:
        party = Party(row.execution, row.name, row.owner)
        accounts.restore(Subject(row.kind, row.subject), party, _amounts([row]))


def refuse(refusal: Refusal | None) -> None:
    """Raises QuotaExceeded, where there is something to refuse for."""
    if refusal is not None:
        raise QuotaExceeded(str(refusal), refusal.details())


def held_of(connection: Connection, subjects: Iterable[Subject]) -> Iterator[Row[Any]]:
    """The rows without an end of these subjects."""
    for subject in sorted(subjects):
        yield from connection.execute(_HELD_OF, {"of_kind": subject.kind, "name": subject.name})


def _held_by(connection: Connection, names: Iterable[str]) -> Iterator[Row[Any]]:
    for batch in _batches(names):
        yield from connection.execute(_HELD_BY, {"executions": batch})


def _batches(names: Iterable[str]) -> Iterator[list[str]]:
    every = sorted(names)
    for start in range(0, len(every), _BATCH):
        yield every[start : start + _BATCH]


def _amounts(rows: Sequence[Row[Any]]) -> dict[Dimension, int]:
    """Of one execution: every row of it says the same."""
    return {dimension: getattr(rows[0], dimension.value) for dimension in HELD}


def _total(plan: Plan) -> int:
    return sum(process.core + process.elastic for process in plan.processes)
