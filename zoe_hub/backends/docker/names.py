"""Names and labels: by these, and by nothing else, a service knows which containers and networks are its own."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from ..files import make_folder, write_atomically

INSTALLATION = "zoe.installation"
EXECUTION = "zoe.execution"
PROCESS = "zoe.process"
ORDINAL = "zoe.ordinal"
RUN = "zoe.run"
TERM = "zoe.term"
OWNER = "zoe.owner"
ROLE = "zoe.role"
INSTANCE, NETWORK, SERVER, SCRATCH, GUARD = "instance", "network", "server", "scratch", "guard"

_LONGEST = 63
"""Letters of a name that is also a host's."""
_HARMLESS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")


@dataclass(frozen=True)
class RunKey:
    """One run of one instance."""

    execution: str
    process: str
    ordinal: int
    run: int

    @classmethod
    def of(cls, labels: Mapping[str, str]) -> RunKey | None:
        """As a container's labels tell it; None where they are not those of an instance."""
        try:
            if labels[ROLE] != INSTANCE:
                return None
            return cls(labels[EXECUTION], labels[PROCESS], int(labels[ORDINAL]), int(labels[RUN]))
        except (KeyError, ValueError):
            return None


def container_labels(installation: str, key: RunKey, owner: str, term: int) -> dict[str, str]:
    """Of the container of a run."""
    return {
        INSTALLATION: installation,
        ROLE: INSTANCE,
        EXECUTION: key.execution,
        PROCESS: key.process,
        ORDINAL: str(key.ordinal),
        RUN: str(key.run),
        OWNER: owner,
        TERM: str(term),
    }


def network_labels(installation: str, execution: str, owner: str) -> dict[str, str]:
    """Of the network of an execution."""
    return {INSTALLATION: installation, ROLE: NETWORK, EXECUTION: execution, OWNER: owner}


def volume_labels(installation: str, execution: str) -> dict[str, str]:
    """Of a container's own volume, which goes with it: no volume that somebody named has these."""
    return {INSTALLATION: installation, ROLE: SCRATCH, EXECUTION: execution}


def guard_labels(installation: str) -> dict[str, str]:
    """Of the container that keeps networks apart."""
    return {INSTALLATION: installation, ROLE: GUARD}


def guard_name(installation: str) -> str:
    """Another one each time: two services may look at once, while one takes over from the other."""
    return _name("zoe", installation, GUARD, uuid4().hex[:8])


def container_name(installation: str, key: RunKey) -> str:
    """Two services that start the same run ask for the same name, of which the engine has one."""
    return _name("zoe", installation, key.execution, key.process, str(key.ordinal), str(key.run))


def network_name(installation: str, execution: str) -> str:
    """One for each execution."""
    return _name("zoe", installation, execution)


def host_names(process: str, ordinal: int) -> list[str]:
    """How the others of its execution may call an instance: ``spark-worker-3``, the first one also ``spark-worker``."""
    name = re.sub(r"[^a-z0-9-]+", "-", process.lower())[: _LONGEST - 12].strip("-")
    return [f"{name}-{ordinal}", *([name] if ordinal == 0 else [])]


def owner_slug(owner: str) -> str:
    """The owner's name as DockerSpawner writes ``{username}``: no path, no option and no other's name."""
    return "".join(c if c in _HARMLESS else "".join(f"-{byte:x}" for byte in c.encode()) for c in owner)


def installation_of(folder: Path) -> str | None:
    """Which installation writes into this folder; None while it has never begun."""
    try:
        return (folder / "installation").read_text().strip() or None
    except FileNotFoundError:
        return None


def make_installation(folder: Path) -> str:
    """The same for ever, once it was made."""
    found = installation_of(folder)
    if found is None:
        make_folder(folder)
        found = uuid4().hex[:12]
        write_atomically(folder / "installation", found)
    return found


def _name(*parts: str) -> str:
    whole = "-".join(parts)
    cleaned = re.sub(r"[^A-Za-z0-9_.-]+", "-", whole)
    if cleaned == whole and len(whole) <= 120:
        return whole
    return f"{cleaned[:100]}-{hashlib.sha256(whole.encode()).hexdigest()[:12]}"
