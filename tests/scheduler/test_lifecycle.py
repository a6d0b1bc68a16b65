from __future__ import annotations

import itertools

import pytest

from zoe_hub.model.errors import IllegalTransition
from zoe_hub.model.execution import ExecutionState, InstanceState
from zoe_hub.scheduler.lifecycle import EXECUTION, INSTANCE, ExecutionEvent, check_instance, may, next_state


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


def test_instances_that_drain_do_not_come_back_by_themselves() -> None:
    for before, after in itertools.product(InstanceState, InstanceState):
        if before is InstanceState.DRAINING and not after.ended and after is not before:
            with pytest.raises(IllegalTransition, match="an instance that is draining cannot become"):
                check_instance(before, after)
    assert set(INSTANCE) == set(InstanceState)
