"""Quotas under several stores, over time, and from databases that had none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta, timezone

import pytest
from alembic import command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, select, text, update

from zoe_hub.model.errors import QuotaExceeded
from zoe_hub.model.execution import Execution
from zoe_hub.model.quotas import GroupLimits, Limits, Quotas
from zoe_hub.model.resources import Resources
from zoe_hub.scheduler.allowances import Dimension, Subject
from zoe_hub.store import spending
from zoe_hub.store.changes import Granted
from zoe_hub.store.database import Transaction
from zoe_hub.store.quotas import QuotaSource
from zoe_hub.store.sql import SQLStore
from zoe_hub.store.tables import plans, quotas, usage
from zoe_hub.store.upgrade import configuration

from .examples import QUEUED, STARTING, STOPPING, TERMINATED, a_submission, submitted
from .quoting import ALICE, EVERYBODY, KEY, STUDENTS, a_sized_plan, admission, admitted, held
from .test_migrations import connect_args
from .writing import moved, stored

HOUR = 3600


@pytest.fixture
async def other(store: SQLStore, url: str) -> AsyncIterator[SQLStore]:
    """Another service's store on the same database."""
    made = SQLStore(url)
    await made.open()
    yield made
    await made.close()


async def passed(store: SQLStore, hours: float) -> None:
    """Let all that is in the books have happened so much earlier."""

    def work(transaction: Transaction) -> None:
        for row in transaction.connection.execute(select(usage)).all():
            back = timedelta(hours=hours)
            ended = None if row.ended is None else row.ended - back
            this = update(usage).where(usage.c.id == row.id)
            transaction.connection.execute(this.values(begun=row.begun - back, ended=ended))

    await store._database.write(work)


async def hours(store: SQLStore, subject: Subject = ALICE) -> float:
    accounts = await store.accounts("alice", ("students",))
    return round(accounts.used(subject, Dimension.CPU_HOURS) / Dimension.CPU_HOURS.unit, 2)


async def test_hundred_submissions_through_two_services(store: SQLStore, other: SQLStore) -> None:
    await store.put_quota(EVERYBODY, Limits(executions=9))
    wishes = [(store, other)[n % 2].submit(a_submission()) for n in range(100)]
    answers = await asyncio.gather(*wishes, return_exceptions=True)
    assert sum(isinstance(answer, tuple) for answer in answers) == 9
    assert {type(answer) for answer in answers} == {tuple, QuotaExceeded}


async def test_grants_and_scalings_through_two_services(store: SQLStore, other: SQLStore) -> None:
    """One gives elastic instances while the other enlarges cores: never more than the group may have."""
    await store.put_quota(STUDENTS, GroupLimits(together=Limits(cpu=30)))
    made = [await admitted(store, owner, 1, 20, groups=("students",)) for owner in ("alice", "bob") * 5]
    grants = [store.record([Granted(e.id, {KEY: 1 + n})]) for n in range(1, 6) for e in made]
    scalings = [other.modify(e.id, {"n": n}, a_sized_plan(n, 20)) for n in (2, 3, 4, 5, 6) for e in made]
    await asyncio.gather(*grants, *scalings, return_exceptions=True)
    assert 10 < (await held(store, "alice", "students", of=STUDENTS))["cpu"] <= 30


async def test_what_the_file_says_holds_until_something_is_stored(url: str) -> None:
    said = [Quotas.model_validate({"apiVersion": "zoe/v1", "kind": "Quotas", "users": {"alice": {"executions": 1}}})]
    store = SQLStore(url, quotas=QuotaSource(lambda: said[0], Limits(executions=2)))
    await store.open()
    await submitted(store)
    with pytest.raises(QuotaExceeded, match="quota of 1 execution "):
        await submitted(store)
    await store.put_quota(ALICE, Limits(executions=3))
    await submitted(store)
    await store.delete_quota(ALICE)
    said[0] = Quotas.none()
    with pytest.raises(QuotaExceeded, match="quota of 2 executions "):
        await submitted(store)
    await store.put_quota(EVERYBODY, Limits(cpu=1))
    with pytest.raises(QuotaExceeded, match="quota of 2 executions "):
        await submitted(store)
    await store.close()


# -- a larger core, where cores come first


@pytest.fixture
async def yielding(url: str) -> AsyncIterator[SQLStore]:
    """A store of a service whose scheduler takes elastic instances back for cores."""
    opened = SQLStore(url, quotas=QuotaSource(cores_first=True))
    await opened.open()
    yield opened
    await opened.close()


async def test_a_larger_core_is_taken_where_elastic_instances_can_give_way_to_it(yielding: SQLStore) -> None:
    await yielding.put_quota(ALICE, Limits(cpu=8))
    other = await admitted(yielding, "alice", 1, 5, name="other")
    mine = await admitted(yielding, "alice", 2, name="mine")
    queued = await submitted(yielding, plan=a_sized_plan(5))
    await stored(yielding, Granted(other.id, {KEY: 6}))
    with pytest.raises(QuotaExceeded, match=r"is used by other \(6 CPU\) and mine \(2 CPU\); mine asks for 6 CPU more"):
        await yielding.modify(mine.id, {"workers": 8}, a_sized_plan(8))
    await yielding.modify(mine.id, {"workers": 7}, a_sized_plan(7))
    # It counts from now on, so that nobody gets more before the others have given way.
    assert (await held(yielding, "alice"))["cpu"] == 13
    assert await yielding.record(admission(queued, 5)) == admission(queued, 5)
    more = Granted(other.id, {KEY: 7})
    assert await yielding.record([more]) == [more]
    with pytest.raises(QuotaExceeded):
        await yielding.modify(other.id, {"workers": 2}, a_sized_plan(2, 4))
    await stored(yielding, Granted(other.id, {KEY: 1}))
    assert (await held(yielding, "alice"))["cpu"] == 8
    await stored(yielding, Granted(mine.id, {KEY: 7}))
    assert (await held(yielding, "alice"))["cpu"] == 8


async def test_others_elastic_instances_give_way_in_the_quota_of_a_group_only(yielding: SQLStore) -> None:
    await yielding.put_quota(STUDENTS, GroupLimits(each=Limits(cpu=4), together=Limits(cpu=6)))
    bobs = await admitted(yielding, "bob", 1, 3, groups=("students",))
    mine = await admitted(yielding, "alice", 2, groups=("students",))
    await stored(yielding, Granted(bobs.id, {KEY: 4}))
    await yielding.modify(mine.id, {"workers": 4}, a_sized_plan(4))
    with pytest.raises(QuotaExceeded, match="more than your quota of 4 CPU"):
        await yielding.modify(mine.id, {"workers": 5}, a_sized_plan(5))
    with pytest.raises(QuotaExceeded, match="of the group students is used by"):
        await yielding.modify(bobs.id, {"workers": 3}, a_sized_plan(3, 1))


async def test_hundred_larger_cores_at_once_never_ask_for_more_than_there_is(yielding: SQLStore) -> None:
    await yielding.put_quota(ALICE, Limits(cpu=40))
    elastic = await admitted(yielding, "alice", 1, 20)
    made = [await admitted(yielding, "alice", 1) for _ in range(19)]
    await stored(yielding, Granted(elastic.id, {KEY: 21}))
    wishes = [yielding.modify(e.id, {"workers": n}, a_sized_plan(2 + n % 3)) for n in range(5) for e in made]
    answers = await asyncio.gather(*wishes, return_exceptions=True)
    assert {type(answer) for answer in answers} == {Execution, QuotaExceeded}
    assert sum(p.core for e in await yielding.list() for p in e.plan.processes) <= 40


# -- hours


async def test_hours_are_granted_processors_times_time(store: SQLStore) -> None:
    execution = await admitted(store, "alice", 2, 10, groups=("students",))
    await passed(store, 3)
    assert await hours(store) == await hours(store, STUDENTS) == 6
    await stored(store, Granted(execution.id, {KEY: 6}))
    await passed(store, 2)
    assert await hours(store) == 18
    await stored(store, Granted(execution.id, {KEY: 2}))
    await moved(store, execution.id, STARTING, STOPPING)
    await passed(store, 1)
    assert await hours(store) == 20
    await moved(store, execution.id, STOPPING, TERMINATED)
    await passed(store, 5)
    assert await hours(store) == await hours(store, STUDENTS) == 20
    accounts = await store.accounts("alice")
    assert {key: round(n / Dimension.CPU_HOURS.unit) for key, n in accounts.by(ALICE, Dimension.CPU_HOURS).items()} == {
        ("alice", "spark-1"): 20
    }


async def test_hours_leave_the_window_as_they_entered_it(store: SQLStore) -> None:
    await store.put_quota(EVERYBODY, Limits(cpu_hours=1000, window=24 * HOUR))
    execution = await admitted(store, "alice", 2)
    await passed(store, 10)
    await moved(store, execution.id, STARTING, STOPPING)
    await moved(store, execution.id, STOPPING, TERMINATED)
    assert await hours(store) == 20
    await passed(store, 14 + 4)
    assert await hours(store) == 12
    await passed(store, 6)
    assert await hours(store) == 0


async def test_what_goes_on_for_longer_than_the_window_fills_it(store: SQLStore) -> None:
    await store.put_quota(EVERYBODY, Limits(cpu_hours=1000, window=24 * HOUR))
    await admitted(store, "alice", 2)
    await passed(store, 100)
    assert await hours(store) == 48


async def test_after_the_clock_was_set_back_hours_go_on_from_the_next_change(store: SQLStore) -> None:
    await admitted(store, "alice", 2)
    await passed(store, -5)
    await submitted(store, "bob")
    await passed(store, 4)
    assert await hours(store) == 8


async def test_hours_go_on_while_no_service_runs(store: SQLStore, url: str) -> None:
    await admitted(store, "alice", 2)
    await store.close()
    again = SQLStore(url)
    await again.open()
    await passed(again, 4)
    assert await hours(again) == 8
    await again.close()


async def test_who_used_up_the_hours_starts_nothing_and_does_not_grow(store: SQLStore) -> None:
    await store.put_quota(EVERYBODY, Limits(cpu_hours=10, window=24 * HOUR))
    execution = await admitted(store, "alice", 2, 2)
    assert (await store.quotas_in_force([("alice", ())])).used_up == frozenset()
    await passed(store, 6)
    in_force = await store.quotas_in_force([("alice", ())])
    assert in_force.used_up == {ALICE}
    assert await store.quotas_in_force([("alice", ())]) == in_force
    sentence = (
        r"quota of 10 CPU hours in 24 hours is used up, by spark-1 \(12 CPU hours\)\. There will be some again in "
    )
    with pytest.raises(QuotaExceeded, match=sentence):
        await submitted(store)
    with pytest.raises(QuotaExceeded, match="used up"):
        await store.modify(execution.id, {"workers": 9}, a_sized_plan(2, 9))
    await store.modify(execution.id, {"workers": 1}, a_sized_plan(2, 1))
    await submitted(store, "bob")


async def test_it_is_told_when_there_will_be_hours_again(store: SQLStore) -> None:
    await store.put_quota(EVERYBODY, Limits(cpu_hours=10, window=24 * HOUR))
    execution = await admitted(store, "alice", 2)
    await passed(store, 6)
    await moved(store, execution.id, STARTING, STOPPING)
    await moved(store, execution.id, STOPPING, TERMINATED)
    await passed(store, 4)
    # It began 10 hours ago: in 14 hours its first hour begins to leave, and one hour of two processors has to.
    spent = (await store.accounts("alice")).spent[ALICE]
    assert spent.free_in is not None
    assert abs(spent.free_in - 15 * HOUR) <= 2


async def test_use_is_forgotten_when_no_window_can_reach_it(store: SQLStore) -> None:
    execution = await admitted(store, "alice", 2)
    await passed(store, 1)
    await moved(store, execution.id, STARTING, STOPPING)
    await moved(store, execution.id, STOPPING, TERMINATED)
    await passed(store, 365 * 24)
    await store.tidy(limit=10)
    assert await rows(store) == 1
    await passed(store, 48)
    await store.tidy(limit=10)
    assert await rows(store) == 0


async def test_what_a_forgotten_user_used_counts_for_the_group_and_names_nobody(store: SQLStore) -> None:
    first = await admitted(store, "alice", 2, groups=("students",))
    await passed(store, 1)
    await stored(store, Granted(first.id, {KEY: 3}))
    await passed(store, 1)
    await store.forget_owner("alice", by="admin")
    await moved(store, first.id, STARTING, STOPPING)
    await moved(store, first.id, STOPPING, TERMINATED)
    await store.dispose([first.id])
    accounts = await store.accounts("alice", ("students",))
    assert accounts.used(ALICE, Dimension.CPU_HOURS) == 0
    assert set(accounts.by(STUDENTS, Dimension.CPU_HOURS)) == {("", "")}
    assert await hours(store, STUDENTS) == 5


async def rows(store: SQLStore) -> int:
    return await store._database.read(lambda connection: len(connection.execute(select(usage)).all()))


# -- whatever happens


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["grant", "scale", "end"]), st.integers(0, 6)), max_size=12)
)
async def test_the_books_say_what_the_executions_say(steps: list[tuple[int, str, int]]) -> None:
    """Open rows are those of live executions, each once, and say what was granted; hours are counted once."""
    store = SQLStore("sqlite://")
    await store.open()
    await store.put_quota(EVERYBODY, Limits(cpu=9))
    made = [await submitted(store, plan=a_sized_plan(2, 4), groups=("students",)) for _ in range(4)]
    used = 0.0
    for which, what, count in steps:
        execution = await store.get(made[which].id)
        if what == "grant" and execution.state is QUEUED:
            await store.record(admission(execution, 2))
        elif what == "grant":
            await store.record([Granted(execution.id, {KEY: count})])
        elif what == "end" and execution.state is STARTING:
            await moved(store, execution.id, STARTING, STOPPING)
            await moved(store, execution.id, STOPPING, TERMINATED)
        before = (await held(store, "alice")).get("cpu", 0)
        live = await store.list(live=True)
        expected = sum(max(2, e.granted.get(KEY, 0)) for e in live if e.state is not QUEUED)
        assert before == expected <= 9
        assert (await held(store, "alice")).get("executions", 0) == len(live)
        await passed(store, 1)
        used += before
        assert await hours(store) == await hours(store, STUDENTS) == used
    await store.close()


def test_a_clock_that_was_set_back_counts_nothing_backwards() -> None:
    now = datetime(2040, 1, 1, tzinfo=timezone.utc)
    assert spending.spent(1000, now, now - timedelta(hours=1)) == 0
    assert spending.spent(1500, now, now + timedelta(seconds=2)) == 3000


async def test_what_ran_before_quotas_were_counted_is_held_from_now_on(url: str) -> None:
    store = SQLStore(url)
    await store.open()
    await admitted(store, "alice", 2, 5, name="mine")
    await submitted(store, name="waits")
    await store.close()
    engine = create_engine(connect_args(url))
    with engine.begin() as connection:
        command.downgrade(configuration(connection), "0007")
        connection.execute(text("UPDATE executions SET reason = 'as it was'"))
    engine.dispose()
    again = SQLStore(url)
    await again.open()
    assert await held(again, "alice") == {"cpu": 2, "memory": 2 * 2**30, "instances": 2, "executions": 2}
    await passed(again, 1)
    assert await hours(again) == 2
    await again.close()


async def test_a_plan_in_other_words_stops_no_upgrade(url: str) -> None:
    store = SQLStore(url)
    await store.open()
    await admitted(store, "alice", 2, name="mine")
    await store.close()
    engine = create_engine(connect_args(url))
    with engine.begin() as connection:
        command.downgrade(configuration(connection), "0007")
        connection.execute(text("""UPDATE plans SET document = '{"processes": [{"id": "worker"}, 7]}'"""))
    engine.dispose()
    again = SQLStore(url)
    await again.open()
    assert await held(again, "alice") == {"executions": 1}
    await again.close()


async def test_of_what_another_version_stored_the_known_part_holds_and_nothing_grows(store: SQLStore) -> None:
    await store.put_quota(EVERYBODY, Limits(cpu=9))
    execution = await admitted(store, "alice", 2, 5)
    await store.put_quota(ALICE, Limits(cpu=4))

    def newer(transaction: Transaction) -> None:
        transaction.connection.execute(
            update(quotas).where(quotas.c.kind == "user").values(document='{"cpu": 4, "network": "1 Gbit"}')
        )

    await store._database.write(newer)
    (found,) = [limits for subject, limits in (await store.quotas()).items() if subject == ALICE]
    assert (found.said if isinstance(found, Limits) else None, found.unread) == ({"cpu": 4}, ("network",))
    sentence = "stored for you says 'network', which this version of Zoe cannot read; until"
    with pytest.raises(QuotaExceeded, match=sentence):
        await submitted(store)
    more = Granted(execution.id, {KEY: 3})
    assert await store.record([more]) == [more]
    in_force = await store.quotas_in_force([("alice", ()), ("bob", ())])
    assert in_force.rules.own("alice").bounds[Dimension.CPU].limit == 4000
    await submitted(store, "bob")
    await store.put_quota(ALICE, Limits(cpu=4))
    await stored(store, more)


async def test_what_a_lost_plan_holds_is_told_with_its_execution(store: SQLStore, url: str) -> None:
    execution = await admitted(store, "alice", 2, 3)
    await stored(store, Granted(execution.id, {KEY: 4}))

    def another_version(transaction: Transaction) -> None:
        transaction.connection.execute(update(plans).values(document='{"zapp": "spark"}'))

    await store._database.write(another_version)
    other = SQLStore(url)
    await other.open()
    (found,) = await other.list()
    await other.close()
    assert found.plan.lost
    assert found.holds == (Resources(cpu=4, memory=4 * 2**30), 4)
    assert (await store.get(execution.id)).holds is None
