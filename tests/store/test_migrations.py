"""The schema: migrations give the tables, both ways; services that start together; newer databases."""

from __future__ import annotations

import asyncio
import stat
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, create_engine, inspect, text

from zoe_hub.model.adaptation import Adaptation
from zoe_hub.model.errors import ServiceUnavailable
from zoe_hub.model.lifetime import Life
from zoe_hub.store.errors import NewerDatabase, OlderDatabase
from zoe_hub.store.sql import SQLStore
from zoe_hub.store.tables import metadata
from zoe_hub.store.upgrade import VERSION_TABLE, configuration, upgrade

from .examples import HERE, LATER, a_plan, a_submission, brought_to, submitted


def connect_args(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://")


def differences(connection: Connection) -> list[object]:
    options = {"version_table": VERSION_TABLE, "compare_type": True, "compare_server_default": True}
    context = MigrationContext.configure(connection, opts=options)
    found: list[object] = compare_metadata(context, metadata)
    return found


def test_migrations_give_exactly_the_tables(url: str) -> None:
    engine = create_engine(connect_args(url))
    with engine.begin() as connection:
        upgrade(connection)
    with engine.connect() as connection:
        assert differences(connection) == []
    engine.dispose()


def test_indexes_are_the_declared_ones(url: str) -> None:
    """Comparing metadata overlooks the condition of a partial index."""
    engine = create_engine(connect_args(url))
    with engine.begin() as connection:
        upgrade(connection)
    with engine.connect() as connection:
        found = {index["name"]: index for index in inspect(connection).get_indexes("executions")}
    engine.dispose()
    for name in ("uq_executions_live_name", "ix_executions_live"):
        options = found[name]["dialect_options"]
        condition = str(options.get("sqlite_where", options.get("postgresql_where")))
        assert condition.strip("()") == "ended IS NULL"
    assert found["uq_executions_live_name"]["unique"]
    assert found["uq_executions_idempotency_key"]["unique"]


def test_down_and_up_again(url: str) -> None:
    engine = create_engine(connect_args(url))
    with engine.begin() as connection:
        upgrade(connection)
    with engine.begin() as connection:
        command.downgrade(configuration(connection), "base")
    with engine.begin() as connection:
        assert inspect(connection).get_table_names() == [VERSION_TABLE]
        upgrade(connection)
    with engine.connect() as connection:
        assert differences(connection) == []
    engine.dispose()


async def test_what_is_stored_is_there_after_opening_again(url: str) -> None:
    store = SQLStore(url)
    await store.open()
    execution, _ = await store.submit(a_submission())
    await store.close()
    again = SQLStore(url)
    await again.open()
    assert await again.get(execution.id) == execution
    assert await again.last_seq() == 1
    await again.close()


async def test_newer_database_is_refused_and_left_alone(url: str) -> None:
    store = SQLStore(url)
    await store.open()
    await store.close()
    engine = create_engine(connect_args(url))
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    newer = SQLStore(url)
    with pytest.raises(NewerDatabase, match=r"'9999', made by a newer version of Zoe"):
        await newer.open()
    await newer.close()
    with engine.connect() as connection:
        assert connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar() == "9999"
    engine.dispose()


async def test_a_database_from_before_what_is_known_is_refused_and_left_alone(url: str) -> None:
    store = SQLStore(url)
    await store.open()
    await store.close()
    set_version(url, "0000")
    older = SQLStore(url)
    with pytest.raises(OlderDatabase, match=r"'0000', made by a version of Zoe that is too old.*from '0001' on"):
        await older.open()
    await older.close()
    engine = create_engine(connect_args(url))
    with engine.connect() as connection:
        assert connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar() == "0000"
    engine.dispose()


async def test_a_service_whose_database_is_upgraded_while_it_runs_leads_no_more(store: SQLStore, url: str) -> None:
    assert await store.acquire("one", 600) is not None
    set_version(url, "9999")
    with pytest.raises(NewerDatabase, match="'9999', made by a newer version of Zoe"):
        await store.acquire("one", 600)


def set_version(url: str, version: str) -> None:
    engine = create_engine(connect_args(url))
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '{version}'"))
    engine.dispose()


async def test_zoe_may_share_a_database_with_jupyterhub(url: str) -> None:
    engine = create_engine(connect_args(url))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('jupyterhub')"))
    store = SQLStore(url)
    await store.open()
    await store.submit(a_submission())
    await store.close()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "jupyterhub"
    engine.dispose()


OPEN = """
import asyncio, sys
from tests.store.examples import a_submission
from zoe_hub.store.sql import SQLStore

async def main():
    store = SQLStore(sys.argv[1])
    print("ready", flush=True)
    sys.stdin.readline()
    await store.open()
    await store.submit(a_submission())
    await store.close()

asyncio.run(main())
"""


async def test_services_that_start_together(url: str) -> None:
    pipe = asyncio.subprocess.PIPE
    started = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", OPEN, url, stdin=pipe, stdout=pipe, stderr=pipe)
        for _ in range(4)
    ]
    for process in started:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
    results = await asyncio.gather(*(process.communicate(b"\n") for process in started))
    assert [(process.returncode, error) for process, (_, error) in zip(started, results, strict=True)] == [(0, b"")] * 4
    store = SQLStore(url)
    await store.open()
    assert {execution.name for execution in await store.list()} == {f"spark-{n}" for n in range(1, 5)}
    await store.close()


async def test_database_file_is_private(tmp_path: Path) -> None:
    path = tmp_path / "new" / "zoe.sqlite"
    store = SQLStore(f"sqlite:///{path}")
    await store.open()
    assert {stat.S_IMODE(entry.stat().st_mode) for entry in path.parent.iterdir()} == {0o600}
    await store.close()


async def test_unusable_place_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = SQLStore(f"sqlite:///{tmp_path}/file/zoe.sqlite")
    with pytest.raises(ServiceUnavailable, match="database cannot be used"):
        await store.open()
    await store.close()


async def test_file_that_is_no_database_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "zoe.sqlite").write_text("This is no database. " * 100)
    store = SQLStore(f"sqlite:///{tmp_path}/zoe.sqlite")
    with pytest.raises(ServiceUnavailable, match="not a database"):
        await store.open()
    await store.close()


async def test_what_ran_before_lives_were_stored_goes_on(url: str) -> None:
    """From the schema before: its executions have lived for an unknown time, and are tied as they were."""
    store = SQLStore(url)
    await store.open()
    execution, _ = await store.submit(a_submission(attachment=HERE))
    await store.close()
    engine = create_engine(connect_args(url))
    with engine.begin() as connection:
        command.downgrade(configuration(connection), "0002")
    engine.dispose()
    again = SQLStore(url)
    await again.open()
    found = await again.get(execution.id)
    assert (found.attachment, found.life, found.tied) == (HERE, Life(), True)
    await again.note_activity(execution.id, LATER, "[1]")
    assert (await again.get(execution.id)).life.last_active == LATER
    await again.close()


async def test_what_ran_before_work_was_counted_follows_no_load_and_counts_from_now_on(url: str) -> None:
    """From the schema before: it runs on, and nothing is made up of what it did."""
    store = SQLStore(url)
    await store.open()
    execution = await brought_to(store, await submitted(store), "running")
    await store.close()
    engine = create_engine(connect_args(url))
    with engine.begin() as connection:
        command.downgrade(configuration(connection), "0006")
    engine.dispose()
    again = SQLStore(url)
    await again.open()
    found = await again.get(execution.id)
    assert (found.adaptation, found.adapted, found.expected) == (None, "", None)
    bounds = Adaptation(minimum=1, maximum=4)
    await again.adapt(execution.id, bounds, {"workers": 2}, a_plan(), read={"workers": 2}, by="alice")
    assert (await again.get(execution.id)).adaptation == bounds
    await again.close()


async def test_what_was_submitted_before_runs_were_learned_from_is_of_unknown_size(url: str) -> None:
    store = SQLStore(url)
    await store.open()
    execution = await submitted(store)
    await store.close()
    engine = create_engine(connect_args(url))
    with engine.begin() as connection:
        command.downgrade(configuration(connection), "0008")
    engine.dispose()
    again = SQLStore(url)
    await again.open()
    assert (await again.get(execution.id)).size is None
    assert (await submitted(again, expected=60)).size == 60
    await again.close()
