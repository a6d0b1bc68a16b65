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
    machine: str = ""
    waits: str = ""
    """What it waits for before it runs, for people."""
    lost: bool = False
    """Nobody can ask for its log."""


def newest(tasks: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Of one service; an administrator's update replaces its task by another one."""
    return max(tasks, key=lambda task: str(task.get("CreatedAt", "")), default=None)


def read(service: str, task: Mapping[str, Any] | None, nodes: Mapping[str, Mapping[str, Any]], network: str) -> Task:
    """`nodes` by their identifiers; the address is the one in `network`."""
    if task is None:
        return Task(Seen(service, "pending"), waits="it waits for the swarm")
    status, node_id = task["Status"], str(task.get("NodeID") or "")
    node = nodes.get(node_id)
    machine = name_of(node) if node is not None else node_id
    state, code = str(status["State"]), (status.get("ContainerStatus") or {}).get("ExitCode")
    error = str(status.get("Err") or "")
    if state in _OVER:
        return Task(_ended(service, state, code, error, node, machine), machine)
    if node_id and is_down(node):
        gone = f"its machine {machine} does not answer any more" if node else "its machine was taken out of the swarm"
        return Task(Seen(service, "exited", error=gone), machine, lost=True)
    if state == "running":
        return Task(Seen(service, "running", address=_address(task, network)), machine)
    return Task(Seen(service, "pending"), machine, waits=_waits(state, error, machine))


def _ended(
    service: str, state: str, code: int | None, error: str, node: Mapping[str, Any] | None, machine: str
) -> Seen:
    if state in ("shutdown", "remove", "orphaned"):
        why = f"its machine {machine} is being emptied" if is_emptied(node) else "it was stopped by somebody else"
        return Seen(service, "exited", error=why)
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
