"""Clusters that follow their load, on real Spark and Dask."""

from __future__ import annotations

import re

import pytest

from tests.spawner.hub import RealHub

from .lab import Lab, Notebook

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.slow, pytest.mark.long]

JOB = """
slow = "select id, java_method('java.lang.Thread', 'sleep', 1000 + id * 0) from range(0, 40, 1, 40)"
print(sum(row.id for row in spark.sql(slow).collect()), cluster.refresh().workers)
"""
IDLE = """
import time
while cluster.refresh().workers != 1 or cluster.view.present != 1:
    time.sleep(0.2)
print(cluster)
"""


@pytest.mark.spark
async def test_a_job_grows_its_cluster_and_thought_shrinks_it(hub: RealHub, alice_lab: Lab, notebook: Notebook) -> None:
    await notebook.run(
        "from zoe_widgets import Zoe\nzoe = Zoe()\n"
        'cluster = zoe.attach("spark", workers=1, memory="512 MiB", driver_memory="512 MiB").adapt(1, 3, hold=6)'
    )
    assert (await notebook.run(JOB)).printed.split()[:2] == ["780", "3"]
    assert "1 of 1 ready" in (await notebook.run(IDLE)).text
    # What is left works, and grows again.
    assert (await notebook.run(JOB)).printed.split()[:2] == ["780", "3"]

    async with hub.zoe(alice_lab.token) as zoe:
        (execution,) = [e for e in await zoe.executions(live=True) if e.zapp == "spark"]
        sizes, reasons = [], []
        async for event in zoe.events(execution.id, after=0):
            if event.kind.value == "execution.scaled":
                sizes.append(event.data["parameters"]["workers"])
                reasons.append(event.data["reason"])
            if 1 in sizes and sizes[-1] == 3:
                break
    # At a job's end two may have been of use a moment longer than one.
    assert sizes in ([2, 3, 1, 2, 3], [2, 3, 2, 1, 2, 3])
    assert re.fullmatch(r"\d+ tasks wait: 1 -> 2 workers", reasons[0])
    assert re.fullmatch(r"fewer were enough for 6 seconds: 3 -> [12] workers", reasons[2])

    browser = await hub.login("alice")
    page, as_a_browser = execution.ui[0].url.rstrip("/"), {"Accept": "text/html, application/json"}
    master = (await browser.get(f"{page}/json/", headers=as_a_browser)).json()
    application = master["activeapps"][0]["id"]
    driver = f"{page}/proxy/{application}/api/v1/applications/{application}"
    stages = (await browser.get(f"{driver}/stages", headers=as_a_browser)).json()
    await browser.aclose()
    assert sum(stage["numCompleteTasks"] for stage in stages) >= 80
    assert [(s["numFailedTasks"], s["numKilledTasks"]) for s in stages] == [(0, 0)] * len(stages)


@pytest.mark.dask
async def test_dask_follows_what_its_scheduler_wants(hub: RealHub, alice_lab: Lab, notebook: Notebook) -> None:
    await notebook.run(
        "from zoe_widgets import Zoe\nzoe = Zoe()\n"
        'cluster = zoe.attach("dask", workers=1, memory="512 MiB").adapt(1, 3, hold=6)'
    )
    # The scheduler knows how long such a task takes once one has ended.
    work = "import time\ndef nap(number):\n    time.sleep(1)\n    return number\n"
    grown = await notebook.run(
        f"{work}print(sum(client.gather(client.map(nap, range(40)))), cluster.refresh().workers)"
    )
    assert grown.text.split()[:2] == ["780", "3"]
    assert "1 of 1 ready" in (await notebook.run(IDLE)).text
    assert (await notebook.run("print(client.submit(nap, 7).result())")).text.strip() == "7"
    async with hub.zoe(alice_lab.token) as zoe:
        (execution,) = [e for e in await zoe.executions(live=True) if e.zapp == "dask"]
    assert execution.adapted.startswith("fewer were enough for 6 seconds: ")
