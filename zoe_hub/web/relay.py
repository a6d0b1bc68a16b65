"""Relays the web pages of clusters to their owner's browser: HTTP and websockets.

The address asked is always the one stored for the execution's first instance; nothing in a
request can change it. Neither side gets to see the other's credentials.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, stream_request_body
from tornado.websocket import WebSocketClientConnection, WebSocketClosedError, WebSocketHandler, websocket_connect

from ..model.bindings import ui_path
from ..model.framework import Port, Purpose
from ..model.references import bind
from . import scopes
from .access import find_execution
from .api.connection import values_of
from .callers import Caller, bearer, require_same_origin
from .context import WebContext
from .events import EventFeed
from .handlers import BaseHandler, stranger
from .limits import Meter
from .problems import Refused
from .views import REACHABLE

PATTERN = r"executions/(?P<id>[^/]+)/ui/(?P<process>[^/]+)/(?P<port>[^/]+)"
"""Below the service's prefix; the rest of the path is the page's."""

_HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_NOT_FORWARDED = _HOP_BY_HOP | {
    "authorization",
    "cookie",
    "expect",
    "host",
    "origin",
    "referer",
    "x-xsrftoken",
    "x-csrftoken",
}
_NOT_RETURNED = _HOP_BY_HOP | {
    # What would reach beyond the page, to the Hub's own origin.
    "alt-svc",
    "cache-control",
    "clear-site-data",
    "cross-origin-resource-policy",
    "date",
    "public-key-pins",
    "server",
    "service-worker-allowed",
    "set-cookie",
    "set-cookie2",
    "strict-transport-security",
}
_CONNECT_TIMEOUT = 10.0
_SILENCE = 300.0
"""Seconds without a byte after which a page's answer is given up."""
_MAX_MESSAGE = 64 * 1024 * 1024
_UNLIMITED = 2**50
_WAITING_CHUNKS = 8


@dataclass(frozen=True)
class Target:
    """A page of a cluster: where it is, and what its requests carry."""

    host: str
    port: int
    prefix: str
    """Public path of the page, without a slash at the end."""
    headers: Mapping[str, str]
    keep_prefix: bool

    @property
    def netloc(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def path(self, rest: str) -> str:
        """The path to ask for, where a browser asks for `rest` below the public path."""
        return (self.prefix + rest) if self.keep_prefix else rest

    def location(self, location: str) -> str:
        """Where a redirection of the page leads in a browser. Raises RemoteProtocolError for what is no address."""
        try:
            parts = urlsplit(location)
        except ValueError as error:
            raise httpx.RemoteProtocolError("The page leads to what is no address") from error
        if parts.netloc not in ("", self.netloc):
            return location
        rest = parts._replace(scheme="", netloc="").geturl()
        below = rest == self.prefix or rest.startswith((self.prefix + "/", self.prefix + "?"))
        if not rest.startswith("/") or below:
            return rest
        # Two slashes would begin the name of another host.
        return self.prefix + "/" + rest.lstrip("/")


class RelayHandler(BaseHandler):
    """Finds the page and checks that the caller is its owner."""

    relays_foreign_pages = True

    def initialize(self, context: WebContext, feed: EventFeed, meter: Meter, **options: Any) -> None:
        super().initialize(context, feed, meter)
        self.caller: Caller | None = None
        self.http: httpx.AsyncClient = options["http"]
        self._pattern: re.Pattern[str] = options["pattern"]

    @property
    def logged_path(self) -> str:
        match = self._pattern.match(self.request.path)
        return match[0] if match else super().logged_path

    async def find_target(self) -> Target | None:
        """The page asked for; nothing when the browser was sent elsewhere, to log in.

        Raises UnknownName, NotPermitted, and Refused when the page is not there.
        """
        caller = await self.require_caller()
        if caller is None:
            return None
        self.caller = caller
        execution = await find_execution(self.context.store, caller, self.path_kwargs["id"], scopes.CONNECT)
        key, name = self.path_kwargs["process"], self.path_kwargs["port"]
        port = next(
            (port for p in execution.plan.processes if p.key == key for port in p.ports if port.name == name), None
        )
        if port is None or port.purpose is not Purpose.UI:
            raise Refused(404, f"{execution.name} has no page {key}/{name}.")
        first = next((i for i in execution.instances if (i.process, i.ordinal) == (key, 0)), None)
        if execution.state not in REACHABLE or first is None or first.host is None or name not in first.ports:
            state = execution.state.value
            raise Refused(
                503, f"This page of {execution.name}, which is {state}, is not there now.", {"Retry-After": "5"}
            )
        framework = next(p.framework for p in execution.plan.processes if p.key == key)
        return Target(
            host=first.host,
            port=first.ports[name],
            prefix=ui_path(self.context.prefix, execution.id, key, name),
            headers=self._own_headers(port, values_of(self.context, execution, framework)),
            keep_prefix=port.keep_prefix,
        )

    @property
    def rest(self) -> str:
        """What follows the page's public path, as the browser wrote it; empty when not even a slash does."""
        match = self._pattern.match(self.request.path)
        if match is None:
            raise Refused(404, "There is nothing at this address.")
        return self.request.path[match.end() :]

    def forwarded(self, target: Target) -> list[tuple[str, str]]:
        """Headers for the page: the browser's without credentials, and the page's own."""
        dropped = _NOT_FORWARDED | _named(self.request.headers.get_list("Connection"))
        dropped |= {name.lower() for name in target.headers}
        kept = [
            (name, value)
            for name, value in self.request.headers.get_all()
            if name.lower() not in dropped and not name.lower().startswith(("x-forwarded-", "sec-websocket-"))
        ]
        return [
            *kept,
            ("Host", target.netloc),
            ("Origin", f"http://{target.netloc}"),
            ("X-Forwarded-Prefix", target.prefix),
            *target.headers.items(),
        ]

    def _refuse_foreign_pages(self) -> None:
        """Raise Refused 403 where another site's page uses the browser's login."""
        try:
            if bearer(self.request) is None:
                require_same_origin(self.request)
        except HTTPError:
            raise Refused(403, "A page of another site sent this request; open the page and try there.") from None

    def _own_headers(self, port: Port, values: Mapping[str, str]) -> dict[str, str]:
        return {name: bind(text, values) for name, text in port.headers.items()}


@stream_request_body
class PageRelay(RelayHandler):
    """HTTP, whichever the method, streamed in both directions."""

    has_body = False

    def initialize(self, context: WebContext, feed: EventFeed, meter: Meter, **options: Any) -> None:
        super().initialize(context, feed, meter, **options)
        self._chunks: asyncio.Queue[bytes | None] = asyncio.Queue(_WAITING_CHUNKS)
        self._exchange: asyncio.Task[None] | None = None

    async def prepare(self) -> None:
        target = await self.find_target()
        if target is None:
            return
        if self.request.method not in ("GET", "HEAD"):
            self._refuse_foreign_pages()
        if not self.rest:
            query = f"?{self.request.query}" if self.request.query else ""
            self.redirect(f"{target.prefix}/{query}", status=307)
            return
        if self.request.connection is not None:
            self.request.connection.set_max_body_size(_UNLIMITED)  # type: ignore[attr-defined]
        self._exchange = asyncio.ensure_future(self._relay(target))

    async def data_received(self, chunk: bytes) -> None:  # type: ignore[override]
        await self._hand_over(chunk)

    async def run(self, **path: str) -> None:
        """End the request's body, and wait for the answer's end."""
        self.has_body = True
        if self._exchange is None:
            return
        await self._hand_over(None)
        try:
            await self._exchange
        except StreamClosedError:
            return
        except httpx.TimeoutException as error:
            self._give_up(Refused(504, "The page did not answer in time; try again."), error)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            self._give_up(Refused(502, "The page could not be reached; its process may be restarting."), error)

    get = head = post = put = patch = delete = options = run

    def on_connection_close(self) -> None:
        if self._exchange is not None:
            self._exchange.cancel()

    async def _hand_over(self, chunk: bytes | None) -> None:
        """Queue a piece of the body, unless the exchange has ended and nobody takes it any more."""
        if self._exchange is None or self._exchange.done():
            return
        putting = asyncio.ensure_future(self._chunks.put(chunk))
        await asyncio.wait({putting, self._exchange}, return_when=asyncio.FIRST_COMPLETED)
        putting.cancel()

    async def _body(self) -> AsyncIterator[bytes]:
        while (chunk := await self._chunks.get()) is not None:
            yield chunk

    async def _relay(self, target: Target) -> None:
        has_body = "Content-Length" in self.request.headers or "Transfer-Encoding" in self.request.headers
        path = target.path(self.rest) + (f"?{self.request.query}" if self.request.query else "")
        url = httpx.URL(scheme="http", host=target.host, port=target.port, raw_path=_ascii(path))
        timeout = httpx.Timeout(_SILENCE, connect=_CONNECT_TIMEOUT)
        async with self.http.stream(
            self.request.method or "GET",
            url,
            # Bytes, because what browsers send need not be ASCII.
            headers=[(name.encode("latin-1"), value.encode("latin-1")) for name, value in self.forwarded(target)],
            content=self._body() if has_body else None,
            timeout=timeout,
        ) as answer:
            if answer.status_code < 200:
                raise httpx.RemoteProtocolError("The page switched to another protocol")
            self._begin(target, answer)
            await self.flush()
            async for chunk in answer.aiter_raw():
                self.write(chunk)
                await self.flush()
        self.finish()

    def _begin(self, target: Target, answer: httpx.Response) -> None:
        self.set_status(answer.status_code, answer.reason_phrase or None)
        for name in ("Content-Type", "Content-Security-Policy", "Referrer-Policy", "X-Content-Type-Options"):
            self.clear_header(name)
        dropped = _NOT_RETURNED | _named(answer.headers.get_list("connection"))
        # The bytes as they are: httpx would guess an encoding, and ours must be one that can be written again.
        for name, value in ((name.decode("latin-1").lower(), v.decode("latin-1")) for name, v in answer.headers.raw):
            if name in dropped or name.startswith("access-control-"):
                continue
            self.add_header(name, target.location(value) if name in ("location", "content-location") else value)
        self.add_header("Content-Security-Policy", "frame-ancestors 'self'")
        # A cache between the Hub and its browsers must not show one user's page to another.
        self.set_header("Cache-Control", _private(answer.headers.get("cache-control", "")))
        self.add_header("Vary", "Cookie, Authorization")

    def _give_up(self, refused: Refused, error: BaseException) -> None:
        if not self._headers_written:
            raise refused from error
        # Half an answer is out: only a broken connection says that it is not whole.
        if self.request.connection is not None:
            self.request.connection.stream.close()  # type: ignore[attr-defined]


class SocketRelay(RelayHandler, WebSocketHandler):
    """A websocket on either side."""

    max_message_size = _MAX_MESSAGE

    def initialize(self, context: WebContext, feed: EventFeed, meter: Meter, **options: Any) -> None:
        super().initialize(context, feed, meter, **options)
        self._upstream: WebSocketClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._close_stream: Callable[[], None] = lambda: None
        self._opening = False

    async def prepare(self) -> None:
        target = await self.find_target()
        if target is None:
            raise stranger()
        self._refuse_foreign_pages()
        self._close_stream = self.meter.open_stream(self.caller)
        path = target.path(self.rest or "/") + (f"?{self.request.query}" if self.request.query else "")
        request = HTTPRequest(
            f"ws://{target.netloc}{path}", connect_timeout=_CONNECT_TIMEOUT, request_timeout=_CONNECT_TIMEOUT
        )
        for name, value in self.forwarded(target):
            request.headers.add(name, value)
        offered = [word.strip() for word in self.request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
        self._opening = True
        try:
            self._upstream = await websocket_connect(
                request, subprotocols=[word for word in offered if word], max_message_size=_MAX_MESSAGE
            )
        except (OSError, HTTPClientError, StreamClosedError, ValueError) as error:
            raise Refused(502, "The page could not be reached; its process may be restarting.") from error
        finally:
            self._opening = False
        if self.request.connection is None or self.request.connection.stream.closed():  # type: ignore[attr-defined]
            # Nobody is there any more whose leaving would close the other side: `on_finish` does.
            raise Refused(502, "Whoever asked has gone.")

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        return self._upstream.selected_subprotocol if self._upstream else None

    def open(self, *_: str, **__: str) -> None:
        self._reader = asyncio.ensure_future(self._read())

    async def on_message(self, message: str | bytes) -> None:
        if self._upstream is not None:
            try:
                await self._upstream.write_message(message, binary=isinstance(message, bytes))
            except WebSocketClosedError:
                self.close(1001)

    def on_close(self) -> None:
        if self._opening:
            return  # it counts until the other side has answered, or many could wait for that at once
        self._close_stream()
        if self._reader is not None:
            self._reader.cancel()
        if self._upstream is not None:
            self._upstream.close()

    def on_finish(self) -> None:
        if self.get_status() == 101:
            return
        self._close_stream()
        if self._upstream is not None:
            self._upstream.close()

    async def _read(self) -> None:
        upstream = self._upstream
        while upstream is not None:
            message = await upstream.read_message()
            if message is None:
                self.close(*_closing(upstream.close_code, upstream.close_reason))
                return
            try:
                await self.write_message(message, binary=isinstance(message, bytes))
            except WebSocketClosedError:
                return


def _ascii(path: str) -> bytes:
    """A path and query as they may be sent: browsers write other bytes as ``%..`` themselves."""
    return b"".join(b"%%%02X" % byte if byte > 127 else bytes((byte,)) for byte in path.encode("latin-1"))


def _private(directives: str) -> str:
    """The same `Cache-Control`, for the browser's own cache at most."""
    kept = [word.strip() for word in directives.split(",")]
    shared = ("public", "private", "s-maxage", "stale-")
    kept = [word for word in kept if word.isascii() and word and not word.lower().startswith(shared)]
    return ", ".join(["private", *kept])


def _closing(code: int | None, reason: str | None) -> tuple[int, str | None]:
    """A close that may be sent: some codes only tell of a connection that broke."""
    return (code, reason) if code and code not in (1005, 1006, 1015) else (1001, None)


def _named(values: Iterable[str]) -> frozenset[str]:
    return frozenset(word.strip().lower() for value in values for word in value.split(","))
