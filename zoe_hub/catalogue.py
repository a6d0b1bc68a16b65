"""The shop's shelves: folders of framework and ZApp descriptions, read again when they change.

A folder holds ``<name>/framework.yaml`` beside whatever the framework needs, and
``zapps/*.yaml``. Of two folders with the same name in them, the later one's is taken, so that an
administrator can replace what is shipped. A file that is broken is reported with its place and
reason, and nothing else is hidden by it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from .composition import compose
from .documents import read_document
from .model.base import Document
from .model.errors import InvalidDocument, InvalidParameter, UnknownName, ZoeError
from .model.framework import Framework
from .model.zapp import ZApp

FRAMEWORK_FILE = "framework.yaml"
ZAPP_FOLDER = "zapps"

D = TypeVar("D", bound=Document)


def shipped_folder() -> Path:
    """The folder of the frameworks that come with Zoe, in a wheel and in a checkout."""
    inside = Path(__file__).parent / "frameworks"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "frameworks"


@dataclass
class _Shelves:
    frameworks: dict[str, Framework] = field(default_factory=dict)
    zapps: dict[str, ZApp] = field(default_factory=dict)
    folders: dict[str, Path] = field(default_factory=dict)
    problems: list[InvalidDocument] = field(default_factory=list)


class Catalogue:
    """What is in the folders, as of the last `refresh`."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._roots = tuple(folders)
        self._seen: tuple[tuple[str, int, int], ...] | None = None
        self._shelves = _Shelves()
        self.refresh()

    @property
    def frameworks(self) -> Mapping[str, Framework]:
        return self._shelves.frameworks

    @property
    def zapps(self) -> Mapping[str, ZApp]:
        """The ZApps that can be composed."""
        return self._shelves.zapps

    @property
    def problems(self) -> Sequence[InvalidDocument]:
        """Files that are not on the shelves, and why."""
        return self._shelves.problems

    @property
    def sources(self) -> Sequence[Path]:
        """The folders, whether they are there or not; of a name in two of them, the later one's is taken."""
        return self._roots

    @property
    def missing(self) -> Sequence[Path]:
        """Folders that are not there now."""
        return [root for root in self._roots if not root.is_dir()]

    def folder(self, framework: str) -> Path:
        """Where a framework's files are. Raises UnknownName."""
        try:
            return self._shelves.folders[framework]
        except KeyError:
            raise UnknownName("framework", framework, self._shelves.folders) from None

    def refresh(self) -> None:
        """Read again what changed on disk. Costs one look at each file's time when nothing did."""
        seen = tuple(self._stamps())
        if seen != self._seen:
            self._shelves = self._read()
            self._seen = seen

    def _files(self) -> Iterator[tuple[Path, type[Framework] | type[ZApp]]]:
        for root in self._roots:
            for path in sorted(root.glob(f"*/{FRAMEWORK_FILE}")):
                yield path, Framework
        for root in self._roots:
            for path in sorted((root / ZAPP_FOLDER).glob("*.yaml"), key=lambda path: path.stem):
                yield path, ZApp

    def _stamps(self) -> Iterator[tuple[str, int, int]]:
        for path, _ in self._files():
            try:
                stat = path.stat()
            except OSError:
                continue
            yield str(path), stat.st_mtime_ns, stat.st_size

    def _read(self) -> _Shelves:
        shelves = _Shelves()
        places: dict[tuple[type, str], Path] = {}
        for path, kind in self._files():
            try:
                document = read_document(path, kind)
                key = (kind, document.name)
                if key in places and self._root(places[key]) == self._root(path):
                    raise InvalidDocument(f"the name {document.name!r} is taken by {places[key]}", path=str(path))
                if isinstance(document, Framework):
                    _check_files(document, path)
                    shelves.frameworks[document.name] = document
                    shelves.folders[document.name] = path.parent
                else:
                    _check_composes(document, shelves.frameworks, path)
                    shelves.zapps[document.name] = document
                places[key] = path
            except InvalidDocument as error:
                shelves.problems.append(error)
                if kind is Framework:
                    # What runs goes on, and is restarted from its stored plan, while somebody mends the description.
                    shelves.folders.setdefault(path.parent.name, path.parent)
        return shelves

    def _root(self, path: Path) -> Path:
        return next(root for root in self._roots if root in path.parents)


def _check_files(framework: Framework, path: Path) -> None:
    if framework.client and not (path.parent / framework.client.module).is_file():
        raise InvalidDocument(f"client: there is no file {framework.client.module} beside it", path=str(path))


def _check_composes(zapp: ZApp, frameworks: Mapping[str, Framework], path: Path) -> None:
    try:
        compose(zapp, {}, frameworks)
    except InvalidParameter as error:
        given = next((parameter for parameter in zapp.parameters if parameter.name == error.parameter), None)
        if given is None or given.default is not None:
            raise InvalidDocument(str(error), path=str(path)) from error
    except ZoeError as error:
        raise InvalidDocument(str(error), path=str(path)) from error
