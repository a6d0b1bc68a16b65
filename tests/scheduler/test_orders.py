"""Who comes first under which order."""

from __future__ import annotations

import math
from itertools import product

import pytest

from zoe_hub.model.errors import UnknownName
from zoe_hub.scheduler.cluster import Application, Cluster
from zoe_hub.scheduler.methods import ORDERS, POLICIES, policy
from zoe_hub.scheduler.methods import order as make_order
from zoe_hub.scheduler.orders import HRRN, SJF, SRPT
from zoe_hub.scheduler.requests import INTERACTIVE, Demand, Request
from zoe_hub.scheduler.shapes import Shape

GIB = 1024**3
SMALL = Shape(1000, GIB)
ALL = Shape(100_000, 100 * GIB, 8)


def application(
    id: str,
    *,
    size: float | None = 10.0,
    submitted: float = 0.0,
    core: int = 1,
    elastic: int = 0,
    shape: Shape = SMALL,
    priority: int = 0,
) -> Application:
    demand = Demand("w", "worker", core, elastic, shape)
    return Application(Request(id, "alice", submitted, (demand,), priority=priority, size=size))


def ranked(order: str, now: float, *applications: Application, capacity: Shape = ALL) -> str:
    cluster = Cluster(make_order(order))
    cluster.order.set_capacity(capacity)
    cluster.applications.update({each.id: each for each in applications})
    return " ".join(each.id for each in cluster.waiting(now))


def test_first_in_first_out() -> None:
    assert ranked("fifo", 9.0, application("b", submitted=1.0), application("a", submitted=2.0)) == "b a"


def test_the_shortest_first_and_among_equals_the_first() -> None:
    apps = [application("long", size=20.0), application("late", submitted=1.0), application("short", size=5.0)]
    assert ranked("sjf", 9.0, *apps, application("early")) == "short early late long"


def test_interactive_before_batch_under_every_order() -> None:
    tiny = application("batch", size=0.001)
    for order in ORDERS:
        notebook = application("notebook", size=None, submitted=5.0, core=50, priority=INTERACTIVE)
        assert ranked(order, 9.0, tiny, notebook) == "notebook batch", order


def test_what_nobody_knows_is_taken_for_an_hour() -> None:
    apps = [application("day", size=86_400.0), application("unknown", size=None), application("minute", size=60.0)]
    assert ranked("sjf", 9.0, *apps) == ranked("hrrn", 9.0, *apps) == "minute unknown day"


def test_more_dimensions_weigh_the_time() -> None:
    wide = application("wide", size=10.0, core=1, elastic=9)
    long = application("long", size=50.0)
    big = application("big", size=20.0, shape=Shape(4000, 8 * GIB))
    assert ranked("sjf", 0.0, wide, long, big) == "wide big long"
    assert ranked("sjf-2d", 0.0, wide, long, big) == "big long wide"
    assert ranked("sjf-3d", 0.0, wide, long, big) == "long wide big"


def test_a_graphics_processor_is_a_large_share_where_there_are_few() -> None:
    learner = application("learner", shape=Shape(1000, GIB, 4))
    wide = application("wide", core=30)
    assert ranked("sjf-3d", 0.0, learner, wide) == "learner wide"
    assert ranked("sjf-share", 0.0, learner, wide) == "wide learner"
    assert ranked("sjf-share", 0.0, learner, wide, capacity=Shape(100_000, 100 * GIB)) == "wide learner"


def test_remaining_time_counts_what_is_done() -> None:
    running, order = application("running", size=100.0, core=1, elastic=1), SRPT()
    running.admitted_at = running.progressed_at = 0.0
    running.placed["w"] = [0]
    assert order.key(running, 0.0) == 100.0
    assert order.key(running, 40.0) == pytest.approx(80.0)  # at half speed
    running.placed["w"].append(0)
    running.progress, running.progressed_at = 0.2, 40.0
    assert order.key(running, 90.0) == pytest.approx(30.0)
    assert order.key(running, 500.0) == 0.0
    assert order.key(application("waiting", size=100.0), 500.0) == 100.0
    assert SJF().key(running, 90.0) == 100.0


def test_the_response_ratio_grows_with_the_wait_and_more_for_the_short() -> None:
    old_long, new_short = application("long", size=100.0), application("short", size=10.0, submitted=90.0)
    assert ranked("hrrn", 90.0, old_long, new_short) == "long short"  # 1.9 to 1
    assert ranked("hrrn", 99.0, old_long, new_short) == "long short"  # 1.99 to 1.9
    assert ranked("hrrn", 101.0, old_long, new_short) == "short long"  # 2.01 to 2.1
    assert HRRN().key(old_long, 300.0) == pytest.approx(1 / (1 + 300 / 100))


def test_waiting_ends_with_the_admission() -> None:
    served = application("served", size=100.0)
    served.admitted_at = 50.0
    assert HRRN().key(served, 50.0) == HRRN().key(served, 5000.0)


def test_nobody_waits_for_ever_for_those_who_come_later() -> None:
    waiting = application("waiting", size=9 * 86_400.0)
    wait = 0.0
    while ranked("hrrn", wait, waiting, application("new", size=1.0, submitted=wait)) != "waiting new":
        wait = 1.0 + wait * 2
    assert wait <= 1.0


def test_the_size_of_2018_shrinks_with_time_and_starts_again() -> None:
    order, each = make_order("dynsize"), application("a", core=4, shape=Shape(1000, GIB))  # 4 * 4 GiB: 64 seconds
    assert [order.key(each, now) for now in (0.0, 16.0, 63.0, 64.0)] == [64.0, 48.0, 1.0, 64.0]


@pytest.mark.parametrize("name", ORDERS)
def test_keys_can_always_be_compared(name: str) -> None:
    order = make_order(name)
    assert order.name == name
    shapes = (Shape(), Shape(1), Shape(0, 1), Shape(0, 0, 1))
    for size, shape, served, core in product((None, 0.0, 1e-300, 1e9), shapes, (None, 3.0), (0, 1)):
        each = application("a", size=size, shape=shape, core=core)
        each.admitted_at = served
        for capacity in (Shape(), SMALL):
            order.set_capacity(capacity)
            assert math.isfinite(order.key(each, 5.0))


def test_names_are_known_and_others_are_answered_with_those_that_are() -> None:
    for name in POLICIES:
        assert policy(name).name == name
    with pytest.raises(UnknownName, match="lifo"):
        make_order("lifo")
    with pytest.raises(UnknownName, match="greedy"):
        policy("greedy")
