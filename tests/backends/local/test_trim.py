"""A log has a largest size, and who reads or follows it is told what is missing."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from tests.backends.contract import order, template, text, until
from tests.backends.leftovers import remove_everything
from zoe_hub.backends.local import LocalBackend, LocalSettings
from zoe_hub.backends.output import DROPPED, excerpt, read
from zoe_hub.backends.trim import trim

LIMIT = 2**20


def taken(path: Path) -> int:
    return path.stat().st_blocks * 512


def lines(numbers: range) -> bytes:
    return b"".join(b"line %07d\n" % number for number in numbers)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log"
    path.write_bytes(lines(range(200_000)))
    return path


async def collect(path: Path, tail: int | None = None) -> bytes:
    return b"".join([chunk async for chunk in read(path, tail=tail, follow=False, ended=lambda: True)])


async def test_the_oldest_lines_go_and_the_newest_stay(log: Path) -> None:
    assert trim(log, LIMIT)
    assert LIMIT // 2 <= taken(log) <= LIMIT
    said = await collect(log)
    assert said.startswith(DROPPED)
    kept = said.removeprefix(DROPPED)
    assert lines(range(200_000)).endswith(kept)
    assert kept.startswith(b"line ")
    assert not trim(log, LIMIT)


async def test_the_tail_is_found_in_what_is_left(log: Path) -> None:
    trim(log, LIMIT)
    assert await collect(log, 3) == lines(range(199_997, 200_000))
    assert await collect(log, 200_000) == await collect(log)
    assert excerpt(log, ()).splitlines()[-1] == "line 0199999"


async def test_a_log_within_its_limit_is_left_alone(log: Path) -> None:
    before = log.read_bytes()
    assert not trim(log, 2**30)
    assert not trim(log.with_name("none"), LIMIT)
    assert log.read_bytes() == before


async def test_who_follows_slower_than_it_is_written_goes_on_at_a_whole_line(log: Path) -> None:
    following = read(log, tail=None, follow=True, ended=lambda: True)
    first = await anext(following)
    assert first == lines(range(200_000))[: len(first)]
    trim(log, LIMIT)
    rest = b"".join([chunk async for chunk in following])
    assert not first.endswith(b"\n"), "what was read last is a part of a line"
    assert rest.startswith(b"\n" + DROPPED + b"line ")
    assert rest.endswith(lines(range(199_990, 200_000)))
    assert b"\0" not in rest


async def test_a_program_that_goes_on_writing_loses_nothing_of_the_end(
    settings: LocalSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoe_hub.backends.local.backend._TRIM_EVERY", 0.01)
    limited = LocalSettings(settings.folder, settings.framework_folder, settings.cache_folder, log_limit=LIMIT)
    backend = LocalBackend(limited)
    await backend.open()
    try:
        script = "for n in range(400_000): print(f'line {n:07}', flush=n % 1000 == 0)\nprint('all', flush=True)"
        await backend.apply(order("x1", template(script + "\nimport time; time.sleep(1000)")))
        followed = asyncio.create_task(text(backend.logs("x1", "test.worker", 0, follow=True)))
        path = settings.folder / "logs" / "x1" / "test.worker-0.log"

        async def written_and_trimmed() -> bool:
            return path.exists() and path.stat().st_size > 400_000 * 13 and taken(path) <= LIMIT

        await until(written_and_trimmed)
        await backend.remove("x1")
        read_lines = (await followed).splitlines()
        assert {line for line in read_lines if "Zoe" in line} <= {DROPPED.decode().rstrip()}
        # Of the line before a gap only a part may have been read.
        numbers = [int(line[5:]) for line in read_lines if re.fullmatch(r"line \d{7}", line)]
        # A gap is where lines were dropped before they were read; nothing comes twice or out of order.
        assert numbers == sorted(set(numbers))
        kept = await text(LocalBackend(limited).logs("x1", "test.worker", 0))
        assert kept.startswith(DROPPED.decode())
        assert kept.endswith("line 0399998\nline 0399999\nall\n")
    finally:
        await backend.close()
        await remove_everything(LocalBackend(settings))
