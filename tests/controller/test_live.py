from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from zoe_hub.controller.executions import LiveExecutions
from zoe_hub.controller.live import LiveFigures
from zoe_hub.controller.questions import Questions
from zoe_hub.model.errors import ServiceUnavailable
from zoe_hub.model.execution import Execution

from .cluster import Cluster
from .conftest import World


async def test_figures_come_back_with_the_store(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0
    there_again = asyncio.Event()

    async def away_at_first(**_: Any) -> Sequence[Execution]:
        nonlocal asked
        asked += 1
        if asked < 3:
            raise ServiceUnavailable("the disk is full")
        there_again.set()
        return []

    monkeypatch.setattr(world.store, "list", away_at_first)
    task = asyncio.create_task(
        LiveFigures(LiveExecutions(world.store), world.secrets, prefix="/z/", interval=0.01).run()
    )
    await asyncio.wait({task, asyncio.ensure_future(there_again.wait())}, return_when=asyncio.FIRST_COMPLETED)
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_cluster_hears_no_cookie_of_anothers(world: World) -> None:
    """All are at one host, whose name is all that a cookie goes by."""
    async with Cluster() as cluster:
        cluster.answer_headers["Set-Cookie"] = "door=open; Path=/"
        async with Questions(world.secrets, prefix="/z/") as questions:
            for path in ("/first", "/second"):
                await questions._get(f"http://127.0.0.1:{cluster.port}{path}", {})
        assert cluster.paths == ["/first", "/second"]
        assert "Cookie" not in cluster.headers
