"""The one table through which executions move, and the one for instances.

State moves are keyed by (state, event); a pair that is not in the table is illegal.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TypeVar

from ..model.errors import IllegalTransition
from ..model.execution import ExecutionState as X
from ..model.execution import InstanceState as I


class ExecutionEvent(str, Enum):
    """What happens to an execution."""

    ADMITTED = "admitted"
    """Its core fits: instances may start."""
    CORE_READY = "core_ready"
    CORE_LOST = "core_lost"
    """A core instance that was ready is not any more; it is being restarted."""
    TERMINATION_REQUESTED = "termination_requested"
    GAVE_UP = "gave_up"
    """A core instance failed for good."""
    WORK_DONE = "work_done"
    """The process that is the work ended with status 0."""
    ALL_GONE = "all_gone"
    """No instance is left."""


EXECUTION: Mapping[tuple[X, ExecutionEvent], X] = {
    (X.QUEUED, ExecutionEvent.ADMITTED): X.STARTING,
    (X.QUEUED, ExecutionEvent.TERMINATION_REQUESTED): X.TERMINATED,
    (X.QUEUED, ExecutionEvent.GAVE_UP): X.FAILED,
    (X.STARTING, ExecutionEvent.CORE_READY): X.RUNNING,
    (X.STARTING, ExecutionEvent.TERMINATION_REQUESTED): X.STOPPING,
    (X.STARTING, ExecutionEvent.GAVE_UP): X.FAILING,
    (X.STARTING, ExecutionEvent.WORK_DONE): X.COMPLETING,
    (X.RUNNING, ExecutionEvent.CORE_LOST): X.DEGRADED,
    (X.RUNNING, ExecutionEvent.TERMINATION_REQUESTED): X.STOPPING,
    (X.RUNNING, ExecutionEvent.GAVE_UP): X.FAILING,
    (X.RUNNING, ExecutionEvent.WORK_DONE): X.COMPLETING,
    (X.DEGRADED, ExecutionEvent.CORE_READY): X.RUNNING,
    (X.DEGRADED, ExecutionEvent.TERMINATION_REQUESTED): X.STOPPING,
    (X.DEGRADED, ExecutionEvent.GAVE_UP): X.FAILING,
    (X.DEGRADED, ExecutionEvent.WORK_DONE): X.COMPLETING,
    (X.STOPPING, ExecutionEvent.ALL_GONE): X.TERMINATED,
    (X.FAILING, ExecutionEvent.ALL_GONE): X.FAILED,
    (X.COMPLETING, ExecutionEvent.ALL_GONE): X.COMPLETED,
}

INSTANCE: Mapping[I, frozenset[I]] = {
    I.PENDING: frozenset({I.STARTING, I.READY, I.RESTARTING, I.DRAINING, I.STOPPED, I.FAILED}),
    I.STARTING: frozenset({I.READY, I.RESTARTING, I.DRAINING, I.STOPPED, I.FAILED}),
    I.READY: frozenset({I.STARTING, I.RESTARTING, I.DRAINING, I.STOPPED, I.FAILED}),
    I.RESTARTING: frozenset({I.STARTING, I.READY, I.DRAINING, I.STOPPED, I.FAILED}),
    I.DRAINING: frozenset({I.STOPPED, I.FAILED}),
    I.STOPPED: frozenset({I.PENDING, I.STARTING, I.READY}),
    I.FAILED: frozenset({I.PENDING, I.STARTING, I.READY}),
}
"""Moves an instance may be reported to make. From an end it comes back when it is ordered again."""

E = TypeVar("E", bound=Enum)


def next_state(state: X, event: ExecutionEvent) -> X:
    """The state after an event. Raises IllegalTransition."""
    try:
        return EXECUTION[state, event]
    except KeyError:
        legal = sorted(e.value for (s, e) in EXECUTION if s is state) or ["nothing: it has ended"]
        raise IllegalTransition(
            f"an execution that is {state.value} cannot take {event.value}; legal: {', '.join(legal)}"
        ) from None


def may(state: X, event: ExecutionEvent) -> bool:
    """Whether the table has a move for this state and event."""
    return (state, event) in EXECUTION


def check_instance(before: I, after: I) -> None:
    """Raises IllegalTransition when an instance cannot go from one state to the other."""
    if after is not before and after not in INSTANCE[before]:
        raise IllegalTransition(f"an instance that is {before.value} cannot become {after.value}")
