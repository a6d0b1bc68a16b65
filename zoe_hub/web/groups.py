"""Who is in which group: JupyterHub knows, and says so to services that ask.

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
from tornado.httpclient import AsyncHTTPClient, HTTPClientError

from ..model.errors import ServiceUnavailable
from .handlers import log
from .hub_requests import hub_request
from .scopes import ADMIN_EXECUTIONS

_FILTERED = f"{ADMIN_EXECUTIONS}!group="
_TIMEOUT = 10.0
_KNOWN = 10_000
"""Users whose groups are remembered."""
READ_GROUPS = "read:users:groups"


class Groups:
    """Members of the Hub's groups, remembered for `remembered` seconds: so long may who left still be reached."""

    def __init__(self, auth: HubAuth, *, remembered: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._auth = auth
        self._remembered = remembered
        self._clock = clock
        self._known: dict[str, tuple[float, frozenset[str]]] = {}
        self._groups: dict[str, tuple[float, tuple[str, ...]]] = {}

    async def expand(self, held: frozenset[str]) -> frozenset[str]:
        """The scopes, with a group's administration written out by members. Raises ServiceUnavailable."""
        found = set(held)
        for scope in held:
            if scope.startswith(_FILTERED):
                members = await self._members(scope.removeprefix(_FILTERED))
                found |= {f"{ADMIN_EXECUTIONS}!user={member}" for member in members}
        return frozenset(found)

    async def of(self, user: str) -> tuple[str, ...]:
        """Of which groups a user is; none, for one whom the Hub does not know. Raises ServiceUnavailable."""
        now = self._clock()
        until, groups = self._groups.get(user, (0.0, ()))
        if now >= until:
            answer = await self._ask(f"users/{quote(user, safe='')}", f"in which groups {user} is")
            if "groups" not in (answer or await self._nobody()):
                raise ServiceUnavailable(
                    f"Zoe's service may not see in which groups {user} is, so it cannot know which quotas hold. Give "
                    f"it the scope {READ_GROUPS}, as zoe_hub.hub.configure does."
                )
            groups = tuple(sorted(map(str, (answer or {}).get("groups", ()))))
            self._groups[user] = (now + self._remembered, groups)
            while len(self._groups) > _KNOWN:
                del self._groups[next(iter(self._groups))]
        return groups

    async def _nobody(self) -> dict[str, Any]:
        """The answer about somebody whom the Hub does not know: it says the same of whom we may not see."""
        ourselves = await self._ask("user", "what Zoe's service may see") or {}
        return {"groups": []} if READ_GROUPS in ourselves.get("scopes", ()) else {}

    async def _members(self, group: str) -> frozenset[str]:
        now = self._clock()
        until, members = self._known.get(group, (0.0, frozenset()))
        if now >= until:
            answer = await self._ask(f"groups/{quote(group, safe='')}", "who is in your group")
            members = frozenset(map(str, (answer or {}).get("users", ())))
            self._known[group] = (now + self._remembered, members)
        return members

    async def _ask(self, path: str, what: str) -> dict[str, Any] | None:
        """The Hub's answer; none where it knows nothing of that, or does not tell us."""
        url = f"{self._auth.api_url.rstrip('/')}/{path}"
        request = hub_request(self._auth, url, accept="application/json", timeout=_TIMEOUT)
        try:
            answer = await AsyncHTTPClient().fetch(request)
        except HTTPClientError as error:
            if error.code in (403, 404):
                log.warning("It is not known %s: the Hub answered %d", what, error.code)
                return None
            raise ServiceUnavailable(f"JupyterHub could not be asked {what}; try again.") from error
        except OSError as error:
            raise ServiceUnavailable(f"JupyterHub could not be asked {what}; try again.") from error
        found: dict[str, Any] = json.loads(answer.body)
        return found
