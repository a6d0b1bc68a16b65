"""Runs first in a container of a swarm: unpacks what the instance is given, starts its program, and passes signals on.

A swarm brings a container its secrets and nothing else, and reaches it by no signal but the one that stops it. So all
that an instance needs comes as one secret, an archive that Python executes, of which this is the main module; and
whoever knows the token in it may send the program a signal, and read a file of its own folder.

Standard library only, of any Python since 3.8: this runs in the images of users.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import signal
import socketserver
import subprocess
import sys
import threading
import zipfile
from pathlib import Path
from typing import Any

NOT_FOUND, NOT_EXECUTABLE = 127, 126
OUT_OF_MEMORY = 250
"""Exit status of a program that was killed because it wanted more memory than it may have."""
_PASSED_ON = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGTERM", "SIGCONT", "SIGPWR", "SIGWINCH")
_COUNTERS = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")
_SLOW = 10.0
"""Seconds for one question."""
_LONGEST = 4096
"""Bytes of a question, and of a file that is asked for."""


def main(bundle: str) -> int:
    """Run the program to its end; the exit status that the container should have."""
    with zipfile.ZipFile(bundle) as archive:
        what = json.loads(archive.read("launch.json"))
        unpack(archive, Path(what["folder"]))
    environment = {**os.environ, **what["environment"]}
    try:
        program = subprocess.Popen(what["command"], cwd=f"{what['folder']}/work", env=environment)
    except PermissionError as error:
        print(f"{what['command'][0]} may not be executed: {error.strerror}", file=sys.stderr)
        return NOT_EXECUTABLE
    except OSError as error:
        print(f"{what['command'][0]} was not found: {error.strerror}", file=sys.stderr)
        return NOT_FOUND
    for name in _PASSED_ON:
        with contextlib.suppress(OSError, ValueError, AttributeError):
            signal.signal(getattr(signal, name), lambda number, _: send(program, number))
    listen(program, what)
    status = program.wait()
    if status == -signal.SIGKILL and killed_for_memory():
        return OUT_OF_MEMORY
    return 128 - status if status < 0 else status


def unpack(archive: zipfile.ZipFile, folder: Path) -> None:
    """Files and folders for this user only."""
    os.umask(0o077)
    for name in ("work", "work/tmp", "framework"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name in archive.namelist():
        if name.startswith(("work/", "framework/")):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(archive.read(name))
            path.chmod(0o600)


def send(program: subprocess.Popen[bytes], number: int) -> None:
    """Does nothing where it has ended."""
    with contextlib.suppress(ProcessLookupError):
        program.send_signal(number)


def listen(program: subprocess.Popen[bytes], what: dict[str, Any]) -> None:
    """Answer whoever knows the token, in a thread of its own."""

    class Asked(socketserver.StreamRequestHandler):
        timeout = _SLOW

        def handle(self) -> None:
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                question = json.loads(self.rfile.readline(_LONGEST))
                if hmac.compare_digest(str(question["token"]).encode(), what["token"].encode()):
                    self.wfile.write(answer(Path(what["folder"]) / "work", question))
                    if "signal" in question:
                        # With the program the whole container may end: whoever asks has the answer by then.
                        with contextlib.suppress(OSError):
                            self.rfile.read(1)
                        send(program, getattr(signal, question["signal"]))

    class Door(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

    try:
        door = Door(("", what["port"]), Asked)
    except OSError as error:
        print(f"[Zoe: this instance cannot be asked to drain: {error}]", file=sys.stderr)
        return
    threading.Thread(target=door.serve_forever, daemon=True).start()


def answer(folder: Path, question: dict[str, Any]) -> bytes:
    """What is said to a signal, or the beginning of a file. Raises OSError, KeyError."""
    if "signal" in question:
        return b"sent\n" if hasattr(signal, question["signal"]) else b""
    # The file is the program's: it may be a pipe that nobody ever writes to.
    descriptor = os.open(folder / Path(question["note"]).name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        return os.read(descriptor, _LONGEST)
    finally:
        os.close(descriptor)


def killed_for_memory() -> bool:
    """Whether the kernel has killed something of this container because of its limit."""
    for path in _COUNTERS:
        with contextlib.suppress(OSError, ValueError):
            for line in Path(path).read_text().splitlines():
                name, _, count = line.partition(" ")
                if name == "oom_kill" and int(count):
                    return True
    return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[0]))
