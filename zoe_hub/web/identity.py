"""Who is calling, according to JupyterHub: its tokens, and its login for browsers."""

from __future__ import annotations

import os
from functools import cached_property
from types import TracebackType
from typing import Any

from jupyterhub.services.auth import (  # type: ignore[import-untyped]
    HubOAuth,
    HubOAuthCallbackHandler,
    HubOAuthenticated,
)
from tornado.httputil import url_concat
from tornado.web import RequestHandler

from ..logs import note
from ..model.errors import NotPermitted
from .callers import Caller, bearer, require_same_origin
from .groups import Groups
from .handlers import REQUEST_ID, log, new_request_id
from .logins import Logins
from .navigation import Navigation


class HubIdentities:
    """Asks JupyterHub, through the environment that it gives to its services (``JUPYTERHUB_…``).

    Answers are remembered for `remembered` seconds: so long does a withdrawn token go on working. A browser that
    began to log in at one service may come back to any with the same `logins`.
    """

    def __init__(self, logins: Logins, *, remembered: int = 60) -> None:
        self.auth = _HeaderOAuth(cache_max_age=remembered)
        self.auth.logins = logins
        self._groups = Groups(self.auth, remembered=remembered)
        self._navigation = Navigation(self.auth, public=self.hub_url, remembered=remembered)
        oauth = self.auth
        self._mixin = type("HubMixin", (_HubMixin,), {"_hub_auth": oauth})
        self._callback = type("OAuthCallback", (_Callback,), {"_hub_auth": oauth})

    @property
    def mixin(self) -> type:
        return self._mixin

    @property
    def own_token(self) -> str | None:
        return self.auth.api_token or None

    @property
    def hub_url(self) -> str:
        known = os.environ.get("JUPYTERHUB_PUBLIC_HUB_URL") or f"{self.auth.hub_host}{self.auth.hub_prefix}"
        return known.rstrip("/") + "/"

    async def identify(self, handler: RequestHandler) -> Caller | None:
        model: dict[str, Any] | None = await self.auth.get_user(handler, sync=False)
        if model is None:
            return None
        needed = self.auth.access_scopes
        # The service's own token, with which the spawner calls, need not have the right to visit the service.
        itself = model.get("kind") == "service" and model["name"] == os.environ.get("JUPYTERHUB_SERVICE_NAME")
        if needed and not itself and not self.auth.check_scopes(needed, model):
            raise NotPermitted(f"You may not use this service: your token lacks the scope {sorted(needed)[-1]}.")
        kind = "service" if model.get("kind") == "service" else "user"
        held = await self._groups.expand(frozenset(model.get("scopes", ())))
        groups = tuple(sorted(map(str, model.get("groups") or ())))
        return Caller(name=str(model["name"]), scopes=held, kind=kind, groups=groups)  # type: ignore[arg-type]

    async def groups_of(self, user: str) -> tuple[str, ...]:
        return await self._groups.of(user)

    async def navigation(self, user: str) -> str | None:
        return await self._navigation.of(user)

    def login_url(self, handler: RequestHandler) -> str | None:
        parameters: dict[str, str] = {}
        state: dict[str, str] = {}
        # PKCE came with JupyterHub 6.
        if getattr(self.auth, "pkce_enabled", False):
            verifier, challenge, method = self.auth.generate_pkce_code_challenge()
            parameters = {"code_challenge": challenge, "code_challenge_method": method}
            state = {"code_verifier": verifier}
        parameters["state"] = self.auth.set_state_cookie(handler, next_url=handler.request.uri, **state)
        return url_concat(self.auth.login_url, parameters)

    def routes(self) -> list[tuple[str, type[RequestHandler]]]:
        return [("oauth_callback", self._callback)]


class _HeaderOAuth(HubOAuth):  # type: ignore[misc]
    """Takes tokens from the header or the login's cookie, never from an address; keeps nothing of a login."""

    logins: Logins

    def get_token(self, handler: RequestHandler, in_cookie: bool = True) -> str | None:
        token = bearer(handler.request)
        return token or (self._get_token_cookie(handler) if in_cookie else None)

    # What it would keep in a dictionary of its own.
    def generate_state(self, next_url: str | None = None, **extra_state: Any) -> str:
        return self.logins.seal({"next_url": next_url, **extra_state})

    def _decode_state(self, state_id: str, /) -> dict[str, Any]:
        return self.logins.open(state_id)

    def clear_oauth_state(self, state_id: str) -> None:
        """The Hub takes a code once; the cookie goes."""


class _HubMixin(HubOAuthenticated):  # type: ignore[misc]
    def check_xsrf_cookie(self) -> None:
        if getattr(self, "relays_foreign_pages", False):
            require_same_origin(self.request)
        else:
            super().check_xsrf_cookie()


class _Callback(HubOAuthCallbackHandler):  # type: ignore[misc]
    @cached_property
    def request_id(self) -> str:
        return new_request_id()

    def set_default_headers(self) -> None:
        note(request=self.request_id)
        self.set_header(REQUEST_ID, self.request_id)

    def log_exception(
        self, typ: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None
    ) -> None:
        # Tornado would log the address, with the code in it.
        log.warning("A login did not succeed: %s", value)
