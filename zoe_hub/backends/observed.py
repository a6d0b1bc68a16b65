"""A back end whose requests are measured, and whose log records say which execution they are about."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

from ..logs import about
from ..metrics import Metrics
from ..model.execution import InstanceStatus
from ..model.resources import Node
from .base import Backend, Order


class ObservedBackend(Backend):
    """Passes everything on to another back end."""

    def __init__(self, inner: Backend, metrics: Metrics) -> None:
        self._inner = inner
        self._metrics = metrics

    async def open(self, fence: int = 0) -> None:
        with self._metrics.engine("open"):
            await self._inner.open(fence)

    async def close(self) -> None:
        with self._metrics.engine("close"):
            await self._inner.close()

    async def apply(self, order: Order) -> None:
        with about(execution=order.execution), self._metrics.engine("apply"):
            await self._inner.apply(order)

    async def remove(self, execution: str) -> None:
        with about(execution=execution), self._metrics.engine("remove"):
            await self._inner.remove(execution)

    async def forget(self, execution: str) -> None:
        with about(execution=execution), self._metrics.engine("forget"):
            await self._inner.forget(execution)

    async def instances(self) -> Sequence[InstanceStatus]:
        with self._metrics.engine("instances"):
            return await self._inner.instances()

    def watch(self) -> AsyncIterator[InstanceStatus]:
        # Asked now, and not when the first change is waited for.
        return self._counted(self._inner.watch())

    async def _counted(self, changes: AsyncIterator[InstanceStatus]) -> AsyncIterator[InstanceStatus]:
        async for instance in changes:
            self._metrics.reported(instance)
            yield instance

    async def nodes(self) -> Sequence[Node]:
        with self._metrics.engine("nodes"):
            return await self._inner.nodes()

    def logs(
        self, execution: str, process: str, ordinal: int, *, follow: bool = False, tail: int | None = None
    ) -> AsyncIterator[bytes]:
        return self._inner.logs(execution, process, ordinal, follow=follow, tail=tail)

    def describe(self) -> Mapping[str, object]:
        return self._inner.describe()

    def trouble(self) -> str:
        return self._inner.trouble()
