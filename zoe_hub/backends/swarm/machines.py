"""What a swarm's machines have, and which of them count. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ...model.resources import Node, Resources
from ..docker.names import INSTALLATION
from ..docker.settings import DockerSettings
from .settings import SwarmSettings, parse_constraint

_GONE = ("complete", "failed", "shutdown", "rejected", "orphaned", "remove")


def name_of(node: Mapping[str, Any]) -> str:
    """As people know it."""
    return str((node.get("Description") or {}).get("Hostname") or node["ID"])


def is_down(node: Mapping[str, Any] | None) -> bool:
    """Whether nobody knows what goes on there; None: a machine that was taken out of the swarm."""
    return node is None or (node.get("Status") or {}).get("State") in ("down", "disconnected")


def is_emptied(node: Mapping[str, Any] | None) -> bool:
    """Whether its administrator has everything leave it."""
    return node is not None and (node.get("Spec") or {}).get("Availability") == "drain"


def counts(node: Mapping[str, Any], constraints: Collection[str]) -> bool:
    """Whether a new task may come there."""
    ready = (node.get("Status") or {}).get("State") == "ready"
    return ready and (node.get("Spec") or {}).get("Availability") == "active" and all(
        _meets(node, text) for text in constraints
    )  # fmt: skip


def capacity(
    nodes: Sequence[Mapping[str, Any]],
    tasks: Sequence[Mapping[str, Any]],
    installation: str,
    docker: DockerSettings,
    swarm: SwarmSettings,
) -> list[Node]:
    """What Zoe may hand out of each machine: all but what others' services have reserved there."""
    found = []
    names = [name_of(node) for node in nodes]
    for node, name in zip(nodes, names, strict=True):
        if counts(node, swarm.constraints):
            has, others = of(node, swarm.gpu_kind), _reserved(tasks, str(node["ID"]), installation, swarm.gpu_kind)
            left = Resources(
                cpu=max(0.0, has.cpu - others.cpu) * docker.cpu_overcommit,
                memory=max(0, has.memory - others.memory),
                gpu=max(0, has.gpu - others.gpu),
            )
            if docker.cpus is not None:
                left = left.model_copy(update={"cpu": docker.cpus})
            if docker.memory is not None:
                left = left.model_copy(update={"memory": min(docker.memory, left.memory)})
            found.append(Node(name=name if names.count(name) == 1 else f"{name}-{node['ID'][:6]}", capacity=left))
    return found


def of(node: Mapping[str, Any], gpu_kind: str) -> Resources:
    """All that a machine has."""
    return _read(((node.get("Description") or {}).get("Resources")) or {}, gpu_kind)


def _reserved(tasks: Sequence[Mapping[str, Any]], node: str, installation: str, gpu_kind: str) -> Resources:
    cpu, memory, gpu = 0.0, 0, 0
    for task in tasks:
        spec = task.get("Spec") or {}
        labels = (spec.get("ContainerSpec") or {}).get("Labels") or {}
        ours = labels.get(INSTALLATION) == installation
        if task.get("NodeID") == node and not ours and task["Status"]["State"] not in _GONE:
            one = _read((spec.get("Resources") or {}).get("Reservations") or {}, gpu_kind)
            cpu, memory, gpu = cpu + one.cpu, memory + one.memory, gpu + one.gpu
    return Resources(cpu=cpu, memory=memory, gpu=gpu)


def _read(resources: Mapping[str, Any], gpu_kind: str) -> Resources:
    gpus = 0
    for generic in resources.get("GenericResources") or ():
        counted, named = generic.get("DiscreteResourceSpec"), generic.get("NamedResourceSpec")
        if counted and counted.get("Kind") == gpu_kind:
            gpus += int(counted.get("Value", 0))
        elif named and named.get("Kind") == gpu_kind:
            gpus += 1
    return Resources(
        cpu=float(resources.get("NanoCPUs", 0)) / 1e9, memory=int(resources.get("MemoryBytes", 0)), gpu=gpus
    )


def _meets(node: Mapping[str, Any], text: str) -> bool:
    subject, equal, value = parse_constraint(text)
    spec, description = node.get("Spec") or {}, node.get("Description") or {}
    kind, _, label = subject.partition(".labels.")
    if label:
        labels = spec.get("Labels") if kind == "node" else (description.get("Engine") or {}).get("Labels")
        found = (labels or {}).get(label, "")
    else:
        known = {"node.id": node.get("ID"), "node.hostname": description.get("Hostname"), "node.role": spec.get("Role")}
        found = str(known.get(subject) or "")
    return (found.lower() == value.lower()) is equal
