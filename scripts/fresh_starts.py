"""Starts the demo hub twice as a person would, and tells how long it took. For scripts/fresh.sh, on a bare machine.

`fresh_starts.py refused [PACKAGE …]` types the commands where something is missing that only an administrator may
install, and prints the packages that they ask for; these must be PACKAGE …, if any are named.
"""

from __future__ import annotations

import os
import re
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

PORT = 8765
URL = f"http://127.0.0.1:{PORT}"
SENTENCE = re.compile(r"Missing: [^\n]+\. Please type[^:\n]*: sudo apt-get install (.+)\n")
"""What set-up says to a user who may not install packages; nothing else is printed."""


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


def start(*then: str) -> float:
    """Seconds from typing to the login page. The command `then` is run; the hub is ended, and nothing of it is left."""
    before = others()
    environ = {**os.environ, "ZOE_DEMO_PASSWORD": secrets.token_urlsafe(9)}
    begin = time.monotonic()
    make = subprocess.Popen(
        ["make", "hub", f"ZOE_PORT={PORT}"],
        env=environ,
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
    if not answers(f"{URL}/hub/login"):
        sys.exit("The hub said that it is there, but its login page does not answer.")
    print(f"Ready after {took:.1f} s.", flush=True)
    code = subprocess.run(then, env=environ).returncode if then else 0
    os.killpg(make.pid, signal.SIGINT)
    print(make.communicate(timeout=120)[0], flush=True)
    left = others() - before
    if left:
        sys.exit("Left behind:\n" + "\n".join(sorted(left)))
    if code != 0:
        sys.exit("A person who copies the README's cells does not get through.")
    return took


def refused(packages: Sequence[str]) -> str:
    """The packages that `make hub` and `make test` ask for; exits when they do anything but ask, in one sentence."""
    asked = set()
    for target in ("hub", "test"):
        run = subprocess.run(["make", target], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        said = "".join(line for line in (run.stdout + run.stderr).splitlines(keepends=True) if "make: ***" not in line)
        found = SENTENCE.fullmatch(said)
        if run.returncode == 0 or found is None:
            sys.exit(f"`make {target}` ended with status {run.returncode} and said:\n{said}")
        asked.add(found.group(1))
    made = {path.name for path in Path(".zoe").iterdir()} - {"log", "set-up.lock"}
    changed = subprocess.run(["git", "status", "--porcelain"], capture_output=True, text=True, check=True).stdout
    if made or changed:
        sys.exit(f"Something is half done: {sorted(made)} {changed}")
    if len(asked) != 1 or (packages and asked != {" ".join(packages)}):
        sys.exit(f"Asked for {asked}, and missing is: {' '.join(packages) or 'the same each time'}.")
    return asked.pop()


if __name__ == "__main__":
    os.chdir(Path(__file__).resolve().parent.parent)
    if sys.argv[1:2] == ["refused"]:
        print(refused(sys.argv[2:]))
        sys.exit()
    start()
    example = ("python3", "-m", "scripts.within", "python", "-m", "tests.road.example", URL)
    second = start(*example)
    if second > 10:
        sys.exit(f"The second start took {second:.1f} s, more than 10.")
    print("Both starts were good, the README's cells ran, and nothing was left behind.")
