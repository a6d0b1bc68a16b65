"""Two services and one folder: only the one with the higher number changes anything."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.backends.contract import SLEEP, order, template, text, until, until_restarted, until_state
from tests.backends.leftovers import remove_everything
from tests.backends.local.processes import marked
from tests.backends.local.service import STALE, begin, die_forking, two_processes
from zoe_hub.backends.local import LocalBackend, LocalSettings
from zoe_hub.backends.local.identity import read_stat
from zoe_hub.backends.terms import Term
from zoe_hub.model.errors import LaunchFailed, StaleLease
from zoe_hub.model.execution import InstanceState as I
from zoe_hub.model.framework import Restart, RestartPolicy


@asynccontextmanager
async def service(settings: LocalSettings, number: int) -> AsyncIterator[LocalBackend]:
    backend = LocalBackend(settings)
    await backend.open(number)
    try:
        yield backend
    finally:
        await backend.close()


@pytest.fixture(autouse=True)
async def _clean(settings: LocalSettings) -> AsyncIterator[None]:
    yield
    await remove_everything(LocalBackend(settings))


async def test_what_an_earlier_service_orders_is_refused(settings: LocalSettings) -> None:
    async with service(settings, 1) as old:
        await old.apply(order("x1", template(), 2))
        for ordinal in range(2):
            await until_state(old, "x1", I.READY, ordinal)
        running = marked("x1", settings.folder)
        async with service(settings, 2) as new:
            for attempt in (
                old.apply(order("x1", template(), 3)),
                old.apply(order("x1", template(), 1)),
                old.apply(order("x2", template())),
                old.remove("x1"),
                old.forget("x1"),
            ):
                with pytest.raises(StaleLease, match="Another Zoe service leads"):
                    await attempt
            assert marked("x1", settings.folder) == running
            assert marked("x2", settings.folder) == []
            assert [status.state for status in await new.instances()] == [I.READY, I.READY]


def starts(ledger: Path) -> int:
    return len(ledger.read_text().splitlines()) if ledger.exists() else 0


async def test_only_the_later_service_starts_again_what_died(settings: LocalSettings, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    process = template(f"open({str(ledger)!r}, 'a').write('begun\\n'); {SLEEP}", restart=Restart(delay=0.01))
    async with service(settings, 1) as old:
        await old.apply(order("x1", process))
        await until_state(old, "x1", I.READY)
        async with service(settings, 2) as new:
            for times in range(1, 6):
                await until_written(ledger, times)
                (pid,) = marked("x1", settings.folder)
                os.kill(pid, signal.SIGKILL)
                assert (await until_restarted(new, "x1", times)).restarts == times
            await until_written(ledger, 6)
            assert len(marked("x1", settings.folder)) == 1
    assert starts(ledger) == 6


async def until_written(ledger: Path, times: int) -> None:
    async def written() -> bool:
        return starts(ledger) >= times

    await until(written, f"{times} starts")


@pytest.mark.parametrize("first", range(4))
async def test_held_up_before_any_operation_nothing_runs_twice(
    settings: LocalSettings, tmp_path: Path, first: int
) -> None:
    """A service is stopped anywhere, another takes over, and then the first one goes on."""
    for operation in range(1 + first * 8, 129, 32):
        ledger = tmp_path / f"ledger-{operation}"
        script = f"open({str(ledger)!r}, 'a').write('begun\\n'); {SLEEP}"
        process = begin(settings.folder, stop_at=operation, script=script)
        assert process.pid is not None
        await _until_stopped_or_ended(process.pid)
        async with service(settings, 2) as new:
            for wish in two_processes(script=script):
                await new.apply(wish)

            async def all_ready(backend: LocalBackend = new, ledger: Path = ledger) -> bool:
                statuses = await backend.instances()
                return sum(status.state is I.READY for status in statuses) == 4 and starts(ledger) >= 4

            await until(all_ready, f"all ready; stopped before operation {operation}")
            if process.is_alive():
                os.kill(process.pid, signal.SIGCONT)
            await asyncio.to_thread(process.join, 60)
            # Killed: it had seen that all run, perhaps before it was stopped.
            assert process.exitcode in (STALE, -signal.SIGKILL)
            assert await all_ready(), f"stopped before operation {operation}"
            assert starts(ledger) == len(marked("x1", settings.folder)) == 4, f"stopped before operation {operation}"
            assert [status.restarts for status in await new.instances()] == [0] * 4
            await new.remove("x1")


async def _until_stopped_or_ended(pid: int) -> None:
    async def still() -> bool:
        stat = read_stat(pid)
        return stat is None or stat.state in "TZ"

    await until(still)


async def test_the_end_of_what_an_earlier_service_started_is_known(settings: LocalSettings, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    script = f"import os, sys, time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.01)\nsys.exit(5)"
    async with service(settings, 1) as old:
        await old.apply(order("x1", template(script, restart=Restart(policy=RestartPolicy.NEVER))))
        await until_state(old, "x1", I.READY)
    async with service(settings, 2) as new:
        gate.touch()
        assert (await until_state(new, "x1", I.FAILED)).exit_code == 5


async def test_a_lower_number_is_refused_while_the_higher_one_lives(
    settings: LocalSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoe_hub.backends.terms._LET_GO_WITHIN", 0)
    async with service(settings, 7):
        with pytest.raises(StaleLease, match="Two databases cannot share a folder"):
            await LocalBackend(settings).open(6)
    # A database that was made anew counts from one again.
    async with service(settings, 1) as backend:
        await backend.apply(order("x1", template()))
        await until_state(backend, "x1", I.READY)


async def test_two_services_of_one_number_exclude_each_other(
    settings: LocalSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoe_hub.backends.terms._LET_GO_WITHIN", 0)
    async with service(settings, 4):
        with pytest.raises(LaunchFailed, match="in use by another Zoe service"):
            await LocalBackend(settings).open(4)


@pytest.mark.parametrize("number", [0, 1], ids=["of another database", "of the same one"])
async def test_who_was_killed_while_it_forked_is_not_alive(
    settings: LocalSettings, tmp_path: Path, number: int
) -> None:
    gate = tmp_path / "gate"
    process = die_forking(settings.folder, gate)
    await asyncio.to_thread(process.join, 60)
    assert process.exitcode == -signal.SIGKILL
    with pytest.raises((LaunchFailed, StaleLease)):
        Term(settings.folder, number).begin()
    backend = LocalBackend(settings)
    opening = asyncio.create_task(backend.open(number))
    # It has tried for the first time, and was refused, when it waits.
    await asyncio.sleep(0)
    assert not opening.done()
    gate.touch()
    await opening
    await backend.apply(order("x1", template()))
    await until_state(backend, "x1", I.READY)
    await backend.close()


def test_of_two_that_begin_one_keeps_its_term(tmp_path: Path) -> None:
    terms = [Term(tmp_path / "zoe", number) for number in (3, 5, 4)]
    terms[0].begin()
    terms[1].begin()
    with pytest.raises(StaleLease):
        terms[2].begin()
    assert [term.holds() for term in terms] == [False, True, False]
    for term in terms:
        term.end()
    assert not any(term.holds() for term in terms)


def test_terms_that_are_over_leave_few_files(tmp_path: Path) -> None:
    for number in range(1, 60):
        term = Term(tmp_path / "zoe", number)
        term.begin()
        term.end()
    assert len(list((tmp_path / "zoe" / "terms").iterdir())) < 50


async def test_logs_and_nodes_are_known_to_a_service_that_does_not_lead(settings: LocalSettings) -> None:
    standby = LocalBackend(settings)
    assert [node.capacity for node in await standby.nodes()]
    async with service(settings, 1) as leader:
        script = "print('hello', flush=True); import time; time.sleep(1000)"
        await leader.apply(order("x1", template(script, restart=Restart(policy=RestartPolicy.NEVER))))
        await until_state(leader, "x1", I.READY)
        followed = asyncio.create_task(text(standby.logs("x1", "test.worker", 0, follow=True)))
        assert "hello" in await until(lambda: text(standby.logs("x1", "test.worker", 0)))
        assert not followed.done()
        await leader.remove("x1")
        assert await followed == "hello\n"
