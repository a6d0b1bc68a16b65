"""Ends what an instance's main process left behind: children, grandchildren, and those in sessions of their own.

They are found in ``/proc`` by the session that the main process began, and by the mark in their
environment, which they inherit wherever they go. A process that clears its environment *and* begins a
session of its own escapes.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .environment import MARK
from .identity import ProcessIdentity, boot_id, read_stat

_BETWEEN_ROUNDS = (0.005, 0.01, 0.02, 0.05, *[0.1] * 50)
"""Seconds; a killed process may take a moment, and may have just had a child."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Found:
    identity: ProcessIdentity
    session: int
    mark: str


class Leftovers:
    """Looks through the machine's processes, once for all who ask at the same time."""

    def __init__(self) -> None:
        self._next: asyncio.Task[Sequence[_Found]] | None = None

    async def end(self, main: ProcessIdentity, mark: str) -> None:
        """Kill them, and return when there are none, or none that can be killed. `main` has ended."""
        for delay in _BETWEEN_ROUNDS:
            found = [process for process in await self._look() if _belongs(process, main, mark)]
            if not found:
                return
            for process in found:
                process.identity.send(signal.SIGKILL)
            await asyncio.sleep(delay)
        log.warning("%s: processes are left that cannot be ended", mark.rpartition("/")[0])

    async def _look(self) -> Sequence[_Found]:
        # A look that has begun may have passed by a process that is there now: only one yet to begin is shared.
        if self._next is None:
            self._next = asyncio.create_task(self._look_soon())
        return await asyncio.shield(self._next)

    async def _look_soon(self) -> Sequence[_Found]:
        await asyncio.sleep(0.002)
        self._next = None
        return await asyncio.to_thread(_look)


def _belongs(process: _Found, main: ProcessIdentity, mark: str) -> bool:
    if process.mark == mark:
        return True
    if process.session != main.pid or main.boot != boot_id():
        return False
    # A session whose leader is another process than ours is not ours, though it has the number of ours.
    leader = read_stat(main.pid)
    return leader is None or leader.start == main.start


def _look() -> Sequence[_Found]:
    found = []
    mine = os.getuid()
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            if entry.stat().st_uid != mine:
                continue
            stat = read_stat(int(entry.name))
            if stat is None or stat.state in "ZX":
                continue
            mark = _mark(Path(entry.path, "environ").read_bytes())
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        found.append(_Found(ProcessIdentity(boot_id(), stat.pid, stat.start), stat.session, mark))
    return found


def _mark(environment: bytes) -> str:
    prefix = f"{MARK}=".encode()
    for pair in environment.split(b"\0"):
        if pair.startswith(prefix):
            return pair[len(prefix) :].decode(errors="replace")
    return ""
