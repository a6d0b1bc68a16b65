"""The hub of containers that other tests use: what is left of it when one of them fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.backends.docker.hubs import IMAGE, NETWORK, engine_with, hub_of_containers
from tests.backends.leftovers import left_over
from zoe_hub.backends.docker.engine import Engine
from zoe_hub.backends.docker.names import INSTALLATION, installation_of
from zoe_hub.backends.docker.settings import DockerSettings
from zoe_hub.model.commands import Submit
from zoe_hub.model.execution import ExecutionState

pytestmark = [pytest.mark.docker, pytest.mark.hub, pytest.mark.slow]


class ItsTestFailed(Exception):
    """As an assertion of its test would."""


async def test_a_test_that_fails_leaves_neither_servers_nor_clusters(tmp_path: Path, docker_host: str) -> None:
    place = DockerSettings(tmp_path / "zoe" / "data" / "instances", lambda name: tmp_path, host=docker_host)

    async def fail(engine: Engine) -> None:
        async with hub_of_containers(tmp_path, engine) as hub:
            await hub.start_server("alice")
            async with hub.zoe(await hub.user_token("alice")) as zoe:
                cluster = await zoe.submit(Submit(zapp="dask", parameters={"workers": 1}))
                await zoe.wait(cluster.id, lambda view: view.state is ExecutionState.RUNNING, timeout=120)
            assert len(await engine.containers([f"{INSTALLATION}={installation_of(place.folder)}"])) == 3
            raise ItsTestFailed

    async with engine_with(docker_host, IMAGE, "zoe/dask:0.1") as engine:
        with pytest.raises(ItsTestFailed):
            await fail(engine)
        assert await engine.containers([f"{INSTALLATION}={installation_of(place.folder)}"]) == []
        assert await left_over(place) == []
        assert await engine.network(NETWORK) is None
