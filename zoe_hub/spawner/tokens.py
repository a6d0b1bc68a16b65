"""The scopes of a server's own token."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from inspect import isawaitable
from typing import Any, Protocol

from jupyterhub import orm  # type: ignore[import-untyped]


class Scoped(Protocol):
    """A spawner that says which scopes Zoe needs beside those of the server's role."""

    @property
    def user(self) -> Any: ...

    @property
    def zoe_server_scopes(self) -> Iterable[str]: ...


def token_scopes(configured: Any) -> Callable[[Any], Any]:
    """A value for `server_token_scopes`: what was configured, or the role `server`'s, and Zoe's beside it."""
    if hasattr(configured, "zoe_adds"):
        return configured  # type: ignore[no-any-return]

    async def scopes(spawner: Scoped) -> list[str]:
        base = configured(spawner) if callable(configured) else configured
        if isawaitable(base):
            base = await base
        base = base or orm.Role.find(spawner.user.db, "server").scopes
        return list(dict.fromkeys([*base, *spawner.zoe_server_scopes]))

    scopes.zoe_adds = True  # type: ignore[attr-defined]
    return scopes
