"""The processes of the load and their supervisors, as the machine's process table has them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

MARK = "ZOE_INSTANCE"


@dataclass(frozen=True, order=True)
class Found:
    """`place` is EXECUTION/PROCESS/ORDINAL."""

    place: str
    pid: int
    program: str
    """`member`, `shim`, or what else it is."""


def look(folder: Path) -> list[Found]:
    """Everything that runs of the instances below `folder`, by place."""
    found = []
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            words = Path(entry.path, "cmdline").read_bytes().split(b"\0")
            if len(words) < 3 or Path(entry.path, "stat").read_text().rpartition(")")[2].split()[0] in "ZX":
                continue
            environment = Path(entry.path, "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        text = [word.decode(errors="replace") for word in words]
        if any(word.endswith("backends/local/shim.py") for word in text):
            run = Path(text[-2])
            if folder in run.parents:
                name, _, ordinal = run.parent.name.rpartition("-")
                found.append(Found(f"{run.parent.parent.name}/{name}/{ordinal}", int(entry.name), "shim"))
            continue
        values = dict(pair.split(b"=", 1) for pair in environment if b"=" in pair)
        mark = values.get(MARK.encode(), b"").decode()
        if mark and str(folder) in values.get(b"TMPDIR", b"").decode():
            program = "member" if any("member.py" in word for word in text) else text[0]
            found.append(Found(mark.rpartition("/")[0], int(entry.name), program))
    return sorted(found)
