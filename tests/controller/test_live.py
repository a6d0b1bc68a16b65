from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from zoe_hub.controller.executions import LiveExecutions
from zoe_hub.controller.live import LiveFigures
from zoe_hub.controller.questions import LARGEST, Questions
from zoe_hub.model.errors import ServiceUnavailable
from zoe_hub.model.execution import Execution

from .cluster import Cluster
from .conftest import World
from .test_lives import watched


async def test_figures_come_back_with_the_store(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0
    there_again = asyncio.Event()

    async def away_at_first(**_: Any) -> Sequence[Execution]:
        nonlocal asked
        asked += 1
        if asked < 3:
            raise ServiceUnavailable("the disk is full")
        there_again.set()
        return []

    monkeypatch.setattr(world.store, "list", away_at_first)
    task = asyncio.create_task(
        LiveFigures(LiveExecutions(world.store), world.secrets, prefix="/z/", interval=0.01).run()
    )
    await asyncio.wait({task, asyncio.ensure_future(there_again.wait())}, return_when=asyncio.FIRST_COMPLETED)
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_cluster_hears_no_cookie_of_anothers(world: World) -> None:
    """All are at one host, whose name is all that a cookie goes by."""
    async with Cluster() as cluster:
        cluster.answer_headers["Set-Cookie"] = "door=open; Path=/"
        async with Questions(world.secrets, prefix="/z/") as questions:
            for path in ("/first", "/second"):
                await questions._get(f"http://127.0.0.1:{cluster.port}{path}", {})
        assert cluster.paths == ["/first", "/second"]
        assert "Cookie" not in cluster.headers


@asynccontextmanager
async def cluster_that_sends(answer: bytes) -> AsyncIterator[str]:
    """The address of one that sends these bytes and no more."""

    async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(send, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


async def refused(world: World, answer: bytes, *, why: str) -> None:
    async with cluster_that_sends(answer) as address, Questions(world.secrets, prefix="/z/") as questions:
        with pytest.raises(ValueError, match=why):
            await questions._get(address, {})


async def test_an_answer_that_grows_when_it_is_unpacked_is_not_unpacked(world: World) -> None:
    """500 bytes of it would be hundreds of megabytes, and 50 KB all the memory of the machine."""
    packed = gzip.compress(gzip.compress(b"0" * 2**20))
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    await refused(world, head + packed, why="is packed")


async def test_an_answer_in_very_many_pieces_is_not_read_to_its_end(world: World) -> None:
    """Each piece costs the thread in which everybody is answered; all of these took seventeen seconds."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    await refused(world, head + b"1\r\na\r\n" * 2500 + b"0\r\n\r\n", why="pieces")


async def test_an_answer_that_is_too_large_is_not_read_to_its_end(world: World) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (LARGEST + 1)
    await refused(world, head + b"a" * (LARGEST + 1), why="larger")


async def test_figures_are_numbers_and_short_texts_whatever_a_cluster_says(world: World, running: World) -> None:
    """Whoever administers sees them all in one list."""
    said = {"many": 3, "name": "short", "novel": "x" * 100_000, "list": [1] * 1000, "none": None, "digits": 10**400}
    async with Cluster() as cluster:
        one = await watched(running, cluster, fields={name: name for name in said})
        cluster.answer = said
        live = LiveFigures(LiveExecutions(world.store), world.secrets, prefix="/z/", interval=0.01)
        async with Questions(world.secrets, prefix="/z/") as questions:
            live._since[one.execution.id] = -1e9
            await live._look(questions)
        assert live.get(one.execution.id) == {"many": 3, "name": "short"}


@pytest.mark.parametrize(
    "answer",
    [
        json.dumps([10**400, 0.5]),
        json.dumps(["a", 1]),
        json.dumps([10**4299] * 20),
        "[" * 800 + "]" * 800,
    ],
    ids=["sum-overflows", "text-and-number", "many-digits", "deep"],
)
@pytest.mark.parametrize("expression", ["sum(@)", "@[?@ > `0`]", "max(@)", "to_string(@)", "sort(@)"])
async def test_no_answer_of_a_cluster_ends_more_than_its_own_figures(
    world: World, running: World, answer: str, expression: str
) -> None:
    """What escapes here ends the service, for everybody, and the next one as soon as it has started."""
    async with Cluster() as cluster:
        one = await watched(running, cluster, fields={"figure": expression})
        cluster.answer = answer.encode()
        live = LiveFigures(LiveExecutions(world.store), world.secrets, prefix="/z/", interval=0.01)
        async with Questions(world.secrets, prefix="/z/") as questions:
            live._since[one.execution.id] = -1e9
            await live._look(questions)
        assert isinstance(live.get(one.execution.id).get("figure", ""), (int, float, str))
