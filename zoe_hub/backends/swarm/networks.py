"""Networks of executions that reach over all machines of the swarm."""

from __future__ import annotations

from typing import Any

from ..docker.networks import Networks
from ..docker.subnets import Subnet


class SwarmNetworks(Networks):
    """Addresses in them are given by the swarm; processes find each other by names, which stay."""

    # A swarm lets go of a network some time after the last task is gone.
    patience = 150

    def kind(self, subnet: Subnet) -> dict[str, Any]:
        # Users' servers and the service are no tasks of the swarm, and join it as containers.
        ipam = {"Driver": "default", "Config": [{"Subnet": str(subnet.network), "Gateway": subnet.gateway}]}
        return {"Driver": "overlay", "Attachable": True, "IPAM": ipam}

    async def _part_lost(self, network: dict[str, Any], address: str = "") -> bool:
        # Whose a task's address is, the swarm knows on all machines, and one engine does not.
        return False
