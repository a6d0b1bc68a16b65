"""The scopes of a server's own token."""

from __future__ import annotations

from collections.abc import Callable
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from jupyterhub import orm  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from .mixin import ZoeMixin


def token_scopes(configured: Any) -> Callable[[Any], Any]:
    """A value for `server_token_scopes`: what was configured, or the role `server`'s, and Zoe's beside it."""
    if hasattr(configured, "zoe_adds"):
        return configured  # type: ignore[no-any-return]

    async def scopes(spawner: ZoeMixin) -> list[str]:
        base = configured(spawner) if callable(configured) else configured
        if isawaitable(base):
            base = await base
        base = base or orm.Role.find(spawner.user.db, "server").scopes
        return list(dict.fromkeys([*base, *spawner.zoe_server_scopes]))

    scopes.zoe_adds = True  # type: ignore[attr-defined]
    return scopes
