"""What a user may try against others, the engine and the service: by parameters, names, and from inside a container."""

from __future__ import annotations

import ast
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.backends.contract import order, server, until, until_state
from tests.backends.docker.road import Road, on_the_road
from zoe_hub.backends.docker.backend import DockerBackend
from zoe_hub.backends.docker.engine import Engine
from zoe_hub.backends.docker.names import INSTALLATION, OWNER, ROLE, SERVER, installation_of
from zoe_hub.backends.docker.settings import DockerSettings
from zoe_hub.model.execution import InstanceState as I

pytestmark = pytest.mark.docker

_ECHO = """
apiVersion: zoe/v1
kind: Framework
name: echo
title: Echo
options: [{name: word, type: string, label: Word, default: x}]
secrets: [{name: hush}]
processes:
  - name: voice
    command: ["${python}", "${framework.folder}/voice.py", "{{ word }}"]
    environment: {WORD: "{{ word }}"}
    files: [{path: word, content: "{{ word }}"}, {path: hush, content: "${secret.hush}"}]
    resources: {cpu: 0.1, memory: 64 MiB}
    shutdown: {grace: 1}
"""
_VOICE = """
import os, sys, time
print(repr({"argument": sys.argv[1:], "environment": os.environ["WORD"], "file": open("word").read()}), flush=True)
time.sleep(1000)
"""
_ZAPP = """
apiVersion: zoe/v1
kind: ZApp
name: echo
title: Echo
parameters: [{name: word, type: string, label: Word, default: x}]
frameworks: [{framework: echo, options: {word: "{{ word }}"}}]
"""
_PROBE = """
apiVersion: zoe/v1
kind: Framework
name: probe
title: Probe
options: [{name: places, type: string, label: Places, default: ""}]
processes:
  - name: prober
    command: ["${python}", "${framework.folder}/prober.py", "{{ places }}"]
    resources: {cpu: 0.1, memory: 64 MiB}
    shutdown: {grace: 1}
"""
_PROBER = """
import os, socket, struct, sys, time
def gateway():
    for line in open("/proc/net/route").read().splitlines()[1:]:
        fields = line.split()
        if fields[1] == "00000000":
            return socket.inet_ntoa(struct.pack("<L", int(fields[2], 16)))
def reached(place):
    host, _, port = place.rpartition(":")
    try:
        socket.create_connection((host or gateway(), int(port)), 2).close()
    except OSError:
        return False
    return True
print(repr({place: reached(place) for place in sys.argv[1].split()}), flush=True)
print(repr([path for path in ("/var/run/docker.sock", "/run/docker.sock", "/run/containerd") if os.path.exists(path)]),
      flush=True)
time.sleep(1000)
"""
_PROBE_ZAPP = """
apiVersion: zoe/v1
kind: ZApp
name: probe
title: Probe
parameters: [{name: places, type: string, label: Places, default: ""}]
frameworks: [{framework: probe, options: {places: "{{ places }}"}}]
"""
WORDS = [
    "; touch /tmp/owned; $(id) `id` && id | id",
    "--privileged",
    "${secret.hush}",
    "$${secret.hush}",
    "{{ 7 * 7 }}{% raw %}",
    "a\nb\r\nUser: 0",
    '", "Privileged": true, "x": "',
    "zoe.owner=bob,zoe.role=server",
    "/:/host:rw",
    "ünïcödé ‮ \U0001f40d",
]


@pytest.fixture
async def road(tmp_path: Path, settings: DockerSettings) -> AsyncIterator[Road]:
    shop = tmp_path / "shop"
    for name, content in (
        ("echo/framework.yaml", _ECHO),
        ("echo/voice.py", _VOICE),
        ("probe/framework.yaml", _PROBE),
        ("probe/prober.py", _PROBER),
        ("zapps/echo.yaml", _ZAPP),
        ("zapps/probe.yaml", _PROBE_ZAPP),
    ):
        (shop / name).parent.mkdir(parents=True, exist_ok=True)
        (shop / name).write_text(content)
    async with on_the_road(tmp_path, settings, shop) as road:
        yield road


async def said(road: Road, name: str, process: str, lines: int = 1) -> list[Any]:
    """What the program wrote, read as Python's values."""

    async def all_of_it() -> list[str]:
        log = await road.http.get(f"/executions/{name}/logs", params={"process": process, "ordinal": 0})
        # Before it was started there is no log, and a document says so.
        found = log.text.splitlines() if log.is_success else []
        return found if len(found) >= lines else []

    return [ast.literal_eval(line) for line in await until(all_of_it)]


def harmless(shown: dict[str, Any]) -> dict[str, Any]:
    """Of a container, all that a parameter must not change."""
    host = shown["HostConfig"]
    return {
        "privileged": host["Privileged"],
        "binds": host["Binds"],
        "mounts": sorted((mount["Type"], mount["Destination"]) for mount in shown["Mounts"]),
        "capabilities": (host["CapAdd"], host["CapDrop"]),
        "security": host["SecurityOpt"],
        "user": shown["Config"]["User"],
        "labels": sorted(shown["Config"]["Labels"]),
        "owner": shown["Config"]["Labels"][OWNER],
        "program": shown["Config"]["Entrypoint"],
        "arguments": len(shown["Config"]["Cmd"]),
        "modes": [host[name] for name in ("NetworkMode", "PidMode", "IpcMode", "UsernsMode", "Devices")][1:],
    }


async def test_parameters_are_words_and_nothing_else(road: Road) -> None:
    plain = await road.submit("echo", word="x")
    await said(road, plain, "echo.voice")
    (container,) = await road.containers(plain)
    usual = harmless(await road.engine.inspect(container) or {})
    await road.terminate(plain)
    for word in WORDS:
        answer = await road.ask("echo", word=word)
        if answer.status_code == 422:
            continue
        assert answer.status_code == 202, answer.text
        name = answer.json()["id"]
        (heard,) = await said(road, name, "echo.voice")
        assert heard == {"argument": [word], "environment": word, "file": word}
        (container,) = await road.containers(name)
        assert harmless(await road.engine.inspect(container) or {}) == usual
        await road.terminate(name)


async def test_a_cluster_reaches_neither_the_service_nor_the_engine_nor_another(road: Road) -> None:
    other = await road.submit("probe", places=":1")
    view = await road.until(other, lambda view: view["state"] == "running")
    (address,) = {instance["host"] for instance in view["instances"]}
    port = road.http.base_url.port
    # The service's machine is the gateway; there it listens for itself alone.
    name = await road.submit("probe", places=f":{port} :2375 {address}:22 {address}:20000")
    reached, sockets = await said(road, name, "probe.prober", 2)
    assert not any(reached.values()), reached
    assert sockets == []
    shown = await road.engine.inspect((await road.containers(name))[0]) or {}
    words = json.dumps(shown["Config"])
    home = road.service.home
    for secret in [(home / "data" / "key").read_bytes().hex(), (home / "data" / "key").read_text(errors="replace")]:
        assert secret.strip() not in words


@pytest.mark.parametrize("owner", ["alice,zoe.owner=bob", "bob=alice", '"alice"', "../bob", "Bob", "{owner}", "*"])
async def test_no_name_is_taken_for_another(
    backend: DockerBackend, engine: Engine, settings: DockerSettings, owner: str
) -> None:
    labels = {INSTALLATION: installation_of(settings.folder), ROLE: SERVER, OWNER: "bob"}
    config = {"Image": settings.default_image, "Cmd": ["sleep", "1000"], "Labels": labels}
    bobs = await engine.create("zoe-test-server-of-bob", config)
    await engine.start(bobs)
    try:
        await backend.apply(replace(order("x1", server()), owner=owner))
        await until_state(backend, "x1", I.READY)
        shown = await engine.inspect(bobs)
        assert shown is not None
        assert len(shown["NetworkSettings"]["Networks"]) == 1
        (instance,) = await engine.containers(
            [f"{INSTALLATION}={installation_of(settings.folder)}", "zoe.role=instance"]
        )
        assert instance["Labels"][OWNER] == owner
    finally:
        await engine.remove(bobs)


@pytest.fixture
async def engine(docker_host: str) -> AsyncIterator[Engine]:
    engine = Engine(docker_host)
    yield engine
    await engine.close()
