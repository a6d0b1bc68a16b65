"""Processes: adopting orphans, seeing who is left, ending them. Linux only."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections import defaultdict
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl failed")


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends, so that none is out of reach."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def end_with_parent(number: int = signal.SIGTERM) -> None:
    """Have this process sent a signal when its parent dies, however that dies. For a new child, before its program."""
    _prctl(PR_SET_PDEATHSIG, number)


def descendants(of: int) -> list[int]:
    """Identifiers of all living processes below this one; the dead that wait to be reaped do not count."""
    children: dict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            # The program's name, in parentheses, may hold anything.
            fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        children[int(fields[1])].append(int(entry.name) if fields[0] != "Z" else 0)
    found: list[int] = []
    wait = [of]
    while wait:
        below = [pid for pid in children.get(wait.pop(), []) if pid]
        found += below
        wait += below
    return found


def reap(keep: Collection[int] = ()) -> None:
    """Collect the exit status of adopted children that have ended; not of those in `keep`."""
    me = os.getpid()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) in keep:
            continue
        try:
            fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if fields[0] == "Z" and int(fields[1]) == me:
            with suppress(ChildProcessError):
                os.waitpid(int(entry.name), os.WNOHANG)


def end_descendants(grace: float = 5.0) -> list[int]:
    """Ask all descendants to end, and kill those that have not within `grace` seconds. Returns who was there."""
    seen: set[int] = set()
    deadline = time.monotonic() + grace
    signalled: set[int] = set()
    while True:
        reap()
        left = descendants(os.getpid())
        seen.update(left)
        if not left:
            return sorted(seen)
        late = time.monotonic() > deadline
        for pid in left:
            if late or pid not in signalled:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL if late else signal.SIGTERM)
                signalled.add(pid)
        time.sleep(0.1)
