"""Spark in containers, from notebooks in containers: the whole example, and what others reach of it."""

from __future__ import annotations

import ast
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.backends.contract import until
from tests.backends.docker.hubs import (
    IMAGE,
    container_of,
    engine_with,
    executions,
    hub_of_containers,
    wait_for,
)
from tests.road.conftest import start_lab
from tests.road.lab import Lab, Notebook
from tests.spawner.hub import RealHub
from zoe_hub.backends.docker.engine import Engine
from zoe_hub.backends.docker.names import EXECUTION, PROCESS
from zoe_hub.client import ExecutionView
from zoe_hub.model.execution import InstanceState as I

pytestmark = [
    pytest.mark.docker,
    pytest.mark.hub,
    pytest.mark.spark,
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.timeout(600),
    pytest.mark.asyncio(loop_scope="module"),
]

ATTACH = """
from zoe_widgets import Zoe
zoe = Zoe()
cluster = zoe.attach("spark", workers={workers}, memory="512 MiB", driver_memory="512 MiB")
"""
COMPARE = """
import pandas
table = pandas.DataFrame({"number": range(20_000)})
table["key"] = table.number % 13
expected = table.groupby("key").number.sum().to_dict()
found = {row["key"]: row["s"] for row in
         spark.createDataFrame(table).groupBy("key").agg({"number": "sum"}).toDF("key", "s").collect()}
print("equal" if found == expected else (found, expected))
"""
REACH = """
def reach(places):
    import socket
    found = []
    for host, port in places:
        try:
            socket.create_connection((host, port), 1).close()
        except OSError:
            continue
        found.append((host, port))
    return found
"""
PORTS = [("master", 7077), ("master", 8080), ("worker", 8081), ("connect", 15002), ("connect", 4040)]
"""Those that the framework names."""
LISTENING = "cat /proc/net/tcp /proc/net/tcp6"
_LISTENS = "0A"
_ITS_OWN = ("0100007F", "0B00007F", "01000000")
"""Addresses that only the container itself reaches: 127.0.0.1, the engine's 127.0.0.11, ::1."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(docker_host: str) -> AsyncIterator[Engine]:
    async with engine_with(docker_host, IMAGE, "zoe/spark:0.1") as engine:
        yield engine


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hub(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> AsyncIterator[RealHub]:
    # More processors than this machine may have: these tests are about who may do what.
    config = "c.ZoeConfig.cpus = 24\nc.ZoeDocker.cpu_burst = 0\n"
    async with hub_of_containers(tmp_path_factory.mktemp("hub"), engine, config=config) as hub:
        yield hub


@pytest_asyncio.fixture(loop_scope="module")
async def alice(hub: RealHub) -> AsyncIterator[Lab]:
    if not await hub.server("alice"):
        await start_lab(hub, "alice")
    yield Lab(hub, "alice", await hub.user_token("alice"))


async def test_the_whole_example(hub: RealHub, engine: Engine, alice: Lab) -> None:
    async with alice.notebook() as notebook:
        assert "connected: `spark`" in (await notebook.run(ATTACH.format(workers=2))).text
        assert "equal" in (await notebook.run(COMPARE)).text
        await notebook.run("first = spark\ncluster.scale(3)")
        assert (await notebook.run("print(cluster.refresh().workers, spark is first)")).text.strip() == "3 True"
        assert "equal" in (await notebook.run(COMPARE)).text

        await notebook.run(
            'bigger = cluster.swap("spark", workers=2, memory="768 MiB", driver_memory="512 MiB")', timeout=300
        )
        assert (await notebook.run("print(spark is first)")).text.strip() == "False"
        assert "equal" in (await notebook.run(COMPARE)).text
        (swapped,) = await executions(hub, "alice", "spark")
        assert swapped.parameters["workers"] == 2

        await notebook.run("bigger.detach()")
        assert (await notebook.attempt("spark")).error.startswith("NameError")

    # Detached, it outlives the kernel; another one finds it.
    async with alice.notebook() as other:
        await other.run(f"from zoe_widgets import Zoe\nzoe = Zoe()\nagain = zoe.connect({swapped.name!r})")
        assert "equal" in (await other.run(COMPARE)).text
        await other.run("again.terminate()")
    await until(lambda: no_spark(hub, "alice"))
    assert len((await container_of(engine, hub, "alice"))["NetworkSettings"]["Networks"]) == 1


async def test_who_loses_its_master_computes_again(hub: RealHub, engine: Engine, alice: Lab) -> None:
    async with alice.notebook() as notebook:
        await notebook.run(ATTACH.format(workers=1))
        (execution,) = await executions(hub, "alice", "spark")
        (master,) = await engine.containers([f"{EXECUTION}={execution.id}", f"{PROCESS}=spark.master"])
        await engine.kill(str(master["Id"]), "SIGKILL")

        # Its folder was its container's: the next master knows no application, and the server registers anew.
        def goes_on(view: ExecutionView) -> bool:
            again = {i.process for i in view.instances if i.restarts}
            return {"spark.master", "spark.connect"} <= again and {i.state for i in view.instances} == {I.READY}

        await wait_for(hub, "alice", "spark", goes_on)
        assert "equal" in (await notebook.run(COMPARE)).text
        await notebook.run("cluster.terminate()")
    await until(lambda: no_spark(hub, "alice"))


async def test_nobody_reaches_anothers_spark(hub: RealHub, engine: Engine, alice: Lab) -> None:
    carol = await start_lab(hub, "carol")
    async with alice.notebook() as hers, carol.notebook() as theirs:
        await hers.run(ATTACH.format(workers=1))
        await theirs.run(ATTACH.format(workers=1))
        (execution,) = await executions(hub, "alice", "spark")
        places = await listening(engine, execution.id)
        hosts = {i.process.removeprefix("spark."): i.host for i in execution.instances}
        known = {(hosts[process], port) for process, port in PORTS}
        assert known < set(places)

        # Alice reaches all of it, so that what follows is no fault of the question.
        assert await reached(hers, places) == places
        assert await reached(theirs, places) == []
        # Nor does what Carol lets her own cluster run.
        await theirs.run(
            f"{REACH}\nfrom pyspark.sql.functions import udf\n"
            f"asked = udf(lambda x: repr(reach({places!r})), 'string')\n"
            "answers = [row[0] for row in spark.range(1).select(asked('id')).collect()]"
        )
        assert (await theirs.run("print(answers)")).text.strip() == "['[]']"
        look = "import os\n[p for p in ('/var/run/docker.sock', '/run/docker.sock') if os.path.exists(p)]"
        assert (await theirs.run(look)).text.strip() == "[]"

        # Who is on the cluster's network and does not know its secret is refused all the same.
        without = await hers.attempt(
            "from pyspark.sql.connect.session import SparkSession as Session\n"
            f"Session.builder.remote('sc://{hosts['connect']}:15002/').create().range(1).count()"
        )
        assert "UNAUTHENTICATED" in without.error or "authenticat" in without.error.lower(), without.error
        for process, port in (("master", 8080), ("worker", 8081), ("connect", 4040)):
            page = await hers.attempt(f"import urllib.request as u\nu.urlopen('http://{hosts[process]}:{port}/')")
            assert page.error.startswith("HTTPError: HTTP Error 40"), page.error

        # By way of Zoe: neither connecting, nor the pages.
        assert "no execution" in (await theirs.attempt(f"zoe.connect({execution.id!r})")).error
        for user, status in (("alice", {200}), ("carol", {403, 404})):
            browser = await hub.login(user)
            try:
                page = await browser.get(execution.ui[0].url, headers={"Accept": "text/html"})
                assert page.status_code in status, (user, page.status_code)
                assert ("Spark Master" in page.text) is (user == "alice")
            finally:
                await browser.aclose()
        await hers.run("cluster.terminate()")
        await theirs.run("cluster.terminate()")
    await hub.stop_server("carol")


async def listening(engine: Engine, execution: str) -> list[tuple[str, int]]:
    """Every address and port at which something in a cluster's containers listens for others, as the kernel tells."""
    places = set()
    for container in await engine.containers([f"{EXECUTION}={execution}"]):
        shown: Any = await engine.inspect(str(container["Id"]))
        (network,) = shown["NetworkSettings"]["Networks"].values()
        table = await engine.run_in(str(container["Id"]), ["sh", "-c", LISTENING], "0", 2**20)
        for line in table.decode().splitlines():
            fields = line.split()
            if len(fields) > 3 and fields[3] == _LISTENS:
                host, _, port = fields[1].rpartition(":")
                if not host.endswith(_ITS_OWN):
                    places.add((network["IPAddress"], int(port, 16)))
    return sorted(places)


async def reached(notebook: Notebook, places: list[tuple[str, int]]) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = ast.literal_eval((await notebook.run(f"{REACH}\nprint(reach({places!r}))")).text)
    return found


async def no_spark(hub: RealHub, owner: str) -> bool:
    return not await executions(hub, owner, "spark")
