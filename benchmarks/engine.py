"""An engine that does nothing at once: what is measured on it is Zoe alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timezone

from zoe_hub.backends.base import Backend, Order
from zoe_hub.backends.subscriptions import Subscriptions
from zoe_hub.model.errors import UnknownName
from zoe_hub.model.execution import InstanceState, InstanceStatus
from zoe_hub.model.resources import Node, Resources

PLENTY = Resources(cpu=1e6, memory=2**50)


class DoNothingEngine(Backend):
    """Instances are ready as soon as they are ordered; with `ends`, they have then done their work."""

    def __init__(self, *, ends: bool) -> None:
        self._ends = ends
        self._instances: dict[str, dict[tuple[str, int], InstanceStatus]] = {}
        self._subscriptions = Subscriptions()

    async def open(self, fence: int = 0) -> None:
        """There is nothing to adopt."""

    async def close(self) -> None:
        self._subscriptions.close()

    async def apply(self, order: Order) -> None:
        process = order.template.key
        known = self._instances.setdefault(order.execution, {})
        for ordinal in range(order.replicas):
            if (process, ordinal) in known:
                continue
            status = InstanceStatus(
                execution=order.execution,
                process=process,
                ordinal=ordinal,
                state=InstanceState.PENDING,
                host="127.0.0.1",
                started=datetime.now(timezone.utc),
            )
            self._report(status)
            self._report(status.model_copy(update={"state": InstanceState.STARTING}))
            self._report(status.model_copy(update={"state": InstanceState.READY}))
            if self._ends:
                self._report(status.model_copy(update={"state": InstanceState.STOPPED, "exit_code": 0}))
        for (key, ordinal), status in list(known.items()):
            if key == process and ordinal >= order.replicas and not status.state.ended:
                self._report(status.model_copy(update={"state": InstanceState.STOPPED}))

    def _report(self, status: InstanceStatus) -> None:
        self._instances[status.execution][status.process, status.ordinal] = status
        self._subscriptions.publish(status)

    async def remove(self, execution: str) -> None:
        self._instances.pop(execution, None)

    async def forget(self, execution: str) -> None:
        """Nothing was kept."""

    async def instances(self) -> Sequence[InstanceStatus]:
        return [status for known in self._instances.values() for status in known.values()]

    def watch(self) -> AsyncIterator[InstanceStatus]:
        return self._subscriptions.add()

    async def nodes(self) -> Sequence[Node]:
        return [Node(name="nowhere", capacity=PLENTY)]

    async def logs(
        self, execution: str, process: str, ordinal: int, *, follow: bool = False, tail: int | None = None
    ) -> AsyncIterator[bytes]:
        raise UnknownName("instance", f"{execution}/{process}/{ordinal}")
        yield b""

    def describe(self) -> Mapping[str, object]:
        return {"engine": "none"}
