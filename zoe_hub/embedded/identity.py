"""Who is calling, where only one person can."""

from __future__ import annotations

from typing import Any

from ..web import USER_SCOPES, Caller, StaticIdentities

XSRF_HEADER = "X-Zoe-XSRF"
"""In which the Jupyter server says what its pages must send with a form."""


class OwnerIdentities(StaticIdentities):
    """Whoever has the token is `owner`. Logins, cookies and XSRF are the Jupyter server's, which relays."""

    def __init__(self, owner: str, token: str) -> None:
        super().__init__({token: Caller(owner, frozenset(USER_SCOPES))})

    @property
    def mixin(self) -> type:
        return _OwnerMixin


class _OwnerMixin:
    @property
    def xsrf_token(self) -> str:
        handler: Any = self
        token: str = handler.request.headers.get(XSRF_HEADER, "")
        return token

    def check_xsrf_cookie(self) -> None:
        """Nothing to check: no cookie is taken for a login here."""
