"""Relays the web pages of clusters to their owner's browser: HTTP and websockets.

The address asked is always the one stored for the execution's first instance; nothing in a
request can change it. Neither side gets to see the other's credentials.
"""

from __future__ import annotations

from .finding import PATTERN
from .pages import PageRelay
from .sockets import SocketRelay

__all__ = ["PATTERN", "PageRelay", "SocketRelay"]
