"""What is remembered of where shapes fit is what going through all nodes finds."""

from __future__ import annotations

import contextlib
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st

from zoe_hub.scheduler import frontier, level
from zoe_hub.scheduler.level import Level, number
from zoe_hub.scheduler.shapes import Shape

SHAPES = st.builds(Shape, st.integers(0, 3), st.integers(0, 3), st.integers(0, 1))
AMOUNTS = st.lists(st.builds(Shape, st.integers(-1, 6), st.integers(-1, 6), st.integers(0, 2)), min_size=1, max_size=8)
STEPS = st.lists(st.tuples(st.integers(0, 7), SHAPES, st.sampled_from((1, -1, 2, -2)), SHAPES), max_size=40)


def fits(amounts: list[Shape], shape: Shape) -> list[int]:
    return [node for node, amount in enumerate(amounts) if shape.within(amount)]


BOUNDS = st.fixed_dictionaries(
    {
        "_FEW": st.sampled_from((0, 48)),
        "_REMEMBERED": st.sampled_from((1, 128)),
        "_LOGGED": st.sampled_from((1, 8192)),
        "_NEAR": st.sampled_from((1, 256)),
        "_AHEAD": st.sampled_from((1, 64)),
        "_COUNTED": st.sampled_from((1, 256)),
        "_SINGLE": st.sampled_from((0, 64)),
    }
)
"""Of what is looked through, noted and counted at once."""


def check(there: Level, plain: list[Shape], asked: Shape) -> None:
    assert there.amounts == plain
    some = there.some(asked)
    assert (some is None) == (not fits(plain, asked))
    assert some is None or some in fits(plain, asked)
    assert there.first(asked) == next(iter(fits(plain, asked)), None)
    assert there.count(asked) == sum(number(amount, asked) for amount in plain)
    assert there.lack(asked, 3) == max(0, 3 - sum(number(amount, asked) for amount in plain))
    assert there.nodes(asked) == fits(plain, asked)
    possible = list(there.possible(asked))
    assert possible == sorted(possible)
    assert {*fits(plain, asked)} <= {*possible}


@given(AMOUNTS, STEPS, BOUNDS, st.sampled_from((0, 24)))
def test_what_fits_where_is_what_all_nodes_say(
    amounts: list[Shape], steps: list[tuple[int, Shape, int, Shape]], bounds: dict[str, int], sorted_at_once: int
) -> None:
    there, plain = Level(amounts), list(amounts)
    several = Shape(1, 1), Shape(2, 0), Shape(0, 2, 1)
    with mock.patch.multiple(level, **bounds), mock.patch.object(frontier, "_FEW", sorted_at_once):
        for node, shape, times, asked in steps:
            node %= len(plain)
            there.add(node, shape, times)
            plain[node] = plain[node].plus(shape, times)
            check(there, plain, asked)
            assert there.any_fits(several).tolist() == [bool(fits(plain, each)) for each in several]


@given(AMOUNTS, STEPS, STEPS, SHAPES, BOUNDS)
def test_what_is_tried_is_seen_and_not_remembered(
    amounts: list[Shape],
    done: list[tuple[int, Shape, int, Shape]],
    steps: list[tuple[int, Shape, int, Shape]],
    asked: Shape,
    bounds: dict[str, int],
) -> None:
    there, plain = Level(amounts), list(amounts)
    with mock.patch.multiple(level, **bounds):
        there.first(asked)
        for node, shape, times, _ in done:
            there.add(node % len(plain), shape, times)
            plain[node % len(plain)] = plain[node % len(plain)].plus(shape, times)
        tried = list(plain)
        for node, shape, times, _ in steps:
            node %= len(plain)
            there.add(node, shape, times, silent=True)
            tried[node] = tried[node].plus(shape, times)
            check(there, tried, asked)
        for node, shape, times, _ in steps:
            there.add(node % len(plain), shape, -times, silent=True)
        check(there, plain, asked)


@given(AMOUNTS, STEPS, st.lists(st.booleans(), min_size=40, max_size=40), BOUNDS)
def test_what_happens_while_something_is_tried_stays(
    amounts: list[Shape], steps: list[tuple[int, Shape, int, Shape]], silent: list[bool], bounds: dict[str, int]
) -> None:
    there, plain, tried = Level(amounts), list(amounts), list(amounts)
    with mock.patch.multiple(level, **bounds):
        for (node, shape, times, asked), only_tried in zip(steps, silent, strict=False):
            node %= len(plain)
            there.add(node, shape, times, silent=only_tried)
            tried[node] = tried[node].plus(shape, times)
            if not only_tried:
                plain[node] = plain[node].plus(shape, times)
            check(there, tried, asked)
        for (node, shape, times, _), only_tried in zip(steps, silent, strict=False):
            if only_tried:
                there.add(node % len(plain), shape, -times, silent=True)
        for _, _, _, asked in steps:
            check(there, plain, asked)
        assert there.frontier is there.frontier, "nothing is tried any more: what was found is remembered"


def test_room_in_three_dimensions_is_that_of_one_node() -> None:
    there = Level([Shape(5, 5, 0), Shape(4, 0, 2), Shape(3, 2, 1)])
    with mock.patch.multiple(level, _SINGLE=0, _FEW=48):
        assert there.any_fits([Shape(3, 2, 1), Shape(3, 3, 1), Shape(4, 0, 2)]).tolist() == [True, False, True]


KEPT = st.dictionaries(st.integers(0, 7), SHAPES, max_size=8)


@given(AMOUNTS, STEPS, STEPS, KEPT, BOUNDS)
def test_what_is_kept_is_left_alone(
    amounts: list[Shape],
    steps: list[tuple[int, Shape, int, Shape]],
    tried: list[tuple[int, Shape, int, Shape]],
    kept: dict[int, Shape],
    bounds: dict[str, int],
) -> None:
    there, plain = Level(amounts), list(amounts)
    kept = {node: shape for node, shape in kept.items() if node < len(amounts)}
    with mock.patch.multiple(level, **bounds):
        for silent, changes in ((False, steps), (True, tried)):
            for node, shape, times, asked in changes:
                node %= len(plain)
                there.add(node, shape, times, silent=silent)
                plain[node] = plain[node].plus(shape, times)
                beside = [amount.plus(kept.get(node, Shape()), -1) for node, amount in enumerate(plain)]
                assert there.first_beside(kept, asked) == next(iter(fits(beside, asked)), None)
                with there.without(kept):
                    check(there, beside, asked)
                check(there, plain, asked)


@given(AMOUNTS, KEPT, KEPT, STEPS, BOUNDS)
def test_who_watches_is_not_told_of_what_is_left_out_for_a_while(
    amounts: list[Shape],
    kept: dict[int, Shape],
    more: dict[int, Shape],
    steps: list[tuple[int, Shape, int, Shape]],
    bounds: dict[str, int],
) -> None:
    there, plain = Level(amounts), list(amounts)
    kept, more = ({n: shape for n, shape in each.items() if n < len(amounts)} for each in (kept, more))
    grown, changed = there.watch(), there.changes()
    with mock.patch.multiple(level, **bounds):
        with there.without(kept), there.without(more):
            both = level.joined(kept, more)
            assert there.amounts == [amount.plus(both.get(n, Shape()), -1) for n, amount in enumerate(amounts)]
            assert there.short == {n for n, amount in enumerate(there.amounts) if min(amount) < 0}
            assert (grown, changed) == ({}, {})
            # What happens meanwhile stays.
            for node, shape, times, _ in steps:
                node %= len(plain)
                there.add(node, shape, times)
                plain[node] = plain[node].plus(shape, times)
        assert {*grown} == {node % len(plain) for node, _, times, _ in steps if times > 0}
        assert {*changed} == {node % len(plain) for node, _, _, _ in steps}
        assert there.short == {n for n, amount in enumerate(plain) if min(amount) < 0}
        for _, _, _, asked in steps:
            check(there, plain, asked)


def test_what_was_left_out_is_there_again_whatever_was_raised() -> None:
    there = Level([Shape(2, 2)] * 2)
    with contextlib.suppress(LookupError), there.without({0: Shape(1), 1: Shape(0, 3)}):
        assert there.first(Shape(0, 1)) == 0
        raise LookupError
    assert (there.amounts, there.short) == ([Shape(2, 2)] * 2, set())
    assert there.frontier is there.frontier, "nothing is tried any more"


def test_a_node_that_grew_before_the_log_was_cut_is_found() -> None:
    there = Level([Shape(1, 1)] * 60)
    with mock.patch.multiple(level, _REMEMBERED=2, _LOGGED=4):
        assert there.first(Shape(2, 2)) is None
        for node in range(3, 12):
            there.add(node, Shape(0, 1))
        there.add(3, Shape(1))
        for node in range(20, 24):
            there.add(node, Shape(0, 1))
        assert (there.some(Shape(2, 2)), there.first(Shape(2, 2)), there.count(Shape(2, 2))) == (3, 3, 1)
