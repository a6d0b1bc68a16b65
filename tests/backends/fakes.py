"""Back ends in memory, named by how they behave. They start nothing.

`InstantBackend`      every instance is READY at once
`SlowToStartBackend`  instances stay STARTING until the test calls `release`
`SlowToDrainBackend`  what is not wanted any more stays DRAINING until the test calls `let_go`
`FailingBackend`      instances of the named processes (default: all) are FAILED at once

Tests read `applied` and `removed`, and make things happen with `report`, `kill` and `give_up`.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from zoe_hub.backends.base import Backend, Order
from zoe_hub.backends.subscriptions import Subscriptions
from zoe_hub.model.errors import UnknownName
from zoe_hub.model.execution import InstanceState, InstanceStatus
from zoe_hub.model.resources import Node, Resources

Key = tuple[str, str, int]
DEFAULT_CAPACITY = Resources(cpu=16, memory=64 * 2**30)


class InstantBackend(Backend):
    """Every instance is ready as soon as it is ordered, and gone as soon as it is not."""

    def __init__(self, capacity: Resources = DEFAULT_CAPACITY, *, host: str = "127.0.0.1") -> None:
        self.capacity = capacity
        self.host = host
        self.applied: list[Order] = []
        """Every order, in the order of the calls, repetitions included."""
        self.removed: list[str] = []
        """The execution of every call of `remove`."""
        self.output: dict[Key, bytes] = {}
        """What `logs` gives; a test may put anything in."""
        self._orders: dict[tuple[str, str], Order] = {}
        self._instances: dict[Key, InstanceStatus] = {}
        self._dropped: set[Key] = set()
        self.ports: dict[str, int] = {}
        """Numbers of ports by name, where a test has something that listens there."""
        self._numbers = itertools.count(40_000)
        self._subscriptions = Subscriptions()

    # What a test may do

    def report(self, execution: str, process: str, ordinal: int, state: InstanceState, **fields: Any) -> None:
        """Let an instance be in this state from now on."""
        key = (execution, process, ordinal)
        before = self._instances.get(key) or InstanceStatus(
            execution=execution, process=process, ordinal=ordinal, state=InstanceState.PENDING
        )
        status = before.model_copy(update={"state": state, "message": "", **fields})
        self._instances[key] = status
        self._subscriptions.publish(status)

    def kill(self, execution: str, process: str, ordinal: int, *, exit_code: int = -9) -> None:
        """Let an instance die; it is restarted and then behaves as it did at its first start."""
        restarts = self._instances[execution, process, ordinal].restarts + 1
        self.report(execution, process, ordinal, InstanceState.RESTARTING, exit_code=exit_code, message="it was killed")
        self.report(execution, process, ordinal, InstanceState.STARTING, restarts=restarts)
        self.on_started(self._orders[execution, process], ordinal)

    def give_up(
        self, execution: str, process: str, ordinal: int, *, exit_code: int = 1, message: str = "broken"
    ) -> None:
        """Let an instance fail for good."""
        self.report(execution, process, ordinal, InstanceState.FAILED, exit_code=exit_code, message=message)

    def finish(self, execution: str, process: str, ordinal: int, *, exit_code: int = 0) -> None:
        """Let an instance end by itself, and not be restarted."""
        state = InstanceState.STOPPED if exit_code == 0 else InstanceState.FAILED
        self.report(execution, process, ordinal, state, exit_code=exit_code)

    def state(self, execution: str, process: str, ordinal: int) -> InstanceState | None:
        """The state of an instance; None when there is none."""
        status = self._instances.get((execution, process, ordinal))
        return status.state if status else None

    # How it behaves: for subclasses

    def on_started(self, order: Order, ordinal: int) -> None:
        """An instance is STARTING; say what comes next."""
        self.report(order.execution, order.template.key, ordinal, InstanceState.READY)

    def on_draining(self, key: Key) -> None:
        """An instance is not ordered any more and DRAINING; say what comes next."""
        self.report(*key, InstanceState.STOPPED)

    # The interface

    async def open(self, fence: int = 0) -> None:
        pass

    async def close(self) -> None:
        self._subscriptions.close()

    async def apply(self, order: Order) -> None:
        self.applied.append(order)
        process = order.template.key
        self._orders[order.execution, process] = order
        for ordinal in range(order.replicas):
            key = (order.execution, process, ordinal)
            if key not in self._instances or key in self._dropped:
                self._dropped.discard(key)
                self._instances.pop(key, None)
                ports = {port.name: self.ports.get(port.name) or next(self._numbers) for port in order.template.ports}
                started = datetime.now(timezone.utc)
                self.output[key] = self.output.get(key, b"") + b"started\n"
                self.report(*key, InstanceState.PENDING)
                self.report(*key, InstanceState.STARTING, host=self.host, ports=ports, started=started)
                self.on_started(order, ordinal)
        for key, status in list(self._instances.items()):
            if key[:2] == (order.execution, process) and key[2] >= order.replicas:
                self._dropped.add(key)
                if not status.state.ended:
                    self.report(*key, InstanceState.DRAINING)
                    self.on_draining(key)

    async def remove(self, execution: str) -> None:
        self.removed.append(execution)
        for key, status in list(self._instances.items()):
            if key[0] == execution:
                if not status.state.ended:
                    self.report(*key, InstanceState.DRAINING)
                    self.report(*key, InstanceState.STOPPED)
                del self._instances[key]
                self._dropped.discard(key)
        for order in [order for order in self._orders if order[0] == execution]:
            del self._orders[order]

    async def forget(self, execution: str) -> None:
        for key in [key for key in self.output if key[0] == execution]:
            del self.output[key]

    async def instances(self) -> Sequence[InstanceStatus]:
        return list(self._instances.values())

    def watch(self) -> AsyncIterator[InstanceStatus]:
        return self._subscriptions.add()

    async def nodes(self) -> Sequence[Node]:
        return [Node(name="memory", capacity=self.capacity)]

    async def logs(
        self, execution: str, process: str, ordinal: int, *, follow: bool = False, tail: int | None = None
    ) -> AsyncIterator[bytes]:
        try:
            lines = self.output[execution, process, ordinal].splitlines(keepends=True)
        except KeyError:
            raise UnknownName("instance", f"{execution}/{process}/{ordinal}") from None
        for line in lines if tail is None else lines[max(0, len(lines) - tail) :]:
            yield line

    def describe(self) -> Mapping[str, object]:
        return {"engine": "memory", "behaviour": type(self).__name__}


class SlowToStartBackend(InstantBackend):
    """Instances stay STARTING until `release`; those started after it are ready at once."""

    def __init__(self, capacity: Resources = DEFAULT_CAPACITY, *, host: str = "127.0.0.1") -> None:
        super().__init__(capacity, host=host)
        self._held: dict[str | None, bool] = defaultdict(lambda: True)

    def release(self, process: str | None = None) -> None:
        """Let all instances, or those of one process, become ready."""
        self._held[process] = False
        for key, status in list(self._instances.items()):
            if status.state is InstanceState.STARTING and process in (None, key[1]):
                self.report(*key, InstanceState.READY)

    def on_started(self, order: Order, ordinal: int) -> None:
        if not (self._held[None] and self._held[order.template.key]):
            super().on_started(order, ordinal)


class SlowToDrainBackend(InstantBackend):
    """Instances are ready at once; those that are not wanted any more are DRAINING until `let_go`."""

    @property
    def draining(self) -> list[Key]:
        """Those that wait for `let_go`, the lowest first."""
        return sorted(key for key, status in self._instances.items() if status.state is InstanceState.DRAINING)

    def let_go(self, count: int | None = None) -> None:
        """Let the first so many, or all, be gone."""
        for key in self.draining[:count]:
            self.report(*key, InstanceState.STOPPED)

    def on_draining(self, key: Key) -> None:
        pass


class FailingBackend(InstantBackend):
    """Instances of the named processes fail for good at their start; the others are ready at once."""

    def __init__(self, processes: Collection[str] | None = None, capacity: Resources = DEFAULT_CAPACITY) -> None:
        super().__init__(capacity)
        self.processes = processes

    def on_started(self, order: Order, ordinal: int) -> None:
        if self.processes is None or order.template.key in self.processes:
            self.give_up(
                order.execution, order.template.key, ordinal, message="ended with status 1, five times in a row"
            )
        else:
            super().on_started(order, ordinal)
