"""What instances wrote: the engine has it while a container is there, files have it from then on."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

from ...model.errors import UnknownName
from ..files import InstanceFolder, Layout, make_folder
from ..output import read
from .engine import Engine, EngineRefused
from .names import EXECUTION, INSTALLATION, ORDINAL, PROCESS, RunKey, installation_of

_LOOK_EVERY = 0.3
"""Seconds between looks for the next run of an instance whose log somebody follows."""


def runs_of(folder: InstanceFolder) -> Path:
    """A folder with a file for each run that ended."""
    return folder.log.with_suffix(".runs")


def saved(folder: InstanceFolder) -> dict[int, Path]:
    """The files of runs that ended, in order."""
    found = {int(path.stem): path for path in runs_of(folder).glob("*.log") if path.stem.isdigit()}
    return dict(sorted(found.items()))


async def save(
    engine: Engine, container: str, folder: InstanceFolder, run: int, limit: int, *, ended: bool = True
) -> Path:
    """Keep what a container wrote, which has `ended` or is about to, and drop the oldest runs beyond `limit` bytes.

    A second call does nothing. Raises OSError.
    """
    path = runs_of(folder) / f"{run}.log"
    if path.exists():
        return path
    make_folder(path.parent)
    draft = path.with_suffix(".part")
    with _private(draft) as file:
        try:
            # Followed, it comes in pieces; it ends at once, as the container has.
            async for chunk in engine.log(container, follow=ended):
                file.write(chunk)
        except EngineRefused as error:
            file.write(f"[Zoe: the rest of this log is lost. {error}]\n".encode())
    draft.replace(path)
    _shrink(folder, limit)
    return path


def _private(path: Path) -> BinaryIO:
    return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb")


def _shrink(folder: InstanceFolder, limit: int) -> None:
    files = list(saved(folder).values())
    sizes = [path.stat().st_size for path in files]
    while limit and len(files) > 1 and sum(sizes) > limit:
        files.pop(0).unlink(missing_ok=True)
        sizes.pop(0)


class LogReader:
    """Reads logs for any service that has the folder and the engine, whether it leads or not."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine = engine
        self._folder = folder
        self._layout = Layout(folder, folder)

    async def read(
        self, execution: str, process: str, ordinal: int, *, follow: bool, tail: int | None
    ) -> AsyncIterator[bytes]:
        """See `Backend.logs`."""
        over = self._layout.is_over(execution, process, ordinal)
        folder = self._layout.instance(execution, process, ordinal)
        if over is None and not runs_of(folder).is_dir():
            raise UnknownName("instance", f"{execution}/{process}/{ordinal}")
        shown: set[int] = set()
        last: dict[int, int] = {}
        if tail is not None:
            for path, lines in await self._before(folder, RunKey(execution, process, ordinal, 0), tail, shown, last):
                async for chunk in _file(path, lines):
                    yield chunk
        while True:
            over = self._layout.is_over(execution, process, ordinal) is not False
            for run, path in saved(folder).items():
                if run not in shown:
                    shown.add(run)
                    async for chunk in _file(path, last.get(run)):
                        yield chunk
            live = await self._live(execution, process, ordinal, shown)
            if live is not None:
                run, container = live
                try:
                    async for chunk in self._engine.log(container, follow=follow, tail=last.get(run)):
                        yield chunk
                    shown.add(run)
                    continue
                except EngineRefused as error:
                    # It was taken away between two looks; what it wrote is in a file now.
                    if not error.not_there:
                        raise
            if not follow or over:
                return
            await asyncio.sleep(_LOOK_EVERY)

    async def _before(
        self, folder: InstanceFolder, key: RunKey, lines: int, shown: set[int], last: dict[int, int]
    ) -> list[tuple[Path, int]]:
        """Of the last `lines` lines those of ended runs, by file; `last` is told how many the present run has at most.

        They are counted, not held: a log may have 64 MiB, and many may ask for it at the same time.
        """
        live = await self._live(key.execution, key.process, key.ordinal, set(saved(folder)))
        if live is not None:
            run, container = live
            last[run] = lines
            try:
                lines -= await _lines(self._engine.log(container, tail=lines))
            except EngineRefused as error:
                if not error.not_there:
                    raise
        parts: list[tuple[Path, int]] = []
        for run, path in reversed(saved(folder).items()):
            if run not in last:
                shown.add(run)
                if lines > 0:
                    parts.append((path, lines))
                    lines -= await _lines(_file(path, lines))
        return parts[::-1]

    async def _live(self, execution: str, process: str, ordinal: int, shown: set[int]) -> tuple[int, str] | None:
        """Run and container of an instance, the first that is not shown yet; None where there is none."""
        installation = installation_of(self._folder)
        if installation is None:
            return None
        labels = [
            f"{INSTALLATION}={installation}",
            f"{EXECUTION}={execution}",
            f"{PROCESS}={process}",
            f"{ORDINAL}={ordinal}",
        ]
        found = []
        for container in await self._engine.containers(labels):
            key = RunKey.of(container.get("Labels") or {})
            if key is not None and key.run not in shown and container.get("State") != "created":
                found.append((key.run, str(container["Id"])))
        return min(found, default=None)


async def _lines(chunks: AsyncIterator[bytes]) -> int:
    """How many lines these are; the last may have no end."""
    count, end = 0, b"\n"
    async for chunk in chunks:
        count += chunk.count(b"\n")
        end = chunk[-1:] or end
    return count + (end != b"\n")


async def _file(path: Path, tail: int | None = None) -> AsyncIterator[bytes]:
    async for chunk in read(path, tail=tail, follow=False, ended=lambda: True):
        yield chunk
