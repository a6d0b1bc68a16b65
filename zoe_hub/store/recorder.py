"""Applies changes to the rows of executions and instances: a few statements, however many changes.

After the unit of work (Fowler, *Patterns of Enterprise Application Architecture*, 2002): rows are read and
locked once, changed in memory in the order of the changes, and written back together with their events.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, and_, bindparam, delete, insert, select

from ..model.events import EventKind
from ..model.execution import DesiredState, ExecutionState, InstanceStatus
from ..scheduler.quotas import Party
from .among import Among
from .changes import (
    Change,
    Explained,
    Granted,
    InstanceReported,
    InstancesDropped,
    StateChanged,
    TerminationRequested,
)
from .database import Subject, Transaction
from .documents import instance_from
from .ledger import Ledger, Plans, held_by
from .moves import check_move
from .tables import executions, instances
from .updating import update_rows
from .work import counted, moved

_BATCH = 500
"""Values in one IN (…): databases limit them."""
_SHOWN = ("process", "ordinal", "state", "message", "restarts", "exit_code")
"""Of an instance, in its event."""
_TOLD = sorted(InstanceStatus.model_fields.keys() - {"started"})
"""Where one of these is another one, an event tells it."""
_ADMISSION = (ExecutionState.QUEUED, ExecutionState.STARTING)
_this_instance = and_(
    instances.c.execution == bindparam("b_execution"),
    instances.c.process == bindparam("b_process"),
    instances.c.ordinal == bindparam("b_ordinal"),
)
_CHANGING = ("desired", "state", "reason", "granted", "work", "work_since", "ended")
_READ = ("id", "owner", "name", "groups", "zapp", "plan", *_CHANGING)
_LOCKED = (
    select(*(executions.c[name] for name in _READ))
    .where(Among(executions.c.id, "ids"))
    # In one order for everybody, so that two of us cannot wait for each other.
    .order_by(executions.c.id)
    .with_for_update()
)
_INSTANCES = select(instances).where(Among(instances.c.execution, "ids"))
Key = tuple[str, str, int]
"""Of an instance."""


def record(transaction: Transaction, changes: Sequence[Change], ledger: Ledger, plans: Plans) -> list[Change]:
    """Make the changes. Returns those that were refused, unknown executions included."""
    unit = _Unit(transaction, changes, ledger, plans)
    refused = [change for change in changes if not unit.apply(change)]
    unit.write()
    return refused


class _Draft:
    """One execution's row while it is being changed."""

    id: str
    owner: str
    name: str
    zapp: str
    plan: str

    def __init__(self, row: Row[Any]) -> None:
        # By place: rows are asked by name far more slowly.
        cells: Sequence[Any] = row
        self.id, self.owner, self.name, groups, self.zapp, self.plan, *changing = cells
        self.party = Party(self.id, self.name, self.owner, tuple(groups or ()))
        self.refused = False
        """A quota does not allow what it was to be granted."""
        self.values: dict[str, Any] = dict(zip(_CHANGING, changing, strict=True))
        self.changed = False

    @property
    def ended(self) -> bool:
        return self.values["ended"] is not None

    def set(self, **values: Any) -> None:
        self.values.update(values)
        self.changed = True


class _Unit:
    def __init__(self, transaction: Transaction, changes: Sequence[Change], ledger: Ledger, plans: Plans) -> None:
        self._transaction = transaction
        self._ledger = ledger
        self._connection = transaction.connection
        drafts = map(_Draft, self._locked({change.execution for change in changes}))
        self._drafts = {draft.id: draft for draft in drafts}
        if len(self._drafts) == 1:
            (only,) = self._drafts.values()
            transaction.subject = Subject(only.id, only.owner)
        concerned = {c.execution for c in changes if isinstance(c, (InstanceReported, InstancesDropped, Granted))}
        self._instances = {status.key: status for status in self._read_instances(concerned)}
        self._before = dict(self._instances)
        self._keys: dict[str, set[Key]] = {}
        """Of the instances of each execution, and of some that are gone."""
        for key in self._instances:
            self._keys.setdefault(key[0], set()).add(key)
        self._lost = {c.execution for c in changes if _loses(c)} & self._drafts.keys()
        """Of these, instances have ended."""
        held = {change.execution for change in changes if _concerns_quotas(change)} & self._drafts.keys()
        if held:
            ledger.concern([self._drafts[execution].party for execution in sorted(held)])
        granted = {change.execution for change in changes if not _ends(change)} & held
        digests = {self._drafts[execution].plan for execution in granted}
        self._plans = plans(self._connection, digests) if digests else {}

    def _locked(self, identifiers: Iterable[str]) -> Iterator[Row[Any]]:
        for batch in _batches(sorted(identifiers)):
            yield from self._connection.execute(_LOCKED, {"ids": batch})

    def _read_instances(self, identifiers: Iterable[str]) -> Iterator[InstanceStatus]:
        for batch in _batches(sorted(identifiers)):
            for row in self._connection.execute(_INSTANCES, {"ids": batch}):
                yield instance_from(row)

    def apply(self, change: Change) -> bool:
        """Whether the change was made, or was so already."""
        draft = self._drafts.get(change.execution)
        if draft is None:
            return False
        if isinstance(change, StateChanged):
            return self._move(draft, change)
        if isinstance(change, InstanceReported):
            return self._report(draft, change.status)
        if isinstance(change, InstancesDropped):
            self._drop(change)
        elif isinstance(change, Granted):
            return self._grant(draft, change)
        elif isinstance(change, Explained):
            self._explain(draft, change)
        else:
            self._request_termination(draft, change)
        return True

    def _move(self, draft: _Draft, change: StateChanged) -> bool:
        if draft.ended or draft.values["state"] != change.before.value:
            return False
        check_move(self._connection, draft.id, change.before, change.after)
        if _admits(change) and (draft.refused or not self._hold(draft, draft.values["granted"])):
            return False
        if _ends(change):
            self._ledger.end(draft.id)
        ended = self._transaction.now if change.after.ended else None
        work = moved(draft.values, change.after, self._transaction.now)
        draft.set(state=change.after.value, reason=change.reason, ended=ended, **work)
        self._event(
            draft,
            EventKind.EXECUTION_STATE_CHANGED,
            before=change.before.value,
            after=change.after.value,
            reason=change.reason,
            name=draft.name,
            zapp=draft.zapp,
        )
        return True

    def _grant(self, draft: _Draft, change: Granted) -> bool:
        granted = dict(change.granted)
        if draft.values["granted"] != granted:
            if not draft.ended and not self._hold(draft, granted):
                draft.refused = True
                return False
            draft.set(**counted(draft.values, self._transaction.now), granted=granted)
            self._event(draft, EventKind.EXECUTION_GRANTED, granted=granted, reason=change.reason)
        return True

    def _hold(self, draft: _Draft, granted: Mapping[str, int]) -> bool:
        """Whether no quota is in the way."""
        plan = self._plans.get(draft.plan)
        # What goes on by a plan that cannot be read holds what it held.
        return plan is None or self._ledger.hold(draft.id, held_by(plan, granted, self._there(draft))) is None

    def _there(self, draft: _Draft) -> Mapping[str, int]:
        mine = (self._instances.get(key) for key in self._keys.get(draft.id, ()))
        return Counter(status.process for status in mine if status is not None and not status.state.ended)

    def _release(self) -> None:
        """What was taken back counts until its instances have ended."""
        for name in sorted(self._lost):
            draft = self._drafts[name]
            plan = self._plans.get(draft.plan)
            if plan is not None and not draft.ended and draft.values["state"] != ExecutionState.QUEUED.value:
                self._ledger.gone(name, held_by(plan, draft.values["granted"], self._there(draft)))

    def _explain(self, draft: _Draft, change: Explained) -> None:
        # What an execution ended of must not be hidden by a reason that comes late.
        ending = draft.ended or draft.values["desired"] == DesiredState.TERMINATED.value
        if not ending and draft.values["reason"] != change.reason:
            draft.set(reason=change.reason)
            self._event(draft, EventKind.EXECUTION_WAITING, reason=change.reason)

    def _request_termination(self, draft: _Draft, change: TerminationRequested) -> None:
        if not draft.ended and draft.values["desired"] != DesiredState.TERMINATED.value:
            why = {"reason": change.reason} if change.reason else {}
            draft.set(desired=DesiredState.TERMINATED.value, **why)
            self._event(draft, EventKind.EXECUTION_TERMINATION_REQUESTED, by=change.by, **why)

    def _report(self, draft: _Draft, status: InstanceStatus) -> bool:
        if draft.ended:
            return False
        before = self._instances.get(status.key)
        self._instances[status.key] = status
        self._keys.setdefault(draft.id, set()).add(status.key)
        if before is None or any(getattr(before, name) != getattr(status, name) for name in _TOLD):
            shown = {name: getattr(status, name) for name in _SHOWN} | {"state": status.state.value}
            self._event(draft, EventKind.INSTANCE_STATE_CHANGED, **shown)
        return True

    def _drop(self, change: InstancesDropped) -> None:
        for key in self._keys.get(change.execution, ()):
            status = self._instances.get(key)
            dropped = key[1] == change.process and key[2] >= change.from_ordinal
            if dropped and status is not None and status.state.ended:
                del self._instances[key]

    def _event(self, draft: _Draft, kind: EventKind, **data: Any) -> None:
        self._transaction.record(draft.owner, draft.id, kind, **data)

    def write(self) -> None:
        """Write back what was changed."""
        self._release()
        self._ledger.write()
        now = self._transaction.now
        update_rows(
            self._connection,
            executions,
            [{"id": d.id, "updated": now, **d.values} for d in self._drafts.values() if d.changed],
        )
        new = [_columns(status) for key, status in self._instances.items() if key not in self._before]
        if new:
            self._connection.execute(insert(instances), new)
        changed = [
            _columns(status) for key, status in self._instances.items() if self._before.get(key, status) != status
        ]
        update_rows(self._connection, instances, changed)
        gone = [_key(key) for key in self._before if key not in self._instances]
        if gone:
            self._connection.execute(delete(instances).where(_this_instance), gone)


def _admits(change: Change) -> bool:
    return isinstance(change, StateChanged) and (change.before, change.after) == _ADMISSION


def _ends(change: Change) -> bool:
    return isinstance(change, StateChanged) and change.after.ended


def _concerns_quotas(change: Change) -> bool:
    return isinstance(change, Granted) or _admits(change) or _ends(change) or _loses(change)


def _loses(change: Change) -> bool:
    return isinstance(change, InstanceReported) and change.status.state.ended


def _key(key: Key) -> dict[str, Any]:
    return dict(zip(("b_execution", "b_process", "b_ordinal"), key, strict=True))


def _columns(status: InstanceStatus) -> dict[str, Any]:
    return status.model_dump() | {"state": status.state.value}


def _batches(values: Sequence[str]) -> Iterator[Sequence[str]]:
    return (values[start : start + _BATCH] for start in range(0, len(values), _BATCH))
