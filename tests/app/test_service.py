"""The service as a program: what an administrator sees of it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest


def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "ZOE_HOME": str(home)}
    environment.pop("JUPYTERHUB_SERVICE_URL", None)
    return subprocess.run(
        [sys.executable, "-m", "zoe_hub", *arguments], env=environment, capture_output=True, text=True, timeout=60
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to be root, to be refused as root")
def test_root_is_refused_with_a_sentence(tmp_path: Path) -> None:
    ended = run(tmp_path)
    assert ended.returncode == 1
    assert "configure(c, allow_root=True)" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_terminating_all_of_nothing_is_quick_and_quiet(tmp_path: Path) -> None:
    assert run(tmp_path, "--terminate-all").returncode == 0
    assert (tmp_path / "data" / "zoe.sqlite").exists()


def test_a_home_of_any_name(tmp_path: Path) -> None:
    home = tmp_path / "a b?c#d%20&e"
    assert run(home, "--terminate-all").returncode == 0
    assert (home / "data" / "zoe.sqlite").stat().st_size > 0
    assert [path.name for path in tmp_path.iterdir()] == [home.name]


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    key = tmp_path / "data" / "key"
    key.parent.mkdir()
    key.write_bytes(os.urandom(32))
    key.chmod(0o644)
    ended = run(tmp_path, "--allow-root")
    assert ended.returncode == 1
    assert str(key) in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_home_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    home = tmp_path / "file" / "home"
    home.parent.write_text("no folder")
    ended = run(home, "--terminate-all")
    assert ended.returncode == 1
    assert f"must be able to write everywhere below {home}" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_port_that_is_taken_is_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        ended = run(tmp_path, "--allow-root", f"--port={other.getsockname()[1]}")
    assert ended.returncode == 1
    assert "cannot listen at 127.0.0.1:" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_it_ends_with_the_program_that_started_it(tmp_path: Path) -> None:
    starter = (
        "import subprocess, sys, time\n"
        "started = subprocess.Popen([sys.executable, '-m', 'zoe_hub', '--allow-root', '--end-with-parent'],\n"
        "    stderr=open(sys.argv[1], 'w'))\n"
        "print(started.pid, flush=True)\n"
        "time.sleep(1000)\n"
    )
    log = tmp_path / "log"
    environment = {**os.environ, "ZOE_HOME": str(tmp_path)}
    environment.pop("JUPYTERHUB_SERVICE_URL", None)
    command = [sys.executable, "-c", starter, str(log)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        service = psutil.Process(int(parent.stdout.readline()))
        try:
            wait_until(lambda: "answers at" in log.read_text())
            parent.kill()
            wait_until(lambda: not service.is_running() or service.status() == psutil.STATUS_ZOMBIE)
        finally:
            if service.is_running():
                service.kill()
    assert "Traceback" not in log.read_text()


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)
