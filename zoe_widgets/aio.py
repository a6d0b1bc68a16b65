"""What users await: the same as in `api`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .adapting import adapt, stop_adapting
from .attaching import attach, swap
from .calls import Base, Shown, run_async
from .quotas import Quota
from .scaling import scale
from .show import Executions, LogText, Shop


class AsyncCluster(Shown):
    """`Cluster`, to be awaited."""

    async def scale(self, number: int, *, wait: bool = True, timeout: float | None = None) -> AsyncCluster:
        """See `Cluster.scale`."""
        await run_async(lambda caller: scale(self._core, caller, self._attached, number, wait, timeout))
        return self

    async def adapt(self, minimum: int, maximum: int, *, hold: int | float | str | None = None) -> AsyncCluster:
        """See `Cluster.adapt`."""
        await run_async(lambda _: adapt(self._core.client, self._attached, minimum, maximum, hold))
        return self

    async def stop_adapting(self) -> AsyncCluster:
        """See `Cluster.stop_adapting`."""
        await run_async(lambda _: stop_adapting(self._core.client, self._attached))
        return self

    async def swap(
        self,
        zapp: str | None = None,
        /,
        *,
        name: str | None = None,
        timeout: float | None = None,
        adapt: bool = False,
        parameters: Mapping[str, Any] | None = None,
        **values: Any,
    ) -> AsyncCluster:
        """See `Cluster.swap`."""
        given = {**(parameters or {}), **values}
        new = await run_async(
            lambda caller: swap(self._core, caller, self._attached, zapp, name, given, timeout, adapt=adapt)
        )
        return AsyncCluster(self._core, new)

    async def keep(self, span: int | float | str) -> AsyncCluster:
        """See `Cluster.keep`."""
        await run_async(lambda _: self._core.keep(self._attached, span))
        return self

    async def detach(self) -> None:
        """See `Cluster.detach`."""
        await run_async(lambda caller: self._core.detach(caller, self._attached))

    async def terminate(self) -> None:
        """See `Cluster.terminate`."""
        await run_async(lambda caller: self._core.terminate(caller, self._attached))

    async def refresh(self) -> AsyncCluster:
        """See `Cluster.refresh`."""
        await run_async(lambda _: self._core.refresh(self._attached))
        return self

    async def logs(self, process: str | None = None, ordinal: int | None = None, *, tail: int | None = 100) -> LogText:
        """See `Cluster.logs`."""
        return LogText(await run_async(lambda _: self._core.read_logs(self.id, process, ordinal, tail)))

    async def __aenter__(self) -> AsyncCluster:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.terminate()


class AsyncZoe(Base):
    """`Zoe`, to be awaited."""

    async def attach(
        self,
        zapp: str,
        /,
        *,
        name: str | None = None,
        timeout: float | None = None,
        outlive: bool = False,
        lifetime: Mapping[str, int | float | str] | None = None,
        expected: int | float | str | None = None,
        parameters: Mapping[str, Any] | None = None,
        **values: Any,
    ) -> AsyncCluster:
        """See `Zoe.attach`."""
        given = {**(parameters or {}), **values}
        made = await run_async(
            lambda caller: attach(
                self._core, caller, zapp, name, given, timeout, outlive=outlive, lifetime=lifetime, expected=expected
            )
        )
        return AsyncCluster(self._core, made)

    async def connect(self, name: str, *, timeout: float | None = None, outlive: bool | None = None) -> AsyncCluster:
        """See `Zoe.connect`."""
        made = await run_async(lambda caller: self._core.connect(caller, name, timeout, outlive=outlive))
        return AsyncCluster(self._core, made)

    @property
    def attachments(self) -> list[AsyncCluster]:
        """What is attached to this notebook."""
        return [AsyncCluster(self._core, attached) for attached in self._core.attachments]

    async def executions(self, *, live: bool | None = True) -> Executions:
        """See `Zoe.executions`."""
        return Executions(await run_async(lambda _: self._core.executions(live)))

    async def shop(self) -> Shop:
        """See `Zoe.shop`."""
        return Shop(await run_async(lambda _: self._core.shop()))

    async def quota(self) -> Quota:
        """See `Zoe.quota`."""
        return Quota(await run_async(lambda _: self._core.client.quota()))

    async def logs(
        self, name: str, process: str | None = None, ordinal: int | None = None, *, tail: int | None = 100
    ) -> LogText:
        """See `Zoe.logs`."""
        return LogText(await run_async(lambda _: self._core.read_logs(name, process, ordinal, tail)))
