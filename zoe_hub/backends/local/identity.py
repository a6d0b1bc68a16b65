"""Who a process is: its number alone is used again by others, so it is never enough."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

POLL = 0.25
"""Seconds between looks at a process where the kernel cannot tell us that it ended."""


@lru_cache(maxsize=1)
def boot_id() -> str:
    """Changes with every boot of the machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


@dataclass(frozen=True)
class Stat:
    """The part of ``/proc/PID/stat`` that matters here."""

    pid: int
    state: str
    session: int
    start: int


def read_stat(pid: int) -> Stat | None:
    """None when there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()
    return Stat(pid, fields[0], int(fields[3]), int(fields[19]))


@dataclass(frozen=True)
class ProcessIdentity:
    """One process of one boot. Tells it from a later one with the same number."""

    boot: str
    pid: int
    start: int

    @classmethod
    def parse(cls, text: str) -> ProcessIdentity:
        """Read what the shim wrote. Raises ValueError."""
        boot, pid, start = text.split()
        return cls(boot, int(pid), int(start))

    def is_alive(self) -> bool:
        """False for a zombie too."""
        if self.boot != boot_id():
            return False
        stat = read_stat(self.pid)
        return stat is not None and stat.start == self.start and stat.state not in "ZX"

    def send(self, number: signal.Signals) -> None:
        """Signal the process. Does nothing when it is gone."""
        if self.is_alive():
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return

    def send_group(self, number: signal.Signals) -> None:
        """Signal the process and the rest of its process group. Does nothing when it is gone."""
        if self.is_alive():
            try:
                os.killpg(self.pid, number)
            except ProcessLookupError:
                return

    async def ended(self) -> None:
        """Return as soon as it is gone."""
        if not self.is_alive():
            return
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        except OSError:
            await self._poll()
            return
        try:
            # The descriptor may be of a successor with the same number: look again now that it is held.
            if self.is_alive():
                await _readable(descriptor)
        finally:
            os.close(descriptor)

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(POLL)
            if not self.is_alive():
                return


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    event = asyncio.Event()
    loop.add_reader(descriptor, event.set)
    try:
        await event.wait()
    finally:
        loop.remove_reader(descriptor)


async def end_of_pipe(descriptor: int) -> None:
    """Return when nobody can write into the pipe any more. Nobody writes into it."""
    await _readable(descriptor)
