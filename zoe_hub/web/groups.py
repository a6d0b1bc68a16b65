"""Whom the administrators of groups administer: JupyterHub knows, and says so to services that ask.

``custom:zoe:admin:executions!group=staff`` reaches what belongs to the members of staff. It is written
out as one scope with the filter ``!user=`` for each member, which is what the rest of Zoe understands.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from jupyterhub.services.auth import HubAuth  # type: ignore[import-untyped]
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest

from ..model.errors import ServiceUnavailable
from .handlers import log
from .scopes import ADMIN_EXECUTIONS

_FILTERED = f"{ADMIN_EXECUTIONS}!group="
_TIMEOUT = 10.0


class Groups:
    """Members of the Hub's groups, remembered for `remembered` seconds: so long may who left still be reached."""

    def __init__(self, auth: HubAuth, *, remembered: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._auth = auth
        self._remembered = remembered
        self._clock = clock
        self._known: dict[str, tuple[float, frozenset[str]]] = {}

    async def expand(self, held: frozenset[str]) -> frozenset[str]:
        """The scopes, with a group's administration written out by members. Raises ServiceUnavailable."""
        found = set(held)
        for scope in held:
            if scope.startswith(_FILTERED):
                members = await self._members(scope.removeprefix(_FILTERED))
                found |= {f"{ADMIN_EXECUTIONS}!user={member}" for member in members}
        return frozenset(found)

    async def _members(self, group: str) -> frozenset[str]:
        now = self._clock()
        until, members = self._known.get(group, (0.0, frozenset()))
        if now >= until:
            members = await self._ask(group)
            self._known[group] = (now + self._remembered, members)
        return members

    async def _ask(self, group: str) -> frozenset[str]:
        auth = self._auth
        certificates: dict[str, Any] = {}
        if auth.certfile and auth.keyfile:
            certificates = {"client_cert": auth.certfile, "client_key": auth.keyfile, "ca_certs": auth.client_ca}
        request = HTTPRequest(
            f"{auth.api_url.rstrip('/')}/groups/{quote(group, safe='')}",
            headers={"Authorization": f"token {auth.api_token}", "Accept": "application/json"},
            request_timeout=_TIMEOUT,
            **certificates,
        )
        try:
            answer = await AsyncHTTPClient().fetch(request)
        except HTTPClientError as error:
            if error.code in (403, 404):
                log.warning("The members of the group %s are not known: the Hub answered %d", group, error.code)
                return frozenset()
            raise ServiceUnavailable("JupyterHub could not be asked who is in your group; try again.") from error
        except OSError as error:
            raise ServiceUnavailable("JupyterHub could not be asked who is in your group; try again.") from error
        return frozenset(map(str, json.loads(answer.body).get("users", ())))
