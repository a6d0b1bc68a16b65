"""A sorted list in parts is a sorted list."""

from __future__ import annotations

from unittest import mock

from hypothesis import given
from hypothesis import strategies as st

from zoe_hub.scheduler.elastic import times
from zoe_hub.scheduler.elastic.times import Times

TIMES = st.tuples(st.integers(0, 5).map(float), st.sampled_from("abcdefgh"))


@given(st.lists(st.tuples(st.booleans(), TIMES), max_size=60), TIMES)
def test_it_is_a_sorted_list(changes: list[tuple[bool, times.Time]], since: times.Time) -> None:
    made, plain = Times(), set[times.Time]()
    with mock.patch.object(times, "_LONG", 3):
        for added, time in changes:
            if added and time not in plain:
                made.add(time)
                plain.add(time)
            elif not added:
                made.discard(time)
                plain.discard(time)
            assert list(made) == sorted(plain)
            assert list(made.since(since)) == sorted(each for each in plain if each >= since)
