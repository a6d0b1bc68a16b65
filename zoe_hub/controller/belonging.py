"""Whether a service and a database belong together.

Secrets are derived from a home folder's key, and local instances are processes of one machine, with their folders
below the home folder. A service with another key, on another machine or with another home folder would derive other
secrets for clusters that run, and start them a second time where it cannot see that they run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from ..model.errors import NotPermitted
from ..secrets import Secrets
from ..store.base import Store

KEY, MACHINE, FOLDER = "key", "machine", "folder"
_MACHINE_ID = Path("/etc/machine-id")

_WHY = {
    KEY: "Its secrets are derived with another key than this service's: give the service the home folder of the others "
    "(ZOE_HOME), or restore the file data/key of the folder from its backup.",
    MACHINE: "Its clusters are processes of another machine, which this one cannot see: run the service there. If that "
    "machine is gone for good, start the service once with --moved: what ran there is then started here.",
    FOLDER: "Its clusters have their folders elsewhere, where this service does not see that they run: give the "
    "service the home folder of the others (ZOE_HOME), at the same path. If none of them runs any more, start the "
    "service once with --moved: they are then started here.",
}


@dataclass(frozen=True)
class Belonging:
    """What a database has to say about itself for this service to lead on it."""

    secrets: Secrets
    moved: bool = False
    """Machine and folder may be others, although there are live executions."""
    folder: Path | None = None
    """Where the instances have their folders; None: that is not compared."""

    def mine(self) -> dict[str, str]:
        """What this service would write into a new database. No machine where the machine has no name."""
        folder = "" if self.folder is None else str(self.folder.resolve())
        found = {KEY: self.secrets.token("service", "database", KEY), MACHINE: machine(), FOLDER: folder}
        return {name: value for name, value in found.items() if value}

    async def check(self, store: Store) -> None:
        """Before serving. Raises NotPermitted where a service leads now that has another key, machine or folder."""
        differing = self._differing(await store.marks())
        lease = await store.leader() if differing else None
        if lease is not None and lease.expires > datetime.now(timezone.utc):
            raise _refusal(differing[0])

    async def settle(self, store: Store) -> None:
        """By the service that leads. Raises NotPermitted where something lives of another key, machine or folder."""
        marks = await store.marks()
        allowed = [MACHINE, FOLDER] if self.moved else []
        refused = [name for name in self._differing(marks) if name not in allowed]
        if refused and await store.list(live=True, limit=1):
            raise _refusal(refused[0])
        for name, value in self.mine().items():
            if marks.get(name) != value:
                await store.mark(name, value)

    def _differing(self, marks: Mapping[str, str]) -> list[str]:
        return [name for name, value in self.mine().items() if marks.get(name, value) != value]


def machine() -> str:
    """The same after a boot, another on another machine; empty where nobody gave it one, as in most containers."""
    try:
        text = _MACHINE_ID.read_text().strip()
    except OSError:
        return ""
    return "" if text == "uninitialized" else text


def _refusal(name: str) -> NotPermitted:
    return NotPermitted(f"This service cannot use the database. {_WHY[name]}")
