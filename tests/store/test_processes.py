"""The store under other processes: killed in the middle of writing, writing at the same time, locking."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sqlite3
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, select, update

from zoe_hub.model.errors import ServiceUnavailable
from zoe_hub.model.events import EventKind
from zoe_hub.store import engines
from zoe_hub.store.changes import Explained, InstanceReported
from zoe_hub.store.database import Transaction
from zoe_hub.store.sql import SQLStore
from zoe_hub.store.tables import executions

from .examples import QUEUED, STARTING, a_plan, a_submission, an_instance
from .writing import moved, stored

WRITE = """
import asyncio, itertools, json, sys
from tests.store.examples import QUEUED, STARTING, STOPPING, TERMINATED, a_submission, an_instance
from tests.store.writing import moved, stored
from zoe_hub.store.changes import InstanceReported
from zoe_hub.store.sql import SQLStore

async def write(store):
    for n in itertools.count():
        execution, _ = await store.submit(a_submission())
        print(json.dumps([execution.id, "queued"]), flush=True)
        await stored(store, InstanceReported(an_instance(execution.id, message=str(n))))
        await moved(store, execution.id, QUEUED, STARTING, str(n))
        print(json.dumps([execution.id, "starting"]), flush=True)
        if n % 3 == 0:
            await moved(store, execution.id, STARTING, STOPPING, str(n))
            await moved(store, execution.id, STOPPING, TERMINATED, str(n))
            print(json.dumps([execution.id, "terminated"]), flush=True)

async def main():
    store = SQLStore(sys.argv[1])
    await store.open()
    await asyncio.gather(*(write(store) for _ in range(4)))

asyncio.run(main())
"""


async def killed_while_writing(url: str, lines: int) -> list[tuple[str, str]]:
    """What a process said that it had stored before it was killed."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", WRITE, url, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    said = [await process.stdout.readline() for _ in range(lines)]
    process.send_signal(signal.SIGKILL)
    said += (await process.stdout.read()).splitlines(keepends=True)
    await process.wait()
    return [tuple(json.loads(line)) for line in said if line.endswith(b"\n")]


@pytest.mark.parametrize("lines", [1, 40, 97])
async def test_killed_in_the_middle_of_writing(url: str, lines: int) -> None:
    said = await killed_while_writing(url, lines)
    store = SQLStore(url)
    await store.open()
    found = {execution.id: execution for execution in await store.list(limit=10**6)}
    events = await store.events(limit=10**6)
    assert [event.seq for event in events] == list(range(1, await store.last_seq() + 1))

    order = ["queued", "starting", "stopping", "terminated"]
    for identifier, state in said:
        assert order.index(found[identifier].state.value) >= order.index(state)
    told: dict[str, str] = {}
    for event_ in events:
        if event_.kind is EventKind.EXECUTION_SUBMITTED:
            assert event_.execution not in told
            told[event_.execution] = "queued"
        elif event_.kind is EventKind.EXECUTION_STATE_CHANGED:
            assert told[event_.execution] == event_.data["before"]
            told[event_.execution] = event_.data["after"]
    assert told == {identifier: execution.state.value for identifier, execution in found.items()}
    of_instances = {event_.execution for event_ in events if event_.kind is EventKind.INSTANCE_STATE_CHANGED}
    assert of_instances == {identifier for identifier, execution in found.items() if execution.instances}
    assert all((execution.ended is not None) == execution.state.ended for execution in found.values())

    _, new = await store.submit(a_submission("bob"))
    assert new
    await store.close()


async def test_two_stores_on_one_database(url: str) -> None:
    """As two services would be: one hears of the other's events, and only one of them wins a race."""
    one, other = SQLStore(url), SQLStore(url)
    await one.open()
    await other.open()
    waiter = asyncio.ensure_future(other.wait(0, 600))
    await other.last_seq()
    results = await asyncio.gather(*(s.submit(a_submission(idempotency_key="k")) for s in (one, other) * 25))
    assert await waiter
    assert len({execution.id for execution, _ in results}) == 1
    assert sum(new for _, new in results) == 1
    (execution, _) = results[0]
    await other.close()
    other = SQLStore(url)
    await other.open()
    assert await other.submit(a_submission(idempotency_key="k")) == (execution, False)
    seq = await other.last_seq()
    waiter = asyncio.ensure_future(other.wait(seq, 600))
    await stored(one, InstanceReported(an_instance(execution.id)))
    assert await waiter
    changes = (moved(s, execution.id, QUEUED, STARTING) for s in (one, other) * 5)
    outcomes = await asyncio.gather(*changes, return_exceptions=True)
    assert sum(not isinstance(outcome, BaseException) for outcome in outcomes) == 1
    events = await one.events()
    assert [event_.seq for event_ in events] == [1, 2, 3]
    await one.close()
    await other.close()


@pytest.fixture
async def sqlite_store(tmp_path: Path) -> SQLStore:
    store = SQLStore(f"sqlite:///{tmp_path}/zoe.sqlite")
    await store.open()
    return store


async def test_while_another_process_writes_reads_go_on_and_writes_wait(sqlite_store: SQLStore, tmp_path: Path) -> None:
    await sqlite_store.submit(a_submission())
    with contextlib.closing(sqlite3.connect(tmp_path / "zoe.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        writing = asyncio.ensure_future(sqlite_store.submit(a_submission()))
        for _ in range(20):
            assert len(await sqlite_store.list()) == 1
        assert not writing.done()
        other.execute("COMMIT")
        await writing
    assert len(await sqlite_store.list()) == 2
    await sqlite_store.close()


async def test_lost_database_is_said_in_a_sentence(sqlite_store: SQLStore, tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "zoe.sqlite")) as other:
        other.execute("DROP TABLE event_counter")
    with pytest.raises(ServiceUnavailable, match="event_counter"):
        await sqlite_store.submit(a_submission())
    assert await sqlite_store.list() == []
    await sqlite_store.close()


async def test_a_wish_whose_caller_is_gone_is_stored_whole_or_not_at_all(sqlite_store: SQLStore) -> None:
    wishes = [asyncio.ensure_future(sqlite_store.submit(a_submission())) for _ in range(20)]
    await asyncio.sleep(0)
    for wish in wishes:
        wish.cancel()
    await asyncio.gather(*wishes, return_exceptions=True)
    await sqlite_store.submit(a_submission())
    stored = await sqlite_store.list()
    assert len(await sqlite_store.events()) == len(stored) == await sqlite_store.last_seq()
    await sqlite_store.close()


async def test_who_asks_a_closed_store_is_told_so_and_does_not_wait(url: str) -> None:
    store = SQLStore(url)
    await store.open()
    execution, _ = await store.submit(a_submission())
    begun = [asyncio.ensure_future(stored(store, Explained(execution.id, str(number)))) for number in range(50)]
    await asyncio.sleep(0)
    await store.close()
    assert await asyncio.wait_for(asyncio.gather(*begun), 10) == [None] * 50
    for _ in range(2):
        with pytest.raises(ServiceUnavailable, match="closed"):
            await asyncio.wait_for(stored(store, Explained(execution.id, "late")), 10)
        with pytest.raises(ServiceUnavailable, match="closed"):
            await store.get(execution.id)
    await store.open()
    await asyncio.wait_for(stored(store, Explained(execution.id, "again")), 10)
    assert (await store.get(execution.id)).reason == "again"
    await store.close()


async def test_database_in_memory() -> None:
    store = SQLStore("sqlite://")
    await store.open()
    execution, _ = await store.submit(a_submission())
    assert await asyncio.gather(*(store.get(execution.id) for _ in range(10))) == [execution] * 10
    await store.close()


async def test_reading_many_executions_takes_few_queries(sqlite_store: SQLStore, tmp_path: Path) -> None:
    """Three for any number of executions, and none for plans once they are known."""
    for workers in range(12):
        execution, _ = await sqlite_store.submit(a_submission(plan=a_plan(workers % 3)))
        await stored(sqlite_store, InstanceReported(an_instance(execution.id)))
    await sqlite_store.close()
    fresh = SQLStore(f"sqlite:///{tmp_path}/zoe.sqlite")
    await fresh.open()
    seen: list[str] = []

    def listener(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "FROM" in statement:
            seen.append(statement)

    event.listen(Engine, "before_cursor_execute", listener)
    try:
        assert len(await fresh.list(live=True)) == 12
        assert len(seen) == 3
        seen.clear()
        assert all(execution.instances for execution in await fresh.list(live=True))
        assert len(seen) == 2
    finally:
        event.remove(Engine, "before_cursor_execute", listener)
    await fresh.close()


async def test_a_transaction_that_does_nothing_any_more_keeps_nobody_waiting(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a service is stopped between two statements."""
    monkeypatch.setattr(engines, "_LONGEST_PAUSE", 1)
    paused, other = SQLStore(postgresql_url), SQLStore(postgresql_url)
    await paused.open()
    await other.open()
    execution, _ = await paused.submit(a_submission())
    locked, go_on = threading.Event(), threading.Event()

    def stop(transaction: Transaction) -> None:
        transaction.connection.execute(select(executions).with_for_update()).all()
        locked.set()
        go_on.wait()
        transaction.connection.execute(update(executions).values(reason="late"))

    writing = asyncio.ensure_future(paused._database.write(stop))
    await asyncio.to_thread(locked.wait)
    await other.terminate(execution.id, by="alice")
    go_on.set()
    with pytest.raises(ServiceUnavailable, match="database cannot be used just now"):
        await writing
    assert (await paused.get(execution.id)).reason == ""
    await paused.close()
    await other.close()


async def test_nobody_waits_for_long_for_what_another_service_locked(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or those who wait in a service that was cut off would come to their turns one after the other, for nothing."""
    monkeypatch.setattr(engines, "_LONGEST_WAIT", 1)
    slow, other = SQLStore(postgresql_url), SQLStore(postgresql_url)
    await slow.open()
    await other.open()
    execution, _ = await slow.submit(a_submission())
    locked, go_on = threading.Event(), threading.Event()

    def hold(transaction: Transaction) -> None:
        transaction.connection.execute(select(executions).with_for_update()).all()
        locked.set()
        while not go_on.wait(0.1):
            transaction.connection.execute(select(1))

    writing = asyncio.ensure_future(slow._database.write(hold))
    try:
        await asyncio.to_thread(locked.wait)
        with pytest.raises(ServiceUnavailable, match="database cannot be used just now"):
            await other.terminate(execution.id, by="alice")
    finally:
        go_on.set()
        await writing
    assert (await other.terminate(execution.id, by="alice")).desired.value == "terminated"
    await slow.close()
    await other.close()
