"""Our own policy where quotas, lost nodes and the bound of waiting meet: what an owner would see."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from zoe_hub.model.quotas import Quotas
from zoe_hub.model.resources import Node, Resources
from zoe_hub.scheduler.allowances import Rules
from zoe_hub.scheduler.orders import FIFO
from zoe_hub.scheduler.policies.elastic import Elastic, Settings
from zoe_hub.scheduler.requests import Demand, Request
from zoe_hub.scheduler.scheduler import Scheduler
from zoe_hub.scheduler.shapes import Shape

DAY = 86400.0


def request(
    id: str,
    core: int,
    elastic: int = 0,
    *,
    user: str = "alice",
    at: float = 0.0,
    size: float | None = None,
    group: str = "",
    cpus: float = 1,
) -> Request:
    demands = (Demand("w", "worker", core, elastic, Shape(round(1000 * cpus))),)
    return Request(id, user, at, demands, size=size, groups=(group,) if group else (), name=id)


def nodes(*cpus: int, gone: str = "") -> list[Node]:
    every = [Node(name=f"n{n}", capacity=Resources(cpu=each)) for n, each in enumerate(cpus)]
    return [node for node in every if node.name != gone]


def scheduler(*cpus: int, at_once: bool = True, quotas: dict[str, Any] | None = None, **settings: Any) -> Scheduler:
    made = Scheduler(Elastic(Settings(**settings)), FIFO(), at_once=at_once)
    made.set_nodes(nodes(*cpus), 0.0)
    if quotas:
        made.set_quotas(Rules(Quotas(apiVersion="zoe/v1", kind="Quotas", **quotas)), {}, 0.0)
    return made


def granted(made: Scheduler) -> dict[str, int]:
    return {a.id: len(a.placed["w"]) for a in made.cluster.applications.values() if a.served}


# Quotas


def test_ones_own_elastic_instances_do_not_keep_ones_next_core_out_for_a_quota() -> None:
    made = scheduler(100, quotas={"everybody": {"cpu": 8}})
    made.submit(request("a", 2, 6))
    made.decide(0.0)
    assert granted(made) == {"a": 8}
    made.submit(request("b", 3, 5, at=1.0))
    made.submit(request("other", 2, 6, at=1.0, user="bob"))
    made.decide(1.0)
    assert granted(made) == {"a": 5, "b": 3, "other": 8}


def test_nor_do_those_of_other_members_of_a_group() -> None:
    made = scheduler(100, quotas={"groups": {"students": {"together": {"cpu": 8}}}})
    made.submit(request("a", 1, 20, group="students"))
    made.decide(0.0)
    made.submit(request("b", 2, 20, at=1.0, user="bob", group="students"))
    made.submit(request("free", 1, 5, at=1.0, user="admin"))
    made.decide(1.0)
    assert granted(made) == {"a": 6, "b": 2, "free": 6}
    assert made.cluster.refusal(made.cluster.applications["b"]) is not None, "its elastic ones do wait for the quota"


def test_a_core_is_told_when_what_is_given_back_for_its_quota_has_gone() -> None:
    made = scheduler(100, at_once=False, quotas={"everybody": {"cpu": 8}})
    made.submit(request("a", 2, 6))
    made.decide(0.0)
    made.submit(request("b", 3, at=1.0))
    assert [(d.id, d.granted["w"]) for d in made.decide(1.0)] == [("a", 5)]
    made.gone("a", "w", 2)
    assert made.decide(2.0) == []
    made.gone("a", "w", 1)
    assert [(d.id, d.granted["w"]) for d in made.decide(3.0)] == [("b", 3)]


def test_a_core_for_which_a_quota_is_too_small_beside_other_cores_takes_nothing() -> None:
    made = scheduler(100, quotas={"everybody": {"cpu": 8}})
    made.submit(request("a", 4, 4))
    made.decide(0.0)
    made.submit(request("b", 5, at=1.0))
    assert made.decide(1.0) == []
    assert "Your quota of 8 CPU" in str(made.cluster.refusal(made.cluster.applications["b"]))


def test_a_larger_core_takes_the_owners_elastic_instances_where_the_quota_is_used() -> None:
    made = scheduler(100, quotas={"everybody": {"cpu": 8}})
    made.submit(request("a", 1, 7))
    made.submit(request("z", 0, 0, at=1.0))
    made.decide(1.0)
    made.change(request("z", 2, 0, at=1.0), 2.0)
    made.decide(2.0)
    assert granted(made) == {"a": 6, "z": 2}


def test_who_waited_too_long_for_a_groups_quota_is_overtaken_by_no_member() -> None:
    made = scheduler(100, bound=100.0, quotas={"groups": {"students": {"together": {"cpu": 6}}}})
    for number in range(3):
        made.submit(request(f"s{number}", 2, user="bob", group="students"))
    made.decide(0.0)
    made.submit(request("large", 6, at=1.0, group="students"))
    ended = 0
    for now in range(20, 300, 20):
        # One of the small ones ends, and another one comes.
        oldest = next((id for id in granted(made) if id.startswith("s")), None)
        if oldest is not None:
            made.end(oldest)
            ended += 1
        made.submit(request(f"s{now}", 2, at=float(now), user="bob", group="students"))
        made.submit(request(f"free{now}", 1, at=float(now), user="admin"))
        made.decide(float(now))
        assert f"free{now}" in granted(made), "it is in no such group"
        if "large" in granted(made):
            break
    assert granted(made)["large"] == 6
    assert now <= 180


def test_its_right_to_the_quota_is_kept_while_it_waits_for_room() -> None:
    made = scheduler(4, 2, bound=100.0, quotas={"groups": {"students": {"together": {"cpu": 4}}}})
    made.submit(request("a", 4, user="admin"))
    made.decide(0.0)
    made.submit(request("large", 1, at=1.0, group="students", cpus=4))
    made.submit(request("small", 1, at=150.0, user="bob", group="students"))
    made.submit(request("free", 1, at=150.0, user="admin"))
    made.decide(150.0)
    assert granted(made) == {"a": 4, "free": 1}
    made.end("a")
    made.decide(151.0)
    assert granted(made) == {"large": 1, "free": 1}


def test_whom_a_quota_hinders_keeps_nobody_from_looking() -> None:
    made = scheduler(8, hold=60.0, quotas={"users": {"alice": {"gpu": 0}}})
    made.submit(request("b", 0, 8, user="bob"))
    made.submit(Request("hindered", "alice", 0.0, (Demand("w", "worker", 0, 1, Shape(0, 0, 1)),)))
    made.decide(0.0)
    made.submit(request("a", 0, 8, at=3.0))
    made.decide(3.0)
    assert made.due(3.0) == 63.0
    made.decide(63.0)
    assert granted(made) == {"b": 4, "a": 4, "hindered": 0}


# Waiting


def test_nobody_overtakes_who_waited_too_long_where_it_is_to_go_and_all_else_goes_on() -> None:
    made = scheduler(4, 4, bound=DAY)
    made.submit(request("a", 2, cpus=1))
    made.submit(request("b", 1, at=1.0, cpus=3))
    made.decide(1.0)
    made.submit(request("head", 1, at=2.0, cpus=4, user="bob"))
    now = 2 * DAY
    made.submit(request("late", 1, at=now))
    made.submit(request("later", 1, at=now))
    made.decide(now)
    # Nobody knows when a and b end. The head is to have the node of the younger one, the other one is for all.
    assert made.cluster.applications["head"].drawn is not None
    [place] = made.cluster.applications["head"].drawn[1]
    started = {id: made.cluster.applications[id].placed["w"] for id in ("late", "later")}
    assert {node for nodes in started.values() for node in nodes} == {1 - place}
    for id in [id for id, a in made.cluster.applications.items() if a.placed["w"] and place in a.placed["w"]]:
        made.end(id)
    made.decide(now + 1.0)
    assert granted(made)["head"] == 1


def test_the_room_that_is_kept_is_the_same_until_it_has_waited_as_long_again() -> None:
    made = scheduler(4, 4, bound=100.0)
    made.submit(request("old", 1, cpus=4))
    made.decide(0.0)
    made.submit(request("young", 1, at=1.0, cpus=4, user="bob"))
    made.decide(1.0)
    made.submit(request("head", 1, at=2.0, cpus=4, user="admin"))
    made.decide(150.0)
    drawn = made.cluster.applications["head"].drawn
    assert drawn == (250.0, {1: Shape(4000)}), "who started last is taken to end first"
    made.decide(240.0)
    assert made.cluster.applications["head"].drawn is drawn
    made.decide(251.0)
    assert made.cluster.applications["head"].drawn == (351.0, {1: Shape(4000)})


def test_a_core_whose_node_was_lost_keeps_its_room_free_and_stops_nobody_else() -> None:
    made = scheduler(4, 4, 2)
    made.submit(request("a", 1, cpus=4))
    made.submit(request("b", 1, at=1.0, cpus=3, user="bob"))
    made.decide(1.0)
    made.set_nodes(nodes(4, 4, 2, gone="n0"), 2.0)
    made.submit(request("c", 1, at=2.0))
    made.submit(request("d", 1, at=2.0, cpus=2))
    made.decide(2.0)
    assert made.cluster.applications["a"].broken
    assert made.cluster.applications["d"].served is False, "c was first on the node that is too small for a"
    assert granted(made) == {"a": 0, "b": 1, "c": 1}
    made.end("b")
    made.decide(3.0)
    assert granted(made) == {"a": 1, "c": 1}


def test_while_a_lost_core_waits_the_bound_holds_for_all_others() -> None:
    made = scheduler(4, 4, 4, bound=100.0)
    for number in range(3):
        made.submit(request(f"a{number}", 1, cpus=4, user="alice"))
    made.decide(0.0)
    made.submit(request("head", 1, at=1.0, cpus=4, user="bob"))
    made.decide(1.0)
    made.set_nodes(nodes(4, 4, 4, gone="n0"), 2.0)
    made.decide(2.0)
    for name in ("a1", "a2"):
        made.end(name)
        made.submit(request(f"small-{name}", 1, at=200.0, user="admin"))
        made.decide(200.0)
    assert granted(made) == {"a0": 1, "head": 1}


def test_a_core_is_placed_again_when_what_was_taken_back_for_it_has_gone() -> None:
    made = Scheduler(Elastic(), FIFO())
    made.set_nodes(nodes(1, 1), 0.0)
    demands = (Demand("w", "worker", 0, 1, Shape(500)), Demand("m", "master", 1, 0, Shape(1000)))
    made.submit(Request("a", "alice", 0.0, demands))
    made.decide(0.0)
    a = made.cluster.applications["a"]
    assert a.placed == {"w": [1], "m": [0]}
    made.set_nodes(nodes(1, 1, gone="n0"), 1.0)
    assert [dict(d.granted) for d in made.decide(1.0)] == [{"w": 0, "m": 1}]
    assert (a.placed, a.planned) == ({"w": [], "m": []}, {"w": [], "m": [0]})
    made.gone("a", "w")
    made.decide(2.0)
    assert a.placed == {"w": [], "m": [0]}


def test_several_that_lost_their_node_do_not_keep_more_than_the_first_of_them_needs() -> None:
    made = scheduler(4, 4, 4)
    for number in range(3):
        made.submit(request(f"a{number}", 1, cpus=4))
    made.decide(0.0)
    made.set_nodes([*nodes(4, 4, 4, gone="n0")[1:], Node(name="n3", capacity=Resources(cpu=2))], 1.0)
    made.decide(1.0)
    lost = [a for a in made.cluster.applications.values() if a.broken]
    assert [a.drawn is not None for a in lost] == [True, False]


@pytest.mark.parametrize(("now", "started"), [(50.0, "younger"), (150.0, "older")])
def test_those_that_are_overdue_start_in_the_order_in_which_they_came(now: float, started: str) -> None:
    made = scheduler(8, bound=100.0)
    made.submit(request("a", 5))
    made.submit(request("b", 3, user="bob"))
    made.decide(0.0)
    made.set_nodes(nodes(8, 2), 0.0)
    made.submit(request("head", 1, at=1.0, cpus=8, user="admin"))
    made.submit(request("older", 1, at=2.0, cpus=2))
    made.submit(request("younger", 1, at=3.0, cpus=2, user="bob"))
    made.decide(now)
    assert granted(made) == {"a": 5, "b": 3, started: 1}, "bob has less, but is later"


def test_when_somebody_is_to_be_overdue_it_is_looked_again() -> None:
    made = scheduler(4, bound=100.0)
    made.submit(request("a", 4))
    made.submit(request("b", 1, at=7.0))
    made.decide(10.0)
    assert made.due(10.0) == 107.0


# Sharing


@pytest.mark.parametrize(
    ("cpus", "first", "second", "shared"),
    [(8, "light", "heavy", 2), (8, "heavy", "light", 6), (7, "heavy", "light", 6)],
)
def test_what_is_taken_is_shared_by_weight(cpus: int, first: str, second: str, shared: int) -> None:
    made = scheduler(cpus, hold=10.0)
    weights = {"light": 1.0, "heavy": 3.0}
    made.submit(replace(request("a", 0, cpus, user=first), weight=weights[first]))
    made.decide(0.0)
    made.submit(replace(request("b", 0, 8, at=20.0, user=second), weight=weights[second]))
    made.decide(20.0)
    assert granted(made) == {"a": shared, "b": cpus - shared}


# Overtaking


def test_who_overtakes_a_head_does_not_make_it_start_later() -> None:
    made = scheduler(8)
    made.submit(request("a", 4, 4, size=100.0))
    made.decide(0.0)
    made.submit(request("head", 8, at=1.0, user="bob"))
    # With its core alone, a would take 200 seconds, and nothing that is taken from it makes it take more.
    made.submit(request("long", 1, at=1.0, size=200.0, user="admin"))
    made.submit(request("short", 1, at=1.0, size=199.0, user="admin"))
    made.decide(1.0)
    assert granted(made) == {"a": 7, "short": 1}
    end = made.cluster.applications["a"].ends_at
    assert end is not None
    assert end <= 200.0
    made.end("short")
    made.end("a")
    made.decide(200.0)
    assert granted(made)["head"] == 8


# Looking


def test_looks_for_what_others_could_give_back_become_rare_but_never_too_rare() -> None:
    made = scheduler(4, hold=60.0)
    made.submit(request("b", 4, user="bob"))
    made.submit(request("a", 0, 4))
    now, waits = 0.0, []
    made.decide(now)
    for _ in range(12):
        due = made.due(now)
        assert due is not None
        waits.append(due - now)
        now = due
        made.decide(now)
    assert waits[:4] == [60.0, 120.0, 240.0, 480.0]
    assert waits[-1] == 32 * 60.0
    made.change(request("a", 0, 3), now)
    made.decide(now)
    due = made.due(now)
    assert due == now + 60.0


@pytest.mark.parametrize("hold", [0.0, 0.1])
def test_without_a_hold_one_looks_once_a_second(hold: float) -> None:
    made = scheduler(4, hold=hold)
    made.submit(request("b", 4, user="bob"))
    made.submit(request("a", 0, 4))
    made.decide(0.0)
    assert made.due(0.0) == 1.0


# Fitting


@pytest.mark.parametrize(
    ("capacities", "shapes"),
    [
        ([Shape(4000), Shape(3000)], [Shape(3000), Shape(4000)]),
        ([Shape(4000, 0, 1), Shape(4000)], [Shape(4000), Shape(4000, 0, 1)]),
        # The first node on which the larger one fits is the only one for the others.
        ([Shape(6000), Shape(5000)], [Shape(3000), Shape(3000), Shape(5000)]),
    ],
)
def test_a_core_that_fits_in_any_order_starts(capacities: list[Shape], shapes: list[Shape]) -> None:
    for by in (1, -1):
        made = Scheduler(Elastic(), FIFO(), at_once=True)
        made.set_nodes(
            [Node(name=f"n{n}", capacity=Resources(cpu=c.cpu / 1000, gpu=c.gpu)) for n, c in enumerate(capacities)], 0.0
        )
        filler = tuple(Demand(f"f{n}", "filler", 0, 6, Shape(1000)) for n in range(1))
        made.submit(Request("filler", "bob", 0.0, filler))
        made.decide(0.0)
        demands = tuple(Demand(f"d{n}", "worker", 1, 0, shape) for n, shape in enumerate(shapes[::by]))
        made.submit(Request("a", "alice", 1.0, demands))
        made.decide(1.0)
        assert made.cluster.applications["a"].served
