"""What all pages share: they ask the interface's own operations, and look like the Hub's."""

from __future__ import annotations

import dataclasses
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from pydantic import BaseModel, ValidationError
from tornado.httputil import parse_body_arguments
from tornado.web import stream_request_body

from ...translations import languages_of
from .. import scopes
from ..access import lacks
from ..api import OPERATIONS
from ..callers import Caller
from ..context import WebContext
from ..events import EventFeed
from ..handlers import BaseHandler
from ..limits import Meter
from ..operations import Call, Headers, Operation, Reply
from ..problems import Problem, Refused, first_error
from ..rest import READ_AND_DROPPED, holds
from .rendering import render

Run = Callable[[Call], Awaitable[Reply]]
_OPERATIONS: Mapping[Run, Operation] = {operation.run: operation for operation in OPERATIONS}
ROWS = 50
"""Lines of one page of a table."""
_LARGEST_FORM = 64 * 1024
"""Bytes."""
_MOST_FIELDS = 500
"""Of a form. They are read before anybody knows who sends them, as the XSRF token is among them."""
_FORM = "application/x-www-form-urlencoded"


def operation_of(run: Run) -> Operation:
    """The operation that a function is."""
    return _OPERATIONS[run]


@stream_request_body
class Asker(BaseHandler):
    """Asks operations as the caller, with the caller's own rights: no page knows more than the REST interface."""

    has_body = False
    changed_status = 303
    """What is answered to a form that changed something."""

    def initialize(self, context: WebContext, feed: EventFeed, meter: Meter, **options: Any) -> None:
        super().initialize(context, feed, meter, **options)
        self._form = bytearray()
        self._navigation: str | None = None

    async def prepare(self) -> None:
        # Read, though it is not kept: whoever still sends does not hear what is wrong.
        self.request.connection.set_max_body_size(2 * READ_AND_DROPPED)  # type: ignore[union-attr]

    def data_received(self, chunk: bytes) -> None:
        if len(self._form) <= _LARGEST_FORM:
            self._form += chunk

    async def require_caller(self) -> Caller | None:
        """As every handler's, once the form has been read: the token that goes with a login may be in it."""
        self.has_body = True
        self._read_form()
        caller = await super().require_caller()
        if caller is not None and caller.user is not None and self.is_page_load():
            self._navigation = await self.context.identities.navigation(caller.user)
        return caller

    def _read_form(self) -> None:
        """The form's fields, for `get_body_argument`. Raises Refused for what no form of ours sends."""
        form, self._form = bytes(self._form), bytearray()
        if not form:
            return
        if len(form) > _LARGEST_FORM or form.count(b"&") >= _MOST_FIELDS:
            raise Refused(413, f"A form is at most {_LARGEST_FORM // 1024} KiB, and {_MOST_FIELDS} fields.")
        kind = self.request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind != _FORM:
            raise Refused(415, f"A form is sent as {_FORM}.")
        parse_body_arguments(_FORM, form, self.request.body_arguments, {})
        for name, values in self.request.body_arguments.items():
            self.request.arguments.setdefault(name, []).extend(values)
            if any(_is_no_text(value) for value in values):
                raise Refused(400, "The form is not proper Unicode in UTF-8.")

    async def ask(
        self,
        run: Run,
        caller: Caller,
        *,
        path: Mapping[str, str] | None = None,
        query: BaseModel | None = None,
        body: BaseModel | None = None,
    ) -> Any:
        """What the operation answers. Raises what it raises, and NotPermitted where its scope is lacking."""
        operation = operation_of(run)
        if operation.scope and not holds(caller, operation):
            raise lacks(operation.scope)
        context = self.context
        if operation.changes:
            context = dataclasses.replace(context, store=self.changing_store(self.changed_status))
        if query is None and operation.query is not None:
            query = operation.query()
        call = Call(
            context=context,
            feed=self.feed,
            caller=caller,
            path=path or {},
            query=query,
            headers=(operation.headers or Headers)(),
            body=body,
        )
        return (await operation.run(call)).content

    def read_query(self, kind: type[BaseModel], **fixed: Any) -> Any:
        """A query from the page's address; what is empty there, and unknown parameters, say nothing.

        Raises Refused 400, which names what is wrong.
        """
        given = {
            name: value
            for name in kind.model_fields
            if name not in fixed and (value := self.get_query_argument(name, "").strip())
        }
        try:
            return kind.model_validate({**given, **fixed})
        except ValidationError as error:
            place, sentence = first_error(error)
            raise Refused(400, f"{place.capitalize()} in the address is not as it should be: {sentence}.") from None

    def show(self, template: str, values: Mapping[str, Any], status: int = 200) -> None:
        """Answer with a page."""
        hub = self.context.identities.hub_url
        nonce = secrets.token_urlsafe(16)
        self.set_status(status)
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.set_header("Vary", "Accept-Language")
        self.set_header("Content-Security-Policy", policy(nonce, hub))
        # A stranger has no forms; and while the Hub does not answer, nobody could say whose token it is.
        token = self.xsrf_token if self.caller is not None else ""
        common = {
            "who": self.caller,
            "hub": hub,
            "navigation": self._marked(not values.get("mine", True)),
            "prefix": self.context.prefix,
            "here": self.request.path,
            "nonce": nonce,
            "xsrf": token.decode() if isinstance(token, bytes) else token,
            "sections": sections(self.caller),
            "events": None,
            "seen": 0,
            "pause": 500,
            "may": lambda scope: self.caller is not None and self.caller.may(f"custom:zoe:{scope}"),
            "address": address,
            "done": self.request.query_arguments.get("done", [b""])[-1].decode("utf-8", "replace"),
        }
        languages = languages_of(self.request.headers.get("Accept-Language", ""))
        self.finish(render(template, languages, {**common, **values}))

    def _marked(self, administers: bool) -> str | None:
        """The Hub's navigation, in which our own link is marked as the others are in ours."""
        if self._navigation is None:
            return None
        administers = administers or "/admin/" in self.request.path
        link = f'href="{self.context.prefix}{"admin/executions" if administers else ""}"'
        return self._navigation.replace(f'class="nav-link" {link}', f'class="nav-link active" {link}', 1)

    def finish_page_of(self, problem: Problem) -> None:
        """As the other pages, with a way on: to try again, or back."""
        asked = self.request.method == "GET"
        sent = self.request.body_arguments.get("next", [b""])
        wanted = sent[-1].decode("utf-8", "replace").strip() if not asked else ""
        self.show(
            "error.html",
            {"problem": problem, "again": self.request.uri if asked else None, "back": self.own_address(wanted)},
            status=problem.status,
        )

    def own_address(self, wanted: str) -> str:
        """An address that a browser sent, if it is one of our pages; else that of the first of them."""
        # Browsers take %2e for a dot.
        steps = re.split(r"[/?#]", wanted.lower().replace("%2e", "."))
        ours = wanted.startswith(self.context.prefix) and ".." not in steps and "\\" not in wanted
        return wanted if ours else self.context.prefix


class Page(Asker):
    """A page for a browser. It is complete without scripts; one of ours keeps it up to date."""

    template = ""
    scope = scopes.READ_EXECUTIONS
    """What a caller must hold to see it at all."""

    async def get(self, **path: str) -> None:
        caller = await self.require_caller()
        if caller is None:
            return
        self.check(caller)
        self.context.catalogue.refresh()
        # Before the page's own questions: what happens between these and the stream is told by the stream.
        seen = await self.context.store.last_seq()
        self.show(self.template, {**await self.values(caller, **path), "seen": seen})

    def check(self, caller: Caller) -> None:
        """Raises NotPermitted for somebody who may not see this page."""
        if not caller.may(self.scope):
            raise lacks(self.scope)

    async def values(self, caller: Caller, **path: str) -> dict[str, Any]:
        """What the template shows."""
        raise NotImplementedError

    def paging(self, total: int, offset: int, kept: Mapping[str, str | None] | None = None) -> dict[str, Any]:
        """For the template's `pager`: where this page is among `total` lines; `kept` goes into the links."""

        def at(start: int) -> str:
            return address(self.request.path, **(kept or {}), offset=start or None)

        return {
            "total": total,
            "first": offset + 1 if total > offset else 0,
            "last": min(offset + ROWS, total),
            "newer": at(max(0, offset - ROWS)) if offset else None,
            "older": at(offset + ROWS) if offset + ROWS < total else None,
        }


def _is_no_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return True
    return False


def policy(nonce: str, hub: str | None, frames: str = "") -> str:
    """The Content-Security-Policy of a page: only what it names itself, and nothing written by somebody into it.

    `frames` is an origin beside our own whose pages may hold it in a frame.
    """
    parts = urlsplit(hub or "")
    theirs = f" {parts.scheme}://{parts.netloc}" if parts.netloc else ""
    holders = f"'self' {frames}".rstrip()
    return (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; "
        f"img-src 'self' data:{theirs}; font-src 'self'{theirs}; form-action 'self'; frame-ancestors {holders}; "
        "base-uri 'none'"
    )


def address(path: str, **query: Any) -> str:
    """A link within the pages. What is None or empty is left out."""
    given = {name: value for name, value in query.items() if value not in (None, "")}
    return quote(path, safe="/%") + (f"?{urlencode(given)}" if given else "")


def sections(caller: Caller | None) -> list[str]:
    """The pages that this caller may open, by the end of their address."""
    if caller is None:
        return []
    found = []
    if caller.may(scopes.READ_EXECUTIONS):
        found.append("")
    if caller.leads:
        found += ["admin/executions", "admin/queue", "admin/groups"]
    if caller.admin:
        found += ["admin/executions", "admin/queue", "admin/capacity"]
    if scopes.holds_for_all(caller.scopes, scopes.ADMIN_QUOTAS):
        found.append("admin/quotas")
    if caller.admin:
        found.append("admin/shop")
    if scopes.holds_for_all(caller.scopes, scopes.ADMIN_AUDIT):
        found.append("admin/audit")
    if caller.admin:
        found.append("admin/health")
    return found
