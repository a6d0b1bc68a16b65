"""What people see: the TypeScript side is built in a copy of ui/, and put into the environment.

``python -m scripts.faces lint|test`` runs its checks there; ``wheel`` puts what was built to where wheels take it from.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from . import finder
from .folders import CHECKOUT, Folders

NAME = "@zoe-jupyter/labextension"
UI = CHECKOUT / "ui"
PACKAGED = CHECKOUT / "zoe_server_ext" / "labextension"
CARD = CHECKOUT / "zoe_widgets" / "static"
"""The card under cells. An installation for development takes it from the checkout, as all of the package."""
_MADE = frozenset({"node_modules", "lib", "schema.ts"})
"""What builds leave in ui/; `schema.ts` is made from the OpenAPI document."""


def sources() -> list[Path]:
    """Every file of ui/ that somebody wrote."""
    return list(_files(UI))


def workspace(folders: Folders) -> Path:
    """The copy of ui/ in which it is built."""
    return folders.faces / "ui"


def built(folders: Folders) -> Path:
    """What a build gives: the prebuilt extension."""
    return folders.faces / "zoe_server_ext" / "labextension"


def installed(folders: Folders) -> Path:
    """Where JupyterLab of the environment finds it."""
    return folders.venv / "share" / "jupyter" / "labextensions" / NAME


def copy(folders: Folders) -> None:
    """Make the copy what the checkout is. Packages that are installed there stay."""
    target = workspace(folders)
    wanted = {path.relative_to(UI) for path in sources()}
    for path in list(_files(target)):
        if path.relative_to(target) not in wanted:
            path.unlink()
    for path in wanted:
        place = target / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.exists() or place.read_bytes() != (UI / path).read_bytes():
            shutil.copyfile(UI / path, place)


def install(folders: Folders) -> None:
    """Put what was built where JupyterLab and the package find it, in place of what was there."""
    _replace(built(folders), installed(folders))
    _replace(folders.faces / "zoe_widgets" / "static", CARD)


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in _MADE]
        yield from (Path(place, name) for name in names if name not in _MADE)


def _replace(source: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)


def main(arguments: list[str]) -> int:
    """Exit status: that of the check."""
    folders = Folders.of(os.environ)
    if arguments == ["wheel"]:
        _replace(built(folders), PACKAGED)
        return 0
    if len(arguments) != 1 or arguments[0] not in ("lint", "test"):
        print("usage: python -m scripts.faces lint|test|wheel", file=sys.stderr)
        return 2
    node = finder.find_node(os.environ, folders.bundled_node)
    if node is None:
        print("Node is missing: make setup", file=sys.stderr)
        return 1
    copy(folders)
    command = [*finder.npm(node), "run", arguments[0], "--no-update-notifier", "--loglevel=error"]
    return subprocess.run(command, cwd=workspace(folders), env=folders.environment(os.environ)).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
