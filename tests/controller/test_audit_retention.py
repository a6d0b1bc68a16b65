"""Old lines of the audit trail go, in the service that leads."""

from __future__ import annotations

from datetime import timedelta

from tests.store.auditing import a_line
from zoe_hub.controller.audit_retention import AuditRetention
from zoe_hub.model.audit import AuditQuery

from .conftest import World


async def left(world: World) -> list[str]:
    return [line.request for line in await world.store.audit(AuditQuery())]


async def test_what_is_older_than_was_said_goes(world: World) -> None:
    await world.store.add_audit([a_line(f"{days}", age=timedelta(days=days)) for days in (400, 366, 364, 3, 0)])
    assert await AuditRetention(world.store, days=0).look() == 0
    assert await AuditRetention(world.store, days=365).look() == 2
    assert await left(world) == ["0", "3", "364"]


async def test_the_last_two_days_stay_whatever_was_said(world: World) -> None:
    await world.store.add_audit([a_line(f"{hours}", age=timedelta(hours=hours)) for hours in (50, 47, 1)])
    assert await AuditRetention(world.store, days=1e-6).look() == 1
    assert await left(world) == ["1", "47"]
