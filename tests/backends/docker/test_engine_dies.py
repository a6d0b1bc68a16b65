"""The engine itself is killed, and started again: nothing is lost, nothing is there twice, nothing is left.

ZOE_TEST_DOCKER_KILL and ZOE_TEST_DOCKER_START are shell commands that do so, such as ``systemctl kill -s KILL docker``
and ``systemctl start docker``. An engine that starts a containerd of its own must have lost that, too, before it is
started again: it takes one that is just ending for one that it can use, and gives up. Whether containers live on
meanwhile is the engine's setting (live-restore): both are right.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.backends.contract import until
from tests.backends.docker.bells import ready, until_rung, write_shop
from tests.backends.docker.road import Road, on_the_road
from zoe_hub.backends.docker.engine import Engine, EngineAway
from zoe_hub.backends.docker.names import EXECUTION, ORDINAL, PROCESS
from zoe_hub.backends.docker.settings import DockerSettings

pytestmark = [pytest.mark.docker, pytest.mark.slow]

KILL, START = "ZOE_TEST_DOCKER_KILL", "ZOE_TEST_DOCKER_START"


class Crash:
    def __init__(self, engine: str, kill: str, start: str) -> None:
        self._engine = engine
        self._kill = kill
        self._start = start

    async def kill(self) -> None:
        await self._run(self._kill)

    async def start(self) -> None:
        """Return when it answers."""
        await self._run(self._start)
        engine = Engine(self._engine)
        try:
            await engine.surely(engine.info)
        finally:
            await engine.close()

    async def _run(self, command: str) -> None:
        process = await asyncio.create_subprocess_shell(
            command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL
        )
        assert await process.wait() == 0, command


@pytest.fixture
async def crash(docker_host: str) -> AsyncIterator[Crash]:
    kill, start = os.environ.get(KILL), os.environ.get(START)
    if not kill or not start:
        pytest.skip(f"{KILL} and {START}, by which the engine is killed and started again, are not set")
    crash = Crash(docker_host, kill, start)
    yield crash
    engine = Engine(docker_host)
    try:
        await engine.info()
    except EngineAway:
        await crash.start()
    finally:
        await engine.close()


@pytest.fixture
async def road(crash: Crash, tmp_path: Path, settings: DockerSettings) -> AsyncIterator[Road]:
    write_shop(tmp_path / "shop")
    async with on_the_road(tmp_path, settings, tmp_path / "shop") as road:
        yield road


async def until_all_are_there(road: Road, name: str, ringers: int, before: tuple[str, ...] = ()) -> None:
    """Wait until a tower and so many ringers run and are ready, none of them in one of these containers.

    Nothing may be there twice meanwhile.
    """

    async def all_are_there() -> bool:
        running = [c for c in await road.engine.containers([f"{EXECUTION}={name}"]) if c["State"] == "running"]
        places = [(c["Labels"][PROCESS], c["Labels"][ORDINAL]) for c in running]
        assert len(set(places)) == len(places), places
        if len(places) != 1 + ringers or {c["Id"] for c in running} & set(before):
            return False
        view = await road.get(f"/executions/{name}")
        return ready(view, ringers)

    await until(all_are_there)


async def test_what_runs_lives_on_or_comes_back(road: Road, crash: Crash) -> None:
    name = await road.submit("bells", ringers=2)
    await road.until(name, lambda view: ready(view, 2))
    await until_rung(road, name, 2)
    before = await road.containers(name)
    lives_on = (await road.engine.info())["LiveRestoreEnabled"]

    await crash.kill()
    # The service answers meanwhile, and what was running counts as running.
    assert (await road.get(f"/executions/{name}"))["state"] == "running"
    later = await road.submit("bells", ringers=1)
    await crash.start()

    await until_all_are_there(road, name, 2, () if lives_on else tuple(before))
    await until_all_are_there(road, later, 1)
    if lives_on:
        assert await road.containers(name) == before
    # What has an address keeps it: the others know it by that.
    await until_rung(road, name, 2)


async def test_what_dies_while_the_engine_is_away_is_started_again_where_it_was(road: Road, crash: Crash) -> None:
    name = await road.submit("bells", ringers=2)
    view = await road.until(name, lambda view: ready(view, 2))
    await until_rung(road, name, 2)
    places = {(i["process"], i["ordinal"]): i["host"] for i in view["instances"]}
    programs = []
    before = await road.containers(name)
    for container in before:
        shown = await road.engine.inspect(container)
        assert shown is not None
        programs.append(int(shown["State"]["Pid"]))
    await crash.kill()
    try:
        for program in programs:
            os.kill(program, signal.SIGKILL)
    except PermissionError:
        await crash.start()
        pytest.skip("needs the right to kill programs in containers")
    await crash.start()
    await until_all_are_there(road, name, 2, tuple(before))
    # Though the engine may believe for good that the dead still have their addresses.
    view = await road.get(f"/executions/{name}")
    assert {(i["process"], i["ordinal"]): i["host"] for i in view["instances"]} == places


@pytest.mark.parametrize("moment", [0.0, 0.2, 0.5, 1.0, 2.0])
async def test_it_dies_while_something_starts_and_while_it_ends(road: Road, crash: Crash, moment: float) -> None:
    name = await road.submit("bells", ringers=2)
    await asyncio.sleep(moment)
    await crash.kill()
    await crash.start()
    await until_all_are_there(road, name, 2)
    await road.http.delete(f"/executions/{name}")
    await asyncio.sleep(moment)
    await crash.kill()
    await crash.start()
    await road.until(name, lambda view: view["state"] == "terminated")


async def test_engine_and_service_die_together(road: Road, crash: Crash) -> None:
    name = await road.submit("bells", ringers=2)
    await road.until(name, lambda view: ready(view, 2))
    await crash.kill()
    await road.service.kill()
    await crash.start()
    await road.serve()
    await until_all_are_there(road, name, 2)
