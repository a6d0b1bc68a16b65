"""What kernels and terminals of this server find in their environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

_EVERYWHERE = frozenset({"", "0.0.0.0", "::", "*"})


def server_name(environment: Mapping[str, str]) -> str:
    """This server as the Hub calls it: ``user/`` or ``user/servername``; empty outside of a Hub."""
    user = environment.get("JUPYTERHUB_USER", "")
    own = f"{user}/{environment.get('JUPYTERHUB_SERVER_NAME', '')}" if user else ""
    return environment.get("ZOE_SERVER") or own


def for_kernels(
    serverapp: ServerApp, environment: Mapping[str, str], *, server: str, token: str = ""
) -> dict[str, str]:
    """`ZOE_API_URL`, `ZOE_API_TOKEN` and `ZOE_SERVER`. Call it when the server is bound to its port.

    Without a `token` of Zoe's own it is the one of the server.
    """
    own = token or environment.get("JUPYTERHUB_API_TOKEN") or serverapp.identity_provider.token
    return {
        "ZOE_API_URL": local_url(serverapp, environment) + "zoe",
        "ZOE_API_TOKEN": own or "",
        "ZOE_SERVER": server,
    }


def local_url(serverapp: ServerApp, environment: Mapping[str, str]) -> str:
    """Where processes of this machine reach the server, base URL included, with a slash at the end.

    A unix socket is written ``http+unix://%2Fpath%2Fof%2Fsocket/base/``.
    """
    base = serverapp.base_url if serverapp.base_url.endswith("/") else f"{serverapp.base_url}/"
    if serverapp.sock:
        return f"http+unix://{quote(serverapp.sock, safe='')}{base}"
    scheme, host, port = "https" if serverapp.certfile else "http", serverapp.ip, serverapp.port
    under_hub = urlsplit(environment.get("JUPYTERHUB_SERVICE_URL", ""))
    if under_hub.port:
        scheme, host, port = under_hub.scheme, under_hub.hostname or "", under_hub.port
    if host in _EVERYWHERE:
        host = "127.0.0.1"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}{base}"
