"""What is held of live executions is what the database says."""

from __future__ import annotations

import pytest

from tests.store.writing import moved
from zoe_hub.controller.executions import LiveExecutions
from zoe_hub.model.errors import ServiceUnavailable
from zoe_hub.model.execution import ExecutionState

from .conftest import World

QUEUED, STARTING, TERMINATED = ExecutionState.QUEUED, ExecutionState.STARTING, ExecutionState.TERMINATED


async def test_what_was_deleted_since_the_last_look_is_not_held_for_ever(world: World) -> None:
    gone, stays = await world.submit(), await world.submit()
    held = LiveExecutions(world.store)
    await held.refresh()
    await moved(world.store, gone.id, QUEUED, TERMINATED)
    await world.store.dispose([gone.id])
    await moved(world.store, stays.id, QUEUED, STARTING)
    assert await held.refresh() == {stays.id}
    assert [(each.id, each.state) for each in held.all()] == [(stays.id, STARTING)]
    assert await held.refresh() == set()


async def test_a_look_that_failed_half_way_misses_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    execution = await world.submit()
    held = LiveExecutions(world.store)
    await held.refresh()
    await moved(world.store, execution.id, QUEUED, STARTING)

    async def away() -> int:
        raise ServiceUnavailable("the disk is full")

    with monkeypatch.context() as context:
        context.setattr(world.store, "deleted_seq", away)
        with pytest.raises(ServiceUnavailable):
            await held.refresh()
    assert await held.refresh() == {execution.id}
