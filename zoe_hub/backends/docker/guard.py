"""Has a rule stand in the firewall of the engine's machine, without which older engines part no networks for moments.

Engines before 28 take their own rule out and put it back whenever a network is made, by whomever. The rule here is in a
table that they leave alone. It is set by a container that ends at once: see ``images/guard``.
"""

from __future__ import annotations

import asyncio
import logging
import re
from contextlib import suppress
from typing import Any

from ...model.errors import LaunchFailed
from .engine import Engine, EngineAway, EngineRefused
from .images import Images
from .names import GUARD, INSTALLATION, ROLE, guard_labels, guard_name
from .settings import DockerSettings

log = logging.getLogger(__name__)

PROGRAM = "/usr/local/sbin/guard"
_PARTS_ALWAYS = 28
"""From this version on, an engine touches its rule at its own start only."""
_FOR_ENDING = 10.0
"""Seconds for which a service that ends waits for a container that is just looking."""
_SHOWN = 300
"""Letters of what the container wrote."""


class NetworksNotParted(LaunchFailed):
    """Raised where nothing is started, as it could be reached from networks of others."""


class Guard:
    """Looks at its start, from time to time, and when the engine was away; whoever starts something waits for it."""

    every = 300.0
    """Seconds between two looks. Each costs a container that lives for less than one."""
    after_trouble = 10.0
    """Seconds until it is tried again."""

    def __init__(self, engine: Engine, images: Images, installation: str, settings: DockerSettings) -> None:
        self._engine = engine
        self._images = images
        self._installation = installation
        self._image = settings.guard_image
        self._alone = asyncio.Lock()
        self._stands = False
        self._doubted = asyncio.Event()
        self._going: asyncio.Future[tuple[int, str]] | None = None
        self.trouble = ""
        """Why the rule does not stand, as far as is known."""

    async def run(self) -> None:
        """Look, for ever."""
        while True:
            self._doubted.clear()
            with suppress(LaunchFailed):
                async with self._alone:
                    await self._look()
            pause = asyncio.ensure_future(self._doubted.wait())
            try:
                await asyncio.wait({pause}, timeout=self.every if self._stands else self.after_trouble)
            finally:
                pause.cancel()

    async def close(self) -> None:
        """Wait for a container that is just looking: given up, it would be left on the engine."""
        if self._going is not None:
            await asyncio.wait({self._going}, timeout=_FOR_ENDING)

    async def ensure(self) -> None:
        """Return when networks are parted for good. Raises LaunchFailed with why they are not, or EngineAway."""
        if self._stands:
            return
        async with self._alone:
            if not self._stands:
                await self._look()

    def doubt(self) -> None:
        """The engine was away, and its machine may have been started again: look before anything is started."""
        self._stands = False
        self._doubted.set()

    async def _look(self) -> None:
        try:
            version = str((await self._engine.info()).get("ServerVersion", ""))
            if not parts_always(version):
                await self._set(version)
        except EngineAway:
            self._stands = False
            raise
        except LaunchFailed as error:
            self._stands = False
            if str(error) != self.trouble:
                log.error("Nothing is started: %s", error)
            self.trouble = str(error)
            raise
        if self.trouble:
            log.info("Networks are parted for good again")
        self._stands, self.trouble = True, ""

    async def _set(self, version: str) -> None:
        try:
            image = self._images.pinned(self._image)
            if not await self._engine.has_image(image):
                raise _not_parted(version, f"the image {image} is not on the engine. Build it there: make images")
            await self._tidy()
            config = container(image, self._installation)
            going = self._going = asyncio.ensure_future(self._engine.run(guard_name(self._installation), config))
            code, wrote = await asyncio.shield(going)
        except EngineRefused as error:
            raise _not_parted(version, f"a container of {self._image} cannot be run there. {error}") from error
        if code:
            raise _not_parted(version, f"{self._image} ended with {code}: {wrote.strip()[-_SHOWN:]}")

    async def _tidy(self) -> None:
        """Delete those that a service which was killed left."""
        for left in await self._engine.containers([f"{INSTALLATION}={self._installation}", f"{ROLE}={GUARD}"]):
            if left.get("State") != "running":
                await self._engine.remove(str(left["Id"]))


def parts_always(version: str) -> bool:
    """Whether an engine keeps networks apart without a moment's break. What is no version of Docker's does not."""
    match = re.match(r"(\d+)\.\d+", version)
    return match is not None and int(match[1]) >= _PARTS_ALWAYS


def container(image: str, installation: str) -> dict[str, Any]:
    """The engine's description of it: the machine's own network, the right to change that, and nothing besides."""
    return {
        "Image": image,
        "Entrypoint": [PROGRAM],
        "Cmd": [],
        "User": "0:0",
        "Labels": guard_labels(installation),
        "HostConfig": {
            "NetworkMode": "host",
            # Where an engine gives containers users of their own, these have no right to the machine's network.
            "UsernsMode": "host",
            "CapDrop": ["ALL"],
            "CapAdd": ["NET_ADMIN"],
            "SecurityOpt": ["no-new-privileges"],
            "ReadonlyRootfs": True,
            "PidsLimit": 64,
            "Memory": 64 * 2**20,
            "RestartPolicy": {"Name": "no"},
            "LogConfig": {"Type": "json-file"},
        },
    }


def _not_parted(version: str, why: str) -> NetworksNotParted:
    return NetworksNotParted(
        f"Docker {version} lets networks reach each other for moments, and the rule that closes them cannot be set: "
        f"{why}. Or set it yourself and say so: c.ZoeDocker.network_guard = 'administrator'."
    )
