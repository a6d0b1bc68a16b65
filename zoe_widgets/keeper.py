"""Staying connected: what is attached is watched, and seen to before the next cell."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any, Protocol

from zoe_hub.client import ExecutionView, ZoeClient
from zoe_hub.model.errors import ExecutionEnded, ServiceUnavailable, UnknownName, ZoeError
from zoe_hub.model.events import Event, EventKind
from zoe_hub.model.execution import ExecutionState, InstanceState

from . import adapting, links, lives, namespace, notices
from .attachments import Attached, Attachments, attention
from .portal import Caller
from .progress import Progress


class Kept(Protocol):
    """What a keeper needs of the `Core` whose attachments it watches."""

    @property
    def attachments(self) -> Attachments: ...

    @property
    def client(self) -> ZoeClient: ...

    async def refresh(self, attached: Attached) -> ExecutionView: ...

    async def establish(
        self,
        caller: Caller,
        view: ExecutionView,
        progress: Progress,
        timeout: float | None,
        *,
        only_ours: Mapping[str, Any] | None = None,
    ) -> Attached: ...

    async def let_go(self, caller: Caller, attached: Attached) -> None: ...


class Keeper:
    """Watches the attachments of one `Core`."""

    def __init__(self, core: Kept) -> None:
        self._core = core
        self._watchers: set[asyncio.Task[None]] = set()

    async def look_after(self, caller: Caller) -> list[str]:
        """Reconnect what was started again and drop what has ended; sentences about that."""
        attention.clear()
        said = []
        for attached in self._core.attachments:
            try:
                if attached.links and attached.view.state.ended:
                    names = namespace.listed(namespace.ours(attached.names))
                    await self._core.let_go(caller, attached)
                    sentence = attached.view.ending.rstrip(".") + "."
                    said.append(sentence + (f" {names} went with it." if names else ""))
                elif attached.suspect:
                    said += await self._revive(caller, attached)
            except ExecutionEnded as error:
                await self._core.refresh(attached)
                await self._core.let_go(caller, attached)
                said.append(str(error))
            except ServiceUnavailable as error:
                attention.set()
                said.append(str(error))
            except ZoeError as error:
                said.append(str(error))
        return said

    async def _revive(self, caller: Caller, attached: Attached) -> list[str]:
        view = await self._core.refresh(attached)
        attached.suspect = False
        if view.state is ExecutionState.RUNNING:
            made = attached.links
            if await caller.call(lambda: all(link.alive() for link in made)):
                return []
        before = attached.names
        made = attached.links
        await caller.call(lambda: links.disconnect(made))
        progress = Progress(caller, view.name)
        progress.seen(view, "was restarted")
        progress.start()
        try:
            await self._core.establish(caller, view, progress, None, only_ours=before)
        except BaseException:
            attached.doubt()
            raise
        finally:
            progress.stop()
        progress.finish("connected again", state=attached.view.state.value)
        names = namespace.listed(namespace.ours(attached.names))
        return [f"{view.name} was started again by Zoe, and {names or 'nothing'} connected anew: what it held is lost."]

    def watch(self, attached: Attached, after: int | None) -> None:
        if attached.watched:
            return
        attached.watched = True
        task = asyncio.get_running_loop().create_task(self._follow(attached, after))
        self._watchers.add(task)
        task.add_done_callback(self._watchers.discard)

    def _follows(self, attached: Attached) -> bool:
        """Until it has ended, as long as it is attached or on its way to its end."""
        concerns = self._core.attachments.get(attached.id) is attached or attached.view.desired == "terminated"
        return concerns and not attached.view.state.ended

    async def _follow(self, attached: Attached, after: int | None) -> None:
        """Keep the view fresh and notice restarts, until it has ended or is let go."""
        client = self._core.client
        while self._follows(attached):
            try:
                if attached.away:
                    # An event may have come of which it was not seen any more what it changed.
                    attached.saw(await client.execution(attached.id))
                stream = client.events(attached.id, after=after, on_connection=attached.reached)
                async with contextlib.aclosing(stream) as events:
                    async for event in events:
                        after = event.seq
                        if _means_restart(event, attached.view):
                            attached.doubt()
                        attached.saw(await client.execution(attached.id))
                        if event.kind is EventKind.EXECUTION_EXPIRING and attached.view.life.expires is not None:
                            notices.say(lives.announcement(attached.view), "degraded")
                        if sentence := adapting.announcement(event, attached.view):
                            notices.say(sentence)
                        if event.kind is EventKind.EXECUTION_GRANTED and event.data.get("reason"):
                            notices.say(f"{attached.view.name} has {event.data['reason'].removesuffix('.')}.")
                        if not self._follows(attached):
                            break
            except ServiceUnavailable:
                attached.reached(False)
                await asyncio.sleep(5)
            except UnknownName:
                attached.saw(_not_kept(attached.view))
            except ZoeError:
                break  # it may not be seen any more
        attached.watched = False


def _not_kept(view: ExecutionView) -> ExecutionView:
    """Of what has ended so long ago that the service does not know it any more."""
    reason = "it ended, and is not kept any more"
    return view.model_copy(update={"state": ExecutionState.TERMINATED, "reason": reason, "desired": "terminated"})


def _means_restart(event: Event, view: ExecutionView) -> bool:
    restarting = InstanceState.RESTARTING.value
    if event.data.get("after") == ExecutionState.DEGRADED.value:
        return True
    return event.data.get("state") == restarting and event.data.get("process") not in view.workers
