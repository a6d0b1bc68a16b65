"""The server's door: whoever comes in crowds, or does not finish what they say, leaves the service what it needs."""

from __future__ import annotations

import logging
import resource
import time
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream

log = logging.getLogger(__name__)

BODY_WITHIN = 60.0
"""Seconds in which a request's body must have come, where a handler does not allow for more."""
IDLE = 300.0
"""Seconds for which a connection may stay open without a request; also those in which one must have been begun."""
_MOST_FILES = 65_536
_TOLD_EVERY = 60.0


def raise_file_limit() -> int:
    """Let this process open as many files as it may, connections included. Returns how many these are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = most
    return _MOST_FILES if soft == resource.RLIM_INFINITY else soft


def room(files: int) -> int:
    """How many of them connections may take: the rest is for the database, the engine and logs."""
    return files - max(64, min(files // 4, 1024))


class BoundedServer(HTTPServer):
    """Takes connections while there is `room` in the `files` that the process may open; further ones are closed."""

    def initialize(self, *args: Any, files: int = _MOST_FILES, **more: Any) -> None:
        more = {"body_timeout": BODY_WITHIN, "idle_connection_timeout": IDLE, **more}
        super().initialize(*args, **more)
        self._highest = room(files)
        self._told = -_TOLD_EVERY

    def handle_stream(self, stream: IOStream, address: tuple[Any, ...]) -> None:
        # The kernel gives the lowest number that is free.
        if stream.socket.fileno() < self._highest:
            super().handle_stream(stream, address)
            return
        stream.close()
        if time.monotonic() - self._told >= _TOLD_EVERY:
            self._told = time.monotonic()
            log.error("More connections than the %d that are possible: further ones are closed", self._highest)
