"""What any JupyterHub spawner needs to start a server as part of a ZApp.

``class ZoeDockerSpawner(ZoeMixin, DockerSpawner)`` is all that another spawner takes: the mixin
supposes nothing about where the parent class starts the server. What the administrator configured
for the parent class stays in force; a plan only adds to it.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from inspect import isawaitable
from typing import Any

from jupyterhub.spawner import Spawner  # type: ignore[import-untyped]
from traitlets import Bool, Float, List, Unicode, default, validate

from ..client import ExecutionView, ZAppView, ZoeClient
from ..model.commands import Report, Submit
from ..model.errors import InvalidParameter, ServiceUnavailable, ZoeError
from ..model.execution import Attachment, ExecutionState
from . import options, overlay
from .form import render_away, render_shop
from .parent import ParentServer
from .progress import ProgressLog
from .refusals import refuse_for
from .start import Start, server_process
from .terminations import Terminations, keep_alive
from .tokens import token_scopes

_FORM_PATIENCE = 2.0
"""Seconds for which the service may be away before somebody who looks at a page is told so."""

_CANCEL_WAIT = 0.5
"""Seconds. A second after it cancelled a start, the Hub takes it for stopped or answers 500."""


class ZoeMixin(Spawner):  # type: ignore[misc]
    """Mixed in before a spawner class, it makes the shop the options form and each server an execution."""

    zoe_url = Unicode(
        help="Address of Zoe's Hub service as this Hub and the user servers reach it, without a slash at the end, such "
        "as http://127.0.0.1:9999/services/zoe. `zoe_hub.hub.configure` sets it. Servers on other machines need an "
        "address that is not loopback, which is then open to whoever reaches that network."
    ).tag(config=True)
    zoe_token = Unicode(
        help="Token with the scope custom:zoe:admin:executions, with which the spawner acts for the users. "
        "`zoe_hub.hub.configure` sets it. It is given to no user server: whoever has it can start and end everybody's "
        "executions."
    ).tag(config=True)
    zoe_server_scopes = List(
        Unicode(),
        help="Scopes that each server's own token has beside those of the role `server`, as far as its user has them. "
        "`zoe_hub.hub.configure` sets them. With fewer, notebooks can do less with Zoe; with none, nothing.",
    ).tag(config=True)
    default_zapp = Unicode(
        "jupyterlab",
        help="Name of the ZApp that is started when nothing was chosen, as by a REST request without user_options.",
    ).tag(config=True)
    zoe_timeout = Float(
        10,
        min=0.1,
        help="Seconds to wait for one answer of Zoe's service. Longer: a slow service is not taken for a dead one; "
        "shorter: the spawn page appears sooner when it is dead.",
    ).tag(config=True)
    zoe_patience = Float(
        45,
        min=0,
        help="Seconds for which a start that has been submitted goes on trying while Zoe's service is away. The Hub "
        "looks every 5 seconds whether its services run. Longer: fewer starts fail; shorter: users know sooner.",
    ).tag(config=True)

    _zoe_execution = Unicode()
    _zoe_process = Unicode(help="Key of the process that is the server.")
    _zoe_key = Unicode(help="Idempotency key of this spawn.")
    zoe_parent_pending = Bool(False, help="True while the parent class has not been asked to start the server yet.")
    zoe_environment: dict[str, str] | None = None
    _zoe_started = False
    """Whether the start is over, so that the execution's end means the server's."""
    _zoe_log: ProgressLog | None = None
    _zoe_undoing: asyncio.Task[None] | None = None
    _zoe_refused: options.Choice | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._zoe_terminations = Terminations(self._zoe_terminate)
        super().__init__(*args, **kwargs)

    # -- defaults

    @default("start_timeout")
    def _zoe_start_timeout(self) -> int:
        # Waiting in the queue counts; the parent's 60 seconds are for a process that only has to start.
        return 900

    @default("options_form")
    def _zoe_default_form(self) -> Callable[..., Any]:
        return type(self).zoe_options_form

    @default("options_from_form")
    def _zoe_default_from_form(self) -> Callable[..., Any]:
        return self.zoe_options_from_form

    @default("apply_user_options")
    def _zoe_default_apply(self) -> Callable[..., Any]:
        # `start` reads them; without a hook the Hub warns that nobody does.
        return _leave_to_start

    @default("server_token_scopes")
    def _zoe_default_scopes(self) -> Callable[..., Any]:
        return token_scopes([])

    @validate("server_token_scopes")
    def _zoe_add_scopes(self, proposal: Any) -> Callable[..., Any]:
        return token_scopes(proposal.value)

    # -- the shop

    async def zoe_options_form(self) -> str:
        """The shop as HTML for `options_form`. With the service away it says so, and how to go on."""
        choice = self._zoe_refused or self._zoe_last_choice()
        self._zoe_refused = None
        try:
            async with self.zoe_client(_FORM_PATIENCE) as client:
                return render_shop(await self._zoe_shop(client), choice.zapp, choice.parameters)
        except ZoeError as error:
            self.log.warning("The shop cannot be shown: %s", error)
            return render_away(error, choice.zapp, choice.parameters)

    async def zoe_options_from_form(self, form_data: Mapping[str, Any]) -> dict[str, Any]:
        """`user_options` from the submitted form, in the parameters' own types.

        Raises a refusal that names what is wrong.
        """
        choice = options.choice_from_form(form_data, self.default_zapp)
        try:
            async with self.zoe_client(_FORM_PATIENCE) as client:
                plan = await client.plan(self._zoe_submit(choice))
            server_process(plan, choice.zapp)
        except ZoeError as error:
            self._zoe_refused = choice
            raise refuse_for(error) from error
        typed = {name: plan.parameters.get(name, value) for name, value in choice.parameters.items()}
        return {"zapp": choice.zapp, "parameters": typed, "profile": plan.title or choice.zapp}

    async def _zoe_shop(self, client: ZoeClient) -> list[ZAppView]:
        """The ZApps that have a Jupyter server; the others can only be attached from one."""
        shop = await client.shop(self.user.name)
        return [zapp for zapp in shop.zapps if zapp.server]

    def _zoe_choice(self) -> options.Choice:
        """What `user_options` say. Raises InvalidParameter, which names the key."""
        return options.choice_from_options(self.user_options or {}, self.default_zapp, self._zoe_other_options())

    def _zoe_other_options(self) -> frozenset[str] | None:
        """Keys of `user_options` that the administrator's own hooks read; None: any."""
        if isinstance(self.apply_user_options, dict):
            return frozenset(self.apply_user_options)
        own = overlay.is_set(self, "options_from_form") or overlay.is_set(self, "apply_user_options")
        return None if own else frozenset()

    def _zoe_last_choice(self) -> options.Choice:
        stored = self.user_options or (self.orm_spawner.user_options if self.orm_spawner else None) or {}
        try:
            return options.choice_from_options(stored, self.default_zapp, None)
        except InvalidParameter:
            return options.Choice(self.default_zapp)

    def _zoe_submit(self, choice: options.Choice) -> Submit:
        return Submit(
            zapp=choice.zapp,
            parameters=choice.parameters,
            attachment=Attachment(server=self.zoe_server),
            owner=self.user.name,
        )

    # -- what the parent class is told

    @property
    def zoe_server(self) -> str:
        """The name of this server in attachments: ``user/`` or ``user/servername``."""
        return f"{self.user.name}/{self.name or ''}"

    def zoe_references(self, view: ExecutionView) -> dict[str, str]:
        """Values of the references that a plan's server may hold. A subclass that knows more adds to it."""
        return {"execution.id": view.id, "execution.owner": view.owner, "execution.name": view.name}

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
            async with self.zoe_client(_FORM_PATIENCE) as client:
                plan = await client.plan(submit)
            await self._zoe_terminations.settle()
            self._zoe_key = uuid.uuid4().hex
            start = Start(
                self.zoe_client(self.zoe_patience),
                submit,
                server_process(plan, submit.zapp or ""),
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

    # -- state

    def get_state(self) -> dict[str, Any]:
        """The parent's state with the execution, the key of this spawn, and what must still be ended."""
        state: dict[str, Any] = super().get_state()
        own = {
            "execution": self._zoe_execution,
            "process": self._zoe_process,
            "key": self._zoe_key,
            "owed": dict(self._zoe_terminations.owed),
        }
        if any(own.values()):
            state["zoe"] = own
        return state

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Restore after a restart of the Hub, and go on with what must still be ended."""
        super().load_state(state)
        own = state.get("zoe") or {}
        self._zoe_execution = own.get("execution", "")
        self._zoe_process = own.get("process", "")
        self._zoe_key = own.get("key", "")
        self._zoe_started = bool(self._zoe_execution)
        for execution, process in (own.get("owed") or {}).items():
            self._zoe_terminations.add(execution, process)
        self._zoe_terminations.settle_later()

    def clear_state(self) -> None:
        """Forget the server. Its execution is kept in mind until it is ended."""
        super().clear_state()
        self._zoe_release()
        self._zoe_log = None
        self.zoe_environment = None

    def zoe_save_state(self) -> None:
        """Store the state in the Hub's database now.

        The Hub itself does so when the start is over: if it died before, nobody would know what was started.
        """
        database = getattr(self.user, "db", None)
        if database is not None:
            self.orm_spawner.state = self.get_state()
            database.commit()

    def _zoe_remember(self, view: ExecutionView, process: str) -> None:
        self._zoe_execution = view.id
        self._zoe_process = process
        self.zoe_save_state()

    def _zoe_release(self) -> None:
        if self._zoe_execution:
            self._zoe_terminations.add(self._zoe_execution, self._zoe_process)
        self._zoe_started = False
        self._zoe_execution = self._zoe_process = self._zoe_key = ""

    # -- the service

    def zoe_client(self, patience: float) -> ZoeClient:
        """A client that goes on trying for about `patience` seconds.

        Raises ServiceUnavailable when Zoe is not configured.
        """
        if not self.zoe_url or not self.zoe_token:
            raise ServiceUnavailable(
                "The spawner does not know where Zoe's service is. "
                "The administrator must call zoe_hub.hub.configure(c) in jupyterhub_config.py."
            )
        delays: list[float] = []
        while sum(delays) < patience:
            delays.append(min(0.2 * 2 ** len(delays), 5.0))
        return ZoeClient(self.zoe_url, self.zoe_token, timeout=self.zoe_timeout, retry_delays=delays)

    async def _zoe_was_terminated(self) -> bool:
        if not (self._zoe_started and self._zoe_execution):
            return False
        try:
            async with self.zoe_client(0) as client:
                return (await client.execution(self._zoe_execution)).state is ExecutionState.TERMINATED
        except ZoeError as error:
            self.log.debug("How the execution of %s is cannot be seen now: %s", self.zoe_server, error)
            return False

    async def _zoe_terminate(self, execution: str, process: str) -> None:
        async with self.zoe_client(_FORM_PATIENCE) as client:
            await client.terminate(execution)
            try:
                await client.report(execution, process, 0, Report(state="stopped"))
            except ServiceUnavailable:
                raise
            except ZoeError as error:
                # It ended before the word about its server came: there is nobody left to tell.
                self.log.debug("%s ended already: %s", execution, error)


def _leave_to_start(spawner: Any, user_options: Any) -> None:
    """Stands for the hook that the administrator did not set."""
