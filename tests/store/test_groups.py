"""Works that share a transaction: what one of them does wrong, or says, concerns no other."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any

from zoe_hub.model.audit import AuditQuery
from zoe_hub.model.errors import Conflict, KeyReused, QuotaExceeded
from zoe_hub.model.events import EventKind
from zoe_hub.model.quotas import Limits
from zoe_hub.scheduler.allowances import Subject
from zoe_hub.store.database import Transaction
from zoe_hub.store.sql import SQLStore

from .auditing import an_entry
from .examples import ODD_TEXTS, QUEUED, TERMINATED, a_submission
from .writing import moved


async def together(store: SQLStore, *works: Coroutine[Any, Any, Any]) -> list[Any]:
    """What comes of works that all wait for one transaction, in their order."""
    writes, goes_on = threading.Event(), threading.Event()

    def slow(_: Transaction) -> None:
        writes.set()
        assert goes_on.wait(30)

    first = asyncio.create_task(store._database.write(slow))
    assert await asyncio.to_thread(writes.wait, 30)
    waiting = []
    for work in works:
        waiting.append(asyncio.create_task(work))
        await asyncio.sleep(0)
    goes_on.set()
    await first
    return await asyncio.gather(*waiting, return_exceptions=True)


async def test_an_event_that_cannot_be_stored_fails_its_own_work_alone(store: SQLStore) -> None:
    def odd(transaction: Transaction) -> None:
        transaction.record("alice", "x", EventKind.EXECUTION_KEPT, data=object())

    before, failed, after = await together(
        store, store.submit(a_submission()), store._database.write(odd), store.submit(a_submission())
    )
    assert isinstance(failed, Exception)
    assert "JSON" in str(failed)
    assert {execution.id for execution in await store.list()} == {before[0].id, after[0].id}


async def test_what_comes_after_forgetting_an_owner_is_not_forgotten(store: SQLStore) -> None:
    before, forgotten, after = await together(
        store, store.submit(a_submission()), store.forget_owner("alice", "admin"), store.submit(a_submission())
    )
    assert forgotten == (1, 1)
    for execution, _ in (before, after):
        await moved(store, execution.id, QUEUED, TERMINATED)
    assert await store.disposable(before=None, most=None, limit=10) == [before[0].id]


async def test_submissions_that_are_stored_at_once_are_judged_one_by_one(store: SQLStore) -> None:
    await store.put_quota(Subject("user", "bob"), Limits(executions=1))
    audited = store.audited(an_entry(), lambda: None)
    named, taken, keyed, repeated, reused, bobs, refused, told = await together(
        store,
        store.submit(a_submission(name="mine")),
        store.submit(a_submission(name="mine")),
        store.submit(a_submission(idempotency_key="k", fingerprint="f")),
        store.submit(a_submission(idempotency_key="k", fingerprint="f")),
        store.submit(a_submission(idempotency_key="k", fingerprint="g")),
        store.submit(a_submission(owner="bob")),
        store.submit(a_submission(owner="bob")),
        audited.submit(a_submission()),
    )
    assert [type(each) for each in (taken, reused, refused)] == [Conflict, KeyReused, QuotaExceeded]
    assert repeated == (keyed[0], False)
    stored = [each[0] for each in (named, keyed, bobs, told)]
    assert [each[1] for each in (named, keyed, bobs, told)] == [True] * 4
    assert sorted(await store.list(), key=lambda execution: execution.id) == stored
    assert [event.execution for event in await store.events()] == [execution.id for execution in stored]
    (line,) = await store.audit(AuditQuery())
    assert line.execution == told[0].id


async def test_a_submission_that_cannot_be_stored_fails_alone(store: SQLStore) -> None:
    before, failed, after = await together(
        store,
        store.submit(a_submission()),
        store.submit(a_submission(parameters={"workers": object()})),
        store.submit(a_submission()),
    )
    assert isinstance(failed, Exception)
    assert "JSON" in str(failed)
    assert {execution.id for execution in await store.list()} == {before[0].id, after[0].id}


async def test_what_shares_a_transaction_is_stored_as_it_is_alone(store: SQLStore) -> None:
    def work(text: str) -> Coroutine[Any, Any, Any]:
        given = {"parameters": {"label": text}, "groups": (text,), "idempotency_key": text, "expected": None}
        return store.submit(a_submission(text, **given))

    for text, (execution, new) in zip(ODD_TEXTS, await together(store, *map(work, ODD_TEXTS)), strict=True):
        assert new
        assert (execution.owner, execution.parameters, execution.groups) == (text, {"label": text}, (text,))
        assert await store.get(execution.id) == execution
        assert (await work(text)) == (execution, False)
