"""Where scripts of the Hub's own pages log in, such as the spawn page's, which asks what a start would cost."""

from __future__ import annotations

import html

from .. import scopes
from ..access import lacks
from .page import Asker, policy


class Session(Asker):
    """An empty page in a frame, behind the login: it holds the token that a script sends with its questions.

    Only pages of the same site can frame and read it.
    """

    async def get(self) -> None:
        caller = await self.require_caller()
        if caller is None:
            return
        if not caller.may(scopes.READ_EXECUTIONS):
            raise lacks(scopes.READ_EXECUTIONS)
        token = self.xsrf_token
        text = token.decode() if isinstance(token, bytes) else token
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Security-Policy", policy("none", None))
        self.finish(f'<!doctype html><html lang="en" data-xsrf="{html.escape(text)}"><title>Zoe</title></html>')
