"""The scopes that Zoe adds to JupyterHub, and what they allow.

A scope speaks of what belongs to the caller; only the scope for administrators reaches further.
A filter narrows: ``custom:zoe:executions!user=alice`` held by bob allows nothing, because whoever
holds a scope may ask the Hub for a token with it and any filter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypedDict

EXECUTIONS = "custom:zoe:executions"
READ_EXECUTIONS = "custom:zoe:read:executions"
READ_SHOP = "custom:zoe:read:shop"
READ_LOGS = "custom:zoe:read:logs"
ZAPPS = "custom:zoe:zapps"
CONNECT = "custom:zoe:connect"
ADMIN_EXECUTIONS = "custom:zoe:admin:executions"
ADMIN_AUDIT = "custom:zoe:admin:audit"
ADMIN_QUOTAS = "custom:zoe:admin:quotas"
READ_METRICS = "custom:zoe:read:metrics"


class ScopeDescription(TypedDict):
    """As JupyterHub's setting ``custom_scopes`` takes it."""

    description: str
    subscopes: list[str]


SCOPES: Mapping[str, ScopeDescription] = {
    EXECUTIONS: {
        "description": "Start, scale, attach and end own executions of Zoe.",
        "subscopes": [READ_EXECUTIONS, READ_LOGS],
    },
    READ_EXECUTIONS: {"description": "See own executions of Zoe and what happens to them.", "subscopes": []},
    READ_SHOP: {"description": "See Zoe's shop: its ZApps, frameworks and machines.", "subscopes": []},
    READ_LOGS: {"description": "Read the logs of own executions of Zoe.", "subscopes": []},
    ZAPPS: {"description": "Keep ZApps of one's own.", "subscopes": []},
    CONNECT: {"description": "Connect to own clusters of Zoe and see their web pages.", "subscopes": []},
    ADMIN_EXECUTIONS: {
        "description": "Start, see, scale and end everybody's executions of Zoe. Not: connect to them.",
        "subscopes": [EXECUTIONS, READ_EXECUTIONS, READ_LOGS, READ_SHOP],
    },
    ADMIN_AUDIT: {"description": "Read Zoe's audit trail: who changed what, when and from where.", "subscopes": []},
    ADMIN_QUOTAS: {"description": "Set quotas of Zoe, and see what of them is used by whom.", "subscopes": []},
    READ_METRICS: {"description": "Read Zoe's metrics, as monitoring does. They name no user.", "subscopes": []},
}
"""Each scope with what it includes. `zoe_hub.hub` gives this table to JupyterHub."""

USER_SCOPES: tuple[str, ...] = (EXECUTIONS, READ_EXECUTIONS, READ_SHOP, ZAPPS, CONNECT, READ_LOGS)
"""What every user has, and passes on to the user's server."""

REACHES_OTHERS: frozenset[str] = frozenset({EXECUTIONS, READ_EXECUTIONS, READ_LOGS, ADMIN_EXECUTIONS})
"""What `ADMIN_EXECUTIONS` allows upon what belongs to others."""


def allows(scopes: Iterable[str], needed: str, owner: str | None, caller: str | None) -> bool:
    """Whether someone who holds `scopes` may do `needed` to what belongs to `owner`.

    `caller` is the user's name, none for a service, which owns nothing. `owner` none asks about
    what belongs to nobody, such as the shop. Scopes with a filter other than ``user`` count for nothing; groups
    are written out before, by `groups`.
    """
    held = frozenset(_applicable(scopes, owner if owner is not None else caller))
    if owner is None or owner == caller:
        return needed in held
    return ADMIN_EXECUTIONS in held and needed in REACHES_OTHERS


def holds(scopes: Iterable[str], needed: str, caller: str | None) -> bool:
    """Whether `needed` is held at all, whatever its filter says; what belongs to whom is asked later."""
    return any(needed in _included(scope.partition("!")[0]) for scope in scopes) or allows(scopes, needed, None, caller)


def holds_for_all(scopes: Iterable[str], needed: str) -> bool:
    """Whether `needed` is held without a filter, for what is about everybody: metrics, the audit trail."""
    return needed in frozenset(_applicable(scopes, None))


def reaches_all(scopes: Iterable[str]) -> bool:
    """Whether everybody's executions are in reach: a token that is narrowed to one user's does not reach them."""
    return holds_for_all(scopes, ADMIN_EXECUTIONS)


def reached(scopes: Iterable[str]) -> tuple[str, ...]:
    """The users whose executions are administered by name, in the order of the alphabet: a group's are written out."""
    return tuple(sorted({scope.removeprefix(_ONE) for scope in scopes if scope.startswith(_ONE)}))


def led(scopes: Iterable[str]) -> tuple[str, ...]:
    """The groups whose members' executions are administered."""
    return tuple(sorted({scope.removeprefix(_GROUP) for scope in scopes if scope.startswith(_GROUP)}))


_ONE, _GROUP = f"{ADMIN_EXECUTIONS}!user=", f"{ADMIN_EXECUTIONS}!group="


def _applicable(scopes: Iterable[str], owner: str | None) -> Iterable[str]:
    for scope in scopes:
        name, filtered, value = scope.partition("!")
        if not filtered or (owner is not None and value == f"user={owner}"):
            yield from _included(name)


def _included(scope: str) -> frozenset[str]:
    found: set[str] = set()
    todo = [scope]
    while todo:
        name = todo.pop()
        if name not in found and name in SCOPES:
            found.add(name)
            todo += SCOPES[name]["subscopes"]
    return frozenset(found)
