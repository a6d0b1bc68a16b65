"""Zoe's service on a swarm of two machines: executions across both, a service that is killed, a machine that dies."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.backends.contract import until
from tests.backends.docker.bells import ready, until_rung, write_shop
from tests.backends.docker.road import Road, on_the_road
from tests.backends.swarm.conftest import Machines
from tests.chaos.follower import Follower
from tests.chaos.hub import token_of
from zoe_hub.backends.docker.names import ORDINAL, PROCESS
from zoe_hub.backends.docker.settings import DockerSettings
from zoe_hub.backends.swarm.engine import SwarmEngine

pytestmark = [pytest.mark.docker, pytest.mark.long, pytest.mark.timeout(400)]

SPARK = "zoe/spark:0.1"
JOB = """
import json, os
source, connection = json.loads(os.environ["CLIENT"])
module = {"__name__": "client"}
exec(compile(source, "client.py", "exec"), module)
names = module["connect"](connection)
print("rows", names["spark"].range(0, 100_000, 1, 8).selectExpr("sum(id) AS s").collect()[0].s)
"""


@pytest.fixture
async def road(tmp_path: Path, settings: DockerSettings) -> AsyncIterator[Road]:
    shop = tmp_path / "shop"
    write_shop(shop)
    config = (
        "c.ZoeConfig.engine = 'swarm'\nc.ZoeSwarm.poll = 0.5\nc.ZoeDocker.subnets = '10.220.0.0/16'\n"
        f"c.ZoeDocker.service_container = {settings.service_container!r}\n"
    )
    async with on_the_road(tmp_path, settings, shop, config=config, make_engine=SwarmEngine) as road:
        yield road


@pytest.fixture
async def second_machine(machines: Machines) -> AsyncIterator[Callable[[], None]]:
    """Call it, and the second machine loses power. It is there again afterwards."""
    yield lambda: machines.script("kill", "2")
    machines.script("start", "2")

    async def back() -> bool:
        return machines.docker("node", "ls", "--format", "{{.Status}}").split() == ["Ready", "Ready"]

    await until(back, "the second machine is back")


async def where(road: Road, name: str) -> dict[str, str]:
    """The machine of each instance of an execution."""
    engine = road.engine
    assert isinstance(engine, SwarmEngine)
    found = {}
    for run in await engine.containers([f"zoe.execution={name}"]):
        task = engine.task(run["Id"])
        if task is not None and run["State"] == "running":
            found[f"{run['Labels'][PROCESS]}-{run['Labels'][ORDINAL]}"] = task.machine
    return found


async def test_an_execution_from_its_start_to_its_end(road: Road) -> None:
    name = await road.submit("bells", ringers=2)
    view = await road.until(name, lambda view: ready(view, 2))
    assert len({instance["host"] for instance in view["instances"]}) == 3
    assert set((await where(road, name)).values()) == {"node-1", "node-2"}
    await until_rung(road, name, 2)

    await road.http.patch(f"/executions/{name}", json={"parameters": {"ringers": 3}})
    await road.until(name, lambda view: ready(view, 3))
    await road.http.patch(f"/executions/{name}", json={"parameters": {"ringers": 1}})
    await road.until(name, lambda view: ready(view, 1))

    # The service is killed in the middle, and the next one finds everything.
    before = await where(road, name)
    await road.service.kill()
    await road.serve()
    view = await road.until(name, lambda view: ready(view, 1))
    assert await where(road, name) == before
    assert [instance["restarts"] for instance in view["instances"]] == [0, 0]

    await road.terminate(name)
    assert await road.containers(name) == []
    log = await road.http.get(f"/executions/{name}/logs", params={"process": "bell.ringer", "ordinal": 0})
    assert "has rung" in log.text


async def test_what_was_on_a_machine_that_dies_comes_back_on_another_and_its_owner_is_told(
    road: Road, second_machine: Callable[[], None]
) -> None:
    name = await road.submit("bells", ringers=4)
    await road.until(name, lambda view: ready(view, 4))
    await until_rung(road, name, 4)
    before = await where(road, name)
    hit = {instance for instance, machine in before.items() if machine == "node-2"}
    assert 0 < len(hit) < 5
    follower = Follower(road.service.url, token_of("alice"))
    following = asyncio.create_task(follower.run())
    try:
        second_machine()

        async def all_on_the_first() -> bool:
            return await where(road, name) == dict.fromkeys(before, "node-1")

        await until(all_on_the_first, "everything is on the first machine")
        view = await road.until(name, lambda view: ready(view, 4))
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
    restarted = {f"{i['process']}-{i['ordinal']}" for i in view["instances"] if i["restarts"]}
    assert restarted == hit
    told = {
        f"{event.data['process']}-{event.data['ordinal']}"
        for event in follower.events
        if event.execution == name
        and str(event.data.get("message")).startswith("its machine node-2 does not answer any more")
    }
    assert told == hit
    # Who is asked by name is found where it is now.
    await until_rung(road, name, 1)


@pytest.mark.slow
@pytest.mark.spark
# The image is brought to both machines first, and all that they had is deleted within the time of the last test.
@pytest.mark.timeout(900)
async def test_spark_works_across_two_machines_and_goes_on_without_one_of_them(
    road: Road, machines: Machines, second_machine: Callable[[], None]
) -> None:
    known = machines.docker("image", "ls", "-q", SPARK)
    if not known:
        try:
            machines.bring(SPARK)
        except subprocess.CalledProcessError:
            pytest.skip(f"there is no image {SPARK}: `make images` builds it")
    name = await road.submit("spark", workers=2, memory="512 MiB", driver_memory="512 MiB")
    await road.until(name, spark_is_ready)
    before = await where(road, name)
    assert len(before) == 4
    assert set(before.values()) == {"node-1", "node-2"}
    assert "rows 4999950000" in await job(road, machines, name)

    second_machine()

    async def all_on_the_first() -> bool:
        return await where(road, name) == dict.fromkeys(before, "node-1")

    await until(all_on_the_first, "everything is on the first machine")
    # A server that notices only now that it has lost its master ends and is started again; who asks then asks again.
    for _ in range(3):
        await road.until(name, spark_is_ready)
        if "rows 4999950000" in (last := await job(road, machines, name)):
            return
    pytest.fail(f"Spark does not work any more: {last}")


def spark_is_ready(view: dict[str, Any]) -> bool:
    states = [instance["state"] for instance in view["instances"]]
    return bool(view["state"] == "running" and states == ["ready"] * 4)


async def job(road: Road, machines: Machines, name: str) -> str:
    """As a notebook would ask, which is a container on the machine that manages."""
    client = (await road.get(f"/executions/{name}/connection"))["clients"][0]
    network = next(network["Name"] for network in await road.engine.networks([f"zoe.execution={name}"]))
    told = json.dumps([client["source"], client["connection"]])
    process = await asyncio.create_subprocess_exec(
        *("docker", "-H", machines.host(1), "run", "--rm", "--network", network, "-e", "CLIENT", SPARK),
        *("python", "-c", JOB),
        env={"CLIENT": told, "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/tmp"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return output.decode()[-2000:]
