"""A swarm of Docker engines as an engine of Zoe's."""

from __future__ import annotations

from collections.abc import Mapping

from ...model.resources import Node
from ..docker.backend import DockerBackend
from ..docker.devices import Devices
from ..docker.images import Images
from ..docker.instance import Host
from ..docker.names import installation_of
from ..docker.settings import DockerSettings
from ..docker.watch import Watch
from .engine import NoSwarm, SwarmEngine
from .instance import SwarmHost
from .machines import capacity
from .networks import SwarmNetworks
from .settings import SwarmSettings


class SwarmBackend(DockerBackend):
    """Runs each instance as a service of one task, each execution in an overlay network of its own.

    What is kept of an instance, who may order, and when it is started again is as on one engine.
    """

    node_kept = 2.0
    """A machine that died is noticed as fast as the swarm itself does."""

    def __init__(self, settings: DockerSettings, swarm: SwarmSettings) -> None:
        self._swarm = SwarmEngine(settings.host)
        self._of_swarm = swarm
        super().__init__(settings, self._swarm)

    async def open(self, fence: int = 0) -> None:
        """As of one engine. Raises NoSwarm where the engine manages none."""
        await self._until_reachable()
        if not await self._engine.surely(self._swarm.is_manager):
            raise NoSwarm(
                f"The Docker engine at {self._engine.host} manages no swarm: type `docker swarm init` there, or name a "
                "manager in c.ZoeDocker.host."
            )
        await super().open(fence)

    def _make_host(self, installation: str) -> Host:
        settings = self._settings
        return SwarmHost(
            settings=settings,
            installation=installation,
            term=self._term,
            engine=self._swarm,
            swarm=self._swarm,
            of_swarm=self._of_swarm,
            images=Images(self._swarm, settings),
            networks=SwarmNetworks(self._swarm, installation, settings),
            devices=Devices(()),
            watch=Watch(self._swarm, installation, self._of_swarm.poll, self._on_listed, self._on_started),
        )

    async def _ask_nodes(self) -> list[Node]:
        nodes, tasks = await self._swarm.machines(), await self._swarm.tasks()
        return capacity(
            list(nodes.values()), tasks, installation_of(self._settings.folder) or "", self._settings, self._of_swarm
        )

    def describe(self) -> Mapping[str, object]:
        return {
            **super().describe(),
            "engine": "swarm",
            "constraints": list(self._of_swarm.constraints),
            "gpus": self._of_swarm.gpu_kind,
        }
