"""Part of the contract: changing executions and their instances."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from zoe_hub.model.errors import Conflict, IllegalTransition, Overtaken, UnknownName
from zoe_hub.model.execution import Attachment, DesiredState, Execution, ExecutionState, InstanceState
from zoe_hub.store.base import Store
from zoe_hub.store.changes import Explained, Granted, InstanceReported, InstancesDropped

from .examples import (
    HERE,
    QUEUED,
    RUNNING,
    STARTING,
    TERMINATED,
    a_plan,
    an_instance,
    brought_to,
    ended,
    new_events,
    submitted,
)
from .writing import Refused, moved, stored


class Changing:
    async def test_change_state(self, store: Store) -> None:
        execution = await submitted(store)
        seq = await store.last_seq()
        changed = await moved(store, execution.id, QUEUED, STARTING, "it fits")
        assert (changed.state, changed.reason, changed.ended) == (STARTING, "it fits", None)
        assert changed.updated >= execution.updated
        assert changed == await store.get(execution.id)
        assert await new_events(store, seq) == [
            (
                "execution.state_changed",
                {"before": "queued", "after": "starting", "reason": "it fits", "name": "spark-1", "zapp": "spark"},
            )
        ]

    @pytest.mark.parametrize("end", [state for state in ExecutionState if state.ended])
    async def test_an_end_is_dated(self, store: Store, end: ExecutionState) -> None:
        execution = await submitted(store)
        changed = await brought_to(store, execution, end.value)
        assert changed.ended is not None
        assert changed.ended >= execution.created

    async def test_change_from_another_state_is_refused(self, store: Store) -> None:
        execution = await submitted(store)
        seq = await store.last_seq()
        with pytest.raises(Refused):
            await moved(store, execution.id, RUNNING, TERMINATED)
        assert await store.get(execution.id) == execution
        assert await new_events(store, seq) == []

    async def test_an_end_is_final(self, store: Store) -> None:
        execution = await ended(store)
        await submitted(store)
        with pytest.raises(Refused):
            await moved(store, execution.id, TERMINATED, RUNNING)
        assert await store.get(execution.id) == execution

    async def test_an_illegal_move_is_refused_with_what_happened_before(self, store: Store) -> None:
        execution = await submitted(store)
        await moved(store, execution.id, QUEUED, STARTING, "it fits")
        execution = await moved(store, execution.id, STARTING, RUNNING)
        seq = await store.last_seq()
        with pytest.raises(IllegalTransition, match="running cannot become queued") as caught:
            await moved(store, execution.id, RUNNING, QUEUED)
        first, second = caught.value.history
        assert first.endswith("queued to starting (it fits)")
        assert second.endswith("starting to running")
        assert datetime.fromisoformat(first.split()[0]) <= datetime.now(timezone.utc)
        assert first in str(caught.value)
        assert await store.get(execution.id) == execution
        assert await new_events(store, seq) == []

    async def test_of_many_at_once_exactly_one_wins(self, store: Store) -> None:
        execution = await submitted(store)
        seq = await store.last_seq()
        wishes = (moved(store, execution.id, QUEUED, STARTING, str(n)) for n in range(30))
        results = await asyncio.gather(*wishes, return_exceptions=True)
        (winner,) = [result for result in results if isinstance(result, Execution)]
        assert sum(isinstance(result, Refused) for result in results) == 29
        ((_, data),) = await new_events(store, seq)
        assert data["reason"] == winner.reason == (await store.get(execution.id)).reason

    async def test_explain(self, store: Store) -> None:
        execution = await submitted(store)
        seq = await store.last_seq()
        await stored(store, Explained(execution.id, "2 CPU are free, it needs 4"))
        await stored(store, Explained(execution.id, "2 CPU are free, it needs 4"))
        assert (await store.get(execution.id)).reason == "2 CPU are free, it needs 4"
        assert await new_events(store, seq) == [("execution.waiting", {"reason": "2 CPU are free, it needs 4"})]

    async def test_explain_never_hides_why_it_ended(self, store: Store) -> None:
        execution = await ended(store)
        await stored(store, Explained(execution.id, "waits"))
        assert await store.get(execution.id) == execution

    async def test_grant(self, store: Store) -> None:
        execution = await submitted(store)
        seq = await store.last_seq()
        await stored(store, Granted(execution.id, {"spark.master": 1, "spark.worker": 2}, "room"))
        await stored(store, Granted(execution.id, {"spark.worker": 2, "spark.master": 1}, "the same again"))
        found = await store.get(execution.id)
        assert found.granted == {"spark.master": 1, "spark.worker": 2}
        assert found.reason == ""
        assert await new_events(store, seq) == [
            ("execution.granted", {"granted": {"spark.master": 1, "spark.worker": 2}, "reason": "room"})
        ]

    async def test_modify(self, store: Store) -> None:
        execution = await submitted(store)
        seq = await store.last_seq()
        changed = await store.modify(execution.id, {"workers": 4}, a_plan(4), by="bob")
        assert (changed.parameters, changed.plan) == ({"workers": 4}, a_plan(4))
        assert await store.modify(execution.id, {"workers": 4}, a_plan(4), by="alice") == changed
        assert await store.get(execution.id) == changed
        assert await new_events(store, seq) == [("execution.scaled", {"parameters": {"workers": 4}, "by": "bob"})]

    async def test_modify_of_what_was_read_before_another_change_is_refused(self, store: Store) -> None:
        execution = await submitted(store)
        wishes = [
            store.modify(execution.id, {"workers": n}, a_plan(n), read=execution.parameters) for n in range(10, 20)
        ]
        results = await asyncio.gather(*wishes, return_exceptions=True)
        (winner,) = [result for result in results if isinstance(result, Execution)]
        assert sum(isinstance(result, Overtaken) for result in results) == 9
        assert await store.get(execution.id) == winner
        seq = await store.last_seq()
        with pytest.raises(Overtaken, match="spark-1 was changed by somebody else"):
            await store.modify(execution.id, {"workers": 3}, a_plan(3), read=execution.parameters)
        assert await new_events(store, seq) == []
        await store.modify(execution.id, {"workers": 3}, a_plan(3), read=winner.parameters)

    async def test_attach_and_detach(self, store: Store) -> None:
        execution = await submitted(store)
        seq = await store.last_seq()
        assert (await store.attach(execution.id, HERE)).attachment == HERE
        await store.attach(execution.id, HERE)
        moved = Attachment(server="alice/second")
        assert (await store.attach(execution.id, moved)).attachment == moved
        assert (await store.attach(execution.id, None)).attachment is None
        assert (await store.attach(execution.id, None)).attachment is None
        assert await new_events(store, seq) == [
            ("execution.attached", {"server": "alice/", "kernel": "k1", "outlive": False}),
            ("execution.attached", {"server": "alice/second", "kernel": None, "outlive": False}),
            ("execution.detached", {"server": "alice/second", "kernel": None}),
        ]

    @pytest.mark.parametrize("state", ["stopping", "failing", "completing", "terminated", "failed", "completed"])
    async def test_what_ends_cannot_be_changed(self, store: Store, state: str) -> None:
        execution = await submitted(store)
        execution = await brought_to(store, execution, state)
        seq = await store.last_seq()
        with pytest.raises(Conflict, match="spark-1"):
            await store.modify(execution.id, {"workers": 4}, a_plan(4))
        with pytest.raises(Conflict, match="spark-1"):
            await store.attach(execution.id, HERE)
        assert await store.get(execution.id) == execution
        assert await new_events(store, seq) == []

    async def test_what_shall_end_cannot_be_changed(self, store: Store) -> None:
        execution = await submitted(store)
        await store.terminate(execution.id, "alice")
        with pytest.raises(Conflict, match="ending"):
            await store.modify(execution.id, {"workers": 4}, a_plan(4))
        with pytest.raises(Conflict, match="ending"):
            await store.attach(execution.id, HERE)

    async def test_terminate(self, store: Store) -> None:
        execution = await submitted(store)
        seq = await store.last_seq()
        wished = await store.terminate(execution.id, "admin")
        assert (wished.desired, wished.state) == (DesiredState.TERMINATED, QUEUED)
        assert await store.terminate(execution.id, "alice") == wished
        assert await new_events(store, seq) == [("execution.termination_requested", {"by": "admin"})]

    async def test_terminate_what_has_ended(self, store: Store) -> None:
        execution = await ended(store)
        seq = await store.last_seq()
        assert await store.terminate(execution.id, "alice") == execution
        assert await new_events(store, seq) == []

    async def test_unknown_execution(self, store: Store) -> None:
        for change in (
            store.modify("x0", {}, a_plan()),
            store.attach("x0", None),
            store.terminate("x0", "alice"),
        ):
            with pytest.raises(UnknownName, match="'x0'"):
                await change
        assert await store.events() == []


class Instances:
    async def test_saved_as_reported(self, store: Store) -> None:
        execution = await submitted(store)
        east = timezone(timedelta(hours=2))
        status = an_instance(
            execution.id,
            3,
            state=InstanceState.READY,
            host="127.0.0.1",
            ports={"rpc": 7077, "ui": 8080},
            restarts=2,
            exit_code=-9,
            message="killed by SIGKILL",
            started=datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=east),
        )
        seq = await store.last_seq()
        await stored(store, InstanceReported(status))
        (found,) = (await store.get(execution.id)).instances
        assert found == status
        assert found.started is not None
        assert found.started.utcoffset() == timedelta(0)
        assert await new_events(store, seq) == [
            (
                "instance.state_changed",
                {
                    "process": "spark.worker",
                    "ordinal": 3,
                    "state": "ready",
                    "message": "killed by SIGKILL",
                    "restarts": 2,
                    "exit_code": -9,
                },
            )
        ]

    async def test_same_again_writes_nothing(self, store: Store) -> None:
        execution = await submitted(store)
        await stored(store, InstanceReported(an_instance(execution.id)))
        seq = await store.last_seq()
        await stored(store, InstanceReported(an_instance(execution.id)))
        assert await new_events(store, seq) == []

    @pytest.mark.parametrize(
        "change",
        [
            {"state": InstanceState.READY},
            {"message": "why"},
            {"restarts": 1},
            {"exit_code": 1},
            {"host": "127.0.0.2"},
            {"ports": {"ui": 1}},
        ],
        ids=lambda change: next(iter(change)),
    )
    async def test_every_change_is_an_event(self, store: Store, change: dict[str, Any]) -> None:
        execution = await submitted(store)
        await stored(store, InstanceReported(an_instance(execution.id)))
        seq = await store.last_seq()
        await stored(store, InstanceReported(an_instance(execution.id, **change)))
        assert (await store.get(execution.id)).instances == (an_instance(execution.id, **change),)
        assert len(await new_events(store, seq)) == 1

    async def test_its_start_alone_is_no_event(self, store: Store) -> None:
        execution = await submitted(store)
        await stored(store, InstanceReported(an_instance(execution.id)))
        seq = await store.last_seq()
        started = an_instance(execution.id, started=datetime(2026, 1, 1, tzinfo=timezone.utc))
        await stored(store, InstanceReported(started))
        assert (await store.get(execution.id)).instances == (started,)
        assert await new_events(store, seq) == []

    async def test_drop_forgets_the_ended_from_an_ordinal(self, store: Store) -> None:
        execution = await submitted(store)
        for ordinal, state in enumerate(["stopped", "ready", "stopped", "ready", "failed", "draining"]):
            await stored(store, InstanceReported(an_instance(execution.id, ordinal, state=InstanceState(state))))
        await stored(
            store, InstanceReported(an_instance(execution.id, 4, process="spark.other", state=InstanceState.STOPPED))
        )
        await stored(store, InstancesDropped(execution.id, "spark.worker", 1))
        left = [(i.process, i.ordinal) for i in (await store.get(execution.id)).instances]
        assert left == [
            ("spark.other", 4),
            ("spark.worker", 0),
            ("spark.worker", 1),
            ("spark.worker", 3),
            ("spark.worker", 5),
        ]
