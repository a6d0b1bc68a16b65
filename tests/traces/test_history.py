from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from tests.store.examples import a_plan
from zoe_hub.model.events import Event, EventKind
from zoe_hub.model.execution import DesiredState, Execution, ExecutionState
from zoe_hub.model.lifetime import Life
from zoe_hub.model.plan import Plan
from zoe_hub.model.resources import Resources
from zoe_hub.model.zapp import Category
from zoe_hub.scheduler.requests import BATCH, INTERACTIVE
from zoe_hub.simulator.trace import TraceDemand, TraceLine
from zoe_hub.traces.history import trace_line

START = datetime(2026, 3, 1, tzinfo=timezone.utc)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def an_execution(state: str = "completed", plan: Plan | None = None, **changes: Any) -> Execution:
    given: dict[str, Any] = {
        "id": "x1",
        "owner": "alice",
        "name": "spark-1",
        "zapp": "spark",
        "parameters": {},
        "plan": plan or a_plan(4),
        "desired": DesiredState.RUNNING,
        "state": ExecutionState(state),
        "created": START,
        "updated": START,
        "ended": at(100),
    }
    return Execution(**(given | changes))


def moved(seconds: float, before: str, after: str) -> Event:
    data = {"before": before, "after": after}
    return Event(
        seq=1, time=at(seconds), owner="alice", execution="x1", kind=EventKind.EXECUTION_STATE_CHANGED, data=data
    )


def granted(seconds: float, workers: int) -> Event:
    data = {"granted": {"spark.worker": workers}}
    return Event(seq=1, time=at(seconds), owner="alice", execution="x1", kind=EventKind.EXECUTION_GRANTED, data=data)


def line(execution: Execution, *events: Event) -> TraceLine | None:
    return trace_line(execution, events, at(200), user=3, zapp=5, origin=at(-50))


def test_work_is_counted_by_what_was_granted_when() -> None:
    found = line(
        an_execution(),
        granted(10, 4),
        moved(10, "queued", "starting"),
        moved(20, "starting", "running"),
        granted(40, 1),
        moved(50, "running", "degraded"),
        moved(55, "degraded", "running"),
        moved(80, "running", "completing"),
        moved(100, "completing", "completed"),
    )
    # 20 s with all four, 40 s with one of them.
    assert found == TraceLine(
        user=3,
        zapp=5,
        submitted=50.0,
        admitted=60.0,
        ended=150.0,
        seconds=30.0,
        priority=INTERACTIVE,
        demands=(TraceDemand(core=0, elastic=4, resources=Resources(cpu=0.5, memory=2**30)),),
    )


def test_what_somebody_ended_took_as_long_as_it_ran() -> None:
    found = line(
        an_execution("terminated"),
        granted(10, 1),
        moved(10, "queued", "starting"),
        moved(20, "starting", "running"),
        moved(80, "running", "stopping"),
    )
    assert found is not None
    assert (found.seconds, found.kept) == (60.0, True)


def test_what_runs_still_ends_now() -> None:
    found = line(an_execution("running", ended=None), granted(0, 4), moved(20, "starting", "running"))
    assert found is not None
    assert (found.seconds, found.ended) == (180.0, 250.0)


def test_what_never_ran_has_no_line() -> None:
    assert line(an_execution("terminated"), moved(10, "queued", "terminated")) is None
    assert line(an_execution("failed"), moved(5, "queued", "starting"), moved(9, "starting", "failing")) is None
    assert line(an_execution("completed", Plan.unreadable("spark")), moved(9, "starting", "running")) is None


def test_grants_that_nobody_knows_count_as_all_and_are_said() -> None:
    found = line(an_execution(), moved(20, "starting", "running"), moved(80, "running", "completing"))
    assert found is not None
    assert (found.seconds, found.known) == (60.0, False)
    without_events = line(an_execution(life=Life(running_since=at(30))))
    assert without_events is not None
    assert (without_events.seconds, without_events.known) == (70.0, False)


def test_batch_comes_after_what_a_person_works_with() -> None:
    plan = a_plan().model_copy(update={"category": Category.BATCH})
    found = line(an_execution(plan=plan), moved(20, "starting", "running"))
    assert found is not None
    assert found.priority == BATCH
