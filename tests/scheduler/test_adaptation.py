"""The policy: what holds for every course of every load, and some courses by example."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from zoe_hub.model.adaptation import Adaptation
from zoe_hub.scheduler.adaptation import START, Course, Load, adapt

HOLD = 60.0
EVERY = 2.0


def follow(
    loads: Iterable[Load | None], bounds: Adaptation, size: int, *, every: float = EVERY, hold: float = HOLD
) -> list[int]:
    """The sizes after each look, the first one before any."""
    sizes, course, now = [size], START, 0.0
    for load in loads:
        now += every
        size, course = adapt(load, sizes[-1], bounds, course, now, hold)
        sizes.append(size)
    return sizes


def tasks(number: int, size: int, slots: int = 1) -> Load:
    return Load.of_tasks(number, slots, None, size)


def useful(*numbers: int) -> list[Load]:
    return [Load(number, 0) for number in numbers]


bounds = st.tuples(st.integers(0, 40), st.integers(0, 40)).map(lambda b: Adaptation(minimum=min(b), maximum=max(b)))
a_load = st.none() | st.builds(Load, useful=st.integers(0, 60), occupied=st.integers(0, 60))
a_course = st.lists(st.tuples(a_load, st.integers(1, 20)), max_size=80)


def stretched(course: list[tuple[Load | None, int]]) -> list[Load | None]:
    return [load for load, times in course for _ in range(times)]


@given(bounds, st.integers(0, 60), a_course)
def test_every_size_is_within_the_bounds(bounds: Adaptation, size: int, course: list[tuple[Load | None, int]]) -> None:
    assert all(bounds.minimum <= one <= bounds.maximum for one in follow(stretched(course), bounds, size)[1:])


@given(bounds, st.integers(0, 60), a_course)
def test_it_never_grows_beyond_what_could_be_used(
    bounds: Adaptation, size: int, course: list[tuple[Load | None, int]]
) -> None:
    loads = stretched(course)
    sizes = follow(loads, bounds, size)
    for load, before, after in zip(loads, sizes[:-1], sizes[1:], strict=True):
        if after > before and bounds.clamp(before) == before:
            assert load is not None
            assert after <= load.useful


@given(bounds, st.integers(0, 60), a_course)
def test_nothing_is_given_back_that_was_needed_within_the_hold_or_has_a_task(
    bounds: Adaptation, size: int, course: list[tuple[Load | None, int]]
) -> None:
    loads = stretched(course)
    sizes = follow(loads, bounds, size)
    held = int(HOLD / EVERY)
    for at, (before, after) in enumerate(itertools.pairwise(sizes)):
        if after < before <= bounds.maximum:
            window = loads[max(at - held, 0) : at + 1]
            assert len(window) == held + 1
            assert None not in window
            assert all(load is not None and bounds.clamp(load.useful) <= after for load in window)
            now = loads[at]
            assert now is not None
            assert now.occupied <= after


@given(bounds, st.integers(0, 60), a_course)
def test_between_growing_and_shrinking_lies_the_hold(
    bounds: Adaptation, size: int, course: list[tuple[Load | None, int]]
) -> None:
    """The property that users miss in others: nothing is ordered, sent away and ordered again in a short while."""
    sizes = follow(stretched(course), bounds, size)
    grew = None
    for at, (before, after) in enumerate(itertools.pairwise(sizes)):
        if bounds.clamp(before) != before:
            continue
        if after > before:
            grew = at
        elif after < before and grew is not None:
            assert (at - grew) * EVERY > HOLD


@given(bounds, st.integers(0, 60), st.integers(0, 60))
def test_a_load_that_stays_is_met_after_a_while_and_then_nothing_changes(
    bounds: Adaptation, size: int, number: int
) -> None:
    sizes = follow(useful(number) * 200, bounds, size)
    met = bounds.clamp(number)
    assert sizes[-100:] == [met] * 100


@given(bounds, st.integers(0, 60), a_course, st.integers(0, 30))
def test_a_load_that_nobody_knows_changes_nothing(
    bounds: Adaptation, size: int, course: list[tuple[Load | None, int]], silence: int
) -> None:
    sizes = follow([*stretched(course), *[None] * silence], bounds, bounds.clamp(size))
    assert sizes[len(sizes) - silence - 1 :] == [sizes[len(sizes) - silence - 1]] * (silence + 1)


@given(st.integers(0, 10_000), st.integers(1, 64), st.none() | st.integers(-1, 100), st.integers(0, 100))
def test_the_useful_workers_are_those_that_could_have_a_task(
    number: int, slots: int, busy: int | None, size: int
) -> None:
    load = Load.of_tasks(number, slots, busy, size)
    assert (load.useful - 1) * slots < number <= load.useful * slots or load.useful == number == 0


def test_it_grows_as_dynamic_allocation_does() -> None:
    bounds = Adaptation(minimum=1, maximum=100)
    assert follow(useful(*[1000] * 8), bounds, 1) == [1, 2, 4, 8, 16, 32, 64, 100, 100]
    assert follow(useful(*[6] * 4), bounds, 1) == [1, 2, 4, 6, 6]


def test_after_a_rest_it_grows_slowly_again() -> None:
    assert follow(useful(9, 9, 3, 9, 9), Adaptation(minimum=1, maximum=9), 1) == [1, 2, 4, 4, 5, 7]


def test_cells_with_thought_between_them_keep_their_workers() -> None:
    """A loop that computes for 20 s and then prints for 40: others let all workers go each time."""
    one = [8] * 10 + [0] * 20
    sizes = follow(useful(*one * 6), Adaptation(minimum=1, maximum=8), 1)
    assert sizes[4:] == [8] * (len(sizes) - 4)


def test_idle_for_the_hold_it_shrinks_at_once_to_what_was_needed_meanwhile() -> None:
    sizes = follow(useful(*[0] * 10, 3, *[0] * 40), Adaptation(minimum=1, maximum=8), 8)
    assert sizes[30:32] == [8, 3]
    assert sizes[-1] == 3


def test_a_long_task_keeps_its_worker_and_no_more() -> None:
    straggling = [Load.of_tasks(1, 1, 2, 8)] * 40
    assert follow(straggling, Adaptation(minimum=1, maximum=8), 8)[-1] == 3
    last = [Load.of_tasks(1, 1, 7, 8)] * 40
    assert follow(last, Adaptation(minimum=1, maximum=8), 8)[-1] == 8
    assert follow([*last, *useful(0)], Adaptation(minimum=1, maximum=8), 8)[-1] == 1


def test_where_nobody_knows_who_is_busy_all_stay_while_there_is_a_task() -> None:
    bounds = Adaptation(minimum=1, maximum=8)
    assert follow([tasks(1, 8)] * 100, bounds, 8)[-1] == 8
    assert follow([tasks(0, 8)] * 100, bounds, 8)[-1] == 1


def test_a_size_beyond_the_bounds_is_mended_at_once() -> None:
    bounds = Adaptation(minimum=2, maximum=4)
    assert adapt(None, 9, bounds, START, 0.0, HOLD) == (4, START)
    assert adapt(None, 0, bounds, Course(step=8), 0.0, HOLD) == (2, START)


def test_of_two_frameworks_counted_by_one_number_the_needier_decides() -> None:
    assert Load(2, 5) | Load(4, 1) == Load(4, 5)
