"""Zoe's service on a Docker engine: an execution is started, seen, scaled, adopted after a kill, and ended."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.backends.contract import until
from tests.backends.docker.bells import ready, until_rung, write_shop
from tests.backends.docker.road import Road, on_the_road
from zoe_hub.backends.docker.settings import DockerSettings

pytestmark = pytest.mark.docker


@pytest.fixture
async def road(tmp_path: Path, settings: DockerSettings) -> AsyncIterator[Road]:
    shop = tmp_path / "shop"
    write_shop(shop)
    async with on_the_road(tmp_path, settings, shop) as road:
        yield road


async def test_an_execution_from_its_start_to_its_end(road: Road) -> None:
    name = await road.submit("bells", ringers=2)
    view = await road.until(name, lambda view: ready(view, 2))
    hosts = {instance["host"] for instance in view["instances"]}
    assert len(hosts) == 3
    assert len(await road.containers(name)) == 3

    await until_rung(road, name, 2)

    await road.http.patch(f"/executions/{name}", json={"parameters": {"ringers": 3}})
    await road.until(name, lambda view: ready(view, 3))
    await road.http.patch(f"/executions/{name}", json={"parameters": {"ringers": 1}})
    await road.until(name, lambda view: ready(view, 1))

    async def two_are_left() -> bool:
        # That an instance has ended is told before its container is deleted.
        return len(await road.containers(name)) == 2

    await until(two_are_left)

    await road.http.delete(f"/executions/{name}")
    await road.until(name, lambda view: view["state"] == "terminated")
    assert await road.containers(name) == []
    log = await road.http.get(f"/executions/{name}/logs", params={"process": "bell.ringer", "ordinal": 0})
    assert "has rung" in log.text


async def test_what_runs_is_adopted_by_the_next_service(road: Road) -> None:
    name = await road.submit("bells", ringers=2)
    await road.until(name, lambda view: ready(view, 2))
    before = await road.containers(name)
    await road.service.kill()
    await road.serve()
    view = await road.until(name, lambda view: ready(view, 2))
    assert await road.containers(name) == before
    assert [instance["restarts"] for instance in view["instances"]] == [0, 0, 0]


async def test_what_dies_while_no_service_is_there_is_started_again(road: Road) -> None:
    name = await road.submit("bells", ringers=2)
    view = await road.until(name, lambda view: ready(view, 2))
    await until_rung(road, name, 2)
    (tower,) = await road.containers(name, "bell.tower")
    ringers = await road.containers(name, "bell.ringer")
    address = next(instance["host"] for instance in view["instances"] if instance["process"] == "bell.tower")
    await road.service.kill()
    await road.engine.kill(tower, "SIGKILL")
    await road.serve()

    def again(view: dict[str, Any]) -> bool:
        tower = next(instance for instance in view["instances"] if instance["process"] == "bell.tower")
        return bool(ready(view, 2) and tower["restarts"] == 1 and tower["host"] == address)

    view = await road.until(name, again)
    # It came back at its address, so those who were told it go on.
    assert await road.containers(name, "bell.ringer") == ringers
    assert await road.containers(name, "bell.tower") != [tower]
