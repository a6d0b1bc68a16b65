"""Finds Java and Node, and tells their versions by asking them."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

JAVA = 17
"""Spark 4 needs it."""
NODE = 20
"""configurable-http-proxy 5 needs it."""


@dataclass(frozen=True)
class Program:
    """Where it is and its major version."""

    path: Path
    version: int


_known: dict[Path, int] = {}
"""What programs have told; one that was not there may be a moment later."""


def version_of(path: Path, argument: str, pattern: str) -> int | None:
    """The major version a program tells of itself; None when it is no such program or does not run."""
    if path in _known:
        return _known[path]
    try:
        answer = subprocess.run(
            [str(path), argument],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=30,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(pattern, answer.stdout.decode(errors="replace")) if answer.returncode == 0 else None
    if found is None:
        return None
    _known[path] = int(found.group(1))
    return _known[path]


def java_version(path: Path) -> int | None:
    """17 for `openjdk version "17.0.15"`; 8 for `"1.8.0_412"`."""
    return version_of(path, "-version", r'version "(?:1\.)?(\d+)')


def node_version(path: Path) -> int | None:
    """20 for `v20.20.2`."""
    return version_of(path, "--version", r"^v(\d+)\.")


def on_path(name: str, environ: Mapping[str, str]) -> Iterator[Path]:
    """Every program of this name on PATH, in PATH's order."""
    for folder in environ.get("PATH", os.defpath).split(os.pathsep):
        path = Path(folder) / name
        if folder and path.is_file() and os.access(path, os.X_OK):
            yield path


def java_candidates(environ: Mapping[str, str], jvms: Path = Path("/usr/lib/jvm")) -> Iterator[Path]:
    """JAVA_HOME's, then PATH's, then those that the system installed without making them the default."""
    if environ.get("JAVA_HOME"):
        yield Path(environ["JAVA_HOME"]) / "bin" / "java"
    for path in on_path("java", environ):
        # The real place: its folder's parent is the JAVA_HOME that launch scripts want.
        yield path.resolve()
    yield from sorted(jvms.glob("*/bin/java"))


def first_new_enough(candidates: Iterable[Path], version: int, ask: Callable[[Path], int | None]) -> Program | None:
    """The first candidate that runs and is at least of this version."""
    for path in candidates:
        found = ask(path)
        if found is not None and found >= version:
            return Program(path, found)
    return None


def find_java(environ: Mapping[str, str], jvms: Path = Path("/usr/lib/jvm")) -> Program | None:
    """Java new enough for Spark; None when there is none."""
    return first_new_enough(java_candidates(environ, jvms), JAVA, java_version)


def npm(node: Program) -> list[str]:
    """How to run the npm that belongs to this Node."""
    script = _npm_scripts(node.path.parent) / "npm-cli.js"
    return [str(node.path), str(script)] if script.exists() else [str(node.path.parent / "npm")]


def link_npm(programs: Path) -> None:
    """Make `npm` and `npx` of a Node from the package index run by their names. A second call changes nothing.

    In that wheel they are copies of what should be links, and find nothing. Packages' own scripts type `npm`.
    """
    for name in ("npm", "npx"):
        script = _npm_scripts(programs) / f"{name}-cli.js"
        link = programs / name
        if script.exists() and not link.is_symlink():
            link.unlink(missing_ok=True)
            link.symlink_to(os.path.relpath(script, programs))
            script.chmod(0o755)


def _npm_scripts(programs: Path) -> Path:
    return programs.parent / "lib" / "node_modules" / "npm" / "bin"


def find_node(environ: Mapping[str, str], bundled: Path) -> Program | None:
    """Node new enough for the proxy, with an npm beside it; None when there is none.

    `bundled` is the folder of the programs that an earlier set-up fetched from the package index.
    """
    found = [path for path in on_path("node", environ) if (path.parent / "npm").exists()]
    return first_new_enough([*found, bundled / "node"], NODE, node_version)
