"""What happens when the server loads the extension."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

from jupyter_server.utils import url_path_join

from zoe_hub.model.errors import ZoeError

from . import surroundings
from .handlers import make_handlers
from .kernels import ZoeKernels
from .relay import Relay

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

    from .embedded import OwnService

_WARM_UP_AFTER = 2.0
"""Seconds after the start at which the HTTP client is imported: not before the first page is served."""


def load(serverapp: ServerApp) -> None:
    """Add the handlers, and say to kernels and terminals where they find Zoe."""
    prefix = url_path_join(serverapp.base_url, "zoe/api/v1")
    relay = Relay.from_environment(os.environ)
    own = None if relay.url else _own_service(serverapp)
    serverapp.web_app.settings["zoe_relay"] = relay = own or relay
    # What the panel in JupyterLab is told: a service of the user's own is not started before somebody wants it.
    page = serverapp.web_app.settings.setdefault("page_config_data", {})
    page["zoe"] = "own" if own is not None else "hub" if relay.url else "none"
    serverapp.web_app.add_handlers(".*$", make_handlers(prefix))  # type: ignore[no-untyped-call]
    if own is not None:
        _add_pages(serverapp, own)
        serverapp.io_loop.add_callback(_look_after, serverapp, own)
        serverapp.log.info("Zoe: clusters run on this machine; what is kept of them is in %s", own.home)
    if relay.url:
        # The port is known for sure once the loop runs: the server may have been moved to a free one.
        serverapp.io_loop.add_callback(_announce, serverapp, relay)
        serverapp.io_loop.add_callback(_watch_kernels, serverapp, relay)
        serverapp.io_loop.call_later(_WARM_UP_AFTER, _warm_up)
        serverapp.log.info("Zoe: %s is relayed at %s", relay.url, prefix)
    else:
        serverapp.log.info("Zoe: ZOE_URL is not set, so notebooks here cannot start clusters")


def _own_service(serverapp: ServerApp) -> OwnService | None:
    """This user's own, where no Hub's is set up and nobody has switched it off."""
    from zoe_hub.nearby.home import own_home
    from zoe_hub.nearby.settings import settings_in

    from .embedded import OwnService, ZoeEmbedded

    embedded = ZoeEmbedded(parent=serverapp)
    if not embedded.active(os.environ):
        return None
    try:
        begin: dict[str, Any] = {**embedded.begin(), "settings": settings_in(serverapp.config)}
        home = own_home()
        service = OwnService(home, url_path_join(serverapp.base_url, "zoe/"), begin)
        service.register()
    except ZoeError as error:
        serverapp.log.error("Zoe: %s", error)
    except OSError as error:
        serverapp.log.error("Zoe: %s cannot be used: %s. Set ZOE_HOME to another folder.", home, error.strerror)
    else:
        return service
    return None


def _add_pages(serverapp: ServerApp, own: OwnService) -> None:
    from .pages import make_pages

    def mount(prefix: str) -> None:
        if prefix not in mounted:
            mounted.add(prefix)
            serverapp.web_app.add_handlers(".*$", make_pages(own, prefix))  # type: ignore[no-untyped-call]

    mounted: set[str] = set()
    mount(own.prefix)
    # A service that another server started, with another base URL, and its clusters speak of that server's paths.
    own.on_found.append(lambda found: mount(found.prefix))


async def _look_after(serverapp: ServerApp, own: OwnService) -> None:
    try:
        await own.look_after_what_was_left()
    except ZoeError as error:
        serverapp.log.error("Zoe: %s", error)


def _announce(serverapp: ServerApp, relay: Relay) -> None:
    os.environ.update(surroundings.for_kernels(serverapp, os.environ, server=relay.server, token=relay.key))


async def _watch_kernels(serverapp: ServerApp, relay: Relay) -> None:
    # A gateway's kernels are another server's, and its list may be late.
    if not serverapp.gateway_config.gateway_enabled:
        kernels = ZoeKernels(parent=serverapp)
        kernels.watch(relay, serverapp.kernel_manager.list_kernel_ids, serverapp.event_logger)
        serverapp.web_app.settings["zoe_kernels"] = kernels


def _warm_up() -> None:
    asyncio.get_running_loop().run_in_executor(None, __import__, "httpx")
