"""Reads every import of the tree and fails on an arrow that the architecture does not have, or does not use."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

MAY_IMPORT: dict[str, set[str]] = {
    "zoe_hub.model": set(),
    "zoe_hub.composition": {"model"},
    "zoe_hub.scheduler": {"model"},
    "zoe_hub.simulator": {"model", "scheduler"},
    "zoe_hub.traces": {"model", "scheduler", "simulator", "store"},
    "zoe_hub.documents": {"model"},
    "zoe_hub.secrets": {"model"},
    "zoe_hub.logs": set(),
    "zoe_hub.metrics": {"model", ""},
    "zoe_hub.store": {"model", "scheduler", "logs"},
    "zoe_hub.backends": {"model", "scheduler", "logs", "metrics"},
    "zoe_hub.client": {"model"},
    "zoe_hub.catalogue": {"model", "composition", "documents"},
    "zoe_hub.config": {"model", "scheduler"},
    "zoe_hub.controller": {"model", "scheduler", "store", "backends", "secrets", "logs", "metrics"},
    "zoe_hub.relaying": set(),
    "zoe_hub.listening": set(),
    "zoe_hub.web": {
        "model",
        "composition",
        "scheduler",
        "store",
        "logs",
        "metrics",
        "relaying",
        "translations",
        "documents",
        "",
    },
    "zoe_hub.spawner": {"model", "client", "translations"},
    "zoe_hub.translations": set(),
    "zoe_hub.cli": {
        "model",
        "scheduler",
        "client",
        "catalogue",
        "documents",
        "config",
        "nearby",
        "preparation",
        "simulator",
        "traces",
        "store",
        "engines",
        "",
    },
    "zoe_hub.hub": {"config", "web", "hub_navigation", "hub_servers"},
    "zoe_hub.hub_navigation": set(),
    "zoe_hub.hub_servers": {"model"},
    "zoe_hub.engines": {"model", "config", "catalogue", "backends"},
    "zoe_hub.parent": set(),
    "zoe_hub.garbage": set(),
    "zoe_hub.quota_file": {"model", "documents"},
    "zoe_hub.app": {
        "parent",
        "listening",
        "garbage",
        "model",
        "quota_file",
        "catalogue",
        "composition",
        "config",
        "controller",
        "backends",
        "engines",
        "secrets",
        "store",
        "web",
        "hub_servers",
        "logs",
        "metrics",
        "",
    },
    "zoe_hub.preparation": {"model"},
    "zoe_hub.nearby": {"model", "config", ""},
    "zoe_hub.embedded": {
        "app",
        "backends",
        "catalogue",
        "controller",
        "preparation",
        "model",
        "nearby",
        "secrets",
        "store",
        "web",
        "",
    },
    "zoe_hub.__main__": {"app"},
    "zoe_hub.__init__": set(),
}
"""Our own packages that each may import; the empty name is ``zoe_hub`` itself (its version)."""

PURE = ("zoe_hub/composition", "zoe_hub/scheduler")
IMPURE = {
    "asyncio",
    "datetime",
    "time",
    "os",
    "socket",
    "subprocess",
    "random",
    "threading",
    "httpx",
    "tornado",
    "sqlalchemy",
}


def modules() -> list[Path]:
    return sorted(path for path in (ROOT / "zoe_hub").rglob("*.py") if "migrations" not in path.parts)


def part_of(path: Path) -> str:
    inside = path.relative_to(ROOT / "zoe_hub").with_suffix("").parts
    return f"zoe_hub.{inside[0]}"


def imported(path: Path) -> Iterator[str]:
    """Absolute names of everything a file imports, wherever in the file."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            stem = ".".join([*base, *(node.module or "").split(".")]).strip(".")
            yield from (f"{stem}.{alias.name}" for alias in node.names)


def targets(path: Path) -> set[str]:
    """Our own packages that a file imports, as they are called in MAY_IMPORT's values; its own excepted."""
    known = {key.removeprefix("zoe_hub.") for key in MAY_IMPORT}
    named = [name.split(".")[1] if "." in name else "" for name in imported(path) if name.startswith("zoe_hub")]
    return {target if target in known else "" for target in named} - {part_of(path).removeprefix("zoe_hub.")}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_arrows(path: Path) -> None:
    part = part_of(path)
    assert part in MAY_IMPORT, f"{part} is new: say in MAY_IMPORT what it may import"
    assert not [name for name in imported(path) if name.startswith(("zoe_server_ext", "zoe_widgets"))]
    assert targets(path) <= MAY_IMPORT[part]


def test_no_arrow_is_allowed_that_nobody_needs() -> None:
    used: dict[str, set[str]] = {part: set() for part in MAY_IMPORT}
    for path in modules():
        used[part_of(path)] |= targets(path)
    assert used == MAY_IMPORT


def test_the_explanation_has_the_same_arrows() -> None:
    document = (ROOT / "docs/explanation/architecture.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| (nothing|[`\w, ]+) \|$", document, re.MULTILINE)
    told = {f"zoe_hub.{part}": set(re.findall(r"`(\w+)`", allowed)) for part, allowed in rows}
    names = {part: {name or "version" for name in allowed} for part, allowed in MAY_IMPORT.items()}
    assert told == {part: allowed for part, allowed in names.items() if not part.endswith("__")}


USERS_SIDE_MAY_IMPORT = {"client", "model", "nearby", "relaying", "__version__"}


@pytest.mark.parametrize("package", ["zoe_server_ext", "zoe_widgets"])
def test_the_users_side_speaks_through_the_client(package: str) -> None:
    for path in (ROOT / package).rglob("*.py"):
        for name in imported(path):
            if name.startswith("zoe_hub."):
                assert name.split(".")[1] in USERS_SIDE_MAY_IMPORT, f"{path} imports {name}"


@pytest.mark.parametrize("path", [p for p in modules() if str(p.relative_to(ROOT)).startswith(PURE)], ids=str)
def test_the_pure_packages_do_no_io(path: Path) -> None:
    assert not {name.split(".")[0] for name in imported(path)} & IMPURE


def test_no_framework_is_named_outside_its_folder() -> None:
    """What is particular to Spark or Dask is in their folders: the core does not even know their modules."""
    for package in ("zoe_hub", "zoe_server_ext", "zoe_widgets"):
        for path in (ROOT / package).rglob("*.py"):
            for name in imported(path):
                assert name.split(".")[0] not in {"pyspark", "dask", "distributed"}, f"{path} imports {name}"
