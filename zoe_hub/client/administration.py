"""What administrators ask the service for: its readiness, and the audit trail."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx

from ..model.audit import AuditQuery
from ..model.errors import InvalidRequest, UnknownName
from ..model.quotas import GroupLimits, Limits
from .client import ZoeClient
from .quotas import EntryView, QuotasView
from .views import View

_PAGE = 1000


class CheckView(View):
    """One part of the service."""

    ok: bool
    detail: str = ""


class ReadinessView(View):
    """Whether the service can do its work."""

    status: str
    role: str
    checks: dict[str, CheckView]

    @property
    def ready(self) -> bool:
        return all(check.ok for check in self.checks.values())


class AuditLineView(View):
    """One line of the audit trail."""

    id: int
    time: datetime
    request: str
    action: str
    caller: str | None = None
    kind: str | None = None
    address: str = ""
    target: str = ""
    execution: str | None = None
    owner: str | None = None
    outcome: str
    status: int
    count: int = 1


class ForgottenView(View):
    """What is being forgotten of a user."""

    user: str
    live: int = 0
    executions: int = 0


class AdministratorsClient(ZoeClient):
    """A client with what administrators may ask for besides."""

    async def readiness(self) -> ReadinessView:
        """How the service is. Needs no token. Raises ServiceUnavailable when nobody answers.

        Raises InvalidRequest at a user's server, which relays the interface only.
        """
        base = self._http.base_url
        address = base.copy_with(path=base.path.removesuffix("/").removesuffix("/api/v1") + "/ready")
        try:
            response = await self._http.get(address)
        except httpx.TransportError as error:
            raise self._away(error) from error
        if response.status_code not in (200, 503) or "checks" not in response.text:
            raise InvalidRequest(
                f"{self.url} does not tell how Zoe is; give the service's own address as --url, such as "
                "https://hub.example.org/services/zoe. A user's server does not pass this on."
            )
        return self._parse(ReadinessView, self._json(response))

    async def forget_user(self, name: str) -> ForgottenView:
        """Forget a user who is no more; returns when the wish is stored. Raises NotPermitted without the scope."""
        return await self._view(ForgottenView, "DELETE", f"/users/{quote(name, safe='')}")

    async def quotas(self) -> QuotasView:
        """All quotas that were set, or are in the administrator's file. Raises NotPermitted without the scope."""
        return await self._view(QuotasView, "GET", "/quotas")

    async def put_quota(self, kind: str, name: str, limits: Limits | GroupLimits) -> EntryView:
        """Set what holds for `everybody`, a `user` or a `group`, in place of what the file says."""
        body = limits.model_dump(mode="json", exclude_none=True)
        return await self._view(EntryView, "PUT", _quota_path(kind, name), json=body)

    async def delete_quota(self, kind: str, name: str) -> None:
        """Leave it to what the file says. Raises UnknownName where nothing is stored."""
        await self._request("DELETE", _quota_path(kind, name))

    async def audit(self, query: AuditQuery | None = None) -> AsyncGenerator[AuditLineView, None]:
        """Lines of the audit trail, the newest first, page by page; `limit` is that of one page.

        Raises NotPermitted without the scope for it.
        """
        query = query or AuditQuery(limit=_PAGE)
        while True:
            try:
                page = self._json(await self._request("GET", "/audit", params=_parameters(query)))
            except UnknownName as error:
                raise InvalidRequest(f"{self.url} has no audit trail; it may be of an older version.") from error
            for line in page["lines"]:
                yield self._parse(AuditLineView, line)
            if page["next"] is None:
                return
            query = query.model_copy(update={"before": page["next"]})


def _quota_path(kind: str, name: str) -> str:
    return "/quotas/everybody" if kind == "everybody" else f"/quotas/{kind}s/{quote(name, safe='')}"


def _parameters(query: AuditQuery) -> dict[str, Any]:
    given = query.model_dump(exclude_none=True, exclude={"caller", "since", "until"}, mode="json")
    if query.caller is not None:
        given["who"] = query.caller
    times: dict[str, datetime | None] = {"since": query.since, "until": query.until}
    return given | {name: time.isoformat() for name, time in times.items() if time is not None}
