"""The Hub service's web layer: REST, server-sent events, relayed pages of clusters, the home page."""

from .app import make_app
from .callers import Caller, Identities, StaticIdentities
from .context import WebContext
from .limits import Limits
from .scopes import SCOPES, USER_SCOPES

__all__ = [
    "SCOPES",
    "USER_SCOPES",
    "Caller",
    "Identities",
    "Limits",
    "StaticIdentities",
    "WebContext",
    "make_app",
]
