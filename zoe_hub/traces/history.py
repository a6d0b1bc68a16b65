"""One execution's history as a line of a trace. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ..model.events import Event, EventKind
from ..model.execution import Execution, ExecutionState
from ..model.plan import Plan
from ..model.zapp import Category
from ..scheduler.requests import BATCH, INTERACTIVE
from ..simulator.trace import TraceDemand, TraceLine

_WORKING = frozenset({ExecutionState.RUNNING.value, ExecutionState.DEGRADED.value})
_PRIORITY = {Category.BATCH: BATCH}


@dataclass(frozen=True)
class Span:
    """A time in which it worked with the same grants."""

    start: datetime
    end: datetime
    granted: Mapping[str, int] | None
    """By process key; None where nobody knows."""

    @property
    def seconds(self) -> float:
        return max(0.0, (self.end - self.start).total_seconds())


def trace_line(
    execution: Execution, events: Sequence[Event], now: datetime, *, user: int, zapp: int, origin: datetime
) -> TraceLine | None:
    """What it asked and how much it worked, as known at `now`; None for one that never ran, or whose plan is lost.

    `events` are all of it, in order; those that were deleted are missing at the beginning.
    """
    spans = list(_spans(execution, events, now))
    demands = _demands(execution.plan)
    if not spans or not demands:
        return None
    work, known = _work(execution.plan, spans)
    kept = execution.state is not ExecutionState.COMPLETED

    def relative(moment: datetime) -> float:
        return round(max(0.0, (moment - origin).total_seconds()), 3)

    submitted = relative(execution.created)
    admitted = max(submitted, relative(_admitted(events) or spans[0].start))
    return TraceLine(
        user=user,
        zapp=zapp,
        submitted=submitted,
        admitted=admitted,
        ended=max(admitted, relative(execution.ended or now)),
        seconds=round(sum(span.seconds for span in spans) if kept else work, 3),
        kept=kept,
        known=known or kept,
        priority=_PRIORITY.get(execution.plan.category, INTERACTIVE),
        demands=demands,
    )


def _spans(execution: Execution, events: Sequence[Event], now: datetime) -> Iterator[Span]:
    """From when it was first running until it was to end; a core instance that is restarted is part of that."""
    granted: Mapping[str, int] | None = None
    start: datetime | None = None
    if not any(event.kind is EventKind.EXECUTION_STATE_CHANGED for event in events):
        # Its events are gone. What is stored with it tells when it ran, and nothing of its grants.
        start = execution.life.running_since
    for event in events:
        if event.kind is EventKind.EXECUTION_GRANTED:
            if start is not None:
                yield Span(start, event.time, granted)
                start = event.time
            granted = {str(key): int(count) for key, count in event.data.get("granted", {}).items()}
        elif event.kind is EventKind.EXECUTION_STATE_CHANGED:
            working = event.data.get("after") in _WORKING
            if start is not None and not working:
                yield Span(start, event.time, granted)
                start = None
            elif start is None and working:
                start = event.time
    if start is not None:
        yield Span(start, execution.ended or now, granted)


def _work(plan: Plan, spans: Sequence[Span]) -> tuple[float, bool]:
    """T, from (C + g) working at each moment; and whether what was granted is known throughout."""
    core = sum(process.core for process in plan.processes)
    whole = sum(process.core + process.elastic for process in plan.processes)
    done, known = 0.0, True
    for span in spans:
        if span.granted is None:
            known = False
            done += span.seconds * whole
        else:
            elastic = sum(max(0, span.granted.get(p.key, 0) - p.core) for p in plan.processes)
            done += span.seconds * (core + elastic)
    return done / max(whole, 1), known


def _admitted(events: Sequence[Event]) -> datetime | None:
    for event in events:
        if event.kind is EventKind.EXECUTION_STATE_CHANGED and event.data.get("before") == ExecutionState.QUEUED.value:
            return event.time
    return None


def _demands(plan: Plan) -> tuple[TraceDemand, ...]:
    return tuple(
        TraceDemand(core=process.core, elastic=process.elastic, resources=process.resources)
        for process in plan.processes
        if process.core + process.elastic > 0
    )
