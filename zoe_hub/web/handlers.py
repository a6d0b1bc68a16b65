"""What all handlers share: identity, problems as answers, headers, and a log without secrets."""

from __future__ import annotations

import html
import json
import logging
import secrets
from asyncio import Future
from functools import cached_property
from types import TracebackType
from typing import Any

from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, RequestHandler, stream_request_body

from .. import logs
from ..model.audit import AuditEntry
from ..model.errors import NotPermitted, ServiceUnavailable, ZoeError
from ..store.base import Store
from .addresses import address_of, sender_of
from .audit import AuditTrail
from .callers import Caller, bearer
from .context import WebContext
from .events import EventFeed
from .limits import Meter
from .problems import Problem, Refused, problem_of

log = logging.getLogger(__name__)
access_log = logging.getLogger("zoe_hub.access")

REQUEST_ID = "X-Request-Id"
_LOGGED = 200
"""Characters of a path."""
_PROBES = frozenset({"health", "ready", "metrics_page"})
"""Asked for every few seconds by machines: their lines are written for debugging only."""
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class BaseHandler(RequestHandler):
    """A handler with a context, whose errors become problem details, or pages for browsers."""

    SUPPORTED_METHODS = _METHODS
    relays_foreign_pages = False
    """Whether pages behind this handler are a framework's, which know nothing of our XSRF tokens."""
    has_body = True
    """Whether the request has been read to its end, so that another may follow it."""

    context: WebContext
    feed: EventFeed
    meter: Meter
    caller: Caller | None = None
    """Who is calling, once `identify` has said so."""
    audits = False
    """Whether the request asks for a change, of which the audit trail tells."""
    answered: float | None = None
    """Seconds from the request to the first byte of its answer."""

    def initialize(self, context: WebContext, feed: EventFeed, meter: Meter, **options: Any) -> None:
        self.context = context
        self.feed = feed
        self.meter = meter
        self._audited = False
        logs.note(request=self.request_id)

    @cached_property
    def request_id(self) -> str:
        """What the answer, the log and the audit trail call this request."""
        return new_request_id()

    @cached_property
    def address(self) -> str:
        """From where the request comes."""
        return address_of(self.request, self.context.proxies)

    @property
    def operation_name(self) -> str:
        """What is asked for, as logs and metrics name it: one of a few words, none of them the caller's."""
        return "".join("_" + c.lower() if c.isupper() else c for c in type(self).__name__).lstrip("_")

    @property
    def audit_target(self) -> str:
        """What the request names: an execution or a ZApp."""
        return self.path_kwargs.get("id") or self.path_kwargs.get("name") or ""

    def audit_entry(self, status: int) -> AuditEntry:
        """What the audit trail says of this request, where its answer has this status."""
        return AuditEntry(
            request=self.request_id,
            action=self.operation_name,
            caller=self.caller.name if self.caller else None,
            kind=self.caller.kind if self.caller else None,
            address=self.address,
            target=self.audit_target,
            status=status,
        )

    def changing_store(self, status: int) -> Store:
        """The store for what this request changes: with each change a line of the audit trail, saying `status`."""
        entry, trail = self.audit_entry(status), self._trail

        def stored() -> None:
            self._audited = True
            trail.stored(entry)

        return self.context.store.audited(entry, stored)

    def on_finish(self) -> None:
        """Tell the trail what no transaction has told it: refusals, and answers that failed after a change."""
        if self.audits and not (self._audited and self.get_status() < 400):
            self._trail.add(self.audit_entry(self.get_status()), logs.known().get("execution"))

    @property
    def _trail(self) -> AuditTrail:
        trail: AuditTrail = self.settings["trail"]
        return trail

    @property
    def logged_path(self) -> str:
        """The path, as far as it is ours: what follows in a cluster's own pages is its user's."""
        return self.request.path

    def flush(self, include_footers: bool = False) -> Future[None]:
        if self.answered is None:
            self.answered = self.request.request_time()
        return super().flush(include_footers)

    def set_default_headers(self) -> None:
        self.set_header(REQUEST_ID, self.request_id)
        self.clear_header("Server")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "same-origin")
        self.set_header("Cross-Origin-Resource-Policy", "same-origin")
        self.set_header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'")

    async def identify(self) -> Caller | None:
        """The caller, or nothing for a stranger. Raises NotPermitted, ServiceUnavailable and TooManyRequests."""
        if self.get_query_arguments("token") and not self.relays_foreign_pages:
            raise Refused(
                400,
                "A token in the address is not accepted, as addresses are logged; send it as the header Authorization.",
            )
        token, sender = bearer(self.request), ""
        if token is not None and not self.meter.knows(token):
            sender = sender_of(self.request, self.context.proxies)
            self.meter.guess(sender, token)
        caller = await self._ask()
        if token is not None and caller is None:
            self.meter.forget(token)
        elif token is not None:
            self.meter.known(sender, token)
        if caller is not None:
            self.meter.count(caller)
        return caller

    async def _ask(self) -> Caller | None:
        try:
            self.caller = await self.context.identities.identify(self)
        except HTTPError as error:
            if error.status_code < 500:
                raise NotPermitted("You may not use this service; ask your administrator for access.") from error
            log.warning("The Hub could not say who is calling: %s", error)
            raise ServiceUnavailable("JupyterHub could not be asked who you are; try again in a minute.") from error
        if self.caller is not None:
            logs.note(caller=self.caller.name)
        return self.caller

    async def require_caller(self) -> Caller | None:
        """The caller; a browser without one is sent to log in, and nothing returned. Raises Refused 401."""
        caller = await self.identify()
        if caller is None and self.is_page_load() and (address := self.context.identities.login_url(self)):
            self.redirect(address)
            return None
        if caller is None:
            raise stranger()
        return caller

    def is_page_load(self) -> bool:
        """Whether a browser wants a page to show, rather than a script its data."""
        mode = self.request.headers.get("Sec-Fetch-Mode", "navigate")
        return self.request.method == "GET" and mode == "navigate" and self.wants_html()

    def wants_html(self) -> bool:
        return "text/html" in self.request.headers.get("Accept", "")

    def finish(self, chunk: str | bytes | dict[str, Any] | None = None) -> Future[None]:
        if not self.has_body and not self._headers_written:
            # Tornado closes the connection then. A proxy that is not told so loses the next request in it.
            self.set_header("Connection", "close")
        return super().finish(chunk)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs["exc_info"][1] if "exc_info" in kwargs else HTTPError(status_code)
        problem, headers = problem_of(error)
        self.set_status(problem.status)
        if problem.status == 405 and "Allow" not in headers:
            known = [
                name
                for name in _METHODS
                if getattr(type(self), name.lower()) is not getattr(RequestHandler, name.lower())
            ]
            self.set_header("Allow", ", ".join(known))
        for name, value in headers.items():
            self.set_header(name, value)
        self.set_header("Cache-Control", "no-store")
        if self.wants_html():
            self.set_header("Content-Type", "text/html; charset=utf-8")
            self.finish_page_of(problem)
        else:
            self.set_header("Content-Type", "application/problem+json")
            self.finish(json.dumps(problem.model_dump(mode="json", exclude_none=True), ensure_ascii=False).encode())

    def finish_page_of(self, problem: Problem) -> None:
        """What a browser shows of it."""
        self.finish(_page(problem, self.context.prefix))

    def log_exception(
        self, typ: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None
    ) -> None:
        """Log what nobody else does: an error amid an answer. Others are logged by `problem_of`, under a reference."""
        if (
            self._headers_written
            and value is not None
            and not isinstance(value, (StreamClosedError, Refused, ZoeError))
        ):
            log.error("Unexpected error amid an answer", exc_info=value)

    def data_received(self, chunk: bytes) -> None:
        """Drop it: who streams bodies overrides this."""


@stream_request_body
class UnknownAddress(BaseHandler):
    """Whatever the application has no route for."""

    has_body = False

    async def prepare(self) -> None:
        raise Refused(404, "There is nothing at this address.")


def new_request_id() -> str:
    """Ours, never one that the client sent: it must be good for finding one request among all."""
    return secrets.token_hex(8)


def stranger() -> Refused:
    """The error for a caller without an identity."""
    return Refused(
        401,
        "Who you are could not be told: send a token in the header Authorization, or log in; a script of a page that "
        "is logged in sends the XSRF token as well.",
        {"WWW-Authenticate": "Bearer"},
    )


def log_request(handler: RequestHandler) -> None:
    """Tornado's `log_function`: one line a request. No query string, which may hold anything, and no body."""
    request, status = handler.request, handler.get_status()
    seconds = request.request_time()
    operation, path, begun = "login", request.path, seconds
    if isinstance(handler, BaseHandler):
        operation, path = handler.operation_name, handler.logged_path
        begun = seconds if handler.answered is None else handler.answered
    method = request.method if request.method in _METHODS else "other"
    path = path if len(path) <= _LOGGED else path[: _LOGGED - 1] + "…"
    context: WebContext = handler.settings["context"]
    context.metrics.request(operation, method, status, begun)
    quiet = operation in _PROBES and status < 500
    level = logging.DEBUG if quiet else logging.WARNING if status >= 500 else logging.INFO
    access_log.log(
        level,
        "%d %s: %s %s in %.0f ms",
        status,
        operation,
        method,
        path,
        1000 * seconds,
        extra={
            "operation": operation,
            "method": method,
            "path": path,
            "status": status,
            "seconds": round(seconds, 6),
            "address": address_of(request, context.proxies),
        },
    )


def _page(problem: Problem, prefix: str) -> str:
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>Zoe: "
        f"{html.escape(problem.title)}</title></head><body><main><h1>{html.escape(problem.title)}</h1>"
        f"<p>{html.escape(problem.detail)}</p><p><a href='{html.escape(prefix)}'>Zoe</a></p></main></body></html>"
    )
