"""The audit trail against those who would change it, and against death between a change and its line."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import pytest
from alembic import command
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from zoe_hub.model.audit import AuditQuery
from zoe_hub.store.sql import SQLStore
from zoe_hub.store.upgrade import configuration

from .auditing import a_line, an_entry
from .examples import a_submission
from .test_migrations import connect_args

REWRITES = ["UPDATE audit SET caller = 'bob'", "DELETE FROM audit"]
OF_ONE = {
    "sqlite": "INSERT OR REPLACE INTO audit SELECT * FROM audit",
    "postgresql": "TRUNCATE audit",
}


async def test_the_database_itself_refuses(url: str) -> None:
    store = SQLStore(url)
    await store.open()
    await store.add_audit([a_line("one"), a_line("two")])
    engine = create_engine(connect_args(url))
    for statement in (*REWRITES, OF_ONE[engine.dialect.name]):
        with engine.connect() as connection, pytest.raises(DBAPIError, match="audit trail is"):
            connection.execute(text(statement))
    engine.dispose()
    assert [(line.request, line.caller) for line in await store.audit(AuditQuery())] == [
        ("two", "alice"),
        ("one", "alice"),
    ]
    await store.close()


async def test_a_database_without_a_trail_gets_one(url: str) -> None:
    store = SQLStore(url)
    await store.open()
    execution, _ = await store.submit(a_submission())
    await store.close()
    engine = create_engine(connect_args(url))
    with engine.begin() as connection:
        command.downgrade(configuration(connection), "0004")
    engine.dispose()
    again = SQLStore(url)
    await again.open()
    await again.audited(an_entry(), lambda: None).terminate(execution.id, by="alice")
    (line,) = await again.audit(AuditQuery())
    assert line.execution == execution.id
    await again.close()


async def test_death_between_any_two_statements_leaves_both_or_neither(url: str) -> None:
    """Killed before every statement in turn, the commit included, and right after it, before the answer."""
    store = SQLStore(url)
    await store.open()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "tests.store.killed", url],
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert run.returncode == 0, run.stderr
    deaths = int(run.stdout)
    assert deaths > 5
    (execution,) = await store.list()
    (line,) = await store.audit(AuditQuery())
    assert (line.execution, line.owner) == (execution.id, f"alice{deaths + 1}")
    await store.close()
