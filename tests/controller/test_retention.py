"""What need not be kept is deleted, wherever the one who deletes is killed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from tests.backends.fakes import InstantBackend
from zoe_hub.controller.retention import Retention
from zoe_hub.model.errors import StaleLease, UnknownName
from zoe_hub.model.execution import Execution, ExecutionState

from .conftest import World

KEPT_FOR_A_MOMENT = 1e-9
"""Days."""


async def ended(world: World) -> Execution:
    execution = await world.submit()
    await world.state(execution, ExecutionState.RUNNING)
    await world.store.terminate(execution.id, by="alice")
    world.controller.wake()
    return await world.state(execution, ExecutionState.TERMINATED)


def logs(backend: InstantBackend) -> set[str]:
    return {execution for execution, _, _ in backend.output}


async def test_logs_go_first_and_then_the_execution(running: World) -> None:
    gone, live = await ended(running), await running.submit()
    await running.state(live, ExecutionState.RUNNING)
    retention = Retention(running.store, running.backend, days=KEPT_FOR_A_MOMENT, most=0, grace=0)
    assert logs(running.backend) == {gone.id, live.id}
    assert await retention.look() == 1
    assert logs(running.backend) == {live.id}
    with pytest.raises(UnknownName):
        await running.store.get(gone.id)
    assert [execution.id for execution in await running.store.list()] == [live.id]
    assert await retention.look() == 0


async def test_nothing_goes_where_all_is_kept(running: World) -> None:
    execution = await ended(running)
    assert await Retention(running.store, running.backend, days=0, most=0).look() == 0
    assert await Retention(running.store, running.backend, days=1, most=1).look() == 0
    assert (await running.store.get(execution.id)).state is ExecutionState.TERMINATED


async def test_the_newest_are_kept_up_to_a_number(running: World) -> None:
    several = [await ended(running) for _ in range(4)]
    assert await Retention(running.store, running.backend, days=0, most=1, grace=0).look() == 3
    assert [execution.id for execution in await running.store.list()] == [several[-1].id]


async def test_what_has_just_ended_stays_until_it_was_heard_of(running: World) -> None:
    await ended(running)
    assert await Retention(running.store, running.backend, days=KEPT_FOR_A_MOMENT, most=0).look() == 0


class Killed(BaseException):
    pass


@pytest.mark.parametrize("after", ["forget", "dispose", "tidy"])
async def test_killed_anywhere_it_goes_on(running: World, monkeypatch: pytest.MonkeyPatch, after: str) -> None:
    for _ in range(3):
        await ended(running)
    place = running.backend if after == "forget" else running.store
    work = getattr(place, after)

    async def last(*args: object, **kwargs: object) -> None:
        await work(*args, **kwargs)
        raise Killed

    retention = Retention(running.store, running.backend, days=KEPT_FOR_A_MOMENT, most=0, grace=0)
    with monkeypatch.context() as patch:
        patch.setattr(place, after, last)
        with pytest.raises(Killed):
            await retention.look()
    await retention.look()
    assert await running.store.list() == []
    assert await running.store.events() == []
    assert not running.backend.output
    assert await running.store.tidy(limit=10) == 0


async def test_what_cannot_be_deleted_stops_nothing_else(running: World, monkeypatch: pytest.MonkeyPatch) -> None:
    stuck, other = await ended(running), await ended(running)
    forget = running.backend.forget

    async def busy(execution: str) -> None:
        if execution == stuck.id:
            raise OSError("Device or resource busy")
        await forget(execution)

    with monkeypatch.context() as patch:
        patch.setattr(running.backend, "forget", busy)
        assert await Retention(running.store, running.backend, days=KEPT_FOR_A_MOMENT, most=0, grace=0).look() == 1
        assert [execution.id for execution in await running.store.list()] == [stuck.id]
        assert logs(running.backend) == {stuck.id}
    assert other.id not in logs(running.backend)
    assert await Retention(running.store, running.backend, days=KEPT_FOR_A_MOMENT, most=0, grace=0).look() == 1


async def test_who_leads_no_more_deletes_nothing(running: World) -> None:
    execution = await ended(running)
    lost = await running.store.acquire("one", 0)
    assert lost is not None
    assert await running.store.acquire("other", 600) is not None
    retention = Retention(running.store.led_by(lost), running.backend, days=KEPT_FOR_A_MOMENT, most=0, grace=0)
    with pytest.raises(StaleLease):
        await asyncio.wait_for(retention.run(), 20)
    found: Sequence[Execution] = await running.store.list()
    assert [each.id for each in found] == [execution.id]


async def test_a_forgotten_owner_leaves_nothing(running: World) -> None:
    old, live = await ended(running), await running.submit()
    await running.state(live, ExecutionState.RUNNING)
    await running.store.forget_owner("alice", by="admin")
    running.controller.wake()
    await running.state(live, ExecutionState.TERMINATED)
    assert await Retention(running.store, running.backend, days=30, most=100, grace=0).look() == 2
    assert await running.store.list() == []
    assert not running.backend.output
    assert old.id != live.id
