"""The same history through the scheduler alone and through store, controller and engine gives the same grants."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping

import pytest

from tests.backends.fakes import SlowToDrainBackend
from tests.composition.examples import zapp
from zoe_hub.composition import compose
from zoe_hub.controller.controller import Controller
from zoe_hub.model.execution import Execution, InstanceStatus
from zoe_hub.model.resources import Resources
from zoe_hub.scheduler.orders import FIFO
from zoe_hub.scheduler.policies.elastic import Elastic, Settings
from zoe_hub.scheduler.requests import BATCH, INTERACTIVE, Demand, Request
from zoe_hub.scheduler.scheduler import Scheduler
from zoe_hub.scheduler.shapes import Shape
from zoe_hub.store.base import Submission
from zoe_hub.store.changes import InstanceReported

from .conftest import FRAMEWORKS, World

MASTER, WORKER = "cluster.master", "cluster.worker"
MIB = 2**20
STEPS = 25


def scheduler(hold: float = 30.0) -> Scheduler:
    return Scheduler(Elastic(Settings(hold=hold, bound=600.0)), FIFO())


def request(execution: Execution, workers: int, *, batch: bool) -> Request:
    """As the framework of the examples asks for it."""
    return Request(
        id=execution.id,
        user=execution.owner,
        submitted=execution.created.timestamp(),
        demands=(
            Demand(MASTER, "master", 1, 0, Shape(100, 200 * MIB)),
            Demand(WORKER, "worker", min(workers, 1), max(workers - 1, 0), Shape(1000, 2148 * MIB)),
        ),
        priority=BATCH if batch else INTERACTIVE,
    )


class History:
    """Does each thing twice: to the scheduler, and to the world around the controller."""

    def __init__(self, world: World, backend: SlowToDrainBackend, make: Callable[[], Scheduler]) -> None:
        self.now = time.time()
        self.make = make
        self.world = world
        self.backend = backend
        self.alone = make()
        self.renew()
        self.grants: dict[str, dict[str, int]] = {}
        self.batch: dict[str, bool] = {}
        self.said: dict[tuple[str, str, int], InstanceStatus] = {}

    def renew(self) -> None:
        """A controller that knows nothing but what is stored, as after a restart."""
        world = self.world
        self.controller = Controller(
            world.store, world.backend, world.secrets, prefix="/z/", scheduler=self.make, clock=lambda: self.now
        )

    async def submit(self, owner: str, workers: int, *, batch: bool) -> None:
        plan = compose(zapp(category="batch" if batch else "interactive"), {"workers": workers}, FRAMEWORKS)
        execution, _ = await self.world.store.submit(Submission(owner, plan, plan.parameters))
        self.batch[execution.id] = batch
        self.alone.submit(request(execution, workers, batch=batch))
        await self.settle()

    async def scale(self, name: str, workers: int) -> None:
        execution = await self.world.store.get(name)
        await self.world.scale(execution, workers=workers)
        asked = (await self.world.store.get(name)).updated.timestamp()
        self.alone.change(request(execution, workers, batch=self.batch[name]), self.now, asked)
        await self.settle()

    async def terminate(self, name: str) -> None:
        await self.world.store.terminate(name, by="alice")
        if name in self.grants:
            self.alone.leave(name, self.now)
            self.decide()
        self.alone.end(name)
        self.grants.pop(name, None)
        await self.settle()

    async def let_go(self, count: int) -> None:
        for execution, process, _ in self.backend.draining[:count]:
            self.alone.gone(execution, process)
        self.backend.let_go(count)
        await self.settle()

    def decide(self) -> None:
        while decisions := self.alone.decide(self.now):
            self.grants.update({decision.id: dict(decision.granted) for decision in decisions})

    async def settle(self) -> None:
        """Until nothing changes any more, at this moment."""
        self.decide()
        store, quiet = self.world.store, 0
        while quiet < 2:
            seq = await store.last_seq()
            await store.record(await self.reports())
            await self.controller.round()
            await asyncio.sleep(0)
            quiet = quiet + 1 if await store.last_seq() == seq else 0

    async def reports(self) -> list[InstanceReported]:
        """What the engine has to say that is new."""
        found = await self.backend.instances()
        new = [status for status in found if self.said.get(status.key) != status]
        self.said.update({status.key: status for status in new})
        return [InstanceReported(status) for status in new]

    async def stored(self) -> Mapping[str, Mapping[str, int]]:
        live = await self.world.store.list(live=True)
        return {execution.id: execution.granted for execution in live if execution.granted}


@pytest.fixture
async def backend() -> SlowToDrainBackend:
    return SlowToDrainBackend(Resources(cpu=8, memory=64 * 2**30))


async def play(history: History, chance: random.Random, *, restarts: bool) -> None:
    for _ in range(STEPS):
        history.now += chance.choice([0.5, 5.0, 40.0, 400.0])
        applications = history.alone.cluster.applications
        live = [id for id, application in applications.items() if application.request.of is None]
        # Who asks for more while something of it is going gets the number of that, and with it its room.
        steady = [name for name in live if not any(applications[name].going.values())]
        what = chance.choice(["submit", "submit", "scale", "terminate", "let go", "let go", "wait"])
        if what == "submit":
            await history.submit(chance.choice(["alice", "bob"]), chance.randint(0, 7), batch=chance.random() < 0.3)
        elif what == "scale" and steady:
            await history.scale(chance.choice(steady), chance.randint(0, 9))
        elif what == "terminate" and live:
            await history.terminate(chance.choice(live))
        elif what == "let go":
            await history.let_go(chance.randint(1, 4))
        elif restarts:
            history.renew()
            await history.settle()
        else:
            await history.settle()
        assert await history.stored() == history.grants


async def begun(world: World, backend: SlowToDrainBackend, make: Callable[[], Scheduler]) -> History:
    history = History(world, backend, make)
    history.alone.set_nodes(await backend.nodes(), history.now)
    return history


@pytest.mark.parametrize("seed", range(5))
async def test_scheduler_and_controller_agree(world: World, backend: SlowToDrainBackend, seed: int) -> None:
    await play(await begun(world, backend, scheduler), random.Random(seed), restarts=False)


@pytest.mark.parametrize("seed", range(5))
async def test_they_agree_whenever_the_service_starts_anew(
    world: World, backend: SlowToDrainBackend, seed: int
) -> None:
    # How long something was held is not stored: after a start, it may be taken back at once.
    await play(await begun(world, backend, lambda: scheduler(hold=0.0)), random.Random(seed), restarts=True)
