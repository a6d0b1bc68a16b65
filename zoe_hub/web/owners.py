"""Of which groups an owner is, when something is submitted."""

from __future__ import annotations

from ..model.errors import ServiceUnavailable
from .operations import Call


async def groups_of(call: Call, owner: str) -> tuple[str, ...]:
    """The owner's groups at the Hub, now.

    Raises ServiceUnavailable when the Hub does not say, and some quota is a group's; without one it does not matter.
    """
    if owner == call.who.user:
        return call.who.groups
    try:
        return await call.context.identities.groups_of(owner)
    except ServiceUnavailable:
        if call.context.quota_file.quotas().groups or any(s.kind == "group" for s in await call.context.store.quotas()):
            raise
        return ()
