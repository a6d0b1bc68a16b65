"""Looking for executions, on each kind of database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import pytest_asyncio

from zoe_hub.model.execution import Attachment, ExecutionState
from zoe_hub.model.queries import ExecutionQuery
from zoe_hub.store.changes import Granted
from zoe_hub.store.sql import SQLStore

from .examples import a_submission
from .writing import moved, stored


@pytest_asyncio.fixture
async def store(any_database: str) -> AsyncIterator[SQLStore]:
    opened = SQLStore(any_database)
    await opened.open()
    for owner, name, server in (
        ("alice", "flights", "alice/"),
        ("alice", "late-flights", None),
        ("bob", "trains", "bob/"),
        ("carol", "odd", None),
    ):
        attachment = Attachment(server=server) if server else None
        await opened.submit(a_submission(owner=owner, name=name, attachment=attachment))
    odd = await opened.find("carol", "odd")
    await moved(opened, odd.id, ExecutionState.QUEUED, ExecutionState.TERMINATED)
    yield opened
    await opened.close()


@pytest.mark.parametrize(
    ("query", "names", "total"),
    [
        ({}, ["odd", "trains", "late-flights", "flights"], 4),
        ({"owners": ("alice",)}, ["late-flights", "flights"], 2),
        ({"owners": ()}, [], 0),
        ({"owners": ("alice", "bob"), "live": True, "limit": 0}, [], 3),
        ({"live": True}, ["trains", "late-flights", "flights"], 3),
        ({"live": False}, ["odd"], 1),
        ({"state": ExecutionState.QUEUED, "owners": ("bob",)}, ["trains"], 1),
        ({"name": "flights"}, ["flights"], 1),
        ({"server": "bob/"}, ["trains"], 1),
        ({"text": "FLIGHT"}, ["late-flights", "flights"], 2),
        ({"text": "bob"}, ["trains"], 1),
        ({"text": "%"}, [], 0),
        ({"text": "_"}, [], 0),
        ({"limit": 1}, ["odd"], 4),
        ({"limit": 2, "offset": 1}, ["trains", "late-flights"], 4),
        ({"limit": 2, "offset": 9}, [], 4),
        ({"offset": 9}, [], 4),
    ],
)
async def test_what_matches_is_found_newest_first(
    store: SQLStore, query: dict[str, Any], names: list[str], total: int
) -> None:
    found, count = await store.search(ExecutionQuery(**query))
    assert ([execution.name for execution in found], count) == (names, total)


async def test_what_was_there_in_between_comes_with_its_grants(store: SQLStore) -> None:
    trains = await store.find("bob", "trains")
    key = trains.plan.processes[0].key
    await stored(store, Granted(trains.id, {key: 1}))
    now = datetime.now(timezone.utc)
    hour = timedelta(hours=1)
    there = {
        execution.name: [event.data["granted"] for event in events]
        for execution, events in await store.present(now - hour, now + hour, limit=10)
    }
    assert there["trains"] == [{key: 1}]
    assert there["flights"] == []
    assert set(there) == {"flights", "late-flights", "trains", "odd"}
    assert await store.present(now - 2 * hour, now - hour, limit=10) == []
    later = {execution.name for execution, _ in await store.present(now + hour, now + 2 * hour, limit=10)}
    assert later == {"flights", "late-flights", "trains"}
    assert len(await store.present(now - hour, now + hour, limit=2)) == 2
