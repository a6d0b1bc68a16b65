"""From every released schema, with something in each of its tables, to the newest one."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, create_engine, insert, make_url, select, update
from sqlalchemy.types import JSON, Boolean, DateTime, Float, Integer

from zoe_hub.model.execution import ExecutionState, InstanceState
from zoe_hub.store.documents import serialise_plan
from zoe_hub.store.sql import SQLStore
from zoe_hub.store.upgrade import _MIGRATIONS, VERSION_TABLE, configuration
from zoe_hub.store.upgrade import revisions as known_revisions

from .examples import a_plan, a_submission, a_zapp
from .writing import moved

DIGEST, DOCUMENT = serialise_plan(a_plan())
WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
KNOWN: dict[str, dict[str, Any]] = {
    "plans": {"digest": DIGEST, "document": DOCUMENT},
    "executions": {
        "id": "x1",
        "name": "spark-1",
        "zapp": "spark",
        "plan": DIGEST,
        "parameters": {"workers": 2},
        "desired": "running",
        "state": "running",
        "granted": {"spark.worker": 2},
        "server": "alice/",
        "ended": None,
        "expiry_cause": None,
        "adaptation": None,
        "idempotency_key": "k",
        "fingerprint": None,
    },
    "instances": {"execution": "x1", "process": "spark.worker", "state": "ready", "ports": {"ui": 8080}},
    "events": {"seq": 1, "execution": "x1", "kind": "execution.submitted"},
    "zapps": {"name": "mine", "document": a_zapp("mine").model_dump_json()},
    "event_counter": {"id": 1, "value": 1},
    "leadership": {"id": 1, "number": 3},
}
"""What must make sense to be read; everything else is filled in by its type."""


def revisions() -> list[str]:
    scripts = ScriptDirectory(str(_MIGRATIONS))
    return sorted(script.revision for script in scripts.walk_revisions())


def some(column: Any) -> Any:
    if isinstance(column.type, JSON):
        return {}
    if isinstance(column.type, DateTime):
        return WHEN
    if isinstance(column.type, Boolean):
        return False
    if isinstance(column.type, (Integer, Float)):
        return 0
    return "alice" if column.name == "owner" else ""


def fill(connection: Connection) -> None:
    metadata = MetaData()
    metadata.reflect(connection)
    for table in metadata.sorted_tables:
        if table.name == VERSION_TABLE:
            continue
        known = KNOWN.get(table.name, {})
        row = {column.name: known.get(column.name, some(column)) for column in table.columns}
        row = {name: value for name, value in row.items() if name not in known or known[name] is not None}
        if connection.execute(select(table)).first() is None:
            connection.execute(insert(table).values(as_stored(table, row)))
        else:
            connection.execute(update(table).values(as_stored(table, row)))


def as_stored(table: Any, row: dict[str, Any]) -> dict[str, Any]:
    """SQLite's reflection takes JSON for what it is and times for what they are; only texts need help."""
    return {
        name: json.dumps(value) if isinstance(value, dict) and not isinstance(table.c[name].type, JSON) else value
        for name, value in row.items()
    }


@pytest.mark.parametrize("revision", revisions())
async def test_forward(url: str, revision: str) -> None:
    parsed = make_url(url)
    engine = create_engine(parsed.set(drivername="postgresql+psycopg") if parsed.drivername == "postgresql" else parsed)
    with engine.begin() as connection:
        command.upgrade(configuration(connection), revision)
    with engine.begin() as connection:
        fill(connection)
    engine.dispose()
    store = SQLStore(url)
    await store.open()
    (execution,) = await store.list()
    assert (execution.id, execution.owner, execution.state) == ("x1", "alice", ExecutionState.RUNNING)
    assert (execution.plan, execution.created, execution.granted) == (a_plan(), WHEN, {"spark.worker": 2})
    assert execution.attachment is not None
    assert execution.attachment.server == "alice/"
    (instance,) = execution.instances
    assert (instance.state, instance.ports) == (InstanceState.READY, {"ui": 8080})
    (event,) = await store.events()
    assert (event.seq, event.execution, event.time) == (1, "x1", WHEN)
    assert await store.zapps("alice") == [a_zapp("mine")]
    assert await store.submit(a_submission(idempotency_key="k", fingerprint="f")) == (execution, False)
    other, _ = await store.submit(a_submission("bob"))
    assert (await store.events(after=1))[0].seq == 2
    await moved(store, "x1", ExecutionState.RUNNING, ExecutionState.STOPPING)
    await moved(store, "x1", ExecutionState.STOPPING, ExecutionState.TERMINATED)
    assert await store.dispose(["x1"]) == 1
    assert [found.id for found in await store.list()] == [other.id]
    assert await store.acquire("one", 10) is not None
    await store.close()


def test_revisions_are_the_numbers_of_their_files() -> None:
    assert known_revisions() == tuple(revisions())
    assert all(len(revision) == 4 and revision.isdigit() for revision in revisions())
