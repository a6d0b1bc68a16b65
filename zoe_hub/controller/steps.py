"""What is to be stored about an execution next. Pure: executions and decisions in, changes out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from ..model.execution import Execution, ExecutionState, InstanceState, InstanceStatus
from ..model.framework import Placement
from ..model.resources import Resources
from ..model.zapp import Category
from ..scheduler.lifecycle import ExecutionEvent, may, next_state
from ..scheduler.requests import BATCH, INTERACTIVE, Decision, Demand, Request
from ..scheduler.shapes import Shape
from ..store.changes import (
    Change,
    Explained,
    Granted,
    InstanceReported,
    StateChanged,
    TerminationRequested,
)
from .orders import core_is_ready, core_of, replicas

GOING = (ExecutionState.STOPPING, ExecutionState.FAILING, ExecutionState.COMPLETING)
ALIVE = (ExecutionState.STARTING, ExecutionState.RUNNING, ExecutionState.DEGRADED)
_ENDS = {InstanceState.STOPPED, InstanceState.FAILED}


def request(execution: Execution, weights: Mapping[str, float] | None = None) -> Request:
    """The execution as the scheduler sees it. Times are seconds since 1970. `weights` are those of groups."""
    known = weights or {}
    return Request(
        id=execution.id,
        user=execution.owner,
        submitted=execution.created.timestamp(),
        demands=tuple(
            Demand(process.key, process.title, process.core, process.elastic, Shape.of(process.resources))
            for process in execution.plan.processes
        ),
        priority=BATCH if execution.plan.category is Category.BATCH else INTERACTIVE,
        size=execution.size,
        groups=execution.groups,
        weight=max((known[group] for group in execution.groups if group in known), default=1.0),
        name=execution.name,
    )


def lost_request(execution: Execution) -> Request | None:
    """One whose plan is lost, as a holder of what the books say that it holds; None where that is nothing.

    Which of its instances takes what is not known: they count as alike, and one of them takes what is left over.
    """
    total, count = execution.holds or (Resources(), 0)
    if execution.state is ExecutionState.QUEUED or not count:
        return None
    whole = Shape.of(total)
    part = Shape(*(amount // count for amount in whole))
    demands = [Demand("last", "instance", 1, 0, whole.plus(part, 1 - count))]
    if count > 1:
        demands.insert(0, Demand("each", "instance", count - 1, 0, part))
    return replace(request(execution), demands=tuple(demands), size=None)


def lost_hosts(execution: Execution) -> dict[str, list[str]]:
    """Where the instances of such a one are, by the keys of that request."""
    hosts = [instance.host or "" for instance in execution.instances if not instance.state.ended]
    count = execution.holds[1] if execution.holds else 0
    return {"each": hosts[: count - 1], "last": hosts[count - 1 :][:1]}


def admitted_at(execution: Execution) -> float:
    """About when it was admitted: its first instances were started then."""
    started = [instance.started for instance in execution.instances if instance.started is not None]
    return min([time for time in (*started, execution.life.running_since) if time] or [execution.created]).timestamp()


def granted(execution: Execution) -> dict[str, int]:
    """What an admitted one holds. Less than its core, where its owner asked for a larger one, which waits."""
    return {p.key: execution.granted.get(p.key, p.core) for p in execution.plan.processes}


def present(execution: Execution) -> Counter[str]:
    """Instances that have not ended, by process key."""
    return Counter(instance.process for instance in execution.instances if not instance.state.ended)


def move(execution: Execution, event: ExecutionEvent, reason: str, live: Iterable[Execution]) -> Iterator[Change]:
    """One step through the lifecycle table; nothing where the table has no such move.

    Clusters tied to a user server go when that server goes; detached ones, and those that outlive it, stay.
    """
    if not may(execution.state, event):
        return
    after = next_state(execution.state, event)
    if after in GOING and execution.server is not None:
        for other in live:
            here = other.tied and other.attachment is not None and other.attachment.server == execution.server
            if here and other.owner == execution.owner and other.plan.server is None:
                yield TerminationRequested(other.id, "the end of its notebook server", "its notebook server ended")
    yield StateChanged(execution.id, execution.state, after, reason)


def carry_out(execution: Execution, decision: Decision, told: str) -> Iterator[Change]:
    """What the scheduler decided about one that it serves. `told` goes with the grant, the decision's reason stays."""
    if dict(decision.granted) != execution.granted:
        yield Granted(execution.id, decision.granted, told)
    if execution.state is ExecutionState.QUEUED:
        yield from move(execution, ExecutionEvent.ADMITTED, decision.reason, ())
    elif execution.state in (ExecutionState.STARTING, ExecutionState.RUNNING):
        yield from explain(execution, decision.reason)


def leave_alone(execution: Execution) -> Iterator[Change]:
    """What runs by a plan that cannot be read goes on as it is; what does not run yet never will."""
    why = "another version of Zoe stored its plan, which cannot be read"
    if execution.state in (ExecutionState.QUEUED, ExecutionState.STARTING):
        yield from move(execution, ExecutionEvent.GAVE_UP, f"{why}; start it again", ())
    elif execution.state in ALIVE:
        yield from explain(execution, f"{why}: it goes on as it is, until it is terminated")


def judge(execution: Execution, live: Iterable[Execution]) -> Iterator[Change]:
    """Where the instances of an execution bring it."""
    gone = _ended_for_good(execution)
    if gone is not None and gone.state is InstanceState.STOPPED and execution.plan.category is Category.BATCH:
        yield from move(execution, ExecutionEvent.WORK_DONE, "", live)
    elif gone is not None:
        why = gone.message or f"it ended with status {gone.exit_code}"
        yield from move(execution, ExecutionEvent.GAVE_UP, f"{gone.process} {gone.ordinal}: {why}", live)
    elif core_is_ready(execution):
        # While it starts, the reason says why it has less than it wishes, which goes on.
        reason = execution.reason if execution.state is ExecutionState.STARTING else ""
        yield from move(execution, ExecutionEvent.CORE_READY, reason, live)
    else:
        lost = [i for i in execution.instances if i.state is not InstanceState.READY and not i.state.ended]
        reason = "; ".join(f"{i.process} {i.ordinal} is {i.state.value}" for i in lost[:3])
        yield from move(execution, ExecutionEvent.CORE_LOST, reason, live)


def end(execution: Execution) -> Iterator[Change]:
    """The engine has nothing of it any more."""
    for instance in execution.instances:
        if not instance.state.ended:
            yield InstanceReported(instance.model_copy(update={"state": InstanceState.STOPPED}))
    yield from move(execution, ExecutionEvent.ALL_GONE, execution.reason, ())


def explain(execution: Execution, reason: str) -> Iterator[Change]:
    """Another reason for what it is in; nothing where it is the stored one."""
    if reason != execution.reason:
        yield Explained(execution.id, reason)


def _ended_for_good(execution: Execution) -> InstanceStatus | None:
    """An instance that is gone for good, where its process has too few others to make up its core."""
    for process in execution.plan.processes:
        wanted = replicas(execution, process)
        # A user server that stopped was stopped by the spawner, which terminates the execution next.
        ends = {InstanceState.FAILED} if process.placement is Placement.SERVER else _ENDS
        mine = [i for i in execution.instances if i.process == process.key and i.ordinal < wanted]
        gone = [i for i in mine if i.state in ends]
        if gone and wanted - len(gone) < core_of(execution, process):
            return gone[0]
    return None
