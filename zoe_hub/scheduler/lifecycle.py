"""The one table through which executions move, and the one for instances.

Both are keyed by (state, event); a pair that is not in the table is illegal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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


class InstanceEvent(str, Enum):
    """What happens to an instance at its engine."""

    ORDERED = "ordered"
    """It is wanted again, after it was gone."""
    STARTED = "started"
    """Its process exists."""
    BECAME_READY = "became_ready"
    BECAME_UNREADY = "became_unready"
    """It runs, and does not answer any more. The local engine does not look for that."""
    ENDED = "ended"
    """It ended by itself, or did not come up; another start follows."""
    FINISHED = "finished"
    """It ended with status 0 and is not restarted."""
    GAVE_UP = "gave_up"
    """It ended, and no other start follows."""
    DROPPED = "dropped"
    """It is not wanted any more: it hands over its work and goes."""
    GONE = "gone"
    """Nothing is left of what was not wanted any more."""


_ALIVE = (I.PENDING, I.STARTING, I.READY, I.RESTARTING)

INSTANCE: Mapping[tuple[I, InstanceEvent], I] = {
    (I.PENDING, InstanceEvent.STARTED): I.STARTING,
    (I.RESTARTING, InstanceEvent.STARTED): I.STARTING,
    (I.STARTING, InstanceEvent.BECAME_READY): I.READY,
    (I.READY, InstanceEvent.BECAME_UNREADY): I.STARTING,
    **{(state, InstanceEvent.ENDED): I.RESTARTING for state in _ALIVE},
    **{(state, InstanceEvent.FINISHED): I.STOPPED for state in _ALIVE},
    **{(state, InstanceEvent.GAVE_UP): I.FAILED for state in _ALIVE},
    **{(state, InstanceEvent.DROPPED): I.DRAINING for state in _ALIVE},
    # What had not begun yet is gone at once.
    **{(state, InstanceEvent.GONE): I.STOPPED for state in (*_ALIVE, I.DRAINING)},
    (I.STOPPED, InstanceEvent.ORDERED): I.PENDING,
    (I.FAILED, InstanceEvent.ORDERED): I.PENDING,
}

S = TypeVar("S", X, I)


def next_state(state: X, event: ExecutionEvent, history: Iterable[str] = ()) -> X:
    """The state after an event. Raises IllegalTransition, with the last moves that were made, oldest first."""
    return _next("an execution", EXECUTION, state, event, history)


def next_instance_state(state: I, event: InstanceEvent, history: Iterable[str] = ()) -> I:
    """As `next_state`, for an instance."""
    return _next("an instance", INSTANCE, state, event, history)


def may(state: X, event: ExecutionEvent) -> bool:
    """Whether the table has a move for this state and event."""
    return (state, event) in EXECUTION


def event_between(before: X, after: X, history: Iterable[str] = ()) -> ExecutionEvent:
    """The event that leads from one state to the other. Raises IllegalTransition when none does."""
    for (state, event), end in EXECUTION.items():
        if (state, end) == (before, after):
            return event
    raise IllegalTransition(f"an execution that is {before.value} cannot become {after.value}", history)


def check_instance(before: I, after: I) -> None:
    """Raises IllegalTransition when an instance cannot have come from one state to the other.

    Who looks from time to time does not see all moves; but that it had ended, and was ordered again, is seen.
    """
    reached, front = {before}, [before]
    while front:
        state = front.pop()
        for (origin, _), end in INSTANCE.items():
            if origin is state and end not in reached and (state is before or not state.ended):
                reached.add(end)
                front.append(end)
    if after not in reached:
        raise IllegalTransition(f"an instance that is {before.value} cannot become {after.value}")


E = TypeVar("E", bound=Enum)


def _next(what: str, table: Mapping[tuple[S, E], S], state: S, event: E, history: Iterable[str]) -> S:
    try:
        return table[state, event]
    except KeyError:
        legal = sorted(e.value for (s, e) in table if s is state) or ["nothing: it has ended"]
        raise IllegalTransition(
            f"{what} that is {state.value} cannot take {event.value}; legal: {', '.join(legal)}", history
        ) from None
