"""Starts the demo hub twice as a person would, and tells how long it took. For scripts/fresh.sh, on a bare machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

PORT = 8765


def answers(url: str) -> bool:
    """Whether the page can be had."""
    try:
        with urllib.request.urlopen(url, timeout=5) as page:
            return bool(page.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def others() -> set[str]:
    """Command lines of all processes below this one's root folder, this one excepted."""
    found = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if os.path.samestat(os.stat(entry / "root"), os.stat("/")):
                found.add(f"{entry.name} {(entry / 'cmdline').read_bytes().replace(bytes(1), b' ').decode()}")
        except OSError:
            continue
    return found


def start() -> float:
    """Seconds from typing to the login page; the hub is ended again, and nothing of it is left."""
    before = others()
    begin = time.monotonic()
    make = subprocess.Popen(
        ["make", "hub", f"ZOE_PORT={PORT}"],
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert make.stdout is not None
    for line in make.stdout:
        print(line, end="", flush=True)
        if line.startswith("Ctrl-C"):
            break
    else:
        sys.exit(f"`make hub` ended with status {make.wait()}.")
    took = time.monotonic() - begin
    if not answers(f"http://127.0.0.1:{PORT}/hub/login"):
        sys.exit("The hub said that it is there, but its login page does not answer.")
    print(f"Ready after {took:.1f} s.", flush=True)
    os.killpg(make.pid, signal.SIGINT)
    print(make.communicate(timeout=120)[0], flush=True)
    left = others() - before
    if left:
        sys.exit("Left behind:\n" + "\n".join(sorted(left)))
    return took


if __name__ == "__main__":
    os.chdir(Path(__file__).resolve().parent.parent)
    start()
    second = start()
    if second > 10:
        sys.exit(f"The second start took {second:.1f} s, more than 10.")
    print("Both starts were good, and nothing was left behind.")
