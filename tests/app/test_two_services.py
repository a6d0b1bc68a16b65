"""Kill, stop or cut off the service that leads: the other one leads, and nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import make_url

from .cut import Wire
from .pair import Member, Pair, pair, until

EXECUTIONS = 16


@asynccontextmanager
async def _cut_off(folder: Path, url: str) -> AsyncIterator[tuple[Pair, Wire]]:
    parsed = make_url(url)
    async with Wire(f"{parsed.query['host']}/.s.PGSQL.{parsed.query.get('port', 5432)}") as wire:
        through = parsed.set(host="127.0.0.1", port=wire.port, query={}).render_as_string(hide_password=False)
        async with pair(folder, (through, url)) as both:
            yield both, wire


async def _under_load(both: Pair, name: str, disturb: object) -> tuple[Member, Member]:
    """Submit through both while the leader is disturbed; wait until the other one leads and everything runs."""
    first, second = both.members
    submitting = [asyncio.create_task(both.submit(f"early-{number}")) for number in range(EXECUTIONS // 2)]
    await until(lambda: _some_started(both), "the first starts")
    disturb()  # type: ignore[operator]
    begun = time.monotonic()
    submitting += [asyncio.create_task(both.submit(f"late-{number}")) for number in range(EXECUTIONS // 2)]
    await both.until_role(second, "open")
    print(f"{name}: the other service led after {time.monotonic() - begun:.1f} s")
    await asyncio.gather(*submitting)
    await both.until_states("running")
    print(f"{name}: everything ran after {time.monotonic() - begun:.1f} s")
    return first, second


async def _some_started(both: Pair) -> bool:
    return len(both.starts()) >= 3


async def _check(both: Pair) -> None:
    """Everything is there once: submissions, starts, events."""
    assert [len(identifiers) for identifiers in both.submitted.values()] == [1] * EXECUTIONS
    expected = {(next(iter(ids)), str(ordinal)): 1 for ids in both.submitted.values() for ordinal in range(2)}

    async def all_written() -> bool:
        return len(both.starts()) == len(expected)

    await until(all_written, "a line of every instance")
    assert both.starts() == expected
    for identifiers in both.submitted.values():
        assert (await both.request("DELETE", f"/executions/{next(iter(identifiers))}")).status_code == 202
    await both.until_states("terminated")
    assert both.starts() == expected

    async def all_told() -> bool:
        return all(_ends(member) == EXECUTIONS for member in both.members)

    await until(all_told, "both event streams to the end", lambda: [len(m.follower.events) for m in both.members])
    streams = [[event.seq for event in member.follower.events] for member in both.members]
    assert streams[0] == streams[1] == list(range(1, len(streams[0]) + 1))


def _ends(member: Member) -> int:
    return sum(event.data.get("after") == "terminated" for event in member.follower.events)


async def test_the_leader_is_killed(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/zoe.sqlite"
    async with pair(tmp_path, (database, database)) as both:
        first = both.members[0]
        await _under_load(both, "kill", lambda: first.service.signal(signal.SIGKILL))
        await first.service.ended(10)
        first.service.start()
        await both.until_role(first, "standby")
        await _check(both)


async def test_the_leader_is_stopped_for_longer_than_its_lease_and_goes_on(tmp_path: Path, any_database: str) -> None:
    async with pair(tmp_path, (any_database, any_database)) as both:
        first, second = both.members
        await _under_load(both, "pause", lambda: first.service.signal(signal.SIGSTOP))
        first.service.signal(signal.SIGCONT)
        if not first.service.alive:
            # Stopped in the middle of a write, it kept SQLite's lock from everybody.
            assert any_database.startswith("sqlite")
            assert "is stopped and keeps the database locked" in second.service.log.read_text()
            first.service.start()
        await both.until_role(first, "standby")
        assert await both.role(second) == "open"
        await _check(both)


async def test_the_leader_is_cut_from_the_database(tmp_path: Path, postgresql_url: str) -> None:
    async with _cut_off(tmp_path, postgresql_url) as (both, wire):
        first, second = both.members
        await _under_load(both, "cut", wire.cut)
        assert first.service.alive
        wire.mend()
        await both.until_role(first, "standby")
        assert await both.role(second) == "open"
        await _check(both)


async def test_who_stands_by_answers_everything_and_leads_at_once_when_the_other_is_ended(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/zoe.sqlite"
    async with pair(tmp_path, (database, database)) as both:
        first, second = both.members
        both.members = [second]
        await both.submit("only")
        await both.until_states("running")
        assert (await both.request("GET", "/nodes")).json()["nodes"]
        logs = f"{second.url}api/v1/executions/{next(iter(both.submitted['only']))}/logs"
        following = asyncio.create_task(both.http.get(logs, params={"follow": "true"}, timeout=60))
        assert (await both.http.get(logs)).status_code == 200
        begun = time.monotonic()
        await first.service.stop()
        await both.until_role(second, "open")
        print(f"end: the other service led after {time.monotonic() - begun:.1f} s")
        said = first.service.log.read_text()
        assert "cannot let go" not in said
        assert "Traceback" not in said
        assert not following.done()
        await both.request("DELETE", f"/executions/{next(iter(both.submitted['only']))}")
        assert (await following).status_code == 200
        await both.until_states("terminated")
