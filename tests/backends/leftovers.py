"""What back ends left on their engines, and how tests get rid of it."""

from __future__ import annotations

from collections.abc import Callable

from zoe_hub.backends.base import Backend
from zoe_hub.backends.docker.engine import Engine
from zoe_hub.backends.docker.names import GUARD, INSTALLATION, INSTANCE, ROLE, installation_of
from zoe_hub.backends.docker.settings import DockerSettings


async def remove_everything(again: Backend) -> None:
    """By way of a further back end, which is not open yet and is closed afterwards."""
    await again.open()
    try:
        for execution in {status.execution for status in await again.instances()}:
            await again.remove(execution)
    finally:
        await again.close()


async def sweep(settings: DockerSettings, make_engine: Callable[[str], Engine] = Engine) -> None:
    """Take from an engine all that it has of this installation, users' servers included, though no service answers."""
    engine = make_engine(settings.host)
    mine = f"{INSTALLATION}={installation_of(settings.folder)}"
    try:
        for container in await engine.containers([mine]):
            await engine.remove(str(container["Id"]))
        for network in await engine.networks([mine]):
            await engine.delete_network(str(network["Id"]))
        for volume in await engine.unused_volumes([mine]):
            await engine.delete_volume(volume)
    finally:
        await engine.close()


async def left_over(settings: DockerSettings, make_engine: Callable[[str], Engine] = Engine) -> list[str]:
    """Names of runs of instances, of guards, of networks, and of volumes, that an engine has of this installation."""
    engine = make_engine(settings.host)
    mine = f"{INSTALLATION}={installation_of(settings.folder)}"
    try:
        return [
            *(run["Names"][0] for run in await engine.containers([mine, f"{ROLE}={INSTANCE}"])),
            *(look["Names"][0] for look in await engine.containers([mine, f"{ROLE}={GUARD}"])),
            *(network["Name"] for network in await engine.networks([mine])),
            *await engine.unused_volumes([mine]),
        ]
    finally:
        await engine.close()
