"""Who comes first of all that wait, and of whom there may be room, is what a look at each one says."""

from __future__ import annotations

import math
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoe_hub.model.quotas import Quotas
from zoe_hub.model.resources import Node, Resources
from zoe_hub.scheduler.allowances import Rules
from zoe_hub.scheduler.cluster import Application
from zoe_hub.scheduler.elastic import fitting
from zoe_hub.scheduler.elastic.books import longest
from zoe_hub.scheduler.elastic.entries import Entry, Group
from zoe_hub.scheduler.elastic.waiting import Waiting
from zoe_hub.scheduler.level import Level, number
from zoe_hub.scheduler.methods import ORDERS, order
from zoe_hub.scheduler.orders import Order
from zoe_hub.scheduler.policies.elastic import Elastic
from zoe_hub.scheduler.requests import Demand, Request
from zoe_hub.scheduler.scheduler import Scheduler
from zoe_hub.scheduler.shapes import Shape

NOW = 100.0
NODES = 50
GIB = 2**30
GROUPS = [Group(10, "alice", 1.0), Group(0, "alice", 1.0), Group(0, "bob", 1.0), Group(0, "carol", 2.0)]
RANKS = [GROUPS[:1], GROUPS[1:3], GROUPS[3:]]
SHAPES = st.builds(lambda cpu, memory: Shape(cpu * 1000, memory * GIB), st.integers(0, 3), st.integers(0, 3))
REQUESTS = st.builds(
    lambda group, submitted, core, shape, size: (
        group,
        Request("", "", submitted, (Demand("d", "worker", core, 0, shape),), 0, size),
    ),
    st.integers(0, len(GROUPS) - 1),
    st.sampled_from((0.0, 20.0, 60.0, 100.0)),
    st.integers(1, 3),
    SHAPES,
    st.sampled_from((None, 0.0, 10.0, 30.0, 500.0)),
)
LINES = st.lists(REQUESTS, max_size=20)
AMOUNTS = st.lists(
    st.builds(lambda cpu, memory: Shape(cpu * 1000, memory * GIB), st.integers(-1, 4), st.integers(-1, 4)),
    min_size=1,
    max_size=3,
)
KEPT = st.dictionaries(st.integers(0, 2), SHAPES, max_size=3)
MOVING = sorted(name for name in ORDERS if not order(name).still)


def line(kind: Order, level: Level, requests: list[tuple[int, Request]]) -> tuple[Waiting, list[Entry]]:
    """All of them wait at the moment `NOW`, and who does."""
    kind.set_capacity(Shape(100_000, 100 * GIB, 0))
    waiting, entries = Waiting(kind, level), list[Entry]()
    for index, (group, each) in enumerate(requests):
        # Ids are no order of submission.
        request = Request(f"a{index * 7 % 20:02}", "", each.submitted, each.demands, 0, each.size)
        application = Application(request)
        key = kind.key(application, NOW), request.submitted, request.id
        entries.append(Entry(application, request, GROUPS[group], key, waiting=True))
        waiting.add(entries[-1], longest(request))
    waiting.set_time(NOW)
    return waiting, entries


@given(
    LINES,
    AMOUNTS,
    KEPT,
    st.sampled_from((50.0, math.inf)),
    st.sampled_from((-math.inf, 120.0, math.inf)),
    st.sampled_from(sorted(ORDERS)),
    st.sampled_from((0, 512)),
)
def test_the_first_candidate_is_the_first_for_whom_there_is_room(
    requests: list[tuple[int, Request]],
    amounts: list[Shape],
    kept: dict[int, Shape],
    bound: float,
    until: float,
    name: str,
    few: int,
) -> None:
    level = Level([*amounts, *[Shape(-1)] * NODES])
    kept = {} if until == math.inf else {node: shape for node, shape in kept.items() if node < len(amounts)}
    beside = [amount.plus(kept.get(node, Shape()), -1) for node, amount in enumerate(level.amounts)]

    def fits(entry: Entry) -> bool:
        (demand,) = entry.request.demands
        there = level.amounts if NOW + longest(entry.request) <= until else beside
        return demand.core <= sum(number(amount, demand.shape) for amount in there)

    def place(entry: Entry) -> tuple[object, ...]:
        if entry.request.submitted + bound <= NOW:
            return 0, entry.request.submitted, entry.request.id
        return 1, next(n for n, rank in enumerate(RANKS) if entry.group in rank), entry.key

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "_FEW", few)
        waiting, entries = line(order(name), level, requests)
        fitting_ = sorted(filter(fits, entries), key=place)
        found = [*waiting.candidates(NOW, bound, until, kept, RANKS)]
        assert found[:1] == fitting_[:1]
        places = [place(entry) for entry in found]
        assert places == sorted(places)
        assert {entry.request.id for entry in found} <= {entry.request.id for entry in fitting_}
        for entry in entries:
            (demand,) = entry.request.demands
            room = sum(number(amount, demand.shape) for amount in beside)
            assert waiting.fits(entry.request.id, kept) == (demand.core <= room)
            assert waiting.count(entry.request.id, demand.shape) == level.count(demand.shape)


@given(LINES, st.sampled_from(MOVING), st.lists(st.tuples(st.integers(1, 4), st.lists(st.integers(0, 19))), max_size=5))
def test_the_line_of_a_group_goes_on_where_others_have_left_it(
    requests: list[tuple[int, Request]], name: str, steps: list[tuple[int, list[int]]]
) -> None:
    waiting, entries = line(order(name), Level([Shape(1000, GIB)] * NODES), requests)
    for looked, leave in [*steps, (len(requests), [])]:
        for group in GROUPS:
            left = sorted((each for each in entries if each.waiting and each.group is group), key=lambda each: each.key)
            assert [*islice(waiting.ranked(group), looked)] == left[:looked]
        for entry in [entries[pick] for pick in leave if pick < len(entries)]:
            if entry.waiting:
                waiting.remove(entry.request.id)
                entry.waiting = False


@pytest.mark.parametrize("name", MOVING)
def test_a_head_whose_quota_was_used_up_by_who_overtook_it_lets_the_next_one_be_looked_at(name: str) -> None:
    made = Scheduler(Elastic(), order(name))
    made.set_nodes([Node(name="n", capacity=Resources(cpu=4, memory=8 * GIB))], 0.0)
    quotas = Quotas.model_validate({"apiVersion": "zoe/v1", "kind": "Quotas", "everybody": {"instances": 4}})
    made.set_quotas(Rules(quotas), {}, 0.0)

    def submit(id: str, core: int, cpu: int, memory: int, size: float) -> None:
        demands = (Demand("d", "worker", core, 0, Shape(cpu, memory * GIB)),)
        made.submit(Request(id, "alice", 0.0, demands, 0, size))

    submit("runs", 1, 3000, 2, 1000.0)
    made.decide(0.0)
    # In this order by each of the orders; the first is too large beside what runs.
    submit("head", 2, 1000, 1, 10.0)
    submit("short", 2, 500, 3, 20.0)
    submit("other", 2, 2000, 3, 500.0)
    assert [(each.id, each.admitted) for each in made.decide(1.0)] == [("short", True)]
