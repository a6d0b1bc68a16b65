"""A controller on a real store and a back end in memory.

`world`     store, back end, controller and secrets; `world.controller` is not running
`running`   the same, with the controller's loop running
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.backends.fakes import InstantBackend
from tests.composition.examples import framework, zapp
from zoe_hub.composition import compose, rescale
from zoe_hub.controller.controller import Controller
from zoe_hub.model.execution import Attachment, Execution, ExecutionState
from zoe_hub.model.zapp import ZApp
from zoe_hub.secrets import Secrets
from zoe_hub.store.base import Submission
from zoe_hub.store.sql import SQLStore

FRAMEWORKS = {
    "cluster": framework(),
    "notebook": framework(
        name="notebook", options=[], client=None, secrets=[], processes=[{"name": "server", "placement": "server"}]
    ),
}
NOTEBOOK = zapp(name="nb", parameters=[], frameworks=[{"framework": "notebook"}])


@dataclass
class World:
    store: SQLStore
    backend: InstantBackend
    controller: Controller
    secrets: Secrets

    async def submit(
        self, app: ZApp | None = None, attachment: Attachment | None = None, **parameters: Any
    ) -> Execution:
        plan = compose(app or zapp(), parameters, FRAMEWORKS)
        return (await self.store.submit(Submission("alice", plan, plan.parameters, attachment=attachment)))[0]

    async def scale(self, execution: Execution, **parameters: Any) -> None:
        plan = rescale((await self.store.get(execution.id)).plan, parameters, FRAMEWORKS)
        await self.store.modify(execution.id, plan.parameters, plan)

    async def until(self, execution: Execution, holds: Callable[[Execution], bool]) -> Execution:
        """The execution as soon as this holds. Fails after ten seconds, saying what it was."""
        deadline = asyncio.get_running_loop().time() + 10
        while True:
            seq = await self.store.last_seq()
            now = await self.store.get(execution.id)
            if holds(now):
                return now
            if asyncio.get_running_loop().time() > deadline:
                raise AssertionError(f"still {now.state.value} ({now.reason}): {now.instances}")
            await self.store.wait(seq, 0.2)

    async def state(self, execution: Execution, state: ExecutionState) -> Execution:
        return await self.until(execution, lambda e: e.state is state)


@pytest.fixture
async def backend() -> InstantBackend:
    return InstantBackend()


@pytest.fixture
async def world(tmp_path: Path, backend: InstantBackend) -> AsyncIterator[World]:
    store = SQLStore(f"sqlite:///{tmp_path / 'zoe.sqlite'}")
    await store.open()
    await backend.open()
    secrets = Secrets.load(tmp_path / "key")
    yield World(store, backend, Controller(store, backend, secrets, prefix="/z/", interval=1), secrets)
    await backend.close()
    await store.close()


@pytest.fixture
async def running(world: World) -> AsyncIterator[World]:
    task = asyncio.create_task(world.controller.run())
    yield world
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
