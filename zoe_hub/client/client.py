"""The client: one method for each thing that the REST interface can do."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from ..model.adaptation import Adaptation
from ..model.commands import KeepAlive, Modify, Report, Submit
from ..model.durations import parse_span
from ..model.errors import InvalidParameter
from ..model.events import Event
from ..model.execution import Attachment
from ..model.zapp import ZApp
from . import waiting
from .quotas import OwnQuotaView
from .requests import body_of, path_of
from .streams import Streams
from .views import ConnectionView, ExecutionView, MeView, PlanView, ShopView


class ZoeClient(Streams):
    """Speaks with one Zoe service, or with a user's server that relays to it. Bound to one event loop.

    `url` is the base to which ``/api/v1`` is appended, such as ``http://127.0.0.1:9999/services/zoe``. All methods
    raise the errors of `zoe_hub.model.errors`, with the service's own sentence; ServiceUnavailable when it
    cannot be reached, after trying again for about `sum(retry_delays)` seconds (without them: `RETRY_DELAYS` for what
    is only looked at, `WISH_DELAYS` for the rest). `timeout` is in seconds, for one answer. Use it as an async context
    manager, or call `close`.
    """

    # -- what there is

    async def me(self) -> MeView:
        """Whose token this is."""
        return await self._view(MeView, "GET", "/me")

    async def shop(self, owner: str | None = None) -> ShopView:
        """What may be started; with `owner`, by that user: only for administrators."""
        return await self._view(ShopView, "GET", "/shop", params={} if owner is None else {"owner": owner})

    async def nodes(self) -> Any:
        """The machines, their capacity and what of it is granted, as the service says it."""
        return (await self._request("GET", "/nodes")).json()

    async def quota(self, owner: str | None = None) -> OwnQuotaView:
        """What one may have, uses, and by what; with `owner`, what that user may: only for administrators."""
        return await self._view(OwnQuotaView, "GET", "/quota", params={} if owner is None else {"owner": owner})

    async def plan(self, submit: Submit) -> PlanView:
        """What `submit` would run. Nothing is stored."""
        return await self._view(PlanView, "POST", "/plans", json=body_of(submit))

    async def put_zapp(self, zapp: ZApp) -> None:
        """Keep a ZApp of your own; replaces yours of the same name."""
        await self._request("PUT", f"/zapps/{quote(zapp.name, safe='')}", json=body_of(zapp))

    async def delete_zapp(self, name: str) -> None:
        """Forget a ZApp of your own; what runs of it goes on. Raises UnknownName."""
        await self._request("DELETE", f"/zapps/{quote(name, safe='')}")

    # -- executions

    async def submit(self, submit: Submit, *, idempotency_key: str | None = None) -> ExecutionView:
        """Run a ZApp. The same key (a fresh one when None) never starts it twice, however often it is sent."""
        headers = {"Idempotency-Key": idempotency_key or uuid.uuid4().hex}
        return await self._view(ExecutionView, "POST", "/executions", json=body_of(submit), headers=headers)

    async def execution(self, execution: str) -> ExecutionView:
        """One execution, by identifier or name. Raises UnknownName."""
        return await self._view(ExecutionView, "GET", path_of(execution))

    async def executions(
        self, *, live: bool | None = None, name: str | None = None, server: str | None = None, owner: str | None = None
    ) -> list[ExecutionView]:
        """Executions, newest first. `live` true: those that have not ended; false: those that have."""
        query = {"live": None if live is None else str(live).lower(), "name": name, "server": server, "owner": owner}
        response = await self._request("GET", "/executions", params={k: v for k, v in query.items() if v is not None})
        found = self._json(response).get("executions", [])
        return [self._parse(ExecutionView, item) for item in found]

    async def modify(self, execution: str, parameters: Mapping[str, Any]) -> ExecutionView:
        """Change parameters that may change while it runs; returns when that is stored."""
        body = body_of(Modify(parameters=dict(parameters)))
        return await self._view(ExecutionView, "PATCH", path_of(execution), json=body)

    async def terminate(self, execution: str) -> ExecutionView:
        """Ask for its end; returns when the wish is stored. A second call changes nothing."""
        return await self._view(ExecutionView, "DELETE", path_of(execution))

    async def attach(self, execution: str, attachment: Attachment) -> ExecutionView:
        """Tie it to a notebook."""
        return await self._view(ExecutionView, "PUT", path_of(execution, "attachment"), json=body_of(attachment))

    async def detach(self, execution: str) -> None:
        """Untie it from its notebook; it lives on."""
        await self._request("DELETE", path_of(execution, "attachment"))

    async def keep(self, execution: str, seconds: int | float | str) -> ExecutionView:
        """Keep it, though idle, for so long from now: seconds, or text such as ``2h``; 0 takes that back.

        Raises InvalidParameter, with the bound, for more than it may be kept, and Conflict when it is ending.
        """
        try:
            body = body_of(KeepAlive(seconds=parse_span(seconds)))
        except ValueError as error:
            raise InvalidParameter("seconds", str(error)) from None
        return await self._view(ExecutionView, "PUT", path_of(execution, "keep-alive"), json=body)

    async def adapt(self, execution: str, adaptation: Adaptation) -> ExecutionView:
        """Let it follow its load between these bounds; returns when that is stored.

        Raises InvalidParameter, which names the bound, and InvalidRequest for what has no load to follow.
        """
        return await self._view(ExecutionView, "PUT", path_of(execution, "adaptation"), json=body_of(adaptation))

    async def adapt_no_more(self, execution: str) -> ExecutionView:
        """Let it stay as large as it is. A second call changes nothing."""
        return await self._view(ExecutionView, "DELETE", path_of(execution, "adaptation"))

    async def end_with_kernel(self, execution: str, kernel: str) -> ExecutionView:
        """Say that a kernel is gone for good: ends the execution if it is tied to that one."""
        return await self._view(ExecutionView, "DELETE", path_of(execution, f"kernels/{quote(kernel, safe='')}"))

    async def connection(self, execution: str) -> ConnectionView:
        """How a kernel connects. Raises Conflict unless it runs, NotPermitted for anybody but its owner."""
        return await self._view(ConnectionView, "GET", path_of(execution, "connection"))

    async def report(self, execution: str, process: str, ordinal: int, report: Report) -> None:
        """Say how an instance is that the back end does not run (the user's server)."""
        place = path_of(execution, f"instances/{quote(process, safe='')}/{ordinal}")
        await self._request("PUT", place, json=body_of(report))

    # -- waiting

    async def wait(
        self,
        execution: str,
        done: Callable[[ExecutionView], bool],
        *,
        on_event: Callable[[Event, ExecutionView], None] | None = None,
        timeout: float | None = None,
    ) -> ExecutionView:
        """Return the execution as soon as `done` says so.

        `on_event` is called with every event of the execution, from its first one on, and the execution as it is
        by then. Raises ExecutionEnded, with the reason, when it ends without being done, and
        TimeoutError after `timeout` seconds.
        """
        return await waiting.wait(self, execution, done, on_event=on_event, timeout=timeout)
