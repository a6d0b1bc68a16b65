"""What the scheduler decides, on its way into the store and to the engine, and what is told about it."""

from __future__ import annotations

import asyncio

import pytest

from tests.backends.fakes import InstantBackend, SlowToDrainBackend
from zoe_hub.controller import steps
from zoe_hub.controller.controller import Controller
from zoe_hub.controller.scheduling import Scheduling, default_scheduler
from zoe_hub.model.errors import ServiceUnavailable
from zoe_hub.model.events import EventKind
from zoe_hub.model.execution import Execution, ExecutionState, InstanceState
from zoe_hub.model.plan import Plan
from zoe_hub.model.quotas import Limits, Quotas
from zoe_hub.model.resources import Resources
from zoe_hub.scheduler.allowances import Rules
from zoe_hub.scheduler.quotas import InForce
from zoe_hub.store.changes import Explained, Granted

from .conftest import World

RUNNING, QUEUED, TERMINATED = ExecutionState.RUNNING, ExecutionState.QUEUED, ExecutionState.TERMINATED
WORKER = "cluster.worker"


@pytest.fixture
async def backend() -> SlowToDrainBackend:
    # A master takes 0.1 CPU, a worker 1: room for four masters and six workers.
    return SlowToDrainBackend(Resources(cpu=6.4, memory=64 * 2**30))


def workers(execution: Execution) -> int:
    return execution.granted[WORKER]


def there(execution: Execution) -> int:
    return sum(i.process == WORKER and not i.state.ended for i in execution.instances)


async def told(world: World, execution: Execution) -> list[tuple[int, str]]:
    """Grants of workers and their reasons, in their order."""
    return [
        (event.data["granted"][WORKER], event.data["reason"])
        for event in await world.store.events(execution=execution.id)
        if event.kind is EventKind.EXECUTION_GRANTED
    ]


async def first_with_all(world: World) -> Execution:
    first = await world.state(await world.submit(workers=6), RUNNING)
    return await world.until(first, lambda e: there(e) == 6)


async def test_a_core_takes_elastic_room_and_starts_when_it_is_free(
    running: World, backend: SlowToDrainBackend
) -> None:
    first = await first_with_all(running)
    second = await running.submit(workers=1)
    shrunk = await running.until(first, lambda e: workers(e) == 5)
    assert shrunk.reason == "5 of 6 workers: 1 given back so that another application could start"
    waiting = await running.until(second, lambda e: "gave back" in e.reason)
    assert waiting.reason == "waits until what others give back is free; others gave back 1 worker"
    await running.until(first, lambda e: any(i.state is InstanceState.DRAINING for i in e.instances))
    # However often it is asked, as long as the worker is there.
    for _ in range(3):
        await running.controller.round()
    assert (await running.store.get(second.id)).state is QUEUED
    assert backend.draining == [(first.id, WORKER, 5)]
    backend.let_go()
    await running.state(second, RUNNING)
    assert (await running.store.get(first.id)).state is RUNNING


async def test_what_was_given_back_comes_back_with_the_end_of_the_other(
    running: World, backend: SlowToDrainBackend
) -> None:
    first = await first_with_all(running)
    second = await running.submit(workers=1)
    await running.until(first, lambda e: any(i.state is InstanceState.DRAINING for i in e.instances))
    backend.let_go()
    await running.state(second, RUNNING)
    await running.store.terminate(second.id, by="alice")
    grown = await running.until(first, lambda e: there(e) == 6 and not e.reason)
    assert grown.state is RUNNING
    assert await told(running, first) == [
        (6, ""),
        (5, "5 of 6 workers: 1 given back so that another application could start"),
        (6, "6 of 6 workers: 1 more, as there is room again"),
    ]


async def test_who_asks_for_another_size_hears_of_it_from_the_execution_only(running: World) -> None:
    first = await first_with_all(running)
    await running.scale(first, workers=9)
    short = await running.until(first, lambda e: bool(e.reason))
    assert short.reason.startswith("6 of 9 workers: no room for 3 more (1 CPU")
    await running.scale(first, workers=3)
    await running.until(first, lambda e: workers(e) == 3 and not e.reason)
    assert await told(running, first) == [(6, ""), (3, "")]


async def test_a_reason_outlasts_a_disturbance(running: World) -> None:
    first = await running.state(await running.submit(workers=9), RUNNING)
    why = (await running.until(first, lambda e: bool(e.reason) and there(e) == 6)).reason
    running.backend.report(first.id, "cluster.master", 0, InstanceState.RESTARTING)
    await running.state(first, ExecutionState.DEGRADED)
    running.backend.report(first.id, "cluster.master", 0, InstanceState.READY, restarts=1)
    back = await running.until(first, lambda e: e.state is RUNNING and bool(e.reason))
    assert back.reason == why


async def test_who_comes_next_keeps_to_what_is_still_going(world: World, backend: SlowToDrainBackend) -> None:
    task = asyncio.create_task(world.controller.run())
    first = await first_with_all(world)
    second = await world.submit(workers=1)
    why = (await world.until(first, lambda e: len(backend.draining) == 1 and bool(e.reason))).reason
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    successor = Controller(world.store, world.backend, world.secrets, prefix="/z/", interval=1)
    task = asyncio.create_task(successor.run())
    third = await world.submit(workers=1)
    await world.until(third, lambda e: bool(e.reason))
    assert {(await world.store.get(e.id)).state for e in (second, third)} == {QUEUED}
    assert workers(await world.store.get(first.id)) == 4
    await world.until(first, lambda e: len(backend.draining) == 2)
    backend.let_go(1)
    await world.state(second, RUNNING)
    assert (await world.store.get(third.id)).state is QUEUED
    backend.let_go()
    await world.state(third, RUNNING)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert why == "5 of 6 workers: 1 given back so that another application could start"


async def test_who_comes_next_makes_smaller_what_was_asked_to_be(world: World, backend: SlowToDrainBackend) -> None:
    """Whoever led before died after the wish was stored, and before anything came of it."""
    task = asyncio.create_task(world.controller.run())
    first = await first_with_all(world)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await world.scale(first, workers=2)
    successor = Controller(world.store, world.backend, world.secrets, prefix="/z/", interval=1)
    task = asyncio.create_task(successor.run())
    smaller = await world.until(first, lambda e: workers(e) == 2)
    await world.until(first, lambda e: len(backend.draining) == 4)
    second = await world.submit(workers=4)
    await world.until(second, lambda e: bool(e.reason))
    assert (await world.store.get(second.id)).state is QUEUED, "what drains holds its room"
    backend.let_go()
    await world.until(first, lambda e: there(e) == 2)
    await world.until(second, lambda e: e.granted.get(WORKER) == 4)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert smaller.state is RUNNING


async def test_what_could_not_be_stored_is_decided_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await world.submit(workers=6)
    record = world.store.record

    async def away(changes: object) -> None:
        raise ServiceUnavailable("The database is away.")

    monkeypatch.setattr(world.store, "record", away)
    with pytest.raises(ServiceUnavailable):
        await world.controller.round()
    monkeypatch.setattr(world.store, "record", record)
    await world.controller.round()
    assert workers(await world.store.get(first.id)) == 6


async def test_a_round_in_which_nothing_is_new_decides_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.submit(workers=2)
    for _ in range(5):
        await world.controller.round()
    asked: list[float] = []
    monkeypatch.setattr("zoe_hub.scheduler.scheduler.Scheduler.decide", lambda _, now: asked.append(now) or [])
    for _ in range(3):
        await world.controller.round()
    assert asked == []


async def test_of_a_long_line_only_the_first_are_told_of_each_move(running: World) -> None:
    first = await running.state(await running.submit(workers=1), RUNNING)
    for _ in range(4):
        await running.state(await running.submit(workers=1), RUNNING)
    line = [await running.submit(workers=1) for _ in range(12)]
    last = await running.until(line[-1], lambda e: bool(e.reason))
    assert last.reason == "waits for 1 CPU on one node; 11 ahead of you"
    await running.store.terminate(first.id, by="alice")
    await running.state(line[0], RUNNING)
    await running.until(line[1], lambda e: e.reason == "waits for 1 CPU on one node")
    await running.until(line[10], lambda e: e.reason.endswith("; 9 ahead of you"))
    assert (await running.store.get(line[11].id)).reason.endswith("; 11 ahead of you")


async def test_who_is_in_several_groups_has_the_largest_weight_of_them(world: World) -> None:
    execution = await world.submit(workers=1)
    weights = {"staff": 2.0, "guests": 0.5}
    for groups, weight in (((), 1.0), (("guests",), 0.5), (("guests", "staff", "others"), 2.0)):
        assert steps.request(execution.model_copy(update={"groups": groups}), weights).weight == weight


class TestInstant:
    @pytest.fixture
    async def backend(self) -> InstantBackend:
        return InstantBackend(Resources(cpu=6.4, memory=64 * 2**30))

    async def test_interactive_work_comes_before_batch(self, running: World) -> None:
        from tests.composition.examples import zapp

        await running.state(await running.submit(workers=1), RUNNING)
        full = [await running.state(await running.submit(workers=1), RUNNING) for _ in range(4)]
        batch = await running.submit(zapp(category="batch"), workers=1)
        interactive = await running.submit(workers=1)
        await running.until(batch, lambda e: e.reason == "waits for 1 CPU on one node; 1 ahead of you")
        await running.store.terminate(full[0].id, by="alice")
        await running.state(interactive, RUNNING)
        assert (await running.store.get(batch.id)).state is QUEUED


async def test_a_worker_that_is_asked_for_later_waits_in_line_with_a_reason(
    running: World, backend: SlowToDrainBackend
) -> None:
    full = await first_with_all(running)
    grown = await running.state(await running.submit(workers=0), RUNNING)
    await running.scale(grown, workers=1)
    waiting = await running.until(grown, lambda e: "gave back" in e.reason)
    assert waiting.reason == ("0 of 1 worker: waits until what others give back is free; others gave back 1 worker")
    for _ in range(3):
        await running.controller.round()
    waiting = await running.store.get(grown.id)
    assert (workers(waiting), there(waiting), waiting.state) == (0, 0, RUNNING)
    backend.let_go()
    assert (await running.until(grown, lambda e: there(e) == 1)).state in (RUNNING, ExecutionState.DEGRADED)
    assert workers(await running.store.get(full.id)) == 5


async def test_what_runs_by_a_lost_plan_keeps_its_room_and_its_quota(running: World) -> None:
    full = await first_with_all(running)
    holds = Resources(cpu=6.1, memory=13 * 2**30), 7
    lost = full.model_copy(update={"plan": Plan.unreadable(full.zapp), "holds": holds})
    waiting = await running.store.get((await running.submit(workers=1)).id)
    waiting = waiting.model_copy(update={"state": QUEUED, "granted": {}})
    scheduling = Scheduling(default_scheduler)
    nodes = await running.backend.nodes()
    rules = Rules(Quotas(apiVersion="zoe/v1", kind="Quotas", everybody=Limits(cpu=6.5)))
    scheduling.update([lost, waiting], nodes, 0.0, quotas=InForce(rules))
    (change,) = scheduling.decide(0.0)
    assert isinstance(change, Explained)
    assert change.execution == waiting.id
    assert "quota of 6.5 CPU is used by" in change.reason
    assert scheduling.cluster.room.free[0].cpu == 300
    scheduling.update([waiting], nodes, 1.0)
    assert {change.execution for change in scheduling.decide(1.0)} == {waiting.id}
    assert scheduling.cluster.applications[waiting.id].served


async def test_a_quota_is_told_as_it_is_now(running: World) -> None:
    """Not as it was when the workers were taken back: a limit may change, and what others use, with no decision."""
    full = await first_with_all(running)
    scheduling, nodes = Scheduling(default_scheduler), await running.backend.nodes()

    def told(cpu: float | None, now: float) -> list[str]:
        rules = Rules(Quotas(apiVersion="zoe/v1", kind="Quotas", everybody=Limits(cpu=cpu)))
        scheduling.update([full], nodes, now, quotas=InForce(rules))
        return [change.reason for change in scheduling.decide(now) if isinstance(change, (Explained, Granted))]

    first = told(3.2, 0.0)
    assert first[0].startswith("3 of 6 workers: Your quota of 3.2 CPU is used by")
    raised = told(3.6, 1.0)
    assert raised[-1].startswith("3 of 6 workers: Your quota of 3.6 CPU is used by")
    gone = told(None, 2.0)
    assert "quota" not in gone[-1]
