"""A service that is killed at any instant; the next one finds what there is, and starts nothing twice."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import random
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.backends.contract import find, order, server, template, text, until, until_restarted, until_state
from tests.backends.leftovers import remove_everything
from tests.backends.local.processes import marked, parent
from tests.backends.local.service import begin, two_processes
from zoe_hub.backends.local import LocalBackend, LocalSettings
from zoe_hub.backends.local.run import Run
from zoe_hub.model.errors import LaunchFailed
from zoe_hub.model.execution import InstanceState as I
from zoe_hub.model.framework import Readiness, Restart, RestartPolicy


@asynccontextmanager
async def service(settings: LocalSettings) -> AsyncIterator[LocalBackend]:
    """A service that lets go of its instances at the end."""
    backend = LocalBackend(settings)
    await backend.open()
    try:
        yield backend
    finally:
        await backend.close()


@pytest.fixture(autouse=True)
async def _clean(settings: LocalSettings) -> AsyncIterator[None]:
    yield
    await remove_everything(LocalBackend(settings))


def main_process(settings: LocalSettings, execution: str = "x1") -> int:
    (pid,) = marked(execution, settings.folder)
    return pid


async def check_each_runs_once(settings: LocalSettings, when: str) -> None:
    async with service(settings) as backend:
        for wish in two_processes():
            await backend.apply(wish)

        async def all_ready() -> bool:
            statuses = await backend.instances()
            return len(statuses) == 4 and all(status.state is I.READY for status in statuses)

        await until(all_ready, f"all ready; killed {when}")
        assert len(marked("x1", settings.folder)) == 4, f"killed {when}"
        assert [status.restarts for status in await backend.instances()] == [0] * 4, f"killed {when}"
        await backend.remove("x1")
        assert marked("x1", settings.folder) == [], f"killed {when}"


@pytest.mark.parametrize("first", range(4))
async def test_killed_before_any_operation_each_instance_runs_once(settings: LocalSettings, first: int) -> None:
    for operation in range(1 + first * 4, 129, 16):
        process = begin(settings.folder, die_at=operation)
        process.join(60)
        assert process.exitcode == -signal.SIGKILL
        await check_each_runs_once(settings, f"before operation {operation}")


async def test_killed_at_any_time_each_instance_runs_once(settings: LocalSettings) -> None:
    chance = random.Random(7)
    for _ in range(8):
        seconds = chance.uniform(0.0005, 0.09)
        process = begin(settings.folder, die_after=seconds)
        process.join(60)
        assert process.exitcode == -signal.SIGKILL
        await check_each_runs_once(settings, f"after {seconds} s")


async def test_instances_outlive_the_service_and_keep_their_ports(settings: LocalSettings) -> None:
    async with service(settings) as backend:
        await backend.apply(order("x1", server(), 2))
        before = [await until_state(backend, "x1", I.READY, ordinal) for ordinal in range(2)]
        running = marked("x1", settings.folder)
    assert marked("x1", settings.folder) == running
    async with service(settings) as backend:
        assert await backend.instances() == before
        await backend.apply(order("x1", server(), 2))
        assert await backend.instances() == before
        assert marked("x1", settings.folder) == running


async def test_an_end_that_nobody_watched_is_known(settings: LocalSettings, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    script = f"import os, sys, time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.01)\nsys.exit(5)"
    process = template(script, restart=Restart(policy=RestartPolicy.NEVER))
    async with service(settings) as backend:
        await backend.apply(order("x1", process))
        await until_state(backend, "x1", I.READY)
    gate.touch()

    async def gone() -> bool:
        return not marked("x1", settings.folder)

    await until(gone)
    async with service(settings) as backend:
        status = await find(backend, "x1")
        assert status is not None
        assert (status.state, status.exit_code) == (I.FAILED, 5)


async def test_what_died_meanwhile_is_restarted_and_the_count_goes_on(settings: LocalSettings) -> None:
    process = template("print('begun', flush=True); import time; time.sleep(1000)", restart=Restart(delay=0.01))

    async def until_begun(backend: LocalBackend, times: int) -> None:
        async def begun() -> bool:
            return (await text(backend.logs("x1", "test.worker", 0))).count("begun") == times

        await until(begun, f"{times} beginnings in one log")

    async with service(settings) as backend:
        await backend.apply(order("x1", process))
        await until_begun(backend, 1)
        os.kill(main_process(settings), signal.SIGKILL)
        await until_begun(backend, 2)
    os.kill(main_process(settings), signal.SIGKILL)
    async with service(settings) as backend:
        status = await until_restarted(backend, "x1", 2)
        assert (status.restarts, status.exit_code) == (2, -9)
        await until_begun(backend, 3)


async def test_an_instance_whose_supervisor_was_killed_is_still_adopted(settings: LocalSettings) -> None:
    async with service(settings) as backend:
        await backend.apply(order("x1", template()))
        await until_state(backend, "x1", I.READY)
    pid = main_process(settings)
    os.kill(parent(pid), signal.SIGKILL)
    async with service(settings) as backend:
        assert (await until_state(backend, "x1", I.READY)).restarts == 0
        assert main_process(settings) == pid
        os.kill(pid, signal.SIGKILL)
        status = await until_restarted(backend, "x1")
        assert status.exit_code is None


@pytest.mark.parametrize("forged", ["start", "boot"])
async def test_another_process_with_the_same_number_is_not_adopted(settings: LocalSettings, forged: str) -> None:
    process = template(restart=Restart(policy=RestartPolicy.NEVER))
    async with service(settings) as backend:
        await backend.apply(order("x1", process))
        await until_state(backend, "x1", I.READY)
        (identity,) = settings.folder.glob("instances/x1/test.worker-0/run-1/identity")
    pid = main_process(settings)
    supervisor = parent(pid)
    os.kill(supervisor, signal.SIGKILL)
    boot, number, start = identity.read_text().split()
    identity.write_text(f"{boot} {number} {int(start) + 1}" if forged == "start" else f"{'0' * 36} {number} {start}")
    try:
        async with service(settings) as backend:
            status = await find(backend, "x1")
            assert status is not None
            assert (status.state, status.exit_code) == (I.FAILED, None)
            await backend.remove("x1")
        if forged == "boot":
            assert os.path.exists(f"/proc/{pid}"), "a process of this boot is none of an earlier one"
    finally:
        if marked("x1"):
            os.kill(pid, signal.SIGKILL)


async def test_one_that_became_ready_meanwhile_is_seen(settings: LocalSettings, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    script = f"import os, socket, sys, time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.01)\n"
    script += "s = socket.create_server((sys.argv[1], int(sys.argv[2]))); time.sleep(1000)"
    process = server(command=("${python}", "-c", script, "${self.host}", "${self.port.web}"))
    process = process.model_copy(update={"readiness": Readiness(port="web", timeout=60)})
    async with service(settings) as backend:
        await backend.apply(order("x1", process))
        await until_state(backend, "x1", I.STARTING)
    gate.touch()
    async with service(settings) as backend:
        assert (await until_state(backend, "x1", I.READY)).restarts == 0


async def test_without_a_readable_order_instances_are_listed_and_removed(settings: LocalSettings) -> None:
    async with service(settings) as backend:
        await backend.apply(order("x1", template()))
        await until_state(backend, "x1", I.READY)
    for path in settings.folder.glob("instances/x1/*.order.json"):
        path.write_text(json.dumps({"from": "another version"}))
    async with service(settings) as backend:
        await until_state(backend, "x1", I.READY)
        await backend.remove("x1")
        assert await backend.instances() == []
    assert marked("x1", settings.folder) == []


async def test_a_drain_goes_on_under_the_next_service(settings: LocalSettings) -> None:
    script = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True)\n"
    process = template(script + "time.sleep(1000)")
    process = process.model_copy(update={"shutdown": process.shutdown.model_copy(update={"grace": 0.5})})
    async with service(settings) as backend:
        await backend.apply(order("x1", process))

        async def deaf() -> bool:
            return "deaf" in await text(backend.logs("x1", "test.worker", 0))

        await until(deaf)
        await backend.apply(order("x1", process, 0))
        await until_state(backend, "x1", I.DRAINING)
    async with service(settings) as backend:
        await until_state(backend, "x1", I.STOPPED)
        assert marked("x1", settings.folder) == []


async def test_two_services_cannot_use_one_folder(settings: LocalSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoe_hub.backends.terms._LET_GO_WITHIN", 0)
    async with service(settings):
        with pytest.raises(LaunchFailed, match="in use by another Zoe service"):
            await LocalBackend(settings).open()


@pytest.mark.parametrize("trace", ["identity and claim", "nothing"])
async def test_what_died_is_found_when_the_disk_has_room_again(
    settings: LocalSettings, monkeypatch: pytest.MonkeyPatch, trace: str
) -> None:
    monkeypatch.setattr("zoe_hub.backends.ordered._LOOK_AGAIN", 0.05)
    async with service(settings) as backend:
        await backend.apply(order("x1", template()))
        await until_state(backend, "x1", I.READY)
    pid = main_process(settings)
    os.kill(parent(pid), signal.SIGKILL)
    os.kill(pid, signal.SIGKILL)
    if trace == "nothing":
        for path in settings.folder.glob("instances/x1/*/run-1/*"):
            path.unlink()
    seal, full = Run._seal, True

    def seal_where_there_is_room(self: Run) -> bool:
        if full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return seal(self)

    monkeypatch.setattr(Run, "_seal", seal_where_there_is_room)
    async with service(settings) as backend:
        full = False

        async def another_runs() -> bool:
            return marked("x1", settings.folder) not in ([], [pid])

        await until(another_runs)
        await backend.remove("x1")


async def test_what_filled_the_disk_can_be_removed(settings: LocalSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, content: str) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    async with service(settings) as backend:
        await backend.apply(order("x1", template()))
        await until_state(backend, "x1", I.READY)
        pid = main_process(settings)
        monkeypatch.setattr("zoe_hub.backends.local.run.write_atomically", full)
        # As if it could not write either.
        os.kill(parent(pid), signal.SIGKILL)
        await asyncio.wait_for(backend.remove("x1"), 20)
        assert marked("x1", settings.folder) == []
        assert not (settings.folder / "instances" / "x1").exists()
