"""Each check finds what it is there for."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path
from sqlite3 import connect
from typing import Any

import pytest

from tests.chaos import checks
from tests.chaos.load import Wished
from tests.chaos.processes import look
from tests.store.examples import a_plan
from zoe_hub.model.events import Event, EventKind
from zoe_hub.model.execution import DesiredState, Execution, ExecutionState, InstanceState, InstanceStatus

NOW = datetime.now(timezone.utc)


def wished(**fields: Any) -> Wished:
    made = Wished("7-0", "alice", "cells", None, identifiers={"x1"}, workers={1})
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def instance(process: str, state: InstanceState = InstanceState.READY, **fields: Any) -> InstanceStatus:
    return InstanceStatus(execution="x1", process=process, ordinal=0, state=state, **fields)


def execution(state: ExecutionState = ExecutionState.RUNNING, **fields: Any) -> Execution:
    return Execution(
        **{
            "id": "x1", "owner": "alice", "name": "cells-1", "zapp": "cells", "parameters": {"workers": 1},
            "plan": a_plan(), "desired": DesiredState.RUNNING, "state": state, "created": NOW, "updated": NOW,
            "instances": (instance("cell.head", ports={"rpc": 1}), instance("cell.worker")), **fields,
        }
    )  # fmt: skip


def event(seq: int, kind: EventKind, **data: Any) -> Event:
    return Event(seq=seq, time=NOW, owner="alice", execution="x1", kind=kind, data=data)


SUBMITTED = event(1, EventKind.EXECUTION_SUBMITTED, parameters={"workers": 1})
MOVED = event(2, EventKind.EXECUTION_STATE_CHANGED, before="queued", after="running")


def unsettled(wish: Wished, *found: Execution) -> list[str]:
    return list(checks.unsettled({0: wish}, {each.id: each for each in found}))


def test_what_is_as_it_was_wished_is_settled() -> None:
    assert unsettled(wished(attached=False), execution()) == []


@pytest.mark.parametrize(
    ("wish", "found"),
    [
        (wished(attached=False), None),
        (wished(attached=True), execution()),
        (wished(attached=False, terminated=True), execution()),
        (wished(attached=False, workers={2}), execution()),
        (wished(attached=False), execution(ExecutionState.FAILED)),
        (wished(attached=False), execution(instances=(instance("cell.head"),))),
        (wished(terminated=True), execution(ExecutionState.TERMINATED, instances=(instance("cell.head"),))),
    ],
    ids=["lost", "let go", "not ended", "small", "failed", "incomplete", "ended with living instances"],
)
def test_what_is_not_as_it_was_wished_is_not(wish: Wished, found: Execution | None) -> None:
    assert len(unsettled(wish, *([found] if found else []))) == 1


def test_keys(tmp_path: Path) -> None:
    path = tmp_path / "zoe.sqlite"
    with closing(connect(path)) as database, database:
        database.execute("CREATE TABLE executions (id, idempotency_key)")
        database.execute("INSERT INTO executions VALUES ('x1', '7-0')")
    assert list(checks.keys({0: wished()}, checks.Database(path))) == []
    assert list(checks.keys({0: wished(identifiers={"x1", "x2"})}, checks.Database(path)))
    assert list(checks.keys({}, checks.Database(path)))
    with closing(connect(path)) as database, database:
        database.execute("INSERT INTO executions VALUES ('x2', '7-0')")
    assert "has started 2" in next(iter(checks.keys({0: wished()}, checks.Database(path))))


def test_ledger_and_log(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("start x1/cell.head/0/t 1 1\nend x1/cell.head/0/t 1 2\n")
    assert list(checks.ledger(path)) == []
    path.write_text("start x1/cell.head/0/t 1 1\ndouble x1/cell.head/0/u 2 2\n")
    assert list(checks.ledger(path)) == ["x1/cell.head/0/u ran twice at the same time"]
    for line, bad in {"I 2026": 0, "W 2026": 0, "E 2026": 1, "Traceback (most": 1, "KeyError: 1": 1}.items():
        path.write_text(f"{line}\n")
        assert len(list(checks.log(path))) == bad, line


def test_the_process_table(tmp_path: Path) -> None:
    environment = {"ZOE_INSTANCE": "x1/cell.worker/0/token", "TMPDIR": str(tmp_path), "PATH": os.environ["PATH"]}
    with subprocess.Popen(
        [sys.executable, "-c", "import time; print(flush=True); time.sleep(60)", "member.py"],
        env=environment,
        stdout=subprocess.PIPE,
    ) as stray:
        assert stray.stdout is not None
        stray.stdout.readline()
        try:
            assert [found.place for found in look(tmp_path)] == ["x1/cell.worker/0"]
            assert "1 processes of x1/cell.worker/0 run instead of 0" in list(checks.processes(tmp_path, []))
            assert list(checks.nothing_left(tmp_path, tmp_path))
        finally:
            stray.kill()
    found = list(checks.processes(tmp_path, [execution()]))
    assert found == [f"0 processes of x1/cell.{name}/0 run instead of {n}" for name, n in (("head", 2), ("worker", 1))]


def test_folders_and_ports(tmp_path: Path) -> None:
    for name in ("cell.head-0", "cell.worker-0"):
        (tmp_path / "instances" / "x1" / name).mkdir(parents=True)
    assert list(checks.folders(tmp_path, [execution()])) == []
    assert list(checks.folders(tmp_path, [execution(ExecutionState.TERMINATED)])) == ["the folder of x1 was left"]
    (tmp_path / "instances" / "x1" / "cell.head-0").rmdir()
    assert list(checks.folders(tmp_path, [execution()])) == ["x1 has no folder cell.head-0"]
    assert list(checks.ports([1], [execution()])) == []
    assert list(checks.ports([1, 2], [execution()]))
    assert list(checks.ports([], [execution()]))


def test_events() -> None:
    stored = [SUBMITTED, MOVED]
    assert list(checks.stream(stored, stored)) == []
    assert list(checks.stream([SUBMITTED, SUBMITTED, MOVED], stored)) == ["event 1 came after event 1"]
    assert list(checks.stream([SUBMITTED], stored)) == ["1 of 2 events were never sent: [2]"]
    assert list(checks.stream([MOVED], [MOVED])) == ["the numbers of the stored events have holes"]


def test_sums() -> None:
    of_instances = [
        event(3 + n, EventKind.INSTANCE_STATE_CHANGED, process=process, ordinal=0, state="ready")
        for n, process in enumerate(("cell.head", "cell.worker"))
    ]
    story = [SUBMITTED, MOVED, *of_instances]
    assert list(checks.sums(story, [execution()])) == []
    assert len(list(checks.sums(story[:1] + of_instances, [execution()]))) == 1
    assert len(list(checks.sums([SUBMITTED, *story], [execution()]))) == 1
    assert len(list(checks.sums(story[:3], [execution()]))) == 1
    assert len(list(checks.sums([*story, MOVED], [execution()]))) == 1
