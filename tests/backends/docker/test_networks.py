"""What networks do about an engine that still counts containers that it has no more; no engine is needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from zoe_hub.backends.docker.endings import Seen
from zoe_hub.backends.docker.engine import Engine, EngineRefused
from zoe_hub.backends.docker.names import network_labels
from zoe_hub.backends.docker.networks import Networks
from zoe_hub.backends.docker.settings import DockerSettings


class EngineThatWasKilled:
    """One network, in which a container that is there and one that is not have their addresses."""

    def __init__(self, name: str) -> None:
        self.there = {"c1"}
        self.endpoints = {"c1": ("here", "10.0.0.2/26"), "c2": ("lost", "10.0.0.3/26")}
        self.name = name
        self.deleted = False

    async def network(self, name: str) -> dict[str, Any] | None:
        if self.deleted:
            return None
        containers = {key: {"Name": name, "IPv4Address": place} for key, (name, place) in self.endpoints.items()}
        return {"Name": self.name, "Labels": network_labels("abc", "x1", "alice"), "Containers": containers}

    async def show(self, container: str) -> Seen | None:
        return Seen(container, "running") if container in self.there else None

    async def leave(self, network: str, container: str) -> None:
        """As the engine does it: by identifier those that it has, by name every endpoint."""
        for key, (name, _) in list(self.endpoints.items()):
            if container == name or (container == key and key in self.there):
                del self.endpoints[key]

    async def containers(self, labels: object) -> list[dict[str, Any]]:
        return []

    async def delete_network(self, name: str) -> None:
        if self.endpoints:
            raise EngineRefused("Docker says: network has active endpoints", 403)
        self.deleted = True


@pytest.fixture
def engine() -> EngineThatWasKilled:
    return EngineThatWasKilled("zoe-abc-x1")


@pytest.fixture
def networks(engine: EngineThatWasKilled, tmp_path: Path) -> Networks:
    return Networks(cast(Engine, engine), "abc", DockerSettings(tmp_path, lambda name: tmp_path))


async def test_an_address_is_taken_from_the_lost_and_from_nobody_else(
    engine: EngineThatWasKilled, networks: Networks
) -> None:
    assert not await networks.free("x1", "10.0.0.2")
    assert not await networks.free("x1", "10.0.0.4")
    assert set(engine.endpoints) == {"c1", "c2"}
    assert await networks.free("x1", "10.0.0.3")
    assert set(engine.endpoints) == {"c1"}


async def test_a_network_is_deleted_though_lost_containers_are_in_it(
    engine: EngineThatWasKilled, networks: Networks
) -> None:
    await networks.remove("x1")
    assert engine.deleted
