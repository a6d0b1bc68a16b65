"""Contract: the audit trail."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from zoe_hub.model.audit import AuditEntry, AuditLine, AuditQuery, Outcome
from zoe_hub.model.errors import Conflict, StaleLease, UnknownName
from zoe_hub.store.base import Store

from .examples import a_submission, a_zapp, submitted


def an_entry(request: str = "r1", **values: object) -> AuditEntry:
    known = {"action": "submit_execution", "caller": "alice", "kind": "user", "address": "203.0.113.5", "status": 202}
    return AuditEntry.model_validate({"request": request, **known, **values})


def a_line(request: str = "r1", *, age: timedelta = timedelta(), count: int = 1, **values: object) -> AuditLine:
    entry = an_entry(request, **{"status": 403, **values})
    time = datetime.now(timezone.utc) - age
    return AuditLine(**entry.model_dump(), time=time, outcome=Outcome.of(entry.status), count=count)


class Auditing:
    """Changes and their lines."""

    async def test_a_change_and_its_line_are_one(self, store: Store) -> None:
        told: list[str] = []
        audited = store.audited(an_entry(target="spark"), lambda: told.append("stored"))
        execution, _ = await audited.submit(a_submission(owner="alice"))
        await store.terminate(execution.id, by="nobody in particular")
        (line,) = await store.audit(AuditQuery())
        assert (line.execution, line.owner, line.target) == (execution.id, "alice", "spark")
        assert (line.outcome, line.status, line.count) == (Outcome.DONE, 202, 1)
        assert abs(line.time - execution.created) < timedelta(seconds=1)
        assert told == ["stored"]

    async def test_every_kind_of_change_has_a_line(self, store: Store) -> None:
        execution = await submitted(store)
        audited = store.audited(an_entry(), lambda: None)
        await audited.attach(execution.id, None)
        await audited.modify(execution.id, execution.parameters, execution.plan)
        await audited.terminate(execution.id, by="alice")
        await audited.put_zapp("alice", a_zapp("mine"))
        await audited.delete_zapp("alice", "mine")
        lines = await store.audit(AuditQuery())
        assert [line.execution for line in lines] == [None, None, *[execution.id] * 3]
        assert [line.id for line in lines] == sorted((line.id for line in lines), reverse=True)

    async def test_a_refused_change_leaves_no_line(self, store: Store) -> None:
        await store.submit(a_submission(owner="alice", name="taken"))
        told: list[str] = []
        audited = store.audited(an_entry(), lambda: told.append("stored"))
        with pytest.raises(Conflict):
            await audited.submit(a_submission(owner="alice", name="taken"))
        with pytest.raises(UnknownName):
            await audited.terminate("x-nothing", by="alice")
        assert await store.audit(AuditQuery()) == []
        assert told == []

    async def test_lines_are_chosen(self, store: Store) -> None:
        hour = timedelta(hours=1)
        await store.add_audit(
            [
                a_line("r1", caller="alice", action="submit_execution", age=3 * hour),
                a_line("r2", caller="bob", action="terminate_execution", age=2 * hour, status=502),
                a_line("r3", caller=None, kind=None, count=7, age=hour),
                a_line("r4", caller="alice", action="terminate_execution", target="' OR 1=1 --"),
            ]
        )

        async def found(**choice: object) -> list[str]:
            return [line.request for line in await store.audit(AuditQuery.model_validate(choice))]

        now = datetime.now(timezone.utc)
        assert await found() == ["r4", "r3", "r2", "r1"]
        assert await found(caller="alice") == ["r4", "r1"]
        assert await found(caller="") == ["r3"]
        assert await found(action="terminate_execution") == ["r4", "r2"]
        assert await found(outcome="failed") == ["r2"]
        assert await found(since=now - 2.5 * hour, until=now - 0.5 * hour) == ["r3", "r2"]
        assert await found(execution="x-nothing") == []
        first, second = await store.audit(AuditQuery(limit=2))
        assert (first.target, second.target) == ("' OR 1=1 --", "")
        assert await found(before=second.id) == ["r2", "r1"]

    async def test_what_a_stranger_sends_is_stored_somehow(self, store: Store) -> None:
        await store.add_audit([a_line(target="\x00\ud800x" * 200, caller="n" * 400, action="a" * 100)])
        (line,) = await store.audit(AuditQuery())
        assert line.target.startswith("?x")
        assert len(line.target) == 255

    async def test_old_lines_are_deleted_and_young_ones_are_not(self, store: Store) -> None:
        await store.add_audit([a_line(str(n), age=timedelta(days=40 - n)) for n in range(0, 40, 10)] + [a_line("now")])
        before = datetime.now(timezone.utc) - timedelta(days=25)
        assert await store.prune_audit(before) == 2
        assert await store.prune_audit(before) == 0
        assert [line.request for line in await store.audit(AuditQuery())] == ["now", "30", "20"]

    async def test_a_service_that_leads_no_more_deletes_nothing(self, store: Store) -> None:
        lease = await store.acquire("one", 60)
        assert lease is not None
        await store.release(lease)
        await store.add_audit([a_line(age=timedelta(days=400))])
        with pytest.raises(StaleLease):
            await store.led_by(lease).prune_audit(datetime.now(timezone.utc) - timedelta(days=30))
        assert len(await store.audit(AuditQuery())) == 1
