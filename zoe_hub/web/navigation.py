"""The Hub's own navigation, for Zoe's pages: the Hub renders it for each user, and it is remembered for a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import urlencode

from jupyterhub.services.auth import HubAuth  # type: ignore[import-untyped]
from tornado.httpclient import AsyncHTTPClient, HTTPClientError

from .handlers import log
from .hub_requests import hub_request

_PATH = "zoe/navigation"
_TIMEOUT = 2.0
"""Seconds that a page waits for it. Without it, a page has a navigation of its own."""
_KNOWN = 1_000
"""Users for whom it is remembered."""


class Navigation:
    """Asks the Hub, which `zoe_hub.hub.configure` has taught to answer."""

    def __init__(
        self, auth: HubAuth, *, public: str, remembered: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._auth = auth
        self._public = public
        self._remembered = remembered
        self._clock = clock
        self._found: dict[str, tuple[float, str | None]] = {}

    async def of(self, user: str) -> str | None:
        """In HTML, with links that lead to the Hub from wherever Zoe's pages are; None where the Hub gives none."""
        now = self._clock()
        until, found = self._found.get(user, (0.0, None))
        if now >= until:
            found = await self._ask(user)
            self._found.pop(user, None)
            self._found[user] = (now + self._remembered, found)
            while len(self._found) > _KNOWN:
                del self._found[next(iter(self._found))]
        return found

    async def _ask(self, user: str) -> str | None:
        auth = self._auth
        url = f"{auth.api_url.rstrip('/').removesuffix('/api')}/{_PATH}?{urlencode({'user': user})}"
        request = hub_request(auth, url, accept="text/html", timeout=_TIMEOUT)
        # What it leads to elsewhere is a page, not a navigation.
        request.follow_redirects = False
        try:
            answer = await AsyncHTTPClient().fetch(request)
        except (HTTPClientError, OSError) as error:
            log.info("The Hub's navigation is not to be had: %s", error)
            return None
        text = answer.body.decode("utf-8", "replace")
        # A Hub on a domain of its own writes links to itself without it.
        return text.replace(f'="{auth.hub_prefix}', f'="{self._public}')
