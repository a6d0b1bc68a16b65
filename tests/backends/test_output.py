from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoe_hub.backends.output import HIDDEN, excerpt, read, secrets_in

TOKEN = "kD8f3mQ_zR1xV-7tYw5uPq2sN9aBcE4gH6jL0oIiUyT"
PEM = f"-----BEGIN PRIVATE KEY-----\n{'Ab+/' * 16}\n{'cD12' * 5}==\n-----END PRIVATE KEY-----\n"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


async def tail(path: Path, lines: int | None) -> bytes:
    return b"".join([chunk async for chunk in read(path, tail=lines, follow=False, ended=lambda: True)])


@pytest.mark.parametrize("end", [b"", b"\n"])
async def test_the_tail_is_as_many_lines_as_asked_for(log: Path, end: bytes) -> None:
    log.write_bytes(b"\n".join(b"x" * (number * 701) for number in range(200)) + end)
    lines = log.read_bytes().splitlines(keepends=True)
    for wanted in (0, 1, 2, 50, 199, 200, 1000):
        assert await tail(log, wanted) == b"".join(lines[max(0, len(lines) - wanted) :])
    assert await tail(log, None) == log.read_bytes()


async def test_others_have_their_turns_while_the_beginning_of_a_tail_is_looked_for(log: Path) -> None:
    """A log of nothing but ends of lines took more than a second, and those of all instances are asked for together."""
    log.write_bytes(b"\n" * 2**20)
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(others())
    chunks = read(log, tail=2**20 - 100_000, follow=False, ended=lambda: True)
    first = await anext(chunks)
    counting.cancel()
    assert turns > 10
    assert len(first) + sum([len(chunk) async for chunk in chunks]) == 2**20 - 100_000


async def test_a_log_that_is_not_there_is_empty(log: Path) -> None:
    assert await tail(log, None) == b""
    assert excerpt(log, ()) == ""


def test_the_excerpt_is_the_last_ten_lines(log: Path) -> None:
    log.write_text("".join(f"line {number}\n" for number in range(100)))
    assert excerpt(log, ()).splitlines() == [f"line {number}" for number in range(90, 100)]


def test_the_excerpt_is_at_most_two_kilobytes(log: Path) -> None:
    log.write_text("é" * 100_000 + "end")
    words = excerpt(log, ())
    assert words.endswith("end")
    assert len(words.encode()) <= 2048


def test_the_excerpt_hides_secrets(log: Path) -> None:
    log.write_text(f"before {TOKEN} after\n{PEM}")
    words = excerpt(log, secrets_in([f"token={TOKEN}", PEM]))
    assert words.startswith(f"before {HIDDEN} after")
    assert "Ab+/" not in words
    assert "cD12" not in words


@settings(deadline=None, max_examples=50)
@given(st.text("ab\n", max_size=3000))
def test_a_secret_that_is_cut_is_hidden_too(padding: str) -> None:
    with tempfile.NamedTemporaryFile("w+") as file:
        file.write(f"{TOKEN}{'=' * 2020}{padding}")
        file.flush()
        words = excerpt(Path(file.name), secrets_in([TOKEN]))
    assert not any(TOKEN[start : start + 8] in words for start in range(len(TOKEN) - 8))


def test_names_are_no_secrets() -> None:
    assert not secrets_in(
        ["spark.storage.decommission.replicationReattemptInterval=2s", "a" * 40, "/opt/zoe/frameworks"]
    )


def test_an_excerpt_commands_no_terminal_and_fits_any_database(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"\x1b[2J\x1b]0;owned\x07\x00 caf\xc3\xa9\tok\xff\n\xe2\x80\xaetxt\nend\n")
    shown = excerpt(log, [])
    assert shown.endswith("\nend")
    assert "café\tok" in shown
    assert all(char.isprintable() or char in "\n\t" for char in shown)
