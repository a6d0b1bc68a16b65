"""The program that runs first in a container, as a program of this machine."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from zoe_hub.backends.swarm import control, starter

WAITS = """
import signal, sys, time
def hand_over(*_):
    print("handed over", flush=True)
    sys.exit(3)
signal.signal(signal.SIGUSR1, hand_over)
open("note", "w").write("two blocks left")
print("ready", open("conf").read(), flush=True)
while True:
    time.sleep(100)
"""


class Start:
    """One container's worth."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.process: subprocess.Popen[str] | None = None

    def __call__(self, *command: str) -> subprocess.Popen[str]:
        bundle = self.folder / "bundle"
        what: dict[str, Any] = {
            "command": command,
            "environment": {"HOME": str(self.folder)},
            "folder": str(self.folder / "zoe"),
            "port": self.port,
            "token": "knock",
        }
        with zipfile.ZipFile(bundle, "w") as archive:
            archive.writestr("__main__.py", Path(starter.__file__).read_bytes())
            archive.writestr("launch.json", json.dumps(what))
            archive.writestr("work/conf", "n=1")
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(bundle)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        return self.process


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    monkeypatch.setattr(control, "PORT", port)
    start = Start(tmp_path, port)
    yield start
    if start.process is not None:
        # Killed, it would leave its program; in a container that ends, too.
        start.process.terminate()
        start.process.communicate(timeout=60)


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def test_files_are_private_and_where_the_program_starts(start: Start) -> None:
    process = start(sys.executable, "-c", WAITS)
    assert first_line(process) == "ready n=1\n"
    assert oct((start.folder / "zoe/work/conf").stat().st_mode)[-3:] == "600"
    assert oct((start.folder / "zoe/work").stat().st_mode)[-3:] == "700"


def test_who_knows_the_token_may_send_signals_and_read_the_note(start: Start) -> None:
    process = start(sys.executable, "-c", WAITS)
    first_line(process)
    assert asyncio.run(control.read_note("127.0.0.1", "knock", "note")) == b"two blocks left"
    (start.folder / "beside").write_text("of somebody else")
    assert asyncio.run(control.read_note("127.0.0.1", "knock", "../../beside")) == b""
    assert not asyncio.run(control.send_signal("127.0.0.1", "guess", "SIGUSR1"))
    assert asyncio.run(control.read_note("127.0.0.1", "guess", "note")) == b""
    assert process.poll() is None
    assert asyncio.run(control.send_signal("127.0.0.1", "knock", "SIGUSR1"))
    output, _ = process.communicate(timeout=60)
    assert output == "handed over\n"
    assert process.returncode == 3


def test_signals_are_passed_on(start: Start) -> None:
    process = start(sys.executable, "-c", WAITS)
    first_line(process)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM


def test_a_program_that_is_not_there_is_told_apart_from_one_that_may_not_run(start: Start) -> None:
    process = start("no-such-program")
    assert "no-such-program was not found" in process.communicate(timeout=60)[0]
    assert process.returncode == starter.NOT_FOUND
    (start.folder / "data").touch(mode=0o600)
    process = start(str(start.folder / "data"))
    process.communicate(timeout=60)
    assert process.returncode == starter.NOT_EXECUTABLE
