"""A sorted list in parts is a sorted list."""

from __future__ import annotations

from unittest import mock

from hypothesis import given
from hypothesis import strategies as st

from zoe_hub.scheduler.elastic import times
from zoe_hub.scheduler.elastic.times import Times

TIMES = st.tuples(st.integers(0, 5).map(float), st.sampled_from("abcdefgh"))


@given(st.lists(st.tuples(st.booleans(), TIMES), max_size=60), st.integers(0, 5).map(float))
def test_it_is_a_sorted_list(changes: list[tuple[bool, tuple[float, str]]], since: float) -> None:
    made: Times[object] = Times()
    plain: dict[tuple[float, str], object] = {}
    with mock.patch.object(times, "_LONG", 3):
        for added, time in changes:
            if added and time not in plain:
                # Cannot be compared with another one.
                plain[time] = object()
                made.add(*time, plain[time])
            elif not added:
                made.discard(*time)
                plain.pop(time, None)
            assert list(made) == [(*key, plain[key]) for key in sorted(plain)]
            assert list(made.since(since)) == [(*key, plain[key]) for key in sorted(plain) if key[0] >= since]
