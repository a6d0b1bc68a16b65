"""Output of instances over HTTP."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from zoe_hub.web.logs import follow_logs

from .conftest import Site, Starter


async def test_the_output_of_one_instance_is_as_it_is(alice: httpx.AsyncClient, site: Site, start: Starter) -> None:
    site.written.texts["toy.head", 0] = b"one\ntwo \xff\n"
    execution = await start()
    for process in ("toy.head", "head"):
        answer = await alice.get(f"/executions/{execution}/logs", params={"process": process, "tail": 5})
        assert answer.content == b"one\ntwo \xff\n"
        assert answer.headers["Content-Type"].startswith("text/plain")
    assert site.written.calls[-1] == {"process": "toy.head", "ordinal": 0, "follow": False, "tail": 5}


async def test_the_output_of_all_is_told_apart(alice: httpx.AsyncClient, site: Site, start: Starter) -> None:
    site.written.texts["toy.head", 0] = b"one\ntwo\n"
    site.written.texts["toy.worker", 0] = b"three"
    text = (await alice.get(f"/executions/{await start()}/logs")).text
    assert sorted(text.splitlines()) == ["[toy.head 0] one", "[toy.head 0] two", "[toy.worker 0] three"]


async def test_short_lines_of_many_are_handed_on_together(alice: httpx.AsyncClient, site: Site, start: Starter) -> None:
    """One by one, two logs of nothing but ends of lines, of 64 MiB each, took hours of a processor."""
    for process in ("toy.head", "toy.worker"):
        site.written.texts[process, 0] = b"\n" * 50_000 + b"last"
    execution = await site.context.store.get(await start())
    chunks = [c async for c in await follow_logs(site.written, execution, None, None, follow=False, tail=None)]
    lines = b"".join(chunks).splitlines()
    assert sorted(set(lines)) == [b"[toy.head 0] ", b"[toy.head 0] last", b"[toy.worker 0] ", b"[toy.worker 0] last"]
    assert len(lines) == 100_002
    assert len(chunks) < 100


async def test_output_is_followed_until_its_end(alice: httpx.AsyncClient, site: Site, start: Starter) -> None:
    site.written.texts["toy.head", 0] = b"one\n"
    place = f"/executions/{await start()}/logs"
    async with alice.stream("GET", place, params={"process": "head", "follow": "true"}) as answer:
        chunks = answer.aiter_bytes()
        assert await anext(chunks) == b"one\n"
        site.written.more.set()
        assert await anext(chunks) == b"more\n"
        assert await anext(chunks, None) is None


async def test_unknown_processes_and_instances_are_named(alice: httpx.AsyncClient, start: Starter) -> None:
    place = f"/executions/{await start()}/logs"
    answer = await alice.get(place, params={"process": "haed"})
    assert answer.status_code == 404
    assert "toy.head" in answer.json()["detail"]
    assert (await alice.get(place, params={"process": "head", "ordinal": 7})).status_code == 404
    assert (await alice.get(place, params={"process": "head"})).status_code == 404
    queued = (await alice.post("/executions", json={"zapp": "toys"})).json()["id"]
    nothing = await alice.get(f"/executions/{queued}/logs")
    assert (nothing.status_code, nothing.content) == (200, b"")


async def test_who_leaves_before_the_first_line_is_let_go(
    alice: httpx.AsyncClient, site: Site, start: Starter, caplog: pytest.LogCaptureFixture
) -> None:
    place = f"/executions/{await start()}/logs"
    site.written.silent = True
    async with alice.stream("GET", place, params={"process": "head", "follow": "true"}) as answer:
        assert answer.status_code == 200
    await asyncio.wait_for(site.written.left.wait(), 20)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
