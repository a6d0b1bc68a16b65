"""Part of the contract: quotas, and what is held of them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from zoe_hub.model.errors import QuotaExceeded, UnknownName
from zoe_hub.model.execution import Execution, InstanceState
from zoe_hub.model.plan import Plan
from zoe_hub.model.quotas import GroupLimits, Limits
from zoe_hub.model.resources import Resources
from zoe_hub.scheduler.allowances import Dimension, Subject
from zoe_hub.store.base import Store
from zoe_hub.store.changes import Change, Granted, InstanceReported, InstancesDropped, StateChanged

from .examples import (
    QUEUED,
    RUNNING,
    STARTING,
    STOPPING,
    TERMINATED,
    a_plan,
    a_submission,
    an_instance,
    ended,
    submitted,
)
from .writing import moved, stored

EVERYBODY = Subject("everybody", "")
ALICE = Subject("user", "alice")
STUDENTS = Subject("group", "students")
KEY = "spark.worker"


def a_sized_plan(core: int, elastic: int = 0) -> Plan:
    """Of workers with one processor and 1 GiB each."""
    plan = a_plan()
    (worker,) = plan.processes
    changes = {"core": core, "elastic": elastic, "resources": Resources(cpu=1, memory=2**30)}
    return plan.model_copy(update={"processes": (worker.model_copy(update=changes),)})


def admission(execution: Execution, count: int) -> list[Change]:
    return [Granted(execution.id, {KEY: count}), StateChanged(execution.id, QUEUED, STARTING)]


async def admitted(store: Store, owner: str, core: int, elastic: int = 0, **more: Any) -> Execution:
    execution = await submitted(store, owner, plan=a_sized_plan(core, elastic), **more)
    await stored(store, *admission(execution, core))
    return await store.get(execution.id)


async def held(store: Store, user: str, *groups: str, of: Subject | None = None) -> dict[str, float]:
    accounts = await store.accounts(user, groups)
    subject = of or Subject("user", user)
    every = {dimension: accounts.used(subject, dimension) for dimension in Dimension}
    return {d.value: d.plain(amount) for d, amount in every.items() if amount and d is not Dimension.CPU_HOURS}


class Quoting:
    async def test_quotas_are_kept_until_they_are_taken_back(self, store: Store) -> None:
        assert await store.quotas() == {}
        await store.put_quota(EVERYBODY, Limits(cpu=4))
        await store.put_quota(EVERYBODY, Limits(cpu=8))
        students = GroupLimits(each=Limits(gpu=0), together=Limits(memory=2**40))
        await store.put_quota(STUDENTS, students)
        await store.put_quota(ALICE, Limits(cpu="unlimited"))
        assert await store.quotas() == {EVERYBODY: Limits(cpu=8), STUDENTS: students, ALICE: Limits(cpu="unlimited")}
        await store.delete_quota(EVERYBODY)
        with pytest.raises(UnknownName, match=r"no stored quota of a user named 'alicia'\. Did you mean 'alice'"):
            await store.delete_quota(Subject("user", "alicia"))
        with pytest.raises(UnknownName, match=r"There is no stored quota of everybody\.$"):
            await store.delete_quota(EVERYBODY)
        assert set(await store.quotas()) == {STUDENTS, ALICE}

    async def test_executions_that_have_not_ended_are_counted(self, store: Store) -> None:
        await store.put_quota(EVERYBODY, Limits(executions=2))
        first = await submitted(store)
        await submitted(store)
        seq = await store.last_seq()
        with pytest.raises(
            QuotaExceeded, match=r"Your quota of 2 executions is used by spark-1 and spark-2\."
        ) as caught:
            await submitted(store)
        assert caught.value.quota["by"] == [{"execution": "spark-1", "used": 1}, {"execution": "spark-2", "used": 1}]
        assert await store.last_seq() == seq
        await submitted(store, "bob")
        await moved(store, first.id, QUEUED, TERMINATED)
        await submitted(store)

    async def test_a_repeated_submission_is_none_more(self, store: Store) -> None:
        await store.put_quota(EVERYBODY, Limits(executions=1))
        first = await submitted(store, idempotency_key="k")
        assert await store.submit(a_submission(idempotency_key="k")) == (first, False)

    async def test_what_could_never_run_is_refused_at_once_and_what_could_later_waits(self, store: Store) -> None:
        await store.put_quota(EVERYBODY, Limits(cpu=4))
        await admitted(store, "alice", 4)
        with pytest.raises(QuotaExceeded, match="spark-2 asks for 5 CPU, which is more than your quota of 4 CPU"):
            await submitted(store, plan=a_sized_plan(5))
        waiting = await submitted(store, plan=a_sized_plan(4, 100))
        assert waiting.state is QUEUED

    async def test_hundred_at_once_get_what_there_is(self, store: Store) -> None:
        await store.put_quota(STUDENTS, GroupLimits(each=Limits(executions=10), together=Limits(executions=17)))
        wishes = [store.submit(a_submission("alice" if n % 2 else "bob", groups=("students",))) for n in range(100)]
        answers = await asyncio.gather(*wishes, return_exceptions=True)
        assert sum(isinstance(answer, tuple) for answer in answers) == 17
        assert {type(answer) for answer in answers} == {tuple, QuotaExceeded}
        for owner in ("alice", "bob"):
            assert len(await store.list(owner=owner)) <= 10

    async def test_what_is_held_is_what_is_granted_and_never_less_than_the_core(self, store: Store) -> None:
        execution = await submitted(store, plan=a_sized_plan(2, 6), groups=("students", "staff"))
        assert await held(store, "alice") == {"executions": 1}
        await stored(store, *admission(execution, 3))
        expected = {"cpu": 3, "memory": 3 * 2**30, "instances": 3, "executions": 1}
        for subject in (ALICE, STUDENTS, Subject("group", "staff")):
            assert await held(store, "alice", "students", "staff", of=subject) == expected
        await stored(store, Granted(execution.id, {KEY: 1}))
        assert (await held(store, "alice"))["cpu"] == 2
        await stored(store, Granted(execution.id, {KEY: 8}))
        assert (await held(store, "alice"))["cpu"] == 8
        await moved(store, execution.id, STARTING, STOPPING)
        assert (await held(store, "alice"))["cpu"] == 8
        await moved(store, execution.id, STOPPING, TERMINATED)
        assert await held(store, "alice", "students", of=STUDENTS) == {}

    async def test_an_admission_beyond_a_quota_is_refused_as_a_whole(self, store: Store) -> None:
        await store.put_quota(EVERYBODY, Limits(cpu=5))
        await admitted(store, "alice", 3)
        second = await submitted(store, plan=a_sized_plan(3))
        seq = await store.last_seq()
        assert await store.record(admission(second, 3)) == admission(second, 3)
        assert await store.get(second.id) == second
        assert await store.last_seq() == seq
        assert (await held(store, "alice"))["cpu"] == 3

    async def test_an_admission_without_a_grant_counts_its_core(self, store: Store) -> None:
        await store.put_quota(EVERYBODY, Limits(instances=2))
        first, second = [await submitted(store, plan=a_sized_plan(2)) for _ in range(2)]
        await moved(store, first.id, QUEUED, STARTING)
        change = StateChanged(second.id, QUEUED, STARTING)
        assert await store.record([change]) == [change]

    async def test_of_grants_in_one_transaction_those_go_that_fit(self, store: Store) -> None:
        await store.put_quota(EVERYBODY, Limits(cpu=10))
        made = [await admitted(store, "alice", 2, 10) for _ in range(3)]
        changes = [Granted(execution.id, {KEY: 5}) for execution in made]
        assert await store.record(changes) == changes[1:]
        # What is given back makes room, in the order of the changes.
        swap: list[Change] = [Granted(made[0].id, {KEY: 2}), Granted(made[1].id, {KEY: 5})]
        assert await store.record(swap) == []
        assert (await held(store, "alice"))["cpu"] == 9

    async def test_who_has_more_than_a_lowered_limit_keeps_it_and_gets_nothing_more(self, store: Store) -> None:
        execution = await admitted(store, "alice", 2, 10)
        await stored(store, Granted(execution.id, {KEY: 8}))
        await store.put_quota(ALICE, Limits(cpu=4))
        more = Granted(execution.id, {KEY: 9})
        assert await store.record([more]) == [more]
        await stored(store, Granted(execution.id, {KEY: 6}))
        await moved(store, execution.id, STARTING, RUNNING)

    async def test_a_group_counts_what_all_its_members_hold(self, store: Store) -> None:
        await store.put_quota(STUDENTS, GroupLimits(together=Limits(cpu=6)))
        await admitted(store, "alice", 4, groups=("students",), name="mine")
        waiting = await submitted(store, "bob", plan=a_sized_plan(3), groups=("students",))
        assert await store.record(admission(waiting, 3)) == admission(waiting, 3)
        outside = await submitted(store, "bob", plan=a_sized_plan(3))
        await stored(store, *admission(outside, 3))

    async def test_a_larger_core_has_to_fit_and_a_larger_wish_does_not(self, store: Store) -> None:
        await store.put_quota(EVERYBODY, Limits(cpu=8))
        await admitted(store, "alice", 4, name="other")
        execution = await admitted(store, "alice", 2, name="mine")
        with pytest.raises(
            QuotaExceeded, match=r"is used by other \(4 CPU\) and mine \(2 CPU\); mine asks for 3 CPU more"
        ):
            await store.modify(execution.id, {"workers": 5}, a_sized_plan(5))
        with pytest.raises(QuotaExceeded, match="asks for 9 CPU, which is more than your quota of 8 CPU"):
            await store.modify(execution.id, {"workers": 9}, a_sized_plan(9))
        assert await store.get(execution.id) == execution
        await store.modify(execution.id, {"workers": 100}, a_sized_plan(2, 100))
        await store.modify(execution.id, {"workers": 4}, a_sized_plan(4))
        assert (await held(store, "alice"))["cpu"] == 8
        await store.modify(execution.id, {"workers": 1}, a_sized_plan(1))

    async def test_what_was_taken_back_counts_until_it_has_gone(self, store: Store) -> None:
        await store.put_quota(EVERYBODY, Limits(instances=9))
        execution = await admitted(store, "alice", 0, 9)
        await stored(store, Granted(execution.id, {KEY: 9}))
        await stored(store, *(InstanceReported(an_instance(execution.id, number)) for number in range(9)))
        await store.modify(execution.id, {"workers": 0}, a_sized_plan(0))
        await stored(store, Granted(execution.id, {KEY: 0}))
        assert (await held(store, "alice"))["instances"] == 9
        other = await submitted(store, plan=a_sized_plan(1, 8))
        assert await store.record(admission(other, 1)) == admission(other, 1)
        for number in (8, 7):
            gone = an_instance(execution.id, number, state=InstanceState.STOPPED)
            await stored(store, InstanceReported(gone), InstancesDropped(execution.id, KEY, number))
            assert (await held(store, "alice"))["instances"] == number
        assert await store.record(admission(other, 3)) == admission(other, 3)
        await stored(store, *admission(other, 2))
        assert (await held(store, "alice"))["instances"] == 9

    async def test_hundred_scalings_at_once_get_what_there_is(self, store: Store) -> None:
        await store.put_quota(EVERYBODY, Limits(cpu=25))
        made = [await admitted(store, "alice", 1) for _ in range(20)]
        wishes = [store.modify(e.id, {"workers": n}, a_sized_plan(2 + n % 2)) for n in range(5) for e in made]
        answers = await asyncio.gather(*wishes, return_exceptions=True)
        assert {type(answer) for answer in answers} == {Execution, QuotaExceeded}
        cores = sum(p.core for e in await store.list() for p in e.plan.processes)
        assert cores <= 25
        assert (await held(store, "alice"))["cpu"] <= 25

    async def test_groups_are_those_of_the_submission(self, store: Store) -> None:
        assert (await submitted(store, groups=("a", "b"))).groups == ("a", "b")
        assert (await submitted(store)).groups == ()
        execution = await submitted(store, groups=("c",))
        assert (await store.get(execution.id)).groups == ("c",)

    async def test_who_is_forgotten_leaves_no_quota_and_no_hours(self, store: Store) -> None:
        await store.put_quota(ALICE, Limits(cpu=1000))
        await store.put_quota(Subject("user", "bob"), Limits(cpu=1000))
        await ended(store)
        await store.forget_owner("alice", by="admin")
        assert set(await store.quotas()) == {Subject("user", "bob")}
        assert (await store.accounts("alice")).by(ALICE, Dimension.CPU_HOURS) == {}

    async def test_what_is_in_force_is_equal_as_long_as_nothing_changes(self, store: Store) -> None:
        await submitted(store)
        before = await store.quotas_in_force([("alice", ())])
        assert await store.quotas_in_force([("alice", ())]) == before
        await store.put_quota(Subject("user", "nobody"), Limits(cpu=1))
        assert await store.quotas_in_force([("alice", ())]) == before
        await store.put_quota(EVERYBODY, Limits(cpu=1))
        assert await store.quotas_in_force([("alice", ())]) != before
