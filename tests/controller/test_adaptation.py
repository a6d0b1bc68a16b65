"""Clusters that follow their load: from what their pages say to what is stored."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.composition.examples import framework, zapp
from zoe_hub.composition import adaptable, compose, rescale
from zoe_hub.controller.adaptation import Adaptations
from zoe_hub.controller.questions import Questions
from zoe_hub.model.adaptation import Adaptation
from zoe_hub.model.errors import InvalidParameter, InvalidRequest, QuotaExceeded
from zoe_hub.model.execution import Execution, ExecutionState
from zoe_hub.model.plan import Plan
from zoe_hub.store.base import Submission

from .cluster import Cluster
from .conftest import World

WORKERS = {"name": "workers", "type": "integer", "default": 1, "minimum": 0, "maximum": 20, "scales": True}
PAGES = [
    {"name": "id", "path": "/apps", "value": "id"},
    {"name": "all", "path": "/apps/${id}/load"},
]
TASKS = {"tasks": "all.tasks", "done": "all.done", "slots": "{{ threads }}", "busy": "all.busy"}


def toy(**load: Any) -> Any:
    ports = [{"name": "web", "protocol": "http", "headers": {"X-Door": "${secret.auth}"}}]
    return framework(
        name="toy",
        options=[
            {"name": "workers", "type": "integer", "default": 1, "minimum": 0, "maximum": 50},
            {"name": "threads", "type": "integer", "default": 2},
        ],
        processes=[
            {"name": "head", "command": ["x"], "ports": ports},
            {
                "name": "worker",
                "command": ["x"],
                "instances": {"core": "{{ [workers, 1] | min }}", "elastic": "{{ [workers - 1, 0] | max }}"},
                "resources": {"cpu": 0.1},
            },
        ],
        client=None,
        status={"process": "head", "port": "web", "fields": {}, "load": {"process": "head", "port": "web", **load}},
    )


@dataclass
class Following:
    """A running cluster that follows its load, and whoever sees to that."""

    world: World
    cluster: Cluster
    execution: Execution
    adaptations: Adaptations
    frameworks: dict[str, Any]
    now: float = 0.0
    broken: str = ""

    async def look(self, answer: Any = None, *, after: float = 2.0) -> Execution:
        """Let time pass, look once, and say how it is then."""
        if answer is not None:
            self.cluster.answer = answer
        self.now += after
        async with Questions(self.world.secrets, prefix="/z/") as questions:
            await self.adaptations.round(questions)
        return await self.world.store.get(self.execution.id)

    def resized(self, plan: Plan, parameters: Mapping[str, Any]) -> Plan:
        if self.broken:
            raise InvalidRequest(self.broken)
        return rescale(plan, parameters, self.frameworks)

    def restart(self) -> None:
        """Another service goes on."""
        self.adaptations = Adaptations(
            self.world.store,
            self.world.secrets,
            self.resized,
            prefix="/z/",
            hold=60,
            settling=0,
            clock=lambda: self.now,
        )

    async def wishes(self) -> list[tuple[Any, Any]]:
        events = await self.world.store.events(execution=self.execution.id)
        return [
            (event.data["parameters"]["workers"], event.data.get("reason"))
            for event in events
            if event.kind.value == "execution.scaled"
        ]


async def following(
    world: World, cluster: Cluster, bounds: Adaptation | None, load: Mapping[str, Any] | None = None, workers: int = 1
) -> Following:
    frameworks = {"toy": toy(**(load or {"pages": PAGES, **TASKS}))}
    app = zapp(parameters=[WORKERS], frameworks=[{"framework": "toy", "options": {"workers": "{{ workers }}"}}])
    plan = compose(app, {"workers": workers}, frameworks)
    world.backend.ports = {"web": cluster.port}
    execution, _ = await world.store.submit(Submission("alice", plan, {"workers": workers}))
    if bounds is not None:
        size, new = adaptable(plan, bounds, frameworks, current=workers)
        await world.store.adapt(execution.id, bounds, {"workers": size}, new, read={"workers": workers}, by="alice")
    await world.state(execution, ExecutionState.RUNNING)
    made: Any = Following(world, cluster, execution, None, frameworks)  # type: ignore[arg-type]
    made.restart()
    return made  # type: ignore[no-any-return]


def said(tasks: int, done: int = 0, busy: list[Any] | None = None) -> dict[str, Any]:
    return {"id": "app 1", "tasks": tasks, "done": done, "busy": busy or []}


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    async with Cluster() as cluster:
        yield cluster


BOUNDS = Adaptation(minimum=1, maximum=4)


@pytest.mark.parametrize(("workers", "size", "least"), [(5, 0, 1), (0, 0, 1), (5, 1, None), (0, 3, None)])
def test_equal_bounds_take_no_core_away_either(workers: int, size: int, least: int | None) -> None:
    frameworks = {"toy": toy(pages=PAGES, **TASKS)}
    app = zapp(parameters=[WORKERS], frameworks=[{"framework": "toy", "options": {"workers": "{{ workers }}"}}])
    plan, bounds = compose(app, {"workers": workers}, frameworks), Adaptation(minimum=size, maximum=size)
    if least is None:
        assert adaptable(plan, bounds, frameworks, current=workers)[0] == size
        return
    with pytest.raises(InvalidParameter, match=f"The least that would do is {least}"):
        adaptable(plan, bounds, frameworks, current=workers)


async def test_it_grows_while_tasks_wait_and_says_so(running: World, cluster: Cluster) -> None:
    one = await following(running, cluster, BOUNDS)
    first = await one.look(said(14, done=2))
    assert first.parameters == {"workers": 2}
    assert first.adapted == "10 tasks wait: 1 -> 2 workers"
    await running.until(one.execution, lambda e: sum(i.process == "toy.worker" for i in e.instances) == 2)
    second = await one.look()
    assert second.parameters == {"workers": 4}
    assert [size for size, _ in await one.wishes()] == [2, 4]
    assert (await one.look()).parameters == {"workers": 4}
    grown = await running.until(one.execution, lambda e: e.granted.get("toy.worker") == 4)
    assert grown.adaptation == BOUNDS
    # Its pages were asked in their order, the second with what the first gave, through the port's own door.
    assert cluster.paths[:2] == ["/apps", "/apps/app%201/load"]
    assert (
        cluster.headers["X-Door"]
        == running.secrets.references(grown.plan, grown.id, grown.created)["toy"]["secret.auth"]
    )


async def test_idle_for_the_hold_it_gives_back_and_is_not_taken_for_used(running: World, cluster: Cluster) -> None:
    one = await following(running, cluster, BOUNDS, workers=4)
    before = await one.look(said(8, 8))
    assert (await one.look(after=59)).parameters == {"workers": 4}
    after = await one.look(after=1)
    assert after.parameters == {"workers": 1}
    assert after.adapted == "fewer were enough for 60 seconds: 4 -> 1 workers"
    assert after.life.last_active == before.life.last_active
    await running.until(one.execution, lambda e: e.granted.get("toy.worker") == 1)


async def test_its_own_hold_goes_before_the_services(running: World, cluster: Cluster) -> None:
    one = await following(running, cluster, Adaptation(minimum=1, maximum=4, hold=10), workers=4)
    await one.look(said(0))
    assert (await one.look(after=10)).parameters == {"workers": 1}


async def test_who_has_a_task_stays(running: World, cluster: Cluster) -> None:
    one = await following(running, cluster, BOUNDS, workers=4)
    await one.look(said(1, busy=["2"]))
    assert (await one.look(after=61)).parameters == {"workers": 3}


async def test_where_nobody_says_who_is_busy_all_stay_until_nothing_is_done(running: World, cluster: Cluster) -> None:
    load = {"pages": PAGES, "tasks": "all.tasks", "slots": 2}
    one = await following(running, cluster, BOUNDS, load, workers=4)
    await one.look(said(1))
    assert (await one.look(after=600)).parameters == {"workers": 4}
    assert (await one.look(said(0))).parameters == {"workers": 1}


async def test_a_framework_may_know_better_how_many_it_wants(running: World, cluster: Cluster) -> None:
    load = {"pages": [PAGES[0], {"name": "all", "path": "/load"}], "workers": "all.tasks"}
    one = await following(running, cluster, BOUNDS, load)
    after = await one.look(said(2))
    assert (after.parameters, after.adapted) == ({"workers": 2}, "its framework asks for 2: 1 -> 2 workers")


@pytest.mark.parametrize(
    "answer",
    [
        500,
        "<p>no JSON</p>",
        {"id": "a"},
        {"id": "a", "tasks": "many", "done": 0},
        {"id": "a", "tasks": -1, "done": 0},
        {"id": "a", "tasks": 1e30, "done": 0},
        {"tasks": 9, "done": 0},
        {"id": {"x": 1}, "tasks": 9, "done": 0},
        b"{",
        b"[" * 100_000,
    ],
    ids=str,
)
async def test_what_cannot_be_read_changes_nothing_and_is_no_idleness(
    running: World, cluster: Cluster, answer: Any
) -> None:
    one = await following(running, cluster, BOUNDS, workers=3)
    await one.look(said(0))
    await one.look(answer, after=59)
    await one.look(said(0), after=2)
    assert (await one.look(after=58)).parameters == {"workers": 3}
    assert (await one.look(after=2)).parameters == {"workers": 1}


async def test_busy_workers_that_are_no_ordinals_are_all(running: World, cluster: Cluster) -> None:
    one = await following(running, cluster, BOUNDS, workers=3)
    await one.look(said(1, busy=["../0"]))
    assert (await one.look(after=100)).parameters == {"workers": 3}


async def test_a_restart_keeps_the_bounds_and_waits_anew(running: World, cluster: Cluster) -> None:
    one = await following(running, cluster, BOUNDS, workers=3)
    await one.look(said(0))
    await one.look(after=50)
    one.restart()
    assert (await one.look(after=50)).parameters == {"workers": 3}
    assert (await one.look(after=60)).parameters == {"workers": 1}


async def test_whoever_scales_it_ends_it(running: World, cluster: Cluster) -> None:
    one = await following(running, cluster, BOUNDS)
    await one.look(said(9))
    await running.store.modify(one.execution.id, {"workers": 3}, (await running.store.get(one.execution.id)).plan)
    assert (await one.look(after=100)).parameters == {"workers": 3}


async def test_others_are_not_asked(running: World, cluster: Cluster) -> None:
    one = await following(running, cluster, None)
    await one.look(said(9))
    assert cluster.paths == []


async def test_a_new_cluster_is_left_in_peace_at_first(running: World, cluster: Cluster) -> None:
    one = await following(running, cluster, BOUNDS)
    one.adaptations = Adaptations(
        running.store, running.secrets, one.resized, prefix="/z/", settling=5, clock=lambda: one.now
    )
    await one.look(said(9))
    await one.look(after=4)
    assert cluster.paths == []
    assert (await one.look(after=1)).parameters == {"workers": 2}


async def test_why_it_cannot_be_resized_is_told_once_and_over_when_it_can(running: World, cluster: Cluster) -> None:
    one = await following(running, cluster, BOUNDS)
    one.broken = "its framework's description would change; swap to a new one instead"
    for _ in range(3):
        after = await one.look(said(9))
    assert after.parameters == {"workers": 1}
    assert after.adapted == f"stays at 1: {one.broken}"
    events = await running.store.events(execution=one.execution.id)
    assert [event.data.get("reason") for event in events if event.kind.value == "execution.adapted"] == [
        None,
        after.adapted,
    ]
    one.broken = ""
    assert (await one.look()).parameters["workers"] > 1


async def test_a_refusal_is_told_once_however_its_amounts_change(
    running: World, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await following(running, cluster, BOUNDS)
    hours = iter(range(10, 99))

    async def refuse(*given: Any, **named: Any) -> None:
        quota = {"subject": "user alice", "dimension": "cpu_hours", "limit": 10}
        raise QuotaExceeded(f"{next(hours)} CPU hours are used", quota)

    monkeypatch.setattr(running.store, "resize", refuse)
    for _ in range(4):
        told = await one.look(said(14))
    assert told.adapted == "stays at 1: 10 CPU hours are used"
    events = await running.store.events(execution=one.execution.id)
    reasons = [event.data.get("reason") for event in events if event.kind.value == "execution.adapted"]
    assert [reason for reason in reasons if reason and "stays" in reason] == [told.adapted]
