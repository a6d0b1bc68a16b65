"""However many come, the service keeps what it needs for itself, and who has gone makes room for the next."""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from zoe_hub.listening import BoundedServer, raise_file_limit, room


class Hello(RequestHandler):
    def get(self) -> None:
        self.finish("hello")

    def post(self) -> None:
        self.finish(self.request.body)


@asynccontextmanager
async def listening(files: int, **more: float) -> AsyncIterator[int]:
    server = BoundedServer(Application([("/", Hello)]), files=files, **more)
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    try:
        yield sockets[0].getsockname()[1]
    finally:
        server.stop()
        await server.close_all_connections()


async def answer(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


@pytest.fixture
def limits() -> Iterator[tuple[int, int]]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield before
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


async def test_a_crowd_is_closed_before_nothing_can_be_opened_any_more(tmp_path: Path) -> None:
    """Where no file can be opened, no process is started, no log read, and the loop does nothing but complain."""
    used = len(os.listdir("/proc/self/fd"))
    crowd = []
    few = next(files for files in range(64, 100_000) if room(files) >= used + 40)
    async with listening(files=few) as port:
        for _ in range(60):
            crowd.append(await asyncio.open_connection("127.0.0.1", port))
        sent_away = 0
        for reader, _ in crowd:
            reading = asyncio.ensure_future(reader.read(1))
            await asyncio.wait({reading}, timeout=0.01)
            sent_away += reading.done()
            reading.cancel()
        assert sent_away
        assert await answer(port) == b""
        for _, writer in crowd:
            writer.close()
        for _ in range(500):
            if b"hello" in await answer(port):
                break
            await asyncio.sleep(0.01)
        else:
            pytest.fail("who has gone still takes room")


async def test_who_does_not_finish_a_request_is_not_waited_for() -> None:
    async with listening(files=10_000, body_timeout=0.1, idle_connection_timeout=0.1) as port:
        for said in (b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 10\r\n\r\nslow", b"GET / HT", b""):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(said)
            assert await asyncio.wait_for(reader.read(), 20) == b""
            writer.close()


def test_what_is_kept_for_the_service_itself() -> None:
    assert [room(files) for files in (256, 1024, 4096, 20_000, 65_536)] == [192, 768, 3072, 18_976, 64_512]


def test_as_many_files_as_the_system_lets_a_process_open(limits: tuple[int, int]) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, limits[1]), limits[1]))
    assert raise_file_limit() == resource.getrlimit(resource.RLIMIT_NOFILE)[0] == min(limits[1], 65_536)
    assert raise_file_limit() == min(limits[1], 65_536), "a second call changes nothing"
