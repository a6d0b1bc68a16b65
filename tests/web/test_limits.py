"""What one caller may use: too much is answered in a sentence that says when, or what, would be right."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from zoe_hub.model.errors import TooManyRequests
from zoe_hub.model.queries import ExecutionQuery
from zoe_hub.model.quotas import Limits as QuotaLimits
from zoe_hub.web import Caller, addresses
from zoe_hub.web.api.quotas import EVERYBODY
from zoe_hub.web.limits import Buckets, Limits, Meter
from zoe_hub.web.scopes import ADMIN_EXECUTIONS

from .conftest import OWN, Site, client_of, serve


@asynccontextmanager
async def limited(site: Site, limits: Limits) -> AsyncIterator[Site]:
    """The same service with other limits."""
    context = dataclasses.replace(site.context, limits=limits)
    async with serve(context) as (url, feed):
        yield dataclasses.replace(site, url=url, context=context, feed=feed)


async def test_a_caller_who_asks_too_often_is_told_when_to_come_back(site: Site) -> None:
    async with limited(site, Limits(rate=0.01, burst=3)) as strict:
        async with client_of(strict, "alice-token") as alice:
            assert [(await alice.get("/me")).status_code for _ in range(4)] == [200, 200, 200, 429]
            answer = await alice.get("/shop")
        assert answer.json()["type"] == "urn:zoe:problem:TooManyRequests"
        assert "0.01 a second" in answer.json()["detail"]
        assert 60 < int(answer.headers["Retry-After"]) <= 100
        async with client_of(strict, "bob-token") as bob:
            assert (await bob.get("/me")).status_code == 200, "what alice does is not counted for bob"
        async with client_of(strict, "service-token") as service:
            assert {(await service.get("/me")).status_code for _ in range(6)} == {200}, "it acts for everybody"


async def test_who_sends_much_sends_less_often(site: Site) -> None:
    """To read half a megabyte takes longer than a hundred small requests; a service that does nothing else is away."""
    body = {"zapp": "toys", "name": "a" * 200_000}
    async with limited(site, Limits(rate=0.01, burst=20)) as strict:
        async with client_of(strict, "alice-token") as alice:
            answers = await asyncio.gather(*(alice.post("/plans", json=body) for _ in range(5)))
            assert sorted(answer.status_code for answer in answers) == [422, 429, 429, 429, 429]
            assert (await alice.get("/me")).status_code == 429
        async with client_of(strict, "bob-token") as bob:
            assert (await bob.post("/plans", json={"zapp": "toys"})).status_code == 200
        async with client_of(strict, "service-token") as service:
            for _ in range(3):
                answer = await service.post("/plans", json={**body, "owner": "bob"})
                assert answer.status_code == 422, "it acts for everybody"


async def test_who_asks_for_many_lists_at_once_gets_them_one_after_the_other(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list of a thousand takes a while of the one thread that answers everybody, and of the lease's renewal."""
    made, together, most, go_on = 0, 0, 0, asyncio.Event()
    search = site.context.store.search

    async def slowly(query: ExecutionQuery) -> Any:
        nonlocal made, together, most
        made += 1
        together += 1
        most = max(most, together)
        if query.owners == ("alice",):
            await go_on.wait()
        together -= 1
        return await search(query)

    monkeypatch.setattr(site.context.store, "search", slowly)
    async with client_of(site, "alice-token") as alice, client_of(site, "bob-token") as bob:
        asked = [asyncio.create_task(alice.get("/executions")) for _ in range(6)]
        await _until(lambda: made == 2)
        assert (await bob.get("/executions")).status_code == 200
        assert (await alice.get("/me")).status_code == 200
        go_on.set()
        assert {(await each).status_code for each in asked} == {200}
    assert (made, most) == (7, 3), "two of alice's, and bob's"


async def test_what_was_sent_is_paid_for_with_time() -> None:
    now = [0.0]
    buckets = Buckets(rate=2, size=10, clock=lambda: now[0])
    assert buckets.owe("a", 50) == 0
    assert buckets.owe("a", 1) == 20
    assert buckets.take("a") == 20.5
    now[0] = 20.5
    assert buckets.take("a") == 0


async def test_guessing_tokens_is_slowed_before_the_hub_is_asked(site: Site) -> None:
    async with limited(site, Limits(rate=0.01, burst=20)) as strict:
        async with client_of(strict, "alice-token") as alice:
            assert (await alice.get("/me")).status_code == 200
            found = []
            for guess in range(4):
                async with client_of(strict, f"guess-{guess}") as stranger:
                    found.append((await stranger.get("/me")).status_code)
            assert found == [401, 401, 429, 429]
            assert (await alice.get("/me")).status_code == 200, "a token that was good is no guess"
        async with client_of(strict, None) as stranger:
            assert (await stranger.get("/")).status_code == 200


async def test_who_guesses_on_this_machine_holds_up_no_other_account(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor anybody behind a proxy, whose addresses the process says."""
    account = [1001]
    monkeypatch.setattr(addresses, "user_of_peer", lambda _: account[0])
    outside = {"X-Forwarded-For": "203.0.113.9"}
    async with limited(site, Limits(rate=0.01, burst=20)) as strict:
        for headers in ({}, outside):
            found = []
            for guess in range(3):
                async with client_of(strict, f"guess-{guess}") as stranger:
                    found.append((await stranger.get("/me", headers=headers)).status_code)
            assert found == [401, 401, 429]
        for account[0], token in ((1002, "alice-token"), (1003, "bob-token")):
            async with client_of(strict, token) as caller:
                answer = await caller.get("/me", headers=outside if token == "bob-token" else {})
                assert answer.status_code == 200


async def test_live_executions_are_limited_even_when_asked_for_at_once(site: Site) -> None:
    await site.context.store.put_quota(EVERYBODY, QuotaLimits(executions=3))
    async with client_of(site, "alice-token") as alice:
        answers = await asyncio.gather(*(alice.post("/executions", json={"zapp": "toys"}) for _ in range(8)))
        assert sorted(answer.status_code for answer in answers) == [202] * 3 + [409] * 5
        refused = next(answer.json() for answer in answers if answer.status_code == 409)
        assert refused["type"] == "urn:zoe:problem:QuotaExceeded"
        assert "quota of 3 executions is used by toys-1, toys-2 and toys-3." in refused["detail"]
        body = {"zapp": "toys", "owner": "alice"}
        async with client_of(site, "admin-token") as admin:
            assert (await admin.post("/executions", json=body)).status_code == 409, "the owner's limit, whoever asks"
            assert (await admin.post("/executions", json={"zapp": "toys"})).status_code == 202


async def test_a_repeated_request_is_no_further_execution(site: Site) -> None:
    await site.context.store.put_quota(EVERYBODY, QuotaLimits(executions=1))
    async with client_of(site, "alice-token") as alice:
        for _ in range(2):
            answer = await alice.post("/executions", json={"zapp": "toys"}, headers={"Idempotency-Key": "once"})
            assert answer.status_code == 202


async def test_own_zapps_are_limited_and_one_can_be_replaced(site: Site) -> None:
    async with limited(site, Limits(zapps=2)) as strict, client_of(strict, "alice-token") as alice:
        bodies = [{**OWN, "name": f"mine-{number}"} for number in range(6)]
        answers = await asyncio.gather(*(alice.put(f"/zapps/{body['name']}", json=body) for body in bodies))
        assert sorted(answer.status_code for answer in answers) == [200, 200, 409, 409, 409, 409]
        kept = next(body for body, answer in zip(bodies, answers, strict=True) if answer.status_code == 200)
        assert (await alice.put(f"/zapps/{kept['name']}", json={**kept, "title": "New"})).status_code == 200


async def test_open_streams_are_limited_until_one_is_closed(site: Site) -> None:
    async with limited(site, Limits(streams=2)) as strict, client_of(strict, "alice-token") as alice:
        async with alice.stream("GET", "/events") as one, alice.stream("GET", "/events") as other:
            await _opened(one)
            await _opened(other)
            refused = await alice.get("/events")
            assert refused.status_code == 429
            assert "2 streams open" in refused.json()["detail"]
            assert int(refused.headers["Retry-After"]) == 5
            async with client_of(strict, "bob-token") as bob, bob.stream("GET", "/events") as theirs:
                await _opened(theirs)
        await _until(lambda: strict.feed.followers == 0)
        async with alice.stream("GET", "/events") as again:
            await _opened(again)


async def test_websockets_of_pages_count_as_streams(site: Site, start: Callable[..., object]) -> None:
    execution = await start()  # type: ignore[misc]
    async with limited(site, Limits(streams=1)) as strict, client_of(strict, "alice-token") as alice:
        place = f"{strict.url}executions/{execution}/ui/toy.head/web/ws".replace("http", "ws", 1)
        socket = HTTPRequest(place, headers={"Authorization": "token alice-token"})
        async with alice.stream("GET", "/events") as events:
            await _opened(events)
            with pytest.raises(HTTPClientError) as refused:
                await websocket_connect(socket)
            assert refused.value.code == 429
        await _until(lambda: strict.feed.followers == 0)
        for _ in range(3):
            # Nothing listens behind the page: what could not be opened is not counted.
            with pytest.raises(HTTPClientError) as away:
                await websocket_connect(socket)
            assert away.value.code == 502


async def test_requests_of_pages_count_as_streams_as_long_as_their_answers_take(
    site: Site, start: Callable[..., Awaitable[str]]
) -> None:
    """How long that is, a cluster decides, which is its owner's: each held two connections of the service."""
    asked, may_answer = asyncio.Event(), asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await may_answer.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nslow")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(slow, "127.0.0.1", 0) as page:
        execution = await start(ports={"rpc": 1, "web": page.sockets[0].getsockname()[1], "deep": 1, "inside": 1})
        async with limited(site, Limits(streams=1)) as strict, client_of(strict, "alice-token") as alice:
            place = f"{strict.url}executions/{execution}/ui/toy.head/web/"
            first = asyncio.create_task(alice.get(place))
            await asyncio.wait_for(asked.wait(), 20)
            assert (await alice.get(place)).status_code == 429
            may_answer.set()
            assert (await first).text == "slow"
            for _ in range(3):
                assert (await alice.get(place)).text == "slow", "what was answered is not counted any more"


async def _opened(stream: httpx.Response) -> None:
    assert stream.status_code == 200
    lines = stream.aiter_lines()
    assert (await anext(lines)).startswith("retry")
    # A generator that nobody holds is closed, and the stream with it.
    stream.extensions["lines"] = lines


async def _until(so: Callable[[], bool]) -> None:
    for _ in range(1000):
        if so():
            return
        await asyncio.sleep(0.01)
    raise TimeoutError


def test_a_bucket_fills_again_up_to_its_size() -> None:
    now = [0.0]
    buckets = Buckets(2.0, 4, lambda: now[0])
    assert [buckets.take("a") for _ in range(5)] == [0, 0, 0, 0, 0.5]
    now[0] = 0.75
    assert [buckets.take("a") for _ in range(2)] == [0, 0.25]
    now[0] = 1000.0
    assert [buckets.take("a") == 0 for _ in range(5)] == [True] * 4 + [False]
    assert buckets.take("b") == 0


def test_without_a_rate_nothing_is_counted() -> None:
    meter = Meter(Limits())
    for number in range(100_000):
        meter.count(Caller("alice", frozenset()))
        meter.guess("10.0.0.1", f"guess-{number}")
    for _ in range(1000):
        meter.open_stream(Caller("alice", frozenset()))


def test_the_services_own_token_is_no_guess_whoever_guesses_beside_it() -> None:
    meter = Meter(Limits(rate=0.01, burst=20), own_token="spawner")
    for guess in range(2):
        meter.guess("127.0.0.1", f"guess-{guess}")
    with pytest.raises(TooManyRequests):
        meter.guess("127.0.0.1", "guess-2")
    for _ in range(3):
        meter.guess("127.0.0.1", "spawner")
        meter.known("127.0.0.1", "spawner")
    with pytest.raises(TooManyRequests):
        meter.guess("127.0.0.1", "guess-2")


def test_a_withdrawn_token_is_a_guess_again() -> None:
    meter = Meter(Limits(rate=0.001, burst=10))
    meter.guess("here", "t")
    meter.known("here", "t")
    for _ in range(50):
        meter.guess("here", "t")
    meter.forget("t")
    meter.guess("here", "t")
    with pytest.raises(TooManyRequests):
        meter.guess("here", "t")


def test_a_service_named_like_a_user_has_a_bucket_of_its_own() -> None:
    meter = Meter(Limits(rate=0.001, burst=1))
    meter.count(Caller("alice", frozenset()))
    meter.count(Caller("alice", frozenset(), kind="service"))
    with pytest.raises(TooManyRequests):
        meter.count(Caller("alice", frozenset({ADMIN_EXECUTIONS})))
    with pytest.raises(TooManyRequests):
        meter.count(Caller("alice", frozenset(), kind="service"))
