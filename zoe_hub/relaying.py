"""What each relay of requests needs, in the Hub service and in a user's server: headers, answers, and websockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from tornado.httpclient import HTTPRequest
from tornado.httputil import HTTPHeaders
from tornado.iostream import StreamClosedError
from tornado.netutil import Resolver
from tornado.websocket import WebSocketClientConnection, WebSocketClosedError, WebSocketHandler, websocket_connect

if TYPE_CHECKING:
    import httpx

HOP_BY_HOP = frozenset(
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
"""Headers, in lower case, of one connection: no relay hands them on."""
_LARGEST = 20 * 2**20
"""Bytes of a websocket's message, as much as Bokeh's own servers take. One that is on its way is held."""
_UNSENDABLE = (1005, 1006, 1015)
"""Codes of a close that only tell of a connection that broke."""


@asynccontextmanager
async def streamed(
    http: httpx.AsyncClient, method: str, url: httpx.URL | str, **more: Any
) -> AsyncGenerator[httpx.Response, None]:
    """As `http.stream`, and let go of in any case. Raises httpx.TransportError.

    Whoever asked may leave, and so cancel this, while it is being let go of already: cut short there, the connection
    to the other side would be closed by nobody.
    """
    answer = await http.send(http.build_request(method, url, **more), stream=True)
    try:
        yield answer
    finally:
        await asyncio.shield(answer.aclose())


def handed_on(headers: HTTPHeaders, dropped: Collection[str]) -> list[tuple[str, str]]:
    """A request's headers for the other side: neither its connection's own, nor `dropped`, which is in lower case."""
    kept_back = HOP_BY_HOP | named_in(headers.get_list("Connection")) | set(dropped)
    return [
        (name, value)
        for name, value in headers.get_all()
        if name.lower() not in kept_back and not name.lower().startswith(("x-forwarded-", "sec-websocket-"))
    ]


def named_in(values: Collection[str]) -> frozenset[str]:
    """The headers, in lower case, that ``Connection`` names."""
    return frozenset(word.strip().lower() for value in values for word in value.split(","))


class RelayedSocket(WebSocketHandler):
    """A websocket on either side: each gets what the other says, and ends with the other.

    A subclass awaits `reach` before it accepts the caller's side.
    """

    max_message_size = _LARGEST
    _upstream: WebSocketClientConnection | None = None
    _reader: asyncio.Task[None] | None = None
    _reaching = False

    async def reach(self, request: HTTPRequest, resolver: Resolver | None = None) -> None:
        """Open the other side, with the subprotocols that the caller offers.

        Raises HTTPClientError where it refuses; OSError, ValueError and StreamClosedError where it is not reached, the
        last also where the caller has left meanwhile. Whatever ends the request then closes what was opened.
        """
        offered = [word.strip() for word in self.request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
        self._reaching = True
        try:
            self._upstream = await websocket_connect(
                request,
                subprotocols=[word for word in offered if word],
                max_message_size=_LARGEST,
                resolver=resolver,
            )
        finally:
            self._reaching = False
        if self.request.connection is None or self.request.connection.stream.closed():  # type: ignore[attr-defined]
            raise StreamClosedError

    def ended(self) -> None:
        """Called when neither side is open, nor being opened, any more; perhaps more than once. Does nothing."""

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        return self._upstream.selected_subprotocol if self._upstream else None

    def open(self, *args: Any, **more: Any) -> None:
        super().open(*args, **more)
        self._reader = asyncio.ensure_future(self._read())

    async def on_message(self, message: str | bytes) -> None:
        if self._upstream is not None:
            try:
                await self._upstream.write_message(message, binary=isinstance(message, bytes))
            except WebSocketClosedError:
                self.close(1001)

    def on_close(self) -> None:
        # Whoever left while the other side is reached still uses it: many could wait for that at once.
        if not self._reaching:
            self._end()

    def on_finish(self) -> None:
        if self.get_status() != 101:
            self._end()

    def _end(self) -> None:
        self.ended()
        if self._reader is not None:
            self._reader.cancel()
        if self._upstream is not None:
            self._upstream.close()

    async def _read(self) -> None:
        upstream = self._upstream
        while upstream is not None:
            message = await upstream.read_message()
            if message is None:
                code = upstream.close_code
                self.close(code if code and code not in _UNSENDABLE else 1001, upstream.close_reason)
                return
            try:
                await self.write_message(message, binary=isinstance(message, bytes))
            except WebSocketClosedError:
                return
