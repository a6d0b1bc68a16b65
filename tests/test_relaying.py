"""Answers that are relayed: whoever leaves, whenever, leaves nothing open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from zoe_hub.relaying import streamed


class SlowToLetGo(httpx.AsyncByteStream):
    """An endless answer, of which the connection takes a moment to be closed."""

    def __init__(self) -> None:
        self.letting_go, self.goes_on = asyncio.Event(), asyncio.Event()
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"first"
        await asyncio.Event().wait()

    async def aclose(self) -> None:
        self.letting_go.set()
        await self.goes_on.wait()
        self.closed = True


@pytest.mark.parametrize("fails", [False, True])
async def test_who_leaves_while_it_is_let_go_of_leaves_nothing_open(fails: bool) -> None:
    body = SlowToLetGo()

    async def relay() -> None:
        transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=body))
        async with httpx.AsyncClient(transport=transport) as http, streamed(http, "GET", "http://zoe/") as answer:
            assert await answer.aiter_raw().__anext__() == b"first"
            if fails:
                raise ConnectionResetError

    relaying = asyncio.create_task(relay())
    await asyncio.wait({asyncio.ensure_future(body.letting_go.wait())}, timeout=10)
    relaying.cancel()
    await asyncio.wait({relaying}, timeout=10)
    assert relaying.cancelled()
    body.goes_on.set()
    for _ in range(10):
        await asyncio.sleep(0)
    assert body.closed
