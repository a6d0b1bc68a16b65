"""Two people with Spark on eight cores, at any hub of that size: what they do, and what each of them must see."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from tests.spawner.hub import RealHub
from zoe_hub.client import ExecutionView
from zoe_hub.controller.questions import Questions
from zoe_hub.secrets import Secrets
from zoe_hub.store.sql import SQLStore

from .conftest import start_lab
from .lab import Lab, Notebook

CORES = 8
CONFIG = f"""
c.ZoeConfig.cpus = {CORES}
c.ZoeConfig.hold = "3 s"
"""
ATTACH = """
from zoe_widgets import Zoe, notices
told = []
notices.say = lambda sentence, *_: told.append(sentence)
zoe = Zoe()
cluster = zoe.attach("spark", workers=6, memory="512 MiB", driver_memory="512 MiB")
"""
WORK = """
from pyspark.sql.functions import col, udf
import pathlib
def slow(x):
    import time
    time.sleep(0.1)
    return x
rounds, wrong, stop = 0, [], pathlib.Path("stop")
while not stop.exists() or rounds < 2:
    rows = spark.range(0, 240, 1, 24).select(udf(slow, "long")("id").alias("x"))
    found = rows.groupBy((col("x") % 7).alias("k")).sum("x").agg({"sum(x)": "sum"}).collect()[0][0]
    rounds += 1
    if found != 28680:
        wrong.append(found)
print(f"wrong: {wrong}")
"""


async def spark_of(hub: RealHub, lab: Lab) -> ExecutionView:
    async with hub.zoe(lab.token) as zoe:
        (found,) = [e for e in await zoe.executions(live=True) if e.zapp == "spark"]
        return found


async def until(hub: RealHub, lab: Lab, holds: Callable[[ExecutionView], bool], timeout: float = 180) -> ExecutionView:
    execution = await spark_of(hub, lab)
    async with hub.zoe(lab.token) as zoe:
        return await zoe.wait(execution.id, holds, timeout=timeout)


async def failed_tasks(hub: RealHub, lab: Lab) -> int:
    """As the driver counts them."""
    store = SQLStore(f"sqlite:///{hub.home / 'data' / 'zoe.sqlite'}")
    await store.open()
    try:
        execution = await store.get((await spark_of(hub, lab)).id)
    finally:
        await store.close()
    spark = execution.plan.framework("spark")
    async with Questions(Secrets.load(hub.home / "data" / "key"), prefix="/services/zoe/") as questions:

        async def read(path: str, expression: str) -> Any:
            for _ in range(20):  # a busy driver takes its time
                found = await questions.ask(execution, spark, "connect", "ui", path, {"found": expression})
                if found is not None:
                    return found["found"]
            raise AssertionError(f"the driver does not answer {path}")

        application = await read("/api/v1/applications", "[0].id")
        return int(await read(f"/api/v1/applications/{application}/stages", "sum([].numFailedTasks)"))


class Job:
    """Rounds of work in one kernel, until they are told to end."""

    def __init__(self, notebook: Notebook, lab: Lab) -> None:
        self._lab = lab
        # Read all the time: a connection that nobody reads is closed by the server.
        self._running = asyncio.create_task(notebook.run(WORK, timeout=540))

    async def end(self) -> str:
        """What it says."""
        assert not self._running.done(), await self._running
        async with self._lab.notebook() as other:
            await other.run("import pathlib; pathlib.Path('stop').touch()")
        return (await self._running).text


async def they_share(hub: RealHub) -> None:
    """Six workers each, of eight cores: both work at once, and nobody's job notices who comes and goes."""
    alice, bob = await start_lab(hub, "alice"), await start_lab(hub, "bob")
    async with alice.notebook() as first:
        await first.run(ATTACH, timeout=300)
        await until(hub, alice, lambda view: view.ready == 6)
        hers = Job(first, alice)

        async with bob.notebook() as second:
            # He starts on his core, while her job goes on; and gets his part of the rest.
            await second.run(ATTACH, timeout=300)
            shrunk = await until(hub, alice, lambda view: view.allowed < 6)
            assert "given back so that" in shrunk.reason
            his = Job(second, bob)
            his_view = await until(hub, bob, lambda view: view.ready >= 2)
            assert his_view.reason.startswith(f"{his_view.allowed} of 6 workers: ")
            her_view = await until(hub, alice, lambda view: view.ready == view.allowed == view.present)
            assert 1 <= her_view.allowed <= 4
            async with hub.zoe() as zoe:
                live = await zoe.executions(live=True)
            taken = sum(p.resources.cpu * e.granted.get(p.key, 0) for e in live for p in e.plan.processes)
            assert taken <= CORES

            # His end gives it back to her.
            assert "wrong: []" in await his.end()
            assert await failed_tasks(hub, bob) == 0
            await second.run("cluster.terminate()")
        await until(hub, alice, lambda view: view.ready == 6)
        assert "wrong: []" in await hers.end()
        assert await failed_tasks(hub, alice) == 0
        told = (await first.run("print(*told, sep='\\n')")).text
        assert "given back so that another application could start" in told
        assert "6 of 6 workers" in told
        assert "as there is room again" in told
