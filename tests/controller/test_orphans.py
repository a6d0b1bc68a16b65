from __future__ import annotations

from collections.abc import Collection

import pytest

from tests.store.writing import moved
from zoe_hub.controller.orphans import Orphans
from zoe_hub.model.errors import ServiceUnavailable, UnknownName
from zoe_hub.model.execution import Attachment, DesiredState, Execution, ExecutionState

from .conftest import NOTEBOOK, World

HERE = Attachment(server="alice/", kernel="k1")
OUTLIVING = HERE.model_copy(update={"outlive": True})
PATIENCE = 180.0
QUEUED, STARTING, FAILING = ExecutionState.QUEUED, ExecutionState.STARTING, ExecutionState.FAILING


class FakeHub:
    """Says what a test lets it say; `None`: there is no such user."""

    def __init__(self) -> None:
        self.servers: Collection[str] | Exception | None = ["alice/"]
        self.asked: list[str] = []

    async def of(self, user: str) -> Collection[str]:
        self.asked.append(user)
        if isinstance(self.servers, Exception):
            raise self.servers
        if self.servers is None:
            raise UnknownName("user of the Hub", user)
        return self.servers


class Watch:
    def __init__(self, world: World) -> None:
        self.world = world
        self.hub = FakeHub()
        self.now = 1000.0
        self.orphans = Orphans(world.store, self.hub, patience=PATIENCE, clock=lambda: self.now)

    async def look(self, seconds: float = 0.0) -> None:
        self.now += seconds
        await self.orphans.round()

    async def of(self, execution: Execution) -> Execution:
        return await self.world.store.get(execution.id)

    async def runs(self, execution: Execution) -> bool:
        return (await self.of(execution)).desired is DesiredState.RUNNING


@pytest.fixture
def watch(world: World) -> Watch:
    return Watch(world)


async def test_what_is_tied_to_a_lost_server_ends_after_a_while(world: World, watch: Watch) -> None:
    execution = await world.submit(attachment=HERE)
    await watch.look()
    watch.hub.servers = []
    await watch.look(60)
    await watch.look(PATIENCE - 1)
    assert await watch.runs(execution)
    await watch.look(1)
    after = await watch.of(execution)
    assert (after.desired, after.reason) == (DesiredState.TERMINATED, "its notebook server is gone")


async def test_a_hub_that_is_away_is_no_lost_server(world: World, watch: Watch) -> None:
    execution = await world.submit(attachment=HERE)
    watch.hub.servers = []
    await watch.look()
    watch.hub.servers = ServiceUnavailable("the Hub restarts")
    with pytest.raises(ServiceUnavailable):
        await watch.look(10 * PATIENCE)
    watch.hub.servers = []
    await watch.look(60)
    assert await watch.runs(execution)
    watch.hub.servers = ["alice/"]
    await watch.look(PATIENCE - 1)
    watch.hub.servers = []
    await watch.look(60)
    assert await watch.runs(execution)


async def test_other_servers_and_other_ties_are_left_alone(world: World, watch: Watch) -> None:
    there = await world.submit(attachment=Attachment(server="alice/second"))
    detached = await world.submit()
    outliving = await world.submit(attachment=OUTLIVING)
    watch.hub.servers = ["alice/second"]
    for _ in range(3):
        await watch.look(PATIENCE)
    assert await watch.runs(there)
    assert await watch.runs(detached)
    assert (await watch.of(outliving)).attachment is None
    assert await watch.runs(outliving)


async def test_a_notebook_of_which_the_hub_knows_nothing_ends_as_well(world: World, watch: Watch) -> None:
    notebook = await world.submit(NOTEBOOK, attachment=Attachment(server="alice/"))
    watch.hub.servers = []
    await watch.look()
    await watch.look(PATIENCE)
    assert not await watch.runs(notebook)


async def test_of_a_user_who_is_gone_nothing_is_left(world: World, watch: Watch) -> None:
    executions = [await world.submit(attachment=HERE), await world.submit()]
    watch.hub.servers = None
    await watch.look()
    await watch.look(PATIENCE)
    assert [await watch.runs(execution) for execution in executions] == [False, False]
    await watch.look(PATIENCE)
    assert watch.hub.asked == ["alice", "alice"]


async def test_what_fails_by_itself_keeps_nobody_from_looking(world: World, watch: Watch) -> None:
    failing = await world.submit(attachment=OUTLIVING)
    tied = await world.submit(attachment=HERE)
    for before, after in ((QUEUED, STARTING), (STARTING, FAILING)):
        await moved(world.store, failing.id, before, after)
    watch.hub.servers = []
    await watch.look()
    await watch.look(PATIENCE)
    assert (await watch.of(failing)).attachment == OUTLIVING
    assert not await watch.runs(tied)
