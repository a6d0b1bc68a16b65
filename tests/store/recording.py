"""Part of the contract: many changes in one transaction."""

from __future__ import annotations

from zoe_hub.model.execution import DesiredState, InstanceState
from zoe_hub.store.base import Store
from zoe_hub.store.changes import (
    Explained,
    Granted,
    InstanceReported,
    InstancesDropped,
    StateChanged,
    TerminationRequested,
)

from .examples import LATER, ODD_TEXTS, QUEUED, RUNNING, STARTING, TERMINATED, an_instance, ended, new_events, submitted
from .writing import moved


class Recording:
    async def test_changes_are_made_in_their_order_and_told_in_it(self, store: Store) -> None:
        one, other = await submitted(store), await submitted(store, "bob")
        seq = await store.last_seq()
        refused = await store.record(
            [
                Granted(one.id, {"spark.worker": 2}, "it fits"),
                StateChanged(one.id, QUEUED, STARTING, "it fits"),
                InstanceReported(an_instance(one.id)),
                InstanceReported(an_instance(one.id, state=InstanceState.READY)),
                Explained(other.id, "waits"),
                StateChanged(one.id, STARTING, RUNNING),
            ]
        )
        assert not refused
        assert [event.execution for event in await store.events(after=seq)] == [*[one.id] * 4, other.id, one.id]
        now = await store.get(one.id)
        assert (now.state, now.granted, now.reason) == (RUNNING, {"spark.worker": 2}, "")
        assert [instance.state for instance in now.instances] == [InstanceState.READY]
        assert (await store.get(other.id)).reason == "waits"

    async def test_texts_of_many_come_back_as_they_were(self, store: Store) -> None:
        texts = {(await submitted(store)).id: text for text in ODD_TEXTS}
        seq = await store.last_seq()
        await store.record([Explained(id, text) for id, text in texts.items()])
        await store.record([InstanceReported(an_instance(id, message=text)) for id, text in texts.items()])
        told = [event.data.get("reason", event.data.get("message")) for event in await store.events(after=seq)]
        assert told == [*texts.values()] * 2
        later = {id: f"{text} and {text}" for id, text in texts.items()}
        ready = {"state": InstanceState.READY, "ports": {"ui": 8080}, "started": LATER}
        await store.record([InstanceReported(an_instance(id, message=text, **ready)) for id, text in later.items()])
        await store.record([Granted(id, {text: 1}) for id, text in texts.items()])
        for id, text in texts.items():
            execution = await store.get(id)
            assert (execution.reason, execution.granted) == (text, {text: 1})
            assert execution.instances == (an_instance(id, message=later[id], **ready),)

    async def test_what_came_too_late_is_refused_and_the_rest_is_stored(self, store: Store) -> None:
        over, live = await ended(store), await submitted(store)
        seq = await store.last_seq()
        late = [
            InstanceReported(an_instance(over.id)),
            StateChanged(over.id, TERMINATED, RUNNING),
            StateChanged(live.id, RUNNING, STARTING),
            Explained("nobody", "why"),
        ]
        assert await store.record([late[0], *late[1:], TerminationRequested(live.id, by="alice")]) == late
        assert await store.get(over.id) == over
        assert (await store.get(live.id)).desired is DesiredState.TERMINATED
        assert await new_events(store, seq) == [("execution.termination_requested", {"by": "alice"})]

    async def test_the_same_again_writes_nothing(self, store: Store) -> None:
        execution = await submitted(store)
        changes = [
            Granted(execution.id, {"spark.worker": 2}),
            Explained(execution.id, "waits"),
            InstanceReported(an_instance(execution.id)),
            TerminationRequested(execution.id, by="alice"),
        ]
        await store.record(changes)
        before = await store.get(execution.id), await store.last_seq()
        assert not await store.record(changes)
        assert (await store.get(execution.id), await store.last_seq()) == before

    async def test_only_ended_instances_are_dropped_and_only_their_own(self, store: Store) -> None:
        one, other = await submitted(store), await submitted(store)
        stopped = InstanceState.STOPPED
        await store.record(
            [
                InstanceReported(an_instance(one.id, 0, state=stopped)),
                InstanceReported(an_instance(one.id, 1, state=stopped)),
                InstanceReported(an_instance(one.id, 2)),
                InstanceReported(an_instance(other.id, 1, state=stopped)),
                InstancesDropped(one.id, "spark.worker", 1),
            ]
        )
        assert [instance.ordinal for instance in (await store.get(one.id)).instances] == [0, 2]
        assert [instance.ordinal for instance in (await store.get(other.id)).instances] == [1]
        await store.record([InstancesDropped(one.id, "spark.worker", 0)])
        assert [instance.ordinal for instance in (await store.get(one.id)).instances] == [2]

    async def test_more_changes_than_a_statement_has_room_for(self, store: Store) -> None:
        execution = await submitted(store)
        await store.record([InstanceReported(an_instance(execution.id, ordinal)) for ordinal in range(1500)])
        assert len((await store.get(execution.id)).instances) == 1500

    async def test_changed_names_what_was_touched_since(self, store: Store) -> None:
        first, second = await submitted(store), await submitted(store)
        changed, seq = await store.changed(0)
        assert {execution.id for execution in changed} == {first.id, second.id}
        assert await store.changed(seq) == ([], seq)
        await store.record([InstanceReported(an_instance(second.id))])
        changed, later = await store.changed(seq)
        assert (list(changed), later) == ([await store.get(second.id)], await store.last_seq())
        await moved(store, first.id, QUEUED, TERMINATED)
        assert [execution.ended is not None for execution in (await store.changed(later))[0]] == [True]
