"""The notebook servers that use the service: each holds a file as long as it lives."""

from __future__ import annotations

import os
import pwd
import secrets
from dataclasses import dataclass
from pathlib import Path

from . import locks

FOLDER = "servers"


def owner() -> str:
    """The user whose service and clusters these are: the account, whatever the environment says."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # as in containers that run under any number
        return f"user-{os.getuid()}"


@dataclass(frozen=True)
class Registration:
    """A notebook server that says that it is there, until its process ends or `close`."""

    name: str
    """As executions are tied to it: ``user/name``. Never used twice."""
    path: Path
    descriptor: int

    def close(self) -> None:
        """Say that it has gone."""
        self.path.unlink(missing_ok=True)
        os.close(self.descriptor)


def register(home: Path) -> Registration:
    """Say that this process is a notebook server. Raises OSError when the folder cannot be used."""
    folder = home / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    while True:
        path = folder / secrets.token_hex(4)
        descriptor = locks.hold(path)
        # Between making and holding it, somebody may have taken it for one that was left.
        if descriptor is not None and path.exists():
            return Registration(f"{owner()}/{path.name}", path, descriptor)
        if descriptor is not None:
            os.close(descriptor)


def present(home: Path) -> set[str]:
    """The names of those that live. What the others left is taken away."""
    found = set()
    folder = home / FOLDER
    for path in folder.iterdir() if folder.is_dir() else ():
        if locks.is_held(path):
            found.add(f"{owner()}/{path.name}")
        else:
            path.unlink(missing_ok=True)
    return found
