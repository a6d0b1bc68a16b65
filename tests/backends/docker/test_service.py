"""Zoe's service on a Docker engine: an execution is started, seen, scaled, adopted after a kill, and ended."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.backends.contract import until
from tests.backends.docker.road import Road, on_the_road
from zoe_hub.backends.docker.settings import DockerSettings

pytestmark = pytest.mark.docker

_BELL = """
apiVersion: zoe/v1
kind: Framework
name: bell
title: Bell
options:
  - {name: ringers, type: integer, label: Ringers, default: 2, minimum: 1, maximum: 9, scales: true}
secrets:
  - name: word
processes:
  - name: tower
    command: ["${python}", "${framework.folder}/tower.py", "${self.host}", "${self.port.web}"]
    files:
      - {path: word, content: "${secret.word}"}
    ports:
      - {name: web, protocol: http}
    resources: {cpu: 0.1, memory: 64 MiB}
    readiness: {port: web, kind: http}
    shutdown: {grace: 2}
  - name: ringer
    after: [tower]
    command: ["${python}", "${framework.folder}/ringer.py", "http://${tower.host}:${tower.port.web}/", "bell-tower"]
    files:
      - {path: word, content: "${secret.word}"}
    instances: {core: 1, elastic: "{{ ringers - 1 }}"}
    resources: {cpu: 0.1, memory: 64 MiB}
    shutdown: {grace: 2}
"""
_TOWER = """
import http.server, sys
word = open("word").read()
class Tower(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/ring":
            print("rung" if self.headers.get("Word") == word else "refused", flush=True)
        self.send_response(200)
        self.end_headers()
    def log_message(self, *args):
        pass
http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Tower).serve_forever()
"""
_RINGER = """
import socket, sys, time, urllib.request
assert socket.gethostbyname(sys.argv[2]) in sys.argv[1], "the name of the tower leads elsewhere"
request = urllib.request.Request(sys.argv[1] + "ring", headers={"Word": open("word").read()})
urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request).read()
print("has rung", flush=True)
time.sleep(1000)
"""
_ZAPP = """
apiVersion: zoe/v1
kind: ZApp
name: bells
title: Bells
parameters:
  - {name: ringers, type: integer, label: Ringers, default: 2, minimum: 1, maximum: 9, scales: true}
frameworks:
  - {framework: bell, options: {ringers: "{{ ringers }}"}}
"""


def ready(execution: dict[str, Any], count: int) -> bool:
    """Whether it runs with so many ringers, and nothing else of it is there."""
    states = [instance["state"] for instance in execution["instances"] if instance["process"] == "bell.ringer"]
    return bool(execution["state"] == "running" and states == ["ready"] * count)


async def until_rung(road: Road, name: str, times: int) -> None:
    """Wait until the tower's log tells of so many ringers that knew its word."""

    async def rung() -> bool:
        log = await road.http.get(f"/executions/{name}/logs", params={"process": "bell.tower", "ordinal": 0})
        assert "refused" not in log.text
        return log.text.splitlines().count("rung") >= times

    await until(rung, f"{times} have rung")


@pytest.fixture
async def road(tmp_path: Path, settings: DockerSettings) -> AsyncIterator[Road]:
    shop = tmp_path / "shop"
    for name, content in (
        ("bell/framework.yaml", _BELL),
        ("bell/tower.py", _TOWER),
        ("bell/ringer.py", _RINGER),
        ("zapps/bells.yaml", _ZAPP),
    ):
        (shop / name).parent.mkdir(parents=True, exist_ok=True)
        (shop / name).write_text(content)
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
