"""What happens when the server loads the extension."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from jupyter_server.utils import url_path_join

from . import surroundings
from .handlers import make_handlers
from .relay import Relay

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

_WARM_UP_AFTER = 2.0
"""Seconds after the start at which the HTTP client is imported: not before the first page is served."""


def load(serverapp: ServerApp) -> None:
    """Add the handlers, and say to kernels and terminals where they find Zoe."""
    relay = Relay.from_environment(os.environ)
    serverapp.web_app.settings["zoe_relay"] = relay
    prefix = url_path_join(serverapp.base_url, "zoe/api/v1")
    serverapp.web_app.add_handlers(".*$", make_handlers(prefix))  # type: ignore[no-untyped-call]
    if relay.url:
        # The port is known for sure once the loop runs: the server may have been moved to a free one.
        serverapp.io_loop.add_callback(_announce, serverapp, relay)
        serverapp.io_loop.call_later(_WARM_UP_AFTER, _warm_up)
        serverapp.log.info("Zoe: %s is relayed at %s", relay.url, prefix)
    else:
        serverapp.log.info("Zoe: ZOE_URL is not set, so notebooks here cannot start clusters")


def _announce(serverapp: ServerApp, relay: Relay) -> None:
    os.environ.update(surroundings.for_kernels(serverapp, os.environ, server=relay.server))


def _warm_up() -> None:
    asyncio.get_running_loop().run_in_executor(None, __import__, "httpx")
