"""Quotas: which hold for whom, how much more may be granted, and the sentence that says why not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoe_hub.model.quotas import Quotas
from zoe_hub.scheduler.allowances import Dimension, Rules, Subject
from zoe_hub.scheduler.quotas import Accounts, Party, Spent
from zoe_hub.scheduler.shapes import Shape

GIB = 2**30
HOUR = Dimension.CPU_HOURS.unit


def rules(**said: Any) -> Rules:
    return Rules(Quotas(apiVersion="zoe/v1", kind="Quotas", **said))


def party(name: str, user: str = "alice", *groups: str) -> Party:
    return Party(f"{user}-{name}", name, user, groups)


def bounds(found: Rules, user: str, *groups: str) -> dict[str, tuple[float, str]]:
    own = found.own(user, groups)
    return {d.value: (d.plain(bound.limit), bound.source) for d, bound in own.bounds.items()}


# -- which hold


def test_the_user_comes_before_the_group_and_the_group_before_everybody() -> None:
    found = rules(
        everybody={"cpu": 4, "memory": "8 GiB", "executions": 3},
        groups={"staff": {"each": {"cpu": 8, "gpu": 1}}},
        users={"alice": {"cpu": 16}},
    )
    assert bounds(found, "alice", "staff") == {
        "cpu": (16, "user alice"),
        "memory": (8 * GIB, "everybody"),
        "gpu": (1, "group staff"),
        "executions": (3, "everybody"),
    }
    assert bounds(found, "bob", "staff")["cpu"] == (8, "group staff")
    assert bounds(found, "bob") == {
        "cpu": (4, "everybody"),
        "memory": (8 * GIB, "everybody"),
        "executions": (3, "everybody"),
    }


def test_of_several_groups_the_most_generous_counts() -> None:
    found = rules(groups={"a": {"each": {"cpu": 2}}, "b": {"each": {"cpu": 4}}, "c": {"each": {"gpu": 1}}})
    assert bounds(found, "alice", "a", "b", "c") == {"cpu": (4, "group b"), "gpu": (1, "group c")}


def test_unlimited_lifts_what_would_hold_otherwise() -> None:
    found = rules(
        everybody={"cpu": 2, "gpu": 0}, groups={"a": {"each": {"cpu": "unlimited"}}, "b": {"each": {"cpu": 4}}}
    )
    assert bounds(found, "alice", "a", "b") == {"gpu": (0, "everybody")}
    assert found.of("alice", ("a",))[0].subject == Subject("user", "alice")
    assert rules().of("alice", ("a",)) == ()


def test_what_a_group_has_together_holds_beside_the_users_own() -> None:
    found = rules(everybody={"cpu": 8}, groups={"a": {"together": {"cpu": 10}}, "b": {"together": {"gpu": 1}}})
    assert [str(each.subject) for each in found.of("alice", ("b", "a", "elsewhere"))] == [
        "user alice",
        "group a",
        "group b",
    ]


def test_the_window_is_that_of_the_hours() -> None:
    found = rules(everybody={"cpu_hours": 9, "window": "7 days"}, groups={"a": {"each": {"cpu_hours": 5}}})
    assert found.own("alice").window == 7 * 86_400
    assert found.own("alice", ["a"]).window == 30 * 86_400


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"cpu": -1}, "write a number that is not negative, or unlimited"),
        ({"cpu": 1e10}, "write a number up to 1,000,000,000, or unlimited"),
        ({"gpu": 10**10}, "write a number up to 1,000,000,000, or unlimited"),
        ({"memory": "Unlimited"}, "write a number and a unit, such as 512 MiB or 8 GiB, or unlimited"),
        ({"cpu": "much"}, "write a number that is not negative, or unlimited"),
        ({"gpu": 1.5}, "write a whole number"),
        ({"executions": True}, "write a whole number"),
        ({"memory": "8 parsecs"}, "write a number and a unit"),
        ({"window": "1 s"}, "from 1 minute to 366 days"),
        ({"cpus": 1}, "Extra inputs"),
    ],
)
def test_what_is_no_limit_is_refused_with_what_would_be_one(said: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        rules(everybody=said)


# -- how much more


def test_room_is_what_the_scarcest_dimension_leaves() -> None:
    accounts = Accounts(rules(everybody={"cpu": 10, "memory": "10 GiB"}, groups={"g": {"together": {"instances": 5}}}))
    wish = Shape(1000, 2 * GIB)
    assert accounts.room(party("a"), wish, 100) == 5
    accounts.hold(party("a"), wish, 3)
    assert accounts.room(party("b"), wish, 100) == 2
    assert accounts.room(party("b", "bob"), wish, 100) == 5
    accounts.hold(party("c", "bob", "g"), Shape(1000), 4)
    assert accounts.room(party("d", "alice", "g"), Shape(1000), 100) == 1
    assert accounts.room(party("d", "alice", "g"), Shape(1000), 1) == 1
    accounts.forget(party("a"))
    assert accounts.room(party("b"), wish, 100) == 5


def test_hours_that_are_used_up_leave_no_room() -> None:
    found = rules(everybody={"cpu_hours": 10})
    alice = Subject("user", "alice")
    assert Accounts(found, {alice: Spent(10 * HOUR - 1)}).room(party("a"), Shape(1000), 7) == 7
    assert Accounts(found, {alice: Spent(10 * HOUR)}).room(party("a"), Shape(1000), 7) == 0
    assert Accounts(found, {alice: Spent(10 * HOUR)}).room(party("a", "bob"), Shape(1000), 7) == 7


shapes = st.builds(Shape, st.integers(0, 4000), st.integers(0, 4).map(lambda n: n * GIB), st.integers(0, 2))
limits = st.fixed_dictionaries(
    {},
    optional={
        "cpu": st.integers(0, 20),
        "memory": st.integers(0, 20).map(lambda n: n * GIB),
        "gpu": st.integers(0, 6),
        "instances": st.integers(0, 12),
    },
)
moves = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from(["alice", "bob"]), shapes, st.integers(1, 6)), max_size=25
)


@given(limits, limits, moves)
def test_whoever_asks_for_room_first_never_has_more_than_allowed(
    each: dict[str, int], together: dict[str, int], wishes: list[tuple[str, str, Shape, int]]
) -> None:
    found = rules(everybody=each, groups={"g": {"together": together}})
    accounts = Accounts(found)
    held: list[tuple[Party, Shape, int]] = []
    for name, user, shape, count in wishes:
        who = party(name, user, "g")
        room = accounts.room(who, shape, count)
        assert 0 <= room <= count
        # Exactly as much as fits: one more does not.
        assert accounts.fit(who, [(shape, room)])
        assert room == count or accounts.refusal(who, [(shape, room + 1)]) is not None
        accounts.hold(who, shape, room)
        held.append((who, shape, room))
        for allowance in found.of(user, ("g",)):
            for dimension, bound in allowance.bounds.items():
                assert accounts.used(allowance.subject, dimension) <= bound.limit
                assert accounts.used(allowance.subject, dimension) == sum(
                    accounts.by(allowance.subject, dimension).values()
                )
    for who, shape, count in held:
        accounts.hold(who, shape, -count)
    assert all(not accounts.used(a.subject, d) for a in found.of("alice", ("g",)) for d in Dimension if d.value in each)


@given(limits, limits, st.lists(st.sampled_from(["a", "b", "c"]), unique=True))
def test_one_group_more_never_takes_from_what_one_has_for_oneself(
    each: dict[str, int], other: dict[str, int], groups: list[str]
) -> None:
    """Unless no group said anything, and everybody's held."""
    found = rules(groups={"a": {"each": each}, "b": {"each": other}})
    before = found.own("alice", groups).bounds
    after = found.own("alice", [*groups, "a"]).bounds
    for dimension, bound in before.items():
        assert after[dimension].limit >= bound.limit


# -- sentences


def test_a_refusal_names_the_limit_what_is_used_and_by_what() -> None:
    accounts = Accounts(rules(everybody={"cpu": 16}))
    accounts.hold(party("spark-1"), Shape(2000), 6)
    accounts.hold(party("jupyterlab-1"), Shape(2000), 1)
    refusal = accounts.refusal(party("spark-2"), [(Shape(2000), 3)])
    assert str(refusal) == (
        "Your quota of 16 CPU is used by spark-1 (12 CPU) and jupyterlab-1 (2 CPU); spark-2 asks for 6 CPU. "
        "Terminate or shrink one of these, or ask an administrator."
    )
    assert refusal is not None
    assert refusal.details() == {
        "subject": "user alice",
        "dimension": "cpu",
        "limit": 16,
        "source": "everybody",
        "used": 14,
        "asked": 6,
        "by": [{"execution": "spark-1", "used": 12}, {"execution": "jupyterlab-1", "used": 2}],
        "others": 0,
    }


def test_who_grows_asks_for_more() -> None:
    accounts = Accounts(rules(everybody={"memory": "8 GiB"}))
    accounts.hold(party("spark-1"), Shape(0, GIB), 8)
    assert str(accounts.refusal(party("spark-1"), [(Shape(0, GIB), 1)])) == (
        "Your quota of 8 GiB of memory is used by spark-1 (8 GiB); spark-1 asks for 1 GiB more. "
        "Terminate or shrink one of these, or ask an administrator."
    )


def test_what_can_never_fit_is_told_so() -> None:
    accounts = Accounts(rules(everybody={"gpu": 1}))
    assert str(accounts.never(party("big"), [(Shape(0, 0, 1), 2)])) == (
        "big asks for 2 GPU, which is more than your quota of 1 GPU. Ask for less, or ask an administrator for more."
    )
    assert accounts.never(party("small"), [(Shape(0, 0, 1), 1)]) is None


def test_of_a_group_one_sees_ones_own_executions_and_nobody_elses() -> None:
    accounts = Accounts(rules(groups={"students": {"together": {"cpu": 64}}}))
    accounts.hold(party("spark-1", "alice", "students"), Shape(1000), 12)
    accounts.hold(party("secret-plan", "bob", "students"), Shape(1000), 50)
    refusal = accounts.refusal(party("spark-2", "alice", "students"), [(Shape(1000), 6)])
    assert str(refusal) == (
        "The quota of 64 CPU of the group students is used by spark-1 (12 CPU) and other members (50 CPU); "
        "spark-2 asks for 6 CPU. Terminate or shrink one of these, or ask an administrator."
    )
    assert "secret-plan" not in str(refusal)
    assert "bob" not in str(refusal)
    only_theirs = accounts.refusal(party("x", "admin", "students"), [(Shape(1000), 6)])
    assert str(only_theirs).endswith("Wait until they use less, or ask an administrator.")


def test_executions_are_counted_whether_they_hold_something_or_not() -> None:
    accounts = Accounts(rules(everybody={"executions": 2}))
    for name in ("spark-1", "spark-1", "spark-2"):
        assert accounts.another(party(name)) is None
        accounts.live(party(name))
    assert str(accounts.another(party("spark-3"))) == (
        "Your quota of 2 executions is used by spark-1 and spark-2. Terminate one of these, or ask an administrator."
    )


def test_hours_say_when_there_will_be_some_again() -> None:
    spent = Spent(203 * HOUR, {("alice", "spark-1"): 150 * HOUR, ("alice", "lab-1"): 53 * HOUR}, 3 * 86_400 + 5000)
    accounts = Accounts(rules(everybody={"cpu_hours": 200}), {Subject("user", "alice"): spent})
    assert str(accounts.refusal(party("spark-2"), [(Shape(1000), 1)])) == (
        "Your quota of 200 CPU hours in 30 days is used up, by spark-1 (150 CPU hours) and lab-1 (53 CPU hours). "
        "There will be some again in 3 days 2 hours; an administrator can give more before."
    )


@pytest.mark.parametrize(
    ("hours", "text"),
    [(0, "0 CPU hours"), (0.04, "0.04 CPU hours"), (0.0914, "0.0914 CPU hours"), (0.0005, "0.0005 CPU hours"),
     (1, "1 CPU hour"), (1.2345, "1.23 CPU hours"), (12.34, "12.3 CPU hours"), (12345.67, "12345.7 CPU hours")],
)  # fmt: skip
def test_few_hours_are_not_none(hours: float, text: str) -> None:
    assert Dimension.CPU_HOURS.tell(round(hours * HOUR)) == text


def test_long_lists_are_cut() -> None:
    accounts = Accounts(rules(everybody={"cpu": 10}))
    for number in range(10):
        accounts.hold(party(f"e-{number}"), Shape(1000))
    text = str(accounts.refusal(party("more"), [(Shape(1000), 1)]))
    assert "e-3 (1 CPU) and 6 more of yours (6 CPU)" in text
