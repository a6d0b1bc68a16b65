"""What is remembered of where shapes fit is what going through all nodes finds."""

from __future__ import annotations

from unittest import mock

from hypothesis import given
from hypothesis import strategies as st

from zoe_hub.scheduler import level
from zoe_hub.scheduler.level import Level, number
from zoe_hub.scheduler.shapes import Shape

SHAPES = st.builds(Shape, st.integers(0, 3), st.integers(0, 3), st.integers(0, 1))
AMOUNTS = st.lists(st.builds(Shape, st.integers(-1, 6), st.integers(-1, 6), st.integers(0, 2)), min_size=1, max_size=8)
STEPS = st.lists(st.tuples(st.integers(0, 7), SHAPES, st.sampled_from((1, -1, 2, -2)), SHAPES), max_size=40)


def fits(amounts: list[Shape], shape: Shape) -> list[int]:
    return [node for node, amount in enumerate(amounts) if shape.within(amount)]


@given(AMOUNTS, STEPS, st.sampled_from((0, 24)), st.sampled_from((1, 128)), st.sampled_from((1, 256)), st.booleans())
def test_the_first_node_is_the_first(
    amounts: list[Shape],
    steps: list[tuple[int, Shape, int, Shape]],
    few: int,
    remembered: int,
    near: int,
    single: bool,
) -> None:
    there, plain = Level(amounts), list(amounts)
    several = Shape(1, 1), Shape(2, 0), Shape(0, 2, 1)
    patched = mock.patch.multiple(level, _FEW=few, _REMEMBERED=remembered, _NEAR=near, _SINGLE=64 if single else 0)
    with patched:
        for node, shape, times, asked in steps:
            node %= len(plain)
            there.add(node, shape, times)
            plain[node] = plain[node].plus(shape, times)
            assert there.amounts == plain
            assert there.first(asked) == next(iter(fits(plain, asked)), None)
            assert there.any_fits(several).tolist() == [bool(fits(plain, each)) for each in several]
            assert there.count(asked) == sum(number(amount, asked) for amount in plain)


@given(AMOUNTS, STEPS, SHAPES)
def test_what_is_tried_is_seen_and_not_remembered(
    amounts: list[Shape], steps: list[tuple[int, Shape, int, Shape]], asked: Shape
) -> None:
    there = Level(amounts)
    with mock.patch.object(level, "_FEW", 0):
        before = there.first(asked)
        tried = list(amounts)
        for node, shape, times, _ in steps:
            node %= len(amounts)
            there.add(node, shape, times, silent=True)
            tried[node] = tried[node].plus(shape, times)
            assert there.first(asked) == next(iter(fits(tried, asked)), None)
        for node, shape, times, _ in steps:
            there.add(node % len(amounts), shape, -times, silent=True)
        assert there.first(asked) == before == next(iter(fits(amounts, asked)), None)
