"""One start of one server: from what was chosen to an execution that runs, or to nothing at all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import urlsplit

from ..client import ExecutionView, PlanView, ProcessView, ZoeClient
from ..model.commands import Report, Submit
from ..model.errors import ExecutionEnded, InvalidRequest
from ..model.execution import ExecutionState
from . import story
from .progress import ProgressLog

_PORT_INTERVAL = 0.05


class Parent(Protocol):
    """What the spawner that is mixed in does for a start."""

    async def launch(self, process: ProcessView, view: ExecutionView) -> Any:
        """Start the server and return its address, as `Spawner.start` does."""

    async def died(self) -> int | None:
        """The exit status, once the server has ended."""

    async def kill(self) -> None:
        """Stop the server at once. Called only after `launch`."""


class Start:
    """Submits an execution, waits for its admission, starts server and companions side by side.

    `run` returns the server's address when the whole is running. After it raised or was cancelled,
    `undo` leaves no server; the execution that `on_submitted` was told of is the caller's to end.
    """

    def __init__(
        self,
        client: ZoeClient,
        submit: Submit,
        process: ProcessView,
        parent: Parent,
        log: ProgressLog,
        *,
        key: str,
        on_submitted: Callable[[ExecutionView, str], None],
        server_timeout: float,
    ) -> None:
        self._client = client
        self._submit = submit
        self._process = process
        self._parent = parent
        self._log = log
        self._key = key
        self._on_submitted = on_submitted
        self._server_timeout = server_timeout
        self._view: ExecutionView | None = None
        self._submitting: asyncio.Task[ExecutionView] | None = None
        self._admitted = asyncio.Event()
        self._launched = False

    async def close(self) -> None:
        """Close the connections to the service. A second call does nothing."""
        await self._client.close()

    async def run(self) -> Any:
        """The address of the server. Raises a ZoeError, or what the parent class raised."""
        await self._end_older()
        # Shielded: what may have been stored must be known, so that it can be ended.
        self._submitting = asyncio.create_task(self._client.submit(self._submit, idempotency_key=self._key))
        view = await asyncio.shield(self._submitting)
        self._on_submitted(view, self._process.key)
        return await self._bring_up(view)

    async def undo(self) -> None:
        """Stop the server, if it was started, and make sure that an execution just submitted is known."""
        if self._submitting is not None and self._view is None:
            done, _ = await asyncio.wait({self._submitting})
            for task in done:
                if not task.cancelled() and task.exception() is None:
                    self._on_submitted(task.result(), self._process.key)
        if self._launched:
            await self._parent.kill()

    async def _end_older(self) -> None:
        """End what an earlier life of this server left, such as a start in which the Hub died."""
        assert self._submit.attachment is not None
        older = await self._client.executions(
            live=True, server=self._submit.attachment.server, owner=self._submit.owner
        )
        for view in older:
            if view.plan.server:
                self._log.add(f"Ending {view.name}, which an earlier start left")
                await self._client.terminate(view.id)

    async def _bring_up(self, view: ExecutionView) -> Any:
        watch = asyncio.create_task(self._client.wait(view.id, self._look))
        launch: asyncio.Task[Any] | None = None
        admitted = asyncio.create_task(self._admitted.wait())
        try:
            await asyncio.wait({watch, admitted}, return_when=asyncio.FIRST_COMPLETED)
            if not self._admitted.is_set():
                self._check(watch.result())
            launch = asyncio.create_task(self._launch(self._view or view))
            pending: set[asyncio.Task[Any]] = {watch, launch}
            while pending:
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                if launch in done:
                    launch.result()
                if watch in done:
                    self._check(watch.result())
            return launch.result()
        finally:
            tasks = [task for task in (watch, admitted, launch) if task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _look(self, view: ExecutionView) -> bool:
        """Tell what is new; true when there is nothing more to wait for."""
        for message, percent in story.tell(self._view, view):
            self._log.add(message, percent)
        self._view = view
        if story.admitted(view):
            self._admitted.set()
        return view.state is ExecutionState.RUNNING or view.state in story.FAILED_STATES

    def _check(self, view: ExecutionView) -> None:
        if view.state in story.FAILED_STATES:
            raise ExecutionEnded(story.why_not(view))

    async def _launch(self, view: ExecutionView) -> Any:
        title = self._process.title or "The server"
        self._log.add(f"{title} is starting", story.COMPANIONS)
        await self._report(view, "starting")
        self._launched = True
        address = await self._parent.launch(self._process, view)
        await self._until_reachable(address, title)
        await self._report(view, "ready")
        return address

    async def _report(self, view: ExecutionView, state: str) -> None:
        await self._client.report(view.id, self._process.key, 0, Report(state=state))

    async def _until_reachable(self, address: Any, title: str) -> None:
        """Wait until the server's port accepts a connection, as the Hub itself will do next."""
        host, port = _host_and_port(address)
        if not port:
            return
        deadline = time.monotonic() + self._server_timeout
        while True:
            try:
                _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), self._server_timeout)
            except (OSError, asyncio.TimeoutError):
                status = await self._parent.died()
                if status is not None:
                    raise ExecutionEnded(
                        f"{title} ended with status {status} before it answered; the Hub's log says more."
                    ) from None
                if time.monotonic() > deadline:
                    raise ExecutionEnded(
                        f"{title} did not answer within {self._server_timeout:g} seconds; the Hub's log may say more."
                    ) from None
                await asyncio.sleep(_PORT_INTERVAL)
            else:
                writer.close()
                return


def server_process(plan: PlanView, name: str) -> ProcessView:
    """The process of a plan that is the user's Jupyter server. Raises InvalidRequest when there is none."""
    for process in plan.processes:
        if process.placement == "server":
            return process
    raise InvalidRequest(
        f"{plan.title or name} has no notebook of its own. Start a ZApp that has one, and attach {name} from there."
    )


def _host_and_port(address: Any) -> tuple[str, int]:
    if isinstance(address, str):
        parts = urlsplit(address)
        return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    if isinstance(address, tuple) and len(address) == 2:
        return str(address[0]), int(address[1])
    return "", 0
