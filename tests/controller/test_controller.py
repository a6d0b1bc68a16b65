from __future__ import annotations

import asyncio

import pytest

from tests.backends.fakes import InstantBackend, SlowToStartBackend
from tests.composition.examples import zapp
from tests.store.writing import stored
from zoe_hub.controller.controller import Controller
from zoe_hub.model.events import EventKind
from zoe_hub.model.execution import Attachment, ExecutionState, InstanceState, InstanceStatus
from zoe_hub.model.resources import Resources
from zoe_hub.store.changes import InstanceReported

from .conftest import NOTEBOOK, World

RUNNING, TERMINATED = ExecutionState.RUNNING, ExecutionState.TERMINATED


async def test_a_submission_runs_and_its_story_is_told_in_order(running: World) -> None:
    execution = await running.state(await running.submit(workers=3), RUNNING)
    assert execution.granted == {"cluster.master": 1, "cluster.worker": 3}
    await running.until(execution, lambda e: len(e.instances) == 4)
    moves = [
        (event.data["before"], event.data["after"])
        for event in await running.store.events(execution=execution.id)
        if event.kind is EventKind.EXECUTION_STATE_CHANGED
    ]
    assert moves == [("queued", "starting"), ("starting", "running")]


async def test_a_process_waits_for_what_it_comes_after(running: World) -> None:
    await running.state(await running.submit(), RUNNING)
    assert running.backend.applied[0].template.key == "cluster.master"
    worker = next(order for order in running.backend.applied if order.template.key == "cluster.worker")
    host, _, port = worker.template.command[2].partition(":")
    assert host == running.backend.host
    assert port.isdigit()


async def test_orders_say_which_addresses_of_others_they_tell(running: World) -> None:
    await running.state(await running.submit(), RUNNING)
    told = {order.template.key: order.addresses for order in running.backend.applied}
    assert told["cluster.master"] == {}
    assert sorted(told["cluster.worker"]) == ["master.host", "master.port.rpc"]


async def test_orders_carry_the_secret_and_leave_the_engine_what_only_it_knows(running: World) -> None:
    execution = await running.state(await running.submit(label="a$b"), RUNNING)
    master = running.backend.applied[0].template
    token = running.secrets.token(execution.id, "cluster", "auth")
    assert master.files[0].content == f"secret {token}\nlabel a$$b\n"
    assert master.command == ("run", "--port", "${self.port.rpc}")


async def test_scaling_up_and_down(running: World) -> None:
    execution = await running.state(await running.submit(workers=2), RUNNING)
    await running.scale(execution, workers=5)
    await running.until(execution, lambda e: len(e.instances) == 6)
    await running.scale(execution, workers=1)
    left = await running.until(execution, lambda e: len(e.instances) == 2)
    assert left.state is RUNNING
    assert {(i.process, i.ordinal) for i in left.instances} == {("cluster.master", 0), ("cluster.worker", 0)}


async def test_termination_takes_everything_away(running: World) -> None:
    execution = await running.state(await running.submit(), RUNNING)
    await running.store.terminate(execution.id, by="alice")
    ended = await running.state(execution, TERMINATED)
    assert ended.ended is not None
    assert all(instance.state.ended for instance in ended.instances)
    assert await running.backend.instances() == []


async def test_what_was_never_admitted_ends_without_the_engine(world: World) -> None:
    execution = await world.submit()
    await world.store.terminate(execution.id, by="alice")
    await world.controller.round()
    assert (await world.store.get(execution.id)).state is TERMINATED
    assert world.backend.applied == []


async def test_a_core_instance_that_dies_degrades_until_it_is_back(running: World) -> None:
    execution = await running.state(await running.submit(), RUNNING)
    running.backend.report(execution.id, "cluster.master", 0, InstanceState.RESTARTING)
    degraded = await running.state(execution, ExecutionState.DEGRADED)
    assert degraded.reason == "cluster.master 0 is restarting"
    running.backend.report(execution.id, "cluster.master", 0, InstanceState.READY, restarts=1)
    assert (await running.state(execution, RUNNING)).reason == ""


async def test_an_elastic_instance_that_dies_changes_nothing(running: World) -> None:
    execution = await running.state(await running.submit(workers=3), RUNNING)
    await running.until(execution, lambda e: len(e.instances) == 4)
    running.backend.give_up(execution.id, "cluster.worker", 2)
    await running.until(execution, lambda e: any(i.state is InstanceState.FAILED for i in e.instances))
    await running.controller.round()
    assert (await running.store.get(execution.id)).state is RUNNING


async def test_scaling_down_to_the_core_keeps_one_that_lives_where_the_first_was_given_up(running: World) -> None:
    execution = await running.state(await running.submit(workers=3), RUNNING)
    await running.until(execution, lambda e: len(e.instances) == 4)
    running.backend.give_up(execution.id, "cluster.worker", 0)
    await running.until(execution, lambda e: any(i.state is InstanceState.FAILED for i in e.instances))
    await running.scale(execution, workers=1)
    left = await running.until(execution, lambda e: len(e.instances) == 3)
    assert left.state is RUNNING
    assert [(i.ordinal, i.state) for i in left.instances if i.process == "cluster.worker"] == [
        (0, InstanceState.FAILED),
        (1, InstanceState.READY),
    ]
    running.backend.give_up(execution.id, "cluster.worker", 1, message="the last one too")
    assert (await running.state(execution, ExecutionState.FAILED)).reason == "cluster.worker 0: broken"


async def test_a_core_instance_given_up_fails_the_execution_with_the_reason(running: World) -> None:
    execution = await running.state(await running.submit(), RUNNING)
    running.backend.give_up(execution.id, "cluster.master", 0, message="no Java was found")
    failed = await running.state(execution, ExecutionState.FAILED)
    assert failed.reason == "cluster.master 0: no Java was found"
    assert await running.backend.instances() == []


async def test_a_user_server_takes_its_clusters_along_but_not_the_detached(running: World) -> None:
    here = Attachment(server="alice/", kernel="k1")
    notebook = await running.submit(NOTEBOOK, attachment=here)
    status = InstanceStatus(execution=notebook.id, process="notebook.server", ordinal=0, state=InstanceState.READY)
    await stored(running.store, InstanceReported(status))
    tied = await running.submit(attachment=here)
    detached = await running.submit(attachment=here)
    elsewhere = await running.submit(attachment=Attachment(server="alice/other"))
    for execution in (notebook, tied, detached, elsewhere):
        await running.state(execution, RUNNING)
    await running.store.attach(detached.id, None)
    await running.store.terminate(notebook.id, by="alice")
    await running.state(notebook, TERMINATED)
    await running.state(tied, TERMINATED)
    for execution in (detached, elsewhere):
        assert (await running.store.get(execution.id)).state is RUNNING


class TestSmallMachine:
    @pytest.fixture
    async def backend(self) -> InstantBackend:
        return InstantBackend(Resources(cpu=2.5, memory=64 * 2**30))

    async def test_a_smaller_grant_is_explained_and_grows_when_there_is_room(self, running: World) -> None:
        first = await running.state(await running.submit(workers=1), RUNNING)
        second = await running.state(await running.submit(workers=2), RUNNING)
        short = await running.until(second, lambda e: bool(e.reason))
        assert short.granted["cluster.worker"] == 1
        assert short.reason.startswith("1 of 2 workers: no room for 1 more (1 CPU")
        await running.store.terminate(first.id, by="alice")
        grown = await running.until(second, lambda e: e.granted["cluster.worker"] == 2 and not e.reason)
        assert grown.state is RUNNING

    async def test_who_does_not_fit_waits_with_a_reason_and_starts_later(self, running: World) -> None:
        first = await running.state(await running.submit(workers=1), RUNNING)
        await running.state(await running.submit(workers=1), RUNNING)
        second = await running.submit(workers=1)
        waiting = await running.until(second, lambda e: bool(e.reason))
        assert waiting.state is ExecutionState.QUEUED
        assert waiting.reason == "waits for 1 CPU on one node"
        await running.store.terminate(first.id, by="alice")
        await running.state(second, RUNNING)


class TestSlowStart:
    @pytest.fixture
    async def backend(self) -> InstantBackend:
        return SlowToStartBackend()

    async def test_the_core_is_awaited(self, running: World) -> None:
        execution = await running.state(await running.submit(), ExecutionState.STARTING)
        await running.until(execution, lambda e: len(e.instances) == 1)
        assert [order.template.key for order in running.backend.applied] == ["cluster.master"]


async def test_a_second_controller_goes_on_where_the_first_was_killed(world: World) -> None:
    execution = await world.submit(workers=2)
    first = asyncio.create_task(world.controller.run())
    await world.state(execution, RUNNING)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    await world.scale(execution, workers=3)
    second = Controller(world.store, world.backend, world.secrets, prefix="/z/")
    task = asyncio.create_task(second.run())
    await world.until(execution, lambda e: len(e.instances) == 4)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    orders = {(order.template.key, order.replicas) for order in world.backend.applied}
    assert orders == {("cluster.master", 1), ("cluster.worker", 2), ("cluster.worker", 3)}


async def test_what_an_ended_execution_left_in_the_engine_is_removed(world: World) -> None:
    world.backend.report("gone", "cluster.master", 0, InstanceState.READY)
    execution = await world.submit(zapp())
    task = asyncio.create_task(world.controller.run())
    await world.state(execution, RUNNING)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert "gone" in world.backend.removed
