"""What an instance that drains says about itself, in the file that its framework names."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path

from .output import hide

LENGTH = 200
"""Characters of a note that are shown."""
READ = 4096
"""Bytes of a note that are looked at."""
_LOOK = 1.0
"""Seconds between two looks."""


def read(path: Path, secrets: Collection[str]) -> str:
    """What a file says; empty when there is none, or no plain file."""
    try:
        # The file is the instance's: it may be a pipe that nobody ever writes to, or lead elsewhere.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return ""
        return shown(os.read(descriptor, READ), secrets)
    except OSError:
        return ""
    finally:
        os.close(descriptor)


def shown(content: bytes, secrets: Collection[str]) -> str:
    """The first line, short, printable and without the secrets."""
    text = hide(content[:READ].decode(errors="replace"), secrets)
    line = text.strip().splitlines()[0] if text.strip() else ""
    return "".join(character if character.isprintable() else " " for character in line)[:LENGTH]


async def follow(look: Callable[[], Awaitable[str]], tell: Callable[[str], None]) -> None:
    """Tell every new note, until cancelled."""
    before = ""
    while True:
        note = await look()
        if note and note != before:
            tell(note)
            before = note
        await asyncio.sleep(_LOOK)
