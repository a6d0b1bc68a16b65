"""What is free now is what is free soon without what is going, and without what is kept for others."""

from __future__ import annotations

from unittest import mock

from hypothesis import given
from hypothesis import strategies as st

from zoe_hub.scheduler import level
from zoe_hub.scheduler.packing import arrange
from zoe_hub.scheduler.room import Room
from zoe_hub.scheduler.shapes import Shape

from .test_level import AMOUNTS, BOUNDS, SHAPES

CAPACITIES = st.lists(st.builds(Shape, st.integers(0, 6), st.integers(0, 6), st.integers(0, 2)), min_size=1, max_size=8)
STEPS = st.lists(st.tuples(st.integers(0, 7), SHAPES, st.sampled_from(("take", "give", "leave", "gone")), SHAPES))
KEPT = st.dictionaries(st.integers(0, 7), SHAPES, max_size=4)


def without(amounts: list[Shape], *less: dict[int, Shape]) -> list[Shape]:
    for each in less:
        amounts = [amount.plus(each.get(node, Shape()), -1) for node, amount in enumerate(amounts)]
    return amounts


def first(amounts: list[Shape], shape: Shape) -> int | None:
    return next((node for node, amount in enumerate(amounts) if shape.within(amount)), None)


@given(CAPACITIES, STEPS, KEPT, BOUNDS)
def test_room_is_found_beside_what_is_going_and_kept(
    capacities: list[Shape],
    steps: list[tuple[int, Shape, str, Shape]],
    kept: dict[int, Shape],
    bounds: dict[str, int],
) -> None:
    room, going = Room(capacities), list[tuple[int, Shape]]()
    kept = {node: shape for node, shape in kept.items() if node < len(capacities)}
    with mock.patch.multiple(level, **bounds):
        for node, shape, what, asked in steps:
            node %= len(capacities)
            if what == "take":
                room.take(node, shape)
            elif what == "give":
                room.give(node, shape)
            elif what == "leave":
                room.leave(node, shape, 2)
                going += [(node, shape)] * 2
            elif going:
                room.leave(*going[0], -1)
                del going[0]
            goes = dict[int, Shape]()
            for at, each in going:
                goes[at] = goes.get(at, Shape()).plus(each)
            assert room.going == {at: each for at, each in goes.items() if any(each)}
            now = without(room.free, goes)
            for others in (None, {}, kept):
                free, free_soon = without(now, others or {}), without(room.free, others or {})
                assert room.find(asked, kept=others) == first(free, asked)
                assert room.find(asked, soon=True, kept=others) == first(free_soon, asked)
                assert [room.left(at, kept=others) for at in range(len(now))] == free
                assert [room.left(at, soon=True, kept=others) for at in range(len(now))] == free_soon
            assert [room.fits(at, asked) for at in range(len(now))] == [asked.within(amount) for amount in now]
            assert [room.settled(at) for at in range(len(now))] == [
                not any(goes.get(at, Shape())) or min(amount) >= 0 for at, amount in enumerate(now)
            ]


@given(AMOUNTS, KEPT, st.lists(st.tuples(SHAPES, st.integers(0, 3)), min_size=1, max_size=3), BOUNDS)
def test_a_core_is_arranged_beside_what_is_going(
    amounts: list[Shape], going: dict[int, Shape], wishes: list[tuple[Shape, int]], bounds: dict[str, int]
) -> None:
    room = Room(amounts)
    for node, shape in going.items():
        if node < len(amounts):
            room.leave(node, shape)
    with mock.patch.multiple(level, **bounds):
        assert room.arrange(wishes) == arrange(level.Level(without(amounts, room.going)), wishes)
        assert room.arrange(wishes, soon=True) == arrange(level.Level(amounts), wishes)
        assert room.free == amounts, "it is as before"
