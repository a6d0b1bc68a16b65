"""What is particular to containers: how they are kept apart, how they end, and what is left of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.backends.contract import find, order, server, template, text, until, until_restarted, until_state
from tests.backends.docker.conftest import nothing_is_left
from tests.backends.docker.proxy import Way
from tests.backends.leftovers import left_over
from zoe_hub.backends.docker.backend import DockerBackend
from zoe_hub.backends.docker.engine import Engine
from zoe_hub.backends.docker.names import (
    INSTALLATION,
    INSTANCE,
    OWNER,
    ROLE,
    SERVER,
    RunKey,
    container_labels,
    installation_of,
)
from zoe_hub.backends.docker.settings import DockerSettings, Mount
from zoe_hub.model.errors import StaleLease
from zoe_hub.model.execution import InstanceState as I
from zoe_hub.model.framework import File, Restart, RestartPolicy
from zoe_hub.model.resources import Resources

pytestmark = pytest.mark.docker

ONCE = Restart(policy=RestartPolicy.NEVER)


@pytest.fixture
async def engine(docker_host: str) -> AsyncIterator[Engine]:
    engine = Engine(docker_host)
    yield engine
    await engine.close()


async def output(backend: DockerBackend, execution: str, script: str, *arguments: str, **fields: object) -> str:
    """What a program writes that runs once."""
    await backend.apply(order(execution, template(script, *arguments, restart=ONCE, **fields)))
    await until_state(backend, execution, I.STOPPED)
    return await text(backend.logs(execution, "test.worker", 0))


def mine(settings: DockerSettings) -> str:
    return f"{INSTALLATION}={installation_of(settings.folder)}"


async def container_of(engine: Engine, settings: DockerSettings) -> str:
    (container,) = await engine.containers([mine(settings), f"{ROLE}={INSTANCE}"])
    return str(container["Id"])


async def test_who_wants_more_memory_than_was_granted_is_killed_and_told(backend: DockerBackend) -> None:
    process = template(
        "print('growing', flush=True); x = bytearray(2**28)",
        restart=Restart(limit=0),
        resources=Resources(cpu=0.1, memory=2**26),
    )
    await backend.apply(order("x1", process))
    status = await until_state(backend, "x1", I.FAILED)
    assert "it was killed because it wanted more than its 64 MiB of memory" in status.message
    assert "growing" in status.message
    assert status.exit_code == -9


async def test_who_may_use_more_processors_than_there_are_starts_all_the_same(settings: DockerSettings) -> None:
    backend = DockerBackend(replace(settings, cpu_burst=2.0))
    await backend.open()
    try:
        await backend.apply(order("x1", template(resources=Resources(cpu=500.0, memory=2**26))))
        await until_state(backend, "x1", I.READY)
    finally:
        await backend.close()
        await nothing_is_left(settings)


async def test_what_a_program_may(backend: DockerBackend) -> None:
    script = """
import json, os
def writable(path):
    try:
        open(path, "w").close()
    except OSError:
        return False
    return True
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
print(json.dumps({
    "user": [os.getuid(), os.getgid()],
    "capabilities": int(status["CapEff"], 16),
    "no more": status["NoNewPrivs"],
    "writable": [place for place in ("/x", "/usr/x", "/etc/x", "/tmp/x", "x", "/zoe/x") if writable(place)],
    "socket": os.path.exists("/var/run/docker.sock"),
}))
"""
    assert json.loads(await output(backend, "x1", script)) == {
        "user": [1000, 100],
        "capabilities": 0,
        "no more": "1",
        "writable": ["/tmp/x", "x"],
        "socket": False,
    }


async def test_executions_cannot_reach_each_other(backend: DockerBackend) -> None:
    await backend.apply(order("x1", server()))
    status = await until_state(backend, "x1", I.READY)
    script = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 3).close()
    print("reached")
except OSError:
    print("not reached")
"""
    address = [str(status.host), str(status.ports["web"])]
    assert await output(backend, "x2", script, *address) == "not reached\n"
    # As the same question in the execution's own network shows, it is no fault of the question.
    await backend.apply(order("x1", template(script, *address, name="asker", restart=ONCE)))

    async def answered() -> str:
        return await text(backend.logs("x1", "test.asker", 0))

    assert await until(answered) == "reached\n"


async def test_secrets_are_where_only_the_program_sees_them(
    backend: DockerBackend, engine: Engine, settings: DockerSettings
) -> None:
    secret = "s3cretWordThatNobodyElseMaySee0123456789"
    await backend.apply(order("x1", template(files=(File(path="word", content=secret),))))
    await until_state(backend, "x1", I.READY)
    shown = await engine.inspect(await container_of(engine, settings))
    assert secret not in json.dumps(shown)


@pytest.mark.parametrize(
    ("image", "words"),
    [("evil/image:1", "not among those that c.ZoeDocker.allowed_images"), ("zoe.test/nothing", "not on the engine")],
)
async def test_an_image_that_may_not_run_or_is_not_there_is_named(
    settings: DockerSettings, image: str, words: str
) -> None:
    backend = DockerBackend(replace(settings, allowed_images=("zoe.test/*",)))
    await backend.open()
    try:
        await backend.apply(order("x1", template(image=image)))
        status = await until_state(backend, "x1", I.FAILED)
        assert image in status.message
        assert words in status.message
    finally:
        await backend.close()
        await nothing_is_left(settings)


async def test_what_somebody_removed_is_started_again(
    backend: DockerBackend, engine: Engine, settings: DockerSettings
) -> None:
    await backend.apply(order("x1", server()))
    before = await until_state(backend, "x1", I.READY)
    await engine.remove(await container_of(engine, settings))
    assert (await until_restarted(backend, "x1")).host == before.host


async def test_what_it_had_to_itself_goes_also_where_somebody_else_removed_it(
    settings: DockerSettings, engine: Engine
) -> None:
    # With secrets in it. What an administrator mounts has no container now, either, and stays.
    kept = f"zoe-test-{settings.folder.parent.name.lower()}"
    backend = DockerBackend(replace(settings, mounts=(Mount(kept, "/data"),)))
    await backend.open()
    try:
        await backend.apply(order("x1", server()))
        await until_state(backend, "x1", I.READY)
        container = engine._docker().containers.container(await container_of(engine, settings))
        shown = await container.show()
        (scratch,) = [mount["Name"] for mount in shown["Mounts"] if mount["Destination"] == "/zoe"]
        await container.delete(force=True, v=False)

        async def tidy() -> bool:
            return scratch not in await volumes(engine)

        await until(tidy)
        assert kept in await volumes(engine)
    finally:
        await backend.close()
        await nothing_is_left(settings)
        assert kept in await volumes(engine)
        await engine.delete_volume(kept)


async def volumes(engine: Engine) -> set[str]:
    return {volume["Name"] for volume in (await engine._docker().volumes.list())["Volumes"] or ()}


async def test_a_network_that_somebody_removed_is_made_again(
    backend: DockerBackend, engine: Engine, settings: DockerSettings
) -> None:
    await backend.apply(order("x1", server()))
    before = await until_state(backend, "x1", I.READY)
    (network,) = await engine.networks([mine(settings)])
    container = await container_of(engine, settings)
    await engine.leave(network["Id"], container)
    await engine.delete_network(network["Id"])
    await engine.kill(container, "SIGKILL")
    assert (await until_restarted(backend, "x1")).host == before.host


async def test_what_ended_while_the_engine_could_not_be_asked_is_seen_later(
    settings: DockerSettings, engine: Engine, tmp_path: Path
) -> None:
    async with Way(tmp_path / "way.sock", settings.host) as way:
        backend = DockerBackend(replace(settings, host=way.host))
        await backend.open()
        await backend.apply(order("x1", template()))
        await until_state(backend, "x1", I.READY)
        await way.cut()
        await engine.kill(await container_of(engine, settings), "SIGKILL")
        status = await find(backend, "x1")
        assert status is not None
        assert status.state is I.READY
        # What is ordered meanwhile waits, and is no failure.
        await backend.apply(order("x2", template()))
        await way.mend()
        assert (await until_restarted(backend, "x1")).exit_code == -9
        assert (await until_state(backend, "x2", I.READY)).restarts == 0
        await backend.close()
    await nothing_is_left(settings)


async def test_a_container_that_nobody_knows_is_removed(
    backend: DockerBackend, engine: Engine, settings: DockerSettings
) -> None:
    installation = installation_of(settings.folder)
    assert installation is not None
    labels = container_labels(installation, RunKey("x9", "test.worker", 0, 1), "alice", 0)
    config = {"Image": settings.default_image, "Cmd": ["sleep", "1000"], "Labels": labels}
    stray = await engine.create("zoe-test-stray", config)
    await engine.start(stray)

    async def gone() -> bool:
        return await engine.show(stray) is None

    await until(gone)


async def test_a_service_that_leads_no_more_is_refused(settings: DockerSettings) -> None:
    first, second = DockerBackend(settings), DockerBackend(settings)
    await first.open(1)
    try:
        await first.apply(order("x1", template()))
        await until_state(first, "x1", I.READY)
        await second.open(2)
        with pytest.raises(StaleLease):
            await first.apply(order("x2", template()))
        with pytest.raises(StaleLease):
            await first.remove("x1")
        assert (await until_state(second, "x1", I.READY)).restarts == 0
        await second.remove("x1")
    finally:
        await first.close()
        await second.close()
        assert await left_over(settings) == []


async def test_users_servers_join_their_clusters_and_leave_them(
    backend: DockerBackend, engine: Engine, settings: DockerSettings
) -> None:
    async def make(owner: str) -> str:
        labels = {INSTALLATION: installation_of(settings.folder), ROLE: SERVER, OWNER: owner}
        config = {"Image": settings.default_image, "Cmd": ["sleep", "1000"], "Labels": labels}
        container = await engine.create(f"zoe-test-server-{owner}", config)
        await engine.start(container)
        return container

    async def networks(container: str) -> set[str]:
        shown = await engine.inspect(container)
        assert shown is not None
        return set(shown["NetworkSettings"]["Networks"])

    servers = [await make("alice"), await make("bob")]
    try:
        await backend.apply(order("x1", server()))
        await until_state(backend, "x1", I.READY)
        assert len(await networks(servers[0])) == 2
        assert len(await networks(servers[1])) == 1
        await engine.remove(servers[0])
        servers[0] = await make("alice")

        async def joined() -> bool:
            return len(await networks(servers[0])) == 2

        await until(joined)
        await backend.remove("x1")
        assert len(await networks(servers[0])) == 1
    finally:
        await asyncio.gather(*(engine.remove(container) for container in servers))


async def test_a_server_that_started_unseen_joins_all_the_same(
    backend: DockerBackend, engine: Engine, settings: DockerSettings
) -> None:
    await backend.apply(order("x1", server()))
    await until_state(backend, "x1", I.READY)
    await backend.close()
    labels = {INSTALLATION: installation_of(settings.folder), ROLE: SERVER, OWNER: "alice"}
    config = {"Image": settings.default_image, "Cmd": ["sleep", "1000"], "Labels": labels}
    container = await engine.create("zoe-test-server-unseen", config)
    await engine.start(container)
    another = DockerBackend(settings)
    try:
        await another.open()

        async def joined() -> bool:
            shown = await engine.inspect(container)
            return shown is not None and len(shown["NetworkSettings"]["Networks"]) == 2

        await until(joined)
    finally:
        await another.close()
        await engine.remove(container)


async def test_a_service_in_a_container_reaches_what_an_earlier_one_started(
    settings: DockerSettings, engine: Engine
) -> None:
    config = {"Image": settings.default_image, "Cmd": ["sleep", "1000"]}
    containers = [await engine.create(f"zoe-test-service-{number}", config) for number in range(2)]

    async def networks(container: str) -> int:
        shown = await engine.inspect(container)
        assert shown is not None
        return len(shown["NetworkSettings"]["Networks"])

    try:
        for number, container in enumerate(containers):
            await engine.start(container)
            backend = DockerBackend(replace(settings, service_container=f"zoe-test-service-{number}"))
            await backend.open()
            if not number:
                await backend.apply(order("x1", server()))
            await until_state(backend, "x1", I.READY)
            assert await networks(container) == 2
            await backend.close()
        await nothing_is_left(settings)
        assert [await networks(container) for container in containers] == [1, 1]
    finally:
        await asyncio.gather(*(engine.remove(container) for container in containers))


async def test_what_is_pinned_runs_whatever_has_its_name(
    settings: DockerSettings, engine: Engine, tmp_path: Path
) -> None:
    lock = tmp_path / "images.lock.json"
    shown = await engine._docker().images.inspect(settings.default_image)
    lock.write_text(json.dumps({"zoe.test/renamed:1": shown["Id"], "zoe.test/lost:1": f"sha256:{'0' * 64}"}))
    backend = DockerBackend(replace(settings, images_lock=str(lock)))
    await backend.open()
    try:
        await backend.apply(order("x1", server(image="zoe.test/renamed:1")))
        await until_state(backend, "x1", I.READY)
        found = await engine.inspect(await container_of(engine, settings))
        assert found is not None
        assert found["Image"] == shown["Id"]
        await backend.apply(order("x2", template(image="zoe.test/lost:1")))
        assert "bring the file up to date" in (await until_state(backend, "x2", I.FAILED)).message
    finally:
        await backend.close()
        await nothing_is_left(settings)


async def test_volumes_stay_when_an_execution_ends(settings: DockerSettings, engine: Engine) -> None:
    name = f"zoe-test-{installation_of(settings.folder) or id(settings)}-alice"
    backend = DockerBackend(replace(settings, mounts=(Mount(name.replace("alice", "{owner}"), "/data"),), user="0:0"))
    await backend.open()
    try:
        assert await output(backend, "x1", "open('/data/kept', 'w').write('data')") == ""
        await backend.remove("x1")
        assert await output(backend, "x2", "print(open('/data/kept').read())") == "data\n"
    finally:
        await backend.close()
        await nothing_is_left(settings)
        await (await engine._docker().volumes.get(name)).delete()
