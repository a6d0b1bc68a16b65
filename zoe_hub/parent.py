"""Notices that the program which started this one is gone, however it went."""

from __future__ import annotations

import asyncio
import os

_POLL = 1.0
"""Seconds between looks where the kernel cannot tell us."""


async def parent_ended() -> None:
    """Return when this process's parent has ended. A parent that has ended before the call is not noticed."""
    parent = os.getppid()
    try:
        descriptor = os.pidfd_open(parent)
    except OSError:
        return await _poll(parent)
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(descriptor, ended.set)
    try:
        # The descriptor may be of another process that has got the number meanwhile.
        if os.getppid() == parent:
            await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


async def _poll(parent: int) -> None:
    while True:
        await asyncio.sleep(_POLL)
        if os.getppid() != parent:
            return
