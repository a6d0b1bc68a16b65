"""A service in a process of its own, which dies when the test wants it to."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import sys
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

from tests.backends.contract import SLEEP, order, template
from tests.backends.local.conftest import make_settings
from zoe_hub.backends.base import Order
from zoe_hub.backends.local import LocalBackend

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.backends.local.service"])


def two_processes(replicas: int = 2) -> list[Order]:
    return [order("x1", template(SLEEP, name=name), replicas) for name in ("master", "worker")]


def begin(folder: Path, *, die_at: int | None = None, die_after: float | None = None) -> BaseProcess:
    """Start a service that orders `two_processes`.

    It kills itself just before its `die_at`-th operation that Python audits (opening, renaming, or making
    files, starting processes, …), or `die_after` seconds after it began.
    """
    process = _context.Process(target=_serve, args=(str(folder), die_at, die_after))
    process.start()
    return process


def _serve(folder: str, die_at: int | None, die_after: float | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    operations = 0

    def count(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal operations
        operations += 1
        if operations == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    async def main() -> None:
        backend = LocalBackend(make_settings(Path(folder)))
        await backend.open()
        if die_at is not None:
            sys.addaudithook(count)
        if die_after is not None:
            signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
            signal.setitimer(signal.ITIMER_REAL, die_after)
        for wish in two_processes():
            await backend.apply(wish)
        end = time.monotonic() + 30
        while time.monotonic() < end:
            if all(status.state.value == "ready" for status in await backend.instances()):
                break
            await asyncio.sleep(0.01)
        os.kill(os.getpid(), signal.SIGKILL)

    asyncio.run(main())
