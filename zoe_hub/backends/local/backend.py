"""The machine that this service runs on, as an engine."""

from __future__ import annotations

import asyncio
import fcntl
import os
import platform
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from weakref import WeakValueDictionary

from ...model.errors import LaunchFailed, UnknownName
from ...model.execution import InstanceStatus
from ...model.resources import Node
from ..base import Backend, Order
from ..subscriptions import Subscriptions
from .capacity import capacity
from .files import Layout, make_folder
from .instance import Machine
from .output import read
from .process import OrderedProcess
from .settings import LocalSettings

_LOCK_WITHIN = 5.0
"""Seconds that an earlier service has to let go of the folder."""


class LocalBackend(Backend):
    """Runs each instance as a process group of its own, which outlives the service."""

    def __init__(self, settings: LocalSettings) -> None:
        self._settings = settings
        self._layout = Layout(settings.folder)
        self._machine = Machine(settings)
        self._subscriptions = Subscriptions()
        self._executions: dict[str, dict[str, OrderedProcess]] = {}
        self._busy: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._lock: int | None = None

    async def open(self) -> None:
        """Adopt what runs. Raises LaunchFailed while another service uses the folder."""
        make_folder(self._settings.folder)
        self._settings.folder.chmod(0o700)
        self._lock = await self._take_lock()
        adopted = []
        for execution in self._layout.executions():
            orders = {order.template.key: order for order in self._layout.load_orders(execution)}
            for key in orders:
                self._process(execution, key)
            for key, ordinal in self._layout.instances(execution):
                self._process(execution, key).restore(ordinal)
            processes = self._executions.get(execution, {})
            adopted += [process.adopt(orders.get(key)) for key, process in processes.items()]
        await asyncio.gather(*adopted)

    async def close(self) -> None:
        processes = [process for execution in self._executions.values() for process in execution.values()]
        await asyncio.gather(*(process.close() for process in processes))
        self._executions.clear()
        self._subscriptions.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def apply(self, order: Order) -> None:
        """Raises InvalidRequest for an identifier that cannot be. What else is wrong, the instances say."""
        async with self._alone(order.execution):
            self._process(order.execution, order.template.key).apply(order)

    async def remove(self, execution: str) -> None:
        async with self._alone(execution):
            folder = self._layout.execution(execution)
            processes = self._executions.get(execution, {})
            if folder.is_dir():
                self._layout.drop_orders(execution)
            await asyncio.gather(*(process.remove() for process in processes.values()))
            self._executions.pop(execution, None)
            await asyncio.to_thread(_delete, folder)

    async def forget(self, execution: str) -> None:
        await asyncio.to_thread(_delete, self._layout.logs(execution))

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
        return [Node(name=platform.node() or "localhost", capacity=capacity(self._settings))]

    async def logs(
        self, execution: str, process: str, ordinal: int, *, follow: bool = False, tail: int | None = None
    ) -> AsyncIterator[bytes]:
        path = self._layout.instance(execution, process, ordinal).log

        def status() -> InstanceStatus | None:
            known = self._executions.get(execution, {}).get(process)
            return known.status(ordinal) if known else None

        def ended() -> bool:
            now = status()
            return now is None or now.state.ended

        if status() is None and not path.exists():
            raise UnknownName("instance", f"{execution}/{process}/{ordinal}")
        async for chunk in read(path, tail=tail, follow=follow, ended=ended):
            yield chunk

    def describe(self) -> Mapping[str, object]:
        settings = self._settings
        return {
            "engine": "local",
            "folder": str(settings.folder),
            "host": settings.host,
            "python": settings.python,
            "cpus": settings.cpus,
            "memory": settings.memory,
            "cpu_overcommit": settings.cpu_overcommit,
        }

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
            processes[key] = OrderedProcess(self._machine, self._layout, execution, key, self._subscriptions.publish)
        return processes[key]

    async def _take_lock(self) -> int:
        loop = asyncio.get_running_loop()
        give_up = loop.time() + _LOCK_WITHIN
        descriptor = os.open(self._layout.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if loop.time() >= give_up:
                    os.close(descriptor)
                    raise LaunchFailed(
                        f"{self._settings.folder} is in use by another Zoe service; "
                        "stop that one, or give this one another folder"
                    ) from None
                await asyncio.sleep(0.05)
            else:
                return descriptor


def _delete(folder: Path) -> None:
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)
