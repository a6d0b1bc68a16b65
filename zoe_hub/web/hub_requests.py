"""Questions to the Hub, as Zoe's service."""

from __future__ import annotations

from typing import Any

from jupyterhub.services.auth import HubAuth  # type: ignore[import-untyped]
from tornado.httpclient import HTTPRequest


def hub_request(auth: HubAuth, url: str, *, accept: str, timeout: float) -> HTTPRequest:
    """With the service's token, and its certificate where the Hub's own connections are encrypted."""
    certificates: dict[str, Any] = {}
    if auth.certfile and auth.keyfile:
        certificates = {"client_cert": auth.certfile, "client_key": auth.keyfile, "ca_certs": auth.client_ca}
    return HTTPRequest(
        url,
        headers={"Authorization": f"token {auth.api_token}", "Accept": accept},
        request_timeout=timeout,
        **certificates,
    )
