"""What really runs on this machine, as seen without the back end."""

from __future__ import annotations

import os
from pathlib import Path

from zoe_hub.backends.local.environment import MARK
from zoe_hub.backends.local.identity import read_stat


def marked(execution: str, folder: Path | None = None) -> list[int]:
    """The living processes of an execution; with `folder`, only those that work below it."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            environment = (entry / "environ").read_bytes().split(b"\0")
            cwd = os.readlink(entry / "cwd")
        except OSError:
            continue
        stat = read_stat(int(entry.name))
        if stat is None or stat.state in "ZX" or (folder is not None and not cwd.startswith(str(folder))):
            continue
        if any(pair.startswith(f"{MARK}={execution}/".encode()) for pair in environment):
            found.append(int(entry.name))
    return sorted(found)


def command_line(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
