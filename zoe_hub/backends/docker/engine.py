"""The engine's API as this back end uses it: typed, and with errors that are sentences."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import aiodocker
import aiohttp
from aiodocker.events import DockerEvents

from ...model.errors import LaunchFailed
from .endings import Seen

log = logging.getLogger(__name__)

T = TypeVar("T")

_UNIX = "unix://"
_SOCKET = Path("/var/run/docker.sock")
_ANSWER_WITHIN = 120.0
"""Seconds for one question. A busy disk makes the engine slow; streams have no limit."""
_ENDLESS = aiohttp.ClientTimeout(total=None)
NOT_THERE, _CONFLICT, _UNCHANGED, _UNREACHABLE = 404, 409, 304, 900
_ENGINES_FAULT = 500
"""From this status on, the engine says that something went wrong with itself."""
_BROKEN_OFF = (aiohttp.ClientError, asyncio.TimeoutError, TimeoutError, ConnectionError, json.JSONDecodeError)
"""An engine that is killed may break off in the middle of a word, too."""
_AGAIN = 1.0
"""Seconds between two attempts to reach an engine that does not answer."""


class EngineAway(LaunchFailed):
    """Raised when the engine does not answer. What it was asked for may have happened."""


class EngineRefused(LaunchFailed):
    """Raised when the engine says no."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status

    @property
    def conflict(self) -> bool:
        """Another thing has the name, or its state does not allow it."""
        return self.status == _CONFLICT

    @property
    def not_there(self) -> bool:
        return self.status == NOT_THERE


class Engine:
    """One engine. Connects with the first question; `close` lets go, and a second call does nothing."""

    def __init__(self, host: str = "") -> None:
        self.host = host or os.environ.get("DOCKER_HOST", "") or (f"{_UNIX}{_SOCKET}" if _SOCKET.exists() else "")
        self._client: aiodocker.Docker | None = None

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()
            await client.connector.close()

    async def surely(self, work: Callable[[], Awaitable[T]]) -> T:
        """What `work` gives, tried again for as long as the engine is away or busy with itself."""
        told = ""
        while True:
            try:
                return await work()
            except EngineAway:
                await asyncio.sleep(_AGAIN)
            except EngineRefused as error:
                if error.status < _ENGINES_FAULT:
                    raise
                if str(error) != told:
                    told = str(error)
                    log.warning("%s It is asked again.", error)
                await asyncio.sleep(_AGAIN)

    # About the engine

    async def info(self) -> dict[str, Any]:
        with self._asking():
            return dict(await self._docker().system.info())

    async def events(self, *, since: float, labels: Sequence[str]) -> AsyncIterator[dict[str, Any]]:
        """What happens to containers with these labels, from a time of the engine's clock on, until it breaks."""
        filters = json.dumps({"type": ["container"], "label": list(labels)})
        with self._asking():
            stream: Any = DockerEvents(self._docker())  # type: ignore[no-untyped-call]
            subscriber = stream.subscribe(create_task=False)
            running = asyncio.ensure_future(stream.run(since=f"{since:.9f}", filters=filters))
            try:
                while (event := await subscriber.get()) is not None:
                    yield event
                await asyncio.wait({running})
                running.result()
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)

    # Containers

    async def containers(self, labels: Sequence[str]) -> list[dict[str, Any]]:
        """All that have these labels, those that ended included: Id, Names, Labels, State."""
        with self._asking():
            found = await self._docker().containers.list(all=1, filters=json.dumps({"label": list(labels)}))
            return [container._container for container in found]

    async def show(self, container: str) -> Seen | None:
        """By its identifier or name; None where there is none."""
        shown = await self.inspect(container)
        return None if shown is None else Seen.of(shown)

    async def inspect(self, container: str) -> dict[str, Any] | None:
        """All that the engine knows of it; None where there is none."""
        with self._asking():
            try:
                return await self._docker().containers.container(container).show()
            except aiodocker.DockerError as error:
                if error.status == NOT_THERE:
                    return None
                raise

    async def create(self, name: str, config: Mapping[str, Any]) -> str:
        """Its identifier. Raises EngineRefused."""
        with self._asking():
            return (await self._docker().containers.create(config, name=name)).id

    async def put(self, container: str, folder: str, archive: bytes) -> None:
        """Unpack an archive in a folder of a container, which need not run."""
        with self._asking():
            await (
                self._docker()
                .containers.container(container)
                .put_archive(  # type: ignore[no-untyped-call]
                    folder, archive
                )
            )

    async def start(self, container: str) -> None:
        """Raises EngineRefused with the engine's reason."""
        with self._asking(_UNCHANGED):
            await self._docker().containers.container(container).start()

    async def kill(self, container: str, signal: str) -> None:
        """Send a signal to its first process. Does nothing where it does not run."""
        with self._asking(NOT_THERE, _CONFLICT):
            await self._docker().containers.container(container).kill(signal=signal)

    async def remove(self, container: str) -> None:
        """Kill it, and delete it with its anonymous volumes. Does nothing where there is none."""
        with self._asking(NOT_THERE, _CONFLICT):
            await self._docker().containers.container(container).delete(force=True, v=True)

    async def run(self, name: str, config: Mapping[str, Any]) -> tuple[int, str]:
        """Start a container that ends soon; its exit code and what it wrote. It is removed. Raises EngineRefused."""
        container = await self.create(name, config)
        try:
            await self.start(container)
            with self._asking():
                ended = await self._docker().containers.container(container).wait(timeout=_ANSWER_WITHIN)
            wrote = b"".join([chunk async for chunk in self.log(container)])
            return int(ended["StatusCode"]), wrote.decode(errors="replace")
        finally:
            with suppress(LaunchFailed):
                await self.remove(container)

    async def run_in(self, container: str, command: Sequence[str], user: str, most: int) -> bytes:
        """What a short program in a running container writes, `most` bytes of it; nothing where it cannot run."""
        found = b""
        with self._asking(NOT_THERE, _CONFLICT):
            execution = await self._docker().containers.container(container).exec(command, stderr=False, user=user)
            async with execution.start(detach=False) as stream:
                while len(found) < most and (message := await stream.read_out()) is not None:
                    found += message.data
        return found[:most]

    async def log(self, container: str, *, follow: bool = False, tail: int | None = None) -> AsyncIterator[bytes]:
        """Both streams of what it wrote. Raises EngineRefused where there is no such container, or no log."""
        lines = "all" if tail is None else str(tail)
        asked = {"stdout": True, "stderr": True, "follow": follow, "tail": lines}
        with self._asking():
            docker: Any = self._docker()
            # What the client offers for a log that is not followed holds all of it, in as many pieces as were written.
            answer = docker._query(f"containers/{container}/logs", params=asked, timeout=_ENDLESS)
            async with aclosing(docker.containers.container(container)._logs_stream(answer)) as texts:
                async for text in texts:
                    yield text.encode()

    # Networks

    async def networks(self, labels: Sequence[str] = ()) -> list[dict[str, Any]]:
        with self._asking():
            return await self._docker().networks.list(filters={"label": list(labels)} if labels else None)

    async def network(self, name: str) -> dict[str, Any] | None:
        """By its name or identifier; None where there is none."""
        with self._asking():
            try:
                found: dict[str, Any] = await self._docker()._query_json(f"networks/{name}")
                return found
            except aiodocker.DockerError as error:
                if error.status == NOT_THERE:
                    return None
                raise

    async def create_network(self, config: dict[str, Any]) -> None:
        """Raises EngineRefused."""
        with self._asking():
            await self._docker().networks.create(config)

    async def delete_network(self, name: str) -> None:
        """Does nothing where there is none. Raises EngineRefused while something is joined to it."""
        with self._asking(NOT_THERE):
            await aiodocker.networks.DockerNetwork(self._docker(), name).delete()  # type: ignore[no-untyped-call]

    async def join(self, network: str, container: str, aliases: Sequence[str] = ()) -> None:
        """Does nothing where it is joined already, or one of them is gone."""
        endpoint = {"Container": container, "EndpointConfig": {"Aliases": list(aliases)}}
        # An endpoint that exists is forbidden (403), and in newer engines a conflict.
        with self._asking(NOT_THERE, _CONFLICT, 403):
            await aiodocker.networks.DockerNetwork(self._docker(), network).connect(  # type: ignore[no-untyped-call]
                endpoint
            )

    async def leave(self, network: str, container: str) -> None:
        """Does nothing where it is not joined."""
        with self._asking(NOT_THERE, _CONFLICT, 403):
            await aiodocker.networks.DockerNetwork(self._docker(), network).disconnect(  # type: ignore[no-untyped-call]
                {"Container": container, "Force": True}
            )

    # Volumes

    async def unused_volumes(self, labels: Sequence[str]) -> list[str]:
        """Names of those with these labels that no container has, ended containers included."""
        filters = {"label": list(labels), "dangling": ["true"]}
        with self._asking():
            found = await self._docker().volumes.list(filters=filters)  # type: ignore[no-untyped-call]
        return [str(volume["Name"]) for volume in found.get("Volumes") or ()]

    async def delete_volume(self, name: str) -> None:
        """Does nothing where there is none, or a container has it."""
        with self._asking(NOT_THERE, _CONFLICT):
            await aiodocker.volumes.DockerVolume(self._docker(), name).delete()  # type: ignore[no-untyped-call]

    # Images

    async def has_image(self, image: str) -> bool:
        with self._asking():
            try:
                await self._docker().images.inspect(image)
            except aiodocker.DockerError as error:
                if error.status == NOT_THERE:
                    return False
                raise
            return True

    async def pull(self, image: str, auth: Mapping[str, str] | None = None) -> AsyncIterator[dict[str, Any]]:
        """The engine's messages on its progress. Raises EngineRefused."""
        with self._asking():
            async for message in self._docker().images.pull(image, auth=dict(auth) if auth else None, stream=True):
                yield message

    def _docker(self) -> aiodocker.Docker:
        if self._client is None:
            timeout = aiohttp.ClientTimeout(total=_ANSWER_WITHIN)
            if not self.host:
                raise EngineAway(
                    "There is no Docker engine: /var/run/docker.sock does not exist. Start Docker, or say where it is: "
                    "c.ZoeDocker.host = 'unix:///…'."
                )
            if self.host.startswith(_UNIX):
                # Everybody who follows a log holds a connection: by default there would be a hundred at most.
                connector = aiohttp.UnixConnector(self.host.removeprefix(_UNIX), limit=0)
                self._client = aiodocker.Docker(f"{_UNIX}localhost", connector=connector, timeout=timeout)
            else:
                self._client = aiodocker.Docker(self.host, timeout=timeout)
        return self._client

    @contextmanager
    def _asking(self, *ignored: int) -> Iterator[None]:
        """Turns what the client raises into sentences; answers with an `ignored` status are none."""
        try:
            yield
        except aiodocker.DockerError as error:
            if error.status == _UNREACHABLE:
                raise EngineAway(self._away()) from error
            if error.status not in ignored:
                raise EngineRefused(f"Docker says: {error.message.strip()}", error.status) from error
        except (
            aiohttp.ClientError,
            asyncio.TimeoutError,
            TimeoutError,
            ConnectionError,
            json.JSONDecodeError,
        ) as error:
            # An engine that is killed may break off in the middle of a word.
            raise EngineAway(self._away()) from error

    def _away(self) -> str:
        return f"The Docker engine at {self.host} does not answer."
