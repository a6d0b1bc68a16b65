"""How a run is, by what the swarm says of its service's task. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..docker.endings import Seen
from . import starter
from .machines import is_down, is_emptied, name_of

_OVER = ("complete", "failed", "shutdown", "rejected", "orphaned", "remove")
_KILLED = 137


@dataclass(frozen=True)
class Task:
    """The task that stands for a run now."""

    seen: Seen
    id: str = ""
    machine: str = ""
    waits: str = ""
    """What it waits for before it runs, for people."""
    lost: bool = False
    """Nobody can ask for its log."""


def read(
    service: str,
    tasks: Sequence[Mapping[str, Any]],
    nodes: Mapping[str, Mapping[str, Any]],
    network: str,
    before: str = "",
) -> Task:
    """From all tasks that the swarm knows of a service. `nodes` by their identifiers; the address is in `network`.

    An administrator's update of the service replaces its task by another one, and the run goes on. A task that left a
    machine which died, or is being emptied, is replaced by the swarm, too; but its run is over, so that its owner is
    told and it is asked anew whether it is ready. `before` is the task that stood for it when it was read last.
    """
    if not tasks:
        return Task(Seen(service, "pending"), waits="it waits for the swarm")
    for task in tasks:
        node = nodes.get(str(task.get("NodeID") or ""))
        if task["ID"] == before and (is_down(node) or is_emptied(node)):
            return read_task(service, task, nodes, network)
    return read_task(service, max(tasks, key=lambda task: str(task.get("CreatedAt", ""))), nodes, network)


def read_task(service: str, task: Mapping[str, Any], nodes: Mapping[str, Mapping[str, Any]], network: str) -> Task:
    """From one task."""
    status, node_id, name = task["Status"], str(task.get("NodeID") or ""), str(task["ID"])
    node = nodes.get(node_id)
    machine = name_of(node) if node is not None else node_id
    state, code = str(status["State"]), (status.get("ContainerStatus") or {}).get("ExitCode")
    error = str(status.get("Err") or "")
    if state in _OVER:
        return Task(_ended(service, state, code, error, node, machine), name, machine)
    if node_id and is_down(node):
        gone = f"its machine {machine} does not answer any more" if node else "its machine was taken out of the swarm"
        return Task(Seen(service, "exited", error=gone), name, machine, lost=True)
    if state == "running":
        return Task(Seen(service, "running", address=_address(task, network)), name, machine)
    return Task(Seen(service, "pending"), name, machine, waits=_waits(state, error, machine))


def _ended(
    service: str, state: str, code: int | None, error: str, node: Mapping[str, Any] | None, machine: str
) -> Seen:
    if is_emptied(node):
        return Seen(service, "exited", error=f"its machine {machine} is being emptied")
    if state in ("shutdown", "remove", "orphaned"):
        return Seen(service, "exited", error="it was stopped by somebody else")
    if state == "rejected" or code is None:
        return Seen(service, "exited", error=f"its machine {machine} says: {error}")
    if code == starter.OUT_OF_MEMORY:
        return Seen(service, "exited", code=_KILLED, out_of_memory=True)
    return Seen(service, "exited", code=int(code))


def _waits(state: str, error: str, machine: str) -> str:
    if state in ("new", "pending") or not machine:
        return f"no machine of the swarm takes it: {error}" if error else "it waits for a machine of the swarm"
    if state == "preparing":
        return f"its image is being brought to {machine}"
    return f"it is being started on {machine}"


def _address(task: Mapping[str, Any], network: str) -> str | None:
    for attachment in task.get("NetworksAttachments") or ():
        if attachment["Network"]["Spec"]["Name"] == network and attachment.get("Addresses"):
            return str(attachment["Addresses"][0]).partition("/")[0]
    return None
