"""Our own policy: what an owner would see of each of its rules."""

from __future__ import annotations

import pytest

from zoe_hub.model.resources import Node, Resources
from zoe_hub.scheduler import estimates
from zoe_hub.scheduler.orders import FIFO
from zoe_hub.scheduler.policies.elastic import Elastic, Settings
from zoe_hub.scheduler.requests import INTERACTIVE, Demand, Request
from zoe_hub.scheduler.scheduler import Scheduler
from zoe_hub.scheduler.shapes import Shape


def request(
    id: str,
    core: int,
    elastic: int = 0,
    *,
    user: str = "alice",
    at: float = 0.0,
    size: float | None = 100.0,
    cpus: int = 1,
    priority: int = 0,
    weight: float = 1.0,
) -> Request:
    shape = Shape(1000 * cpus)
    demands = (Demand("w", "worker", core, elastic, shape),)
    return Request(id, user, at, demands, size=size, priority=priority, weight=weight)


def scheduler(*cpus: int, at_once: bool = True, **settings: float) -> Scheduler:
    made = Scheduler(Elastic(Settings(**settings)), FIFO(), at_once=at_once)  # type: ignore[arg-type]
    made.set_nodes([Node(name=f"n{n}", capacity=Resources(cpu=each)) for n, each in enumerate(cpus)], 0.0)
    return made


def granted(made: Scheduler) -> dict[str, int]:
    return {a.id: len(a.placed["w"]) for a in made.cluster.applications.values() if a.served}


def test_a_core_starts_at_once_on_what_an_elastic_instance_gives_back() -> None:
    made = scheduler(8)
    made.submit(request("a", 2, 6))
    made.decide(0.0)
    made.submit(request("b", 2, 6, at=1.0))
    made.decide(1.0)
    assert granted(made) == {"a": 6, "b": 2}


def test_two_users_share_what_is_elastic() -> None:
    made = scheduler(8, hold=60.0)
    made.submit(request("a", 1, 7))
    made.decide(0.0)
    made.submit(request("b", 1, 7, at=100.0, user="bob"))
    made.decide(100.0)
    assert granted(made) == {"a": 4, "b": 4}
    made.end("b")
    made.decide(101.0)
    assert granted(made) == {"a": 8}


def test_a_weight_of_three_gives_three_times_as_much() -> None:
    made = scheduler(8)
    made.submit(request("a", 1, 7, weight=3.0))
    made.submit(request("b", 1, 7, user="bob"))
    made.decide(0.0)
    assert granted(made) == {"a": 6, "b": 2}


def test_what_was_granted_a_moment_ago_is_kept_for_a_while() -> None:
    made = scheduler(8, hold=60.0)
    made.submit(request("b", 1, 7, user="bob"))
    made.decide(0.0)
    made.submit(request("a", 1, 7, at=10.0))
    made.decide(10.0)
    assert granted(made) == {"a": 1, "b": 7}
    again = made.due(10.0)
    assert again is not None
    made.decide(again)
    assert granted(made) == {"a": 4, "b": 4}


def test_applications_of_one_user_take_no_elastic_instances_from_each_other() -> None:
    made = scheduler(8, hold=0.0)
    made.submit(request("later", 1, 7, at=5.0))
    made.decide(5.0)
    made.submit(request("earlier", 1, 7, at=0.0))
    made.decide(100.0)
    made.decide(200.0)
    assert granted(made) == {"later": 7, "earlier": 1}


def test_interactive_work_takes_at_once_what_batch_jobs_were_granted_a_moment_ago() -> None:
    made = scheduler(8, hold=60.0)
    made.submit(request("batch", 1, 7))
    made.decide(0.0)
    made.submit(request("now", 1, 7, at=1.0, priority=INTERACTIVE))
    made.decide(1.0)
    assert granted(made) == {"batch": 1, "now": 7}


def test_an_instance_is_taken_only_where_one_of_the_other_fits_in_its_place() -> None:
    made = scheduler(3, 2, hold=0.0)
    made.submit(request("small", 1, 3))
    made.decide(0.0)
    made.submit(request("large", 1, 1, at=1.0, user="bob", cpus=1))
    made.decide(1.0)
    assert granted(made) == {"small": 3, "large": 2}
    made.submit(request("wide", 0, 1, at=2.0, user="admin", cpus=3))
    made.decide(2.0)
    made.decide(100.0)
    assert granted(made) == {"small": 3, "large": 2, "wide": 0}


def test_a_core_is_never_taken_back() -> None:
    made = scheduler(8)
    made.submit(request("a", 8, size=None))
    made.decide(0.0)
    made.submit(request("b", 1, at=1.0, priority=INTERACTIVE, user="bob"))
    made.decide(1.0)
    assert granted(made) == {"a": 8}


def test_who_ends_before_the_head_can_start_overtakes_it() -> None:
    made = scheduler(8)
    made.submit(request("a", 6, size=100.0))
    made.decide(0.0)
    made.submit(request("head", 8, at=1.0))
    made.submit(request("short", 2, at=2.0, size=50.0))
    made.submit(request("long", 2, at=2.0, size=500.0))
    made.decide(2.0)
    assert granted(made) == {"a": 6, "short": 2}


def test_who_leaves_the_head_its_room_overtakes_it() -> None:
    made = scheduler(8)
    made.submit(request("a", 6, size=100.0))
    made.decide(0.0)
    made.submit(request("head", 7, at=1.0))
    made.submit(request("long", 1, at=2.0, size=5000.0))
    made.submit(request("longer", 1, at=2.0, size=5000.0))
    made.decide(2.0)
    assert granted(made) == {"a": 6, "long": 1}


def test_nobody_overtakes_a_head_that_is_overdue() -> None:
    made = scheduler(8, bound=60.0)
    made.submit(request("a", 6, size=1000.0))
    made.decide(0.0)
    made.submit(request("head", 8, at=1.0))
    made.submit(request("short", 1, at=70.0, size=1.0, priority=INTERACTIVE))
    made.decide(70.0)
    assert granted(made) == {"a": 6}


def test_a_core_that_could_never_start_is_nobodys_obstacle() -> None:
    made = scheduler(4, 4, bound=60.0)
    made.submit(request("huge", 1, cpus=5))
    made.submit(request("a", 4, at=1.0))
    made.decide(100.0)
    assert granted(made) == {"a": 4}


def test_the_user_with_the_smaller_share_comes_first_and_classes_before() -> None:
    made = scheduler(6)
    made.submit(request("a", 4))
    made.decide(0.0)
    made.submit(request("a2", 2, at=1.0))
    made.submit(request("b", 2, at=2.0, user="bob"))
    made.decide(2.0)
    assert granted(made) == {"a": 4, "b": 2}
    made.end("b")
    made.submit(request("now", 2, at=3.0, priority=INTERACTIVE))
    made.decide(3.0)
    assert granted(made) == {"a": 4, "now": 2}


def test_an_instance_fits_on_one_node() -> None:
    made = scheduler(3, 3)
    made.submit(request("a", 1, 2, cpus=2))
    made.decide(0.0)
    assert granted(made) == {"a": 2}


def test_only_as_many_as_needed_are_taken_back() -> None:
    made = scheduler(4, 4)
    made.submit(request("a", 1, 2, cpus=2))
    made.submit(request("b", 1, 1, at=1.0))
    made.decide(1.0)
    assert granted(made) == {"a": 3, "b": 2}
    made.submit(request("c", 1, at=2.0, cpus=2))
    made.decide(2.0)
    # b's one is less urgent, but on a node where it makes no room by itself; a's last one does.
    assert granted(made)["c"] == 1
    assert granted(made)["a"] + granted(made)["b"] == 4


def test_a_core_that_waits_for_what_is_going_is_told_when_that_has_gone() -> None:
    made = scheduler(8, at_once=False)
    made.submit(request("a", 2, 6))
    made.decide(0.0)
    made.submit(request("b", 4, at=1.0))
    assert [(d.id, dict(d.granted)) for d in made.decide(1.0)] == [("a", {"w": 4})]
    made.submit(request("c", 1, at=2.0))
    assert [(d.id, dict(d.granted)) for d in made.decide(2.0)] == [("a", {"w": 3})]
    made.gone("a", "w", 4)
    assert {d.id for d in made.decide(3.0)} == {"b"}
    made.gone("a", "w", 1)
    assert {d.id for d in made.decide(3.0)} == {"c"}
    assert granted(made) == {"a": 3, "b": 4, "c": 1}


def test_who_is_more_urgent_starts_on_what_is_free_before_who_waits_longer_for_what_is_going() -> None:
    made = scheduler(8, at_once=False)
    made.submit(request("a", 2, 6))
    made.decide(0.0)
    made.submit(request("b", 4, at=1.0))
    made.decide(1.0)
    made.gone("a", "w", 2)
    made.submit(request("c", 2, at=2.0, priority=INTERACTIVE))
    assert {d.id: dict(d.granted)["w"] for d in made.decide(2.0)} == {"a": 2, "c": 2}
    assert made.decide(2.0) == [], "a second call at the same moment changes nothing"
    made.gone("a", "w", 4)
    assert [(d.id, dict(d.granted)) for d in made.decide(3.0)] == [("b", {"w": 4})]


def test_cores_of_a_lost_node_are_placed_again_first() -> None:
    made = scheduler(4, 4)
    made.submit(request("a", 4))
    made.submit(request("b", 1, 3, at=1.0, user="bob"))
    made.decide(1.0)
    made.set_nodes([Node(name="n1", capacity=Resources(cpu=4)), Node(name="n2", capacity=Resources(cpu=1))], 2.0)
    made.decide(2.0)
    assert granted(made) == {"a": 4, "b": 1}


def test_on_a_node_that_was_declared_smaller_elastic_instances_are_taken_back() -> None:
    made = scheduler(8)
    made.submit(request("a", 2, 6))
    made.decide(0.0)
    made.set_nodes([Node(name="n0", capacity=Resources(cpu=3))], 1.0)
    assert [dict(d.granted) for d in made.decide(1.0)] == [{"w": 3}]


@pytest.mark.parametrize("at_once", [False, True])
def test_nothing_changes_while_nothing_happens(at_once: bool) -> None:
    made = scheduler(8, at_once=at_once)
    made.submit(request("a", 1, 7))
    made.submit(request("b", 1, 7, user="bob"))
    made.decide(0.0)
    now: float | None = 0.0
    for _ in range(20):
        now = made.due(now or 0.0)
        assert now is not None
        assert made.decide(now) == []


def test_a_core_that_is_asked_for_later_waits_in_line() -> None:
    made = scheduler(4)
    made.submit(request("a", 4, 0, user="alice"))
    made.submit(request("b", 0, 0, user="bob", at=1.0))
    made.decide(1.0)
    made.submit(request("c", 2, 0, user="admin", at=2.0))
    made.decide(2.0)
    made.change(request("b", 1, 0, user="bob", at=1.0), 3.0)
    assert made.decide(3.0) == [], "there is no room for it"
    assert granted(made)["b"] == 0
    made.end("a")
    assert [decision.id for decision in made.decide(4.0)] == ["b", "c"]


def test_it_comes_behind_those_ahead_of_it_and_a_core_of_a_lost_node_before() -> None:
    made = scheduler(2, 2)
    made.submit(request("a", 2, 0, user="alice"))
    made.submit(request("b", 2, 0, user="alice", at=1.0))
    made.submit(request("z", 0, 0, user="alice", at=1.0))
    made.decide(1.0)
    made.submit(request("c", 2, 0, user="alice", at=2.0))
    made.change(request("z", 1, 0, user="alice", at=1.0), 3.0)
    assert made.decide(3.0) == []
    made.end("b")
    assert [decision.id for decision in made.decide(4.0)] == ["c"]
    made.set_nodes([Node(name="n1", capacity=Resources(cpu=2))], 5.0)
    made.decide(5.0)
    lost, other = sorted("ac", key=lambda id: not made.cluster.applications[id].broken)
    made.end(other)
    made.decide(6.0)
    assert not made.cluster.applications[lost].broken
    assert granted(made)["z"] == 0


def test_what_waits_of_a_core_does_so_after_a_restart() -> None:
    made = scheduler(2)
    made.submit(request("a", 2, 0, user="alice"), admitted_at=0.0)
    made.submit(request("z", 1, 1, user="bob"), admitted_at=0.0, granted={"w": 0}, asked_at=9.0)
    made.submit(request("c", 2, 0, user="bob", at=5.0))
    assert made.decide(10.0) == []
    made.end("a")
    assert [decision.id for decision in made.decide(11.0)] == ["c"]


def test_a_larger_core_is_told_when_what_is_given_back_for_it_has_gone() -> None:
    made = scheduler(4, at_once=False)
    made.submit(request("z", 0, 0, user="bob"))
    made.submit(request("a", 0, 4, user="alice"))
    made.decide(0.0)
    assert granted(made) == {"z": 0, "a": 4}
    made.change(request("z", 1, 0, user="bob"), 100.0)
    assert [(d.id, d.granted["w"]) for d in made.decide(100.0)] == [("a", 3)]
    made.gone("a", "w")
    assert [(d.id, d.granted["w"]) for d in made.decide(130.0)] == [("z", 1)]


def test_who_outlived_its_statement_is_not_about_to_end() -> None:
    made = scheduler(4)
    made.submit(request("long", 2, size=1000.0))
    made.submit(request("lies", 1, size=10.0))
    made.decide(0.0)
    made.submit(request("head", 3, at=1.0))
    made.decide(20.0)
    made.submit(request("longer", 1, at=21.0, size=5000.0))
    made.decide(21.0)
    assert not made.cluster.applications["longer"].served, "the head needs the room that is free when long has ended"
    assert estimates.waits(made.cluster, 21.0)["head"] == 979.0
    made.end("long")
    assert [decision.id for decision in made.decide(1000.0)] == ["head"]


def test_what_is_said_of_interactive_work_lets_nobody_overtake() -> None:
    for priority, overtakes in ((0, True), (INTERACTIVE, False)):
        made = scheduler(4)
        made.submit(request("long", 3, size=1000.0, priority=priority))
        made.decide(0.0)
        made.submit(request("head", 4, at=1.0, priority=priority))
        made.submit(request("short", 1, at=2.0, size=10.0, priority=priority))
        made.decide(3.0)
        assert made.cluster.applications["short"].served is overtakes


def test_a_clock_that_was_set_back_does_not_stop_sharing() -> None:
    made = scheduler(4, hold=30.0)
    made.submit(request("a", 0, 4))
    made.decide(10_000.0)
    made.submit(request("b", 0, 4, user="bob", at=6_500.0))
    made.decide(6_400.0)
    assert granted(made) == {"a": 4, "b": 0}
    made.decide(6_431.0)
    assert granted(made) == {"a": 2, "b": 2}
