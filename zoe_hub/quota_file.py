"""The administrator's file of quotas, read again when it changes."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from .documents import read_document
from .model.errors import InvalidDocument
from .model.quotas import Quotas

log = logging.getLogger(__name__)


class QuotaFile:
    """What the file says. Without a file, nothing. May be used from several threads.

    Raises InvalidDocument, with line and reason, when the file is broken at first: a service must not begin without
    the limits that it should keep. One that breaks, or goes away, later is reported, and what it said before holds.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._quotas = Quotas.none()
        self._problem: InvalidDocument | None = None
        self._seen: tuple[int, int, int] | None = None
        self._lock = threading.Lock()
        if path is not None:
            self._seen = _stamp(path)
            self._quotas = read_document(path, Quotas)

    def quotas(self) -> Quotas:
        """What it says now, or said when it could be read. Costs one look at the file's time when nothing changed."""
        if self.path is None:
            return self._quotas
        with self._lock:
            seen = _stamp(self.path)
            if seen != self._seen:
                # Not what is there now, but what was there before reading: a change in between is seen next time.
                self._seen = seen
                self._read(self.path)
            return self._quotas

    @property
    def problem(self) -> InvalidDocument | None:
        """Why the file as it is now does not count; none when it does."""
        self.quotas()
        return self._problem

    def _read(self, path: Path) -> None:
        try:
            self._quotas = read_document(path, Quotas)
        except InvalidDocument as error:
            self._problem = error
            log.error("The quotas are as they were, because their file cannot be used: %s", error)
        else:
            if self._problem is not None:
                log.info("The file of quotas can be used again")
            self._problem = None


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
