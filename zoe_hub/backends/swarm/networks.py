"""Networks of executions that reach over all machines of the swarm."""

from __future__ import annotations

import asyncio
from typing import Any

from ..docker.networks import Networks
from ..docker.subnets import Subnet

_LOOK_AGAIN = 0.2
"""Seconds between two looks for a network that was deleted."""


class SwarmNetworks(Networks):
    """Addresses in them are given by the swarm; processes find each other by names, which stay."""

    # A swarm lets go of a network some time after the last task is gone.
    patience = 150

    def kind(self, subnet: Subnet) -> dict[str, Any]:
        # Users' servers and the service are no tasks of the swarm, and join it as containers.
        ipam = {"Driver": "default", "Config": [{"Subnet": str(subnet.network), "Gateway": subnet.gateway}]}
        return {"Driver": "overlay", "Attachable": True, "IPAM": ipam}

    async def remove(self, execution: str) -> None:
        await super().remove(execution)
        # The manager's own engine lets go of it some time after the swarm has.
        for _ in range(self.patience):
            if await self._engine.network(self.name(execution)) is None:
                return
            await asyncio.sleep(_LOOK_AGAIN)

    async def _part_lost(self, network: dict[str, Any], address: str = "") -> bool:
        # Whose a task's address is, the swarm knows on all machines, and one engine does not.
        return False
