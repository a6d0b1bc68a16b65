"""What the controller does when the store is away, and when something happens that nobody foresaw."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import pytest

from tests.store.writing import moved, stored
from zoe_hub.backends.base import Order
from zoe_hub.controller import controller as module
from zoe_hub.model.errors import LaunchFailed, ServiceUnavailable, StaleLease
from zoe_hub.model.execution import (
    Attachment,
    DesiredState,
    Execution,
    ExecutionState,
    InstanceState,
    InstanceStatus,
)
from zoe_hub.model.plan import Plan
from zoe_hub.model.resources import Resources
from zoe_hub.store.base import Submission
from zoe_hub.store.changes import Change, Granted, InstanceReported

from .conftest import NOTEBOOK, World

RUNNING = ExecutionState.RUNNING


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAUSE", 0.01)


def reported(changes: Sequence[Change]) -> set[InstanceState]:
    return {change.status.state for change in changes if isinstance(change, InstanceReported)}


async def test_a_change_reported_while_the_store_is_away_is_not_lost(
    running: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution = await running.state(await running.submit(), RUNNING)
    save = running.store.record
    refused: list[Sequence[Change]] = []

    async def away_at_first(changes: Sequence[Change]) -> Sequence[Change]:
        if len(refused) < 3:
            refused.append(changes)
            raise ServiceUnavailable("the disk is full")
        return await save(changes)

    monkeypatch.setattr(running.store, "record", away_at_first)
    running.backend.report(execution.id, "cluster.master", 0, InstanceState.RESTARTING)
    await running.state(execution, ExecutionState.DEGRADED)
    running.backend.report(execution.id, "cluster.master", 0, InstanceState.READY)
    await running.state(execution, RUNNING)


async def test_what_nobody_foresaw_ends_the_controller_and_is_not_swallowed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(changes: Sequence[Change]) -> Sequence[Change]:
        if any(isinstance(change, InstanceReported) for change in changes):
            raise RuntimeError("a bug")
        return await save(changes)

    save = world.store.record
    monkeypatch.setattr(world.store, "record", broken)
    await world.submit()
    with pytest.raises(RuntimeError, match="a bug"):
        await asyncio.wait_for(world.controller.run(), 10)


async def test_a_change_during_the_start_is_not_overwritten_by_what_was_before(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution = await world.submit(workers=0)
    first = asyncio.create_task(world.controller.run())
    await world.state(execution, RUNNING)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    world.backend.report(execution.id, "cluster.master", 0, InstanceState.STARTING)
    save = world.store.record
    saved = asyncio.Event()

    async def slow(changes: Sequence[Change]) -> Sequence[Change]:
        starting = InstanceState.STARTING in reported(changes)
        if starting:
            world.backend.report(execution.id, "cluster.master", 0, InstanceState.READY)
            await asyncio.sleep(0.1)
        refused = await save(changes)
        if starting:
            saved.set()
        return refused

    monkeypatch.setattr(world.store, "record", slow)
    second = asyncio.create_task(module.Controller(world.store, world.backend, world.secrets, prefix="/z/").run())
    await saved.wait()
    await world.until(execution, lambda e: e.instances[0].state is InstanceState.READY)
    await world.state(execution, RUNNING)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)


async def test_a_report_on_its_way_does_not_outlive_the_end(running: World, monkeypatch: pytest.MonkeyPatch) -> None:
    execution = await running.state(await running.submit(workers=0), RUNNING)
    save = running.store.record
    on_its_way, has_ended = asyncio.Event(), asyncio.Event()

    async def slow(changes: Sequence[Change]) -> Sequence[Change]:
        if InstanceState.PENDING in reported(changes):
            on_its_way.set()
            await has_ended.wait()
        return await save(changes)

    monkeypatch.setattr(running.store, "record", slow)
    running.backend.report(execution.id, "cluster.worker", 7, InstanceState.PENDING)
    await on_its_way.wait()
    await running.store.terminate(execution.id, by="alice")
    ended = await running.state(execution, ExecutionState.TERMINATED)
    seq = await running.store.last_seq()
    has_ended.set()
    other = await running.state(await running.submit(workers=0), RUNNING)
    assert (await running.store.get(execution.id)) == ended
    assert all(instance.state.ended for instance in ended.instances)
    assert {event.execution for event in await running.store.events(after=seq)} == {other.id}


async def test_a_plan_of_another_version_stops_nobody_else(world: World) -> None:
    queued, started, other = await world.submit(), await world.submit(memory="3 GiB"), await world.submit(workers=1)
    store = world.store
    await moved(store, started.id, ExecutionState.QUEUED, ExecutionState.STARTING)
    await moved(store, started.id, ExecutionState.STARTING, RUNNING)
    await stored(store, Granted(started.id, {"cluster.worker": 3}))
    read = store.list

    def unreadable(found: Execution) -> Execution:
        return found if found.id == other.id else found.model_copy(update={"plan": Plan.unreadable(found.zapp)})

    async def some_unreadable(**filters: Any) -> Sequence[Execution]:
        return [unreadable(found) for found in await read(**filters)]

    async def some_changed_unreadable(after: int) -> tuple[Sequence[Execution], int]:
        changed, seq = await read_changed(after)
        return [unreadable(found) for found in changed], seq

    read_changed = store.changed
    store.list = some_unreadable  # type: ignore[method-assign]
    store.changed = some_changed_unreadable  # type: ignore[method-assign]
    task = asyncio.create_task(world.controller.run())
    await world.state(other, RUNNING)
    failed = await world.state(queued, ExecutionState.FAILED)
    assert "another version of Zoe" in failed.reason
    left_alone = await world.until(started, lambda e: "goes on as it is" in e.reason)
    assert (left_alone.state, left_alone.granted) == (RUNNING, {"cluster.worker": 3})
    await store.terminate(started.id, by="alice")
    await world.state(started, ExecutionState.TERMINATED)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_who_queues_much_pushes_nobody_out_of_sight(world: World) -> None:
    first = await world.submit(workers=1)
    world.backend.report(first.id, "cluster.master", 0, InstanceState.READY)
    for _ in range(1000):
        await world.store.submit(Submission("bob", first.plan))
    await world.store.terminate(first.id, by="alice")
    task = asyncio.create_task(world.controller.run())
    await world.state(first, ExecutionState.TERMINATED)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_round_in_which_nothing_is_new_writes_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.backend.capacity = Resources(cpu=1.2, memory=64 * 2**30)
    execution = await world.submit(workers=5)
    waiting = await world.submit(workers=5)
    task = asyncio.create_task(world.controller.run())
    await world.state(execution, RUNNING)
    await world.until(execution, lambda e: bool(e.reason))
    await world.until(waiting, lambda e: bool(e.reason))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    async def refuse(work: object) -> None:
        raise AssertionError("a writing transaction")

    for _ in range(3):
        await world.controller.round()
    monkeypatch.setattr(world.store._database, "write", refuse)
    await world.controller.round()
    assert (await world.store.get(waiting.id)).state is ExecutionState.QUEUED


async def test_what_runs_is_kept_while_the_engine_takes_no_orders(
    running: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution = await running.state(await running.submit(workers=1), RUNNING)
    apply, refused = running.backend.apply, asyncio.Event()

    async def full(order: Order) -> None:
        refused.set()
        raise LaunchFailed("the order could not be written")

    with monkeypatch.context() as patched:
        patched.setattr(running.backend, "apply", full)
        await running.scale(execution, workers=3)
        await refused.wait()
        await running.controller.round()
    assert running.backend.apply == apply
    running.controller.wake()
    assert (await running.until(execution, lambda e: len(e.instances) == 4)).state is RUNNING
    with monkeypatch.context() as patched:
        patched.setattr(running.backend, "apply", full)
        failed = await running.state(await running.submit(), ExecutionState.FAILED)
    assert failed.reason == "the order could not be written"


async def test_a_bug_in_one_execution_stops_no_other(running: World, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = await running.submit(label="bad")
    whole = module.Controller._order

    async def broken(self: module.Controller, execution: Execution) -> list[Change]:
        if execution.id == bad.id:
            raise KeyError("a bug")
        return await whole(self, execution)

    monkeypatch.setattr(module.Controller, "_order", broken)
    good = await running.submit(label="good")
    await running.state(good, RUNNING)
    monkeypatch.undo()
    await running.state(bad, RUNNING)


async def test_clusters_of_a_server_that_came_again_stay_while_the_old_one_is_still_going(
    running: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Attachment(server="alice/")
    old = await running.submit(NOTEBOOK, attachment=here)
    ready = InstanceStatus(execution=old.id, process="notebook.server", ordinal=0, state=InstanceState.READY)
    await stored(running.store, InstanceReported(ready))
    await running.state(old, RUNNING)
    removed, may_go = running.backend.remove, asyncio.Event()

    async def slowly(execution: str) -> None:
        await may_go.wait()
        await removed(execution)

    monkeypatch.setattr(running.backend, "remove", slowly)
    await running.store.terminate(old.id, by="alice")
    await running.state(old, ExecutionState.STOPPING)
    fresh = await running.submit(attachment=here)
    await running.state(fresh, RUNNING)
    may_go.set()
    await running.state(old, ExecutionState.TERMINATED)
    await running.controller.round()
    assert (await running.store.get(fresh.id)).desired is DesiredState.RUNNING


async def test_that_another_service_leads_is_no_error_of_taking_away(
    running: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked = asyncio.Event()

    async def refused(execution: str) -> None:
        asked.set()
        raise StaleLease("Another Zoe service leads now.")

    execution = await running.state(await running.submit(), ExecutionState.RUNNING)
    monkeypatch.setattr(running.backend, "remove", refused)
    await running.store.terminate(execution.id, by="alice")
    await asyncio.wait_for(asked.wait(), 20)
    await running.state(execution, ExecutionState.STOPPING)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_start_while_the_store_is_away_waits_for_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    execution = await world.submit()
    read, refused = world.store.list, asyncio.Event()

    async def away(**filters: Any) -> Sequence[Execution]:
        refused.set()
        raise ServiceUnavailable("the disk is full")

    monkeypatch.setattr(world.store, "list", away)
    task = asyncio.create_task(world.controller.run())
    await refused.wait()
    monkeypatch.setattr(world.store, "list", read)
    await world.state(execution, RUNNING)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_who_leads_no_more_sweeps_no_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(execution: str) -> None:
        raise StaleLease("Another Zoe service leads now.")

    world.backend.report("gone", "cluster.master", 0, InstanceState.READY)
    monkeypatch.setattr(world.backend, "remove", refused)
    with pytest.raises(StaleLease):
        await world.controller.run()
