from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tests.composition.examples import framework, zapp
from zoe_hub.composition import compose
from zoe_hub.controller.lives import Lives
from zoe_hub.controller.questions import Questions
from zoe_hub.model.execution import Attachment, DesiredState, Execution, ExecutionState
from zoe_hub.model.framework import Activity, Status
from zoe_hub.model.lifetime import ExpiryCause, Lifetime
from zoe_hub.store.base import Submission

from .cluster import Cluster
from .conftest import World

HERE = Attachment(server="alice/", kernel="k1")


@dataclass
class Clock:
    now: datetime = field(default_factory=lambda: datetime.now(timezone.utc).replace(microsecond=0))

    def __call__(self) -> datetime:
        return self.now

    def passes(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass
class Watched:
    """A running cluster that says whether it works, and whoever judges its life."""

    world: World
    cluster: Cluster
    clock: Clock
    execution: Execution
    lives: Lives

    async def look(self, **span: float) -> Execution:
        """Let time pass, look once, and say how it is then."""
        self.clock.passes(**span)
        async with Questions(self.world.secrets, prefix="/z/") as questions:
            await self.lives.round(questions)
        return await self.world.store.get(self.execution.id)

    def restart(self) -> None:
        """Another service goes on."""
        self.lives = Lives(self.world.store, self.world.secrets, prefix="/z/", clock=self.clock)

    async def kinds(self) -> list[str]:
        return [e.kind.value for e in await self.world.store.events(execution=self.execution.id)]


async def watched(
    world: World,
    cluster: Cluster,
    attachment: Attachment | None = None,
    fields: dict[str, str] | None = None,
    **lifetime: int,
) -> Watched:
    ports = [{"name": "web", "protocol": "http", "purpose": "ui", "headers": {"X-Door": "${secret.auth}"}}]
    activity = {"process": "head", "port": "web", "path": "/how", "busy": "busy", "mark": "done"}
    status = {"process": "head", "port": "web", "fields": fields or {}, "activity": [activity]}
    described = framework(
        name="toy",
        options=[],
        processes=[{"name": "head", "command": ["x"], "ports": ports}],
        client=None,
        status=status,
    )
    plan = compose(zapp(parameters=[], frameworks=[{"framework": "toy"}]), {}, {"toy": described})
    plan = plan.model_copy(update={"lifetime": Lifetime(**lifetime)})
    world.backend.ports = {"web": cluster.port}
    execution, _ = await world.store.submit(Submission("alice", plan, attachment=attachment))
    clock = Clock()
    made = Watched(world, cluster, clock, execution, Lives(world.store, world.secrets, prefix="/z/", clock=clock))
    await world.state(execution, ExecutionState.RUNNING)
    await made.look()
    return made


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    async with Cluster() as cluster:
        yield cluster


async def test_an_idle_cluster_is_warned_and_ends(running: World, cluster: Cluster) -> None:
    one = await watched(running, cluster, detached_idle=3600, keep=86_400)
    await one.look(minutes=1)
    assert (await one.look(minutes=50)).life.expires is None
    warned = await one.look(minutes=5)
    assert warned.life.cause is ExpiryCause.IDLE
    assert await one.kinds() == [*(await one.kinds())[:-1], "execution.expiring"]
    told = (await running.store.events(execution=one.execution.id))[-1].data
    assert told["why"] == "idle for 60 minutes"
    assert "keep it for up to 24 hours" in told["advice"]
    await one.look(minutes=4)
    assert (await one.kinds()).count("execution.expiring") == 1
    await one.look(minutes=1)
    ended = await running.state(one.execution, ExecutionState.TERMINATED)
    assert ended.reason == "idle for 60 minutes"


async def test_work_is_seen_though_it_came_and_went_between_two_looks(running: World, cluster: Cluster) -> None:
    one = await watched(running, cluster, detached_idle=3600)
    await one.look(minutes=1)
    await one.look(minutes=49)
    cluster.answer = {"busy": False, "done": 1}
    await one.look(minutes=2)
    assert (await one.look(minutes=54)).life.expires is None
    assert (await one.look(minutes=3)).life.expires is not None


@pytest.mark.parametrize(
    "answer", [{"busy": True}, {"busy": 2}, {}, "gone", 500, [], "busy", {"busy": "no"}, "x" * 5_000_000,
               b"[" * 200_000],
    ids=lambda answer: str(answer)[:20],
)  # fmt: skip
async def test_what_works_or_cannot_be_asked_is_not_idle(running: World, cluster: Cluster, answer: Any) -> None:
    one = await watched(running, cluster, detached_idle=3600)
    cluster.answer = answer
    for _ in range(4):
        assert (await one.look(hours=1)).life.expires is None
    assert (await running.store.get(one.execution.id)).desired is DesiredState.RUNNING


async def test_the_question_is_asked_with_the_ports_headers(running: World, cluster: Cluster) -> None:
    one = await watched(running, cluster, detached_idle=3600)
    await one.look(minutes=1)
    assert cluster.paths == ["/how"]
    assert len(cluster.headers["X-Door"]) > 20


async def test_work_withdraws_the_warning(running: World, cluster: Cluster) -> None:
    one = await watched(running, cluster, detached_idle=3600)
    await one.look(minutes=1)
    assert (await one.look(minutes=56)).life.expires is not None
    cluster.answer = {"busy": True}
    assert (await one.look(minutes=2)).life.expires is None
    assert (await one.kinds())[-1] == "execution.kept"
    assert (await one.look(hours=5)).desired is DesiredState.RUNNING


async def test_whoever_is_tied_to_a_notebook_waits_for_its_end(running: World, cluster: Cluster) -> None:
    one = await watched(running, cluster, attachment=HERE, idle=0, detached_idle=3600)
    for _ in range(3):
        await one.look(hours=2)
    assert cluster.paths == []
    await running.store.attach(one.execution.id, None)
    assert (await one.look()).life.expires is None


async def test_one_that_outlives_its_notebook_is_idle_like_a_detached_one(running: World, cluster: Cluster) -> None:
    one = await watched(running, cluster, HERE.model_copy(update={"outlive": True}), idle=0, detached_idle=3600)
    await one.look(minutes=1)
    assert (await one.look(minutes=57)).life.expires is not None


async def test_keeping_holds_off_the_end(running: World, cluster: Cluster) -> None:
    one = await watched(running, cluster, detached_idle=3600, keep=86_400)
    await one.look(minutes=1)
    await one.look(minutes=56)
    await running.store.keep(one.execution.id, one.clock.now + timedelta(hours=2), "alice")
    assert (await one.look(minutes=100)).life.expires is None
    assert (await one.look(minutes=16)).life.expires is not None
    assert (await one.look(minutes=3)).desired is DesiredState.RUNNING
    await one.look(minutes=2)
    await running.state(one.execution, ExecutionState.TERMINATED)


async def test_a_longest_life_ends_also_what_works(running: World, cluster: Cluster) -> None:
    cluster.answer = {"busy": True}
    one = await watched(running, cluster, attachment=HERE, maximum=7200)
    warned = await one.look(minutes=116)
    assert warned.life.cause is ExpiryCause.MAXIMUM
    await one.look(minutes=5)
    ended = await running.state(one.execution, ExecutionState.TERMINATED)
    assert ended.reason == "has run for 2 hours, the longest that it may"


async def test_a_service_that_was_away_goes_on_with_the_clock(running: World, cluster: Cluster) -> None:
    one = await watched(running, cluster, detached_idle=3600)
    for _ in range(2):
        await one.look(minutes=2)
    noted = (await running.store.get(one.execution.id)).life.last_active
    one.restart()
    await one.look(minutes=30)
    assert (await running.store.get(one.execution.id)).life.last_active == noted
    # A minute is given for what the one before did not note any more.
    warned = await one.look(minutes=24)
    assert warned.life.expires is not None


async def test_what_worked_while_the_service_was_away_is_not_idle(running: World, cluster: Cluster) -> None:
    one = await watched(running, cluster, detached_idle=3600)
    await one.look(minutes=2)
    cluster.answer = {"busy": False, "done": 17}
    one.restart()
    assert (await one.look(hours=3)).life.expires is None


async def test_nothing_ends_unannounced_after_a_long_absence(running: World, cluster: Cluster) -> None:
    one = await watched(running, cluster, detached_idle=3600)
    await one.look(minutes=2)
    one.restart()
    warned = await one.look(hours=30)
    assert (warned.desired, warned.life.expires) == (DesiredState.RUNNING, one.clock.now + timedelta(minutes=5))


async def test_activity_is_noted_at_most_once_a_minute(
    running: World, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.answer = {"busy": True}
    one = await watched(running, cluster, detached_idle=3600)
    noted = 0
    note = running.store.note_activity

    async def counting(*args: Any) -> None:
        nonlocal noted
        noted += 1
        await note(*args)

    monkeypatch.setattr(running.store, "note_activity", counting)
    for _ in range(60):
        await one.look(seconds=10)
    assert 9 <= noted <= 10
    assert (await running.store.get(one.execution.id)).life.last_active is not None


def test_an_activity_names_a_port_that_there_is() -> None:
    with pytest.raises(ValueError, match=r"status names head\.nowhere, which is no port of this framework"):
        framework(
            processes=[{"name": "head", "command": ["x"], "ports": [{"name": "web"}]}],
            status=Status(
                process="head", port="web", fields={}, activity=(Activity(process="head", port="nowhere", busy="x"),)
            ).model_dump(),
        )
