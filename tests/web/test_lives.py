"""How long executions live, over the REST interface."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import httpx
import pytest
import pytest_asyncio

from zoe_hub.model.lifetime import ExpiryCause, LifetimePolicy

from .conftest import Site, Starter, client_of, serve

HOUR = 3600
HERE = {"server": "alice/", "kernel": "k1"}


@pytest_asyncio.fixture
async def bounded(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """Alice, at a service where nothing may run for longer than two hours."""
    policy = LifetimePolicy(maximum=HOUR, maximum_ceiling=2 * HOUR, keep=8 * HOUR)
    async with serve(replace(site.context, lifetimes=policy)) as (url, _):
        headers = {"Authorization": "token alice-token"}
        async with httpx.AsyncClient(base_url=f"{url}api/v1", headers=headers, trust_env=False) as client:
            yield client


async def test_a_plan_says_how_long_it_would_live(alice: httpx.AsyncClient) -> None:
    plan = (await alice.post("/plans", json={"zapp": "toys", "lifetime": {"maximum": "1 day"}})).json()
    assert plan["lifetime"] == {
        "idle": 0, "detached_idle": HOUR, "maximum": 24 * HOUR, "keep": 24 * HOUR, "warning": 300
    }  # fmt: skip


async def test_whoever_starts_it_chooses_within_the_bounds(bounded: httpx.AsyncClient) -> None:
    default = (await bounded.post("/executions", json={"zapp": "toys"})).json()
    assert default["plan"]["lifetime"]["maximum"] == HOUR
    chosen = await bounded.post("/executions", json={"zapp": "toys", "lifetime": {"maximum": "90 min", "idle": "10m"}})
    assert (
        chosen.json()["plan"]["lifetime"] | {"maximum": 5400, "idle": 600, "detached_idle": 600}
        == (chosen.json()["plan"]["lifetime"])
    )
    refused = await bounded.post("/executions", json={"zapp": "toys", "lifetime": {"maximum": "3h"}})
    assert refused.status_code == 422
    assert refused.json()["detail"] == "lifetime.maximum: 3 hours is beyond 2 hours, the longest"


@pytest.mark.parametrize(
    "body", [{"seconds": "soon"}, {"seconds": "never"}, {"seconds": -1}, {"seconds": True}, {}, {"seconds": 1, "x": 1}]
)
async def test_a_span_that_is_none_is_refused(
    start: Starter, alice: httpx.AsyncClient, body: dict[str, object]
) -> None:
    answer = await alice.put(f"/executions/{await start()}/keep-alive", json=body)
    assert answer.status_code == 422
    assert "`" in answer.json()["detail"]


async def test_scaling_keeps_the_lifetime(start: Starter, alice: httpx.AsyncClient) -> None:
    execution = await start(lifetime={"maximum": "1 day"})
    scaled = await alice.patch(f"/executions/{execution}", json={"parameters": {"workers": 2}})
    assert scaled.json()["plan"]["lifetime"]["maximum"] == 24 * HOUR


async def test_keeping(start: Starter, alice: httpx.AsyncClient) -> None:
    execution = await start()
    asked = datetime.now(timezone.utc)
    kept = (await alice.put(f"/executions/{execution}/keep-alive", json={"seconds": "2h"})).json()
    until = datetime.fromisoformat(kept["life"]["kept_until"])
    assert timedelta(hours=2) <= until - asked < timedelta(hours=2, minutes=5)
    assert (await alice.put(f"/executions/{execution}/keep-alive", json={"seconds": 0})).json()["life"][
        "kept_until"
    ] is None


async def test_keeping_is_bounded_and_the_bound_named(
    site: Site, start: Starter, alice: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    execution = await start(lifetime={"keep": "3h", "maximum": "4h"}, name="c1")
    for client in (alice, admin):
        answer = await client.put(f"/executions/{execution}/keep-alive", json={"seconds": "181 min"})
        assert answer.status_code == 422
        assert answer.json()["detail"] == (
            "seconds: c1 can be kept for at most 3 hours from now; asked for 3 hours 1 minute"
        )
    long_ago = datetime.now(timezone.utc)
    await site.context.store.note_activity(execution, long_ago, "")
    assert (await alice.put(f"/executions/{execution}/keep-alive", json={"seconds": "3h"})).status_code == 200
    never = await start(lifetime={"keep": 0}, name="c2")
    answer = await alice.put(f"/executions/{never}/keep-alive", json={"seconds": 1})
    assert "c2 can be kept not at all" in answer.json()["detail"]


async def test_the_longest_life_is_not_kept_longer(site: Site, start: Starter, alice: httpx.AsyncClient) -> None:
    execution = await start(lifetime={"maximum": "2h"}, name="c1")
    await site.context.store.note_activity(execution, datetime.now(timezone.utc), "")
    answer = await alice.put(f"/executions/{execution}/keep-alive", json={"seconds": "3h"})
    assert answer.status_code == 422
    assert "c1 may run for 2 hours in all, of which" in answer.json()["detail"]


async def test_a_warning_is_seen(site: Site, start: Starter, alice: httpx.AsyncClient) -> None:
    execution = await start()
    soon = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(minutes=5)
    await site.context.store.warn(execution, soon, ExpiryCause.IDLE, "idle for 60 minutes", "use it")
    life = (await alice.get(f"/executions/{execution}")).json()["life"]
    assert datetime.fromisoformat(life["expires"]) == soon
    assert life["why"] == "idle for 60 minutes"
    assert "keep it for up to 24 hours" in life["advice"]


async def test_what_is_ending_cannot_be_kept(start: Starter, alice: httpx.AsyncClient) -> None:
    execution = await start()
    await alice.delete(f"/executions/{execution}")
    answer = await alice.put(f"/executions/{execution}/keep-alive", json={"seconds": 60})
    assert answer.status_code == 409


async def test_a_kernel_that_is_gone_ends_what_is_tied_to_it(start: Starter, alice: httpx.AsyncClient) -> None:
    tied = await start(attachment=HERE)
    outliving = await start(attachment={**HERE, "outlive": True})
    other = await start(attachment={**HERE, "kernel": "k2"})
    detached = await start()
    for execution in (tied, outliving, other, detached):
        assert (await alice.delete(f"/executions/{execution}/kernels/k1")).status_code == 202
    after = {e["id"]: e for e in (await alice.get("/executions")).json()["executions"]}
    assert [after[e]["desired"] for e in (tied, outliving, other, detached)] == ["terminated", *["running"] * 3]
    assert after[tied]["reason"] == "the kernel of its notebook ended"


async def test_a_filtered_token_keeps_nothing_of_others(site: Site, start: Starter) -> None:
    execution = await start()
    async with client_of(site, "filtered-token") as client:
        answer = await client.put(f"/executions/{execution}/keep-alive", json={"seconds": 60})
    assert answer.status_code == 404


async def test_the_answer_names_pages_where_browsers_find_them(site: Site, start: Starter) -> None:
    execution = await start(ports={"web": 1234})
    public = replace(site.context, public_prefix="https://hub.example/services/zoe/")
    async with serve(public) as (url, _), client_of(replace(site, url=url), "alice-token") as alice:
        asked = (await alice.get(f"/executions/{execution}")).json()
        kept = (await alice.put(f"/executions/{execution}/keep-alive", json={"seconds": 60})).json()
    assert asked["ui"][0]["url"].startswith("https://hub.example/services/zoe/")
    assert kept["ui"] == asked["ui"]
