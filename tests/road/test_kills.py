"""Parts killed in the middle of work: a worker, the Connect server, the Zoe service, the user's server."""

from __future__ import annotations

import asyncio
import signal

import psutil
import pytest

from tests.spawner.hub import RealHub
from zoe_hub.client import ExecutionView
from zoe_hub.model.errors import ZoeError
from zoe_hub.model.execution import InstanceState

from .conftest import start_lab
from .lab import Lab, Notebook

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.spark, pytest.mark.slow]

SLOW_JOB = """
def slow(x):
    import time
    time.sleep(0.5)
    return x
rows = spark.range(0, 40, 1, 40)
from pyspark.sql.functions import udf
print(rows.select(udf(slow, "long")("id").alias("x")).groupBy().sum("x").collect()[0][0])
"""


async def spark_of(hub: RealHub, lab: Lab) -> ExecutionView:
    async with hub.zoe(lab.token) as zoe:
        (execution,) = [e for e in await zoe.executions(live=True) if e.zapp == "spark"]
        return execution


def java_of(hub: RealHub, execution: str, process: str, ordinal: int) -> psutil.Process:
    """The Java process that is an instance, found as an operator would: by its folder."""
    for candidate in hub.processes():
        try:
            words, folder = candidate.cmdline(), candidate.cwd()
        except psutil.Error:
            continue
        mine = execution in folder and f"{process}-{ordinal}" in folder
        executor = any("CoarseGrainedExecutorBackend" in word for word in words)
        if mine and not executor and words and words[0].endswith("java"):
            return candidate
    raise LookupError(f"{process} {ordinal} of {execution} does not run")


async def test_a_worker_killed_in_mid_job_is_replaced_and_the_job_ends(
    hub: RealHub, alice_lab: Lab, notebook: Notebook
) -> None:
    await notebook.run("%zoe attach spark workers=2")
    execution = await spark_of(hub, alice_lab)
    job = await notebook.begin(SLOW_JOB)
    await asyncio.sleep(4)
    java_of(hub, execution.id, "spark.worker", 1).send_signal(signal.SIGKILL)
    result = await notebook.finish(job)
    assert result.text.strip().endswith("780"), result
    async with hub.zoe(alice_lab.token) as zoe:
        await zoe.wait(
            execution.id,
            lambda view: any(
                i.process == "spark.worker" and i.restarts == 1 and i.state is InstanceState.READY
                for i in view.instances
            ),
            timeout=60,
        )


async def test_after_the_connect_server_was_killed_the_next_cell_has_a_session_again(
    hub: RealHub, alice_lab: Lab, notebook: Notebook
) -> None:
    await notebook.run("%zoe attach spark workers=1")
    execution = await spark_of(hub, alice_lab)
    java_of(hub, execution.id, "spark.connect", 0).send_signal(signal.SIGKILL)
    async with hub.zoe(alice_lab.token) as zoe:
        await zoe.wait(execution.id, lambda view: view.state.value == "degraded", timeout=30)
        await zoe.wait(execution.id, lambda view: view.state.value == "running", timeout=90)
    assert (await notebook.run("print(spark.range(7).count())")).text.endswith("7\n")


async def test_the_service_killed_in_mid_job_finds_its_clusters_again(
    hub: RealHub, alice_lab: Lab, notebook: Notebook
) -> None:
    await notebook.run("from zoe_widgets import Zoe\nzoe = Zoe()\ncluster = zoe.attach('spark', workers=2)")
    before = await spark_of(hub, alice_lab)
    job = await notebook.begin(SLOW_JOB)
    psutil.Process(hub.pid_of_service()).send_signal(signal.SIGKILL)
    assert (await notebook.finish(job)).text.strip().endswith("780")
    # JupyterHub starts its service again.
    for _ in range(300):
        try:
            after = await spark_of(hub, alice_lab)
            break
        except ZoeError as error:
            last = error
            await asyncio.sleep(0.2)
    else:
        raise AssertionError("the service did not come back") from last
    assert (after.id, after.state) == (before.id, before.state)
    assert [(i.process, i.ordinal, i.restarts) for i in after.instances] == [
        (i.process, i.ordinal, i.restarts) for i in before.instances
    ]
    await notebook.run("cluster.scale(3)")
    assert "3 of 3" in (await notebook.run("print(cluster)")).text


async def test_a_killed_user_server_takes_what_is_attached_and_leaves_what_is_detached(hub: RealHub) -> None:
    lab = await start_lab(hub, "carol")
    async with lab.notebook() as notebook, hub.zoe(await hub.user_token("carol")) as zoe:
        await notebook.run(
            "from zoe_widgets import Zoe\nzoe = Zoe()\n"
            "tied = zoe.attach('dask', name='tied', workers=1)\nfree = zoe.attach('dask', name='free', workers=1)\n"
            "free.detach()"
        )
        (server,) = [
            p for p in hub.processes() if "jupyterhub-singleuser" in " ".join(p.cmdline()) and "carol" in p.cwd()
        ]
        server.send_signal(signal.SIGKILL)
        tied = await zoe.execution("tied")
        # The Hub notices by its own poll.
        assert (await zoe.wait(tied.id, lambda view: view.state.ended, timeout=90)).state.value == "terminated"
        assert (await zoe.execution("free")).state.value == "running"
        lab = await start_lab(hub, "carol")
        async with lab.notebook() as again:
            await again.run("from zoe_widgets import Zoe\nfree = Zoe().connect('free')")
            assert (await again.run("print(client.submit(sum, [40, 2]).result())")).text.endswith("42\n")
            await again.run("free.terminate()")
    await hub.stop_server("carol")
