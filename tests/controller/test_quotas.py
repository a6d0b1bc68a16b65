"""Quotas on their way from the store through the scheduler to the owner."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from tests.backends.fakes import InstantBackend
from zoe_hub.controller.quotas import QuotaWatch
from zoe_hub.model.execution import Execution, ExecutionState
from zoe_hub.model.quotas import Limits
from zoe_hub.model.resources import Resources
from zoe_hub.scheduler.allowances import Subject
from zoe_hub.store.database import Transaction
from zoe_hub.store.quotas import QuotaSource
from zoe_hub.store.tables import usage

from .conftest import World

RUNNING, QUEUED = ExecutionState.RUNNING, ExecutionState.QUEUED
WORKER = "cluster.worker"
ALICE = Subject("user", "alice")


@pytest.fixture
async def backend() -> InstantBackend:
    return InstantBackend(Resources(cpu=64, memory=64 * 2**30))


def workers(execution: Execution) -> int:
    return execution.granted.get(WORKER, 0)


async def test_elastic_instances_come_as_far_as_the_quota_goes_and_the_owner_reads_why(running: World) -> None:
    # A master takes 0.1 CPU, a worker 1.
    await running.store.put_quota(ALICE, Limits(cpu=4))
    first = await running.state(await running.submit(workers=9), RUNNING)
    short = await running.until(first, lambda e: bool(e.reason))
    assert workers(short) == 3
    assert short.reason == (
        f"3 of 9 workers: Your quota of 4 CPU is used by {first.name} (3.1 CPU); {first.name} asks for 6 CPU more. "
        "Terminate or shrink one of these, or ask an administrator."
    )


async def test_who_waits_for_a_quota_reads_which_and_starts_when_there_is_room(running: World) -> None:
    await running.store.put_quota(ALICE, Limits(instances=3))
    first = await running.state(await running.submit(workers=2), RUNNING)
    second = await running.submit(workers=1)
    waiting = await running.until(second, lambda e: "quota" in e.reason)
    assert waiting.state is QUEUED
    assert waiting.reason.startswith(f"Your quota of 3 instances is used by {first.name} (3 instances);")
    await running.store.terminate(first.id, by="alice")
    await running.state(second, RUNNING)


async def test_a_lower_limit_takes_elastic_instances_back(running: World) -> None:
    first = await running.until(await running.submit(workers=6), lambda e: workers(e) == 6 and e.state is RUNNING)
    await running.store.put_quota(ALICE, Limits(cpu=3))
    running.controller.wake()
    shrunk = await running.until(first, lambda e: workers(e) == 2)
    assert "Your quota of 3 CPU is used by" in (await running.until(shrunk, lambda e: bool(e.reason))).reason
    await running.store.delete_quota(ALICE)
    running.controller.wake()
    await running.until(first, lambda e: workers(e) == 6)


async def test_elastic_workers_give_way_to_a_larger_core_of_their_owner(running: World) -> None:
    running.store._quotas = QuotaSource(cores_first=True)
    await running.store.put_quota(ALICE, Limits(instances=8))
    first = await running.until(await running.submit(workers=6), lambda e: workers(e) == 6 and e.state is RUNNING)
    second = await running.state(await running.submit(workers=0), RUNNING)
    await running.scale(second, workers=1)
    await running.until(second, lambda e: workers(e) == 1 and e.state is RUNNING)
    shrunk = await running.until(first, lambda e: workers(e) == 5 and bool(e.reason))
    assert shrunk.state is RUNNING
    assert shrunk.reason.startswith("5 of 6 workers: Your quota of 8 instances is used by")


async def test_when_the_hours_are_used_up_cores_go_on_alone(running: World) -> None:
    await running.store.put_quota(ALICE, Limits(cpu_hours=10))
    first = await running.until(await running.submit(workers=6), lambda e: workers(e) == 6 and e.state is RUNNING)

    def earlier(transaction: Transaction) -> None:
        for row in transaction.connection.execute(select(usage)).all():
            begun = row.begun - timedelta(hours=5)
            transaction.connection.execute(update(usage).where(usage.c.id == row.id).values(begun=begun))

    await running.store._database.write(earlier)
    # Hours are added up from time to time; a limit that changed is looked at with them.
    await running.store.put_quota(ALICE, Limits(cpu_hours=11))
    running.controller.wake()
    shrunk = await running.until(first, lambda e: workers(e) < 6 and bool(e.reason))
    assert "Your quota of 11 CPU hours in 30 days is used up, by" in shrunk.reason
    assert shrunk.state is RUNNING


async def test_hours_are_added_up_from_time_to_time_and_limits_looked_at_always(world: World) -> None:
    now = [1000.0]
    watch = QuotaWatch(world.store, lambda: now[0])
    execution = await world.submit(workers=1)
    first = await watch.look([execution])
    assert await watch.look([execution]) is first
    now[0] += 60
    assert await watch.look([execution]) is first
    await world.store.put_quota(ALICE, Limits(cpu=1))
    assert (await watch.look([execution])).rules.own("alice").bounds


async def test_of_who_comes_meanwhile_hours_are_added_up_at_once(world: World) -> None:
    watch = QuotaWatch(world.store, lambda: 1000.0)
    execution = await world.submit(workers=1)
    await world.store.put_quota(Subject("everybody", ""), Limits(cpu_hours=0))
    assert (await watch.look([])).used_up == frozenset()
    assert (await watch.look([execution])).used_up == {ALICE}
