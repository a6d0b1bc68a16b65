"""Part of the contract: what is kept, and what is deleted."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone

import pytest

from zoe_hub.model.errors import UnknownName
from zoe_hub.model.execution import DesiredState
from zoe_hub.store.base import Store
from zoe_hub.store.changes import InstanceReported

from .examples import (
    QUEUED,
    TERMINATED,
    a_plan,
    a_submission,
    a_zapp,
    an_instance,
    brought_to,
    ended,
    new_events,
    submitted,
)
from .writing import moved, stored

EVER = datetime.now(timezone.utc) + timedelta(days=1)
NEVER = datetime.now(timezone.utc) - timedelta(days=1)


class Retaining:
    async def test_what_ended_before_a_moment_is_disposable_the_oldest_first(self, store: Store) -> None:
        await submitted(store)
        first, second = await ended(store), await ended(store, "bob")
        assert await store.disposable(before=EVER, most=None, limit=10) == [first.id, second.id]
        assert await store.disposable(before=EVER, most=None, limit=1) == [first.id]
        assert await store.disposable(before=second.ended, most=None, limit=10) == [first.id]
        assert await store.disposable(before=NEVER, most=None, limit=10) == []
        assert await store.disposable(before=EVER, most=None, limit=10, until=first.ended) == [first.id]
        assert await store.disposable(before=None, most=None, limit=10) == []

    async def test_what_is_beyond_a_number_is_disposable_for_each_owner(self, store: Store) -> None:
        mine = [await ended(store) for _ in range(4)]
        await submitted(store)
        await ended(store, "bob")
        assert await store.disposable(before=None, most=2, limit=10) == [mine[0].id, mine[1].id]
        assert await store.disposable(before=NEVER, most=4, limit=10) == []

    async def test_dispose_deletes_all_that_belongs_to_what_has_ended(self, store: Store) -> None:
        gone = await submitted(store, idempotency_key="k", fingerprint="a")
        await stored(store, InstanceReported(an_instance(gone.id)))
        await brought_to(store, gone, "completed")
        kept, live = await ended(store), await submitted(store, "bob")
        last = max(event.seq for event in await store.events(execution=gone.id))
        assert await store.deleted_seq() == 0
        assert await store.dispose([gone.id, live.id, "x0"]) == 1
        with pytest.raises(UnknownName):
            await store.get(gone.id)
        assert {execution.id for execution in await store.list()} == {kept.id, live.id}
        assert await store.events(execution=gone.id) == []
        assert len(await store.events(execution=kept.id)) == 2
        assert await store.deleted_seq() == last
        assert await store.dispose([gone.id]) == 0
        _, new = await store.submit(a_submission(idempotency_key="k", fingerprint="b"))
        assert new

    async def test_the_highest_deleted_number_never_falls(self, store: Store) -> None:
        first, second = await ended(store), await ended(store)
        await store.dispose([second.id])
        highest = await store.deleted_seq()
        assert highest == await store.last_seq()
        await store.dispose([first.id])
        assert await store.deleted_seq() == highest

    async def test_tidy_deletes_plans_that_nothing_refers_to(self, store: Store) -> None:
        kept, gone = await submitted(store, plan=a_plan(1)), await ended(store, plan=a_plan(2))
        for workers in (3, 4):
            kept = await store.modify(kept.id, {"workers": workers}, a_plan(workers))
        assert await store.tidy(limit=10) == 2
        await store.dispose([gone.id])
        assert await store.tidy(limit=10) == 1
        assert await store.tidy(limit=10) == 0
        assert (await store.get(kept.id)).plan == a_plan(4)
        assert (await submitted(store, plan=a_plan(2))).plan == a_plan(2)

    async def test_plans_are_tidied_while_the_same_are_used_again(self, store: Store) -> None:
        async def use(owner: str) -> None:
            for n in range(6):
                execution = await submitted(store, owner, plan=a_plan(n % 2))
                assert (await store.get(execution.id)).plan == a_plan(n % 2)
                await moved(store, execution.id, QUEUED, TERMINATED)
                await store.dispose([execution.id])

        async def tidy() -> None:
            for _ in range(20):
                await store.tidy(limit=5)

        await asyncio.gather(use("alice"), use("bob"), tidy())

    async def test_forgetting_an_owner_ends_what_lives_and_makes_all_disposable(self, store: Store) -> None:
        old, live, others = await ended(store), await submitted(store), await ended(store, "bob")
        await store.put_zapp("alice", a_zapp("mine"))
        await store.put_zapp("bob", a_zapp("mine"))
        seq = await store.last_seq()
        assert await store.forget_owner("alice", "admin") == (1, 2)
        assert await store.zapps("alice") == []
        assert len(await store.zapps("bob")) == 1
        assert (await store.get(live.id)).desired is DesiredState.TERMINATED
        assert await new_events(store, seq) == [("execution.termination_requested", {"by": "admin"})]
        assert await store.disposable(before=None, most=None, limit=10) == [old.id]
        new = await ended(store)
        await brought_to(store, live, "terminated")
        found = await store.disposable(before=None, most=None, limit=10)
        assert set(found) == {old.id, live.id}
        await store.tidy(limit=10)
        await store.dispose(found)
        await store.tidy(limit=10)
        assert {execution.id for execution in await store.list()} == {new.id, others.id}
        assert await store.disposable(before=None, most=None, limit=10) == []

    async def test_forgetting_who_was_never_there_changes_nothing(self, store: Store) -> None:
        assert await store.forget_owner("alice", "admin") == (0, 0)
        assert await store.events() == []
