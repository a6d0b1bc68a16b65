"""The groups of who administers a group only: what their members may have and use."""

from __future__ import annotations

from typing import Any

from .. import scopes
from ..access import lacks
from ..api.quotas import OwnQuery, get_groups_quota, get_own_quota
from ..callers import Caller
from .everybody import LeadersPage

_MEMBERS = 50
"""Of more members, the first in the alphabet are shown."""


class Groups(LeadersPage):
    """Each group's quota, and each member's."""

    template = "groups.html"

    def check(self, caller: Caller) -> None:
        # Who administers everybody has the page of quotas, if that is theirs too.
        if not caller.leads:
            raise lacks(f"{scopes.ADMIN_EXECUTIONS}!group=…")

    async def values(self, caller: Caller, **path: str) -> dict[str, Any]:
        members = scopes.reached(caller.scopes)
        groups = scopes.led(caller.scopes)
        return {
            "groups": [(name, await self.ask(get_groups_quota, caller, path={"name": name})) for name in groups],
            "members": [await self.ask(get_own_quota, caller, query=OwnQuery(owner=m)) for m in members[:_MEMBERS]],
            "total": len(members),
            "events": self.events,
        }
