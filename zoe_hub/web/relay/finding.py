"""Finds the page that is asked for, and lets nobody but its owner near."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import httpx
from tornado.web import HTTPError

from ...model.bindings import ui_path
from ...model.framework import Port, Purpose
from ...model.references import bind
from ...relaying import handed_on
from .. import scopes
from ..access import find_execution
from ..api.connection import values_of
from ..callers import Caller, bearer, require_same_origin
from ..context import WebContext
from ..events import EventFeed
from ..handlers import BaseHandler
from ..limits import Meter
from ..problems import Refused
from ..views import REACHABLE
from .target import Target

PATTERN = r"executions/(?P<id>[^/]+)/ui/(?P<process>[^/]+)/(?P<port>[^/]+)"
"""Below the service's prefix; the rest of the path is the page's."""
CONNECT_TIMEOUT = 10.0
"""Seconds in which a page must be reached."""

_NOT_FORWARDED = frozenset(
    {"authorization", "cookie", "expect", "host", "origin", "referer", "x-xsrftoken", "x-csrftoken"}
)


class RelayHandler(BaseHandler):
    """Finds the page and checks that the caller is its owner."""

    relays_foreign_pages = True

    def initialize(self, context: WebContext, feed: EventFeed, meter: Meter, **options: Any) -> None:
        super().initialize(context, feed, meter)
        self.caller: Caller | None = None
        self.http: httpx.AsyncClient = options["http"]
        self._pattern: re.Pattern[str] = options["pattern"]

    @property
    def logged_path(self) -> str:
        match = self._pattern.match(self.request.path)
        return match[0] if match else super().logged_path

    async def find_target(self) -> Target | None:
        """The page asked for; nothing when the browser was sent elsewhere, to log in.

        Raises UnknownName, NotPermitted, and Refused when the page is not there.
        """
        caller = await self.require_caller()
        if caller is None:
            return None
        self.caller = caller
        execution = await find_execution(self.context.store, caller, self.path_kwargs["id"], scopes.CONNECT)
        key, name = self.path_kwargs["process"], self.path_kwargs["port"]
        port = next(
            (port for p in execution.plan.processes if p.key == key for port in p.ports if port.name == name), None
        )
        if port is None or port.purpose is not Purpose.UI:
            raise Refused(404, f"{execution.name} has no page {key}/{name}.")
        first = next((i for i in execution.instances if (i.process, i.ordinal) == (key, 0)), None)
        if execution.state not in REACHABLE or first is None or first.host is None or name not in first.ports:
            state = execution.state.value
            raise Refused(
                503, f"This page of {execution.name}, which is {state}, is not there now.", {"Retry-After": "5"}
            )
        framework = next(p.framework for p in execution.plan.processes if p.key == key)
        return Target(
            host=first.host,
            port=first.ports[name],
            prefix=ui_path(self.context.prefix, execution.id, key, name),
            headers=self._own_headers(port, values_of(self.context, execution, framework)),
            keep_prefix=port.keep_prefix,
        )

    @property
    def rest(self) -> str:
        """What follows the page's public path, as the browser wrote it; empty when not even a slash does."""
        match = self._pattern.match(self.request.path)
        if match is None:
            raise Refused(404, "There is nothing at this address.")
        return self.request.path[match.end() :]

    def forwarded(self, target: Target) -> list[tuple[str, str]]:
        """Headers for the page: the browser's without credentials, and the page's own."""
        return [
            *handed_on(self.request.headers, _NOT_FORWARDED | {name.lower() for name in target.headers}),
            ("Host", target.netloc),
            ("Origin", f"http://{target.netloc}"),
            ("X-Forwarded-Prefix", target.prefix),
            *target.headers.items(),
        ]

    def refuse_foreign_pages(self) -> None:
        """Raise Refused 403 where another site's page uses the browser's login."""
        try:
            if bearer(self.request) is None:
                require_same_origin(self.request)
        except HTTPError:
            raise Refused(403, "A page of another site sent this request; open the page and try there.") from None

    def _own_headers(self, port: Port, values: Mapping[str, str]) -> dict[str, str]:
        return {name: bind(text, values) for name, text in port.headers.items()}
