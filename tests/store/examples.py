"""What the tests store, and short words for storing it."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from zoe_hub.model.execution import Attachment, Execution, ExecutionState, InstanceState, InstanceStatus
from zoe_hub.model.framework import Client, File, Placement, Port, Purpose, Readiness, Restart, Secret, Shutdown, Status
from zoe_hub.model.plan import FrameworkPlan, Plan, ProcessPlan
from zoe_hub.model.resources import Resources
from zoe_hub.model.zapp import Category, Part, ZApp
from zoe_hub.store.base import Store, Submission

from .writing import moved

QUEUED, STARTING, RUNNING, STOPPING, TERMINATED = (
    ExecutionState.QUEUED,
    ExecutionState.STARTING,
    ExecutionState.RUNNING,
    ExecutionState.STOPPING,
    ExecutionState.TERMINATED,
)
HERE = Attachment(server="alice/", kernel="k1")
LATER = datetime(2040, 2, 29, 12, 30, 15, tzinfo=timezone.utc)

ODD_TEXTS = ("\t", "a\nb\r\n", "\\", "\\N", "\\.", '"{,}"', "'; --", "%s $1 :x ${y}", "ü€😀", "null", "\x7f\x01")
"""What has a meaning somewhere between here and a table."""


def a_zapp(name: str = "spark", title: str = "Spark") -> ZApp:
    return ZApp(apiVersion="zoe/v1", kind="ZApp", name=name, title=title, frameworks=(Part(framework="spark"),))


def a_plan(workers: int = 2, zapp: str = "spark") -> Plan:
    worker = ProcessPlan(
        framework="spark",
        name="worker",
        title="Worker",
        image="",
        command=("run", "--memory", "${secret.auth}", "ü$$"),
        environment={"A": "1"},
        files=(File(path="conf", content="x = 1\n"),),
        ports=(Port(name="ui", purpose=Purpose.UI),),
        core=0,
        elastic=workers,
        resources=Resources(cpu=0.5, memory=2**30),
        readiness=Readiness(port="ui"),
        restart=Restart(),
        shutdown=Shutdown(),
        after=(),
        placement=Placement.BACKEND,
    )
    status = Status(process="worker", port="ui", fields={"workers": "length(workers)"})
    spark = FrameworkPlan(name="spark", secrets=(Secret(name="auth"),), client=Client(), status=status)
    return Plan(
        zapp=zapp,
        title="Spark",
        category=Category.INTERACTIVE,
        parameters={"workers": workers, "memory": 1.5, "fast": True, "label": "é"},
        scales="workers",
        definition=a_zapp(zapp),
        frameworks=(spark,),
        processes=(worker,),
    )


def a_submission(owner: str = "alice", **changes: Any) -> Submission:
    given: dict[str, Any] = {"owner": owner, "plan": a_plan(), "parameters": {"workers": 2}}
    return Submission(**(given | changes))


def an_instance(execution: str, ordinal: int = 0, **changes: Any) -> InstanceStatus:
    given = {"execution": execution, "process": "spark.worker", "ordinal": ordinal, "state": InstanceState.STARTING}
    return InstanceStatus(**(given | changes))


async def submitted(store: Store, owner: str = "alice", **changes: Any) -> Execution:
    execution, _ = await store.submit(a_submission(owner, **changes))
    return execution


PATHS = {
    "queued": (),
    "starting": (STARTING,),
    "running": (STARTING, RUNNING),
    "degraded": (STARTING, RUNNING, ExecutionState.DEGRADED),
    "stopping": (STARTING, STOPPING),
    "failing": (STARTING, ExecutionState.FAILING),
    "completing": (STARTING, ExecutionState.COMPLETING),
    "terminated": (TERMINATED,),
    "failed": (ExecutionState.FAILED,),
    "completed": (STARTING, ExecutionState.COMPLETING, ExecutionState.COMPLETED),
}


async def brought_to(store: Store, execution: Execution, state: str) -> Execution:
    """A queued execution, by legal moves to the state."""
    for after in PATHS[state]:
        execution = await moved(store, execution.id, execution.state, after)
    return execution


async def ended(store: Store, owner: str = "alice", **changes: Any) -> Execution:
    execution = await submitted(store, owner, **changes)
    return await moved(store, execution.id, QUEUED, TERMINATED, "asked to")


async def new_events(store: Store, seq: int) -> list[tuple[str, dict[str, object]]]:
    return [(event.kind.value, event.data) for event in await store.events(after=seq)]
