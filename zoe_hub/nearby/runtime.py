"""Where the service is, and the token that it wants: one file, readable by its owner only."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ..model.errors import ServiceUnavailable
from . import locks

FILE = "service.json"
LOCK = "service.lock"


@dataclass(frozen=True)
class Runtime:
    """A running service, as it describes itself. The token is in no repr."""

    url: str
    """For clients: ``http+unix://…``, the prefix included."""
    socket: str
    prefix: str
    """Public path below which it answers, with slashes at both ends."""
    token: str = field(repr=False)
    version: str = ""
    pid: int = 0
    machine: str = ""

    def write(self, home: Path) -> None:
        """The whole file or nothing."""
        draft = home / f".{FILE}.{os.getpid()}"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(asdict(self), file)
        draft.replace(home / FILE)


def read(home: Path) -> Runtime | None:
    """What the last service wrote, whether or not it runs; None when there is nothing that can be read.

    Raises ServiceUnavailable when another user wrote it: a kernel runs what the service that it leads to says.
    """
    try:
        with (home / FILE).open() as file:
            owner = os.fstat(file.fileno()).st_uid
            found = Runtime(**json.load(file))
    except (OSError, ValueError, TypeError):
        return None
    if owner not in (os.getuid(), 0):
        raise ServiceUnavailable(
            f"{home / FILE} belongs to another user of this machine. Set ZOE_HOME to a folder of your own before you "
            "start Jupyter."
        )
    return found


def is_running(home: Path) -> bool:
    """Whether a service has this folder."""
    return locks.is_held(home / LOCK)


def running(home: Path) -> Runtime | None:
    """The service that runs in this folder. Raises ServiceUnavailable when it is another machine's or user's."""
    found = read(home) if is_running(home) else None
    if found is not None and found.machine != platform.node():
        raise ServiceUnavailable(
            f"Zoe's folder {home} is in use on the machine {found.machine}. Set ZOE_HOME to a folder of this machine "
            "before you start Jupyter."
        )
    return found


def was_cut_short(home: Path) -> bool:
    """Whether the last service ended while it still had something to look after."""
    return (home / FILE).exists() and not is_running(home)


def forget(home: Path) -> None:
    """The service ends, and has nothing left to look after. A second call does nothing."""
    (home / FILE).unlink(missing_ok=True)
