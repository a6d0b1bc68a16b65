"""Networks are parted without a moment's break, whatever the engine's age: by the engine, or by Zoe's rule."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from tests.backends.contract import SLEEP, order, server, template, text, until, until_state
from tests.backends.docker.conftest import nothing_is_left
from zoe_hub.backends.docker import guard
from zoe_hub.backends.docker.backend import DockerBackend
from zoe_hub.backends.docker.engine import Engine, EngineAway, EngineRefused
from zoe_hub.backends.docker.guard import Guard, NetworksNotParted
from zoe_hub.backends.docker.images import Images
from zoe_hub.backends.docker.settings import DockerSettings
from zoe_hub.model.execution import InstanceState as I
from zoe_hub.model.framework import Restart, RestartPolicy

ONCE = Restart(policy=RestartPolicy.NEVER)
KNOCK = """
import socket, sys, time
host, port, reached, begun = sys.argv[1], int(sys.argv[2]), 0, time.monotonic()
with socket.create_server(("", 8000)), socket.create_connection(("127.0.0.1", 8000), 1):
    print("can knock", flush=True)
while True:
    door = socket.socket()
    door.settimeout(0.02)
    try:
        door.connect((host, port))
        print("reached", flush=True)
    except OSError:
        time.sleep(0.001)
    door.close()
"""


class OldEngine:
    """Of a version that parts networks with breaks; runs the container that it is given, or cannot."""

    def __init__(self, version: str = "20.10.24+dfsg1") -> None:
        self.version = version
        self.images = {"zoe/guard:0.1"}
        self.ran: list[dict[str, Any]] = []
        self.ends: tuple[int, str] = (0, "")
        self.left = [{"Id": "left", "State": "exited"}, {"Id": "going", "State": "running"}]
        self.removed: list[str] = []
        self.away = False
        self.begun, self.may_end = asyncio.Event(), asyncio.Event()
        self.may_end.set()
        self.ended = 0

    async def info(self) -> dict[str, Any]:
        if self.away:
            raise EngineAway("The Docker engine does not answer.")
        return {"ServerVersion": self.version}

    async def has_image(self, image: str) -> bool:
        return image in self.images

    async def containers(self, labels: Sequence[str]) -> list[dict[str, Any]]:
        return [one for one in self.left if one["Id"] not in self.removed]

    async def remove(self, container: str) -> None:
        self.removed.append(container)

    async def run(self, name: str, config: dict[str, Any]) -> tuple[int, str]:
        self.ran.append(config)
        if self.ends[0] < 0:
            raise EngineRefused("Docker says: no", 500)
        self.begun.set()
        await self.may_end.wait()
        self.ended += 1
        return self.ends


def guard_of(engine: OldEngine, tmp_path: Path) -> Guard:
    settings = DockerSettings(tmp_path, lambda name: tmp_path)
    asked = cast(Engine, engine)
    return Guard(asked, Images(asked, settings), "i1", settings)


async def test_an_old_engine_is_given_the_rule_once(tmp_path: Path) -> None:
    engine = OldEngine()
    guarded = guard_of(engine, tmp_path)
    await asyncio.gather(*(guarded.ensure() for _ in range(10)))
    assert engine.ran == [guard.container("zoe/guard:0.1", "i1")]
    assert engine.removed == ["left"]
    assert guarded.trouble == ""


async def test_its_container_has_one_right_and_nothing_else() -> None:
    config = guard.container("zoe/guard:0.1", "i1")
    assert (config["Entrypoint"], config["Cmd"]) == (["/usr/local/sbin/guard"], [])
    host = config["HostConfig"]
    assert (host["CapDrop"], host["CapAdd"]) == (["ALL"], ["NET_ADMIN"])
    assert host["ReadonlyRootfs"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert not {"Binds", "Mounts", "Privileged", "PidMode", "VolumesFrom"} & set(host)


@pytest.mark.parametrize("version", ["28.0.0", "28.0.0-rc.1", "29.3.1", "100.1"])
async def test_an_engine_that_parts_always_is_left_alone(version: str, tmp_path: Path) -> None:
    engine = OldEngine(version)
    await guard_of(engine, tmp_path).ensure()
    assert engine.ran == []


@pytest.mark.parametrize("version", ["27.5.1", "20.10.24+dfsg1", "17.06.2-ce", "dev", "", "library-import", "4.3.1"])
async def test_any_other_one_is_not_trusted(version: str, tmp_path: Path) -> None:
    engine = OldEngine(version)
    await guard_of(engine, tmp_path).ensure()
    assert len(engine.ran) == 1


async def test_without_its_image_the_sentence_says_what_would_be_right(tmp_path: Path) -> None:
    engine = OldEngine()
    engine.images.clear()
    guarded = guard_of(engine, tmp_path)
    for _ in range(2):
        with pytest.raises(NetworksNotParted) as refused:
            await guarded.ensure()
    for words in ("Docker 20.10.24+dfsg1", "zoe/guard:0.1 is not on the engine", "make images", "network_guard"):
        assert words in str(refused.value)
    assert guarded.trouble == str(refused.value)
    engine.images.add("zoe/guard:0.1")
    await guarded.ensure()
    assert guarded.trouble == ""


@pytest.mark.parametrize(
    ("ends", "words"),
    [((4, "Permission denied (you must be root)"), "ended with 4: Permission denied"), ((-1, ""), "Docker says: no")],
)
async def test_what_went_wrong_with_it_is_told(ends: tuple[int, str], words: str, tmp_path: Path) -> None:
    engine = OldEngine()
    engine.ends = ends
    with pytest.raises(NetworksNotParted, match=words):
        await guard_of(engine, tmp_path).ensure()


async def test_an_engine_that_was_away_is_looked_at_before_anything_starts(tmp_path: Path) -> None:
    engine = OldEngine()
    guarded = guard_of(engine, tmp_path)
    await guarded.ensure()
    guarded.doubt()
    engine.away = True
    with pytest.raises(EngineAway):
        await guarded.ensure()
    engine.away = False
    await guarded.ensure()
    assert len(engine.ran) == 2


async def test_it_looks_by_itself_again_and_again(tmp_path: Path) -> None:
    engine = OldEngine()
    guarded = guard_of(engine, tmp_path)
    guarded.every = guarded.after_trouble = 0.01
    running = asyncio.create_task(guarded.run())
    try:
        await until(_holds(lambda: len(engine.ran) > 2))
        engine.images.clear()
        await until(_holds(lambda: guarded.trouble != ""))
        with pytest.raises(NetworksNotParted):
            await guarded.ensure()
        engine.images.add("zoe/guard:0.1")
        await until(_holds(lambda: guarded.trouble == ""))
    finally:
        running.cancel()


async def test_a_service_that_ends_leaves_no_container_half_made(tmp_path: Path) -> None:
    engine = OldEngine()
    engine.may_end.clear()
    guarded = guard_of(engine, tmp_path)
    running = asyncio.create_task(guarded.run())
    await engine.begun.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    closing = asyncio.create_task(guarded.close())
    await asyncio.sleep(0)
    engine.may_end.set()
    await closing
    assert engine.ended == 1


def _holds(condition: Any) -> Any:
    async def ask() -> bool:
        return bool(condition())

    return ask


# On a real engine


@pytest.fixture
async def old(docker_host: str) -> AsyncIterator[Engine]:
    engine = Engine(docker_host)
    try:
        if guard.parts_always(str((await engine.info())["ServerVersion"])):
            pytest.skip("this engine parts networks always, and Zoe sets no rule")
        yield engine
    finally:
        await engine.close()


async def by_hand(engine: Engine, image: str, program: str, *arguments: str) -> int:
    """What becomes of a command that an administrator could give on the engine's machine."""
    config = {**guard.container(image, "by-hand"), "Entrypoint": [program], "Cmd": list(arguments)}
    code, _ = await engine.run("zoe-test-by-hand", config)
    return code


async def stands(engine: Engine, image: str) -> bool:
    rule = ["-i", "br-+", "-o", "br-+", "-j", "ZOE-NETWORKS"]
    return not await by_hand(engine, image, "iptables", "-t", "mangle", "-C", "FORWARD", *rule)


@pytest.mark.docker
@pytest.mark.timeout(240)
async def test_no_network_reaches_another_while_others_come_and_go(
    backend: DockerBackend, old: Engine, guard_image: str
) -> None:
    assert await by_hand(old, guard_image, guard.PROGRAM, "remove") == 0
    assert not await stands(old, guard_image)
    # As after a restart of the machine, on which the service's own start puts it back.
    guarded = backend._opened().guard
    assert guarded is not None
    guarded.doubt()
    await backend.apply(order("x1", server()))
    victim = await until_state(backend, "x1", I.READY)
    assert await stands(old, guard_image)
    await backend.apply(order("x2", template(KNOCK, str(victim.host), str(victim.ports["web"]))))
    await until_state(backend, "x2", I.READY)

    async def knocks() -> bool:
        return "can knock" in await text(backend.logs("x2", "test.worker", 0))

    await until(knocks)
    for _ in range(20):
        await old.create_network({"Name": "zoe-test-comes-and-goes"})
        await old.delete_network("zoe-test-comes-and-goes")
    assert "reached" not in await text(backend.logs("x2", "test.worker", 0))


@pytest.mark.docker
async def test_a_port_that_is_open_to_all_stays_open_to_other_networks(
    backend: DockerBackend, old: Engine, image: str, guard_image: str
) -> None:
    await backend.apply(order("x1", template("print('by', flush=True);" + SLEEP)))
    await until_state(backend, "x1", I.READY)
    assert await stands(old, guard_image)
    serving = ["python3", "-m", "http.server", "8000"]
    opened = {"PortBindings": {"8000/tcp": [{"HostPort": "18765"}]}}
    container = await old.create(
        "zoe-test-open", {"Image": image, "Cmd": serving, "ExposedPorts": {"8000/tcp": {}}, "HostConfig": opened}
    )
    try:
        await old.start(container)
        gateway = (await old.network("bridge") or {})["IPAM"]["Config"][0]["Gateway"]
        ask = "import sys, urllib.request, time; time.sleep(2); print(urllib.request.urlopen(sys.argv[1]).status)"
        await backend.apply(order("x2", template(ask, f"http://{gateway}:18765/", restart=ONCE)))
        await until_state(backend, "x2", I.STOPPED)
        assert "200" in await text(backend.logs("x2", "test.worker", 0))
    finally:
        await old.remove(container)


@pytest.mark.docker
async def test_without_the_rule_nothing_starts_and_the_owner_reads_why(settings: DockerSettings, old: Engine) -> None:
    backend = DockerBackend(replace(settings, guard_image="zoe.test/nowhere:1"))
    await backend.open()
    try:
        await backend.apply(order("x1", template(restart=ONCE)))
        status = await until_state(backend, "x1", I.FAILED)
        assert "the image zoe.test/nowhere:1 is not on the engine" in status.message
        assert "c.ZoeDocker.network_guard = 'administrator'" in status.message
        assert "zoe.test/nowhere:1" in backend.trouble()
        assert await old.network(backend._opened().networks.name("x1")) is None
        await backend.remove("x1")
    finally:
        await backend.close()
    await nothing_is_left(settings)


@pytest.mark.docker
async def test_an_administrators_own_rule_is_left_to_them(
    settings: DockerSettings, old: Engine, guard_image: str
) -> None:
    assert await by_hand(old, guard_image, guard.PROGRAM, "remove") == 0
    backend = DockerBackend(replace(settings, network_guard="administrator"))
    await backend.open()
    try:
        await backend.apply(order("x1", template()))
        await until_state(backend, "x1", I.READY)
        assert not await stands(old, guard_image)
    finally:
        await backend.close()
    await nothing_is_left(replace(settings, network_guard="administrator"))
