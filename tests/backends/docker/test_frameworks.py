"""Dask and Spark in the images that `make images` builds: from a notebook's side, to a result."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.backends.docker.road import Road, on_the_road
from zoe_hub.backends.docker.engine import Engine
from zoe_hub.backends.docker.settings import DockerSettings

pytestmark = [pytest.mark.docker, pytest.mark.slow]

# The warning of Dask is about the last figure of Python's version, which images need not share with the tests.
FRAMEWORKS = [
    pytest.param("dask", lambda names: names["client"].submit(sum, [1, 2]).result(), 3, id="dask"),
    pytest.param("spark", lambda names: names["spark"].range(1000).count(), 1000, id="spark"),
]


@pytest.fixture
async def road(request: pytest.FixtureRequest, tmp_path: Path, settings: DockerSettings) -> AsyncIterator[Road]:
    name = request.node.callspec.id
    engine = Engine(settings.host)
    try:
        if not await engine.has_image(f"zoe/{name}:0.1"):
            pytest.skip(f"the engine has no image zoe/{name}:0.1: `make images` builds it")
    finally:
        await engine.close()
    async with on_the_road(tmp_path, settings, tmp_path / "shop") as road:
        yield road


def workers(view: dict[str, Any], count: int) -> bool:
    states = [instance["state"] for instance in view["instances"] if instance["process"].endswith(".worker")]
    return bool(view["state"] == "running" and states == ["ready"] * count)


@pytest.mark.parametrize(("zapp", "ask", "answer"), FRAMEWORKS)
@pytest.mark.filterwarnings("ignore:Mismatched versions found")
async def test_a_cluster_works_grows_shrinks_and_outlives_its_service(
    road: Road, zapp: str, ask: Any, answer: int
) -> None:
    name = await road.submit(zapp, workers=2)
    await road.until(name, lambda view: workers(view, 2))
    client = (await road.get(f"/executions/{name}/connection"))["clients"][0]
    module: dict[str, Any] = {"__name__": "client"}
    exec(compile(client["source"], "client.py", "exec"), module)
    names = await asyncio.to_thread(module["connect"], client["connection"])
    try:
        assert await asyncio.to_thread(ask, names) == answer
        for count in (3, 1):
            await road.http.patch(f"/executions/{name}", json={"parameters": {"workers": count}})
            await road.until(name, lambda view, count=count: workers(view, count))  # type: ignore[misc]
            assert await asyncio.to_thread(ask, names) == answer
        before = await road.containers(name)
        await road.service.kill()
        assert await asyncio.to_thread(ask, names) == answer
        await road.serve()
        await road.until(name, lambda view: workers(view, 1))
        assert await road.containers(name) == before
    finally:
        await asyncio.to_thread(module["disconnect"], names)
