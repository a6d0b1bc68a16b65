"""What is held of live executions is what the database says."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timezone

import pytest

from tests.store.writing import moved
from zoe_hub.controller.executions import LiveExecutions
from zoe_hub.model.errors import ServiceUnavailable
from zoe_hub.model.execution import Execution, ExecutionState

from .conftest import World

QUEUED, STARTING, TERMINATED = ExecutionState.QUEUED, ExecutionState.STARTING, ExecutionState.TERMINATED


async def test_what_was_deleted_since_the_last_look_is_not_held_for_ever(world: World) -> None:
    gone, stays = await world.submit(), await world.submit()
    held = LiveExecutions(world.store)
    await held.refresh()
    news = held.news()
    news.take()
    await moved(world.store, gone.id, QUEUED, TERMINATED)
    await world.store.dispose([gone.id])
    await moved(world.store, stays.id, QUEUED, STARTING)
    await held.refresh()
    assert news.take() == {stays.id}
    assert [(each.id, each.state) for each in held.all()] == [(stays.id, STARTING)]
    await held.refresh()
    assert news.take() == set()


async def test_a_look_that_failed_half_way_misses_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    execution = await world.submit()
    held = LiveExecutions(world.store)
    await held.refresh()
    news = held.news()
    news.take()
    await moved(world.store, execution.id, QUEUED, STARTING)

    async def away() -> int:
        raise ServiceUnavailable("the disk is full")

    with monkeypatch.context() as context:
        context.setattr(world.store, "deleted_seq", away)
        with pytest.raises(ServiceUnavailable):
            await held.refresh()
    await held.refresh()
    assert news.take() == {execution.id}


async def test_each_reader_hears_of_every_change_whoever_refreshes(world: World) -> None:
    first = await world.submit()
    held = LiveExecutions(world.store)
    before = held.news()
    await held.refresh()
    after = held.news()
    assert (before.take(), after.take()) == ({first.id}, {first.id})
    second, third = await world.submit(), await world.submit()
    await held.refresh()
    assert before.take() == {second.id, third.id}
    await moved(world.store, second.id, QUEUED, TERMINATED)
    await moved(world.store, first.id, QUEUED, STARTING)
    await held.refresh()
    assert before.take() == {first.id}
    assert after.take() == {first.id, third.id}, "of what has ended, nothing is to be done any more"
    assert (before.take(), after.take()) == (set(), set())


async def test_two_who_refresh_at_once_read_a_change_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    held = LiveExecutions(world.store)
    await held.refresh()
    news, changed, asked = held.news(), world.store.changed, []

    async def counted(after: int) -> tuple[Sequence[Execution], int]:
        answer = await changed(after)
        asked.append(len(answer[0]))
        return answer

    monkeypatch.setattr(world.store, "changed", counted)
    execution = await world.submit()
    await asyncio.gather(held.refresh(), held.refresh())
    assert asked == [1, 0]
    assert news.take() == {execution.id}


async def test_who_begins_anew_believes_nothing_of_what_was_held(world: World) -> None:
    execution = await world.submit()
    held = LiveExecutions(world.store)
    await held.refresh()
    news = held.news()
    news.take()
    held._live.clear()  # as if something had gone wrong
    held.forget()
    await held.refresh()
    assert [each.id for each in held.all()] == [execution.id]
    assert news.take() == {execution.id}


async def test_when_it_last_worked_is_read_though_no_event_tells(world: World) -> None:
    execution = await world.submit()
    held = LiveExecutions(world.store)
    await held.refresh()
    version = held.version
    moment = datetime(2026, 1, 1, tzinfo=timezone.utc)
    await world.store.note_activity(execution.id, moment, "7 jobs")
    await held.reread(execution.id)
    found = held.get(execution.id)
    assert found is not None
    assert (found.life.last_active, found.life.mark) == (moment, "7 jobs")
    assert held.version == version


async def test_they_are_told_in_the_order_of_their_submission_whichever_changed_last(world: World) -> None:
    first, second = await world.submit(), await world.submit()
    held = LiveExecutions(world.store)
    await held.refresh()
    assert [each.id for each in held.all()] == [first.id, second.id]
    third = await world.submit()
    await moved(world.store, first.id, QUEUED, STARTING)
    await held.refresh()
    assert [(each.id, each.state) for each in held.all()] == [
        (first.id, STARTING),
        (second.id, QUEUED),
        (third.id, QUEUED),
    ]
    await moved(world.store, second.id, QUEUED, TERMINATED)
    await held.refresh()
    assert [each.id for each in held.all()] == [first.id, third.id]
