"""Starts the demo hub, says where it is, and ends all of it: `python -m scripts.hub`, as `scripts.start` does.

The hub runs as a child in a session of its own, so that Ctrl-C reaches only this process, which ends things in
order: clusters, user servers, services, proxy.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from types import FrameType
from typing import IO
from urllib.parse import urlsplit

from . import processes
from .errors import SetUpError
from .folders import CHECKOUT, Folders

HOST = "127.0.0.1"
PORT = "8000"
START = 90.0
"""Seconds until the start is given up."""
STOP = 30.0
"""Seconds that the hub has to end its servers and services."""


PROXY_NOISE = re.compile(r"\[ConfigProxy\]|^\s+at |^\s+(errno|code|syscall|address|port): |^}$")
"""What the proxy writes about a Hub that does not answer: never the reason for which it does not."""


class Interrupted(BaseException):
    """Raised in the main thread by SIGINT, SIGTERM and SIGHUP."""


def check_port(text: str) -> int:
    """The port to listen on. Raises SetUpError when it is none, or taken."""
    try:
        port = int(text)
    except ValueError:
        port = 0
    if not 0 < port < 65536:
        raise SetUpError(f"ZOE_PORT must be a number from 1 to 65535, and is {text!r}.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno == errno.EACCES:
                raise SetUpError(f"Port {port} is reserved for root. Name another: make hub ZOE_PORT=8000") from None
            raise SetUpError(
                f"Port {port} of {HOST} is taken by another program. "
                f"Name a free one: make hub ZOE_PORT={other_port(port)}"
            ) from None
    return port


def other_port(taken: int) -> int:
    """A free port: near the one that is taken, or any when that is 0."""
    near = range(taken + 1, min(taken + 100, 65536)) if taken else ()
    for port in [*near, 0]:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind((HOST, port))
                return int(probe.getsockname()[1])
    raise SetUpError(f"There is no free port on {HOST}.")


class Demo:
    """One run of the demo hub."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.folders = Folders.of(environ)
        self.environ = dict(environ)
        self.password = environ.get("ZOE_DEMO_PASSWORD") or secrets.token_urlsafe(9)
        self.log = self.folders.log / "hub.log"
        self.port = 0
        self._hub_port = 0
        self._hub: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def run(self) -> int:
        """Start, and return when it has ended. Raises SetUpError when it does not start."""
        self.port = check_port(self.environ.get("ZOE_PORT") or PORT)
        self._hub_port = other_port(0)
        for folder in (self.folders.data, self.folders.data / "home", self.folders.log):
            self.folders.make(folder, 0o700)
        with (self.folders.data / "demo.lock").open("a+") as lock:
            self._lock(lock)
            processes.adopt_orphans()
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, _interrupt)
            try:
                self._start()
                self._wait_until_up()
                self._announce()
                self._watch()
            except Interrupted:
                # Some press Ctrl-C twice.
                with suppress(Interrupted):
                    say("\nEnding the demo ...")
            finally:
                self._stop()
        say("Everything has ended.")
        return 0

    def _lock(self, lock: IO[str]) -> None:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise SetUpError(
                f"A demo hub already runs on {self.folders.home}: {lock.read().strip()}. Use it, or name another "
                "folder: make hub ZOE_HOME=FOLDER"
            ) from None
        lock.truncate(0)
        lock.write(f"{self.url} (process {os.getpid()})")
        lock.flush()

    def _start(self) -> None:
        env = dict(self.environ)
        env["ZOE_PORT"] = str(self.port)
        env["ZOE_HUB_PORT"] = str(self._hub_port)
        env["ZOE_DEMO_PASSWORD"] = self.password
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".log.1"))
        say("Starting the hub ...")
        with os.fdopen(os.open(self.log, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_APPEND, 0o600), "wb") as output:
            self._hub = subprocess.Popen(
                [sys.executable, "-m", "jupyterhub", "-f", str(CHECKOUT / "deploy" / "demo" / "jupyterhub_config.py")],
                cwd=self.folders.data,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=processes.end_with_parent,
            )

    def _wait_until_up(self) -> None:
        deadline = time.monotonic() + START
        # The proxy is up before the Hub, and would write an error for each time it is asked for a page.
        asked = (
            (f"http://{HOST}:{self._hub_port}/hub/login", listens),
            (f"{self.url}/hub/login", answers),
            (f"{self.url}/services/zoe/api/v1/", answers),
        )
        for url, there in asked:
            while not there(url):
                if self._hub is None or self._hub.poll() is not None:
                    raise SetUpError(self._failure("The hub ended while it was starting."))
                if time.monotonic() > deadline:
                    raise SetUpError(self._failure(f"{url} does not answer after {START:.0f} s."))
                time.sleep(0.2)

    def _failure(self, sentence: str) -> str:
        said = self.log.read_text(errors="replace").strip().splitlines()
        last = [line for line in said if not PROXY_NOISE.search(line)][-15:]
        return "\n".join([*last, f"{sentence} All that it said is in {self.log}."])

    def _announce(self) -> None:
        say(
            f"\n  Zoe is at   {self.url}\n"
            "  user        any name: a letter, then letters, digits and hyphens; admin is the administrator\n"
            f"  password    {self.password}\n"
            f"  log         {self.log}\n\n"
            "Ctrl-C ends the hub and everything that was started in it."
        )

    def _watch(self) -> None:
        assert self._hub is not None
        while self._hub.poll() is None:
            processes.reap(keep=[self._hub.pid])
            time.sleep(0.5)
        raise SetUpError(self._failure(f"The hub ended by itself, with status {self._hub.returncode}."))

    def _stop(self) -> None:
        """End everything, in order. Another signal shortens the waiting."""
        try:
            if self._hub is not None and self._hub.poll() is None:
                self._hub.terminate()
                self._hub.wait(STOP)
            # Clusters outlive the service: it must be gone, or it would start them again.
            command = [sys.executable, "-m", "zoe_hub", "--terminate-all"]
            with self.log.open("ab") as output:
                subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, timeout=STOP)
        except (Interrupted, subprocess.TimeoutExpired):
            _ignore_signals()
            say("Ending what is left at once ...")
        _ignore_signals()
        processes.end_descendants()


def say(text: str) -> None:
    """Tell the user at once. A terminal that was closed must not keep the rest from ending."""
    with suppress(OSError):
        print(text, flush=True)


def listens(url: str) -> bool:
    """Whether somebody accepts connections at this address."""
    where = urlsplit(url)
    with socket.socket() as probe:
        return probe.connect_ex((where.hostname, where.port)) == 0


def answers(url: str) -> bool:
    """Whether a GET of this address succeeds."""
    try:
        with _opener.open(url, timeout=5) as response:
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError):
        return False


_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""This machine's own addresses are not asked for through a web proxy."""


def _ignore_signals() -> None:
    """Somebody who holds Ctrl-C down must not keep the last from ending."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise Interrupted


def main() -> int:
    """Exit status: 0 after Ctrl-C, 1 when it could not start or ended by itself."""
    try:
        return Demo(os.environ).run()
    except SetUpError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
