"""``zoe trace export``: from the service's database to a file without names."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from rich.console import Console

from ..catalogue import Catalogue, shipped_folder
from ..config import ZoeConfig, mistakes_told, read_file
from ..engines import make_backend
from ..model.errors import InvalidRequest
from ..simulator.nodes import read_nodes
from ..store.sql import SQLStore
from ..traces.export import Exported, export
from .administration import home
from .output import say


def export_trace(
    config: Path | None, output: Path | None, nodes: str | None, since: datetime | None, until: datetime | None
) -> Exported:
    """Write a trace to a file, or to stdout; what was left out, to stderr."""
    settings = _settings(config)
    exported = asyncio.run(_export(settings, output, nodes, since, until))
    _tell(exported)
    return exported


def _settings(config: Path | None) -> ZoeConfig:
    path = config or (Path(os.environ["ZOE_CONFIG_FILE"]) if os.environ.get("ZOE_CONFIG_FILE") else None)
    with mistakes_told():
        settings = ZoeConfig(config=read_file(path.absolute())) if path else ZoeConfig()
        if not settings.trait_has_value("home"):
            settings.home = str(home())
        return settings


async def _export(
    settings: ZoeConfig, output: Path | None, nodes: str | None, since: datetime | None, until: datetime | None
) -> Exported:
    store = SQLStore(settings.database_address, upgrades=False)
    await store.open()
    try:
        catalogue = Catalogue([shipped_folder(), *map(Path, settings.folders)])
        engine = make_backend(settings, catalogue)
        try:
            present = await engine.nodes()
        finally:
            await engine.close()
        machines = read_nodes(nodes, present) if nodes else present
        with _writing(output) as write:
            return await export(store, machines, write, since=since, until=until, progress=_progress())
    finally:
        await store.close()


@contextmanager
def _writing(output: Path | None) -> Iterator[Callable[[str], object]]:
    """The whole file, or none."""
    if output is None:
        yield sys.stdout.write
        return
    part = output.with_name(f"{output.name}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            yield file.write
        part.replace(output)
    except OSError as error:
        raise InvalidRequest(f"{output} cannot be written: {error.strerror}.") from error
    finally:
        part.unlink(missing_ok=True)


def _progress() -> Callable[[int], None]:
    console = Console(stderr=True)
    if not console.is_terminal:
        return lambda executions: None
    return lambda executions: console.print(f"{executions} executions", end="\r")


def _tell(exported: Exported) -> None:
    sentences = [f"{exported.executions} executions are in the trace."]
    if exported.never_ran:
        sentences.append(f"{exported.never_ran} are left out, because they have not run.")
    if exported.going_on:
        sentences.append(f"{exported.going_on} have not ended; they are in it as if they ended now.")
    if exported.unknown:
        sentences.append(
            f"Of {exported.unknown} nothing is stored about what was granted; they are in it as if all was granted "
            "that they asked for."
        )
    if exported.unreadable:
        sentences.append(f"{exported.unreadable} are left out, because another version of Zoe wrote their plans.")
    say(f"zoe: {' '.join(sentences)}")
