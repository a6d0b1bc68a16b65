"""Groups that are kept in order come as sorting all of them anew says, whoever's cores changed since."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from zoe_hub.scheduler.elastic.entries import Group
from zoe_hub.scheduler.elastic.ranks import Ranks
from zoe_hub.scheduler.elastic.shares import Shares
from zoe_hub.scheduler.shapes import Shape

TOTAL = Shape(8, 8, 0)
USERS = st.sampled_from("abcd")
GROUPS = st.tuples(st.sampled_from((0, 10)), USERS, st.sampled_from((1.0, 2.0)))
HELD = st.builds(Shape, st.integers(0, 4), st.integers(0, 4), st.integers(0, 1))
"""Of a graphics processor there is none: whoever holds one has an endless share."""
STEPS = st.lists(st.tuples(st.none() | GROUPS, USERS, HELD, st.booleans()), max_size=30)


def naive(groups: list[Group], shares: Shares) -> list[set[Group]]:
    """All that share a place, from the first place on."""
    places = {group: (-group.priority, shares.of(group)) for group in groups}
    return [{g for g in groups if places[g] == place} for place in sorted({*places.values()})]


@given(STEPS, st.booleans())
def test_groups_are_in_order_whoever_s_cores_changed(
    steps: list[tuple[tuple[int, str, float] | None, str, Shape, bool]], fair: bool
) -> None:
    held: dict[str, Shape] = {}
    ranks = Ranks(Shares(held, TOTAL, fair=fair))
    groups: dict[tuple[int, str, float], Group] = {}
    for name, user, holds, asked in steps:
        held[user] = holds
        ranks.move(user)
        if name is not None and name not in groups:
            groups[name] = Group(*name)
            ranks.add(groups[name])
        fresh = Shares(held, TOTAL, fair=fair)
        assert all(ranks.place(group) == (-group.priority, fresh.of(group)) for group in groups.values())
        if asked:
            found = [*ranks]
            assert [{*rank} for rank in found] == naive([*groups.values()], fresh)
            assert sum(map(len, found)) == len(groups)
    assert [{*rank} for rank in ranks] == naive([*groups.values()], Shares(held, TOTAL, fair=fair))


def test_who_left_off_in_the_middle_starts_from_the_first_again() -> None:
    held = {"a": Shape(1), "b": Shape(2)}
    ranks = Ranks(Shares(held, TOTAL, fair=True))
    groups = [Group(0, user, 1.0) for user in "ba"]
    for group in groups:
        ranks.add(group)
    assert [group.user for group in next(iter(ranks))] == ["a"]
    held["a"] = Shape(3)
    ranks.move("a")
    assert [[group.user for group in rank] for rank in ranks] == [["b"], ["a"]]
