"""What changed between two looks at an execution, as sentences for whoever waits for it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ..client.views import ExecutionView, InstanceView
from ..model.execution import ExecutionState, InstanceState

QUEUED, ADMITTED, COMPANIONS, READY = 10, 25, 30, 90
"""Where the progress bar stands, in percent; instances that are ready move it from COMPANIONS to READY."""

_INSTANCE_WORDS = {
    InstanceState.PENDING: "waits for its turn",
    InstanceState.STARTING: "is starting",
    InstanceState.READY: "is ready",
    InstanceState.RESTARTING: "ended and is started again",
    InstanceState.STOPPED: "has stopped",
    InstanceState.FAILED: "has failed",
}

FAILED_STATES = frozenset(
    {
        ExecutionState.FAILING,
        ExecutionState.FAILED,
        ExecutionState.STOPPING,
        ExecutionState.TERMINATED,
        ExecutionState.COMPLETING,
        ExecutionState.COMPLETED,
    }
)
"""States in which a start can come to nothing any more."""


def admitted(view: ExecutionView) -> bool:
    """Whether its instances may start."""
    return view.state in (ExecutionState.STARTING, ExecutionState.RUNNING, ExecutionState.DEGRADED)


def tell(before: ExecutionView | None, now: ExecutionView) -> Iterator[tuple[str, int]]:
    """Messages and percentages, in the order in which things happen."""
    if now.state is ExecutionState.QUEUED and (before is None or before.reason != now.reason):
        # That it is in the queue, the stage's name says.
        reason = now.reason or "waits for its turn"
        yield reason[0].upper() + reason[1:], QUEUED
    if admitted(now) and (before is None or not admitted(before)):
        yield "Admitted: there is room for it", ADMITTED
    known = {} if before is None else {(i.process, i.ordinal): i for i in before.instances}
    for instance in now.instances:
        old = known.get((instance.process, instance.ordinal))
        if (old is None or old.state is not instance.state) and instance.state in _INSTANCE_WORDS:
            yield _about(now, instance), _percent(now)
    if now.state is ExecutionState.RUNNING and (before is None or before.state is not now.state):
        yield ("All of it is ready" if len(now.instances) > 1 else "Zoe is ready"), READY


def why_not(view: ExecutionView) -> str:
    """Why a start came to nothing, for people."""
    for instance in view.instances:
        if instance.state is InstanceState.FAILED:
            reason = instance.message or view.reason or "its log says why"
            return f"{_name(view, instance)} could not be started: {reason}"
    if view.state in (ExecutionState.STOPPING, ExecutionState.TERMINATED):
        return f"{view.name} was terminated while it was starting{': ' + view.reason if view.reason else '.'}"
    return f"{view.name} could not be started: {view.reason or 'it ended before it was ready'}"


def _about(view: ExecutionView, instance: InstanceView) -> str:
    detail = f": {instance.message}" if instance.message and instance.state is not InstanceState.READY else ""
    return f"{_name(view, instance)} {_INSTANCE_WORDS[instance.state]}{detail}"


def _name(view: ExecutionView, instance: InstanceView) -> str:
    process = next((p for p in view.plan.processes if p.key == instance.process), None)
    title = (process.title if process else "") or instance.process
    several = process is not None and process.core + process.elastic > 1
    return f"{title} {instance.ordinal + 1}" if several else title


def _percent(view: ExecutionView) -> int:
    core = sum(process.core for process in view.plan.processes)
    ready = sum(instance.state is InstanceState.READY for instance in view.instances)
    return COMPANIONS + int((READY - COMPANIONS) * min(ready / core, 1.0)) if core else COMPANIONS
