"""The machine that this service runs on, as an engine."""

from __future__ import annotations

import asyncio
import logging
import platform
from collections.abc import AsyncIterator, Mapping, Sequence
from weakref import WeakValueDictionary

from ...model.errors import UnknownName
from ...model.execution import InstanceStatus
from ...model.resources import Node
from ..base import Backend, Order
from ..files import Layout, make_folder
from ..ordered import OrderedProcess
from ..output import read
from ..subscriptions import Subscriptions
from ..terms import Term
from ..tidy import delete
from ..trim import trim
from .capacity import capacity
from .instance import Machine
from .settings import LocalSettings

_TRIM_EVERY = 2.0
"""Seconds between looks at the size of logs; between two of them a program writes as much as it likes."""

log = logging.getLogger(__name__)


class LocalBackend(Backend):
    """Runs each instance as a process group of its own, which outlives the service."""

    def __init__(self, settings: LocalSettings) -> None:
        self._settings = settings
        self._subscriptions = Subscriptions()
        self._executions: dict[str, dict[str, OrderedProcess]] = {}
        self._busy: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._trimming: asyncio.Task[None] | None = None
        self._use(Term(settings.folder, 0))

    def _use(self, term: Term) -> None:
        self._term = term
        self._layout = Layout(self._settings.folder, term.way)
        self._machine = Machine(self._settings, term)

    async def open(self, fence: int = 0) -> None:
        """Adopt what runs. Raises LaunchFailed while another service of the same number uses the folder."""
        make_folder(self._settings.folder)
        self._settings.folder.chmod(0o700)
        self._use(Term(self._settings.folder, fence))
        await self._term.begin_patiently()
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
        self._trimming = asyncio.create_task(self._trim())

    async def close(self) -> None:
        if self._trimming is not None:
            self._trimming.cancel()
            await asyncio.gather(self._trimming, return_exceptions=True)
        processes = [process for execution in self._executions.values() for process in execution.values()]
        await asyncio.gather(*(process.close() for process in processes))
        self._executions.clear()
        self._subscriptions.close()
        self._term.end()

    async def apply(self, order: Order) -> None:
        """Raises InvalidRequest for an identifier that cannot be. What else is wrong, the instances say."""
        async with self._alone(order.execution):
            self._term.check()
            self._process(order.execution, order.template.key).apply(order)

    async def remove(self, execution: str) -> None:
        async with self._alone(execution):
            folder = self._layout.execution(execution)
            self._term.check()
            processes = self._executions.get(execution, {})
            if folder.is_dir():
                self._layout.drop_orders(execution)
            await asyncio.gather(*(process.remove() for process in processes.values()))
            self._executions.pop(execution, None)
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
        return [Node(name=platform.node() or "localhost", capacity=capacity(self._settings))]

    async def logs(
        self, execution: str, process: str, ordinal: int, *, follow: bool = False, tail: int | None = None
    ) -> AsyncIterator[bytes]:
        # As files tell it, because a service that does not lead knows of no instance.
        written = Layout(self._settings.folder, self._settings.folder)

        def ended() -> bool:
            return written.is_over(execution, process, ordinal) is not False

        if written.is_over(execution, process, ordinal) is None:
            raise UnknownName("instance", f"{execution}/{process}/{ordinal}")
        path = written.instance(execution, process, ordinal).log
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

    async def _trim(self) -> None:
        """Keep the logs of all instances small."""
        limit = self._settings.log_limit
        while limit:
            await asyncio.sleep(_TRIM_EVERY)
            for processes in self._executions.values():
                for process in processes.values():
                    for path in process.logs():
                        try:
                            trim(path, limit)
                        except OSError as error:
                            self._term.check()
                            log.warning("The log %s cannot be kept below %d bytes: %s", path.name, limit, error)
                            return

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
