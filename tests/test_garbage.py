"""How often garbage is looked for."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from zoe_hub.garbage import collect_seldom


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


class Ring:
    """Refers to itself."""

    def __init__(self) -> None:
        self.me = self


def test_what_is_there_is_looked_at_no_more_and_what_comes_is_still_collected() -> None:
    there = Ring()
    before = gc.get_threshold()
    collect_seldom()
    assert gc.get_freeze_count() > 0
    assert gc.get_threshold()[0] > before[0]
    assert all(each is not there for each in gc.get_objects())
    gone = weakref.ref(Ring())
    made = [Ring() for _ in range(2 * gc.get_threshold()[0])]
    del made
    assert gone() is None, "without a call of gc.collect"
