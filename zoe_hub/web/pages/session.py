"""Where scripts of the Hub's own pages log in, such as the spawn page's, which asks what a start would cost."""

from __future__ import annotations

import html
import secrets
from urllib.parse import urlsplit

from .. import scopes
from ..access import lacks
from .page import Asker, policy


class Session(Asker):
    """An empty page in a frame, behind the login: `static/session.js` asks from there what it is told to ask.

    Only pages of this service's own origin and of the Hub's can frame it, and are answered.
    """

    async def get(self) -> None:
        caller = await self.require_caller()
        if caller is None:
            return
        if not caller.may(scopes.READ_EXECUTIONS):
            raise lacks(scopes.READ_EXECUTIONS)
        token = self.xsrf_token
        text = token.decode() if isinstance(token, bytes) else token
        parts = urlsplit(self.context.identities.hub_url or "")
        hub = f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
        nonce = secrets.token_urlsafe(16)
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Security-Policy", policy(nonce, None, frames=hub))
        self.finish(
            f'<!doctype html><html lang="en" data-xsrf="{html.escape(text)}" data-hub="{html.escape(hub)}">'
            f'<title>Zoe</title><script nonce="{nonce}" src="{html.escape(self.context.prefix)}static/session.js">'
            "</script></html>"
        )
