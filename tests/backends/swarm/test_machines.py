from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from traitlets import TraitError

from zoe_hub.backends.docker.settings import DockerSettings
from zoe_hub.backends.swarm.machines import capacity
from zoe_hub.backends.swarm.settings import SwarmSettings, ZoeSwarm
from zoe_hub.model.resources import Node

GIB = 2**30
DOCKER = DockerSettings(Path("/nowhere"), Path, cpu_overcommit=1.0)


def machine(name: str, **changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "ID": f"id-{name}",
        "Status": {"State": "ready"},
        "Spec": {"Availability": "active", "Role": "worker", "Labels": {"disk": name}},
        "Description": {
            "Hostname": name,
            "Resources": {
                "NanoCPUs": 4_000_000_000,
                "MemoryBytes": 8 * GIB,
                "GenericResources": [
                    {"DiscreteResourceSpec": {"Kind": "ssd", "Value": 9}},
                    {"NamedResourceSpec": {"Kind": "gpu", "Value": "GPU-1"}},
                    {"NamedResourceSpec": {"Kind": "gpu", "Value": "GPU-2"}},
                ],
            },
        },
    }
    return {**values, **changes}


def found(*nodes: dict[str, Any], tasks: list[dict[str, Any]] | None = None, **swarm: Any) -> list[Node]:
    return capacity(nodes, tasks or [], "mine", DOCKER, SwarmSettings(**swarm))


def test_each_machine_has_what_it_has() -> None:
    (node,) = found(machine("a"))
    assert (node.name, node.capacity.cpu, node.capacity.memory, node.capacity.gpu) == ("a", 4, 8 * GIB, 2)


def test_machines_of_the_same_name_are_told_apart() -> None:
    names = [node.name for node in found(machine("a", ID="first1234"), machine("a", ID="second123"))]
    assert names == ["a-first1", "a-second"]


@pytest.mark.parametrize(
    "changes",
    [
        {"Status": {"State": "down"}},
        {"Spec": {"Availability": "drain"}},
        {"Spec": {"Availability": "pause"}},
    ],
)
def test_machines_that_take_nothing_do_not_count(changes: dict[str, Any]) -> None:
    assert [node.name for node in found(machine("a", **changes), machine("b"))] == ["b"]


def test_constraints_choose_machines() -> None:
    machines = machine("a"), machine("b")
    assert [node.name for node in found(*machines, constraints=("node.labels.disk == b",))] == ["b"]
    assert [node.name for node in found(*machines, constraints=("node.hostname!=b", "node.role==worker"))] == ["a"]
    assert found(*machines, constraints=("node.role == manager",)) == []


def test_what_others_reserved_is_theirs() -> None:
    def task(installation: str, state: str = "running") -> dict[str, Any]:
        reserved = {"NanoCPUs": 1_000_000_000, "MemoryBytes": GIB}
        labels = {"zoe.installation": installation} if installation else {}
        return {
            "NodeID": "id-a",
            "Status": {"State": state},
            "Spec": {"Resources": {"Reservations": reserved}, "ContainerSpec": {"Labels": labels}},
        }

    (node,) = found(machine("a"), tasks=[task(""), task("another"), task("mine"), task("", "failed")])
    assert (node.capacity.cpu, node.capacity.memory) == (2, 6 * GIB)


def test_a_constraint_that_is_none_is_told() -> None:
    with pytest.raises(TraitError, match=r"'gpu' is not of the form 'node\.labels\.NAME == VALUE'"):
        ZoeSwarm(constraints=["gpu"])
