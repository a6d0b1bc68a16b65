"""A JupyterHub whose servers and clusters are containers of one engine, for tests that need the images."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.backends.contract import until
from tests.backends.leftovers import left_over, sweep
from tests.spawner.hub import RealHub, find_proxy
from zoe_hub.backends.docker.engine import Engine
from zoe_hub.backends.docker.names import INSTALLATION, OWNER, ROLE, SERVER
from zoe_hub.backends.docker.settings import DockerSettings
from zoe_hub.client import ExecutionView

NETWORK, SUBNET, GATEWAY = "zoe-test-hub", "10.223.0.0/24", "10.223.0.1"
IMAGE = "zoe/jupyter:0.1"
_LATE = f"""
c.Spawner.cmd = ["jupyterhub-singleuser"]
c.Spawner.args = []
c.Spawner.environment = {{}}
c.Spawner.http_timeout = c.Spawner.start_timeout = 180
c.DockerSpawner.network_name = {NETWORK!r}
c.DockerSpawner.pull_policy = "never"
c.DockerSpawner.prefix = "zoe-test"
c.DockerSpawner.remove = True
"""


@asynccontextmanager
async def engine_with(host: str, *images: str) -> AsyncIterator[Engine]:
    """Skips where the engine lacks one of them."""
    engine = Engine(host)
    try:
        for image in images:
            if not await engine.has_image(image):
                pytest.skip(f"the engine has no image {image}: `make images` builds it")
        yield engine
    finally:
        await engine.close()


@asynccontextmanager
async def hub_of_containers(
    folder: Path, engine: Engine, *, late: str = "", config: str = "", zapps: str = ""
) -> AsyncIterator[RealHub]:
    """With further lines of configuration of Hub and service. At the end the engine must have nothing of it.

    Nor has it where a test failed, or the Hub did not come up or end what it had: that is taken away by its labels.
    """
    if find_proxy() is None:
        pytest.skip("configurable-http-proxy is missing: `make setup` installs it")
    (folder / "shop" / "zapps").mkdir(parents=True)
    if zapps:
        (folder / "shop" / "zapps" / "more.yaml").write_text(zapps)
    (folder / "zoe_config.py").write_text(
        f"c.ZoeConfig.engine = 'docker'\nc.ZoeConfig.folders = [{str(folder / 'shop')!r}]\n"
        f"c.ZoeDocker.host = {engine.host!r}\nc.ZoeDocker.pull_policy = 'never'\n"
        f"c.ZoeDocker.subnets = '10.224.0.0/16'\n{config}"
    )
    place = DockerSettings(folder / "zoe" / "data" / "instances", lambda name: folder, host=engine.host)
    await engine.create_network(
        {"Name": NETWORK, "Driver": "bridge", "IPAM": {"Config": [{"Subnet": SUBNET, "Gateway": GATEWAY}]}}
    )
    try:
        async with RealHub(
            folder,
            spawner="zoe_hub.spawner.docker.ZoeDockerSpawner",
            late=_LATE + late,
            environment={"ZOE_CONFIG_FILE": str(folder / "zoe_config.py"), "DOCKER_HOST": engine.host},
            hub_host=GATEWAY,
        ) as hub:
            yield hub
            for user in ("alice", "bob", "carol"):
                if await hub.server(user):
                    await hub.stop_server(user)
            await terminate_everything(hub)
            await until(lambda: nothing_lives(hub))
        assert await left_over(place) == []
    finally:
        await sweep(place)
        for container in await engine.containers([ROLE]):
            if container["Names"][0].startswith("/zoe-test-"):
                await engine.remove(str(container["Id"]))
        await engine.delete_network(NETWORK)


async def terminate_everything(hub: RealHub) -> None:
    """What is tied to no server ends only when it is told."""
    async with hub.zoe() as zoe:
        for execution in await zoe.executions(live=True):
            await zoe.terminate(execution.id)


async def nothing_lives(hub: RealHub) -> bool:
    async with hub.zoe() as zoe:
        return not await zoe.executions(live=True)


async def executions(hub: RealHub, owner: str, zapp: str = "") -> list[ExecutionView]:
    async with hub.zoe() as zoe:
        return [e for e in await zoe.executions(owner=owner, live=True) if zapp in ("", e.zapp)]


async def wait_for(hub: RealHub, owner: str, zapp: str, holds: Callable[[ExecutionView], bool]) -> ExecutionView:
    """Until the one execution of that ZApp that somebody has is so."""
    (found,) = await executions(hub, owner, zapp)
    async with hub.zoe() as zoe:
        return await zoe.wait(found.id, holds, timeout=180)


async def container_of(engine: Engine, hub: RealHub, user: str) -> dict[str, Any]:
    """What the engine says of a user's server."""
    installation = (hub.home / "data" / "instances" / "installation").read_text().strip()
    labels = [f"{INSTALLATION}={installation}", f"{ROLE}={SERVER}", f"{OWNER}={user}"]
    (found,) = await engine.containers(labels)
    shown = await engine.inspect(str(found["Id"]))
    assert shown is not None
    return shown
