"""Pages for browsers: what a person does with Zoe at the Hub, and an administrator's panel.

They are complete without scripts. Whatever they show or change is asked of the REST interface's own operations,
with the caller's rights; `static/live.js` follows the events, and puts what changed into the same markup.
"""

from __future__ import annotations

from tornado.web import RequestHandler

from ..handlers import UnknownAddress
from .assets import Asset
from .details import Details, Logs
from .everybody import AllExecutions, Queue, TerminateMany
from .forms import Detach, Keep, Scale, Terminate
from .groups import Groups
from .machines import Capacity, HealthPage, Shop
from .mine import Home
from .page import Asker
from .quotas import EditQuota, Quotas
from .session import Session
from .trail import Trail

ROUTES: tuple[tuple[str, type[RequestHandler]], ...] = (
    ("", Home),
    ("executions/{id}", Details),
    ("executions/{id}/logs", Logs),
    ("executions/{id}/terminate", Terminate),
    ("executions/{id}/detach", Detach),
    ("executions/{id}/scale", Scale),
    ("executions/{id}/keep", Keep),
    ("admin/executions", AllExecutions),
    ("admin/queue", Queue),
    ("admin/terminate", TerminateMany),
    ("admin/groups", Groups),
    ("admin/capacity", Capacity),
    ("admin/quotas", Quotas),
    ("admin/quotas/edit", EditQuota),
    ("admin/shop", Shop),
    ("admin/audit", Trail),
    ("admin/health", HealthPage),
    ("session", Session),
    ("static/{name}", Asset),
)
"""Paths below the service's prefix."""


class NothingHere(UnknownAddress, Asker):
    """Whatever there is no page for."""


__all__ = ["ROUTES", "NothingHere"]
