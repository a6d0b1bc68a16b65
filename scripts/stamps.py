"""Stamps: a stage whose inputs are those of its last success is not run again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path


def digest(*parts: object, files: Iterable[Path] = ()) -> str:
    """A key that changes when a part, or the name or content of a file, does."""
    key = hashlib.sha256()
    for part in parts:
        key.update(f"{part}\0".encode())
    for path in sorted(files):
        key.update(f"{path}\0".encode())
        key.update(hashlib.sha256(path.read_bytes()).digest())
    return key.hexdigest()


class Stamp:
    """Remembers the key with which a stage was last done."""

    def __init__(self, folder: Path, stage: str) -> None:
        self._path = folder / stage

    def holds(self, key: str) -> bool:
        try:
            return self._path.read_text() == key
        except FileNotFoundError:
            return False

    def clear(self) -> None:
        self._path.unlink(missing_ok=True)

    def set(self, key: str) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(key)
