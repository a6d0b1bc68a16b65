"""Health and readiness, as load balancers and administrators ask for them."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from zoe_hub.model.errors import ServiceUnavailable
from zoe_hub.store.sql import SQLStore
from zoe_hub.web.health import Readiness

from .conftest import Site, serve


@asynccontextmanager
async def site_with(site: Site, **parts: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        serve(dataclasses.replace(site.context, **parts)) as (url, _),
        httpx.AsyncClient(base_url=url, trust_env=False, timeout=20) as client,
    ):
        yield client


class AwayStore(SQLStore):
    """Its database is away."""

    async def last_seq(self) -> int:
        raise ServiceUnavailable("Zoe's database cannot be used just now: host=db.internal user=zoe")


class SilentStore(SQLStore):
    """Its database never answers."""

    asked = 0

    async def last_seq(self) -> int:
        self.asked += 1
        await asyncio.Event().wait()
        raise AssertionError


async def test_strangers_hear_that_all_is_well(site: Site) -> None:
    async with site_with(site) as client:
        health, ready = await client.get("health"), await client.get("ready")
    assert (health.status_code, health.json()) == (200, {"status": "ok"})
    assert ready.status_code == 200
    assert (ready.json()["status"], ready.json()["role"]) == ("ready", "open")
    assert {name: check["ok"] for name, check in ready.json()["checks"].items()} == {
        "database": True,
        "engine": True,
        "catalogue": True,
    }
    assert ready.headers["Cache-Control"] == health.headers["Cache-Control"] == "no-store"


async def test_a_database_that_is_away_is_said_without_its_address(site: Site) -> None:
    async with site_with(site, store=AwayStore("sqlite://")) as client:
        health, ready = await client.get("health"), await client.get("ready")
    assert health.status_code == 200
    assert ready.status_code == 503
    assert not ready.json()["checks"]["database"]["ok"]
    assert "db.internal" not in ready.text


async def test_a_database_that_is_silent_is_not_waited_for(site: Site) -> None:
    store = SilentStore("sqlite://")
    readiness = Readiness(dataclasses.replace(site.context, store=store), patience=0.05, fresh=60)
    reports = await asyncio.gather(*(readiness.report() for _ in range(50)))
    assert {report.checks["database"].detail for report in reports} == {"The database does not answer."}
    assert store.asked == 1


@pytest.mark.parametrize(("role", "status"), [("standby", 200), ("closed", 503)])
async def test_standing_by_is_ready_and_being_closed_is_not(site: Site, role: str, status: int) -> None:
    async with site_with(site, engine=lambda: role) as client:
        ready = await client.get("ready")
    assert (ready.status_code, ready.json()["role"]) == (status, role)


async def test_an_engine_that_can_start_nothing_is_not_ready_and_strangers_hear_no_name(site: Site) -> None:
    async with site_with(site, trouble=lambda: "the image zoe/guard:0.1 is not on the engine") as client:
        ready = await client.get("ready")
    assert ready.status_code == 503
    assert ready.json()["checks"]["engine"]["detail"].startswith("Nothing can be started on the engine")
    assert "zoe/guard" not in ready.text


async def test_an_empty_shop_is_not_ready(site: Site, tmp_path_factory: pytest.TempPathFactory) -> None:
    from zoe_hub.catalogue import Catalogue

    async with site_with(site, catalogue=Catalogue([tmp_path_factory.mktemp("empty")])) as client:
        ready = await client.get("ready")
    assert ready.status_code == 503
    assert ready.json()["checks"]["catalogue"]["detail"] == "There is no ZApp in the shop."
