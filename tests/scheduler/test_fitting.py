"""What is said to fit is what a count of all nodes says, whatever happened on them since it was asked last."""

from __future__ import annotations

from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoe_hub.scheduler.elastic import fitting
from zoe_hub.scheduler.elastic.fitting import Fitting, Numbers
from zoe_hub.scheduler.level import Level
from zoe_hub.scheduler.level import number as fits_into
from zoe_hub.scheduler.shapes import Shape

NODES = 60
SHAPES = st.builds(Shape, st.integers(0, 4), st.integers(0, 4), st.integers(0, 1))
CHANGES = st.lists(st.tuples(st.integers(0, NODES - 1), SHAPES, st.integers(-3, 3)), max_size=12)
STEPS = st.lists(st.tuples(CHANGES, st.lists(SHAPES, max_size=4)), max_size=8)


@pytest.fixture(params=["few shapes", "many shapes"])
def sized(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "many shapes":
        monkeypatch.setattr(fitting, "_FEW", 0)


def happen(
    counted: Fitting,
    numbers: Numbers,
    changes: list[tuple[int, Shape, int]],
    shapes: list[Shape],
    asked: dict[int, Shape],
) -> None:
    """Nodes change, and then somebody asks for these shapes: their numbers are put among the `asked`."""
    for node, shape, times in changes:
        counted.level.add(node, shape, times)
    for shape in shapes:
        number, new = numbers.number(shape)
        asked[number] = shape
        if new:
            counted.begin(number)


@given(steps=STEPS)
@pytest.mark.usefixtures("sized")
def test_what_fits_is_what_a_count_of_all_nodes_says(steps: list[tuple[list[tuple[int, Shape, int]], list[Shape]]]):
    level, numbers = Level([Shape(6, 6, 1)] * NODES), Numbers()
    counted = Fitting(level, numbers)
    asked: dict[int, Shape] = {}
    for changes, shapes in steps:
        happen(counted, numbers, changes, shapes, asked)
        fresh = Level(level.amounts)
        assert {number: counted.of(number) for number in asked} == {n: fresh.count(s) for n, s in asked.items()}


def test_a_number_that_nobody_uses_any_more_is_that_of_another_shape():
    level, numbers = Level([Shape(6, 6)] * NODES), Numbers()
    counted = Fitting(level, numbers)
    number, _ = numbers.number(Shape(3, 3))
    counted.begin(number)
    assert counted.of(number) == 2 * NODES
    numbers.give_back(number)
    again, new = numbers.number(Shape(2, 6))
    counted.begin(again)
    assert (again, new, counted.of(again)) == (number, True, NODES)


KEPT = st.dictionaries(st.integers(0, NODES - 1), SHAPES, max_size=6)


@given(steps=STEPS, kept=KEPT, many=st.sampled_from((2, 2_000_000)))
@pytest.mark.usefixtures("sized")
def test_what_fits_beside_what_is_kept_is_what_is_left_of_each_node(
    steps: list[tuple[list[tuple[int, Shape, int]], list[Shape]]], kept: dict[int, Shape], many: int
) -> None:
    level, numbers = Level([Shape(6, 6, 1)] * NODES), Numbers()
    counted = Fitting(level, numbers)
    asked: dict[int, Shape] = {}
    with mock.patch.object(fitting, "_MANY", many):
        for changes, shapes in steps:
            happen(counted, numbers, changes, shapes, asked)
            left = [amount.plus(kept.get(node, Shape()), -1) for node, amount in enumerate(level.amounts)]
            right = {n: sum(fits_into(amount, shape) for amount in left) for n, shape in asked.items()}
            # Of those of which nobody asked, it may say more.
            assert all(counted.beside(kept)[number] >= count for number, count in right.items())
            assert {number: counted.of(number, kept) for number in asked} == right
            if numbers.few or many > 2:
                assert {number: counted.beside(kept)[number] for number in asked} == right
            assert {number: counted.of(number) for number in asked} == {n: level.count(s) for n, s in asked.items()}
