"""The end of a server, and what the spawner remembers."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from zoe_hub.spawner.terminations import Terminations

from .fakes import PromptServer, PromptZoe, make_spawner
from .waiting import until


async def test_companions_end_with_the_server() -> None:
    async with PromptZoe() as zoe:
        spawner = make_spawner(zoe)
        await spawner.start()
        await spawner.stop()
        assert not spawner.running
        assert zoe.terminated == ["x1"]
        assert ("jupyter.server", "stopped") in zoe.reports
        spawner.clear_state()
        assert spawner.get_state() == {}


async def test_companions_end_when_the_server_dies_by_itself() -> None:
    async with PromptZoe() as zoe:
        spawner = make_spawner(zoe)
        await spawner.start()
        spawner.running = False
        assert await spawner.poll() == 0
        spawner.clear_state()  # as the Hub does next, without calling stop
        await until(lambda: zoe.terminated == ["x1"])
        await PromptServer.stop(spawner)


async def test_a_server_ends_when_its_execution_is_terminated() -> None:
    async with PromptZoe() as zoe:
        spawner = make_spawner(zoe)
        await spawner.start()
        assert await spawner.poll() is None
        zoe.terminate(zoe.only)
        assert await spawner.poll() == 0
        assert not spawner.running
        assert await spawner.poll() == 0


async def test_a_server_outlives_companions_that_fail_and_a_service_that_is_away() -> None:
    async with PromptZoe() as zoe:
        spawner = make_spawner(zoe)
        await spawner.start()
        zoe.move(zoe.only, "failed", "spark.connect 0: it ended with status 1")
        assert await spawner.poll() is None
        await zoe.stop()
        assert await spawner.poll() is None
        await zoe.start()
        await spawner.stop()


async def test_with_the_service_away_the_server_stops_and_the_rest_ends_later() -> None:
    async with PromptZoe() as zoe:
        spawner = make_spawner(zoe)
        await spawner.start()
        await zoe.stop()
        await spawner.stop()
        spawner.clear_state()
        assert not spawner.running
        state = json.loads(json.dumps(spawner.get_state()))
        assert state["zoe"]["owed"] == {"x1": "jupyter.server"}
        await zoe.start()
        await until(lambda: zoe.terminated == ["x1"])


async def test_what_is_owed_survives_the_hub() -> None:
    async with PromptZoe() as zoe:
        spawner = make_spawner(zoe)
        await spawner.start()
        await PromptServer.stop(spawner)
        spawner.clear_state()
        reborn = make_spawner(zoe)
        reborn.load_state(json.loads(json.dumps(spawner.get_state())))
        await until(lambda: zoe.terminated == ["x1"])


async def test_a_running_server_survives_the_hub() -> None:
    async with PromptZoe() as zoe:
        spawner = make_spawner(zoe)
        await spawner.start()
        state = json.loads(json.dumps(spawner.get_state()))
        reborn = make_spawner(zoe)
        reborn.load_state(state)
        reborn.running = True
        assert await reborn.poll() is None
        assert reborn.get_state() == state
        assert not zoe.terminated
        await reborn.stop()
        assert zoe.terminated == ["x1"]
        await PromptServer.stop(spawner)


async def test_a_deleted_server_leaves_nothing_attached_to_it() -> None:
    async with PromptZoe() as zoe:
        spawner, other = make_spawner(zoe, name="work"), make_spawner(zoe)
        await spawner.start()
        await other.start()
        await spawner.delete_forever()
        assert zoe.terminated == ["x1"]
        await other.delete_forever()
        assert zoe.terminated == ["x1", "x2"], "with the default server goes the user"
        for each in (spawner, other):
            await PromptServer.stop(each)


async def test_a_termination_is_asked_for_once() -> None:
    asked: list[str] = []

    async def terminate(execution: str, process: str) -> None:
        await asyncio.sleep(0)
        asked.append(execution)

    terminations = Terminations(terminate)
    terminations.add("x1", "p")
    terminations.settle_later()
    await terminations.settle()
    await terminations.settle()
    assert asked == ["x1"]
    assert terminations.owed == {}


async def test_an_execution_that_is_gone_is_not_owed() -> None:
    async with PromptZoe() as zoe:
        spawner: Any = make_spawner(zoe)
        spawner.load_state({"zoe": {"owed": {"vanished": "p"}}})
        await until(lambda: spawner.get_state() == {})
