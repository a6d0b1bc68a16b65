"""The engine that manages a swarm, seen as one engine: a service of one task stands for a container."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import aiodocker
import aiohttp
from aiodocker.multiplexed import multiplexed_result_stream

from ...model.errors import LaunchFailed
from ..docker.endings import Seen
from ..docker.engine import NOT_THERE, Engine, EngineRefused
from ..docker.names import EXECUTION, INSTALLATION, INSTANCE, ROLE, network_name
from .tasks import Task, read, read_task

_LOOK_AGAIN = 0.2
"""Seconds between two looks for tasks of a service that was deleted."""
_QUIET = 0.5
"""Seconds without a word after which a task whose log is followed is looked at."""
_CREATED = "created"
"""Of what was made and has no service: whoever made it did not come to start it."""


class SwarmEngine(Engine):
    """As `Engine`, where the name of a run is that of its service and of its secret.

    Users' servers and the service's own container are containers of the engine that manages the swarm.
    """

    def __init__(self, host: str = "") -> None:
        super().__init__(host)
        self._tasks: dict[str, Task] = {}
        """Of each run, as it was when somebody looked last."""

    def task(self, name: str) -> Task | None:
        """What was seen of a run last; None where nobody has looked yet."""
        return self._tasks.get(name)

    async def is_manager(self) -> bool:
        swarm = (await self.info()).get("Swarm") or {}
        return bool(swarm.get("ControlAvailable"))

    # Machines

    async def machines(self) -> dict[str, dict[str, Any]]:
        """By their identifiers."""
        return {str(node["ID"]): node for node in await self._list("nodes")}

    async def tasks(self, labels: Sequence[str] = ()) -> list[dict[str, Any]]:
        """Of services with these labels; of all services without."""
        return await self._list("tasks", labels)

    async def content_of(self, image: str) -> str | None:
        """By what all machines mean the same image: the digest under which a registry has it, else its identifier.

        None where the manager has not got it.
        """
        with self._asking():
            try:
                shown = await self._docker().images.inspect(image)
            except aiodocker.DockerError as error:
                if error.status == NOT_THERE:
                    return None
                raise
        digests = shown.get("RepoDigests") or []
        return str(digests[0] if digests else shown["Id"])

    # Runs, in place of containers

    async def containers(self, labels: Sequence[str]) -> list[dict[str, Any]]:
        found = [one for one in await super().containers(labels) if (one.get("Labels") or {}).get(ROLE) != INSTANCE]
        services, secrets = await self._list("services", labels), await self._list("secrets", labels)
        if services or secrets:
            await self._look(await self.tasks(labels), services)
        names = {str(service["Spec"]["Name"]) for service in services}
        for each in [*services, *(secret for secret in secrets if secret["Spec"]["Name"] not in names)]:
            name, task = str(each["Spec"]["Name"]), self._tasks.get(str(each["Spec"]["Name"]))
            state = task.seen.state if task is not None and name in names else _CREATED
            found.append(
                {"Id": name, "Names": [f"/{name}"], "Labels": each["Spec"].get("Labels") or {}, "State": state}
            )
        return found

    async def inspect(self, container: str) -> dict[str, Any] | None:
        service = await self._one("services", container)
        return service if service is not None else await super().inspect(container)

    async def show(self, container: str) -> Seen | None:
        service = await self._one("services", container)
        if service is None:
            self._tasks.pop(container, None)
            return None if await self._one("secrets", container) is None else Seen(container, _CREATED)
        await self._look(await self._list("tasks", service=container), [service])
        return self._tasks[container].seen

    async def _look(self, tasks: Sequence[Mapping[str, Any]], services: Sequence[Mapping[str, Any]]) -> None:
        nodes = await self.machines()
        of: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for task in tasks:
            of[str(task.get("ServiceID"))].append(task)
        for service in services:
            name, labels = str(service["Spec"]["Name"]), service["Spec"].get("Labels") or {}
            network = network_name(labels.get(INSTALLATION, ""), labels.get(EXECUTION, ""))
            before = self._tasks[name].id if name in self._tasks else ""
            self._tasks[name] = read(name, of[str(service["ID"])], nodes, network, before)

    async def create_secret(self, name: str, content: bytes, labels: Mapping[str, str]) -> str:
        """Its identifier. Raises EngineRefused."""
        data = {"Name": name, "Labels": dict(labels), "Data": base64.b64encode(content).decode()}
        return str((await self._post("secrets/create", data))["ID"])

    async def create_service(self, config: Mapping[str, Any], auth: Mapping[str, str] | None = None) -> None:
        """`auth` is for the image's registry: the machines bring the image with it. Raises EngineRefused."""
        headers = {}
        if auth:
            headers["X-Registry-Auth"] = base64.urlsafe_b64encode(json.dumps(dict(auth)).encode()).decode()
        await self._post("services/create", config, headers)

    async def remove(self, container: str) -> None:
        """Delete the service, wait until its task is gone from all machines that answer, and delete its secret."""
        service = await self._one("services", container)
        if service is not None:
            await self._delete(f"services/{service['ID']}")
            await self._until_gone(str(service["ID"]), service["Spec"].get("Labels") or {})
        await self._delete(f"secrets/{container}")
        self._tasks.pop(container, None)

    async def _until_gone(self, service: str, labels: Mapping[str, str]) -> None:
        while await self._goes_on(service, labels):  # noqa: ASYNC110 (a swarm has no events of tasks)
            await asyncio.sleep(_LOOK_AGAIN)

    async def _goes_on(self, service: str, labels: Mapping[str, str]) -> bool:
        nodes = await self.machines()
        for task in await self.tasks([f"{name}={value}" for name, value in labels.items()]):
            there = str(task.get("ServiceID")) == service and task.get("NodeID")
            if there and not read_task("", task, nodes, "").seen.over:
                return True
        return False

    async def log(self, container: str, *, follow: bool = False, tail: int | None = None) -> AsyncIterator[bytes]:
        await self.show(container)
        task = self._tasks.get(container)
        if task is None or task.lost:
            raise EngineRefused(
                f"It was on {task.machine}, which does not answer." if task else "It is gone.", NOT_THERE
            )
        if not follow and not task.seen.over and task.seen.state != "running":
            return
        goes_on = follow and not task.seen.over
        params = {
            "stdout": "1",
            "stderr": "1",
            "follow": str(int(goes_on)),
            "tail": "all" if tail is None else str(tail),
        }
        with self._asking():
            timeout = aiohttp.ClientTimeout(total=None)
            async with self._docker()._query(f"services/{container}/logs", params=params, timeout=timeout) as response:
                texts = multiplexed_result_stream(response, is_tty=False)  # type: ignore[no-untyped-call]
                async for text in self._until_over(container, texts) if goes_on else texts:
                    yield text.encode()

    async def _until_over(self, container: str, texts: AsyncIterator[str]) -> AsyncIterator[str]:
        """A swarm lets who follows a log wait for ever: the service could be given another task."""
        over = False
        coming = asyncio.ensure_future(anext(texts, None))
        try:
            while True:
                await asyncio.wait({coming}, timeout=_QUIET)
                if coming.done():
                    if (text := coming.result()) is None:
                        return
                    yield text
                    coming = asyncio.ensure_future(anext(texts, None))
                elif over:
                    return
                else:
                    seen = await self.show(container)
                    over = seen is None or seen.over
        finally:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)

    # The API itself

    async def _list(self, what: str, labels: Sequence[str] = (), service: str = "") -> list[dict[str, Any]]:
        filters: dict[str, list[str]] = {}
        if labels:
            filters["label"] = list(labels)
        if service:
            filters["service"] = [service]
        with self._asking():
            found: list[dict[str, Any]] | None = await self._docker()._query_json(
                what, params={"filters": json.dumps(filters)} if filters else None
            )
            return found or []

    async def _one(self, what: str, name: str) -> dict[str, Any] | None:
        with self._asking():
            try:
                found: dict[str, Any] = await self._docker()._query_json(f"{what}/{name}")
                return found
            except aiodocker.DockerError as error:
                if error.status == NOT_THERE:
                    return None
                raise

    async def _post(
        self, path: str, data: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        with self._asking():
            made: dict[str, Any] = await self._docker()._query_json(
                path,
                method="POST",
                data=json.dumps(data),
                headers={"Content-Type": "application/json", **(headers or {})},
            )
            return made

    async def _delete(self, path: str) -> None:
        with self._asking(NOT_THERE):
            async with self._docker()._query(path, method="DELETE"):
                pass


class NoSwarm(LaunchFailed):
    """Raised when the engine manages no swarm."""
