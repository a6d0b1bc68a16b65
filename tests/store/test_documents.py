"""Parsed plans are kept as far as there is room for them."""

from __future__ import annotations

from tests.composition.examples import framework, zapp
from zoe_hub.composition import compose
from zoe_hub.store.documents import PlanCache

PLAN = compose(zapp(), {}, {"cluster": framework()})


def test_the_least_used_is_forgotten_when_there_are_too_many() -> None:
    cache = PlanCache(size=2)
    for digest in ("a", "b"):
        cache.put(digest, PLAN, 10)
    assert cache.get("a") is PLAN
    cache.put("c", PLAN, 10)
    assert [cache.get(digest) is not None for digest in "abc"] == [True, False, True]


def test_those_that_users_made_large_take_no_more_room_than_others() -> None:
    """A user can make a plan of a quarter of a megabyte, and another one every second."""
    cache = PlanCache(size=2048, length=100)
    for digest in ("a", "b", "b", "c"):
        cache.put(digest, PLAN, 40)
    assert [cache.get(digest) is not None for digest in "abc"] == [False, True, True]
    cache.put("d", PLAN, 101)
    assert cache.get("d") is None
    cache.put("e", PLAN, 100)
    assert cache.get("e") is PLAN
