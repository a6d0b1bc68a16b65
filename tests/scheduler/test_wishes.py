"""Whether what is wished fits is what a count of all nodes says, whichever numbers were given back and used again."""

from __future__ import annotations

from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoe_hub.scheduler.elastic import fitting
from zoe_hub.scheduler.elastic.wishes import NOBODY, Wishes
from zoe_hub.scheduler.level import Level, number
from zoe_hub.scheduler.shapes import Shape

NODES = 60
SHAPES = st.builds(Shape, st.integers(0, 4), st.integers(0, 4), st.integers(0, 1))
WISHES = st.tuples(SHAPES, st.sampled_from((0, 1, 2, 59, 60, 61, 120, 181)))
CHANGES = st.lists(st.tuples(st.integers(0, NODES - 1), SHAPES, st.integers(-3, 3)), max_size=8)
KEPT = st.dictionaries(st.integers(0, NODES - 1), SHAPES, max_size=6)
STEPS = st.lists(st.tuples(CHANGES, st.lists(WISHES, max_size=4), st.lists(st.integers(0, 9)), KEPT), max_size=8)
Step = tuple[list[tuple[int, Shape, int]], list[tuple[Shape, int]], list[int], dict[int, Shape]]


@pytest.fixture(params=["few shapes", "many shapes", "too many pairs"])
def sized(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param != "few shapes":
        monkeypatch.setattr(fitting, "_FEW", 0)
    if request.param == "too many pairs":
        monkeypatch.setattr(fitting, "_MANY", 2)


def room(level: Level, shape: Shape, kept: dict[int, Shape]) -> int:
    amounts = [amount.plus(kept.get(node, Shape()), -1) for node, amount in enumerate(level.amounts)]
    return sum(number(amount, shape) for amount in amounts)


@given(steps=STEPS)
@pytest.mark.usefixtures("sized")
def test_wishes_fit_where_a_count_of_all_nodes_says_so(steps: list[Step]) -> None:
    level = Level([Shape(6, 6, 1)] * NODES)
    wishes = Wishes(level)
    asked: list[tuple[int, tuple[Shape, int]]] = []
    for changes, wished, given_back, kept in steps:
        for node, shape, times in changes:
            level.add(node, shape, times)
        for pick in given_back:
            if asked:
                wishes.give_back(asked.pop(pick % len(asked))[0])
        asked += [(wishes.number(*wish), wish) for wish in wished]
        assert len({each for each, _ in asked}) == len({wish for _, wish in asked}), "different ones, different numbers"
        # Before somebody asks one by one: what may fit is at least what does.
        some, beside = wishes.fitting(), wishes.fitting(kept)
        for each, (shape, count) in asked:
            assert some[each] or count > room(level, shape, {})
            assert beside[each] or count > room(level, shape, kept)
        assert not some[NOBODY]
        assert not beside[NOBODY]
        used = {each for each, _ in asked}
        assert not [each for each in range(len(some)) if some[each] and each not in used]
        for each, (shape, count) in asked:
            assert wishes.fits(each, {}) == (count <= room(level, shape, {}))
            assert wishes.fits(each, kept) == (count <= room(level, shape, kept))
            assert wishes.count(each, shape) == room(level, shape, {})
            assert wishes.count(each, shape.plus(Shape(1))) is None
        # What was counted meanwhile is known.
        for each, (shape, count) in asked:
            assert wishes.fitting()[each] == (count <= room(level, shape, {}))


def test_there_is_a_number_for_as_many_different_wishes_as_there_are() -> None:
    level = Level([Shape(2000, 2000)])
    with mock.patch.object(fitting, "_FEW", 128):
        wishes = Wishes(level)
        numbers = {count: wishes.number(Shape(count, 1), 3) for count in range(1, 701)}
        assert len({*numbers.values()}) == 700
        assert [count for count in numbers if wishes.fits(numbers[count], {})] == [*range(1, 667)]
        level.add(0, Shape(900), -1)
        assert [count for count in numbers if wishes.fits(numbers[count], {})] == [*range(1, 367)]
        for each in numbers.values():
            wishes.give_back(each)
        assert not wishes.fitting().any()
        assert wishes.number(Shape(1), 1) in {*numbers.values()}, "it is used again"


def test_the_wish_of_nobody_can_be_given_back_and_never_fits() -> None:
    wishes = Wishes(Level([Shape(1, 1)]))
    wishes.give_back(NOBODY)
    assert not wishes.fitting()[NOBODY]
