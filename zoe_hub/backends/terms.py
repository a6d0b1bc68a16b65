"""Who may write into the instances folder: one service at a time, by the number of its lease.

The service of term 7 reaches whatever it writes through the link ``terms/7``, which leads back to the
folder. Who comes next puts an empty file in the place of that link. From then on the kernel itself
refuses (ENOTDIR) every step of the earlier service and of the supervisors that it has just started,
wherever they were held up: nobody has to be asked, no lock can be held by a service that is stopped.

Each service keeps ``terms/7.alive`` locked. It only tells whether a term is of somebody who lives, so
that a folder whose database was made anew, and counts from one again, can be used.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ..model.errors import LaunchFailed, StaleLease
from .files import make_folder

_LET_GO_WITHIN = 5.0
"""Seconds in which a service that ended lets go of the folder. What it was just starting when it was killed is a copy
of it for a moment, locks included."""
_KEPT = 20
"""Terms that are over and still have a file."""


class Term:
    """One service's right to write below `folder`. `way` is the folder, for as long as the term lasts."""

    def __init__(self, folder: Path, number: int) -> None:
        self.folder = folder
        self.number = number
        self.way = folder / "terms" / str(number)
        self._alive: int | None = None

    async def begin_patiently(self) -> None:
        """As `begin`, but whoever ended a moment ago does not count as alive."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + _LET_GO_WITHIN
        while True:
            try:
                return self.begin()
            except (LaunchFailed, StaleLease):
                if loop.time() >= give_up:
                    raise
                await asyncio.sleep(0.05)

    def begin(self) -> None:
        """End the terms of all others and begin this one.

        Raises StaleLease where a service with a higher number is alive, LaunchFailed where one with the same is.
        """
        make_folder(self.way.parent)
        self._alive = self._claim()
        try:
            self._refuse_if_later()
            self._link()
            for number in self._others():
                _end(self.way.with_name(str(number)))
            # Who began a later term at the same moment has either seen our link, and ended it, or is seen here.
            self._refuse_if_later()
            self._tidy()
        except BaseException:
            self.end()
            raise

    def holds(self) -> bool:
        """Whether no other service has begun a term since."""
        return self._alive is not None and self.way.is_symlink()

    def check(self) -> None:
        """Raises StaleLease when another service has begun a term since, or this one has ended."""
        if not self.holds():
            raise StaleLease(f"Another Zoe service leads now: the instances of {self.folder} are no longer ours.")

    def end(self) -> None:
        """Leave the folder to others. A second call does nothing."""
        if self._alive is None:
            return
        if self.way.is_symlink():
            _end(self.way)
        os.close(self._alive)
        self._alive = None

    def _claim(self) -> int:
        descriptor = os.open(_alive(self.way), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if not _lock(descriptor):
            os.close(descriptor)
            raise LaunchFailed(
                f"{self.folder} is in use by another Zoe service; stop that one, or give this one another folder"
            )
        return descriptor

    def _link(self) -> None:
        draft = self.way.with_name(f".{self.number}.{os.getpid()}")
        with suppress(FileNotFoundError):
            draft.unlink()
        draft.symlink_to("..", target_is_directory=True)
        draft.replace(self.way)

    def _others(self) -> Iterator[int]:
        for path in sorted(self.way.parent.iterdir()):
            if path.name.isdigit() and path != self.way and path.is_symlink():
                yield int(path.name)

    def _refuse_if_later(self) -> None:
        for number in self._others():
            if number > self.number and _is_alive(self.way.with_name(str(number))):
                raise StaleLease(
                    f"The instances of {self.folder} belong to a service with the number {number}; "
                    f"this one has {self.number}. Two databases cannot share a folder."
                )

    def _tidy(self) -> None:
        over = sorted(int(p.name) for p in self.way.parent.iterdir() if p.name.isdigit() and not p.is_symlink())
        for number in over[:-_KEPT]:
            way = self.way.with_name(str(number))
            if not _is_alive(way):
                way.unlink(missing_ok=True)
                _alive(way).unlink(missing_ok=True)


def _alive(way: Path) -> Path:
    return way.with_name(f"{way.name}.alive")


def _end(way: Path) -> None:
    """Close the way of a term. A file is left, so that nobody can make a folder there either."""
    draft = way.with_name(f".{way.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.replace(way)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_alive(way: Path) -> bool:
    try:
        descriptor = os.open(_alive(way), os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _lock(descriptor)
    finally:
        os.close(descriptor)
