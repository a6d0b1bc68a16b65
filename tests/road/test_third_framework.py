"""A framework that Zoe has never heard of, added to a running hub as a folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.spawner.hub import RealHub
from zoe_hub.model.commands import Submit
from zoe_hub.model.errors import NotRunnable
from zoe_hub.model.zapp import ZApp

from .lab import Lab, Notebook

pytestmark = pytest.mark.asyncio(loop_scope="session")

UNTIL = """
import time
while cluster.refresh().workers != {members} or cluster.view.present != {members}:
    time.sleep(0.2)
print(cluster)
"""
HERE = Path(__file__).parent / "tally"


@pytest.fixture
def tally(shelf: Path) -> Iterator[Path]:
    """The framework and its ZApp on the administrator's shelf, put there while the hub runs."""
    shutil.copytree(HERE, shelf / "tally", ignore=shutil.ignore_patterns("zapp.yaml", "__pycache__"))
    (shelf / "zapps").mkdir()
    shutil.copy(HERE / "zapp.yaml", shelf / "zapps" / "tally.yaml")
    yield shelf
    shutil.rmtree(shelf / "tally")
    shutil.rmtree(shelf / "zapps")


async def test_it_is_attached_scaled_and_swapped_like_any_other(tally: Path, hub: RealHub, notebook: Notebook) -> None:
    await notebook.run('from zoe_widgets import Zoe\nzoe = Zoe()\ncluster = zoe.attach("tally", members=2)')
    assert (await notebook.run("print(tally(40), tally(2))")).text.strip() == "40 42"
    await notebook.run("cluster.scale(4)")
    assert "4 of 4" in (await notebook.run("print(cluster)")).text
    await notebook.run("other = cluster.swap(members=1)")
    assert (await notebook.run("print(tally(1))")).text.strip() == "1"
    await notebook.run("other.terminate()")
    async with hub.zoe() as zoe:
        assert [e for e in await zoe.executions(live=True) if e.zapp == "tally"] == []


async def test_it_follows_its_load_like_any_other(tally: Path, hub: RealHub, notebook: Notebook) -> None:
    await notebook.run('from zoe_widgets import Zoe\nzoe = Zoe()\ncluster = zoe.attach("tally", members=1)')
    await notebook.run("cluster.adapt(1, 3, hold=4)\ntally(0, queue=3)")
    grown = await notebook.run(UNTIL.format(members=3))
    assert "members: 3 of 3 ready" in grown.text
    assert "adapts: 1 to 3, kept for 4 seconds (1 task waits: 2 -> 3 members)" in grown.text
    await notebook.run("tally(0, queue=-3)")
    assert "1 of 1 ready" in (await notebook.run(UNTIL.format(members=1))).text
    async with hub.zoe() as zoe:
        (execution,) = [e for e in await zoe.executions(live=True) if e.zapp == "tally"]
        assert execution.adapted == "fewer were enough for 4 seconds: 3 -> 1 members"
    await notebook.run("cluster.terminate()")


async def test_a_framework_alone_is_refused_with_the_reason(tally: Path, hub: RealHub, alice_lab: Lab) -> None:
    (tally / "zapps" / "tally.yaml").rename(tally / "zapps" / "other.yaml")
    text = (tally / "zapps" / "other.yaml").read_text()
    (tally / "zapps" / "other.yaml").write_text(text.replace("name: tally\n", "name: other\n", 1))
    async with hub.zoe(alice_lab.token) as zoe:
        with pytest.raises(NotRunnable, match=r"cannot run alone.*Start a ZApp that contains it: other"):
            await zoe.submit(Submit(zapp="tally"))


async def test_a_user_joins_frameworks_into_a_zapp_of_their_own(tally: Path, hub: RealHub, alice_lab: Lab) -> None:
    mine = ZApp.model_validate(
        {
            "apiVersion": "zoe/v1",
            "kind": "ZApp",
            "name": "my-pair",
            "title": "Dask and a tally",
            "parameters": [{"name": "n", "type": "integer", "default": 1, "scales": True}],
            "frameworks": [
                {"framework": "tally", "options": {"members": "{{ n }}"}},
                {"framework": "dask", "options": {"workers": "{{ n }}"}},
            ],
        }
    )
    async with hub.zoe(alice_lab.token) as zoe, alice_lab.notebook() as notebook:
        await zoe.put_zapp(mine)
        await notebook.run('from zoe_widgets import Zoe\ncluster = Zoe().attach("my-pair")')
        assert (await notebook.run("print(tally(1), client.submit(sum, [1, 2]).result())")).text.strip() == "1 3"
        await notebook.run("cluster.terminate()")
        await zoe.delete_zapp("my-pair")


async def test_a_broken_file_is_shown_to_admins_and_hides_nothing(shelf: Path, hub: RealHub, alice_lab: Lab) -> None:
    broken = shelf / "broken" / "framework.yaml"
    broken.parent.mkdir()
    broken.write_text("apiVersion: zoe/v1\nkind: Framework\nname: broken\ntitle: B\nprocesses: []\n")
    try:
        async with hub.zoe() as admin, hub.zoe(alice_lab.token) as alice:
            (problem,) = (await admin.shop()).problems
            assert (problem["path"], problem["line"]) == (str(broken), 5)
            shop = await alice.shop()
            assert not shop.problems
            assert {"spark", "dask", "jupyterlab"} <= {zapp.name for zapp in shop.zapps}
    finally:
        shutil.rmtree(broken.parent)
