"""HTTP over a unix socket, with the standard library."""

from __future__ import annotations

import http.client
import socket
from urllib.parse import unquote


class UnixConnection(http.client.HTTPConnection):
    """To the socket whose path, percent-encoded, is `place`."""

    def __init__(self, place: str, *, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = unquote(place)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
