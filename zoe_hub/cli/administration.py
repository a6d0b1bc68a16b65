"""Commands for administrators, which work on files and need no service."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..catalogue import FRAMEWORK_FILE, ZAPP_FOLDER, Catalogue, shipped_folder
from ..config import cache_folder, default_home
from ..documents import MAX_SIZE, read_document
from ..model.errors import InvalidDocument, InvalidRequest, UnknownName
from ..model.framework import Framework
from ..model.quotas import Quotas
from ..model.zapp import ZApp
from ..nearby.home import is_a_hubs, own_home
from ..preparation import Preparation
from ..simulator.trace import TRACE_SCHEMA
from .output import emit, say

_SCHEMAS: dict[str, type[Framework] | type[ZApp] | type[Quotas]] = {
    "framework": Framework,
    "zapp": ZApp,
    "quotas": Quotas,
}

_KIND_OF_QUOTAS = re.compile(r"^[\s{,\"']*kind[\"']?\s*:\s*[\"']?Quotas\b", re.MULTILINE)

_TRACE = "trace"
"""Each line of such a file is a document."""


def validate(paths: Sequence[Path], as_json: bool) -> None:
    """Print the problems of files and folders; exit with 1 when there are any."""
    problems = [problem for path in paths for problem in _problems(path)]
    if as_json:
        emit([{"path": p.path, "line": p.line, "reason": p.reason} for p in problems])
    else:
        for problem in problems:
            print(problem)
        if not problems:
            print("No problems.")
    if problems:
        sys.exit(1)


def _problems(path: Path) -> Sequence[InvalidDocument]:
    """Of a folder of frameworks and ZApps, or of one file in one, checked with everything that it needs."""
    if not path.exists():
        return [InvalidDocument("there is no such file or folder", path=str(path))]
    shelved = path.name == FRAMEWORK_FILE or path.parent.name == ZAPP_FOLDER
    if path.is_file() and not shelved:
        return _problems_alone(path)
    root = path if path.is_dir() else path.parent.parent
    if path.is_dir() and ((path / FRAMEWORK_FILE).is_file() or path.name == ZAPP_FOLDER):
        root = path.parent
    shipped = [shipped_folder()] if root.resolve() != shipped_folder().resolve() else []
    return [p for p in Catalogue([*shipped, root]).problems if Path(p.path).is_relative_to(path)]


def _problems_alone(path: Path) -> Sequence[InvalidDocument]:
    kind = Quotas if _KIND_OF_QUOTAS.search(path.read_text(errors="replace")[:MAX_SIZE]) else ZApp
    try:
        read_document(path, kind)
    except InvalidDocument as error:
        return [error]
    return []


def schema(kind: str) -> None:
    """Print a JSON Schema."""
    if kind not in (*_SCHEMAS, _TRACE):
        raise UnknownName("schema", kind, (*_SCHEMAS, _TRACE))
    document: dict[str, Any] = (
        TRACE_SCHEMA.json_schema(by_alias=True) if kind == _TRACE else _SCHEMAS[kind].model_json_schema(by_alias=True)
    )
    emit({"$schema": "https://json-schema.org/draft/2020-12/schema", **document})


def prepare(folders: Sequence[Path], as_json: bool) -> None:
    """Run what the frameworks want run once. One that fails is skipped: it starts more slowly, but it starts.

    Raises InvalidRequest for a folder that is none, before anything is run.
    """
    for folder in folders:
        if not folder.is_dir():
            raise InvalidRequest(f"There is no folder {folder}.")
    catalogue = Catalogue([shipped_folder(), *folders])
    cache = cache_folder(home())
    done = []
    for name, framework in sorted(catalogue.frameworks.items()):
        if framework.preparation is None:
            continue
        seconds, wrong = Preparation(framework, catalogue.folder(name), cache).run()
        done.append({"framework": name, "seconds": round(seconds, 1), "failed": wrong})
        if wrong:
            say(f"zoe: warning: {name} is not prepared and starts more slowly: {wrong}")
        elif not as_json:
            print(f"{name} is prepared ({seconds:.0f} s).")
    if as_json:
        emit(done)


def home() -> Path:
    """`ZOE_HOME`, else the folder of this account's Hub, else the one that a Jupyter server without a Hub uses."""
    home = default_home()
    return home if os.environ.get("ZOE_HOME") or is_a_hubs(home) else own_home()
