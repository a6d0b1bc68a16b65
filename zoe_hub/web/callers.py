"""Who is calling. The Hub says so in `identity`; here is the form that needs no Hub."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from tornado.httputil import HTTPServerRequest
from tornado.web import HTTPError, RequestHandler

from . import scopes

_READ_ONLY = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Caller:
    """Someone whom the Hub vouches for."""

    name: str
    scopes: frozenset[str]
    kind: Literal["user", "service"] = "user"
    groups: tuple[str, ...] = ()
    """Of the user, at the Hub."""

    @property
    def user(self) -> str | None:
        """The owner of what this caller makes: none for services, even for one named like a user."""
        return self.name if self.kind == "user" else None

    @property
    def admin(self) -> bool:
        """Whether everybody's executions are in reach."""
        return scopes.reaches_all(self.scopes)

    @property
    def leads(self) -> bool:
        """Whether others' executions are in reach, but not everybody's: those of a group's members."""
        return not self.admin and bool(scopes.led(self.scopes) or scopes.reached(self.scopes))

    def may(self, needed: str, owner: str | None = None) -> bool:
        return scopes.allows(self.scopes, needed, owner, self.user)


class Identities(Protocol):
    """Tells who is behind a request."""

    @property
    def mixin(self) -> type:
        """Mixed into every handler, before its own class; brings ``xsrf_token`` and ``check_xsrf_cookie``."""

    @property
    def own_token(self) -> str | None:
        """The token of the service itself, if it has one."""

    @property
    def hub_url(self) -> str | None:
        """Where the Hub's own pages are, as browsers reach them, with a slash at the end; none without a Hub."""

    async def identify(self, handler: RequestHandler) -> Caller | None:
        """The caller, or nothing for a stranger. May be called repeatedly for a handler.

        A cookie counts only where no foreign page can have sent the request: page loads, and
        requests with the XSRF token. Raises NotPermitted for someone known who may not use the
        service, and ServiceUnavailable when the Hub does not answer.
        """

    async def groups_of(self, user: str) -> tuple[str, ...]:
        """Of which groups a user is who need not be calling.

        Raises ServiceUnavailable where that cannot be known: limits of groups must not be passed by unseen.
        """

    async def navigation(self, user: str) -> str | None:
        """The navigation of the Hub's own pages as this user sees it, in HTML; None where there is none to be had."""

    def login_url(self, handler: RequestHandler) -> str | None:
        """Where a browser is sent to log in; may set cookies on the handler's answer."""

    def routes(self) -> list[tuple[str, type[RequestHandler]]]:
        """Further paths below the prefix, such as the end of a login."""


def bearer(request: HTTPServerRequest) -> str | None:
    """The token in ``Authorization: token …`` or ``Bearer …``."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() or None if kind.lower() in ("token", "bearer") else None


def require_same_origin(request: HTTPServerRequest) -> None:
    """Raise HTTPError 403 when a browser says that another site's page sent this request."""
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site is not None:
        same = site in ("same-origin", "none")
    elif origin is not None:
        same = origin.partition("://")[2] == request.host
    else:
        same = request.method in _READ_ONLY
    if not same:
        raise HTTPError(403, "A page of another site sent this request")


class StaticIdentities:
    """Callers by token: for tests, and where no Hub is needed.

    The token may also come in the cookie `cookie`, with tornado's own XSRF protection.
    """

    hub_url: str | None = None

    def __init__(self, callers: Mapping[str, Caller], *, cookie: str | None = None, login: str | None = None) -> None:
        self._callers = dict(callers)
        self._cookie = cookie
        self._login = login

    @property
    def mixin(self) -> type:
        return _StaticMixin

    @property
    def own_token(self) -> str | None:
        return None

    async def identify(self, handler: RequestHandler) -> Caller | None:
        token = bearer(handler.request)
        if token is None and self._cookie is not None:
            token = handler.get_cookie(self._cookie)
            navigated = handler.request.headers.get("Sec-Fetch-Mode", "navigate") in ("navigate", "websocket")
            if token is not None and not (navigated and handler.request.method in _READ_ONLY):
                try:
                    handler.check_xsrf_cookie()
                except HTTPError:
                    return None
        if token is None:
            return None
        return next((caller for known, caller in self._callers.items() if _same(known, token)), None)

    async def groups_of(self, user: str) -> tuple[str, ...]:
        known = (caller.groups for caller in self._callers.values() if caller.user == user and caller.groups)
        return next(known, ())

    async def navigation(self, user: str) -> str | None:
        return None

    def login_url(self, handler: RequestHandler) -> str | None:
        return self._login

    def routes(self) -> list[tuple[str, type[RequestHandler]]]:
        return []


class _StaticMixin:
    def check_xsrf_cookie(self) -> None:
        handler: Any = self
        if getattr(handler, "relays_foreign_pages", False):
            require_same_origin(handler.request)
        else:
            RequestHandler.check_xsrf_cookie(handler)


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
