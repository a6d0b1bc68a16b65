"""How long applications run with what they are granted."""

from __future__ import annotations

import math

from zoe_hub.scheduler.work import progress_made, time_left


def test_half_the_instances_take_twice_the_time() -> None:
    assert time_left(100.0, 0.0, 1, 3, 3) == 100.0
    assert time_left(100.0, 0.0, 1, 3, 1) == 200.0
    assert time_left(100.0, 0.5, 1, 3, 0) == 200.0


def test_what_is_done_and_what_is_left_agree() -> None:
    done = progress_made(120.0, 100.0, 1, 3, 1)
    assert done == 0.6
    assert time_left(100.0, done, 1, 3, 1) == 80.0
    assert progress_made(5.0, 0.0, 1, 3, 1) == 1.0


def test_without_any_instance_nothing_is_done() -> None:
    assert progress_made(10.0, 100.0, 0, 4, 0) == 0.0
    assert time_left(100.0, 0.5, 0, 4, 0) == math.inf
    assert time_left(100.0, 1.0, 0, 4, 0) == 0.0
    assert time_left(100.0, 0.0, 0, 0, 0) == 100.0
