"""Server-sent events: what happens, in order, to those who may know, and from where one left off."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import datetime, timezone
from typing import Any

import httpx
import pytest

from tests.store.writing import moved
from zoe_hub.model.errors import ServiceUnavailable
from zoe_hub.model.events import Event, EventKind
from zoe_hub.model.execution import Attachment, ExecutionState
from zoe_hub.model.quotas import Limits
from zoe_hub.scheduler.allowances import Subject
from zoe_hub.store.sql import SQLStore
from zoe_hub.web.events import Changed, EventFeed

from .conftest import Site, Starter


async def messages(lines: AsyncIterator[str]) -> AsyncIterator[dict[str, str]]:
    message: dict[str, str] = {}
    async for line in lines:
        if not line:
            yield message
            message = {}
        else:
            name, _, value = line.partition(":")
            message[name or "comment"] = value.strip()


async def read(client: httpx.AsyncClient, count: int, path: str = "/events", **options: Any) -> list[dict[str, str]]:
    """The first `count` events of a stream."""
    found: list[dict[str, str]] = []
    async with client.stream("GET", path, **options) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        async with aclosing(answer.aiter_lines()) as lines:  # type: ignore[type-var]
            async for message in messages(lines):
                if "data" in message:
                    found.append(message)
                if len(found) == count:
                    return found
    return found


async def test_events_are_the_stored_ones_in_order(alice: httpx.AsyncClient, start: Starter, site: Site) -> None:
    execution = await start()
    stored = await site.context.store.events(execution=execution)
    seen = await read(alice, len(stored), f"/executions/{execution}/events", headers={"Last-Event-ID": "0"})
    assert [int(message["id"]) for message in seen] == [event.seq for event in stored]
    assert [message["event"] for message in seen] == [event.kind.value for event in stored]
    assert Event.model_validate_json(seen[0]["data"]) == stored[0]


async def test_a_stream_resumes_after_the_last_event(alice: httpx.AsyncClient, start: Starter) -> None:
    execution = await start()
    first = await read(alice, 2, params={"last_event_id": 0})
    rest = await read(alice, 2, "/events", params={"execution": execution}, headers={"Last-Event-ID": first[-1]["id"]})
    ids = [int(message["id"]) for message in [*first, *rest]]
    assert ids == sorted(set(ids))
    assert ids[2] == ids[1] + 1


async def test_a_new_stream_begins_now_and_goes_on(alice: httpx.AsyncClient, start: Starter) -> None:
    before = await start()
    async with alice.stream("GET", "/events") as answer:
        stream = messages(answer.aiter_lines())
        assert (await anext(stream))["retry"] == "2000"
        assert "comment" in await anext(stream)
        after = await start()
        message = await anext(stream)
        assert message["event"] == "execution.submitted"
        assert json.loads(message["data"])["execution"] == after != before


async def test_who_prefers_it_is_sent_the_execution_with_the_newest_event(
    alice: httpx.AsyncClient, start: Starter, site: Site
) -> None:
    execution = await start()
    wish = {"Prefer": "respond-async, return=representation", "Last-Event-ID": "0"}
    stored = await site.context.store.events(execution=execution)
    for path in ("/events", f"/events?execution={execution}"):
        seen = [json.loads(each["data"]) for each in await read(alice, len(stored), path, headers=wish)]
        assert ["now" in each for each in seen] == [False] * (len(stored) - 1) + [True]
        assert seen[-1].pop("now") == (await alice.get(f"/executions/{execution}")).json()
        assert Event.model_validate(seen[-1]) == stored[-1]
    # What happens from now on.
    async with alice.stream("GET", "/events", headers={"Prefer": "return=representation"}) as answer:
        stream = messages(answer.aiter_lines())
        await anext(stream)
        await anext(stream)
        assert (await alice.delete(f"/executions/{execution}")).status_code == 202
        assert json.loads((await anext(stream))["data"])["now"]["desired"] == "terminated"


async def test_nobody_hears_of_what_is_somebody_elses(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, admin: httpx.AsyncClient, start: Starter
) -> None:
    await start("bob-token")
    await start("alice-token")
    seen = await read(alice, 3, params={"last_event_id": 0})
    assert {json.loads(message["data"])["owner"] for message in seen} == {"alice"}
    everybodys = await read(admin, 7, params={"last_event_id": 0, "owner": "*"})
    assert {json.loads(message["data"])["owner"] for message in everybodys} == {"alice", "bob"}
    assert (await bob.get("/events", params={"owner": "alice"})).status_code == 403


async def test_a_number_from_the_future_means_from_now_on_and_is_said(alice: httpx.AsyncClient, start: Starter) -> None:
    async with alice.stream("GET", "/events", headers={"Last-Event-ID": "999999"}) as answer:
        stream = messages(answer.aiter_lines())
        await anext(stream)
        await anext(stream)
        gap = await anext(stream)
        assert (gap["event"], json.loads(gap["data"])) == ("gap", {"after": 0, "deleted": 999999})
        await start()
        assert (await anext(stream))["event"] == "execution.submitted"


async def test_a_client_that_leaves_is_forgotten(alice: httpx.AsyncClient, site: Site, start: Starter) -> None:
    feed = site.feed
    async with alice.stream("GET", "/events") as answer:
        await anext(answer.aiter_lines())
        assert feed.followers == 1
    await asyncio.wait_for(_until_nobody_follows(feed), 20)


async def test_silence_is_broken_by_signs_of_life(store: SQLStore) -> None:
    feed = EventFeed(store, keepalive=0.01)
    async with aclosing(feed.follow(None)) as events:  # type: ignore[type-var]
        assert [await anext(events) for _ in range(3)] == [None, None, None]
    await feed.close()


async def test_who_follows_is_told_how_often_there_is_a_sign_of_life(alice: httpx.AsyncClient, site: Site) -> None:
    site.feed.keepalive = 0.2
    async with alice.stream("GET", "/events") as answer, aclosing(answer.aiter_lines()) as lines:  # type: ignore[type-var]
        found = messages(lines)
        assert await anext(found) == {"retry": "2000", "keepalive": "200"}
        assert [await anext(found) for _ in range(3)] == 3 * [{"comment": "alive"}]


async def test_who_follows_is_told_that_shop_or_quotas_are_others(site: Site, alice: httpx.AsyncClient) -> None:
    site.feed._every = 0.01
    async with alice.stream("GET", "/events") as answer:
        lines = answer.aiter_lines()

        async def told(what: str) -> None:
            async for line in lines:
                if line == f"event: {what}":
                    return

        await anext(lines)
        await asyncio.sleep(0.05)  # until it has looked for the first time
        await site.context.store.put_quota(Subject("everybody", ""), Limits(cpu=3))
        await asyncio.wait_for(told("quotas.changed"), 20)
        toys = site.context.catalogue.folder("toy").parent / "zapps" / "toys.yaml"
        toys.write_text(toys.read_text().replace("title: ", "title: New "))
        await asyncio.wait_for(told("shop.changed"), 20)


async def test_what_stays_as_it_is_is_not_told_and_trouble_in_looking_passes(store: SQLStore) -> None:
    quotas, looks = 1, 0

    async def look() -> dict[Changed, object]:
        nonlocal looks
        looks += 1
        if looks == 2:
            raise ServiceUnavailable("the database is away")
        return {Changed.SHOP: "the same", Changed.QUOTAS: quotas}

    feed = EventFeed(store, look=look, every=0.01, keepalive=0.01)
    async with (
        aclosing(feed.follow(None, owners=("alice",))) as events,  # type: ignore[type-var]
        aclosing(feed.follow(None, owners=("alice",), execution="x1")) as of_one,  # type: ignore[type-var]
    ):
        assert await anext(events) is None
        assert await anext(of_one) is None
        while looks < 4:
            assert await anext(events) is None
        quotas = 2
        while (event := await anext(events)) is None:
            assert await anext(of_one) is None
        assert event is Changed.QUOTAS
        assert await anext(events) is None
        assert await anext(of_one) is None
    await feed.close()


async def test_who_is_far_behind_reads_from_the_store(site: Site, start: Starter) -> None:
    store = site.context.store
    feed = EventFeed(store, kept=2)
    async with aclosing(feed.follow(0, owners=("alice",))) as events:  # type: ignore[type-var]
        assert await anext(events) is None
        await start("bob-token")
        await start("alice-token")
        await start("bob-token")
        await start("alice-token")
        stored = [event.seq for event in await store.events(owner="alice")]
        seen = [event.seq for event in [await anext(events) for _ in stored] if event is not None]
        assert seen == stored
    await feed.close()


async def test_a_thousand_listeners_share_one_reader(
    site: Site, start: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = site.context.store
    feed = EventFeed(store)
    waits = 0
    wait = store.wait

    async def counted(after: int, timeout: float) -> bool:
        nonlocal waits
        waits += 1
        return await wait(after, timeout)

    monkeypatch.setattr(store, "wait", counted)
    opened = asyncio.Semaphore(0)

    async def listen() -> int:
        async with aclosing(feed.follow(None, owners=("alice",))) as events:  # type: ignore[type-var]
            await anext(events)
            opened.release()
            event = await anext(events)
            while event is None:
                event = await anext(events)
            return event.seq

    listeners = [asyncio.create_task(listen()) for _ in range(1000)]
    for _ in listeners:
        await opened.acquire()
    await start()
    seen = await asyncio.gather(*listeners)
    assert len(set(seen)) == 1
    assert waits < 20
    await feed.close()


async def _until_nobody_follows(feed: EventFeed) -> None:
    while feed.followers:  # noqa: ASYNC110 - the feed does not say when somebody leaves
        await asyncio.sleep(0.01)


async def test_who_resumes_from_before_what_was_deleted_is_told(
    alice: httpx.AsyncClient, start: Starter, site: Site
) -> None:
    store = site.context.store
    gone, left = await start(), await start()
    await store.terminate(gone, by="alice")
    await moved(store, gone, ExecutionState.RUNNING, ExecutionState.STOPPING)
    await moved(store, gone, ExecutionState.STOPPING, ExecutionState.TERMINATED)
    assert await store.dispose([gone]) == 1
    kept = [str(event.seq) for event in await store.events()]
    first, *rest = await read(alice, len(kept) + 1, params={"last_event_id": 0})
    deleted = await store.deleted_seq()
    assert (first["event"], json.loads(first["data"])) == ("gap", {"after": 0, "deleted": deleted})
    assert "id" not in first
    assert [message["id"] for message in rest] == kept
    (only,) = await read(alice, 1, params={"last_event_id": deleted - 1})
    assert json.loads(only["data"]) == {"after": deleted - 1, "deleted": deleted}
    of_one = await read(alice, 2, f"/executions/{left}/events", params={"last_event_id": 0})
    assert [message["id"] for message in of_one] == kept[:2]
    await store.attach(left, Attachment(server="alice/"))
    (next_one,) = await read(alice, 1, params={"last_event_id": deleted})
    assert next_one["event"] == "execution.attached"


class BusyStore:
    """Has 15 events when somebody asks for what is missing, of which the feed's own reader has seen 14 so far."""

    def __init__(self) -> None:
        self.reader_saw_one = asyncio.Event()
        self.more = asyncio.Event()

    async def last_seq(self) -> int:
        return 15 if self.reader_saw_one.is_set() else 13

    async def wait(self, after: int, timeout: float) -> bool:
        if after == 14:
            self.reader_saw_one.set()
            await self.more.wait()
        elif after > 14:
            await asyncio.sleep(3600)
        return True

    async def deleted_seq(self) -> int:
        return 0

    async def events(self, *, after: int = 0, limit: int = 1000, **_: Any) -> list[Event]:
        if after < 13:
            await self.reader_saw_one.wait()
        last = {13: 14, 14: 16}.get(after, 15)
        kind = EventKind.EXECUTION_WAITING
        now = datetime.now(timezone.utc)
        return [
            Event(seq=seq, time=now, owner="alice", execution="x", kind=kind, data={})
            for seq in range(after + 1, last + 1)
        ]


async def test_who_is_ahead_of_the_reader_is_sent_nothing_twice() -> None:
    store = BusyStore()
    feed = EventFeed(store)  # type: ignore[arg-type]
    async with aclosing(feed.follow(12)) as slow:  # type: ignore[type-var]
        seen = [event.seq for event in [await anext(slow) for _ in range(4)] if event]
        # Somebody who was sent 15 as well comes back before the reader has seen it.
        async with aclosing(feed.follow(15)) as resumed:  # type: ignore[type-var]
            assert await anext(resumed) is None
            waiting = [asyncio.ensure_future(anext(stream)) for stream in (slow, resumed)]
            await asyncio.sleep(0.01)
            store.more.set()
            assert seen == [13, 14, 15]
            assert [event.seq for event in await asyncio.gather(*waiting) if event] == [16, 16]
    await feed.close()
