"""What somebody who asks before, or while, waiting is told."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from tests.backends.fakes import InstantBackend
from tests.composition.examples import zapp
from zoe_hub.composition import compose
from zoe_hub.controller.executions import LiveExecutions
from zoe_hub.controller.outlooks import Outlooks
from zoe_hub.controller.scheduling import default_scheduler
from zoe_hub.model.execution import ExecutionState
from zoe_hub.model.outlook import Outlook
from zoe_hub.model.plan import Plan
from zoe_hub.model.resources import Node, Resources
from zoe_hub.scheduler.scheduler import Scheduler
from zoe_hub.store.base import Submission

from .conftest import FRAMEWORKS, World

RUNNING = ExecutionState.RUNNING


@pytest.fixture
async def backend() -> InstantBackend:
    return InstantBackend(Resources(cpu=2.5, memory=64 * 2**30))


@pytest.fixture
def outlooks(world: World) -> Outlooks:
    """Of a service that does not lead: it has the store, and an engine that was never opened."""

    async def nodes() -> Sequence[Node]:
        return await InstantBackend(Resources(cpu=2.5, memory=64 * 2**30)).nodes()

    return Outlooks(LiveExecutions(world.store), nodes, default_scheduler, time.time)


def plan(workers: int) -> Plan:
    return compose(zapp(), {"workers": workers}, FRAMEWORKS)


async def test_before_anything_runs_it_starts_now(world: World, outlooks: Outlooks) -> None:
    assert await outlooks.of_plan("alice", plan(2)) == Outlook(
        now=True, granted={"cluster.master": 1, "cluster.worker": 2}
    )


async def test_it_says_with_how_much_it_would_start(world: World, outlooks: Outlooks) -> None:
    found = await outlooks.of_plan("alice", plan(4))
    assert found.now
    assert found.granted["cluster.worker"] == 2
    assert found.reason.startswith("2 of 4 workers: no room for 2 more (1 CPU")


async def test_who_would_wait_is_told_for_what_and_behind_how_many(running: World, outlooks: Outlooks) -> None:
    await running.state(await running.submit(workers=1), RUNNING)
    await running.state(await running.submit(workers=1), RUNNING)
    found = await outlooks.of_plan("alice", plan(1))
    assert (found.now, found.ahead, found.reason) == (False, 0, "waits for 1 CPU on one node")
    waiting = await running.submit(workers=1)
    found = await outlooks.of_plan("alice", plan(1))
    assert (found.now, found.ahead, found.reason) == (False, 1, "waits for 1 CPU on one node; 1 ahead of you")
    assert await outlooks.of_waiting(await running.store.list()) == {
        waiting.id: Outlook(now=False, reason="waits for 1 CPU on one node")
    }


async def test_asking_stores_nothing(world: World, outlooks: Outlooks) -> None:
    await outlooks.of_plan("alice", plan(2))
    assert await world.store.list() == []
    assert await world.store.last_seq() == 0


async def test_where_the_ends_of_others_are_known_the_wait_is_told_in_minutes(
    running: World, outlooks: Outlooks
) -> None:
    for expected in (900, 600):
        execution, _ = await running.store.submit(Submission("alice", plan(1), {"workers": 1}, expected=expected))
        await running.state(execution, RUNNING)
    assert (await outlooks.of_plan("alice", plan(1))).wait == 600
    first, _ = await running.store.submit(Submission("alice", plan(1), {"workers": 1}))
    second, _ = await running.store.submit(Submission("bob", plan(1), {"workers": 1}))
    found = await outlooks.of_waiting(await running.store.list())
    assert [found[execution.id].wait for execution in (first, second)] == [600, 900]
    assert (await outlooks.of_plan("alice", plan(1))).wait is None


async def test_what_only_waits_to_be_looked_at_is_told_no_time(world: World, outlooks: Outlooks) -> None:
    waiting, _ = await world.store.submit(Submission("alice", plan(1), {"workers": 1}))
    assert await outlooks.of_waiting(await world.store.list()) == {
        waiting.id: Outlook(now=False, reason="waits for its turn")
    }


async def test_what_was_foreseen_for_one_is_not_there_for_the_next(running: World, outlooks: Outlooks) -> None:
    first = await running.state(await running.submit(workers=2), RUNNING)
    for _ in range(3):
        found = await outlooks.of_plan("alice", plan(1))
        assert (found.now, found.ahead, found.reason) == (
            False,
            0,
            "waits until what others give back is free; others will give back 1 worker",
        )
    await running.store.terminate(first.id, by="alice")
    await running.state(first, ExecutionState.TERMINATED)
    for _ in range(2):
        assert (await outlooks.of_plan("alice", plan(2))).now


async def test_what_is_kept_is_used_again_while_the_line_does_not_move(
    running: World, outlooks: Outlooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    await running.state(await running.submit(workers=1), RUNNING)
    await running.state(await running.submit(workers=1), RUNNING)
    made: list[Scheduler] = []

    def make() -> Scheduler:
        made.append(default_scheduler())
        return made[-1]

    monkeypatch.setattr(outlooks, "_make", make)
    for _ in range(5):
        assert not (await outlooks.of_plan("alice", plan(1))).now
    assert len(made) == 1
