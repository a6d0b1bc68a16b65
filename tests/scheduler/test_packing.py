"""A core finds its nodes, whatever the order in which its processes and the nodes are named."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoe_hub.model.resources import Node, Resources
from zoe_hub.scheduler.level import Level
from zoe_hub.scheduler.methods import POLICIES, order, policy
from zoe_hub.scheduler.packing import arrange, fits, placed
from zoe_hub.scheduler.requests import Demand, Request
from zoe_hub.scheduler.scheduler import Scheduler
from zoe_hub.scheduler.shapes import Shape

Wishes = list[tuple[Shape, int]]

AMOUNTS = st.lists(
    st.builds(Shape, st.integers(-1, 5), st.integers(0, 3), st.sampled_from((0, 0, 1))), min_size=1, max_size=3
)
WISHES = st.lists(
    st.tuples(
        st.builds(Shape, st.integers(0, 4), st.integers(0, 2), st.sampled_from((0, 0, 1))),
        st.integers(0, 3),
    ),
    max_size=3,
)


def any_way(amounts: list[Shape], wishes: Wishes) -> bool:
    """All ways are tried."""
    each = [shape for shape, count in wishes for _ in range(count)]
    for nodes in product(range(len(amounts)), repeat=len(each)):
        left = list(amounts)
        for shape, node in zip(each, nodes, strict=True):
            if not shape.within(left[node]):
                break
            left[node] = left[node].plus(shape, -1)
        else:
            return True
    return False


@settings(max_examples=300, deadline=None)
@given(AMOUNTS, WISHES.filter(lambda wishes: sum(count for _, count in wishes) <= 6))
def test_it_finds_a_way_where_there_is_one(amounts: list[Shape], wishes: Wishes) -> None:
    level = Level(amounts)
    places = arrange(level, wishes)
    assert level.amounts == amounts
    assert (places is not None) == any_way(amounts, wishes) == fits(level, wishes)
    if places is not None:
        taken: dict[int, Shape] = {}
        for (shape, count), nodes in zip(wishes, places, strict=True):
            assert len(nodes) == count
            for node in nodes:
                taken[node] = taken.get(node, Shape()).plus(shape)
        assert all(shape.within(amounts[node]) for node, shape in taken.items())
        assert placed(level, wishes) == taken


def test_the_first_way_is_not_the_only_one() -> None:
    """The larger first, each on the first node, would put two of 3 on the first node."""
    assert arrange(Level([Shape(6), Shape(7)]), [(Shape(3), 3), (Shape(4), 1)]) == [[0, 0, 1], [1]]
    # No node has room for fewer kinds than another one, and the one named first goes to the wrong one.
    assert (
        arrange(Level([Shape(5, 5), Shape(3, 5)]), [(Shape(2, 2), 1), (Shape(3, 5), 1), (Shape(1, 1), 1)]) is not None
    )


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize(
    ("capacities", "shapes"),
    [
        ([Shape(4000), Shape(3000)], [Shape(3000), Shape(4000)]),
        ([Shape(4, 0, 1), Shape(4)], [Shape(4), Shape(4, 0, 1)]),
    ],
)
def test_what_is_possible_is_placed_by_all_policies(name: str, capacities: list[Shape], shapes: list[Shape]) -> None:
    for by in (1, -1):
        made = Scheduler(policy(name), order("fifo"), at_once=True)
        nodes = [Resources(cpu=each.cpu / 1000, memory=1, gpu=each.gpu) for each in capacities]
        made.set_nodes([Node(name=f"n{number}", capacity=each) for number, each in enumerate(nodes)], 0.0)
        demands = [Demand(f"d{n}", "worker", 1, 0, shape.plus(Shape(0, 1))) for n, shape in enumerate(shapes[::by])]
        made.submit(Request("a", "alice", 0.0, tuple(demands)))
        made.decide(0.0)
        assert made.cluster.applications["a"].served
