"""The service as a program: what an administrator sees of it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

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
