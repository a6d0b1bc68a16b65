"""What must be true after the last kill, when all has settled. Each check returns sentences about what is not."""

from __future__ import annotations

import itertools
import os
import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from zoe_hub.model.events import Event, EventKind
from zoe_hub.model.execution import Execution, ExecutionState, InstanceState

from .load import Wished
from .processes import look

_ANNOUNCED = ("is stopped and keeps the database locked: it is killed",)
"""Errors that are as they should be where a service is paused for longer than its lease."""
_BAD_LOG = re.compile(r"^(E |C |Traceback|\w*(Error|Exception|Exit)\b.*:)")


class Database:
    """The service's database, read past the service. Its rows are named as the columns are."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def rows(self, query: str) -> list[sqlite3.Row]:
        with closing(sqlite3.connect(self._path)) as connection:
            connection.row_factory = sqlite3.Row
            return connection.execute(query).fetchall()


def expected_ends(wished: Wished) -> set[ExecutionState]:
    """The states in which an execution may rest."""
    own = {
        "cells": ExecutionState.RUNNING,
        "shaky": ExecutionState.RUNNING,
        "job": ExecutionState.COMPLETED,
        "doomed": ExecutionState.FAILED,
    }[wished.zapp]
    if not wished.terminated:
        return {own}
    # The wish may have come when it had ended already.
    return {ExecutionState.TERMINATED} | ({own} if own.ended else set())


def unsettled(wishes: Mapping[int, Wished], executions: Mapping[str, Execution]) -> Iterator[str]:
    """Whatever is not yet as it was wished."""
    for number, wished in wishes.items():
        if not wished.identifiers:
            continue
        execution = executions.get(wished.identifier)
        if execution is None:
            yield f"submission {number} was accepted as {wished.identifier} and is not in the database"
            continue
        name = f"{execution.name} ({execution.id}, submission {number})"
        if execution.state not in expected_ends(wished):
            yield (
                f"{name} is {execution.state.value} ({execution.reason!r}), not "
                f"{' or '.join(state.value for state in expected_ends(wished))}"
            )
        elif not execution.state.ended:
            yield from _not_complete(name, wished, execution)
        else:
            living = [f"{i.process} {i.ordinal} is {i.state.value}" for i in execution.instances if not i.state.ended]
            yield from (f"{name} has ended, and {instance}" for instance in living)


def _not_complete(name: str, wished: Wished, execution: Execution) -> Iterator[str]:
    ready: Counter[str] = Counter(i.process for i in execution.instances if i.state is InstanceState.READY)
    others = [f"{i.process} {i.ordinal} is {i.state.value}" for i in execution.instances]
    if wished.zapp == "cells":
        workers = execution.parameters.get("workers")
        if workers not in wished.workers:
            yield f"{name} was told {wished.workers} workers, and has stored {workers}"
        elif ready != {"cell.head": 1, "cell.worker": workers} or len(others) != 1 + workers:
            yield f"{name} wants {workers} workers: {others}"
        if (execution.attachment is not None) is not wished.attached:
            yield f"{name}: attached is {execution.attachment}, and should be {wished.attached}"
    elif ready != {"single.main": 1}:
        yield f"{name} wants one process: {others}"


def keys(wishes: Mapping[int, Wished], database: Database) -> Iterator[str]:
    """One execution for each key, and none without."""
    found: dict[str, list[str]] = defaultdict(list)
    for row in database.rows("SELECT id, idempotency_key FROM executions"):
        found[row["idempotency_key"]].append(row["id"])
    known = {wished.key: wished for wished in wishes.values()}
    for key, identifiers in found.items():
        if len(identifiers) > 1:
            yield f"the key {key} has started {len(identifiers)} executions"
        if key not in known:
            yield f"nobody asked for {identifiers} (key {key})"
    for wished in wishes.values():
        if len(wished.identifiers) > 1:
            yield f"the answers to {wished.key} spoke of {sorted(wished.identifiers)}"
        if wished.identifiers and wished.identifiers != set(found[wished.key]):
            yield f"{wished.key} was accepted as {sorted(wished.identifiers)}, and stored as {found[wished.key]}"


def ledger(path: Path) -> Iterator[str]:
    """What the processes of the load wrote: none of them met another one in its place."""
    for line in path.read_text().splitlines() if path.exists() else []:
        word, mark, *_ = line.split()
        if word == "double":
            yield f"{mark} ran twice at the same time"


def processes(folder: Path, executions: Sequence[Execution]) -> Iterator[str]:
    """One program and one supervisor for each instance that is there, and nothing else."""
    wanted = {
        f"{i.execution}/{i.process}/{i.ordinal}"
        for execution in executions
        for i in execution.instances
        if i.state is InstanceState.READY
    }
    found = look(folder)
    programs = Counter(process.place for process in found if process.program == "member")
    shims = Counter(process.place for process in found if process.program == "shim")
    for place in sorted(wanted | programs.keys() | shims.keys()):
        least = 1 if place in wanted else 0
        # The head has a child, unless that was killed: nobody starts it again.
        most = 2 * least if "cell.head" in place else least
        if not least <= programs[place] <= most:
            yield f"{programs[place]} processes of {place} run instead of {most}"
        # A supervisor may have been killed, and nobody needs another one.
        if shims[place] > (place in wanted):
            yield f"{shims[place]} supervisors of {place} are there"
    yield from (f"{process} was left" for process in found if process.program not in ("member", "shim"))


def folders(instances: Path, executions: Sequence[Execution]) -> Iterator[str]:
    """Folders of what lives, and of nothing else."""
    live = {execution.id: execution for execution in executions if not execution.state.ended}
    there = {path.name for path in (instances / "instances").glob("*")}
    yield from (f"the folder of {name} was left" for name in sorted(there - live.keys()))
    for name, execution in live.items():
        wanted = {f"{i.process}-{i.ordinal}" for i in execution.instances if not i.state.ended}
        folder = instances / "instances" / name
        have = {path.name for path in folder.iterdir() if path.is_dir()} if folder.is_dir() else set()
        yield from (f"{name} has no folder {missing}" for missing in sorted(wanted - have))
    logged = {path.name for path in (instances / "logs").glob("*")}
    yield from (f"there are logs of {name}" for name in sorted(logged - {execution.id for execution in executions}))


def ports(kept: Sequence[int], executions: Sequence[Execution]) -> Iterator[str]:
    """The back end keeps the ports of what lives, each for one."""
    told = Counter(port for e in executions for i in e.instances if not i.state.ended for port in i.ports.values())
    yield from (f"the port {port} is told of {count} instances" for port, count in told.items() if count > 1)
    if set(kept) != set(told):
        yield f"ports {sorted(kept)} are kept, {sorted(told)} are told"


def log(path: Path) -> Iterator[str]:
    """Nothing that nobody foresaw."""
    for number, line in enumerate(path.read_text(errors="replace").splitlines() if path.exists() else [], 1):
        if _BAD_LOG.match(line) and not any(words in line for words in _ANNOUNCED):
            yield f"the service's log has in line {number}: {line[:300]}"


def stream(followed: Sequence[Event], stored: Sequence[Event]) -> Iterator[str]:
    """Who followed all the time was sent every event once, in its order."""
    numbers = [event.seq for event in followed]
    yield from (
        f"event {after} came after event {before}" for before, after in itertools.pairwise(numbers) if after <= before
    )
    missing = {event.seq for event in stored} - set(numbers)
    if missing:
        yield f"{len(missing)} of {len(stored)} events were never sent: {sorted(missing)[:10]}"
    if [event.seq for event in stored] != list(range(1, len(stored) + 1)):
        yield "the numbers of the stored events have holes"


def sums(stored: Sequence[Event], executions: Sequence[Execution]) -> Iterator[str]:
    """The events, added up, are the final state."""
    told: dict[str, dict[str, Any]] = {}
    for event in stored:
        yield from _add(told.setdefault(event.execution, {"instances": {}}), event)
    for execution in executions:
        sum_ = told.get(execution.id, {})
        is_ = {
            "state": execution.state.value,
            "granted": dict(execution.granted),
            "parameters": execution.parameters,
            "attached": execution.attachment is not None,
            "wants": execution.desired.value,
        }
        for what, value in is_.items():
            if what in sum_ and sum_[what] != value:
                yield f"{execution.name}: by its events, its {what} is {sum_[what]}; it is {value}"
        rows = {(i.process, i.ordinal): i.state.value for i in execution.instances}
        by_events = sum_.get("instances", {})
        for place in sorted(rows.keys() | by_events.keys()):
            forgotten = place not in rows and InstanceState(by_events[place]).ended
            if rows.get(place) != by_events.get(place) and not forgotten:
                yield f"{execution.name}: by its events, {place} is {by_events.get(place)}; it is {rows.get(place)}"


def _add(told: dict[str, Any], event: Event) -> Iterator[str]:
    data = event.data
    if event.kind is EventKind.EXECUTION_SUBMITTED:
        if "state" in told:
            yield f"{event.execution} was submitted twice"
        told |= {"state": "queued", "granted": {}, "parameters": data["parameters"], "wants": "running"}
    elif event.kind is EventKind.EXECUTION_STATE_CHANGED:
        if told.get("state") != data["before"]:
            yield f"event {event.seq} moves {event.execution} from {data['before']}; it was {told.get('state')}"
        told["state"] = data["after"]
    elif event.kind is EventKind.EXECUTION_GRANTED:
        told["granted"] = data["granted"]
    elif event.kind is EventKind.EXECUTION_SCALED:
        told["parameters"] = data["parameters"]
    elif event.kind in (EventKind.EXECUTION_ATTACHED, EventKind.EXECUTION_DETACHED):
        told["attached"] = event.kind is EventKind.EXECUTION_ATTACHED
    elif event.kind is EventKind.EXECUTION_TERMINATION_REQUESTED:
        told["wants"] = "terminated"
    elif event.kind is EventKind.INSTANCE_STATE_CHANGED:
        told["instances"][data["process"], data["ordinal"]] = data["state"]


def nothing_left(folder: Path, instances: Path) -> Iterator[str]:
    """After the end of everything."""
    yield from (f"{found.program} {found.place} (process {found.pid}) was left" for found in look(folder))
    yield from (f"{path} was left" for path in (instances / "instances").glob("*"))


def starts(path: Path) -> int:
    """How many processes of the load were started."""
    return sum(line.startswith("start ") for line in path.read_text().splitlines()) if path.exists() else 0


def descriptors(pid: int) -> int:
    """How many files a process holds open."""
    return len(os.listdir(f"/proc/{pid}/fd"))
