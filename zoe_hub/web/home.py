"""The service's own pages: what a person sees who opens its address."""

from __future__ import annotations

import secrets
from pathlib import Path

from tornado.template import Template
from tornado.web import stream_request_body

from . import scopes
from .access import find_execution, lacks
from .handlers import BaseHandler
from .views import ui_pages

_PAGE = Template((Path(__file__).parent / "home.html").read_text(encoding="utf-8"), autoescape="xhtml_escape")
_SHOWN = 100


@stream_request_body
class Home(BaseHandler):
    """The caller's executions."""

    async def get(self) -> None:
        caller = await self.require_caller()
        if caller is None:
            return
        if not caller.may(scopes.READ_EXECUTIONS):
            raise lacks(scopes.READ_EXECUTIONS)
        prefix = self.context.prefix
        found = await self.context.store.list(owner=caller.user, live=True, limit=_SHOWN) if caller.user else []
        nonce = secrets.token_urlsafe(16)
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.set_header(
            "Content-Security-Policy",
            f"default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'; "
            "frame-ancestors 'self'; base-uri 'none'",
        )
        token = self.xsrf_token
        self.finish(
            _PAGE.generate(
                caller=caller,
                executions=[(execution, ui_pages(execution, prefix)) for execution in found],
                prefix=prefix,
                nonce=nonce,
                xsrf=token.decode() if isinstance(token, bytes) else token,
            )
        )


class Terminate(BaseHandler):
    """The button of the home page."""

    audits = True

    @property
    def operation_name(self) -> str:
        return "terminate_by_form"

    async def post(self, id: str) -> None:  # the path's own word
        caller = await self.require_caller()
        if caller is None:
            return
        execution = await find_execution(self.context.store, caller, id, scopes.EXECUTIONS)
        await self.changing_store(303).terminate(execution.id, by=caller.name)
        self.context.wake()
        self.redirect(self.context.prefix, status=303)
