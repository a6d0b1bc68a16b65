"""Where the service is: plain HTTP, HTTPS with the Hub's internal certificates, or a unix socket."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

import httpx

from ..model.errors import InvalidRequest

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def make_http(url: str, *, timeout: float, environment: Mapping[str, str] = os.environ) -> httpx.AsyncClient:
    """An HTTP client whose base is `url`. Raises InvalidRequest when that is no address.

    ``http+unix://%2Frun%2Fjupyter.sock/base`` is a unix socket. The certificates that JupyterHub gives a
    server for internal SSL (`JUPYTERHUB_SSL_*`) are used for https. A proxy in the environment is not
    asked for addresses of this machine.
    """
    try:
        parts = urlsplit(url.rstrip("/"))
        known = parts.hostname and (parts.port or True)
    except ValueError:
        parts, known = urlsplit(""), None
    # Reading the system's certificates takes a tenth of a second: not where no TLS is spoken. This one trusts nobody.
    verify: ssl.SSLContext | bool = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if parts.scheme == "http+unix" and parts.netloc:
        transport = httpx.AsyncHTTPTransport(uds=unquote(parts.netloc), verify=verify)
        return httpx.AsyncClient(base_url=f"http://localhost{parts.path}", transport=transport, timeout=timeout)
    if parts.scheme not in ("http", "https") or not known:
        raise InvalidRequest(
            f"{url.removesuffix('/api/v1')!r} is no address of Zoe; it is written like "
            "http://127.0.0.1:9999/services/zoe (scheme, host, path)."
        )
    if parts.scheme == "https":
        verify = make_ssl_context(environment) or True
    return httpx.AsyncClient(
        base_url=url.rstrip("/"), timeout=timeout, verify=verify, trust_env=parts.hostname not in _LOOPBACK
    )


def make_ssl_context(environment: Mapping[str, str] = os.environ) -> ssl.SSLContext | None:
    """A context with the Hub's internal certificates beside the system's; None when there are none."""
    authority = environment.get("JUPYTERHUB_SSL_CLIENT_CA")
    certificate, key = environment.get("JUPYTERHUB_SSL_CERTFILE"), environment.get("JUPYTERHUB_SSL_KEYFILE")
    if not authority:
        return None
    context = ssl.create_default_context()
    context.load_verify_locations(authority)
    if certificate and key:
        context.load_cert_chain(certificate, key)
    return context
