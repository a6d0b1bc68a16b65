"""One start of an instance, which happens once or never: see `shim` for how."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, repeat
from pathlib import Path

from ..files import write_atomically
from . import shim
from .identity import ProcessIdentity, end_of_pipe


@dataclass(frozen=True)
class Exit:
    """How a run ended."""

    code: int | None
    """None: nobody knows."""
    begun: bool
    """False: the program never ran, and never will in this run."""
    error: int | None = None
    """Number of the error for which the program could not be executed."""


class Run:
    """A folder in which a shim runs one program at most once, even if many try."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._shim: int | None = None

    async def start(self, command: Sequence[str], environment: Mapping[str, str], cwd: Path, log: Path) -> None:
        """Start the program; return when it runs or has failed. Raises OSError, or ValueError for a NUL in a text."""
        fields = [str(cwd), str(log), str(len(command)), *command, *(f"{k}={v}" for k, v in environment.items())]
        if any("\0" in field for field in fields):
            raise ValueError("its command or its environment holds a NUL character")
        self.folder.mkdir(parents=True, mode=0o700)
        write_atomically(self.folder / "launch", "\0".join(fields))
        reading, writing = os.pipe()
        try:
            self._shim = self._spawn(writing)
            os.close(writing)
            writing = -1
            # If the pipe cannot be watched, `begun` finds out, or prevents the start: never both.
            with suppress(OSError):
                await end_of_pipe(reading)
        finally:
            os.close(reading)
            if writing >= 0:
                os.close(writing)

    def _spawn(self, output: int) -> int:
        return os.posix_spawn(
            sys.executable,
            [sys.executable, "-I", "-S", "-E", shim.__file__, str(self.folder)],
            {k: v for k, v in os.environ.items() if k == "LD_LIBRARY_PATH"},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDWR, 0),
                (os.POSIX_SPAWN_DUP2, output, 1),
                (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_RDWR, 0),
            ],
            setsigmask=[],
            setsigdef=[signal.SIGINT, signal.SIGTERM, signal.SIGHUP],
        )

    def identity(self) -> ProcessIdentity | None:
        """Of the program; None when it has not begun, or never will."""
        try:
            return ProcessIdentity.parse((self.folder / "identity").read_text())
        except (FileNotFoundError, ValueError):
            return None

    def is_hopeless(self) -> bool:
        """Whether the program could not be executed."""
        return (self.folder / "error").exists()

    async def begun(self) -> ProcessIdentity | None:
        """Wait until it is certain whether the program begins; None when it does not.

        Must not be called while `start` is under way: it would prevent the start.
        """
        delays = _delays()
        while True:
            identity = self.identity()
            if identity is not None or self._exit() is not None or self._seal():
                return identity or self.identity()
            await asyncio.sleep(next(delays))

    async def ended(self) -> Exit:
        """Wait for the end of the program. The same rule as for `begun`."""
        identity = await self.begun()
        if identity is not None:
            await identity.ended()
        delays = _delays()
        while True:
            result = self._exit()
            if result is None and self._seal():
                result = self._exit() or self._unrecorded()
            if result is not None:
                await self._reap()
                return result
            await asyncio.sleep(next(delays))

    def _exit(self) -> Exit | None:
        begun = (self.folder / "identity").exists()
        try:
            text = (self.folder / "exit").read_text()
        except FileNotFoundError:
            return None
        try:
            error = int((self.folder / "error").read_text())
        except (FileNotFoundError, ValueError):
            error = None
        code = int(text) if text.lstrip("-").isdigit() else None
        return Exit(code, begun or code is not None, error)

    def _unrecorded(self) -> Exit | None:
        """The end of a program that began, where the disk is too full to write it down."""
        identity = self.identity()
        return Exit(None, begun=True) if identity is not None and not identity.is_alive() else None

    def _seal(self) -> bool:
        """If no shim is alive: make sure that none runs anything here any more, and return true."""
        self.folder.mkdir(parents=True, mode=0o700, exist_ok=True)
        claim = os.open(self.folder / "claim", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
            identity = self.identity()
            if not (self.folder / "exit").exists() and not (identity is not None and identity.is_alive()):
                try:
                    write_atomically(self.folder / "exit", "lost")
                except OSError:
                    # Without an identity, only this file keeps a shim that comes late from running the program.
                    if identity is None:
                        raise
            return True
        except BlockingIOError:
            return False
        finally:
            os.close(claim)

    async def _reap(self) -> None:
        delays = _delays()
        while True:
            if self._is_reaped():
                return
            await asyncio.sleep(next(delays))

    def _is_reaped(self) -> bool:
        if self._shim is None:
            return True
        try:
            if os.waitpid(self._shim, os.WNOHANG) == (0, 0):
                return False
        except ChildProcessError:
            pass
        self._shim = None
        return True


def _delays() -> Iterator[float]:
    """Seconds to wait between looks at what is a matter of milliseconds."""
    return chain((0.001, 0.002, 0.004, 0.008), repeat(0.02))
