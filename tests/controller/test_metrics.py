"""What the controller counts and logs of real changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.backends.fakes import InstantBackend
from tests.composition.examples import zapp
from zoe_hub.backends.observed import ObservedBackend
from zoe_hub.controller.controller import Controller
from zoe_hub.logs import known
from zoe_hub.metrics import Metrics
from zoe_hub.model.errors import LaunchFailed
from zoe_hub.model.execution import ExecutionState, InstanceState
from zoe_hub.store.changes import Change

from .conftest import World

SHOP = zapp().name


class CountedWorld(World):
    metrics: Metrics

    def value(self, name: str, **labels: str) -> float:
        families = text_string_to_metric_families(self.metrics.render()[0].decode())
        found = [s.value for family in families for s in family.samples if (s.name, s.labels) == (name, labels)]
        return found[0] if found else 0


@pytest.fixture
async def counted(world: World) -> AsyncIterator[CountedWorld]:
    metrics = Metrics(lambda: {SHOP})
    backend = ObservedBackend(world.backend, metrics)
    controller = Controller(world.store, backend, world.secrets, prefix="/z/", interval=1, metrics=metrics)
    made = CountedWorld(world.store, world.backend, controller, world.secrets)
    made.metrics = metrics
    task = asyncio.create_task(controller.run())
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_life_is_counted_once(counted: CountedWorld) -> None:
    execution = await counted.state(await counted.submit(), ExecutionState.RUNNING)
    lost = execution.instances[0].model_copy(update={"state": InstanceState.RESTARTING})
    counted.backend.report(lost.execution, lost.process, lost.ordinal, lost.state)
    await counted.state(execution, ExecutionState.DEGRADED)
    counted.backend.report(lost.execution, lost.process, lost.ordinal, InstanceState.READY)
    await counted.state(execution, ExecutionState.RUNNING)
    await counted.store.terminate(execution.id, by="alice")
    await counted.state(execution, ExecutionState.TERMINATED)
    assert counted.value("zoe_start_duration_seconds_count", zapp=SHOP) == 1
    assert counted.value("zoe_queue_duration_seconds_count", zapp=SHOP) == 1
    assert 0 < counted.value("zoe_start_duration_seconds_sum", zapp=SHOP) < 60
    assert counted.value("zoe_instance_restarts_total") == 1
    assert counted.value("zoe_round_duration_seconds_count") > 0
    assert counted.value("zoe_engine_request_duration_seconds_count", operation="remove") == 1
    assert counted.value("zoe_engine_errors_total", operation="remove") == 0
    await counted.until(
        execution, lambda e: counted.value("zoe_executions_ended_total", zapp=SHOP, state="terminated") == 1
    )


async def test_an_end_is_counted_though_another_has_let_go_of_the_execution(
    counted: CountedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, executions = counted.store.record, counted.controller._executions

    async def recorded(changes: Sequence[Change]) -> Sequence[Change]:
        refused = await record(changes)
        await executions.refresh()  # as whoever shares them may do as soon as it is stored
        return refused

    monkeypatch.setattr(counted.store, "record", recorded)
    execution = await counted.state(await counted.submit(), ExecutionState.RUNNING)
    await counted.store.terminate(execution.id, by="alice")
    await counted.state(execution, ExecutionState.TERMINATED)
    await counted.until(
        execution, lambda e: counted.value("zoe_executions_ended_total", zapp=SHOP, state="terminated") == 1
    )


async def test_what_the_engine_refuses_is_counted(
    counted: CountedWorld, backend: InstantBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    about: list[object] = []

    async def refuse(order: object) -> None:
        about.append(known()["execution"])
        raise LaunchFailed("the disk is full")

    monkeypatch.setattr(backend, "apply", refuse)
    own = zapp(name="my-own")
    execution = await counted.state(await counted.submit(own), ExecutionState.FAILED)
    assert counted.value("zoe_engine_errors_total", operation="apply") == 1
    assert about == [execution.id]
    await counted.until(
        execution, lambda e: counted.value("zoe_executions_ended_total", zapp="own", state="failed") == 1
    )
    assert counted.value("zoe_start_duration_seconds_count", zapp="own") == 0
    assert b"my-own" not in counted.metrics.render()[0]


async def test_a_move_is_a_line_that_names_the_execution(
    counted: CountedWorld, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "zoe_hub")
    execution = await counted.state(await counted.submit(), ExecutionState.RUNNING)
    moves = [f"Execution {execution.id} was {move}" for move in ("queued and is starting", "starting and is running")]
    await counted.until(
        execution, lambda e: [r.getMessage() for r in caplog.records if e.id in r.getMessage()] == moves
    )
