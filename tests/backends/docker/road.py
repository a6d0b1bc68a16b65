"""Zoe's service on a Docker engine, as a program of its own, and what its user sees of it."""

from __future__ import annotations

import asyncio
import socket
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.backends.leftovers import left_over, sweep
from tests.chaos.hub import PREFIX, SmallHub, token_of
from tests.chaos.services import Service
from zoe_hub.backends.docker.engine import Engine
from zoe_hub.backends.docker.names import EXECUTION, PROCESS
from zoe_hub.backends.docker.settings import DockerSettings

WITHIN = 120.0


@dataclass
class Road:
    service: Service
    http: httpx.AsyncClient
    engine: Engine

    async def get(self, path: str) -> Any:
        answer = await self.http.get(path)
        assert answer.is_success, answer.text
        return answer.json()

    async def until(self, name: str, so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        end = time.monotonic() + WITHIN
        while True:
            execution: dict[str, Any] = await self.get(f"/executions/{name}")
            if so(execution):
                return execution
            assert time.monotonic() < end, execution
            await asyncio.sleep(0.1)

    async def containers(self, name: str, process: str = "") -> list[str]:
        labels = [f"{EXECUTION}={name}", *([f"{PROCESS}={process}"] if process else [])]
        return sorted(str(container["Id"]) for container in await self.engine.containers(labels))

    async def serve(self) -> None:
        self.service.start()
        await self.service.answers()

    async def submit(self, zapp: str, **parameters: Any) -> str:
        answer = await self.ask(zapp, **parameters)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    async def ask(self, zapp: str, **parameters: Any) -> httpx.Response:
        """Submit what may be refused."""
        body = {"zapp": zapp, "parameters": parameters}
        return await self.http.post("/executions", json=body, headers={"Idempotency-Key": uuid.uuid4().hex})

    async def terminate(self, name: str) -> None:
        """And wait until it has ended."""
        await self.http.delete(f"/executions/{name}")
        await self.until(name, lambda view: view["state"] in ("terminated", "failed"))


@asynccontextmanager
async def on_the_road(
    folder: Path,
    settings: DockerSettings,
    shop: Path,
    *,
    config: str = "",
    make_engine: Callable[[str], Engine] = Engine,
) -> AsyncIterator[Road]:
    """A service that serves alice, with further frameworks in `shop`, and whose settings end with `config`.

    The engine must have nothing of it at the end.
    """
    home = folder / "home"
    place = DockerSettings(home / "data" / "instances", settings.framework_folder, host=settings.host)
    (folder / "zoe_config.py").write_text(
        f"c.ZoeConfig.engine = 'docker'\nc.ZoeConfig.folders = [{str(shop)!r}]\nc.ZoeConfig.lease = 2.0\n"
        f"c.ZoeDocker.host = {settings.host!r}\nc.ZoeDocker.default_image = {settings.default_image!r}\n"
        f"c.ZoeDocker.pull_policy = 'never'\nc.ZoeDocker.subnets = '10.221.0.0/16'\n" + config
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with SmallHub() as hub:
        service = Service(folder, hub.environment(home, port))
        engine = make_engine(settings.host)
        headers = {"Authorization": f"token {token_of('alice')}"}
        url = f"http://127.0.0.1:{port}{PREFIX}api/v1"
        async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=20) as http:
            road = Road(service, http, engine)
            try:
                await road.serve()
                yield road
            finally:
                try:
                    if not service.alive:
                        await road.serve()
                    for execution in (await road.get("/executions?live=true"))["executions"]:
                        await road.terminate(execution["id"])
                    await service.stop()
                    assert await left_over(place, make_engine) == []
                finally:
                    await service.stop()
                    await engine.close()
                    await sweep(place, make_engine)
