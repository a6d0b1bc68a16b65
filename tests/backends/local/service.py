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
from zoe_hub.backends.terms import Term
from zoe_hub.model.errors import StaleLease

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.backends.local.service"])


STALE = 3
"""Exit status of a service that was told that another leads."""


def two_processes(replicas: int = 2, script: str = SLEEP) -> list[Order]:
    return [order("x1", template(script, name=name), replicas) for name in ("master", "worker")]


def begin(
    folder: Path,
    *,
    die_at: int | None = None,
    die_after: float | None = None,
    stop_at: int | None = None,
    script: str = SLEEP,
) -> BaseProcess:
    """Start a service with the fencing number 1 that orders `two_processes`.

    It kills itself just before its `die_at`-th operation that Python audits (opening, renaming, or making
    files, starting processes, …), or `die_after` seconds after it began. It stops before the `stop_at`-th until
    SIGCONT, and ends soon after that.
    """
    process = _context.Process(target=_serve, args=(str(folder), die_at, die_after, stop_at, script))
    process.start()
    return process


def die_forking(folder: Path, gate: Path) -> BaseProcess:
    """A service with the fencing number 1 that is killed as it forks. Its copy ends when the gate is there."""
    process = _context.Process(target=_fork_and_die, args=(folder, gate))
    process.start()
    return process


def _fork_and_die(folder: Path, gate: Path) -> None:
    Term(folder, 1).begin()
    if os.fork() > 0:
        os.kill(os.getpid(), signal.SIGKILL)
    end = time.monotonic() + 60
    while not gate.exists() and time.monotonic() < end:
        time.sleep(0.01)
    os._exit(0)


def _serve(folder: str, die_at: int | None, die_after: float | None, stop_at: int | None, script: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    operations = 0

    def count(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal operations
        operations += 1
        if operations == die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        elif operations == stop_at:
            signal.signal(signal.SIGALRM, lambda *_: os._exit(STALE))
            os.kill(os.getpid(), signal.SIGSTOP)
            signal.setitimer(signal.ITIMER_REAL, 0.3)

    async def main() -> None:
        backend = LocalBackend(make_settings(Path(folder)))
        await backend.open(1)
        if die_at is not None or stop_at is not None:
            sys.addaudithook(count)
        if die_after is not None:
            signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
            signal.setitimer(signal.ITIMER_REAL, die_after)
        for wish in two_processes(script=script):
            await backend.apply(wish)
        end = time.monotonic() + 30
        while time.monotonic() < end:
            if all(status.state.value == "ready" for status in await backend.instances()):
                break
            await asyncio.sleep(0.01)
        os.kill(os.getpid(), signal.SIGKILL)

    try:
        asyncio.run(main())
    except StaleLease:
        os._exit(STALE)
