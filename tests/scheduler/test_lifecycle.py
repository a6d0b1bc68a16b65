from __future__ import annotations

import pytest

from zoe_hub.model.errors import IllegalTransition
from zoe_hub.model.execution import ExecutionState, InstanceState
from zoe_hub.scheduler.lifecycle import (
    EXECUTION,
    INSTANCE,
    ExecutionEvent,
    InstanceEvent,
    check_instance,
    event_between,
    may,
    next_instance_state,
    next_state,
)


def test_an_illegal_move_says_what_would_be_legal() -> None:
    with pytest.raises(IllegalTransition, match="queued cannot take core_ready; legal: admitted, gave_up, term"):
        next_state(ExecutionState.QUEUED, ExecutionEvent.CORE_READY)
    with pytest.raises(IllegalTransition, match="it has ended"):
        next_state(ExecutionState.FAILED, ExecutionEvent.ADMITTED)


def test_every_state_reaches_an_end_and_no_end_is_left() -> None:
    for state in ExecutionState:
        seen, front = {state}, {state}
        while front:
            front = {after for (before, _), after in EXECUTION.items() if before in front} - seen
            seen |= front
        assert any(reached.ended for reached in seen)
        assert not state.ended or seen == {state}


def test_termination_may_be_requested_of_whatever_lives() -> None:
    for state in ExecutionState:
        going = state in (ExecutionState.STOPPING, ExecutionState.FAILING, ExecutionState.COMPLETING)
        assert may(state, ExecutionEvent.TERMINATION_REQUESTED) == (not state.ended and not going)


def test_an_illegal_move_tells_what_happened_before() -> None:
    with pytest.raises(IllegalTransition, match=r"Before that: 12:00 queued to starting; 12:01 starting to running$"):
        next_state(
            ExecutionState.RUNNING, ExecutionEvent.ADMITTED, ["12:00 queued to starting", "12:01 starting to running"]
        )


def test_no_two_events_lead_from_one_state_to_the_same() -> None:
    pairs = [(before, after) for (before, _), after in EXECUTION.items()]
    assert len(set(pairs)) == len(pairs)
    for (before, event), after in EXECUTION.items():
        assert event_between(before, after) is event


def test_instances_move_by_events() -> None:
    with pytest.raises(IllegalTransition, match="draining cannot take became_ready; legal: gone"):
        next_instance_state(InstanceState.DRAINING, InstanceEvent.BECAME_READY)
    with pytest.raises(IllegalTransition, match="stopped cannot take started; legal: ordered"):
        next_instance_state(InstanceState.STOPPED, InstanceEvent.STARTED)
    assert {state for state, _ in INSTANCE} == set(INSTANCE.values()) == set(InstanceState)
    assert {event for _, event in INSTANCE} == set(InstanceEvent)


def test_an_end_is_left_by_an_order_only() -> None:
    for (state, event), after in INSTANCE.items():
        assert (event is InstanceEvent.ORDERED) == state.ended == (after is InstanceState.PENDING)


def test_instances_that_drain_do_not_come_back_by_themselves() -> None:
    assert reached(InstanceState.DRAINING) == {InstanceState.DRAINING, InstanceState.STOPPED}
    for state in (InstanceState.STARTING, InstanceState.READY, InstanceState.RESTARTING):
        assert reached(state) == set(InstanceState) - {InstanceState.PENDING}
    for state in (InstanceState.PENDING, InstanceState.STOPPED, InstanceState.FAILED):
        assert reached(state) == set(InstanceState)


def reached(before: InstanceState) -> set[InstanceState]:
    """Where it may be seen next."""
    found = set()
    for after in InstanceState:
        try:
            check_instance(before, after)
        except IllegalTransition:
            continue
        found.add(after)
    return found
