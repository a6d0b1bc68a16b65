"""The client: one method for each thing that the REST interface can do."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
from pydantic import ValidationError
from pydantic_core import PydanticSerializationError
from typing_extensions import Self

from ..model.base import Document
from ..model.commands import KeepAlive, Modify, Report, Submit
from ..model.durations import parse_seconds
from ..model.errors import (
    ExecutionEnded,
    InvalidParameter,
    InvalidRequest,
    NotPermitted,
    ServiceUnavailable,
    TooManyRequests,
    ZoeError,
)
from ..model.events import Event
from ..model.execution import Attachment, ExecutionState
from ..model.zapp import ZApp
from . import problems, sse
from .transport import make_http
from .views import ConnectionView, ExecutionView, MeView, PlanView, ShopView, View

V = TypeVar("V", bound=View)

RETRY_DELAYS = (0.2, 0.5, 1.0, 2.0, 4.0)
WISH_DELAYS = (*RETRY_DELAYS, 4.0, 4.0)
"""For what is not only looked at: as long as the Hub usually needs to bring back a service that was killed."""
PATIENCE = 120.0
"""Seconds for which whoever follows an execution bears that the service is away. The Hub restarts it within 30."""
_TRY_AGAIN = frozenset({429, 502, 503, 504})
_LONGEST_WAIT = 30.0
"""Seconds that a `Retry-After` is obeyed for."""
_GAP = "gap"
"""What the service calls that events are missing."""
_SILENCE = 60.0
"""Seconds without even a keepalive after which an event stream is opened anew."""


class ZoeClient:
    """Speaks with one Zoe service, or with a user's server that relays to it. Bound to one event loop.

    `url` is the base to which ``/api/v1`` is appended, such as ``http://127.0.0.1:9999/services/zoe``. All methods
    raise the errors of `zoe_hub.model.errors`, with the service's own sentence; ServiceUnavailable when it
    cannot be reached, after trying again for about `sum(retry_delays)` seconds (without them: `RETRY_DELAYS` for what
    is only looked at, `WISH_DELAYS` for the rest). `timeout` is in seconds, for one answer. Use it as an async context
    manager, or call `close`.
    """

    def __init__(
        self, url: str, token: str, *, timeout: float = 30, retry_delays: Sequence[float] | None = None
    ) -> None:
        self.url = url.rstrip("/")
        self._delays = retry_delays
        self._timeout = timeout
        self._http = make_http(f"{self.url}/api/v1", timeout=timeout)
        if token:
            self._http.headers["Authorization"] = f"Bearer {token}"
        self._http.headers["Accept"] = "application/json"

    def __repr__(self) -> str:
        return f"<ZoeClient {self.url}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections. A second call does nothing."""
        await self._http.aclose()

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

    async def plan(self, submit: Submit) -> PlanView:
        """What `submit` would run. Nothing is stored."""
        return await self._view(PlanView, "POST", "/plans", json=_body(submit))

    async def put_zapp(self, zapp: ZApp) -> None:
        """Keep a ZApp of your own; replaces yours of the same name."""
        await self._request("PUT", f"/zapps/{quote(zapp.name, safe='')}", json=_body(zapp))

    async def delete_zapp(self, name: str) -> None:
        """Forget a ZApp of your own; what runs of it goes on. Raises UnknownName."""
        await self._request("DELETE", f"/zapps/{quote(name, safe='')}")

    # -- executions

    async def submit(self, submit: Submit, *, idempotency_key: str | None = None) -> ExecutionView:
        """Run a ZApp. The same key (a fresh one when None) never starts it twice, however often it is sent."""
        headers = {"Idempotency-Key": idempotency_key or uuid.uuid4().hex}
        return await self._view(ExecutionView, "POST", "/executions", json=_body(submit), headers=headers)

    async def execution(self, execution: str) -> ExecutionView:
        """One execution, by identifier or name. Raises UnknownName."""
        return await self._view(ExecutionView, "GET", _path(execution))

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
        body = _body(Modify(parameters=dict(parameters)))
        return await self._view(ExecutionView, "PATCH", _path(execution), json=body)

    async def terminate(self, execution: str) -> ExecutionView:
        """Ask for its end; returns when the wish is stored. A second call changes nothing."""
        return await self._view(ExecutionView, "DELETE", _path(execution))

    async def attach(self, execution: str, attachment: Attachment) -> ExecutionView:
        """Tie it to a notebook."""
        return await self._view(ExecutionView, "PUT", _path(execution, "attachment"), json=_body(attachment))

    async def detach(self, execution: str) -> None:
        """Untie it from its notebook; it lives on."""
        await self._request("DELETE", _path(execution, "attachment"))

    async def keep(self, execution: str, seconds: int | float | str) -> ExecutionView:
        """Keep it, though idle, for so long from now: seconds, or text such as ``2h``; 0 takes that back.

        Raises InvalidParameter, with the bound, for more than it may be kept, and Conflict when it is ending.
        """
        try:
            body = _body(KeepAlive(seconds=parse_seconds(seconds)))
        except ValueError as error:
            raise InvalidParameter("seconds", str(error)) from None
        return await self._view(ExecutionView, "PUT", _path(execution, "keep-alive"), json=body)

    async def end_with_kernel(self, execution: str, kernel: str) -> ExecutionView:
        """Say that a kernel is gone for good: ends the execution if it is tied to that one."""
        return await self._view(ExecutionView, "DELETE", _path(execution, f"kernels/{quote(kernel, safe='')}"))

    async def connection(self, execution: str) -> ConnectionView:
        """How a kernel connects. Raises Conflict unless it runs, NotPermitted for anybody but its owner."""
        return await self._view(ConnectionView, "GET", _path(execution, "connection"))

    async def report(self, execution: str, process: str, ordinal: int, report: Report) -> None:
        """Say how an instance is that the back end does not run (the user's server)."""
        place = _path(execution, f"instances/{quote(process, safe='')}/{ordinal}")
        await self._request("PUT", place, json=_body(report))

    # -- streams

    async def events(
        self,
        execution: str | None = None,
        *,
        after: int | None = None,
        patience: float = PATIENCE,
        on_gap: Callable[[], None] | None = None,
    ) -> AsyncGenerator[Event, None]:
        """Events as they are stored, of everything one may see or of one execution. Never ends by itself.

        `after`: begin behind this `seq` (0: from the first one); without it, from now on. A lost stream is
        resumed where it broke. `on_gap` is called where events are missing, because executions that ended long ago
        are deleted: read afresh what there is. Of one execution, none is ever missing. Raises ServiceUnavailable
        when the service was away for `patience` seconds.
        """
        clock = asyncio.get_running_loop().time
        last, failures, since = after, 0, clock()
        while True:
            try:
                async with aclosing(self._stream_events(execution, last, on_gap)) as stream:
                    async for event in stream:
                        failures, since = 0, clock()
                        if event is None or (last is not None and event.seq <= last):
                            continue
                        last = event.seq
                        yield event
            except httpx.TransportError as error:
                if clock() - since > patience and failures:
                    raise self._away(error) from error
            except ServiceUnavailable:
                if clock() - since > patience:
                    raise
            except TooManyRequests as error:
                if clock() - since > patience:
                    raise
                await asyncio.sleep(error.retry_after)
            await asyncio.sleep(min(0.1 * 2**failures, 5.0))
            failures += 1

    async def _stream_events(
        self, execution: str | None, after: int | None, on_gap: Callable[[], None] | None
    ) -> AsyncGenerator[Event | None, None]:
        """Events of one connection; None for its opening."""
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-cache"}
        if after is not None:
            headers["Last-Event-ID"] = str(after)
        query = {} if execution is None else {"execution": execution}
        timeout = httpx.Timeout(self._timeout, read=_SILENCE)
        async with self._http.stream("GET", "/events", params=query, headers=headers, timeout=timeout) as response:
            if response.status_code != 200:
                await response.aread()
                raise self._refusal(response)
            yield None
            async with aclosing(sse.messages(response.aiter_lines())) as messages:
                async for message in messages:
                    if message.event == _GAP:
                        if on_gap is not None:
                            on_gap()
                        continue
                    try:
                        yield Event.model_validate_json(message.data)
                    except ValidationError:
                        continue  # a kind of event that only a newer version knows

    async def logs(
        self,
        execution: str,
        process: str | None = None,
        ordinal: int | None = None,
        *,
        follow: bool = False,
        tail: int | None = None,
    ) -> AsyncGenerator[bytes, None]:
        """What instances wrote, in chunks. With `follow`, until they have ended."""
        query = {"process": process, "ordinal": ordinal, "tail": tail, "follow": "true" if follow else None}
        params = {key: value for key, value in query.items() if value is not None}
        timeout = httpx.Timeout(self._timeout, read=None if follow else self._timeout)
        headers = {"Accept": "text/plain"}
        try:
            request = self._http.stream(
                "GET", _path(execution, "logs"), params=params, timeout=timeout, headers=headers
            )
            async with request as response:
                if response.status_code != 200:
                    await response.aread()
                    raise self._refusal(response)
                async for chunk in response.aiter_bytes():
                    yield chunk
        except httpx.TransportError as error:
            raise self._away(error) from error

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
        waiting = asyncio.ensure_future(self._wait(execution, done, on_event))
        try:
            # Not asyncio.wait_for: before Python 3.12 it can lose a cancellation that comes with the result.
            in_time, _ = await asyncio.wait({waiting}, timeout=timeout)
        finally:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        if not in_time:
            raise TimeoutError(f"{execution} was not where it should be within {timeout:g} seconds.")
        return waiting.result()

    async def _wait(
        self,
        execution: str,
        done: Callable[[ExecutionView], bool],
        on_event: Callable[[Event, ExecutionView], None] | None,
    ) -> ExecutionView:
        view = await self.execution(execution)
        if self._settled(view, done):
            return view
        # From the first event on: whatever happened between the reading above and the stream's opening is in it.
        arrived: asyncio.Queue[Event | BaseException] = asyncio.Queue()
        reader = asyncio.create_task(self._collect(view.id, arrived))
        try:
            while True:
                batch = [await arrived.get()]
                while not arrived.empty():
                    batch.append(arrived.get_nowait())
                view = await self._patiently(view.id)
                for item in batch:
                    if isinstance(item, BaseException):
                        raise item
                    if on_event is not None:
                        on_event(item, view)
                if self._settled(view, done):
                    return view
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)

    async def _patiently(self, execution: str) -> ExecutionView:
        """The execution; like its events, also when the service is away for a while."""
        clock = asyncio.get_running_loop().time
        since = clock()
        while True:
            try:
                return await self.execution(execution)
            except ServiceUnavailable:
                if clock() - since > PATIENCE:
                    raise
            await asyncio.sleep(1)

    async def _collect(self, execution: str, arrived: asyncio.Queue[Event | BaseException]) -> None:
        try:
            async with aclosing(self.events(execution, after=0)) as events:
                async for event in events:
                    arrived.put_nowait(event)
        except Exception as error:  # handed to whoever waits
            arrived.put_nowait(error)

    @staticmethod
    def _settled(view: ExecutionView, done: Callable[[ExecutionView], bool]) -> bool:
        if done(view):
            return True
        if view.state.ended:
            raise ExecutionEnded(ended_sentence(view))
        return False

    # -- one request

    async def _view(self, kind: type[V], method: str, path: str, **kwargs: Any) -> V:
        return self._parse(kind, self._json(await self._request(method, path, **kwargs)))

    async def _request(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        """The answer, when it is one of success. All our requests may be sent twice: see `Idempotency-Key`."""
        delays = self._delays
        if delays is None:
            delays = RETRY_DELAYS if method == "GET" else WISH_DELAYS
        for delay in (*delays, None):
            try:
                response = await self._http.request(method, path, **kwargs)
            except httpx.TransportError as error:
                if delay is None:
                    raise self._away(error) from error
            else:
                if response.is_success:
                    return response
                if delay is None or response.status_code not in _TRY_AGAIN or self._not_set_up(response):
                    raise self._refusal(response)
                delay = max(delay, _asked_to_wait(response))
            await asyncio.sleep(delay)
        raise AssertionError("unreachable")

    def _json(self, response: httpx.Response) -> dict[str, Any]:
        try:
            document = response.json()
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise ServiceUnavailable(f"What answers at {self.url} is not Zoe's service; check the address.")
        return document

    def _parse(self, kind: type[V], document: Any) -> V:
        try:
            return kind.model_validate(document)
        except ValidationError as error:
            where = ".".join(map(str, error.errors()[0]["loc"]))
            raise ServiceUnavailable(
                f"The answer of {self.url} cannot be read (at {where!r}): "
                "client and service may be of different versions."
            ) from error

    @staticmethod
    def _not_set_up(response: httpx.Response) -> bool:
        problem = problems.parse(response.headers.get("content-type", ""), response.content)
        return problem is not None and problem.get("type") == problems.NOT_SET_UP

    def _refusal(self, response: httpx.Response) -> ZoeError:
        problem = problems.parse(response.headers.get("content-type", ""), response.content)
        if problem is not None:
            error = problems.to_error(response.status_code, problem)
            if isinstance(error, TooManyRequests):
                error.retry_after = _asked_to_wait(response)
            return error
        if response.is_redirect or response.status_code in (401, 403):
            return NotPermitted(f"{self.url} does not accept this token; log in again or request a new one.")
        if response.status_code == 404:
            return ServiceUnavailable(
                f"There is no Zoe service at {self.url}; check the address with your administrator."
            )
        return ServiceUnavailable(
            f"Zoe's service at {self.url} answered {response.status_code} {response.reason_phrase}; "
            "try again in a minute."
        )

    def _away(self, error: httpx.TransportError) -> ServiceUnavailable:
        slow = isinstance(error, httpx.TimeoutException) and not isinstance(error, httpx.ConnectTimeout)
        what = "did not answer in time" if slow else "could not be reached"
        return ServiceUnavailable(
            f"Zoe's service at {self.url} {what}. What runs keeps running: "
            "try again, and tell your administrator if it lasts."
        )


def _asked_to_wait(response: httpx.Response) -> float:
    """Seconds that the answer asks to wait before the next attempt, of which some are borne."""
    said = response.headers.get("Retry-After", "")
    return min(float(said), _LONGEST_WAIT) if said.isdecimal() and said.isascii() else 0.0


def ended_sentence(view: ExecutionView) -> str:
    """How an execution ended, for people."""
    verb = {ExecutionState.FAILED: "failed", ExecutionState.COMPLETED: "has completed"}.get(
        view.state, "was terminated"
    )
    return f"{view.name} {verb}: {view.reason}" if view.reason else f"{view.name} {verb}."


def _path(execution: str, rest: str = "") -> str:
    path = f"/executions/{quote(execution, safe='')}"
    return f"{path}/{rest}" if rest else path


def _body(document: Document) -> Any:
    """As JSON. Raises InvalidRequest for a parameter's value that is of no type that JSON has."""
    if isinstance(document, (Submit, Modify)):
        plain = {name: _plain(value) for name, value in document.parameters.items()}
        document = document.model_copy(update={"parameters": plain})
    try:
        return document.model_dump(mode="json", exclude_none=True)
    except PydanticSerializationError as error:
        raise InvalidRequest(f"A parameter is a number, a text, true or false: {error}.") from error


def _plain(value: Any) -> Any:
    """The number that numpy or pandas wrapped; anything else as it is."""
    item = getattr(value, "item", None)
    return item() if callable(item) and getattr(value, "ndim", None) == 0 else value
