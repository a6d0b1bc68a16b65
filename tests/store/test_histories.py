"""Any history of wishes and reports leaves executions and events that tell the same story."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from zoe_hub.model.errors import Conflict, IllegalTransition
from zoe_hub.model.events import EventKind
from zoe_hub.model.execution import Attachment, DesiredState, Execution, ExecutionState, InstanceState
from zoe_hub.scheduler.lifecycle import EXECUTION, ExecutionEvent, may, next_state
from zoe_hub.store.changes import Granted, InstanceReported, InstancesDropped
from zoe_hub.store.sql import SQLStore

from .examples import a_plan, a_submission, an_instance
from .writing import Refused, moved, stored

owners = st.sampled_from(["alice", "bob"])
names = st.none() | st.sampled_from(["spark-1", "spark-2", "mine"])
keys = st.none() | st.sampled_from(["k", "l"])
states = st.sampled_from(list(ExecutionState))
attachments = st.none() | st.sampled_from([Attachment(server="alice/"), Attachment(server="alice/", kernel="k")])


MOVES = {(before, after) for (before, _), after in EXECUTION.items()}


class Histories(RuleBasedStateMachine):
    executions: Bundle[str] = Bundle("executions")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.store = SQLStore("sqlite://")
        self.run(self.store.open())
        self.keys: dict[tuple[str, str], str] = {}

    def run(self, wish: Any) -> Any:
        return self.loop.run_until_complete(wish)

    def attempt(self, wish: Any, allowed: bool) -> None:
        """What is not allowed is refused, and stores no event."""
        before = self.run(self.store.last_seq())
        refused = False
        try:
            self.run(wish)
        except (Conflict, IllegalTransition, Refused):
            refused = True
        assert refused is not allowed
        assert allowed or self.run(self.store.last_seq()) == before

    def get(self, execution: str) -> Execution:
        found: Execution = self.run(self.store.get(execution))
        return found

    @rule(target=executions, owner=owners, name=names, key=keys)
    def submit(self, owner: str, name: str | None, key: str | None) -> Any:
        known = self.keys.get((owner, key)) if key else None
        taken = {found.name for found in self.run(self.store.list(owner=owner, live=True))}
        submission = a_submission(owner, name=name, idempotency_key=key)
        if known is None and name in taken:
            self.attempt(self.store.submit(submission), allowed=False)
            return multiple()
        execution, new = self.run(self.store.submit(submission))
        assert new is (known is None)
        assert known in (None, execution.id)
        if key:
            self.keys[owner, key] = execution.id
        return execution.id if new else multiple()

    @rule(execution=executions, before=states, after=states)
    def change_state(self, execution: str, before: ExecutionState, after: ExecutionState) -> None:
        allowed = self.get(execution).state is before and (before, after) in MOVES
        self.attempt(moved(self.store, execution, before, after, "why"), allowed)

    @rule(execution=consumes(executions))
    def end(self, execution: str) -> None:
        found = self.get(execution)
        if not found.state.ended:
            for event in (ExecutionEvent.GAVE_UP, ExecutionEvent.ALL_GONE):
                if may(found.state, event):
                    found = self.run(moved(self.store, execution, found.state, next_state(found.state, event)))

    @rule(execution=executions, chosen=st.integers(0, 10))
    def move(self, execution: str, chosen: int) -> None:
        before = self.get(execution).state
        legal = [after for state, after in sorted(MOVES) if state is before]
        if legal:
            self.attempt(moved(self.store, execution, before, legal[chosen % len(legal)]), True)

    @rule(execution=executions, workers=st.integers(0, 3))
    def modify(self, execution: str, workers: int) -> None:
        wish = self.store.modify(execution, {"workers": workers}, a_plan(workers))
        self.attempt(wish, _goes_on(self.get(execution)))

    @rule(execution=executions, attachment=attachments)
    def attach(self, execution: str, attachment: Attachment | None) -> None:
        found = self.get(execution)
        allowed = _goes_on(found) or found.attachment == attachment
        self.attempt(self.store.attach(execution, attachment), allowed)

    @rule(execution=executions)
    def terminate(self, execution: str) -> None:
        self.run(self.store.terminate(execution, "admin"))

    @rule(execution=executions, workers=st.integers(0, 3))
    def grant(self, execution: str, workers: int) -> None:
        self.run(stored(self.store, Granted(execution, {"spark.worker": workers})))

    @rule(execution=executions, ordinal=st.integers(0, 2), state=st.sampled_from(list(InstanceState)))
    def report(self, execution: str, ordinal: int, state: InstanceState) -> None:
        report = InstanceReported(an_instance(execution, ordinal, state=state))
        self.attempt(stored(self.store, report), not self.get(execution).state.ended)

    @rule(execution=executions, ordinal=st.integers(0, 2))
    def drop(self, execution: str, ordinal: int) -> None:
        kept = [i for i in self.get(execution).instances if i.ordinal < ordinal or not i.state.ended]
        self.run(stored(self.store, InstancesDropped(execution, "spark.worker", ordinal)))
        assert list(self.get(execution).instances) == kept

    @invariant()
    def live_names_are_unique(self) -> None:
        live = [(found.owner, found.name) for found in self.run(self.store.list(live=True))]
        assert len(set(live)) == len(live)

    @invariant()
    def events_tell_what_is_stored(self) -> None:
        told: dict[str, dict[str, Any]] = {}
        events = self.run(self.store.events())
        assert [event.seq for event in events] == list(range(1, self.run(self.store.last_seq()) + 1))
        for event in events:
            if event.kind is EventKind.EXECUTION_SUBMITTED:
                start: dict[str, Any] = {
                    "state": "queued",
                    "granted": {},
                    "attachment": None,
                    "desired": DesiredState.RUNNING,
                }
                told[event.execution] = start | {"parameters": event.data["parameters"]}
            this = told[event.execution]
            if event.kind is EventKind.EXECUTION_STATE_CHANGED:
                assert this["state"] == event.data["before"]
                this["state"] = event.data["after"]
            elif event.kind is EventKind.EXECUTION_GRANTED:
                this["granted"] = event.data["granted"]
            elif event.kind is EventKind.EXECUTION_SCALED:
                this["parameters"] = event.data["parameters"]
            elif event.kind is EventKind.EXECUTION_ATTACHED:
                this["attachment"] = Attachment(**event.data)
            elif event.kind is EventKind.EXECUTION_DETACHED:
                this["attachment"] = None
            elif event.kind is EventKind.EXECUTION_TERMINATION_REQUESTED:
                this["desired"] = DesiredState.TERMINATED
        stored = {
            found.id: {key: getattr(found, key) for key in told[found.id]} for found in self.run(self.store.list())
        }
        assert stored == told

    def teardown(self) -> None:
        self.run(self.store.close())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()


def _goes_on(execution: Execution) -> bool:
    ending = (ExecutionState.STOPPING, ExecutionState.FAILING, ExecutionState.COMPLETING)
    return not execution.state.ended and execution.state not in ending and execution.desired is DesiredState.RUNNING


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=10, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
