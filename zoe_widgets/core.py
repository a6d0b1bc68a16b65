"""The one implementation of everything that a notebook does with Zoe. Runs in the portal's loop."""

from __future__ import annotations

import asyncio
import contextlib
import operator
import uuid
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from zoe_hub.client import ExecutionView, ShopView, ZoeClient
from zoe_hub.client.client import ended_sentence
from zoe_hub.model.commands import Submit
from zoe_hub.model.errors import ExecutionEnded, InvalidRequest, Overtaken, ZoeError
from zoe_hub.model.events import Event
from zoe_hub.model.execution import Attachment, ExecutionState, InstanceState

from . import links, namespace
from .attachments import Attached, Attachments
from .keeper import Keeper
from .lives import wished
from .portal import Caller
from .progress import Progress, sizes
from .scaling import Settled
from .settings import Settings

_CLEAN_UP = 20.0
"""Seconds that an interrupted call takes at most to tidy up."""


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

    async def attach(
        self,
        caller: Caller,
        zapp: str,
        name: str | None,
        parameters: Mapping[str, Any],
        timeout: float | None,
        *,
        outlive: bool = False,
        lifetime: Mapping[str, Any] | None = None,
    ) -> Attached:
        """A new cluster, connected. When interrupted or failed, none is left behind."""
        wish = wished(lifetime)
        again = self._found_before(zapp, name, parameters)
        if again is not None:
            again.found = False
            progress = Progress(caller, again.view.name)
            progress.seen(again.view)
            progress.finish(f"was attached to this notebook already{self._bound(again)}")
            return again
        attachment = self.attachment(outlive)
        submit = Submit.of(zapp=zapp, parameters=dict(parameters), name=name, attachment=attachment, lifetime=wish)
        progress = Progress(caller, name or zapp)
        progress.start()
        submitting = asyncio.ensure_future(self.client.submit(submit, idempotency_key=uuid.uuid4().hex))
        attached: Attached | None = None
        try:
            view = await asyncio.shield(submitting)
            progress.seen(view)
            if not view.plan.attachable:
                raise InvalidRequest(f"{zapp!r} cannot be attached to a notebook: nothing of it has a client for one.")
            attached = await self.establish(caller, view, progress, timeout)
        except BaseException as error:
            said = await self._give_up(submitting, progress, error)
            if said is None:
                raise
            raise said from error
        finally:
            progress.stop()
        progress.finish(self._connected(attached), state=attached.view.state.value)
        return attached

    def _found_before(self, zapp: str, name: str | None, parameters: Mapping[str, Any]) -> Attached | None:
        """The cluster that the same cell attached before the kernel was restarted, so that running a notebook
        again from its top does not start everything twice."""
        for attached in self.attachments:
            view = attached.view
            same = view.zapp == zapp and name in (None, view.name) and not view.state.ended and attached.found
            if same and all(str(view.parameters.get(key)) == str(value) for key, value in parameters.items()):
                return attached
        return None

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
            return made

        made = await caller.call(connect)
        attached = self.attachments.add(view)
        attached.links = made
        attached.suspect = False
        self.keeper.watch(attached, newest[0] or None)
        return attached

    async def _give_up(
        self, submitting: asyncio.Future[ExecutionView], progress: Progress, error: BaseException
    ) -> ZoeError | None:
        """End what an attachment that came to nothing has started; the error to raise instead, if there is one."""
        outcome = "not started"
        with contextlib.suppress(ZoeError, TimeoutError, asyncio.TimeoutError):
            view = await asyncio.wait_for(asyncio.shield(submitting), _CLEAN_UP)
            if isinstance(error, ExecutionEnded):
                view = await self.client.execution(view.id)
                progress.finish(ended_sentence(view), state="failed")
                return ExecutionEnded(str(error) + await self._last_words(view))
            outcome = f"Zoe could not be told to end it: zoe.connect({view.name!r}) finds it when Zoe is back"
            await self.client.terminate(view.id)
            why = "interrupted" if isinstance(error, asyncio.CancelledError) else "not attached"
            progress.finish(f"{why}; it is being terminated", state="stopping")
            return None
        progress.finish(outcome, state="failed")
        return None

    async def _last_words(self, view: ExecutionView) -> str:
        """The last lines of the instance that made a start fail."""
        failed = [i for i in view.instances if i.state is InstanceState.FAILED or i.exit_code]
        if not failed:
            return ""
        worst = max(failed, key=lambda i: (i.state is InstanceState.FAILED, i.restarts))
        try:
            text = await self.read_logs(view.id, worst.process, worst.ordinal, 15)
        except ZoeError:
            return ""
        return f"\n\nThe last lines of {worst.process}.{worst.ordinal}:\n{text.rstrip()}" if text.strip() else ""

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
        progress = Progress(caller, execution)
        try:
            view = await self.client.execution(execution)
            if view.state.ended:
                raise ExecutionEnded(ended_sentence(view))
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
        progress.finish(self._connected(attached), state=attached.view.state.value)
        return attached

    # -- changing

    async def scale(
        self, caller: Caller, attached: Attached, number: int, wait: bool, timeout: float | None
    ) -> Attached:
        """Ask for so many workers; wait until they are there, or it is known that not all are granted.

        Raises Overtaken when somebody asks for another number meanwhile.
        """
        try:
            number = operator.index(number)
        except TypeError:
            raise InvalidRequest(f"{number!r} is no number of workers; give a whole number, such as 4.") from None
        scales = attached.view.plan.scales
        if not scales:
            raise InvalidRequest(f"{attached.view.name} has no number of workers that could be changed.")
        settled = Settled(number, attached.view.workers)
        attached.saw(await self.client.modify(attached.id, {scales: number}))
        if not wait:
            return attached
        progress = Progress(caller, attached.view.name)
        progress.stage("scaling")
        progress.start()

        def on_event(event: Event, view: ExecutionView) -> None:
            settled.saw(event)
            progress.seen(view)

        try:
            try:
                view = await self.client.wait(
                    attached.id, settled, on_event=on_event, timeout=settled.patience(timeout)
                )
            except TimeoutError:
                if timeout is not None and timeout <= settled.PATIENCE:
                    raise
                settled.decided = True
                view = await self.client.wait(attached.id, settled, on_event=on_event, timeout=timeout)
        except asyncio.CancelledError:
            progress.finish("interrupted; the new size stays asked for")
            raise
        except Overtaken as error:
            progress.finish(str(error))
            raise
        finally:
            progress.stop()
        attached.saw(view)
        progress.seen(view)
        progress.finish(sizes(view))
        return attached

    async def swap(
        self,
        caller: Caller,
        old: Attached,
        zapp: str | None,
        name: str | None,
        parameters: Mapping[str, Any],
        timeout: float | None,
    ) -> Attached:
        """A new cluster in place of the old one, which stays if the new one does not come."""
        self._not_ourselves(old)
        try:
            outlive = old.view.attachment is not None and old.view.attachment.outlive
            same = zapp in (None, old.view.zapp)
            new = await self.attach(
                caller,
                zapp or old.view.zapp,
                name,
                parameters,
                timeout,
                outlive=outlive,
                lifetime=old.view.plan.lifetime.model_dump() if same else None,
            )
        except ZoeError as error:
            error.args = (f"{error}\n{old.view.name} stays attached, as it was.", *error.args[1:])
            raise
        await self.terminate(caller, old, wait=False)
        return new

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
        self._not_ourselves(attached)
        attached.saw(await self.client.terminate(attached.id))
        await self.let_go(caller, attached)
        if wait:
            attached.saw(await self.client.wait(attached.id, lambda view: view.state.ended))

    def _not_ourselves(self, attached: Attached) -> None:
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

    # -- words

    def _connected(self, attached: Attached) -> str:
        return f"connected{self._bound(attached)} · {sizes(attached.view)}".removesuffix(" · ")

    @staticmethod
    def _bound(attached: Attached) -> str:
        names = namespace.listed(attached.names)
        return f": {names}" if names else ""
