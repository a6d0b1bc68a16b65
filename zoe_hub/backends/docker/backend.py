"""A Docker engine as an engine of Zoe's: containers on one machine."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from weakref import WeakValueDictionary

from ...model.errors import InvalidRequest, LaunchFailed
from ...model.execution import InstanceStatus
from ...model.resources import Node, Resources
from ..base import Backend, Order
from ..files import Layout, make_folder
from ..ordered import OrderedProcess
from ..subscriptions import Subscriptions
from ..terms import Term
from ..tidy import delete
from .devices import Devices
from .engine import Engine, EngineAway, EngineRefused
from .guard import Guard
from .images import Images
from .instance import DockerInstance, Host
from .logs import LogReader
from .names import EXECUTION, INSTALLATION, INSTANCE, OWNER, ROLE, SCRATCH, SERVER, RunKey, make_installation
from .networks import Networks
from .settings import DockerSettings
from .watch import Watch

log = logging.getLogger(__name__)


class DockerBackend(Backend):
    """Runs each instance as a container, each execution in a network of its own.

    Who may write into the folder may order: a service whose term is over is refused by its own checks before each step,
    and what it started between a check and a step has the name of a run that its successor knows.
    """

    node_kept = 30.0
    """Seconds for which what the engine says of its machines is believed: it counts all that it has when asked."""

    def __init__(self, settings: DockerSettings, engine: Engine | None = None) -> None:
        self._settings = settings
        self._engine = engine or Engine(settings.host)
        self._reader = LogReader(self._engine, settings.folder)
        self._subscriptions = Subscriptions()
        self._executions: dict[str, dict[str, OrderedProcess]] = {}
        self._busy: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._watching: list[asyncio.Task[None]] = []
        self._host: Host | None = None
        self._nodes: list[Node] | None = None
        self._asked = 0.0
        self._adopted = False
        self._unknown: set[str] = set()
        """Containers that nobody knew when they were listed last."""
        self._term = Term(settings.folder, 0)
        self._layout = Layout(settings.folder, self._term.way)

    async def open(self, fence: int = 0) -> None:
        """Wait for the engine, and adopt what runs.

        Raises LaunchFailed while another service of the same number uses the folder.
        """
        settings = self._settings
        make_folder(settings.folder)
        settings.folder.chmod(0o700)
        self._term = Term(settings.folder, fence)
        self._layout = Layout(settings.folder, self._term.way)
        await self._term.begin_patiently()
        installation = make_installation(settings.folder)
        await self._until_reachable()
        self._host = host = self._make_host(installation)
        for work in (host.watch, host.guard):
            if work is not None:
                self._watching.append(asyncio.create_task(work.run()))
                self._watching[-1].add_done_callback(_on_watch_done)
        await self._engine.surely(host.networks.join_service)
        await self._adopt(host)
        self._adopted = True

    def _make_host(self, installation: str) -> Host:
        settings, images = self._settings, Images(self._engine, self._settings)
        guard = Guard(self._engine, images, installation, settings) if settings.network_guard == "zoe" else None
        return Host(
            settings=settings,
            installation=installation,
            term=self._term,
            engine=self._engine,
            images=images,
            networks=Networks(self._engine, installation, settings),
            guard=guard,
            devices=Devices(settings.gpus),
            watch=Watch(
                self._engine,
                installation,
                settings.resync,
                self._on_listed,
                self._on_started,
                guard.doubt if guard is not None else lambda: None,
            ),
        )

    async def _adopt(self, host: Host) -> None:
        found: set[tuple[str, str, int]] = set()
        labels = [f"{INSTALLATION}={host.installation}", f"{ROLE}={INSTANCE}"]
        for container in await self._engine.surely(lambda: self._engine.containers(labels)):
            key = RunKey.of(container.get("Labels") or {})
            if key is not None:
                instance = (key.execution, key.process, key.ordinal)
                host.found[instance] = max(key.run, host.found.get(instance, 0))
                found.add(instance)
        adopted = []
        orders = {}
        for execution in self._layout.executions():
            orders.update({(execution, order.template.key): order for order in self._layout.load_orders(execution)})
            found.update((execution, *instance) for instance in self._layout.instances(execution))
        for execution, name in {*orders, *((execution, name) for execution, name, _ in found)}:
            with suppress(InvalidRequest):
                self._process(execution, name)
        for execution, name, ordinal in sorted(found):
            if name in self._executions.get(execution, {}):
                self._executions[execution][name].restore(ordinal)
        for execution, processes in self._executions.items():
            adopted += [process.adopt(orders.get((execution, name))) for name, process in processes.items()]
        await asyncio.gather(*adopted)
        for container in await self._engine.surely(lambda: self._engine.containers(labels)):
            key = RunKey.of(container.get("Labels") or {})
            if key is not None and not self._is_known(key):
                # Its end was written down, and then there was no time to delete it.
                await self._engine.surely(functools.partial(self._engine.remove, str(container["Id"])))

    async def close(self) -> None:
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)
        self._watching.clear()
        processes = [process for execution in self._executions.values() for process in execution.values()]
        await asyncio.gather(*(process.close() for process in processes))
        if self._host is not None:
            await self._host.images.close()
            if self._host.guard is not None:
                await self._host.guard.close()
        self._executions.clear()
        self._subscriptions.close()
        self._term.end()
        await self._engine.close()

    async def apply(self, order: Order) -> None:
        """Raises InvalidRequest for an identifier that cannot be. What else is wrong, the instances say."""
        async with self._alone(order.execution):
            self._term.check()
            self._process(order.execution, order.template.key).apply(order)

    async def remove(self, execution: str) -> None:
        """Raises LaunchFailed while the engine does not answer: it is to be called again then."""
        async with self._alone(execution):
            folder = self._layout.execution(execution)
            self._term.check()
            host = self._opened()
            processes = self._executions.get(execution, {})
            if folder.is_dir():
                self._layout.drop_orders(execution)
            await asyncio.gather(*(process.remove() for process in processes.values()))
            self._executions.pop(execution, None)
            self._term.check()
            labels = [f"{INSTALLATION}={host.installation}", f"{ROLE}={INSTANCE}", f"{EXECUTION}={execution}"]
            for container in await self._engine.containers(labels):
                await self._engine.remove(str(container["Id"]))
            await self._tidy_volumes(f"{EXECUTION}={execution}")
            await host.networks.remove(execution)
            await delete(folder, self._term)

    async def forget(self, execution: str) -> None:
        await delete(self._layout.logs(execution), self._term)

    async def instances(self) -> Sequence[InstanceStatus]:
        return [
            status
            for processes in self._executions.values()
            for process in processes.values()
            for status in process.statuses()
        ]

    def watch(self) -> AsyncIterator[InstanceStatus]:
        return self._subscriptions.add()

    async def nodes(self) -> Sequence[Node]:
        """As it was a while ago. Raises LaunchFailed where the engine has not answered yet."""
        now = asyncio.get_running_loop().time()
        if self._nodes is None or now - self._asked > self.node_kept:
            try:
                self._nodes = await self._ask_nodes()
                self._asked = now
            except EngineAway:
                # Nothing is taken from anybody because the engine is being started again.
                if self._nodes is None:
                    raise
        return self._nodes

    async def _ask_nodes(self) -> list[Node]:
        settings = self._settings
        info = await self._engine.info()
        cpus = settings.cpus if settings.cpus is not None else float(info["NCPU"]) * settings.cpu_overcommit
        memory = settings.memory if settings.memory is not None else int(info["MemTotal"])
        capacity = Resources(cpu=cpus, memory=memory, gpu=len(settings.gpus))
        return [Node(name=str(info.get("Name") or "docker"), capacity=capacity)]

    async def logs(
        self, execution: str, process: str, ordinal: int, *, follow: bool = False, tail: int | None = None
    ) -> AsyncIterator[bytes]:
        async for chunk in self._reader.read(execution, process, ordinal, follow=follow, tail=tail):
            yield chunk

    def describe(self) -> Mapping[str, object]:
        settings = self._settings
        return {
            "engine": "docker",
            "host": self._engine.host,
            "folder": str(settings.folder),
            "user": settings.user,
            "subnets": settings.subnets,
            "pull_policy": settings.pull_policy,
            "network_guard": settings.network_guard,
            "allowed_images": list(settings.allowed_images),
            "mounts": [mount.target for mount in settings.mounts],
            "cpus": settings.cpus,
            "memory": settings.memory,
            "gpus": len(settings.gpus),
        }

    def trouble(self) -> str:
        guard = self._host.guard if self._host is not None else None
        return guard.trouble if guard is not None else ""

    async def _on_listed(self, found: Sequence[tuple[RunKey, str]]) -> None:
        """Delete what nobody knows: a service that lost its term may have started it, or an answer was lost."""
        if not self._adopted:
            return
        before, self._unknown = self._unknown, {container for key, container in found if not self._is_known(key)}
        for key, container in found:
            # Twice, as what ended since it was listed is just being deleted.
            if container in self._unknown & before and self._term.holds():
                log.warning("The container %s of run %d of %s/%s/%d is of no use to anybody and is removed",
                            container[:12], key.run, key.execution, key.process, key.ordinal)  # fmt: skip
                try:
                    await self._engine.remove(container)
                except EngineRefused as error:
                    log.warning("It could not be removed: %s", error)

        await self._tidy_volumes()

    async def _tidy_volumes(self, *labels: str) -> None:
        """Delete what containers had to themselves that were removed without it: by somebody, or by half."""
        mine = [f"{INSTALLATION}={self._opened().installation}", f"{ROLE}={SCRATCH}", *labels]
        for volume in await self._engine.unused_volumes(mine):
            if self._term.holds():
                await self._engine.delete_volume(volume)

    def _is_known(self, key: RunKey) -> bool:
        process = self._executions.get(key.execution, {}).get(key.process)
        if process is None:
            # It is being removed, or an order for it is just coming.
            return key.execution in self._busy
        instance = process.instance(key.ordinal)
        return isinstance(instance, DockerInstance) and instance.is_of_use(key)

    async def _on_started(self, labels: Mapping[str, str], container: str) -> None:
        """A user's server has started: its kernels must reach that user's clusters."""
        if labels.get(ROLE) == SERVER and (owner := labels.get(OWNER)) and self._term.holds():
            await self._opened().networks.join_owner(container, owner)

    async def _until_reachable(self) -> None:
        try:
            await self._engine.info()
        except EngineAway as error:
            log.warning("%s Zoe waits for it.", error)
            await self._engine.surely(self._engine.info)

    def _opened(self) -> Host:
        if self._host is None:
            raise LaunchFailed("the engine was not opened by this service")
        return self._host

    def _alone(self, execution: str) -> asyncio.Lock:
        """Orders and removals of one execution wait for each other."""
        lock = self._busy.get(execution)
        if lock is None:
            lock = self._busy[execution] = asyncio.Lock()
        return lock

    def _process(self, execution: str, key: str) -> OrderedProcess:
        self._layout.instance(execution, key, 0)
        processes = self._executions.setdefault(execution, {})
        if key not in processes:
            processes[key] = OrderedProcess(self._opened(), self._layout, execution, key, self._subscriptions.publish)
        return processes[key]


def _on_watch_done(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("Docker's containers are not watched any more", exc_info=error)
