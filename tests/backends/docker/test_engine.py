"""What is made of an engine that is killed and breaks off in the middle of a word; no real one is needed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from zoe_hub.backends.docker.engine import Engine, EngineAway

VERSION = b'{"ApiVersion": "1.41", "Version": "20.10"}'
WHOLE = b'{"status": "start"}\n'


@pytest.fixture
async def dying(tmp_path: Path) -> AsyncIterator[Engine]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (line := await reader.readline()).strip():
            request = line.split()
            while (await reader.readline()).strip():
                pass
            if b"/events" in request[1] or b"/info" in request[1]:
                words = WHOLE + WHOLE[:9] if b"/events" in request[1] else WHOLE[:9]
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" + words)
                break
            version = b'{"ApiVersion": "1.41", "Version": "20.10"}'
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(version)
            )
            writer.write(version)
        writer.close()

    server = await asyncio.start_unix_server(serve, tmp_path / "docker.sock")
    engine = Engine(f"unix://{tmp_path / 'docker.sock'}")
    yield engine
    await engine.close()
    server.close()


async def test_events_that_break_off_are_told_as_an_engine_that_is_away(dying: Engine) -> None:
    seen = []

    async def follow() -> None:
        async for event in dying.events(since=0, labels=[]):
            seen.append(event["status"])

    with pytest.raises(EngineAway):
        await follow()
    assert seen == ["start"]


async def test_an_answer_that_breaks_off_is_none(dying: Engine) -> None:
    with pytest.raises(EngineAway):
        await dying.info()


async def test_a_log_is_handed_on_as_it_comes_also_where_nobody_follows_it(tmp_path: Path) -> None:
    """A program can write a million lines; held together by the hundreds who may ask, they fill the memory."""
    go_on = asyncio.Event()
    asked: list[bytes] = []

    def frame(text: bytes) -> bytes:
        return b"\x01\0\0\0" + len(text).to_bytes(4, "big") + text

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (line := await reader.readline()).strip():
            path = line.split()[1]
            while (await reader.readline()).strip():
                pass
            if b"/logs" in path:
                asked.append(path)
                writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + frame(b"first\n"))
                await go_on.wait()
                writer.write(frame(b"second\n"))
                break
            said = b'{"Config": {"Tty": false}}' if b"/json" in path else VERSION
            head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            writer.write(head % len(said) + said)
        writer.close()

    engine = Engine(f"unix://{tmp_path / 'docker.sock'}")
    async with await asyncio.start_unix_server(serve, tmp_path / "docker.sock"):
        log = engine.log("c", tail=7)
        assert await asyncio.wait_for(anext(log), 20) == b"first\n"
        go_on.set()
        assert [text async for text in log] == [b"second\n"]
        await engine.close()
    assert b"/containers/c/logs?" in asked[0]
    assert b"tail=7" in asked[0]
