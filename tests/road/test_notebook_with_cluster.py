"""*JupyterLab with Spark*: notebook and cluster as one unit, ready on the first cell."""

from __future__ import annotations

import pytest

from tests.spawner.hub import RealHub
from zoe_hub.model.execution import InstanceState

from .conftest import start_lab

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.spark, pytest.mark.slow]


async def test_spark_is_there_in_the_first_cell_and_goes_with_the_server(hub: RealHub) -> None:
    lab = await start_lab(hub, "bob", "jupyterlab-spark", server="both", workers="1")
    async with hub.zoe(lab.token) as zoe:
        (execution,) = await zoe.executions(live=True, server="bob/both")
        assert {i.process for i in execution.instances} == {
            "jupyter.server",
            "spark.master",
            "spark.connect",
            "spark.worker",
        }
        assert all(instance.state is InstanceState.READY for instance in execution.instances)
        async with lab.notebook() as notebook:
            assert (await notebook.run("print(spark.range(1000).count())")).text.endswith("1000\n")
        await hub.stop_server("bob", "both", remove=True)
        ended = await zoe.wait(execution.id, lambda view: view.state.ended)
        assert ended.state.value == "terminated"
    assert not [process for process in hub.processes() if execution.id in " ".join(process.cmdline())]
