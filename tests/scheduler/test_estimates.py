"""What earlier runs tell of the next one, and the ends of others about one's start."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoe_hub.model.resources import Node, Resources
from zoe_hub.scheduler.estimates import Run, alike, learned, waits
from zoe_hub.scheduler.methods import order, policy
from zoe_hub.scheduler.requests import Demand, Request
from zoe_hub.scheduler.scheduler import Scheduler
from zoe_hub.scheduler.shapes import Shape


def runs(*work: float, owner: str = "alice", **parameters: Any) -> list[Run]:
    return [Run(owner, parameters, each) for each in work]


def test_without_any_run_nobody_knows() -> None:
    assert learned("alice", {}, []) is None


def test_ones_own_runs_alike_come_first_then_others_alike_then_ones_own_then_all() -> None:
    mine = runs(10, 20, 30, rows=100)
    alike = runs(100, 200, 300, owner="bob", rows=100)
    other = runs(1000, 2000, 3000, rows=9)
    strange = runs(10_000, 20_000, 30_000, owner="bob", rows=9)
    asked = {"rows": 100}
    assert learned("alice", asked, [*strange, *other, *alike, *mine]) == 20
    assert learned("alice", asked, [*strange, *other, *alike]) == 200
    assert learned("alice", asked, [*strange, *other]) == 2000
    assert learned("alice", asked, strange) == 20_000


def test_few_runs_alike_are_believed_only_where_there_are_not_more_of_others() -> None:
    assert learned("alice", {"rows": 1}, [*runs(7, rows=1), *runs(1, 2, 3, owner="bob", rows=1)]) == 3
    assert learned("alice", {"rows": 1}, [*runs(7, rows=1), *runs(5, owner="bob", rows=50)]) == 7


def test_one_that_failed_early_or_hung_moves_nothing() -> None:
    assert learned("alice", {}, runs(100, 0.1, 101, 99, 1e9)) == 100


def test_the_newest_count() -> None:
    assert learned("alice", {}, runs(*[5.0] * 20, *[900.0] * 100)) == 5


@given(st.lists(st.floats(0, 1e12), min_size=1, max_size=50))
def test_what_is_learned_lies_within_what_was(work: list[float]) -> None:
    found = learned("bob", {"x": 1}, runs(*work, x=1))
    assert found is not None
    assert min(work) <= found <= max(work)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({"n": 10}, {"n": 20}, True),
        ({"n": 20}, {"n": 10}, True),
        ({"n": 10}, {"n": 21}, False),
        ({"n": 0}, {"n": 0}, True),
        ({"n": 0}, {"n": 1}, False),
        ({"n": -1}, {"n": 1}, False),
        ({"n": 1}, {"n": True}, False),
        ({"name": "a"}, {"name": "a"}, True),
        ({"name": "a"}, {"name": "b"}, False),
        ({"n": 1, "m": 1}, {"n": 1}, False),
    ],
)
def test_parameters_alike(one: Any, other: Any, expected: bool) -> None:
    assert alike(one, other) is expected


def application(name: str, cores: int, *, elastic: int = 0, size: float | None = None, at: float = 0.0) -> Request:
    demand = Demand("x", "Worker", cores, elastic, Shape(cpu=1000))
    return Request(id=name, user="alice", submitted=at, demands=(demand,), size=size)


def machines(*cpu: int) -> Scheduler:
    scheduler = Scheduler(policy("elastic"), order("fifo"))
    nodes = [Node(name=f"n{number}", capacity=Resources(cpu=each)) for number, each in enumerate(cpu)]
    scheduler.set_nodes(nodes, 0.0)
    return scheduler


def test_it_starts_when_enough_of_those_that_run_have_ended() -> None:
    scheduler = machines(4)
    scheduler.submit(application("short", 2, size=100), admitted_at=0.0, granted={"x": 2})
    scheduler.submit(application("long", 2, size=1000), admitted_at=0.0, granted={"x": 2})
    scheduler.submit(application("small", 1))
    scheduler.submit(application("large", 4, at=1.0))
    assert waits(scheduler.cluster, 10.0) == {"small": 90.0}
    scheduler.end("small")
    assert waits(scheduler.cluster, 10.0) == {"large": 990.0}


def test_those_ahead_start_first_and_run_as_long_as_is_expected_of_them() -> None:
    scheduler = machines(2)
    scheduler.submit(application("now", 2, size=100), admitted_at=0.0, granted={"x": 2})
    for number in range(3):
        scheduler.submit(application(f"next{number}", 2, size=50, at=float(number)))
    assert waits(scheduler.cluster, 40.0) == {"next0": 60.0, "next1": 110.0, "next2": 160.0}


def test_what_runs_with_less_than_it_wishes_takes_longer() -> None:
    scheduler = machines(2)
    scheduler.submit(application("half", 1, elastic=3, size=100), admitted_at=0.0, granted={"x": 2})
    scheduler.submit(application("next", 2))
    # Half of what it wishes: twice its time; the elastic one is taken back for a core, the core is not.
    assert waits(scheduler.cluster, 0.0) == {"next": 200.0}


def test_behind_one_of_which_nobody_knows_the_end_nobody_knows_the_start() -> None:
    scheduler = machines(2)
    scheduler.submit(application("notebook", 2), admitted_at=0.0, granted={"x": 2})
    scheduler.submit(application("next", 1, size=10))
    assert waits(scheduler.cluster, 5.0) == {}


def test_what_is_ending_gives_all_back_at_once() -> None:
    scheduler = machines(2)
    scheduler.submit(application("notebook", 2), admitted_at=0.0, granted={"x": 2})
    scheduler.submit(application("next", 1))
    scheduler.leave("notebook", 5.0)
    assert waits(scheduler.cluster, 5.0) == {"next": 0.0}


def test_room_on_two_nodes_is_none_for_one_core_of_two() -> None:
    scheduler = machines(1, 1)
    big = Request(id="big", user="bob", submitted=0.0, demands=(Demand("x", "Worker", 1, 0, Shape(cpu=2000)),))
    scheduler.submit(big)
    assert waits(scheduler.cluster, 0.0) == {}


line = st.lists(st.tuples(st.integers(1, 4), st.none() | st.floats(1, 1000)), min_size=1, max_size=8)


@given(line, line, st.lists(st.integers(1, 6), min_size=1, max_size=4))
def test_nobody_is_foreseen_to_start_before_those_ahead(
    served: list[tuple[int, float | None]], waiting: list[tuple[int, float | None]], cpu: list[int]
) -> None:
    scheduler = machines(*cpu)
    free = sum(cpu)
    for number, (cores, size) in enumerate(served):
        if cores <= free:
            free -= cores
            scheduler.submit(application(f"s{number}", cores, size=size), admitted_at=0.0, granted={"x": cores})
    for number, (cores, size) in enumerate(waiting):
        scheduler.submit(application(f"w{number}", cores, size=size, at=float(number)))
    found = waits(scheduler.cluster, 0.0)
    names = [application.id for application in scheduler.cluster.waiting(0.0)]
    assert list(found) == names[: len(found)]
    assert list(found.values()) == sorted(found.values())
    assert all(wait >= 0 for wait in found.values())
