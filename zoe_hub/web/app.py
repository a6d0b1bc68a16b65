"""The application: every route of the Hub service, mounted below its public prefix."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from tornado.routing import Matcher, PathMatches, Rule
from tornado.web import Application, RequestHandler

from .api import OPERATIONS
from .context import WebContext
from .events import EventFeed
from .handlers import UnknownAddress, log_request
from .operations import Operation
from .rest import RestHandler

API = "api/v1"


def make_app(context: WebContext, settings: Mapping[str, Any] | None = None) -> Application:
    """The application. `settings` are tornado's; without a `cookie_secret`, logins end with the process."""
    feed = EventFeed(context.store)
    given = {"context": context, "feed": feed}
    mixin = context.identities.mixin
    rules: list[Rule] = []

    def route(matcher: Matcher, kind: type[RequestHandler], **options: Any) -> None:
        rules.append(Rule(matcher, _mixed(kind, mixin), {**given, **options}))

    base = context.prefix
    for path, operations in _by_path(OPERATIONS).items():
        route(PathMatches(path_pattern(f"{base}{API}{path}")), RestHandler, operations=operations)
    for path, kind in context.identities.routes():
        rules.append(Rule(PathMatches(re.escape(base + path) + "$"), kind))
    defaults: dict[str, Any] = {
        "cookie_secret": secrets.token_bytes(32),
        "log_function": log_request,
        "default_handler_class": _mixed(UnknownAddress, mixin),
        "default_handler_args": given,
        "websocket_ping_interval": 30,
        "xsrf_cookie_kwargs": {"path": base},
    }
    app = Application(rules, **{**defaults, **(settings or {})})
    app.settings["zoe_close"] = feed.close
    return app


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
