"""What an instance wrote: read from its log file."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable, Collection, Generator
from pathlib import Path

from .trim import beginning

_CHUNK = 64 * 1024
_LOOK_EVERY = 0.2
"""Seconds between looks at a log that somebody follows."""
_EXCERPT_LINES = 10
_EXCERPT_BYTES = 2048
_BROKEN_WORD = re.compile(r"^\S{1,200}")
_LONG_WORD = re.compile(r"[A-Za-z0-9_-]{32,}")
_KINDS = (re.compile("[a-z]"), re.compile("[A-Z]"), re.compile("[0-9]"))
_PEM = re.compile(r"-----BEGIN [^-]+-----\s+(.+?)\s+-----END", re.DOTALL)
HIDDEN = "[hidden]"
DROPPED = b"[Zoe: older lines were dropped, because the log reached its largest size]\n"


async def read(path: Path, *, tail: int | None, follow: bool, ended: Callable[[], bool]) -> AsyncIterator[bytes]:
    """The log in chunks; with `follow`, until `ended` says that nothing more will be written.

    A log that does not exist yet is empty. Where lines were dropped, `DROPPED` stands for them, on a line of its own.
    """
    descriptor = -1
    position = 0
    within_line = False
    try:
        while True:
            over = ended() or not follow
            if descriptor < 0 and path.exists():
                descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                if tail is not None:
                    position = await _start_of_tail_for_all(descriptor, tail)
            while descriptor >= 0:
                chunk, position = _read_at(descriptor, position)
                if not chunk:
                    break
                yield b"\n" + chunk if within_line and chunk is DROPPED else chunk
                within_line = not chunk.endswith(b"\n")
            if over:
                return
            await asyncio.sleep(_LOOK_EVERY)
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def _read_at(descriptor: int, position: int) -> tuple[bytes, int]:
    """What is there, and where to go on."""
    chunk = os.pread(descriptor, _CHUNK, position)
    # Looked for after reading: what is dropped in between reads as zeros.
    kept = beginning(descriptor, position)
    if kept == position:
        return chunk, position + len(chunk)
    rest_of_line = os.pread(descriptor, _CHUNK, kept).find(b"\n") + 1
    return DROPPED, kept + rest_of_line


def _start_of_tail(descriptor: int, lines: int) -> int:
    """Where the last `lines` lines begin; 0 where so many are not there."""
    search = _tail_search(descriptor, lines)
    while True:
        try:
            next(search)
        except StopIteration as found:
            return int(found.value)


async def _start_of_tail_for_all(descriptor: int, lines: int) -> int:
    """The same, and others have their turns meanwhile: many long logs may be looked at together."""
    search = _tail_search(descriptor, lines)
    while True:
        try:
            next(search)
        except StopIteration as found:
            return int(found.value)
        await asyncio.sleep(0)


def _tail_search(descriptor: int, lines: int) -> Generator[None, None, int]:
    """Gives nothing after each piece of the log, and where the tail begins at its end."""
    first = beginning(descriptor)
    end = position = os.fstat(descriptor).st_size
    if lines <= 0:
        return end
    # The line break that ends the file ends its last line and does not begin another.
    wanted = lines
    while position > first:
        size = min(_CHUNK, position - first)
        position -= size
        block = os.pread(descriptor, size, position)
        search_end = size - 1 if position + size == end else size
        yield
        if (here := block.count(b"\n", 0, max(search_end, 0))) < wanted:
            # Counted, not looked for: a log may be nothing but the ends of lines.
            wanted -= here
            continue
        while (found := block.rfind(b"\n", 0, max(search_end, 0))) >= 0:
            wanted -= 1
            if wanted == 0:
                return position + found + 1
            search_end = found
    return 0


def excerpt(path: Path, secrets: Collection[str]) -> str:
    """The last lines of a log, short enough for a message, without the secrets. Empty when there is nothing."""
    try:
        with path.open("rb") as file:
            start = _start_of_tail(file.fileno(), _EXCERPT_LINES)
            end = file.seek(0, 2)
            # More than is shown is read, so that a secret at the cut is recognised as a whole.
            cut = end - 4 * _EXCERPT_BYTES
            file.seek(max(start, cut))
            text = file.read().decode(errors="replace")
            if cut > start:
                text = _BROKEN_WORD.sub("", text)
    except OSError:
        return ""
    data = _shown(hide(text, secrets)).rstrip().encode()
    return data[-_EXCERPT_BYTES:].decode(errors="ignore")


def _shown(text: str) -> str:
    """Without what commands a terminal, and what no database takes: the message is read by administrators too."""
    return "".join(char if char.isprintable() or char in "\n\t" else "\N{REPLACEMENT CHARACTER}" for char in text)


def hide(text: str, secrets: Collection[str]) -> str:
    """The text without the secrets."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def secrets_in(texts: Collection[str]) -> frozenset[str]:
    """Whatever in these texts looks like a token or a line of a key, and must not be shown."""
    found: set[str] = set()
    for text in texts:
        found.update(word for word in _LONG_WORD.findall(text) if sum(bool(kind.search(word)) for kind in _KINDS) > 1)
        for block in _PEM.finditer(text):
            found.update(line for line in block[1].split() if len(line) >= 8)
    return frozenset(found)
