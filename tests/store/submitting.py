"""Part of the contract: submitting and reading executions."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime, timezone

import pytest

from zoe_hub.model.errors import Conflict, KeyReused, UnknownName
from zoe_hub.model.events import EventKind
from zoe_hub.model.execution import DesiredState
from zoe_hub.store.base import Store
from zoe_hub.store.changes import InstanceReported

from .examples import (
    HERE,
    QUEUED,
    TERMINATED,
    a_plan,
    a_submission,
    an_instance,
    brought_to,
    ended,
    new_events,
    submitted,
)
from .writing import moved, stored


class Submitting:
    async def test_new_execution_is_queued(self, store: Store) -> None:
        start = datetime.now(timezone.utc)
        execution, new = await store.submit(a_submission(attachment=HERE))
        assert new
        assert execution.owner == "alice"
        assert execution.zapp == "spark"
        assert execution.parameters == {"workers": 2}
        assert execution.plan == a_plan()
        assert execution.state is QUEUED
        assert execution.desired is DesiredState.RUNNING
        assert execution.attachment == HERE
        assert (execution.reason, execution.granted, execution.ended, execution.instances) == ("", {}, None, ())
        assert start <= execution.created <= datetime.now(timezone.utc)
        assert execution.created == execution.updated
        assert await store.get(execution.id) == execution

    async def test_identifier_is_a_dns_label_of_its_own(self, store: Store) -> None:
        made = [await submitted(store) for _ in range(20)]
        assert len({execution.id for execution in made}) == 20
        assert sorted(execution.id for execution in made) == [execution.id for execution in made]
        for execution in made:
            assert execution.id.isalnum()
            assert execution.id.isascii()
            assert execution.id == execution.id.lower()
            assert execution.id[0].isalpha()
            assert len(execution.id) < 40

    async def test_event(self, store: Store) -> None:
        execution = await submitted(store, parameters={"workers": 3})
        (event,) = await store.events()
        assert (event.kind, event.execution, event.owner) == (EventKind.EXECUTION_SUBMITTED, execution.id, "alice")
        assert event.data == {"name": "spark-1", "zapp": "spark", "parameters": {"workers": 3}}
        assert event.time == execution.created

    async def test_names_are_numbered_for_each_owner(self, store: Store) -> None:
        names = [(await submitted(store)).name for _ in range(3)]
        assert names == ["spark-1", "spark-2", "spark-3"]
        assert (await submitted(store, "bob")).name == "spark-1"
        assert (await submitted(store, plan=a_plan(zapp="dask"))).name == "dask-1"

    async def test_lowest_free_number_is_taken(self, store: Store) -> None:
        await submitted(store, name="spark-2")
        first = await submitted(store)
        assert (await submitted(store)).name == "spark-3"
        await moved(store, first.id, QUEUED, TERMINATED)
        assert (await submitted(store)).name == "spark-1"

    async def test_longest_zapp_name_gives_a_legal_name(self, store: Store) -> None:
        execution = await submitted(store, plan=a_plan(zapp="a" * 60 + "-bc"))
        assert execution.name == "a" * 60 + "-1"

    async def test_name_in_use_is_refused(self, store: Store) -> None:
        first = await submitted(store, name="mine")
        seq = await store.last_seq()
        with pytest.raises(Conflict, match="'mine'"):
            await submitted(store, name="mine")
        assert await new_events(store, seq) == []
        assert (await submitted(store, "bob", name="mine")).name == "mine"
        await moved(store, first.id, QUEUED, TERMINATED)
        assert (await submitted(store, name="mine")).name == "mine"

    async def test_idempotency_key(self, store: Store) -> None:
        first = await submitted(store, idempotency_key="k")
        seq = await store.last_seq()
        again, new = await store.submit(a_submission(idempotency_key="k", name="other", plan=a_plan(7)))
        assert (again, new) == (first, False)
        assert await new_events(store, seq) == []
        assert (await store.submit(a_submission("bob", idempotency_key="k")))[1]
        assert (await store.submit(a_submission(idempotency_key="l")))[1]

    async def test_a_key_that_comes_with_another_request_is_refused(self, store: Store) -> None:
        first = await submitted(store, idempotency_key="k", fingerprint="a")
        for again in (first, await store.submitted("alice", "k", "a"), await store.submitted("alice", "k", None)):
            assert again == first
        assert await store.submitted("alice", "l", "a") is None
        assert await store.submitted("bob", "k", "b") is None
        for wish in (
            store.submit(a_submission(idempotency_key="k", fingerprint="b")),
            store.submitted("alice", "k", "b"),
        ):
            with pytest.raises(KeyReused, match="which gave spark-1; choose a new key"):
                await wish
        assert await store.list() == [first]

    async def test_idempotency_key_outlives_the_execution(self, store: Store) -> None:
        first = await ended(store, idempotency_key="k")
        again, new = await store.submit(a_submission(idempotency_key="k"))
        assert (again, new) == (first, False)

    async def test_hundred_at_once_with_one_key_make_one_execution(self, store: Store) -> None:
        results = await asyncio.gather(*(store.submit(a_submission(idempotency_key="k")) for _ in range(100)))
        assert len({execution.id for execution, _ in results}) == 1
        assert sum(new for _, new in results) == 1
        assert len(await store.list()) == len(await store.events()) == 1

    async def test_many_at_once_get_different_names(self, store: Store) -> None:
        results = await asyncio.gather(*(store.submit(a_submission()) for _ in range(30)))
        assert {execution.name for execution, _ in results} == {f"spark-{n}" for n in range(1, 31)}

    async def test_one_name_wanted_at_once_is_given_once(self, store: Store) -> None:
        wishes = (store.submit(a_submission(name="mine")) for _ in range(20))
        results = await asyncio.gather(*wishes, return_exceptions=True)
        assert Counter(type(result) for result in results) == {tuple: 1, Conflict: 19}


class Reading:
    async def test_get_unknown(self, store: Store) -> None:
        await submitted(store)
        with pytest.raises(UnknownName, match="execution"):
            await store.get("spark-1")

    async def test_find_by_identifier_and_by_name(self, store: Store) -> None:
        execution = await submitted(store)
        assert await store.find("alice", execution.id) == execution
        assert await store.find("alice", "spark-1") == execution

    async def test_find_prefers_the_live_one_then_the_newest(self, store: Store) -> None:
        await ended(store, name="mine")
        newer = await ended(store, name="mine")
        assert await store.find("alice", "mine") == newer
        live = await submitted(store, name="mine")
        assert await store.find("alice", "mine") == live

    async def test_find_prefers_a_live_one_to_a_newer_one(self, store: Store) -> None:
        live = await submitted(store, name="other")
        await ended(store, name="mine")
        assert await store.find("alice", "other") == live

    async def test_find_proposes_the_owners_nearest_name(self, store: Store) -> None:
        await submitted(store, name="sparkling")
        await submitted(store, "bob", name="sparklong")
        with pytest.raises(UnknownName, match="Did you mean 'sparkling'"):
            await store.find("alice", "sparklong")

    async def test_find_tells_nothing_of_other_owners(self, store: Store) -> None:
        await submitted(store, "bob", name="secretplan")
        with pytest.raises(UnknownName) as caught:
            await store.find("alice", "secretplam")
        assert "secretplan" not in str(caught.value)

    async def test_list_is_newest_first(self, store: Store) -> None:
        made = [await submitted(store, owner) for owner in ("alice", "bob", "alice")]
        assert await store.list() == made[::-1]
        assert await store.list(owner="alice") == [made[2], made[0]]
        assert await store.list(owner="admin") == []
        assert await store.list(limit=2) == [made[2], made[1]]

    async def test_however_many_are_queued_the_oldest_are_listed(self, store: Store) -> None:
        made = [await submitted(store, "bob" if number else "alice") for number in range(1002)]
        assert [execution.id for execution in await store.list(live=True)] == [one.id for one in reversed(made)]

    async def test_list_by_life(self, store: Store) -> None:
        gone, there = await ended(store), await submitted(store)
        assert await store.list(live=True) == [there]
        assert await store.list(live=False) == [gone]
        assert await store.list(live=True, owner="bob") == []

    async def test_an_execution_that_is_ending_is_live(self, store: Store) -> None:
        execution = await submitted(store)
        await brought_to(store, execution, "stopping")
        assert [found.id for found in await store.list(live=True)] == [execution.id]

    async def test_list_and_get_bring_instances_in_order(self, store: Store) -> None:
        first, second = await submitted(store), await submitted(store, "bob")
        for ordinal in (2, 0, 10, 1):
            await stored(store, InstanceReported(an_instance(first.id, ordinal)))
        await stored(store, InstanceReported(an_instance(second.id, 5)))
        by_id = {execution.id: [i.ordinal for i in execution.instances] for execution in await store.list()}
        assert by_id == {first.id: [0, 1, 2, 10], second.id: [5]}
        assert [i.ordinal for i in (await store.get(first.id)).instances] == [0, 1, 2, 10]
        (only,) = await store.list(limit=1)
        assert [i.execution for i in only.instances] == [second.id]
