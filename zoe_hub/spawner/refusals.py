"""How a spawn is refused, in the words of the JupyterHub that is installed."""

from __future__ import annotations

from jupyterhub import spawner as hub_spawner  # type: ignore[import-untyped]
from tornado import web

from ..model.errors import (
    CapacityExceeded,
    Conflict,
    ExecutionEnded,
    InvalidDocument,
    InvalidParameter,
    InvalidRequest,
    LimitReached,
    NotPermitted,
    NotRunnable,
    QuotaExceeded,
    ServiceUnavailable,
    TooManyRequests,
    UnknownName,
    ZoeError,
)

REASONS: dict[type[ZoeError], tuple[str, int]] = {
    InvalidParameter: ("zoe-options", 400),
    InvalidRequest: ("zoe-options", 400),
    InvalidDocument: ("zoe-options", 400),
    NotRunnable: ("zoe-options", 400),
    UnknownName: ("zoe-options", 400),
    NotPermitted: ("zoe-permission", 403),
    Conflict: ("zoe-conflict", 409),
    CapacityExceeded: ("zoe-capacity", 400),
    LimitReached: ("zoe-capacity", 409),
    QuotaExceeded: ("zoe-quota", 409),
    TooManyRequests: ("zoe-capacity", 429),
    ServiceUnavailable: ("zoe-unavailable", 503),
    ExecutionEnded: ("zoe-failed", 424),
}
"""Label in JupyterHub's metrics, of which there are to be few, and HTTP status, by error.

Nothing but a missing service is a 5xx: the Hub may be configured to end itself after a number of those.
"""


def refuse(message: str, *, reason: str = "zoe-options", status_code: int = 400) -> web.HTTPError:
    """The exception to raise from a spawner: `jupyterhub.spawner.SpawnException` where there is one (6.0)."""
    native = getattr(hub_spawner, "SpawnException", None)
    refusal: web.HTTPError
    if native is None:
        # HTTPError takes a percent sign for a format.
        refusal = web.HTTPError(status_code, message.replace("%", "%%"))
    else:
        refusal = native(message, reason=reason, status_code=status_code)
    # What pages and progress show, instead of the exception's own text.
    refusal.jupyterhub_message = message  # type: ignore[attr-defined]
    return refusal


def refuse_for(error: ZoeError) -> web.HTTPError:
    """The refusal that says what this error says."""
    for kind in type(error).__mro__:
        if kind in REASONS:
            reason, status_code = REASONS[kind]
            return refuse(str(error), reason=reason, status_code=status_code)
    return refuse(str(error), reason="zoe-failed", status_code=424)
