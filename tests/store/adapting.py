"""Part of the contract: executions that follow their load, and how much work runs were."""

from __future__ import annotations

from typing import Any

import pytest

from zoe_hub.model.adaptation import Adaptation
from zoe_hub.model.errors import Conflict, Overtaken
from zoe_hub.model.execution import Execution
from zoe_hub.store.base import Store

from .examples import a_plan, ended, new_events, submitted

BOUNDS = Adaptation(minimum=1, maximum=8, hold=30)


async def following(store: Store) -> Execution:
    execution = await submitted(store)
    return await store.adapt(execution.id, BOUNDS, {"workers": 2}, a_plan(), read={"workers": 2}, by="alice")


async def resized(store: Store, execution: Execution, size: int, bounds: Adaptation = BOUNDS) -> Execution:
    await store.resize(
        execution.id, bounds, {"workers": size}, a_plan(size), read=execution.parameters, reason="12 tasks wait"
    )
    return await store.get(execution.id)


class Adapting:
    async def test_bounds_are_stored_once_and_told(self, store: Store) -> None:
        assert (await submitted(store)).adaptation is None
        seq = await store.last_seq()
        execution = await following(store)
        assert execution.adaptation == BOUNDS
        assert await store.get(execution.id) == execution
        told = {"name": execution.name, "minimum": 1, "maximum": 8, "hold": 30, "by": "alice"}
        again = await store.adapt(execution.id, BOUNDS, {"workers": 2}, a_plan(), read={"workers": 2}, by="bob")
        assert again == execution
        assert (await new_events(store, seq))[1:] == [("execution.adapted", told)]

    async def test_a_size_within_the_bounds_is_stored_with_them(self, store: Store) -> None:
        execution = await submitted(store)
        seq = await store.last_seq()
        tight = Adaptation(minimum=4, maximum=8)
        changed = await store.adapt(execution.id, tight, {"workers": 4}, a_plan(4), read={"workers": 2}, by="alice")
        assert (changed.parameters, changed.plan, changed.adaptation) == ({"workers": 4}, a_plan(4), tight)
        assert [kind for kind, _ in await new_events(store, seq)] == ["execution.scaled", "execution.adapted"]

    async def test_another_size_comes_with_its_reason_and_is_no_use(self, store: Store) -> None:
        execution = await following(store)
        seq = await store.last_seq()
        after = await resized(store, execution, 4)
        assert (after.parameters, after.plan, after.adapted) == ({"workers": 4}, a_plan(4), "12 tasks wait")
        assert after.life.last_active == execution.life.last_active
        data: dict[str, Any] = {"parameters": {"workers": 4}, "by": "adaptation", "reason": "12 tasks wait"}
        assert await new_events(store, seq) == [("execution.scaled", data | {"name": execution.name})]

    async def test_a_size_that_was_concluded_from_what_changed_meanwhile_is_refused(self, store: Store) -> None:
        execution = await following(store)
        with pytest.raises(Overtaken):
            await resized(store, execution, 4, Adaptation(minimum=1, maximum=4))
        scaled = await store.modify(execution.id, {"workers": 3}, a_plan(3), by="alice", adapting=True)
        assert scaled.adaptation == BOUNDS
        with pytest.raises(Overtaken):
            await resized(store, execution, 4)
        await store.adapt_no_more(execution.id, "alice", "off")
        with pytest.raises(Overtaken):
            await resized(store, scaled, 4)
        assert (await store.get(execution.id)).parameters == {"workers": 3}

    @pytest.mark.parametrize("size", [2, 3])
    async def test_who_asks_for_a_size_ends_it_also_for_the_one_that_it_has(self, store: Store, size: int) -> None:
        execution = await following(store)
        seq = await store.last_seq()
        after = await store.modify(execution.id, {"workers": size}, a_plan(size), by="bob")
        assert (after.adaptation, after.adapted) == (None, "off, because bob asked for a size")
        assert (
            "execution.adapted",
            {"name": execution.name, "reason": after.adapted, "by": "bob"},
        ) in await new_events(store, seq)

    async def test_it_ends_once(self, store: Store) -> None:
        execution = await following(store)
        first = await store.adapt_no_more(execution.id, "alice", "off, as alice asked")
        seq = await store.last_seq()
        assert await store.adapt_no_more(execution.id, "bob", "off, as bob asked") == first
        assert (first.adaptation, first.adapted) == (None, "off, as alice asked")
        assert await new_events(store, seq) == []

    async def test_why_it_follows_no_further_is_told_once(self, store: Store) -> None:
        execution = await following(store)
        seq = await store.last_seq()
        for _ in range(2):
            await store.explain_adaptation(execution.id, BOUNDS, "stays at 2: swap")
        await store.explain_adaptation(execution.id, Adaptation(minimum=0, maximum=1), "of other bounds")
        assert (await store.get(execution.id)).adapted == "stays at 2: swap"
        ((kind, data),) = await new_events(store, seq)
        assert (kind, data["reason"]) == ("execution.adapted", "stays at 2: swap")

    async def test_what_has_ended_follows_nothing(self, store: Store) -> None:
        execution = await ended(store)
        with pytest.raises(Conflict, match="has ended"):
            await store.adapt(execution.id, BOUNDS, {"workers": 2}, a_plan(), read={"workers": 2}, by="alice")
        assert await store.adapt_no_more(execution.id, "alice", "off") == execution

    async def test_what_its_owner_expects_is_kept(self, store: Store) -> None:
        assert (await submitted(store, expected=7200)).expected == 7200
        assert (await submitted(store)).expected is None
