"""Part of the contract: executions that follow their load, and how much work runs were."""

from __future__ import annotations

from typing import Any

import pytest

from zoe_hub.model.adaptation import Adaptation
from zoe_hub.model.errors import Conflict, Overtaken
from zoe_hub.model.execution import Execution, ExecutionState
from zoe_hub.model.plan import Plan
from zoe_hub.model.zapp import Category
from zoe_hub.store.base import Store
from zoe_hub.store.changes import Granted

from .examples import a_plan, brought_to, ended, new_events, submitted
from .writing import moved, stored

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


class Learning:
    """How long runs took, and what is expected of the next one."""

    async def test_work_is_what_was_granted_while_it_ran(self, store: Store) -> None:
        """A run of one instance and then of three, each for a moment: as seen by the one that comes after it."""
        for _ in range(3):
            await done(store)
        expected = (await submitted(store, plan=a_job())).learned
        assert expected is not None
        assert 0 < expected < 60
        assert (await submitted(store, plan=a_job(), expected=7200)).learned is None

    async def test_nothing_is_learned_of_what_did_not_end_by_itself(self, store: Store) -> None:
        await brought_to(store, await submitted(store, plan=a_job()), "stopping")
        await brought_to(store, await submitted(store, plan=a_job()), "failed")
        assert (await submitted(store, plan=a_job())).learned is None

    async def test_nothing_is_expected_of_what_a_person_works_with(self, store: Store) -> None:
        await done(store)
        assert (await submitted(store)).learned is None

    async def test_other_zapps_tell_nothing(self, store: Store) -> None:
        await done(store)
        assert (await submitted(store, plan=a_job("other"))).learned is None

    async def test_another_definition_of_the_same_name_tells_nothing(self, store: Store) -> None:
        for _ in range(3):
            await done(store)
        plan = a_job()
        other = plan.definition.model_copy(update={"title": "of somebody's own"})
        assert (await submitted(store, plan=plan.model_copy(update={"definition": other}))).learned is None
        assert (await submitted(store, plan=a_job())).learned is not None

    async def test_with_more_instances_the_same_work_takes_less_time(self, store: Store) -> None:
        await done(store)
        small, large = await submitted(store, plan=a_job()), await submitted(store, plan=a_job(workers=8))
        assert small.size is not None
        assert large.size is not None
        assert small.size == pytest.approx(4 * large.size)
        assert (await submitted(store, plan=a_job(), expected=7200)).size == 7200


def a_job(zapp: str = "spark", workers: int = 2) -> Plan:
    return a_plan(workers, zapp).model_copy(update={"category": Category.BATCH})


async def done(store: Store) -> Execution:
    execution = await submitted(store, plan=a_job())
    await stored(store, Granted(execution.id, {"spark.worker": 1}))
    execution = await brought_to(store, execution, "running")
    await stored(store, Granted(execution.id, {"spark.worker": 3}))
    for state in (ExecutionState.COMPLETING, ExecutionState.COMPLETED):
        execution = await moved(store, execution.id, execution.state, state)
    return execution
