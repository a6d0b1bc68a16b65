"""A network for each execution: users' clusters cannot reach each other, and their processes have names in it."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

from ...model.errors import LaunchFailed
from .engine import Engine, EngineRefused
from .names import INSTALLATION, OWNER, ROLE, SERVER, network_labels, network_name
from .settings import DockerSettings
from .subnets import Subnet, candidates, routed

log = logging.getLogger(__name__)

_ROUTES = Path("/proc/net/route")
_TRIES = 50


class Networks:
    """Makes and deletes the networks of one installation, and hands out addresses in them."""

    patience = 5
    """Attempts to delete a network that somebody is still joined to, five a second."""

    def __init__(self, engine: Engine, installation: str, settings: DockerSettings) -> None:
        self._engine = engine
        self._installation = installation
        self._settings = settings
        self._alone = asyncio.Lock()
        self._known: dict[str, Subnet] = {}
        self._taken: dict[str, set[str]] = defaultdict(set)

    def name(self, execution: str) -> str:
        return network_name(self._installation, execution)

    def keep(self, execution: str, address: str) -> None:
        """An instance that was there before has it."""
        if address:
            self._taken[execution].add(address)

    def give_back(self, execution: str, address: str) -> None:
        self._taken[execution].discard(address)

    async def address(self, execution: str, owner: str, before: str) -> str:
        """Of an instance in its execution's network, which is made where it is missing: the one of `before` if it can.

        Raises LaunchFailed.
        """
        subnet = await self.ensure(execution, owner)
        if before and IPv4Address(before) in subnet.network:
            self._taken[execution].add(before)
            return before
        self.give_back(execution, before)
        found = subnet.free(self._taken[execution])
        self._taken[execution].add(found)
        return found

    async def free(self, execution: str, address: str) -> bool:
        """Part a container that the engine has no more from an address that it still holds; whether there was one.

        An engine that was killed does not notice what ended meanwhile, if containers are kept alive.
        """
        network = await self._engine.network(self.name(execution)) or {}
        return await self._part_lost(network, address)

    async def _part_lost(self, network: dict[str, Any], address: str = "") -> bool:
        lost = False
        for container, endpoint in (network.get("Containers") or {}).items():
            has = str(endpoint.get("IPv4Address", "")).partition("/")[0]
            if address in ("", has) and await self._engine.show(container) is None:
                # Of those, the engine knows the names only.
                await self._engine.leave(str(network["Name"]), str(endpoint["Name"]))
                lost = True
        return lost

    def doubt(self, execution: str) -> None:
        """Look again whether its network is there, before it is used next: somebody may have tidied up."""
        self._known.pop(execution, None)

    async def remove(self, execution: str) -> None:
        """Part everybody from it, and delete it. Does nothing where there is none."""
        self._known.pop(execution, None)
        self._taken.pop(execution, None)
        name = self.name(execution)
        for attempt in range(self.patience):
            network = await self._engine.network(name)
            if network is None or (network.get("Labels") or {}).get(INSTALLATION) != self._installation:
                return
            for container in {*(network.get("Containers") or {}), *await self._stopped(name)}:
                await self._engine.leave(name, container)
            if attempt:
                await self._part_lost(network)
            try:
                return await self._engine.delete_network(name)
            except EngineRefused as error:
                # Somebody joined it meanwhile, such as a notebook that was just starting.
                log.info("The network %s could not be deleted yet: %s", name, error)
                await asyncio.sleep(0.2)
        raise LaunchFailed(f"the network {name} could not be deleted: something joins it again and again")

    def kind(self, subnet: Subnet) -> dict[str, Any]:
        """As the engine wants a network of these addresses."""
        return {"Driver": "bridge", "IPAM": subnet.ipam()}

    async def join_service(self) -> None:
        """The service's container joins all networks that there are: it may be another one than the last service's."""
        if self._settings.service_container:
            for network in await self._engine.networks([f"{INSTALLATION}={self._installation}"]):
                await self._engine.join(str(network["Id"]), self._settings.service_container)

    async def join_owner(self, container: str, owner: str) -> None:
        """A user's server that has started joins all networks of that user's executions."""
        labels = [f"{INSTALLATION}={self._installation}", f"{OWNER}={owner}"]
        for network in await self._engine.networks(labels):
            await self._engine.join(str(network["Id"]), container)

    async def _stopped(self, name: str) -> list[str]:
        """Users' servers that do not run: with a network that is gone, they would never start again."""
        servers = await self._engine.containers([f"{INSTALLATION}={self._installation}", f"{ROLE}={SERVER}"])
        return [
            str(container["Id"])
            for container in servers
            if name in ((container.get("NetworkSettings") or {}).get("Networks") or {})
        ]

    async def ensure(self, execution: str, owner: str) -> Subnet:
        """Make an execution's network where it is missing, and have everybody join who should. Raises LaunchFailed."""
        async with self._alone:
            if execution in self._known:
                return self._known[execution]
            name = self.name(execution)
            network = await self._engine.network(name)
            subnet = _subnet(network) if network is not None else await self._create(name, execution, owner)
            if self._settings.service_container:
                await self._engine.join(name, self._settings.service_container)
            servers = [f"{INSTALLATION}={self._installation}", f"{OWNER}={owner}", f"{ROLE}={SERVER}"]
            for container in await self._engine.containers(servers):
                if container.get("State") == "running":
                    await self._engine.join(name, str(container["Id"]))
            self._known[execution] = subnet
            return subnet

    async def _create(self, name: str, execution: str, owner: str) -> Subnet:
        taken = [
            str(part["Subnet"])
            for network in await self._engine.networks()
            for part in (network.get("IPAM") or {}).get("Config") or ()
            if part.get("Subnet")
        ]
        pool, prefix = self._settings.subnets, self._settings.subnet_prefix
        problem = ""
        for _, subnet in zip(range(_TRIES), candidates(pool, prefix, [*taken, *_routes()]), strict=False):
            config = {
                "Name": name,
                "CheckDuplicate": True,
                "Labels": network_labels(self._installation, execution, owner),
            }
            try:
                await self._engine.create_network({**config, **self.kind(subnet)})
            except EngineRefused as error:
                if error.conflict and (network := await self._engine.network(name)) is not None:
                    return _subnet(network)
                problem = f" {error}"
            else:
                return subnet
        raise LaunchFailed(
            f"There is no room for a further network in {pool}; end something, or give c.ZoeDocker.subnets more "
            f"addresses.{problem}"
        )


def _subnet(network: dict[str, Any]) -> Subnet:
    for part in (network.get("IPAM") or {}).get("Config") or ():
        if ":" not in part.get("Subnet", ":"):
            return Subnet(IPv4Network(part["Subnet"]))
    raise LaunchFailed(f"the network {network.get('Name')} has no IPv4 addresses")


def _routes() -> list[str]:
    """Of this machine, which is the engine's where instances can be reached at all."""
    try:
        return routed(_ROUTES.read_text())
    except OSError:
        return []
