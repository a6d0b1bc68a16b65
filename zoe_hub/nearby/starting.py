"""Finds the service, or starts it: as a process of its own, which outlives whoever wanted it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import __version__
from ..model.errors import ServiceUnavailable
from . import home as homes
from . import runtime
from .runtime import Runtime

LOG = "service.log"
_PATIENCE = 60.0
"""Seconds that a service may take to answer. On a busy machine with a cold disk it imports for a while."""
_PAUSE = 0.05
_LARGEST_LOG = 8 * 2**20
_SAID = 4000
_DROPPED = ("ZOE_", "JUPYTERHUB_", "JUPYTER_TOKEN", "JPY_")
"""Of the environment: what speaks of another service, and tokens."""


def ensure(home: Path, begin: Mapping[str, Any]) -> Runtime:
    """The service of this folder, started if none runs; it answers when this returns.

    `begin` is what one that is started here is told: its public path as `prefix`, its traits as `settings`, for how
    many seconds to `linger` when nobody needs it, and whether to `prepare` frameworks in the background.
    Raises ServiceUnavailable with what the service said when it cannot be started.
    """
    deadline = time.monotonic() + _PATIENCE
    started: subprocess.Popen[bytes] | None = None
    logged = 0
    replaced: set[int] = set()
    while True:
        found = runtime.running(home)
        pid = found and _listener(found)
        if found is not None and pid:
            if _numbers(found.version) >= _numbers(__version__):
                return found
            if pid not in replaced:
                # Zoe has been upgraded since; clusters stay, and the new one finds them.
                os.kill(pid, signal.SIGTERM)
                replaced.add(pid)
        if started is None and not runtime.is_running(home):
            started, logged = _start(home, begin)
        if started is not None and started.poll() not in (None, 0):
            raise ServiceUnavailable(_last_words(home, logged))
        if started is not None and started.poll() == 0 and not runtime.is_running(home):
            started = None  # another one was there first, and has gone since
        if time.monotonic() > deadline:
            raise ServiceUnavailable(
                f"Zoe's service did not answer within {_PATIENCE:.0f} seconds; what it says is in {home / 'log' / LOG}."
            )
        time.sleep(_PAUSE)


def _listener(found: Runtime) -> int | None:
    """The process that answers at the service's socket, if one does."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(found.socket)
        except OSError:
            return None
        pid: int = struct.unpack("3i", probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
        return pid


def _numbers(version: str) -> tuple[int, ...]:
    """Of a version, as they are compared."""
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def _start(home: Path, begin: Mapping[str, Any]) -> tuple[subprocess.Popen[bytes], int]:
    """The process, and where in the log it begins."""
    if homes.is_a_hubs(home):
        raise ServiceUnavailable(
            f"{home} belongs to the Zoe of a JupyterHub. Set ZOE_HOME to another folder before you start Jupyter."
        )
    try:
        folder = home / "log"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        home.chmod(0o700)
        path = folder / LOG
        if path.exists() and path.stat().st_size > _LARGEST_LOG:
            path.replace(folder / f"{LOG}.1")
        log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        raise ServiceUnavailable(
            f"Zoe cannot use its folder {home}: {error.strerror}. Set ZOE_HOME to a folder that you may write to."
        ) from error
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_DROPPED)}
    try:
        logged = os.fstat(log).st_size
        process = subprocess.Popen(
            [sys.executable, "-m", "zoe_hub.embedded"],
            cwd=home,
            env={**environment, "ZOE_HOME": str(home)},
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    finally:
        os.close(log)
    assert process.stdin is not None
    try:
        # Settings may hold a password, of a database for instance: not on a command line, and in no file.
        process.stdin.write(json.dumps(dict(begin)).encode())
        process.stdin.close()
    except BrokenPipeError:
        process.wait()
    return process, logged


def _last_words(home: Path, logged: int) -> str:
    path = home / "log" / LOG
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(logged, size - _SAID))
        lines = file.read().decode(errors="replace").strip().splitlines()
    said = lines[-1].removeprefix("zoe: ") if lines else "it said nothing"
    return f"Zoe's service could not be started: {said} (Its log: {path})"
