"""Starting and ending what is measured."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

import psutil
from typing_extensions import Self

HOST = "127.0.0.1"


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def answers(port: int) -> bool:
    """Whether somebody accepts connections on this port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


class Processes:
    """Programs in process groups of their own; all are gone at the end of the `with` block, children included.

    Without `inherit`, they have no variables but those that `start` is given.
    """

    def __init__(self, log: Path, *, inherit: bool = True) -> None:
        self.log = log
        self._inherited = dict(os.environ) if inherit else {}
        self._started: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def start(
        self, command: Sequence[str], environment: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as output:
            process = subprocess.Popen(
                command,
                env={**self._inherited, **(environment or {})},
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._started.append(process)
        return process

    def end(self, grace: float = 10) -> None:
        """SIGTERM to every program, then SIGKILL to what is left of its tree."""
        trees = [tree for process in self._started for tree in _tree(process.pid)]
        for process in self._started:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        _, alive = psutil.wait_procs(trees, timeout=grace)
        for left in alive:
            left.kill()
        psutil.wait_procs(alive, timeout=grace)
        for process in self._started:
            process.wait()
        self._started.clear()


def _tree(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
