from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import jsonschema
import pytest
from sqlalchemy import create_engine, inspect, text

from tests.cli.running import run_zoe
from tests.store.examples import a_plan, a_submission, brought_to
from tests.store.writing import moved, stored
from zoe_hub.model.events import EventKind
from zoe_hub.model.execution import Attachment, Execution, ExecutionState
from zoe_hub.simulator.nodes import machines
from zoe_hub.simulator.trace import read_trace
from zoe_hub.store.changes import Granted
from zoe_hub.store.errors import NewerDatabase, OlderDatabase
from zoe_hub.store.sql import SQLStore
from zoe_hub.traces.export import Exported, export

PLANTED = "Zebra-7Q"
"""In every text that a user or an administrator gives."""
FORMAT = {"running", "spark"}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "home" / "data" / "zoe.sqlite"


@pytest.fixture
async def store(database: Path) -> AsyncIterator[SQLStore]:
    database.parent.mkdir(parents=True)
    opened = SQLStore(database)
    await opened.open()
    yield opened
    await opened.close()


async def one(
    store: SQLStore, owner: str = f"alice-{PLANTED}", state: str = "completed", **changes: object
) -> Execution:
    plan = a_plan().model_copy(update={"zapp": f"zapp-{PLANTED}", "title": PLANTED})
    given = {
        "plan": plan,
        "name": f"name-{PLANTED}".lower(),
        "parameters": {"label": PLANTED},
        "attachment": Attachment(server=f"alice-{PLANTED}/", kernel=PLANTED),
        "idempotency_key": None,
    }
    execution, _ = await store.submit(a_submission(owner, **(given | changes)))
    await stored(store, Granted(execution.id, {"spark.worker": 1}, f"because of {PLANTED}"))
    if state == "completed":
        execution = await brought_to(store, execution, "running")
        for after in (ExecutionState.COMPLETING, ExecutionState.COMPLETED):
            execution = await moved(store, execution.id, execution.state, after, PLANTED)
        return execution
    return await brought_to(store, execution, state)


async def exported(store: SQLStore, path: Path, **bounds: datetime) -> Exported:
    with path.open("w") as file:
        return await export(store, machines(2), file.write, **bounds)


def strings(database: Path) -> set[str]:
    """Every text in the database, and every part of the JSON in it."""
    engine = create_engine(f"sqlite:///{database}")
    found: set[str] = set()

    def collect(value: object) -> None:
        if isinstance(value, str):
            found.add(value)
            try:
                inside = json.loads(value)
            except ValueError:
                return
            if not isinstance(inside, (str, int, float)):
                collect(inside)
        elif isinstance(value, dict):
            for key, each in value.items():
                found.add(key)
                collect(each)
        elif isinstance(value, list):
            for each in value:
                collect(each)

    with engine.connect() as connection:
        for table in inspect(engine).get_table_names():
            for row in connection.execute(text(f"SELECT * FROM {table}")):
                collect(list(row))
    engine.dispose()
    return found


async def test_no_text_of_the_database_is_in_the_trace(store: SQLStore, database: Path, tmp_path: Path) -> None:
    for owner in (f"alice-{PLANTED}", f"bob-{PLANTED}"):
        await one(store, owner)
        await one(store, owner, "running", name=f"second-{PLANTED}".lower())
    told = await exported(store, tmp_path / "trace")
    assert (told.executions, told.going_on) == (4, 2)
    trace = (tmp_path / "trace").read_text()
    # Keys of our own documents are the same words in both.
    words = {word for line in trace.splitlines() for word in _keys(json.loads(line))} | {"zoe/v1"}
    texts = {each for each in strings(database) if len(each) > 2 and each not in words and not each.isdigit()}
    assert any(PLANTED in each for each in texts)
    assert [each for each in texts if each in trace] == []


def _keys(value: object) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*map(_keys, value.values()))
    return set().union(*map(_keys, value)) if isinstance(value, list) else set()


async def test_users_and_zapps_are_numbers_by_first_appearance(store: SQLStore, tmp_path: Path) -> None:
    await one(store, "carol", "terminated")
    for owner in ("bob", "alice", "bob"):
        await one(store, owner, name=None)
    told = await exported(store, tmp_path / "trace")
    assert (told.executions, told.never_ran) == (3, 1)
    workload, lines = read_trace(tmp_path / "trace")
    assert [line.user for line in lines] == [0, 1, 0]
    assert lines[0].submitted == 0.0
    assert [node.capacity.cpu for node in workload.nodes] == [32, 32]
    assert [job.demands[0].elastic for job in workload.jobs] == [2, 2, 2]


async def test_lines_are_what_the_published_schema_says(store: SQLStore, tmp_path: Path) -> None:
    await one(store)
    await exported(store, tmp_path / "trace")
    schema = json.loads(run_zoe("schema", "trace").stdout)
    for line in (tmp_path / "trace").read_text().splitlines():
        jsonschema.validate(json.loads(line), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"user": 0}, schema)


async def test_a_span_of_time_is_what_was_submitted_in_it(store: SQLStore, tmp_path: Path) -> None:
    execution = await one(store)
    before, after = execution.created - timedelta(seconds=1), execution.created + timedelta(seconds=1)
    for bounds, count in (({"since": before}, 1), ({"since": after}, 0), ({"until": before}, 0), ({"until": after}, 1)):
        assert (await exported(store, tmp_path / "trace", **bounds)).executions == count


async def test_more_than_is_read_at_once(store: SQLStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoe_hub.traces.export._BATCH", 2)
    for _ in range(5):
        await one(store, name=None)
    assert (await exported(store, tmp_path / "trace")).executions == 5
    _, lines = read_trace(tmp_path / "trace")
    assert [line.submitted for line in lines] == sorted(line.submitted for line in lines)


async def test_from_a_database_to_an_answer_in_two_commands(store: SQLStore, database: Path, tmp_path: Path) -> None:
    for _ in range(3):
        await one(store, name=None)
    home, trace = {"ZOE_HOME": str(database.parent.parent)}, tmp_path / "trace.jsonl"
    done = run_zoe("trace", "export", "-o", str(trace), **home)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "3 executions are in the trace." in done.stderr
    assert run_zoe("trace", "export", **home).stdout == trace.read_text()
    answers = [run_zoe("simulate", str(trace), "--nodes", "+10", "--json") for _ in range(2)]
    assert answers[0].stdout == answers[1].stdout
    document = json.loads(answers[0].stdout)
    assert (document["jobs"], document["nodes"]) == (3, 11)
    assert document["runs"][0]["turnaround"]["mean"] >= 0


async def test_from_a_database_to_an_answer_in_one_command(store: SQLStore, database: Path, tmp_path: Path) -> None:
    for _ in range(3):
        await one(store, name=None)
    home, trace = {"ZOE_HOME": str(database.parent.parent)}, tmp_path / "trace.jsonl"
    run_zoe("trace", "export", "-o", str(trace), **home)
    asked = run_zoe("simulate", "--since", "1d", "--nodes", "+10", "--json", **home)
    assert asked.returncode == 0, asked.stderr
    assert asked.stdout == run_zoe("simulate", str(trace), "--nodes", "+10", "--json").stdout
    assert "3 executions are in the trace." in asked.stderr
    nothing = run_zoe("simulate", "--until", "2026-01-01", **home)
    assert (nothing.returncode, nothing.stdout) == (1, "")
    assert "Nothing that was submitted then has run; say with --since from when on." in nothing.stderr
    both = run_zoe("simulate", str(trace), "--since", "1d", **home)
    assert f"{trace} is as it was exported. Leave one out." in both.stderr
    assert sorted(tmp_path.iterdir()) == [tmp_path / "home", trace]


async def test_exporting_leaves_the_database_as_it_is(store: SQLStore, database: Path, tmp_path: Path) -> None:
    await one(store)
    with create_engine(f"sqlite:///{database}").connect() as connection:
        (version,) = connection.execute(text("SELECT version_num FROM zoe_version")).scalars()
        for other, error in (("0001", OlderDatabase), ("9999", NewerDatabase)):
            connection.execute(text("UPDATE zoe_version SET version_num = :v"), {"v": other})
            connection.commit()
            reader = SQLStore(database, upgrades=False)
            with pytest.raises(error, match="schema"):
                await reader.open()
            assert connection.execute(text("SELECT version_num FROM zoe_version")).scalar() == other
        connection.execute(text("UPDATE zoe_version SET version_num = :v"), {"v": version})
        connection.commit()
    none = run_zoe("trace", "export", ZOE_HOME=str(tmp_path / "none"))
    assert none.returncode == 3
    assert "There is no database" in none.stderr
    assert not (tmp_path / "none").exists()


async def test_histories_tell_states_and_grants_in_order(store: SQLStore) -> None:
    first, second = await one(store, name=None), await one(store, name=None, state="queued")
    ((one_, told), (other, told_of_other)) = await store.histories(limit=10)
    assert (one_.id, other.id) == (first.id, second.id)
    assert {event.kind for event in told} == {EventKind.EXECUTION_GRANTED, EventKind.EXECUTION_STATE_CHANGED}
    assert [event.seq for event in told] == sorted(event.seq for event in told)
    assert [event.execution for event in told_of_other] == [second.id]
    assert [execution.id for execution, _ in await store.histories(after=first.id, limit=10)] == [second.id]
    assert [execution.id for execution, _ in await store.histories(limit=1)] == [first.id]
    assert await store.histories(after=second.id, limit=10) == []
    assert first.created <= datetime.now(timezone.utc)
