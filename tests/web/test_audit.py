"""The audit trail: what requests leave in it, and who reads it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from zoe_hub.metrics import Metrics
from zoe_hub.model.audit import AuditEntry, AuditLine, AuditQuery
from zoe_hub.model.errors import ServiceUnavailable
from zoe_hub.store.sql import SQLStore
from zoe_hub.web.audit import AuditTrail

from .conftest import OWN, Site, Starter, client_of

Line = dict[str, Any]


async def lines_until(admin: httpx.AsyncClient, holds: Callable[[list[Line]], bool], **query: Any) -> list[Line]:
    """Lines, oldest first, as soon as this holds: those about refusals are stored after their answers."""
    found: list[Line] = []
    for _ in range(500):
        answer = await admin.get("/audit", params=query)
        assert answer.status_code == 200, answer.text
        found = answer.json()["lines"][::-1]
        if holds(found):
            return found
        await asyncio.sleep(0.01)
    raise AssertionError(found)


async def test_who_what_when_from_where_and_the_outcome(alice: httpx.AsyncClient, admin: httpx.AsyncClient) -> None:
    submitted = await alice.post("/executions", json={"zapp": "toys"}, headers={"X-Forwarded-For": "203.0.113.5"})
    execution = submitted.json()["id"]
    await alice.patch(f"/executions/{execution}", json={"parameters": {"workers": 3}})
    ended = await admin.delete(f"/executions/{execution}")
    first, second, third = (await admin.get("/audit")).json()["lines"][::-1]
    assert first["request"] == submitted.headers["X-Request-Id"]
    assert {**first, "time": "", "id": 0, "request": ""} == {
        "id": 0,
        "time": "",
        "request": "",
        "action": "submit_execution",
        "caller": "alice",
        "kind": "user",
        "address": "203.0.113.5",
        "target": "toys",
        "execution": execution,
        "owner": "alice",
        "outcome": "done",
        "status": 202,
        "count": 1,
    }
    assert (second["action"], second["caller"], second["execution"]) == ("modify_execution", "alice", execution)
    assert (third["caller"], third["owner"], third["action"]) == ("admin", "alice", "terminate_execution")
    assert third["request"] == ended.headers["X-Request-Id"]


async def test_refused_requests_are_there_too(
    site: Site, start: Starter, alice: httpx.AsyncClient, bob: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    theirs = await start(name="taken")
    await bob.delete(f"/executions/{theirs}")
    await alice.post("/executions", json={"zapp": "toys", "name": "taken"})
    await alice.post("/executions", json={"zapp": "toys", "parameters": {"motto": 7, "workers": "secret-value"}})
    async with client_of(site, "nothing-token") as client:
        await client.put("/zapps/mine", json=OWN)
    async with client_of(site, "wrong-token") as client:
        await client.delete("/executions/taken")
    found = await lines_until(admin, lambda lines: len(lines) == 5, outcome="refused")
    assert [(line["caller"], line["action"], line["target"], line["status"]) for line in found] == [
        ("bob", "terminate_execution", theirs, 404),
        ("alice", "submit_execution", "toys", 409),
        ("alice", "submit_execution", "toys", 422),
        ("alice", "put_zapp", "mine", 403),
        (None, "terminate_execution", "taken", 401),
    ]
    assert "secret-value" not in str(found)


async def test_a_repetition_names_the_execution_that_was_there(
    alice: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    headers = {"Idempotency-Key": "once"}
    execution = (await alice.post("/executions", json={"zapp": "toys"}, headers=headers)).json()["id"]
    await alice.post("/executions", json={"zapp": "toys"}, headers=headers)
    await alice.post("/executions", json={"zapp": "toys", "name": "other"}, headers=headers)
    found = await lines_until(admin, lambda lines: len(lines) == 3)
    assert [(line["outcome"], line["execution"]) for line in found] == [
        ("done", execution),
        ("done", execution),
        ("refused", None),
    ]


async def test_what_only_reads_leaves_nothing(
    alice: httpx.AsyncClient, admin: httpx.AsyncClient, start: Starter
) -> None:
    execution = await start()
    before = (await admin.get("/audit")).json()["lines"]
    for path in ("/me", "/shop", "/executions", f"/executions/{execution}", f"/executions/{execution}/connection"):
        await alice.get(path)
    await alice.post("/plans", json={"zapp": "toys"})
    await alice.get("/executions/nothing")
    assert (await admin.get("/audit")).json()["lines"] == before


async def test_the_button_of_the_home_page_leaves_a_line(site: Site, start: Starter, admin: httpx.AsyncClient) -> None:
    execution = await start()
    async with httpx.AsyncClient(cookies={"login": "alice-token"}, trust_env=False) as browser:
        page = await browser.get(site.url, headers={"Accept": "text/html", "Sec-Fetch-Mode": "navigate"})
        assert page.status_code == 200
        place = f"{site.url}executions/{execution}/terminate"
        await browser.post(place)
        await browser.post(place, data={"_xsrf": browser.cookies["_xsrf"]})
    found = await lines_until(
        admin, lambda lines: sorted(line["status"] for line in lines) == [303, 401], action="terminate_execution"
    )
    done = next(line for line in found if line["status"] == 303)
    assert (done["caller"], done["execution"], done["outcome"]) == ("alice", execution, "done")


async def test_an_answer_that_fails_after_the_change_has_both_lines(
    site: Site, alice: httpx.AsyncClient, admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise RuntimeError("after the change")

    object.__setattr__(site.context, "wake", fail)
    answer = await alice.post("/executions", json={"zapp": "toys"})
    assert answer.status_code == 500
    found = await lines_until(admin, lambda lines: len(lines) == 2)
    assert [line["outcome"] for line in found] == ["done", "failed"]
    assert {line["request"] for line in found} == {answer.headers["X-Request-Id"]}
    assert found[0]["execution"] is not None


@pytest.mark.parametrize("token", ["alice-token", "service-token", "narrowed-token", "auditor-narrowed-token"])
async def test_only_auditors_read_it(site: Site, token: str) -> None:
    async with client_of(site, token) as client:
        answer = await client.get("/audit")
    assert answer.status_code == 403
    assert "custom:zoe:admin:audit" in answer.json()["detail"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_nobody_writes_it(admin: httpx.AsyncClient, method: str) -> None:
    assert (await admin.request(method, "/audit", json={})).status_code == 405
    assert (await admin.request(method, "/audit/1", json={})).status_code == 404


async def test_pages(alice: httpx.AsyncClient, admin: httpx.AsyncClient) -> None:
    for number in range(5):
        await alice.post("/executions", json={"zapp": "toys", "name": f"n{number}"})
    seen, before = [], None
    while True:
        page = (await admin.get("/audit", params={"limit": 2, **({"before": before} if before else {})})).json()
        seen += [line["id"] for line in page["lines"]]
        before = page["next"]
        if before is None:
            break
    assert len(seen) == len(set(seen)) == 5
    assert seen == sorted(seen, reverse=True)


@pytest.mark.parametrize(
    "query",
    [
        {"since": "yesterday"},
        {"before": "0"},
        {"before": str(2**63)},
        {"limit": "1001"},
        {"who": "a\x00b"},
        {"outcome": "well"},
    ],
)
async def test_odd_questions_are_refused(admin: httpx.AsyncClient, query: dict[str, str]) -> None:
    answer = await admin.get("/audit", params=query)
    assert answer.status_code == 400
    assert answer.json()["parameter"] == next(iter(query))


async def test_times_without_a_zone_are_in_utc(alice: httpx.AsyncClient, admin: httpx.AsyncClient) -> None:
    await alice.post("/executions", json={"zapp": "toys"})
    (line,) = (await admin.get("/audit", params={"since": "2020-01-01"})).json()["lines"]
    moment = line["time"].removesuffix("Z").removesuffix("+00:00")
    assert (await admin.get("/audit", params={"until": moment})).json()["lines"] == []
    assert len((await admin.get("/audit", params={"since": moment})).json()["lines"]) == 1


async def test_the_ends_of_the_calendar_are_times(alice: httpx.AsyncClient, admin: httpx.AsyncClient) -> None:
    await alice.post("/executions", json={"zapp": "toys"})
    whole = {"since": "0001-01-01T00:00:00+23:00", "until": "9999-12-31T23:59:59-23:00"}
    assert len((await admin.get("/audit", params=whole)).json()["lines"]) == 1


# What is kept of many refusals


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class CountingStore(SQLStore):
    """Keeps lines in memory; is away while told so."""

    def __init__(self) -> None:
        super().__init__("sqlite://")
        self.lines: list[AuditLine] = []
        self.away = False

    async def add_audit(self, lines: Any) -> None:
        if self.away:
            raise ServiceUnavailable("away")
        self.lines += lines


def entry(caller: str | None, status: int = 403, action: str = "put_zapp") -> AuditEntry:
    return AuditEntry(request="r", action=action, caller=caller, address="203.0.113.5", status=status)


async def test_a_flood_of_refusals_becomes_a_few_lines(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "zoe_hub.audit")
    store, clock = CountingStore(), Clock()
    trail = AuditTrail(store, Metrics(), clock=clock)
    for _ in range(5000):
        trail.add(entry("mallory"))
        trail.add(entry(None, 401))
    trail.add(entry("bob"))
    clock.now += 61
    trail.add(entry("mallory", 409))
    await trail.close()
    counts = {
        caller: [line.count for line in store.lines if line.caller == caller] for caller in ("mallory", "bob", None)
    }
    assert counts["mallory"] == [1] * 20 + [4980, 1]
    assert counts[None] == [1] * 60 + [4940]
    assert counts["bob"] == [1]
    assert len([record for record in caplog.records if record.name == "zoe_hub.audit"]) == len(store.lines)


async def test_many_kinds_of_refusals_stay_bounded() -> None:
    store = CountingStore()
    trail = AuditTrail(store, Metrics(), clock=Clock())
    for number in range(30 * 3000):
        trail.add(entry(f"robot{number % 3000}"))
    await trail.close()
    assert sum(line.count for line in store.lines) <= 30 * 3000
    assert len(store.lines) <= 11_000


async def test_lines_wait_for_a_database_that_is_away() -> None:
    store = CountingStore()
    trail = AuditTrail(store, Metrics())
    store.away = True
    trail.add(entry("bob"))
    await asyncio.sleep(0)
    store.away = False
    await trail.close()
    assert [line.caller for line in store.lines] == ["bob"]


async def test_lines_that_are_lost_are_counted_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    store, metrics = CountingStore(), Metrics()
    trail = AuditTrail(store, metrics)
    store.away = True
    trail.add(entry("bob"))
    await trail.close()
    assert b"zoe_audit_lines_lost_total 1.0" in metrics.render()[0]
    assert "1 lines of the audit trail about refused requests are lost" in caplog.text


async def test_a_change_without_its_line_is_not_made(
    site: Site, alice: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ServiceUnavailable("the disk is full")

    monkeypatch.setattr("zoe_hub.store.audit.add", fail)
    assert (await alice.post("/executions", json={"zapp": "toys"})).status_code == 503
    assert (await alice.get("/executions")).json()["executions"] == []
    assert await site.context.store.audit(AuditQuery()) == []
