"""Zoe's pages and those of clusters below ``zoe/``, for the browser that has this server open. Without a Hub only."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from tornado import web
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.httputil import HTTPServerRequest
from tornado.iostream import StreamClosedError
from tornado.netutil import Resolver
from tornado.routing import PathMatches, Rule

from zoe_hub.model.errors import ServiceUnavailable
from zoe_hub.relaying import HOP_BY_HOP, RelayedSocket, handed_on

from .door import Door
from .embedded import OwnService
from .relay import without_token

_FOREIGN = re.compile(r"/?executions/[^/]+/ui/")
"""Pages of frameworks, which know nothing of this server's XSRF tokens."""
_NOT_FORWARDED = {
    "authorization", "content-length", "cookie", "expect", "host", "origin", "referer",
    "x-real-ip", "x-scheme", "x-xsrftoken", "x-zoe-xsrf",
}  # fmt: skip
_NOT_RETURNED = HOP_BY_HOP | {"date", "server", "set-cookie"}
_Method = Callable[..., Coroutine[Any, Any, None]]
_may_execute: Callable[[_Method], _Method] = authorized("execute")
"""What a websocket means to the server's authorizer, as those of its own kernels do."""
_CONNECT_TIMEOUT = 20.0


class _Passing(Door, JupyterHandler):
    auth_resource = "zoe"

    def initialize(self, service: OwnService, prefix: str) -> None:
        self._service = service
        self._prefix = prefix

    @property
    def _path(self) -> str:
        """Below the prefix, with a slash before it."""
        path = "/" + self.request.path[len(self._prefix) :].lstrip("/")
        if ".." in path.split("/"):
            raise web.HTTPError(400, "A path may not hold '..'.")
        return path

    def check_xsrf_cookie(self) -> None:
        if not _FOREIGN.match(self._path):
            super().check_xsrf_cookie()
        elif hasattr(self, "_jupyter_current_user") and not (self.token_authenticated or self._same_origin()):
            raise web.HTTPError(403, "A page of another site sent this request.")

    def _same_origin(self) -> bool:
        site = self.request.headers.get("Sec-Fetch-Site")
        if site is not None:
            return site in ("same-origin", "none")
        origin = self.request.headers.get("Origin")
        return origin is not None and origin.partition("://")[2] == self.request.host

    def _forwarded(self) -> list[tuple[str, str]]:
        return [
            *handed_on(self.request.headers, _NOT_FORWARDED),
            ("X-Real-Ip", self.request.remote_ip or ""),
        ]


class Page(_Passing):
    """HTTP, whichever the method."""

    SUPPORTED_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    _relaying: asyncio.Task[None] | None = None

    async def _run(self) -> None:
        self._relaying = asyncio.create_task(self._relay())
        try:
            await self._relaying
        except asyncio.CancelledError:
            if not self._relaying.cancelled():
                raise

    @web.authenticated
    @authorized
    async def _look(self) -> None:
        await self._run()

    # Not one for all: `authorized` goes on asking for what the first request's method means.
    @web.authenticated
    @authorized
    async def _change(self) -> None:
        await self._run()

    get = head = options = _look
    post = put = patch = delete = _change

    def on_connection_close(self) -> None:
        if self._relaying is not None:
            self._relaying.cancel()

    async def _relay(self) -> None:
        import httpx

        path, query = self._path, without_token(self.request.query)
        headers = self._forwarded()
        if not _FOREIGN.match(path):
            headers.append(("X-Zoe-XSRF", self.xsrf_token.decode()))
        try:
            method = self.request.method or "GET"
            async with self._service.pass_on(method, path, query, headers, self.request.body) as answer:
                self._begin(answer.status_code, answer.reason_phrase, answer.headers.multi_items())
                await self.flush()
                async for chunk in answer.aiter_raw():
                    self.write(chunk)
                    await self.flush()
            await self.finish()
        except StreamClosedError:
            return  # whoever asked has gone
        except (httpx.TransportError, ServiceUnavailable) as error:
            if self._headers_written:
                # Half an answer is out: only a broken connection says that it is not whole.
                self.request.connection.stream.close()  # type: ignore[union-attr]
                return
            reason = str(error) if isinstance(error, ServiceUnavailable) else "Zoe's service does not answer."
            raise web.HTTPError(503, reason) from error

    def _begin(self, status: int, reason: str, headers: Iterable[tuple[str, str]]) -> None:
        self.set_status(status, reason or None)
        for name in ("Content-Type", "Content-Security-Policy", "X-Content-Type-Options"):
            self.clear_header(name)
        for name, value in headers:
            if name.lower() in ("location", "content-location"):
                value = self._service.public(value)
            if name.lower() not in _NOT_RETURNED:
                self.add_header(name, value)


class Socket(WebSocketMixin, RelayedSocket, _Passing):
    """A websocket on either side."""

    @_may_execute
    async def get(self, *args: Any, **more: Any) -> None:
        found = await self._service.find()
        query = without_token(self.request.query)
        path = found.prefix.rstrip("/") + self._path + (f"?{query}" if query else "")
        request = HTTPRequest(
            f"ws://localhost{path}", connect_timeout=_CONNECT_TIMEOUT, request_timeout=_CONNECT_TIMEOUT
        )
        for name, value in [*self._forwarded(), ("Authorization", f"Bearer {found.token}")]:
            request.headers.add(name, value)
        try:
            await self.reach(request, _UnixResolver(found.socket))
        except HTTPClientError as error:
            raise web.HTTPError(error.code, "The page's websocket could not be opened.") from error
        except (OSError, StreamClosedError) as error:
            raise web.HTTPError(503, "Zoe's service does not answer.") from error
        await super().get(*args, **more)


class _UnixResolver(Resolver):
    """Leads every name to one unix socket."""

    def initialize(self, path: str) -> None:
        self._path = path

    async def resolve(self, host: str, port: int, family: Any = socket.AF_UNSPEC) -> list[tuple[int, Any]]:
        return [(socket.AF_UNIX, self._path)]


class _Websocket(PathMatches):
    """Matches a path where a websocket is wanted."""

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        wanted = request.headers.get("Upgrade", "").lower() == "websocket"
        return super().match(request) if wanted else None


def make_pages(service: OwnService, prefix: str) -> list[Rule]:
    """What the server's application is given. `prefix` ends with a slash."""
    given = {"service": service, "prefix": prefix}
    below = re.escape(prefix) + "(?:.*)$"
    return [
        Rule(_Websocket(below), Socket, given),
        Rule(PathMatches(below), Page, given),
        Rule(PathMatches(re.escape(prefix.rstrip("/")) + "$"), web.RedirectHandler, {"url": prefix}),
    ]
