"""Frameworks are prepared in the background, when somebody uses them."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.store.writing import moved
from tests.zoe_server_ext.embedded import SHOP
from zoe_hub.catalogue import Catalogue
from zoe_hub.composition import compose
from zoe_hub.embedded import first_use
from zoe_hub.embedded.first_use import FirstUse
from zoe_hub.model.execution import ExecutionState
from zoe_hub.preparation import Preparation
from zoe_hub.store.base import Submission
from zoe_hub.store.sql import SQLStore

PREPARATION = """
preparation:
  command: [sh, -c, "{}", "-", "${{cache}}"]
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHOP, tmp_path / "shop"))


async def until(what: Callable[[], object]) -> None:
    while not what():  # noqa: ASYNC110 - nothing tells of a file
        await asyncio.sleep(0.01)


def preparing(shop: Path, script: str) -> Catalogue:
    """The shop, whose one framework wants the script run."""
    with (shop / "bell" / "framework.yaml").open("a") as file:
        file.write(PREPARATION.format(script))
    catalogue = Catalogue([shop])
    assert not catalogue.problems
    return catalogue


async def test_it_waits_until_a_cluster_runs(shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_use, "LOOK", 0.01)
    monkeypatch.setattr(first_use, "SETTLED", 0.05)
    catalogue = preparing(shop, "nice > $1/done")
    store = SQLStore("sqlite://")
    await store.open()
    plan = compose(catalogue.zapps["bell"], {}, catalogue.frameworks)
    execution, _ = await store.submit(Submission(owner="alice", plan=plan))
    task = asyncio.create_task(FirstUse(store, catalogue, tmp_path / "cache").run())
    done = tmp_path / "cache" / "bell" / "done"
    await asyncio.sleep(0.1)
    assert not done.exists()
    await moved(store, execution.id, ExecutionState.QUEUED, ExecutionState.STARTING)
    await moved(store, execution.id, ExecutionState.STARTING, ExecutionState.RUNNING)
    await until(lambda: done.exists() and done.read_text())
    assert done.read_text() == "19\n"
    done.unlink()
    await asyncio.sleep(0.1)
    assert not done.exists()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await store.close()


def test_a_preparation_that_fails_says_its_last_line(shop: Path, tmp_path: Path) -> None:
    catalogue = preparing(shop, "echo first; echo no luck; exit 3")
    preparation = Preparation(catalogue.frameworks["bell"], catalogue.folder("bell"), tmp_path)
    assert preparation.run()[1] == "no luck"


async def test_a_preparation_is_ended_with_all_that_it_started(shop: Path, tmp_path: Path) -> None:
    catalogue = preparing(shop, "sleep 1000 & echo $! > $1/child; wait")
    preparation = Preparation(catalogue.frameworks["bell"], catalogue.folder("bell"), tmp_path)
    running = asyncio.ensure_future(asyncio.to_thread(preparation.run))
    child = tmp_path / "bell" / "child"
    await until(lambda: child.exists() and child.read_text())
    preparation.stop()
    await running
    state = Path(f"/proc/{child.read_text().strip()}/stat")
    await until(lambda: not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z")
