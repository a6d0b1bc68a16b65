"""When a process is ordered that is told where another one is, but does not come after it."""

from __future__ import annotations

import pytest

from tests.backends.fakes import InstantBackend, SlowToStartBackend
from tests.composition.examples import CLUSTER, framework
from zoe_hub.model.execution import ExecutionState, InstanceState

from .conftest import FRAMEWORKS, World

MASTER, WORKER = CLUSTER["processes"]
BESIDE = {name: value for name, value in WORKER.items() if name != "after"}


@pytest.fixture
async def backend() -> InstantBackend:
    return SlowToStartBackend()


async def test_it_starts_as_soon_as_there_is_an_address_though_nobody_is_ready(
    running: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(running.backend, SlowToStartBackend)
    monkeypatch.setitem(FRAMEWORKS, "cluster", framework(processes=[MASTER, BESIDE]))
    execution = await running.submit(workers=1)
    both = await running.until(execution, lambda e: len(e.instances) == 2)
    assert {instance.state for instance in both.instances} == {InstanceState.STARTING}
    assert [order.template.key for order in running.backend.applied] == ["cluster.master", "cluster.worker"]
    worker = running.backend.applied[1]
    assert worker.template.command[2] == f"{worker.addresses['master.host']}:{worker.addresses['master.port.rpc']}"
    running.backend.release()
    await running.state(execution, ExecutionState.RUNNING)


async def test_one_that_is_told_of_what_comes_behind_it_does_not_wait(
    running: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Two that waited for each other's address would wait for ever; the engine says that this one cannot start.
    monkeypatch.setitem(FRAMEWORKS, "cluster", framework(processes=[BESIDE, MASTER]))
    await running.until(await running.submit(workers=1), lambda e: len(e.instances) == 2)
    worker = running.backend.applied[0].template
    assert worker.key == "cluster.worker"
    assert worker.command[2] == "${master.host}:${master.port.rpc}"
