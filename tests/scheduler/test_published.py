"""What is particular to each of the published policies."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoe_hub.model.resources import Node, Resources
from zoe_hub.scheduler.methods import ORDERS, order, policy
from zoe_hub.scheduler.requests import INTERACTIVE, Demand, Request
from zoe_hub.scheduler.scheduler import Scheduler
from zoe_hub.scheduler.shapes import Shape

from .loop import Ran, run

GIB = 1024**3
PUBLISHED = ("rigid", "malleable", "flexible", "flexible-preemptive", "zoe-2018")
ONE = Shape(1000, GIB)


def asked(
    id: str, core: int, elastic: int, *, at: float = 0.0, size: float = 100.0, shape: Shape = ONE, priority: int = 0
) -> Request:
    return Request(id, "alice", at, (Demand("w", "worker", core, elastic, shape),), priority, size)


def cluster(policy_name: str, *nodes: int, by: str = "fifo", at_once: bool = True) -> Scheduler:
    """Nodes of so many processors, and as many GiB."""
    made = Scheduler(policy(policy_name), order(by), at_once=at_once)
    made.set_nodes([Node(name=f"n{i}", capacity=Resources(cpu=n, memory=n * GIB)) for i, n in enumerate(nodes)], 0.0)
    return made


def told(scheduler: Scheduler, now: float, *requests: Request) -> dict[str, int]:
    for request in requests:
        scheduler.submit(request)
    return {decision.id: decision.granted["w"] for decision in scheduler.decide(now)}


def test_rigid_starts_with_everything_or_not_at_all() -> None:
    made = cluster("rigid", 10)
    assert told(made, 0.0, asked("a", 1, 5), asked("b", 1, 5, at=1.0), asked("c", 1, 0, at=2.0)) == {"a": 6}


def test_malleable_starts_with_what_there_is_and_blocks_the_line_until_it_is_complete() -> None:
    made = cluster("malleable", 10)
    assert told(made, 0.0, asked("a", 1, 5), asked("b", 1, 5, at=1.0)) == {"a": 6, "b": 4}
    made.end("a")
    assert told(made, 5.0, asked("c", 6, 0, at=2.0)) == {"b": 6}
    assert told(made, 6.0, asked("d", 1, 0, at=3.0)) == {}
    made.end("b")
    assert told(made, 7.0) == {"c": 6, "d": 1}


def test_flexible_makes_the_plan_smaller_for_another_core_when_that_fills_the_machines_more() -> None:
    """Of seven processors, a alone would leave one idle."""
    made = cluster("flexible", 7)
    assert told(made, 0.0, asked("a", 2, 4), asked("b", 3, 0, at=1.0)) == {"a": 4, "b": 3}
    full = cluster("flexible", 6)
    assert told(full, 0.0, asked("a", 2, 4), asked("b", 3, 0, at=1.0)) == {"a": 6}


def test_flexible_takes_nothing_back_from_what_runs() -> None:
    made = cluster("flexible", 7, by="sjf")
    assert told(made, 0.0, asked("a", 2, 4)) == {"a": 6}
    assert told(made, 1.0, asked("b", 3, 0, at=1.0, size=1.0)) == {}


def test_memory_is_all_that_zoe_looked_at() -> None:
    all_memory, no_memory = Shape(0, 2 * GIB), Shape(1000)
    for name, expected in (("zoe-2018", {"a": 2}), ("flexible", {"a": 2, "b": 1})):
        requests = asked("a", 1, 1, shape=all_memory), asked("b", 1, 0, at=1.0, shape=no_memory)
        assert told(cluster(name, 4), 1.0, *requests) == expected


def test_where_no_memory_is_declared_it_is_not_looked_at() -> None:
    made = Scheduler(policy("zoe-2018"), order("fifo"), at_once=True)
    made.set_nodes([Node(name="n0", capacity=Resources(cpu=4))], 0.0)
    assert told(made, 0.0, asked("a", 1, 1, shape=Shape(1000)), asked("b", 1, 3, shape=Shape(1000))) == {"a": 2, "b": 2}


@pytest.mark.parametrize("name", PUBLISHED)
def test_what_takes_nothing_is_granted(name: str) -> None:
    made = cluster(name, 4)
    nothing = asked("light", 1, 2, shape=Shape())
    assert told(made, 0.0, asked("a", 1, 3), nothing, asked("b", 0, 1, at=1.0)) == {"a": 4, "light": 3} | (
        {} if name == "rigid" else {"b": 0}
    )
    made.change(asked("light", 1, 5, shape=Shape()), 1.0)
    assert told(made, 1.0) == {"light": 6}


def test_the_shorter_takes_elastic_instances_from_the_longer_and_no_core() -> None:
    made = cluster("flexible-preemptive", 10, by="sjf")
    assert told(made, 0.0, asked("long", 2, 6, size=1000.0), asked("longer", 1, 1, size=2000.0)) == {
        "long": 8,
        "longer": 2,
    }
    assert told(made, 1.0, asked("short", 2, 0, at=1.0, size=10.0)) == {"long": 7, "longer": 1, "short": 2}
    assert told(made, 2.0, asked("wide", 2, 9, at=2.0, size=50.0)) == {"long": 2, "wide": 5}
    assert told(made, 3.0, asked("core", 6, 0, at=3.0, size=1.0)) == {}
    made.end("short")
    made.end("wide")
    assert told(made, 4.0) == {"core": 6, "long": 3}


def test_the_longer_takes_nothing_from_the_shorter() -> None:
    made = cluster("flexible-preemptive", 4, by="sjf")
    assert told(made, 0.0, asked("short", 1, 3, size=10.0)) == {"short": 4}
    assert told(made, 1.0, asked("long", 1, 0, at=1.0, size=20.0)) == {}


def test_what_does_not_help_is_given_back() -> None:
    """Two are taken on the small node, where three do not fit, before the large one has room."""
    made = cluster("flexible-preemptive", 4, 2, by="sjf")
    assert told(made, 0.0, asked("long", 1, 5, size=1000.0)) == {"long": 6}
    big = asked("big", 1, 0, at=1.0, size=1.0, shape=Shape(3000, 3 * GIB))
    assert told(made, 1.0, big) == {"long": 3, "big": 1}


def test_interactive_work_takes_room_for_its_core_and_not_for_more() -> None:
    made = cluster("flexible-preemptive", 6)
    assert told(made, 0.0, asked("batch", 1, 5)) == {"batch": 6}
    assert told(made, 1.0, asked("notebook", 1, 4, at=1.0, priority=INTERACTIVE)) == {"batch": 5, "notebook": 1}


def test_what_is_taken_is_waited_for() -> None:
    made = cluster("flexible-preemptive", 6, by="sjf", at_once=False)
    assert told(made, 0.0, asked("long", 1, 5)) == {"long": 6}
    assert told(made, 1.0, asked("short", 2, 1, at=1.0, size=1.0)) == {"long": 3}
    assert told(made, 2.0) == {}
    made.gone("long", "w", 1)
    assert told(made, 3.0) == {}
    made.gone("long", "w", 2)
    assert told(made, 4.0) == {"short": 3}


@pytest.mark.parametrize("name", PUBLISHED)
def test_what_can_never_run_does_not_block_the_line(name: str) -> None:
    made = cluster(name, 4)
    assert told(made, 0.0, asked("huge", 9, 0), asked("a", 2, 0, at=1.0)) == {"a": 2}
    made.set_nodes([Node(name="n0", capacity=Resources(cpu=20, memory=20 * GIB))], 2.0)
    assert told(made, 2.0) == {"huge": 9}


@pytest.mark.parametrize("name", PUBLISHED)
def test_core_instances_that_lost_their_node_come_first(name: str) -> None:
    made = cluster(name, 2, 2)
    assert told(made, 0.0, asked("a", 3, 0)) == {"a": 3}
    made.set_nodes([Node(name="n0", capacity=Resources(cpu=2, memory=2 * GIB))], 1.0)
    assert told(made, 1.0, asked("b", 1, 0, at=1.0)) == {}
    made.set_nodes([Node(name=f"n{i}", capacity=Resources(cpu=2, memory=2 * GIB)) for i in range(2)], 2.0)
    assert told(made, 2.0) == {"b": 1}
    assert [len(each.placed["w"]) for each in made.cluster.applications.values()] == [3, 1]


SHAPES = st.builds(lambda cpu, memory: Shape(cpu * 500, memory * GIB), st.integers(1, 4), st.integers(1, 4))


@st.composite
def histories(draw: st.DrawFn, *, elastic: int) -> list[Request]:
    made, now = [], 0.0
    for number in range(draw(st.integers(1, 12))):
        now += draw(st.sampled_from((0.0, 0.0, 1.0, 7.0, 40.0)))
        core, more = draw(st.integers(1, 3)), draw(st.integers(0, elastic))
        size = float(draw(st.integers(1, 100)))
        made.append(asked(f"r{number}", core, more, at=now, size=size, shape=draw(SHAPES)))
    return made


def lives(name: str, by: str, requests: list[Request], nodes: list[Node]) -> dict[str, Ran]:
    return run(policy(name), order(by), requests, nodes)


NODES = [Node(name=f"n{i}", capacity=Resources(cpu=3, memory=6 * GIB)) for i in range(3)]
ENDLESS = [Node(name="n0", capacity=Resources(cpu=1e6, memory=10**6 * GIB, gpu=100))]


@settings(max_examples=60, deadline=None)
@given(histories(elastic=0), st.sampled_from(sorted(ORDERS)))
def test_without_elastic_instances_flexible_is_rigid(requests: list[Request], by: str) -> None:
    rigid = lives("rigid", by, requests, NODES)
    assert lives("flexible", by, requests, NODES) == rigid
    assert lives("malleable", by, requests, NODES) == rigid
    assert lives("flexible-preemptive", by, requests, NODES) == rigid


@settings(max_examples=40, deadline=None)
@given(histories(elastic=6), st.sampled_from(sorted(ORDERS)))
def test_with_endless_capacity_all_are_equal(requests: list[Request], by: str) -> None:
    each = {request.id: request for request in requests}
    for name in PUBLISHED:
        ran = lives(name, by, requests, ENDLESS)
        assert {id: life.started for id, life in ran.items()} == {id: each[id].submitted for id in each}
        assert all(life.turnaround == pytest.approx(each[id].size) for id, life in ran.items())


@settings(max_examples=40, deadline=None)
@given(histories(elastic=6), st.sampled_from(sorted(ORDERS)), st.sampled_from(PUBLISHED))
def test_everything_ends(requests: list[Request], by: str, name: str) -> None:
    one = [Node(name="n0", capacity=Resources(cpu=20, memory=40 * GIB))]
    assert set(lives(name, by, requests, one)) == {request.id for request in requests}
