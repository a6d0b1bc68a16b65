"""Deletes what set-up and builds made: `python -m scripts.clean`. The demo's data and logs stay."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys

from .folders import CHECKOUT, Folders

BUILDS = ("build", "dist", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis")


def main() -> int:
    """Exit status: 1 when a demo hub runs on these files."""
    folders = Folders.of(os.environ)
    if (lock := folders.data / "demo.lock").exists():
        with lock.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                print(f"A demo hub runs on {folders.home}: {file.read().strip()}. End it first.", file=sys.stderr)
                return 1
    made = [
        folders.venv,
        folders.node,
        folders.faces,
        folders.stamps,
        folders.home / "cache",
        *(CHECKOUT / name for name in BUILDS),
    ]
    for folder in made:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
