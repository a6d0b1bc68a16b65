"""The parent class's part in a start: its own start and stop, with what the plan adds."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from inspect import isawaitable
from typing import Any, Protocol, cast

from jupyterhub.spawner import Spawner  # type: ignore[import-untyped]
from traitlets.config import Configurable

from ..client import ExecutionView, ProcessView
from . import overlay
from .progress import ProgressLog


class ZoeServer(Protocol):
    """What is needed of the spawner besides its parent class; see `ZoeMixin`."""

    zoe_environment: Any
    zoe_url: Any
    zoe_parent_pending: bool

    @property
    def zoe_server(self) -> str: ...

    def zoe_references(self, view: ExecutionView) -> dict[str, str]: ...

    def zoe_settings(self, process: ProcessView, references: Mapping[str, str]) -> dict[str, Any]: ...

    def zoe_save_state(self) -> None: ...


class ParentServer:
    """`parent` is the spawner seen as its parent class: what `super()` gives inside the mixin."""

    def __init__(self, spawner: ZoeServer, parent: Any, log: ProgressLog) -> None:
        self._spawner = spawner
        self._parent = parent
        self._log = log

    async def launch(self, process: ProcessView, view: ExecutionView) -> Any:
        spawner = self._spawner
        references = spawner.zoe_references(view)
        spawner.zoe_environment = {
            **overlay.environment_of(process, references),
            "ZOE_URL": spawner.zoe_url,
            "ZOE_SERVER": spawner.zoe_server,
            "ZOE_EXECUTION": view.id,
        }
        telling = asyncio.create_task(self._tell())
        try:
            # It is both, which types cannot say.
            configurable = cast(Configurable, spawner)
            with overlay.applied(configurable, spawner.zoe_settings(process, references)):
                address = self._parent.start()
                # From here on the parent knows by itself whether it is starting.
                spawner.zoe_parent_pending = False
                address = await address if isawaitable(address) else address
            spawner.zoe_save_state()
            return address
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)

    async def died(self) -> int | None:
        status: int | None = await self._parent.poll()
        return status

    async def kill(self) -> None:
        await self._parent.stop(now=True)

    async def _tell(self) -> None:
        """What the parent class says of its own start; the base class has nothing to say."""
        progress = self._parent.progress
        if getattr(progress, "__func__", None) is Spawner.progress:
            return
        async for event in progress():
            more = {key: value for key, value in event.items() if key not in ("message", "progress")}
            self._log.add(event.get("message", ""), **more)
