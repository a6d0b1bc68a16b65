"""Runs what a framework wants run once on a machine, so that its clusters start fast."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from .model import references
from .model.errors import InvalidDocument
from .model.framework import Framework

POLITELY = ("nice", "-n", "19")
"""In front of a command: it takes only what nobody else wants."""


class Preparation:
    """The preparation of one framework, as a process group that `stop` ends.

    `folder` holds the framework's files, `cache` takes what is made. What was done before is
    not done again: a preparation sees to that itself.
    """

    def __init__(self, framework: Framework, folder: Path, cache: Path, *, before: Sequence[str] = ()) -> None:
        self._framework = framework
        self._folder = folder
        self._cache = cache / framework.name
        self._before = before
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False

    def run(self) -> tuple[float, str]:
        """Seconds that it took, and what went wrong, for people; mostly nothing. Blocks."""
        begin = time.monotonic()
        wrong = self._run()
        return time.monotonic() - begin, wrong

    def stop(self) -> None:
        """End it and what it started. May be called from another thread, and more than once."""
        self._stopped = True
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)

    def _run(self) -> str:
        assert self._framework.preparation is not None
        values = {"cache": str(self._cache), "python": sys.executable, "framework.folder": str(self._folder)}
        try:
            self._cache.mkdir(parents=True, exist_ok=True)
            command = [references.bind(argument, values) for argument in self._framework.preparation.command]
            self._process = subprocess.Popen(
                [*self._before, *command],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except (OSError, InvalidDocument) as error:
            return str(error)
        if self._stopped:
            self.stop()
        try:
            said, _ = self._process.communicate()
        except BaseException:
            self.stop()
            raise
        lines = said.decode(errors="replace").strip().splitlines()
        status = self._process.returncode
        return "" if status == 0 else (lines[-1] if lines else f"it ended with {status}")
