"""Two people on a machine that is too small for both wishes: service and processes are real, the work is not."""

from __future__ import annotations

import shutil
import signal
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.chaos.hub import SmallHub, token_of
from tests.chaos.run import SHOP
from tests.chaos.services import Service
from zoe_hub.client import ExecutionView, ZoeClient
from zoe_hub.model.commands import Submit

CONFIG = """
c.ZoeConfig.folders = [{shop!r}]
c.ZoeConfig.cpus = 8
c.ZoeConfig.memory = "1 GiB"
c.ZoeConfig.hold = "1 s"
c.ZoeConfig.lease = 2.0
"""


@dataclass
class Machine:
    """One service; `alice` and `bob` are its callers."""

    service: Service
    alice: ZoeClient
    bob: ZoeClient


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    shop = tmp_path / "shop"
    shutil.copytree(SHOP, shop, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "locks").mkdir()
    (tmp_path / "zoe_config.py").write_text(CONFIG.format(shop=str(shop)))
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with SmallHub() as hub:
        service = Service(tmp_path, hub.environment(tmp_path / "home", port))
        service.start()
        await service.answers()
        clients = [ZoeClient(service.url, token_of(name)) for name in ("alice", "bob")]
        try:
            yield Machine(service, *clients)
            for client in clients:
                for view in await client.executions(live=True):
                    await client.terminate(view.id)
                    await client.wait(view.id, lambda now: now.state.ended, timeout=60)
        finally:
            for client in clients:
                await client.close()
            service.signal(signal.SIGKILL)


async def until(client: ZoeClient, view: ExecutionView, holds: Callable[[ExecutionView], bool]) -> ExecutionView:
    return await client.wait(view.id, holds, timeout=60)


def all_there(number: int) -> Callable[[ExecutionView], bool]:
    return lambda view: view.ready == view.present == number and view.state.value == "running"


async def test_both_start_at_once_share_the_rest_and_what_one_leaves_goes_back(machine: Machine) -> None:
    alice, bob = machine.alice, machine.bob
    cells = Submit(zapp="cells", parameters={"workers": 6})
    first = await alice.submit(cells, idempotency_key="alice")
    first = await until(alice, first, all_there(6))
    plan = await bob.plan(cells)
    assert plan.outlook is not None
    assert plan.outlook.reason == "waits until what others give back is free; others will give back 1 worker"

    second = await bob.submit(cells, idempotency_key="bob")
    second = await until(bob, second, lambda view: view.state.value == "running")
    # One core more, one worker less at least; then by shares: each holds a head, and workers for the rest.
    second = await until(bob, second, all_there(3))
    first = await until(alice, first, all_there(3))
    assert first.reason.startswith("3 of 6 workers: 3 given back so that ")
    assert second.reason.startswith("3 of 6 workers: no room for 3 more")

    await bob.terminate(second.id)
    first = await until(alice, first, all_there(6))
    assert first.reason == ""
    assert all(instance.restarts == 0 for instance in first.instances)


async def test_a_service_that_is_killed_while_something_is_given_back(machine: Machine) -> None:
    alice, bob = machine.alice, machine.bob
    cells = Submit(zapp="cells", parameters={"workers": 6})
    first = await until(alice, await alice.submit(cells, idempotency_key="alice"), all_there(6))
    second = await bob.submit(cells, idempotency_key="bob")
    await until(alice, first, lambda view: view.allowed < 6)
    await machine.service.kill()
    machine.service.start()
    await machine.service.answers()
    await until(bob, second, all_there(3))
    await until(alice, first, all_there(3))
    await bob.terminate(second.id)
    await until(alice, first, all_there(6))
