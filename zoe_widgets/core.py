"""What a notebook does with executions that exist. Runs in the portal's loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from zoe_hub.client import ExecutionView, ShopView, ZoeClient
from zoe_hub.model.errors import ExecutionEnded, InvalidRequest
from zoe_hub.model.events import Event
from zoe_hub.model.execution import Attachment, ExecutionState

from . import links, namespace, tasks
from .attachments import Attached, Attachments
from .keeper import Keeper
from .portal import Caller
from .progress import Progress, sizes
from .settings import Settings


class Core:
    """Speaks with the service and keeps this kernel's attachments."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.attachments = Attachments()
        self._client: ZoeClient | None = None
        self.keeper = Keeper(self)

    @property
    def client(self) -> ZoeClient:
        """Made in the loop in which it is used."""
        if self._client is None:
            self._client = ZoeClient(self.settings.url, self.settings.token)
        return self._client

    def attachment(self, outlive: bool) -> Attachment:
        """This notebook, as executions are attached to it, to end with it or to outlive it."""
        return Attachment(server=self.settings.server, kernel=self.settings.kernel, outlive=outlive)

    # -- looking

    async def shop(self) -> ShopView:
        return await self.client.shop()

    async def executions(self, live: bool | None) -> list[ExecutionView]:
        return await self.client.executions(live=live)

    async def refresh(self, attached: Attached) -> ExecutionView:
        """The execution as it is now."""
        attached.saw(await self.client.execution(attached.id))
        return attached.view

    async def logs(
        self, execution: str, process: str | None, ordinal: int | None, tail: int | None
    ) -> AsyncGenerator[bytes, None]:
        """What it wrote and goes on writing."""
        async for chunk in self.client.logs(execution, process, ordinal, follow=True, tail=tail):
            yield chunk

    async def read_logs(self, execution: str, process: str | None, ordinal: int | None, tail: int | None) -> str:
        """What it wrote."""
        chunks = [chunk async for chunk in self.client.logs(execution, process, ordinal, tail=tail)]
        return b"".join(chunks).decode(errors="replace")

    # -- attaching

    async def establish(
        self,
        caller: Caller,
        view: ExecutionView,
        progress: Progress,
        timeout: float | None,
        *,
        only_ours: Mapping[str, Any] | None = None,
    ) -> Attached:
        """Wait until it runs, connect, bind the names and begin to watch it."""
        newest = [0]

        def on_event(event: Event, now: ExecutionView) -> None:
            newest[0] = event.seq
            progress.seen(now)

        view = await self.client.wait(
            view.id, lambda now: now.state is ExecutionState.RUNNING, on_event=on_event, timeout=timeout
        )
        progress.seen(view)
        progress.stage("connecting")
        connection = await self.client.connection(view.id)

        def connect() -> list[links.Link]:
            made = links.connect(connection)
            for link in made:
                namespace.bind(link.names, over=only_ours)
                tasks.watch(link, view.name)
            return made

        made = await caller.call(connect)
        attached = self.attachments.add(view)
        attached.links = made
        attached.suspect = False
        self.keeper.watch(attached, newest[0] or None)
        return attached

    async def connect(
        self,
        caller: Caller,
        execution: str,
        timeout: float | None,
        *,
        found: bool = False,
        outlive: bool | None = None,
    ) -> Attached:
        """Connect to what runs already. It is left alone when that is interrupted or fails."""
        known = self.attachments.get(execution)
        if known is not None and known.found and outlive is None and known.current and not found:
            # By this cell's own look for what is attached: it has just been told of.
            known.found = False
            return known
        progress = Progress(caller, execution)
        try:
            view = await self.client.execution(execution)
            if view.state.ended:
                raise ExecutionEnded(view.ending)
            progress.seen(view)
            progress.start()
            if not found and view.id != self.settings.execution:
                if outlive is None:
                    outlive = view.attachment is not None and view.attachment.outlive
                view = await self.client.attach(view.id, self.attachment(outlive))
            before = self.attachments.get(view.id)
            if before is not None:
                await self._disconnect(caller, before)
            attached = await self.establish(caller, view, progress, timeout)
        except asyncio.CancelledError:
            progress.finish(f"interrupted; it lives on: zoe.connect({execution!r}) connects to it later")
            raise
        finally:
            progress.stop()
        attached.found = found
        progress.finish(connected(attached), state=attached.view.state.value)
        return attached

    # -- changing

    async def keep(self, attached: Attached, span: int | float | str) -> ExecutionView:
        """Keep it, though idle, for so long from now."""
        attached.saw(await self.client.keep(attached.id, span))
        return attached.view

    async def detach(self, caller: Caller, attached: Attached) -> None:
        """Disconnect; the cluster lives on."""
        if attached.id != self.settings.execution:
            await self.client.detach(attached.id)
        await self.let_go(caller, attached)

    async def terminate(self, caller: Caller, attached: Attached, *, wait: bool = True) -> None:
        """Disconnect and end it."""
        self.check_not_ourselves(attached)
        attached.saw(await self.client.terminate(attached.id))
        await self.let_go(caller, attached)
        if wait:
            attached.saw(await self.client.wait(attached.id, lambda view: view.state.ended))

    def check_not_ourselves(self, attached: Attached) -> None:
        if attached.id == self.settings.execution:
            raise InvalidRequest(
                f"{attached.view.name} is one with this notebook's own server: it ends when the server is stopped, "
                "on the Hub's home page."
            )

    async def let_go(self, caller: Caller, attached: Attached) -> None:
        await self._disconnect(caller, attached)
        self.attachments.remove(attached)

    async def _disconnect(self, caller: Caller, attached: Attached) -> None:
        made, attached.links = attached.links, []

        def disconnect() -> None:
            for link in made:
                namespace.unbind(link.names)
            links.disconnect(made)

        await caller.call(disconnect)


def connected(attached: Attached) -> str:
    """That a cluster is connected, and what of it this notebook has."""
    return f"connected{bound(attached)} · {sizes(attached.view)}".removesuffix(" · ")


def bound(attached: Attached) -> str:
    """The names that it put into the namespace."""
    names = namespace.listed(attached.names)
    return f": {names}" if names else ""
