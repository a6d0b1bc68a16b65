"""What any JupyterHub spawner needs to start a server as part of a ZApp.

``class ZoeDockerSpawner(ZoeMixin, DockerSpawner)`` is all that another spawner takes: the mixin
supposes nothing about where the parent class starts the server. What the administrator configured
for the parent class stays in force; a plan only adds to it.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping
from inspect import isawaitable
from typing import Any

from jupyterhub.spawner import Spawner  # type: ignore[import-untyped]
from traitlets import Bool

from ..client import ExecutionView, ProcessView
from ..model.errors import ZoeError
from ..model.execution import ExecutionState
from . import overlay
from .parent_class import ParentServer
from .progress import ProgressLog
from .refusals import refuse_for
from .remembering import Remembering
from .shop_page import PATIENCE, ShopPage
from .start import Start, server_process
from .terminations import keep_alive

_CANCEL_WAIT = 0.5
"""Seconds. A second after it cancelled a start, the Hub takes it for stopped or answers 500."""


class ZoeMixin(ShopPage, Remembering, Spawner):  # type: ignore[misc]
    """Mixed in before a spawner class, it makes the shop the options form and each server an execution."""

    zoe_parent_pending = Bool(False, help="True while the parent class has not been asked to start the server yet.")
    zoe_environment: dict[str, str] | None = None
    _zoe_log: ProgressLog | None = None
    _zoe_undoing: asyncio.Task[None] | None = None

    # -- what the parent class is told

    def zoe_references(self, view: ExecutionView) -> dict[str, str]:
        """Values of the references that a plan's server may hold. A subclass that knows more adds to it."""
        return {"execution.id": view.id, "execution.owner": view.owner, "execution.name": view.name}

    def zoe_settings(self, process: ProcessView, references: Mapping[str, str]) -> dict[str, Any]:
        """What the plan gives the parent's settings, as far as nobody else has set them."""
        return overlay.settings_of(process, references)

    async def zoe_check(self, process: ProcessView) -> None:
        """Raise what may be shown where the parent class would not start the server that the plan has.

        Called before the server is asked for, so that nobody waits in line for a refusal.
        """

    def get_env(self) -> dict[str, str]:
        """The parent's environment, with the plan's and Zoe's own; both yield to what the administrator set."""
        environment: dict[str, str] = super().get_env()
        added = self.zoe_environment or {}
        return overlay.merge_environment(environment, added, self.env_keep, self.environment)

    # -- start, poll, stop

    async def start(self) -> Any:
        """Submit, wait for admission, start the server through the parent class beside its companions.

        Returns what the parent's `start` returned, when all of it is ready. Raises a refusal that may be shown.
        """
        if self._zoe_undoing is not None:
            await asyncio.wait({self._zoe_undoing})
            self._zoe_undoing = None
        log = self._zoe_progress()
        self.zoe_parent_pending = True
        start: Start | None = None
        try:
            submit = self._zoe_submit(self._zoe_choice())
            async with self.zoe_client(PATIENCE) as client:
                plan = await client.plan(submit)
            process = server_process(plan, submit.zapp or "")
            await self.zoe_check(process)
            await self._zoe_terminations.settle()
            self._zoe_key = uuid.uuid4().hex
            start = Start(
                self.zoe_client(self.zoe_patience),
                submit,
                process,
                ParentServer(self, super(), log),
                log,
                key=self._zoe_key,
                on_submitted=self._zoe_remember,
                server_timeout=self.http_timeout,
            )
            log.add(f"Asking for {plan.title or submit.zapp}", 5)
            address = await start.run()
            await start.close()
            self._zoe_started = True
            return address
        except BaseException as error:
            self._zoe_undoing = keep_alive(asyncio.create_task(self._zoe_undo(start)))
            if isinstance(error, asyncio.CancelledError):
                await asyncio.wait({self._zoe_undoing}, timeout=_CANCEL_WAIT)
                raise
            await asyncio.wait({self._zoe_undoing})
            if isinstance(error, ZoeError):
                raise refuse_for(error) from error
            raise
        finally:
            self.zoe_parent_pending = False
            log.close()

    async def poll(self) -> int | None:
        """As the parent class. Once the server has ended, its companions end too.

        A server whose execution somebody terminated is stopped; one whose companions failed goes on.
        """
        if self.zoe_parent_pending:
            return None
        status: int | None = await super().poll()
        if status is None and await self._zoe_was_terminated():
            self.log.info("%s is stopped: its execution was terminated", self.zoe_server)
            await super().stop()
            status = 0
        if status is not None:
            self._zoe_release()
            self._zoe_terminations.settle_later()
        return status

    async def stop(self, now: bool = False) -> None:
        """Stop the server, then end its execution; if Zoe is away, as soon as it is back."""
        self.zoe_parent_pending = False
        if self._zoe_undoing is not None:
            await asyncio.wait({self._zoe_undoing})
        try:
            await super().stop(now)
        finally:
            self._zoe_release()
            await self._zoe_terminations.settle()

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """Every stage of the start, from its beginning, for each page that asks."""
        async for event in self._zoe_progress().follow():
            yield event

    @property
    def zoe_log(self) -> ProgressLog:
        """The story of the start that is under way, for the Hub's page about it."""
        return self._zoe_progress()

    async def delete_forever(self) -> None:
        """End whatever is tied to this server; with the user's default server, all that the user has."""
        server = self.zoe_server if self.name else None
        try:
            async with self.zoe_client(self.zoe_patience) as client:
                for view in await client.executions(live=True, owner=self.user.name, server=server):
                    if server and view.attachment and view.attachment.outlive:
                        await client.detach(view.id)
                    else:
                        await client.terminate(view.id)
        except ZoeError as error:
            self.log.warning("Executions of %s may be left: %s", self.zoe_server, error)
        deleted = super().delete_forever()
        if isawaitable(deleted):
            await deleted

    def clear_state(self) -> None:
        """Forget the server. Its execution is kept in mind until it is ended."""
        super().clear_state()
        self._zoe_log = None
        self.zoe_environment = None

    async def _zoe_undo(self, start: Start | None) -> None:
        self.zoe_parent_pending = False
        try:
            if start is not None:
                await start.undo()
                await start.close()
        except Exception:  # a parent class may raise anything; companions must end all the same
            self.log.exception("%s could not be stopped after its start failed", self.zoe_server)
        finally:
            self._zoe_release()
            await self._zoe_terminations.settle()

    def _zoe_progress(self) -> ProgressLog:
        if self._zoe_log is None:
            self._zoe_log = ProgressLog()
        return self._zoe_log

    async def _zoe_was_terminated(self) -> bool:
        if not (self._zoe_started and self._zoe_execution):
            return False
        try:
            async with self.zoe_client(0) as client:
                return (await client.execution(self._zoe_execution)).state is ExecutionState.TERMINATED
        except ZoeError as error:
            self.log.debug("How the execution of %s is cannot be seen now: %s", self.zoe_server, error)
            return False
