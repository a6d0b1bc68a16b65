"""The application: every route of the Hub service, mounted below its public prefix."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping
from functools import partial
from http.cookiejar import Cookie, CookieJar
from typing import Any

import httpx
from tornado.httputil import HTTPServerRequest
from tornado.routing import Matcher, PathMatches, Rule
from tornado.web import Application, RequestHandler

from .api import OPERATIONS
from .audit import AuditTrail
from .context import WebContext
from .events import Changed, EventFeed
from .handlers import log_request
from .health import Health, Readiness, Ready
from .limits import Meter
from .metrics import MetricsPage
from .operations import Operation
from .pages import ROUTES, NothingHere
from .relay import PATTERN, PageRelay, SocketRelay
from .rest import RestHandler

API = "api/v1"


def make_app(context: WebContext, settings: Mapping[str, Any] | None = None) -> Application:
    """The application. `settings` are tornado's; without a `cookie_secret`, logins end with the process.

    ``app.settings["close"]`` is a coroutine function that lets go of what the application holds.
    """
    feed = EventFeed(context.store, look=partial(_beside_events, context))
    # Clusters are reached directly, whatever proxy the environment names, and many at a time.
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=50)
    http = httpx.AsyncClient(trust_env=False, follow_redirects=False, limits=limits, cookies=_NoCookies())
    # What a browser does not accept must not be sent to it.
    del http.headers["Accept-Encoding"]
    given = {"context": context, "feed": feed, "meter": Meter(context.limits, own_token=context.identities.own_token)}
    mixin = context.identities.mixin
    rules: list[Rule] = []

    def route(matcher: Matcher, kind: type[RequestHandler], **options: Any) -> None:
        rules.append(Rule(matcher, _mixed(kind, mixin), {**given, **options}))

    base = context.prefix
    for path, operations in _by_path(OPERATIONS).items():
        route(PathMatches(path_pattern(f"{base}{API}{path}")), RestHandler, operations=operations)
    page = re.compile(re.escape(base) + PATTERN)
    relay = {"http": http, "pattern": page}
    route(_Websocket(page.pattern + "(?:/.*)?$"), SocketRelay, **relay)
    route(PathMatches(page.pattern + "(?:/.*)?$"), PageRelay, **relay)
    route(PathMatches(re.escape(base) + "health$"), Health)
    readiness = Readiness(context)
    route(PathMatches(re.escape(base) + "ready$"), Ready, readiness=readiness)
    route(PathMatches(re.escape(base) + "metrics$"), MetricsPage)
    for path, kind in ROUTES:
        route(PathMatches(path_pattern(base + path)), kind)
    for path, callback in context.identities.routes():
        rules.append(Rule(PathMatches(re.escape(base + path) + "$"), callback))
    defaults: dict[str, Any] = {
        "cookie_secret": secrets.token_bytes(32),
        "log_function": log_request,
        "default_handler_class": _mixed(NothingHere, mixin),
        "default_handler_args": given,
        "websocket_ping_interval": 30,
        "xsrf_cookie_kwargs": {"path": base},
    }
    app = Application(rules, **{**defaults, **(settings or {})})

    trail = AuditTrail(context.store, context.metrics)

    async def close() -> None:
        await trail.close()
        await feed.close()
        await http.aclose()

    app.settings.update(close=close, feed=feed, context=context, trail=trail, readiness=readiness)
    context.metrics.subscribers.set_function(lambda: feed.followers)
    return app


async def _beside_events(context: WebContext) -> Mapping[Changed, object]:
    """The shop's files and the quotas, of whose changes nothing is stored that others could follow."""
    context.catalogue.refresh()
    shelves = context.catalogue
    return {
        Changed.SHOP: (dict(shelves.zapps), dict(shelves.frameworks), [str(each) for each in shelves.problems]),
        Changed.QUOTAS: (
            dict(await context.store.quotas()), context.quota_file.quotas(), str(context.quota_file.problem)
        ),
    }  # fmt: skip


class _Websocket(PathMatches):
    """Matches a path where a websocket is wanted."""

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        wanted = request.headers.get("Upgrade", "").lower() == "websocket"
        return super().match(request) if wanted else None


class _NoCookies(CookieJar):
    """Keeps none: one client serves the pages of all users."""

    def set_cookie(self, cookie: Cookie) -> None:
        return


def path_pattern(path: str) -> str:
    """The regular expression of a path with ``{names}``."""
    parts = re.split(r"\{(\w+)\}", path)
    return "".join(f"(?P<{part}>[^/]+)" if index % 2 else re.escape(part) for index, part in enumerate(parts)) + "$"


def _by_path(operations: Iterable[Operation]) -> dict[str, dict[str, Operation]]:
    found: dict[str, dict[str, Operation]] = {}
    for operation in operations:
        found.setdefault(operation.path, {})[operation.method] = operation
    return found


def _mixed(kind: type[RequestHandler], mixin: type) -> type[RequestHandler]:
    return type(kind.__name__, (mixin, kind), {})
