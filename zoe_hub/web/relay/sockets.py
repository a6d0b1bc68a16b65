"""Websockets of clusters' pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.iostream import StreamClosedError

from ...relaying import RelayedSocket
from ..context import WebContext
from ..events import EventFeed
from ..handlers import stranger
from ..limits import Meter
from ..problems import Refused
from .finding import CONNECT_TIMEOUT, RelayHandler


class SocketRelay(RelayedSocket, RelayHandler):
    """A websocket on either side. It counts as one of its owner's streams as long as either is open."""

    def initialize(self, context: WebContext, feed: EventFeed, meter: Meter, **options: Any) -> None:
        super().initialize(context, feed, meter, **options)
        self._close_stream: Callable[[], None] = lambda: None

    async def prepare(self) -> None:
        target = await self.find_target()
        if target is None:
            raise stranger()
        self.refuse_foreign_pages()
        self._close_stream = self.meter.open_stream(self.caller)
        path = target.path(self.rest or "/") + (f"?{self.request.query}" if self.request.query else "")
        request = HTTPRequest(
            f"ws://{target.netloc}{path}", connect_timeout=CONNECT_TIMEOUT, request_timeout=CONNECT_TIMEOUT
        )
        for name, value in self.forwarded(target):
            request.headers.add(name, value)
        try:
            await self.reach(request)
        except (OSError, HTTPClientError, StreamClosedError, ValueError) as error:
            raise Refused(502, "The page could not be reached; its process may be restarting.") from error

    def ended(self) -> None:
        self._close_stream()
