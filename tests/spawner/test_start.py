"""One start, seen from the Hub: what it returns or raises, what the page is told, what is left behind."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tornado.web import HTTPError

from .fakes import (
    FailingZoe,
    FullZoe,
    PatientZoe,
    PromptServer,
    PromptZoe,
    QueueingZoe,
    ZoeBriefSpawner,
    ZoeMuteSpawner,
    ZoeUnwillingSpawner,
    make_spawner,
)
from .waiting import until


async def told(spawner: Any) -> list[str]:
    return [event["message"] async for event in spawner.progress()]


async def test_a_start_runs_the_server_as_part_of_an_execution() -> None:
    async with PromptZoe() as zoe:
        spawner = make_spawner(zoe, name="work")
        host, port = await spawner.start()
        assert host == "127.0.0.1"
        assert port > 0
        assert zoe.only["owner"] == "alice"
        assert zoe.only["attachment"] == {"server": "alice/work", "outlive": False}
        assert zoe.only["state"] == "running"
        assert zoe.reports == [("jupyter.server", "starting"), ("jupyter.server", "ready")]
        assert await spawner.poll() is None
        await spawner.stop()


async def test_nothing_chosen_starts_the_default() -> None:
    async with PromptZoe() as zoe:
        spawner = make_spawner(zoe, default_zapp="lab-cluster")
        await spawner.start()
        assert zoe.only["zapp"] == "lab-cluster"
        await spawner.stop()


async def test_every_stage_is_told_to_every_page() -> None:
    async with QueueingZoe() as zoe:
        spawner = make_spawner(zoe)
        spawner.user_options = {"zapp": "lab-cluster"}
        queued = asyncio.Event()

        async def read() -> list[str]:
            messages = []
            async for event in spawner.progress():
                messages.append(event["message"])
                if "CPU" in messages[-1]:
                    queued.set()
            return messages

        early = asyncio.create_task(read())
        start = asyncio.create_task(spawner.start())
        await queued.wait()
        zoe.admit(zoe.only)
        await start
        late = await told(spawner)
        assert await early == late
        assert late[0] == "Asking for Lab-Cluster"
        assert "1 CPU is free, 2 are needed" in late
        assert late.index("Admitted: there is room for it") < late.index("Jupyter server is starting")
        assert "Spark master is ready" in late
        assert "Jupyter server is ready" in late
        assert late[-1] == "All of it is ready"
        await spawner.stop()


async def test_the_bar_never_moves_backwards() -> None:
    async with PromptZoe() as zoe:
        spawner = make_spawner(zoe)
        await spawner.start()
        steps = [event["progress"] async for event in spawner.progress()]
        assert steps == sorted(steps)
        assert steps[-1] < 100
        await spawner.stop()


async def test_no_server_starts_before_admission() -> None:
    async with QueueingZoe() as zoe:
        spawner = make_spawner(zoe)
        start = asyncio.create_task(spawner.start())
        await until(lambda: zoe.executions and zoe.only["reason"])
        assert await spawner.poll() is None, "a server that is starting counts as running"
        assert not spawner.running
        zoe.admit(zoe.only)
        await start
        assert spawner.running
        await spawner.stop()


async def test_server_and_companions_start_side_by_side() -> None:
    async with PatientZoe() as zoe:
        spawner = make_spawner(zoe)
        spawner.user_options = {"zapp": "lab-cluster"}
        start = asyncio.create_task(spawner.start())
        await until(lambda: ("jupyter.server", "ready") in zoe.reports)
        assert not start.done(), "the start waits for the companions"
        zoe.finish(zoe.only)
        await start
        await spawner.stop()


async def test_failed_companions_take_the_server_with_them() -> None:
    async with FailingZoe() as zoe:
        spawner = make_spawner(zoe)
        spawner.user_options = {"zapp": "lab-cluster"}
        with pytest.raises(HTTPError) as caught:
            await spawner.start()
        assert caught.value.status_code < 500, "a Hub may end itself after some errors of its own"
        assert caught.value.jupyterhub_message == "Spark master could not be started: there is no Java"
        assert not spawner.running
        assert zoe.terminated == ["x1"]
        assert "Spark master has failed: there is no Java" in await told(spawner)


async def test_a_cancelled_start_leaves_nothing() -> None:
    async with QueueingZoe() as zoe:
        spawner = make_spawner(zoe)
        start = asyncio.create_task(spawner.start())
        await until(lambda: zoe.executions)
        start.cancel()
        with pytest.raises(asyncio.CancelledError):
            await start
        await spawner.stop()
        assert zoe.terminated == ["x1"]
        assert not spawner.running
        assert "zoe" not in spawner.get_state()


async def test_a_start_cancelled_while_its_companions_start_leaves_nothing() -> None:
    async with PatientZoe() as zoe:
        spawner = make_spawner(zoe)
        spawner.user_options = {"zapp": "lab-cluster"}
        start = asyncio.create_task(spawner.start())
        await until(lambda: spawner.running)
        start.cancel()
        with pytest.raises(asyncio.CancelledError):
            await start
        await spawner.stop()
        assert zoe.terminated == ["x1"]
        assert not spawner.running


async def test_a_start_cancelled_while_it_is_being_stored_is_ended_too() -> None:
    class SlowToAnswer(QueueingZoe):
        asked = asyncio.Event()

        def submit(self, body: dict[str, Any], key: str) -> dict[str, Any]:
            self.asked.set()
            return super().submit(body, key)

    async with SlowToAnswer() as zoe:
        spawner = make_spawner(zoe)
        start = asyncio.create_task(spawner.start())
        await zoe.asked.wait()
        start.cancel()
        with pytest.raises(asyncio.CancelledError):
            await start
        await spawner.stop()
        assert zoe.terminated == ["x1"]


async def test_a_cancelled_spawner_can_start_again() -> None:
    async with QueueingZoe() as zoe:
        spawner = make_spawner(zoe)
        start = asyncio.create_task(spawner.start())
        await until(lambda: zoe.executions)
        start.cancel()
        await asyncio.wait({start})
        spawner.clear_state()
        again = asyncio.create_task(spawner.start())
        await until(lambda: len(zoe.executions) == 2)
        zoe.admit(zoe.executions["x2"])
        await again
        assert zoe.terminated == ["x1"]
        await spawner.stop()


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (ZoeBriefSpawner, "Jupyter server ended with status 3 before it answered"),
        (ZoeMuteSpawner, "Jupyter server did not answer within 1 seconds"),
    ],
)
async def test_a_server_that_does_not_come_up_ends_its_companions(kind: Any, message: str) -> None:
    async with PromptZoe() as zoe:
        spawner = make_spawner(zoe, kind, http_timeout=1)
        with pytest.raises(HTTPError) as caught:
            await spawner.start()
        assert message in caught.value.jupyterhub_message
        assert zoe.terminated == ["x1"]
        assert not spawner.running


async def test_what_the_parent_class_raises_is_raised() -> None:
    async with PromptZoe() as zoe:
        with pytest.raises(OSError, match="no such program"):
            await make_spawner(zoe, ZoeUnwillingSpawner).start()
        assert zoe.terminated == ["x1"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"zapp": "nonsense"}, "There is no ZApp named 'nonsense'."),
        ({"zapp": "lab-cluster", "parameters": {"workers": 99}}, "workers: 99 is out of bounds"),
        ({"zapp": "lab-cluster", "parameters": {"wrokers": 2}}, "wrokers: there is no such parameter"),
        ({"colour": "red"}, "colour: is no user option"),
        ({"zapp": "cluster"}, "Cluster has no notebook of its own"),
        ({"parameters": "50% of it"}, "parameters: must be an object"),
    ],
)
async def test_options_are_refused_with_a_sentence_and_nothing_is_started(options: Any, sentence: str) -> None:
    async with PromptZoe() as zoe:
        spawner = make_spawner(zoe)
        spawner.user_options = options
        with pytest.raises(HTTPError) as caught:
            await spawner.start()
        assert caught.value.status_code == 400
        assert sentence in caught.value.jupyterhub_message
        assert not zoe.executions


async def test_a_start_beyond_a_quota_shows_the_sentence_and_nothing_is_started() -> None:
    async with FullZoe() as zoe:
        spawner = make_spawner(zoe)
        with pytest.raises(HTTPError) as caught:
            await spawner.start()
        assert caught.value.status_code == 409
        assert caught.value.jupyterhub_message == FullZoe.sentence
        assert getattr(caught.value, "reason", "zoe-quota") == "zoe-quota"
        assert not spawner.running
        assert not zoe.executions


async def test_with_the_service_away_a_start_says_so() -> None:
    zoe = PromptZoe()
    await zoe.start()
    await zoe.stop()
    with pytest.raises(HTTPError) as caught:
        await make_spawner(zoe).start()
    assert caught.value.status_code == 503
    assert "could not be reached" in caught.value.jupyterhub_message


async def test_what_an_earlier_start_of_this_server_left_is_ended_first() -> None:
    async with PromptZoe() as zoe:
        lost = make_spawner(zoe)
        await lost.start()  # the Hub died before it stored the spawner's state
        named = make_spawner(zoe, name="other")
        await named.start()
        spawner = make_spawner(zoe)
        await spawner.start()
        assert zoe.terminated == ["x1"], "the server of another name goes on"
        for each in (lost, named, spawner):
            await PromptServer.stop(each)


async def test_each_spawn_has_a_key_of_its_own() -> None:
    async with PromptZoe() as zoe:
        spawner = make_spawner(zoe)
        for _ in range(2):
            await spawner.start()
            assert spawner.get_state()["zoe"]["key"] == zoe.keys[-1]
            await spawner.stop()
        assert len(set(zoe.keys)) == 2


async def test_the_service_may_go_and_come_back_during_a_start() -> None:
    async with QueueingZoe() as zoe:
        spawner = make_spawner(zoe, zoe_patience=20.0)
        start = asyncio.create_task(spawner.start())
        await until(lambda: zoe.executions and zoe.only["reason"])
        await zoe.stop()
        await zoe.start()
        zoe.admit(zoe.only)
        await start
        assert len(zoe.executions) == 1
        await spawner.stop()
