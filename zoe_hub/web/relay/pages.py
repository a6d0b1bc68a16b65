"""Pages of clusters over HTTP, streamed in both directions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
from tornado.iostream import StreamClosedError
from tornado.web import stream_request_body

from ...relaying import HOP_BY_HOP, named_in, streamed
from ..context import WebContext
from ..events import EventFeed
from ..limits import Meter
from ..problems import Refused
from .finding import CONNECT_TIMEOUT, RelayHandler
from .target import Target

_NOT_RETURNED = HOP_BY_HOP | {
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
_SILENCE = 300.0
"""Seconds without a byte after which a page's answer is given up."""
_UNLIMITED = 2**50
"""Bytes of a request's body: it is never held. Seconds, too, that it may take: it counts as a stream meanwhile."""
_WAITING_CHUNKS = 8
"""Pieces of a body that wait for the page."""


@stream_request_body
class PageRelay(RelayHandler):
    """HTTP, whichever the method, streamed in both directions."""

    has_body = False

    def initialize(self, context: WebContext, feed: EventFeed, meter: Meter, **options: Any) -> None:
        super().initialize(context, feed, meter, **options)
        self._chunks: asyncio.Queue[bytes | None] = asyncio.Queue(_WAITING_CHUNKS)
        self._exchange: asyncio.Task[None] | None = None
        self._close_stream: Callable[[], None] = lambda: None

    async def prepare(self) -> None:
        target = await self.find_target()
        if target is None:
            return
        if self.request.method not in ("GET", "HEAD"):
            self.refuse_foreign_pages()
        if not self.rest:
            query = f"?{self.request.query}" if self.request.query else ""
            self.redirect(f"{target.prefix}/{query}", status=307)
            return
        self._close_stream = self.meter.open_stream(self.caller)
        if self.request.connection is not None:
            self.request.connection.set_max_body_size(_UNLIMITED)  # type: ignore[attr-defined]
            self.request.connection.set_body_timeout(_UNLIMITED)  # type: ignore[attr-defined]
        self._exchange = asyncio.ensure_future(self._relay(target))
        # How long a page takes for an answer, its owner's cluster decides.
        self._exchange.add_done_callback(lambda _: self._close_stream())

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
        url = httpx.URL(scheme="http", host=target.host, port=target.port, raw_path=ascii_path(path))
        timeout = httpx.Timeout(_SILENCE, connect=CONNECT_TIMEOUT)
        async with streamed(
            self.http,
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
        dropped = _NOT_RETURNED | named_in(answer.headers.get_list("connection"))
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


def ascii_path(path: str) -> bytes:
    """A path and query as they may be sent: browsers write other bytes as ``%..`` themselves."""
    return b"".join(b"%%%02X" % byte if byte > 127 else bytes((byte,)) for byte in path.encode("latin-1"))


def _private(directives: str) -> str:
    """The same `Cache-Control`, for the browser's own cache at most."""
    kept = [word.strip() for word in directives.split(",")]
    shared = ("public", "private", "s-maxage", "stale-")
    kept = [word for word in kept if word.isascii() and word and not word.lower().startswith(shared)]
    return ", ".join(["private", *kept])
