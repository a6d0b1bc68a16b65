"""A JupyterHub whose servers and clusters are containers of one engine: what a user and an administrator meet."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.backends.contract import until
from tests.backends.docker.hubs import (
    IMAGE,
    NETWORK,
    container_of,
    engine_with,
    executions,
    hub_of_containers,
    nothing_lives,
)
from tests.road.conftest import start_lab
from tests.spawner.hub import RealHub
from zoe_hub.backends.docker.engine import Engine
from zoe_hub.model.execution import ExecutionState

pytestmark = [pytest.mark.docker, pytest.mark.hub, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

LATE = f"""
c.DockerSpawner.allowed_images = ["zoe.test/another", {IMAGE!r}]
"""
ZAPPS = """
apiVersion: zoe/v1
kind: ZApp
name: lab-dask
title: Lab with Dask
parameters: [{name: workers, type: integer, default: 1, scales: true}]
frameworks:
  - {framework: jupyter}
  - {framework: dask, options: {workers: "{{ workers }}"}}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(docker_host: str) -> AsyncIterator[Engine]:
    async with engine_with(docker_host, IMAGE, "zoe/dask:0.1") as engine:
        yield engine


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hub(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> AsyncIterator[RealHub]:
    async with hub_of_containers(tmp_path_factory.mktemp("hub"), engine, late=LATE, zapps=ZAPPS) as hub:
        yield hub


async def test_a_notebook_in_a_container_attaches_a_cluster_of_containers(hub: RealHub, engine: Engine) -> None:
    lab = await start_lab(hub, "alice")
    server = await container_of(engine, hub, "alice")
    assert server["Config"]["Image"] == IMAGE
    assert set(server["NetworkSettings"]["Networks"]) == {NETWORK}
    assert server["HostConfig"]["Memory"] == 2**30
    assert server["HostConfig"]["CpuShares"] == 512
    assert (hub.home / "service-token").read_text().strip() not in str(server)

    async with lab.notebook() as notebook:
        attached = await notebook.run(
            "from zoe_widgets import Zoe\nzoe = Zoe()\ncluster = zoe.attach('dask', workers=1, memory='512 MiB')"
        )
        assert "connected: `client`" in attached.text
        assert "10" in (await notebook.run("print(client.submit(sum, [1, 2, 3, 4]).result())")).text
        assert len((await container_of(engine, hub, "alice"))["NetworkSettings"]["Networks"]) == 2
        await notebook.run("cluster.scale(2)\nclient.wait_for_workers(2)")
        where = "print({host for host in client.run(lambda: __import__('socket').gethostname()).values()})"
        assert "dask-worker-1" in (await notebook.run(where)).text
        await notebook.run("cluster.terminate()")
        assert set((await container_of(engine, hub, "alice"))["NetworkSettings"]["Networks"]) == {NETWORK}
    await hub.stop_server("alice")
    await until(lambda: nothing_lives(hub))


async def test_a_zapp_with_companions_lives_and_ends_with_its_notebook(hub: RealHub, engine: Engine) -> None:
    lab = await start_lab(hub, "alice", "lab-dask")
    (execution,) = await executions(hub, "alice")
    assert execution.state is ExecutionState.RUNNING
    async with lab.notebook() as notebook:
        # It is there in the first cell. Both share the execution's network, and the names in it.
        assert "6" in (await notebook.run("print(client.submit(sum, [1, 2, 3]).result())")).text
        found = await notebook.run("import socket\nprint(socket.gethostbyname('dask-scheduler'))")
        assert next(i.host for i in execution.instances if i.process == "dask.scheduler") in found.text
    await hub.restart()
    assert (await hub.server("alice"))["ready"]
    (after,) = await executions(hub, "alice")
    assert (after.id, after.state) == (execution.id, ExecutionState.RUNNING)

    await engine.kill(str((await container_of(engine, hub, "alice"))["Id"]), "SIGKILL")
    # The Hub looks every 30 seconds by itself, and at once when somebody comes to see.
    browser = await hub.login("alice")
    await browser.get("/hub/home")
    await browser.aclose()
    await until(lambda: nothing_lives(hub))


@pytest.mark.parametrize(
    ("image", "status", "words"),
    [("zoe.test/evil", 400, "not in allowed list"), (7, 400, "must be the name of an image")],
)
async def test_an_image_outside_of_the_policy_is_refused(hub: RealHub, image: object, status: int, words: str) -> None:
    answer = await hub.start_server("bob", options={"image": image})
    assert answer.status_code == status, answer.text
    assert words in answer.json()["message"]
    assert not await executions(hub, "bob")


async def test_users_choose_among_the_images_that_are_allowed(hub: RealHub, engine: Engine) -> None:
    browser = await hub.login("bob")
    form = await hub.open_form(browser, "bob")
    assert form.choices["image"] == ["", "zoe.test/another", IMAGE]
    await asyncio.to_thread(_tag, engine.host, IMAGE, "zoe.test/another")
    try:
        await hub.submit_form(browser, form, zapp="jupyterlab", image="zoe.test/another")
        events = await hub.progress(browser, "bob")
        assert events[-1].get("ready"), events
        assert (await container_of(engine, hub, "bob"))["Config"]["Image"] == "zoe.test/another"
        await hub.stop_server("bob")
        again = await hub.open_form(browser, "bob")
        assert again.fields["image"] == "zoe.test/another"
    finally:
        await asyncio.to_thread(_untag, engine.host, "zoe.test/another")
        await browser.aclose()


async def test_nobody_reaches_what_is_not_theirs(hub: RealHub, engine: Engine) -> None:
    labs = [await start_lab(hub, user) for user in ("alice", "carol")]
    async with labs[0].notebook() as alice, labs[1].notebook() as carol:
        await alice.run("from zoe_widgets import Zoe\ncluster = Zoe().attach('dask', workers=1, memory='512 MiB')")
        (execution,) = [e for e in await executions(hub, "alice") if e.zapp == "dask"]
        # Those that the framework names.
        ports = [(i.host, port) for i in execution.instances for port in (8786, 8787, 8788, 8789)]
        reach = f"""
import socket
def reached(host, port):
    try:
        socket.create_connection((host, port), 2).close()
    except OSError:
        return False
    return True
print([reached(host, port) for host, port in {ports!r}])
"""
        assert "True" in (await alice.run(reach)).text
        assert "True" not in (await carol.run(reach)).text
        look = "import os\nprint([p for p in ('/var/run/docker.sock', '/run/docker.sock') if os.path.exists(p)])"
        assert (await carol.run(look)).text.strip() == "[]"
        # The cluster itself reaches neither the notebooks' network nor another's.
        ask = "client.submit(lambda a: __import__('socket').create_connection(a, 3).close(), ({address!r}, 8888))"
        there = (await container_of(engine, hub, "carol"))["NetworkSettings"]["Networks"][NETWORK]["IPAddress"]
        failed = await alice.attempt(ask.format(address=there) + ".result()")
        assert (
            "timed out" in failed.error.lower()
            or "refused" in failed.error.lower()
            or "unreach" in failed.error.lower()
        )
        await alice.run("cluster.terminate()")
    for user in ("alice", "carol"):
        await hub.stop_server(user)
    await until(lambda: nothing_lives(hub))


def _tag(host: str, image: str, name: str) -> None:
    subprocess.run(["docker", "-H", host, "tag", image, name], check=True)


def _untag(host: str, name: str) -> None:
    subprocess.run(["docker", "-H", host, "rmi", "--no-prune", name], check=True, capture_output=True)
