from __future__ import annotations

import pytest

from tests.backends.contract import BackendContract, find, order, template
from tests.backends.fakes import FailingBackend, InstantBackend, SlowToStartBackend
from zoe_hub.backends.base import Backend
from zoe_hub.model.execution import InstanceState


class TestInstantBackend(BackendContract):
    @pytest.fixture
    def backend(self) -> Backend:
        return InstantBackend()


class TestReleasedSlowToStartBackend(BackendContract):
    @pytest.fixture
    def backend(self) -> Backend:
        backend = SlowToStartBackend()
        backend.release()
        return backend


class TestFailingBackendThatFailsAtNothing(BackendContract):
    @pytest.fixture
    def backend(self) -> Backend:
        return FailingBackend(processes=())


async def test_the_slow_one_waits_for_its_release() -> None:
    backend = SlowToStartBackend()
    await backend.apply(order("x1", template()))
    assert backend.state("x1", "test.worker", 0) is InstanceState.STARTING
    backend.release("test.worker")
    assert backend.state("x1", "test.worker", 0) is InstanceState.READY


async def test_the_failing_one_fails() -> None:
    backend = FailingBackend(["test.worker"])
    await backend.apply(order("x1", template()))
    await backend.apply(order("x1", template(name="master")))
    assert backend.state("x1", "test.worker", 0) is InstanceState.FAILED
    assert backend.state("x1", "test.master", 0) is InstanceState.READY


async def test_a_killed_instance_is_restarted() -> None:
    backend = InstantBackend()
    await backend.apply(order("x1", template()))
    backend.kill("x1", "test.worker", 0)
    status = await find(backend, "x1")
    assert status is not None
    assert (status.state, status.restarts, status.exit_code) == (InstanceState.READY, 1, -9)
