"""Runs a Spark worker, and ends it when it should: standard library only.

A worker's JVM does not exit by itself after it was decommissioned, leaves its executors behind
when it is killed, and takes its time to end when asked to. So a worker has this small parent:

========  =================================================================================
SIGPWR    decommission: the executors finish their tasks, hand over their blocks, serve them
          to whoever still reads, and exit; then the worker is ended. Exit status 0.
SIGTERM   worker, executors and Python workers are killed at once. Exit status 0.
(none)    when the worker ends by itself, whatever it started ends too. Its exit status.
========  =================================================================================
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from types import FrameType

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36

SETTLE = 1.0
"""Seconds that a decommissioned worker has to tell the master, at least, before it is ended."""
POLL = 0.2
NUDGE = 5.0
"""Seconds after which an executor that is still there is asked itself: one that was only starting missed the word."""


def supervise(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run the command until it ends or is asked to end; the exit status that this process should have."""
    libc = ctypes.CDLL(None, use_errno=True)
    # Executors that lose their worker become children of this process, not of the system.
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    wanted = {signal.SIGPWR, signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}
    signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
    for number in wanted:
        signal.signal(number, _ignore)
    worker = _start(command, environment, libc)
    draining_since: float | None = None
    nudged: set[int] = set()
    try:
        while True:
            received = signal.sigtimedwait(wanted, POLL if draining_since is not None else 3600)
            status = _reap(worker)
            if status is not None:
                return 0 if draining_since is not None else status
            if received and received.si_signo in (signal.SIGTERM, signal.SIGINT):
                return 0
            if received and received.si_signo == signal.SIGPWR and draining_since is None:
                os.kill(worker, signal.SIGPWR)
                draining_since = time.monotonic()
            if draining_since is not None and time.monotonic() - draining_since >= SETTLE:
                executors = children(worker)
                if not executors:
                    return 0
                if time.monotonic() - draining_since >= NUDGE:
                    _nudge(set(executors) - nudged)
                    nudged.update(executors)
    finally:
        kill_descendants()


def _start(command: Sequence[str], environment: Mapping[str, str], libc: ctypes.CDLL) -> int:
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    try:
        # A supervisor that is killed takes the worker with it; the executors follow when their worker is gone.
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)
        for number in (signal.SIGPWR, signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.execve(command[0], list(command), dict(environment))
    except OSError as error:
        print(f"The worker could not be started: {error}", file=sys.stderr, flush=True)
    os._exit(127)


def _ignore(number: int, frame: FrameType | None) -> None:
    """Signals are taken by sigtimedwait; without a handler some would be dropped or deadly."""


def _nudge(executors: set[int]) -> None:
    """Asking an executor that is already handing over changes nothing; one that is too young for the signal ends."""
    for pid in executors:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGPWR)


def _reap(worker: int) -> int | None:
    """Collect whatever ended; the worker's exit status once that is among them."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return 1
        if pid == 0:
            return None
        if pid == worker:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def children(pid: int) -> list[int]:
    """The processes that a process started and that have not ended."""
    found: list[int] = []
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return found
    for thread in threads:
        try:
            with open(f"/proc/{pid}/task/{thread}/children") as file:
                found.extend(int(word) for word in file.read().split())
        except OSError:
            continue
    return [child for child in found if not _is_zombie(child)]


def _is_zombie(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def kill_descendants() -> None:
    """Kill everything below this process, until nothing is left. Orphans come here, so none is missed."""
    while True:
        found = children(os.getpid())
        for pid in found:
            found.extend(children(pid))
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.01)
