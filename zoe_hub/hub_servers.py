"""Which user servers there are, as JupyterHub says it. Needs the scope `read:servers`, and no other."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import quote

import httpx

from .model.errors import ServiceUnavailable, UnknownName

SCOPE = "read:servers"


class HubServers:
    """Asks the Hub's REST interface. Bound to one event loop; a new connection is made when it is needed."""

    def __init__(self, environment: Mapping[str, str] = os.environ, *, timeout: float = 10.0) -> None:
        self._url = environment.get("JUPYTERHUB_API_URL", "").rstrip("/")
        token = environment.get("JUPYTERHUB_API_TOKEN", "")
        self._client: dict[str, Any] = {
            "timeout": timeout,
            "trust_env": False,
            "headers": {"Authorization": f"token {token}"},
        }
        # A hub with internal SSL.
        key, certificate = environment.get("JUPYTERHUB_SSL_KEYFILE"), environment.get("JUPYTERHUB_SSL_CERTFILE")
        if key and certificate:
            self._client |= {"cert": (certificate, key), "verify": environment.get("JUPYTERHUB_SSL_CLIENT_CA", True)}

    @property
    def known(self) -> bool:
        """Whether there is a Hub to be asked."""
        return bool(self._url)

    async def of(self, user: str) -> Collection[str]:
        """A user's servers that run, start or stop. Raises UnknownName and ServiceUnavailable."""
        try:
            async with httpx.AsyncClient(**self._client) as http:
                answer = await http.get(f"{self._url}/users/{quote(user, safe='')}")
                if answer.status_code == 404:
                    # The Hub says the same of what is not there and of what may not be seen.
                    await self._check_scope(http)
                    raise UnknownName("user of the Hub", user)
                servers = _document(answer).get("servers")
        except (httpx.HTTPError, ValueError) as error:
            raise ServiceUnavailable(f"JupyterHub does not say which servers {user} has: {error!r}") from error
        if not isinstance(servers, dict):
            raise ServiceUnavailable(f"JupyterHub does not say which servers {user} has; {_HINT}")
        return {f"{user}/{name}" for name in servers}

    async def _check_scope(self, http: httpx.AsyncClient) -> None:
        scopes = _document(await http.get(f"{self._url}/user")).get("scopes", [])
        if SCOPE not in scopes:
            raise ServiceUnavailable(f"Zoe's service may not see which servers there are; {_HINT}")


def _document(answer: httpx.Response) -> dict[str, Any]:
    document = answer.raise_for_status().json()
    if not isinstance(document, dict):
        raise ValueError("its answer is no document")
    return document


_HINT = f"give it the scope {SCOPE}, as zoe_hub.hub.configure does"
